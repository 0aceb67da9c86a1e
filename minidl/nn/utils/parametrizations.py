"""Ready-made parametrizations: weight norm, spectral norm, orthogonal weights."""
from __future__ import annotations

from typing import Any, TypeVar

from minidl.autograd.grad_mode import no_grad
from minidl.nn import functional as F
from minidl.nn.conv import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from minidl.nn.module import Module
from minidl.nn.utils.parametrize import register_parametrization
from minidl.ops.index import copy_
from minidl.ops.linalg import geqrf, householder_product, matrix_exp, qr, solve
from minidl.ops.shape import cat
from minidl.ops.torch_names import norm_except_dim
from minidl.tensors.creation import eye, randn, zeros, zeros_like
from minidl.tensors.tensor import Tensor

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]

M = TypeVar("M", bound=Module)


def _tensor_of(module: Module, name: str) -> Tensor:
    tensor = getattr(module, name, None)
    if not isinstance(tensor, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    return tensor


# ---------------------------------------------------------------------- length and direction

class _WeightNorm(Module):
    """w = g * v / |v|"""

    def __init__(self, dim: int | None) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, g: Tensor, v: Tensor) -> Tensor:
        return v * (g / norm_except_dim(v, dim=self.dim))

    def right_inverse(self, w: Tensor) -> tuple[Tensor, Tensor]:
        return norm_except_dim(w, dim=self.dim), w


def weight_norm(module: M, name: str = "weight", dim: int | None = 0) -> M:
    """Train length and direction of a weight separately: w = g * v / |v|.

    g is `module.parametrizations.weight.original0`, v is `original1`. A checkpoint with the names of the older
    `nn.utils.weight_norm`, weight_g and weight_v, can be loaded too.

    Args:
        name: the name of the parameter.
        dim: each slice along this dimension has its own length, such as every output of a layer. None: one length
            for all.

    Errors: ValueError if there is no such parameter.

        >>> import minidl
        >>> from minidl import nn
        >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 3))
        >>> [name for name, _ in layer.named_parameters()]
        ['bias', 'parametrizations.weight.original0', 'parametrizations.weight.original1']
        >>> layer.parametrizations.weight.original0.shape
        (3, 1)

    Source: Salimans, Kingma: Weight normalization, arXiv:1602.07868.
    """
    def rename(module: Module, state: dict[str, Any], prefix: str, *others: Any) -> None:
        for old, new in (("_g", "original0"), ("_v", "original1")):
            if f"{prefix}{name}{old}" in state:
                state[f"{prefix}parametrizations.{name}.{new}"] = state.pop(f"{prefix}{name}{old}")

    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)
    module.register_load_state_dict_pre_hook(rename)
    return module


# ---------------------------------------------------------------------- spectral norm

def as_matrix(weight: Tensor, dim: int) -> Tensor:
    """One row for each index along `dim`."""
    return weight.movedim(dim, 0).flatten(1)


def output_dim(module: Module, dim: int | None) -> int:
    """`dim`; if it is None, the dimension of the weight that counts outputs."""
    if dim is not None:
        return dim
    return 1 if isinstance(module, (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)) else 0


def random_directions(matrix: Tensor, eps: float) -> list[Tensor]:
    """The start of power iteration: random vectors of length 1, for rows and for columns."""
    return [F.normalize(randn(n, dtype=matrix.dtype, device=matrix.device), dim=0, eps=eps) for n in matrix.shape]


@no_grad()
def power_iteration(matrix: Tensor, u: Tensor, v: Tensor, times: int, eps: float) -> tuple[Tensor, Tensor]:
    """Move u and v towards the singular vectors of the largest singular value."""
    for _ in range(times):
        u = F.normalize(matrix @ v, dim=0, eps=eps)
        v = F.normalize(matrix.T @ u, dim=0, eps=eps)
    return u, v


