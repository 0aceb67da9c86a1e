"""Transforms of v2 that resize, crop and pad."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PIL import Image as pillow

from minidl.backend.warn import warn
from minidl.tensors.creation import tensor
from minidl.tensors.tensor import Tensor
from minidl.vision import tv_tensors
from minidl.vision.ops.boxes import box_iou
from minidl.vision.transforms import geometry as v1
from minidl.vision.transforms.arguments import Size, check_sequence
from minidl.vision.transforms.draws import draw_integer, draw_uniform
from minidl.vision.transforms.v2 import functional as F
from minidl.vision.transforms.v2.functional.arguments import Interpolation, padding_of
from minidl.vision.transforms.v2.functional.boxes import XYXY, convert
from minidl.vision.transforms.v2.functional.dispatch import is_pure_tensor
from minidl.vision.transforms.v2.samples import get_bounding_boxes, has_all, has_any, query_size
from minidl.vision.transforms.v2.settings import (
    Fills,
    check_padding,
    check_padding_mode,
    fill_for,
    fills_of,
    size_of,
)
from minidl.vision.transforms.v2.transform import RandomApplyTransform, Transform


class Resize(Transform):
    """Resize to (height, width), or the shorter side to one number, or the longer one to max_size.

    size: None takes max_size for the longer side. max_size: the limit of the longer side where size is one number.
    interpolation: a mode, its name, or Pillow's number. antialias: let every pixel contribute when a tensor shrinks.
    Errors: ValueError for another size.

        >>> Resize(8)(pillow.new("RGB", (32, 16))).size
        (16, 8)
    """

    _v1_transform_cls = v1.Resize

    def __init__(self, size: Size | None, interpolation: Interpolation = "bilinear", max_size: int | None = None,
                 antialias: bool | None = True) -> None:
        super().__init__()
        if isinstance(size, int):
            self.size: list[int] | None = [size]
        elif isinstance(size, Sequence) and len(size) in (1, 2):
            self.size = list(size)
        elif size is not None:
            raise ValueError("size can be an integer, a sequence of one or two integers, or None, but got "
                             f"{size} instead.")
        elif not isinstance(max_size, int):
            raise ValueError(f"max_size must be an integer when size is None, but got {max_size} instead.")
        else:
            self.size = None
        self.interpolation = interpolation
        self.max_size = max_size
        self.antialias = antialias

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.resize, inpt, self.size, interpolation=self.interpolation, max_size=self.max_size,
                                 antialias=self.antialias)


class _ResizeToDrawn(Transform):
    """Base class: `make_params` draws the size."""

    interpolation: Interpolation
    antialias: bool | None

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.resize, inpt, size=params["size"], interpolation=self.interpolation,
                                 antialias=self.antialias)


class ScaleJitter(_ResizeToDrawn):
    """Resize so that the image fits into target_size, times a random factor from scale_range.

    Source: Ghiasi et al., "Simple Copy-Paste is a Strong Data Augmentation Method for Instance Segmentation", 2020,
    https://arxiv.org/abs/2012.07177
    """

    def __init__(self, target_size: tuple[int, int], scale_range: tuple[float, float] = (0.1, 2.0),
                 interpolation: Interpolation = "bilinear", antialias: bool | None = True) -> None:
        super().__init__()
        self.target_size = target_size
        self.scale_range = scale_range
        self.interpolation = interpolation
        self.antialias = antialias

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = query_size(flat_inputs)
        scale = draw_uniform(self.scale_range[0], self.scale_range[1])
        ratio = min(self.target_size[1] / height, self.target_size[0] / width) * scale
        return {"size": (int(height * ratio), int(width * ratio))}


class RandomShortestSize(_ResizeToDrawn):
    """Resize the shorter side to one of the sizes `min_size`, the longer one to max_size at most."""

    def __init__(self, min_size: Size, max_size: int | None = None, interpolation: Interpolation = "bilinear",
                 antialias: bool | None = True) -> None:
        super().__init__()
        self.min_size = [min_size] if isinstance(min_size, int) else list(min_size)
        self.max_size = max_size
        self.interpolation = interpolation
        self.antialias = antialias

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = query_size(flat_inputs)
        ratio = self.min_size[draw_integer(0, len(self.min_size))] / min(height, width)
        if self.max_size is not None:
            ratio = min(ratio, self.max_size / max(height, width))
        return {"size": (int(height * ratio), int(width * ratio))}


class RandomResize(_ResizeToDrawn):
    """Resize the shorter side to a random number from min_size to max_size - 1."""

    def __init__(self, min_size: int, max_size: int, interpolation: Interpolation = "bilinear",
                 antialias: bool | None = True) -> None:
        super().__init__()
        self.min_size = min_size
        self.max_size = max_size
        self.interpolation = interpolation
        self.antialias = antialias

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"size": [draw_integer(self.min_size, self.max_size)]}


# ---------------------------------------------------------------------- padding

class Pad(Transform):
    """Pad by pixels; see `functional.pad`. fill: one for all, or a dict of one for each type of input."""

    _v1_transform_cls = v1.Pad

    def __init__(self, padding: Size, fill: Fills = 0, padding_mode: str = "constant") -> None:
        super().__init__()
        check_padding(padding)
        check_padding_mode(padding_mode)
        self.padding = padding if isinstance(padding, int) else list(padding)
        self.fill = fill
        self._fill = fills_of(fill)
        self.padding_mode = padding_mode

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.pad, inpt, padding=self.padding, fill=fill_for(self._fill, inpt),
                                 padding_mode=self.padding_mode)


class RandomZoomOut(RandomApplyTransform):
    """With probability p, put the image at a random place of a larger canvas.

    fill: its colour, or a dict of one for each type of input. side_range: how many times larger, at random.
    Errors: ValueError for a range below 1.
    Source: Liu et al., "SSD: Single Shot MultiBox Detector", 2015, https://arxiv.org/abs/1512.02325
    """

    def __init__(self, fill: Fills = 0, side_range: Sequence[float] = (1.0, 4.0), p: float = 0.5) -> None:
        super().__init__(p)
        self.fill = fill
        self._fill = fills_of(fill)
        check_sequence(side_range, "side_range")
        self.side_range = side_range
        if side_range[0] < 1.0 or side_range[0] > side_range[1]:
            raise ValueError(f"Invalid side range provided {side_range}.")

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = query_size(flat_inputs)
        side = draw_uniform(self.side_range[0], self.side_range[1])
        more_x, more_y = int(width * side) - width, int(height * side) - height
        left, top = int(more_x * draw_uniform()), int(more_y * draw_uniform())
        return {"padding": [left, top, more_x - left, more_y - top]}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.pad, inpt, **params, fill=fill_for(self._fill, inpt))


# ---------------------------------------------------------------------- crops

class CenterCrop(Transform):
    """The middle. A smaller image is padded with black."""

    _v1_transform_cls = v1.CenterCrop

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = size_of(size)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.center_crop, inpt, output_size=self.size)


class RandomCrop(Transform):
    """A random rectangle of this size.

    padding, fill, padding_mode: pad first, as in `Pad`. pad_if_needed: pad a small image, by as much on both sides as
    it lacks. Errors: ValueError for an image that is too small.
    """

    _v1_transform_cls = v1.RandomCrop

    def __init__(self, size: Size, padding: Size | None = None, pad_if_needed: bool = False, fill: Fills = 0,
                 padding_mode: str = "constant") -> None:
        super().__init__()
        self.size = size_of(size)
        if padding is not None:
            check_padding(padding)
        if pad_if_needed or padding is not None:
            check_padding_mode(padding_mode)
        self.padding = padding_of(padding) if padding else None
        self.pad_if_needed = pad_if_needed
        self.fill = fill
        self._fill = fills_of(fill)
        self.padding_mode = padding_mode

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        sides, new = list(self.padding or [0, 0, 0, 0]), self.size
        height, width = query_size(flat_inputs)
        size = [height + sides[1] + sides[3], width + sides[0] + sides[2]]
        for axis, before, after in ((0, 1, 3), (1, 0, 2)):
            lacks = new[axis] - size[axis]
            if self.pad_if_needed and lacks > 0:
                sides[before] += lacks
                sides[after] += lacks
                size[axis] += 2 * lacks
        if size[0] < new[0] or size[1] < new[1]:
            raise ValueError(f"Required crop size {tuple(new)} is larger than {'padded ' if self.padding else ''}input "
                             f"image size {tuple(size)}.")
        top, left = (draw_integer(0, size[axis] - new[axis] + 1) if size[axis] > new[axis] else 0 for axis in (0, 1))
        return {"needs_crop": tuple(size) != tuple(new), "top": top, "left": left, "height": new[0], "width": new[1],
                "needs_pad": any(sides), "padding": sides}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        if params["needs_pad"]:
            inpt = self._call_kernel(F.pad, inpt, padding=params["padding"], fill=fill_for(self._fill, inpt),
                                     padding_mode=self.padding_mode)
        if params["needs_crop"]:
            inpt = self._call_kernel(F.crop, inpt, top=params["top"], left=params["left"], height=params["height"],
                                     width=params["width"])
        return inpt


class RandomResizedCrop(Transform):
    """A rectangle of random place, area and shape, resized to this size.

    scale: a range for its share of the image's area. ratio: a range for the ratio of width to height, drawn so that 1/r
    is as likely as r. If none fits in ten draws, the middle is taken. interpolation, antialias: as in `Resize`.
    Errors: TypeError unless both are pairs.
    """

    _v1_transform_cls = v1.RandomResizedCrop

    def __init__(self, size: Size, scale: tuple[float, float] = (0.08, 1.0),
                 ratio: tuple[float, float] = (3.0 / 4.0, 4.0 / 3.0), interpolation: Interpolation = "bilinear",
                 antialias: bool | None = True) -> None:
        super().__init__()
        self.size = size_of(size)
        for name, value in (("Scale", scale), ("Ratio", ratio)):
            if not isinstance(value, Sequence) or len(value) != 2:
                raise TypeError(f"{name} should be a sequence of two floats.")
        if scale[0] > scale[1] or ratio[0] > ratio[1]:
            warn("Scale and ratio should be of kind (min, max)")
        self.scale = scale
        self.ratio = ratio
        self.interpolation = interpolation
        self.antialias = antialias

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        drawn = v1.draw_part(*query_size(flat_inputs), self.scale, self.ratio)
        return dict(zip(("top", "left", "height", "width"), drawn))

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.resized_crop, inpt, **params, size=self.size, interpolation=self.interpolation,
                                 antialias=self.antialias)


class _SeveralCrops(Transform):
    """Base class: an image becomes several; boxes and masks are refused."""

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        if has_any(flat_inputs, tv_tensors.BoundingBoxes, tv_tensors.Mask):
            raise TypeError(f"BoundingBoxes'es and Mask's are not supported by {type(self).__name__}()")

    def _call_kernel(self, functional: Any, inpt: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(inpt, tv_tensors.KeyPoints):
            warn(f"{type(self).__name__}() is currently passing through inputs of type tv_tensors.KeyPoints. This will "
                 "likely change in the future.")
        return super()._call_kernel(functional, inpt, *args, **kwargs)


class FiveCrop(_SeveralCrops):
    """The four corners and the middle of an image, as a tuple."""

    _v1_transform_cls = v1.FiveCrop

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = size_of(size)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.five_crop, inpt, self.size)


class TenCrop(_SeveralCrops):
    """`FiveCrop` of an image and of its mirror image, as one tuple."""

    _v1_transform_cls = v1.TenCrop

    def __init__(self, size: Size, vertical_flip: bool = False) -> None:
        super().__init__()
        self.size = size_of(size)
        self.vertical_flip = vertical_flip

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.ten_crop, inpt, self.size, vertical_flip=self.vertical_flip)


class RandomIoUCrop(Transform):
    """A random rectangle that overlaps a box by at least a random share.

    Boxes whose centre is outside become zeros, so `SanitizeBoundingBoxes` should follow. min_scale, max_scale: the
    range of its sides' share of the image's. min_aspect_ratio, max_aspect_ratio: of width to height. sampler_options:
    the least overlaps, one of which is drawn; 1 or more leaves the sample as it is. trials: rectangles drawn before
    another overlap is. Errors: TypeError for a sample without an image and boxes.
    Source: Liu et al., "SSD: Single Shot MultiBox Detector", 2015, https://arxiv.org/abs/1512.02325
    """

    def __init__(self, min_scale: float = 0.3, max_scale: float = 1.0, min_aspect_ratio: float = 0.5,
                 max_aspect_ratio: float = 2.0, sampler_options: list[float] | None = None, trials: int = 40) -> None:
        super().__init__()
        self.min_scale = min_scale
        self.max_scale = max_scale
        self.min_aspect_ratio = min_aspect_ratio
        self.max_aspect_ratio = max_aspect_ratio
        self.options = [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0] if sampler_options is None else sampler_options
        self.trials = trials

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        if not (has_all(flat_inputs, tv_tensors.BoundingBoxes)
                and has_any(flat_inputs, pillow.Image, tv_tensors.Image, is_pure_tensor)):
            raise TypeError(f"{type(self).__name__}() requires input sample to contain tensor or PIL images and "
                            "bounding boxes. Sample can also contain masks.")

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        size, boxes = query_size(flat_inputs), get_bounding_boxes(flat_inputs)
        corners = convert(boxes.as_subclass(Tensor), boxes.format, XYXY)
        centers = 0.5 * (corners[..., :2] + corners[..., 2:])
        while True:
            least = self.options[draw_integer(0, len(self.options))]
            if least >= 1.0:
                return {}
            for _ in range(self.trials):
                part = self._draw_part(*size)
                if part is None:
                    continue
                top, left, height, width = part
                low, high = (tensor(place, dtype=centers.dtype, device=centers.device)
                             for place in ((left, top), (left + width, top + height)))
                inside = ((low < centers) & (centers < high)).all(-1)
                if not inside.any():
                    continue
                crop = tensor([[left, top, left + width, top + height]], dtype=corners.dtype, device=corners.device)
                if box_iou(corners[inside], crop).max() >= least:
                    return {"top": top, "left": left, "height": height, "width": width, "is_within_crop_area": inside}

    def _draw_part(self, height: int, width: int) -> tuple[int, int, int, int] | None:
        """Draw row and column of the first pixel, height and width; None for a shape that is not allowed."""
        w, h = (int(length * draw_uniform(self.min_scale, self.max_scale)) for length in (width, height))
        if min(w, h) < 1 or not self.min_aspect_ratio <= w / h <= self.max_aspect_ratio:
            return None
        left = int((width - w) * draw_uniform())
        return int((height - h) * draw_uniform()), left, h, w

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        if not params:
            return inpt
        part = {name: params[name] for name in ("top", "left", "height", "width")}
        output = self._call_kernel(F.crop, inpt, **part)
        if isinstance(output, tv_tensors.BoundingBoxes):
            output[~params["is_within_crop_area"]] = 0
        return output
