"""The engine: order, accumulation, what is freed when, and what it says when something is wrong."""
import gc
import sys
import threading
import tracemalloc
import warnings
import weakref

import numpy as np
import pytest

import minidl
from minidl.autograd import Op, engine
from minidl.autograd.fused import FusedOp
from minidl.backend.kernels.sums import add_to_each


def leaf(*values, dtype=None):
    return minidl.tensor(list(values), requires_grad=True, dtype=dtype)


# ---------------------------------------------------------------------- values

def test_by_hand():
    """y = x0 x1 + tanh(x0):  dy/dx0 = x1 + 1 - tanh(x0)^2,  dy/dx1 = x0."""
    a, b = minidl.tensor(0.5, requires_grad=True), minidl.tensor(3.0, requires_grad=True)
    (a * b + a.tanh()).backward()
    assert a.grad.item() == pytest.approx(3 + 1 - np.tanh(0.5) ** 2)
    assert b.grad.item() == pytest.approx(0.5)


def test_a_value_used_many_times_collects_every_gradient():
    x = leaf(1.0, 2.0)
    y = x * 3
    (y + y + y * y + y).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 9 + 2 * 9 * np.array([1.0, 2.0]))


def test_gradients_of_two_leaves_never_share_memory():
    a, b = leaf(1.0), leaf(1.0)
    (a + b).sum().backward()
    a.grad.mul_(10)
    assert b.grad.item() == 1


def test_a_user_gradient_is_not_taken_over():
    x = leaf(1.0, 2.0)
    g = minidl.ones(2)
    (x + 0).backward(g)
    x.grad.mul_(10)
    assert g.tolist() == [1, 1]


def test_grad_accumulates_over_backwards_and_in_place():
    x = leaf(1.0, 2.0)
    (x * 2).sum().backward()
    first = x.grad
    (x * 3).sum().backward()
    assert x.grad is first and x.grad.tolist() == [5, 5]


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_any_order(order):
    """The n-th derivative of x^5."""
    x = minidl.tensor(2.0, dtype=minidl.float64, requires_grad=True)
    y, factor = x ** 5, 1
    for n in range(order):
        y, = minidl.autograd.grad(y, x, create_graph=True)
        factor *= 5 - n
    assert y.item() == pytest.approx(factor * 2.0 ** (5 - order))


def test_create_graph_in_backward_makes_a_differentiable_grad():
    x = minidl.tensor(3.0, requires_grad=True)
    (x ** 3).backward(create_graph=True)
    g = x.grad
    assert g.requires_grad
    second, = minidl.autograd.grad(g, x)
    assert second.item() == 18


def test_backward_inputs_touches_no_other_leaf():
    a, b = leaf(1.0), leaf(2.0)
    y = a * b
    y.sum().backward(inputs=[a])
    assert a.grad.item() == 2 and b.grad is None


def test_grad_of_an_intermediate_value():
    x = leaf(1.0, 2.0)
    y = x * 2
    z = (y * y).sum()
    gy, = minidl.autograd.grad(z, y)
    assert gy.tolist() == [4, 8] and x.grad is None


def test_grad_runs_only_the_ops_on_the_way():
    ran = []

    class Spy(Op):
        def forward(self, x):
            return x + 0

        def grad_x(self, g):
            ran.append("spy")
            return g

    x, w = leaf(1.0), leaf(2.0)
    loss = (Spy()(x) * w).sum()
    minidl.autograd.grad(loss, w)
    assert ran == []


def test_several_gradients_at_once_are_rows_of_a_jacobian():
    x, other = minidl.tensor([1.0, 2.0], requires_grad=True), minidl.ones(1, requires_grad=True)
    dy, unused = minidl.autograd.grad((x ** 3, x.sum()), (x, other), (minidl.eye(2), minidl.ones(2)),
                                      create_graph=True, allow_unused=True, is_grads_batched=True)
    assert unused is None and dy.tolist() == [[4.0, 1.0], [1.0, 13.0]]      # 3 x^2 on the diagonal, and 1 of the sum
    assert minidl.autograd.grad(dy.sum(), x)[0].tolist() == [6.0, 12.0]
    with pytest.raises(RuntimeError, match="implicitly created only for scalar outputs"):
        minidl.autograd.grad(x ** 3, x, is_grads_batched=True)


def test_retain_grad():
    x = leaf(2.0)
    y = x * 3
    y.retain_grad()
    (y * y).sum().backward()
    assert y.grad.item() == 12 and x.grad.item() == 36


