"""SyntheticSolids: ten solids as volumes, as points of their surfaces, and as pictures from all around.

First comes a description of the solid: its kind, rotation, size and place. All three forms are made from it, so that
networks of different kinds can be compared on the same objects.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minidl.ops.shape import cat, stack
from minidl.rendering import SOLIDS, camera_rays, look_at, normals, sphere_trace
from minidl.tensors.creation import as_tensor, from_numpy, linspace, tensor, zeros
from minidl.tensors.tensor import Tensor
from minidl.vision.datasets.vision import VisionDataset

FORMS = ("voxels", "points", "views")
_SHELL = 0.05           # points this near to the surface are moved onto it
_HEIGHT = math.pi / 6   # of the cameras above the horizon
_AWAY = 4.0             # how far they are from the middle


class Solid(NamedTuple):
    """One solid: its kind, its rotation (3, 3), its size, and where its middle is (3,)."""

    kind: str
    rotation: Tensor
    scale: float
    place: Tensor

    def distance(self, points: Tensor) -> Tensor:
        """How far points (..., 3) of the world are from the surface; below 0 inside."""
        return self.scale * SOLIDS[self.kind]((points - self.place) @ self.rotation / self.scale)


class SyntheticSolids(VisionDataset[tuple[Any, Any]]):
    """Spheres, cubes, cones and seven more solids in space, without a download.

    size: how many solids. form: "voxels", "points" or "views". side: voxels, or pixels, a side. points, views: how
    many. rotation: "none", around "z" only, or around "all" axes. scale: a range for the size. shift: how far the
    middle may be from the origin, along each axis. noise: the share of voxels that are turned over; the deviation of
    points, and of brightness. seed: another seed gives other solids. transform, target_transform: applied to each
    sample, or class.

    Solid i is always the same in each form, in any order of access. A sample is a float32 tensor and the number of the
    kind in `classes`. The world is the cube from -1 to 1.

    | form | sample |
    |---|---|
    | "voxels" | (1, side, side, side), 1 inside; axes x, y, z |
    | "points" | (3, points), on the surface, evenly by area |
    | "views" | (views, 1, side, side), lit from the camera, 0 where nothing is; from 30 degrees above, all around |

    Errors: IndexError beyond the end; ValueError for arguments out of range.

        >>> volume, kind = SyntheticSolids(100, "voxels", side=16)[3]
        >>> cloud, same = SyntheticSolids(100, "points")[3]
        >>> volume.shape, cloud.shape, SyntheticSolids.classes[kind], kind == same
        ((1, 16, 16, 16), (3, 256), 'pyramid', True)
    """

    classes = tuple(SOLIDS)

    def __init__(self, size: int = 1000, form: str = "voxels", side: int = 24, points: int = 256, views: int = 8,
                 rotation: str = "z", scale: tuple[float, float] = (0.6, 0.85), shift: float = 0.1,
                 noise: float = 0.0, seed: int = 0, transform: Callable[[Any], Any] | None = None,
                 target_transform: Callable[[Any], Any] | None = None) -> None:
        super().__init__(None, None, transform, target_transform)
        if form not in FORMS:
            raise ValueError(f"SyntheticSolids: expected form 'voxels', 'points' or 'views', got {form!r}")
        if rotation not in ("none", "z", "all"):
            raise ValueError(f"SyntheticSolids: expected rotation 'none', 'z' or 'all', got {rotation!r}")
        if not 0 < scale[0] <= scale[1] or shift < 0 or scale[1] + shift > 1:
            raise ValueError(f"SyntheticSolids: expected scale=(from, to) with 0 < from <= to, and to + shift of 1 at "
                             f"most, got scale={scale}, shift={shift}")
        self.size, self.form, self.side, self.points, self.views = size, form, side, points, views
        self.rotation, self.scale, self.shift, self.noise, self.seed = rotation, scale, shift, noise, seed
        self._rays = rays_around(views, side) if form == "views" else None

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        solid = self.solid(index)
        rng = np.random.default_rng([self.seed, index, 1])
        make = {"voxels": self._voxels, "points": self._points, "views": self._views}[self.form]
        return self.transformed(make(solid, rng), self.classes.index(solid.kind))

    def solid(self, index: int) -> Solid:
        """The description of a solid."""
        if not 0 <= index < self.size:
            raise IndexError(f"SyntheticSolids: index {index} is out of range for {self.size} solids")
        rng = np.random.default_rng([self.seed, index])
        kind = str(rng.choice(self.classes))
        around_all, turn = rotation_of(rng.standard_normal(4)), rng.uniform(0, 2 * math.pi)
        rotation = {"none": np.eye(3), "all": around_all,
                    "z": rotation_of(np.array([math.cos(turn / 2), 0, 0, math.sin(turn / 2)]))}[self.rotation]
        return Solid(kind, tensor(rotation.astype(np.float32)), float(rng.uniform(*self.scale)),
                     tensor(rng.uniform(-self.shift, self.shift, 3).astype(np.float32)))

    def _voxels(self, solid: Solid, rng: np.random.Generator) -> Tensor:
        inside = voxels(solid.distance, self.side)
        return (inside ^ as_tensor(rng.random(inside.shape) < self.noise)).float()[None]

    def _points(self, solid: Solid, rng: np.random.Generator) -> Tensor:
        found = surface(solid.distance, self.points, rng)
        return (found + self.noise * as_tensor(rng.standard_normal(found.shape).astype(np.float32))).T.contiguous()

    def _views(self, solid: Solid, rng: np.random.Generator) -> Tensor:
        origins, directions = self._rays or rays_around(self.views, self.side)
        light = shaded(solid.distance, origins, directions).reshape(self.views, 1, self.side, self.side)
        return (light + self.noise * as_tensor(rng.standard_normal(light.shape).astype(np.float32))).clamp(0, 1)


def rotation_of(quaternion: np.ndarray) -> np.ndarray:
    """The rotation (3, 3) of a quaternion (w, x, y, z) of any length.

        >>> rotation_of(np.array([1.0, 0, 0, 1.0])).round(6) + 0.0        # x becomes y, and y becomes -x
        array([[ 0., -1.,  0.],
               [ 1.,  0.,  0.],
               [ 0.,  0.,  1.]])
    """
    w, x, y, z = quaternion / np.linalg.norm(quaternion)
    return np.array([[1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                     [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                     [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)]])


def centres(side: int) -> Tensor:
    """The middles (side, side, side, 3) of voxels that fill the cube from -1 to 1.

        >>> centres(2)[0, 1, 1]
        tensor([-0.5000,  0.5000,  0.5000])
    """
    middles = linspace(-1, 1, side + 1)[:-1] + 1 / side
    x, y, z = (middles.reshape([-1 if axis == k else 1 for k in range(3)]).expand(side, side, side)
               for axis in range(3))
    return stack([x, y, z], -1)


def voxels(distance: Callable[[Tensor], Tensor], side: int) -> Tensor:
    """Which voxels (side, side, side) of the cube from -1 to 1 have their middle inside.

        >>> from minidl.rendering import SOLIDS
        >>> voxels(SOLIDS["sphere"], 4).sum()                       # the inner ones; the others are 0.83 away or more
        tensor(8)
    """
    return distance(centres(side)) < 0


def surface(distance: Callable[[Tensor], Tensor], count: int, rng: np.random.Generator) -> Tensor:
    """Points (count, 3) of the surface, evenly by area.

    Points of the cube from -1 to 1 that happen to be near the surface go straight to it. Those that miss it, beside an
    edge, are dropped.
    """
    found: list[Tensor] = []
    while sum(map(len, found)) < count:
        tried = from_numpy(rng.uniform(-1, 1, (32 * count, 3)).astype(np.float32))
        near = tried[distance(tried).abs() < _SHELL]
        moved = near - distance(near)[:, None] * normals(distance, near)
        found.append(moved[distance(moved).abs() < _SHELL / 50])
    return cat(found)[:count]


def shaded(distance: Callable[[Tensor], Tensor], origins: Tensor, directions: Tensor) -> Tensor:
    """The brightness (rays,) of what rays hit: bright where the surface faces the camera, 0 where nothing is."""
    light = zeros(len(origins))
    middle = -(origins * directions).sum(1) / directions.square().sum(1)            # of the ray's way past the origin
    near = ((origins + middle[:, None] * directions).norm(dim=1) < math.sqrt(3)).nonzero().flatten()
    reached = sphere_trace(distance, origins[near], directions[near], far=_AWAY + 2)
    near, reached = near[reached.isfinite()], reached[reached.isfinite()]
    points = origins[near] + reached[:, None] * directions[near]
    facing = -(normals(distance, points) * directions[near]).sum(1) / directions[near].norm(dim=1)
    light[near] = 0.2 + 0.8 * facing.clamp(0, 1)
    return light


def rays_around(views: int, side: int) -> tuple[Tensor, Tensor]:
    """Origins and directions (views * side * side, 3) of the rays through all pixels of cameras all around."""
    turns = [2 * math.pi * view / views for view in range(views)]
    eyes = [[math.cos(turn) * math.cos(_HEIGHT), math.sin(turn) * math.cos(_HEIGHT), math.sin(_HEIGHT)]
            for turn in turns]
    rays = [camera_rays(side, side, 1.8 * side, look_at(_AWAY * tensor(eye), zeros(3))) for eye in eyes]
    origins, directions = (cat([part.reshape(-1, 3) for part in parts]) for parts in zip(*rays))
    return origins, directions
