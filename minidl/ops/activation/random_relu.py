"""Randomised leaky ReLU: in training, each negative element gets a random slope."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minidl.autograd.inplace import write
from minidl.autograd.op import ROW_MAJOR, Value
from minidl.backend.device import Array, array_module, device_of
from minidl.ops.activation.pointwise import leaky_relu
from minidl.ops.base.checks import check_floating
from minidl.ops.base.declaration import public
from minidl.ops.base.ufunc import Elementwise
from minidl.ops.shape.views import array_of, as_result
from minidl.random import default_generator

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


class RRelu(Elementwise):
    """y = x * slope; the slopes are drawn beforehand and are 1 where x > 0"""

    layout = ROW_MAJOR

    def forward(self, x: Array, slope: Array) -> Array:
        return x * slope

    def grad_x(self, g: Value, slope: Value) -> Value:
        return RRelu()(g, slope)


@public
def rrelu(input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False,
          inplace: bool = False) -> Tensor:
    """`input` where it is positive, `slope * input` elsewhere, with random slopes.

    In training the slopes are uniform on [lower, upper]; otherwise the slope is the mean of both. inplace: write
    into the memory of `input`.
    Errors: RuntimeError where lower is above upper, or `input` is not floating.

    Source: Xu et al., "Empirical Evaluation of Rectified Activations in Convolutional Network", 2015,
    https://arxiv.org/abs/1505.00853

        >>> import minidl
        >>> minidl.nn.functional.rrelu(minidl.tensor([-1., 2.]), 0.1, 0.3)
        tensor([-0.2000,  2.0000])
        >>> y = minidl.nn.functional.rrelu(minidl.full((100,), -1.), 0.1, 0.3, training=True)
        >>> bool(((-0.3 <= y) & (y <= -0.1)).all())
        True
    """
    check_floating("rrelu", input=input)
    if lower > upper:
        raise RuntimeError(f"rrelu: Lower bound should be less than or equal to the upper bound, but got lower={lower} "
                           f"and upper={upper}")
    if not training:
        y = leaky_relu(input, (lower + upper) / 2, inplace)
        return y if inplace else as_result(y)
    x = array_of(input)
    stream = default_generator(device_of(x)).stream
    slope = stream.random(x.shape, dtype=np.float64 if x.dtype == np.float64 else np.float32)
    slope = array_module(x).where(x <= 0, slope * (upper - lower) + lower, 1).astype(x.dtype, copy=False)
    return write(input, RRelu(), slope) if inplace else RRelu()(input, slope)
