"""Derivatives of functions: by hand, against each other, and against PyTorch."""
import numpy as np
import pytest

import minidl
from minidl.autograd import functional as F
from minidl.autograd import gradcheck

try:
    import torch
except ImportError:
    torch = None


def double(*shape, seed=0, requires_grad=False):
    return minidl.tensor(np.random.default_rng(seed).standard_normal(shape), requires_grad=requires_grad)


def cube_sum(x, y):
    return (x ** 3).sum() + (x * y).sum() ** 2


def two_outputs(x, y):
    return x * y.sum(), (x ** 2).sum()


@pytest.mark.parametrize("strategy", ["reverse-mode", "forward-mode"])
def test_jacobian_by_hand(strategy):
    x = minidl.tensor([1.0, 2.0])
    jacobian = F.jacobian(lambda x: minidl.stack([x[0] * x[1], x[0] ** 2, x[1]]), x, strategy=strategy)
    assert jacobian.tolist() == [[2, 1], [2, 0], [0, 1]] and not jacobian.requires_grad


def test_hessian_by_hand():
    """x^3 + 5xy: second derivatives 6x, 5, 0."""
    blocks = F.hessian(lambda x, y: x ** 3 + 5 * x * y, (minidl.tensor(2.0), minidl.tensor(1.0)))
    assert [[b.item() for b in row] for row in blocks] == [[12, 5], [5, 0]]


@pytest.mark.parametrize("name", ["vjp", "jvp", "jacobian"])
@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
def test_tuples_against_torch(name):
    x, y = double(3), double(3, seed=1)
    vs = {
        "vjp": ((double(3, seed=2), double(seed=3)),),
        "jvp": ((double(3, seed=2), double(3, seed=3)),),
        "jacobian": (),
    }[name]
    ours = getattr(F, name)(two_outputs, (x, y), *vs)
    theirs = getattr(torch.autograd.functional, name)(
        two_outputs,
        (torch.tensor(x.numpy()), torch.tensor(y.numpy())),
        *[tuple(torch.tensor(v.numpy()) for v in t) for t in vs])
    assert_trees_equal(ours, theirs)


@pytest.mark.parametrize("name", ["hessian", "hvp", "vhp"])
@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
def test_second_order_against_torch(name):
    x, y = double(3), double(3, seed=1)
    vs = () if name == "hessian" else ((double(3, seed=2), double(3, seed=3)),)
    ours = getattr(F, name)(cube_sum, (x, y), *vs)
    theirs = getattr(torch.autograd.functional, name)(
        cube_sum,
        (torch.tensor(x.numpy()), torch.tensor(y.numpy())),
        *[tuple(torch.tensor(v.numpy()) for v in t) for t in vs])
    assert_trees_equal(ours, theirs)


def assert_trees_equal(ours, theirs):
    if isinstance(theirs, tuple):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs):
            assert_trees_equal(a, b)
    else:
        assert tuple(ours.shape) == tuple(theirs.shape)
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-9, atol=1e-12)


def test_create_graph_makes_results_differentiable():
    x = double(3, requires_grad=True)
    for function in (lambda x: F.jacobian(lambda x: x ** 3, x, create_graph=True),
                     lambda x: F.jacobian(lambda x: x ** 3, x, create_graph=True, strategy="forward-mode"),
                     lambda x: F.hessian(lambda x: (x ** 4).sum(), x, create_graph=True),
                     lambda x: F.jvp(lambda x: x ** 3, x, minidl.ones(3, dtype=minidl.float64), create_graph=True)[1],
                     lambda x: F.vjp(lambda x: x ** 3, x, minidl.ones(3, dtype=minidl.float64), create_graph=True)[1]):
        assert gradcheck(function, x)


def test_no_path():
    x = minidl.ones(2)
    assert F.jacobian(lambda x: minidl.ones(2), x).tolist() == [[0, 0], [0, 0]]
    with pytest.raises(RuntimeError, match="does not depend on input 0"):
        F.jacobian(lambda x: minidl.ones(2), x, strict=True)


@pytest.mark.parametrize("call, kind, text", [
    (lambda x: F.vjp(lambda x: x * 2, x), RuntimeError, "can only be left out"),
    (lambda x: F.jvp(lambda x: x * 2, x, minidl.ones(5)), RuntimeError, r"v has shape \[\(5,\)\], expected \[\(2,\)\]"),
    (lambda x: F.hessian(lambda x: x * 2, x), RuntimeError, "must return one number"),
    (lambda x: F.jacobian(lambda x: 3, x), TypeError, "must return Tensors"),
    (lambda x: F.jacobian(lambda x: x, x, strategy="sideways"), ValueError, "sideways"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind, match=text):
        call(minidl.ones(2))
