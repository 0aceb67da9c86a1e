"""A device is made of a name, or of a device, as in PyTorch."""
from __future__ import annotations

import pytest

import minidl


def test_a_device_of_a_device() -> None:
    assert minidl.device(minidl.device("cpu")) == minidl.device("cpu") == minidl.device(type="cpu")
    again = minidl.device(minidl.device("cuda:1"))
    assert (again.type, again.index) == ("cuda", 1) and hash(again) == hash(minidl.device("cuda", 1))
    with pytest.raises(RuntimeError, match="Expected one of .* device type"):
        minidl.device("npu")
