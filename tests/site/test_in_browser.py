"""The built site in Chromium: what a reader does, on a desk and on a phone."""
from __future__ import annotations

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.site.test_site import SITE

selenium = pytest.importorskip("selenium.webdriver")
pytestmark = [
    pytest.mark.skipif(not (SITE / "searchindex.js").exists(), reason="the site is not built"),
    pytest.mark.skipif(not (shutil.which("chromium") and shutil.which("chromedriver")), reason="there is no Chromium")]

FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync --disable-dev-shm-usage""".split()
PAGES = ["index.html", "course.html", "functions.html", "sections/learn.html", "reference/minidl.nn/Conv2d.html",
         "reference/minidl.html", "gallery/index.html", "gallery/first/lenet.html", "life_of_conv2d.html",
         "source/minidl/ops/conv/two_d.py.html", "project/CONTRIBUTING.html"]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=SITE))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    options = selenium.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for flag in [*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = selenium.Chrome(options, selenium.ChromeService(str(shutil.which("chromedriver"))))
    driver.set_page_load_timeout(120)
    driver.set_script_timeout(120)
    yield driver
    driver.quit()


def sized(browser: Any, width: int) -> None:
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500})


def waited(browser: Any, script: str) -> Any:
    """What a script returns as soon as that is true."""
    support = pytest.importorskip("selenium.webdriver.support.ui")
    return support.WebDriverWait(browser, 120).until(lambda _: browser.execute_script(script))


def complaints(browser: Any) -> list[str]:
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_fits_and_does_not_complain(browser: Any, address: str, page: str) -> None:
    browser.get_log("browser")
    for width in (1440, 390):
        sized(browser, width)
        browser.get(f"{address}/{page}")
        wide = browser.execute_script("return document.documentElement.scrollWidth")
        assert wide <= width, f"{page} is {wide} pixels wide on a screen of {width}"
        missing = browser.execute_script(
            "return [...document.images].filter(i => i.complete && i.naturalWidth == 0).map(i => i.src)")
        assert not missing
    assert not complaints(browser)


def test_search_finds_conv2d(browser: Any, address: str) -> None:
    sized(browser, 1440)
    browser.get(f"{address}/search.html?q=Conv2d")
    found = waited(browser, "return [...document.querySelectorAll('#search-results li a')].map(a => a.href)")
    assert f"{address}/reference/minidl.nn/Conv2d.html" in {link.partition("#")[0].partition("?")[0] for link in found}
    browser.get(next(link for link in found if "minidl.nn/Conv2d.html" in link))
    assert "minidl.nn.Conv2d" in browser.title


def test_three_doors_are_open(browser: Any, address: str) -> None:
    sized(browser, 1440)
    browser.get(f"{address}/index.html")
    links = "[...document.querySelectorAll('.doors a.sd-stretched-link')]"
    doors = browser.execute_script(f"return {links}.map(a => a.href)")
    assert len(doors) == 3
    for door in doors:
        browser.get(door)
        assert browser.execute_script("return document.querySelector('article h1').textContent")


def test_light_and_dark(browser: Any, address: str) -> None:
    """The switch changes the page, and text stands out from its ground in both."""
    sized(browser, 1440)
    browser.get(f"{address}/reference/minidl.nn/Conv2d.html")
    for wanted in ("light", "dark"):
        browser.execute_script(f"""
            const button = document.querySelector('.theme-change-button[data-mode={wanted}]');
            if (button) button.click(); else document.documentElement.dataset.theme = '{wanted}'""")
        assert browser.execute_script("return document.documentElement.dataset.theme") == wanted
        assert contrast(browser, "article p") >= 4.5 and contrast(browser, "article dt.sig") >= 4.5


def contrast(browser: Any, selector: str) -> float:
    """The ratio of luminances of a text and of the page behind it, from 1 to 21 (WCAG 2)."""
    colours = browser.execute_script(f"""
        const of = node => getComputedStyle(node);
        return [of(document.querySelector('{selector}')).color, of(document.body).backgroundColor]""")
    lights = []
    for colour in colours:
        parts = [float(part) / 255 for part in colour[colour.index("(") + 1:-1].split(",")[:3]]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        lights.append(sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear)))
    return (max(lights) + 0.05) / (min(lights) + 0.05)
