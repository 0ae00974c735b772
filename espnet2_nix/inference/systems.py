"""The systems that the evaluation compares: teacher, student, and those half-way that tell where the student loses."""

from __future__ import annotations

import torch

from espnet2_nix.errors import UserError
from espnet2_nix.inference.text2speech import TeacherText2Speech, Text2Speech
from espnet2_nix.losses.latent_loss import LatentLoss
from espnet2_nix.models.nix_tts import latent_noise

# What each system speaks with: (teacher, student, recording).
NEEDS = {
    "teacher_resynthesis": (True, False, True),
    "teacher": (True, False, False),
    "student": (False, True, False),
    "teacher_latent_student_decoder": (True, True, True),
    "student_latent_teacher_decoder": (True, True, True),
    "student_recording_durations": (True, True, True),
}
SYSTEMS = tuple(NEEDS)


class Systems:
    """Speaks with any of ``SYSTEMS``.

    - ``teacher_resynthesis``: recording -> a sample of the teacher's posterior -> the teacher's decoder.
    - ``teacher``, ``student``: text to speech.
    - ``teacher_latent_student_decoder``: the same sample -> the student's decoder; against the first, the decoder's loss.
    - ``student_latent_teacher_decoder``: the student's latent at the recording's durations -> the teacher's decoder; against the
      first, the encoder's loss.
    - ``student_recording_durations``: the same latent -> the student's decoder; against ``student``, the durations' loss.

    The recording's durations are those of the teacher's own alignment.

    Args:
        student: The student; None where no system needs it.
        teacher: The teacher; None where no system needs it.
        seed: Seed of the noise in the latents.
    """

    def __init__(self, student: Text2Speech | None, teacher: TeacherText2Speech | None, seed: int = 0) -> None:
        self.student, self.teacher, self.seed = student, teacher, seed
        self.latent_loss = LatentLoss()

    @torch.no_grad()
    def speak(self, system: str, text: torch.Tensor, speech: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
        """Speech of one utterance.

        Args:
            system: One of ``SYSTEMS``.
            text: Token ids (T_text,).
            speech: The recording (T_wav,), float32, for the systems that need it.

        Returns:
            Dict of ``wav`` (T_wav,) float32, ``duration`` (T_text,) int64 in frames, and, where the student's latent is as
            long as the recording, ``latent_loss``: KL(teacher || student) in nats a frame.

        Raises:
            UserError: If the system is unknown, lacks what it speaks with, or the text has more tokens than the recording
                frames.
        """
        if system not in NEEDS:
            raise UserError(f"system: expected one of {', '.join(SYSTEMS)}, found {system!r}")
        for given, needed, name in zip(
            (self.teacher, self.student, speech),
            NEEDS[system],
            ("the teacher", "the student", "the recording"),
            strict=True,
        ):
            if needed and given is None:
                raise UserError(f"{system} speaks with {name}, which was not given")
        if system == "teacher":
            return self.teacher(text)
        if system == "student":
            return self.student(text, seed=self.seed)
        return self._half_way(system, text, speech)

    def _half_way(self, system: str, text: torch.Tensor, speech: torch.Tensor) -> dict[str, torch.Tensor]:
        taps = self.teacher.taps
        text, text_lengths = text[None].to(self.teacher.device), torch.tensor([len(text)], device=self.teacher.device)
        speech = speech[None].to(self.teacher.device)
        feats, feats_lengths = taps.feats(speech, torch.tensor([speech.shape[1]], device=speech.device))
        m_q, logs_q, feats_mask = taps.posterior(feats, feats_lengths)
        durations = taps.alignment(text, text_lengths, m_q, feats_mask).sum(1).long()  # (1, T_text)
        out = {"duration": durations[0]}
        if system in ("teacher_resynthesis", "teacher_latent_student_decoder"):
            z = m_q + torch.exp(logs_q) * latent_noise(m_q, self.seed)
        else:
            model = self.student.tts
            latent = model.encoder(text, text_lengths, durations=durations)
            m_s, logs_s = latent["m_s"], latent["logs_s"]
            z = m_s + model.noise_scale * torch.exp(logs_s) * latent_noise(m_s, self.seed)
            out["latent_loss"] = self.latent_loss(m_q, logs_q, m_s, logs_s, feats_mask)
        by_teacher = system in ("teacher_resynthesis", "student_latent_teacher_decoder")
        wav = taps.decode(z) if by_teacher else self.student.tts.decoder(z)
        # The last frame is centred on the recording's end: half of it lies behind.
        return {"wav": wav.reshape(-1)[: speech.shape[1]], **out}
