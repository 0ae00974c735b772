"""A finished VITS taken as the teacher."""

import pytest

from espnet2_nix.models.load_teacher import load_teacher
from espnet2_nix.text import token_list


def test_import_teacher_checks_what_it_takes(tiny_data, tiny_teacher_dir, tmp_path, caplog):
    from espnet2_nix.bin import import_teacher

    command = ["--teacher_model", str(tiny_teacher_dir), "--outdir", str(tmp_path / "out"), "--n_fft", "1024"]
    command += ["--n_shift", "256", "--token_list", f"{tiny_data}/tokens.txt"]
    import_teacher.main([*command, "--fs", "22050"])
    assert load_teacher(tmp_path / "out" / "config.yaml", tmp_path / "out" / "model.pth").fs == 22050
    with pytest.raises(SystemExit):
        import_teacher.main([*command, "--fs", "44100"])
    assert "has fs 22050, the data have 44100" in caplog.text
    (tmp_path / "tokens.txt").write_text("\n".join(token_list()[::-1]) + "\n", encoding="utf-8")
    with pytest.raises(SystemExit):
        import_teacher.main([*command, "--fs", "22050", "--token_list", str(tmp_path / "tokens.txt")])
    assert "the order" in caplog.text
