"""RandomErasing: a network should not rely on a few places only."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from minidl.nn.module import Module
from minidl.ops.base import check_floating, check_tensors
from minidl.tensors.creation import from_numpy, randn, tensor
from minidl.tensors.tensor import Tensor
from minidl.vision.transforms.draws import draw_integer, draw_normal, draw_uniform
from minidl.vision.transforms.functional import erase


class RandomErasing(Module):
    """With probability p, overwrite a random rectangle of an image (..., C, H, W).

    scale: a range for its share of the image's area. ratio: a range for the ratio of its sides, drawn so that 1/r is as
    likely as r. value: a number, one for each channel, or "random" for normally distributed ones. inplace: write into
    the image. If no rectangle fits in ten draws, the image does not change. The images of a batch get the same
    rectangle.

    A square of fixed size, as in Cutout, is `RandomErasing(p=1.0, scale=(a, a), ratio=(1, 1))`.
    Errors: ValueError for a probability or a scale that is not between 0 and 1, a range from high to low, or another
    number of values; TypeError for arguments of another type; RuntimeError for "random" in an image of integers.
    Source: Zhong et al., "Random Erasing Data Augmentation", 2017, https://arxiv.org/abs/1708.04896; DeVries and
    Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", 2017,
    https://arxiv.org/abs/1708.04552

        >>> import minidl
        >>> from minidl.vision import transforms
        >>> cutout = transforms.RandomErasing(p=1.0, scale=(0.25, 0.25), ratio=(1, 1))
        >>> cutout(minidl.ones(3, 8, 8)).sum().item()       # a square of 4 x 4 is missing
        144.0
    """

    def __init__(self, p: float = 0.5, scale: Sequence[float] = (0.02, 0.33), ratio: Sequence[float] = (0.3, 3.3),
                 value: float | Sequence[float] | str = 0, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"Random erasing probability should be between 0 and 1, but got p={p}")
        if not isinstance(value, (int, float, str, tuple, list)):
            raise TypeError(f"Argument value should be either a number or str or a sequence, but got {value!r}")
        if isinstance(value, str) and value != "random":
            raise ValueError(f"If value is str, it should be 'random', but got {value!r}")
        for name, pair in (("Scale", scale), ("Ratio", ratio)):
            if not isinstance(pair, (tuple, list)):
                raise TypeError(f"{name} should be a sequence, but got {pair!r}")
            if len(pair) != 2 or pair[0] > pair[1]:
                raise ValueError(f"{name} should be of kind (min, max), but got {pair}")
        if scale[0] < 0 or scale[1] > 1:
            raise ValueError(f"Scale should be between 0 and 1, but got {scale}")
        if ratio[0] <= 0:
            raise ValueError(f"Ratio should be greater than 0, but got {ratio}")
        self.p = p
        self.scale = scale
        self.ratio = ratio
        self.value = value
        self.inplace = inplace

    @staticmethod
    def get_params(img: Tensor, scale: Sequence[float], ratio: Sequence[float],
                   value: list[float] | None = None) -> tuple[int, int, int, int, Tensor]:
        """Draw row and column of the first pixel, height, width, and what to write there.

        value: numbers for all channels or each; None for normally distributed ones. If no rectangle fits, it is the
        whole image, and what to write is the image.
        """
        C, H, W = img.shape[-3:]
        hole = draw_hole(H, W, scale, ratio)
        if hole is None:
            return 0, 0, H, W, img
        if value is None:
            return *hole, from_numpy(draw_normal(C, *hole[2:]))
        return *hole, tensor(value)[:, None, None]

    def forward(self, inpt: Tensor) -> Tensor:
        check_tensors("RandomErasing", inpt=inpt)
        if inpt.ndim < 3:
            raise RuntimeError(f"RandomErasing: expected images (..., C, H, W), but got {tuple(inpt.shape)}")
        *_, C, H, W = inpt.shape
        if isinstance(self.value, (tuple, list)) and len(self.value) not in (1, C):
            raise ValueError(f"If value is a sequence, it should have either a single value or {C} values, one for "
                             f"each channel, but got {len(self.value)}")
        if draw_uniform() >= self.p:
            return inpt
        rectangle = draw_hole(H, W, self.scale, self.ratio)
        if rectangle is None:
            return inpt
        return erase(inpt, *rectangle, self._values(inpt, C, *rectangle[2:]), self.inplace)

    def _values(self, inpt: Tensor, C: int, h: int, w: int) -> Any:
        """The values to write."""
        if self.value == "random":
            check_floating('RandomErasing(value="random")', inpt=inpt)
            return randn(C, h, w, dtype=inpt.dtype, device=inpt.device)
        if isinstance(self.value, (tuple, list)):
            return tensor(self.value, dtype=inpt.dtype, device=inpt.device)[:, None, None]
        return self.value

    def extra_repr(self) -> str:
        return f"p={self.p}, scale={self.scale}, ratio={self.ratio}, value={self.value}, inplace={self.inplace}"


def draw_hole(height: int, width: int, scale: Sequence[float],
              ratio: Sequence[float]) -> tuple[int, int, int, int] | None:
    """Draw row and column of the first pixel, height and width; None if none fits in ten draws."""
    for _ in range(10):
        area = height * width * draw_uniform(scale[0], scale[1])
        shape = math.exp(draw_uniform(math.log(ratio[0]), math.log(ratio[1])))
        h, w = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
        if h < height and w < width:
            return draw_integer(0, height - h + 1), draw_integer(0, width - w + 1), h, w
    return None
