#!/usr/bin/env python3
"""Stage 9: speech of one test set by teacher or student; a rerun makes only what is missing."""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path

from espnet2_nix.bin import command
from espnet2_nix.data.errors import DataError
from espnet2_nix.data.kaldi_io import atomic_write, read_table
from espnet2_nix.data.progress import progress

logger = logging.getLogger(__name__)


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", default=None, help="YAML of options; the command line wins")
    parser.add_argument("--system", choices=["teacher", "student"], default="student", help="what to speak with")
    parser.add_argument("--text", required=True, help="table of utterance id and tokens")
    parser.add_argument("--output_dir", required=True, help="writes wav/<utt_id>.wav and utterance/<utt_id>.json")
    parser.add_argument("--table", required=True, help="table to write, see TABLE_FIELDS")
    parser.add_argument("--train_config", default=None, help="config.yaml of the model")
    parser.add_argument("--model_file", default=None, help="weights of the model")
    parser.add_argument("--model_tag", default=None, help="a pack or a zoo tag in their place (students only)")
    parser.add_argument("--ngpu", type=int, default=0, help="0 computes on the CPU")
    parser.add_argument("--speed", type=float, default=1.0, help="factor on the rate of speech")
    parser.add_argument("--noise_scale", type=float, default=None, help="default: the model's own")
    parser.add_argument("--noise_scale_dur", type=float, default=None, help="default: the model's own")
    parser.add_argument("--seed", type=int, default=0, help="seed of every utterance")
    return parser


# utterance id, tokens, seconds of speech, seconds it took to compute, frames of each token
TABLE_FIELDS = ("utt_id", "num_tokens", "seconds", "elapsed", "durations")


def parse_args(cmd: Sequence[str] | None) -> argparse.Namespace:
    """Reads the command line over the YAML of ``--config``."""
    parser = get_parser()
    args = parser.parse_args(cmd)
    if args.config is not None:
        import yaml

        with open(args.config, encoding="utf-8") as f:
            config = yaml.safe_load(f) or {}
        known = {action.dest for action in parser._actions}
        unknown = sorted(set(config) - known)
        if unknown:
            raise DataError(f"{args.config}: unknown options {', '.join(unknown)}")
        parser.set_defaults(**config)
        args = parser.parse_args(cmd)
    if args.model_tag is None and not (args.train_config and args.model_file):
        parser.error("--train_config and --model_file are needed, or --model_tag")
    if args.system == "teacher" and args.model_tag is not None:
        parser.error("--model_tag is for students; a teacher is loaded by --train_config and --model_file")
    return args


def fingerprint(args: argparse.Namespace) -> str:
    """What decides the samples besides the text: options, and the weights' name, size and time."""
    settings = {name: getattr(args, name) for name in ("system", "speed", "noise_scale", "noise_scale_dur", "seed")}
    path = args.model_file or args.model_tag
    if os.path.exists(path):
        stat = os.stat(path)
        settings["model"] = [os.path.basename(path), stat.st_size, stat.st_mtime_ns]
    else:
        settings["model"] = [path]
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = parse_args(cmd)
    output_dir = Path(args.output_dir)
    settings = fingerprint(args)
    rows: dict[str, dict[str, object]] = {}
    todo: list[tuple[str, list[str]]] = []
    for utt_id, text in read_table(args.text).items():
        row = finished(output_dir, utt_id, {"settings": settings, "text": text})
        if row is None:
            todo.append((utt_id, text.split()))
        else:
            rows[utt_id] = row
    logger.info("%d utterances: %d finished before, %d to speak", len(rows) + len(todo), len(rows), len(todo))
    if todo:
        speak_all(args, todo, rows, output_dir, settings)
    with atomic_write(args.table) as f:
        for utt_id in sorted(rows):
            f.write("\t".join(str(rows[utt_id][name]) for name in TABLE_FIELDS) + "\n")


def finished(output_dir: Path, utt_id: str, wanted: dict[str, str]) -> dict[str, object] | None:
    """The row of an utterance spoken before with the same text and settings."""
    record = output_dir / "utterance" / f"{utt_id}.json"
    if not record.is_file() or not (output_dir / "wav" / f"{utt_id}.wav").is_file():
        return None
    row = json.loads(record.read_text(encoding="utf-8"))
    return row if all(row.get(name) == value for name, value in wanted.items()) else None


def speak_all(
    args: argparse.Namespace,
    todo: list[tuple[str, list[str]]],
    rows: dict[str, dict[str, object]],
    output_dir: Path,
    settings: str,
) -> None:
    """Speaks the utterances one by one; wave first, then its record, each written aside and renamed."""
    import soundfile

    from espnet2_nix.inference.text2speech import TeacherText2Speech, Text2Speech, token_ids

    options = {
        "device": "cuda" if args.ngpu > 0 else "cpu",
        "speed": args.speed,
        "noise_scale": args.noise_scale,
        "noise_scale_dur": args.noise_scale_dur,
        "seed": args.seed,
    }
    try:
        if args.system == "teacher":
            text2speech = TeacherText2Speech(args.train_config, args.model_file, **options)
        elif args.model_tag is not None:
            text2speech = Text2Speech.from_pretrained(args.model_tag, **options)
        else:
            text2speech = Text2Speech(args.train_config, args.model_file, **options)
        text2speech(token_ids(todo[0][1], text2speech.train_args))  # the first call of a process is slower: not counted
        (output_dir / "wav").mkdir(parents=True, exist_ok=True)
        for utt_id, tokens in progress(todo, "utterances"):
            ids = token_ids(tokens, text2speech.train_args)
            start = time.perf_counter()
            out = text2speech(ids)
            wav = out["wav"].clamp(-1.0, 1.0).cpu().numpy()
            elapsed = time.perf_counter() - start
            aside = output_dir / "wav" / f".{utt_id}.{os.getpid()}.part"
            soundfile.write(aside, wav, text2speech.fs, subtype="PCM_16", format="WAV")
            os.replace(aside, output_dir / "wav" / f"{utt_id}.wav")
            rows[utt_id] = {
                "utt_id": utt_id,
                "num_tokens": len(tokens),
                "seconds": round(len(wav) / text2speech.fs, 5),
                "elapsed": round(elapsed, 5),
                "durations": " ".join(map(str, out["duration"].tolist())),
                "settings": settings,
                "text": " ".join(tokens),
            }
            with atomic_write(output_dir / "utterance" / f"{utt_id}.json") as f:
                json.dump(rows[utt_id], f, ensure_ascii=False)
    except (FileNotFoundError, ValueError) as error:
        raise DataError(str(error)) from error


if __name__ == "__main__":
    main()
