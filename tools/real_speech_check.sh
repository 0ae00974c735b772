#!/usr/bin/env bash
# A few steps of every stage on a few dozen real clips, to see that the recipe lives with real speech.
# Takes EMOTIONTTS, or a checkout beside this one; says that it skipped where there is neither.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=${PWD}
corpus=${EMOTIONTTS:-../shared/corpora/emotiontts_open_db}
if [ ! -d "${corpus}" ]; then
    echo "real-speech: SKIPPED, no emotiontts_open_db at ${corpus}; set EMOTIONTTS to run it"
    exit 0
fi
corpus=$(cd "${corpus}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "${work}"' EXIT

speaker=lmy
source=$(dirname "$(find -L "${corpus}/Dataset/SpeechCorpus" -type d -path "*/${speaker}/wav" | head -n 1)")
target=${work}/corpus/Dataset/SpeechCorpus/Main/main/${speaker}
mkdir -p "${target}/wav" "${target}/transcript"
find -L "${source}/wav" -name '*.wav' | sort | sed -n 1,48p | while read -r wav; do
    name=$(basename "${wav}" .wav)
    ln -s "${wav}" "${target}/wav/${name}.wav"
    ln -s "${source}/transcript/${name}.txt" "${target}/transcript/${name}.txt"
done
few="--num_iters_per_epoch 3 --max_epoch 1 --batch_size 4"
# One job a step: what costs here is the start of a process, and make demo has steps of several jobs.
jobs="--nj 1 --inference_nj 1"
# local/data.sh writes into data/ of its working folder: the check works in a copy of the recipe.
tar -C egs2 -cf - --exclude=data --exclude=dump --exclude=exp --exclude=downloads TEMPLATE emotiontts | tar -C "${work}" -xf -
export NIX_PYTHON="${PWD}/.venv/bin/python3"
cd "${work}/emotiontts/nix_tts1"
EMOTIONTTS=${work}/corpus ./run.sh ${jobs} --train_args "${few}" --test_sets eval1
student=$(find exp/nix_tts/inference/eval1/student/wav -name '*.wav' | wc -l)
clips=$(wc -l < dump/raw/eval1/text)
[ "${student}" -eq "${clips}" ] || { echo "expected ${clips} synthesised clips, found ${student}" >&2; exit 1; }
[ -s exp/nix_tts/nix_tts_emotiontts.zip ] || { echo "no pack was written" >&2; exit 1; }
# The teacher from a public voice: a graph of the structure of one, with random weights, goes through all phases, and a student learns from it.
"${NIX_PYTHON}" -W ignore - "${work}" "${root}/test/warm_start" <<'PYTHON'
import pathlib
import sys

sys.path.insert(0, sys.argv[2])
from piper_graph import write_voice

work = pathlib.Path(sys.argv[1])
write_voice(work, frames_per_symbol=4)
(work / "phonemes.txt").write_text("mama nova vɪlo, əla.\n" * 24, encoding="utf-8")
PYTHON
warm="${jobs} --teacher_init ${work}/tiny.onnx --start_phonemes ${work}/phonemes.txt --tag warm"
./run.sh --stage 6 --stop_stage 8 ${warm} --train_args "${few}"
./run.sh --stage 9 --stop_stage 9 ${warm} --test_sets eval1 --systems "teacher student"
./run.sh --stage 12 --stop_stage 12 ${warm}
grep -q "began with a public voice" exp/nix_tts_warm/voice/LICENSE || { echo "the voice does not name its start voice" >&2; exit 1; }
echo "real-speech: every stage ran on $(cat dump/raw/*/text | wc -l) real clips"
