"""Stage 7, before encoder distillation: stores the teacher's latent of every utterance, once."""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from espnet2_nix.bin import command
from espnet2_nix.data.kaldi_io import read_table
from espnet2_nix.data.progress import progress
from espnet2_nix.errors import UserError
from espnet2_nix.files import write_text
from espnet2_nix.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    import torch

    from espnet2_nix.models.vits_teacher import VITSTeacher

logger = logging.getLogger(__name__)


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--text", required=True, nargs="+", help="tables of utterance id and tokens")
    parser.add_argument("--wav_scp", required=True, nargs="+", help="tables of their recordings, in the same order")
    parser.add_argument(
        "--extra_text", default=None, help="table of tokens without recordings, which the teacher reads"
    )
    parser.add_argument("--teacher_train_config", required=True, help="config.yaml of the teacher")
    parser.add_argument("--teacher_model_file", required=True, help="its weights")
    parser.add_argument(
        "--outdir", required=True, help="writes info.json, index.tsv and frames.f16; what is there is kept"
    )
    parser.add_argument(
        "--durations", default=None, help="table of frames of each token, in place of the teacher's own alignment"
    )
    parser.add_argument("--ngpu", type=int, default=0, help="0 computes on the CPU")
    return parser


def utterances(
    texts: dict[str, str], recordings: dict[str, str], extra: dict[str, str], teacher: VITSTeacher, device: str
) -> Iterator[tuple[str, torch.Tensor, torch.Tensor | None]]:
    """Id, token ids and waveform of every utterance; None in its place where there is no recording."""
    import soundfile
    import torch

    vocabulary = Vocabulary(teacher.token_list)
    for utt_id, text in progress([*texts.items(), *extra.items()], "utterances"):
        text_ids = torch.tensor(vocabulary.ids(text.split(), f"--text: {utt_id}"), device=device)
        if utt_id in extra:
            yield utt_id, text_ids, None
            continue
        if utt_id not in recordings:
            raise UserError(f"--wav_scp: no recording of {utt_id}")
        wav, found = soundfile.read(recordings[utt_id], dtype="float32")
        if found != teacher.fs:
            raise UserError(f"{recordings[utt_id]}: expected {teacher.fs} Hz, the teacher's rate, found {found} Hz")
        yield utt_id, text_ids, torch.from_numpy(wav).to(device)


def parse_durations(table: dict[str, str]) -> dict[str, list[int]]:
    """Frames of each token by utterance."""
    try:
        return {utt_id: [int(frames) for frames in row.split()] for utt_id, row in table.items()}
    except ValueError as error:
        raise UserError(f"--durations: expected whole numbers of frames, found {error}") from error


def digest_of(
    texts: dict[str, str], recordings: dict[str, str], extra: dict[str, str], durations: dict[str, str]
) -> str:
    """Names texts, durations and recordings, the last by path, size and time: another preparation is another digest."""
    facts: list[object] = [texts, extra, durations] if durations else [texts, extra]
    for utt_id in texts:
        path = Path(recordings.get(utt_id, ""))
        stat = path.stat() if path.is_file() else None
        facts.append([str(path), stat and stat.st_size, stat and stat.st_mtime_ns])
    return hashlib.sha256(json.dumps(facts, ensure_ascii=False).encode()).hexdigest()


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    if len(args.text) != len(args.wav_scp):
        raise UserError(
            f"expected as many tables of --wav_scp as of --text, found {len(args.wav_scp)} and {len(args.text)}"
        )
    from espnet2_nix.models.checkpoint import fingerprint
    from espnet2_nix.models.load_teacher import load_teacher
    from espnet2_nix.models.teacher_latents import TeacherLatents, write_latents

    texts: dict[str, str] = {}
    recordings: dict[str, str] = {}
    for text, wav_scp in zip(args.text, args.wav_scp, strict=True):
        texts |= read_table(text)
        recordings |= read_table(wav_scp)
    extra = read_table(args.extra_text) if args.extra_text else {}
    if twice := sorted(extra.keys() & texts.keys()):
        raise UserError(f"--extra_text: {', '.join(twice[:5])} are in --text as well; ids must be unique")
    durations = read_table(args.durations) if args.durations else {}
    inputs, digest = Path(args.outdir) / "inputs.sha256", digest_of(texts, recordings, extra, durations)
    name = fingerprint(args.teacher_model_file)
    try:
        latents = TeacherLatents(args.outdir, name)
        if inputs.is_file() and inputs.read_text(encoding="utf-8").strip() == digest:
            logger.info("%s: %d utterances of this teacher, written before", args.outdir, len(latents.index))
            return
    except (OSError, ValueError):
        pass  # nothing usable: write it
    teacher = load_teacher(args.teacher_train_config, args.teacher_model_file)
    device = "cuda" if args.ngpu > 0 else "cpu"
    rows = utterances(texts, recordings, extra, teacher, device)
    inputs.unlink(missing_ok=True)
    num_frames = write_latents(args.outdir, teacher, name, rows, parse_durations(durations) if durations else None)
    write_text(inputs, digest + "\n")
    logger.info("%s: %d recordings and %d texts, %d frames", args.outdir, len(texts), len(extra), num_frames)


if __name__ == "__main__":
    main()
