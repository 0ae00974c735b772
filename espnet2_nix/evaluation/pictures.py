"""Pictures of a set's speech and of the trainings behind it, with their captions."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import soundfile

from espnet2_nix.evaluation.mel_distance import log_mel
from espnet2_nix.evaluation.plots import plot_alignment, plot_losses, plot_mels, plot_scatter, read_losses
from espnet2_nix.evaluation.scores import Spectrogram, Utterance
from espnet2_nix.evaluation.utterance_scores import Scores
from espnet2_nix.systems import RECORDING, STUDENT, TEACHER

logger = logging.getLogger(__name__)

Picture = tuple[str, Path]
"""Caption and PNG."""
SHOWN = (RECORDING, TEACHER.name, STUDENT.name)
NUM_SHOWN = 3


def draw_set(
    dset: str,
    utterances: Mapping[str, Sequence[Utterance]],
    scores: Mapping[str, Scores],
    tokens: Mapping[str, str],
    spectrogram: Spectrogram,
    folder: Path,
    num_utterances: int = NUM_SHOWN,
) -> list[Picture]:
    """Mel-spectrograms and durations of a few utterances, and errors of all.

    Args:
        dset: Name of the set.
        utterances: By system, the recording among them.
        scores: By system.
        tokens: Tokens, joined by blanks, by utterance id.
        spectrogram: Sizes of the mel-spectrograms.
        folder: Where the pictures go.
        num_utterances: At most so many utterances.
    """
    by_id = {system: {u.utt_id: u for u in members} for system, members in utterances.items()}
    pictures: list[Picture] = []
    for utt_id in sorted(by_id[RECORDING])[: min(NUM_SHOWN, num_utterances)]:
        shown = {system: by_id[system][utt_id] for system in SHOWN if utt_id in by_id.get(system, {})}
        path = folder / f"mel.{utt_id}.png"
        mels = {
            system: log_mel(soundfile.read(u.wav)[0], spectrogram.fs, spectrogram.n_fft, spectrogram.n_shift)
            for system, u in shown.items()
        }
        plot_mels(mels, path, spectrogram.fs, spectrogram.n_shift)
        pictures.append((f"Mel-spectrograms of {utt_id} ({dset})", path))
        spoken = {system: u for system, u in shown.items() if system != RECORDING}
        durations = {system: np.array(u.durations) for system, u in spoken.items()}
        references = [u.reference_durations for u in spoken.values() if u.reference_durations]
        if references:
            durations = {RECORDING: np.array(references[0]), **durations}
        if not durations:
            continue
        path = folder / f"alignment.{utt_id}.png"
        plot_alignment(durations, tokens[utt_id].split(), path, spectrogram.n_shift / spectrogram.fs)
        pictures.append((f"Tokens in time of {utt_id} ({dset})", path))
    points = {
        system: (
            np.array([s.mcd for s in table.values()], dtype=float),
            np.array([100 * (s.cer_errors or 0) / max(1, s.cer_characters or 0) for s in table.values()]),
        )
        for system, table in scores.items()
        if system != RECORDING and all(s.cer_errors is not None and s.mcd is not None for s in table.values())
    }
    if points:
        plot_scatter(points, folder / "cer_mcd.png", "MCD, dB", "CER, %")
        pictures.append((f"CER against MCD, an utterance a point ({dset})", folder / "cer_mcd.png"))
    return pictures


def draw_losses(train_dirs: Iterable[str | Path], folder: Path) -> list[Picture]:
    """Curves of the losses of every training whose log is there."""
    pictures: list[Picture] = []
    for train_dir in map(Path, train_dirs):
        if not (train_dir / "train.log").is_file():
            logger.info("%s/train.log not found: no curves of its losses", train_dir)
            continue
        curves = read_losses(train_dir)
        if curves:
            path = folder / f"losses.{train_dir.name}.png"
            plot_losses(curves, path)
            pictures.append((f"Losses of {train_dir.name}", path))
    return pictures
