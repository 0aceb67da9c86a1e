"""How a tensor is written out: PyTorch's format, column by column."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.backend.dtype import get_default_dtype

PRECISION = 4
THRESHOLD = 1000     # tensors with more elements are abbreviated
EDGE_ITEMS = 3       # ... to so many at either end of an axis
LINE_WIDTH = 80


def format_tensor(values: np.ndarray, device: str, note: str) -> str:
    """`tensor([...], ...)`: the numbers, then whatever is not the default. `note` is the part on gradients."""
    prefix, extras = "tensor(", []
    if device != "cpu":
        extras.append(f"device='{device}'")
    dtype = values.dtype
    if values.size == 0 and values.ndim != 1:
        extras.append(f"size={tuple(values.shape)}")
    if values.size == 0 and dtype != get_default_dtype() \
            or dtype not in (get_default_dtype(), np.dtype("int64"), np.dtype("bool")):
        extras.append(f"dtype={dtype}")
    if note:
        extras.append(note)
    text = "[]" if values.size == 0 else format_array(values, indent=len(prefix))
    last_line = len(text.rpartition("\n")[2]) + (0 if "\n" in text else len(prefix))
    for extra in extras:
        if last_line + len(extra) + 3 > LINE_WIDTH:
            text += ",\n" + " " * len(prefix) + extra
            last_line = len(prefix) + len(extra)
        else:
            text += ", " + extra
            last_line += len(extra) + 2
    return prefix + text + ")"


def format_array(values: np.ndarray, indent: int) -> str:
    """Nested brackets, aligned; long axes abbreviated when there are many elements."""
    abbreviated = values.size > THRESHOLD
    element = _element_format(_shown(values) if abbreviated else values)
    return _nested(values, element, indent, abbreviated)


def _shown(values: np.ndarray) -> np.ndarray:
    """Only the elements that the abbreviated form shows."""
    for axis, n in enumerate(values.shape):
        if n > 2 * EDGE_ITEMS:
            keep = [*range(EDGE_ITEMS), *range(n - EDGE_ITEMS, n)]
            values = np.take(values, keep, axis=axis)
    return values


def _element_format(values: np.ndarray) -> Any:
    """A function that writes one number, all to one width."""
    flat = values.reshape(-1)
    if values.dtype.kind != "f":
        width = max(len(str(v)) for v in flat)
        return lambda v: f"{v!s:>{width}}"
    finite = np.abs(flat[np.isfinite(flat) & (flat != 0)].astype(np.float64))
    if finite.size == 0:
        style, width = "whole", 2
    else:
        largest, smallest = finite.max(), finite.min()
        whole = bool((finite == np.ceil(finite)).all())
        scientific = largest / smallest > 1000 or largest > 1e8 or (not whole and smallest < 1e-4)
        style = "scientific" if scientific else "whole" if whole else "fixed"
        width = 0
    def write(v: Any) -> str:
        if not math.isfinite(v):
            return str(float(v))
        if style == "scientific":
            return f"{v:.{PRECISION}e}"
        return f"{v:.0f}." if style == "whole" else f"{v:.{PRECISION}f}"
    if width == 0:
        width = max(len(write(v)) for v in flat[np.isfinite(flat) & (flat != 0)])
    return lambda v: f"{write(v):>{width}}"


def _nested(values: np.ndarray, element: Any, indent: int, abbreviated: bool) -> str:
    if values.ndim == 0:
        return element(values[()]).strip()
    cut = abbreviated and len(values) > 2 * EDGE_ITEMS
    shown = [*range(EDGE_ITEMS), None, *range(len(values) - EDGE_ITEMS, len(values))] if cut else range(len(values))
    if values.ndim == 1:
        return _row([" ..." if i is None else element(values[i]) for i in shown], indent)
    rows = ["..." if i is None else _nested(values[i], element, indent + 1, abbreviated) for i in shown]
    return "[" + ("," + "\n" * (values.ndim - 1) + " " * (indent + 1)).join(rows) + "]"


def _row(items: list[str], indent: int) -> str:
    """One row of numbers, wrapped to the width of a line."""
    width = max(1, max(map(len, items)) + 2)
    per_line = max(1, (LINE_WIDTH - indent) // width)
    lines = [", ".join(items[i:i + per_line]) for i in range(0, len(items), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
