"""Linear algebra beyond products: equations, determinants, decompositions, norms, functions of matrices, distances.

Factors of a matrix are compared by what does not depend on arbitrary signs: their products, their values.
"""
from __future__ import annotations

import functools
import itertools
import math

import numpy as np
import pytest
import scipy.linalg

import minidl
import minidl.linalg as L
from minidl.ops import linalg
from minidl.ops.linalg import combine, decompositions, distance, equations
from tests.checking import Case, S, check_case, torch
from tests.ops import rows
from tests.ops.rows import calls, row
from tests.strict_array import StrictArray

INF = math.inf
INTS = np.arange(9).reshape(3, 3)
SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])


def matrix(*shape, seed=0):
    """Random matrices with singular values well apart and away from zero."""
    stream = np.random.default_rng(seed)
    U, _, Vh = np.linalg.svd(stream.standard_normal(shape), full_matrices=False)
    S = np.arange(min(shape[-2:]), 0, -1) * 0.7 + 0.3 + 0.1 * stream.random((*shape[:-2], min(shape[-2:])))
    return U * S[..., None, :] @ Vh


def half(*shape):
    """Float16, which linear algebra does without."""
    return S.raw(minidl.ones(*shape, dtype=minidl.float16))


A2, A3, B3 = matrix(2, 2), matrix(3, 3), matrix(2, 3, 3)
SQUARES = [S(A2), S(A3), S(B3), S(matrix(2, 1, 2, 2)), S(np.zeros((0, 2, 2))), S(matrix(1, 1)), S(np.zeros((0, 0)))]
RECTANGLES = [S(A3), S(matrix(4, 2)), S(matrix(2, 4)), S(matrix(2, 3, 2)), S(matrix(2, 2, 3)), S(matrix(1, 3))]
NOT_SQUARE = (S((2, 3)), RuntimeError, "A must be batches of square matrices, but they are 2 by 3 matrices")


def no_matrix(who):
    return [(S((3,)), RuntimeError, f"{who}: The input tensor A must have at least 2 dimensions"),
            (S(half(2, 2)), RuntimeError, f"{who}: Low precision dtypes not supported. Got float16"),
            (S(INTS), RuntimeError, f"{who}: Expected a floating point tensor as input A. Got int64"),
            (S(3.0), TypeError, f"{who}(): argument 'A' must be Tensor, not float")]


def symmetric(A):
    return A @ A.mT + 0.5 * A + 0.5 * A.mT


def positive(A):
    return A @ A.mT


def lower(A):
    return A.tril()


def both(ours, theirs, samples, before=None, oracle=None, **kwargs):
    """A case that treats the arguments alike for minidl and PyTorch before the call."""
    def call(function):
        def called(A, *args, **options):
            return function(before(A) if before else A, *args, **options)
        return called
    return Case(call(ours), samples, oracle, torch=theirs and call(theirs), name=kwargs.pop("name", ours.__name__),
                **kwargs)


# ---------------------------------------------------------------------- naive oracles


def naive_det(a):
    """Leibniz's formula: the sum over all permutations."""
    n = a.shape[-1]
    y = np.zeros(a.shape[:-2])
    for order in itertools.permutations(range(n)):
        sign = (-1) ** sum(order[i] > order[j] for i in range(n) for j in range(i + 1, n))
        term = np.full(a.shape[:-2], float(sign))
        for i, j in enumerate(order):
            term = term * a[..., i, j]
        y = y + term
    return y


def each(function):
    """A function of a matrix, for all matrices of a batch."""
    def of_batch(a, *args, **kwargs):
        ys = [function(x, *args, **kwargs) for x in a.reshape(-1, *a.shape[-2:])] if a.size else []
        return np.reshape(ys, (*a.shape[:-2], *np.shape(ys[0]))) if ys else np.zeros(a.shape)
    return of_batch


def naive_cdist(a, b, p=2.0, compute_mode=None):
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = np.broadcast_to(a, (*batch, *a.shape[-2:])), np.broadcast_to(b, (*batch, *b.shape[-2:]))
    y = np.zeros((*batch, a.shape[-2], b.shape[-2]))
    for *n, i, j in np.ndindex(*y.shape):
        gap = np.abs(a[(*n, i)] - b[(*n, j)])
        if p == INF:
            y[(*n, i, j)] = max(gap, default=0.0)
        else:
            y[(*n, i, j)] = (gap != 0).sum() if p == 0 else (gap ** p).sum() ** (1 / p)
    return y


def power_by_hand(a, n):
    y = np.broadcast_to(np.eye(a.shape[-1]), a.shape)
    for _ in range(abs(n)):
        y = y @ (a if n > 0 else np.linalg.inv(a))
    return y


def parts(usv):
    """What of a singular value decomposition does not depend on signs."""
    U, s, Vh = usv
    k = s.shape[-1]
    U, Vh = U[..., :k], Vh[..., :k, :]
    return U * s[..., None, :] ** 2 @ Vh, s, U[..., 0] * Vh[..., 0, :1]


def parts_of_eigh(found):
    w, V = found
    return w, V * w[..., None, :] ** 3 @ V.mT, V[..., 0] * V[..., 1:2, 0]


def signed_qr(found):
    """Q and R: LAPACK's signs are the same everywhere."""
    return tuple(found)


T = torch.linalg if torch is not None else None


def t(name):
    """A function of torch.linalg, or of torch; None without PyTorch."""
    return None if torch is None else getattr(T, name, None) or getattr(torch, name)


def after(function, last):
    def composed(*args, **kwargs):
        return last(function(*args, **kwargs))
    composed.__name__ = getattr(function, "__name__", "case")
    return composed


