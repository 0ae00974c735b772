import itertools
import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from espnet2_nix.losses.alignment_schedule import bin_weight, use_hard_alignment
from espnet2_nix.losses.bin_loss import BinarizationLoss
from espnet2_nix.losses.dur_loss import DurationPredictorLoss
from espnet2_nix.losses.forward_sum_loss import ForwardSumLoss
from espnet2_nix.losses.ged_loss import GEDLoss
from espnet2_nix.losses.latent_loss import LatentLoss
from espnet2_nix.losses.mr_stft_loss import MultiResolutionSTFTLoss


def gaussians(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(2, 3, 5, generator=generator) * scale for scale in (1, 0.3, 1, 0.3)]


@pytest.mark.parametrize("direction", ["teacher_student", "student_teacher"])
def test_latent_loss_equals_torch_distributions(direction):
    m_q, logs_q, m_s, logs_s = gaussians()
    teacher, student = Normal(m_q, logs_q.exp()), Normal(m_s, logs_s.exp())
    pair = (teacher, student) if direction == "teacher_student" else (student, teacher)
    mask = torch.ones(2, 1, 5)
    mask[1, :, 3:] = 0
    expected = (kl_divergence(*pair) * mask).sum() / mask.sum()
    torch.testing.assert_close(LatentLoss(direction)(m_q, logs_q, m_s, logs_s, mask), expected)


def test_latent_loss_is_zero_for_equal_distributions_and_ignores_padding():
    m_q, logs_q, _, _ = gaussians()
    mask = torch.ones(2, 1, 5)
    mask[:, :, 4] = 0
    other = m_q.clone()
    other[:, :, 4] = 100.0
    assert LatentLoss()(m_q, logs_q, other, logs_q, mask).abs() < 1e-6


def test_latent_loss_refuses_an_unknown_direction():
    with pytest.raises(ValueError, match="latent_direction"):
        LatentLoss("both")


def sum_of_paths(p):
    """Probability of all monotonic paths by enumerating them."""
    num_frames, num_tokens = p.shape
    total = 0.0
    for cuts in itertools.combinations(range(1, num_frames), num_tokens - 1):
        bounds = [0, *cuts, num_frames]
        total += math.prod(p[t, j] for j in range(num_tokens) for t in range(bounds[j], bounds[j + 1]))
    return total


def test_forward_sum_is_exact_without_blank():
    rng = np.random.default_rng(0)
    for num_tokens, num_frames in [(1, 1), (1, 4), (3, 3), (3, 7), (4, 9)]:
        p = rng.dirichlet(np.ones(num_tokens), size=num_frames)
        log_p = torch.from_numpy(np.log(p)).float()[None]
        loss = ForwardSumLoss(blank_log_prob=-1e4)(log_p, torch.tensor([num_tokens]), torch.tensor([num_frames]))
        assert loss.item() == pytest.approx(-math.log(sum_of_paths(p)) / num_tokens, abs=2e-4)


def test_forward_sum_with_the_published_blank_differs_and_padding_changes_nothing():
    torch.manual_seed(0)
    log_p = torch.log_softmax(torch.randn(1, 8, 4), dim=2)
    lengths = torch.tensor([4]), torch.tensor([8])
    published, exact = ForwardSumLoss()(log_p, *lengths), ForwardSumLoss(-1e4)(log_p, *lengths)
    assert abs(published - exact) > 0.1
    padded = torch.nn.functional.pad(log_p, (0, 3, 0, 5), value=-1e4)
    torch.testing.assert_close(ForwardSumLoss()(padded, *lengths), published)


def test_bin_loss_is_the_mean_log_probability_on_the_path():
    attn = torch.tensor([[[1.0, 0], [1, 0], [0, 1]]])
    soft = torch.tensor([[[0.5, 0.5], [0.25, 0.75], [0.9, 0.1]]])
    expected = -(math.log(0.5) + math.log(0.25) + math.log(0.1)) / 3
    assert BinarizationLoss()(attn, soft).item() == pytest.approx(expected, rel=1e-6)
    assert BinarizationLoss()(attn, attn).item() == 0


def test_dur_loss_is_per_token():
    log_durations = torch.tensor([[0.0, 1.0, 9.0]])
    durations = torch.tensor([[2, 3, 0]])
    mask = torch.tensor([[[1.0, 1.0, 0.0]]])
    loss = DurationPredictorLoss()(log_durations, durations, mask)
    assert loss.item() == pytest.approx((math.log(2) ** 2 + (math.log(3) - 1) ** 2) / 2, rel=1e-4)
    doubled = DurationPredictorLoss()(log_durations.repeat(2, 1), durations.repeat(2, 1), mask.repeat(2, 1, 1))
    torch.testing.assert_close(doubled, loss)


def test_schedule_of_the_alignment():
    assert [bin_weight(step, 10, 4) for step in (0, 9, 10, 12, 14, 99)] == [0, 0, 0, 0.5, 1, 1]
    assert bin_weight(10, 10, 0) == 1
    assert [use_hard_alignment(step, 6) for step in (5, 6)] == [False, True]


def test_ged_repels_the_two_samples():
    torch.manual_seed(0)
    loss = GEDLoss(window_sizes=(64, 256), n_mels=32)
    x, y = 0.1 * torch.randn(2, 1, 4096), 0.1 * torch.randn(2, 1, 4096)
    same = loss(y, y, x)
    # d(x, y) twice, minus d(y, y), which is the floor of the square root.
    torch.testing.assert_close(same, 2 * loss.distance(x, y) - loss.distance(y, y))
    assert loss.distance(y, y) < 1e-2
    # Without the repulsive term two equal and two different samples of one noise would cost the same.
    other = 0.1 * torch.randn(2, 1, 4096)
    assert loss(y, other, x) < 0.7 * same


def test_ged_gradient_is_finite_on_silence():
    y1 = torch.zeros(1, 1, 4096, requires_grad=True)
    GEDLoss()(y1, torch.zeros(1, 1, 4096), torch.zeros(1, 1, 4096)).backward()
    assert torch.isfinite(y1.grad).all()


def test_mr_stft_is_zero_for_equal_waves_and_grows_with_the_difference():
    torch.manual_seed(0)
    loss, x = MultiResolutionSTFTLoss(), 0.1 * torch.randn(1, 1, 8192)
    noise = torch.randn_like(x)
    assert loss(x, x) == 0
    assert 0 < loss(x + 0.001 * noise, x) < loss(x + 0.01 * noise, x)
    with pytest.raises(ValueError, match="hops"):
        MultiResolutionSTFTLoss([512], [128, 64])
