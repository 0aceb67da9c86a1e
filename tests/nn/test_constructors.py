"""A bad argument is refused at the door: when the layer is made, not when it is first used."""
from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from tests import strict_array  # noqa: F401  (registers the device "strict")

try:
    import torch
except ImportError:
    torch = None

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
    (lambda: nn.Conv1d(3, 4, (1, 2)), RuntimeError, "Conv1d: expected kernel_size to be a single integer value"),
    (lambda: nn.Conv3d(3, 4, 2.5), TypeError, "argument 'kernel_size' must be an int or 3 ints"),
    (lambda: nn.Conv3d(3, 4, 3, stride=(1, 2, 1), padding="same"), ValueError,
     "not supported for strided convolutions"),
    (lambda: nn.ConvTranspose1d(3, 4, 3, padding_mode="circular"), ValueError,
     'Only "zeros" padding mode is supported for ConvTranspose1d'),
    (lambda: nn.ConvTranspose3d(3, 4, 3, padding="same"), TypeError, "ConvTranspose3d(): argument 'padding' must be"),
    (lambda: nn.MaxPool1d(2, padding=2), RuntimeError, "MaxPool1d: pad should be at most half of kernel size"),
    (lambda: nn.MaxPool3d((1, 2)), RuntimeError, "MaxPool3d: expected stride to be a single integer value"),
    (lambda: nn.AvgPool1d(0), RuntimeError, "AvgPool1d: stride must be at least 1"),
    (lambda: nn.AvgPool3d(2, divisor_override=0), RuntimeError, "AvgPool3d: divisor must be not zero"),
    (lambda: nn.AdaptiveAvgPool3d((1, 2)), RuntimeError, "expected output_size to be a single integer value"),
    (lambda: nn.FractionalMaxPool2d(2), ValueError, "requires specifying either an output size, or a pooling ratio"),
    (lambda: nn.FractionalMaxPool3d(2, 3, 0.5), ValueError,
     "only one of output_size and output_ratio may be specified"),
    (lambda: nn.FractionalMaxPool2d(2, output_ratio=1.0), ValueError, "output_ratio must be between 0 and 1"),
    (lambda: nn.FractionalMaxPool2d(2, output_ratio=(0.5, 0.5, 0.5)), ValueError,
     "output_ratio must be between 0 and 1"),
    (lambda: nn.MaxUnpool2d((1, 2, 3)), RuntimeError, "MaxUnpool2d: expected kernel_size to be a single integer value"),
    (lambda: nn.Bilinear(0, 2, 3), ValueError, "in1_features must be > 0, but got (in1_features=0)"),
    (lambda: nn.Embedding(3, 2, padding_idx=3), AssertionError, "Padding_idx must be within num_embeddings"),
    (lambda: nn.EmbeddingBag(3, 2, padding_idx=-4), AssertionError, "Padding_idx must be within num_embeddings"),
    (lambda: nn.Embedding(3, 2, _weight=minidl.ones(2, 2)), AssertionError, "Shape of weight does not match"),
    (lambda: nn.Embedding.from_pretrained(minidl.ones(3)), AssertionError,
     "Embedding: Embeddings parameter is expected to be 2-dimensional, but got shape (3,)"),
    (lambda: nn.EmbeddingBag.from_pretrained(minidl.ones(3)), AssertionError, "EmbeddingBag: Embeddings parameter"),
    (lambda: nn.GroupNorm(4, 6), ValueError, "num_channels must be divisible by num_groups"),
    (lambda: nn.Unflatten("a", (1, 2)), TypeError, "expected dim to be an int"),
    (lambda: nn.Unflatten(1, 3), TypeError, "unflattened_size must be a tuple of ints"),
    (lambda: nn.Unflatten(1, (1, 2.0)), TypeError, "found element of type float at pos 1"),
    (lambda: nn.Hardtanh(2.0, 1.0), AssertionError, "must be greater than min_val"),
    (lambda: nn.GELU("fast"), RuntimeError, "approximate argument must be either none or tanh"),
    (lambda: nn.Softshrink(-1.0), RuntimeError, "lambda must be greater or equal to 0"),
    (lambda: nn.MSELoss(reduction="avg"), ValueError, "avg is not a valid value for reduction"),
    (lambda: nn.CrossEntropyLoss(reduction="batchmean"), ValueError, "not a valid value for reduction"),
    (lambda: nn.CrossEntropyLoss(label_smoothing=1.5), RuntimeError, "label_smoothing must be between 0.0 and 1.0"),
    (lambda: nn.CrossEntropyLoss(weight=[1.0, 2.0]), TypeError, "cannot assign 'list' object to buffer 'weight'"),
    (lambda: nn.CrossEntropyLoss(None, "sum"), TypeError, "positional"),
    (lambda: nn.HuberLoss(delta=0.0), RuntimeError, "does not support non-positive values for delta"),
    (lambda: nn.SmoothL1Loss(beta=-1.0), RuntimeError, "does not support negative values for beta"),
    (lambda: nn.MultiMarginLoss(p=3), ValueError, "only p == 1 and p == 2 supported, but got p=3"),
    (lambda: nn.MultiMarginLoss(weight=minidl.ones(2, 2)), ValueError,
     "expected weight to be None or 1D tensor, got 2D"),
    (lambda: nn.TripletMarginLoss(margin=0), ValueError,
     "TripletMarginLoss: expected margin to be greater than 0, got 0"),
    (lambda: nn.TripletMarginWithDistanceLoss(margin=-1), ValueError, "expected margin to be greater than 0, got -1"),
    (lambda: nn.CTCLoss(reduction="avg"), ValueError, "avg is not a valid value for reduction"),
    (lambda: nn.LinearCrossEntropyLoss(4, 3, label_smoothing=2), RuntimeError,
     "label_smoothing to be in range [0, 1], got 2"),
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


