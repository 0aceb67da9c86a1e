"""Deformable convolution: against loops over every tap, against `conv2d`, and by hand."""
from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import minidl
from minidl.nn import functional as F
from minidl.vision import ops
from tests.checking import Case, S, check_case
from tests.vision.reference import torchvision


def pixel(image, y, x):
    """Between pixels, with zeros all around the image."""
    total = 0.0
    for i, j in itertools.product((math.floor(y), math.floor(y) + 1), (math.floor(x), math.floor(x) + 1)):
        if 0 <= i < image.shape[0] and 0 <= j < image.shape[1]:
            total += (1 - abs(y - i)) * (1 - abs(x - j)) * image[i, j]
    return total


def loops(x, offset, weight, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), mask=None):
    stride, padding, dilation = [(p, p) if isinstance(p, int) else p for p in (stride, padding, dilation)]
    (N, C, _, _), (out, per_kernel, h, w), size = x.shape, weight.shape, offset.shape[2:]
    y = np.zeros((N, out, *size))
    per_offset = C // (offset.shape[1] // (2 * h * w))
    for n, o, i, j in np.ndindex(y.shape):
        for c, a, b in np.ndindex(per_kernel, h, w):
            channel = o // (out // (C // per_kernel)) * per_kernel + c
            tap = channel // per_offset * h * w + a * w + b
            down, right = offset[n, 2 * tap, i, j], offset[n, 2 * tap + 1, i, j]
            value = pixel(x[n, channel], i * stride[0] - padding[0] + a * dilation[0] + down,
                          j * stride[1] - padding[1] + b * dilation[1] + right)
            y[n, o, i, j] += weight[o, c, a, b] * value * (1 if mask is None else mask[n, tap, i, j])
        y[n, o, i, j] += 0 if bias is None else bias[o]
    return y


