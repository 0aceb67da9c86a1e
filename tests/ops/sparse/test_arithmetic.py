"""Sparse tensors of every layout against PyTorch's: arithmetic, printed forms, products, refusals."""
from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.autograd import gradcheck, gradgradcheck
from minidl.autograd.tensorbase import wrap
from tests.strict_array import StrictArray

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
X = np.array([[0.0, 2.0, 0.0, -0.25], [3.0, 0.0, -1.0, 0.0]])
BLOCK = (1, 2)


def forms(lib, x=X, **how):
    dense = lib.tensor(x, **how)
    return {"coo": dense.to_sparse(), "csr": dense.to_sparse_csr(), "csc": dense.to_sparse_csc(),
            "bsr": dense.to_sparse_bsr(BLOCK), "bsc": dense.to_sparse_bsc(BLOCK)}


def uncoalesced(lib):
    return lib.sparse_coo_tensor([[0, 2, 2, 1, 0], [1, 3, 0, 2, 1]], [1.0, -2.0, 3.0, 0.5, 4.0], (3, 4))


def text(s):
    """The printed form as PyTorch's: its name is a letter shorter, which may break a line elsewhere."""
    return repr(s).replace("minidl.", "torch.").replace("dtype=torch.", "dtype=").replace(",\n       ", ", ")


def expect_alike(ours, theirs):
    assert str(ours.layout).split(".")[-1] == str(theirs.layout).split(".")[-1]
    assert str(ours.dtype).split(".")[-1] == str(theirs.dtype).split(".")[-1] and tuple(ours.shape) == tuple(
        theirs.shape)
    if ours.is_sparse:
        ours, theirs = ours.coalesce(), theirs.coalesce()
        assert ours.indices().tolist() == theirs.indices().tolist()
    np.testing.assert_allclose(ours.to_dense().numpy(), theirs.to_dense().numpy(), rtol=1e-6)


KEEP_ZERO = """abs ceil floor round trunc frac sign sgn deg2rad rad2deg sqrt square expm1 log1p erf relu signbit sin
sinh tan tanh asin asinh atan atanh isnan isinf isposinf isneginf neg positive""".split()


@needs_torch
@pytest.mark.parametrize("name", KEEP_ZERO)
def test_functions_that_keep_zeros(name):
    if name != "square":        # PyTorch has it for COO only
        for ours, theirs in zip(forms(minidl).values(), forms(torch).values()):
            if name not in ("frac", "positive") or ours.is_sparse:
                expect_alike(getattr(ours, name)(), getattr(theirs, name)())
    expect_alike(getattr(uncoalesced(minidl), name)(), getattr(uncoalesced(torch), name)())
    expect_alike(getattr(minidl, name)(uncoalesced(minidl)), getattr(torch, name)(uncoalesced(torch)))


@needs_torch
@pytest.mark.parametrize("function", [
    lambda lib, s, x: s * 2, lambda lib, s, x: 2.5 * s, lambda lib, s, x: s + s, lambda lib, s, x: x + s,
    lambda lib, s, x: s @ x.t() if s.layout not in (lib.sparse_bsc, lib.sparse_bsr) else s * 1,
    lambda lib, s, x: s.t(), lambda lib, s, x: s.to_sparse(), lambda lib, s, x: s.float(), lambda lib, s, x: s.clone(),
    lambda lib, s, x: s.to_sparse_bsr(BLOCK), lambda lib, s, x: s.to_sparse_bsc(BLOCK), lambda lib, s, x: s.sum(),
    lambda lib, s, x: s.transpose(-1, 0).transpose(0, 1), lambda lib, s, x: s.to_sparse().to_sparse_csc(),
    lambda lib, s, x: s if s.layout in (lib.sparse_bsr, lib.sparse_bsc) else s @ s.t(),
    lambda lib, s, x: x.sparse_mask(s) if s.layout in (lib.sparse_coo, lib.sparse_csr) else s,
], ids=range(16))
def test_every_layout(function):
    for (name, ours), theirs in zip(forms(minidl).items(), forms(torch).values()):
        if name in ("bsr", "bsc") and function(minidl, ours, minidl.ones(2, 4, dtype=minidl.float64)) is not None:
            if not isinstance(function(minidl, ours, minidl.tensor(X)), minidl.sparse.SparseTensor):
                continue        # dense + blocks: PyTorch has an internal error
        expect_alike(function(minidl, ours, minidl.tensor(X)), function(torch, theirs, torch.tensor(X)))