def at(position):
    return lambda result: result[position]


def symmetric_in_eigenvalues(lib, A, name):
    """Eigenvalues come in any order: sums of their powers do not depend on it."""
    values = lib.linalg.eig(A)[0] if name == "eig" else lib.linalg.eigvals(A)
    return (*[(values ** k).sum(-1).real for k in (1, 2, 3)], values.abs().sum(-1))


CASES = [
    # equations
    Case(L.inv, SQUARES, np.linalg.inv, torch=t("inv"), name="inv", errors=[*no_matrix("linalg.inv"), NOT_SQUARE]),
    Case(L.solve, [
        S(A3, (3,)),
        S(A3, (3, 2)),
        S(B3, (2, 3, 2)),
        S(B3, (3, 2)),
        S(A3, (2, 3, 2)),
        S(B3, (2, 3)),
        S(B3, (3,)),
        S(A3, (2, 3), left=False),
        S(B3, (2, 4, 3), left=False),
        S(np.zeros((0, 3, 3)), (3, 2)),
        S(A3, (3, 0)),
    ], torch=t("solve"), name="solve", errors=[
        (S(A3, (2,)), RuntimeError, "Incompatible shapes of A and B for the equation AX = B (3x3 and 2x1)"),
        (S(A3, INTS), RuntimeError, "linalg.solve: Expected a floating point tensor as input B. Got int64"),
        (S(A3, S.raw(minidl.ones(3))), RuntimeError, "Expected A and B to have the same dtype"),
        (S(A3, 3.0), TypeError, "argument 'B' must be Tensor, not float"),
        (S((2, 3), (2,)), RuntimeError, "A must be batches of square matrices"),
        (S(SINGULAR, (2,)), L.LinAlgError, "linalg.solve: The solver failed because the input matrix is singular"),
        (S(np.stack([A2, SINGULAR]), (2, 2)), L.LinAlgError, "linalg.solve: (Batch element 1): The solver"),
    ]),
    Case(L.solve, [S(A3, (3,)), S(A3, (3, 2)), S(B3, (2, 3, 2))], np.linalg.solve, name="solve against NumPy"),
    Case(L.solve_triangular, [
        S(A3, (3, 2), upper=True),
        S(A3, (3, 2), upper=False),
        S(B3, (3, 2), upper=True),
        S(A3, (2, 3), upper=True, left=False),
        S(B3, (2, 2, 3), upper=False, left=False),
        S(A3, (3, 2), upper=False, unitriangular=True),
        S(A3, (3, 2), upper=True, unitriangular=True),
    ], torch=t("solve_triangular"), name="solve_triangular", errors=[
        (S(A3, (3,), upper=True), RuntimeError, "The input tensor B must have at least 2 dimensions"),
        (S(np.zeros((2, 2)), (2, 1), upper=True), L.LinAlgError, "is singular"),
    ]),
    Case(L.solve_triangular, [S(A3, (3, 2), upper=False)],
         lambda a, b, upper: scipy.linalg.solve_triangular(a, b, lower=not upper),
         name="solve_triangular against SciPy"),
    both(lambda L, B, upper=False: equations.cholesky_solve(B, L, upper),
         torch and (lambda L, B, upper=False: torch.cholesky_solve(B, L, upper)), [S(A3, (3, 2)), S(B3, (2, 3, 2))],
         before=lower, name="cholesky_solve"),
    both(equations.cholesky_inverse, t("cholesky_inverse"), [S(A3), S(B3)], before=lower, name="cholesky_inverse"),
    both(lambda L, B: equations.cholesky_solve(B, L, True), torch and (lambda L, B: torch.cholesky_solve(B, L, True)),
         [S(A3, (3, 2))], before=lambda A: lower(A).mT, name="cholesky_solve, upper"),
    row("cholesky_solve",
        S((3, 2), np.tril(rows.EVEN)),
        S((2, 3, 1), np.stack([np.tril(rows.EVEN), np.eye(3)])),
        S((3, 1), np.triu(rows.EVEN), True),
        S((1, 1), np.array([[2.0]])),
        grad=False),
    both(lambda L: equations.cholesky_inverse(L, True), torch and (lambda L: torch.cholesky_inverse(L, True)),
         [S(A3)], before=lambda A: lower(A).mT, name="cholesky_inverse, upper"),
    row("cholesky_inverse",
        S(np.tril(rows.EVEN)),
        S(np.stack([np.tril(rows.EVEN), np.eye(3)])),
        S(np.triu(rows.EVEN), True),
        S(np.array([[2.0]])),
        grad=False),
    Case(L.tensorinv, [S(matrix(6, 6).reshape(6, 2, 3), ind=1), S(matrix(6, 6).reshape(2, 3, 3, 2))],
         np.linalg.tensorinv, torch=t("tensorinv"), name="tensorinv",
         errors=[(S((2, 3, 4)), RuntimeError, "prod(self.shape[ind:]) == prod(self.shape[:ind]), but got 4 != 6"),
                 (S((2, 2), ind=0), RuntimeError, "Expected a strictly positive integer for 'ind'")]),
    row("linalg.tensorinv",
        S(np.eye(6).reshape(6, 2, 3) + 0.1, ind=1),
        S(np.eye(4).reshape(2, 2, 4) + 0.1),
        S(np.eye(4).reshape(2, 2, 2, 2) + 0.1),
        S(rows.EVEN, ind=1)),
    Case(L.tensorsolve, [S(matrix(6, 6).reshape(6, 2, 3), (6,)), S(matrix(6, 6).reshape(2, 3, 6), (2, 3)),
                         S(matrix(6, 6).reshape(2, 6, 3), (2, 3), dims=(1,))],
         lambda a, b, dims=None: np.linalg.tensorsolve(a, b, dims), torch=t("tensorsolve"), name="tensorsolve",
         errors=[(S((2, 3, 4), (2,)), RuntimeError, "but got 12 != 2")]),
    row("linalg.tensorsolve",
        S(np.eye(6).reshape(6, 2, 3) + 0.1, (6,)),
        S(np.eye(4).reshape(2, 2, 4) + 0.1, (2, 2)),
        S(np.eye(4).reshape(2, 2, 2, 2) + 0.1, (2, 2)),
        S(rows.EVEN, (3,))),
    # determinants
    Case(L.det, [*SQUARES[:4], S(np.zeros((0, 2, 2))), S(np.zeros((0, 0)))], naive_det, torch=t("det"), name="det",
         errors=[*no_matrix("linalg.det"), NOT_SQUARE]),
    Case(L.det, [S(SINGULAR), S(np.zeros((2, 2))), S(np.zeros((1, 1))), S(np.stack([SINGULAR, A2])),
                 S(np.ones((3, 3))), S(np.diag([1.0, 2.0, 0.0]))], naive_det, name="det of singular matrices"),
    Case(L.slogdet, SQUARES, lambda a: tuple(np.linalg.slogdet(a)), torch=t("slogdet"), name="slogdet",
         errors=[*no_matrix("linalg.slogdet"), NOT_SQUARE]),
    Case(minidl.slogdet, SQUARES, lambda a: tuple(np.linalg.slogdet(a)), torch="slogdet"),
    both(equations.logdet, t("logdet"), [S(A3), S(B3)], before=positive, name="logdet"),
    row("logdet",
        S(rows.EVEN),
        S(np.stack([rows.EVEN, rows.EVEN.T + np.eye(3)])),
        S(np.array([[2.0]])),
        S(np.zeros((0, 2, 2)))),
    # decompositions
    both(L.cholesky, t("cholesky"), [S(A3), S(B3), S(A3, upper=True), S(B3, upper=True), S(matrix(1, 1))],
         before=positive),
    Case(L.cholesky, [S(np.array([[4.0, 2.0], [2.0, 5.0]]))], np.linalg.cholesky, grad=False,
         name="cholesky against NumPy", errors=[
             *no_matrix("linalg.cholesky"),
             NOT_SQUARE,
             (S(-np.eye(2)), L.LinAlgError,
              "linalg.cholesky: The factorization could not be completed because the input is not positive-definite "
              "(the leading minor of order 1 is not positive-definite)"),
             (S(np.stack([np.eye(3), np.diag([1.0, 1.0, -1.0])])), L.LinAlgError,
              "(Batch element 1): The factorization could not be completed because the input is not positive-definite "
              "(the leading minor of order 3"),
         ]),
    Case(after(L.qr, signed_qr), [
        *RECTANGLES,
        S(A3, mode="complete"),
        S(matrix(2, 4), mode="complete"),
        S(np.zeros((3, 0))),
        S(np.zeros((0, 3, 2))),
        S(np.zeros((0, 3))),
    ], torch=t("qr"), name="qr", errors=[
        *no_matrix("linalg.qr"),
        (S((2, 2), "x"), RuntimeError, "qr received unrecognized mode 'x'"),
    ]),
    Case(L.qr, [S(matrix(4, 2), "complete"), S(matrix(2, 4, 2), "complete")],
         lambda a, mode: tuple(np.linalg.qr(a, mode)), grad=False, torch=t("qr"), name="qr complete"),
    Case(L.qr, [S(matrix(4, 2), "r"), S(matrix(2, 2, 4), "r")], grad=False, torch=t("qr"), name="qr, only r"),
    Case(decompositions.qr_some, [S(A3), S(matrix(4, 2)), S(A3, False)], lambda a, some=True: tuple(np.linalg.qr(a)),
         name="the older qr"),
    calls("qr", lambda lib, A, *args: (lambda Q, R: (Q @ R, R.abs()))(*lib.qr(A, *args)),
          S((3, 2)),
          S((2, 3, 3)),
          S((3, 2), False),
          S((2, 3)),
          grad=False),
    Case(after(L.svd, parts), [S(*s.args, full_matrices=full) for s in RECTANGLES for full in (True, False)], rtol=1e-8,
         oracle=lambda a, full_matrices: parts(np.linalg.svd(a, full_matrices)),
         torch=t("svd") and after(t("svd"), parts),
         name="svd"),
    Case(after(decompositions.svd_some, lambda usv: (usv.U * usv.S[..., None, :] @ usv.V.mT, usv.S)), [
        S(matrix(4, 2)),
        S(B3),
    ], lambda a: (a, np.linalg.svd(a)[1]), name="the older svd"),
    Case(L.svdvals, [*RECTANGLES, S(np.zeros((0, 3)))], lambda a: np.linalg.svd(a, compute_uv=False),
         torch=t("svdvals"), name="svdvals", errors=no_matrix("linalg.svdvals")),
    calls("svd", lambda lib, A, *args: (lambda U, s, V: ((U * s[..., None, :]) @ V.mT, s))(*lib.svd(A, *args)),
          S((3, 2)),
          S((2, 3, 3)),
          S((2, 3)),
          S((3, 3), False),
          grad=False, rtol=1e-8),
    both(
        after(L.eigh, parts_of_eigh), t("eigh") and after(t("eigh"), parts_of_eigh),
        [S(A3), S(B3), S(A3, "U"), S(A3, UPLO="U")], before=symmetric, name="eigh"),
    both(L.eigvalsh, t("eigvalsh"), [S(A3), S(B3), S(A3, "U")], before=symmetric, name="eigvalsh",
         errors=[(S(A3, "X"), RuntimeError, "Expected UPLO argument to be 'L' or 'U', but got X")]),
    *[calls(name, functools.partial(symmetric_in_eigenvalues, name=name),
            S(rows.EVEN),
            S(np.array([[0.0, 1.0], [-1.0, 0.0]])),
            S(np.stack([rows.EVEN, np.diag([1.0, 5.0, 9.0])])),
            S(np.array([[2.0]])),
            grad=False, strict=False)
      for name in ("eig", "eigvals")],
    calls("linalg.eigvalsh", lambda lib, A, *args: lib.linalg.eigvalsh(A + A.mT, *args),
          S(rows.EVEN),
          S(np.stack([rows.EVEN, np.diag([1.0, 5.0, 9.0])])),
          S(rows.EVEN, "U"),
          S(np.array([[2.0]])),
          gradgrad=False),
    Case(L.eigh, [S(A3, "L"), S(A3, "U")], lambda a, UPLO: tuple(np.linalg.eigh(a, UPLO)), grad=False,
         name="eigh against NumPy", errors=[*no_matrix("linalg.eigh"), NOT_SQUARE]),
    Case(L.pinv, [*RECTANGLES, S(np.zeros((0, 3)))], np.linalg.pinv, torch=t("pinv"), name="pinv", rtol=1e-8,
         errors=no_matrix("linalg.pinv")),
    Case(L.pinv, [S(np.diag([3.0, 1.0]), atol=2.0), S(np.diag([3.0, 1.0]), rtol=0.5), S(np.diag([3.0, 1.0]), rtol=0.2)],
         lambda a, atol=0, rtol=0: np.diag([1 / 3, 0 if max(atol, rtol * 3) >= 1 else 1]), gradgrad=False, grad=False,
         torch=t("pinv"), name="pinv with tolerances"),
    both(L.pinv, t("pinv"), [S(A3, hermitian=True), S(B3, hermitian=True)], before=symmetric,
         name="pinv of symmetric matrices"),
    Case(decompositions.pinverse, [S(matrix(3, 2))], np.linalg.pinv, torch="pinverse", name="pinverse", rtol=1e-8),
    row("pinverse", S(rows.EVEN), S((3, 2)), S((2, 3)), S((2, 3, 2)), rtol=1e-6, gradgrad=False),
    Case(L.matrix_rank, [
        S(A3),
        S(SINGULAR),
        S(np.zeros((2, 3))),
        S(np.stack([SINGULAR, A2])),
        S(np.diag([3.0, 1.0]), atol=2.0),
        S(np.diag([3.0, 1.0]), rtol=0.5),
        S(SINGULAR, hermitian=True),
    ], torch=t("matrix_rank"), grad=False, name="matrix_rank"),
    Case(after(L.lstsq, at(0)), [S(matrix(4, 2), (4, 3)), S(matrix(4, 2), (4,)), S(matrix(2, 4), (2, 3)), S(A3, (3, 2)),
                                 S(matrix(2, 4, 2), (2, 4, 1)), S(matrix(2, 4, 2), (2, 4))],
         torch=t("lstsq") and after(t("lstsq"), at(0)), name="lstsq", rtol=1e-8,
         errors=[(S((3, 2), (2, 1)), RuntimeError, "Incompatible shapes of A and B"),
                 (S((3, 2), (3, 1), driver="x"), RuntimeError, "should be one of (gels, gelsy, gelsd, gelss)")]),
    Case(lambda *args: tuple(L.lstsq(*args, driver="gelsd")), [
        S(matrix(4, 2), (4, 3)),
        S(np.ones((3, 2)), (3, 1)),
        S(matrix(2, 4), (2, 3)),
    ], torch=t("lstsq") and (lambda *args: tuple(T.lstsq(*args, driver="gelsd"))), grad=False,
       name="lstsq, all of it"),
    # norms and functions
    Case(L.vector_norm,
         [S((2, 3), *rest) for rest in [(), (1,), (2,), (3,), (0.5,), (INF,), (-INF,), (0,), (-1,), (-2.5,)]]
         + [
             S((2, 3, 2), 3, dim=(0, 2)),
             S((2, 3), 2, 1, True),
             S((2, 3), 2, dim=None, keepdim=True),
             S((), 3),
             S((0,), 2),
         ],
         torch=t("vector_norm"), name="vector_norm",
         errors=[(S(INTS), RuntimeError,
                  "linalg.vector_norm: Expected a floating point or complex tensor as input. Got int64"),
                 (S((2, 2), "fro"), TypeError, "'ord' must be a number")]),
    Case(L.vector_norm,
         [S(np.array([0.0, 0.0, 0.0]), p) for p in (1, 2, 3, 1.5)]
         + [S(np.array([0.0, 1.0, -2.0]), p) for p in (3, -1)],
         torch=t("vector_norm"), gradgrad=False, name="vector_norm at zero"),
    Case(L.matrix_norm,
         [S(a, p) for p in ("fro", "nuc", 1, -1, 2, -2, INF, -INF) for a in (A3, matrix(2, 2, 3))]
         + [S((2, 3, 4), p, dim=(0, 2), keepdim=True) for p in ("fro", "nuc", 1, 2, -INF)]
         + [S((2, 3, 4), p, dim=(2, 0)) for p in ("nuc", 1, INF)],
         torch=t("matrix_norm"), name="matrix_norm", rtol=1e-8,
         errors=[
             (S((2, 2), 3), RuntimeError, "Order 3 not supported"),
             (S((2, 2), "x"), RuntimeError, "Order x not supported"),
             (S((2, 2), dim=(0, 0)), RuntimeError, "dims must be different. Got (0, 0)"),
             (S((2, 2), dim=0), RuntimeError, "dim must be a 2-tuple. Got 0"),
             (S((2,)), RuntimeError, "at least 2 dimensions"),
         ]),
    Case(L.matrix_norm, [S(A3, p) for p in ("fro", "nuc", 1, -1, 2, -2, INF, -INF)], np.linalg.norm,
         name="matrix_norm against NumPy"),
    Case(L.norm, [
        S((2, 3)),
        S((2, 3, 4)),
        S((2, 3), dim=1),
        S((2, 3), "fro"),
        S((2, 3), "nuc"),
        S((2, 3), 2),
        S((3,), 2),
        S((3,), 1),
        S((2, 3), 1, 0),
        S((2, 3), 1, dim=(0, 1)),
        S((2, 3, 2), "fro", dim=(1, 2), keepdim=True),
        S((2, 3), INF, dim=(1,)),
        S((2, 3), None, dim=(0, 1)),
    ], torch=t("norm"), name="linalg.norm", rtol=1e-8, errors=[
        (S((2, 2, 2), 2), RuntimeError, "If dim is not specified but ord is, the input must be 1D or 2D. Got 3D."),
        (S((2, 2, 2), 2, dim=(0, 1, 2)), RuntimeError, "it must be of length 1 or 2. Got [0, 1, 2]"),
        (S((2, 2), "fro", 0), RuntimeError, "dim must be a 2-tuple"),
    ]),
    Case(L.cond, [S(a, p) for p in (None, 2, -2) for a in (A3, B3)] + [S(matrix(3, 2))],
         torch=t("cond"), name="cond", rtol=1e-8),
    Case(L.cond, [S(A3, p) for p in (None, 2, -2, "fro", "nuc", 1, -1, INF, -INF)] + [S(B3, "fro")],
         lambda a, p: each(np.linalg.cond)(a, p), name="cond against NumPy", rtol=1e-8,
         errors=[(S((2, 2), "x"), RuntimeError, "linalg.cond got an invalid norm type: x"),
                 (S((2, 3), 1), RuntimeError, "linalg.cond(ord=1): A must be batches of square matrices")]),
    Case(L.matrix_power, [S(a, n) for n in (1, 2, 3, 5, -1, -2) for a in (A2, B3)], power_by_hand,
         torch=t("matrix_power"), name="matrix_power", rtol=1e-8,
         errors=[
             (S((2, 3), 2), *NOT_SQUARE[1:]),
             (S((2, 2), 1.5), TypeError, "argument 'n' (position 2) must be int, not float"),
             (S(SINGULAR, -1), L.LinAlgError, "singular"),
         ]),
    Case(L.matrix_power, [S(A2, 0), S(B3, 0)], power_by_hand, grad=False, name="matrix_power 0"),
    Case(L.matrix_exp, [
        S(A3),
        S(B3),
        S(10 * A2),
        S(0.01 * A2),
        S(np.zeros((2, 2))),
        S(np.zeros((0, 2, 2))),
        S(np.stack([20 * A2, 0.1 * A2])),
        S(np.zeros((0, 0))),
    ], each(scipy.linalg.expm), torch=t("matrix_exp"), name="matrix_exp", rtol=1e-8,
       errors=[*no_matrix("linalg.matrix_exp"), NOT_SQUARE]),
    # products
    Case(linalg.addbmm, [
        S((2, 4), (3, 2, 3), (3, 3, 4)),
        S((4,), (3, 2, 3), (3, 3, 4), beta=0.5, alpha=2.0),
        S((2, 4), (0, 2, 3), (0, 3, 4)),
    ], lambda x, a, b, beta=1, alpha=1: beta * x + alpha * (a @ b).sum(0), torch="addbmm", name="addbmm", errors=[
        (S((2,), (2, 3, 3), (3, 3, 3)), RuntimeError, "addbmm: Expected size for first two dimensions"),
        (S((2,), (2, 3, 3), (2, 3, 3)), RuntimeError, "addbmm: shapes"),
    ]),
    row("addbmm",
        S((2, 3), (4, 2, 5), (4, 5, 3)),
        S((3,), (1, 2, 5), (1, 5, 3), beta=0.5),
        S((2, 1), (4, 2, 1), (4, 1, 3), alpha=2),
        S((2, 3), (4, 2, 5), (4, 5, 3), beta=0.0, alpha=-1.0)),
    Case(linalg.addr, [S((2, 3), (2,), (3,)), S((3,), (2,), (3,), beta=0.5, alpha=2.0)],
         lambda x, a, b, beta=1, alpha=1: beta * x + alpha * np.outer(a, b), torch="addr", name="addr",
         errors=[(S((2,), (2, 2), (2,)), RuntimeError, "addr: vec1 must be a 1D tensor")]),
    row("addr",
        S((2, 3), (2,), (3,)),
        S((3,), (2,), (3,), beta=0.5),
        S((), (2,), (3,), alpha=-1.0),
        S((0, 3), (0,), (3,))),
    Case(linalg.inner, [S((2, 3), (4, 3)), S((3,), (3,)), S((2, 3), (3,)), S((), (2, 3)), S((2, 2, 3), (2, 3))],
         np.inner, torch="inner", name="inner",
         errors=[(S((2, 3), (4,)), RuntimeError, "got shapes [2, 3] and [4]")]),
    Case(L.vecdot, [S((2, 3), (2, 3)), S((2, 3), (3,)), S((3, 2), (3, 1), dim=0)],
         lambda a, b, dim=-1: (a * b).sum(dim), torch=t("vecdot"), name="vecdot"),
    row("linalg.vecdot", S((2, 3), (2, 3)), S((2, 3), (3,)), S((2, 3), (2, 1), dim=0), S((3,), (3,))),
    Case(L.cross, [S((2, 3), (2, 3)), S((3, 2), (3, 2), dim=0), S((3, 3), (1, 3))], torch=t("cross"),
         name="linalg.cross"),
    row("linalg.cross", S((2, 3), (2, 3)), S((3,), (3,)), S((3, 2), (3, 2), dim=0), S((2, 3), (1, 3))),
    Case(L.diagonal, [S((2, 3, 3)), S((3, 4), offset=1), S((3, 2, 4), dim1=0, dim2=2)], torch=t("diagonal"),
         name="linalg.diagonal"),
    row("linalg.diagonal", S((2, 3)), S((2, 3, 4), offset=1), S((2, 3, 4), dim1=0, dim2=1), S(rows.INTS, offset=-1)),
    # distances
    Case(distance.cdist, [S((3, 2), (4, 2), *p) for p in [(), (1.0,), (3.0,), (0.5,), (INF,), (0.0,)]] + [
        S((2, 3, 2), (4, 2)),
        S((2, 1, 3, 2), (3, 4, 2)),
        S((2, 26, 3), (4, 3)),
        S((3, 30), (27, 30)),
        S((3, 2), (0, 2)),
        S((0, 2), (30, 2)),
        S((3, 2), (4, 2), compute_mode="use_mm_for_euclid_dist"),
        S((30, 2), (4, 2), compute_mode="donot_use_mm_for_euclid_dist"),
        S((3, 0), (30, 0)),
    ], naive_cdist, torch="cdist", name="cdist", rtol=1e-8, errors=[
        (S((2,), (2,)), RuntimeError, "cdist only supports at least 2D tensors, X1 got: 1D"),
        (S((2, 3), (2, 2)), RuntimeError, "X1 and X2 must have the same number of columns. X1: 3 X2: 2"),
        (S((2, 3), (2, 3), p=-1), RuntimeError, "cdist only supports non-negative p values"),
        (S(INTS, (2, 3)), RuntimeError, "cdist only supports floating-point dtypes, X1 got: int64"),
        (S((2, 3), 1.0), TypeError, "argument 'x2' must be Tensor"),
        (S((2, 3), S.raw(minidl.ones(2, 3))), RuntimeError, "the same dtype"),
        (S((2, 3), (2, 3), compute_mode="x"), ValueError, "x is not a valid value for compute_mode"),
    ]),
    Case(distance.dist, [S((3, 2), (3, 2)), S((3, 2), (2,), 1), S((3,), (3,), INF), S((3,), (3,), p=3)],
         lambda a, b, p=2: np.linalg.norm((a - b).ravel(), p), torch="dist", name="dist"),
    # made of others
    Case(
        combine.block_diag, [S((2, 3), (1, 2)), S((3,), (2, 2), ()), S((2, 2)), S((0, 2), (2, 1)), S(INTS, (2, 2))],
        torch="block_diag", name="block_diag",
        errors=[(S((2, 3, 3)), RuntimeError, "Input tensors must have 2 or fewer dimensions. Input 0 has 3")]),
    Case(combine.cartesian_prod, [S((2,), (3,)), S((2,), (3,), (2,)), S((3,)), S(INTS[0], INTS[1]), S((0,), (3,))],
         torch="cartesian_prod", name="cartesian_prod",
         errors=[(S((2, 3)), RuntimeError, "Expect a 1D vector, but got shape [2, 3]")]),
    Case(combine.combinations, [S((4,)), S((4,), 3), S((4,), 1), S((3,), 2, True), S((3,), 4), S(INTS[1], 2)],
         torch="combinations", name="combinations",
         errors=[(S((2, 3)), RuntimeError, "Expect a 1D vector"), (S((3,), -1), RuntimeError, "but got -1")]),
    Case(L.vander, [S((3,)), S((2, 3)), S((3,), N=2), S((2,), N=4), S(INTS[0]), S(np.array([0.0, 1.0]), N=3)],
         torch=t("vander"), name="vander",
         errors=[(S(()), RuntimeError, "Expected dim > 0"),
                 (S((3,), N=1), RuntimeError, "N must be greater than 1")]),
]


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.filterwarnings("ignore:.*deprecated.*", "ignore:Using torch.cross")
def test_battery(case):
    check_case(case)


