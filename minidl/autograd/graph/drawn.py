"""Views of the recorded graph: `draw` a picture, print a `tree`, or `explain` it in words."""
from __future__ import annotations

import contextlib
import inspect
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from minidl.autograd.accumulate import AccumulateGrad
from minidl.autograd.around import around_ops
from minidl.autograd.engine import propagate
from minidl.autograd.gradients import edge_of
from minidl.autograd.graph.boxes import Box, Drawing, picture
from minidl.autograd.op import Op
from minidl.autograd.tensorbase import Edge, TensorBase
from minidl.backend.device import array_module, to_numpy
from minidl.tables import size_of

__all__ = ["Drawing", "draw", "explain", "tree", "watch"]


def draw(tensor: TensorBase, names: dict[str, TensorBase] | None = None,
         values: Mapping[Edge, float] | None = None) -> Drawing:
    """The recorded graph of a tensor as an SVG: the result on top, the leaves below.

    A box is an op, with the number of bytes that it keeps for backward; beside its arrow is the shape of its output. A
    green box is a leaf. A notebook shows the picture, and `.save("graph.svg")` writes it to a file; no other program is
    needed. `names` gives names to leaves, for instance `dict(model.named_parameters())`. `values` are those that
    `watch` has seen: beside the arrow of a single number are then its value and its gradient.

        >>> import minidl
        >>> from minidl.autograd.graph import draw
        >>> x = minidl.ones(3, requires_grad=True)
        >>> draw((x.exp() * x).sum(), {"x": x}).startswith("<svg")
        True

    Errors: RuntimeError if the tensor does not require grad.
    """
    ops = ops_behind(tensor)
    number = {op: i for i, op in enumerate(ops)}
    gradients = _gradients_at(tensor, ops)
    shapes = {edge: str(tuple(g.shape)) for edge, g in gradients.items()}
    if values is not None:
        known = {**_leaf_values(ops), **values}
        shapes |= {edge: f"{value:.4g}, gradient {to_numpy(gradients[edge]).item():.4g}"
                   for edge, value in known.items() if edge in gradients}
    boxes = []
    for op in ops:
        if isinstance(op, AccumulateGrad):
            shown = {0: shapes[op, 0]} if values is not None and (op, 0) in shapes else {}
            boxes.append(Box("leaf", [_leaf_name(op, names or {})], "", shown))
            continue
        kept = _kept_bytes(op)
        boxes.append(Box("keeping op" if kept else "op", [op.name(), f"keeps {size_of(kept)}"] if kept else [op.name()],
                         _formula(op), {slot: shapes[op, slot] for slot in range(op.outputs) if (op, slot) in shapes}))
    return picture(boxes, [[(number[op], slot) for op, slot in _sources(op)] for op in ops])


@contextlib.contextmanager
def watch() -> Iterator[dict[Edge, float]]:
    """Inside the block, keep the value of each recorded result that is a single number.

        >>> import minidl
        >>> from minidl.autograd.graph import draw, watch
        >>> x, y, z = (minidl.tensor(n, requires_grad=True) for n in (-2.0, 5.0, -4.0))
        >>> with watch() as values:
        ...     f = (x + y) * z
        >>> picture = draw(f, {"x": x, "y": y, "z": z}, values)
        >>> "3, gradient -4" in picture         # of x + y
        True
    """
    values: dict[Edge, float] = {}

    def around(call: Callable[..., Any], op: Op, *inputs: Any) -> Any:
        output = call(op, *inputs)
        for part in output if isinstance(output, tuple) else (output,):
            if part.edge is not None and part.array.size == 1:
                values[part.edge] = to_numpy(part.array).item()
        return output

    with around_ops.added(around):
        yield values


def tree(tensor: TensorBase, names: dict[str, TensorBase] | None = None) -> str:
    """The recorded graph of a tensor as a text tree: below each op its inputs, leaves first.

    If only one input is an op, it follows in the same column. An op that is used several times is written once, with a
    number, and later only by this number. `names` gives names to leaves.

        >>> import minidl
        >>> from minidl.autograd.graph import tree
        >>> x = minidl.ones(3, requires_grad=True)
        >>> y = x.exp()
        >>> print(tree((y * y.sin()).sum(), {"x": x}))
        Sum -> ()
        Mul -> (3,), keeps 24 B
        ├─ [1] Exp -> (3,), keeps 12 B
        │  └─ x (3,)
        └─ Sin -> (3,), keeps 12 B
           [1] Exp, see above

    Errors: RuntimeError if the tensor does not require grad.
    """
    ops = ops_behind(tensor)
    shapes = {edge: str(tuple(g.shape)) for edge, g in _gradients_at(tensor, ops).items()}
    users = Counter(source for op in ops for source, _ in _sources(op))
    numbers: dict[Op, int] = {}
    lines: list[str] = []
    waiting = [(ops[0], "", "")]        # an op, the text before its line, and the text before the lines below it
    while waiting:
        op, before, below = waiting.pop()
        if isinstance(op, AccumulateGrad):
            lines.append(before + _leaf_name(op, names or {}))
        elif op in numbers:
            lines.append(f"{before}[{numbers[op]}] {op.name()}, see above")
        else:
            if users[op] > 1:
                numbers[op] = len(numbers) + 1
                before += f"[{numbers[op]}] "
            kept = _kept_bytes(op)
            outputs = " ".join(shapes.get((op, slot), "") for slot in range(op.outputs)).strip()
            lines.append(f"{before}{op.name()} -> {outputs}" + (f", keeps {size_of(kept)}" if kept else ""))
            taken = sorted((source for source, _ in _sources(op)), key=lambda op: not isinstance(op, AccumulateGrad))
            branches = [(source, f"{below}├─ ", f"{below}│  ") for source in taken]
            if sum(not isinstance(source, AccumulateGrad) for source in taken) == 1:
                branches[-1] = (taken[-1], below, below)
            elif taken:
                branches[-1] = (taken[-1], f"{below}└─ ", f"{below}   ")
            waiting += reversed(branches)
    return "\n".join(lines)


