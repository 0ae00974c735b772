"""Stage 3: joins the reports of dropped clips; stops when too large a share of the corpus is gone."""

from __future__ import annotations

import argparse
import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from espnet2_nix.bin import command
from espnet2_nix.data.dropped import read_dropped, write_dropped
from espnet2_nix.data.kaldi_io import read_table
from espnet2_nix.errors import UserError

logger = logging.getLogger(__name__)
REPORTS = ("dropped.tsv", "dropped_text.tsv")


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dirs", required=True, nargs="+", help="folders whose dropped.tsv and dropped_text.tsv count")
    parser.add_argument("--kept", required=True, nargs="+", help="folders whose wav.scp lists what is left")
    parser.add_argument("--out", required=True, help="the joined report: utterance, stage, reason")
    parser.add_argument("--max_dropped", type=float, default=0.05, help="largest share that may be dropped")
    return parser


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    dropped = []
    for folder in map(Path, args.dirs):
        for name in REPORTS:
            if (folder / name).is_file():
                dropped += read_dropped(folder / name)
    write_dropped(args.out, dropped)
    gone = {entry.utt_id for entry in dropped}
    kept = sum(len(read_table(Path(folder) / "wav.scp")) for folder in args.kept)
    share = len(gone) / (kept + len(gone))
    stages = ", ".join(f"{count} by {stage}" for stage, count in sorted(Counter(e.stage for e in dropped).items()))
    logger.info("%d clips kept, %d dropped (%.1f %%)%s", kept, len(gone), 100 * share, f": {stages}" if stages else "")
    if share > args.max_dropped:
        table = "\n".join(f"  {entry.utt_id}\t{entry.stage}\t{entry.reason}" for entry in sorted(dropped)[:50])
        more = "" if len(dropped) <= 50 else f"\n  ... and {len(dropped) - 50} more"
        raise UserError(
            f"{len(gone)} of {kept + len(gone)} clips were dropped, more than --max_dropped {args.max_dropped:g} "
            f"allows; mend the corpus or raise it. The whole table is {args.out}:\n{table}{more}"
        )


if __name__ == "__main__":
    main()
