"""Configuration and weights of a finished ESPnet model, wherever they lie: in a folder, side by side, in a pack."""

from __future__ import annotations

from pathlib import Path

from espnet2_nix.errors import MissingFileError, UserError

AVERAGE = "train.total_count.ave.pth"


def unpack_model(packed_model: str | Path, folder: str | Path) -> dict[str, str]:
    """Unpacks a packed text-to-speech model; nothing of it is executed.

    Args:
        packed_model: The zip file.
        folder: An empty folder.

    Returns:
        Paths of ``train_config`` and ``model_file``.

    Raises:
        MissingFileError: If there is no such file.
        UserError: If it is no pack of a text-to-speech model.
    """
    from espnet2.main_funcs.pack_funcs import unpack

    if not Path(packed_model).is_file():
        raise MissingFileError(f"{packed_model} not found; stage 11 writes it: ./run.sh --stage 11 --stop_stage 11")
    try:
        files = unpack(packed_model, folder, use_cache=False)
    except Exception as error:  # zipfile, tarfile and yaml raise half a dozen classes for a damaged file
        raise UserError(f"{packed_model} cannot be unpacked as an ESPnet model: {error}") from error
    if not {"train_config", "model_file"} <= files.keys():
        raise UserError(f"{packed_model}: expected train_config and model_file, found {sorted(files)}")
    return {name: files[name] for name in ("train_config", "model_file")}


def find_files(model: Path, folder: str | Path) -> tuple[Path, Path]:
    """Finds configuration and weights of a model.

    Args:
        model: Folder of a training, its weights (``.pth``) with ``config.yaml`` beside them, or a pack (zip).
        folder: An empty folder, for what is packed.

    Raises:
        MissingFileError: If there is no such file or folder, or no configuration.
        UserError: If it is no pack, or it is not clear which weights are meant.
    """
    if model.is_file() and model.suffix != ".pth":
        files = unpack_model(model, folder)
        return Path(files["train_config"]), Path(files["model_file"])
    config = (model.parent if model.suffix == ".pth" else model) / "config.yaml"
    if not model.exists() or not config.is_file():
        missing = config if model.exists() else model
        raise MissingFileError(
            f"{missing} not found; expected the folder of an ESPnet training, its weights (.pth) with config.yaml beside them, "
            "or a zip file of the model zoo"
        )
    if model.is_file():
        return config, model
    for name in ("model.pth", AVERAGE):
        if (model / name).is_file():
            return config, model / name
    found = sorted(path.name for path in model.glob("*.pth"))
    weights = [name for name in found if name != "checkpoint.pth"]
    if len(weights) != 1:
        raise UserError(
            f"{model}: expected model.pth or {AVERAGE}, found {', '.join(found) or 'no weights'}; "
            "copy the wanted file to model.pth beside config.yaml"
        )
    return config, model / weights[0]
