"""Stage 1: turns a corpus into Kaldi data folders `tr_no_dev`, `dev` and `eval1`."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from espnet2_nix.bin import command
from espnet2_nix.data.corpora import CORPORA, SHARES, open_corpus
from espnet2_nix.data.prepare import collect, write_sets
from espnet2_nix.data.split import Shares

logger = logging.getLogger(__name__)


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", required=True, choices=CORPORA, help="which reader")
    parser.add_argument("--root", required=True, help="folder of the corpus")
    parser.add_argument("--outdir", default="data", help="where the sets and dropped.tsv go")
    parser.add_argument(
        "--text_field",
        default="expanded",
        choices=["expanded", "original"],
        help="text with numbers and letters spelled out, or as printed",
    )
    parser.add_argument("--speaker", default=None, help="which speaker, where the corpus has several")
    parser.add_argument("--dev_share", type=float, default=None, help="share of the ids for dev; default by corpus")
    parser.add_argument("--eval1_share", type=float, default=None, help="share of the ids for eval1; default by corpus")
    return parser


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    default = SHARES[args.corpus]
    shares = Shares(
        dev=default.dev if args.dev_share is None else args.dev_share,
        eval1=default.eval1 if args.eval1_share is None else args.eval1_share,
    )
    reader = open_corpus(args.corpus, args.root, args.text_field, args.speaker)
    utterances, dropped = collect(reader)
    counts = write_sets(utterances, dropped, Path(args.outdir), shares)
    for name, count in counts.items():
        logger.info("%s: %d utterances in %s", name, count, Path(args.outdir) / name)
    if dropped:
        logger.info("%d dropped, see %s", len(dropped), Path(args.outdir) / "dropped.tsv")


if __name__ == "__main__":
    main()
