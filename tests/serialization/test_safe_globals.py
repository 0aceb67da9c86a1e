"""`load(weights_only=False)` and `add_safe_globals`: what comes from a PyTorch file, and what is still refused."""
from __future__ import annotations

import argparse
import io
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.serialization import LoadError
from tests.checking import torch

pytestmark = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")


def saved(value: Any) -> io.BytesIO:
    stream = io.BytesIO()
    torch.save(value, stream)
    stream.seek(0)
    return stream


class Harmful:
    def __reduce__(self) -> Any:
        return print, ("gotcha",)


@pytest.mark.parametrize("value", [
    np.arange(6.0).reshape(2, 3), np.asfortranarray(np.ones((2, 3), "f4")), np.array(["a", "bc"]), np.float64(2),
    np.int32(3), np.zeros(0), {1, 2}], ids=repr)
def test_arrays_numbers_and_sets(value: Any) -> None:
    found = minidl.load(saved([value, torch.ones(2)]), weights_only=False)[0]
    assert type(found) is type(value)
    np.testing.assert_array_equal(found, value) if not isinstance(value, set) else None
    assert not isinstance(value, set) or found == value
    with pytest.raises(LoadError, match="refuses `"):
        minidl.load(saved([value]))


def test_a_class_that_was_named() -> None:
    config = argparse.Namespace(lr=0.1, w=torch.ones(2))
    for options in ({}, {"weights_only": False}):
        with pytest.raises(LoadError, match=r"refuses `argparse.Namespace`.*add_safe_globals\(\[Namespace\]\)"):
            minidl.load(saved(config), **options)
        with minidl.serialization.safe_globals([argparse.Namespace]):
            found = minidl.load(saved({"args": config}), **options)["args"]
        assert type(found) is argparse.Namespace and found.lr == 0.1 and found.w.tolist() == [1, 1]
    assert minidl.serialization.get_safe_globals() == []


@pytest.mark.parametrize("value, text", [
    (Harmful(), "refuses `__builtin__.print`"), (np.array([{}], object), "refuses the NumPy dtype 'O8'"),
    (np.zeros(1, ">f4"), "byte order")])
def test_no_code_is_run(value: Any, text: str, capsys: Any) -> None:
    with pytest.raises(LoadError, match=text):
        minidl.load(saved(value), weights_only=False)
    assert capsys.readouterr().out == ""
