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
export NIX_RECIPE_PID=$$ # run.pl and slurm.pl end their jobs when this process is killed

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
g2p=standard         # Front-end of espnet2_nix.text that turns text into jamo: standard, jaso or g2pk.

# Training related
train_set=tr_no_dev  # Name of training set.
valid_set=dev        # Name of validation set used for monitoring and tuning.
test_sets="dev eval1" # Names of test sets; several items separated by blanks.
teacher_config=conf/train_vits_teacher.yaml # Config of the teacher's training.
teacher_args=""      # Arguments of the teacher's training, e.g. "--max_epoch 1"; they win over the config.
teacher_init=        # A public VITS voice to begin with: of Piper, quality medium or high (.onnx, .ckpt), or of ESPnet (folder, .pth, zip); stage 6 then trains in phases.
warm_start_config=conf/train_vits_warm_start.yaml # Config of that teacher.
warm_start_conf=conf/warm_start # Folder of the configs of its phases.
start_phonemes=      # Sentences in IPA, one a line, that the start voice reads; empty: those at hand in its language.
posterior_args=""    # Arguments of phase 1, the posterior encoder on the start voice's speech.
autoencoder_args=""  # Arguments of phase 2, posterior encoder and decoder on the corpus.
aligner_args=""      # Arguments of the aligner, before phase 3.
text_prior_args=""   # Arguments of phase 3, text encoder with the flow at rest.
text_side_args=""    # Arguments of phase 3, text encoder, flow and durations.
skip_text_side=false # Leave them out: the teacher then resynthesises and does not speak from text; the student learns as well without them.
all_together=false   # A phase 4: ESPnet's own training of all modules, begun with what phases 2 and 3 left; 0.9 s a step on two cores, so off by default.
all_together_args="" # Arguments of phase 4, e.g. "--max_epoch 40"; its config is --warm_start_config.
teacher_model=       # A finished ESPnet VITS, folder or zoo zip: stage 6 checks it and trains nothing.
encoder_config=      # Config of encoder distillation (default: conf/train_nix_encoder.yaml; with --teacher_init the one of that name in ${warm_start_conf}).
encoder_args=""      # Arguments of encoder distillation.
dump_latents=        # Store the teacher's latents before stage 7, so that no teacher runs in it (default: false; true with --teacher_init).
extra_text=""        # Sentences, one a line, that the teacher reads to the encoder besides the corpus (needs alignment: teacher), and to the decoder where its config says teacher_speech_share.
extra_text_encoders="" # Student encoders, two checkpoints or more, that read the further sentences to the encoder in the teacher's place: their common latent.
decoder_config=      # Config of decoder distillation (default: conf/train_nix_decoder.yaml; with --teacher_init the one of that name in ${warm_start_conf}).
decoder_args=""      # Arguments of decoder distillation.
from_scratch=false   # Train the student without a teacher, in stage 7 alone: the control of distillation.
scratch_config=conf/train_nix_scratch.yaml  # Config of that training.
scratch_args=""      # Arguments of that training.
finetune_decoder=false # In stage 8, after distillation: train the decoder on the student encoder's own latent.
finetune_args=""     # Arguments of that training, over those of the decoder, e.g. "--max_epoch 10".
train_args=""        # Arguments of all three trainings.
other_data=false     # Go on with trainings, and learn from a teacher, that began with other data, tokens or rate.
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
systems=""           # What stage 9 speaks with, see espnet2_nix/systems.py; empty: all that the models at hand allow.
inference_args=""    # Arguments for synthesis, e.g. "--speed 0.9".
inference_tag=""     # Suffix of the synthesis directory.
asr_model=""         # Whisper model of faster-whisper for CER, name or folder; empty: CER is left out.
skip_measures=""     # Costly measures that stage 10 leaves out: "dnsmos world".
compare_scores=""    # scores.json of other students to put into the tables of stage 10: "LABEL=FILE ...".
num_listening=20     # Utterances of each set on the listening page and in the pictures.
download_model=""    # A packed student (zip or zoo tag) to synthesise with instead of ${tts_exp}.

# Packing related
corpus=""            # Name of the corpus, written into the pack.
attribution=""       # Who made the corpus and where it is, as its licence demands.
license="CC-BY-NC-SA-4.0" # Licence of the corpus, and so of every model trained on it.
voice_precision=fp32 # Stored weights of the voice: fp32, fp16 (half the size) or int8.
voice_package=""     # Stage 12 also writes the voice as a distribution nix-tts-voice-NAME that pip installs: give NAME.
voice_version=1.0.0  # Version of that distribution.
voice_remarks=""     # A Markdown file that ends its model card: hardware, limits.
export_sherpa=false  # Also write the student as one graph for sherpa-onnx.
hf_repo=""           # Hugging Face repository for stage 13.

help_message="Usage: ./run.sh [--stage N] [--stop_stage N] [options]

