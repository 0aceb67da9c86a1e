"""Images of any size in, one batch out; and boxes, masks and key points back at the size of the image."""
from __future__ import annotations

import math
from collections.abc import Sequence

from minidl.backend.dtype import float32, uint8
from minidl.nn import functional as F
from minidl.nn.module import Module
from minidl.ops.shape import stack
from minidl.tensors.creation import as_tensor, empty, tensor
from minidl.tensors.tensor import Tensor
from minidl.vision.models.detection.image_list import ImageList
from minidl.vision.models.detection.masks import paste_masks_in_image
from minidl.vision.models.detection.targets import Target, sizes_of

IMAGENET_MEAN, IMAGENET_STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


class GeneralizedRCNNTransform(Module):
    """Normalise images, resize them with their objects, and put them into one batch.

    Called with a list of images (C, H, W) from 0 to 1 and perhaps a list of their targets, it returns an `ImageList`
    and the resized targets. `postprocess` brings results back to the images' own sizes.

    Args:
        min_size: of the shorter side, in pixels. Of several one is drawn in training, and the last one is taken else.
        max_size: of the longer side: where it would be above, images get smaller than min_size.
        image_mean, image_std: of the colours.
        size_divisible: height and width of the batch are multiples of it.
        fixed_size: (width, height) of all images; sides change independently.

    Errors: ValueError for an image that is not (C, H, W), TypeError for one of integers.

        >>> import minidl
        >>> from minidl.vision.models.detection.transform import GeneralizedRCNNTransform
        >>> transform = GeneralizedRCNNTransform(64, 100, [0.5] * 3, [0.2] * 3)
        >>> images, targets = transform([minidl.rand(3, 32, 40), minidl.rand(3, 20, 50)])
        >>> images.tensors.shape, images.image_sizes
        ((2, 3, 64, 128), [(64, 80), (40, 100)])
    """

    def __init__(self, min_size: int | Sequence[int], max_size: int, image_mean: Sequence[float] | Tensor,
                 image_std: Sequence[float] | Tensor, size_divisible: int = 32,
                 fixed_size: tuple[int, int] | None = None, *, _skip_resize: bool = False) -> None:
        super().__init__()
        self.min_size = (min_size,) if isinstance(min_size, int) else min_size
        self.max_size = max_size
        self.image_mean = image_mean
        self.image_std = image_std
        self.size_divisible = size_divisible
        self.fixed_size = fixed_size
        self._skip_resize = _skip_resize

    def forward(self, images: Sequence[Tensor], targets: Sequence[Target] | None = None,
                ) -> tuple[ImageList, list[Target] | None]:
        sizes_of(images)
        resized: list[Tensor] = []
        objects: list[Target] = []
        for i, image in enumerate(images):
            y, target = self.resize(self.normalize(image), None if targets is None else dict(targets[i]))
            resized.append(y)
            objects += [] if target is None else [target]
        batch = ImageList(self.batch_images(resized, self.size_divisible), sizes_of(resized))
        return batch, None if targets is None else objects

    def normalize(self, image: Tensor) -> Tensor:
        """(image - mean) / std, channel by channel."""
        if not image.is_floating_point():
            raise TypeError(f"Expected input images to be of floating type (in range [0, 1]), but found type "
                            f"{image.dtype} instead")
        mean, std = (as_tensor(each, dtype=image.dtype, device=image.device)[:, None, None]
                     for each in (self.image_mean, self.image_std))
        return (image - mean) / std

    def torch_choice(self, k: Sequence[int]) -> int:
        """One of k, by a draw of minidl's."""
        return k[int(empty(1).uniform_(0.0, float(len(k))).item())]

    def resize(self, image: Tensor, target: Target | None = None) -> tuple[Tensor, Target | None]:
        """An image and its objects in the size of the batch; the target is changed."""
        if self.training and self._skip_resize:
            return image, target
        size = self.torch_choice(self.min_size) if self.training else self.min_size[-1]
        before = (image.shape[-2], image.shape[-1])
        image, target = _resize_image_and_masks(image, size, self.max_size, target, self.fixed_size)
        after = (image.shape[-2], image.shape[-1])
        if target is not None:
            target["boxes"] = resize_boxes(target["boxes"], before, after)
            if "keypoints" in target:
                target["keypoints"] = resize_keypoints(target["keypoints"], before, after)
        return image, target

    def max_by_axis(self, the_list: Sequence[Sequence[int]]) -> list[int]:
        """The largest number of each column."""
        return [max(column) for column in zip(*the_list)]

    def batch_images(self, images: Sequence[Tensor], size_divisible: int = 32) -> Tensor:
        """Images in one tensor, with zeros to the right and below."""
        height, width = (math.ceil(largest / size_divisible) * size_divisible
                         for largest in self.max_by_axis([each.shape[-2:] for each in images]))
        return stack([F.pad(each, (0, width - each.shape[-1], 0, height - each.shape[-2])) for each in images])

    def postprocess(self, result: list[Target], image_shapes: Sequence[tuple[int, int]],
                    original_image_sizes: Sequence[tuple[int, int]]) -> list[Target]:
        """Results in pixels of the images as they came: boxes, key points, and masks as large as the image."""
        if self.training:
            return result
        for found, size, original in zip(result, image_shapes, original_image_sizes):
            found["boxes"] = resize_boxes(found["boxes"], size, original)
            if "masks" in found:
                found["masks"] = paste_masks_in_image(found["masks"], found["boxes"], original)
            if "keypoints" in found:
                found["keypoints"] = resize_keypoints(found["keypoints"], size, original)
        return result

    def __repr__(self) -> str:
        return (f"{type(self).__name__}(\n    Normalize(mean={self.image_mean}, std={self.image_std})\n"
                f"    Resize(min_size={self.min_size}, max_size={self.max_size}, mode='bilinear')\n)")


