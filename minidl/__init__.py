"""minidl: deep learning you can read. A Tensor with gradients of any order, on NumPy and CuPy."""
from minidl import backend  # noqa: F401  (before anything that loads NumPy)
from minidl.tensors.tensor import Tensor
from minidl.tensors.typed import (
    BoolTensor, ByteTensor, CharTensor, DoubleTensor, FloatTensor, HalfTensor, IntTensor, LongTensor, ShortTensor,
)
from minidl.tensors.creation import (
    arange, as_tensor, asarray, bernoulli, empty, empty_like, empty_permuted, empty_strided, eye, from_dlpack,
    from_numpy, frombuffer, full, full_like, linspace, logspace, normal, ones, ones_like, rand, rand_like, randint,
    randint_like, randn, randn_like, randperm, range, scalar_tensor, tensor, to_dlpack, zeros, zeros_like,
)

# elementwise
from minidl.ops.elementwise import (
    abs, acos, acosh, add, addcdiv, addcmul, allclose, angle, asin, asinh, atan, atan2, atanh, bitwise_and, bitwise_not,
    bitwise_or, bitwise_xor, ceil, clamp, clip, cos, cosh, div, eq, equal, erf, erfc, exp, exp2, expm1, floor,
    floor_divide, fmax, fmin, fmod, frac, ge, gt, hypot, isclose, isfinite, isinf, isnan, le, lerp, log, log10, log1p,
    log2, logaddexp, logical_and, logical_not, logical_or, logical_xor, lt, maximum, minimum, mul, nan_to_num, ne, neg,
    polar, pow, reciprocal, remainder, round, rsqrt, sgn, sigmoid, sign, sin, sinh, sqrt, square, sub, tan, tanh, trunc,
    where, xlogy, complex, conj, conj_physical, imag, is_conj, is_neg, real, resolve_conj, resolve_neg, view_as_complex,
    view_as_real,
)
from minidl.ops.activation import celu, log_softmax, prelu, relu, selu, softmax

# reductions and scans
from minidl.ops.reduce import (
    all, any, count_nonzero, logsumexp, mean, nanmean, nansum, prod, std, std_mean, sum, var, var_mean, amax, amin,
    aminmax, argmax, argmin, max, min, norm,
)

# shape
from minidl.ops.shape import (
    atleast_1d, atleast_2d, atleast_3d, broadcast_tensors, broadcast_to, cat, chunk, clone, concat, concatenate, diag,
    diag_embed, diagflat, diagonal, dstack, flatten, flip, fliplr, flipud, hstack, meshgrid, moveaxis, movedim,
    narrow, permute, ravel, reshape, roll, rot90, select, split, squeeze, stack, swapaxes, swapdims, t, tensor_split,
    tile, transpose, tril, triu, unbind, unflatten, unsqueeze, vstack, column_stack, dsplit, hsplit, vsplit, row_stack,
    split_with_sizes, unsafe_chunk, unsafe_split, unsafe_split_with_sizes,
)
from minidl.ops.index import as_strided_scatter, diagonal_scatter, select_scatter, slice_scatter
from minidl.ops.torch_names import (
    alias_copy, as_strided_copy, detach_copy, diagonal_copy, expand_copy, narrow_copy, permute_copy, select_copy,
    slice_copy, split_copy, split_with_sizes_copy, squeeze_copy, t_copy, transpose_copy, unbind_copy, unfold_copy,
    unsqueeze_copy, view_copy,
)

# indexing and order
from minidl.ops.index import (
    argsort, argwhere, bucketize, fill, gather, index_add, index_copy, index_fill, index_put, index_select, masked_fill,
    masked_scatter, masked_select, nonzero, nonzero_static, repeat_interleave, scatter, scatter_add, searchsorted, sort,
    take, take_along_dim, topk, tril_indices, triu_indices, unique,
)

# linear algebra
from minidl.ops.linalg import (
    addbmm, addmm, addmv, addr, adjoint, baddbmm, bmm, chain_matmul, cross, dot, ger, inner, kron, matmul, mm, mv,
    outer, trace, vdot, einsum, tensordot, cholesky_inverse, cholesky_solve, det, logdet,
)
from minidl.ops.torch_names import inverse, lu, lu_solve, qr, slogdet, svd
from minidl.ops.linalg import (
    cholesky, pinverse, lu_unpack, triangular_solve, geqrf, orgqr, ormqr, pca_lowrank, svd_lowrank, matrix_exp,
    matrix_power, cdist, dist, block_diag, cartesian_prod, combinations,
)

