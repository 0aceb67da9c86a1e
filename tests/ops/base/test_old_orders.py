"""Numbers before tensors, names of NumPy's arguments, and `alpha` with a number: arguments of older programs."""
from __future__ import annotations

import numpy as np
import pytest

import minidl

try:
    import torch
except ImportError:
    torch = None

A, B, V = [[4.0, 1.0], [1.0, 3.0]], [[1.0, 2.0], [3.0, 5.0]], [1.0, 2.0]

OLD = {
    "add": lambda lib, t: t(A).add(2, t(B)), "add_": lambda lib, t: t(A).add_(2.0, t(B)),
    "sub": lambda lib, t: lib.sub(t(A), 3, t(B)), "sub_": lambda lib, t: t(A).sub_(3, t(B)),
    "addcmul_": lambda lib, t: t(A).addcmul_(0.5, t(B), t(B)),
    "addcdiv": lambda lib, t: lib.addcdiv(t(A), 2, t(A), t(B)),
    "addcdiv_": lambda lib, t: t(A).addcdiv_(-0.5, t(A), t(B)),
    "addmm": lambda lib, t: lib.addmm(2, t(A), 3, t(B), t(B)),
    "addmm_": lambda lib, t: t(A).addmm_(0.5, t(B), t(B)), "addmv": lambda lib, t: lib.addmv(2, t(V), 3, t(B), t(V)),
    "addr": lambda lib, t: lib.addr(2, t(A), 3, t(V), t(V)),
    "baddbmm": lambda lib, t: lib.baddbmm(2, t([A]), 3, t([B]), t([B])),
}
EXPECTED = {"add": [[6.0, 5.0], [7.0, 13.0]], "addcmul_": [[4.5, 3.0], [5.5, 15.5]],
            "addmm_": [[9.0, 12.5], [18.5, 32.5]], "addr": [[11.0, 8.0], [8.0, 18.0]]}


@pytest.mark.parametrize("name", OLD)
def test_numbers_before_tensors(name: str) -> None:
    with pytest.warns(UserWarning, match=f"This overload of {name} is deprecated"):
        found = OLD[name](minidl, minidl.tensor).tolist()
    assert found == EXPECTED.get(name, found)
    if torch is not None:
        assert found == OLD[name](torch, torch.tensor).tolist()


def test_what_is_no_order_is_refused() -> None:
    x = minidl.ones(2)
    for call in (lambda: x.add_(x, 2), lambda: x.addcmul_(1, 2, x), lambda: minidl.addmm(1, 2, 3, x, x)):
        with pytest.raises(TypeError):
            call()
    assert x.tolist() == [1.0, 1.0]


def test_gradients_pass_in_the_old_order() -> None:
    x = minidl.ones(2, requires_grad=True)
    with pytest.warns(UserWarning, match="deprecated"):
        x.add(3, x).sum().backward()
    assert x.grad.tolist() == [4.0, 4.0]


def test_a_number_times_alpha() -> None:
    x = minidl.tensor([1, 2])
    assert x.add(3, alpha=2).tolist() == [7, 8] and x.sub(1, alpha=2).tolist() == [-1, 0]
    assert minidl.ones(1).add_(1, alpha=0.5).tolist() == [1.5] and minidl.add(2.0, x, alpha=3).tolist() == [5.0, 8.0]
    assert minidl.tensor([False]).add(True, alpha=True).tolist() == [True]
    with pytest.raises(RuntimeError, match="alpha must not be a floating point"):
        x.add(1, alpha=0.5)


def test_names_of_numpy_and_of_linear_algebra() -> None:
    x = minidl.tensor(A)
    assert minidl.sum(x=x).item() == 9.0 and minidl.mean(a=x).item() == 2.25
    assert minidl.maximum(x1=x, x2=minidl.tensor(B)).tolist() == [[4.0, 2.0], [3.0, 5.0]]
    assert minidl.det(input=x).item() == pytest.approx(11.0) and minidl.matrix_power(input=x, n=0).tolist() == [
        [1.0, 0.0], [0.0, 1.0]]


