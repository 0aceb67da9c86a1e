"""Recurrent layers and cells, against a loop over sequences and steps, and worked by hand."""
from __future__ import annotations

import inspect
import math

import numpy as np
import pytest

import minidl
from minidl.ops.rnn.packed import PACKED_FORM, PADDED_FORM
from tests.checking import Case, S, check_case
from tests.ops.rows import calls, row


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def cell(mode, x, states, w_ih, w_hh, b_ih=0.0, b_hh=0.0, w_hr=None):
    """One step of one sequence, as the papers have it: the new states."""
    a, b = w_ih @ x + b_ih, w_hh @ states[0] + b_hh
    if mode == "lstm":
        i, f, g, o = np.split(a + b, 4)
        c = sigmoid(f) * states[1] + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        return h if w_hr is None else w_hr @ h, c
    if mode == "gru":
        (r, z, n), (of_r, of_z, of_n) = np.split(a, 3), np.split(b, 3)
        r, z = sigmoid(r + of_r), sigmoid(z + of_z)
        return ((1 - z) * np.tanh(n + r * of_n) + z * states[0],)
    return (np.tanh(a + b) if mode == "rnn_tanh" else np.maximum(a + b, 0),)


def layers(mode, sequences, hx, params, has_biases, num_layers, dropout, train, bidirectional):
    """Each sequence (L, I) for itself: its outputs, and the last states of all."""
    hx = hx if mode == "lstm" else [hx]
    directions = 1 + bidirectional
    per = len(params) // (num_layers * directions)
    last = [state.copy() for state in hx]
    for layer in range(num_layers):
        outputs = []
        for n, sequence in enumerate(sequences):
            sides = []
            for k in range(layer * directions, (layer + 1) * directions):
                weights = params[k * per:(k + 1) * per]
                biases, w_hr = (weights[2:4], weights[4:]) if has_biases else ((0.0, 0.0), weights[2:])
                states, ys = [state[k, n] for state in hx], []
                for x in sequence[::-1] if k % directions else sequence:
                    states = cell(mode, x, states, *weights[:2], *biases, *w_hr)
                    ys.append(states[0])
                sides.append(np.array(ys[::-1] if k % directions else ys))
                for state, end in zip(last, states):
                    state[k, n] = end
            outputs.append(np.concatenate(sides, 1))
        sequences = outputs
    return sequences, last


def padded(mode):
    def oracle(x, hx, params, *settings):
        *settings, batch_first = settings
        sequences = x if batch_first else x.swapaxes(0, 1)
        ys, last = layers(mode, list(sequences), hx, params, *settings)
        y = np.array(ys).reshape(*sequences.shape[:2], last[0].shape[2] * (1 + settings[-1]))
        return [y if batch_first else y.swapaxes(0, 1), *last]
    return oracle


def packed(mode):
    def oracle(data, batch_sizes, hx, params, *settings):
        starts = np.cumsum([0, *batch_sizes[:-1]])
        sequences = [data[[start + n for start, size in zip(starts, batch_sizes) if size > n]]
                     for n in range(batch_sizes[0])]
        ys, last = layers(mode, sequences, hx, params, *settings)
        return [np.array([ys[n][t] for t, size in enumerate(batch_sizes) for n in range(size)]), *last]
    return oracle


SIZES = {"rnn_tanh": 1, "rnn_relu": 1, "lstm": 4, "gru": 3}
I, H, N = 2, 3, 2


def arguments(mode, num_layers=1, bidirectional=False, has_biases=True, proj=0, N=N):
    """hx, params and settings."""
    directions, out, rows = 1 + bidirectional, proj or H, SIZES[mode] * H
    h, c = (num_layers * directions, N, out), (num_layers * directions, N, H)
    params = [shape for layer in range(num_layers) for _ in range(directions)
              for shape in [(rows, out * directions if layer else I), (rows, out),
                            *([(rows,)] * 2 if has_biases else []), *([(proj, H)] if proj else [])]]
    return [h, c] if mode == "lstm" else h, params, has_biases, num_layers, 0.0, True, bidirectional


