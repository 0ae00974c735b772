"""From a public voice to the configuration and the first weights of a teacher."""

from __future__ import annotations

import logging
from pathlib import Path

import torch
import yaml
from espnet2.tasks.gan_tts import GANTTSTask
from espnet2.utils.yaml_no_alias_safe_dump import yaml_no_alias_safe_dump

from espnet2_nix.files import replace_file, write_text
from espnet2_nix.tasks.teacher_phases import load_phase
from espnet2_nix.warm_start.errors import TeacherInitError
from espnet2_nix.warm_start.espnet_model import (
    EspnetVoice,
    difference_of_decoders,
    import_espnet_weights,
    read_espnet_voice,
)
from espnet2_nix.warm_start.init import MAX_DIFFERENCE, describe, difference_from_graph, follow_voice, import_weights
from espnet2_nix.warm_start.piper import PiperVoice, read_piper_voice
from espnet2_nix.warm_start.start_speech import StartVoice

logger = logging.getLogger(__name__)
FILLED = "filled"
PROBE = "həlˈoʊ, ðɪs ɪz ɐ vˈɔɪs."


def init_teacher(
    teacher_init: str, teacher_config: str, outdir: str, token_list: str, fs: int, n_fft: int, n_shift: int
) -> None:
    """Writes ``config.yaml`` and ``model.pth`` of a teacher that begins with a public voice.

    What the voice decides (latent channels, decoder; its posterior encoder, where it cannot speak) the configuration takes on.
    Beside them stand ``filled``, the modules that came from it, one a line, and ``train.yaml``, the YAML as it was taken on.

    Args:
        teacher_init: The voice: a Piper voice (``.onnx`` or ``.ckpt``), or an ESPnet VITS (folder, ``.pth`` or zip).
        teacher_config: YAML of the teacher.
        outdir: Where the files go.
        token_list: The recipe's token list, one a line.
        fs: Sampling rate of the data in Hz.
        n_fft: Points of the spectrogram.
        n_shift: Samples a frame.

    Raises:
        UserError: If the voice does not fit, or the imported decoder speaks otherwise than the voice's own.
    """
    voice: PiperVoice | EspnetVoice
    if Path(teacher_init).suffix in (".onnx", ".ckpt"):
        voice = read_piper_voice(teacher_init, fs, n_shift)
    else:
        voice = read_espnet_voice(teacher_init, fs, n_fft, n_shift)
    tokens = Path(token_list).read_text(encoding="utf-8").split("\n")
    tokens = tokens[:-1] if tokens and not tokens[-1] else tokens
    args = GANTTSTask.get_parser().parse_args(
        [
            *("--config", teacher_config, "--output_dir", outdir, "--token_list", token_list),
            *("--feats_extract", "linear_spectrogram", "--normalize", "none"),
            *("--feats_extract_conf", f"n_fft={n_fft}", "--feats_extract_conf", f"hop_length={n_shift}"),
            *("--feats_extract_conf", "win_length=null"),
            *("--token_type", "phn", "--cleaner", "none", "--g2p", "none"),
        ]
    )
    args.token_list = tokens
    changed = follow_voice(args.tts_conf, voice.generator_type, voice.generator_params)
    generator_params = args.tts_conf["generator_params"]
    generator_params["vocabs"], generator_params["aux_channels"] = len(tokens), n_fft // 2 + 1
    args.init_license = voice.licence
    torch.manual_seed(args.seed)
    tts = (model := GANTTSTask.build_model(args).eval()).tts
    if isinstance(voice, PiperVoice):
        filled = import_weights(tts.generator, voice)
        difference = _difference_from_piper(tts.generator.decoder, voice)
    else:
        filled = import_espnet_weights(tts, voice)
        difference = difference_of_decoders(tts, voice)
    if difference is not None and not difference < MAX_DIFFERENCE:
        raise TeacherInitError(
            f"{voice.path}: the imported decoder differs from the voice's own by {difference:.1e}, expected less than "
            f"{MAX_DIFFERENCE:.0e}; the file has another structure than its settings say"
        )
    if changed:
        logger.info("%s follows the start voice: %s", teacher_config, "; ".join(changed))
    logger.info("%s; licence of the start voice: %s", describe(tts, filled), voice.licence)
    folder = Path(outdir)
    write_text(folder / FILLED, "".join(f"{name}\n" for name in filled))
    # The recipe's YAML for this voice, for a training of all modules.
    recipe = yaml.safe_load(Path(teacher_config).read_text(encoding="utf-8"))
    write_text(
        folder / "train.yaml", yaml_no_alias_safe_dump(recipe | {"tts_conf": args.tts_conf}, indent=4, sort_keys=False)
    )
    write_text(folder / "config.yaml", yaml_no_alias_safe_dump(vars(args), indent=4, sort_keys=False))
    with replace_file(folder / "model.pth") as aside, aside.open("wb") as f:
        torch.save(model.state_dict(), f)  # by a name, the name would be written into the file


def _difference_from_piper(decoder: torch.nn.Module, voice: PiperVoice) -> float | None:
    """The largest difference of a decoder's samples from those of the voice's graph; None for a checkpoint, which has no graph."""
    if not voice.is_graph:
        return None
    wav, latents = StartVoice(voice).speak(PROBE)
    difference = difference_from_graph(decoder, wav, latents)
    logger.info("%s: decoder equals its graph to %.1e on %d frames", voice.path.name, difference, len(latents))
    return difference


def take_teacher(train_config: str, model_file: str, out: str) -> None:
    """Writes the teacher in what a phase saved to ``out``, and its configuration beside it.

    Args:
        train_config: ``config.yaml`` of the teacher.
        model_file: Weights that a phase saved: those of the teacher, and what the phase's model held besides.
        out: The file to write.

    Raises:
        ValueError: If a weight of the teacher is missing or misshapen.
    """
    model = load_phase(train_config, model_file)
    path = Path(out)
    with replace_file(path) as aside, aside.open("wb") as f:
        torch.save(model.state_dict(), f)  # by a name, the name would be written into the file
    config = path.parent / "config.yaml"
    if not config.exists() or not config.samefile(train_config):
        write_text(config, Path(train_config).read_text(encoding="utf-8"))
