"""Images made larger or smaller, and sampled at positions that need not be whole numbers."""
from minidl.ops.resize.interpolation import Resize, interpolate, upsample, upsample_bilinear, upsample_nearest
from minidl.ops.resize.grid import Inside, affine_grid, grid_sample
