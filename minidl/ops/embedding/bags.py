"""Embeddings summed over bags, such as the words of a text."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.backend.device import Array, array_module
from minidl.backend.kernels.scatter_reduce import scatter_reduce
from minidl.ops.base.broadcast import expand_to
from minidl.ops.base.checks import check_floating
from minidl.ops.base.declaration import public
from minidl.ops.embedding.table import Embedding, clip_norms, normalize_padding
from minidl.ops.index.along_axis import MaskedFill, check_range, positions_of
from minidl.ops.index.items import GetItem, ScatterAdd
from minidl.ops.shape.views import array_of, reshape

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


@public
def embedding_bag(input: Tensor, weight: Tensor, offsets: Tensor | None = None, max_norm: float | None = None,
                  norm_type: float = 2, scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False,
                  per_sample_weights: Tensor | None = None, include_last_offset: bool = False,
                  padding_idx: int | None = None) -> Tensor:
    """Reduce rows of `weight` (V, D) over bags of integers: sum, mean or max.

    input (B, n): B bags of n, or (n,) with offsets (B,): bag b begins at offsets[b] and ends where the next one begins.
    Returns (B, D); an empty bag gives zeros. mode: 'sum', 'mean' or 'max'. per_sample_weights, in the shape of input: a
    factor for each row, for 'sum' only. include_last_offset: offsets (B+1,) also has the end of the last bag.
    padding_idx: this row is left out of the bags. max_norm, scale_grad_by_freq, sparse: as for `embedding`.

    Errors: ValueError where shapes or mode do not fit, and for scale_grad_by_freq or sparse with mode 'max';
    NotImplementedError for weights with another mode than 'sum', IndexError for rows out of range, RuntimeError for
    other dtypes and offsets out of order.

        >>> import minidl
        >>> table = minidl.tensor([[1., 10.], [2., 20.], [3., 30.]])
        >>> words = minidl.tensor([0, 2, 1])
        >>> minidl.nn.functional.embedding_bag(words, table, minidl.tensor([0, 2]), mode="sum")
        tensor([[ 4., 40.],
                [ 2., 20.]])
    """
    who = "embedding_bag"
    if mode == "max" and (scale_grad_by_freq or sparse):
        raise ValueError(f"{who}: max mode does not support "
                         + ("scaling the gradient by the frequency" if scale_grad_by_freq else "sparse weights"))
    check_floating(who, weight=weight, per_sample_weights=per_sample_weights)
    _check(input, weight, mode, per_sample_weights)
    rows = positions_of(input, weight, who)
    check_range("embedding_bag", rows, 0, len(weight), IndexError)
    if max_norm is not None and rows.size:
        clip_norms(weight, rows, max_norm, norm_type)
    bag, count = _bags(rows, offsets, include_last_offset)
    rows, shares = rows.reshape(-1), per_sample_weights
    shares = None if shares is None else reshape(shares, (-1, 1))
    stays = None if padding_idx is None else rows != normalize_padding(padding_idx, len(weight))
    if len(bag) < len(rows):                                      # rows after the last offset are in no bag
        inside = array_module(rows).arange(len(rows)) < len(bag)
        stays = inside if stays is None else stays & inside
    if stays is not None:
        bag, rows = bag[stays[:len(bag)]], rows[stays]
        shares = None if shares is None else GetItem(stays)(shares)
    values = Embedding(rows, None, scale_grad_by_freq, sparse).watch(input)(weight)    # (n, D)
    if mode == "max":
        return _max_per_bag(values, bag, count)
    if shares is not None:
        values = values * expand_to(shares, values.shape)
    y = ScatterAdd(bag, (count, weight.shape[1]))(values)         # (B, D)
    if mode == "sum":
        return y
    xp = array_module(rows)
    sizes = xp.maximum(xp.bincount(bag, minlength=count), 1)[:, None].astype(weight.dtype)
    return y / (wrap(sizes) if isinstance(weight, TensorBase) else sizes)


def _bags(rows: Array, offsets: Any, include_last_offset: bool) -> tuple[Array, int]:
    """The bag that each row belongs to, and the number of bags."""
    xp = array_module(rows)
    if rows.ndim == 2:
        if offsets is not None:
            raise ValueError("embedding_bag: if input is 2D, then offsets has to be None, as input is treated as a "
                             "mini-batch of bags of one length; flatten the input, or leave offsets out")
        return xp.arange(rows.size) // max(1, rows.shape[1]), len(rows)
    if offsets is None or offsets.ndim != 1:
        raise ValueError(f"embedding_bag: offsets has to be a 1D Tensor for 1D input, but got "
                         f"{None if offsets is None else tuple(offsets.shape)}")
    starts = positions_of(offsets, rows, "embedding_bag")
    if include_last_offset and not len(starts):
        raise RuntimeError("embedding_bag: include_last_offset: number of offsets should be at least 1")
    if len(starts) and int(starts[0]):
        raise RuntimeError(f"embedding_bag: offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to "
                           f"start from position 0. However, got {int(starts[0])}")
    if len(starts) and int(starts[-1]) > len(rows):
        raise RuntimeError(f"embedding_bag: offsets[-1] can not be greater than input's length({len(rows)}) but got "
                           f"offsets[-1] of {int(starts[-1])}")
    if bool((starts[1:] < starts[:-1]).any()):
        raise RuntimeError("embedding_bag: offsets have to go up")
    end = int(starts[-1]) if include_last_offset else len(rows) if len(starts) else 0
    starts = starts[:-1] if include_last_offset else starts
    return xp.searchsorted(starts, xp.arange(end), side="right") - 1, len(starts)


def _max_per_bag(values: Any, bag: Array, count: int) -> Any:
    """The largest of each column in each bag, or NaN. Only the first among equals has a gradient."""
    x = array_of(values)
    xp, (n, D) = array_module(x), x.shape
    if not n:
        return ScatterAdd(bag, (count, D))(values)                # zeros
    top = scatter_reduce(xp.full((count, D), -np.inf, x.dtype), bag, x, np.maximum)
    places = xp.where((x == top[bag]) | (x != x), xp.arange(n)[:, None], n)
    first = scatter_reduce(xp.full((count, D), n), bag, places, np.minimum)
    y = GetItem((xp.minimum(first, n - 1), xp.arange(D)))(values)
    return MaskedFill(first == n)(y, 0.0)


def _check(input: Any, weight: Any, mode: str, shares: Any) -> None:
    who = "embedding_bag"
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"{who}: mode has to be one of sum, mean or max, but got {mode!r}")
    if weight.ndim != 2:
        raise RuntimeError(f"{who}: 'weight' must be 2-D, but got shape {tuple(weight.shape)}")
    if input.ndim not in (1, 2):
        raise ValueError(f"{who}: input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}")
    if shares is not None and mode != "sum":
        raise NotImplementedError(f"{who}: per_sample_weights is only supported for mode='sum' (got mode={mode!r})")
    if shares is not None and tuple(shares.shape) != tuple(input.shape):
        raise ValueError(f"{who}: If per_sample_weights ({tuple(shares.shape)}) is not None, then it must have the "
                         f"same shape as the input ({tuple(input.shape)})")
