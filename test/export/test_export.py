"""Voices against PyTorch: graphs, precisions, refusals, sherpa-onnx."""

import json

import numpy as np
import onnx
import pytest
import torch
import yaml
from conftest import make_student, make_voice

from espnet2_nix.export.graphs import OPSET, count_macs
from espnet2_nix.export.sherpa import write_sherpa
from espnet2_nix.export.voice import ExportError, VoiceFacts, write_voice
from espnet2_nix.runtime import Voice
from espnet2_nix.runtime.graphs import open_session
from espnet2_nix.tasks.preprocessor import NixPreprocessor
from espnet2_nix.text import frontend_info, single_character, token_list, tokenize

FACTS = VoiceFacts("noise", "CC0-1.0", token_list(), frontend_info())
TEXT = "나무가 많고 물이 맑다."


@pytest.mark.parametrize("decoder", ["istft", "hifigan"])
def test_the_voice_says_what_the_student_says(voices, decoder):
    student = make_student(decoder)
    ids = NixPreprocessor(token_list(), frontend_info())("u", {"text": TEXT})["text"]
    for seed in (0, 7):
        wav = student.inference(torch.from_numpy(ids), seed=seed)["wav"].clamp(-1, 1).numpy()
        audio = Voice.load(voices / decoder).synthesize(TEXT, seed=seed)
        np.testing.assert_allclose(audio.samples, wav, atol=1e-4)


def test_a_voice_of_an_encoder_with_pitch_says_what_the_student_says(tmp_path):
    student = make_student("istft", pitch_predictor_conf={"hidden_channels": 16})
    with torch.no_grad():
        for name, value in (("log_f0", 0.5), ("voicing", 0.3)):  # within the gate's ramp
            getattr(student.encoder.pitch_predictor, name).proj.bias.fill_(value)
    write_voice(student, FACTS, tmp_path / "voice")
    ids = torch.from_numpy(NixPreprocessor(token_list(), frontend_info())("u", {"text": TEXT})["text"])
    wav = student.inference(ids, seed=0)["wav"].clamp(-1, 1).numpy()
    np.testing.assert_allclose(Voice.load(tmp_path / "voice").synthesize(TEXT, seed=0).samples, wav, atol=1e-4)
    student.encoder.pitch_predictor = None
    assert np.abs(student.inference(ids, seed=0)["wav"].clamp(-1, 1).numpy() - wav).max() > 1e-3


def test_voice_json_tells_what_the_runtime_and_a_person_must_know(voices):
    info = json.loads((voices / "istft" / "voice.json").read_text(encoding="utf-8"))
    student = make_student("istft")
    assert info["format_version"] == 1
    assert info["sample_rate"] == 22050
    assert info["hop_length"] == 256
    assert info["token_list"] == token_list()
    assert info["frontend"] == frontend_info()
    assert info["languages"] == ["ko"]
    assert (info["corpus"], info["license"]) == ("noise", "CC0-1.0")
    assert info["receptive_field"]["decoder"] == list(student.decoder.receptive_field)
    assert info["receptive_field"]["latent_encoder"] == list(student.encoder.latent_encoder.receptive_field)
    files = {path.name for path in (voices / "istft").iterdir()}
    assert files == {*info["sha256"], "voice.json"}
    assert "CC0-1.0" in (voices / "istft" / "LICENSE").read_text(encoding="utf-8")


@pytest.mark.parametrize("decoder", ["istft", "hifigan"])
def test_graphs_hold_no_randomness_no_weight_norm_and_load_with_the_oldest_runtime(voices, decoder):
    for path in (voices / decoder).glob("*.onnx"):
        model = onnx.load(str(path))
        onnx.checker.check_model(model)
        assert not [node.op_type for node in model.graph.node if "Random" in node.op_type]
        assert not [node.op_type for node in model.graph.node if node.op_type in ("Loop", "If", "Scan")]
        assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", OPSET)]
        assert model.ir_version <= 9  # onnxruntime 1.17 reads up to 9
        # A weight norm would be computed at every call.
        assert not [node.op_type for node in model.graph.node if node.op_type == "ReduceL2"]


