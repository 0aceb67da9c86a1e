"""Maxout and DropConnect; what PyTorch has no counterpart of is held against other layers and against loops."""
from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import nn


def test_maxout_is_the_largest_piece() -> None:
    m = nn.Maxout(3, 2, pieces=4).double()
    x = np.random.default_rng(0).normal(size=(5, 3))
    W, b = (p.detach().numpy().reshape(2, 4, -1) for p in m.parameters())
    expected = [[max(W[j, i] @ row + b[j, i, 0] for i in range(4)) for j in range(2)] for row in x]
    np.testing.assert_allclose(m(minidl.tensor(x)).detach().numpy(), expected)
    assert list(m.state_dict()) == ["linear.weight", "linear.bias"] and m.linear.weight.shape == (8, 3)
    assert repr(m).startswith("Maxout(\n  3, 2, pieces=4\n")


def test_maxout_with_a_piece_of_zero_is_relu() -> None:
    m = nn.Maxout(3, 3, bias=False).double()
    with minidl.no_grad():
        m.linear.weight.zero_()
        m.linear.weight[::2] = minidl.eye(3, dtype=minidl.float64)
    x = minidl.randn(4, 3, dtype=minidl.float64)
    assert m(x).equal(x.relu())


def test_drop_connect_drops_weights() -> None:
    m, x = nn.DropConnect(100, 50, p=0.25), minidl.eye(100)
    minidl.manual_seed(0)
    y = m(x) - m.bias       # the weights that are left
    dropped = y == 0
    assert abs(dropped.float().mean().item() - 0.25) < 0.02
    np.testing.assert_allclose(y[~dropped].detach().numpy(), (m.weight.T / 0.75)[~dropped].detach().numpy(), rtol=1e-4)
    minidl.manual_seed(0)
    assert m(x).equal(y + m.bias) and not m(x).equal(y + m.bias)
    twin = nn.Linear(100, 50)
    twin.load_state_dict(m.state_dict())
    assert m.eval()(x).equal(twin(x))
    assert repr(m) == "DropConnect(in_features=100, out_features=50, bias=True, p=0.25)"


def test_weights_that_are_dropped_have_no_gradient() -> None:
    m = nn.DropConnect(20, 10)
    minidl.manual_seed(0)
    y = m(minidl.eye(20)) - m.bias
    y.sum().backward()
    assert ((m.weight.grad == 0).T == (y == 0)).all().item()


def test_errors() -> None:
    with pytest.raises(ValueError, match="pieces must be at least 1, but got 0"):
        nn.Maxout(2, 2, 0)
    with pytest.raises(ValueError, match="dropout probability has to be between 0 and 1, but got 1.5"):
        nn.DropConnect(2, 2, 1.5)
