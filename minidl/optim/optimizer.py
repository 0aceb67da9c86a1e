"""The Optimizer: parameter groups, state, and the loop of a step, which all algorithms share.

An algorithm adds its hyperparameters, the initial state of a parameter, and the update of one parameter.
Argument checks are in `checks.py`, the format of a state dict in `saving.py`, complex numbers in `complex_pairs.py`.
"""
from __future__ import annotations

import functools
import operator
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, TypeVar

import numpy as np

from minidl.autograd.grad_mode import enable_grad, set_grad_enabled
from minidl.autograd.handles import RemovableHandle
from minidl.autograd.tensorbase import version_of, wrap
from minidl.backend.capture import Later, captured, refuse_captured
from minidl.backend.device import Array, array_module
from minidl.backend.dtype import float32, float64, get_default_dtype, real_of
from minidl.backend.together import together
from minidl.backend.warn import warn
from minidl.ops.sparse import SparseTensor
from minidl.optim.checks import (
    check_capturable,
    check_entry,
    check_implementation,
    check_iterable,
    check_leaves,
    check_numbers,
    checked,
    numbers_of_step,
    plain_numbers,
)
from minidl.optim.complex_pairs import ComplexAdapter
from minidl.optim.differentiable import record_update
from minidl.optim.saving import pack_state, unpack_state
from minidl.tensors.tensor import Tensor

Params = Iterable[Any]
"""The parameters of an optimizer: Tensors, `(name, Tensor)` pairs, or groups `{"params": ..., "lr": ...}`."""
Settings = TypeVar("Settings")
_of_all: dict[str, list[Callable[..., Any]]] = {"step_pre": [], "step_post": []}    # the hooks of all optimizers
_NO_HOOKS: dict[str, tuple[()]] = {"step_pre": (), "step_post": ()}


class _Required:
    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()
"""The default of a hyperparameter that every group must give."""


