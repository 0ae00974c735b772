"""The listening page: one HTML file that holds its sounds and pictures and asks for nothing from outside."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
import soundfile

from espnet2_nix.errors import MissingFileError, UserError
from espnet2_nix.evaluation.table import Table
from espnet2_nix.files import replace_file

STYLE = """
:root { color-scheme: light dark; --line: #8884; --shade: #8881; --quiet: #666 }
@media (prefers-color-scheme: dark) { :root { --quiet: #aaa } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1rem; max-width: 100rem; line-height: 1.5; word-break: keep-all; overflow-wrap: anywhere;
  font-family: system-ui, "Apple SD Gothic Neo", "Noto Sans KR", "Noto Sans CJK KR", NanumGothic, "Malgun Gothic", sans-serif }
h1 { font-size: 1.5rem; line-height: 1.25 }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; padding-bottom: .25rem; border-bottom: 1px solid var(--line) }
h2 span, small { color: var(--quiet); font-weight: normal; font-size: .85rem }
table { border-collapse: collapse; width: 100% }
caption, figcaption { text-align: left; padding: .5rem 0; font-weight: 600 }
th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top }
thead th { background: var(--shade); vertical-align: bottom }
.results, .listen { overflow-x: auto }
.results table { width: auto; font-variant-numeric: tabular-nums }
.results th, .results td { white-space: nowrap }
.listen tbody th { white-space: nowrap; font-weight: normal; font-size: .85rem; color: var(--quiet) }
.listen .text { min-width: 12rem }
.listen .wav { width: 16rem }
.listen small { display: block }
audio { display: block; width: 100%; min-width: 15rem; height: 2.5rem }
figure { margin: 0 0 1.5rem }
figure div { overflow-x: auto }
img { display: block; max-width: 100%; height: auto; background: #fff; border-radius: .25rem }
pre { overflow-x: auto; padding: .75rem; background: var(--shade); border-radius: .25rem }
@media (max-width: 48rem) { img { max-width: none; width: max(100%, 40rem) } }
"""
# Where the window is too narrow for the players side by side, an utterance becomes a block of players that wrap.
STACKED = """
  .listen thead { display: none }
  .listen table, .listen tbody { display: block }
  .listen tr { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: .25rem .75rem;
    padding: .75rem 0; border-bottom: 1px solid var(--line) }
  .listen th, .listen td { display: block; padding: 0; border: 0 }
  .listen tbody th, .listen .text { grid-column: 1 / -1; white-space: normal }
  .listen .wav { width: auto }
  .listen .wav::before { content: attr(data-column); display: block; font-size: .85rem; font-weight: 600 }
"""


@dataclass(frozen=True)
class PageRow:
    """One utterance.

    Attributes:
        utt_id: Its id.
        text: What is said.
        wavs: Column to its sound file; None or no entry where the system did not speak this utterance.
    """

    utt_id: str
    text: str
    wavs: Mapping[str, str | os.PathLike[str] | None]


def write_page(
    path: str | os.PathLike[str],
    title: str,
    columns: Sequence[str],
    rows: Sequence[PageRow],
    tables: Sequence[Table] = (),
    pictures: Sequence[tuple[str, str | os.PathLike[str]]] = (),
    commands: Sequence[str] = (),
) -> None:
    """Writes results, sounds, pictures and commands as one HTML file, whole or not at all.

    Args:
        path: The file to write, `index.html` for a web server.
        title: Heading of the page.
        columns: What can be heard, in the order of the columns: the recording and the systems.
        rows: The utterances in their order; how many is the caller's choice, a second of speech at 22.05 kHz takes
            59 kB of the file.
        tables: Results, shown above the sounds.
        pictures: Caption and PNG, shown below the sounds.
        commands: What to run to get the same, shown at the end.

    Raises:
        ValueError: If a row has a sound for an unknown column, a table's row has not one cell a column, a sound
            cannot be read, or a picture is not a PNG.
        MissingFileError: If a picture is missing. A missing sound is shown as such.
    """
    for row in rows:
        unknown = sorted(set(row.wavs) - set(columns))
        if unknown:
            raise ValueError(f"{row.utt_id}: expected sounds of {', '.join(columns)}, found {', '.join(unknown)}")
    with replace_file(path) as aside, aside.open("w", encoding="utf-8", newline="\n") as f:
        f.write('<!DOCTYPE html>\n<html lang="ko">\n<head>\n<meta charset="utf-8">\n')
        f.write(
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n<link rel="icon" href="data:,">\n'
        )
        style = f"{STYLE}@media (max-width: {20 + 16 * len(columns)}rem) {{{STACKED}}}\n"
        f.write(f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n")
        for part in (_results(tables), _sounds(columns, rows), _pictures(pictures), _commands(commands)):
            f.writelines(part)
        f.write("</body>\n</html>\n")


def sound_data(path: str | os.PathLike[str]) -> tuple[str, float]:
    """Reads a sound for embedding, as 16-bit WAV.

    FLAC would take half the room, but Safari is known to refuse it in an <audio> element; 16-bit PCM is played by
    every browser, and it is what synthesis writes, so that nothing is lost.

    Args:
        path: Any file that libsndfile reads; 16-bit samples are kept bit by bit, others rounded and clipped.

    Returns:
        A `data:` address and the length in seconds, 0 for a file without samples.

    Raises:
        ValueError: If the file cannot be read.
    """
    try:
        wav, fs = soundfile.read(path)  # (T_wav,) or (T_wav, channels)
    except soundfile.LibsndfileError as error:
        raise UserError(f"{path}: expected a sound file ({error}); synthesise it again") from error
    samples = np.clip(np.round(wav * 32768.0), -32768, 32767).astype(np.int16)
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, fs, format="WAV", subtype="PCM_16")
    return f"data:audio/wav;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}", len(samples) / fs


def picture_data(path: str | os.PathLike[str]) -> str:
    """Reads a PNG as a `data:` address; raises MissingFileError or, if it is no PNG, UserError."""
    if not Path(path).is_file():
        raise MissingFileError(f"{path} not found; stage 10 draws it: ./run.sh --stage 10 --stop_stage 10")
    content = Path(path).read_bytes()
    if not content.startswith(b"\x89PNG\r\n\x1a\n"):
        raise UserError(f"{path}: expected a PNG, found a file that starts with {content[:8]!r}")
    return f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}"


def _heading(korean: str, english: str) -> str:
    return f'<h2>{korean} <span lang="en">{english}</span></h2>\n'


def _head(names: Sequence[str]) -> str:
    cells = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    return f"<thead><tr>{cells}</tr></thead>\n"


def _results(tables: Sequence[Table]) -> Iterator[str]:
    if tables:
        yield _heading("결과", "Results")
    for table in tables:
        for cells in table.rows:
            if len(cells) != len(table.header):
                raise ValueError(f"{table.caption or 'table'}: expected {len(table.header)} cells, found {list(cells)}")
        yield '<div class="results"><table>\n'
        yield f"<caption>{escape(table.caption)}</caption>\n" if table.caption else ""
        yield f"{_head(table.header)}<tbody>\n"
        for cells in table.rows:
            yield f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>\n"
        yield "</tbody>\n</table></div>\n"


def _sounds(columns: Sequence[str], rows: Sequence[PageRow]) -> Iterator[str]:
    if not rows:
        return
    yield _heading("듣기", "Listen")
    yield f'<div class="listen"><table>\n{_head(["id", "문장", *columns])}<tbody>\n'
    for row in rows:
        yield f'<tr><th scope="row">{escape(row.utt_id)}</th><td class="text">{escape(row.text)}</td>\n'
        for column in columns:
            cell = _sound(f"{row.utt_id} {column}", row.wavs.get(column))
            label = escape(column.replace("_", "_\u200b"))  # a long name may break there
            yield f'<td class="wav" data-column="{label}">{cell}</td>\n'
        yield "</tr>\n"
    yield "</tbody>\n</table></div>\n"


def _sound(label: str, path: str | os.PathLike[str] | None) -> str:
    if path is None:
        return '— <small>합성하지 않음 · <span lang="en">not synthesised</span></small>'
    if not Path(path).is_file():
        return f'— <small>파일 없음 · <span lang="en">file not found</span>: {escape(Path(path).name)}</small>'
    address, seconds = sound_data(path)
    if seconds == 0:
        return f'— <small>빈 소리 · <span lang="en">no samples</span>: {escape(Path(path).name)}</small>'
    return f'<audio controls preload="none" aria-label="{escape(label)}" src="{address}"></audio><small>{seconds:.2f} s</small>'


def _pictures(pictures: Sequence[tuple[str, str | os.PathLike[str]]]) -> Iterator[str]:
    if pictures:
        yield _heading("그림", "Pictures")
    for caption, path in pictures:
        image = f'<img alt="{escape(caption)}" src="{picture_data(path)}">'
        yield f"<figure><figcaption>{escape(caption)}</figcaption><div>{image}</div></figure>\n"


def _commands(commands: Sequence[str]) -> Iterator[str]:
    if commands:
        yield _heading("명령", "Commands")
        yield f"<pre><code>{'&#10;'.join(map(escape, commands))}</code></pre>\n"
