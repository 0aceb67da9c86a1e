"""Hooks on modules: functions called around `forward`, and where gradients enter and leave it."""
from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from minidl.autograd.around import around_modules
from minidl.autograd.basic_ops import Alias
from minidl.autograd.grad_mode import switches
from minidl.autograd.handles import RemovableHandle
from minidl.autograd.op import SHARED_MEMORY, Op
from minidl.autograd.tensorbase import TensorBase, version_of
from minidl.autograd.views import View
from minidl.backend.warn import warn

if TYPE_CHECKING:
    from minidl.nn.module.module import Module


class Hook(NamedTuple):
    """A hook on a call. `with_kwargs`: it also receives the keyword arguments."""

    function: Callable[..., Any]
    with_kwargs: bool = False
    always_call: bool = False   # also after an error in `forward` or in an earlier hook


class Hooks:
    """The hooks of one module.

    Most modules have no hooks, so no such object, and their call is `forward`. `global_hooks` holds the hooks on all
    modules, which run before a module's own.
    """

    def __init__(self) -> None:
        self.forward_pre: list[Hook] = []
        self.forward: list[Hook] = []
        self.backward_pre: list[Callable[..., Any]] = []
        self.backward: list[Callable[..., Any]] = []
        self.state_dict_pre: list[Callable[..., Any]] = []
        self.state_dict: list[Callable[..., Any]] = []
        self.load_state_dict_pre: list[Callable[..., Any]] = []
        self.load_state_dict: list[Callable[..., Any]] = []

    def call(self, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run `module.forward(*args, **kwargs)` with its hooks, and with what surrounds all calls."""
        return around_modules.call(self._call, module, *args, **kwargs)

    def _call(self, module: Module, /, *args: Any, **kwargs: Any) -> Any:
        output, pending = None, [*global_hooks.forward, *self.forward]
        try:
            for hook in (*global_hooks.forward_pre, *self.forward_pre):
                args, kwargs = _before_forward(hook, module, args, kwargs)
            watched = self.backward or self.backward_pre or global_hooks.backward or global_hooks.backward_pre
            watch = BackwardHooks(module, self) if watched else None
            if watch is not None:
                args = watch.wrap_inputs(args)
            output = module.forward(*args, **kwargs)
            while pending:
                output = _after_forward(pending.pop(0), module, args, kwargs, output)
            return output if watch is None else watch.wrap_outputs(output)
        except Exception:
            for hook in pending:
                if hook.always_call:
                    try:
                        output = _after_forward(hook, module, args, kwargs, output)
                    except Exception as error:
                        warn(f"module forward hook with ``always_call=True`` raised an exception that was "
                             f"silenced as another error was raised in forward: {error}")
            raise

    @property
    def around_calls(self) -> list[Any]:
        """The hooks that make a call more than `forward`; empty if there are none."""
        return self.forward_pre or self.forward or self.backward_pre or self.backward


global_hooks = Hooks()  # on all modules
NO_HOOKS = Hooks()      # stays empty
registration: dict[str, list[Callable[..., Any]]] = {"parameter": [], "buffer": [], "module": []}


def run_registration_hooks(module: Module, what: str, name: str, value: Any) -> Any:
    """The value to register under a name, after the registration hooks."""
    for hook in tuple(registration[what]):
        replaced = hook(module, name, value)
        value = value if replaced is None else replaced
    return value


def _before_forward(hook: Hook, module: Module, args: tuple[Any, ...],
                    kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments after a forward pre-hook."""
    if not hook.with_kwargs:
        replaced = hook.function(module, args)
        if replaced is not None:
            args = _as_tuple(replaced)
        return args, kwargs
    replaced = hook.function(module, args, kwargs)
    if replaced is None:
        return args, kwargs
    if not (isinstance(replaced, tuple) and len(replaced) == 2):
        raise RuntimeError(f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
                           f"but got {replaced}.")
    return replaced


def _after_forward(hook: Hook, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
    """The output after a forward hook."""
    inputs = (args, kwargs) if hook.with_kwargs else (args,)
    replaced = hook.function(module, *inputs, output)
    return output if replaced is None else replaced


def _as_tuple(value: Any) -> tuple[Any, ...]:
    """What a hook returned, as a tuple."""
    return value if isinstance(value, tuple) else (value,)


# ---------------------------------------------------------------------- hooks on one module

class HookTable(MutableMapping[int, Callable[..., Any]]):
    """A list of hooks under PyTorch's half-public names, such as `_forward_hooks`: functions by number.

    Programs count them, remove one, or clear all. A number is a hook's as long as it is registered.
    """

    def __init__(self, hooks: list[Any]) -> None:
        self._hooks = hooks

    def __getitem__(self, key: int) -> Callable[..., Any]:
        hook = next((hook for hook in self._hooks if id(hook) == key), None)
        if hook is None:
            raise KeyError(key)
        return hook.function if isinstance(hook, Hook) else hook

    def __setitem__(self, key: int, value: Callable[..., Any]) -> None:
        raise TypeError("a module's hooks are registered by register_forward_hook and the like; this table of them "
                        "can only shrink")

    def __delitem__(self, key: int) -> None:
        self._hooks[:] = [hook for hook in self._hooks if id(hook) != key]

    def __iter__(self) -> Iterator[int]:
        return iter([id(hook) for hook in self._hooks])

    def __len__(self) -> int:
        return len(self._hooks)


class Hookable:
    """The part of Module that registers hooks."""

    _hooks: Hooks | None = None     # made when the first hook is registered

    _forward_pre_hooks = property(lambda self: HookTable((self._hooks or NO_HOOKS).forward_pre))
    _forward_hooks = property(lambda self: HookTable((self._hooks or NO_HOOKS).forward))
    _backward_pre_hooks = property(lambda self: HookTable((self._hooks or NO_HOOKS).backward_pre))
    _backward_hooks = property(lambda self: HookTable((self._hooks or NO_HOOKS).backward))

    def _with_hooks(self) -> Hooks:
        if self._hooks is None:
            self._hooks = Hooks()
        return self._hooks

    def register_forward_pre_hook(self, hook: Callable[..., Any], *, prepend: bool = False,
                                  with_kwargs: bool = False) -> RemovableHandle:
        """Call `hook(module, args)` before `forward`. Its result replaces the arguments.

        `with_kwargs`: `hook(module, args, kwargs)`, which may return new `(args, kwargs)`.
        """
        return RemovableHandle(self._with_hooks().forward_pre, Hook(hook, with_kwargs), prepend)

    def register_forward_hook(self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False,
                              always_call: bool = False) -> RemovableHandle:
        """Call `hook(module, args, output)` after `forward`. Its result replaces the output.

        `with_kwargs`: `hook(module, args, kwargs, output)`. `always_call`: also when `forward` raises an
        error; then output is None.

            >>> import minidl
            >>> from minidl import nn
            >>> layer = nn.Linear(3, 2)
            >>> handle = layer.register_forward_hook(lambda module, args, output: print(output.shape))
            >>> y = layer(minidl.ones(5, 3))
            (5, 2)
            >>> handle.remove()
        """
        return RemovableHandle(self._with_hooks().forward, Hook(hook, with_kwargs, always_call), prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_output)` when the outputs' gradients arrive. A returned tuple replaces them."""
        return RemovableHandle(self._with_hooks().backward_pre, hook, prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` when the inputs' gradients are known.

        Both are tuples, with None where there is no gradient. A returned tuple replaces `grad_input`.
        """
        return RemovableHandle(self._with_hooks().backward, hook, prepend)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, prefix, keep_vars)` before `state_dict` collects this module."""
        return RemovableHandle(self._with_hooks().state_dict_pre, hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, metadata)` after `state_dict` collected it. It may change the dict."""
        return RemovableHandle(self._with_hooks().state_dict, hook)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call a hook before `load_state_dict` checks anything.

        Its arguments: module, state_dict, prefix, metadata, strict, missing_keys, unexpected_keys, error_msgs. The dict
        is a copy: rename the keys of old checkpoints here.
        """
        return RemovableHandle(self._with_hooks().load_state_dict_pre, hook)

    def _register_load_state_dict_pre_hook(self, hook: Callable[..., Any],
                                           with_module: bool = False) -> RemovableHandle:
        """As `register_load_state_dict_pre_hook`, for a hook without `module` unless `with_module`.

        The name is PyTorch's older one, which libraries call.
        """
        return self.register_load_state_dict_pre_hook(hook if with_module else lambda module, *args: hook(*args))

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, incompatible_keys)` after `load_state_dict`."""
        return RemovableHandle(self._with_hooks().load_state_dict, hook)


# ---------------------------------------------------------------------- hooks on all modules

def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, args)` before every module's `forward`; see `Module.register_forward_pre_hook`."""
    return RemovableHandle(global_hooks.forward_pre, Hook(hook))


def register_module_forward_hook(hook: Callable[..., Any], *, with_kwargs: bool = False,
                                 always_call: bool = False) -> RemovableHandle:
    """Call `hook(module, args, output)` after every module's `forward`; see `Module.register_forward_hook`.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.nn.modules.module import register_module_forward_hook
        >>> with register_module_forward_hook(lambda module, args, output: print(module, output.shape)):
        ...     y = nn.Sequential(nn.ReLU(), nn.Flatten(0))(minidl.ones(2, 3))
        ReLU() (2, 3)
        Flatten(start_dim=0, end_dim=-1) (6,)
        Sequential(
          (0): ReLU()
          (1): Flatten(start_dim=0, end_dim=-1)
        ) (6,)
    """
    return RemovableHandle(global_hooks.forward, Hook(hook, with_kwargs, always_call))


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, grad_output)` when gradients arrive at any module's outputs."""
    return RemovableHandle(global_hooks.backward_pre, hook)


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, grad_input, grad_output)` when any module's input gradients are known."""
    return RemovableHandle(global_hooks.backward, hook)


def register_module_parameter_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, name, param)` when a module gets a parameter. Its result is registered instead."""
    return RemovableHandle(registration["parameter"], hook)


def register_module_buffer_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, name, buffer)` when a module gets a buffer. Its result is registered instead."""
    return RemovableHandle(registration["buffer"], hook)


def register_module_module_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, name, child)` when a module gets a child. Its result is registered instead."""
    return RemovableHandle(registration["module"], hook)


