"""Looking at what was recorded: `draw` as a picture, `explain` as text."""
from __future__ import annotations

import html
import inspect
from pathlib import Path
from typing import Any

import numpy as np

from minidl.autograd import engine
from minidl.autograd.op import AccumulateGrad, Op
from minidl.autograd.tensorbase import TensorBase
from minidl.backend.device import array_module, to_numpy


class Drawing(str):
    """An SVG picture. A notebook shows it; `save` writes it to a file; as a string it is the SVG itself."""

    def save(self, path: str | Path) -> None:
        """Write the picture to a file, which any browser opens."""
        Path(path).write_text(self, encoding="utf-8")

    def _repr_svg_(self) -> str:
        return str(self)


def draw(tensor: TensorBase, names: dict[str, TensorBase] | None = None) -> Drawing:
    """The recorded graph of a tensor as a self-contained SVG: the result on top, the leaves below.

    A box is an op, with the shape of its output and the bytes that it keeps for backward; a green box is a leaf.
    `names` says how leaves are called, `dict(model.named_parameters())` for instance.

        >>> import minidl
        >>> from minidl.autograd.graph import draw
        >>> x = minidl.ones(3, requires_grad=True)
        >>> draw((x.exp() * x).sum(), {"x": x}).startswith("<svg")
        True

    Errors: RuntimeError if the tensor does not require grad.
    """
    ops = _ops_behind(tensor)
    shapes = {edge[0]: tuple(g.shape) for edge, g in _gradients_at(tensor, ops).items()}
    labels = {op: _label(op, shapes.get(op), names or {}) for op in ops}
    return _svg(ops, labels)


def explain(tensor: TensorBase, names: dict[str, TensorBase] | None = None) -> str:
    """The way back from a tensor in words: each op with its formula, shapes and the size of its gradient.

    Newest first, as the engine goes. |g| is the Euclidean norm of the gradient of the tensor's sum with respect to the
    op's output: watch where it vanishes or explodes.

        >>> import minidl
        >>> from minidl.autograd.graph import explain
        >>> x = minidl.tensor([3.0, 4.0], requires_grad=True)
        >>> print(explain((x * x).sum(), {"x": x}))
        1. Sum -> (), |g| = 1
           Sum over `axes`, then write the result as `shape`: with the summed axes, as ones, or without.
           from 2
        2. Mul -> (2,), |g| = 1.414, keeps 8 B
           y = a * b
           from x (2,), |g| = 10; x (2,), |g| = 10
    """
    ops = _ops_behind(tensor)
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
        keeps = f", keeps {_size(kept)}" if kept else ""
        lines.append(f"{number[op]}. {op.name()} -> {shape}, {gradient(op)}{keeps}")
        lines.append(f"   {_formula(op)}")
        sources = [f"{_leaf_name(edge[0], names or {})}, {gradient(edge[0])}" if isinstance(edge[0], AccumulateGrad)
                   else str(number[edge[0]]) for edge in op.edges if edge is not None]
        lines.append("   from " + "; ".join(sources))
    return "\n".join(lines)


# ---------------------------------------------------------------------- what is there

def _ops_behind(tensor: TensorBase) -> list[Op]:
    """All ops that led to a tensor, newest first."""
    seen = {engine.edge_of(tensor)[0]}
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
    found = engine.run([(engine.edge_of(tensor), ones)], graph=False, retain=True, targets=edges)
    return {edge: g for edge, g in found.items() if g is not None}


def _squares(g: Any) -> float:
    return float(np.square(to_numpy(g).astype(np.float64)).sum())


def _kept_bytes(op: Op) -> int:
    """Bytes of all arrays that the op keeps, each counted once."""
    arrays = {}
    for value, _, _ in (op.kept or {}).values():
        for part in value if isinstance(value, tuple) else (value,):
            if hasattr(part, "nbytes"):
                arrays[id(part)] = part.nbytes
    return sum(arrays.values())


