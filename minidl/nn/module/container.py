"""Modules and parameters in sequences and dictionaries."""
from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Any, TypeVar

from minidl.nn.module.module import Module, format_module, indent_children
from minidl.nn.parameter import Parameter, type_name
from minidl.tensors.tensor import Tensor

S = TypeVar("S", bound="_ModuleSequence")


class _ModuleSequence(Module):
    """Base class of Sequential and ModuleList: children named by their positions."""

    def _replace(self, modules: Iterable[Module]) -> None:
        """Replace all children by these modules, numbered from 0."""
        self._modules = {}
        for i, module in enumerate(modules):
            self.add_module(str(i), module)

    def _key(self, index: int) -> str:
        """The name of the child at a position. Negative positions count from the end."""
        names = list(self._modules)
        if not -len(names) <= index < len(names):
            raise IndexError(f"index {index} is out of range: {self._get_name()} has {len(names)} modules")
        return names[index]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, self._key(index), module)

    def __delitem__(self, index: int | slice) -> None:
        modules = list(self)
        if not isinstance(index, slice):
            self._key(index)    # raises where there is no such child
        del modules[index]
        self._replace(modules)

    def append(self: S, module: Module) -> S:
        """Add a module at the end."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self: S, modules: Iterable[Module]) -> S:
        """Add several modules at the end."""
        if not isinstance(modules, Iterable):
            raise TypeError(f"{self._get_name()}.extend should be called with an iterable, "
                            f"but got {type_name(modules)}")
        for module in list(modules):
            self.append(module)
        return self

    def _insert(self, index: int, module: Module) -> None:
        if not -len(self) <= index <= len(self):
            raise IndexError(f"Index out of range: {index}; {self._get_name()} has {len(self)} modules")
        modules = list(self)
        modules.insert(index, module)
        self._replace(modules)

    def pop(self, key: int | slice) -> Any:
        """Remove a module, or those of a slice, and return them."""
        removed = self[key]  # type: ignore[index]
        del self[key]
        return removed


class Sequential(_ModuleSequence):
    """Modules one after the other: the output of each is the input of the next.

    Takes the modules, or one OrderedDict that names them.

        >>> import minidl
        >>> from minidl import nn
        >>> net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
        >>> net(minidl.ones(5, 4)).shape
        (5, 2)
        >>> net[:2]
        Sequential(
          (0): Linear(in_features=4, out_features=3, bias=True)
          (1): ReLU()
        )
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], OrderedDict):
            named: Iterable[tuple[str, Any]] = args[0].items()
        else:
            if len(args) == 1 and isinstance(args[0], (list, tuple)):
                raise TypeError(f"{type_name(args[0])} is not a Module subclass; try Sequential(*modules)")
            named = ((str(i), module) for i, module in enumerate(args))
        for name, module in named:
            self.add_module(name, module)

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return type(self)(OrderedDict(list(self._modules.items())[index]))
        return self._modules[self._key(index)]

    def __add__(self, other: Any) -> Sequential:
        if not isinstance(other, Sequential):
            raise ValueError(f"add operator supports only objects of Sequential class, but {type_name(other)} "
                             f"is given.")
        return Sequential(*self, *other)

    def __iadd__(self, other: Any) -> Sequential:
        if not isinstance(other, Sequential):
            raise ValueError(f"add operator supports only objects of Sequential class, but {type_name(other)} "
                             f"is given.")
        return self.extend(other)

    def insert(self, index: int, module: Module) -> Sequential:
        """Insert a module at a position; the modules from there on move up."""
        self._insert(index, module)
        return self

    def __mul__(self, times: int) -> Sequential:
        if not isinstance(times, int):
            raise TypeError(f"unsupported operand type(s) for *: {self._get_name()} and {type_name(times)}")
        if times <= 0:
            raise ValueError(f"Non-positive multiplication factor {times} for {self._get_name()}")
        return Sequential(*list(self) * times)

    __rmul__ = __mul__

    def forward(self, input: Any) -> Any:
        for module in self:
            input = module(input)
        return input


