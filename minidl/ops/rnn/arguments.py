"""Argument checks of recurrent functions; arguments leave in the form of a layer's op."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.ops.base.checks import check_floating, check_tensors
from minidl.ops.rnn.layers import RecurrentLayer


def states_of(who: str, layer: type[RecurrentLayer], hx: Any) -> tuple[Any, ...]:
    """The initial states: h, or h and c. Errors: RuntimeError for another number of states."""
    if layer.states == 1:
        hx = (hx,)
    elif not isinstance(hx, (tuple, list)) or len(hx) != 2:
        raise RuntimeError(f"{who} expects two hidden states, hx=(h, c), but got a {type(hx).__name__}"
                           + (f" of {len(hx)}" if isinstance(hx, (tuple, list)) else ""))
    check_tensors(who, **{f"hx[{k}]": state for k, state in enumerate(hx)})
    return tuple(hx)


def weights_of(who: str, layer: type[RecurrentLayer], x: Any, states: tuple[Any, ...], weights: Sequence[Any],
               has_biases: bool) -> list[Any]:
    """The weights of one layer and direction, as its op takes them. Errors: RuntimeError where they do not fit."""
    w_ih, w_hh, *others = weights
    b_ih, b_hh, *others = others if has_biases else (None, None, *others)
    w_hr = others[0] if others else None
    check_floating(who, input=x, w_ih=w_ih, w_hh=w_hh, b_ih=b_ih, b_hh=b_hh, w_hr=w_hr,
                   **{f"hx[{k}]": state for k, state in enumerate(states)})
    features, outputs, hidden = x.shape[-1], states[0].shape[-1], states[-1].shape[-1]
    rows = layer.gates * hidden
    for name, w, shape in (("w_ih", w_ih, (rows, features)), ("w_hh", w_hh, (rows, outputs)),
                           ("b_ih", b_ih, (rows,)), ("b_hh", b_hh, (rows,)), ("w_hr", w_hr, (outputs, hidden))):
        if w is not None and tuple(w.shape) != shape:
            raise RuntimeError(f"{who}: expected {name} of shape {shape} for input (*, {features}) and hidden states "
                               f"of size {hidden}, but got {tuple(w.shape)}")
    return [w_ih, w_hh, b_ih, b_hh, *([w_hr] if layer.projects else [])]
