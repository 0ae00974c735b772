#!/usr/bin/env bash
# Stage 1: makes a synthetic corpus in KSS's layout, then reads it as KSS is read.
set -e
set -u
set -o pipefail

num_clips=120        # Clips to make.
text_field=expanded  # expanded: numbers spelled out (field 3); original: as printed (field 2).
dev_share=0.07       # Share of the clips that goes into dev.
eval1_share=0.07     # Share of the clips that goes into eval1.
python=python3       # Specify python to execute commands; nix_tts.sh passes its own.
# shellcheck disable=SC2034  # parse_options.sh reads it
help_message="Usage: local/data.sh [options]
$(sed -n 's/^\([a-z0-9_]*\)=\([^#]*\)# \(.*\)$/  --\1 (\2) \3/p' "${BASH_SOURCE[0]}" | sed 's/ *) /) /')"

. utils/parse_options.sh
if [ $# -ne 0 ]; then echo "local/data.sh: no positional argument is expected, found: $*" >&2; exit 2; fi
. ./path.sh

${python} -m espnet2_nix.bin.make_toy_kss --outdir downloads/toy_kss --num_clips "${num_clips}"
${python} -m espnet2_nix.bin.prepare_corpus --corpus kss --root downloads/toy_kss --text_field "${text_field}" \
    --dev_share "${dev_share}" --eval1_share "${eval1_share}" --outdir data
