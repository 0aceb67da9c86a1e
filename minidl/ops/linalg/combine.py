"""Combine elements: blocks on a diagonal, all pairs, all choices, all powers."""
from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.backend.device import array_module
from minidl.ops.base.conversion import cast
from minidl.ops.base.declaration import public
from minidl.ops.base.ufunc import common_dtype
from minidl.ops.index.items import getitem
from minidl.ops.reduce.scan import cumprod
from minidl.ops.shape.join import cat, stack
from minidl.ops.shape.views import ALL, SliceScatter, array_of, atleast_2d, expand, meshgrid, reshape, unsqueeze

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


@public
def block_diag(*tensors: Tensor) -> Tensor:
    """Put matrices one after the other along the diagonal, with zeros elsewhere; vectors count as rows.

    Errors: RuntimeError beyond 2 dimensions.

        >>> import minidl
        >>> minidl.block_diag(minidl.tensor([[1, 2]]), minidl.tensor([[3], [4]]))
        tensor([[1, 2, 0],
                [0, 0, 3],
                [0, 0, 4]])
    """
    if not tensors:
        raise RuntimeError("block_diag: expected at least one tensor")
    for i, x in enumerate(tensors):
        if x.ndim > 2:
            raise RuntimeError(f"block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has "
                               f"{x.ndim} dimensions")
    dtype = common_dtype(*tensors)
    blocks = [atleast_2d(cast(x, dtype)) for x in tensors]
    width, rows, left = sum([x.shape[1] for x in blocks]), [], 0
    for x in blocks:
        height, right = x.shape[0], left + x.shape[1]
        rows.append(SliceScatter((ALL, slice(left, right)), (height, width))(x))
        left = right
    return cat(rows, 0)


@public
def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All ways to take one element of each vector, one row each: (n * m * ..., vectors).

    The last column changes fastest.

    Errors: RuntimeError unless all are vectors.

        >>> import minidl
        >>> minidl.cartesian_prod(minidl.tensor([1, 2]), minidl.tensor([3, 4]))
        tensor([[1, 3],
                [1, 4],
                [2, 3],
                [2, 4]])
    """
    for x in tensors:
        _check_vector("cartesian_prod", x)
    if len(tensors) == 1:
        return tensors[0]
    return stack([reshape(x, (math.prod(x.shape),)) for x in meshgrid(*tensors)], 1)


@public
def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All choices of r elements of a vector, one row each: (ways, r).

    `with_replacement`: an element may be chosen more than once. Errors: RuntimeError unless a vector, or for r < 0.

        >>> import minidl
        >>> minidl.combinations(minidl.tensor([1, 2, 3]))
        tensor([[1, 2],
                [1, 3],
                [2, 3]])
    """
    _check_vector("combinations", input)
    if r < 0:
        raise RuntimeError(f"combinations: Expect a non-negative number, but got {r}")
    if r == 0:
        return input[:0]
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    flat = list(itertools.chain.from_iterable(choose(range(input.shape[0]), r)))
    return getitem(input, array_module(array_of(input)).asarray(flat, dtype=np.int64).reshape(-1, r))


@public
def vander(x: Tensor, N: int | None = None) -> Tensor:
    """The powers x^0, ..., x^(N-1) of every element, along a new axis: (*, n) -> (*, n, N).

    N is n by default. Errors: RuntimeError for a tensor without dimensions, or N < 2.

        >>> import minidl
        >>> minidl.linalg.vander(minidl.tensor([1, 2, 3]))
        tensor([[1, 1, 1],
                [1, 2, 4],
                [1, 3, 9]])
    """
    if x.ndim == 0:
        raise RuntimeError("linalg.vander: Expected dim > 0, but got a tensor without dimensions")
    N = x.shape[-1] if N is None else N
    if N < 2:
        raise RuntimeError(f"linalg.vander: N must be greater than 1, but got {N}")
    column = unsqueeze(x, -1)
    powers = cumprod(expand(column, (*x.shape, N - 1)), -1)     # x, x^2, ..., x^(N-1)
    return cat([cast(column == column, powers.dtype), powers], -1)


def _check_vector(who: str, x: Any) -> None:
    if x.ndim != 1:
        raise RuntimeError(f"{who}: Expect a 1D vector, but got shape {list(x.shape)}")
