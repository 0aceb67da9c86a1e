"""minidl: deep learning you can read. A Tensor with gradients of any order, on NumPy and CuPy."""
from minidl.tensor import Tensor
from minidl.creation import (
    arange, as_tensor, bernoulli, empty, empty_like, eye, from_numpy, full, full_like, linspace, logspace, normal,
    ones, ones_like, rand, rand_like, randint, randint_like, randn, randn_like, randperm, tensor, zeros, zeros_like,
)

# elementwise
from minidl.ops.elementwise import (
    abs, acos, acosh, add, addcdiv, addcmul, allclose, asin, asinh, atan, atan2, atanh, bitwise_and, bitwise_not,
    bitwise_or, bitwise_xor, ceil, clamp, clip, cos, cosh, div, eq, equal, erf, erfc, exp, exp2, expm1, floor,
    floor_divide, fmax, fmin, fmod, frac, ge, gt, hypot, isclose, isfinite, isinf, isnan, le, lerp, log, log10, log1p,
    log2, logaddexp, logical_and, logical_not, logical_or, logical_xor, lt, maximum, minimum, mul, nan_to_num, ne, neg,
    pow, reciprocal, remainder, round, rsqrt, sigmoid, sign, sin, sinh, sqrt, square, sub, tan, tanh, trunc, where,
    xlogy,
)
from minidl.ops.activation import celu, log_softmax, prelu, relu, selu, softmax

# reductions and scans
from minidl.ops.reduce import (
    all, amax, amin, aminmax, any, argmax, argmin, count_nonzero, cumprod, cumsum, logsumexp, max, mean, min, nanmean,
    nansum, norm, prod, std, std_mean, sum, var, var_mean,
)

# shape
from minidl.ops.shape import (
    atleast_1d, atleast_2d, atleast_3d, broadcast_tensors, broadcast_to, cat, chunk, clone, concat, concatenate, diag,
    diag_embed, diagonal, dstack, flatten, flip, fliplr, flipud, hstack, meshgrid, moveaxis, movedim, narrow, permute,
    ravel, reshape, roll, rot90, select, split, squeeze, stack, swapaxes, swapdims, t, tensor_split, tile, transpose,
    tril, triu, unbind, unflatten, unsqueeze, vstack,
)

# indexing and order
from minidl.ops.index import (
    argsort, argwhere, bucketize, gather, index_add, index_copy, index_fill, index_put, index_select, masked_fill,
    masked_scatter, masked_select, nonzero, repeat_interleave, scatter, scatter_add, searchsorted, sort, take,
    take_along_dim, topk, tril_indices, triu_indices, unique,
)

# linear algebra
from minidl.ops.linalg import (
    addbmm, addmm, addmv, addr, baddbmm, bmm, chain_matmul, cross, dot, einsum, ger, inner, kron, matmul, mm, mv, outer,
    tensordot, trace, vdot,
)
from minidl.ops.solve import cholesky_inverse, cholesky_solve, det, inv as inverse, logdet, slogdet
from minidl.ops.decompositions import cholesky, pinverse, qr_some as qr, svd_some as svd
from minidl.ops.matrix_functions import matrix_exp, matrix_power
from minidl.ops.distance import cdist, dist
from minidl.ops.combine import block_diag, cartesian_prod, combinations

# dtypes, devices, randomness
from minidl.backend.device import Device as device
from minidl.backend.dtype import (
    bool, double, finfo, float, float16, float32, float64, get_default_dtype, half, iinfo, int, int8, int16, int32,
    int64, long, promote_types, set_default_dtype, short, uint8,
)
from minidl.backend.random import Generator, initial_seed, manual_seed, seed

# gradients
from minidl import autograd
from minidl.autograd import (
    enable_grad, inference_mode, is_grad_enabled, is_inference_mode_enabled, no_grad, set_grad_enabled,
)

# layers, updates, loading
from minidl import linalg, nn, optim, utils
from minidl import func   # after nn, which it needs

__version__ = "0.1.0"
