"""Modules and parameters in sequences and dictionaries."""
from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from minidl.autograd.tensorbase import TensorBase
from minidl.nn.module.module import Module, format_module, indent_children
from minidl.nn.parameter import Parameter, type_name

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

    def insert(self: S, index: int, module: Module) -> S:
        """Insert a module at a position; the modules from there on move up."""
        if not -len(self) <= index <= len(self):
            raise IndexError(f"Index out of range: {index}; {self._get_name()} has {len(self)} modules")
        modules = list(self)
        modules.insert(index, module)
        self._replace(modules)
        return self

    def pop(self, index: int = -1) -> Module:
        """Remove a module and return it."""
        module = self._modules[self._key(index)]
        del self[index]
        return module  # type: ignore[return-value]

    def __iadd__(self: S, modules: Iterable[Module]) -> S:
        return self.extend(modules)


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
    """A list of registered parameters. Tensors put into it become Parameters.

        >>> import minidl
        >>> from minidl import nn
        >>> weights = nn.ParameterList([minidl.ones(2), minidl.ones(3)])
        >>> [name for name, _ in weights.named_parameters()]
        ['0', '1']
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        if values is not None:
            self.extend(values)

    def _key(self, index: int) -> str:
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} is out of range: ParameterList has {len(self)} parameters")
        return str(index % len(self))

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return ParameterList(list(self)[index])
        return self._parameters[self._key(index)]

    def __setitem__(self, index: int, value: Any) -> None:
        setattr(self, self._key(index), _as_parameter(value))

    def __len__(self) -> int:
        return len(self._parameters)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._parameters.values())

    def append(self, value: Any) -> ParameterList:
        """Add a parameter at the end."""
        setattr(self, str(len(self)), _as_parameter(value))
        return self

    def extend(self, values: Iterable[Any]) -> ParameterList:
        """Add several parameters at the end."""
        if not isinstance(values, Iterable) or isinstance(values, TensorBase):
            raise TypeError(f"ParameterList.extend should be called with an iterable, but got {type_name(values)}")
        for value in list(values):
            self.append(value)
        return self

    def __iadd__(self, values: Iterable[Any]) -> ParameterList:
        return self.extend(values)

    def __repr__(self) -> str:
        return format_module(self._get_name(), [], _describe(self._parameters))


class ParameterDict(Module):
    """A dictionary of registered parameters. Tensors put into it become Parameters.

        >>> import minidl
        >>> from minidl import nn
        >>> scales = nn.ParameterDict({"left": minidl.ones(2), "right": minidl.ones(2)})
        >>> "left" in scales, len(scales)
        (True, 2)
    """

    def __init__(self, parameters: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None) -> None:
        super().__init__()
        if parameters is not None:
            self.update(parameters)

    def __getitem__(self, key: str) -> Any:
        return self._parameters[key]

    def __setitem__(self, key: str, value: Any) -> None:
        setattr(self, key, _as_parameter(value))

    def __delitem__(self, key: str) -> None:
        del self._parameters[key]

    def __len__(self) -> int:
        return len(self._parameters)

    def __iter__(self) -> Iterator[str]:
        return iter(self._parameters)

    def __contains__(self, key: object) -> bool:
        return key in self._parameters

    def clear(self) -> None:
        self._parameters.clear()

    def pop(self, key: str) -> Any:
        """Remove a parameter and return it."""
        return self._parameters.pop(key)

    def get(self, key: str, default: Any = None) -> Any:
        """The parameter of this name, or `default`."""
        return self._parameters.get(key, default)

    def keys(self) -> Any: return self._parameters.keys()
    def items(self) -> Any: return self._parameters.items()
    def values(self) -> Any: return self._parameters.values()

    def update(self, parameters: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> None:
        """Add the parameters of a mapping, or of (name, parameter) pairs. Equal names are replaced."""
        if not isinstance(parameters, Iterable):
            raise TypeError(f"ParameterDict.update should be called with an iterable of key/value pairs, "
                            f"but got {type_name(parameters)}")
        for key, value in _pairs(parameters):
            self[key] = value

    def __repr__(self) -> str:
        return format_module(self._get_name(), [], _describe(self._parameters))


def _pairs(items: Any) -> Iterable[tuple[str, Any]]:
    """The (name, value) pairs of a mapping, or of an iterable of pairs."""
    return items.items() if hasattr(items, "items") else items


def _as_parameter(value: Any) -> Parameter:
    """A tensor as a Parameter. Errors: TypeError for anything else."""
    return value if isinstance(value, Parameter) else Parameter(value)


def _describe(parameters: Mapping[str, Any]) -> list[str]:
    """One line for each parameter: its dtype and size."""
    return [f"({name}): " + ("None" if p is None else
                             f"Parameter containing: [{p.dtype} of size {'x'.join(map(str, p.shape))}"
                             + ("" if p.device.type == "cpu" else f" ({p.device})") + "]")
            for name, p in parameters.items()]
