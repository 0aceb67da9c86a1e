"""Lazy layers: what they are before the first call and what they become; PyTorch, where installed, as the oracle."""
from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.nn.lazy import LazyModuleMixin
from tests import strict_array  # noqa: F401  (registers the device "strict")

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")

# name, arguments, shape of the input
LAYERS: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    ("LazyLinear", {"out_features": 3}, (4, 6)),
    ("LazyLinear", {"out_features": 3, "bias": False}, (2, 4, 6)),
    ("LazyConv1d", {"out_channels": 4, "kernel_size": 3, "padding": "same"}, (2, 3, 7)),
    ("LazyConv2d", {"out_channels": 4, "kernel_size": (3, 2), "stride": 2, "groups": 2, "bias": False}, (2, 2, 6, 5)),
    ("LazyConv2d", {"out_channels": 4, "kernel_size": 3, "padding": 1, "padding_mode": "reflect"}, (3, 6, 5)),
    ("LazyConv3d", {"out_channels": 4, "kernel_size": 2, "dilation": 2}, (1, 2, 4, 4, 3)),
    ("LazyConvTranspose1d", {"out_channels": 4, "kernel_size": 3, "stride": 2, "output_padding": 1}, (2, 3, 5)),
    ("LazyConvTranspose2d", {"out_channels": 4, "kernel_size": 3, "groups": 2, "bias": False}, (2, 4, 3, 3)),
    ("LazyConvTranspose3d", {"out_channels": 2, "kernel_size": 2, "padding": 1, "dilation": 2}, (1, 2, 3, 3, 3)),
    ("LazyBatchNorm1d", {}, (4, 6)),
    ("LazyBatchNorm1d", {"eps": 0.1, "momentum": None, "affine": False}, (4, 3, 5)),
    ("LazyBatchNorm2d", {"track_running_stats": False, "bias": False}, (2, 3, 4, 4)),
    ("LazyBatchNorm3d", {"momentum": 0.3}, (2, 3, 2, 2, 2)),
    ("LazyInstanceNorm1d", {}, (2, 3, 5)),
    ("LazyInstanceNorm2d", {"affine": False, "track_running_stats": False}, (2, 3, 4, 4)),
    ("LazyInstanceNorm3d", {"bias": False}, (2, 3, 2, 2, 2)),
]
each_layer = pytest.mark.parametrize("name, settings, shape", LAYERS, ids=lambda x: x if isinstance(x, str) else "")


def input_of(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape)


def test_every_lazy_class_is_in_the_table() -> None:
    assert {name for name, *_ in LAYERS} == {name for name in nn.__all__ if name.startswith("Lazy")}


@needs_torch
@each_layer
def test_before_and_after_as_in_pytorch(name: str, settings: Any, shape: Any) -> None:
    ours, theirs = getattr(nn, name)(**settings), getattr(torch.nn, name)(**settings)
    assert repr(ours) == repr(theirs)
    assert {k: repr(v) for k, v in ours.state_dict().items()} == {k: repr(v) for k, v in theirs.state_dict().items()}
    assert ours.has_uninitialized_params() == theirs.has_uninitialized_params()
    ours.double()
    theirs.double()
    x = input_of(shape)
    y, z = ours(minidl.tensor(x)), theirs(torch.tensor(x))
    # without parameters, PyTorch's does not note the number of channels
    assert repr(ours) == repr(theirs).replace("(0, ", f"({shape[1]}, ")
    assert type(ours) is getattr(nn, name.removeprefix("Lazy"))
    assert not hasattr(ours, "has_uninitialized_params") and ours.state_dict().keys() == theirs.state_dict().keys()
    if "Norm" in name:
        np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), rtol=1e-9, atol=1e-12)
        for mine, other in zip(ours.state_dict().values(), theirs.state_dict().values()):
            np.testing.assert_allclose(mine.numpy(), other.numpy(), rtol=1e-9)
    else:
        theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
        np.testing.assert_allclose(y.detach().numpy(), theirs(torch.tensor(x)).detach().numpy(), rtol=1e-9, atol=1e-12)


