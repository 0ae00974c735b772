"""ESPnet's own training of the teacher."""

import os
import subprocess
import sys

import pytest

SEARCH = """
import torch
from espnet2.gan_tts.vits.monotonic_align import maximum_path
from espnet2_nix.bin.gan_tts_train import keep_threads

before = torch.get_num_threads()
keep_threads()
kept = torch.get_num_threads()
path = maximum_path(torch.randn(2, 8, 4), torch.ones(2, 8, 4))
assert path.sum() == 16
print(before, kept, torch.get_num_threads())
"""


@pytest.mark.parametrize("threads", ["1", "2"])
def test_the_path_search_leaves_torch_its_threads(threads):
    """A process of its own: numba starts its threads once."""
    out = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SEARCH],
        env={**os.environ, "OMP_NUM_THREADS": threads},
        capture_output=True,
        text=True,
        check=True,
    )
    assert out.stdout.split() == [threads] * 3
