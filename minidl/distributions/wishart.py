"""Random matrices: covariances (Wishart), and Cholesky factors of correlations (LKJ)."""
from __future__ import annotations

import math

from minidl.autograd.grad_mode import no_grad
from minidl.backend.dtype import finfo
from minidl.backend.warn import warn
from minidl.distributions import constraints
from minidl.distributions.beta import Beta
from minidl.distributions.constraints import Constraint
from minidl.distributions.distribution import Distribution, Shape
from minidl.distributions.exp_family import ExponentialFamily
from minidl.distributions.gamma import Chi2
from minidl.distributions.multivariate_normal import HoldsMatrix, half_log_det, need_one_matrix, to_scale_tril
from minidl.distributions.utils import broadcast_all
from minidl.linalg import slogdet
from minidl.ops.elementwise import where
from minidl.ops.linalg import cholesky_solve
from minidl.ops.shape import diag_embed, pad
from minidl.ops.special import digamma, lgamma, mvlgamma
from minidl.ops.torch_names import broadcast_shapes
from minidl.tensors.creation import arange, as_tensor, randn
from minidl.tensors.tensor import Tensor

__all__ = ["LKJCholesky", "Wishart"]


class Wishart(HoldsMatrix, ExponentialFamily):
    """The sum of x x^T over `df` normal vectors x of mean 0 and covariance V; `df` need not be an integer.

    V is given by one of `covariance_matrix`, `precision_matrix` = V^-1 or `scale_tril` = L with V = L L^T. Errors:
    ValueError unless df > n - 1, AssertionError unless one matrix is given.

        >>> import minidl
        >>> Wishart(4.0, minidl.eye(2)).mean
        tensor([[4., 0.],
                [0., 4.]])
    """

    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(self, df: Tensor | float, covariance_matrix: Tensor | None = None,
                 precision_matrix: Tensor | None = None, scale_tril: Tensor | None = None,
                 validate_args: bool | None = None) -> None:
        name, matrix = need_one_matrix(covariance_matrix, precision_matrix, scale_tril, AssertionError)
        if matrix.dim() < 2:
            raise ValueError("scale_tril must be at least two-dimensional, with optional leading batch dimensions")
        n, event_shape = matrix.shape[-1], matrix.shape[-2:]
        if isinstance(df, Tensor):
            batch_shape = broadcast_shapes(matrix.shape[:-2], df.shape)
            self.df = df.expand(batch_shape)
        else:
            batch_shape = matrix.shape[:-2]
            self.df = as_tensor(df, dtype=matrix.dtype, device=matrix.device).expand(batch_shape)
        if bool((self.df <= n - 1).any()):
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {n - 1}.")
        if bool((self.df < n).any()):
            warn("Low df values detected. Singular samples are highly likely to occur for ndim - 1 < df < ndim.")
        setattr(self, name, matrix.expand((*batch_shape, -1, -1)))
        super().__init__(batch_shape, event_shape, validate_args)
        self._unbroadcasted_scale_tril = to_scale_tril(name, matrix)
        freedoms = self.df.unsqueeze(-1) - arange(n, dtype=matrix.dtype, device=matrix.device)
        self._dist_chi2 = Chi2(freedoms)

    @property
    def arg_constraints(self) -> dict[str, Constraint]:  # type: ignore[override]
        return {"covariance_matrix": constraints.positive_definite, "precision_matrix": constraints.positive_definite,
                "scale_tril": constraints.lower_cholesky, "df": constraints.greater_than(self.event_shape[-1] - 1)}

    def _df_of_matrices(self) -> Tensor:
        return self.df[..., None, None]

    @property
    def mean(self) -> Tensor:
        return self._df_of_matrices() * self.covariance_matrix

    @property
    def mode(self) -> Tensor:
        factor = self._df_of_matrices() - self._event_shape[-1] - 1
        return where(factor <= 0, math.nan, factor) * self.covariance_matrix

    @property
    def variance(self) -> Tensor:
        v = self.covariance_matrix
        diagonal = v.diagonal(dim1=-2, dim2=-1)
        return self._df_of_matrices() * (v.square() + diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2))

    def _bartlett(self, sample_shape: Shape) -> Tensor:
        """L A (L A)^T, A lower triangular: chi on its diagonal, normal numbers below."""
        chi = self._dist_chi2.rsample(sample_shape).sqrt()
        chi = chi.clamp(finfo(chi.dtype).eps)
        noise = randn(self._extended_shape(sample_shape), dtype=chi.dtype, device=chi.device).tril(-1)
        factor = self._unbroadcasted_scale_tril @ (noise + diag_embed(chi))
        return factor @ factor.mT

    def rsample(self, sample_shape: Shape = (), max_try_correction: int = 10) -> Tensor:
        """Random matrices; those that rounding made singular are drawn again, `max_try_correction` times at most."""
        sample = self._bartlett(sample_shape)
        singular = self._singular(sample)
        if bool(singular.any()):
            warn("Singular sample detected.")
            for _ in range(max_try_correction):
                sample = where(singular[..., None, None], self._bartlett(sample_shape), sample)
                singular = self._singular(sample)
                if not bool(singular.any()):
                    break
        return sample

    def _singular(self, sample: Tensor) -> Tensor:
        with no_grad():
            return ~self.support.check(sample)

    def log_prob(self, value: Tensor) -> Tensor:
        value, n, factor = self._validated(value), self._event_shape[-1], self._unbroadcasted_scale_tril
        trace = cholesky_solve(value, factor).diagonal(dim1=-2, dim2=-1).sum(-1)     # of V^-1 x
        return (-self.df * (n * math.log(2) / 2 + half_log_det(factor)) - mvlgamma(self.df / 2, p=n)
                + (self.df - n - 1) / 2 * slogdet(value)[1] - trace / 2)

    def entropy(self) -> Tensor:
        n, df = self._event_shape[-1], self.df
        halves = df.unsqueeze(-1) / 2 - arange(n, dtype=df.dtype, device=df.device) / 2
        multivariate_digamma = digamma(halves).sum(-1)
        return ((n + 1) * (n * math.log(2) / 2 + half_log_det(self._unbroadcasted_scale_tril)) + mvlgamma(df / 2, p=n)
                - (df - n - 1) / 2 * multivariate_digamma + df * n / 2)

    @property
    def _natural_params(self) -> tuple[Tensor, Tensor]:
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        x, y = natural_params
        n = self._event_shape[-1]
        half_df = y + (n + 1) / 2
        return half_df * (-slogdet(-2 * x)[1] + math.log(2) * n) + mvlgamma(half_df, p=n)


