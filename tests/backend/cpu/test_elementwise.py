"""The pieces that elementwise kernels and the optimizers work in."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from minidl.backend.cpu import elementwise
from minidl.backend.cpu.elementwise import have_same_layout, in_blocks
from minidl.backend.kernel import bodies, kernel, registry
from minidl.optim.sgd import SGDSettings, sgd_update


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elementwise, "BLOCK_SIZE", 8)
    monkeypatch.setattr(elementwise, "PARALLEL_SIZE", 0)


def array(shape: Any) -> np.ndarray:
    return np.zeros(shape, np.float32)


@pytest.mark.parametrize("a, b", [
    (array(30), array(30)),
    (array((5, 7)), array((5, 7))),
    (array((5, 7)).T, array((5, 7)).T),
    (array((2, 3, 5)).transpose(1, 2, 0), array((2, 3, 5)).transpose(1, 2, 0)),
    (array((1, 40)), array((40, 1)).T),
    (array((9, 1, 2)), array((9, 1, 2))),
    (array(()), array(())),
    (array((0, 3)), array((0, 3))),
])
def test_blocks_cover_every_element_once(a: np.ndarray, b: np.ndarray) -> None:
    assert have_same_layout([a, None, b], min_size=0)
    a[...] = np.arange(a.size, dtype="f").reshape(a.shape)
    b[...] = a
    before = a.copy()

    def some(x: np.ndarray, missing: None, y: np.ndarray) -> None:
        assert missing is None and x.ndim == 1 and x.flags.c_contiguous and x.size <= 8
        np.testing.assert_array_equal(x, y)
        x += 1000
        y += 2000

    in_blocks(some, [a, None, b])
    np.testing.assert_array_equal(a, before + 1000)
    np.testing.assert_array_equal(b, before + 2000)


@pytest.mark.parametrize("a, b", [
    (array((5, 7)).T, array((7, 5))),
    (array((10, 10))[::2, ::2], array((5, 5))),
    (array((3, 5))[::-1], array((3, 5))),
])
def test_other_layouts_are_left_whole(a: np.ndarray, b: np.ndarray) -> None:
    assert not have_same_layout([a, b], min_size=0)
    b[...] = 1
    sgd_update(a, b, None, SGDSettings(0.5, 0.0, 0.0, 0.0, False, False))
    np.testing.assert_array_equal(a, np.full_like(a, -0.5))


@pytest.mark.parametrize("a", [
    array((6, 5, 9))[..., 2:6],
    array((6, 9))[:, :4],
    array((2, 5, 9))[:, 1:3].transpose(1, 0, 2),
    array((3, 9, 4, 5)).transpose(0, 3, 1, 2)[:, 1:3],
    array((1, 4, 7))[..., 3:],
])
def test_blocks_of_slices_have_no_gaps(a: np.ndarray) -> None:
    a[...] = np.arange(a.size, dtype="f").reshape(a.shape)
    y = np.empty_like(a)
    assert have_same_layout([a, None, y], min_size=0, gaps=True) and not have_same_layout([a, y], min_size=0)

    def copy(x: np.ndarray, missing: None, y: np.ndarray) -> None:
        assert missing is None and x.ndim == 1 and x.flags.c_contiguous
        y[...] = x

    in_blocks(copy, [a, None, y])
    np.testing.assert_array_equal(y, a)


@pytest.mark.parametrize("a", [
    array((6, 9))[:, ::2], array((6, 9))[::-1], np.broadcast_to(array(9), (6, 9)),
    np.broadcast_to(array((6, 1)), (6, 9)), np.lib.stride_tricks.sliding_window_view(array(9), 4)])
def test_what_is_no_slice_is_left_whole(a: np.ndarray) -> None:
    assert not have_same_layout([a], min_size=0, gaps=True)


# ---------------------------------------------------------------------- a kernel declares itself elementwise

@pytest.fixture
def declared() -> Iterator[None]:
    """What a test declares is taken out of the registry afterwards."""
    before = set(registry)
    yield
    for name in set(registry) - before:
        del registry[name], bodies[name]


@pytest.mark.usefixtures("declared")
@pytest.mark.parametrize("results", [0, 1, 2])
def test_an_elementwise_kernel_works_in_blocks_from_its_declaration_on(results: int) -> None:
    sizes = []

    @kernel(elementwise=True, results=results)
    def multiples(x: np.ndarray, missing: None, by: float) -> Any:
        assert missing is None
        sizes.append(x.size)
        if results == 0:
            x *= by
        return None if results == 0 else x * by if results == 1 else (x * by, x * by * by)

    x = np.arange(20, dtype="f").reshape(4, 5).T
    start = x.copy()
    found = multiples(x, None, 3.0)
    assert sorted(sizes) == [4, 8, 8]
    for power, y in enumerate([x] if results == 0 else [found] if results == 1 else found, 1):
        np.testing.assert_array_equal(y, start * 3 ** power)
        assert y.strides == x.strides


@pytest.mark.usefixtures("declared")
def test_other_kernels_get_their_arrays_whole() -> None:
    @kernel
    def total(x: np.ndarray) -> Any:
        return x.sum()

    assert not total.bodies.all and total(np.ones((4, 5), "f")) == 20
