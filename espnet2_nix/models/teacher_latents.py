"""The teacher's latents, computed once and read from disk, so that no teacher runs in training."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from espnet2_nix.aligner.monotonic_alignment import durations_from_path
from espnet2_nix.errors import MissingFileError, UserError
from espnet2_nix.files import replace_file, write_text
from espnet2_nix.models.encoder_ensemble import EncoderEnsemble
from espnet2_nix.models.token_pitch import token_pitch
from espnet2_nix.models.vits_teacher import VITSTeacher
from espnet2_nix.modules.log_mel import LogMel
from espnet2_nix.modules.masks import make_non_pad_mask

INFO, INDEX, FRAMES = "info.json", "index.tsv", "frames.f16"


def write_latents(
    folder: str | Path,
    teacher: VITSTeacher,
    fingerprint: str,
    utterances: Iterable[tuple[str, torch.Tensor, torch.Tensor | None]],
    durations_of: Mapping[str, Sequence[int]] | None = None,
    reader: EncoderEnsemble | None = None,
) -> int:
    """Runs the teacher over utterances and stores what encoder distillation takes from it.

    A frame is a row of float16: m_q, logs_q (H each) and the log-mel spectrogram (80). The index holds, by utterance,
    where its latent comes from, and of each token the frames, log-F0 and voiced share: of a recording the posterior, with the
    teacher's own path through it; of a text alone the prior, with the teacher's durations, no spectrogram (zeros) and no pitch. Files are written aside; ``info.json`` comes last and makes the
    folder complete.

    Args:
        folder: Where the files go.
        teacher: The trained VITS.
        fingerprint: Names the teacher's weights; who reads the folder must name the same.
        utterances: Id, token ids (T_text,) and waveform (T_wav,), or None where there is no recording, of each.
        durations_of: Frames of each token by utterance, in place of the teacher's own path through a recording.
        reader: Reads what has no recording, in place of the teacher.

    Returns:
        Frames written.

    Raises:
        UserError: If an utterance has more tokens than frames, or a value does not fit float16.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / INFO).unlink(missing_ok=True)
    log_mel = LogMel(fs=teacher.fs, n_fft=teacher.n_fft)
    n_mels = len(log_mel.basis)
    num_frames = 0
    with (
        replace_file(folder / INDEX) as index_aside,
        replace_file(folder / FRAMES) as frames_aside,
        index_aside.open("w", encoding="utf-8") as index,
        frames_aside.open("wb") as frames,
    ):
        for utt_id, text, speech in utterances:
            pitch: tuple[list[float], list[float]] = ([], [])
            if speech is None:
                seed = zlib.crc32(utt_id.encode())
                if reader is None:
                    mean, log_std, durations = teacher.prior(text[None], seed=seed)
                else:
                    mean, log_std, durations, predicted = reader.prior(text[None], seed=seed)
                    pitch = ([], []) if predicted is None else tuple(predicted[0].tolist())
                mel = torch.zeros(1, n_mels, mean.shape[2], device=mean.device)
            else:
                feats, feats_lengths = teacher.feats(speech[None], torch.tensor([len(speech)], device=speech.device))
                mean, log_std, feats_mask = teacher.posterior(feats, feats_lengths)
                text_lengths = torch.tensor([len(text)], device=text.device)
                if durations_of is None:
                    durations = durations_from_path(teacher.alignment(text[None], text_lengths, mean, feats_mask))
                else:
                    durations = given_durations(durations_of, utt_id, len(text), mean.shape[2])
                mel = log_mel.to(feats.device)(feats)
                pitch = token_pitch(speech, durations[0].tolist(), teacher.fs, teacher.n_fft, teacher.hop_length)
            rows = torch.cat([mean[0], log_std[0], mel[0]]).T.half().cpu()  # (T_feats, 2 H + n_mels)
            if not torch.isfinite(rows).all():
                raise UserError(f"{utt_id}: the teacher's latent does not fit float16; is its training finished?")
            frames.write(rows.contiguous().numpy().tobytes())
            source = "prior" if speech is None else "posterior"
            columns = [durations[0].tolist(), *([f"{value:.4f}" for value in values] for values in pitch)]
            index.write(
                "\t".join([utt_id, source, str(len(rows)), *(" ".join(map(str, column)) for column in columns)]) + "\n"
            )
            num_frames += len(rows)
    info = {
        "teacher": fingerprint,
        "latent_channels": teacher.latent_channels,
        "n_mels": n_mels,
        "num_frames": num_frames,
    }
    write_text(folder / INFO, json.dumps(info, indent=1) + "\n")
    return num_frames