Stages:
  1  corpus to Kaldi data folders
  2  audio to mono 16-bit at --fs, silence trimmed; text to jamo tokens
  3  drop what cannot be trained on, each clip named in ${dumpdir}/raw/dropped.tsv
  4  token list
  5  shapes of the training data
  6  VITS teacher, from nothing or from --teacher_init (or a check of --teacher_model)
  7  encoder distillation
  8  decoder distillation (needs stage 6 only: may run beside stage 7); --finetune_decoder true: then fine-tuning (needs both)
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
need() { # need FILE STAGE [OPTIONS]: stops when the input of a stage is missing, and names the stage that makes it, with options
    [ -e "$1" ] || die "$1 not found; stage $2 writes it: ./run.sh --stage $2 --stop_stage $2${3:+ $3}"
}
want_stage() { [ "${stage}" -le "${2:-$1}" ] && [ "${stop_stage}" -ge "$1" ]; } # want_stage FIRST [LAST]
split_jobs() { # split_jobs TABLE PREFIX NJ: consecutive parts PREFIX.1.scp to PREFIX.NJ.scp; parts of an earlier run go
    [ -s "$1" ] || die "$1: expected a table with a line an utterance, found nothing; write it anew: remove it, then run its stage"
    rm -f "$2".*.scp
    # shellcheck disable=SC2046  # one word a part
    ${python} utils/split_scp.py "$1" $(seq -f "$2.%.0f.scp" "$3")
}
join_jobs() { # join_jobs TABLE PART...: one sorted table of the parts, which go
    local table=$1
    shift
    sort "$@" > "${table}.tmp"
    mv "${table}.tmp" "${table}"
    rm -f "$@"
}
# Options that decide what a stage makes; every stage compares them with the stamp of what it reads.
data_settings=("fs=${fs}" "trim_db=${trim_db}" "trim_margin=${trim_margin}" "g2p=${g2p}")
filter_settings=("n_shift=${n_shift}" "min_frames=${min_frames}" "max_seconds=${max_seconds}")
feats_settings=("n_fft=${n_fft}" "win_length=${win_length}")
licence_settings=("corpus=${corpus}" "license=${license}")
all_settings=("${data_settings[@]}" "${filter_settings[@]}" "${feats_settings[@]}" "${licence_settings[@]}")
if [ -n "${local_data_opts}" ]; then all_settings+=("local_data_opts=${local_data_opts}"); fi # later stages need not repeat it
check_stamp() { # check_stamp [--other_data BOOL] STAMP...: stops when an input was made with other options, or of what was made anew since
    local opts=()
    if [ "$1" = --other_data ]; then opts=("$1" "$2") && shift 2; fi
    ${python} -m espnet2_nix.bin.stamp "${opts[@]}" --check "$@" --settings "${all_settings[@]}"
}
begin_stamp() { # begin_stamp STAMP STAGE: until the stage has ended, what it makes is not what it was, nor what it will be
    mkdir -p "$(dirname "$1")"
    printf '{"stage": "%s", "finished": false}\n' "$2" > "$1.tmp"
    mv "$1.tmp" "$1"
}
write_stamp() { # write_stamp STAMP STAGE [--settings NAME=VALUE...] [--content FILE...] [--upstream STAMP...]
    local stamp=$1 number=$2
    shift 2
    ${python} -m espnet2_nix.bin.stamp --out "${stamp}" --stage "${number}" "$@"
}
leave_run_sh() { # leave_run_sh DIR STAGE: a command in DIR that repeats the stage
    mkdir -p "$1"
    printf '#!/usr/bin/env bash\ncd %q || exit 1\n%s --stage %s --stop_stage %s "$@"\n' \
        "$(pwd)" "${run_args}" "$2" "$2" > "$1/run.sh"
    chmod +x "$1/run.sh"
}

# After a warm start the student learns from the aligner's durations, which need no teacher at hand, and begins with the teacher's decoder.
student_conf() { # student_conf NAME: its config, the one of a warm start where there is one
    if [ -n "${teacher_init}" ] && [ -e "${warm_start_conf}/$1" ]; then echo "${warm_start_conf}/$1"; else echo "conf/$1"; fi
}
[ -n "${encoder_config}" ] || encoder_config=$(student_conf train_nix_encoder.yaml)
[ -n "${decoder_config}" ] || decoder_config=$(student_conf train_nix_decoder.yaml)
if [ -z "${dump_latents}" ]; then
    dump_latents=false
    if [ -n "${teacher_init}" ]; then dump_latents=true; fi
fi
if [ -n "${extra_text_encoders}" ] && [ -z "${extra_text}" ]; then
    die "--extra_text_encoders ${extra_text_encoders}: they read further sentences: give --extra_text FILE"
fi
for file in ${extra_text_encoders}; do
    [ -e "${file}" ] || die "--extra_text_encoders: ${file} not found; each is a checkpoint of stage 7, config.yaml beside it"
