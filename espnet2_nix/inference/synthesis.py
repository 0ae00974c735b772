"""Speech of a set by several systems; what is finished is kept."""

from __future__ import annotations

import dataclasses
import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import soundfile
import torch

from espnet2_nix.data.progress import progress
from espnet2_nix.data.spoken import SpokenUtterance, write_spoken
from espnet2_nix.errors import UserError
from espnet2_nix.files import digest_of, digest_of_file, replace_file
from espnet2_nix.inference.systems import Speaker
from espnet2_nix.inference.text2speech import TeacherText2Speech, Text2Speech
from espnet2_nix.systems import System
from espnet2_nix.text.vocabulary import Vocabulary

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelFiles:
    """The models that systems speak with.

    Attributes:
        train_config: ``config.yaml`` of the student.
        model_file: Its weights.
        model_tag: A pack or a zoo tag in their place.
        teacher_train_config: ``config.yaml`` of the teacher.
        teacher_model_file: Its weights.
    """

    train_config: str | None = None
    model_file: str | None = None
    model_tag: str | None = None
    teacher_train_config: str | None = None
    teacher_model_file: str | None = None


@dataclass(frozen=True)
class InferenceOptions:
    """What decides the samples beside models and text.

    Attributes:
        speed: Factor on the rate of speech.
        noise_scale: Factor on the latent's standard deviation; None is the model's default.
        noise_scale_dur: Noise of a stochastic duration predictor; None is the model's default.
        seed: Seed of every utterance.
    """

    speed: float = 1.0
    noise_scale: float | None = None
    noise_scale_dur: float | None = None
    seed: int = 0


@dataclass(frozen=True)
class Task:
    """One utterance of one system that is not yet spoken."""

    system: System
    utt_id: str
    text: str
    settings: str
    durations: str | None = None


def digest_of_settings(system: System, models: ModelFiles, options: InferenceOptions) -> str:
    """Names what decides a system's samples besides the text: options, and the content of the weights it speaks with."""
    settings: dict[str, object] = {**dataclasses.asdict(options), "system": system.name}
    for name, used, path in (
        ("teacher", system.needs_teacher, models.teacher_model_file),
        ("student", system.needs_student, models.model_file or models.model_tag),
    ):
        if used:
            settings[name] = digest_of_file(path, 16) if path and os.path.isfile(path) else path
    return digest_of(settings)[:16]


def load_speaker(systems: Sequence[System], models: ModelFiles, options: InferenceOptions, device: str) -> Speaker:
    """Loads the models that systems speak with.

    Raises:
        UserError: If one that is needed was not given, or cannot be loaded.
    """
    teacher = student = None
    if any(system.needs_teacher for system in systems):
        if not (models.teacher_train_config and models.teacher_model_file):
            raise UserError("the teacher is needed: give --teacher_train_config and --teacher_model_file")
        teacher = TeacherText2Speech(
            models.teacher_train_config, models.teacher_model_file, device=device, **dataclasses.asdict(options)
        )
    if any(system.needs_student for system in systems):
        chosen = {"device": device, **dataclasses.asdict(options)}
        if models.model_tag is not None:
            student = Text2Speech.from_pretrained(models.model_tag, **chosen)
        elif models.train_config and models.model_file:
            student = Text2Speech(models.train_config, models.model_file, **chosen)
        else:
            raise UserError("the student is needed: give --train_config and --model_file, or --model_tag")
    return Speaker(student, teacher, seed=options.seed)