# special functions, bits, other names, questions
from minidl.ops.special import (
    digamma, erfinv, i0, lgamma, logaddexp2, logit, mvlgamma, polygamma, sinc, igamma, igammac,
)
from minidl.ops.elementwise import (
    bitwise_left_shift, bitwise_right_shift, copysign, frexp, gcd, heaviside, lcm, ldexp, nextafter, signbit,
)
from minidl.ops.torch_names import (
    absolute, arccos, arccosh, arcsin, arcsinh, arctan, arctan2, arctanh, clamp_max, clamp_min, deg2rad, detach, divide,
    fix, float_power, greater, greater_equal, isneginf, isposinf, isreal, less, less_equal, multiply, negative,
    not_equal, positive, rad2deg, rsub, subtract, true_divide, broadcast_shapes, get_device, is_complex, is_distributed,
    is_floating_point, is_inference, is_nonzero, is_same_size, is_signed, is_tensor, numel, typename,
)

# scans, statistics, counting, windows, draws
from minidl.ops.reduce import (
    cummax, cummin, cumprod, cumsum, cumulative_trapezoid, diff, logcumsumexp, trapezoid, trapz,
)
from minidl.ops.statistics import (
    corrcoef, cov, kthvalue, median, mode, msort, nanmedian, nanquantile, quantile, renorm, bincount, histc, histogram,
    histogramdd, isin, unique_consecutive, gradient,
)
from minidl.ops.index import as_strided, unravel_index, vander
from minidl.ops.fft import istft, stft, bartlett_window, blackman_window, hamming_window, hann_window, kaiser_window
from minidl.ops.index import index_reduce, put, scatter_reduce, segment_reduce
from minidl.ops.random import binomial, multinomial, poisson
from minidl.ops.shape import channel_shuffle, pixel_shuffle, pixel_unshuffle
from minidl.ops.linalg import bilinear, cosine_similarity, pairwise_distance, pdist

# in place
from minidl.ops.elementwise import (
    abs_, acos_, acosh_, asin_, asinh_, atan_, atanh_, ceil_, clamp_, clip_, conj_physical_, cos_, cosh_, erf_, erfc_,
    exp2_, exp_, expm1_, floor_, frac_, gcd_, lcm_, ldexp_, log10_, log1p_, log2_, log_, nan_to_num_, neg_, reciprocal_,
    round_, rsqrt_, sigmoid_, sin_, sinh_, sqrt_, square_, tan_, tanh_, trunc_, xlogy_,
)
from minidl.ops.shape import resize_as_
from minidl.ops.index import as_strided_, fill_, index_put_, zero_
from minidl.ops.random import alpha_dropout_, dropout_, feature_alpha_dropout_
from minidl.ops.linalg import addmv_
from minidl.ops.special import i0_, logit_, sinc_
from minidl.ops.torch_names import (
    arccos_, arccosh_, arcsin_, arcsinh_, arctan_, arctanh_, clamp_max_, clamp_min_, deg2rad_, detach_, fix_, negative_,
    rad2deg_,
)

# names that PyTorch has here and in nn.functional
from minidl.ops.activation import hardshrink, threshold
from minidl.ops.torch_names import celu_, relu_, rrelu_, selu_, threshold_
from minidl.ops.conv import conv2d, conv_transpose2d, conv1d, conv3d, conv_tbc, conv_transpose1d, conv_transpose3d
from minidl.ops.loss import ctc_loss
from minidl.ops.random import alpha_dropout, dropout, feature_alpha_dropout
from minidl.ops.embedding import embedding, embedding_bag
from minidl.ops.loss import (
    binary_cross_entropy_with_logits, kl_div, poisson_nll_loss, cosine_embedding_loss, hinge_embedding_loss,
    margin_ranking_loss, triplet_margin_loss,
)
from minidl.ops.norm import batch_norm, group_norm, instance_norm, layer_norm, rms_norm
from minidl.ops.pool import max_pool2d
from minidl.ops.torch_names import max_pool1d_with_indices
from minidl.ops.pool import adaptive_avg_pool1d, adaptive_max_pool1d, avg_pool1d, max_pool1d, max_pool3d
from minidl.ops.rnn import gru, gru_cell, lstm, lstm_cell, rnn_relu, rnn_relu_cell, rnn_tanh, rnn_tanh_cell
from minidl.ops.activation import rrelu
from minidl.ops.torch_names import (
    affine_grid_generator, constant_pad_nd, convolution, feature_dropout, feature_dropout_, grid_sampler,
    grid_sampler_2d, grid_sampler_3d, native_channel_shuffle, norm_except_dim,
)

