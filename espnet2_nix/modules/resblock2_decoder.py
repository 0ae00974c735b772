"""The decoder of public voices as a student's: HiFi-GAN with residual blocks of the second type, as the teacher has it."""

from __future__ import annotations

from espnet2.gan_tts.hifigan import HiFiGANGenerator

from espnet2_nix.errors import UserError
from espnet2_nix.modules.hifigan_decoder import receptive_field_of


class ResBlock2Decoder(HiFiGANGenerator):
    """HiFi-GAN's generator with one convolution a dilation (arXiv 2010.05646, V3), undistilled.

    For a teacher from a public voice, whose decoder it equals in every weight: the student then speaks with the teacher's
    own decoder, and stage 8 has nothing to learn but the student's latent. Some thirteen times the multiplications of
    ``istft``, by counting, and no loss.

    Args:
        in_channels: Channels H of the latent.
        channels: Channels after the first convolution; half of them after each upsampling.
        kernel_size: Odd kernel size of the first and the last convolution.
        upsample_scales: Even factors, their product is the hop.
        resblock_kernel_sizes: Kernel size of each parallel residual block.
        resblock_dilations: Dilations of each parallel residual block.

    Raises:
        UserError: If a factor is odd, or if lists that belong together differ in length.
    """

    def __init__(
        self,
        in_channels: int = 192,
        channels: int = 256,
        kernel_size: int = 7,
        upsample_scales: list[int] | tuple[int, ...] = (8, 8, 4),
        resblock_kernel_sizes: list[int] | tuple[int, ...] = (3, 5, 7),
        resblock_dilations: list[list[int]] | tuple[tuple[int, ...], ...] = ((1, 2), (2, 6), (3, 12)),
    ) -> None:
        if any(scale % 2 for scale in upsample_scales):
            raise UserError(f"upsample_scales: expected even factors, found {list(upsample_scales)}")
        if len(resblock_kernel_sizes) != len(resblock_dilations):
            raise UserError(
                f"expected dilations for each of {len(resblock_kernel_sizes)} residual blocks, "
                f"found {len(resblock_dilations)}"
            )
        super().__init__(
            in_channels=in_channels,
            channels=channels,
            kernel_size=kernel_size,
            upsample_scales=list(upsample_scales),
            upsample_kernel_sizes=[2 * scale for scale in upsample_scales],
            resblock_kernel_sizes=list(resblock_kernel_sizes),
            resblock_dilations=[list(dilations) for dilations in resblock_dilations],
            use_additional_convs=False,
        )
        reach = max(
            sum((kernel - 1) // 2 * dilation for dilation in dilations)
            for kernel, dilations in zip(resblock_kernel_sizes, resblock_dilations, strict=True)
        )
        layers = [("conv", kernel_size // 2, 0)]
        for scale in upsample_scales:
            layers += [("up", scale, 2 * scale), ("conv", reach, 0)]
        layers.append(("conv", kernel_size // 2, 0))
        #: Latent frames to the left and to the right that reach a frame's samples.
        self.receptive_field: tuple[int, int] = receptive_field_of(layers, self.upsample_factor)
