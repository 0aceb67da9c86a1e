"""LU factors and their gradients against PyTorch, and linear algebra that reports instead of raising."""
import numpy as np
import pytest

import minidl
import minidl.linalg as L
from minidl.ops import linalg
from tests.checking import Case, S, check_case, torch
from tests.ops.linalg.test_decompositions import A2, A3, B3, NOT_SQUARE, SINGULAR, matrix, no_matrix, t

SAMPLES = [
    S(A3),
    S(B3),
    S(matrix(4, 2)),
    S(matrix(2, 4)),
    S(matrix(2, 3, 2)),
    S(matrix(2, 2, 3)),
    S(matrix(1, 1)),
    S(np.zeros((0, 2, 2))),
    S(np.zeros((2, 0, 3))),
]
BAD = np.stack([A2, SINGULAR])
NOT_POSITIVE = np.array([[1.0, 2.0], [2.0, 1.0]])


def solving(factor, solve, **kwargs):
    """A factorisation, and a solution by it."""
    return factor and (lambda A, B: solve(*factor(A), B, **kwargs))


def older(function):
    return None if torch is None else (lambda *args, **kwargs: tuple(function(*args, **kwargs)))


CASES = [
    Case(L.lu, SAMPLES, torch=t("lu"), name="lu", errors=[
        *no_matrix("linalg.lu"),
        (S(A3, pivot=False), RuntimeError, "LU without pivoting"),
    ]),
    Case(L.lu_factor, [S(A3), S(B3), S(matrix(4, 2)), S(matrix(2, 4)), S(np.zeros((0, 2, 2)))],
         torch=t("lu_factor"), name="lu_factor",
         errors=[(S(SINGULAR), L.LinAlgError, "linalg.lu_factor: U[2,2] is zero"),
                 (S(BAD), L.LinAlgError, "(Batch element 1): U[2,2] is zero")]),
    Case(L.lu_factor_ex, [S(A3), S(B3), S(matrix(4, 2)), S(matrix(2, 4))], torch=t("lu_factor_ex"), name="lu_factor_ex",
         errors=[(S(SINGULAR, check_errors=True), L.LinAlgError, "linalg.lu_factor_ex: U[2,2] is zero")]),
    Case(L.lu_factor_ex, [S(SINGULAR), S(BAD)], torch=t("lu_factor_ex"), grad=False,
         name="lu_factor_ex of singular ones"),
    Case(lambda A, *args: linalg.lu_unpack(*L.lu_factor(A), *args), [S(A3), S(B3), S(matrix(4, 2)), S(matrix(2, 4))],
         torch=t("lu") and (lambda A, *args: torch.lu_unpack(*torch.linalg.lu_factor(A), *args)), name="lu_unpack"),
    Case(lambda A, *args: linalg.lu_unpack(*L.lu_factor(A), *args), [S(A3, False), S(A3, True, False)], grad=False,
         torch=t("lu") and (lambda A, *args: torch.lu_unpack(*torch.linalg.lu_factor(A), *args)),
         name="lu_unpack of a part"),
    *[Case(solving(L.lu_factor, L.lu_solve, **kwargs), samples,
           torch=solving(t("lu_factor"), t("lu_solve"), **kwargs), name=f"lu_solve {kwargs}")
      for kwargs, samples in [
          ({}, [S(A3, (3, 2)), S(B3, (2, 3, 1)), S(A3, (2, 3, 2)), S(B3, (3, 2))]),
          ({"adjoint": True}, [S(A3, (3, 2)), S(B3, (3, 2))]),
          ({"left": False}, [S(A3, (2, 3)), S(B3, (2, 4, 3))]),
          ({"left": False, "adjoint": True}, [S(A3, (2, 3))]),
      ]],
    Case(lambda A: linalg.older_lu(A), [S(A3), S(B3), S(matrix(4, 2)), S(matrix(2, 4))],
         torch=older(lambda A: torch.lu(A)), name="minidl.lu"),
    Case(lambda b, A: linalg.older_lu_solve(b, *linalg.older_lu(A)), [
        S((3, 2), A3),
        S((2, 3, 1), B3),
        S((3, 1), B3),
        S((2, 3, 2), A3),
    ], torch=torch and (lambda b, A: torch.lu_solve(b, *torch.linalg.lu_factor(A))), name="minidl.lu_solve"),
    Case(linalg.triangular_solve, [
        S((3, 2), A3),
        S((3, 2), A3, False),
        S((3, 2), A3, transpose=True),
        S((3, 2), A3, False, True),
        S((2, 3, 1), B3, unitriangular=True),
    ], torch=t("triangular_solve"), name="triangular_solve"),
    Case(L.inv_ex, [S(A3), S(B3), S(matrix(1, 1)), S(np.zeros((0, 2, 2))), S(np.zeros((0, 0)))], torch=t("inv_ex"),
         name="inv_ex",
         errors=[
             *no_matrix("linalg.inv_ex"),
             NOT_SQUARE,
             (S(BAD, check_errors=True), L.LinAlgError, "(Batch element 1): The diagonal element 2 is zero"),
         ]),
    Case(L.solve_ex, [S(A3, (3,)), S(A3, (3, 2)), S(B3, (2, 3, 2)), S(A3, (2, 3), left=False), S(B3, (2, 3))],
         torch=t("solve_ex"), name="solve_ex",
         errors=[(S(SINGULAR, (2,), check_errors=True), L.LinAlgError,
                  "linalg.solve_ex: The solver failed because the input matrix is singular")]),
    Case(lambda A, **kwargs: L.cholesky_ex(A @ A.mT, **kwargs), [
        S(A3),
        S(B3),
        S(A3, upper=True),
        S(np.zeros((0, 2, 2))),
    ], torch=torch and (lambda A, **kwargs: torch.linalg.cholesky_ex(A @ A.mT, **kwargs)), name="cholesky_ex"),
    Case(L.cholesky_ex, [S(np.eye(2))], torch=t("cholesky_ex"), grad=False, name="cholesky_ex of the identity",
         errors=[*no_matrix("linalg.cholesky_ex"),
                 (S(NOT_POSITIVE, check_errors=True), L.LinAlgError,
                  "the leading minor of order 2 is not positive-definite")]),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_the_factors_multiply_to_the_matrix():
    A = minidl.rand(4, 5, 3)
    P, Lower, U = L.lu(A)
    np.testing.assert_allclose((P @ Lower @ U).numpy(), A.numpy(), rtol=1e-5, atol=1e-6)
    assert (Lower.tril() == Lower).all() and (U.triu() == U).all()


@pytest.mark.parametrize("call, values", [
    (lambda A: L.inv_ex(A), np.linalg.inv),
    (lambda A: L.solve_ex(A, minidl.ones(2, 2, 1)), lambda a: np.linalg.solve(a, np.ones((2, 1))))])
def test_a_singular_matrix_does_not_spoil_its_batch(call, values):
    A = minidl.tensor(BAD, dtype=minidl.float32, requires_grad=True)
    result, info = call(A)
    assert info.tolist() == [0, 2]
    np.testing.assert_allclose(result[0].detach().numpy(), values(A2), rtol=1e-5)
    assert result[1].isnan().all()
    result[0].sum().backward()
    assert A.grad[0].isfinite().all()


def test_cholesky_ex_names_the_order_of_the_minor():
    A = minidl.tensor(np.stack([np.eye(3), np.diag([1.0, -1.0, 1.0]), np.diag([1.0, 1.0, 0.0])]))
    factor, info = L.cholesky_ex(A)
    assert info.tolist() == [0, 2, 3]
    assert (factor[0] == minidl.eye(3)).all() and factor[1:].isnan().all()
    if torch is not None:
        assert torch.linalg.cholesky_ex(torch.tensor(A.numpy())).info.tolist() == info.tolist()


def test_pivots_must_be_those_of_lu_factor():
    with pytest.raises(RuntimeError, match="expected to be a tensor of int32, but it is int64"):
        minidl.lu_unpack(minidl.eye(2), minidl.tensor([1, 2]))
