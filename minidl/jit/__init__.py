"""PyTorch's names for scripting and tracing. minidl runs a program as it is written.

`script` returns what it is given, and so do the decorators that tell PyTorch's compiler what to leave alone. `trace`
returns a module that runs the traced one and holds its inputs against the example. There is no graph and no file of
one: `save` and `load` say so.
"""
from __future__ import annotations

import contextlib
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Generic, NamedTuple, NoReturn, TypeVar

from minidl.autograd.grad_mode import no_grad
from minidl.backend.warn import warn
from minidl.nn.module import Module
from minidl.ops.elementwise import allclose
from minidl.tensors.tensor import Tensor

T = TypeVar("T")

__all__ = [
    "Attribute", "Error", "Final", "Future", "ScriptFunction", "ScriptModule", "TracedModule", "TracerWarning",
    "annotate", "export", "fork", "freeze", "ignore", "interface", "is_scripting", "is_tracing", "isinstance", "load",
    "optimize_for_inference", "optimized_execution", "save", "script", "script_if_tracing", "script_method",
    "set_fusion_strategy", "trace", "trace_module", "unused", "wait",
]

_isinstance = isinstance


class Error(RuntimeError):
    """An error inside a scripted function, in PyTorch. It is never raised here."""


class TracerWarning(Warning):
    """A traced function gives other results when it is called again."""


class ScriptFunction:
    """The type of a scripted function, in PyTorch. Nothing is one here: `script` returns the function itself."""


class ScriptModule(Module):
    """A module whose methods PyTorch compiles. Here it is an ordinary module."""


class Attribute(NamedTuple):
    """A value with its type, for PyTorch's compiler."""

    value: Any
    type: Any


def script(obj: T, optimize: Any = None, _frames_up: int = 0, _rcb: Any = None,
           example_inputs: Any = None) -> T:
    """Return the function, class or module as it is: nothing is compiled.

    PyTorch's takes a part of Python only, and fixes types: what its compiler would refuse runs here.

        >>> import minidl
        >>> @minidl.jit.script
        ... def double(x):
        ...     return 2 * x
        >>> double(minidl.ones(2))
        tensor([2., 2.])
    """
    return obj


def script_if_tracing(fn: T) -> T:
    """Return the function as it is."""
    return fn


def script_method(fn: T) -> T:
    """Return the method as it is."""
    return fn


def export(fn: T) -> T:
    """Return the method as it is."""
    return fn


def unused(fn: T) -> T:
    """Return the method as it is. PyTorch's compiler would leave it out."""
    return fn


_overload = _overload_method = export      # of which PyTorch's compiler chooses one by the types of arguments


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """Return the method as it is, also as `@ignore(drop=True)`. PyTorch's compiler would call it as Python."""
    return drop if callable(drop) else lambda fn: fn


def interface(obj: T) -> T:
    """Return the class as it is."""
    return obj


def annotate(the_type: Any, the_value: T) -> T:
    """Return the value; the type is for PyTorch's compiler."""
    return the_value


def is_scripting() -> bool:
    """Always False: no function is scripted."""
    return False


def is_tracing() -> bool:
    """Always False: `trace` records no graph, so a function need not do otherwise under it."""
    return False


def isinstance(obj: Any, target_type: Any) -> bool:  # noqa: A001
    """Whether a value is of a type, where `List[int]` and the like look at each element.

        >>> from typing import Dict, List
        >>> import minidl
        >>> minidl.jit.isinstance([1, 2], List[int]), minidl.jit.isinstance({"a": 1}, Dict[str, str])
        (True, False)
    """
    if target_type is None or target_type is Any:
        return obj is None or target_type is Any
    origin, inner = typing.get_origin(target_type), typing.get_args(target_type)
    if _isinstance(target_type, tuple):
        return any(isinstance(obj, one) for one in target_type)
    if origin is None:
        return _isinstance(obj, target_type)
    if not _isinstance(origin, type) or origin.__name__ == "UnionType":
        return any(isinstance(obj, one) for one in inner)
    if not _isinstance(obj, origin):
        return False
    if origin is tuple and not (len(inner) == 2 and inner[1] is Ellipsis):
        return len(obj) == len(inner) and all(isinstance(*pair) for pair in zip(obj, inner))
    if issubclass(origin, Mapping):
        return all(isinstance(key, inner[0]) and isinstance(value, inner[1]) for key, value in obj.items())
    return all(isinstance(element, inner[0]) for element in obj)


