"""The pieces that the update kernels work in. The algorithms themselves are tested in tests/optim."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl.backend.kernels import update


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(update, "BLOCK", 8)


def array(shape: Any) -> np.ndarray:
    return np.zeros(shape, np.float32)


@pytest.mark.parametrize("a, b", [
    (array(30), array(30)),
    (array((5, 7)), array((5, 7))),
    (array((5, 7)).T, array((5, 7)).T),
    (array((5, 7)).T, array((7, 5))),
    (array((2, 3, 5)).transpose(1, 2, 0), array((2, 3, 5)).transpose(1, 2, 0)),
    (array((1, 40)), array((40, 1)).T),
    (array((10, 10))[::2, ::2], array((5, 5))),
    (array((3, 5))[::-1], array((3, 5))),
    (array((9, 1, 2)), array((9, 1, 2))),
    (array(()), array(())),
    (array((0, 3)), array((0, 3))),
    (array((0, 9)), array((9, 0)).T),
])
def test_blocks_cover_every_element_once(a: np.ndarray, b: np.ndarray) -> None:
    a[...] = np.arange(a.size, dtype="f").reshape(a.shape)
    b[...] = a
    before = a.copy()
    for x, missing, y, s, t in update.blocks(a, None, b):
        assert missing is None and x.size <= update.BLOCK
        assert x.shape == y.shape == s.shape == t.shape and s.dtype == t.dtype == x.dtype
        assert not np.shares_memory(s, t) and not np.shares_memory(s, a)
        np.testing.assert_array_equal(x, y)
        x += 1000
        y += 2000
    np.testing.assert_array_equal(a, before + 1000)
    np.testing.assert_array_equal(b, before + 2000)


def test_arrays_laid_out_alike_are_cut_along_memory() -> None:
    a = array((4, 6, 5)).transpose(2, 0, 1)
    assert all(x.ndim == 1 and x.flags.c_contiguous for x, *_ in update.blocks(a))