class ModuleList(_ModuleSequence):
    """A list of modules with registered parameters. It computes nothing itself.

        >>> from minidl import nn
        >>> layers = nn.ModuleList([nn.Linear(3, 3) for _ in range(2)])
        >>> len(layers), len(list(layers.parameters()))
        (2, 4)
    """

    _uncalled = "; a ModuleList only holds modules: call them in a loop, or try nn.Sequential(*modules)"

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return self._modules[self._key(index)]

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])

    def __iadd__(self, modules: Iterable[Module]) -> ModuleList:
        return self.extend(modules)

    def insert(self, index: int, module: Module) -> None:
        """Insert a module at a position, as into a list; the modules from there on move up."""
        self._insert(index, module)

    def __repr__(self) -> str:
        lines, start = [], 0
        for text, run in itertools.groupby(map(repr, self)):    # equal modules in a row share one line
            count = len(list(run))
            key = f"({start})" if count == 1 else f"({start}-{start + count - 1})"
            lines.append(f"{key}: " + (f"{count} x " if count > 1 else "") + indent_children(text))
            start += count
        return format_module(self._get_name(), [], lines)


class ModuleDict(Module):
    """A dictionary of modules with registered parameters. It computes nothing itself.

        >>> from minidl import nn
        >>> choices = nn.ModuleDict({"relu": nn.ReLU(), "tanh": nn.Tanh()})
        >>> list(choices), choices["tanh"]
        (['relu', 'tanh'], Tanh())
    """

    _uncalled = "; a ModuleDict only holds modules: call one of them, modules[key](x)"

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Any:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: object) -> bool:
        return key in self._modules

    def clear(self) -> None:
        self._modules.clear()

    def pop(self, key: str) -> Module:
        """Remove a module and return it."""
        return self._modules.pop(key)  # type: ignore[return-value]

    def keys(self) -> Any: return self._modules.keys()
    def items(self) -> Any: return self._modules.items()
    def values(self) -> Any: return self._modules.values()

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Add the modules of a mapping, or of (name, module) pairs. Equal names are replaced."""
        if not isinstance(modules, Iterable):
            raise TypeError(f"ModuleDict.update should be called with an iterable of key/value pairs, "
                            f"but got {type_name(modules)}")
        for key, module in _pairs(modules):
            self[key] = module


# ---------------------------------------------------------------------- parameters

class ParameterList(Module):
    """A list of registered parameters. Tensors put into it become Parameters; what is no tensor stays what it is.

        >>> import minidl
        >>> from minidl import nn
        >>> weights = nn.ParameterList([minidl.ones(2), minidl.ones(3)])
        >>> [name for name, _ in weights.named_parameters()]
        ['0', '1']
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self._size = 0
        if values is not None:
            self.extend(values)

    def _key(self, index: int) -> str:
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} is out of range: ParameterList has {len(self)} parameters")
        return str(index % len(self))

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return getattr(self, self._key(index))

    def __setitem__(self, index: int, value: Any) -> None:
        setattr(self, self._key(index), _registered(value))

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        return (getattr(self, str(i)) for i in range(len(self)))

    def append(self, value: Any) -> ParameterList:
        """Add a parameter at the end."""
        setattr(self, str(self._size), _registered(value))
        self._size += 1
        return self

    def extend(self, values: Iterable[Any]) -> ParameterList:
        """Add several parameters at the end."""
        if not isinstance(values, Iterable) or isinstance(values, Tensor):
            raise TypeError(f"ParameterList.extend should be called with an iterable, but got {type_name(values)}")
        for value in list(values):
            self.append(value)
        return self

    def __iadd__(self, values: Iterable[Any]) -> ParameterList:
        return self.extend(values)

    def extra_repr(self) -> str:
        return _describe(enumerate(self))


