"""Accuracy and speed of the text front-end on pairs of written and spoken forms.

    python -m benchmarks.frontend FOLDER [-v] [--others]

FOLDER holds g2p_dev.tsv (article, written, pronounced, note), normalize_dev.tsv and everyday_normalize.tsv (class, input, reading),
everyday_pronounce.tsv (class, written, pronounced), kss_norm_dev.tsv (id, original, expanded) and kss_transcript_dev.txt (KSS's six
fields); a table that is not there is left out. Compared without spaces and marks; alternatives are parted by |.
Prints the table for `standard` beside spelling as written (`jaso`), and with --others beside g2pk and ko_speech_tools where they
are installed; then sentences a second of processor time on one core.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
import unicodedata
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from espnet2_nix.text import normalize, pronounce
from espnet2_nix.text.tokens import to_jamo

Reader = Callable[[str], str]


def hangul(text: str) -> str:
    """The Hangul of a text, which is what is compared."""
    return re.sub(r"[^가-힣]", "", unicodedata.normalize("NFC", text))


def read_pairs(path: Path, columns: tuple[int, int, int, int | None]) -> list[tuple[str, str, list[str]]]:
    """Rows of a table as (group, input, accepted forms)."""
    group, written, spoken, note = columns
    pairs = []
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        fields = line.split("\t")
        name = fields[group] if group >= 0 else path.stem
        if note is not None:
            name = f"{fields[note]}: {name}"
        pairs.append((name, fields[written], fields[spoken].split("|")))
    return pairs


def accuracy(
    pairs: list[tuple[str, str, list[str]]], reader: Reader, verbose: bool, sounded: Reader | None = None
) -> dict[str, tuple[int, int]]:
    """Right answers and cases by group; errors go to standard error.

    Args:
        pairs: Rows of a table.
        reader: The system.
        verbose: Whether to list its errors.
        sounded: Applied to the accepted forms first: a system that only pronounces is judged on figures by whether it says
            the text as it says the accepted reading.
    """
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for group, written, accepted in pairs:
        said = hangul(reader(written))
        accepted = [hangul(sounded(form) if sounded else form) for form in accepted]
        counts[group][1] += 1
        if said in accepted:
            counts[group][0] += 1
        elif verbose:
            print(f"  {group}: {written} -> {said}, expected {'|'.join(accepted)}", file=sys.stderr)
    return {group: (right, cases) for group, (right, cases) in counts.items()}


def as_written(text: str) -> str:
    """What ESPnet's korean_jaso says: spelling, everything else left out."""
    return unicodedata.normalize("NFC", "".join(t for t in to_jamo(text) if t != "<space>"))


def other_systems() -> dict[str, Reader]:
    """Packages that are installed; the others are named."""
    systems: dict[str, Reader] = {}
    try:
        from espnet2_nix.text.g2pk import pronounce_with_g2pk

        pronounce_with_g2pk("가")
        systems["g2pk"] = pronounce_with_g2pk
    except ValueError as error:
        print(f"g2pk skipped: {error}")
    try:
        from ko_speech_tools import G2p

        tool = G2p()
        systems["ko_speech_tools"] = lambda text: tool(text)
    except Exception as error:  # the package raises its own classes when its dictionary is missing
        print(f"ko_speech_tools skipped: {error}")
    return systems


def main(cmd: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the tables are")
    parser.add_argument("-v", "--verbose", action="store_true", help="list every error of `standard`")
    parser.add_argument("--others", action="store_true", help="also g2pk and ko_speech_tools, if installed")
    args = parser.parse_args(cmd)
    others = other_systems() if args.others else {}
    files = (
        ("pronunciation", "g2p_dev.tsv", (0, 1, 2, 3), pronounce),
        ("everyday pronunciation", "everyday_pronounce.tsv", (0, 1, 2, None), pronounce),
        ("normalisation", "normalize_dev.tsv", (0, 1, 2, None), normalize),
        ("everyday normalisation", "everyday_normalize.tsv", (0, 1, 2, None), normalize),
        ("KSS normalisation", "kss_norm_dev.tsv", (-1, 1, 2, None), normalize),
    )
    tables = [
        (title, read_pairs(args.folder / name, columns), reader)
        for title, name, columns, reader in files
        if (args.folder / name).is_file()
    ]
    print("| table | group | cases | standard | jaso |" + "".join(f" {name} |" for name in others))
    print("|---|---|---|---|---|" + "---|" * len(others))
    for title, pairs, reader in tables:
        scores = [accuracy(pairs, reader, args.verbose)]
        scores.append(accuracy(pairs, as_written, False))
        scores += [accuracy(pairs, tool, False, tool if reader is normalize else None) for tool in others.values()]
        groups = sorted(scores[0])
        totals: dict[str, list[str]] = defaultdict(list)
        for group in groups:
            totals[group.split(":")[0] if ":" in group else "all"].append(group)
        for name, members in [*totals.items(), *((group, [group]) for group in groups)]:
            cases = sum(scores[0][group][1] for group in members)
            cells = [f"{100 * sum(score[group][0] for group in members) / cases:.1f} %" for score in scores]
            print(f"| {title} | {name} | {cases} | {' | '.join(cells)} |")
    lines = [
        line.split("|") for line in (args.folder / "kss_transcript_dev.txt").read_text(encoding="utf-8").splitlines()
    ]
    plain = [unicodedata.normalize("NFC", fields[1]) for fields in lines if fields[1] == fields[2]]
    changed = [text for text in plain if hangul(text) != hangul(normalize(text))]
    print(f"{len(plain)} plain sentences of KSS: normalize changes the Hangul of {len(changed)}")
    for reader in (normalize, pronounce):
        start = time.process_time()
        for text in plain:
            reader(text)
        print(f"{reader.__name__}: {len(plain) / (time.process_time() - start):.0f} sentences a second on one core")


if __name__ == "__main__":
    main()
