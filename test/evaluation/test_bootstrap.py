import numpy as np
import pytest

from espnet2_nix.evaluation.bootstrap import bootstrap_interval, bootstrap_ratio


def test_equal_values_leave_no_doubt():
    assert bootstrap_interval([2.0, 2.0, 2.0]) == (2.0, 2.0, 2.0)


def test_the_interval_is_that_of_a_mean_of_normal_values():
    values = np.random.default_rng(0).standard_normal(400)
    mean, low, high = bootstrap_interval(values, draws=4000)
    assert mean == pytest.approx(values.mean())
    half = 1.96 * values.std() / np.sqrt(400)
    np.testing.assert_allclose([mean - low, high - mean], half, rtol=0.1)


def test_the_same_seed_gives_the_same_interval():
    values = np.arange(10.0)
    assert bootstrap_interval(values) == bootstrap_interval(values)
    assert bootstrap_interval(values, seed=1) != bootstrap_interval(values)


def test_the_interval_is_the_percentiles_of_drawn_sets():
    rng = np.random.default_rng(5)
    errors, characters = rng.integers(0, 9, 40).astype(float), rng.integers(5, 30, 40).astype(float)
    chosen = np.random.default_rng(3).integers(0, 40, size=(1000, 40))
    ratios = errors[chosen].sum(1) / characters[chosen].sum(1)
    _, low, high = bootstrap_ratio(errors, characters, seed=3)
    assert [low, high] == pytest.approx(list(np.percentile(ratios, [2.5, 97.5])))


def test_one_utterance_is_its_own_interval():
    assert bootstrap_interval([2.5]) == (2.5, 2.5, 2.5)


def test_what_was_not_measured_is_left_out():
    assert bootstrap_interval([1.0, np.nan, 3.0]) == bootstrap_interval([1.0, 3.0])
    assert bootstrap_ratio([1, np.nan, 2], [10, 5, 20]) == bootstrap_ratio([1, 2], [10, 20])


def test_a_ratio_weighs_utterances_by_their_length():
    ratio, low, high = bootstrap_ratio([1, 0], [1, 9])
    assert ratio == 0.1
    assert (low, high) == (0, 1)  # a draw may hold either utterance twice


@pytest.mark.parametrize("values", [[], [np.nan, np.nan]])
def test_nothing_measured_is_refused(values):
    with pytest.raises(ValueError, match="found none"):
        bootstrap_interval(values)


@pytest.mark.parametrize(
    "numerators, denominators, message",
    [([1, 2], [1], "one length"), ([1, 2], [1, 0], "positive denominators, found 0"), ([[1]], [[1]], "one length")],
)
def test_refused_ratios(numerators, denominators, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_ratio(numerators, denominators)
