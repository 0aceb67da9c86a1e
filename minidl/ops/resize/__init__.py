"""Resize images, and sample them at positions between pixels."""
from minidl.ops.resize.interpolation import (
    Resize, interpolate, resize_last_axes, upsample, upsample_bilinear, upsample_nearest,
)
from minidl.ops.resize.grid import Inside, SampleImages, affine_grid, grid_sample