def samples(mode):
    yield S((3, N, I), *arguments(mode), False)
    yield S((N, 2, I), *arguments(mode, 2, True, False), True)
    yield S((2, 0, I), *arguments(mode, N=0), False)
    if mode == "lstm":
        yield S((3, N, I), *arguments(mode, proj=2), False)
        yield S((2, N, I), *arguments(mode, 2, True, False, proj=1), False)


def packed_samples(mode):
    yield S((6, I), np.array([3, 2, 1]), *arguments(mode, N=3))
    yield S((4, I), np.array([2, 1, 1]), *arguments(mode, 2, True))
    if mode == "lstm":
        yield S((4, I), np.array([2, 1, 1]), *arguments(mode, 1, True, False, proj=2))


CASES = [
    *[Case(getattr(minidl, mode), list(samples(mode)), oracle=padded(mode), torch=mode) for mode in SIZES],
    *[Case(getattr(minidl, mode), list(packed_samples(mode)), oracle=packed(mode), torch=mode, name=f"{mode} packed")
      for mode in SIZES],
    *[Case(getattr(minidl, f"{mode}_cell"),
           [S((N, I), [(N, H), (N, H)] if mode == "lstm" else (N, H), (rows * H, I), (rows * H, H), *biases)
            for biases in ([], [(rows * H,)], [(rows * H,), (rows * H,)])],
           oracle=lambda x, hx, *weights, mode=mode: [np.array(new) for new in zip(*[
               cell(mode, x[n], [h[n] for h in hx] if mode == "lstm" else [hx[n]], *weights) for n in range(N)])],
           torch=f"{mode}_cell") for mode, rows in SIZES.items()],
    *[row(name, *[S((n, 3), (n, 4), (gates * 4, 3), (gates * 4, 4), *biases)
                  for n in (1, 2) for biases in ([], [(gates * 4,), (gates * 4,)])])
      for name, gates in [("gru_cell", 3), ("rnn_relu_cell", 1), ("rnn_tanh_cell", 1)]],
    calls("lstm_cell", lambda lib, x, h, c, *weights: lib.lstm_cell(x, (h, c), *weights),
          *[S((n, 3), (n, 4), (n, 4), (16, 3), (16, 4), *biases) for n in (1, 2) for biases in ([], [(16,), (16,)])]),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


# ---------------------------------------------------------------------- by hand

def one_unit(*weights):
    return [minidl.tensor([[float(w)] for w in row], requires_grad=True) for row in weights]


def test_an_echo_fades_and_so_does_its_gradient():
    """A relu of h' = x + h / 2: after the input 8, the states are 8, 4, 2, and the last depends on 8 by 1/4."""
    x = minidl.tensor([8.0, 0.0, 0.0], requires_grad=True)
    y, h = minidl.rnn_relu(x.reshape(3, 1, 1), minidl.zeros(1, 1, 1), one_unit([1], [0.5]), False, 1, 0.0, True,
                           False, False)
    h.backward(minidl.ones(1, 1, 1))
    assert y.flatten().tolist() == [8.0, 4.0, 2.0] and x.grad.tolist() == [0.25, 0.5, 1.0]


def test_gates_of_a_long_short_term_memory():
    """With all products 0, every gate is 1/2 and the candidate 0: c' = c / 2, h' = tanh(c') / 2."""
    h, c = minidl.lstm_cell(minidl.ones(1, 1), (minidl.ones(1, 1), minidl.ones(1, 1) * 4), *one_unit([0] * 4, [0] * 4))
    assert c.item() == 2.0 and h.item() == pytest.approx(math.tanh(2.0) / 2)


def test_gates_of_a_gated_recurrent_unit():
    """W_hn = 1 alone: r = z = 1/2, n = tanh(r h), h' = (n + h) / 2."""
    h = minidl.gru_cell(minidl.zeros(1, 1), minidl.ones(1, 1), *one_unit([0, 0, 0], [0, 0, 1]))
    assert h.item() == pytest.approx((math.tanh(0.5) + 1) / 2)


def test_both_directions_of_a_packed_sequence():
    """Sums, of the sequences 1 2 3 and 4: from the front 1 3 6 and 4, from the back 6 5 3 and 4."""
    one = one_unit([1], [1]) * 2
    y, h = minidl.rnn_relu(minidl.tensor([[1.0], [4.0], [2.0], [3.0]]), minidl.tensor([2, 1, 1]),
                           minidl.zeros(2, 2, 1), one, False, 1, 0.0, True, True)
    assert y.tolist() == [[1, 6], [4, 4], [3, 5], [6, 3]]
    assert h.flatten().tolist() == [6, 4, 6, 4]


# ---------------------------------------------------------------------- what the ops promise

@pytest.mark.parametrize("mode", SIZES)
def test_only_what_is_wanted_is_computed(mode):
    """No gradient of the input where none is asked for; all others are as they were."""
    hx, params, *settings = S(*arguments(mode)).args
    found = []
    for wanted in (True, False):
        leaves = [minidl.tensor(p, requires_grad=True) for p in params]
        x = minidl.ones(3, N, I, dtype=minidl.float64, requires_grad=wanted)
        state = [minidl.tensor(h) for h in hx] if mode == "lstm" else minidl.tensor(hx)
        getattr(minidl, mode)(x, state, leaves, *settings, False)[0].sum().backward()
        assert (x.grad is not None) is wanted
        found.append([p.grad.numpy() for p in leaves])
    for one, other in zip(*found):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("mode", SIZES)
def test_the_output_may_be_written_before_backward(mode):
    hx, params, *settings = S(*arguments(mode)).args
    state = [minidl.tensor(h) for h in hx] if mode == "lstm" else minidl.tensor(hx)

    def gradients(change):
        leaves = [minidl.tensor(p, requires_grad=True) for p in params]
        y, *_ = getattr(minidl, mode)(minidl.ones(3, N, I, dtype=minidl.float64), state, leaves, *settings, False)
        minidl.autograd.backward(change(y).sum())
        return [p.grad.numpy() for p in leaves]
    for written, expected in zip(gradients(lambda y: y.mul_(2)), gradients(lambda y: y * 2)):
        np.testing.assert_array_equal(written, expected)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):     # not seen as a write into y
        gradients(lambda y: y + y.detach().mul_(2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_saturated_gates_neither_overflow_nor_warn(dtype):
    big = [np.full((4, 1), 1e4, dtype), np.zeros((4, 1), dtype)]
    for sign, expected in ((1, math.tanh(1.5)), (-1, 0.0)):
        with np.errstate(all="raise"):
            h, c = minidl.lstm_cell(minidl.tensor(np.full((1, 1), sign, dtype)),
                                    [minidl.tensor(np.full((1, 1), 0.5, dtype))] * 2, *map(minidl.tensor, big))
        assert h.item() == pytest.approx(expected, abs=1e-6) and h.dtype == dtype


def test_settings_by_name():
    one, h = one_unit([1], [1]), minidl.zeros(1, 1, 1)
    names = {
        "hx": h,
        "params": one,
        "has_biases": False,
        "num_layers": 1,
        "dropout": 0.0,
        "train": True,
        "bidirectional": False,
    }
    y, _ = minidl.rnn_relu(input=minidl.ones(1, 3, 1), **names, batch_first=True)
    assert y.tolist() == [[[1.0], [2.0], [3.0]]]
    y, _ = minidl.rnn_relu(minidl.ones(3, 1), batch_sizes=minidl.tensor([1, 1, 1]), **names)
    assert y.tolist() == [[1.0], [2.0], [3.0]]


def test_both_forms_however_they_are_called():
    """Padded and packed, by position, by name, and in part by each, with PyTorch's names."""
    one, c = one_unit([0] * 4, [0] * 4), minidl.ones(1, 1, 1) * 4
    padded = dict(zip(PADDED_FORM, (minidl.ones(1, 1, 1), (c, c), one, False, 1, 0.0, True, False, False)))
    packed = dict(zip(PACKED_FORM, (minidl.ones(1, 1), minidl.tensor([1]), (c, c), one, False, 1, 0.0, True, False)))
    for form in (padded, packed):
        for count in range(len(form) + 1):      # so many by position, the others by name
            *_, last = minidl.lstm(*list(form.values())[:count], **dict(list(form.items())[count:]))
            assert last.item() == 2.0
    for wrong in ({**padded, "batch_sizes": minidl.tensor([1])}, {**packed, "batch_first": False},
                  {**packed, "params": c}):
        with pytest.raises(TypeError, match=r"lstm\(\) received an invalid combination of arguments"):
            minidl.lstm(**wrong)


@pytest.mark.parametrize("mode", SIZES)
def test_signatures_name_what_they_take(mode):
    """`help` shows the parameters of both forms, of cells those of the weights."""
    layers_, cell_ = getattr(minidl, mode), getattr(minidl, f"{mode}_cell")
    assert tuple(inspect.signature(layers_).parameters) == (*PADDED_FORM, "batch_sizes")
    assert tuple(inspect.signature(cell_).parameters) == ("input", "hx", "w_ih", "w_hh", "b_ih", "b_hh")


def test_dropout_is_between_layers_and_in_training_only():
    """With probability 1 the second layer sees nothing; the first and the last outputs are left alone."""
    one = one_unit([1], [0])
    x, h = minidl.ones(2, 1, 1), minidl.zeros(2, 1, 1)
    for train, expected in ((True, 0.0), (False, 1.0)):
        y, last = minidl.rnn_relu(x, h, one * 2, False, 2, 1.0, train, False, False)
        assert y.flatten().tolist() == [expected] * 2 and last.flatten().tolist() == [1.0, expected]


# ---------------------------------------------------------------------- errors

X, HX, W = minidl.ones(3, 2, 2), minidl.zeros(1, 2, 3), [minidl.ones(3, 2), minidl.ones(3, 3)]
REST = (False, 1, 0.0, True, False)


@pytest.mark.parametrize("call, kind, text", [
    (lambda: minidl.rnn_tanh(X), TypeError, "rnn_tanh() received an invalid combination of arguments"),
    (lambda: minidl.rnn_tanh(X, HX, W, *REST, False, nonlinearity="relu"), TypeError, "['nonlinearity']"),
    (lambda: minidl.rnn_tanh(X, HX, W[:1], *REST, False), RuntimeError,
     "incorrect number of RNN parameters: expected 2"),
    (lambda: minidl.rnn_tanh(X, HX[:, :1], W, *REST, False), RuntimeError, "Expected hidden states (1, 2, H)"),
    (lambda: minidl.rnn_tanh(X[:0], HX, W, *REST, False), RuntimeError, "sequence length to be larger than 0"),
    (lambda: minidl.rnn_tanh(X[0], HX, W, *REST, False), RuntimeError, "Expected input to be 3D"),
    (lambda: minidl.rnn_tanh(X.double(), HX, W, *REST, False), RuntimeError,
     "input and w_ih should have the same dtype"),
    (lambda: minidl.rnn_tanh(X[..., :1], HX, W, *REST, False), RuntimeError, "expected w_ih of shape (3, 1)"),
    (lambda: minidl.rnn_tanh(X, HX, [W[0], W[0]], *REST, False), RuntimeError, "expected w_hh of shape (3, 3)"),
    (lambda: minidl.gru(X, HX, W, *REST, False), RuntimeError, "expected w_ih of shape (9, 2)"),
    (lambda: minidl.lstm(X, (HX,), W, *REST, False), RuntimeError, "lstm expects two hidden states"),
    (lambda: minidl.rnn_tanh(X[0], minidl.tensor([1, 2]), HX, W, *REST), RuntimeError, "batch_sizes must not increase"),
    (lambda: minidl.rnn_tanh(X[0], minidl.tensor([2.0]), HX, W, *REST), RuntimeError, "batch_sizes (T,) of integers"),
    (lambda: minidl.rnn_tanh([1.0], HX, W, *REST, False), TypeError, "must be Tensor, not list"),
    (lambda: minidl.gru_cell(X, HX, *W), RuntimeError, "Expected input (N, I) and hidden states (N, H)"),
    (lambda: minidl.rnn_relu_cell(X[0], HX[0, :1], *W), RuntimeError,
     "Input batch size 2 doesn't match hidden0 batch size 1"),
    (lambda: minidl.rnn_tanh_cell(X[0], HX[0, :, :2], *W), RuntimeError,
     "hidden0 has inconsistent hidden_size: got 2, expected 3"),
    (lambda: minidl.rnn_tanh_cell(X[0, :, :1], HX[0], *W), RuntimeError,
     "input has inconsistent input_size: got 1, expected 2"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind) as caught:
        call()
    assert text in str(caught.value)
