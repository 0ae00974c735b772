#!/usr/bin/env python3
"""Stage 10: measures the synthesised speech against the recordings and writes RESULTS.md."""

from __future__ import annotations

import argparse
import logging
import platform
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from espnet2_nix.bin import command
from espnet2_nix.data.errors import DataError
from espnet2_nix.data.kaldi_io import atomic_write, read_table
from espnet2_nix.data.progress import progress

logger = logging.getLogger(__name__)
SYSTEMS = ("teacher", "student")

NOTES = """\
- Clips: utterances measured, of those in the set.
- Seconds: length of the synthesised speech over length of the recordings.
- RTF: seconds of computing a second of speech, model call only, torch on one process; threads as given in the header.
- Mel distance: log-mel L1 along the best warping of time against the recording, natural-log units a band and frame,
  mean and 95 % bootstrap interval over utterances.
- Frames a token: mean and standard deviation of the durations.
- Parameters: what is used to speak.
"""


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data_dir", required=True, help="folder of the sets, with wav.scp of the recordings")
    parser.add_argument("--inference_dir", required=True, help="folder of stage 9: SET/SYSTEM/{wav,utterances.tsv}")
    parser.add_argument("--test_sets", required=True, nargs="+", help="names of the sets")
    parser.add_argument("--model_dir", required=True, help="folder of the student")
    parser.add_argument("--teacher_train_config", default=None, help="config.yaml of the teacher")
    parser.add_argument("--fs", type=int, default=22050, help="sampling rate, Hz")
    parser.add_argument("--n_fft", type=int, default=1024, help="points of the spectrogram")
    parser.add_argument("--n_shift", type=int, default=256, help="samples a frame")
    parser.add_argument("--out", required=True, help="the table to write")
    return parser


def read_rows(path: Path) -> dict[str, dict[str, object]]:
    """Reads what stage 9 wrote of one system and set."""
    from espnet2_nix.bin.tts_inference import TABLE_FIELDS

    rows = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fields = line.split("\t")
        if len(fields) != len(TABLE_FIELDS):
            raise DataError(f"{path}, line {number}: expected {len(TABLE_FIELDS)} fields, found {len(fields)}")
        row = dict(zip(TABLE_FIELDS, fields, strict=True))
        rows[row["utt_id"]] = {
            "seconds": float(row["seconds"]),
            "elapsed": float(row["elapsed"]),
            "durations": [int(frames) for frames in row["durations"].split()],
        }
    return rows


def bootstrap(values: np.ndarray, draws: int = 1000, seed: int = 0) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the mean (Efron, 1979)."""
    rng = np.random.default_rng(seed)
    means = rng.choice(values, size=(draws, len(values))).mean(axis=1)
    return float(np.percentile(means, 2.5)), float(np.percentile(means, 97.5))


def score_system(args: argparse.Namespace, dset: str, system: str) -> list[str] | None:
    """One row of the table, or None where a system was not synthesised."""
    import soundfile

    from espnet2_nix.evaluation.mel_distance import dtw_mel_distance

    folder = Path(args.inference_dir) / dset / system
    if not (folder / "utterances.tsv").is_file():
        return None
    recordings = read_table(Path(args.data_dir) / dset / "wav.scp")
    rows = {utt_id: row for utt_id, row in read_rows(folder / "utterances.tsv").items() if utt_id in recordings}
    if not rows:
        raise DataError(f"{folder / 'utterances.tsv'} has no utterance of {dset}: run stage 9 again")
    distances, recorded = [], 0.0
    for utt_id in progress(sorted(rows), f"utterances of {dset} by the {system}"):
        reference, fs = soundfile.read(recordings[utt_id])
        wav, fs_wav = soundfile.read(folder / "wav" / f"{utt_id}.wav")
        if {fs, fs_wav} != {args.fs}:
            raise DataError(f"{utt_id}: expected {args.fs} Hz, found {fs} Hz recorded and {fs_wav} Hz synthesised")
        recorded += len(reference) / fs
        distances.append(dtw_mel_distance(reference, wav, args.fs, args.n_fft, args.n_shift))
    low, high = bootstrap(np.array(distances))
    spoken = sum(row["seconds"] for row in rows.values())
    frames = np.concatenate([row["durations"] for row in rows.values()])
    return [
        dset,
        system,
        f"{len(rows)} of {len(recordings)}",
        f"{spoken:.1f} / {recorded:.1f}",
        f"{sum(row['elapsed'] for row in rows.values()) / spoken:.4f}",
        f"{np.mean(distances):.3f} ({low:.3f}–{high:.3f})",
        f"{frames.mean():.2f} ± {frames.std():.2f}",
    ]


def count_parameters(args: argparse.Namespace) -> dict[str, int]:
    """Parameters that each system speaks with."""
    from espnet2_nix.tasks.nix_tts import load_student
    from espnet2_nix.tasks.teacher import load_vits

    counts = {}
    student = Path(args.model_dir) / "config.yaml"
    if student.is_file():
        model, _ = load_student(student, student.with_name("model.pth"))
        counts["student"] = sum(parameter.numel() for parameter in model.tts.parameters())
    if args.teacher_train_config and Path(args.teacher_train_config).is_file():
        generator = load_vits(args.teacher_train_config, None)[0].tts.generator
        posterior = sum(parameter.numel() for parameter in generator.posterior_encoder.parameters())
        counts["teacher"] = sum(parameter.numel() for parameter in generator.parameters()) - posterior
    return counts


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    rows = [score_system(args, dset, system) for dset in args.test_sets for system in SYSTEMS]
    rows = [row for row in rows if row is not None]
    if not rows:
        raise DataError(f"no utterances.tsv under {args.inference_dir}; stage 9 writes it: ./run.sh --stage 9")
    import espnet2
    import torch

    from espnet2_nix.version import __version__

    try:
        counts = count_parameters(args)
    except (FileNotFoundError, ValueError) as error:
        raise DataError(str(error)) from error
    header = ["set", "system", "clips", "seconds", "RTF", "mel distance", "frames a token", "parameters"]
    with atomic_write(args.out) as f:
        f.write("# Results\n\n")
        f.write(
            f"espnet2_nix {__version__}, ESPnet {espnet2.__version__}, torch {torch.__version__}, "
            f"Python {platform.python_version()}, {platform.machine()}, {torch.get_num_threads()} thread(s)\n\n"
        )
        f.write(f"| {' | '.join(header)} |\n|{'---|' * len(header)}\n")
        for row in rows:
            parameters = f"{counts[row[1]]:,}" if row[1] in counts else "unknown"
            f.write(f"| {' | '.join([*row, parameters])} |\n")
        f.write(f"\n{NOTES}")
    logger.info("%s:\n%s", args.out, Path(args.out).read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
