"""Recurrent networks: a state that every step of a sequence changes a little, so that it can remember.

Three ops walk through all steps of one layer in one direction; layers, directions and single steps are made of them.
Sequences are packed (see `backend/kernels/rnn.py`): the first steps of all come first, then the second ones.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minidl.autograd.fused import FusedOp
from minidl.backend.device import Array
from minidl.backend.kernels import rnn as kernels
from minidl.backend.kernels.rnn import Steps, steps_of
from minidl.ops.activation.pointwise import relu
from minidl.ops.base.checks import check_floating, check_tensors
from minidl.ops.elementwise.exponential import sigmoid
from minidl.ops.elementwise.trigonometric import tanh
from minidl.ops.linalg.products import linear
from minidl.ops.random.dropouts import dropout as drop
from minidl.ops.shape.join import cat, chunk, stack, unbind
from minidl.ops.shape.views import array_of, reshape, transpose

CHUNKS = {"rnn_tanh": 1, "rnn_relu": 1, "lstm": 4, "gru": 3}    # a weight has so many rows for each element of a state


# ---------------------------------------------------------------------- one layer in one direction

class RNNLayer(FusedOp):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu of it

    x (P, I), packed; h (N, H) -> h' of all steps (P, H), the last ones (N, H)
    """

    spares_output = True

    def __init__(self, batch_sizes: Sequence[int], reverse: bool, relu: bool) -> None:
        self.steps, self.relu = steps_of(batch_sizes, reverse), relu

    def reference(self, x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> Any:
        act = relu if self.relu else tanh
        return walk(self.steps, linear(x, w_ih, b_ih), (h,), lambda a, h: (act(a + linear(h, w_hh, b_hh)),))

    def forward(self, x: Array, h: Array, w_ih: Array, w_hh: Array, b_ih: Array | None,
                b_hh: Array | None) -> Any:
        return kernels.rnn_forward(x, h, w_ih, w_hh, _sum(b_ih, b_hh), self.relu, self.steps)

    def gradient(self, g: Any, x: Array, h: Array, w_ih: Array, w_hh: Array, out: Any) -> Any:
        *grads, gb = kernels.rnn_grad(*g, x, h, out[0], w_ih, w_hh, self.relu, self.steps, self.wanted[0] is not None)
        return [*grads, gb, gb]


class LSTMLayer(FusedOp):
    """i, f, g, o = W_ih x + b_ih + W_hh h + b_hh, each a quarter
    c' = sigmoid(f) c + sigmoid(i) tanh(g);  h' = sigmoid(o) tanh(c'), times W_hr if there is one

    x (P, I), packed; h (N, R), c (N, H) -> h' of all steps (P, R), the last ones (N, R), the last c' (N, H)
    """

    spares_output = True

    def __init__(self, batch_sizes: Sequence[int], reverse: bool) -> None:
        self.steps = steps_of(batch_sizes, reverse)

    def reference(self, x: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, w_hr: Any) -> Any:
        def step(a: Any, h: Any, c: Any) -> Any:
            i, f, g, o = chunk(a + linear(h, w_hh, b_hh), 4, 1)
            c = sigmoid(f) * c + sigmoid(i) * tanh(g)
            h = sigmoid(o) * tanh(c)
            return h if w_hr is None else linear(h, w_hr), c

        return walk(self.steps, linear(x, w_ih, b_ih), (h, c), step)

    def forward(self, x: Array, h: Array, c: Array, w_ih: Array, w_hh: Array, b_ih: Array | None,
                b_hh: Array | None, w_hr: Array | None) -> Any:
        y, h, c, gates, cells, squashed = kernels.lstm_forward(x, h, c, w_ih, w_hh, _sum(b_ih, b_hh), w_hr, self.steps)
        self.keep(gates=gates, cells=cells, squashed=squashed)
        return y, h, c

    def gradient(self, g: Any, x: Array, h: Array, w_ih: Array, w_hh: Array, w_hr: Array | None, gates: Array,
                 cells: Array, squashed: Array, out: Any) -> Any:
        *grads, gb, gw_hr = kernels.lstm_grad(*g, x, h, out[0], gates, cells, squashed, w_ih, w_hh, w_hr, self.steps,
                                              self.wanted[0] is not None)
        return [*grads, gb, gb, gw_hr]


class GRULayer(FusedOp):
    """r, z = sigmoid of the first two thirds of W_ih x + b_ih + W_hh h + b_hh
    n = tanh(a + r b), with a the last third of W_ih x + b_ih and b that of W_hh h + b_hh
    h' = (1 - z) n + z h

    x (P, I), packed; h (N, H) -> h' of all steps (P, H), the last ones (N, H)
    """

    spares_output = True

    def __init__(self, batch_sizes: Sequence[int], reverse: bool) -> None:
        self.steps = steps_of(batch_sizes, reverse)

    def reference(self, x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> Any:
        def step(a: Any, h: Any) -> Any:
            (r, z, n), (of_r, of_z, of_n) = chunk(a, 3, 1), chunk(linear(h, w_hh, b_hh), 3, 1)
            r, z = sigmoid(r + of_r), sigmoid(z + of_z)
            n = tanh(n + r * of_n)
            return ((1 - z) * n + z * h,)

        return walk(self.steps, linear(x, w_ih, b_ih), (h,), step)

    def forward(self, x: Array, h: Array, w_ih: Array, w_hh: Array, b_ih: Array | None,
                b_hh: Array | None) -> Any:
        y, h, gates, recalled = kernels.gru_forward(x, h, w_ih, w_hh, b_ih, b_hh, self.steps)
        self.keep(gates=gates, recalled=recalled)
        return y, h

    def gradient(self, g: Any, x: Array, h: Array, w_ih: Array, w_hh: Array, gates: Array, recalled: Array,
                 out: Any) -> Any:
        return kernels.gru_grad(*g, x, h, out[0], gates, recalled, w_ih, w_hh, self.steps, self.wanted[0] is not None)


def walk(steps: Steps, inputs: Any, states: tuple[Any, ...], step: Callable[..., Any]) -> tuple[Any, ...]:
    """`step(its rows of inputs, *states) -> states`, one step after the other.

    Returns the first state of all steps, packed as `inputs` are, and the last states.
    """
    outputs = []
    for rows, n in steps:
        moved = step(inputs[rows], *[s[:n] for s in states])
        states = tuple([cat([new, old[n:]]) for new, old in zip(moved, states)])
        outputs.append((rows.start, moved[0]))
    return cat([y for _, y in sorted(outputs, key=lambda pair: pair[0])]), *states


def _sum(b_ih: Array | None, b_hh: Array | None) -> Array | None:
    return b_hh if b_ih is None else b_ih if b_hh is None else b_ih + b_hh


def _layer(mode: str, batch_sizes: Sequence[int], reverse: bool = False) -> FusedOp:
    if mode == "lstm":
        return LSTMLayer(batch_sizes, reverse)
    return GRULayer(batch_sizes, reverse) if mode == "gru" else RNNLayer(batch_sizes, reverse, mode == "rnn_relu")


# ---------------------------------------------------------------------- layers and directions

_PADDED = ("hx", "params", "has_biases", "num_layers", "dropout", "train", "bidirectional", "batch_first")
_PACKED = ("batch_sizes", *_PADDED[:-1])


def _run(who: str, x: Any, args: Any, kwargs: Any) -> Any:
    """What `rnn_tanh` and its kin do with their arguments, which come in one of two forms."""
    place = 0 if who == "lstm" else 1       # where one form has a tuple and the other a tensor
    packed = "batch_sizes" in kwargs or len(args) > place and not isinstance(args[place], (tuple, list))
    names = _PACKED if packed else _PADDED
    given = {**dict(zip(names, args)), **kwargs}
    if len(args) > len(names) or set(given) != set(names):
        raise TypeError(f"{who}() received an invalid combination of arguments: expected (input, {', '.join(_PADDED)}) "
                        f"or (data, {', '.join(_PACKED)}), but got {1 + len(args)} positional ones and {list(kwargs)}")
    settings = [given[name] for name in _PADDED[:-1]]
    check_tensors(who, input=x)
    if packed:
        sizes = given["batch_sizes"]
        check_tensors(who, batch_sizes=sizes)
        if x.ndim != 2 or sizes.ndim != 1 or sizes.dtype.kind != "i":
            raise RuntimeError(f"{who}: Expected data (P, I) and batch_sizes (T,) of integers, but got "
                               f"{tuple(x.shape)} and {tuple(sizes.shape)} of {sizes.dtype}; try pack_padded_sequence")
        return _stacked(who, x, array_of(sizes).tolist(), *settings)
    if x.ndim != 3:
        raise RuntimeError(f"{who}: Expected input to be 3D, (T, N, I) or (N, T, I) if batch_first, but got "
                           f"{tuple(x.shape)}; try unsqueeze on it")
    batch_first = given["batch_first"]
    x = transpose(x, 0, 1) if batch_first else x
    T, N, features = x.shape
    y, *states = _stacked(who, reshape(x, (T * N, features)), [N] * T, *settings)
    y = reshape(y, (T, N, y.shape[1]))
    return transpose(y, 0, 1) if batch_first else y, *states


def _stacked(who: str, x: Any, batch_sizes: list[int], hx: Any, params: Any, has_biases: bool, num_layers: int,
             dropout: float, train: bool, bidirectional: bool) -> Any:
    """Layer upon layer, x (P, I) packed: the outputs (P, R) of the last, and the last states of all."""
    if not batch_sizes:
        raise RuntimeError(f"{who}: Expected sequence length to be larger than 0 in RNN, but got input of no steps")
    if len(x) != sum(batch_sizes) or any(n < m for n, m in zip(batch_sizes, batch_sizes[1:])):
        raise RuntimeError(f"{who}: batch_sizes must not increase, and must sum up to the {len(x)} rows of data "
                           f"{tuple(x.shape)}, but got {batch_sizes}; try pack_padded_sequence")
    states = _states(who, hx)
    projected = len(states) == 2 and states[0].shape[-1] != states[1].shape[-1]
    directions, per_layer = 1 + bool(bidirectional), 2 + 2 * bool(has_biases) + projected
    layers = num_layers * directions
    if len(params) != layers * per_layer:
        raise RuntimeError(f"{who}: got an incorrect number of RNN parameters: expected {per_layer} for each of "
                           f"{layers} layers and directions, but got {len(params)}")
    for state in states:
        if state.ndim != 3 or tuple(state.shape[:2]) != (layers, batch_sizes[0]):
            raise RuntimeError(f"{who}: Expected hidden states ({layers}, {batch_sizes[0]}, H), one for each layer and "
                               f"direction and for each sequence, but got {tuple(state.shape)}")
    initial = list(zip(*[unbind(state, 0) for state in states]))
    last = []
    for layer in range(num_layers):
        outputs = []
        for k in range(layer * directions, (layer + 1) * directions):
            weights = _weights(who, x, initial[k], params[k * per_layer:(k + 1) * per_layer], has_biases)
            y, *ends = _layer(who, batch_sizes, reverse=bool(k % directions))(x, *initial[k], *weights)
            outputs.append(y)
            last.append(ends)
        x = outputs[0] if len(outputs) == 1 else cat(outputs, 1)
        if dropout and layer < num_layers - 1:
            x = drop(x, dropout, train)
    return x, *[stack(ends) for ends in zip(*last)]


def _states(who: str, hx: Any) -> tuple[Any, ...]:
    """The initial states: h and c of a long short-term memory, else h alone."""
    if not who.startswith("lstm"):
        hx = (hx,)
    elif not isinstance(hx, (tuple, list)) or len(hx) != 2:
        raise RuntimeError(f"{who} expects two hidden states, hx=(h, c), but got a {type(hx).__name__}"
                           + (f" of {len(hx)}" if isinstance(hx, (tuple, list)) else ""))
    check_tensors(who, **{f"hx[{k}]": state for k, state in enumerate(hx)})
    return tuple(hx)


def _weights(who: str, x: Any, states: tuple[Any, ...], weights: Sequence[Any], has_biases: bool) -> list[Any]:
    """The weights of one layer in one direction as its op takes them. Errors: RuntimeError where they do not fit."""
    w_ih, w_hh, *others = weights
    b_ih, b_hh, *others = others if has_biases else (None, None, *others)
    w_hr = others[0] if others else None
    check_floating(who, input=x, w_ih=w_ih, w_hh=w_hh, b_ih=b_ih, b_hh=b_hh, w_hr=w_hr,
                   **{f"hx[{k}]": state for k, state in enumerate(states)})
    features, projected, hidden = x.shape[-1], states[0].shape[-1], states[-1].shape[-1]
    mode = who.removesuffix("_cell")
    rows = CHUNKS[mode] * hidden
    for name, w, shape in (("w_ih", w_ih, (rows, features)), ("w_hh", w_hh, (rows, projected)),
                           ("b_ih", b_ih, (rows,)), ("b_hh", b_hh, (rows,)), ("w_hr", w_hr, (projected, hidden))):
        if w is not None and tuple(w.shape) != shape:
            raise RuntimeError(f"{who}: expected {name} of shape {shape} for input (*, {features}) and hidden states "
                               f"of size {hidden}, but got {tuple(w.shape)}")
    return [w_ih, w_hh, b_ih, b_hh, *([w_hr] if mode == "lstm" else [])]


def rnn_tanh(input: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
    """Layers of Elman's network, as `minidl.nn.RNN` runs them: `h' = tanh(W_ih x + b_ih + W_hh h + b_hh)`.

    Called as `rnn_tanh(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first)`, or for
    packed sequences as `rnn_tanh(data, batch_sizes, hx, params, has_biases, num_layers, dropout, train,
    bidirectional)`. input (T, N, I), or (N, T, I) if batch_first; data (P, I) and batch_sizes as in a `PackedSequence`;
    hx (layers * directions, N, H). params: w_ih, w_hh, b_ih, b_hh of each layer and direction in a row, without the
    biases if not has_biases. dropout: the probability between layers, if train.
    Returns the outputs of the last layer, (T, N, directions * H) or (P, directions * H), and the last states, like hx.
    Errors: RuntimeError where shapes, dtypes or the number of parameters do not fit, TypeError for other arguments.

        >>> import minidl
        >>> x, h = minidl.ones(2, 1, 1), minidl.zeros(1, 1, 1)
        >>> one = minidl.ones(1, 1)
        >>> y, h = minidl.rnn_tanh(x, h, [one, one], False, 1, 0.0, False, False, False)
        >>> y.flatten()                      # tanh(1) and tanh(1 + tanh(1))
        tensor([0.7616, 0.9427])
    """
    return _run("rnn_tanh", input, args, kwargs)


def rnn_relu(input: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
    """`rnn_tanh` with `relu` in place of tanh.

        >>> import minidl
        >>> x, h = minidl.ones(3, 1, 1), minidl.zeros(1, 1, 1)
        >>> one = minidl.ones(1, 1)
        >>> y, h = minidl.rnn_relu(x, h, [one, one], False, 1, 0.0, False, False, False)
        >>> y.flatten()                      # with weights of 1, it counts
        tensor([1., 2., 3.])
    """
    return _run("rnn_relu", input, args, kwargs)


def lstm(input: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any, Any]:
    """Layers of long short-term memory, as `minidl.nn.LSTM` runs them, where the equations stand.

    Arguments and errors as for `rnn_tanh`, but hx is a pair, h (layers * directions, N, R) and c (layers *
    directions, N, H). Where R differs from H, a weight w_hr (R, H) comes last among the parameters of each layer and
    direction, and projects the outputs. Returns the outputs, the last h and the last c.

        >>> import minidl
        >>> x, state = minidl.ones(2, 1, 1), minidl.zeros(1, 1, 1)
        >>> w = minidl.tensor([[9.], [9.], [9.], [9.]])      # so that all gates are open
        >>> y, h, c = minidl.lstm(x, (state, state), [w, w], False, 1, 0.0, False, False, False)
        >>> c
        tensor([[[1.9999]]])
    """
    return _run("lstm", input, args, kwargs)


def gru(input: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
    """Layers of gated recurrent units, as `minidl.nn.GRU` runs them, where the equations stand.

    Arguments, results and errors as for `rnn_tanh`.

        >>> import minidl
        >>> x, h = minidl.ones(2, 1, 1), minidl.ones(1, 1, 1)
        >>> w = minidl.zeros(3, 1)                           # z is 1/2 and n is 0: half of the state is forgotten
        >>> y, h = minidl.gru(x, h, [w, w], False, 1, 0.0, False, False, False)
        >>> y.flatten()
        tensor([0.5000, 0.2500])
    """
    return _run("gru", input, args, kwargs)


# ---------------------------------------------------------------------- single steps

def _cell(who: str, input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> tuple[Any, ...]:
    """One step of N sequences."""
    check_tensors(who, input=input)
    states = _states(who, hx)
    if input.ndim != 2 or any(state.ndim != 2 for state in states):
        raise RuntimeError(f"{who}: Expected input (N, I) and hidden states (N, H), but got {tuple(input.shape)} and "
                           f"{', '.join(str(tuple(s.shape)) for s in states)}; try unsqueeze(0) for one sequence")
    if input.shape[1] != w_ih.shape[-1]:
        raise RuntimeError(f"{who}: input has inconsistent input_size: got {input.shape[1]}, expected {w_ih.shape[-1]}")
    for k, state in enumerate(states):
        if len(state) != len(input):
            raise RuntimeError(f"{who}: Input batch size {len(input)} doesn't match hidden{k} batch size {len(state)}")
        if state.shape[1] != w_hh.shape[-1]:
            raise RuntimeError(f"{who}: hidden{k} has inconsistent hidden_size: got {state.shape[1]}, expected "
                               f"{w_hh.shape[-1]}")
    weights = _weights(who, input, states, [w_ih, w_hh, b_ih, b_hh], True)
    return _layer(who.removesuffix("_cell"), [len(input)])(input, *states, *weights)[1:]


def rnn_tanh_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    """One step of Elman's network: `tanh(W_ih x + b_ih + W_hh h + b_hh)`.

    input (N, I), hx (N, H), w_ih (H, I), w_hh (H, H), b_ih and b_hh (H,) or None; returns the new state (N, H).
    Errors: RuntimeError where shapes or dtypes do not fit.

        >>> import minidl
        >>> one = minidl.ones(1, 1)
        >>> minidl.rnn_tanh_cell(one, one * 0, one, one)
        tensor([[0.7616]])
    """
    return _cell("rnn_tanh_cell", input, hx, w_ih, w_hh, b_ih, b_hh)[0]


def rnn_relu_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    """`rnn_tanh_cell` with `relu` in place of tanh.

        >>> import minidl
        >>> one = minidl.ones(1, 1)
        >>> minidl.rnn_relu_cell(one, one, one, one)
        tensor([[2.]])
    """
    return _cell("rnn_relu_cell", input, hx, w_ih, w_hh, b_ih, b_hh)[0]


def lstm_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> tuple[Any, Any]:
    """One step of long short-term memory; the equations stand at `minidl.nn.LSTM`.

    input (N, I), hx a pair (h, c) of (N, H) each, w_ih (4H, I), w_hh (4H, H), b_ih and b_hh (4H,) or None; returns the
    new h and c. Errors: RuntimeError where shapes or dtypes do not fit.

        >>> import minidl
        >>> one, w = minidl.ones(1, 1), minidl.zeros(4, 1)
        >>> h, c = minidl.lstm_cell(one, (one, one), w, w)       # the forget gate is half open
        >>> c
        tensor([[0.5000]])
    """
    h, c = _cell("lstm_cell", input, hx, w_ih, w_hh, b_ih, b_hh)
    return h, c


def gru_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    """One step of a gated recurrent unit; the equations stand at `minidl.nn.GRU`.

    input (N, I), hx (N, H), w_ih (3H, I), w_hh (3H, H), b_ih and b_hh (3H,) or None; returns the new state (N, H).
    Errors: RuntimeError where shapes or dtypes do not fit.

        >>> import minidl
        >>> one, w = minidl.ones(1, 1), minidl.zeros(3, 1)
        >>> minidl.gru_cell(one, one, w, w)                      # half the old state, half of tanh(0)
        tensor([[0.5000]])
    """
    return _cell("gru_cell", input, hx, w_ih, w_hh, b_ih, b_hh)[0]
