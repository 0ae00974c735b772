"""What was measured of one utterance, as values."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from espnet2_nix.errors import UserError


@dataclass
class UtteranceScores:
    """What was measured of one utterance; None where a measure does not apply or was left out. See ``results`` for units.

    Attributes:
        seconds: Of speech.
        latent_loss: KL(teacher || student), nats a frame.
        hypothesis: What the recogniser heard.
        cer_errors, cer_characters: Errors, and characters of the reference.
        dnsmos: Predicted overall quality.
        mcd, log_f0_rmse, voicing_error: Spectrum and prosody against the recording.
        dtw_mel_distance: Along its own best warping of time.
        mel_l1, mr_stft: Frame by frame, where the speech is as long as the recording.
        duration_rmse, duration_correlation: Against the teacher's alignment of the recording.
    """

    seconds: float | None = None
    latent_loss: float | None = None
    hypothesis: str | None = None
    cer_errors: int | None = None
    cer_characters: int | None = None
    dnsmos: float | None = None
    mcd: float | None = None
    log_f0_rmse: float | None = None
    voicing_error: float | None = None
    dtw_mel_distance: float | None = None
    mel_l1: float | None = None
    mr_stft: float | None = None
    duration_rmse: float | None = None
    duration_correlation: float | None = None

    def value(self, name: str) -> float:
        """A measure by name; nan where there is none."""
        value = getattr(self, name, None)
        return math.nan if value is None or isinstance(value, str) else float(value)

    def update(self, measures: Mapping[str, float]) -> None:
        """Takes over measures by name."""
        for name, value in measures.items():
            setattr(self, name, value)

    def as_dict(self) -> dict[str, float | int | str]:
        """What was measured."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}

    @staticmethod
    def from_dict(content: Mapping[str, Any], where: object = "scores") -> UtteranceScores:
        """Takes what `as_dict` gave.

        Raises:
            UserError: If it holds something else.
        """
        known = {field.name for field in dataclasses.fields(UtteranceScores)}
        if unknown := sorted(set(content) - known):
            raise UserError(f"{where}: unknown measures {', '.join(unknown)}; measure again: ./run.sh --stage 10")
        return UtteranceScores(**content)


Scores = Mapping[str, UtteranceScores]
"""Of a system, by utterance id."""
