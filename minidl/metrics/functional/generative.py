"""Distances between the features of generated and of real images."""
from __future__ import annotations

from minidl import linalg
from minidl.ops.base import check_tensors
from minidl.tensors.tensor import Tensor


def frechet_distance(mu1: Tensor, sigma1: Tensor, mu2: Tensor, sigma2: Tensor) -> Tensor:
    """The squared Fréchet distance between two normal distributions.

        |mu1 - mu2|^2 + tr(sigma1) + tr(sigma2) - 2 tr((sigma1 sigma2)^(1/2))

    Means (D,), covariances (D, D). Computed in float64 from the eigenvalues of sigma1^(1/2) sigma2 sigma1^(1/2). This
    matrix is symmetric, so there are no complex roots, even where a covariance is singular.

    Errors: ValueError for shapes that do not fit, and for NaN and infinity.
    Source: Heusel et al., "GANs Trained by a Two Time-Scale Update Rule", 2017, https://arxiv.org/abs/1706.08500

        >>> import minidl
        >>> from minidl.metrics.functional import frechet_distance
        >>> frechet_distance(minidl.zeros(2), minidl.eye(2), minidl.ones(2), 4 * minidl.eye(2))      # 2 + 2*(1 - 2)**2
        tensor(4.)
    """
    check_tensors("frechet_distance", mu1=mu1, sigma1=sigma1, mu2=mu2, sigma2=sigma2)
    size = mu1.shape
    for name, x, shape in (("mu1", mu1, size), ("mu2", mu2, size), ("sigma1", sigma1, size * 2),
                           ("sigma2", sigma2, size * 2)):
        if len(size) != 1 or tuple(x.shape) != tuple(shape):
            raise ValueError(f"frechet_distance: expected means (D,) and covariances (D, D), but got mu1 {tuple(size)} "
                             f"and {name} {tuple(x.shape)}")
        if not bool(x.isfinite().all()):
            raise ValueError(f"frechet_distance: {name} contains NaN or infinity")
    dtype = mu1.dtype
    mu1, sigma1, mu2, sigma2 = (x.detach().double() for x in (mu1, sigma1, mu2, sigma2))
    values, vectors = linalg.eigh(sigma1)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    product = root @ sigma2 @ root
    overlap = linalg.eigvalsh((product + product.T) / 2).clamp(min=0).sqrt().sum()
    distance = (mu1 - mu2).square().sum() + sigma1.trace() + sigma2.trace() - 2 * overlap
    return distance.clamp(min=0).to(dtype)


def poly_mmd(f_real: Tensor, f_fake: Tensor, degree: int = 3, gamma: float | None = None, coef: float = 1.0) -> Tensor:
    """The squared maximum mean discrepancy of two sets of features.

    Features are (M, D) each; the kernel is k(x, y) = (gamma x.y + coef)^degree.

        sum_{i != j} (k(x_i, x_j) + k(y_i, y_j)) / (M (M - 1)) - 2 sum_{i, j} k(x_i, y_j) / M^2

    Unbiased: it is 0 on average for features of one distribution, and may be negative. gamma is 1/D if not given.

    Errors: ValueError for shapes that do not fit.
    Source: Bińkowski et al., "Demystifying MMD GANs", 2018, https://arxiv.org/abs/1801.01401

        >>> import minidl
        >>> from minidl.metrics.functional import poly_mmd
        >>> x = minidl.tensor([[0.0], [1.0]])
        >>> poly_mmd(x, x, degree=1)                # (1 + 1) / 1 - 2 * (1 + 1 + 1 + 2) / 4
        tensor(-0.5000)
    """
    check_tensors("poly_mmd", f_real=f_real, f_fake=f_fake)
    if f_real.ndim != 2 or f_real.shape != f_fake.shape or len(f_real) < 2:
        raise ValueError(f"poly_mmd: expected features (M, D) of as many real as made samples, two at least, but got "
                         f"{tuple(f_real.shape)} and {tuple(f_fake.shape)}")
    x, y = f_real.detach().double(), f_fake.detach().double()
    m = len(x)
    gamma = 1 / x.shape[1] if gamma is None else gamma

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return (a @ b.T * gamma + coef) ** degree

    within = sum(k.sum() - k.diagonal().sum() for k in (kernel(x, x), kernel(y, y)))
    return (within / (m * (m - 1)) - 2 * kernel(x, y).sum() / m ** 2).to(f_real.dtype)
