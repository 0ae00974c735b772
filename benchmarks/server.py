"""Clients at once against nix-tts-server on this machine: first byte and total, speech per second, memory, refusals.

    python -m benchmarks.server [--voice FOLDER] [--clients 1 8 64 200] [--seconds 10] [--threads 0]

Without --voice the `istft` student of the KSS recipe with random weights is exported first. Server and clients share the cores;
clients are asyncio tasks on loopback, each asks for one sentence (about 3 s of speech) as wav again and again for --seconds, and
counts a refusal (503) and a broken answer apart. Prints a JSON line a number of clients: answers, median and 95th percentile
of first byte and total in seconds, seconds of speech made per second of the run, the server's peak resident MiB and CPU share.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import numpy as np

SENTENCE = "나무가 많은 산에서 물을 마시고 오래 걸었더니 다리가 아팠다."
LONGEST_RUN = 60.0


async def client(session: httpx.AsyncClient, url: str, end: float, found: dict[str, list[float]]) -> None:
    """Asks until the time is over; what it began it ends."""
    body = {"model": "nix-tts", "input": SENTENCE, "response_format": "wav"}
    while time.perf_counter() < end:
        begin, first, size = time.perf_counter(), 0.0, 0
        try:
            async with session.stream("POST", f"{url}/v1/audio/speech", json=body) as answer:
                if answer.status_code == 503:
                    found["refused"].append(begin)
                    await asyncio.sleep(min(1.0, float(answer.headers["retry-after"])))
                    continue
                async for chunk in answer.aiter_raw():
                    first = first or time.perf_counter() - begin
                    size += len(chunk)
        except httpx.HTTPError:
            found["broken"].append(begin)
            continue
        found["first"].append(first)
        found["total"].append(time.perf_counter() - begin)
        found["speech"].append((size - 44) / 2 / 22050)


async def load(url: str, clients: int, seconds: float) -> dict[str, object]:
    """One run."""
    found: dict[str, list[float]] = {name: [] for name in ("first", "total", "speech", "refused", "broken")}
    limits = httpx.Limits(max_connections=clients + 1, max_keepalive_connections=clients + 1)
    async with httpx.AsyncClient(limits=limits, timeout=120) as session:
        begin = time.perf_counter()
        await asyncio.gather(*(client(session, url, begin + seconds, found) for _ in range(clients)))
        elapsed = time.perf_counter() - begin
    first, total = np.array(found["first"]), np.array(found["total"])
    return {
        "clients": clients,
        "answers": len(total),
        "refused": len(found["refused"]),
        "broken": len(found["broken"]),
        "first_byte_median": round(float(np.median(first)), 3),
        "first_byte_p95": round(float(np.percentile(first, 95)), 3),
        "total_median": round(float(np.median(total)), 3),
        "total_p95": round(float(np.percentile(total, 95)), 3),
        "speech_per_second": round(sum(found["speech"]) / elapsed, 1),
    }


def process_figures(pid: int) -> tuple[float, float]:
    """Peak resident MiB and CPU seconds of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return peak, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(voice: Path, clients: list[int], seconds: float, threads: int, port: int) -> None:
    """Starts a server, and a run for each number of clients."""
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "espnet2_nix.bin.nix_tts_server", "--voice", str(voice), "--port", str(port)]
    server = subprocess.Popen([*command, "--threads", str(threads)], stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            try:
                body = {"model": "nix-tts", "input": "나무", "response_format": "wav"}
                if httpx.post(f"{url}/v1/audio/speech", json=body).status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.2)
        for number in clients:
            before, begin = process_figures(server.pid)[1], time.perf_counter()
            out = asyncio.run(load(url, number, seconds))
            peak, after = process_figures(server.pid)
            cores = (after - before) / (time.perf_counter() - begin)
            show(
                **out,
                seconds=seconds,
                peak_mib=round(peak),
                server_cores=round(cores, 2),
                load_average=os.getloadavg()[0],
            )
    finally:
        server.terminate()
        server.wait(60)


def show(**values: object) -> None:
    """One JSON line."""
    print(json.dumps({"benchmark": "server", **values}), flush=True)


def main(cmd: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voice", type=Path, default=None, help="a voice of stage 12")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64, 200], help="clients at once, a run each")
    parser.add_argument("--seconds", type=float, default=10.0, help="of a run, at most 60")
    parser.add_argument("--threads", type=int, default=0, help="of the server; 0: as many as cores")
    parser.add_argument("--port", type=int, default=8123, help="of the server, on loopback")
    args = parser.parse_args(cmd)
    seconds = min(args.seconds, LONGEST_RUN)
    if args.voice is not None:
        measure(args.voice, args.clients, seconds, args.threads, args.port)
        return
    from benchmarks.random_models import write_random_voice

    with tempfile.TemporaryDirectory() as folder:
        write_random_voice("student_istft", Path(folder) / "voice")
        measure(Path(folder) / "voice", args.clients, seconds, args.threads, args.port)


if __name__ == "__main__":
    main()
