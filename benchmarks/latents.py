"""Encoder distillation with the teacher in the loop against latents stored before: seconds a step, interleaved in one process.

    python -m benchmarks.latents [--recipe kss|emotiontts] [--repeats 5] [--threads 1] [--batch_size 8]

The recipe's own configurations with random weights, one batch of --batch_size clips of --seconds of noise. Prints one JSON line
a way: median, minimum and maximum over the repeats, and the ratio to the stored latents.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import torch
import yaml

RECIPES = Path(__file__).resolve().parents[1] / "egs2"


def random_teacher_config(conf: Path, folder: Path) -> Path:
    """config.yaml of the recipe's teacher, as its training would write it."""
    from espnet2.tasks.gan_tts import GANTTSTask

    from espnet2_nix.text import token_list

    args = GANTTSTask.get_parser().parse_args(
        ["--config", str(conf / "train_vits_teacher.yaml"), "--output_dir", "none"]
    )
    args.token_list, args.normalize = token_list(), None
    args.feats_extract, args.feats_extract_conf = "linear_spectrogram", {"n_fft": 1024, "hop_length": 256}
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(vars(args), allow_unicode=True), encoding="utf-8")
    return path


def main(cmd: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="emotiontts", help="folder under egs2")
    parser.add_argument("--repeats", type=int, default=5, help="timed steps of each way")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--batch_size", type=int, default=8, help="clips")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a clip")
    args = parser.parse_args(cmd)
    torch.set_num_threads(args.threads)
    from espnet2_nix.models.alignment_learner import AlignmentLearner
    from espnet2_nix.models.encoder_distillation import EncoderDistillation
    from espnet2_nix.models.load_teacher import load_teacher
    from espnet2_nix.models.nix_encoder import NixEncoder
    from espnet2_nix.models.teacher_latents import TeacherLatents, write_latents
    from espnet2_nix.modules.log_mel import N_MELS

    conf = RECIPES / args.recipe / "nix_tts1" / "conf"
    options = yaml.safe_load((conf / "train_nix_encoder.yaml").read_text(encoding="utf-8"))
    batch_size = args.batch_size
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        torch.manual_seed(0)
        teacher = load_teacher(random_teacher_config(conf, folder), None)
        num_tokens, num_samples = int(17 * args.seconds), int(teacher.fs * args.seconds)
        batch = {
            "text": torch.randint(2, 74, (batch_size, num_tokens)),
            "text_lengths": torch.full((batch_size,), num_tokens),
            "speech": 0.1 * torch.randn(batch_size, num_samples),
            "speech_lengths": torch.full((batch_size,), num_samples),
            "utt_id": [str(i) for i in range(batch_size)],
        }
        write_latents(folder, teacher, "random", zip(batch["utt_id"], batch["text"], batch["speech"], strict=True))
        ways = {"stored": TeacherLatents(folder, "random"), "teacher": None}
        steps = {}
        for way, latents in ways.items():
            encoder_conf = {**options["encoder_conf"], "latent_channels": teacher.latent_channels}
            encoder = NixEncoder(len(teacher.token_list), **encoder_conf)
            learner = AlignmentLearner.from_conf(encoder.channels, N_MELS, options["alignment_conf"], 1)
            model = EncoderDistillation(encoder, teacher, learner, latents, **options["model_conf"])
            optimizer = torch.optim.AdamW(model.parameters(), **options["optim_conf"])

            def step(model: EncoderDistillation = model, optimizer: torch.optim.Optimizer = optimizer) -> float:
                start = time.perf_counter()
                optimizer.zero_grad()
                model(**batch)[0].backward()
                optimizer.step()
                return time.perf_counter() - start

            steps[way] = step
        for step in steps.values():
            step()  # warm
        seconds: dict[str, list[float]] = {way: [] for way in steps}
        for _ in range(args.repeats):
            for way, step in steps.items():
                seconds[way].append(step())
    medians = {way: sorted(values)[len(values) // 2] for way, values in seconds.items()}
    for way, values in seconds.items():
        line = {
            "recipe": args.recipe,
            "way": way,
            "threads": args.threads,
            "seconds": round(medians[way], 3),
            "min": round(min(values), 3),
            "max": round(max(values), 3),
            "ratio": round(medians[way] / medians["stored"], 2),
        }
        print(json.dumps(line))


if __name__ == "__main__":
    main()
