"""Sparse tensors against PyTorch's and dense ones: construction, arithmetic, sums, softmax, gradients, refusals."""
from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import minidl
from minidl.autograd import gradcheck, gradgradcheck
from minidl.sparse import sparse_coo_tensor, sparse_csr_tensor

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
INDICES = [[0, 2, 2, 1, 0], [1, 3, 0, 2, 1]]       # (0, 1) is named twice
VALUES = [1.0, -2.0, 3.0, 0.5, 4.0]
SIZE = (3, 4)


def double(*shape, requires_grad=False):
    return minidl.tensor(np.random.default_rng(len(shape)).standard_normal(shape), requires_grad=requires_grad)


def sample(values=VALUES):
    return sparse_coo_tensor(INDICES, values, SIZE, dtype=minidl.float64)


def theirs(values=VALUES):
    return torch.sparse_coo_tensor(INDICES, values, SIZE, dtype=torch.float64, check_invariants=True)


def parts(s):
    s = s.coalesce()
    return s.indices().tolist(), s.values().tolist(), tuple(s.shape)


PAIRS = [
    lambda s, m, x, y: m.mm(s, x), lambda s, m, x, y: m.matmul(s, x[:, 0]), lambda s, m, x, y: s @ x,
    lambda s, m, x, y: m.spmm(s, x), lambda s, m, x, y: m.sparse.mm(s, x), lambda s, m, x, y: m.mv(s, x[:, 0]),
    lambda s, m, x, y: m.sparse.addmm(y[:, :2], s, x, beta=0.5, alpha=2.0), lambda s, m, x, y: y + s,
    lambda s, m, x, y: s.t() @ y, lambda s, m, x, y: m.sparse.sum(s), lambda s, m, x, y: (s + s * 3).to_dense(),
    lambda s, m, x, y: (s - s / 2).to_dense(), lambda s, m, x, y: m.sparse.sum(s, 1).to_dense(),
    lambda s, m, x, y: m.sparse.sum(s, 0).to_dense(), lambda s, m, x, y: m.sparse.sum(s, (0, 1)),
    lambda s, m, x, y: s.transpose(0, 1).to_dense(), lambda s, m, x, y: (-s).to_dense(),
    lambda s, m, x, y: m.sparse.softmax(s, 1).to_dense(), lambda s, m, x, y: m.sparse.softmax(s, 0).to_dense(),
    lambda s, m, x, y: m.sparse.log_softmax(s, dim=1).to_dense(), lambda s, m, x, y: (s.coalesce() * y).to_dense(),
]


@needs_torch
def test_against_torch():
    ours, other = sample(), theirs()
    x, y = double(4, 2), double(3, 4)
    tx, ty = torch.tensor(x.numpy()), torch.tensor(y.numpy())
    assert parts(ours) == parts(other) and ours.to_dense().tolist() == other.to_dense().tolist()
    assert ours._indices().tolist() == other._indices().tolist() and ours._values().tolist() == other._values().tolist()
    assert (ours._nnz(), ours.is_coalesced(), ours.sparse_dim(), ours.dense_dim()) == (
        other._nnz(), other.is_coalesced(), other.sparse_dim(), other.dense_dim())
    for function in PAIRS:
        expected = function(other, torch, tx, ty)
        np.testing.assert_allclose(function(ours, minidl, x, y).numpy(), expected.numpy(), rtol=1e-9)


@needs_torch
def test_csr_against_torch():
    crow, col, values = [0, 1, 1, 3], [3, 0, 2], [1.0, 2.0, 3.0]
    ours = sparse_csr_tensor(crow, col, values, (3, 4))
    other = torch.sparse_csr_tensor(crow, col, values, (3, 4))
    for s in (ours, ours.to_dense().to_sparse_csr(), ours.to_sparse().to_sparse_csr()):
        assert (s.crow_indices().tolist(), s.col_indices().tolist(), s.values().tolist()) == (
            other.crow_indices().tolist(), other.col_indices().tolist(), other.values().tolist())
    assert (ours @ minidl.ones(4, 2)).tolist() == (other @ torch.ones(4, 2)).tolist()
    assert tuple(sparse_csr_tensor(crow, col, values).shape) == tuple(torch.sparse_csr_tensor(crow, col, values).shape)
    assert repr(ours).startswith("tensor(crow_indices=tensor([0, 1, 1, 3]),\n       col_indices=")
    unordered = sparse_csr_tensor([0, 2], [2, 0], [1.0, 2.0], (1, 3))
    assert unordered.col_indices().tolist() == [0, 2] and unordered.values().tolist() == [2.0, 1.0]


