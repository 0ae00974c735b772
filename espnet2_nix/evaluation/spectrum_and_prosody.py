"""Distances of two utterances' spectral envelope and prosody, along one warping of time."""

from __future__ import annotations

import librosa
import numpy as np
from scipy.spatial.distance import cdist

from espnet2_nix.evaluation.world_features import WorldFeatures

DECIBELS = 10 / np.log(10) * np.sqrt(2)  # a Euclidean distance of cepstra, in dB of the spectrum


def warping_path(reference: WorldFeatures, features: WorldFeatures) -> np.ndarray:
    """The pairs of frames that dynamic time warping finds on c1 to c24 (Sakoe and Chiba, 1978).

    Args:
        reference: The recording.
        features: The synthesised speech, of any length.

    Returns:
        (T_path, 2) int, from the first pair of frames to the last: column 0 into the reference, column 1 into the other.

    Raises:
        ValueError: If the two have unequal orders, or one has no frame.
    """
    x, y = reference.mcep, features.mcep
    if x.shape[1] != y.shape[1] or len(x) == 0 or len(y) == 0:
        raise ValueError(f"expected two mel-cepstra of one order, with frames, found {x.shape} and {y.shape}")
    cost = cdist(x[:, 1:], y[:, 1:])  # (T_reference, T_features)
    return librosa.sequence.dtw(C=cost)[1][::-1]


def mel_cepstral_distortion(reference: np.ndarray, mcep: np.ndarray, path: np.ndarray) -> float:
    """Mel-cepstral distortion, MCD (Kubichek, "Mel-cepstral distance measure", PACRIM 1993).

    The mean over the path of 10 / ln 10 * sqrt(2 * sum of squared differences of c1 to c24). c0, the level, does not
    count; pauses do.

    Args:
        reference: Mel-cepstrum of the recording (T_reference, order + 1).
        mcep: Mel-cepstrum of the synthesised speech (T_features, order + 1).
        path: Pairs of frames (T_path, 2), int.

    Returns:
        dB; 0 for equal utterances.
    """
    difference = reference[path[:, 0], 1:] - mcep[path[:, 1], 1:]  # (T_path, order)
    return float(DECIBELS * np.mean(np.linalg.norm(difference, axis=1)))


def log_f0_rmse(reference: np.ndarray, f0: np.ndarray, path: np.ndarray) -> float:
    """Root mean square difference of ln F0 over the pairs of frames that are voiced in both.

    Args:
        reference: F0 of the recording in Hz (T_reference,), 0 = unvoiced.
        f0: F0 of the synthesised speech in Hz (T_features,), 0 = unvoiced.
        path: Pairs of frames (T_path, 2), int.

    Returns:
        Natural-log units (0.0578 is a semitone, 0.693 an octave); nan if no pair is voiced in both.
    """
    x, y = reference[path[:, 0]], f0[path[:, 1]]
    voiced = (x > 0) & (y > 0)
    if not voiced.any():
        return float("nan")
    return float(np.sqrt(np.mean(np.log(x[voiced] / y[voiced]) ** 2)))


def voicing_error(reference: np.ndarray, f0: np.ndarray, path: np.ndarray) -> float:
    """Voicing decision error: the share of pairs of frames of which one is voiced (Nakatani et al., 2008).

    Args:
        reference: F0 of the recording in Hz (T_reference,), 0 = unvoiced.
        f0: F0 of the synthesised speech in Hz (T_features,), 0 = unvoiced.
        path: Pairs of frames (T_path, 2), int.

    Returns:
        A share from 0 to 1.
    """
    return float(np.mean((reference[path[:, 0]] > 0) != (f0[path[:, 1]] > 0)))


def compare(reference: WorldFeatures, features: WorldFeatures) -> dict[str, float]:
    """All three distances along one warping path.

    Args:
        reference: The recording.
        features: The synthesised speech, of any length.

    Returns:
        `mcd` in dB, `log_f0_rmse` in natural-log units (nan if no pair of frames is voiced in both) and
        `voicing_error`, a share from 0 to 1.

    Raises:
        ValueError: If the two have unequal orders, or one has no frame.
    """
    path = warping_path(reference, features)
    return {
        "mcd": mel_cepstral_distortion(reference.mcep, features.mcep, path),
        "log_f0_rmse": log_f0_rmse(reference.f0, features.f0, path),
        "voicing_error": voicing_error(reference.f0, features.f0, path),
    }