def _size(count: int) -> str:
    value, units = float(count), ["B", "KiB", "MiB", "GiB"]
    while value >= 1024 and len(units) > 1:
        value /= 1024
        units.pop(0)
    return f"{value:.4g} {units[0]}"


def _formula(op: Op) -> str:
    """The first line of what the op says of itself."""
    return (inspect.getdoc(type(op)) or op.name()).partition("\n")[0]


def _leaf_name(op: AccumulateGrad, names: dict[str, TensorBase]) -> str:
    leaf = op.variable
    if leaf is None:
        return "a leaf that is gone"
    name = next((name for name, t in names.items() if t is leaf), "leaf")
    return f"{name} {tuple(leaf.array.shape)}"


def _label(op: Op, shape: tuple[int, ...] | None, names: dict[str, TensorBase]) -> list[str]:
    """The lines in a box."""
    if isinstance(op, AccumulateGrad):
        return [_leaf_name(op, names)]
    kept = _kept_bytes(op)
    return [op.name(), str(shape) if shape is not None else "", f"keeps {_size(kept)}" if kept else ""]


# ---------------------------------------------------------------------- the picture

WIDTH, HEIGHT, GAP_X, GAP_Y = 150, 54, 24, 40


def _svg(ops: list[Op], labels: dict[Op, list[str]]) -> Drawing:
    """Rows by the longest way from the result; in a row, each box below the middle of those that it feeds."""
    row = dict.fromkeys(ops, 0)
    above: dict[Op, list[Op]] = {op: [] for op in ops}
    for op in ops:   # newest first: an op's row is final when it is reached
        for edge in op.edges:
            if edge is not None:
                row[edge[0]] = max(row[edge[0]], row[op] + 1)
                above[edge[0]].append(op)
    rows: list[list[Op]] = [[] for _ in range(max(row.values()) + 1)]
    for op in ops:
        rows[row[op]].append(op)
    column: dict[Op, float] = {}
    for members in rows:
        members.sort(key=lambda op: sum(column[a] for a in above[op]) / max(len(above[op]), 1))
        for i, op in enumerate(members):
            column[op] = i - (len(members) - 1) / 2
    widest = max(map(len, rows))
    width = widest * (WIDTH + GAP_X) + GAP_X
    height = len(rows) * (HEIGHT + GAP_Y) + GAP_Y
    at = {op: (width / 2 + column[op] * (WIDTH + GAP_X), GAP_Y / 2 + row[op] * (HEIGHT + GAP_Y)) for op in ops}
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
             f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12" text-anchor="middle">',
             '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
             'orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#777"/></marker></defs>',
             f'<rect width="{width}" height="{height}" fill="white"/>']
    for op in ops:
        for edge in op.edges:
            if edge is not None:
                (x1, y1), (x2, y2) = at[edge[0]], at[op]
                parts.append(f'<line x1="{x1:.0f}" y1="{y1:.0f}" x2="{x2:.0f}" y2="{y2 + HEIGHT:.0f}" '
                             f'stroke="#777" marker-end="url(#arrow)"/>')
    for op in ops:
        x, y = at[op]
        leaf = isinstance(op, AccumulateGrad)
        parts.append(f'<rect x="{x - WIDTH / 2:.0f}" y="{y:.0f}" width="{WIDTH}" height="{HEIGHT}" rx="6" '
                     f'fill="{"#dff0d8" if leaf else "#eef3fb"}" stroke="{"#5a9e4b" if leaf else "#5b7fb5"}"/>')
        lines = [line for line in labels[op] if line]
        for i, line in enumerate(lines):
            base = y + HEIGHT / 2 + 4 + (i - (len(lines) - 1) / 2) * 15
            weight = ' font-weight="bold"' if i == 0 else ""
            parts.append(f'<text x="{x:.0f}" y="{base:.0f}"{weight}>{html.escape(line)}</text>')
    return Drawing("\n".join([*parts, "</svg>"]))
