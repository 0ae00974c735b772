"""What the stages run: their commands, with a stand-in for Python that writes down how it was called."""

import os
import re
import shutil

import pytest
from conftest import run

from espnet2_nix.data.stamp import Stamp, make_stamp

TEACHER = "exp/vits_teacher/train.total_count.ave.pth"
ENCODER = "exp/nix_encoder/valid.loss.best.pth"
DECODER = "exp/nix_decoder/train.total_count.ave.pth"
SHAPES = "exp/tts_stats_raw_standard/train/text_shape.phn"
SPEECH_SHAPES = "exp/tts_stats_raw_standard/train/speech_shape"


def write(recipe, *names, content="something\n"):
    """Writes files of earlier stages."""
    for name in names:
        (recipe / name).parent.mkdir(parents=True, exist_ok=True)
        (recipe / name).write_text(content, encoding="utf-8")


def calls(recipe, stage, *options):
    """The Python commands of a stage that succeeds, but for those that read and write stamps."""
    (recipe / "calls").unlink(missing_ok=True)
    (recipe / "stub").write_text('#!/bin/sh\necho "$@" >> calls\n', encoding="utf-8")
    (recipe / "stub").chmod(0o755)
    command = ["./run.sh", "--stage", str(stage), "--stop_stage", str(stage), "--python", "./stub", *options]
    out = run(*command, cwd=recipe)
    assert out.returncode == 0, out.stderr
    return written(recipe)


def written(recipe, stamps=False):
    """What the stand-in wrote down: the commands that read and write stamps, or the others."""
    path = recipe / "calls"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [line for line in lines if ("espnet2_nix.bin.stamp" in line) is stamps]


def test_kss_without_kss_says_what_to_set(tmp_path, recipe):
    folder = recipe.parents[1] / "kss" / "nix_tts1"
    out = run("./run.sh", "--stop_stage", "1", "--ngpu", "0", cwd=folder, env={"KSS": ""})
    assert out.returncode == 1
    assert "KSS=/path/to/KSS ./run.sh" in out.stderr


@pytest.mark.parametrize("corpus", ["toy_kss", "kss", "emotiontts"])
def test_python_and_the_shares_reach_the_corpus(recipe, corpus, monkeypatch):
    monkeypatch.setenv("KSS", "somewhere")
    monkeypatch.setenv("EMOTIONTTS", "somewhere")
    folder = recipe.parents[1] / corpus / "nix_tts1"
    *_, prepare = calls(folder, 1, "--local_data_opts", "--dev_share 0.25 --eval1_share 0.125")
    assert "prepare_corpus" in prepare
    assert "--dev_share 0.25 --eval1_share 0.125" in prepare


def test_further_text_goes_with_the_corpus_to_the_encoder_and_no_recording(recipe):
    write(recipe, TEACHER, SHAPES)
    write(recipe, "dump/raw/tr_no_dev/text", content="u1 \u1102 \u1161 .\n")
    write(recipe, "dump/token_list/standard/tokens.txt", content="\n".join("abc") + "\n")
    (recipe / "extra.txt").write_text("나무.\n\n물이 많다.\n", encoding="utf-8")
    stub = '#!/bin/bash\n[[ "$2" == *format_text ]] && exec python3 "$@"\necho "$@" >> calls\n'
    (recipe / "stub").write_text(stub, encoding="utf-8")
    (recipe / "stub").chmod(0o755)
    command = ["./run.sh", "--stage", "7", "--stop_stage", "7", "--ngpu", "0", "--python", "./stub"]
    out = run(*command, "--extra_text", "extra.txt", cwd=recipe)
    assert out.returncode == 0, out.stderr
    folder = "exp/vits_teacher/latents_train.total_count.ave_extra"
    lines = (recipe / folder / "train_text").read_text(encoding="utf-8").splitlines()
    # The corpus is half of what is drawn.
    assert [line.split()[0] for line in lines] == ["extra_0000001", "extra_0000003", "u1", "u1@2"]
    assert lines[2].split()[1:] == lines[3].split()[1:] == ["\u1102", "\u1161", "."]
    shapes = (recipe / folder / "train_text_shape").read_text(encoding="utf-8").splitlines()
    assert shapes == [f"{line.split()[0]} {len(line.split()) - 1},3" for line in lines]
    dump, train = written(recipe)
    assert f"--extra_text {folder}/extra_text" in dump
    assert f"--latents_dir {folder}" in train
    assert "speech,sound" not in train
    out = run(*command, "--extra_text", "none.txt", cwd=recipe)
    assert "--extra_text none.txt not found" in out.stderr
    encoders = ["exp/a/best.pth", "exp/b/best.pth"]
    out = run(*command, "--extra_text_encoders", " ".join(encoders), cwd=recipe)
    assert "they read further sentences: give --extra_text FILE" in out.stderr
    by_encoders = [*command, "--extra_text", "extra.txt", "--extra_text_encoders", " ".join(encoders)]
    out = run(*by_encoders, cwd=recipe)
    assert "exp/a/best.pth not found; each is a checkpoint of stage 7" in out.stderr
    write(recipe, *encoders)
    assert run(*by_encoders, cwd=recipe).returncode == 0
    *_, dump, train = written(recipe)
    assert f"--extra_encoders {' '.join(encoders)}" in dump
    assert f"--latents_dir {folder}_by_encoders" in train