done
[[ ${dump_latents} =~ ^(true|false)$ ]] || die "--dump_latents ${dump_latents}: expected true or false"
if ${from_scratch} && ${finetune_decoder}; then
    die "--from_scratch and --finetune_decoder exclude each other: a student from scratch already learns on its own latent"
fi
for option in nj inference_nj num_nodes; do
    [[ ${!option} =~ ^[1-9][0-9]*$ ]] || die "--${option} ${!option}: expected a whole number of 1 or more"
done
for option in ngpu train_threads; do
    [[ ${!option} =~ ^[0-9]+$ ]] || die "--${option} ${!option}: expected a whole number, 0 or more"
done
if [ "${num_nodes}" -gt 1 ]; then
    [ "${ngpu}" -gt 0 ] || die "--num_nodes ${num_nodes} without GPUs: a training has a process for each GPU, and one in all without; give --num_nodes 1"
    [ "${cmd_backend}" != local ] || die "--num_nodes ${num_nodes} needs a cluster, cmd_backend=slurm; here run.pl starts everything on this machine"
fi
if [ "${cmd_backend}" = slurm ] && ! command -v sbatch > /dev/null; then
    die "cmd_backend=slurm, but sbatch is not on PATH: run it on a machine of the cluster, or use cmd_backend=local"
fi
[ -n "${corpus}" ] || die "--corpus is empty; call this script through run.sh of a corpus"
if [ "${ngpu}" -gt 0 ] && [ "${cmd_backend}" = local ] && ! ${skip_train} && want_stage 6 8; then
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
tokens_stamp=$(dirname "${token_list}")/stamp.json
[ -n "${tts_stats_dir}" ] || tts_stats_dir=${expdir}/tts_stats_raw_${g2p}
[ -n "${teacher_exp}" ] || teacher_exp=${expdir}/vits_teacher${tag_}
[ -n "${encoder_exp}" ] || encoder_exp=${expdir}/nix_encoder${tag_}
[ -n "${decoder_exp}" ] || decoder_exp=${expdir}/nix_decoder${tag_}
[ -n "${scratch_exp}" ] || scratch_exp=${expdir}/nix_scratch${tag_}
[ -n "${finetune_exp}" ] || finetune_exp=${expdir}/nix_decoder_finetuned${tag_}
not_finetuned_exp= # the student to compare a fine-tuned one with; with a --tts_exp of the user's own, --compare_scores names it
if [ -z "${tts_exp}" ]; then
    tts_exp=${expdir}/nix_tts${tag_}
    if ${finetune_decoder}; then
        not_finetuned_exp=${tts_exp}
        tts_exp=${expdir}/nix_tts_finetuned${tag_}
    fi
    if ${from_scratch}; then tts_exp=${expdir}/nix_tts_scratch${tag_}; fi
fi
[ -z "${teacher_model}${teacher_init}" ] || teacher_file=model.pth
# The trainings whose parts are joined in stage 9.
student_encoder_exp=${encoder_exp} student_encoder_file=${encoder_file} student_decoder_exp=${decoder_exp} student_decoder_needs=
if ${finetune_decoder}; then student_decoder_exp=${finetune_exp} student_decoder_needs="--finetune_decoder true"; fi
if ${from_scratch}; then # one training, one checkpoint
    student_encoder_exp=${scratch_exp} student_encoder_file=${decoder_file} student_decoder_exp=${scratch_exp}
fi
all_sets=$(printf '%s\n' ${train_set} ${valid_set} ${test_sets} | sort -u | xargs)
feats_opts="--feats_extract linear_spectrogram --feats_extract_conf n_fft=${n_fft}"
feats_opts+=" --feats_extract_conf hop_length=${n_shift} --feats_extract_conf win_length=${win_length}"
text_opts="--token_type phn --cleaner none --g2p none" # of ESPnet's own trainings: the tokens are made in stage 2
teacher_opts="--teacher_train_config ${teacher_exp}/config.yaml --teacher_model_file ${teacher_exp}/${teacher_file}"

