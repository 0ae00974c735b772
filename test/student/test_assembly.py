"""The student put together from two trainings."""

import pytest
import torch
import yaml

from espnet2_nix.models.checkpoint import read_state_dict
from espnet2_nix.student.assembly import assemble
from espnet2_nix.student.checkpoint import load_student


def test_assembling_keeps_every_weight_and_names_no_path(student_dir, trained):
    model, args = load_student(student_dir / "config.yaml", student_dir / "model.pth")
    encoder = read_state_dict(trained / "encoder" / "valid.loss.best.pth")
    for name, value in model.tts.encoder.state_dict().items():
        assert torch.equal(value, encoder[f"encoder.{name}"])
    assert args.license == "CC0-1.0"
    assert str(trained) not in (student_dir / "config.yaml").read_text(encoding="utf-8")


def test_the_student_speaks_with_the_noise_its_decoder_learnt_with(student_dir, trained, tmp_path):
    config = yaml.safe_load((trained / "decoder" / "config.yaml").read_text(encoding="utf-8"))
    assert load_student(student_dir / "config.yaml", student_dir / "model.pth")[0].tts.noise_scale == 0.667
    config["latent_noise_scale"] = 0.25
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    model, _ = assemble(
        trained / "encoder" / "config.yaml",
        trained / "encoder" / "valid.loss.best.pth",
        tmp_path / "config.yaml",
        trained / "decoder" / "train.total_count.ave.pth",
        "c",
        "l",
    )
    assert model.tts.noise_scale == 0.25


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
