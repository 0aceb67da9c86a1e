"""Rays of a camera, samples along them, and the light that arrives, against closed forms."""
import math

import numpy as np
import pytest

import minidl
from minidl import rendering as r
from minidl.autograd import gradcheck, gradgradcheck

DOUBLE = minidl.float64


def test_a_camera_sees_its_target_in_the_middle():
    eye, target = minidl.tensor([3.0, -2.0, 1.5]), minidl.tensor([0.5, 0.2, 0.1])
    pose = r.look_at(eye, target)
    origins, directions = r.camera_rays(5, 7, 4.0, pose)
    towards = (target - eye) / (target - eye).norm()
    np.testing.assert_allclose(directions[2, 3].numpy(), towards.numpy(), atol=1e-6)
    assert (origins == eye).all() and directions.shape == (5, 7, 3)
    axes = pose[:3, :3]
    np.testing.assert_allclose((axes.T @ axes).numpy(), np.eye(3), atol=1e-6)
    assert minidl.linalg.det(axes).item() == pytest.approx(1, abs=1e-6)
    assert directions[0, 3][2] > directions[4, 3][2]                    # the first row is above


def test_the_field_of_view():
    """Half the width over the focal length is the tangent of half the angle."""
    _, directions = r.camera_rays(1, 200, 100.0, minidl.eye(4))
    angle = math.degrees(math.atan2(directions[0, -1, 0].item(), 1))
    assert angle == pytest.approx(45, abs=0.3)


def test_looking_along_up():
    with pytest.raises(ValueError, match="does not look along `up`"):
        r.look_at(minidl.tensor([0.0, 0.0, 2.0]), minidl.zeros(3))


def test_encoding_by_hand():
    x = minidl.tensor([[0.25, -1.0]], dtype=DOUBLE)
    expected = [0.25, -1.0]
    for k in range(3):
        expected += [math.sin(2 ** k * math.pi * v) for v in (0.25, -1.0)]
        expected += [math.cos(2 ** k * math.pi * v) for v in (0.25, -1.0)]
    np.testing.assert_allclose(r.positional_encoding(x, 3)[0].numpy(), expected, atol=1e-12)
    assert r.positional_encoding(x, 3, include=False).shape == (1, 12)
    assert r.positional_encoding(minidl.zeros(4, 5, 3), 0).shape == (4, 5, 3)


def test_samples_fill_their_parts():
    minidl.manual_seed(0)
    distances = r.stratified(1.0, 5.0, 1000, 8)
    part = ((distances - 1) / 0.5).floor()
    assert (part == minidl.arange(8)).all()
    assert ((distances - 1) / 0.5 - part).mean().item() == pytest.approx(0.5, abs=0.02)
    with pytest.raises(ValueError, match="near < far"):
        r.stratified(2.0, 2.0, 1, 3)


def test_light_through_fog():
    """Of constant density, exp(-density * length) of the background arrives."""
    distances = r.stratified(0.0, 3.0, 2, 30, jitter=False)
    seen = r.render(minidl.ones(2, 30, 3) * 0.2, minidl.full((2, 30), 0.7), distances, background=1.0)
    through = math.exp(-0.7 * 3.0)
    np.testing.assert_allclose(seen.opacity.numpy(), 1 - through, rtol=1e-5)
    np.testing.assert_allclose(seen.color.numpy(), 0.2 * (1 - through) + through, rtol=1e-5)


def test_directions_are_lengths():
    arguments = minidl.rand(2, 6, 3), minidl.rand(2, 6), r.stratified(0.0, 1.0, 2, 6)
    longer = r.render(*arguments, directions=minidl.tensor([[0.0, 3.0, 4.0]] * 2))
    color, density, distances = arguments
    np.testing.assert_allclose(longer.weights.numpy(), r.render(color, 5 * density, distances).weights.numpy(),
                               rtol=1e-4, atol=1e-7)


def test_empty_space_shows_the_background():
    seen = r.render(minidl.rand(1, 4, 3), minidl.zeros(1, 4), r.stratified(0.0, 1.0, 1, 4), background=0.25)
    assert (seen.color == 0.25).all() and seen.opacity.item() == 0 and seen.depth.item() == 0


def test_rendering_to_second_order():
    distances = r.stratified(0.0, 2.0, 2, 4).double()
    inputs = (minidl.rand(2, 4, 3, dtype=DOUBLE, requires_grad=True),
              (minidl.rand(2, 4, dtype=DOUBLE) + 0.1).requires_grad_())

    def function(color, density):
        seen = r.render(color, density, distances, background=1.0)
        return seen.color, seen.depth, seen.opacity
    assert gradcheck(function, inputs) and gradgradcheck(function, inputs)


def test_more_samples_where_something_is():
    minidl.manual_seed(0)
    distances = minidl.linspace(0, 9, 10).expand(500, 10)
    weights = minidl.zeros(500, 10)
    weights[:, 3], weights[:, 6] = 0.75, 0.25
    found = r.resample(distances, weights, 40)
    assert (found[:, 1:] >= found[:, :-1]).all()
    first, second = ((found > 2.5) & (found < 3.5)).float().mean(), ((found > 5.5) & (found < 6.5)).float().mean()
    assert first.item() == pytest.approx(0.75, abs=0.01) and second.item() == pytest.approx(0.25, abs=0.01)


def test_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match="render: expected color"):
        r.render(minidl.zeros(2, 3, 3), minidl.zeros(2, 4), minidl.zeros(2, 4))
