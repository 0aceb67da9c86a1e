"""The nearest vector, gradients that go straight through, and a book that follows its users."""
import numpy as np
import pytest

import minidl
from minidl.generative import VectorQuantizer


def test_nearest_of_all():
    minidl.manual_seed(0)
    quantize = VectorQuantizer(7, 3).eval()
    x = minidl.randn(2, 3, 4, 5)
    found = quantize(x)
    rows = x.movedim(1, -1).reshape(-1, 3).numpy()
    expected = ((rows[:, None] - quantize.book.numpy()) ** 2).sum(2).argmin(1)
    np.testing.assert_array_equal(found.codes.flatten().numpy(), expected)
    np.testing.assert_allclose(found.vectors.numpy(), quantize.vectors(found.codes).numpy(), atol=1e-6)
    assert found.vectors.shape == x.shape and found.codes.shape == (2, 4, 5)


def test_gradients_go_straight_through():
    quantize = VectorQuantizer(4, 2, beta=0.5).eval()
    x = minidl.randn(3, 2, requires_grad=True)
    found = quantize(x)
    found.vectors.backward(minidl.arange(6.0).view(3, 2))
    np.testing.assert_array_equal(x.grad.numpy(), np.arange(6.0).reshape(3, 2))
    x.grad = None
    quantize(x).loss.backward()
    np.testing.assert_allclose(x.grad.numpy(), 0.5 * 2 / 6 * (x - found.vectors).detach().numpy(), rtol=1e-5)


def test_perplexity_counts_codes():
    quantize = VectorQuantizer(4, 1).eval()
    quantize.book.copy_(minidl.arange(4.0)[:, None])
    assert quantize(minidl.tensor([[0.0], [1.0]])).perplexity.item() == pytest.approx(2)
    assert quantize(minidl.tensor([[3.0], [3.0]])).perplexity.item() == pytest.approx(1)


def test_the_book_finds_the_centres():
    minidl.manual_seed(0)
    centres = minidl.tensor([[5.0, 5.0], [-5.0, 5.0], [0.0, -5.0]])
    quantize = VectorQuantizer(3, 2, decay=0.8)
    for _ in range(60):
        quantize(centres[minidl.randint(3, (60,))] + 0.1 * minidl.randn(60, 2))
    distance = minidl.cdist(centres, quantize.book)
    assert distance.amin(1).max() < 0.1


def test_dead_entries_live_again():
    """All of a book that began far away is used in the end."""
    minidl.manual_seed(0)
    x = minidl.randn(512, 2) + 50
    quantize = VectorQuantizer(16, 2, decay=0.9)
    for _ in range(80):
        quantize(x[minidl.randperm(512)[:128]])
    assert quantize.eval()(x).perplexity > 10


def test_evaluation_changes_nothing():
    quantize = VectorQuantizer(4, 2).eval()
    before = {name: value.clone() for name, value in quantize.state_dict().items()}
    quantize(minidl.randn(9, 2))
    assert all(minidl.equal(before[name], value) for name, value in quantize.state_dict().items())


def test_refusals():
    with pytest.raises(ValueError, match=r"vectors of 2 numbers along dimension 1, but got \(3, 4\)"):
        VectorQuantizer(4, 2)(minidl.zeros(3, 4))
    with pytest.raises(ValueError, match="size=0"):
        VectorQuantizer(0, 2)
