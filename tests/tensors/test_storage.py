"""What is asked of a tensor's memory, against PyTorch's."""
from __future__ import annotations

import sys
from typing import Any

import pytest

import minidl

try:
    import torch
except ImportError:
    torch = None


def seen(lib: Any) -> list[Any]:
    x = lib.zeros(4, 3)
    part = x[1:, ::2].untyped_storage()
    return [part.nbytes(), part.size(), len(part), part.data_ptr() == x.data_ptr(), str(part.device),
            sys.getsizeof(part) >= 48, x.clone().untyped_storage().data_ptr() == x.data_ptr()]


def test_size_and_address() -> None:
    assert seen(minidl) == [48, 48, 48, True, "cpu", True, False]


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
def test_size_and_address_are_pytorch_s() -> None:
    assert seen(minidl) == seen(torch)
