"""Recurrent layers, beyond the table of modules: packed runs are exact, settings are checked, names are right."""
from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minidl
from minidl import nn
from minidl.nn.utils.rnn import pack_padded_sequence, pack_sequence, unpack_sequence

try:
    import torch
except ImportError:
    torch = None

KINDS = [("RNN", {}), ("RNN", {"nonlinearity": "relu"}), ("LSTM", {}), ("LSTM", {"proj_size": 2}), ("GRU", {})]
each_kind = pytest.mark.parametrize("name, options", KINDS)


def layer(name: str, *args: Any, **options: Any) -> Any:
    minidl.manual_seed(0)
    return getattr(nn, name)(*args, dtype=minidl.float64, **options)


def states_of(h: Any) -> list[Any]:
    return list(h) if isinstance(h, tuple) else [h]


# ---------------------------------------------------------------------- packed sequences

@each_kind
@settings(max_examples=20, deadline=None)
@given(lengths=st.lists(st.integers(1, 5), min_size=1, max_size=4), num_layers=st.integers(1, 2),
       bidirectional=st.booleans())
def test_packed_sequences_are_run_one_by_one(name: str, options: Any, lengths: list[int], num_layers: int,
                                             bidirectional: bool) -> None:
    """Outputs, last states and all gradients are those of each sequence alone, from its own initial state."""
    module = layer(name, 3, 4, num_layers, bidirectional=bidirectional, **options)
    stream = np.random.default_rng(0)
    sequences = [minidl.tensor(stream.standard_normal((n, 3)), requires_grad=True) for n in lengths]
    outputs, last = module(pack_sequence(sequences, enforce_sorted=False))
    hx = [minidl.tensor(stream.standard_normal(tuple(h.shape)), requires_grad=True) for h in states_of(last)]
    leaves = [*sequences, *hx, *module.parameters()]

    def together() -> Any:
        outputs, last = module(pack_sequence(sequences, enforce_sorted=False), tuple(hx) if name == "LSTM" else hx[0])
        return [*unpack_sequence(outputs), *states_of(last)]

    def alone() -> Any:
        runs = [module(x, tuple(h[:, n] for h in hx) if name == "LSTM" else hx[0][:, n])
                for n, x in enumerate(sequences)]
        return [*[y for y, _ in runs], *[minidl.stack(ends, 1) for ends in zip(*[states_of(last) for _, last in runs])]]

    results = []
    for run in (together, alone):
        outs = run()
        gs = [minidl.tensor(np.cos(np.arange(y.numel())).reshape(tuple(y.shape))) for y in outs]
        results.append([*outs, *minidl.autograd.grad(outs, leaves, gs)])
    for one, other in zip(*results):
        np.testing.assert_allclose(one.detach().numpy(), other.detach().numpy(), rtol=1e-9, atol=1e-12)


@each_kind
def test_a_packed_batch_of_equal_lengths_is_the_padded_one(name: str, options: Any) -> None:
    module, x = layer(name, 3, 4, 2, **options), minidl.randn(5, 2, 3, dtype=minidl.float64)
    y, last = module(x)
    packed, packed_last = module(pack_padded_sequence(x, [5, 5]))
    for one, other in zip([y.reshape(10, -1), *states_of(last)], [packed.data, *states_of(packed_last)]):
        np.testing.assert_array_equal(one.detach().numpy(), other.detach().numpy())


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
def test_what_a_packed_run_returns_is_packed_as_its_input() -> None:
    module, other = layer("GRU", 3, 4), torch.nn.GRU(3, 4).double()
    other.load_state_dict({name: torch.tensor(value.numpy()) for name, value in module.state_dict().items()})
    x = np.random.default_rng(0).standard_normal((5, 3, 3))
    mine, _ = module(pack_padded_sequence(minidl.tensor(x), [2, 5, 3], enforce_sorted=False))
    yours, _ = other(torch.nn.utils.rnn.pack_padded_sequence(torch.tensor(x), [2, 5, 3], enforce_sorted=False))
    for one, two in zip(mine, yours):
        np.testing.assert_allclose(one.detach().numpy(), two.detach().numpy(), rtol=1e-9)


