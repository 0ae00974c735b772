"""Clients at once against nix-tts-server on this machine, as the tables of docs/server.md.

    python -m benchmarks.server                        # five to six minutes; the machine should be idle
    python -m benchmarks.server [--voice FOLDER] [--clients 1 8 64 200] [--seconds 60] [--cores 2]

Without --voice the `istft` student of the KSS recipe, fp16, with random weights is exported first. Server and clients share the
cores; the clients are asyncio tasks of this process on loopback, each asks for one sentence (about 3 s of speech) as wav again and
again. Three parts, each a table in Markdown on standard output, progress on standard error:

load      for each number of clients: answers, refusals (503), lost (broken off, or of another length than the first answer), first
          byte and total, median and 95th percentile, seconds of speech a second, cores taken by server and clients, the server's
          peak of resident memory.
threads   seconds of speech a second of 1 and of 2 threads: of the voice alone, whose threads share one process and one
          interpreter, and of the server with --threads 1 and 2.
overload  more clients than may be served and wait, with the server's own limits: 503 counted here and by the server, what
          Retry-After said; a refused client waits as long as it was told.

Ends with 1 where an answer was lost, or where the refusals that the clients saw are not those that the server counted.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import platform
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np

SENTENCE = "나무가 많은 산에서 물을 마시고 오래 걸었더니 다리가 아팠다."
SHORT_SHARE = 1 / 6
"""Of --seconds: a run of the second and third part."""
SATURATING = 8
"""Clients that keep both cores busy."""
BEYOND = 128
"""Clients of the third part that neither a place nor the queue takes."""


@dataclass
class Found:
    """What the clients of one run saw.

    Attributes:
        first, total: Seconds of each whole answer, to its first byte and to its end.
        speech: Seconds of speech in whole answers.
        refused: What Retry-After said, in seconds, of each 503.
        lost: Answers that broke off, or were shorter than they should be.
        elapsed: Seconds of the run, the last answers included.
        server_cores, client_cores: CPU seconds a second.
        peak_mib: Resident memory of the server, its peak until the end of the run.
    """

    first: list[float] = field(default_factory=list)
    total: list[float] = field(default_factory=list)
    speech: float = 0.0
    refused: list[float] = field(default_factory=list)
    lost: int = 0
    elapsed: float = 0.0
    server_cores: float = 0.0
    client_cores: float = 0.0
    peak_mib: float = 0.0

    @property
    def rate(self) -> float:
        """Seconds of speech made a second."""
        return self.speech / self.elapsed


# ---- a server and its clients


class Server:
    """nix-tts-server as a process of its own.

    Args:
        voice: Folder of the voice.
        port: On loopback.
        options: Of the command.

    Attributes:
        url: Where it answers.
        size: Bytes of a whole answer, a wav.
        seconds: Of speech in it.
    """

    def __init__(self, voice: Path, port: int, *options: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "espnet2_nix.bin.nix_tts_server", "--voice", str(voice), "--port", str(port)]
        self._process = subprocess.Popen([*command, *options], stderr=subprocess.DEVNULL)
        answer = self._first_answer()
        self.size, self.seconds = len(answer), (len(answer) - 44) / 2 / int.from_bytes(answer[24:28], "little")

    def _first_answer(self) -> bytes:
        """The answer that all others must equal in length; the voice is loaded by it."""
        for _ in range(600):
            try:
                answer = httpx.post(f"{self.url}/v1/audio/speech", json=request(), timeout=60)
                return answer.raise_for_status().content
            except httpx.TransportError:
                if self._process.poll() is not None:
                    break
                time.sleep(0.1)
        raise SystemExit(f"{self.url}: no server came up; is the port taken?")

    def figures(self) -> tuple[float, float]:
        """Peak resident MiB, and CPU seconds."""
        proc = Path(f"/proc/{self._process.pid}")
        peak = re.search(r"VmHWM:\s+(\d+)", (proc / "status").read_text(encoding="utf-8"))
        fields = (proc / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return (int(peak[1]) / 1024 if peak else float("nan")), cpu

    def refused(self) -> int:
        """Refusals by the server's own count."""
        text = httpx.get(f"{self.url}/metrics", timeout=60).text
        return round(float(re.findall(r"^nix_tts_refused_requests_total (\S+)", text, re.MULTILINE)[0]))

    def close(self) -> None:
        """Ends it."""
        self._process.terminate()
        self._process.wait(60)


@contextlib.contextmanager
def serving(voice: Path, port: int, *options: str) -> Iterator[Server]:
    """A server that answers."""
    server = Server(voice, port, *options)
    try:
        yield server
    finally:
        server.close()


def request() -> dict[str, str]:
    """What every client asks for."""
    return {"model": "nix-tts", "input": SENTENCE, "response_format": "wav"}


async def client(session: httpx.AsyncClient, server: Server, end: float, found: Found) -> None:
    """Asks once, and again until the time is over; what it began it ends."""
    begin = 0.0
    while begin == 0.0 or time.perf_counter() < end:
        begin, first, size = time.perf_counter(), 0.0, 0
        try:
            async with session.stream("POST", f"{server.url}/v1/audio/speech", json=request()) as answer:
                if answer.status_code == 503:
                    wait = float(answer.headers["retry-after"])
                    found.refused.append(wait)
                    await asyncio.sleep(min(wait, max(0.0, end - time.perf_counter())))
                    continue
                async for chunk in answer.aiter_raw():
                    first = first or time.perf_counter() - begin
                    size += len(chunk)
        except httpx.HTTPError:
            size = 0
        if size != server.size:
            found.lost += 1
            continue
        found.first.append(first)
        found.total.append(time.perf_counter() - begin)
        found.speech += server.seconds


