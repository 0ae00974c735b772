"""Distance of two utterances whose timing may differ."""

from __future__ import annotations

import librosa
import numpy as np

from espnet2_nix.errors import UserError


def log_mel(wav: np.ndarray, fs: int, n_fft: int, n_shift: int, n_mels: int = 80) -> np.ndarray:
    """Natural logarithm of the mel amplitude spectrogram, floored at -80 dB of full scale.

    Args:
        wav: (T_wav,) float.
        fs: Sampling rate in Hz.
        n_fft: Points of the transform.
        n_shift: Samples a frame.
        n_mels: Mel bands from 0 Hz to half the sampling rate.

    Returns:
        (n_mels, T_feats) float32.
    """
    amplitude = librosa.feature.melspectrogram(
        y=np.asarray(wav, dtype=np.float32), sr=fs, n_fft=n_fft, hop_length=n_shift, n_mels=n_mels, power=1.0
    )
    return np.log(np.maximum(amplitude, 1e-4))


def dtw_mel_distance(
    reference: np.ndarray, wav: np.ndarray, fs: int = 22050, n_fft: int = 1024, n_shift: int = 256
) -> float:
    """Mean absolute difference of log-mel spectrograms along the best warping of time.

    Args:
        reference: The recording (T_wav,), float.
        wav: The synthesised speech, of any length.
        fs: Sampling rate in Hz of both.
        n_fft: Points of the transform.
        n_shift: Samples a frame.

    Returns:
        Natural-log units per band and frame of the warping path (1 is 8.7 dB); 0 for equal waves.

    Raises:
        UserError: If a wave is empty.
    """
    if len(reference) == 0 or len(wav) == 0:
        raise UserError(f"expected two waves, found {len(reference)} and {len(wav)} samples")
    x, y = (log_mel(w, fs, n_fft, n_shift) for w in (reference, wav))
    cost = np.abs(x[:, :, None] - y[:, None, :]).mean(axis=0)  # (T_x, T_y)
    total, path = librosa.sequence.dtw(C=cost)
    return float(total[-1, -1] / len(path))
