"""Stage 2: text to jamo tokens, one utterance a line, the space written as <space>."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence

from espnet2_nix.bin import command
from espnet2_nix.data.dropped import Dropped, write_dropped
from espnet2_nix.data.kaldi_io import read_table, write_table
from espnet2_nix.data.progress import progress
from espnet2_nix.data.tokens import UnusableText, to_tokens
from espnet2_nix.text.frontend import DEFAULT_FRONTEND

logger = logging.getLogger(__name__)
STAGE = "format_text"


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--text", required=True, help="table of utterance id and text")
    parser.add_argument("--out_text", required=True, help="table of tokens to write")
    parser.add_argument("--out_raw", required=True, help="where the text as it came goes, for the same utterances")
    parser.add_argument("--dropped", required=True, help="report of dropped utterances to write")
    parser.add_argument("--g2p", default=DEFAULT_FRONTEND, help="front-end, see espnet2_nix.text")
    parser.add_argument("--max_chars", type=int, default=1000, help="longer texts are dropped before any work on them")
    return parser


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    texts = read_table(args.text)
    tokens: dict[str, str] = {}
    dropped: list[Dropped] = []
    for utt_id, text in progress(list(texts.items()), "texts"):
        if len(text) > args.max_chars:
            dropped.append(
                Dropped(
                    utt_id,
                    STAGE,
                    f"too long: {len(text)} characters, expected at most {args.max_chars}: {text[:20]!r}…",
                )
            )
            logger.warning("dropped %s: %s", utt_id, dropped[-1].reason)
            continue
        try:
            tokens[utt_id] = " ".join(to_tokens(text, args.g2p))
        except UnusableText as error:
            logger.warning("dropped %s: %s", utt_id, error)
            dropped.append(Dropped(utt_id, STAGE, str(error)))
    assert len(texts) == len(tokens) + len(dropped)
    write_table(args.out_text, tokens)
    write_table(args.out_raw, {utt_id: texts[utt_id] for utt_id in tokens})
    write_dropped(args.dropped, dropped)
    logger.info("%d texts with %s, %d dropped", len(tokens), args.g2p, len(dropped))


if __name__ == "__main__":
    main()
