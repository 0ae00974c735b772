#!/usr/bin/env bash
# One speaker of emotiontts_open_db (EMOTIONTTS=/path/to/emotiontts_open_db, see db.sh), on a CPU by default.
set -e
set -u
set -o pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"

./nix_tts.sh \
    --corpus emotiontts \
    --license CC-BY-NC-SA-4.0 \
    --attribution "emotiontts_open_db, https://github.com/emotiontts/emotiontts_open_db" \
    --ngpu 0 \
    --min_frames 64 \
    --nj 2 \
    --inference_nj 2 \
    "$@"
