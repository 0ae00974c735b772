"""Pitch of tokens: predicted, added, judged."""

import torch

from espnet2_nix.modules.pitch_predictor import PitchPredictor


def make_predictor(seed=0):
    torch.manual_seed(seed)
    return PitchPredictor(channels=8, hidden_channels=16).eval()


HIDDEN = torch.randn(2, 8, 6, generator=torch.Generator().manual_seed(1))
MASK = torch.tensor([[[1.0] * 6], [[1.0] * 4 + [0.0] * 2]])


def test_padding_changes_nothing():
    predictor = make_predictor()
    alone, alone_mask = HIDDEN[1:, :, :4], MASK[1:, :, :4]
    pitch, pitch_alone = predictor(HIDDEN, MASK)[1:, :, :4], predictor(alone, alone_mask)
    torch.testing.assert_close(pitch, pitch_alone)
    noise = HIDDEN.clone()
    noise[1, :, 4:] = 100.0
    torch.testing.assert_close(predictor(noise * MASK, MASK)[1:, :, :4], pitch_alone)
    spoken = predictor.add(HIDDEN * MASK, predictor(HIDDEN, MASK), MASK)
    torch.testing.assert_close(spoken[1:, :, :4], predictor.add(alone, pitch_alone, alone_mask))
    assert not spoken[1, :, 4:].any()
    # A graph has no mask.
    torch.testing.assert_close(predictor(alone, None), pitch_alone)
    torch.testing.assert_close(predictor.add(alone, pitch_alone, None), predictor.add(alone, pitch_alone, alone_mask))


def test_what_is_not_voiced_has_no_pitch():
    predictor = make_predictor()
    for module, value in ((predictor.log_f0, 0.7), (predictor.voicing, 0.1)):
        module.proj.weight.data.zero_()
        module.proj.bias.data.fill_(value)
    log_f0, voicing = predictor(HIDDEN, None).unbind(1)
    torch.testing.assert_close(voicing, torch.full((2, 6), 0.1))
    assert not log_f0.any()
    predictor.voicing.proj.bias.data.fill_(0.9)
    torch.testing.assert_close(predictor(HIDDEN, None)[:, 0], torch.full((2, 6), 0.7))


def test_the_loss_counts_log_f0_where_voiced_and_nothing_where_nobody_spoke():
    predictor = make_predictor()
    pitch = torch.zeros(2, 2, 6)
    pitch[:, 1, :3] = 1.0
    loss = predictor.loss(HIDDEN, MASK, pitch)
    other = pitch.clone()
    other[:, 0, 3:] = 9.0  # unvoiced
    other[1, 1, 4:] = 9.0  # padding
    torch.testing.assert_close(predictor.loss(HIDDEN, MASK, other), loss)
    other[:, 0, 0] = 9.0
    assert predictor.loss(HIDDEN, MASK, other) > loss
    unheard = pitch.clone()
    unheard[1] = torch.nan
    first = predictor.loss(HIDDEN[:1], MASK[:1], pitch[:1])
    torch.testing.assert_close(predictor.loss(HIDDEN, MASK, unheard), first)
    unheard[:] = torch.nan
    assert predictor.loss(HIDDEN, MASK, unheard) == 0


def test_the_loss_trains_the_predictors_alone():
    predictor = make_predictor()
    hidden = HIDDEN.clone().requires_grad_()
    predictor.loss(hidden, MASK, torch.ones(2, 2, 6)).backward()
    assert hidden.grad is None
    assert predictor.proj.weight.grad is None
    assert predictor.log_f0.proj.weight.grad.abs().sum() > 0
    assert predictor.voicing.proj.weight.grad.abs().sum() > 0
