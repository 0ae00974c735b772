#!/usr/bin/env bash
# Makes .venv at the top of the checkout with Python 3.12 or 3.13 and installs the project into it, editable.
# A stamp is written last: an interrupted first try is repeated, a finished one costs nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
extras=${1:-train,test,lint}

works() { "$@" -c 'import ssl, sys, venv; sys.exit(not (3, 12) <= sys.version_info[:2] <= (3, 13))' > /dev/null 2>&1; }

find_python() { # prints a Python that ESPnet 202611 accepts
    local candidate root
    for candidate in python3.12 python3.13 python3; do
        # A pyenv shim may stand on PATH for a version that is not switched on: it counts only when it runs.
        if works "${candidate}"; then command -v "${candidate}"; return; fi
    done
    root=${PYENV_ROOT:-${HOME}/.pyenv}
    for candidate in "${root}"/versions/3.12*/bin/python "${root}"/versions/3.13*/bin/python; do
        if works "${candidate}"; then echo "${candidate}"; return; fi
    done
    return 1
}

stamp=.venv/.installed.$(cat pyproject.toml setup.py espnet2_nix/aligner/*.pyx <(echo "${extras}") | sha256sum | cut -c1-16)
if [ -e "${stamp}" ] && .venv/bin/python -c 'import espnet2_nix' 2> /dev/null; then exit 0; fi

if ! works .venv/bin/python; then
    rm -rf .venv
    if python=$(find_python); then
        "${python}" -m venv .venv
    elif command -v uv > /dev/null; then
        uv venv --seed --python 3.12 .venv
    else
        echo "ESPnet needs Python 3.12 or 3.13 and none was found: install one (Debian: apt-get install python3.12-venv; pyenv install 3.12; or uv) and run again." >&2
        exit 1
    fi
fi
echo "Installing espnet2_nix[${extras}] into .venv (minutes and about 6 GB the first time; log: .venv/setup.log)"
if ! .venv/bin/python -m pip install -e ".[${extras}]" > .venv/setup.log 2>&1; then
    tail -n 30 .venv/setup.log >&2
    echo "The installation failed; the whole log is .venv/setup.log. Run again to continue." >&2
    exit 1
fi
if [[ ${extras} == *train* ]] && ! .venv/bin/python -c 'import espnet2_nix.aligner._monotonic_alignment' 2>> .venv/setup.log; then
    echo "The extension of monotonic alignment search was not built: training needs a C compiler (Debian: apt-get install build-essential). The log is .venv/setup.log." >&2
    exit 1
fi
touch "${stamp}"
