#!/usr/bin/env bash
# The worst day, repeatable: broken texts, transcripts, clips, voices and packs, and kills at random moments of the toy recipe.
# Prints a table: how many were tried, refused in one sentence, read, crashed (must be 0) and lost (must be 0: a killed stage
# whose rerun gives other output than an undisturbed one).
#   tools/worst_day.sh              everything but the kills, minutes; what CI runs
#   tools/worst_day.sh --kills 50   also 50 kills over stages 1 to 12, by tiny trainings and a Python that is warm (warm_python.py); --jobs N
#                                   side by side
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE
exec .venv/bin/python -W ignore tools/worst_day.py "$@"
