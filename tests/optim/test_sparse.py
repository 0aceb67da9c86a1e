"""Sparse gradients: of embeddings, added up, and what optimizers do with them; all against PyTorch."""
from __future__ import annotations

import copy

import numpy as np
import pytest

import minidl
from minidl import optim
from minidl.nn import functional as F
from minidl.nn.utils import clip_grad_norm_, clip_grad_value_
from minidl.sparse import SparseTensor

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
ROWS = [[1, 3], [1, 0]]
TABLE = np.arange(10.0).reshape(5, 2)


def table(lib=minidl):
    return lib.tensor(TABLE, requires_grad=True)


def loss(lib, weight, rows=ROWS, **how):
    found = lib.nn.functional.embedding(lib.tensor(rows), weight, sparse=True, **how)
    return (found * lib.arange(1.0, found.numel() + 1).reshape(found.shape)).sum()


def looked_up(lib=minidl, **how):
    weight = table(lib)
    loss(lib, weight, **how).backward()
    return weight


# ---------------------------------------------------------------------- the gradient


def test_an_entry_for_each_row_that_was_looked_up():
    grad = looked_up().grad
    assert isinstance(grad, SparseTensor) and grad.layout is minidl.sparse_coo and not grad.is_coalesced()
    assert grad._indices().tolist() == [[1, 3, 1, 0]]
    assert grad._values().tolist() == [[1, 2], [3, 4], [5, 6], [7, 8]]
    assert grad.coalesce().values().tolist() == [[7, 8], [6, 8], [3, 4]]        # row 1: (1, 2) + (5, 6)
    assert looked_up(padding_idx=1).grad._indices().tolist() == [[3, 0]]


@needs_torch
@pytest.mark.parametrize("program", [
    lambda lib, w: loss(lib, w), lambda lib, w: loss(lib, w, padding_idx=-2), lambda lib, w: loss(lib, w, [2]),
    lambda lib, w: loss(lib, w) + loss(lib, w, [4, 4]), lambda lib, w: loss(lib, w) + w.sum(),
    lambda lib, w: w.sum() + loss(lib, w), lambda lib, w: w.sum() + loss(lib, w) + w.prod() + loss(lib, w),
    *[lambda lib, w, mode=mode: (lib.nn.functional.embedding_bag(
        lib.tensor([1, 3, 1, 0]), w, lib.tensor([0, 1]), sparse=True, mode=mode) ** 2).sum()
      for mode in ("sum", "mean")]])
def test_within_one_pass_and_over_several(program):
    ours, theirs = table(), table(torch)
    for lib, weight in ((minidl, ours), (torch, theirs)):
        program(lib, weight).backward()
    for _ in range(2):
        assert ours.grad.is_sparse == theirs.grad.is_sparse
        np.testing.assert_allclose(ours.grad.to_dense().numpy(), theirs.grad.to_dense().numpy())
        if ours.grad.is_sparse:
            assert ours.grad.coalesce().indices().tolist() == theirs.grad.coalesce().indices().tolist()
        for lib, weight in ((minidl, ours), (torch, theirs)):
            loss(lib, weight, [4]).backward()


def test_dense_and_sparse_over_several_passes():
    weight = table()
    weight.sum().backward()
    memory = weight.grad
    loss(minidl, weight, [2]).backward()
    assert weight.grad is memory and memory.tolist() == [[1, 1], [1, 1], [2, 3], [1, 1], [1, 1]]
    weight.grad = None
    loss(minidl, weight, [2]).backward()
    weight.sum().backward()
    assert weight.grad.tolist() == memory.tolist()


