"""Jacobians, Hessians and their products with vectors, for functions of tensors.

All are computed by backward passes. The product v' J of a vector and a Jacobian J takes one pass. The product J v takes
two: the first pass computes u' J, which is linear in u, and the gradient of (u' J) v with respect to u is J v.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.autograd.basic_ops import Alias
from minidl.autograd.grad_mode import enable_grad
from minidl.autograd.gradients import grad
from minidl.autograd.tensorbase import TensorBase, memory_of, wrap
from minidl.backend.device import array_module

Tensors = Any
"""A Tensor, or a tuple of them."""


def vjp(func: Callable[..., Tensors], inputs: Tensors, v: Tensors = None, create_graph: bool = False,
        strict: bool = False) -> tuple[Tensors, Tensors]:
    """`func(*inputs)`, and the product v' J of a vector with its Jacobian: one backward pass.

    `v` has the shape of the output and may be left out for a scalar. Returns (outputs, product); the product has the
    structure of the inputs. With `create_graph` both can be differentiated. With `strict` it is an error if the output
    does not depend on an input.

        >>> import minidl
        >>> from minidl.autograd.functional import vjp
        >>> _, product = vjp(lambda x: x ** 2, minidl.tensor([1.0, 2.0]), minidl.tensor([1.0, 10.0]))
        >>> product
        tensor([ 2., 40.])
    """
    xs, ys, as_inputs, as_outputs = _evaluate(func, inputs, create_graph)
    vs = _vectors("vjp", v, ys)
    return as_outputs(_detached(ys, create_graph)), as_inputs(_gradients(ys, xs, vs, create_graph, strict))


def jvp(func: Callable[..., Tensors], inputs: Tensors, v: Tensors = None, create_graph: bool = False,
        strict: bool = False) -> tuple[Tensors, Tensors]:
    """`func(*inputs)`, and the product J v of its Jacobian with a vector: two backward passes.

    `v` has the shape of the inputs and may be left out for a single number. Returns (outputs, product); the
    product has the structure of the outputs.

        >>> import minidl
        >>> from minidl.autograd.functional import jvp
        >>> _, product = jvp(lambda x: x.sum() * x, minidl.tensor([1.0, 2.0]), minidl.tensor([1.0, 0.0]))
        >>> product
        tensor([4., 2.])
    """
    xs, ys, _, as_outputs = _evaluate(func, inputs, create_graph)
    vs = _vectors("jvp", v, xs)
    return as_outputs(_detached(ys, create_graph)), as_outputs(forward_product(ys, xs, vs, create_graph, strict))


def forward_product(ys: Sequence[Any], xs: Sequence[Any], vs: Sequence[Any], create_graph: bool,
                    strict: bool = False) -> list[Any]:
    """J v by two backward passes."""
    us = [_leaf(y) for y in ys]
    products = _gradients(ys, xs, us, True, strict)     # u' J, linear in u
    return _gradients(products, us, vs, create_graph, False)


def jacobian(func: Callable[..., Tensors], inputs: Tensors, create_graph: bool = False, strict: bool = False,
             vectorize: bool = False, strategy: str = "reverse-mode") -> Any:
    """All first derivatives, of shape S + T for an output of shape S and an input of shape T.

    A tuple of inputs or outputs gives a tuple of Jacobians; if both are tuples, a tuple of tuples. `strategy` is
    "reverse-mode", with a pass for each output element, or "forward-mode", with a pass for each input element; the one
    with fewer passes is faster. `vectorize` is accepted and has no effect.

        >>> import minidl
        >>> from minidl.autograd.functional import jacobian
        >>> jacobian(lambda x: x ** 2, minidl.tensor([1.0, 2.0, 3.0]))
        tensor([[2., 0., 0.],
                [0., 4., 0.],
                [0., 0., 6.]])
    """
    if strategy not in ("reverse-mode", "forward-mode"):
        raise ValueError(f"jacobian: expected strategy 'reverse-mode' or 'forward-mode', but got {strategy!r}")
    xs, ys, as_inputs, as_outputs = _evaluate(func, inputs, create_graph)
    fill = _by_rows if strategy == "reverse-mode" else _by_columns
    return as_outputs([as_inputs(row) for row in fill(ys, xs, create_graph, strict)])


def _by_rows(ys: list[Any], xs: list[Any], create_graph: bool, strict: bool) -> list[list[Any]]:
    """The Jacobians, by a backward pass for each output element."""
    jacobians = []
    for y in ys:
        blocks = [_zeros((y.array.size, *x.array.shape), y) for x in xs]
        for i in range(y.array.size):
            for block, row in zip(blocks, _gradients([y], xs, [_one_hot(y, i)], create_graph, strict, retain=True)):
                block[i] = row
        jacobians.append([b.reshape(*y.array.shape, *x.array.shape) for b, x in zip(blocks, xs)])
    return jacobians


def _by_columns(ys: list[Any], xs: list[Any], create_graph: bool, strict: bool) -> list[list[Any]]:
    """The Jacobians, by a backward pass for each input element through u' J, which is computed once."""
    us = [_leaf(y) for y in ys]
    products = _gradients(ys, xs, us, True, strict)
    blocks = [[_zeros((y.array.size, x.array.size), y) for x in xs] for y in ys]
    for j, x in enumerate(xs):
        for i in range(x.array.size):
            columns = _gradients([products[j]], us, [_one_hot(x, i)], create_graph, False, retain=True)
            for rows, column in zip(blocks, columns):
                rows[j][:, i] = column.reshape(-1)
    return [[b.reshape(*y.array.shape, *x.array.shape) for b, x in zip(rows, xs)] for rows, y in zip(blocks, ys)]


