"""PyTorch's names for programs as graphs. minidl keeps no program: a module runs as it is written.

`symbolic_trace` returns a module that does what the given one does; its graph is missing, and says so. What a network
computes inside is seen by `vision.models.feature_extraction`, hooks and `utils.summary`.
"""
from __future__ import annotations

from typing import Any, NoReturn, TypeVar

from minidl.nn.module import Module

T = TypeVar("T")

__all__ = ["Graph", "GraphModule", "Interpreter", "Node", "Proxy", "Tracer", "Transformer", "symbolic_trace", "wrap"]


def wrap(fn_or_name: T) -> T:
    """Return the function or its name as it is; PyTorch's tracing would not look into it."""
    if not (callable(fn_or_name) or isinstance(fn_or_name, str)):
        raise RuntimeError("Unsupported type for global function! Must be either a callable or string name")
    return fn_or_name


class _Refused:
    """A class that exists for `isinstance` and as a base, and has no objects."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _refuse(f"fx.{type(self).__name__}")


class Graph(_Refused):
    """The program of a module, in PyTorch. Errors: always NotImplementedError when it is made."""


class Node(_Refused):
    """A step of a graph, in PyTorch. Errors: always NotImplementedError when it is made."""


class Proxy(_Refused):
    """What stands for a value during tracing, in PyTorch. Errors: always NotImplementedError when it is made."""


class Interpreter(_Refused):
    """Runs a graph node by node, in PyTorch. Errors: always NotImplementedError when it is made."""


class Transformer(Interpreter):
    """Makes a graph of another, in PyTorch. Errors: always NotImplementedError when it is made."""


class Tracer:
    """Records the graph of a module, in PyTorch. It can be made and subclassed, but cannot trace."""

    def __init__(self, autowrap_modules: Any = (), autowrap_functions: Any = (),
                 param_shapes_constant: bool = False) -> None:
        self.root: Module | None = None

    def is_leaf_module(self, m: Module, module_qualified_name: str) -> bool:
        """Whether tracing would not look into a module."""
        return type(m).__module__.startswith("minidl.nn") and not isinstance(m, Graph)

    def trace(self, root: Any, concrete_args: Any = None) -> NoReturn:
        """Errors: always NotImplementedError."""
        _refuse("fx.Tracer.trace")


class GraphModule(Module):
    """A module that does what another does; see `symbolic_trace`."""

    def __init__(self, root: Module, graph: Any = None, class_name: str = "GraphModule") -> None:
        super().__init__()
        if isinstance(root, Module):
            shared = ("training", "_parameters", "_buffers", "_modules", "_non_persistent_buffers_set")
            self.__dict__.update({name: root.__dict__[name] for name in shared})
        self.__dict__.update(_root=root, _class_name=class_name)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module gives."""
        return self._root(*args, **kwargs)

    def train(self, mode: bool = True) -> GraphModule:
        """Set the mode of both."""
        super().train(mode)
        if isinstance(self._root, Module):
            self._root.train(mode)
        return self

    def recompile(self) -> None:
        """Do nothing: there is no graph to compile."""

    def __getattr__(self, name: str) -> Any:
        if name in ("graph", "code", "print_readable"):
            raise AttributeError(f"{_reason(f'fx.GraphModule.{name}')}")
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self.__dict__["_root"], name)

    def _get_name(self) -> str:
        return self.__dict__["_class_name"]


def symbolic_trace(root: Any, concrete_args: dict[str, Any] | None = None) -> GraphModule:
    """Return a module that does what the given module or function does.

    Nothing is traced: a program that only calls the result runs, one that reads or changes `.graph` gets an
    AttributeError that says why.

        >>> import minidl
        >>> from minidl import nn
        >>> traced = minidl.fx.symbolic_trace(nn.Sequential(nn.Linear(3, 2), nn.ReLU()))
        >>> traced(minidl.ones(5, 3)).shape, list(traced.state_dict())
        ((5, 2), ['0.weight', '0.bias'])
    """
    if not callable(root):
        raise TypeError(f"fx.symbolic_trace: expected a module or a function, got {type(root).__name__}")
    return GraphModule(root, class_name=type(root).__name__ if isinstance(root, Module) else root.__name__)


def _reason(name: str) -> str:
    return (f"{name}: minidl records no graph of a program, it runs it as it is written; hooks on the module, or "
            f"vision.models.feature_extraction, give what it computes inside")


def _refuse(name: str) -> NoReturn:
    raise NotImplementedError(_reason(name))
