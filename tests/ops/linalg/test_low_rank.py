"""Singular values by random vectors: exact where the rank is low, whatever was drawn."""
import numpy as np
import pytest

import minidl
from minidl.ops.linalg import low_rank
from tests.checking import Case, S, check_case, torch
from tests.ops.linalg.test_decompositions import matrix


def of_rank_2(*shape):
    m = matrix(*shape)
    U, s, Vh = np.linalg.svd(m, full_matrices=False)
    return U[..., :2] * s[..., None, :2] @ Vh[..., :2, :]


def product(function):
    """What of the result does not depend on signs: the matrix that it stands for, and the values."""
    def called(*args, **kwargs):
        U, S, V = function(*args, **kwargs)
        return (U * S[..., None, :]) @ V.mT, S
    called.__name__ = getattr(function, "__name__", "case")
    return called


def best(a, q=6, niter=2, M=None):
    """By a full decomposition."""
    U, s, Vh = np.linalg.svd(a if M is None else a - M, full_matrices=False)
    q = min(q, s.shape[-1])
    return U[..., :q] * s[..., None, :q] @ Vh[..., :q, :], s[..., :q]


def best_centred(a, q=None, center=True, niter=2):
    return best(a - a.mean(-2, keepdims=True) if center else a, min(6, *a.shape[-2:]) if q is None else q)


WIDE, TALL, STACK = of_rank_2(3, 5), of_rank_2(6, 3), of_rank_2(2, 5, 4)
CASES = [
    Case(product(low_rank.svd_lowrank), [
        S(TALL, 2),
        S(WIDE, 2),
        S(STACK, 2),
        S(matrix(4, 3), 3),
        S(matrix(3, 4), q=3, niter=0),
        S(TALL + 1, 2, M=np.ones((6, 3))),
    ], oracle=best, torch=torch and product(torch.svd_lowrank), gradgrad=False, rtol=1e-7, name="svd_lowrank"),
    Case(product(low_rank.svd_lowrank), [S(matrix(4, 3)), S(matrix(2, 3))], oracle=best,
         torch=torch and product(torch.svd_lowrank), grad=False, rtol=1e-7,
         name="svd_lowrank of few rows or columns"),      # PyTorch's gradient is nan
    Case(product(low_rank.pca_lowrank), [
        S(matrix(4, 3)),
        S(matrix(5, 2), 2),
        S(TALL, 2, center=False),
        S(matrix(2, 5, 3), 3),
    ], oracle=best_centred, torch=torch and product(torch.pca_lowrank), grad=False, rtol=1e-7, name="pca_lowrank",
       errors=[(S((3, 2), 3), ValueError, "q (=3) must be non-negative integer and not greater than min(m, n)=2"),
               (S((3, 2), niter=-1), ValueError, "niter (=-1)")]),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_the_largest_of_many():
    """A spectrum that falls off: the few that are asked for are right to several digits."""
    minidl.manual_seed(0)
    U, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((30, 20)))
    s = 0.5 ** np.arange(20)
    A = minidl.tensor(U * s)
    np.testing.assert_allclose(low_rank.svd_lowrank(A, q=6).S[:3].numpy(), s[:3], rtol=1e-4)
