import sys

import numpy as np
import pytest

from espnet2_nix.evaluation.unavailable import MetricUnavailable
from espnet2_nix.evaluation.world_features import WorldFeatures, analyse, mel_cepstrum, warping_matrix

FS = 22050


def power_of(cepstrum, num_bins=513):
    """The power spectrum whose plain cepstrum is given: |H|^2 = exp(2 * sum of c_m cos(m w))."""
    w = np.linspace(0, np.pi, num_bins)
    return np.exp(2 * sum(c * np.cos(m * w) for m, c in enumerate(cepstrum)))


def make_vowel(f0=150.0, seconds=0.6, seed=0):
    """Pulses through two resonances, then as long a silence with a little noise."""
    from scipy.signal import lfilter

    wav = np.zeros(int(FS * seconds))
    wav[(np.arange(0, seconds, 1 / f0) * FS).astype(int)] = 1.0
    for hz in (700, 1200):
        pole = 0.97 * np.exp(2j * np.pi * hz / FS)
        wav = lfilter([1.0], [1.0, -2 * pole.real, abs(pole) ** 2], wav)
    noise = 1e-4 * np.random.default_rng(seed).standard_normal(2 * len(wav))
    return noise + np.concatenate([0.3 * wav / np.abs(wav).max(), np.zeros(len(wav))])


def test_without_warping_it_is_the_plain_cepstrum():
    expected = [-3.0, 0.8, -0.4, 0.2, 0.1]
    np.testing.assert_allclose(mel_cepstrum(power_of(expected), order=4, alpha=0.0), expected, atol=1e-12)


def test_it_describes_the_spectrum_on_the_warped_axis():
    alpha = 0.455
    w = np.linspace(0, np.pi, 513)
    warped = w + 2 * np.arctan(alpha * np.sin(w) / (1 - alpha * np.cos(w)))
    power = power_of([-3.0, 0.8, -0.4, 0.2])
    coefficients = mel_cepstrum(power, order=60, alpha=alpha)
    spectrum = np.exp(2 * np.cos(np.outer(warped, np.arange(61))) @ coefficients)
    np.testing.assert_allclose(spectrum, power, rtol=1e-9)


def test_a_gain_moves_the_level_only():
    power = np.random.default_rng(0).uniform(0.1, 10, size=(3, 513))
    plain, louder = mel_cepstrum(power), mel_cepstrum(4 * power)
    np.testing.assert_allclose(louder[:, 1:], plain[:, 1:], atol=1e-12)
    np.testing.assert_allclose(louder[:, 0], plain[:, 0] + np.log(2), atol=1e-12)


def test_a_zero_power_stays_finite():
    assert np.isfinite(mel_cepstrum(np.zeros((1, 513)))).all()


@pytest.mark.parametrize("alpha", [0.2, 0.455])
def test_the_opposite_warping_undoes_it(alpha):
    cepstrum = np.array([1.0, -0.5, 0.25, 0.7])
    there = warping_matrix(3, 80, alpha) @ cepstrum
    np.testing.assert_allclose(warping_matrix(80, 3, -alpha) @ there, cepstrum, atol=1e-9)
    assert abs(there[1] - cepstrum[1]) > 0.1


def test_warping_refuses_an_unstable_constant():
    with pytest.raises(ValueError, match="alpha"):
        warping_matrix(3, 3, 1.0)


def test_a_vowel_has_its_pitch_and_silence_none():
    pytest.importorskip("pyworld", reason="pyworld comes with espnet[tts]")
    features = analyse(make_vowel(150.0), FS)
    assert features.mcep.shape == (241, 25)
    assert features.mcep.dtype == np.float64
    assert features.f0.shape == (241,)
    np.testing.assert_allclose(features.f0[20:100], 150, rtol=0.02)
    assert np.mean(features.f0[140:] == 0) > 0.9
    again = analyse(make_vowel(150.0).astype(np.float32), FS)
    np.testing.assert_allclose(again.mcep[20:100], features.mcep[20:100], atol=1e-2)


@pytest.mark.parametrize(
    "wav, fs, message",
    [
        (np.zeros(0), FS, "at least one sample"),
        (np.zeros((2, 9)), FS, r"\(2, 9\)"),
        (np.array([0.0, np.nan]), FS, "finite"),
        (np.zeros(99), 8000, "16000 Hz, found 8000"),
    ],
)
def test_refused(wav, fs, message):
    with pytest.raises(ValueError, match=message):
        analyse(wav, fs)


def test_features_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match=r"\(3, 25\) and \(2,\)"):
        WorldFeatures(np.zeros((3, 25)), np.zeros(2))


def test_without_pyworld_the_message_names_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyworld", None)
    with pytest.raises(MetricUnavailable, match="pip install pyworld"):
        analyse(np.zeros(99), FS)
