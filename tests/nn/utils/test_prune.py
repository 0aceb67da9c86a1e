"""Pruning: against PyTorch, and by hand."""
from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.nn.utils import prune
from tests import strict_array  # noqa: F401  (registers the device "strict")

try:
    import torch
    from torch.nn.utils import prune as torch_prune
except ImportError:
    torch = torch_prune = None  # type: ignore[assignment]

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")


def conv(library: Any) -> Any:
    """The same weights in both libraries, in float64."""
    m = library.nn.Conv2d(4, 6, 3).double()
    stream = np.random.default_rng(0)
    with library.no_grad():
        for p in m.parameters():
            p.copy_(library.tensor(stream.standard_normal(tuple(p.shape))))
    return m


def scores(library: Any) -> Any:
    return library.tensor(np.random.default_rng(1).standard_normal((6, 4, 3, 3)))


# what does not draw random numbers, alone and one after another
PRUNINGS = {
    "identity": lambda p, L, m: p.identity(m, "weight"),
    "l1 number": lambda p, L, m: p.l1_unstructured(m, "weight", amount=7),
    "l1 share": lambda p, L, m: p.l1_unstructured(m, "weight", amount=0.333),
    "l1 none": lambda p, L, m: p.l1_unstructured(m, "weight", amount=0),
    "l1 all": lambda p, L, m: p.l1_unstructured(m, "weight", amount=1.0),
    "l1 scores": lambda p, L, m: p.l1_unstructured(m, "weight", amount=0.5, importance_scores=scores(L)),
    "l1 bias": lambda p, L, m: p.l1_unstructured(m, "bias", amount=2),
    "ln": lambda p, L, m: p.ln_structured(m, "weight", amount=2, n=2, dim=0),
    "ln share": lambda p, L, m: p.ln_structured(m, "weight", amount=0.5, n=1, dim=1),
    "ln last": lambda p, L, m: p.ln_structured(m, "weight", amount=1, n=float("inf"), dim=-1),
    "ln none": lambda p, L, m: p.ln_structured(m, "weight", amount=0.01, n=2, dim=0),
    "ln scores": lambda p, L, m: p.ln_structured(m, "weight", amount=2, n=2, dim=0, importance_scores=scores(L)),
    "mask": lambda p, L, m: p.custom_from_mask(m, "weight", scores(L) > 0),
    "l1 l1": lambda p, L, m: p.l1_unstructured(p.l1_unstructured(m, "weight", 10), "weight", 0.5),
    "l1 ln": lambda p, L, m: p.ln_structured(p.l1_unstructured(m, "weight", 0.8), "weight", 2, n=2, dim=0),
    "ln l1": lambda p, L, m: p.l1_unstructured(p.ln_structured(m, "weight", 3, n=2, dim=0), "weight", 0.5),
    "ln ln": lambda p, L, m: p.ln_structured(p.ln_structured(m, "weight", 3, n=2, dim=0), "weight", 1, n=2, dim=0),
    "l1 mask ln": lambda p, L, m: p.ln_structured(p.custom_from_mask(p.l1_unstructured(m, "weight", 9), "weight",
                                                                     scores(L) > 0), "weight", 0.5, n=2, dim=1),
    "weight and bias": lambda p, L, m: p.l1_unstructured(p.l1_unstructured(m, "weight", 9), "bias", 2),
}


def assert_same_state(ours: Any, theirs: Any) -> None:
    ours, theirs = ours.state_dict(), theirs.state_dict()
    assert list(ours) == list(theirs)
    for name, value in ours.items():
        np.testing.assert_allclose(value.numpy(), theirs[name].numpy(), rtol=1e-12, err_msg=name)


