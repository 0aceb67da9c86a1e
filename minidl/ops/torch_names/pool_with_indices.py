"""Max pooling under PyTorch's second set of names: `f_with_indices(...)` is `f(..., return_indices=True)`."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minidl.ops.base.declaration import public
from minidl.ops.pool import (
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
    fractional_max_pool2d,
    fractional_max_pool3d,
    max_pool1d,
    max_pool2d,
    max_pool3d,
)

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


def _with_indices(function: Callable[..., Any]) -> Callable[..., Any]:
    def pool(input: Tensor, *args: Any, **kwargs: Any) -> Any:
        return function(input, *args, **{**kwargs, "return_indices": True})
    pool.__name__ = pool.__qualname__ = f"{function.__name__}_with_indices"
    pool.__doc__ = f"`{function.__name__}(..., return_indices=True)`"
    return public(pool)


max_pool1d_with_indices = _with_indices(max_pool1d)
max_pool2d_with_indices = _with_indices(max_pool2d)
max_pool3d_with_indices = _with_indices(max_pool3d)
adaptive_max_pool1d_with_indices = _with_indices(adaptive_max_pool1d)
adaptive_max_pool2d_with_indices = _with_indices(adaptive_max_pool2d)
adaptive_max_pool3d_with_indices = _with_indices(adaptive_max_pool3d)
fractional_max_pool2d_with_indices = _with_indices(fractional_max_pool2d)
fractional_max_pool3d_with_indices = _with_indices(fractional_max_pool3d)
