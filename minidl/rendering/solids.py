"""Ten solids as signed distances, and rays that find their surfaces.

A function says of each point how far it is from the surface, below 0 inside. Volumes, points and pictures of a solid
all follow from it, so they cannot contradict each other.
"""
from __future__ import annotations

import math
from collections.abc import Callable

from minidl.autograd import enable_grad, grad, no_grad
from minidl.nn.functional import normalize
from minidl.ops.elementwise import maximum, where
from minidl.ops.shape import stack
from minidl.tensors.creation import full, tensor, zeros_like
from minidl.tensors.tensor import Tensor

Distance = Callable[[Tensor], Tensor]
"""Distances (...) of points (..., 3)."""


def _around(points: Tensor) -> Tensor:
    """How far points are from the z axis."""
    return points[..., :2].norm(dim=-1)


def _polyhedron(normals: list[tuple[float, float, float]], offset: float) -> Distance:
    """What lies behind planes at this distance from the middle."""
    def distance(points: Tensor) -> Tensor:
        outwards = normalize(tensor(normals, device=points.device, dtype=points.dtype))
        return (points @ outwards.T).amax(-1) - offset
    return distance


def _sphere(points: Tensor) -> Tensor:
    return points.norm(dim=-1) - 0.8


def _cylinder(points: Tensor) -> Tensor:
    return maximum(_around(points) - 0.55, points[..., 2].abs() - 0.75)


def _cone(points: Tensor) -> Tensor:
    """The base at z = -0.7, of radius 0.7; the tip at z = 0.9."""
    slope = math.hypot(1.6, 0.7)
    return maximum((1.6 * _around(points) + 0.7 * (points[..., 2] - 0.9)) / slope, -0.7 - points[..., 2])


def _torus(points: Tensor) -> Tensor:
    return stack([_around(points) - 0.68, points[..., 2]], -1).norm(dim=-1) - 0.3


def _pyramid(points: Tensor) -> Tensor:
    """The base at z = -0.5, of side 1.2; the tip at z = 0.9."""
    slope = math.hypot(1.4, 0.6)
    return maximum((1.4 * points[..., :2].abs().amax(-1) + 0.6 * (points[..., 2] - 0.9)) / slope,
                   -0.5 - points[..., 2])


def _capsule(points: Tensor) -> Tensor:
    above = points[..., 2] - points[..., 2].clamp(-0.55, 0.55)
    return stack([_around(points), above], -1).norm(dim=-1) - 0.42


def _hemisphere(points: Tensor) -> Tensor:
    up = tensor([0.0, 0.0, 0.35], device=points.device, dtype=points.dtype)
    return maximum((points + up).norm(dim=-1) - 0.9, -0.35 - points[..., 2])


SOLIDS: dict[str, Distance] = {
    "sphere": _sphere,
    "cube": _polyhedron([(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)], 0.57),
    "cylinder": _cylinder,
    "cone": _cone,
    "torus": _torus,
    "pyramid": _pyramid,
    "tetrahedron": _polyhedron([(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)], 1 / 3),
    "octahedron": _polyhedron([(x, y, z) for x in (1, -1) for y in (1, -1) for z in (1, -1)], 1 / math.sqrt(3)),
    "capsule": _capsule,
    "hemisphere": _hemisphere,
}
"""Each in the ball of radius 1 around the origin, its axis along z. Inside, the distance is exact; outside, beside an
edge, it may be too small, never too large.

    >>> import minidl
    >>> from minidl.rendering import SOLIDS
    >>> SOLIDS["cube"](minidl.tensor([[0.0, 0.0, 0.0], [0.57, 0.0, 0.0], [1.0, 0.5, 0.0]]))
    tensor([-0.5700,  0.0000,  0.4300])
"""


def normals(distance: Distance, points: Tensor) -> Tensor:
    """Directions (..., 3) away from the solid: the slope of the distance, of length 1.

        >>> import minidl
        >>> from minidl.rendering import SOLIDS, normals
        >>> normals(SOLIDS["sphere"], minidl.tensor([[0.0, 0.0, -0.8]]))
        tensor([[ 0.,  0., -1.]])
    """
    with enable_grad():
        points = points.detach().requires_grad_()
        slope, = grad(distance(points).sum(), points)
    return normalize(slope, dim=-1)


@no_grad()
def sphere_trace(distance: Distance, origins: Tensor, directions: Tensor, far: float, steps: int = 32,
                 tolerance: float = 1e-3) -> Tensor:
    """How far along each ray the surface is, in lengths of its direction: (rays,), infinite if nothing is hit.

    No point of the surface is nearer than the distance says, so a ray may advance by as much, again and again.

    origins, directions: (rays, 3). far: where rays end. tolerance: the distance at which the surface is reached.

    Source: Hart, "Sphere Tracing: A Geometric Method for the Antialiased Ray Tracing of Implicit Surfaces", 1996.

        >>> import minidl
        >>> from minidl.rendering import SOLIDS, sphere_trace
        >>> eyes = minidl.tensor([[2.0, 0.0, 0.0], [2.0, 0.0, 3.0]])
        >>> sphere_trace(SOLIDS["sphere"], eyes, minidl.tensor([[-1.0, 0.0, 0.0]]).expand(2, 3), far=4.0)
        tensor([1.2000,    inf])
    """
    lengths = directions.norm(dim=-1)
    reached = zeros_like(lengths)
    gap = full(lengths.shape, math.inf, device=lengths.device)
    for _ in range(steps):
        gap = distance(origins + reached[:, None] * directions)
        reached = (reached + gap / lengths).clamp(max=far)
    return where((gap < tolerance) & (reached < far), reached, math.inf)