@needs_torch
def test_gradients_against_torch():
    v, x = double(5, requires_grad=True), double(4, 2, requires_grad=True)
    tv, tx = (torch.tensor(t.detach().numpy(), requires_grad=True) for t in (v, x))
    (minidl.sparse.mm(sample(v), x) ** 2).sum().backward()
    (torch.sparse.mm(torch.sparse_coo_tensor(INDICES, tv, SIZE), tx) ** 2).sum().backward()
    np.testing.assert_allclose(v.grad.numpy(), tv.grad.numpy(), rtol=1e-9)
    np.testing.assert_allclose(x.grad.numpy(), tx.grad.numpy(), rtol=1e-9)
    leaf = sparse_coo_tensor(INDICES, VALUES, SIZE, requires_grad=True)
    other = torch.sparse_coo_tensor(INDICES, VALUES, SIZE, requires_grad=True)
    (leaf @ minidl.ones(4, 1)).sum().backward()
    torch.sparse.mm(other, torch.ones(4, 1)).sum().backward()
    assert leaf.is_leaf and leaf.grad.to_dense()[0, 2].item() == 0
    assert leaf.grad._values().tolist() == [1.0] * 5      # of each entry, also of one that is named twice


FUNCTIONS = [
    lambda s, x: s @ x, lambda s, x: s.to_dense(), lambda s, x: s.coalesce().values(), lambda s, x: s.t() @ x[:3],
    lambda s, x: minidl.sparse.softmax(s, 1).to_dense(), lambda s, x: minidl.sparse.softmax(s, 0).values(),
    lambda s, x: minidl.sparse.log_softmax(s, 1).values(),
    lambda s, x: s.sum(0).to_dense(), lambda s, x: s.sum(), lambda s, x: (s + s).to_dense(),
    lambda s, x: s.plus(s.to_dense() * 2), lambda s, x: (2 * s / 3).to_dense(),
    lambda s, x: s.mul(x[:3] @ x.t()).to_dense(), lambda s, x: x.t() @ s.t(),
]


@pytest.mark.parametrize("function", FUNCTIONS, ids=range(len(FUNCTIONS)))
def test_derivatives(function):
    v, x = double(5, requires_grad=True), double(4, 2, requires_grad=True)
    assert gradcheck(lambda v, x: function(sample(v), x), (v, x))
    assert gradgradcheck(lambda v, x: function(sample(v), x), (v, x))


def test_products_own_their_memory():
    """So they may be detached in place."""
    a, x = minidl.eye(2).to_sparse().requires_grad_(), minidl.arange(4.0).reshape(2, 2)
    for product in (a @ x[0], a @ x, x[0] @ a, x @ a):
        assert product.requires_grad and product.view_of is None and not product.detach_().requires_grad


def test_softmax_is_that_of_the_stored_entries():
    s = sample().coalesce()
    dense = np.full(SIZE, -np.inf)
    dense[tuple(s.indices().numpy())] = s.values().numpy()
    e = np.exp(dense - dense.max(1, keepdims=True))
    np.testing.assert_allclose(minidl.sparse.softmax(s, 1).to_dense().numpy(), e / e.sum(1, keepdims=True), rtol=1e-12)
    large = sparse_coo_tensor([[0, 0]] + [[0, 1]], [1000.0, 1001.0])
    np.testing.assert_allclose(minidl.sparse.softmax(large, 1).values().numpy(), [0.2689414, 0.7310586], rtol=1e-5)


def test_values_with_dense_dimensions():
    s = sparse_coo_tensor([[2, 0, 2]], [[1.0, 2.0], [3.0, 4.0], [10.0, 20.0]], (3, 2))
    assert s.to_dense().tolist() == [[3, 4], [0, 0], [11, 22]] and (s.sparse_dim(), s.dense_dim()) == (1, 1)
    assert s.coalesce().values().tolist() == [[3, 4], [11, 22]] and s.sum(1).to_dense().tolist() == [7, 0, 33]
    assert s.sum(0).tolist() == [14, 26] and minidl.sparse.softmax(s, 1).coalesce().values().shape == (2, 2)
    assert sparse_coo_tensor([[1]], [[1.0, 2.0]]).shape == (2, 2)