def _resize_image_and_masks(image: Tensor, self_min_size: int, self_max_size: int, target: Target | None = None,
                            fixed_size: tuple[int, int] | None = None) -> tuple[Tensor, Target | None]:
    """The image, and the masks of a target, in another size; the target is changed."""
    if fixed_size is None:
        sides = image.shape[-2:]
        scale = min(self_min_size / min(sides), self_max_size / max(sides))
        size = [int(side * scale) for side in sides]
    else:
        size = [fixed_size[1], fixed_size[0]]
    if size != list(image.shape[-2:]):
        image = F.interpolate(image[None], size=size, mode="bilinear", align_corners=False)[0]
    if target is not None and "masks" in target:
        masks = target["masks"]
        target["masks"] = F.interpolate(masks[:, None].float(), size=size)[:, 0].to(uint8)
    return image, target


def _ratios(boxes: Tensor, original_size: Sequence[int], new_size: Sequence[int]) -> Tensor:
    """(width's, height's)"""
    heights, widths = (tensor(new, dtype=float32) / tensor(old, dtype=float32)
                       for new, old in zip(new_size, original_size))
    return stack([widths, heights]).to(dtype=boxes.dtype if boxes.is_floating_point() else float32, device=boxes.device)


def resize_keypoints(keypoints: Tensor, original_size: Sequence[int], new_size: Sequence[int]) -> Tensor:
    """Key points (*, 3) of an image of this (height, width) in one of another size; visibilities stay."""
    resized = keypoints.clone()
    resized[..., :2] = keypoints[..., :2] * _ratios(keypoints, original_size, new_size)
    return resized


def resize_boxes(boxes: Tensor, original_size: Sequence[int], new_size: Sequence[int]) -> Tensor:
    """Boxes (N, 4) of an image of this (height, width) in one of another size.

        >>> import minidl
        >>> from minidl.vision.models.detection.transform import resize_boxes
        >>> resize_boxes(minidl.tensor([[1., 2., 3., 4.]]), (10, 10), (20, 30))
        tensor([[3., 4., 9., 8.]])
    """
    return boxes * _ratios(boxes, original_size, new_size).repeat(2)
