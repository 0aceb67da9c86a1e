"""The page docs/browser in headless Chromium: digits are drawn, and read as minidl reads them."""
from __future__ import annotations

import functools
import http.server
import importlib.util
import math
import shutil
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest

import minidl
from minidl import nn

pytest.importorskip("onnx_ir")
webdriver = pytest.importorskip("selenium.webdriver")

PAGE = Path(__file__).parent.parent.parent / "docs" / "browser"
CHROMIUM, DRIVER, NPM = (shutil.which(name) for name in ("chromium", "chromedriver", "npm"))
FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync"""
ONE = [[(140, 40), (140, 240)]]
ZERO = [[(140 + 60 * math.cos(a), 140 + 95 * math.sin(a)) for a in np.linspace(0, 2 * math.pi, 20)]]


class Net(nn.Module):
    """LeNet's first layers, drawn at random: what is compared is the way from the pen to the scores."""

    def __init__(self):
        super().__init__()
        self.conv1, self.relu, self.fc = nn.Conv2d(1, 20, 5), nn.ReLU(), nn.Linear(20 * 24 * 24, 10)

    def forward(self, x):
        return self.fc(self.relu(self.conv1(x)).flatten(1))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the page with onnxruntime-web and a network in it, and its address."""
    if not (CHROMIUM and DRIVER and NPM):
        pytest.skip("needs chromium, chromedriver and npm")
    folder = tmp_path_factory.mktemp("site")
    for name in ("index.html", "draw.js"):
        shutil.copy(PAGE / name, folder)
    if (PAGE / "node_modules" / "onnxruntime-web").is_dir():
        (folder / "node_modules").symlink_to(PAGE / "node_modules")
    else:
        installed = subprocess.run([NPM, "install", "--no-audit", "--no-fund", "onnxruntime-web@1.30.0"], cwd=folder,
                                   capture_output=True, timeout=120)
        if installed.returncode:
            pytest.skip("onnxruntime-web could not be installed")
    handler = functools.partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}/index.html"
    server.shutdown()
    server.server_close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def model(site):
    """A network with the mean and the deviation inside, in the page's folder."""
    spec = importlib.util.spec_from_file_location("export_lenet", PAGE / "export_lenet.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    minidl.manual_seed(0)
    data = type("Data", (), {"mean": minidl.full((1, 1, 1), 0.13), "std": minidl.full((1, 1, 1), 0.31),
                             "test": type("Part", (), {"x": minidl.zeros(1, 1, 28, 28)})})
    net = Net().eval()
    script.export({"data": data, "model": net}, site[0] / "lenet.onnx")
    return script.WithMaps(net, data.mean, data.std).eval()


@pytest.fixture(scope="module")
def browser(site, model, tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in [*FLAGS.split(), f"--user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.get(site[1])
    wait(driver, "return window.result !== undefined")
    yield driver
    driver.quit()


def wait(driver, script):
    from selenium.webdriver.support.ui import WebDriverWait
    WebDriverWait(driver, 30, 0.05).until(lambda driver: driver.execute_script(script))


def draw(driver, strokes):
    """Draw by the page's own pointer events; returns what it has found."""
    driver.execute_script("document.getElementById('clear').click(); window.result = undefined;")
    driver.execute_script("""
        const ink = document.getElementById('ink'), frame = ink.getBoundingClientRect();
        ink.setPointerCapture = () => {};
        const send = (kind, [x, y]) => ink.dispatchEvent(new PointerEvent(kind, {
            clientX: frame.left + x * frame.width / 280, clientY: frame.top + y * frame.height / 280, pointerId: 1}));
        for (const stroke of arguments[0]) {
            send('pointerdown', stroke[0]);
            stroke.forEach(point => send('pointermove', point));
            send('pointerup', stroke[stroke.length - 1]);
        }""", strokes)
    wait(driver, "return !running && !again && window.result && window.result.drawn")
    return driver.execute_script("return window.result")


@pytest.mark.parametrize("strokes", [ONE, ZERO])
def test_a_drawing_is_prepared_as_mnist_and_read_as_minidl_reads_it(browser, model, strokes):
    result = draw(browser, strokes)
    pixels = np.array(result["pixels"], np.float32).reshape(28, 28)
    rows, columns = np.nonzero(pixels)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20         # the box
    mass = pixels.sum()
    for axis in (0, 1):                                         # the centre of mass, to half a pixel
        assert abs((pixels.sum(axis=1 - axis) * (np.arange(28) + 0.5)).sum() / mass - 14) <= 0.5
    scores, maps = model(minidl.tensor(pixels[None, None]))
    assert np.allclose(result["scores"], scores.detach().numpy()[0], atol=1e-4)
    best = int(scores.argmax())
    assert browser.find_element("id", "status").text.startswith(f"It reads {best} (")
    assert browser.find_element("css selector", ".score.first span").text == str(best)
    assert len(browser.find_elements("css selector", "#grid canvas")) == maps.shape[1] == 20


def test_the_page_fits_a_phone_and_is_cleared(browser):
    draw(browser, ZERO)
    browser.set_window_size(500, 900)
    assert browser.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
    browser.find_element("id", "clear").click()
    wait(browser, "return !running && !again && window.result && !window.result.drawn")
    assert browser.find_element("id", "status").text.startswith("Draw with")
    assert not [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
