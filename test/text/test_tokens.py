import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espnet2_nix.text import frontend_info, single_character, token_list, tokenize, unknown_symbols


def test_the_inventory_is_fixed():
    tokens = token_list()
    assert len(tokens) == len(set(tokens)) == 75
    assert (tokens[0], tokens[1], tokens[-1]) == ("<blank>", "<unk>", "<sos/eos>")


def test_initial_and_final_are_kept_apart():
    assert tokenize("각!", g2p="jaso") == ["ᄀ", "ᅡ", "ᆨ", "!"]
    assert tokenize(" 가  나, ", g2p="jaso") == ["ᄀ", "ᅡ", "<space>", "ᄂ", "ᅡ", ","]


def test_marks_change_the_tokens():
    assert len({tuple(tokenize(f"가{mark}", g2p="jaso")) for mark in ("", ".", ",", "?", "!")}) == 5


@given(st.text(alphabet=st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3)))
def test_nfc_and_nfd_give_the_same_tokens(text):
    composed, decomposed = (tokenize(unicodedata.normalize(form, text), g2p="jaso") for form in ("NFC", "NFD"))
    assert composed == decomposed
    assert len(composed) >= 2 * len(text)


@given(st.text())
def test_any_text_gives_tokens_of_the_list(text):
    assert set(tokenize(text, g2p="jaso")) <= set(token_list()[2:-1])


def test_what_cannot_be_read_is_named():
    assert unknown_symbols("가 3a☎ “나”", g2p="jaso") == ["3", "a", "☎"]
    with pytest.raises(ValueError, match="jaso"):
        tokenize("가", g2p="espeak")
    with pytest.raises(ValueError, match="jaso"):
        frontend_info("espeak")


def test_every_token_has_a_character_of_its_own_that_normalisation_keeps():
    characters = [single_character(token) for token in token_list()]
    assert len(set(characters)) == len(characters)
    assert all(len(character) == 1 for character in characters)
    for form in ("NFC", "NFD"):
        assert unicodedata.normalize(form, "".join(characters)) == "".join(characters)
    assert "".join(map(single_character, tokenize("각", g2p="jaso"))) == "ㄱㅏﾡ"