# dtypes, devices, randomness
from minidl import accelerator, amp, backends, cuda, random
from minidl.amp import GradScaler, autocast, get_autocast_dtype, is_autocast_available, is_autocast_enabled
from minidl.backend.device import Device as device, OutOfMemoryError, get_default_device, set_default_device
from minidl.backend.dtype import can_cast, finfo, iinfo, set_default_dtype
from minidl.backend.torch_types import (
    Size, bfloat16, bool, cdouble, cfloat, complex64, complex128, double, dtype, float, float16, float32, float64,
    get_default_dtype, half, int, int8, int16, int32, int64, long, promote_types, result_type, short, uint8, uint16,
    uint32, uint64,
)
from minidl.backend.memory_format import (
    channels_last, channels_last_3d, contiguous_format, layout, legacy_contiguous_format, memory_format,
    preserve_format, sparse_bsc, sparse_bsr, sparse_coo, sparse_csc, sparse_csr, strided,
)
from minidl.random import Generator, get_rng_state, initial_seed, manual_seed, seed, set_rng_state
from minidl.backend.cpu.threads import get_num_threads, set_num_threads
from minidl.tensors.printing import get_printoptions, set_printoptions
from minidl.backends.settings import (
    are_deterministic_algorithms_enabled, get_deterministic_debug_mode, get_float32_matmul_precision,
    is_deterministic_algorithms_warn_only_enabled, is_warn_always_enabled, set_deterministic_debug_mode,
    set_float32_matmul_precision, set_flush_denormal, set_warn_always, use_deterministic_algorithms,
)

# gradients
from minidl import autograd
from minidl.autograd import (
    enable_grad, inference_mode, is_grad_enabled, is_inference_mode_enabled, no_grad, set_grad_enabled,
)
from minidl.autograd.grad_mode import is_anomaly_check_nan_enabled, is_anomaly_enabled, set_anomaly_enabled

# layers, updates, loading
from minidl import fft, linalg, nn, optim, return_types, special, testing, utils
from minidl import func, sparse   # after nn, which func needs
from minidl.sparse import (
    hspmm, smm, sparse_bsc_tensor, sparse_bsr_tensor, sparse_compressed_tensor, sparse_coo_tensor, sparse_csc_tensor,
    sparse_csr_tensor,
)
from minidl.ops.linalg import dsmm, spmm
from minidl.func import vmap
from minidl import profiler, serialization
from minidl.serialization import load, save
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from minidl import distributions, hub, onnx     # imported when they are first used: few programs need them

# PyTorch's names for compiling, and PyTorch's name for minidl
from minidl import compiler, fx, jit, library, overrides, version
from minidl.compiler import compile
from minidl.torch_names import as_torch

# why a name is missing
from minidl import left_out

# constants
from math import e, inf, nan, pi
from minidl.version import number as __version__
newaxis = None

