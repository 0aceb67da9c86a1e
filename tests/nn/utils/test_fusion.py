"""Batch norms merged into the layer before them, and modules whose values come later."""
from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
LAYERS = {
    "Conv1d": (lambda n, b: n.Conv1d(3, 4, 2, bias=b), "BatchNorm1d", (2, 3, 6)),
    "Conv2d": (lambda n, b: n.Conv2d(4, 4, 2, groups=2, bias=b), "BatchNorm2d", (2, 4, 5, 5)),
    "Conv3d": (lambda n, b: n.Conv3d(3, 4, 2, bias=b), "BatchNorm3d", (2, 3, 4, 4, 4)),
    "ConvTranspose2d": (lambda n, b: n.ConvTranspose2d(3, 4, 2, bias=b), "BatchNorm2d", (2, 3, 5, 5)),
    "Linear": (lambda n, b: n.Linear(3, 4, bias=b), "BatchNorm1d", (5, 3)),
}


def pair(library: Any, name: str, bias: bool, affine: bool) -> tuple[Any, Any]:
    """A layer and a batch norm in evaluation mode, with the same values in both libraries."""
    make, norm, _ = LAYERS[name]
    layer, bn = make(library.nn, bias).double(), getattr(library.nn, norm)(4, affine=affine).double()
    stream = np.random.default_rng(0)
    with library.no_grad():
        for value in [*layer.parameters(), *bn.parameters(), bn.running_mean, bn.running_var]:
            value.copy_(library.tensor(stream.uniform(0.5, 2, tuple(value.shape))))
    return layer.eval(), bn.eval()


def fused(library: Any, name: str, layer: Any, bn: Any) -> Any:
    u = library.nn.utils
    return u.fuse_linear_bn_eval(layer, bn) if name == "Linear" \
        else u.fuse_conv_bn_eval(layer, bn, transpose="Transpose" in name)


@pytest.mark.parametrize("name, bias, affine", list(itertools.product(LAYERS, [True, False], [True, False])))
def test_one_layer_does_what_two_did(name: str, bias: bool, affine: bool) -> None:
    layer, bn = pair(minidl, name, bias, affine)
    x = minidl.tensor(np.random.default_rng(1).standard_normal(LAYERS[name][2]))
    one = fused(minidl, name, layer, bn)
    np.testing.assert_allclose(one(x).detach().numpy(), bn(layer(x)).detach().numpy(), rtol=1e-10, atol=1e-12)
    assert one is not layer and isinstance(one.weight, nn.Parameter) and one.weight.requires_grad
    assert one.bias.requires_grad and (layer.bias is None) == (not bias)


@needs_torch
@pytest.mark.parametrize("name, bias", list(itertools.product(LAYERS, [True, False])))
def test_equals_pytorch(name: str, bias: bool) -> None:
    ours, theirs = (fused(library, name, *pair(library, name, bias, True)).state_dict() for library in (minidl, torch))
    assert list(ours) == list(theirs)
    for key, value in ours.items():
        np.testing.assert_allclose(value.numpy(), theirs[key].numpy(), rtol=1e-12)


def test_by_hand() -> None:
    """s = 6 / sqrt(3 + 1) = 3: weight 3 * 2, bias 3 * (5 - 1) + 7."""
    numbers = [minidl.tensor([v]) for v in (5.0, 1.0, 3.0, 6.0, 7.0)]
    conv_b, mean, var, w, b = numbers
    weight, bias = nn.utils.fuse_linear_bn_weights(minidl.tensor([[2.0]]), conv_b, mean, var, 1.0, w, b)
    assert weight.tolist() == [[6.0]] and bias.tolist() == [19.0]


def test_refused() -> None:
    layer, bn = nn.Conv2d(3, 4, 2), nn.BatchNorm2d(4)
    with pytest.raises(AssertionError, match="Fusion only for eval!"):
        nn.utils.fuse_conv_bn_eval(layer.eval(), bn)
    with pytest.raises(AssertionError, match="has none"):
        nn.utils.fuse_conv_bn_eval(layer, nn.BatchNorm2d(4, track_running_stats=False).eval())
    with pytest.raises(AssertionError, match="linear.out_features == bn.num_features"):
        nn.utils.fuse_linear_bn_eval(nn.Linear(2, 3).eval(), nn.BatchNorm1d(4).eval())


def test_skip_init() -> None:
    m = nn.utils.skip_init(nn.Linear, 2, 3, bias=False, device="cpu")
    assert m.weight.shape == (3, 2) and m.bias is None
    with pytest.raises(RuntimeError, match="Expected a Module; got <class 'int'>"):
        nn.utils.skip_init(int)  # type: ignore[type-var]
    with pytest.raises(RuntimeError, match="Module must support a 'device' arg"):
        nn.utils.skip_init(nn.ReLU)
