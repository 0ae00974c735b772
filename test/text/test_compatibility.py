"""Whether a model trained before can be spoken with."""

import logging

import pytest

from espnet2_nix.errors import UserError
from espnet2_nix.text import frontend_info, token_list
from espnet2_nix.text.compatibility import check_frontend


def test_the_same_version_passes_without_a_word(caplog):
    caplog.set_level(logging.INFO)
    assert check_frontend(frontend_info("jaso"), token_list(), "m") == "jaso"
    assert not caplog.records


def test_another_version_is_one_line(caplog):
    caplog.set_level(logging.INFO)
    assert check_frontend({"name": "standard", "version": "0"}, token_list(), "m") == "standard"
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("frontend", "tokens", "message"),
    [
        ("standard", token_list(), "m: frontend: expected name and version, found 'standard'"),
        ({"name": "standard"}, token_list(), "m: frontend: expected name and version"),
        (None, token_list(), "m: frontend: expected name and version, found None"),
        (
            {"name": "espeak", "version": "1"},
            token_list(),
            "m: .* found 'espeak'; install the espnet2_nix that made it",
        ),
        (frontend_info(), token_list()[:-3], "m: the token list lacks"),
    ],
)
def test_what_cannot_be_fed_is_refused(frontend, tokens, message):
    with pytest.raises(UserError, match=message):
        check_frontend(frontend, tokens, "m")
