"""From integers to vectors: rows of a table, one by one or in bags."""
from __future__ import annotations

from typing import Any

from minidl.autograd.grad_mode import no_grad
from minidl.nn import functional as F
from minidl.nn import init
from minidl.nn.module import Module
from minidl.nn.parameter import Parameter
from minidl.ops.index import zero_
from minidl.tensors.creation import empty
from minidl.tensors.tensor import Tensor


class _Embedding(Module):
    """Base class: the table, its padding row and its norm limit."""

    def __init__(self, num_embeddings: int, embedding_dim: int, padding_idx: int | None, max_norm: float | None,
                 norm_type: float, scale_grad_by_freq: bool, sparse: bool, weight: Tensor | None, freeze: bool,
                 device: Any, dtype: Any) -> None:
        super().__init__()
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise AssertionError(f"{self._get_name()}: Padding_idx must be within num_embeddings, but got "
                                 f"padding_idx={padding_idx}, num_embeddings={num_embeddings}")
        if weight is not None and tuple(weight.shape) != (num_embeddings, embedding_dim):
            raise AssertionError(f"Shape of weight does not match num_embeddings and embedding_dim: expected "
                                 f"{(num_embeddings, embedding_dim)}, but got {tuple(weight.shape)}")
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        if weight is None:
            self.weight = Parameter(empty(num_embeddings, embedding_dim, device=device, dtype=dtype), not freeze)
            self.reset_parameters()
        else:
            self.weight = Parameter(weight, not freeze)

    def reset_parameters(self) -> None:
        """Draw new initial values: normal ones, and zeros for the padding row."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                zero_(self.weight[self.padding_idx])


class Embedding(_Embedding):
    """A table with a row for each of `num_embeddings` integers: y = weight[input].

    input (*), integers -> (*, embedding_dim). weight (num_embeddings, embedding_dim) starts normal with std 1.
    padding_idx: this row starts at zero and receives no gradient. max_norm: a row with a larger
    `norm_type`-norm is scaled down to it, in place, before it is looked up. scale_grad_by_freq: divide each row's
    gradient by how often it was looked up. sparse: the weight's gradient is a sparse tensor, for `optim.SparseAdam`,
    `SGD` or `Adagrad`.
    Errors: AssertionError for a padding_idx that is no row; IndexError in the call where there is no such row.

        >>> import minidl
        >>> from minidl import nn
        >>> words = nn.Embedding(10, 3)
        >>> words(minidl.tensor([[1, 2, 4, 5], [4, 3, 2, 9]])).shape
        (2, 4, 3)
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None,
                 max_norm: float | None = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False,
                 sparse: bool = False, _weight: Tensor | None = None, _freeze: bool = False, device: Any = None,
                 dtype: Any = None) -> None:
        super().__init__(num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse,
                         _weight, _freeze, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(input, self.weight, self.padding_idx, self.max_norm, self.norm_type,
                           self.scale_grad_by_freq, self.sparse)

    @classmethod
    def from_pretrained(cls, embeddings: Tensor, freeze: bool = True, padding_idx: int | None = None,
                        max_norm: float | None = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False,
                        sparse: bool = False) -> Embedding:
        """A layer that shares the memory of this table (V, D).

        The layer is not trained if `freeze`. Errors: AssertionError unless the table is 2-D.

            >>> import minidl
            >>> from minidl import nn
            >>> table = minidl.tensor([[1., 2.3, 3.], [4., 5.1, 6.3]])
            >>> nn.Embedding.from_pretrained(table)(minidl.tensor([1]))
            tensor([[4.0000, 5.1000, 6.3000]])
        """
        return cls(*_rows_and_columns(cls, embeddings), padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse,
                   embeddings, freeze)

    def extra_repr(self) -> str:
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        for name, value, default in (("padding_idx", self.padding_idx, None), ("max_norm", self.max_norm, None),
                                     ("norm_type", self.norm_type, 2),
                                     ("scale_grad_by_freq", self.scale_grad_by_freq, False),
                                     ("sparse", self.sparse, False)):
            if value != default:
                text += f", {name}={value}"
        return text


class EmbeddingBag(_Embedding):
    """The sum, mean or maximum of rows, for each bag of integers.

    A bag is all words of a text, for instance. input (B, n): B bags of n, or (n,) with offsets (B,): bag b begins at
    offsets[b] -> (B, embedding_dim); empty bags give zeros. mode: "sum", "mean" or "max". per_sample_weights, shaped as
    input, multiply the rows first, for mode "sum". include_last_offset: offsets (B+1,) also holds the end of the last
    bag. padding_idx: this row is left out of the bags. Other arguments: as `Embedding`; see `functional.embedding_bag`.
    Errors: as `Embedding`; ValueError and NotImplementedError in the call where shapes or mode do not fit.

        >>> import minidl
        >>> from minidl import nn
        >>> table = minidl.tensor([[1., 10.], [2., 20.], [3., 30.]])
        >>> bags = nn.EmbeddingBag.from_pretrained(table, mode="sum")
        >>> bags(minidl.tensor([0, 2, 1]), offsets=minidl.tensor([0, 2]))
        tensor([[ 4., 40.],
                [ 2., 20.]])
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, max_norm: float | None = None, norm_type: float = 2.0,
                 scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False,
                 _weight: Tensor | None = None, include_last_offset: bool = False, padding_idx: int | None = None,
                 device: Any = None, dtype: Any = None) -> None:
        super().__init__(num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse,
                         _weight, False, device, dtype)
        self.mode = mode
        self.include_last_offset = include_last_offset

    def forward(self, input: Tensor, offsets: Tensor | None = None,
                per_sample_weights: Tensor | None = None) -> Tensor:
        return F.embedding_bag(input, self.weight, offsets, self.max_norm, self.norm_type, self.scale_grad_by_freq,
                               self.mode, self.sparse, per_sample_weights, self.include_last_offset, self.padding_idx)

    @classmethod
    def from_pretrained(cls, embeddings: Tensor, freeze: bool = True, max_norm: float | None = None,
                        norm_type: float = 2.0, scale_grad_by_freq: bool = False, mode: str = "mean",
                        sparse: bool = False, include_last_offset: bool = False,
                        padding_idx: int | None = None) -> EmbeddingBag:
        """A layer that shares the memory of this table (V, D).

        The layer is not trained if `freeze`. Errors: AssertionError unless the table is 2-D.
        """
        layer = cls(*_rows_and_columns(cls, embeddings), max_norm, norm_type, scale_grad_by_freq, mode, sparse,
                    embeddings, include_last_offset, padding_idx)
        layer.weight.requires_grad = not freeze
        return layer

    def extra_repr(self) -> str:
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        for name, value, default in (("max_norm", self.max_norm, None), ("norm_type", self.norm_type, 2),
                                     ("scale_grad_by_freq", self.scale_grad_by_freq, False),
                                     ("mode", repr(self.mode), ""), ("padding_idx", self.padding_idx, None)):
            if value != default:
                text += f", {name}={value}"
        return text


def _rows_and_columns(cls: type, table: Tensor) -> tuple[int, int]:
    """The size of a table. Errors: AssertionError unless it is 2-D."""
    if table.ndim != 2:
        raise AssertionError(f"{cls.__name__}: Embeddings parameter is expected to be 2-dimensional, but got shape "
                             f"{tuple(table.shape)}")
    return table.shape  # type: ignore[return-value]
