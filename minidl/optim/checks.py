"""Checks of an optimizer's arguments: hyperparameters, parameters, and loaded state."""
from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from minidl.backend.device import is_array
from minidl.tensors.tensor import Tensor

# ---------------------------------------------------------------------- hyperparameters

def check(valid: bool, what: str, value: Any) -> None:
    """Raise ValueError("Invalid <what>: <value>") unless `valid`."""
    if not valid:
        raise ValueError(f"Invalid {what}: {value}")


def check_ranges(group: dict[str, Any], *names: str) -> None:
    """Raise ValueError unless these hyperparameters are 0 or more; "betas" are two numbers from 0 to below 1."""
    for name in names:
        value = group[name]
        if name == "betas":
            check(len(value) == 2, "betas, which are two numbers", value)
            for i, beta in enumerate(value):
                check(0 <= beta < 1, f"beta parameter at index {i}", beta)
        else:
            check(value >= 0, {"lr": "learning rate", "eps": "epsilon value"}.get(name, f"{name} value"), value)


def check_numbers(group: dict[str, Any], algorithm: type) -> None:
    """Raise TypeError if a hyperparameter is no number, but its default is one."""
    for name, parameter in inspect.signature(algorithm).parameters.items():
        value = group.get(name, parameter.default)
        several = isinstance(parameter.default, tuple) and isinstance(value, (tuple, list))
        for expected, given in zip(parameter.default, value) if several else [(parameter.default, value)]:
            if isinstance(expected, (int, float)) and not isinstance(given, (int, float, np.generic)):
                raise TypeError(f"{algorithm.__name__}: {name} must be a number or a Tensor of one element, but "
                                f"got {given!r} ({type(given).__name__})")


def numbers(name: str, value: Any) -> Any:
    """A hyperparameter, with each Tensor of one element replaced by its number, also in a tuple."""
    return tuple(_number(name, v) for v in value) if isinstance(value, tuple) else _number(name, value)


def _number(name: str, value: Any) -> Any:
    """The number in a Tensor of one element, also PyTorch's; any other value as it is."""
    if not hasattr(value, "item") or isinstance(value, np.generic):
        return value
    if math.prod(value.shape) != 1:
        raise ValueError(f"Tensor {name} must be 1-element, but got shape {tuple(value.shape)}")
    return value.item()


# ---------------------------------------------------------------------- parameters

def check_real(group: dict[str, Any], who: str) -> None:
    """Raise RuntimeError if a parameter is complex, for algorithms that do not treat numbers one by one."""
    if any(p.is_complex() for p in group["params"]):
        raise RuntimeError(f"{who} does not support complex parameters; try view_as_real(p)")


def check_iterable(params: Any, what: str) -> None:
    """Raise TypeError unless `params` is an iterable of Tensors or groups; a model, for instance, is none."""
    if isinstance(params, (Tensor, Mapping, str)) or not isinstance(params, Iterable):
        raise TypeError(f"{what} should be an iterable of Tensors or dicts, but got {type(params).__name__}; "
                        f"{suggestion_for(params)}")


def check_leaves(params: list[Any]) -> None:
    """Raise TypeError for an object that is no Tensor, ValueError for a Tensor that is no leaf."""
    for p in params:
        if not isinstance(p, Tensor):
            raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {type(p).__name__}; "
                            f"{suggestion_for(p)}")
        if not p.is_leaf:
            raise ValueError("can't optimize a non-leaf Tensor: it was computed from others; optimize those, or "
                             "detach() it")


def suggestion_for(params: Any) -> str:
    """A hint for errors: what to pass to an optimizer instead of `params`."""
    if isinstance(params, Tensor):
        return "try [params]"
    if inspect.ismethod(params):
        return f"try model.{params.__name__}(), with parentheses"
    if inspect.isgenerator(params):
        return "try [*a.parameters(), *b.parameters()] for the parameters of several models"
    if is_array(params):
        return "try minidl.tensor(..., requires_grad=True)"
    if isinstance(params, str):
        return "try model.parameters() in place of a dict by names"
    return "try model.parameters()"


# ---------------------------------------------------------------------- loaded state

def check_entry(name: str, state: dict[str, Any], like: Any) -> None:
    """Raise KeyError, TypeError or ValueError unless `state[name]` is like `like`: a number, or a Tensor's shape."""
    if name not in state:
        raise KeyError(f"has no {name!r}, but only {list(state)}; was it saved by another kind of optimizer?")
    value, is_tensor = state[name], isinstance(like, Tensor)
    if not isinstance(value, Tensor if is_tensor else (int, float, np.generic)):
        raise TypeError(f"has a {type(value).__name__} as {name!r}, expected a {'Tensor' if is_tensor else 'number'}")
    if isinstance(value, Tensor) and value.shape != like.shape:
        raise ValueError(f"has {name!r} in shape {tuple(value.shape)}, expected {tuple(like.shape)}; was it saved with "
                         f"another network?")
