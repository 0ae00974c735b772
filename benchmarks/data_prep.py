"""Data preparation: seconds for 1,000 clips of 44.1 kHz in KSS's layout, and peak memory of a job.

    python -m benchmarks.data_prep [--clips 1000] [--nj 2]

The clips are noise-modulated tones of KSS's mean length, 3.6 s, some stereo. Prints one JSON line a step; the second line of
format_audio is a rerun, which finds everything made.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

FS = 44100
SECONDS = 3.6


def write_corpus(root: Path, clips: int) -> None:
    """Writes clips and a transcript."""
    rng = np.random.default_rng(0)
    time_axis = np.arange(round(FS * SECONDS)) / FS
    envelope = np.clip(np.sin(np.pi * time_axis / SECONDS) * 1.5 - 0.3, 0, 1)
    lines = []
    for i in range(clips):
        wav = 0.3 * envelope * np.sin(2 * np.pi * (150 + i % 50) * time_axis) + 1e-3 * rng.standard_normal(
            len(time_axis)
        )
        name = f"{1 + i % 4}/{1 + i % 4}_{i // 4:04d}.wav"
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(root / name, np.stack([wav, wav], axis=1) if i % 8 == 0 else wav, FS, subtype="PCM_16")
        lines.append(f"{name}|나무가 크다.|나무가 크다.|나무가 크다.|{SECONDS}|a")
    (root / "transcript.v.1.4.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def timed(step: str, commands: list[list[str]], clips: int) -> None:
    """Runs commands side by side and prints what they took."""
    start = time.perf_counter()
    processes = [subprocess.Popen([sys.executable, "-m", *command], stderr=subprocess.DEVNULL) for command in commands]
    codes = [process.wait() for process in processes]
    seconds = time.perf_counter() - start
    if any(codes):
        raise SystemExit(f"{step} failed: {codes}")
    # ru_maxrss of the children is the largest process so far, in KiB.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    line = {
        "benchmark": "data_prep",
        "step": step,
        "clips": clips,
        "jobs": len(commands),
        "seconds_per_1000_clips": round(1000 * seconds / clips, 2),
        "peak_mib_of_a_job": round(peak, 1),
    }
    print(json.dumps(line), flush=True)


def main(cmd: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=1000, help="clips to generate")
    parser.add_argument("--nj", type=int, default=2, help="parallel jobs of format_audio")
    args = parser.parse_args(cmd)
    bins = "espnet2_nix.bin"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_corpus(root / "kss", args.clips)
        prepare = ["--corpus", "kss", "--root", f"{root}/kss", "--outdir", f"{root}/data"]
        timed(
            "prepare_corpus",
            [[f"{bins}.prepare_corpus", *prepare, "--dev_share", "0.1", "--eval1_share", "0.1"]],
            args.clips,
        )
        lines = (root / "data/tr_no_dev/wav.scp").read_text(encoding="utf-8").splitlines()
        jobs = []
        for job in range(args.nj):
            (root / f"wav.{job}.scp").write_text("\n".join(lines[job :: args.nj]) + "\n", encoding="utf-8")
            prefix = f"{root}/format.{job}"
            jobs.append(
                [
                    f"{bins}.format_audio",
                    "--wav_scp",
                    f"{root}/wav.{job}.scp",
                    "--outdir",
                    f"{root}/wav",
                    "--out_prefix",
                    prefix,
                ]
            )
        timed("format_audio", jobs, len(lines))
        timed("format_audio_again", jobs, len(lines))
        text = ["--text", f"{root}/data/tr_no_dev/text", "--out_text", f"{root}/text", "--out_raw", f"{root}/text.raw"]
        timed("format_text", [[f"{bins}.format_text", *text, "--dropped", f"{root}/dropped.tsv"]], len(lines))


if __name__ == "__main__":
    main()
