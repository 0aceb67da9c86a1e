"""Optimizers of complex parameters: both parts are updated like real ones, as in PyTorch."""
from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import optim

try:
    import torch
except ImportError:
    torch = None

ALGORITHMS = [("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1}), ("SGD", {"lr": 0.1}),
              ("Adam", {"lr": 0.1, "amsgrad": True}), ("AdamW", {"lr": 0.1}), ("NAdam", {}), ("RAdam", {"lr": 0.1}),
              ("RMSprop", {"momentum": 0.5, "centered": True}), ("Adagrad", {}),
              ("Adagrad", {"initial_accumulator_value": 0.5}), ("Adadelta", {}), ("Adamax", {}),
              ("Rprop", {}), ("ASGD", {})]


def fit(lib, name, kwargs, steps=5):
    """Towards a target, and the way there."""
    stream = np.random.default_rng(0)
    start, target = (stream.standard_normal((3, 2)) + 1j * stream.standard_normal((3, 2)) for _ in range(2))
    w = lib.tensor(start, requires_grad=True)
    optimizer = getattr(lib.optim, name)([w], **kwargs)
    way = []
    for _ in range(steps):
        optimizer.zero_grad()
        (w - lib.tensor(target)).abs().square().sum().backward()
        optimizer.step()
        way.append(w.detach().clone().numpy())
    return way, optimizer


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("name, kwargs", ALGORITHMS, ids=lambda value: value if isinstance(value, str) else "")
def test_the_way_is_pytorchs(name, kwargs):
    ours, optimizer = fit(minidl, name, kwargs)
    theirs, other = fit(torch, name, kwargs)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    mine, its = optimizer.state_dict()["state"].get(0, {}), other.state_dict()["state"].get(0, {})
    for key, value in its.items():
        if torch.is_tensor(value) and value.ndim:
            assert mine[key].dtype == minidl.complex128 and tuple(mine[key].shape) == tuple(value.shape)
            np.testing.assert_allclose(mine[key].numpy(), value.numpy(), rtol=1e-6)


def test_a_saved_state_is_loaded():
    _, optimizer = fit(minidl, "Adam", {"lr": 0.1})
    _, other = fit(minidl, "Adam", {"lr": 0.1}, steps=1)
    other.load_state_dict(optimizer.state_dict())
    (w,), (v,) = (o.param_groups[0]["params"] for o in (optimizer, other))
    with minidl.no_grad():
        v.copy_(w)
    v.grad = w.grad
    optimizer.step(), other.step()
    assert v.tolist() == w.tolist()


def test_adam_moves_both_parts_by_lr():
    """By hand: the first step of Adam is lr for every number, and a complex one has two."""
    w = minidl.tensor([1 + 1j], requires_grad=True)
    w.grad = minidl.tensor([5 - 0.01j])
    optim.Adam([w], lr=0.5).step()
    np.testing.assert_allclose(w.detach().numpy(), [0.5 + 1.5j], rtol=1e-5)
