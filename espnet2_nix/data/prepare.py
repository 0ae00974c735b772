"""Checks a corpus's utterances and writes them as Kaldi data folders."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from espnet2_nix.data.dropped import Dropped, write_dropped
from espnet2_nix.data.errors import DataError
from espnet2_nix.data.kaldi_io import write_speaker_maps, write_table
from espnet2_nix.data.names import is_file, unfit
from espnet2_nix.data.split import SETS, Shares, assign
from espnet2_nix.data.utterance import Utterance

logger = logging.getLogger(__name__)
STAGE = "prepare_corpus"


def collect(entries: Iterable[Utterance | Dropped]) -> tuple[list[Utterance], list[Dropped]]:
    """Parts what a reader yields into utterances that can go on and dropped ones.

    Args:
        entries: A corpus reader.

    Returns:
        The utterances with a unique id, a text and an existing audio file, and the report of the others.
    """
    kept: dict[str, Utterance] = {}
    dropped: list[Dropped] = []
    read = 0
    for entry in entries:
        read += 1
        if isinstance(entry, Dropped):
            dropped.append(entry)
        elif entry.utt_id in kept:
            # The first keeps its place; the report needs a name of its own for the second.
            dropped.append(Dropped(f"{entry.utt_id}#{read}", STAGE, f"duplicate id {entry.utt_id}"))
        elif not entry.text:
            dropped.append(Dropped(entry.utt_id, STAGE, "empty text"))
        elif reason := unfit(entry.utt_id, entry.wav):
            dropped.append(Dropped(entry.utt_id, STAGE, reason))
        elif not is_file(entry.wav):
            dropped.append(Dropped(entry.utt_id, STAGE, f"audio {entry.wav} not found"))
        else:
            kept[entry.utt_id] = entry
    for entry in dropped[:10]:
        logger.warning("dropped %s: %s", entry.utt_id, entry.reason)
    if len(dropped) > 10:
        logger.warning("... and %d more", len(dropped) - 10)
    assert read == len(kept) + len(dropped)
    return list(kept.values()), dropped


def write_sets(
    utterances: Iterable[Utterance], dropped: Iterable[Dropped], outdir: Path, shares: Shares
) -> dict[str, int]:
    """Writes wav.scp, text, utt2spk and spk2utt of every set, and dropped.tsv beside the sets.

    Args:
        utterances: What goes on.
        dropped: The report.
        outdir: The data folder.
        shares: Thresholds of the split.

    Returns:
        Number of utterances by set.

    Raises:
        DataError: No utterance is left for one of the sets.
    """
    members: dict[str, list[Utterance]] = {name: [] for name in SETS}
    for utterance in utterances:
        members[assign(utterance.utt_id, shares)].append(utterance)
    dropped = list(dropped)
    write_dropped(outdir / "dropped.tsv", dropped)
    empty = [name for name, chosen in members.items() if not chosen]
    if empty:
        count = sum(map(len, members.values()))
        why = f"; {len(dropped)} were dropped, {outdir / 'dropped.tsv'} says why" if dropped else ""
        raise DataError(
            f"no utterance for {', '.join(empty)}: {count} utterances with the shares dev {shares.dev:g}, eval1 "
            f'{shares.eval1:g}{why}. Larger shares, for instance: --local_data_opts "--dev_share 0.1 --eval1_share 0.1"'
        )
    for name, chosen in members.items():
        folder = outdir / name
        write_table(folder / "wav.scp", {u.utt_id: u.wav for u in chosen})
        write_table(folder / "text", {u.utt_id: u.text for u in chosen})
        write_speaker_maps(folder, {u.utt_id: u.speaker for u in chosen})
    return {name: len(chosen) for name, chosen in members.items()}
