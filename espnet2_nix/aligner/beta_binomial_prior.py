"""Beta-binomial prior on the alignment of text and frames."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import torch
from scipy.special import betaln, gammaln

from espnet2_nix.errors import UserError

FLOOR = 1e-8  # added to the prior: far from the diagonal it would underflow to log 0
CACHE_BYTES = 64 * 2**20  # some hundred utterances of ten seconds


def log_beta_binomial(num_tokens: int, num_frames: int, scaling: float) -> np.ndarray:
    """log betabinom(P - 1, w t, w (M + 1 - t)) at 0 ... P - 1 for t = 1 ... M.

    Returns:
        (M, P), float32; exp of each row sums to 1. With P trials instead of P - 1 the rows would fall short.
    """
    k = np.arange(num_tokens)[None]  # (1, P)
    t = np.arange(1, num_frames + 1)[:, None]  # (M, 1)
    n, a, b = num_tokens - 1, scaling * t, scaling * (num_frames + 1 - t)
    log_choose = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return (log_choose + betaln(k + a, n - k + b) - betaln(a, b)).astype(np.float32)


class BetaBinomialPrior:
    """Prior that pulls an alignment to the diagonal (One TTS Alignment, arXiv 2108.10447, section 2.2).

    Args:
        scaling: w; lower is wider.

    Raises:
        UserError: If the scaling is not positive.
    """

    def __init__(self, scaling: float = 1.0) -> None:
        if not scaling > 0:
            raise UserError(f"prior_scaling: expected a positive number, found {scaling}")
        self.scaling = float(scaling)
        self._cache: OrderedDict[tuple[int, int], np.ndarray] = OrderedDict()
        self._cached_bytes = 0

    def log_prior(self, num_tokens: int, num_frames: int) -> np.ndarray:
        """Log-prior of one utterance, kept for the next epoch until ``CACHE_BYTES`` are full.

        Returns:
            log(prior + 1e-8) (num_frames, num_tokens), float32, not to be written to.
        """
        key = (num_tokens, num_frames)
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        log_prior = np.log(np.exp(log_beta_binomial(num_tokens, num_frames, self.scaling)) + FLOOR)
        log_prior.flags.writeable = False
        self._cache[key] = log_prior
        self._cached_bytes += log_prior.nbytes
        while self._cached_bytes > CACHE_BYTES and len(self._cache) > 1:
            self._cached_bytes -= self._cache.popitem(last=False)[1].nbytes
        return log_prior

    def __call__(self, text_lengths: torch.Tensor, feats_lengths: torch.Tensor) -> torch.Tensor:
        """Log-prior of a batch.

        Args:
            text_lengths: Tokens (B,).
            feats_lengths: Frames (B,).

        Returns:
            log(prior + 1e-8) (B, T_feats, T_text), float32 on the CPU, 0 past the lengths.
        """
        text, feats = text_lengths.tolist(), feats_lengths.tolist()
        log_prior = torch.zeros(len(text), max(feats), max(text))
        for b, (p, m) in enumerate(zip(text, feats, strict=True)):
            log_prior[b, :m, :p] = torch.from_numpy(self.log_prior(p, m).copy())
        return log_prior
