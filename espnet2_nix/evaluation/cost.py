"""What speaking costs: time and size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from espnet2_nix.data.spoken import SpokenUtterance
from espnet2_nix.evaluation.table import Table
from espnet2_nix.systems import STUDENT, SYSTEMS, TEACHER


@dataclass(frozen=True)
class Cost:
    """The cost of a system.

    Attributes:
        system: Its name.
        rtf: Real-time factor: seconds of computing a second of speech, model call only.
        parameters: Of what speaks; None where it is not known.
    """

    system: str
    rtf: float
    parameters: int | None = None

    def cells(self) -> list[str]:
        """A row of the table."""
        if self.parameters is None:
            return [self.system, f"{self.rtf:.4f}", "unknown", "unknown"]
        return [self.system, f"{self.rtf:.4f}", f"{self.parameters:,}", f"{4e-6 * self.parameters:.1f}"]


def count_parameters(model_dir: str | Path | None, teacher_train_config: str | Path | None) -> dict[str, int]:
    """Parameters of what speaks, by system, of the models at hand.

    Args:
        model_dir: Folder of the student.
        teacher_train_config: ``config.yaml`` of the teacher.
    """
    from espnet2_nix.models.load_teacher import load_vits
    from espnet2_nix.student.checkpoint import load_student
    from espnet2_nix.student.description import count

    parameters: dict[str, int] = {}
    if model_dir is not None and (Path(model_dir) / "config.yaml").is_file():
        student, _ = load_student(Path(model_dir) / "config.yaml", Path(model_dir) / "model.pth")
        parameters[STUDENT.name] = count(student.tts)
    if teacher_train_config is not None and Path(teacher_train_config).is_file():
        generator = load_vits(teacher_train_config, None)[0].tts.generator
        parameters[TEACHER.name] = count(generator) - count(generator.posterior_encoder)
    return parameters


def costs(spoken: Mapping[str, Mapping[str, SpokenUtterance]], parameters: Mapping[str, int]) -> list[Cost]:
    """Costs of the systems that read text."""
    return [
        Cost(system.name, real_time_factor(spoken[system.name].values()), parameters.get(system.name))
        for system in SYSTEMS
        if system.from_text and system.name in spoken
    ]


def real_time_factor(utterances: Iterable[SpokenUtterance]) -> float:
    """Seconds of computing a second of speech."""
    utterances = list(utterances)
    return sum(u.elapsed for u in utterances) / sum(u.seconds for u in utterances)


def cost_table(costs: Iterable[Cost], caption: str) -> Table:
    """The table of costs."""
    return Table(["system", "RTF", "parameters", "MB in fp32"], [cost.cells() for cost in costs], caption)