# ---------------------------------------------------------------------- by hand


def test_the_inverse_by_hand():
    """y = 1/x for a 1 x 1 matrix, so dy/dx = -1/x^2; and of [[a, b], [0, d]] by the formula."""
    x = minidl.tensor([[4.0]], requires_grad=True)
    L.inv(x).backward(minidl.ones(1, 1))
    assert x.grad.tolist() == [[-1 / 16]]
    assert L.inv(minidl.tensor([[2.0, 1.0], [0.0, 4.0]])).tolist() == [[0.5, -0.125], [0.0, 0.25]]


def test_the_gradient_of_a_determinant_is_its_cofactors():
    """det [[a, b], [c, d]] = ad - bc."""
    a = minidl.tensor([[2.0, 3.0], [5.0, 7.0]], requires_grad=True)
    L.det(a).backward()
    np.testing.assert_allclose(a.grad.numpy(), [[7, -5], [-3, 2]], rtol=1e-5)
    zero = minidl.tensor([[1.0, 2.0], [2.0, 4.0]], requires_grad=True)
    L.det(zero).backward()
    assert zero.grad.tolist() == [[4.0, -2.0], [-2.0, 1.0]]


def test_cholesky_by_hand():
    """L = sqrt(a) for a 1 x 1 matrix, so its derivative is 1 / (2 sqrt(a))."""
    a = minidl.tensor([[16.0]], requires_grad=True)
    L.cholesky(a).backward(minidl.ones(1, 1))
    assert a.grad.tolist() == [[0.125]]


