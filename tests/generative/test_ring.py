"""The example of games on a ring of clusters as a person runs it."""
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FILE = ROOT / "examples" / "generate" / "ring.py"
GAMES = ["minimax", "non-saturating", "least squares", "wasserstein"]
SMALL = ["--steps", 100, "--batch-size", 8]


def run(*args, device=None):
    program = [str(FILE)] if device is None else ["-c", (
        "import runpy, sys; import tests.strict_array; sys.argv = sys.argv[1:]; "
        "runpy.run_path(sys.argv[0], run_name='__main__')"), str(FILE), "--device", device]
    return subprocess.run([sys.executable, *program, *map(str, [*SMALL, *args])], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=300, cwd=ROOT)


def verdicts(done):
    assert done.returncode == 0, done.stderr
    found = re.findall(r"^(\S+(?: \S+)?) +(\d) of 8 clusters, (\d+)% of the points near one", done.stdout, re.MULTILINE)
    assert [name for name, *_ in found] == GAMES
    return found


def test_a_run_is_resumed_to_the_same_figures_and_drawn(tmp_path):
    whole = verdicts(run("--max-steps", 60))
    verdicts(run("--run", tmp_path / "run", "--max-steps", 30))
    drawn = ["--plot", tmp_path / "plots"] if importlib.util.find_spec("matplotlib") else []
    assert verdicts(run("--run", tmp_path / "run", "--resume", "--max-steps", 30, *drawn)) == whole
    assert not drawn or [path.name for path in (tmp_path / "plots").iterdir()] == ["ring_over_time.png"]


def test_on_arrays_that_refuse_what_a_gpu_refuses():
    verdicts(run("--max-steps", 2, device="strict"))


@pytest.mark.parametrize("args, words", [
    (["--clusters", 0], "a whole number, 1 or more"), (["--resume"], "--resume needs --run DIR")])
def test_refusals(args, words):
    said = run(*args)
    assert said.returncode in (1, 2) and words in said.stderr and "Traceback" not in said.stderr
