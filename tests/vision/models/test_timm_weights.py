"""Files of weights that timm writes load into the networks of the same keys, and give timm's scores."""
from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.vision import models
from tests.vision.reference import torchvision

SAME_KEYS = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x8d",
             "resnext101_64x4d", "wide_resnet50_2", "wide_resnet101_2", "densenet121", "densenet161", "densenet169",
             "densenet201"]


@pytest.fixture(scope="module")
def timm() -> Any:
    torchvision("ops")                      # declares what timm's import asks of it
    if importlib.util.find_spec("timm") is None:
        pytest.skip("timm is not installed")
    return importlib.import_module("timm")


@pytest.mark.parametrize("name", SAME_KEYS)
def test_keys_and_shapes(timm: Any, name: str) -> None:
    torch = pytest.importorskip("torch")
    with torch.device("meta"):
        there = timm.create_model(name).state_dict()
    here = models.get_model(name).state_dict()
    assert {key: tuple(value.shape) for key, value in here.items()} == \
        {key: tuple(value.shape) for key, value in there.items()}


@pytest.mark.parametrize("name, file", [("resnet18", "weights.pth"), ("resnet50", "weights.safetensors"),
                                        ("densenet121", "weights.safetensors")])
def test_scores_with_weights_from_a_file(timm: Any, tmp_path: Path, name: str, file: str) -> None:
    torch, safetensors = pytest.importorskip("torch"), pytest.importorskip("safetensors.torch")
    torch.manual_seed(0)
    there = timm.create_model(name, num_classes=7).eval()
    if file.endswith(".pth"):
        torch.save(there.state_dict(), tmp_path / file)
    else:
        safetensors.save_file(there.state_dict(), tmp_path / file)
    here = models.get_model(name, num_classes=7).eval()
    here.load_state_dict(minidl.load(tmp_path / file))
    x = np.random.default_rng(0).random((2, 3, 40, 40)).astype(np.float32)
    with minidl.no_grad(), torch.no_grad():
        expected, got = there(torch.tensor(x)).numpy(), here(minidl.tensor(x)).numpy()
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
