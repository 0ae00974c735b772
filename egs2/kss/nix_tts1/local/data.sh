#!/usr/bin/env bash
# Stage 1: KSS as Kaldi folders data/{tr_no_dev,dev,eval1}.
set -e
set -u
set -o pipefail

text_field=expanded  # expanded: numbers and letters spelled out (field 3); original: as printed (field 2).
dev_share=""         # Share of the clips that goes into dev; empty: that of docs/recipe.md.
eval1_share=""       # Share of the clips that goes into eval1; empty: that of docs/recipe.md.
python=python3       # Specify python to execute commands; nix_tts.sh passes its own.
# shellcheck disable=SC2034  # parse_options.sh reads it
help_message="Usage: local/data.sh [options]; reads KSS, see db.sh
$(sed -n 's/^\([a-z0-9_]*\)=\([^#]*\)# \(.*\)$/  --\1 (\2) \3/p' "${BASH_SOURCE[0]}" | sed 's/ *) /) /')"

. utils/parse_options.sh
if [ $# -ne 0 ]; then echo "local/data.sh: no positional argument is expected, found: $*" >&2; exit 2; fi
. ./path.sh
. ./db.sh

${python} -m espnet2_nix.bin.prepare_corpus --corpus kss --root "${KSS}" --text_field "${text_field}" \
    ${dev_share:+--dev_share ${dev_share}} ${eval1_share:+--eval1_share ${eval1_share}} --outdir data
