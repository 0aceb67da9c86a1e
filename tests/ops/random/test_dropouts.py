"""Dropout: masks are random, but all else about it is not."""
from __future__ import annotations

import math

import numpy as np
import pytest

import minidl
from minidl.autograd import gradcheck, gradgradcheck
from minidl.ops.random import Dropout, alpha_dropout, dropout, dropout1d, dropout2d, dropout3d, feature_alpha_dropout
from tests import strict_array
from tests.checking import Case, S, check_case

MASK = np.array([[0.0, 2.0, 2.0], [2.0, 0.0, 0.0]])


def masked(x):
    """Dropout with a mask that is given."""
    array = x.array if isinstance(x, minidl.Tensor) else x
    mask = minidl.backend.device.array_module(array).asarray(MASK, dtype=array.dtype)
    return Dropout()(x, mask)


def test_battery():
    check_case(Case(masked, [S((2, 3)), S((4, 2, 3))], oracle=lambda x: x * MASK, float16=True))


@pytest.mark.parametrize("dtype", [minidl.float16, minidl.float32, minidl.float64])
def test_what_is_left_is_scaled_and_gradients_pass_where_values_did(dtype):
    minidl.manual_seed(0)
    x = minidl.ones(200, 50, dtype=dtype, requires_grad=True)
    y = dropout(x, 0.25)
    y.backward(minidl.ones_like(y) * 3)
    kept = y.detach() != 0
    assert y.dtype == x.grad.dtype == dtype
    assert set(np.unique(y.detach().numpy()).tolist()) == {0.0, float(np.dtype(dtype).type(1 / 0.75))}
    assert bool((x.grad == y.detach() * 3).all())
    assert abs(kept.float().mean().item() - 0.75) < 0.02
    assert abs(y.detach().float().mean().item() - 1) < 0.03


def test_whole_channels():
    minidl.manual_seed(0)
    for function, shape in (
        (dropout2d, (20, 30, 3, 4)),
        (dropout2d, (20, 30, 4)),
        (dropout1d, (20, 30, 4)),
        (dropout1d, (600, 4)),
        (dropout3d, (20, 30, 2, 3, 2)),
        (dropout3d, (600, 2, 1, 2)),
    ):
        x = minidl.ones(*shape, requires_grad=True)
        y = function(x, 0.5)
        y.sum().backward()
        channels = y.detach().reshape(600, -1)
        assert bool((channels == channels[:, :1]).all())
        assert 200 < (channels[:, 0] == 2).sum().item() < 400
        assert x.grad.tolist() == y.tolist()


@pytest.mark.parametrize("function, shape, kept", [
    (dropout2d, (20, 30), 2), (dropout2d, (20, 30, 1, 2, 2), 2), (dropout3d, (600,), 1), (dropout3d, (600, 3), 1),
    (dropout3d, (600, 3, 2), 1), (dropout3d, (600, 2, 1, 1, 1, 2), 1)])
def test_other_dimensions_warn_and_drop_what_pytorch_drops(function, shape, kept):
    minidl.manual_seed(0)
    with pytest.warns(UserWarning, match=f"Received a {len(shape)}-D input to {function.__name__}"):
        y = function(minidl.ones(*shape), 0.5)
    channels = y.reshape(600, -1)
    assert bool((channels == channels[:, :1]).all()) and 200 < (channels[:, 0] == 2).sum().item() < 400
    assert y.shape == shape


@pytest.mark.parametrize("function", [dropout, dropout1d, dropout2d, dropout3d, alpha_dropout, feature_alpha_dropout])
@pytest.mark.filterwarnings("ignore")
def test_outside_training_any_input_is_returned(function):
    for x in (minidl.ones(2, 3, dtype=minidl.int64), minidl.ones(2, 3, dtype=minidl.bool), minidl.ones(2, 3)):
        assert function(x, training=False) is x


def test_feature_alpha_dropout_drops_whole_channels():
    minidl.manual_seed(0)
    x = minidl.randn(100, 200, 3, requires_grad=True)
    y = feature_alpha_dropout(x, 0.3, training=True)
    slope = minidl.autograd.grad(y.sum(), x)[0]
    assert bool((slope == slope[:, :, :1]).all()) and abs((slope == 0).float().mean().item() - 0.3) < 0.02
    dropped = y.detach()[slope == 0]
    assert abs(y.mean().item()) < 0.05 and abs(y.var().item() - 1) < 0.05 and bool(
        (dropped - dropped[0]).abs().max() < 1e-6)
    assert feature_alpha_dropout(x, 0.3) is x
    z = minidl.ones(4, 5, 2)
    assert feature_alpha_dropout(z, 0.5, True, inplace=True) is z and len(set(z.flatten().tolist())) == 2


