"""The order of products from opt_einsum, and its own functions on Tensors."""
from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import minidl
from minidl.ops.linalg import contraction

oe = pytest.importorskip("opt_einsum")
switch = minidl.backends.opt_einsum


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    switch.enabled, switch.strategy = True, "auto"


def test_it_is_used_where_it_is_installed() -> None:
    assert switch.is_available() and switch.enabled and switch.get_opt_einsum() is oe


@pytest.mark.parametrize("strategy", ["auto", "greedy", "optimal"])
@pytest.mark.parametrize("equation, shapes", [
    ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 5)]), ("ij,jk,kl,lm->", [(2, 3), (3, 4), (4, 1), (1, 2)]),
    ("...ij,...jk,k->...i", [(2, 3, 4), (1, 4, 5), (5,)]), ("ii,i,ij->j", [(3, 3), (3,), (3, 2)]),
    ("i,j,k->kij", [(2,), (3,), (4,)])])
def test_the_result_is_that_without_it(strategy: str, equation: str, shapes: list[tuple[int, ...]]) -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape) for shape in shapes]
    given = [minidl.tensor(array, requires_grad=True) for array in arrays]
    switch.strategy = strategy
    found = minidl.einsum(equation, *given)
    np.testing.assert_allclose(found.detach().numpy(), np.einsum(equation, *arrays), rtol=1e-10)
    gradients = minidl.autograd.grad(found.sum(), given)
    switch.enabled = False
    assert contraction.find_order is None
    for a, b in zip(gradients, minidl.autograd.grad(minidl.einsum(equation, *given).sum(), given)):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-10)


def test_the_order_is_the_cheaper_one() -> None:
    """(8, 512) @ (512, 512) @ (512, 4): from the right, 1 million multiplications and 16 thousand; else 2 million."""
    inputs, size = [["i", "j"], ["j", "k"], ["k", "l"]], {"i": 8, "j": 512, "k": 512, "l": 4}
    assert contraction.find_order is not None
    assert contraction.find_order(inputs, ["i", "l"], size)[0] == (1, 2)


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="strategy expects one of auto, greedy, optimal, but got 'best'"):
        switch.strategy = "best"


def test_its_own_functions_take_tensors() -> None:
    a, b, c = (minidl.rand(size, requires_grad=True) for size in ((2, 3, 4), (3, 5), (5, 6)))
    found = oe.contract("ijk,jl,lm->mki", a, b, c)
    assert isinstance(found, minidl.Tensor) and found.shape == (6, 4, 2)
    assert minidl.allclose(found, minidl.einsum("ijk,jl,lm->mki", a, b, c))
    found.sum().backward()
    assert a.grad is not None and a.grad.shape == a.shape
