import math

import numpy as np
import pytest

from espnet2_nix.evaluation.durations import compare_durations


def test_three_tokens_by_hand():
    measured = compare_durations([2, 4, 9], np.array([3, 4, 7]))
    assert measured["duration_rmse"] == pytest.approx(math.sqrt((1 + 0 + 4) / 3))
    # Deviations from the means 5 and 14/3: (-3, -1, 4) and (-5, -2, 7) / 3.
    assert measured["duration_correlation"] == pytest.approx((15 + 2 + 28) / math.sqrt(26 * 78))


def test_a_uniformly_slower_voice_keeps_the_rhythm():
    measured = compare_durations([2, 4, 9], [4, 8, 18])
    assert measured["duration_correlation"] == pytest.approx(1)
    assert measured["duration_rmse"] > 0


@pytest.mark.parametrize("durations", [[3, 3, 3], [0, 0, 0]])
def test_constant_durations_have_no_correlation(durations):
    assert math.isnan(compare_durations([2, 4, 9], durations)["duration_correlation"])
    assert math.isnan(compare_durations(durations, [2, 4, 9])["duration_correlation"])


@pytest.mark.parametrize("reference, durations", [([1, 2], [1]), ([], []), ([[1, 2]], [[1, 2]])])
def test_refused(reference, durations):
    with pytest.raises(ValueError, match="same tokens"):
        compare_durations(reference, durations)
