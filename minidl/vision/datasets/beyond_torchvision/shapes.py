"""SyntheticShapes: scenes of coloured shapes with complete annotations.

First comes a description of the scene: which shapes, where, how large, in which colour. Image, class, boxes, masks,
corners, caption and concept masks are all made from it, so they cannot contradict each other.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from minidl.tensors.creation import from_numpy, tensor
from minidl.vision.datasets.vision import VisionDataset

KINDS = ("circle", "square", "triangle", "star", "ring")
COLORS = {"red": (214, 58, 50), "green": (62, 160, 68), "blue": (52, 96, 200), "yellow": (232, 196, 50),
          "purple": (142, 70, 172), "white": (236, 236, 236)}
CORNERS = {"circle": 0, "square": 4, "triangle": 3, "star": 5, "ring": 0}
_SCALE = 4          # draw at this multiple of the resolution, then average
_ATTEMPTS = 100     # tries to place one more shape


class Shape(NamedTuple):
    """One shape: its kind, the name of its colour, centre and radius in pixels, angle in radians."""

    kind: str
    color: str
    x: float
    y: float
    radius: float
    angle: float

    def corners(self) -> np.ndarray:
        """The corners (n, 2), x and y. For a star, its tips."""
        return _polygon(self, CORNERS[self.kind], [self.radius] * CORNERS[self.kind])


class Scene(NamedTuple):
    """A scene: side in pixels, grey of the background, seed of the noise, shapes from back to front."""

    size: int
    background: int
    noise: int
    shapes: tuple[Shape, ...]


class SyntheticShapes(VisionDataset[tuple[Any, Any]]):
    """Scenes of circles, squares, triangles, stars and rings, without a download.

    size: how many scenes. image_size: pixels a side. shapes: a range for the number of shapes. radius: a range for
    their radius, as a share of the side. max_overlap: how much of a shape another may hide. noise: the strength of the
    background's noise, 0..255. angles: a range for their angle in radians, clockwise, at 0 of which a corner points to
    the right. target_type: "scene" for all annotations, "class" for the number of the front shape's kind. seed:
    another seed gives other scenes. transform, target_transform, transforms: applied to image, target, or both.

    Scene i is always the same, in any order of access. A sample is a PIL image in mode 'RGB' and a dict, with `labels`
    counted from 1, as torchvision's detectors have them (0 is the background):

    | key | value |
    |---|---|
    | `boxes` | float32 (n, 4), x1 y1 x2 y2, tight around the visible part of each shape |
    | `labels` | int64 (n,), 1 to 5, the index of the kind in `classes` |
    | `masks` | uint8 (n, H, W), 1 where the shape is visible |
    | `keypoints` | float32 (n, 5, 3), x, y and visibility of each corner: 2 visible, 1 hidden, 0 absent |
    | `area`, `iscrowd`, `image_id` | float32 (n,) pixels; int64 (n,) zeros; int |
    | `caption` | str, such as "a red ring left of a blue star" |
    | `concepts` | a dict from each kind and each colour, "background" too, to a uint8 mask (H, W) |

    Errors: IndexError beyond the end; ValueError for arguments out of range.

        >>> data = SyntheticShapes(size=3, image_size=48, shapes=(2, 2), seed=1)
        >>> image, target = data[0]
        >>> image.size, tuple(target["masks"].shape), target["caption"]
        ((48, 48), (2, 48, 48), 'a white ring right of a purple triangle')
    """

    classes = ("__background__", *KINDS)

    def __init__(self, size: int = 1000, image_size: int = 64, shapes: tuple[int, int] = (1, 4),
                 radius: tuple[float, float] = (0.1, 0.25), max_overlap: float = 0.2, noise: float = 12.0,
                 target_type: str = "scene", seed: int = 0, angles: tuple[float, float] = (0.0, 2 * math.pi),
                 transform: Callable[[Any], Any] | None = None,
                 target_transform: Callable[[Any], Any] | None = None,
                 transforms: Callable[[Any, Any], tuple[Any, Any]] | None = None) -> None:
        super().__init__(None, transforms, transform, target_transform)
        if target_type not in ("scene", "class"):
            raise ValueError(f"SyntheticShapes: expected target_type 'scene' or 'class', got {target_type!r}")
        if image_size < 16:
            raise ValueError(f"SyntheticShapes: expected image_size of 16 at least, got {image_size}")
        if not 1 <= shapes[0] <= shapes[1]:
            raise ValueError(f"SyntheticShapes: expected shapes=(from, to) with 1 <= from <= to, got {shapes}")
        if not 0 < radius[0] <= radius[1] < 0.5:
            raise ValueError(f"SyntheticShapes: expected radius=(from, to) with 0 < from <= to < 0.5, got {radius}")
        if not angles[0] <= angles[1]:
            raise ValueError(f"SyntheticShapes: expected angles=(from, to) with from <= to, got {angles}")
        if not 0 <= max_overlap < 1:
            raise ValueError(f"SyntheticShapes: expected max_overlap from 0 to below 1, got {max_overlap}")
        self.size = size
        self.image_size = image_size
        self.shapes = shapes
        self.radius = radius
        self.max_overlap = max_overlap
        self.noise = noise
        self.target_type = target_type
        self.seed = seed
        self.angles = angles

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        scene = self.scene(index)
        if self.target_type == "class":
            return self.transformed(render(scene, self.noise), KINDS.index(scene.shapes[-1].kind))
        return self.transformed(render(scene, self.noise), describe(scene, index))

    def scene(self, index: int) -> Scene:
        """The description of a scene. Without room it has fewer shapes than drawn."""
        if not 0 <= index < self.size:
            raise IndexError(f"SyntheticShapes: index {index} is out of range for {self.size} scenes")
        rng = np.random.default_rng([self.seed, index])
        wanted = int(rng.integers(self.shapes[0], self.shapes[1] + 1))
        placed: list[Shape] = []
        inks: list[np.ndarray] = []
        for _ in range(wanted * _ATTEMPTS):
            radius = float(rng.uniform(*self.radius)) * self.image_size
            x, y = rng.uniform(radius + 1, self.image_size - radius - 1, 2)
            shape = Shape(str(rng.choice(KINDS)), str(rng.choice(list(COLORS))), float(x), float(y), radius,
                          float(rng.uniform(*self.angles)))
            ink = coverage(shape, self.image_size) >= 0.5
            if all((ink & other).sum() <= self.max_overlap * min(ink.sum(), other.sum()) for other in inks):
                placed.append(shape)
                inks = [other & ~ink for other in inks] + [ink]
            if len(placed) == wanted:
                break
        return Scene(self.image_size, int(rng.integers(40, 120)), int(rng.integers(2**31)), tuple(placed))


def render(scene: Scene, noise: float = 0.0) -> Image.Image:
    """The image of a scene."""
    rng = np.random.default_rng(scene.noise)
    pixels = scene.background + noise * rng.standard_normal((scene.size, scene.size, 1)) + np.zeros(3)
    for shape in scene.shapes:
        share = coverage(shape, scene.size)[..., None]
        pixels = pixels * (1 - share) + np.array(COLORS[shape.color]) * share
    return Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))


def describe(scene: Scene, image_id: int = 0) -> dict[str, Any]:
    """All annotations of a scene: see `SyntheticShapes`."""
    inks = [coverage(shape, scene.size) >= 0.5 for shape in scene.shapes]
    hidden = np.zeros((scene.size, scene.size), bool)
    masks: list[np.ndarray] = []
    for ink in reversed(inks):                  # from the front: front shapes hide those behind
        masks.insert(0, ink & ~hidden)
        hidden |= ink
    concepts = {name: np.zeros_like(hidden) for name in (*KINDS, *COLORS)}
    points = np.zeros((len(masks), max(CORNERS.values()), 3), np.float32)
    for i, (shape, mask) in enumerate(zip(scene.shapes, masks)):
        concepts[shape.kind] |= mask
        concepts[shape.color] |= mask
        before = scene.shapes[i + 1:]
        for k, (x, y) in enumerate(shape.corners()):
            seen = not any(coverage(other, scene.size)[int(y), int(x)] >= 0.5 for other in before)
            points[i, k] = x, y, 2 if seen else 1
    concepts["background"] = ~hidden
    return {
        "boxes": from_numpy(np.array([tight_box(mask) for mask in masks], np.float32)),
        "labels": tensor([1 + KINDS.index(shape.kind) for shape in scene.shapes]),
        "masks": from_numpy(np.stack(masks).astype(np.uint8)),
        "keypoints": from_numpy(points),
        "area": from_numpy(np.array([mask.sum() for mask in masks], np.float32)),
        "iscrowd": from_numpy(np.zeros(len(masks), np.int64)),
        "image_id": image_id,
        "caption": caption(scene),
        "concepts": {name: from_numpy(mask.astype(np.uint8)) for name, mask in concepts.items()},
    }


def caption(scene: Scene) -> str:
    """Describe the scene in words.

    One shape; or the position of the first relative to the second, and how many more there are.

        >>> caption(Scene(64, 80, 0, (Shape("ring", "red", 20, 30, 9, 0), Shape("star", "blue", 50, 30, 9, 0))))
        'a red ring left of a blue star'
    """
    first, *others = scene.shapes
    words = f"a {first.color} {first.kind}"
    if others:
        dx, dy = first.x - others[0].x, first.y - others[0].y
        side = ("left of" if dx < 0 else "right of") if abs(dx) >= abs(dy) else "above" if dy < 0 else "below"
        words += f" {side} a {others[0].color} {others[0].kind}"
    if others[1:]:
        words += f" and {len(others) - 1} more"
    return words


def coverage(shape: Shape, size: int) -> np.ndarray:
    """How much of each pixel a shape covers, (size, size) of 0..1."""
    image = Image.new("L", (size * _SCALE, size * _SCALE))
    draw = ImageDraw.Draw(image)
    if shape.kind in ("circle", "ring"):
        for radius, ink in ((shape.radius, 255), (shape.radius * 0.55, 0))[:2 if shape.kind == "ring" else 1]:
            draw.ellipse([(c + side * radius) * _SCALE for side in (-1, 1) for c in (shape.x, shape.y)], fill=ink)
    elif shape.kind == "star":
        points = _polygon(shape, 10, [shape.radius, shape.radius * 0.45] * 5)
        draw.polygon([tuple(point) for point in points * _SCALE], fill=255)
    else:
        draw.polygon([tuple(point) for point in shape.corners() * _SCALE], fill=255)
    return np.asarray(image.reduce(_SCALE), np.float32) / 255


def tight_box(mask: np.ndarray) -> tuple[int, int, int, int]:
    """The smallest box x1, y1, x2, y2 around the nonzero pixels of a mask (H, W).

    x2 and y2 are one past the last pixel.

        >>> tight_box(np.eye(4)[1:3])
        (1, 0, 3, 2)
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _polygon(shape: Shape, count: int, radii: list[float]) -> np.ndarray:
    """Points around the centre (count, 2), x and y."""
    angles = shape.angle + 2 * math.pi * np.arange(count) / max(count, 1)
    return np.stack([shape.x + np.array(radii) * np.cos(angles), shape.y + np.array(radii) * np.sin(angles)], 1)
