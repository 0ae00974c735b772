"""Pictures of an evaluation: mel-spectrograms, timings, scatter plots and the losses of a training.

Every function writes a PNG, whole or not at all, and returns the figure as it was saved.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import get_font_names
from matplotlib.text import Text
from matplotlib.ticker import LogLocator

from espnet2_nix.errors import MissingFileError, UserError
from espnet2_nix.files import replace_file

Curves = dict[str, dict[str, tuple[list[int], list[float]]]]

# matplotlib remembers the fonts it has seen: one installed later counts once ~/.cache/matplotlib is removed.
HANGUL_FONTS = ("Noto Sans CJK KR", "Noto Sans KR", "NanumGothic", "NanumBarunGothic", "Malgun Gothic", "AppleGothic")
LINE_STYLES, MARKERS = ("-", "--", ":", "-."), ("o", "^", "s", "D", "v", "x")
NOT_A_LOSS = ("time", "lr", "total_count", "mem_GB")
RESULTS = re.compile(r"INFO: (\d+)epoch results: (.*)\n")
JAMO_NAME = re.compile(r"HANGUL (?:CHOSEONG|JUNGSEONG|JONGSEONG) (.+)")
DPI = 120


def plot_mels(mels: Mapping[str, np.ndarray], path: str | os.PathLike[str], fs: int, hop_length: int) -> Figure:
    """Draws mel-spectrograms one below another, on one time axis and one colour scale, whose bar is the last panel.

    Args:
        mels: Title to picture (n_mels, T_feats), natural logarithm of the amplitude; T_feats may differ.
        path: The PNG to write.
        fs: Sampling rate in Hz.
        hop_length: Samples a frame.

    Raises:
        ValueError: If there is no picture, or one is empty or not of two axes.
    """
    _need(mels, "picture")
    mels = {title: np.asarray(mel) for title, mel in mels.items()}
    for title, mel in mels.items():
        if mel.ndim != 2 or mel.size == 0:
            raise ValueError(f"{title}: expected a picture (n_mels, T_feats), found the shape {mel.shape}")
    low, high = min(mel.min() for mel in mels.values()), max(mel.max() for mel in mels.values())
    figure = Figure(figsize=(8.0, 0.6 + 1.9 * len(mels)), layout="constrained")
    panels = figure.subplots(len(mels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (title, mel) in zip(panels, mels.items(), strict=True):
        extent = (0.0, mel.shape[1] * hop_length / fs, 0.0, float(mel.shape[0]))
        image = axes.imshow(mel, aspect="auto", origin="lower", extent=extent, vmin=low, vmax=high, cmap="magma")
        axes.set(title=title, ylabel="mel band")
    panels[0].set_xlim(0.0, max(mel.shape[1] for mel in mels.values()) * hop_length / fs)
    panels[-1].set_xlabel("time (s)")
    figure.colorbar(image, ax=list(panels), label="log amplitude")
    return _save(figure, path)


def plot_alignment(
    durations: Mapping[str, np.ndarray], tokens: Sequence[str], path: str | os.PathLike[str], hop_seconds: float
) -> Figure:
    """Draws where each system starts each token: a step line of the token's index against time.

    Args:
        durations: System to frames a token (T_text,); a duration of zero gives no step.
        tokens: The T_text tokens; jamo stand at the axis as letters, or in Latin where no Korean font is installed.
        path: The PNG to write.
        hop_seconds: Length of a frame in seconds.

    Raises:
        ValueError: If there is no system, or one has not one duration a token, or a negative one.
    """
    _need(durations, "system")
    figure = Figure(figsize=(8.0, float(np.clip(1.2 + 0.12 * len(tokens), 3.0, 16.0))), layout="constrained")
    axes = figure.subplots()
    for number, (system, frames) in enumerate(durations.items()):
        frames = np.asarray(frames)
        if frames.shape != (len(tokens),) or (frames < 0).any():
            raise ValueError(f"{system}: expected {len(tokens)} durations of zero or more, found {frames.tolist()}")
        bounds = np.concatenate([[0], np.cumsum(frames)]) * hop_seconds  # (T_text + 1,)
        heights = np.append(np.arange(len(tokens)), len(tokens) - 1)
        style = LINE_STYLES[number % len(LINE_STYLES)]
        axes.step(bounds, heights, where="post", linestyle=style, label=f"{system}, {bounds[-1]:.2f} s")
    size = min(7.0, 900.0 / max(1, len(tokens)))  # points; the height of the figure has an end
    axes.set_yticks(range(len(tokens)), token_labels(tokens, _hangul_font() is not None), fontsize=size)
    axes.set(xlabel="time (s)", ylabel="token", xlim=(0.0, None), ylim=(-1, len(tokens)))
    axes.grid(alpha=0.25)
    axes.legend(loc="upper left")
    return _save(figure, path)


def plot_scatter(
    values: Mapping[str, tuple[np.ndarray, np.ndarray]], path: str | os.PathLike[str], xlabel: str, ylabel: str
) -> Figure:
    """Draws one point an utterance, one colour and mark a system.

    Args:
        values: System to x (N,) and y (N,); N may differ between systems, points that are not finite are left out.
        path: The PNG to write.
        xlabel: What x is, with its unit.
        ylabel: What y is, with its unit.

    Raises:
        ValueError: If there is no system, or x and y of one differ in length.
    """
    _need(values, "system")
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    axes = figure.subplots()
    for number, (system, pair) in enumerate(values.items()):
        x, y = (np.asarray(axis, dtype=float) for axis in pair)
        if x.ndim != 1 or x.shape != y.shape:
            raise ValueError(f"{system}: expected x and y (N,) of one length, found the shapes {x.shape} and {y.shape}")
        marker = MARKERS[number % len(MARKERS)]
        axes.scatter(x, y, s=22, alpha=0.7, marker=marker, label=f"{system}, n = {np.isfinite(x + y).sum()}")
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.grid(alpha=0.25)
    axes.legend()
    return _save(figure, path)


def plot_losses(
    curves: Mapping[str, Mapping[str, tuple[list[int], list[float]]]], path: str | os.PathLike[str]
) -> Figure:
    """Draws each loss in a panel of its own, a line a part of the data; logarithmic where it falls more than tenfold.

    Args:
        curves: Loss to `train` or `valid` to epochs and values, as `read_losses` gives it.
        path: The PNG to write.

    Raises:
        ValueError: If there is no loss: no epoch has ended yet.
    """
    _need(curves, "loss of an ended epoch")
    columns = min(3, len(curves))
    rows = -(-len(curves) // columns)
    figure = Figure(figsize=(0.6 + 3.4 * columns, 0.6 + 2.3 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(curves) :]:
        axes.remove()
    colours = {"train": "C0", "valid": "C1"}
    lines = {}
    for axes, (name, parts) in zip(panels[: len(curves)], curves.items(), strict=True):
        for part, (epochs, losses) in parts.items():
            colour = colours.setdefault(part, f"C{len(colours)}")
            (lines[part],) = axes.plot(epochs, losses, color=colour, linewidth=1.2, marker=".", markersize=3)
        together = np.concatenate([losses for _, losses in parts.values()])
        if together.min() > 0 and together.max() > 10 * together.min():
            axes.set_yscale("log", subs=())
            axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axes.yaxis.set_major_formatter("{x:g}")
        axes.set_title(name, fontsize=9)
        axes.set_xlabel("epoch", fontsize=8)
        axes.tick_params(labelsize=8)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.25)
    figure.legend(lines.values(), lines.keys(), loc="outside upper right", ncols=len(lines))
    return _save(figure, path)


def plot_curves(
    curves: Mapping[str, Sequence[tuple[float, float, float, float]]],
    path: str | os.PathLike[str],
    xlabel: str,
    ylabel: str,
) -> Figure:
    """Draws means with their intervals along a number, a line a system.

    Args:
        curves: System to points of number, mean, lower and upper end.
        path: The PNG to write.
        xlabel: What the number counts.
        ylabel: What was measured, with its unit.

    Raises:
        ValueError: If there is no point.
    """
    _need({name: points for name, points in curves.items() if points}, "point")
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.subplots()
    for index, (name, points) in enumerate(curves.items()):
        x, mean, low, high = np.array(sorted(points)).T
        style = LINE_STYLES[index % len(LINE_STYLES)]
        axes.plot(x, mean, marker=MARKERS[index % len(MARKERS)], linestyle=style, label=name, markersize=4)
        axes.fill_between(x, low, high, alpha=0.15)
    axes.set(xlabel=xlabel, ylabel=ylabel, ylim=(0, None))
    axes.grid(alpha=0.25)
    figure.legend(loc="outside upper center", ncols=2, fontsize="small")  # beside the lines, not on them
    return _save(figure, path)


def read_epochs(train_log_dir: str | os.PathLike[str]) -> dict[int, str]:
    """Reads what ESPnet's trainer logs after each epoch; a training may be writing at the same time.

    Args:
        train_log_dir: Folder of `train.log`, and of `train.1.log`, `train.2.log`, ... where the training was
            resumed: a higher number is an older run. A run that starts again at an earlier epoch takes the place of
            all that was logged from this epoch on.

    Returns:
        The line of each epoch, rising. Empty while no epoch has ended.

    Raises:
        MissingFileError: If there is no log.
    """
    folder = Path(train_log_dir)
    numbers = [re.fullmatch(r"train\.(\d+)\.log", path.name) for path in folder.glob("train.*.log")]
    logs = [folder / f"train.{n}.log" for n in sorted((int(found[1]) for found in numbers if found), reverse=True)]
    if (folder / "train.log").is_file():
        logs.append(folder / "train.log")
    if not logs:
        raise MissingFileError(f"{folder / 'train.log'} not found; a training writes it (stages 6, 7 and 8)")
    results: dict[int, str] = {}
    for log in logs:
        for found in RESULTS.finditer(log.read_text(encoding="utf-8", errors="replace")):
            results = {epoch: line for epoch, line in results.items() if epoch < int(found[1])}
            results[int(found[1])] = found[2]
    return results


def read_losses(train_log_dir: str | os.PathLike[str]) -> Curves:
    """Reads the losses of each epoch from a training's logs.

    Args:
        train_log_dir: See `read_epochs`.

    Returns:
        Loss to `train` or `valid` to epochs, rising, and values. Empty while no epoch has ended.

    Raises:
        FileNotFoundError: If there is no log.
    """
    curves: Curves = {}
    for epoch, line in read_epochs(train_log_dir).items():
        part = ""
        for opened, name, value in re.findall(r"\[(\w+)\]|([\w.]+)=([^\s,]+)", line):
            part = opened or part
            if opened or any(word in name for word in NOT_A_LOSS):
                continue
            epochs, losses = curves.setdefault(name, {}).setdefault(part, ([], []))
            epochs.append(epoch)
            losses.append(float(value))
    return curves


def token_labels(tokens: Sequence[str], hangul: bool) -> list[str]:
    """Names tokens for an axis.

    Args:
        tokens: Conjoining jamo, `<space>` or any other text.
        hangul: Whether jamo are given as the letters that Korean fonts hold, else in Latin.

    Returns:
        One label a token.
    """
    labels = []
    for token in tokens:
        jamo = JAMO_NAME.fullmatch(unicodedata.name(token, "")) if len(token) == 1 else None
        if jamo is None:
            labels.append("␣" if token == "<space>" else token)
        else:
            labels.append(unicodedata.lookup(f"HANGUL LETTER {jamo[1]}") if hangul else jamo[1].lower())
    return labels


def _hangul_font() -> str | None:
    installed = set(get_font_names())
    return next((name for name in HANGUL_FONTS if name in installed), None)


def _need(items: Mapping[str, object], what: str) -> None:
    if not items:
        raise UserError(f"expected at least one {what} to draw, found none")


def _save(figure: Figure, path: str | os.PathLike[str]) -> Figure:
    """Writes a PNG aside and renames it; text falls back on a Korean font where one is installed."""
    font = _hangul_font()
    if font is not None:
        for text in figure.findobj(Text):
            text.set_fontfamily(["DejaVu Sans", font])
    with replace_file(path) as aside:
        figure.savefig(aside, format="png", dpi=DPI)
    return figure
