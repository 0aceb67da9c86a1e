"""What a tensor looks like: PyTorch's format, character by character, but for the names of dtypes and of grad_fn."""
import re

import numpy as np
import pytest

import minidl

try:
    import torch
except ImportError:
    torch = None

RANDOM = np.random.default_rng(0)
SHAPES = [(), (1,), (0,), (2, 0, 3), (3,), (50,), (2, 3), (2, 2, 2), (7, 30), (1001,), (2, 600), (11, 11, 11),
          (1200, 1)]
NUMBERS = {
    "normal": lambda r: r,
    "whole": lambda r: np.round(r * 5),
    "large": lambda r: r * 1e6,
    "larger": lambda r: np.round(r * 1e9),
    "small": lambda r: r * 1e-6, "of all sizes": lambda r: r * 10.0 ** RANDOM.integers(-8, 8, r.shape),
    "zero": lambda r: r * 0, "not numbers": lambda r: r * np.nan, "some nan": lambda r: np.where(r > 0.5, np.nan, r),
    "infinite": lambda r: np.where(abs(r) > 0.5, r * np.inf, np.round(r * 3)),
}


def test_by_hand():
    assert repr(minidl.tensor([[1.0, -2.5], [100.0, 0.0]])) == ("tensor([[  1.0000,  -2.5000],\n"
                                                                "        [100.0000,   0.0000]])")
    assert repr(minidl.tensor([1, -20])) == "tensor([  1, -20])"
    assert repr(minidl.tensor([1.0], requires_grad=True)) == "tensor([1.], requires_grad=True)"
    assert repr(minidl.zeros(2, dtype=minidl.float64)) == "tensor([0., 0.], dtype=float64)"


def test_a_line_of_zeros_holds_as_many_as_in_pytorch():
    assert repr(minidl.zeros(25)) == "tensor([" + "0., " * 23 + "0.,\n        0.])"


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("numbers", NUMBERS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_as_pytorch(shape, numbers):
    values = np.asarray(NUMBERS[numbers](RANDOM.standard_normal(shape)))
    for dtype in ("float32", "float64", "float16", "int64", "bool"):
        with np.errstate(all="ignore"):
            array = values.astype(dtype)
        ours, theirs = repr(minidl.tensor(array)), repr(torch.tensor(array)).replace("torch.", "")
        assert re.sub(r",\s+dtype", ", dtype", ours) == re.sub(r",\s+dtype", ", dtype", theirs)    # a shorter name fits
    made = [library.tensor(values.astype("float32"), requires_grad=True) * 1 for library in (minidl, torch)]
    ours, theirs = (re.sub(r",\s+grad_fn=<.*>", "", repr(x)) for x in made)
    assert ours == theirs
