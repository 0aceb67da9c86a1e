"""Pooling kernels: generic and fast bodies against naive loops and PyTorch."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import minidl.backend.cpu  # noqa: F401  (registers the fast bodies)
from minidl.backend.kernels.pool import (
    PoolGeometry,
    adaptive_max_pool2d_forward,
    avg_pool2d_forward,
    avg_pool2d_scatter,
    max_pool2d_forward,
    max_pool2d_gather,
    max_pool2d_scatter,
    pool2d_output_size,
)
from tests import oracle
from tests.backend.kernels.test_conv import LAYOUTS, channels_last

INF, NAN = float("inf"), float("nan")


def geometry(kernel: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
             ceil_mode: bool = False) -> PoolGeometry:
    values = kernel, kernel if stride is None else stride, padding, dilation
    pairs = [value if isinstance(value, tuple) else (value, value) for value in values]
    return PoolGeometry(*pairs, ceil_mode)


CASES = [
    ((2, 3, 6, 8), geometry(2)),
    ((2, 3, 7, 7), geometry(2)),
    ((2, 3, 7, 7), geometry(3, 2, 1)),
    ((2, 3, 7, 5), geometry((3, 2), (1, 2), (1, 0))),
    ((2, 3, 7, 7), geometry(2, ceil_mode=True)),
    ((2, 3, 5, 6), geometry(3, 3, 1, ceil_mode=True)),
    ((2, 3, 6, 6), geometry(2, 5, 1, ceil_mode=True)),      # the last window would start in the padding
    ((2, 3, 9, 8), geometry(3, 2, 1, 2)),
    ((2, 3, 9, 8), geometry((2, 3), 2, 1, (3, 2), ceil_mode=True)),
    ((1, 2, 17, 18), geometry(17)),                         # more than 256 taps
    ((0, 3, 6, 6), geometry(2)),
]
AVERAGES = [case for case in CASES if case[1].dilation == (1, 1)]


def images(shape: Any, dtype: Any = np.float64) -> np.ndarray:
    """Small whole numbers: many ties."""
    return np.random.default_rng(0).integers(-3, 4, shape).astype(dtype)


def max_pool_agrees(x: np.ndarray, geo: PoolGeometry) -> None:
    y, indices = oracle.max_pool2d(x, *geo)
    for forward in (max_pool2d_forward, max_pool2d_forward.generic):
        for layout in LAYOUTS:
            actual, positions = forward(layout(x), geo)
            np.testing.assert_array_equal(actual, y, strict=True)
            np.testing.assert_array_equal(positions, indices, strict=True)


def test_by_hand() -> None:
    x = np.array([[[[1., 5., 2.], [7., 7., 0.], [3., 4., 9.]]]])
    y, indices = max_pool2d_forward(x, geometry(2, 1))
    np.testing.assert_array_equal(y, [[[[7, 7], [7, 9]]]])
    np.testing.assert_array_equal(indices, [[[[3, 4], [3, 8]]]])      # of equals, the first
    g = np.array([[[[1., 10.], [100., 1000.]]]])
    np.testing.assert_array_equal(
        max_pool2d_scatter(g, indices, (3, 3)), [[[[0, 0, 0], [101, 10, 0], [0, 0, 1000]]]])
    np.testing.assert_array_equal(avg_pool2d_forward(x, geometry(2, 1), True, None), [[[[5, 3.5], [5.25, 5]]]])


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_max_pool(case: Any, dtype: str) -> None:
    max_pool_agrees(images(case[0], dtype), case[1])


@pytest.mark.parametrize("values", [[NAN, 1, 2, 0], [1, NAN, INF, NAN], [-INF] * 4, [INF, -INF, INF, NAN]], ids=str)
def test_max_pool_of_special_values(values: Any) -> None:
    x = np.resize(np.array(values), (1, 2, 5, 5))
    max_pool_agrees(x, geometry(3, 2, 1))
    max_pool_agrees(x, geometry(2, 2, 1, 2, ceil_mode=True))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_scatter_and_gather(case: Any) -> None:
    x = np.random.default_rng(1).standard_normal(case[0])
    y, indices = max_pool2d_forward(x, case[1])
    np.testing.assert_array_equal(max_pool2d_gather(x, indices), y)
    g = np.random.default_rng(2).standard_normal(y.shape).astype(np.float32)
    expected = np.zeros(x.shape, np.float64)
    for n, c, i, j in np.ndindex(g.shape):
        expected[n, c].flat[indices[n, c, i, j]] += g[n, c, i, j]
    for scatter in (max_pool2d_scatter, max_pool2d_scatter.generic):
        for layout in LAYOUTS:
            actual = scatter(layout(g), layout(indices), x.shape[2:])
            assert actual.dtype == np.float32
            np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("output_size", [(1, 1), (2, 3), (3, 2), (5, 7), (4, 7), (8, 9), (0, 2)], ids=str)
def test_adaptive_max_pool(output_size: Any) -> None:
    for x in (images((2, 3, 5, 7)), np.where(images((2, 3, 5, 7)) == 2, NAN, 1.0)):
        y, indices = oracle.adaptive_max_pool2d(x, output_size)
        for layout in LAYOUTS:
            actual, positions = adaptive_max_pool2d_forward(layout(x), output_size)
            np.testing.assert_array_equal(actual, y, strict=True)
            np.testing.assert_array_equal(positions, indices, strict=True)


@pytest.mark.parametrize("dtype,bound", [("float64", 1e-12), ("float32", 1e-5), ("float16", 2e-3)])
@pytest.mark.parametrize("include_pad,divisor", [(True, None), (False, None), (True, 7)])
@pytest.mark.parametrize("case", AVERAGES, ids=str)
def test_avg_pool(case: Any, include_pad: bool, divisor: Any, dtype: str, bound: float) -> None:
    (shape, geo) = case
    x = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    expected = oracle.avg_pool2d(x, geo.kernel, geo.stride, geo.padding, geo.ceil_mode, include_pad, divisor)
    for layout in LAYOUTS:
        y = avg_pool2d_forward(layout(x), geo, include_pad, divisor)
        assert y.dtype == dtype
        np.testing.assert_allclose(y, expected, rtol=bound, atol=bound)
    g = np.random.default_rng(1).standard_normal(y.shape).astype(dtype)
    gx = avg_pool2d_scatter(g, shape[2:], geo, include_pad, divisor)
    assert gx.dtype == dtype and gx.shape == x.shape
    inner = np.vdot(expected, g.astype(np.float64))
    assert np.isclose(np.vdot(x.astype(np.float64), gx.astype(np.float64)), inner, rtol=10 * bound, atol=10 * bound)


def test_results_keep_the_layout() -> None:
    x = channels_last(images((2, 3, 6, 6)))
    y, indices = max_pool2d_forward(x, geometry(2))
    results = [y, indices, max_pool2d_scatter(y, indices, (6, 6)), avg_pool2d_forward(x, geometry(2), True, None),
               avg_pool2d_scatter(y, (6, 6), geometry(2), True, None)]
    for result in results:
        assert result.transpose(0, 2, 3, 1).flags.c_contiguous


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_geometry_against_torch(data: st.DataObject) -> None:
    torch = pytest.importorskip("torch")

    def pair(low: int, high: int) -> tuple[int, int]:
        number = st.integers(low, high)
        return data.draw(st.tuples(number, number))
    kernel = pair(1, 4)
    padding = tuple(data.draw(st.integers(0, k // 2)) for k in kernel)
    geo = PoolGeometry(kernel, pair(1, 5), padding, pair(1, 2), data.draw(st.booleans()))
    size = pair(1, 9)
    reach = [n + 2 * p - d * (k - 1) for n, p, d, k in zip(size, padding, geo.dilation, kernel)]
    assume(min(reach) >= 1)
    x = torch.tensor(images((2, 2, *size)), requires_grad=True)
    y, indices = torch.nn.functional.max_pool2d(x, *geo[:4], ceil_mode=geo.ceil_mode, return_indices=True)
    assert pool2d_output_size(size, geo) == tuple(y.shape[2:])
    actual, positions = max_pool2d_forward(x.detach().numpy(), geo)
    np.testing.assert_array_equal(actual, y.detach().numpy())
    np.testing.assert_array_equal(positions, indices.numpy())
    if geo.dilation == (1, 1):
        include_pad = data.draw(st.booleans())
        y = torch.nn.functional.avg_pool2d(x, *geo[:3], geo.ceil_mode, include_pad)
        g = np.random.default_rng(3).standard_normal(y.shape)
        y.backward(torch.tensor(g))
        np.testing.assert_allclose(
            avg_pool2d_forward(x.detach().numpy(), geo, include_pad, None), y.detach().numpy(), atol=1e-12)
        np.testing.assert_allclose(
            avg_pool2d_scatter(g, size, geo, include_pad, None), x.grad.numpy(), atol=1e-12)
