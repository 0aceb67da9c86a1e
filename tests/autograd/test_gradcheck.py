"""The checker itself: it accepts what is right, and rejects what is wrong."""
import numpy as np
import pytest

import minidl
from minidl.autograd import Function, GradcheckError, gradcheck, gradgradcheck


class WrongCube(Function):
    """x^3 with a gradient that is off by `error`, or of the wrong kind."""

    @staticmethod
    def forward(ctx, x, error):
        ctx.save_for_backward(x)
        ctx.error = error
        return x ** 3

    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        return (3 * x ** 2 + ctx.error) * g, None


class WrongSecond(Function):
    """x^3 with a right gradient whose own gradient is lost."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x ** 3

    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        return 3 * x.detach() ** 2 * g


def double(*shape):
    return minidl.randn(*shape, dtype=minidl.float64, requires_grad=True)


@pytest.mark.parametrize("fast", [False, True])
def test_right_and_wrong(fast):
    x = double(3)
    assert gradcheck(lambda x: WrongCube.apply(x, 0.0), x, fast_mode=fast)
    assert not gradcheck(lambda x: WrongCube.apply(x, 0.1), x, fast_mode=fast, raise_exception=False)
    with pytest.raises(GradcheckError, match="Jacobian mismatch for output 0 with respect to input 0"):
        gradcheck(lambda x: WrongCube.apply(x, 0.1), x, fast_mode=fast)


@pytest.mark.parametrize("fast", [False, True])
def test_second_order(fast):
    x = double(3)
    assert gradcheck(WrongSecond.apply, x, fast_mode=fast)
    assert not gradgradcheck(WrongSecond.apply, x, fast_mode=fast, raise_exception=False)
    assert gradgradcheck(lambda x: x ** 3, x, fast_mode=fast)
    assert gradgradcheck(lambda x: x ** 3, x, minidl.ones(3, dtype=minidl.float64, requires_grad=True))
    assert gradgradcheck(lambda x: x ** 3, x, gen_non_contig_grad_outputs=True)


def test_several_inputs_and_outputs():
    assert gradcheck(lambda a, b: (a * b, a.sum()), (double(2, 3), double(3)))


def test_inputs_are_left_as_they_were():
    x = double(4)
    before = x.detach().clone()
    gradcheck(minidl.tanh, x)
    np.testing.assert_array_equal(x.detach().numpy(), before.numpy())


def test_something_must_require_grad():
    with pytest.raises(ValueError, match="at least one input tensor to require gradient"):
        gradcheck(minidl.tanh, minidl.randn(3))


def test_float32_is_warned_of():
    with pytest.warns(UserWarning, match="not float64"):
        gradcheck(lambda x: x * 2, minidl.ones(2, requires_grad=True), eps=1e-2, atol=1e-2)


def test_an_output_that_hides_its_dependence():
    with pytest.raises(GradcheckError, match="expected to be zero"):
        gradcheck(lambda x: x.detach() * 2, double(2))


def test_a_gradient_that_is_not_repeatable():
    class Noisy(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return g + minidl.randn(*g.shape, dtype=g.dtype) * 1e-7

    with pytest.raises(GradcheckError, match="not reentrant"):
        gradcheck(Noisy.apply, double(2))
    assert gradcheck(Noisy.apply, double(2), nondet_tol=1e-5)


def test_zero_sized_and_scalar_inputs():
    assert gradcheck(lambda x: x * 2, double(0, 3))
    assert gradcheck(minidl.exp, minidl.tensor(0.5, dtype=minidl.float64, requires_grad=True))
