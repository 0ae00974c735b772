"""Locks and checkpoints of trainings, on a stand-in for ESPnet's task; test_training.py has real ones."""

import argparse
import json
import os
import socket
import subprocess
import sys

import pytest
import torch
from espnet2.gan_tts.vits.generator import VITSGenerator
from espnet2.main_funcs.average_nbest_models import average_nbest_models
from espnet2.train import trainer
from espnet2.train.reporter import Reporter

from espnet2_nix.errors import UserError
from espnet2_nix.losses.ged_loss import GEDLoss
from espnet2_nix.models.alignment_learner import AlignmentLearner
from espnet2_nix.models.decoder_distillation import DecoderDistillation
from espnet2_nix.models.encoder_distillation import EncoderDistillation
from espnet2_nix.models.nix_encoder import NixEncoder
from espnet2_nix.models.teacher_phases import PosteriorPretraining, VITSAutoencoder
from espnet2_nix.models.text_side import TextAligner, TextSide
from espnet2_nix.modules.text_encoder import TextEncoder
from espnet2_nix.modules.vits_discriminator import VITSDiscriminator
from espnet2_nix.tasks import safe_training
from espnet2_nix.tasks.safe_training import (
    SafeTraining,
    experiment_lock,
    is_whole,
    run,
    unknown_key,
    whole_averages,
    whole_checkpoints,
)

CRITERIA = [("valid", "loss", "min")]


class Espnet:
    """Writes what ESPnet writes, in its order; `stop_before` breaks off before that file."""

    @classmethod
    def get_parser(cls):
        parser = argparse.ArgumentParser()
        parser.add_argument("--output_dir")
        parser.add_argument("--max_epoch", type=int, default=2)
        parser.add_argument("--stop_before", default="")
        for name in ("print_config", "collect_stats", "dry_run"):
            parser.add_argument(f"--{name}", action="store_true")
        parser.set_defaults(resume=True, dist_rank=None, dist_launcher=None, best_model_criterion=CRITERIA)
        return parser

    @classmethod
    def main(cls, args=None, cmd=None):
        cls.main_worker(args)

    @classmethod
    def main_worker(cls, args):
        model, reporter = torch.nn.Linear(2, 2), Reporter()
        checkpoint = f"{args.output_dir}/checkpoint.pth"
        if args.resume and os.path.exists(checkpoint):
            states = torch.load(checkpoint, weights_only=True)
            model.load_state_dict(states["model"])
            reporter.load_state_dict(states["reporter"])
        for epoch in range(reporter.get_epoch() + 1, args.max_epoch + 1):
            reporter.set_epoch(epoch)
            with reporter.observe("valid") as sub:
                sub.register({"loss": torch.tensor(1.0 / epoch)})
                sub.next()
            files = {
                "checkpoint.pth": {"model": model.state_dict(), "reporter": reporter.state_dict()},
                f"{epoch}epoch.pth": model.state_dict(),
            }
            for name, content in files.items():
                if name == args.stop_before:
                    raise KeyboardInterrupt
                torch.save(content, f"{args.output_dir}/{name}")


class Task(SafeTraining, Espnet):
    pass


def train(folder, *options):
    Task.main(cmd=["--output_dir", str(folder), *options])


def epoch_of(checkpoint):
    return torch.load(checkpoint, weights_only=True)["reporter"]["epoch"]


