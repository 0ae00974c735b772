"""Sentences that nobody said, spliced from the words of two that were."""

from __future__ import annotations

import torch

from espnet2_nix.models.teacher_latents import Targets
from espnet2_nix.modules.masks import make_non_pad_mask


def splice(
    text: torch.Tensor, text_lengths: torch.Tensor, targets: Targets, boundary: int, share: float
) -> tuple[torch.Tensor, torch.Tensor, Targets]:
    """Gives some of a batch's utterances the end of another one, from a word boundary on.

    A student encoder that hears the words of a small corpus in one neighbourhood each learns the neighbourhood with them. A
    splice is the beginning of one utterance up to a word boundary, drawn at random, and the end of another, drawn as well,
    from that one of its boundaries on which keeps the length nearest: tokens, the latent's frames, durations and pitch
    alike. Around the joint the latent is that of the old neighbours, as far as the posterior encoder looks aside.

    Args:
        text: Token ids (B, T_text).
        text_lengths: Tokens (B,).
        targets: What is learnt of them, with durations.
        boundary: Id of the token between two words; it stays with the beginning.
        share: Probability of each utterance to be spliced, where it and another of the batch have a boundary.

    Returns:
        Text (B, T_text), its lengths (B,) and targets, of the utterances in the same order, without spectrograms.

    Raises:
        ValueError: If the targets have no durations.
    """
    if targets.durations is None:
        raise ValueError("splicing: expected targets with durations, found none")
    lengths = text_lengths.tolist()
    ends = targets.durations.cumsum(1).cpu()  # frame after each token
    cuts = [(row[:n] == boundary).nonzero()[:, 0].cpu() for row, n in zip(text, lengths, strict=True)]  # last token
    able = [i for i, cut in enumerate(cuts) if len(cut)]
    columns = {"text": text[:, None], "durations": targets.durations[:, None], "pitch": targets.pitch}
    frames = {"m_q": targets.m_q, "logs_q": targets.logs_q}
    spliced: dict[str, list[torch.Tensor]] = {name: [] for name in (*columns, *frames)}
    for i, num_tokens in enumerate(lengths):
        pieces = [(i, 0, num_tokens)]
        others = [j for j in able if j != i]
        if i in able and others and float(torch.rand(())) < share:
            j = others[int(torch.randint(len(others), ()))]
            here = int(cuts[i][torch.randint(len(cuts[i]), ())])
            rest = ends[i, num_tokens - 1] - ends[i, here]
            there = int(cuts[j][(ends[j, lengths[j] - 1] - ends[j, cuts[j]] - rest).abs().argmin()])
            pieces = [(i, 0, here + 1), (j, there + 1, lengths[j])]
        spans = [
            (k, int(ends[k, first - 1]) if first else 0, int(ends[k, last - 1]) if last else 0)
            for k, first, last in pieces
        ]
        for values, parts in ((columns, pieces), (frames, spans)):
            for name, value in values.items():
                if value is not None:
                    spliced[name].append(torch.cat([value[k, :, first:last] for k, first, last in parts], dim=1).T)
    out = {
        name: torch.nn.utils.rnn.pad_sequence(rows, batch_first=True).transpose(1, 2)
        for name, rows in spliced.items()
        if rows
    }
    device = text.device
    feats_lengths = torch.tensor([len(row) for row in spliced["m_q"]], device=device)
    return (
        out["text"][:, 0],
        torch.tensor([len(row) for row in spliced["text"]], device=device),
        Targets(
            out["m_q"],
            out["logs_q"],
            feats_mask=make_non_pad_mask(feats_lengths, out["m_q"].shape[2]),
            feats_lengths=feats_lengths,
            durations=out["durations"][:, 0],
            pitch=out.get("pitch"),
        ),
    )
