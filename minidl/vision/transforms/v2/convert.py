"""Transforms of v2 that convert kinds, dtypes and formats, and that compute the same for every image."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image as pillow

from minidl.backend.torch_types import DType
from minidl.backend.warn import warn
from minidl.tensors.tensor import Tensor
from minidl.vision import tv_tensors
from minidl.vision.transforms import convert as v1
from minidl.vision.transforms import functional as v1_functional
from minidl.vision.transforms.arguments import Numbers
from minidl.vision.transforms.v2 import functional as F
from minidl.vision.transforms.v2.functional.boxes import Format
from minidl.vision.transforms.v2.functional.dispatch import is_pure_tensor
from minidl.vision.transforms.v2.samples import check_type, has_any
from minidl.vision.transforms.v2.transform import Transform

_TENSOR_IMAGES = (is_pure_tensor, tv_tensors.Image, tv_tensors.Video)


class PILToTensor(Transform):
    """Convert PIL images to tensors (C, H, W) of their own numbers."""

    _transformed_types = (pillow.Image,)

    def transform(self, inpt: pillow.Image, params: dict[str, Any]) -> Tensor:
        return F.pil_to_tensor(inpt)


class ToImage(Transform):
    """Convert tensors, arrays (H, W, C) and PIL images to `tv_tensors.Image`. Numbers stay.

        >>> type(ToImage()(pillow.new("RGB", (4, 2)))).__name__
        'Image'
    """

    _transformed_types = (is_pure_tensor, pillow.Image, np.ndarray)

    def transform(self, inpt: Tensor | pillow.Image | np.ndarray, params: dict[str, Any]) -> tv_tensors.Image:
        return F.to_image(inpt)


class ToPILImage(Transform):
    """Convert tensors (C, H, W) and arrays (H, W, C) to PIL images; see v1's `functional.to_pil_image`."""

    _transformed_types = (is_pure_tensor, tv_tensors.Image, np.ndarray)

    def __init__(self, mode: str | None = None) -> None:
        super().__init__()
        self.mode = mode

    def transform(self, inpt: Tensor | np.ndarray, params: dict[str, Any]) -> pillow.Image:
        return F.to_pil_image(inpt, mode=self.mode)


class ToPureTensor(Transform):
    """Convert all tv_tensors to plain tensors, without their metadata."""

    _transformed_types = (tv_tensors.TVTensor,)

    def transform(self, inpt: tv_tensors.TVTensor, params: dict[str, Any]) -> Tensor:
        return inpt.as_subclass(Tensor)


class ToTensor(Transform):
    """v1's `ToTensor`; in its place use `ToImage`, and `ToDtype` with scale=True."""

    _transformed_types = (pillow.Image, np.ndarray)

    def __init__(self) -> None:
        warn("The transform `ToTensor()` is deprecated and will be removed in a future release. Instead, please use "
             "`v2.Compose([v2.ToImage(), v2.ToDtype(minidl.float32, scale=True)])`. Output is equivalent up to float "
             "precision.")
        super().__init__()

    def transform(self, inpt: pillow.Image | np.ndarray, params: dict[str, Any]) -> Tensor:
        return v1_functional.to_tensor(inpt)


class ToDtype(Transform):
    """Convert to another dtype.

    dtype: one for images and videos; or a dict of types of input and dtypes, with "others" for the rest and None for no
    conversion. scale: scale images and videos, so that white stays white.
    Errors: ValueError for anything else, and for an input whose type is not in the dict.

        >>> import minidl
        >>> ToDtype(minidl.float32, scale=True)(minidl.tensor([[[0, 255]]], dtype=minidl.uint8))
        tensor([[[0., 1.]]])
    """

    _transformed_types = (Tensor,)

    def __init__(self, dtype: Any, scale: bool = False) -> None:
        super().__init__()
        if not isinstance(dtype, (dict, DType, np.dtype)) and not (
                isinstance(dtype, type) and issubclass(dtype, np.generic)):
            raise ValueError(f"dtype must be a dict or a dtype, got {type(dtype)} instead")
        if isinstance(dtype, dict) and Tensor in dtype and (tv_tensors.Image in dtype or tv_tensors.Video in dtype):
            warn("Got `dtype` values for `Tensor` and either `tv_tensors.Image` or `tv_tensors.Video`. Note that a "
                 "plain `Tensor` will *not* be transformed by this (or any other transformation) in case a "
                 "`tv_tensors.Image` or `tv_tensors.Video` is present in the input.")
        self.dtype = dtype
        self.scale = scale

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        image = check_type(inpt, _TENSOR_IMAGES)
        if not isinstance(self.dtype, dict):
            dtype = self.dtype if image else None
        elif type(inpt) in self.dtype or "others" in self.dtype:
            dtype = self.dtype.get(type(inpt), self.dtype.get("others"))
            if dtype is None and self.scale and image:
                warn("scale was set to True but no dtype was specified for images or videos: no scaling will be done.")
        else:
            raise ValueError(f"No dtype was specified for type {type(inpt)}. If you only need to convert the dtype of "
                             "images or videos, you can just pass e.g. dtype=minidl.float32. If you're passing a dict "
                             'as dtype, you can use "others" as a catch-all key e.g. dtype={tv_tensors.Mask: '
                             'minidl.int64, "others": None} to pass-through the rest of the inputs.')
        return inpt if dtype is None else self._call_kernel(F.to_dtype, inpt, dtype=dtype, scale=self.scale)


