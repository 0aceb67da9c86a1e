"""The ladder of examples/from_scratch: each step runs, and agrees with the library."""
import functools
import re
import subprocess
import sys
from pathlib import Path

import pytest

STEPS = sorted((Path(__file__).parent.parent / "examples" / "from_scratch").glob("step_*.py"))


@functools.cache
def output(path):
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout


@pytest.mark.parametrize("path", STEPS, ids=lambda path: path.stem)
def test_runs_and_agrees(path):
    differences = re.findall(r"^largest difference from minidl's (?:gradients|losses): (.*)$", output(path),
                             re.MULTILINE)
    if path.stem == "step_6_training":
        rows = re.findall(r"^epoch +\d+  loss ([\d.]+)  test accuracy ([\d.]+)%$", output(path), re.MULTILINE)
        assert len(rows) == 10 and float(rows[-1][0]) < float(rows[0][0]) / 10 and float(rows[-1][1]) > 94
    else:
        assert len(differences) == 1 and float(differences[0]) < 1e-12, output(path)


def test_the_steps_are_numbered_and_short():
    assert [int(path.stem.split("_")[1]) for path in STEPS] == list(range(1, len(STEPS) + 1))
    for path in STEPS:
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) < 150, f"{path.name}: one idea, on a screen or two"
        assert f"python examples/from_scratch/{path.name}" in text
    assert "numpy" not in STEPS[0].read_text(encoding="utf-8"), "the first step is Python alone"


def test_the_step_about_memory_refuses_an_overwritten_value():
    text = "refused: a value that the gradient needs was overwritten: it is at version 1, expected 0"
    assert text in output(STEPS[3])
