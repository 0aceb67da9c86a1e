"""MultiheadAttention: what the rows in rows_attention.py do not say."""
from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest

import minidl
from minidl import nn

Q, K = minidl.zeros(3, 2, 4), minidl.zeros(5, 2, 4)
ATTENTION = nn.MultiheadAttention(4, 2)


def test_worked_by_hand():
    """One head that projects to itself. Scores 0 and ln 3, so weights 1/4 and 3/4, and 1/4 * 4 + 3/4 * 8 = 7."""
    attention = nn.MultiheadAttention(1, 1, bias=False)
    for weight in (attention.in_proj_weight, attention.out_proj.weight):
        nn.init.ones_(weight)
    y, weights = attention(minidl.ones(1, 1), minidl.tensor([[0.0], [math.log(3)]]), minidl.tensor([[4.0], [8.0]]))
    assert y.item() == pytest.approx(7.0)
    np.testing.assert_allclose(weights.detach().numpy(), [[0.25, 0.75]], rtol=1e-6)


def test_one_tensor_in_three_places_gives_what_three_equal_ones_give():
    minidl.manual_seed(0)
    x = minidl.randn(3, 2, 4, requires_grad=True)
    first, _ = ATTENTION(x, x, x)
    second, _ = ATTENTION(x, x * 1, x * 1)
    np.testing.assert_allclose(first.detach().numpy(), second.detach().numpy(), rtol=1e-5, atol=1e-7)
    gradients = [minidl.autograd.grad(y.cos().sum(), [x, *ATTENTION.parameters()]) for y in (first, second)]
    for a, b in zip(*gradients):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=1e-6)


def test_initial_values():
    minidl.manual_seed(0)
    attention = nn.MultiheadAttention(64, 4, add_bias_kv=True, kdim=32)
    for weight, fan in ((attention.q_proj_weight, 128), (attention.k_proj_weight, 96), (attention.v_proj_weight, 128)):
        bound = math.sqrt(6 / fan)
        assert 0.97 * bound < weight.abs().max().item() <= bound
    assert not attention.in_proj_bias.any().item() and not attention.out_proj.bias.any().item()
    assert attention.bias_k.std().item() == pytest.approx(math.sqrt(2 / 128), rel=0.3)    # (1, 1, E): fans of E and E
    assert attention.in_proj_weight is None


@pytest.mark.parametrize("need_weights", [True, False])
def test_dropout(need_weights):
    """A head that gives each query the weights themselves, times n: 0, or 1 / (1 - p)."""
    minidl.manual_seed(0)
    n = 100
    attention = nn.MultiheadAttention(n, 1, dropout=0.25, bias=False)
    for weight, value in zip((*attention.in_proj_weight.chunk(3), attention.out_proj.weight), (0, 0, n, 1)):
        weight.detach().copy_(minidl.eye(n) * value)
    y, weights = attention(minidl.ones(n, n), minidl.ones(n, n), minidl.eye(n), need_weights=need_weights)
    assert sorted(set(y.round(decimals=3).flatten().tolist())) == pytest.approx([0.0, 4 / 3], abs=1e-3)
    assert (y == 0).float().mean().item() == pytest.approx(0.25, abs=0.02)
    if need_weights:
        np.testing.assert_allclose(weights.detach().numpy() * n, y.detach().numpy(), rtol=1e-5)
    y, _ = attention.eval()(minidl.ones(n, n), minidl.ones(n, n), minidl.eye(n), need_weights=need_weights)
    np.testing.assert_allclose(y.detach().numpy(), 1.0, rtol=1e-5)


def test_a_query_that_may_look_nowhere():
    nowhere = minidl.tensor([[True] * 5, [False] * 5])
    y, weights = ATTENTION(Q, K, K, nowhere)
    assert bool(y[:, 0].isnan().all()) and bool(weights[0].isnan().all()) and not y[:, 1].isnan().any().item()
    y, _ = ATTENTION(Q, K, K, nowhere, need_weights=False)
    assert not y.any().item()


