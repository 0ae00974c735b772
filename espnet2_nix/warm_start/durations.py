"""Durations of a corpus by the trained aligner."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import soundfile
import torch

from espnet2_nix.aligner.monotonic_alignment import durations_from_path
from espnet2_nix.data.kaldi_io import atomic_write, c_sorted, read_table
from espnet2_nix.data.progress import progress
from espnet2_nix.tasks.teacher import load_strictly, read_config, read_state_dict
from espnet2_nix.tasks.teacher_phases import TextAlignerTask
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
    ids = {token: i for i, token in enumerate(args.token_list)}
    rows: dict[str, list[int]] = {}
    for text_table, wav_table in zip(texts, wav_scps, strict=True):
        recordings = read_table(wav_table)
        for utt_id, line in progress(list(read_table(text_table).items()), "utterances aligned"):
            unknown = sorted(set(line.split()) - ids.keys())
            if utt_id not in recordings or unknown:
                raise TeacherInitError(
                    f"{utt_id}: expected a recording and known tokens, found "
                    f"{'none' if utt_id not in recordings else ' '.join(unknown)}; run stages 2 to 5 again"
                )
            speech = torch.from_numpy(soundfile.read(recordings[utt_id], dtype="float32")[0])[None]
            text = torch.tensor([[ids[token] for token in line.split()]])
            with torch.no_grad():
                _, attn, _ = model.align(text, torch.tensor([text.shape[1]]), speech, torch.tensor([speech.shape[1]]))
            rows[utt_id] = durations_from_path(attn)[0].tolist()
    with atomic_write(out) as f:
        for utt_id in c_sorted(rows):
            f.write(f"{utt_id} {' '.join(map(str, map(int, rows[utt_id])))}\n")
    frames = np.concatenate([np.array(row) for row in rows.values()])
    logger.info(
        "%s: %d utterances; frames of a token: median %d, 99th percentile %d, longest %d, one frame %.1f %%",
        out, len(rows), np.median(frames), np.percentile(frames, 99), frames.max(), 100 * (frames == 1).mean(),
    )  # fmt: skip
