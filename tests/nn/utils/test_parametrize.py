"""Parametrizations and the older norms by hooks: against PyTorch, by what they promise, and by hand."""
from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.nn.utils import parametrizations, parametrize
from tests import strict_array  # noqa: F401  (registers the device "strict")

try:
    import torch
    from torch.nn.utils import parametrizations as _  # noqa: F401
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")

LAYERS = {
    "wide": (lambda n: n.Linear(5, 3), (4, 5)),
    "tall": (lambda n: n.Linear(3, 5), (4, 3)),
    "square": (lambda n: n.Linear(3, 3), (4, 3)),
    "conv": (lambda n: n.Conv2d(2, 3, 2), (1, 2, 4, 4)),
    "transposed": (lambda n: n.ConvTranspose2d(2, 3, 2), (1, 2, 4, 4)),
}
MAKES = {
    "weight_norm": lambda u, m: u.parametrizations.weight_norm(m),
    "weight_norm 1": lambda u, m: u.parametrizations.weight_norm(m, dim=1),
    "weight_norm None": lambda u, m: u.parametrizations.weight_norm(m, dim=None),
    "weight_norm bias": lambda u, m: u.parametrizations.weight_norm(m, "bias"),
    "spectral_norm": lambda u, m: u.parametrizations.spectral_norm(m),
    "spectral_norm 3": lambda u, m: u.parametrizations.spectral_norm(m, n_power_iterations=3, dim=1, eps=1e-3),
    "spectral_norm bias": lambda u, m: u.parametrizations.spectral_norm(m, "bias"),
    "orthogonal": lambda u, m: u.parametrizations.orthogonal(m),
    **{f"{kind} {trivial}": lambda u, m, kind=kind, trivial=trivial: u.parametrizations.orthogonal(
        m, orthogonal_map=kind, use_trivialization=trivial)
       for kind in ("matrix_exp", "cayley", "householder") for trivial in (True, False)},
    "two": lambda u, m: u.parametrizations.weight_norm(u.parametrizations.orthogonal(m), "bias"),
    "one on another": lambda u, m: u.parametrizations.spectral_norm(u.parametrizations.weight_norm(m)),
    "old weight_norm": lambda u, m: u.weight_norm(m),
    "old weight_norm None": lambda u, m: u.weight_norm(m, dim=None),
    "old spectral_norm": lambda u, m: u.spectral_norm(m),
    "old spectral_norm 2": lambda u, m: u.spectral_norm(m, n_power_iterations=2),
}


