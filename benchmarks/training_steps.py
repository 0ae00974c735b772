"""Seconds a step of every training of a recipe: the phases of stage 6, stages 7 and 8, one after the other in one process.

    python -m benchmarks.training_steps [--recipe emotiontts|kss] [--threads 2] [--steps 5] [--warm 2] [--only NAME ...] [--list]

The recipe's own configurations, with random weights, on clips of --seconds of noise with 17 tokens a second: the batch size is
that of the YAML, or --batch_size where the YAML counts elements. A step is what ESPnet's trainer does with a batch: forward, backward
and optimiser, of the discriminators and then of the generator where a training has both; schedules (rests, ramps) are over. The duration
predictor of phase 3 learns at every fourth step: give a multiple of four. Prints a table: mean, least and most.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from espnet2.tasks.abs_task import optim_classes

RECIPES = Path(__file__).resolve().parents[1] / "egs2"
TOKENS_A_SECOND = 17
FEATS = {"n_fft": 1024, "hop_length": 256}


@dataclass(frozen=True)
class Training:
    """One row of the table: which configuration, and what is changed of it."""

    name: str
    config: str
    task: str
    options: tuple[str, ...] = ()
    warm_start: bool = True  # whether the teacher is that of a warm start


TRAININGS = (
    Training("6 VITS from nothing", "train_vits_teacher.yaml", "teacher", warm_start=False),
    Training("6 phase 1: posterior", "warm_start/train_posterior.yaml", "posterior"),
    Training("6 phase 2: autoencoder", "warm_start/train_autoencoder.yaml", "autoencoder"),
    Training("6 phase 3: aligner", "warm_start/train_text_aligner.yaml", "aligner"),
    Training("6 phase 3: text side", "warm_start/train_text_side.yaml", "text_side"),
    Training("6 phase 4: all together", "train_vits_warm_start.yaml", "teacher"),
    Training("7 encoder, aligner", "train_nix_encoder.yaml", "encoder", ("--alignment", "aligner")),
    Training("7 encoder, teacher's alignment", "train_nix_encoder.yaml", "encoder", ("--alignment", "teacher")),
    Training("7 encoder, stored latents", "train_nix_encoder.yaml", "stored_encoder", ("--alignment", "teacher")),
    Training("7 from scratch", "train_nix_scratch.yaml", "scratch"),
    Training("8 decoder hifigan", "tuning/train_nix_hifigan_decoder.yaml", "decoder"),
    Training("8 decoder istft", "train_nix_decoder.yaml", "decoder"),
    Training(
        "8 decoder istft, a quarter the teacher's speech",
        "train_nix_decoder.yaml",
        "decoder",
        ("--model_conf", "teacher_speech_share=0.25"),
    ),
    Training("8 decoder of the teacher", "warm_start/train_nix_decoder.yaml", "decoder"),
)


class Bench:
    """The teachers, latents and batches that the trainings of one recipe learn from.

    Args:
        conf: The recipe's ``conf``.
        folder: Where what the tasks read is written.
        seconds: Length of a clip.
        default_batch_size: Where the YAML gives none.
    """

    def __init__(self, conf: Path, folder: Path, seconds: float, default_batch_size: int) -> None:
        self.conf = conf
        self.folder = folder
        self.num_tokens, self.num_frames = int(TOKENS_A_SECOND * seconds), int(22050 * seconds) // 256
        self.default_batch_size = default_batch_size
        self.max_batch = 64
        from espnet2_nix.text import token_list

        self.tokens = folder / "tokens.txt"
        self.tokens.write_text("\n".join(token_list()) + "\n", encoding="utf-8")

    def teacher(self, warm_start: bool) -> Path:
        """Folder of config.yaml, model.pth and stored latents of a teacher with random weights, made once."""
        from espnet2.tasks.gan_tts import GANTTSTask

        from espnet2_nix.models.checkpoint import fingerprint
        from espnet2_nix.models.teacher_latents import write_latents
        from espnet2_nix.models.vits_teacher import VITSTeacher

        name = "train_vits_warm_start.yaml" if warm_start else "train_vits_teacher.yaml"
        folder = self.folder / name
        if folder.exists():
            return folder
        folder.mkdir()
        args = self.arguments(GANTTSTask, self.conf / name)
        (folder / "config.yaml").write_text(yaml.safe_dump(vars(args), allow_unicode=True), encoding="utf-8")
        model = GANTTSTask.build_model(args).eval()
        torch.save(model.state_dict(), folder / "model.pth")
        teacher = VITSTeacher(model.tts, model.feats_extract, 22050, args.token_list)
        # One recording and one text, under every name that a batch asks for.
        text, speech = torch.randint(2, 74, (self.num_tokens,)), 0.1 * torch.randn(256 * self.num_frames - 256)
        rows = [(f"u{i}", text, speech) for i in range(self.max_batch)] + [("extra", text, None)]
        frames, longer = divmod(self.num_frames, self.num_tokens)
        durations = [frames + (i < longer) for i in range(self.num_tokens)]
        write_latents(
            folder / "latents", teacher, fingerprint(folder / "model.pth"), rows, {row[0]: durations for row in rows}
        )
        return folder

    def arguments(self, task: type, config: Path, options: tuple[str, ...] = ()) -> argparse.Namespace:
        """A task's options as the recipe gives them."""
        command = ["--config", str(config), "--output_dir", str(self.folder / "none"), *options]
        args = task.get_parser().parse_args(command)
        if "Nix" not in task.__name__ and hasattr(args, "feats_extract_conf"):  # ESPnet's own
            args.feats_extract, args.feats_extract_conf, args.normalize = "linear_spectrogram", dict(FEATS), None
            args.token_list = self.tokens.read_text(encoding="utf-8").splitlines()
        return args

    def build(self, training: Training) -> tuple[argparse.Namespace, torch.nn.Module, list[torch.optim.Optimizer]]:
        """Options, model and optimisers of a training."""
        from espnet2.tasks.gan_tts import GANTTSTask

        from espnet2_nix.tasks import nix_decoder, nix_encoder, nix_scratch, teacher_phases

        task = {
            "teacher": GANTTSTask,
            "posterior": teacher_phases.PosteriorPretrainingTask,
            "autoencoder": teacher_phases.VITSAutoencoderTask,
            "aligner": teacher_phases.TextAlignerTask,
            "text_side": teacher_phases.TextSideTask,
            "encoder": nix_encoder.NixEncoderTask,
            "stored_encoder": nix_encoder.NixEncoderTask,
            "scratch": nix_scratch.NixScratchTask,
            "decoder": nix_decoder.NixDecoderTask,
        }[training.task]
        options = training.options
        if training.task not in ("teacher", "scratch"):
            teacher = self.teacher(training.warm_start)
            options += ("--teacher_train_config", str(teacher / "config.yaml"))
            options += ("--teacher_model_file", str(teacher / "model.pth"))
            if training.task in ("text_side", "stored_encoder", "decoder"):
                options += ("--latents_dir", str(teacher / "latents"))
        if training.task in ("aligner", "text_side", "encoder", "stored_encoder", "scratch"):
            options += ("--token_list", str(self.tokens))
        args = self.arguments(task, self.conf / training.config, options)
        model = task.build_model(args).train()
        for name, buffer in model.named_buffers():
            if name.endswith("num_batches"):
                buffer.fill_(10**6)
        if task.num_optimizers == 1:
            learns = [p for p in model.parameters() if p.requires_grad]
            return args, model, [optim_classes[args.optim](learns, **args.optim_conf)]
        return args, model, task.build_optimizers(args, model)

    def batch(self, training: Training, args: argparse.Namespace) -> dict[str, Any]:
        """A batch of the size that the YAML gives."""
        size = args.batch_size if args.batch_type in ("sorted", "unsorted") else self.default_batch_size
        batch: dict[str, Any] = {}
        if training.task not in ("text_side", "stored_encoder"):
            speech = 0.1 * torch.randn(size, 256 * self.num_frames - 256)
            batch |= {"speech": speech, "speech_lengths": torch.full((size,), speech.shape[1])}
        if training.task not in ("posterior", "autoencoder", "decoder"):
            text = torch.randint(2, 74, (size, self.num_tokens))
            batch |= {"text": text, "text_lengths": torch.full((size,), self.num_tokens)}
        if training.task == "posterior":
            channels = latent_channels_of(self.teacher(True))
            batch |= {"latent": torch.randn(size, self.num_frames - 1, channels)}
            batch |= {"latent_lengths": torch.full((size,), self.num_frames - 1)}
        if training.task in ("text_side", "encoder", "stored_encoder"):
            batch["utt_id"] = [f"u{i}" for i in range(size)]
        return batch


