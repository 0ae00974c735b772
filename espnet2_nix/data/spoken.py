"""What stage 9 writes of an utterance that a system spoke, and reads again in stage 10."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from espnet2_nix.data.errors import DataError
from espnet2_nix.files import write_text

TABLE = "utterances.tsv"
FIELDS = ("utt_id", "num_tokens", "seconds", "elapsed", "durations", "latent_loss")


@dataclass(frozen=True)
class SpokenUtterance:
    """One utterance of one system.

    Attributes:
        utt_id: Its id.
        num_tokens: Tokens of its text.
        seconds: Of speech.
        elapsed: Seconds that the models took for it.
        durations: Frames of each token.
        latent_loss: KL(teacher || student) in nats a frame, or nan.
        settings: Names models and options that it was spoken with.
        text: Its tokens, joined by blanks.
    """

    utt_id: str
    num_tokens: int
    seconds: float
    elapsed: float
    durations: list[int] = field(default_factory=list)
    latent_loss: float = math.nan
    settings: str = ""
    text: str = ""

    def to_row(self) -> str:
        """A line of the table: `FIELDS`, parted by tabs."""
        durations = " ".join(map(str, self.durations))
        cells = (self.utt_id, self.num_tokens, self.seconds, self.elapsed, durations, self.latent_loss)
        return "\t".join(map(str, cells))

    @staticmethod
    def from_row(line: str, where: str) -> SpokenUtterance:
        """Reads a line of the table.

        Args:
            line: The line.
            where: File and line, for the message.

        Raises:
            DataError: If it has other fields.
        """
        cells = line.split("\t")
        if len(cells) != len(FIELDS):
            raise DataError(f"{where}: expected {len(FIELDS)} fields, found {len(cells)}; run stage 9 again")
        utt_id, num_tokens, seconds, elapsed, durations, latent_loss = cells
        try:
            return SpokenUtterance(
                utt_id,
                int(num_tokens),
                float(seconds),
                float(elapsed),
                [int(frames) for frames in durations.split()],
                float(latent_loss),
            )
        except ValueError as error:
            raise DataError(f"{where}: {error}; run stage 9 again") from error

    def write(self, folder: Path) -> None:
        """Writes the record ``utterance/UTT_ID.json`` into a system's folder."""
        row = {**dataclasses.asdict(self), "durations": " ".join(map(str, self.durations))}
        row["latent_loss"] = "nan" if math.isnan(self.latent_loss) else self.latent_loss
        write_text(folder / "utterance" / f"{self.utt_id}.json", json.dumps(row, ensure_ascii=False))

    @staticmethod
    def read(folder: Path, utt_id: str) -> SpokenUtterance | None:
        """Reads the record of an utterance; None where there is none, or no wave beside it."""
        record = folder / "utterance" / f"{utt_id}.json"
        if not record.is_file() or not (folder / "wav" / f"{utt_id}.wav").is_file():
            return None
        row = json.loads(record.read_text(encoding="utf-8"))
        durations = [int(frames) for frames in row["durations"].split()]
        return SpokenUtterance(**{**row, "durations": durations, "latent_loss": float(row["latent_loss"])})


def write_spoken(path: str | os.PathLike[str], utterances: Iterable[SpokenUtterance]) -> None:
    """Writes a table, sorted by id."""
    rows = sorted(utterances, key=lambda utterance: utterance.utt_id)
    write_text(path, "".join(f"{utterance.to_row()}\n" for utterance in rows))


def read_spoken(path: str | os.PathLike[str]) -> dict[str, SpokenUtterance]:
    """Reads a table: utterances by id.

    Raises:
        DataError: If a line is not as it must be; file and line are named.
    """
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    utterances = [SpokenUtterance.from_row(line, f"{path}, line {number}") for number, line in enumerate(lines, 1)]
    return {utterance.utt_id: utterance for utterance in utterances}
