"""Normal vectors, of any covariance matrix, and of one that is a diagonal and few factors."""
from __future__ import annotations

import math

from minidl.distributions import constraints
from minidl.distributions.distribution import Distribution, Shape
from minidl.distributions.utils import lazy_property
from minidl.linalg import cholesky, solve_triangular
from minidl.ops.linalg import cholesky_inverse
from minidl.ops.shape import broadcast_tensors, diag_embed, flip
from minidl.ops.torch_names import broadcast_shapes
from minidl.tensors.creation import eye, randn
from minidl.tensors.tensor import Tensor

__all__ = ["LowRankMultivariateNormal", "MultivariateNormal"]

LOG_2PI = math.log(2 * math.pi)


def batch_mv(matrix: Tensor, vector: Tensor) -> Tensor:
    """Products of matrices (..., m, n) and vectors (..., n)."""
    return (matrix @ vector.unsqueeze(-1)).squeeze(-1)


def half_log_det(scale_tril: Tensor) -> Tensor:
    """log det of L, which is half that of L L^T."""
    return scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def mahalanobis(scale_tril: Tensor, x: Tensor) -> Tensor:
    """x^T (L L^T)^-1 x, as |y|^2 with L y = x; (B, n, n), (S, B, n) -> (S, B) for any S and B.

    What x has before the batch of L become columns of one equation, so that L is not repeated for each.
    """
    samples = max(x.dim() - 1 - (scale_tril.dim() - 2), 0)
    columns = x.flatten(0, samples - 1).movedim(0, -1) if samples else x.unsqueeze(-1)
    length = solve_triangular(scale_tril, columns.to(scale_tril.dtype), upper=False).square().sum(-2)
    return length.movedim(-1, 0).reshape(x.shape[:samples] + length.shape[:-1])


def precision_to_scale_tril(precision: Tensor) -> Tensor:
    """The lower Cholesky factor of the inverse: that of the matrix with both axes flipped leads to it."""
    flipped = cholesky(flip(precision, (-2, -1)))
    inverse = flip(flipped, (-2, -1)).mT
    return solve_triangular(inverse, eye(precision.shape[-1], dtype=precision.dtype, device=precision.device),
                            upper=False)


