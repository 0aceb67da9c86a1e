"""The Optimizer: parameter groups, state, and the loop of a step, which every algorithm shares.

An algorithm adds its hyperparameters, the state that a parameter starts with, and the update of one parameter.
"""
from __future__ import annotations

import copy
import functools
import inspect
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import numpy as np

from minidl.autograd.grad_mode import enable_grad, no_grad
from minidl.autograd.op import RemovableHandle
from minidl.autograd.tensorbase import version_of, wrap
from minidl.backend.device import Array, array_module, is_array, move
from minidl.backend.dtype import real_of
from minidl.backend.warn import warn
from minidl.ops.elementwise import view_as_complex, view_as_real
from minidl.tensors.tensor import Tensor

Params = Iterable[Any]
"""What an optimizer takes: Tensors, `(name, Tensor)` pairs, or dicts `{"params": ..., "lr": ...}`, each a group."""


def _hooked(step: Callable[..., Any]) -> Callable[..., Any]:
    """`step` with the hooks around it. It also notes that a step was made, which the schedulers look at."""
    @functools.wraps(step)
    def wrapper(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        for hook in list(self._pre_hooks):
            changed = hook(self, args, kwargs)
            if changed is not None:
                args, kwargs = changed
        result = step(self, *args, **kwargs)
        self._opt_called = True
        for hook in list(self._post_hooks):
            hook(self, args, kwargs)
        return result
    return wrapper


class Optimizer:
    """Base class of all optimizers.

    A new algorithm passes its default hyperparameters to `__init__` and defines `update`, and where it needs
    them `initial_state` and `check_group`; or it overrides `step` as a whole.

        >>> import minidl
        >>> from minidl.optim import Optimizer
        >>> class SignDescent(Optimizer):
        ...     def __init__(self, params, lr=0.1):
        ...         super().__init__(params, {"lr": lr})
        ...     def update(self, p, g, state, group):
        ...         p -= group["lr"] * (g > 0) - group["lr"] * (g < 0)
        >>> w = minidl.tensor([1.0, 2.0], requires_grad=True)
        >>> w.grad = minidl.tensor([3.0, -4.0])
        >>> SignDescent([w]).step()
        >>> w
        tensor([0.9000, 2.1000], requires_grad=True)

    Parameters are written in place; those whose `.grad` is None are left alone.

    Args:
        params: the Tensors to optimize, or `(name, Tensor)` pairs, or dicts with a list of either under
            `"params"` and hyperparameters of their own beside it.
        defaults: the hyperparameters of groups that do not give them.

    Arguments that the algorithms share, each with PyTorch's default:
        params: as above.
        lr: the learning rate, a number or a Tensor of one element, whose value is taken at once.
        betas: how much is kept of the running means of the gradient and of its square.
        eps: keeps a division finite.
        weight_decay: factor of the L2 penalty, whose gradient is weight_decay*p.
        decoupled_weight_decay: shrink the weights beside the gradient, not through it; see AdamW.
        maximize: ascend instead of descend.
        foreach, fused, capturable: choose among PyTorch's implementations. There is one here; they are accepted and
            have no meaning.
        differentiable: refused if True. Weights are updated in place, which leaves no graph of the step.

    Errors: TypeError or ValueError where `params` is a single Tensor, is empty, or holds something that cannot be
    optimized; ValueError for a hyperparameter out of range; NotImplementedError for `differentiable=True`.
    """

    number_state: ClassVar[tuple[str, ...]] = ("step",)
    """The state entries that are Python numbers. PyTorch keeps them as 0-d tensors."""

    def __init__(self, params: Params, defaults: dict[str, Any], differentiable: bool = False) -> None:
        if differentiable:
            raise NotImplementedError(f"{type(self).__name__}(differentiable=True) is not supported: a step writes the "
                                      f"parameters in place. To differentiate through updates, write them as functions "
                                      f"of Tensors, with minidl.func.grad and functional_call.")
        _check_iterable(params, "params argument given to the optimizer")
        self.defaults = defaults
        self.state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        self._prepare()
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list: the model has no parameters (layers in a plain "
                             "list are not found: try nn.ModuleList), or a generator such as model.parameters() was "
                             "used up before: try list(model.parameters())")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in vars(cls):
            cls.step = _hooked(cls.step)  # type: ignore[method-assign]

    def _prepare(self) -> None:
        """What is neither saved nor copied."""
        self._pre_hooks: list[Callable[..., Any]] = []
        self._post_hooks: list[Callable[..., Any]] = []
        self._save_pre_hooks: list[Callable[..., Any]] = []
        self._save_post_hooks: list[Callable[..., Any]] = []
        self._load_pre_hooks: list[Callable[..., Any]] = []
        self._load_post_hooks: list[Callable[..., Any]] = []
        self._opt_called = False

    # ------------------------------------------------------------------ what an algorithm defines

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Update the array `p` in place, given its gradient `g`, its state and the hyperparameters."""
        raise NotImplementedError(f"{type(self).__name__} defines neither update() nor step()")

    def initial_state(self, p: Array, group: dict[str, Any]) -> dict[str, Any]:
        """What to remember of `p`, as it is before the first update."""
        return {}

    def check_group(self, group: dict[str, Any]) -> None:
        """Raise ValueError if a hyperparameter is out of range; see `check`."""

    def check_state(self, state: dict[str, Any], p: Tensor, group: dict[str, Any]) -> None:
        """Raise an error if a loaded state is not one of the parameter `p`; see `check_entry`.

        It needs what `initial_state` has, in the same shapes, and may hold more.
        """
        values = _parts(p)
        for name, start in self.initial_state(values.array, group).items():
            check_entry(name, state, _joined(start, values.shape) if p.is_complex() else start)

    # ------------------------------------------------------------------ a step

    @_hooked
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient.

        `closure`, if given, is called first to compute the gradients anew; its loss is returned.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        self._update(p, group)
        return loss

    def _update(self, p: Tensor, group: dict[str, Any]) -> None:
        state, values, gradient = self.state[p], _parts(p), _parts(p.grad)
        known = {name: _parts(value) for name, value in state.items()} if p.is_complex() else state
        if not known:
            known.update(self.initial_state(values.array, group))
        self.update(values.array, gradient.array, known, group)
        if p.is_complex():
            state.update({name: _joined(value, values.shape) for name, value in known.items()})
        self._note_write(p)

    def _note_write(self, p: Tensor) -> None:
        """A step has written `p`: graphs that need its old value find out by the version."""
        version = version_of(p)
        version[:] = version[0] + 1, f"{type(self).__name__}.step"

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or with `set_to_none=False` set them to zero."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.grad = None if set_to_none else zeros_like(p.grad.array)

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` before each step; it may return new `(args, kwargs)`."""
        return RemovableHandle(self._pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return RemovableHandle(self._post_hooks, hook)

    # ------------------------------------------------------------------ parameter groups

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with hyperparameters of their own, such as layers that are unfrozen later.

        Args:
            param_group: `{"params": ...}` and any hyperparameters that differ from the defaults.

        Errors: KeyError without "params"; TypeError if it is no dict or holds something other than Tensors, ValueError
        for a Tensor that is no leaf or belongs to another group already, or a hyperparameter out of range.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        if "params" not in param_group:
            raise KeyError(f"params: a parameter group has its parameters under 'params', but got a dict with the keys "
                           f"{list(param_group)}")
        params = param_group["params"]
        if isinstance(params, set):
            raise TypeError("optimizer parameters need to be organized in ordered collections, but the ordering of "
                            "tensors in sets will change between runs. Please use a list instead.")
        if not isinstance(params, Tensor):
            _check_iterable(params, "the 'params' of a parameter group")
        params = [params] if isinstance(params, Tensor) else list(params)
        group = {**self.defaults, **param_group}
        if any(isinstance(p, tuple) for p in params):
            if not all(isinstance(p, tuple) for p in params):
                raise ValueError("all optimizer params should be with/without names. Some param names are missing")
            group["param_names"] = [name for name, _ in params]
            params = [p for _, p in params]
        group["params"] = params
        for name, value in group.items():
            if name != "params":
                group[name] = _numbers(name, value)
        self._check_params(params)
        self._check_numbers(group)
        self.check_group(group)
        self.param_groups.append(group)

    def _check_numbers(self, group: dict[str, Any]) -> None:
        """Errors: TypeError where a hyperparameter is no number, but has one as its default."""
        for name, parameter in inspect.signature(type(self)).parameters.items():
            value = group.get(name, parameter.default)
            several = isinstance(parameter.default, tuple) and isinstance(value, (tuple, list))
            for expected, given in zip(parameter.default, value) if several else [(parameter.default, value)]:
                if isinstance(expected, (int, float)) and not isinstance(given, (int, float, np.generic)):
                    raise TypeError(f"{type(self).__name__}: {name} must be a number or a Tensor of one element, but "
                                    f"got {given!r} ({type(given).__name__})")

    def _check_params(self, params: list[Any]) -> None:
        for p in params:
            if not isinstance(p, Tensor):
                raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {type(p).__name__}; "
                                f"{_instead_of(p)}")
            if not p.is_leaf:
                raise ValueError("can't optimize a non-leaf Tensor: it was computed from others; optimize those, or "
                                 "detach() it")
        if len({id(p) for p in params}) != len(params):
            warn("optimizer contains a parameter group with duplicate parameters: each step updates them "
                 "more than once")
        taken = {id(p) for group in self.param_groups for p in group["params"]}
        if any(id(p) in taken for p in params):
            raise ValueError("some parameters appear in more than one parameter group")

    # ------------------------------------------------------------------ saving and loading

    def state_dict(self) -> dict[str, Any]:
        """The state and the hyperparameters in PyTorch's format: parameters are counted through all groups.

        The state's Tensors are those that the optimizer works on, not copies.
        """
        for hook in list(self._save_pre_hooks):
            hook(self)
        saved = self._packed()
        for hook in list(self._save_post_hooks):
            changed = hook(self, saved)
            saved = saved if changed is None else changed
        return saved

    def _packed(self) -> dict[str, Any]:
        number: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            for p in group["params"]:
                number.setdefault(id(p), len(number))
            groups.append({**group, "params": [number[id(p)] for p in group["params"]]})
            groups[-1]["params"] = groups[-1].pop("params")     # last, as PyTorch has it
        return {"state": {number[id(p)] if isinstance(p, Tensor) else p: dict(state)
                          for p, state in self.state.items() if state},
                "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict()` gave, of this optimizer or PyTorch's with the same parameters.

        The values are copied. State comes to the dtype and device of its parameter. Hyperparameters that are not saved
        stay as they are.

        Errors: ValueError if the number of groups, of parameters in a group, or the shape of a state differs; TypeError
        or KeyError for what is no state dict of such an optimizer. Nothing is loaded then.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}")
        state_dict = dict(state_dict)       # the hooks may change it
        for hook in list(self._load_pre_hooks):
            changed = hook(self, state_dict)
            state_dict = state_dict if changed is None else changed
        self._unpack(state_dict)
        for hook in list(self._load_post_hooks):
            hook(self)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` before `state_dict`; with `prepend` before the other hooks."""
        return RemovableHandle(self._save_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` after it; the hook may change the dict or return another."""
        return RemovableHandle(self._save_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` before loading; it may change its shallow copy or return another dict."""
        return RemovableHandle(self._load_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` after loading."""
        return RemovableHandle(self._load_post_hooks, hook, prepend)

    def _unpack(self, state_dict: dict[str, Any]) -> None:
        if not {"state", "param_groups"} <= state_dict.keys():
            inner = [key for key, value in state_dict.items()
                     if isinstance(value, Mapping) and {"state", "param_groups"} <= value.keys()]
            hint = f"; such a dict stands under {' and '.join(map(repr, inner))}" if inner else ""
            raise KeyError(f"load_state_dict: expected the state dict of an optimizer, with the keys 'state' and "
                           f"'param_groups', but got {str(list(state_dict)[:8])[:-1]}"
                           f"{', ...' if len(state_dict) > 8 else ''}]{hint}")
        saved = state_dict["param_groups"]
        _check_types(state_dict["state"], saved)
        if len(saved) != len(self.param_groups):
            raise ValueError(f"loaded state dict has a different number of parameter groups: {len(saved)}, expected "
                             f"{len(self.param_groups)}")
        for new, old in zip(saved, self.param_groups):
            if len(new["params"]) != len(old["params"]):
                raise ValueError(f"loaded state dict contains a parameter group that doesn't match the size of "
                                 f"optimizer's group: {len(new['params'])} parameters, expected {len(old['params'])}")
        groups = [{**old, **{name: _numbers(name, copy.deepcopy(value)) for name, value in new.items()},
                   "params": old["params"]} for new, old in zip(saved, self.param_groups)]
        for group in groups:
            self._check_numbers(group)
        place_of = {number: (p, group) for new, group in zip(saved, groups)
                    for number, p in zip(new["params"], group["params"])}
        state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        for key, values in state_dict["state"].items():
            place = place_of.get(key)
            p = None if place is None else place[0]
            loaded = {name: self._loaded(name, value, p) for name, value in values.items()}
            if place is not None and loaded:
                try:
                    self.check_state(loaded, *place)
                except (KeyError, TypeError, ValueError) as error:
                    raise type(error)(f"{type(self).__name__}: the loaded state of parameter {key} "
                                      f"{error.args[0]}") from None
            state[key if p is None else p] = loaded
        self.state, self.param_groups = state, groups

    def _loaded(self, name: str, value: Any, p: Tensor | None) -> Any:
        """A copy of one entry of a saved state, where it fits `p`."""
        if isinstance(value, list):
            return [self._loaded(name, v, p) for v in value]
        if name in self.number_state:
            return value.item() if hasattr(value, "item") and math.prod(value.shape) == 1 else value
        if isinstance(value, Tensor):
            array = value.array
        elif is_array(value) or hasattr(value, "__array__"):    # PyTorch's tensors too
            array = value if is_array(value) else np.asarray(value)
        else:
            return copy.deepcopy(value)
        if p is None:
            return wrap(array.copy())
        dtype = {"f": real_of(p.dtype), "c": p.dtype}.get(array.dtype.kind, array.dtype)
        return wrap(move(array, p.device).astype(dtype))

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._prepare()

    def __repr__(self) -> str:
        lines = []
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {name}: {group[name]}" for name in sorted(group) if name != "params"]
            lines.append("")
        return "\n".join([f"{type(self).__name__} (", *lines[:-1], ")"])


def _parts(value: Any) -> Any:
    """A complex Tensor as its parts, which are updated like two real parameters; everything else as it is."""
    return view_as_real(value) if isinstance(value, Tensor) and value.is_complex() else value


def _joined(value: Any, shape: tuple[int, ...]) -> Any:
    """The opposite of `_parts`, for state that has the shape of the parameter's parts."""
    return view_as_complex(value) if isinstance(value, Tensor) and value.shape == shape else value


def _number(name: str, value: Any) -> Any:
    """A hyperparameter: the number in a Tensor of one element, PyTorch's too; everything else as it is."""
    if not hasattr(value, "item") or isinstance(value, np.generic):
        return value
    if math.prod(value.shape) != 1:
        raise ValueError(f"Tensor {name} must be 1-element, but got shape {tuple(value.shape)}")
    return value.item()


def _numbers(name: str, value: Any) -> Any:
    """A hyperparameter with `_number` for each of its values, if it is a tuple."""
    return tuple(_number(name, v) for v in value) if isinstance(value, tuple) else _number(name, value)


def _check_types(state: Any, groups: Any) -> None:
    """Errors: TypeError or KeyError where the two halves of a state dict are not what `state_dict` gives."""
    if not isinstance(state, Mapping) or not all(isinstance(values, Mapping) for values in state.values()):
        raise TypeError("load_state_dict: expected 'state' to be a dict with a dict for each parameter that has one")
    if not isinstance(groups, (list, tuple)) or not all(isinstance(group, Mapping) for group in groups):
        raise TypeError("load_state_dict: expected 'param_groups' to be a list of dicts")
    for group in groups:
        if "params" not in group:
            raise KeyError(f"load_state_dict: expected the numbers of a group's parameters under 'params', but got the "
                           f"keys {list(group)}")


def _check_iterable(params: Any, what: str) -> None:
    """Errors: TypeError for what is not several Tensors or groups, such as a model."""
    if isinstance(params, (Tensor, Mapping, str)) or not isinstance(params, Iterable):
        raise TypeError(f"{what} should be an iterable of Tensors or dicts, but got {type(params).__name__}; "
                        f"{_instead_of(params)}")


def _instead_of(params: Any) -> str:
    """What to hand to an optimizer in place of something that it cannot take."""
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


def check_entry(name: str, state: dict[str, Any], like: Any) -> None:
    """Errors: KeyError, TypeError or ValueError unless `state[name]` is a number or a Tensor in a shape, as `like`."""
    if name not in state:
        raise KeyError(f"has no {name!r}, but only {list(state)}; was it saved by another kind of optimizer?")
    value, is_tensor = state[name], isinstance(like, Tensor)
    if not isinstance(value, Tensor if is_tensor else (int, float, np.generic)):
        raise TypeError(f"has a {type(value).__name__} as {name!r}, expected a {'Tensor' if is_tensor else 'number'}")
    if isinstance(value, Tensor) and value.shape != like.shape:
        raise ValueError(f"has {name!r} in shape {tuple(value.shape)}, expected {tuple(like.shape)}; was it saved with "
                         f"another network?")


def check(valid: bool, what: str, value: Any) -> None:
    """Raise ValueError("Invalid <what>: <value>") unless `valid`."""
    if not valid:
        raise ValueError(f"Invalid {what}: {value}")


def check_real(group: dict[str, Any], who: str) -> None:
    """Raise RuntimeError if a parameter is complex, for algorithms that are no sum over single numbers."""
    if any(p.is_complex() for p in group["params"]):
        raise RuntimeError(f"{who} does not support complex parameters; try view_as_real(p)")


def check_betas(betas: tuple[float, float]) -> None:
    check(len(betas) == 2, "betas, which are two numbers", betas)
    for i, beta in enumerate(betas):
        check(0 <= beta < 1, f"beta parameter at index {i}", beta)


def zeros_like(p: Array) -> Tensor:
    """A Tensor of zeros with the shape, dtype, device and memory layout of the array `p`."""
    return wrap(array_module(p).zeros_like(p))
