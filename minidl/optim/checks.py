"""Checks of an optimizer's arguments: hyperparameters, parameters, and loaded state."""
from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.backend.capture import Capture, Later, captured, refuse_captured
from minidl.backend.device import is_array
from minidl.backend.dtype import float64
from minidl.ops.sparse import SparseTensor
from minidl.tensors.tensor import Tensor

if TYPE_CHECKING:
    from minidl.optim.optimizer import Optimizer

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


def check_implementation(defaults: dict[str, Any]) -> None:
    """Raise RuntimeError if PyTorch has no implementation for these settings."""
    if defaults.get("fused") and defaults.get("differentiable"):
        raise RuntimeError("`fused` does not support `differentiable`")
    if defaults.get("fused") and defaults.get("foreach"):
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")


def check_tensors(lr: Any, betas: tuple[Any, Any], foreach: Any) -> None:
    """Raise ValueError where Adam does not take Tensors: with `foreach`, and beside a number in `betas`."""
    for name, value in (("lr", lr), *((f"betas[{i}]", beta) for i, beta in enumerate(betas))):
        if isinstance(value, Tensor) and foreach:
            raise ValueError(f"{name} as a Tensor is not supported for capturable=False and foreach=True")
    if len({isinstance(beta, Tensor) for beta in betas}) > 1:
        raise ValueError("betas must be either both floats or both Tensors")


def checked(name: str, value: Any) -> Any:
    """A hyperparameter of a new group: a Tensor, also in a tuple, must have one element; PyTorch's is read at once."""
    if isinstance(value, tuple):
        return tuple(checked(f"{name}[{i}]", v) for i, v in enumerate(value))
    if not hasattr(value, "item") or isinstance(value, np.generic):
        return value
    if math.prod(value.shape) != 1:
        raise ValueError(f"Tensor {name} must be 1-element, but got shape {tuple(value.shape)}")
    return value if isinstance(value, Tensor) else value.item()


_PLAIN = frozenset((float, int, bool, type(None), list))


def check_capturable(optimizer: Optimizer) -> None:
    """Raise RuntimeError while a step is captured, if a group says that its steps may not be."""
    if captured() is not None and not all(group.get("capturable", True) for group in optimizer.param_groups):
        raise RuntimeError(f"Attempting CUDA graph capture of step() for an instance of {type(optimizer).__name__} but "
                           f"param_groups' capturable is False. Try capturable=True")
    if optimizer.defaults.get("differentiable"):
        refuse_captured(f"{type(optimizer).__name__}.step", "a recorded step reads its hyperparameters once",
                        "try differentiable=False")


def plain_numbers(group: dict[str, Any]) -> dict[str, Any]:
    """The group, with the number in place of each Tensor among the hyperparameters."""
    for value in group.values():
        if type(value) in _PLAIN:       # asked first: it is asked at every step
            continue
        if isinstance(value, Tensor) or (isinstance(value, tuple) and any(isinstance(v, Tensor) for v in value)):
            break
    else:
        return group
    return {name: tuple(map(_plain, value)) if isinstance(value, tuple) else _plain(value)
            for name, value in group.items()}


def numbers_of_step(group: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """`plain_numbers` for a step, but the learning rate may be a 0-d array of a GPU, and numbers those of `Later`.

    A Tensor on the GPU of the parameters is read there, so that nobody waits for it. Each replay of a captured step
    takes the numbers of its time, and is refused where anything else has changed, such as `nesterov`. What is not among
    `names`, such as a schedule's `initial_lr`, is not read.
    """
    lr, capture = group.get("lr"), captured()
    on_gpu = isinstance(lr, Tensor) and lr.device.type != "cpu" and all(p.device == lr.device for p in group["params"])
    if capture is not None:
        capture.places.clear()          # a step before this one, in the same capture, has other numbers
        numbers = {name: _of_replays(capture, functools.partial(group.get, name), name, id(group)) for name in names}
    elif on_gpu:
        numbers = plain_numbers({name: group[name] for name in names if name != "lr"})
    else:
        return plain_numbers(group)
    if on_gpu:
        numbers["lr"] = lr.array.reshape(()).astype(float64, copy=False)    # type: ignore[union-attr]
    return {**group, **numbers}


def _of_replays(capture: Capture, now: Callable[[], Any], *name: Any) -> Any:
    """A hyperparameter in a captured step: a number is one of `Later`, and all else must stay."""
    def part(i: int) -> Callable[[], Any]:
        return lambda: now()[i]

    value = now()
    if isinstance(value, (tuple, list)):
        return tuple(_of_replays(capture, part(i), *name, i) for i in range(len(value)))
    if isinstance(value, (int, float, np.generic, Tensor)) and not isinstance(value, (bool, np.bool_)):
        return Later(lambda: _plain(now()), name)
    return capture.stays(name, name[0], now)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, Tensor) else value


# ---------------------------------------------------------------------- parameters

def check_real(group: dict[str, Any], who: str) -> None:
    """Raise RuntimeError if a parameter is complex, for algorithms that do not treat numbers one by one."""
    if any(p.dtype.kind == "c" for p in group["params"]):       # a lazy parameter knows its dtype, but has no array
        raise RuntimeError(f"{who} does not support complex parameters; try view_as_real(p)")


def check_iterable(params: Any, what: str) -> None:
    """Raise TypeError unless `params` is an iterable of Tensors or groups; a model, for instance, is none."""
    if isinstance(params, (Tensor, Mapping, str)) or not isinstance(params, Iterable):
        raise TypeError(f"{what} should be an iterable of Tensors or dicts, but got {type(params).__name__}; "
                        f"{suggestion_for(params)}")


def check_leaves(params: list[Any], differentiable: bool) -> None:
    """Raise TypeError for an object that is no Tensor, ValueError for a Tensor that is no leaf, where it must be."""
    for p in params:
        if not isinstance(p, Tensor):
            raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {type(p).__name__}; "
                            f"{suggestion_for(p)}")
        if not differentiable and not p.is_leaf and not p.retains_grad:
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
    value, wanted = state[name], (Tensor, SparseTensor) if isinstance(like, Tensor) else (int, float, np.generic)
    if not isinstance(value, wanted):
        raise TypeError(f"has a {type(value).__name__} as {name!r}, expected a "
                        f"{'Tensor' if isinstance(like, Tensor) else 'number'}")
    if isinstance(value, (Tensor, SparseTensor)) and value.shape != like.shape:
        raise ValueError(f"has {name!r} in shape {tuple(value.shape)}, expected {tuple(like.shape)}; was it saved with "
                         f"another network?")
