"""Transforms of vectors and matrices: to the simplex, and to Cholesky factors."""
from __future__ import annotations

import math

from minidl.backend.dtype import finfo
from minidl.distributions import constraints
from minidl.distributions.transforms.base import Shape, Transform, need_dims
from minidl.distributions.transforms.elementwise import clipped_sigmoid
from minidl.distributions.utils import tril_matrix_to_vec, vec_to_tril_matrix
from minidl.linalg import cholesky
from minidl.ops.activation import logsigmoid, softplus
from minidl.ops.shape import pad
from minidl.tensors.creation import arange, eye
from minidl.tensors.tensor import Tensor


class SoftmaxTransform(Transform):
    """y = softmax(x), on the simplex. Not bijective: x + c gives the same y, and log(y) is one of the x."""

    domain, codomain, equal_by = constraints.real_vector, constraints.simplex, ()

    def _call(self, x: Tensor) -> Tensor:
        return x.softmax(-1)

    def _inverse(self, y: Tensor) -> Tensor:
        return y.log()

    def forward_shape(self, shape: Shape) -> Shape:
        need_dims(shape, 1)
        return shape

    inverse_shape = forward_shape


class StickBreakingTransform(Transform):
    """From R^(K-1) to the simplex of K numbers, by breaking pieces off a stick of length 1.

    z_k = sigmoid(x_k - log(K - k)) of what is left is broken off: y_k = z_k (1 - z_1) ... (1 - z_(k-1)).

        >>> import minidl
        >>> StickBreakingTransform()(minidl.zeros(3))
        tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """

    domain, codomain = constraints.real_vector, constraints.simplex
    bijective, equal_by = True, ()

    @staticmethod
    def _log_pieces(n: int, like: Tensor) -> Tensor:
        """log n, ..., log 1: how many further pieces are to come."""
        return arange(n, 0, -1, dtype=like.dtype, device=like.device).log()

    def _call(self, x: Tensor) -> Tensor:
        z = clipped_sigmoid(x - self._log_pieces(x.shape[-1], x))
        left = (1 - z).cumprod(-1)
        return pad(z, [0, 1], value=1) * pad(left, [1, 0], value=1)

    def _inverse(self, y: Tensor) -> Tensor:
        pieces = y[..., :-1]
        left = (1 - pieces.cumsum(-1)).clamp(finfo(y.dtype).tiny)     # rounding may make it negative
        return pieces.log() - left.log() + self._log_pieces(pieces.shape[-1], y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        x = x - self._log_pieces(x.shape[-1], x)
        return (-x + logsigmoid(x) + y[..., :-1].log()).sum(-1)     # 1 - sigmoid(x) = exp(-x) sigmoid(x)

    def forward_shape(self, shape: Shape) -> Shape:
        need_dims(shape, 1)
        return (*shape[:-1], shape[-1] + 1)

    def inverse_shape(self, shape: Shape) -> Shape:
        need_dims(shape, 1)
        return (*shape[:-1], shape[-1] - 1)


class CorrCholeskyTransform(Transform):
    """From R^(D(D-1)/2) to Cholesky factors of D x D correlation matrices.

    tanh(x) are the partial correlations, row by row; each row of the factor breaks its length of 1 among its entries.
    """

    domain, codomain, bijective = constraints.real_vector, constraints.corr_cholesky, True

    def _call(self, x: Tensor) -> Tensor:
        eps = finfo(x.dtype).eps
        r = vec_to_tril_matrix(x.tanh().clamp(-1 + eps, 1 - eps), diag=-1)
        left = (1 - r ** 2).sqrt().cumprod(-1)
        r = r + eye(r.shape[-1], dtype=r.dtype, device=r.device)
        return r * pad(left[..., :-1], [1, 0], value=1)

    def _inverse(self, y: Tensor) -> Tensor:
        left = pad((1 - (y * y).cumsum(-1))[..., :-1], [1, 0], value=1)
        t = tril_matrix_to_vec(y, diag=-1) / tril_matrix_to_vec(left, diag=-1).sqrt()
        return (t.log1p() - (-t).log1p()) / 2       # atanh(t), exact near 1

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        left = tril_matrix_to_vec(1 - (y * y).cumsum(-1), diag=-2)
        of_tanh = -2 * (x + softplus(-2 * x) - math.log(2.0)).sum(-1)
        return 0.5 * left.log().sum(-1) + of_tanh

    def forward_shape(self, shape: Shape) -> Shape:
        need_dims(shape, 1)
        n = shape[-1]
        side = round((0.25 + 2 * n) ** 0.5 + 0.5)
        if side * (side - 1) // 2 != n:
            raise ValueError("Input is not a flattened lower-diagonal number")
        return (*shape[:-1], side, side)

    def inverse_shape(self, shape: Shape) -> Shape:
        need_dims(shape, 2)
        if shape[-2] != shape[-1]:
            raise ValueError("Input is not square")
        return (*shape[:-2], shape[-1] * (shape[-1] - 1) // 2)


class LowerCholeskyTransform(Transform):
    """From any square matrix to a lower triangular one, whose diagonal is the exponential of x's."""

    domain, codomain, equal_by = constraints.independent(constraints.real, 2), constraints.lower_cholesky, ()

    def _call(self, x: Tensor) -> Tensor:
        return x.tril(-1) + x.diagonal(dim1=-2, dim2=-1).exp().diag_embed()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.tril(-1) + y.diagonal(dim1=-2, dim2=-1).log().diag_embed()


class PositiveDefiniteTransform(Transform):
    """From any square matrix to L L^T, L being its `LowerCholeskyTransform`."""

    domain, codomain, equal_by = constraints.independent(constraints.real, 2), constraints.positive_definite, ()

    def _call(self, x: Tensor) -> Tensor:
        factor = LowerCholeskyTransform()(x)
        return factor @ factor.mT

    def _inverse(self, y: Tensor) -> Tensor:
        return LowerCholeskyTransform().inv(cholesky(y))