def test_alpha_dropout_keeps_mean_and_variance():
    minidl.manual_seed(0)
    x = minidl.randn(200, 500, requires_grad=True)
    y = alpha_dropout(x, 0.3, training=True)
    assert abs(y.mean().item()) < 0.02 and abs(y.var().item() - 1) < 0.02
    y.sum().backward()
    scale = 1 / math.sqrt(0.7 * (1 + 0.3 * 1.7580993408473766 ** 2))
    assert set(np.unique(x.grad.numpy()).tolist()) == {0.0, float(np.float32(scale))}
    dropped = y.detach()[x.grad == 0]
    assert bool((dropped == dropped[0]).all()) and dropped[0].item() == pytest.approx(
        -1.7580993408473766 * scale * 0.7, rel=1e-5)


def test_the_seed_decides():
    x = minidl.ones(50)
    minidl.manual_seed(3)
    first, second = dropout(x), dropout(x)
    minidl.manual_seed(3)
    assert dropout(x).tolist() == first.tolist() != second.tolist()


def test_derivatives():
    def function(x):
        minidl.manual_seed(1)
        return dropout(x * x, 0.4), alpha_dropout(x, 0.4, training=True)

    x = minidl.randn(3, 4, dtype=minidl.float64, requires_grad=True)
    assert gradcheck(function, x) and gradgradcheck(function, x)


def test_extremes():
    x = minidl.tensor([1.0, math.nan, -2.0], requires_grad=True)
    assert dropout(x, 0.0) is x and dropout(x, 0.5, training=False) is x
    assert alpha_dropout(x, 0.5) is x
    y = dropout(x[::2], 1.0)
    y.sum().backward()
    assert y.tolist() == [0.0, 0.0] and x.grad.tolist() == [0.0, 0.0, 0.0]
    assert alpha_dropout(x[::2], 1.0, training=True).tolist() == [0.0, 0.0]
    assert dropout(minidl.ones(0, 3)).shape == (0, 3)


def test_in_place():
    for function in (dropout, alpha_dropout):
        leaf = minidl.ones(100, requires_grad=True)
        x = leaf * 1
        y = function(x, 0.5, training=True, inplace=True)
        assert y is x and len(set(x.tolist())) == 2
        x.sum().backward()
        assert bool(((leaf.grad == 0) == (x.detach() == x.detach().min())).all())


def test_on_another_device():
    x = strict_array.leaf(minidl.ones(4, 5, 2, 2, requires_grad=True))
    for y in (dropout(x), dropout2d(x), alpha_dropout(x, training=True), feature_alpha_dropout(x, training=True)):
        assert y.device.type == "strict" and y.dtype == minidl.float32
        y.sum().backward()
    assert x.grad.device.type == "strict"


def test_plain_arrays_give_plain_arrays():
    assert isinstance(dropout(np.ones(3)), np.ndarray) and isinstance(alpha_dropout(np.ones(3), 0.5, True), np.ndarray)


@pytest.mark.parametrize("call, kind, text", [
    (lambda: dropout(minidl.ones(2), 1.5), ValueError, "dropout probability has to be between 0 and 1, but got 1.5"),
    (lambda: dropout(minidl.ones(2), -0.1, training=False), ValueError, "but got -0.1"),
    (lambda: alpha_dropout(minidl.ones(2), math.nan), ValueError, "dropout probability"),
    (lambda: dropout(minidl.tensor([1, 2])), RuntimeError, "input must be floating-point, but it is int64"),
    (lambda: dropout([1.0]), TypeError, "argument 'input' must be Tensor, not list"),
    (lambda: dropout1d(minidl.ones(2)), RuntimeError, "Expected 2D or 3D input"),
    (lambda: dropout2d(minidl.ones(2)), RuntimeError, "Feature dropout requires at least 2 dimensions in the input"),
    (lambda: feature_alpha_dropout(minidl.ones(2), training=True), RuntimeError,
     "requires at least 2 dimensions in the input"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)
