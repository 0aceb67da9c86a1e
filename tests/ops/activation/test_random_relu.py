"""Randomised leaky ReLU, and the activations that write in place."""
from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.ops.activation import RRelu, pointwise, rrelu
from minidl.ops.torch_names import activation_in_place
from tests.checking import Case, S, check_case
from tests.ops.rows import row

SLOPES = np.array([[1.0, 0.2, 0.3], [0.25, 1.0, 1.0]])


def sloped(x):
    """The op with slopes that are given."""
    array = x.array if isinstance(x, minidl.Tensor) else x
    return RRelu()(x, minidl.backend.device.array_module(array).asarray(SLOPES, dtype=array.dtype))


CASES = [
    Case(sloped, [S((2, 3))], oracle=lambda x: x * SLOPES, float16=True, name="rrelu with given slopes"),
    Case(rrelu, [S((2, 3)), S((2, 3), 0.1, 0.5), S((3,), 0.2, 0.2)], torch="rrelu", float16=True),
    row("rrelu", S((2, 3)), S((), 0.1, 0.3), S((0, 2)), S((2, 3), 0.2, 0.2, True)),
    row("nn.functional.rrelu", S((2, 3)), S((), 0.1, 0.3), S((0, 2)), S((2, 3), 0.2, 0.2, True)),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_slopes_are_drawn_evenly_below_zero():
    minidl.manual_seed(0)
    x = minidl.linspace(-1, 1, 10000, requires_grad=True)
    y = rrelu(x, 0.1, 0.3, training=True)
    y.sum().backward()
    below = x.grad[x < 0]
    assert bool((x.grad[x > 0] == 1).all()) and bool((y == x * x.grad).all())
    assert 0.1 <= below.min().item() < 0.101 and 0.299 < below.max().item() <= 0.3
    assert below.mean().item() == pytest.approx(0.2, abs=0.005)


def test_training_with_equal_bounds_is_leaky_relu():
    x = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)
    for dtype in (np.float32, np.float16, np.float64):
        y = rrelu(minidl.tensor(x.astype(dtype)), 0.25, 0.25, training=True)
        assert y.dtype == dtype
        np.testing.assert_allclose(y.numpy(), np.where(x > 0, x, x * dtype(0.25)), rtol=1e-3)


@pytest.mark.parametrize("name, args", [
    ("relu", ()),
    ("leaky_relu", (0.2,)),
    ("elu", (0.5,)),
    ("celu", (0.5,)),
    ("selu", ()),
    ("hardtanh", (-0.5, 1.5)),
    ("threshold", (0.1, 3.0)),
    ("rrelu", (0.2, 0.4)),
])
def test_in_place(name, args):
    """The same values and gradients, in the same memory."""
    values = np.linspace(-2, 2, 9)
    function = rrelu if name == "rrelu" else getattr(pointwise, name)
    x, z = (minidl.tensor(values, requires_grad=True) for _ in range(2))
    expected, y = function(x, *args), z * 1
    written = getattr(activation_in_place, f"{name}_")(y, *args)
    assert written is y and y.tolist() == expected.tolist()
    (expected * expected).sum().backward()
    (y * y).sum().backward()
    np.testing.assert_allclose(z.grad.numpy(), x.grad.numpy())


def test_in_place_with_drawn_slopes():
    minidl.manual_seed(0)
    x = minidl.full((5,), -1.0)
    assert activation_in_place.rrelu_(x, 0.1, 0.2, training=True) is x and bool(((x <= -0.1) & (x >= -0.2)).all())


@pytest.mark.parametrize("call, kind, text", [
    (lambda: rrelu(minidl.ones(2), 0.5, 0.1), RuntimeError,
     "Lower bound should be less than or equal to the upper bound"),
    (lambda: rrelu(minidl.tensor([1, 2])), RuntimeError, "rrelu: input must be floating-point"),
    (lambda: activation_in_place.relu_(minidl.ones(2, requires_grad=True)), RuntimeError, "a leaf Variable"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)
