"""Tasks end to end on a tiny corpus: training, resuming, assembling, packing and speaking."""

import argparse
import io
import json
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import soundfile
import torch
import yaml
from conftest import make_encoder_conf

from espnet2_nix.bin.dump_latents import main as dump_latents
from espnet2_nix.errors import UserError
from espnet2_nix.systems import BY_NAME
from espnet2_nix.tasks.nix_decoder import NixDecoderTask
from espnet2_nix.tasks.nix_encoder import NixEncoderTask
from espnet2_nix.tasks.nix_scratch import NixScratchTask
from espnet2_nix.tasks.nix_tts import assemble, load_student, save_student
from espnet2_nix.tasks.teacher import load_teacher, read_state_dict
from espnet2_nix.text import token_list, tokenize

DECODER_CONFIG = {
    "decoder": "istft",
    "decoder_conf": {"channels": 16, "num_blocks": 1, "expansion": 16},
    "discriminator": "vits_period",
    "discriminator_conf": {"periods": [2], "period_channels": 4, "max_downsample_channels": 8},
    "spectral_loss_conf": {"window_sizes": [256]},
    "model_conf": {"segment_size": 16},
    "best_model_criterion": [["train", "total_count", "max"]],
    "optim": "adamw",
    "optim2": "adamw",
}
TEXTS = ["안녕하세요.", "나무가 많다.", "물을 마신다.", "어디 가요?"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Four clips of noise as Kaldi tables."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    lines = {"text": [], "wav.scp": [], "text_shape": [], "speech_shape": []}
    for i, text in enumerate(TEXTS):
        num_samples = 14000 + 500 * i
        soundfile.write(folder / f"{i}.wav", 0.1 * rng.standard_normal(num_samples), 22050)
        tokens = tokenize(text)
        lines["text"].append(f"u{i} {' '.join(tokens)}")
        lines["wav.scp"].append(f"u{i} {folder / f'{i}.wav'}")
        lines["text_shape"].append(f"u{i} {len(tokens)},75")
        lines["speech_shape"].append(f"u{i} {num_samples}")
    lines["tokens.txt"] = token_list()
    for name, content in lines.items():
        (folder / name).write_text("\n".join(content) + "\n", encoding="utf-8")
    return folder


def options(data, tiny_teacher_dir, output_dir, epochs, with_text, with_speech=True):
    command = [
        f"--output_dir={output_dir}",
        f"--max_epoch={epochs}",
        "--num_iters_per_epoch=2",
        "--batch_type=sorted",
        "--batch_size=2",
        "--ngpu=0",
        "--num_workers=0",
        "--num_att_plot=1",
        "--use_matplotlib=true",
        "--resume=true",
        "--keep_nbest_models=1",
        "--seed=1",
    ]
    if tiny_teacher_dir is not None:
        command += [f"--teacher_train_config={tiny_teacher_dir / 'config.yaml'}"]
        command += [f"--teacher_model_file={tiny_teacher_dir / 'model.pth'}"]
    for split in ("train", "valid"):
        if with_speech:
            command += [f"--{split}_data_path_and_name_and_type", f"{data}/wav.scp,speech,sound"]
            command += [f"--{split}_shape_file={data}/speech_shape"]
        if with_text:
            command += [f"--{split}_data_path_and_name_and_type", f"{data}/text,text,text"]
            command += [f"--{split}_shape_file={data}/text_shape"]
    return command


def train_encoder(data, tiny_teacher_dir, output_dir, epochs, conf=None, with_speech=True, extra=()):
    config = {
        "encoder_conf": {k: v for k, v in make_encoder_conf().items() if k != "duration_predictor_conf"},
        "duration_predictor_conf": {"hidden_channels": 16},
        "alignment_conf": {"hard_alignment_start": 2, "attention_channels": 8, "bin_start": 3, "bin_ramp": 4},
        "best_model_criterion": [["valid", "loss", "min"]],
        **(conf or {}),
    }
    output_dir.mkdir(exist_ok=True)
    (output_dir / "train.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    command = options(data, tiny_teacher_dir, output_dir, epochs, with_text=True, with_speech=with_speech)
    config = f"--config={output_dir / 'train.yaml'}"
    NixEncoderTask.main(cmd=[*command, config, f"--token_list={data}/tokens.txt", *extra])


def train_decoder(data, tiny_teacher_dir, output_dir, epochs, *finetuning):
    output_dir.mkdir(exist_ok=True)
    (output_dir / "train.yaml").write_text(yaml.safe_dump(DECODER_CONFIG), encoding="utf-8")
    command = options(data, tiny_teacher_dir, output_dir, epochs, with_text=bool(finetuning))
    NixDecoderTask.main(cmd=[*command, f"--config={output_dir / 'train.yaml'}", *finetuning])


@pytest.fixture(scope="module")
def trained(data, tiny_teacher_dir, tmp_path_factory):
    """Folders of a trained encoder and a trained decoder."""
    root = tmp_path_factory.mktemp("exp")
    train_encoder(data, tiny_teacher_dir, root / "encoder", epochs=1)
    train_decoder(data, tiny_teacher_dir, root / "decoder", epochs=1)
    return root


@pytest.fixture(scope="module")
def student_dir(trained):
    """Folder of the assembled student."""
    model, config = assemble(
        trained / "encoder" / "config.yaml",
        trained / "encoder" / "valid.loss.best.pth",
        trained / "decoder" / "config.yaml",
        trained / "decoder" / "train.total_count.ave.pth",
        corpus="noise",
        license="CC0-1.0",
    )
    save_student(model, config, trained / "student")
    return trained / "student"


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


def test_one_and_one_resumed_epoch_are_two(data, tiny_teacher_dir, tmp_path):
    train_encoder(data, tiny_teacher_dir, tmp_path / "straight", epochs=2)
    train_encoder(data, tiny_teacher_dir, tmp_path / "resumed", epochs=1)
    train_encoder(data, tiny_teacher_dir, tmp_path / "resumed", epochs=2)
    checkpoint = tmp_path / "resumed" / "checkpoint.pth"  # a full disk, or a copy that broke off
    checkpoint.write_bytes(checkpoint.read_bytes()[: checkpoint.stat().st_size // 2])
    train_encoder(data, tiny_teacher_dir, tmp_path / "resumed", epochs=2)
    straight, resumed = (read_state_dict(tmp_path / name / "2epoch.pth") for name in ("straight", "resumed"))
    assert straight["num_batches"] == resumed["num_batches"] == 4
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


def test_assembling_keeps_every_weight_and_names_no_path(student_dir, trained):
    model, args = load_student(student_dir / "config.yaml", student_dir / "model.pth")
    encoder = read_state_dict(trained / "encoder" / "valid.loss.best.pth")
    for name, value in model.tts.encoder.state_dict().items():
        assert torch.equal(value, encoder[f"encoder.{name}"])
    assert args.license == "CC0-1.0"
    assert str(trained) not in (student_dir / "config.yaml").read_text(encoding="utf-8")


def test_parts_of_two_teachers_are_not_joined(trained, tiny_teacher_dir, tmp_path):
    other = tmp_path / "teacher"
    other.mkdir()
    for name in ("config.yaml", "model.pth"):
        (other / name).write_bytes((tiny_teacher_dir / name).read_bytes())
    config = yaml.safe_load((trained / "decoder" / "config.yaml").read_text(encoding="utf-8"))
    config["teacher_model_file"] = str(other / "model.pth")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    with pytest.raises(ValueError, match="one teacher"):
        assemble(
            trained / "encoder" / "config.yaml",
            trained / "encoder" / "valid.loss.best.pth",
            tmp_path / "config.yaml",
            trained / "decoder" / "train.total_count.ave.pth",
            "c",
            "l",
        )


def test_missing_and_truncated_weights_stop(tiny_teacher_dir, tmp_path):
    weights = read_state_dict(tiny_teacher_dir / "model.pth")
    name = next(iter(weights))
    weights["surplus"] = weights.pop(name)
    torch.save(weights, tmp_path / "renamed.pth")
    with pytest.raises(ValueError, match=r"1 missing .* 1 unexpected \(surplus\)"):
        load_teacher(tiny_teacher_dir / "config.yaml", tmp_path / "renamed.pth")
    (tmp_path / "cut.pth").write_bytes((tiny_teacher_dir / "model.pth").read_bytes()[:1000])
    with pytest.raises(ValueError, match="cannot be read"):
        load_teacher(tiny_teacher_dir / "config.yaml", tmp_path / "cut.pth")
    with pytest.raises(FileNotFoundError, match="finished training"):
        load_teacher(tiny_teacher_dir / "config.yaml", tmp_path / "none.pth")


def test_another_token_list_is_refused(data, tiny_teacher_dir, tmp_path):
    (tmp_path / "tokens.txt").write_text("\n".join(token_list()[:-2]) + "\n", encoding="utf-8")
    args = argparse.Namespace(
        token_list=str(tmp_path / "tokens.txt"),
        frontend="jaso",
        teacher_train_config=tiny_teacher_dir / "config.yaml",
        teacher_model_file=None,
    )
    with pytest.raises(ValueError, match="token list"):
        NixEncoderTask.build_model(args)


def test_a_decoder_is_fine_tuned_on_the_students_latent(data, tiny_teacher_dir, trained, tmp_path):
    finetuning = [
        f"--encoder_train_config={trained / 'encoder' / 'config.yaml'}",
        f"--encoder_model_file={trained / 'encoder' / 'valid.loss.best.pth'}",
        f"--init_model_file={trained / 'decoder' / 'train.total_count.ave.pth'}",
    ]
    train_decoder(data, tiny_teacher_dir, tmp_path / "finetuned", 1, *finetuning)
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


def test_an_encoder_learns_from_stored_latents_without_recordings(data, tiny_teacher_dir, trained, tmp_path, caplog):
    caplog.set_level("INFO")
    dump = [
        f"--text={data}/text",
        f"--wav_scp={data}/wav.scp",
        f"--teacher_train_config={tiny_teacher_dir / 'config.yaml'}",
        f"--teacher_model_file={tiny_teacher_dir / 'model.pth'}",
        f"--outdir={tmp_path / 'latents'}",
    ]
    dump_latents(dump)
    written = (tmp_path / "latents" / "frames.f16").stat().st_mtime_ns
    dump_latents(dump)
    assert "written before" in caplog.text
    assert (tmp_path / "latents" / "frames.f16").stat().st_mtime_ns == written
    (data / "0.wav").touch()  # prepared anew
    dump_latents(dump)
    assert (tmp_path / "latents" / "frames.f16").stat().st_mtime_ns != written
    extra = [f"--latents_dir={tmp_path / 'latents'}"]
    train_encoder(data, tiny_teacher_dir, tmp_path / "encoder", epochs=1, with_speech=False, extra=extra)
    assert set(read_state_dict(tmp_path / "encoder" / "1epoch.pth")) == set(
        read_state_dict(trained / "encoder" / "1epoch.pth")
    )
    assert list((tmp_path / "encoder").rglob("alignment.1ep.png"))
    (tmp_path / "extra").write_text(f"extra_1 {' '.join(tokenize('물이 많다.'))}\n", encoding="utf-8")
    dump_latents([*dump, f"--extra_text={tmp_path / 'extra'}"])
    assert "4 recordings and 1 texts" in caplog.text
    index = (tmp_path / "latents" / "index.tsv").read_text(encoding="utf-8").splitlines()
    assert [line.split("\t")[1] for line in index] == ["posterior"] * 4 + ["prior"]
    (tmp_path / "other").write_text("u0 <nothing>\n", encoding="utf-8")
    with pytest.raises(SystemExit):
        dump_latents([*dump, f"--text={tmp_path / 'other'}"])
    assert "--text: u0 has tokens that the model's list of 75 does not hold: <nothing>" in caplog.text
    with pytest.raises(SystemExit):
        dump_latents([*dump, f"--extra_text={data}/text"])
    assert "--extra_text: u0, u1, u2, u3 are in --text as well" in caplog.text


def test_a_student_from_scratch_is_assembled_and_speaks(data, trained, tmp_path):
    config = {
        "encoder_conf": {k: v for k, v in make_encoder_conf().items() if k != "duration_predictor_conf"},
        "duration_predictor_conf": {"hidden_channels": 16},
        "alignment_conf": {"hard_alignment_start": 2, "attention_channels": 8, "bin_start": 3, "bin_ramp": 4},
        **DECODER_CONFIG,
    }
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    command = options(data, None, tmp_path, epochs=1, with_text=True)
    NixScratchTask.main(cmd=[*command, f"--config={tmp_path / 'train.yaml'}", f"--token_list={data}/tokens.txt"])
    weights = tmp_path / "train.total_count.ave.pth"
    model, config = assemble(
        tmp_path / "config.yaml", weights, tmp_path / "config.yaml", weights, corpus="noise", license="CC0-1.0"
    )
    assert config["feats_extract_conf"] == {"n_fft": 1024, "hop_length": 256}
    trained_weights = read_state_dict(weights)
    torch.testing.assert_close(
        model.tts.encoder.latent_encoder.proj.weight, trained_weights["text_side.encoder.latent_encoder.proj.weight"]
    )
    assert model.tts.inference(torch.tensor([3, 4, 5]), seed=0)["wav"].numel() % 256 == 0
    distilled = trained / "decoder" / "config.yaml", trained / "decoder" / "train.total_count.ave.pth"
    with pytest.raises(ValueError, match="or from one training from scratch"):
        assemble(tmp_path / "config.yaml", weights, *distilled, corpus="noise", license="CC0-1.0")


def test_half_of_a_fine_tuning_is_refused(tiny_teacher_dir, trained):
    config = yaml.safe_load((trained / "decoder" / "config.yaml").read_text(encoding="utf-8"))
    args = argparse.Namespace(**{**config, "encoder_train_config": str(trained / "encoder" / "config.yaml")})
    with pytest.raises(ValueError, match="found one of them"):
        NixDecoderTask.build_model(args)


# ---- the pack


@pytest.fixture(scope="module")
def packed(student_dir, tmp_path_factory):
    from espnet2_nix.bin import pack

    path = tmp_path_factory.mktemp("pack") / "voice.zip"
    pack.main(["--model_dir", str(student_dir), "--outpath", str(path)])
    return path


def test_the_pack_names_its_licence_and_no_path(packed, student_dir):
    with zipfile.ZipFile(packed) as archive:
        names = archive.namelist()
        assert {"meta.yaml", "README.md", "LICENSE"} <= set(names)
        assert not [name for name in names if name.startswith("/") or ".." in name]
        text = "".join(archive.read(name).decode() for name in names if not name.endswith(".pth"))
    assert "CC0-1.0" in text
    assert str(student_dir.parent) not in text


def test_the_pack_speaks_through_espnet_and_through_us(packed, tmp_path, monkeypatch):
    from espnet2.bin.tts_inference import Text2Speech as ESPnetText2Speech

    from espnet2_nix.inference.text2speech import Text2Speech, unpack_student

    ours = Text2Speech.from_pretrained(packed, seed=3)
    out = ours("안녕하세요.")
    assert set(out) >= {"wav", "duration"}
    assert len(out["duration"]) == len(tokenize("안녕하세요."))
    assert torch.equal(out["wav"], ours("안녕하세요.")["wav"])
    assert not torch.equal(out["wav"], ours("안녕하세요.", seed=4)["wav"])
    assert len(ours("안녕하세요.", speed=0.25)["wav"]) > len(out["wav"])
    with pytest.raises(ValueError, match="speed"):
        ours("안녕하세요.", speed=0)
    files = unpack_student(packed, tmp_path / "elsewhere")
    theirs = ESPnetText2Speech(**files)
    assert theirs.fs == ours.fs == 22050
    assert torch.equal(theirs("안녕하세요.", decode_conf={"seed": 3})["wav"], out["wav"])


def test_espnet_and_nix_tts_say_the_same_tokens(packed, tmp_path):
    from espnet2.bin.tts_inference import Text2Speech as ESPnetText2Speech

    from espnet2_nix.inference import Text2Speech
    from espnet2_nix.inference.text2speech import unpack_student

    text = "2024년 3월 15일, TV 3대"
    theirs = ESPnetText2Speech(**unpack_student(packed, tmp_path / "elsewhere")).preprocess_fn("u", {"text": text})[
        "text"
    ]
    ours = Text2Speech.from_pretrained(packed)
    assert theirs.tolist() == ours.preprocess_fn("u", {"text": text})["text"].tolist()
    spoken = [ours.train_args.token_list[index] for index in theirs]
    assert spoken == tokenize("이천이십사 년 삼 월 십오 일, 티브이 세 대")


def test_a_model_of_another_front_end_goes_on_speaking_as_it_did(student_dir, tmp_path):
    from espnet2_nix.inference import Text2Speech

    config = yaml.safe_load((student_dir / "config.yaml").read_text(encoding="utf-8"))
    assert config["frontend"] == {"name": "standard", "version": "1"}
    config["frontend"] = {"name": "jaso", "version": "1"}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    text2speech = Text2Speech(tmp_path / "config.yaml", student_dir / "model.pth")
    assert len(text2speech.preprocess_fn("u", {"text": "국물"})["text"]) == 6
    ids = text2speech.preprocess_fn("u", {"text": "국물"})["text"]
    assert [config["token_list"][index] for index in ids] == ["ᄀ", "ᅮ", "ᆨ", "ᄆ", "ᅮ", "ᆯ"]


def test_a_fresh_process_loads_the_pack_after_one_import(packed, tmp_path):
    code = (
        "import espnet2_nix\n"
        "from espnet2.bin.tts_inference import Text2Speech\n"
        f"speak = Text2Speech.from_pretrained({str(packed)!r})\n"
        "print(len(speak('나무가 많다.')['wav']))\n"
    )
    out = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    assert int(out.stdout.split()[-1]) > 0


def test_the_command_speaks_and_explains(packed, tmp_path, capsys, caplog):
    from espnet2_nix.bin import nix_tts, nix_tts_info

    nix_tts.main(["안녕하세요.", "--model", str(packed), "-o", str(tmp_path / "hello.wav")])
    wav, fs = soundfile.read(tmp_path / "hello.wav")
    assert fs == 22050
    assert len(wav) > 0
    with pytest.raises(SystemExit) as stop:
        nix_tts.main(["안녕", "--model", str(tmp_path / "none.zip"), "-o", str(tmp_path / "x.wav")])
    assert stop.value.code == 1
    assert "none.zip not found" in caplog.text
    with pytest.raises(SystemExit):
        nix_tts.main(["---", "--model", str(packed), "-o", str(tmp_path / "x.wav")])
    capsys.readouterr()
    nix_tts_info.main(["--model", str(packed)])
    info = json.loads(capsys.readouterr().out)
    parts = info["parameters"]
    assert parts["total"] == sum(count for name, count in parts.items() if name != "total")
    assert info["fs"] == 22050
    assert info["corpus"] == "noise"


def test_a_damaged_pack_is_refused(packed, tmp_path):
    from espnet2_nix.inference import Text2Speech

    (tmp_path / "cut.zip").write_bytes(packed.read_bytes()[:2000])
    with pytest.raises(ValueError, match="cannot be unpacked"):
        Text2Speech.from_pretrained(tmp_path / "cut.zip")


def test_a_pack_outlives_repairs_of_the_front_end(student_dir, tmp_path, caplog):
    from espnet2_nix.inference import Text2Speech

    caplog.set_level("INFO")
    config = yaml.safe_load((student_dir / "config.yaml").read_text(encoding="utf-8"))
    config["frontend"]["version"] = "0"
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    Text2Speech(tmp_path / "config.yaml", student_dir / "model.pth")
    assert caplog.text.count("made with front-end standard 0, spoken with version") == 1
    for frontend in ("standard", {"name": "espeak", "version": "1"}):
        (tmp_path / "config.yaml").write_text(yaml.safe_dump({**config, "frontend": frontend}), encoding="utf-8")
        with pytest.raises(UserError, match="front"):
            Text2Speech(tmp_path / "config.yaml", student_dir / "model.pth")


# ---- stages 6, 9 and 10


def test_import_teacher_checks_what_it_takes(data, tiny_teacher_dir, tmp_path, caplog):
    from espnet2_nix.bin import import_teacher

    command = ["--teacher_model", str(tiny_teacher_dir), "--outdir", str(tmp_path / "out"), "--n_fft", "1024"]
    command += ["--n_shift", "256", "--token_list", f"{data}/tokens.txt"]
    import_teacher.main([*command, "--fs", "22050"])
    assert load_teacher(tmp_path / "out" / "config.yaml", tmp_path / "out" / "model.pth").fs == 22050
    with pytest.raises(SystemExit):
        import_teacher.main([*command, "--fs", "44100"])
    assert "has fs 22050, the data have 44100" in caplog.text
    (tmp_path / "tokens.txt").write_text("\n".join(token_list()[::-1]) + "\n", encoding="utf-8")
    with pytest.raises(SystemExit):
        import_teacher.main([*command, "--fs", "22050", "--token_list", str(tmp_path / "tokens.txt")])
    assert "the order" in caplog.text


SYSTEMS = tuple(BY_NAME)


def inference_command(data, tiny_teacher_dir, student_dir, folder, *systems):
    command = ["--systems", *systems, "--text", f"{data}/text", "--wav_scp", f"{data}/wav.scp"]
    command += ["--output_dir", str(folder)]
    command += ["--train_config", str(student_dir / "config.yaml"), "--model_file", str(student_dir / "model.pth")]
    command += ["--teacher_train_config", str(tiny_teacher_dir / "config.yaml")]
    return [*command, "--teacher_model_file", str(tiny_teacher_dir / "model.pth")]


@pytest.fixture(scope="module")
def spoken(data, tiny_teacher_dir, student_dir, tmp_path_factory):
    """Folder of the sets that stage 9 wrote."""
    from espnet2_nix.bin import tts_inference

    folder = tmp_path_factory.mktemp("inference")
    tts_inference.main(inference_command(data, tiny_teacher_dir, student_dir, folder / data.name, *SYSTEMS))
    return folder


def test_synthesis_makes_only_what_is_missing(data, tiny_teacher_dir, student_dir, spoken):
    from espnet2_nix.bin import tts_inference

    def times():
        return {path: path.stat().st_mtime_ns for path in spoken.rglob("*.wav")}

    assert len(times()) == len(SYSTEMS) * len(TEXTS)
    missing = spoken / data.name / "student" / "wav" / "u1.wav"
    missing.unlink()
    before = times()
    command = inference_command(data, tiny_teacher_dir, student_dir, spoken / data.name, *SYSTEMS)
    tts_inference.main(command)
    after = times()
    assert {path for path in after if after[path] != before.get(path)} == {missing}
    tts_inference.main([*command, "--speed", "0.8"])
    assert {path.parent.parent.name for path in times() if times()[path] != after[path]} == set(SYSTEMS)
    tts_inference.main(command)


def test_half_way_systems_are_as_long_as_the_recording(data, spoken):
    for line in (data / "wav.scp").read_text(encoding="utf-8").splitlines():
        utt_id, path = line.split()
        for system in set(SYSTEMS) - {"teacher", "student"}:
            wav = spoken / data.name / system / "wav" / f"{utt_id}.wav"
            assert soundfile.info(wav).frames == soundfile.info(path).frames
    # The first two share the latent, the next two as well: a shared latent, another decoder.
    for other, known in (("student_latent_teacher_decoder", True), ("teacher_latent_student_decoder", False)):
        for line in (spoken / data.name / other / "utterances.tsv").read_text(encoding="utf-8").splitlines():
            assert (line.split("\t")[5] != "nan") == known  # nats a frame
    rows = (spoken / data.name / "student_recording_durations" / "utterances.tsv").read_text(encoding="utf-8")
    losses = [float(line.split("\t")[-1]) for line in rows.splitlines()]
    assert all(0 < loss < float("inf") for loss in losses)


def test_every_system_that_speaks_with_the_students_latent_heeds_the_noise_scale(
    data, tiny_teacher_dir, student_dir, spoken, tmp_path
):
    from espnet2_nix.bin import tts_inference

    command = inference_command(data, tiny_teacher_dir, student_dir, tmp_path, *SYSTEMS)
    tts_inference.main([*command, "--noise_scale", "0"])
    for name, system in BY_NAME.items():
        waves = [soundfile.read(folder / name / "wav" / "u0.wav")[0] for folder in (tmp_path, spoken / data.name)]
        same = len(waves[0]) == len(waves[1]) and np.array_equal(*waves)
        assert same == (system.latent == "posterior"), name


def test_systems_say_what_they_lack(data, tiny_teacher_dir, student_dir, tmp_path, caplog):
    from espnet2_nix.bin import tts_inference
    from espnet2_nix.inference.systems import Speaker
    from espnet2_nix.systems import STUDENT

    with pytest.raises(UserError, match=r"student speaks with the student, which was not given"):
        Speaker(None, None).speak(STUDENT, torch.ones(3))
    base = ["--text", f"{data}/text", "--output_dir", str(tmp_path)]
    for options, message in (
        (["--systems", "student"], "the student is needed: give --train_config and --model_file, or --model_tag"),
        (["--systems", "teacher"], "the teacher is needed: give --teacher_train_config and --teacher_model_file"),
        (["--systems", "oracle"], "--systems: expected some of"),
    ):
        with pytest.raises(SystemExit) as stop:
            tts_inference.main([*base, *options])
        assert stop.value.code == 1
        assert message in caplog.text


def test_speech_is_scored_pictured_and_can_be_listened_to(
    data, tiny_teacher_dir, student_dir, spoken, trained, tmp_path
):
    from espnet2_nix.bin import score

    (data / "text.raw").write_text("".join(f"u{i} {text}\n" for i, text in enumerate(TEXTS)), encoding="utf-8")
    command = ["--data_dir", str(data.parent), "--inference_dir", str(spoken), "--test_sets", data.name]
    command += ["--model_dir", str(student_dir), "--teacher_train_config", str(tiny_teacher_dir / "config.yaml")]
    command += ["--train_dirs", str(trained / "encoder"), "--command", "./run.sh", "--outdir", str(tmp_path)]
    score.main(command)
    text = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    for system in SYSTEMS:
        assert f"| {system} | 4 |" in text
    assert "- CER is left out: no --asr_model was given." in text
    scores = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))[data.name]
    assert set(scores) == {"recording", *SYSTEMS}
    for system in set(SYSTEMS) - {"teacher", "student"}:
        assert all(score["mel_l1"] > 0 for score in scores[system].values())
    assert "duration_rmse" in scores["student"]["u0"]
    assert "mel_l1" not in scores["student"]["u0"]
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page.count("<audio") == 7 * len(TEXTS)
    assert list((tmp_path / "pictures" / data.name).glob("mel.*.png"))
    # Without the student, whatever spoke is scored.
    only = tmp_path / "only" / data.name / "teacher_resynthesis"
    shutil.copytree(spoken / data.name / "teacher_resynthesis", only)
    place = command.index("--inference_dir") + 1
    command_only = [*command[:place], str(tmp_path / "only"), *command[place + 1 :], f"--outdir={tmp_path / 'without'}"]
    score.main([*command_only, "--skip_measures", "world"])
    assert "error is left out: it was skipped on demand" in (tmp_path / "without" / "RESULTS.md").read_text(
        encoding="utf-8"
    )
    with pytest.raises(SystemExit):
        score.main([*command_only, "--skip_measures", "beauty"])
    scores = json.loads((tmp_path / "without" / "scores.json").read_text(encoding="utf-8"))[data.name]
    assert set(scores) == {"recording", "teacher_resynthesis"}
    assert not list((tmp_path / "without" / "pictures" / data.name).glob("alignment.*.png"))
    # What was measured is not measured again.
    times = {path: path.stat().st_mtime_ns for path in spoken.rglob("scores.*.json")}
    caches = {path: path.read_bytes() for path in times}
    score.main(command)
    assert {path: path.read_bytes() for path in times} == caches
