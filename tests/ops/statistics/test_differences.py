"""Slopes by differences against NumPy and PyTorch."""
from functools import partial

import numpy as np
import pytest

import minidl
from minidl.ops.statistics import gradient
from tests.checking import Case, S, check_case, torch

UNEVEN = S.raw([0.0, 1.0, 3.0, 7.0])
INTS = np.array([[1, 4, 9, 16], [2, 3, 5, 9]])
T = None if torch is None else torch.gradient


def spaced(function, tensor):
    """With the coordinates as a constant."""
    def of(x, points, **kwargs):
        return function(x, spacing=[tensor(points)], **kwargs)
    return of


CASES = [
    Case(gradient, [
        S((5,)),
        S((3, 4)),
        S((2, 3, 4), dim=1),
        S((3, 4), spacing=0.5),
        S((3, 4), spacing=[2.0, 3.0]),
        S((3, 4), edge_order=2),
        S((3, 4), dim=(-1,), spacing=-2),
        S((4, 3), dim=S.raw((1, 0)), spacing=[2, 3]),
        S((3, 4), dim=S.raw((0,))),
        S((2,)),
    ], torch=T, errors=[
        (S((3, 4), edge_order=3), RuntimeError, "edge_order=1 and edge_order=2"),
        (S((1, 4)), RuntimeError, "at least edge_order+1"),
        (S((3, 4), spacing=[1.0, 2.0], dim=0), RuntimeError,
         "a spacing argument of length 2 and a dim argument of length 1"),
        (S((3, 4), dim=S.raw((0, 0))), RuntimeError, "appears multiple times"),
    ]),
    Case(gradient, [S(INTS), S(INTS, dim=1, edge_order=2)], torch=T, grad=False, name="gradient of integers"),
    Case(gradient, [S(())], torch=T, grad=False, name="gradient along no axis"),
    Case(spaced(gradient, partial(minidl.tensor, dtype=minidl.float64)), [
        S((3, 4), UNEVEN, dim=1),
        S((3, 4), UNEVEN, dim=-1, edge_order=2),
        S((4,), UNEVEN),
    ], torch=T and spaced(T, partial(torch.tensor, dtype=torch.float64)), name="gradient, uneven",
       errors=[(S((3,), UNEVEN), RuntimeError, "each element to have its own coordinate")]),
    Case(gradient, [S((6,)), S((6,), edge_order=2)],
         oracle=lambda x, edge_order=1: np.gradient(x, edge_order=edge_order), name="gradient against NumPy"),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_a_parabola_is_exact_to_second_order():
    points = minidl.tensor([0.0, 0.5, 2.0, 3.0], dtype=minidl.float64)
    (slope,) = gradient(points ** 2, spacing=(points,), edge_order=2)
    np.testing.assert_allclose(slope.numpy(), 2 * points.numpy())


def test_a_point_has_no_influence_on_its_own_slope_if_steps_are_even():
    (slope,) = gradient(minidl.tensor([0.0, 1.0, float("nan"), 3.0, 4.0]), spacing=0.5)
    assert slope.isnan().tolist() == [False, True, False, True, False]
    assert slope[minidl.tensor([0, 2, 4])].tolist() == [2, 2, 2]
