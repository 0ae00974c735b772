"""ESPnet's trainers, with pictures and sounds of held-out utterances in TensorBoard."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import torch
from espnet2.torch_utils.device_funcs import to_device
from espnet2.train.gan_trainer import GANTrainer
from espnet2.train.reporter import SubReporter
from espnet2.train.trainer import Trainer, TrainerOptions
from matplotlib.figure import Figure

from espnet2_nix.models.decoder_distillation import DecoderDistillation
from espnet2_nix.models.encoder_distillation import EncoderDistillation
from espnet2_nix.models.teacher_phases import PosteriorPretraining, VITSAutoencoder
from espnet2_nix.models.text_side import TextAligner, TextSide


def figure_of(panels: dict[str, torch.Tensor], xlabel: str, ylabel: str) -> Figure:
    """Pictures side by side, low indices at the bottom left.

    Args:
        panels: Title to picture (rows, columns); alignments of one figure share their frame axis.
        xlabel: Label of the columns.
        ylabel: Label of the rows.
    """
    figure = Figure(figsize=(4.5 * len(panels), 3.6), layout="constrained")
    for axes, (title, picture) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        axes.imshow(picture.float().cpu().numpy(), aspect="auto", origin="lower", interpolation="nearest")
        axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    return figure


def publish(figure: Figure, name: str, utt_id: str, output_dir: Path | None, writer: Any, epoch: int) -> None:
    """Saves a figure as PNG beside the training and as a TensorBoard image."""
    if output_dir is not None:
        path = output_dir / utt_id / f"{name}.{epoch}ep.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path)
    if writer is not None:
        writer.add_figure(f"{name}/{utt_id}", figure, epoch)


def held_out(
    model: torch.nn.Module,
    iterator: Iterable[tuple[list[str], dict[str, torch.Tensor]]],
    options: TrainerOptions,
) -> Iterable[tuple[str, dict[str, torch.Tensor]]]:
    """The fixed held-out utterances that ESPnet's ``num_att_plot`` chooses, one by one, on the training's device."""
    model.eval()
    for ids, batch in iterator:
        if not options.no_forward_run:
            yield ids[0], {**to_device(batch, "cuda" if options.ngpu > 0 else "cpu"), "utt_id": ids}


def draw_waves(
    waves_of: Iterable[tuple[str, dict[str, torch.Tensor]]],
    mel_loss: torch.nn.Module,
    fs: int,
    output_dir: Path | None,
    writer: Any,
    reporter: SubReporter,
) -> None:
    """Publishes mel-spectrograms (bands, frames) of held-out utterances' waves (1, T_wav), and adds the waves to TensorBoard."""
    epoch = reporter.get_epoch()
    for utt_id, waves in waves_of:
        panels = {name: mel_loss.wav_to_mel(wav)[0][0].T for name, wav in waves.items()}
        publish(figure_of(panels, "frame", "mel band"), "mel", utt_id, output_dir, writer, epoch)
        if writer is not None:
            for name, wav in waves.items():
                audio = wav[0].clamp(-1.0, 1.0).cpu()
                writer.add_audio(f"{name}/{utt_id}", audio, epoch, sample_rate=fs)
        reporter.next()


class _AlignmentPictures:
    """Adds the alignments of held-out utterances (T_feats, T_text), tokens upwards, once an epoch."""

    @classmethod
    @torch.no_grad()
    def plot_attention(
        cls,
        model: EncoderDistillation | TextAligner,
        output_dir: Path | None,
        summary_writer: Any,
        iterator: Iterable[tuple[list[str], dict[str, torch.Tensor]]],
        reporter: SubReporter,
        options: TrainerOptions,
    ) -> None:
        """Draws alignments; called by ESPnet after validation."""
        for utt_id, batch in held_out(model, iterator, options):
            attns = {name: attn.T for name, attn in model.alignments(**batch).items()}
            figure = figure_of(attns, "frame", "token")
            publish(figure, "alignment", utt_id, output_dir, summary_writer, reporter.get_epoch())
            reporter.next()


class NixEncoderTrainer(_AlignmentPictures, Trainer):
    """ESPnet's trainer with those pictures, of stage 7."""


class TextAlignerTrainer(_AlignmentPictures, Trainer):
    """ESPnet's trainer with those pictures, of a warm start's aligner."""


def with_ids(
    iterator: Iterable[tuple[list[str], dict[str, torch.Tensor]]],
) -> Iterable[tuple[list[str], dict[str, Any]]]:
    """Batches that know their utterances, as ESPnet's plain trainer gives them and its adversarial one does not."""
    for ids, batch in iterator:
        yield ids, {**batch, "utt_id": ids}


class NixDecoderTrainer(GANTrainer):
    """Adds mel-spectrogram and audio of recording, teacher and student of held-out utterances, once an epoch."""

    @classmethod
    def train_one_epoch(cls, model: torch.nn.Module, iterator: Iterable[Any], *args: Any, **kwargs: Any) -> bool:
        """ESPnet's, with the ids by which stored latents are found."""
        return super().train_one_epoch(model, with_ids(iterator), *args, **kwargs)

    @classmethod
    def validate_one_epoch(cls, model: torch.nn.Module, iterator: Iterable[Any], *args: Any, **kwargs: Any) -> None:
        """ESPnet's, with those ids."""
        super().validate_one_epoch(model, with_ids(iterator), *args, **kwargs)

    @classmethod
    @torch.no_grad()
    def plot_attention(
        cls,
        model: DecoderDistillation,
        output_dir: Path | None,
        summary_writer: Any,
        iterator: Iterable[tuple[list[str], dict[str, torch.Tensor]]],
        reporter: SubReporter,
        options: TrainerOptions,
    ) -> None:
        """Draws mel-spectrograms and adds waves; called by ESPnet after validation."""
        waves = ((utt_id, model.resynthesise(**batch)) for utt_id, batch in held_out(model, iterator, options))
        draw_waves(waves, model.mel_loss, model.features.fs, output_dir, summary_writer, reporter)


class _TeacherPhasePictures:
    """Adds mel-spectrogram and audio of held-out utterances to a phase of the teacher, as its model resynthesises them."""

    @classmethod
    @torch.no_grad()
    def plot_attention(
        cls,
        model: PosteriorPretraining | VITSAutoencoder | TextSide,
        output_dir: Path | None,
        summary_writer: Any,
        iterator: Iterable[tuple[list[str], dict[str, torch.Tensor]]],
        reporter: SubReporter,
        options: TrainerOptions,
    ) -> None:
        """Draws mel-spectrograms and adds waves; called by ESPnet after validation."""
        waves = ((utt_id, model.resynthesise(**batch)) for utt_id, batch in held_out(model, iterator, options))
        draw_waves(waves, model.tts.mel_loss, int(model.tts.fs), output_dir, summary_writer, reporter)


class TeacherPhaseTrainer(_TeacherPhasePictures, Trainer):
    """ESPnet's trainer with those pictures."""


class TeacherPhaseGANTrainer(_TeacherPhasePictures, GANTrainer):
    """ESPnet's adversarial trainer with those pictures."""