@each_layer
def test_moved_copied_and_pickled_before_the_first_call(name: str, settings: Any, shape: Any) -> None:
    lazy = getattr(nn, name)(**settings).eval().to("strict").double()
    made_there = getattr(nn, name)(**settings, device="strict", dtype=minidl.float64).eval()
    waits = lazy.has_uninitialized_params()
    for twin in (copy.deepcopy(lazy), pickle.loads(pickle.dumps(lazy)), made_there, lazy):
        assert type(twin) is getattr(nn, name) and twin.has_uninitialized_params() == waits
        y = twin(minidl.tensor(input_of(shape)).to("strict"))
        assert not twin.training and y.dtype == np.float64 and y.device.type == "strict"
        assert {t.device.type for t in twin.state_dict().values()} <= {"strict"}
        assert {p.dtype for p in twin.parameters()} <= {np.dtype("float64")}


@each_layer
def test_state_goes_from_one_to_another(name: str, settings: Any, shape: Any) -> None:
    trained = getattr(nn, name)(**settings).double()
    x = minidl.tensor(input_of(shape))
    trained(x)
    fresh = getattr(nn, name)(**settings).double()
    assert repr(fresh.load_state_dict(trained.state_dict())) == "<All keys matched successfully>"
    assert not fresh.has_uninitialized_params() and type(fresh) is getattr(nn, name)
    assert fresh.eval()(x).equal(trained.eval()(x)) and repr(fresh) == repr(trained)
    lazy = getattr(nn, name)(**settings)
    lazy.load_state_dict(getattr(nn, name)(**settings).state_dict())
    assert type(lazy) is getattr(nn, name)


def test_a_lazy_state_does_not_fit_a_layer() -> None:
    with pytest.raises(RuntimeError, match="Can't access the shape of an uninitialized parameter or buffer"):
        nn.Linear(4, 3).load_state_dict(nn.LazyLinear(3).state_dict())
    with pytest.raises(RuntimeError, match='Missing key\\(s\\) in state_dict: "weight", "bias"'):
        nn.LazyLinear(3).load_state_dict({})


def test_a_network() -> None:
    net = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
    weight = net[0].weight
    net(minidl.randn(3, 1, 6, 6)).sum().backward()
    assert net[0].weight is weight and type(weight) is nn.Parameter and weight.grad.shape == (4, 1, 3, 3)
    assert [type(m).__name__ for m in net] == ["Conv2d", "BatchNorm2d", "ReLU", "Flatten", "Linear"]


def test_an_optimizer_made_before_the_first_call_trains() -> None:
    layer = nn.LazyLinear(1)
    optimizer = minidl.optim.Adam(layer.parameters(), lr=0.1)
    optimizer.zero_grad()
    layer(minidl.ones(2, 3)).sum().backward()
    before = layer.weight.tolist()
    optimizer.step()
    assert layer.weight.tolist() != before


def test_a_frozen_parameter_stays_frozen() -> None:
    layer = nn.LazyLinear(2)
    layer.weight.requires_grad = False
    layer(minidl.ones(1, 3))
    assert not layer.weight.requires_grad and layer.bias.requires_grad


def test_hooks_and_keywords() -> None:
    layer, seen = nn.LazyLinear(2), []
    layer.register_forward_pre_hook(lambda module, args, kwargs: seen.append(type(module).__name__), with_kwargs=True)
    assert layer(input=minidl.ones(1, 3)).shape == (1, 2) and seen == ["Linear"]


class Half(LazyModuleMixin, nn.Module):
    """Of its two parameters it forgets one."""

    def __init__(self) -> None:
        super().__init__()
        self.w, self.v = nn.UninitializedParameter(), nn.UninitializedParameter()

    def initialize_parameters(self, x: Any) -> None:
        self.w.materialize(x.shape)


