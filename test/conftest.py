"""Small models and corpora that the tests share."""

import argparse
import copy
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_training import packed, spoken, student_dir, tiny_data, trained  # noqa: F401  # fixtures

ROOT = Path(__file__).resolve().parents[1]
TINY_GENERATOR = {
    "hidden_channels": 8,
    "spks": -1,
    "global_channels": -1,
    "segment_size": 8,
    "text_encoder_attention_heads": 2,
    "text_encoder_ffn_expand": 2,
    "text_encoder_blocks": 1,
    "text_encoder_positionwise_layer_type": "conv1d",
    "text_encoder_positionwise_conv_kernel_size": 3,
    "text_encoder_positional_encoding_layer_type": "rel_pos",
    "text_encoder_self_attention_layer_type": "rel_selfattn",
    "text_encoder_activation_type": "swish",
    "text_encoder_normalize_before": True,
    "text_encoder_dropout_rate": 0.1,
    "text_encoder_conformer_kernel_size": -1,
    "use_macaron_style_in_text_encoder": False,
    "use_conformer_conv_in_text_encoder": False,
    "decoder_channels": 16,
    "decoder_upsample_scales": [8, 8, 2, 2],
    "decoder_upsample_kernel_sizes": [16, 16, 4, 4],
    "decoder_resblock_kernel_sizes": [3],
    "decoder_resblock_dilations": [[1, 3]],
    "posterior_encoder_layers": 2,
    "flow_flows": 2,
    "flow_layers": 2,
    "stochastic_duration_predictor_flows": 2,
}
TINY_DISCRIMINATOR = {
    "scales": 1,
    "periods": [2],
    "scale_discriminator_params": {
        "in_channels": 1,
        "out_channels": 1,
        "kernel_sizes": [15, 41, 5, 3],
        "channels": 4,
        "max_downsample_channels": 8,
        "max_groups": 2,
        "bias": True,
        "downsample_scales": [4, 4],
        "nonlinear_activation": "LeakyReLU",
        "nonlinear_activation_params": {"negative_slope": 0.1},
    },
    "period_discriminator_params": {
        "in_channels": 1,
        "out_channels": 1,
        "kernel_sizes": [5, 3],
        "channels": 4,
        "downsample_scales": [3, 3],
        "max_downsample_channels": 8,
        "bias": True,
        "nonlinear_activation": "LeakyReLU",
        "nonlinear_activation_params": {"negative_slope": 0.1},
        "use_weight_norm": True,
        "use_spectral_norm": False,
    },
}


def make_teacher_args(token_list, generator=None, tts_conf=None):
    """Options of a tiny VITS, as its training would write them to config.yaml."""
    from espnet2.tasks.gan_tts import GANTTSTask

    conf = {
        "generator_params": {**TINY_GENERATOR, **(generator or {})},
        "discriminator_params": TINY_DISCRIMINATOR,
        "sampling_rate": 22050,
        **(tts_conf or {}),
    }
    args = argparse.Namespace(**GANTTSTask.get_default_config())
    args.tts, args.tts_conf = "vits", copy.deepcopy(conf)
    args.token_list = list(token_list)
    args.feats_extract, args.feats_extract_conf = "linear_spectrogram", {"n_fft": 1024, "hop_length": 256}
    args.normalize = args.pitch_extract = args.energy_extract = None
    return args


@pytest.fixture(scope="session")
def tiny_teacher_dir(tmp_path_factory):
    """A folder with config.yaml and model.pth of a tiny VITS with random weights."""
    import torch
    import yaml
    from espnet2.tasks.gan_tts import GANTTSTask

    from espnet2_nix.text import token_list

    folder = tmp_path_factory.mktemp("teacher")
    args = make_teacher_args(token_list())
    (folder / "config.yaml").write_text(yaml.safe_dump(vars(copy.deepcopy(args)), allow_unicode=True), encoding="utf-8")
    torch.manual_seed(0)
    torch.save(GANTTSTask.build_model(args).state_dict(), folder / "model.pth")
    return folder


@pytest.fixture
def tiny_teacher(tiny_teacher_dir):
    """The teacher of that folder."""
    from espnet2_nix.models.load_teacher import load_teacher

    return load_teacher(tiny_teacher_dir / "config.yaml", tiny_teacher_dir / "model.pth")


