"""The result tables: means with intervals, by system."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from espnet2_nix.errors import MissingFileError, UserError
from espnet2_nix.evaluation.bootstrap import bootstrap_interval, bootstrap_ratio
from espnet2_nix.evaluation.table import Table
from espnet2_nix.evaluation.utterance_scores import Scores, UtteranceScores


@dataclass(frozen=True)
class Measure:
    """A column.

    Attributes:
        name: Key in the scores; of a ratio, the key of the numerator.
        title: Head of the column.
        note: What it measures, with unit and source.
        factor: What it is multiplied by for the table.
        digits: Digits after the point.
        denominator: Key of the denominator, where the measure is a ratio of sums.
        capped: Of a ratio, its name's numerator; an utterance counts at most as its denominator.
    """

    name: str
    title: str
    note: str
    factor: float = 1.0
    digits: int = 3
    denominator: str | None = None
    capped: str | None = None


SPEECH = (
    Measure(
        "cer_errors",
        "CER %",
        "character error rate of a recogniser on Hangul without spaces and marks, numbers read out on both sides",
        100,
        1,
        "cer_characters",
    ),
    Measure(
        "cer_capped",
        "capped CER %",
        "the same, a clip at most wholly wrong: a recogniser caught in a loop counts as one that heard nothing",
        100,
        1,
        "cer_characters",
        "cer_errors",
    ),
    Measure(
        "mcd", "MCD dB", "mel-cepstral distortion along the best warping of time (Kubichek 1993), 24 coefficients", 1, 2
    ),
    Measure("log_f0_rmse", "log-F0 RMSE", "of frames voiced in both, natural-log units, same warping"),
    Measure("voicing_error", "voicing error %", "frames voiced in one only, same warping", 100, 1),
    Measure("dnsmos", "DNSMOS", "predicted overall quality, 1 to 5 (arXiv 2110.01763)", 1, 2),
    Measure(
        "dtw_mel_distance", "mel distance", "log-mel L1 along its own best warping, natural-log units a band and frame"
    ),
    Measure("duration_rmse", "duration RMSE", "frames a token, against the teacher's alignment of the recording", 1, 2),
    Measure("duration_correlation", "duration corr.", "Pearson correlation with the same, mean over utterances", 1, 2),
)
FRAME_BY_FRAME = (
    Measure("mel_l1", "mel L1", "log-mel L1, frame by frame, natural-log units"),
    Measure(
        "mr_stft", "MR-STFT", "spectral convergence plus log-magnitude L1 at three resolutions (arXiv 1910.11480)", 1, 2
    ),
    Measure("latent_loss", "latent KL", "KL(teacher posterior || student), nats a frame", 1, 2),
)


def interval(measure: Measure, scores: Scores) -> tuple[float, float, float] | None:
    """Mean and 95 % bootstrap interval over utterances, in the table's unit; None where nothing was measured."""
    name = measure.capped or measure.name
    values = [score for score in scores.values() if np.isfinite(score.value(name))]
    if not values:
        return None
    numbers = np.array([score.value(name) for score in values])
    if measure.denominator is None:
        found = bootstrap_interval(numbers)
    else:
        characters = np.array([score.value(measure.denominator) for score in values])
        found = bootstrap_ratio(np.minimum(numbers, characters) if measure.capped else numbers, characters)
    mean, low, high = (measure.factor * value for value in found)
    return mean, low, high


def cell(measure: Measure, scores: Scores) -> str:
    """Mean and 95 % bootstrap interval over utterances; an en dash where nothing was measured."""
    found = interval(measure, scores)
    if found is None:
        return "–"
    mean, low, high = (f"{value:.{measure.digits}f}" for value in found)
    return f"{mean} ({low}–{high})"


def table(measures: Iterable[Measure], systems: Mapping[str, Scores], caption: str = "") -> Table:
    """A table with a row a system in which something was measured, without columns in which nothing was.

    Args:
        measures: Columns.
        systems: Scores by system, in the order of the rows.
        caption: What it tells.
    """
    measures = [m for m in measures if any(cell(m, scores) != "–" for scores in systems.values())]
    rows = [[system, str(len(scores)), *(cell(m, scores) for m in measures)] for system, scores in systems.items()]
    head = ["system", "clips", *(m.title for m in measures)]
    return Table(head, [row for row in rows if set(row[2:]) - {"–"}], caption)


def read_scores(entries: Iterable[str], test_set: str, systems: Collection[str] = ()) -> dict[tuple[str, str], Scores]:
    """Reads what stage 10 measured of several students or trainings.

    Args:
        entries: ``LABEL=FILE``, FILE a ``scores.json`` of stage 10.
        test_set: Which set of theirs.
        systems: Only these systems; none: all but the recording, which is everyone's.

    Returns:
        Scores by label and system, in the order given.

    Raises:
        UserError: If an entry has another form, or the file has no such set.
        MissingFileError: If a file is missing.
    """
    found: dict[tuple[str, str], Scores] = {}
    for entry in entries:
        label, equals, path = entry.partition("=")
        if not equals:
            raise UserError(f"expected LABEL=FILE, found {entry!r}")
        if not Path(path).is_file():
            raise MissingFileError(f"{path} not found; stage 10 writes it: ./run.sh --stage 10 --stop_stage 10")
        try:
            sets = json.loads(Path(path).read_text(encoding="utf-8"))
        except ValueError as error:
            raise UserError(
                f"{path} is damaged: {error}; measure again: ./run.sh --stage 10 --stop_stage 10"
            ) from error
        if test_set not in sets:
            raise UserError(f"{path}: expected the set {test_set}, found {', '.join(sets)}")
        for system, scores in sets[test_set].items():
            if system in systems if systems else system != "recording":
                found[label, system] = {
                    utt_id: UtteranceScores.from_dict(score, path) for utt_id, score in scores.items()
                }
    return found