class Undecided(LazyModuleMixin, nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w = nn.UninitializedParameter()


def assertion(layer: Any) -> Any:
    layer.load_state_dict(nn.Linear(4, 3).state_dict())
    return layer(minidl.ones(2, 5))


@pytest.mark.parametrize("action, kind, text", [
    (lambda: assertion(nn.LazyLinear(3)), AssertionError,
     "The in_features inferred from input: 5 is not equal to in_features from self.weight: 4"),
    (lambda: nn.LazyConv2d(4, 3)(minidl.ones(5, 5)), RuntimeError,
     "Expected 3D (unbatched) or 4D (batched) input to LazyConv2d, but got input of size: (5, 5)"),
    (lambda: nn.LazyConv2d(4, 3, groups=2)(minidl.ones(1, 3, 5, 5)), ValueError,
     "in_channels must be divisible by groups"),
    (lambda: nn.LazyConv2d(3, 3, groups=2), ValueError, "out_channels must be divisible by groups"),
    (lambda: nn.LazyBatchNorm1d()(minidl.ones(3)), ValueError, "expected 2D or 3D input (got 1D input)"),
    (lambda: Half()(minidl.ones(2)), RuntimeError, "module Half has not been fully initialized"),
    (lambda: Undecided()(minidl.ones(2)), NotImplementedError,
     "initialize_parameters is not implemented for Undecided"),
    (lambda: nn.UninitializedParameter().shape, RuntimeError, "Can't access the shape of an uninitialized parameter"),
    (lambda: nn.UninitializedParameter() * 2, ValueError, "Attempted to use an uninitialized parameter"),
    (lambda: nn.UninitializedParameter().numel(), ValueError, "Attempted to use an uninitialized parameter"),
    (lambda: nn.init.ones_(nn.LazyLinear(2).weight), ValueError, "Attempted to use an uninitialized parameter"),
    (lambda: nn.LazyLinear(2).to_empty(device="cpu"), RuntimeError, "Can't access the shape of an uninitialized"),
])
def test_errors(action: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as caught:
        action()
    assert text in str(caught.value)


def test_what_an_uninitialized_parameter_knows() -> None:
    p = nn.UninitializedParameter(requires_grad=False, dtype=minidl.float64)
    assert isinstance(p, nn.Parameter) and not p.requires_grad and p.is_leaf and p.grad is None
    assert (p.dtype, p.device.type, p.is_floating_point()) == (np.dtype("float64"), "cpu", True)
    p.materialize((2, 3))
    assert type(p) is nn.Parameter and p.shape == (2, 3) and p.dtype == np.float64 and not p.requires_grad
    b = nn.UninitializedBuffer()
    assert isinstance(b, nn.Buffer) and not b.requires_grad
    b.materialize((2,), dtype=minidl.int64)
    assert type(b) is minidl.Tensor and b.dtype == np.int64


def test_a_lazy_class_of_its_own_stays_what_it_is() -> None:
    class Scale(LazyModuleMixin, nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.calls = 0
            self.w = nn.UninitializedParameter()

        def initialize_parameters(self, x: Any) -> None:
            self.calls += 1
            self.w.materialize(x.shape)
            nn.init.constant_(self.w, 2.0)

        def forward(self, x: Any) -> Any:
            return x * self.w
    m = Scale()
    assert m(minidl.ones(2)).tolist() == m(minidl.ones(2)).tolist() == [2.0, 2.0]
    assert type(m) is Scale and m.calls == 1


@pytest.mark.parametrize("name", [name for name in minidl.optim.__all__ if name not in ("Optimizer", "SparseAdam")
                                  and isinstance(getattr(minidl.optim, name), type)])
def test_every_optimizer_takes_parameters_without_a_shape(name: str) -> None:
    if name in ("Adagrad", "Muon"):                     # they need the shape at once, in PyTorch too
        with pytest.raises((ValueError, RuntimeError), match="uninitialized parameter"):
            getattr(minidl.optim, name)(nn.LazyLinear(3, bias=False).parameters())
        return
    layer = nn.LazyLinear(3, bias=False)
    optimizer = getattr(minidl.optim, name)(layer.parameters(), lr=0.1)
    optimizer.zero_grad()

    def closure() -> Any:
        optimizer.zero_grad()
        loss = layer(minidl.ones(1, 2)).square().sum() + layer.weight.sum()
        loss.backward()
        return loss
    closure()
    before = layer.weight.detach().clone()
    optimizer.step(closure)
    assert not minidl.equal(before, layer.weight) and before.shape == (3, 2)


@pytest.mark.parametrize("init", [nn.init.normal_, nn.init.uniform_, nn.init.trunc_normal_, nn.init.zeros_,
                                  nn.init.ones_, lambda w: nn.init.constant_(w, 1.0)])
def test_initialisers_of_any_shape_refuse_a_parameter_without_one(init: Any) -> None:
    with pytest.raises(ValueError, match="Attempted to use an uninitialized parameter"):
        init(nn.LazyLinear(3).weight)


@pytest.mark.parametrize("init", [nn.init.xavier_uniform_, nn.init.kaiming_normal_, nn.init.orthogonal_,
                                  nn.init.eye_, nn.init.dirac_, lambda w: nn.init.sparse_(w, 0.1)])
def test_initialisers_of_matrices_refuse_a_parameter_without_a_shape(init: Any) -> None:
    with pytest.raises((ValueError, RuntimeError), match="uninitialized parameter"):
        init(nn.LazyLinear(3).weight)
