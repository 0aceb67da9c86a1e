"""Hooks on what is kept for backward, and the nodes of the graph under PyTorch's names."""
from __future__ import annotations

import copy
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.autograd import graph
from minidl.autograd.around import around_functions, around_ops
from tests.checking import torch

NETS = {
    "convolutions": (nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                                   nn.Linear(8, 4)), (3, 1, 6, 6)),
    "recurrent": (nn.LSTM(4, 5), (6, 2, 4)),
    "attention": (nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0), (5, 2, 8)),
}


def gradients(net: Any, x: Any, hooks: Any, second: bool) -> list[Any]:
    """The gradients of the parameters and of x; with `second`, of a penalty on the gradient too."""
    net, x = copy.deepcopy(net), x.detach().requires_grad_()
    with hooks:
        y = net(x)
        loss = ((y[0] if isinstance(y, tuple) else y) ** 3).mean()
        if second:
            g, = minidl.autograd.grad(loss, x, create_graph=True)
            loss = loss + (g * g).sum()
    loss.backward()
    return [x.grad, *[p.grad for p in net.parameters()]]


@pytest.mark.parametrize("second", [False, True], ids=["first", "second"])
@pytest.mark.parametrize("name", NETS)
def test_what_is_packed_and_unpacked_gives_the_same_gradients(name: str, second: bool) -> None:
    net, shape = NETS[name][0].double(), NETS[name][1]
    x = minidl.randn(*shape, dtype=minidl.float64)
    packed = []

    def pack(t: Any) -> Any:
        assert isinstance(t, minidl.Tensor) and not t.requires_grad
        packed.append(t.numpy().copy())
        return len(packed) - 1

    found = gradients(net, x, graph.saved_tensors_hooks(pack, lambda i: minidl.from_numpy(packed[i].copy())), second)
    expected = gradients(net, x, minidl.enable_grad(), second)
    assert len(packed) > 5 and not around_ops.functions and not around_functions.functions
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-10, atol=1e-14)


def test_a_file_for_each_tensor(tmp_path: Path) -> None:
    """The example of PyTorch's tutorial."""
    def pack(t: Any) -> Path:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.npy"
        np.save(path, t.numpy())
        return path

    x = minidl.ones(3, requires_grad=True)
    with graph.saved_tensors_hooks(pack, lambda path: minidl.from_numpy(np.load(path))):
        y = (x * x).exp().sum()
    assert len(list(tmp_path.iterdir())) == 3       # both factors, and the exponential
    y.backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * np.e, rtol=1e-6)


def test_the_users_function_and_the_innermost_hooks() -> None:
    class Cube(minidl.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x ** 3

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            x, = ctx.saved_tensors
            return 3 * x * x * g

    seen: list[str] = []
    outer = graph.saved_tensors_hooks(lambda t: seen.append("outer") or t, lambda t: t)
    inner = graph.saved_tensors_hooks(lambda t: seen.append("inner") or (t * 2), lambda t: t / 2)
    x = minidl.full((1,), 2.0, requires_grad=True)
    with outer:
        y = x.exp()
        with inner:
            z = Cube.apply(x)
        w = y * 3.0 + z
    w.backward()
    assert set(seen[:1]) == {"outer"} and seen.count("inner") >= 1
    assert x.grad.item() == pytest.approx(3 * np.exp(2) + 12)


def test_what_hooks_may_not_do() -> None:
    x = minidl.ones(2, requires_grad=True)
    with graph.saved_tensors_hooks(lambda t: t.add_(1), lambda t: t), pytest.raises(RuntimeError, match="in place"):
        x.exp()
    for wrong in (lambda t: 3, lambda t: t[:1]):
        with graph.saved_tensors_hooks(lambda t: t, wrong):
            y = x.exp()
        with pytest.raises(TypeError, match="unpack_hook expected to be a Tensor"):
            y.sum().backward()
    with graph.disable_saved_tensors_hooks("not here"), pytest.raises(RuntimeError, match="not here"), \
            graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        pass
    with graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        assert x.exp().requires_grad


def test_hooks_hold_in_their_thread() -> None:
    seen: list[int] = []
    with graph.saved_tensors_hooks(lambda t: seen.append(1) or t, lambda t: t):
        thread = threading.Thread(target=lambda: minidl.ones(2, requires_grad=True).exp())
        thread.start()
        thread.join()
        assert not seen
        minidl.ones(2).exp()
        assert not seen     # nothing is kept


def test_save_on_cpu() -> None:
    x = minidl.ones(2, requires_grad=True)
    with graph.save_on_cpu(pin_memory=True):
        y = x.exp() * x
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * np.e, rtol=1e-6)


def test_nodes() -> None:
    x = minidl.ones(2, requires_grad=True)
    y = x.exp()
    edge = graph.get_gradient_edge(y)
    assert edge.node is y.grad_fn and edge.output_nr == 0 and isinstance(y.grad_fn, graph.Node)
    assert graph.get_gradient_edge(x).node is y.grad_fn.next_functions[0][0]
    with pytest.raises(RuntimeError, match="does not require gradients"):
        graph.get_gradient_edge(minidl.ones(2))


def test_a_version_that_is_incremented_by_hand() -> None:
    x, w = minidl.ones(2), minidl.ones(2, requires_grad=True)
    y = x * w
    x.numpy()[0] = 5.0
    graph.increment_version(x)
    graph.increment_version([x, w])
    assert x._version == 2 and w._version == 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()
    with minidl.inference_mode():
        z = minidl.ones(2)
    with pytest.raises(RuntimeError, match="do not track version counter"):
        graph.increment_version(z)


@pytest.mark.skipif(torch is None, reason="compares with PyTorch")
def test_names_that_are_there_are_pytorchs() -> None:
    ours = set(graph.__all__) - {"Drawing", "draw", "explain", "tree", "watch"}
    assert ours <= set(dir(torch.autograd.graph))
