#!/usr/bin/env bash
# The voice where neither PyTorch, nor ESPnet, nor a compiler is installed: a source archive is made of this checkout, a
# wheel of that with the compiler hidden, and the wheel goes into fresh environments of the oldest and the newest Python
# that speaking supports. There the runtime's tests, taken from the archive, run on tiny voices exported by .venv.
# Says which Python it skipped where there is none.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
versions=${1:-"3.11 3.13"}

find_python() { # find_python VERSION: prints a Python of that version
    local candidate
    for candidate in "python$1" python3 "${PYENV_ROOT:-${HOME}/.pyenv}"/versions/"$1"*/bin/python; do
        # A pyenv shim may stand on PATH for a version that is not switched on: it counts only when it runs.
        if "${candidate}" -c "import ssl, sys, venv; sys.exit('%d.%d' % sys.version_info[:2] != '$1')" > /dev/null 2>&1; then
            command -v "${candidate}"
            return
        fi
    done
    return 1
}
work=$(mktemp -d)
trap 'rm -rf "${work}"' EXIT
logged() { # logged LOG COMMAND...: shows the end of the log when the command fails
    local log=$1
    shift
    "$@" > "${log}" 2>&1 || { tail -n 30 "${log}" >&2; return 1; }
}

logged "${work}/voices.log" .venv/bin/python -W ignore -c '
import pathlib
import sys

sys.path.insert(0, "test")
from conftest import make_voice

for decoder in ("istft", "hifigan"):
    make_voice(pathlib.Path(sys.argv[1]) / "voices" / decoder, decoder)
' "${work}"

archive=
checked=
for version in ${versions}; do
    if ! python=$(find_python "${version}"); then
        echo "runtime: SKIPPED Python ${version}: not found on PATH or in pyenv"
        continue
    fi
    venv=${work}/venv${version}
    "${python}" -m venv "${venv}"
    if [ -z "${archive}" ]; then
        logged "${work}/pip.log" "${venv}/bin/python" -m pip install build
        logged "${work}/sdist.log" "${venv}/bin/python" -m build --sdist --outdir "${work}/dist" .
        archive=$(find "${work}/dist" -name '*.tar.gz')
        tar -C "${work}" -xzf "${archive}"
        root=${work}/$(basename "${archive}" .tar.gz)
        while read -r file; do
            [ -e "${root}/${file}" ] || { echo "runtime: ${file} is missing from the source archive" >&2; exit 1; }
        done < <(git ls-files 2> /dev/null | grep -v '^\.git\|^\.docker' || true)
    fi
    # Nothing but this environment on PATH: neither gcc nor cc is found.
    logged "${work}/wheel.log" env -u CC PATH="${venv}/bin" \
        "${venv}/bin/python" -m pip wheel --no-deps --wheel-dir "${work}/wheel${version}" "${archive}"
    logged "${work}/pip.log" "${venv}/bin/python" -m pip install "${work}/wheel${version}"/*.whl "pytest>=8" "hypothesis>=6"
    if "${venv}/bin/python" -c 'import espnet2_nix.aligner._monotonic_alignment' 2> /dev/null; then
        echo "runtime: a compiler was found, although it was meant to be hidden" >&2
        exit 1
    fi
    if "${venv}/bin/python" -c 'import torch' 2> /dev/null; then
        echo "runtime: torch came with the plain installation, which must stay light" >&2
        exit 1
    fi
    megabytes=$(du -sm "${venv}" | cut -f1)
    (
        cd "${work}"
        "${venv}/bin/nix-tts" "나무가 많다." --voice voices/istft -o "hello${version}.wav"
        NIX_TEST_VOICES=${work}/voices "${venv}/bin/pytest" -q -p no:cacheprovider -c "${root}/pyproject.toml" \
            --rootdir "${root}" "${root}/test/runtime"
    )
    checked+=" ${version}"
    echo "runtime: speaks on $("${venv}/bin/python" --version), installed without compiler or PyTorch; ${megabytes} MB"
done
[ -n "${checked}" ] || echo "runtime: SKIPPED, none of the Pythons ${versions} was found"
