"""The trainings as ESPnet tasks, on four clips of noise."""

import argparse
import io
import math

import pytest
import torch
import yaml
from conftest import make_encoder_conf
from tiny_training import DECODER_CONFIG, options, train_decoder, train_encoder

from espnet2_nix.errors import UserError
from espnet2_nix.inference.latents import Corpus, dump_latents
from espnet2_nix.models.checkpoint import read_state_dict
from espnet2_nix.student.assembly import assemble
from espnet2_nix.tasks.nix_decoder import NixDecoderTask
from espnet2_nix.tasks.nix_encoder import NixEncoderTask
from espnet2_nix.tasks.nix_scratch import NixScratchTask
from espnet2_nix.text import token_list, tokenize


@pytest.mark.parametrize("task", [NixEncoderTask, NixDecoderTask, NixScratchTask])
def test_the_parser_behaves_as_espnets_do(task, tmp_path):
    parser = task.get_parser()
    assert isinstance(parser, argparse.ArgumentParser)
    with pytest.raises(SystemExit) as stop:
        task.main(cmd=["--help"])
    assert stop.value.code == 0
    with pytest.raises(SystemExit) as stop:
        task.main(cmd=[])
    assert stop.value.code != 0
    printed = io.StringIO()
    task.print_config(printed)
    (tmp_path / "printed.yaml").write_text(printed.getvalue(), encoding="utf-8")
    args = parser.parse_args(["--config", str(tmp_path / "printed.yaml")])
    assert args.model_conf == {}
    assert getattr(args, "teacher_train_config", None) is None