class ParameterDict(Module):
    """A dictionary of registered parameters. Tensors put into it become Parameters; what is no tensor stays.

    Those of a plain dict are put in by the order of their names; an OrderedDict and pairs keep theirs.

        >>> import minidl
        >>> from minidl import nn
        >>> scales = nn.ParameterDict({"left": minidl.ones(2), "right": minidl.ones(2)})
        >>> "left" in scales, len(scales)
        (True, 2)
    """

    def __init__(self, parameters: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None) -> None:
        super().__init__()
        self._keys: dict[str, None] = {}    # in their order
        if parameters is not None:
            self.update(parameters)

    def __getitem__(self, key: str) -> Any:
        return getattr(self, key)

    def __setitem__(self, key: str, value: Any) -> None:
        setattr(self, key, _registered(value))
        self._keys[key] = None

    def __delitem__(self, key: str) -> None:
        del self._keys[key]
        delattr(self, key)

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._keys)

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def clear(self) -> None:
        for key in list(self):
            del self[key]

    def pop(self, key: str) -> Any:
        """Remove a parameter and return it."""
        value = self[key]
        del self[key]
        return value

    def popitem(self) -> tuple[str, Any]:
        """Remove the last parameter; return its name and itself."""
        key = next(reversed(self))
        return key, self.pop(key)

    def get(self, key: str, default: Any = None) -> Any:
        """The parameter of this name, or `default`."""
        return self[key] if key in self else default

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The parameter of this name, which is `default` where there was none."""
        if key not in self:
            self[key] = default
        return self[key]

    def copy(self) -> ParameterDict:
        """Another dictionary of the same parameters."""
        return ParameterDict(self.items())

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> ParameterDict:
        """A new dictionary with one value under all names."""
        return ParameterDict((key, default) for key in keys)

    def keys(self) -> Any: return self._keys.keys()
    def items(self) -> Any: return ((key, self[key]) for key in self)
    def values(self) -> Any: return (self[key] for key in self)

    def update(self, parameters: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> None:
        """Add the parameters of a mapping, or of (name, parameter) pairs. Equal names are replaced."""
        if not isinstance(parameters, Iterable):
            raise TypeError(f"ParameterDict.update should be called with an iterable of key/value pairs, "
                            f"but got {type_name(parameters)}")
        pairs = list(_pairs(parameters))
        if isinstance(parameters, Mapping) and not isinstance(parameters, OrderedDict):
            pairs.sort(key=itemgetter(0))    # PyTorch's order, which an optimizer's state relies on
        for key, value in pairs:
            self[key] = value

    def __or__(self, other: Any) -> ParameterDict:
        result = self.copy()
        result.update(other)
        return result

    def __ror__(self, other: Any) -> ParameterDict:
        return ParameterDict(other) | self

    def __ior__(self, other: Any) -> ParameterDict:
        self.update(other)
        return self

    def extra_repr(self) -> str:
        return _describe(self.items())


def _pairs(items: Any) -> Iterable[tuple[str, Any]]:
    """The (name, value) pairs of a mapping, or of an iterable of pairs."""
    return items.items() if hasattr(items, "items") else items


def _registered(value: Any) -> Any:
    """A tensor as a Parameter; anything else as it is."""
    return Parameter(value) if isinstance(value, Tensor) and not isinstance(value, Parameter) else value


def _describe(items: Iterable[tuple[Any, Any]]) -> str:
    """One line for each parameter: its dtype and size."""
    return "\n".join(f"  ({name}): {_description(value)}" for name, value in items)


def _description(value: Any) -> str:
    if not isinstance(value, Tensor):
        return f"Object of type: {type(value).__name__}"
    device = "" if value.device.type == "cpu" else f" ({value.device})"
    return f"Parameter containing: [{value.dtype} of size {'x'.join(map(str, value.shape))}{device}]"