def test_the_latents_of_further_text_reach_the_decoder_and_its_fine_tuning(recipe):
    write(recipe, TEACHER, ENCODER, DECODER, SHAPES, SPEECH_SHAPES)
    (plain,) = calls(recipe, 8)
    assert "--latents_dir" not in plain
    option = "--latents_dir exp/vits_teacher/latents_train.total_count.ave_extra "
    (distillation,) = calls(recipe, 8, "--extra_text", "extra.txt")
    (finetuning,) = calls(recipe, 8, "--extra_text", "extra.txt", "--finetune_decoder", "true")
    assert option in distillation
    assert option in finetuning


def phases(recipe, filled, *options):
    """The Python commands of a warm start whose start voice brings some modules, without stamps; what they write holds the name of its writer."""
    write(recipe, SHAPES, SPEECH_SHAPES, "dump/raw/tr_no_dev/wav.scp")
    stub = """#!/bin/bash
shift
echo "$@" >> calls
value() { sed -n "s/.* --$1 \\([^ ]*\\).*/\\1/p" <<< " ${call}"; }
write() { mkdir -p "$(dirname "$1")"; echo "${call}" > "$1"; }
call=$*
case "$1" in
    *.teacher_init) write "$(value outdir)/model.pth"; printf '%s\\n' FILLED > "$(value outdir)/filled" ;;
    *.take_teacher) mkdir -p "$(dirname "$(value out)")"; cat "$(value model_file)" > "$(value out)" ;;
    *.align_text | *.refine_durations | *.latent_stats) write "$(value out)" ;;
    *.launch) for name in train.total_count.ave.pth valid.loss.best.pth; do write "$(value output_dir)/${name}"; done ;;
esac
"""
    write(recipe, "stub", content=stub.replace("FILLED", filled))
    (recipe / "stub").chmod(0o755)
    (recipe / "calls").unlink(missing_ok=True)
    command = ["./run.sh", "--stage", "6", "--stop_stage", "6", "--python", "./stub", "--teacher_init", "voice"]
    out = run(*command, *options, cwd=recipe)
    assert out.returncode == 0, out.stderr
    path = recipe / "calls"
    commands = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [command for command in commands if "espnet2_nix.bin.stamp" not in command]


def names_of(commands):
    """What each command does: its module, or the training that ESPnet launches."""
    return [re.findall(r"espnet2_nix\.bin\.(\w+)", command)[-1] for command in commands]


