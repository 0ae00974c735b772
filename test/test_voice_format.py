"""The format of a voice, and what a speaker may ask for."""

import json

import numpy as np
import pytest

from espnet2_nix.voice_format import GRAPHS, MAX_SEED, SpeakOptions, VoiceError, VoiceInfo


def make_info(**changes):
    values = {
        "sample_rate": 22050,
        "hop_length": 256,
        "token_list": ("<blank>", "a"),
        "frontend": {"name": "standard", "version": "1"},
        "receptive_field": {"latent_encoder": (3, 4), "decoder": (5, 6)},
        "noise_scale": 0.5,
        "name": "말",
        "corpus": "noise",
        "license": "CC0-1.0",
        "precision": "fp16",
        "facts": {"init_license": "MIT"},
    }
    return VoiceInfo(**values | changes)


def test_what_is_written_is_read(tmp_path):
    for name in GRAPHS:
        (tmp_path / name).write_bytes(name.encode())
    info = make_info().with_hashes(tmp_path, GRAPHS)
    info.write(tmp_path)
    assert VoiceInfo.read(tmp_path) == info
    info.check_files(tmp_path)
    content = json.loads((tmp_path / "voice.json").read_text(encoding="utf-8"))
    assert content["format_version"] == 1
    assert content["defaults"] == {"noise_scale": 0.5, "speed": 1.0}
    (tmp_path / GRAPHS[0]).write_bytes(b"other")
    with pytest.raises(VoiceError, match="is damaged"):
        info.check_files(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"speed": 0}, "speed: expected a factor of 0.1 to 10, found 0"),
        ({"speed": 1e-9}, "speed"),
        ({"speed": float("nan")}, "speed"),
        ({"speed": float("inf")}, "speed"),
        ({"speed": "fast"}, "speed"),
        ({"noise_scale": -1}, "noise_scale: expected 0 to 3, found -1"),
        ({"noise_scale": float("nan")}, "noise_scale"),
        ({"noise_scale": float("inf")}, "noise_scale"),
        ({"noise_scale": "0.5"}, "noise_scale"),
        ({"seed": -1}, "seed: expected a whole number of 0 to"),
        ({"seed": 0.5}, "seed"),
        ({"seed": MAX_SEED + 1}, "seed"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(VoiceError, match=message):
        SpeakOptions(**options)


def test_options_at_the_ends_of_their_ranges_are_taken():
    SpeakOptions(speed=0.1, noise_scale=0, seed=MAX_SEED)
    SpeakOptions(speed=np.float32(10), noise_scale=np.float64(3), seed=np.int64(1))
