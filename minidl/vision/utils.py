"""Pictures of tensors: grids of images; boxes, masks and keypoints drawn on them; flows as colours.

Names, arguments and results are torchvision's (`torchvision.utils`), to the bit of every pixel.
"""
from __future__ import annotations

import io
import math
import os
from collections.abc import Sequence
from typing import IO, Any

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from minidl.autograd.grad_mode import no_grad
from minidl.backend.dtype import finfo, uint8
from minidl.backend.warn import warn
from minidl.ops.elementwise import atan2, where
from minidl.ops.shape import cat, stack
from minidl.serialization.writing import atomic_writer
from minidl.tensors.creation import as_tensor, ones
from minidl.tensors.tensor import Tensor
from minidl.vision.transforms import functional as F

__all__ = ["draw_bounding_boxes", "draw_keypoints", "draw_segmentation_masks", "flow_to_image", "make_grid",
           "save_image"]

Color = str | tuple[int, int, int]
"""A name that Pillow knows, "#FF00FF", or red, green and blue from 0 to 255."""

# ---------------------------------------------------------------------- grids


@no_grad()
def make_grid(tensor: Tensor | list[Tensor], nrow: int = 8, padding: int = 2, normalize: bool = False,
              value_range: tuple[float, float] | None = None, scale_each: bool = False,
              pad_value: float = 0.0) -> Tensor:
    """Put images side by side, nrow in each row, with padding around them.

    tensor: images (N, C, H, W), one (C, H, W) or (H, W), or a list of some of one size. Grey ones become coloured; a
    single image stays without padding. Returns (C, height, width). normalize: shift and scale to 0..1, from
    value_range, else from the smallest to the largest number, of each image if scale_each. pad_value: between images.
    Errors: TypeError for what are no tensors, and unless value_range is a tuple; ValueError for another shape.

        >>> import minidl
        >>> from minidl.vision import utils
        >>> utils.make_grid(minidl.rand(5, 3, 8, 8), nrow=3).shape
        (3, 22, 32)
    """
    if isinstance(tensor, list):
        for image in tensor:
            if not isinstance(image, Tensor):
                raise TypeError(f"tensor or list of tensors expected, got a list containing {type(image)}")
        tensor = stack(tensor)
    if not isinstance(tensor, Tensor):
        raise TypeError(f"tensor or list of tensors expected, got {type(tensor)}")
    images = tensor[None] if tensor.ndim == 2 else tensor               # (C, H, W)
    images = images[None] if images.ndim == 3 else images               # (N, C, H, W)
    if images.ndim != 4 or not len(images):
        raise ValueError(f"make_grid: expected images (N, C, H, W) or a list of some, one (C, H, W) or (H, W), but got "
                         f"{tuple(tensor.shape)}")
    if images.ndim == 4 and images.shape[1] == 1:
        images = cat([images] * 3, 1)
    if normalize:
        if value_range is not None and not isinstance(value_range, tuple):
            raise TypeError("value_range has to be a tuple (min, max) if specified. min and max are numbers")
        images = stack([_scaled(each, value_range) for each in images]) if scale_each else _scaled(images, value_range)
    if len(images) == 1:
        return images[0]
    if nrow < 1 or padding < 0:
        raise ValueError(f"make_grid: expected nrow >= 1 and padding >= 0, but got {nrow} and {padding}")
    N, C, H, W = images.shape
    columns = min(nrow, N)
    rows = math.ceil(N / columns)
    H, W = H + padding, W + padding
    grid = images.new_full((C, H * rows + padding, W * columns + padding), pad_value)
    for k, image in enumerate(images):
        top, left = k // columns * H + padding, k % columns * W + padding
        grid[:, top:top + H - padding, left:left + W - padding] = image
    return grid


def _scaled(image: Tensor, value_range: tuple[float, float] | None) -> Tensor:
    """From value_range, or from the smallest to the largest number, to 0..1."""
    low, high = value_range or (float(image.min()), float(image.max()))
    return (image.clamp(low, high) - low) / max(high - low, 1e-5)


