"""What `retain_grad`, hooks and `autograd.grad` see of a tensor that shares memory with one that is written.

A view that was written, or whose base was, is a function of the owner of the memory from then on. So the gradient of
the owner includes what comes by way of its views.
"""
import random

import numpy as np
import pytest

import minidl
from tests.checking import torch

needs_torch = pytest.mark.skipif(torch is None, reason="needs PyTorch")


def test_a_base_collects_what_comes_by_way_of_a_view_that_was_written():
    x = minidl.ones(2, requires_grad=True)
    y = x * 1
    y.retain_grad()
    v = y[...]
    v.mul_(1.0)
    (y.sum() + v.sum()).backward()
    assert y.grad.tolist() == x.grad.tolist() == [2, 2]


def test_hooks_of_a_view_that_is_written_see_the_value_that_they_were_put_on():
    """PyTorch loses such a hook. It keeps the hook of a tensor that is no view, as here."""
    x = minidl.ones(2, 2, requires_grad=True)
    seen = []
    v = (x * 1)[0]
    v.register_hook(lambda g: seen.append(g.tolist()))
    v.mul_(3)
    v.sum().backward()
    assert seen == [[3, 3]] and x.grad.tolist() == [[3, 3], [0, 0]]


def test_a_turned_tensor_collects_a_gradient_of_its_new_shape():
    """In PyTorch it is of the old shape."""
    y = minidl.ones(2, 3, requires_grad=True) * 1
    y.retain_grad()
    y.t_()
    y.sum().backward()
    assert y.grad.shape == y.shape == (3, 2)


def test_a_view_of_a_view_is_derived_from_the_owner():
    x = minidl.ones(2, 3, requires_grad=True)
    y = x * 1
    v = y[0]
    w = v[1:]
    w.mul_(2)
    assert w.grad_fn.next_functions[0][0].next_functions[0][0] is y.grad_fn
    assert type(y.grad_fn).__name__ == "ViewWrite" and y.grad_fn.next_functions[0][0].name() == "Mul"


# ---------------------------------------------------------------------- against PyTorch, by hand

class Program:
    """y = x * 1 for a leaf x, some views of it, and what was collected."""

    def __init__(self, library):
        self.library = library
        self.x = library.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
        self.y = self.x * 1
        self.row, self.column = self.y[0], self.y[:, 0]
        self.kept, self.log = [], []

    def keep(self, *tensors):
        for t in tensors:
            t.retain_grad()
            self.kept.append(t)

    def hook(self, t, factor=1):
        t.register_hook(lambda g: self.log.append(np.array(g.tolist())) or g * factor)

    def results(self, statements):
        p = self
        for statement in statements.split("; "):
            exec(statement, {"p": p, "y": p.y, "x": p.x, "row": p.row, "column": p.column, "no_grad": p.library.no_grad,
                             "grad": p.library.autograd.grad})
        return [None if g is None else np.array(g.tolist()) for g in [p.x.grad, *(t.grad for t in p.kept), *p.log]]


