"""Tensors that say what they are: images, videos, masks, boxes, key points (torchvision's `tv_tensors`).

The transforms of `transforms.v2` treat each kind in its own way. To all other functions they are tensors, and what
these return is a plain Tensor; `clone`, `to`, `detach`, `requires_grad_` and `pin_memory` keep the kind.

    >>> import minidl
    >>> boxes = BoundingBoxes([[1., 2., 5., 8.]], format="XYXY", canvas_size=(10, 20))
    >>> type(boxes + 1).__name__, type(boxes.clone()).__name__
    ('Tensor', 'BoundingBoxes')
"""
from __future__ import annotations

import contextlib
import functools
import inspect
import re
from collections.abc import Callable
from enum import Enum
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
from PIL import Image as pillow

from minidl.autograd.around import around_ops
from minidl.tensors.creation import as_tensor
from minidl.tensors.tensor import Tensor
from minidl.vision.transforms.functional import pil_to_tensor

V = TypeVar("V", bound="TVTensor")


class TVTensor(Tensor):
    """Base class of tensors that say what they are. A subclass may bring attributes, and a `wrap` that sets them."""

    def __new__(cls, *data: Any, **_: Any) -> Any:
        return Tensor(*data).as_subclass(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        """`__new__` has done all."""

    @staticmethod
    def _to_tensor(data: Any, dtype: np.dtype | None = None, device: Any = None,
                   requires_grad: bool | None = None) -> Tensor:
        if requires_grad is None:
            requires_grad = isinstance(data, Tensor) and data.requires_grad
        return as_tensor(data, dtype=dtype, device=device).requires_grad_(requires_grad)

    @classmethod
    def wrap(cls, tensor: Tensor, like: TVTensor, **kwargs: Any) -> Any:
        """The tensor as an instance of this class. kwargs: attributes that differ from those of `like`."""
        return tensor.as_subclass(cls)

    def _of_this_kind(self, tensor: Tensor) -> Any:
        """The tensor in this class, with these attributes, whatever its shape."""
        result = tensor.as_subclass(type(self))
        vars(result).update(self._attributes())
        return result

    def clone(self) -> Any:  # type: ignore[override]
        """A copy of the same kind."""
        return self._of_this_kind(super().clone())

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """The same kind in another dtype, on another device, or both; see `Tensor.to`."""
        return self._of_this_kind(super().to(*args, **kwargs))

    def detach(self) -> Any:
        """The same memory and kind without the history."""
        return self._of_this_kind(super().detach())

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        result = memo[id(self)] = self.detach().clone().requires_grad_(self.requires_grad)
        return result

    def __repr__(self) -> str:
        return self._repr_with()

    def _repr_with(self, **attributes: Any) -> str:
        shown = "".join(f", {name}={value}" for name, value in attributes.items())
        return f"{self._repr_as(type(self).__name__)[:-1]}{shown})"


def _returning_plain(method: Callable[..., Any]) -> Callable[..., Any]:
    """The method of a tensor, but where it returns the tensor itself, as `add_` and `cpu` do, as a plain Tensor."""
    @functools.wraps(method)
    def called(self: TVTensor, *args: Any, **kwargs: Any) -> Any:
        result = method(self, *args, **kwargs)
        return result.as_subclass(Tensor) if result is self and not _return_type.keeps_kind else result
    return called


_MAY_RETURN_SELF = re.compile("[a-z].*|__i(add|sub|mul|truediv|floordiv|mod|pow|and|or|xor|lshift|rshift)__")

for _name, _method in inspect.getmembers(Tensor, inspect.isfunction):
    if (_MAY_RETURN_SELF.fullmatch(_name) and _name not in vars(TVTensor)
            and _name not in ("requires_grad_", "pin_memory")):
        setattr(TVTensor, _name, _returning_plain(_method))


# ---------------------------------------------------------------------- what operations return

class _ReturnType(contextlib.ExitStack):
    """Whether operations keep the kind, a switch for the whole program."""

    keeps_kind = False

    def set(self, keeps_kind: bool) -> None:
        self.close()
        self.keeps_kind = keeps_kind
        if keeps_kind:
            self.enter_context(around_ops.added(_keep_kind))


def _keep_kind(call: Callable[..., Any], op: Any, *inputs: Any) -> Any:
    """Around every op: what is computed from an Image is an Image."""
    result = call(op, *inputs)
    like = next((x for x in inputs if isinstance(x, TVTensor)), None)
    if like is None:
        return result
    return tuple(map(like._of_this_kind, result)) if isinstance(result, tuple) else like._of_this_kind(result)


_return_type = _ReturnType()


class set_return_type:
    """Choose what operations on tv_tensors return: "Tensor" (the default), or "TVTensor" for the same kind.

    It holds from the call on, or in a `with` block. Transforms return what they are given in any case.
    Errors: ValueError for another name.

        >>> import minidl
        >>> image = Image(minidl.zeros(3, 2, 2))
        >>> with set_return_type("TVTensor"):
        ...     print(type(image + 1).__name__)
        Image
    """

    def __init__(self, return_type: str) -> None:
        kinds = {"tensor": False, "tvtensor": True}
        if return_type.lower() not in kinds:
            raise ValueError(f"return_type must be 'TVTensor' or 'Tensor', got {return_type}")
        self._before = _return_type.keeps_kind
        _return_type.set(kinds[return_type.lower()])

    def __enter__(self) -> set_return_type:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        _return_type.set(self._before)


def wrap(wrappee: Tensor, *, like: Any, **kwargs: Any) -> Any:
    """The tensor as an instance of the class of `like`, with its attributes.

    kwargs: attributes that differ, for instance `canvas_size` of boxes.

        >>> import minidl
        >>> boxes = BoundingBoxes([[1., 2., 5., 8.]], format="XYXY", canvas_size=(10, 20))
        >>> wrap(boxes * 2, like=boxes, canvas_size=(20, 40)).canvas_size
        (20, 40)
    """
    method = getattr(type(like), "wrap", None)
    return wrappee.as_subclass(type(like)) if method is None else method(wrappee, like, **kwargs)


# ---------------------------------------------------------------------- the kinds

class Image(TVTensor):
    """An image (..., C, H, W).

    data: what `minidl.as_tensor` takes, or a PIL image; (H, W) becomes (1, H, W). dtype, device, requires_grad: by
    default those of the data. Errors: ValueError for fewer than two dimensions.

        >>> Image([[1, 2], [3, 4]]).shape
        (1, 2, 2)
    """

    def __new__(cls, data: Any, *, dtype: np.dtype | None = None, device: Any = None,
                requires_grad: bool | None = None) -> Any:
        data = pil_to_tensor(data) if isinstance(data, pillow.Image) else data
        tensor = cls._to_tensor(data, dtype, device, requires_grad)
        if tensor.ndim < 2:
            raise ValueError(f"Tensor must be 2D or higher, got {tensor.ndim}D tensor.")
        return (tensor[None] if tensor.ndim == 2 else tensor).as_subclass(cls)


class Video(TVTensor):
    """A video (..., T, C, H, W) of T images.

    data: what `minidl.as_tensor` takes. dtype, device, requires_grad: by default those of the data.
    Errors: ValueError for fewer than four dimensions.
    """

    def __new__(cls, data: Any, *, dtype: np.dtype | None = None, device: Any = None,
                requires_grad: bool | None = None) -> Any:
        tensor = cls._to_tensor(data, dtype, device, requires_grad)
        if tensor.ndim < 4:
            raise ValueError(f"Tensor must be 4D or higher, got {tensor.ndim}D tensor.")
        return tensor.as_subclass(cls)


class Mask(TVTensor):
    """Masks (..., H, W): classes of pixels, or one mask for each object.

    data: what `minidl.as_tensor` takes, or a PIL image. dtype, device, requires_grad: by default those of the data.
    """

    def __new__(cls, data: Any, *, dtype: np.dtype | None = None, device: Any = None,
                requires_grad: bool | None = None) -> Any:
        data = pil_to_tensor(data) if isinstance(data, pillow.Image) else data
        return cls._to_tensor(data, dtype, device, requires_grad).as_subclass(cls)


class BoundingBoxFormat(Enum):
    """What the numbers of a box are.

    X, Y: corners; W, H: sides; CX, CY: the centre; R: the angle, in degrees, counter-clockwise. The formats with an R,
    and XYXYXYXY (four corners: top left, top right, bottom right, bottom left), are of rotated boxes.
    """

    XYXY = "XYXY"
    XYWH = "XYWH"
    CXCYWH = "CXCYWH"
    XYWHR = "XYWHR"
    CXCYWHR = "CXCYWHR"
    XYXYXYXY = "XYXYXYXY"


def is_rotated_bounding_format(format: BoundingBoxFormat | str) -> bool:
    """Whether boxes of this format may be rotated. Errors: ValueError unless it is a format or a name."""
    if not isinstance(format, (BoundingBoxFormat, str)):
        raise ValueError(f"format should be str or BoundingBoxFormat, got {type(format)}")
    return (format if isinstance(format, str) else format.value) in ("XYWHR", "CXCYWHR", "XYXYXYXY")


class BoundingBoxes(TVTensor):
    """Boxes (N, 4) of one image, or rotated boxes (N, 5) or (N, 8).

    data: what `minidl.as_tensor` takes; one box (4,) becomes (1, 4). format: a `BoundingBoxFormat`, or its name.
    canvas_size: height and width of the image. clamping_mode: what a transform does with boxes that it has moved
    outside: None leaves them. Others are clamped to the image; a rotated box becomes the smallest around what is inside
    ("soft") or the largest inside ("hard"). A sample has one such tensor.
    Errors: ValueError for more than two dimensions, another clamping mode, and rotated boxes of whole numbers; KeyError
    for an unknown format.
    """

    format: BoundingBoxFormat
    canvas_size: tuple[int, int]
    clamping_mode: str | None

    def __new__(cls, data: Any, *, format: BoundingBoxFormat | str, canvas_size: tuple[int, int],
                clamping_mode: str | None = "soft", dtype: np.dtype | None = None, device: Any = None,
                requires_grad: bool | None = None) -> Any:
        tensor = cls._to_tensor(data, dtype, device, requires_grad)
        if not tensor.is_floating_point() and is_rotated_bounding_format(format):
            raise ValueError(f"Rotated bounding boxes should be floating point tensors, got {tensor.dtype}.")
        return cls._wrap(tensor, format=format, canvas_size=canvas_size, clamping_mode=clamping_mode)

    @classmethod
    def _wrap(cls, tensor: Tensor, *, format: BoundingBoxFormat | str, canvas_size: tuple[int, int],
              clamping_mode: str | None = "soft") -> Any:
        if tensor.ndim not in (1, 2):
            raise ValueError(f"Expected a 1D or 2D tensor, got {tensor.ndim}D")
        if clamping_mode not in (None, "hard", "soft"):
            raise ValueError(f"clamping_mode must be None, hard or soft, got {clamping_mode}.")
        boxes = (tensor[None] if tensor.ndim == 1 else tensor).as_subclass(cls)
        boxes.format = BoundingBoxFormat[format.upper()] if isinstance(format, str) else format
        boxes.canvas_size = canvas_size
        boxes.clamping_mode = clamping_mode
        return boxes

    @classmethod
    def wrap(cls, tensor: Tensor, like: Any, **kwargs: Any) -> Any:
        """The tensor as boxes like others; kwargs: what differs of format, canvas_size and clamping_mode."""
        names = ("format", "canvas_size", "clamping_mode")
        return cls._wrap(tensor, **{name: kwargs.get(name, getattr(like, name)) for name in names})

    def __repr__(self) -> str:
        return self._repr_with(format=self.format, canvas_size=self.canvas_size, clamping_mode=self.clamping_mode)


class KeyPoints(TVTensor):
    """Points (..., 2) of one image, x and y: single points, polygons, skeletons.

    data: what `minidl.as_tensor` takes; one point (2,) becomes (1, 2). canvas_size: height and width of the image. A
    sample has one such tensor. Errors: ValueError for another last dimension.
    """

    canvas_size: tuple[int, int]

    def __new__(cls, data: Any, *, canvas_size: tuple[int, int], dtype: np.dtype | None = None, device: Any = None,
                requires_grad: bool | None = None) -> Any:
        return cls._wrap(cls._to_tensor(data, dtype, device, requires_grad), canvas_size=canvas_size)

    @classmethod
    def _wrap(cls, tensor: Tensor, *, canvas_size: tuple[int, int]) -> Any:
        if tensor.ndim != 1 and tensor.shape[-1:] != (2,):
            raise ValueError(f"Expected a tensor of shape (..., 2), not {tensor.shape}")
        points = (tensor[None] if tensor.ndim == 1 else tensor).as_subclass(cls)
        points.canvas_size = canvas_size
        return points

    @classmethod
    def wrap(cls, tensor: Tensor, like: Any, **kwargs: Any) -> Any:
        """The tensor as points like others; kwargs: a canvas_size that differs."""
        return cls._wrap(tensor, canvas_size=kwargs.get("canvas_size", like.canvas_size))

    def __repr__(self) -> str:
        return self._repr_with(canvas_size=self.canvas_size)
