"""AdaptiveLogSoftmaxWithLoss: what the rows in rows_loss.py do not say."""
from __future__ import annotations

import math

import numpy as np
import pytest

import minidl
from minidl import nn

X, LABELS = minidl.randn(6, 8), minidl.tensor([3, 19, 4, 9, 10, 0])


def softmax(**kwargs):
    minidl.manual_seed(0)
    return nn.AdaptiveLogSoftmaxWithLoss(8, 20, [4, 10], **kwargs)


def test_worked_by_hand():
    """All weights 0: half for each output of the head, and half of the cluster's half for each of its two classes."""
    layer = nn.AdaptiveLogSoftmaxWithLoss(2, 3, [1], div_value=1.0)
    for p in layer.parameters():
        nn.init.zeros_(p)
    output, loss = layer(minidl.ones(3, 2), minidl.tensor([0, 1, 2]))
    np.testing.assert_allclose(output.detach().numpy(), np.log([1 / 2, 1 / 4, 1 / 4]), rtol=1e-6)
    assert loss.item() == pytest.approx(math.log(32) / 3)


def test_probabilities_sum_to_one_and_are_those_of_the_output():
    layer = softmax(head_bias=True, div_value=2.0)
    logp = layer.log_prob(X)
    np.testing.assert_allclose(logp.exp().sum(1).detach().numpy(), 1.0, rtol=1e-5)
    output, loss = layer(X, LABELS)
    np.testing.assert_allclose(output.detach().numpy(), logp.gather(1, LABELS[:, None])[:, 0].detach().numpy(),
                               rtol=1e-5)
    assert loss.item() == pytest.approx(-output.mean().item())


def test_what_is_most_probable():
    layer, x = softmax(div_value=1.0), minidl.randn(200, 8) * 5
    best = layer.predict(x)
    assert best.tolist() == layer.log_prob(x).argmax(1).tolist()
    assert bool((best < 4).any()) and bool(((best >= 4) & (best < 10)).any()) and bool((best >= 10).any())
    nearly_never = minidl.tensor([0, 0, 0, 0, -1, -1]) * 100.0
    layer = softmax(head_bias=True)
    layer.head.bias.detach().copy_(nearly_never)
    assert bool((layer.predict(x) < 4).all())


def test_tails_that_nobody_asks_for_are_not_computed():
    layer = softmax(div_value=2.0)
    layer(X, minidl.tensor([0, 1, 2, 5, 5, 3])).loss.backward()
    assert layer.tail[0][0].weight.grad is not None and layer.tail[1][0].weight.grad is None


def test_what_is_rare_gets_less():
    layer = softmax(div_value=2.0)
    assert [[tuple(part.weight.shape) for part in tail] for tail in layer.tail] == [[(4, 8), (6, 4)], [(2, 8), (10, 2)]]
    assert (layer.cutoffs, layer.shortlist_size, layer.n_clusters, layer.head_size) == ([4, 10, 20], 4, 2, 6)


def test_reset_parameters():
    layer = softmax(div_value=2.0)
    before = [p.clone() for p in layer.parameters()]
    layer.reset_parameters()
    assert not any(minidl.equal(a, b) for a, b in zip(before, layer.parameters()))


@pytest.mark.parametrize("call, kind, text", [
    (lambda: nn.AdaptiveLogSoftmaxWithLoss(8, 20, []), ValueError,
     "cutoffs should be a sequence of length larger than 0"),
    (lambda: nn.AdaptiveLogSoftmaxWithLoss(8, 20, [4, 20]), ValueError, "but got [4, 20] with n_classes=20"),
    (lambda: nn.AdaptiveLogSoftmaxWithLoss(8, 20, [4, 4]), ValueError, "sorted in an increasing order"),
    (lambda: nn.AdaptiveLogSoftmaxWithLoss(8, 20, [0, 4]), ValueError, "sorted in an increasing order"),
    (lambda: nn.AdaptiveLogSoftmaxWithLoss(8, 20, [4.5]), ValueError, "positive integers"),
    (lambda: softmax()(X, LABELS[:2]), RuntimeError, "the same size in the batch dimension, but got (6, 8) and (2,)"),
    (lambda: softmax()(X, LABELS[:, None]), RuntimeError, "0D or 1D target tensor expected"),
    (lambda: softmax()(X[None], LABELS), RuntimeError, "1D target tensor expects 2D input tensors"),
    (lambda: softmax()(X, LABELS + 1), RuntimeError,
     "Target values should be in [0, 19], but values in range [1, 20] were found."),
    (lambda: softmax()(X, LABELS - 1), RuntimeError, "but values in range [-1, 18]"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)
