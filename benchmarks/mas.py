"""Monotonic alignment search: milliseconds of ours (durations, and the whole path), of ESPnet's numba version and of a NumPy loop, interleaved in one process.

    python -m benchmarks.mas [--repeats 10]

Prints one JSON line a shape and system: median, minimum and maximum over the repeats, and the ratio of the median to ours.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings

import numpy as np

SHAPES = ((32, 201, 500), (16, 201, 900))  # B, T_text, T_feats


def numpy_path(log_p_attn: np.ndarray) -> np.ndarray:
    """The search of one utterance (T_feats, T_text), vectorised over tokens."""
    num_frames, num_tokens = log_p_attn.shape
    value = np.full(num_tokens, -np.inf, dtype=np.float32)
    value[0] = log_p_attn[0, 0]
    advanced = np.zeros((num_frames, num_tokens), dtype=bool)
    for t in range(1, num_frames):
        before = np.concatenate(([-np.inf], value[:-1]))
        advanced[t] = before > value
        value = np.maximum(before, value) + log_p_attn[t]
    attn = np.zeros_like(log_p_attn)
    j = num_tokens - 1
    for t in range(num_frames - 1, -1, -1):
        attn[t, j] = 1
        if t and advanced[t, j]:
            j -= 1
    return attn


def main(cmd: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=10, help="timed calls of each system")
    args = parser.parse_args(cmd)
    import torch

    from espnet2_nix.aligner.monotonic_alignment import maximum_path, maximum_path_durations, path_of_durations

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from espnet2.gan_tts.vits.monotonic_align import maximum_path as espnet_path

    for batch, num_tokens, num_frames in SHAPES:
        log_p = torch.log_softmax(torch.randn(batch, num_frames, num_tokens), dim=2)
        text_lengths, feats_lengths = torch.full((batch,), num_tokens), torch.full((batch,), num_frames)
        mask = torch.ones_like(log_p)
        systems = {
            "espnet2_nix": lambda: maximum_path_durations(log_p, text_lengths, feats_lengths),
            "espnet2_nix_path": lambda: maximum_path(log_p, text_lengths, feats_lengths),
            "espnet_numba": lambda: espnet_path(log_p, mask),
            "numpy": lambda: np.stack([numpy_path(item) for item in log_p.numpy()]),
        }
        scores = {}
        for name, call in systems.items():  # the first call compiles; the paths must be equally good
            path = torch.as_tensor(call())
            if path.dim() == 2:
                path = torch.from_numpy(path_of_durations(path.numpy(), num_frames))
            scores[name] = float((path * log_p).sum())
        assert max(scores.values()) - min(scores.values()) < 1e-2, scores
        times: dict[str, list[float]] = {name: [] for name in systems}
        for _ in range(args.repeats):
            for name, call in systems.items():
                start = time.perf_counter()
                call()
                times[name].append(1000 * (time.perf_counter() - start))
        ours = float(np.median(times["espnet2_nix"]))
        for name, values in times.items():
            print(
                json.dumps(
                    {
                        "benchmark": "mas",
                        "B": batch,
                        "T_text": num_tokens,
                        "T_feats": num_frames,
                        "system": name,
                        "threads": torch.get_num_threads(),
                        "ms_median": round(float(np.median(values)), 2),
                        "ms_min": round(min(values), 2),
                        "ms_max": round(max(values), 2),
                        "ratio_to_ours": round(float(np.median(values)) / ours, 2),
                    }
                ),
                flush=True,
            )


if __name__ == "__main__":
    main()
