"""Constraints: what they accept, and how they print; all against PyTorch's."""
from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.distributions import constraints as c

try:
    import torch
except ImportError:
    torch = None

NAN = float("nan")
NUMBERS = np.array([-2.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, float("inf"), NAN])
VECTORS = np.array([[0.2, 0.3, 0.5], [0.0, 1.0, 0.0], [0.5, 0.6, 0.1], [-0.5, 0.5, 1.0],
                    [1.0, 1.0, 0.0], [NAN, 0.0, 1.0]])
TRIL = np.array([[1.0, 0.0], [0.6, 0.8]])
MATRICES = np.stack([np.eye(2), TRIL, TRIL @ TRIL.T, -np.eye(2), np.array([[1.0, 2.0], [2.0, 1.0]]), TRIL.T,
                     np.diag([1.0, 0.0])])


def table(m):
    return [
        *[(getattr(m, name), NUMBERS) for name in (
            "real", "boolean", "positive", "nonnegative", "unit_interval", "nonnegative_integer", "positive_integer")],
        (m.greater_than(0.5), NUMBERS), (m.greater_than_eq(0.5), NUMBERS), (m.less_than(0.5), NUMBERS),
        (m.interval(-0.5, 2.0), NUMBERS), (m.half_open_interval(-0.5, 2.0), NUMBERS),
        (m.integer_interval(0, 2), NUMBERS),
        (m.real_vector, VECTORS), (m.simplex, VECTORS), (m.one_hot, VECTORS), (m.multinomial(1), VECTORS),
        (m.independent(m.positive, 1), VECTORS), (m.independent(m.positive, 2), MATRICES),
        (m.cat([m.positive, m.boolean], 1, [1, 2]), VECTORS), (m.stack([m.positive, m.boolean, m.real], 1), VECTORS),
        (m.stack([m.simplex, m.one_hot], 0), VECTORS[:2]), (m.MixtureSameFamilyConstraint(m.positive), NUMBERS),
        (m.MixtureSameFamilyConstraint(m.simplex), VECTORS),
        *[(getattr(m, name), MATRICES) for name in (
            "square", "symmetric", "lower_triangular", "lower_cholesky", "corr_cholesky")],
        *[(getattr(m, name), MATRICES[[0, 2, 3, 4]]) for name in ("positive_definite", "positive_semidefinite")],
        *[(getattr(m, name), MATRICES) for name in ("positive_definite", "positive_semidefinite")],
        (m.square, np.ones((3, 2, 4))), (m.positive_definite, np.ones((3, 2, 4))),
    ]


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
def test_against_torch():
    for (ours, value), (theirs, _) in zip(table(c), table(torch.distributions.constraints)):
        valid, expected = ours.check(minidl.tensor(value)), theirs.check(torch.tensor(value))
        assert str(valid.dtype) == "bool" and valid.tolist() == expected.tolist(), (ours, valid, expected)
        assert repr(ours) == repr(theirs)
        assert ours.event_dim == theirs.event_dim and ours.is_discrete == theirs.is_discrete


@pytest.mark.parametrize("constraint, expected", [
    (c.positive, [False, False, False, True, True, True, True, True, False]),
    (c.integer_interval(0, 2), [False, False, True, False, True, True, False, False, False]),
    (c.unit_interval, [False, False, True, True, True, False, False, False, False])])
def test_numbers(constraint, expected):
    assert constraint.check(minidl.tensor(NUMBERS)).tolist() == expected


def test_vectors_and_matrices():
    assert c.simplex.check(minidl.tensor(VECTORS)).tolist() == [True, True, False, False, False, False]
    assert c.corr_cholesky.check(minidl.tensor(MATRICES)).tolist() == [True, True, False, False, False, False, False]
    assert c.positive_definite.check(minidl.tensor(MATRICES[[0, 2, 3, 4]])).tolist() == [True, True, False, False]


def test_bounds_may_be_tensors():
    assert c.greater_than(minidl.tensor([0.0, 2.0])).check(minidl.tensor([1.0, 1.0])).tolist() == [True, False]


def test_dependent():
    assert c.is_dependent(c.dependent) and not c.is_dependent(c.real) and repr(c.dependent) == "Dependent()"
    for name in ("is_discrete", "event_dim"):
        with pytest.raises(NotImplementedError, match=f".{name} cannot be determined statically"):
            getattr(c.dependent, name)
    known = c.dependent(is_discrete=True)(event_dim=2)
    assert known.is_discrete and known.event_dim == 2
    with pytest.raises(ValueError, match="Cannot determine validity of dependent constraint"):
        c.dependent.check(minidl.ones(2))


@pytest.mark.parametrize("call, kind, text", [
    (lambda: c.independent(3, 1), AssertionError, "expected a Constraint, but got 3"),
    (lambda: c.independent(c.real, -1), AssertionError, "expected at least 0, but got -1"),
    (lambda: c.independent(c.real, 1.0), AssertionError, "expected an int"),
    (lambda: c.real_vector.check(minidl.tensor(1.0)), ValueError, r"Expected value.dim\(\) >= 1 but got 0"),
    (lambda: c.MixtureSameFamilyConstraint(None), AssertionError, "expected a Constraint"),
    (lambda: c.cat([c.real, 2]), AssertionError, "expected Constraints"),
    (lambda: c.cat([c.real], lengths=[1, 2]), AssertionError, "a length for each of 1 constraints, but got 2"),
    (lambda: c.stack([c.real], dim=1).check(minidl.ones(1)), AssertionError, "dim 1 is out of range"),
    (lambda: c.Constraint().check(minidl.ones(1)), NotImplementedError, "^$")])
def test_refusals(call, kind, text):
    with pytest.raises(kind, match=text):
        call()
