"""Sequences: attention and recurrent layers."""
from __future__ import annotations

from typing import Any

import numpy as np

from minidl.onnx.graph import Known
from minidl.onnx.sizes import Size
from minidl.onnx.translations.table import translates
from minidl.ops.attention import Attention
from minidl.ops.rnn.layers import GRULayer, LSTMLayer, RNNLayer, RNNReluLayer


@translates(Attention)
def _attention(g: Any, call: Any, q: Known, k: Known, v: Known, mask: Known | None = None) -> Any:
    """softmax(scale * q k^T + mask) v; a query whose keys are all hidden gets zeros."""
    plan, axes = call.plan, list(range(k.ndim))
    keys = g.node("Transpose", k, perm=(*axes[:-2], axes[-1], axes[-2]))
    scores = g.node("MatMul", g.node("Mul", q, np.array(plan.scale, call.dtype)), keys)
    hidden, far = [], np.array(-np.inf, call.dtype)
    if plan.causal:
        hidden = [_later(g, call, q.shape[-2], k.shape[-2])]
    if mask is not None and mask.dtype.kind == "b":
        hidden.append(g.node("Not", mask))
    for where in hidden:
        scores = g.node("Where", where, far, scores)
    if mask is not None and mask.dtype.kind != "b":
        scores = g.node("Add", scores, mask)
        if mask.array is None or bool((mask.array == -np.inf).any()):
            hidden.append(g.node("Equal", mask, far))
    p = g.node("Softmax", scores, axis=-1)
    for where in hidden if mask is not None else []:     # without a mask, every query sees a key
        p = g.node("Where", where, np.zeros((), call.dtype), p)
    return g.node("MatMul", p, v)


def _later(g: Any, call: Any, L: Any, S: Any) -> Any:
    """True where a key comes after the query."""
    if not isinstance(L, Size) and not isinstance(S, Size):
        return np.arange(S) > np.arange(L)[:, None]
    keys, queries = (g.node("Range", np.array(0), g.node("Squeeze", g.ints([n], call)), np.array(1)) for n in (S, L))
    return g.node("Greater", keys, g.node("Unsqueeze", queries, np.array([1])))


# ---------------------------------------------------------------------- recurrent layers

def _rhythm(parameters: Any) -> tuple[int, int, bool]:
    """The number of steps and of sequences, and whether the last step comes first; 0 steps if lengths differ."""
    steps = parameters["steps"]
    sizes = {n for _, n in steps}
    if len(sizes) != 1:
        return 0, 0, False
    return len(steps), sizes.pop(), len(steps) > 1 and steps[0][0].start > steps[1][0].start


def _weights(g: Any, weight: Any, order: Any, axes: Any = (0,)) -> Any:
    """The gates in ONNX's order, with an axis of one direction in front."""
    if order is not None:
        weight = g.node("Gather", weight, order, axis=0)
    return g.node("Unsqueeze", weight, np.array(axes))


def _recurrent(g: Any, call: Any, operator: str, gates: tuple[int, ...], x: Known, states: list[Known],
               weights: list[Any], **settings: Any) -> Any:
    """All steps of one layer in one direction: x (T*N, I), states (N, H), weights as PyTorch's."""
    T, N, backwards = call.each(_rhythm)
    if T == 0:
        raise call.refuse("packed sequences of different lengths have no form here; pad them, and hand the model the "
                          "padded tensor")
    w_ih, w_hh, b_ih, b_hh = weights
    H = w_hh.shape[1]
    order = None if len(gates) == 1 else np.concatenate([np.arange(i * H, (i + 1) * H) for i in gates])
    bias = None
    if b_ih is not None:
        parts = [b if order is None else g.node("Gather", b, order, axis=0) for b in (b_ih, b_hh)]
        bias = g.node("Unsqueeze", g.node("Concat", *parts, axis=0), np.array([0]))
    steps = g.node("Reshape", x, g.shape([T, N, x.shape[-1]], call))
    start = [g.node("Unsqueeze", state, np.array([0])) for state in states]
    settings |= {"hidden_size": H, "direction": "reverse" if backwards else "forward"}
    y, *ends = g.node(operator, steps, _weights(g, w_ih, order), _weights(g, w_hh, order), bias, None, *start,
                      outputs=1 + len(states), **settings)
    rows = g.node("Reshape", y, g.ints([-1, H], call))                     # (T, 1, N, H) -> (T*N, H)
    return rows, *[g.node("Squeeze", end, np.array([0])) for end in ends]


@translates(LSTMLayer)
def _lstm(g: Any, call: Any, x: Known, h: Known, c: Known, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any,
          w_hr: Any) -> Any:
    if w_hr is not None:
        raise call.refuse("ONNX's LSTM projects no states; leave proj_size at 0")
    return _recurrent(g, call, "LSTM", (0, 3, 1, 2), x, [h, c], [w_ih, w_hh, b_ih, b_hh])       # i, o, f, g


@translates(GRULayer)
def _gru(g: Any, call: Any, x: Known, h: Known, *weights: Any) -> Any:
    return _recurrent(g, call, "GRU", (1, 0, 2), x, [h], list(weights), linear_before_reset=1)  # z, r, n


@translates(RNNLayer, RNNReluLayer)
def _rnn(g: Any, call: Any, x: Known, h: Known, *weights: Any) -> Any:
    return _recurrent(g, call, "RNN", (0,), x, [h], list(weights),
                      activations=["Relu" if type(call.op) is RNNReluLayer else "Tanh"])
