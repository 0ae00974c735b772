#!/usr/bin/env bash
# Stage 1: KSS as Kaldi folders data/{tr_no_dev,dev,eval1}.
set -e
set -u
set -o pipefail

text_field=expanded  # expanded: numbers and letters spelled out (field 3); original: as printed (field 2).
# shellcheck disable=SC2034  # parse_options.sh reads it
help_message="Usage: local/data.sh [--text_field expanded|original]; reads KSS, see db.sh"

. utils/parse_options.sh
if [ $# -ne 0 ]; then echo "local/data.sh: no positional argument is expected, found: $*" >&2; exit 2; fi
. ./path.sh
. ./db.sh

python3 -m espnet2_nix.bin.prepare_corpus --corpus kss --root "${KSS}" --text_field "${text_field}" --outdir data
