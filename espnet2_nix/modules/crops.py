"""Random crops of sequences, from which trainings learn in place of whole utterances."""

from __future__ import annotations

import torch
from espnet2.gan_tts.utils import get_segments


def random_crops(num_frames: torch.Tensor, size: int) -> torch.Tensor:
    """First frames of one crop an item, uniform over the places where it fits; 0 where the item is shorter.

    Args:
        num_frames: Frames (B,).
        size: Frames of a crop.

    Returns:
        Starts (B,), int64.
    """
    places = (num_frames - size + 1).clamp(min=1)
    return (torch.rand_like(places, dtype=torch.float32) * places).long()


def crop(x: torch.Tensor, starts: torch.Tensor, size: int, context: int = 0) -> torch.Tensor:
    """Crops of a sequence with context on both sides, zeros beyond its ends.

    Args:
        x: (B, C, T).
        starts: First frames (B,).
        size: Frames of a crop.
        context: Frames more on either side.

    Returns:
        (B, C, size + 2 * context).
    """
    padded = torch.nn.functional.pad(x, (context, context + size))
    return get_segments(padded, starts, size + 2 * context)
