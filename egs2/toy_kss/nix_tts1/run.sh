#!/usr/bin/env bash
# A synthetic corpus in KSS's layout, made on the spot: the whole recipe within minutes on two CPU cores.
set -e
set -u
set -o pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"

./nix_tts.sh \
    --corpus toy_kss \
    --license CC0-1.0 \
    --attribution "synthetic, made by this recipe" \
    --ngpu 0 \
    --nj 2 \
    --inference_nj 2 \
    --test_sets eval1 \
    "$@"