def test_a_warm_start_trains_in_phases_and_skips_what_stands(recipe):
    commands = phases(recipe, "decoder")
    assert names_of(commands) == [
        "teacher_init", "start_speech", "posterior_pretraining_train", "take_teacher", "vits_autoencoder_train", "take_teacher",
        "text_aligner_train", "align_text", "dump_latents", "text_side_train", "take_teacher", "refine_durations",
        "dump_latents", "text_side_train", "take_teacher", "take_teacher",
    ]  # fmt: skip
    autoencoder = commands[4]
    assert "--teacher_model_file exp/vits_teacher/phases/posterior/teacher/model.pth" in autoencoder
    assert "--latent_stats exp/vits_teacher/phases/start_speech/latent_stats.npz" in autoencoder
    at_rest, text_side = commands[9], commands[13]
    assert "train_text_prior.yaml" in at_rest
    assert "--latents_dir exp/vits_teacher/phases/aligner/latents " in at_rest
    assert "--teacher_model_file exp/vits_teacher/phases/text_prior/teacher/model.pth" in text_side
    assert "--durations exp/vits_teacher/durations " in commands[12]
    assert "text_side_train" in (recipe / "exp/vits_teacher/model.pth").read_text(encoding="utf-8")
    assert phases(recipe, "decoder") == []


def test_a_start_voice_with_a_posterior_encoder_spares_its_phase(recipe):
    commands = phases(recipe, "decoder posterior_encoder")
    assert names_of(commands)[:4] == ["teacher_init", "latent_stats", "vits_autoencoder_train", "take_teacher"]
    assert "--teacher_model_file exp/vits_teacher/phases/init/model.pth" in commands[2]
    assert "--latent_stats exp/vits_teacher/phases/init/latent_stats.npz" in commands[2]


def test_the_last_phase_that_stands_is_the_teacher(recipe):
    teacher, phase = recipe / "exp/vits_teacher/model.pth", "exp/vits_teacher/phases/all_together"
    phases(recipe, "decoder")
    commands = phases(recipe, "decoder", "--all_together", "true", "--all_together_args", "--max_epoch 7")
    assert names_of(commands) == ["gan_tts_train", "take_teacher", "take_teacher"]
    assert "--init_param exp/vits_teacher/phases/text_side/teacher/model.pth" in commands[0]
    assert f"--output_dir {phase} " in commands[0]
    assert commands[0].endswith("--max_epoch 7")
    assert "gan_tts_train" in teacher.read_text(encoding="utf-8")
    assert phases(recipe, "decoder", "--all_together", "true") == []
    assert phases(recipe, "decoder") == []  # and it stays
    # An earlier version left the text side's result in the teacher's folder alone.
    for name in ("text_side/teacher/model.pth", "all_together/teacher/model.pth"):
        (recipe / "exp/vits_teacher/phases" / name).unlink()
    assert phases(recipe, "decoder") == []
    commands = phases(recipe, "decoder", "--all_together", "true")
    assert "--init_param exp/vits_teacher/model.pth" in commands[0]


def test_a_teacher_that_need_not_speak_spares_its_text_side(recipe):
    teacher = recipe / "exp/vits_teacher/model.pth"
    commands = phases(recipe, "decoder", "--skip_text_side", "true")
    assert names_of(commands)[-3:] == ["take_teacher", "refine_durations", "take_teacher"]
    assert "train_text_prior.yaml" in teacher.read_text(encoding="utf-8")
    assert phases(recipe, "decoder", "--skip_text_side", "true") == []
    commands = phases(recipe, "decoder", "--skip_text_side", "true", "--all_together", "true")
    assert names_of(commands) == ["gan_tts_train", "take_teacher", "take_teacher"]
    shutil.rmtree(recipe / "exp/vits_teacher/phases/all_together")
    shutil.copy(recipe / "exp/vits_teacher/phases/text_prior/teacher/model.pth", teacher)
    # Asked for later, it is learnt, and is the teacher.
    commands = phases(recipe, "decoder")
    assert names_of(commands) == ["dump_latents", "text_side_train", "take_teacher", "take_teacher"]
    assert "train_text_side.yaml" in teacher.read_text(encoding="utf-8")
    assert phases(recipe, "decoder") == []