def test_hooks_retained_graphs_and_second_derivatives():
    weight, seen = table(), []
    weight.register_hook(lambda g: seen.append(g) or g * 2)
    loss(minidl, weight, [2]).backward()
    assert seen[0].is_sparse and weight.grad._values().tolist() == [[2, 4]]
    weight = table()
    square = (F.embedding(minidl.tensor([1, 1, 4]), weight, sparse=True) ** 3).sum()
    grad, = minidl.autograd.grad(square, weight, create_graph=True)
    assert grad.is_sparse and grad.requires_grad
    second, = minidl.autograd.grad(grad.to_dense().sum(), weight)
    assert second.to_dense().tolist() == [[0, 0], [24, 36], [0, 0], [0, 0], [48, 54]]      # 6w, row 1 twice
    doubled = table()                       # the gradient of what is no leaf is dense
    loss(minidl, doubled * 2, [2]).backward()
    assert not doubled.grad.is_sparse and doubled.grad[2].tolist() == [2, 4]


def test_modules_assignment_and_zero_grad():
    layer = minidl.nn.Embedding(5, 2, sparse=True)
    bag = minidl.nn.EmbeddingBag(5, 2, sparse=True, mode="sum")
    (layer(minidl.tensor([1])) + bag(minidl.tensor([[1, 2]]))).sum().backward()
    assert layer.weight.grad.is_sparse and bag.weight.grad._nnz() == 2
    assert layer.double().weight.grad.dtype == minidl.float64
    layer.zero_grad(set_to_none=False)
    assert layer.weight.grad._nnz() == 0 and layer.weight.grad.shape == (5, 2)
    bag.weight.grad = minidl.ones(5, 2).to_sparse()
    assert bag.weight.grad.is_sparse
    with pytest.raises(RuntimeError, match="cannot assign a gradient of shape"):
        bag.weight.grad = minidl.ones(5).to_sparse()
    optimizer = optim.SGD(bag.parameters(), lr=0.1)
    optimizer.zero_grad(set_to_none=False)
    assert bag.weight.grad._nnz() == 0


def test_refusals():
    with pytest.raises(RuntimeError, match="scale_grad_by_freq not supported with sparse gradients"):
        looked_up(scale_grad_by_freq=True)
    for clip in (clip_grad_norm_, clip_grad_value_):
        with pytest.raises(NotImplementedError, match="sparse gradients are not clipped"):
            clip([looked_up()], 1.0)


# ---------------------------------------------------------------------- optimizers

TAKE = [("SparseAdam", {"lr": 0.1}), ("SparseAdam", {"betas": (0.5, 0.6), "eps": 0.1, "maximize": True}),
        ("SGD", {"lr": 0.1}), ("SGD", {"lr": 0.1, "maximize": True}), ("SGD", {"lr": 0.1, "momentum": 0.9}),
        ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.5, "maximize": True}),
        ("Adagrad", {"lr": 0.1}), ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.5}),
        ("LBFGS", {"lr": 0.01, "max_iter": 3})]


def train(lib, name, options, steps=((1, 3), (1, 1), (0, 2), (), (3, 4)), weight=None, optimizer=None):
    weight = table(lib) if weight is None else weight
    optimizer = getattr(lib.optim, name)([weight], **options) if optimizer is None else optimizer
    for rows in steps:
        def closure(rows=rows):
            optimizer.zero_grad()
            value = (lib.nn.functional.embedding(lib.tensor(rows, dtype=lib.int64), weight, sparse=True) ** 2).sum()
            value.backward()
            return value
        if name == "LBFGS":
            optimizer.step(closure)
        else:
            closure()
            optimizer.step()
    return weight, optimizer


@needs_torch
@pytest.mark.parametrize("name, options", TAKE, ids=lambda value: value if isinstance(value, str) else "")
def test_the_way_is_pytorchs(name, options):
    ours, optimizer = train(minidl, name, options)
    theirs, other = train(torch, name, options)
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-12)
    if name == "LBFGS":
        return
    state, expected = optimizer.state[ours], other.state[theirs]
    assert state.keys() == expected.keys()
    for key, value in state.items():
        assert type(value).__name__ in ("SparseTensor", type(expected[key]).__name__)
        if isinstance(value, (minidl.Tensor, SparseTensor)):
            assert value.is_sparse == expected[key].is_sparse
            np.testing.assert_allclose(value.to_dense().numpy(), expected[key].to_dense().numpy(), rtol=1e-12)
        else:
            assert value == expected[key]