# ---------------------------------------------------------------------- batches

@each_kind
def test_a_batch_of_no_sequences(name: str, options: Any) -> None:
    module = layer(name, 3, 4, 2, bidirectional=True, **options)
    y, last = module(minidl.ones(5, 0, 3, dtype=minidl.float64))
    assert y.shape == (5, 0, 2 * options.get("proj_size", 4)) and states_of(last)[-1].shape == (4, 0, 4)
    y.sum().backward()
    assert all(p.grad is not None and not p.grad.any() for p in module.parameters())


@pytest.mark.parametrize("name", ["RNNCell", "LSTMCell", "GRUCell"])
def test_a_cell_is_a_step_of_its_layer_and_starts_with_zeros(name: str) -> None:
    cell, module = layer(name, 3, 4), layer(name.removesuffix("Cell"), 3, 4)
    for (_, p), q in zip(cell.named_parameters(), module.parameters()):
        nn.init.constant_(q, 0)
        q.data.add_(p.data)
    x = minidl.randn(5, 2, 3, dtype=minidl.float64)
    state, outputs = None, []
    for step in x:
        state = cell(step, state)
        outputs.append(states_of(state)[0])
    y, last = module(x)
    np.testing.assert_allclose(minidl.stack(outputs).detach().numpy(), y.detach().numpy(), rtol=1e-12)
    for one, other in zip(states_of(state), states_of(last)):
        np.testing.assert_allclose(one.detach().numpy(), other[0].detach().numpy(), rtol=1e-12)


def test_it_learns_to_remember() -> None:
    """The first of five inputs is to be known at the end: a task that needs the memory."""
    minidl.manual_seed(0)
    lstm, read = nn.LSTM(1, 8), nn.Linear(8, 1)
    optimizer = minidl.optim.Adam([*lstm.parameters(), *read.parameters()], lr=0.03)
    for _ in range(100):
        x = (minidl.rand(5, 32, 1) > 0.5).float()
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(read(lstm(x)[0][-1]), x[0])
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1


# ---------------------------------------------------------------------- parameters

def test_names_of_parameters() -> None:
    module = nn.LSTM(3, 4, 2, bidirectional=True, proj_size=2)
    first = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "weight_hr_l0"]
    assert list(module.state_dict()) == [name.replace("l0", layer) for layer in ("l0", "l0_reverse", "l1", "l1_reverse")
                                         for name in first]
    assert [len(weights) for weights in module.all_weights] == [5] * 4
    assert module.all_weights[3][1] is module.weight_hh_l1_reverse
    assert module.weight_ih_l1.shape == (16, 4) and module.weight_hr_l0.shape == (2, 4)
    assert module.flatten_parameters() is None


@pytest.mark.parametrize("make", [lambda: nn.LSTM(3, 16, 2), lambda: nn.GRUCell(3, 16)])
def test_initial_values(make: Any) -> None:
    minidl.manual_seed(0)
    module = make()
    for p in module.parameters():
        assert abs(p).max().item() <= 1 / 4
        assert p.std().item() == pytest.approx(1 / 4 / math.sqrt(3), rel=0.15)
    before = module.state_dict()["weight_ih" if isinstance(module, nn.GRUCell) else "weight_ih_l0"].clone()
    module.reset_parameters()
    assert not minidl.equal(before, next(module.parameters()))


def test_a_parameter_put_in_its_place_later_is_used() -> None:
    module = layer("RNN", 1, 1, bias=False, nonlinearity="relu")
    module.weight_ih_l0 = nn.Parameter(minidl.ones(1, 1, dtype=minidl.float64))
    module.weight_hh_l0 = nn.Parameter(minidl.ones(1, 1, dtype=minidl.float64))
    y, _ = module(minidl.ones(3, 1, dtype=minidl.float64))
    assert y.flatten().tolist() == [1.0, 2.0, 3.0]


