"""What stands at the definition of a public function: `@public`, and the names that follow from it.

    @public
    def exp(input: Tensor, *, out: Tensor | None = None) -> Tensor:
        return Exp()(input)

    exp_ = in_place(exp)

An error says the name of the function that was called, and which argument should have been a Tensor: that is read off
the annotations, once it is too late. A function that has a parameter `out` need not know of it: `out.py` serves it.
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
from minidl.autograd.tensorbase import TensorBase
from minidl.backend.device import is_array
from minidl.ops.base.hints import instead_of
from minidl.ops.base.out import write_out

F = TypeVar("F", bound=Callable[..., Any])


def public(function: F) -> F:
    """Have `function` say its name in errors, take `axis` and `keepdims` for `dim` and `keepdim`, and serve `out=`.

        >>> @public
        ... def ndim(input: "Tensor"):
        ...     return input.ndim
        >>> ndim([1, 2])
        Traceback (most recent call last):
        TypeError: ndim(): argument 'input' (position 1) must be Tensor, not list; try minidl.tensor(...) on it first
    """
    names = names_of(function)

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        try:
            if not kwargs:
                return function(*args)
            kwargs = as_named(kwargs, names)
            if "out" in names and "out" in kwargs:
                return write_out(called.__name__, function, args, kwargs)
            return function(*args, **kwargs)
        except Exception as error:
            refuse(error, called.__name__, function, args, kwargs)
            raise
    return called  # type: ignore[return-value]


def alias(name: str, function: F) -> F:
    """`function` under another name, which errors say, and by which it is pickled."""
    other = public(inspect.unwrap(function))
    other.__name__ = other.__qualname__ = name
    other.__module__ = sys._getframe(1).f_globals["__name__"]   # where this is called, as in a namedtuple
    return other


def in_place(function: F) -> F:
    """The twin of `function` that writes into its first argument: `exp_(x)` is `exp(x)`, in the memory of x.

    The values, and the gradients, are those of `function`. A twin cannot grow its tensor, nor give it another dtype:
    RuntimeError says so. See `minidl.autograd.inplace` for what else is refused.
    """
    return _twin(function, write, f"`{function.__name__}`, written into `input`; returns `input`.")


def in_place_view(function: F) -> F:
    """The twin of `function`, which looks at its first argument in another shape: the tensor takes that shape."""
    return _twin(function, replace_by_view,
                 f"`{function.__name__}`, of which `input` itself takes the shape; returns `input`.")


def _twin(function: F, change: Callable[..., Any], doc: str) -> F:
    who, plain = f"{function.__name__}_", inspect.unwrap(function)
    names = names_of(plain)

    @functools.wraps(function)
    def twin(input: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            if kwargs:
                kwargs = as_named(kwargs, names)
            if "out" in kwargs:
                raise TypeError(f"{who}() got an unexpected keyword argument 'out': it writes into its first one")
            return change(input, plain, *args, who=who, **kwargs)
        except Exception as error:
            refuse(error, who, plain, (input, *args), kwargs)
            raise

    twin.__name__ = twin.__qualname__ = who
    twin.__doc__ = doc
    signature = inspect.signature(plain)
    twin.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[parameter for parameter in signature.parameters.values() if parameter.name != "out"])
    return twin  # type: ignore[return-value]


# ---------------------------------------------------------------------- arguments

def names_of(function: Any) -> tuple[str, ...]:
    """The names of the parameters that can be given by name; `inspect.signature` would slow down the import."""
    code = function.__code__
    return code.co_varnames[:code.co_argcount + code.co_kwonlyargcount]


def as_named(kwargs: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """The arguments under PyTorch's names, where NumPy's came: `numpy.sum(tensor)` calls
    `tensor.sum(axis=None, out=None)`."""
    if "axis" in kwargs and "dim" in names:
        kwargs["dim"] = kwargs.pop("axis")
    if "keepdims" in kwargs and "keepdim" in names:
        kwargs["keepdim"] = kwargs.pop("keepdims")
    if "out" in kwargs and kwargs["out"] is None:
        del kwargs["out"]
    return kwargs


def refuse(error: Exception, name: str, function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> None:
    """Errors: TypeError for the first argument that is no tensor where `function` is annotated to take one, or where
    all operands are numbers."""
    said = isinstance(error, TypeError) and re.search(rf"\b{name}(\(\))?: (?:argument '(\w+))?", str(error))
    signature = inspect.signature(function)
    try:
        given = signature.bind(*args, **kwargs).arguments
    except TypeError:
        return      # the names of arguments are wrong, which Python has said
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
        known = said and (number or said[1] and said[2] in (None, parameter))      # the function has found it itself
        if position > 1 and not isinstance(error, (TypeError, AttributeError)):
            continue    # it is about something else
        if not (is_tensor_or_array(value) or number and "complex" in wanted or known):
            must = ": expected a Tensor or a number, but got" if "complex" in wanted else " must be Tensor, not"
            raise TypeError(f"{name}(): argument '{parameter}' (position {position}){must} {type(value).__name__}; "
                            f"{instead_of(value)}") from None
    if operands and not said and not any(is_tensor_or_array(value) for value in operands):
        raise TypeError(f"{name}(): no argument is a Tensor; try minidl.tensor(...) on one") from None


def check_sequence(name: str, parameter: str, position: int, values: Any) -> None:
    """Errors: TypeError where `values` are not several tensors."""
    if isinstance(values, TensorBase):
        return      # a function may go through one as through a list
    if not isinstance(values, (list, tuple)):
        raise TypeError(f"{name}(): argument '{parameter}' (position {position}) must be tuple or list of Tensors, not "
                        f"{type(values).__name__}") from None
    if len(values) == 1 and isinstance(values[0], (list, tuple)):
        values = values[0]      # f([a, b]) for f(a, b)
    for i, value in enumerate(values):
        if not is_tensor_or_array(value):
            raise TypeError(f"{name}(): expected Tensor as element {i} in argument {position - 1}, but got "
                            f"{type(value).__name__}; try minidl.tensor(...) on it first") from None


def is_tensor_or_array(value: Any) -> bool:
    return isinstance(value, (TensorBase, np.generic)) or is_array(value)