def synthesise(
    systems: Sequence[System],
    texts: Mapping[str, str],
    output_dir: str | Path,
    models: ModelFiles,
    options: InferenceOptions | None = None,
    recordings: Mapping[str, str] | None = None,
    durations: Mapping[str, str] | None = None,
    table: str = "utterances.tsv",
    device: str = "cpu",
) -> dict[str, dict[str, SpokenUtterance]]:
    """Speaks texts with systems, and writes ``SYSTEM/wav/UTT_ID.wav``, ``SYSTEM/utterance/UTT_ID.json`` and a table a system.

    Args:
        systems: What to speak with.
        texts: Tokens, joined by blanks, by utterance id.
        output_dir: Where the systems' folders are; what is finished there with the same text and settings is kept.
        models: What they speak with.
        options: How they speak.
        recordings: Paths of the recordings by utterance id, for the systems that need them.
        durations: Frames of each token in them, joined by blanks, by utterance id; None leaves them to the teacher's own path.
        table: Name of the table in a system's folder.
        device: Where to compute.

    Returns:
        What was spoken, now or before, by system and utterance id.

    Raises:
        UserError: If a model, a recording, its durations or a token is missing.
    """
    options, output_dir = options or InferenceOptions(), Path(output_dir)
    spoken: dict[str, dict[str, SpokenUtterance]] = {system.name: {} for system in systems}
    todo: list[Task] = []
    settings = {system.name: digest_of_settings(system, models, options) for system in systems}
    for utt_id, text in texts.items():
        for system in systems:
            decided, row = settings[system.name], None
            if durations is not None and system.needs_recording:
                if utt_id not in durations:
                    raise UserError(f"--durations has no {utt_id}")
                row = durations[utt_id]
                decided = digest_of({"settings": decided, "durations": row})[:16]
            before = SpokenUtterance.read(output_dir / system.name, utt_id)
            if before is None or (before.settings, before.text) != (decided, text):
                todo.append(Task(system, utt_id, text, decided, row))
            else:
                spoken[system.name][utt_id] = before
    logger.info("%d finished before, %d to speak", sum(map(len, spoken.values())), len(todo))
    if todo:
        speaker = load_speaker([task.system for task in todo], models, options, device)
        for utterance, system in _speak_all(speaker, todo, recordings, output_dir):
            spoken[system.name][utterance.utt_id] = utterance
    for system in systems:
        write_spoken(output_dir / system.name / table, spoken[system.name].values())
    return spoken


def _speak_all(
    speaker: Speaker, todo: list[Task], recordings: Mapping[str, str] | None, output_dir: Path
) -> list[tuple[SpokenUtterance, System]]:
    """Speaks the utterances one by one; the wave first, then its record."""
    if recordings is None and any(task.system.needs_recording for task in todo):
        raise UserError("the recordings are needed: give --wav_scp")
    vocabulary = Vocabulary(speaker.token_list)
    warm: set[str] = set()
    spoken = []
    for task in progress(todo, "utterances"):
        ids = torch.tensor(vocabulary.ids(task.text.split(), task.utt_id))
        speech = None
        if recordings is not None and task.system.needs_recording:
            if task.utt_id not in recordings:
                raise UserError(f"--wav_scp has no {task.utt_id}")
            speech = torch.from_numpy(soundfile.read(recordings[task.utt_id], dtype="float32")[0])
        durations = None if task.durations is None else _numbers(task.durations, task.utt_id)
        if task.system.name not in warm:  # the first call of a process is slower: not counted
            speaker.speak(task.system, ids, speech, durations)
            warm.add(task.system.name)
        start = time.perf_counter()
        out = speaker.speak(task.system, ids, speech, durations)
        wav = out["wav"].clamp(-1.0, 1.0).cpu().numpy()
        elapsed = time.perf_counter() - start
        folder = output_dir / task.system.name
        with replace_file(folder / "wav" / f"{task.utt_id}.wav") as aside:
            soundfile.write(aside, wav, speaker.fs, subtype="PCM_16", format="WAV")
        utterance = SpokenUtterance(
            utt_id=task.utt_id,
            num_tokens=len(ids),
            seconds=round(len(wav) / speaker.fs, 5),
            elapsed=round(elapsed, 5),
            durations=out["duration"].tolist(),
            latent_loss=round(float(out["latent_loss"]), 4) if "latent_loss" in out else float("nan"),
            settings=task.settings,
            text=task.text,
        )
        utterance.write(folder)
        spoken.append((utterance, task.system))
    return spoken


def _numbers(row: str, utt_id: str) -> torch.Tensor:
    try:
        return torch.tensor([int(frames) for frames in row.split()])
    except ValueError as error:
        raise UserError(f"--durations, {utt_id}: expected whole numbers of frames, found {error}") from error
