#!/usr/bin/env bash
# The voice where PyTorch and ESPnet are not installed: plain "pip install ." into a fresh environment of the oldest Python
# that speaking supports, then the runtime's tests there, on tiny voices exported by .venv.
# Says that it skipped where there is no such Python.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=${PWD}
oldest=3.11

works() { "$@" -c "import ssl, sys, venv; sys.exit('%d.%d' % sys.version_info[:2] != '${oldest}')" > /dev/null 2>&1; }
python=
for candidate in "python${oldest}" python3 "${PYENV_ROOT:-${HOME}/.pyenv}"/versions/"${oldest}"*/bin/python; do
    if works "${candidate}"; then python=${candidate}; break; fi
done
if [ -z "${python}" ]; then
    echo "runtime: SKIPPED, no Python ${oldest} found on PATH or in pyenv"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "${work}"' EXIT
.venv/bin/python -W ignore - "${work}" <<'PYTHON' > "${work}/voices.log" 2>&1 || { cat "${work}/voices.log" >&2; exit 1; }
import pathlib
import sys

sys.path.insert(0, "test")
from conftest import make_voice

for decoder in ("istft", "hifigan"):
    make_voice(pathlib.Path(sys.argv[1]) / "voices" / decoder, decoder)
PYTHON
"${python}" -m venv "${work}/venv"
if ! "${work}/venv/bin/python" -m pip install "." "pytest>=8" "hypothesis>=6" > "${work}/pip.log" 2>&1; then
    tail -n 30 "${work}/pip.log" >&2
    exit 1
fi
if "${work}/venv/bin/python" -c 'import torch' 2> /dev/null; then
    echo "runtime: torch came with the plain installation, which must stay light" >&2
    exit 1
fi
megabytes=$(du -sm "${work}/venv" | cut -f1)
cd "${work}"
NIX_TEST_VOICES=${work}/voices "${work}/venv/bin/pytest" -q -p no:cacheprovider -c "${root}/pyproject.toml" --rootdir "${root}" "${root}/test/runtime"
echo "runtime: speaks on $("${work}/venv/bin/python" --version) without PyTorch; the environment takes ${megabytes} MB"
