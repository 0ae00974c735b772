"""Start and first sound of a voice: import, load, first audio by length of the sentence, peak memory; each in fresh processes.

    python -m benchmarks.latency [--voice FOLDER] [--processes 7] [--calls 30]

Without --voice the `istft` student of the KSS recipe with random weights is exported first. Prints JSON lines. `start`: import
of the runtime, loading (hash of every file included) and both, in milliseconds, over fresh processes. `first_audio`: from the
call of `stream` to its first piece, median and 95th percentile over the calls of all processes, one thread. `memory`: peak
resident MiB of a process that speaks the sentence, in whole and streamed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

SECONDS = (1, 3, 8, 20, 60)
TOKENS_PER_SECOND = 21.5

CHILD = """
import json, resource, sys, time
start = time.perf_counter()
from espnet2_nix.runtime import Voice
imported = time.perf_counter()
voice = Voice.load(sys.argv[1])
loaded = time.perf_counter()
mode, text, calls = sys.argv[2], sys.argv[3], int(sys.argv[4])
out = {"import": imported - start, "load": loaded - imported, "first": []}
for _ in range(calls):
    begin = time.perf_counter()
    if mode == "whole":
        voice.synthesize(text)
    else:
        pieces = voice.stream(text)
        next(pieces)
        out["first"].append(time.perf_counter() - begin)
        if mode == "drain":
            for _ in pieces:
                pass
        pieces.close()
# ru_maxrss can be the parent's at the moment of its fork: the kernel's mark for this process alone is VmHWM.
with open("/proc/self/status") as f:
    out["peak_mib"] = next(int(line.split()[1]) for line in f if line.startswith("VmHWM")) / 1024
print(json.dumps(out))
"""


def child(voice: Path, mode: str, text: str, calls: int) -> dict[str, object]:
    """What a fresh process measured."""
    command = [sys.executable, "-c", CHILD, str(voice), mode, text, str(calls)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def statistics(values: list[float]) -> dict[str, float]:
    """Milliseconds."""
    ms = 1000 * np.array(values)
    return {
        "ms_median": round(float(np.median(ms)), 2),
        "ms_p95": round(float(np.percentile(ms, 95)), 2),
        "ms_min": round(float(ms.min()), 2),
        "ms_max": round(float(ms.max()), 2),
    }


def main(cmd: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voice", type=Path, default=None, help="a voice of stage 12")
    parser.add_argument("--processes", type=int, default=7, help="fresh processes of each measurement")
    parser.add_argument("--calls", type=int, default=30, help="sentences a process; the first call counts as well")
    args = parser.parse_args(cmd)
    if args.voice is not None:
        measure(args.voice, args.processes, args.calls)
        return
    from benchmarks.random_models import write_random_voice

    with tempfile.TemporaryDirectory() as folder:
        write_random_voice("student_istft", Path(folder) / "voice")
        measure(Path(folder) / "voice", args.processes, args.calls)


def measure(voice: Path, processes: int, calls: int) -> None:
    """Runs the processes and prints the lines."""
    from benchmarks.rtf import sentence

    texts = {seconds: sentence(round(seconds * TOKENS_PER_SECOND)) for seconds in SECONDS}
    first: dict[int, list[float]] = {seconds: [] for seconds in SECONDS}
    starts: list[dict[str, object]] = []
    for _ in range(processes):  # interleaved over the lengths
        for seconds, text in texts.items():
            out = child(voice, "first", text, calls)
            first[seconds] += out["first"]
            starts.append(out)
    for name, values in (
        ("import", [out["import"] for out in starts]),
        ("load", [out["load"] for out in starts]),
        ("import_and_load", [out["import"] + out["load"] for out in starts]),
    ):
        show(measure="start", what=name, processes=len(starts), **statistics(values))
    for seconds in SECONDS:
        show(measure="first_audio", sentence_seconds=seconds, calls=len(first[seconds]), **statistics(first[seconds]))
    for seconds in SECONDS:
        for mode, label in (("whole", "whole"), ("drain", "streamed")):
            peak = child(voice, mode, texts[seconds], 3)["peak_mib"]
            show(measure="memory", sentence_seconds=seconds, mode=label, peak_mib=round(peak, 1))


def show(**values: object) -> None:
    """One JSON line."""
    print(json.dumps({"benchmark": "latency", **values}), flush=True)


if __name__ == "__main__":
    main()