@needs_torch
@pytest.mark.parametrize("name", PRUNINGS)
def test_equals_pytorch(name: str) -> None:
    """State, output and gradients; after two steps of training; after pruning was made permanent."""
    ours, theirs = conv(minidl), conv(torch)
    x = np.random.default_rng(2).standard_normal((2, 4, 5, 5))
    for library, module, m in ((minidl, prune, ours), (torch, torch_prune, theirs)):
        assert PRUNINGS[name](module, library, m) is m and module.is_pruned(m)
        m.states = [copy.deepcopy({k: v.numpy() for k, v in m.state_dict().items()})]
        optimizer = library.optim.SGD(m.parameters(), lr=0.1)
        for _ in range(2):
            optimizer.zero_grad()
            y = m(library.tensor(x))
            (y ** 2).mean().backward()
            optimizer.step()
        m.states.append({**{k: v.numpy() for k, v in m.state_dict().items()}, "y": y.detach().numpy()})
    for a, b in zip(ours.states, theirs.states):
        assert list(a) == list(b)
        for k in a:
            np.testing.assert_allclose(a[k], b[k], rtol=1e-10, atol=1e-12, err_msg=k)
    for part in ("weight", "bias"):
        if hasattr(theirs, f"{part}_mask"):
            assert prune.remove(ours, part) is ours
            torch_prune.remove(theirs, part)
    assert_same_state(ours, theirs)
    assert not prune.is_pruned(ours)


@needs_torch
@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("amount", [20, 0.5])
def test_global_pruning_equals_pytorchs(before: bool, amount: float) -> None:
    pair = []
    for library, module in ((minidl, prune), (torch, torch_prune)):
        m = library.nn.Sequential(conv(library), library.nn.ReLU(), conv(library))
        if before:
            module.l1_unstructured(m[0], "weight", 30)
        given = {(m[2], "weight"): scores(library)}
        module.global_unstructured([(m[0], "weight"), (m[2], "weight"), (m[2], "bias")], module.L1Unstructured, given,
                                   amount=amount)
        pair.append(m)
    assert_same_state(*pair)


def test_by_hand() -> None:
    m = nn.Linear(2, 2, bias=False)
    with minidl.no_grad():
        m.weight.copy_(minidl.tensor([[1.0, -4.0], [3.0, 2.0]]))
    prune.l1_unstructured(m, "weight", amount=1)
    prune.ln_structured(m, "weight", amount=1, n=1, dim=0)      # rows as they are left: 0 + 4 and 3 + 2
    assert m.weight_mask.tolist() == [[0.0, 0.0], [1.0, 1.0]] and m.weight.tolist() == [[0.0, 0.0], [3.0, 2.0]]
    m(minidl.ones(1, 2)).sum().backward()
    assert m.weight_orig.grad.tolist() == [[0.0, 0.0], [1.0, 1.0]]
    original = m.weight_orig
    prune.remove(m, "weight")
    assert m.weight is original and m.weight.tolist() == [[0.0, 0.0], [3.0, 2.0]] and m.weight.is_leaf


@pytest.mark.parametrize("amount, count", [(5, 5), (0.25, 3), (1.0, 12)])
def test_random_unstructured(amount: float, count: int) -> None:
    minidl.manual_seed(0)
    masks = []
    for _ in range(2):
        m = prune.random_unstructured(nn.Linear(3, 4), "weight", amount)
        assert m.weight_mask.sum().item() == 12 - count
        masks.append(m.weight_mask.tolist())
    assert count == 12 or masks[0] != masks[1]


@pytest.mark.parametrize("dim, expected", [(0, 2), (1, 1), (-1, 1)])
def test_random_structured(dim: int, expected: int) -> None:
    minidl.manual_seed(0)
    m = prune.random_structured(nn.Linear(3, 4), "weight", expected, dim)
    channels = m.weight_mask.movedim(dim, 0).tolist()
    assert sum(not any(c) for c in channels) == expected and all(all(c) for c in channels if any(c))


def test_pruning_a_tensor_without_a_module() -> None:
    t = minidl.tensor([3.0, 1.0, 2.0, 4.0])
    assert prune.L1Unstructured(amount=2).prune(t).tolist() == [3.0, 0.0, 0.0, 4.0]
    assert prune.L1Unstructured(1).prune(t, default_mask=minidl.tensor([0.0, 1, 1, 1])).tolist() == [0.0, 0.0, 2.0, 4.0]
    assert prune.L1Unstructured(1).prune(t, importance_scores=-t + 4).tolist() == [3.0, 1.0, 2.0, 0.0]


