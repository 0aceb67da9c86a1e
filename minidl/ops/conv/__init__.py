"""Convolutions, and images as columns of patches. Read `two_d.py` first."""
from minidl.ops.conv.two_d import Conv2d, Conv2dInputGrad, Conv2dWeightGrad, conv2d, conv_transpose2d
from minidl.ops.conv.one_and_three_d import (
    Frames, FramesSum, conv1d, conv3d, conv_tbc, conv_transpose1d, conv_transpose3d,
)
from minidl.ops.conv.patches import Fold, Unfold, fold, unfold
