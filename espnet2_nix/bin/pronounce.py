"""Text in, pronunciation out: one line of standard input gives one line of standard output."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from espnet2_nix.bin import command
from espnet2_nix.text import FRONTENDS, Lexicon, Trace, normalize, pronounce, single_character, tokenize


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--normalize_only", action="store_true", help="stop before the pronunciation rules")
    parser.add_argument("--tokens", action="store_true", help="print jamo tokens")
    parser.add_argument("--sherpa", action="store_true", help="print what sherpa-onnx must be given (stage 12)")
    parser.add_argument("--g2p", default="standard", choices=sorted(FRONTENDS), help="front-end of the tokens")
    parser.add_argument("--lexicon", default=None, help="a dictionary: written<TAB>read, # begins a comment")
    parser.add_argument("-v", "--verbose", action="store_true", help="show on standard error which rule changed what")
    return parser


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    lexicon = None if args.lexicon is None else Lexicon.read(args.lexicon)
    for line in sys.stdin:
        text = line.rstrip("\n")
        trace = Trace() if args.verbose else None
        if args.sherpa:
            out = "".join(map(single_character, tokenize(text, args.g2p, lexicon)))
        elif args.tokens:
            out = " ".join(tokenize(text, args.g2p, lexicon))
        elif args.normalize_only:
            out = normalize(text, lexicon, trace)
        else:
            out = pronounce(text, lexicon, trace)
        print(out, flush=True)
        for change in trace.changes if trace else ():
            print(f"  {change.rule}: {change.before} -> {change.after}", file=sys.stderr)


if __name__ == "__main__":
    main()
