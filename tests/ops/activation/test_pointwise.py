"""Activations, and softmax with its kin."""
from __future__ import annotations

import math

import numpy as np
import pytest

import minidl
from minidl.backend.kernels.special import normal_cdf
from minidl.ops import activation as act
from minidl.ops import elementwise
from tests.checking import Case, S, check_case, torch
from tests.ops import rows
from tests.ops.rows import row

KINKS = np.array([-7.0, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 6.0, 21.0])
SAMPLES = [S((3, 4), low=-4.0, high=8.0), S((2, 3, 2), low=-4.0, high=8.0, seed=1), S(()), S((0, 2))]


def smooth(fn, samples=SAMPLES, **kwargs):
    return Case(fn, samples, torch=fn.__name__, **{"float16": True, **kwargs})


def with_options(*options):
    return [*SAMPLES, *[S((3, 4), low=-4.0, high=8.0, **option) for option in options]]


CASES = [
    smooth(act.relu, oracle=lambda x: np.maximum(x, 0)),
    smooth(act.relu6, oracle=lambda x: np.clip(x, 0, 6)),
    smooth(act.leaky_relu, with_options({"negative_slope": 0.2}, {"negative_slope": -0.5}, {"negative_slope": 2.0},
                                        {"negative_slope": 0.0})),
    smooth(act.elu, with_options({"alpha": 0.3}, {"alpha": -1.0})),
    smooth(act.selu),
    smooth(act.celu, with_options({"alpha": 0.25}), errors=[(S((2,), alpha=0), RuntimeError, "alpha cannot be 0")]),
    smooth(act.gelu, with_options({"approximate": "tanh"}),
           errors=[(S((2,), approximate="erf"), RuntimeError, "either none or tanh")]),
    smooth(act.silu), smooth(act.mish), smooth(act.softsign), smooth(act.hardswish),
    smooth(act.hardsigmoid, rtol=1e-7),   # PyTorch's 1/6 is one of single precision
    smooth(act.softplus, with_options({"beta": 3.0}, {"beta": 0.5, "threshold": 1.0})),
    smooth(act.hardtanh, with_options({"min_val": -2.0, "max_val": 0.5}),
           errors=[(S((2,), 1.0, -1.0), ValueError, "min_val")]),
    smooth(act.logsigmoid), smooth(elementwise.sigmoid), smooth(elementwise.tanh), smooth(act.tanhshrink),
    smooth(act.threshold, [S((3, 4), 0.5, 7.0), S((2,), -1, 0)]),
    row("threshold", S((2, 3), 0.1, 20.0), S((), 0.0, -1.0), S((0, 2), 0.5, 0.0), S(rows.INTS, 1, 7)),
    row("nn.functional.threshold", S((2, 3), 0.1, 20.0), S((), 0.0, -1.0), S((0, 2), 0.5, 0.0), S((4,), -0.5, 2.0)),
    smooth(act.softshrink, with_options({"lambd": 1.5}), errors=[(S((2,), -1.0), RuntimeError, "lambda must be")]),
    smooth(act.hardshrink, with_options({"lambd": 1.5})),
    smooth(act.glu, [S((3, 4)), S((4, 3), 0), S((2, 6, 3), -2), S((2, 0))],
           errors=[(S((3, 5)), RuntimeError, "Halving dimension must be even, but dimension 1 is size 5"),
                   (S((4,), 1), IndexError, "Dimension out of range"), (S(()), RuntimeError, "scalars")]),
    smooth(act.prelu, [S((3, 4), (1,)), S((3, 4), (4,)), S((2, 3, 2), (3,)), S((4,), (1,)), S((2, 3, 0), (3,))],
           errors=[(S((2, 3), (2,)), RuntimeError, "Mismatch of parameter numbers and input channel size")]),
    *[smooth(fn, [S((3, 4), 1), S((3, 4), 0), S((2, 3, 4), -2), S((), 0), S((0, 2), 1), S((5,), -1)],
             errors=[(S((2, 3), 2), IndexError, "Dimension out of range")])
      for fn in (act.softmax, act.log_softmax, act.softmin)],
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_by_hand():
    x = minidl.tensor([0.0, math.log(3.0)], requires_grad=True)
    y = act.softmax(x, 0)   # 1 / 4, 3 / 4
    y[1].backward()
    np.testing.assert_allclose(y.detach().numpy(), [0.25, 0.75], rtol=1e-6)
    np.testing.assert_allclose(x.grad.numpy(), [-3 / 16, 3 / 16], rtol=1e-6)   # y_1 * ([i = 1] - y_i)


KINKED = [act.relu, act.relu6, act.leaky_relu, act.elu, act.selu, act.celu, act.hardtanh, act.hardsigmoid,
          act.hardswish, act.softshrink, act.hardshrink, act.softplus, lambda x: act.threshold(x, 0.5, 2.0)]
THEIRS = ["relu", "relu6", "leaky_relu", "elu", "selu", "celu", "hardtanh", "hardsigmoid", "hardswish", "softshrink",
          "hardshrink", "softplus", lambda x: torch.nn.functional.threshold(x, 0.5, 2.0)]


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("fn, name", list(zip(KINKED, THEIRS)))
def test_gradient_at_kinks(fn, name):
    function = getattr(torch.nn.functional, name) if isinstance(name, str) else name
    x = minidl.tensor(KINKS, requires_grad=True)
    t = torch.tensor(KINKS, requires_grad=True)
    fn(x).sum().backward()
    function(t).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy(), rtol=1e-7)


