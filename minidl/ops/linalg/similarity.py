"""The similarity of two vectors: their angle, their distance, or a learned bilinear form."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minidl.backend.device import array_module
from minidl.ops.base.broadcast import broadcast_shape, expand_to
from minidl.ops.base.checks import check_floating
from minidl.ops.base.declaration import public
from minidl.ops.elementwise.selection import clamp
from minidl.ops.index.items import GetItem
from minidl.ops.linalg.contraction import einsum
from minidl.ops.reduce.sums import sum
from minidl.ops.reduce.vector_norm import norm
from minidl.ops.shape.views import array_of

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


@public
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between x1 and x2 along `dim`: their product divided by both lengths.

    Shapes are broadcast. Lengths below eps count as eps.
    Errors: IndexError where there is no such dimension, RuntimeError where shapes or dtypes do not fit.

        >>> import minidl
        >>> minidl.nn.functional.cosine_similarity(minidl.tensor([1., 0.]), minidl.tensor([1., 1.]), dim=0)
        tensor(0.7071)
    """
    check_floating("cosine_similarity", x1=x1, x2=x2)
    shape = broadcast_shape("cosine_similarity", x1.shape, x2.shape)
    x1, x2 = expand_to(x1, shape), expand_to(x2, shape)
    lengths = [clamp(norm(x, 2, dim), min=eps) for x in (x1, x2)]
    return sum(x1 * x2, dim) / (lengths[0] * lengths[1])


@public
def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The p-norm of x1 - x2 + eps along the last axis: the distance between rows i of both.

    x1 and x2 (N, D) or (D,), broadcast. eps keeps the distance from 0, where the norm has no gradient.
    Errors: RuntimeError where shapes or dtypes do not fit.

        >>> import minidl
        >>> minidl.nn.functional.pairwise_distance(minidl.tensor([[0., 0.]]), minidl.tensor([[3., 4.]]))
        tensor([5.0000])
    """
    check_floating("pairwise_distance", x1=x1, x2=x2)
    return norm(x1 - x2 + eps, p, -1, keepdim)


@public
def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """The p-norm distances of all pairs of rows of (N, D): (N*(N-1)/2,).

    The order is (0, 1), (0, 2), ..., (1, 2), ... as in SciPy's `pdist`. Memory: N*(N-1)/2 * D numbers.
    Errors: RuntimeError unless `input` is floating and 2-D, and p not negative.

        >>> import minidl
        >>> minidl.nn.functional.pdist(minidl.tensor([[0., 0.], [3., 4.], [0., 1.]]))
        tensor([5.0000, 1.0000, 4.2426])
    """
    check_floating("pdist", input=input)
    if input.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.ndim}D")
    if p < 0:
        raise RuntimeError(f"pdist only supports non-negative p values, but got {p}")
    xp = array_module(array_of(input))
    first, second = (xp.asarray(rows) for rows in np.triu_indices(len(input), 1))
    return norm(GetItem(first)(input) - GetItem(second)(input), p, 1)


@public
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """y_k = x1^T W_k x2 + b_k: one similarity of two vectors for each matrix W_k.

    input1 (*, I), input2 (*, J), weight (K, I, J), bias (K,) or None -> (*, K)
    Errors: RuntimeError where shapes or dtypes do not fit.

        >>> import minidl
        >>> x, y = minidl.tensor([1., 2.]), minidl.tensor([3., 4.])
        >>> minidl.nn.functional.bilinear(x, y, minidl.eye(2)[None])       # the dot product
        tensor([11.])
    """
    check_floating("bilinear", input1=input1, input2=input2, weight=weight, bias=bias)
    if weight.ndim != 3:
        raise RuntimeError(f"bilinear(): expected weight to be (K, I, J), but got {tuple(weight.shape)}")
    if input1.ndim != input2.ndim or input1.shape[:-1] != input2.shape[:-1]:
        raise RuntimeError(f"bilinear(): input batch dimensions do not match: got {tuple(input1.shape)} and "
                           f"{tuple(input2.shape)}")
    for name, x, expected in (("input1", input1, weight.shape[1]), ("input2", input2, weight.shape[2])):
        if not x.ndim or x.shape[-1] != expected:
            raise RuntimeError(f"bilinear(): {name} size does not match weight size: got {name} {tuple(x.shape)} but "
                               f"expected (*, {expected}) for weight {tuple(weight.shape)}")
    if bias is not None and tuple(bias.shape) != (len(weight),):
        raise RuntimeError(f"bilinear(): bias size does not match weight size: got {tuple(bias.shape)} but expected "
                           f"({len(weight)},)")
    y = einsum("...i,kij,...j->...k", input1, weight, input2)
    return y if bias is None else y + bias
