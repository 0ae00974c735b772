#!/usr/bin/env bash
# Nix-TTS (arXiv 2203.15643) as an ESPnet2 recipe: corpus -> VITS teacher -> encoder and decoder distillation -> student.
# Called by run.sh of a corpus; every number a corpus decides is an option here.
# shellcheck disable=SC2154  # cmd.sh sets cmd_backend and the *_cmd
set -e
set -u
set -o pipefail

log() {
    local fname=${BASH_SOURCE[1]##*/}
    echo -e "$(date '+%Y-%m-%dT%H:%M:%S') (${fname}:${BASH_LINENO[0]}:${FUNCNAME[1]}) $*"
}
min() {
    local a b
    a=$1
    for b in "$@"; do
        if [ "${b}" -le "${a}" ]; then a="${b}"; fi
    done
    echo "${a}"
}
SECONDS=0

# General configuration
stage=1              # Processes starts from the specified stage.
stop_stage=10000     # Processes is stopped at the specified stage.
skip_data_prep=false # Skip stages 1 to 5.
skip_train=false     # Skip stages 6 to 8.
skip_eval=false      # Skip stages 9 and 10.
skip_upload_hf=true  # Skip stage 13.
ngpu=1               # The number of gpus ("0" uses cpu, otherwise use gpu).
num_nodes=1          # The number of nodes.
nj=8                 # The number of parallel jobs in data preparation.
inference_nj=8       # The number of parallel jobs in synthesis.
train_threads=0      # CPU threads of a training (0: one with GPUs, all without).
gpu_inference=false  # Whether to synthesise on a gpu.
dumpdir=dump         # Directory to dump features.
expdir=exp           # Directory to save experiments.
python=python3       # Specify python to execute commands.

# Data preparation related
local_data_opts=""   # Options to be passed to local/data.sh.
fs=22050             # Sampling rate.
n_fft=1024           # The number of fft points.
n_shift=256          # The number of shift points.
win_length=null      # Window length (null: n_fft).
trim_db=30           # Silence lies this many dB under the clip's peak.
trim_margin=0.05     # Seconds of silence kept at both ends.
min_frames=32        # Shorter clips are dropped: the decoders train on 32 frames.
max_seconds=20.0     # Longer clips are dropped.
max_dropped=0.05     # Stop when a larger share of the corpus is dropped.
token_type=phn       # Jamo tokens, made in stage 2; no other type is known.
cleaner=none         # Text is normalised in stage 2; no ESPnet cleaner is run.
g2p=standard         # Front-end of espnet2_nix.text that turns text into jamo: standard, jaso or g2pk.

# Training related
train_set=tr_no_dev  # Name of training set.
valid_set=dev        # Name of validation set used for monitoring and tuning.
test_sets="dev eval1" # Names of test sets; several items separated by blanks.
teacher_config=conf/train_vits_teacher.yaml # Config of the teacher's training.
teacher_args=""      # Arguments of the teacher's training, e.g. "--max_epoch 1"; they win over the config.
teacher_model=       # A finished ESPnet VITS, folder or zoo zip: stage 6 checks it and trains nothing.
encoder_config=conf/train_nix_encoder.yaml  # Config of encoder distillation.
encoder_args=""      # Arguments of encoder distillation.
dump_latents=false   # Store the teacher's latents before stage 7, so that no teacher runs in it.
extra_text=""        # Sentences, one a line, that the teacher reads to the encoder besides the corpus; needs alignment: teacher.
decoder_config=conf/train_nix_decoder.yaml  # Config of decoder distillation.
decoder_args=""      # Arguments of decoder distillation.
from_scratch=false   # Train the student without a teacher, in stage 7 alone: the control of distillation.
scratch_config=conf/train_nix_scratch.yaml  # Config of that training.
scratch_args=""      # Arguments of that training.
finetune_decoder=false # Before stage 9 assembles: train the decoder on the student encoder's own latent.
finetune_args=""     # Arguments of that training, over those of the decoder, e.g. "--max_epoch 10".
train_args=""        # Arguments of all three trainings.
tag=""               # Suffix of the experiment folders.
tts_stats_dir=""     # Directory of statistics (default: ${expdir}/tts_stats_raw_${g2p}).
teacher_exp=""       # Directory of the teacher (default: ${expdir}/vits_teacher[_tag]).
encoder_exp=""       # Directory of the student encoder (default: ${expdir}/nix_encoder[_tag]).
decoder_exp=""       # Directory of the student decoder (default: ${expdir}/nix_decoder[_tag]).
scratch_exp=""       # Directory of the student from scratch (default: ${expdir}/nix_scratch[_tag]).
finetune_exp=""      # Directory of the fine-tuned decoder (default: ${expdir}/nix_decoder_finetuned[_tag]).
tts_exp=""           # Directory of the assembled student (default: ${expdir}/nix_tts[_finetuned|_scratch][_tag]).
teacher_file=train.total_count.ave.pth # Checkpoint of the teacher to distil.
encoder_file=valid.loss.best.pth       # Checkpoint of the student encoder to assemble.
decoder_file=train.total_count.ave.pth # Checkpoint of the student decoder to assemble.

# Decoding related
inference_config=""  # Config for synthesis.
systems=""           # What stage 9 speaks with, see inference/systems.py; empty: all that the models at hand allow.
inference_args=""    # Arguments for synthesis, e.g. "--speed 0.9".
inference_tag=""     # Suffix of the synthesis directory.
asr_model=""         # Whisper model of faster-whisper for CER, name or folder; empty: CER is left out.
skip_measures=""     # Costly measures that stage 10 leaves out: "dnsmos world".
compare_scores=""    # scores.json of other students to put into the tables of stage 10: "LABEL=FILE ...".
num_listening=20     # Utterances of each set on the listening page and in the pictures.
inference_model=model.pth # Student checkpoint in ${tts_exp} to speak with.
download_model=""    # A packed student (zip or zoo tag) to synthesise with instead of ${tts_exp}.

# Packing related
corpus=""            # Name of the corpus, written into the pack.
license="CC-BY-NC-SA-4.0" # Licence of the corpus, and so of every model trained on it.
voice_precision=fp32 # Stored weights of the voice: fp32, fp16 (half the size) or int8.
export_sherpa=false  # Also write the student as one graph for sherpa-onnx.
hf_repo=""           # Hugging Face repository for stage 13.

help_message="Usage: ./run.sh [--stage N] [--stop_stage N] [options]

Stages:
  1  corpus to Kaldi data folders
  2  audio to mono 16-bit at --fs, silence trimmed; text to jamo tokens
  3  drop what cannot be trained on, each clip named in ${dumpdir}/raw/dropped.tsv
  4  token list
  5  shapes of the training data
  6  VITS teacher (or a check of --teacher_model)
  7  encoder distillation
  8  decoder distillation (needs stage 6 only: may run beside stage 7)
  9  assemble the student; synthesise the test sets with teacher and student
  10 score, write RESULTS.md
  11 pack the student for the ESPnet model zoo
  12 export the voice, which speaks without PyTorch, and check it
  13 upload the pack to Hugging Face (off unless --skip_upload_hf false)

Options (name, default, meaning; - and _ are alike):
$(sed -n 's/^\([a-z_0-9]*\)=\([^#]*\)# \(.*\)$/  --\1 (\2) \3/p' "${BASH_SOURCE[0]}" | sed 's/ *) /) /')
"

log "$0 $*"
run_args=$(printf '%q ' "$0" "$@")
# shellcheck source=/dev/null
. utils/parse_options.sh
if [ $# -ne 0 ]; then
    log "${help_message}"
    log "Error: no positional argument is expected, got: $*"
    exit 2
fi
# shellcheck source=/dev/null
. ./path.sh
# shellcheck source=/dev/null
. ./cmd.sh

die() { log "Error: $*" >&2; exit 1; }
need() { # need FILE STAGE: stops when the input of a stage is missing, and names the stage that makes it
    [ -e "$1" ] || die "$1 not found; stage $2 writes it: ./run.sh --stage $2 --stop_stage $2"
}
want_stage() { [ "${stage}" -le "$1" ] && [ "${stop_stage}" -ge "$1" ]; }
leave_run_sh() { # leave_run_sh DIR STAGE: a command in DIR that repeats the stage
    mkdir -p "$1"
    printf '#!/usr/bin/env bash\ncd %q || exit 1\n%s --stage %s --stop_stage %s "$@"\n' \
        "$(pwd)" "${run_args}" "$2" "$2" > "$1/run.sh"
    chmod +x "$1/run.sh"
}

[ "${token_type}" = phn ] || die "--token_type ${token_type}: only phn is known (tokens are jamo, made in stage 2 by --g2p)"
[ "${cleaner}" = none ] || die "--cleaner ${cleaner}: only none is known (text is normalised in stage 2 by --g2p)"
if ${from_scratch} && ${finetune_decoder}; then
    die "--from_scratch and --finetune_decoder exclude each other: a student from scratch already learns on its own latent"
fi
[ -n "${corpus}" ] || die "--corpus is empty; call this script through run.sh of a corpus"
if [ "${ngpu}" -gt 0 ] && [ "${cmd_backend}" = local ] && ! ${skip_train} && want_stage 6; then
    ${python} -c 'import sys, torch; sys.exit(torch.cuda.device_count() < int(sys.argv[1]))' "${ngpu}" ||
        die "--ngpu ${ngpu}, but torch sees fewer; give --ngpu 0 to train on the CPU"
fi

if [ "${train_threads}" -eq 0 ]; then
    train_threads=1
    # nproc counts OMP_NUM_THREADS instead of cores where it is set, as path.sh sets it for parallel jobs.
    if [ "${ngpu}" -eq 0 ]; then train_threads=$(env -u OMP_NUM_THREADS nproc); fi
fi
tag_=${tag:+_${tag}}
data_raw=${dumpdir}/raw
token_list=${dumpdir}/token_list/${g2p}/tokens.txt
[ -n "${tts_stats_dir}" ] || tts_stats_dir=${expdir}/tts_stats_raw_${g2p}
[ -n "${teacher_exp}" ] || teacher_exp=${expdir}/vits_teacher${tag_}
[ -n "${encoder_exp}" ] || encoder_exp=${expdir}/nix_encoder${tag_}
[ -n "${decoder_exp}" ] || decoder_exp=${expdir}/nix_decoder${tag_}
[ -n "${scratch_exp}" ] || scratch_exp=${expdir}/nix_scratch${tag_}
[ -n "${finetune_exp}" ] || finetune_exp=${expdir}/nix_decoder_finetuned${tag_}
if [ -z "${tts_exp}" ]; then
    tts_exp=${expdir}/nix_tts${tag_}
    # Beside the student without fine-tuning, so that the two can be compared.
    if ${finetune_decoder}; then tts_exp=${expdir}/nix_tts_finetuned${tag_}; fi
    if ${from_scratch}; then tts_exp=${expdir}/nix_tts_scratch${tag_}; fi
fi
[ -z "${teacher_model}" ] || teacher_file=model.pth
all_sets=$(printf '%s\n' ${train_set} ${valid_set} ${test_sets} | sort -u | xargs)
feats_opts="--feats_extract linear_spectrogram --feats_extract_conf n_fft=${n_fft}"
feats_opts+=" --feats_extract_conf hop_length=${n_shift} --feats_extract_conf win_length=${win_length}"
text_opts="--token_type ${token_type} --cleaner ${cleaner} --g2p none"
teacher_opts="--teacher_train_config ${teacher_exp}/config.yaml --teacher_model_file ${teacher_exp}/${teacher_file}"

if ! ${skip_data_prep}; then
    if want_stage 1; then
        log "Stage 1: Data preparation for data/${train_set}, data/${valid_set}, etc."
        # [Task dependent] local/data.sh writes data/{tr_no_dev,dev,eval1}
        local/data.sh ${local_data_opts}
    fi

    if want_stage 2; then
        log "Stage 2: Format audio and text: data/ -> ${data_raw}/org"
        for dset in ${all_sets}; do
            need "data/${dset}/wav.scp" 1
            org=${data_raw}/org/${dset}
            logdir=${org}/logs
            mkdir -p "${logdir}"
            rm -f "${logdir}"/wav.*.scp "${logdir}"/format.*
            _nj=$(min "${nj}" "$(wc -l < "data/${dset}/wav.scp")")
            awk -v nj="${_nj}" -v dir="${logdir}" '{ print > (dir "/wav." (NR - 1) % nj + 1 ".scp") }' "data/${dset}/wav.scp"
            log "Audio of ${dset}: ${_nj} jobs, log: ${logdir}/format_audio.*.log"
            ${train_cmd} "JOB=1:${_nj}" "${logdir}/format_audio.JOB.log" \
                ${python} -m espnet2_nix.bin.format_audio \
                    --wav_scp "${logdir}/wav.JOB.scp" \
                    --outdir "${org}/wav" \
                    --out_prefix "${logdir}/format.JOB" \
                    --fs "${fs}" \
                    --trim_db "${trim_db}" \
                    --trim_margin "${trim_margin}"
            for name in wav.scp utt2num_samples dropped.tsv; do
                cat "${logdir}"/format.*."${name}" | sort > "${org}/${name}.tmp"
                mv "${org}/${name}.tmp" "${org}/${name}"
            done
            cp "data/${dset}/utt2spk" "data/${dset}/spk2utt" "${org}"
            ${python} -m espnet2_nix.bin.format_text \
                --text "data/${dset}/text" \
                --out_text "${org}/text" \
                --out_raw "${org}/text.raw" \
                --g2p "${g2p}" \
                --dropped "${org}/dropped_text.tsv"
        done
    fi

    if want_stage 3; then
        log "Stage 3: Drop clips that cannot be trained on: ${data_raw}/org -> ${data_raw}"
        dirs=
        kept=
        for dset in ${all_sets}; do
            need "${data_raw}/org/${dset}/text" 2
            ${python} -m espnet2_nix.bin.filter_data \
                --srcdir "${data_raw}/org/${dset}" \
                --dstdir "${data_raw}/${dset}" \
                --fs "${fs}" \
                --n_shift "${n_shift}" \
                --min_frames "${min_frames}" \
                --max_seconds "${max_seconds}"
            dirs+=" ${data_raw}/org/${dset} ${data_raw}/${dset}"
            kept+=" ${data_raw}/${dset}"
        done
        ${python} -m espnet2_nix.bin.check_dropped \
            --dirs data ${dirs} \
            --kept ${kept} \
            --out "${data_raw}/dropped.tsv" \
            --max_dropped "${max_dropped}"
    fi

    if want_stage 4; then
        log "Stage 4: Token list: ${token_list}"
        need "${data_raw}/${train_set}/text" 3
        mkdir -p "$(dirname "${token_list}")"
        _opts=
        for dset in ${all_sets}; do _opts+=" ${data_raw}/${dset}/text"; done
        ${python} -m espnet2_nix.bin.token_list --out "${token_list}" --text ${_opts}
    fi

    if want_stage 5; then
        log "Stage 5: Shapes of the training data: ${tts_stats_dir}"
        need "${token_list}" 4
        logdir=${tts_stats_dir}/logdir
        mkdir -p "${logdir}"
        rm -f "${logdir}"/{train,valid}.*.scp
        _nj=$(min "${nj}" "$(wc -l < "${data_raw}/${train_set}/wav.scp")" "$(wc -l < "${data_raw}/${valid_set}/wav.scp")")
        awk -v nj="${_nj}" -v dir="${logdir}" '{ print > (dir "/train." (NR - 1) % nj + 1 ".scp") }' "${data_raw}/${train_set}/wav.scp"
        awk -v nj="${_nj}" -v dir="${logdir}" '{ print > (dir "/valid." (NR - 1) % nj + 1 ".scp") }' "${data_raw}/${valid_set}/wav.scp"
        leave_run_sh "${tts_stats_dir}" 5
        log "Statistics: ${_nj} jobs, log: ${logdir}/stats.*.log"
        ${train_cmd} "JOB=1:${_nj}" "${logdir}/stats.JOB.log" \
            ${python} -m espnet2.bin.gan_tts_train \
                --collect_stats true \
                --write_collected_feats false \
                --use_preprocessor true \
                --token_list "${token_list}" \
                ${text_opts} \
                --normalize none \
                ${feats_opts} \
                --train_data_path_and_name_and_type "${data_raw}/${train_set}/text,text,text" \
                --train_data_path_and_name_and_type "${data_raw}/${train_set}/wav.scp,speech,sound" \
                --valid_data_path_and_name_and_type "${data_raw}/${valid_set}/text,text,text" \
                --valid_data_path_and_name_and_type "${data_raw}/${valid_set}/wav.scp,speech,sound" \
                --train_shape_file "${logdir}/train.JOB.scp" \
                --valid_shape_file "${logdir}/valid.JOB.scp" \
                --output_dir "${logdir}/stats.JOB" \
                --config "${teacher_config}" \
                --ngpu 0
        _opts=
        for i in $(seq "${_nj}"); do _opts+=" --input_dir ${logdir}/stats.${i}"; done
        ${python} -m espnet2.bin.aggregate_stats_dirs --skip_sum_stats ${_opts} --output_dir "${tts_stats_dir}"
        for sub in train valid; do
            awk -v n="$(wc -l < "${token_list}")" '{ print $0 "," n }' \
                "${tts_stats_dir}/${sub}/text_shape" > "${tts_stats_dir}/${sub}/text_shape.${token_type}"
        done
    fi
else
    log "Skip the stages for data preparation"
fi

# launch_training EXP MODULE CONFIG ARGS...: one training through ESPnet's launcher, resumed where it stopped
launch_training() {
    local exp=$1 module=$2 config=$3
    shift 3
    local jobname=${exp}/train.log
    log "Training: '${exp}/train.log'; TensorBoard: tensorboard --logdir ${exp}"
    OMP_NUM_THREADS=${train_threads} ${python} -m espnet2.bin.launch \
        --cmd "${cuda_cmd} --name ${jobname}" \
        --log "${exp}/train.log" \
        --ngpu "${ngpu}" \
        --num_nodes "${num_nodes}" \
        --init_file_prefix "${exp}/.dist_init_" \
        --multiprocessing_distributed true -- \
        ${python} -m "${module}" \
            --resume true \
            --output_dir "${exp}" \
            --config "${config}" \
            "$@"
}
text_data_opts="--train_data_path_and_name_and_type ${data_raw}/${train_set}/text,text,text"
text_data_opts+=" --valid_data_path_and_name_and_type ${data_raw}/${valid_set}/text,text,text"
text_data_opts+=" --train_shape_file ${tts_stats_dir}/train/text_shape.${token_type}"
text_data_opts+=" --valid_shape_file ${tts_stats_dir}/valid/text_shape.${token_type}"
speech_data_opts="--train_data_path_and_name_and_type ${data_raw}/${train_set}/wav.scp,speech,sound"
speech_data_opts+=" --valid_data_path_and_name_and_type ${data_raw}/${valid_set}/wav.scp,speech,sound"
speech_data_opts+=" --train_shape_file ${tts_stats_dir}/train/speech_shape"
speech_data_opts+=" --valid_shape_file ${tts_stats_dir}/valid/speech_shape"

# dump_teacher_latents: stores what stage 7 takes from the teacher; from then on neither it nor a recording is read (_opts)
dump_teacher_latents() {
    local dir=${teacher_exp}/latents_${teacher_file%.pth}${extra_text:+_extra}
    local train_text=${data_raw}/${train_set}/text train_shape=${tts_stats_dir}/train/text_shape.${token_type}
    local extra=
    mkdir -p "${dir}"
    if [ -n "${extra_text}" ]; then
        [ -e "${extra_text}" ] || die "--extra_text ${extra_text} not found"
        awk 'NF { printf "extra_%07d %s\n", NR, $0 }' "${extra_text}" > "${dir}/extra.txt"
        ${python} -m espnet2_nix.bin.format_text --text "${dir}/extra.txt" --out_text "${dir}/extra_text" \
            --out_raw "${dir}/extra_text.raw" --g2p "${g2p}" --dropped "${dir}/dropped_extra.tsv"
        extra="--extra_text ${dir}/extra_text"
        cat "${train_text}" "${dir}/extra_text" | sort > "${dir}/train_text"
        awk -v n="$(wc -l < "${token_list}")" '{ print $1 " " (NF - 1) "," n }' "${dir}/train_text" > "${dir}/train_text_shape"
        train_text=${dir}/train_text
        train_shape=${dir}/train_text_shape
    fi
    log "Latents of the teacher: ${dir}, log: ${dir}/dump_latents.log"
    ${cuda_cmd} --gpu "${ngpu}" "${dir}/dump_latents.log" \
        ${python} -m espnet2_nix.bin.dump_latents \
            --text "${data_raw}/${train_set}/text" "${data_raw}/${valid_set}/text" \
            --wav_scp "${data_raw}/${train_set}/wav.scp" "${data_raw}/${valid_set}/wav.scp" \
            ${extra} \
            ${teacher_opts} \
            --ngpu "${ngpu}" \
            --outdir "${dir}"
    _opts="--latents_dir ${dir}"
    _opts+=" --train_data_path_and_name_and_type ${train_text},text,text --train_shape_file ${train_shape}"
    _opts+=" --valid_data_path_and_name_and_type ${data_raw}/${valid_set}/text,text,text"
    _opts+=" --valid_shape_file ${tts_stats_dir}/valid/text_shape.${token_type}"
}

if ! ${skip_train}; then
    if want_stage 6; then
        need "${tts_stats_dir}/train/text_shape.${token_type}" 5
        leave_run_sh "${teacher_exp}" 6
        if [ -n "${teacher_model}" ]; then
            log "Stage 6: Check the given teacher: ${teacher_model} -> ${teacher_exp}"
            ${python} -m espnet2_nix.bin.import_teacher \
                --teacher_model "${teacher_model}" \
                --outdir "${teacher_exp}" \
                --token_list "${token_list}" \
                --fs "${fs}" \
                --n_fft "${n_fft}" \
                --n_shift "${n_shift}"
        else
            log "Stage 6: VITS teacher: ${teacher_exp}"
            launch_training "${teacher_exp}" espnet2.bin.gan_tts_train "${teacher_config}" \
                --use_preprocessor true \
                --token_list "${token_list}" \
                ${text_opts} \
                --normalize none \
                ${feats_opts} \
                ${text_data_opts} \
                ${speech_data_opts} \
                ${train_args} ${teacher_args}
        fi
    fi

    if want_stage 7 && ${from_scratch}; then
        log "Stage 7: Student from scratch: ${scratch_exp}"
        need "${tts_stats_dir}/train/text_shape.${token_type}" 5
        leave_run_sh "${scratch_exp}" 7
        launch_training "${scratch_exp}" espnet2_nix.bin.nix_scratch_train "${scratch_config}" \
            --token_list "${token_list}" \
            ${text_opts} \
            --frontend "${g2p}" \
            --fs "${fs}" \
            --n_fft "${n_fft}" \
            --hop_length "${n_shift}" \
            ${text_data_opts} \
            ${speech_data_opts} \
            ${train_args} ${scratch_args}
    elif want_stage 7; then
        log "Stage 7: Encoder distillation: ${encoder_exp}"
        need "${teacher_exp}/${teacher_file}" 6
        need "${tts_stats_dir}/train/text_shape.${token_type}" 5
        leave_run_sh "${encoder_exp}" 7
        _opts="${text_data_opts} ${speech_data_opts}"
        if ${dump_latents} || [ -n "${extra_text}" ]; then dump_teacher_latents; fi
        launch_training "${encoder_exp}" espnet2_nix.bin.nix_encoder_train "${encoder_config}" \
            --token_list "${token_list}" \
            ${text_opts} \
            --frontend "${g2p}" \
            ${teacher_opts} \
            ${_opts} \
            ${train_args} ${encoder_args}
    fi

    if want_stage 8 && ${from_scratch}; then
        log "Stage 8: nothing to do: the student from scratch has its decoder"
    elif want_stage 8; then
        log "Stage 8: Decoder distillation: ${decoder_exp}"
        need "${teacher_exp}/${teacher_file}" 6
        need "${tts_stats_dir}/train/speech_shape" 5
        leave_run_sh "${decoder_exp}" 8
        launch_training "${decoder_exp}" espnet2_nix.bin.nix_decoder_train "${decoder_config}" \
            ${teacher_opts} \
            ${speech_data_opts} \
            ${train_args} ${decoder_args}
    fi
else
    log "Skip the training stages"
fi

inference_dir=inference${inference_tag:+_${inference_tag}}

# synthesise SET SYSTEMS OPTIONS...: speech of one test set by several systems, in parallel jobs; finished files are kept
synthesise() {
    local dset=$1 systems=$2
    shift 2
    local outdir=${tts_exp}/${inference_dir}/${dset}
    local logdir=${outdir}/log
    local _nj system
    mkdir -p "${logdir}"
    rm -f "${logdir}"/keys.*.scp
    for system in ${systems}; do rm -f "${outdir}/${system}"/utterances.*.tsv; done
    _nj=$(min "${inference_nj}" "$(wc -l < "${data_raw}/${dset}/text")")
    awk -v nj="${_nj}" -v dir="${logdir}" '{ print > (dir "/keys." (NR - 1) % nj + 1 ".scp") }' "${data_raw}/${dset}/text"
    log "Synthesis of ${dset} by ${systems}: ${_nj} jobs, log: ${logdir}/tts_inference.*.log"
    ${_cmd} --gpu "${_ngpu}" "JOB=1:${_nj}" "${logdir}/tts_inference.JOB.log" \
        ${python} -m espnet2_nix.bin.tts_inference \
            --ngpu "${_ngpu}" \
            --systems ${systems} \
            --text "${logdir}/keys.JOB.scp" \
            --wav_scp "${data_raw}/${dset}/wav.scp" \
            --output_dir "${outdir}" \
            --table utterances.JOB.tsv \
            ${inference_config:+--config ${inference_config}} \
            "$@" ${inference_args}
    for system in ${systems}; do
        cat "${outdir}/${system}"/utterances.*.tsv | sort > "${outdir}/${system}/utterances.tsv.tmp"
        rm -f "${outdir}/${system}"/utterances.*.tsv
        mv "${outdir}/${system}/utterances.tsv.tmp" "${outdir}/${system}/utterances.tsv"
    done
}

# assemble_student: joins the trained encoder and decoder, the latter fine-tuned if that is wanted, into ${tts_exp}
assemble_student() {
    local encoder_dir=${encoder_exp} decoder_dir=${decoder_exp} encoder_weights=${encoder_file}
    if ${from_scratch}; then
        encoder_dir=${scratch_exp}
        decoder_dir=${scratch_exp}
        encoder_weights=${decoder_file} # one training, one checkpoint
    fi
    need "${encoder_dir}/${encoder_weights}" 7
    need "${decoder_dir}/${decoder_file}" 8
    if ${finetune_decoder}; then
        log "Fine-tuning of the decoder on the student's latent: ${finetune_exp}"
        mkdir -p "${finetune_exp}"
        launch_training "${finetune_exp}" espnet2_nix.bin.nix_decoder_train "${decoder_config}" \
            ${teacher_opts} \
            --encoder_train_config "${encoder_dir}/config.yaml" \
            --encoder_model_file "${encoder_dir}/${encoder_weights}" \
            --init_model_file "${decoder_dir}/${decoder_file}" \
            --token_type "${token_type}" \
            ${text_data_opts} \
            ${speech_data_opts} \
            ${train_args} ${decoder_args} ${finetune_args}
        decoder_dir=${finetune_exp}
    fi
    ${python} -m espnet2_nix.bin.nix_assemble \
        --encoder_train_config "${encoder_dir}/config.yaml" \
        --encoder_model_file "${encoder_dir}/${encoder_weights}" \
        --decoder_train_config "${decoder_dir}/config.yaml" \
        --decoder_model_file "${decoder_dir}/${decoder_file}" \
        --corpus "${corpus}" \
        --license "${license}" \
        --output_dir "${tts_exp}"
}

if ! ${skip_eval}; then
    if want_stage 9; then
        if ${gpu_inference}; then _cmd=${cuda_cmd}; _ngpu=1; else _cmd=${decode_cmd}; _ngpu=0; fi
        leave_run_sh "${tts_exp}" 9
        has_teacher=false
        if [ -e "${teacher_exp}/${teacher_file}" ]; then has_teacher=true; fi
        student_opts=
        if [ -n "${download_model}" ]; then
            log "Stage 9: Synthesise with ${download_model}"
            student_opts="--model_tag ${download_model}"
        elif [[ -n "${systems}" && "${systems}" != *student* ]]; then
            log "Stage 9: Synthesise without the student: ${test_sets}"
        else
            log "Stage 9: Assemble the student in ${tts_exp} and synthesise: ${test_sets}"
            assemble_student
            student_opts="--train_config ${tts_exp}/config.yaml --model_file ${tts_exp}/${inference_model}"
        fi
        if ${has_teacher}; then student_opts+=" ${teacher_opts}"; fi
        if [ -n "${systems}" ]; then
            speakers=${systems}
        elif ! ${has_teacher}; then
            speakers=student
            log "Only the student speaks: ${teacher_exp}/${teacher_file} not found"
        elif [ -n "${download_model}" ] || ${from_scratch}; then
            speakers="teacher_resynthesis teacher student" # this teacher did not teach it: there is no half-way
        else
            speakers="teacher_resynthesis teacher student teacher_latent_student_decoder"
            speakers+=" student_latent_teacher_decoder student_recording_durations"
        fi
        for dset in ${test_sets}; do
            need "${data_raw}/${dset}/text" 3
            synthesise "${dset}" "${speakers}" ${student_opts}
        done
    fi

    if want_stage 10; then
        # A tagged synthesis has its own table, so that it can stand beside the plain one.
        score_dir=${tts_exp}${inference_tag:+/${inference_dir}}
        log "Stage 10: Score: ${score_dir}/RESULTS.md, listening page: ${score_dir}/index.html"
        for dset in ${test_sets}; do need "${tts_exp}/${inference_dir}/${dset}" 9; done
        plain_scores=${expdir}/nix_tts${tag_}/scores.json
        if ${finetune_decoder} && [ -z "${compare_scores}" ] && [ -e "${plain_scores}" ]; then
            compare_scores="not_finetuned=${plain_scores}"
        fi
        ${python} -m espnet2_nix.bin.score \
            --data_dir "${data_raw}" \
            --inference_dir "${tts_exp}/${inference_dir}" \
            --test_sets ${test_sets} \
            --model_dir "${tts_exp}" \
            --teacher_train_config "${teacher_exp}/config.yaml" \
            --train_dirs "${teacher_exp}" "${encoder_exp}" "${decoder_exp}" "${finetune_exp}" "${scratch_exp}" \
            --fs "${fs}" \
            --n_fft "${n_fft}" \
            --n_shift "${n_shift}" \
            --asr_model "${asr_model}" \
            --num_listening "${num_listening}" \
            --skip_measures ${skip_measures} \
            --compare_scores ${compare_scores} \
            --command "${run_args}" \
            --outdir "${score_dir}"
    fi
else
    log "Skip the evaluation stages"
fi

packed_model=${tts_exp}/$(basename "${tts_exp}")_${corpus}.zip
if want_stage 11; then
    log "Stage 11: Pack the student: ${packed_model}"
    need "${tts_exp}/${inference_model}" 9
    ${python} -m espnet2_nix.bin.pack \
        --model_dir "${tts_exp}" \
        --model_file "${inference_model}" \
        --outpath "${packed_model}"
fi

voice_dir=${tts_exp}/voice
if want_stage 12; then
    log "Stage 12: Export the voice: ${voice_dir}"
    need "${tts_exp}/${inference_model}" 9
    _opts=
    if [ "${voice_precision}" = int8 ]; then
        need "${data_raw}/${valid_set}/text" 3
        _opts+=" --calibration_text ${data_raw}/${valid_set}/text"
    fi
    if ${export_sherpa}; then _opts+=" --sherpa_dir ${tts_exp}/sherpa"; fi
    ${python} -m espnet2_nix.bin.export_voice \
        --train_config "${tts_exp}/config.yaml" \
        --model_file "${tts_exp}/${inference_model}" \
        --outdir "${voice_dir}" \
        --precision "${voice_precision}" \
        ${_opts}
fi

if ! ${skip_upload_hf} && want_stage 13; then
    log "Stage 13: Upload ${packed_model} to ${hf_repo}"
    need "${packed_model}" 11
    [ -n "${hf_repo}" ] || die "--hf_repo is empty; give the repository: ./run.sh --stage 13 --skip_upload_hf false --hf_repo user/name"
    ${python} -m espnet2_nix.bin.upload_hf --packed_model "${packed_model}" --hf_repo "${hf_repo}"
fi

if [ "${stop_stage}" -ge 12 ]; then
    log "Synthesised speech:  $(readlink -m "${tts_exp}/${inference_dir}")"
    log "Student pack:        $(readlink -m "${packed_model}")"
    log "Voice:               $(readlink -m "${voice_dir}")"
    log "Result table:        $(readlink -m "${tts_exp}/RESULTS.md")"
fi
log "Successfully finished. [elapsed=${SECONDS}s]"
