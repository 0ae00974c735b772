"""The recipe's shell: layout, options and refusals."""

import os
import re
import shutil

import pytest
from conftest import ROOT, run

TEMPLATE = ROOT / "egs2" / "TEMPLATE" / "nix_tts1"
RECIPES = ("kss", "emotiontts", "toy_kss")


# ---- layout


def test_root_symlinks_lead_into_the_kss_recipe():
    for name in ("run.sh", "path.sh", "cmd.sh", "conf", "local", "Dockerfile"):
        path = ROOT / name
        assert path.exists(), name
        if name != "Dockerfile":
            assert path.is_symlink()
            assert path.resolve().is_relative_to(ROOT / "egs2")


@pytest.mark.parametrize("corpus", RECIPES)
def test_every_recipe_has_the_same_shape(corpus):
    folder = ROOT / "egs2" / corpus / "nix_tts1"
    for name in ("run.sh", "nix_tts.sh", "path.sh", "cmd.sh", "local/data.sh", "conf/slurm.conf", "utils/run.pl"):
        assert (folder / name).exists(), name
    for name in ("run.sh", "nix_tts.sh", "local/data.sh", "utils/run.pl", "utils/slurm.pl"):
        assert os.access(folder / name, os.X_OK), name


# ---- options


def test_help_lists_every_declared_option():
    out = run("./run.sh", "--help", cwd=ROOT / "egs2/toy_kss/nix_tts1")
    assert out.returncode == 0
    source = (TEMPLATE / "nix_tts.sh").read_text(encoding="utf-8")
    declared = re.findall(r"^([a-z_0-9]+)=.*# ", source.split("help_message=")[0], flags=re.M)
    assert len(declared) > 45
    for name in declared:
        assert f"--{name} " in out.stdout


WANTED = [
    "stage",
    "stop_stage",
    "skip_data_prep",
    "skip_train",
    "skip_eval",
    "skip_upload_hf",
    "ngpu",
    "num_nodes",
    "nj",
    "inference_nj",
    "gpu_inference",
    "dumpdir",
    "expdir",
    "python",
    "local_data_opts",
    "fs",
    "n_fft",
    "n_shift",
    "win_length",
    "g2p",
    "train_args",
    "tag",
    "tts_exp",
    "tts_stats_dir",
    "inference_config",
    "inference_args",
    "inference_tag",
    "download_model",
    "hf_repo",
    "teacher_config",
    "encoder_config",
    "decoder_config",
    "teacher_model",
]


def test_the_options_that_espnets_users_expect_are_declared():
    source = (TEMPLATE / "nix_tts.sh").read_text(encoding="utf-8").split("help_message=")[0]
    missing = [name for name in WANTED if not re.search(rf"^{name}=", source, flags=re.M)]
    assert missing == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--no_such_option", "1"], "unknown option --no_such_option"),
        (["--stage"], "option --stage needs a value"),
        (["--stage=3"], "with a blank"),
        (["--stage", "three"], "expected a number"),
        (["--skip-train", "yes"], "expected true or false"),
        (["positional"], "no positional argument"),
        (["--config", "none.sh"], "no such file"),
    ],
)
def test_wrong_options_end_with_2_and_a_sentence(recipe, options, message):
    out = run("./run.sh", *options, cwd=recipe)
    assert out.returncode == 2
    assert message in out.stdout + out.stderr


def test_dashes_and_underscores_are_alike_and_a_config_is_read(recipe):
    (recipe / "my.sh").write_text("stop_stage=0\nngpu=0\n", encoding="utf-8")
    out = run("./run.sh", "--config", "my.sh", "--skip-data-prep", "true", cwd=recipe)
    assert out.returncode == 0, out.stderr
    assert "Skip the stages for data preparation" in out.stdout
    assert "Successfully finished" in out.stdout


@pytest.mark.parametrize(
    ("stage", "maker"), [(2, 1), (3, 2), (4, 3), (5, 4), (6, 5), (7, 6), (8, 6), (9, 7), (10, 9), (11, 9), (12, 9)]
)
def test_a_missing_input_names_the_stage_that_makes_it(recipe, stage, maker):
    out = run("./run.sh", "--stage", str(stage), "--stop_stage", str(stage), cwd=recipe)
    assert out.returncode == 1
    assert f"not found; stage {maker} writes it: ./run.sh --stage {maker} --stop_stage {maker}" in out.stderr


