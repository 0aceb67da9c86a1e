"""Stochastic depth and DropBlock: the numbers are random, but all else about them is not."""
from __future__ import annotations

import copy

import numpy as np
import pytest

import minidl
from minidl.vision import ops
from tests import strict_array


@pytest.mark.parametrize("mode, rows", [("row", 1000), ("batch", 1)])
def test_stochastic_depth(mode, rows):
    minidl.manual_seed(0)
    x = minidl.ones(1000, 2, 3, requires_grad=True)
    shares = []
    for _ in range(1000 // rows):
        y = ops.stochastic_depth(x, 0.25, mode)
        samples = y.detach().reshape(rows, -1)
        assert bool((samples == samples[:, :1]).all())      # all of a sample, or of the batch
        assert set(samples[:, 0].tolist()) <= {0.0, float(np.float32(1 / 0.75))}
        shares.append((samples[:, 0] == 0).float().mean().item())
    assert np.mean(shares) == pytest.approx(0.25, abs=0.05)
    y.sum().backward()
    assert x.grad.tolist() == y.tolist()


def test_drop_block_drops_every_square_that_was_drawn():
    """Against loops, for the same random numbers."""
    x, p = minidl.rand(2, 3, 7, 6, dtype=minidl.float64), 0.3
    for size in (1, 2, 3, 4, 6, 9):
        side = min(size, 6)
        rows, columns = 7 - side + 1, 6 - side + 1
        minidl.manual_seed(5)
        corners = minidl.rand(2, 3, rows, columns).numpy() < p * 42 / (side ** 2 * rows * columns)
        expected = np.ones(x.shape)
        for n, c, i, j in zip(*corners.nonzero()):
            expected[n, c, i:i + side, j:j + side] = 0
        minidl.manual_seed(5)
        y = ops.drop_block2d(x, p, size)
        np.testing.assert_allclose(y.numpy(), x.numpy() * expected * expected.size / (expected.sum() + 1e-6), rtol=1e-9)


@pytest.mark.parametrize("size", [1, 3, 5, 7])
def test_cubes_cover_what_their_corners_say(size):
    minidl.manual_seed(0)
    x, p = minidl.randn(2, 3, 5, 7, 6, dtype=minidl.float64), 0.3
    side = min(size, 5)
    places = [n - side + 1 for n in (5, 7, 6)]
    minidl.manual_seed(5)
    corners = minidl.rand(2, 3, *places).numpy() < p * 210 / (side ** 3 * np.prod(places))
    expected = np.ones(x.shape)
    for n, c, d, i, j in zip(*corners.nonzero()):
        expected[n, c, d:d + side, i:i + side, j:j + side] = 0
    minidl.manual_seed(5)
    y = ops.drop_block3d(x, p, size)
    np.testing.assert_allclose(y.numpy(), x.numpy() * expected * expected.size / (expected.sum() + 1e-6), rtol=1e-9)


def test_drop_block_drops_about_the_share_it_says():
    minidl.manual_seed(0)
    y = ops.drop_block2d(minidl.ones(20, 50, 16, 16), 0.1, 3)
    assert (y == 0).float().mean().item() == pytest.approx(0.1, abs=0.01)
    assert y.mean().item() == pytest.approx(1.0, rel=1e-4)


def test_gradients_pass_where_values_did():
    minidl.manual_seed(0)
    x = minidl.ones(2, 3, 8, 8, requires_grad=True)
    y = ops.drop_block2d(x, 0.3, 3)
    y.backward(minidl.ones_like(y) * 2)
    assert bool((x.grad == y.detach() * 2).all()) and bool((x.grad == 0).any())


def test_in_place():
    x = minidl.ones(2, 3, 8, 8)
    assert ops.drop_block2d(x, 0.5, 3, inplace=True) is x and bool((x == 0).any())


def test_extremes():
    x = minidl.randn(2, 3, 4, 4)
    assert ops.drop_block2d(x, 0.0, 2) is x and ops.stochastic_depth(x, 0.0, "row") is x
    assert ops.drop_block2d(x, 0.5, 2, training=False) is x and ops.stochastic_depth(x, 0.5, "row", training=False) is x
    assert not ops.drop_block2d(x, 1.0, 4).any().item() and not ops.stochastic_depth(x, 1.0, "batch").any().item()
    assert ops.stochastic_depth(minidl.ones(0, 3), 0.5, "row").shape == (0, 3)
    assert ops.stochastic_depth(minidl.tensor(1.0), 0.5, "batch").shape == ()
    for shape in ((0, 1, 3, 3), (1, 1, 0, 3)):
        assert ops.drop_block2d(minidl.ones(shape), 0.5, 2).shape == shape


def test_large_maps_in_half_precision():
    """Their pixels are more than the largest float16 can count."""
    minidl.manual_seed(0)
    y = ops.drop_block2d(minidl.ones(2, 2, 256, 256).half(), 0.1, 3)
    assert y.dtype == minidl.float16 and y.float().mean().item() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("layer, function", [
    (ops.StochasticDepth(0.5, "row"), lambda x: ops.stochastic_depth(x, 0.5, "row")),
    (ops.DropBlock2d(0.5, 2), lambda x: ops.drop_block2d(x, 0.5, 2)),
    (ops.DropBlock3d(0.5, 3), lambda x: ops.drop_block3d(x, 0.5, 3)),
])
def test_layers(layer, function):
    x = minidl.randn(4, 3, 6, 6, 6) if isinstance(layer, ops.DropBlock3d) else minidl.randn(4, 3, 6, 6)
    minidl.manual_seed(1)
    expected = function(x)
    minidl.manual_seed(1)
    assert layer(x).tolist() == expected.tolist()
    assert copy.deepcopy(layer).eval()(x) is x


def test_on_another_device():
    x = strict_array.leaf(minidl.ones(4, 5, 6, 6, requires_grad=True))
    for y in (ops.stochastic_depth(x, 0.5, "row"), ops.drop_block2d(x, 0.5, 3)):
        assert y.device.type == "strict" and y.dtype == minidl.float32
        y.sum().backward()
    assert x.grad.device.type == "strict"


@pytest.mark.parametrize("call, kind, text", [
    (lambda: ops.stochastic_depth(minidl.ones(2), 1.5, "row"), ValueError,
     "drop probability has to be between 0 and 1, but got 1.5"),
    (lambda: ops.stochastic_depth(minidl.ones(2), 0.5, "rows"), ValueError,
     "mode has to be either 'batch' or 'row', but got rows"),
    (lambda: ops.stochastic_depth(minidl.tensor([1]), 0.5, "row"), RuntimeError, "input must be floating-point"),
    (lambda: ops.drop_block2d(minidl.ones(2, 2, 2, 2), -0.1, 2), ValueError,
     "drop probability has to be between 0 and 1"),
    (lambda: ops.stochastic_depth(minidl.tensor(1.0), 0.5, "row"), ValueError, "mode 'row' needs an input (N, *)"),
    (lambda: ops.drop_block2d(minidl.ones(1, 1, 2, 2), 0.5, 0), RuntimeError,
     "block_size must be at least 1, but got 0"),
    (lambda: ops.drop_block2d(minidl.ones(1, 1, 2, 2), 0.5, 1.5), TypeError,
     "argument 'block_size' must be int, not float"),
    (lambda: ops.drop_block2d(minidl.ones(2, 2, 2), 0.5, 2), ValueError,
     "input should be 4 dimensional. Got 3 dimensions."),
    (lambda: ops.drop_block3d(minidl.ones(2, 2, 2, 2), 0.5, 1), ValueError,
     "input should be 5 dimensional. Got 4 dimensions."),
    (lambda: ops.drop_block3d(minidl.ones(1, 1, 5, 2, 5), 0.5, 3), ValueError,
     "block size should be odd. Got 2 which is even."),
    (lambda: ops.drop_block3d(minidl.ones(1, 1, 3, 3, 3), 1.5, 3), ValueError,
     "drop probability has to be between 0 and 1"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)
