"""The page, in a headless Chromium of this machine."""

import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from serving import HTTP, serve, wait_for

PAGE = Path(__file__).resolve().parents[2] / "espnet2_nix" / "server" / "page"
WATCH = """
window.marked = [];
new MutationObserver((changes) => {
  for (const { target } of changes) {
    if (target.matches("#words .now")) window.marked.push([...target.parentNode.children].indexOf(target));
  }
}).observe(document.getElementById("words"), { subtree: true, attributes: true, attributeFilter: ["class"] });
"""
LISTEN = """
window.played = [];
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (when) {
  window.played.push([when, this.buffer.duration]);
  return start.call(this, when);
};
"""
DESKTOP, PHONE = (1100, 900), (360, 740)


def test_the_page_asks_nothing_of_other_hosts(server):
    answer = HTTP.get(server.url)
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    for file in PAGE.iterdir():
        assert "http://" not in (words := file.read_text(encoding="utf-8"))
        assert "https://" not in words
        assert file.name == "index.html" or HTTP.get(f"{server.url}/page/{file.name}").text == words


@pytest.fixture
def browser(tmp_path):
    """Chromium by its driver; skips by name where one of them is not installed."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: pip install selenium")
    binary = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip("Chromium is not installed: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in (
        *(
            "headless=new",
            "no-sandbox",
            "disable-gpu",
            "disable-quic",
            "no-first-run",
            "disable-dev-shm-usage",
            "disable-sync",
        ),
        *("disable-background-networking", "disable-component-update", "autoplay-policy=no-user-gesture-required"),
        *(f"user-data-dir={tmp_path / 'profile'}", "lang=ko-KR", "force-device-scale-factor=1"),
    ):
        options.add_argument(f"--{argument}")
    options.add_experimental_option(
        "prefs", {"download.default_directory": str(tmp_path), "intl.accept_languages": "ko-KR"}
    )
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chromium = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield chromium
    finally:
        chromium.quit()


def find(browser, element_id):
    return browser.find_element("id", element_id)


def shot(browser, name):
    """Keeps a screenshot where NIX_SCREENSHOTS names a folder."""
    if folder := os.environ.get("NIX_SCREENSHOTS"):
        browser.save_screenshot(f"{folder}/{name}.png")


def open_page(browser, server, size):
    browser.set_window_size(*size)
    # A window has a least width: the width of a phone is set as its screen's.
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(server.url)
    wait_for(lambda: find(browser, "voice").find_elements("tag name", "option"))


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_text_is_played_while_its_words_are_marked(browser, server, size, tmp_path):
    open_page(browser, server, size)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= size[0]
    find(browser, "examples").find_elements("tag name", "button")[1].click()
    assert "4,500" in find(browser, "text").get_property("value")
    shot(browser, f"{size[0]}-start")
    browser.execute_script(LISTEN)
    find(browser, "speak").click()
    browser.execute_script(WATCH)
    photographed, end = False, time.monotonic() + 120
    while not find(browser, "status").text.startswith("다 읽었습니다"):
        assert time.monotonic() < end, find(browser, "status").text
        if not photographed and browser.execute_script("return window.marked.length") > 2:
            shot(browser, f"{size[0]}-speaking")
            photographed = True
    marked = browser.execute_script("return window.marked")
    assert len(marked) >= 4
    assert marked == sorted(marked)
    assert browser.execute_script(
        "const c = document.getElementById('wave'); const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        "return d.some((value) => value > 0)"
    )
    find(browser, "reading").click()
    assert "사천오백" in find(browser, "normalized").text.replace(" ", "")
    changes = [item.text for item in find(browser, "changes").find_elements("tag name", "dd")]
    assert "3개를 4,500원에 → 세 개를 사천오백 원에" in changes
    # Every word as it is written in Hangul, with its sound where that differs.
    written = browser.execute_script(
        "return [...document.querySelectorAll('#words > span')].map((word) => [...word.childNodes].map((node) => "
        "node.matches?.('ruby') ? [...node.childNodes].map((part) => part.textContent) : [node.textContent])[0])"
    )
    assert [word[0] for word in written] == find(browser, "normalized").text.split()
    assert ["원에", "궈네"] in written
    assert ["사과"] in written
    shot(browser, f"{size[0]}-done")
    find(browser, "download").click()
    wait_for(lambda: (tmp_path / "nix-tts.wav").is_file())
    import soundfile

    samples, rate = soundfile.read(tmp_path / "nix-tts.wav")
    assert rate == 22050
    assert np.abs(samples).max() > 0
    assert f"{len(samples) / rate:.1f}초" in find(browser, "status").text
    played = np.array(
        browser.execute_script("return window.played")
    )  # when a piece begins on the sound card's clock, its length
    assert len(played) > 2
    assert played[:, 1].sum() == pytest.approx(len(samples) / rate)
    assert (np.diff(played[:, 0]) >= played[:-1, 1] - 1e-6).all()  # one after the other
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_the_keyboard_is_enough_and_both_languages_are_there(browser, server):
    from selenium.webdriver.common.keys import Keys

    open_page(browser, server, DESKTOP)
    seen = []
    for _ in range(12):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        seen.append(browser.switch_to.active_element.get_attribute("id") or browser.switch_to.active_element.text)
    for name in ("language", "text", "voice", "speed", "speak", "words"):
        assert name in seen
    find(browser, "language").send_keys(Keys.ENTER)
    assert find(browser, "speak").text == "Listen"
    assert browser.execute_script("return document.documentElement.lang") == "en"
    find(browser, "examples").find_elements("tag name", "button")[3].send_keys(Keys.ENTER)
    browser.switch_to.active_element.send_keys(Keys.CONTROL, Keys.ENTER)
    wait_for(lambda: find(browser, "stop").is_enabled())
    find(browser, "stop").send_keys(Keys.ENTER)
    assert find(browser, "status").text == "Stopped."
    shot(browser, "english")
    wait_for(lambda: server.metric("nix_tts_active_requests") == 0)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing(browser, server, size):
    axe = pytest.importorskip("axe_core_python", reason="axe is not installed: pip install axe-core-python")
    script = os.environ.get("NIX_AXE") or str(Path(axe.__file__).parent / "axe.min.js")
    open_page(browser, server, size)
    find(browser, "speak").click()
    wait_for(lambda: find(browser, "status").text.startswith("다 읽었습니다"))
    browser.execute_script(Path(script).read_text(encoding="utf-8"))
    found = browser.execute_async_script("axe.run().then(arguments[arguments.length - 1])")
    assert [(v["id"], [node["html"] for node in v["nodes"]]) for v in found["violations"]] == []
    assert len(found["passes"]) > 15


def test_a_refusal_is_shown_and_a_token_asked_for(browser, server, voices):
    from selenium.webdriver.support.ui import Select

    open_page(browser, server, DESKTOP)
    find(browser, "text").clear()
    find(browser, "text").send_keys("...")
    find(browser, "speak").click()
    wait_for(lambda: "nothing readable" in find(browser, "status").text)
    with serve(voices, token="abc") as locked:
        browser.get(locked.url)
        wait_for(lambda: find(browser, "token").is_displayed())
        find(browser, "token").send_keys("abc\t")
        wait_for(lambda: Select(find(browser, "voice")).options)
