#!/usr/bin/env bash
# A real Slurm on this machine (Debian: apt-get install slurm-wlm munge), one node: stages 1 to 5 and a short 7 of the toy recipe
# go through slurm.pl and through run.pl, and must give the same tables, clips and weights; a failing job must fail its stage.
#   tools/slurm_check.sh ["1 5"] ...   pairs of first and last stage, "1 5" "6 6" "7 7" by default; the teacher of stage 6 is run.pl's for both
# Says that it skipped where Slurm is not installed or the script is not run by root, who alone may start its daemons.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
for program in slurmctld slurmd munged sbatch runuser; do
    if ! command -v "${program}" > /dev/null; then
        echo "slurm: SKIPPED, ${program} is not installed (Debian: apt-get install slurm-wlm munge)"
        exit 0
    fi
done
if [ "$(id -u)" -ne 0 ]; then
    echo "slurm: SKIPPED, only root can start slurmctld and slurmd"
    exit 0
fi
[ $# -gt 0 ] || set -- "1 5" "6 6" "7 7"
root=${PWD}
work=$(mktemp -d)
chmod 755 "${work}"
pids=()
finish() { # ends what this check started, and nothing else
    if [ -e "${work}/state/job_state" ]; then scancel --quiet --user root 2> /dev/null || true; fi
    for pid in "${pids[@]}"; do kill "${pid}" 2> /dev/null || true; done
    wait 2> /dev/null || true
    rm -rf "${work}"
}
trap finish EXIT

host=$(hostname -s)
# Keys and ports of this run alone: daemons that an earlier one left behind cannot be met.
read -r controller_port node_port <<< "$("${root}/.venv/bin/python3" -c '
import socket
free = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(s.getsockname()[1] for s in free))')"
mkdir -p "${work}/munge" "${work}/state" "${work}/spool"
dd if=/dev/urandom of="${work}/munge/key" bs=128 count=1 2> /dev/null
chmod 400 "${work}/munge/key"
chown -R munge "${work}/munge"
runuser -u munge -- munged --foreground --key-file "${work}/munge/key" --socket "${work}/munge/socket" \
    --pid-file "${work}/munge/pid" --log-file "${work}/munge/log" --seed-file "${work}/munge/seed" > "${work}/munged.log" 2>&1 &
pids+=($!)
for _ in $(seq 60); do if [ -S "${work}/munge/socket" ]; then break; fi; sleep 0.5; done
[ -S "${work}/munge/socket" ] || { tail -n 20 "${work}/munged.log" >&2; echo "slurm: munged did not come up" >&2; exit 1; }
cat > "${work}/slurm.conf" <<CONF
ClusterName=check
SlurmctldHost=${host}(127.0.0.1)
SlurmctldPort=${controller_port}
SlurmdPort=${node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=${work}/munge/socket
CryptoType=crypto/munge
StateSaveLocation=${work}/state
SlurmdSpoolDir=${work}/spool
SlurmctldPidFile=${work}/slurmctld.pid
SlurmdPidFile=${work}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
NodeName=${host} NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=check Nodes=${host} Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF=${work}/slurm.conf
slurmctld -D -f "${SLURM_CONF}" > "${work}/slurmctld.log" 2>&1 &
pids+=($!)
slurmd -D -N "${host}" -f "${SLURM_CONF}" > "${work}/slurmd.log" 2>&1 &
pids+=($!)
for _ in $(seq 60); do
    if sinfo --noheader --format %t 2> /dev/null | grep -q '^\(idle\|mix\|alloc\)'; then break; fi
    sleep 1
done
if ! sinfo --noheader --format %t 2> /dev/null | grep -q '^\(idle\|mix\|alloc\)'; then
    for name in munged slurmctld slurmd; do tail -n 20 "${work}/${name}.log" >&2; done
    echo "slurm: the node did not come up" >&2
    exit 1
fi

export NIX_PYTHON=${NIX_PYTHON:-${root}/.venv/bin/python3}
common=(--train_threads 1 --nj 2 --local_data_opts "--num_clips 16 --dev_share 0.15 --eval1_share 0.15" --max_dropped 1)
common+=(--train_args "--max_epoch 1 --num_iters_per_epoch 1 --batch_size 2 --num_att_plot 0")
recipe_of() { echo "${work}/$1/egs2/toy_kss/nix_tts1"; }
digest() { # digest NAME: what both must have made
    cd "$(recipe_of "$1")"
    find data dump exp -type f \( -name wav.scp -o -name text -o -name tokens.txt -o -name speech_shape -o -name '*.wav' -o -name '*epoch.pth' \) \
        ! -path '*/log*' -exec sha256sum {} + | sort -k 2
}
for name in run.pl slurm.pl; do
    mkdir -p "${work}/${name}"
    tar -cf - --exclude=data --exclude=dump --exclude=exp --exclude=downloads egs2 | tar -C "${work}/${name}" -xf -
done
for stages in "$@"; do
    read -r first last <<< "${stages}"
    for name in run.pl slurm.pl; do
        backend=local
        if [ "${name}" = slurm.pl ]; then backend=slurm; fi
        if [ "${backend}" = slurm ] && [ "${first}" -eq 6 ]; then
            cp -a "$(recipe_of run.pl)/exp/." "$(recipe_of slurm.pl)/exp"
            continue
        fi
        (
            cd "$(recipe_of "${name}")"
            if ! cmd_backend=${backend} ./run.sh "${common[@]}" --stage "${first}" --stop_stage "${last}" > log 2>&1; then
                tail -n 30 log >&2
                echo "slurm: stages ${first} to ${last} failed with ${backend}" >&2
                exit 1
            fi
        )
    done
    diff <(digest run.pl) <(digest slurm.pl) > "${work}/difference" || { head -n 20 "${work}/difference" >&2; exit 1; }
    echo "slurm: stages ${first} to ${last} give the same through run.pl and slurm.pl ($(digest run.pl | wc -l) files), ${SECONDS} s so far"
done
cd "$(recipe_of slurm.pl)"
if PATH=${PWD}/utils:${PATH} slurm.pl failing.log bash -c 'exit 3' 2> failing.err; then
    echo "slurm: a failing job passed" >&2
    exit 1
fi
grep -q 'failed, log is in' failing.err
# A dispatcher that is killed outright takes its job with it.
PATH=${PWD}/utils:${PATH} slurm.pl lasting.log sleep 600 &
dispatcher=$!
for _ in $(seq 60); do if squeue --noheader | grep -q ' R '; then break; fi; sleep 1; done
squeue --noheader | grep -q ' R ' || { echo "slurm: the lasting job did not start" >&2; exit 1; }
kill -9 "${dispatcher}"
for _ in $(seq 60); do if [ -z "$(squeue --noheader)" ]; then break; fi; sleep 1; done
[ -z "$(squeue --noheader)" ] || { echo "slurm: a job outlives its killed dispatcher" >&2; exit 1; }
echo "slurm: $(sinfo --version): failures are told, nothing outlives a killed dispatcher"
