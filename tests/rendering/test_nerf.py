"""The example of NeRF as a person runs it, and the scene whose true pictures it learns from."""
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minidl

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "examples" / "space"
SMALL = ["--size", 12, "--views", 6, "--samples", 12, "--rays", 128, "--width", 16]


def run(*args, device=None):
    program = [str(FOLDER / "nerf.py")] if device is None else ["-c", (
        "import runpy, sys; import tests.strict_array; sys.argv = sys.argv[1:]; "
        f"sys.path.insert(0, {str(FOLDER)!r}); runpy.run_path(sys.argv[0], run_name='__main__')"),
        str(FOLDER / "nerf.py"), "--device", device]
    return subprocess.run([sys.executable, *program, *map(str, [*SMALL, *args])], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=300, cwd=ROOT)


def quality(done):
    assert done.returncode == 0, done.stderr
    return float(re.search(r"test PSNR ([\d.]+) dB", done.stdout)[1])


def test_it_learns():
    assert quality(run("--steps", 200)) > 1.5 + quality(run("--max-steps", 1))


def test_a_run_is_resumed_to_the_same_figure(tmp_path):
    whole = quality(run("--steps", 200))
    quality(run("--steps", 200, "--run", tmp_path, "--max-steps", 130))
    said = run("--steps", 200, "--run", tmp_path)
    assert said.returncode == 1 and "holds a run already" in said.stderr
    assert quality(run("--steps", 200, "--run", tmp_path, "--resume")) == whole


def test_on_arrays_that_refuse_what_a_gpu_refuses():
    quality(run("--max-steps", 2, device="strict"))


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="matplotlib is not installed")
def test_pictures(tmp_path):
    quality(run("--steps", 200, "--plot", tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {f"nerf_{what}.png" for what in ("curves", "views", "around")}


@pytest.mark.parametrize("args, words", [
    (["--frequencies", -1], "a whole number, 0 or more"), (["--resume"], "--resume needs --run DIR"),
    (["--device", "cuda:7"], "--device cuda:7")])
def test_refusals(args, words):
    said = run(*args)
    assert said.returncode in (1, 2) and words in said.stderr and "Traceback" not in said.stderr


@pytest.fixture
def scene(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.delitem(sys.modules, "scene", raising=False)
    import scene
    return scene


def test_the_first_thing_is_seen(scene):
    """From above: the large ball's top hides the board; beside it the board; outside nothing, which is white."""
    origins = minidl.tensor([[0.05, 0.02, 3.0], [-0.9, 0.9, 3.0], [2.0, 0.0, 3.0]])
    down = minidl.tensor([0.0, 0.0, -1.0]).expand(3, 3)
    colors = scene.see(origins, down).numpy()
    assert colors[0, 0] > colors[0, 1] + 0.1                    # red
    assert colors[1, 0] == colors[1, 1] == colors[1, 2] < 1     # grey
    assert (colors[2] == 1).all()


def test_a_ball_is_hit_at_its_surface(scene):
    minidl.manual_seed(0)
    place = minidl.tensor([0.3, -0.2, 0.1])
    origins, directions = 3 * minidl.nn.functional.normalize(minidl.randn(500, 3)), minidl.randn(500, 3)
    directions = place + 0.4 * minidl.randn(500, 3) - origins
    distance = scene.hit_ball(origins, directions, place, 0.5)
    hit = distance.isfinite()
    points = (origins + distance[:, None] * directions)[hit]
    np.testing.assert_allclose((points - place).norm(dim=1).numpy(), 0.5, rtol=1e-4)
    closest = minidl.linalg.cross(directions, place - origins).norm(dim=1) / directions.norm(dim=1)
    assert minidl.equal(hit, closest < 0.5) and 100 < hit.sum() < 500
