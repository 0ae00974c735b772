#!/usr/bin/env bash
# container_check.sh [serve] [train]: builds these targets of the Dockerfile with buildah, without a Docker engine, and runs them as
# another user than root: serve speaks and serves; train runs the toy recipe's first three stages. Default: serve.
# The base is a Debian made by debootstrap with this machine's Python 3.12 or 3.13 put into it; NIX_CONTAINER_BASE=FOLDER keeps what
# debootstrap made there, for the next time.
# Says that it skipped where it is not root on Debian bookworm, may not mount, or where buildah or debootstrap are missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=${PWD}
targets=${*:-serve}

if [ "$(id -u)" -ne 0 ]; then echo "container: SKIPPED, it must be run as root"; exit 0; fi
for program in buildah debootstrap; do
    if ! command -v "${program}" > /dev/null; then
        echo "container: SKIPPED, ${program} is not installed (Debian: apt-get install buildah debootstrap)"
        exit 0
    fi
done
if ! unshare --mount true 2> /dev/null; then echo "container: SKIPPED, this machine lets nobody mount"; exit 0; fi
# The base is the machine's own Debian, whose Python goes into it, from where apt gets its packages.
suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
if [ "${suite}" != bookworm ]; then echo "container: SKIPPED, this is not Debian bookworm"; exit 0; fi
# shellcheck disable=SC2016  # apt-get's variable
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Release: ${suite}" 'Component: main' | sed -n 1p)
python=${root}/.venv/bin/python
[ -x "${python}" ] || { echo "container: SKIPPED, no .venv: run make venv first"; exit 0; }

work=$(mktemp -d)
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
export CONTAINERS_STORAGE_CONF=${work}/storage.conf
printf '[storage]\ndriver = "vfs"\nrunroot = "%s/run"\ngraphroot = "%s/graph"\n' "${work}" "${work}" > "${CONTAINERS_STORAGE_CONF}"
cleanup() {
    buildah rm --all > /dev/null 2>&1 || true
    rm -rf "${work}"
}
trap cleanup EXIT
run() { # run WHAT COMMAND...: the end of its log is shown when it fails
    local log=${work}/$1.log
    shift
    if ! "$@" > "${log}" 2>&1; then tail -n 30 "${log}" >&2; exit 1; fi
}

# ---- base
libraries=ca-certificates,libssl3,libffi8,zlib1g,libbz2-1.0,liblzma5,libsqlite3-0,libreadline8,libstdc++6,libexpat1,libuuid1
debian=${NIX_CONTAINER_BASE:-${work}/debian}
if [ ! -e "${debian}/etc/debian_version" ]; then
    run debootstrap debootstrap --variant=minbase --include="${libraries}" "${suite}" "${debian}.part" "${mirror}"
    mv "${debian}.part" "${debian}"
fi
container=$(buildah from scratch)
base=$(buildah mount "${container}")
cp -a "${debian}/." "${base}"
mkdir -p "${base}/usr/local"
prefix=$("${python}" -c 'import sys; print(sys.base_prefix)')
tar -C "${prefix}" --exclude='*/test' --exclude='*/config-*' --exclude='*/site-packages/*' --exclude='__pycache__' -cf - \
    bin include lib | tar -C "${base}/usr/local" -xf -