@no_grad()
def save_image(tensor: Tensor | list[Tensor], fp: str | os.PathLike[str] | IO[bytes], format: str | None = None,
               **kwargs: Any) -> None:
    """Write images from 0 to 1, or a grid of them, into a file.

    tensor and kwargs: as for `make_grid`. fp: a path or an open file; format: Pillow's name of it, by default that of
    the path's ending. A file of that name is replaced when all has been written.
    Errors: ValueError for an ending that Pillow does not know.

        >>> import io, minidl
        >>> from minidl.vision import utils
        >>> file = io.BytesIO()
        >>> utils.save_image(minidl.rand(4, 3, 8, 8), file, "png")
    """
    grid = make_grid(tensor, **kwargs)
    pixels = (grid * 255 + 0.5).clamp(0, 255).permute(1, 2, 0).cpu().to(uint8).numpy()
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if not isinstance(fp, (str, os.PathLike)):
        image.save(fp, format=format)
        return
    encoded = io.BytesIO()
    image.save(encoded, format=format or _format_of(fp))
    with atomic_writer(fp, "save_image") as file:
        file.write(encoded.getvalue())


def _format_of(path: str | os.PathLike[str]) -> str:
    ending = os.path.splitext(path)[1].lower()
    known = Image.registered_extensions()
    if ending not in known:
        raise ValueError(f"save_image: no format has the ending '{ending}' of '{os.fspath(path)}'; "
                         f"name one, as format='png'")
    return known[ending]


# ---------------------------------------------------------------------- drawn on an image


@no_grad()
def draw_bounding_boxes(image: Tensor, boxes: Tensor, labels: list[str] | None = None,
                        colors: list[Color] | Color | None = None, fill: bool | None = False, width: int = 1,
                        font: str | None = None, font_size: int | None = None,
                        label_colors: list[Color] | Color | None = None,
                        label_background_colors: list[Color] | Color | None = None,
                        fill_labels: bool = False) -> Tensor:
    """Draw boxes on an image (3, H, W), or on a grey one (1, H, W).

    image: bytes, or floats from 0 to 1; the result is of the same dtype, (3, H, W). boxes (N, 4), as x1, y1, x2, y2 in
    pixels, or (N, 8), four corners. labels: N texts, or None where there is none. colors: one, or one for each box; by
    default a palette. fill: also inside, half transparent. width: of the lines. font: the path of a TrueType font, of
    font_size, by default 10. label_colors, and label_background_colors if fill_labels: by default those of the boxes.
    Errors: TypeError and ValueError for another image, boxes with corners the wrong way round, and too few labels or
    colours.

        >>> import minidl
        >>> from minidl.vision import utils
        >>> image = minidl.zeros(3, 4, 4, dtype=minidl.uint8)
        >>> utils.draw_bounding_boxes(image, minidl.tensor([[0, 0, 2, 2]]), colors="red")[0]
        tensor([[255, 255, 255,   0],
                [255,   0, 255,   0],
                [255, 255, 255,   0],
                [  0,   0,   0,   0]], dtype=uint8)
    """
    if not isinstance(image, Tensor):
        raise TypeError(f"Tensor expected, got {type(image)}")
    _check_image(image, (1, 3), "Only grayscale and RGB images are supported")
    if boxes.ndim == 2 and boxes.shape[-1] == 4 and bool((boxes[:, :2] > boxes[:, 2:]).any()):
        raise ValueError("Boxes need to be in (xmin, ymin, xmax, ymax) format. Use ops.box_convert to convert them")
    if boxes.ndim == 0 or len(boxes) and (boxes.ndim != 2 or boxes.shape[1] not in (4, 8)):
        raise ValueError(f"draw_bounding_boxes: expected boxes (N, 4) or (N, 8), but got {tuple(boxes.shape)}")
    n = len(boxes)
    if n == 0:
        warn("boxes doesn't contain any box. No box was drawn")
        return image
    if labels is not None and len(labels) != n:
        raise ValueError(f"Number of boxes ({n}) and labels ({len(labels)}) mismatch. Please specify labels for each "
                         f"box.")
    of_box = _parse_colors(colors, n)
    of_label = _parse_colors(label_colors or "black", n) if label_colors or fill_labels else of_box
    of_ground = _parse_colors(label_background_colors, n) if fill_labels and label_background_colors else of_box
    if font is None and font_size is not None:
        warn("Argument 'font_size' will be ignored since 'font' is not set.")
    letters = ImageFont.load_default() if font is None else ImageFont.truetype(font=font, size=font_size or 10)
    picture = F.to_pil_image(_as_bytes(cat([image] * 3) if len(image) == 1 else image))
    draw = ImageDraw.Draw(picture, "RGBA" if fill else None)
    for k, corners in enumerate(boxes.long().tolist()):
        inside = (*of_box[k], 100) if fill else None
        if len(corners) > 4:
            _draw_quadrilateral(draw, corners, inside, of_box[k], width)
        else:
            draw.rectangle(corners, width=width, outline=of_box[k], fill=inside)
        if labels is not None and labels[k] is not None:
            place = (corners[0] + width + 1, corners[1] + width + 1)
            if fill_labels:
                left, top, right, bottom = draw.textbbox(place, labels[k], font=letters)
                draw.rectangle((left - 1, top - 1, right + 1, bottom + 1), fill=of_ground[k])
            draw.text(place, labels[k], fill=of_label[k], font=letters)
    return _as_before(picture, image)