def need_one_matrix(covariance_matrix: Tensor | None, precision_matrix: Tensor | None, scale_tril: Tensor | None,
                    error: type[Exception]) -> tuple[str, Tensor]:
    """The name and value of the matrix that is given. Errors: `error` unless there is exactly one."""
    matrices = {"covariance_matrix": covariance_matrix, "precision_matrix": precision_matrix,
                "scale_tril": scale_tril}
    given = [(name, matrix) for name, matrix in matrices.items() if matrix is not None]
    if len(given) != 1:
        raise error("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
    return given[0]


def to_scale_tril(name: str, matrix: Tensor) -> Tensor:
    """The lower Cholesky factor of the covariance, from the matrix of that name."""
    if name == "scale_tril":
        return matrix
    return cholesky(matrix) if name == "covariance_matrix" else precision_to_scale_tril(matrix)


class HoldsMatrix(Distribution):
    """A batch of positive definite matrices C, in three forms, each computed when it is read.

    They come from L with C = L L^T, unless a family has them from something else.
    """

    _unbroadcasted_scale_tril: Tensor

    def _expanded(self, matrix: Tensor) -> Tensor:
        return matrix.expand(self._batch_shape + matrix.shape[-2:])

    @lazy_property
    def scale_tril(self) -> Tensor:
        """L, lower triangular with a positive diagonal."""
        return self._expanded(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """C = L L^T"""
        return self._expanded(self._unbroadcasted_scale_tril @ self._unbroadcasted_scale_tril.mT)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of C."""
        return self._expanded(cholesky_inverse(self._unbroadcasted_scale_tril))


class MultivariateNormal(HoldsMatrix):
    """p(x) = exp(-(x - loc)^T C^-1 (x - loc) / 2) / sqrt(det(2 pi C)), of vectors.

    C is given by one of `covariance_matrix`, `precision_matrix` = C^-1 or `scale_tril` = L, lower triangular with
    C = L L^T; all is computed from L. loc (..., n), matrices (..., n, n). Errors: ValueError for too few dimensions, or
    unless one matrix is given.

        >>> import minidl
        >>> normal = MultivariateNormal(minidl.zeros(2), minidl.tensor([[2.0, 1.0], [1.0, 2.0]]))
        >>> normal.log_prob(minidl.tensor([1.0, 1.0]))
        tensor(-2.7205)
    """

    arg_constraints = {"loc": constraints.real_vector, "covariance_matrix": constraints.positive_definite,
                       "precision_matrix": constraints.positive_definite, "scale_tril": constraints.lower_cholesky}
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, loc: Tensor, covariance_matrix: Tensor | None = None, precision_matrix: Tensor | None = None,
                 scale_tril: Tensor | None = None, validate_args: bool | None = None) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        name, matrix = need_one_matrix(covariance_matrix, precision_matrix, scale_tril, ValueError)
        if matrix.dim() < 2:
            title = "scale_tril matrix" if name == "scale_tril" else name
            raise ValueError(f"{title} must be at least two-dimensional, with optional leading batch dimensions")
        batch_shape = broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        setattr(self, name, matrix.expand((*batch_shape, -1, -1)))
        self.loc = loc.expand((*batch_shape, -1))
        super().__init__(batch_shape, self.loc.shape[-1:], validate_args)
        self._unbroadcasted_scale_tril = to_scale_tril(name, matrix)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return self._unbroadcasted_scale_tril.square().sum(-1).expand(self._batch_shape + self._event_shape)

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        noise = randn(self._extended_shape(sample_shape), dtype=self.loc.dtype, device=self.loc.device)
        return self.loc + batch_mv(self._unbroadcasted_scale_tril, noise)

    def log_prob(self, value: Tensor) -> Tensor:
        factor, difference = self._unbroadcasted_scale_tril, self._validated(value) - self.loc
        return -0.5 * (self._event_shape[0] * LOG_2PI + mahalanobis(factor, difference)) - half_log_det(factor)

    def entropy(self) -> Tensor:
        entropy = 0.5 * self._event_shape[0] * (1 + LOG_2PI) + half_log_det(self._unbroadcasted_scale_tril)
        return entropy.expand(self._batch_shape)


class LowRankMultivariateNormal(HoldsMatrix):
    """`MultivariateNormal` with C = W W^T + D,  W = cov_factor (..., n, r), D of the diagonal cov_diag (..., n).

    With few factors r, only matrices of r x r are factorised: I + W^T D^-1 W, the capacitance (by the identities of
    Woodbury and of determinants). Errors: ValueError for shapes that do not fit.

        >>> import minidl
        >>> normal = LowRankMultivariateNormal(minidl.zeros(2), minidl.tensor([[1.0], [0.0]]), minidl.ones(2))
        >>> normal.covariance_matrix
        tensor([[2., 0.],
                [0., 1.]])
    """

    arg_constraints = {"loc": constraints.real_vector, "cov_factor": constraints.independent(constraints.real, 2),
                       "cov_diag": constraints.independent(constraints.positive, 1)}
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, loc: Tensor, cov_factor: Tensor, cov_diag: Tensor, validate_args: bool | None = None) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        event_shape = loc.shape[-1:]
        if cov_factor.dim() < 2:
            raise ValueError("cov_factor must be at least two-dimensional, with optional leading batch dimensions")
        if cov_factor.shape[-2:-1] != event_shape:
            raise ValueError(f"cov_factor must be a batch of matrices with shape {event_shape[0]} x m")
        if cov_diag.shape[-1:] != event_shape:
            raise ValueError(f"cov_diag must be a batch of vectors with shape {event_shape}")
        try:
            columns = broadcast_tensors(loc.unsqueeze(-1), cov_factor, cov_diag.unsqueeze(-1))
        except RuntimeError as error:
            raise ValueError(f"Incompatible batch shapes: loc {loc.shape}, cov_factor {cov_factor.shape}, cov_diag "
                             f"{cov_diag.shape}") from error
        self.loc, self.cov_factor, self.cov_diag = columns[0][..., 0], columns[1], columns[2][..., 0]
        self._unbroadcasted_cov_factor, self._unbroadcasted_cov_diag = cov_factor, cov_diag
        self._capacitance_tril = cholesky(_plus_identity(self._scaled_factor() @ cov_factor))
        super().__init__(self.loc.shape[:-1], event_shape, validate_args)

    def _scaled_factor(self) -> Tensor:
        """W^T D^-1"""
        return self._unbroadcasted_cov_factor.mT / self._unbroadcasted_cov_diag.unsqueeze(-2)

    def _whitened_factor(self) -> Tensor:
        """A with C^-1 = D^-1 - A^T A"""
        return solve_triangular(self._capacitance_tril, self._scaled_factor(), upper=False)

    def _log_det(self) -> Tensor:
        """log det C"""
        return 2 * half_log_det(self._capacitance_tril) + self._unbroadcasted_cov_diag.log().sum(-1)

    def _mahalanobis(self, x: Tensor) -> Tensor:
        """x^T C^-1 x"""
        return ((x.square() / self._unbroadcasted_cov_diag).sum(-1)
                - mahalanobis(self._capacitance_tril, batch_mv(self._scaled_factor(), x)))

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @lazy_property
    def variance(self) -> Tensor:  # type: ignore[override]
        variance = self._unbroadcasted_cov_factor.square().sum(-1) + self._unbroadcasted_cov_diag
        return variance.expand(self._batch_shape + self._event_shape)

    @lazy_property
    def scale_tril(self) -> Tensor:
        """L, lower triangular with a positive diagonal and C = L L^T."""
        scale = self._unbroadcasted_cov_diag.sqrt().unsqueeze(-1)
        scaled = self._unbroadcasted_cov_factor / scale
        return self._expanded(scale * cholesky(_plus_identity(scaled @ scaled.mT)))

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """C = W W^T + D"""
        factor = self._unbroadcasted_cov_factor
        return self._expanded(factor @ factor.mT + diag_embed(self._unbroadcasted_cov_diag))

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of C."""
        whitened = self._whitened_factor()
        return self._expanded(diag_embed(1 / self._unbroadcasted_cov_diag) - whitened.mT @ whitened)

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        of_factors = randn((*shape[:-1], self.cov_factor.shape[-1]), dtype=self.loc.dtype, device=self.loc.device)
        of_diagonal = randn(shape, dtype=self.loc.dtype, device=self.loc.device)
        return (self.loc + batch_mv(self._unbroadcasted_cov_factor, of_factors)
                + self._unbroadcasted_cov_diag.sqrt() * of_diagonal)

    def log_prob(self, value: Tensor) -> Tensor:
        distance = self._mahalanobis(self._validated(value) - self.loc)
        return -0.5 * (self._event_shape[0] * LOG_2PI + self._log_det() + distance)

    def entropy(self) -> Tensor:
        return (0.5 * (self._event_shape[0] * (1 + LOG_2PI) + self._log_det())).expand(self._batch_shape)


def _plus_identity(matrix: Tensor) -> Tensor:
    return matrix + eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
