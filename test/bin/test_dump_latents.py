"""The teacher's latents, stored once."""

import pytest
from tiny_training import train_encoder

from espnet2_nix.bin.dump_latents import main as dump_latents
from espnet2_nix.models.checkpoint import read_state_dict
from espnet2_nix.text import tokenize


def test_an_encoder_learns_from_stored_latents_without_recordings(
    tiny_data, tiny_teacher_dir, trained, tmp_path, caplog
):
    caplog.set_level("INFO")
    dump = [
        f"--text={tiny_data}/text",
        f"--wav_scp={tiny_data}/wav.scp",
        f"--teacher_train_config={tiny_teacher_dir / 'config.yaml'}",
        f"--teacher_model_file={tiny_teacher_dir / 'model.pth'}",
        f"--outdir={tmp_path / 'latents'}",
    ]
    dump_latents(dump)
    written = (tmp_path / "latents" / "frames.f16").stat().st_mtime_ns
    dump_latents(dump)
    assert "written before" in caplog.text
    assert (tmp_path / "latents" / "frames.f16").stat().st_mtime_ns == written
    (tiny_data / "0.wav").touch()  # prepared anew
    dump_latents(dump)
    assert (tmp_path / "latents" / "frames.f16").stat().st_mtime_ns != written
    extra = [f"--latents_dir={tmp_path / 'latents'}"]
    train_encoder(tiny_data, tiny_teacher_dir, tmp_path / "encoder", epochs=1, with_speech=False, extra=extra)
    assert set(read_state_dict(tmp_path / "encoder" / "1epoch.pth")) == set(
        read_state_dict(trained / "encoder" / "1epoch.pth")
    )
    assert list((tmp_path / "encoder").rglob("alignment.1ep.png"))
    (tmp_path / "extra").write_text(f"extra_1 {' '.join(tokenize('물이 많다.'))}\n", encoding="utf-8")
    dump_latents([*dump, f"--extra_text={tmp_path / 'extra'}"])
    assert "4 recordings and 1 texts" in caplog.text
    index = (tmp_path / "latents" / "index.tsv").read_text(encoding="utf-8").splitlines()
    assert [line.split("\t")[1] for line in index] == ["posterior"] * 4 + ["prior"]
    encoder = str(trained / "encoder" / "1epoch.pth")
    by_encoders = [*dump, f"--extra_text={tmp_path / 'extra'}", "--extra_encoders", encoder, encoder]
    dump_latents(by_encoders)
    assert caplog.text.count("4 recordings and 1 texts") == 2  # what another reads is stored anew
    dump_latents(by_encoders)
    assert caplog.text.count("4 recordings and 1 texts") == 2
    with pytest.raises(SystemExit):
        dump_latents(by_encoders[:-1])
    assert "expected two encoders or more, found 1" in caplog.text
    (tmp_path / "other").write_text("u0 <nothing>\n", encoding="utf-8")
    with pytest.raises(SystemExit):
        dump_latents([*dump, f"--text={tmp_path / 'other'}"])
    assert "--text: u0 has tokens that the model's list of 75 does not hold: <nothing>" in caplog.text
    with pytest.raises(SystemExit):
        dump_latents([*dump, f"--extra_text={tiny_data}/text"])
    assert "--extra_text: u0, u1, u2, u3 are in --text as well" in caplog.text
