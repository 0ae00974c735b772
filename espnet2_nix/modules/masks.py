"""Masks of real (1) and padded (0) positions."""

from __future__ import annotations

import torch


def make_non_pad_mask(
    lengths: torch.Tensor, max_length: int | None = None, dtype: torch.dtype = torch.float32
) -> torch.Tensor:
    """Mask of a padded batch.

    Args:
        lengths: Real positions of each item (B,), integers.
        max_length: Positions of the batch; None is the longest item.
        dtype: Type of the mask.

    Returns:
        (B, 1, T): 1 on real positions, 0 on padding.
    """
    length = lengths.max() if max_length is None else max_length
    positions = torch.arange(length, device=lengths.device)
    return (positions[None] < lengths[:, None])[:, None].to(dtype)
