"""Cosine similarity, distances and bilinear forms."""
from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import distance

import minidl
from minidl.ops.linalg import bilinear, cosine_similarity, pairwise_distance, pdist
from tests.checking import Case, S, check_case


def cosine(x1, x2, dim=1, eps=1e-8):
    x1, x2 = np.broadcast_arrays(x1, x2)
    lengths = [np.maximum(np.sqrt((x ** 2).sum(dim)), eps) for x in (x1, x2)]
    return (x1 * x2).sum(dim) / lengths[0] / lengths[1]


def gap(x1, x2, p=2.0, eps=1e-6, keepdim=False):
    return np.linalg.norm(x1 - x2 + eps, p, axis=-1, keepdims=keepdim)


def forms(x1, x2, w, b=None):
    y = np.zeros((*x1.shape[:-1], len(w)))
    for at in np.ndindex(*y.shape):
        y[at] = x1[at[:-1]] @ w[at[-1]] @ x2[at[:-1]] + (0 if b is None else b[at[-1]])
    return y


METRICS = {1: "cityblock", 2: "euclidean", 3: "minkowski", 1.5: "minkowski", np.inf: "chebyshev"}


def every_pair(x, p=2.0):
    return distance.pdist(x, METRICS[p], **({"p": p} if METRICS[p] == "minkowski" else {}))


CASES = [
    Case(cosine_similarity, [
        S((3, 4), (3, 4)),
        S((3, 4), (3, 4), dim=0),
        S((2, 3, 4), (3, 1), dim=-1),
        S((4,), (4,), 0),
        S((2, 3, 1), (1, 5), 1, 0.1),
        S((0, 4), (0, 4)),
    ], oracle=cosine, torch="cosine_similarity", rtol=1e-7, float16=True),
    Case(pairwise_distance, [
        S((3, 4), (3, 4)),
        S((3, 4), (4,), p=1),
        S((4,), (4,)),
        S((2, 3, 4), (3, 4), 3.0, keepdim=True),
        S((3, 4), (3, 4), np.inf, 0.01),
        S((3, 4), (3, 4), 0.0),
        S((0, 4), (0, 4)),
    ], oracle=gap, torch="pairwise_distance", rtol=1e-7, float16=True),
    Case(pdist, [S((5, 3)), S((5, 3), 1), S((4, 3), 3), S((4, 3), 1.5), S((4, 3), np.inf), S((1, 3)), S((2, 1))],
         oracle=every_pair, torch="pdist", rtol=1e-7, float16=True),
    Case(bilinear, [
        S((5, 3), (5, 4), (2, 3, 4)),
        S((5, 3), (5, 4), (2, 3, 4), (2,)),
        S((3,), (4,), (2, 3, 4), (2,)),
        S((2, 3, 3), (2, 3, 4), (1, 3, 4)),
        S((0, 3), (0, 4), (2, 3, 4)),
    ], oracle=forms, torch="bilinear", rtol=1e-8, float16=True),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_worked_by_hand():
    x = minidl.tensor([3.0, 4.0], requires_grad=True)
    y = pairwise_distance(x, minidl.zeros(2), eps=0.0)
    y.backward()
    assert y.item() == 5.0 and x.grad.tolist() == pytest.approx([0.6, 0.8])     # towards x
    assert cosine_similarity(minidl.tensor([[3.0, 4.0]]), minidl.tensor([[4.0, 3.0]])).item() == pytest.approx(24 / 25)


def test_vectors_without_a_length():
    x = minidl.zeros(1, 2, requires_grad=True)
    y = cosine_similarity(x, minidl.ones(1, 2))
    y.backward()
    assert y.item() == 0 and bool(minidl.isfinite(x.grad).all())
    same = minidl.ones(2, 3, requires_grad=True)
    pdist(same).backward()
    assert same.grad.tolist() == [[0, 0, 0], [0, 0, 0]]


x, y, w = minidl.zeros(5, 3), minidl.zeros(5, 4), minidl.zeros(2, 3, 4)


@pytest.mark.parametrize("call, kind, text", [
    (lambda: cosine_similarity(x, x, dim=2), IndexError, "Dimension out of range"),
    (lambda: cosine_similarity(x, y), RuntimeError, "cannot be broadcast"),
    (lambda: cosine_similarity(x.long(), x), RuntimeError, "must be floating-point"),
    (lambda: pairwise_distance(x, y), RuntimeError, "cannot be broadcast"),
    (lambda: pairwise_distance(x, [1.0]), TypeError, "argument 'x2' must be Tensor, not list"),
    (lambda: pdist(x[0]), RuntimeError, "only supports 2D tensors, got: 1D"),
    (lambda: pdist(x, -1), RuntimeError, "only supports non-negative p values"),
    (lambda: bilinear(x, y[:4], w), RuntimeError, "input batch dimensions do not match"),
    (lambda: bilinear(y, y, w), RuntimeError, "input1 size does not match weight size"),
    (lambda: bilinear(x, x, w), RuntimeError, "input2 size does not match weight size"),
    (lambda: bilinear(x, y, w, minidl.zeros(3)), RuntimeError, "bias size does not match weight size"),
    (lambda: bilinear(x, y, w[0]), RuntimeError, "expected weight to be (K, I, J)"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)
