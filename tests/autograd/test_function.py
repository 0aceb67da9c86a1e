"""User-defined functions with PyTorch's ctx."""
import gc
import weakref

import pytest

import minidl
from minidl.autograd import Function, gradcheck, gradgradcheck, once_differentiable


class Cube(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x ** 3

    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        return 3 * x ** 2 * g


class Exp(Function):
    """Saves its output, and is written in the newer style."""

    @staticmethod
    def forward(x):
        return x.exp()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx, g):
        out, = ctx.saved_tensors
        return g * out


class SumAndScale(Function):
    """Two outputs, a plain argument, and a gradient only where it is needed."""

    @staticmethod
    def forward(ctx, x, y, factor):
        ctx.factor = factor
        return x + y, x * factor

    @staticmethod
    def backward(ctx, g_sum, g_scaled):
        gx = g_sum + g_scaled * ctx.factor if ctx.needs_input_grad[0] else None
        return gx, g_sum if ctx.needs_input_grad[1] else None, None


def double(*shape):
    return minidl.randn(*shape, dtype=minidl.float64, requires_grad=True)


@pytest.mark.parametrize("function", [Cube, Exp])
def test_checks(function):
    x = double(3)
    assert gradcheck(function.apply, x)
    assert gradgradcheck(function.apply, x)


def test_several_outputs_and_plain_arguments():
    x, y = double(2), double(2)
    assert gradcheck(lambda a, b: SumAndScale.apply(a, b, 3.0), (x, y))
    assert gradgradcheck(lambda a, b: SumAndScale.apply(a, b, 3.0), (x, y))
    total, _ = SumAndScale.apply(x, y.detach(), 3.0)
    total.sum().backward()
    assert x.grad.tolist() == [1, 1]


def test_name_and_grad_fn():
    assert Cube.apply(double(1)).grad_fn.name() == "CubeBackward"


def test_an_output_saved_for_backward_makes_no_cycle():
    gc.collect()
    gc.disable()
    try:
        y = Exp.apply(double(2))
        op = weakref.ref(y.grad_fn)
        del y
        assert op() is None
    finally:
        gc.enable()


def test_missing_gradients_arrive_as_zeros_or_none():
    seen = []

    class Two(Function):
        @staticmethod
        def forward(ctx, x, materialize):
            ctx.set_materialize_grads(materialize)
            return x * 1, x * 2

        @staticmethod
        def backward(ctx, a, b):
            seen.append(b if b is None else b.tolist())
            return a, None

    for materialize in (True, False):
        Two.apply(double(1), materialize)[0].sum().backward()
    assert seen == [[0], None]


def test_mark_non_differentiable():
    class Sorted(Function):
        @staticmethod
        def forward(ctx, x):
            ranks = x * 0
            ctx.mark_non_differentiable(ranks)
            return x * 1, ranks

        @staticmethod
        def backward(ctx, g, _):
            return g

    y, ranks = Sorted.apply(double(2))
    assert y.requires_grad and not ranks.requires_grad


