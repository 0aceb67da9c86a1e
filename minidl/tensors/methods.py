"""A method for every op, one line each. The mathematics and the documentation stand in `minidl.ops`."""
from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from minidl.autograd.tensorbase import TensorBase
from minidl.backend.device import is_array
from minidl.ops import activation, elementwise, fft, linalg, random, reduce, shape, special, statistics, torch_names
from minidl.ops import index as indexing
from minidl.ops.base import numpy_names, sizes
from minidl.tensors import creation
from minidl.tensors.methods_in_place import InPlaceMethods

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

# names of types that methods hide
Bool: TypeAlias = bool
Int: TypeAlias = int
Float: TypeAlias = float
Complex: TypeAlias = complex


class Methods(InPlaceMethods):
    """What can be done with a tensor. `Tensor` adds what it is."""

    # ------------------------------------------------------------------ operators

    def __add__(self, other: Any) -> Tensor: return elementwise.add(self, other)
    def __radd__(self, other: Any) -> Tensor: return elementwise.add(other, self)
    def __sub__(self, other: Any) -> Tensor: return elementwise.sub(self, other)
    def __rsub__(self, other: Any) -> Tensor: return elementwise.sub(other, self)
    def __mul__(self, other: Any) -> Tensor: return elementwise.mul(self, other)
    def __rmul__(self, other: Any) -> Tensor: return elementwise.mul(other, self)
    def __truediv__(self, other: Any) -> Tensor: return elementwise.div(self, other)
    def __rtruediv__(self, other: Any) -> Tensor: return elementwise.div(other, self)
    def __floordiv__(self, other: Any) -> Tensor: return elementwise.floor_divide(self, other)
    def __rfloordiv__(self, other: Any) -> Tensor: return elementwise.floor_divide(other, self)
    def __mod__(self, other: Any) -> Tensor: return elementwise.remainder(self, other)
    def __rmod__(self, other: Any) -> Tensor: return elementwise.remainder(other, self)
    def __pow__(self, other: Any) -> Tensor: return elementwise.pow(self, other)
    def __rpow__(self, other: Any) -> Tensor: return elementwise.pow(other, self)
    def __matmul__(self, other: Any) -> Tensor: return linalg.matmul(self, other)
    def __rmatmul__(self, other: Any) -> Tensor: return linalg.matmul(other, self)
    def __neg__(self) -> Tensor: return elementwise.neg(self)
    def __pos__(self) -> Any: return self
    def __abs__(self) -> Tensor: return elementwise.abs(self)
    def __invert__(self) -> Tensor: return elementwise.bitwise_not(self)
    def __and__(self, other: Any) -> Tensor: return elementwise.bitwise_and(self, other)
    def __rand__(self, other: Any) -> Tensor: return elementwise.bitwise_and(other, self)
    def __or__(self, other: Any) -> Tensor: return elementwise.bitwise_or(self, other)
    def __ror__(self, other: Any) -> Tensor: return elementwise.bitwise_or(other, self)
    def __xor__(self, other: Any) -> Tensor: return elementwise.bitwise_xor(self, other)
    def __rxor__(self, other: Any) -> Tensor: return elementwise.bitwise_xor(other, self)

    # comparisons with what is no number or tensor are left to Python: `t == None` is False
    def __eq__(self, other: Any) -> Any:
        return elementwise.eq(self, other) if _comparable(other) else NotImplemented
    def __ne__(self, other: Any) -> Any:
        return elementwise.ne(self, other) if _comparable(other) else NotImplemented
    def __lt__(self, other: Any) -> Tensor: return elementwise.lt(self, other)
    def __le__(self, other: Any) -> Tensor: return elementwise.le(self, other)
    def __gt__(self, other: Any) -> Tensor: return elementwise.gt(self, other)
    def __ge__(self, other: Any) -> Tensor: return elementwise.ge(self, other)

    def __getitem__(self, key: Any) -> Tensor: return indexing.getitem(self, key)
    def __setitem__(self, key: Any, value: Any) -> None: indexing.setitem(self, key, value)

    def __iter__(self) -> Iterator[Tensor]:
        if self.array.ndim == 0:
            raise TypeError("iteration over a 0-d tensor")
        return iter(shape.unbind(self))

    def __contains__(self, value: Any) -> Bool: return bool((self == value).any())

    # ------------------------------------------------------------------ elementwise

    def add(self, other: Any, *, alpha: Any = 1) -> Tensor:
        return elementwise.add(self, other, alpha=alpha)
    def sub(self, other: Any, *, alpha: Any = 1) -> Tensor:
        return elementwise.sub(self, other, alpha=alpha)
    def mul(self, other: Any) -> Tensor: return elementwise.mul(self, other)
    def div(self, other: Any, *, rounding_mode: Any = None) -> Tensor:
        return elementwise.div(self, other, rounding_mode=rounding_mode)
    def floor_divide(self, other: Any) -> Tensor: return elementwise.floor_divide(self, other)
    def remainder(self, other: Any) -> Tensor: return elementwise.remainder(self, other)
    def fmod(self, other: Any) -> Tensor: return elementwise.fmod(self, other)
    def pow(self, exponent: Any) -> Tensor: return elementwise.pow(self, exponent)
    def neg(self) -> Tensor: return elementwise.neg(self)
    def abs(self) -> Tensor: return elementwise.abs(self)
    def sign(self) -> Tensor: return elementwise.sign(self)
    def square(self) -> Tensor: return elementwise.square(self)
    def sqrt(self) -> Tensor: return elementwise.sqrt(self)
    def rsqrt(self) -> Tensor: return elementwise.rsqrt(self)
    def reciprocal(self) -> Tensor: return elementwise.reciprocal(self)
    def exp(self) -> Tensor: return elementwise.exp(self)
    def exp2(self) -> Tensor: return elementwise.exp2(self)
    def expm1(self) -> Tensor: return elementwise.expm1(self)
    def log(self) -> Tensor: return elementwise.log(self)
    def log2(self) -> Tensor: return elementwise.log2(self)
    def log10(self) -> Tensor: return elementwise.log10(self)
    def log1p(self) -> Tensor: return elementwise.log1p(self)
    def sin(self) -> Tensor: return elementwise.sin(self)
    def cos(self) -> Tensor: return elementwise.cos(self)
    def tan(self) -> Tensor: return elementwise.tan(self)
    def asin(self) -> Tensor: return elementwise.asin(self)
    def acos(self) -> Tensor: return elementwise.acos(self)
    def atan(self) -> Tensor: return elementwise.atan(self)
    def sinh(self) -> Tensor: return elementwise.sinh(self)
    def cosh(self) -> Tensor: return elementwise.cosh(self)
    def tanh(self) -> Tensor: return elementwise.tanh(self)
    def asinh(self) -> Tensor: return elementwise.asinh(self)
    def acosh(self) -> Tensor: return elementwise.acosh(self)
    def atanh(self) -> Tensor: return elementwise.atanh(self)
    def atan2(self, other: Any) -> Tensor: return elementwise.atan2(self, other)
    def erf(self) -> Tensor: return elementwise.erf(self)
    def erfc(self) -> Tensor: return elementwise.erfc(self)
    def floor(self) -> Tensor: return elementwise.floor(self)
    def ceil(self) -> Tensor: return elementwise.ceil(self)
    def round(self, *, decimals: Any = 0) -> Tensor:
        return elementwise.round(self, decimals=decimals)
    def trunc(self) -> Tensor: return elementwise.trunc(self)
    def frac(self) -> Tensor: return elementwise.frac(self)
    def maximum(self, other: Any) -> Tensor: return elementwise.maximum(self, other)
    def minimum(self, other: Any) -> Tensor: return elementwise.minimum(self, other)
    def fmax(self, other: Any) -> Tensor: return elementwise.fmax(self, other)
    def fmin(self, other: Any) -> Tensor: return elementwise.fmin(self, other)
    def clamp(self, min: Any = None, max: Any = None) -> Tensor:
        return elementwise.clamp(self, min, max)
    def clip(self, min: Any = None, max: Any = None) -> Tensor:
        return elementwise.clip(self, min, max)
    def lerp(self, end: Any, weight: Any) -> Tensor: return elementwise.lerp(self, end, weight)
    def addcmul(self, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor:
        return elementwise.addcmul(self, tensor1, tensor2, value=value)
    def addcdiv(self, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor:
        return elementwise.addcdiv(self, tensor1, tensor2, value=value)
    def nan_to_num(self, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Tensor:
        return elementwise.nan_to_num(self, nan, posinf, neginf)
    def isnan(self) -> Tensor: return elementwise.isnan(self)
    def isinf(self) -> Tensor: return elementwise.isinf(self)
    def isfinite(self) -> Tensor: return elementwise.isfinite(self)
    def eq(self, other: Any) -> Tensor: return elementwise.eq(self, other)
    def ne(self, other: Any) -> Tensor: return elementwise.ne(self, other)
    def lt(self, other: Any) -> Tensor: return elementwise.lt(self, other)
    def le(self, other: Any) -> Tensor: return elementwise.le(self, other)
    def gt(self, other: Any) -> Tensor: return elementwise.gt(self, other)
    def ge(self, other: Any) -> Tensor: return elementwise.ge(self, other)
    def isclose(self, other: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: Any = False) -> Tensor:
        return elementwise.isclose(self, other, rtol, atol, equal_nan)
    def allclose(self, other: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: Any = False) -> Bool:
        return elementwise.allclose(self, other, rtol, atol, equal_nan)
    def equal(self, other: Any) -> Bool: return elementwise.equal(self, other)
    def logical_and(self, other: Any) -> Tensor: return elementwise.logical_and(self, other)
    def logical_or(self, other: Any) -> Tensor: return elementwise.logical_or(self, other)
    def logical_xor(self, other: Any) -> Tensor: return elementwise.logical_xor(self, other)
    def logical_not(self) -> Tensor: return elementwise.logical_not(self)
    def bitwise_and(self, other: Any) -> Tensor: return elementwise.bitwise_and(self, other)
    def bitwise_or(self, other: Any) -> Tensor: return elementwise.bitwise_or(self, other)
    def bitwise_xor(self, other: Any) -> Tensor: return elementwise.bitwise_xor(self, other)
    def bitwise_not(self) -> Tensor: return elementwise.bitwise_not(self)
    def sigmoid(self) -> Tensor: return elementwise.sigmoid(self)
    def logaddexp(self, other: Any) -> Tensor: return elementwise.logaddexp(self, other)
    def hypot(self, other: Any) -> Tensor: return elementwise.hypot(self, other)
    def xlogy(self, other: Any) -> Tensor: return elementwise.xlogy(self, other)

    # ------------------------------------------------------------------ complex numbers

    def sgn(self) -> Tensor: return elementwise.sgn(self)
    def angle(self) -> Tensor: return elementwise.angle(self)
    def conj(self) -> Tensor: return elementwise.conj(self)
    def conj_physical(self) -> Tensor: return elementwise.conj_physical(self)
    def resolve_conj(self) -> Tensor: return elementwise.resolve_conj(self)
    def resolve_neg(self) -> Tensor: return elementwise.resolve_neg(self)
    def is_conj(self) -> Bool: return elementwise.is_conj(self)
    def is_neg(self) -> Bool: return elementwise.is_neg(self)
    def adjoint(self) -> Tensor: return linalg.adjoint(self)

    @property
    def real(self) -> Tensor: return elementwise.real(self)
    @real.setter
    def real(self, value: Any) -> None: elementwise.real(self).copy_(value)
    @property
    def imag(self) -> Tensor: return elementwise.imag(self)
    @imag.setter
    def imag(self, value: Any) -> None: elementwise.imag(self).copy_(value)

    def stft(self, n_fft: Int, *args: Any, **kwargs: Any) -> Tensor: return fft.stft(self, n_fft, *args, **kwargs)
    def istft(self, n_fft: Int, *args: Any, **kwargs: Any) -> Tensor: return fft.istft(self, n_fft, *args, **kwargs)

    # ------------------------------------------------------------------ activation

    def relu(self) -> Tensor: return activation.relu(self)
    def prelu(self, weight: Any) -> Tensor: return activation.prelu(self, weight)
    def hardshrink(self, lambd: Any = 0.5) -> Tensor: return activation.hardshrink(self, lambd)
    def softmax(self, dim: Any, dtype: Any = None) -> Tensor:
        return activation.softmax(self, dim, dtype)
    def log_softmax(self, dim: Any, dtype: Any = None) -> Tensor:
        return activation.log_softmax(self, dim, dtype)

    # ------------------------------------------------------------------ reductions

    @numpy_names
    def sum(self, dim: Any = None, keepdim: Any = False, *, dtype: Any = None) -> Tensor:
        return reduce.sum(self, dim, keepdim, dtype=dtype)
    @numpy_names
    def mean(self, dim: Any = None, keepdim: Any = False, *, dtype: Any = None) -> Tensor:
        return reduce.mean(self, dim, keepdim, dtype=dtype)
    @numpy_names
    def prod(self, dim: Any = None, keepdim: Any = False, *, dtype: Any = None) -> Tensor:
        return reduce.prod(self, dim, keepdim, dtype=dtype)
    @numpy_names
    def max(self, dim: Any = None, keepdim: Any = False) -> Any:
        return reduce.max(self, dim, keepdim)
    @numpy_names
    def min(self, dim: Any = None, keepdim: Any = False) -> Any:
        return reduce.min(self, dim, keepdim)
    @numpy_names
    def amax(self, dim: Any = (), keepdim: Any = False) -> Tensor:
        return reduce.amax(self, dim, keepdim)
    @numpy_names
    def amin(self, dim: Any = (), keepdim: Any = False) -> Tensor:
        return reduce.amin(self, dim, keepdim)
    def aminmax(self, *, dim: Any = None, keepdim: Any = False) -> Any:
        return reduce.aminmax(self, dim=dim, keepdim=keepdim)
    @numpy_names
    def argmax(self, dim: Any = None, keepdim: Any = False) -> Tensor:
        return reduce.argmax(self, dim, keepdim)
    @numpy_names
    def argmin(self, dim: Any = None, keepdim: Any = False) -> Tensor:
        return reduce.argmin(self, dim, keepdim)
    @numpy_names
    def var(self, dim: Any = None, unbiased: Any = True, keepdim: Any = False, *, correction: Any = None) -> Tensor:
        return reduce.var(self, dim, unbiased, keepdim, correction=correction)
    @numpy_names
    def std(self, dim: Any = None, unbiased: Any = True, keepdim: Any = False, *, correction: Any = None) -> Tensor:
        return reduce.std(self, dim, unbiased, keepdim, correction=correction)
    @numpy_names
    def logsumexp(self, dim: Any, keepdim: Any = False) -> Tensor:
        return reduce.logsumexp(self, dim, keepdim)
    @numpy_names
    def all(self, dim: Any = None, keepdim: Any = False) -> Tensor:
        return reduce.all(self, dim, keepdim)
    @numpy_names
    def any(self, dim: Any = None, keepdim: Any = False) -> Tensor:
        return reduce.any(self, dim, keepdim)
    @numpy_names
    def count_nonzero(self, dim: Any = None) -> Tensor: return reduce.count_nonzero(self, dim)
    @numpy_names
    def nansum(self, dim: Any = None, keepdim: Any = False, *, dtype: Any = None) -> Tensor:
        return reduce.nansum(self, dim, keepdim, dtype=dtype)
    @numpy_names
    def nanmean(self, dim: Any = None, keepdim: Any = False, *, dtype: Any = None) -> Tensor:
        return reduce.nanmean(self, dim, keepdim, dtype=dtype)
    @numpy_names
    def cumsum(self, dim: Any, *, dtype: Any = None) -> Tensor:
        return reduce.cumsum(self, dim, dtype=dtype)
    @numpy_names
    def cumprod(self, dim: Any, *, dtype: Any = None) -> Tensor:
        return reduce.cumprod(self, dim, dtype=dtype)
    @numpy_names
    def norm(self, p: Any = "fro", dim: Any = None, keepdim: Any = False, dtype: Any = None) -> Tensor:
        return reduce.norm(self, p, dim, keepdim, dtype)

    # ------------------------------------------------------------------ shape

    def reshape(self, *size: Any) -> Tensor: return shape.reshape(self, sizes(size))
    def view(self, *size: Any) -> Tensor:
        return shape.view(self, size[0] if len(size) == 1 and isinstance(size[0], np.dtype) else sizes(size))
    def view_as(self, other: Any) -> Tensor: return shape.view_as(self, other)
    def reshape_as(self, other: Any) -> Tensor: return shape.reshape_as(self, other)
    def flatten(self, start_dim: Any = 0, end_dim: Any = -1) -> Tensor:
        return shape.flatten(self, start_dim, end_dim)
    def unflatten(self, dim: Any, sizes: Any) -> Tensor: return shape.unflatten(self, dim, sizes)
    def ravel(self) -> Tensor: return shape.ravel(self)
    def permute(self, *dims: Any) -> Tensor: return shape.permute(self, sizes(dims))
    def transpose(self, dim0: Any, dim1: Any) -> Tensor: return shape.transpose(self, dim0, dim1)
    def t(self) -> Tensor: return shape.t(self)
    def swapaxes(self, axis0: Any, axis1: Any) -> Tensor: return shape.swapaxes(self, axis0, axis1)
    def swapdims(self, dim0: Any, dim1: Any) -> Tensor: return shape.swapdims(self, dim0, dim1)
    def moveaxis(self, source: Any, destination: Any) -> Tensor:
        return shape.moveaxis(self, source, destination)
    def diag_embed(self, offset: Int = 0, dim1: Int = -2, dim2: Int = -1) -> Tensor:
        return shape.diag_embed(self, offset, dim1, dim2)
    def tensor_split(self, indices_or_sections: Any, dim: Int = 0) -> tuple[Tensor, ...]:
        return shape.tensor_split(self, indices_or_sections, dim)
    def movedim(self, source: Any, destination: Any) -> Tensor:
        return shape.movedim(self, source, destination)
    @numpy_names
    def squeeze(self, dim: Any = None) -> Tensor: return shape.squeeze(self, dim)
    @numpy_names
    def unsqueeze(self, dim: Any) -> Tensor: return shape.unsqueeze(self, dim)
    def expand(self, *size: Any) -> Tensor: return shape.expand(self, sizes(size))
    def expand_as(self, other: Any) -> Tensor: return shape.expand_as(self, other)
    def broadcast_to(self, *size: Any) -> Tensor: return shape.broadcast_to(self, sizes(size))
    def repeat(self, *repeats: Any) -> Tensor: return shape.repeat(self, sizes(repeats))
    def tile(self, *dims: Any) -> Tensor: return shape.tile(self, sizes(dims))
    def repeat_interleave(self, repeats: Any, dim: Any = None, *, output_size: Any = None) -> Tensor:
        return indexing.repeat_interleave(self, repeats, dim, output_size=output_size)
    @numpy_names
    def split(self, split_size: Any, dim: Any = 0) -> tuple[Tensor, ...]:
        return shape.split(self, split_size, dim)
    def split_with_sizes(self, split_sizes: Any, dim: Any = 0) -> tuple[Tensor, ...]:
        return shape.split(self, split_sizes, dim)
    def hsplit(self, indices_or_sections: Any) -> tuple[Tensor, ...]: return shape.hsplit(self, indices_or_sections)
    def vsplit(self, indices_or_sections: Any) -> tuple[Tensor, ...]: return shape.vsplit(self, indices_or_sections)
    def dsplit(self, indices_or_sections: Any) -> tuple[Tensor, ...]: return shape.dsplit(self, indices_or_sections)
    @numpy_names
    def chunk(self, chunks: Any, dim: Any = 0) -> tuple[Tensor, ...]:
        return shape.chunk(self, chunks, dim)
    @numpy_names
    def unbind(self, dim: Any = 0) -> tuple[Tensor, ...]: return shape.unbind(self, dim)
    def narrow(self, dim: Any, start: Any, length: Any) -> Tensor:
        return shape.narrow(self, dim, start, length)
    def select(self, dim: Any, index: Any) -> Tensor: return shape.select(self, dim, index)
    def flip(self, *dims: Any) -> Tensor: return shape.flip(self, sizes(dims))
    def fliplr(self) -> Tensor: return shape.fliplr(self)
    def flipud(self) -> Tensor: return shape.flipud(self)
    def roll(self, shifts: Any, dims: Any = None) -> Tensor: return shape.roll(self, shifts, dims)
    def rot90(self, k: Any = 1, dims: Any = (0,1)) -> Tensor: return shape.rot90(self, k, dims)
    def tril(self, diagonal: Any = 0) -> Tensor: return shape.tril(self, diagonal)
    def triu(self, diagonal: Any = 0) -> Tensor: return shape.triu(self, diagonal)
    def diag(self, diagonal: Any = 0) -> Tensor: return shape.diag(self, diagonal)
    def diagonal(self, offset: Any = 0, dim1: Any = 0, dim2: Any = 1) -> Tensor:
        return shape.diagonal(self, offset, dim1, dim2)
    def contiguous(self) -> Tensor: return shape.contiguous(self)
    def clone(self) -> Tensor: return shape.clone(self)
    def diagflat(self, offset: Any = 0) -> Tensor: return shape.diagflat(self, offset)
    def unsafe_split(self, split_size: Any, dim: Any = 0) -> tuple[Tensor, ...]:
        return shape.unsafe_split(self, split_size, dim)
    def unsafe_split_with_sizes(self, split_sizes: Any, dim: Any = 0) -> tuple[Tensor, ...]:
        return shape.unsafe_split_with_sizes(self, split_sizes, dim)
    def unsafe_chunk(self, chunks: Any, dim: Any = 0) -> tuple[Tensor, ...]:
        return shape.unsafe_chunk(self, chunks, dim)
    def narrow_copy(self, dim: Any, start: Any, length: Any) -> Tensor:
        return torch_names.narrow_copy(self, dim, start, length)
    def slice_scatter(self, src: Any, dim: Any = 0, start: Any = None, end: Any = None, step: Any = 1) -> Tensor:
        return indexing.slice_scatter(self, src, dim, start, end, step)
    def select_scatter(self, src: Any, dim: Any, index: Any) -> Tensor:
        return indexing.select_scatter(self, src, dim, index)
    def diagonal_scatter(self, src: Any, offset: Any = 0, dim1: Any = 0, dim2: Any = 1) -> Tensor:
        return indexing.diagonal_scatter(self, src, offset, dim1, dim2)
    def as_strided_scatter(self, src: Any, size: Any, stride: Any, storage_offset: Any = None) -> Tensor:
        return indexing.as_strided_scatter(self, src, size, stride, storage_offset)

    # ------------------------------------------------------------------ indexing

    def gather(self, dim: Any, index: Any) -> Tensor: return indexing.gather(self, dim, index)
    def scatter(self, dim: Any, index: Any, src: Any = None, **kwargs: Any) -> Tensor:
        return indexing.scatter(self, dim, index, src, **kwargs)
    def scatter_add(self, dim: Any, index: Any, src: Any) -> Tensor:
        return indexing.scatter_add(self, dim, index, src)
    def index_select(self, dim: Any, index: Any) -> Tensor:
        return indexing.index_select(self, dim, index)
    def index_add(self, dim: Any, index: Any, source: Any, *, alpha: Any = 1) -> Tensor:
        return indexing.index_add(self, dim, index, source, alpha=alpha)
    def index_copy(self, dim: Any, index: Any, source: Any) -> Tensor:
        return indexing.index_copy(self, dim, index, source)
    def index_fill(self, dim: Any, index: Any, value: Any) -> Tensor:
        return indexing.index_fill(self, dim, index, value)
    def index_put(self, indices: Any, values: Any, accumulate: Any = False) -> Tensor:
        return indexing.index_put(self, indices, values, accumulate)
    def masked_fill(self, mask: Any, value: Any) -> Tensor:
        return indexing.masked_fill(self, mask, value)
    def masked_scatter(self, mask: Any, source: Any) -> Tensor:
        return indexing.masked_scatter(self, mask, source)
    def masked_select(self, mask: Any) -> Tensor: return indexing.masked_select(self, mask)
    def take(self, index: Any) -> Tensor: return indexing.take(self, index)
    def take_along_dim(self, indices: Any, dim: Any = None) -> Tensor:
        return indexing.take_along_dim(self, indices, dim)
    def nonzero(self, *, as_tuple: Any = False) -> Any:
        return indexing.nonzero(self, as_tuple=as_tuple)
    def nonzero_static(self, *, size: Int, fill_value: Int = -1) -> Tensor:
        return indexing.nonzero_static(self, size=size, fill_value=fill_value)
    def argwhere(self) -> Tensor: return indexing.argwhere(self)
    @numpy_names
    def sort(self, dim: Any = -1, descending: Any = False, stable: Any = False) -> Any:
        return indexing.sort(self, dim, descending, stable)
    @numpy_names
    def argsort(self, dim: Any = -1, descending: Any = False, stable: Any = False) -> Tensor:
        return indexing.argsort(self, dim, descending, stable)
    @numpy_names
    def topk(self, k: Any, dim: Any = -1, largest: Any = True, sorted: Any = True) -> Any:
        return indexing.topk(self, k, dim, largest, sorted)
    def unique(self, sorted: Any = True, return_inverse: Any = False, return_counts: Any = False,
               dim: Any = None) -> Any:
        return indexing.unique(self, sorted, return_inverse, return_counts, dim)

    # ------------------------------------------------------------------ linear algebra

    def matmul(self, other: Any) -> Tensor: return linalg.matmul(self, other)
    def mm(self, mat2: Any) -> Tensor: return linalg.mm(self, mat2)
    def bmm(self, mat2: Any) -> Tensor: return linalg.bmm(self, mat2)
    def mv(self, vec: Any) -> Tensor: return linalg.mv(self, vec)
    def dot(self, other: Any) -> Tensor: return linalg.dot(self, other)
    def outer(self, vec2: Any) -> Tensor: return linalg.outer(self, vec2)
    def addmm(self, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
        return linalg.addmm(self, mat1, mat2, beta=beta, alpha=alpha)
    def trace(self) -> Tensor: return linalg.trace(self)
    def vdot(self, other: Any) -> Tensor: return linalg.vdot(self, other)
    def ger(self, vec2: Any) -> Tensor: return linalg.ger(self, vec2)
    def inner(self, other: Any) -> Tensor: return linalg.inner(self, other)
    def kron(self, other: Any) -> Tensor: return linalg.kron(self, other)
    def cross(self, other: Any, dim: Any = None) -> Tensor: return linalg.cross(self, other, dim)
    def addmv(self, mat: Any, vec: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
        return linalg.addmv(self, mat, vec, beta=beta, alpha=alpha)
    def addr(self, vec1: Any, vec2: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
        return linalg.addr(self, vec1, vec2, beta=beta, alpha=alpha)
    def addbmm(self, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
        return linalg.addbmm(self, batch1, batch2, beta=beta, alpha=alpha)
    def baddbmm(self, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
        return linalg.baddbmm(self, batch1, batch2, beta=beta, alpha=alpha)
    def inverse(self) -> Tensor: return linalg.inv(self)
    def det(self) -> Tensor: return linalg.det(self)
    def logdet(self) -> Tensor: return linalg.logdet(self)
    def slogdet(self) -> Any: return linalg.slogdet(self)
    def cholesky(self, *, upper: Bool = False) -> Tensor: return linalg.cholesky(self, upper=upper)
    def cholesky_inverse(self, upper: Bool = False) -> Tensor: return linalg.cholesky_inverse(self, upper)
    def cholesky_solve(self, input2: Any, upper: Bool = False) -> Tensor:
        return linalg.cholesky_solve(self, input2, upper)
    def qr(self, some: Bool = True) -> Any: return linalg.qr_some(self, some)
    def svd(self, some: Bool = True, compute_uv: Bool = True) -> Any:
        return linalg.svd_some(self, some, compute_uv)
    def pinverse(self, rcond: Float = 1e-15) -> Tensor: return linalg.pinverse(self, rcond)
    def lu(self, pivot: Bool = True, get_infos: Bool = False) -> Any: return linalg.older_lu(self, pivot, get_infos)
    def lu_solve(self, LU_data: Any, LU_pivots: Any) -> Tensor: return linalg.older_lu_solve(self, LU_data, LU_pivots)
    def triangular_solve(self, A: Any, upper: Bool = True, transpose: Bool = False, unitriangular: Bool = False) -> Any:
        return linalg.triangular_solve(self, A, upper, transpose, unitriangular)
    def geqrf(self) -> Any: return linalg.geqrf(self)
    def orgqr(self, tau: Any) -> Tensor: return linalg.orgqr(self, tau)
    def ormqr(self, tau: Any, other: Any, left: Bool = True, transpose: Bool = False) -> Tensor:
        return linalg.ormqr(self, tau, other, left, transpose)
    def matrix_power(self, n: Int) -> Tensor: return linalg.matrix_power(self, n)
    def matrix_exp(self) -> Tensor: return linalg.matrix_exp(self)
    def dist(self, other: Any, p: Any = 2) -> Tensor: return linalg.dist(self, other, p)

    def where(self, condition: Any, other: Any) -> Tensor: return elementwise.where(condition, self, other)

    @property
    def T(self) -> Tensor: return shape.permute(self, tuple(range(self.array.ndim))[::-1])

    @property
    def mT(self) -> Tensor: return linalg.mT(self)

    @property
    def mH(self) -> Tensor: return linalg.adjoint(self)

    @property
    def H(self) -> Tensor: return linalg.H(self)

    # ------------------------------------------------------------------ special functions

    def erfinv(self) -> Tensor: return special.erfinv(self)
    def lgamma(self) -> Tensor: return special.lgamma(self)
    def digamma(self) -> Tensor: return special.digamma(self)
    def polygamma(self, n: Int) -> Tensor: return special.polygamma(n, self)
    def mvlgamma(self, p: Any) -> Tensor: return special.mvlgamma(self, p)
    def sinc(self) -> Tensor: return special.sinc(self)
    def logit(self, eps: Any = None) -> Tensor: return special.logit(self, eps)
    def i0(self) -> Tensor: return special.i0(self)
    def igamma(self, other: Any) -> Tensor: return special.igamma(self, other)
    def igammac(self, other: Any) -> Tensor: return special.igammac(self, other)
    def logaddexp2(self, other: Any) -> Tensor: return special.logaddexp2(self, other)

    # ------------------------------------------------------------------ signs, bits and whole numbers

    def signbit(self) -> Tensor: return elementwise.signbit(self)
    def copysign(self, other: Any) -> Tensor: return elementwise.copysign(self, other)
    def heaviside(self, values: Any) -> Tensor: return elementwise.heaviside(self, values)
    def frexp(self) -> Any: return elementwise.frexp(self)
    def ldexp(self, other: Any) -> Tensor: return elementwise.ldexp(self, other)
    def nextafter(self, other: Any) -> Tensor: return elementwise.nextafter(self, other)
    def bitwise_left_shift(self, other: Any) -> Tensor: return elementwise.bitwise_left_shift(self, other)
    def bitwise_right_shift(self, other: Any) -> Tensor: return elementwise.bitwise_right_shift(self, other)
    def gcd(self, other: Any) -> Tensor: return elementwise.gcd(self, other)
    def lcm(self, other: Any) -> Tensor: return elementwise.lcm(self, other)

    # ------------------------------------------------------------------ other names

    def absolute(self) -> Tensor: return torch_names.absolute(self)
    def subtract(self, other: Any, *, alpha: Any = 1) -> Tensor:
        return torch_names.subtract(self, other, alpha=alpha)
    def multiply(self, other: Any) -> Tensor: return torch_names.multiply(self, other)
    def divide(self, other: Any, *, rounding_mode: Any = None) -> Tensor:
        return torch_names.divide(self, other, rounding_mode=rounding_mode)
    def true_divide(self, other: Any) -> Tensor: return torch_names.true_divide(self, other)
    def negative(self) -> Tensor: return torch_names.negative(self)
    def fix(self) -> Tensor: return torch_names.fix(self)
    def greater(self, other: Any) -> Tensor: return torch_names.greater(self, other)
    def greater_equal(self, other: Any) -> Tensor: return torch_names.greater_equal(self, other)
    def less(self, other: Any) -> Tensor: return torch_names.less(self, other)
    def less_equal(self, other: Any) -> Tensor: return torch_names.less_equal(self, other)
    def not_equal(self, other: Any) -> Tensor: return torch_names.not_equal(self, other)
    def arccos(self) -> Tensor: return torch_names.arccos(self)
    def arcsin(self) -> Tensor: return torch_names.arcsin(self)
    def arctan(self) -> Tensor: return torch_names.arctan(self)
    def arctan2(self, other: Any) -> Tensor: return torch_names.arctan2(self, other)
    def arccosh(self) -> Tensor: return torch_names.arccosh(self)
    def arcsinh(self) -> Tensor: return torch_names.arcsinh(self)
    def arctanh(self) -> Tensor: return torch_names.arctanh(self)
    def float_power(self, exponent: Any) -> Tensor: return torch_names.float_power(self, exponent)
    def positive(self) -> Tensor: return torch_names.positive(self)
    def clamp_min(self, min: Any) -> Tensor: return torch_names.clamp_min(self, min)
    def clamp_max(self, max: Any) -> Tensor: return torch_names.clamp_max(self, max)
    def rad2deg(self) -> Tensor: return torch_names.rad2deg(self)
    def deg2rad(self) -> Tensor: return torch_names.deg2rad(self)
    def isposinf(self) -> Tensor: return torch_names.isposinf(self)
    def isneginf(self) -> Tensor: return torch_names.isneginf(self)
    def isreal(self) -> Tensor: return torch_names.isreal(self)

    # ------------------------------------------------------------------ questions

    def is_complex(self) -> Any: return torch_names.is_complex(self)
    def is_nonzero(self) -> Any: return torch_names.is_nonzero(self)
    def is_distributed(self) -> Bool: return torch_names.is_distributed(self)
    def is_signed(self) -> Bool: return torch_names.is_signed(self)
    def is_same_size(self, other: Any) -> Bool: return torch_names.is_same_size(self, other)
    def is_inference(self) -> Bool: return torch_names.is_inference(self)

    # ------------------------------------------------------------------ scans

    def cummax(self, dim: Any) -> Any: return reduce.cummax(self, dim)
    def cummin(self, dim: Any) -> Any: return reduce.cummin(self, dim)
    def logcumsumexp(self, dim: Any) -> Tensor: return reduce.logcumsumexp(self, dim)
    def diff(self, n: Any = 1, dim: Any = -1, prepend: Any = None, append: Any = None) -> Tensor:
        return reduce.diff(self, n, dim, prepend, append)

    # ------------------------------------------------------------------ statistics

    def median(self, dim: Any = None, keepdim: Any = False) -> Any:
        return statistics.median(self, dim, keepdim)
    def nanmedian(self, dim: Any = None, keepdim: Any = False) -> Any:
        return statistics.nanmedian(self, dim, keepdim)
    def kthvalue(self, k: Any, dim: Any = -1, keepdim: Any = False) -> Any:
        return statistics.kthvalue(self, k, dim, keepdim)
    def mode(self, dim: Any = -1, keepdim: Any = False) -> Any: return statistics.mode(self, dim, keepdim)
    def quantile(self, q: Any, dim: Any = None, keepdim: Any = False, *, interpolation: Any = "linear") -> Tensor:
        return statistics.quantile(self, q, dim, keepdim, interpolation=interpolation)
    def nanquantile(self, q: Any, dim: Any = None,
                    keepdim: Any = False, *, interpolation: Any = "linear") -> Tensor:
        return statistics.nanquantile(self, q, dim, keepdim, interpolation=interpolation)
    def cov(self, *, correction: Any = 1, fweights: Any = None, aweights: Any = None) -> Tensor:
        return statistics.cov(self, correction=correction, fweights=fweights, aweights=aweights)
    def corrcoef(self) -> Tensor: return statistics.corrcoef(self)
    def renorm(self, p: Any, dim: Any, maxnorm: Any) -> Tensor:
        return statistics.renorm(self, p, dim, maxnorm)
    def msort(self) -> Tensor: return statistics.msort(self)
    def sum_to_size(self, *size: Any) -> Tensor: return statistics.sum_to_size(self, *size)

    # ------------------------------------------------------------------ counting

    def bincount(self, weights: Any = None, minlength: Any = 0) -> Tensor:
        return statistics.bincount(self, weights, minlength)
    def histc(self, bins: Any = 100, min: Any = 0, max: Any = 0) -> Tensor:
        return statistics.histc(self, bins, min, max)
    def histogram(self, bins: Any, *, range: Any = None, weight: Any = None, density: Any = False) -> Any:
        return statistics.histogram(self, bins, range=range, weight=weight, density=density)
    def unique_consecutive(self, return_inverse: Any = False, return_counts: Any = False, dim: Any = None) -> Any:
        return statistics.unique_consecutive(self, return_inverse, return_counts, dim)

    # ------------------------------------------------------------------ windows

    def as_strided(self, size: Any, stride: Any, storage_offset: Any = 0) -> Tensor:
        return indexing.as_strided(self, size, stride, storage_offset)
    def unfold(self, dimension: Any, size: Any, step: Any) -> Tensor:
        return indexing.unfold(self, dimension, size, step)

    # ------------------------------------------------------------------ scattering with a reduction

    def scatter_reduce(self, dim: Any, index: Any, src: Any, reduce: Any, *, include_self: Any = True) -> Tensor:
        return indexing.scatter_reduce(self, dim, index, src, reduce, include_self=include_self)
    def index_reduce(self, dim: Any, index: Any, source: Any, reduce: Any, *, include_self: Any = True) -> Tensor:
        return indexing.index_reduce(self, dim, index, source, reduce, include_self=include_self)
    def put(self, index: Any, source: Any, accumulate: Any = False) -> Tensor:
        return indexing.put(self, index, source, accumulate)

    # ------------------------------------------------------------------ random draws

    def bernoulli(self, p: Any = None, *, generator: Any = None) -> Tensor:
        return creation.bernoulli(self, p, generator=generator)
    def multinomial(self, num_samples: Any, replacement: Any = False, *, generator: Any = None) -> Tensor:
        return random.multinomial(self, num_samples, replacement, generator=generator)

    # ------------------------------------------------------------------ new ones of this kind

    def new(self, *data: Any) -> Tensor: return creation.new(self, *data)
    def new_tensor(self, data: Any, **kwargs: Any) -> Tensor: return creation.new_tensor(self, data, **kwargs)
    def new_zeros(self, *size: Any, **kwargs: Any) -> Tensor: return creation.new_zeros(self, *size, **kwargs)
    def new_ones(self, *size: Any, **kwargs: Any) -> Tensor: return creation.new_ones(self, *size, **kwargs)
    def new_empty(self, *size: Any, **kwargs: Any) -> Tensor: return creation.new_empty(self, *size, **kwargs)
    def new_empty_strided(self, size: Any, stride: Any, **kwargs: Any) -> Tensor:
        return creation.new_empty_strided(self, size, stride, **kwargs)
    def new_full(self, size: Any, fill_value: Any, **kwargs: Any) -> Tensor:
        return creation.new_full(self, size, fill_value, **kwargs)

    def __lshift__(self, other: Any) -> Tensor: return elementwise.bitwise_left_shift(self, other)
    def __rlshift__(self, other: Any) -> Tensor: return elementwise.bitwise_left_shift(other, self)
    def __rshift__(self, other: Any) -> Tensor: return elementwise.bitwise_right_shift(self, other)
    def __rrshift__(self, other: Any) -> Tensor: return elementwise.bitwise_right_shift(other, self)


def _comparable(other: Any) -> bool:
    return isinstance(other, (TensorBase, int, float, Complex, np.generic)) or is_array(other)
