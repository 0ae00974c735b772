"""Tokens by id: the one place where tokens of a text become the numbers that a model is given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from espnet2_nix.errors import UserError


class Vocabulary:
    """A model's tokens.

    Args:
        token_list: Tokens in the order of their ids.
    """

    def __init__(self, token_list: Sequence[str]) -> None:
        self.token_list = list(token_list)
        self._ids = {token: index for index, token in enumerate(self.token_list)}

    def __len__(self) -> int:
        return len(self.token_list)

    def ids(self, tokens: Iterable[str], what: str = "the text") -> list[int]:
        """Ids of tokens.

        Args:
            tokens: What the front-end gave.
            what: Where they come from, for the message.

        Raises:
            UserError: If some are not in the list, naming up to five.
        """
        tokens = list(tokens)
        unknown = sorted({token for token in tokens if token not in self._ids})
        if unknown:
            raise UserError(
                f"{what} has tokens that the model's list of {len(self)} does not hold: {' '.join(unknown[:5])}; "
                "make the tokens by the model's own front-end: ./run.sh --stage 2 --stop_stage 5"
            )
        return [self._ids[token] for token in tokens]