def freeze(mod: T, preserved_attrs: Any = None, optimize_numerics: bool = True) -> T:
    """Return the module as it is: its parameters stay parameters."""
    return mod


def optimize_for_inference(mod: T, other_methods: Any = None) -> T:
    """Return the module as it is."""
    return mod


@contextlib.contextmanager
def optimized_execution(should_optimize: bool) -> Iterator[None]:
    """Do nothing."""
    yield


def set_fusion_strategy(strategy: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Do nothing, and return the strategy."""
    return strategy


class Future(Generic[T]):
    """A result that is there already: see `fork`."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def wait(self) -> Any:
        """The result."""
        return self._value

    value = wait

    def done(self) -> bool:
        """Always True."""
        return True

    def then(self, callback: Callable[[Future], Any]) -> Future:
        """What `callback` makes of it, in a `Future`."""
        return Future(callback(self))


def fork(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Future:
    """Call a function now, and return a `Future` that holds the result. PyTorch's does it at the same time.

        >>> import minidl
        >>> future = minidl.jit.fork(minidl.add, minidl.ones(2), 1)
        >>> minidl.jit.wait(future)
        tensor([2., 2.])
    """
    return Future(func(*args, **kwargs))


def wait(future: Future) -> Any:
    """The result of a `fork`."""
    return future.wait()


# ---------------------------------------------------------------------- tracing

class TracedModule(ScriptModule):
    """What `trace` returns: it calls the traced function or module, whose parameters are its own.

    The inputs must be as many tensors as the example's, of the same dtypes and numbers of axes.
    """

    def __init__(self, traced: Callable[..., Any], example: tuple[Any, ...]) -> None:
        super().__init__()
        if _isinstance(traced, Module):
            shared = ("training", "_parameters", "_buffers", "_modules", "_non_persistent_buffers_set")
            self.__dict__.update({name: traced.__dict__[name] for name in shared})
        self.__dict__.update(_traced=traced, _example=[_kind(value) for value in example])

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the traced function gives. Errors: RuntimeError if the inputs are not like the example's."""
        found = [_kind(value) for value in (*args, *kwargs.values())]
        if found != self._example:
            raise RuntimeError(f"a traced {_name(self._traced)}: expected inputs like the example's, {self._example}, "
                               f"got {found}; trace it again for these")
        return self._traced(*args, **kwargs)

    def train(self, mode: bool = True) -> TracedModule:
        """Set the mode of the traced module."""
        super().train(mode)
        if _isinstance(self._traced, Module):
            self._traced.train(mode)
        return self

    def __getattr__(self, name: str) -> Any:
        if name in ("graph", "code", "inlined_graph", "save"):
            raise AttributeError(f"a traced {_name(self._traced)} has no {name!r}: minidl records no graph. "
                                 f"minidl.save(module.state_dict(), file) keeps its weights")
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self.__dict__["_traced"], name)

    def __getitem__(self, key: Any) -> Any:
        return self._traced[key]

    def __len__(self) -> int:
        return len(self._traced)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._traced)

    def extra_repr(self) -> str:
        """The name of what was traced."""
        return f"original_name={_name(self._traced)}"