class _SpectralNorm(Module):
    """w = v / sigma(v), with the largest singular value found by power iteration."""

    def __init__(self, weight: Tensor, n_power_iterations: int, dim: int, eps: float) -> None:
        super().__init__()
        if not -weight.ndim <= dim < weight.ndim:
            raise IndexError(f"Dimension out of range (expected to be in range of [-{weight.ndim}, {weight.ndim - 1}] "
                             f"but got {dim})")
        if n_power_iterations <= 0:
            raise ValueError(f"Expected n_power_iterations to be positive, but got "
                             f"n_power_iterations={n_power_iterations}")
        self.dim = dim % weight.ndim
        self.eps = eps
        self.n_power_iterations = n_power_iterations
        if weight.ndim > 1:
            matrix = as_matrix(weight.detach(), self.dim)
            u, v = random_directions(matrix, eps)
            u, v = power_iteration(matrix, u, v, 15, eps)
            self.register_buffer("_u", u)
            self.register_buffer("_v", v)

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            u, v = power_iteration(matrix.detach(), self._u, self._v, self.n_power_iterations, self.eps)
            copy_(self._u, u)
            copy_(self._v, v)
        sigma = self._u.clone() @ matrix @ self._v.clone()      # copies: the next call writes _u and _v
        return weight / sigma

    def right_inverse(self, value: Tensor) -> Tensor:
        return value        # right if its norm is 1


def spectral_norm(module: M, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12,
                  dim: int | None = None) -> M:
    """Divide a weight by its largest singular value.

    The layer then makes no difference between two inputs longer. Power iteration finds the singular value; in training
    mode each reading of the weight updates its vectors. A weight with more than two dimensions counts as a matrix with
    one row for each index along `dim`; a vector is divided by its length.

    Args:
        name: the name of the parameter.
        n_power_iterations: steps at each reading.
        eps: keeps divisions by norms finite.
        dim: the dimension of the rows; None means 0, or 1 for transposed convolutions.

    Errors: ValueError if there is no such parameter or no step, IndexError for `dim`.

        >>> import minidl
        >>> from minidl import nn
        >>> layer = nn.utils.parametrizations.spectral_norm(nn.Linear(2, 2), n_power_iterations=50)
        >>> print(f"{minidl.linalg.matrix_norm(layer.weight, 2).item():.4f}")
        1.0000

    Source: Miyato et al.: Spectral normalization for generative adversarial networks, arXiv:1802.05957.
    """
    weight = _tensor_of(module, name)
    spectral = _SpectralNorm(weight, n_power_iterations, output_dim(module, dim), eps)
    return register_parametrization(module, name, spectral)


# ---------------------------------------------------------------------- orthogonal

MAPS = ("matrix_exp", "cayley", "householder")


