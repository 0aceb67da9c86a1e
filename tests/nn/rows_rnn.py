"""Rows for the table of modules: recurrent layers over the grid of their options, and cells."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.nn.rows import Row, row

T, N, I, H = 4, 3, 2, 5
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "tanh": ("RNN", {}), "relu": ("RNN", {"nonlinearity": "relu"}), "lstm": ("LSTM", {}),
    "projected": ("LSTM", {"proj_size": 3}), "gru": ("GRU", {}),
}
SETTINGS: list[dict[str, Any]] = [
    {}, {"bias": False, "bidirectional": True}, {"num_layers": 2, "bidirectional": True},
    {"num_layers": 3, "bias": False},
]
FORMS: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "padded": ((T, N, I), {}), "batch_first": ((N, T, I), {"batch_first": True}), "one": ((T, I), {}),
    "one, batch_first": ((T, I), {"batch_first": True}), "packed": ((T, N, I), {}), "unsorted": ((T, N, I), {}),
}


def arguments(form: str, long: bool) -> Callable[..., Any]:
    """What the layer is called with, made of the inputs: packed sequences, and pairs of states."""
    def make(nn: Any, x: Any, *states: Any) -> tuple[Any, ...]:
        if form == "packed":
            x = nn.utils.rnn.pack_padded_sequence(x, [4, 3, 1])
        elif form == "unsorted":
            x = nn.utils.rnn.pack_padded_sequence(x, [2, 4, 3], enforce_sorted=False)
        return (x,) if not states else (x, states if long else states[0])
    return make


def rows_of(kind: str, form: str, settings: dict[str, Any], given: bool) -> Row:
    """One combination; `given` says whether initial states are."""
    name, options = KINDS[kind]
    shape, more = FORMS[form]
    layers = settings.get("num_layers", 1) * (1 + settings.get("bidirectional", False))
    batch = () if form.startswith("one") else (N,)
    states = [(layers, *batch, options.get("proj_size", H)), (layers, *batch, H)][:1 + (name == "LSTM")]
    inputs = (shape, *(states if given else []))
    return row(name, I, H, inputs=inputs, watched=len(inputs), arguments=arguments(form, name == "LSTM"),
               **options, **settings, **more)


ROWS = [
    *[rows_of(kind, form, settings, given) for kind in KINDS for k, form in enumerate(FORMS)
      for settings in SETTINGS[k % 2::2] for given in (False, True)],
    row("RNN", I, H, 2, "relu", False, True, 0.5, True, inputs=((N, T, I),), random=True),
    row("LSTM", I, H, 3, dropout=0.5, inputs=((T, N, I),), random=True),
    row("GRU", I, H, num_layers=2, dropout=0.25, inputs=((T, N, I),), random=True),

    *[row(name, I, H, *args, inputs=inputs, watched=len(inputs), arguments=arguments("one", name == "LSTMCell"))
      for name, count, choices in (("RNNCell", 1, [(), (False, "relu")]), ("LSTMCell", 2, [(), (False,)]),
                                   ("GRUCell", 1, [(), (False,)]))
      for args in choices for batch in ((), (N,)) for inputs in (((*batch, I), *[(*batch, H)] * count),)],
]
