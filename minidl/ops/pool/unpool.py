"""Max unpooling: put every maximum back to its place, and 0 elsewhere."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from minidl.autograd.op import Op, Value
from minidl.backend.device import Array, array_module, library_of
from minidl.ops.base.checks import check_floating, numbers
from minidl.ops.base.declaration import public
from minidl.ops.index.along_axis import gather
from minidl.ops.pool.arguments import as_batch, unbatched
from minidl.ops.pool.one_and_three_d import Numbers
from minidl.ops.shape.views import array_of, reshape, unsqueeze

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


class MaxUnpool(Op):
    """y[n, c, indices[n,c,i]] = x[n,c,i], and 0 elsewhere

    Overlapping windows may give equal indices. Their values should then be equal too: one of them is used, and the
    gradient goes to all, as in PyTorch.

    x, indices (N, C, I) -> (N, C, length)
    """

    def __init__(self, length: int) -> None:
        self.length = length

    def forward(self, x: Array, indices: Array) -> Array:
        (N, C, I), xp = x.shape, array_module(x)
        y = xp.zeros((N * C, self.length), dtype=x.dtype)
        y[xp.arange(N * C)[:, None], indices.reshape(N * C, I)] = x.reshape(N * C, I)
        return y.reshape(N, C, self.length)

    def grad_x(self, g: Value, indices: Value) -> Value:
        return gather(g, 2, indices)


@public
def max_unpool1d(input: Tensor, indices: Tensor, kernel_size: Numbers, stride: Numbers | None = None,
                 padding: Numbers = 0, output_size: Any = None) -> Tensor:
    """Partial inverse of `max_pool1d`: (N, C, L') -> (N, C, L), or without N.

    Arguments and errors: as `max_unpool2d`.

        >>> import minidl
        >>> y, indices = minidl.nn.functional.max_pool1d(minidl.tensor([[1., 5., 7., 3.]]), 2, return_indices=True)
        >>> minidl.nn.functional.max_unpool1d(y, indices, 2)
        tensor([[0., 5., 7., 0.]])
    """
    return _unpool("max_unpool1d", 1, input, indices, kernel_size, stride, padding, output_size)


@public
def max_unpool2d(input: Tensor, indices: Tensor, kernel_size: Numbers, stride: Numbers | None = None,
                 padding: Numbers = 0, output_size: Any = None) -> Tensor:
    """Partial inverse of `max_pool2d`: maxima return to their places, the rest is 0.

    input and indices (N, C, H', W') or (C, H', W'), from `max_pool2d(..., return_indices=True)` with the same
    kernel_size, stride and padding. output_size: the size before pooling, (H, W) or with N and C, since several
    sizes lead to one H'; if not given, (H' - 1)*stride - 2*padding + kernel_size.
    Errors: ValueError for an impossible output_size, RuntimeError where shapes differ or an index is outside.

    Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2013,
    https://arxiv.org/abs/1311.2901

        >>> import minidl
        >>> x = minidl.tensor([[[1., 2.], [4., 3.]]])
        >>> minidl.nn.functional.max_unpool2d(*minidl.nn.functional.max_pool2d(x, 2, return_indices=True), 2)
        tensor([[[0., 0.],
                 [4., 0.]]])
    """
    return _unpool("max_unpool2d", 2, input, indices, kernel_size, stride, padding, output_size)


@public
def max_unpool3d(input: Tensor, indices: Tensor, kernel_size: Numbers, stride: Numbers | None = None,
                 padding: Numbers = 0, output_size: Any = None) -> Tensor:
    """Partial inverse of `max_pool3d`: (N, C, D', H', W') -> (N, C, D, H, W), or without N.

    Arguments and errors: as `max_unpool2d`.

        >>> import minidl
        >>> x = minidl.arange(8.).reshape(1, 2, 2, 2)
        >>> minidl.nn.functional.max_unpool3d(*minidl.nn.functional.max_pool3d(x, 2, return_indices=True), 2).flatten()
        tensor([0., 0., 0., 0., 0., 0., 0., 7.])
    """
    return _unpool("max_unpool3d", 3, input, indices, kernel_size, stride, padding, output_size)


def _unpool(who: str, dims: int, input: Any, indices: Any, kernel_size: Any, stride: Any, padding: Any,
            output_size: Any) -> Any:
    check_floating(who, input=input)
    x = as_batch(who, dims, input)
    if indices.dtype.kind not in "iu":
        raise RuntimeError(f"{who}: elements in indices should be type int64 but got: {indices.dtype}")
    if tuple(indices.shape) != tuple(input.shape):
        raise RuntimeError(f"{who}: Expected shape of indices to be same as that of the input tensor "
                           f"({tuple(input.shape)}), but got indices tensor with shape: {tuple(indices.shape)}")
    size = _size(who, dims, x, kernel_size, stride, padding, output_size)
    length, places = math.prod(size), array_of(indices)
    library_of(places).assert_in_range(places, 0, length, RuntimeError, (
        f"{who}: Found an invalid max index: {{position}} (output volumes are of size {' x '.join(map(str, size))}); "
        f"try output_size"))
    flat = (*x.shape[:2], math.prod(x.shape[2:]))
    indices = indices if input.ndim == dims + 2 else unsqueeze(indices, 0)
    y = MaxUnpool(length)(reshape(x, flat), reshape(indices, flat))
    return unbatched(input, dims, reshape(y, (*x.shape[:2], *size)))


def _size(who: str, dims: int, x: Any, kernel_size: Any, stride: Any, padding: Any,
          output_size: Any) -> tuple[int, ...]:
    kernel = numbers(kernel_size, dims, who, "kernel_size", 1)
    stride = kernel if stride is None or stride in ((), []) else numbers(stride, dims, who, "stride", 1)
    padding = numbers(padding, dims, who, "padding", 0)
    default = tuple([(n - 1) * s + k - 2 * p for n, k, s, p in zip(x.shape[2:], kernel, stride, padding)])
    if output_size is None:
        return default
    size = tuple(output_size)
    if len(size) not in (dims, dims + 2):
        raise ValueError(f"{who}: output_size should be a sequence containing {dims} or {dims + 2} elements, but it "
                         f"has a length of '{len(size)}'")
    size = size[-dims:]
    for axis, (wanted, n, s) in enumerate(zip(size, default, stride)):
        if not n - s < wanted < n + s:
            raise ValueError(f"{who}: invalid output_size {size!r} (dim {axis} must be between {n - s} and {n + s})")
    return size
