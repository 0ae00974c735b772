import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espnet2_nix.data.kaldi_io import read_table, write_table
from espnet2_nix.data.names import LONGEST_ID, FileFinder, make_utt_id, unfit


@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=8))
def test_any_name_becomes_an_id_that_a_table_holds_one_to_one(names):
    ids = {make_utt_id("kss", name) for name in names}
    assert len(ids) == len({unicodedata.normalize("NFC", name) for name in names})
    for utt_id in ids:
        assert utt_id.split() == [utt_id]
        assert utt_id.isprintable()


def test_ids_survive_a_table(tmp_path):
    ids = [make_utt_id("kss", name) for name in ("a b", "a\u3000b", "a\u00a0b", "a%20b", "a\nb", "나무", "\udcff")]
    write_table(tmp_path / "t", dict.fromkeys(ids, "x"))
    assert set(read_table(tmp_path / "t")) == set(ids)


def test_plain_names_stay_as_they_are():
    assert make_utt_id("kss", "1_0000") == "kss_1_0000"
    assert make_utt_id("kss", "가-나.1") == "kss_가-나.1"


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("other", ["NFC", "NFD"])
def test_a_hangul_name_is_found_in_either_composition(tmp_path, form, other):
    folder = tmp_path / unicodedata.normalize(form, "소리 모음")
    folder.mkdir()
    path = folder / unicodedata.normalize(form, "나무.wav")
    path.write_bytes(b"")
    assert FileFinder(tmp_path).find(unicodedata.normalize(other, "소리 모음/나무.wav")) == path
    assert not FileFinder(tmp_path).find("없는/나무.wav").exists()


def test_what_cannot_stand_in_a_table_is_named():
    assert unfit("kss_a", Path("a b/나무.wav")) is None
    assert "too long" in unfit("x" * (LONGEST_ID + 1), Path("a.wav"))
    assert "line break" in unfit("kss_a", Path("a\nb.wav"))
    assert "not UTF-8" in unfit("kss_a", Path("\udcff.wav"))