def hessian(func: Callable[..., Any], inputs: Tensors, create_graph: bool = False, strict: bool = False,
            vectorize: bool = False, outer_jacobian_strategy: str = "reverse-mode") -> Any:
    """All second derivatives of a scalar function, of shape T + T for an input of shape T.

        >>> import minidl
        >>> from minidl.autograd.functional import hessian
        >>> hessian(lambda x: (x ** 3).sum(), minidl.tensor([1.0, 2.0]))
        tensor([[ 6.,  0.],
                [ 0., 12.]])
    """
    single = isinstance(inputs, TensorBase)

    def gradient(*xs: Any) -> Any:
        y = func(*xs)
        _check_scalar("hessian", y)
        gs = _gradients([y], xs, [None], True, strict)
        return gs[0] if single else tuple(gs)

    return jacobian(gradient, inputs, create_graph, strict, strategy=outer_jacobian_strategy)


def vhp(func: Callable[..., Any], inputs: Tensors, v: Tensors = None, create_graph: bool = False,
        strict: bool = False) -> tuple[Any, Tensors]:
    """`func(*inputs)`, a scalar, and the product v' H of a vector with its Hessian."""
    xs, ys, as_inputs, as_outputs = _evaluate(func, inputs, create_graph)
    _check_scalar("vhp", ys[0])
    vs = _vectors("vhp", v, xs)
    slopes = _gradients(ys, xs, [None], True, strict)
    return as_outputs(_detached(ys, create_graph)), as_inputs(_gradients(slopes, xs, vs, create_graph, False))


def hvp(func: Callable[..., Any], inputs: Tensors, v: Tensors = None, create_graph: bool = False,
        strict: bool = False) -> tuple[Any, Tensors]:
    """`func(*inputs)`, and the product H v. The Hessian is symmetric, so this is `vhp`.

        >>> import minidl
        >>> from minidl.autograd.functional import hvp
        >>> _, product = hvp(lambda x: (x ** 3).sum(), minidl.tensor([1.0, 2.0]), minidl.tensor([1.0, 1.0]))
        >>> product
        tensor([ 6., 12.])
    """
    return vhp(func, inputs, v, create_graph, strict)


