"""The transforms without their random numbers (torchvision's `transforms.v2.functional`)."""
from __future__ import annotations

from typing import Any

from minidl.tensors.tensor import Tensor


def erase(inpt: Tensor, i: int, j: int, h: int, w: int, v: Any, inplace: bool = False) -> Tensor:
    """An image (..., H, W) with the value v in the rectangle of size (h, w) whose first pixel is (i, j).

    v: a number, or a tensor that broadcasts to (..., h, w), such as (C, 1, 1) for a colour. inplace: write into `inpt`.

        >>> import minidl
        >>> from minidl.vision.transforms import functional
        >>> functional.erase(minidl.ones(1, 2, 3), 0, 1, 2, 2, 0.)
        tensor([[[1., 0., 0.],
                 [1., 0., 0.]]])
    """
    if not isinstance(inpt, Tensor):
        raise TypeError(f"erase(): argument 'inpt' must be Tensor, not {type(inpt).__name__}; try minidl.tensor(...) "
                        f"on it first")
    image = inpt if inplace else inpt.clone()
    image[..., i:i + h, j:j + w] = v
    return image
