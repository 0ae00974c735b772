import json

import pytest
import torch

from espnet2_nix.bin.keep_weights import main


@pytest.fixture
def weights(tmp_path):
    generator = torch.Generator().manual_seed(0)
    weights = {f"layer.{i}": torch.randn(64, 1024, generator=generator) for i in range(8)}
    weights["steps"] = torch.tensor(70000)
    (tmp_path / "exp").mkdir()
    torch.save(weights, tmp_path / "exp" / "3epoch.pth")
    (tmp_path / "exp" / "latest.pth").symlink_to("3epoch.pth")
    (tmp_path / "exp" / "run.sh").write_text("./run.sh --stage 6\n", encoding="utf-8")
    return weights


def test_weights_come_back_from_small_parts(tmp_path, weights):
    keep = ["--model_file", str(tmp_path / "exp" / "latest.pth"), "--folder", str(tmp_path / "kept")]
    main([*keep, "--max_mib", "0.4"])
    parts = list((tmp_path / "kept").glob("part.*.pth"))
    assert len(parts) == 3
    assert max(part.stat().st_size for part in parts) < 0.4 * 2**20
    assert json.loads((tmp_path / "kept" / "info.json").read_text())["weights"] == "3epoch.pth"
    assert (tmp_path / "kept" / "run.sh").read_text(encoding="utf-8") == "./run.sh --stage 6\n"
    main(["--restore", "--model_file", str(tmp_path / "back.pth"), "--folder", str(tmp_path / "kept")])
    back = torch.load(tmp_path / "back.pth")
    assert list(back) == list(weights)
    assert int(back["steps"]) == 70000
    for name, value in weights.items():
        assert back[name].dtype == value.dtype
        torch.testing.assert_close(back[name], value, rtol=1e-3, atol=1e-3)


def test_refusals(tmp_path, weights, caplog):
    keep = ["--model_file", str(tmp_path / "exp" / "latest.pth"), "--folder", str(tmp_path / "kept")]

    def refused(arguments, message):
        caplog.clear()
        with pytest.raises(SystemExit):
            main(arguments)
        assert message in caplog.text

    refused([*keep, "--max_mib", "0.01"], "give a larger --max_mib")
    refused([*keep, "--restore"], "info.json not found")
    main(keep)
    part = tmp_path / "kept" / "part.1.pth"
    part.write_bytes(part.read_bytes()[:-1])
    refused([*keep, "--restore"], "part.1.pth is damaged")
    part.unlink()
    refused([*keep, "--restore"], "part.1.pth not found")
    torch.save({"a": torch.tensor([1e6])}, tmp_path / "large.pth")
    refused(["--model_file", str(tmp_path / "large.pth"), *keep[2:]], "a do not fit float16")