__all__ = [    # public names for editors and type checkers; ruff compares them with the imports above
    "Tensor", "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "HalfTensor", "IntTensor",
    "LongTensor", "ShortTensor", "arange", "as_tensor", "asarray", "bernoulli", "empty", "empty_like", "empty_permuted",
    "empty_strided", "eye", "from_dlpack", "from_numpy", "frombuffer", "full", "full_like", "linspace", "logspace",
    "normal", "ones", "ones_like", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm",
    "range", "scalar_tensor", "tensor", "to_dlpack", "zeros", "zeros_like",
    # elementwise
    "abs", "acos", "acosh", "add", "addcdiv", "addcmul", "allclose", "angle", "asin", "asinh", "atan", "atan2", "atanh",
    "bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor", "ceil", "clamp", "clip", "cos", "cosh", "div", "eq",
    "equal", "erf", "erfc", "exp", "exp2", "expm1", "floor", "floor_divide", "fmax", "fmin", "fmod", "frac", "ge", "gt",
    "hypot", "isclose", "isfinite", "isinf", "isnan", "le", "lerp", "log", "log10", "log1p", "log2", "logaddexp",
    "logical_and", "logical_not", "logical_or", "logical_xor", "lt", "maximum", "minimum", "mul", "nan_to_num", "ne",
    "neg", "polar", "pow", "reciprocal", "remainder", "round", "rsqrt", "sgn", "sigmoid", "sign", "sin", "sinh", "sqrt",
    "square", "sub", "tan", "tanh", "trunc", "where", "xlogy", "complex", "conj", "conj_physical", "imag", "is_conj",
    "is_neg", "real", "resolve_conj", "resolve_neg", "view_as_complex", "view_as_real", "celu", "log_softmax", "prelu",
    "relu", "selu", "softmax",
    # reductions and scans
    "all", "any", "count_nonzero", "logsumexp", "mean", "nanmean", "nansum", "prod", "std", "std_mean", "sum", "var",
    "var_mean", "amax", "amin", "aminmax", "argmax", "argmin", "max", "min", "norm",
    # shape
    "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_tensors", "broadcast_to", "cat", "chunk", "clone", "concat",
    "concatenate", "diag", "diag_embed", "diagflat", "diagonal", "dstack", "flatten", "flip", "fliplr", "flipud",
    "hstack", "meshgrid", "moveaxis", "movedim", "narrow", "permute", "ravel", "reshape", "roll", "rot90", "select",
    "split", "squeeze", "stack", "swapaxes", "swapdims", "t", "tensor_split", "tile", "transpose", "tril", "triu",
    "unbind", "unflatten", "unsqueeze", "vstack", "column_stack", "dsplit", "hsplit", "vsplit", "row_stack",
    "split_with_sizes", "unsafe_chunk", "unsafe_split", "unsafe_split_with_sizes", "as_strided_scatter",
    "diagonal_scatter", "select_scatter", "slice_scatter", "alias_copy", "as_strided_copy", "detach_copy",
    "diagonal_copy", "expand_copy", "narrow_copy", "permute_copy", "select_copy", "slice_copy", "split_copy",
    "split_with_sizes_copy", "squeeze_copy", "t_copy", "transpose_copy", "unbind_copy", "unfold_copy", "unsqueeze_copy",
    "view_copy",
    # indexing and order
    "argsort", "argwhere", "bucketize", "fill", "gather", "index_add", "index_copy", "index_fill", "index_put",
    "index_select", "masked_fill", "masked_scatter", "masked_select", "nonzero", "nonzero_static", "repeat_interleave",
    "scatter", "scatter_add", "searchsorted", "sort", "take", "take_along_dim", "topk", "tril_indices", "triu_indices",
    "unique",
    # linear algebra
    "addbmm", "addmm", "addmv", "addr", "adjoint", "baddbmm", "bmm", "chain_matmul", "cross", "dot", "ger", "inner",
    "kron", "matmul", "mm", "mv", "outer", "trace", "vdot", "einsum", "tensordot", "cholesky_inverse", "cholesky_solve",
    "det", "inverse", "logdet", "slogdet", "cholesky", "pinverse", "qr", "svd", "lu_unpack", "lu", "lu_solve",
    "triangular_solve", "geqrf", "orgqr", "ormqr", "pca_lowrank", "svd_lowrank", "matrix_exp", "matrix_power", "cdist",
    "dist", "block_diag", "cartesian_prod", "combinations",
    # special functions, bits, other names, questions
    "digamma", "erfinv", "i0", "lgamma", "logaddexp2", "logit", "mvlgamma", "polygamma", "sinc", "igamma", "igammac",
    "bitwise_left_shift", "bitwise_right_shift", "copysign", "frexp", "gcd", "heaviside", "lcm", "ldexp", "nextafter",
    "signbit", "absolute", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "clamp_max",
    "clamp_min", "deg2rad", "detach", "divide", "fix", "float_power", "greater", "greater_equal", "isneginf",
    "isposinf", "isreal", "less", "less_equal", "multiply", "negative", "not_equal", "positive", "rad2deg", "rsub",
    "subtract", "true_divide", "broadcast_shapes", "get_device", "is_complex", "is_distributed", "is_floating_point",
    "is_inference", "is_nonzero", "is_same_size", "is_signed", "is_tensor", "numel", "typename",
    # scans, statistics, counting, windows, draws
    "cummax", "cummin", "cumprod", "cumsum", "cumulative_trapezoid", "diff", "logcumsumexp", "trapezoid", "trapz",
    "corrcoef", "cov", "kthvalue", "median", "mode", "msort", "nanmedian", "nanquantile", "quantile", "renorm",
    "bincount", "histc", "histogram", "histogramdd", "isin", "unique_consecutive", "gradient", "as_strided",
    "unravel_index", "vander", "istft", "stft", "bartlett_window", "blackman_window", "hamming_window", "hann_window",
    "kaiser_window", "index_reduce", "put", "scatter_reduce", "segment_reduce", "binomial", "multinomial", "poisson",
    "channel_shuffle", "pixel_shuffle", "pixel_unshuffle", "bilinear", "cosine_similarity", "pairwise_distance",
    "pdist",
    # in place
    "abs_", "acos_", "acosh_", "addmv_", "alpha_dropout_", "arccos_", "arccosh_", "arcsin_", "arcsinh_", "arctan_",
    "arctanh_", "as_strided_", "asin_", "asinh_", "atan_", "atanh_", "ceil_", "clamp_", "clamp_max_", "clamp_min_",
    "clip_", "conj_physical_", "cos_", "cosh_", "deg2rad_", "detach_", "dropout_", "erf_", "erfc_", "exp2_", "exp_",
    "expm1_", "feature_alpha_dropout_", "fix_", "floor_", "frac_", "gcd_", "i0_", "lcm_", "ldexp_", "log10_", "log1p_",
    "log2_", "log_", "logit_", "nan_to_num_", "neg_", "negative_", "rad2deg_", "reciprocal_", "resize_as_", "round_",
    "rsqrt_", "sigmoid_", "sin_", "sinc_", "sinh_", "sqrt_", "square_", "tan_", "tanh_", "trunc_", "xlogy_", "fill_",
    "index_put_", "zero_",
    # names that PyTorch has here and in nn.functional
    "hardshrink", "threshold", "celu_", "relu_", "rrelu_", "selu_", "threshold_", "conv2d", "conv_transpose2d",
    "conv1d", "conv3d", "conv_tbc", "conv_transpose1d", "conv_transpose3d", "ctc_loss", "alpha_dropout", "dropout",
    "feature_alpha_dropout", "embedding", "embedding_bag", "binary_cross_entropy_with_logits", "kl_div",
    "poisson_nll_loss", "cosine_embedding_loss", "hinge_embedding_loss", "margin_ranking_loss", "triplet_margin_loss",
    "batch_norm", "group_norm", "instance_norm", "layer_norm", "rms_norm", "max_pool2d", "max_pool1d_with_indices",
    "adaptive_avg_pool1d", "adaptive_max_pool1d", "avg_pool1d", "max_pool1d", "max_pool3d", "gru", "gru_cell", "lstm",
    "lstm_cell", "rnn_relu", "rnn_relu_cell", "rnn_tanh", "rnn_tanh_cell", "rrelu", "affine_grid_generator",
    "constant_pad_nd", "convolution", "feature_dropout", "feature_dropout_", "grid_sampler", "grid_sampler_2d",
    "grid_sampler_3d", "native_channel_shuffle", "norm_except_dim",
    # dtypes, devices, randomness
    "accelerator", "amp", "backends", "cuda", "random", "GradScaler", "autocast", "get_autocast_dtype",
    "is_autocast_available", "is_autocast_enabled", "OutOfMemoryError", "device", "get_default_device",
    "set_default_device", "dtype", "bfloat16",
    "bool", "can_cast", "cdouble", "cfloat", "complex64", "complex128", "double", "finfo", "float", "float16",
    "float32", "float64", "get_default_dtype", "half", "iinfo", "int", "int8", "int16", "int32", "int64", "long",
    "channels_last", "channels_last_3d", "contiguous_format", "layout", "legacy_contiguous_format", "memory_format",
    "preserve_format", "sparse_bsc", "sparse_bsr", "sparse_coo", "sparse_csc", "sparse_csr", "strided",
    "promote_types", "result_type", "set_default_dtype", "short", "uint8", "uint16", "uint32", "uint64", "Size",
    "Generator", "get_rng_state", "initial_seed",
    "manual_seed", "seed", "set_rng_state", "get_num_threads", "set_num_threads", "get_printoptions",
    "set_printoptions", "are_deterministic_algorithms_enabled", "get_deterministic_debug_mode",
    "get_float32_matmul_precision", "is_deterministic_algorithms_warn_only_enabled", "is_warn_always_enabled",
    "set_deterministic_debug_mode", "set_float32_matmul_precision", "set_flush_denormal", "set_warn_always",
    "use_deterministic_algorithms",
    # gradients
    "autograd", "enable_grad", "inference_mode", "is_grad_enabled", "is_inference_mode_enabled", "no_grad",
    "set_grad_enabled", "is_anomaly_check_nan_enabled", "is_anomaly_enabled", "set_anomaly_enabled",
    # layers, updates, loading
    "fft", "linalg", "nn", "optim", "return_types", "special", "testing", "utils", "distributions", "sparse",
    "sparse_coo_tensor", "sparse_csr_tensor", "sparse_csc_tensor", "sparse_bsr_tensor", "sparse_bsc_tensor",
    "sparse_compressed_tensor", "hspmm", "smm", "dsmm", "spmm", "func", "vmap", "profiler",
    "serialization", "load", "save", "hub", "compiler", "fx", "jit", "library", "onnx", "overrides", "compile",
    "version", "as_torch",
    # constants
    "e", "inf", "nan", "pi", "newaxis", "__version__",
]

left_out.explain(globals(), __name__, waiting=("distributions", "hub", "onnx", "quasirandom"))