CASES = [Case(ops.deform_conv2d, [
    S((1, 2, 3, 3), (1, 8, 2, 2), (2, 2, 2, 2), (2,)),
    S((1, 4, 3, 3), (1, 16, 2, 2), (2, 2, 2, 2), mask=np.random.default_rng(1).random((1, 8, 2, 2))),
    S((2, 2, 4, 3), (2, 12, 2, 2), (2, 1, 3, 2), (2,), S.raw((2, 1)), S.raw((1, 0)), 1),
    S((1, 1, 4, 4), (1, 8, 2, 2), (1, 1, 2, 2), None, 1, 0, 2),
    S((1, 1, 1, 1), (1, 2, 3, 3), (1, 1, 1, 1), padding=1, low=-3.0, high=3.0),
    S((0, 1, 3, 3), (0, 8, 2, 2), (1, 1, 2, 2)),
], oracle=loops)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


@pytest.mark.parametrize("settings", [{}, {"stride": 2, "padding": 1}, {"dilation": 2, "padding": (2, 1)}])
@pytest.mark.parametrize("groups", [1, 2])
def test_without_offsets_it_is_conv2d(settings, groups):
    x, weight, bias = minidl.randn(2, 4, 7, 8), minidl.randn(6, 4 // groups, 3, 2), minidl.randn(6)
    expected = F.conv2d(x, weight, bias, groups=groups, **settings)
    offset = minidl.zeros(2, 2 * 6, *expected.shape[2:])
    np.testing.assert_allclose(ops.deform_conv2d(x, offset, weight, bias, **settings).numpy(), expected.numpy(),
                               rtol=1e-4, atol=1e-5)


def test_worked_by_hand():
    """Offsets go down first, then right: a whole pixel, half a pixel, out of the image."""
    image, weight = minidl.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), minidl.ones(1, 1, 1, 1)
    for down, right, expected in ((1, 0, [3, 4, 0, 0]), (0, 1, [2, 0, 4, 0]), (0.5, 0, [2, 3, 1.5, 2]),
                                  (0, -0.5, [0.5, 1.5, 1.5, 3.5]), (-2, 0, [0] * 4), (0, 9, [0] * 4)):
        offset = minidl.tensor([float(down), float(right)]).reshape(1, 2, 1, 1).expand(1, 2, 2, 2)
        assert ops.deform_conv2d(image, offset, weight).flatten().tolist() == expected
        mask = minidl.full((1, 1, 2, 2), 0.5)
        assert ops.deform_conv2d(image, offset, weight, mask=mask).flatten().tolist() == [v / 2 for v in expected]


def test_the_gradient_of_an_offset_of_zero_looks_to_the_right():
    """As layers start: the slope at a pixel is that towards the next one."""
    image = minidl.tensor([[[[1.0, 4.0, 9.0]]]])
    offset = minidl.zeros(1, 2, 1, 3, requires_grad=True)
    ops.deform_conv2d(image, offset, minidl.ones(1, 1, 1, 1)).sum().backward()
    assert offset.grad[0, 1, 0].tolist() == [3, 5, -9]


def test_offsets_that_are_not_numbers():
    offset = minidl.full((1, 2, 2, 2), float("nan"))
    assert bool(ops.deform_conv2d(minidl.ones(1, 1, 2, 2), offset, minidl.ones(1, 1, 1, 1)).isnan().all())


def test_layer():
    minidl.manual_seed(0)
    layer = ops.DeformConv2d(4, 6, (3, 2), stride=2, padding=1, dilation=(1, 2), groups=2)
    assert {name: tuple(p.shape) for name, p in layer.named_parameters()} == {"weight": (6, 2, 3, 2), "bias": (6,)}
    minidl.manual_seed(0)
    like = minidl.nn.Conv2d(4, 6, (3, 2), groups=2)
    assert layer.weight.tolist() == like.weight.tolist() and layer.bias.tolist() == like.bias.tolist()
    x, offset, mask = minidl.randn(1, 4, 5, 6), minidl.randn(1, 12, 3, 3), minidl.rand(1, 6, 3, 3)
    expected = ops.deform_conv2d(x, offset, layer.weight, layer.bias, 2, 1, (1, 2), mask)
    assert layer(x, offset, mask).tolist() == expected.tolist()
    assert ops.DeformConv2d(4, 6, 3, bias=False).bias is None


@pytest.mark.parametrize("settings", [
    {}, {"padding": 1, "groups": 2, "bias": False}, {"stride": (2, 1), "dilation": 2},
])
def test_it_shows_itself_as_torchvisions(settings):
    theirs = torchvision("ops").DeformConv2d(4, 6, 3, **settings)
    assert repr(ops.DeformConv2d(4, 6, 3, **settings)) == repr(theirs)


X, OFFSET, WEIGHT = minidl.ones(1, 4, 3, 3), minidl.ones(1, 8, 2, 2), minidl.ones(2, 4, 2, 2)


@pytest.mark.parametrize("call, kind, text", [
    (lambda: ops.deform_conv2d(X[0], OFFSET, WEIGHT), RuntimeError, "expected input with 4 dimensions"),
    (lambda: ops.deform_conv2d(X.long(), OFFSET, WEIGHT), RuntimeError, "input must be floating-point"),
    (lambda: ops.deform_conv2d(X, OFFSET[:, :4], WEIGHT), RuntimeError,
     "the shape of the offset tensor at dimension 1 is not valid. It should be a multiple of 2 * weight.size[2] * "
     "weight.size[3] = 8"),
    (lambda: ops.deform_conv2d(X, OFFSET[:, :, :1], WEIGHT), RuntimeError,
     "expected offset (1, 8, 2, 2) for an output of (2, 2), but got (1, 8, 1, 2)"),
    (lambda: ops.deform_conv2d(X, OFFSET, WEIGHT, mask=OFFSET), RuntimeError, "expected mask (1, 4, 2, 2)"),
    (lambda: ops.deform_conv2d(X, OFFSET, WEIGHT[:, :3]), RuntimeError, "does not fit an input of 4 channels"),
    (lambda: ops.deform_conv2d(X, OFFSET, WEIGHT, minidl.ones(3)), RuntimeError, "expected bias (2,), but got (3,)"),
    (lambda: ops.deform_conv2d(X, OFFSET, WEIGHT, stride=0), RuntimeError, "expected stride and dilation from 1"),
    (lambda: ops.deform_conv2d(X, OFFSET, WEIGHT, dilation=3), RuntimeError, "the kernel does not fit"),
    (lambda: ops.DeformConv2d(4, 6, 3, groups=3), ValueError, "in_channels must be divisible by groups"),
    (lambda: ops.DeformConv2d(6, 4, 3, groups=3), ValueError, "out_channels must be divisible by groups"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)
