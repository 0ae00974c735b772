"""Durations of a corpus: by the trained aligner, then by the teacher's text encoder on the latent itself."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import soundfile
import torch

from espnet2_nix.aligner.monotonic_alignment import durations_from_path, maximum_path
from espnet2_nix.data.kaldi_io import read_table, write_table
from espnet2_nix.data.progress import progress
from espnet2_nix.models.checkpoint import fingerprint, load_strictly, read_config, read_state_dict
from espnet2_nix.models.load_teacher import load_teacher, load_vits
from espnet2_nix.models.teacher_latents import TeacherLatents
from espnet2_nix.tasks.teacher_phases import TextAlignerTask
from espnet2_nix.text.vocabulary import Vocabulary
from espnet2_nix.warm_start.errors import TeacherInitError

logger = logging.getLogger(__name__)


def write_durations(
    train_config: str, model_file: str, texts: Sequence[str], wav_scps: Sequence[str], out: str
) -> None:
    """Writes a table of utterance id and the frames of each of its tokens, and logs whether the alignment is sound.

    Args:
        train_config: ``config.yaml`` of the aligner.
        model_file: Its weights.
        texts: Tables of utterance id and tokens.
        wav_scps: Tables of their recordings, in the same order.
        out: The table to write.

    Raises:
        TeacherInitError: If a recording is missing, or a token unknown.
    """
    args = read_config(train_config)
    model = TextAlignerTask.build_model(args)
    load_strictly(model, read_state_dict(model_file), model_file)
    model.eval()
    vocabulary = Vocabulary(args.token_list)
    rows: dict[str, list[int]] = {}
    for utt_id, text, speech in _recordings(texts, wav_scps, vocabulary):
        with torch.no_grad():
            _, attn, _ = model.align(text, torch.tensor([text.shape[1]]), speech, torch.tensor([speech.shape[1]]))
        rows[utt_id] = durations_from_path(attn)[0].tolist()
    _write(out, rows)


def expected_log_likelihood(
    m_q: torch.Tensor, logs_q: torch.Tensor, m_p: torch.Tensor, logs_p: torch.Tensor
) -> torch.Tensor:
    """Expected log-likelihood of each frame's latent under each token's Gaussian, over the posterior of the frame.

    At the posterior's mean alone (VITS, arXiv 2106.06103, equation 5, at one sample) a token with a narrow Gaussian draws
    frames to it that its width does not cover.

    Args:
        m_q, logs_q: Mean and log standard deviation of the frames' posterior (B, H, T_feats).
        m_p, logs_p: Mean and log standard deviation of the tokens' prior (B, H, T_text).

    Returns:
        (B, T_feats, T_text), nats.
    """
    precision = torch.exp(-2 * logs_p)
    constant = torch.sum(-0.5 * math.log(2 * math.pi) - logs_p - 0.5 * m_p**2 * precision, 1, keepdim=True)
    square = torch.matmul(-0.5 * (m_q**2 + torch.exp(2 * logs_q)).transpose(1, 2), precision)
    return constant + square + torch.matmul(m_q.transpose(1, 2), m_p * precision)


def refine_durations(
    train_config: str, model_file: str, latents_dir: str, latents_model_file: str, texts: Sequence[str], out: str
) -> None:
    """Writes the table anew, as the teacher's text encoder finds the frames of each token on the latent, its flow at rest.

    The aligner knows the spectrogram alone. What the student has to predict is the latent, and where it changes is not quite
    where the spectrogram does.

    Args:
        train_config: ``config.yaml`` of the teacher.
        model_file: Its weights, the text encoder trained with the flow at rest.
        latents_dir: Stored posteriors, see ``bin/dump_latents.py``.
        latents_model_file: Weights of the teacher that they were stored of.
        texts: Tables of utterance id and tokens.
        out: The table to write.

    Raises:
        MissingFileError: If a file is missing.
        UserError: If the latents are another teacher's, or of another text.
    """
    vits, args = load_vits(train_config, model_file)
    latents = TeacherLatents(latents_dir, fingerprint(latents_model_file))
    vocabulary = Vocabulary(args.token_list)
    rows: dict[str, list[int]] = {}
    moved = []
    for text_table in texts:
        for utt_id, line in progress(list(read_table(text_table).items()), "utterances aligned"):
            text = torch.tensor([vocabulary.ids(line.split(), f"{text_table}, {utt_id}")])
            stored = latents.batch([utt_id], torch.tensor([text.shape[1]]))
            rows[utt_id] = _best_durations(
                vits.tts.generator.text_encoder, text, stored.m_q, stored.logs_q, stored.feats_lengths
            )
            assert stored.durations is not None
            moved.append(np.abs(np.cumsum(rows[utt_id]) - np.cumsum(stored.durations[0].numpy())))
    _write(out, rows)
    logger.info("%s: a boundary moved by %.1f frames on average", out, np.concatenate(moved).mean())


def align_recordings(
    train_config: str, model_file: str, texts: Sequence[str], wav_scps: Sequence[str], out: str
) -> None:
    """Writes the frames of each token of recordings that were not trained on, found as ``refine_durations`` finds them.

    Args:
        train_config: ``config.yaml`` of the teacher.
        model_file: Its weights, the text encoder trained with the flow at rest.
        texts: Tables of utterance id and tokens.
        wav_scps: Tables of their recordings, in the same order.
        out: The table to write.

    Raises:
        MissingFileError: If a file is missing.
        TeacherInitError: If a recording is missing.
        UserError: If a token is unknown, or an utterance has more tokens than frames.
    """
    teacher = load_teacher(train_config, model_file)
    vocabulary = Vocabulary(teacher.token_list)
    rows: dict[str, list[int]] = {}
    for utt_id, text, speech in _recordings(texts, wav_scps, vocabulary):
        with torch.no_grad():
            feats, feats_lengths = teacher.feats(speech, torch.tensor([speech.shape[1]]))
            m_q, logs_q, _ = teacher.posterior(feats, feats_lengths)
            rows[utt_id] = _best_durations(teacher.generator.text_encoder, text, m_q, logs_q, feats_lengths)
    _write(out, rows)


def _recordings(
    texts: Sequence[str], wav_scps: Sequence[str], vocabulary: Vocabulary
) -> Iterator[tuple[str, torch.Tensor, torch.Tensor]]:
    """Utterance id, token ids (1, T_text) and recording (1, T_wav), float32, of one table after the other."""
    for text_table, wav_table in zip(texts, wav_scps, strict=True):
        recordings = read_table(wav_table)
        for utt_id, line in progress(list(read_table(text_table).items()), "utterances aligned"):
            if utt_id not in recordings:
                raise TeacherInitError(
                    f"{utt_id}: expected a recording in {wav_table}, found none; run stages 2 to 5 again"
                )
            text = torch.tensor([vocabulary.ids(line.split(), f"{text_table}, {utt_id}")])
            yield utt_id, text, torch.from_numpy(soundfile.read(recordings[utt_id], dtype="float32")[0])[None]


def _best_durations(
    text_encoder: torch.nn.Module,
    text: torch.Tensor,
    m_q: torch.Tensor,
    logs_q: torch.Tensor,
    feats_lengths: torch.Tensor,
) -> list[int]:
    """Frames of each token of one utterance, on the monotonic path of the largest expected likelihood."""
    text_lengths = torch.tensor([text.shape[1]])
    with torch.no_grad():
        _, m_p, logs_p, _ = text_encoder(text, text_lengths)
        score = expected_log_likelihood(m_q, logs_q, m_p, logs_p)
    return durations_from_path(maximum_path(score.float(), text_lengths, feats_lengths))[0].tolist()


def _write(out: str, rows: Mapping[str, Sequence[int]]) -> None:
    write_table(out, {utt_id: " ".join(map(str, map(int, row))) for utt_id, row in rows.items()})
    frames = np.concatenate([np.array(row) for row in rows.values()])
    logger.info(
        "%s: %d utterances; frames of a token: median %d, 99th percentile %d, longest %d, one frame %.1f %%",
        out, len(rows), np.median(frames), np.percentile(frames, 99), frames.max(), 100 * (frames == 1).mean(),
    )  # fmt: skip
