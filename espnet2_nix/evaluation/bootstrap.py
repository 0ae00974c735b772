"""How sure a mean over a test set is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import bootstrap


def bootstrap_interval(
    values: Sequence[float] | np.ndarray, draws: int = 1000, seed: int = 0
) -> tuple[float, float, float]:
    """Mean, and its 95 % percentile interval by the bootstrap (Efron, 1979).

    Args:
        values: One number an utterance (N,), float; nan is left out.
        draws: Sets drawn with replacement.
        seed: Of the draws: the same values and seed give the same interval.

    Returns:
        Mean, lower and upper end, in the unit of the values.

    Raises:
        ValueError: If no number is left.
    """
    values = np.asarray(values, dtype=np.float64)
    return bootstrap_ratio(values, np.ones_like(values), draws, seed)


def bootstrap_ratio(
    numerators: Sequence[float] | np.ndarray,
    denominators: Sequence[float] | np.ndarray,
    draws: int = 1000,
    seed: int = 0,
) -> tuple[float, float, float]:
    """Ratio of two sums over utterances, and its 95 % percentile interval (Bisani and Ney, ICASSP 2004).

    For rates such as errors over characters: whole utterances are drawn, so a long one keeps its weight.

    Args:
        numerators: One number an utterance (N,), float.
        denominators: One positive number an utterance (N,), float; a pair with nan is left out.
        draws: Sets of utterances drawn with replacement.
        seed: Of the draws: the same numbers and seed give the same interval.

    Returns:
        Ratio, lower and upper end.

    Raises:
        ValueError: If the lengths differ, no pair is left, or a denominator is not positive.
    """
    above, below = (np.asarray(x, dtype=np.float64) for x in (numerators, denominators))
    if above.ndim != 1 or above.shape != below.shape:
        raise ValueError(f"expected two sequences of one length, found shapes {above.shape} and {below.shape}")
    known = ~(np.isnan(above) | np.isnan(below))
    above, below = above[known], below[known]
    if len(above) == 0:
        raise ValueError("expected at least one utterance with a number, found none")
    if (below <= 0).any():
        raise ValueError(f"expected positive denominators, found {below.min()}")
    ratio = float(above.sum() / below.sum())
    if len(above) == 1:  # every draw is the utterance itself
        return ratio, ratio, ratio
    found = bootstrap(
        (above, below),
        lambda a, b, axis: a.sum(axis=axis) / b.sum(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=draws,
        confidence_level=0.95,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return ratio, float(found.confidence_interval.low), float(found.confidence_interval.high)
