"""Dispatch to this machine and to Slurm, and the splitting of tables over jobs."""

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT, run

UTILS = ROOT / "egs2" / "TEMPLATE" / "nix_tts1" / "utils"


# ---- split_scp.py


@pytest.mark.parametrize(("lines", "parts", "sizes"), [(5, 2, [3, 2]), (6, 3, [2, 2, 2]), (3, 3, [1, 1, 1])])
def test_a_table_is_split_into_consecutive_parts_of_like_size(tmp_path, lines, parts, sizes):
    table = "".join(f"u{i} 나무\n" for i in range(lines))
    (tmp_path / "text").write_text(table, encoding="utf-8")
    names = [f"part/{i}.scp" for i in range(parts)]
    assert run(str(UTILS / "split_scp.py"), "text", *names, cwd=tmp_path).returncode == 0
    found = [(tmp_path / name).read_text(encoding="utf-8") for name in names]
    assert "".join(found) == table
    assert [part.count("\n") for part in found] == sizes


def test_more_parts_than_lines_are_refused(tmp_path):
    (tmp_path / "text").write_text("u1 a\n", encoding="utf-8")
    out = run(str(UTILS / "split_scp.py"), "text", "a", "b", cwd=tmp_path)
    assert out.returncode == 1
    assert "1 lines cannot fill 2 parts: lower --nj" in out.stderr
    assert "usage" in run(str(UTILS / "split_scp.py"), "text", cwd=tmp_path).stderr


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
    wait_until(lambda: is_gone(int((tmp_path / "pid").read_text())))


def is_gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def wait_until(happened, seconds=40):
    deadline = time.time() + seconds
    while not happened():
        assert time.time() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("killed", ["run.pl", "recipe", "both"])
def test_nothing_goes_on_when_run_pl_or_its_recipe_is_killed_outright(tmp_path, killed):
    task = "echo $$ > pid; trap '' HUP; sleep 60 & echo $! > child; wait"
    script = f"export NIX_RECIPE_PID=$$; {UTILS / 'run.pl'} x.log bash -c {shlex.quote(task)} & echo $! > run_pl; wait"
    recipe = subprocess.Popen(["bash", "-c", script], cwd=tmp_path)
    wait_until(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text().strip())
    if killed != "run.pl":
        recipe.kill()
    if killed != "recipe":
        os.kill(int((tmp_path / "run_pl").read_text()), signal.SIGKILL)
    for name in ("pid", "child", "run_pl"):
        wait_until(lambda name=name: is_gone(int((tmp_path / name).read_text())))
    recipe.kill()
    recipe.wait()


def test_a_log_that_cannot_be_written_tells_its_end_on_standard_error(tmp_path):
    # No file may grow beyond a kilobyte: as on a full disk, writing fails in the midst of the log.
    script = f"ulimit -f 1; {UTILS / 'run.pl'} x.log bash -c 'seq 1000; echo the cause; exit 3'"
    out = run("bash", "-c", script, cwd=tmp_path)
    assert out.returncode == 1
    assert "x.log could not be written" in out.stderr
    assert "the cause" in out.stderr
    assert (tmp_path / "x.log").stat().st_size == 1024


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


@pytest.mark.parametrize("number", ["$$", "4194304", "$$-0123abcd"])
def test_what_a_killed_run_left_is_not_taken_for_a_finished_job(cluster, number):
    # The same number of process may come again: `exec` gives slurm.pl the very one of the left-over.
    script = f"mkdir q; echo 0 > q/done.x.{number}.1; exec {UTILS / 'slurm.pl'} x.log bash -c 'sleep 1; exit 3'"
    out = run("bash", "-c", script, cwd=cluster, env={"PATH": f"{cluster}/bin:{os.environ['PATH']}"}, timeout=60)
    assert out.returncode == 1
    assert "1 / 1 failed" in out.stderr
    assert "# Ended (code 3)" in (cluster / "x.log").read_text()
    assert [name for name in os.listdir(cluster / "q") if name.startswith("done.")] == []


def test_a_rerun_after_a_killed_slurm_pl_waits_for_its_own_tasks(cluster):
    path = {**os.environ, "PATH": f"{cluster}/bin:{os.environ['PATH']}", "NIX_PYTHON": sys.executable}
    task = ["bash", "-c", "echo run >> runs; sleep 2"]
    killed = subprocess.Popen([str(UTILS / "slurm.pl"), "x.log", *task], cwd=cluster, env=path)
    wait_until(lambda: (cluster / "runs").exists())
    killed.kill()
    killed.wait()
    # The stand-in knows no scancel: the first task ends by itself and leaves its file.
    wait_until(lambda: any(name.startswith("done.") for name in os.listdir(cluster / "q")))
    begin = time.monotonic()
    assert slurm_pl(cluster, "x.log", *task).returncode == 0
    assert time.monotonic() - begin >= 2
    assert (cluster / "runs").read_text() == "run\nrun\n"
    assert [name for name in os.listdir(cluster / "q") if name.startswith("done.")] == []


def test_slurm_pl_without_slurm_says_so(recipe):
    config = recipe / "conf" / "slurm.conf"
    text = config.read_text(encoding="utf-8").replace("command sbatch", "command sbatch-of-nowhere")
    config.unlink()  # a link to the template
    config.write_text(text, encoding="utf-8")
    out = run(str(UTILS / "slurm.pl"), "x.log", "true", cwd=recipe)
    assert out.returncode == 1
    assert "sbatch-of-nowhere not found" in out.stderr
