"""Mean and deviation of a corpus's latents, where the start voice brings its posterior encoder and cannot speak."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import torch

from espnet2_nix.data.kaldi_io import read_table
from espnet2_nix.data.progress import progress
from espnet2_nix.files import replace_file
from espnet2_nix.models.vits_teacher import VITSTeacher
from espnet2_nix.tasks.teacher_phases import load_phase
from espnet2_nix.warm_start.errors import TeacherInitError


def write_latent_stats(teacher_train_config: str, teacher_model_file: str, wav_scp: str, out: str | Path) -> None:
    """Writes ``mean`` and ``std`` of the latent by channel (H,), as the start voice's posterior encoder hears a corpus.

    Args:
        teacher_train_config: ``config.yaml`` of the teacher so far.
        teacher_model_file: Its weights.
        wav_scp: Table of the recordings.
        out: The ``.npz`` to write, see ``VITSAutoencoder``.

    Raises:
        TeacherInitError: If the table is empty.
    """
    vits = load_phase(teacher_train_config, teacher_model_file)
    teacher = VITSTeacher(vits.tts, vits.feats_extract, int(vits.tts.fs), ())
    first = torch.zeros(teacher.latent_channels, dtype=torch.float64)
    second, num_frames = torch.zeros_like(first), 0
    for _, path in progress(list(read_table(wav_scp).items()), "recordings"):
        speech = torch.from_numpy(soundfile.read(path, dtype="float32")[0])[None]
        m_q, logs_q, _ = teacher.posterior(*teacher.feats(speech, torch.tensor([speech.shape[1]])))
        m, variance = m_q[0].double(), torch.exp(2 * logs_q[0].double())
        first += m.sum(1)
        second += (m**2 + variance).sum(1)
        num_frames += m.shape[1]
    if num_frames == 0:
        raise TeacherInitError(f"{wav_scp}: expected a table of recordings, found none; run stages 2 to 5 again")
    mean = first / num_frames
    std = (second / num_frames - mean**2).sqrt()
    with replace_file(Path(out)) as aside, aside.open("wb") as f:
        np.savez(f, mean=mean.numpy().astype(np.float32), std=std.numpy().astype(np.float32))
