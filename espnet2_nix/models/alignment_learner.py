"""Learning which frame says which token, from a recording's log-mel spectrogram alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from espnet2_nix.aligner.alignment_module import AlignmentModule
from espnet2_nix.aligner.beta_binomial_prior import BetaBinomialPrior
from espnet2_nix.aligner.monotonic_alignment import durations_from_path, maximum_path
from espnet2_nix.losses.alignment_schedule import bin_weight, use_hard_alignment
from espnet2_nix.losses.bin_loss import BinarizationLoss
from espnet2_nix.losses.forward_sum_loss import ForwardSumLoss


@dataclass(frozen=True)
class Alignment:
    """Which frame says which token.

    Attributes:
        attn: The hard path (B, T_feats, T_text).
        log_p_attn: Log-probabilities of the soft alignment (B, T_feats, T_text); None where a teacher gave the path.
        attn_soft: Probabilities of the soft alignment (B, T_feats, T_text); None where a teacher gave the path.
    """

    attn: torch.Tensor
    log_p_attn: torch.Tensor | None = None
    attn_soft: torch.Tensor | None = None

    @property
    def durations(self) -> torch.Tensor:
        """Frames of each token on the hard path (B, T_text), int64."""
        return durations_from_path(self.attn)


@dataclass(frozen=True)
class AlignmentSchedule:
    """When soft alignment becomes hard; counted in optimizer steps.

    Attributes:
        hard_alignment_start: Step from which frames are expanded by the hard path instead of the soft alignment.
        bin_start: Step at which the binarization loss begins.
        bin_ramp: Steps over which its weight rises from 0 to ``lambda_bin``.
        steps_per_update: Batches per optimizer step (accum_grad).
    """

    hard_alignment_start: int = 6000
    bin_start: int = 18000
    bin_ramp: int = 10000
    steps_per_update: int = 1


class AlignmentLearner(torch.nn.Module):
    """One TTS Alignment (arXiv 2108.10447): aligner, prior, forward sum, binarization, and their schedule.

    The losses train the aligner and whatever made the hidden representation.

    Args:
        text_channels: Channels C of the hidden text representation.
        feats_channels: Bands of the log-mel spectrogram.
        attention_channels: Channels of the aligner's keys and queries.
        temperature: Factor on the squared distance between key and query.
        prior_scaling: w of the beta-binomial prior; lower is wider.
        blank_log_prob: Log-probability of CTC's blank; -1e4 makes forward_sum exact.
        lambda_forward_sum, lambda_bin: Loss weights.
        schedule: When soft becomes hard.
    """

    def __init__(
        self,
        text_channels: int,
        feats_channels: int,
        attention_channels: int = 80,
        temperature: float = 0.0005,
        prior_scaling: float = 1.0,
        blank_log_prob: float = -1.0,
        lambda_forward_sum: float = 1.0,
        lambda_bin: float = 1.0,
        schedule: AlignmentSchedule | None = None,
    ) -> None:
        super().__init__()
        self.aligner = AlignmentModule(
            text_channels=text_channels,
            feats_channels=feats_channels,
            attention_channels=attention_channels,
            temperature=temperature,
        )
        self.prior = BetaBinomialPrior(scaling=prior_scaling)
        self.forward_sum_loss = ForwardSumLoss(blank_log_prob=blank_log_prob)
        self.bin_loss = BinarizationLoss()
        self.lambda_forward_sum = lambda_forward_sum
        self.lambda_bin = lambda_bin
        self.schedule = schedule or AlignmentSchedule()
        # Saved with the weights, so that the schedule goes on where an interrupted training stopped.
        self.register_buffer("num_batches", torch.zeros((), dtype=torch.long))

    @staticmethod
    def from_conf(
        text_channels: int, feats_channels: int, conf: Mapping[str, Any] | None = None, steps_per_update: int = 1
    ) -> AlignmentLearner:
        """Builds it from the ``alignment_conf`` of a training: arguments of the class and of its schedule.

        Args:
            text_channels: Channels C of the hidden text representation.
            feats_channels: Bands of the log-mel spectrogram.
            conf: The options.
            steps_per_update: Batches per optimizer step (accum_grad).
        """
        conf = dict(conf or {})
        names = {field.name for field in dataclasses.fields(AlignmentSchedule)}
        schedule = {"steps_per_update": steps_per_update} | {name: conf.pop(name) for name in names & conf.keys()}
        return AlignmentLearner(text_channels, feats_channels, schedule=AlignmentSchedule(**schedule), **conf)

    @property
    def step(self) -> int:
        """Optimizer steps taken so far."""
        return int(self.num_batches) // self.schedule.steps_per_update

    def count_batch(self) -> None:
        """Moves the schedule on, in training."""
        if self.training:
            self.num_batches += 1

    def align(
        self,
        hidden: torch.Tensor,
        log_mel: torch.Tensor,
        text_lengths: torch.Tensor,
        feats_lengths: torch.Tensor,
    ) -> Alignment:
        """Soft and hard alignment of one batch.

        Args:
            hidden: Hidden text representation (B, C, T_text).
            log_mel: Log-mel spectrogram (B, n_mels, T_feats).
            text_lengths: Tokens (B,).
            feats_lengths: Frames (B,).

        Raises:
            UserError: If an utterance has more tokens than frames.
        """
        log_prior = self.prior(text_lengths, feats_lengths).to(hidden.device)
        log_p_attn = self.aligner(hidden, log_mel, text_lengths, feats_lengths, log_prior)
        attn = maximum_path(log_p_attn.detach().float(), text_lengths, feats_lengths)
        return Alignment(attn, log_p_attn, torch.softmax(log_p_attn.float(), dim=2))

    def weights(self, alignment: Alignment) -> torch.Tensor:
        """What frames are expanded by at this step: the soft alignment at first, then the hard path (B, T_feats, T_text).

        Held out it is always the hard path, as the student will speak: otherwise the soft phase, in which a frame sees more than
        its token, would look best and its checkpoint be kept.
        """
        hard = not self.training or use_hard_alignment(self.step, self.schedule.hard_alignment_start)
        return alignment.attn if hard or alignment.attn_soft is None else alignment.attn_soft

    def losses(
        self, alignment: Alignment, text_lengths: torch.Tensor, feats_lengths: torch.Tensor
    ) -> tuple[dict[str, float], dict[str, torch.Tensor]]:
        """Losses of one batch.

        Args:
            alignment: What `align` gave.
            text_lengths: Tokens (B,).
            feats_lengths: Frames (B,).

        Returns:
            Weights and losses, scalars, of ``forward_sum_loss`` and ``bin_loss``.
        """
        assert alignment.log_p_attn is not None
        assert alignment.attn_soft is not None
        # Held out, the whole weight from the start, so that the losses of two epochs can be compared.
        share = bin_weight(self.step, self.schedule.bin_start, self.schedule.bin_ramp) if self.training else 1.0
        weights = {"forward_sum_loss": self.lambda_forward_sum, "bin_loss": self.lambda_bin * share}
        return weights, {
            "forward_sum_loss": self.forward_sum_loss(alignment.log_p_attn, text_lengths, feats_lengths),
            "bin_loss": self.bin_loss(alignment.attn, alignment.attn_soft),
        }


def weighted_sum(loss: torch.Tensor, weights: Mapping[str, float], losses: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """A loss and further ones by their weights; one of weight 0 is left out, whatever its value."""
    for name, value in losses.items():
        if weights[name] > 0:
            loss = loss + weights[name] * value
    return loss