def test_a_mute_teacher_does_not_read_in_stage_9(recipe):
    write(recipe, "exp/vits_teacher/phases/text_prior/teacher/model.pth", content="prior\n")
    stub = '#!/bin/sh\necho "$@" >> calls\n'
    write(recipe, "stub", content=stub)
    (recipe / "stub").chmod(0o755)
    write(recipe, ENCODER, DECODER, "dump/raw/eval1/text")
    command = ["./run.sh", "--stage", "9", "--stop_stage", "9", "--python", "./stub", "--test_sets", "eval1"]
    for content, mute in (("prior\n", True), ("of its own\n", False)):
        write(recipe, "exp/vits_teacher/model.pth", content=content)
        (recipe / "calls").unlink(missing_ok=True)
        run(*command, "--teacher_file", "model.pth", cwd=recipe)
        asked = [line for line in written(recipe) if "bin.systems" in line and "--taught" in line]
        assert len(asked) == 1
        assert ("--mute" in asked[0]) == mute


def test_a_mute_teacher_reads_no_further_text(recipe):
    write(recipe, TEACHER, SHAPES, "extra.txt", "a.pth", "b.pth")
    write(recipe, "exp/vits_teacher/phases/text_prior/teacher/model.pth", "exp/vits_teacher/model.pth")
    command = ["./run.sh", "--stage", "7", "--stop_stage", "7", "--python", "true", "--extra_text", "extra.txt"]
    out = run(*command, cwd=recipe)
    assert out.returncode == 1
    assert "has not learnt to read (--skip_text_side): give --extra_text_encoders, or run stage 6" in out.stderr
    assert "has not learnt" not in run(*command, "--extra_text_encoders", "a.pth b.pth", cwd=recipe).stderr


def test_systems_of_the_teacher_alone_need_no_student(recipe):
    (recipe / "exp" / "vits_teacher").mkdir(parents=True)
    (recipe / "exp" / "vits_teacher" / "train.total_count.ave.pth").write_text("weights", encoding="utf-8")
    command = ["./run.sh", "--stage", "9", "--stop_stage", "9"]
    out = run(*command, "--systems", "teacher", cwd=recipe)
    assert "text not found; stage 3 writes it" in out.stderr
    out = run(*command, "--systems", "teacher student", cwd=recipe)
    assert "stage 7 writes it" in out.stderr


def test_after_a_warm_start_stage_9_takes_the_durations_of_its_text_encoder(recipe):
    teacher = "exp/vits_teacher/model.pth"
    write(recipe, teacher, TEACHER, "dump/raw/eval1/text", "dump/raw/eval1/wav.scp", content="u1 a\n")
    options = ["--test_sets", "eval1", "--inference_nj", "1", "--systems"]
    stub = """#!/bin/sh
echo "$@" >> calls
case "$*" in
    *bin.systems*) exec python3 "$@" ;;
    *tts_inference*)
        for system in teacher teacher_resynthesis; do
            mkdir -p exp/nix_tts/inference/eval1/$system
            echo row > exp/nix_tts/inference/eval1/$system/utterances.1.tsv
        done
        ;;
esac
"""
    # What all modules train on together has a path of its own again, and what speaks from text alone needs none.
    cases = (
        ("teacher_resynthesis", (), False),
        ("teacher", ("text_prior",), False),
        ("teacher_resynthesis", ("text_prior",), True),
        ("teacher_resynthesis", ("text_prior", "all_together"), False),
    )
    for system, phases, aligned in cases:
        write(recipe, *(f"exp/vits_teacher/phases/{phase}/teacher/model.pth" for phase in phases))
        write(recipe, "stub", content=stub)
        (recipe / "stub").chmod(0o755)
        (recipe / "calls").unlink(missing_ok=True)
        out = run("./run.sh", "--stage", "9", "--stop_stage", "9", "--python", "./stub", *options, system, cwd=recipe)
        assert out.returncode == 0, out.stderr
        commands = [line for line in written(recipe) if "bin.systems" not in line]
        assert "tts_inference" in commands[-1]
        assert ("--durations exp/nix_tts/inference/eval1/durations " in commands[-1]) == aligned
        assert any("refine_durations" in command for command in commands) == aligned


