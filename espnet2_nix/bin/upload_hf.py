"""Stage 13: uploads a pack to a Hugging Face repository, unpacked as ESPnet's from_pretrained expects it."""

from __future__ import annotations

import argparse
import logging
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from espnet2_nix.bin import command
from espnet2_nix.errors import UserError

logger = logging.getLogger(__name__)


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packed_model", required=True, help="the zip file of stage 11")
    parser.add_argument("--hf_repo", required=True, help="user/name")
    return parser


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    if not Path(args.packed_model).is_file():
        raise UserError(f"{args.packed_model} not found; stage 11 writes it: ./run.sh --stage 11 --stop_stage 11")
    try:
        from huggingface_hub import HfApi
    except ImportError as error:
        raise UserError("the package huggingface_hub is missing: pip install huggingface_hub") from error
    api = HfApi()
    try:
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(args.packed_model) as archive:
            archive.extractall(folder)
            api.create_repo(args.hf_repo, exist_ok=True)
            api.upload_folder(repo_id=args.hf_repo, folder_path=folder)
    except Exception as error:  # the hub's client raises its own and requests' classes
        raise UserError(f"{args.hf_repo}: {error}; log in with 'hf auth login', then run the stage again") from error
    logger.info("https://huggingface.co/%s", args.hf_repo)


if __name__ == "__main__":
    main()