def test_eigenvalues_by_hand():
    """[[a, b], [b, a]] has the eigenvalues a - b and a + b, and the vectors (1, -1) and (1, 1)."""
    a = minidl.tensor([[2.0, 1.0], [1.0, 2.0]], requires_grad=True)
    w = L.eigvalsh(a)
    w[1].backward()
    np.testing.assert_allclose(w.tolist(), [1, 3], rtol=1e-6)
    np.testing.assert_allclose(a.grad.tolist(), [[0.5, 0.5], [0.5, 0.5]], rtol=1e-6)


def test_the_exponential_of_a_rotation():
    """exp [[0, -t], [t, 0]] turns by the angle t."""
    for t in (0.5, 30.0):
        y = L.matrix_exp(minidl.tensor([[0.0, -t], [t, 0.0]], dtype=minidl.float64))
        np.testing.assert_allclose(y.numpy(), [[math.cos(t), -math.sin(t)], [math.sin(t), math.cos(t)]], atol=1e-12)


# ---------------------------------------------------------------------- regressions and limits


def test_linalg_error_is_a_runtime_error_that_names_the_matrix():
    x = np.stack([np.eye(2), SINGULAR, np.eye(2)])
    with pytest.raises(RuntimeError, match=r"linalg.inv: \(Batch element 1\): .* is singular"):
        L.inv(minidl.tensor(x))
    with pytest.raises(L.LinAlgError, match="linalg.inv: The inversion"):
        L.inv(minidl.tensor(SINGULAR))


