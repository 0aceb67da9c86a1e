"""Pooling: one number per window. Read `two_d.py` first."""
from minidl.ops.pool.two_d import (
    AdaptiveMaxPool2d, AvgPool2d, AvgPool2dScatter, MaxPool2d, MaxPool2dGather, MaxPool2dScatter, adaptive_avg_pool2d,
    adaptive_max_pool2d, avg_pool2d, max_pool2d,
)
from minidl.ops.pool.one_and_three_d import (
    adaptive_avg_pool1d, adaptive_avg_pool3d, adaptive_max_pool1d, adaptive_max_pool3d, avg_pool1d, avg_pool3d,
    max_pool1d, max_pool3d,
)
from minidl.ops.pool.fractional import FractionalMaxPool, fractional_max_pool2d, fractional_max_pool3d
from minidl.ops.pool.lp import lp_pool1d, lp_pool2d, lp_pool3d
from minidl.ops.pool.unpool import MaxUnpool, max_unpool1d, max_unpool2d, max_unpool3d
