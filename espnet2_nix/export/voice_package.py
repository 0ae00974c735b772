"""Writes a voice as a Python distribution, `nix-tts-voice-NAME`, which pip installs and the runtime finds by its entry point."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.version import InvalidVersion, Version

from espnet2_nix.errors import MissingFileError
from espnet2_nix.export.errors import ExportError
from espnet2_nix.files import replace_folder
from espnet2_nix.version import __version__
from espnet2_nix.voice_format import INFO, VoiceInfo

ENTRY_POINTS = "espnet2_nix.voices"
_PYPROJECT = """\
[build-system]
requires = ["setuptools>=77.0.3"]
build-backend = "setuptools.build_meta"

[project]
name = {distribution}
version = {version}
description = {description}
readme = "README.md"
requires-python = ">=3.11"
license = {license}
license-files = ["LICENSE"]
keywords = ["text-to-speech", "korean", "nix-tts", "voice"]
dependencies = [{requirement}]

[project.entry-points.{group}]
{name} = {package}

[tool.setuptools]
packages = [{package}]

[tool.setuptools.package-data]
{package} = ["*"]
"""
_CARD = """\
# {distribution}

A Korean voice for espnet2_nix, trained on {corpus}. It speaks on a CPU, without PyTorch.

```sh
pip install espnet2_nix {distribution}
nix-tts "안녕하세요."                          # plays it; -o hello.wav writes a file
```

```python
from espnet2_nix.runtime import Voice

Voice.load("{name}").synthesize("안녕하세요.").write("hello.wav")
```

## Voice
| | |
|---|---|
{facts}
"""


class VoicePackageError(ExportError):
    """A package that must not be written; the message says why."""


@dataclass(frozen=True)
class Experiment:
    """What a model card tells of how the voice came to be; what is not known is left out.

    Attributes:
        data: A line a set: clips and minutes.
        trainings: A line a training: steps, epochs, hours.
        results: Tables of stage 10, in Markdown.
        remarks: Free text of whoever ships the voice, in Markdown: hardware, limits.
    """

    data: tuple[str, ...] = ()
    trainings: tuple[str, ...] = ()
    results: str = ""
    remarks: str = ""


def distribution_name(name: str) -> str:
    """The distribution of a voice's name.

    Raises:
        VoicePackageError: If the name is no plain one.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        raise VoicePackageError(
            f"voice's name: expected up to 40 of a-z, 0-9 and _, a letter first, found {name!r}; give --voice_package NAME"
        )
    return f"nix-tts-voice-{name.replace('_', '-')}"


def write_voice_package(
    voice_dir: str | Path,
    name: str,
    outdir: str | Path,
    version: str = "1.0.0",
    attribution: str = "",
    experiment: Experiment | None = None,
) -> Path:
    """Writes the distribution of a voice.

    Args:
        voice_dir: The folder of a voice (stage 12).
        name: What the voice is called: letters a-z, digits and _.
        outdir: Where to write; a folder that such a package was written to before is replaced.
        version: Of the distribution.
        attribution: Who made the corpus and where it is, as its licence demands.
        experiment: What the model card tells beside the voice's own facts.

    Returns:
        `outdir`.

    Raises:
        VoicePackageError: If the name or version is none, the voice is incomplete, or the folder holds something else.
        MissingFileError: If there is no voice.
    """
    voice_dir, outdir = Path(voice_dir), Path(outdir)
    distribution, package = distribution_name(name), f"nix_tts_voice_{name}"
    try:
        version = str(Version(version))
    except InvalidVersion as error:
        raise VoicePackageError(f"version: expected one like 1.0.0, found {version!r}") from error
    if not (voice_dir / INFO).is_file():
        raise MissingFileError(f"{voice_dir / INFO} not found; stage 12 writes it: ./run.sh --stage 12 --stop_stage 12")
    info = VoiceInfo.read(voice_dir)
    if outdir.exists() and not _is_voice_package(outdir):
        raise VoicePackageError(
            f"{outdir} is there and is no package of a voice: it is not replaced; give another folder"
        )
    # The whole voice must be there before anything is written: its own list says what belongs to it.
    members = [INFO, *info.sha256]
    missing = [member for member in members if not (voice_dir / member).is_file()]
    if missing:
        raise VoicePackageError(f"{voice_dir} lacks {', '.join(missing)}; export the voice again (stage 12)")
    with replace_folder(outdir) as aside:
        (aside / package).mkdir()
        for member in members:
            shutil.copyfile(voice_dir / member, aside / package / member)
        (aside / package / "__init__.py").write_text(
            f'"""The voice {name}: data for espnet2_nix.runtime."""\n', encoding="utf-8"
        )
        values = {
            "distribution": distribution,
            "version": version,
            "description": f"A Korean voice for espnet2_nix, trained on {info.corpus}",
            "license": _license_expression(info.license),
            "requirement": f"espnet2_nix>={__version__}",
            "group": ENTRY_POINTS,
            "name": name,
            "package": package,
        }
        # JSON's strings are TOML's.
        pyproject = _PYPROJECT.format(**{key: json.dumps(value, ensure_ascii=False) for key, value in values.items()})
        (aside / "pyproject.toml").write_text(pyproject, encoding="utf-8")
        (aside / "LICENSE").write_text(_licence(voice_dir, info, attribution), encoding="utf-8")
        card = _card(
            name, distribution, info, sum((voice_dir / m).stat().st_size for m in members), attribution, experiment
        )
        (aside / "README.md").write_text(card, encoding="utf-8")
    return outdir


