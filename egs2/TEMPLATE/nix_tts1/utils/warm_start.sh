# shellcheck shell=bash
# shellcheck disable=SC2046,SC2154  # options are words, and nix_tts.sh sets the variables
# Stage 6 with --teacher_init: a teacher from a public voice, in phases. Sourced by nix_tts.sh, whose options and functions it uses.
# Every step is skipped where its result stands; a training that was interrupted resumes.

# warm_start_teacher: ${teacher_init} -> ${teacher_exp}/{config.yaml,model.pth,durations}
warm_start_teacher() {
    local dir=${teacher_exp} phases=${teacher_exp}/phases
    local init=${phases}/init speech=${phases}/start_speech
    local posterior=${phases}/posterior autoencoder=${phases}/autoencoder aligner=${phases}/aligner text_prior=${phases}/text_prior text_side=${phases}/text_side
    local all=${phases}/all_together
    local heard=${posterior}/teacher latent_stats=${speech}/latent_stats.npz # what phase 2 begins with

    log "Stage 6: Teacher from ${teacher_init}: ${dir}, its phases: ${phases}"
    if [ ! -e "${init}/model.pth" ]; then
        ${python} -m espnet2_nix.bin.teacher_init \
            --teacher_init "${teacher_init}" \
            --teacher_config "${warm_start_config}" \
            --outdir "${init}" \
            --token_list "${token_list}" \
            --fs "${fs}" \
            --n_fft "${n_fft}" \
            --n_shift "${n_shift}"
    fi

    if grep -qsx posterior_encoder "${init}/filled"; then
        heard=${init} latent_stats=${init}/latent_stats.npz
        log "Stage 6, phase 1: nothing to do: the posterior encoder is the start voice's"
        [ -e "${latent_stats}" ] || ${train_cmd} "${init}/latent_stats.log" \
            ${python} -m espnet2_nix.bin.latent_stats $(so_far "${init}") --wav_scp "${data_raw}/${train_set}/wav.scp" --out "${latent_stats}"
    elif [ ! -e "${posterior}/teacher/model.pth" ]; then
        log "Stage 6, phase 1: Posterior encoder on the start voice's own speech: ${posterior}"
        ${train_cmd} "${speech}/start_speech.log" \
            ${python} -m espnet2_nix.bin.start_speech \
                --voice "${teacher_init}" \
                ${start_phonemes:+--phonemes "${start_phonemes}"} \
                --outdir "${speech}" \
                --fs "${fs}" \
                --n_shift "${n_shift}"
        launch_training 6 "${posterior}" espnet2_nix.bin.posterior_pretraining_train "${warm_start_conf}/train_posterior.yaml" \
            $(so_far "${init}") \
            --train_data_path_and_name_and_type "${speech}/train/wav.scp,speech,sound" \
            --train_data_path_and_name_and_type "${speech}/train/latent.scp,latent,npy" \
            --train_shape_file "${speech}/train/speech_shape" \
            --valid_data_path_and_name_and_type "${speech}/valid/wav.scp,speech,sound" \
            --valid_data_path_and_name_and_type "${speech}/valid/latent.scp,latent,npy" \
            --valid_shape_file "${speech}/valid/speech_shape" \
            ${train_args} ${posterior_args}
        take_teacher "${posterior}/valid.loss.best.pth" "${posterior}/teacher"
    fi

    if [ ! -e "${autoencoder}/teacher/model.pth" ]; then
        log "Stage 6, phase 2: Posterior encoder and decoder on the corpus: ${autoencoder}"
        launch_training 6 "${autoencoder}" espnet2_nix.bin.vits_autoencoder_train "${warm_start_conf}/train_autoencoder.yaml" \
            $(so_far "${heard}") \
            --latent_stats "${latent_stats}" \
            ${speech_data_opts} \
            ${train_args} ${autoencoder_args}
        take_teacher "${autoencoder}/train.total_count.ave.pth" "${autoencoder}/teacher"
    fi

    if [ ! -e "${aligner}/durations" ]; then
        log "Stage 6, phase 3: Alignment of corpus and text: ${aligner}"
        launch_training 6 "${aligner}" espnet2_nix.bin.text_aligner_train "${warm_start_conf}/train_text_aligner.yaml" \
            $(so_far "${init}") \
            --token_list "${token_list}" \
            --frontend "${g2p}" \
            ${text_data_opts} \
            ${speech_data_opts} \
            ${train_args} ${aligner_args}
        ${train_cmd} "${aligner}/align_text.log" \
            ${python} -m espnet2_nix.bin.align_text \
                --train_config "${aligner}/config.yaml" \
                --model_file "${aligner}/valid.loss.best.pth" \
                --text "${data_raw}/${train_set}/text" "${data_raw}/${valid_set}/text" \
                --wav_scp "${data_raw}/${train_set}/wav.scp" "${data_raw}/${valid_set}/wav.scp" \
                --out "${aligner}/durations"
    fi

    if [ ! -e "${dir}/durations" ]; then
        log "Stage 6, phase 3: Text encoder on stored posteriors, flow at rest: ${text_prior}"
        store_posteriors "${aligner}/latents" "${autoencoder}/teacher" "${aligner}/durations"
        train_text_side "${text_prior}" "${autoencoder}/teacher" "${aligner}/latents" "${warm_start_conf}/train_text_prior.yaml" ${text_prior_args}
        take_teacher "${text_prior}/valid.loss.best.pth" "${text_prior}/teacher"
        ${train_cmd} "${text_prior}/refine_durations.log" \
            ${python} -m espnet2_nix.bin.refine_durations \
                $(so_far "${text_prior}/teacher") \
                --latents_dir "${aligner}/latents" \
                --latents_model_file "${autoencoder}/teacher/model.pth" \
                --text "${data_raw}/${train_set}/text" "${data_raw}/${valid_set}/text" \
                --out "${dir}/durations"
    fi

    # A teacher without it beside its phases is of an earlier version, which left the text side's result there alone.
    if ! ${skip_text_side} && [ ! -e "${text_side}/teacher/model.pth" ] && { [ ! -e "${dir}/model.pth" ] || teacher_is_mute; }; then
        log "Stage 6, phase 3: Text side on stored posteriors: ${text_side}"
        store_posteriors "${text_side}/latents" "${text_prior}/teacher" "${dir}/durations"
        train_text_side "${text_side}" "${text_prior}/teacher" "${text_side}/latents" "${warm_start_conf}/train_text_side.yaml" ${text_side_args}
        take_teacher "${text_side}/valid.loss.best.pth" "${text_side}/teacher"
    fi

    if ${all_together} && [ ! -e "${all}/teacher/model.pth" ]; then
        local begun=${text_side}/teacher config=${init}/train.yaml
        [ -e "${begun}/model.pth" ] || begun=${dir}
        [ -e "${begun}/model.pth" ] || begun=${text_prior}/teacher
        [ -e "${config}" ] || config=${warm_start_config}
        log "Stage 6, phase 4: All modules together: ${all}"
        launch_training 6 "${all}" espnet2_nix.bin.gan_tts_train "${config}" \
            --init_param "${begun}/model.pth" \
            --use_preprocessor true \
            --token_list "${token_list}" \
            ${text_opts} \
            --normalize none \
            ${feats_opts} \
            ${text_data_opts} \
            ${speech_data_opts} \
            ${train_args} ${all_together_args}
        take_teacher "${all}/train.total_count.ave.pth" "${all}/teacher"
    fi

    # The last phase that stands is the teacher.
    local last
    for last in "${all}" "${text_side}"; do
        if [ -e "${last}/teacher/model.pth" ]; then
            cmp -s "${last}/teacher/model.pth" "${dir}/model.pth" || take_teacher "${last}/teacher/model.pth" "${dir}"
            return
        fi
    done
    if [ ! -e "${dir}/model.pth" ]; then take_teacher "${text_prior}/teacher/model.pth" "${dir}"; fi
}