@no_grad()
def draw_segmentation_masks(image: Tensor, masks: Tensor, alpha: float = 0.8,
                            colors: list[Color] | Color | None = None) -> Tensor:
    """Cover masks (N, H, W) or (H, W) of an image (3, H, W) with colours.

    image: bytes, or floats from 0 to 1; the result is of the same dtype. masks: of bool. alpha: from 0, transparent, to
    1. colors: one, or one for each mask; by default a palette. Where masks overlap, the colour is black.
    Errors: TypeError and ValueError for another image or other masks, and for too few colours.

        >>> import minidl
        >>> from minidl.vision import utils
        >>> image = minidl.full((3, 1, 2), 100, dtype=minidl.uint8)
        >>> utils.draw_segmentation_masks(image, minidl.tensor([[True, False]]), alpha=0.5, colors=(255, 0, 0))[:, 0]
        tensor([[177, 100],
                [ 50, 100],
                [ 50, 100]], dtype=uint8)
    """
    if not isinstance(image, Tensor):
        raise TypeError(f"The image must be a tensor, got {type(image)}")
    _check_image(image, (3,), "Pass an RGB image. Other Image formats are not supported")
    masks = masks[None] if masks.ndim == 2 else masks
    if masks.ndim != 3:
        raise ValueError("masks must be of shape (H, W) or (batch_size, H, W)")
    if masks.dtype != bool:
        raise ValueError(f"The masks must be of dtype bool. Got {masks.dtype}")
    if masks.shape[-2:] != image.shape[-2:]:
        raise ValueError("The image and the masks must have the same height and width")
    if len(masks) == 0:
        warn("masks doesn't contain any mask. No mask was drawn")
        return image
    covered = image.detach()
    for mask, color in zip(masks, _parse_colors(colors, len(masks))):
        values = [v / 255 for v in color] if image.is_floating_point() else list(color)
        covered = where(mask, as_tensor(values, dtype=image.dtype, device=image.device)[:, None, None], covered)
    covered = where(masks.sum(0) > 1, covered.new_zeros(()), covered)
    mixed = image.detach() * (1 - alpha) + covered * alpha
    return mixed.to(image.dtype)


