"""Declare a public function: `@public`, and the names derived from it.

    @public
    def exp(input: Tensor, *, out: Tensor | None = None) -> Tensor:
        return Exp()(input)

    exp_ = in_place(exp)

An error names the function that was called, and the argument that should have been a Tensor. Both are read from
the annotations only after an error, so a good call pays nothing for them. A result is a view only of an argument:
see `own_hidden_memory`. A function with a parameter `out` need not handle it: `out.py` does.
"""
from __future__ import annotations

import functools
import inspect
import re
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from minidl.autograd.inplace import replace_by_view, write
from minidl.autograd.tensorbase import SparseBase, TensorBase, tensors_in
from minidl.autograd.views import path_to_owner
from minidl.backend.device import is_array
from minidl.backend.memory_format import axes_of, preserve_format, strided
from minidl.ops.base.hints import suggest_tensor
from minidl.ops.base.old_orders import in_new_order
from minidl.ops.base.out import write_out

F = TypeVar("F", bound=Callable[..., Any])


def public(function: F) -> F:
    """Make `function` public: name it in errors, accept NumPy's argument names, serve `out=`.

    NumPy's `axis` and `keepdims` stand for `dim` and `keepdim`.

        >>> @public
        ... def ndim(input: "Tensor"):
        ...     return input.ndim
        >>> ndim([1, 2])
        Traceback (most recent call last):
        TypeError: ndim(): argument 'input' (position 1) must be Tensor, not list; try minidl.tensor(...) on it first
    """
    names = parameter_names(function)

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        try:
            if not kwargs:
                result = function(*args)
            else:
                kwargs = rename_numpy_arguments(kwargs, names)
                if "device" in names and not _PLACED.isdisjoint(kwargs):
                    return place_as_told(called.__name__, called, args, kwargs)
                if "out" in names and "out" in kwargs:
                    return write_out(called.__name__, function, args, kwargs)
                result = function(*args, **kwargs)
        except Exception as error:
            method = sparse_method(called.__name__, args)
            if method is None and isinstance(error, TypeError) and (
                    old := in_new_order(called.__name__, args, kwargs)):
                return called(*old[0], **old[1])
            if method is None:
                raise_for_non_tensor(error, called.__name__, function, args, kwargs)
                raise
            result = method(*args, **kwargs)
        if isinstance(result, TensorBase):
            if result.view_of is not None and (not args or result.view_of.base is not args[0]):
                own_hidden_memory((result,), args, kwargs)
        elif isinstance(result, tuple):
            own_hidden_memory(result, args, kwargs)
        return result
    return called  # type: ignore[return-value]


def sparse_method(name: str, args: Any) -> Callable[..., Any] | None:
    """What computes on sparse tensors in place of a public function that could not: their method of that name.

    It is looked for after the error, so other tensors pay nothing.
    """
    first = args[0] if args else None
    if isinstance(first, (tuple, list)) and first:
        first = first[0]
    if isinstance(first, SparseBase):
        return getattr(type(first), name, None)
    if len(args) == 2 and isinstance(args[1], SparseBase) and name in ("mul", "multiply"):
        return lambda dense, sparse: sparse.mul(dense)
    return None


def own_hidden_memory(results: Any, args: Any, kwargs: dict[str, Any]) -> None:
    """Make each result the owner of its memory, unless it is a view of an argument.

    The last step of a function may be a view: `prod` of all elements is a `Reshape` of a product along one axis. Nobody
    else holds the base of such a view, so the result need not follow writes into that base.
    """
    first = args[0] if args else None
    for x in results:
        if isinstance(x, tuple):
            own_hidden_memory(x, args, kwargs)
        elif isinstance(x, TensorBase) and x.view_of is not None and x.view_of.base is not first:
            owner = path_to_owner(x)[-1]
            for given in tensors_in((*args, *kwargs.values())):
                if path_to_owner(given)[-1] is owner:
                    break
            else:
                x.view_of = None


def alias(name: str, function: F) -> F:
    """`function` under another name, for errors and for pickle."""
    other = public(inspect.unwrap(function))
    other.__name__ = other.__qualname__ = name
    other.__module__ = sys._getframe(1).f_globals["__name__"]   # the caller's module, as in a namedtuple
    return other


def in_place(function: F) -> F:
    """The in-place form of `function`: `exp_(x)` writes `exp(x)` into the memory of x.

    Values and gradients are those of `function`. The in-place form cannot grow its tensor or change its dtype: it
    raises a RuntimeError. See `minidl.autograd.inplace` for what else is refused.
    """
    return _in_place_form(function, write, f"`{function.__name__}`, written into `input`; returns `input`.")


def in_place_view(function: F) -> F:
    """The in-place form of a view function: the tensor itself takes the new shape."""
    return _in_place_form(function, replace_by_view,
                          f"`{function.__name__}` in place: `input` itself takes the new shape; returns `input`.")


def _in_place_form(function: F, change: Callable[..., Any], doc: str) -> F:
    who, plain = f"{function.__name__}_", inspect.unwrap(function)
    names = parameter_names(plain)

    @functools.wraps(function)
    def called(input: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            if kwargs:
                kwargs = rename_numpy_arguments(kwargs, names)
            if "out" in kwargs:
                raise TypeError(f"{who}() got an unexpected keyword argument 'out': it writes into its first one")
            return change(input, plain, *args, who=who, **kwargs)
        except Exception as error:
            if isinstance(error, TypeError) and (old := in_new_order(who, (input, *args), kwargs)):
                return called(*old[0], **old[1])
            raise_for_non_tensor(error, who, plain, (input, *args), kwargs)
            raise

    called.__name__ = called.__qualname__ = who
    called.__doc__ = doc
    signature = inspect.signature(plain)
    called.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[parameter for parameter in signature.parameters.values() if parameter.name != "out"])
    return called  # type: ignore[return-value]