def test_fine_tuning_is_a_training_of_stage_8(recipe):
    write(recipe, TEACHER, ENCODER, SHAPES, SPEECH_SHAPES)
    command = ["./run.sh", "--stage", "8", "--stop_stage", "8", "--finetune_decoder", "true"]
    assert calls(recipe, 8, "--finetune_decoder", "true", "--skip_train", "true") == []
    write(recipe, DECODER)
    (training,) = calls(recipe, 8, "--finetune_decoder", "true", "--finetune_args", "--max_epoch 3")
    assert "--output_dir exp/nix_decoder_finetuned" in training
    assert f"--encoder_model_file {ENCODER} --init_model_file {DECODER}" in training
    assert training.endswith("--max_epoch 3")
    assert "--latents_dir" not in training
    stored = "--latents_dir exp/vits_teacher/latents_train.total_count.ave "
    (training,) = calls(recipe, 8, "--finetune_decoder", "true", "--dump_latents", "true")
    assert stored in training
    write(recipe, "exp/vits_teacher/durations")  # of a warm start, whose own path is not learnt
    (training,) = calls(recipe, 8, "--finetune_decoder", "true")
    assert stored in training
    assert (recipe / "exp/nix_decoder_finetuned/run.sh").exists()
    (recipe / ENCODER).unlink()
    out = run(*command, cwd=recipe)
    assert out.returncode == 1
    assert f"{ENCODER} not found; stage 7 writes it" in out.stderr


def test_without_its_decoder_fine_tuning_distils_first(recipe):
    write(recipe, TEACHER, ENCODER, SHAPES, SPEECH_SHAPES)
    stub = f'#!/bin/sh\necho "$@" >> calls\nmkdir -p exp/nix_decoder\ntouch {DECODER}\n'
    write(recipe, "stub", content=stub)
    (recipe / "stub").chmod(0o755)
    command = ["./run.sh", "--stage", "8", "--stop_stage", "8", "--finetune_decoder", "true", "--python", "./stub"]
    assert run(*command, cwd=recipe).returncode == 0
    distillation, finetuning = written(recipe)
    assert "--output_dir exp/nix_decoder " in distillation
    assert "--output_dir exp/nix_decoder_finetuned " in finetuning


def test_stage_9_joins_the_fine_tuned_decoder_and_trains_nothing(recipe):
    write(recipe, ENCODER, DECODER)
    out = run("./run.sh", "--stage", "9", "--stop_stage", "9", "--finetune_decoder", "true", cwd=recipe)
    assert out.returncode == 1
    wanted = "exp/nix_decoder_finetuned/train.total_count.ave.pth not found; stage 8 writes it: "
    assert wanted + "./run.sh --stage 8 --stop_stage 8 --finetune_decoder true" in out.stderr


@pytest.mark.parametrize(
    ("options", "compared"),
    [
        (["--finetune_decoder", "true"], "--compare_scores not_finetuned=exp/nix_tts/scores.json --command"),
        (["--finetune_decoder", "true", "--tts_exp", "exp/own"], "--compare_scores --command"),
        (["--compare_scores", "a=b.json"], "--compare_scores a=b.json --command"),
        ([], "--compare_scores --command"),
    ],
)
def test_a_fine_tuned_student_is_compared_where_the_other_is_known(recipe, options, compared):
    write(recipe, "exp/nix_tts/scores.json")
    for student in ("nix_tts", "nix_tts_finetuned", "own"):
        write(recipe, f"exp/{student}/inference/eval1/student/utterances.tsv")
    (score,) = calls(recipe, 10, *options)
    assert compared in score


def test_the_window_reaches_every_training_that_is_told_of_features(recipe):
    write(recipe, SHAPES)
    (teacher,) = calls(recipe, 6, "--win_length", "800")
    assert "--feats_extract_conf win_length=800" in teacher
    (imported,) = calls(recipe, 6, "--win_length", "800", "--teacher_model", "vits.zip")
    assert "--win_length 800" in imported
    (scratch,) = calls(recipe, 7, "--win_length", "800", "--from_scratch", "true")
    assert "--win_length 800" in scratch


def test_an_empty_table_stops_with_its_name(recipe):
    write(recipe, "data/tr_no_dev/wav.scp", "data/dev/wav.scp", "data/eval1/wav.scp", content="")
    out = run("./run.sh", "--stage", "2", "--stop_stage", "2", cwd=recipe)
    assert out.returncode == 1
    assert "wav.scp: expected a table with a line an utterance, found nothing" in out.stderr