def test_empty():
    s = sparse_coo_tensor(size=(2, 3))
    assert s._nnz() == 0 and s.to_dense().tolist() == [[0, 0, 0]] * 2 and s.is_coalesced() and s.numel() == 6
    assert (s @ minidl.ones(3, 2)).tolist() == [[0, 0]] * 2 and sparse_coo_tensor((2, 3)).shape == (2, 3)
    assert minidl.zeros(2, 3).to_sparse().shape == (2, 3) and len(s) == s.size(0) == 2 and s.dim() == 2
    assert minidl.sparse.softmax(s, 1)._nnz() == 0


def test_copies_and_conversions():
    s = sample()
    for other in (copy.deepcopy(s), pickle.loads(pickle.dumps(s)), s.clone(), s.detach(), s.to("cpu"), s.double()):
        assert other.to_dense().tolist() == s.to_dense().tolist() and other.layout is s.layout
    assert s.float().dtype == minidl.float32 and s.to_sparse_coo()._nnz() == 5 and s.device.type == "cpu"
    assert s.transpose(1, 0).T.to_dense().tolist() == s.to_dense().tolist()
    assert not s.requires_grad and s.requires_grad_().requires_grad and s.grad is None


@pytest.mark.parametrize("call, kind, text", [
    (lambda s: s.indices(), RuntimeError, "Cannot get indices on an uncoalesced tensor, please call .coalesce"),
    (lambda s: s.values(), RuntimeError, "Cannot get values on an uncoalesced tensor"),
    (lambda s: s.crow_indices(), RuntimeError, "crow_indices expected sparse row compressed tensor layout"),
    (lambda s: s.to_sparse_csr()._indices(), RuntimeError, "sparse coordinate tensor layout but got SparseCsr"),
    (lambda s: s @ minidl.ones(3, 1, dtype=minidl.float64), RuntimeError, "mat1 and mat2 shapes cannot be multiplied"),
    (lambda s: s @ minidl.ones(4, 1), RuntimeError, "to have the same dtype, but got: float64 != float32"),
    (lambda s: s * minidl.ones(3), RuntimeError, "cannot be broadcast"),
    (lambda s: s * minidl.ones(2, 3, 4), RuntimeError, "larger than the tensor"),
    (lambda s: s * s.t(), RuntimeError, "mul: expected 'self' and 'other' sparse tensors of one shape"),
    (lambda s: s + 1, RuntimeError, "add.sparse, dense. is not supported"),
    (lambda s: s + minidl.ones(3, 4), RuntimeError, "Use add.dense, sparse. instead"),
    (lambda s: minidl.ones(3, 4) * s, TypeError, "write the sparse one first"),
    (lambda s: s + sparse_coo_tensor(size=(2, 2)), RuntimeError, r"match, but \[3, 4\] != \[2, 2\]"),
    (lambda s: s + sparse_coo_tensor([[0]], minidl.ones(1, 4), (3, 4)), RuntimeError, "same number of sparse dim"),
    (lambda s: s / s, RuntimeError, "Sparse division requires a scalar or zero-dim dense tensor"),
    (lambda s: s ** -1, RuntimeError, "expected a number above 0"),
    (lambda s: s.div_(2).requires_grad_().mul_(2), RuntimeError, "a leaf Variable that requires grad"),
    (lambda s: s == s, NotImplementedError, "not compared entry by entry"),
    (lambda s: bool(s), RuntimeError, "ambiguous"), (lambda s: s.numpy(), TypeError, "Use Tensor.to_dense"),
    (lambda s: minidl.cat([s, minidl.ones(3, 4)]), RuntimeError, "sparse tensors only"),
    (lambda s: minidl.nn.functional.relu6(s), NotImplementedError, "not implemented for sparse tensors; try to_dense"),
    (lambda s: s @ 3, TypeError, "argument 'other' must be Tensor, not int"),
    (lambda s: s.exp(), AttributeError, "a sparse tensor has no 'exp'; .*to_dense"),
    (lambda s: minidl.sparse.softmax(s, 2), IndexError, "Dimension out of range"),
    (lambda s: s.transpose(0, 2), IndexError, "Dimension out of range"),
    (lambda s: minidl.exp(s), NotImplementedError, "exp.. is not implemented for sparse tensors; try to_dense"),
    (lambda s: minidl.sparse.sum(minidl.ones(2, 2)), TypeError, "sparse.sum: expected a sparse tensor"),
    (lambda s: sparse_coo_tensor([[0, 5], [0, 0]], [1.0, 2.0], (2, 2)), RuntimeError,
     "for dim 0, size is 2 but found index 5"),
    (lambda s: sparse_coo_tensor([[0, -1], [0, 0]], [1.0, 2.0], (2, 2)), RuntimeError, "found index -1"),
    (lambda s: sparse_coo_tensor([[0], [0]], [1.0, 2.0], (2, 2)), RuntimeError, "must have same nnz"),
    (lambda s: sparse_coo_tensor([[0.5]], [1.0]), RuntimeError, "expected integers as indices"),
    (lambda s: sparse_coo_tensor([[0], [0]], [1.0], (2,)), RuntimeError, "is not satisfied: len.size. = 1"),
    (lambda s: sparse_csr_tensor([0, 2], [0], [1.0]), RuntimeError, "`crow_indices.*, -1. == nnz` is not satisfied"),
    (lambda s: sparse_csr_tensor([0, 1], [4], [1.0], (1, 2)), RuntimeError, "`0 <= col_indices < ncols` is not"),
    (lambda s: sparse_csr_tensor([0, 1], [0], [1.0], (3, 2)), RuntimeError, "must be equal to the number of rows"),
])
def test_refusals(call, kind, text):
    with pytest.raises(kind, match=text):
        call(sample())


