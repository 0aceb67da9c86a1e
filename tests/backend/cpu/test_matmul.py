"""Products in pieces: what NumPy's own product gives, in its dtype, on one thread and on several."""
from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import minidl
from minidl.backend.kernels.matmul import matmul


@pytest.fixture(params=[1, 3], autouse=True)
def team(request: pytest.FixtureRequest) -> Iterator[None]:
    before = minidl.get_num_threads()
    minidl.set_num_threads(request.param)
    yield
    minidl.set_num_threads(before)


@pytest.mark.parametrize("size", [(20, 30_001, 20), (30_001, 20, 20), (60, 4001, 50), (3, 60_001, 2), (300, 200, 150),
                                  (300, 801, 10), (130, 801, 17)])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "int64", "int32", "int16", "uint8", "bool"])
def test_every_dtype(dtype: str, order: str, size: tuple[int, int, int]) -> None:
    (M, K, N), rng = size, np.random.default_rng(0)
    a, b = [np.asarray(rng.integers(-3, 4, shape).astype(dtype), order=order) for shape in ((M, K), (K, N))]
    np.testing.assert_array_equal(matmul(a, b), a @ b, strict=True)     # sums of small integers are exact in any order
