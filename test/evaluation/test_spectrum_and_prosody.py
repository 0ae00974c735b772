import math

import numpy as np
import pytest

from espnet2_nix.evaluation.spectrum_and_prosody import compare, warping_path
from espnet2_nix.evaluation.world_features import WorldFeatures


def make_features(c1, f0, c0=0.0):
    """Frames that differ in c0 and c1 only."""
    mcep = np.zeros((len(c1), 25))
    mcep[:, 0], mcep[:, 1] = c0, c1
    return WorldFeatures(mcep, np.array(f0, dtype=float))


def make_speech(num_frames=12, seed=0):
    rng = np.random.default_rng(seed)
    return WorldFeatures(rng.standard_normal((num_frames, 25)), rng.uniform(100, 300, num_frames))


def test_an_utterance_does_not_differ_from_itself():
    speech = make_speech()
    assert compare(speech, speech) == {"mcd": 0, "log_f0_rmse": 0, "voicing_error": 0}


def test_two_frames_by_hand():
    reference = make_features(c1=[0.0, 10.0], f0=[100, 200])
    features = make_features(c1=[0.0, 10.5], f0=[110, 0], c0=7.0)
    measured = compare(reference, features)
    # Frame 0 differs by nothing, frame 1 by 0.5; only frame 0 is voiced in both.
    assert measured["mcd"] == pytest.approx((0 + 10 / math.log(10) * math.sqrt(2 * 0.5**2)) / 2)
    assert measured["log_f0_rmse"] == pytest.approx(math.log(1.1))
    assert measured["voicing_error"] == 0.5


def test_slower_speech_is_warped_onto_the_recording():
    speech = make_speech()
    slower = WorldFeatures(speech.mcep.repeat(2, axis=0), 2 * speech.f0.repeat(2))
    measured = compare(speech, slower)
    assert measured["mcd"] == 0
    assert measured["log_f0_rmse"] == pytest.approx(math.log(2))
    np.testing.assert_array_equal(warping_path(speech, slower)[[0, -1]], [[0, 0], [11, 23]])


def test_a_path_advances_frame_by_frame():
    path = warping_path(make_speech(9, seed=1), make_speech(14, seed=2))
    steps = np.diff(path, axis=0)
    assert set(map(tuple, steps)) <= {(0, 1), (1, 0), (1, 1)}


def test_nothing_voiced_in_both_has_no_pitch_error():
    measured = compare(make_features([0, 9], [100, 0]), make_features([0, 9], [0, 100]))
    assert math.isnan(measured["log_f0_rmse"])
    assert measured["voicing_error"] == 1


def test_no_frames_and_unequal_orders_are_refused():
    speech = make_speech()
    for other in (WorldFeatures(np.zeros((0, 25)), np.zeros(0)), WorldFeatures(np.zeros((5, 20)), np.zeros(5))):
        with pytest.raises(ValueError, match="mel-cepstra of one order"):
            compare(speech, other)