def _is_voice_package(folder: Path) -> bool:
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    except (OSError, KeyError, ValueError):
        return folder.is_dir() and not any(folder.iterdir())
    return ENTRY_POINTS in project.get("entry-points", {})


def _license_expression(license_name: str) -> str:
    """The licence as SPDX has it; one that SPDX does not know gets a name of its own."""
    try:
        return str(canonicalize_license_expression(license_name))
    except InvalidLicenseExpression:
        return "LicenseRef-" + re.sub(r"[^A-Za-z0-9.-]+", "-", license_name).strip("-")


def _licence(voice_dir: Path, info: VoiceInfo, attribution: str) -> str:
    """What the voice says of its licence, and whom it owes to."""
    lines = [(voice_dir / "LICENSE").read_text(encoding="utf-8").strip()]
    for line in (info.facts.get("init_license"), f"Corpus: {attribution}" if attribution else None):
        if line and line not in lines[0]:
            lines.append(line)
    if info.license.upper().startswith("CC"):
        lines.append(f"The terms: {_creative_commons(info.license)}")
    return "\n\n".join(lines) + "\n"


def _creative_commons(license_name: str) -> str:
    """Where the text of a Creative Commons licence is."""
    kind, _, version = license_name.lower().removeprefix("cc-").rpartition("-")
    if kind in ("", "cc0") or license_name.lower().startswith("cc0"):
        return "https://creativecommons.org/publicdomain/zero/1.0/legalcode"
    return f"https://creativecommons.org/licenses/{kind}/{version}/legalcode"


def _card(
    name: str, distribution: str, info: VoiceInfo, size: int, attribution: str, experiment: Experiment | None
) -> str:
    experiment = experiment or Experiment()
    facts = {
        "language": "Korean",
        "corpus": f"{info.corpus}{f' ({attribution})' if attribution else ''}",
        "licence": f"{info.license}, see LICENSE",
        "sampling rate": f"{info.sample_rate} Hz",
        "weights": f"{info.precision}, {size / 1e6:.1f} MB in all",
        "text front-end": f"{info.frontend['name']} {info.frontend['version']}",
        "made with": f"espnet2_nix {info.espnet2_nix}",
    }
    card = _CARD.format(
        distribution=distribution,
        corpus=info.corpus,
        name=name,
        facts="\n".join(f"| {key} | {value} |" for key, value in facts.items()),
    )
    for title, text in (
        ("Data", "\n".join(f"- {line}" for line in experiment.data)),
        ("Training", "\n".join(f"- {line}" for line in experiment.trainings)),
        ("Results", experiment.results),
        ("Remarks", experiment.remarks),
    ):
        if text.strip():
            card += f"\n## {title}\n{text.strip()}\n"
    return card
