"""Every example runs: two steps on digits, with its pictures where matplotlib is installed."""
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
TRAINED = ["softmax", "mlp", "lenet"]
PLOTTING = importlib.util.find_spec("matplotlib") is not None


def run(name, *args):
    result = subprocess.run([sys.executable, str(EXAMPLES / f"{name}.py"), *args], capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("name", TRAINED)
def test_two_steps(name, tmp_path):
    pictures = ["--plot", str(tmp_path)] if PLOTTING else []
    output = run(name, "--max-steps", "2", *pictures)
    assert "test accuracy" in output
    if PLOTTING:
        assert len(list(tmp_path.glob("*.png"))) >= 2


def test_knn(tmp_path):
    pictures = ["--plot", str(tmp_path)] if PLOTTING else []
    output = run("knn", *pictures)
    accuracy = float(output.split("test accuracy ")[1].split("%")[0])
    assert accuracy > 95
    if PLOTTING:
        assert len(list(tmp_path.glob("*.png"))) == 2


def test_a_seed_makes_training_repeatable():
    first, second = (run("softmax", "--max-steps", "5", "--seed", "3") for _ in range(2))
    assert [line for line in first.splitlines() if " s" not in line] == \
        [line for line in second.splitlines() if " s" not in line]


def test_missing_mnist_names_the_way_out(tmp_path):
    result = subprocess.run([sys.executable, str(EXAMPLES / "softmax.py"), "--dataset", "mnist", "--data", str(tmp_path)],
                            capture_output=True, text=True)
    assert result.returncode != 0 and "download" in result.stderr


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_examples_stay_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 130, "one idea a file, readable as a lecture"
