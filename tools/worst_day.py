"""The worst day; see worst_day.sh."""

from __future__ import annotations

import argparse
import contextlib
import copy
import hashlib
import io
import json
import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import setuptools  # noqa: F401  (ESPnet imports distutils, which it provides)
import soundfile

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "test"))
COLUMNS = ("tried", "refused", "read", "crashed", "lost")


def attempt(counts: Counter[str], what: str, action: Callable[[], object]) -> None:
    """Does one thing; a refusal is a UserError, or a command's exit code 1 or 2, anything else is a crash."""
    from espnet2_nix.errors import UserError

    counts["tried"] += 1
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            action()
    except UserError:
        counts["refused"] += 1
    except SystemExit as stop:
        counts["refused" if stop.code in (1, 2) else "crashed"] += 1
    except Exception:
        counts["crashed"] += 1
        print(f"CRASHED: {what}\n{traceback.format_exc(limit=-4)}", file=sys.stderr)
    else:
        counts["read"] += 1


# ---- texts


def strings(number: int, rng: random.Random, work: Path) -> Counter[str]:
    """Random strings of every alphabet through the front-ends; the output must be tokens of the list."""
    from espnet2_nix.text import token_list, tokenize, unknown_symbols

    counts: Counter[str] = Counter()
    known = set(token_list())
    ranges = [(0x20, 0x7E), (0xAC00, 0xD7A3), (0x1100, 0x11FF), (0x3130, 0x318E), (0x4E00, 0x9FFF), (0x1F300, 0x1FAFF)]
    ranges += [(0, 0x2FF), (0x2000, 0x2BFF), (0xFF00, 0xFFEF), (0x30, 0x39), (0x10000, 0x10FFFF)]

    def check(text: str, g2p: str) -> None:
        unknown_symbols(text, g2p)
        if extra := set(tokenize(text, g2p)) - known:
            raise AssertionError(f"tokens {extra} of {text!r}")

    for _ in range(number):
        text = (
            "".join(chr(rng.randint(*rng.choice(ranges))) for _ in range(rng.choice((1, 3, 8, 20, 60))))
            .encode("utf-8", "replace")
            .decode()
        )
        g2p = rng.choice(("standard", "jaso"))
        attempt(counts, f"{g2p} {text!r}", lambda text=text, g2p=g2p: check(text, g2p))
    return counts


def transcripts(number: int, rng: random.Random, work: Path) -> Counter[str]:
    """Damaged transcripts through stage 1: bytes flipped, lines cut, encodings mixed, names of any kind."""
    from espnet2_nix.bin import prepare_corpus

    counts: Counter[str] = Counter()
    root = work / "corpus"
    (root / "1").mkdir(parents=True)
    lines = []
    for i in range(40):
        (root / f"1/1_{i:04d}.wav").write_bytes(b"RIFF")
        lines.append(f"1/1_{i:04d}.wav|나무 {i}|나무 하나|나무 하나|1.0|tree")
    for n in range(number):
        encoding = rng.choice(("utf-8", "utf-8-sig", "utf-16", "cp949"))
        damaged = [
            rng.choice(
                (line, line[: rng.randint(0, len(line))], line.replace("1_", rng.choice((" ", "\u2028", "%", "/../"))))
            )
            for line in lines
        ]
        raw = bytearray(rng.choice(("\n", "\r\n", "\r")).join(damaged).encode(encoding, "replace"))
        for _ in range(rng.choice((0, 0, 1, 3))):
            raw[rng.randrange(len(raw))] = rng.randrange(256)
        (root / "transcript.v.1.4.txt").write_bytes(raw)
        shares = ["--dev_share", "0.2", "--eval1_share", "0.2"]
        command = ["--corpus", "kss", "--root", str(root), "--outdir", str(work / "data"), *shares]
        attempt(counts, f"transcript {n}: {bytes(raw[:60])!r}", lambda command=command: prepare_corpus.main(command))
    return counts


# ---- clips