def halve(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


# ---- checkpoints


def test_a_truncated_checkpoint_goes_back_to_the_epoch_before(tmp_path, capsys):
    train(tmp_path, "--max_epoch", "3")
    assert (epoch_of(tmp_path / "checkpoint.pth"), epoch_of(tmp_path / "checkpoint.previous.pth")) == (3, 2)
    halve(tmp_path / "checkpoint.pth")
    train(tmp_path, "--max_epoch", "4")
    assert epoch_of(tmp_path / "checkpoint.pth") == 4
    assert "goes on from" in capsys.readouterr().err


def test_without_a_whole_checkpoint_the_newest_whole_epoch_is_named(tmp_path):
    train(tmp_path, "--max_epoch", "3")
    for name in ("checkpoint.pth", "checkpoint.previous.pth", "3epoch.pth"):
        halve(tmp_path / name)
    with pytest.raises(UserError, match=r"newest whole epoch is .*2epoch\.pth.*--init_param"):
        train(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no checkpoint", "foreign"])
def test_a_foreign_checkpoint_is_refused_in_a_sentence(tmp_path, content):
    if content == "foreign":
        torch.save({"weights": torch.zeros(1)}, tmp_path / "checkpoint.pth")
    else:
        (tmp_path / "checkpoint.pth").write_bytes(content)
    with pytest.raises(UserError, match="checkpoint"):
        train(tmp_path)


def test_the_checkpoint_of_another_model_is_refused_with_what_differs(tmp_path):
    train(tmp_path)
    states = torch.load(tmp_path / "checkpoint.pth", weights_only=True)
    states["model"] = {"other": torch.zeros(1)}
    torch.save(states, tmp_path / "checkpoint.pth")
    with pytest.raises(UserError, match=r"does not fit the configuration.*other"):
        train(tmp_path)


def test_an_epoch_that_a_kill_prevented_is_made_from_its_checkpoint(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, "--stop_before", "2epoch.pth")
    assert not (tmp_path / "2epoch.pth").exists()
    train(tmp_path, "--max_epoch", "2")
    assert is_whole(tmp_path / "2epoch.pth")
    for name in ("latest.pth", "valid.loss.best.pth"):
        assert os.readlink(tmp_path / name) == "2epoch.pth"
    weights = torch.load(tmp_path / "2epoch.pth", weights_only=True)
    assert set(weights) == {"weight", "bias"}


def test_a_checkpoint_that_cannot_be_finished_leaves_the_old_one(tmp_path, monkeypatch):
    torch.save({"a": 1}, tmp_path / "checkpoint.pth")
    before = (tmp_path / "checkpoint.pth").read_bytes()

    class Unsaveable:
        def __reduce__(self):
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"), whole_checkpoints():
        torch.save({"a": torch.zeros(1000), "b": Unsaveable()}, tmp_path / "checkpoint.pth")
    assert (tmp_path / "checkpoint.pth").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_the_bytes_of_a_checkpoint_are_those_that_torch_writes(tmp_path):
    torch.save({"a": torch.arange(9)}, tmp_path / "1epoch.pth")
    plain = (tmp_path / "1epoch.pth").read_bytes()
    original = torch.save
    with whole_checkpoints():
        torch.save({"a": torch.arange(9)}, tmp_path / "1epoch.pth")
    assert torch.save is original
    assert (tmp_path / "1epoch.pth").read_bytes() == plain


def test_damage_within_a_checkpoint_is_found(tmp_path):
    torch.save({"a": torch.arange(10000)}, tmp_path / "c.pth")
    assert is_whole(tmp_path / "c.pth")
    raw = bytearray((tmp_path / "c.pth").read_bytes())
    raw[len(raw) // 2] ^= 1
    (tmp_path / "c.pth").write_bytes(raw)
    assert not is_whole(tmp_path / "c.pth")


def weights_of(path):
    return torch.load(path, weights_only=True)["weight"]


def average(folder, nbest=3):
    reporter = Reporter()
    reporter.load_state_dict(torch.load(folder / "checkpoint.pth", weights_only=True)["reporter"])
    with whole_averages():
        trainer.average_nbest_models(folder, reporter, CRITERIA, nbest)


def set_weights(folder, **values):
    for name, value in values.items():
        weights = torch.full((2, 2), float(value))
        torch.save({"weight": weights, "bias": torch.zeros(2)}, folder / f"{name.removeprefix('_')}epoch.pth")


@pytest.mark.parametrize("damage", [halve, lambda path: path.unlink()])
def test_a_damaged_epoch_is_left_out_of_the_average_of_the_best(tmp_path, capsys, damage):
    train(tmp_path, "--max_epoch", "4")
    set_weights(tmp_path, _1=1, _2=2, _3=3, _4=4)
    average(tmp_path)
    assert weights_of(tmp_path / "valid.loss.ave.pth").mean() == 3  # epochs 2, 3 and 4 are the best three
    damage(tmp_path / "3epoch.pth")
    average(tmp_path)
    assert weights_of(tmp_path / "valid.loss.ave.pth").mean() == pytest.approx(7 / 3)  # 1, 2 and 4
    assert ("3epoch.pth is damaged: left out of the average" in capsys.readouterr().err) == (damage is halve)
    assert trainer.average_nbest_models is average_nbest_models


def test_without_a_whole_epoch_there_is_no_average(tmp_path):
    train(tmp_path, "--max_epoch", "2")
    for name in ("1epoch.pth", "2epoch.pth"):
        halve(tmp_path / name)
    with pytest.raises(UserError, match=r"no epoch in .* is whole"):
        average(tmp_path)


def test_a_link_to_a_damaged_best_epoch_moves_to_the_best_whole_one(tmp_path, capsys):
    train(tmp_path, "--max_epoch", "3")
    (tmp_path / "valid.loss.best.pth").symlink_to("2epoch.pth")
    states = torch.load(tmp_path / "checkpoint.pth", weights_only=True)
    states["reporter"]["stats"][2]["valid"]["loss"] = 0.0  # the best
    torch.save(states, tmp_path / "checkpoint.pth")
    train(tmp_path, "--max_epoch", "3")
    assert os.readlink(tmp_path / "valid.loss.best.pth") == "2epoch.pth"
    halve(tmp_path / "2epoch.pth")
    train(tmp_path, "--max_epoch", "3")
    assert os.readlink(tmp_path / "valid.loss.best.pth") == "3epoch.pth"
    assert "2epoch.pth is damaged: valid.loss.best.pth names the best of the whole ones" in capsys.readouterr().err


# ---- keys that nothing knows


@pytest.mark.parametrize(
    ("made", "known"),
    [
        (EncoderDistillation, "lambda_dur, lambda_latent, lambda_pitch, latent_direction"),
        (PosteriorPretraining, ""),
        (VITSAutoencoder, ""),
        (TextAligner, ""),
        (TextSide, ""),
        (AlignmentLearner, "attention_channels"),
        (NixEncoder, "channels"),
        (TextEncoder, "kernel_size"),
        (VITSDiscriminator, ""),
        (GEDLoss, ""),
        (torch.optim.AdamW, "lr"),
        (VITSGenerator, "hidden_channels"),
    ],
)
def test_a_key_that_a_class_does_not_know_is_named_with_those_it_knows(made, known):
    with pytest.raises(TypeError) as error:
        made(lambda_latnet=1)
    sentence = unknown_key(error.value, {"lr": 1, "some_conf": {"inner": {"lambda_latnet": 1}}})
    assert sentence.startswith(
        f"some_conf.inner: {made.__name__} takes no lambda_latnet from a configuration; it takes "
    )
    assert known in sentence
    # What the task gives is not the user's.
    assert not {"encoder", "decoder", "teacher", "vits"} & set(sentence.rpartition("takes ")[2].split(", "))
    assert unknown_key(error.value, {"some_conf": {"lambda_latent": 1}}) is None  # our own fault: nobody wrote that key


def test_a_key_that_the_task_gives_is_refused_as_well():
    conf = {"teacher": 1}
    with pytest.raises(TypeError) as error:
        DecoderDistillation(teacher=None, **conf)
    assert unknown_key(error.value, {"model_conf": conf}).startswith("model_conf: DecoderDistillation takes no teacher")
    with pytest.raises(TypeError) as error:
        EncoderDistillation(None, None, **conf)
    assert unknown_key(error.value, {"model_conf": conf}).startswith("model_conf: EncoderDistillation takes no teacher")


def test_other_type_errors_keep_their_traceback():
    with pytest.raises(TypeError) as error:
        len(3)
    assert unknown_key(error.value, {"model_conf": {"obj": 1}}) is None


# ---- the lock


def hold(folder):
    code = (
        "import sys, time; from espnet2_nix.tasks.safe_training import experiment_lock\n"
        "with experiment_lock(sys.argv[1]): print('held', flush=True); time.sleep(120)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_training_says_which_process_holds_the_folder_and_takes_over_from_a_dead_one(tmp_path, capsys):
    process = hold(tmp_path)
    try:
        with pytest.raises(UserError, match=f"in use: process {process.pid} on {socket.gethostname()}"):
            train(tmp_path)
        assert not (tmp_path / "checkpoint.pth").exists()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    train(tmp_path)
    assert "taken over" in capsys.readouterr().err
    assert not (tmp_path / ".lock").exists()


@pytest.mark.parametrize(
    ("holder", "stale"),
    [
        ({"host": "elsewhere", "pid": 1, "started": "1", "since": "now"}, False),
        ({"host": "elsewhere", "pid": 1, "started": "1", "since": "now"}, True),
        ({"host": socket.gethostname(), "pid": os.getpid(), "started": "another", "since": "now"}, True),
        ("half", True),
        ({"host": socket.gethostname()}, True),
    ],
)
def test_stale_locks_are_recognised(tmp_path, holder, stale):
    lock = tmp_path / ".lock"
    lock.write_text(json.dumps(holder)[:10] if holder == "half" else json.dumps(holder), encoding="utf-8")
    if stale:
        os.utime(lock, (1, 1))
        with experiment_lock(tmp_path):
            assert json.loads(lock.read_text(encoding="utf-8"))["pid"] == os.getpid()
        assert not lock.exists()
    else:
        with pytest.raises(UserError, match="process 1 on elsewhere"), experiment_lock(tmp_path):
            pass
        assert lock.exists()


def test_only_the_first_of_several_machines_locks(monkeypatch):
    def args(**kwargs):
        return argparse.Namespace(**{"dist_rank": None, "dist_launcher": None, **kwargs})

    assert safe_training.is_first_process(args())
    assert not safe_training.is_first_process(args(dist_rank=1))
    monkeypatch.setenv("SLURM_PROCID", "1")
    assert safe_training.is_first_process(args())  # a training of one node within a Slurm job
    assert not safe_training.is_first_process(args(dist_launcher="slurm"))


def test_a_command_ends_with_one_sentence(tmp_path, capsys):
    (tmp_path / "checkpoint.pth").write_bytes(b"no checkpoint")
    with pytest.raises(SystemExit) as stop:
        run(Task, ["--output_dir", str(tmp_path)])
    assert stop.value.code == 1
    err = capsys.readouterr().err
    assert err.startswith("Task: ")
    assert err.count("\n") == 1


def test_every_training_of_the_recipe_is_safe():
    from espnet2_nix.bin import gan_tts_train
    from espnet2_nix.tasks import nix_decoder, nix_encoder, nix_scratch, teacher_phases

    tasks = [
        task
        for module in (gan_tts_train, nix_decoder, nix_encoder, nix_scratch, teacher_phases)
        for task in vars(module).values()
        if isinstance(task, type) and task.__name__.endswith("Task") and task.__module__ == module.__name__
    ]
    assert len(tasks) >= 9
    assert all(
        issubclass(task, SafeTraining) and task.__mro__.index(SafeTraining) < len(task.__mro__) - 3 for task in tasks
    )