# ---------------------------------------------------------------------- arguments

def parameter_names(function: Any) -> tuple[str, ...]:
    """The names of all parameters that can be named; `inspect.signature` would slow down the import."""
    code = function.__code__
    return code.co_varnames[:code.co_argcount + code.co_kwonlyargcount]


def rename_numpy_arguments(kwargs: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Replace NumPy's argument names by PyTorch's: `numpy.sum(tensor)` calls `tensor.sum(axis=None, out=None)`.

    The first tensor of a product or an equation is `A` in `linalg`, and `input` beside it.
    """
    if not _FIRST.isdisjoint(kwargs):
        for other, name in _NUMPY_NAMES:
            if other in kwargs and other not in names and name in names:
                kwargs[name] = kwargs.pop(other)
    if "axis" in kwargs and "dim" in names:
        kwargs["dim"] = kwargs.pop("axis")
    if "keepdims" in kwargs and "keepdim" in names:
        kwargs["keepdim"] = kwargs.pop("keepdims")
    if "out" in kwargs and kwargs["out"] is None:
        del kwargs["out"]
    return kwargs


_NUMPY_NAMES = (("x", "input"), ("a", "input"), ("x1", "input"), ("x2", "other"), ("input", "A"))
_FIRST = frozenset(other for other, _ in _NUMPY_NAMES)
_PLACED = frozenset(("layout", "pin_memory", "memory_format"))


def place_as_told(name: str, function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """A new tensor, made by a function that gets PyTorch's `layout`, `pin_memory` or `memory_format`.

    Memory is never pinned. Errors: RuntimeError for a layout other than strided, or a format of another number of axes;
    TypeError for a format where PyTorch takes none.
    """
    form, layout = kwargs.pop("memory_format", None), kwargs.pop("layout", None)
    kwargs.pop("pin_memory", None)
    if layout not in (None, strided):
        raise RuntimeError(f"{name}(): expected layout minidl.strided, but got {layout}; try .to_sparse() on the "
                           f"result")
    result = function(*args, **kwargs)
    if form is None:
        return result
    if name != "empty" and not name.endswith("_like"):
        raise TypeError(f"{name}() got an unexpected keyword argument 'memory_format'")
    if form is preserve_format:
        return result
    axes = axes_of(form, result.ndim, name)
    laid = result.array.transpose(axes).copy()
    result.array = laid.transpose(sorted(range(len(axes)), key=axes.__getitem__))
    return result


def raise_for_non_tensor(error: Exception, name: str, function: Callable[..., Any], args: Any,
                         kwargs: dict[str, Any]) -> None:
    """After an error, raise a TypeError for an argument that is not a tensor.

    Also where all operands are numbers. The error names the first such argument.
    """
    if isinstance(error, (TypeError, AttributeError)) and any(
            isinstance(value, SparseBase) for value in (*args, *kwargs.values())):
        raise NotImplementedError(f"{name}() is not implemented for sparse tensors; try to_dense() first") from None
    reported = isinstance(error, TypeError) and re.search(rf"\b{name}(\(\))?: (?:argument '(\w+))?", str(error))
    signature = inspect.signature(function)
    try:
        given = signature.bind(*args, **kwargs).arguments
    except TypeError:
        return      # Python has already named the wrong argument
    operands = []
    for position, (parameter, value) in enumerate(given.items(), 1):
        wanted = set(re.findall(r"\w+", str(signature.parameters[parameter].annotation)))
        if "Tensor" not in wanted or "tuple" in wanted or parameter == "out" or value is None and "None" in wanted:
            continue
        if "Sequence" in wanted or signature.parameters[parameter].kind is inspect.Parameter.VAR_POSITIONAL:
            check_sequence(name, parameter, position, value)
            continue
        operands.append(value)
        number = isinstance(value, (bool, int, float, complex))
        # the function may have reported it itself
        known = reported and (number or reported[1] and reported[2] in (None, parameter))
        if position > 1 and not isinstance(error, (TypeError, AttributeError)):
            continue    # the error is about something else
        if not (is_tensor_or_array(value) or number and "complex" in wanted or known):
            must = ": expected a Tensor or a number, but got" if "complex" in wanted else " must be Tensor, not"
            raise TypeError(f"{name}(): argument '{parameter}' (position {position}){must} {type(value).__name__}; "
                            f"{suggest_tensor(value)}") from None
    if operands and not reported and not any(is_tensor_or_array(value) for value in operands):
        raise TypeError(f"{name}(): no argument is a Tensor; try minidl.tensor(...) on one") from None


def check_sequence(name: str, parameter: str, position: int, values: Any) -> None:
    """Errors: TypeError unless `values` are several tensors."""
    if isinstance(values, TensorBase):
        return      # a tensor can serve as the sequence of its rows
    if not isinstance(values, (list, tuple)):
        raise TypeError(f"{name}(): argument '{parameter}' (position {position}) must be tuple or list of Tensors, not "
                        f"{type(values).__name__}") from None
    if len(values) == 1 and isinstance(values[0], (list, tuple)):
        values = values[0]      # f([a, b]) stands for f(a, b)
    for i, value in enumerate(values):
        if not is_tensor_or_array(value):
            raise TypeError(f"{name}(): expected Tensor as element {i} in argument {position - 1}, but got "
                            f"{type(value).__name__}; try minidl.tensor(...) on it first") from None


def is_tensor_or_array(value: Any) -> bool:
    return isinstance(value, (TensorBase, np.generic)) or is_array(value)
