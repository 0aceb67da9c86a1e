"""Scaled dot-product attention."""
from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest

import minidl
from minidl.autograd import gradcheck
from minidl.backend.kernels import attention as kernels
from minidl.backend.kernels.attention import AttentionPlan
from minidl.ops.attention import Attention, multi_head_attention_forward, scaled_dot_product_attention
from tests.checking import Case, S, check_case, torch


def loops(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False):
    """One query after the other."""
    if enable_gqa:
        key, value = (np.repeat(x, query.shape[-3] // x.shape[-3], axis=-3) for x in (key, value))
    batch = np.broadcast_shapes(query.shape[:-2], key.shape[:-2], value.shape[:-2])
    (L, E), (n, V) = query.shape[-2:], value.shape[-2:]
    q, k, v = (np.broadcast_to(x, (*batch, *x.shape[-2:])) for x in (query, key, value))
    mask = None if attn_mask is None else np.broadcast_to(attn_mask, (*batch, L, n))
    y = np.zeros((*batch, L, V))
    for at in np.ndindex(*batch):
        for i in range(L):
            weights = np.zeros(n)
            for j in range(n):
                added = 0.0 if mask is None else mask[at][i, j]
                if mask is not None and mask.dtype == bool:
                    added = 0.0 if added else -np.inf
                if not is_causal or j <= i:
                    weights[j] = np.exp(q[at][i] @ k[at][j] * (E ** -0.5 if scale is None else scale) + added)
            if weights.sum():
                y[at][i] = (weights / weights.sum()) @ v[at]
    return y


Q, K, V = (2, 3, 4, 5), (2, 3, 6, 5), (2, 3, 6, 2)
stream = np.random.default_rng(0)
SEEN = stream.random((4, 6)) < 0.6
SEEN[1] = False                                   # a query that may look nowhere
BIAS = np.where(stream.random((2, 1, 4, 6)) < 0.8, stream.standard_normal((2, 1, 4, 6)), -np.inf)
BIAS[0, 0, 2] = -np.inf
CASES = [
    Case(scaled_dot_product_attention,
         [S(Q, K, V), S((4, 5), (6, 5), (6, 2)), S((3, 4, 5), (3, 6, 5), (3, 6, 5)), S(Q, K, V, is_causal=True),
          S(Q, (2, 3, 3, 5), (2, 3, 3, 2), is_causal=True), S(Q, K, V, SEEN), S(Q, K, V, scale=0.3),
          S(Q, K, V, SEEN[None, None]), S(Q, K, V, SEEN[:, :1]), S(Q, K, V, (1, 3, 4, 6)), S(Q, K, V, (6,)),
          S((2, 1, 4, 5), (3, 6, 5), (2, 3, 6, 2)), S(Q, (2, 3, 0, 5), (2, 3, 0, 2)), S((2, 3, 0, 5), K, V),
          S((2, 6, 4, 5), (2, 2, 6, 5), (2, 2, 6, 3), enable_gqa=True),
          S((2, 6, 4, 5), (2, 3, 4, 5), (2, 3, 4, 3), is_causal=True, enable_gqa=True)],
         oracle=loops, torch="scaled_dot_product_attention", rtol=1e-8, float16=True),
    Case(lambda q, k, v: scaled_dot_product_attention(q, k, v, minidl.tensor(BIAS, dtype=q.dtype).to(q.device)),
         [S(Q, K, V)], oracle=lambda q, k, v: loops(q, k, v, BIAS), name="mask of -inf"),
    Case(scaled_dot_product_attention,          # PyTorch refuses these shapes, and a mask with a gradient
         [S(Q, K, V, SEEN, is_causal=True), S(Q, K, V, (4, 6), is_causal=True)], oracle=loops, name="mask and causal"),
    Case(lambda q, k, v: scaled_dot_product_attention(q, k, v, minidl.tensor(SEEN).to(q.device), is_causal=True),
         [S(Q, K, K)], oracle=lambda q, k, v: loops(q, k, v, SEEN, is_causal=True), name="mask and causal at one width",
         torch=lambda q, k, v: torch.nn.functional.scaled_dot_product_attention(
             q, k, v, torch.tensor(SEEN), is_causal=True)),
    Case(lambda q, k, v, m: scaled_dot_product_attention(q, k, v, m, enable_gqa=True),
         [S((2, 4, 2, 3), (2, 2, 3, 3), (2, 2, 3, 3), (4, 2, 3))],
         oracle=lambda q, k, v, m: loops(q, k, v, m, enable_gqa=True), name="mask of grouped heads"),
]


def heads_in_loops(query, key, value, E, H, weight, bias, bias_k, bias_v, zeros, _, out_weight, out_bias,
                   need_weights=True, attn_mask=None, **more):
    """One head of one image after the other."""
    (L, N, _), S, d, padding = query.shape, len(key), E // H, more.get("key_padding_mask")
    separate = [more.get(f"{x}_proj_weight") for x in "qkv"]
    weights = separate if more.get("use_separate_proj_weight") else np.split(weight, 3)
    q, k, v = (x @ w.T + b for x, w, b in zip((query, key, value), weights, np.split(bias, 3)))
    if bias_k is not None:
        k, v = (np.concatenate([x, np.broadcast_to(b, (1, N, E))]) for x, b in ((k, bias_k), (v, bias_v)))
    if zeros:
        k, v = (np.concatenate([x, np.zeros((1, N, E))]) for x in (k, v))
    y, shares = np.zeros((L, N, E)), np.zeros((N, H, L, len(k)))
    for n, h in np.ndindex(N, H):
        mine = slice(h * d, (h + 1) * d)
        for i in range(L):
            scores = k[:, n, mine] @ q[i, n, mine] / np.sqrt(d)
            for mask in (None if attn_mask is None else attn_mask[i] if attn_mask.ndim == 2
                         else attn_mask[n * H + h, i],
                         None if padding is None else padding[n]):
                if mask is not None:
                    scores[:S] += np.where(mask, -np.inf, 0) if mask.dtype == bool else mask
            shares[n, h, i] = np.exp(scores) / np.exp(scores).sum()
            y[i, n, mine] = shares[n, h, i] @ v[:, n, mine]
    return y @ out_weight.T + out_bias, shares.mean(1) if need_weights else None


PADDING, HIDDEN = np.array([[False, True, False], [False, False, False]]), np.array(
    [[True, False, False], [False, False, True]])
PROJECTIONS = ((12, 4), (12,))
OUT = ((4, 4), (4,))


def multi_head(*args, bias_k=None, bias_v=None, zeros=False, projections=PROJECTIONS, **kwargs):
    query, key, value = args or ((2, 2, 4), (3, 2, 4), (3, 2, 4))
    return S(query, key, value, 4, 2, *projections, bias_k, bias_v, zeros, 0.0, *OUT, **kwargs)


CASES += [
    Case(multi_head_attention_forward,
         [sample for need in (True, False) for sample in (
             multi_head(need_weights=need), multi_head(bias_k=(1, 1, 4), bias_v=(1, 1, 4), need_weights=need),
             multi_head(zeros=True, key_padding_mask=PADDING, need_weights=need),
             multi_head(bias_k=(1, 1, 4), bias_v=(1, 1, 4), zeros=True, attn_mask=HIDDEN, key_padding_mask=PADDING,
                        need_weights=need),
             multi_head(attn_mask=stream.standard_normal((2, 3)), need_weights=need),
             multi_head(attn_mask=stream.standard_normal((4, 2, 3)), key_padding_mask=PADDING, need_weights=need),
             multi_head(attn_mask=HIDDEN, key_padding_mask=stream.standard_normal((2, 3)), need_weights=need),
             multi_head((2, 2, 4), (3, 2, 5), (3, 2, 3), projections=(None, (12,)), use_separate_proj_weight=True,
                        need_weights=need, q_proj_weight=stream.standard_normal((4, 4)),
                        k_proj_weight=stream.standard_normal((4, 5)),
                        v_proj_weight=stream.standard_normal((4, 3))))],
         oracle=heads_in_loops, torch="multi_head_attention_forward"),
    Case(multi_head_attention_forward,
         [multi_head((2, 4), (3, 4), (3, 4), key_padding_mask=PADDING[0], average_attn_weights=False),
          multi_head((2, 4), (3, 4), (3, 4), attn_mask=stream.standard_normal((2, 2, 3)), need_weights=False),
          *[multi_head((2, 2, 4), (1, 2, 4), (1, 2, 4), static_k=stream.standard_normal((4, 3, 2)),
                       static_v=stream.standard_normal((4, 3, 2)), zeros=zeros, key_padding_mask=PADDING)
            for zeros in (False, True)],
          multi_head((3, 2, 4), (3, 2, 4), (3, 2, 4), attn_mask=np.triu(np.full((3, 3), -np.inf), 1), is_causal=True),
          multi_head((2, 2, 4), (3, 2, 4), (3, 2, 4), training=False)],
         torch="multi_head_attention_forward", name="multi_head_attention_forward, odds and ends"),
    Case(lambda x, *args, **kwargs: multi_head_attention_forward(x, x, x, *args, **kwargs),
         [S((3, 2, 4), 4, 2, *PROJECTIONS, None, None, False, 0.0, *OUT)],
         torch=lambda x, *args, **kwargs: torch.nn.functional.multi_head_attention_forward(
             x, x, x, *args, **kwargs),
         name="multi_head self-attention"),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery_in_small_tiles(case, monkeypatch):
    """The same when the scores of every row fall into several tiles."""
    monkeypatch.setattr(kernels, "CPU_TILE", 4)
    monkeypatch.setattr(kernels, "CPU_KEYS", 2)
    check_case(case)


def test_worked_by_hand():
    """Scores 0 and ln 3, so weights 1/4 and 3/4. With g = 1: gv = the weights; gs = p * (v - y); gk = gs * q."""
    q, k, v = (minidl.tensor(x, requires_grad=True) for x in ([[1.0]], [[0.0], [math.log(3)]], [[4.0], [8.0]]))
    y = scaled_dot_product_attention(q, k, v, scale=1.0)
    y.backward(minidl.ones(1, 1))
    assert y.item() == pytest.approx(7.0)
    np.testing.assert_allclose(v.grad.numpy(), [[0.25], [0.75]], rtol=1e-6)
    np.testing.assert_allclose(k.grad.numpy(), [[-0.75], [0.75]], rtol=1e-6)
    np.testing.assert_allclose(q.grad.numpy(), [[0.75 * np.log(3)]], rtol=1e-6)


def test_a_query_that_may_look_nowhere_gets_zeros_and_so_does_its_gradient():
    q, k, v = (minidl.randn(*shape, requires_grad=True) for shape in ((2, 3), (4, 3), (4, 3)))
    mask = minidl.tensor([[False] * 4, [True] * 4])
    y = scaled_dot_product_attention(q, k, v, mask)
    y.sum().backward()
    assert y[0].tolist() == [0, 0, 0] and q.grad[0].tolist() == [0, 0, 0]
    assert bool((y[1] != 0).all()) and bool((q.grad[1] != 0).all())


def test_large_scores_do_not_overflow(monkeypatch):
    monkeypatch.setattr(kernels, "CPU_KEYS", 1)   # the maximum moves from tile to tile
    q, k = minidl.tensor([[1000.0]]), minidl.tensor([[-1.0], [1.0], [0.5]])
    y = scaled_dot_product_attention(q, k, minidl.tensor([[1.0], [2.0], [3.0]]))
    assert y.tolist() == [[2.0]]


def test_nan_in_a_key_is_not_hidden():
    q, k, v = minidl.ones(1, 2), minidl.tensor([[1.0, 1.0], [float("nan"), 1.0]]), minidl.ones(2, 2)
    assert bool(minidl.isnan(scaled_dot_product_attention(q, k, v)).all())


@pytest.mark.parametrize("tile", [1 << 18, 6])
def test_dropout_is_the_same_forward_and_backward(tile, monkeypatch):
    monkeypatch.setattr(kernels, "CPU_TILE", tile)
    monkeypatch.setattr(kernels, "CPU_KEYS", min(3, tile))
    q, k, v = (minidl.randn(*shape, dtype=minidl.float64, requires_grad=True)
               for shape in ((2, 4, 3), (2, 5, 3), (2, 5, 2)))

    def attend(q, k, v):
        minidl.manual_seed(3)
        return scaled_dot_product_attention(q, k, v, dropout_p=0.4)

    assert gradcheck(attend, [q, k, v])
    op = Attention(AttentionPlan(0.5, True, 0.4, 7))
    g = minidl.randn(2, 4, 2, dtype=minidl.float64)
    fused = minidl.autograd.grad(op(q, k, v, None), (q, k, v), g)
    meant = minidl.autograd.grad(op.reference(q, k, v), (q, k, v), g)
    for a, b in zip(fused, meant):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9, atol=1e-12)


def test_dropout_drops_the_share_it_says_and_scales_the_rest():
    minidl.manual_seed(0)
    n = 400
    y = scaled_dot_product_attention(minidl.zeros(n, 1), minidl.zeros(n, 1), minidl.eye(n), dropout_p=0.25) * n
    assert sorted(set(y.round(decimals=3).flatten().tolist())) == pytest.approx([0.0, 4 / 3], abs=1e-3)
    assert (y == 0).float().mean().item() == pytest.approx(0.25, abs=0.01)
    assert scaled_dot_product_attention(minidl.ones(2, 1), minidl.ones(2, 1), minidl.ones(2, 1),
                                        dropout_p=1.0).tolist() == [[0], [0]]
    first, second = (scaled_dot_product_attention(minidl.zeros(n, 1), minidl.zeros(n, 1), minidl.eye(n),
                                                  dropout_p=0.5)
                     for _ in range(2))
    assert bool((first != second).any())


def test_the_whole_score_matrix_never_exists():
    L, width = 4096, 8
    q, k, v = (minidl.randn(L, width, requires_grad=True) for _ in range(3))

    def step():
        scaled_dot_product_attention(q, k, v, is_causal=True).sum().backward()

    step()      # kernels may be compiled
    tracemalloc.start()
    step()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * L * L / 4, f"{peak} bytes; the scores alone have {4 * L * L}"


def test_queries_without_elements_look_everywhere_alike():
    query, key, value = minidl.zeros(2, 3, 4, 0), minidl.zeros(2, 3, 6, 0), minidl.ones(2, 3, 6, 5)
    assert scaled_dot_product_attention(query, key, value).numpy() == pytest.approx(1)


def test_plain_arrays_give_plain_arrays():
    x = np.ones((2, 3))
    y = scaled_dot_product_attention(x, x, x, np.ones((2, 2), bool))
    assert isinstance(y, np.ndarray) and y.tolist() == x.tolist()


q, k, v = minidl.zeros(2, 6, 4, 5), minidl.zeros(2, 6, 7, 5), minidl.zeros(2, 6, 7, 3)


@pytest.mark.parametrize("arguments, kind, text", [
    ((q, k[..., :3], v), RuntimeError,
     "expected query (*, L, E), key (*, S, E), value (*, S, V), but got (2, 6, 4, 5)"),
    ((q, k, v[..., :3, :]), RuntimeError, "expected query (*, L, E)"),
    ((q, k.double(), v), RuntimeError, "query and key should have the same dtype"),
    ((q.long(), k, v), RuntimeError, "query must be floating-point"),
    ((q[0, 0, 0], k, v), RuntimeError, "at least 2 dimensional"),
    ((q, k, v, minidl.ones(4, 7, dtype=minidl.int64)), RuntimeError,
     "attn_mask dtype to be bool or to match query dtype"),
    ((q, k, v, minidl.zeros(4, 6)), RuntimeError, "cannot be broadcast"),
    ((q, k, v, minidl.zeros(3, 1, 1, 4, 7)), RuntimeError, "cannot be broadcast to the shape of the scores"),
    ((q, k, v, [[1.0]]), TypeError, "argument 'attn_mask' must be Tensor, not list"),
    ((q, k, v, None, 1.5), RuntimeError, "between 0 and 1, but got 1.5"),
    ((q, k[:, :4], v[:, :4], None, 0.0, False, None, True), RuntimeError,
     "divide the number of heads in query, but got 4, 4 and 6"),
    ((q[0, 0], k, v, None, 0.0, False, None, True), RuntimeError, "enable_gqa expects (*, heads, length, width)"),
    ((q, k[:, :4], v), RuntimeError, "cannot be broadcast"),
])
def test_errors(arguments, kind, text):
    with pytest.raises(kind) as error:
        scaled_dot_product_attention(*arguments)
    assert text in str(error.value)
