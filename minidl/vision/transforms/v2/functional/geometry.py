"""The geometric functions of v2: sizes, crops, flips, and maps of the plane.

`inpt` is an image (a PIL image, a tensor (..., C, H, W) or a `tv_tensors.Image`), a video, a mask, boxes or key points
(`minidl.vision.tv_tensors`). The result is of the same kind. Arguments that mean nothing for a kind are not used.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.tensors.tensor import Tensor
from minidl.vision.transforms import functional as v1
from minidl.vision.transforms import on_images
from minidl.vision.transforms.arguments import InterpolationMode, Numbers, Size
from minidl.vision.transforms.on_images import Fill
from minidl.vision.transforms.v2.functional import geometry_on_boxes as boxes
from minidl.vision.transforms.v2.functional import geometry_on_images as images
from minidl.vision.transforms.v2.functional import geometry_on_points as points
from minidl.vision.transforms.v2.functional.arguments import Interpolation
from minidl.vision.transforms.v2.functional.dispatch import I, call, register

_BILINEAR, _NEAREST = InterpolationMode.BILINEAR, InterpolationMode.NEAREST


def horizontal_flip(inpt: I) -> I:
    """Mirror horizontally.

        >>> import minidl
        >>> from minidl.vision import tv_tensors
        >>> horizontal_flip(tv_tensors.KeyPoints([[0, 5]], canvas_size=(10, 20)))
        KeyPoints([[19,  5]], canvas_size=(10, 20))
    """
    return call(horizontal_flip, inpt)


def vertical_flip(inpt: I) -> I:
    """Mirror vertically."""
    return call(vertical_flip, inpt)


def resize(inpt: I, size: Size | None, interpolation: Interpolation = _BILINEAR, max_size: int | None = None,
           antialias: bool | None = True) -> I:
    """Resize to (height, width), or the shorter side to one number, or the longer one to max_size.

    size: None takes max_size for the longer side. max_size: the limit of the longer side where size is one number.
    interpolation: a mode, its name, or Pillow's number. antialias: let every pixel contribute when a tensor shrinks.

        >>> import minidl
        >>> from minidl.vision import tv_tensors
        >>> resize(tv_tensors.BoundingBoxes([[2, 4, 6, 8]], format="XYXY", canvas_size=(10, 20)), 5)
        BoundingBoxes([[1, 2, 3, 4]], format=BoundingBoxFormat.XYXY, canvas_size=(5, 10), clamping_mode=soft)
    """
    return call(resize, inpt, size=size, interpolation=interpolation, max_size=max_size, antialias=antialias)


def pad(inpt: I, padding: Size, fill: Fill = None, padding_mode: str = "constant") -> I:
    """Pad by pixels.

    padding: one number; (left and right, top and bottom); or (left, top, right, bottom). fill: the colour, one number
    or one for each channel. padding_mode: "constant", "edge", "reflect" or "symmetric", see v1's `functional.pad`;
    boxes and key points take the first only.
    """
    return call(pad, inpt, padding=padding, fill=fill, padding_mode=padding_mode)


def crop(inpt: I, top: int, left: int, height: int, width: int) -> I:
    """A rectangle. The part outside of an image is black; boxes are clamped."""
    return call(crop, inpt, top=top, left=left, height=height, width=width)


def center_crop(inpt: I, output_size: Size) -> I:
    """The middle. A smaller image is padded with black."""
    return call(center_crop, inpt, output_size=output_size)


def resized_crop(inpt: I, top: int, left: int, height: int, width: int, size: Size,
                 interpolation: Interpolation = _BILINEAR, antialias: bool | None = True) -> I:
    """A rectangle, resized."""
    return call(resized_crop, inpt, top=top, left=left, height=height, width=width, size=size,
                interpolation=interpolation, antialias=antialias)


def affine(inpt: I, angle: float, translate: Sequence[float], scale: float, shear: float | Numbers,
           interpolation: Interpolation = _NEAREST, fill: Fill = None, center: Numbers | None = None) -> I:
    """Rotate clockwise, scale, shear and shift.

    angle and shear (along x and y) are in degrees, translate in pixels. fill: the colour outside. center: x and y of
    the fixed point, by default the middle. Errors: TypeError and ValueError for arguments of another type or length,
    and for a scale of zero or less.
    """
    return call(affine, inpt, angle=angle, translate=translate, scale=scale, shear=shear, interpolation=interpolation,
                fill=fill, center=center)


def rotate(inpt: I, angle: float, interpolation: Interpolation = _NEAREST, expand: bool = False,
           center: Numbers | None = None, fill: Fill = None) -> I:
    """Rotate counter-clockwise, by degrees.

    expand: enlarge the result to hold the whole image. center: x and y of the fixed point, by default the middle. fill:
    the colour of the corners.
    """
    return call(rotate, inpt, angle=angle, interpolation=interpolation, expand=expand, fill=fill, center=center)


def perspective(inpt: I, startpoints: Sequence[Sequence[int]] | None, endpoints: Sequence[Sequence[int]] | None,
                interpolation: Interpolation = _BILINEAR, fill: Fill = None,
                coefficients: Numbers | None = None) -> I:
    """Move four corners, and all between them in perspective.

    startpoints, endpoints: where the corners are and where they go, as four [x, y]: top left, top right, bottom right,
    bottom left. coefficients: in their place, eight numbers of the map from the result to its source.
    Errors: ValueError unless exactly one of both is given.
    """
    return call(perspective, inpt, startpoints=startpoints, endpoints=endpoints, interpolation=interpolation,
                fill=fill, coefficients=coefficients)


def elastic(inpt: I, displacement: Tensor, interpolation: Interpolation = _BILINEAR, fill: Fill = None) -> I:
    """Read every pixel at another place.

    displacement: (1, H, W, 2), how far along x and y; from -1 to 1 is the whole image. Boxes and points move the other
    way, about.
    """
    return call(elastic, inpt, displacement=displacement, interpolation=interpolation, fill=fill)


def five_crop(inpt: Any, size: Size) -> tuple[Any, Any, Any, Any, Any]:
    """The four corners and the middle of an image. Errors: ValueError for a size larger than the image."""
    return call(five_crop, inpt, size=size)


def ten_crop(inpt: Any, size: Size, vertical_flip: bool = False) -> tuple[Any, ...]:
    """`five_crop` of an image and of its mirror image."""
    return call(ten_crop, inpt, size=size, vertical_flip=vertical_flip)


hflip, vflip, elastic_transform = horizontal_flip, vertical_flip, elastic

register(horizontal_flip, pil=on_images.hflip, image=images.horizontal_flip_image, mask=images.horizontal_flip_mask,
         boxes=boxes.horizontal_flip_bounding_boxes, keypoints=points.horizontal_flip_keypoints)
register(vertical_flip, pil=on_images.vflip, image=images.vertical_flip_image, mask=images.vertical_flip_mask,
         boxes=boxes.vertical_flip_bounding_boxes, keypoints=points.vertical_flip_keypoints)
register(resize, pil=images.resize_image_pil, image=images.resize_image, mask=images.resize_mask,
         boxes=boxes.resize_bounding_boxes, keypoints=points.resize_keypoints)
register(pad, pil=images.pad_image_pil, image=images.pad_image, mask=images.pad_mask, boxes=boxes.pad_bounding_boxes,
         keypoints=points.pad_keypoints)
register(crop, pil=on_images.crop, image=images.crop_image, mask=images.crop_mask, boxes=boxes.crop_bounding_boxes,
         keypoints=points.crop_keypoints)
register(center_crop, pil=v1.center_crop, image=images.center_crop_image, mask=images.center_crop_mask,
         boxes=boxes.center_crop_bounding_boxes, keypoints=points.center_crop_keypoints)
register(resized_crop, pil=images.resized_crop_image_pil, image=images.resized_crop_image,
         mask=images.resized_crop_mask, boxes=boxes.resized_crop_bounding_boxes,
         keypoints=points.resized_crop_keypoints)
register(affine, pil=images.affine_image_pil, image=images.affine_image, mask=images.affine_mask,
         boxes=boxes.affine_bounding_boxes, keypoints=points.affine_keypoints)
register(rotate, pil=images.rotate_image_pil, image=images.rotate_image, mask=images.rotate_mask,
         boxes=boxes.rotate_bounding_boxes, keypoints=points.rotate_keypoints)
register(perspective, pil=images.perspective_image_pil, image=images.perspective_image, mask=images.perspective_mask,
         boxes=boxes.perspective_bounding_boxes, keypoints=points.perspective_keypoints)
register(elastic, pil=images.elastic_image_pil, image=images.elastic_image, mask=images.elastic_mask,
         boxes=boxes.elastic_bounding_boxes, keypoints=points.elastic_keypoints)
register(five_crop, pil=v1.five_crop, image=images.five_crop_image)
register(ten_crop, pil=v1.ten_crop, image=images.ten_crop_image)