@pytest.mark.parametrize("function", [L.svd, L.svdvals, L.eigh, L.eigvalsh, L.pinv, L.matrix_rank],
                         ids=lambda f: f.__name__)
def test_nan_is_refused_by_what_iterates(function):
    x = np.stack([np.eye(2), SINGULAR, np.eye(2)])
    x[2, 0, 0] = math.nan
    with pytest.raises(L.LinAlgError, match=r"\(Batch element 2\): The algorithm failed to converge .* non-finite"):
        function(minidl.tensor(x))


def test_nan_is_passed_on_by_what_does_not_iterate():
    assert L.inv(minidl.full((2, 2), math.nan)).isnan().all()


def test_a_device_that_does_not_raise_is_checked():
    """CuPy returns inf or nan where NumPy raises."""
    x, infinite = StrictArray(np.stack([np.eye(2), SINGULAR])), StrictArray(np.full((2, 2, 2), INF))
    with pytest.raises(L.LinAlgError, match=r"who: \(Batch element 1\): what"):
        equations.run_solver(x, lambda: infinite, "who: what")
    regular = StrictArray(np.eye(2))
    assert equations.run_solver(regular, lambda: infinite, "who: what") is infinite     # too large, but not singular


def test_coinciding_singular_values_do_no_harm_to_the_gradient_of_values():
    x = minidl.eye(3, dtype=minidl.float64).requires_grad_()
    L.svdvals(x).sum().backward()
    assert x.grad.tolist() == np.eye(3).tolist()
    x.grad = None
    L.eigvalsh(x).sum().backward()
    assert x.grad.tolist() == np.eye(3).tolist()


