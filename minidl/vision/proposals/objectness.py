"""How likely a box holds a whole object, by the segments that its sides cut."""
from __future__ import annotations

import numpy as np

from minidl.backend.device import to_numpy
from minidl.tensors.creation import from_numpy
from minidl.tensors.tensor import Tensor


def objectness(segments: Tensor, boxes: Tensor) -> Tensor:
    """1 minus the share of each box that belongs to segments which straddle its sides: float32 (N,), from 0 to 1.

    Of each segment s and the pixels w of a box, 1 - sum over s of min(|s outside w|, |s inside w|) / |w|. An object is
    made of whole segments, so that a tight box around it is near 1, and one that cuts through it is near 0.

    Args:
        segments: (H, W), the number of the segment of each pixel, as `graph_segmentation` gives them.
        boxes: (N, 4), x1, y1, x2, y2 in pixels; they are rounded to whole ones.

    Errors: ValueError for segments that are not (H, W), for boxes that are not (N, 4), and for one without a pixel.

    Source: B. Alexe, T. Deselaers and V. Ferrari, "What is an object?", CVPR 2010: superpixels straddling.

        >>> import minidl
        >>> from minidl.vision.proposals import objectness
        >>> segments = minidl.tensor([[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]])
        >>> objectness(segments, minidl.tensor([[1., 1., 3., 3.], [2., 1., 4., 3.]]))
        tensor([1., 0.])
    """
    if segments.ndim != 2 or boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"objectness: expected segments (H, W) and boxes (N, 4), but got {tuple(segments.shape)} and "
                         f"{tuple(boxes.shape)}")
    numbers = to_numpy(segments.array)
    sizes = np.bincount(numbers.ravel())
    scores = []
    for at, (x1, y1, x2, y2) in enumerate(to_numpy(boxes.array).round().astype(int).clip(0)):
        inside = np.bincount(numbers[y1:y2, x1:x2].ravel(), minlength=len(sizes))
        if not inside.any():
            raise ValueError(f"objectness: box {at} has no pixel of an image {numbers.shape[0]} high and "
                             f"{numbers.shape[1]} wide")
        scores.append(1 - np.minimum(sizes - inside, inside).sum() / inside.sum())
    return from_numpy(np.array(scores, np.float32))
