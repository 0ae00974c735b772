"""Models of the published sizes with random weights: speed does not depend on what they learnt."""

from __future__ import annotations

import argparse
import copy
import math
from pathlib import Path
from typing import Any

import torch
import yaml

from espnet2_nix.export.voice import VoiceFacts, write_voice
from espnet2_nix.models.nix_tts import NixTTS
from espnet2_nix.text import frontend_info, token_list

CONF = Path(__file__).resolve().parents[1] / "egs2" / "kss" / "nix_tts1" / "conf"
DECODER_CONFIGS = {
    "student_istft": CONF / "train_nix_decoder.yaml",
    "student_hifigan": CONF / "tuning" / "train_nix_hifigan_decoder.yaml",
}
FRAMES_PER_TOKEN = 4
"""21.5 tokens a second, about what the speaker of emotiontts_open_db says."""


def read_yaml(path: Path) -> dict[str, Any]:
    """A configuration."""
    with path.open(encoding="utf-8") as f:
        return yaml.safe_load(f)


def random_student(system: str) -> NixTTS:
    """A student of the KSS recipe; its tokens last `FRAMES_PER_TOKEN` frames."""
    encoder, decoder = read_yaml(CONF / "train_nix_encoder.yaml"), read_yaml(DECODER_CONFIGS[system])
    torch.manual_seed(0)
    student = NixTTS(
        len(token_list()),
        encoder_conf={"duration_predictor_conf": encoder["duration_predictor_conf"], **encoder["encoder_conf"]},
        decoder=decoder["decoder"],
        decoder_conf=decoder["decoder_conf"],
    ).eval()
    with torch.no_grad():
        proj = student.encoder.duration_predictor.proj
        proj.weight.zero_()
        proj.bias.fill_(math.log(FRAMES_PER_TOKEN - 0.5))  # rounded up
    return student


def write_random_voice(system: str, folder: Path, precision: str = "fp32", calibration: Any = ()) -> NixTTS:
    """Writes such a student as a voice and returns it."""
    student = random_student(system)
    facts = VoiceFacts("none", "CC0-1.0", token_list(), frontend_info())
    write_voice(student, facts, folder, precision, calibration)
    return student


def random_vits() -> torch.nn.Module:
    """Generator of the KSS recipe's teacher, ESPnet's VITS at the published size, 22.05 kHz."""
    from espnet2.tasks.gan_tts import GANTTSTask

    args = argparse.Namespace(**GANTTSTask.get_default_config())
    for name, value in read_yaml(CONF / "train_vits_teacher.yaml").items():
        setattr(args, name, copy.deepcopy(value))
    args.token_list = token_list()
    args.feats_extract, args.feats_extract_conf = "linear_spectrogram", {"n_fft": 1024, "hop_length": 256}
    args.normalize = args.pitch_extract = args.energy_extract = None
    torch.manual_seed(0)
    generator = GANTTSTask.build_model(args).tts.generator.eval()
    generator.decoder.remove_weight_norm()
    return generator
