"""KL divergences between normal vectors.

    KL = (log det C_q - log det C_p + trace(C_q^-1 C_p) + (m_q - m_p)^T C_q^-1 (m_q - m_p) - n) / 2

Each covariance C may be that of a MultivariateNormal, L L^T, or of a low rank, W W^T + D.
"""
from __future__ import annotations

from minidl.distributions.kl.registry import register_kl
from minidl.distributions.multivariate_normal import LowRankMultivariateNormal as LowRank
from minidl.distributions.multivariate_normal import MultivariateNormal, half_log_det, mahalanobis
from minidl.linalg import solve_triangular
from minidl.ops.shape import diag_embed
from minidl.tensors.tensor import Tensor

Normal = MultivariateNormal | LowRank


def _log_det(p: Normal) -> Tensor:
    return p._log_det() if isinstance(p, LowRank) else 2 * half_log_det(p._unbroadcasted_scale_tril)


def _roots(p: Normal) -> list[Tensor]:
    """Matrices R with sum R R^T = C"""
    if isinstance(p, LowRank):
        return [p._unbroadcasted_cov_factor, diag_embed(p._unbroadcasted_cov_diag.sqrt())]
    return [p._unbroadcasted_scale_tril]


def _squares(matrix: Tensor) -> Tensor:
    """The sum of squares, which is trace(M M^T)."""
    return matrix.square().sum((-2, -1))


def _trace(q: Normal, root: Tensor) -> Tensor:
    """trace(C_q^-1 R R^T)"""
    if isinstance(q, LowRank):
        scaled = root / q._unbroadcasted_cov_diag.sqrt().unsqueeze(-1)
        return _squares(scaled) - _squares(q._whitened_factor() @ root)
    return _squares(solve_triangular(q._unbroadcasted_scale_tril, root, upper=False))


@register_kl(MultivariateNormal, MultivariateNormal)
@register_kl(MultivariateNormal, LowRank)
@register_kl(LowRank, MultivariateNormal)
@register_kl(LowRank, LowRank)
def _normal_vectors(p: Normal, q: Normal) -> Tensor:
    if p.event_shape != q.event_shape:
        raise ValueError(f"KL-divergence between two Multivariate Normals with different event shapes cannot be "
                         f"computed: {p.event_shape} and {q.event_shape}")
    shift = q.loc - p.loc
    distance = q._mahalanobis(shift) if isinstance(q, LowRank) else mahalanobis(
        q._unbroadcasted_scale_tril, shift)
    trace = sum(_trace(q, root) for root in _roots(p))
    return 0.5 * (_log_det(q) - _log_det(p) + trace + distance - p.event_shape[0])