@pytest.mark.parametrize(
    ("options", "threads"), [([], str(len(os.sched_getaffinity(0)))), (["--train_threads", "3"], "3")]
)
def test_a_training_on_a_cpu_gets_every_core_though_jobs_get_one(recipe, options, threads):
    shape = recipe / "exp" / "tts_stats_raw_standard" / "train" / "text_shape.phn"
    shape.parent.mkdir(parents=True)
    shape.write_text("a 1,75\n", encoding="utf-8")
    (recipe / "stub").write_text('#!/bin/sh\necho "$OMP_NUM_THREADS $2" >> calls\n', encoding="utf-8")
    (recipe / "stub").chmod(0o755)
    command = ["./run.sh", "--stage", "6", "--stop_stage", "6", "--python", "./stub", *options]
    assert run(*command, cwd=recipe, env={"OMP_NUM_THREADS": ""}).returncode == 0
    lines = (recipe / "calls").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if "stamp" not in line] == [f"{threads} espnet2.bin.launch"]


# ---- stamps


def run_stage(recipe, stage, *options):
    """A stage whose stamps are read and written by the true command; everything else only makes the files that the stage needs."""
    stub = "#!/bin/bash\n"
    stub += (
        '[[ "$2" == *.bin.stamp ]] && exec python3 -W ignore "$@"\n[[ "$2" == *.bin.systems ]] && exec python3 "$@"\n'
    )
    stub += '[[ "$*" != *fail* ]] || exit 1\n'
    stub += 'echo "$@" >> calls\n[[ "$2" != *nix_assemble ]] || echo student > exp/nix_tts/model.pth\n'
    stub += "mkdir -p exp/nix_tts/inference/eval1/student\n"
    stub += "touch exp/nix_tts/inference/eval1/student/utterances.{1,2}.tsv\n"
    write(recipe, "stub", content=stub)
    (recipe / "stub").chmod(0o755)
    command = ["./run.sh", "--stage", str(stage), "--stop_stage", str(stage), "--python", "./stub", "--ngpu", "0"]
    return run(*command, "--systems", "student", *options, cwd=recipe)


@pytest.fixture
def trained(recipe):
    """A recipe with the files and stamps of stages 2 to 8, in little."""
    write(recipe, ENCODER, DECODER, TEACHER)
    write(recipe, "dump/raw/eval1/text", "dump/raw/eval1/wav.scp", content="u1 a\nu2 b\n")
    data = make_stamp("3", {"fs": "22050", "min_frames": "32"})
    data.write(recipe / "dump/raw/stamp.json")
    for name in ("nix_encoder", "nix_decoder", "vits_teacher"):
        Stamp("7", upstream={"dump/raw/stamp.json": data.facts()}).write(recipe / "exp" / name / "stamp.json")
    return recipe


STAMPS = {
    9: ["exp/nix_tts/stamp.json", "exp/nix_tts/inference/stamp.json"],
    10: ["exp/nix_tts/scores.stamp.json"],
    11: ["exp/nix_tts/nix_tts_toy_kss.zip.stamp.json"],
    12: ["exp/nix_tts/voice.stamp.json"],
}


def test_stages_9_to_12_leave_stamps_of_what_made_their_output(trained):
    for stage, names in STAMPS.items():
        out = run_stage(trained, stage)
        assert out.returncode == 0, out.stderr
        for name in names:
            stamp = Stamp.read(trained / name)
            assert (stamp.stage, stamp.finished) == (str(stage), True)
            facts = stamp.facts()
            assert (facts["fs"], facts["license"], ENCODER in facts) == ("22050", "CC0-1.0", True)


@pytest.mark.parametrize("stage", [10, 11, 12])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--fs", "16000"], "was made with fs 22050, this run has fs 16000"),
        (["--license", "CC-BY-4.0"], "was made with license CC0-1.0, this run has license CC-BY-4.0"),
    ],
)
def test_stages_10_to_12_refuse_what_was_made_with_other_options(trained, stage, options, message):
    assert run_stage(trained, 9).returncode == 0
    out = run_stage(trained, stage, *options)
    assert out.returncode == 1
    assert message in out.stderr
    assert "./run.sh --stage" in out.stderr
    assert not any((trained / name).exists() for name in STAMPS[stage])


