"""The functions of v2, for images, videos, masks, boxes and key points (torchvision's `transforms.v2.functional`).

`geometry`, `color`, `augment`, `dtypes`, `meta` and `boxes` have the functions, with a table of kernels for each;
`*_on_*` the kernels of one kind of input. A kernel takes plain tensors: `resize_mask(mask, size)`,
`resize_bounding_boxes(boxes, canvas_size, size)`. A video is treated as images with one more leading dimension.
"""
from minidl.vision.transforms.arguments import InterpolationMode
from minidl.vision.transforms.functional import pil_to_tensor, to_pil_image
from minidl.vision.transforms.v2.functional.augment import (
    erase,
    erase_image,
    gaussian_blur,
    gaussian_blur_image,
    gaussian_noise,
    gaussian_noise_image,
    jpeg,
    jpeg_image,
    normalize,
    normalize_image,
    uniform_temporal_subsample,
    uniform_temporal_subsample_video,
)
from minidl.vision.transforms.v2.functional.boxes import (
    clamp_bounding_boxes,
    clamp_keypoints,
    convert_bounding_box_format,
    sanitize_bounding_boxes,
    sanitize_keypoints,
)
from minidl.vision.transforms.v2.functional.color import (
    adjust_brightness,
    adjust_contrast,
    adjust_gamma,
    adjust_hue,
    adjust_saturation,
    adjust_sharpness,
    autocontrast,
    equalize,
    grayscale_to_rgb,
    invert,
    permute_channels,
    posterize,
    rgb_to_grayscale,
    solarize,
    to_grayscale,
)
from minidl.vision.transforms.v2.functional.color_on_images import (
    adjust_brightness_image,
    adjust_contrast_image,
    adjust_gamma_image,
    adjust_hue_image,
    adjust_saturation_image,
    adjust_sharpness_image,
    autocontrast_image,
    equalize_image,
    grayscale_to_rgb_image,
    invert_image,
    permute_channels_image,
    posterize_image,
    rgb_to_grayscale_image,
    solarize_image,
)
from minidl.vision.transforms.v2.functional.dispatch import is_pure_tensor, register_kernel
from minidl.vision.transforms.v2.functional.dtypes import (
    convert_image_dtype,
    to_dtype,
    to_dtype_image,
    to_image,
    to_tensor,
)
from minidl.vision.transforms.v2.functional.geometry import (
    affine,
    center_crop,
    crop,
    elastic,
    elastic_transform,
    five_crop,
    hflip,
    horizontal_flip,
    pad,
    perspective,
    resize,
    resized_crop,
    rotate,
    ten_crop,
    vertical_flip,
    vflip,
)
from minidl.vision.transforms.v2.functional.geometry_on_boxes import (
    affine_bounding_boxes,
    center_crop_bounding_boxes,
    crop_bounding_boxes,
    elastic_bounding_boxes,
    horizontal_flip_bounding_boxes,
    pad_bounding_boxes,
    perspective_bounding_boxes,
    resize_bounding_boxes,
    resized_crop_bounding_boxes,
    rotate_bounding_boxes,
    vertical_flip_bounding_boxes,
)
from minidl.vision.transforms.v2.functional.geometry_on_images import (
    affine_image,
    affine_mask,
    center_crop_image,
    center_crop_mask,
    crop_image,
    crop_mask,
    elastic_image,
    elastic_mask,
    five_crop_image,
    horizontal_flip_image,
    horizontal_flip_mask,
    pad_image,
    pad_mask,
    perspective_image,
    perspective_mask,
    resize_image,
    resize_mask,
    resized_crop_image,
    resized_crop_mask,
    rotate_image,
    rotate_mask,
    ten_crop_image,
    vertical_flip_image,
    vertical_flip_mask,
)
from minidl.vision.transforms.v2.functional.geometry_on_points import (
    affine_keypoints,
    center_crop_keypoints,
    crop_keypoints,
    elastic_keypoints,
    horizontal_flip_keypoints,
    pad_keypoints,
    perspective_keypoints,
    resize_keypoints,
    resized_crop_keypoints,
    rotate_keypoints,
    vertical_flip_keypoints,
)
from minidl.vision.transforms.v2.functional.meta import (
    get_dimensions,
    get_dimensions_image,
    get_dimensions_video,
    get_image_num_channels,
    get_image_size,
    get_num_channels,
    get_num_channels_image,
    get_num_channels_video,
    get_num_frames,
    get_num_frames_video,
    get_size,
    get_size_bounding_boxes,
    get_size_image,
    get_size_keypoints,
    get_size_mask,
    get_size_video,
)

