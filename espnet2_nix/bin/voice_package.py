"""Stage 12 with --voice_package: writes a voice as a distribution, nix-tts-voice-NAME, with licence and model card."""

from __future__ import annotations

import argparse
import logging
import re
from collections.abc import Sequence
from pathlib import Path

from espnet2_nix.bin import command
from espnet2_nix.data.kaldi_io import read_table
from espnet2_nix.errors import UserError

logger = logging.getLogger(__name__)


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--voice_dir", required=True, help="the folder of the voice")
    parser.add_argument("--name", required=True, help="what the voice is called: a-z, 0-9 and _")
    parser.add_argument("--outdir", required=True, help="where to write; a package written before is replaced")
    parser.add_argument("--version", default="1.0.0", help="version of the distribution")
    parser.add_argument("--attribution", default="", help="who made the corpus and where it is, as its licence demands")
    parser.add_argument("--remarks", default=None, help="a Markdown file that ends the card: hardware, limits")
    parser.add_argument("--data_dirs", nargs="*", default=[], help="Kaldi folders whose clips the card counts")
    parser.add_argument("--fs", type=int, default=22050, help="sampling rate of utt2num_samples in them")
    parser.add_argument("--train_dirs", nargs="*", default=[], help="folders of trainings, for the card")
    parser.add_argument("--results", default=None, help="RESULTS.md of stage 10, for the card")
    return parser


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    from espnet2_nix.export.voice_package import Experiment, write_voice_package
    from espnet2_nix.runtime import Voice

    if args.remarks is not None and not Path(args.remarks).is_file():
        raise UserError(f"--remarks: {args.remarks} not found; write one in Markdown, or leave the option out")
    experiment = Experiment(
        tuple(line for folder in args.data_dirs if (line := describe_data(Path(folder), args.fs))),
        tuple(line for folder in args.train_dirs if (line := describe_training(Path(folder)))),
        results_tables(Path(args.results)) if args.results else "",
        Path(args.remarks).read_text(encoding="utf-8") if args.remarks else "",
    )
    Voice.load(args.voice_dir).synthesize("안녕하세요.")
    outdir = write_voice_package(args.voice_dir, args.name, args.outdir, args.version, args.attribution, experiment)
    logger.info("%s: pip install %s", outdir, outdir)


def describe_data(folder: Path, fs: int) -> str:
    """Clips and minutes of a set; "" where the folder is not there."""
    if not (folder / "utt2num_samples").is_file():
        return ""
    lengths = [int(length) for length in read_table(folder / "utt2num_samples").values()]
    return f"{folder.name}: {len(lengths):,} clips, {sum(lengths) / fs / 60:.1f} minutes"


def describe_training(folder: Path) -> str:
    """Steps, epochs and hours of a training; "" where it left no log."""
    from espnet2_nix.evaluation.plots import read_epochs

    try:
        epochs = read_epochs(folder)
    except FileNotFoundError:
        return ""
    steps = [int(found[1]) for line in epochs.values() if (found := re.search(r"total_count=(\d+)", line))]
    seconds = sum(elapsed(line) for line in epochs.values())
    if not steps:
        return ""
    return f"{folder.name}: {max(steps):,} steps in {len(epochs):,} epochs, {seconds / 3600:.1f} hours"


def elapsed(line: str) -> float:
    """Seconds of an epoch, training and validation, in the words of ESPnet's log: `time=1 hour, 2 minutes and 3.5 seconds`."""
    units = {"day": 86400, "hour": 3600, "minute": 60, "second": 1}
    words = re.findall(r"(?<![\w_])time=((?:[\d.]+ \w+(?:, | and )?)+)", line)
    return sum(
        float(number) * units[unit]
        for part in words
        for number, unit in re.findall(r"([\d.]+) (day|hour|minute|second)", part)
    )


def results_tables(path: Path) -> str:
    """The sections with a table of RESULTS.md, one level lower; "" where stage 10 did not run."""
    if not path.is_file():
        return ""
    sections = re.split(r"(?m)^(?=## )", path.read_text(encoding="utf-8"))[1:]
    kept = [section for section in sections if "| --- |" in section]
    notes = [section.removeprefix("## Notes").strip() for section in sections if section.startswith("## Notes")]
    return "\n".join(["#" + section for section in kept] + notes)


if __name__ == "__main__":
    main()
