# shellcheck shell=bash
# Where jobs run. cmd_backend=slurm ./run.sh ... submits them, with conf/slurm.conf saying what each option means.
#   train_cmd   data preparation and statistics
#   cuda_cmd    trainings (and synthesis with --gpu_inference true)
#   decode_cmd  synthesis
cmd_backend=${cmd_backend:-local}

case "${cmd_backend}" in
    local)
        export train_cmd="run.pl"
        export cuda_cmd="run.pl"
        export decode_cmd="run.pl" ;;
    slurm)
        export train_cmd="slurm.pl"
        export cuda_cmd="slurm.pl"
        export decode_cmd="slurm.pl" ;;
    *)
        echo "cmd.sh: expected cmd_backend local or slurm, found '${cmd_backend}'" >&2
        return 1 ;;
esac
