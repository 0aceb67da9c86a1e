"""Named tuples for several results, with PyTorch's type and field names.

`type(minidl.sort(x)) is minidl.return_types.sort`, and it prints as `sort(values=..., indices=...)`.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

Fields = TypeVar("Fields", bound=tuple[Any, ...])


class ValuesIndices(NamedTuple):
    """Elements, and their positions along an axis."""

    values: Tensor
    indices: Tensor


class MinMax(NamedTuple):
    """The smallest and the largest."""

    min: Tensor
    max: Tensor


class MantissaExponent(NamedTuple):
    """x = mantissa * 2^exponent"""

    mantissa: Tensor
    exponent: Tensor


class Histogram(NamedTuple):
    """The counts per bin, and the edges of the bins."""

    hist: Tensor
    bin_edges: Any      # a tensor, or one per axis


class QRResult(NamedTuple):
    """A = Q R"""

    Q: Tensor
    R: Tensor


class Reflections(NamedTuple):
    """R with the reflections stored below it, and their factors tau."""

    a: Tensor
    tau: Tensor


class SVDResult(NamedTuple):
    """A = U diag(S) Vh"""

    U: Tensor
    S: Tensor
    Vh: Tensor


class USV(NamedTuple):
    """A = U diag(S) V^H"""

    U: Tensor
    S: Tensor
    V: Tensor


class Eigen(NamedTuple):
    """A V = V diag(w)"""

    eigenvalues: Tensor
    eigenvectors: Tensor


class SLogDetResult(NamedTuple):
    """det A = sign * exp(logabsdet)"""

    sign: Tensor
    logabsdet: Tensor


class LstsqResult(NamedTuple):
    """The X that minimizes |A X - B|; also residuals, rank, singular values."""

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


class LUResult(NamedTuple):
    """A = P L U"""

    P: Tensor
    L: Tensor
    U: Tensor


class LUFactorResult(NamedTuple):
    """L and U in one matrix, and the row exchanges."""

    LU: Tensor
    pivots: Tensor


class LUFactorExResult(NamedTuple):
    """LU and the row exchanges; info: the first zero on U's diagonal."""

    LU: Tensor
    pivots: Tensor
    info: Tensor


class InverseResult(NamedTuple):
    """The inverse, and an error code: 0 where it exists."""

    inverse: Tensor
    info: Tensor


class SolveResult(NamedTuple):
    """The solution, and an error code: 0 where it exists."""

    result: Tensor
    info: Tensor


class CholeskyResult(NamedTuple):
    """The factor, and an error code: 0 where it exists."""

    L: Tensor
    info: Tensor


class TriangularSolveResult(NamedTuple):
    """The solution, and a copy of the matrix."""

    solution: Tensor
    cloned_coefficient: Tensor


def _of(name: str, fields: type[Fields]) -> type[Fields]:
    """Make the result type of the function `name`."""
    return type(name, (fields,), {"__slots__": (), "__module__": __name__, "__doc__": f"What `{name}` returns."})


max = _of("max", ValuesIndices)
min = _of("min", ValuesIndices)
median = _of("median", ValuesIndices)
nanmedian = _of("nanmedian", ValuesIndices)
mode = _of("mode", ValuesIndices)
kthvalue = _of("kthvalue", ValuesIndices)
sort = _of("sort", ValuesIndices)
topk = _of("topk", ValuesIndices)
cummax = _of("cummax", ValuesIndices)
cummin = _of("cummin", ValuesIndices)
aminmax = _of("aminmax", MinMax)
frexp = _of("frexp", MantissaExponent)
histogram = _of("histogram", Histogram)
histogramdd = _of("histogramdd", Histogram)

qr = _of("qr", QRResult)
svd = _of("svd", USV)
svd_lowrank = _of("svd_lowrank", USV)
pca_lowrank = _of("pca_lowrank", USV)
lu = _of("lu", LUFactorResult)
lu_with_info = _of("lu_with_info", LUFactorExResult)
lu_unpack = _of("lu_unpack", LUResult)
geqrf = _of("geqrf", Reflections)
triangular_solve = _of("triangular_solve", TriangularSolveResult)

linalg_qr = _of("linalg_qr", QRResult)
linalg_svd = _of("linalg_svd", SVDResult)
linalg_eig = _of("linalg_eig", Eigen)
linalg_eigh = _of("linalg_eigh", Eigen)
slogdet = _of("slogdet", SLogDetResult)
linalg_slogdet = _of("linalg_slogdet", SLogDetResult)
linalg_lstsq = _of("linalg_lstsq", LstsqResult)
linalg_lu = _of("linalg_lu", LUResult)
linalg_lu_factor = _of("linalg_lu_factor", LUFactorResult)
linalg_lu_factor_ex = _of("linalg_lu_factor_ex", LUFactorExResult)
linalg_inv_ex = _of("linalg_inv_ex", InverseResult)
linalg_solve_ex = _of("linalg_solve_ex", SolveResult)
linalg_cholesky_ex = _of("linalg_cholesky_ex", CholeskyResult)
