"""Checkpointing: the gradients are those without it, and the memory is not."""
from __future__ import annotations

import gc
import tracemalloc
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.nn import functional as F
from minidl.utils.checkpoint import checkpoint, checkpoint_sequential
from tests import strict_array

W = minidl.tensor([[0.5, -1.0], [2.0, 0.3]], dtype=minidl.float64, requires_grad=True)


def plain(function: Any, *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


def through_views(x: Any) -> Any:
    y = x @ W + 1.0
    y[0] *= 2.0
    return y.T.reshape(-1).exp()


class Square(minidl.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        x, = ctx.saved_tensors
        return 2 * x * g


FUNCTIONS = {
    "elementwise": lambda x: (x * x).exp().sin(),
    "parameters from outside": lambda x: ((x @ W).sigmoid() @ W).exp(),
    "views and writes": through_views,
    "fused": lambda x: F.softmax(F.layer_norm(x @ W, (2,)), -1),
    "several outputs": lambda x: sum(part.exp().sum() for part in (x @ W).split(1, 1)),
    "sort": lambda x: ((x @ W).sort(0).values * W[0]).exp(),
    "custom": lambda x: Square.apply(x.exp()) @ W,
    "nested": lambda x: checkpoint(lambda y: (y @ W).sin(), checkpoint(lambda y: y.exp(), x)).exp(),
    "norm": lambda x: F.batch_norm(x @ W, None, None, training=True).exp(),
    "attention": lambda x: F.scaled_dot_product_attention(x @ W, x, x.exp()),
    "nothing recorded": lambda x: x,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_of_every_order(name: str) -> None:
    results = []
    for call in (plain, checkpoint):
        x = minidl.tensor([[0.3, -0.7], [1.1, 0.2], [-0.4, 0.9]], dtype=minidl.float64, requires_grad=True)
        total = call(FUNCTIONS[name], x * 1.5).sum()
        orders = [total]
        for _ in range(3):
            grads = minidl.autograd.grad(orders[-1], (x, W), create_graph=True, materialize_grads=True)
            orders += [grads[0], (grads[0] * grads[1][:1]).sum()]
            if not orders[-1].requires_grad:
                break
        results.append([t.detach().numpy() for t in orders])
    assert len(results[0]) == len(results[1])
    for expected, found in zip(*results):
        np.testing.assert_array_equal(found, expected)


def test_gradcheck() -> None:
    x = minidl.randn(3, 2, dtype=minidl.float64, requires_grad=True)
    for name in ("parameters from outside", "views and writes", "fused"):
        assert minidl.autograd.gradcheck(lambda x, f=FUNCTIONS[name]: checkpoint(f, x), x)
        assert minidl.autograd.gradgradcheck(lambda x, f=FUNCTIONS[name]: checkpoint(f, x), x)


@pytest.mark.parametrize("cache", [True, False])
def test_the_second_run_is_in_the_autocast_of_the_first(cache: bool) -> None:
    def train(call: Any) -> Any:
        minidl.manual_seed(0)
        layer, x = nn.Linear(8, 8), minidl.randn(4, 8)
        with minidl.autocast("cpu", cache_enabled=cache):
            # the weight is cast before, inside and after
            y = layer(call(lambda x: layer(layer(x).tanh()), layer(x)))
        assert y.dtype == minidl.float16
        y.float().square().sum().backward()
        return layer.weight.grad.numpy()
    # float16, in which the gradients of one cast for all or of several are added up in another order
    np.testing.assert_allclose(train(checkpoint), train(plain), rtol=2e-3, atol=5e-3)


def test_backward_inside_autocast_of_a_run_outside() -> None:
    layer, x = nn.Linear(8, 8), minidl.randn(4, 8)
    y = checkpoint(lambda x: layer(x).exp(), x)
    with minidl.autocast("cpu"):
        y.sum().backward()
    found = layer.weight.grad.clone()
    layer.zero_grad()
    layer(x).exp().sum().backward()
    np.testing.assert_allclose(found.numpy(), layer.weight.grad.numpy(), rtol=2e-3)


def test_gradients_are_added_to_leaves() -> None:
    layer = nn.Linear(3, 2)
    x = minidl.ones(4, 3)       # does not require grad itself
    checkpoint(layer, x).sum().backward()
    once = layer.weight.grad.clone()
    checkpoint(layer, x).sum().backward()
    assert (layer.weight.grad == 2 * once).all()


def test_arguments_and_outputs_of_all_shapes() -> None:
    def function(pair: Any, *, scale: Any, flag: bool = False) -> Any:
        a, (b, name) = pair
        return {"sum": (a.exp() + b) * scale, "name": name, "parts": [a.exp() * b, flag]}
    a, b, scale = (minidl.tensor(v, requires_grad=True) for v in (0.5, 2.0, 3.0))
    out = checkpoint(function, (a, (b, "x")), scale=scale, flag=True)
    assert out["name"] == "x" and out["parts"][1] is True
    (out["sum"] + out["parts"][0]).backward()
    e = np.exp(0.5)
    np.testing.assert_allclose([a.grad.item(), b.grad.item(), scale.grad.item()], [3 * e + 2 * e, 3 + e, e + 2],
                               rtol=1e-6)


def test_backward_twice_needs_retain_graph() -> None:
    x = minidl.tensor([1.0, 2.0], requires_grad=True)
    y = checkpoint(lambda x: x.exp().exp(), x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert (x.grad == 2 * minidl.autograd.grad(x.exp().exp().sum(), x)[0]).all()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        y.backward()


class Counted:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, x: Any) -> Any:
        self.calls += 1
        return (x.exp() * x).sin()


def test_the_function_runs_once_more_and_only_if_needed() -> None:
    f = Counted()
    x = minidl.ones(3, requires_grad=True)
    y = checkpoint(f, x)
    assert f.calls == 1
    y.sum().backward(retain_graph=True)
    y.sum().backward()
    assert f.calls == 2
    with minidl.no_grad():
        checkpoint(f, x)
    checkpoint(f, minidl.ones(3))
    assert f.calls == 4
    linear = Counted()
    linear.__class__ = type("Linear", (Counted,), {"__call__": lambda self, x: Counted.__call__(self, x) * 0 + x})
    checkpoint(linear, x)   # never differentiated
    assert linear.calls == 1


class TestRandomNumbers:
    def run(self, call: Any, **kwargs: Any) -> tuple[Any, Any, Any]:
        minidl.manual_seed(0)
        x = minidl.ones(1000, requires_grad=True)
        y = call(lambda x: F.dropout(x.exp(), 0.5), x, **kwargs)
        between = minidl.rand(2).tolist()
        y.sum().backward()
        return x.grad.tolist(), between, minidl.rand(2).tolist()

    def test_the_second_run_draws_those_of_the_first(self) -> None:
        assert self.run(checkpoint) == self.run(plain)      # and the stream goes on as if there was no second run

    def test_unless_told_otherwise(self) -> None:
        grads, between, after = self.run(checkpoint, preserve_rng_state=False)
        expected = self.run(plain)
        assert between == expected[1] and after != expected[2]

    def test_on_another_device(self) -> None:
        generator = minidl.random.default_generator(minidl.device("strict"))
        results = []
        for call in (plain, checkpoint):
            generator.manual_seed(3)
            x = strict_array.leaf(minidl.ones(100, requires_grad=True))
            call(lambda x: F.dropout(x.exp(), 0.5), x).sum().backward()
            results.append(x.grad.cpu().tolist())
        assert results[0] == results[1]


def test_running_statistics_are_updated_in_both_runs() -> None:
    norm = nn.BatchNorm1d(2, momentum=0.5)
    x = minidl.tensor([[1.0, 2.0], [3.0, 6.0]], requires_grad=True)
    y = checkpoint(norm, x)
    assert norm.running_mean.tolist() == [1.0, 2.0]
    (y * minidl.tensor([[1.0], [3.0]])).sum().backward()
    assert norm.running_mean.tolist() == [1.5, 3.0] and norm.num_batches_tracked.item() == 2
    other = x.detach().clone().requires_grad_()
    y = F.batch_norm(other, None, None, norm.weight, norm.bias, training=True)
    (y * minidl.tensor([[1.0], [3.0]])).sum().backward()
    assert x.grad.tolist() == other.grad.tolist()


class TestErrors:
    def test_a_parameter_that_was_stepped(self) -> None:
        layer = nn.Linear(2, 2)
        y = checkpoint(layer, minidl.ones(1, 2)).sum()
        with minidl.no_grad():
            layer.bias.add_(1.0)    # a plain graph would not mind: but the second run would see it
        with pytest.raises(RuntimeError,
                           match=r"checkpoint: a tensor .* modified by an inplace operation \(last written by"):
            y.backward()

    def test_arguments_that_were_written(self) -> None:
        for by_itself in (False, True):
            x = minidl.ones(2)
            w = minidl.ones(2, requires_grad=True)
            y = checkpoint(lambda x, w, own=by_itself: ((x.add_(1.0) if own else x) * w).exp(), x, w)
            if not by_itself:
                x.zero_()
            with pytest.raises(RuntimeError, match="modified by an inplace operation"):
                y.sum().backward()

    def test_constants_from_outside_that_were_written(self) -> None:
        mask, x = minidl.ones(2), minidl.ones(2, requires_grad=True)
        y = checkpoint(lambda x: (x * mask).exp(), x)
        mask.zero_()
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.sum().backward()

    def test_what_was_made_inside_may_be_written(self) -> None:
        x = minidl.tensor([0.5], requires_grad=True)
        y = checkpoint(lambda x: x.exp(), x)
        with minidl.no_grad():
            y.zero_()       # `exp` keeps its output; the second run makes it anew
        y.sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), np.exp([0.5]), rtol=1e-6)

    def test_a_function_that_changes(self) -> None:
        calls: list[int] = []

        def fickle(x: Any) -> Any:
            calls.append(0)
            return x.exp() if len(calls) == 1 else x.exp().exp()
        y = checkpoint(fickle, minidl.ones(2, requires_grad=True))
        with pytest.raises(RuntimeError, match="recorded 1 steps in forward, and 2 when it ran again"):
            y.sum().backward()

    def test_a_function_whose_shapes_change(self) -> None:
        """[1, 3] and [2, 3] broadcast: a gradient would come out, and be wrong."""
        calls: list[int] = []

        def fickle(x: Any) -> Any:
            calls.append(0)
            return (x[:len(calls)] * x[:len(calls)]).exp().sum()
        y = checkpoint(fickle, minidl.ones(2, 3, requires_grad=True))
        with pytest.raises(RuntimeError, match="or of other shapes"):
            y.backward()

    def test_an_error_in_the_second_run(self) -> None:
        calls: list[int] = []

        def breaks(x: Any) -> Any:
            calls.append(0)
            if len(calls) == 2:
                raise KeyError("the file is gone")
            return F.dropout(x.exp(), 0.5)
        x = minidl.ones(2, requires_grad=True)
        y = checkpoint(breaks, x)
        state = minidl.random.get_rng_state()
        with pytest.raises(KeyError, match="the file is gone"):
            y.sum().backward()
        assert x.grad is None and minidl.is_grad_enabled()
        after = minidl.rand(2).tolist()
        minidl.random.set_rng_state(state)
        assert minidl.rand(2).tolist() == after
        y.sum().backward()          # the third run finds it
        np.testing.assert_allclose(x.grad.numpy(), y.detach().numpy())


# ---------------------------------------------------------------------- memory

def measured(function: Any) -> tuple[int, int, Any]:
    """How many bytes are held afterwards, and at most meanwhile, more than before; and the result."""
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        result = function()
        now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return now - before, peak - before, result


def deep(depth: int, width: int = 1000) -> Any:
    return nn.Sequential(*[nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Dropout(0.1), nn.Sigmoid())
                           for _ in range(depth)])


