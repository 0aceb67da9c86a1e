"""Batches in pinned memory, and their copies beside other work."""
from collections import namedtuple

import numpy as np
import pytest

import minidl
from minidl import cuda
from minidl.backend.device import cuda_is_available
from minidl.utils.data import DataLoader, TensorDataset
from tests.backend.cuda import on_cpu

pytestmark = pytest.mark.skipif(not cuda_is_available(), reason="there is no GPU")

Pair = namedtuple("Pair", "x y")


def test_pinned_tensors():
    x = minidl.arange(24).reshape(2, 3, 4)
    assert not x.is_pinned()
    for like in (x, x.mT, x[:, :2], x[0, 0, 0], x[:0]):
        pinned = like.pin_memory()
        assert pinned.is_pinned() and pinned.pin_memory() is pinned and pinned.tolist() == like.tolist()
    assert x.mT.pin_memory().stride() == x.mT.stride() and pinned[:1].is_pinned() and not pinned.clone().is_pinned()
    with pytest.raises(RuntimeError, match="only dense CPU tensors can be pinned"):
        x.to("cuda").pin_memory()


def test_copies_do_not_wait():
    """Nor do they find what came later: memory is used again when the work before is done."""
    batches = [minidl.full((1000,), i * 1.0).pin_memory() for i in range(12)]
    with on_cpu.counted() as asked:
        results = [batch.to("cuda", non_blocking=True) * 2 for batch in batches]
    assert not any(kind == "wait" for kind, _ in asked)
    assert [(y.min().item(), y.max().item()) for y in results] == [(2 * i, 2 * i) for i in range(12)]
    first = batches[0].cuda(non_blocking=True)
    place = first.data_ptr()
    part = first[:10]
    del first
    others = [batch.cuda(non_blocking=True) for batch in batches[1:]]
    assert place not in [x.data_ptr() for x in others] and part.tolist() == [0] * 10    # a view still reads it
    x = minidl.zeros(1000, device="cuda")
    assert x.copy_(batches[3], non_blocking=True).sum().item() == 3000
    order = minidl.arange(6).reshape(2, 3).t().pin_memory().to("cuda", non_blocking=True)
    assert order.tolist() == [[0, 3], [1, 4], [2, 5]]


def test_a_blocking_copy_has_read_the_memory():
    x = minidl.ones(1000).pin_memory()
    with on_cpu.counted() as asked:
        y = x.to("cuda")
    assert on_cpu.has_gpu() or any(kind == "wait" for kind, _ in asked)
    x.zero_()
    assert y.sum().item() == 1000


@pytest.mark.parametrize("how", [{}, {"num_workers": 2}])
def test_the_loader_pins(how):
    x = minidl.arange(12.0).reshape(6, 2)
    loader = DataLoader(TensorDataset(x, x[:, 0]), batch_size=2, pin_memory=True, **how)
    for _ in range(2):
        rows = []
        for images, labels in loader:
            assert images.is_pinned() and labels.is_pinned()
            rows += images.to("cuda", non_blocking=True).tolist()
        assert rows == x.tolist()
    samples = [{"a": Pair(np.float32(i), "name"), "b": [i, (minidl.ones(2), b"raw")]} for i in range(4)]
    batch = next(iter(DataLoader(samples, batch_size=2, pin_memory=True, **how)))
    assert type(batch["a"]) is Pair and batch["a"].x.is_pinned() and list(batch["a"].y) == ["name", "name"]
    assert batch["b"][1][0].is_pinned() and list(batch["b"][1][1]) == [b"raw", b"raw"]


def test_captured_steps_take_pinned_batches():
    x, g = minidl.zeros(4, device="cuda"), cuda.CUDAGraph()
    with cuda.graph(g):
        y = x * 2
    for batch, in DataLoader(TensorDataset(minidl.arange(8.0)), batch_size=4, pin_memory=True):
        x.copy_(batch, non_blocking=True)
        g.replay()
        assert y.tolist() == (batch * 2).tolist()
