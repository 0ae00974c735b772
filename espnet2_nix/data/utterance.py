"""What a corpus reader yields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from espnet2_nix.data.dropped import Dropped


@dataclass(frozen=True)
class Utterance:
    """One clip and its text.

    Attributes:
        utt_id: unique id without blanks; begins with the speaker, so that Kaldi's tables sort alike.
        wav: path of the audio; the reader does not check that it exists.
        text: NFC Korean in ordinary spelling.
        speaker: speaker id.
    """

    utt_id: str
    wav: Path
    text: str
    speaker: str


class CorpusReader(Protocol):
    """Yields the utterances of one corpus, and a Dropped in place of each entry that it cannot read."""

    def __iter__(self) -> Iterator[Utterance | Dropped]:
        """Yields every entry of the corpus once, in the corpus's order."""
        ...
