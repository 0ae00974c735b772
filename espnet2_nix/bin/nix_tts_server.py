"""Serves voices: nix-tts-server speaks to OpenAI's clients at http://127.0.0.1:8000/v1, and has a page at /"""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from espnet2_nix.bin import command
from espnet2_nix.errors import UserError

logger = logging.getLogger(__name__)


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nix-tts-server",
        description=__doc__,
        epilog="NIX_TTS_TOKEN is the bearer token that clients must send; without it none is asked for. NIX_TTS_VOICES names "
        "folders of voices, parted by colons.",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen at; 0.0.0.0: every network of this machine"
    )
    parser.add_argument("--port", type=int, default=8000, help="port to listen at")
    parser.add_argument(
        "--wyoming", default=None, help="also serve Home Assistant's protocol, e.g. tcp://0.0.0.0:10200"
    )
    parser.add_argument(
        "--voice", action="append", default=[], help="serve these only, the first is the default: name or folder"
    )
    parser.add_argument(
        "--token_file", default=None, help="a file that holds the bearer token, in place of NIX_TTS_TOKEN"
    )
    parser.add_argument(
        "--cors_origin", action="append", default=[], help="let pages of this origin call, e.g. https://a.org"
    )
    parser.add_argument("--max_characters", type=int, default=4096, help="characters of a text")
    parser.add_argument("--max_requests", type=int, default=16, help="texts that are spoken at once")
    parser.add_argument("--max_queue", type=int, default=256, help="requests that wait; those beyond get 503")
    parser.add_argument("--max_seconds", type=float, default=120.0, help="seconds of a request, waiting included")
    parser.add_argument("--max_memory", type=float, default=1024.0, help="megabytes of loaded voices")
    parser.add_argument("--threads", type=int, default=0, help="threads that compute; 0: as many as cores")
    parser.add_argument("--drain_seconds", type=int, default=30, help="after SIGTERM, time for what is being spoken")
    return parser


def served_voices(wanted: Sequence[str]) -> dict[str, Path]:
    """Voices by name: those at hand, or the wanted ones in their order.

    Raises:
        UserError: If one is not there, or none.
    """
    from espnet2_nix.runtime.installed import find_voice, voices

    if not wanted:
        found = voices()
        if not found:
            raise UserError(
                "no voice is installed: pip install a voice's package, give --voice FOLDER, or set NIX_TTS_VOICES"
            )
        return found
    found = {}
    for voice in wanted:
        folder = find_voice(voice)
        if not (folder / "voice.json").is_file():
            raise UserError(
                f"--voice {voice}: neither a voice's folder nor the name of a voice; nix-tts --list_voices lists them"
            )
        found[folder.name if Path(voice).is_dir() else voice] = folder
    return found


def read_token(token_file: str | None) -> str:
    """The bearer token; "" is none.

    Raises:
        UserError: If the file cannot be read or is empty.
    """
    if token_file is None:
        return os.environ.get("NIX_TTS_TOKEN", "").strip()
    try:
        token = Path(token_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--token_file: {token_file} cannot be read: {error}") from error
    if not token:
        raise UserError(f"--token_file: {token_file} is empty; write the token into it")
    return token


@command
def main(cmd: Sequence[str] | None = None) -> None:
    parser = get_parser()
    args = parser.parse_args(cmd)
    for name in ("max_characters", "max_requests", "max_seconds", "max_memory"):
        if not getattr(args, name) > 0:
            parser.error(f"--{name}: expected more than 0, found {getattr(args, name)}")
    for name in ("max_queue", "threads", "drain_seconds"):
        if getattr(args, name) < 0:
            parser.error(f"--{name}: expected 0 or more, found {getattr(args, name)}")
    if args.wyoming is not None and not args.wyoming.startswith(("tcp://", "unix://")):
        parser.error(f"--wyoming: expected tcp://HOST:PORT or unix://FILE, found {args.wyoming}")
    try:
        import uvicorn

        from espnet2_nix.server.api import create_app
        from espnet2_nix.server.settings import Settings, usable_cores
    except ImportError as error:
        raise UserError(f"the server needs more packages: pip install 'espnet2_nix[server]' ({error})") from error
    token = read_token(args.token_file)
    if not token and args.host not in ("127.0.0.1", "::1", "localhost"):
        logger.warning(
            "%s is reached from other machines, and no token is set: anyone there may use the server", args.host
        )
    settings = Settings(
        token=token,
        cors_origins=tuple(args.cors_origin),
        max_characters=args.max_characters,
        max_body=20 * args.max_characters + 20_000,  # a character takes up to twelve bytes in JSON
        max_requests=args.max_requests,
        max_queue=args.max_queue,
        max_seconds=args.max_seconds,
        max_memory=args.max_memory,
        threads=args.threads or usable_cores(),
    )
    voices = served_voices(args.voice)
    logger.info("voices: %s", ", ".join(voices))
    uvicorn.run(
        create_app(voices, settings, args.wyoming),
        host=args.host,
        port=args.port,
        timeout_graceful_shutdown=args.drain_seconds,
        timeout_keep_alive=30,
        h11_max_incomplete_event_size=64 * 1024,
        server_header=False,
        log_config=None,
        access_log=False,
    )


if __name__ == "__main__":
    main()
