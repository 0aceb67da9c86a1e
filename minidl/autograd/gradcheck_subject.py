"""The subject of a gradcheck: the function and its tensors, checked or skipped."""
from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from minidl import random
from minidl.autograd.accumulate import AccumulateGrad
from minidl.autograd.tensorbase import SparseBase, TensorBase, tensors_in, wrap
from minidl.backend.device import device_of
from minidl.backend.dtype import complex128, float64
from minidl.backend.layout import overlaps
from minidl.backend.warn import warn


class Named(NamedTuple):
    """A tensor and its names in messages."""

    title: str          # "parameter 'weight'"
    symbol: str         # "weight", to which an index can be added
    tensor: Any


class Subject:
    """A function without arguments, and the tensors that its outputs depend on.

    `func` is the user's function.
    """

    def __init__(self, call: Callable[[], list[Named]], tensors: list[Named], func: Any = None) -> None:
        self.call, self.func = call, func
        self.checked = [x for x in tensors if x.tensor.edge is not None]
        self.skipped = [x for x in tensors if x.tensor.edge is None and x.tensor.array.dtype.kind in "fc"]
        for device in {device_of(x.tensor.array) for x in tensors}:
            random.default_generator(device)    # make it now: a generator made during a call would be undone after it

    def outputs(self) -> list[Named]:
        """The outputs of a call, with the same random numbers every time."""
        with random.fork_rng():
            return self.call()

    def unchecked(self, outputs: list[Named]) -> list[tuple[str, tuple[int, ...]]]:
        """The names and shapes of leaves that receive a gradient from the outputs and are not checked."""
        checked = {x.tensor.edge for x in self.checked}
        leaves: list[TensorBase] = []
        seen = set()
        edges = [x.tensor.edge for x in outputs]
        while edges:
            edge = edges.pop()
            if edge is None or edge in checked or edge[0] in seen:
                continue
            seen.add(edge[0])
            edges += edge[0].edges
            leaf = edge[0].variable if isinstance(edge[0], AccumulateGrad) else None
            if leaf is not None:
                leaves.append(leaf)
        names = _tensor_names(self.func) if leaves else {}
        return sorted((names.get(id(leaf), "a tensor"), leaf.array.shape) for leaf in leaves)


def outputs_in(returned: Any) -> list[Named]:
    """The tensors that a function returned."""
    found = list(tensors_in(returned))
    if len(found) == 1:
        return [Named("output 0", "output", found[0])]
    return [Named(f"output {i}", f"outputs[{i}]", x) for i, x in enumerate(found)]


def of_values(func: Callable[..., Any], inputs: tuple[Any, ...]) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """`func` and its inputs with the values of each sparse tensor in its place, and of sparse results, too."""
    if not any(isinstance(x, SparseBase) for x in inputs):
        return func, inputs

    def on_values(*values: Any) -> Any:
        given = [x.with_values(v) if isinstance(x, SparseBase) else v       # type: ignore[attr-defined]
                 for x, v in zip(inputs, values)]
        result = func(*given)
        return result.merged().stored if isinstance(result, SparseBase) else result     # type: ignore[attr-defined]
    return on_values, tuple([x.stored if isinstance(x, SparseBase) else x for x in inputs])


def subject_of(func: Any, inputs: tuple[Any, ...]) -> Subject:
    """A function with its inputs, or a Module with its inputs, parameters and buffers."""
    if not is_module(func):
        tensors = list(_named_in(inputs))
        for name, _, x in tensors:
            if x.edge is not None and overlaps(x.array):
                raise RuntimeError(f"The {name} has a dimension with stride 0, or elements that share memory. "
                                   f"gradcheck only supports inputs that are non-overlapping to be able to compute "
                                   f"the numerical gradients correctly. You should call .contiguous on the input "
                                   f"before passing it to gradcheck.")
        if any(x.edge is not None and x.array.dtype not in (float64, complex128) for _, _, x in tensors):
            warn("gradcheck: an input is not float64; finite differences in lower precision are too coarse "
                 "for the default tolerances")
        return Subject(lambda: outputs_in(func(*inputs)), tensors, func)
    return _module_subject(func, inputs)


def is_module(func: Any) -> bool:
    """Whether a function is a Module.

    This floor cannot import Module, so the test is whether it has the methods of one.
    """
    return not isinstance(func, type) and hasattr(func, "named_parameters") and hasattr(func, "named_modules")


