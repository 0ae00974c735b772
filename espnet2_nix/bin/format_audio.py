"""Stage 2: audio to mono 16-bit at the model's rate, silence trimmed; a rerun makes only what is missing."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence

from espnet2_nix.bin import command
from espnet2_nix.data.audio import AudioFormat, UnusableAudio
from espnet2_nix.data.audio_folder import AudioFolder
from espnet2_nix.data.dropped import Dropped, write_dropped
from espnet2_nix.data.kaldi_io import read_table, write_table
from espnet2_nix.data.progress import progress

logger = logging.getLogger(__name__)
STAGE = "format_audio"


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wav_scp", required=True, help="table of utterance id and audio path")
    parser.add_argument("--outdir", required=True, help="folder for <utt_id>.wav; several jobs may share it")
    parser.add_argument(
        "--out_prefix",
        required=True,
        help="writes PREFIX.wav.scp, PREFIX.utt2num_samples, PREFIX.sources and PREFIX.dropped.tsv",
    )
    default = AudioFormat()
    parser.add_argument("--fs", type=int, default=default.fs, help="sampling rate to write, Hz")
    parser.add_argument(
        "--trim_db",
        type=float,
        default=default.trim_db,
        help="silence is what lies so many dB under the loudest frame; 0 trims nothing",
    )
    parser.add_argument(
        "--trim_margin", type=float, default=default.trim_margin, help="seconds of silence kept on each side"
    )
    parser.add_argument(
        "--trim_frame",
        type=float,
        default=default.trim_frame,
        help="seconds whose loudness is measured at a time",
    )
    return parser


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    settings = AudioFormat(fs=args.fs, trim_db=args.trim_db, trim_margin=args.trim_margin, trim_frame=args.trim_frame)
    sources = read_table(args.wav_scp)
    folder = AudioFolder(args.outdir, settings)
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
    write_table(f"{args.out_prefix}.wav.scp", paths)
    write_table(f"{args.out_prefix}.utt2num_samples", num_samples)
    write_table(f"{args.out_prefix}.sources", identities)
    write_dropped(f"{args.out_prefix}.dropped.tsv", dropped)
    seconds = sum(num_samples.values()) / args.fs
    logger.info(
        "%d clips, %.2f h at %d Hz: %d made now, %d finished before, %d dropped",
        len(paths),
        seconds / 3600,
        args.fs,
        made,
        len(paths) - made,
        len(dropped),
    )


if __name__ == "__main__":
    main()
