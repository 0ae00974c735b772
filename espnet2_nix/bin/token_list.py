"""Stage 4: writes the token list, the front-end's whole inventory, and checks that the texts use nothing else."""

from __future__ import annotations

import argparse
import logging
from collections import Counter
from collections.abc import Sequence

from espnet2_nix.bin import command
from espnet2_nix.data.kaldi_io import read_table
from espnet2_nix.errors import UserError
from espnet2_nix.files import write_text
from espnet2_nix.text import token_list

logger = logging.getLogger(__name__)


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True, help="the token list, one a line")
    parser.add_argument("--text", nargs="+", default=[], help="tables of tokens to check")
    return parser


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    tokens = token_list()
    used: Counter[str] = Counter()
    for path in args.text:
        for utt_id, text in read_table(path).items():
            used.update(text.split())
            unknown = sorted(set(text.split()) - set(tokens))
            if unknown:
                raise UserError(f"{path}, {utt_id}: tokens {' '.join(unknown)} are not in the list; run stage 2 again")
    write_text(args.out, "".join(f"{token}\n" for token in tokens))
    unused = [token for token in tokens[2:-1] if args.text and not used[token]]
    logger.info(
        "%s: %d tokens, %d of them never used%s", args.out, len(tokens), len(unused), (unused and f": {unused}") or ""
    )


if __name__ == "__main__":
    main()
