"""Who sees whom, by derivatives; sampling; likelihoods that sum to one."""
import itertools
import math

import numpy as np
import pytest

import minidl
from minidl import generative as g
from minidl import nn
from minidl.nn import functional as F


def seen(function, shape, output):
    """Which inputs of `shape` the output at a place depends on, by its derivative at a random point."""
    x = minidl.randn(1, *shape, requires_grad=True)
    function(x)[output].sum().backward()
    return x.grad[0].numpy() != 0


def earlier(size, row, column, itself=False):
    place = np.arange(size * size).reshape(size, size)
    return place < place[row, column] + itself


def test_made_sees_earlier_numbers_only():
    minidl.manual_seed(0)
    net = g.MADE(6, [40, 40])
    for i in range(6):
        np.testing.assert_array_equal(seen(net, (6,), (0, i)), np.arange(6) < i)


def test_made_is_a_distribution():
    """The probabilities of all 2^5 vectors sum to 1."""
    net = g.MADE(5, [16])
    x = minidl.tensor(list(itertools.product([0.0, 1.0], repeat=5)))
    assert g.bernoulli_log_likelihood(net(x), x).exp().sum().item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("kind", ["A", "B"])
@pytest.mark.parametrize("kernel", [3, 5])
def test_masked_convolution(kind, kernel):
    layer = g.MaskedConv2d(kind, 2, 3, kernel)
    x = minidl.randn(2, 2, 6, 7)
    assert layer(x).shape == (2, 3, 6, 7)
    found = seen(lambda x: layer(x), (2, 6, 7), (0, slice(None), 3, 3))
    assert not found[:, 4:].any() and not found[:, 3, 4:].any()
    assert found[:, 3, 3].all() == (kind == "B") and found[:, 2, 4].all() and found[:, 3, 2].all()


def test_gated_layers_see_all_that_is_earlier():
    """No blind spot: the output sees every earlier pixel in reach, and no other."""
    minidl.manual_seed(0)
    size = 7
    net = g.PixelCNN(levels=2, width=4, layers=6, kernel_size=3)
    net.head = nn.Conv2d(4, 2, 1)       # a dead ReLU would hide a path
    for row, column in [(0, 0), (0, 4), (3, 2), (6, 6), (5, 0)]:
        found = seen(lambda x: net(x * 0.5), (1, size, size), (0, 0, slice(None), row, column))[0]
        np.testing.assert_array_equal(found, earlier(size, row, column))


def test_pixelcnn_is_a_distribution():
    """Over all images of 2x2 with three levels; with labels too."""
    minidl.manual_seed(0)
    images = minidl.tensor(list(itertools.product(range(3), repeat=4))).view(-1, 1, 2, 2)
    for classes in (0, 4):
        net = g.PixelCNN(levels=3, width=8, layers=2, kernel_size=3, classes=classes)
        labels = minidl.full((len(images),), 2).long() if classes else None
        assert net.log_likelihood(images, labels).exp().sum().item() == pytest.approx(1, abs=1e-5)
        if classes:
            assert not minidl.allclose(net.log_likelihood(images, labels), net.log_likelihood(images, labels * 0))


def test_pixelcnn_learns_and_draws_stripes():
    minidl.manual_seed(0)
    stripes = minidl.arange(6).remainder(2).view(1, 1, 1, 6).expand(2, 1, 6, 6).contiguous()
    stripes[1] = 1 - stripes[1]
    net = g.PixelCNN(levels=2, width=8, layers=3, kernel_size=3)
    optimizer = minidl.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(150):
        optimizer.zero_grad()
        loss = -net.log_likelihood(stripes).mean()
        loss.backward()
        optimizer.step()
    assert loss.item() == pytest.approx(math.log(2), abs=0.05)      # two images, equally likely
    rows = []
    made = net.sample(6, 6, 6, progress=rows.append)
    assert rows == list(range(6)) and all((m == stripes).flatten(1).all(1).any() for m in made)


def test_pixelcnn_without_its_labels():
    with pytest.raises(ValueError, match="expected labels"):
        g.PixelCNN(classes=3, width=4, layers=1)(minidl.zeros(1, 1, 4, 4))


def test_completing_keeps_the_first_rows():
    net = g.PixelCNN(width=4, layers=1)
    start = minidl.ones(2, 1, 5, 5).long()
    made = g.sample_pixels(net, start, first_row=3)
    assert (made[:, :, :3] == 1).all() and set(made.flatten().tolist()) <= {0, 1}


def test_samples_follow_the_probabilities():
    minidl.manual_seed(0)
    logits = minidl.tensor([0.1, 0.2, 0.7]).log().view(1, 1, 3, 1, 1)
    made = g.sample_pixels(lambda x: logits.expand(len(x), 2, 3, *x.shape[2:]), minidl.zeros(2000, 2, 1, 2).long())
    assert made.shape == (2000, 2, 1, 2)
    shares = F.one_hot(made.flatten(), 3).float().mean(0)
    np.testing.assert_allclose(shares.numpy(), [0.1, 0.2, 0.7], atol=0.02)


def test_row_lstm_sees_a_triangle():
    minidl.manual_seed(0)
    layer = g.RowLSTM("A", 1, 4)
    found = seen(layer, (1, 6, 7), (0, slice(None), 3, 3))[0]
    assert not found[4:].any() and not found[3, 3:].any() and found[3, 2]
    assert found[2, 1:5].all() and found[1, 0:6].all() and not found[2, 6]


@pytest.mark.parametrize("make,words", [
    (lambda: g.MaskedConv2d("C", 1, 1, 3), "kind 'A'"),
    (lambda: g.MaskedConv2d("A", 1, 1, 4), "odd kernel_size"),
    (lambda: g.GatedMaskedConv2d("B", 4, 2), "odd kernel_size")])
def test_refusals(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_codes_without_an_order_are_named_and_not_measured():
    """Each level has a weight of its own: the first layer is a look-up, which no straight line through levels is."""
    minidl.manual_seed(0)
    net = g.PixelCNN(levels=3, width=4, layers=2, kernel_size=3, ordered=False)
    assert net.first.weight.shape == (4, 3, 1, 1)
    x = minidl.randint(0, 3, (2, 1, 4, 4))
    looked_up = net.first.weight[:, :, 0, 0].T[x[:, 0]].movedim(-1, 1) + net.first.bias[:, None, None]
    found = []
    net.first.register_forward_hook(lambda layer, inputs, out: found.append(out))
    assert net(x).shape == (2, 1, 3, 4, 4)
    np.testing.assert_allclose(found[0].detach().numpy(), looked_up.detach().numpy(), atol=1e-6)
