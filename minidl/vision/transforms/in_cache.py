"""A few images of a large batch at a time, so that what a transform computes in between stays in the cache."""
from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from minidl.tensors.tensor import Tensor

F = TypeVar("F", bound=Callable[..., Any])

PIXELS = 1 << 18    # numbers of the images at a time: 1 MiB of float32


def images_in_cache(function: F) -> F:
    """Let `function(images, ...)`, which treats every image (C, H, W) by itself, see a few of them at a time.

    It returns new tensors, or `images` itself. Images on another device, or that want a gradient, or with another
    layout than row by row, are left together.
    """
    @functools.wraps(function)
    def called(images: Tensor, *args: Any, **kwargs: Any) -> Any:
        x = images.array
        if x.size <= PIXELS or x.ndim < 4 or type(x) is not np.ndarray or not x.flags.c_contiguous \
                or any(getattr(value, "requires_grad", False) for value in (images, *args)):
            return function(images, *args, **kwargs)
        batch, step = images.reshape(-1, *x.shape[-3:]), max(1, PIXELS // math.prod(x.shape[-3:]))
        result: Tensor | None = None
        for start in range(0, len(batch), step):
            part = batch[start:start + step]
            found = function(part, *args, **kwargs)
            if found is part:
                return images
            if result is None:
                result = found.new_empty((*x.shape[:-3], *found.shape[1:]))
                rows = result.array.reshape(len(batch), *found.shape[1:])
            rows[start:start + step] = found.array
        return result
    return called   # type: ignore[return-value]