def _module_subject(module: Any, inputs: tuple[Any, ...]) -> Subject:
    """A copy of a Module in double precision, as a subject.

    Every call runs on a copy of this copy, which shares only the checked tensors with it. So running statistics,
    counters and caches are the same at every call.
    """
    inputs = _map(inputs, lambda x: wrap(_double(x.array)).requires_grad_(x.edge is not None))
    if all(x.edge is None for x in tensors_in(inputs)) and any(x.array.dtype.kind in "fc" for x in tensors_in(inputs)):
        warn("gradcheck: no input requires grad, so the gradient of none is checked; set requires_grad=True "
             "on those that matter")
    double = _copied(module, {id(x): wrap(x.array) for x in _tensors_of(module) if not _is_leaf(x)})
    if any(part.has_uninitialized_params() for part in double.modules() if hasattr(part, "has_uninitialized_params")):
        with random.fork_rng():
            double.double()(*inputs)    # a lazy module learns its shapes from a call
    for x in _tensors_of(double):
        x.array = _double(x.array)
    tensors = [*_named_in(inputs), *_named_in_module(double)]
    shared = [x.tensor for x in tensors if x.tensor.edge is not None]

    def call() -> list[Named]:
        return outputs_in(_copied(double, {id(x): x for x in shared})(*inputs))

    return Subject(call, tensors, module.forward)


def _copied(module: Any, memo: dict[int, Any]) -> Any:
    try:
        return copy.deepcopy(module, memo)
    except Exception as error:
        raise TypeError(f"gradcheck works on a copy of the module, in double precision, and {type(module).__name__} "
                        f"cannot be copied by copy.deepcopy: {error}. Try gradcheck(lambda x: module(x), x), with "
                        f"the parameters among the inputs") from error


def _tensors_of(module: Any) -> Iterator[Any]:
    """The tensors in all attributes of a module and its submodules, each once."""
    seen = set()
    for part in module.modules():
        for x in tensors_in(vars(part)):
            if id(x) not in seen:
                seen.add(id(x))
                yield x


def _named_in_module(module: Any) -> Iterator[Named]:
    """The parameters, the buffers, and other attributes that require grad."""
    seen = set()
    for kind, members in (("parameter", module.named_parameters()), ("buffer", module.named_buffers())):
        for name, x in members:
            seen.add(id(x))
            yield Named(f"{kind} '{name}'", name, x)
    for path, part in module.named_modules():
        for name, value in vars(part).items():
            for x in tensors_in(value):
                if id(x) not in seen and x.edge is not None and _is_leaf(x):
                    seen.add(id(x))
                    full = f"{path}.{name}" if path else name
                    yield Named(f"attribute '{full}' (no parameter)", full, x)


def _named_in(value: Any, name: str = "input", symbol: str = "inputs") -> Iterator[Named]:
    """The tensors among the inputs: "input 0", and "input 1[0]" for a part of a tuple."""
    if isinstance(value, TensorBase):
        yield Named(name, symbol, value)
    elif isinstance(value, (tuple, list, dict)):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _named_in(part, f"{name}[{key!r}]" if name != "input" else f"{name} {key}", f"{symbol}[{key!r}]")


def _map(value: Any, function: Callable[[Any], Any]) -> Any:
    """Nested tuples, lists and dicts, with `function` applied to every tensor."""
    if isinstance(value, TensorBase):
        return function(value)
    if isinstance(value, dict):
        return {key: _map(part, function) for key, part in value.items()}
    if isinstance(value, (tuple, list)):
        parts = [_map(part, function) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


def _double(array: Any) -> Any:
    """A copy in double precision; whole numbers keep their dtype."""
    return array.astype({"f": float64, "c": complex128}.get(array.dtype.kind, array.dtype))


def _is_leaf(x: Any) -> bool:
    return x.edge is None or isinstance(x.edge[0], AccumulateGrad)


def _tensor_names(func: Any) -> dict[int, str]:
    """The names of the tensors and module parameters that a function uses from outside, by id."""
    held: dict[str, Any] = {}
    while hasattr(func, "func") and hasattr(func, "args"):     # functools.partial
        held.update({f"argument {i}": value for i, value in enumerate(func.args)})
        func = func.func
    if is_module(func) or is_module(getattr(func, "__self__", None)):
        held["self"] = getattr(func, "__self__", func)
    try:
        around = inspect.getclosurevars(func)
        held.update({**around.globals, **around.nonlocals})
    except (TypeError, ValueError):     # not written in Python
        pass
    names: dict[int, str] = {}
    for name, value in held.items():
        if is_module(value):
            names.update({id(x): f"{name}.{path}" for path, x in value.named_parameters()})
        elif isinstance(value, TensorBase):
            names[id(value)] = name
    return names