def test_types_by_their_old_names() -> None:
    assert minidl.ones(1).type("torch.LongTensor").dtype == minidl.int64
    assert minidl.ones(1).type("DoubleTensor", non_blocking=True).dtype == minidl.float64
    assert minidl.randperm(3, dtype=minidl.float32, requires_grad=True).requires_grad
    assert minidl.gather(minidl.tensor(A), 0, minidl.tensor([[1, 0]]), sparse_grad=False).tolist() == [[1.0, 1.0]]


OVERLOADS = [
    lambda lib, t: t(A).hsplit(sections=2), lambda lib, t: lib.vsplit(t(A), indices=[1]),
    lambda lib, t: lib.dsplit(t([A]), sections=2),
    lambda lib, t: lib.linalg.pinv(t([[2.0, 0.0], [0.0, 0.5]]), 0.3), lambda lib, t: lib.linalg.pinv(t(A), rcond=0.6),
    lambda lib, t: lib.linalg.pinv(t(A), 0.6, True), lambda lib, t: lib.linalg.matrix_rank(t(A), 4.0),
    lambda lib, t: lib.linalg.matrix_rank(t(A), tol=1.0), lambda lib, t: lib.linalg.matrix_rank(t(A), 4.0, True),
    lambda lib, t: t(A).cholesky_solve(input2=t(A)), lambda lib, t: lib.orgqr(t(A), input2=t(V)),
    lambda lib, t: lib.ormqr(t(A), input2=t(V), input3=t(B)),
    lambda lib, t: lib.narrow_copy(t(A), 0, 0, 1, out=t([[0.0, 0.0]])),
    lambda lib, t: (t(A).random_(**{"from": 3, "to": 4}), t(A).uniform_(**{"from": 2, "to": 2})),
    lambda lib, t: (lib.linalg.svd(t(A), driver=None).S, lib.linalg.svdvals(t(A), driver=None)),
]
UNCLEAR = [
    lambda lib, t: lib.linalg.pinv(t(A), 0.1, rtol=0.1), lambda lib, t: lib.linalg.matrix_rank(t(A), tol=1.0, atol=1.0),
    lambda lib, t: lib.hsplit(t(A), 2, sections=2), lambda lib, t: t(A).random_(0, **{"from": 1}),
    lambda lib, t: lib.linalg.matrix_rank(t(A), 1.0, False, 2),
]


@pytest.mark.parametrize("number", range(len(OVERLOADS)))
def test_overloads(number: int) -> None:
    found = OVERLOADS[number](minidl, minidl.tensor)
    if torch is not None:
        expected = OVERLOADS[number](torch, torch.tensor)
        for ours, theirs in zip(*((x if isinstance(x, tuple) else (x,)) for x in (found, expected)), strict=True):
            assert np.allclose(ours.numpy(), theirs.numpy(), rtol=1e-5, atol=1e-6)


def test_overloads_by_hand() -> None:
    """0.5 is at most 0.3 times 2, and so no singular value; the rank counts those above the tolerance."""
    assert OVERLOADS[3](minidl, minidl.tensor).tolist() == [[0.5, 0.0], [0.0, 0.0]]
    assert OVERLOADS[6](minidl, minidl.tensor).item() == 1 and OVERLOADS[7](minidl, minidl.tensor).item() == 2


@pytest.mark.parametrize("call", UNCLEAR)
def test_what_two_overloads_would_take_is_refused(call) -> None:
    for lib, t in [(minidl, minidl.tensor), *([(torch, torch.tensor)] if torch is not None else [])]:
        with pytest.raises(TypeError):
            call(lib, t)


def test_methods_of_another_library_are_refused_on_the_cpu() -> None:
    for call in (minidl.linalg.svd, minidl.linalg.svdvals):
        with pytest.raises(RuntimeError, match="`driver=` is only supported on CUDA"):
            call(minidl.tensor(A), driver="gesvd")
        with pytest.raises(RuntimeError, match="driver expects None, 'gesvd'"):
            call(minidl.tensor(A), driver="fast")
