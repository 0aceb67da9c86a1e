"""The examples as a person runs them: they work, end well when something is wrong, and draw what can be looked at."""
import importlib.util
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples" / "first"
TRAINED = ["softmax", "mlp", "lenet"]
needs_matplotlib = pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None,
                                      reason="matplotlib is not installed")
unix = pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent as a signal of Unix")


def start(name, *args, **env):
    return subprocess.Popen([sys.executable, str(EXAMPLES / f"{name}.py"), *map(str, args)],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env={**os.environ, **{key: str(value) for key, value in env.items()}},
                            start_new_session=os.name == "posix")


def run(name, *args, **env):
    with start(name, *args, **env) as process:
        output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return output


def read_to_row(process, number):
    """Wait until the row of an epoch has come."""
    for line in process.stdout:
        if line.startswith(f"{number:>5} "):
            return
    raise AssertionError(f"row {number} did not come: {process.stderr.read()}")


def refused(name, *args, **env):
    """What an example that will not run says on its last line; it says nothing else but the usage."""
    with start(name, *args, **env) as process:
        output, errors = process.communicate(timeout=300)
    *usage, last = errors.splitlines()
    assert process.returncode in (1, 2) and "Traceback" not in errors
    assert not usage or process.returncode == 2 and usage[0].startswith("usage:")
    assert "train loss" not in output, "it was refused too late"
    return last


# ---------------------------------------------------------------- they work

@pytest.mark.parametrize("name", TRAINED)
def test_two_steps(name):
    assert "test accuracy" in run(name, "--max-steps", "2")


def test_knn():
    output = run("knn")
    accuracy = float(output.split("test accuracy ")[1].split("%")[0])
    assert accuracy > 95
    assert re.findall(r"^ +(\d+) ", run("knn", "--k", 7, 3, 7), re.MULTILINE) == ["3", "7"]


def test_a_seed_makes_training_repeatable():
    first, second = (run("softmax", "--max-steps", "5", "--seed", "3") for _ in range(2))
    assert [line for line in first.splitlines() if " s" not in line] == \
        [line for line in second.splitlines() if " s" not in line]


@pytest.mark.parametrize("name", TRAINED)
def test_trained_parameters_are_saved(name, tmp_path):
    import minidl
    path = tmp_path / "new folder" / "parameters.minidl"
    assert f"saved {path}" in run(name, "--max-steps", 1, "--save", path)
    assert all(value.isfinite().all() for value in minidl.load(path).values())


def test_batches_larger_than_the_data():
    for name in TRAINED:
        assert run(name, "--epochs", 1, "--batch-size", 5000).count("%") == 3   # a row and the last line


def test_rows_come_one_by_one_also_into_a_pipe():
    with start("softmax", "--epochs", 100_000) as process:
        lines = [process.stdout.readline() for _ in range(5)]   # would wait for minutes if the rows were held back
        assert lines[1].startswith("epoch") and lines[4].split()[0] == "3"
        process.stdout.close()                                  # as `head` does
        assert process.wait(60) == 141 and process.stderr.read() == ""


# ---------------------------------------------------------------- Ctrl-C

@unix
@pytest.mark.parametrize("name", TRAINED)
def test_ctrl_c_keeps_the_rows_so_far(name, tmp_path):
    with start(name, "--epochs", 100_000, "--save", tmp_path / "parameters") as process:
        read_to_row(process, 2)
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert re.fullmatch(r"interrupted after [\d,]+ of [\d,]+ steps\n", errors)
    assert "test accuracy" not in output and (tmp_path / "parameters").exists()


@unix
@needs_matplotlib
def test_ctrl_c_draws_what_there_is(tmp_path):
    with start("mlp", "--epochs", 100_000, "--plot", tmp_path) as process:
        read_to_row(process, 1)
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and errors.count("\n") == 1
    assert [line.split("/")[-1] for line in output.splitlines()[-2:]] == ["mlp_loss.png", "mlp_mistakes.png"]


@unix
def test_ctrl_c_outside_of_training():
    with start("knn", "--k", *range(1, 400)) as process:
        process.stdout.readline()                       # the data is loaded
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and errors == "interrupted\n"


# ---------------------------------------------------------------- what is refused, and how

COUNT = "expected a whole number, 1 or more, but got"
RATE = "expected a number above 0, such as 0.01, but got"