def make_encoder_conf(latent_channels=8):
    """Sizes of a tiny student encoder."""
    return {
        "latent_channels": latent_channels,
        "channels": 16,
        "text_encoder_conf": {"dilations": [1, 2], "dropout_rate": 0.1},
        "latent_encoder_conf": {"dilations": [1, 2], "dropout_rate": 0.1},
        "duration_predictor_conf": {"hidden_channels": 16},
    }


def make_batch(seed=0, samples=(12000, 10000), tokens=(9, 7)):
    """A batch of noise and random tokens: text, text_lengths, speech, speech_lengths."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    text = torch.randint(2, 74, (len(tokens), max(tokens)), generator=generator)
    speech = 0.1 * torch.randn(len(samples), max(samples), generator=generator)
    for i, (t, s) in enumerate(zip(tokens, samples, strict=True)):
        text[i, t:] = 0
        speech[i, s:] = 0
    return {
        "text": text,
        "text_lengths": torch.tensor(tokens),
        "speech": speech,
        "speech_lengths": torch.tensor(samples),
    }


ISTFT_DECODER = {"channels": 16, "num_blocks": 2, "expansion": 32}
HIFIGAN_DECODER = {"channels": 16, "upsample_channels": [16, 8, 4, 4]}
RESBLOCK2_DECODER = {
    "channels": 32,
    "upsample_scales": [8, 8, 4],
    "resblock_kernel_sizes": [3, 5],
    "resblock_dilations": [[1, 2], [2, 6]],
}
DECODERS = {"istft": ISTFT_DECODER, "hifigan": HIFIGAN_DECODER, "resblock2": RESBLOCK2_DECODER}


def make_student(decoder="istft", seed=0, **encoder_conf):
    """A tiny student with random weights, ready to speak; its tokens last about four frames."""
    import torch

    from espnet2_nix.models.nix_tts import NixTTS
    from espnet2_nix.text import token_list

    torch.manual_seed(seed)
    student = NixTTS(
        len(token_list()),
        encoder_conf=make_encoder_conf() | encoder_conf,
        decoder=decoder,
        decoder_conf=DECODERS[decoder],
    ).eval()
    with torch.no_grad():
        if encoder_conf.get("duration_predictor", "deterministic") == "deterministic":
            student.encoder.duration_predictor.proj.bias.fill_(1.4)
        torch.nn.init.normal_(student.encoder.latent_encoder.proj.weight, std=0.3)
    return student


def make_voice(folder, decoder="istft", precision="fp32", **kwargs):
    """Writes a tiny student as a voice and returns it."""
    from espnet2_nix.export.voice import VoiceFacts, write_voice
    from espnet2_nix.text import frontend_info, token_list

    student = make_student(decoder)
    write_voice(student, VoiceFacts("noise", "CC0-1.0", token_list(), frontend_info()), folder, precision, **kwargs)
    return student


@pytest.fixture(scope="session")
def voices(tmp_path_factory):
    """A folder with a tiny voice of each decoder: `istft`, `hifigan`.

    NIX_TEST_VOICES names such a folder made before (tools/runtime_check.sh), where PyTorch is not installed.
    """
    if os.environ.get("NIX_TEST_VOICES"):
        return Path(os.environ["NIX_TEST_VOICES"])
    folder = tmp_path_factory.mktemp("voices")
    for decoder in ("istft", "hifigan"):
        make_voice(folder / decoder, decoder)
    return folder


def run(*command, cwd, env=None, check=False, **kwargs):
    """Runs a command of the recipe; returns what subprocess.run does."""
    # The tests' own Python stands for the .venv, wherever it is.
    env = {**os.environ, "NIX_PYTHON": sys.executable, **(env or {})}
    return subprocess.run(command, cwd=cwd, env=env, check=check, capture_output=True, text=True, **kwargs)


@pytest.fixture
def recipe(tmp_path):
    """A copy of the toy recipe in the layout of a checkout, so that nothing is written into the real one."""
    shutil.copytree(
        ROOT / "egs2",
        tmp_path / "egs2",
        symlinks=True,
        ignore=shutil.ignore_patterns("dump", "exp", "data", "downloads"),
    )
    return tmp_path / "egs2" / "toy_kss" / "nix_tts1"


@pytest.fixture(scope="session")
def server(voices):
    """A running server with those voices."""
    from serving import serve

    with serve(voices) as running:
        yield running
