"""Trainings on four clips of noise, and what comes of them: fixtures that conftest.py offers to every test.

Nothing is imported before it is needed: the runtime's tests run where neither PyTorch nor ESPnet is installed.
"""

import pytest

from espnet2_nix.systems import BY_NAME

TEXTS = ["안녕하세요.", "나무가 많다.", "물을 마신다.", "어디 가요?"]


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
SYSTEMS = tuple(BY_NAME)


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory):
    """Four clips of noise as Kaldi tables."""
    import numpy as np
    import soundfile

    from espnet2_nix.text import token_list, tokenize

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


def options(tiny_data, tiny_teacher_dir, output_dir, epochs, with_text, with_speech=True):
    """Options of a training of two steps an epoch on the tiny corpus."""
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
            command += [f"--{split}_data_path_and_name_and_type", f"{tiny_data}/wav.scp,speech,sound"]
            command += [f"--{split}_shape_file={tiny_data}/speech_shape"]
        if with_text:
            command += [f"--{split}_data_path_and_name_and_type", f"{tiny_data}/text,text,text"]
            command += [f"--{split}_shape_file={tiny_data}/text_shape"]
    return command


def train_encoder(tiny_data, tiny_teacher_dir, output_dir, epochs, conf=None, with_speech=True, extra=()):
    """Trains a tiny encoder; its options are written to ``output_dir``."""
    import yaml
    from conftest import make_encoder_conf

    from espnet2_nix.tasks.nix_encoder import NixEncoderTask

    config = {
        "encoder_conf": {k: v for k, v in make_encoder_conf().items() if k != "duration_predictor_conf"},
        "duration_predictor_conf": {"hidden_channels": 16},
        "alignment_conf": {"hard_alignment_start": 2, "attention_channels": 8, "bin_start": 3, "bin_ramp": 4},
        "best_model_criterion": [["valid", "loss", "min"]],
        **(conf or {}),
    }
    output_dir.mkdir(exist_ok=True)
    (output_dir / "train.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    command = options(tiny_data, tiny_teacher_dir, output_dir, epochs, with_text=True, with_speech=with_speech)
    config = f"--config={output_dir / 'train.yaml'}"
    NixEncoderTask.main(cmd=[*command, config, f"--token_list={tiny_data}/tokens.txt", *extra])


def train_decoder(tiny_data, tiny_teacher_dir, output_dir, epochs, *extra):
    """Trains a tiny decoder; with a student encoder among further options as a fine-tuning, which needs the text."""
    import yaml

    from espnet2_nix.tasks.nix_decoder import NixDecoderTask

    output_dir.mkdir(exist_ok=True)
    (output_dir / "train.yaml").write_text(yaml.safe_dump(DECODER_CONFIG), encoding="utf-8")
    with_text = any("encoder_train_config" in option for option in extra)
    command = options(tiny_data, tiny_teacher_dir, output_dir, epochs, with_text=with_text)
    NixDecoderTask.main(cmd=[*command, f"--config={output_dir / 'train.yaml'}", *extra])


@pytest.fixture(scope="session")
def trained(tiny_data, tiny_teacher_dir, tmp_path_factory):
    """Folders of a trained encoder and a trained decoder."""
    root = tmp_path_factory.mktemp("exp")
    train_encoder(tiny_data, tiny_teacher_dir, root / "encoder", epochs=1)
    train_decoder(tiny_data, tiny_teacher_dir, root / "decoder", epochs=1)
    return root


@pytest.fixture(scope="session")
def student_dir(trained):
    """Folder of the assembled student."""
    from espnet2_nix.student.assembly import assemble
    from espnet2_nix.student.checkpoint import save_student

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


@pytest.fixture(scope="session")
def packed(student_dir, tmp_path_factory):
    """The student's pack for the model zoo."""
    from espnet2_nix.bin import pack

    path = tmp_path_factory.mktemp("pack") / "voice.zip"
    pack.main(["--model_dir", str(student_dir), "--outpath", str(path)])
    return path


def inference_command(tiny_data, tiny_teacher_dir, student_dir, folder, *systems):
    """Options of stage 9 for the tiny corpus."""
    command = ["--systems", *systems, "--text", f"{tiny_data}/text", "--wav_scp", f"{tiny_data}/wav.scp"]
    command += ["--output_dir", str(folder)]
    command += ["--train_config", str(student_dir / "config.yaml"), "--model_file", str(student_dir / "model.pth")]
    command += ["--teacher_train_config", str(tiny_teacher_dir / "config.yaml")]
    return [*command, "--teacher_model_file", str(tiny_teacher_dir / "model.pth")]


@pytest.fixture(scope="session")
def spoken(tiny_data, tiny_teacher_dir, student_dir, tmp_path_factory):
    """Folder of the sets that stage 9 wrote."""
    from espnet2_nix.bin import tts_inference

    folder = tmp_path_factory.mktemp("inference")
    tts_inference.main(inference_command(tiny_data, tiny_teacher_dir, student_dir, folder / tiny_data.name, *SYSTEMS))
    return folder
