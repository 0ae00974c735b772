"""Every YAML of every recipe builds its model, at the size and on the teacher that it was written for."""

import argparse
import copy
import math
import re
import shlex

import pytest
import torch
import yaml
from conftest import ROOT

from espnet2_nix.text import token_list

RECIPES = sorted(
    path.parent for path in (ROOT / "egs2").glob("*/nix_tts1/conf") if path.parent.parent.name != "TEMPLATE"
)
TRAININGS = [path for recipe in RECIPES for path in sorted((recipe / "conf").rglob("train_*.yaml"))]
# The options of docs/recipe.md: (encoder or decoder, its arguments) and (kind, a file).
VARIANTS = (ROOT / "docs" / "recipe.md").read_text(encoding="utf-8").split("## Variants")[1].split("\n## ")[0]
VARIANT_ARGS = re.findall(r'`--(encoder|decoder)_args "(.+)"`', VARIANTS)
VARIANT_FILES = re.findall(r"`--(?:encoder|decoder)_config (\S+)`", VARIANTS)


def name_of(path):
    return str(path.relative_to(ROOT / "egs2"))


def read_args(task, path, options=(), **kwargs):
    """Options as the command line gives them; an unknown key in the YAML stops."""
    args = task.get_parser().parse_args(["--config", str(path), "--output_dir", "none", *options])
    for name, value in kwargs.items():
        setattr(args, name, value)
    return args


@pytest.fixture(scope="session")
def teachers(tmp_path_factory):
    """config.yaml of each recipe's teacher, as its training would write it."""
    from espnet2.tasks.gan_tts import GANTTSTask

    configs = {}
    for recipe in RECIPES:
        args = read_args(
            GANTTSTask,
            recipe / "conf" / "train_vits_teacher.yaml",
            token_list=token_list(),
            feats_extract="linear_spectrogram",
            feats_extract_conf={"n_fft": 1024, "hop_length": 256, "win_length": None},
            normalize=None,
        )
        path = tmp_path_factory.mktemp("teacher") / "config.yaml"
        path.write_text(yaml.safe_dump(vars(copy.deepcopy(args)), allow_unicode=True), encoding="utf-8")
        configs[recipe] = path
    return configs


def test_recipes_are_found():
    assert {recipe.parent.name for recipe in RECIPES} >= {"kss", "emotiontts", "toy_kss"}
    for recipe in RECIPES:
        names = {path.name for path in (recipe / "conf").glob("*.yaml")}
        assert names >= {"train_vits_teacher.yaml", "train_nix_encoder.yaml", "train_nix_decoder.yaml"}


def warm_teacher(recipe, folder):
    """config.yaml of the recipe's teacher from a public voice."""
    from espnet2.tasks.gan_tts import GANTTSTask

    args = read_args(
        GANTTSTask,
        recipe / "conf" / "train_vits_warm_start.yaml",
        token_list=token_list(),
        feats_extract="linear_spectrogram",
        feats_extract_conf={"n_fft": 1024, "hop_length": 256, "win_length": None},
        normalize=None,
    )
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(vars(copy.deepcopy(args)), allow_unicode=True), encoding="utf-8")
    return path


def build_phase(path, recipe, config):
    """Options and model of a phase of the teacher from a public voice."""
    from espnet2_nix.models.text_side import TextSide
    from espnet2_nix.tasks import teacher_phases

    task = {
        "train_posterior": teacher_phases.PosteriorPretrainingTask,
        "train_autoencoder": teacher_phases.VITSAutoencoderTask,
        "train_text_aligner": teacher_phases.TextAlignerTask,
        "train_text_prior": teacher_phases.TextSideTask,
        "train_text_side": teacher_phases.TextSideTask,
    }[path.stem]
    values = {"teacher_train_config": str(config), "teacher_model_file": None}
    if issubclass(task, teacher_phases.TextPhaseTask):
        values |= {"token_list": token_list(), "frontend": "jaso"}
    args = read_args(task, path, **values)
    if task is teacher_phases.TextSideTask:  # the posteriors that it learns from are not stored here
        return args, TextSide(teacher_phases.load_phase(str(config), None).tts, latents=None, **args.model_conf)
    return args, task.build_model(args)