@pytest.mark.parametrize("args, said", [
    (["softmax", "--epochs", "0"], f"argument --epochs: {COUNT} '0'"),
    (["softmax", "--epochs", "nan"], f"argument --epochs: {COUNT} 'nan'"),
    (["mlp", "--max-steps", "-1"], f"argument --max-steps: {COUNT} '-1'"),
    (["lenet", "--batch-size", "2.5"], f"argument --batch-size: {COUNT} '2.5'"),
    (["mlp", "--lr", "0"], f"argument --lr: {RATE} '0'"),
    (["mlp", "--lr", "nan"], f"argument --lr: {RATE} 'nan'"),
    (["softmax", "--lr", "inf"], f"argument --lr: {RATE} 'inf'"),
    (["softmax", "--lr", "fast"], f"argument --lr: {RATE} 'fast'"),
    (["knn", "--k", "3", "0"], "argument --k: expected a whole number, from 1 to 1000, but got '0'"),
    (["knn", "--k", "1001"], "argument --k: expected a whole number, from 1 to 1000, but got '1001'"),
    (["knn", "--seed", "-1"], "argument --seed: expected a whole number, 0 or more, but got '-1'"),
    (["knn", "--dataset", "cifar"], "argument --dataset: invalid choice: 'cifar'"),
    (["knn", "--data", "there"], "--data and --download are for --dataset mnist"),
    (["knn", "--device", "tpu"], "--device tpu: Expected one of cpu, cuda device type"),
])
def test_arguments_that_are_wrong(args, said):
    assert refused(*args).startswith(f"{args[0]}.py: error: {said}")


def test_without_minidl(tmp_path):
    (tmp_path / "minidl.py").write_text("raise ModuleNotFoundError('no minidl here', name='minidl')")
    said = refused("mlp", PYTHONPATH=tmp_path)
    assert "minidl is not installed" in said and "pip install" in said


def test_pictures_without_matplotlib_are_refused_before_the_first_step(tmp_path):
    (tmp_path / "matplotlib").mkdir()
    (tmp_path / "matplotlib/__init__.py").write_text("raise ImportError('no matplotlib here')")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    assert refused("mlp", "--plot", tmp_path / "plots", PYTHONPATH=path) == \
        "mlp.py: error: --plot needs matplotlib; try: pip install 'minidl[plot]'"


@needs_matplotlib
def test_folders_that_cannot_be_written(tmp_path):
    file = tmp_path / "file"
    file.write_text("not a folder")
    for name, args in {
        "mlp": ["--plot", file],
        "lenet": ["--plot", file / "plots"],
        "softmax": ["--save", file / "model"],
    }.items():
        said = refused(name, *args)
        assert said.startswith(f"{name}.py: error: {args[0]}: cannot write into the folder {file}")
        assert "name another" in said
    assert "is a folder; name a file" in refused("mlp", "--save", tmp_path)


def test_missing_mnist_names_the_flags(tmp_path):
    said = refused("softmax", "--dataset", "mnist", "--data", tmp_path)
    assert "MNIST" in said and str(tmp_path) in said and "--download" in said and "--data DIR" in said


def test_damaged_mnist_names_the_file(tmp_path):
    for what in "images-idx3", "labels-idx1":
        (tmp_path / f"train-{what}-ubyte").write_bytes(b"no images")
    said = refused("knn", "--dataset", "mnist", "--data", tmp_path)
    assert "train-images-idx3-ubyte" in said and "no idx file" in said and "--download" in said


def test_no_network(tmp_path):
    """A proxy that nobody serves stands for a cut cable."""
    said = refused("lenet", "--dataset", "mnist", "--data", tmp_path, "--download",
                   https_proxy="http://127.0.0.1:9", HTTPS_PROXY="http://127.0.0.1:9", no_proxy="", NO_PROXY="")
    assert "could not get" in said and "Check the network" in said and "--data DIR" in said


# ---------------------------------------------------------------- pictures

def ink(picture):
    """Which rows and columns of a PNG are not all white."""
    import numpy as np
    from PIL import Image
    dark = np.asarray(Image.open(picture).convert("L")) < 250
    return dark.any(axis=1), dark.any(axis=0)


@needs_matplotlib
@pytest.mark.parametrize("name, pictures", [
    ("softmax", ["loss", "mistakes", "templates"]),
    ("mlp", ["loss", "mistakes"]),
    ("lenet", ["loss", "mistakes", "filters"]),
    ("knn", ["cross_validation", "mistakes"])])
def test_pictures_have_no_empty_parts(name, pictures, tmp_path):
    steps = [] if name == "knn" else ["--max-steps", 40]
    run(name, "--plot", tmp_path, *steps)
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}_{picture}.png" for picture in pictures}
    for picture in pictures:
        rows, columns = ink(tmp_path / f"{name}_{picture}.png")
        for used in rows, columns:
            gaps = [len(gap) for gap in "".join("x" if u else " " for u in used).split("x")]
            assert max(gaps) < 0.2 * len(used), f"{picture}: a fifth of it is empty"


@needs_matplotlib
def test_no_picture_of_nothing(tmp_path):
    output = run("softmax", "--lr", 1e30, "--max-steps", 20, "--plot", tmp_path)
    assert "the weights are not finite: not drawing" in output
    assert not (tmp_path / "softmax_templates.png").exists()


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_examples_stay_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 130, "one idea a file, readable as a lecture"
