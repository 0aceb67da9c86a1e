"""Cut images into columns of patches (unfold), and add columns up to images (fold).

Unfold copies each pixel once for every patch that contains it; fold adds the copies up. So each is the other's
gradient. Convolution is a matrix product with unfolded patches.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minidl.autograd.op import Op, Value
from minidl.backend.device import Array
from minidl.backend.kernels import unfold as kernels
from minidl.backend.kernels.unfold import PatchGeometry, patches_per_axis
from minidl.ops.base.checks import Pair, check_floating, check_images, pair
from minidl.ops.base.declaration import public
from minidl.ops.shape.views import Slice, as_result

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


class Unfold(Op):
    """y[n, (c,u,v), (i,j)] = x[n, c, i*s+u*d-p, j*s+v*d-p];  x (N, C, H, W) -> (N, C*kh*kw, H'*W')"""

    def __init__(self, geometry: PatchGeometry) -> None:
        self.geometry = geometry

    def forward(self, x: Array) -> Array:
        self.size = x.shape[2:]
        return kernels.unfold(x, self.geometry)

    def grad_x(self, g: Value) -> Value:
        return Fold(self.size, self.geometry)(g)


class Fold(Op):
    """y[n, c, i*s+u*d-p, j*s+v*d-p] += x[n, (c,u,v), (i,j)];  x (N, C*kh*kw, H'*W') -> (N, C, H, W)"""

    def __init__(self, size: Pair, geometry: PatchGeometry) -> None:
        self.size, self.geometry = size, geometry

    def forward(self, x: Array) -> Array:
        return kernels.fold(x, self.size, self.geometry)

    def grad_x(self, g: Value) -> Value:
        return Unfold(self.geometry)(g)


@public
def unfold(input: Tensor, kernel_size: int | Pair, dilation: int | Pair = 1, padding: int | Pair = 0,
           stride: int | Pair = 1) -> Tensor:
    """Return every patch under a sliding window as a column.

    input (N, C, H, W) or (C, H, W); returns (N, C*kh*kw, L) or (C*kh*kw, L), where L is the number of positions of
    the window, counted row by row. The other arguments are those of `conv2d`; each may be an int or a pair.
    Errors: RuntimeError where the window does not fit or numbers are out of range, TypeError unless they are ints.

        >>> import minidl
        >>> x = minidl.tensor([[[1., 2., 3.], [4., 5., 6.]]])
        >>> minidl.nn.functional.unfold(x, (2, 2))
        tensor([[1., 2.],
                [2., 3.],
                [4., 5.],
                [5., 6.]])
    """
    check_images("unfold", input)
    check_floating("unfold", input=input)
    geometry = _geometry("unfold", kernel_size, dilation, padding, stride)
    H, W = input.shape[-2:]
    count = patches_per_axis((H, W), geometry)
    if min(count) < 1:
        raise RuntimeError(f"unfold: Given input with spatial size {tuple(input.shape[-2:])}, {_describe(geometry)}, "
                           f"calculated shape of the array of sliding blocks as {count}, but its components must be "
                           f"at least one; try padding or a smaller kernel")
    return as_result(Unfold(geometry)(input[None]), Slice((0,))) if input.ndim == 3 else Unfold(geometry)(input)


@public
def fold(input: Tensor, output_size: int | Pair, kernel_size: int | Pair, dilation: int | Pair = 1,
         padding: int | Pair = 0, stride: int | Pair = 1) -> Tensor:
    """Add columns of patches to the places that `unfold` took them from; overlaps add up.

    input (N, C*kh*kw, L) or (C*kh*kw, L); returns (N, C, *output_size) or (C, *output_size). The other arguments are
    those of `unfold`. fold(unfold(x)) multiplies each pixel by the number of patches that contain it.
    Errors: RuntimeError where the columns do not have the shape that `unfold` gives for that size.

        >>> import minidl
        >>> x = minidl.ones(1, 2, 3)
        >>> minidl.nn.functional.fold(minidl.nn.functional.unfold(x, 2), (2, 3), 2)
        tensor([[[1., 2., 1.],
                 [1., 2., 1.]]])
    """
    check_floating("fold", input=input)
    if input.ndim not in (2, 3):
        raise RuntimeError(f"fold: Expected 2D (unbatched) or 3D (batched) input, (C*kh*kw, L) or (N, C*kh*kw, L), but "
                           f"got: {tuple(input.shape)}")
    geometry = _geometry("fold", kernel_size, dilation, padding, stride)
    size = pair(output_size, "fold", "output_size", 1)
    rows, columns = input.shape[-2:]
    kh, kw = geometry.kernel
    if rows % (kh * kw) or not rows:
        raise RuntimeError(f"fold: Expected size of input's dimension {input.ndim - 2} to be divisible by the product "
                           f"of kernel_size, but got {rows} and kernel_size={geometry.kernel}")
    count = patches_per_axis(size, geometry)
    if min(count) < 1 or columns != count[0] * count[1]:
        raise RuntimeError(f"fold: Given output_size={size}, {_describe(geometry)}, expected size of input's "
                           f"dimension {input.ndim - 1} to match the calculated number of sliding blocks "
                           f"{count[0]} * {count[1]} = {count[0] * count[1]}, but got {columns}")
    return as_result(Fold(size, geometry)(input[None]), Slice((0,))) if input.ndim == 2 else Fold(size, geometry)(input)


def _geometry(who: str, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> PatchGeometry:
    return PatchGeometry(pair(kernel_size, who, "kernel_size", 1), pair(stride, who, "stride", 1),
                         pair(padding, who, "padding", 0), pair(dilation, who, "dilation", 1))


def _describe(geometry: PatchGeometry) -> str:
    return (f"kernel_size={geometry.kernel}, dilation={geometry.dilation}, padding={geometry.padding}, "
            f"stride={geometry.stride}")
