"""Speech of a student, with ESPnet's call and keys, strict loading and a seed."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from espnet2_nix.errors import UserError
from espnet2_nix.models.load_teacher import load_vits
from espnet2_nix.models.model_files import unpack_model
from espnet2_nix.models.nix_tts import NixTTS
from espnet2_nix.models.vits_teacher import VITSTeacher
from espnet2_nix.student.checkpoint import load_student
from espnet2_nix.tasks.preprocessor import NixPreprocessor
from espnet2_nix.voice_format import SpeakOptions


class Text2Speech:
    """Speaks with an assembled student.

    Args:
        train_config: ``config.yaml`` of the student.
        model_file: Its weights.
        device: Where to compute.
        speed: Factor on the rate of speech; 2 halves the durations.
        noise_scale: Factor on the latent's standard deviation; None is the student's default.
        noise_scale_dur: Noise of a stochastic duration predictor; None is the student's default.
        seed: The same text and seed give the same samples; None draws a new seed at each call.

    Raises:
        MissingFileError: If a file is missing.
        UserError: If the configuration is no student's, or a weight is missing, unexpected or of another shape.
    """

    def __init__(
        self,
        train_config: str | Path,
        model_file: str | Path,
        device: str = "cpu",
        speed: float = 1.0,
        noise_scale: float | None = None,
        noise_scale_dur: float | None = None,
        seed: int | None = 0,
    ) -> None:
        model, self.train_args = load_student(train_config, model_file)
        self.model = model.to(device)
        self.tts: NixTTS = model.tts
        self.preprocess_fn = NixPreprocessor(self.train_args.token_list, self.train_args.frontend)
        self.device = device
        self.speed = speed
        self.noise_scale = noise_scale
        self.noise_scale_dur = noise_scale_dur
        self.seed = seed

    @property
    def fs(self) -> int:
        """Sampling rate in Hz."""
        return self.tts.fs

    @property
    def latent_noise_scale(self) -> float:
        """Factor on the latent's standard deviation that it speaks with."""
        return self.tts.noise_scale if self.noise_scale is None else self.noise_scale

    def __call__(
        self,
        text: str | np.ndarray | torch.Tensor,
        durations: np.ndarray | torch.Tensor | None = None,
        speed: float | None = None,
        noise_scale: float | None = None,
        seed: int | None = None,
        decode_conf: Mapping[str, Any] | None = None,
    ) -> dict[str, torch.Tensor]:
        """Speaks a text.

        Args:
            text: Korean text, or token ids (T_text,).
            durations: Frames of each token (T_text,) to use instead of predicted ones.
            speed: In place of the one given at construction, as are ``noise_scale`` and ``seed``.
            noise_scale: See above.
            seed: See above.
            decode_conf: Further arguments of ``NixTTS.inference``, as ESPnet's own class takes them.

        Returns:
            Dict of ``wav`` (T_wav,) float32 and ``duration`` (T_text,) int64 in frames.

        Raises:
            UserError: If nothing of the text can be read, or an option is out of range.
        """
        seed = self.seed if seed is None else seed
        asked = SpeakOptions(
            speed=self.speed if speed is None else speed,
            noise_scale=self.noise_scale if noise_scale is None else noise_scale,
            seed=0 if seed is None else seed,
        )
        if isinstance(text, str):
            text = self.preprocess_fn("<text>", {"text": text})["text"]
        options = {
            "alpha": 1.0 / asked.speed,
            "noise_scale": asked.noise_scale,
            "noise_scale_dur": self.noise_scale_dur,
            "seed": seed,
            **(decode_conf or {}),
        }
        return self.tts.inference(
            torch.as_tensor(text, device=self.device),
            durations=None if durations is None else torch.as_tensor(durations, device=self.device),
            **options,
        )

    @staticmethod
    def from_pretrained(model_tag: str | Path | None = None, **kwargs: Any) -> Text2Speech:
        """Loads a pack.

        Args:
            model_tag: A zip file of stage 11, or a tag of the ESPnet model zoo (then espnet_model_zoo fetches it).
            kwargs: Arguments of the constructor.

        Raises:
            MissingFileError: If a name that ends in .zip is no file.
            UserError: If the pack holds no student.
        """
        if model_tag is None:
            return Text2Speech(**kwargs)
        if not str(model_tag).endswith(".zip"):
            from espnet2.utils.pretrained import download_pretrained

            return Text2Speech(**{**download_pretrained(str(model_tag)), **kwargs})
        with tempfile.TemporaryDirectory() as folder:
            try:
                return Text2Speech(**{**unpack_model(model_tag, folder), **kwargs})
            except UserError as error:  # the folder that it was unpacked into tells nobody anything
                raise UserError(re.sub(rf"{re.escape(folder)}[^ :,]*/", f"{model_tag}: ", str(error))) from error


class TeacherText2Speech:
    """Speaks with the teacher, an ESPnet VITS, with the same call as ``Text2Speech``.

    Args:
        train_config: ``config.yaml`` of the teacher.
        model_file: Its weights.
        device: Where to compute.
        speed: Factor on the rate of speech.
        noise_scale: Factor on the prior's standard deviation; None is ESPnet's default.
        noise_scale_dur: Noise of the duration predictor; None is ESPnet's default.
        seed: Seed of the noise.

    Raises:
        MissingFileError: If a file is missing.
        UserError: If it is no VITS, or the weights do not fit.
    """

    def __init__(
        self,
        train_config: str | Path,
        model_file: str | Path,
        device: str = "cpu",
        speed: float = 1.0,
        noise_scale: float | None = None,
        noise_scale_dur: float | None = None,
        seed: int | None = 0,
    ) -> None:
        model, self.train_args = load_vits(train_config, model_file)
        self.tts = model.tts.to(device)
        self.vits_teacher = VITSTeacher(model.tts, model.feats_extract, int(model.tts.fs), self.train_args.token_list)
        self.device = device
        self.speed, self.seed = speed, seed
        self.noise_scale = 0.667 if noise_scale is None else noise_scale
        self.noise_scale_dur = 0.8 if noise_scale_dur is None else noise_scale_dur

    @property
    def fs(self) -> int:
        """Sampling rate in Hz."""
        return int(self.tts.fs)

    @torch.no_grad()
    def __call__(self, text: np.ndarray | torch.Tensor) -> dict[str, torch.Tensor]:
        """Token ids (T_text,) to ``wav`` (T_wav,) float32 and ``duration`` (T_text,) in frames."""
        with torch.random.fork_rng():
            if self.seed is not None:
                torch.manual_seed(self.seed)
            out = self.tts.inference(
                torch.as_tensor(text, device=self.device),
                alpha=1.0 / self.speed,
                noise_scale=self.noise_scale,
                noise_scale_dur=self.noise_scale_dur,
            )
        return {"wav": out["wav"].reshape(-1), "duration": out["duration"].reshape(-1).long()}
