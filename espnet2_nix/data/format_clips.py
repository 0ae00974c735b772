"""Formats the clips of a table into a folder; a rerun makes only what is missing."""

from __future__ import annotations

import logging
from pathlib import Path

from espnet2_nix.data.audio import AudioFormat, UnusableAudio
from espnet2_nix.data.audio_folder import AudioFolder
from espnet2_nix.data.dropped import Dropped, write_dropped
from espnet2_nix.data.kaldi_io import read_table, write_table
from espnet2_nix.data.progress import progress

logger = logging.getLogger(__name__)
STAGE = "format_audio"


def format_clips(wav_scp: str | Path, outdir: str | Path, out_prefix: str, settings: AudioFormat) -> None:
    """Writes clips, and the tables ``.wav.scp``, ``.utt2num_samples``, ``.sources`` and ``.dropped.tsv`` of a prefix.

    Args:
        wav_scp: Table of utterance id and audio path.
        outdir: Folder for ``<utt_id>.wav``; several jobs may share it.
        out_prefix: What the tables' names begin with.
        settings: How clips are formatted.

    Raises:
        DataError: The folder holds audio that was not made here.
    """
    sources = read_table(wav_scp)
    folder = AudioFolder(outdir, settings)
    paths: dict[str, str] = {}
    num_samples: dict[str, int] = {}
    identities: dict[str, str] = {}
    dropped: list[Dropped] = []
    made = 0
    for utt_id, source in progress(list(sources.items()), "clips"):
        samples = folder.finished(utt_id, source)
        if samples is None:
            try:
                samples = folder.make(utt_id, source)
            except UnusableAudio as error:
                logger.warning("dropped %s: %s", utt_id, error)
                dropped.append(Dropped(utt_id, STAGE, str(error)))
                continue
            made += 1
        paths[utt_id] = str(folder.path(utt_id))
        num_samples[utt_id] = samples
        identities[utt_id] = folder.identity(utt_id)
    assert len(sources) == len(paths) + len(dropped)
    write_table(f"{out_prefix}.wav.scp", paths)
    write_table(f"{out_prefix}.utt2num_samples", num_samples)
    write_table(f"{out_prefix}.sources", identities)
    write_dropped(f"{out_prefix}.dropped.tsv", dropped)
    seconds = sum(num_samples.values()) / settings.fs
    logger.info(
        "%d clips, %.2f h at %d Hz: %d made now, %d finished before, %d dropped",
        len(paths),
        seconds / 3600,
        settings.fs,
        made,
        len(paths) - made,
        len(dropped),
    )