class _Orthogonal(Module):
    """A matrix Q with orthonormal columns from any matrix X.

        matrix_exp    Q = exp(A)                            with A = tril(X) - tril(X)^T, zero-padded to a square;
        cayley        Q = (1 + A/2) (1 - A/2)^-1            keep the first columns of Q
        householder   Q = product of reflections. The columns of X below the diagonal are their vectors; the signs on
                      the diagonal are the signs of the columns of Q

    A matrix with more columns than rows is transposed first.

    With `base`, a fixed orthogonal matrix, the result is base Q.
    """

    base: Tensor | None

    def __init__(self, orthogonal_map: str, use_trivialization: bool) -> None:
        super().__init__()
        self.orthogonal_map = orthogonal_map
        self.use_trivialization = use_trivialization
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Tensor) -> Tensor:
        wide = X.shape[-2] < X.shape[-1]
        X = X.mT if wide else X
        n, k = X.shape[-2:]
        if self.orthogonal_map == "householder":
            vectors = X.tril(-1)
            signs = X.diagonal(dim1=-2, dim2=-1).detach().sign()
            Q = householder_product(vectors, 2.0 / (1.0 + (vectors * vectors).sum(-2))) * signs.unsqueeze(-2)
        else:
            X = X.tril()
            if n != k:
                X = cat([X, zeros((*X.shape[:-1], n - k), dtype=X.dtype, device=X.device)], -1)
            A = X - X.mH
            if self.orthogonal_map == "matrix_exp":
                Q = matrix_exp(A)
            else:
                one = eye(n, dtype=X.dtype, device=X.device)
                Q = solve(one - A / 2, one + A / 2)
            Q = Q[..., :k]
        if self.use_trivialization and self.base is not None:
            Q = self.base @ Q
        return Q.mT if wide else Q

    @no_grad()
    def right_inverse(self, Q: Tensor) -> Tensor:
        wide = Q.shape[-2] < Q.shape[-1]
        tall = Q.mT if wide else Q
        n, k = tall.shape[-2:]
        if self.use_trivialization:     # Q becomes the base; the original becomes the X that gives the identity
            if n != k:
                tall = cat([tall, randn((*tall.shape[:-1], n - k), dtype=Q.dtype, device=Q.device)], -1)
            self.base = tall.clone() if n == k and _is_orthogonal(tall) else _orthogonalize(tall)
            X = zeros_like(Q)
            X.diagonal(dim1=-2, dim2=-1).fill_(-1.0)    # the sign that undoes a reflection
            return X
        if self.orthogonal_map != "householder":
            raise NotImplementedError("It is not possible to assign to the matrix exponential or the Cayley "
                                      "parametrizations when use_trivialization=False.")
        vectors, _ = geqrf(tall)
        diagonal = vectors.diagonal(dim1=-2, dim2=-1)
        copy_(diagonal, diagonal.sign() + (diagonal == 0).to(diagonal.dtype))
        return vectors.mT if wide else vectors


def _is_orthogonal(Q: Tensor) -> bool:
    n = Q.shape[-1]
    error = Q.mH @ Q - eye(n, dtype=Q.dtype, device=Q.device)
    eps = 10.0 * n * (1e-7 if Q.dtype.itemsize <= 4 else 2e-16)
    return bool((error.abs() < eps).all())


def _orthogonalize(A: Tensor) -> Tensor:
    """The Q of A = QR with R positive on the diagonal."""
    Q, R = qr(A)
    return Q * R.diagonal(dim1=-2, dim2=-1).sign().unsqueeze(-2)


def orthogonal(module: M, name: str = "weight", orthogonal_map: str | None = None, *,
               use_trivialization: bool = True) -> M:
    """Keep a weight orthogonal, with orthonormal columns.

    A matrix with more columns than rows gets orthonormal rows. Stacks of matrices are allowed.

    Args:
        name: the name of the parameter.
        orthogonal_map: how the orthogonal matrix is computed from the original, see `_Orthogonal`: "matrix_exp" or
            "cayley", which often train faster, or "householder", cheaper for matrices far from square. None means
            "matrix_exp" for square matrices and "householder" for others.
        use_trivialization: multiply with a fixed matrix, so that training starts at the present weight, made
        orthogonal.

    Errors: ValueError if there is no such parameter, it has fewer than 2 dimensions, or for another map.

        >>> import minidl
        >>> from minidl import nn
        >>> layer = nn.utils.parametrizations.orthogonal(nn.Linear(2, 4))
        >>> bool(minidl.allclose(layer.weight.T @ layer.weight, minidl.eye(2), atol=1e-6))
        True

    Source: Lezcano Casado: Trivializations for gradient-based optimization on manifolds, arXiv:1909.09501.
    """
    weight = _tensor_of(module, name)
    if weight.ndim < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions.")
    if orthogonal_map is None:
        orthogonal_map = "matrix_exp" if weight.shape[-2] == weight.shape[-1] else "householder"
    if orthogonal_map not in MAPS:
        raise ValueError(f'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". '
                         f"Got: {orthogonal_map}")
    return register_parametrization(module, name, _Orthogonal(orthogonal_map, use_trivialization), unsafe=True)