@no_grad()
def draw_keypoints(image: Tensor, keypoints: Tensor, connectivity: list[tuple[int, int]] | None = None,
                   colors: Color | None = None, radius: int = 2, width: int = 3,
                   visibility: Tensor | None = None) -> Tensor:
    """Draw points (N, K, 2) of N objects, x and y each, on an image (3, H, W).

    What follows x and y, as in (N, K, 3) of a detector, is not looked at. image: bytes, or floats from 0 to 1; the
    result is of the same dtype. connectivity: pairs of points that white lines of this width join. colors: of the discs
    of this radius. visibility (N, K): points that are drawn, with lines where both ends are; by default all.
    Errors: TypeError and ValueError for another image, and for other shapes.

        >>> import minidl
        >>> from minidl.vision import utils
        >>> image = minidl.zeros(3, 3, 3, dtype=minidl.uint8)
        >>> utils.draw_keypoints(image, minidl.tensor([[[1, 1]]]), colors="blue", radius=1)[2]
        tensor([[  0, 255,   0],
                [255, 255, 255],
                [  0, 255,   0]], dtype=uint8)
    """
    if not isinstance(image, Tensor):
        raise TypeError(f"The image must be a tensor, got {type(image)}")
    _check_image(image, (3,), "Pass an RGB image. Other Image formats are not supported")
    if keypoints.ndim != 3 or keypoints.shape[2] < 2:
        raise ValueError(f"keypoints must be of shape (num_instances, K, 2), but got {tuple(keypoints.shape)}")
    visible = ones(keypoints.shape[:-1], dtype=bool) if visibility is None else visibility
    visible = visible.squeeze(-1) if visible.ndim == 3 else visible
    if visible.ndim != 2:
        raise ValueError(f"visibility must be of shape (num_instances, K). Got ndim={visible.ndim}")
    if visible.shape != keypoints.shape[:-1]:
        raise ValueError(f"keypoints and visibility must have the same dimensionality for num_instances and K. Got "
                         f"visibility {tuple(visible.shape)} and keypoints {tuple(keypoints.shape)}")
    picture = F.to_pil_image(_as_bytes(image))
    draw = ImageDraw.Draw(picture)
    for points, seen in zip(keypoints[..., :2].long().tolist(), visible.bool().tolist()):
        for (x, y), drawn in zip(points, seen):
            if drawn:
                draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=colors, outline=None, width=0)
        for start, end in connectivity or ():
            if max(start, end) >= len(points):
                raise IndexError(f"draw_keypoints: connectivity names point {max(start, end)}, but there are "
                                 f"{len(points)}, counted from 0")
            if seen[start] and seen[end]:
                draw.line((tuple(points[start]), tuple(points[end])), width=width)
    return _as_before(picture, image)


def _check_image(image: Tensor, channels: Sequence[int], otherwise: str) -> None:
    if not (image.dtype == uint8 or image.is_floating_point()):
        raise ValueError(f"The image dtype must be uint8 or float, got {image.dtype}")
    if image.ndim != 3:
        raise ValueError("Pass individual images, not batches")
    if len(image) not in channels:
        raise ValueError(otherwise)


def _as_bytes(image: Tensor) -> Tensor:
    return F.convert_image_dtype(image.detach(), uint8)


def _as_before(picture: Image.Image, image: Tensor) -> Tensor:
    """The picture as a tensor, with the dtype and the device of `image`."""
    pixels = F.pil_to_tensor(picture).to(image.device)
    return pixels.to(image.dtype) * (1 / 255) if image.is_floating_point() else pixels


def _parse_colors(colors: list[Color] | Color | None, n: int) -> list[tuple[int, ...]]:
    """Red, green and blue for each of n objects. Errors: ValueError for anything else, and for fewer than n."""
    if colors is None:
        return [tuple(i * step % 255 for step in (2 ** 25 - 1, 2 ** 15 - 1, 2 ** 21 - 1)) for i in range(n)]
    if isinstance(colors, list):
        if len(colors) < n:
            raise ValueError(f"Number of colors must be equal or larger than the number of objects, but got "
                             f"{len(colors)} < {n}.")
    elif not isinstance(colors, (tuple, str)):
        raise ValueError(f"colors must be a tuple or a string, or a list thereof, but got {colors}.")
    elif isinstance(colors, tuple) and len(colors) != 3:
        raise ValueError(f"If passed as tuple, colors should be an RGB triplet, but got {colors}.")
    else:
        colors = [colors] * n
    return [ImageColor.getrgb(color) if isinstance(color, str) else color for color in colors]


