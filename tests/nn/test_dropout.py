"""Dropout layers in training; in evaluation they are in test_registry.py."""
from __future__ import annotations

import pytest

import minidl
from minidl import nn


@pytest.mark.parametrize("p", [0.0, 0.2, 0.5, 1.0])
def test_elements(p: float) -> None:
    minidl.manual_seed(0)
    x = minidl.ones(200, 100, requires_grad=True)
    y = nn.Dropout(p)(x)
    kept = y != 0
    assert abs(kept.float().mean().item() - (1 - p)) < 0.02
    assert (y[kept] == minidl.tensor(1 / (1 - p) if p < 1 else 0.0)).all().item()
    y.sum().backward()
    assert x.grad.equal(y.detach())     # of ones: what was multiplied with


def test_channels() -> None:
    minidl.manual_seed(0)
    y = nn.Dropout2d(0.5)(minidl.ones(20, 50, 3, 3))
    sums = y.sum((2, 3))
    assert set(sums.reshape(-1).tolist()) == {0.0, 18.0}
    assert abs((sums == 0).float().mean().item() - 0.5) < 0.1


def test_draws_anew_each_time_and_by_the_seed() -> None:
    m, x = nn.Dropout(), minidl.ones(100)
    minidl.manual_seed(3)
    first, second = m(x), m(x)
    minidl.manual_seed(3)
    assert m(x).equal(first) and not first.equal(second)


def test_in_place() -> None:
    x = minidl.ones(100)
    assert nn.Dropout(0.5, inplace=True)(x) is x and 0 < (x == 0).sum().item() < 100


@pytest.mark.parametrize("p", [-0.1, 1.5])
def test_errors(p: float) -> None:
    for kind in (nn.Dropout, nn.Dropout2d):
        with pytest.raises(ValueError, match=f"dropout probability has to be between 0 and 1, but got {p}"):
            kind(p)
