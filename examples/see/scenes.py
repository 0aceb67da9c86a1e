"""Scenes of shapes, with what is where."""
from __future__ import annotations

from typing import NamedTuple

import numpy as np

import minidl
from minidl.vision.datasets import SyntheticShapes
from minidl.vision.datasets.beyond_torchvision.shapes import KINDS, render

SIZE = 40       # pixels a side


class Images(NamedTuple):
    """x (N, C, H, W) from 0 to 1, y (N,); of scenes of shapes also what is where."""

    x: minidl.Tensor
    y: minidl.Tensor
    targets: list[dict] = []


def draw(count: int, seed: int, shapes: tuple[int, int] = (1, 1), apart: bool = False) -> Images:
    """Scenes of so many shapes; the class is the kind of the front one. apart: all shapes are of other kinds."""
    data = SyntheticShapes(4 * count if apart else count, SIZE, shapes, (0.15, 0.28), max_overlap=0, seed=seed)
    found = []
    for number in range(len(data)):
        kinds = [shape.kind for shape in data.scene(number).shapes]
        if not apart or len(set(kinds)) == shapes[1] and len(found) < count:
            found.append(data[number])
    labels = minidl.stack([target["labels"][-1] for _, target in found]) - 1
    return Images(_tensor([image for image, _ in found]), labels, [target for _, target in found])


def to_learn(count: int, seed: int) -> Images:
    """Scenes of none to three shapes, of which nothing is told but the kinds: y (N, 5), 1 for those that are there."""
    data, images, shown = SyntheticShapes(count, SIZE, (1, 3), (0.15, 0.28), max_overlap=0, seed=seed), [], []
    for number in range(count):
        scene = data.scene(number)
        scene = scene._replace(shapes=()) if number % 6 == 5 else scene
        images.append(render(scene, data.noise))
        shown.append([float(any(shape.kind == kind for shape in scene.shapes)) for kind in KINDS])
    return Images(_tensor(images), minidl.tensor(shown))


def _tensor(images: list) -> minidl.Tensor:
    return minidl.tensor(np.stack([np.asarray(image) for image in images]).transpose(0, 3, 1, 2)).float() / 255
