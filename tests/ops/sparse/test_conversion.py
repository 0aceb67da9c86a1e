"""From dense to sparse and back: values, layouts, gradients, refusals."""
from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.ops.sparse import conversion
from tests.checking import Case, S, check_case

X = np.array([[0.0, 2.0, 0.0], [3.0, 0.0, -1.0]])
CASES = [
    Case(lambda x: conversion.to_sparse(x).to_dense(), [S(X), S(np.array([0.0, 1.0]))], oracle=lambda x: x, name="coo",
         grad=False),
    Case(lambda x: conversion.to_sparse_csr(x).to_dense(), [S(X)], oracle=lambda x: x, name="csr", grad=False),
    Case(lambda x: conversion.to_sparse(x, 1).values(), [S(X)], oracle=lambda x: x, name="hybrid"),
    Case(conversion.to_dense, [S(X)], oracle=lambda x: x),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_gradients_pass_to_the_entries():
    x = minidl.tensor(X, requires_grad=True)
    (x.to_sparse() * 2).to_dense().sum().backward()
    assert x.grad.tolist() == [[0, 2, 0], [2, 0, 2]]


def test_layouts():
    x = minidl.tensor(X)
    assert x.to_sparse().layout is minidl.sparse_coo
    assert x.to_sparse(layout=minidl.sparse_csr).layout is minidl.sparse_csr
    assert x.to_sparse(minidl.sparse_csr).is_sparse_csr and not x.to_sparse_csr().is_sparse and x.to_sparse().is_sparse
    assert x.layout is minidl.strided and not x.is_sparse and not x.is_sparse_csr
    assert [repr(v) for v in (minidl.strided, minidl.sparse_coo)] == ["minidl.strided", "minidl.sparse_coo"]


@pytest.mark.parametrize("call, text", [
    (lambda x: x.to_sparse(3), "must be in .0,2. range, but 3 is given"),
    (lambda x: x.to_sparse(0), "sparse_dim argument must be in >0"),
    (lambda x: x.to_sparse(layout=minidl.layout("jagged")), "expected a layout such as sparse_coo"),
    (lambda x: x.to_sparse_bsr((2, 2)), r"must be divisible by given blocksize \(2,2\)"),
    (lambda x: x.to_sparse_bsc((0, 1)), "blocksize needs to be positive"),
    (lambda x: x.to_sparse(layout=minidl.sparse_bsr), "without blocksize argument given is not supported"),
    (lambda x: x.to_sparse(blocksize=(1, 1)), "with blocksize argument given is not supported"),
    (lambda x: x.to_sparse_csr(dense_dim=1), r"must be in \[0,0\] range, but 1 is given"),
    (lambda x: x.to_sparse().to_sparse(1), "!=self.sparse_dim.. is not supported"),
    (lambda x: x.values(), "values expected sparse tensor layout but got Strided"),
    (lambda x: x.coalesce(), "coalesce expected sparse coordinate tensor layout but got Strided"),
    (lambda x: x.ccol_indices(), "ccol_indices expected sparse column compressed tensor layout"),
    (lambda x: x[0].to_sparse_csr(), "expected a sparse matrix"),
])
def test_refusals(call, text):
    with pytest.raises(RuntimeError, match=text):
        call(minidl.tensor(X))


def test_stacks_of_compressed_matrices_are_not_there():
    with pytest.raises(NotImplementedError, match="stacks of compressed matrices"):
        minidl.ones(2, 2, 2).to_sparse_csr()
    assert minidl.ones(2, 2, 2).to_sparse_csr(dense_dim=1).values().shape == (4, 2)
    assert minidl.ones(2, 2).to_sparse(layout=minidl.strided).is_sparse is False
    assert minidl.ones(2, 2).sparse_dim() == 0 and minidl.ones(2, 2).dense_dim() == 2
