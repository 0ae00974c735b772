"""Decoder that works at frame rate and ends in an inverse STFT."""

from __future__ import annotations

import math

import torch
from torch import nn

from espnet2_nix.errors import UserError

MAX_LOG_MAGNITUDE = 5.0  # exp of it times the window's gain is far above full scale


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution, layer norm, pointwise expansion, GELU, pointwise reduction, layer scale, residual."""

    def __init__(self, channels: int, expansion: int, kernel_size: int, layer_scale: float) -> None:
        super().__init__()
        self.reach = kernel_size // 2
        self.depthwise = nn.Conv1d(channels, channels, kernel_size, padding=self.reach, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.expand = nn.Linear(channels, expansion)
        self.reduce = nn.Linear(expansion, channels)
        self.scale = nn.Parameter(layer_scale * torch.ones(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, T) to (B, C, T)."""
        y = self.norm(self.depthwise(x).transpose(1, 2))
        y = self.scale * self.reduce(nn.functional.gelu(self.expand(y)))
        return x + y.transpose(1, 2)


def bin_order(n_fft: int) -> list[int]:
    """Bins of a real transform, even ones first: the order in which the decoder's head writes them."""
    bins = range(n_fft // 2 + 1)
    return [*bins[0::2], *bins[1::2]]


class InverseSTFT(nn.Module):
    """Inverse STFT as real matrix products and an overlap-add of whole hops, which exports where a complex one does not.

    Frame t is centred on sample hop * t, as in ``torch.stft(center=True)``. The sum of squared windows by which
    overlap-add divides is the one of an endless signal: it is the same at every place, so that a stream's pieces equal
    the whole. The first and last half window of a signal therefore fade, which ``torch.istft`` would undo.

    Bins come in the order of ``bin_order``, even ones first. With N = n_fft, a cosine of bin k has the same value at n and
    N - n, and at N/2 - n the same for even k, the opposite for odd k; a sine likewise with the signs turned. So N/4 + 1
    columns of the transform are enough: a quarter of the multiplications of a plain matrix product.

    Args:
        n_fft: Points of the transform and length of its Hann window, a multiple of 4.
        hop_length: Hop in samples.

    Raises:
        UserError: If the hop does not divide the window at least four times, so that squared windows do not sum to
            a constant.
    """

    def __init__(self, n_fft: int, hop_length: int) -> None:
        super().__init__()
        if n_fft % hop_length or n_fft // hop_length < 4 or n_fft % 4:
            raise UserError(
                f"expected n_fft a multiple of 4 and of hop_length, 4 times or more, found {n_fft} and {hop_length}"
            )
        self.n_fft, self.hop_length = n_fft, hop_length
        self.num_even = n_fft // 4 + 1
        order = bin_order(n_fft)
        window = torch.hann_window(n_fft, dtype=torch.float64)
        envelope = window.square().sum() / hop_length
        k = torch.tensor(order, dtype=torch.float64)[:, None]
        n = torch.arange(n_fft // 4 + 1, dtype=torch.float64)
        # Every bin but the first and the last has a mirror image, of the same part of the wave.
        weight = torch.where((k == 0) | (k == n_fft // 2), 1.0, 2.0)
        angle = 2 * math.pi * k * n / n_fft
        scale = weight / (n_fft * envelope)
        self.register_buffer("cosines", (scale * torch.cos(angle)).float(), persistent=False)  # (bins, n_fft / 4 + 1)
        self.register_buffer("sines", (-scale * torch.sin(angle)).float(), persistent=False)
        self.register_buffer("window", window.float(), persistent=False)

    @property
    def reach(self) -> int:
        """Frames on each side whose window reaches a frame's samples."""
        return self.n_fft // (2 * self.hop_length)

    def forward(self, real: torch.Tensor, imag: torch.Tensor) -> torch.Tensor:
        """Spectrum (B, T_feats, n_fft / 2 + 1), real and imaginary part, to waveform (B, 1, hop * T_feats)."""
        e = self.num_even
        # (B, T_feats, n_fft / 4 + 1) each
        cos_even, cos_odd = real[:, :, :e] @ self.cosines[:e], real[:, :, e:] @ self.cosines[e:]
        sin_even, sin_odd = imag[:, :, :e] @ self.sines[:e], imag[:, :, e:] @ self.sines[e:]
        cos_sum, cos_difference = cos_even + cos_odd, cos_even - cos_odd
        sin_sum, sin_difference = sin_odd + sin_even, sin_odd - sin_even
        quarters = [
            cos_sum + sin_sum,  # n = 0 ... N/4
            torch.flip((cos_difference + sin_difference)[:, :, :-1], dims=[2]),  # N/4 + 1 ... N/2
            (cos_difference - sin_difference)[:, :, 1:],  # N/2 + 1 ... 3N/4
            torch.flip((cos_sum - sin_sum)[:, :, 1:-1], dims=[2]),  # 3N/4 + 1 ... N - 1
        ]
        frames = torch.cat(quarters, dim=2) * self.window  # (B, T_feats, n_fft)
        # Overlap-add in whole hops: hop t of the wave is part k of frame t + half - k, summed over k.
        parts = self.n_fft // self.hop_length
        half = parts // 2
        frames = nn.functional.pad(frames, (0, 0, parts - 1 - half, half))
        num_frames = real.shape[1]
        wav = sum(
            frames[:, parts - 1 - k : parts - 1 - k + num_frames, k * self.hop_length : (k + 1) * self.hop_length]
            for k in range(parts)
        )
        return wav.flatten(1)[:, None]


class ISTFTDecoder(nn.Module):
    """ConvNeXt blocks at frame rate and an inverse STFT, after Vocos (arXiv 2306.00814).

    Args:
        in_channels: Channels H of the latent.
        channels: Channels C inside.
        num_blocks: ConvNeXt blocks.
        expansion: Channels of a block's expansion.
        input_kernel_size: Odd kernel size of the first convolution, the only one that is not separable.
        kernel_size: Odd kernel size of the blocks.
        n_fft: Points of the inverse STFT.
        hop_length: Samples a frame.
    """

    def __init__(
        self,
        in_channels: int = 192,
        channels: int = 192,
        num_blocks: int = 6,
        expansion: int = 512,
        input_kernel_size: int = 3,
        kernel_size: int = 7,
        n_fft: int = 1024,
        hop_length: int = 256,
    ) -> None:
        super().__init__()
        self.upsample_factor = hop_length
        self.conv_pre = nn.Conv1d(in_channels, channels, input_kernel_size, padding=input_kernel_size // 2)
        self.norm_pre = nn.LayerNorm(channels, eps=1e-6)
        self.blocks = nn.ModuleList(
            ConvNeXtBlock(channels, expansion, kernel_size, layer_scale=1.0 / num_blocks) for _ in range(num_blocks)
        )
        self.norm_post = nn.LayerNorm(channels, eps=1e-6)
        self.head = nn.Linear(channels, n_fft + 2)
        self.istft = InverseSTFT(n_fft, hop_length)

    @property
    def receptive_field(self) -> tuple[int, int]:
        """Latent frames to the left and to the right that reach a frame's samples."""
        reach = self.conv_pre.kernel_size[0] // 2 + sum(block.reach for block in self.blocks)
        # The samples of frame t are hop * t ... hop * (t + 1) - 1; the window of frame t - reach ends before them.
        return reach + self.istft.reach - 1, reach + self.istft.reach

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Latent (B, H, T_feats) to waveform (B, 1, hop * T_feats)."""
        x = self.norm_pre(self.conv_pre(z).transpose(1, 2)).transpose(1, 2)  # (B, C, T_feats)
        for block in self.blocks:
            x = block(x)
        x = self.norm_post(x.transpose(1, 2))
        # Two products instead of one and two slices of it: the slices would be copies in the exported graph.
        (w_magnitude, w_phase), (b_magnitude, b_phase) = self.head.weight.chunk(2), self.head.bias.chunk(2)
        log_magnitude = nn.functional.linear(x, w_magnitude, b_magnitude)  # (B, T_feats, n_fft / 2 + 1)
        phase = nn.functional.linear(x, w_phase, b_phase)
        magnitude = torch.exp(torch.clamp(log_magnitude, max=MAX_LOG_MAGNITUDE))
        return self.istft(magnitude * torch.cos(phase), magnitude * torch.sin(phase))

    def remove_weight_norm(self) -> None:
        """Does nothing: this decoder has no weight norm."""
