"""Activation functions: they make a network more than one linear map."""
from minidl.ops.activation.pointwise import (
    Elu, Gelu, GeluTanh, Glu, Hardshrink, Hardsigmoid, Hardswish, Hardtanh, LeakyRelu, LeakyReluGrad, LogSigmoid, Mish,
    Prelu, Relu, ReluGrad, Silu, Softplus, Softshrink, Softsign, Threshold, celu, elu, gelu, glu, hardshrink,
    hardsigmoid, hardswish, hardtanh, leaky_relu, logsigmoid, mish, prelu, relu, relu6, selu, silu, softplus,
    softshrink, softsign, tanhshrink, threshold,
)
from minidl.ops.activation.softmaxes import (
    LogSoftmax, LogSoftmaxGrad, Softmax, SoftmaxGrad, log_softmax, softmax, softmin,
)
from minidl.ops.activation.gumbel import gumbel_softmax
from minidl.ops.activation.random_relu import RRelu, rrelu