if ! ${skip_data_prep}; then
    if want_stage 1; then
        log "Stage 1: Data preparation for data/${train_set}, data/${valid_set}, etc."
        # [Task dependent] local/data.sh writes data/{tr_no_dev,dev,eval1}
        begin_stamp data/stamp.json 1
        local/data.sh --python "${python}" ${local_data_opts}
        write_stamp data/stamp.json 1 --settings "corpus=${corpus}" "local_data_opts=${local_data_opts}"
    fi

    if want_stage 2; then
        log "Stage 2: Format audio and text: data/ -> ${data_raw}/org"
        need "data/${train_set}/wav.scp" 1
        check_stamp data/stamp.json
        begin_stamp "${data_raw}/org/stamp.json" 2
        for dset in ${all_sets}; do
            need "data/${dset}/wav.scp" 1
            org=${data_raw}/org/${dset}
            logdir=${org}/logs
            mkdir -p "${logdir}"
            rm -f "${logdir}"/format.*
            _nj=$(min "${nj}" "$(wc -l < "data/${dset}/wav.scp")")
            split_jobs "data/${dset}/wav.scp" "${logdir}/wav" "${_nj}"
            log "Audio of ${dset}: ${_nj} jobs, log: ${logdir}/format_audio.*.log"
            ${train_cmd} "JOB=1:${_nj}" "${logdir}/format_audio.JOB.log" \
                ${python} -m espnet2_nix.bin.format_audio \
                    --wav_scp "${logdir}/wav.JOB.scp" \
                    --outdir "${org}/wav" \
                    --out_prefix "${logdir}/format.JOB" \
                    --fs "${fs}" \
                    --trim_db "${trim_db}" \
                    --trim_margin "${trim_margin}"
            for name in wav.scp utt2num_samples sources dropped.tsv; do
                join_jobs "${org}/${name}" "${logdir}"/format.*."${name}"
            done
            cp "data/${dset}/utt2spk" "data/${dset}/spk2utt" "${org}"
            ${python} -m espnet2_nix.bin.format_text \
                --text "data/${dset}/text" \
                --out_text "${org}/text" \
                --out_raw "${org}/text.raw" \
                --g2p "${g2p}" \
                --dropped "${org}/dropped_text.tsv"
        done
        content=()
        for dset in ${all_sets}; do content+=("data/${dset}/text" "${data_raw}/org/${dset}/sources"); done
        write_stamp "${data_raw}/org/stamp.json" 2 --settings "${data_settings[@]}" --content "${content[@]}" --upstream data/stamp.json
    fi

    if want_stage 3; then
        log "Stage 3: Drop clips that cannot be trained on: ${data_raw}/org -> ${data_raw}"
        dirs=
        kept=
        need "${data_raw}/org/${train_set}/text" 2
        check_stamp "${data_raw}/org/stamp.json"
        begin_stamp "${data_raw}/stamp.json" 3
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
        write_stamp "${data_raw}/stamp.json" 3 --settings "${filter_settings[@]}" --upstream "${data_raw}/org/stamp.json"
    fi

    if want_stage 4; then
        log "Stage 4: Token list: ${token_list}"
        need "${data_raw}/${train_set}/text" 3
        check_stamp "${data_raw}/stamp.json"
        begin_stamp "${tokens_stamp}" 4
        texts=()
        for dset in ${all_sets}; do texts+=("${data_raw}/${dset}/text"); done
        ${python} -m espnet2_nix.bin.token_list --out "${token_list}" --text "${texts[@]}"
        write_stamp "${tokens_stamp}" 4 --upstream "${data_raw}/stamp.json"
    fi

    if want_stage 5; then
        log "Stage 5: Shapes of the training data: ${tts_stats_dir}"
        need "${token_list}" 4
        check_stamp "${data_raw}/stamp.json" "${tokens_stamp}"
        begin_stamp "${tts_stats_dir}/stamp.json" 5
        logdir=${tts_stats_dir}/logdir
        mkdir -p "${logdir}"
        _nj=$(min "${nj}" "$(wc -l < "${data_raw}/${train_set}/wav.scp")" "$(wc -l < "${data_raw}/${valid_set}/wav.scp")")
        split_jobs "${data_raw}/${train_set}/wav.scp" "${logdir}/train" "${_nj}"
        split_jobs "${data_raw}/${valid_set}/wav.scp" "${logdir}/valid" "${_nj}"
        leave_run_sh "${tts_stats_dir}" 5
        log "Statistics: ${_nj} jobs, log: ${logdir}/stats.*.log"
        ${train_cmd} "JOB=1:${_nj}" "${logdir}/stats.JOB.log" \
            ${python} -m espnet2_nix.bin.gan_tts_train \
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
        ${python} -m espnet2.bin.aggregate_stats_dirs --skip_sum_stats --output_dir "${tts_stats_dir}" \
            $(seq -f "--input_dir ${logdir}/stats.%.0f" "${_nj}")
        for sub in train valid; do
            awk -v n="$(wc -l < "${token_list}")" '{ print $0 "," n }' \
                "${tts_stats_dir}/${sub}/text_shape" > "${tts_stats_dir}/${sub}/text_shape.phn"
        done
        write_stamp "${tts_stats_dir}/stamp.json" 5 --settings "${feats_settings[@]}" --content "${token_list}" \
            --upstream "${data_raw}/stamp.json" "${tokens_stamp}"
    fi
else
    log "Skip the stages for data preparation"
fi