class LKJCholesky(Distribution):
    """Cholesky factors of `dim` x `dim` correlation matrices M, p(M) being proportional to det(M)^(concentration - 1).

    At concentration 1 all correlation matrices are equally probable; larger ones favour small correlations.
    Lewandowski, Kurowicka and Joe, Generating random correlation matrices, 2009, section 3 (the onion method). Errors:
    ValueError unless dim >= 2.

        >>> import minidl
        >>> factor = LKJCholesky(3, 2.0).sample()
        >>> bool(((factor @ factor.T).diagonal() - 1).abs().max() < 1e-5)
        True
    """

    arg_constraints = {"concentration": constraints.positive}
    support = constraints.corr_cholesky

    def __init__(self, dim: int, concentration: Tensor | float = 1.0, validate_args: bool | None = None) -> None:
        if dim < 2:
            raise ValueError(f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}.")
        self.dim = dim
        self.concentration, = broadcast_all(concentration)
        # Of row k = 1, 2, ..., the squared length left of the diagonal has Beta(k/2, concentration + (dim - 1 - k)/2).
        k = arange(1, dim, dtype=self.concentration.dtype, device=self.concentration.device)
        self._beta = Beta(k / 2, self.concentration.unsqueeze(-1) + (dim - 1 - k) / 2)
        super().__init__(self.concentration.shape, (dim, dim), validate_args)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        with no_grad():
            squared_length = self._beta.sample(sample_shape).unsqueeze(-1)
            noise = randn(self._extended_shape(sample_shape), dtype=squared_length.dtype,
                          device=squared_length.device).tril(-1)[..., 1:, :]
            direction = noise / noise.square().sum(-1, keepdim=True).sqrt()
            left = pad(squared_length.sqrt() * direction, [0, 0, 1, 0])     # the first row has nothing there
            diagonal = (1 - left.square().sum(-1)).clamp(finfo(left.dtype).tiny).sqrt()
            return left + diag_embed(diagonal)

    def log_prob(self, value: Tensor) -> Tensor:
        diagonal = self._validated(value).diagonal(dim1=-1, dim2=-2)[..., 1:]
        n, row = self.dim - 1, arange(2, self.dim + 1, device=self.concentration.device)
        power = 2 * (self.concentration - 1).unsqueeze(-1) + self.dim - row
        alpha = self.concentration + 0.5 * n
        log_normalizer = 0.5 * n * math.log(math.pi) + mvlgamma(alpha - 0.5, n) - lgamma(alpha) * n
        return (power * diagonal.log()).sum(-1) - log_normalizer
