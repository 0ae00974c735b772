"""Speaks Korean text: nix-tts "안녕하세요." plays it, -o hello.wav writes a file"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from espnet2_nix.bin import command
from espnet2_nix.data.errors import DataError
from espnet2_nix.data.text_files import read_each_line
from espnet2_nix.errors import UserError
from espnet2_nix.files import explained, is_stream

logger = logging.getLogger(__name__)
MOST_THREADS = 64
CHUNK = 512  # latent frames that are held at a time while a file is written


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nix-tts",
        description=__doc__,
        epilog="Exit codes: 0 spoken, 1 something is missing or cannot be read or written (with --file: a line at least), 2 wrong "
        "options, 130 interrupted. NIX_TTS_VOICES names folders of "
        "voices, parted by colons. The default is the first voice that --list_voices shows.",
    )
    parser.add_argument("text", nargs="?", default=None, help="what to say; standard input when missing")
    parser.add_argument("--voice", default=None, help="an installed voice's name, or a voice's folder (stage 12)")
    parser.add_argument("--model", default=None, help="a pack (zip) of stage 11 in place of a voice; needs PyTorch")
    parser.add_argument(
        "--list_voices", action="store_true", help="list the voices at hand: under NIX_TTS_VOICES, and installed"
    )
    parser.add_argument(
        "-o",
        "--output",
        default=None,
        help="the file to write: .wav, .flac, .ogg, .opus or .mp3; without it, speech is played",
    )
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

        say("\n".join(f"{name}\t{path}" for name, path in voices().items()))
        return
    if args.file is not None and (args.output_dir is None or args.text is not None or args.output or args.stream):
        parser.error("--file needs --output_dir, and neither a text, nor -o, nor --stream")
    if args.stream and args.output is not None:
        parser.error("give -o FILE.wav or --stream, not both")
    if args.file is not None and args.timings is not None:
        parser.error("--timings is for one text; speak the lines one by one to get timings of each")
    most = max(os.cpu_count() or 1, MOST_THREADS)
    if not 1 <= args.threads <= most:
        parser.error(f"--threads: expected 1 to {most}, found {args.threads}")
    if args.model is not None and (args.stream or args.timings or args.file):
        parser.error("--stream, --timings and --file need a voice (--voice), not a pack")
    if args.model is not None and args.output is None:
        parser.error("--model needs -o FILE.wav")
    from espnet2_nix.runtime.audio_file import audio_format
    from espnet2_nix.runtime.timings import check_ending
    from espnet2_nix.text import Lexicon

    if args.output is not None:  # before anything is computed
        audio_format(args.output)
    if args.timings is not None:
        check_ending(args.timings)
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
    text = args.text
    if text is None:
        if sys.stdin is None:
            raise UserError("expected a text to say: standard input is closed")
        try:
            # Bytes, since the locale of a service is often ASCII. A test's stand-in has no bytes.
            buffer = getattr(sys.stdin, "buffer", None)
            text = sys.stdin.read() if buffer is None else buffer.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise UserError(f"expected a text in UTF-8 on standard input: {error}") from error
    if not text.strip():
        raise UserError("expected a text to say, found none")
    return text


def say(line: str, to_stderr: bool = False) -> None:
    """Tells what was done; a closed output is no reason to fail."""
    out = sys.stderr if to_stderr else sys.stdout
    if out is None or not line:
        return
    with standard_output():
        print(line, file=out, flush=True)


@contextmanager
def standard_output() -> Iterator[None]:
    """What is written in it ends with one sentence where it cannot be written, and quietly where the reader has gone.

    Raises:
        UserError: Standard output is full, or cannot be written otherwise.
    """
    try:
        with explained("standard output"):
            yield
    except UserError as error:
        if not isinstance(error.__cause__, OSError):
            raise
        # What is left in Python's buffer would fail again when the process ends.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error.__cause__, BrokenPipeError):
            raise


def speak(voice: Any, args: argparse.Namespace, options: dict[str, Any]) -> None:
    """A file with -o, written as the speech is made, else the loudspeaker."""
    from espnet2_nix.runtime.audio_file import write_audio
    from espnet2_nix.runtime.timings import Timings

    text, record = read_text(args), None if args.timings is None else Timings(voice.sample_rate)
    if args.output is not None:
        pieces = voice.stream(text, chunk=CHUNK, timings=record, **options)
        num_samples = write_audio(args.output, pieces, voice.sample_rate)
        if record is not None:
            record.write(args.timings)
        say(f"{args.output}: {num_samples / voice.sample_rate:.2f} s", to_stderr=is_stream(args.output))
        return
    from espnet2_nix.runtime.players import find_player, play

    player = find_player()
    play(voice.stream(text, timings=record, **options), voice.sample_rate, player)
    if record is not None:
        record.write(args.timings)


def speak_file(voice: Any, args: argparse.Namespace, options: dict[str, Any]) -> None:
    """A wav file for each line; a line that cannot be spoken is named, and the others are spoken.

    Raises:
        UserError: Some lines could not be spoken; each was named before.
    """
    from espnet2_nix.runtime import VoiceError
    from espnet2_nix.runtime.audio_file import write_audio

    lines = enumerate(read_each_line(args.file), 1)
    todo = [(number, line) for number, line in lines if isinstance(line, DataError) or line.strip()]
    if not todo:
        raise UserError(f"{args.file}: expected lines of text, found none")
    failed = 0
    for number, line in progress_bar(todo):
        if isinstance(line, DataError):
            failed += 1
            logger.error("%s", line)
            continue
        try:
            pieces = voice.stream(line.strip(), chunk=CHUNK, **options)
            write_audio(Path(args.output_dir) / f"{number:04d}.wav", pieces, voice.sample_rate)
        except VoiceError as error:
            failed += 1
            logger.error("%s, line %d: %s", args.file, number, error)
    say(f"{args.output_dir}: {len(todo) - failed} files")
    if failed:
        raise UserError(f"{args.file}: {failed} of {len(todo)} lines could not be spoken, each is named above")


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

    if sys.stdout is None:
        raise UserError("--stream: standard output is closed")
    record = None if timings is None else Timings(voice.sample_rate)
    out = sys.stdout.buffer
    for piece in voice.stream(text, timings=record, **options):
        heard = False
        with standard_output():
            out.write(np.rint(piece * 32767).astype("<i2").tobytes())
            out.flush()
            heard = True
        if not heard:  # the player was closed
            return
    if record is not None and timings is not None:
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
    Audio(wav, text2speech.fs, Timings(text2speech.fs)).write(args.output)
    say(f"{args.output}: {len(wav) / text2speech.fs:.2f} s", to_stderr=is_stream(args.output))


if __name__ == "__main__":
    main()