def latent_channels_of(teacher: Path) -> int:
    """Latent channels of a teacher."""
    config = yaml.safe_load((teacher / "config.yaml").read_text(encoding="utf-8"))
    return int(config["tts_conf"]["generator_params"]["hidden_channels"])


def step_seconds(
    model: torch.nn.Module, optimizers: list[torch.optim.Optimizer], batch: dict[str, Any], num: int
) -> Iterator[float]:
    """Seconds of each of some steps."""
    for _ in range(num):
        start = time.perf_counter()
        for turn in (None,) if len(optimizers) == 1 else (False, True):
            if turn is None:
                loss, optimizer = model(**batch)[0], optimizers[0]
            else:
                out = model(**batch, forward_generator=turn)
                loss, optimizer = out["loss"], optimizers[int(out["optim_idx"])]
            for each in optimizers:
                each.zero_grad()
            loss.backward()
            optimizer.step()
        yield time.perf_counter() - start


def main(cmd: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="emotiontts", help="folder under egs2")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument("--steps", type=int, default=8, help="timed steps of each training")
    parser.add_argument("--warm", type=int, default=2, help="steps before them")
    parser.add_argument("--batch_size", type=int, default=8, help="where the YAML counts elements")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a clip")
    parser.add_argument("--only", nargs="+", default=None, help="parts of names of trainings")
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    args = parser.parse_args(cmd)
    conf = RECIPES / args.recipe / "nix_tts1" / "conf"
    chosen = [
        training
        for training in TRAININGS
        if (conf / training.config).is_file() and (not args.only or any(part in training.name for part in args.only))
    ]
    if args.list:
        print("\n".join(training.name for training in chosen))
        return
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    print(f"{args.recipe}, {args.threads} threads, clips of {args.seconds:g} s, {args.steps} steps after {args.warm}\n")
    print("| training | batch | seconds a step | least | most |\n|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(conf, Path(name), args.seconds, args.batch_size)
        for training in chosen:
            torch.manual_seed(0)
            options, model, optimizers = bench.build(training)
            batch = bench.batch(training, options)
            list(step_seconds(model, optimizers, batch, args.warm))
            seconds = sorted(step_seconds(model, optimizers, batch, args.steps))
            size = len(batch.get("text", batch.get("speech")))
            mean = sum(seconds) / len(seconds)
            print(f"| {training.name} | {size} | {mean:.2f} | {seconds[0]:.2f} | {seconds[-1]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