def test_reading_a_gradient_that_is_not_kept_warns():
    x = leaf(2.0)
    y = x * 3
    y.sum().backward()
    with pytest.warns(UserWarning, match="not a leaf Tensor"):
        assert y.grad is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert leaf(1.0).grad is y.detach().grad is None and x.grad.item() == 3
        y = x * 3
        y.retain_grad()
        assert y.grad is None


# ---------------------------------------------------------------------- depth and memory

def test_a_chain_of_100_000_ops():
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y + 0.0
    y.sum().backward()
    assert x.grad.item() == 1
    assert sys.getrecursionlimit() < 100_000


def test_a_dropped_deep_graph_is_freed_without_recursion():
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = (y * 1.0).tanh()
    del y


@pytest.mark.parametrize("backward", [False, True])
def test_no_cycles(backward):
    """With the cyclic collector off, every op is freed when the last tensor goes."""
    gc.collect()
    gc.disable()
    try:
        x = leaf(0.5, 1.5)
        y = x.tanh().exp()
        z = (y * y + x).sum()
        ops = [weakref.ref(z.grad_fn), weakref.ref(y.grad_fn)]
        if backward:
            z.backward(retain_graph=True)
        del y, z
        assert [ref() for ref in ops] == [None, None]
        tensor = weakref.ref(x)
        del x
        assert tensor() is None
    finally:
        gc.enable()


def test_memory_is_flat_over_1000_steps():
    """A training loop without the cyclic collector does not grow."""
    w = minidl.randn(16, 16, requires_grad=True)
    x = minidl.randn(8, 16)

    def step():
        w.grad = None
        ((x @ w).tanh() ** 2).mean().backward()

    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        for _ in range(20):
            step()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(1000):
            step()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
        gc.enable()
    assert grown < 40_000      # less than the smallest object a step


def test_kept_values_are_dropped_after_backward():
    x = leaf(1.0)
    y = x.exp()
    op = y.grad_fn
    assert op.kept
    y.sum().backward()
    assert op.kept is None


def test_only_what_wanted_gradients_need_is_kept():
    x, constant = leaf(1.0, 2.0), minidl.ones(2)
    assert list((x * constant).grad_fn.kept) == ["b"]
    assert list((x + constant).grad_fn.kept) == []
    assert list(x.exp().grad_fn.kept) == ["out"]


# ---------------------------------------------------------------------- modes

def test_no_grad_and_enable_grad():
    x = leaf(1.0)
    with minidl.no_grad():
        assert not (x * 2).requires_grad
        with minidl.enable_grad():
            assert (x * 2).requires_grad
        assert not minidl.is_grad_enabled()
    assert (x * 2).requires_grad


@pytest.mark.parametrize("make", [lambda: minidl.no_grad(), lambda: minidl.no_grad, lambda: minidl.inference_mode(),
                                  lambda: minidl.inference_mode, lambda: minidl.set_grad_enabled(False)])
def test_as_decorators(make):
    decorate = make()

    @decorate
    def double(x):
        return x * 2

    decorate = make()

    @decorate
    def doubles(x):
        for _ in range(2):
            yield x * 2

    x = leaf(1.0)
    assert not double(x).requires_grad
    for y in doubles(x):
        assert not y.requires_grad
        assert (x * 2).requires_grad   # the consumer's mode is its own
    assert minidl.is_grad_enabled()


def test_inference_mode():
    x = leaf(1.0)
    with minidl.inference_mode():
        assert minidl.is_inference_mode_enabled() and not (x * 2).requires_grad
        with minidl.inference_mode(False):
            assert (x * 2).requires_grad
    assert not minidl.is_inference_mode_enabled()


def test_set_grad_enabled_as_a_call_and_as_a_context():
    minidl.set_grad_enabled(False)
    assert not minidl.is_grad_enabled()
    minidl.set_grad_enabled(True)
    with minidl.set_grad_enabled(False):
        assert not minidl.is_grad_enabled()
    assert minidl.is_grad_enabled()


def test_the_mode_comes_back_after_an_error():
    with pytest.raises(KeyError), minidl.no_grad():
        raise KeyError
    assert minidl.is_grad_enabled()


