"""Configurations and weights of finished trainings."""

import pytest
import torch

from espnet2_nix.models.checkpoint import read_state_dict
from espnet2_nix.models.load_teacher import load_teacher


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
