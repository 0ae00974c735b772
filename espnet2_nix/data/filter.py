"""Keeps the clips that can be trained on, and reports the others with their reason."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from espnet2_nix.data.dropped import Dropped, write_dropped
from espnet2_nix.data.kaldi_io import read_table, write_speaker_maps, write_table
from espnet2_nix.errors import UserError

logger = logging.getLogger(__name__)
STAGE = "filter_data"


@dataclass(frozen=True)
class Limits:
    """What a training can take.

    Attributes:
        fs: Sampling rate of the clips, Hz.
        n_shift: Samples a frame.
        min_frames: Whole frames that training cuts out of a clip.
        max_seconds: What fits into a batch.
    """

    fs: int = 22050
    n_shift: int = 256
    min_frames: int = 32
    max_seconds: float = 20.0

    def reason_to_drop(self, num_samples: int, num_tokens: int) -> str | None:
        """Why a clip of so many samples, whose text has so many tokens, cannot be trained on, or None."""
        frames = num_samples // self.n_shift  # whole ones: a decoder cannot train on a part of a frame
        if frames < self.min_frames:
            return f"too short: {frames} frames, expected at least {self.min_frames}"
        if num_samples > self.max_seconds * self.fs:
            return f"too long: {num_samples / self.fs:.2f} s, expected at most {self.max_seconds:g} s"
        if num_tokens > frames:
            return f"more tokens than frames: {num_tokens} tokens, {frames} frames; each token needs one"
        return None


def filter_data(src: Path, dst: Path, limits: Limits) -> tuple[int, int]:
    """Writes the tables of what is kept, and ``dropped.tsv`` of the rest.

    Args:
        src: Folder of wav.scp, utt2num_samples, text, text.raw and utt2spk.
        dst: Folder for the same tables.
        limits: What can be kept.

    Returns:
        Clips kept, and clips dropped here.

    Raises:
        UserError: If none is left.
    """
    tables = {name: read_table(src / name) for name in ("wav.scp", "text", "text.raw", "utt2spk", "utt2num_samples")}
    dropped = []
    kept = []
    for utt_id, text in tables["text"].items():
        if utt_id not in tables["wav.scp"]:
            continue  # its audio was dropped, and reported, in stage 2
        reason = limits.reason_to_drop(int(tables["utt2num_samples"][utt_id]), len(text.split()))
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
    return len(kept), len(dropped)
