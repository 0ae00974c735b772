"""Real-time factor of the students and of ESPnet's VITS, text to samples, interleaved in one process.

    python -m benchmarks.rtf [--voice FOLDER] [--quick] [--repeats 7]

Sentences of about 3, 8 and 20 seconds, threads 1 and 2. Weights are random: speed does not depend on them. `--voice` measures a voice of
stage 12 beside them (`system: voice`), which says the sentences in its own time. Prints JSON lines:
first what one core can do (`system: gemm`, a matrix product of the students' size), then one line a system, graph, sentence
and thread count with medians over the repeats; `rtf_min` and `rtf_max` are the spread. `gmac_per_s` counts
multiply-accumulates per second of audio; `over_floor` is the time over that of the same multiply-accumulates at the rate of the
matrix product. `ratio_to_espnet_vits` is how many times faster than `espnet_vits_torch` in this run. ESPnet's VITS is given its
durations, which spares it its own predictor: with random weights that predictor's durations explode.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np

WORDS = "아침에 일어나 창문을 열고 맑은 공기를 마시면 하루가 상쾌하게 시작되고 마음도 한결 가벼워지는 느낌이 들어서 나는 이 시간을 가장 좋아한다"
SENTENCES = (3, 8, 20)  # seconds
FS, HOP = 22050, 256
GRAPHS = ("text_encoder", "latent_encoder", "decoder")


def sentence(tokens: int) -> str:
    """A sentence of about so many tokens, without a mark inside."""
    from espnet2_nix.text import tokenize

    words: list[str] = []
    while len(tokenize(" ".join(words))) < tokens:
        words.append(WORDS.split()[len(words) % len(WORDS.split())])
    return " ".join(words) + "."


class StudentSystem:
    """A student's voice, timed graph by graph."""

    def __init__(self, name: str, folder: Path, threads: int, parameters: dict[str, int]) -> None:
        from espnet2_nix.runtime import Voice

        self.name, self.folder, self._parameters = name, folder, parameters
        self.voice = Voice.load(folder, threads=threads)
        self.times: dict[str, float] = {}
        run = self.voice.graphs.run

        def timed(graph: str, value: np.ndarray) -> list[np.ndarray]:
            start = time.perf_counter()
            out = run(graph, value)
            self.times[graph.removesuffix(".onnx")] = (
                self.times.get(graph.removesuffix(".onnx"), 0.0) + time.perf_counter() - start
            )
            return out

        self.voice.graphs.run = timed

    def __call__(self, text: str, num_tokens: int) -> tuple[dict[str, float], float]:
        """Seconds by graph and in whole, and seconds of audio."""
        self.times = {}
        start = time.perf_counter()
        audio = self.voice.synthesize(text)
        return {**self.times, "whole": time.perf_counter() - start}, len(audio.samples) / FS

    def macs(self, num_tokens: int, num_frames: int) -> dict[str, int]:
        """Multiply-accumulates by graph and in whole."""
        from espnet2_nix.export.graphs import count_macs

        lengths = {"T_text": num_tokens, "T_feats": num_frames}
        counts = {graph: count_macs(self.folder / f"{graph}.onnx", lengths) for graph in GRAPHS}
        return {**counts, "whole": sum(counts.values())}

    def parameters(self) -> dict[str, int]:
        """Parameters by graph and in whole."""
        return self._parameters


