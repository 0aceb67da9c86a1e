"""The printed form of a tensor: PyTorch's format, column by column."""
from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.backend.dtype import default_complex, get_default_dtype


@dataclasses.dataclass
class Options:
    """The options of `set_printoptions`."""

    precision: int = 4               # digits after the point
    threshold: float = 1000          # tensors with more elements are abbreviated
    edgeitems: int = 3               # elements at either end of an abbreviated axis
    linewidth: int = 80
    sci_mode: bool | None = None     # None: powers of ten where the numbers differ by more than a thousandfold


PROFILES = {"default": Options(), "short": Options(precision=2, edgeitems=2), "full": Options(threshold=math.inf)}
options = Options()


def set_printoptions(precision: int | None = None, threshold: float | None = None, edgeitems: int | None = None,
                     linewidth: int | None = None, profile: str | None = None, sci_mode: bool | None = None) -> None:
    """Set how tensors are printed; None leaves an option as it is.

    `sci_mode=None` chooses the notation for each tensor. A `profile` ('default', 'short', 'full') sets all options
    first.

        >>> import minidl
        >>> minidl.set_printoptions(precision=2)
        >>> minidl.tensor([1.2345])
        tensor([1.23])
        >>> minidl.set_printoptions(profile="default")
    """
    global options
    if profile is not None:
        if profile not in PROFILES:
            raise ValueError(f"set_printoptions: expected profile to be one of {', '.join(PROFILES)}, "
                             f"but got {profile!r}")
        options = PROFILES[profile]
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    options = dataclasses.replace(options, sci_mode=sci_mode, **changes)


def get_printoptions() -> dict[str, Any]:
    """The present options, as a dict of the arguments of `set_printoptions`."""
    return dataclasses.asdict(options)



def format_tensor(values: np.ndarray, device: str, note: str, name: str = "tensor") -> str:
    """`tensor([...], ...)`: the numbers, then all that is not the default.

    `note` is the part on gradients, `name` what stands in front.
    """
    prefix, extras = f"{name}(", []
    if device != "cpu":
        extras.append(f"device='{device}'")
    dtype = values.dtype
    if values.size == 0 and values.ndim != 1:
        extras.append(f"size={tuple(values.shape)}")
    if values.size == 0 and dtype != get_default_dtype() \
            or dtype not in (get_default_dtype(), default_complex(), np.dtype("int64"), np.dtype("bool")):
        extras.append(f"dtype={dtype}")
    if note:
        extras.append(note)
    text = "[]" if values.size == 0 else format_array(values, indent=len(prefix))
    last_line = len(text.rpartition("\n")[2]) + (0 if "\n" in text else len(prefix)) + 2
    for extra in extras:
        if last_line + len(extra) + 2 > options.linewidth:
            text += ",\n" + " " * len(prefix) + extra
            last_line = len(prefix) + len(extra)
        else:
            text += ", " + extra
            last_line += len(extra) + 2
    return prefix + text + ")"


def format_array(values: np.ndarray, indent: int) -> str:
    """Nested brackets, aligned; with many elements, long axes are abbreviated."""
    abbreviated = values.size > options.threshold
    write, width = _column_format(_shown(values) if abbreviated else values)
    return _nested(values, write, width, indent, abbreviated)


def _shown(values: np.ndarray) -> np.ndarray:
    """The elements that the abbreviated form shows."""
    for axis, n in enumerate(values.shape):
        if n > 2 * options.edgeitems:
            keep = [*range(options.edgeitems), *range(n - options.edgeitems, n)]
            values = np.take(values, keep, axis=axis)
    return values


def _column_format(values: np.ndarray) -> tuple[Callable[[Any], str], int]:
    """A function that writes one number aligned with the others, and the width of a column.

    The real parts of complex numbers are aligned; the imaginary parts follow.
    """
    if values.dtype.kind != "c":
        write, width = _element_format(values)
        return lambda v: f"{write(v):>{width}}", width
    (write_real, real_width), (write_imag, imag_width) = _element_format(values.real), _element_format(values.imag)

    def write_complex(v: Any) -> str:
        imag = write_imag(v.imag)
        return f"{write_real(v.real):>{real_width}}" + ("" if imag[0] == "-" else "+") + imag + "j"
    return write_complex, real_width + imag_width + 1


def _element_format(values: np.ndarray) -> tuple[Callable[[Any], str], int]:
    """A function that writes one number, and the width of a column.

    As in PyTorch, zeros, infinities and NaN do not count for the width.
    """
    flat = values.reshape(-1)
    if values.dtype.kind != "f":
        return str, max(len(str(v)) for v in flat)
    counted = flat[np.isfinite(flat) & (flat != 0)]
    style = "whole"
    if counted.size:
        magnitudes = np.abs(counted.astype(np.float64))
        largest, smallest = magnitudes.max(), magnitudes.min()
        whole = bool((magnitudes == np.ceil(magnitudes)).all())
        scientific = largest / smallest > 1000 or largest > 1e8 or (not whole and smallest < 1e-4)
        scientific = scientific if options.sci_mode is None else options.sci_mode
        style = "scientific" if scientific else "whole" if whole else "fixed"

    def write(v: Any) -> str:
        if not math.isfinite(v):
            return str(float(v))
        if style == "scientific":
            return f"{v:.{options.precision}e}"
        return f"{v:.0f}." if style == "whole" else f"{v:.{options.precision}f}"
    return write, max([len(write(v)) for v in counted], default=1)


def _nested(values: np.ndarray, element: Callable[[Any], str], width: int, indent: int, abbreviated: bool) -> str:
    if values.ndim == 0:
        return element(values[()]).strip()
    n, edge = len(values), options.edgeitems
    shown = [*range(edge), None, *range(n - edge, n)] if abbreviated and n > 2 * edge else range(n)
    if values.ndim == 1:
        return _row([" ..." if i is None else element(values[i]) for i in shown], width, indent)
    rows = ["..." if i is None else _nested(values[i], element, width, indent + 1, abbreviated) for i in shown]
    return "[" + ("," + "\n" * (values.ndim - 1) + " " * (indent + 1)).join(rows) + "]"


def _row(items: list[str], width: int, indent: int) -> str:
    """One row of numbers, wrapped to the width of a line."""
    per_line = max(1, (options.linewidth - indent) // (width + 2))      # 2: the comma and the space
    lines = [", ".join(items[i:i + per_line]) for i in range(0, len(items), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
