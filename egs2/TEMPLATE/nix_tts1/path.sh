# shellcheck shell=bash
# Sourced by the recipe and by every job that slurm.pl submits, in the recipe's folder; sourcing it twice changes nothing.
#   NIX_PYTHON   a Python to use instead of the .venv at the top of the checkout
#   ESPNET_ROOT  an ESPnet checkout whose utils/ (run.pl, slurm.pl, ...) to use instead of ours
_recipe=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
_root=$(cd "${_recipe}/../../.." && pwd)

_prepend() { case ":${PATH}:" in *":$1:"*) ;; *) PATH=$1:${PATH} ;; esac; }
if [ -n "${NIX_PYTHON:-}" ]; then
    _prepend "$(dirname "$(command -v "${NIX_PYTHON}")")"
elif [ -x "${_root}/.venv/bin/python3" ]; then
    _prepend "${_root}/.venv/bin"
fi
if [ -n "${ESPNET_ROOT:-}" ] && [ -d "${ESPNET_ROOT}/egs2/TEMPLATE/asr1/utils" ]; then
    _prepend "${ESPNET_ROOT}/egs2/TEMPLATE/asr1/utils"
else
    _prepend "${_recipe}/utils"
fi
export PATH
export LC_ALL=C                   # Kaldi's tables are sorted by bytes
export PYTHONIOENCODING=UTF-8     # the C locale is ASCII otherwise
export PYTHONUTF8=1
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} # parallel jobs, not threads; trainings on a CPU set their own
unset _recipe _root
unset -f _prepend

if ! python3 -c 'import espnet2_nix' 2> /dev/null; then
    echo "path.sh: $(command -v python3 || echo python3) cannot import espnet2_nix: run 'make venv' at the top of the checkout, or set NIX_PYTHON to a Python that has it" >&2
    return 1
fi
