"""The losses of pairs, by hand, against loops, and to second order."""
import math

import numpy as np
import pytest

import minidl
from minidl.autograd import gradcheck, gradgradcheck
from minidl.self_supervised import clip_loss, contrastive_loss, nt_xent

DOUBLE = minidl.float64


def features(*shape):
    return minidl.randn(*shape, dtype=DOUBLE, requires_grad=True)


def test_nt_xent_by_hand():
    """Two images whose first views are (2, 0), (0, 1) and whose second are (0, 3), (1, 0): each finds the other's."""
    first, second = minidl.tensor([[2.0, 0.0], [0.0, 1.0]]), minidl.tensor([[0.0, 3.0], [1.0, 0.0]])
    # cosines of a view with the partner 0, with the two others 0 and 1: -log(1 / (1 + 1 + e^(1 / t)))
    for temperature in (1.0, 0.5):
        assert nt_xent(first, second, temperature).item() == pytest.approx(math.log(2 + math.exp(1 / temperature)))


def test_nt_xent_is_its_formula():
    minidl.manual_seed(0)
    first, second = minidl.randn(5, 3, dtype=DOUBLE), minidl.randn(5, 3, dtype=DOUBLE)
    views = np.concatenate([first.numpy(), second.numpy()])
    views /= np.linalg.norm(views, axis=1, keepdims=True)
    losses = []
    for i in range(10):
        weights = np.exp(views @ views[i] / 0.3)
        losses.append(-np.log(weights[(i + 5) % 10] / (weights.sum() - weights[i])))
    assert nt_xent(first, second, 0.3).item() == pytest.approx(np.mean(losses))


def test_clip_loss_by_hand():
    """Images and texts crossed: both score 0 with their own, 1 with the other's."""
    images, texts = minidl.eye(2), minidl.tensor([[0.0, 2.0], [5.0, 0.0]])
    assert clip_loss(images, texts, 1.0).item() == pytest.approx(math.log(1 + math.e))
    assert clip_loss(images, texts, minidl.tensor(2.0)).item() == pytest.approx(math.log(1 + math.e ** 2))


def test_clip_loss_asks_both_ways():
    """All texts alike: images cannot tell (log 2 each); of the texts, one image is nearer to both."""
    images, texts = minidl.tensor([[1.0, 0.0], [0.0, 1.0]]), minidl.tensor([[1.0, 0.0], [1.0, 0.0]])
    back = (math.log(1 + math.exp(-1)) + math.log(1 + math.e)) / 2
    assert clip_loss(images, texts, 1.0).item() == pytest.approx((math.log(2) + back) / 2)


@pytest.mark.parametrize("distance, same, expected", [(0.6, 1, 0.18), (0.6, 0, 0.08), (1.5, 0, 0.0), (0.0, 1, 0.0)])
def test_contrastive_loss_by_hand(distance, same, expected):
    first, second = minidl.zeros(1, 2), minidl.tensor([[distance, 0.0]])
    assert contrastive_loss(first, second, minidl.tensor([same])).item() == pytest.approx(expected)


def test_contrastive_loss_of_equal_features_has_gradients():
    x = minidl.ones(2, 3, requires_grad=True)
    contrastive_loss(x, minidl.ones(2, 3), minidl.tensor([1, 0])).backward()
    assert (x.grad == 0).all()


def test_losses_to_second_order():
    minidl.manual_seed(0)
    same, scale = minidl.tensor([1, 0, 1, 0]), minidl.tensor(3.0, dtype=DOUBLE, requires_grad=True)
    for function, inputs in ((lambda a, b: nt_xent(a, b, 0.5), (features(4, 3), features(4, 3))),
                             (clip_loss, (features(4, 3), features(4, 3), scale)),
                             (lambda a, b: contrastive_loss(a, b, same, 2.5), (features(4, 3), features(4, 3)))):
        assert gradcheck(function, inputs) and gradgradcheck(function, inputs)


@pytest.mark.parametrize("call, said", [
    (lambda x: nt_xent(x, x[:1]), r"first and second to be features \(N, D\) of one shape, but got \(2, 3\) and \(1,"),
    (lambda x: nt_xent(x[0], x[0]), r"but got \(3,\) and \(3,\)"),
    (lambda x: nt_xent(x, x, 0), "temperature above 0, but got 0"),
    (lambda x: clip_loss(x, x[:, :2], 1.0), r"clip_loss: expected images and texts"),
    (lambda x: contrastive_loss(x, x, minidl.zeros(3)), r"`same` to be \(2,\), one number for each pair, but got \(3,"),
])
def test_what_cannot_work_is_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call(minidl.ones(2, 3))