def given_durations(
    durations_of: Mapping[str, Sequence[int]], utt_id: str, num_tokens: int, num_frames: int
) -> torch.Tensor:
    """Frames of each token (1, T_text), int64, checked against the utterance.

    Raises:
        UserError: If there are none of this utterance, or their number or sum is another.
    """
    durations = durations_of.get(utt_id)
    if durations is None:
        raise UserError(f"no durations of {utt_id}; write them anew: remove the table, then run stage 6")
    if len(durations) != num_tokens or sum(durations) != num_frames:
        raise UserError(
            f"{utt_id}: expected durations of {num_tokens} tokens and {num_frames} frames, found {len(durations)} and "
            f"{sum(durations)}; write them anew: remove the table, then run stage 6"
        )
    return torch.tensor([list(durations)])


@dataclass(frozen=True)
class Targets:
    """What a student encoder learns from in one batch.

    Attributes:
        m_q, logs_q: The teacher's posterior (B, H, T_feats), float32; of a text without a recording the prior.
        feats_mask: (B, 1, T_feats).
        feats_lengths: Frames (B,).
        log_mel: Log-mel spectrogram (B, n_mels, T_feats), float32; None where an utterance has no recording.
        durations: Frames of each token (B, T_text), int64, where they were stored.
        pitch: Of each token (B, 2, T_text), float32, where it was stored: log-F0, standardised over the corpus and 0 where no frame
            is voiced, and the voiced share of its frames; of a text that encoders read, what they predicted; NaN where the
            teacher read it, 0 on padding.
    """

    m_q: torch.Tensor
    logs_q: torch.Tensor
    feats_mask: torch.Tensor
    feats_lengths: torch.Tensor
    log_mel: torch.Tensor | None = None
    durations: torch.Tensor | None = None
    pitch: torch.Tensor | None = None


class Entry(NamedTuple):
    """Where an utterance lies: ``posterior`` or ``prior``, first frame, frames; frames and pitch (2, T_text) of each token."""

    source: str
    start: int
    num_frames: int
    durations: list[int]
    pitch: np.ndarray


