"""Raw Korean text at ESPnet's door."""

from __future__ import annotations

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
