"""Stage 3: keeps the clips that can be trained on, and reports the others with their reason."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from espnet2_nix.bin import command
from espnet2_nix.data.dropped import Dropped, write_dropped
from espnet2_nix.data.kaldi_io import read_table, write_speaker_maps, write_table
from espnet2_nix.errors import UserError

logger = logging.getLogger(__name__)
STAGE = "filter_data"


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--srcdir", required=True, help="wav.scp, utt2num_samples, text, text.raw and utt2spk")
    parser.add_argument("--dstdir", required=True, help="the same tables for what is kept, and dropped.tsv")
    parser.add_argument("--fs", type=int, default=22050, help="sampling rate of the clips, Hz")
    parser.add_argument("--n_shift", type=int, default=256, help="samples a frame")
    parser.add_argument("--min_frames", type=int, default=32, help="shorter clips are dropped")
    parser.add_argument("--max_seconds", type=float, default=20.0, help="longer clips are dropped")
    return parser


def reason_to_drop(
    num_samples: int, num_tokens: int, fs: int, n_shift: int, min_frames: int, max_seconds: float
) -> str | None:
    """Why a clip cannot be trained on, or None.

    Args:
        num_samples: Length of the clip.
        num_tokens: Length of its text.
        fs: Sampling rate, Hz.
        n_shift: Samples a frame.
        min_frames: Whole frames that training cuts out of a clip.
        max_seconds: What fits into a batch.
    """
    frames = num_samples // n_shift  # whole ones: a decoder cannot train on a part of a frame
    if frames < min_frames:
        return f"too short: {frames} frames, expected at least {min_frames}"
    if num_samples > max_seconds * fs:
        return f"too long: {num_samples / fs:.2f} s, expected at most {max_seconds:g} s"
    if num_tokens > frames:
        return f"more tokens than frames: {num_tokens} tokens, {frames} frames; each token needs one"
    return None


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    src, dst = Path(args.srcdir), Path(args.dstdir)
    tables = {name: read_table(src / name) for name in ("wav.scp", "text", "text.raw", "utt2spk", "utt2num_samples")}
    dropped = []
    kept = []
    for utt_id in tables["text"]:
        if utt_id not in tables["wav.scp"]:
            continue  # its audio was dropped, and reported, in stage 2
        reason = reason_to_drop(
            int(tables["utt2num_samples"][utt_id]),
            len(tables["text"][utt_id].split()),
            args.fs,
            args.n_shift,
            args.min_frames,
            args.max_seconds,
        )
        if reason is None:
            kept.append(utt_id)
        else:
            logger.warning("dropped %s: %s", utt_id, reason)
            dropped.append(Dropped(utt_id, STAGE, reason))
    write_dropped(dst / "dropped.tsv", dropped)
    if not kept:
        raise UserError(f"no clip of {src} is left; see {dst / 'dropped.tsv'} and the reports in {src}")
    for name in ("wav.scp", "text", "text.raw", "utt2num_samples"):
        write_table(dst / name, {utt_id: tables[name][utt_id] for utt_id in kept})
    write_speaker_maps(dst, {utt_id: tables["utt2spk"][utt_id] for utt_id in kept})
    logger.info("%s: %d clips kept, %d dropped", dst, len(kept), len(dropped))


if __name__ == "__main__":
    main()
