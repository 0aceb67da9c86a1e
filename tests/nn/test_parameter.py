"""Parameter: a leaf that shares memory with what it was made of."""
from __future__ import annotations

import copy
import pickle

import pytest

import minidl
from minidl import nn


def test_shares_memory_and_forgets_history() -> None:
    x = minidl.ones(2, requires_grad=True) * 3
    p = nn.Parameter(x)
    assert p.is_leaf and p.requires_grad and p.grad_fn is None
    assert p.data_ptr() == x.data_ptr()
    with minidl.no_grad():
        p.mul_(2)
    assert x.tolist() == [6.0, 6.0]


def test_a_write_is_noticed_on_both_sides() -> None:
    data = minidl.ones(2)
    w = minidl.ones(2, requires_grad=True)
    y = (w * data).sum()    # keeps data
    p = nn.Parameter(data)
    with minidl.no_grad():
        p.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_results_are_plain_tensors() -> None:
    p = nn.Parameter(minidl.ones(2))
    assert type(p) is nn.Parameter and isinstance(p, minidl.Tensor)
    assert {type(t) for t in (p * 2, p + p, p.detach(), p[0], p.reshape(2, 1), p.data, p.clone())} == {minidl.Tensor}


def test_repr() -> None:
    assert repr(nn.Parameter(minidl.tensor([1.0, 2.5]))) == \
        "Parameter containing:\ntensor([1.0000, 2.5000], requires_grad=True)"
    assert repr(nn.Parameter(minidl.tensor([1, 2]), requires_grad=False)) == "Parameter containing:\ntensor([1, 2])"


def test_empty_and_frozen() -> None:
    assert nn.Parameter().shape == (0,)
    assert not nn.Parameter(minidl.ones(1), requires_grad=False).requires_grad


@pytest.mark.parametrize("data, kind, text", [
    ([1.0], TypeError, "expected data to be a Tensor, but got list"),
    (minidl.tensor([1]), RuntimeError, "only Tensors of floating point"),
])
def test_errors(data: object, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        nn.Parameter(data)  # type: ignore[arg-type]


def test_copies_are_parameters() -> None:
    p = nn.Parameter(minidl.ones(2))
    p.grad = minidl.zeros(2)
    for twin in (copy.deepcopy(p), pickle.loads(pickle.dumps(p))):
        assert type(twin) is nn.Parameter and twin.requires_grad and twin.tolist() == p.tolist()
        assert twin.data_ptr() != p.data_ptr() and twin.grad is None
