"""Apply Python functions element by element: for tests and toys."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.backend.device import array_module
from minidl.ops.base.declaration import public
from minidl.ops.index.items import copy_
from minidl.ops.shape.views import expand

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


@public
def apply_(input: Tensor, callable: Callable[[Any], Any]) -> Tensor:
    """Replace each element by `callable(element)`, one Python call for each; returns `input`.

    Errors: RuntimeError if it requires grad.

        >>> import minidl
        >>> minidl.tensor([1., 2.]).apply_(lambda a: a * a + 1)
        tensor([2., 5.])
    """
    return _each(input, callable, "apply_")


@public
def map_(input: Tensor, tensor: Tensor, callable: Callable[[Any, Any], Any]) -> Tensor:
    """Replace each element by `callable(element, other)`, other from `tensor`, which is broadcast. As `apply_`."""
    return _each(input, callable, "map_", tensor)


@public
def map2_(input: Tensor, x: Tensor, y: Tensor, callable: Callable[[Any, Any, Any], Any]) -> Tensor:
    """Replace each element by `callable(element, from_x, from_y)`. As `map_`."""
    return _each(input, callable, "map2_", x, y)


def _each(input: Any, function: Callable[..., Any], who: str, *others: Any) -> Any:
    for x in (input, *others):
        if not isinstance(x, TensorBase):
            raise TypeError(f"{who}: expected a Tensor, but got {type(x).__name__}; try minidl.tensor(...) on it first")
        if x.array.dtype != input.dtype:
            raise TypeError(f"{who}: expected {input.dtype}, as input is, but got {x.array.dtype}; "
                            f"try .to({input.dtype})")
        if x.edge is not None:
            raise RuntimeError(f"Can't call {who}() on Variable that requires grad. Use var.detach().{who}() instead.")
    rows = [expand(x, input.shape).array.reshape(-1).tolist() for x in (input, *others)]
    values = [function(*elements) for elements in zip(*rows)]
    return copy_(input, wrap(array_module(input.array).asarray(values, input.dtype).reshape(input.shape)))
