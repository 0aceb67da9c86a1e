"""torchmetrics, where it is installed, as an oracle."""
from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import pytest

from tests.vision.reference import torchvision


def torchmetrics(part: str) -> Any:
    """A module of torchmetrics; skips where it is missing."""
    pytest.importorskip("torch")
    if importlib.util.find_spec("torchmetrics") is None:
        pytest.skip("torchmetrics is not installed")
    if importlib.util.find_spec("torchvision") is not None:
        torchvision("ops")          # torchmetrics imports it where it is found
    return importlib.import_module(f"torchmetrics.{part}")
