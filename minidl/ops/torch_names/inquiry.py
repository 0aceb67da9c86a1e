"""Questions about a whole tensor, answered with a plain Python value."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from minidl.autograd.tensorbase import INFERENCE, TensorBase
from minidl.backend.torch_types import Size, size_of
from minidl.ops.base import broadcast_shape, suggest_tensor
from minidl.ops.base.declaration import public
from minidl.ops.shape.views import sizes_of

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


@public
def is_tensor(obj: Any) -> bool:
    """Whether `obj` is a Tensor."""
    return isinstance(obj, TensorBase)


@public
def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype of a tensor is floating. Errors: TypeError for anything but a tensor."""
    return _tensor(input, "is_floating_point").array.dtype.kind == "f"


@public
def is_complex(input: Tensor) -> bool:
    """Whether the dtype of a tensor is complex. Errors: TypeError for anything but a tensor."""
    return _tensor(input, "is_complex").array.dtype.kind == "c"


@public
def is_nonzero(input: Tensor) -> bool:
    """Whether the only element of a tensor is not zero. Errors: RuntimeError unless there is exactly one."""
    x = _tensor(input, "is_nonzero").array
    if x.size != 1:
        raise RuntimeError(f"is_nonzero: Boolean value of Tensor with {x.size} elements is ambiguous; "
                           f"try .any() or .all()")
    return bool(x.reshape(()))


@public
def is_signed(input: Tensor) -> bool:
    """Whether the dtype of a tensor can be negative.

        >>> import minidl
        >>> minidl.is_signed(minidl.tensor([1])), minidl.is_signed(minidl.tensor([1], dtype=minidl.uint8))
        (True, False)
    """
    return _tensor(input, "is_signed").array.dtype.kind not in "bu"


@public
def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape.

        >>> import minidl
        >>> minidl.is_same_size(minidl.zeros(2, 3), minidl.zeros(3, 2))
        False
    """
    return _tensor(input, "is_same_size").array.shape == _tensor(other, "is_same_size").array.shape


@public
def is_inference(input: Tensor) -> bool:
    """Whether a tensor, or what it is a view of, was made in `inference_mode`.

        >>> import minidl
        >>> with minidl.inference_mode():
        ...     x = minidl.ones(2)
        >>> minidl.is_inference(x), minidl.is_inference(x + 1)
        (True, False)
    """
    return _tensor(input, "is_inference").version is INFERENCE


@public
def get_device(input: Tensor) -> int:
    """The number of the GPU that holds a tensor; -1 on the CPU."""
    return _tensor(input, "get_device").get_device()


@public
def is_distributed(input: Tensor) -> bool:
    """False: a tensor is always on one device."""
    return _tensor(input, "is_distributed") is None


@public
def typename(obj: Any) -> str:
    """The name of an object's type, with its module unless builtin.

        >>> import minidl
        >>> minidl.typename(minidl.zeros(2)), minidl.typename(3.5)
        ('minidl.tensors.tensor.Tensor', 'float')
    """
    if hasattr(obj, "__qualname__"):
        module, name = getattr(obj, "__module__", None) or "", obj.__qualname__
    else:
        module, name = type(obj).__module__, type(obj).__qualname__
    return name if module in ("", "builtins") else f"{module}.{name}"


@public
def broadcast_shapes(*shapes: Any) -> Size:
    """The shape that tensors of these shapes broadcast to; a number is a shape of one dimension.

    Errors: RuntimeError where they cannot be broadcast.

        >>> import minidl
        >>> minidl.broadcast_shapes((2,), (3, 1), (1, 1, 1))
        (1, 3, 2)
    """
    given = [sizes_of(shape) for shape in shapes]
    if any(n < 0 for shape in given for n in shape):
        raise RuntimeError(f"broadcast_shapes: Trying to create tensor with negative dimension: {given}")
    return size_of(broadcast_shape("broadcast_shapes", (), *given))


@public
def numel(input: Tensor) -> int:
    """The number of elements of a tensor. Errors: TypeError for anything but a tensor.

        >>> import minidl
        >>> minidl.numel(minidl.zeros(2, 3))
        6
    """
    return math.prod(_tensor(input, "numel").array.shape)


def _tensor(x: Any, who: str) -> Any:
    if not isinstance(x, TensorBase):
        raise TypeError(f"{who}(): argument 'input' (position 1) must be Tensor, not {type(x).__name__}; "
                        f"{suggest_tensor(x)}")
    return x
