"""Voices that cannot be spoken with are refused in one sentence; those that can are not."""

import hashlib
import json
import logging
import shutil

import numpy as np
import pytest

from espnet2_nix.runtime import Voice, VoiceError


@pytest.fixture
def folder(voices, tmp_path):
    """A copy of a voice, to damage."""
    shutil.copytree(voices / "istft", tmp_path / "voice")
    return tmp_path / "voice"


def info_of(folder):
    return json.loads((folder / "voice.json").read_text(encoding="utf-8"))


def edit(folder, **changes):
    """Changes entries of voice.json; None removes one."""
    info = info_of(folder) | changes
    info = {name: value for name, value in info.items() if value is not None}
    (folder / "voice.json").write_text(json.dumps(info, ensure_ascii=False), encoding="utf-8")


def no_folder(folder):
    shutil.rmtree(folder)


def no_json(folder):
    (folder / "voice.json").unlink()


def cut_json(folder):
    (folder / "voice.json").write_bytes((folder / "voice.json").read_bytes()[:100])


def json_of_something_else(folder):
    (folder / "voice.json").write_text("[]", encoding="utf-8")


def endless_json(folder):
    (folder / "voice.json").write_text("[" * 100_000, encoding="utf-8")


def json_in_another_encoding(folder):
    (folder / "voice.json").write_bytes('{"corpus": "말"}'.encode("utf-16"))


def no_graph(folder):
    (folder / "decoder.onnx").unlink()


def cut_graph(folder):
    (folder / "latent_encoder.onnx").write_bytes((folder / "latent_encoder.onnx").read_bytes()[:-10])


def unlisted_graph(folder):
    hashes = info_of(folder)["sha256"]
    del hashes["decoder.onnx"]
    edit(folder, sha256=hashes)


def rehash(folder):
    """Makes the hashes those of the files."""
    hashes = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in info_of(folder)["sha256"]}
    edit(folder, sha256=hashes)


def broken_graph(folder):
    (folder / "text_encoder.onnx").write_bytes(b"no graph")
    rehash(folder)


def swapped_graphs(folder):
    for a, b in (("decoder", "aside"), ("latent_encoder", "decoder"), ("aside", "latent_encoder")):
        (folder / f"{a}.onnx").rename(folder / f"{b}.onnx")
    rehash(folder)


