"""Transforms of v2 that mix, erase, blur, and add noise."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from PIL import Image as pillow

from minidl.backend.warn import warn
from minidl.nn import functional as nn
from minidl.tensors.creation import from_numpy, tensor
from minidl.tensors.tensor import Tensor
from minidl.vision import tv_tensors
from minidl.vision.transforms import color, erase
from minidl.vision.transforms.arguments import Size, check_sequence
from minidl.vision.transforms.draws import draw_beta, draw_integer, draw_normal, draw_uniform
from minidl.vision.transforms.v2 import functional as F
from minidl.vision.transforms.v2.functional.dispatch import is_pure_tensor
from minidl.vision.transforms.v2.samples import LabelsGetter, has_any, labels_getter_of, query_chw, query_size
from minidl.vision.transforms.v2.settings import size_of, two_numbers
from minidl.vision.transforms.v2.structure import flatten
from minidl.vision.transforms.v2.transform import RandomApplyTransform, Transform


class RandomErasing(RandomApplyTransform):
    """With probability p, overwrite a random rectangle of images and videos.

    scale: a range for its share of the image's area. ratio: a range for the ratio of its sides, drawn so that 1/r is as
    likely as r. value: a number, one for each channel, or "random" for normally distributed ones. inplace: write into
    tensors. If no rectangle fits in ten draws, nothing changes. Boxes, masks and key points pass, with a warning.
    Errors: TypeError and ValueError for arguments of another type or size.
    Source: Zhong et al., "Random Erasing Data Augmentation", 2017, https://arxiv.org/abs/1708.04896
    """

    _v1_transform_cls = erase.RandomErasing

    def __init__(self, p: float = 0.5, scale: Sequence[float] = (0.02, 0.33), ratio: Sequence[float] = (0.3, 3.3),
                 value: float | Sequence[float] | str = 0, inplace: bool = False) -> None:
        super().__init__(p)
        if not isinstance(value, (int, float, str, tuple, list)):
            raise TypeError("Argument value should be either a number or str or a sequence")
        if isinstance(value, str) and value != "random":
            raise ValueError("If value is str, it should be 'random'")
        for name, pair in (("Scale", scale), ("Ratio", ratio)):
            if not isinstance(pair, Sequence):
                raise TypeError(f"{name} should be a sequence")
        if scale[0] > scale[1] or ratio[0] > ratio[1]:
            warn("Scale and ratio should be of kind (min, max)")
        if scale[0] < 0 or scale[1] > 1:
            raise ValueError("Scale should be between 0 and 1")
        self.scale = scale
        self.ratio = ratio
        self.value = None if isinstance(value, str) else [float(number) for number in (
            value if isinstance(value, (tuple, list)) else [value])]
        self.inplace = inplace

    def _call_kernel(self, functional: Any, inpt: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(inpt, (tv_tensors.BoundingBoxes, tv_tensors.KeyPoints, tv_tensors.Mask)):
            warn(f"{type(self).__name__}() is currently passing through inputs of type "
                 f"tv_tensors.{type(inpt).__name__}. This will likely change in the future.")
        return super()._call_kernel(functional, inpt, *args, **kwargs)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        channels, height, width = query_chw(flat_inputs)
        if self.value is not None and len(self.value) not in (1, channels):
            raise ValueError(f"If value is a sequence, it should have either a single value or {channels} (number of "
                             "inpt channels)")
        hole = erase.draw_hole(height, width, self.scale, self.ratio)
        if hole is None:
            return {"i": 0, "j": 0, "h": height, "w": width, "v": None}
        i, j, h, w = hole
        v = from_numpy(draw_normal(channels, h, w)) if self.value is None else tensor([[[x]] for x in self.value])
        return {"i": i, "j": j, "h": h, "w": w, "v": v}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        if params["v"] is None:
            return inpt
        return self._call_kernel(F.erase, inpt, **params, inplace=self.inplace)


# ---------------------------------------------------------------------- two images in one

class _Mix(Transform):
    """Base class: mix every image of a batch with the one before it, and their labels in the same shares."""

    _share = "lam"      # the parameter that is the share of the own image

    def __init__(self, *, alpha: float = 1.0, num_classes: int | None = None,
                 labels_getter: LabelsGetter = "default") -> None:
        super().__init__()
        self.alpha = float(alpha)
        if not 0 < self.alpha < math.inf:
            raise ValueError(f"{type(self).__name__}: alpha should be greater than 0, but got {alpha}")
        self.num_classes = num_classes
        self._labels_getter = labels_getter_of(labels_getter)

    def forward(self, *inputs: Any) -> Any:
        sample = inputs if len(inputs) > 1 else inputs[0]
        leaves, rebuild = flatten(sample)
        if has_any(leaves, pillow.Image, tv_tensors.BoundingBoxes, tv_tensors.Mask, tv_tensors.KeyPoints):
            raise ValueError(f"{type(self).__name__}() does not support PIL images, bounding boxes, keypoints and "
                             "masks.")
        labels = self._labels_getter(sample)
        self._check_labels(labels)
        wanted = self._needs_transform_list(leaves)
        params = {"labels": labels, "batch_size": labels.shape[0],
                  **self.make_params([leaf for leaf, needed in zip(leaves, wanted) if needed])}
        wanted = [needed or leaf is labels for leaf, needed in zip(leaves, wanted)]
        return rebuild([self.transform(leaf, params) if needed else leaf for leaf, needed in zip(leaves, wanted)])

    def _check_labels(self, labels: Any) -> None:
        if not isinstance(labels, Tensor):
            raise ValueError(f"The labels must be a tensor, but got {type(labels)} instead.")
        if labels.ndim not in (1, 2):
            raise ValueError("labels should be index based with shape (batch_size,) or probability based with shape "
                             f"(batch_size, num_classes), but got a tensor of shape {labels.shape} instead.")
        if labels.ndim == 2 and self.num_classes not in (None, labels.shape[-1]):
            raise ValueError("When passing 2D labels, the number of elements in last dimension must match num_classes: "
                             f"{labels.shape[-1]} != {self.num_classes}. You can Leave num_classes to None.")
        if labels.ndim == 1 and self.num_classes is None:
            raise ValueError("num_classes must be passed if the labels are index-based (1D)")

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        if inpt is params["labels"]:
            return self._mix_labels(inpt, params[self._share])
        if not isinstance(inpt, (tv_tensors.Image, tv_tensors.Video)) and not is_pure_tensor(inpt):
            return inpt
        dimensions = 5 if isinstance(inpt, tv_tensors.Video) else 4
        if inpt.ndim != dimensions:
            raise ValueError(f"Expected a batched input with {dimensions} dims, but got {inpt.ndim} dimensions "
                             "instead.")
        if inpt.shape[0] != params["batch_size"]:
            raise ValueError("The batch size of the image or video does not match the batch size of the labels: "
                             f"{inpt.shape[0]} != {params['batch_size']}.")
        mixed = self.mix(inpt.as_subclass(Tensor), params)
        return mixed if is_pure_tensor(inpt) else tv_tensors.wrap(mixed, like=inpt)

    def mix(self, images: Tensor, params: dict[str, Any]) -> Tensor:
        """The images mixed."""
        raise NotImplementedError

    def _mix_labels(self, labels: Tensor, own: float) -> Tensor:
        shares = nn.one_hot(labels, self.num_classes) if labels.ndim == 1 else labels     # type: ignore[arg-type]
        shares = shares if shares.is_floating_point() else shares.float()
        return shares.roll(1, 0) * (1.0 - own) + shares * own


class MixUp(_Mix):
    """lambda * x[n] + (1 - lambda) * x[n-1], for the images and labels of a batch.

    lambda is from Beta(alpha, alpha). num_classes: needed for labels (N,); the result is (N, num_classes).
    labels_getter: a function that finds the labels in the sample; "default" is the second of two inputs, or what a dict
    has under "labels". Batches should be shuffled.
    Errors: ValueError for labels and images that do not fit, and for PIL images, boxes, masks and key points.
    Source: Zhang et al., "mixup: Beyond Empirical Risk Minimization", 2018, https://arxiv.org/abs/1710.09412
    """

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"lam": draw_beta(self.alpha)}

    def mix(self, images: Tensor, params: dict[str, Any]) -> Tensor:
        return images.roll(1, 0).mul_(1.0 - params["lam"]).add_(images * params["lam"])


class CutMix(_Mix):
    """Paste a rectangle of image n - 1 into image n of a batch; its share of the pixels is its share in the label.

    The rectangle has its centre anywhere, the aspect ratio of the image, and a share of 1 - lambda of its area, with
    lambda from Beta(alpha, alpha). All else is as in `MixUp`.
    Source: Yun et al., "CutMix", 2019, https://arxiv.org/abs/1905.04899
    """

    _share = "lam_adjusted"

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        half = 0.5 * math.sqrt(1.0 - draw_beta(self.alpha))
        height, width = query_size(flat_inputs)
        x, y = draw_integer(0, width), draw_integer(0, height)
        x1, x2 = max(x - int(half * width), 0), min(x + int(half * width), width)
        y1, y2 = max(y - int(half * height), 0), min(y + int(half * height), height)
        return {"box": (x1, y1, x2, y2), "lam_adjusted": 1.0 - (x2 - x1) * (y2 - y1) / (width * height)}

    def mix(self, images: Tensor, params: dict[str, Any]) -> Tensor:
        x1, y1, x2, y2 = params["box"]
        mixed = images.clone()
        mixed[..., y1:y2, x1:x2] = images.roll(1, 0)[..., y1:y2, x1:x2]
        return mixed


# ---------------------------------------------------------------------- worse images

class JPEG(Transform):
    """Compress as a JPEG file, and decompress.

    quality: a number from 1 to 100, or a range of whole numbers. Tensors must hold bytes.
    Errors: TypeError and ValueError for anything else.
    """

    def __init__(self, quality: Size) -> None:
        super().__init__()
        if isinstance(quality, bool):
            raise TypeError("quality can't be bool")
        if isinstance(quality, int):
            quality = [quality, quality]
        check_sequence(quality, "quality")
        if not (1 <= quality[0] <= quality[1] <= 100 and all(isinstance(bound, int) for bound in quality)):
            raise ValueError(f"quality must be an integer from 1 to 100, got {quality =}")
        self.quality = quality

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"quality": draw_integer(self.quality[0], self.quality[1] + 1)}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.jpeg, inpt, quality=params["quality"])


class GaussianBlur(Transform):
    """Gaussian blur with a standard deviation drawn from `sigma`.

    kernel_size: odd width and height of the kernel. sigma: one number, or a range. Errors: ValueError for anything
    else.
    """

    _v1_transform_cls = color.GaussianBlur

    def __init__(self, kernel_size: Size, sigma: float | Sequence[float] = (0.1, 2.0)) -> None:
        super().__init__()
        self.kernel_size = size_of(kernel_size, "Kernel size should be a tuple/list of two integers")
        if any(size <= 0 or size % 2 == 0 for size in self.kernel_size):
            raise ValueError("Kernel size value should be an odd and positive number.")
        self.sigma = two_numbers(sigma, "sigma")
        if not 0.0 < self.sigma[0] <= self.sigma[1]:
            raise ValueError(f"sigma values should be positive and of the form (min, max). Got {self.sigma}")

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"sigma": [draw_uniform(self.sigma[0], self.sigma[1])] * 2}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.gaussian_blur, inpt, self.kernel_size, **params)


class GaussianNoise(Transform):
    """Add normally distributed noise to images and videos; see `functional.gaussian_noise`."""

    def __init__(self, mean: float = 0.0, sigma: float = 0.1, clip: bool = True) -> None:
        super().__init__()
        self.mean = mean
        self.sigma = sigma
        self.clip = clip

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.gaussian_noise, inpt, mean=self.mean, sigma=self.sigma, clip=self.clip)