@pytest.mark.parametrize("layer, shape, kind, text", [
    (nn.CircularPad2d(1), (2, 2), ValueError, "expected 3D or 4D input (got 2D input)"),
    (nn.CircularPad1d(3), (1, 2, 2), RuntimeError, "Padding size should be at most 2 in mode 'circular'"),
    (nn.ReflectionPad1d(2), (1, 2, 2), RuntimeError, "Padding size should be at most 1 in mode 'reflect'"),
    (nn.ConstantPad1d((1, 1, 1), 0), (1, 2, 2), RuntimeError, "Padding length must be divisible by 2"),
    (nn.Conv3d(1, 1, 2), (1, 2, 2), RuntimeError, "Expected 4D (unbatched) or 5D (batched) input"),
    (nn.Upsample(), (1, 1, 2), ValueError, "either size or scale_factor should be defined"),
    (nn.Upsample(3, mode="bilinear"), (1, 1, 2), NotImplementedError, "bilinear mode needs 4D input"),
    (nn.RReLU(0.5, 0.2), (2,), RuntimeError, "Lower bound should be less than or equal to the upper bound"),
    (nn.PixelShuffle(2), (1, 3, 2, 2), RuntimeError, "divisible by the square of upscale_factor"),
    (nn.Fold(4, 2), (1, 4, 8), RuntimeError, "expected size of input's dimension 2 to match"),
    (nn.LocalResponseNorm(2), (2, 2), ValueError, "Expected 3D or higher dimensionality input"),
    (nn.RMSNorm(3), (2, 2), RuntimeError, "expected input with shape [*, 3]"),
])
def test_inputs_that_do_not_fit(layer: Any, shape: tuple[int, ...], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as caught:
        layer(minidl.ones(shape))
    assert text in str(caught.value)


def test_softmax2d_wants_images() -> None:
    with pytest.raises(ValueError, match="expected input to be 3D or 4D \\(got 2D instead\\)"):
        nn.Softmax2d()(minidl.ones(2, 2))


@pytest.mark.parametrize("make", [
    lambda **where: nn.Linear(3, 2, **where), lambda **where: nn.Conv2d(1, 2, 3, **where),
    lambda **where: nn.ConvTranspose2d(1, 2, 3, **where), lambda **where: nn.BatchNorm1d(2, **where),
    lambda **where: nn.BatchNorm2d(2, **where), lambda **where: nn.LayerNorm(2, **where),
    lambda **where: nn.GroupNorm(1, 2, **where), lambda **where: nn.PReLU(**where),
    lambda **where: nn.Conv1d(1, 2, 3, **where), lambda **where: nn.Conv3d(1, 2, 3, **where),
    lambda **where: nn.ConvTranspose1d(1, 2, 3, **where), lambda **where: nn.ConvTranspose3d(1, 2, 3, **where),
    lambda **where: nn.BatchNorm3d(2, **where), lambda **where: nn.SyncBatchNorm(2, **where),
    lambda **where: nn.InstanceNorm2d(2, affine=True, track_running_stats=True, **where),
    lambda **where: nn.RMSNorm(2, **where), lambda **where: nn.Bilinear(2, 3, 1, **where),
    lambda **where: nn.Embedding(3, 2, **where), lambda **where: nn.EmbeddingBag(3, 2, padding_idx=1, **where),
    lambda **where: nn.Maxout(3, 2, **where), lambda **where: nn.DropConnect(3, 2, **where),
    lambda **where: nn.MultiheadAttention(4, 2, add_bias_kv=True, kdim=3, **where),
    lambda **where: nn.Transformer(4, 2, 1, 1, 6, **where),
    lambda **where: nn.AdaptiveLogSoftmaxWithLoss(4, 9, [3], **where),
    lambda **where: nn.LinearCrossEntropyLoss(4, 3, bias=True, **where),
])
def test_device_and_dtype(make: Any) -> None:
    module = make(device="strict", dtype=minidl.float64)
    assert all(t.device.type == "strict" for t in module.state_dict().values())
    assert {t.dtype for t in module.parameters()} == {np.dtype("float64")}


# what PyTorch has deprecated, and we leave out
OLD = {"size_average", "reduce", "min_value", "max_value"}
CLASSES = [name for name in nn.__all__
           if isinstance(getattr(nn, name), type) and issubclass(getattr(nn, name), nn.Module)]


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("name", CLASSES)
def test_arguments_are_pytorchs(name: str) -> None:
    """Their names, order and defaults; functions among these by name."""
    def arguments(library: Any) -> Any:
        found = inspect.signature(getattr(library, name).__init__).parameters.values()
        if any(p.kind is p.VAR_POSITIONAL for p in found):
            return None     # of PyTorch's, some do not say
        return [(p.name, getattr(p.default, "__name__", p.default)) for p in found if p.name not in OLD]
    theirs = arguments(torch.nn) if hasattr(torch.nn, name) else None
    assert theirs is None or arguments(nn) == theirs
