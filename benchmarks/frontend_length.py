"""How the front-end's time grows with the length of a text: ten kinds of text without marks or blanks, and two with them.

    python -m benchmarks.frontend_length [--longest 100000] [--function tokenize]

Prints seconds of processor time for 1, 10 and 100 thousand characters and the ratio of the longest to the one before; ten is
linear. Short texts are repeated until they take a measurable time.
"""

from __future__ import annotations

import argparse
import logging
import time

from espnet2_nix import text as frontend

KINDS = {
    "open syllables": "가",
    "closed syllables": "각성",
    "suffixes and particles": "가능성된다역이",
    "Roman letters": "a",
    "capitals": "A",
    "labels and dots": "a.b-",
    "figures": "1",
    "figures, commas": "1,234",
    "figures, points, hyphens": "1.2-3",
    "hours, slashes, ranges": "1:23/4~",
    "Hanja": "漢一",
    "figures and counters": "3번 2대와 5권에서 ",
    "everyday words": "오늘은 3월 5일, 버스 2대가 가능성이 크다. ",
}


def seconds(function, text: str) -> float:
    """Processor time of one call; the phrases kept from earlier calls are forgotten first."""
    from espnet2_nix.text.sounds import pronounce_phrase

    calls, spent = 0, 0.0
    while spent < 0.02:
        pronounce_phrase.cache_clear()
        start = time.process_time()
        function(text)
        spent += time.process_time() - start
        calls += 1
    return spent / calls


def main(cmd: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--longest", type=int, default=100_000, help="characters of the longest text")
    parser.add_argument("--function", default="tokenize", choices=("normalize", "pronounce", "tokenize"))
    args = parser.parse_args(cmd)
    logging.disable(logging.CRITICAL)
    function = getattr(frontend, args.function)
    function("가 1a")  # tables are read when first needed
    lengths = [args.longest // 100, args.longest // 10, args.longest]
    print(f"| {args.function} | {' | '.join(f'{n:,} characters' for n in lengths)} | ratio of the last two |")
    print("|---|" + "---|" * (len(lengths) + 1))
    for kind, unit in KINDS.items():
        times = [seconds(function, (unit * (n // len(unit) + 1))[:n]) for n in lengths]
        print(f"| {kind} | {' | '.join(f'{t:.4f} s' for t in times)} | {times[-1] / times[-2]:.1f} |", flush=True)


if __name__ == "__main__":
    main()