def explain(tensor: TensorBase, names: dict[str, TensorBase] | None = None) -> str:
    """The backward pass of a tensor in words: each op, its formula, shapes and gradient norm.

    The newest op comes first, as in the engine. |g| is the Euclidean norm of the gradient of the tensor's sum with
    respect to the op's output: it shows where gradients vanish or explode.

        >>> import minidl
        >>> from minidl.autograd.graph import explain
        >>> x = minidl.tensor([3.0, 4.0], requires_grad=True)
        >>> print(explain((x * x).sum(), {"x": x}))
        1. Sum -> (), |g| = 1
           Sum over `axes`, then write the result as `shape`.
           from 2
        2. Mul -> (2,), |g| = 1.414, keeps 8 B
           y = a * b
           from x (2,), |g| = 10; x (2,), |g| = 10
    """
    ops = ops_behind(tensor)
    gradients = _gradients_at(tensor, ops)
    steps = [op for op in ops if not isinstance(op, AccumulateGrad)]
    number = {op: i for i, op in enumerate(steps, 1)}

    def gradient(op: Op) -> str:
        found = [g for edge, g in gradients.items() if edge[0] is op]
        return "no gradient arrives" if not found else f"|g| = {np.sqrt(sum(_squares(g) for g in found)):.4g}"

    lines = []
    for op in steps:
        kept = _kept_bytes(op)
        shape = " ".join(str(tuple(g.shape)) for edge, g in gradients.items() if edge[0] is op)
        keeps = f", keeps {size_of(kept)}" if kept else ""
        lines.append(f"{number[op]}. {op.name()} -> {shape}, {gradient(op)}{keeps}")
        lines.append(f"   {_formula(op)}")
        sources = [f"{_leaf_name(source, names or {})}, {gradient(source)}" if isinstance(source, AccumulateGrad)
                   else str(number[source]) for source, _ in _sources(op)]
        lines.append("   from " + "; ".join(sources))
    return "\n".join(lines)


# ---------------------------------------------------------------------- the ops and their gradients

def _sources(op: Op) -> list[Edge]:
    """The edges of an op's recorded inputs, in the order of the inputs."""
    return [edge for edge in op.edges if edge is not None]


def ops_behind(tensor: TensorBase) -> list[Op]:
    """All ops that led to a tensor, newest first."""
    seen = {edge_of(tensor)[0]}
    stack = list(seen)
    while stack:
        for edge in stack.pop().edges:
            if edge is not None and edge[0] not in seen:
                seen.add(edge[0])
                stack.append(edge[0])
    return sorted(seen, key=lambda op: -op.sequence)


def _gradients_at(tensor: TensorBase, ops: list[Op]) -> dict[Any, Any]:
    """The gradient of the tensor's sum at every output of every op; nothing is added to `.grad`."""
    edges = {(op, slot) for op in ops for slot in range(op.outputs)}
    ones = array_module(tensor.array).ones_like(tensor.array)
    found = propagate([(edge_of(tensor), ones)], graph=False, retain=True, targets=edges)
    return {edge: g for edge, g in found.items() if g is not None}


def _squares(g: Any) -> float:
    return float(np.square(to_numpy(g).astype(np.float64)).sum())


def _kept_bytes(op: Op) -> int:
    """The number of bytes of all arrays that the op keeps, each counted once."""
    arrays = {}
    for value, _, _ in (op.kept or {}).values():
        for part in value if isinstance(value, tuple) else (value,):
            if hasattr(part, "nbytes"):
                arrays[id(part)] = part.nbytes
    return sum(arrays.values())


def _formula(op: Op) -> str:
    """The first line of the op's docstring."""
    return (inspect.getdoc(type(op)) or op.name()).partition("\n")[0]


def _leaf_values(ops: list[Op]) -> dict[Edge, float]:
    """The values of leaves that are single numbers."""
    leaves = {op: op.variable for op in ops if isinstance(op, AccumulateGrad)}
    return {(op, 0): to_numpy(leaf.array).item() for op, leaf in leaves.items()
            if leaf is not None and leaf.array.size == 1}


def _leaf_name(op: AccumulateGrad, names: dict[str, TensorBase]) -> str:
    leaf = op.variable
    if leaf is None:
        return "a leaf that is gone"
    name = next((name for name, t in names.items() if t is leaf), "leaf")
    return f"{name} {tuple(leaf.array.shape)}"
