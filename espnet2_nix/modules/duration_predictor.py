"""Duration predictors of the student; neither trains the text encoder."""

from __future__ import annotations

import torch
from espnet2.gan_tts.vits.duration_predictor import StochasticDurationPredictor as VITSDurationPredictor
from torch import nn

from espnet2_nix.losses.dur_loss import DurationPredictorLoss
from espnet2_nix.modules.depthwise_separable_conv import ChannelNorm

# Names of the posterior half in ESPnet's StochasticDurationPredictor.
TRAINING_ONLY = ("post_pre", "post_dds", "post_proj", "post_flows")


class DeterministicDurationPredictor(nn.Module):
    """VITS's deterministic predictor: twice convolution, ReLU, layer norm and dropout, then a projection.

    Args:
        channels: Channels C of the hidden representation.
        hidden_channels: Channels inside.
        kernel_size: Odd kernel size.
        dropout_rate: Dropout.
    """

    def __init__(
        self, channels: int = 192, hidden_channels: int = 256, kernel_size: int = 3, dropout_rate: float = 0.5
    ) -> None:
        super().__init__()
        sizes = [channels, hidden_channels, hidden_channels]
        self.convs = nn.ModuleList(
            nn.Conv1d(sizes[i], sizes[i + 1], kernel_size, padding=kernel_size // 2) for i in range(2)
        )
        self.norms = nn.ModuleList(ChannelNorm(hidden_channels) for _ in range(2))
        self.dropout = nn.Dropout(dropout_rate)
        self.proj = nn.Conv1d(hidden_channels, 1, 1)
        self.dur_loss = DurationPredictorLoss()

    def forward(self, hidden: torch.Tensor, text_mask: torch.Tensor | None) -> torch.Tensor:
        """hidden (B, C, T_text), detached, and text_mask (B, 1, T_text), None without padding, to log_durations (B, T_text)."""
        x = hidden.detach()
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = self.dropout(norm(torch.relu(conv(x if text_mask is None else x * text_mask))))
        x = self.proj(x)
        return (x if text_mask is None else x * text_mask)[:, 0]

    def predict(self, hidden: torch.Tensor, text_mask: torch.Tensor, noise_scale: float = 0.8) -> torch.Tensor:
        """log_durations (B, T_text); without noise, whatever its scale."""
        return self(hidden, text_mask)

    def loss(self, hidden: torch.Tensor, text_mask: torch.Tensor, durations: torch.Tensor) -> torch.Tensor:
        """Squared error of log-durations a token, given durations (B, T_text) in frames: a scalar."""
        return self.dur_loss(self(hidden, text_mask), durations, text_mask)

    def drop_training_only(self) -> None:
        """Removes nothing: all of it speaks."""


class StochasticDurationPredictor(nn.Module):
    """VITS's stochastic predictor (arXiv 2106.06103, section 2.2.2), ESPnet's implementation.

    Args:
        channels: Channels C of the hidden representation.
        kernel_size: Kernel size.
        dropout_rate: Dropout.
        n_flows: Spline flows of each half, the one that speaks and the one that only training uses.
        dds_conv_layers: Layers of each separable stack.
    """

    def __init__(
        self,
        channels: int = 192,
        kernel_size: int = 3,
        dropout_rate: float = 0.5,
        n_flows: int = 4,
        dds_conv_layers: int = 3,
    ) -> None:
        super().__init__()
        self.predictor = VITSDurationPredictor(
            channels=channels,
            kernel_size=kernel_size,
            dropout_rate=dropout_rate,
            flows=n_flows,
            dds_conv_layers=dds_conv_layers,
        )

    def drop_training_only(self) -> None:
        """Removes the posterior half, which ``loss`` needs and ``predict`` does not."""
        for name in TRAINING_ONLY:
            delattr(self.predictor, name)

    def nll(self, hidden: torch.Tensor, text_mask: torch.Tensor, durations: torch.Tensor) -> torch.Tensor:
        """Negative log-likelihood of durations (B, T_text) in frames, summed over tokens: (B,)."""
        w = durations[:, None].to(hidden.dtype)
        return self.predictor(hidden.detach(), text_mask, w=w)

    def forward(self, hidden: torch.Tensor, text_mask: torch.Tensor, noise_scale: float = 0.8) -> torch.Tensor:
        """A sample of log_durations (B, T_text), given hidden (B, C, T_text) and text_mask (B, 1, T_text)."""
        log_durations = self.predictor(hidden.detach(), text_mask, inverse=True, noise_scale=noise_scale)
        return log_durations[:, 0]

    def predict(self, hidden: torch.Tensor, text_mask: torch.Tensor, noise_scale: float = 0.8) -> torch.Tensor:
        """A sample of log_durations (B, T_text), drawn with noise of a scale."""
        return self(hidden, text_mask, noise_scale)

    def loss(self, hidden: torch.Tensor, text_mask: torch.Tensor, durations: torch.Tensor) -> torch.Tensor:
        """Negative log-likelihood a token of durations (B, T_text) in frames: a scalar, float32."""
        return self.nll(hidden, text_mask, durations).float().sum() / text_mask.sum()
