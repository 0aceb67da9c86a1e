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
    (lambda x: x.to_sparse(3), "expected a sparse_dim from 1 to 2, but got 3"),
    (lambda x: x.to_sparse(0), "expected a sparse_dim from 1 to 2, but got 0"),
    (lambda x: x.to_sparse(layout=minidl.strided), "expected layout sparse_coo or sparse_csr"),
    (lambda x: x[0].to_sparse_csr(), "expected a sparse matrix"),
])
def test_refusals(call, text):
    with pytest.raises(RuntimeError, match=text):
        call(minidl.tensor(X))