class TeacherLatents:
    """What ``write_latents`` stored, mapped into memory and read by utterance.

    Args:
        folder: Where the files are.
        fingerprint: The teacher's, which must be that of the stored latents.

    Raises:
        MissingFileError: If the folder is incomplete.
        UserError: If another teacher wrote it, or its files disagree.
    """

    def __init__(self, folder: str | Path, fingerprint: str) -> None:
        self.folder = Path(folder)
        hint = "./run.sh --stage 7 --dump_latents true writes it"
        if not (self.folder / INFO).is_file():
            raise MissingFileError(f"{self.folder / INFO} not found; {hint}")
        info = json.loads((self.folder / INFO).read_text(encoding="utf-8"))
        if info["teacher"] != fingerprint:
            raise UserError(
                f"{self.folder}: expected latents of the teacher {fingerprint}, found those of {info['teacher']}; {hint}"
            )
        self.latent_channels, self.n_mels = info["latent_channels"], info["n_mels"]
        width = 2 * self.latent_channels + self.n_mels
        size = (self.folder / FRAMES).stat().st_size
        if size != 2 * width * info["num_frames"]:
            raise UserError(
                f"{self.folder / FRAMES}: expected {2 * width * info['num_frames']} bytes, found {size}; {hint}"
            )
        self.frames = np.memmap(self.folder / FRAMES, dtype=np.float16, mode="r").reshape(-1, width)
        self.index: dict[str, Entry] = {}
        start = 0
        for line in (self.folder / INDEX).read_text(encoding="utf-8").splitlines():
            utt_id, source, num_frames, durations, *pitch = line.split("\t")
            if len(pitch) != 2:
                raise UserError(f"{self.folder / INDEX} is of an earlier version, without pitch; {hint}")
            values = np.array(
                [column.split() for column in pitch], dtype=np.float32
            )  # (2, T_text), (2, 0) without pitch
            self.index[utt_id] = Entry(source, start, int(num_frames), [int(d) for d in durations.split()], values)
            start += int(num_frames)
        recorded = [entry.pitch[0] for entry in self.index.values() if entry.source == "posterior"]
        log_f0 = np.concatenate([np.zeros(0), *(values[values > 0] for values in recorded)])
        self.mean_log_f0, self.std_log_f0 = (log_f0.mean(), log_f0.std() or 1.0) if len(log_f0) else (0.0, 1.0)

    def pitch(self, entry: Entry) -> np.ndarray:
        """Pitch of an utterance's tokens (2, T_text), float32, as `Targets` has it; NaN where there is none."""
        if not entry.pitch.size:
            return np.full((2, len(entry.durations)), np.nan, dtype=np.float32)
        if entry.source != "posterior":
            return entry.pitch
        log_f0, voicing = entry.pitch
        standardised = (log_f0 - self.mean_log_f0) / self.std_log_f0
        return np.stack([np.where(log_f0 > 0, standardised, 0.0), voicing]).astype(np.float32)

    def batch(self, utt_ids: Sequence[str], text_lengths: torch.Tensor) -> Targets:
        """The latents of a batch, on the device of ``text_lengths``.

        Args:
            utt_ids: Ids of the utterances. ``ID@2`` is ID for the second time: samplers draw every id as often as any other.
            text_lengths: Their tokens (B,).

        Raises:
            UserError: If an utterance is not stored, or was stored with another text.
        """
        rows, durations, pitch = [], [], []
        has_mel = True
        for utt_id, num_tokens in zip(utt_ids, text_lengths.tolist(), strict=True):
            entry = self.index.get(utt_id) or self.index.get(utt_id.rpartition("@")[0])
            if entry is None:
                raise UserError(f"{self.folder} has no {utt_id}; write it anew: remove the folder, then run stage 7")
            if len(entry.durations) != num_tokens:
                raise UserError(
                    f"{self.folder}: {utt_id} was stored with {len(entry.durations)} tokens, its text now has "
                    f"{num_tokens}; write it anew: remove the folder, then run stage 7"
                )
            frames = self.frames[entry.start : entry.start + entry.num_frames]
            rows.append(torch.from_numpy(frames.astype(np.float32)))
            durations.append(torch.tensor(entry.durations))
            pitch.append(torch.from_numpy(self.pitch(entry)).T)
            has_mel = has_mel and entry.source == "posterior"
        device = text_lengths.device
        frames = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True).transpose(1, 2).to(device)
        feats_lengths = torch.tensor([len(r) for r in rows], device=device)
        m_q, logs_q, log_mel = frames.split([self.latent_channels, self.latent_channels, self.n_mels], dim=1)
        return Targets(
            m_q,
            logs_q,
            feats_mask=make_non_pad_mask(feats_lengths, frames.shape[2]),
            feats_lengths=feats_lengths,
            log_mel=log_mel if has_mel else None,
            durations=torch.nn.utils.rnn.pad_sequence(durations, batch_first=True).to(device),
            pitch=torch.nn.utils.rnn.pad_sequence(pitch, batch_first=True).transpose(1, 2).to(device),
        )
