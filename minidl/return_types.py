"""The named tuples that functions return, as in `torch.return_types`."""
# ruff: noqa: I001  (grouped for the reader)
from minidl.ops.base.return_types import (
    aminmax, cummax, cummin, frexp, geqrf, histogram, histogramdd, kthvalue, linalg_cholesky_ex, linalg_eig,
    linalg_eigh, linalg_inv_ex, linalg_lstsq, linalg_lu, linalg_lu_factor, linalg_lu_factor_ex, linalg_qr,
    linalg_slogdet, linalg_solve_ex, linalg_svd, lu, lu_unpack, lu_with_info, max, median, min, mode, nanmedian,
    pca_lowrank, qr, slogdet, sort, svd, svd_lowrank, topk, triangular_solve,
)

__all__ = [
    "aminmax", "cummax", "cummin", "frexp", "geqrf", "histogram", "histogramdd", "kthvalue", "linalg_cholesky_ex",
    "linalg_eig", "linalg_eigh", "linalg_inv_ex", "linalg_lstsq", "linalg_lu", "linalg_lu_factor",
    "linalg_lu_factor_ex", "linalg_qr", "linalg_slogdet", "linalg_solve_ex", "linalg_svd", "lu", "lu_unpack",
    "lu_with_info", "max", "median", "min", "mode", "nanmedian", "pca_lowrank", "qr", "slogdet", "sort", "svd",
    "svd_lowrank", "topk", "triangular_solve",
]
