#!/usr/bin/env bash
# KSS is at KSS=/path/to/kss (see db.sh); 250 dev and 250 eval1 clips are fixed by a hash of the utterance id.
set -e
set -u
set -o pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"

./nix_tts.sh \
    --corpus kss \
    --license CC-BY-NC-SA-4.0 \
    --attribution "KSS Dataset: Korean Single Speaker Speech Dataset by Kyubyong Park, https://www.kaggle.com/datasets/bryanpark/korean-single-speaker-speech-dataset" \
    "$@"
