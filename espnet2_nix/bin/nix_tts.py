#!/usr/bin/env python3
"""Speaks Korean text: nix-tts "안녕하세요." --model FILE.zip -o hello.wav"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from espnet2_nix.bin import command
from espnet2_nix.data.errors import DataError


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nix-tts", description=__doc__)
    parser.add_argument("text", nargs="?", default=None, help="what to say; standard input when missing")
    parser.add_argument("--model", required=True, help="a pack (zip) of stage 11, or a tag of the ESPnet model zoo")
    parser.add_argument("-o", "--output", required=True, help="the wav file to write")
    parser.add_argument("--speed", type=float, default=1.0, help="factor on the rate of speech")
    parser.add_argument("--noise_scale", type=float, default=None, help="liveliness; default: the model's own")
    parser.add_argument("--seed", type=int, default=0, help="the same text and seed give the same samples")
    return parser


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    text = sys.stdin.read() if args.text is None else args.text
    if not text.strip():
        raise DataError("expected a text to say, found none")
    try:
        import soundfile

        from espnet2_nix.inference.text2speech import Text2Speech
    except ImportError as error:
        raise DataError(f"speaking with a pack needs PyTorch: pip install 'espnet2_nix[train]' ({error})") from error
    try:
        text2speech = Text2Speech.from_pretrained(args.model, speed=args.speed, noise_scale=args.noise_scale)
        wav = text2speech(text, seed=args.seed)["wav"].clamp(-1.0, 1.0).cpu().numpy()
    except (FileNotFoundError, ValueError) as error:
        raise DataError(str(error)) from error
    output = Path(args.output)
    output.parent.mkdir(parents=True, exist_ok=True)
    aside = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        soundfile.write(aside, wav, text2speech.fs, subtype="PCM_16", format="WAV")
        os.replace(aside, output)
    finally:
        aside.unlink(missing_ok=True)
    print(f"{output}: {len(wav) / text2speech.fs:.2f} s")


if __name__ == "__main__":
    main()
