#!/usr/bin/env bash
# Stage 1: one speaker of emotiontts_open_db as Kaldi folders data/{tr_no_dev,dev,eval1}.
set -e
set -u
set -o pipefail

speaker=lmy          # Folder of the speaker.
text_field=expanded  # expanded: numbers spelled out (transcript/); original: as printed (script/).
dev_share=""         # Share of the clips that goes into dev; empty: that of docs/recipe.md.
eval1_share=""       # Share of the clips that goes into eval1; empty: that of docs/recipe.md.
python=python3       # Specify python to execute commands; nix_tts.sh passes its own.
# shellcheck disable=SC2034  # parse_options.sh reads it
help_message="Usage: local/data.sh [options]; reads EMOTIONTTS, see db.sh
$(sed -n 's/^\([a-z0-9_]*\)=\([^#]*\)# \(.*\)$/  --\1 (\2) \3/p' "${BASH_SOURCE[0]}" | sed 's/ *) /) /')"

. utils/parse_options.sh
if [ $# -ne 0 ]; then echo "local/data.sh: no positional argument is expected, found: $*" >&2; exit 2; fi
. ./path.sh
. ./db.sh

repository=https://github.com/emotiontts/emotiontts_open_db
if [ -z "${EMOTIONTTS}" ]; then
    EMOTIONTTS=downloads/emotiontts_open_db
    if [ ! -e "${EMOTIONTTS}/.complete" ]; then
        echo "EMOTIONTTS is empty: fetching ${repository}"
        rm -rf "${EMOTIONTTS}"
        if ! GIT_TERMINAL_PROMPT=0 timeout 3600 git clone --depth 1 "${repository}" "${EMOTIONTTS}"; then
            rm -rf "${EMOTIONTTS}"
            echo "The corpus could not be fetched. Clone ${repository} elsewhere, then run:" >&2
            echo "  EMOTIONTTS=/path/to/emotiontts_open_db ./run.sh" >&2
            exit 1
        fi
        touch "${EMOTIONTTS}/.complete"
    fi
fi

${python} -m espnet2_nix.bin.prepare_corpus \
    --corpus emotiontts --root "${EMOTIONTTS}" --speaker "${speaker}" --text_field "${text_field}" \
    ${dev_share:+--dev_share ${dev_share}} ${eval1_share:+--eval1_share ${eval1_share}} --outdir data
