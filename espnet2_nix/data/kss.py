"""Reader of KSS, the Korean Single Speaker corpus (https://www.kaggle.com/datasets/bryanpark/korean-single-speaker-speech-dataset)."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from espnet2_nix.data.dropped import Dropped
from espnet2_nix.data.errors import DataError
from espnet2_nix.data.names import FileFinder, is_audio, make_utt_id
from espnet2_nix.data.split import Shares
from espnet2_nix.data.text_files import read_lines
from espnet2_nix.data.utterance import Utterance

logger = logging.getLogger(__name__)
STAGE = "prepare_corpus"

# 250 and 250 of the ids kss_1_0000 to kss_1_1040, kss_2_0000 to 1156, kss_3_0000 to 5024 and kss_4_0000 to 5630.
SHARES = Shares(dev=0.01953, eval1=0.01943)
TRANSCRIPT = "transcript.v.1.4.txt"
FIELDS = ("path", "original", "expanded", "decomposed", "seconds", "english")
HELP = f"""\
KSS is at https://www.kaggle.com/datasets/bryanpark/korean-single-speaker-speech-dataset (12,853 clips, 44.1 kHz), licence
CC BY-NC-SA 4.0: no commercial use, and a voice trained on it carries the licence on. Expected tree:
  KSS/{TRANSCRIPT}
  KSS/1/1_0000.wav
  KSS/2/ KSS/3/ KSS/4/
Then run: KSS=/path/to/KSS ./run.sh"""


class KssReader:
    """Utterances of KSS.

    Args:
        root: The folder that holds `transcript.v.1.4.txt` and the folders 1 to 4 (in it, or in `kss` under it).
        text_field: "expanded" (field 3, numbers and letters spelled out) or "original" (field 2, as printed).
        speaker: Prefix of the ids.

    Raises:
        DataError: The corpus is not there; the message says where it comes from.
    """

    def __init__(self, root: str | Path, text_field: str = "expanded", speaker: str = "kss") -> None:
        if not str(root):
            raise DataError(f"KSS is not set.\n{HELP}")
        self.speaker = speaker
        self.text_field = text_field
        self.root = Path(root)
        # Kaggle's archive holds the transcript beside a folder kss with the audio.
        for folder in (self.root, self.root.parent):
            if (folder / TRANSCRIPT).is_file():
                self.transcript = folder / TRANSCRIPT
                break
        else:
            raise DataError(f"{self.root / TRANSCRIPT} not found.\n{HELP}")
        self.audio = next((path for path in (self.root, self.root / "kss") if (path / "1").is_dir()), self.root)

    def __iter__(self) -> Iterator[Utterance | Dropped]:
        """Yields an utterance for every line; a line that cannot be trusted is dropped, and reported, as is audio without one."""
        mended = 0
        files = FileFinder(self.audio)
        named: set[Path] = set()
        for number, line in enumerate(read_lines(self.transcript), 1):
            if not line.strip():
                continue
            where = f"{self.transcript.name}:{number}"
            raw = [field.strip() for field in line.split("|")]
            path = files.find(raw[0])
            named.add(path)
            if len(raw) != len(FIELDS):
                yield Dropped(
                    where,
                    STAGE,
                    f"expected {len(FIELDS)} fields {'|'.join(FIELDS)}, found {len(raw)} fields: {line[:60]!r}",
                )
                continue
            if not is_audio(raw[0]):
                yield Dropped(where, STAGE, f"expected an audio file such as 1/1_0000.wav, found {raw[0][:60]!r}")
                continue
            original, expanded, decomposed = (unicodedata.normalize("NFC", field) for field in raw[1:4])
            utt_id = make_utt_id(self.speaker, Path(raw[0]).stem)
            text, fault = choose_text(original, expanded, decomposed, self.text_field)
            if fault:
                yield Dropped(utt_id, STAGE, fault)
                continue
            mended += self.text_field == "expanded" and text != expanded
            yield Utterance(utt_id, path, " ".join(text.split()), self.speaker)
        if mended:
            logger.info("%d expanded texts had lost their last syllable: taken from the decomposed field", mended)
        yield from self._without_a_line(named)

    def _without_a_line(self, named: set[Path]) -> Iterator[Dropped]:
        """Reports audio in the folders of the transcript that no line names."""
        for folder in sorted({path.parent for path in named}):
            try:
                found = sorted(path for path in folder.iterdir() if is_audio(path) and path not in named)
            except OSError:
                continue  # a folder that is not there: each of its clips was reported
            for path in found:
                yield Dropped(
                    str(path.relative_to(self.audio)), STAGE, f"no line in {self.transcript.name} for this audio"
                )


def choose_text(original: str, expanded: str, decomposed: str, text_field: str = "expanded") -> tuple[str, str]:
    """Picks the text of one line and finds the known faults of the expanded field.

    The published transcript cuts the last syllable of some expanded texts without final punctuation; the decomposed
    field still has it. In a few lines the fields tell of different sentences: nobody but a listener could say which
    was spoken, so the line is not trained on.

    Args:
        original: Field 2, NFC.
        expanded: Field 3, NFC.
        decomposed: Field 4, NFC.
        text_field: "expanded" or "original".

    Returns:
        The text, and why the line must be dropped ("" if it need not be).
    """
    if text_field == "original":
        return original, ""
    if not expanded:
        return decomposed, "" if decomposed else "empty text"
    said, other = hangul(expanded), hangul(decomposed)
    if len(other) == len(said) + 1 and other.startswith(said):
        expanded, said = decomposed, other
    if other and said != other:
        return expanded, f"expanded and decomposed text differ: {expanded!r}, {decomposed!r}"
    readable = not any(char.isdigit() or (char.isalpha() and not is_hangul(char)) for char in original)
    if original and readable and hangul(original) != said:
        return expanded, f"original and expanded text differ: {original!r}, {expanded!r}"
    return expanded, ""


def is_hangul(char: str) -> bool:
    """Whether a character is a Hangul syllable."""
    return "가" <= char <= "힣"


def hangul(text: str) -> str:
    """Returns the Hangul syllables of a text."""
    return "".join(filter(is_hangul, text))
