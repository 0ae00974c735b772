"""Intelligibility: how many syllables a speech recogniser gets wrong."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import soxr

from espnet2_nix.errors import UserError
from espnet2_nix.evaluation.unavailable import MetricUnavailable, require
from espnet2_nix.text import normalize

RECOGNISER_FS = 16000
MODEL_FILES = ("model.bin", "config.json", "tokenizer.json")


def normalise_for_scoring(text: str) -> str:
    """What is compared: the Hangul syllables of the text read out, without spaces and marks.

    Figures and Roman letters are read out first, since a recogniser may write `7` where the text has `칠`.

    Args:
        text: Any text.

    Returns:
        Hangul syllables only; may be empty.
    """
    return re.sub("[^가-힣]", "", normalize(text))


def edit_distance(a: str, b: str) -> int:
    """Fewest substitutions, insertions and deletions that turn one text into the other (Levenshtein, 1966).

    Args:
        a: A text.
        b: Another.

    Returns:
        Characters; 0 for equal texts.
    """
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return row[-1]


def character_error_rate(reference: str, hypothesis: str) -> tuple[int, int]:
    """Numerator and denominator of the character error rate, in Hangul syllables.

    The rate of a set is the sum of errors over the sum of characters; it may exceed 1.

    Args:
        reference: The text that was to be spoken.
        hypothesis: What was recognised.

    Returns:
        Errors, and characters of the reference, after `normalise_for_scoring`.

    Raises:
        UserError: If nothing of the reference can be read as Hangul.
    """
    expected = normalise_for_scoring(reference)
    if not expected:
        raise UserError(f"expected a reference with Hangul, found {reference!r}")
    return edit_distance(expected, normalise_for_scoring(hypothesis)), len(expected)


class Recogniser:
    """Whisper (Radford et al., "Robust speech recognition via large-scale weak supervision", 2022) by CTranslate2.

    Beam search without sampling: the same wave gives the same text.

    Args:
        model: Folder of a model in CTranslate2's form (a `Path`, or a `str` that names one), or a name such as `base` or
            `large-v3`, which is downloaded from Hugging Face on first use.
        device: `cpu` or `cuda`.
        compute_type: Arithmetic: `int8`, `float16` (GPU only), `float32`.
        cpu_threads: Threads of one utterance.

    Raises:
        MetricUnavailable: If faster-whisper does not load, or the model is not there.
    """

    def __init__(
        self, model: str | Path, device: str = "cpu", compute_type: str = "int8", cpu_threads: int = 1
    ) -> None:
        package = require("faster_whisper", "the character error rate", "pip install faster-whisper")
        folder = Path(model).expanduser()
        is_folder = isinstance(model, Path) or folder.is_absolute() or str(model)[:1] in ("~", ".") or folder.is_dir()
        missing = [name for name in MODEL_FILES if not (folder / name).is_file()]
        if is_folder and missing:
            raise MetricUnavailable(
                f"the character error rate needs a Whisper model in CTranslate2's form: {folder} has no {', '.join(missing)}"
            )
        try:
            self._model = package.WhisperModel(
                str(folder) if is_folder else model, device=device, compute_type=compute_type, cpu_threads=cpu_threads
            )
        except (OSError, RuntimeError, ValueError) as error:
            raise MetricUnavailable(
                f"the Whisper model {model} cannot be loaded ({error}); give the folder of a model in CTranslate2's form"
            ) from error

    def transcribe(self, wav: np.ndarray, fs: int) -> str:
        """Recognises Korean speech.

        Args:
            wav: (T_wav,) float32, in [-1, 1].
            fs: Sampling rate in Hz.

        Returns:
            The text as Whisper writes it: with spaces, marks and figures; empty where it hears no speech.

        Raises:
            UserError: If the wave is empty or not one channel.
        """
        wav = np.asarray(wav, dtype=np.float32)
        if wav.ndim != 1 or len(wav) == 0:
            raise UserError(f"expected a wave (T_wav,) of at least one sample, found shape {wav.shape}")
        segments, _ = self._model.transcribe(
            soxr.resample(wav, fs, RECOGNISER_FS),
            language="ko",
            beam_size=5,
            temperature=0,
            condition_on_previous_text=False,
        )
        return " ".join(segment.text.strip() for segment in segments)
