"""Monotonic alignment search: the hard path through a soft alignment."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch

from espnet2_nix.errors import UserError

try:
    from espnet2_nix.aligner import _monotonic_alignment  # type: ignore[attr-defined]  # built from Cython
except ImportError as error:
    raise ImportError(
        "training needs the compiled extension of espnet2_nix.aligner, which was left out because no C compiler was "
        "found: install one (Debian: apt-get install build-essential), then run pip install --force-reinstall --no-deps ."
    ) from error

Array = TypeVar("Array", torch.Tensor, np.ndarray)


def _to_numpy(array: torch.Tensor | np.ndarray) -> np.ndarray:
    return array.detach().cpu().numpy() if isinstance(array, torch.Tensor) else np.asarray(array)


def _check(log_p: np.ndarray, text_lengths: np.ndarray, feats_lengths: np.ndarray) -> None:
    if log_p.ndim != 3:
        raise ValueError(f"log_p_attn: expected (B, T_feats, T_text), found shape {log_p.shape}")
    if log_p.dtype != np.float32:
        raise ValueError(f"log_p_attn: expected float32, found {log_p.dtype}")
    num_items, max_feats, max_text = log_p.shape
    for name, lengths, longest in (
        ("text_lengths", text_lengths, max_text),
        ("feats_lengths", feats_lengths, max_feats),
    ):
        if lengths.shape != (num_items,):
            raise ValueError(f"{name}: expected shape ({num_items},), found {lengths.shape}")
        for index in np.flatnonzero((lengths < 1) | (lengths > longest)):
            raise ValueError(f"{name}[{index}]: expected 1 to {longest}, found {lengths[index]}")
    for index in np.flatnonzero(text_lengths > feats_lengths):
        raise UserError(
            f"utterance {index} of the batch has {text_lengths[index]} tokens and only {feats_lengths[index]} frames; "
            "a monotonic path needs a frame for every token. Stage 3 drops such clips: ./run.sh --stage 3 --stop_stage 5"
        )


def maximum_path_durations(
    log_p_attn: Array, text_lengths: torch.Tensor | np.ndarray, feats_lengths: torch.Tensor | np.ndarray
) -> Array:
    """Frames of each token on the monotonic path of highest summed log-probability; see ``maximum_path``.

    Args:
        log_p_attn: Log-probabilities (B, T_feats, T_text), float32, tensor or array. What lies past the lengths is
            not read.
        text_lengths: Tokens (B,), integers.
        feats_lengths: Frames (B,), integers.

    Returns:
        Durations (B, T_text), int64, of the same kind and on the same device: at least 1 for every token, 0 past them.

    Raises:
        ValueError: If a shape, a type or a length does not fit.
        UserError: If an utterance has more tokens than frames (its index is named), or if a value is NaN.
    """
    log_p = np.ascontiguousarray(_to_numpy(log_p_attn))
    text = np.ascontiguousarray(_to_numpy(text_lengths), dtype=np.int64)
    feats = np.ascontiguousarray(_to_numpy(feats_lengths), dtype=np.int64)
    _check(log_p, text, feats)
    num_items, max_feats, max_text = log_p.shape
    durations = np.zeros((num_items, max_text), dtype=np.int64)
    if num_items > 0:
        rows = np.empty((num_items, 2 * max_text + 2), dtype=np.float32)
        stayed = np.empty((num_items, max_feats * max_text), dtype=np.int8)
        bad = np.zeros(num_items, dtype=np.int32)
        _monotonic_alignment.search(log_p, text, feats, durations, rows, stayed, bad)
        for index in np.flatnonzero(bad):
            raise UserError(f"log_p_attn of utterance {index} holds NaN; the training has diverged")
    if isinstance(log_p_attn, torch.Tensor):
        return torch.from_numpy(durations).to(log_p_attn.device)
    return durations


def path_of_durations(durations: np.ndarray, max_feats: int) -> np.ndarray:
    """Hard path: durations (B, T_text) to attn (B, max_feats, T_text) of 0 and 1, float32."""
    num_items, max_text = durations.shape
    attn = np.zeros((num_items, max_feats, max_text), dtype=np.float32)
    for item, row in zip(attn, durations, strict=True):
        tokens = np.repeat(np.arange(max_text), row)
        item[np.arange(len(tokens)), tokens] = 1.0
    return attn


def maximum_path(
    log_p_attn: Array, text_lengths: torch.Tensor | np.ndarray, feats_lengths: torch.Tensor | np.ndarray
) -> Array:
    """The monotonic path of highest summed log-probability (VITS, arXiv 2106.06103, appendix A).

    A path begins at the first token, ends at the last one, and at each frame stays or advances by one token; on a tie
    it came from the same token. A cell of -inf is entered only when no other path exists.

    Args:
        log_p_attn: Log-probabilities (B, T_feats, T_text), float32, tensor or array. What lies past the lengths is
            not read.
        text_lengths: Tokens (B,), integers.
        feats_lengths: Frames (B,), integers.

    Returns:
        attn, of the same kind and shape and on the same device: 1 on the path, 0 elsewhere, float32.

    Raises:
        ValueError: If a shape, a type or a length does not fit, if an utterance has more tokens than frames (its
            index is named), or if a value is NaN.
    """
    durations = _to_numpy(maximum_path_durations(log_p_attn, text_lengths, feats_lengths))
    attn = path_of_durations(durations, log_p_attn.shape[1])
    if isinstance(log_p_attn, torch.Tensor):
        return torch.from_numpy(attn).to(log_p_attn.device)
    return attn


def durations_from_path(attn: Array) -> Array:
    """Frames of each token: attn (B, T_feats, T_text) to durations (B, T_text), int64."""
    if isinstance(attn, torch.Tensor):
        return attn.sum(1).round().long()
    return np.rint(attn.sum(1)).astype(np.int64)
