"""Hints for error messages: guess from types and shapes what was meant."""
from __future__ import annotations

import math
from typing import Any

CASTS = {"float16": ".half()", "float32": ".float()", "float64": ".double()", "int64": ".long()"}

Shape = tuple[int, ...]


def suggest_tensor(value: Any) -> str:
    """Suggest how to make a Tensor of a value."""
    if value is None:
        return "did a forward() or another function forget to return its result?"
    if isinstance(value, type):
        return f"it is a class: make an object first, then call that, {value.__name__}(...)(x)"
    if callable(value):
        return "it is a function or a layer: call it on a Tensor first"
    if type(value).__module__.startswith("PIL."):
        return f"try minidl.from_numpy(np.array(image)){_to_channels_first(value.mode)}.float() / 255"
    if isinstance(value, tuple) and any(hasattr(part, "dtype") for part in value):
        return "a layer such as LSTM returns several values: try the first, x[0]"
    return "try minidl.tensor(...) on it first"


def _to_channels_first(mode: str) -> str:
    """The call that turns a picture (H, W) or (H, W, C) into (C, H, W)."""
    return ".unsqueeze(0)" if mode in ("1", "L", "I", "F", "P") else ".permute(2, 0, 1)"


def cast_to(dtype: Any) -> str:
    """The method call that casts to a dtype."""
    return CASTS.get(str(dtype), f".to(minidl.{dtype})")


def channels_first(shape: Shape, channels: int, dims: int, dtype: Any) -> str:
    """Suggest a fix for an input (N, C, *) or (C, *) whose C is not `channels`; "" if there is none.

    `dims` is the number of axes in `*`.
    """
    batched = len(shape) == dims + 2
    pixels = ".float() / 255" if dtype == "uint8" else ""
    letters = ("L", "H, W", "D, H, W")[dims - 1]
    if shape[-1] == channels:       # (N, H, W, C) -> (N, C, H, W)
        order = (0, dims + 1, *range(1, dims + 1)) if batched else (dims, *range(dims))
        layout = f"N, {letters}, C" if batched else f"{letters}, C"
        return f"; its layout is probably ({layout}): try input.permute{order}{pixels}"
    if channels == 1 and not batched:
        return f"; its layout is probably (N, {letters}): try input.unsqueeze(1){pixels}"
    return ""


def features_last(shape: Shape, features: int, size: str) -> str:
    """Suggest a fix for an input whose last axis is not `features`; a layer calls that number `size`."""
    if len(shape) > 2 and math.prod(shape[1:]) == features:
        return "try input.flatten(1)"
    if features in shape[:-1]:
        axis = len(shape) - 2 - shape[-2::-1].index(features)
        return f"try input.movedim({axis}, -1)" if len(shape) > 2 else "try input.T"
    return f"try a layer with {size}={shape[-1]}"
