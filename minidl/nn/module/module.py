"""Module: the base class of every layer and every network.

Assigning a parameter, a buffer or a module to an attribute registers it, so a module knows its parts by name. All
else follows from walking this tree: saving, moving, training mode, printing.
"""
from __future__ import annotations

import difflib
import inspect
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, TypeVar

from minidl.autograd.around import around_modules
from minidl.autograd.grad_mode import no_grad
from minidl.autograd.tensorbase import SparseBase, TensorBase, memory_of
from minidl.backend import dtype as dtypes
from minidl.backend.warn import warn
from minidl.nn.module import mismatch
from minidl.nn.module.hooks import NO_HOOKS, Hookable, global_hooks, run_registration_hooks
from minidl.nn.module.state import EXTRA, IncompatibleKeys, Loading, load_errors
from minidl.nn.parameter import Buffer, Parameter, is_lazy, type_name
from minidl.tensors.creation import empty_like
from minidl.tensors.tensor import Tensor, parse_to

M = TypeVar("M", bound="Module")
_REGISTRIES = ("_parameters", "_buffers", "_modules")


class Module(Hookable):
    """Base class of all layers and networks.

    Make the parts in `__init__` and assign them to attributes, after `super().__init__()`. Define the
    computation in `forward`. Then call the module like a function.

        >>> import minidl
        >>> from minidl import nn
        >>> class Net(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.fc = nn.Linear(3, 2)
        ...     def forward(self, x):
        ...         return self.fc(x).relu()
        >>> net = Net()
        >>> net(minidl.ones(5, 3)).shape
        (5, 2)
        >>> [name for name, _ in net.named_parameters()]
        ['fc.weight', 'fc.bias']
    """

    training: bool
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]
    _non_persistent_buffers_set: set[str]
    _uncalled: ClassVar[str] = ""   # for a module that is no function: what to do instead of calling it
    _version: ClassVar[int] = 1     # layout of the saved state; goes up when names or meanings change

    def __new__(cls: type[M], *args: Any, **kwargs: Any) -> M:
        if args and isinstance(args[0], TensorBase):
            _check_constructor_arguments(cls, args, kwargs)
        return make(cls) if (make := super().__new__) is object.__new__ else make(cls, *args, **kwargs)

    def __init__(self) -> None:
        # write to __dict__: our own __setattr__ needs the registries
        self.__dict__.update(training=True, _parameters={}, _buffers={}, _modules={},
                             _non_persistent_buffers_set=set())

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output. Every subclass defines it."""
        near = difflib.get_close_matches("forward", set(dir(type(self))) - set(dir(Module)), 1)
        advice = self._uncalled or (f"; there is {near[0]}(): did you mean that?" if near else "")
        raise NotImplementedError(f'Module [{self._get_name()}] is missing the required "forward" function{advice}')

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._hooks is None and not global_hooks.around_calls and not around_modules.functions:
            return self.forward(*args, **kwargs)
        return (self._hooks or NO_HOOKS).call(self, args, kwargs)

    # ------------------------------------------------------------------ attributes that register

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter):
            self._register("_parameters", "parameter", name, value, replace=True)
        elif isinstance(value, Module):
            self._register("_modules", "module", name, value, replace=True)
        elif isinstance(value, Buffer):
            self._register("_buffers", "buffer", name, value, replace=True)
            self._set_persistent(name, value.persistent)
        else:
            for registry, what, allowed in (("_parameters", "parameter", "nn.Parameter"),
                                            ("_modules", "child module", "nn.Module"),
                                            ("_buffers", "buffer", "Tensor")):
                held = self.__dict__.get(registry)
                if held is not None and name in held:
                    fits = registry == "_buffers" and isinstance(value, (TensorBase, SparseBase))
                    if value is not None and not fits:
                        advice = f"; try nn.Parameter(...) on it, or {name}.data = ..." if what == "parameter" else ""
                        raise TypeError(f"cannot assign '{type_name(value)}' as {what} '{name}' "
                                        f"({allowed} or None expected){advice}")
                    held[name] = value if value is None else run_registration_hooks(self, what.split()[-1], name, value)
                    return
            super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        # Python calls this only if there is no ordinary attribute
        for registry in _REGISTRIES:
            held = self.__dict__.get(registry)
            if held is not None and name in held:
                return held[name]
        advice = f"; a Tensor has: call the module on one first, module(x).{name}" if hasattr(Tensor, name) else ""
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'{advice}")

    def __delattr__(self, name: str) -> None:
        for registry in _REGISTRIES:
            if name in self.__dict__.get(registry, ()):
                del self.__dict__[registry][name]
                self._non_persistent_buffers_set.discard(name)
                return
        super().__delattr__(name)

    def __dir__(self) -> list[str]:
        names = {*super().__dir__(), *self._parameters, *self._buffers, *self._modules}
        return sorted(name for name in names if not name[:1].isdigit())

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under a name. Assigning to an attribute does the same. None reserves the name.

        Errors: TypeError unless it is a Parameter, KeyError for a name that cannot be used.
        """
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"cannot assign '{type_name(param)}' object to parameter '{name}' "
                            f"(nn.Parameter or None required)")
        self._register("_parameters", "parameter", name, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is not trained, such as a running mean.

        It moves with the module. It is part of the `state_dict`, unless `persistent` is False.
        Errors: TypeError unless it is a Tensor, KeyError for a name that cannot be used.
        """
        if tensor is not None and not isinstance(tensor, (TensorBase, SparseBase)):
            raise TypeError(f"cannot assign '{type_name(tensor)}' object to buffer '{name}' "
                            f"(Tensor or None required)")
        self._register("_buffers", "buffer", name, tensor)
        self._set_persistent(name, persistent)

    def _set_persistent(self, name: str, persistent: bool) -> None:
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a child module under a name. Assigning to an attribute does the same.

        Errors: TypeError unless it is a Module, KeyError for a name that cannot be used.
        """
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{type_name(module)} is not a Module subclass{_module_hint(module)}")
        self._register("_modules", "module", name, module)

    register_module = add_module

    def _register(self, registry: str, what: str, name: str, value: Any, replace: bool = False) -> None:
        """Put a value into a registry. With `replace`, as in assignment, it replaces an earlier value of this name."""
        held = self.__dict__.get(registry)
        if held is None:
            raise AttributeError(f"cannot assign {what} before Module.__init__() call: in the __init__ of "
                                 f"{type(self).__name__}, call super().__init__() first")
        if not isinstance(name, str):
            raise TypeError(f"{what} name should be a string. Got {type_name(name)}")
        if "." in name:
            raise KeyError(f'{what} name can\'t contain ".", got: {name}')
        if name == "":
            raise KeyError(f'{what} name can\'t be empty string ""')
        if name not in held:
            if replace:
                for other in (self.__dict__, *(self.__dict__[r] for r in _REGISTRIES)):
                    other.pop(name, None)
            elif hasattr(self, name):
                raise KeyError(f"attribute '{name}' already exists")
        held[name] = value if value is None else run_registration_hooks(self, what, name, value)

    # ------------------------------------------------------------------ walking the tree

    def named_modules(self, memo: set[Module] | None = None, prefix: str = "",
                      remove_duplicate: bool = True) -> Iterator[tuple[str, Module]]:
        """This module and all inside it, with their paths. `("", self)` is first; a shared module comes once."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, child in self._modules.items():
            if child is not None:
                yield from child.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """This module and all inside it. A shared module comes once."""
        return (module for _, module in self.named_modules(remove_duplicate=remove_duplicate))

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly inside this one, with names. A shared module comes once."""
        seen = set()
        for name, child in self._modules.items():
            if child is not None and child not in seen:
                seen.add(child)
                yield name, child

    def children(self) -> Iterator[Module]:
        """The modules directly inside this one. A shared module comes once."""
        return (child for _, child in self.named_children())

    def named_parameters(self, prefix: str = "", recurse: bool = True,
                         remove_duplicate: bool = True) -> Iterator[tuple[str, Parameter]]:
        """All parameters with their paths. A shared one comes once. Without `recurse`, only this module's own."""
        return self._named_members(lambda m: m._parameters.items(), prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters, for an optimizer. A shared one comes once."""
        return (param for _, param in self.named_parameters(recurse=recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True,
                      remove_duplicate: bool = True) -> Iterator[tuple[str, Tensor]]:
        """All buffers with their paths. A shared one comes once."""
        return self._named_members(lambda m: m._buffers.items(), prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """All buffers. A shared one comes once."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def _named_members(self, get_members_fn: Callable[[Module], Iterable[tuple[str, Any]]], prefix: str = "",
                       recurse: bool = True, remove_duplicate: bool = True) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        owners = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse \
            else [(prefix, self)]
        for path, module in owners:
            for name, member in get_members_fn(module):
                if member is None or id(member) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(member))
                yield (f"{path}.{name}" if path else name), member

    def get_submodule(self, target: str) -> Module:
        """The module at a path such as "encoder.0.conv"; "" is this module. Errors: AttributeError if there is none."""
        module = self
        for name in target.split(".") if target else ():
            if not hasattr(module, name):
                raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Replace the module at a path such as "encoder.0.conv".

        Errors: ValueError for an empty path, and unless given a Module; AttributeError where the path leads nowhere or
        to something else, and with `strict` where there is nothing to replace.

            >>> from minidl import nn
            >>> net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU()))
            >>> net.set_submodule("1.0", nn.Tanh())
            >>> net[1][0]
            Tanh()
        """
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict or hasattr(parent, name):
            parent.get_submodule(name)
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a path such as "encoder.0.weight". Errors: AttributeError if there is none."""
        return self._get_member(target, "_parameters", "an nn.Parameter")

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a path such as "encoder.1.running_mean". Errors: AttributeError if there is none."""
        return self._get_member(target, "_buffers", "a buffer")

    def _get_member(self, target: str, registry: str, what: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
        member = module.__dict__[registry].get(name)
        if member is None:
            raise AttributeError(f"`{name}` is not {what}")
        return member

    def apply(self: M, fn: Callable[[Module], Any]) -> M:
        """Call `fn` on every module, inner ones first: to initialise weights, for instance.

            >>> import minidl
            >>> from minidl import nn
            >>> def start_at_zero(module):
            ...     if isinstance(module, nn.Linear):
            ...         nn.init.zeros_(module.weight)
            >>> net = nn.Sequential(nn.Linear(2, 2), nn.ReLU()).apply(start_at_zero)
        """
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    # ------------------------------------------------------------------ training

    def train(self: M, mode: bool = True) -> M:
        """Put this module and all inside it into training mode. Dropout and batch norm depend on it."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self: M) -> M:
        """Put this module and all inside it into evaluation mode."""
        return self.train(False)

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Set `requires_grad` of all parameters; False freezes the module."""
        for param in self.parameters():
            param.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Remove the gradients of all parameters; `set_to_none=False` sets them to zero."""
        for param in self.parameters():
            if param.grad is not None:
                param.grad = None if set_to_none else param.grad.detach().zero_()  # type: ignore[attr-defined]

    # ------------------------------------------------------------------ moving and casting

    def _apply(self: M, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> M:
        """Apply `fn` to the values of parameters, gradients and buffers.

        The Parameter objects stay, so an optimizer that was made before still works.
        """
        with no_grad():
            for module in self.modules() if recurse else (self,):
                for param in module._parameters.values():
                    if is_lazy(param):
                        param.placeholder = fn(param).placeholder  # type: ignore[union-attr, attr-defined, arg-type]
                    elif param is not None:
                        param.array = memory_of(fn(param))
                        if param.grad is not None:
                            param.grad = fn(param.grad)  # type: ignore[arg-type]
                for name, buffer in module._buffers.items():
                    if buffer is not None:
                        module._buffers[name] = fn(buffer)
        return self

    def to(self: M, *args: Any, **kwargs: Any) -> M:
        """Move or cast all parameters and buffers in place; arguments as `Tensor.to`.

        A dtype applies only to floating and complex tensors, and `memory_format=` to those with as many axes. Errors:
        TypeError for a dtype that is neither.
        """
        form = kwargs.pop("memory_format", None)
        device, dtype, _ = parse_to(*args, **kwargs)
        if dtype is not None and dtype.kind not in "fc":
            raise TypeError(f"nn.Module.to only accepts floating point or complex dtypes, but got desired "
                            f"dtype={dtype}")
        return self._apply(lambda t: t.to(device=device, dtype=dtype if t.dtype.kind in "fc" else None,
                                          memory_format=form if form is not None and t.ndim == form.ndim else None))

    def type(self: M, dst_type: Any) -> M:
        """Cast all parameters and buffers, integer ones too."""
        return self._apply(lambda t: t.to(dtype=dst_type))

    def cpu(self: M) -> M: return self.to("cpu")
    def cuda(self: M, device: Any = None) -> M: return self.to("cuda" if device is None else device)
    def _cast_floating(self: M, dtype: Any) -> M:
        return self._apply(lambda t: t.to(dtype) if t.is_floating_point() else t)   # complex ones stay

    def half(self: M) -> M: return self._cast_floating(dtypes.float16)
    def float(self: M) -> M: return self._cast_floating(dtypes.float32)
    def double(self: M) -> M: return self._cast_floating(dtypes.float64)

    def to_empty(self: M, *, device: Any, recurse: bool = True) -> M:
        """Move all parameters and buffers without their values. The new values are undefined."""
        return self._apply(lambda t: empty_like(t, device=device), recurse)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: see `minidl.compile`."""

    # ------------------------------------------------------------------ saving and loading

    def _own_state(self) -> dict[str, Tensor]:
        """The saved parameters and buffers of this module alone, by name."""
        state: dict[str, Tensor | None] = {**self._parameters, **self._buffers}
        return {name: value for name, value in state.items()
                if value is not None and name not in self._non_persistent_buffers_set}

    def state_dict(self, destination: dict[str, Any] | None = None, prefix: str = "",
                   keep_vars: bool = False) -> dict[str, Any]:
        """All parameters and persistent buffers by path, to save a network.

        The tensors share memory with the module's, and are detached unless `keep_vars`. The attribute `_metadata` of
        the result has the layout version of each module.
        """
        if destination is None:
            destination = OrderedDict()
            destination._metadata = {}  # type: ignore[attr-defined]
        metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = metadata
        hooks = self._hooks or NO_HOOKS
        for hook in tuple(hooks.state_dict_pre):
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, child in self._modules.items():
            if child is not None:
                child.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in tuple(hooks.state_dict):
            hook(self, destination, prefix, metadata)
        return destination

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        """Add what this module has itself, without the modules inside it; classes may add to it."""
        for name, value in self._own_state().items():
            destination[prefix + name] = value if keep_vars else value.detach()
        if type(self).get_extra_state is not Module.get_extra_state:
            destination[prefix + EXTRA] = self.get_extra_state()

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True,
                        assign: bool = False) -> IncompatibleKeys:
        """Copy the tensors of a `state_dict` into this module, by path.

        Everything is checked before anything is written. Values are cast to the dtype and device of the module; NumPy
        arrays are accepted too. With `assign` the tensors themselves replace the module's. Returns the missing and the
        unexpected keys, which are errors if `strict`. The error names a single cause where there is one, such as a
        prefix, or a checkpoint that holds this module as a part.

        Errors: TypeError unless given a mapping; RuntimeError for a wrong shape, or if `strict` for a key that
        is missing or unexpected.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(mismatch.not_a_dict_message(state_dict))
        state = Loading(state_dict)     # the pre-hooks may rename keys
        versions = getattr(state_dict, "_metadata", {})
        errors: list[str] = []
        found = IncompatibleKeys([], [])
        for path, module in self.named_modules(remove_duplicate=False):
            prefix = f"{path}." if path else ""
            module._load_from_state_dict(state, prefix, versions.get(path, {}), True, *found, errors)
        found.unexpected_keys.extend(state.unexpected(self))
        if strict:
            errors[:0] = [f"{what} key(s) in state_dict: " + ", ".join(f'"{key}"' for key in keys) + ". "
                          for what, keys in (("Missing", found.missing_keys), ("Unexpected", found.unexpected_keys))
                          if keys]
        present = {key: getattr(module, name) for key, (module, name) in state.places.items() if name != EXTRA}
        if errors:
            errors += mismatch.likely_causes(state_dict, present)
            raise RuntimeError(f"Error(s) in loading state_dict for {self._get_name()}:\n\t" + "\n\t".join(errors))
        if state_dict and state.places and all(key in state and key not in state.places for key in state_dict):
            warn(" ".join([f"load_state_dict: no key of the state dict is one of this {self._get_name()}'s: nothing is "
                           f"loaded.", *mismatch.likely_causes(state_dict, present)]))
        state.write(assign)
        for module in self.modules():
            for hook in tuple((module._hooks or NO_HOOKS).load_state_dict):
                hook(module, found)
        return found

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, local_metadata: Mapping[str, Any],
                              strict: bool, missing_keys: list[str], unexpected_keys: list[str],
                              error_msgs: list[str]) -> None:
        """Find what this module has itself, without the modules inside it, in a state that is being loaded.

        Classes override it to change the keys of older states, then call this one; values are written when all modules
        have been asked.
        """
        self._adapt_state(state_dict, prefix, local_metadata)
        for hook in tuple((self._hooks or NO_HOOKS).load_state_dict_pre):
            hook(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        own = self._own_state()
        extra = [EXTRA] if type(self).set_extra_state is not Module.set_extra_state else []
        missing_keys.extend(prefix + name for name in [*own, *extra] if prefix + name not in state_dict)
        error_msgs.extend(complaint for name, tensor in own.items() if prefix + name in state_dict
                          for complaint in load_errors(prefix + name, tensor, state_dict[prefix + name]))
        found = state_dict if isinstance(state_dict, Loading) else Loading(state_dict)
        found.asked.add(prefix)
        found.places.update({prefix + name: (self, name) for name in [*own, *extra]})
        if found is not state_dict and not error_msgs:      # a program calls this by itself
            found.write(assign=False)

    def get_extra_state(self) -> Any:
        """State beside tensors for a `state_dict`.

        A module that has such a state defines this and `set_extra_state`.

            >>> from minidl import nn
            >>> class Counter(nn.Module):
            ...     count = 0
            ...     def get_extra_state(self):
            ...         return self.count
            ...     def set_extra_state(self, state):
            ...         self.count = state
            >>> counter = Counter()
            >>> counter.load_state_dict({"_extra_state": 3})
            <All keys matched successfully>
            >>> counter.count
            3
        """
        raise RuntimeError(f"{self._get_name()} has no extra state: it does not define get_extra_state()")

    def set_extra_state(self, state: Any) -> None:
        """Restore what `get_extra_state` returned when the `state_dict` was made."""
        raise RuntimeError(f"{self._get_name()} has no extra state: it does not define set_extra_state()")

    def _adapt_state(self, state: dict[str, Any], prefix: str, metadata: Mapping[str, Any]) -> None:
        """Convert a state of an earlier version, metadata["version"], to the present layout."""

    # ------------------------------------------------------------------ printing

    def extra_repr(self) -> str:
        """The settings that the printed module shows between parentheses."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [f"({name}): " + indent_children(repr(child)) for name, child in self._modules.items()]
        return format_module(self._get_name(), lines, children)


def indent_children(text: str) -> str:
    """Indent all lines but the first by two."""
    return text.replace("\n", "\n  ")


def format_module(name: str, lines: list[str], children: list[str]) -> str:
    """`Name(line)`; children go between the parentheses, one a line."""
    if not children and len(lines) <= 1:
        return f"{name}({''.join(lines)})"
    return f"{name}(\n  " + "\n  ".join([*lines, *children]) + "\n)"


def _check_constructor_arguments(cls: type, args: Any, kwargs: Any) -> None:
    """Errors: TypeError if a constructor gets Tensors that a call expects, as in `nn.MSELoss(a, b)`."""
    try:
        inspect.signature(cls.__init__).bind(None, *args, **kwargs)  # type: ignore[misc]
    except TypeError as error:
        raise TypeError(f"{cls.__name__}(): {error}; make the module first, then call it on Tensors, as in "
                        f"module = {cls.__name__}(...); module(x)") from None


def _module_hint(value: Any) -> str:
    """A hint for a value that is no Module."""
    if isinstance(value, type) and issubclass(value, Module):
        return f"; try {value.__name__}(...), an object of that class"
    if isinstance(value, (list, tuple)):
        return "; try nn.ModuleList on it"
    return "; a function has no parameters: try the layer of that name, such as nn.ReLU()" if callable(value) else ""
