#!/usr/bin/env python3
"""Stage 9: speech of one test set by teacher, student and the systems half-way; a rerun makes only what is missing."""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from espnet2_nix.bin import command
from espnet2_nix.data.kaldi_io import read_table
from espnet2_nix.data.progress import progress
from espnet2_nix.errors import UserError
from espnet2_nix.files import replace_file, write_text

if TYPE_CHECKING:
    from espnet2_nix.inference.systems import Systems

logger = logging.getLogger(__name__)

# utterance id, tokens, seconds of speech, seconds it took to compute, frames of each token, nats a frame or nan
TABLE_FIELDS = ("utt_id", "num_tokens", "seconds", "elapsed", "durations", "latent_loss")


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", default=None, help="YAML of options; the command line wins")
    parser.add_argument(
        "--systems", nargs="+", default=["student"], help="what to speak with, see inference/systems.py"
    )
    parser.add_argument("--text", required=True, help="table of utterance id and tokens")
    parser.add_argument("--wav_scp", default=None, help="table of the recordings, for the systems that need them")
    parser.add_argument(
        "--output_dir", required=True, help="writes SYSTEM/wav/<utt_id>.wav and SYSTEM/utterance/<utt_id>.json"
    )
    parser.add_argument("--table", default="utterances.tsv", help="name of the table in SYSTEM/, see TABLE_FIELDS")
    parser.add_argument("--train_config", default=None, help="config.yaml of the student")
    parser.add_argument("--model_file", default=None, help="its weights")
    parser.add_argument("--model_tag", default=None, help="a pack or a zoo tag in their place")
    parser.add_argument("--teacher_train_config", default=None, help="config.yaml of the teacher")
    parser.add_argument("--teacher_model_file", default=None, help="its weights")
    parser.add_argument("--ngpu", type=int, default=0, help="0 computes on the CPU")
    parser.add_argument("--speed", type=float, default=1.0, help="factor on the rate of speech")
    parser.add_argument("--noise_scale", type=float, default=None, help="default: the model's own")
    parser.add_argument("--noise_scale_dur", type=float, default=None, help="default: the model's own")
    parser.add_argument("--seed", type=int, default=0, help="seed of every utterance")
    return parser


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
            raise UserError(f"{args.config}: unknown options {', '.join(unknown)}")
        parser.set_defaults(**config)
        args = parser.parse_args(cmd)
    return args


@dataclass(frozen=True)
class Task:
    """One utterance of one system that is not yet spoken."""

    system: str
    utt_id: str
    text: str
    settings: str


def fingerprint(args: argparse.Namespace, system: str, needs: tuple[bool, bool, bool]) -> str:
    """What decides a system's samples besides the text: options, and name, size and time of the weights it speaks with."""
    settings = {name: getattr(args, name) for name in ("speed", "noise_scale", "noise_scale_dur", "seed")}
    settings["system"] = system
    for name, used, path in (
        ("teacher", needs[0], args.teacher_model_file),
        ("student", needs[1], args.model_file or args.model_tag),
    ):
        if used and path and os.path.exists(path):
            stat = os.stat(path)
            settings[name] = [os.path.basename(path), stat.st_size, stat.st_mtime_ns]
        elif used:
            settings[name] = path
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def finished(folder: Path, task: Task) -> dict[str, object] | None:
    """The row of an utterance spoken before with the same text and settings."""
    record = folder / "utterance" / f"{task.utt_id}.json"
    if not record.is_file() or not (folder / "wav" / f"{task.utt_id}.wav").is_file():
        return None
    row = json.loads(record.read_text(encoding="utf-8"))
    return row if (row.get("settings"), row.get("text")) == (task.settings, task.text) else None


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = parse_args(cmd)
    from espnet2_nix.inference.systems import NEEDS

    if unknown := sorted(set(args.systems) - set(NEEDS)):
        raise UserError(f"--systems: expected some of {', '.join(NEEDS)}, found {', '.join(unknown)}")
    output_dir = Path(args.output_dir)
    rows: dict[str, dict[str, dict[str, object]]] = {system: {} for system in args.systems}
    todo: list[Task] = []
    for utt_id, text in read_table(args.text).items():
        for system in args.systems:
            task = Task(system, utt_id, text, fingerprint(args, system, NEEDS[system]))
            row = finished(output_dir / system, task)
            if row is None:
                todo.append(task)
            else:
                rows[system][utt_id] = row
    logger.info("%d finished before, %d to speak", sum(map(len, rows.values())), len(todo))
    if todo:
        speak_all(args, todo, rows, output_dir)
    for system, table in rows.items():
        lines = ["\t".join(str(table[utt_id][name]) for name in TABLE_FIELDS) + "\n" for utt_id in sorted(table)]
        write_text(output_dir / system / args.table, "".join(lines))