def make(library: Any, name: str, layer: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")             # the older forms are deprecated
        return MAKES[name](library.nn.utils, LAYERS[layer][0](library.nn).double())


def numbers(state: Any) -> dict[str, Any]:
    return {name: value.detach().numpy() for name, value in state.items()}


@needs_torch
@pytest.mark.parametrize("name, layer", [(name, layer) for name in MAKES for layer in LAYERS
                                         if (name, layer) != ("spectral_norm bias", "transposed")])  # dim would be 1
def test_equals_pytorch(name: str, layer: str) -> None:
    """Names and shapes of the state; from equal states, three steps of training and evaluation."""
    ours, theirs = make(minidl, name, layer), make(torch, name, layer)
    stream = np.random.default_rng(0)
    with torch.no_grad():
        for p in theirs.parameters():
            p.copy_(torch.tensor(stream.uniform(1.0, 1.9, tuple(p.shape))))
    assert [(n, v.shape) for n, v in numbers(ours.state_dict()).items()] \
        == [(n, v.shape) for n, v in numbers(theirs.state_dict()).items()]
    ours.load_state_dict(numbers(theirs.state_dict()))
    assert repr(ours) == repr(theirs)
    x = stream.standard_normal(LAYERS[layer][1])
    for library, m in ((minidl, ours), (torch, theirs)):
        optimizer = library.optim.SGD(m.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            (m(library.tensor(x)) ** 2).mean().backward()
            optimizer.step()
        m.grads = [p.grad.numpy().copy() for p in m.parameters()]
        m.eval()
        m.result = m(library.tensor(x)).detach().numpy()
    for n, value in numbers(ours.state_dict()).items():
        np.testing.assert_allclose(value, theirs.state_dict()[n].numpy(), rtol=1e-9, atol=1e-10, err_msg=n)
    for g, expected in zip(ours.grads, theirs.grads):
        np.testing.assert_allclose(g, expected, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(ours.result, theirs.result, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("layer", ["wide", "tall", "square"])
@pytest.mark.parametrize("name", [name for name in MAKES if name.split()[0] in (
    "orthogonal", "matrix_exp", "cayley", "householder")])
def test_orthogonal_weights_are(name: str, layer: str) -> None:
    m = make(minidl, name, layer)
    with minidl.no_grad():
        m.parametrizations.weight.original.add_(0.1)
        w = m.weight if m.weight.shape[0] >= m.weight.shape[1] else m.weight.T
        error = w.T @ w - minidl.eye(w.shape[1], dtype=w.dtype)
    assert abs(error.array).max() < 1e-10


def test_an_orthogonal_start_is_kept() -> None:
    """And a weight that is not is made so; rotations by hand: exp of [[0, -a], [a, 0]] turns by a."""
    m = nn.Linear(2, 2).double()
    nn.init.orthogonal_(m.weight)
    before = m.weight.detach().clone()
    parametrizations.orthogonal(m)
    np.testing.assert_allclose(m.weight.detach().numpy(), before.numpy(), atol=1e-12)
    m.weight = minidl.tensor([[2.0, 0.0], [0.0, -3.0]], dtype=minidl.float64)
    np.testing.assert_allclose(m.weight.detach().numpy(), [[1, 0], [0, -1]], atol=1e-12)
    free = parametrizations.orthogonal(nn.Linear(2, 2).double(), orthogonal_map="matrix_exp", use_trivialization=False)
    with minidl.no_grad():
        free.parametrizations.weight.original.copy_(minidl.tensor([[7.0, 5.0], [0.5, 3.0]]))
    turned = [[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]]
    np.testing.assert_allclose(free.weight.detach().numpy(), turned, atol=1e-12)


def test_weight_norm_by_hand() -> None:
    m = nn.Linear(2, 1, bias=False)
    m.weight = nn.Parameter(minidl.tensor([[3.0, 4.0]]))
    parametrizations.weight_norm(m)
    g, v = m.parametrizations.weight.original0, m.parametrizations.weight.original1
    assert g.tolist() == [[5.0]] and v.tolist() == [[3.0, 4.0]]
    with minidl.no_grad():
        g.fill_(10.0)
    assert m.weight.tolist() == [[6.0, 8.0]]
    m.weight = minidl.tensor([[0.0, 2.0]])
    assert g.tolist() == [[2.0]] and m.weight.tolist() == [[0.0, 2.0]]


def test_checkpoints_of_the_older_weight_norm_can_be_loaded() -> None:
    with pytest.warns(FutureWarning, match="is deprecated in favor of"):
        old = nn.utils.weight_norm(nn.Linear(3, 2))
    new = parametrizations.weight_norm(nn.Linear(3, 2))
    new.load_state_dict(old.state_dict())
    x = minidl.ones(1, 3)
    np.testing.assert_allclose(new(x).detach().numpy(), old(x).detach().numpy(), rtol=1e-6)


def test_spectral_norm_divides_by_the_largest_singular_value() -> None:
    m = nn.Linear(5, 4).double()
    far_apart = np.diag([4.0, 2, 1, 1, 1])[:4] + 0.1 * np.random.default_rng(0).standard_normal((4, 5))
    m.weight = nn.Parameter(minidl.tensor(far_apart))
    parametrizations.spectral_norm(m, n_power_iterations=50)
    original = m.parametrizations.weight.original.detach().numpy()
    np.testing.assert_allclose(m.weight.detach().numpy(), original / np.linalg.svd(original)[1][0], rtol=1e-10)
    m.eval()
    u = m.parametrizations.weight[0]._u.clone()
    m(minidl.ones(1, 5, dtype=minidl.float64))
    assert u.tolist() == m.parametrizations.weight[0]._u.tolist()


@pytest.mark.parametrize("name", ["old weight_norm", "old spectral_norm"])
def test_the_older_norms_can_be_removed(name: str) -> None:
    m = make(minidl, name, "wide")
    kind = name.split()[1]
    m(minidl.ones(1, 5, dtype=minidl.float64))
    with pytest.raises(RuntimeError, match=f"Cannot register two {kind} hooks on the same parameter weight"), \
            warnings.catch_warnings():
        warnings.simplefilter("ignore")
        getattr(nn.utils, kind)(m)
    m.eval()
    before = m(minidl.ones(1, 5, dtype=minidl.float64)).tolist()
    assert getattr(nn.utils, f"remove_{kind}")(m) is m
    assert list(m.state_dict()) == ["bias", "weight"] and isinstance(m.weight, nn.Parameter)
    assert m(minidl.ones(1, 5, dtype=minidl.float64)).tolist() == before
    with pytest.raises(ValueError, match=f"{kind} of 'weight' not found in"):
        getattr(nn.utils, f"remove_{kind}")(m)


# ---------------------------------------------------------------------- the machinery

class Double(nn.Module):
    def forward(self, x: Any) -> Any:
        return x * 2

    def right_inverse(self, y: Any) -> Any:
        return y / 2


class Shift(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.by = nn.Parameter(minidl.ones(()))

    def forward(self, x: Any) -> Any:
        return x + self.by

    def right_inverse(self, y: Any) -> Any:
        return y - self.by


class RankOne(nn.Module):
    def forward(self, x: Any, y: Any) -> Any:
        return x.unsqueeze(-1) @ y.unsqueeze(-2)

    def right_inverse(self, z: Any) -> Any:
        return z[:, 0].clone(), z[0].clone() / z[0, 0]


class Free(nn.Module):
    """Any function, and any right inverse."""

    def __init__(self, function: Any, right_inverse: Any = None) -> None:
        super().__init__()
        self.function = function
        if right_inverse is not None:
            self.right_inverse = right_inverse

    def forward(self, *x: Any) -> Any:
        return self.function(*x)


def linear() -> Any:
    m = nn.Linear(2, 2)
    with minidl.no_grad():
        m.weight.copy_(minidl.tensor([[1.0, 2.0], [3.0, 6.0]]))
    return m


def test_several_parametrizations_of_one_tensor() -> None:
    m = parametrize.register_parametrization(linear(), "weight", Double())
    before = m.parametrizations.weight.original
    assert before.tolist() == [[0.5, 1.0], [1.5, 3.0]] and m.weight.tolist() == [[1.0, 2.0], [3.0, 6.0]]
    parametrize.register_parametrization(m, "weight", Shift())
    assert m.weight.tolist() == [[2.0, 3.0], [4.0, 7.0]] and len(m.parametrizations.weight) == 2
    m.weight = minidl.ones(2, 2) * 5
    assert m.parametrizations.weight.original is before and before.tolist() == [[2.0, 2.0], [2.0, 2.0]]
    m(minidl.ones(1, 2)).sum().backward()
    assert before.grad.tolist() == [[2.0, 2.0], [2.0, 2.0]] and m.parametrizations.weight[1].by.grad.item() == 4.0
    assert [n for n, _ in m.named_parameters()] == ["bias", "parametrizations.weight.original",
                                                    "parametrizations.weight.1.by"]


def test_the_original_stays_the_object_that_an_optimizer_holds() -> None:
    m = linear()
    weight = m.weight
    parametrize.register_parametrization(m, "weight", Double())
    assert m.parametrizations.weight.original is weight
    parametrize.remove_parametrizations(m, "weight")
    assert m.weight is weight and weight.tolist() == [[1.0, 2.0], [3.0, 6.0]]


def test_several_originals() -> None:
    m = parametrize.register_parametrization(linear(), "weight", RankOne())
    assert m.weight.tolist() == [[1.0, 2.0], [3.0, 6.0]]
    names = ["parametrizations.weight.original0", "parametrizations.weight.original1"]
    assert [n for n, _ in m.named_parameters()] == ["bias", *names]
    m.weight = minidl.tensor([[2.0, 4.0], [1.0, 2.0]])
    assert m.parametrizations.weight.original0.tolist() == [2.0, 1.0]
    with pytest.raises(ValueError, match="parametrized in terms of a sequence of tensors"):
        parametrize.remove_parametrizations(m, "weight", leave_parametrized=False)
    parametrize.remove_parametrizations(m, "weight")
    assert m.weight.tolist() == [[2.0, 4.0], [1.0, 2.0]] and isinstance(m.weight, nn.Parameter)


def test_removing() -> None:
    m = parametrize.register_parametrization(linear(), "weight", Double())
    parametrize.register_parametrization(m, "bias", Double())
    assert type(m).__name__ == "ParametrizedLinear" and isinstance(m, nn.Linear)
    assert parametrize.is_parametrized(m) and parametrize.is_parametrized(m, "bias")
    parametrize.remove_parametrizations(m, "weight", leave_parametrized=False)
    assert m.weight.tolist() == [[0.5, 1.0], [1.5, 3.0]]
    assert not parametrize.is_parametrized(m, "weight") and parametrize.is_parametrized(m)
    parametrize.remove_parametrizations(m, "bias")
    assert type(m) is nn.Linear is parametrize.type_before_parametrizations(m)
    assert not parametrize.is_parametrized(m) and list(m.state_dict()) == ["weight", "bias"]
    with pytest.raises(ValueError, match="does not have a parametrization on weight"):
        parametrize.remove_parametrizations(m, "weight")


def test_buffers_can_be_parametrized() -> None:
    m = nn.BatchNorm1d(2)
    parametrize.register_parametrization(m, "running_var", Double())
    assert "parametrizations.running_var.original" in m.state_dict() and m.running_var.tolist() == [1.0, 1.0]
    parametrize.remove_parametrizations(m, "running_var")
    assert "running_var" in dict(m.named_buffers())


def test_copies_live_on_their_own() -> None:
    """Also when a parametrization is removed from one, and through pickle."""
    m = parametrize.register_parametrization(linear(), "weight", Double())
    for other in (copy.deepcopy(m), pickle.loads(pickle.dumps(m))):
        assert type(other) is type(m) and other.weight.tolist() == m.weight.tolist()
        with minidl.no_grad():
            other.parametrizations.weight.original.zero_()
        parametrize.remove_parametrizations(other, "weight")
        assert type(other) is nn.Linear and other.weight.tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert m.weight.tolist() == [[1.0, 2.0], [3.0, 6.0]]


def test_training_mode_and_devices_reach_them() -> None:
    m = parametrizations.spectral_norm(nn.Linear(3, 2).eval())
    assert not m.parametrizations.weight[0].training
    strict = m.to("strict")
    assert {str(v.device) for v in strict.state_dict().values()} == {"strict"} and str(strict.weight.device) == "strict"


def test_caching() -> None:
    calls: list[int] = []
    m = parametrize.register_parametrization(linear(), "weight", Free(lambda x: calls.append(1) or x * 2), unsafe=True)
    with parametrize.cached():
        first = m.weight
        with parametrize.cached():
            assert m.weight is first
        assert m.weight is first
    assert len(calls) == 1
    assert m.weight is not m.weight and len(calls) == 3


def test_unsafe_lets_the_shape_change() -> None:
    m = parametrize.register_parametrization(linear(), "weight", Free(lambda x: x[:1]), unsafe=True)
    assert m.weight.shape == (1, 2)
    parametrize.remove_parametrizations(m, "weight")
    assert m.weight.shape == (1, 2)


def test_transferring() -> None:
    source = parametrize.register_parametrization(linear(), "weight", Double())
    target = nn.Linear(2, 2)
    assert parametrize.transfer_parametrizations_and_params(source, target) is target
    assert target.weight.tolist() == source.weight.tolist()
    assert target.parametrizations.weight.original is not source.parametrizations.weight.original
    assert parametrize.transfer_parametrizations_and_params(nn.Linear(2, 2), nn.Linear(2, 2)).weight.is_leaf


SAME = "Registering a parametrization may not change the"


@pytest.mark.parametrize("parametrization, text", [
    (Free(lambda x: x.double()), f"{SAME} dtype of the tensor, unless `unsafe` flag is enabled"),
    (Free(lambda x: x[0]), f"{SAME} shape of the tensor"),
    (Free(lambda x: 3), "A parametrization must return a tensor. Got int."),
    (Free(lambda x: x, lambda x: 3), r"'right_inverse' must return a Tensor or a Sequence .* Got int"),
    (Free(lambda x: x, lambda x: x[0]), f"{SAME} shape"),
    (Free(lambda x: x, lambda x: x.double()), "When `right_inverse` outputs one tensor, it may not change the dtype"),
    (Free(lambda x, y: x, lambda x: (x, 3)), "Got element 1 of the sequence with type int"),
])
def test_refused(parametrization: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        parametrize.register_parametrization(linear(), "weight", parametrization)


@pytest.mark.parametrize("parametrization, text", [
    (Free(lambda x: x.double()), f"{SAME} dtype of the tensor, unless the `unsafe` flag is enabled"),
    (Free(lambda x: x[0]), f"{SAME} shape of the tensor"),
    (Free(lambda x: 3), "A parametrization must return a tensor. Got int."),
    (Free(lambda x: x, lambda x: 3), "parametrization.right_inverse must return a tensor. Got: int"),
    (Free(lambda x: x, lambda x: x[0]), "must have the same shape as module.weight"),
])
def test_refused_on_top_of_another(parametrization: Any, text: str) -> None:
    m = parametrize.register_parametrization(linear(), "weight", Double())
    with pytest.raises(ValueError, match=text):
        parametrize.register_parametrization(m, "weight", parametrization)
    assert m.weight.tolist() == [[1.0, 2.0], [3.0, 6.0]]


def test_assignments_refused() -> None:
    m = parametrize.register_parametrization(linear(), "weight", Free(lambda x: x * 2))
    with pytest.raises(RuntimeError, match="parametrization Free does not implement right_inverse"):
        m.weight = minidl.ones(2, 2)
    m = parametrizations.weight_norm(linear())
    with pytest.raises(ValueError, match="has dtype float64 while `original0` has dtype float32"):
        m.weight = minidl.ones(2, 2, dtype=minidl.float64)
    m = parametrizations.orthogonal(linear(), orthogonal_map="cayley", use_trivialization=False)
    with pytest.raises(NotImplementedError, match="use_trivialization=False"):
        m.weight = minidl.ones(2, 2)
    with pytest.raises(ValueError, match="requires one or more modules"):
        parametrize.ParametrizationList([], minidl.ones(1))


@pytest.mark.parametrize("call, error, text", [
    (lambda m: parametrize.register_parametrization(m, "x", Double()), ValueError,
     "does not have a parameter, a buffer"),
    (lambda m: parametrizations.weight_norm(m, "x"), ValueError, "does not have a parameter, a buffer"),
    (lambda m: parametrizations.spectral_norm(m, "x"), ValueError, "has no parameter or buffer with name 'x'"),
    (lambda m: parametrizations.orthogonal(m, "x"), ValueError, "has no parameter or buffer with name 'x'"),
    (lambda m: parametrizations.orthogonal(m, "bias"), ValueError,
     "Expected a matrix or batch of matrices. Got a tensor of 1"),
    (lambda m: parametrizations.orthogonal(m, orthogonal_map="x"), ValueError, "orthogonal_map has to be one of"),
    (lambda m: parametrizations.spectral_norm(m, n_power_iterations=0), ValueError, "to be positive, but got n_power"),
    (lambda m: nn.utils.spectral_norm(m, n_power_iterations=0), ValueError, "to be positive, but got n_power"),
    (lambda m: parametrizations.spectral_norm(m, dim=3), IndexError,
     r"Dimension out of range \(expected to be in range"),
])
def test_arguments_refused(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call(linear())