def trace(func: Any = None, example_inputs: Any = None, optimize: Any = None, check_trace: bool = True,
          check_inputs: Any = None, check_tolerance: float = 1e-5, strict: bool = True, _force_outplace: bool = False,
          _module_class: Any = None, _compilation_unit: Any = None, example_kwarg_inputs: dict[str, Any] | None = None,
          _store_inputs: bool = True) -> Any:
    """Run a function or module on the example, and return a module that does what it does.

    Nothing is recorded: where PyTorch's trace takes the branches of the example for ever, this one takes those of its
    own inputs, whose number, dtypes and numbers of axes must be the example's. With `check_trace`, it is run twice,
    and a `TracerWarning` says if the results differ.

        >>> import minidl
        >>> from minidl import nn
        >>> traced = minidl.jit.trace(nn.Linear(3, 2), minidl.ones(1, 3))
        >>> traced(minidl.ones(5, 3)).shape
        (5, 2)
        >>> traced(minidl.ones(3))
        Traceback (most recent call last):
            ...
        RuntimeError: a traced Linear: expected inputs like the example's, ['float32, 2 axes'], got ['float32, 1 axis...
    """
    if example_inputs is not None and example_kwarg_inputs is not None:
        raise RuntimeError("Only one of example_inputs and example_kwarg_inputs should be specified")
    if example_inputs is None and example_kwarg_inputs is None:
        raise RuntimeError("example_kwarg_inputs should be a dict, or example_inputs a tensor or a tuple of inputs")
    if _isinstance(func, TracedModule):
        return func
    kwargs = example_kwarg_inputs or {}
    args = () if example_inputs is None else (example_inputs,) if _isinstance(example_inputs, (Tensor, dict)) \
        else tuple(example_inputs)
    traced = TracedModule(func, (*args, *kwargs.values()))
    with no_grad():
        first = traced(*args, **kwargs)
        if check_trace and not _close(first, traced(*args, **kwargs), check_tolerance):
            warn(f"jit.trace: {_name(func)} gives two results for the same inputs. Is it random, or does it "
                          f"keep something from call to call? Try .eval()", TracerWarning)
    return traced


def trace_module(mod: Module, inputs: dict[str, Any], *args: Any, **settings: Any) -> Any:
    """As `trace`, with the example by the name of the method; only "forward" is traced."""
    for method, example in inputs.items():
        checked = trace(mod if method == "forward" else getattr(mod, method), example, *args, **settings)
    return checked if "forward" in inputs else mod


def _kind(value: Any) -> str:
    """What is held against the example."""
    if not _isinstance(value, Tensor):
        return type(value).__name__
    return f"{value.array.dtype}, {value.ndim} {'axis' if value.ndim == 1 else 'axes'}"


def _name(traced: Any) -> str:
    return getattr(traced, "__name__", type(traced).__name__)


def _close(a: Any, b: Any, tolerance: float) -> bool:
    if _isinstance(a, Tensor):
        return a.shape == b.shape and (a.array.dtype.kind not in "fc" or allclose(
            a, b, rtol=tolerance, atol=tolerance, equal_nan=True))
    if _isinstance(a, (list, tuple)):
        return all(_close(x, y, tolerance) for x, y in zip(a, b))
    return not _isinstance(a, dict) or all(_close(a[key], b[key], tolerance) for key in a)


# ---------------------------------------------------------------------- files

def save(m: Any, f: Any, _extra_files: Any = None) -> NoReturn:
    """Errors: always NotImplementedError: there is no compiled program to save."""
    raise NotImplementedError("jit.save: minidl compiles no program, so it cannot be saved; try "
                              "minidl.save(module.state_dict(), file)")


def load(f: Any, map_location: Any = None, _extra_files: Any = None, _restore_shapes: bool = False) -> NoReturn:
    """Errors: always NotImplementedError: such a file holds a program for PyTorch's compiler."""
    raise NotImplementedError("jit.load: the file holds a program for PyTorch's compiler, which minidl has not; in "
                              "PyTorch, save jit.load(file).state_dict(), and load that here")
