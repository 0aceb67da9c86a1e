"""minidl: deep learning you can read. A Tensor with gradients of any order, on NumPy and CuPy."""
from minidl.tensor import Tensor
from minidl.typed import (
    BoolTensor, ByteTensor, CharTensor, DoubleTensor, FloatTensor, HalfTensor, IntTensor, LongTensor, ShortTensor,
)
from minidl.creation import (
    arange, as_tensor, bernoulli, empty, empty_like, eye, from_dlpack, from_numpy, frombuffer, full, full_like,
    linspace, logspace, normal, ones, ones_like, rand, rand_like, randint, randint_like, randn, randn_like, randperm,
    scalar_tensor, tensor, zeros, zeros_like,
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
    tril, triu, unbind, unflatten, unsqueeze, vstack, column_stack, dsplit, hsplit, vsplit,
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

# special functions, bits, other names, questions
from minidl.ops.special import digamma, erfinv, i0, lgamma, logaddexp2, logit, mvlgamma, polygamma, sinc
from minidl.ops.bits import (
    bitwise_left_shift, bitwise_right_shift, copysign, frexp, gcd, heaviside, lcm, ldexp, nextafter, signbit,
)
from minidl.ops.aliases import (
    absolute, arccos, arccosh, arcsin, arcsinh, arctan, arctan2, arctanh, clamp_max, clamp_min, deg2rad, divide, fix,
    float_power, greater, greater_equal, isneginf, isposinf, isreal, less, less_equal, multiply, negative, not_equal,
    positive, rad2deg, rsub, sgn, subtract, true_divide,
)
from minidl.ops.inquiry import is_complex, is_floating_point, is_nonzero, is_tensor, numel

# scans, statistics, counting, windows, draws
from minidl.ops.scan import cummax, cummin, cumulative_trapezoid, diff, logcumsumexp, trapezoid, trapz
from minidl.ops.statistics import (
    corrcoef, cov, kthvalue, median, mode, msort, nanmedian, nanquantile, quantile, renorm,
)
from minidl.ops.counting import bincount, histc, histogram, isin, unique_consecutive
from minidl.ops.window import as_strided, unravel_index, vander
from minidl.ops.scatter_reduce import index_reduce, put, scatter_reduce
from minidl.ops.draw import multinomial, poisson
from minidl.ops.pixel import channel_shuffle, pixel_shuffle, pixel_unshuffle
from minidl.ops.similarity import bilinear, cosine_similarity, pairwise_distance, pdist

# what PyTorch has here and in nn.functional
from minidl.ops.activation import hardshrink, threshold
from minidl.ops.activation_inplace import celu_, relu_, selu_, threshold_
from minidl.ops.conv import conv2d, conv_transpose2d
from minidl.ops.conv_1d_3d import conv1d, conv3d, conv_tbc, conv_transpose1d, conv_transpose3d
from minidl.ops.ctc import ctc_loss
from minidl.ops.dropout import alpha_dropout, dropout, feature_alpha_dropout
from minidl.ops.embedding import embedding
from minidl.ops.embedding_bag import embedding_bag
from minidl.ops.loss import binary_cross_entropy_with_logits, kl_div, poisson_nll_loss
from minidl.ops.margin_loss import (
    cosine_embedding_loss, hinge_embedding_loss, margin_ranking_loss, triplet_margin_loss,
)
from minidl.ops.norm import batch_norm, group_norm, instance_norm, layer_norm, rms_norm
from minidl.ops.pool import max_pool2d
from minidl.ops.pool_1d_3d import adaptive_avg_pool1d, adaptive_max_pool1d, avg_pool1d, max_pool1d, max_pool3d
from minidl.ops.rrelu import rrelu

# dtypes, devices, randomness
from minidl import accelerator, backends, cuda
from minidl.backend.device import Device as device
from minidl.backend.dtype import (
    bool, can_cast, double, finfo, float, float16, float32, float64, get_default_dtype, half, iinfo, int, int8, int16,
    int32, int64, long, promote_types, result_type, set_default_dtype, short, uint8,
)
from minidl.backend.random import Generator, get_rng_state, initial_seed, manual_seed, seed, set_rng_state
from minidl.printing import get_printoptions, set_printoptions

# gradients
from minidl import autograd
from minidl.autograd import (
    enable_grad, inference_mode, is_grad_enabled, is_inference_mode_enabled, no_grad, set_grad_enabled,
)

# layers, updates, loading
from minidl import linalg, nn, optim, special, utils
from minidl import func   # after nn, which it needs
from minidl.func import vmap

# constants, and the type of x.shape
from math import e, inf, nan, pi
Size = tuple

__version__ = "0.1.0"