def _draw_quadrilateral(draw: ImageDraw.ImageDraw, corners: list[int], fill: tuple[int, ...] | None,
                        outline: tuple[int, ...], width: int) -> None:
    """Four corners, joined by lines; the first line, the upper side of the object, is dashed."""
    points = list(zip(corners[::2], corners[1::2]))
    _draw_dashes(draw, points[0], points[1], outline, width)
    for i in range(1, 4):
        draw.line((points[i], points[(i + 1) % 4]), width=width, fill=outline)
    draw.polygon(corners, fill=fill, outline=None, width=0)


def _draw_dashes(draw: ImageDraw.ImageDraw, start: tuple[float, float], end: tuple[float, float],
                 color: tuple[int, ...], width: int, length: float = 5) -> None:
    """A line of dashes and gaps of this length."""
    left, drawn = math.dist(start, end), True
    while left > 0:
        angle, step = math.atan2(end[1] - start[1], end[0] - start[0]), min(left, length)
        stop = (start[0] + math.cos(angle) * step, start[1] + math.sin(angle) * step)
        if drawn:
            draw.line([start, stop], color, width)
        left, start, drawn = left - step, stop, not drawn


# ---------------------------------------------------------------------- flows


@no_grad()
def flow_to_image(flow: Tensor) -> Tensor:
    """Show where pixels move as colours: the hue is the direction, white is no movement.

    flow (2, H, W) or (N, 2, H, W) of float32, right and down -> (3, H, W) or (N, 3, H, W) of bytes. The fastest pixel
    of all has the fullest colour.
    Errors: ValueError for other shapes or dtypes, and for numbers that are not finite.
    Source: Baker et al., "A Database and Evaluation Methodology for Optical Flow", 2007,
    http://vision.middlebury.edu/flow/flowEval-iccv07.pdf

        >>> import minidl
        >>> from minidl.vision import utils
        >>> utils.flow_to_image(minidl.tensor([[[0., 1.]], [[0., 0.]]]))[:, 0]        # nothing, and to the right
        tensor([[255, 255],
                [255,   0],
                [255,   0]], dtype=uint8)
    """
    if flow.dtype != np.float32:
        raise ValueError(f"Flow should be of dtype float32, got {flow.dtype}.")
    batch = flow[None] if flow.ndim == 3 else flow
    if batch.ndim != 4 or batch.shape[1] != 2:
        raise ValueError(f"Input flow should have shape (2, H, W) or (N, 2, H, W), got {tuple(flow.shape)}.")
    if not batch.isfinite().all():
        raise ValueError("flow_to_image: expected finite numbers, but the flow has inf or nan; try flow.nan_to_num()")
    batch = batch / ((batch ** 2).sum(1).sqrt().max() + finfo(batch.dtype).eps)
    norm = (batch ** 2).sum(1).sqrt()[:, None]
    wheel = as_tensor(_color_wheel(), device=flow.device)                             # (55, 3)
    place = (atan2(-batch[:, 1], -batch[:, 0]) / math.pi + 1) / 2 * (len(wheel) - 1)    # (N, H, W)
    first = place.floor()
    share = (place - first)[..., None]
    k = first.long()
    hue = (1 - share) * (wheel[k] / 255) + share * (wheel[(k + 1) % len(wheel)] / 255)
    image = (255 * (1 - norm * (1 - hue.permute(0, 3, 1, 2)))).floor().to(uint8)
    return image[0] if flow.ndim == 3 else image


def _color_wheel() -> np.ndarray:
    """The hues in a circle, (55, 3): from each of six to the next in as many steps as eyes tell apart."""
    # how many steps, which of red, green and blue moves, and whether up; the others stay
    parts = [(15, 1, True), (6, 0, False), (4, 2, True), (11, 1, False), (13, 0, True), (6, 2, False)]
    color, wheel = np.array([255.0, 0.0, 0.0]), []
    for steps, channel, up in parts:
        part = np.tile(color, (steps, 1))
        ramp = np.floor(255 * np.arange(steps) / steps)
        part[:, channel] = ramp if up else 255 - ramp
        color[channel] = 255 if up else 0
        wheel.append(part)
    return np.concatenate(wheel).astype(np.float32)