def test_memory_is_saved() -> None:
    net, x = deep(4, 500), minidl.ones(200, 500)
    one = x.nbytes
    held, _, y = measured(lambda: net(x))
    assert held > 10 * one
    held, _, z = measured(lambda: checkpoint(net, x))
    assert held < 1.5 * one       # the output
    _, peak, _ = measured(lambda: z.sum().backward())
    assert all(p.grad is not None for p in net.parameters())


def test_memory_of_a_chain_grows_like_its_root() -> None:
    net, x = deep(16, 200), minidl.ones(500, 200)
    one = x.nbytes

    def train(forward: Any) -> int:
        net.zero_grad()
        _, peak, _ = measured(lambda: forward().sum().backward())
        return peak
    everything = train(lambda: net(x))
    parts = train(lambda: checkpoint_sequential(net, 4, x))
    assert everything > 45 * one and parts < 0.5 * everything


def test_sequential_gives_the_same() -> None:
    net = nn.Sequential(*[nn.Linear(3, 3) for _ in range(7)], nn.Tanh())
    x = minidl.randn(2, 3, requires_grad=True)
    expected = minidl.autograd.grad(net(x).exp().sum(), [x, *net.parameters()])
    for segments in range(1, 9):
        for functions in (net, list(net)):
            found = minidl.autograd.grad(checkpoint_sequential(functions, segments, x).exp().sum(),
                                         [x, *net.parameters()])
            assert all((a == b).all() for a, b in zip(found, expected))
    for segments in (0, 9):
        with pytest.raises(
            ValueError, match=f"expected from 1 to 8 segments, as many as there are functions, but got {segments}"):
            checkpoint_sequential(net, segments, x)


def test_no_reference_cycle_keeps_memory() -> None:
    net, x = deep(2, 300), minidl.ones(100, 300)
    gc.collect()
    gc.disable()
    try:
        def run() -> None:
            checkpoint(net, x).sum().backward()
            checkpoint(net, x)      # never differentiated
        run()
        net.zero_grad()
        held, _, _ = measured(lambda: [run() or net.zero_grad() for _ in range(3)])
    finally:
        gc.enable()
    assert held < x.nbytes / 2


@pytest.mark.parametrize("call", [plain, checkpoint], ids=["plain", "checkpoint"])
def test_accumulating_gradients_takes_no_more_memory_each_time(call: Any) -> None:
    net, x = deep(3, 200), minidl.ones(64, 200)
    gc.collect()
    gc.disable()
    try:
        def accumulate(times: int) -> None:
            for _ in range(times):
                (call(net, x).sum() / times).backward()
        accumulate(2)
        _, few, _ = measured(lambda: accumulate(3))
        held, many, _ = measured(lambda: accumulate(30))
    finally:
        gc.enable()
    # not even one activation; some bytes are lost in each copy that NumPy makes of a random generator
    assert held < x.nbytes and many < few + x.nbytes