def load_systems(args: argparse.Namespace, needs: list[tuple[bool, bool, bool]]) -> Systems:
    """Loads the models that the systems speak with."""
    from espnet2_nix.inference.systems import Systems
    from espnet2_nix.inference.text2speech import TeacherText2Speech, Text2Speech

    options = {
        "device": "cuda" if args.ngpu > 0 else "cpu",
        "speed": args.speed,
        "noise_scale": args.noise_scale,
        "noise_scale_dur": args.noise_scale_dur,
        "seed": args.seed,
    }
    teacher = student = None
    if any(need[0] for need in needs):
        if not (args.teacher_train_config and args.teacher_model_file):
            raise UserError("the teacher is needed: give --teacher_train_config and --teacher_model_file")
        teacher = TeacherText2Speech(args.teacher_train_config, args.teacher_model_file, **options)
    if any(need[1] for need in needs):
        if args.model_tag is not None:
            student = Text2Speech.from_pretrained(args.model_tag, **options)
        elif args.train_config and args.model_file:
            student = Text2Speech(args.train_config, args.model_file, **options)
        else:
            raise UserError("the student is needed: give --train_config and --model_file, or --model_tag")
    return Systems(student, teacher, seed=args.seed)


def speak_all(
    args: argparse.Namespace, todo: list[Task], rows: dict[str, dict[str, dict[str, object]]], output_dir: Path
) -> None:
    """Speaks the utterances one by one; wave first, then its record, each written aside and renamed."""
    import soundfile
    import torch

    from espnet2_nix.inference.systems import NEEDS
    from espnet2_nix.text.vocabulary import Vocabulary

    systems = load_systems(args, [NEEDS[task.system] for task in todo])
    one = systems.student or systems.teacher
    vocabulary = Vocabulary(one.train_args.token_list)
    recordings = {}
    if any(NEEDS[task.system][2] for task in todo):
        if args.wav_scp is None:
            raise UserError("the recordings are needed: give --wav_scp")
        recordings = read_table(args.wav_scp)
    warm: set[str] = set()
    for task in progress(todo, "utterances"):
        ids = torch.tensor(vocabulary.ids(task.text.split(), task.utt_id))
        speech = None
        if NEEDS[task.system][2]:
            if task.utt_id not in recordings:
                raise UserError(f"{args.wav_scp} has no {task.utt_id}")
            speech = torch.from_numpy(soundfile.read(recordings[task.utt_id], dtype="float32")[0])
        if task.system not in warm:  # the first call of a process is slower: not counted
            systems.speak(task.system, ids, speech)
            warm.add(task.system)
        start = time.perf_counter()
        out = systems.speak(task.system, ids, speech)
        wav = out["wav"].clamp(-1.0, 1.0).cpu().numpy()
        elapsed = time.perf_counter() - start
        folder = output_dir / task.system
        with replace_file(folder / "wav" / f"{task.utt_id}.wav") as aside:
            soundfile.write(aside, wav, one.fs, subtype="PCM_16", format="WAV")
        row = {
            "utt_id": task.utt_id,
            "num_tokens": len(ids),
            "seconds": round(len(wav) / one.fs, 5),
            "elapsed": round(elapsed, 5),
            "durations": " ".join(map(str, out["duration"].tolist())),
            "latent_loss": round(float(out["latent_loss"]), 4) if "latent_loss" in out else "nan",
            "settings": task.settings,
            "text": task.text,
        }
        write_text(folder / "utterance" / f"{task.utt_id}.json", json.dumps(row, ensure_ascii=False))
        rows[task.system][task.utt_id] = row


if __name__ == "__main__":
    main()
