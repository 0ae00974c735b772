#!/usr/bin/env python3
"""Stage 7, before encoder distillation: stores the teacher's posterior of every utterance, once."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from espnet2_nix.bin import command
from espnet2_nix.data.errors import DataError
from espnet2_nix.data.kaldi_io import read_table
from espnet2_nix.data.progress import progress

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--text", required=True, nargs="+", help="tables of utterance id and tokens")
    parser.add_argument("--wav_scp", required=True, nargs="+", help="tables of their recordings, in the same order")
    parser.add_argument("--teacher_train_config", required=True, help="config.yaml of the teacher")
    parser.add_argument("--teacher_model_file", required=True, help="its weights")
    parser.add_argument("--outdir", required=True, help="writes info.json, index.tsv and frames.f16; what is there is kept")
    parser.add_argument("--ngpu", type=int, default=0, help="0 computes on the CPU")
    return parser


def utterances(
    texts: dict[str, str], recordings: dict[str, str], tokens: list[str], fs: int, device: str
) -> Iterator[tuple[str, torch.Tensor, torch.Tensor]]:
    """Id, token ids and waveform of every utterance."""
    import soundfile
    import torch

    ids = {token: i for i, token in enumerate(tokens)}
    for utt_id, text in progress(list(texts.items()), "utterances"):
        if utt_id not in recordings:
            raise DataError(f"--wav_scp: no recording of {utt_id}")
        unknown = sorted(set(text.split()) - ids.keys())
        if unknown:
            raise DataError(f"--text: {utt_id} has tokens that the teacher does not know: {' '.join(unknown)}")
        wav, found = soundfile.read(recordings[utt_id], dtype="float32")
        if found != fs:
            raise DataError(f"{recordings[utt_id]}: expected {fs} Hz, the teacher's rate, found {found} Hz")
        text_ids = torch.tensor([ids[token] for token in text.split()], device=device)
        yield utt_id, text_ids, torch.from_numpy(wav).to(device)


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    if len(args.text) != len(args.wav_scp):
        raise DataError(f"expected as many tables of --wav_scp as of --text, found {len(args.wav_scp)} and {len(args.text)}")
    from espnet2_nix.models.teacher_latents import TeacherLatents, write_latents
    from espnet2_nix.tasks.teacher import fingerprint, load_teacher

    texts, recordings = {}, {}
    for text, wav_scp in zip(args.text, args.wav_scp, strict=True):
        texts |= read_table(text)
        recordings |= read_table(wav_scp)
    try:
        name = fingerprint(args.teacher_model_file)
        try:
            latents = TeacherLatents(args.outdir, name)
            stored = {utt_id: len(durations) for utt_id, (_, _, durations) in latents.index.items()}
            if stored == {utt_id: len(text.split()) for utt_id, text in texts.items()}:
                logger.info("%s: %d utterances of this teacher, written before", args.outdir, len(stored))
                return
        except (FileNotFoundError, ValueError):
            pass  # nothing usable: write it
        teacher = load_teacher(args.teacher_train_config, args.teacher_model_file)
        device = "cuda" if args.ngpu > 0 else "cpu"
        rows = utterances(texts, recordings, teacher.token_list, teacher.fs, device)
        num_frames = write_latents(args.outdir, teacher, name, rows)
    except (FileNotFoundError, ValueError) as error:
        raise DataError(str(error)) from error
    logger.info("%s: %d utterances, %d frames", args.outdir, len(texts), num_frames)


if __name__ == "__main__":
    main()