def test_mark_dirty():
    class Double(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(x)
            x.mul_(2)
            return x

        @staticmethod
        def backward(ctx, g):
            return 2 * g

    x = double(2)
    y = x * 1
    z = Double.apply(y)
    assert z is y
    z.sum().backward()
    assert x.grad.tolist() == [2, 2]


def test_returning_an_input_as_it_is():
    class Same(Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 5

    x = double(1)
    Same.apply(x).sum().backward()
    assert x.grad.item() == 5 and x.is_leaf


def test_once_differentiable():
    class Square(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @once_differentiable
        def backward(ctx, g):
            x, = ctx.saved_tensors
            return 2 * x * g

    x = double(1)
    assert gradcheck(Square.apply, x)
    gx, = minidl.autograd.grad(Square.apply(x), x, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiate twice.*once_differentiable"):
        gx.backward()


@pytest.mark.parametrize("returned, text", [
    (lambda g: (g, g), r"incorrect number of gradients \(expected 1, .*got 2\)"),
    (lambda g: minidl.ones(7), r"invalid gradient at index 0 - got \[7\] but expected shape compatible with \[2\]"),
], ids=["too many", "wrong shape"])
def test_wrong_gradients(returned, text):
    class Wrong(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return returned(g)

    with pytest.raises(RuntimeError, match=text):
        Wrong.apply(double(2)).sum().backward()


@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (1,), (), (3, 4)])
def test_a_gradient_of_the_expanded_shape_is_summed(shape):
    """As in PyTorch, so that a backward need not undo broadcasting."""
    class Mul(Function):
        @staticmethod
        def forward(ctx, x, y):
            ctx.save_for_backward(x, y)
            return x * y

        @staticmethod
        def backward(ctx, g):
            x, y = ctx.saved_tensors
            return g * y, g * x

    x = minidl.rand(shape, dtype=minidl.float64, requires_grad=True)
    y = minidl.rand(3, 4, dtype=minidl.float64, requires_grad=True)
    assert gradcheck(Mul.apply, (x, y))
    ours, = minidl.autograd.grad(Mul.apply(x, y).sum(), x, create_graph=True)
    plain, = minidl.autograd.grad((x * y).sum(), x)
    assert ours.shape == shape and minidl.allclose(ours, plain) and ours.requires_grad


def test_saved_tensors_are_guarded():
    x = double(1)
    y = x * 1
    z = Cube.apply(y)
    with minidl.no_grad():
        y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()
    z = Cube.apply(x * 1)
    z.backward()
    with pytest.raises(RuntimeError, match="second time"):
        z.backward()


class Doubled(Function):
    """x becomes 2x, in place."""

    @staticmethod
    def forward(ctx, x):
        x.mul_(2)
        ctx.mark_dirty(x)
        return x

    @staticmethod
    def backward(ctx, g):
        return g * 2


class Viewed(Function):
    """x in one row; a view. Its gradient is 5 times what it should be, to be known by that."""

    @staticmethod
    def forward(ctx, x):
        return x.view(-1)

    @staticmethod
    def backward(ctx, g):
        return g.view(2, 2) * 5


def test_a_view_that_is_written_takes_its_base_along():
    x = minidl.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 1
    Doubled.apply(y[1:])
    (y * y).sum().backward()
    assert x.grad.tolist() == [2.0, 16.0, 24.0]


def test_a_leaf_cannot_be_written():
    with pytest.raises(RuntimeError, match="DoubledBackward: a leaf"):
        Doubled.apply(minidl.ones(2, requires_grad=True))


def test_a_view_from_a_function():
    x = minidl.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    y = x * 1
    row = Viewed.apply(y)
    row.sum().backward()
    assert x.grad.tolist() == [[5.0, 5.0], [5.0, 5.0]]
    with pytest.raises(RuntimeError, match="in a custom Function"):
        row.mul_(2)
    row = Viewed.apply(y)
    y.mul_(2)
    with pytest.raises(RuntimeError, match="written by Mul"):
        row.sum()


def test_an_input_that_is_returned_cannot_be_written_behind_its_back():
    class Same(Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return g

    y = minidl.tensor([1.0], requires_grad=True) * 1
    with pytest.raises(RuntimeError, match="in a custom Function"):
        Same.apply(y).mul_(2)


def test_gradients_come_in_the_dtype_of_their_input():
    class Wide(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return (g * 2).double()

    x = minidl.tensor([1.0], requires_grad=True)
    Wide.apply(x).sum().backward()
    assert x.grad.dtype == minidl.float32


class Powers(Function):
    """a ** n * b, written without ctx."""

    @staticmethod
    def forward(a, b=None, n=2):
        return a ** n * (1 if b is None else b)

    @staticmethod
    def setup_context(ctx, inputs, output):
        a, b, ctx.n = inputs
        ctx.save_for_backward(a, b)

    @staticmethod
    def backward(ctx, g):
        a, b = ctx.saved_tensors
        ga = ctx.n * a ** (ctx.n - 1) * g
        return (ga, None, None) if b is None else (ga * b, a ** ctx.n * g, None)


def test_setup_context_sees_defaults_and_arguments_by_name():
    a, b = (minidl.tensor(x, requires_grad=True) for x in (3.0, 5.0))
    Powers.apply(a).backward()
    assert a.grad.item() == 6
    Powers.apply(a, n=3, b=b).backward()
    assert a.grad.item() == 6 + 5 * 27 and b.grad.item() == 27
    with pytest.raises(TypeError, match="unexpected keyword argument 'm'"):
        Powers.apply(a, m=3)


def test_a_tensor_given_by_name_has_a_gradient():
    class Triple(Function):
        @staticmethod
        def forward(ctx, x, scale=3.0):
            ctx.scale = scale
            return x * scale

        @staticmethod
        def backward(ctx, g):
            return g * ctx.scale, None

    x = minidl.tensor(1.0, requires_grad=True)
    Triple.apply(x=x).backward()
    Triple.apply(scale=4.0, x=x).backward()
    assert x.grad.item() == 7


def test_what_is_no_tensor_is_not_saved_for_backward():
    class Wrong(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x, None, 3)
            return x

    with pytest.raises(TypeError, match="can only save variables, but argument 2 is of type int"):
        Wrong.apply(minidl.ones(2))
