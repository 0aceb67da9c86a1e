"""Sparse tensors turned, cut, joined and indexed, against PyTorch's."""
from __future__ import annotations

import pytest

import minidl
from tests.ops.sparse.test_arithmetic import expect_alike, forms, needs_torch, torch, uncoalesced


def hybrid(lib):
    return lib.sparse_coo_tensor([[0, 2, 0]], [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], (3, 2))


@needs_torch
@pytest.mark.parametrize("make", [uncoalesced, lambda lib: uncoalesced(lib).coalesce(), hybrid], ids=range(3))
@pytest.mark.parametrize("function", [
    lambda lib, s: s[0], lambda lib, s: s[0, 1], lambda lib, s: s[:, 1], lambda lib, s: s[..., 1],
    lambda lib, s: s[None], lambda lib, s: s[-1],
    lambda lib, s: s[None, 2], lambda lib, s: s.select(1, -1), lambda lib, s: s.unsqueeze(0),
    lambda lib, s: s.index_select(0, lib.tensor([2, 0, 2])), lambda lib, s: s.index_select(-1, lib.tensor([1, 0])),
    lambda lib, s: s.narrow_copy(0, 1, 2), lambda lib, s: s.narrow_copy(1, 0, 1), lambda lib, s: lib.cat([s, s, s * 2]),
    lambda lib, s: lib.cat([s, s], 1), lambda lib, s: lib.stack([s, s * 2]), lambda lib, s: s.sparse_mask(s.coalesce()),
    lambda lib, s: s.sparse_mask((s * 0.5).coalesce()), lambda lib, s: lib.unbind(s)[2], lambda lib, s: list(s)[1],
    lambda lib, s: s.unsqueeze(-1), lambda lib, s: lib.index_select(s, 0, lib.tensor([1])),
], ids=range(22))
def test_against_torch(make, function):
    expect_alike(function(minidl, make(minidl)), function(torch, make(torch)))


@needs_torch
@pytest.mark.parametrize("name", ["csr", "csc"])
def test_rows_and_turns_of_compressed_matrices(name):
    ours, theirs = forms(minidl)[name], forms(torch)[name]
    for function in (lambda s: s[0], lambda s: s[1, 2], lambda s: s.t()):
        expect_alike(function(ours), function(theirs))
    assert forms(minidl)["bsr"].t().layout is minidl.sparse_bsc


@pytest.mark.parametrize("call, error, text", [
    (lambda s: s[5], IndexError, "index 5 is out of bounds for dimension 0 with size 3"),
    (lambda s: s.select(0, 7), IndexError, "index 7 out of range"),
    (lambda s: s[0:2], NotImplementedError, "narrow_copy"),
    (lambda s: s[minidl.tensor([0, 1])], NotImplementedError, "index_select"),
    (lambda s: s[[0, 1]], NotImplementedError, "to_dense"), (lambda s: s.select(2, 0), IndexError, "out of range"),
    (lambda s: s.__setitem__(0, 1.0), TypeError, "Cannot assign to a sparse tensor"),
    (lambda s: s.permute(0, 0), RuntimeError, "an order of the 2 sparse dimensions"),
    (lambda s: s.index_select(0, minidl.tensor([3])), IndexError, "index out of range for dimension 0 of size 3"),
    (lambda s: s.index_select(0, minidl.tensor([0.5])), IndexError, "a vector of integers"),
    (lambda s: s.narrow_copy(0, 2, 2), RuntimeError, r"start \(2\) \+ length \(2\) exceeds"),
    (lambda s: minidl.cat([s, s.t()]), RuntimeError, "Sizes of tensors must match except in dimension 0"),
    (lambda s: hybrid(minidl).transpose(0, 1), RuntimeError, "transposed dimensions must be sparse"),
    (lambda s: s.sparse_mask(minidl.ones(3, 4)), TypeError, "expected a sparse tensor as mask"),
    (lambda s: s.sparse_mask(s.t()), RuntimeError, "incompatible sizes"),
    (lambda s: s.unsqueeze(0).t(), RuntimeError, "<= 2 sparse"),
])
def test_refusals(call, error, text):
    with pytest.raises(error, match=text):
        call(uncoalesced(minidl))
