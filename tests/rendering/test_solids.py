"""Ten solids as distances: volumes in closed form, slopes of length 1, rays that end on surfaces."""
import math

import numpy as np
import pytest

import minidl
from minidl.rendering import SOLIDS, normals, sphere_trace

VOLUMES = {
    "sphere": 4 / 3 * math.pi * 0.8 ** 3,
    "cube": 1.14 ** 3,
    "cylinder": math.pi * 0.55 ** 2 * 1.5,
    "cone": math.pi * 0.7 ** 2 * 1.6 / 3,
    "torus": 2 * math.pi ** 2 * 0.68 * 0.3 ** 2,
    "pyramid": 1.2 ** 2 * 1.4 / 3,
    "tetrahedron": 8 / 9 / math.sqrt(3),                # corners on the unit sphere
    "octahedron": 4 / 3,
    "capsule": math.pi * 0.42 ** 2 * 1.1 + 4 / 3 * math.pi * 0.42 ** 3,
    "hemisphere": 2 / 3 * math.pi * 0.9 ** 3,
}


@pytest.mark.parametrize("kind", SOLIDS)
def test_volume_and_size(kind):
    middles = (minidl.arange(80) + 0.5) / 40 - 1
    turn, _ = minidl.linalg.qr(minidl.tensor([[1.0, 0.3, 0.2], [0.1, 1.0, 0.4], [0.5, 0.2, 1.0]]))
    points = minidl.stack(minidl.meshgrid(middles, middles, middles, indexing="ij"), -1) @ turn    # no face along rows
    inside = SOLIDS[kind](points) < 0
    assert inside.sum().item() / 40 ** 3 == pytest.approx(VOLUMES[kind], rel=0.01)
    assert points[inside].norm(dim=-1).max() < 1                    # each fits into the unit ball


@pytest.mark.parametrize("kind", SOLIDS)
def test_a_distance_never_promises_too_much(kind):
    """It changes by no more than the way between two points, and inside by as much along its slope."""
    minidl.manual_seed(0)
    a, b = minidl.rand(2, 4000, 3) * 3 - 1.5
    rise = (SOLIDS[kind](a) - SOLIDS[kind](b)).abs()
    assert (rise <= (a - b).norm(dim=-1) + 1e-5).all()
    slopes = normals(SOLIDS[kind], a)
    np.testing.assert_allclose(slopes.norm(dim=-1).numpy(), 1, atol=1e-5)
    np.testing.assert_allclose((SOLIDS[kind](a + 1e-3 * slopes) - SOLIDS[kind](a)).median().item(), 1e-3, rtol=0.01)


def test_rays_end_where_a_ball_is_hit():
    """Against the quadratic equation."""
    minidl.manual_seed(0)
    eyes = 3 * minidl.nn.functional.normalize(minidl.randn(400, 3))
    directions = 0.7 * minidl.randn(400, 3) - eyes
    a, b = directions.square().sum(1), (eyes * directions).sum(1)
    c = eyes.square().sum(1) - 0.8 ** 2
    inside = b.square() - a * c
    expected = minidl.where(inside > 0, (-b - inside.clamp(min=0).sqrt()) / a, math.inf)
    found = sphere_trace(SOLIDS["sphere"], eyes, directions, far=3.0, steps=100, tolerance=1e-4)
    clear = inside.abs() > 0.05                     # rays that only touch the ball take many steps
    assert minidl.equal(found[clear].isfinite(), expected[clear].isfinite()) and 50 < found.isfinite().sum() < 350
    both = clear & found.isfinite()
    np.testing.assert_allclose(found[both].numpy(), expected[both].numpy(), atol=1e-3)


def test_a_ray_ends_at_far():
    eye, ahead = minidl.tensor([[3.0, 0.0, 0.0]]), minidl.tensor([[-1.0, 0.0, 0.0]])
    assert sphere_trace(SOLIDS["cube"], eye, ahead, far=2.0).item() == math.inf
    assert sphere_trace(SOLIDS["cube"], eye, ahead, far=4.0).item() == pytest.approx(2.43, abs=1e-3)


def test_normals_leave_no_graph():
    points = minidl.rand(5, 3, requires_grad=True)
    with minidl.no_grad():
        found = normals(SOLIDS["torus"], points)
    assert not found.requires_grad and points.grad is None
