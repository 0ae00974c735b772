"""The prior on the alignment, against its definition."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from espnet2_nix.aligner import beta_binomial_prior
from espnet2_nix.aligner.beta_binomial_prior import BetaBinomialPrior, log_beta_binomial


def rising(start, steps):
    """start (start + 1) ... , so many factors."""
    return math.prod((start + i for i in range(steps)), start=Fraction(1))


def by_definition(num_tokens, num_frames, scaling):
    """C(n, k) B(k + a, n - k + b) / B(a, b) with n = P - 1, a = w t, b = w (M + 1 - t), exactly."""
    n = num_tokens - 1
    table = np.zeros((num_frames, num_tokens))
    for t in range(1, num_frames + 1):
        a, b = Fraction(scaling) * t, Fraction(scaling) * (num_frames + 1 - t)
        for k in range(num_tokens):
            table[t - 1, k] = math.comb(n, k) * rising(a, k) * rising(b, n - k) / rising(a + b, n)
    return table


@pytest.mark.parametrize("scaling", [1.0, 0.5])
@pytest.mark.parametrize(("num_tokens", "num_frames"), [(1, 1), (1, 4), (3, 3), (5, 12)])
def test_it_is_the_beta_binomial_distribution(num_tokens, num_frames, scaling):
    prior = np.exp(log_beta_binomial(num_tokens, num_frames, scaling))
    np.testing.assert_allclose(prior, by_definition(num_tokens, num_frames, scaling), rtol=1e-4, atol=1e-9)
    np.testing.assert_allclose(prior.sum(1), 1, rtol=1e-5)


def test_it_runs_along_the_diagonal_and_lower_scaling_is_wider():
    narrow, wide = (np.exp(log_beta_binomial(6, 60, scaling)) for scaling in (1.0, 0.1))
    assert (np.diff(narrow.argmax(1)) >= 0).all()
    assert narrow[0].argmax() == 0
    assert narrow[-1].argmax() == 5
    np.testing.assert_allclose(narrow, narrow[::-1, ::-1], rtol=1e-3)
    tokens = np.arange(6)
    spread = [(prior * tokens**2).sum(1) - (prior * tokens).sum(1) ** 2 for prior in (narrow, wide)]
    assert (spread[1] > spread[0]).all()


def test_a_batch_is_its_items_and_0_in_the_padding():
    log_prior = BetaBinomialPrior()(torch.tensor([5, 2]), torch.tensor([9, 4]))
    assert log_prior.shape == (2, 9, 5)
    for item, tokens, frames in ((0, 5, 9), (1, 2, 4)):
        expected = np.log(by_definition(tokens, frames, 1.0) + 1e-8)
        np.testing.assert_allclose(log_prior[item, :frames, :tokens], expected, atol=1e-4)
    assert (log_prior[1, 4:] == 0).all()
    assert (log_prior[1, :, 2:] == 0).all()


def test_what_is_kept_is_bounded_and_cannot_be_written_to(monkeypatch):
    prior = BetaBinomialPrior()
    kept = prior.log_prior(3, 5)
    assert prior.log_prior(3, 5) is kept
    with pytest.raises(ValueError, match="read-only"):
        kept[0, 0] = 0
    prior(torch.tensor([3]), torch.tensor([5])).zero_()
    assert (prior.log_prior(3, 5) != 0).any()
    monkeypatch.setattr(beta_binomial_prior, "CACHE_BYTES", 2 * kept.nbytes)
    first = prior.log_prior(3, 5)
    others = [prior.log_prior(3, frames) for frames in (4, 6, 7)]
    assert prior.log_prior(3, 7) is others[-1]
    assert prior.log_prior(3, 5) is not first


@pytest.mark.parametrize("scaling", [0, -1, float("nan")])
def test_a_scaling_that_is_not_positive_is_refused(scaling):
    with pytest.raises(ValueError, match="prior_scaling: expected a positive number"):
        BetaBinomialPrior(scaling)
