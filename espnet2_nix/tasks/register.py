"""Makes ESPnet know the student: ``tts: nix_tts``, and raw Korean text at its door."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

from espnet2_nix.errors import UserError
from espnet2_nix.text import tokenize
from espnet2_nix.text.compatibility import check_frontend
from espnet2_nix.text.vocabulary import Vocabulary


class NixPreprocessor:
    """Raw Korean text to token ids, by the front-end a student was trained with.

    Args:
        token_list: The student's tokens, in the order of their ids.
        frontend: ``name`` and ``version`` of the front-end, as stored in the student's configuration.

    Raises:
        UserError: If this package has no such front-end, or one that gives tokens which the student does not know.
    """

    def __init__(self, token_list: list[str], frontend: dict[str, object]) -> None:
        self.g2p = check_frontend(frontend, token_list, "the model")
        self.vocabulary = Vocabulary(token_list)

    def __call__(self, uid: str, data: dict[str, object]) -> dict[str, object]:
        """Replaces ``data["text"]``, a string, by its ids (T_text,), int64.

        Raises:
            UserError: If nothing of the text can be read.
        """
        text = data.get("text")
        if isinstance(text, str):
            tokens = tokenize(text, g2p=self.g2p)
            if not tokens:
                raise UserError(f"expected Korean text, found nothing readable in {text!r}")
            data = {**data, "text": np.array(self.vocabulary.ids(tokens), dtype=np.int64)}
        return data


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