def _with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """`step` with the hooks before and after it. It also counts the steps, for the schedulers."""
    @functools.wraps(step)
    def wrapper(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        own = vars(self).get("_hooks", _NO_HOOKS)       # an optimizer around another may lack them
        for hook in [*_of_all["step_pre"], *own["step_pre"]]:
            changed = hook(self, args, kwargs)
            if changed is not None:
                if not isinstance(changed, tuple) or len(changed) != 2:
                    raise RuntimeError(f"{hook} must return None or a tuple of (new_args, new_kwargs), but got "
                                       f"{changed}.")
                args, kwargs = changed
        result = step(self, *args, **kwargs)
        self._opt_called = True
        for hook in [*own["step_post"], *_of_all["step_post"]]:
            hook(self, args, kwargs)
        return result
    return wrapper


class Optimizer:
    """Base class of all optimizers.

    A new algorithm passes its default hyperparameters to `__init__` and defines `update`, and, if needed,
    `initial_state` and `check_group`; or it overrides `step` as a whole.

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

    Parameters are updated in place; parameters whose `.grad` is None are left alone.

    Args:
        params: the Tensors to optimize, or `(name, Tensor)` pairs, or dicts. A dict has a list of either under
            `"params"`, and may have hyperparameters of its own.
        defaults: the hyperparameters of groups that do not set them.

    Arguments that the algorithms share, each with PyTorch's default:
        params: as above.
        lr: the learning rate, a number or a Tensor of one element, whose value is read at each step: on the GPU if it
            lies there, so that nobody waits for it.
        betas: the decay of the running means of the gradient and of its square.
        eps: keeps a division finite.
        weight_decay: the factor of the L2 penalty, whose gradient is weight_decay*p.
        decoupled_weight_decay: shrink the weights separately from the gradient; see AdamW.
        maximize: ascend instead of descend.
        foreach, fused: choose among PyTorch's implementations. There is one here, so they stay in the groups and have
            no effect.
        capturable: whether steps may be captured in a `minidl.cuda.graph`. The number of the step stays on the host,
            and each replay counts it on. It takes the numbers of its time, such as a learning rate or betas that a
            schedule changes, and is refused where they ask for other work, such as a weight decay that was 0.
        differentiable: record the steps, so that gradients flow through them to the gradients, the weights before, and
            the `recorded_options` that require grad; see `minidl.optim.differentiable`. Then `params` may be no leaves,
            and leaves that require grad are refused, since they are updated in place.

    Errors: TypeError or ValueError where `params` is a single Tensor, is empty, or holds something that cannot be
    optimized; ValueError for a hyperparameter out of range; RuntimeError for `fused` together with `foreach` or
    `differentiable`.
    """

    number_state: ClassVar[tuple[str, ...]] = ("step",)
    """The state entries that are numbers, 0-d Tensors on the CPU, in a dtype of their own; see `scalars`."""
    recorded_options: ClassVar[tuple[str, ...]] = ("lr", "weight_decay")
    """The hyperparameters to which gradients flow through a step with `differentiable=True`."""

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        check_implementation(defaults)
        check_iterable(params, "params argument given to the optimizer")
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
            cls.step = _with_hooks(cls.step)  # type: ignore[method-assign]

    def _prepare(self) -> None:
        """Make the attributes that are neither pickled nor copied, such as hooks."""
        self._hooks: defaultdict[str, list[Callable[..., Any]]] = defaultdict(list)
        self._opt_called = False

    # ------------------------------------------------------------------ methods that an algorithm defines

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Update the array `p` in place, given its gradient `g`, its state and the hyperparameters."""
        raise NotImplementedError(f"{type(self).__name__} defines neither update() nor step()")

    def update_sparse(self, p: Array, g: SparseTensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Update the array `p` in place, given a sparse gradient, which is coalesced; `update_entries` may do it.

        Errors: RuntimeError for an algorithm that has no rule for what is not stored.
        """
        raise RuntimeError(f"{type(self).__name__} does not support sparse gradients")

    def initial_state(self, p: Array, group: dict[str, Any]) -> dict[str, Any]:
        """The state of `p` before the first update."""
        return {}

    def check_group(self, group: dict[str, Any]) -> None:
        """Raise ValueError if a hyperparameter is out of range; see `minidl.optim.checks`."""

    def check_state(self, state: dict[str, Any], p: Tensor, group: dict[str, Any]) -> None:
        """Raise an error if a loaded state does not fit the parameter `p`; see `check_entry`.

        It must have the entries of `initial_state`, in the same shapes, and may have more. A Python number in place of
        a 0-d Tensor, as in older files, becomes one.
        """
        for name, start in self._algorithm_for(p).initial_state(p.array, group).items():
            if name in self.number_state and isinstance(state.get(name), (int, float)):
                state.update(scalars(**{name: state[name]}))
            check_entry(name, state, start)

    # ------------------------------------------------------------------ a step

    @_with_hooks
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient.

        `closure`, if given, is called first to compute the gradients again; its loss is returned.
        """
        check_capturable(self)
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        record = bool(self.defaults.get("differentiable"))
        update = (functools.partial(record_update, self) if record else self._update if captured() is None
                  else self._capture_update)
        with set_grad_enabled(record), together():
            for group in self.param_groups:
                group = group if record else numbers_of_step(group, self.defaults)
                for p in group["params"]:
                    if (gradient := p.grad) is not None:
                        update(p, gradient, group)
        return loss

    def _update(self, p: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state, algorithm = self.state[p], self._algorithm_for(p)
        if not state:
            state.update(algorithm.initial_state(p.array, group))
        if gradient.is_sparse:
            self.update_sparse(p.array, gradient.coalesce(), state, group)      # type: ignore[attr-defined]
        else:
            algorithm.update(p.array, gradient.array, state, group)
        self._bump_version(p)

    def _capture_update(self, p: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        """`_update` in a captured step, which may not make state."""
        captured().dtype = real_of(p.dtype)         # type: ignore[union-attr]
        known = len(self.state[p])
        self._update(p, gradient, group)
        if len(self.state[p]) > known:
            refuse_captured(f"{type(self).__name__}.step", "each replay would make the state of a parameter once more",
                            "do a step before the capture")

    def update_entries(self, p: Array, g: SparseTensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        """`update` of the entries that a sparse gradient has, rows of a table for instance; all others stay."""
        where = tuple(g.positions)
        here = {name: wrap(value.array[where]) if isinstance(value, Tensor) and value.shape == p.shape else value
                for name, value in state.items()}
        p_here = p[where]
        algorithm = ComplexAdapter(self) if p.dtype.kind == "c" else self
        algorithm.update(p_here, g.stored.array, here, group)
        p[where] = p_here
        for name, value in here.items():
            if value is state[name] or not isinstance(value, Tensor):
                state[name] = value
            else:
                state[name].array[where] = value.array

    def _algorithm_for(self, p: Tensor) -> Optimizer | ComplexAdapter:
        """The object whose `initial_state` and `update` serve `p`; only this method asks for complex numbers."""
        return ComplexAdapter(self) if p.array.dtype.kind == "c" else self

    def _bump_version(self, p: Tensor) -> None:
        """Increase the version of `p`, so that graphs that need its old value notice the write."""
        version = version_of(p)
        version[:] = version[0] + 1, type(self).__name__ + ".step"

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Set all gradients to None, or with `set_to_none=False` to zero."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.grad = None if set_to_none else p.grad.detach().zero_() if p.grad.is_sparse else zeros_like(
                        p.grad.array)

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` before each step; it may return new `(args, kwargs)`."""
        return RemovableHandle(self._hooks["step_pre"], hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return RemovableHandle(self._hooks["step_post"], hook)

    # ------------------------------------------------------------------ parameter groups

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with hyperparameters of their own, such as layers that are unfrozen later.

        Args:
            param_group: `{"params": ...}` and any hyperparameters that differ from the defaults.

        Errors: KeyError without "params"; TypeError if it is no dict or its parameters are no Tensors; ValueError for a
        Tensor that is no leaf or belongs to another group already, or a hyperparameter out of range.
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
            check_iterable(params, "the 'params' of a parameter group")
        params = [params] if isinstance(params, Tensor) else list(params)
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(f"parameter group didn't specify a value of required optimization parameter {name}")
        group = dict(param_group)
        if any(isinstance(p, tuple) for p in params):
            if not all(isinstance(p, tuple) for p in params):
                raise ValueError("all optimizer params should be with/without names. Some param names are missing")
            group["param_names"] = [name for name, _ in params]
            params = [p for _, p in params]
        group["params"] = params
        for name, default in self.defaults.items():
            group.setdefault(name, default)
        for name, value in group.items():
            if name != "params":
                group[name] = checked(name, value)
        check_leaves(params, self.defaults.get("differentiable", False))
        self._check_repeated(params)
        named = "param_names" in group
        if any(("param_names" in other) != named for other in self.param_groups):
            raise ValueError(f"all optimizer param groups should be with/without names. cannot add param group "
                             f"{'with' if named else 'without'} names to the optimizer")
        plain = plain_numbers(group)
        check_numbers(plain, type(self))
        self.check_group(plain)
        self.param_groups.append(group)

    def _check_repeated(self, params: list[Tensor]) -> None:
        """Raise ValueError if a parameter is in another group; warn if it is twice in this one."""
        if len({id(p) for p in params}) != len(params):
            warn("optimizer contains a parameter group with duplicate parameters: each step updates them "
                 "more than once")
        taken = {id(p) for group in self.param_groups for p in group["params"]}
        if any(id(p) in taken for p in params):
            raise ValueError("some parameters appear in more than one parameter group")

    # ------------------------------------------------------------------ saving and loading

    def state_dict(self) -> dict[str, Any]:
        """The state and the hyperparameters in PyTorch's format: parameters are numbered through all groups.

        The Tensors of the state are the optimizer's own, not copies.
        """
        for hook in list(self._hooks["state_dict_pre"]):
            hook(self)
        saved = pack_state(self)
        for hook in list(self._hooks["state_dict_post"]):
            changed = hook(self, saved)
            saved = saved if changed is None else changed
        return saved

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the `state_dict()` of such an optimizer, or of PyTorch's, with the same parameters.

        The values are copied. State is cast to the dtype of its parameter, and moved to its device. Hyperparameters
        that are not saved stay as they are.

        Errors: ValueError if the number of groups, of parameters in a group, or the shape of a state differs; TypeError
        or KeyError if it is no state dict of such an optimizer. After an error nothing is loaded.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}")
        state_dict = dict(state_dict)       # the hooks may change it
        for hook in list(self._hooks["load_state_dict_pre"]):
            changed = hook(self, state_dict)
            state_dict = state_dict if changed is None else changed
        self.state, self.param_groups = unpack_state(self, state_dict)
        for hook in list(self._hooks["load_state_dict_post"]):
            hook(self)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` before `state_dict`; with `prepend`, before the other hooks."""
        return RemovableHandle(self._hooks["state_dict_pre"], hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` after `state_dict`; the hook may change the dict or return another."""
        return RemovableHandle(self._hooks["state_dict_post"], hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` before loading; it may change its shallow copy or return another dict."""
        return RemovableHandle(self._hooks["load_state_dict_pre"], hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` after loading."""
        return RemovableHandle(self._hooks["load_state_dict_post"], hook, prepend)

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


def settings_of(group: dict[str, Any], kind: type[Settings]) -> Settings:
    """The hyperparameters of a group as a NamedTuple of class `kind`."""
    # a third of the time of kind(*values)
    return tuple.__new__(kind, _reader_of(kind)(group))     # type: ignore[type-var, arg-type]


@functools.cache
def _reader_of(kind: Any) -> Callable[[dict[str, Any]], tuple[Any, ...]]:
    """The function that reads the fields of `kind` from a group."""
    names = kind._fields
    return operator.itemgetter(*names) if len(names) > 1 else lambda group: (group[names[0]],)


def scalars(**values: float) -> dict[str, Tensor]:
    """State that is a number: under each name a 0-d Tensor on the CPU, of float32 unless float64 is the default."""
    dtype = float64 if get_default_dtype() == float64 else float32
    return {name: wrap(np.array(value, dtype)) for name, value in values.items()}


def next_step(state: dict[str, Any]) -> Any:
    """Count a step in `state["step"]`, and return its number, from 1 on; in a captured step, each replay counts."""
    return next_number("step", state, lambda count: count + 1)


def next_number(name: str, state: dict[str, Any], function: Callable[[float], float]) -> Any:
    """Set a number of the state to a function of itself, and return it; in a captured step, each replay does."""
    array = state[name].array
    capture = captured()
    if capture is not None:
        capture.before_each.append(lambda: array.fill(function(array.item())))
        return number_of(name, state)
    number = function(array.item())
    array.fill(number)                      # a fifth of the time of `array += 1`
    return number


def number_of(name: str, state: dict[str, Any]) -> Any:
    """A number of the state, in a captured step that of the replay."""
    array = state[name].array
    if captured() is None:
        return array.item()
    return Later(array.item, (name, array.item(), state["step"].array.item()))      # parameters may share it


def zeros_like(p: Array) -> Tensor:
    """A Tensor of zeros with the shape, dtype, device and memory layout of the array `p`."""
    return wrap(array_module(p).zeros_like(p))


def zeros(p: Array, *names: str) -> dict[str, Tensor]:
    """State that is zero at first: `zeros_like(p)` under each name."""
    return {name: zeros_like(p) for name in names}


def register_optimizer_step_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` before each step of all optimizers; as `register_step_pre_hook`."""
    return RemovableHandle(_of_all["step_pre"], hook)


def register_optimizer_step_post_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` after each step of all optimizers."""
    return RemovableHandle(_of_all["step_post"], hook)
