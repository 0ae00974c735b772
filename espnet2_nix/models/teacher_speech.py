"""The teacher as an endless corpus: segments of its own speech of text that nobody recorded."""

from __future__ import annotations

import math

import numpy as np
import torch

from espnet2_nix.errors import UserError
from espnet2_nix.models.teacher_latents import Entry, TeacherLatents
from espnet2_nix.models.vits_teacher import VITSTeacher


class TeacherSpeech:
    """Draws segments of latents with which the teacher speaks further text, and lets its decoder speak them.

    The latents are those of the teacher's prior, stored as Gaussians (see `write_latents`); noise is drawn anew each time, so
    no segment comes twice. Like ``VITSTeacher`` no torch.nn.Module: a decoder that holds it neither saves nor trains it.

    Args:
        teacher: The frozen VITS.
        latents: Its stored latents; those of recordings are left aside.
        noise_scale: Factor on the latent's standard deviation, 0 or more.
        context: Frames on either side that the teacher's decoder hears besides a segment, so that the segment sounds as in
            the whole utterance.

    Raises:
        UserError: If the factor is below 0.
    """

    def __init__(
        self, teacher: VITSTeacher, latents: TeacherLatents, noise_scale: float = 0.667, context: int = 14
    ) -> None:
        if not noise_scale >= 0:
            raise UserError(f"noise_scale: expected a factor of 0 or more, found {noise_scale}")
        self.teacher = teacher
        self.latents = latents
        self.log_noise_scale = math.log(noise_scale) if noise_scale > 0 else -math.inf  # a deviation of 0
        self.context = context
        self._utterances: dict[int, list[Entry]] = {}

    def utterances(self, size: int) -> list[Entry]:
        """Those of a text alone that have ``size`` frames or more.

        Raises:
            UserError: If there are none.
        """
        if size not in self._utterances:
            entries = self.latents.index.values()
            self._utterances[size] = [e for e in entries if e.source == "prior" and e.num_frames >= size]
        if not self._utterances[size]:
            raise UserError(
                f"{self.latents.folder}: expected the teacher's latents of further text, {size} frames or more each, found none; "
                "write them: ./run.sh --stage 7 --extra_text FILE, sentences one a line"
            )
        return self._utterances[size]

    def draw(self, num: int, size: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """Random segments of random utterances, with their context.

        Args:
            num: Segments N.
            size: Frames of a segment.
            device: Where they are wanted.

        Returns:
            Mean and log standard deviation, the noise scale in it (N, H, context + size + context); beyond an utterance's
            ends its outermost frames go on.

        Raises:
            UserError: If there is no utterance as long as a segment.
        """
        utterances = self.utterances(size)
        offsets = np.arange(-self.context, size + self.context)
        rows = []
        for choice, place in torch.rand(num, 2, dtype=torch.float64).tolist():
            entry = utterances[int(choice * len(utterances))]
            start = int(place * (entry.num_frames - size + 1))
            frames = entry.start + np.clip(start + offsets, 0, entry.num_frames - 1)
            rows.append(torch.from_numpy(self.latents.frames[frames].astype(np.float32)).T)
        channels = self.latents.latent_channels
        m, logs = torch.stack(rows).to(device)[:, : 2 * channels].split(channels, dim=1)
        return m, logs + self.log_noise_scale

    @torch.no_grad()
    def speak(self, z: torch.Tensor) -> torch.Tensor:
        """The teacher's wave of segments, their context cut: (N, H, context + size + context) -> (N, 1, size * hop)."""
        margin = self.context * self.teacher.hop_length
        wav = self.teacher.decode(z)
        return wav[:, :, margin : wav.shape[2] - margin]