class VITSSystem:
    """ESPnet's VITS in PyTorch, at given durations."""

    name = "espnet_vits_torch"

    def __init__(self, generator: object, threads: int) -> None:
        self.generator, self.threads = generator, threads

    def __call__(self, text: str, num_tokens: int) -> tuple[dict[str, float], float]:
        """Seconds in whole, and seconds of audio."""
        import torch

        torch.set_num_threads(self.threads)
        with torch.inference_mode():
            start = time.perf_counter()
            wav = self.run(num_tokens)
            elapsed = time.perf_counter() - start
        return {"whole": elapsed}, wav.shape[-1] / FS

    def run(self, num_tokens: int) -> object:
        """Speech of random tokens, of the length that the student would give them."""
        import torch

        from benchmarks.random_models import FRAMES_PER_TOKEN

        text = torch.randint(2, 70, (1, num_tokens))
        dur = torch.full((1, 1, num_tokens), float(FRAMES_PER_TOKEN))
        return self.generator.inference(text, torch.tensor([num_tokens]), dur=dur)[0]

    def macs(self, num_tokens: int, num_frames: int) -> dict[str, int]:
        """Multiply-accumulates in whole."""
        import torch
        from torch.utils.flop_counter import FlopCounterMode

        counter = FlopCounterMode(display=False)
        with torch.no_grad(), counter:
            self.run(num_tokens)
        return {"whole": counter.get_total_flops() // 2}

    def parameters(self) -> dict[str, int]:
        """What speaks: without the posterior encoder and the predictor that is not run."""
        parts = (self.generator.text_encoder, self.generator.flow, self.generator.decoder)
        return {"whole": sum(p.numel() for part in parts for p in part.parameters())}


class VITSDecoderSystem:
    """The decoder alone of ESPnet's VITS, as ONNX."""

    name = "espnet_vits_onnx"

    def __init__(self, generator: object, path: Path, threads: int) -> None:
        import torch

        from espnet2_nix.export.graphs import export_graph
        from espnet2_nix.runtime.graphs import open_session

        self.generator, self.path = generator, path
        if not path.exists():
            export_graph(
                generator.decoder,
                (torch.zeros(1, 192, 40),),
                path,
                ["z"],
                ["wav"],
                {"z": {2: "T_feats"}, "wav": {2: "T_wav"}},
            )
        self.session = open_session(path, threads)

    def __call__(self, text: str, num_tokens: int) -> tuple[dict[str, float], float]:
        """Seconds of the decoder, and seconds of audio."""
        z = np.random.default_rng(0).standard_normal((1, 192, frames_of(num_tokens)), np.float32)
        start = time.perf_counter()
        (wav,) = self.session.run(None, {"z": z})
        return {"decoder": time.perf_counter() - start}, wav.shape[-1] / FS

    def macs(self, num_tokens: int, num_frames: int) -> dict[str, int]:
        """Multiply-accumulates of the decoder."""
        from espnet2_nix.export.graphs import count_macs

        return {"decoder": count_macs(self.path, {"T_feats": num_frames})}

    def parameters(self) -> dict[str, int]:
        """Parameters of the decoder."""
        return {"decoder": sum(p.numel() for p in self.generator.decoder.parameters())}


def frames_of(num_tokens: int) -> int:
    """Frames of so many tokens."""
    from benchmarks.random_models import FRAMES_PER_TOKEN

    return num_tokens * FRAMES_PER_TOKEN


def gemm_call(threads: int) -> tuple[Callable[[], None], int]:
    """A matrix product of the decoder's size in onnxruntime, and its multiply-accumulates."""
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    rows, inner, columns, count = 690, 192, 512, 8
    rng = np.random.default_rng(0)
    nodes, weights = [], []
    for i in range(count):  # there and back again, so that the products follow each other as in the decoder
        shape = (inner, columns) if i % 2 == 0 else (columns, inner)
        weights.append(numpy_helper.from_array(rng.standard_normal(shape).astype(np.float32) / 20, f"w{i}"))
        nodes.append(helper.make_node("MatMul", [f"x{i}", f"w{i}"], [f"x{i + 1}"]))
    float_ = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "gemm",
        [helper.make_tensor_value_info("x0", float_, [1, rows, inner])],
        [helper.make_tensor_value_info(f"x{count}", float_, [1, rows, inner])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    x = rng.standard_normal((1, rows, inner)).astype(np.float32)
    return lambda: session.run(None, {"x0": x}), count * rows * inner * columns


def main(cmd: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voice", type=Path, default=None, help="a voice of stage 12, measured as well")
    parser.add_argument("--quick", action="store_true", help="the shortest sentence on one thread, three repeats")
    parser.add_argument("--repeats", type=int, default=7, help="timed calls of each system and sentence")
    args = parser.parse_args(cmd)
    lengths, thread_counts = ([3], [1]) if args.quick else (list(SENTENCES), [1, 2])
    repeats = 3 if args.quick else args.repeats
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), lengths, thread_counts, repeats, args.voice)


def parameters_of_voice(folder: Path) -> dict[str, int]:
    """Elements of the weights by graph and in whole."""
    import onnx

    counts = {
        graph: sum(math.prod(tensor.dims) for tensor in onnx.load(str(folder / f"{graph}.onnx")).graph.initializer)
        for graph in GRAPHS
    }
    return {**counts, "whole": sum(counts.values())}


def measure(
    folder: Path, lengths: list[int], thread_counts: list[int], repeats: int, voice: Path | None = None
) -> None:
    """Runs everything, interleaved, and prints the lines."""
    from benchmarks.random_models import DECODER_CONFIGS, FRAMES_PER_TOKEN, random_vits, write_random_voice
    from espnet2_nix.text import tokenize

    parameters = {}
    for name in DECODER_CONFIGS:
        student = write_random_voice(name, folder / name)
        modules = {
            "text_encoder": [student.encoder.text_encoder, student.encoder.duration_predictor],
            "latent_encoder": [student.encoder.latent_encoder],
            "decoder": [student.decoder],
        }
        parameters[name] = {
            graph: sum(p.numel() for part in parts for p in part.parameters()) for graph, parts in modules.items()
        }
        parameters[name]["whole"] = sum(parameters[name].values())
    generator = random_vits()
    texts = {seconds: sentence(round(seconds * FS / HOP / FRAMES_PER_TOKEN)) for seconds in lengths}
    tokens = {seconds: len(tokenize(text)) for seconds, text in texts.items()}
    for threads in thread_counts:
        systems = [
            *(StudentSystem(name, folder / name, threads, parameters[name]) for name in DECODER_CONFIGS),
            *([StudentSystem("voice", voice, threads, parameters_of_voice(voice))] if voice else []),
            VITSSystem(generator, threads),
            VITSDecoderSystem(generator, folder / "vits_decoder.onnx", threads),
        ]
        gemm, gemm_macs = gemm_call(threads)
        gemm_times: list[float] = []
        times: dict[tuple[str, int, str], list[float]] = defaultdict(list)
        audio: dict[tuple[str, int], float] = {}
        for repeat in range(repeats + 1):  # the first is not counted
            for seconds, text in texts.items():
                start = time.perf_counter()
                gemm()
                if repeat:
                    gemm_times.append(time.perf_counter() - start)
                for system in systems:
                    elapsed, audio[system.name, seconds] = system(text, tokens[seconds])
                    for graph, value in elapsed.items():
                        if repeat:
                            times[system.name, seconds, graph].append(value)
        rate = gemm_macs / float(np.median(gemm_times))
        show(system="gemm", graph="matmul", threads=threads, gmac_per_s_of_cpu=round(rate / 1e9, 1))
        for seconds in lengths:
            vits_rtf = (
                float(np.median(times["espnet_vits_torch", seconds, "whole"])) / audio["espnet_vits_torch", seconds]
            )
            for system in systems:
                length = audio[system.name, seconds]
                macs = system.macs(tokens[seconds], round(length * FS / HOP))
                for graph in macs:
                    rtfs = np.array(times[system.name, seconds, graph]) / length
                    rtf = float(np.median(rtfs))
                    show(
                        system=system.name,
                        graph=graph,
                        threads=threads,
                        seconds=round(length, 2),
                        rtf=round(rtf, 5),
                        rtf_min=round(float(rtfs.min()), 5),
                        rtf_max=round(float(rtfs.max()), 5),
                        gmac_per_s=round(macs[graph] / length / 1e9, 4),
                        over_floor=round(rtf * length * rate / macs[graph], 2),
                        parameters=system.parameters()[graph],
                        ratio_to_espnet_vits=round(vits_rtf / rtf, 2),
                        weights="the voice's" if system.name == "voice" else "random",
                    )


def show(**values: object) -> None:
    """One JSON line."""
    print(json.dumps({"benchmark": "rtf", **values}), flush=True)


if __name__ == "__main__":
    main()