adjust_brightness_video = adjust_brightness_image
adjust_contrast_video = adjust_contrast_image
adjust_gamma_video = adjust_gamma_image
adjust_hue_video = adjust_hue_image
adjust_saturation_video = adjust_saturation_image
adjust_sharpness_video = adjust_sharpness_image
affine_video = affine_image
autocontrast_video = autocontrast_image
center_crop_video = center_crop_image
crop_video = crop_image
elastic_video = elastic_image
equalize_video = equalize_image
erase_video = erase_image
five_crop_video = five_crop_image
gaussian_blur_video = gaussian_blur_image
gaussian_noise_video = gaussian_noise_image
horizontal_flip_video = horizontal_flip_image
invert_video = invert_image
jpeg_video = jpeg_image
normalize_video = normalize_image
pad_video = pad_image
permute_channels_video = permute_channels_image
perspective_video = perspective_image
posterize_video = posterize_image
resize_video = resize_image
resized_crop_video = resized_crop_image
rotate_video = rotate_image
solarize_video = solarize_image
ten_crop_video = ten_crop_image
to_dtype_video = to_dtype_image
vertical_flip_video = vertical_flip_image

__all__ = [
    "InterpolationMode", "adjust_brightness", "adjust_brightness_image", "adjust_brightness_video", "adjust_contrast",
    "adjust_contrast_image", "adjust_contrast_video", "adjust_gamma", "adjust_gamma_image", "adjust_gamma_video",
    "adjust_hue", "adjust_hue_image", "adjust_hue_video", "adjust_saturation", "adjust_saturation_image",
    "adjust_saturation_video", "adjust_sharpness", "adjust_sharpness_image", "adjust_sharpness_video", "affine",
    "affine_bounding_boxes", "affine_image", "affine_keypoints", "affine_mask", "affine_video", "autocontrast",
    "autocontrast_image", "autocontrast_video", "center_crop", "center_crop_bounding_boxes", "center_crop_image",
    "center_crop_keypoints", "center_crop_mask", "center_crop_video", "clamp_bounding_boxes", "clamp_keypoints",
    "convert_bounding_box_format", "convert_image_dtype", "crop", "crop_bounding_boxes", "crop_image",
    "crop_keypoints", "crop_mask", "crop_video", "elastic", "elastic_bounding_boxes", "elastic_image",
    "elastic_keypoints", "elastic_mask", "elastic_transform", "elastic_video", "equalize", "equalize_image",
    "equalize_video", "erase", "erase_image", "erase_video", "five_crop", "five_crop_image", "five_crop_video",
    "gaussian_blur", "gaussian_blur_image", "gaussian_blur_video", "gaussian_noise", "gaussian_noise_image",
    "gaussian_noise_video", "get_dimensions", "get_dimensions_image", "get_dimensions_video",
    "get_image_num_channels", "get_image_size", "get_num_channels", "get_num_channels_image",
    "get_num_channels_video", "get_num_frames", "get_num_frames_video", "get_size", "get_size_bounding_boxes",
    "get_size_image", "get_size_keypoints", "get_size_mask", "get_size_video", "grayscale_to_rgb",
    "grayscale_to_rgb_image", "hflip", "horizontal_flip", "horizontal_flip_bounding_boxes",
    "horizontal_flip_image", "horizontal_flip_keypoints", "horizontal_flip_mask", "horizontal_flip_video",
    "invert", "invert_image", "invert_video", "is_pure_tensor", "jpeg", "jpeg_image", "jpeg_video", "normalize",
    "normalize_image", "normalize_video", "pad", "pad_bounding_boxes", "pad_image", "pad_keypoints", "pad_mask",
    "pad_video", "permute_channels", "permute_channels_image", "permute_channels_video", "perspective",
    "perspective_bounding_boxes", "perspective_image", "perspective_keypoints", "perspective_mask",
    "perspective_video", "pil_to_tensor", "posterize", "posterize_image", "posterize_video", "register_kernel",
    "resize", "resize_bounding_boxes", "resize_image", "resize_keypoints", "resize_mask", "resize_video",
    "resized_crop", "resized_crop_bounding_boxes", "resized_crop_image", "resized_crop_keypoints",
    "resized_crop_mask", "resized_crop_video", "rgb_to_grayscale", "rgb_to_grayscale_image", "rotate",
    "rotate_bounding_boxes", "rotate_image", "rotate_keypoints", "rotate_mask", "rotate_video",
    "sanitize_bounding_boxes", "sanitize_keypoints", "solarize", "solarize_image", "solarize_video", "ten_crop",
    "ten_crop_image", "ten_crop_video", "to_dtype", "to_dtype_image", "to_dtype_video", "to_grayscale",
    "to_image", "to_pil_image", "to_tensor", "uniform_temporal_subsample", "uniform_temporal_subsample_video",
    "vertical_flip", "vertical_flip_bounding_boxes", "vertical_flip_image", "vertical_flip_keypoints",
    "vertical_flip_mask", "vertical_flip_video", "vflip",
]
