"""Assertions for tests: `assert_close`, under the name of `torch.testing`."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from minidl.backend.device import is_array, to_numpy
from minidl.tensors.tensor import Tensor

__all__ = ["assert_close"]

_TOLERANCES = {"float16": (1e-3, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7),
               "complex64": (1.3e-6, 1e-5), "complex128": (1e-7, 1e-7)}
"""(rtol, atol) by dtype; all other dtypes must agree exactly."""


def assert_close(actual: object, expected: object, *, allow_subclasses: bool = True, rtol: float | None = None,
                 atol: float | None = None, equal_nan: bool = False, check_device: bool = True,
                 check_dtype: bool = True, check_layout: bool = True, check_stride: bool = False,
                 msg: str | Callable[[str], str] | None = None) -> None:
    """Check that |actual - expected| <= atol + rtol * |expected|, for tensors, numbers and containers of them.

        >>> import minidl
        >>> minidl.testing.assert_close(minidl.tensor([1.0, 2.0]), minidl.tensor([1.0, 2.0000001]))
        >>> minidl.testing.assert_close({"a": [1, 2]}, {"a": [1, 3]})
        Traceback (most recent call last):
        AssertionError: Scalars are not equal!
        <BLANKLINE>
        Expected 3 but got 2.
        Absolute difference: 1
        <BLANKLINE>
        The failure occurred for item ['a'][1]

    Args:
        rtol, atol: both or neither; by default for float32 1.3e-6 and 1e-5, for float64 1e-7 and 1e-7, for float16
            1e-3 and 1e-5, for integers 0. Of two dtypes the larger counts.
        equal_nan: whether nan is close to nan.
        check_dtype, check_device, check_stride: whether these must agree, too. `check_layout` has no meaning here.
        allow_subclasses: whether a subclass of Tensor may stand where the other is a Tensor.
        msg: the text of the error, or a function of the usual text that returns it.

    Errors: AssertionError where they differ; TypeError for types that are not compared; ValueError for one of rtol and
    atol alone.
    """
    if (rtol is None) != (atol is None):
        raise ValueError(f"Both 'rtol' and 'atol' must be either specified or omitted, but got no "
                         f"{'rtol' if rtol is None else 'atol'}.")
    settings = {"dtype": check_dtype, "device": check_device, "stride": check_stride}

    def fail(text: str, path: str) -> AssertionError:
        text += f"\n\nThe failure occurred for item {path}" if path else ""
        return AssertionError(text if msg is None else msg(text) if callable(msg) else msg)

    def compare(a: Any, b: Any, path: str) -> None:
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            if set(a) != set(b):
                raise fail(f"The keys of the mappings do not match:\nMissing keys in the actual mapping: "
                           f"{sorted(set(b) - set(a), key=repr)}\nAdditional keys in the actual mapping: "
                           f"{sorted(set(a) - set(b), key=repr)}", path)
            for key in b:
                compare(a[key], b[key], f"{path}[{key!r}]")
        elif isinstance(a, Sequence) and isinstance(b, Sequence) and not isinstance(a, str):
            if len(a) != len(b):
                raise fail(f"The length of the sequences mismatch: {len(a)} != {len(b)}", path)
            for i, (x, y) in enumerate(zip(a, b)):
                compare(x, y, f"{path}[{i}]")
        elif a is None or b is None:
            if a is not b:
                raise fail(f"None mismatch: {a} is not {b}", path)
        else:
            if not _comparable(a, b, allow_subclasses):
                raise TypeError(f"No comparison pair was able to handle inputs of type {type(a)} and {type(b)}; try "
                                f"minidl.tensor(...) on one" + (f". They stand at {path}" if path else ""))
            difference = _difference(a, b, rtol, atol, equal_nan, settings)
            if difference:
                raise fail(difference, path)

    compare(actual, expected, "")


def _comparable(a: Any, b: Any, allow_subclasses: bool) -> bool:
    numbers = (bool, int, float, complex, np.bool_, np.number)
    return isinstance(a, Tensor) and isinstance(b, Tensor) and (allow_subclasses or type(a) is type(b)) or \
        is_array(a) and is_array(b) or isinstance(a, numbers) and isinstance(b, numbers)


def _difference(a: Any, b: Any, rtol: float | None, atol: float | None, equal_nan: bool,
                settings: dict[str, bool]) -> str:
    """What differs between two tensors, arrays or numbers, or ""."""
    numbers = not hasattr(a, "shape") or isinstance(a, np.generic)
    if numbers:
        kinds = [type(v.item() if isinstance(v, np.generic) else v) for v in (a, b)]
        if settings["dtype"] and kinds[0] is not kinds[1]:
            return f"The (d)types do not match: {kinds[0]} != {kinds[1]}."
    else:
        if tuple(a.shape) != tuple(b.shape):
            return f"The values for attribute 'shape' do not match: {tuple(a.shape)} != {tuple(b.shape)}."
        seen = {"dtype": lambda x: x.dtype, "device": lambda x: getattr(x, "device", None),
                "stride": lambda x: x.stride() if isinstance(x, Tensor) else x.strides}
        for name, read in seen.items():
            if settings[name] and read(a) != read(b):
                return f"The values for attribute '{name}' do not match: {read(a)!r} != {read(b)!r}."
    x, y = (to_numpy(v.array) if isinstance(v, Tensor) else to_numpy(v) if is_array(v) else np.asarray(v)
            for v in (a, b))
    if rtol is None or atol is None:
        found = [_TOLERANCES.get(v.dtype.name, (0.0, 0.0)) for v in (x, y)]
        rtol, atol = (max(pair) for pair in zip(*found))
    wide = np.complex128 if "c" in (x.dtype.kind, y.dtype.kind) else \
        np.float64 if "f" in (x.dtype.kind, y.dtype.kind) else object       # whole numbers of Python never wrap around
    x, y = x.astype(wide), y.astype(wide)
    with np.errstate(all="ignore"):
        gap = abs(x - y) if wide is not object else np.vectorize(lambda m, n: abs(int(m) - int(n)), [object])(x, y) \
            if x.size else x
        close = (x == y) | (gap <= atol + rtol * abs(y)) & (np.isfinite(y) if wide is not object else True)
        close = close | equal_nan & (x != x) & (y != y)
        relative = gap / abs(y) if wide is not object else gap
    if bool(np.all(close)):
        return ""
    kind = "equal" if rtol == atol == 0 else "close"
    allowed = [f" (up to {bound} allowed)" if kind == "close" else "" for bound in (atol, rtol)]
    if numbers or not x.ndim:
        lines = [f"Scalars are not {kind}!", "", f"Expected {y.item()} but got {x.item()}.",
                 f"Absolute difference: {np.asarray(gap).item()}{allowed[0]}"]
        if kind == "close":
            lines.append(f"Relative difference: {np.asarray(relative).item()}{allowed[1]}")
        return "\n".join(lines)
    wrong = np.where(close, -1, np.nan_to_num(gap.astype(float), nan=np.inf))
    worst = np.unravel_index(int(wrong.argmax()), x.shape)
    count = int(np.sum(~close.astype(bool)))
    lines = [f"Tensor-likes are not {kind}!", "", f"Mismatched elements: {count} / {x.size} ({count / x.size:.1%})",
             f"Greatest absolute difference: {gap[worst]} at index {tuple(map(int, worst))}{allowed[0]}"]
    if kind == "close":
        parts = np.where(close, -1, np.nan_to_num(relative, nan=np.inf))
        worst = np.unravel_index(int(parts.argmax()), x.shape)
        lines.append(f"Greatest relative difference: {relative[worst]} at index {tuple(map(int, worst))}{allowed[1]}")
    return "\n".join(lines)
