"""Quality without a reference: opinion scores predicted by a network."""

from __future__ import annotations

import numpy as np
import soxr

from espnet2_nix.errors import UserError
from espnet2_nix.evaluation.unavailable import require

DNSMOS_FS = 16000
KEYS = {"overall": "ovrl_mos", "signal": "sig_mos", "background": "bak_mos"}


class DNSMOS:
    """DNSMOS P.835 (Reddy, Gopal, Cutler, arXiv 2110.01763): opinion scores predicted from the wave alone.

    Trained to judge noise suppression: it hears noise and artefacts, hardly wrong words or prosody. It looks at 9.01 s at
    a time and averages; shorter speech is repeated. The package speechmos brings the networks: nothing is downloaded.

    Raises:
        MetricUnavailable: If speechmos does not load.
    """

    def __init__(self) -> None:
        self._package = require("speechmos.dnsmos", "DNSMOS", "pip install speechmos requests")

    def __call__(self, wav: np.ndarray, fs: int) -> dict[str, float]:
        """Predicts the opinion of listeners.

        Args:
            wav: (T_wav,) float; clipped to [-1, 1].
            fs: Sampling rate in Hz; brought to 16 kHz.

        Returns:
            Mean opinion scores from 1 (bad) to 5 (excellent): `overall` (OVRL), `signal` (SIG: the speech) and
            `background` (BAK: the noise behind it).

        Raises:
            UserError: If the wave has no sample at 16 kHz, is not one channel or not finite.
        """
        wav = np.asarray(wav, dtype=np.float32)
        if wav.ndim != 1 or not np.isfinite(wav).all():
            raise UserError(f"expected a finite wave (T_wav,), found shape {wav.shape}")
        samples = np.clip(soxr.resample(wav, fs, DNSMOS_FS), -1.0, 1.0)
        if len(samples) == 0:  # speechmos would repeat it for ever
            raise UserError(f"expected at least one sample at {DNSMOS_FS} Hz, found {len(wav)} at {fs} Hz")
        scores = self._package.run(samples, DNSMOS_FS)
        return {name: float(scores[key]) for name, key in KEYS.items()}
