"""Durations of a corpus by the trained aligner."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import soundfile
import torch

from espnet2_nix.aligner.monotonic_alignment import durations_from_path
from espnet2_nix.data.kaldi_io import read_table, write_table
from espnet2_nix.data.progress import progress
from espnet2_nix.models.checkpoint import load_strictly, read_config, read_state_dict
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
    for text_table, wav_table in zip(texts, wav_scps, strict=True):
        recordings = read_table(wav_table)
        for utt_id, line in progress(list(read_table(text_table).items()), "utterances aligned"):
            if utt_id not in recordings:
                raise TeacherInitError(
                    f"{utt_id}: expected a recording in {wav_table}, found none; run stages 2 to 5 again"
                )
            speech = torch.from_numpy(soundfile.read(recordings[utt_id], dtype="float32")[0])[None]
            text = torch.tensor([vocabulary.ids(line.split(), f"{text_table}, {utt_id}")])
            with torch.no_grad():
                _, attn, _ = model.align(text, torch.tensor([text.shape[1]]), speech, torch.tensor([speech.shape[1]]))
            rows[utt_id] = durations_from_path(attn)[0].tolist()
    write_table(out, {utt_id: " ".join(map(str, map(int, row))) for utt_id, row in rows.items()})
    frames = np.concatenate([np.array(row) for row in rows.values()])
    logger.info(
        "%s: %d utterances; frames of a token: median %d, 99th percentile %d, longest %d, one frame %.1f %%",
        out, len(rows), np.median(frames), np.percentile(frames, 99), frames.max(), 100 * (frames == 1).mean(),
    )  # fmt: skip
