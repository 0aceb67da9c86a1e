"""A method for every function that writes into its tensor, one line each; see `minidl.ops.torch_names.in_place`."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd import inplace
from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.backend.device import device_of
from minidl.ops import elementwise, random
from minidl.ops import index as indexing
from minidl.ops.torch_names import in_place
from minidl.random import Generator, default_generator

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


class InPlaceMethods(TensorBase):
    """What can be done to a tensor. `Methods` adds what can be done with it."""

    # ------------------------------------------------------------------ operators

    def __iadd__(self, other: Any) -> Tensor: return self.add_(other)
    def __isub__(self, other: Any) -> Tensor: return self.sub_(other)
    def __imul__(self, other: Any) -> Tensor: return self.mul_(other)
    def __itruediv__(self, other: Any) -> Tensor: return self.div_(other)
    def __ifloordiv__(self, other: Any) -> Tensor: return self.floor_divide_(other)
    def __imod__(self, other: Any) -> Tensor: return self.remainder_(other)
    def __ipow__(self, other: Any) -> Tensor: return self.pow_(other)
    def __iand__(self, other: Any) -> Tensor: return self.bitwise_and_(other)
    def __ior__(self, other: Any) -> Tensor: return self.bitwise_or_(other)
    def __ixor__(self, other: Any) -> Tensor: return self.bitwise_xor_(other)
    def __ilshift__(self, other: Any) -> Tensor: return self.bitwise_left_shift_(other)
    def __irshift__(self, other: Any) -> Tensor: return self.bitwise_right_shift_(other)

    # ------------------------------------------------------------------ arithmetic; the first three without a detour

    def add_(self, other: Any, *, alpha: Any = 1) -> Tensor:
        return inplace.write(self, elementwise.Add(), other) if alpha == 1 else in_place.add_(self, other, alpha=alpha)
    def sub_(self, other: Any, *, alpha: Any = 1) -> Tensor:
        return inplace.write(self, elementwise.Sub(), other) if alpha == 1 else in_place.sub_(self, other, alpha=alpha)
    def mul_(self, other: Any) -> Tensor: return inplace.write(self, elementwise.Mul(), other)
    def div_(self, other: Any, *, rounding_mode: Any = None) -> Tensor:
        return in_place.div_(self, other, rounding_mode=rounding_mode)
    def subtract_(self, other: Any, *, alpha: Any = 1) -> Tensor: return self.sub_(other, alpha=alpha)
    def multiply_(self, other: Any) -> Tensor: return self.mul_(other)
    def divide_(self, other: Any, *, rounding_mode: Any = None) -> Tensor:
        return self.div_(other, rounding_mode=rounding_mode)
    def true_divide_(self, other: Any) -> Tensor: return in_place.true_divide_(self, other)
    def floor_divide_(self, other: Any) -> Tensor: return in_place.floor_divide_(self, other)
    def remainder_(self, other: Any) -> Tensor: return in_place.remainder_(self, other)
    def fmod_(self, other: Any) -> Tensor: return in_place.fmod_(self, other)
    def pow_(self, exponent: Any) -> Tensor: return in_place.pow_(self, exponent)
    def float_power_(self, exponent: Any) -> Tensor: return in_place.float_power_(self, exponent)
    def neg_(self) -> Tensor: return in_place.neg_(self)
    def negative_(self) -> Tensor: return in_place.neg_(self)
    def abs_(self) -> Tensor: return in_place.abs_(self)
    def absolute_(self) -> Tensor: return in_place.abs_(self)
    def sign_(self) -> Tensor: return in_place.sign_(self)
    def sgn_(self) -> Tensor: return in_place.sgn_(self)
    def conj_physical_(self) -> Tensor: return in_place.conj_physical_(self)
    def floor_(self) -> Tensor: return in_place.floor_(self)
    def ceil_(self) -> Tensor: return in_place.ceil_(self)
    def round_(self, *, decimals: Any = 0) -> Tensor: return in_place.round_(self, decimals=decimals)
    def trunc_(self) -> Tensor: return in_place.trunc_(self)
    def fix_(self) -> Tensor: return in_place.fix_(self)
    def frac_(self) -> Tensor: return in_place.frac_(self)
    def lerp_(self, end: Any, weight: Any) -> Tensor: return in_place.lerp_(self, end, weight)
    def addcmul_(self, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor:
        return in_place.addcmul_(self, tensor1, tensor2, value=value)
    def addcdiv_(self, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor:
        return in_place.addcdiv_(self, tensor1, tensor2, value=value)
    def clamp_(self, min: Any = None, max: Any = None) -> Tensor: return in_place.clamp_(self, min, max)
    def clip_(self, min: Any = None, max: Any = None) -> Tensor: return in_place.clip_(self, min, max)
    def clamp_min_(self, min: Any) -> Tensor: return in_place.clamp_min_(self, min)
    def clamp_max_(self, max: Any) -> Tensor: return in_place.clamp_max_(self, max)
    def nan_to_num_(self, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Tensor:
        return in_place.nan_to_num_(self, nan, posinf, neginf)
    def rad2deg_(self) -> Tensor: return in_place.rad2deg_(self)
    def deg2rad_(self) -> Tensor: return in_place.deg2rad_(self)

    # ------------------------------------------------------------------ exponentials and trigonometry

    def square_(self) -> Tensor: return in_place.square_(self)
    def sqrt_(self) -> Tensor: return in_place.sqrt_(self)
    def rsqrt_(self) -> Tensor: return in_place.rsqrt_(self)
    def reciprocal_(self) -> Tensor: return in_place.reciprocal_(self)
    def exp_(self) -> Tensor: return in_place.exp_(self)
    def exp2_(self) -> Tensor: return in_place.exp2_(self)
    def expm1_(self) -> Tensor: return in_place.expm1_(self)
    def log_(self) -> Tensor: return in_place.log_(self)
    def log2_(self) -> Tensor: return in_place.log2_(self)
    def log10_(self) -> Tensor: return in_place.log10_(self)
    def log1p_(self) -> Tensor: return in_place.log1p_(self)
    def xlogy_(self, other: Any) -> Tensor: return in_place.xlogy_(self, other)
    def sigmoid_(self) -> Tensor: return in_place.sigmoid_(self)
    def logit_(self, eps: Any = None) -> Tensor: return in_place.logit_(self, eps)
    def sin_(self) -> Tensor: return in_place.sin_(self)
    def cos_(self) -> Tensor: return in_place.cos_(self)
    def tan_(self) -> Tensor: return in_place.tan_(self)
    def asin_(self) -> Tensor: return in_place.asin_(self)
    def acos_(self) -> Tensor: return in_place.acos_(self)
    def atan_(self) -> Tensor: return in_place.atan_(self)
    def atan2_(self, other: Any) -> Tensor: return in_place.atan2_(self, other)
    def sinh_(self) -> Tensor: return in_place.sinh_(self)
    def cosh_(self) -> Tensor: return in_place.cosh_(self)
    def tanh_(self) -> Tensor: return in_place.tanh_(self)
    def asinh_(self) -> Tensor: return in_place.asinh_(self)
    def acosh_(self) -> Tensor: return in_place.acosh_(self)
    def atanh_(self) -> Tensor: return in_place.atanh_(self)
    def arcsin_(self) -> Tensor: return in_place.asin_(self)
    def arccos_(self) -> Tensor: return in_place.acos_(self)
    def arctan_(self) -> Tensor: return in_place.atan_(self)
    def arctan2_(self, other: Any) -> Tensor: return in_place.atan2_(self, other)
    def arcsinh_(self) -> Tensor: return in_place.asinh_(self)
    def arccosh_(self) -> Tensor: return in_place.acosh_(self)
    def arctanh_(self) -> Tensor: return in_place.atanh_(self)
    def hypot_(self, other: Any) -> Tensor: return in_place.hypot_(self, other)
    def relu_(self) -> Tensor: return in_place.relu_(self)

    # ------------------------------------------------------------------ special functions

    def sinc_(self) -> Tensor: return in_place.sinc_(self)
    def erf_(self) -> Tensor: return in_place.erf_(self)
    def erfc_(self) -> Tensor: return in_place.erfc_(self)
    def erfinv_(self) -> Tensor: return in_place.erfinv_(self)
    def lgamma_(self) -> Tensor: return in_place.lgamma_(self)
    def digamma_(self) -> Tensor: return in_place.digamma_(self)
    def polygamma_(self, n: int) -> Tensor: return in_place.polygamma_(self, n)
    def mvlgamma_(self, p: Any) -> Tensor: return in_place.mvlgamma_(self, p)
    def igamma_(self, other: Any) -> Tensor: return in_place.igamma_(self, other)
    def igammac_(self, other: Any) -> Tensor: return in_place.igammac_(self, other)
    def i0_(self) -> Tensor: return in_place.i0_(self)

    # ------------------------------------------------------------------ comparisons, logic and bits

    def eq_(self, other: Any) -> Tensor: return in_place.eq_(self, other)
    def ne_(self, other: Any) -> Tensor: return in_place.ne_(self, other)
    def lt_(self, other: Any) -> Tensor: return in_place.lt_(self, other)
    def le_(self, other: Any) -> Tensor: return in_place.le_(self, other)
    def gt_(self, other: Any) -> Tensor: return in_place.gt_(self, other)
    def ge_(self, other: Any) -> Tensor: return in_place.ge_(self, other)
    def not_equal_(self, other: Any) -> Tensor: return in_place.ne_(self, other)
    def less_(self, other: Any) -> Tensor: return in_place.lt_(self, other)
    def less_equal_(self, other: Any) -> Tensor: return in_place.le_(self, other)
    def greater_(self, other: Any) -> Tensor: return in_place.gt_(self, other)
    def greater_equal_(self, other: Any) -> Tensor: return in_place.ge_(self, other)
    def logical_and_(self, other: Any) -> Tensor: return in_place.logical_and_(self, other)
    def logical_or_(self, other: Any) -> Tensor: return in_place.logical_or_(self, other)
    def logical_xor_(self, other: Any) -> Tensor: return in_place.logical_xor_(self, other)
    def logical_not_(self) -> Tensor: return in_place.logical_not_(self)
    def bitwise_and_(self, other: Any) -> Tensor: return in_place.bitwise_and_(self, other)
    def bitwise_or_(self, other: Any) -> Tensor: return in_place.bitwise_or_(self, other)
    def bitwise_xor_(self, other: Any) -> Tensor: return in_place.bitwise_xor_(self, other)
    def bitwise_not_(self) -> Tensor: return in_place.bitwise_not_(self)
    def bitwise_left_shift_(self, other: Any) -> Tensor: return in_place.bitwise_left_shift_(self, other)
    def bitwise_right_shift_(self, other: Any) -> Tensor: return in_place.bitwise_right_shift_(self, other)
    def copysign_(self, other: Any) -> Tensor: return in_place.copysign_(self, other)
    def heaviside_(self, values: Any) -> Tensor: return in_place.heaviside_(self, values)
    def ldexp_(self, other: Any) -> Tensor: return in_place.ldexp_(self, other)
    def nextafter_(self, other: Any) -> Tensor: return in_place.nextafter_(self, other)
    def gcd_(self, other: Any) -> Tensor: return in_place.gcd_(self, other)
    def lcm_(self, other: Any) -> Tensor: return in_place.lcm_(self, other)

    # ------------------------------------------------------------------ linear algebra and scans

    def addmm_(self, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
        return in_place.addmm_(self, mat1, mat2, beta=beta, alpha=alpha)
    def addmv_(self, mat: Any, vec: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
        return in_place.addmv_(self, mat, vec, beta=beta, alpha=alpha)
    def addr_(self, vec1: Any, vec2: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
        return in_place.addr_(self, vec1, vec2, beta=beta, alpha=alpha)
    def addbmm_(self, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
        return in_place.addbmm_(self, batch1, batch2, beta=beta, alpha=alpha)
    def baddbmm_(self, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
        return in_place.baddbmm_(self, batch1, batch2, beta=beta, alpha=alpha)
    def renorm_(self, p: Any, dim: Any, maxnorm: Any) -> Tensor: return in_place.renorm_(self, p, dim, maxnorm)
    def cumsum_(self, dim: Any, *, dtype: Any = None) -> Tensor: return in_place.cumsum_(self, dim, dtype=dtype)
    def cumprod_(self, dim: Any, *, dtype: Any = None) -> Tensor: return in_place.cumprod_(self, dim, dtype=dtype)

    # ------------------------------------------------------------------ parts

    def copy_(self, src: Any, non_blocking: bool = False) -> Tensor: return indexing.copy_(self, src)
    def fill_(self, value: Any) -> Tensor: return indexing.fill_(self, value)
    def zero_(self) -> Tensor: return indexing.zero_(self)
    def fill_diagonal_(self, fill_value: Any, wrap: bool = False) -> Tensor:
        return in_place.fill_diagonal_(self, fill_value, wrap)
    def tril_(self, diagonal: Any = 0) -> Tensor: return in_place.tril_(self, diagonal)
    def triu_(self, diagonal: Any = 0) -> Tensor: return in_place.triu_(self, diagonal)
    def masked_fill_(self, mask: Any, value: Any) -> Tensor: return indexing.masked_fill_(self, mask, value)
    def masked_scatter_(self, mask: Any, source: Any) -> Tensor: return in_place.masked_scatter_(self, mask, source)
    def scatter_(self, dim: int, index: Any, src: Any = None, **kwargs: Any) -> Tensor:
        return indexing.scatter_(self, dim, index, src, **kwargs)
    def scatter_add_(self, dim: int, index: Any, src: Any) -> Tensor:
        return indexing.scatter_add_(self, dim, index, src)
    def scatter_reduce_(self, dim: Any, index: Any, src: Any, reduce: Any, *, include_self: Any = True) -> Tensor:
        return indexing.scatter_reduce_(self, dim, index, src, reduce, include_self=include_self)
    def index_add_(self, dim: int, index: Any, source: Any, *, alpha: Any = 1) -> Tensor:
        return indexing.index_add_(self, dim, index, source, alpha=alpha)
    def index_copy_(self, dim: int, index: Any, source: Any) -> Tensor:
        return indexing.index_copy_(self, dim, index, source)
    def index_fill_(self, dim: int, index: Any, value: Any) -> Tensor:
        return indexing.index_fill_(self, dim, index, value)
    def index_put_(self, indices: Any, values: Any, accumulate: bool = False) -> Tensor:
        return indexing.index_put_(self, indices, values, accumulate)
    def index_reduce_(self, dim: Any, index: Any, source: Any, reduce: Any, *, include_self: Any = True) -> Tensor:
        return indexing.index_reduce_(self, dim, index, source, reduce, include_self=include_self)
    def put_(self, index: Any, source: Any, accumulate: Any = False) -> Tensor:
        return indexing.put_(self, index, source, accumulate)
    def apply_(self, callable: Any) -> Tensor: return in_place.apply_(self, callable)
    def map_(self, tensor: Any, callable: Any) -> Tensor: return in_place.map_(self, tensor, callable)
    def map2_(self, x: Any, y: Any, callable: Any) -> Tensor: return in_place.map2_(self, x, y, callable)

    # ------------------------------------------------------------------ another shape

    def t_(self) -> Tensor: return in_place.t_(self)
    def transpose_(self, dim0: Any, dim1: Any) -> Tensor: return in_place.transpose_(self, dim0, dim1)
    def swapaxes_(self, axis0: Any, axis1: Any) -> Tensor: return in_place.swapaxes_(self, axis0, axis1)
    def swapdims_(self, dim0: Any, dim1: Any) -> Tensor: return in_place.swapdims_(self, dim0, dim1)
    def squeeze_(self, dim: Any = None) -> Tensor: return in_place.squeeze_(self, dim)
    def unsqueeze_(self, dim: Any) -> Tensor: return in_place.unsqueeze_(self, dim)
    def as_strided_(self, size: Any, stride: Any, storage_offset: Any = 0) -> Tensor:
        return in_place.as_strided_(self, size, stride, storage_offset)
    def resize_(self, *size: Any) -> Tensor: return in_place.resize_(self, *size)
    def resize_as_(self, the_template: Any) -> Tensor: return in_place.resize_as_(self, the_template)

    # ------------------------------------------------------------------ random draws

    def exponential_(self, lambd: Any = 1.0, *, generator: Any = None) -> Tensor:
        return random.exponential_(self, lambd, generator=generator)
    def cauchy_(self, median: Any = 0.0, sigma: Any = 1.0, *, generator: Any = None) -> Tensor:
        return random.cauchy_(self, median, sigma, generator=generator)
    def log_normal_(self, mean: Any = 1.0, std: Any = 2.0, *, generator: Any = None) -> Tensor:
        return random.log_normal_(self, mean, std, generator=generator)
    def geometric_(self, p: Any, *, generator: Any = None) -> Tensor:
        return random.geometric_(self, p, generator=generator)
    def random_(self, from_: Any = 0, to: Any = None, *, generator: Any = None) -> Tensor:
        return random.random_(self, from_, to, generator=generator)

    def uniform_(self, from_: Any = 0.0, to: Any = 1.0, *, generator: Generator | None = None) -> Tensor:
        """Fill with numbers uniform on [from_, to)."""
        return self._draw("random", to - from_, from_, generator)

    def normal_(self, mean: Any = 0.0, std: Any = 1.0, *, generator: Generator | None = None) -> Tensor:
        """Fill with normal numbers of the given mean and standard deviation."""
        return self._draw("standard_normal", std, mean, generator)

    def bernoulli_(self, p: Any = 0.5, *, generator: Generator | None = None) -> Tensor:
        """Fill with ones, with probability p each, and zeros."""
        return self.copy_(wrap(self._random("random", generator) < p))

    def _draw(self, distribution: str, scale: Any, shift: Any, generator: Generator | None) -> Tensor:
        if self.array.dtype.kind in "biu":
            raise NotImplementedError(f"the distribution is continuous, and the tensor holds {self.array.dtype}; try "
                                      f"random_ for integers")
        values = self._random(distribution, generator)
        values *= scale
        values += shift
        return self.copy_(wrap(values))

    def _random(self, distribution: str, generator: Generator | None) -> Any:
        stream = (generator or default_generator(device_of(self.array))).stream
        dtype = np.float64 if self.array.dtype == np.float64 else np.float32
        return getattr(stream, distribution)(self.array.shape, dtype=dtype)
