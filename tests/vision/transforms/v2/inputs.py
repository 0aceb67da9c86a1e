"""The same samples for minidl and torchvision, and how their results compare."""
from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import minidl
from minidl.vision import tv_tensors
from minidl.vision.transforms.arguments import InterpolationMode
from tests.vision.reference import torchvision

RNG = np.random.default_rng(0)
H, W = 23, 30
PIXELS = np.clip(RNG.normal(120, 70, (H, W, 3)) + 60 * np.sin(np.arange(W) / 3)[:, None], 0, 255).astype(np.uint8)
IMAGE = np.ascontiguousarray(PIXELS.transpose(2, 0, 1))
MASK = (PIXELS[..., 0] // 86).astype(np.uint8)
CORNERS = np.array([[2, 3, 9, 8], [0, 0, 30, 23], [20, 11, 29, 22], [5.5, 2.25, 5.5, 9], [-3, 4, 35, 30]], np.float32)
CENTERS = np.array([[8.3, 9.4, 6, 4, 30], [15.2, 12.6, 20, 8, -45], [25.5, 4.3, 9, 9, 100], [3.4, 20.2, 12, 5, 10],
                    [14.6, 10.7, 4, 7, 0.5]],
                   np.float32)
POINTS = np.array([[0, 0], [3.5, 8], [29, 22], [12, 22.75], [-2, 5]], np.float32)
FORMATS = ["XYXY", "XYWH", "CXCYWH", "XYWHR", "CXCYWHR", "XYXYXYXY"]


def boxes_in(format: str) -> np.ndarray:
    rotated = format in ("XYWHR", "CXCYWHR", "XYXYXYXY")
    start = ("CXCYWHR", CENTERS) if rotated else ("XYXY", CORNERS)
    boxes = minidl.vision.ops.box_convert(minidl.tensor(start[1]), start[0].lower(), format.lower())
    return boxes.numpy()


SAMPLES = {
    "uint8": ("Image", IMAGE, {}), "float32": ("Image", IMAGE.astype(np.float32) / 255, {}),
    "float64": ("Image", IMAGE / 255, {}), "grey": ("Image", IMAGE[:1], {}),
    "batch": ("Image", np.stack([IMAGE, IMAGE[:, ::-1]]), {}),
    "video": ("Video", np.stack([IMAGE, IMAGE[:, ::-1]])[None], {}),
    "plain": ("Tensor", IMAGE, {}), "pil": ("pil", PIXELS, {}), "pil L": ("pil", PIXELS[..., 0], {}),
    "mask": ("Mask", MASK, {}), "masks": ("Mask", np.stack([MASK == i for i in range(3)]), {}),
    **{f"boxes {format}": ("BoundingBoxes", boxes_in(format), {"format": format, "canvas_size": (H, W)})
       for format in FORMATS},
    **{f"{mode} {format}": ("BoundingBoxes", boxes_in(format),
                            {"format": format, "canvas_size": (H, W), "clamping_mode": mode})
       for mode in ("hard", None) for format in ("XYWH", "XYWHR")},
    **{f"int {format}": ("BoundingBoxes", boxes_in(format).astype(np.int64), {"format": format, "canvas_size": (H, W)})
       for format in FORMATS[:3]},
    "points": ("KeyPoints", POINTS, {"canvas_size": (H, W)}),
    "int points": ("KeyPoints", POINTS.astype(np.int64)[:4].reshape(2, 2, 2), {"canvas_size": (H, W)}),
}
IMAGES = ["uint8", "float32", "float64", "grey", "batch", "video", "plain", "pil", "pil L"]


class Library:
    """minidl or torchvision, as a test needs them."""

    def __init__(self, tensors, kinds, modes):
        self.tensor, self.kinds, self.modes = tensors, kinds, modes

    def sample(self, name):
        kind, array, about = SAMPLES[name]
        if kind == "pil":
            return Image.fromarray(array)
        tensor = self.tensor(array.copy())
        return tensor if kind == "Tensor" else getattr(self.kinds, kind)(tensor, **about)

    def resolve(self, value):
        """An argument: modes and arrays are written without a library."""
        if isinstance(value, InterpolationMode):
            return self.modes(value.value)
        if isinstance(value, np.ndarray):
            return self.tensor(value.copy())
        return value


OURS = Library(minidl.from_numpy, tv_tensors, InterpolationMode)


def theirs() -> Library:
    torch = pytest.importorskip("torch")
    return Library(torch.from_numpy, torchvision("tv_tensors"), torchvision("transforms").InterpolationMode)


def compare(found, expected, tolerance=2e-4, off_by_one=0.0, elsewhere=0.0):
    """Assert that results are alike: whole numbers are the same, others close.

    off_by_one: the share of whole numbers that may differ by one. elsewhere: the share that may differ at all, where
    rounding decides from which pixel a number comes.
    """
    if isinstance(expected, tuple):
        assert len(found) == len(expected)
        for pair in zip(found, expected):
            compare(*pair, tolerance, off_by_one, elsewhere)
        return
    assert type(found).__name__ == type(expected).__name__
    if isinstance(expected, Image.Image):
        assert found.mode == expected.mode and found.size == expected.size
        found, expected = np.asarray(found), np.asarray(expected)
    else:
        for name in ("canvas_size", "clamping_mode"):
            assert getattr(found, name, 0) == getattr(expected, name, 0)
        assert getattr(getattr(found, "format", None), "value", 0) == getattr(
            getattr(expected, "format", None), "value", 0)
        found, expected = found.numpy(), expected.numpy()
    assert found.shape == expected.shape and found.dtype == expected.dtype
    gap = np.abs(found.astype(np.float64) - expected.astype(np.float64))
    gap[np.isnan(found) & np.isnan(expected)] = 0
    if expected.dtype.kind == "f":
        assert (gap > tolerance * (1 + np.abs(expected))).mean() <= elsewhere
    else:
        assert (gap > 0).mean() <= off_by_one + elsewhere and (gap > 1).mean() <= elsewhere, gap.max()
