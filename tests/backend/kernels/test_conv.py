"""Convolution kernels: generic and fast bodies against naive loops, PyTorch and the adjoint identity."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import minidl.backend.cpu  # noqa: F401  (registers the fast bodies)
from minidl.backend.kernels.conv import (
    ConvGeometry,
    conv2d_forward,
    conv2d_input_grad,
    conv2d_output_size,
    conv2d_weight_grad,
)
from tests import oracle

PLAIN = ConvGeometry((1, 1), (0, 0), (1, 1), 1)
TOLERANCE = {"float64": 1e-12, "float32": 1e-5, "float16": 4e-3}


def geometry(stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1) -> ConvGeometry:
    pairs = [value if isinstance(value, tuple) else (value, value) for value in (stride, padding, dilation)]
    return ConvGeometry(*pairs, groups)


# x shape, w shape, geometry: each line reaches a branch of its own
CASES = [
    ((2, 1, 7, 6), (3, 1, 3, 2), PLAIN),                                # few channels
    ((2, 3, 7, 6), (4, 3, 3, 3), geometry(2, (1, 2))),
    ((2, 9, 6, 5), (4, 9, 3, 3), geometry(1, 1)),                       # many channels, stride 1
    ((2, 9, 6, 5), (4, 9, 5, 5), PLAIN),                                # much smaller output: by patches
    ((3, 8, 9, 8), (5, 8, 3, 2), geometry((2, 3), (1, 0), (1, 2))),
    ((2, 9, 4, 5), (8, 9, 1, 1), PLAIN),                                # 1x1: no patches
    ((2, 9, 5, 5), (8, 9, 1, 1), geometry(2)),                          # inputs that no window reads
    ((2, 9, 3, 3), (8, 9, 1, 1), geometry(1, 1)),                       # padded further than it reaches
    ((2, 9, 3, 4), (8, 9, 2, 2), geometry(1, (0, 2))),
    ((2, 6, 6, 7), (6, 1, 3, 3), geometry(1, 1, 1, 6)),                 # depthwise
    ((2, 6, 7, 7), (6, 1, 3, 2), geometry(2, (2, 1), 2, 6)),
    ((2, 6, 5, 5), (12, 1, 3, 3), geometry(1, 1, 1, 6)),                # depthwise, two filters a channel
    ((2, 6, 5, 5), (4, 3, 3, 3), geometry(1, 1, 1, 2)),                 # groups
    ((0, 9, 5, 5), (4, 9, 3, 3), geometry(1, 1)),                       # no images
    ((0, 4, 5, 5), (4, 1, 3, 3), geometry(1, 1, 1, 4)),
]


def arrays(x_shape: Any, w_shape: Any, geo: ConvGeometry, dtype: Any = np.float64) -> Any:
    stream = np.random.default_rng(0)
    size = conv2d_output_size(x_shape[2:], w_shape[2:], geo)
    shapes = x_shape, w_shape, (x_shape[0], w_shape[0], *size)
    return tuple(stream.standard_normal(shape).astype(dtype) for shape in shapes)


def channels_last(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


def sliced(x: np.ndarray) -> np.ndarray:
    """The same values inside larger memory, one axis running backwards."""
    room = np.full([n * 2 for n in x.shape], 99, x.dtype)
    room[::2, ::2, ::2, ::-2] = x
    return room[::2, ::2, ::2, ::-2]


LAYOUTS = [np.ascontiguousarray, channels_last, sliced]


def close(actual: np.ndarray, expected: np.ndarray, dtype: Any) -> None:
    assert actual.dtype == dtype
    assert actual.shape == expected.shape
    bound = TOLERANCE[np.dtype(dtype).name]
    np.testing.assert_allclose(actual, expected, rtol=bound, atol=bound * (1 + np.abs(expected).max(initial=0)))


def test_by_hand() -> None:
    x = np.array([[[[1., 2., 3.], [4., 5., 6.], [7., 8., 9.]]]])
    w = np.array([[[[1., 0.], [0., -1.]]]])                  # each pixel minus its lower right neighbour
    np.testing.assert_array_equal(conv2d_forward(x, w, PLAIN), [[[[-4, -4], [-4, -4]]]])
    g = np.array([[[[1., 2.], [3., 4.]]]])
    np.testing.assert_array_equal(
        conv2d_input_grad(g, w, (3, 3), PLAIN), [[[[1, 2, 0], [3, 3, -2], [0, -3, -4]]]])
    np.testing.assert_array_equal(conv2d_weight_grad(x, g, (2, 2), PLAIN), [[[[37, 47], [67, 77]]]])


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_against_loops(case: Any, dtype: str) -> None:
    x, w, g = arrays(*case, dtype)
    geo = case[2]
    y, gx, gw = (
        oracle.conv2d(x, w, *geo),
        oracle.conv2d_input_grad(g, w, x.shape[2:], *geo),
        oracle.conv2d_weight_grad(x, g, w.shape[2:], *geo))
    for layout in LAYOUTS:
        a, b, c = layout(x), layout(w), layout(g)
        kept = a.copy(), b.copy(), c.copy()
        close(conv2d_forward(a, b, geo), y, dtype)
        close(conv2d_input_grad(c, b, x.shape[2:], geo), gx, dtype)
        close(conv2d_weight_grad(a, c, w.shape[2:], geo), gw, dtype)
        for array, before in zip((a, b, c), kept):
            np.testing.assert_array_equal(array, before)
    close(conv2d_forward.generic(x, w, geo), y, dtype)
    close(conv2d_input_grad.generic(g, w, x.shape[2:], geo), gx, dtype)
    close(conv2d_weight_grad.generic(x, g, w.shape[2:], geo), gw, dtype)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_against_torch(case: Any) -> None:
    torch = pytest.importorskip("torch")
    x, w, g = arrays(*case)
    tx, tw = (torch.tensor(a, requires_grad=True) for a in (x, w))
    y = torch.nn.functional.conv2d(tx, tw, None, *case[2])
    y.backward(torch.tensor(g))
    close(conv2d_forward(x, w, case[2]), y.detach().numpy(), "float64")
    close(conv2d_input_grad(g, w, x.shape[2:], case[2]), tx.grad.numpy(), "float64")
    close(conv2d_weight_grad(x, g, w.shape[2:], case[2]), tw.grad.numpy(), "float64")


def test_more_images_than_one_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minidl.backend.cpu.conv.BLOCK_BYTES", 1)
    for case in CASES[:11]:
        x, w, g = arrays(*case)
        geo = case[2]
        close(conv2d_forward(x, w, geo), conv2d_forward.generic(x, w, geo), "float64")
        close(conv2d_input_grad(g, w, x.shape[2:], geo),
              conv2d_input_grad.generic(g, w, x.shape[2:], geo), "float64")
        close(conv2d_weight_grad(x, g, w.shape[2:], geo),
              conv2d_weight_grad.generic(x, g, w.shape[2:], geo), "float64")


def test_results_are_channels_last_in_memory() -> None:
    x, w, g = arrays((2, 9, 6, 5), (4, 9, 3, 3), geometry(1, 1))
    for y in (conv2d_forward(x, w, geometry(1, 1)), conv2d_input_grad(g, w, (6, 5), geometry(1, 1))):
        assert y.transpose(0, 2, 3, 1).flags.c_contiguous


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_adjoint(data: st.DataObject) -> None:
    """<conv(x, w), g> == <x, input_grad(g, w)> == <w, weight_grad(x, g)>, whatever the geometry."""
    def pair(low: int, high: int) -> tuple[int, int]:
        number = st.integers(low, high)
        return data.draw(st.tuples(number, number))
    groups = data.draw(st.integers(1, 3))
    geo = ConvGeometry(pair(1, 3), pair(0, 3), pair(1, 2), groups)
    c, o = pair(1, 9)
    x_shape = (data.draw(st.integers(0, 3)), groups * c, *pair(1, 8))
    w_shape = (groups * o, c, *pair(1, 3))
    size = conv2d_output_size(x_shape[2:], w_shape[2:], geo)
    assume(min(size) >= 1)
    assert size == tuple(oracle.conv_length(*axis) for axis in zip(x_shape[2:], w_shape[2:], *geo[:3]))
    x, w, g = arrays(x_shape, w_shape, geo)
    layout = data.draw(st.sampled_from(LAYOUTS))
    forward = np.vdot(conv2d_forward(layout(x), w, geo), g)
    assert np.isclose(forward, np.vdot(x, conv2d_input_grad(layout(g), w, x.shape[2:], geo)), atol=1e-9)
    assert np.isclose(forward, np.vdot(w, conv2d_weight_grad(layout(x), layout(g), w.shape[2:], geo)), atol=1e-9)