def test_a_method_of_ones_own_and_the_container() -> None:
    class EverySecond(prune.BasePruningMethod):
        PRUNING_TYPE = "unstructured"

        def compute_mask(self, t: Any, default_mask: Any) -> Any:
            mask = default_mask.clone()
            mask.reshape(-1)[::2] = 0
            return mask

    m = nn.Linear(4, 1)
    first = EverySecond.apply(m, "weight")
    assert m.weight_mask.tolist() == [[0.0, 1.0, 0.0, 1.0]]
    both = EverySecond.apply(m, "weight")           # every second of those that are left
    assert m.weight_mask.tolist() == [[0.0, 0.0, 0.0, 1.0]]
    assert isinstance(both, prune.PruningContainer) and len(both) == 2 and both[0] is first and first in list(both)
    with pytest.raises(TypeError, match="is not a BasePruningMethod subclass"):
        both.add_pruning_method(5)  # type: ignore[arg-type]
    other = EverySecond()
    other._tensor_name = "bias"
    with pytest.raises(ValueError, match="acting on the parameter named 'weight'"):
        both.add_pruning_method(other)
    both.add_pruning_method(None)
    assert len(both) == 2


def test_copies_are_pruned_on_their_own() -> None:
    m = prune.l1_unstructured(nn.Linear(4, 2), "weight", 3)
    m(minidl.ones(1, 4))
    other = nn.Linear(4, 2)
    prune.identity(other, "weight")
    other.load_state_dict(m.state_dict())
    other(minidl.ones(1, 4))
    assert other.weight.tolist() == m.weight.tolist()


def test_on_another_device() -> None:
    m = prune.ln_structured(nn.Linear(4, 2).to("strict"), "weight", 1, n=2, dim=0)
    prune.l1_unstructured(m, "weight", 1)
    prune.random_unstructured(m, "weight", 1)
    m(minidl.ones(1, 4, device="strict"))
    assert str(m.weight.device) == str(m.weight_mask.device) == "strict"
    assert m.weight_mask.sum().item() == 2


@pytest.mark.parametrize("call, error, text", [
    (lambda m: prune.random_unstructured(m, "weight", "x"), TypeError, "Invalid type for amount: x"),
    (lambda m: prune.random_unstructured(m, "weight", -1), ValueError, "amount=-1 should either be a float"),
    (lambda m: prune.random_structured(m, "weight", 1.5, 0), ValueError, "amount=1.5 should either be a float"),
    (lambda m: prune.l1_unstructured(m, "weight", 13), ValueError, "amount=13 should be smaller than the number of"),
    (lambda m: prune.ln_structured(m, "weight", 5, n=1, dim=0), ValueError, "amount=5 should be smaller"),
    (lambda m: prune.random_structured(m, "bias", 1, dim=0), ValueError,
     "can only be applied to multidimensional tensors"),
    (lambda m: prune.random_structured(m, "weight", 1, dim=2), IndexError, "Invalid index 2 for tensor of size"),
    (lambda m: prune.l1_unstructured(m, "x", 1), AttributeError, "x"),
    (lambda m: prune.remove(m, "weight"), ValueError, "has to be pruned before pruning can be removed"),
    (lambda m: prune.custom_from_mask(m, "weight", minidl.ones(2, 2)), AssertionError, "must match self.mask shape"),
    (lambda m: prune.l1_unstructured(m, "weight", 1, minidl.ones(2)), AssertionError,
     "importance_scores should have the same"),
    (lambda m: prune.L1Unstructured(1).prune(minidl.ones(3), importance_scores=minidl.ones(2)), AssertionError,
     "same shape"),
    (lambda m: prune.global_unstructured([(m, "weight")], prune.L1Unstructured, 5, amount=1), TypeError,
     "of type dict"),
    (lambda m: prune.global_unstructured([(m, "weight")], prune.LnStructured, amount=1, n=1, dim=0), TypeError,
     'Only "unstructured" PRUNING_TYPE supported'),
])
def test_refused_and_left_as_it_was(call: Any, error: type[Exception], text: str) -> None:
    m = nn.Linear(3, 4)
    with pytest.raises(error, match=text):
        call(m)
    assert list(m.state_dict()) == ["weight", "bias"] and not prune.is_pruned(m)
