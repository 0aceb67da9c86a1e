"""Transforms of samples: images with their boxes, masks, key points and labels (torchvision's `transforms.v2`).

    train = v2.Compose([v2.ToImage(), v2.RandomIoUCrop(), v2.RandomHorizontalFlip(), v2.SanitizeBoundingBoxes(),
                        v2.ToDtype(minidl.float32, scale=True)])
    image, target = train(image, {"boxes": boxes, "masks": masks, "labels": labels})

What is transformed, and how, depends on its kind: see `vision.tv_tensors`, and `v2.functional` for the functions.
Random numbers come from the CPU's default generator, so `manual_seed` repeats them.
"""
from minidl.vision.transforms.arguments import InterpolationMode
from minidl.vision.transforms.autoaugment import AutoAugmentPolicy
from minidl.vision.transforms.v2 import functional
from minidl.vision.transforms.v2.augment import JPEG, CutMix, GaussianBlur, GaussianNoise, MixUp, RandomErasing
from minidl.vision.transforms.v2.autoaugment import AugMix, AutoAugment, RandAugment, TrivialAugmentWide
from minidl.vision.transforms.v2.color import (
    RGB,
    ColorJitter,
    Grayscale,
    RandomAdjustSharpness,
    RandomAutocontrast,
    RandomChannelPermutation,
    RandomEqualize,
    RandomGrayscale,
    RandomInvert,
    RandomPhotometricDistort,
    RandomPosterize,
    RandomSolarize,
)
from minidl.vision.transforms.v2.container import Compose, RandomApply, RandomChoice, RandomOrder
from minidl.vision.transforms.v2.convert import (
    ClampBoundingBoxes,
    ClampKeyPoints,
    ConvertBoundingBoxFormat,
    ConvertImageDtype,
    Identity,
    Lambda,
    LinearTransformation,
    Normalize,
    PILToTensor,
    SetClampingMode,
    ToDtype,
    ToImage,
    ToPILImage,
    ToPureTensor,
    ToTensor,
    UniformTemporalSubsample,
)
from minidl.vision.transforms.v2.maps import (
    ElasticTransform,
    RandomAffine,
    RandomHorizontalFlip,
    RandomPerspective,
    RandomRotation,
    RandomVerticalFlip,
)
from minidl.vision.transforms.v2.samples import (
    check_type,
    get_bounding_boxes,
    get_keypoints,
    has_all,
    has_any,
    query_chw,
    query_size,
)
from minidl.vision.transforms.v2.sanitize import SanitizeBoundingBoxes, SanitizeKeyPoints
from minidl.vision.transforms.v2.sizes import (
    CenterCrop,
    FiveCrop,
    Pad,
    RandomCrop,
    RandomIoUCrop,
    RandomResize,
    RandomResizedCrop,
    RandomShortestSize,
    RandomZoomOut,
    Resize,
    ScaleJitter,
    TenCrop,
)
from minidl.vision.transforms.v2.transform import Transform

__all__ = [
    "JPEG", "RGB", "AugMix", "AutoAugment", "AutoAugmentPolicy", "CenterCrop", "ClampBoundingBoxes", "ClampKeyPoints",
    "ColorJitter", "Compose", "ConvertBoundingBoxFormat", "ConvertImageDtype", "CutMix", "ElasticTransform", "FiveCrop",
    "GaussianBlur", "GaussianNoise", "Grayscale", "Identity", "InterpolationMode", "Lambda", "LinearTransformation",
    "MixUp", "Normalize", "PILToTensor", "Pad", "RandAugment", "RandomAdjustSharpness", "RandomAffine", "RandomApply",
    "RandomAutocontrast", "RandomChannelPermutation", "RandomChoice", "RandomCrop", "RandomEqualize", "RandomErasing",
    "RandomGrayscale", "RandomHorizontalFlip", "RandomInvert", "RandomIoUCrop", "RandomOrder", "RandomPerspective",
    "RandomPhotometricDistort", "RandomPosterize", "RandomResize", "RandomResizedCrop", "RandomRotation",
    "RandomShortestSize", "RandomSolarize", "RandomVerticalFlip", "RandomZoomOut", "Resize", "SanitizeBoundingBoxes",
    "SanitizeKeyPoints", "ScaleJitter", "SetClampingMode", "TenCrop", "ToDtype", "ToImage", "ToPILImage",
    "ToPureTensor", "ToTensor", "Transform", "TrivialAugmentWide", "UniformTemporalSubsample", "check_type",
    "functional", "get_bounding_boxes", "get_keypoints", "has_all", "has_any", "query_chw", "query_size",
]
