"""Draws docs/cer_by_cpu_minutes.png from the table in docs/results.md that stands under the heading of that name.

Usage: python tools/plot_cpu_minutes.py
"""

from __future__ import annotations

import re
from pathlib import Path

from espnet2_nix.evaluation.plots import plot_curves

DOCS = Path(__file__).resolve().parent.parent / "docs"
HEADING = "## Errors by CPU minutes"
ROW = re.compile(
    r"\| (?P<line>[^|]+) \| (?P<minutes>[\d,]+) \| [^|]* \| (?P<cer>[\d.]+) \((?P<low>[\d.]+)–(?P<high>[\d.]+)\)"
)


def read_lines(markdown: str) -> dict[str, list[tuple[float, float, float, float]]]:
    """Minutes, CER and the ends of its interval by line of the table, in its order."""
    section = markdown.split(HEADING)[1].split("\n## ")[0]
    lines: dict[str, list[tuple[float, float, float, float]]] = {}
    for row in ROW.finditer(section):
        cer, low, high = (float(row[name]) for name in ("cer", "low", "high"))
        lines.setdefault(row["line"].strip(), []).append((float(row["minutes"].replace(",", "")), cer, low, high))
    return lines


def main() -> None:
    lines = read_lines((DOCS / "results.md").read_text(encoding="utf-8"))
    plot_curves(lines, DOCS / "cer_by_cpu_minutes.png", "CPU minutes", "capped CER (%)")


if __name__ == "__main__":
    main()
