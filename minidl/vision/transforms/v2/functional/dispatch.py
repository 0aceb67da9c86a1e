"""Which kernel treats which kind of input: a table for each function.

    def horizontal_flip(inpt: I) -> I:
        return call(horizontal_flip, inpt)

    register(horizontal_flip, pil=..., image=horizontal_flip_image, boxes=horizontal_flip_bounding_boxes)

A kernel takes and returns plain tensors. `register` dresses it: metadata such as `canvas_size` are read from the input
where the kernel has a parameter of this name, arguments that it does not have are left away, and the result is wrapped
as the input was.
"""
from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from PIL import Image as pillow

from minidl.ops.base.declaration import parameter_names
from minidl.tensors.tensor import Tensor
from minidl.vision import tv_tensors
from minidl.vision.tv_tensors import TVTensor

I = TypeVar("I", bound=pillow.Image | Tensor)  # noqa: E741
Kernel = Callable[..., Any]

_TABLES: dict[Kernel, dict[type, Kernel]] = {}      # for each function: input type -> kernel


def is_pure_tensor(inpt: Any) -> bool:
    """Whether it is a tensor of no particular kind."""
    return isinstance(inpt, Tensor) and not isinstance(inpt, TVTensor)


def call(functional: Kernel, inpt: Any, **kwargs: Any) -> Any:
    """Apply the kernel for this kind of input."""
    return kernel_for(functional, type(inpt))(inpt, **kwargs)


def kernel_for(functional: Kernel, input_type: type, *, allow_passthrough: bool = False) -> Kernel:
    """The kernel of a function for this type of input.

    A subclass of `TVTensor` never gets the kernel of plain tensors. allow_passthrough: return the input where there is
    no kernel. Errors: TypeError where there is none, ValueError for a function that has no kernels at all.
    """
    table = _TABLES.get(functional)
    if not table:
        raise ValueError(f"No kernel registered for functional {functional.__name__}.")
    for cls in input_type.__mro__:
        if cls in table:
            return table[cls]
        if cls is TVTensor:
            break
    if allow_passthrough:
        return lambda inpt, *args, **kwargs: inpt
    raise TypeError(f"Functional F.{functional.__name__} supports inputs of type "
                    f"{', '.join(cls.__name__ for cls in table)}, but got {input_type} instead.")


def register(functional: Kernel, *, pil: Kernel | None = None, image: Kernel | None = None,
             video: Kernel | None = None, mask: Kernel | None = None, boxes: Kernel | None = None,
             keypoints: Kernel | None = None) -> None:
    """Declare the kernels of a function. A video is treated as images unless it has a kernel of its own."""
    names = parameter_names(functional)[1:]
    table = _TABLES.setdefault(functional, {})
    if pil is not None:
        table[pillow.Image] = pil
    if image or video:
        table[Tensor] = image or video      # type: ignore[assignment]
    dressed: tuple[tuple[Kernel | None, type], ...] = (
        (image, tv_tensors.Image), (video or image, tv_tensors.Video), (mask, tv_tensors.Mask),
        (boxes, tv_tensors.BoundingBoxes), (keypoints, tv_tensors.KeyPoints))
    for kernel, cls in dressed:
        if kernel is not None:
            table[cls] = _dressed(kernel, names)


def _dressed(kernel: Kernel, arguments: tuple[str, ...]) -> Kernel:
    """A kernel of plain tensors for tv_tensors."""
    known = set(parameter_names(inspect.unwrap(kernel)))
    metadata = known & {"format", "canvas_size", "clamping_mode"}

    @functools.wraps(kernel)
    def called(inpt: Any, *args: Any, **kwargs: Any) -> Any:
        given = {**dict(zip(arguments, args)), **kwargs}
        given = {name: value for name, value in given.items() if name in known}
        about = {name: getattr(inpt, name) for name in metadata}
        result = kernel(inpt.as_subclass(Tensor), **given, **about)
        if not isinstance(result, tuple):
            return tv_tensors.wrap(result, like=inpt)
        if hasattr(inpt, "canvas_size"):
            return tv_tensors.wrap(result[0], like=inpt, canvas_size=result[1])
        return tuple([tv_tensors.wrap(part, like=inpt) for part in result])
    return called


def register_inquiry(functional: Kernel, **kernels: Kernel) -> None:
    """Declare the kernels of a function that asks, by the names of the types of input."""
    types = {"pil": pillow.Image, "Tensor": Tensor}
    _TABLES[functional] = {types.get(name) or getattr(tv_tensors, name): kernel for name, kernel in kernels.items()}


def register_kernel(functional: Kernel | str, tv_tensor_cls: type) -> Callable[[Kernel], Kernel]:
    """Declare the decorated function as a kernel for tv_tensors of a class of your own.

    functional: a function of `v2.functional`, or its name. The kernel takes what the function takes and returns what it
    returns. Errors: ValueError for another function, for a class that is no tv_tensor or is built in, and where a
    kernel is there already.

        >>> from minidl.vision import tv_tensors
        >>> from minidl.vision.transforms.v2 import functional as F
        >>> class Scores(tv_tensors.TVTensor):
        ...     pass
        >>> @F.register_kernel("hflip", Scores)
        ... def flip_scores(scores, *args, **kwargs):
        ...     return tv_tensors.wrap(scores.flip(-1), like=scores)
        >>> F.hflip(Scores([1., 2.]))
        Scores([2., 1.])
    """
    space = __name__.rpartition(".")[0]
    if isinstance(functional, str):
        found = getattr(sys.modules[space], functional, None)
        if found is None:
            raise ValueError(f"Could not find functional with name '{functional}' in {space}.")
        functional = found
    elif not (callable(functional) and getattr(functional, "__module__", "").startswith(space)):
        raise ValueError(f"Kernels can only be registered on functionals from the {space} namespace, but got "
                         f"{functional}.")
    if not (inspect.isclass(tv_tensor_cls) and issubclass(tv_tensor_cls, TVTensor)):
        raise ValueError(f"Kernels can only be registered for subclasses of {TVTensor.__module__}.TVTensor, but got "
                         f"{tv_tensor_cls}.")
    if tv_tensor_cls in vars(tv_tensors).values():
        raise ValueError(f"Kernels cannot be registered for the builtin tv_tensor classes, but got {tv_tensor_cls}")
    table = _TABLES.setdefault(functional, {})      # type: ignore[arg-type]
    if tv_tensor_cls in table:
        raise ValueError(f"Functional {functional} already has a kernel registered for type {tv_tensor_cls}.")

    def decorator(kernel: Kernel) -> Kernel:
        table[tv_tensor_cls] = kernel
        return kernel
    return decorator


def for_masks(kernel: Kernel, name: str, **fixed: Any) -> Kernel:
    """A kernel of images as one of masks (..., H, W), under another name, with some arguments fixed."""
    names = parameter_names(inspect.unwrap(kernel))
    known = tuple([parameter for parameter in names if parameter not in fixed])

    @functools.wraps(kernel)
    def mask_kernel(mask: Tensor, *args: Any, **kwargs: Any) -> Any:
        given = {**dict(zip(known[1:], args)), **kwargs, **fixed}
        result = kernel(mask[None] if mask.ndim < 3 else mask, **given)
        return result[0] if mask.ndim < 3 else result

    mask_kernel.__name__ = mask_kernel.__qualname__ = name
    mask_kernel.__doc__ = f"`{kernel.__name__}` for masks (..., H, W)."
    return mask_kernel
