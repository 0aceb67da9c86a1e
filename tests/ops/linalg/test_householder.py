"""Products of reflections against PyTorch."""
import numpy as np
import pytest

import minidl
from minidl.ops.linalg import householder
from tests.checking import Case, S, check_case
from tests.ops.linalg.test_decompositions import A3, B3, matrix, t

TALL, TAU = matrix(4, 3), np.array([0.7, 1.1, 0.4])
TAUS = np.array([[0.7, 1.1, 0.4], [1.2, 0.3, 1.9]])

CASES = [
    Case(householder.geqrf, [S(A3), S(B3), S(matrix(4, 2)), S(matrix(2, 4)), S(matrix(2, 4, 3)), S(matrix(1, 1))],
         torch=t("geqrf"), grad=False, name="geqrf"),
    *[Case(function, [S(TALL, TAU), S(A3, TAU), S(B3, TAUS), S(TALL, TAU[:1])], torch=t(name), name=name,
           errors=[(S((2, 3), (2,)), RuntimeError, "input.shape[-2] must be greater than or equal to input.shape[-1]"),
                   (S((3, 2), (3,)), RuntimeError, "input.shape[-1] must be greater than or equal to tau.shape[-1]"),
                   (S((2, 3, 2), (3, 2)), RuntimeError, "tau dtype and batch dimensions must be those of input")])
      for name, function in [("householder_product", householder.householder_product), ("orgqr", householder.orgqr)]],
    Case(householder.householder_product, [S(TALL, TAU[:0]), S(np.zeros((0, 3, 2)), np.zeros((0, 2)))],
         torch=t("householder_product"), grad=False, name="householder_product of nothing"),
    Case(householder.ormqr, [
        S(TALL, TAU, (4, 2)),
        S(TALL, TAU, (4, 5), transpose=True),
        S(TALL, TAU, (2, 4), False),
        S(TALL, TAU, (2, 4), False, True),
        S(B3, TAUS, (2, 3, 1)),
    ], torch=t("ormqr"), name="ormqr",
       errors=[(S(TALL, TAU, (3, 2)), RuntimeError, "expected other to have 4 rows")]),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_one_reflection_by_hand():
    """tau = 2 / |v|^2 makes 1 - tau v v^T a mirror: here that at the line x = -y, which takes (1, 0) to (0, -1)."""
    Q = householder.householder_product(minidl.tensor([[1.0], [1.0]]), minidl.tensor([1.0]))
    assert Q.tolist() == [[0.0], [-1.0]]


def test_together_they_are_qr():
    A = minidl.rand(5, 3)
    a, tau = householder.geqrf(A)
    Q, R = householder.householder_product(a, tau), a.triu()[:3]
    np.testing.assert_allclose((Q @ R).numpy(), A.numpy(), atol=1e-6)
    np.testing.assert_allclose((Q.mT @ Q).numpy(), np.eye(3), atol=1e-6)


def test_geqrf_has_no_gradient():
    A = minidl.rand(3, 2, requires_grad=True)
    with pytest.raises(RuntimeError, match="use linalg.qr"):
        householder.geqrf(A).a.sum().backward()
