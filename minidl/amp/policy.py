"""The ops that autocast computes in float16, and those in float32. All others compute in their inputs' dtypes.

The lists are PyTorch's for CUDA, by ops: a function is as its ops are. So a loss is summed in float32, but a difference
in it is computed in the dtype of its operands; float16 and float32 together give float32, as everywhere. Beyond
PyTorch's list, means, variances and batch norms are float32 too.
"""
from __future__ import annotations

from minidl.autograd.op import Op
from minidl.ops.activation import LogSigmoid, LogSoftmax, Prelu, Softmax, Softplus
from minidl.ops.attention import Attention
from minidl.ops.base import Sum
from minidl.ops.conv import Conv2d, Conv2dInputGrad
from minidl.ops.elementwise import (
    Acos,
    Asin,
    Cosh,
    Exp,
    Exp2,
    Expm1,
    Log,
    Log1p,
    Log2,
    Log10,
    Pow,
    Reciprocal,
    Rsqrt,
    Sinh,
    Square,
    Tan,
)
from minidl.ops.linalg import CDist, Contract, Linear, MatMul
from minidl.ops.loss import BinaryCrossEntropy, CrossEntropy, CTCLoss, LogitsLoss
from minidl.ops.norm import Normalize, RunningScale
from minidl.ops.reduce import CumProd, CumSum, LogCumSumExp, LogSumExp, Mean, Norm2, NormP, Prod, Std, Var
from minidl.ops.rnn import GRULayer, LSTMLayer, RNNLayer, RNNReluLayer
from minidl.ops.special import Erfinv

# large products: they are fast in float16, and accumulate their sums in float32
IN_FLOAT16: tuple[type[Op], ...] = (
    MatMul, Linear, Contract,               # mm, bmm, einsum, RNN cells, ...
    Conv2d, Conv2dInputGrad,                # convolutions of 1, 2 and 3 dimensions; transposed ones
    Attention, RNNLayer, RNNReluLayer, LSTMLayer, GRULayer, Prelu,
)

# values may exceed the range of float16, or many small values are added
IN_FLOAT32: tuple[type[Op], ...] = (
    Exp, Exp2, Expm1, Log, Log2, Log10, Log1p, Pow, Square, Reciprocal, Rsqrt,
    Acos, Asin, Cosh, Sinh, Tan, Erfinv, Softplus, LogSigmoid,
    Softmax, LogSoftmax, LogSumExp, LogCumSumExp,
    Sum, Mean, Prod, CumSum, CumProd, Var, Std, Norm2, NormP, CDist,
    Normalize, RunningScale,                # batch, layer, group and instance norm
    CrossEntropy, BinaryCrossEntropy, LogitsLoss, CTCLoss,
)
