"""`testing.assert_close`: what passes in PyTorch passes here, and the same errors elsewhere."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from tests.checking import torch

PASSES = ["lib.ones(2), lib.ones(2)", "lib.ones(2), lib.ones(2).double(), check_dtype=False", "1.0, 1.0 + 1e-9",
          "{'a': 1}, {'a': 1}", "[1, lib.ones(2)], [1, lib.ones(2)]",
          "lib.ones(2), lib.ones(2) + 1e-3, rtol=1e-2, atol=0",
          "lib.tensor(float('nan')), lib.tensor(float('nan')), equal_nan=True", "None, None", "True, True",
          "lib.tensor([float('inf')]), lib.tensor([float('inf')])", "lib.ones(0), lib.ones(0)", "1 + 1j, 1 + 1j",
          "np.ones(2), np.ones(2)", "lib.ones(2), lib.ones(2) + 1e-6",
          "lib.ones(2).half(), lib.ones(2).half() * 1.0005",
          "lib.arange(3), lib.arange(3)", "lib.ones(3, 2).t(), lib.ones(2, 3)", "1, 1.0, check_dtype=False",
          "np.float64(1), 1.0"]
FAILS = ["lib.ones(2), lib.zeros(2)", "lib.ones(2), lib.ones(3)", "lib.ones(2), lib.ones(2).double()", "[1, 2], [1, 3]",
         "{'a': 1}, {'b': 1}", "[1], [1, 2]", "lib.tensor(float('nan')), lib.tensor(float('nan'))", "None, 1",
         "lib.tensor([float('inf')]), lib.tensor([1.0])", "lib.arange(3), lib.arange(3) + 1", "2 ** 62, 2 ** 62 + 1",
         "lib.ones(2), lib.ones(2) + 1e-3", "lib.ones(3, 2).t(), lib.ones(2, 3), check_stride=True",
         "lib.tensor([1.0]), lib.tensor([float('inf')])", "True, False", "1, 1.0", "{'a': 1.0}, {'a': 1 + 0j}"]


def check(text: str, lib: Any) -> None:
    eval(f"lib.testing.assert_close({text})", {"lib": lib, "np": np})


LIBRARIES = [minidl, *([torch] if torch else [])]


@pytest.mark.parametrize("text", PASSES)
def test_close(text: str) -> None:
    for lib in LIBRARIES:
        check(text, lib)


@pytest.mark.parametrize("text", FAILS)
def test_not_close(text: str) -> None:
    for lib in LIBRARIES:
        with pytest.raises(AssertionError):
            check(text, lib)


@pytest.mark.parametrize("text, kind", [
    ("1, lib.ones(1)", TypeError), ("1.0, 1.0, rtol=1", ValueError), ("1, object()", TypeError)])
def test_refused(text: str, kind: type[Exception]) -> None:
    for lib in LIBRARIES:
        with pytest.raises(kind):
            check(text, lib)


def test_the_error_says_where_and_how_much() -> None:
    with pytest.raises(AssertionError, match=(
            r"(?s)Mismatched elements: 1 / 4 \(25.0%\).*Greatest absolute difference: 2.0 at index \(1, 0\).*"
            r"Greatest relative difference: 2.0 at index.*\['w'\]\[0\]")):
        minidl.testing.assert_close({"w": [minidl.tensor([[1.0, 1], [3, 1]])]}, {"w": [minidl.ones(2, 2)]})


def test_the_text_can_be_ones_own() -> None:
    with pytest.raises(AssertionError, match="^mine$"):
        minidl.testing.assert_close(1, 2, msg="mine")
    with pytest.raises(AssertionError, match="^mine: Scalars are not equal"):
        minidl.testing.assert_close(1, 2, msg=lambda text: f"mine: {text}")
