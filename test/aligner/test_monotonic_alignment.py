import itertools

import numpy as np
import pytest
import torch

from espnet2_nix.aligner.monotonic_alignment import durations_from_path, maximum_path


def reference_path(log_p):
    """The same search as a plain dynamic program; a tie comes from the same token."""
    num_frames, num_tokens = log_p.shape
    value = np.full((num_frames, num_tokens), -np.inf)
    value[0, 0] = log_p[0, 0]
    for t in range(1, num_frames):
        for j in range(min(t + 1, num_tokens)):
            value[t, j] = log_p[t, j] + max(value[t - 1, j], value[t - 1, j - 1] if j else -np.inf)
    attn = np.zeros_like(log_p)
    j = num_tokens - 1
    for t in reversed(range(num_frames)):
        attn[t, j] = 1
        if t and j and (j == t or value[t - 1, j - 1] > value[t - 1, j]):
            j -= 1
    return attn


def test_equals_reference_on_random_cases_with_ties():
    rng = np.random.default_rng(0)
    for _ in range(2000):
        num_tokens = int(rng.integers(1, 8))
        num_frames = int(rng.integers(num_tokens, 14))
        # Small integers are exact in float32, so ties are real ties in both searches.
        log_p = -rng.integers(0, 3, (num_frames, num_tokens)).astype(np.float32)
        attn = maximum_path(log_p[None], np.array([num_tokens]), np.array([num_frames]))[0]
        np.testing.assert_array_equal(attn, reference_path(log_p))


def test_score_is_the_best_of_all_paths():
    rng = np.random.default_rng(1)
    for num_tokens, num_frames in itertools.product(range(1, 5), range(1, 8)):
        if num_tokens > num_frames:
            continue
        log_p = rng.standard_normal((num_frames, num_tokens)).astype(np.float32)
        best = -np.inf
        for cuts in itertools.combinations(range(1, num_frames), num_tokens - 1):
            tokens = np.searchsorted(cuts, np.arange(num_frames), side="right")
            best = max(best, log_p[np.arange(num_frames), tokens].sum())
        attn = maximum_path(log_p[None], np.array([num_tokens]), np.array([num_frames]))[0]
        assert (attn * log_p).sum() == pytest.approx(best, abs=1e-5)


def test_batch_equals_single_items_whatever_lies_in_the_padding():
    torch.manual_seed(0)
    text_lengths, feats_lengths = torch.tensor([5, 1, 7]), torch.tensor([9, 12, 7])
    log_p = torch.randn(3, 12, 7)
    padded = log_p.clone()
    for b, (p, m) in enumerate(zip(text_lengths, feats_lengths, strict=True)):
        padded[b, m:], padded[b, :, p:] = float("nan"), float("inf")
    before = padded.clone()
    attn = maximum_path(padded, text_lengths, feats_lengths)
    assert torch.equal(padded.nan_to_num(7.0), before.nan_to_num(7.0))
    for b, (p, m) in enumerate(zip(text_lengths, feats_lengths, strict=True)):
        alone = maximum_path(log_p[b : b + 1, :m, :p].contiguous(), text_lengths[b : b + 1], feats_lengths[b : b + 1])
        assert torch.equal(attn[b, :m, :p], alone[0])
        assert attn[b].sum() == m
    durations = durations_from_path(attn)
    assert torch.equal(durations.sum(1), feats_lengths)
    assert all((durations[b, :p] >= 1).all() for b, p in enumerate(text_lengths))


def test_impossible_cells_are_avoided_or_crossed():
    log_p = np.zeros((1, 4, 2), dtype=np.float32)
    log_p[0, 2, 0] = -np.inf
    attn = maximum_path(log_p, np.array([2]), np.array([4]))[0]
    assert attn[2, 0] == 0
    log_p[:] = -np.inf
    assert maximum_path(log_p, np.array([2]), np.array([4]))[0].sum() == 4


def test_more_tokens_than_frames_names_the_utterance():
    with pytest.raises(ValueError, match=r"utterance 1 .* 6 tokens and only 5 frames"):
        maximum_path(np.zeros((2, 8, 6), np.float32), np.array([3, 6]), np.array([8, 5]))


@pytest.mark.parametrize(
    ("log_p", "text_lengths", "feats_lengths", "match"),
    [
        (np.zeros((4, 2), np.float32), [2], [4], "expected \\(B, T_feats, T_text\\)"),
        (np.zeros((1, 4, 2), np.float64), [2], [4], "float32"),
        (np.zeros((1, 4, 2), np.float32), [2, 2], [4], "text_lengths: expected shape"),
        (np.zeros((1, 4, 2), np.float32), [0], [4], "text_lengths\\[0\\]: expected 1 to 2, found 0"),
        (np.zeros((1, 4, 2), np.float32), [2], [5], "feats_lengths\\[0\\]: expected 1 to 4, found 5"),
        (np.full((1, 4, 2), np.nan, np.float32), [2], [4], "NaN"),
    ],
)
def test_refusals(log_p, text_lengths, feats_lengths, match):
    with pytest.raises(ValueError, match=match):
        maximum_path(log_p, np.array(text_lengths), np.array(feats_lengths))