# ---------------------------------------------------------------------- gradients

class IdentityNode(Op):
    """y = x for several tensors. Their gradients pass this node of the graph together."""

    layout = SHARED_MEMORY
    materialize = False

    def forward(self, *xs: Any) -> Any:
        return xs

    def backward(self, g: Any) -> list[Any]:
        gs = g if self.outputs > 1 else (g,)
        return [None if edge is None else gx for gx, edge in zip(gs, self.edges)]


class BackwardHooks:
    """The backward hooks of one call: on its outputs' gradients, then on its inputs'."""

    def __init__(self, module: Module, hooks: Hooks) -> None:
        self.module, self.hooks = module, hooks
        self.grad_output: tuple[Any, ...] = ()
        self.inputs: tuple[Any, ...] = ()       # one None for each argument; `input_places`: where tensors are
        self.input_places: list[int] = []
        self.inputs_recorded = False
        self.outputs = 0
        self.output_places: list[int] = []

    def wrap_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, behind an identity node that sees their gradients."""
        args, self.input_places, step = _insert_identity(args)
        self.inputs = (None,) * len(args)
        if step is not None:
            self.inputs_recorded = True
            step.register_hook(lambda grad_inputs, _: self.run_backward(grad_inputs))
        return args

    def wrap_outputs(self, output: Any) -> Any:
        """The output, behind an identity node that sees its gradients."""
        values = output if isinstance(output, (tuple, list)) else (output,)
        passed, self.output_places, step = _insert_identity(values)
        self.outputs = len(values)
        if step is None:
            return output
        step.register_prehook(self.run_backward_pre)
        if not isinstance(output, (tuple, list)):
            return passed[0]
        return type(output)(*passed) if hasattr(output, "_fields") else type(output)(passed)

    def run_backward_pre(self, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        """Run the backward pre-hooks; if no input gets a gradient, the backward hooks too."""
        self.grad_output = _scatter(gradients, self.output_places, self.outputs)
        for hook in (*global_hooks.backward_pre, *self.hooks.backward_pre):
            replaced = hook(self.module, self.grad_output)
            if replaced is not None:
                self.grad_output = self._check_count(replaced, self.outputs, "grad_output")
        if not self.inputs_recorded:
            for hook in (*global_hooks.backward, *self.hooks.backward):
                replaced = hook(self.module, self.inputs, self.grad_output)
                if replaced is not None and any(g is not None for g in _as_tuple(replaced)):
                    raise RuntimeError("backward hook for Modules where no input requires gradient should always "
                                       "return None or None for all gradients.")
        return tuple([self.grad_output[place] for place in self.output_places])

    def run_backward(self, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        """Run the backward hooks."""
        grad_input = _scatter(gradients, self.input_places, len(self.inputs))
        for hook in (*global_hooks.backward, *self.hooks.backward):
            replaced = hook(self.module, grad_input, self.grad_output)
            if replaced is not None:
                grad_input = self._check_count(replaced, len(grad_input), "grad_input")
        return tuple([grad_input[place] for place in self.input_places])

    def _check_count(self, replaced: Any, expected: int, what: str) -> tuple[Any, ...]:
        gradients = _as_tuple(replaced)
        if len(gradients) != expected:
            raise RuntimeError(f"Backward hook of {type(self.module).__name__} returned an invalid number of "
                               f"{what}, got {len(gradients)}, but expected {expected}")
        return gradients


def _insert_identity(values: Sequence[Any]) -> tuple[tuple[Any, ...], list[int], IdentityNode | None]:
    """Pass the floating tensors through one identity node, if gradients are recorded.

    Returns all values, the places of these tensors, and the node or None.
    """
    places = [i for i, x in enumerate(values) if isinstance(x, TensorBase) and x.array.dtype.kind in "fc"]
    if not switches.enabled or not any(values[i].requires_grad for i in places):
        return tuple(values), places, None
    step = IdentityNode()
    passed = list(values)
    for i, out in zip(places, step(*[values[i] for i in places])):
        # both share memory, so a write into one must count for the other
        out.version = version_of(values[i])
        out.view_of = View(values[i], Alias(), recorded=True)
        passed[i] = out
    return tuple(passed), places, step


def _scatter(gradients: tuple[Any, ...], places: list[int], size: int) -> tuple[Any, ...]:
    """A tuple of `size`: the gradients at their places, None elsewhere."""
    result: list[Any] = [None] * size
    for place, g in zip(places, gradients):
        result[place] = g
    return tuple(result)
