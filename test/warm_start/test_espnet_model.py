"""What an ESPnet VITS becomes as the start of a teacher, and what is refused."""

from __future__ import annotations

import copy
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from conftest import TINY_DISCRIMINATOR, TINY_GENERATOR, make_teacher_args

from espnet2_nix.bin import latent_stats, teacher_init
from espnet2_nix.errors import UserError
from espnet2_nix.models.load_teacher import load_teacher, load_vits
from espnet2_nix.text import token_list
from espnet2_nix.warm_start.espnet_model import read_espnet_voice
from espnet2_nix.warm_start.latent_stats import write_latent_stats
from espnet2_nix.warm_start.teacher import init_teacher

OTHER_TOKENS = ["<blank>", "<unk>", "a", "b", "<sos/eos>"]
SIZES = {"fs": 22050, "n_fft": 1024, "n_shift": 256}


def write_model(folder: Path, generator=None, tts_conf=None, tokens=OTHER_TOKENS, **options: object) -> Path:
    """An ESPnet VITS of other tokens: ``config.yaml`` and ``model.pth``."""
    from espnet2.tasks.gan_tts import GANTTSTask

    folder.mkdir(parents=True, exist_ok=True)
    args = make_teacher_args(tokens, generator, tts_conf)
    for name, value in options.items():
        setattr(args, name, value)
    (folder / "config.yaml").write_text(yaml.safe_dump(vars(copy.deepcopy(args))), encoding="utf-8")
    torch.manual_seed(1)
    torch.save(GANTTSTask.build_model(args).state_dict(), folder / "model.pth")
    return folder


def pack(model: Path, path: Path) -> Path:
    """The model as a zip file of the model zoo."""
    meta = {"yaml_files": {"train_config": "exp/config.yaml"}, "files": {"model_file": "exp/model.pth"}}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("meta.yaml", yaml.safe_dump(meta))
        archive.write(model / "config.yaml", "exp/config.yaml")
        archive.write(model / "model.pth", "exp/model.pth")
    return path


@pytest.fixture
def recipe_files(tmp_path: Path) -> dict[str, str]:
    """A teacher's YAML around another decoder and a larger posterior encoder, and the recipe's tokens."""
    generator = {
        **TINY_GENERATOR,
        "posterior_encoder_layers": 3,
        "decoder_channels": 32,
        "vocabs": 1,
        "aux_channels": 1,
    }
    conf = {"generator_type": "vits_resblock2_generator", "generator_params": generator, "sampling_rate": 22050}
    conf["discriminator_params"] = TINY_DISCRIMINATOR
    (tmp_path / "teacher.yaml").write_text(yaml.safe_dump({"tts": "vits", "tts_conf": conf}), encoding="utf-8")
    (tmp_path / "tokens.txt").write_text("\n".join(token_list()) + "\n", encoding="utf-8")
    return {"teacher_config": str(tmp_path / "teacher.yaml"), "token_list": str(tmp_path / "tokens.txt")}


@pytest.mark.parametrize("form", ["folder", "pth", "zip"])
def test_a_model_becomes_a_teacher_of_this_recipes_tokens(tmp_path, recipe_files, caplog, form):
    model = write_model(tmp_path / "model", license="CC-BY-4.0")
    given = {"folder": model, "pth": model / "model.pth", "zip": pack(model, tmp_path / "voice.zip")}[form]
    out = tmp_path / "init"
    caplog.set_level("INFO")
    options = {"teacher_init": given, "outdir": out, **recipe_files, **SIZES}
    teacher_init.main([f"--{name}={value}" for name, value in options.items()])
    teacher = load_teacher(out / "config.yaml", out / "model.pth")
    source, _ = load_vits(model / "config.yaml", model / "model.pth")
    assert teacher.token_list == token_list()
    assert len(teacher.generator.text_encoder.emb.weight) == len(token_list())
    z = torch.randn(1, 8, 20)
    torch.testing.assert_close(teacher.decode(z), source.tts.generator.decoder(z).detach())
    feats = torch.rand(1, 513, 20)
    ours = teacher.posterior(feats, torch.tensor([20]))[0]
    torch.testing.assert_close(ours, source.tts.generator.posterior_encoder(feats, torch.tensor([20]))[1].detach())
    assert (out / "filled").read_text(encoding="utf-8").split() == [
        "decoder",
        "posterior_encoder",
        "flow",
        "discriminator",
    ]
    config = yaml.safe_load((out / "config.yaml").read_text(encoding="utf-8"))
    assert config["tts_conf"]["generator_type"] == "vits_generator"
    assert config["init_license"] == f"{given.name} (ESPnet): CC-BY-4.0"
    assert "posterior_encoder_layers: 2 instead of 3" in caplog.text
    (line,) = [record.message for record in caplog.records if "begins anew" in record.message]
    kept, new = line.split("; begins anew: ")
    count = sum(p.numel() for p in source.tts.generator.decoder.parameters())
    assert f"decoder {count:,}" in kept
    for name in ("text_encoder", "duration_predictor"):
        assert name in new