@needs_torch
@pytest.mark.parametrize("function", [
    lambda lib, s: s - s, lambda lib, s: s / 2, lambda lib, s: s // 2, lambda lib, s: s ** 2, lambda lib, s: s * s,
    lambda lib, s: s * lib.ones(4), lambda lib, s: s * lib.ones(3, 1), lambda lib, s: s * lib.tensor(2.0),
    lambda lib, s: lib.tensor(2.0) * s if lib is torch else s * 2, lambda lib, s: lib.mul(lib.ones(3, 4), s),
    lambda lib, s: s.int() * 2.5, lambda lib, s: s + s.int(), lambda lib, s: s.int() / 2,
    lambda lib, s: lib.sub(s, s, alpha=3), lambda lib, s: lib.div(s, 2, rounding_mode="floor"),
    lambda lib, s: lib.ones(3, 4) - s, lambda lib, s: s.norm(),
    lambda lib, s: s.coalesce().clone().mul_(2).add_(s.coalesce()), lambda lib, s: s.any(),
    lambda lib, s: lib.sparse.mm(s, s.t()), lambda lib, s: lib.hspmm(s, lib.ones(4, 2)),
    lambda lib, s: lib.smm(s, lib.ones(4, 2)),
    lambda lib, s: lib.ones(3) @ s, lambda lib, s: lib.mv(s, lib.ones(4)), lambda lib, s: lib.dsmm(s, lib.ones(4, 2)),
    lambda lib, s: lib.sparse.sampled_addmm(s.to_sparse_csr(), lib.ones(3, 2), lib.ones(2, 4), beta=0.5, alpha=2.0),
    lambda lib, s: lib.sparse.spdiags(lib.arange(1.0, 10).reshape(3, 3), lib.tensor([0, -1, 2]), (3, 4)),
    lambda lib, s: lib.sparse.spdiags(lib.arange(1.0, 4), lib.tensor([1]), (3, 4), layout=lib.sparse_csr),
    lambda lib, s: lib.sparse.softmax(s, 1), lambda lib, s: lib.sparse.log_softmax(s, 0, dtype=lib.float64),
    lambda lib, s: lib.sparse.sum(s, dim=1), lambda lib, s: lib.sparse.sum(s, dtype=lib.float64),
], ids=range(32))
def test_coo(function):
    expect_alike(function(minidl, uncoalesced(minidl)), function(torch, uncoalesced(torch)))


def matrix(values):
    return minidl.sparse_coo_tensor([[0, 2, 2, 1, 0], [1, 3, 0, 2, 1]], values, (3, 4))


@pytest.mark.parametrize("function", [
    lambda s, x: s @ s.t(), lambda s, x: s * s, lambda s, x: (s * x).tanh(), lambda s, x: s.to_sparse_csr().sin(),
    lambda s, x: s.to_sparse_bsr((3, 2)) * 2, lambda s, x: s.to_sparse_bsc((1, 2)) @ x.t(), lambda s, x: s[2],
    lambda s, x: s.index_select(1, minidl.tensor([3, 0, 3])), lambda s, x: minidl.cat([s, s * 2], 1),
    lambda s, x: s.narrow_copy(0, 1, 2), lambda s, x: x.sparse_mask(s), lambda s, x: s.t() * 2 + s.t(),
    lambda s, x: minidl.sparse.sampled_addmm(s.to_sparse_csr(), x[:, :2], x[:2]), lambda s, x: s.permute(1, 0)[0, 2],
    lambda s, x: s.sparse_mask((s * x).coalesce()), lambda s, x: s.square().sum(0), lambda s, x: minidl.smm(s, x.t()),
], ids=range(17))
def test_derivatives_to_second_order(function):
    rng = np.random.default_rng(0)
    v, x = (minidl.tensor(rng.standard_normal(shape), requires_grad=True) for shape in ((5,), (3, 4)))

    def dense(v, x):
        y = function(matrix(v), x)
        return y.to_dense() if isinstance(y, minidl.sparse.SparseTensor) else y

    assert gradcheck(dense, (v, x)) and gradgradcheck(dense, (v, x))


