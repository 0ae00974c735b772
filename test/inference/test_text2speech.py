"""A packed student speaks, through ESPnet's Text2Speech and through ours."""

import subprocess
import sys

import pytest
import torch
import yaml

from espnet2_nix.errors import UserError
from espnet2_nix.text import frontend_info, tokenize


def test_the_pack_speaks_through_espnet_and_through_us(packed, tmp_path, monkeypatch):
    from espnet2.bin.tts_inference import Text2Speech as ESPnetText2Speech

    from espnet2_nix.inference.text2speech import Text2Speech
    from espnet2_nix.models.model_files import unpack_model

    ours = Text2Speech.from_pretrained(packed, seed=3)
    out = ours("안녕하세요.")
    assert set(out) >= {"wav", "duration"}
    assert len(out["duration"]) == len(tokenize("안녕하세요."))
    assert torch.equal(out["wav"], ours("안녕하세요.")["wav"])
    assert not torch.equal(out["wav"], ours("안녕하세요.", seed=4)["wav"])
    assert len(ours("안녕하세요.", speed=0.25)["wav"]) > len(out["wav"])
    with pytest.raises(ValueError, match="speed"):
        ours("안녕하세요.", speed=0)
    files = unpack_model(packed, tmp_path / "elsewhere")
    theirs = ESPnetText2Speech(**files)
    assert theirs.fs == ours.fs == 22050
    assert torch.equal(theirs("안녕하세요.", decode_conf={"seed": 3})["wav"], out["wav"])


def test_espnet_and_nix_tts_say_the_same_tokens(packed, tmp_path):
    from espnet2.bin.tts_inference import Text2Speech as ESPnetText2Speech

    from espnet2_nix.inference import Text2Speech
    from espnet2_nix.models.model_files import unpack_model

    text = "2024년 3월 15일, TV 3대"
    theirs = ESPnetText2Speech(**unpack_model(packed, tmp_path / "elsewhere")).preprocess_fn("u", {"text": text})[
        "text"
    ]
    ours = Text2Speech.from_pretrained(packed)
    assert theirs.tolist() == ours.preprocess_fn("u", {"text": text})["text"].tolist()
    spoken = [ours.train_args.token_list[index] for index in theirs]
    assert spoken == tokenize("이천이십사 년 삼 월 십오 일, 티브이 세 대")


def test_a_model_of_another_front_end_goes_on_speaking_as_it_did(student_dir, tmp_path):
    from espnet2_nix.inference import Text2Speech

    config = yaml.safe_load((student_dir / "config.yaml").read_text(encoding="utf-8"))
    assert config["frontend"] == frontend_info("standard")
    config["frontend"] = frontend_info("jaso")
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
