"""The corpora that stage 1 reads, by name."""

from __future__ import annotations

from pathlib import Path

from espnet2_nix.data import emotiontts, kss
from espnet2_nix.data.utterance import CorpusReader

SHARES = {"kss": kss.SHARES, "emotiontts": emotiontts.SHARES}
CORPORA = tuple(SHARES)


def open_corpus(corpus: str, root: str | Path, text_field: str, speaker: str | None = None) -> CorpusReader:
    """Returns the reader of a corpus.

    Args:
        corpus: One of CORPORA.
        root: The corpus's folder.
        text_field: "expanded" (numbers and letters spelled out) or "original" (as printed).
        speaker: Which speaker, where a corpus has several; None takes the corpus's own default.

    Raises:
        DataError: The corpus is not under `root`.
    """
    options = {} if speaker is None else {"speaker": speaker}
    if corpus == "kss":
        return kss.KssReader(root, text_field=text_field, **options)
    return emotiontts.EmotionttsReader(root, text_field=text_field, **options)