def test_a_learned_mask_gets_a_gradient():
    for need_weights in (True, False):
        mask = minidl.randn(3, 5, requires_grad=True)
        y, _ = ATTENTION(minidl.randn(3, 2, 4), minidl.randn(5, 2, 4), minidl.randn(5, 2, 4), attn_mask=mask,
                         need_weights=need_weights)
        y.cos().sum().backward()
        assert bool((mask.grad != 0).all())


def test_without_weights_the_whole_score_matrix_never_exists():
    L = 2048
    attention = nn.MultiheadAttention(8, 2)
    x, causal = minidl.randn(L, 1, 8), minidl.ones(L, L, dtype=bool).triu(1)

    def step():
        attention(x, x, x, need_weights=False, attn_mask=causal, is_causal=True)[0].sum().backward()

    step()      # kernels may be compiled
    tracemalloc.start()
    step()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 2 * L * L / 4, f"{peak} bytes; the scores alone have {4 * 2 * L * L}"


@pytest.mark.parametrize("call, kind, text", [
    (lambda: nn.MultiheadAttention(5, 2), AssertionError,
     "embed_dim must be divisible by num_heads, but got embed_dim=5"),
    (lambda: nn.MultiheadAttention(4, 0), ValueError, "embed_dim and num_heads must be greater than 0"),
    (lambda: ATTENTION(Q[..., :3], K, K), AssertionError, "was expecting embedding dimension of 4, but got 3"),
    (lambda: ATTENTION(Q, K, K[:4]), AssertionError, "key shape (5, 2, 4) does not match value shape (4, 2, 4)"),
    (lambda: ATTENTION(Q, K[:, :1], K[:, :1]), RuntimeError, "query (3, 2, 4) and key (5, 1, 4) differ in batch size"),
    (lambda: ATTENTION(Q[:, 0], K, K), AssertionError,
     "For 2-D query, expected key and value to be 2-D but found (5, 2, 4)"),
    (lambda: ATTENTION(Q[0, 0], K, K), AssertionError, "query should be unbatched 2D (L, E) or batched 3D (L, N, E)"),
    (lambda: ATTENTION(Q, K, K.double()), RuntimeError, "query and value should have the same dtype"),
    (lambda: ATTENTION(Q, K, K, is_causal=True), RuntimeError, "Need attn_mask if specifying the is_causal hint"),
    (lambda: ATTENTION(Q, K, K, attn_mask=minidl.zeros(3, 6)), RuntimeError,
     "The shape of the 2D attn_mask is (3, 6), but should be (L, S) = (3, 5) or (N*H, L, S) = (4, 3, 5)"),
    (lambda: ATTENTION(Q, K, K, attn_mask=minidl.zeros(2, 3, 5)), RuntimeError,
     "The shape of the 3D attn_mask is (2, 3, 5)"),
    (lambda: ATTENTION(Q, K, K, attn_mask=minidl.zeros(3, 5).long()), AssertionError,
     "only bool and floating types of attn_mask"),
    (lambda: ATTENTION(Q, K, K, minidl.zeros(2, 5).long()), AssertionError,
     "only bool and floating types of key_padding_mask"),
    (lambda: ATTENTION(Q, K, K, minidl.zeros(2, 6)), AssertionError,
     "Expected key_padding_mask to be (N, S) = (2, 5), but got (2, 6)"),
    (lambda: ATTENTION(Q, K, K, minidl.zeros(2, 5).double(), need_weights=False), RuntimeError, "to match query dtype"),
    (lambda: nn.functional.multi_head_attention_forward(
        Q, K, K, 4, 3, None, None, None, None, False, 0.0, None, None),
     AssertionError, "embed_dim 4 not divisible by num_heads 3"),
    (lambda: nn.functional.multi_head_attention_forward(
        Q, K, K, 4, 2, None, None, Q, Q, False, 0.0, None, None, static_k=K, static_v=K),
     AssertionError, "cannot be added to static"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)
