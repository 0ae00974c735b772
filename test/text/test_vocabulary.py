"""Tokens by id."""

import pytest

from espnet2_nix.errors import UserError
from espnet2_nix.text import token_list, tokenize
from espnet2_nix.text.vocabulary import Vocabulary


def test_ids_are_places_in_the_list():
    vocabulary = Vocabulary(token_list())
    tokens = tokenize("물을 마신다.")
    assert [token_list()[index] for index in vocabulary.ids(tokens)] == tokens
    assert len(vocabulary) == len(token_list())


def test_unknown_tokens_are_named_with_their_place():
    with pytest.raises(UserError, match="dev/text, u1 has tokens that the model's list of 2 does not hold: c d; "):
        Vocabulary(["a", "b"]).ids(["a", "d", "c", "c"], "dev/text, u1")
