"""Distance of two rhythms of one text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def compare_durations(
    reference: Sequence[float] | np.ndarray, durations: Sequence[float] | np.ndarray
) -> dict[str, float]:
    """Root mean square error and Pearson's correlation (1895) of the durations of an utterance's tokens.

    Args:
        reference: Frames a token (T_text,), int or float: what the recording was aligned to.
        durations: Frames a token (T_text,), int or float: what was predicted.

    Returns:
        `duration_rmse` in frames, and `duration_correlation` from -1 to 1 (nan where one side is constant).

    Raises:
        ValueError: If the lengths differ, or there is no token.
    """
    x, y = (np.asarray(d, dtype=np.float64) for d in (reference, durations))
    if x.ndim != 1 or x.shape != y.shape or len(x) == 0:
        raise ValueError(f"expected durations of the same tokens, found shapes {x.shape} and {y.shape}")
    constant = np.ptp(x) == 0 or np.ptp(y) == 0
    return {
        "duration_rmse": float(np.sqrt(np.mean((x - y) ** 2))),
        "duration_correlation": float("nan") if constant else float(np.corrcoef(x, y)[0, 1]),
    }
