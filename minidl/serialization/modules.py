"""Whole modules in minidl's own files: a class by its name, and its attributes as plain values.

A file holds no code. Its names of classes are looked up in `minidl.nn` and `minidl.vision`, and among those that
`add_safe_globals` has named; nothing else is looked up, and nothing is called: an object is made by `object.__new__`,
and gets its attributes as they are. What a module may have as attributes: what a file may hold anyway, modules, sets,
functions of `nn.functional`, classes of modules, and `functools.partial` of these. Hooks are not saved.
"""
from __future__ import annotations

import functools
import importlib
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

from minidl.autograd.tensorbase import wrap
from minidl.backend import memory_format
from minidl.nn import functional
from minidl.nn.module import Module
from minidl.nn.parameter import Parameter
from minidl.ops.sparse import SparseTensor
from minidl.serialization.files import LoadError, Refused
from minidl.serialization.safe_globals import known_classes
from minidl.serialization.storage import Described
from minidl.serialization.torch_pickle import refusal, require_type
from minidl.sparse import sparse_coo_tensor
from minidl.tensors.tensor import Tensor

_OURS = ("minidl.nn.", "minidl.vision.")
_NOT_SAVED = ("_hooks",)


# ---------------------------------------------------------------------- saving


def holds_objects(value: Any) -> bool:
    """Whether a module or a sparse tensor is in nested containers: what only minidl's own format holds."""
    if isinstance(value, dict):
        return any(map(holds_objects, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(holds_objects, value))
    return isinstance(value, (Module, SparseTensor))


def describe(value: Any, path: str = "obj") -> Any:
    """Nested containers with a `Described` in place of each module, sparse tensor and object of a named class.

    Errors: TypeError for a class that cannot be looked up again, and for an attribute that no file can hold.
    """
    return _Writer().describe(value, path) if _needs_description(value) else value


def _needs_description(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_needs_description, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(_needs_description, value))
    return isinstance(value, (Module, SparseTensor)) or type(value) in known_classes().values()


class _Writer:
    """Describes objects; what stands in several places is described once, and named by its number after that."""

    def __init__(self) -> None:
        self.seen: dict[int, int] = {}
        self.alive: list[Any] = []      # so that no id is given away
        self.inside = 0                 # modules around the present value

    def describe(self, value: Any, path: str) -> Any:
        kind = type(value)
        if kind in (dict, OrderedDict, Counter):
            return kind((key, self.describe(part, f"{path}[{key!r}]")) for key, part in value.items()) \
                if kind is not Counter else value
        if kind in (list, tuple):
            return kind(self.describe(part, f"{path}[{i}]") for i, part in enumerate(value))
        if isinstance(value, SparseTensor):
            return self.once(value, lambda: _sparse_parts(value))
        if isinstance(value, Tensor) and self.inside:       # tied weights stay one Parameter
            return self.once(value, lambda: Described("shared", value))
        if isinstance(value, Module) or kind in known_classes().values():
            return self.once(value, lambda: self.object(value, path))
        return self.attribute(value, path) if self.inside else value

    def once(self, value: Any, description: Callable[[], Described]) -> Described:
        if id(value) in self.seen:
            return Described("again", self.seen[id(value)])
        self.seen[id(value)] = len(self.seen)
        self.alive.append(value)
        return description()

    def object(self, value: Any, path: str) -> Described:
        self.inside += 1
        state = {name: self.describe(part, f"{path}.{name}") for name, part in vars(value).items()
                 if name not in _NOT_SAVED}
        self.inside -= 1
        return Described("object", [name_of(type(value), path), state])

    def attribute(self, value: Any, path: str) -> Any:
        """What a module has beside plain values."""
        if isinstance(value, (set, frozenset)):
            return Described(type(value).__name__, [self.describe(part, path) for part in sorted(value, key=repr)])
        if isinstance(value, type):
            return Described("class", name_of(value, path))
        if isinstance(value, functools.partial):
            return Described("partial", [self.describe(part, path) for part in (
                value.func, list(value.args), dict(value.keywords))])
        name = getattr(value, "__name__", "")
        if callable(value) and name and getattr(functional, name, None) is value:
            return Described("function", name)
        if callable(value):
            raise TypeError(f"save: {path} is a {type(value).__name__}, and a file holds no code; make it a function "
                            f"of nn.functional or a Module, or save the state: minidl.save(model.state_dict(), f)")
        return value


def name_of(kind: type, path: str) -> str:
    """The name by which `load` finds a class. Errors: TypeError unless it does."""
    name = f"{kind.__module__}.{kind.__qualname__}"
    named = [known for known, given in known_classes().items() if given is kind]
    if named:
        return named[0]
    if "<locals>" in name or name.startswith(_OURS) and _ours(name) is not kind:
        raise TypeError(f"save: {path} is of the class {name}, which was made in a function, so no name leads to it; "
                        f"save its state instead: minidl.save(model.state_dict(), f)")
    return name


def _sparse_parts(s: SparseTensor) -> Described:
    entries = s.entries()
    return Described("sparse", [wrap(entries.positions), entries.stored, list(s.shape), entries.coalesced,
                                s.layout.name, list(s.blocksize())])


# ---------------------------------------------------------------------- loading


class Rebuilder:
    """Makes the objects of a file. `refuse(name, why)` gives a placeholder for one that is not made, or raises."""

    def __init__(self, refuse: Callable[[str, str], Any]) -> None:
        self.made: list[Any] = []
        self.refuse = refuse

    def rebuild(self, kind: str, parts: Any, decode: Callable[[Any], Any]) -> Any:
        """The object that was described. `decode` reads the values in it. Errors: LoadError."""
        if kind == "again":
            return self.made[require_type(parts, int)]
        number = len(self.made)
        if kind == "object":
            return self._object(decode, *parts)
        if kind in ("shared", "sparse"):
            self.made.append(None)
            value = decode(parts)
            self.made[number] = value = value if kind == "shared" else _sparse(*value)
            return value
        if kind == "function":
            return _function(require_type(parts, str))
        if kind == "class":
            found = find_class(require_type(parts, str))
            return self.refuse(parts, str(refusal(parts))) if found is None else found
        values = decode(parts)
        if kind == "partial":
            return _partial(*values)
        if kind in ("set", "frozenset"):
            if not all(part is None or isinstance(part, (str, bytes, int, float)) for part in values):
                raise LoadError("refuses what is no plain value in a set")
            return set(values) if kind == "set" else frozenset(values)
        raise LoadError(f"it holds a {kind!r}, which minidl does not know")

    def _object(self, decode: Callable[[Any], Any], name: Any, state: Any) -> Any:
        kind = find_class(require_type(name, str))
        if kind is None:
            placeholder: Any = self.refuse(name, str(refusal(name)))
            self.made.append(placeholder)
            placeholder.state = decode(state)
            return placeholder
        value: Any = object.__new__(kind)
        self.made.append(value)
        attributes = require_type(decode(state), dict)
        if isinstance(value, Module):
            _check_registries(name, attributes)
        vars(value).update({require_type(key, str): part for key, part in attributes.items()})
        return value


def find_class(name: str) -> type | None:
    """A class that was named by `add_safe_globals`, or a Module of minidl. None for all others."""
    known = known_classes().get(name)
    return known if known is not None else _ours(name)


def _ours(name: str) -> type | None:
    """A class of modules that is defined in `minidl.nn` or `minidl.vision`, under the name of its definition."""
    place, _, last = name.rpartition(".")
    if not name.startswith(_OURS) or not all(part.isidentifier() for part in name.split(".")):
        return None
    try:
        found = vars(importlib.import_module(place)).get(last)
    except ImportError:
        return None
    return found if isinstance(found, type) and issubclass(found, Module) and found.__module__ == place else None


def _function(name: str) -> Any:
    found = vars(functional).get(name)
    if not callable(found) or name.startswith("_") or isinstance(found, type) or not str(
            getattr(found, "__module__", "")).startswith("minidl."):
        raise LoadError(f"refuses the function {name!r}: it is none of nn.functional")
    return found


def _partial(function: Any, args: Any, keywords: Any) -> Any:
    """A class or function of minidl with arguments; it is not called."""
    if isinstance(function, Refused):
        return function
    if not callable(function):
        raise LoadError("refuses a partial of what is no function")
    return functools.partial(function, *require_type(args, list), **require_type(keywords, dict))


def _sparse(positions: Any, values: Any, shape: Any, coalesced: Any, layout: Any, blocksize: Any) -> SparseTensor:
    """A sparse tensor, checked as a new one is."""
    form = getattr(memory_format, layout, None) if str(layout).startswith("sparse_") else None
    if not isinstance(form, memory_format.layout):
        raise LoadError(f"it holds a sparse tensor of the layout {layout!r}, which minidl does not know")
    entries = sparse_coo_tensor(positions, values.detach(), shape, is_coalesced=bool(coalesced))
    blocks = form in (memory_format.sparse_bsr, memory_format.sparse_bsc)
    sparse = entries.to_sparse(layout=form, blocksize=tuple(blocksize) if blocks else None)
    return sparse.requires_grad_(values.requires_grad)


_HELD: dict[str, Any] = {"_parameters": Parameter, "_buffers": (Tensor, SparseTensor), "_modules": (Module, Refused)}


def _check_registries(name: str, attributes: dict[str, Any]) -> None:
    """Errors: LoadError unless the attributes are those of a module."""
    if not isinstance(attributes.get("training"), bool) or not isinstance(
            attributes.get("_non_persistent_buffers_set"), set):
        raise LoadError(f"it holds a {name} without the attributes of a module")
    for registry, allowed in _HELD.items():
        held = require_type(attributes.get(registry), dict)
        for key, part in held.items():
            if not isinstance(key, str) or part is not None and not isinstance(part, allowed):
                raise LoadError(f"it holds a {name} with a {type(part).__name__} in {registry}")