# store_posteriors LATENTS TEACHER DURATIONS: what the text side learns from
store_posteriors() {
    mkdir -p "$1"
    ${train_cmd} "$1/dump_latents.log" \
        ${python} -m espnet2_nix.bin.dump_latents \
            --text "${data_raw}/${train_set}/text" "${data_raw}/${valid_set}/text" \
            --wav_scp "${data_raw}/${train_set}/wav.scp" "${data_raw}/${valid_set}/wav.scp" \
            $(so_far "$2") \
            --durations "$3" \
            --outdir "$1"
}

# train_text_side EXP TEACHER LATENTS CONFIG ARGS...
train_text_side() {
    local exp=$1 teacher=$2 latents=$3 config=$4
    shift 4
    launch_training 6 "${exp}" espnet2_nix.bin.text_side_train "${config}" \
        $(so_far "${teacher}") \
        --latents_dir "${latents}" \
        --token_list "${token_list}" \
        --frontend "${g2p}" \
        ${text_data_opts} \
        ${train_args} "$@"
}

# so_far DIR: the options that name the teacher which a phase left in DIR
so_far() { echo "--teacher_train_config $1/config.yaml --teacher_model_file $1/model.pth"; }

# take_teacher WEIGHTS DIR: the teacher in what a phase saved, for the next one
take_teacher() {
    ${python} -m espnet2_nix.bin.take_teacher \
        --train_config "${teacher_exp}/phases/init/config.yaml" --model_file "$1" --out "$2/model.pth"
}

# learnt_without_path: whether the teacher is of phases that leave the alignment to the text encoder with the flow at rest
learnt_without_path() {
    [ -e "${teacher_exp}/phases/text_prior/teacher/model.pth" ] && [ ! -e "${teacher_exp}/phases/all_together/teacher/model.pth" ]
}

# teacher_is_mute: whether the phases ended before the flow and the durations, with --skip_text_side
teacher_is_mute() {
    learnt_without_path &&
        cmp -s "${teacher_exp}/phases/text_prior/teacher/model.pth" "${teacher_exp}/model.pth"
}

# align_recordings SET OUT: the frames of each token of a test set, as stage 6 found those of the training set
align_recordings() {
    ${train_cmd} "$2.log" \
        ${python} -m espnet2_nix.bin.refine_durations \
            $(so_far "${teacher_exp}/phases/text_prior/teacher") \
            --text "${data_raw}/$1/text" \
            --wav_scp "${data_raw}/$1/wav.scp" \
            --out "$2"
}