def clips(number: int, rng: random.Random, work: Path) -> Counter[str]:
    """Damaged recordings of many kinds through stage 2's formatting; what is read must be finite and not empty."""
    from espnet2_nix.data.audio import AudioFormat, format_clip

    counts: Counter[str] = Counter()
    folder = work / "clips"
    folder.mkdir()
    kinds = [
        ("WAV", "PCM_16"),
        ("WAV", "PCM_24"),
        ("WAV", "FLOAT"),
        ("WAV", "ULAW"),
        ("WAVEX", "PCM_16"),
        ("RF64", "PCM_16"),
    ]
    kinds += [("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("AIFF", "PCM_16"), ("AU", "PCM_16"), ("MP3", "MPEG_LAYER_III")]

    def check(path: Path) -> None:
        samples = format_clip(path, AudioFormat()).samples
        if len(samples) == 0 or samples.dtype != np.int16:
            raise AssertionError(f"{path}: {len(samples)} samples of {samples.dtype}")

    for n in range(number):
        path = folder / f"{n}.wav"
        format, subtype = rng.choice(kinds)
        fs = (
            rng.choice((8000, 16000, 22050, 44100, 48000))
            if format != "WAV"
            else rng.choice((1, 7, 2000, 22050, 96000))
        )
        length = rng.choice((0, 1, 5, 200, 4000, 30000))
        samples = 0.4 * np.sin(np.arange(length) / 7)[:, None].repeat(rng.choice((1, 2)), axis=1)
        with contextlib.suppress(Exception):  # an encoder may refuse an empty or odd clip: then there is no file
            soundfile.write(path, samples, fs, format=format, subtype=subtype)
        raw = bytearray(path.read_bytes() if path.exists() else b"")
        damage = rng.choice(("none", "cut", "head", "flip", "zero", "tail", "text", "gone", "sizes"))
        if damage == "cut":
            raw = raw[: rng.randint(0, len(raw))]
        elif damage == "head":
            for _ in range(3):
                if raw:
                    raw[rng.randrange(min(len(raw), 60))] = rng.randrange(256)
        elif damage == "flip":
            for _ in range(20):
                if raw:
                    raw[rng.randrange(len(raw))] = rng.randrange(256)
        elif damage == "zero":
            raw = bytearray(len(raw))
        elif damage == "tail":
            raw += bytes(rng.randrange(256) for _ in range(99))
        elif damage == "text":
            raw = bytearray(b"<html>not found</html>")
        elif damage == "sizes" and len(raw) > 44:
            raw[40:44] = rng.choice((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\xf0\xff\x7f", b"\0\0\0\x80"))
        if damage == "gone":
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(raw)
        attempt(
            counts, f"clip {n}: {format} {subtype} {fs} Hz, {length} samples, {damage}", lambda path=path: check(path)
        )
    return counts


# ---- voices and packs


VALUES = (
    None,
    True,
    -1,
    0,
    1e300,
    float("nan"),
    10**9,
    "standard",
    "",
    [],
    {},
    [[]],
    {"a": 1},
    [None],
    "../../etc/passwd",
)


def mutate(tree: object, rng: random.Random) -> object:
    """A copy with one entry removed, or replaced by a value of another kind."""
    tree = copy.deepcopy(tree)
    node, steps = tree, rng.randint(1, 4)
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return tree
        key = rng.choice(keys)
        steps -= 1
        if steps == 0 or not isinstance(node[key], (dict, list)) or not node[key]:
            if isinstance(node, dict) and rng.random() < 0.2:
                del node[key]
            elif isinstance(node, dict) and rng.random() < 0.1:
                node[rng.choice(("../x", "/etc/passwd", "", "a"))] = node.pop(key)
            else:
                node[key] = rng.choice(VALUES)
            return tree
        node = node[key]


def voices(number: int, rng: random.Random, work: Path) -> Counter[str]:
    """Voices with a damaged voice.json, or with cut, swapped and missing graphs: refused, or speech that is finite."""
    from conftest import make_voice

    from espnet2_nix.runtime import Voice

    counts: Counter[str] = Counter()
    whole = work / "voice"
    make_voice(whole)

    def check(folder: Path) -> None:
        samples = Voice.load(folder).synthesize("나무가 많다.").samples
        if len(samples) < 1000 or not np.isfinite(samples).all() or np.abs(samples).max() > 1:
            raise AssertionError(f"{len(samples)} samples")

    check(whole)
    for n in range(number):
        folder = work / f"voice{n}"
        shutil.copytree(whole, folder)
        what = rng.choice(("json", "json", "json", "cut", "swap", "gone", "text"))
        graphs = sorted(folder.glob("*.onnx"))
        if what == "json":
            info = mutate(json.loads((folder / "voice.json").read_text(encoding="utf-8")), rng)
            (folder / "voice.json").write_text(json.dumps(info), encoding="utf-8")
        elif what == "cut":
            path = rng.choice([*graphs, folder / "voice.json"])
            path.write_bytes(path.read_bytes()[: rng.randrange(path.stat().st_size)])
        elif what == "swap":
            a, b = rng.sample(graphs, 2)
            (raw_a, raw_b) = (a.read_bytes(), b.read_bytes())
            a.write_bytes(raw_b)
            b.write_bytes(raw_a)
            info = json.loads((folder / "voice.json").read_text(encoding="utf-8"))
            info["sha256"] = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in graphs}
            (folder / "voice.json").write_text(json.dumps(info), encoding="utf-8")
        elif what == "gone":
            rng.choice([*graphs, folder / "voice.json"]).unlink()
        else:
            (folder / "voice.json").write_text(rng.choice(("", "{", "[]", "null", "[" * 5000)), encoding="utf-8")
        attempt(counts, f"voice {n}: {what}", lambda folder=folder: check(folder))
        shutil.rmtree(folder)
    return counts


def packs(number: int, rng: random.Random, work: Path) -> Counter[str]:
    """Configurations of students with one entry damaged, and damaged weights: refused, or a student that loads."""
    import torch
    import yaml
    from conftest import HIFIGAN_DECODER, make_encoder_conf
    from espnet2.tasks.tts import TTSTask

    from espnet2_nix.student.assembly import student_config
    from espnet2_nix.student.checkpoint import load_student

    counts: Counter[str] = Counter()
    folder = work / "pack"
    folder.mkdir()
    conf = make_encoder_conf()
    from espnet2_nix.text import frontend_info, token_list

    encoder = argparse.Namespace(
        token_list=token_list(),
        encoder_conf={k: v for k, v in conf.items() if k != "duration_predictor_conf"},
        duration_predictor="deterministic",
        duration_predictor_conf=conf["duration_predictor_conf"],
        frontend=frontend_info(),
    )
    decoder = argparse.Namespace(decoder="hifigan", decoder_conf=HIFIGAN_DECODER)
    config = student_config(encoder, decoder, fs=22050, n_fft=1024, hop_length=256, corpus="noise", license="CC0-1.0")
    torch.save(TTSTask.build_model(argparse.Namespace(**config)).state_dict(), folder / "whole.pth")
    shutil.copyfile(folder / "whole.pth", folder / "model.pth")
    (folder / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    load_student(folder / "config.yaml", folder / "model.pth")  # undamaged it loads
    for n in range(number):
        shutil.copyfile(folder / "whole.pth", folder / "model.pth")
        damaged: object = config
        if rng.random() < 0.75:
            part = rng.choice(("tts_conf", "tts_conf", "all"))
            damaged = (
                {**config, "tts_conf": mutate(config["tts_conf"], rng)} if part == "tts_conf" else mutate(config, rng)
            )
        else:
            raw = (folder / "whole.pth").read_bytes()
            (folder / "model.pth").write_bytes(rng.choice((b"", raw[: len(raw) // 2], b"PK\3\4", b"\x80\4K\1.")))
        (folder / "config.yaml").write_text(yaml.safe_dump(damaged, allow_unicode=True), encoding="utf-8")
        attempt(
            counts,
            f"pack {n}: {str(damaged)[:3000]}",
            lambda: load_student(folder / "config.yaml", folder / "model.pth"),
        )
    return counts


# ---- kills

# As small as still shows everything: what a kill meets is the order of writes, not the size of what is written.
COMMON = [
    *("--train_threads", "1", "--max_dropped", "1", "--num_listening", "2", "--skip_measures", "dnsmos world"),
    *("--local_data_opts", "--num_clips 16 --dev_share 0.15 --eval1_share 0.15"),
    *("--train_args", "--max_epoch 3 --num_iters_per_epoch 1 --batch_size 2 --num_att_plot 0"),
]
OUTPUT = ("data", "dump", "exp", "downloads")
PATIENCE = 60.0  # seconds within which everything that a killed stage started must have ended


def recipe_copy(folder: Path) -> Path:
    """The toy recipe in the layout of a checkout."""
    shutil.copytree(ROOT / "egs2", folder / "egs2", symlinks=True, ignore=shutil.ignore_patterns(*OUTPUT))
    return folder / "egs2" / "toy_kss" / "nix_tts1"


def start(recipe: Path, stage: int, python: Path) -> subprocess.Popen[bytes]:
    """One stage, in a process group of its own."""
    command = ["./run.sh", "--stage", str(stage), "--stop_stage", str(stage), *COMMON]
    env = {**os.environ, "NIX_PYTHON": str(python)}
    with open(recipe / f"stage{stage}.log", "ab") as log:
        return subprocess.Popen(
            command, cwd=recipe, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, env=env
        )


def result(recipe: Path) -> dict[str, str]:
    """What must be the same after kills: tables, stamps, clips, weights, graphs, waves."""
    kinds = ("wav.scp", "text", "text.raw", "tokens.txt", "utt2num_samples", "speech_shape", "stamp.json")
    kinds += (".wav", "epoch.pth", "model.pth", ".onnx")
    return {
        str(path.relative_to(recipe)): hashlib.sha256(path.read_bytes()).hexdigest()
        for root in OUTPUT
        for path in sorted((recipe / root).rglob("*"))
        if path.is_file() and path.name.endswith(kinds) and "logs" not in path.parts and "logdir" not in path.parts
    }


def processes_in(recipe: Path) -> list[str]:
    """What runs in a recipe's folder, whatever its session and parent."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if Path(os.readlink(process / "cwd")).is_relative_to(recipe):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:80])
    return found


def all_end(recipe: Path) -> list[str]:
    """Waits until nothing runs in a recipe's folder; what is left when the patience is."""
    deadline = time.monotonic() + PATIENCE
    while (left := processes_in(recipe)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def kills(number: int, rng: random.Random, work: Path, stages: list[int], jobs: int) -> Counter[str]:
    """Kills of a stage and all that it started, at a random moment; the stage is run again and its output compared.

    Every kill begins from what the stages before left undisturbed, so that kills of late stages cost no more than those of early ones.
    """
    from warm_python import make_python

    (work / "python").mkdir()
    python = make_python(work / "python")
    recipe = recipe_copy(work / "undisturbed")
    seconds, output = {}, {}
    for stage in range(1, max(stages) + 1):
        (work / "before" / str(stage)).mkdir(parents=True)
        copy_output(recipe, work / "before" / str(stage))
        begin = time.monotonic()
        if start(recipe, stage, python).wait() != 0:
            raise SystemExit(f"stage {stage} fails undisturbed:\n{(recipe / f'stage{stage}.log').read_text()[-3000:]}")
        seconds[stage], output[stage] = time.monotonic() - begin, result(recipe)
        print(f"stage {stage}: {seconds[stage]:.1f} s undisturbed", file=sys.stderr, flush=True)

    def kill(n: int, stage: int, share: float) -> Counter[str]:
        recipe = recipe_copy(work / f"kill{n}")  # tables and stamps hold paths relative to it
        moment, killed = share * seconds[stage], False
        while not killed:  # a stage that was faster than the moment is tried again with an earlier one
            copy_output(work / "before" / str(stage), recipe)
            process = start(recipe, stage, python)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=moment)
            killed = process.poll() is None
            moment *= 1.0 if killed else 0.8
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        outlives = all_end(recipe)
        code = start(recipe, stage, python).wait()
        found = result(recipe)
        left = [path.name for path in recipe.rglob(".*.part")]
        wrong = sorted(
            name for name in output[stage].keys() | found.keys() if output[stage].get(name) != found.get(name)
        )
        log = (recipe / f"stage{stage}.log").read_text(encoding="utf-8", errors="replace")[-3000:] if code != 0 else ""
        print(
            f"kill {n}: stage {stage} at {moment:.1f} s: exit {code}, differing {wrong[:3]}, left {left[:3]}, outlives {outlives[:3]}\n{log}",
            end="",
            file=sys.stderr,
            flush=True,
        )
        if not (wrong or left or outlives or code):
            shutil.rmtree(work / f"kill{n}")
        return Counter(tried=1, read=code == 0, crashed=code != 0, lost=bool(wrong or left or outlives))

    with ThreadPoolExecutor(jobs) as pool:
        tries = [pool.submit(kill, n, stages[n % len(stages)], rng.uniform(0.0, 1.0)) for n in range(number)]
        return sum((one.result() for one in tries), Counter())


def copy_output(source: Path, target: Path) -> None:
    """Puts what a recipe has made in the place of what another has."""
    for name in OUTPUT:
        shutil.rmtree(target / name, ignore_errors=True)
        if (source / name).exists():
            shutil.copytree(source / name, target / name, symlinks=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    for name, number in (
        ("strings", 12000),
        ("transcripts", 60),
        ("clips", 240),
        ("voices", 78),
        ("packs", 36),
        ("kills", 0),
    ):
        parser.add_argument(f"--{name}", type=int, default=number)
    parser.add_argument("--stages", type=int, nargs="+", default=list(range(1, 13)), help="stages to kill")
    parser.add_argument("--jobs", type=int, default=1, help="kills side by side")
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    print(f"{'what':12s}" + "".join(f"{column:>9s}" for column in COLUMNS) + f"{'minutes':>9s}", flush=True)
    bad = 0
    for what in (strings, transcripts, clips, voices, packs, kills):
        number = getattr(args, what.__name__)
        if number == 0:
            continue
        begin = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            rng, more = random.Random(args.seed), ([args.stages, args.jobs] if what is kills else [])
            counts = what(number, rng, Path(folder), *more)
        minutes = (time.monotonic() - begin) / 60
        print(
            f"{what.__name__:12s}" + "".join(f"{counts[column]:9d}" for column in COLUMNS) + f"{minutes:9.1f}",
            flush=True,
        )
        bad += counts["crashed"] + counts["lost"]
    raise SystemExit(bad > 0)


if __name__ == "__main__":
    main()
