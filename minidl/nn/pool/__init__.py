"""Pooling layers."""
from minidl.nn.pool.windows import (
    AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d, AdaptiveMaxPool1d, AdaptiveMaxPool2d, AdaptiveMaxPool3d,
    AvgPool1d, AvgPool2d, AvgPool3d, MaxPool1d, MaxPool2d, MaxPool3d,
)
from minidl.nn.pool.lp import LPPool1d, LPPool2d, LPPool3d
from minidl.nn.pool.fractional import FractionalMaxPool2d, FractionalMaxPool3d
from minidl.nn.pool.unpool import MaxUnpool1d, MaxUnpool2d, MaxUnpool3d
