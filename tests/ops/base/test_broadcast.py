"""Sums of a large and a small operand: the ufunc repeats the small one, and the graph is that of `Expand`."""
from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.nn import functional as F


@pytest.mark.parametrize(("shape", "expected"), [
    ((3,), [5.0, 7.0, 9.0]), ((2, 1), [[6.0], [15.0]]), ((1, 3), [[5.0, 7.0, 9.0]]), ((), 21.0),
])
def test_gradient_of_the_small_operand_is_summed(shape: tuple[int, ...], expected: object) -> None:
    g = minidl.arange(1.0, 7.0).reshape(2, 3)
    x, small = minidl.zeros(2, 3, requires_grad=True), minidl.ones(shape, requires_grad=True)
    y = x - small
    y.backward(g)
    assert y.tolist() == [[-1.0] * 3] * 2 and x.grad is not None and x.grad.tolist() == g.tolist()
    assert small.grad is not None and small.grad.shape == shape and (-small.grad).tolist() == expected


def test_the_graph_has_the_sum_as_a_step() -> None:
    b = minidl.ones(3, requires_grad=True)
    (step, _), (sums, _) = (minidl.ones(2, 3, requires_grad=True).exp() + b).grad_fn.next_functions
    assert step.name() == "Exp" and sums.name() == "Expand" and sums.next_functions == ((b.edge[0], 0),)


def test_second_derivative_through_the_sum() -> None:
    b = minidl.tensor([1.0, 2.0], requires_grad=True)
    g, = minidl.autograd.grad(((minidl.zeros(3, 2) + b) ** 3).sum(), b, create_graph=True)     # 3 rows of b^3
    assert g.tolist() == [9.0, 36.0]
    assert minidl.autograd.grad(g.sum(), b)[0].tolist() == [18.0, 36.0]


def test_a_small_operand_without_a_gradient_is_not_expanded() -> None:
    x, c = minidl.ones(2, 3, requires_grad=True), minidl.tensor([1.0, 2.0, 3.0])
    y = x * c
    assert y.grad_fn.next_functions[1] == (None, 0)
    g, = minidl.autograd.grad((y ** 2).sum(), x, create_graph=True)
    assert g.tolist() == [[2.0, 8.0, 18.0]] * 2
    assert minidl.autograd.grad(g.sum(), x)[0].tolist() == [[2.0, 8.0, 18.0]] * 2
    y = x * c
    c += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_a_small_operand_that_is_a_view_follows_writes() -> None:
    base = minidl.ones(4, requires_grad=True) * 2
    part = base[:2]
    base[0] = 7.0
    (minidl.zeros(3, 2) + part).sum().backward()
    assert part.tolist() == [7.0, 2.0]
    assert (minidl.zeros(1, 2) + part).grad_fn.next_functions[1][0].next_functions[0][0] is part.grad_fn


def test_a_written_sum_has_the_gradient_of_the_sum() -> None:
    b = minidl.ones(3, requires_grad=True)
    y = minidl.zeros(2, 3)
    y += b
    y *= 2.0
    y.sum().backward()
    assert b.grad is not None and b.grad.tolist() == [4.0] * 3


def test_memory_of_an_image_that_is_added_to_more_of_them() -> None:
    minidl.manual_seed(0)
    x, weight = minidl.randn(1, 3, 8, 8), minidl.randn(4, 3, 3, 3, requires_grad=True)
    one = F.conv2d(x, weight)       # may lie in memory with the channels last
    several = minidl.zeros(2, 4, 6, 6) + one
    assert several.is_contiguous()
    np.testing.assert_array_equal(several.view(2, -1)[1].numpy(force=True), one.flatten().numpy(force=True))


def test_no_gradient_no_expansion() -> None:
    b = minidl.ones(3, requires_grad=True)
    with minidl.no_grad():
        y = minidl.zeros(2, 3) * b
    assert not y.requires_grad and y.tolist() == [[0.0] * 3] * 2


def test_shapes_that_clash_are_refused() -> None:
    with pytest.raises(RuntimeError, match="cannot be broadcast"):
        minidl.zeros(2, 3) + minidl.zeros(2, requires_grad=True)
