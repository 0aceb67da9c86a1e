"""Products of tensors: einsum, tensordot, and the op behind them."""
from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import minidl
from minidl.ops import linalg
from tests.checking import Case, S, check_case

INTS = np.arange(6).reshape(2, 3)


def loop_einsum(equation, *operands):
    """By the definition: run every letter over its size."""
    terms, _, out = equation.partition("->")
    terms = terms.split(",")
    size = {i: n for term, x in zip(terms, operands) for i, n in zip(term, x.shape)}
    y = np.zeros([size[i] for i in out])
    for at in itertools.product(*map(range, size.values())):
        where = dict(zip(size, at))
        y[tuple(where[i] for i in out)] += math.prod(
            x[tuple(where[i] for i in term)] for term, x in zip(terms, operands))
    return y


CASES = [
    Case(linalg.einsum, [S("ij,jk->ik", (2, 3), (3, 4)), S("ij->ji", (2, 3)), S("ii->i", (3, 3)), S("ii->", (3, 3)),
                         S("i,j->ij", (2,), (3,)), S("ij,ij->ij", (2, 3), (2, 3)), S("ij,ij->", (2, 3), (2, 3)),
                         S("bij,bjk->bik", (2, 3, 4), (2, 4, 2)), S("bnhd,bmhd->bhnm", (2, 3, 2, 4), (2, 5, 2, 4)),
                         S("ij,k->j", (2, 3), (4,)), S("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)), S("ijk->", (2, 3, 2)),
                         S("iij,jk->ki", (2, 2, 3), (3, 2)), S("a,ab,abc->c", (2,), (2, 3), (2, 3, 2)),
                         S("ij,jk->ki", (2, 3), (3, 4)), S("i,i,i->i", (3,), (3,), (3,)), S("iii->i", (2, 2, 2)),
                         S("ij,ji->", (2, 3), (3, 2)), S("bi,oij,bj->bo", (2, 3), (4, 3, 2), (2, 2)),
                         S("ij,jk->ik", (0, 3), (3, 2)), S("ij,jk->ik", (2, 0), (0, 2)), S("i->", (3,)), S("->", ())],
         loop_einsum, torch="einsum", name="einsum",
         errors=[(S("ij,jk->ik", (2, 3), (4, 5)), RuntimeError, "subscript j has size 4 for operand 1 which does not "
                                                                "broadcast with previously seen size 3"),
                 (S("ij->ik", (2, 3)), RuntimeError,
                  "output subscript k does not appear in the equation for any input"),
                 (S("ij->ii", (2, 3)), RuntimeError, "output subscript i appears more than once in the output"),
                 (S("ijk", (2, 3)), RuntimeError, "the number of subscripts in the equation (3) does not match the "
                                                  "number of dimensions (2) for operand 0"),
                 (S("i", (2, 3)), RuntimeError, "and no ellipsis was given"),
                 (S("ij,jk", (2, 3)), RuntimeError, "describes 2 operands, but 1 were provided"),
                 (S("i1", (2, 3)), RuntimeError, "subscripts must be in [a-zA-Z]"),
                 (S("ii", (2, 3)), RuntimeError, "subscript i is repeated for operand 0"),
                 (S("ij,jk", (2, 3), INTS.T), RuntimeError, "expected all operands to have the dtype of the first")]),
    Case(linalg.einsum, [
        S("ij,jk", (2, 3), (3, 4)),
        S("ba,b", (2, 3), (2,)),
        S("...ij,...jk", (2, 2, 3), (3, 2)),
        S("...ij,...jk->...ik", (5, 1, 2, 3), (4, 3, 2)),
        S("i...->i", (2, 3, 4)),
        S("i...", (2, 3)),
        S("...", (2, 3)),
        S("b...i,...i->...b", (2, 3, 4), (3, 4)),
        S("ij,jk->ik", (2, 1), (3, 4)),
        S("ij,ij->ij", (2, 1), (2, 3)),
        S(" i j , j k -> i k ", (2, 3), (3, 4)),
        S("Ab,bA", (2, 3), (3, 2)),
        S("bA", (2, 3)),
        S("...i,...i->...", (3, 4), (4,)),
        S("ij,jk->ik", [(2, 3), (3, 4)]),
        S("ii,i->i", (3, 3), (1,)),
        S("ij,kl->", (2, 3), (2, 2)),
    ], torch="einsum", name="einsum implied"),
    Case(linalg.tensordot, [S((2, 3, 4), (3, 4, 5)), S((2, 3), (3, 4), 1), S((2, 3), (4,), 0),
                            S((2, 3, 4), (4, 3, 5), dims=([1, 2], [1, 0])), S((2, 3), (2, 3), dims=([0, 1], [0, 1])),
                            S((2, 3, 4), (5, 4, 2), dims=([0, -1], [2, 1]))],
         lambda a, b, dims=2: np.tensordot(a, b, dims), torch="tensordot", name="tensordot",
         errors=[(S((2, 3), (4, 5), 1), RuntimeError, "contracted dimensions need to match"),
                 (S((2, 3), (3, 5), 3), RuntimeError, "but got dims=3"),
                 (S((2, 3), (3, 5), dims=([1], [0, 1])), RuntimeError, "should have same length")]),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_einsum_never_multiplies_more_than_two_at_once():
    """A chain of three would take n^4 steps and a huge array in one go; in pairs it is two matrix products."""
    a = minidl.ones(60, 60)
    assert linalg.einsum("ij,jk,kl,lm->im", a, a, a, a).max().item() == 60.0 ** 3


def test_plain_arrays_give_plain_arrays():
    a = np.arange(4.0).reshape(2, 2)
    assert isinstance(linalg.einsum("ij,jk", a, a), np.ndarray)


def test_the_product_of_strided_matrices_is_laid_out_in_rows():
    """Whichever order of labels: what comes after should not have to read with a stride."""
    a, b = np.ones((8, 3)), np.ones((3, 5))
    assert linalg.Contract("ij", "jk", "ik")(a, b).flags.c_contiguous
    assert linalg.Contract("ij", "jk", "ki")(a, b).flags.c_contiguous
