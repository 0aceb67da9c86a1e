"""Convolution and transposed convolution."""
from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.backend.kernels.conv import ConvGeometry
from minidl.ops.conv import Conv2d, Conv2dInputGrad, Conv2dWeightGrad, conv2d, conv_transpose2d
from tests import oracle
from tests.checking import Case, S, check_case


def pairs(*values):
    return [v if isinstance(v, tuple) else (v, v) for v in values]


def loops(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    y = oracle.conv2d(x, w, *pairs(stride, padding, dilation), groups)
    return y if b is None else y + b[:, None, None]


def transposed_loops(x, w, b=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    s, p, e, d = pairs(stride, padding, output_padding, dilation)
    size = [(n - 1) * s[i] - 2 * p[i] + d[i] * (w.shape[2 + i] - 1) + e[i] + 1 for i, n in enumerate(x.shape[2:])]
    padded = np.pad(x, [(0, 0), (0, 0), (0, e[0] // s[0]), (0, e[1] // s[1])])   # zeros add nothing
    y = oracle.conv2d_input_grad(padded, w, size, s, p, d, groups)
    return y if b is None else y + b[:, None, None]


def pair_of(*args):
    return S.raw(args)


X, W = (2, 2, 5, 6), (3, 2, 3, 2)
CASES = [
    Case(conv2d, [
        S(X, W),
        S(X, W, (3,)),
        S(X, W, (3,), 2, 1),
        S(X, W, (3,), stride=pair_of(2, 1), padding=pair_of(1, 2)),
        S(X, W, (3,), dilation=pair_of(1, 3), padding=2),
        S((1, 1, 3, 3), (1, 1, 3, 3)),
        S((0, 2, 4, 4), (3, 2, 3, 3), (3,)),
        S((2, 4, 4, 4), (6, 2, 3, 3), (6,), groups=2),
        S((2, 3, 4, 4), (6, 1, 2, 2), (6,), padding=1, groups=3),
        S((2, 9, 4, 4), (8, 9, 3, 3), (8,), padding=1),
        S((2, 9, 5, 4), (4, 9, 1, 1), stride=2),
        S((2, 9, 1, 1), (4, 9, 1, 1), stride=2),
    ], oracle=loops, torch="conv2d", float16=True),
    Case(conv2d, [
        S((2, 5, 6), W, (3,)),
        S(X, W, padding="valid"),
        S(X, W, (3,), padding="same"),
        S(X, (3, 2, 3, 3), padding="same"),
        S(X, (1, 2, 4, 4), padding="same", dilation=pair_of(1, 2)),
        S((2, 5, 6), W, padding="same"),
        S(X, W, padding=pair_of(2)),
    ], torch="conv2d", name="conv2d unbatched, same, valid"),
    Case(conv_transpose2d, [
        S((2, 3, 3, 4), W),
        S((2, 3, 3, 4), W, (2,), 2, 1),
        S((2, 3, 3, 4), W, (2,), stride=pair_of(2, 3), output_padding=pair_of(1, 2)),
        S((2, 3, 2, 2), (3, 1, 3, 2), (1,), dilation=2, padding=1),
        S((2, 4, 3, 3), (4, 3, 2, 2), (6,), 2, 0, 1, 2),
        S((1, 1, 2, 2), (1, 1, 3, 3), stride=1, output_padding=1, dilation=2, padding=1),
        S((1, 2, 2, 3), (2, 1, 2, 2), stride=2, output_padding=pair_of(4, 3), dilation=5, padding=pair_of(0, 2)),
        S((0, 2, 3, 3), (2, 1, 2, 2)),
    ], oracle=transposed_loops, torch="conv_transpose2d"),
    Case(conv_transpose2d, [S((3, 3, 4), W, (2,), 2)], torch="conv_transpose2d", name="conv_transpose2d unbatched"),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_worked_by_hand():
    """One row, kernel (1, 10): y = (x0 + 10 x1, x1 + 10 x2). With g = (1, 2):
    gx = (1*1, 1*10 + 2*1, 2*10), and gw = (1*x0 + 2*x1, 1*x1 + 2*x2)."""
    x = minidl.tensor([[[[3.0, 5.0, 7.0]]]], requires_grad=True)
    w = minidl.tensor([[[[1.0, 10.0]]]], requires_grad=True)
    b = minidl.tensor([0.5], requires_grad=True)
    y = conv2d(x, w, b)
    y.backward(minidl.tensor([[[[1.0, 2.0]]]]))
    assert y.tolist() == [[[[53.5, 75.5]]]]
    assert x.grad.tolist() == [[[[1.0, 12.0, 20.0]]]]
    assert w.grad.tolist() == [[[[13.0, 19.0]]]]
    assert b.grad.tolist() == [3.0]


def test_each_op_is_the_gradient_of_the_other_two():
    """T(x, w, g), computed from each of the three ends, is the same number."""
    stream = np.random.default_rng(0)
    geometry = ConvGeometry((2, 1), (1, 0), (1, 2), 2)
    x, w = stream.standard_normal((2, 4, 6, 7)), stream.standard_normal((6, 2, 3, 2))
    y = Conv2d(geometry)(x, w, None)
    g = stream.standard_normal(y.shape)
    total = (y * g).sum()
    assert (Conv2dInputGrad(x.shape[2:], geometry)(g, w) * x).sum() == pytest.approx(total)
    assert (Conv2dWeightGrad(w.shape[2:], geometry)(x, g) * w).sum() == pytest.approx(total)


def test_the_graph_of_a_gradient_holds_the_same_three_ops():
    x, w = (minidl.randn(*shape, requires_grad=True) for shape in ((1, 2, 4, 4), (3, 2, 2, 2)))
    gx, gw = minidl.autograd.grad(conv2d(x, w).sum(), (x, w), create_graph=True)
    assert gx.grad_fn.name() == "Conv2dInputGrad" and gw.grad_fn.name() == "Conv2dWeightGrad"
    gg, = minidl.autograd.grad((gw * gw).sum(), x, create_graph=True)
    assert gg.grad_fn.name() == "Conv2dInputGrad"


def test_rows_that_no_window_reads_get_no_gradient():
    x = minidl.ones(1, 1, 4, 4, requires_grad=True)
    conv2d(x, minidl.ones(1, 1, 3, 3), stride=2).sum().backward()
    assert x.grad[0, 0].tolist() == [[1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 1, 0], [0, 0, 0, 0]]


def test_transposed_convolution_is_the_input_gradient():
    x = minidl.randn(2, 4, 7, 8, requires_grad=True)
    w, g = minidl.randn(6, 2, 3, 3), minidl.randn(2, 6, 3, 4)
    conv2d(x, w, stride=2, groups=2).backward(minidl.zeros(2, 6, 3, 3) + g[..., :3])
    y = conv_transpose2d(g[..., :3], w, stride=2, groups=2, output_padding=(0, 1))
    np.testing.assert_allclose(x.grad.numpy(), y.numpy(), rtol=1e-5, atol=1e-6)


def test_plain_arrays_give_plain_arrays():
    x, w = np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2))
    assert isinstance(conv2d(x, w, np.ones(1)), np.ndarray)
    assert conv2d(x[0], w, padding="same").tolist() == [[[4, 4, 2], [4, 4, 2], [2, 2, 1]]]
    assert isinstance(conv_transpose2d(x, w, np.ones(1)), np.ndarray)


IMAGE, KERNEL = minidl.zeros(8, 4, 32, 32), minidl.zeros(16, 3, 3, 3)
FITTING = minidl.zeros(16, 4, 3, 3)


@pytest.mark.parametrize("arguments, kind, text", [
    ((IMAGE, KERNEL), RuntimeError, "conv2d: weight expects 3*groups input channels but input has 4 "
     "(input (8, 4, 32, 32), weight (16, 3, 3, 3), groups=1)"),
    ((IMAGE, FITTING, None, 1, 0, 1, 3), RuntimeError, "divisible by groups at dimension 0"),
    ((IMAGE, FITTING, None, 1, 0, 1, 0), RuntimeError, "non-positive groups is not supported"),
    ((IMAGE, FITTING, None, 1, 0, 1, 1.0), TypeError, "'groups' must be int, not float"),
    ((IMAGE, FITTING, minidl.zeros(4)), RuntimeError, "expected bias to be 1-dimensional with 16 elements"),
    ((IMAGE[..., :2], FITTING), RuntimeError, "Kernel size can't be greater than actual input size"),
    ((IMAGE[..., :4], FITTING, None, 1, 0, 2), RuntimeError,
     "padded input size per channel: (32 x 4). Kernel size: (5 x 5)"),
    ((IMAGE.double(), FITTING), RuntimeError,
     "input and weight should have the same dtype, but got float64 and float32"),
    ((IMAGE.long(), FITTING.long()), RuntimeError, "input must be floating-point, but it is int64; try input.float()"),
    ((IMAGE[0, 0], FITTING), RuntimeError, "Expected 3D (unbatched) or 4D (batched) input"),
    ((IMAGE, FITTING[0]), RuntimeError, "expected a 4-dimensional weight"),
    ((IMAGE, FITTING[0, 0, 0, 0]), RuntimeError, "expected a 4-dimensional weight"),
    ((IMAGE, FITTING, None, 0), RuntimeError, "stride must be at least 1, but got stride=0"),
    ((IMAGE, FITTING, None, 1, -1), RuntimeError, "padding must be at least 0"),
    ((IMAGE, FITTING, None, 1, 0, 0), RuntimeError, "dilation must be at least 1"),
    ((IMAGE, FITTING, None, (1, 2, 3)), RuntimeError, "expected stride to be a single integer value or a list of 2"),
    ((IMAGE, FITTING, None, 1.5), TypeError, "'stride' must be an int or a pair of ints, but got 1.5"),
    ((IMAGE, FITTING, None, 1, "full"), RuntimeError, "Invalid padding string: 'full'"),
    ((IMAGE, FITTING, None, 2, "same"), RuntimeError, "padding='same' is not supported for strided convolutions"),
    (([1.0], FITTING), TypeError, "argument 'input' must be Tensor, not list"),
    ((IMAGE, [1.0]), TypeError, "argument 'weight' must be Tensor, not list"),
])
def test_conv2d_errors(arguments, kind, text):
    with pytest.raises(kind) as error:
        conv2d(*arguments)
    assert text in str(error.value)


@pytest.mark.parametrize("arguments, kind, text", [
    ((IMAGE, FITTING), RuntimeError, "weight expects 16 input channels but input has 4"),
    ((IMAGE, KERNEL[:4], minidl.zeros(4)), RuntimeError, "bias to be 1-dimensional with 3 elements"),
    ((IMAGE, KERNEL[:4], None, 2, 0, 2), RuntimeError, "output padding must be smaller than either stride or dilation"),
    ((IMAGE[..., :1], KERNEL[:4], None, 1, 2), RuntimeError, "Output size is too small"),
    ((IMAGE, KERNEL[:4].double()), RuntimeError, "should have the same dtype"),
    ((IMAGE, KERNEL[0]), RuntimeError, "expected a 4-dimensional weight"),
])
def test_conv_transpose2d_errors(arguments, kind, text):
    with pytest.raises(kind) as error:
        conv_transpose2d(*arguments)
    assert text in str(error.value)
