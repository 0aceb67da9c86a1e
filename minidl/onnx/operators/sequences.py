"""Recurrent layers."""
from __future__ import annotations

from typing import Any

from minidl.onnx.operators.table import operator
from minidl.ops import elementwise, linalg, rnn, shape
from minidl.tensors.creation import zeros

_GATES = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}
"""PyTorch's gates among ONNX's, whose orders are i, o, f, g and z, r, n."""
_ACTIVATIONS = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"], "RNN": ["Tanh"]}
_DIRECTIONS = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}


@operator("LSTM", "GRU", "RNN")
def _recurrent(node: Any, x: Any, w: Any, r: Any, b: Any = None, lengths: Any = None, h: Any = None, c: Any = None,
               peepholes: Any = None) -> Any:
    """x (T, N, I), or (N, T, I) with layout 1 -> Y (T, D, N, H), the last states (D, N, H)."""
    kind, H = node.operator, node.get("hidden_size")
    directions = _DIRECTIONS[node.get("direction", "forward")]
    usual = _ACTIVATIONS[kind] * len(directions)
    names = node.get("activations") or usual
    others = names != usual and not (kind == "RNN" and set(names) == {"Relu"})
    if others or peepholes is not None or node.get("clip") or node.get("input_forget", 0):
        raise node.refuse("other activations, peepholes, clip and input_forget are left out")
    x = x.transpose(0, 1) if node.get("layout", 0) else x
    T, N, _ = x.shape
    if lengths is not None and not bool((lengths.array == T).all()):
        raise node.refuse("sequences of different lengths are left out")
    start = [zeros(len(directions), N, H, dtype=x.dtype) if s is None else
             s.transpose(0, 1) if node.get("layout", 0) else s for s in (h, c)[:2 if kind == "LSTM" else 1]]
    outputs, ends = [], []
    for d, backwards in enumerate(directions):
        weights = [_in_order(v[d], kind, H) for v in (w, r)]
        biases = [] if b is None else [_in_order(v, kind, H) for v in shape.chunk(b[d], 2)]
        steps = x.flip(0) if backwards else x
        y, *last = _one_way(node, steps, [s[d:d + 1] for s in start], [*weights, *biases], names)
        outputs.append(y.flip(0) if backwards else y)
        ends.append(last)
    y = shape.stack(outputs, 1)                                           # (T, D, N, H)
    last = [shape.cat(parts) for parts in zip(*ends)]
    if node.get("layout", 0):
        y, last = y.permute(2, 0, 1, 3), [one.transpose(0, 1) for one in last]
    return y, *last


def _in_order(v: Any, kind: str, H: int) -> Any:
    return v if kind == "RNN" else shape.cat([v[i * H:(i + 1) * H] for i in _GATES[kind]])


def _one_way(node: Any, x: Any, start: list[Any], weights: list[Any], names: list[str]) -> Any:
    """One layer in one direction; y (T, N, H), and the last states (1, N, H)."""
    settings = (len(weights) == 4, 1, 0.0, False, False, False)
    if node.operator == "LSTM":
        return rnn.lstm(x, tuple(start), weights, *settings)
    if node.operator == "RNN":
        return (rnn.rnn_relu if names[0] == "Relu" else rnn.rnn_tanh)(x, start[0], weights, *settings)
    if node.get("linear_before_reset", 0):
        return rnn.gru(x, start[0], weights, *settings)
    return _gru_reset_first(x, start[0][0], *weights)


def _gru_reset_first(x: Any, h: Any, w: Any, r: Any, b: Any = None, b_r: Any = None) -> Any:
    """ONNX's default: the reset gate is applied before the product, n = tanh(W x + R (r * h))."""
    outputs = []
    H = h.shape[-1]
    for step in shape.unbind(x):
        a = linalg.linear(step, w, b) + (0 if b_r is None else b_r)
        gates = elementwise.sigmoid(a[:, :2 * H] + linalg.linear(h, r[:2 * H]))
        reset, z = gates[:, :H], gates[:, H:]
        n = elementwise.tanh(a[:, 2 * H:] + linalg.linear(reset * h, r[2 * H:]))
        h = (1 - z) * n + z * h
        outputs.append(h)
    return shape.stack(outputs), h.unsqueeze(0)
