"""Makes ESPnet know the student: ``tts: nix_tts``, with a preprocessor for raw Korean text."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from espnet2_nix.tasks.preprocessor import NixPreprocessor


def register() -> None:
    """Adds the student to ESPnet's choices, in this process; calling it again changes nothing.

    ESPnet has no entry points for models: its tasks read a module-level table, and its ``Text2Speech`` asks TTSTask
    for a preprocessor. Both are extended here and neither changes for models that are not ours.
    """
    from espnet2.tasks import gan_tts, tts

    from espnet2_nix.models.nix_tts import NixTTS

    if tts.tts_choices.classes.get("nix_tts") is NixTTS:
        return
    for task in (tts, gan_tts):
        task.tts_choices.classes["nix_tts"] = NixTTS
    stock_preprocess_fn = tts.TTSTask.build_preprocess_fn.__func__

    def build_preprocess_fn(cls: type, args: argparse.Namespace, train: bool) -> Callable | None:
        if getattr(args, "tts", None) == "nix_tts" and not train:
            return NixPreprocessor(args.token_list, args.frontend)
        return stock_preprocess_fn(cls, args, train)

    tts.TTSTask.build_preprocess_fn = classmethod(build_preprocess_fn)
