"""Transformers: what the rows in rows_attention.py do not say."""
from __future__ import annotations

import math

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.nn.transformer import _is_causal

X = minidl.randn(5, 2, 4)
causal = nn.Transformer.generate_square_subsequent_mask


def test_the_causal_mask():
    assert causal(3).tolist() == [[0, -math.inf, -math.inf], [0, 0, -math.inf], [0, 0, 0]]
    assert causal(2, dtype=minidl.float64).dtype == "float64"


def test_causal_masks_are_recognised():
    assert _is_causal(causal(4), None) and _is_causal(minidl.ones(4, 4, dtype=bool).triu(1), None)
    assert _is_causal(None, True) and not _is_causal(None, None) and not _is_causal(causal(4), False)
    tilted, later = causal(4), minidl.ones(4, 4, dtype=bool).triu(2)
    tilted[2, 1] = 0.5
    for other in (tilted, later, causal(4)[:3], causal(4)[None], minidl.zeros(4, 4), causal(4).requires_grad_()):
        assert not _is_causal(other, None)


@pytest.mark.parametrize("padding", [None, minidl.tensor([[False] * 5, [False, False, False, True, True]])])
def test_the_future_has_no_influence_whatever_the_hint(padding):
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 6), 2).eval()
    changed = X.clone()
    changed[3:] += 1.0
    outputs = [encoder(x, causal(5), padding, is_causal=hint) for hint in (None, True, False) for x in (X, changed)]
    for y in outputs:
        np.testing.assert_allclose(y[:3].detach().numpy(), outputs[0][:3].detach().numpy(), rtol=1e-4, atol=1e-6)
    assert not minidl.allclose(outputs[0][3:], outputs[1][3:])


def test_a_learned_mask_that_starts_causal_gets_a_gradient():
    mask = minidl.where(minidl.ones(5, 5, dtype=bool).triu(1), -math.inf, 0.0).requires_grad_()
    nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 6), 1)(X, mask).cos().sum().backward()
    assert bool((mask.grad[mask == 0][1:] != 0).all())


@pytest.mark.parametrize("norm_first", [False, True])
def test_where_all_is_dropped_the_residual_stream_is_left(norm_first):
    encoder = nn.TransformerEncoderLayer(4, 2, 6, dropout=1.0, norm_first=norm_first)
    decoder = nn.TransformerDecoderLayer(4, 2, 6, dropout=1.0, norm_first=norm_first)
    for y in (encoder(X), decoder(X, X)):
        expected = X if norm_first else nn.functional.layer_norm(X, (4,))
        np.testing.assert_allclose(y.detach().numpy(), expected.numpy(), rtol=1e-3, atol=1e-4)


def test_the_seed_decides():
    layer = nn.TransformerDecoderLayer(4, 2, 6, dropout=0.5)
    minidl.manual_seed(3)
    first, second = layer(X, X), layer(X, X)
    minidl.manual_seed(3)
    assert layer(X, X).tolist() == first.tolist() != second.tolist()


def test_layers_start_alike_and_are_separate():
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 6), 3)
    first, second = encoder.layers[0], encoder.layers[2]
    assert first.linear1.weight.tolist() == second.linear1.weight.tolist()
    assert first.linear1.weight is not second.linear1.weight
    assert len(list(encoder.parameters())) == 3 * len(list(first.parameters()))


def test_initial_values():
    model = nn.Transformer(32, 4, 1, 1, 64)
    for name, p in model.named_parameters():
        if p.ndim > 1:
            assert 0.97 < p.abs().max().item() / math.sqrt(6 / sum(p.shape)) <= 1, name
    assert not model.encoder.layers[0].self_attn.in_proj_bias.any().item()


def test_equal_to_pytorch_without_gradients_where_nothing_is_padded():
    """There PyTorch takes a faster way, which may leave zeros at the padding."""
    torch = pytest.importorskip("torch")
    minidl.manual_seed(0)
    ours = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 6, batch_first=True), 2).double().eval()
    theirs = torch.nn.TransformerEncoder(torch.nn.TransformerEncoderLayer(4, 2, 6, batch_first=True), 2).double().eval()
    theirs.load_state_dict({name: torch.tensor(p.detach().numpy()) for name, p in ours.state_dict().items()})
    x = np.random.default_rng(0).standard_normal((2, 5, 4))
    padding = np.array([[False] * 5, [False, False, False, True, True]])
    with minidl.no_grad(), torch.no_grad():
        mine = ours(minidl.tensor(x), src_key_padding_mask=minidl.tensor(padding)).numpy()
        other = theirs(torch.tensor(x), src_key_padding_mask=torch.tensor(padding)).numpy()
    np.testing.assert_allclose(mine[~padding], other[~padding], rtol=1e-9)
    assert not other[padding].any() and mine[padding].all()


@pytest.mark.parametrize("call, text", [
    (lambda: nn.TransformerEncoderLayer(4, 2, activation="tanh"), "activation should be relu/gelu, not tanh"),
    (lambda: nn.Transformer(4, 2, 1, 1, 6)(X, X[:, :1]),
     "the batch number of src and tgt must be equal, but got src (5, 2, 4)"),
    (lambda: nn.Transformer(4, 2, 1, 1, 6, batch_first=True)(X, X[:4]),
     "the batch number of src and tgt must be equal"),
    (lambda: nn.Transformer(4, 2, 1, 1, 6)(X, X[..., :3]),
     "the feature number of src and tgt must be equal to d_model, 4"),
])
def test_errors(call, text):
    with pytest.raises(RuntimeError) as error:
        call()
    assert text in str(error.value)
