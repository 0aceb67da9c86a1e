"""Images made by gradients: closed forms, and what they are asked to reach."""
import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.interpret import (
    activations,
    deepdream,
    gradient_ascent,
    gram_matrix,
    invert,
    style_transfer,
    total_variation,
)


def net():
    minidl.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 3, padding=1), nn.Tanh(),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))


def test_activations_have_a_graph_and_leave_no_hooks():
    model, x = net(), minidl.rand(2, 3, 8, 8, requires_grad=True)
    first, last = activations(model, [model[0], model[3]], x)
    np.testing.assert_allclose(last.detach().numpy(), model[:4](x).detach().numpy())
    assert first.shape == (2, 8, 8, 8) and minidl.autograd.grad(last.sum(), x)[0].any()
    assert not any(m._hooks and m._hooks.around_calls for m in model.modules())
    assert activations(model, [], x) == []
    with pytest.raises(ValueError, match="layers that the model calls, but it does not call ReLU"):
        activations(model, [nn.ReLU()], x)


def test_the_climb_of_a_parabola_ends_at_its_top():
    """With a decay d, (x - a)^2 + d (x - 1/2)^2 is least at (a + d/2) / (1 + d)."""
    def score(x):
        return -(x - 0.9).square().flatten(1).mean(1)
    found = gradient_ascent(score, minidl.zeros(2, 1, 2, 2), steps=300, decay=3.0)
    np.testing.assert_allclose(found.numpy(), (0.9 + 3 * 0.5) / 4, atol=1e-3)
    assert gradient_ascent(score, minidl.zeros(1, 1, 2, 2), steps=300, high=0.7).amax().item() == pytest.approx(0.7)
    rough = minidl.rand(1, 1, 6, 6)
    smooth = gradient_ascent(lambda x: -(x - rough).square().flatten(1).mean(1), rough, smooth=1.0)
    assert total_variation(smooth) < 0.2 * total_variation(rough)


def test_a_class_image_is_surely_of_its_class():
    model = net()
    start = minidl.full((3, 3, 12, 12), 0.5) + 0.01 * minidl.randn(3, 3, 12, 12)
    for jitter in (0, 2):
        found = gradient_ascent(lambda x: model(x).diagonal(), start, steps=60, jitter=jitter)
        before, after = model(start).diagonal(), model(found).diagonal()
        assert (after > before + 0.05).all() and found.amin() >= 0 and found.amax() <= 1
        assert all(p.grad is None for p in model.parameters())


def test_total_variation_by_hand():
    x = minidl.tensor([[[[0.0, 3.0], [1.0, 1.0]]]])             # along: 3, 0; down: 1, 2
    assert total_variation(x).item() == 3.0


def test_inversion_finds_what_a_layer_keeps():
    model, x = net(), minidl.rand(2, 3, 8, 8)
    found = invert(model, model[0], x, minidl.full_like(x, 0.5), steps=150, smooth=0.0)
    wanted, reached = model[0](x), model[0](found)
    assert (reached - wanted).square().sum() < 0.01 * wanted.square().sum()
    assert (found - x).abs().mean() < 0.5 * (x - 0.5).abs().mean()


def test_gram_matrix_knows_no_places():
    features = minidl.randn(2, 3, 4, 5, dtype=minidl.float64)
    flat = features.flatten(2).numpy()
    np.testing.assert_allclose(gram_matrix(features).numpy(), np.einsum("ncp,ndp->ncd", flat, flat) / 20)
    shuffled = features.flatten(2)[:, :, minidl.randperm(20)].view(2, 3, 5, 4)
    np.testing.assert_allclose(gram_matrix(shuffled).numpy(), gram_matrix(features).numpy())


def test_style_without_content_and_content_without_style():
    model = net()
    content, style = minidl.rand(1, 3, 10, 10), 0.5 + 0.5 * minidl.rand(1, 3, 12, 8)
    made = style_transfer(model, content, style, [], [model[1], model[3]], smooth=0.0, steps=150)
    assert made.shape == content.shape

    def distance(x):
        return sum((gram_matrix(a) - gram_matrix(b)).square().sum() / gram_matrix(b).square().sum()
                   for a, b in zip(*(activations(model, [model[1], model[3]], each) for each in (x, style))))
    assert distance(made) < 0.1 * distance(content)
    start = minidl.rand(1, 3, 10, 10)
    kept = style_transfer(model, content, style, [model[0]], [], smooth=0.0, start=start, steps=150)
    before, after = ((model[0](x) - model[0](content)).square().sum() for x in (start, kept))
    assert after < 0.02 * before


def test_a_dream_sees_more():
    model, x = net(), minidl.rand(1, 3, 20, 30)
    dream = deepdream(model, [model[2]], x, octaves=3, steps=5)
    assert dream.shape == x.shape and dream.amin() >= 0 and dream.amax() <= 1
    assert model[:3](dream).square().mean() > 1.5 * model[:3](x).square().mean()
    asleep = deepdream(model, [model[2]], x, octaves=3, steps=0)
    assert minidl.allclose(asleep, x, atol=1e-6)            # what small images lose comes back
