#!/usr/bin/env python3
"""Speaks Korean text: nix-tts "안녕하세요." plays it, -o hello.wav writes a file"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espnet2_nix.bin import command
from espnet2_nix.errors import UserError

if TYPE_CHECKING:
    from espnet2_nix.runtime import Audio


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nix-tts",
        description=__doc__,
        epilog="Exit codes: 0 spoken, 1 something is missing or cannot be read, 2 wrong options. NIX_TTS_VOICES names folders of "
        "voices, parted by colons. The default is the first voice that --list_voices shows.",
    )
    parser.add_argument("text", nargs="?", default=None, help="what to say; standard input when missing")
    parser.add_argument("--voice", default=None, help="an installed voice's name, or a voice's folder (stage 12)")
    parser.add_argument("--model", default=None, help="a pack (zip) of stage 11 in place of a voice; needs PyTorch")
    parser.add_argument(
        "--list_voices", action="store_true", help="list the voices at hand: under NIX_TTS_VOICES, and installed"
    )
    parser.add_argument("-o", "--output", default=None, help="the wav file to write; without it, speech is played")
    parser.add_argument("-f", "--file", default=None, help="a text file: each line becomes a wav file in --output_dir")
    parser.add_argument("--output_dir", default=None, help="where the wav files of --file go: 0001.wav, 0002.wav, ...")
    parser.add_argument("--stream", action="store_true", help="raw 16-bit mono samples to standard output as they come")
    parser.add_argument("--timings", default=None, help="also write timings: FILE.json, FILE.srt or FILE.TextGrid")
    parser.add_argument("--speed", type=float, default=1.0, help="factor on the rate of speech")
    parser.add_argument("--noise_scale", type=float, default=None, help="liveliness; default: the voice's own")
    parser.add_argument("--seed", type=int, default=0, help="the same text and seed give the same samples")
    parser.add_argument("--threads", type=int, default=1, help="threads of the computation")
    parser.add_argument("--lexicon", default=None, help="a dictionary: written<TAB>read, # begins a comment")
    return parser


@command
def main(cmd: Sequence[str] | None = None) -> None:
    parser = get_parser()
    args = parser.parse_args(cmd)
    if args.list_voices:
        from espnet2_nix.runtime.installed import voices

        for name, path in voices().items():
            print(f"{name}\t{path}")
        return
    if args.file is not None and (args.output_dir is None or args.text is not None or args.output or args.stream):
        parser.error("--file needs --output_dir, and neither a text, nor -o, nor --stream")
    if args.stream and args.output is not None:
        parser.error("give -o FILE.wav or --stream, not both")
    if args.file is not None and args.timings is not None:
        parser.error("--timings is for one text; speak the lines one by one to get timings of each")
    if args.threads < 1:
        parser.error(f"--threads: expected 1 or more, found {args.threads}")
    if args.model is not None and (args.stream or args.timings or args.file):
        parser.error("--stream, --timings and --file need a voice (--voice), not a pack")
    if args.model is not None and args.output is None:
        parser.error("--model needs -o FILE.wav")
    from espnet2_nix.text import Lexicon

    lexicon = None if args.lexicon is None else Lexicon.read(args.lexicon)
    if args.model is not None:
        speak_with_pack(args, read_text(args))
        return
    from espnet2_nix.runtime import Voice

    voice = Voice.load(args.voice, threads=args.threads)
    options = {"speed": args.speed, "noise_scale": args.noise_scale, "seed": args.seed, "lexicon": lexicon}
    if args.file is not None:
        speak_file(voice, args, options)
    elif args.stream:
        stream(voice, read_text(args), args.timings, options)
    else:
        speak(voice, args, options)


def read_text(args: argparse.Namespace) -> str:
    """The text of the command line or of standard input."""
    text = sys.stdin.read() if args.text is None else args.text
    if not text.strip():
        raise UserError("expected a text to say, found none")
    return text


def speak(voice: Any, args: argparse.Namespace, options: dict[str, Any]) -> None:
    """A wav file with -o, else the loudspeaker."""
    if args.output is not None:
        write(voice.synthesize(read_text(args), **options), Path(args.output), args.timings)
        return
    from espnet2_nix.runtime.players import find_player, play
    from espnet2_nix.runtime.timings import Timings

    player, record = find_player(), Timings(voice.sample_rate)
    play(voice.stream(read_text(args), timings=record, **options), voice.sample_rate, player)
    if args.timings is not None:
        record.write(args.timings)


def write(audio: Audio, output: Path, timings: str | None) -> None:
    """Writes wav and timings, and says so."""
    if timings is not None:  # first: an ending that is not known stops before anything is written
        audio.timings.write(timings)
    audio.write(output)
    print(f"{output}: {len(audio.samples) / audio.sample_rate:.2f} s")


def speak_file(voice: Any, args: argparse.Namespace, options: dict[str, Any]) -> None:
    """A wav file for each line."""
    try:
        lines = [line.strip() for line in Path(args.file).read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--file {args.file} cannot be read as text in UTF-8: {error}") from error
    todo = [(number, line) for number, line in enumerate(lines, 1) if line]
    if not todo:
        raise UserError(f"{args.file}: expected lines of text, found none")
    for number, line in progress_bar(todo):
        voice.synthesize(line, **options).write(Path(args.output_dir) / f"{number:04d}.wav")
    print(f"{args.output_dir}: {len(todo)} files")


def progress_bar(items: list[Any]) -> Iterator[Any]:
    """A bar on standard error where that is a terminal."""
    for done, item in enumerate(items):
        if sys.stderr.isatty():
            width = 30 * done // len(items)
            print(f"\r[{'#' * width}{'.' * (30 - width)}] {done}/{len(items)}", end="", file=sys.stderr, flush=True)
        yield item
    if sys.stderr.isatty():
        print(f"\r[{'#' * 30}] {len(items)}/{len(items)}", file=sys.stderr)


def stream(voice: Any, text: str, timings: str | None, options: dict[str, Any]) -> None:
    """Raw samples to standard output, each piece as soon as it is made."""
    import numpy as np

    from espnet2_nix.runtime.timings import Timings

    record = Timings(voice.sample_rate)
    try:
        for piece in voice.stream(text, timings=record, **options):
            sys.stdout.buffer.write(np.rint(piece * 32767).astype("<i2").tobytes())
            sys.stdout.buffer.flush()
    except BrokenPipeError:  # the player was closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    if timings is not None:
        record.write(timings)


def speak_with_pack(args: argparse.Namespace, text: str) -> None:
    """Speaks with a pack of stage 11, on PyTorch."""
    try:
        from espnet2_nix.inference import Text2Speech
    except ImportError as error:
        raise UserError(f"speaking with a pack needs PyTorch: pip install 'espnet2_nix[train]' ({error})") from error
    from espnet2_nix.runtime import Audio
    from espnet2_nix.runtime.timings import Timings

    text2speech = Text2Speech.from_pretrained(args.model, speed=args.speed, noise_scale=args.noise_scale)
    wav = text2speech(text, seed=args.seed)["wav"].clamp(-1.0, 1.0).cpu().numpy()
    write(Audio(wav, text2speech.fs, Timings(text2speech.fs)), Path(args.output), None)


if __name__ == "__main__":
    main()