def load(server: Server, clients: int, seconds: float) -> Found:
    """One run."""
    found = Found()

    async def run() -> None:
        limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)
        async with httpx.AsyncClient(limits=limits, timeout=150) as session:
            end = time.perf_counter() + seconds
            await asyncio.gather(*(client(session, server, end, found) for _ in range(clients)))

    begin, (_, server_cpu), own_cpu = time.perf_counter(), server.figures(), time.process_time()
    asyncio.run(run())
    found.elapsed = time.perf_counter() - begin
    found.peak_mib, cpu = server.figures()
    found.server_cores = (cpu - server_cpu) / found.elapsed
    found.client_cores = (time.process_time() - own_cpu) / found.elapsed
    return found


def voice_alone(folder: Path, threads: int, seconds: float) -> float:
    """Seconds of speech a second of so many threads of this process, each speaking the sentence again and again."""
    from espnet2_nix.runtime import Voice

    voice = Voice.load(folder)
    voice.synthesize(SENTENCE)
    spoken = [0.0] * threads

    def speak(index: int) -> None:
        while time.perf_counter() < end:
            spoken[index] += sum(len(piece) for piece in voice.stream(SENTENCE)) / voice.sample_rate

    begin = time.perf_counter()
    end = begin + seconds
    running = [threading.Thread(target=speak, args=(index,)) for index in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return sum(spoken) / (time.perf_counter() - begin)


# ---- tables


def tell(what: str) -> None:
    """Progress."""
    print(what, file=sys.stderr, flush=True)


def table(head: str, rows: list[list[str]]) -> None:
    """A table in Markdown; the columns of the head are parted by bars."""
    columns = [column.strip() for column in head.split("|")]
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


def two(values: list[float]) -> str:
    """Median and 95th percentile."""
    return "–" if not values else f"{np.median(values):.2f} / {np.percentile(values, 95):.2f} s"


def measure(voice: Path, clients: list[int], seconds: float, port: int) -> bool:
    """The three parts; whether nothing was lost and every refusal counted."""
    short = seconds * SHORT_SHARE
    lost, rows = 0, []
    with serving(voice, port) as server:
        for number in clients:
            tell(f"load: {number} clients, {seconds:g} s")
            found = load(server, number, seconds)
            lost += found.lost
            rows.append(
                [
                    f"{number}",
                    f"{len(found.total)}, {len(found.refused)}, {found.lost}",
                    two(found.first),
                    two(found.total),
                    f"{found.rate:.1f}",
                    f"{found.server_cores:.2f} + {found.client_cores:.2f}",
                    f"{found.peak_mib:.0f} MiB",
                ]
            )
    print(
        f"\n{seconds:g} s each; {len(os.sched_getaffinity(0))} cores, {processor()}; load average before: {LOAD_BEFORE:.1f}."
    )
    table(
        "clients at once | answers, refused, lost | first byte, median / p95 | total, median / p95 | "
        "seconds of speech a second | cores: server + clients | peak memory",
        rows,
    )
    rates: dict[str, list[float]] = {"the voice alone": [], f"the server, {SATURATING} clients": []}
    for threads in (1, 2):
        tell(f"threads: {threads}, {short:g} s twice")
        alone, served = rates.values()
        alone.append(voice_alone(voice, threads, short))
        with serving(voice, port, "--threads", str(threads)) as server:
            found = load(server, SATURATING, short)
        lost += found.lost
        served.append(found.rate)
    table(
        "seconds of speech a second | 1 thread | 2 threads | factor",
        [[name, f"{one:.1f}", f"{both:.1f}", f"{both / one:.2f}"] for name, (one, both) in rates.items()],
    )
    from espnet2_nix.server.settings import Settings

    limits = Settings()
    number = limits.max_requests + limits.max_queue + BEYOND
    tell(f"overload: {number} clients, {short:g} s")
    with serving(voice, port) as server:
        found = load(server, number, short)
        counted = server.refused()
    lost += found.lost
    waits = (
        f"{np.median(found.refused):.0f}, {min(found.refused):.0f} to {max(found.refused):.0f} s"
        if found.refused
        else "–"
    )
    table(
        "clients at once | places, queue | answers, refused, lost | refused by the server's count | Retry-After, median and range | "
        "total, median / p95",
        [
            [
                f"{number}",
                f"{limits.max_requests}, {limits.max_queue}",
                f"{len(found.total)}, {len(found.refused)}, {found.lost}",
                f"{counted}",
                waits,
                two(found.total),
            ]
        ],
    )
    return lost == 0 and len(found.refused) == counted > 0


def processor() -> str:
    """Its name."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


LOAD_BEFORE = os.getloadavg()[0]


def main(cmd: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voice", type=Path, default=None, help="a voice of stage 12")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64, 200], help="clients at once, a run each")
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="of a run of the first part; the others take a sixth"
    )
    parser.add_argument("--cores", type=int, default=2, help="of this machine, for server and clients together")
    parser.add_argument("--port", type=int, default=8123, help="of the server, on loopback")
    args = parser.parse_args(cmd)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.cores])  # the server inherits it
    with tempfile.TemporaryDirectory() as folder:
        voice = args.voice
        if voice is None:
            from benchmarks.random_models import write_random_voice

            voice = Path(folder) / "voice"
            tell("exporting a voice with random weights")
            write_random_voice("student_istft", voice, "fp16")
        if not measure(voice, args.clients, args.seconds, args.port):
            sys.exit("an answer was lost, or a refusal was not counted")


if __name__ == "__main__":
    main()
