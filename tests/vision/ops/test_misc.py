"""Layers of networks for images against torchvision's: keys, outputs, gradients to second order, and refusals."""
from __future__ import annotations

import functools

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.func import functional_call
from minidl.vision import ops
from tests.checking import Case, S, check_case
from tests.vision.reference import torchvision

try:
    import torch
except ImportError:
    torch = None

LAYERS = {      # how to build it with either library's `ops` and `nn`, and the shape of its input
    "Conv2dNormActivation": (lambda ops, nn: ops.Conv2dNormActivation(3, 4), (2, 3, 5, 4)),
    "of stride 2, dilated, in groups": (lambda ops, nn: ops.Conv2dNormActivation(
        2, 4, kernel_size=3, stride=2, dilation=2, groups=2, activation_layer=nn.Hardswish), (1, 2, 7, 8)),
    "of two sizes": (lambda ops, nn: ops.Conv2dNormActivation(2, 3, (3, 1), dilation=(1, 2)), (1, 2, 4, 3)),
    "without a norm": (lambda ops, nn: ops.Conv2dNormActivation(
        2, 3, 1, norm_layer=None, activation_layer=nn.Sigmoid, inplace=None), (1, 2, 3, 3)),
    "of the convolution alone": (lambda ops, nn: ops.Conv2dNormActivation(
        2, 3, padding="same", norm_layer=None, activation_layer=None, bias=False), (1, 2, 3, 4)),
    "with a bias before the norm": (lambda ops, nn: ops.Conv2dNormActivation(2, 3, 2, padding=0, bias=True),
                                    (1, 2, 3, 3)),
    "Conv3dNormActivation": (lambda ops, nn: ops.Conv3dNormActivation(2, 3, (1, 3, 3), dilation=2), (1, 2, 2, 5, 5)),
    "SqueezeExcitation": (lambda ops, nn: ops.SqueezeExcitation(4, 2), (2, 4, 3, 2)),
    "SqueezeExcitation with other activations": (lambda ops, nn: ops.SqueezeExcitation(
        3, 5, functools.partial(nn.SiLU, inplace=True), nn.Tanh), (2, 3, 1, 4)),
    "MLP": (lambda ops, nn: ops.MLP(3, [5, 4, 2]), (2, 3, 3)),
    "MLP with a norm": (lambda ops, nn: ops.MLP(
        3, [5, 2], norm_layer=nn.LayerNorm, activation_layer=nn.GELU, bias=False, dropout=0.3), (4, 3)),
    "MLP in place": (lambda ops, nn: ops.MLP(3, [5, 2], inplace=True, dropout=0.3), (4, 3)),
    "MLP of one layer": (lambda ops, nn: ops.MLP(3, [2]), (4, 3)),
    "Permute": (lambda ops, nn: ops.Permute([0, -1, 1, 2]), (2, 3, 4, 5)),
    "FrozenBatchNorm2d": (lambda ops, nn: ops.FrozenBatchNorm2d(3, eps=0.1), (2, 3, 2, 4)),
}


def theirs(name):
    return LAYERS[name][0](torchvision("ops.misc"), torch.nn)


def battery(name):
    """A function of the input and the parameters, in evaluation; a frozen norm's buffers count as parameters."""
    make, shape = LAYERS[name]
    layer, other = make(ops, nn).double().eval(), theirs(name).double().eval()
    state = layer.state_dict()
    for i, (key, value) in enumerate(state.items()):
        if value.dtype.kind == "f":
            state[key] = np.random.default_rng(i).uniform(0.5 if "var" in key else -1, 1.5, value.shape)
    layer.load_state_dict(state)
    keys = [key for key in state if name == "FrozenBatchNorm2d" or key in dict(layer.named_parameters())]

    def here(x, *values):
        buffers = {key: buffer.to(x.device, x.dtype) for key, buffer in layer.named_buffers()}
        return functional_call(layer, {**buffers, **dict(zip(keys, values))}, x)

    def there(x, *values):
        buffers = {key: torch.from_numpy(buffer.numpy()) for key, buffer in layer.named_buffers()}
        return torch.func.functional_call(other, {**buffers, **dict(zip(keys, values))}, x)

    return Case(here, [S(shape, *[state[key] for key in keys])], torch=there, name=name)


@pytest.mark.parametrize("name", LAYERS)
def test_battery(name):
    torchvision("ops.misc")
    check_case(battery(name))


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_theirs(name):
    """Keys in their order, shapes, children, printing; and where nothing is random, outputs in training."""
    other, (make, shape) = theirs(name), LAYERS[name]
    layer = make(ops, nn)
    assert [(key, tuple(value.shape)) for key, value in layer.state_dict().items()] == \
        [(key, tuple(value.shape)) for key, value in other.state_dict().items()]
    assert [type(m).__name__ for m in layer.modules()] == [type(m).__name__ for m in other.modules()]
    assert [p.requires_grad for p in layer.parameters()] == [p.requires_grad for p in other.parameters()]
    if "dropout" not in repr(layer).lower() or "p=0.3" not in repr(layer):
        layer.load_state_dict({key: value.numpy() for key, value in other.state_dict().items()})
        x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
        expected = other(torch.from_numpy(x)).detach().numpy()
        np.testing.assert_allclose(layer(minidl.tensor(x)).detach().numpy(), expected, rtol=1e-5, atol=1e-6)


def test_what_others_ask_a_layer_for():
    there = torchvision("ops.misc")
    assert ops.Conv2dNormActivation(3, 8).out_channels == there.Conv2dNormActivation(3, 8).out_channels == 8
    assert repr(ops.FrozenBatchNorm2d(3)) == repr(there.FrozenBatchNorm2d(3))
    for layer in (ops.Conv2dNormActivation(3, 8)[2], ops.MLP(3, [4, 2], inplace=True)[2]):
        assert layer.inplace
    assert not ops.Conv2dNormActivation(3, 8, inplace=False)[2].inplace and not ops.MLP(3, [4, 2])[2].inplace


def test_permute_is_a_view():
    x = minidl.zeros(2, 3)
    ops.Permute((1, 0))(x)[2, 1] = 5
    assert x[1, 2] == 5


def test_a_frozen_norm_is_a_batch_norm_in_evaluation():
    norm = nn.BatchNorm2d(3)
    for _ in range(3):
        norm(minidl.randn(4, 3, 5, 5) * 2 + 1)
    nn.init.uniform_(norm.weight)
    model = nn.Sequential(ops.FrozenBatchNorm2d(3))
    state = nn.Sequential(norm).state_dict()
    assert model.load_state_dict(state) == ([], []) and "0.num_batches_tracked" in state
    x = minidl.randn(2, 3, 4, 4)
    np.testing.assert_allclose(model.train()(x).numpy(), norm.eval()(x).detach().numpy(), rtol=1e-5, atol=1e-6)
    assert list(model.state_dict()) == ["0.weight", "0.bias", "0.running_mean", "0.running_var"]


@pytest.mark.parametrize("call, kind, text", [
    (lambda: ops.MLP(3, []), IndexError, "MLP: hidden_channels needs at least the width of the output, but got []"),
    (lambda: ops.MLP(3, [2], dropout=2.0), ValueError, "dropout probability has to be between 0 and 1, but got 2.0"),
    (lambda: ops.Conv2dNormActivation(3, 4, groups=2), ValueError, "in_channels must be divisible by groups"),
    (lambda: ops.Conv2dNormActivation(3, 4, activation_layer=nn.Sigmoid), TypeError, "inplace"),
    (lambda: ops.Permute([0, 0])(minidl.ones(2, 2)), RuntimeError, ""),
])
def test_errors(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)
