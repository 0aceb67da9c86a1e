"""Linear algebra of complex matrices against PyTorch and finite differences.

Factors are determined up to factors of absolute value 1, so what is compared does not depend on them.
"""
import functools

import numpy as np
import pytest

import minidl
from tests.checking import Case, S, check_case, torch

stream = np.random.default_rng(0)


def C(*shape):
    return stream.standard_normal(shape) + 1j * stream.standard_normal(shape)


def hermitian(*shape):
    a = C(*shape)
    return a @ a.conj().swapaxes(-2, -1) + np.eye(shape[-1])


SQUARE, BATCH, WIDE, TALL, H, B = C(3, 3), C(2, 3, 3), C(2, 3), C(4, 2), hermitian(2, 3, 3), C(3, 2)
LOW_RANK = C(4, 1) @ C(1, 3)
MATRICES = [S(SQUARE), S(BATCH), S(WIDE), S(TALL), S(C(0, 3, 3))]


def row(name, call, *samples, **kwargs):
    """`call(library, *arguments)`."""
    return Case(functools.partial(call, minidl), samples, torch=torch and functools.partial(call, torch),
                name=f"complex {name}", rtol=kwargs.pop("rtol", 1e-8), **kwargs)


def symmetric(a):
    """Only half of a Hermitian matrix is read: this makes it depend on both."""
    return (a + a.mH) / 2


