"""A bad argument is refused at the door: when the layer is made, not when it is first used."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn

ERRORS = [
    (lambda: nn.Linear(2.0, 3), TypeError, "float"),
    (lambda: nn.Linear(-1, 3), RuntimeError, "negative dimension"),
    (lambda: nn.Conv2d(3, 4, 3, groups=0), ValueError, "groups must be a positive integer"),
    (lambda: nn.Conv2d(3, 4, 3, groups=2), ValueError, "in_channels must be divisible by groups"),
    (lambda: nn.Conv2d(4, 3, 3, groups=2), ValueError, "out_channels must be divisible by groups"),
    (lambda: nn.Conv2d(3, 4, 0), RuntimeError, "Conv2d: kernel_size must be at least 1"),
    (lambda: nn.Conv2d(3, 4, (1, 2, 3)), RuntimeError, "Conv2d: expected kernel_size to be a single integer value"),
    (lambda: nn.Conv2d(3, 4, 2.5), TypeError, "argument 'kernel_size' must be an int or a pair of ints"),
    (lambda: nn.Conv2d(3, 4, 3, stride=0), RuntimeError, "Conv2d: stride must be at least 1"),
    (lambda: nn.Conv2d(3, 4, 3, padding=-1), RuntimeError, "Conv2d: padding must be at least 0"),
    (lambda: nn.Conv2d(3, 4, 3, dilation=0), RuntimeError, "Conv2d: dilation must be at least 1"),
    (lambda: nn.Conv2d(3, 4, 3, padding="full"), ValueError, "Invalid padding string 'full', should be one of"),
    (lambda: nn.Conv2d(3, 4, 3, stride=2, padding="same"), ValueError,
     "padding='same' is not supported for strided convolutions"),
    (lambda: nn.Conv2d(3, 4, 3, padding_mode="mirror"), ValueError, "padding_mode must be one of"),
    (lambda: nn.ConvTranspose2d(3, 4, 3, padding_mode="reflect"), ValueError, 'Only "zeros" padding mode'),
    (lambda: nn.ConvTranspose2d(3, 4, 3, padding="same"), TypeError, "argument 'padding' must be an int"),
    (lambda: nn.ConvTranspose2d(3, 4, 3, output_padding=-1), RuntimeError, "output_padding must be at least 0"),
    (lambda: nn.MaxPool2d(0), RuntimeError, "MaxPool2d: stride must be at least 1"),
    (lambda: nn.MaxPool2d(2, padding=2), RuntimeError, "pad should be at most half of kernel size"),
    (lambda: nn.MaxPool2d(2, dilation=0), RuntimeError, "dilation must be at least 1"),
    (lambda: nn.AvgPool2d("2"), TypeError, "must be an int or a pair of ints"),
    (lambda: nn.AvgPool2d(2, divisor_override=0), RuntimeError, "divisor must be not zero"),
    (lambda: nn.AdaptiveAvgPool2d((1, 2, 3)), RuntimeError, "expected output_size to be a single integer value"),
    (lambda: nn.AdaptiveMaxPool2d(-1), RuntimeError, "output_size must be at least 0"),
    (lambda: nn.GroupNorm(4, 6), ValueError, "num_channels must be divisible by num_groups"),
    (lambda: nn.Unflatten("a", (1, 2)), TypeError, "expected dim to be an int"),
    (lambda: nn.Unflatten(1, 3), TypeError, "unflattened_size must be a tuple of ints"),
    (lambda: nn.Unflatten(1, (1, 2.0)), TypeError, "found element of type float at pos 1"),
    (lambda: nn.Hardtanh(2.0, 1.0), ValueError, "expected max_val > min_val"),
    (lambda: nn.GELU("fast"), RuntimeError, "approximate argument must be either none or tanh"),
    (lambda: nn.Softshrink(-1.0), RuntimeError, "lambda must be greater or equal to 0"),
    (lambda: nn.MSELoss(reduction="avg"), ValueError, "avg is not a valid value for reduction"),
    (lambda: nn.CrossEntropyLoss(reduction="batchmean"), ValueError, "not a valid value for reduction"),
    (lambda: nn.CrossEntropyLoss(label_smoothing=1.5), RuntimeError, "label_smoothing must be between 0.0 and 1.0"),
    (lambda: nn.CrossEntropyLoss(weight=[1.0, 2.0]), TypeError, "cannot assign 'list' object to buffer 'weight'"),
    (lambda: nn.CrossEntropyLoss(None, "sum"), TypeError, "positional"),
    (lambda: nn.HuberLoss(delta=0.0), RuntimeError, "does not support non-positive values for delta"),
    (lambda: nn.SmoothL1Loss(beta=-1.0), RuntimeError, "does not support negative values for beta"),
]


@pytest.mark.parametrize("make, kind, text", ERRORS)
def test_errors(make: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as caught:
        make()
    assert text in str(caught.value)


@pytest.mark.parametrize("output_size, text", [
    ((3, 9), "requested an output size of [3, 9], but valid sizes range from [7, 9] to [8, 10]"),
    ((2, 3, 9), "output_size must have 2 or 4 elements (got 3)"),
])
def test_output_sizes_that_cannot_be(output_size: Any, text: str) -> None:
    layer = nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1)
    with pytest.raises(ValueError) as caught:
        layer(minidl.ones(1, 2, 4, 5), output_size=output_size)
    assert text in str(caught.value)


def test_softmax2d_wants_images() -> None:
    with pytest.raises(ValueError, match="expected input to be 3D or 4D \\(got 2D instead\\)"):
        nn.Softmax2d()(minidl.ones(2, 2))


@pytest.mark.parametrize("make", [
    lambda **where: nn.Linear(3, 2, **where), lambda **where: nn.Conv2d(1, 2, 3, **where),
    lambda **where: nn.ConvTranspose2d(1, 2, 3, **where), lambda **where: nn.BatchNorm1d(2, **where),
    lambda **where: nn.BatchNorm2d(2, **where), lambda **where: nn.LayerNorm(2, **where),
    lambda **where: nn.GroupNorm(1, 2, **where), lambda **where: nn.PReLU(**where),
])
def test_device_and_dtype(make: Any) -> None:
    module = make(device="strict", dtype=minidl.float64)
    assert all(t.device.type == "strict" for t in module.state_dict().values())
    assert {t.dtype for t in module.parameters()} == {np.dtype("float64")}
