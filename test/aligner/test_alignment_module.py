"""The aligner, against distances computed one by one."""

import pytest
import torch

from espnet2_nix.aligner.alignment_module import PADDED_LOG_PROB, AlignmentModule


def make_aligner(temperature=0.02):
    torch.manual_seed(0)
    return AlignmentModule(text_channels=6, feats_channels=4, attention_channels=3, temperature=temperature)


def direct(aligner, hidden, mel, log_prior=None):
    """log softmax of -temperature |q - k|^2 over the tokens of one utterance, then the prior."""
    ones = torch.ones(1, 1, hidden.shape[1])
    key = aligner.key(hidden[None], ones)[0]
    query = aligner.query(mel[None], torch.ones(1, 1, mel.shape[1]))[0]
    rows = []
    for t in range(mel.shape[1]):
        distances = torch.stack([(query[:, t] - key[:, k]).pow(2).sum() for k in range(hidden.shape[1])])
        scores = -aligner.temperature * distances
        rows.append(scores - scores.exp().sum().log())
    log_p = torch.stack(rows)
    return log_p if log_prior is None else log_p + log_prior


@pytest.mark.parametrize("with_prior", [False, True])
def test_it_is_the_softmax_of_squared_distances_and_a_batch_is_its_items(with_prior):
    aligner = make_aligner()
    hidden, mel = torch.randn(2, 6, 5), torch.randn(2, 4, 9)
    text_lengths, feats_lengths = torch.tensor([5, 3]), torch.tensor([9, 7])
    hidden[1, :, 3:], mel[1, :, 7:] = 100.0, -100.0  # what lies in the padding has no part in it
    log_prior = torch.randn(2, 9, 5) if with_prior else None
    log_p = aligner(hidden, mel, text_lengths, feats_lengths, log_prior)
    assert log_p.shape == (2, 9, 5)
    for item, (tokens, frames) in enumerate(((5, 9), (3, 7))):
        prior = None if log_prior is None else log_prior[item, :frames, :tokens]
        expected = direct(aligner, hidden[item, :, :tokens], mel[item, :, :frames], prior)
        torch.testing.assert_close(log_p[item, :frames, :tokens], expected, atol=1e-4, rtol=1e-4)
    assert (log_p[1, :, 3:] == PADDED_LOG_PROB).all()


def test_without_a_prior_each_frame_has_one_distribution_and_temperature_sharpens_it():
    hidden, mel = torch.randn(1, 6, 5), torch.randn(1, 4, 9)
    lengths = torch.tensor([5]), torch.tensor([9])
    soft, sharp = (make_aligner(temperature)(hidden, mel, *lengths)[0].exp() for temperature in (0.001, 10.0))
    torch.testing.assert_close(soft.sum(1), torch.ones(9))
    assert (soft.max(1).values < sharp.max(1).values).all()


def test_gradients_are_finite_where_tokens_are_padded():
    aligner = make_aligner()
    hidden = torch.randn(2, 6, 5, requires_grad=True)
    aligner(hidden, torch.randn(2, 4, 9), torch.tensor([5, 1]), torch.tensor([9, 9]))[:, :, 0].sum().backward()
    assert torch.isfinite(hidden.grad).all()
    assert (hidden.grad[1, :, 1:] == 0).all()