# launch_training STAGE EXP MODULE CONFIG ARGS...: one training through ESPnet's launcher, resumed where it stopped
launch_training() {
    local number=$1 exp=$2 module=$3 config=$4
    shift 4
    local jobname=${exp}/train.log began=false teacher=()
    check_stamp "${tts_stats_dir}/stamp.json"
    if [ -e "${tts_stats_dir}/stamp.json" ]; then
        # A student learns from its teacher: both must have learnt from the same data.
        if [ "${number}" -ne 6 ] && ! ${from_scratch}; then
            teacher=(--content "${teacher_exp}/${teacher_file}")
            if [ "${exp}" = "${finetune_exp}" ]; then teacher+=("${encoder_exp}/${encoder_file}" "${decoder_exp}/${decoder_file}"); fi
            if [ -e "${teacher_exp}/stamp.json" ]; then
                check_stamp --other_data "${other_data}" "${teacher_exp}/stamp.json"
                teacher+=(--teacher "${teacher_exp}/stamp.json")
            fi
        fi
        if [ -e "${exp}/checkpoint.pth" ]; then began=true; fi
        ${python} -m espnet2_nix.bin.stamp --adopt "${exp}/stamp.json" --stage "${number}" --upstream "${tts_stats_dir}/stamp.json" \
            "${teacher[@]}" --began "${began}" --other_data "${other_data}"
    fi
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
valid_text_data_opts="--valid_data_path_and_name_and_type ${data_raw}/${valid_set}/text,text,text"
valid_text_data_opts+=" --valid_shape_file ${tts_stats_dir}/valid/text_shape.phn"
text_data_opts="--train_data_path_and_name_and_type ${data_raw}/${train_set}/text,text,text"
text_data_opts+=" --train_shape_file ${tts_stats_dir}/train/text_shape.phn ${valid_text_data_opts}"
speech_data_opts="--train_data_path_and_name_and_type ${data_raw}/${train_set}/wav.scp,speech,sound"
speech_data_opts+=" --valid_data_path_and_name_and_type ${data_raw}/${valid_set}/wav.scp,speech,sound"
speech_data_opts+=" --train_shape_file ${tts_stats_dir}/train/speech_shape"
speech_data_opts+=" --valid_shape_file ${tts_stats_dir}/valid/speech_shape"

# dump_teacher_latents DIR: stores what stage 7 takes from the teacher; from then on neither it nor a recording is read.
# DIR also gets the text that is learnt from, corpus and --extra_text together, and its shapes.
dump_teacher_latents() {
    local dir=$1 extra="" durations="" repeats=1
    if [ -e "${teacher_exp}/durations" ]; then durations=${teacher_exp}/durations; fi # the aligner's, of a warm start
    mkdir -p "${dir}"
    if [ -n "${extra_text}" ]; then
        [ -e "${extra_text}" ] || die "--extra_text ${extra_text} not found"
        if [ -z "${extra_text_encoders}" ] && teacher_is_mute; then
            die "the teacher has not learnt to read (--skip_text_side): give --extra_text_encoders, or run stage 6 without it"
        fi
        extra=${dir}/extra_text
        awk 'NF { printf "extra_%07d %s\n", NR, $0 }' "${extra_text}" > "${dir}/extra.txt"
        ${python} -m espnet2_nix.bin.format_text --text "${dir}/extra.txt" --out_text "${extra}" \
            --out_raw "${dir}/extra_text.raw" --g2p "${g2p}" --dropped "${dir}/dropped_extra.tsv"
        # As often as it takes to be half of what is drawn: a few recordings among thousands of sentences would hardly be.
        repeats=$(awk 'FNR == NR { corpus++; next } END { n = (FNR + corpus - 1) / corpus; print n < 1 ? 1 : int(n) }' \
            "${data_raw}/${train_set}/text" "${extra}")
    fi
    awk -v n="${repeats}" '{ print; id = $1; for (k = 2; k <= n; k++) { $1 = id "@" k; print } }' \
        "${data_raw}/${train_set}/text" | sort - ${extra} > "${dir}/train_text"
    awk -v n="$(wc -l < "${token_list}")" '{ print $1 " " (NF - 1) "," n }' "${dir}/train_text" > "${dir}/train_text_shape"
    log "Latents of the teacher: ${dir}, log: ${dir}/dump_latents.log"
    ${cuda_cmd} --gpu "${ngpu}" "${dir}/dump_latents.log" \
        ${python} -m espnet2_nix.bin.dump_latents \
            --text "${data_raw}/${train_set}/text" "${data_raw}/${valid_set}/text" \
            --wav_scp "${data_raw}/${train_set}/wav.scp" "${data_raw}/${valid_set}/wav.scp" \
            ${extra:+--extra_text ${extra}} \
            ${extra:+${extra_text_encoders:+--extra_encoders ${extra_text_encoders}}} \
            ${durations:+--durations "${durations}"} \
            ${teacher_opts} \
            --ngpu "${ngpu}" \
            --outdir "${dir}"
}

latents=${teacher_exp}/latents_${teacher_file%.pth}${extra_text:+_extra}${extra_text_encoders:+_by_encoders}
further_speech_opts=${extra_text:+--latents_dir ${latents}} # stage 7 writes it; stage 8 reads it where teacher_speech_share is above 0

# shellcheck source=egs2/TEMPLATE/nix_tts1/utils/warm_start.sh
. utils/warm_start.sh

if ! ${skip_train}; then
    if want_stage 6; then
        need "${tts_stats_dir}/train/text_shape.phn" 5
        leave_run_sh "${teacher_exp}" 6
        if [ -n "${teacher_model}" ]; then
            log "Stage 6: Check the given teacher: ${teacher_model} -> ${teacher_exp}"
            ${python} -m espnet2_nix.bin.import_teacher \
                --teacher_model "${teacher_model}" \
                --outdir "${teacher_exp}" \
                --token_list "${token_list}" \
                --fs "${fs}" \
                --n_fft "${n_fft}" \
                --n_shift "${n_shift}" \
                --win_length "${win_length}"
            write_stamp "${teacher_exp}/stamp.json" 6 --settings "fs=${fs}" "n_shift=${n_shift}" "${feats_settings[@]}" \
                --content "${teacher_model}"
        elif [ -n "${teacher_init}" ]; then
            warm_start_teacher
            # The phases' own stamps say which data they began with: those whose result stood were not run on today's.
            write_stamp "${teacher_exp}/stamp.json" 6 --content "${teacher_init}" --upstream "${teacher_exp}"/phases/*/stamp.json
        else
            log "Stage 6: VITS teacher: ${teacher_exp}"
            launch_training 6 "${teacher_exp}" espnet2_nix.bin.gan_tts_train "${teacher_config}" \
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
        need "${tts_stats_dir}/train/text_shape.phn" 5
        leave_run_sh "${scratch_exp}" 7
        launch_training 7 "${scratch_exp}" espnet2_nix.bin.nix_scratch_train "${scratch_config}" \
            --token_list "${token_list}" \
            --frontend "${g2p}" \
            --fs "${fs}" \
            --n_fft "${n_fft}" \
            --hop_length "${n_shift}" \
            --win_length "${win_length}" \
            ${text_data_opts} \
            ${speech_data_opts} \
            ${train_args} ${scratch_args}
    elif want_stage 7; then
        log "Stage 7: Encoder distillation: ${encoder_exp}"
        need "${teacher_exp}/${teacher_file}" 6
        need "${tts_stats_dir}/train/text_shape.phn" 5
        leave_run_sh "${encoder_exp}" 7
        encoder_data_opts="${text_data_opts} ${speech_data_opts}"
        if ${dump_latents} || [ -n "${extra_text}" ]; then
            dump_teacher_latents "${latents}"
            encoder_data_opts="--latents_dir ${latents} ${valid_text_data_opts}"
            encoder_data_opts+=" --train_data_path_and_name_and_type ${latents}/train_text,text,text"
            encoder_data_opts+=" --train_shape_file ${latents}/train_text_shape"
        fi
        launch_training 7 "${encoder_exp}" espnet2_nix.bin.nix_encoder_train "${encoder_config}" \
            --token_list "${token_list}" \
            --frontend "${g2p}" \
            ${teacher_opts} \
            ${encoder_data_opts} \
            ${train_args} ${encoder_args}
    fi

    if want_stage 8 && ${from_scratch}; then
        log "Stage 8: nothing to do: the student from scratch has its decoder"
    elif want_stage 8 && ${finetune_decoder} && [ -e "${decoder_exp}/${decoder_file}" ]; then
        # Other options than those of its own run would train it on, and change what the fine-tuned one is compared with.
        log "Stage 8: Decoder distillation was run before: ${decoder_exp}/${decoder_file}"
    elif want_stage 8; then
        log "Stage 8: Decoder distillation: ${decoder_exp}"
        need "${teacher_exp}/${teacher_file}" 6
        need "${tts_stats_dir}/train/speech_shape" 5
        leave_run_sh "${decoder_exp}" 8
        launch_training 8 "${decoder_exp}" espnet2_nix.bin.nix_decoder_train "${decoder_config}" \
            ${teacher_opts} \
            ${further_speech_opts} \
            ${speech_data_opts} \
            ${train_args} ${decoder_args}
    fi
    if want_stage 8 && ${finetune_decoder}; then
        log "Stage 8: Fine-tuning of the decoder on the student encoder's latent: ${finetune_exp}"
        need "${teacher_exp}/${teacher_file}" 6
        need "${encoder_exp}/${encoder_file}" 7
        need "${decoder_exp}/${decoder_file}" 8
        leave_run_sh "${finetune_exp}" 8
        # Posterior, durations and pitch as stage 7 stored them. A warm start's own path is not learnt: its durations are nowhere else.
        if ${dump_latents} || [ -e "${teacher_exp}/durations" ]; then further_speech_opts="--latents_dir ${latents}"; fi
        launch_training 8 "${finetune_exp}" espnet2_nix.bin.nix_decoder_train "${decoder_config}" \
            ${teacher_opts} \
            ${further_speech_opts} \
            --encoder_train_config "${encoder_exp}/config.yaml" \
            --encoder_model_file "${encoder_exp}/${encoder_file}" \
            --init_model_file "${decoder_exp}/${decoder_file}" \
            ${text_data_opts} \
            ${speech_data_opts} \
            ${train_args} ${decoder_args} ${finetune_args}
    fi
else
    log "Skip the training stages"
fi

inference_dir=inference${inference_tag:+_${inference_tag}}
student_stamp=${tts_exp}/stamp.json
speech_stamp=${tts_exp}/${inference_dir}/stamp.json
# A tagged synthesis has its own table, so that it can stand beside the plain one.
score_dir=${tts_exp}${inference_tag:+/${inference_dir}}
scores_stamp=${score_dir}/scores.stamp.json

# synthesise SET SYSTEMS OPTIONS...: speech of one test set by several systems, in parallel jobs; finished files are kept
synthesise() {
    local dset=$1 systems=$2
    shift 2
    local outdir=${tts_exp}/${inference_dir}/${dset}
    local logdir=${outdir}/log
    local cmd=${decode_cmd} ngpu=0
    local _nj system
    if ${gpu_inference}; then cmd=${cuda_cmd} ngpu=1; fi
    mkdir -p "${logdir}"
    local durations= # what a recording's tokens last, where the teacher's own path is not learnt
    if ${has_teacher} && learnt_without_path &&
        [ "$(${python} -m espnet2_nix.bin.systems --need_recording --systems ${systems})" = true ]; then
        durations=${outdir}/durations
        align_recordings "${dset}" "${durations}"
    fi
    for system in ${systems}; do rm -f "${outdir}/${system}"/utterances.*.tsv; done
    _nj=$(min "${inference_nj}" "$(wc -l < "${data_raw}/${dset}/text")")
    split_jobs "${data_raw}/${dset}/text" "${logdir}/keys" "${_nj}"
    log "Synthesis of ${dset} by ${systems}: ${_nj} jobs, log: ${logdir}/tts_inference.*.log"
    ${cmd} --gpu "${ngpu}" "JOB=1:${_nj}" "${logdir}/tts_inference.JOB.log" \
        ${python} -m espnet2_nix.bin.tts_inference \
            --ngpu "${ngpu}" \
            --systems ${systems} \
            --text "${logdir}/keys.JOB.scp" \
            --wav_scp "${data_raw}/${dset}/wav.scp" \
            ${durations:+--durations "${durations}"} \
            --output_dir "${outdir}" \
            --table utterances.JOB.tsv \
            ${inference_config:+--config ${inference_config}} \
            "$@" ${inference_args}
    for system in ${systems}; do
        join_jobs "${outdir}/${system}/utterances.tsv" "${outdir}/${system}"/utterances.*.tsv
    done
}

if ! ${skip_eval}; then
    if want_stage 9; then
        leave_run_sh "${tts_exp}" 9
        has_teacher=false
        if [ -e "${teacher_exp}/${teacher_file}" ]; then has_teacher=true; fi
        student_opts=
        speech_content=() speech_upstream=("${data_raw}/stamp.json")
        check_stamp "${data_raw}/stamp.json"
        if [ -n "${download_model}" ]; then
            log "Stage 9: Synthesise with ${download_model}"
            speech_content+=("${download_model}")
            student_opts="--model_tag ${download_model}"
        elif [ "$(${python} -m espnet2_nix.bin.systems --need_student --systems ${systems})" = false ]; then
            log "Stage 9: Synthesise without the student: ${test_sets}"
        else
            log "Stage 9: Assemble the student in ${tts_exp} and synthesise: ${test_sets}"
            need "${student_encoder_exp}/${student_encoder_file}" 7
            need "${student_decoder_exp}/${decoder_file}" 8 "${student_decoder_needs}"
            check_stamp --other_data "${other_data}" "${student_encoder_exp}/stamp.json" "${student_decoder_exp}/stamp.json"
            begin_stamp "${student_stamp}" 9
            ${python} -m espnet2_nix.bin.nix_assemble \
                --encoder_train_config "${student_encoder_exp}/config.yaml" \
                --encoder_model_file "${student_encoder_exp}/${student_encoder_file}" \
                --decoder_train_config "${student_decoder_exp}/config.yaml" \
                --decoder_model_file "${student_decoder_exp}/${decoder_file}" \
                --corpus "${corpus}" \
                --license "${license}" \
                --output_dir "${tts_exp}"
            write_stamp "${student_stamp}" 9 --settings "${licence_settings[@]}" \
                --content "${student_encoder_exp}/${student_encoder_file}" "${student_decoder_exp}/${decoder_file}" \
                --upstream "${student_encoder_exp}/stamp.json" "${student_decoder_exp}/stamp.json"
            speech_upstream+=("${student_stamp}")
            student_opts="--train_config ${tts_exp}/config.yaml --model_file ${tts_exp}/model.pth"
        fi
        if ${has_teacher}; then student_opts+=" ${teacher_opts}" speech_content+=("${teacher_exp}/${teacher_file}"); fi
        _opts=
        if ${has_teacher}; then _opts=--teacher; else log "Only the student speaks: ${teacher_exp}/${teacher_file} not found"; fi
        # Parts of a teacher and of a student that it did not teach do not fit.
        if [ -z "${download_model}" ] && ! ${from_scratch}; then _opts+=" --taught"; fi
        if ${has_teacher} && teacher_is_mute; then _opts+=" --mute"; fi
        speakers=$(${python} -m espnet2_nix.bin.systems --systems ${systems} ${_opts})
        for dset in ${test_sets}; do need "${data_raw}/${dset}/text" 3; done
        begin_stamp "${speech_stamp}" 9
        for dset in ${test_sets}; do synthesise "${dset}" "${speakers}" ${student_opts}; done
        write_stamp "${speech_stamp}" 9 --content "${speech_content[@]}" --upstream "${speech_upstream[@]}"
    fi

    if want_stage 10; then
        log "Stage 10: Score: ${score_dir}/RESULTS.md, listening page: ${score_dir}/index.html"
        for dset in ${test_sets}; do need "${tts_exp}/${inference_dir}/${dset}" 9; done
        check_stamp --other_data "${other_data}" "${speech_stamp}"
        begin_stamp "${scores_stamp}" 10
        if [ -z "${compare_scores}" ] && [ -n "${not_finetuned_exp}" ] && [ -e "${not_finetuned_exp}/scores.json" ]; then
            compare_scores="not_finetuned=${not_finetuned_exp}/scores.json"
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
        write_stamp "${scores_stamp}" 10 --upstream "${speech_stamp}"
    fi
else
    log "Skip the evaluation stages"
fi

packed_model=${tts_exp}/$(basename "${tts_exp}")_${corpus}.zip
pack_stamp=${packed_model}.stamp.json
if want_stage 11; then
    log "Stage 11: Pack the student: ${packed_model}"
    need "${tts_exp}/model.pth" 9
    check_stamp --other_data "${other_data}" "${student_stamp}"
    begin_stamp "${pack_stamp}" 11
    ${python} -m espnet2_nix.bin.pack \
        --model_dir "${tts_exp}" \
        --outpath "${packed_model}"
    write_stamp "${pack_stamp}" 11 --content "${tts_exp}/model.pth" --upstream "${student_stamp}"
fi

voice_dir=${tts_exp}/voice
voice_stamp=${voice_dir}.stamp.json # beside it: the folder holds what a voice is, and travels
if want_stage 12; then
    log "Stage 12: Export the voice: ${voice_dir}"
    need "${tts_exp}/model.pth" 9
    check_stamp --other_data "${other_data}" "${student_stamp}"
    voice_opts=
    voice_upstream=("${student_stamp}")
    if [ "${voice_precision}" = int8 ]; then
        need "${data_raw}/${valid_set}/text" 3
        check_stamp "${data_raw}/stamp.json"
        voice_opts+=" --calibration_text ${data_raw}/${valid_set}/text"
        voice_upstream+=("${data_raw}/stamp.json")
    fi
    begin_stamp "${voice_stamp}" 12
    if ${export_sherpa}; then voice_opts+=" --sherpa_dir ${tts_exp}/sherpa"; fi
    ${python} -m espnet2_nix.bin.export_voice \
        --train_config "${tts_exp}/config.yaml" \
        --model_file "${tts_exp}/model.pth" \
        --outdir "${voice_dir}" \
        --precision "${voice_precision}" \
        ${voice_opts}
    write_stamp "${voice_stamp}" 12 --settings "voice_precision=${voice_precision}" --content "${tts_exp}/model.pth" \
        --upstream "${voice_upstream[@]}"
    if [ -n "${voice_package}" ]; then
        log "Stage 12: Package of the voice: ${tts_exp}/nix-tts-voice-${voice_package//_/-}"
        check_stamp --other_data "${other_data}" "${scores_stamp}" # the model card tells of them
        card_dirs=
        for dset in ${all_sets}; do card_dirs+=" ${data_raw}/${dset}"; done
        ${python} -m espnet2_nix.bin.voice_package \
            --voice_dir "${voice_dir}" \
            --name "${voice_package}" \
            --version "${voice_version}" \
            --attribution "${attribution}" \
            ${voice_remarks:+--remarks "${voice_remarks}"} \
            --data_dirs ${card_dirs} \
            --fs "${fs}" \
            --train_dirs "${teacher_exp}" "${encoder_exp}" "${decoder_exp}" "${finetune_exp}" "${scratch_exp}" \
            --results "${tts_exp}/RESULTS.md" \
            --outdir "${tts_exp}/nix-tts-voice-${voice_package//_/-}"
    fi
fi

if ! ${skip_upload_hf} && want_stage 13; then
    log "Stage 13: Upload ${packed_model} to ${hf_repo}"
    need "${packed_model}" 11
    check_stamp --other_data "${other_data}" "${pack_stamp}"
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
