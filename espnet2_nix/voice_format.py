"""The format of a voice: what voice.json holds, read, checked and written here alone; and what a speaker may ask for."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from espnet2_nix.errors import UserError
from espnet2_nix.files import digest_of_file, write_text
from espnet2_nix.text import Lexicon

FORMAT_VERSION = 1
INFO = "voice.json"
TEXT_ENCODER, LATENT_ENCODER, DECODER = "text_encoder.onnx", "latent_encoder.onnx", "decoder.onnx"
GRAPHS = (TEXT_ENCODER, LATENT_ENCODER, DECODER)
SPEEDS = (0.1, 10.0)
"""Slowest and fastest factor on the rate of speech: beyond them nothing is understood, and a piece takes gigabytes."""
MAX_NOISE_SCALE = 3.0
MAX_SEED = 2**63 - 1
WHERE = "a voice is the folder that stage 12 writes: exp/nix_tts/voice"


class VoiceError(UserError):
    """A voice that cannot be used, or a text that cannot be spoken; the message says what to do."""


@dataclass(frozen=True)
class SpeakOptions:
    """How a text is spoken.

    Attributes:
        speed: Factor on the rate of speech, 0.1 to 10.
        noise_scale: Factor on the latent's standard deviation, 0 to 3: liveliness; None is the voice's default.
        seed: The same text and seed give the same samples; 0 or more.
        lexicon: A user's dictionary.

    Raises:
        VoiceError: If a value is out of range.
    """

    speed: float = 1.0
    noise_scale: float | None = None
    seed: int = 0
    lexicon: Lexicon | None = None

    def __post_init__(self) -> None:
        slowest, fastest = SPEEDS
        if not _in_range(self.speed, slowest, fastest):
            raise VoiceError(f"speed: expected a factor of {slowest:g} to {fastest:g}, found {self.speed}")
        if self.noise_scale is not None and not _in_range(self.noise_scale, 0, MAX_NOISE_SCALE):
            raise VoiceError(f"noise_scale: expected 0 to {MAX_NOISE_SCALE:g}, found {self.noise_scale}")
        if not isinstance(self.seed, Integral) or not 0 <= self.seed <= MAX_SEED:
            raise VoiceError(f"seed: expected a whole number of 0 to {MAX_SEED}, found {self.seed}")


@dataclass(frozen=True)
class VoiceInfo:
    """What voice.json holds.

    Attributes:
        sample_rate: Samples a second.
        hop_length: Samples a frame.
        token_list: Tokens in the order of their ids.
        frontend: ``name`` and ``version`` of the text front-end that made the tokens.
        receptive_field: Frames to the left and to the right that a frame depends on, of ``latent_encoder`` and ``decoder``.
        noise_scale: The default, see `SpeakOptions`.
        sha256: SHA-256 of every other file of the voice, by name.
        name: What the voice is called.
        espnet2_nix: Version of the package that made it.
        precision: Of the stored weights: ``fp32``, ``fp16`` or ``int8``.
        languages: ISO 639-1 codes.
        corpus: What the student learnt from.
        license: Licence of that corpus, which the voice carries.
        facts: Further entries, which speaking does not need.
    """

    sample_rate: int
    hop_length: int
    token_list: tuple[str, ...]
    frontend: Mapping[str, str]
    receptive_field: Mapping[str, tuple[int, int]]
    noise_scale: float
    sha256: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    espnet2_nix: str = ""
    precision: str = "fp32"
    languages: tuple[str, ...] = ("ko",)
    corpus: str = ""
    license: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    @staticmethod
    def read(folder: str | os.PathLike[str]) -> VoiceInfo:
        """Reads and checks voice.json.

        Args:
            folder: A voice.

        Raises:
            VoiceError: If it is missing, damaged, of another format version, or an entry is not as it must be; file and
                entry are named.
        """
        folder = Path(folder)
        file = folder / INFO
        if not folder.is_dir():
            raise VoiceError(f"{folder} is no folder; {WHERE}")
        if not file.is_file():
            raise VoiceError(f"{file} not found; {WHERE}")
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise VoiceError(f"{file} is damaged: {error}; copy or export the voice again") from error
        version = content.get("format_version") if isinstance(content, dict) else None
        if version != FORMAT_VERSION:
            raise VoiceError(
                f"{file}: format version {version}, this package reads version {FORMAT_VERSION}; "
                "install the espnet2_nix that made the voice, or export it again"
            )
        return _Reader(file, content).info()

    def write(self, folder: str | os.PathLike[str]) -> None:
        """Writes voice.json into a folder."""
        content = {
            "format_version": FORMAT_VERSION,
            "name": self.name,
            "espnet2_nix": self.espnet2_nix,
            "precision": self.precision,
            "languages": list(self.languages),
            "corpus": self.corpus,
            "license": self.license,
            "sample_rate": self.sample_rate,
            "hop_length": self.hop_length,
            "token_list": list(self.token_list),
            "frontend": dict(self.frontend),
            "receptive_field": {name: list(frames) for name, frames in self.receptive_field.items()},
            "defaults": {"noise_scale": self.noise_scale, "speed": 1.0},
            **self.facts,
            "sha256": dict(self.sha256),
        }
        write_text(Path(folder) / INFO, json.dumps(content, ensure_ascii=False, indent=1) + "\n")

    def with_hashes(self, folder: str | os.PathLike[str], names: tuple[str, ...]) -> VoiceInfo:
        """The same with the SHA-256 of files in a folder."""
        return dataclasses.replace(self, sha256={name: digest_of_file(Path(folder) / name) for name in names})

    def check_files(self, folder: str | os.PathLike[str]) -> None:
        """Compares the files of a voice with their hashes.

        Raises:
            VoiceError: If one is missing or damaged.
        """
        for name, wanted in self.sha256.items():
            path = Path(folder) / name
            if not path.is_file():
                raise VoiceError(f"{path} not found; the voice is incomplete, copy its whole folder again")
            found = digest_of_file(path)
            if found != wanted:
                raise VoiceError(
                    f"{path} is damaged: its SHA-256 begins {found[:12]}, {INFO} says {wanted[:12]}; copy it again"
                )


class _Reader:
    """The entries of one voice.json, each checked.

    Args:
        file: For the messages.
        content: What it holds.
    """

    def __init__(self, file: Path, content: dict[str, Any]) -> None:
        self.file, self.content = file, content

    def info(self) -> VoiceInfo:
        wanted = ("sample_rate", "hop_length", "token_list", "frontend", "receptive_field", "defaults", "sha256")
        if missing := sorted(set(wanted) - self.content.keys()):
            raise VoiceError(f"{self.file} lacks {', '.join(missing)}; export the voice again")
        sample_rate = self.integer("sample_rate", 1000, 384_000)
        described = {"format_version", "name", "espnet2_nix", "precision", "languages", "corpus", "license", *wanted}
        return VoiceInfo(
            sample_rate=sample_rate,
            hop_length=self.integer("hop_length", 1, sample_rate),
            token_list=self.token_list(),
            frontend=self.frontend(),
            receptive_field={name: self.receptive_field(name) for name in ("latent_encoder", "decoder")},
            noise_scale=self.noise_scale(),
            sha256=self.hashes(),
            name=self.string("name"),
            espnet2_nix=self.string("espnet2_nix"),
            precision=self.string("precision"),
            languages=self.languages(),
            corpus=self.string("corpus"),
            license=self.string("license"),
            facts={name: value for name, value in self.content.items() if name not in described},
        )

    def refusal(self, name: str, expected: str, found: object) -> VoiceError:
        shown = repr(found)
        shown = shown if len(shown) <= 60 else f"{shown[:60]}…"
        return VoiceError(f"{self.file}, {name}: expected {expected}, found {shown}; export the voice again")

    def integer(self, name: str, low: int, high: int) -> int:
        value = self.content[name]
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.refusal(name, f"a whole number of {low} to {high}", value)
        return value

    def string(self, name: str) -> str:
        value = self.content.get(name, "")
        if not isinstance(value, str):
            raise self.refusal(name, "a string", value)
        return value

    def token_list(self) -> tuple[str, ...]:
        tokens = self.content["token_list"]
        if not _is_list_of_strings(tokens) or not tokens or len(set(tokens)) != len(tokens):
            raise self.refusal("token_list", "a list of different tokens", tokens)
        return tuple(tokens)

    def languages(self) -> tuple[str, ...]:
        languages = self.content.get("languages", ["ko"])
        if not _is_list_of_strings(languages):
            raise self.refusal("languages", "a list of strings", languages)
        return tuple(languages)

    def frontend(self) -> dict[str, str]:
        frontend = self.content["frontend"]
        if not isinstance(frontend, dict) or not all(isinstance(frontend.get(n), str) for n in ("name", "version")):
            raise self.refusal("frontend", "name and version", frontend)
        return {name: frontend[name] for name in ("name", "version")}

    def receptive_field(self, name: str) -> tuple[int, int]:
        fields = self.content["receptive_field"]
        frames = fields.get(name) if isinstance(fields, dict) else None
        ok = isinstance(frames, list) and len(frames) == 2
        if not ok or not all(type(n) is int and 0 <= n <= 100_000 for n in frames or ()):
            raise self.refusal(f"receptive_field.{name}", "two numbers of frames", frames)
        assert frames is not None
        return frames[0], frames[1]

    def noise_scale(self) -> float:
        defaults = self.content["defaults"]
        value = defaults.get("noise_scale") if isinstance(defaults, dict) else None
        if not _in_range(value, 0, MAX_NOISE_SCALE):
            raise self.refusal("defaults.noise_scale", f"a number of 0 to {MAX_NOISE_SCALE:g}", value)
        assert value is not None
        return float(value)

    def hashes(self) -> dict[str, str]:
        hashes = self.content["sha256"]
        if not isinstance(hashes, dict):
            raise self.refusal("sha256", "hashes by file name", hashes)
        for name, digest in hashes.items():
            # A plain name: what lies outside the voice's folder is none of its business.
            if not re.fullmatch(r"\w[\w.-]*", name, re.ASCII):
                raise self.refusal("sha256", "names of files in the voice's folder", name)
            if not isinstance(digest, str) or not re.fullmatch(r"[0-9a-f]{64}", digest):
                raise self.refusal(f"sha256 of {name}", "64 hexadecimal digits", digest)
        if missing := [name for name in GRAPHS if name not in hashes]:
            raise VoiceError(f"{self.file} lists no {', '.join(missing)}; export the voice again (stage 12)")
        return dict(hashes)


def _in_range(value: object, low: float, high: float) -> bool:
    """Whether it is a finite number of that range; true and false are none."""
    return isinstance(value, Real) and not isinstance(value, bool) and low <= float(value) <= high < math.inf


def _is_list_of_strings(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) and item for item in value)