@pytest.mark.parametrize("fn", [act.relu, act.relu6, act.leaky_relu, act.elu, act.selu, act.celu, act.silu, act.mish,
                                act.hardtanh, act.hardsigmoid, act.hardswish], ids=lambda fn: fn.__name__)
def test_in_place(fn):
    values = np.random.default_rng(0).normal(size=(3, 4))
    x = minidl.tensor(values, requires_grad=True)
    fn(x).sum().backward()
    z = minidl.tensor(values, requires_grad=True)
    y = z * 1
    assert fn(y, inplace=True) is y
    np.testing.assert_array_equal(y.detach().numpy(), fn(minidl.tensor(values)).numpy())
    y.sum().backward()
    np.testing.assert_array_equal(z.grad.numpy(), x.grad.numpy())
    with pytest.raises(RuntimeError, match="leaf Variable"):
        fn(x, inplace=True)


def test_extreme_inputs():
    x = minidl.tensor([-1e4, -100.0, 100.0, 1e4], requires_grad=True)
    for fn, low, high in [(act.gelu, 0, 1), (act.silu, 0, 1), (act.mish, 0, 1), (elementwise.sigmoid, 0, 0),
                          (act.softplus, 0, 1), (act.logsigmoid, 1, 0), (act.elu, 0, 1)]:
        x.grad = None
        fn(x).sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), [low, low, high, high], atol=1e-6, err_msg=fn.__name__)


def test_softmax_of_large_and_masked_inputs():
    x = minidl.tensor([[1e4, 1e4, -math.inf], [0.0, -math.inf, -math.inf]])
    assert act.softmax(x, 1).tolist() == [[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]]
    assert act.log_softmax(minidl.tensor([0.0, 1000.0]), 0).tolist() == [-1000.0, 0.0]


def test_softmax_dtype_and_implicit_dim():
    x = minidl.tensor([[1, 2]])
    assert act.softmax(x, 1, dtype=minidl.float64).dtype == minidl.float64
    with pytest.warns(UserWarning, match="Implicit dimension choice"):
        assert act.softmax(x.float()).sum().item() == pytest.approx(1.0)


def test_normal_cdf_in_single_precision():
    x = np.linspace(-12, 12, 100_001, dtype=np.float32)   # more than one block, and a rest
    exact = np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in x[::100].astype(float)])
    np.testing.assert_allclose(normal_cdf(x)[::100], exact, rtol=0, atol=1.5e-7)
    strided = np.ones((3, 8), np.float32)[:, ::2]
    assert normal_cdf(strided).shape == (3, 4) and normal_cdf(np.float32(0) * np.ones((), np.float32)).shape == ()


def test_hardtanh_of_whole_numbers_stays_whole():
    out = act.hardtanh(minidl.tensor([-3, 0, 2]))
    assert (out.dtype, out.tolist()) == (minidl.int64, [-1, 0, 1])


def test_nan_passes_a_threshold():
    x = minidl.tensor([math.nan, 0.2, 2.0], requires_grad=True)
    y = minidl.nn.functional.threshold(x, 0.5, 9.0)
    y.backward(minidl.ones(3))
    assert math.isnan(y[0].item()) and y[1:].tolist() == [9.0, 2.0] and x.grad.tolist() == [1.0, 0.0, 1.0]


def test_prelu_refuses_another_dtype():
    with pytest.raises(RuntimeError, match="Type promoting not supported"):
        minidl.nn.functional.prelu(minidl.ones(2, 3, dtype=minidl.int64), minidl.ones(1))
