"""Libraries written for PyTorch run on minidl, unchanged. Each program runs in a process of its own.

A test skips where its library is missing. `.ci/run` installs them without PyTorch.
"""
from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def needs(*names: str) -> pytest.MarkDecorator:
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} not installed")


def run(*arguments: str) -> str:
    """What a program prints under `minidl run`."""
    found = subprocess.run([sys.executable, "-m", "minidl", "run", *arguments], capture_output=True, text=True,
                           env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=HERE)
    assert found.returncode == 0, found.stderr[-3000:]
    return found.stdout


@pytest.mark.parametrize("library, says", [
    pytest.param("torchmetrics", "19 metrics agree", marks=needs("torchmetrics", "sklearn")),
    pytest.param("skorch", "accuracy 0.", marks=needs("skorch", "sklearn")),
    pytest.param("einops", "einops agrees", marks=needs("einops")),
    pytest.param("captum", "captum's sums agree", marks=needs("captum", "matplotlib", "tqdm")),
    pytest.param("safetensors", "safetensors agrees", marks=needs("safetensors")),
    pytest.param("torch_geometric", "PyG's convolutions agree", marks=needs("torch_geometric")),
    # loss and sum of the gradients' sizes are those of PyTorch 2.13
    pytest.param("transformers", "bert 1.2141 21.57\ngpt2 3.9632 19.27\n[43, 43, 43, 43]\nvit 1.4917 19.68",
                 marks=needs("transformers", "tokenizers", "regex")),
])
def test_a_library(library: str, says: str, tmp_path: Path) -> None:
    assert says in run(f"{library}_program.py", str(tmp_path))


@needs("scipy", "sklearn")
def test_scipy_and_scikit_learn_compute_with_tensors() -> None:
    """By the array API standard, under minidl's own name."""
    found = subprocess.run([sys.executable, "array_api_program.py"], capture_output=True, text=True,
                           env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=HERE)
    assert found.stdout == "15 of SciPy and 10 of scikit-learn\ngradients pass\n", found.stderr[-3000:]


@pytest.fixture(scope="module")
def on_minidl(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    path = tmp_path_factory.mktemp("timm") / "minidl.npz"
    run("timm_models.py", str(path))
    return dict(np.load(path))


@needs("timm", "yaml", "huggingface_hub")
def test_timm_s_architectures_run_forward_and_backward(on_minidl: dict[str, np.ndarray]) -> None:
    models = {key.partition("/")[0] for key in on_minidl}
    assert len(models) == 43
    for model in models:
        y, x, gradients = (on_minidl[f"{model}/{name}"] for name in ("y", "x", "gradients"))
        assert y.shape == (1, 10) and np.isfinite(y).all() and np.ptp(y) > 0, model
        assert np.isfinite(x).all() and np.abs(x).max() > 0, model
        assert on_minidl[f"{model}/missing"].size == 0 and np.isfinite(gradients).all(), model


@needs("timm", "yaml", "huggingface_hub", "torch", "torchvision")
def test_timm_s_architectures_give_what_they_give_on_pytorch(on_minidl: dict[str, np.ndarray], tmp_path: Path) -> None:
    program = ("import runpy, sys; sys.path.insert(0, '.'); from tests.vision.reference import torchvision; "
               "torchvision('transforms'); sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')")
    path = tmp_path / "torch.npz"
    subprocess.run([sys.executable, "-c", program, str(HERE / "timm_models.py"), str(path)], check=True, cwd=ROOT)
    for key, theirs in np.load(path).items():
        model, _, what = key.partition("/")
        # PyTorch 2.13's batch norm in evaluation mode has a wrong gradient where it comes with channels last; finite
        # differences say so
        if what == "missing" or what != "y" and model.startswith("xcit"):
            continue
        scale = np.abs(theirs).max()
        np.testing.assert_allclose(on_minidl[key] / scale, theirs / scale, rtol=1e-5, atol=1e-6, err_msg=key)
