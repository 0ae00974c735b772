"""A user's dictionary: what is written, and how it is to be read, applied before every rule."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

from espnet2_nix.errors import MissingFileError, UserError


class Lexicon:
    """Replaces written forms by readings, longest match first.

    Args:
        entries: Reading by written form; both in NFC.
    """

    def __init__(self, entries: dict[str, str]) -> None:
        self.entries = {unicodedata.normalize("NFC", k): unicodedata.normalize("NFC", v) for k, v in entries.items()}
        written = sorted(self.entries, key=lambda form: (-len(form), form))
        # A form in Roman letters or figures is no part of a longer one: AI is not in FAIR, nor 1 in 21.
        self._pattern = re.compile(
            "|".join(
                (r"(?<![A-Za-z0-9])" if form[0].isascii() and form[0].isalnum() else "")
                + re.escape(form)
                + (r"(?![A-Za-z0-9])" if form[-1].isascii() and form[-1].isalnum() else "")
                for form in written
            )
            or r"(?!)"
        )

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Lexicon:
        """Reads a file of lines `written<TAB>read`; empty lines and lines that begin with `#` are comments.

        Raises:
            MissingFileError: If there is no such file.
            UserError: If it cannot be read, or a line has not two fields, naming it.
        """
        entries: dict[str, str] = {}
        try:
            content = Path(path).read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            raise MissingFileError(f"{path} not found; a dictionary is a text file of lines written<TAB>read") from None
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{path} cannot be read as a dictionary in UTF-8: {error}") from error
        for number, line in enumerate(content.splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            fields = [field.strip() for field in line.split("\t")]
            if len(fields) < 2 or not fields[0] or not fields[1]:
                raise UserError(f"{path}, line {number}: expected written<TAB>read, found {line!r}")
            entries[fields[0]] = fields[1]
        return cls(entries)

    def apply(self, text: str) -> str:
        """Replaces every entry in a text."""
        return self._pattern.sub(lambda match: self.entries[match[0]], unicodedata.normalize("NFC", text))