version=$("${python}" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
ln -sf "python${version}" "${base}/usr/local/bin/python3"
chroot "${base}" /sbin/ldconfig
buildah umount "${container}" > /dev/null
buildah config --env PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin "${container}"
buildah commit -q "${container}" localhost/base > /dev/null
buildah rm "${container}" > /dev/null

# ---- the build reaches the package index as this machine does; the image is thrown away
options=(--build-arg BASE=localhost/base)
while IFS= read -r name; do options+=(--env "${name}"); done < <(compgen -e | grep -E '^(PIP_|SSL_CERT_|REQUESTS_CA_BUNDLE$|CURL_CA_BUNDLE$)' || true)
volumes=()
for path in /etc/pip.conf /etc/xdg/pip "${HOME}/.config/pip" /etc/ssl/certs/ca-certificates.crt /opt/wheels; do
    target=${path/#${HOME}\/.config/\/root\/.config}
    if [ -e "${path}" ]; then volumes+=(--volume "${path}:${target}:ro"); fi
done

# ---- a tiny voice to speak with, or those that the tests use
mkdir -p "${work}/voices"
if [ -n "${NIX_TEST_VOICES:-}" ]; then
    cp -R "${NIX_TEST_VOICES}/." "${work}/voices"
else
    run voice "${python}" -W ignore - "${work}/voices/tiny" <<'PYTHON'
import pathlib
import sys

sys.path.insert(0, "test")
from conftest import make_voice

make_voice(pathlib.Path(sys.argv[1]))
PYTHON
fi
chmod -R a+rX "${work}"

# inside COMMAND...: in the container of the target, as user 12345, who is nobody there
inside() { buildah run --user 12345:12345 --volume "${work}/voices:/voices:ro" --volume "${work}/data:/data" "${container}" -- "$@"; }
mkdir -p "${work}/data"
chmod 777 "${work}/data"

for target in ${targets}; do
    SECONDS=0
    run "build-${target}" buildah bud --layers=false "${options[@]}" "${volumes[@]}" --target "${target}" -t "localhost/${target}" .
    container=$(buildah from --pull-never "localhost/${target}")
    image=$(buildah mount "${container}")
    size=$(du -sm "${image}" | cut -f1)
    venv=$(du -sm "${image}/opt/venv" | cut -f1)
    case ${target} in
        serve)
            run speak inside nix-tts "나무가 많다." -o /data/hello.wav
            [ -s "${work}/data/hello.wav" ] || { echo "container: nothing was spoken" >&2; exit 1; }
            # shellcheck disable=SC2016  # the variables are those of the shell inside
            run serve inside bash -c '
                nix-tts-server --host 127.0.0.1 --port 18000 --wyoming tcp://127.0.0.1:18001 & server=$!
                python3 - <<PYTHON && served=yes
import json, time, urllib.request
for _ in range(300):
    try:
        urllib.request.urlopen("http://127.0.0.1:18000/healthz", timeout=3)
        break
    except OSError:
        time.sleep(0.2)
body = json.dumps({"model": "tts-1", "input": "나무가 많다.", "response_format": "wav"}).encode()
request = urllib.request.Request("http://127.0.0.1:18000/v1/audio/speech", body, {"Content-Type": "application/json"})
assert urllib.request.urlopen(request).read(4) == b"RIFF"
assert b"<textarea" in urllib.request.urlopen("http://127.0.0.1:18000/").read()
PYTHON
                kill -TERM ${server}
                wait ${server} || [ $? -eq 143 ]
                [ "$(id -u) ${served:-no}" = "12345 yes" ]
                # compose.yaml lets it write nowhere.
                written=$(find / -xdev -user 12345 -not -path "/data*" 2> /dev/null)
                echo "written: ${written}"
                [ -z "${written}" ]'
            run no-torch inside python3 -c 'import importlib.util as u; assert u.find_spec("torch") is None' ;;
        train)
            run recipe inside espnet2_nix run toy_kss --stop_stage 3 --max_dropped 1 \
                --local_data_opts "--num_clips 24 --dev_share 0.15 --eval1_share 0.15"
            [ -s "${work}/data/toy_kss/dump/raw/tr_no_dev/text" ] || { echo "container: stage 3 wrote nothing" >&2; exit 1; } ;;
        *) echo "container: no target ${target}" >&2; exit 2 ;;
    esac
    buildah rm "${container}" > /dev/null
    echo "container: ${target} built and run as another user in ${SECONDS} s; ${size} MB with its base, ${venv} MB of it ours"
done
