"""Perplexity and BLEU: by hand, and against torchmetrics."""
from __future__ import annotations

import math

import numpy as np
import pytest

import minidl
from minidl import metrics, nn
from minidl.metrics import functional as M
from tests import strict_array
from tests.metrics.reference import torchmetrics


def sentences(seed=0, n=6):
    """Translations and their references, of few words, so that n-grams come more than once."""
    generator = np.random.default_rng(seed)
    words = ["the", "cat", "mat", "on", "a", "is"]

    def sentence(length):
        return " ".join(generator.choice(words, length))

    preds = [sentence(generator.integers(4, 12)) for _ in range(n)]
    target = [[one[:-4], *(sentence(generator.integers(4, 12)) for _ in range(generator.integers(1, 4)))]
              for one in preds]
    return preds, target


def test_perplexity_is_exp_of_the_cross_entropy():
    logits, target = minidl.randn(2, 7, 11), minidl.randint(0, 11, (2, 7))
    expected = nn.functional.cross_entropy(logits.flatten(0, 1), target.flatten()).exp().item()
    assert M.perplexity(logits, target).item() == pytest.approx(expected, rel=1e-5)
    target[0, 3:] = -100
    expected = nn.functional.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=-100).exp().item()
    assert M.perplexity(logits, target, ignore_index=-100).item() == pytest.approx(expected, rel=1e-5)
    assert M.perplexity(minidl.zeros(1, 4, 8), minidl.zeros(1, 4).long()).item() == pytest.approx(8)      # no idea
    sure = 1000.0 * nn.functional.one_hot(minidl.tensor([[1, 2]]), 5).float()
    assert M.perplexity(sure, minidl.tensor([[1, 2]])).item() == 1
    assert M.perplexity(sure / 10, minidl.tensor([[1, 0]])).item() == pytest.approx(math.exp(50), rel=1e-4)


@pytest.mark.parametrize("ignore_index", [None, -100, 3])
def test_perplexity_is_torchmetrics_s(ignore_index):
    torch = pytest.importorskip("torch")
    generator = np.random.default_rng(0)
    logits, target = generator.standard_normal((3, 5, 9)).astype(np.float32), generator.integers(0, 9, (3, 5))
    target[:, 4] = 0 if ignore_index is None else ignore_index
    expected = torchmetrics("functional.text").perplexity(
        torch.from_numpy(logits), torch.from_numpy(target), ignore_index)
    assert M.perplexity(minidl.tensor(logits), minidl.tensor(target), ignore_index).item() == pytest.approx(
        expected.item(), rel=1e-5)
    here, there = metrics.Perplexity(ignore_index), metrics.Perplexity(ignore_index)
    here.update(minidl.tensor(logits[:1]), minidl.tensor(target[:1]))
    there.update(minidl.tensor(logits[1:]), minidl.tensor(target[1:]))
    here.merge_state(there.metric_state)
    assert here.compute().item() == pytest.approx(expected.item(), rel=1e-5)


def test_perplexity_has_a_gradient():
    logits = minidl.zeros(1, 1, 2, requires_grad=True)
    M.perplexity(logits, minidl.tensor([[0]])).backward()
    assert logits.grad.tolist() == [[[-1.0, 1.0]]]                  # 2 (p - one hot)


def test_bleu_by_hand():
    """Of the/cat/sat/down: 3 of 4 words, 2 of 3 pairs; one word less than the reference."""
    found = M.bleu_score(["the cat sat down"], [["the cat sat on it"]], n_gram=2)
    assert found.item() == pytest.approx(math.exp(1 - 5 / 4) * math.sqrt(3 / 4 * 2 / 3))
    found = M.bleu_score(["the cat sat down"], [["the cat sat on it"]], n_gram=2, smooth=True)
    assert found.item() == pytest.approx(math.exp(1 - 5 / 4) * math.sqrt(3 / 4 * 3 / 4))
    found = M.bleu_score(["the the the the"], [["the cat on the mat"]], n_gram=1)
    assert found.item() == pytest.approx(math.exp(1 - 5 / 4) * 2 / 4)               # "the" counts twice at most
    assert M.bleu_score("a b c d", ["a b c d"]).item() == 1
    assert {M.bleu_score(*corpus).item() for corpus in ((["a b"], [["c d"]]), ([""], [["c"]]), ([], []))} == {0.0}


@pytest.mark.parametrize("arguments", [{}, {"n_gram": 2}, {"n_gram": 1}, {"smooth": True},
                                       {"n_gram": 3, "weights": [0.5, 0.3, 0.2]}], ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_bleu_is_torchmetrics_s(seed, arguments):
    preds, target = sentences(seed)
    expected = torchmetrics("functional.text").bleu_score(preds, target, **arguments).item()
    assert M.bleu_score(preds, target, **arguments).item() == pytest.approx(expected, rel=1e-5) and expected > 0
    here, there = metrics.BLEUScore(**arguments), metrics.BLEUScore(**arguments)
    here.update(preds[:2], target[:2])
    there.update(preds[2:], target[2:])
    here.merge_state(there.metric_state)
    assert here.compute().item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("wrong, error, text", [
    (lambda: M.perplexity(minidl.zeros(2, 3), minidl.zeros(2, 3).long()), ValueError, r"\(batch, length, vocabulary\)"),
    (lambda: M.perplexity(minidl.zeros(2, 3, 4), minidl.zeros(2, 4).long()), ValueError, "got"),
    (lambda: M.perplexity(minidl.zeros(2, 3, 4).long(), minidl.zeros(2, 3).long()), TypeError, "logits"),
    (lambda: M.perplexity(minidl.zeros(2, 3, 4), minidl.zeros(2, 3)), TypeError, "int64"),
    (lambda: M.perplexity(minidl.zeros(1, 1, 4), minidl.tensor([[4]])), RuntimeError, "0 to 3, but found 4"),
    (lambda: M.perplexity(minidl.zeros(1, 1, 4), minidl.tensor([[-100]])), RuntimeError, "is ignore_index given"),
    (lambda: metrics.Perplexity("pad"), ValueError, "ignore_index"),
    (lambda: M.bleu_score(["a"], []), ValueError, "each of 1 sentences, but got 0"),
    (lambda: M.bleu_score(["a"], [[]]), ValueError, "sentence 0 has none"),
    (lambda: M.bleu_score(["a"], [["a"]], weights=[1.0]), ValueError, "n_gram = 4, but got 1"),
    (lambda: metrics.BLEUScore(0), ValueError, "n_gram"),
])
def test_what_does_not_fit_is_refused(wrong, error, text):
    with pytest.raises(error, match=text):
        wrong()


def test_perplexity_on_another_device():
    assert strict_array.__doc__
    logits, target = minidl.randn(2, 3, 4), minidl.tensor([[0, 1, 2], [3, -1, -1]])
    metric = metrics.Perplexity(-1)
    metric.update(logits.to("strict"), target.to("strict"))
    assert metric.compute().device.type == "strict"
    assert metric.compute().item() == pytest.approx(M.perplexity(logits, target, -1).item(), rel=1e-6)
