"""Memory shared with NumPy, PyTorch and a library of this file's, both ways."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl.backend.narrow import ITEMSIZE
from tests.checking import torch

DTYPES = ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
          "bool", "complex64", "complex128"]
needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")


@pytest.mark.parametrize("dtype", DTYPES)
def test_numpy_both_ways(dtype: str) -> None:
    array = np.arange(6).reshape(2, 3).astype(dtype)
    x = minidl.from_dlpack(array)
    assert x.dtype.name == dtype and x.tolist() == array.tolist()
    back = np.from_dlpack(minidl.tensor(array).T)
    assert back.dtype == dtype and back.tolist() == array.T.tolist()


@needs_torch
@pytest.mark.parametrize("dtype", DTYPES)
def test_torch_both_ways(dtype: str) -> None:
    theirs = torch.arange(6).reshape(2, 3).to(getattr(torch, dtype))
    for change in (lambda t: t, lambda t: t.T, lambda t: t[:, 1:], lambda t: t[0, 0], lambda t: t[:0]):
        assert minidl.from_dlpack(change(theirs)).tolist() == change(theirs).tolist()
        ours = minidl.from_dlpack(theirs)
        assert torch.equal(torch.from_dlpack(change(ours)), change(theirs))


@needs_torch
def test_memory_is_shared_both_ways() -> None:
    theirs = torch.zeros(3)
    ours = minidl.from_dlpack(theirs, device="cpu", copy=False)
    theirs[0], ours[1] = 1.0, 2.0
    assert theirs.tolist() == ours.tolist() == [1, 2, 0]
    copied = minidl.from_dlpack(theirs, copy=True)
    copied[0] = 9.0
    assert theirs[0] == 1
    again = torch.from_dlpack(ours)
    again[2] = 3.0
    assert ours[2] == 3
    assert torch.from_dlpack(ours, copy=True).data_ptr() != ours.data_ptr()


@needs_torch
@pytest.mark.parametrize("name", ITEMSIZE)
def test_narrow_numbers_become_float32(name: str) -> None:
    theirs = torch.linspace(-3, 3, 24).reshape(4, 6).to(getattr(torch, name))
    for part in (theirs, theirs.T, theirs[1::2, ::3], theirs[0, 0], theirs[:0]):
        ours = minidl.from_dlpack(part)
        assert ours.dtype == minidl.float32 and ours.tolist() == part.float().tolist()
    capsule = minidl.from_dlpack(torch.utils.dlpack.to_dlpack(theirs))
    assert capsule.tolist() == theirs.float().tolist()
    with pytest.raises(ValueError, match="can't share the memory of this Tensor in a tensor of float32"):
        minidl.from_dlpack(theirs, copy=False)


@needs_torch
@pytest.mark.filterwarnings("ignore:ComplexHalf support")
def test_dtypes_that_no_tensor_can_have() -> None:
    with pytest.raises(TypeError, match="this Tensor has a dtype that numpy cannot read .*; make it float32 first"):
        minidl.from_dlpack(torch.zeros(2, dtype=torch.complex32))


def test_to_another_device_is_a_copy() -> None:
    array = np.ones(2)
    assert minidl.from_dlpack(array, device="strict").device.type == "strict"
    with pytest.raises(ValueError, match="in a tensor of float64 on strict; try copy=None"):
        minidl.from_dlpack(array, device="strict", copy=False)


class Elsewhere:
    """An array of another library, as the protocol shows it. It counts what it is asked for."""

    def __init__(self, array: np.ndarray) -> None:
        self.array, self.asked = array, []      # type: ignore[var-annotated]

    def __dlpack__(self, **arguments: Any) -> Any:
        self.asked.append(arguments)
        return self.array.__dlpack__(**arguments)

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()


def test_a_library_is_asked_once() -> None:
    other = Elsewhere(np.arange(3))
    assert minidl.from_dlpack(other).tolist() == [0, 1, 2] and len(other.asked) == 1


def test_what_a_consumer_may_ask_of_a_tensor() -> None:
    x = minidl.arange(3.0)
    for arguments in ({"stream": None}, {"max_version": (1, 0)}, {"dl_device": (1, 0)}, {"copy": True}):
        assert "dltensor" in repr(x.__dlpack__(**arguments))
    assert x.__dlpack_device__() == (1, 0)
    shared, copied = (minidl.from_dlpack(x.__dlpack__(copy=copy)) for copy in (False, True))
    x[0] = 5.0
    assert shared[0] == 5 and copied[0] == 0
    with pytest.raises(BufferError, match="require gradient"):
        minidl.ones(2, requires_grad=True).__dlpack__()
