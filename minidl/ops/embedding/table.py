"""Map integers to vectors: one-hot rows, or rows of a learned table."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.grad_mode import no_grad
from minidl.autograd.op import Value
from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.backend.device import Array, array_module, library_of
from minidl.backend.kernels.scatter import scatter_add
from minidl.ops.base.declaration import public
from minidl.ops.index.along_axis import MaskedFill, check_range, positions_of
from minidl.ops.index.items import GetItem, ScatterAdd, setitem
from minidl.ops.reduce.vector_norm import norm
from minidl.ops.shape.views import Reshape, array_of, as_result
from minidl.ops.sparse.sparse_tensor import SparseTensor

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


@public
def one_hot(input: Tensor, num_classes: int = -1) -> Tensor:
    """One-hot rows: zeros, with a 1 at the class, for every integer: (...) -> (..., classes), int64.

    Without `num_classes`, it is the largest class + 1. Errors: RuntimeError for classes out of range.

        >>> import minidl
        >>> minidl.nn.functional.one_hot(minidl.tensor([0, 2]), num_classes=3)
        tensor([[1, 0, 0],
                [0, 0, 1]])
    """
    labels = array_of(input)
    if labels.dtype.kind not in "iu":
        raise RuntimeError(f"one_hot is only applicable to integer tensors, but got {labels.dtype}; try .long()")
    if not labels.size and num_classes <= 0:
        raise RuntimeError("one_hot: Can not infer total number of classes from empty tensor; give num_classes")
    if type(labels) is not np.ndarray and num_classes > 0:      # not to wait for a GPU
        library_of(labels).assert_in_range(labels, 0, num_classes, RuntimeError, (
            f"one_hot: Class values must be non-negative and smaller than num_classes, but got {{position}} with "
            f"num_classes={num_classes}"))
    else:
        num_classes = _number_of_classes(labels, num_classes)
    xp = array_module(labels)
    return as_result(wrap((labels[..., None] == xp.arange(num_classes)).astype(np.int64)))


def _number_of_classes(labels: Array, given: int) -> int:
    """The number of classes, if it is not given as -1. Errors: RuntimeError where a label is not below it."""
    low, high = (int(labels.min()), int(labels.max())) if labels.size else (0, -1)
    if low < 0:
        raise RuntimeError(f"one_hot: Class values must be non-negative, but got {low}")
    classes = high + 1 if given == -1 else given
    if high >= classes:
        raise RuntimeError(f"one_hot: Class values must be smaller than num_classes, but got {high} with "
                           f"num_classes={classes}")
    return classes


class Embedding(GetItem):
    """y = weight[rows]; the gradients of a repeated row add up, and the padding row has none.

    by_frequency: each row's gradient is divided by the number of times it was looked up. sparse: the gradient of a leaf
    has only the rows that were looked up.
    """

    def __init__(self, rows: Array, padding_idx: int | None, by_frequency: bool, sparse: bool = False) -> None:
        super().__init__(rows)
        self.padding_idx, self.by_frequency, self.sparse = padding_idx, by_frequency, sparse

    def grad_x(self, g: Value) -> Value:
        if self.sparse and self.edges[0][0].is_leaf:    # type: ignore[index]
            return self.sparse_gradient(g)
        xp, places = array_module(self.places), self.places
        if self.padding_idx is not None:
            g = MaskedFill((places == self.padding_idx)[..., None])(g, 0.0)
        if self.by_frequency:
            counts = scatter_add(xp.ones(places.size), places.reshape(-1), self.x_shape[:1])    # `bincount` would wait
            share = (1 / counts[places][..., None]).astype(g.dtype)
            g = g * (wrap(share) if isinstance(g, TensorBase) else share)
        return ScatterAdd(places, self.x_shape).watch_as(self)(g)

    def sparse_gradient(self, g: Value) -> Value:
        """The gradient as a sparse tensor: the rows as they were looked up, one at a time."""
        if self.by_frequency:
            raise RuntimeError("embedding_backward: scale_grad_by_freq not supported with sparse gradients")
        rows = self.places.reshape(-1)
        values: Any = Reshape((rows.size, self.x_shape[1]))(g if isinstance(g, TensorBase) else wrap(g))
        if self.padding_idx is not None:
            kept = array_module(rows).nonzero(rows != self.padding_idx)[0]
            rows, values = rows[kept], GetItem(kept, once=True)(values)
        return SparseTensor(rows[None], values, self.x_shape)


@public
def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None, max_norm: float | None = None,
              norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False) -> Tensor:
    """Look up rows of `weight` (V, D) by the integers of `input` (...): the result is (..., D).

    padding_idx: the row that gets no gradient. max_norm: looked-up rows with a larger `norm_type`-norm are first scaled
    down to it, in place. scale_grad_by_freq: the gradient of each row is divided by the number of times it was looked
    up. sparse: the gradient of `weight`, where it is a leaf, is a sparse tensor of the rows that were looked up; not
    together with scale_grad_by_freq.
    Errors: IndexError where there is no such row, RuntimeError for other shapes and dtypes.

        >>> import minidl
        >>> table = minidl.tensor([[0., 0.], [1., 2.], [3., 4.]])
        >>> minidl.nn.functional.embedding(minidl.tensor([2, 1]), table)
        tensor([[3., 4.],
                [1., 2.]])
    """
    rows = positions_of(input, weight, "embedding")
    if weight.ndim != 2:
        raise RuntimeError(f"embedding: 'weight' must be 2-D, but got shape {weight.shape}")
    check_range("embedding", rows, 0, len(weight), IndexError)
    if padding_idx is not None:
        padding_idx = normalize_padding(padding_idx, len(weight))
    if max_norm is not None and rows.size:
        clip_norms(weight, rows, max_norm, norm_type)
    return Embedding(rows, padding_idx, scale_grad_by_freq, sparse).watch(input)(weight)


def clip_norms(weight: Any, rows: Array, max_norm: float, norm_type: float) -> None:
    """Scale rows down to the norm max_norm, in place, without a graph."""
    xp, values = array_module(rows), array_of(weight)
    rows = xp.unique(rows)
    lengths = norm(values[rows], norm_type, 1, keepdim=True)
    shorter = values[rows] * xp.where(lengths > max_norm, max_norm / (lengths + 1e-7), 1).astype(values.dtype)
    if not isinstance(weight, TensorBase):
        weight[rows] = shorter
        return
    with no_grad():
        setitem(weight, wrap(rows), wrap(shorter))


def normalize_padding(padding_idx: int, rows: int) -> int:
    """Count the padding row from the front. Errors: RuntimeError where there is no such row."""
    if not -rows <= padding_idx < rows:
        raise RuntimeError(f"embedding: Padding_idx must be within num_embeddings, but got {padding_idx} for "
                           f"{rows} rows")
    return padding_idx % rows