def test_each_thread_has_its_own_mode():
    seen = []
    with minidl.no_grad():
        thread = threading.Thread(target=lambda: seen.append(minidl.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_threads_run_backward_at_the_same_time():
    def work(results, i):
        x = minidl.full((50,), float(i), requires_grad=True)
        for _ in range(20):
            x.grad = None
            (x * x).tanh().sum().backward()
        results[i] = x.grad.numpy().copy()

    results = {}
    threads = [threading.Thread(target=work, args=(results, i)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for i in range(4):
        np.testing.assert_allclose(results[i], 2 * i * (1 - np.tanh(float(i) ** 2) ** 2) * np.ones(50), atol=1e-6)


# ---------------------------------------------------------------------- hooks

def test_a_tensor_hook_sees_and_replaces_the_gradient():
    x = leaf(1.0, 2.0)
    y = x * 2
    seen = []
    handle = y.register_hook(lambda g: seen.append(g.tolist()) or g * 10)
    y.sum().backward()
    assert seen == [[1, 1]] and x.grad.tolist() == [20, 20]
    handle.remove()
    handle.remove()


def test_a_leaf_hook_runs_once_on_the_whole_gradient():
    x = leaf(1.0)
    seen = []
    x.register_hook(lambda g: seen.append(g.item()))
    (x * 2 + x * 3).sum().backward()
    assert seen == [5]


def test_post_accumulate_grad_hook():
    x = leaf(1.0)
    x.register_post_accumulate_grad_hook(lambda t: setattr(t, "grad", t.grad * 2))
    (x * 3).sum().backward()
    assert x.grad.item() == 6


def test_node_hooks():
    x = leaf(1.0)
    y = x * 2
    seen = []
    y.grad_fn.register_prehook(lambda grads: (grads[0] * 3,))
    y.grad_fn.register_hook(lambda grad_inputs, grad_outputs: seen.append((grad_inputs[0].item(),
                                                                          grad_outputs[0].item())))
    y.sum().backward()
    assert seen == [(6, 3)] and x.grad.item() == 6


def test_what_hooks_put_aside_is_not_written_later():
    """A gradient that a hook has seen may be held by it: it is not taken over as `.grad`."""
    x = minidl.tensor([1.0, 2.0], requires_grad=True)
    seen = []
    y = x * 3
    y.grad_fn.register_hook(lambda grad_inputs, grad_outputs: seen.append(grad_inputs[0]))
    y.sum().backward()
    x.grad.mul_(7)
    (x * 1).sum().backward()
    assert seen[0].tolist() == [3.0, 3.0]


def test_hooks_on_the_node_of_a_leaf():
    """A prehook replaces what arrives, a hook sees what was added."""
    x = minidl.tensor([1.0, 2.0], requires_grad=True)
    node = x.expand_as(x).grad_fn.next_functions[0][0]
    seen = []
    node.register_prehook(lambda grads: (grads[0] * 10,))
    node.register_hook(lambda grad_inputs, grad_outputs: seen.append((grad_inputs, grad_outputs[0].tolist())))
    (x * 3).sum().backward()
    assert x.grad.tolist() == [30.0, 30.0]
    assert seen == [((), [30.0, 30.0])]


def test_retain_grad_follows_a_write_and_comes_after_the_hooks():
    x = minidl.tensor([1.0, 2.0], requires_grad=True)
    y = x * 3
    y.retain_grad()
    y.mul_(2)                             # y = 6x from now on
    y.register_hook(lambda g: g * 10)
    (y * y).sum().backward()              # dL/dy = 2y = 12x
    assert y.grad.tolist() == [120.0, 240.0]
    assert x.grad.tolist() == [720.0, 1440.0]


def test_retain_grad_of_a_base_follows_a_write_into_its_view():
    x = minidl.tensor([1.0, 2.0], requires_grad=True)
    y = x * 3
    y.retain_grad()
    y[0].mul_(2)
    (y * y).sum().backward()
    assert y.grad.tolist() == [12.0, 12.0]


def test_a_hook_on_a_view_is_not_part_of_its_step():
    """The step of a view is repeated on the way back of a write; hooks stay with the tensor they were put on."""
    x = minidl.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    v = y[:1]
    v.register_hook(lambda g: g * 100)
    v.mul_(3)
    g, = minidl.autograd.grad((y ** 3).sum(), x, create_graph=True)   # y = (3 x_0, x_1): the hook sees the old v
    assert g.tolist() == [8100.0, 12.0]
    second, = minidl.autograd.grad(g.sum(), x)   # the way from y to x is gone a second time, and the hook runs again
    assert second.tolist() == [1_620_000.0, 12.0]


def test_a_leaf_that_was_frozen_since_collects_nothing():
    x = minidl.tensor([1.0, 2.0], requires_grad=True)
    loss = (x * 2).sum()
    x.requires_grad = False
    loss.backward()
    assert x.grad is None


def test_new_data_is_other_memory():
    """After `v.data = ...`, v is no view any more: writing to it leaves the old base alone."""
    x = minidl.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    v = y.detach()[:1]
    v.data = minidl.tensor([5.0])
    v.mul_(2)
    assert y.tolist() == [1.0, 2.0]
    assert v.view_of is None


def test_threads_add_to_one_leaf():
    """No addition is lost. The array is large: NumPy lets other threads run while it adds."""
    x = minidl.zeros(100_000, requires_grad=True)

    def work():
        for _ in range(20):
            (x * 1.0).sum().backward()
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert x.grad.min().item() == x.grad.max().item() == 80.0


def test_whole_numbers_have_no_gradient():
    y = minidl.tensor([1.5, 2.5], requires_grad=True).long()
    assert not y.requires_grad
    z = minidl.zeros(2, dtype=minidl.int64)
    z.copy_(minidl.tensor([1.5, 2.5], requires_grad=True))
    assert not z.requires_grad
    assert z.tolist() == [1, 2]


def test_next_functions_walk_the_graph():
    x = leaf(1.0)
    y = (x * 2).tanh()
    mul = y.grad_fn.next_functions[0][0]
    assert mul.name() == "Mul" and mul.next_functions[0][0].variable is x


# ---------------------------------------------------------------------- anomaly mode

def test_anomaly_mode_names_the_first_nan_and_its_line():
    x = leaf(0.0)
    with minidl.autograd.detect_anomaly():
        y = x.sqrt()          # the line that made it
        z = (y * 0.0).sum()
        with pytest.raises(RuntimeError, match="Sqrt.*returned nan.*the line that made it".replace(".*", "(.|\n)*")):
            z.backward()


def test_an_error_in_a_rule_names_the_op():
    class Broken(Op):
        def forward(self, x):
            return x + 0

        def grad_x(self, g):
            raise ValueError("on purpose")

    y = Broken()(leaf(1.0)).sum()
    with pytest.raises(ValueError) as info:
        y.backward()
    assert "in the gradient of Broken" in "".join(getattr(info.value, "__notes__", [])) + str(info.value)


# ---------------------------------------------------------------------- errors

def test_non_scalar_backward():
    with pytest.raises(RuntimeError, match=r"grad can be implicitly created only for scalar outputs.*\(2,\)"):
        (leaf(1.0, 2.0) * 2).backward()


def test_second_backward():
    y = leaf(1.0).exp().sum()
    y.backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time.*retain_graph=True"):
        y.backward()


def test_retain_graph_allows_a_second_backward():
    x = leaf(0.0)
    y = x.exp().sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 2


def test_overwritten_kept_value():
    x = leaf(1.0)
    y = x.exp()
    y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation.*Exp.*version 1.*Add.*expected version 0"):
        y.sum().backward()


def test_overwritten_through_a_view():
    x = leaf(1.0, 2.0)
    y = x.exp()
    y.detach()[0] = 5.0
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_backward_without_grad():
    with pytest.raises(RuntimeError, match="does not require grad"):
        minidl.ones(1).backward()


def test_integer_tensors_cannot_require_grad():
    with pytest.raises(RuntimeError, match="only Tensors of floating point dtype can require gradients"):
        minidl.tensor([1, 2], requires_grad=True)


def test_gradient_of_another_shape():
    with pytest.raises(RuntimeError, match=r"shape of \(3,\) and output\[0\] has a shape of \(1,\)"):
        (leaf(1.0) * 2).backward(minidl.ones(3))


def test_unused_input():
    x, y = leaf(1.0), leaf(1.0)
    z = (x * 2).sum()
    with pytest.raises(RuntimeError, match="appears to not have been used in the graph"):
        minidl.autograd.grad(z, y, retain_graph=True)
    assert minidl.autograd.grad(z, y, allow_unused=True, retain_graph=True) == (None,)
    assert minidl.autograd.grad(z, y, materialize_grads=True)[0].tolist() == [0]


def test_requires_grad_of_a_computed_tensor():
    y = leaf(1.0) * 2
    with pytest.raises(RuntimeError, match="only change requires_grad flags of leaf"):
        y.requires_grad = False


def test_in_place_on_a_leaf():
    x = leaf(1.0)
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad.*no_grad"):
        x.add_(1)
    with pytest.raises(RuntimeError, match="view of a leaf Variable"):
        x[:1].add_(1)
    with minidl.no_grad():
        x.add_(1)
    assert x.item() == 2


def test_a_view_that_was_made_a_leaf_stays_one():
    base = minidl.zeros(4)
    w = base.reshape(2, 2).requires_grad_()
    with minidl.no_grad():
        base += 1
    assert w.requires_grad and w.is_leaf and w.tolist() == [[1, 1], [1, 1]]


def test_in_place_on_an_empty_tensor():
    x = minidl.zeros(0, 3)
    x.copy_(minidl.ones(0, 3))
    x.add_(1)
    assert x.shape == (0, 3)


def test_only_inputs_is_taken():
    """A gradient penalty as it is mostly written."""
    x = minidl.tensor([[3.0, 4.0]], requires_grad=True)
    out = (x * x).sum(1, keepdim=True)
    g = minidl.autograd.grad(outputs=out, inputs=x, grad_outputs=minidl.ones(out.size()), create_graph=True,
                             retain_graph=True, only_inputs=True)[0]
    ((g.norm(2, dim=1) - 1) ** 2).mean().backward()         # (|2x| - 1)^2 = 81; its gradient: 2 * 9 * 2x/|x|
    assert minidl.allclose(x.grad, minidl.tensor([[21.6, 28.8]]))


def test_a_variable_is_a_tensor():
    x = minidl.ones(2)
    v = minidl.autograd.Variable(x, requires_grad=True)
    assert v.requires_grad and not x.requires_grad and v.data_ptr() == x.data_ptr()
    assert not minidl.autograd.Variable(v).requires_grad
    assert isinstance(x, minidl.autograd.Variable) and not isinstance(3, minidl.autograd.Variable)


@pytest.mark.parametrize("which", ["both", "held", "new"])
def test_a_leaf_copies_a_joint_gradient_that_another_holds(which):
    """A fused op may return one array for two inputs, or one that it holds."""
    class Twice(FusedOp):
        def reference(self, x, y):
            return x + y

        def forward(self, x, y):
            return x + y

        def gradient(self, g):
            self.held = g * 3
            return [self.held, self.held] if which == "both" else [self.held if which == "held" else g * 3, g * 3]

    x, y = (minidl.ones(3, requires_grad=True) for _ in range(2))
    op = Twice()
    op(x, y).backward(minidl.ones(3))
    op.held += 1
    x.grad += 1
    assert x.grad.tolist() == [4, 4, 4] and y.grad.tolist() == [3, 3, 3]


# ---------------------------------------------------------------------- together, on a GPU

def test_sums_of_leaves_are_done_together(monkeypatch):
    """Where starting a sum takes as long as the sum: all that a backward pass adds to gradients, in two calls."""
    pairs = []
    monkeypatch.setattr(engine, "add_to_each", lambda *arrays: pairs.append(len(arrays) // 2) or add_to_each(*arrays))
    a, b, c = (minidl.ones(3, device="strict", requires_grad=True) for _ in range(3))

    def backward():
        (a * 2 + a * 3 + b * 5 + b * 7 + c * 11).sum().backward()
    backward()
    assert pairs == [2] and [x.grad.tolist()[0] for x in (a, b, c)] == [5, 12, 11]
    backward()
    assert pairs == [2, 2, 3] and [x.grad.tolist()[0] for x in (a, b, c)] == [10, 24, 22]
    assert [g.tolist()[0] for g in minidl.autograd.grad((a * 2 + a * 3 + b * 5 + b * 7).sum(), (a, b))] == [5, 12]
    seen = []
    b.register_hook(lambda g: seen.append(g.tolist()[0]))
    a.register_post_accumulate_grad_hook(lambda x: seen.append([a.grad.tolist()[0], c.grad.tolist()[0]]))
    backward()
    assert sorted(seen, key=str) == [12, [15, 33]] and b.grad.tolist()[0] == 36


def test_a_leaf_that_is_used_often_holds_two_gradients(monkeypatch):
    """Not one for each use: what is put off is done before more comes."""
    monkeypatch.setattr(engine, "add_to_each", lambda *arrays: add_to_each(*arrays) or held.append(len(arrays)))
    held = []
    a = minidl.ones(3, device="strict", requires_grad=True)
    sum((a * i for i in range(1, 6)), a * 0).sum().backward()
    assert held == [2] * 5 and a.grad.tolist() == [15] * 3