@needs_torch
@pytest.mark.parametrize("statements", [
    "p.keep(y); row.mul_(3.); (y.sum() + row.sum()).backward()",
    "row.mul_(3.); p.keep(y); (y.sum() + row.sum()).backward()",
    "p.keep(row); row.mul_(3.); (y.sum() + row.sum()).backward()",
    "p.keep(row); row.mul_(3.); y.sum().backward()",
    "p.keep(row); y.mul_(3.); (y.sum() + row.sum()).backward()",
    "p.keep(row); column.mul_(3.); (y.sum() + row.sum() * 2).backward()",
    "p.keep(row); column.mul_(3.); y.sum().backward()",
    "p.keep(row); p.loss = row.sum() * 5; y.mul_(3.); (y.sum() + p.loss).backward()",
    "p.keep(row); p.loss = row.sum() * 5; y.mul_(3.); (y.sum() + p.loss + row.sum() * 7).backward()",
    "p.keep(y); p.loss = (y * 5).sum(); row.mul_(3.); (y.sum() + p.loss).backward()",
    "p.keep(y); p.loss = (y * 5).sum(); y.mul_(3.); (y.sum() + p.loss).backward()",
    "p.keep(y); row.mul_(3.); y.mul_(2.); row.mul_(5.); (y.sum() + row.sum() * 2).backward()",
    "p.keep(y); y.mul_(3.); (row.sum() * 2).backward()",
    "p.keep(y); row.mul_(3.); (column.sum() * 2).backward()",
    "p.keep(y); p.w = row[1:]; p.w.mul_(3.); (y.sum() + row.sum() * 2 + p.w.sum() * 3).backward()",
    "p.keep(row); p.w = row[1:]; p.w.mul_(3.); (y.sum() + row.sum() * 2 + p.w.sum() * 3).backward()",
    "p.keep(y); row.mul_(3.); row.sum().backward()",
    "p.keep(y); row.mul_(3.); y.sum().backward()",
    "p.keep(y, row); row.mul_(3.); (y.sum() * 2 + row.sum()).backward()",
    "row.mul_(3.); p.keep(y, row); (y.sum() * 2 + row.sum()).backward()",
    "p.keep(y); row.copy_(x[1] * 2); (y.sum() * 2 + row.sum()).backward()",
    "p.keep(y); y[0] = x[1] * 2; (y.sum() * 2).backward()",
    "p.keep(y)\nwith no_grad(): row.mul_(3.)\n(y.sum() * 2 + row.sum()).backward()",
    "p.keep(y); row.detach().mul_(3.); (y.sum() * 2 + row.sum()).backward()",
    "p.keep(y); row.relu_(); (y * y).sum().backward()",
    "p.keep(y); row.mul_(3.); column.mul_(2.); (row.sum() + column.sum() * 5 + y.sum() * 7).backward()",
    "p.keep(y); row.mul_(3.); p.loss = y.sum() + row.sum(); p.loss.backward(retain_graph=True); p.loss.backward()",
    "p.hook(y); row.mul_(3.); (y.sum() + row.sum()).backward()",
    "row.mul_(3.); p.hook(y); (y.sum() + row.sum()).backward()",
    "p.hook(row); column.mul_(3.); (y.sum() + row.sum() * 2).backward()",
    "row.mul_(3.); p.hook(row); p.hook(y); (y.sum() + row.sum() * 2).backward()",
    "p.hook(y); p.loss = (y * 5).sum(); y.mul_(3.); (y.sum() + p.loss).backward()",
    "p.hook(y, 10); row.mul_(3.); (y.sum() + row.sum()).backward()",
    "row.mul_(3.); p.hook(y, 10); (y.sum() + row.sum()).backward()",
    "row.mul_(3.); p.hook(row, 10); (y.sum() + row.sum()).backward()",
    "p.hook(y, 10); p.keep(y); row.mul_(3.); (y.sum() + row.sum()).backward()",
    "p.keep(y); p.hook(y, 10); row.mul_(3.); (y.sum() + row.sum()).backward()",
    "p.keep(y); row.mul_(3.); p.hook(y, 10); (y.sum() + row.sum()).backward()",
    "row.mul_(3.); p.log += grad(y.sum() + row.sum() * 2, [y, row])",
    "y.mul_(3.); p.log += grad(y.sum() + row.sum() * 2, [y, row])",
    "row.mul_(3.); p.log += grad(column.sum() + row.sum() * 2, [column, row])",
    "p.keep(y); row.mul_(1.); (y.sum() + row.sum()).backward(inputs=[y])",
])
def test_is_pytorchs(statements):
    mine, theirs = Program(minidl).results(statements), Program(torch).results(statements)
    for a, b in zip(mine, theirs, strict=True):
        assert (a is None) == (b is None), f"{a}, PyTorch's {b}"
        np.testing.assert_array_equal(0 if a is None else a, 0 if b is None else b)


# ---------------------------------------------------------------------- against PyTorch, by chance

VIEWS = [lambda t: t[0], lambda t: t[1:], lambda t: t[...], lambda t: t.transpose(0, -1), lambda t: t.unsqueeze(-1)]


def run(library, seed):
    """A random program; the gradients of the leaf and of what retains its own. None where the library refuses.

    A view that others are views of retains nothing: where those are written, PyTorch passes it by.
    """
    choose = random.Random(seed)
    x = library.tensor(np.arange(1.0, 13).reshape(3, 4), requires_grad=True)
    made, kept, losses, views, bases = [x * 1], [], [], [], []

    def among(t, tensors):
        return any(t is other for other in tensors)
    try:
        for _ in range(choose.randint(3, 10)):
            t, step = choose.choice(made), choose.random()
            if step < 0.3:
                if t.ndim and not (among(t, kept) and among(t, views)):
                    views.append(choose.choice(VIEWS)(t))
                    bases.append(t)
                    made.append(views[-1])
            elif step < 0.6:
                choose.choice([lambda t: t.mul_(3.0), lambda t: t.add_(1.0),
                               lambda t: t.copy_(t.detach() * 0 + x.sum()), lambda t: t.zero_(),
                               lambda t: t.add_(made[0].sum())])(t)
            elif step < 0.75:
                if not (among(t, views) and among(t, bases)):
                    t.retain_grad()
                    kept.append(t)
            elif step < 0.9:
                losses.append(t.sum() * choose.choice([1.0, 2.0, 5.0]))
            else:
                made.append(t * 2)
        losses += [t.sum() * (i + 2.0) for i, t in enumerate(made) if choose.random() < 0.5 or not i]
        sum(losses[1:], losses[0]).backward()
    except RuntimeError:
        return None
    return [None if t.grad is None else np.array(t.grad.tolist()) for t in [x, *kept]]


@needs_torch
def test_random_programs_are_pytorchs():
    """A view that nobody reads after its memory was written, PyTorch gives no gradient at times."""
    compared = 0
    for seed in range(400):
        mine, theirs = run(minidl, seed), run(torch, seed)
        assert (mine is None) == (theirs is None), seed
        for a, b in zip(mine or [], theirs or [], strict=True):
            if b is not None:
                compared += 1
                np.testing.assert_allclose(a, b, err_msg=f"program {seed}")
    assert compared > 400
