#!/usr/bin/env bash
# The comparisons of docs/results.md: short trainings that differ in one thing, on one teacher, for equally many steps.
# Two lanes of one CPU thread each run side by side. What is finished is not done again.
set -e
set -u
set -o pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

encoder_epochs=5     # Epochs of 200 steps of each encoder.
decoder_epochs=6     # Epochs of 100 steps of each decoder.
scratch_epochs=10    # Epochs of 100 steps of the student from scratch.
skip_train=false     # Only score what was trained before.
skip_eval=false      # Only train.
expdir=exp           # Directory of the finished teacher; the comparisons go to ${expdir}/compare.
dumpdir=dump         # Directory of the prepared data (stages 1 to 5).
teacher_file=train.total_count.ave.pth # Checkpoint of the teacher.
test_set=dev         # Set that is scored; eval1 is kept for the end.
extra_text=""        # Sentences that the teacher reads to one more encoder; empty: that comparison is left out.
skip_measures=dnsmos # Costly measures to leave out of the tables.
asr_model=""         # Whisper model for CER, name or folder.
# shellcheck disable=SC2034  # parse_options.sh reads it
help_message="Usage: local/compare.sh [options]
$(sed -n 's/^\([a-z_]*\)=\([^#]*\)# \(.*\)$/  --\1 (\2) \3/p' "${BASH_SOURCE[0]}" | sed 's/ *) /) /')"
. utils/parse_options.sh
if [ $# -ne 0 ]; then echo "local/compare.sh: no positional argument is expected, found: $*" >&2; exit 2; fi

out=${expdir}/compare
mkdir -p "${out}"
. ./path.sh
run() { # run LOG OPTIONS...: a part of the recipe, with its output in a log
    local log=${out}/$1
    shift
    ./run.sh --expdir "${expdir}" --dumpdir "${dumpdir}" --teacher_file "${teacher_file}" --train_threads 1 \
        --inference_nj 1 --dump_latents true "$@" > "${log}" 2>&1 || { echo "Error: see ${log}" >&2; return 1; }
}
encoder() { # encoder NAME ARGS OPTIONS...
    local name=$1 args=$2
    shift 2
    run "encoder_${name}.log" --stage 7 --stop_stage 7 --encoder_exp "${out}/nix_encoder_${name}" \
        --encoder_args "--max_epoch ${encoder_epochs} --num_att_plot 0 ${args}" "$@"
}
decoder() { # decoder NAME CONFIG [ARGS]
    run "decoder_$1.log" --stage 8 --stop_stage 8 --decoder_exp "${out}/nix_decoder_$1" --decoder_config "conf/$2" \
        --decoder_args "--max_epoch ${decoder_epochs} --num_att_plot 0 ${3:-}"
}
score() { # score NAME ENCODER DECODER SYSTEMS OPTIONS...
    local name=$1 encoder=$2 decoder=$3 systems=$4
    shift 4
    run "score_${name}.log" --stage 9 --stop_stage 10 --encoder_exp "${out}/nix_encoder_${encoder}" \
        --decoder_exp "${out}/nix_decoder_${decoder}" --scratch_exp "${out}/nix_scratch" --tts_exp "${out}/${name}" \
        --encoder_file latest.pth --decoder_file latest.pth \
        --systems "${systems}" --test_sets "${test_set}" --asr_model "${asr_model}" \
        --skip_measures "${skip_measures}" --num_listening 5 "$@"
}

if ! ${skip_train}; then
    {
        encoder aligner "--alignment aligner"
        encoder teacher_alignment "--alignment teacher"
        encoder reversed_kl "--alignment teacher --model_conf latent_direction=student_teacher"
        if [ -n "${extra_text}" ]; then
            encoder extra_text "--alignment teacher" --extra_text "${extra_text}"
        fi
    } &
    lane=$!
    decoder istft_ged train_nix_decoder.yaml
    decoder istft_mr_stft train_nix_decoder.yaml "--spectral_loss mr_stft"
    decoder hifigan_ged tuning/train_nix_hifigan_decoder.yaml
    run scratch.log --stage 7 --stop_stage 7 --from_scratch true --scratch_exp "${out}/nix_scratch" \
        --scratch_args "--max_epoch ${scratch_epochs} --num_att_plot 0"
    wait "${lane}"
fi
if ${skip_eval}; then exit 0; fi

reference="teacher_resynthesis teacher" # their durations are what the student's are measured against
{
    score aligner aligner istft_ged "${reference} student student_latent_teacher_decoder"
    score teacher_alignment teacher_alignment istft_ged "student student_latent_teacher_decoder"
    score reversed_kl reversed_kl istft_ged "student student_latent_teacher_decoder"
    if [ -n "${extra_text}" ]; then score extra_text extra_text istft_ged "student student_latent_teacher_decoder"; fi
} &
lane=$!
score istft_ged aligner istft_ged teacher_latent_student_decoder
score istft_mr_stft aligner istft_mr_stft teacher_latent_student_decoder
score hifigan_ged aligner hifigan_ged teacher_latent_student_decoder
score scratch aligner istft_ged student --from_scratch true
wait "${lane}"

table() { # table TITLE SYSTEMS NAME...
    local title=$1 systems=$2 entries=() name
    shift 2
    for name in "$@"; do entries+=("${name}=${out}/${name}/scores.json"); done
    printf '\n## %s\n\n' "${title}"
    # shellcheck disable=SC2086  # a list of names
    python3 -m espnet2_nix.bin.compare_scores --scores "${entries[@]}" --test_set "${test_set}" --systems ${systems}
}
{
    echo "# Comparisons on ${test_set}: ${encoder_epochs}00 x 2 encoder, ${decoder_epochs}00 decoder, ${scratch_epochs}00 steps from scratch"
    table "What the decoder's losses and kind do" teacher_latent_student_decoder istft_ged istft_mr_stft hifigan_ged
    table "Where the alignment comes from, and the direction of the divergence" \
        "student student_latent_teacher_decoder" aligner teacher_alignment reversed_kl
    if [ -n "${extra_text}" ]; then
        table "What the teacher's reading of further text adds" "student student_latent_teacher_decoder" teacher_alignment extra_text
    fi
    table "What distillation buys" student scratch aligner teacher_alignment
} > "${out}/RESULTS.md.tmp"
mv "${out}/RESULTS.md.tmp" "${out}/RESULTS.md"
cat "${out}/RESULTS.md"
