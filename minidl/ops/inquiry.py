"""Questions about a tensor as a whole, answered with a plain Python value."""
from __future__ import annotations

import math
from typing import Any

from minidl.autograd.tensorbase import TensorBase


def is_tensor(obj: Any) -> bool:
    """Whether `obj` is a Tensor."""
    return isinstance(obj, TensorBase)


def is_floating_point(input: Any) -> bool:
    """Whether the dtype of a tensor is a floating one. Errors: TypeError for what is no tensor."""
    return _tensor(input, "is_floating_point").array.dtype.kind == "f"


def is_complex(input: Any) -> bool:
    """False: there are no complex tensors. Errors: TypeError for what is no tensor."""
    return _tensor(input, "is_complex").array.dtype.kind == "c"


def is_nonzero(input: Any) -> bool:
    """Whether the one element of a tensor is not zero. Errors: RuntimeError unless there is exactly one."""
    x = _tensor(input, "is_nonzero").array
    if x.size != 1:
        raise RuntimeError(f"is_nonzero: Boolean value of Tensor with {x.size} elements is ambiguous; "
                           f"try .any() or .all()")
    return bool(x.reshape(()))


def numel(input: Any) -> int:
    """How many elements a tensor has. Errors: TypeError for what is no tensor.

        >>> import minidl
        >>> minidl.numel(minidl.zeros(2, 3))
        6
    """
    return math.prod(_tensor(input, "numel").array.shape)


def _tensor(x: Any, who: str) -> Any:
    if not isinstance(x, TensorBase):
        raise TypeError(f"{who}(): argument 'input' (position 1) must be Tensor, not {type(x).__name__}; "
                        f"try minidl.tensor(...) on it first")
    return x
