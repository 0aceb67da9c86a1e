"""Sizes of images, videos, and what belongs to them."""
from __future__ import annotations

from typing import Any

from PIL import Image as pillow

from minidl.backend.warn import warn
from minidl.tensors.tensor import Tensor
from minidl.vision.transforms import functional as v1
from minidl.vision.transforms import on_images
from minidl.vision.transforms.v2.functional.dispatch import call, register_inquiry
from minidl.vision.tv_tensors import BoundingBoxes, KeyPoints


def get_dimensions(inpt: Any) -> list[int]:
    """Channels, height and width of an image or a video.

        >>> get_dimensions(pillow.new("RGB", (5, 3)))
        [3, 3, 5]
    """
    return call(get_dimensions, inpt)


def get_dimensions_image(image: Tensor) -> list[int]:
    """Channels, height and width."""
    shape = image.array.shape
    if len(shape) < 2:
        raise TypeError(f"Input tensor should have at least two dimensions, but got {len(shape)}")
    return [1, *shape] if len(shape) == 2 else list(shape[-3:])


def get_num_channels(inpt: Any) -> int:
    """The number of channels of an image or a video."""
    return call(get_num_channels, inpt)


def get_num_channels_image(image: Tensor) -> int:
    """The number of channels."""
    return get_dimensions_image(image)[0]


def get_size(inpt: Any) -> list[int]:
    """Height and width of an image, a video or a mask, or of the image of boxes or key points."""
    return call(get_size, inpt)


def get_size_image(image: Tensor) -> list[int]:
    """Height and width."""
    return get_dimensions_image(image)[1:]


def get_size_bounding_boxes(bounding_box: BoundingBoxes) -> list[int]:
    """Height and width of the image of boxes."""
    return list(bounding_box.canvas_size)


def get_size_keypoints(keypoints: KeyPoints) -> list[int]:
    """Height and width of the image of key points."""
    return list(keypoints.canvas_size)


def get_num_frames(inpt: Any) -> int:
    """The number of frames of a video (..., T, C, H, W)."""
    return call(get_num_frames, inpt)


def get_num_frames_video(video: Tensor) -> int:
    """The number of frames."""
    return video.shape[-4]


def get_image_size(inpt: Any) -> list[int]:
    """Width and height; `get_size` returns height and width."""
    warn("The function `get_image_size(...)` is deprecated and will be removed in a future release. Instead, please "
         "use `get_size(...)` which returns `[h, w]` instead of `[w, h]`.")
    return v1.get_image_size(inpt)


def _channels_pil(image: pillow.Image) -> int:
    return len(image.getbands())


def _size_pil(image: pillow.Image) -> list[int]:
    return [image.height, image.width]


get_image_num_channels = get_num_channels
get_dimensions_video, get_num_channels_video = get_dimensions_image, get_num_channels_image
get_size_video = get_size_mask = get_size_image

register_inquiry(get_dimensions, pil=on_images.get_dimensions, Tensor=get_dimensions_image,
                 Image=get_dimensions_image, Video=get_dimensions_image)
register_inquiry(get_num_channels, pil=_channels_pil, Tensor=get_num_channels_image, Image=get_num_channels_image,
                 Video=get_num_channels_image)
register_inquiry(get_size, pil=_size_pil, Tensor=get_size_image, Image=get_size_image, Video=get_size_image,
                 Mask=get_size_image, BoundingBoxes=get_size_bounding_boxes, KeyPoints=get_size_keypoints)
register_inquiry(get_num_frames, Tensor=get_num_frames_video, Video=get_num_frames_video)
