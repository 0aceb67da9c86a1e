"""Reduce many numbers to one: sums, extremes and norms; and running sums along an axis."""
from minidl.ops.reduce.sums import (
    AllTrue, AnyTrue, Deviation, LogSumExp, Mean, NanSum, Prod, Reduction, Std, SumIntegers, Var, all, any,
    count_nonzero, logsumexp, mean, nanmean, nansum, prod, std, std_mean, sum, var, var_mean,
)
from minidl.ops.reduce.extremes import ArgExtreme, Extreme, amax, amin, aminmax, argmax, argmin, max, min
from minidl.ops.reduce.scan import (
    CumProd, CumSum, LogCumSumExp, cummax, cummin, cumprod, cumprod_, cumsum, cumsum_, cumulative_trapezoid, diff,
    logcumsumexp, trapezoid, trapz,
)
from minidl.ops.reduce.vector_norm import Norm2, NormP, NotZero, norm