class ConvertImageDtype(Transform):
    """`ToDtype` with scale=True, for images and videos."""

    _v1_transform_cls = v1.ConvertImageDtype

    def __init__(self, dtype: Any = np.float32) -> None:
        super().__init__()
        self.dtype = dtype

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.to_dtype, inpt, dtype=self.dtype, scale=True)


# ---------------------------------------------------------------------- boxes and key points

class ConvertBoundingBoxFormat(Transform):
    """Convert boxes to another format."""

    _transformed_types = (tv_tensors.BoundingBoxes,)

    def __init__(self, format: Format) -> None:
        super().__init__()
        self.format = format

    def transform(self, inpt: tv_tensors.BoundingBoxes, params: dict[str, Any]) -> Tensor:
        return F.convert_bounding_box_format(inpt, new_format=self.format)


class ClampBoundingBoxes(Transform):
    """Clamp boxes to their image. clamping_mode: see `functional.clamp_bounding_boxes`."""

    _transformed_types = (tv_tensors.BoundingBoxes,)

    def __init__(self, clamping_mode: str | None = "auto") -> None:
        super().__init__()
        self.clamping_mode = clamping_mode

    def transform(self, inpt: tv_tensors.BoundingBoxes, params: dict[str, Any]) -> Tensor:
        return F.clamp_bounding_boxes(inpt, clamping_mode=self.clamping_mode)


class ClampKeyPoints(Transform):
    """Clamp key points to their image."""

    _transformed_types = (tv_tensors.KeyPoints,)

    def transform(self, inpt: tv_tensors.KeyPoints, params: dict[str, Any]) -> Tensor:
        return F.clamp_keypoints(inpt)


class SetClampingMode(Transform):
    """Set what later transforms do with boxes outside: "soft", "hard" or None. Errors: ValueError for another."""

    _transformed_types = (tv_tensors.BoundingBoxes,)

    def __init__(self, clamping_mode: str | None) -> None:
        super().__init__()
        if clamping_mode not in (None, "soft", "hard"):
            raise ValueError(f"clamping_mode must be soft, hard or None, got {clamping_mode}")
        self.clamping_mode = clamping_mode

    def transform(self, inpt: tv_tensors.BoundingBoxes, params: dict[str, Any]) -> Tensor:
        result = inpt.clone()
        result.clamping_mode = self.clamping_mode
        return result


# ---------------------------------------------------------------------- the same for every image

class Identity(Transform):
    """The sample as it is."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return inpt


class Lambda(Transform):
    """Your own function as a transform of all inputs, or of those of some types."""

    _transformed_types = (object,)

    def __init__(self, lambd: Callable[[Any], Any], *types: type) -> None:
        super().__init__()
        self.lambd = lambd
        self.types = types or (object,)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self.lambd(inpt) if isinstance(inpt, self.types) else inpt

    def extra_repr(self) -> str:
        name = getattr(self.lambd, "__name__", None)
        return f"{name + ', ' if name else ''}types={[kind.__name__ for kind in self.types]}"


class _OfTensors(Transform):
    """Base class: PIL images are refused."""

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        if has_any(flat_inputs, pillow.Image):
            raise TypeError(f"{type(self).__name__}() does not support PIL images.")


class LinearTransformation(_OfTensors):
    """Multiply flattened images with a matrix, after their mean is taken away; see v1's.

    transformation_matrix (D, D), mean_vector (D,), with D = C * H * W. Errors: ValueError where sizes, devices or
    dtypes do not fit; TypeError for PIL images.
    """

    _v1_transform_cls = v1.LinearTransformation
    _transformed_types = _TENSOR_IMAGES

    def __init__(self, transformation_matrix: Tensor, mean_vector: Tensor) -> None:
        super().__init__()
        v1.check_linear(transformation_matrix, mean_vector)
        self.transformation_matrix = transformation_matrix
        self.mean_vector = mean_vector

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        result = v1.apply_linear(inpt, self.transformation_matrix, self.mean_vector)
        return result if is_pure_tensor(inpt) else tv_tensors.wrap(result, like=inpt)


class Normalize(_OfTensors):
    """(image - mean) / std, for each channel of floating images and videos (..., C, H, W).

    inplace: write into the input. Errors: TypeError for PIL images and whole numbers, ValueError for a std of zero.

        >>> import minidl
        >>> Normalize([0.5], [0.5])(minidl.tensor([[[0., 0.5, 1.]]]))
        tensor([[[-1.,  0.,  1.]]])
    """

    _v1_transform_cls = v1.Normalize

    def __init__(self, mean: Numbers, std: Numbers, inplace: bool = False) -> None:
        super().__init__()
        self.mean = list(mean)
        self.std = list(std)
        self.inplace = inplace

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.normalize, inpt, mean=self.mean, std=self.std, inplace=self.inplace)


class UniformTemporalSubsample(Transform):
    """`num_samples` frames of videos (..., T, C, H, W), at equal distances."""

    _transformed_types = (Tensor,)

    def __init__(self, num_samples: int) -> None:
        super().__init__()
        self.num_samples = num_samples

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.uniform_temporal_subsample, inpt, self.num_samples)