def test_a_generator_of_the_second_type_and_parts_of_other_shapes(tmp_path, recipe_files):
    from espnet2.gan_tts.hifigan.residual_block import ResidualBlock

    generator = {"vocabs": len(OTHER_TOKENS), "aux_channels": 513, "flow_layers": 1}
    discriminator = copy.deepcopy(TINY_DISCRIMINATOR)
    discriminator["scale_discriminator_params"]["channels"] = 8
    conf = {"generator_type": "vits_resblock2_generator", "discriminator_params": discriminator}
    model = write_model(tmp_path / "model", generator, conf)
    out = tmp_path / "init"
    init_teacher(str(model), outdir=str(out), **recipe_files, **SIZES)
    assert (out / "filled").read_text(encoding="utf-8").split() == ["decoder", "posterior_encoder"]
    teacher = load_teacher(out / "config.yaml", out / "model.pth")
    blocks = [m for m in teacher.generator.decoder.modules() if isinstance(m, ResidualBlock)]
    assert blocks
    assert not any(block.use_additional_convs for block in blocks)
    source, _ = load_vits(model / "config.yaml", model / "model.pth")
    z = torch.randn(1, 8, 20)
    torch.testing.assert_close(teacher.decode(z), source.tts.generator.decoder(z).detach())


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"tts_conf": {"sampling_rate": 44100}}, r"a VITS of 22050 Hz, found 44100 Hz; what fits"),
        ({"generator": {"spks": 4, "global_channels": 4}}, r"one speaker and one language, found spks=4"),
        ({"feats_extract_conf": {"n_fft": 1024, "hop_length": 256, "win_length": 800}}, r"a window of 1024 .* found 800"),
        ({"generator": {"decoder_upsample_scales": [8, 8, 2, 4], "decoder_upsample_kernel_sizes": [16, 16, 4, 8]}, "feats_extract_conf": {"n_fft": 1024, "hop_length": 512}}, r"a hop of 256 .* found 512"),
    ],
)  # fmt: skip
def test_models_that_do_not_fit_are_refused(tmp_path, model, message):
    folder = write_model(tmp_path / "model", **model)
    with pytest.raises(UserError, match=message):
        read_espnet_voice(folder, **SIZES)
    with pytest.raises(UserError, match=r"a spectrogram of 2048 samples, .*found 1024"):
        read_espnet_voice(write_model(tmp_path / "plain"), 22050, 2048, 256)


def test_no_vits_and_damaged_files_are_refused(tmp_path):
    model = write_model(tmp_path / "model")
    pth, config = model / "model.pth", model / "config.yaml"
    weights = torch.load(pth)

    def refused(given: Path, message: str) -> None:
        with pytest.raises(UserError, match=message) as caught:
            read_espnet_voice(given, **SIZES)
        assert "\n" not in str(caught.value)

    refused(tmp_path / "none", "none not found; expected the folder of an ESPnet training")
    whole = pack(model, tmp_path / "voice.zip").read_bytes()
    (tmp_path / "voice.zip").write_bytes(whole[: len(whole) // 2])
    refused(tmp_path / "voice.zip", "cannot be unpacked as an ESPnet model")
    name = "tts.generator.decoder.input_conv.weight_v"
    torch.save({n: v[:-1] if n == name else v for n, v in weights.items()}, pth)
    refused(pth, r"keys 1 of another shape \(tts\.generator\.decoder\.input_conv\.weight_v\)")
    torch.save({n: v for n, v in weights.items() if n != name}, pth)
    refused(pth, "keys 1 missing")
    torch.save({**weights, "evil": os.getcwd}, pth)
    refused(pth, "cannot be read as a checkpoint")
    args = yaml.safe_load(config.read_text(encoding="utf-8"))
    config.write_text(yaml.safe_dump({**args, "tts": "tacotron2"}), encoding="utf-8")
    refused(model, "expected tts: vits, found tts: tacotron2")
    config.unlink()
    refused(pth, r"config\.yaml not found")


def test_latent_stats_are_those_of_samples_of_the_posterior(tiny_data, tiny_teacher_dir, tiny_teacher, tmp_path):
    teacher = [f"--teacher_train_config={tiny_teacher_dir / 'config.yaml'}"]
    teacher += [f"--teacher_model_file={tiny_teacher_dir / 'model.pth'}"]
    latent_stats.main([*teacher, f"--wav_scp={tiny_data / 'wav.scp'}", f"--out={tmp_path / 'stats.npz'}"])
    import soundfile

    means, variances = [], []
    for path in sorted(tiny_data.glob("*.wav")):
        speech = torch.from_numpy(soundfile.read(path, dtype="float32")[0])[None]
        m, logs, _ = tiny_teacher.posterior(*tiny_teacher.feats(speech, torch.tensor([speech.shape[1]])))
        means.append(m[0])
        variances.append(torch.exp(2 * logs[0]))
    mean, variance = torch.cat(means, dim=1).numpy(), torch.cat(variances, dim=1).numpy()
    with np.load(tmp_path / "stats.npz") as stats:
        np.testing.assert_allclose(stats["mean"], mean.mean(1), rtol=1e-4, atol=1e-6)
        # The variance of a mixture: of its means, and the mean of its variances.
        np.testing.assert_allclose(stats["std"], np.sqrt(mean.var(1) + variance.mean(1)), rtol=1e-4)
    (tmp_path / "empty").write_text("", encoding="utf-8")
    files = [str(tiny_teacher_dir / name) for name in ("config.yaml", "model.pth")]
    with pytest.raises(UserError, match="expected a table of recordings"):
        write_latent_stats(*files, str(tmp_path / "empty"), tmp_path / "none.npz")