def test_what_has_no_gradient_says_so():
    x = minidl.tensor(matrix(4, 2), requires_grad=True)
    with pytest.raises(RuntimeError, match="not differentiable when mode='complete' and nrows > ncols"):
        L.qr(x, mode="complete").Q.sum().backward()
    with pytest.raises(RuntimeError, match="depends on Q, which is not computed when mode='r'"):
        L.qr(x, mode="r").R.sum().backward()


def test_names_of_results():
    A = minidl.tensor(A3)
    assert L.qr(A)._fields == ("Q", "R")
    assert L.svd(A)._fields == ("U", "S", "Vh")
    assert decompositions.svd_some(A)._fields == ("U", "S", "V")
    assert L.eigh(A)._fields == ("eigenvalues", "eigenvectors")
    assert L.slogdet(A)._fields == ("sign", "logabsdet")
    assert L.lstsq(A, A)._fields == ("solution", "residuals", "rank", "singular_values")


def test_shapes_of_the_older_svd():
    A = minidl.ones(2, 4, 3)
    assert [x.shape for x in decompositions.svd_some(A)] == [(2, 4, 3), (2, 3), (2, 3, 3)]
    assert [x.shape for x in decompositions.svd_some(A, some=False)] == [(2, 4, 4), (2, 3), (2, 3, 3)]
    U, s, V = decompositions.svd_some(A, compute_uv=False)
    assert U.shape == (2, 4, 4) and s.shape == (2, 3) and not V.any()


