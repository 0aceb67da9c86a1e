"""Linear algebra: products, equations, decompositions, distances. Read `products.py` first, then `equations.py`."""
from minidl.ops.linalg.products import (
    Cross, H, Linear, MatMul, addbmm, addbmm_, addmm, addmm_, addmv, addmv_, addr, addr_, adjoint, baddbmm, baddbmm_,
    bmm, chain_matmul, cross, dot, ger, inner, kron, linear, mT, matmul, mm, multi_dot, mv, outer, spmm, trace, vdot,
    vecdot, dsmm,
)
from minidl.ops.linalg.contraction import Contract, einsum, tensordot
from minidl.ops.linalg.equations import (
    Det, Inverse, LinAlgError, SLogDet, Solve, cholesky_inverse, cholesky_solve, det, inv, logdet, slogdet, solve,
    solve_triangular, tensorinv, tensorsolve,
)
from minidl.ops.linalg.decompositions import (
    QR, SVD, Cholesky, Eigenvalues, Eigh, PInv, SingularValues, cholesky, eigh, eigvalsh, lstsq, matrix_rank, pinv,
    pinverse, qr, qr_some, svd, svd_some, svdvals,
)
from minidl.ops.linalg.lu_factors import (
    LUFactor, lu, lu_factor, lu_factor_ex, lu_solve, lu_unpack, older_lu, older_lu_solve, triangular_solve,
)
from minidl.ops.linalg.eigenvalues import AnyEigenvalues, Eig, eig, eigvals
from minidl.ops.linalg.householder import Geqrf, geqrf, householder_product, orgqr, ormqr
from minidl.ops.linalg.low_rank import pca_lowrank, svd_lowrank
from minidl.ops.linalg.matrix_functions import MatrixExp, cond, matrix_exp, matrix_norm, matrix_power, norm, vector_norm
from minidl.ops.linalg.distance import CDist, cdist, dist
from minidl.ops.linalg.similarity import bilinear, cosine_similarity, pairwise_distance, pdist
from minidl.ops.linalg.combine import block_diag, cartesian_prod, combinations, vander
