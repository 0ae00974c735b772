import base64
import io
import re
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile

from espnet2_nix.evaluation.page import PageRow, Table, write_page

FS = 22050
PNG = b"\x89PNG\r\n\x1a\n"


class Page(HTMLParser):
    """Every tag with its attributes, and the text."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.text = [], ""
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


def write_wav(path, samples=1000, subtype="PCM_16", level=0.5):
    rng = np.random.default_rng(0)
    soundfile.write(path, level * rng.uniform(-1, 1, samples), FS, subtype=subtype)
    return path


def decoded(audio):
    scheme, data = audio["src"].split(",")
    assert scheme == "data:audio/wav;base64"
    return soundfile.read(io.BytesIO(base64.b64decode(data, validate=True)), dtype="int16")


@pytest.fixture
def page(tmp_path):
    """Two utterances of two systems, one of four sounds missing."""
    wavs = [write_wav(tmp_path / f"{name}.wav", samples) for name, samples in (("a", 1000), ("b", 0), ("c", 1))]
    (tmp_path / "mels.png").write_bytes(PNG + b"rest")
    write_page(
        tmp_path / "index.html",
        "목소리 <평가>",
        ["recording", "student"],
        [
            PageRow("utt1", "안녕하세요. <script>alert('1')</script>", {"recording": wavs[0], "student": wavs[2]}),
            PageRow('utt"2', "둘 & 셋", {"recording": wavs[1], "student": tmp_path / "lost.wav"}),
            PageRow("utt3", "넷", {"recording": None}),
        ],
        [Table(["system", "CER <%>"], [["student", "1.5 (1.2–1.8)"]], "결과 표")],
        [("멜 & 스펙트럼", tmp_path / "mels.png")],
        ["./run.sh --stage 10", "cat <RESULTS.md>"],
    )
    return Page(tmp_path / "index.html")


def test_nothing_comes_from_outside(page):
    addresses = [attributes.get(key) for _, attributes in page.tags for key in ("src", "href", "srcset", "poster")]
    assert addresses.count(None) < len(addresses)
    assert all(address.startswith("data:") for address in addresses if address is not None)
    assert not re.search(r"https?://|url\(|@import", page.source)
    assert not page.all("script")


def test_sounds_are_embedded_sample_by_sample(page, tmp_path):
    audios = page.all("audio")
    assert [audio["aria-label"] for audio in audios] == ["utt1 recording", "utt1 student"]
    assert {(audio["preload"], "controls" in audio) for audio in audios} == {("none", True)}
    for audio, name in zip(audios, ("a", "c"), strict=True):
        expected, _ = soundfile.read(tmp_path / f"{name}.wav", dtype="int16")
        found, fs = decoded(audio)
        assert fs == FS
        np.testing.assert_array_equal(found, expected)


def test_a_missing_sound_gives_a_dash_and_the_reason(page):
    cells = [attributes for attributes in page.all("td") if attributes.get("class") == "wav"]
    assert [cell["data-column"] for cell in cells] == 3 * ["recording", "student"]
    assert page.text.count("—") == 4
    for reason in ("no samples: b.wav", "file not found: lost.wav", "not synthesised"):
        assert reason in page.text


def test_text_is_shown_and_not_run(page):
    assert page.all("html") == [{"lang": "ko"}]
    assert "<script" not in page.source
    for text in (
        "안녕하세요. <script>alert('1')</script>",
        "둘 & 셋",
        'utt"2',
        "목소리 <평가>",
        "CER <%>",
        "cat <RESULTS.md>",
    ):
        assert text in page.text


def test_order_of_the_parts(page):
    places = [page.text.index(text) for text in ("결과 표", "안녕하세요", "멜 & 스펙트럼", "--stage 10")]
    assert places == sorted(places)


def test_pictures_are_embedded(page):
    (image,) = page.all("img")
    assert image["alt"] == "멜 & 스펙트럼"
    assert base64.b64decode(image["src"].removeprefix("data:image/png;base64,"), validate=True) == PNG + b"rest"


def test_a_page_of_nothing_has_only_its_title(tmp_path):
    write_page(tmp_path / "new" / "index.html", "빈 페이지", [], [], [], [], [])
    page = Page(tmp_path / "new" / "index.html")
    assert not page.all("h2")
    assert not page.all("table")
    assert "빈 페이지" in unescape(page.text)


def test_floats_are_rounded_and_never_wrap(tmp_path):
    wav = write_wav(tmp_path / "loud.wav", subtype="FLOAT", level=2.0)
    write_page(tmp_path / "index.html", "t", ["student"], [PageRow("u", "t", {"student": wav})], [], [], [])
    expected = np.clip(np.round(soundfile.read(wav)[0] * 32768), -32768, 32767)
    found, _ = decoded(Page(tmp_path / "index.html").all("audio")[0])
    np.testing.assert_array_equal(found, expected)


def test_what_cannot_be_shown_is_refused_and_leaves_no_file(tmp_path):
    (tmp_path / "not.wav").write_text("text", encoding="utf-8")
    (tmp_path / "not.png").write_text("text", encoding="utf-8")
    before = sorted(tmp_path.iterdir())
    good = {"title": "t", "columns": ["student"], "rows": [], "tables": [], "pictures": [], "commands": []}
    for error, match, wrong in [
        (ValueError, "found teacher", {"rows": [PageRow("u", "t", {"teacher": None})]}),
        (ValueError, r"not\.wav", {"rows": [PageRow("u", "t", {"student": tmp_path / "not.wav"})]}),
        (ValueError, r"not\.png", {"pictures": [("p", tmp_path / "not.png")]}),
        (FileNotFoundError, r"lost\.png", {"pictures": [("p", tmp_path / "lost.png")]}),
        (ValueError, "expected 1 cells", {"tables": [Table(["one"], [["1", "2"]])]}),
    ]:
        with pytest.raises(error, match=match):
            write_page(tmp_path / "index.html", **{**good, **wrong})
        assert sorted(tmp_path.iterdir()) == before
