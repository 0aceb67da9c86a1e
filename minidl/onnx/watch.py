"""Watch one run of a model: which ops were called, on what, and which array came from where.

Each op becomes a `Step`. Where its inputs came from is found in this order: by the edge of the tensor, which an
in-place write moves along (`autograd/inplace.py`); by the tensor; by its array. What comes from nowhere is a constant.
"""
from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minidl.autograd.around import around_modules, around_ops
from minidl.autograd.fused import FusedOp
from minidl.autograd.grad_mode import enable_grad
from minidl.autograd.inplace import InPlaceOp, ViewWrite
from minidl.autograd.op import Op
from minidl.autograd.tensorbase import Edge, TensorBase, wrap
from minidl.autograd.views import refresh_edge
from minidl.backend.device import is_array, to_numpy
from minidl.nn.module import Module
from minidl.utils._pytree import tree_leaves, tree_map


class Source(NamedTuple):
    """Where a value came from.

    kind: "step" (key: its number; slot: which of its outputs), "input" (key: its number), "named" (key: the name of a
    parameter or a buffer), "constant" (key: the array) or "number" (key: a Python number).
    """

    kind: str
    key: Any
    slot: int = 0


@dataclasses.dataclass
class Step:
    """One call of an op."""

    op: Op
    path: str                       # the path of the module that called it
    module: Module | None
    inputs: list[Source | None]
    parameters: dict[str, Any]      # the op's attributes before the call; arrays are Sources
    outputs: list[tuple[tuple[int, ...], np.dtype]]     # shapes and dtypes


@dataclasses.dataclass
class Run:
    """All steps of a run, its inputs and its outputs."""

    steps: list[Step]
    inputs: list[tuple[tuple[int, ...], np.dtype]]
    outputs: list[Source | None]
    outputs_are: list[tuple[tuple[int, ...], np.dtype]]
    named: dict[str, np.ndarray]


def watch(model: Callable[..., Any], args: Any, kwargs: dict[str, Any], translated: Callable[[type], bool]) -> Run:
    """Run the model and watch. A fused op that is not `translated` is run as its reference."""
    watcher = _Watcher(model, translated)
    given = [tensor for tensor in tree_leaves((args, kwargs)) if isinstance(tensor, TensorBase)]
    fresh = {id(tensor): watcher.add_input(i, tensor) for i, tensor in enumerate(given)}
    args, kwargs = tree_map(lambda x: fresh.get(id(x), x), (args, kwargs))
    with enable_grad(), around_modules.added(watcher.around_module), around_ops.added(watcher.around_op):
        output = model(*args, **kwargs)
        outputs = [x for x in tree_leaves(output) if isinstance(x, TensorBase)]
        sources = [watcher.source(x) for x in outputs]
    return Run(watcher.steps, [(tuple(x.array.shape), x.array.dtype) for x in given], sources,
               [(tuple(x.array.shape), x.array.dtype) for x in outputs], watcher.named)