def test_lstsq_leaves_out_what_it_cannot_say():
    A, B = minidl.tensor(np.ones((3, 2))), minidl.tensor(np.ones((3, 1)))
    rank_one = L.lstsq(A, B)
    assert rank_one.rank.item() == 1 and rank_one.residuals.shape == (0,) and rank_one.singular_values.shape == (0,)
    np.testing.assert_allclose(rank_one.solution.numpy(), [[0.5], [0.5]])


@pytest.mark.parametrize("driver", [None, "gels", "gelsy", "gelsd", "gelss"])
@pytest.mark.parametrize("shape", [(3, 2), (2, 3), (2, 2), (4, 3, 2)])
def test_lstsq_gives_what_its_driver_does(driver, shape):
    A, B = matrix(*shape), matrix(*shape[:-1], 2)
    found = L.lstsq(minidl.tensor(A, requires_grad=True), minidl.tensor(B), driver=driver)
    tall, full = shape[-2] > shape[-1], driver in ("gelsd", "gelss")
    assert found.residuals.shape == ((*shape[:-2], 2) if tall and driver not in (None, "gelsy") else (0,))
    assert found.rank.shape == ((0,) if driver == "gels" else shape[:-2]) and found.rank.dtype == minidl.int64
    assert found.singular_values.shape == ((*shape[:-2], min(shape[-2:])) if full else (0,))
    assert not found.singular_values.requires_grad and found.solution.requires_grad
    if torch is not None:
        theirs = torch.linalg.lstsq(torch.from_numpy(A), torch.from_numpy(B), driver=driver)
        for mine, other in zip(found, theirs):
            np.testing.assert_allclose(mine.detach().numpy(), other.numpy(), rtol=1e-9, atol=1e-12)