def test_multiply_accumulates_are_counted():
    class Known(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv1d(4, 6, 3, padding=1, groups=2)
            self.up = torch.nn.ConvTranspose1d(6, 2, 4, stride=2, padding=1)
            self.linear = torch.nn.Linear(2, 5)

        def forward(self, x):
            return self.linear(self.up(self.conv(x)).transpose(1, 2))

    import tempfile
    from pathlib import Path

    from espnet2_nix.export.graphs import export_graph

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "known.onnx"
        export_graph(Known(), (torch.zeros(1, 4, 9),), path, ["x"], ["y"], {"x": {2: "T"}, "y": {1: "T2"}})
        by_hand = 10 * (6 * 2 * 3) + 10 * (6 * 2 * 4) + 20 * (2 * 5)
        assert count_macs(path, {"T": 10}) == by_hand


def test_half_precision_halves_the_file_and_is_hardly_heard(voices, tmp_path):
    make_voice(tmp_path / "half", "istft", "fp16")
    sizes = [
        sum(path.stat().st_size for path in folder.glob("*.onnx")) for folder in (voices / "istft", tmp_path / "half")
    ]
    half = open_session(tmp_path / "half" / "decoder.onnx")
    full = open_session(voices / "istft" / "decoder.onnx")
    z = np.random.default_rng(0).standard_normal((1, 8, 30), np.float32)
    difference = np.abs(half.run(None, {"z": z})[0] - full.run(None, {"z": z})[0]).max()
    assert 0 < difference < 0.05 * np.abs(full.run(None, {"z": z})[0]).max()
    assert Voice.load(tmp_path / "half").info.precision == "fp16"
    assert sizes[1] < sizes[0]


def test_int8_is_calibrated_and_refused_where_it_would_be_heard(tmp_path, monkeypatch):
    from espnet2_nix.export import quantization

    texts = [tokenize(text) for text in ("나무가 많다.", "물을 마신다.")]
    student = make_student("istft")
    monkeypatch.setattr(quantization, "MAX_MEL_DISTANCE", 10.0)
    write_voice(student, FACTS, tmp_path / "int8", "int8", texts)
    for name in ("latent_encoder", "decoder"):
        model = onnx.load(str(tmp_path / "int8" / f"{name}.onnx"))
        assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", OPSET)]
        operators = {node.op_type for node in model.graph.node}
        assert "QuantizeLinear" in operators
        assert "DynamicQuantizeLinear" not in operators
    assert len(Voice.load(tmp_path / "int8").synthesize("나무").samples) > 0
    monkeypatch.setattr(quantization, "MAX_MEL_DISTANCE", 1e-6)
    with pytest.raises(ExportError, match=r"int8 differs from fp32 by .* use --precision fp16"):
        write_voice(student, FACTS, tmp_path / "refused", "int8", texts)
    with pytest.raises(ExportError, match="int8 needs texts to calibrate with"):
        write_voice(student, FACTS, tmp_path / "refused", "int8")
    assert not list(tmp_path.glob("*refused*"))


def test_int8_leaves_what_runs_at_the_rate_of_the_samples_in_float(tmp_path, monkeypatch):
    from espnet2_nix.export import quantization

    monkeypatch.setattr(quantization, "MAX_MEL_DISTANCE", 10.0)
    write_voice(make_student("resblock2"), FACTS, tmp_path / "int8", "int8", [tokenize("나무가 많다.")])
    graph = onnx.load(str(tmp_path / "int8" / "decoder.onnx")).graph
    made_by = {name: node for node in graph.node for name in node.output}
    last = max(i for i, node in enumerate(graph.node) if node.op_type == "ConvTranspose")

    def is_quantized(node):
        return node.input[1] in made_by and made_by[node.input[1]].op_type == "DequantizeLinear"

    convolutions = [(i, node) for i, node in enumerate(graph.node) if node.op_type == "Conv"]
    before = [is_quantized(node) for i, node in convolutions if i < last]
    after = [is_quantized(node) for i, node in convolutions if i > last]
    assert before
    assert all(before)
    assert after
    assert not any(after)
    # Weights that stay in float take half the room; scales are constants, as int8 kernels ask for.
    floats = {t.name for t in graph.initializer if t.data_type == onnx.TensorProto.FLOAT and np.prod(t.dims) >= 64}
    scales = {n.input[1] for n in graph.node if n.op_type in ("QuantizeLinear", "DequantizeLinear")}
    assert floats <= scales
    assert not {name for name in scales if name in made_by}


def test_a_graph_that_differs_from_pytorch_is_not_written(tmp_path, monkeypatch):
    from espnet2_nix.export import voice

    monkeypatch.setattr(voice, "TOLERANCE", 0.0)
    with pytest.raises(ExportError, match="the graphs differ from PyTorch by"):
        write_voice(make_student(), FACTS, tmp_path / "voice")
    assert not list(tmp_path.iterdir())


def test_a_voice_replaces_a_voice_and_nothing_else(tmp_path):
    make_voice(tmp_path / "voice")
    make_voice(tmp_path / "voice", "hifigan")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(ExportError, match="is no voice: it is not replaced"):
        make_voice(tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").exists()
    with pytest.raises(ExportError, match="precision: expected one of fp32, fp16, int8"):
        make_voice(tmp_path / "voice", precision="fp8")


def test_stochastic_durations_are_refused(tmp_path):
    student = make_student(duration_predictor="stochastic", duration_predictor_conf={"n_flows": 2})
    with pytest.raises(ValueError, match="duration_predictor: deterministic"):
        write_voice(student, FACTS, tmp_path / "voice")


# ---- stage 12


@pytest.fixture(scope="module")
def student_dir(tmp_path_factory):
    """config.yaml and model.pth of a tiny student, as stage 9 writes them."""
    from espnet2.tts.espnet_model import ESPnetTTSModel

    from espnet2_nix.student.checkpoint import save_student

    folder = tmp_path_factory.mktemp("student")
    student = make_student()
    from conftest import ISTFT_DECODER, make_encoder_conf

    config = {
        "tts": "nix_tts",
        "tts_conf": {
            "fs": 22050,
            "encoder_conf": make_encoder_conf(),
            "decoder": "istft",
            "decoder_conf": ISTFT_DECODER,
        },
        "token_list": token_list(),
        "frontend": frontend_info(),
        "feats_extract": "linear_spectrogram",
        "feats_extract_conf": {"n_fft": 1024, "hop_length": 256},
        "normalize": None,
        "normalize_conf": {},
        "odim": None,
        "model_conf": {},
        "corpus": "noise",
        "license": "CC0-1.0",
    }
    from espnet2.tts.feats_extract.linear_spectrogram import LinearSpectrogram

    model = ESPnetTTSModel(
        tts=student,
        feats_extract=LinearSpectrogram(n_fft=1024, hop_length=256),
        pitch_extract=None,
        energy_extract=None,
        normalize=None,
        pitch_normalize=None,
        energy_normalize=None,
    )
    save_student(model, config, folder)
    return folder


def command_of(student_dir, outdir, *options):
    files = ["--train_config", str(student_dir / "config.yaml"), "--model_file", str(student_dir / "model.pth")]
    return [*files, "--outdir", str(outdir), *options]


def test_stage_12_exports_checks_and_speaks(student_dir, tmp_path, caplog):
    from espnet2_nix.bin import export_voice

    caplog.set_level("INFO")
    export_voice.main(command_of(student_dir, tmp_path / "voice"))
    assert "largest difference between PyTorch and onnxruntime" in caplog.text
    assert "MB in all, fp32" in caplog.text
    assert len(Voice.load(tmp_path / "voice").synthesize("나무").samples) > 0


def test_stage_12_refuses_with_a_sentence(student_dir, tmp_path, caplog):
    from espnet2_nix.bin import export_voice

    with pytest.raises(SystemExit) as stop:
        export_voice.main(command_of(tmp_path, tmp_path / "voice"))
    assert stop.value.code == 1
    assert "config.yaml not found" in caplog.text
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"tts": "vits"}), encoding="utf-8")
    with pytest.raises(SystemExit):
        export_voice.main(command_of(tmp_path, tmp_path / "voice"))
    assert "expected a student (tts: nix_tts), found tts: vits" in caplog.text
    with pytest.raises(SystemExit):
        export_voice.main(command_of(student_dir, tmp_path / "voice", "--precision", "int8"))
    assert "int8 needs texts to calibrate with" in caplog.text


