"""Which set an utterance belongs to: a hash of its id against fixed thresholds.

The thresholds, not counts, fix the split: a clip's set depends on its own id alone, so that adding, losing
or re-ordering clips moves nobody between training and test sets. Counts follow from the thresholds and
are exact only for the ids that they were chosen for.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from espnet2_nix.data.errors import DataError

SETS = ("tr_no_dev", "dev", "eval1")


@dataclass(frozen=True)
class Shares:
    """Widths of the hash intervals of the two small sets.

    Attributes:
        dev: ids whose hash is in [0, dev) are validated on.
        eval1: ids whose hash is in [dev, dev + eval1) are tested on; the rest trains.
    """

    dev: float
    eval1: float

    def __post_init__(self) -> None:
        if self.dev < 0 or self.eval1 < 0 or self.dev + self.eval1 >= 1:
            raise DataError(
                f"dev_share {self.dev} and eval1_share {self.eval1}: expected two shares >= 0 with a sum below 1"
            )


def position(utt_id: str) -> float:
    """Returns the id's place in [0, 1): the first 8 bytes of its SHA-1, big-endian, over 2^64."""
    digest = hashlib.sha1(utt_id.encode("utf-8"), usedforsecurity=False).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def assign(utt_id: str, shares: Shares) -> str:
    """Returns the set of an utterance: "tr_no_dev", "dev" or "eval1"."""
    place = position(utt_id)
    if place < shares.dev:
        return "dev"
    if place < shares.dev + shares.eval1:
        return "eval1"
    return "tr_no_dev"
