"""Every measure of one utterance, and its cache."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
import torch

from espnet2_nix.errors import UserError
from espnet2_nix.evaluation.character_error_rate import Recogniser, character_error_rate
from espnet2_nix.evaluation.dnsmos import DNSMOS
from espnet2_nix.evaluation.durations import compare_durations
from espnet2_nix.evaluation.mel_distance import dtw_mel_distance, log_mel
from espnet2_nix.evaluation.spectrum_and_prosody import compare
from espnet2_nix.evaluation.unavailable import MetricUnavailable
from espnet2_nix.evaluation.utterance_scores import UtteranceScores
from espnet2_nix.evaluation.world_features import analyse
from espnet2_nix.files import digest_of, write_text
from espnet2_nix.losses.mr_stft_loss import MultiResolutionSTFTLoss
from espnet2_nix.systems import BY_NAME

if TYPE_CHECKING:
    from espnet2_nix.evaluation.world_features import WorldFeatures

logger = logging.getLogger(__name__)

CACHE_VERSION = 1
WORLD = "MCD, log-F0 RMSE and voicing error"


@dataclass(frozen=True)
class Spectrogram:
    """Sizes of a spectrogram: sampling rate ``fs`` in Hz, ``n_fft`` points, ``n_shift`` samples a frame."""

    fs: int = 22050
    n_fft: int = 1024
    n_shift: int = 256


@dataclass
class Utterance:
    """What is known of one utterance of one system.

    Attributes:
        utt_id: Its id.
        text: What was to be said, as written.
        recording: The recording's wav.
        wav: The system's wav.
        durations: Frames of each token, where a model spoke.
        reference_durations: Frames of each token by the teacher's alignment of the recording, where a teacher is at hand.
        latent_loss: KL(teacher || student) in nats a frame, or nan.
    """

    utt_id: str
    text: str
    recording: Path
    wav: Path
    durations: list[int] = field(default_factory=list)
    reference_durations: list[int] = field(default_factory=list)
    latent_loss: float = float("nan")


class Scorer:
    """Measures utterances; what cannot be measured here is named in ``skipped``.

    Args:
        spectrogram: Sizes of the spectrograms.
        asr_model: Whisper model for the character error rate; "" leaves it out.
        threads: Threads of the recogniser.
        skip: Costly measures to leave out: ``dnsmos``, ``world`` (MCD, log-F0 RMSE, voicing error).

    Raises:
        UserError: If a name to skip is unknown.

    Attributes:
        skipped: Reason by name of the measure left out.
    """

    def __init__(
        self, spectrogram: Spectrogram, asr_model: str = "", threads: int = 1, skip: Sequence[str] = ()
    ) -> None:
        if unknown := sorted(set(skip) - {"dnsmos", "world"}):
            raise UserError(f"measures to skip: expected dnsmos or world, found {', '.join(unknown)}")
        self.spectrogram = spectrogram
        self.fs, self.n_fft, self.n_shift = spectrogram.fs, spectrogram.n_fft, spectrogram.n_shift
        self.asr_model = asr_model
        self.skipped: dict[str, str] = {}
        self.recogniser: Recogniser | None = None
        self.dnsmos: DNSMOS | None = None
        self.mr_stft = MultiResolutionSTFTLoss()
        self._world: dict[Path, WorldFeatures] = {}
        if asr_model:
            try:
                self.recogniser = Recogniser(asr_model, cpu_threads=threads)
            except MetricUnavailable as error:
                self.skipped["CER"] = str(error)
        else:
            self.skipped["CER"] = "no --asr_model was given"
        self.skip_world = "world" in skip
        if self.skip_world:
            self.skipped[WORLD] = "it was skipped on demand"
        if "dnsmos" in skip:
            self.skipped["DNSMOS"] = "it was skipped on demand"
        else:
            try:
                self.dnsmos = DNSMOS()
            except MetricUnavailable as error:
                self.skipped["DNSMOS"] = str(error)

    def read(self, path: Path) -> np.ndarray:
        """A wave (T_wav,), float32.

        Raises:
            UserError: If its rate is another.
        """
        wav, fs = soundfile.read(path, dtype="float32")
        if fs != self.fs:
            raise UserError(f"{path}: expected {self.fs} Hz, found {fs} Hz")
        return wav

    def world(self, path: Path) -> WorldFeatures:
        """Features of a wave, kept for the next system."""
        if path not in self._world:
            self._world[path] = analyse(self.read(path), self.fs)
        return self._world[path]

    def _against(self, recording: Path, wav: np.ndarray) -> dict[str, float]:
        """Spectrum and prosody of a wave against its recording."""
        if self.skip_world:
            return {}
        try:
            return compare(self.world(recording), analyse(wav, self.fs))
        except MetricUnavailable as error:
            self.skipped[WORLD] = str(error)
            return {}

    def score(self, system: str, utterance: Utterance) -> UtteranceScores:
        """Every measure of one utterance.

        Args:
            system: Its system; ``recording`` is compared with itself where that says something.
            utterance: The utterance.
        """
        known = BY_NAME.get(system)
        wav = self.read(utterance.wav)
        scores = UtteranceScores(seconds=len(wav) / self.fs, latent_loss=utterance.latent_loss)
        if self.recogniser is not None:
            scores.hypothesis = self.recogniser.transcribe(wav, self.fs)
            scores.cer_errors, scores.cer_characters = character_error_rate(utterance.text, scores.hypothesis)
        if self.dnsmos is not None:
            scores.dnsmos = self.dnsmos(wav, self.fs)["overall"]
        if known is None:
            return scores
        recording = self.read(utterance.recording)
        scores.update(self._against(utterance.recording, wav))
        scores.dtw_mel_distance = dtw_mel_distance(recording, wav, self.fs, self.n_fft, self.n_shift)
        if known.as_long_as_recording:
            length = min(len(wav), len(recording))
            x, y = (log_mel(w[:length], self.fs, self.n_fft, self.n_shift) for w in (recording, wav))
            scores.mel_l1 = float(np.abs(x - y).mean())
            waves = (torch.from_numpy(w[:length].copy())[None, None] for w in (wav, recording))
            scores.mr_stft = float(self.mr_stft(*waves))
        if utterance.reference_durations and known.from_text:
            scores.update(compare_durations(np.array(utterance.reference_durations), np.array(utterance.durations)))
        return scores

    def score_all(self, system: str, utterances: Iterable[Utterance], cache: Path) -> dict[str, UtteranceScores]:
        """Scores utterances, taking from a cache what was measured before of the same waves in the same way.

        Args:
            system: Their system.
            utterances: What to measure.
            cache: A JSON file, read and written.

        Returns:
            Scores by utterance id.
        """
        known = json.loads(cache.read_text(encoding="utf-8")) if cache.is_file() else {}
        scored: dict[str, UtteranceScores] = {}
        try:
            for utterance in utterances:
                key = self._key(utterance)
                if key not in known:
                    known[key] = self.score(system, utterance).as_dict()
                scored[utterance.utt_id] = UtteranceScores.from_dict(known[key], cache)
        finally:  # an interrupted scoring goes on where it stopped
            write_text(cache, json.dumps(known, ensure_ascii=False))
        return scored

    def _key(self, utterance: Utterance) -> str:
        """What decides the measures of an utterance."""
        facts = [
            CACHE_VERSION,
            utterance.text,
            utterance.durations,
            utterance.reference_durations,
            self.n_fft,
            self.n_shift,
        ]
        facts += [self.recogniser is not None and os.path.basename(self.asr_model), self.dnsmos is not None]
        facts += ["world skipped"] if self.skip_world else []
        return digest_of([*facts, utterance.latent_loss], files=(utterance.wav, utterance.recording))
