"""A function with a gradient of its own, checked against finite differences, and derivatives of functions."""
from typing import TYPE_CHECKING, Any

import minidl
from minidl import Tensor
from minidl.autograd import Function, grad, gradcheck, once_differentiable
from minidl.autograd.function import FunctionCtx
from minidl.func import hessian, vmap

if TYPE_CHECKING:
    from typing_extensions import assert_type


class Cube(Function):
    """y = x^3"""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x ** 3

    @staticmethod
    def backward(ctx: FunctionCtx, g: Tensor) -> Tensor:
        x, = ctx.saved_tensors
        if TYPE_CHECKING:       # what an editor says of each
            assert_type(x, Tensor)
            assert_type(g * 3, Tensor)
        return g * 3 * x ** 2


class Clipped(Function):
    """y = x between -1 and 1, with the gradient of x everywhere; the context is set up beside `forward`."""

    @staticmethod
    def forward(x: Tensor, low: float, high: float) -> Tensor:
        return x.clamp(low, high)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.low, ctx.high = inputs[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None, None]:
        return g, None, None


def cubes(x: Tensor) -> Tensor:
    return Cube.apply(x).sum()


def main() -> None:
    x = minidl.randn(4, dtype=minidl.double, requires_grad=True)
    assert gradcheck(Cube.apply, (x,))
    first, = grad(cubes(x), x, create_graph=True)
    with minidl.enable_grad():
        second, = minidl.autograd.grad(first.sum(), x)
    curvature = hessian(lambda x: (x ** 3).sum())(x.detach())
    if TYPE_CHECKING:
        assert_type(first, Tensor)
        assert_type(x.grad, Tensor | None)
    rows = vmap(minidl.linalg.norm)(minidl.ones(3, 4))
    Clipped.apply(x, -1.0, 1.0).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [1, 1, 1, 1]
    print(bool(minidl.allclose(second, 6 * x)), tuple(curvature.shape), rows.tolist())


if __name__ == "__main__":
    main()
