"""The table of methods: each is the function of the same name.

It has the function's signature and documentation. Only two kinds are written out: operators, which call the op, and
methods whose arguments differ from the function's.
"""
from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd import inplace
from minidl.autograd.tensorbase import TensorBase
from minidl.backend.device import is_array
from minidl.backend.torch_types import dtype as DType
from minidl.ops import activation, elementwise, fft, linalg, random, reduce, shape, special, statistics, torch_names
from minidl.ops import index as indexing
from minidl.ops import sparse as sparse_ops
from minidl.ops.base import sizes
from minidl.tensors import creation

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


_reshape = shape.reshape      # a parameter of the method hides `shape`


class Methods(TensorBase):
    """The methods that compute. `Tensor` adds the properties. Here `self` is `Any` for type checkers."""

    # ------------------------------------------------------------------ operators

    def __add__(self, other: Any) -> Tensor: return elementwise.Add()(self, other)
    def __radd__(self, other: Any) -> Tensor: return elementwise.Add()(other, self)
    def __sub__(self, other: Any) -> Tensor: return elementwise.Sub()(self, other)
    def __rsub__(self, other: Any) -> Tensor: return elementwise.Sub()(other, self)
    def __mul__(self, other: Any) -> Tensor:
        try:
            return elementwise.Mul()(self, other)
        except TypeError:
            if isinstance(other, (list, tuple, str)):
                return NotImplemented       # Python then repeats the sequence as often as the Tensor says
            raise

    def __rmul__(self, other: Any) -> Tensor:
        try:
            return elementwise.Mul()(other, self)
        except TypeError:
            if isinstance(other, (list, tuple, str)):
                return NotImplemented       # [0] * x.max(), as above
            raise

    def __truediv__(self, other: Any) -> Tensor: return elementwise.Div()(self, other)
    def __rtruediv__(self, other: Any) -> Tensor: return elementwise.Div()(other, self)
    __div__, __rdiv__ = __truediv__, __rtruediv__
    def __floordiv__(self, other: Any) -> Tensor: return elementwise.FloorDivide()(self, other)
    def __rfloordiv__(self, other: Any) -> Tensor: return elementwise.FloorDivide()(other, self)
    def __mod__(self, other: Any) -> Tensor: return elementwise.Remainder()(self, other)
    def __rmod__(self, other: Any) -> Tensor: return elementwise.Remainder()(other, self)
    def __pow__(self, other: Any) -> Tensor: return elementwise.Pow()(self, other)
    def __rpow__(self, other: Any) -> Tensor: return elementwise.Pow()(other, self)
    __matmul__ = linalg.matmul
    def __rmatmul__(self: Any, other: Any) -> Tensor: return linalg.matmul(other, self)
    def __neg__(self) -> Tensor: return elementwise.Neg()(self)
    def __pos__(self) -> Any: return self
    def __abs__(self) -> Tensor: return elementwise.Abs()(self)
    def __invert__(self) -> Tensor: return elementwise.BitwiseNot()(self)
    def __and__(self, other: Any) -> Tensor: return elementwise.BitwiseAnd()(self, other)
    def __rand__(self, other: Any) -> Tensor: return elementwise.BitwiseAnd()(other, self)
    def __or__(self, other: Any) -> Tensor: return elementwise.BitwiseOr()(self, other)
    def __ror__(self, other: Any) -> Tensor: return elementwise.BitwiseOr()(other, self)
    def __xor__(self, other: Any) -> Tensor: return elementwise.BitwiseXor()(self, other)
    def __rxor__(self, other: Any) -> Tensor: return elementwise.BitwiseXor()(other, self)
    def __lshift__(self, other: Any) -> Tensor: return elementwise.LeftShift()(self, other)
    def __rlshift__(self, other: Any) -> Tensor: return elementwise.LeftShift()(other, self)
    def __rshift__(self, other: Any) -> Tensor: return elementwise.RightShift()(self, other)
    def __rrshift__(self, other: Any) -> Tensor: return elementwise.RightShift()(other, self)

    # comparisons with other objects than numbers and tensors are left to Python: `t == None` is False
    def __eq__(self, other: Any) -> Tensor:  # type: ignore[override]
        return elementwise.Eq()(self, other) if _comparable(other) else NotImplemented
    def __ne__(self, other: Any) -> Tensor:  # type: ignore[override]
        return elementwise.Ne()(self, other) if _comparable(other) else NotImplemented
    def __lt__(self, other: Any) -> Tensor: return elementwise.Lt()(self, other)
    def __le__(self, other: Any) -> Tensor: return elementwise.Le()(self, other)
    def __gt__(self, other: Any) -> Tensor: return elementwise.Gt()(self, other)
    def __ge__(self, other: Any) -> Tensor: return elementwise.Ge()(self, other)

    def __iadd__(self, other: Any) -> Tensor: return inplace.write(self, elementwise.Add(), other)
    def __isub__(self, other: Any) -> Tensor: return inplace.write(self, elementwise.Sub(), other)
    def __imul__(self, other: Any) -> Tensor: return inplace.write(self, elementwise.Mul(), other)
    __itruediv__ = __idiv__ = elementwise.div_
    __ifloordiv__ = elementwise.floor_divide_
    __imod__ = elementwise.remainder_
    __ipow__ = elementwise.pow_
    __iand__ = elementwise.bitwise_and_
    __ior__ = elementwise.bitwise_or_
    __ixor__ = elementwise.bitwise_xor_
    __ilshift__ = elementwise.bitwise_left_shift_
    __irshift__ = elementwise.bitwise_right_shift_

    def __getitem__(self, key: Any) -> Tensor: return indexing.getitem(self, key)
    def __setitem__(self, key: Any, value: Any) -> None: indexing.setitem(self, key, value)

    def __iter__(self: Any) -> Iterator[Tensor]:
        if self.array.ndim == 0:
            raise TypeError("iteration over a 0-d tensor")
        return iter(shape.unbind(self))

    def __contains__(self, value: Any) -> bool:
        if not _comparable(value):
            raise RuntimeError(f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a "
                               f"{type(value)}.")
        return bool((self == value).any())

    # ------------------------------------------------------------------ elementwise

    add, add_ = elementwise.add, elementwise.add_
    sub, sub_ = elementwise.sub, elementwise.sub_
    mul, mul_ = elementwise.mul, elementwise.mul_
    div, div_ = elementwise.div, elementwise.div_
    floor_divide, floor_divide_ = elementwise.floor_divide, elementwise.floor_divide_
    remainder, remainder_ = elementwise.remainder, elementwise.remainder_
    fmod, fmod_ = elementwise.fmod, elementwise.fmod_
    pow, pow_ = elementwise.pow, elementwise.pow_
    neg, neg_ = elementwise.neg, elementwise.neg_
    abs, abs_ = elementwise.abs, elementwise.abs_
    sign, sign_ = elementwise.sign, elementwise.sign_
    square, square_ = elementwise.square, elementwise.square_
    sqrt, sqrt_ = elementwise.sqrt, elementwise.sqrt_
    rsqrt, rsqrt_ = elementwise.rsqrt, elementwise.rsqrt_
    reciprocal, reciprocal_ = elementwise.reciprocal, elementwise.reciprocal_
    exp, exp_ = elementwise.exp, elementwise.exp_
    exp2, exp2_ = elementwise.exp2, elementwise.exp2_
    expm1, expm1_ = elementwise.expm1, elementwise.expm1_
    log, log_ = elementwise.log, elementwise.log_
    log2, log2_ = elementwise.log2, elementwise.log2_
    log10, log10_ = elementwise.log10, elementwise.log10_
    log1p, log1p_ = elementwise.log1p, elementwise.log1p_
    sin, sin_ = elementwise.sin, elementwise.sin_
    cos, cos_ = elementwise.cos, elementwise.cos_
    tan, tan_ = elementwise.tan, elementwise.tan_
    asin, asin_ = elementwise.asin, elementwise.asin_
    acos, acos_ = elementwise.acos, elementwise.acos_
    atan, atan_ = elementwise.atan, elementwise.atan_
    sinh, sinh_ = elementwise.sinh, elementwise.sinh_
    cosh, cosh_ = elementwise.cosh, elementwise.cosh_
    tanh, tanh_ = elementwise.tanh, elementwise.tanh_
    asinh, asinh_ = elementwise.asinh, elementwise.asinh_
    acosh, acosh_ = elementwise.acosh, elementwise.acosh_
    atanh, atanh_ = elementwise.atanh, elementwise.atanh_
    atan2, atan2_ = elementwise.atan2, elementwise.atan2_
    erf, erf_ = elementwise.erf, elementwise.erf_
    erfc, erfc_ = elementwise.erfc, elementwise.erfc_
    floor, floor_ = elementwise.floor, elementwise.floor_
    ceil, ceil_ = elementwise.ceil, elementwise.ceil_
    round, round_ = elementwise.round, elementwise.round_
    trunc, trunc_ = elementwise.trunc, elementwise.trunc_
    frac, frac_ = elementwise.frac, elementwise.frac_
    maximum = elementwise.maximum
    minimum = elementwise.minimum
    fmax = elementwise.fmax
    fmin = elementwise.fmin
    clamp, clamp_ = elementwise.clamp, elementwise.clamp_
    clip, clip_ = elementwise.clip, elementwise.clip_
    lerp, lerp_ = elementwise.lerp, elementwise.lerp_
    addcmul, addcmul_ = elementwise.addcmul, elementwise.addcmul_
    addcdiv, addcdiv_ = elementwise.addcdiv, elementwise.addcdiv_
    nan_to_num, nan_to_num_ = elementwise.nan_to_num, elementwise.nan_to_num_
    isnan = elementwise.isnan
    isinf = elementwise.isinf
    isfinite = elementwise.isfinite
    eq, eq_ = elementwise.eq, elementwise.eq_
    ne, ne_ = elementwise.ne, elementwise.ne_
    lt, lt_ = elementwise.lt, elementwise.lt_
    le, le_ = elementwise.le, elementwise.le_
    gt, gt_ = elementwise.gt, elementwise.gt_
    ge, ge_ = elementwise.ge, elementwise.ge_
    isclose = elementwise.isclose
    allclose = elementwise.allclose
    equal = elementwise.equal
    logical_and, logical_and_ = elementwise.logical_and, elementwise.logical_and_
    logical_or, logical_or_ = elementwise.logical_or, elementwise.logical_or_
    logical_xor, logical_xor_ = elementwise.logical_xor, elementwise.logical_xor_
    logical_not, logical_not_ = elementwise.logical_not, elementwise.logical_not_
    bitwise_and, bitwise_and_ = elementwise.bitwise_and, elementwise.bitwise_and_
    bitwise_or, bitwise_or_ = elementwise.bitwise_or, elementwise.bitwise_or_
    bitwise_xor, bitwise_xor_ = elementwise.bitwise_xor, elementwise.bitwise_xor_
    bitwise_not, bitwise_not_ = elementwise.bitwise_not, elementwise.bitwise_not_
    sigmoid, sigmoid_ = elementwise.sigmoid, elementwise.sigmoid_
    logaddexp = elementwise.logaddexp
    hypot, hypot_ = elementwise.hypot, elementwise.hypot_
    xlogy, xlogy_ = elementwise.xlogy, elementwise.xlogy_
    sgn, sgn_ = elementwise.sgn, elementwise.sgn_
    angle = elementwise.angle
    conj = elementwise.conj
    conj_physical, conj_physical_ = elementwise.conj_physical, elementwise.conj_physical_
    resolve_conj = elementwise.resolve_conj
    resolve_neg = elementwise.resolve_neg
    is_conj = elementwise.is_conj
    is_neg = elementwise.is_neg
    signbit = elementwise.signbit
    copysign, copysign_ = elementwise.copysign, elementwise.copysign_
    heaviside, heaviside_ = elementwise.heaviside, elementwise.heaviside_
    frexp = elementwise.frexp
    ldexp, ldexp_ = elementwise.ldexp, elementwise.ldexp_
    nextafter, nextafter_ = elementwise.nextafter, elementwise.nextafter_
    bitwise_left_shift, bitwise_left_shift_ = elementwise.bitwise_left_shift, elementwise.bitwise_left_shift_
    bitwise_right_shift, bitwise_right_shift_ = elementwise.bitwise_right_shift, elementwise.bitwise_right_shift_
    gcd, gcd_ = elementwise.gcd, elementwise.gcd_
    lcm, lcm_ = elementwise.lcm, elementwise.lcm_

    def where(self: Any, condition: Any, other: Any) -> Tensor:
        """x where `condition` holds, `other` elsewhere; see `minidl.where`."""
        return elementwise.where(condition, self, other)

    @property
    def real(self: Any) -> Tensor:
        """The real part: a view, or x itself if it is real. It can be assigned to."""
        return elementwise.real(self)

    @real.setter
    def real(self: Any, value: Any) -> None:
        elementwise.real(self).copy_(value)

    @property
    def imag(self: Any) -> Tensor:
        """The imaginary part, a view. It can be assigned to. Errors: RuntimeError if x is real."""
        return elementwise.imag(self)

    @imag.setter
    def imag(self: Any, value: Any) -> None:
        elementwise.imag(self).copy_(value)

    # ------------------------------------------------------------------ activation

    prelu = activation.prelu
    hardshrink = activation.hardshrink

    def relu(self: Any) -> Tensor:
        """`max(x, 0)`, the rectified linear unit; see `minidl.relu`."""
        return activation.Relu()(self)

    def softmax(self: Any, dim: int, dtype: Any = None) -> Tensor:
        """`exp(x) / sum(exp(x))` along `dim`: positive numbers that sum to 1, in the shape of x.

        With `dtype`, x is cast to it first. Errors: IndexError where there is no such dimension.

            >>> import minidl
            >>> minidl.tensor([1.0, 2.0, 3.0]).softmax(0)
            tensor([0.0900, 0.2447, 0.6652])
        """
        return activation.softmax(self, dim, dtype=dtype)

    def log_softmax(self: Any, dim: int, dtype: Any = None) -> Tensor:
        """`log(softmax(x))` along `dim`, exact where softmax rounds to 0. Arguments and errors as in `softmax`.

            >>> import minidl
            >>> minidl.tensor([0.0, 1000.0]).log_softmax(0)
            tensor([-1000.,     0.])
        """
        return activation.log_softmax(self, dim, dtype=dtype)

    # ------------------------------------------------------------------ reductions and scans

    sum = reduce.sum
    mean = reduce.mean
    prod = reduce.prod
    max = reduce.max
    min = reduce.min
    amax = reduce.amax
    amin = reduce.amin
    aminmax = reduce.aminmax
    argmax = reduce.argmax
    argmin = reduce.argmin
    var = reduce.var
    std = reduce.std
    logsumexp = reduce.logsumexp
    all = reduce.all
    any = reduce.any
    count_nonzero = reduce.count_nonzero
    nansum = reduce.nansum
    nanmean = reduce.nanmean
    cumsum, cumsum_ = reduce.cumsum, reduce.cumsum_
    cumprod, cumprod_ = reduce.cumprod, reduce.cumprod_
    norm = reduce.norm
    cummax = reduce.cummax
    cummin = reduce.cummin
    logcumsumexp = reduce.logcumsumexp
    diff = reduce.diff

    # ------------------------------------------------------------------ shape

    view_as = shape.view_as
    reshape_as = shape.reshape_as
    flatten = shape.flatten
    unflatten = shape.unflatten
    ravel = shape.ravel
    transpose, transpose_ = shape.transpose, shape.transpose_
    t, t_ = shape.t, shape.t_
    swapaxes, swapaxes_ = shape.swapaxes, shape.swapaxes_
    swapdims, swapdims_ = shape.swapdims, shape.swapdims_
    moveaxis = shape.moveaxis
    diag_embed = shape.diag_embed
    tensor_split = shape.tensor_split
    movedim = shape.movedim
    squeeze, squeeze_ = shape.squeeze, shape.squeeze_
    unsqueeze, unsqueeze_ = shape.unsqueeze, shape.unsqueeze_
    expand_as = shape.expand_as
    split_with_sizes = shape.split_with_sizes
    hsplit = shape.hsplit
    vsplit = shape.vsplit
    dsplit = shape.dsplit
    chunk = shape.chunk
    unbind = shape.unbind
    narrow = shape.narrow
    select = shape.select
    fliplr = shape.fliplr
    flipud = shape.flipud
    roll = shape.roll
    rot90 = shape.rot90
    tril, tril_ = shape.tril, shape.tril_
    triu, triu_ = shape.triu, shape.triu_
    diag = shape.diag
    diagonal = shape.diagonal
    contiguous = shape.contiguous
    clone = shape.clone
    diagflat = shape.diagflat
    unsafe_split_with_sizes = shape.unsafe_split_with_sizes
    unsafe_chunk = shape.unsafe_chunk
    resize_ = shape.resize_
    resize_as_ = shape.resize_as_

    # sizes and dimensions one by one, or in one tuple: `x.reshape(2, 3)`, `x.reshape((2, 3))`

    def reshape(self: Any, *each: Any, shape: Any = None) -> Tensor:
        """The same elements in another shape, a view where strides allow it.

        One size may be -1, and is computed from the others. Errors: RuntimeError where the number of elements does not
        fit. See `minidl.reshape`.

            >>> import minidl
            >>> minidl.arange(6).reshape(2, -1)
            tensor([[0, 1, 2],
                    [3, 4, 5]])
        """
        return _reshape(self, sizes(each, shape))

    def view(self: Any, *each: Any, size: Any = None, dtype: Any = None) -> Tensor:
        """`reshape`, but always a view; with a dtype, the same bytes read in this dtype.

        Errors: RuntimeError where strides, sizes or bytes do not allow it.

            >>> import minidl
            >>> minidl.arange(6).view(3, 2).shape
            (3, 2)
        """
        if dtype is None and len(each) == 1 and isinstance(each[0], (np.dtype, DType)):
            dtype, each = each[0], ()
        return shape.view(self, sizes(each, size) if dtype is None else DType(dtype))

    def permute(self: Any, *each: Any, dims: Any = None) -> Tensor:
        """The axes in another order; a view. See `minidl.permute`.

            >>> import minidl
            >>> minidl.ones(2, 3, 4).permute(2, 0, 1).shape
            (4, 2, 3)
        """
        return shape.permute(self, sizes(each, dims))

    def expand(self: Any, *each: Any, size: Any = None) -> Tensor:
        """Axes of length 1 repeated without a copy; -1 keeps an axis; new axes come first.

        Errors: RuntimeError where an axis of another length would be repeated.

            >>> import minidl
            >>> minidl.tensor([[1], [2]]).expand(2, 3)
            tensor([[1, 1, 1],
                    [2, 2, 2]])
        """
        return shape.expand(self, sizes(each, size))

    def broadcast_to(self: Any, *each: Any, size: Any = None) -> Tensor:
        """`expand`, as NumPy calls it; see `minidl.broadcast_to`."""
        return shape.broadcast_to(self, sizes(each, size))

    def repeat(self: Any, *each: Any, repeats: Any = None) -> Tensor:
        """Copies side by side, `repeats[i]` of them along axis i; new axes come first.

            >>> import minidl
            >>> minidl.tensor([1, 2]).repeat(2, 2)
            tensor([[1, 2, 1, 2],
                    [1, 2, 1, 2]])
        """
        return shape.repeat(self, sizes(each, repeats))

    def tile(self: Any, *each: Any, dims: Any = None) -> Tensor:
        """`repeat`, but fewer numbers than axes apply to the last axes; see `minidl.tile`."""
        return shape.tile(self, sizes(each, dims))

    def flip(self: Any, *each: Any, dims: Any = None) -> Tensor:
        """The elements in reverse order along each of `dims`, copied. See `minidl.flip`."""
        if not each and dims is None:
            raise TypeError('flip() missing 1 required positional arguments: "dims"')
        return shape.flip(self, sizes(each, dims))

    def __reversed__(self: Any) -> Tensor:
        """The elements in reverse order along the first axis, a tensor and not an iterator, as in PyTorch."""
        return shape.flip(self, (0,)) if self.ndim else self

    def split(self: Any, split_size: Any, dim: int = 0) -> tuple[Tensor, ...]:
        """Pieces of length `split_size`, or of the lengths in a list, along `dim`; views. See `minidl.split`."""
        return shape.split(self, split_size, dim)

    def unsafe_split(self: Any, split_size: Any, dim: int = 0) -> tuple[Tensor, ...]:
        """`split`."""
        return shape.unsafe_split(self, split_size, dim)

    @property
    def T(self: Any) -> Tensor:
        """All axes in reverse order; a view."""
        return shape.permute(self, tuple(range(self.array.ndim))[::-1])

    # ------------------------------------------------------------------ positions and order

    repeat_interleave = indexing.repeat_interleave
    slice_scatter = indexing.slice_scatter
    select_scatter = indexing.select_scatter
    diagonal_scatter = indexing.diagonal_scatter
    as_strided_scatter = indexing.as_strided_scatter
    gather = indexing.gather
    scatter, scatter_ = indexing.scatter, indexing.scatter_
    scatter_add, scatter_add_ = indexing.scatter_add, indexing.scatter_add_
    index_select = indexing.index_select
    index_add, index_add_ = indexing.index_add, indexing.index_add_
    index_copy, index_copy_ = indexing.index_copy, indexing.index_copy_
    index_fill, index_fill_ = indexing.index_fill, indexing.index_fill_
    index_put, index_put_ = indexing.index_put, indexing.index_put_
    masked_fill, masked_fill_ = indexing.masked_fill, indexing.masked_fill_
    masked_scatter, masked_scatter_ = indexing.masked_scatter, indexing.masked_scatter_
    masked_select = indexing.masked_select
    take = indexing.take
    take_along_dim = indexing.take_along_dim
    nonzero = indexing.nonzero
    nonzero_static = indexing.nonzero_static
    argwhere = indexing.argwhere
    sort = indexing.sort
    argsort = indexing.argsort
    topk = indexing.topk
    unique = indexing.unique
    as_strided, as_strided_ = indexing.as_strided, indexing.as_strided_
    unfold = indexing.unfold
    scatter_reduce, scatter_reduce_ = indexing.scatter_reduce, indexing.scatter_reduce_
    index_reduce, index_reduce_ = indexing.index_reduce, indexing.index_reduce_
    put, put_ = indexing.put, indexing.put_
    copy_ = indexing.copy_
    fill_ = indexing.fill_
    zero_ = indexing.zero_
    fill_diagonal_ = indexing.fill_diagonal_
    apply_ = indexing.apply_
    map_ = indexing.map_
    map2_ = indexing.map2_

    # ------------------------------------------------------------------ linear algebra

    adjoint = linalg.adjoint
    matmul = linalg.matmul
    mm = linalg.mm
    bmm = linalg.bmm
    mv = linalg.mv
    dot = linalg.dot
    outer = linalg.outer
    addmm, addmm_ = linalg.addmm, linalg.addmm_
    trace = linalg.trace
    vdot = linalg.vdot
    ger = linalg.ger
    inner = linalg.inner
    kron = linalg.kron
    cross = linalg.cross
    addmv, addmv_ = linalg.addmv, linalg.addmv_
    addr, addr_ = linalg.addr, linalg.addr_
    addbmm, addbmm_ = linalg.addbmm, linalg.addbmm_
    baddbmm, baddbmm_ = linalg.baddbmm, linalg.baddbmm_
    det = linalg.det
    logdet = linalg.logdet
    cholesky = linalg.cholesky
    cholesky_inverse = linalg.cholesky_inverse
    pinverse = linalg.pinverse
    triangular_solve = linalg.triangular_solve
    geqrf = linalg.geqrf
    orgqr = linalg.orgqr
    ormqr = linalg.ormqr
    matrix_power = linalg.matrix_power
    matrix_exp = linalg.matrix_exp
    dist = linalg.dist

    def cholesky_solve(self: Any, input2: Tensor, upper: bool = False) -> Tensor:
        """The x of A x = self, where `input2` is the Cholesky factor of A; see `minidl.cholesky_solve`."""
        return linalg.cholesky_solve(self, input2, upper)

    @property
    def mT(self: Any) -> Tensor:
        """Every matrix transposed, (*, m, n) -> (*, n, m); a view. Errors: RuntimeError for a vector."""
        return linalg.mT(self)

    @property
    def mH(self: Any) -> Tensor:
        """Every matrix transposed and conjugated, (*, m, n) -> (*, n, m). Errors: RuntimeError for a vector."""
        return linalg.adjoint(self)

    @property
    def H(self: Any) -> Tensor:
        """The matrix transposed and conjugated, (m, n) -> (n, m). Errors: RuntimeError unless 2D."""
        return linalg.H(self)

    # ------------------------------------------------------------------ special functions

    erfinv, erfinv_ = special.erfinv, special.erfinv_
    lgamma, lgamma_ = special.lgamma, special.lgamma_
    digamma, digamma_ = special.digamma, special.digamma_
    mvlgamma, mvlgamma_ = special.mvlgamma, special.mvlgamma_
    sinc, sinc_ = special.sinc, special.sinc_
    logit, logit_ = special.logit, special.logit_
    i0, i0_ = special.i0, special.i0_
    igamma, igamma_ = special.igamma, special.igamma_
    igammac, igammac_ = special.igammac, special.igammac_
    logaddexp2 = special.logaddexp2
    polygamma_ = special.polygamma_

    def polygamma(self: Any, n: int) -> Tensor:
        """The n-th derivative of digamma; see `minidl.polygamma`, which takes n first."""
        return special.polygamma(n, self)

    # ------------------------------------------------------------------ statistics

    median = statistics.median
    nanmedian = statistics.nanmedian
    kthvalue = statistics.kthvalue
    mode = statistics.mode
    quantile = statistics.quantile
    nanquantile = statistics.nanquantile
    cov = statistics.cov
    corrcoef = statistics.corrcoef
    renorm, renorm_ = statistics.renorm, statistics.renorm_
    msort = statistics.msort
    sum_to_size = statistics.sum_to_size
    bincount = statistics.bincount
    histc = statistics.histc
    histogram = statistics.histogram
    unique_consecutive = statistics.unique_consecutive

    # ------------------------------------------------------------------ short-time Fourier transforms

    stft = fft.stft
    istft = fft.istft

    # ------------------------------------------------------------------ random draws

    multinomial = random.multinomial
    exponential_ = random.exponential_
    cauchy_ = random.cauchy_
    log_normal_ = random.log_normal_
    geometric_ = random.geometric_
    random_ = random.random_
    uniform_ = random.uniform_
    normal_ = random.normal_

    # ------------------------------------------------------------------ other names, and questions

    narrow_copy = torch_names.narrow_copy
    inverse = torch_names.inverse
    qr = torch_names.qr
    svd = torch_names.svd
    lu = torch_names.lu
    lu_solve = torch_names.lu_solve
    slogdet = torch_names.slogdet
    absolute, absolute_ = torch_names.absolute, torch_names.absolute_
    subtract, subtract_ = torch_names.subtract, torch_names.subtract_
    multiply, multiply_ = torch_names.multiply, torch_names.multiply_
    divide, divide_ = torch_names.divide, torch_names.divide_
    true_divide, true_divide_ = torch_names.true_divide, torch_names.true_divide_
    negative, negative_ = torch_names.negative, torch_names.negative_
    fix, fix_ = torch_names.fix, torch_names.fix_
    greater, greater_ = torch_names.greater, torch_names.greater_
    greater_equal, greater_equal_ = torch_names.greater_equal, torch_names.greater_equal_
    less, less_ = torch_names.less, torch_names.less_
    less_equal, less_equal_ = torch_names.less_equal, torch_names.less_equal_
    not_equal, not_equal_ = torch_names.not_equal, torch_names.not_equal_
    arccos, arccos_ = torch_names.arccos, torch_names.arccos_
    arcsin, arcsin_ = torch_names.arcsin, torch_names.arcsin_
    arctan, arctan_ = torch_names.arctan, torch_names.arctan_
    arctan2, arctan2_ = torch_names.arctan2, torch_names.arctan2_
    arccosh, arccosh_ = torch_names.arccosh, torch_names.arccosh_
    arcsinh, arcsinh_ = torch_names.arcsinh, torch_names.arcsinh_
    arctanh, arctanh_ = torch_names.arctanh, torch_names.arctanh_
    float_power, float_power_ = torch_names.float_power, torch_names.float_power_
    positive = torch_names.positive
    clamp_min, clamp_min_ = torch_names.clamp_min, torch_names.clamp_min_
    clamp_max, clamp_max_ = torch_names.clamp_max, torch_names.clamp_max_
    rad2deg, rad2deg_ = torch_names.rad2deg, torch_names.rad2deg_
    deg2rad, deg2rad_ = torch_names.deg2rad, torch_names.deg2rad_
    isposinf = torch_names.isposinf
    isneginf = torch_names.isneginf
    isreal = torch_names.isreal
    is_complex = torch_names.is_complex
    is_nonzero = torch_names.is_nonzero
    is_distributed = torch_names.is_distributed
    is_signed = torch_names.is_signed
    is_same_size = torch_names.is_same_size
    is_inference = torch_names.is_inference
    relu_ = torch_names.relu_

    # ------------------------------------------------------------------ new tensors of this dtype and device

    bernoulli = creation.bernoulli
    bernoulli_ = random.bernoulli_
    new = creation.new
    new_tensor = creation.new_tensor
    new_zeros = creation.new_zeros
    new_ones = creation.new_ones
    new_empty = creation.new_empty
    new_empty_strided = creation.new_empty_strided
    to_sparse, to_sparse_coo, to_sparse_csr, to_sparse_csc, to_sparse_bsr, to_sparse_bsc = (
        sparse_ops.to_sparse, sparse_ops.to_sparse, sparse_ops.to_sparse_csr, sparse_ops.to_sparse_csc,
        sparse_ops.to_sparse_bsr, sparse_ops.to_sparse_bsc)
    to_dense, sparse_mask, sparse_dim, dense_dim = (
        sparse_ops.to_dense, sparse_ops.sparse_mask, sparse_ops.sparse_dim, sparse_ops.dense_dim)
    coalesce, is_coalesced, indices, values, crow_indices, col_indices, ccol_indices, row_indices = map(
        sparse_ops.refused_by_dense, sparse_ops.PARTS)
    new_full = creation.new_full


def _comparable(other: Any) -> bool:
    return isinstance(other, (TensorBase, int, float, complex, np.generic)) or is_array(other)