def short_token_list(folder):
    edit(folder, token_list=info_of(folder)["token_list"][:30])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (no_folder, r"is no folder; a voice is the folder that stage 12 writes"),
        (no_json, r"voice.json not found; a voice is the folder that stage 12 writes"),
        (cut_json, r"voice.json is damaged: .*; copy or export the voice again"),
        (endless_json, r"voice.json is damaged: .*; copy or export the voice again"),
        (json_in_another_encoding, r"voice.json is damaged: .*; copy or export the voice again"),
        (json_of_something_else, r"format version None, this package reads version 1"),
        (no_graph, r"decoder.onnx not found; the voice is incomplete, copy its whole folder again"),
        (cut_graph, r"latent_encoder.onnx is damaged: its SHA-256 begins"),
        (unlisted_graph, r"lists no decoder.onnx; export the voice again"),
        (broken_graph, r"text_encoder.onnx cannot be loaded by onnxruntime"),
        (swapped_graphs, r"latent_encoder.onnx: expected a graph of frames -> m_s, logs_s, found z -> wav"),
        (short_token_list, r"the token list lacks .*, which front-end standard gives"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_damaged_voice_is_refused(folder, damage, message):
    damage(folder)
    with pytest.raises(VoiceError, match=message):
        Voice.load(folder)


DIGEST = "0" * 64
FIELD = {"latent_encoder": [1, 1], "decoder": [1, 1]}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("format_version", 99, "format version 99, this package reads version 1; install the espnet2_nix"),
        ("format_version", "1", "format version 1, this package reads version 1"),
        ("receptive_field", None, "lacks receptive_field; export the voice again"),
        ("sample_rate", "22050", "sample_rate: expected a whole number of 1000 to 384000, found '22050'"),
        ("sample_rate", 0, "sample_rate: expected a whole number"),
        ("sample_rate", 22050.5, "sample_rate: expected a whole number"),
        ("sample_rate", True, "sample_rate: expected a whole number"),
        ("hop_length", 0, "hop_length: expected a whole number of 1 to 22050, found 0"),
        ("hop_length", -256, "hop_length: expected a whole number"),
        ("hop_length", [256], "hop_length: expected a whole number"),
        ("token_list", 5, "token_list: expected a list of different tokens, found 5"),
        ("token_list", [], "token_list: expected"),
        ("token_list", ["a", 1], "token_list: expected"),
        ("token_list", ["a", "a"], "token_list: expected"),
        ("frontend", "standard", "frontend: expected name and version, found 'standard'"),
        ("frontend", {"name": "standard"}, "frontend: expected name and version"),
        ("frontend", {"name": ["standard"], "version": "1"}, "frontend: expected name and version"),
        ("frontend", {"name": "espeak", "version": "1"}, "found 'espeak'; install the espnet2_nix that made it"),
        ("receptive_field", [1, 1], "receptive_field.latent_encoder: expected two numbers of frames, found None"),
        ("receptive_field", FIELD | {"decoder": [1]}, "receptive_field.decoder: expected two numbers"),
        ("receptive_field", FIELD | {"decoder": [1, -1]}, "receptive_field.decoder: expected two numbers"),
        ("receptive_field", FIELD | {"decoder": [1, 10**9]}, "receptive_field.decoder: expected two numbers"),
        ("receptive_field", FIELD | {"decoder": [1, "1"]}, "receptive_field.decoder: expected two numbers"),
        ("defaults", [], "defaults.noise_scale: expected a number of 0 to 3, found None"),
        ("defaults", {"noise_scale": "0.6"}, "defaults.noise_scale: expected a number"),
        ("defaults", {"noise_scale": float("nan")}, "defaults.noise_scale: expected a number of 0 to 3, found nan"),
        ("defaults", {"noise_scale": 1e300}, "defaults.noise_scale: expected a number"),
        ("defaults", {"noise_scale": -0.1}, "defaults.noise_scale: expected a number"),
        ("sha256", [], r"sha256: expected hashes by file name, found \[\]"),
        (
            "sha256",
            {"/etc/passwd": DIGEST},
            "sha256: expected names of files in the voice's folder, found '/etc/passwd'",
        ),
        ("sha256", {"../voice.json": DIGEST}, "sha256: expected names of files in the voice's folder"),
        ("sha256", {"..": DIGEST}, "sha256: expected names of files in the voice's folder"),
        ("sha256", {"decoder.onnx": 5}, "sha256 of decoder.onnx: expected 64 hexadecimal digits, found 5"),
        ("sha256", {"decoder.onnx": "0" * 63}, "sha256 of decoder.onnx: expected 64 hexadecimal digits"),
        ("corpus", 5, "corpus: expected a string, found 5"),
        ("license", ["CC0"], "license: expected a string"),
        ("languages", "ko", "languages: expected a list of strings, found 'ko'"),
    ],
)
def test_an_entry_of_another_type_or_range_is_refused(folder, name, value, message):
    edit(folder, **{name: value})
    with pytest.raises(VoiceError, match=message):
        Voice.load(folder)


def test_another_hop_than_the_decoders_is_refused_when_it_speaks(folder):
    edit(folder, hop_length=128)
    with pytest.raises(VoiceError, match=r"voice\.json says hop_length 128; export the voice again"):
        Voice.load(folder).synthesize("나무")


@pytest.mark.parametrize("version", ["0", "99"])
def test_a_voice_outlives_repairs_of_the_front_end(voices, folder, version, caplog):
    caplog.set_level(logging.INFO)
    edit(folder, frontend={"name": "standard", "version": version})
    spoken = Voice.load(folder).synthesize("나무가 많다.").samples
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 1
    assert f"made with front-end standard {version}, spoken with version" in lines[0]
    assert np.array_equal(spoken, Voice.load(voices / "istft").synthesize("나무가 많다.").samples)


def test_entries_that_a_later_package_adds_do_no_harm(folder):
    edit(folder, color="blue")
    assert Voice.load(folder).info.facts == {"color": "blue"}
