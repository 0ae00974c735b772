"""From a public voice to the configuration and the first weights of a teacher."""

from __future__ import annotations

import logging
from pathlib import Path

import torch
from espnet2.tasks.gan_tts import GANTTSTask
from espnet2.utils.yaml_no_alias_safe_dump import yaml_no_alias_safe_dump

from espnet2_nix.files import replace_file, write_text
from espnet2_nix.tasks.teacher_phases import load_phase
from espnet2_nix.warm_start.errors import TeacherInitError
from espnet2_nix.warm_start.init import (
    MAX_DIFFERENCE,
    check_decoder_params,
    describe,
    difference_from_graph,
    import_weights,
)
from espnet2_nix.warm_start.piper import read_piper_voice
from espnet2_nix.warm_start.start_speech import StartVoice

logger = logging.getLogger(__name__)
PROBE = "həlˈoʊ, ðɪs ɪz ɐ vˈɔɪs."


def init_teacher(
    teacher_init: str, teacher_config: str, outdir: str, token_list: str, fs: int, n_fft: int, n_shift: int
) -> None:
    """Writes ``config.yaml`` and ``model.pth`` of a teacher that begins with a public voice.

    Args:
        teacher_init: The voice.
        teacher_config: YAML of the teacher.
        outdir: Where the files go.
        token_list: The recipe's token list, one a line.
        fs: Sampling rate of the data in Hz.
        n_fft: Points of the spectrogram.
        n_shift: Samples a frame.

    Raises:
        TeacherInitError: If the voice does not fit, or the imported decoder speaks otherwise than its graph.
    """
    voice = read_piper_voice(teacher_init, fs, n_shift)
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
    generator_params = args.tts_conf["generator_params"]
    check_decoder_params(generator_params, teacher_config)
    generator_params["vocabs"], generator_params["aux_channels"] = len(tokens), n_fft // 2 + 1
    args.init_license = voice.licence
    torch.manual_seed(args.seed)
    model = GANTTSTask.build_model(args)
    model.eval()
    generator = model.tts.generator
    filled = import_weights(generator, voice)
    if voice.is_graph:
        wav, latents = StartVoice(voice).speak(PROBE)
        difference = difference_from_graph(generator.decoder, wav, latents)
        if not difference < MAX_DIFFERENCE:
            raise TeacherInitError(
                f"{voice.path}: the imported decoder differs from the voice's graph by {difference:.1e}, expected less than "
                f"{MAX_DIFFERENCE:.0e}; the file has another structure than quality medium"
            )
        logger.info("%s: decoder equals its graph to %.1e on %d frames", voice.path.name, difference, len(latents))
    logger.info("%s; licence of the start voice: %s", describe(generator, filled), voice.licence)
    folder = Path(outdir)
    with replace_file(folder / "model.pth") as aside, aside.open("wb") as f:
        torch.save(model.state_dict(), f)  # by a name, the name would be written into the file
    write_text(folder / "config.yaml", yaml_no_alias_safe_dump(vars(args), indent=4, sort_keys=False))


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