def test_one_and_one_resumed_epoch_are_two(tiny_data, tiny_teacher_dir, tmp_path):
    train_encoder(tiny_data, tiny_teacher_dir, tmp_path / "straight", epochs=2)
    train_encoder(tiny_data, tiny_teacher_dir, tmp_path / "resumed", epochs=1)
    train_encoder(tiny_data, tiny_teacher_dir, tmp_path / "resumed", epochs=2)
    checkpoint = tmp_path / "resumed" / "checkpoint.pth"  # a full disk, or a copy that broke off
    checkpoint.write_bytes(checkpoint.read_bytes()[: checkpoint.stat().st_size // 2])
    train_encoder(tiny_data, tiny_teacher_dir, tmp_path / "resumed", epochs=2)
    straight, resumed = (read_state_dict(tmp_path / name / "2epoch.pth") for name in ("straight", "resumed"))
    assert straight["learner.num_batches"] == resumed["learner.num_batches"] == 4
    for name, value in straight.items():
        torch.testing.assert_close(value, resumed[name], atol=1e-6, rtol=1e-4, msg=name)


def test_training_draws_what_tensorboard_shows(trained):
    assert list((trained / "encoder").glob("att_ws/*/alignment.1ep.png"))
    assert list((trained / "decoder").glob("att_ws/*/mel.1ep.png"))
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tags = {}
    for name in ("encoder", "decoder"):
        for folder in (trained / name / "tensorboard").iterdir():
            events = EventAccumulator(str(folder), size_guidance={"images": 0, "audio": 0})
            events.Reload()
            for kind, found in events.Tags().items():
                if isinstance(found, list):
                    tags.setdefault((name, kind), set()).update(found)
    assert any(tag.startswith("alignment/") for tag in tags["encoder", "images"])
    assert any(tag.startswith("mel/") for tag in tags["decoder", "images"])
    assert {tag.split("/")[0] for tag in tags["decoder", "audio"]} == {"recording", "teacher", "student"}
    assert {"latent_loss", "forward_sum_loss", "bin_loss", "dur_loss"} <= tags["encoder", "scalars"]


def test_the_optimizers_hold_the_student_only(trained, tiny_teacher_dir):
    checkpoint = torch.load(trained / "encoder" / "checkpoint.pth", weights_only=False)
    assert not [key for key in checkpoint["model"] if "teacher" in key]
    config = yaml.safe_load((trained / "decoder" / "config.yaml").read_text(encoding="utf-8"))
    args = argparse.Namespace(**config)
    model = NixDecoderTask.build_model(args)
    generator, discriminator = NixDecoderTask.build_optimizers(args, model)
    count = lambda optimizer: sum(p.numel() for g in optimizer.param_groups for p in g["params"])  # noqa: E731
    assert count(generator) == sum(p.numel() for p in model.decoder.parameters())
    assert count(discriminator) == sum(p.numel() for p in model.discriminator.parameters())


def test_another_token_list_is_refused(tiny_data, tiny_teacher_dir, tmp_path):
    (tmp_path / "tokens.txt").write_text("\n".join(token_list()[:-2]) + "\n", encoding="utf-8")
    args = argparse.Namespace(
        token_list=str(tmp_path / "tokens.txt"),
        frontend="jaso",
        teacher_train_config=tiny_teacher_dir / "config.yaml",
        teacher_model_file=None,
    )
    with pytest.raises(ValueError, match="token list"):
        NixEncoderTask.build_model(args)


@pytest.mark.parametrize(
    ("conf", "sentence"),
    [
        (
            {"model_conf": {"lambda_latnet": 1.0}},
            "^model_conf: EncoderDistillation takes no lambda_latnet .* lambda_latent",
        ),
        ({"optim_conf": {"lr": 1.0, "momentun": 1.0}}, "^optim_conf: Adadelta takes no momentun .* lr"),
    ],
)
def test_a_misspelt_key_is_named_with_the_keys_there_are(tiny_data, tiny_teacher_dir, tmp_path, conf, sentence):
    with pytest.raises(UserError, match=sentence):
        train_encoder(tiny_data, tiny_teacher_dir, tmp_path, epochs=1, conf=conf)


def test_a_decoder_is_fine_tuned_on_the_students_latent(tiny_data, tiny_teacher_dir, trained, tmp_path):
    finetuning = [
        f"--encoder_train_config={trained / 'encoder' / 'config.yaml'}",
        f"--encoder_model_file={trained / 'encoder' / 'valid.loss.best.pth'}",
        f"--init_model_file={trained / 'decoder' / 'train.total_count.ave.pth'}",
    ]
    train_decoder(tiny_data, tiny_teacher_dir, tmp_path / "finetuned", 1, *finetuning)
    before = read_state_dict(trained / "decoder" / "train.total_count.ave.pth")
    after = read_state_dict(tmp_path / "finetuned" / "train.total_count.ave.pth")
    assert before.keys() == after.keys()
    moved = max(float((before[name] - after[name]).abs().max()) for name in before if name.startswith("decoder."))
    assert 0 < moved < 0.05  # it began where stage 8 ended
    model, _ = assemble(
        trained / "encoder" / "config.yaml",
        trained / "encoder" / "valid.loss.best.pth",
        tmp_path / "finetuned" / "config.yaml",
        tmp_path / "finetuned" / "train.total_count.ave.pth",
        corpus="noise",
        license="CC0-1.0",
    )
    assert model.tts.inference(torch.arange(2, 9), seed=0)["wav"].numel() > 0


def test_a_student_from_scratch_is_assembled_and_speaks(tiny_data, trained, tmp_path):
    config = {
        "encoder_conf": {k: v for k, v in make_encoder_conf().items() if k != "duration_predictor_conf"},
        "duration_predictor_conf": {"hidden_channels": 16},
        "alignment_conf": {"hard_alignment_start": 2, "attention_channels": 8, "bin_start": 3, "bin_ramp": 4},
        **DECODER_CONFIG,
    }
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    command = options(tiny_data, None, tmp_path, epochs=1, with_text=True)
    NixScratchTask.main(cmd=[*command, f"--config={tmp_path / 'train.yaml'}", f"--token_list={tiny_data}/tokens.txt"])
    weights = tmp_path / "train.total_count.ave.pth"
    model, config = assemble(
        tmp_path / "config.yaml", weights, tmp_path / "config.yaml", weights, corpus="noise", license="CC0-1.0"
    )
    assert config["feats_extract_conf"] == {"n_fft": 1024, "hop_length": 256}
    trained_weights = read_state_dict(weights)
    torch.testing.assert_close(
        model.tts.encoder.latent_encoder.proj.weight, trained_weights["encoder.latent_encoder.proj.weight"]
    )
    assert model.tts.inference(torch.tensor([3, 4, 5]), seed=0)["wav"].numel() % 256 == 0
    distilled = trained / "decoder" / "config.yaml", trained / "decoder" / "train.total_count.ave.pth"
    with pytest.raises(ValueError, match="or from one training from scratch"):
        assemble(tmp_path / "config.yaml", weights, *distilled, corpus="noise", license="CC0-1.0")


def test_a_decoder_learns_from_the_teachers_speech_resumes_and_is_fine_tuned_with_it(
    tiny_data, tiny_teacher_dir, trained, tmp_path
):
    (tmp_path / "extra").write_text(f"extra_1 {' '.join(tokenize('안녕하세요. 물이 많다.'))}\n", encoding="utf-8")
    texts, recordings = [f"{tiny_data}/text"], [f"{tiny_data}/wav.scp"]
    teacher = str(tiny_teacher_dir / "config.yaml"), str(tiny_teacher_dir / "model.pth")
    dump_latents(Corpus.read(texts, recordings, str(tmp_path / "extra")), *teacher, tmp_path / "latents")
    share = ["--model_conf", "teacher_speech_share=0.5"]
    latents = f"--latents_dir={tmp_path / 'latents'}"
    train_decoder(tiny_data, tiny_teacher_dir, tmp_path / "decoder", 1, *share, latents)
    train_decoder(tiny_data, tiny_teacher_dir, tmp_path / "decoder", 2, *share, latents)  # goes on
    checkpoint = torch.load(tmp_path / "decoder" / "checkpoint.pth", weights_only=False)
    epochs = checkpoint["reporter"]["stats"]
    assert list(epochs) == [1, 2]
    assert all(math.isfinite(epochs[epoch]["train"]["teacher_speech_mel_loss"]) for epoch in epochs)
    assert "teacher_speech_mel_loss" not in epochs[1]["valid"]
    plain = read_state_dict(trained / "decoder" / "1epoch.pth")
    assert checkpoint["model"].keys() == plain.keys()
    config = yaml.safe_load((tmp_path / "decoder" / "config.yaml").read_text(encoding="utf-8"))
    assert config["model_conf"]["teacher_speech_share"] == 0.5
    assert config["latents_dir"] == str(tmp_path / "latents")
    encoder = [
        f"--encoder_train_config={trained / 'encoder' / 'config.yaml'}",
        f"--encoder_model_file={trained / 'encoder' / 'valid.loss.best.pth'}",
    ]
    train_decoder(tiny_data, tiny_teacher_dir, tmp_path / "finetuned", 1, *encoder, *share, latents)
    assert (tmp_path / "finetuned" / "1epoch.pth").exists()

    dump_latents(Corpus.read(texts, recordings), *teacher, tmp_path / "recordings_only")
    for options_, message in (
        ([], "needs a teacher that reads further text: run stages 7 and 8 with --extra_text"),
        ([f"--latents_dir={tmp_path / 'nowhere'}"], "nowhere/info.json not found; ./run.sh --stage 7"),
        (
            [f"--latents_dir={tmp_path / 'recordings_only'}"],
            "expected the teacher's latents of further text, 16 frames or more",
        ),
    ):
        with pytest.raises((UserError, FileNotFoundError), match=message):
            train_decoder(tiny_data, tiny_teacher_dir, tmp_path / "refused", 1, *share, *options_)


def test_half_of_a_fine_tuning_is_refused(tiny_teacher_dir, trained):
    config = yaml.safe_load((trained / "decoder" / "config.yaml").read_text(encoding="utf-8"))
    args = argparse.Namespace(**{**config, "encoder_train_config": str(trained / "encoder" / "config.yaml")})
    with pytest.raises(ValueError, match="found one of them"):
        NixDecoderTask.build_model(args)
