"""When each jamo, syllable and word is said, and the files that tell of it."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from espnet2_nix.errors import UserError
from espnet2_nix.files import replace_file

MARKS = frozenset(".,?!")
SPACE = "<space>"


@dataclass(frozen=True)
class Span:
    """A stretch of the audio.

    Attributes:
        label: What is said; "" is a pause.
        start: First sample.
        end: Sample after the last.
    """

    label: str
    start: int
    end: int


@dataclass
class Timings:
    """Three tiers over the whole audio; each tier's spans follow each other without a gap.

    Attributes:
        sample_rate: Samples a second.
        jamo: Every token; blanks and marks with the label "".
        syllables: As they are pronounced.
        words: As they are pronounced.
    """

    sample_rate: int
    jamo: list[Span] = field(default_factory=list)
    syllables: list[Span] = field(default_factory=list)
    words: list[Span] = field(default_factory=list)

    @property
    def end(self) -> int:
        """Samples covered so far."""
        return self.jamo[-1].end if self.jamo else 0

    def add(self, tokens: Iterable[str], num_samples: Iterable[int]) -> None:
        """Appends tokens of the front-end with their lengths in samples."""
        start = self.end
        spans = []
        for token, length in zip(tokens, num_samples, strict=True):
            spans.append(Span("" if token == SPACE or token in MARKS else token, start, start + int(length)))
            start += int(length)
        self.jamo += spans
        syllables = _join(spans, lambda span: "\u1100" <= span.label < "\u1160")
        self.syllables += [Span(compose(span.label), span.start, span.end) for span in syllables]
        words = _join(spans, lambda span: False)
        self.words += [Span(compose(span.label), span.start, span.end) for span in words]

    def add_pause(self, num_samples: int) -> None:
        """Appends silence."""
        span = Span("", self.end, self.end + num_samples)
        for tier in (self.jamo, self.syllables, self.words):
            tier.append(span)

    def as_dict(self) -> dict[str, object]:
        """Plain values, times in seconds."""
        tiers = {"jamo": self.jamo, "syllables": self.syllables, "words": self.words}
        return {
            "sample_rate": self.sample_rate,
            "seconds": self.end / self.sample_rate,
            **{
                name: [
                    {"label": span.label, "start": span.start / self.sample_rate, "end": span.end / self.sample_rate}
                    for span in spans
                ]
                for name, spans in tiers.items()
            },
        }

    def write(self, path: str | Path) -> None:
        """Writes the timings; the ending decides the form.

        Args:
            path: Ends in .json, .srt (words) or .TextGrid (Praat, three interval tiers).

        Raises:
            UserError: If the ending is another.
        """
        form = getattr(self, check_ending(path))
        with replace_file(path) as aside:
            aside.write_text(form(), encoding="utf-8")

    def _json(self) -> str:
        return json.dumps(self.as_dict(), ensure_ascii=False, indent=1) + "\n"

    def _srt(self) -> str:
        def clock(sample: int) -> str:
            milliseconds = round(1000 * sample / self.sample_rate)
            seconds, milliseconds = divmod(milliseconds, 1000)
            return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d},{milliseconds:03d}"

        spoken = [span for span in self.words if span.label]
        return "".join(
            f"{i}\n{clock(span.start)} --> {clock(span.end)}\n{span.label}\n\n" for i, span in enumerate(spoken, 1)
        )

    def _textgrid(self) -> str:
        end = self.end / self.sample_rate
        lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {end:.6f}"]
        lines += ["tiers? <exists>", "size = 3", "item []:"]
        for i, (name, spans) in enumerate(
            (("jamo", self.jamo), ("syllables", self.syllables), ("words", self.words)), 1
        ):
            lines += [f"    item [{i}]:", '        class = "IntervalTier"', f'        name = "{name}"']
            lines += ["        xmin = 0", f"        xmax = {end:.6f}", f"        intervals: size = {len(spans)}"]
            for j, span in enumerate(spans, 1):
                lines += [
                    f"        intervals [{j}]:",
                    f"            xmin = {span.start / self.sample_rate:.6f}",
                    f"            xmax = {span.end / self.sample_rate:.6f}",
                    f'            text = "{span.label}"',
                ]
        return "\n".join(lines) + "\n"


def check_ending(path: str | Path) -> str:
    """The name of the method that makes the form of a file's ending.

    Raises:
        UserError: If the ending is another.
    """
    forms = {".json": "_json", ".srt": "_srt", ".textgrid": "_textgrid"}
    suffix = Path(path).suffix.lower()
    if suffix not in forms:
        raise UserError(f"{path}: expected an ending of .json, .srt or .TextGrid for timings")
    return forms[suffix]


def _join(spans: list[Span], begins: Callable[[Span], bool]) -> list[Span]:
    """Joins spans; a pause stands alone, and `begins` says where something new starts besides."""
    joined: list[Span] = []
    for span in spans:
        if joined and joined[-1].label and span.label and not begins(span):
            joined[-1] = Span(joined[-1].label + span.label, joined[-1].start, span.end)
        else:
            joined.append(span)
    return joined


def compose(jamo: str) -> str:
    """Conjoining jamo as syllables."""
    return unicodedata.normalize("NFC", jamo)