def test_powers_of_halves():
    x = minidl.tensor([[1.0, 1.0], [0.0, 1.0]], dtype=minidl.float16, requires_grad=True)
    assert L.matrix_power(x, 0).tolist() == [[1, 0], [0, 1]] and L.matrix_power(x, 0).requires_grad
    assert L.matrix_power(x, 3).tolist() == [[1, 3], [0, 1]] and L.matrix_power(x, 3).dtype == minidl.float16
    with pytest.raises(RuntimeError, match="linalg.inv: Low precision"):
        L.matrix_power(x, -1)


def test_logdet_of_a_negative_determinant_is_nan():
    assert math.isnan(equations.logdet(-minidl.eye(3)).item())
    assert equations.logdet(minidl.zeros(2, 2)).item() == -INF


def test_cond_of_singular_matrices_is_infinite():
    assert L.cond(minidl.tensor(np.stack([np.eye(2), SINGULAR])), 1).tolist() == [1.0, INF]


def test_combinations_of_none():
    assert combine.combinations(minidl.arange(3), 0).shape == (0,)


def test_distances_of_a_point_from_itself_are_zero_and_so_are_their_gradients():
    """Also far from the origin, in float32, by way of a matrix product."""
    x = (minidl.randn(40, 3) + 100).requires_grad_()
    y = distance.cdist(x, x)
    assert (y.diagonal() == 0).all()
    y.diagonal().sum().backward()
    assert (x.grad == 0).all()


def test_cdist_far_from_the_origin_keeps_its_digits():
    x = np.random.default_rng(0).standard_normal((40, 3)) + 1000
    exact = naive_cdist(x, x[:7])
    np.testing.assert_allclose(distance.cdist(minidl.tensor(x), minidl.tensor(x[:7])).numpy(), exact, rtol=1e-9,
                               atol=1e-12)


def test_only_large_distances_take_the_product_of_matrices():
    a, b = minidl.ones(3, 2, requires_grad=True), minidl.ones(26, 2)
    assert isinstance(distance.cdist(a, b).grad_fn, distance.CDist)
    assert not isinstance(distance.cdist(a, b[:25]).grad_fn, distance.CDist)


def test_a_determinant_too_large_for_float32_is_infinite():
    assert L.det(1e30 * minidl.eye(2)).item() == INF


def test_plain_arrays_give_plain_arrays():
    ys = [L.inv(A3), L.solve(A3, A3), L.det(A3), *L.qr(A3), *L.qr(A3.T[:2]), *L.svd(A3), *L.eigh(A3), L.pinv(A3),
          L.matrix_exp(A3), L.matrix_norm(A3), L.svdvals(A3), L.matrix_power(A3, 0), L.cond(A3, 1),
          distance.cdist(A3, A3), combine.block_diag(A3, A3)]
    assert all(isinstance(y, (np.ndarray, np.generic)) for y in ys)


def test_the_matrix_of_minors_is_right_for_every_matrix():
    np.testing.assert_allclose(equations.cofactors(B3),
                               np.linalg.det(B3)[:, None, None] * np.linalg.inv(B3).swapaxes(1, 2), rtol=1e-10)


def test_float32_exponentials_of_large_matrices():
    x = matrix(4, 4) * 5
    y = L.matrix_exp(minidl.tensor(x, dtype=minidl.float32))
    expected = scipy.linalg.expm(x)
    assert np.abs(y.numpy() - expected).max() < 1e-4 * np.abs(expected).max()


def test_cond_of_a_matrix_without_elements_is_zero():
    assert L.cond(minidl.zeros(2, 0, 3)).tolist() == [0, 0] and L.cond(minidl.zeros(0, 0), -2).item() == 0


def test_powers_of_integers_count_paths():
    """From one corner of a triangle back to it in three steps: left round, or right round."""
    triangle = 1 - minidl.eye(3, dtype=minidl.int64)
    power = L.matrix_power(triangle, 3)
    assert power.dtype == minidl.int64 and power.tolist() == [[2, 3, 3], [3, 2, 3], [3, 3, 2]]
    assert L.matrix_power(triangle, 0).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    with pytest.raises(RuntimeError, match="Expected a floating point"):
        L.matrix_power(triangle, -1)
