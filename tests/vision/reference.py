"""torchvision, where it is installed, as the oracle of data sets and transforms."""
from __future__ import annotations

import importlib
import importlib.util
import re
from typing import Any

import pytest


def torchvision(part: str) -> Any:
    """A module of torchvision; skips where it is missing.

    Data sets and transforms need none of its compiled part, which may have been built for another PyTorch.
    """
    torch = pytest.importorskip("torch")
    if importlib.util.find_spec("torchvision") is None:
        pytest.skip("torchvision is not installed")
    while True:
        try:
            return importlib.import_module(f"torchvision.{part}")
        except RuntimeError as error:       # it is declared then, and never called
            missing = re.fullmatch(r"operator torchvision::(\w+) does not exist", str(error))
            if missing is None:
                raise
            _LIBRARY.append(torch.library.Library("torchvision", "FRAGMENT"))
            _LIBRARY[-1].define(f"{missing[1]}(Tensor x) -> Tensor")


def compiled(part: str) -> Any:
    """A module of torchvision that needs its compiled part; skips where that cannot be loaded."""
    module = torchvision(part)
    torch = pytest.importorskip("torch")
    if not importlib.import_module("torchvision.extension")._has_ops() or not hasattr(torch.ops.image, "decode_png"):
        pytest.skip("the compiled part of torchvision cannot be loaded")
    return module


_LIBRARY: list[Any] = []      # what is declared in them goes with them