PARTS = {"sparse_csr_tensor": ([0, 1, 3], [2, 0, 1], [3.0, 4.0, 5.0], (2, 3)),
         "sparse_csc_tensor": ([0, 1, 1, 3], [1, 0, 1], [3.0, 4.0, 5.0], (2, 3)),
         "sparse_bsr_tensor": ([0, 1, 2], [1, 0], [[[1.0], [2.0]], [[3.0], [4.0]]], (4, 2)),
         "sparse_bsc_tensor": ([0, 1, 2], [1, 0], [[[1.0], [2.0]], [[3.0], [4.0]]], (4, 2))}


@needs_torch
@pytest.mark.parametrize("name", PARTS)
def test_compressed_layouts_against_torch(name):
    ours, other = (getattr(lib, name)(*PARTS[name]) for lib in (minidl, torch))
    layout = name.removesuffix("_tensor")
    again = minidl.sparse_compressed_tensor(*PARTS[name], layout=getattr(minidl, layout), check_invariants=True)
    sizeless = getattr(minidl, name)(*PARTS[name][:3])
    for s in (ours, again, ours.clone(), copy.deepcopy(ours), pickle.loads(pickle.dumps(ours)), ours.double().float()):
        assert s.to_dense().tolist() == other.to_dense().tolist() and s._nnz() == other._nnz()
        assert s.layout is getattr(minidl, layout) and s.values().tolist() == other.values().tolist()
    assert tuple(sizeless.shape) == tuple(getattr(torch, name)(*PARTS[name][:3]).shape)
    for part in ("crow_indices", "col_indices", "ccol_indices", "row_indices", "indices", "coalesce", "is_coalesced"):
        try:
            expected = getattr(other, part)().tolist()
        except RuntimeError as error:
            with pytest.raises(RuntimeError, match=str(error)):
                getattr(ours, part)()
        else:
            assert getattr(ours, part)().tolist() == expected
    leaf = getattr(minidl, name)(*PARTS[name], requires_grad=True)
    leaf.to_dense().sum().backward()
    assert leaf.grad.layout is leaf.layout and leaf.grad.to_dense().tolist() == (ours.to_dense() != 0).float().tolist()


BAD = [([1, 1, 2], [0, 1], [1.0, 2]), ([0, 1, 3], [0, 1], [1.0, 2]), ([0, 3, 2], [0, 1], [1.0, 2]),
       ([0, 1, 2], [0, 7], [1.0, 2]), ([0, 1, 2], [0, -7], [1.0, 2]), ([0, 2, 2], [1, 0], [1.0, 2]),
       ([0, 2, 2], [1, 1], [1.0, 2]), ([0, 1, 2], [0], [1.0, 2]), ([0, 1, 2], [0, 1], [1.0]), (0, [0, 1], [1.0, 2]),
       ([0, 1, 2], [0, 1], [1.0, 2], (3, 2)), ([0, 1, 2], [0, 1], [1.0, 2], (2,))]


