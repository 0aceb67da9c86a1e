"""Vector quantization: each vector is replaced by the nearest one of a learned book."""
from __future__ import annotations

from typing import NamedTuple

from minidl.autograd import no_grad
from minidl.nn import functional as F
from minidl.nn.module import Module
from minidl.tensors.creation import randn, randperm
from minidl.tensors.tensor import Tensor


class Quantized(NamedTuple):
    """vectors: of the book, (N, D, ...); gradients pass to the input as if they were it. codes: their numbers,
    (N, ...), int64. loss: the commitment. perplexity: of the codes in this batch, as if so many were used equally.
    """

    vectors: Tensor
    codes: Tensor
    loss: Tensor
    perplexity: Tensor


class VectorQuantizer(Module):
    """Replaces each vector of (N, D, ...) by the nearest of `size` vectors of a book.

    The nearest vector has no useful slope: gradients go straight through to the input (Bengio et al., 2013). The book
    follows the mean of the vectors that choose each entry, by moving averages with `decay`, while training. The loss,
    weighted with `beta`, keeps the input near its entry. An entry that nobody has chosen for long is dead; it is set
    on a random vector of the batch if its average count falls below `revive`.

    Errors: ValueError if the input has another number of channels than `dim`.
    Source: van den Oord, Vinyals and Kavukcuoglu, "Neural Discrete Representation Learning", 2017; its appendix A.1 for
    the averages.

        >>> import minidl
        >>> from minidl.generative import VectorQuantizer
        >>> quantize = VectorQuantizer(2, 1).eval()
        >>> _ = quantize.book.copy_(minidl.tensor([[0.0], [1.0]]))
        >>> found = quantize(minidl.tensor([[[0.2, 0.9, 0.7]]]))
        >>> found.vectors.tolist(), found.codes.tolist()
        ([[[0.0, 1.0, 1.0]]], [[0, 1, 1]])
    """

    book: Tensor
    counts: Tensor
    sums: Tensor

    def __init__(self, size: int, dim: int, beta: float = 0.25, decay: float = 0.99, revive: float = 0.1) -> None:
        super().__init__()
        if size < 1 or dim < 1:
            raise ValueError(f"VectorQuantizer: expected a book of at least one vector of at least one number, but got "
                             f"size={size}, dim={dim}")
        self.size, self.dim, self.beta, self.decay, self.revive = size, dim, beta, decay, revive
        self.register_buffer("book", randn(size, dim))
        self.register_buffer("counts", self.book.new_ones(size))
        self.register_buffer("sums", self.book.clone())

    def forward(self, x: Tensor) -> Quantized:
        if x.ndim < 2 or x.shape[1] != self.dim:
            raise ValueError(f"VectorQuantizer: expected vectors of {self.dim} numbers along dimension 1, but got "
                             f"{tuple(x.shape)}")
        rows = x.movedim(1, -1).reshape(-1, self.dim)
        with no_grad():
            # the square of the input is the same for every entry
            codes = (self.book.square().sum(1) - 2 * rows @ self.book.T).argmin(1)
            shares = codes.bincount(minlength=self.size) / len(codes)
            perplexity = (-shares.xlogy(shares).sum()).exp()
        nearest = self.book[codes]
        loss = self.beta * F.mse_loss(rows, nearest)
        if self.training:
            self._follow(rows.detach(), F.one_hot(codes, self.size).to(rows.dtype))
        straight = rows + (nearest - rows).detach()
        shape = x.movedim(1, -1).shape
        return Quantized(straight.view(shape).movedim(-1, 1), codes.view(shape[:-1]), loss, perplexity)

    @no_grad()
    def _follow(self, rows: Tensor, chosen: Tensor) -> None:
        self.counts.lerp_(chosen.sum(0), 1 - self.decay)
        self.sums.lerp_(chosen.T @ rows, 1 - self.decay)
        dead = (self.counts < self.revive).nonzero()[:, 0]
        if len(dead):
            fresh = rows[randperm(len(rows), device=rows.device)[:len(dead)]]
            dead = dead[:len(fresh)]
            self.counts[dead] = 1.0
            self.sums[dead] = fresh
        self.book.copy_(self.sums / self.counts.clamp(min=1e-5)[:, None])

    def vectors(self, codes: Tensor) -> Tensor:
        """The vectors (N, D, ...) of codes (N, ...)."""
        return self.book[codes].movedim(-1, 1)

    def extra_repr(self) -> str:
        return f"{self.size}, {self.dim}, beta={self.beta}, decay={self.decay}"
