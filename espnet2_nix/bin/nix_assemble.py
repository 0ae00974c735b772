"""Stage 9: joins a distilled encoder and a distilled decoder into one student."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence

from espnet2_nix.bin import command

logger = logging.getLogger(__name__)


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder_train_config", required=True, help="config.yaml of stage 7")
    parser.add_argument("--encoder_model_file", required=True, help="its checkpoint")
    parser.add_argument("--decoder_train_config", required=True, help="config.yaml of stage 8")
    parser.add_argument("--decoder_model_file", required=True, help="its checkpoint")
    parser.add_argument("--corpus", required=True, help="name of the corpus, stored in the model")
    parser.add_argument("--license", required=True, help="licence of the corpus, which the model carries")
    parser.add_argument("--output_dir", required=True, help="writes config.yaml and model.pth")
    return parser


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    from espnet2_nix.student.assembly import assemble
    from espnet2_nix.student.checkpoint import save_student

    model, config = assemble(
        args.encoder_train_config,
        args.encoder_model_file,
        args.decoder_train_config,
        args.decoder_model_file,
        corpus=args.corpus,
        license=args.license,
    )
    save_student(model, config, args.output_dir)
    parameters = sum(parameter.numel() for parameter in model.tts.parameters())
    logger.info("%s/model.pth: %s parameters", args.output_dir, f"{parameters:,}")


if __name__ == "__main__":
    main()