# ---------------------------------------------------------------------- the common parts

def _evaluate(func: Callable[..., Tensors], inputs: Tensors, create_graph: bool) -> tuple[Any, Any, Any, Any]:
    """The inputs as leaves, the outputs, and two functions that restore their forms: one or a tuple."""
    single_input = isinstance(inputs, TensorBase)
    given = (inputs,) if single_input else tuple(inputs)
    with enable_grad():
        xs = [Alias()(x) if create_graph and x.edge is not None else _leaf(x, memory_of(x)) for x in given]
        out = func(*xs)
    single_output = isinstance(out, TensorBase)
    ys = list(out) if isinstance(out, (tuple, list)) else [out]
    for y in ys:
        if not isinstance(y, TensorBase):
            raise TypeError(f"the function must return Tensors, but it returned {type(y).__name__}")
    return (xs, ys, (lambda parts: parts[0] if single_input else tuple(parts)),
            (lambda parts: parts[0] if single_output else tuple(parts)))


def _leaf(like: TensorBase, array: Any = None) -> Any:
    """A new leaf with the values of `array`, by default zeros."""
    leaf = wrap(array_module(like.array).zeros_like(like.array) if array is None else array)
    leaf.requires_grad = True
    return leaf


def _gradients(ys: Sequence[Any], xs: Sequence[Any], vs: Sequence[Any], create_graph: bool, strict: bool,
               retain: bool | None = None) -> list[Any]:
    """v' J for every x; where there is no path, zeros, or an error if `strict`."""
    reached = [(y, v) for y, v in zip(ys, vs) if y.edge is not None]
    found: tuple[Any, ...] = (None,) * len(xs)
    if reached:
        found = grad([y for y, _ in reached], list(xs), [v for _, v in reached], retain_graph=True if retain else None,
                     create_graph=create_graph, allow_unused=True)
    if strict and any(g is None for g in found):
        raise RuntimeError(f"the output does not depend on input {[g is None for g in found].index(True)}: its "
                           f"derivative is zero everywhere, which strict=True does not allow")
    return [_zeros(x.array.shape, x) if g is None else g for g, x in zip(found, xs)]


def _zeros(shape: tuple[int, ...], like: TensorBase) -> Any:
    return wrap(array_module(like.array).zeros(shape, like.array.dtype))


def _one_hot(like: TensorBase, i: int) -> Any:
    array = array_module(like.array).zeros(like.array.size, like.array.dtype)
    array[i] = 1
    return wrap(array.reshape(like.array.shape))


def _detached(ys: list[Any], create_graph: bool) -> list[Any]:
    """The outputs, without their graph unless `create_graph`."""
    return ys if create_graph else [wrap(memory_of(y)) for y in ys]


def _vectors(who: str, v: Tensors, like: Sequence[TensorBase]) -> list[Any]:
    """The vectors of a product: one for each tensor in `like`, of its shape."""
    if v is None:
        if len(like) != 1 or like[0].array.size != 1:
            raise RuntimeError(f"{who}: the vector v can only be left out where it is a single number; expected one of "
                               f"shape {[tuple(t.array.shape) for t in like]}")
        return [wrap(np.ones_like(like[0].array))]
    vs = [v] if isinstance(v, TensorBase) else list(v)
    if [x.array.shape for x in vs] != [t.array.shape for t in like]:
        raise RuntimeError(f"{who}: v has shape {[tuple(x.array.shape) for x in vs]}, expected "
                           f"{[tuple(t.array.shape) for t in like]}")
    return vs


def _check_scalar(who: str, y: Any) -> None:
    if not isinstance(y, TensorBase) or y.array.size != 1:
        raise RuntimeError(f"{who}: the function must return one number, but it returned "
                           f"{tuple(y.array.shape) if isinstance(y, TensorBase) else type(y).__name__}; sum it first")