@pytest.mark.parametrize("stage", [10, 11, 12])
def test_stages_10_to_12_refuse_a_student_that_is_older_than_its_trainings(trained, stage):
    assert run_stage(trained, 9).returncode == 0
    write(trained, ENCODER, content="trained on\n")
    out = run_stage(trained, stage)
    assert out.returncode == 1
    assert f"exp/nix_tts (stage 9) was made of another {ENCODER}: its SHA-256 began" in out.stderr
    assert "run ./run.sh --stage 9" in out.stderr
    assert run_stage(trained, stage, "--other_data", "true").returncode == 0


def test_scores_refuse_speech_that_is_older_than_its_student(trained):
    assert run_stage(trained, 9).returncode == 0
    kept = (trained / STAMPS[9][1]).read_bytes()
    write(trained, DECODER, content="trained on\n")
    assert run_stage(trained, 9).returncode == 0
    (trained / STAMPS[9][1]).write_bytes(kept)
    out = run_stage(trained, 10)
    assert out.returncode == 1
    assert f"exp/nix_tts/inference (stage 9) is older than exp/nix_tts: {DECODER} was" in out.stderr


def test_a_stage_that_was_broken_off_is_refused_by_the_next(trained):
    assert run_stage(trained, 9).returncode == 0
    out = run_stage(trained, 9, "--inference_args", "--fail")
    assert out.returncode == 1, out.stderr
    out = run_stage(trained, 10)
    assert out.returncode == 1
    assert (
        "exp/nix_tts/inference: stage 9 was begun and did not finish; run ./run.sh --stage 9 --stop_stage 9"
        in out.stderr
    )
    out = run_stage(trained, 9, "--license", "fails")
    assert out.returncode == 1, out.stderr
    out = run_stage(trained, 11)
    assert out.returncode == 1
    assert "exp/nix_tts: stage 9 was begun and did not finish; run ./run.sh --stage 9 --stop_stage 9" in out.stderr


def test_a_students_stage_leaves_its_teachers_stamp_as_it_is(trained):
    write(trained, SHAPES, SPEECH_SHAPES)
    make_stamp("5", {"fs": "22050", "min_frames": "64"}).write(trained / "exp/tts_stats_raw_standard/stamp.json")
    before = (trained / "exp/vits_teacher/stamp.json").read_bytes()
    options = ["--min_frames", "64"]
    out = run_stage(trained, 8, *options)
    assert out.returncode == 1
    assert "exp/vits_teacher was made with min_frames 32, this run has min_frames 64" in out.stderr
    (trained / "exp/nix_decoder/stamp.json").unlink()
    out = run_stage(trained, 8, *options, "--other_data", "true")
    assert out.returncode == 0, out.stderr
    assert (trained / "exp/vits_teacher/stamp.json").read_bytes() == before
    assert Stamp.read(trained / "exp/nix_decoder/stamp.json").facts()["min_frames"] == "64"


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_given_teacher_leaves_a_stamp_and_keeps_to_its_rate(recipe, kind):
    write(recipe, SHAPES, TEACHER, "exp/vits_teacher/model.pth")
    write(recipe, "vits/model.pth" if kind == "folder" else "vits")
    assert run_stage(recipe, 6, "--teacher_model", "vits").returncode == 0
    stamp = Stamp.read(recipe / "exp/vits_teacher/stamp.json")
    assert stamp.settings["fs"] == "22050"
    assert list(stamp.content) == ([] if kind == "folder" else ["vits"])
    make_stamp("5", {"fs": "16000"}).write(recipe / "exp/tts_stats_raw_standard/stamp.json")
    out = run_stage(recipe, 7, "--teacher_model", "vits", "--fs", "16000")
    assert out.returncode == 1
    assert "exp/vits_teacher was made with fs 22050, this run has fs 16000" in out.stderr
