"""Describes a student as JSON: parameters of each module, sampling rate, front-end and receptive fields."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from typing import Any

from espnet2_nix.bin import command


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=None, help="a pack (zip) of stage 11")
    parser.add_argument("--encoder_config", default=None, help="YAML of an encoder training")
    parser.add_argument("--decoder_config", default=None, help="YAML of a decoder training")
    return parser


def describe_pack(model: str) -> dict[str, Any]:
    """The description of a packed student."""
    from espnet2_nix.models.model_files import unpack_model
    from espnet2_nix.student.checkpoint import load_student
    from espnet2_nix.student.description import describe

    with tempfile.TemporaryDirectory() as folder:
        files = unpack_model(model, folder)
        student, config = load_student(files["train_config"], files["model_file"])
    return describe(student.tts, frontend=config.frontend, corpus=config.corpus, license=config.license)


def describe_configs(encoder_config: str, decoder_config: str) -> dict[str, Any]:
    """The description of the student that two training configurations would give."""
    from espnet2_nix.student.description import describe_configs as describe

    return describe(encoder_config, decoder_config)


@command
def main(cmd: Sequence[str] | None = None) -> None:
    parser = get_parser()
    args = parser.parse_args(cmd)
    both = args.encoder_config is not None and args.decoder_config is not None
    if (args.model is not None) == both or (args.model is not None and (args.encoder_config or args.decoder_config)):
        parser.error("give either --model, or both --encoder_config and --decoder_config")
    info = describe_pack(args.model) if args.model else describe_configs(args.encoder_config, args.decoder_config)
    print(json.dumps(info, ensure_ascii=False, indent=2))


if __name__ == "__main__":
    main()