# ---------------------------------------------------------------------- errors

def test_dropout_of_a_single_layer_warns() -> None:
    with pytest.warns(UserWarning, match="dropout option adds dropout after all but last recurrent layer"):
        nn.GRU(3, 4, dropout=0.5)


X = minidl.ones(5, 2, 3)


def h(*shape: int) -> Any:
    return minidl.zeros(*shape)


ERRORS = [
    (lambda: nn.LSTM(3, 4, 2, dropout=2), ValueError, "dropout should be a number in range [0, 1]"),
    (lambda: nn.LSTM(3, 4, 2, dropout=True), ValueError, "dropout should be a number in range [0, 1]"),
    (lambda: nn.LSTM(3, 4, proj_size=4), ValueError, "proj_size has to be smaller than hidden_size"),
    (lambda: nn.LSTM(3, 4, proj_size=-1), ValueError,
     "proj_size should be a positive integer or zero to disable projections"),
    (lambda: nn.RNN(3, 4, nonlinearity="sin"), ValueError, "Unknown nonlinearity 'sin'. Select from 'tanh' or 'relu'."),
    (lambda: nn.RNNBase("MAMBA", 3, 4), ValueError, "Unrecognized RNN mode: MAMBA"),
    (lambda: nn.RNNBase("GRU", 3, 4)(minidl.ones(2, 1, 3)), NotImplementedError, 'missing the required "forward"'),
    (lambda: nn.GRU(0, 4), ValueError, "input_size must be greater than zero"),
    (lambda: nn.GRU(3, 4.0), TypeError, "hidden_size should be of type int, got: float"),
    (lambda: nn.GRU(3, 4, 0), ValueError, "num_layers must be greater than zero"),
    (lambda: nn.LSTM(3, 4)(X[0, 0]), ValueError, "LSTM: Expected input to be 2D or 3D, got 1D instead"),
    (lambda: nn.RNN(3, 4)(X[None]), ValueError, "RNN: Expected input to be 2D or 3D, got 4D instead"),
    (lambda: nn.RNN(2, 4)(X), RuntimeError, "input.size(-1) must be equal to input_size. Expected 2, got 3"),
    (lambda: nn.GRU(3, 4)(X.double()), ValueError,
     "RNN input dtype (float64) does not match weight dtype (float32). Convert input: input.to(minidl.float32), or "
     "convert model: model.to(minidl.float64)"),
    (lambda: nn.GRU(3, 4)(X[:0]), RuntimeError, "Expected sequence length to be larger than 0 in RNN"),
    (lambda: nn.GRU(3, 4)(X, h(1, 3, 4)), RuntimeError, "Expected hidden size (1, 2, 4), got [1, 3, 4]"),
    (lambda: nn.LSTM(3, 4)(X, (h(1, 3, 4), h(1, 2, 4))), RuntimeError,
     "Expected hidden[0] size (1, 2, 4), got [1, 3, 4]"),
    (lambda: nn.LSTM(3, 4)(X, (h(1, 2, 4), h(1, 3, 4))), RuntimeError,
     "Expected hidden[1] size (1, 2, 4), got [1, 3, 4]"),
    (lambda: nn.GRU(3, 4)(X, h(2, 4)), RuntimeError, "For batched 3-D input, hx should also be 3-D but got 2-D tensor"),
    (lambda: nn.LSTM(3, 4)(X[:, 0], (h(1, 1, 4), h(1, 4))), RuntimeError,
     "For unbatched 2-D input, hx and cx should also be 2-D but got (3-D, 2-D) tensors"),
    (lambda: nn.LSTM(3, 4)(X, h(1, 2, 4)), RuntimeError,
     "LSTM expects two hidden states, hx=(h, c), but got minidl.Tensor"),
    (lambda: nn.GRU(3, 4)(X, h(1, 2, 4).double()), RuntimeError, "should have the same dtype"),
    (lambda: nn.GRU(3, 4)(pack_sequence([X])), RuntimeError, "GRU: input must have 2 dimensions, got 3"),
    (lambda: nn.GRU(3, 4)(pack_sequence([X[:, 0]]), h(1, 2, 4)), RuntimeError,
     "Expected hidden size (1, 1, 4), got [1, 2, 4]"),
    (lambda: nn.RNNCell(3, 4)(X), ValueError, "RNNCell: Expected input to be 1D or 2D, got 3D instead"),
    (lambda: nn.GRUCell(3, 4)(X[0], X), ValueError, "GRUCell: Expected hidden to be 1D or 2D, got 3D instead"),
    (lambda: nn.LSTMCell(3, 4)(X[0], (X, X)), ValueError, "LSTMCell: Expected hx[0] to be 1D or 2D, got 3D instead"),
    (lambda: nn.GRUCell(3, 4)(X[0], h(3, 4)), RuntimeError, "Input batch size 2 doesn't match hidden0 batch size 3"),
    (lambda: nn.GRUCell(3, 4)(X[0], h(2, 3)), RuntimeError, "hidden0 has inconsistent hidden_size: got 3, expected 4"),
    (lambda: nn.GRUCell(2, 4)(X[0]), RuntimeError, "input has inconsistent input_size: got 3, expected 2"),
    (lambda: nn.RNNCell(3, 4, nonlinearity="sin")(X[0]), RuntimeError, "Unknown nonlinearity: sin"),
]