# ---- sherpa-onnx


def test_sherpa_onnx_speaks(tmp_path):
    sherpa_onnx = pytest.importorskip("sherpa_onnx", reason="sherpa-onnx is not installed: pip install sherpa-onnx")
    student = make_student()
    model = write_sherpa(student, FACTS, tmp_path)
    names = [entry.name for entry in onnx.load(str(model)).graph.input]
    assert names == ["x", "x_length", "noise_scale", "length_scale", "noise_scale_w"]
    vits = sherpa_onnx.OfflineTtsVitsModelConfig(model=str(model), tokens=str(tmp_path / "tokens.txt"), noise_scale=0.0)
    config = sherpa_onnx.OfflineTtsConfig(model=sherpa_onnx.OfflineTtsModelConfig(vits=vits, num_threads=1))
    assert config.validate()
    speaker = sherpa_onnx.OfflineTts(config)
    tokens = tokenize(TEXT)
    audio = speaker.generate("".join(map(single_character, tokens)), sid=0, speed=1.0)
    assert audio.sample_rate == 22050
    ids = torch.tensor([token_list().index(token) for token in tokens])
    expected = student.inference(ids, noise_scale=0.0)["wav"]
    assert len(audio.samples) == len(expected)
    np.testing.assert_allclose(np.array(audio.samples), expected.numpy(), atol=1e-3)


def test_the_licence_of_a_start_voice_is_carried(tmp_path):
    from espnet2_nix.export.voice import VoiceFacts, write_voice
    from espnet2_nix.voice_format import VoiceInfo

    facts = VoiceFacts("noise", "CC0-1.0", token_list(), frontend_info(), "en_US-joe-medium (Piper): CC0")
    write_voice(make_student(), facts, tmp_path / "voice")
    assert "began with a public voice: en_US-joe-medium (Piper): CC0" in (tmp_path / "voice" / "LICENSE").read_text(
        encoding="utf-8"
    )
    assert VoiceInfo.read(tmp_path / "voice").facts["init_license"] == facts.init_license
