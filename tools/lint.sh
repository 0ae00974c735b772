#!/usr/bin/env bash
# Style of the Python and shell sources, and types of the Python sources.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/mypy
mapfile -t scripts < <(git ls-files '*.sh' '.ci/run')
regular=()
for script in "${scripts[@]}"; do [ -L "${script}" ] || regular+=("${script}"); done
.venv/bin/shellcheck -x -e SC2001 -e SC1091 -e SC2086 "${regular[@]}"
echo "lint: ruff, mypy and shellcheck found nothing"