CASES = [
    row("slogdet", lambda l, a: l.linalg.slogdet(a), S(SQUARE), S(BATCH)),
    row("logdet", lambda l, a: l.logdet(a), S(SQUARE), S(BATCH)),
    row("cholesky", lambda l, a: l.linalg.cholesky(symmetric(a)), S(H), S(H[0])),
    row("cholesky upper", lambda l, a: l.linalg.cholesky(symmetric(a), upper=True), S(H)),
    row("cholesky_ex", lambda l, a: tuple(l.linalg.cholesky_ex(symmetric(a), upper=True)), S(H)),
    row("cholesky_solve", lambda l, b, a: l.cholesky_solve(b, l.linalg.cholesky(symmetric(a))), S(B, H[0])),
    row("cholesky_solve upper", lambda l, b, a: l.cholesky_solve(b, a.triu(), upper=True), S(B, H[0])),
    row("cholesky_inverse", lambda l, a: (l.cholesky_inverse(a.tril()), l.cholesky_inverse(a.triu(), upper=True)),
        S(H[0])),
    row("qr", lambda l, a: tuple(l.linalg.qr(a)), S(SQUARE), S(BATCH), S(WIDE), S(TALL)),
    row("svd",
        lambda l, a: (lambda U, s, V: (s, U @ V,
                                       (U * s.exp()[..., None, :]) @ V))(*l.linalg.svd(a, full_matrices=False)),
        S(SQUARE),
        S(BATCH),
        S(WIDE),
        S(TALL)),
    row("left singular vectors", lambda l, a: l.linalg.svd(a, full_matrices=False)[0].abs() ** 3, S(SQUARE), S(TALL)),
    row("right singular vectors", lambda l, a: l.linalg.svd(a, full_matrices=False)[2].abs() ** 3, S(SQUARE), S(WIDE)),
    row("svd, older", lambda l, a: (lambda U, s, V: U @ V.mH)(*l.svd(a)), S(TALL)),
    row("svdvals", lambda l, a: l.linalg.svdvals(a), *MATRICES[:4]),
    row("eigh",
        lambda l, a: (lambda w, V: (w, V.abs() ** 3,
                                    (V * (-w).exp()[..., None, :]) @ V.mH))(*l.linalg.eigh(symmetric(a))),
        S(H)),
    row("eigh of the upper half", lambda l, a: l.linalg.eigh(a, "U")[0], S(H), grad=False),
    row("eigvalsh", lambda l, a: l.linalg.eigvalsh(symmetric(a)), S(H)),
    row("pinv", lambda l, a: l.linalg.pinv(a), *MATRICES[:4]),
    row("pinv of low rank", lambda l, a: l.linalg.pinv(a, rtol=1e-6), S(LOW_RANK), grad=False),
    row("pinv, hermitian", lambda l, a: l.linalg.pinv(symmetric(a), hermitian=True), S(H)),
    row("pinverse", lambda l, a: l.pinverse(a), S(WIDE)),
    row("matrix_rank", lambda l, a: l.linalg.matrix_rank(a), S(LOW_RANK), S(BATCH), grad=False),
    row("matrix_rank, hermitian", lambda l, a: l.linalg.matrix_rank(a, hermitian=True), S(H), grad=False),
    row("lstsq", lambda l, a, b: l.linalg.lstsq(a, b)[0], S(SQUARE, B), S(TALL, C(4, 3))),
    row("lstsq and its residuals", lambda l, a, b: tuple(l.linalg.lstsq(a, b, driver="gelsd")), S(TALL, C(4, 3)),
        grad=False),
    *[row(f"cond {p}", lambda l, a, p=p: l.linalg.cond(a, p), S(SQUARE), grad=p not in (1, "fro"))
      for p in (None, -2, 1, "fro", "nuc")],
    *[row(f"matrix_norm {p}", lambda l, a, p=p: l.linalg.matrix_norm(a, p), S(SQUARE), S(BATCH))
      for p in (2, -2, "nuc")],
    *[row(f"matrix_power {n}", lambda l, a, n=n: l.linalg.matrix_power(a, n), S(SQUARE), S(BATCH), grad=n != 0)
      for n in (-2, 0, 1, 5)],
    row("matrix_exp", lambda l, a: l.linalg.matrix_exp(a), S(SQUARE), S(BATCH)),
    row("inv_ex", lambda l, a: tuple(l.linalg.inv_ex(a)), S(BATCH)),
    row("solve_ex", lambda l, a, b: tuple(l.linalg.solve_ex(a, b)), S(BATCH, B)),
    row("solve_ex from the right", lambda l, a, b: tuple(l.linalg.solve_ex(a, b, left=False)), S(BATCH, C(2, 2, 3))),
    row("solve_triangular", lambda l, a, b: l.linalg.solve_triangular(a, b, upper=True), S(H, B)),
    row("solve_triangular from the right",
        lambda l, a, b: l.linalg.solve_triangular(a, b, upper=False, left=False, unitriangular=True),
        S(H, C(2, 3))),
    row("lu_factor", lambda l, a: l.linalg.lu_factor(a)[0], S(SQUARE), S(BATCH), S(WIDE), S(TALL)),
    row("lu", lambda l, a: tuple(l.linalg.lu(a)), S(SQUARE), S(WIDE), S(TALL)),
    *[row(f"lu_solve {kwargs}",
          lambda l, a, b, kwargs=kwargs: l.linalg.lu_solve(*l.linalg.lu_factor(a), b, **kwargs),
          S(BATCH, C(2, 3, 3)))
      for kwargs in ({}, {"adjoint": True}, {"left": False}, {"left": False, "adjoint": True})],
    *[row(f"triangular_solve {t}", lambda l, b, a, t=t: l.triangular_solve(b, a, transpose=t)[0], S(B, H[0]))
      for t in (False, True)],
    row("geqrf", lambda l, a: tuple(l.geqrf(a.detach())), S(TALL), grad=False),
    row("householder_product", lambda l, a, tau: l.linalg.householder_product(a, tau), S(TALL, C(2)), gradgrad=False),
    *[row(f"ormqr {left} {adjoint}",
          lambda l, a, tau, c, left=left, adjoint=adjoint: l.ormqr(a, tau, c, left, adjoint),
          S(SQUARE, C(3), C(3, 3)))
      for left in (False, True)
      for adjoint in (False, True)],
    row("cov", lambda l, a: l.cov(a), S(C(3, 5)), S(C(5))), row("corrcoef", lambda l, a: l.corrcoef(a), S(C(3, 5))),
    row("cov with weights", lambda l, a, w: l.cov(a, aweights=w), S(C(3, 5), np.arange(1.0, 6)), grad=False),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_a_loss_that_depends_on_a_phase_has_no_gradient():
    for vectors in (lambda a: minidl.linalg.svd(a)[0], lambda a: minidl.linalg.svd(a)[2],
                    lambda a: minidl.linalg.eigh(a)[1]):
        a = minidl.tensor(H[0], requires_grad=True)
        with pytest.raises(RuntimeError, match="determined up to a factor .* only"):
            (vectors(a) * C(3, 3)).real.sum().backward()
    if torch is not None:
        with pytest.raises(RuntimeError, match="phi"):
            (torch.linalg.svd(torch.tensor(H[0], requires_grad=True))[0] * torch.tensor(C(3, 3))).real.sum().backward()


def test_what_stays_real():
    with pytest.raises(RuntimeError, match="svd_lowrank: not supported for complex tensors, but A is complex128"):
        minidl.svd_lowrank(minidl.tensor(SQUARE))
