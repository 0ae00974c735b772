"""Speaks with teacher, student and what is put together of their parts."""

from __future__ import annotations

import torch

from espnet2_nix.errors import UserError
from espnet2_nix.inference.text2speech import TeacherText2Speech, Text2Speech
from espnet2_nix.losses.latent_loss import LatentLoss
from espnet2_nix.models.nix_tts import latent_noise
from espnet2_nix.systems import STUDENT, TEACHER, System


class Speaker:
    """Speaks with any system.

    Args:
        student: The student; None where no system needs it.
        teacher: The teacher; None where no system needs it.
        seed: Seed of the noise in the latents.
    """

    def __init__(self, student: Text2Speech | None, teacher: TeacherText2Speech | None, seed: int = 0) -> None:
        self.student, self.teacher, self.seed = student, teacher, seed
        self.latent_loss = LatentLoss()

    @property
    def _one(self) -> Text2Speech | TeacherText2Speech:
        one = self.student or self.teacher
        assert one is not None
        return one

    @property
    def fs(self) -> int:
        """Sampling rate in Hz."""
        return self._one.fs

    @property
    def token_list(self) -> list[str]:
        """Tokens in the order of their ids."""
        return self._one.train_args.token_list

    @torch.no_grad()
    def speak(
        self,
        system: System,
        text: torch.Tensor,
        speech: torch.Tensor | None = None,
        durations: torch.Tensor | None = None,
    ) -> dict[str, torch.Tensor]:
        """Speech of one utterance.

        Args:
            system: Which one.
            text: Token ids (T_text,).
            speech: The recording (T_wav,), float32, for the systems that need it.
            durations: Frames of each token in the recording (T_text,), int64; None leaves them to the teacher's own path.

        Returns:
            Dict of ``wav`` (T_wav,) float32, ``duration`` (T_text,) int64 in frames, and, where the student's latent is as
            long as the recording, ``latent_loss``: KL(teacher || student) in nats a frame.

        Raises:
            UserError: If the system lacks what it speaks with, the text has more tokens than the recording frames, or the
                durations are not those of this text and recording.
        """
        for given, needed, name in (
            (self.teacher, system.needs_teacher, "the teacher"),
            (self.student, system.needs_student, "the student"),
            (speech, system.needs_recording, "the recording"),
        ):
            if needed and given is None:
                raise UserError(f"{system.name} speaks with {name}, which was not given")
        if system == TEACHER:
            assert self.teacher is not None
            return self.teacher(text)
        if system == STUDENT:
            assert self.student is not None
            return self.student(text, seed=self.seed)
        assert speech is not None
        return self._at_recording_durations(system, text, speech, durations)

    def _at_recording_durations(
        self, system: System, text: torch.Tensor, speech: torch.Tensor, durations: torch.Tensor | None
    ) -> dict[str, torch.Tensor]:
        assert self.teacher is not None
        vits = self.teacher.vits_teacher
        text, text_lengths = text[None].to(self.teacher.device), torch.tensor([len(text)], device=self.teacher.device)
        speech = speech[None].to(self.teacher.device)
        feats, feats_lengths = vits.feats(speech, torch.tensor([speech.shape[1]], device=speech.device))
        m_q, logs_q, feats_mask = vits.posterior(feats, feats_lengths)
        if durations is None:
            durations = vits.alignment(text, text_lengths, m_q, feats_mask).sum(1).long()  # (1, T_text)
        else:
            if len(durations) != text.shape[1] or int(durations.sum()) != m_q.shape[2]:
                raise UserError(
                    f"durations: expected {m_q.shape[2]} frames of {text.shape[1]} tokens, found {int(durations.sum())} of "
                    f"{len(durations)}"
                )
            durations = durations[None].to(text.device)
        out = {"duration": durations[0]}
        if system.latent == "posterior":
            z = m_q + torch.exp(logs_q) * latent_noise(m_q, self.seed)
        else:
            assert self.student is not None
            latent = self.student.tts.encoder(text, text_lengths, durations=durations)
            m_s, logs_s = latent["m_s"], latent["logs_s"]
            z = m_s + self.student.latent_noise_scale * torch.exp(logs_s) * latent_noise(m_s, self.seed)
            out["latent_loss"] = self.latent_loss(m_q, logs_q, m_s, logs_s, feats_mask)
        if system.decoder == "teacher":
            wav = vits.decode(z)
        else:
            assert self.student is not None
            wav = self.student.tts.decoder(z)
        # The last frame is centred on the recording's end: half of it lies behind.
        return {"wav": wav.reshape(-1)[: speech.shape[1]], **out}
