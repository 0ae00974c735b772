"""Text files as corpora ship them: in UTF-8, as Excel saves them, or as Windows did in Korea."""

from __future__ import annotations

import codecs
import logging
import os
from pathlib import Path

from espnet2_nix.data.errors import DataError

logger = logging.getLogger(__name__)
BYTE_ORDER_MARKS = (  # UTF-32 before UTF-16, whose mark its own begins with
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_text_file(path: str | os.PathLike[str]) -> str:
    """Reads a text in UTF-8, UTF-16, UTF-32 or CP949, with or without a byte order mark; line ends become line feeds.

    Raises:
        DataError: The file cannot be read, or its bytes are none of these encodings; file and line are named.
    """
    raw = _read_bytes(path)
    encoding = _encoding_of(raw)
    text = _decode(raw, encoding, path)
    _tell(path, encoding)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_lines(path: str | os.PathLike[str]) -> list[str]:
    """The lines of a text file, ended by CR, LF or both; U+2028 and its like are characters of a line.

    Raises:
        DataError: As `read_text_file`.
    """
    text = read_text_file(path)
    return text.removesuffix("\n").split("\n") if text else []


def read_each_line(path: str | os.PathLike[str]) -> list[str | DataError]:
    """The lines of a text file, each for itself: in the place of one whose bytes are no text stands the error that names it.

    Raises:
        DataError: The file cannot be read, or is UTF-16 or UTF-32 and damaged, so that nobody knows where its lines end.
    """
    raw = _read_bytes(path)
    encoding = _encoding_of(raw)
    if encoding not in ("utf-8", "cp949") or _decodes(raw, encoding):
        return list(read_lines(path))
    _tell(path, encoding)
    lines: list[str | DataError] = []
    for number, line in enumerate(_line_feeds(raw).removesuffix(b"\n").split(b"\n"), 1):
        try:
            lines.append(_decode(line, encoding, path, number))
        except DataError as error:
            lines.append(error)
    return lines


def _read_bytes(path: str | os.PathLike[str]) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error


def _decode(raw: bytes, encoding: str, path: str | os.PathLike[str], first_line: int = 1) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = _line_feeds(raw[: error.start]).count(b"\n") + first_line
        raise DataError(
            f"{path}, line {line}: byte {raw[error.start]:#04x} is no {encoding}; expected text in UTF-8, UTF-16 or CP949: "
            "mend the line, or save the file as UTF-8"
        ) from error


def _line_feeds(raw: bytes) -> bytes:
    return raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _tell(path: str | os.PathLike[str], encoding: str) -> None:
    if not encoding.startswith("utf-8"):
        logger.warning("%s: read as %s, since it is not UTF-8", path, encoding)


def _encoding_of(raw: bytes) -> str:
    for mark, encoding in BYTE_ORDER_MARKS:
        if raw.startswith(mark):
            return encoding
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        # Text has no NUL: where every other byte of a line feed or a digit is one, it is UTF-16 without a mark.
        return _utf16_order(raw) or "utf-8"
    if order := _utf16_order(raw):
        return order
    # A few bad bytes in UTF-8 are a damaged line to be named; mostly bad lines are another encoding.
    lines = [line for line in _line_feeds(raw).split(b"\n") if not line.isascii()]
    if 2 * sum(map(_is_utf8, lines)) >= len(lines):
        return "utf-8"
    try:
        raw.decode("cp949")
    except UnicodeDecodeError:
        return "cp949" if sum(map(_is_cp949, lines)) > sum(map(_is_utf8, lines)) else "utf-8"
    return "cp949"


def _utf16_order(raw: bytes) -> str | None:
    if len(raw) % 2 or b"\0" not in raw:
        return None
    ends = {"utf-16-le": raw[1::2].count(0), "utf-16-be": raw[::2].count(0)}
    order = max(ends, key=ends.__getitem__)
    return order if ends[order] > 0 and ends[order] > 8 * (sum(ends.values()) - ends[order]) else None


def _is_utf8(line: bytes) -> bool:
    return _decodes(line, "utf-8")


def _is_cp949(line: bytes) -> bool:
    return _decodes(line, "cp949")


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