@pytest.mark.parametrize("path", TRAININGS, ids=name_of)
def test_the_yaml_builds_its_model(path, teachers, tmp_path, monkeypatch):
    from espnet2.tasks.gan_tts import GANTTSTask

    from espnet2_nix.tasks.nix_decoder import NixDecoderTask
    from espnet2_nix.tasks.nix_encoder import NixEncoderTask
    from espnet2_nix.tasks.nix_scratch import NixScratchTask

    recipe = next(recipe for recipe in RECIPES if recipe in path.parents)
    teacher = {"teacher_train_config": teachers[recipe], "teacher_model_file": None}
    warm = path.parent.name == "warm_start"
    if warm and "nix" not in path.name:
        args, model = build_phase(path, recipe, warm_teacher(recipe, tmp_path))
    elif warm and "decoder" in path.name:
        args = read_args(NixDecoderTask, path, teacher_train_config=warm_teacher(recipe, tmp_path))
        args.init_from_teacher = False  # there are no weights to begin with
        model = NixDecoderTask.build_model(args)
        teacher_decoder = model.teacher.generator.decoder
        assert {n: v.shape for n, v in model.decoder.state_dict().items()} == {
            n: v.shape for n, v in teacher_decoder.state_dict().items()
        }
    elif "vits" in path.name:
        config = warm_teacher(recipe, tmp_path) if "warm_start" in path.name else teachers[recipe]
        model = GANTTSTask.build_model(argparse.Namespace(**yaml.safe_load(config.read_text(encoding="utf-8"))))
        assert model.tts.generator.upsample_factor == 256
        task, args = GANTTSTask, read_args(GANTTSTask, path)
        count = sum(p.numel() for p in model.tts.generator.parameters())
        if recipe.parent.name == "kss" and "warm_start" not in path.name:
            assert 36_000_000 < count < 37_000_000  # VITS (arXiv 2106.06103) has 36.32 million
    elif "scratch" in path.name:
        task = NixScratchTask
        args = read_args(task, path, token_list=token_list(), frontend="jaso")
        model = task.build_model(args)
        trained = [
            p for optimizer in task.build_optimizers(args, model) for g in optimizer.param_groups for p in g["params"]
        ]
        assert len(trained) == len(list(model.parameters()))
    elif "encoder" in path.name:
        task = NixEncoderTask
        if warm:
            # The latents that it learns from, with the pitch in them, are not stored here.
            for name in ("TeacherLatents", "fingerprint"):
                monkeypatch.setattr(f"espnet2_nix.tasks.nix_encoder.{name}", lambda *args: object())
            teacher |= {"teacher_train_config": warm_teacher(recipe, tmp_path), "latents_dir": "latents"}
        args = read_args(task, path, token_list=token_list(), frontend="jaso", **teacher)
        model = task.build_model(args)
        assert (model.encoder.pitch_predictor is not None) == warm
    else:
        task = NixDecoderTask
        args = read_args(task, path, **teacher)
        model = task.build_model(args)
        assert len(task.build_optimizers(args, model)) == 2
        frames = 2
        wav = model.decoder(torch.zeros(1, model.teacher.latent_channels, frames))
        assert wav.shape == (1, 1, frames * 256)
    assert all(math.isfinite(float(p.detach().abs().sum())) for p in model.parameters())
    # A misspelt criterion would delete every checkpoint but the last.
    assert list(args.best_model_criterion[0]) in (["train", "total_count", "max"], ["valid", "loss", "min"])


# ---- variants


def test_the_documented_variants_are_found():
    assert len(VARIANT_ARGS) >= 6
    assert {path.name for path in TRAININGS if path.parent.name == "tuning"} == {
        name.rsplit("/", 1)[-1] for name in VARIANT_FILES
    }


def read_variant(kind, recipe, options, teachers):
    from espnet2_nix.tasks.nix_decoder import NixDecoderTask
    from espnet2_nix.tasks.nix_encoder import NixEncoderTask

    task = {"encoder": NixEncoderTask, "decoder": NixDecoderTask}[kind]
    values = {"teacher_train_config": teachers[recipe], "teacher_model_file": None}
    if kind == "encoder":
        values |= {"token_list": token_list(), "frontend": "jaso"}
    return task, read_args(task, recipe / "conf" / f"train_nix_{kind}.yaml", shlex.split(options), **values)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.parent.name)
@pytest.mark.parametrize(("kind", "options"), VARIANT_ARGS)
def test_a_variant_changes_what_it_says(kind, options, recipe, teachers):
    if recipe.parent.name == "emotiontts":  # there the teacher's alignment is the default
        options = options.replace("--alignment teacher", "--alignment aligner")
    plain = vars(read_variant(kind, recipe, "", teachers)[1])
    varied = vars(read_variant(kind, recipe, options, teachers)[1])
    changed = {name for name, value in varied.items() if value != plain[name]}
    assert changed == set(re.findall(r"--(\w+)", options))
    for name in changed & {"model_conf", "alignment_conf"}:
        assert varied[name].keys() >= plain[name].keys()


@pytest.mark.parametrize(("kind", "options"), VARIANT_ARGS)
def test_a_variant_builds_its_model(kind, options, teachers):
    toy = next(recipe for recipe in RECIPES if recipe.parent.name == "toy_kss")
    task, args = read_variant(kind, toy, options, teachers)
    assert sum(p.numel() for p in task.build_model(args).parameters()) > 0


def test_the_discriminators_are_vits_at_its_published_size():
    from espnet2.gan_tts.hifigan.hifigan import HiFiGANMultiScaleMultiPeriodDiscriminator

    from espnet2_nix.modules.vits_discriminator import VITSDiscriminator, VITSPeriodDiscriminator

    conf = yaml.safe_load((ROOT / "egs2/kss/nix_tts1/conf/train_vits_teacher.yaml").read_text(encoding="utf-8"))
    torch.manual_seed(0)
    published = HiFiGANMultiScaleMultiPeriodDiscriminator(**conf["tts_conf"]["discriminator_params"]).state_dict()
    torch.manual_seed(0)
    ours = VITSDiscriminator().state_dict()
    assert ours.keys() == published.keys()
    assert all(torch.equal(ours[name], published[name]) for name in ours)
    periods = {f"mpd.{name}": value.shape for name, value in VITSPeriodDiscriminator().state_dict().items()}
    assert periods == {name: value.shape for name, value in published.items() if name.startswith("mpd.")}
