"""The shell: options, refusals, dispatch to this machine and to Slurm."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from conftest import ROOT

TEMPLATE = ROOT / "egs2" / "TEMPLATE" / "nix_tts1"
UTILS = TEMPLATE / "utils"
RECIPES = ("kss", "emotiontts", "toy_kss")


def run(*command, cwd, env=None, check=False, **kwargs):
    # The tests' own Python stands for the .venv, wherever it is.
    env = {**os.environ, "NIX_PYTHON": sys.executable, **(env or {})}
    return subprocess.run(command, cwd=cwd, env=env, check=check, capture_output=True, text=True, **kwargs)


@pytest.fixture
def recipe(tmp_path):
    """A copy of the toy recipe in the layout of a checkout, so that nothing is written into the real one."""
    shutil.copytree(
        ROOT / "egs2",
        tmp_path / "egs2",
        symlinks=True,
        ignore=shutil.ignore_patterns("dump", "exp", "data", "downloads"),
    )
    return tmp_path / "egs2" / "toy_kss" / "nix_tts1"


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
    "token_type",
    "cleaner",
    "g2p",
    "train_args",
    "tag",
    "tts_exp",
    "tts_stats_dir",
    "inference_config",
    "inference_args",
    "inference_tag",
    "inference_model",
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


def test_unknown_token_types_and_too_many_gpus_are_refused(recipe):
    out = run("./run.sh", "--token_type", "char", cwd=recipe)
    assert "only phn is known" in out.stderr
    out = run("./run.sh", "--stage", "6", "--stop_stage", "6", "--ngpu", "99", cwd=recipe)
    assert "give --ngpu 0 to train on the CPU" in out.stderr


def test_a_student_from_scratch_is_not_fine_tuned(recipe):
    out = run("./run.sh", "--from_scratch", "true", "--finetune_decoder", "true", cwd=recipe)
    assert out.returncode == 1
    assert "--from_scratch and --finetune_decoder exclude each other" in out.stderr


def test_further_text_goes_with_the_corpus_to_the_encoder_and_no_recording(recipe):
    for name, content in {
        "exp/vits_teacher/train.total_count.ave.pth": "weights",
        "exp/tts_stats_raw_standard/train/text_shape.phn": "u1 3,75\n",
        "dump/raw/tr_no_dev/text": "u1 \u1102 \u1161 .\n",
        "dump/token_list/standard/tokens.txt": "\n".join("abc") + "\n",
    }.items():
        (recipe / name).parent.mkdir(parents=True, exist_ok=True)
        (recipe / name).write_text(content, encoding="utf-8")
    (recipe / "extra.txt").write_text("나무.\n\n물이 많다.\n", encoding="utf-8")
    stub = '#!/bin/bash\n[[ "$2" == *format_text ]] && exec python3 "$@"\necho "$@" >> calls\n'
    (recipe / "stub").write_text(stub, encoding="utf-8")
    (recipe / "stub").chmod(0o755)
    command = ["./run.sh", "--stage", "7", "--stop_stage", "7", "--ngpu", "0", "--python", "./stub"]
    out = run(*command, "--extra_text", "extra.txt", cwd=recipe)
    assert out.returncode == 0, out.stderr
    folder = "exp/vits_teacher/latents_train.total_count.ave_extra"
    lines = (recipe / folder / "train_text").read_text(encoding="utf-8").splitlines()
    assert [line.split()[0] for line in lines] == ["extra_0000001", "extra_0000003", "u1"]
    shapes = (recipe / folder / "train_text_shape").read_text(encoding="utf-8").splitlines()
    assert shapes == [f"{line.split()[0]} {len(line.split()) - 1},3" for line in lines]
    dump, train = (recipe / "calls").read_text(encoding="utf-8").splitlines()
    assert f"--extra_text {folder}/extra_text" in dump
    assert f"--latents_dir {folder}" in train
    assert "speech,sound" not in train
    out = run(*command, "--extra_text", "none.txt", cwd=recipe)
    assert "--extra_text none.txt not found" in out.stderr


def test_systems_of_the_teacher_alone_need_no_student(recipe):
    (recipe / "exp" / "vits_teacher").mkdir(parents=True)
    (recipe / "exp" / "vits_teacher" / "train.total_count.ave.pth").write_text("weights", encoding="utf-8")
    command = ["./run.sh", "--stage", "9", "--stop_stage", "9"]
    out = run(*command, "--systems", "teacher", cwd=recipe)
    assert "text not found; stage 3 writes it" in out.stderr
    out = run(*command, "--systems", "teacher student", cwd=recipe)
    assert "stage 7 writes it" in out.stderr


def test_kss_without_kss_says_what_to_set(tmp_path, recipe):
    folder = recipe.parents[1] / "kss" / "nix_tts1"
    out = run("./run.sh", "--stop_stage", "1", "--ngpu", "0", cwd=folder, env={"KSS": ""})
    assert out.returncode == 1
    assert "KSS=/path/to/KSS ./run.sh" in out.stderr


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
    assert (recipe / "calls").read_text(encoding="utf-8").splitlines() == [f"{threads} espnet2.bin.launch"]


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


# ---- run.pl


def run_pl(tmp_path, *arguments):
    return run(str(UTILS / "run.pl"), *arguments, cwd=tmp_path)


def test_run_pl_runs_an_array_and_writes_kaldis_log(tmp_path):
    out = run_pl(tmp_path, "--gpu", "0", "JOB=1:3", "--mem", "2G", "log/x.JOB.log", "echo", "job JOB", "|", "cat")
    assert out.returncode == 0
    for task in (1, 2, 3):
        lines = (tmp_path / f"log/x.{task}.log").read_text().splitlines()
        assert lines[0] == f"# echo 'job {task}' | cat"
        assert lines[2].startswith("# Started at ")
        assert f"job {task}" in lines
        assert lines[-2].startswith("# Accounting: time=")
        assert lines[-1].startswith("# Ended (code 0)")


def test_run_pl_reports_failures(tmp_path):
    out = run_pl(tmp_path, "JOB=1:4", "x.JOB.log", "test", "JOB", "-le", "2")
    assert out.returncode == 1
    assert "2 / 4 failed, log is in x.*.log" in out.stderr
    assert "# Ended (code 1)" in (tmp_path / "x.3.log").read_text()


@pytest.mark.parametrize("arguments", [["JOB=0:2", "x.JOB.log", "true"], ["JOB=1:2", "x.log", "true"], ["x.log"]])
def test_run_pl_refuses_what_kaldis_refuses(tmp_path, arguments):
    out = run_pl(tmp_path, *arguments)
    assert out.returncode == 1
    assert "usage" in out.stderr


def test_run_pl_keeps_to_max_jobs_run(tmp_path):
    command = "touch on.JOB; ls on.* | wc -l; sleep 0.3; rm on.JOB"
    run_pl(tmp_path, "--max-jobs-run", "2", "JOB=1:6", "x.JOB.log", "bash", "-c", command).check_returncode()
    seen = [
        int(line)
        for task in range(1, 7)
        for line in (tmp_path / f"x.{task}.log").read_text().split("\n")
        if line.strip().isdigit()
    ]
    assert len(seen) == 6
    assert max(seen) <= 2


def test_run_pl_ends_its_children_when_stopped(tmp_path):
    process = subprocess.Popen([str(UTILS / "run.pl"), "x.log", "bash", "-c", "echo $$ > pid; sleep 60"], cwd=tmp_path)
    deadline = time.time() + 20
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
        assert time.time() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 143
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


# ---- slurm.pl, against a stand-in for the cluster

SBATCH = """#!/usr/bin/env bash
# Runs the script's tasks at once, as a cluster with free nodes would; remembers its own command line.
printf '%s\\n' "$@" > sbatch.args
script=${!#}
range=1-1
while [ $# -gt 1 ]; do if [ "$1" = --array ]; then range=${2%%%*}; fi; shift; done
echo "Submitted batch job 42"
for task in $(seq "${range%-*}" "${range#*-}"); do
    SLURM_JOB_ID=42 SLURM_ARRAY_TASK_ID=$task env -u NIX_TEST bash "$script" > /dev/null 2>&1 &
done
"""


@pytest.fixture
def cluster(recipe):
    """The recipe with a stand-in for sbatch on its PATH."""
    (recipe / "bin").mkdir()
    (recipe / "bin" / "sbatch").write_text(SBATCH, encoding="utf-8")
    (recipe / "bin" / "sbatch").chmod(0o755)
    return recipe


def slurm_pl(cluster, *arguments):
    return run(
        str(UTILS / "slurm.pl"),
        *arguments,
        cwd=cluster,
        env={"PATH": f"{cluster}/bin:{os.environ['PATH']}"},
        timeout=60,
    )


def test_slurm_pl_submits_an_array_and_waits(cluster):
    out = slurm_pl(
        cluster, "--gpu", "1", "--mem", "4G", "--max-jobs-run", "2", "JOB=1:3", "log/x.JOB.log", "echo", "job", "JOB"
    )
    assert out.returncode == 0, out.stderr
    arguments = (cluster / "sbatch.args").read_text().split()
    for pair in (["--gres", "gpu:1"], ["--mem", "4G"], ["--array", "1-3%2"]):
        index = arguments.index(pair[0])
        assert arguments[index : index + 2] == pair
    for task in (1, 2, 3):
        log = (cluster / f"log/x.{task}.log").read_text()
        assert f"job {task}" in log
        assert "# Ended (code 0)" in log


def test_slurm_pl_reports_failures_and_unknown_options(cluster):
    out = slurm_pl(cluster, "JOB=1:2", "x.JOB.log", "test", "JOB", "=", "1")
    assert out.returncode == 1
    assert "1 / 2 failed" in out.stderr
    out = slurm_pl(cluster, "--colour", "red", "x.log", "true")
    assert out.returncode == 1
    assert "option colour=red is not defined in conf/slurm.conf" in out.stderr


def test_slurm_pl_without_slurm_says_so(recipe):
    out = run(str(UTILS / "slurm.pl"), "x.log", "true", cwd=recipe)
    assert out.returncode == 1
    assert "sbatch not found" in out.stderr