@needs_torch
@pytest.mark.parametrize("parts", BAD, ids=range(len(BAD)))
def test_invariants_are_pytorchs(parts):
    parts = parts if len(parts) == 4 else (*parts, (2, 2))
    with pytest.raises(RuntimeError) as ours:
        minidl.sparse_csr_tensor(*parts, check_invariants=True)
    with pytest.raises(RuntimeError) as other:
        torch.sparse_csr_tensor(*parts, check_invariants=True)
    assert str(ours.value) == str(other.value) or "0 <= crow_indices" in str(ours.value)


def test_check_sparse_tensor_invariants():
    switch, parts = minidl.sparse.check_sparse_tensor_invariants, ([0, 2, 2], [1, 0], [1.0, 2.0], (2, 2))
    assert not switch.is_enabled() and sparse_csr_tensor(*parts).col_indices().tolist() == [0, 1]
    claim = {"indices": [[1, 0]], "values": [1.0, 2.0], "size": (3,), "is_coalesced": True}
    assert not sparse_coo_tensor(**claim).is_coalesced()
    with switch(), pytest.raises(RuntimeError, match="sorted and distinct"):
        sparse_csr_tensor(*parts)
    with pytest.raises(RuntimeError, match="cannot set is_coalesced to true"):
        sparse_coo_tensor(**claim, check_invariants=True)
    with switch():
        with switch(False):
            assert not switch.is_enabled()
        assert switch.is_enabled() and switch(False)(switch.is_enabled)() is False
    switch.enable()
    try:
        assert switch.is_enabled()
    finally:
        switch.disable()
    with pytest.raises(RuntimeError, match="expected sparse compressed tensor layout but got none"):
        minidl.sparse_compressed_tensor(*parts)
    with pytest.raises(NotImplementedError, match="stacks of matrices are not implemented"):
        sparse_csr_tensor([[0, 1], [0, 1]], [[0], [0]], [[1.0], [1.0]])


def test_in_modules_and_files(tmp_path):
    from minidl import nn
    layer = nn.Linear(4, 2)
    layer.register_buffer("graph", sample().to_sparse_csr())
    twin = copy.deepcopy(layer)
    twin.graph.zero_()
    twin.load_state_dict(layer.state_dict())
    assert twin.float().graph.dtype == minidl.float32
    assert twin.graph.to_dense().tolist() == layer.graph.to_dense().tolist()
    for s in (sample(), sample().to_sparse_csc(), sample().to_sparse_bsr((3, 2)).requires_grad_(), sample().coalesce()):
        minidl.save({"s": s, "again": s}, tmp_path / "s.pt")
        loaded = minidl.load(tmp_path / "s.pt")
        assert repr(loaded["s"]) == repr(s) and loaded["again"] is loaded["s"]


@needs_torch
@pytest.mark.parametrize("name", ["FloatTensor", "DoubleTensor", "LongTensor"])
def test_the_names_of_old_programs(name):
    made = []
    for lib in (torch, minidl):
        kind, values = getattr(lib.sparse, name), getattr(lib, name)([2, 3, 4])
        places = lib.from_numpy(np.array([[0, 1, 0], [1, 0, 1]]))
        x = kind(places, values, lib.Size([2, 3]))
        assert isinstance(x, kind) and not isinstance(x.to_dense(), kind) and not isinstance(x.to(lib.int8), kind)
        assert tuple(kind(places, values).shape) == (2, 2) and kind(2, 3)._nnz() == kind(lib.Size([2, 3]))._nnz() == 0
        assert tuple(kind(2, 3).shape) == tuple(kind(lib.Size([2, 3])).shape) == (2, 3)
        assert kind(2).dtype == values.dtype
        made.append(x.to_dense())
    assert str(made[0].dtype)[6:] == str(made[1].dtype) and made[0].tolist() == made[1].tolist()


def test_gradients_pass_to_the_values_of_an_old_name():
    values = minidl.tensor([2.0, 3.0], requires_grad=True)
    graph = minidl.sparse.FloatTensor(minidl.tensor([[0, 1], [1, 1]]), values, (2, 2))
    minidl.sparse.mm(graph, minidl.ones(2, 1)).sum().backward()
    assert values.grad.tolist() == [1, 1]