@pytest.mark.parametrize("stage", ["6", "7", "8"])
def test_too_many_gpus_are_refused_by_every_training(recipe, stage):
    out = run("./run.sh", "--stage", stage, "--stop_stage", stage, "--ngpu", "99", cwd=recipe)
    assert "give --ngpu 0 to train on the CPU" in out.stderr


@pytest.mark.parametrize("option", ["token_type", "cleaner", "inference_model"])
def test_options_of_espnet_with_one_legal_value_are_unknown(recipe, option):
    out = run("./run.sh", f"--{option}", "phn", cwd=recipe)
    assert out.returncode == 2
    assert f"unknown option --{option}" in out.stderr


def test_a_student_from_scratch_is_not_fine_tuned(recipe):
    out = run("./run.sh", "--from_scratch", "true", "--finetune_decoder", "true", cwd=recipe)
    assert out.returncode == 1
    assert "--from_scratch and --finetune_decoder exclude each other" in out.stderr


# ---- path.sh and cmd.sh


def test_path_sh_can_be_sourced_twice_and_honours_espnet_root(recipe, tmp_path):
    script = '. ./path.sh; one=$PATH; . ./path.sh; [ "$one" = "$PATH" ] && command -v run.pl && echo $LC_ALL $OMP_NUM_THREADS'
    out = run("bash", "-euc", script, cwd=recipe, env={"OMP_NUM_THREADS": ""})
    assert out.returncode == 0, out.stderr
    assert str(recipe.parents[1] / "TEMPLATE/nix_tts1/utils/run.pl") in out.stdout
    assert "C 1" in out.stdout
    utils = tmp_path / "espnet/egs2/TEMPLATE/asr1/utils"
    utils.mkdir(parents=True)
    (utils / "run.pl").write_text("#!/bin/sh\n", encoding="utf-8")
    (utils / "run.pl").chmod(0o755)
    out = run(
        "bash", "-euc", ". ./path.sh; command -v run.pl", cwd=recipe, env={"ESPNET_ROOT": str(tmp_path / "espnet")}
    )
    assert out.stdout.strip() == str(utils / "run.pl")


def test_path_sh_says_when_the_package_is_missing(recipe, tmp_path):
    python = tmp_path / "bin" / "python3"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    python.chmod(0o755)
    out = run("bash", "-uc", ". ./path.sh || echo refused", cwd=recipe, env={"NIX_PYTHON": str(python)})
    assert "cannot import espnet2_nix" in out.stderr
    assert "refused" in out.stdout


def test_cmd_sh_knows_two_backends(recipe):
    script = ". ./cmd.sh && echo $train_cmd $cuda_cmd $decode_cmd"
    assert run("bash", "-uc", script, cwd=recipe).stdout.split() == ["run.pl"] * 3
    assert run("bash", "-uc", script, cwd=recipe, env={"cmd_backend": "slurm"}).stdout.split() == ["slurm.pl"] * 3
    assert (
        "expected cmd_backend local or slurm" in run("bash", "-uc", script, cwd=recipe, env={"cmd_backend": "x"}).stderr
    )


@pytest.mark.parametrize(
    ("options", "backend", "message"),
    [
        (["--nj", "0"], "local", "--nj 0: expected a whole number of 1 or more"),
        (["--nj", "2.5"], "local", "--nj 2.5: expected a whole number"),
        (["--num_nodes", "2"], "slurm", "--num_nodes 2 without GPUs"),
        (["--num_nodes", "2", "--ngpu", "1"], "local", "--num_nodes 2 needs a cluster"),
        pytest.param(
            [],
            "slurm",
            "sbatch is not on PATH",
            marks=pytest.mark.skipif(shutil.which("sbatch") is not None, reason="Slurm is installed"),
        ),
        ([], "pbs", "expected cmd_backend local or slurm, found 'pbs'"),
    ],
)
def test_what_cannot_run_is_refused_before_anything_starts(recipe, options, backend, message):
    out = run("./run.sh", *options, cwd=recipe, env={"cmd_backend": backend})
    assert out.returncode == 1
    assert message in out.stderr
    assert "Traceback" not in out.stderr
    assert not (recipe / "data").exists()
