import sys
from types import SimpleNamespace

import numpy as np
import pytest

from espnet2_nix.evaluation.dnsmos import DNSMOS
from espnet2_nix.evaluation.unavailable import MetricUnavailable


def make_fake(asked):
    """Takes the place of speechmos.dnsmos and remembers what it was asked."""

    def run(samples, fs):
        asked.append((samples, fs))
        return {"ovrl_mos": np.float64(3.0), "sig_mos": 3.5, "bak_mos": 4.0, "p808_mos": 2.0}

    return SimpleNamespace(run=run)


@pytest.fixture
def asked(monkeypatch):
    asked = []
    monkeypatch.setitem(sys.modules, "speechmos", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "speechmos.dnsmos", make_fake(asked))
    return asked


def test_the_wave_is_brought_to_16_khz_and_clipped(asked):
    assert DNSMOS()(np.full(22050, 1.5), 22050) == {"overall": 3.0, "signal": 3.5, "background": 4.0}
    (samples, fs) = asked[0]
    assert (samples.shape, fs) == ((16000,), 16000)
    assert samples.max() == 1


@pytest.mark.parametrize(
    "wav, message",
    [
        (np.zeros(0), "at least one sample"),
        (np.zeros((2, 100)), r"\(2, 100\)"),
        (np.full(100, np.inf), "finite"),
    ],
)
def test_refused(asked, wav, message):
    with pytest.raises(ValueError, match=message):
        DNSMOS()(wav, 22050)
    assert not asked


def test_a_missing_package_names_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "speechmos.dnsmos", None)
    with pytest.raises(MetricUnavailable, match="pip install speechmos"):
        DNSMOS()


def test_noise_is_rated_low_and_the_same_every_time():
    pytest.importorskip("speechmos", reason="pip install speechmos requests")
    # Five seconds cost least: the package doubles a wave until it lasts 9.01 s and judges every second of it.
    noise = 0.3 * np.random.default_rng(0).standard_normal(5 * 22050).astype(np.float32)
    dnsmos = DNSMOS()
    scores = dnsmos(noise, 22050)
    assert scores == dnsmos(noise, 22050)
    assert set(scores) == {"overall", "signal", "background"}
    assert all(0.5 < score < 2.5 for score in scores.values())