def test_gradcheck_of_sparse_inputs():
    s = minidl.tensor(X).to_sparse().requires_grad_()
    x = minidl.tensor(X.T.copy(), requires_grad=True)
    assert gradcheck(minidl.sparse.mm, (s, x), masked=True) and gradgradcheck(minidl.sparse.mm, (s, x), masked=True)
    assert gradcheck(lambda s: s.sin() * s, s)


@needs_torch
def test_printed_as_pytorch():
    made = [lambda lib, s=s: s(lib) for s in (
        uncoalesced, lambda lib: uncoalesced(lib).double(), lambda lib: uncoalesced(lib).int(),
        lambda lib: uncoalesced(lib).bool(), lambda lib: uncoalesced(lib).requires_grad_(),
        lambda lib: lib.sparse_coo_tensor((2, 3)), lambda lib: lib.eye(2000).to_sparse(),
        lambda lib: lib.ones(2, 2, 2).to_sparse(1), lambda lib: lib.ones(2, 2, 2).to_sparse_csr(dense_dim=1),
        lambda lib: lib.eye(5).to_sparse_csr().half().requires_grad_())]
    made += [lambda lib, name=name: forms(lib)[name] for name in forms(minidl)]
    for make in made:
        assert text(make(minidl)) == text(make(torch))


def test_printed_on_lines_of_eighty():
    assert repr(minidl.eye(2).to_sparse_csr()) == (
        "tensor(crow_indices=tensor([0, 1, 2]),\n       col_indices=tensor([0, 1]),\n"
        "       values=tensor([1., 1.]), size=(2, 2), nnz=2, layout=minidl.sparse_csr)")
    assert max(map(len, repr(uncoalesced(minidl).double().requires_grad_()).splitlines())) <= 80


@needs_torch
def test_grad_fn_and_complex_values():
    values = np.array([1 + 2j, 3 - 1j])
    ours = minidl.sparse_coo_tensor([[0, 1], [1, 0]], values, (2, 2))
    theirs = torch.sparse_coo_tensor([[0, 1], [1, 0]], values, (2, 2))
    z = np.array([[1j, 2.0], [3.0, 1 + 1j]])
    np.testing.assert_allclose((ours @ minidl.tensor(z)).numpy(), (theirs @ torch.tensor(z)).numpy())
    expect_alike(ours.conj(), theirs.conj())
    assert "grad_fn=<" in repr(uncoalesced(minidl).requires_grad_() * 2)


ON_DEVICE = [
    lambda s, d: d.to_sparse_csc(), lambda s, d: d.to_sparse_bsr(BLOCK).to_sparse().coalesce(), lambda s, d: s + s,
    lambda s, d: s * s, lambda s, d: s * d, lambda s, d: s @ d.t(), lambda s, d: s @ s.t(), lambda s, d: s[0],
    lambda s, d: s.index_select(0, s.indices()[0]), lambda s, d: s.unsqueeze(0).narrow_copy(1, 0, 1),
    lambda s, d: minidl.cat([s, s]), lambda s, d: minidl.sparse.softmax(s, 1), lambda s, d: s.sum(0),
    lambda s, d: s.smm(d.t()), lambda s, d: d.sparse_mask(s), lambda s, d: s.sparse_mask(s * 2),
    lambda s, d: minidl.hspmm(s, d.t()),
    lambda s, d: minidl.sparse_coo_tensor(s.indices(), s.values(), (2, 4)), lambda s, d: s.to_dense(),
    lambda s, d: minidl.sparse.spdiags(d, s.indices()[0, 1:3], (3, 4)),
]


@pytest.mark.parametrize("function", ON_DEVICE, ids=range(len(ON_DEVICE)))
def test_results_stay_on_their_device(function):
    dense = wrap(StrictArray(X))
    result = function(dense.to_sparse(), dense)
    assert isinstance(getattr(result, "stored", result).array, StrictArray)
    assert isinstance(getattr(result, "positions", dense.array), StrictArray)