class _Watcher:
    def __init__(self, model: Any, translated: Callable[[type], bool]) -> None:
        self.translated = translated
        self.steps: list[Step] = []
        self.alive: list[Any] = []                      # so that no id is used twice
        self.by_edge: dict[tuple[int, int], Source] = {}
        self.by_id: dict[int, tuple[Source, int]] = {}  # of a tensor or an array, with its version then
        self.named: dict[str, np.ndarray] = {}
        self.paths = {id(module): name for name, module in model.named_modules()} if isinstance(model, Module) else {}
        self.around: list[tuple[str, Module | None]] = [("", None)]
        self.inside_op = False
        if isinstance(model, Module):
            for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
                self.named[name] = to_numpy(tensor.array)
                self.add(tensor, Source("named", name), by_edge=False)

    # ------------------------------------------------------------------ what is known

    def add_input(self, number: int, tensor: Any) -> Any:
        """A tensor like this one, whose origin is known: no leaf, so that it may be written into."""
        x = wrap(tensor.array.copy())
        if tensor.array.dtype.kind == "f":
            x = x.requires_grad_().clone()      # type: ignore[attr-defined]
        self.add(x, Source("input", number))
        return x

    def add(self, x: Any, source: Source, by_edge: bool = True, later: int = 0) -> None:
        self.alive.append(x)
        if isinstance(x, TensorBase):
            self.alive.append(x.array)
            if x.edge is not None and by_edge:
                self.alive.append(x.edge[0])
                self.by_edge[id(x.edge[0]), x.edge[1]] = source
            self.by_id[id(x.array)] = source, _version(x) + later
        self.by_id[id(x)] = source, _version(x) + later

    def source(self, x: Any) -> Source | None:
        """Where the value came from."""
        if isinstance(x, TensorBase):
            if x.view_of is not None:
                refresh_edge(x)
            if x.edge is not None and not x.edge[0].is_leaf:
                found = self.of_edge(x.edge, x)
                if found is not None:
                    return found
            for key in (id(x), id(x.array)):
                if key in self.by_id and self.by_id[key][1] == _version(x):
                    return self.by_id[key][0]
            source = Source("constant", np.array(to_numpy(x.array)) if 0 not in x.array.strides else to_numpy(x.array))
            self.add(x, source, by_edge=False)
            return source
        if is_array(x):
            return self.by_id[id(x)][0] if id(x) in self.by_id else Source("constant", np.array(to_numpy(x)))
        return None if x is None else Source("number", x)

    def of_edge(self, edge: Edge, x: TensorBase) -> Source | None:
        """The source of what flows along an edge; a write into a view becomes a step of its own."""
        step, slot = edge
        found = self.by_edge.get((id(step), slot))
        if found is None and isinstance(step, ViewWrite):
            owner = x
            while owner.view_of is not None:
                owner = owner.view_of.base
            before, value = step.edges
            base = self.by_id[id(owner)][0] if before is None and id(owner) in self.by_id else \
                None if before is None else self.of_edge(before, owner)
            written = None if value is None else self.of_edge(value, owner)
            if base is None or written is None:
                return None
            found = self.add_step(step, [base, written], {"views": step.views}, [owner])[0]
            self.by_edge[id(step), slot] = found
        return found

    def parameter(self, value: Any, watched: Any) -> Any:
        """An attribute of an op, with Sources in place of arrays. `watched`: the arrays that it was made from."""
        if is_array(value):
            if id(value) not in self.by_id:
                for array, *_ in watched:
                    if id(array) in self.by_id and array.shape == value.shape and bool((array == value).all()):
                        return self.by_id[id(array)][0]
            return self.source(value)
        if isinstance(value, (tuple, list)):
            parts = [self.parameter(part, watched) for part in value]
            return value._make(parts) if hasattr(value, "_make") else parts if isinstance(value, list) else tuple(parts)
        return value

    # ------------------------------------------------------------------ what stands around calls

    def around_module(self, call: Callable[..., Any], module: Module, /, *args: Any, **kwargs: Any) -> Any:
        path = self.paths.get(id(module), self.around[-1][0])
        self.around.append((path, module))
        try:
            return call(module, *args, **kwargs)
        finally:
            self.around.pop()

    def around_op(self, call: Callable[..., Any], op: Op, *inputs: Any) -> Any:
        if self.inside_op:
            return call(op, *inputs)
        if isinstance(op, FusedOp) and not self.translated(type(op)):
            return op.reference(*inputs)
        sources = [self.source(x) for x in inputs]
        parameters = {name: self.parameter(value, op.watched or ()) for name, value in op.__dict__.items()
                      if name not in ("is_inside", "watched")}
        self.inside_op = True
        try:
            output = call(op, *inputs)
        finally:
            self.inside_op = False
        parts = output if isinstance(output, tuple) else (output,)
        known = all(source is None or source.kind in ("constant", "number") for source in sources) and not any(
            isinstance(part, Source) and part.kind not in ("constant", "number") for part in tree_leaves(parameters))
        found = [self.constant(part) for part in parts] if known else \
            self.add_step(op, sources, parameters, parts)
        self.alive.append(op)
        for part, source in zip(parts, found):
            self.add(part, source, later=isinstance(op, InPlaceOp))
        if isinstance(op, InPlaceOp):
            self.add(inputs[0], found[0], by_edge=False, later=1)
        return output

    def constant(self, x: Any) -> Source:
        array = to_numpy(getattr(x, "array", x))
        return Source("constant", np.array(array) if 0 not in array.strides else array)

    def add_step(self, op: Op, sources: list[Source | None], parameters: dict[str, Any], parts: Any) -> list[Source]:
        shapes = [(tuple(part.shape), np.dtype(getattr(part, "array", part).dtype)) for part in parts]
        path, module = self.around[-1]
        self.steps.append(Step(op, path, module, sources, parameters, shapes))
        return [Source("step", len(self.steps) - 1, slot) for slot in range(len(parts))]


def _version(x: Any) -> int:
    return x.version[0] if isinstance(x, TensorBase) and x.version is not None else 0
