"""Reader of the emotiontts_open_db speech corpus (one folder a speaker, one text file a clip)."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

from espnet2_nix.data.dropped import Dropped
from espnet2_nix.data.errors import DataError
from espnet2_nix.data.names import is_audio, make_utt_id, quote
from espnet2_nix.data.split import Shares
from espnet2_nix.data.text_files import read_text_file
from espnet2_nix.data.utterance import Utterance

logger = logging.getLogger(__name__)
STAGE = "prepare_corpus"

SHARES = Shares(dev=0.05, eval1=0.083)
TEXT_FOLDERS = {"expanded": "transcript", "original": "script"}
HELP = """\
It is published at https://github.com/emotiontts/emotiontts_open_db, licence CC BY-NC-SA 4.0 (research only; a trained
voice carries the licence on). Expected tree, for speaker {speaker}:
  emotiontts_open_db/Dataset/SpeechCorpus/Main/main/{speaker}/wav/{speaker}01001.wav
  emotiontts_open_db/Dataset/SpeechCorpus/Main/main/{speaker}/transcript/{speaker}01001.txt
Then run: EMOTIONTTS=/path/to/emotiontts_open_db ./run.sh"""


class EmotionttsReader:
    """Utterances of one speaker of emotiontts_open_db.

    Args:
        root: The repository's folder, or the speaker's own folder (the one that holds `wav`).
        text_field: "expanded" reads `transcript` (what was spoken), "original" reads `script` (what was asked for).
        speaker: Name of the speaker's folder, such as `lmy`.

    Raises:
        DataError: The folders are not there; the message says where the corpus comes from.
    """

    def __init__(self, root: str | Path, text_field: str = "expanded", speaker: str = "lmy") -> None:
        self.speaker = speaker
        self.folder = self._find_folder(Path(root), speaker)
        self.text_folder = self.folder / TEXT_FOLDERS[text_field]
        for needed in (self.folder / "wav", self.text_folder):
            if not needed.is_dir():
                raise DataError(f"{needed} not found.\n{HELP.format(speaker=speaker)}")

    @staticmethod
    def _find_folder(root: Path, speaker: str) -> Path:
        if (root / "wav").is_dir():
            return root
        corpus = root / "Dataset" / "SpeechCorpus"
        found = sorted(path for path in corpus.glob(f"*/*/{speaker}") if (path / "wav").is_dir())
        if not found:
            others = sorted(path.parent.name for path in corpus.glob("*/*/*/wav"))
            hint = f" (speakers found: {', '.join(others)})" if others else ""
            raise DataError(
                f"No emotiontts_open_db speaker {speaker!r} under {root}{hint}.\n{HELP.format(speaker=speaker)}"
            )
        return found[0]

    def __iter__(self) -> Iterator[Utterance | Dropped]:
        """Yields an utterance for every text and every clip: a clip without text is dropped, and reported."""
        texts = self._files(self.text_folder, lambda path: path.suffix.lower() == ".txt")
        clips = self._files(self.folder / "wav", is_audio)
        for name in sorted(texts.keys() | clips.keys()):
            utt_id = quote(name) if name.startswith(self.speaker) else make_utt_id(self.speaker, name)
            if name not in texts:
                yield Dropped(utt_id, STAGE, f"text {self.text_folder / name}.txt not found")
                continue
            try:
                text = unicodedata.normalize("NFC", " ".join(read_text_file(texts[name]).split()))
            except DataError as error:
                yield Dropped(utt_id, STAGE, str(error))
                continue
            yield Utterance(utt_id, clips.get(name, self.folder / "wav" / f"{name}.wav"), text, self.speaker)

    @staticmethod
    def _files(folder: Path, wanted: Callable[[Path], bool]) -> dict[str, Path]:
        """The folder's files by name without ending, in NFC: text and clip may be composed differently on the disk."""
        try:
            found = sorted(folder.iterdir())
        except OSError as error:
            raise DataError(f"{folder} cannot be read: {error.strerror}") from error
        return {unicodedata.normalize("NFC", path.stem): path for path in found if wanted(path)}
