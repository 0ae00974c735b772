"""Length regulator: from tokens to frames."""

from __future__ import annotations

import torch


def expand(hidden: torch.Tensor, attn: torch.Tensor) -> torch.Tensor:
    """Frames as mixtures of tokens: hidden (B, C, T_text) and attn (B, T_feats, T_text) to (B, C, T_feats)."""
    return torch.matmul(hidden, attn.to(hidden.dtype).transpose(1, 2))


def expand_by_durations(hidden: torch.Tensor, durations: torch.Tensor, max_feats: int) -> torch.Tensor:
    """Frames as copies of tokens, by a gather: what ``expand`` gives on the hard path, without the path.

    Args:
        hidden: (B, C, T_text).
        durations: Frames of each token (B, T_text), integers, 0 on padding.
        max_feats: Frames of the batch.

    Returns:
        (B, C, max_feats); zeros past the sum of durations.
    """
    ends = torch.cumsum(durations, dim=1)  # (B, T_text)
    frames = torch.arange(max_feats, device=durations.device)[None].expand(len(durations), -1).contiguous()
    index = torch.searchsorted(ends, frames, right=True)  # (B, max_feats), T_text where there is no token
    mask = (index < durations.shape[1]).to(hidden.dtype)[:, None]
    index = index.clamp(max=durations.shape[1] - 1)[:, None].expand(-1, hidden.shape[1], -1)
    return torch.gather(hidden, 2, index) * mask


def durations_to_attn(durations: torch.Tensor, max_feats: int | torch.Tensor) -> torch.Tensor:
    """Hard path of given durations.

    Args:
        durations: Frames of each token (B, T_text), integers.
        max_feats: Frames of the batch.

    Returns:
        attn (B, T_feats, T_text) of 0 and 1, float32; frames past the sum of durations are all 0.

    Raises:
        ValueError: If a duration is negative.
    """
    if not torch.jit.is_tracing() and bool((durations < 0).any()):
        raise ValueError(f"expected durations of 0 frames or more, found {int(durations.min())}")
    ends = torch.cumsum(durations, dim=1)[:, None]  # (B, 1, T_text)
    starts = ends - durations[:, None]
    frames = torch.arange(max_feats, device=durations.device)[None, :, None]  # (1, T_feats, 1)
    return ((frames >= starts) & (frames < ends)).float()


def durations_from_log(log_durations: torch.Tensor, text_mask: torch.Tensor, alpha: float = 1.0) -> torch.Tensor:
    """Frames of each token, ceil(exp(log_durations) * alpha).

    Args:
        log_durations: (B, T_text).
        text_mask: (B, 1, T_text).
        alpha: Factor on the durations; above 1 is slower.

    Returns:
        durations (B, T_text), int64: at least 1 on real tokens, 0 on padding.

    Raises:
        ValueError: If alpha is not positive.
    """
    if not alpha > 0:
        raise ValueError(f"alpha: expected a positive number, found {alpha}")
    durations = torch.clamp(torch.ceil(torch.exp(log_durations.float()) * alpha), min=1.0)
    return (durations * text_mask[:, 0]).long()
