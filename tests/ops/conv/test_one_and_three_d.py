"""1-d and 3-d convolution, against loops of their own and against PyTorch."""
from __future__ import annotations

import itertools

import numpy as np
import pytest

import minidl
from minidl.ops.conv import conv1d, conv3d, conv_tbc, conv_transpose1d, conv_transpose3d
from tests.checking import Case, S, check_case
from tests.ops.rows import row


def spread(value, dims):
    return value if isinstance(value, tuple) else (value,) * dims


def loops(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    """One loop for each index of the formula, in any number of dimensions."""
    dims = x.ndim - 2
    s, p, d = (spread(v, dims) for v in (stride, padding, dilation))
    x = np.pad(x, [(0, 0), (0, 0), *((n, n) for n in p)])
    size = [len(range(0, n - d[a] * (w.shape[2 + a] - 1), s[a])) for a, n in enumerate(x.shape[2:])]
    y = np.zeros((len(x), len(w), *size))
    for (n, o, *place), (c, *tap) in itertools.product(np.ndindex(y.shape), np.ndindex(w.shape[1:])):
        source = [i * s[a] + tap[a] * d[a] for a, i in enumerate(place)]
        y[(n, o, *place)] += x[(n, o // (len(w) // groups) * w.shape[1] + c, *source)] * w[(o, c, *tap)]
    return y if b is None else y + b.reshape(-1, *[1] * dims)


def transposed_loops(x, w, b=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    dims = x.ndim - 2
    s, p, e, d = (spread(v, dims) for v in (stride, padding, output_padding, dilation))
    size = [(n - 1) * s[a] + d[a] * (w.shape[2 + a] - 1) + e[a] + 1 for a, n in enumerate(x.shape[2:])]
    y = np.zeros((len(x), w.shape[1] * groups, *size))
    for (n, c, *place), (o, *tap) in itertools.product(np.ndindex(x.shape), np.ndindex(w.shape[1:])):
        target = [i * s[a] + tap[a] * d[a] for a, i in enumerate(place)]
        y[(n, c // (len(w) // groups) * w.shape[1] + o, *target)] += x[(n, c, *place)] * w[(c, o, *tap)]
    y = y[(..., *(slice(p[a], n - p[a]) for a, n in enumerate(size)))]
    return y if b is None else y + b.reshape(-1, *[1] * dims)


def each(*args):
    return S.raw(args)


X, W = (2, 4, 7), (6, 2, 3)
V, K = (1, 2, 4, 3, 4), (2, 2, 2, 3, 2)
CASES = [
    Case(conv1d, [
        S(X, (6, 4, 3)),
        S(X, (6, 4, 3), (6,), 2, 1),
        S(X, W, (6,), 1, 2, 2, 2),
        S(X, (4, 1, 2), (4,), groups=4),
        S(X, (3, 4, 1), stride=each(3)),
        S((0, 4, 7), (3, 4, 2), (3,)),
    ], oracle=loops, torch="conv1d", float16=True),
    Case(conv1d, [
        S((4, 7), (3, 4, 2), (3,)),
        S(X, (3, 4, 3), padding="same"),
        S(X, (3, 4, 2), (3,), padding="same", dilation=3),
        S(X, (3, 4, 3), padding="valid"),
    ], torch="conv1d", name="conv1d unbatched, same, valid"),
    Case(conv_transpose1d, [
        S(X, (4, 3, 3)),
        S(X, (4, 3, 3), (3,), 2, 1),
        S(X, (4, 1, 2), (2,), 3, 0, 2, 2),
        S(X, (4, 2, 2), output_padding=2, dilation=3),
        S(X, (4, 2, 2), stride=2, padding=1, output_padding=4, dilation=5),
    ], oracle=transposed_loops, torch="conv_transpose1d"),
    Case(conv_transpose1d, [S((4, 7), (4, 3, 3), (3,), 2)], torch="conv_transpose1d",
         name="conv_transpose1d unbatched"),
    Case(conv_tbc, [S((5, 2, 3), (2, 3, 4), (4,)), S((5, 2, 3), (3, 3, 4), (4,), 2)], torch="conv_tbc"),
    row("conv_tbc",
        S((5, 2, 3), (2, 3, 4), (4,)),
        S((5, 2, 3), (2, 3, 4), (4,), 1),
        S((4, 1, 2), (3, 2, 1), (1,), pad=2),
        S((3, 2, 2), (1, 2, 2), (2,))),
    Case(conv3d, [
        S(V, K),
        S(V, K, (2,), 2, 1),
        S(V, K, (2,), stride=each(1, 2, 3), padding=each(2, 0, 1)),
        S(V, (4, 1, 3, 2, 2), (4,), padding=each(1, 0, 0), groups=2),
        S(V, K, dilation=each(3, 1, 2)),
        S((2, 2, 2, 2, 2), (1, 2, 1, 1, 1)),
        S((0, 2, 3, 3, 3), K),
    ], oracle=loops, torch="conv3d", float16=True),
    Case(conv3d, [S(V[1:], K, (2,)), S(V, K, padding="same"), S(V, K, (2,), padding="valid")], torch="conv3d",
         name="conv3d unbatched, same, valid"),
    Case(conv_transpose3d, [
        S(V, (2, 2, 2, 3, 2)),
        S(V, (2, 1, 3, 2, 2), (1,), 2, 1, 1),
        S(V, (2, 2, 2, 2, 2), (4,), groups=2),
        S(V, (2, 1, 2, 2, 2), stride=each(2, 3, 1), output_padding=each(3, 2, 1), dilation=each(4, 1, 3)),
        S(V, (2, 1, 2, 1, 2), padding=each(1, 0, 2), dilation=2),
    ], oracle=transposed_loops, torch="conv_transpose3d"),
    Case(conv_transpose3d, [S(V[1:], (2, 1, 2, 2, 2), (1,))], torch="conv_transpose3d",
         name="conv_transpose3d unbatched"),
]


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_worked_by_hand():
    """Two frames and a kernel that takes their difference: y = x1 - x0. With g = 3: gx = (-3, 3), gw = (3 x0, 3 x1)."""
    x = minidl.tensor([2.0, 7.0]).reshape(1, 1, 2, 1, 1).requires_grad_()
    w = minidl.tensor([-1.0, 1.0]).reshape(1, 1, 2, 1, 1).requires_grad_()
    y = conv3d(x, w)
    y.backward(minidl.full((1, 1, 1, 1, 1), 3.0))
    assert y.item() == 5.0
    assert x.grad.flatten().tolist() == [-3.0, 3.0] and w.grad.flatten().tolist() == [6.0, 21.0]


def test_plain_arrays_give_plain_arrays():
    x, w = np.ones((1, 1, 3)), np.ones((1, 1, 2))
    assert conv1d(x, w, np.ones(1)).tolist() == [[[3, 3]]] and conv_transpose1d(x[0], w).tolist() == [[1, 2, 2, 1]]
    x, w = np.ones((1, 1, 2, 2, 2)), np.ones((1, 1, 2, 2, 2))
    assert isinstance(conv3d(x, w), np.ndarray) and conv_transpose3d(x, w).shape == (1, 1, 3, 3, 3)


SIGNAL, FILM = minidl.zeros(2, 4, 9), minidl.zeros(2, 4, 5, 9, 9)


@pytest.mark.parametrize("call, kind, text", [
    (lambda: conv1d(FILM, SIGNAL), RuntimeError,
     "conv1d: Expected 2D (unbatched) or 3D (batched) input, (C, L) or (N, C, L)"),
    (lambda: conv1d(SIGNAL, minidl.zeros(3, 2, 3)), RuntimeError,
     "conv1d: weight expects 2*groups input channels but input has 4"),
    (lambda: conv1d(SIGNAL, minidl.zeros(3, 4, 11)), RuntimeError,
     "padded input size per channel: (9). Kernel size: (11)"),
    (lambda: conv1d(SIGNAL, minidl.zeros(3, 4, 2, 2)), RuntimeError, "expected a 3-dimensional weight"),
    (lambda: conv1d(SIGNAL, minidl.zeros(3, 4, 2), stride=(1, 2)), RuntimeError,
     "expected stride to be a single integer value or a list of 1"),
    (lambda: conv1d(SIGNAL, minidl.zeros(3, 4, 2), stride=1.5), TypeError, "'stride' must be an int, but got 1.5"),
    (lambda: conv1d(SIGNAL, minidl.zeros(3, 4, 2), padding="full"), RuntimeError, "conv1d: Invalid padding string"),
    (lambda: conv_transpose1d(SIGNAL, minidl.zeros(3, 4, 2)), RuntimeError,
     "conv_transpose1d: weight expects 3 input channels but input has 4"),
    (lambda: conv_tbc(SIGNAL[0], SIGNAL, None), RuntimeError, "Input and weight must have 3 dims"),
    (lambda: conv3d(SIGNAL, FILM), RuntimeError, "(C, D, H, W) or (N, C, D, H, W)"),
    (lambda: conv3d(FILM, minidl.zeros(3, 4, 6, 1, 1)), RuntimeError,
     "per channel: (5 x 9 x 9). Kernel size: (6 x 1 x 1)"),
    (lambda: conv3d(FILM, minidl.zeros(3, 4, 1, 1, 1), dilation=(1, "a", 1)), TypeError, "must be an int or 3 ints"),
    (lambda: conv_transpose3d(FILM, minidl.zeros(4, 1, 1, 1, 1), padding=(3, 0, 0)), RuntimeError,
     "output size per channel: (-1 x 9 x 9)"),
    (lambda: conv_transpose3d(FILM, minidl.zeros(4, 1, 1, 1, 1), output_padding=1), RuntimeError,
     "output padding must be smaller"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)