@pytest.mark.parametrize("call, kind, text", ERRORS)
def test_errors(call: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert text in str(caught.value)


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_half_public_names(kind: Any) -> None:
    """Programs that compute the weights of a layer (weight drop, hypernetworks) and layers built on these use them."""
    layer = kind(3, 4, num_layers=2, bidirectional=True)
    names = layer._flat_weights_names
    assert names[:4] == ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"] and len(names) == 16
    assert names == [name for group in layer._all_weights for name in group]
    assert all(w is getattr(layer, name) for w, name in zip(layer._flat_weights, names))
    x = minidl.randn(5, 2, 3)
    before = layer(x)[0]
    raw = layer.weight_hh_l0
    del layer.weight_hh_l0
    layer._flat_weights = [raw * 0.0 if name == "weight_hh_l0" else getattr(layer, name) for name in names]
    after = layer(x)[0]
    assert not minidl.allclose(before, after)
    after.sum().backward()
    assert raw.grad is not None

    assert layer.get_expected_hidden_size(x, None) == (4, 2, 4)
    state: Any = minidl.zeros(4, 2, 4)
    hidden = (state, state) if kind is nn.LSTM else state
    layer.check_forward_args(x, hidden, None)
    layer.check_input(minidl.ones(7, 3), minidl.tensor([4, 3]))
    assert layer.get_expected_hidden_size(minidl.ones(7, 3), minidl.tensor([4, 3])) == (4, 4, 4)
    with pytest.raises(RuntimeError, match="input must have 3 dimensions, got 2"):
        layer.check_input(minidl.ones(5, 3), None)
    wrong = (state, minidl.zeros(4, 1, 4)) if kind is nn.LSTM else minidl.zeros(4, 1, 4)
    with pytest.raises(RuntimeError, match=r"Expected hidden(\[1\])? size \(4, 2, 4\), got \[4, 1, 4\]"):
        layer.check_forward_args(x, wrong, None)
    turned = layer.permute_hidden(hidden, minidl.tensor([1, 0]))
    assert type(turned) is type(hidden) and layer.permute_hidden(hidden, None) is hidden


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU])
def test_only_an_lstm_has_a_projection(kind: Any) -> None:
    with pytest.raises(ValueError, match="proj_size argument is only supported for LSTM, not RNN or GRU"):
        kind(3, 4, proj_size=2)
    with pytest.raises(TypeError, match="unexpected keyword argument 'layers'"):
        kind(3, 4, layers=2)