@pytest.mark.parametrize("name, options", TAKE[:-1], ids=lambda value: value if isinstance(value, str) else "")
def test_a_saved_state_continues(name, options):
    through, _ = train(minidl, name, options)
    weight, optimizer = train(minidl, name, options, ((1, 3), (1, 1)))
    resumed = getattr(optim, name)([weight], **options)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    train(minidl, name, options, ((0, 2), (), (3, 4)), weight, resumed)
    assert weight.tolist() == through.tolist()


def test_sparse_adam_moves_only_what_was_looked_up():
    weight = minidl.zeros(3, 1, requires_grad=True)
    optimizer = optim.SparseAdam([weight], lr=0.5)
    for row in (0, 2):
        optimizer.zero_grad()
        F.embedding(minidl.tensor([row]), weight, sparse=True).sum().backward()
        optimizer.step()
    # by hand, step 2: m = 0.1, v = 0.001, p = -0.5 sqrt(1 - 0.999^2)/(1 - 0.9^2) * 0.1/sqrt(0.001)
    step2 = -0.5 * (1 - 0.999 ** 2) ** 0.5 / (1 - 0.9 ** 2) * 0.1 / 0.001 ** 0.5
    np.testing.assert_allclose(weight.detach().numpy()[:, 0], [-0.5, 0, step2], rtol=1e-5)
    state = optimizer.state[weight]
    assert state["step"] == 2 and state["exp_avg"].flatten().tolist()[1] == 0


REFUSE = [(name, {}, f"{'Adam' if name == 'AdamW' else name} does not support sparse gradients")
          for name in ("Adam", "AdamW", "Adadelta", "Adamax", "ASGD", "NAdam", "RAdam", "RMSprop", "Rprop", "Adafactor",
                       "Muon")]


@pytest.mark.parametrize("name, options, text", [
    *REFUSE, ("SGD", {"weight_decay": 0.1}, r"add\(sparse, dense\) is not supported"),
    ("SGD", {"fused": True}, "`_fused_sgd` does not support sparse gradients"),
    ("Adagrad", {"fused": True}, "`fused` does not support sparse grad"),
    ("Adagrad", {"weight_decay": 0.1}, "weight_decay option is not compatible with sparse gradients")])
def test_optimizers_refuse(name, options, text):
    libs = [minidl] if torch is None else [minidl, torch]
    for lib in libs:
        weight = looked_up(lib)
        with pytest.raises(RuntimeError, match=text):
            getattr(lib.optim, name)([weight], lr=0.1, **options).step()
        assert weight.tolist() == TABLE.tolist()


def test_sparse_adam_refuses():
    for wrong in ({"lr": 0}, {"lr": -1}, {"eps": 0}, {"betas": (1.0, 0.5)}):
        with pytest.raises(ValueError, match="Invalid"):
            optim.SparseAdam([table()], **wrong)
    weight = table()
    weight.sum().backward()
    with pytest.raises(RuntimeError, match="SparseAdam does not support dense gradients, please consider Adam instead"):
        optim.SparseAdam([weight]).step()


def test_momentum_of_sparse_and_dense_gradients():
    weight, optimizer = train(minidl, "SGD", {"lr": 0.1, "momentum": 0.9}, ((1, 3),))
    weight.grad = minidl.ones_like(weight)
    with pytest.raises(RuntimeError, match=r"add\(sparse, dense\)"):
        optimizer.step()


def test_grad_scaler_unscales_the_values():
    weight = table()
    optimizer, scaler = optim.SGD([weight], lr=1.0), minidl.amp.GradScaler(init_scale=4.0)
    scaler.scale(loss(minidl, weight, [2])).backward()
    scaler.step(optimizer)
    assert weight[2].tolist() == [4 - 1, 5 - 2]
