"""The Tensor that users hold: the fields of `TensorBase`, and a method for every op.

Methods are one line each, on top of `minidl.ops`, where the mathematics and the documentation stand.
"""
from __future__ import annotations

import builtins
import copy
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np

from minidl.autograd import hooks, inplace, interface
from minidl.autograd.op import AccumulateGrad, Op, RemovableHandle
from minidl.autograd.tensorbase import TensorBase, version_of, wrap
from minidl.backend import dtype as dtypes
from minidl.backend.device import Device, as_device, device_of, is_array, move, to_numpy
from minidl.backend.random import Generator, default_generator
from minidl.ops import activation, decompositions, distance, elementwise, linalg, matrix_functions, reduce, shape, solve
from minidl.ops import index as indexing
from minidl.ops.cast import cast, to_device
from minidl.ops.dims import normalize_dim, sizes
from minidl.printing import format_tensor

# names of types that methods of Tensor hide
Bool: TypeAlias = bool
Int: TypeAlias = int
Float: TypeAlias = float


class Tensor(TensorBase, is_result_type=True):
    """A multi-dimensional array of one dtype that can record what is done with it.

    Made by `minidl.tensor(data)` and its relatives. `Tensor(data)` gives a float tensor of the data,
    `Tensor(2, 3)` one of that size with unset values.

        >>> import minidl
        >>> x = minidl.tensor([1.0, 2.0], requires_grad=True)
        >>> (x ** 2).sum().backward()
        >>> x.grad
        tensor([2., 4.])
    """

    grad: Tensor | None

    def __init__(self, *data: Any) -> None:
        dtype = dtypes.get_default_dtype()
        if len(data) == 1 and not isinstance(data[0], int):
            source = data[0].array if isinstance(data[0], TensorBase) else data[0]
            self.array = source.astype(dtype) if is_array(source) else np.array(source, dtype)
        else:
            self.array = np.empty(data or (0,), dtype)

    # ------------------------------------------------------------------ what it is

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def dtype(self) -> np.dtype:
        return self.array.dtype

    @property
    def device(self) -> Device:
        return device_of(self.array)

    @property
    def ndim(self) -> Int:
        return self.array.ndim

    @property
    def nbytes(self) -> Int:
        return self.array.nbytes

    @property
    def itemsize(self) -> Int:
        return self.array.itemsize

    @property
    def is_cuda(self) -> Bool:
        return self.device.type == "cuda"

    def dim(self) -> Int:
        return self.array.ndim

    ndimension = dim

    def size(self, dim: Int | None = None) -> Any:
        return self.array.shape if dim is None else self.array.shape[normalize_dim(dim, self.ndim, "size")]

    def numel(self) -> Int:
        return self.array.size

    nelement = numel

    def element_size(self) -> Int:
        return self.array.itemsize

    def stride(self, dim: Int | None = None) -> Any:
        """Steps between neighbours along each axis, in elements."""
        strides = tuple([s // self.array.itemsize for s in self.array.strides])
        return strides if dim is None else strides[dim]

    def is_contiguous(self) -> Bool:
        return bool(self.array.flags.c_contiguous)

    def data_ptr(self) -> Int:
        """The address of the first element."""
        return self.array.ctypes.data if isinstance(self.array, np.ndarray) else self.array.data.ptr

    def is_floating_point(self) -> Bool:
        return self.array.dtype.kind == "f"

    def __len__(self) -> Int:
        if self.array.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return len(self.array)

    def __repr__(self) -> str:
        note = "" if not self.requires_grad else "requires_grad=True" if self.is_leaf else f"grad_fn={self.grad_fn}"
        device = self.device
        name = str(Device("cuda", device.index or 0)) if device.type == "cuda" else str(device)
        return format_tensor(to_numpy(self.array), name, note)

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if self.array.ndim == 0 else object.__format__(self, spec)

    __hash__ = object.__hash__

    # ------------------------------------------------------------------ gradients

    @property
    def requires_grad(self) -> Bool:
        """Whether gradients flow to this tensor; set it on a leaf to have them collected in `.grad`."""
        if self.view_of is not None:
            self.view_of.refresh(self)
        return self.edge is not None

    @requires_grad.setter
    def requires_grad(self, value: Bool) -> None:
        if not self.is_leaf:
            if not value:
                raise RuntimeError("you can only change requires_grad flags of leaf variables. If you want to use a "
                                   "computed variable in a subgraph that doesn't require differentiation use "
                                   "var_no_grad = var.detach().")
        elif not value:
            self.edge = None
        elif self.array.dtype.kind != "f":
            raise RuntimeError(f"only Tensors of floating point dtype can require gradients, but this one is "
                               f"{self.array.dtype}; make it floating first, with .float()")
        elif self.edge is None:
            self.edge = (AccumulateGrad(self), 0)
            self.view_of = None   # a leaf from now on, whatever memory it looks into

    def requires_grad_(self, requires_grad: Bool = True) -> Tensor:
        self.requires_grad = requires_grad
        return self

    @property
    def is_leaf(self) -> Bool:
        """Whether no recorded op made this tensor: gradients stop here."""
        return not self.requires_grad or isinstance(self.edge[0], AccumulateGrad)  # type: ignore[index]

    @property
    def grad_fn(self) -> Op | None:
        """The recorded step that made this tensor."""
        return None if self.is_leaf else self.edge[0]  # type: ignore[index]

    @property
    def output_nr(self) -> Int:
        return 0 if self.edge is None else self.edge[1]

    @property
    def data(self) -> Tensor:
        """The same memory as a tensor that knows nothing of gradients. Writes to it are not noticed by
        the tape; prefer `detach()`."""
        return wrap(self.array)

    @data.setter
    def data(self, other: Tensor) -> None:
        self.array = other.array

    @property
    def _version(self) -> Int:
        return version_of(self)[0]

    def backward(self, gradient: Tensor | None = None, retain_graph: Bool | None = None,
                 create_graph: Bool = False, inputs: Any = None) -> None:
        """Add the gradients of this tensor to the `.grad` of the leaves; see `minidl.autograd.backward`."""
        interface.backward(self, gradient, retain_graph, create_graph, inputs)

    def detach(self) -> Tensor:
        """The same memory without the history. An in-place write to one is noticed by the other."""
        result = wrap(self.array)
        result.version = version_of(self)
        return result

    def detach_(self) -> Tensor:
        if self.view_of is not None:
            raise RuntimeError("Can't detach views in-place. Use detach() instead.")
        self.edge = None
        return self

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call `hook(grad)` when this tensor's gradient is complete; a Tensor it returns replaces it."""
        return hooks.register_hook(self, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> RemovableHandle:
        """Call `hook(tensor)` after a gradient has been added to the `.grad` of this leaf."""
        return hooks.register_post_accumulate_grad_hook(self, hook)

    def retain_grad(self) -> None:
        """Collect the gradient in `.grad` though this tensor is no leaf."""
        hooks.retain_grad(self)

    # ------------------------------------------------------------------ to and from other things

    def to(self, *args: Any, **kwargs: Any) -> Tensor:
        """In another dtype, on another device, or both; itself if nothing changes (unless `copy=True`).

        `to(dtype)`, `to(device)`, `to(device, dtype)`, `to(other_tensor)`, or by keyword.
        """
        device, dtype, copy = parse_to(*args, **kwargs)
        result = self if device is None else to_device(self, device)
        result = result if dtype is None else cast(result, dtype)
        return result.clone() if copy and result is self else result

    def type(self, dtype: Any = None) -> Any:
        return str(self.dtype) if dtype is None else self.to(dtype)

    def type_as(self, other: Tensor) -> Tensor: return self.to(other)
    def float(self) -> Tensor: return cast(self, dtypes.float32)
    def double(self) -> Tensor: return cast(self, dtypes.float64)
    def half(self) -> Tensor: return cast(self, dtypes.float16)
    def int(self) -> Tensor: return cast(self, dtypes.int32)
    def long(self) -> Tensor: return cast(self, dtypes.int64)
    def short(self) -> Tensor: return cast(self, dtypes.int16)
    def char(self) -> Tensor: return cast(self, dtypes.int8)
    def byte(self) -> Tensor: return cast(self, dtypes.uint8)
    def bool(self) -> Tensor: return cast(self, dtypes.bool)
    def cpu(self) -> Tensor: return to_device(self, Device("cpu"))
    def cuda(self, device: Any = None) -> Tensor:
        return to_device(self, as_device("cuda" if device is None else device))

    def numpy(self, *, force: Bool = False) -> np.ndarray:
        """A NumPy array of the same memory. Errors: RuntimeError if it requires grad, TypeError on a GPU;
        `force=True` detaches and copies to the host first."""
        if force:
            return to_numpy(self.array)
        if self.requires_grad:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        if not isinstance(self.array, np.ndarray):
            raise TypeError(f"can't convert {self.device} device type tensor to numpy. Use Tensor.cpu() to copy the "
                            f"tensor to host memory first.")
        return self.array

    def item(self) -> Any:
        """The one element as a Python number. Errors: RuntimeError unless there is exactly one."""
        if self.array.size != 1:
            raise RuntimeError(f"a Tensor with {self.array.size} elements cannot be converted to Scalar")
        return self.array.item()

    def tolist(self) -> Any:
        """Nested lists of Python numbers."""
        return self.array.tolist()

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        array = self.numpy()
        return np.array(array, dtype=dtype, copy=copy) if dtype is not None or copy else array

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """NumPy's ufuncs on Tensors are the ops of the same name, so `ndarray * tensor` is recorded."""
        name = _NUMPY_NAMES.get(ufunc.__name__, ufunc.__name__)
        function = getattr(elementwise, name, None)
        if method == "__call__" and function is not None and not kwargs:
            return function(*[wrap(x) if isinstance(x, np.ndarray) else x for x in inputs])
        arrays = [x.numpy() if isinstance(x, Tensor) else x for x in inputs]
        return getattr(ufunc, method)(*arrays, **kwargs)

    def __float__(self) -> Float: return float(self.item())
    def __int__(self) -> Int: return int(self.item())
    def __complex__(self) -> complex: return complex(self.item())

    def __bool__(self) -> Bool:
        if self.array.size != 1:
            values = "more than one value" if self.array.size else "no values"
            raise RuntimeError(f"Boolean value of Tensor with {values} is ambiguous: its shape is "
                               f"{tuple(self.shape)}; try .any() or .all()")
        return bool(self.item())

    def __index__(self) -> Int:
        if self.array.size != 1 or self.array.dtype.kind not in "biu":
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __deepcopy__(self, memo: dict[Int, Any]) -> Tensor:
        if not self.is_leaf:
            raise RuntimeError("Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
                               "protocol at the moment; detach() or clone() this one.")
        result = self._like(self.array.copy())
        memo[id(self)] = result
        for name, value in vars(self).items():
            if name == "grad" and value is not None:
                result.grad = value.clone().detach()
            elif name not in ("array", "edge", "version", "view_of", "grad"):
                setattr(result, name, copy.deepcopy(value, memo))
        return result

    def _like(self, array: Any) -> Any:
        """A leaf of the same class and with the same requires_grad around another array."""
        result = object.__new__(builtins.type(self))
        result.array = array
        result.requires_grad = self.requires_grad
        return result

    def __reduce_ex__(self, protocol: Any) -> Any:
        if not self.is_leaf:
            raise RuntimeError("only leaves can be pickled: this tensor was computed and requires grad; detach() it")
        return _rebuild, (builtins.type(self), to_numpy(self.array), str(self.device), self.requires_grad)

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
    def __pos__(self) -> Tensor: return self
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

    def __iadd__(self, other: Any) -> Tensor: return self.add_(other)
    def __isub__(self, other: Any) -> Tensor: return self.sub_(other)
    def __imul__(self, other: Any) -> Tensor: return self.mul_(other)
    def __itruediv__(self, other: Any) -> Tensor: return self.div_(other)
    def __ipow__(self, other: Any) -> Tensor: return self.pow_(other)

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

    # ------------------------------------------------------------------ activation

    def relu(self) -> Tensor: return activation.relu(self)
    def softmax(self, dim: Any, dtype: Any = None) -> Tensor:
        return activation.softmax(self, dim, dtype)
    def log_softmax(self, dim: Any, dtype: Any = None) -> Tensor:
        return activation.log_softmax(self, dim, dtype)

    # ------------------------------------------------------------------ reductions

    def sum(self, dim: Any = None, keepdim: Any = False, *, dtype: Any = None) -> Tensor:
        return reduce.sum(self, dim, keepdim, dtype=dtype)
    def mean(self, dim: Any = None, keepdim: Any = False, *, dtype: Any = None) -> Tensor:
        return reduce.mean(self, dim, keepdim, dtype=dtype)
    def prod(self, dim: Any = None, keepdim: Any = False, *, dtype: Any = None) -> Tensor:
        return reduce.prod(self, dim, keepdim, dtype=dtype)
    def max(self, dim: Any = None, keepdim: Any = False) -> Any:
        return reduce.max(self, dim, keepdim)
    def min(self, dim: Any = None, keepdim: Any = False) -> Any:
        return reduce.min(self, dim, keepdim)
    def amax(self, dim: Any = (), keepdim: Any = False) -> Tensor:
        return reduce.amax(self, dim, keepdim)
    def amin(self, dim: Any = (), keepdim: Any = False) -> Tensor:
        return reduce.amin(self, dim, keepdim)
    def argmax(self, dim: Any = None, keepdim: Any = False) -> Tensor:
        return reduce.argmax(self, dim, keepdim)
    def argmin(self, dim: Any = None, keepdim: Any = False) -> Tensor:
        return reduce.argmin(self, dim, keepdim)
    def var(self, dim: Any = None, unbiased: Any = True, keepdim: Any = False, *, correction: Any = None) -> Tensor:
        return reduce.var(self, dim, unbiased, keepdim, correction=correction)
    def std(self, dim: Any = None, unbiased: Any = True, keepdim: Any = False, *, correction: Any = None) -> Tensor:
        return reduce.std(self, dim, unbiased, keepdim, correction=correction)
    def logsumexp(self, dim: Any, keepdim: Any = False) -> Tensor:
        return reduce.logsumexp(self, dim, keepdim)
    def all(self, dim: Any = None, keepdim: Any = False) -> Tensor:
        return reduce.all(self, dim, keepdim)
    def any(self, dim: Any = None, keepdim: Any = False) -> Tensor:
        return reduce.any(self, dim, keepdim)
    def count_nonzero(self, dim: Any = None) -> Tensor: return reduce.count_nonzero(self, dim)
    def nansum(self, dim: Any = None, keepdim: Any = False, *, dtype: Any = None) -> Tensor:
        return reduce.nansum(self, dim, keepdim, dtype=dtype)
    def nanmean(self, dim: Any = None, keepdim: Any = False, *, dtype: Any = None) -> Tensor:
        return reduce.nanmean(self, dim, keepdim, dtype=dtype)
    def cumsum(self, dim: Any, *, dtype: Any = None) -> Tensor:
        return reduce.cumsum(self, dim, dtype=dtype)
    def cumprod(self, dim: Any, *, dtype: Any = None) -> Tensor:
        return reduce.cumprod(self, dim, dtype=dtype)
    def norm(self, p: Any = "fro", dim: Any = None, keepdim: Any = False, dtype: Any = None) -> Tensor:
        return reduce.norm(self, p, dim, keepdim, dtype)

    # ------------------------------------------------------------------ shape

    def reshape(self, *size: Any) -> Tensor: return shape.reshape(self, sizes(size))
    def view(self, *size: Any) -> Tensor: return shape.view(self, sizes(size))
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
    def squeeze(self, dim: Any = None) -> Tensor: return shape.squeeze(self, dim)
    def unsqueeze(self, dim: Any) -> Tensor: return shape.unsqueeze(self, dim)
    def expand(self, *size: Any) -> Tensor: return shape.expand(self, sizes(size))
    def expand_as(self, other: Any) -> Tensor: return shape.expand_as(self, other)
    def broadcast_to(self, size: Any) -> Tensor: return shape.broadcast_to(self, size)
    def repeat(self, *repeats: Any) -> Tensor: return shape.repeat(self, sizes(repeats))
    def tile(self, *dims: Any) -> Tensor: return shape.tile(self, sizes(dims))
    def repeat_interleave(self, repeats: Any, dim: Any = None) -> Tensor:
        return indexing.repeat_interleave(self, repeats, dim)
    def split(self, split_size: Any, dim: Any = 0) -> tuple[Tensor, ...]:
        return shape.split(self, split_size, dim)
    def chunk(self, chunks: Any, dim: Any = 0) -> tuple[Tensor, ...]:
        return shape.chunk(self, chunks, dim)
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

    # ------------------------------------------------------------------ indexing

    def gather(self, dim: Any, index: Any) -> Tensor: return indexing.gather(self, dim, index)
    def scatter(self, dim: Any, index: Any, src: Any) -> Tensor:
        return indexing.scatter(self, dim, index, src)
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
    def argwhere(self) -> Tensor: return indexing.argwhere(self)
    def sort(self, dim: Any = -1, descending: Any = False, stable: Any = False) -> Any:
        return indexing.sort(self, dim, descending, stable)
    def argsort(self, dim: Any = -1, descending: Any = False, stable: Any = False) -> Tensor:
        return indexing.argsort(self, dim, descending, stable)
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
    def inverse(self) -> Tensor: return solve.inv(self)
    def det(self) -> Tensor: return solve.det(self)
    def logdet(self) -> Tensor: return solve.logdet(self)
    def slogdet(self) -> Any: return solve.slogdet(self)
    def cholesky(self, *, upper: Bool = False) -> Tensor: return decompositions.cholesky(self, upper=upper)
    def cholesky_inverse(self, upper: Bool = False) -> Tensor: return solve.cholesky_inverse(self, upper)
    def cholesky_solve(self, input2: Any, upper: Bool = False) -> Tensor:
        return solve.cholesky_solve(self, input2, upper)
    def qr(self, some: Bool = True) -> Any: return decompositions.qr_some(self, some)
    def svd(self, some: Bool = True, compute_uv: Bool = True) -> Any:
        return decompositions.svd_some(self, some, compute_uv)
    def pinverse(self, rcond: Float = 1e-15) -> Tensor: return decompositions.pinverse(self, rcond)
    def matrix_power(self, n: Int) -> Tensor: return matrix_functions.matrix_power(self, n)
    def matrix_exp(self) -> Tensor: return matrix_functions.matrix_exp(self)
    def dist(self, other: Any, p: Any = 2) -> Tensor: return distance.dist(self, other, p)

    def where(self, condition: Any, other: Any) -> Tensor: return elementwise.where(condition, self, other)

    @property
    def T(self) -> Tensor: return shape.permute(self, tuple(range(self.ndim))[::-1])

    @property
    def mT(self) -> Tensor: return shape.transpose(self, -2, -1)

    # ------------------------------------------------------------------ in place

    def add_(self, other: Any, *, alpha: Any = 1) -> Tensor:
        return inplace.write(self, elementwise.Add(), other if alpha == 1 else other * alpha)

    def sub_(self, other: Any, *, alpha: Any = 1) -> Tensor:
        return inplace.write(self, elementwise.Sub(), other if alpha == 1 else other * alpha)

    def mul_(self, other: Any) -> Tensor: return inplace.write(self, elementwise.Mul(), other)
    def div_(self, other: Any) -> Tensor: return inplace.write(self, elementwise.Div(), other)
    def pow_(self, exponent: Any) -> Tensor: return inplace.write(self, elementwise.Pow(), exponent)
    def neg_(self) -> Tensor: return inplace.write(self, elementwise.Neg())
    def abs_(self) -> Tensor: return inplace.write(self, elementwise.Abs())
    def square_(self) -> Tensor: return inplace.write(self, elementwise.Square())
    def sqrt_(self) -> Tensor: return inplace.write(self, elementwise.Sqrt())
    def rsqrt_(self) -> Tensor: return inplace.write(self, elementwise.Rsqrt())
    def reciprocal_(self) -> Tensor: return inplace.write(self, elementwise.Reciprocal())
    def exp_(self) -> Tensor: return inplace.write(self, elementwise.Exp())
    def log_(self) -> Tensor: return inplace.write(self, elementwise.Log())
    def sin_(self) -> Tensor: return inplace.write(self, elementwise.Sin())
    def cos_(self) -> Tensor: return inplace.write(self, elementwise.Cos())
    def tanh_(self) -> Tensor: return inplace.write(self, elementwise.Tanh())
    def sigmoid_(self) -> Tensor: return inplace.write(self, elementwise.Sigmoid())
    def relu_(self) -> Tensor: return activation.relu(self, inplace=True)
    def floor_(self) -> Tensor: return inplace.write(self, elementwise.Floor())
    def ceil_(self) -> Tensor: return inplace.write(self, elementwise.Ceil())
    def trunc_(self) -> Tensor: return inplace.write(self, elementwise.Trunc())
    def clamp_(self, min: Any = None, max: Any = None) -> Tensor:
        return inplace.write(self, elementwise.Clamp(), min, max)
    def lerp_(self, end: Any, weight: Any) -> Tensor:
        return inplace.write(self, elementwise.Lerp(), end, weight)

    def addcmul_(self, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor:
        return inplace.write(self, elementwise.Add(), tensor1 * tensor2 * value)

    def addcdiv_(self, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor:
        return inplace.write(self, elementwise.Add(), tensor1 / tensor2 * value)

    def copy_(self, src: Any, non_blocking: Bool = False) -> Tensor: return indexing.copy_(self, src)
    def fill_(self, value: Any) -> Tensor: return indexing.fill_(self, value)
    def zero_(self) -> Tensor: return indexing.zero_(self)
    def masked_fill_(self, mask: Any, value: Any) -> Tensor: return indexing.masked_fill_(self, mask, value)
    def scatter_(self, dim: Int, index: Any, src: Any = None, **kwargs: Any) -> Tensor:
        return indexing.scatter_(self, dim, index, src, **kwargs)
    def scatter_add_(self, dim: Int, index: Any, src: Any) -> Tensor:
        return indexing.scatter_add_(self, dim, index, src)
    def index_add_(self, dim: Int, index: Any, source: Any, *, alpha: Any = 1) -> Tensor:
        return indexing.index_add_(self, dim, index, source, alpha=alpha)
    def index_copy_(self, dim: Int, index: Any, source: Any) -> Tensor:
        return indexing.index_copy_(self, dim, index, source)
    def index_fill_(self, dim: Int, index: Any, value: Any) -> Tensor:
        return indexing.index_fill_(self, dim, index, value)
    def index_put_(self, indices: Any, values: Any, accumulate: Bool = False) -> Tensor:
        return indexing.index_put_(self, indices, values, accumulate)

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
        values = self._random(distribution, generator)
        values *= scale
        values += shift
        return self.copy_(wrap(values))

    def _random(self, distribution: str, generator: Generator | None) -> Any:
        stream = (generator or default_generator(self.device)).stream
        dtype = np.float64 if self.dtype == np.float64 else np.float32
        return getattr(stream, distribution)(self.shape, dtype=dtype)


_NUMPY_NAMES = {"subtract": "sub", "multiply": "mul", "true_divide": "div", "divide": "div", "power": "pow",
                "negative": "neg", "absolute": "abs", "arctan2": "atan2", "equal": "eq", "not_equal": "ne",
                "less": "lt", "less_equal": "le", "greater": "gt", "greater_equal": "ge", "matmul": "matmul",
                "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh", "arccosh": "acosh",
                "arctanh": "atanh", "invert": "bitwise_not", "rint": "round"}


def _comparable(other: Any) -> bool:
    return isinstance(other, (TensorBase, int, float, np.generic)) or is_array(other)


def _rebuild(cls: type, array: np.ndarray, device: str, requires_grad: bool) -> Any:
    """A pickled tensor, on its device again."""
    result: Any = object.__new__(cls)
    result.array = move(array, Device(device))
    result.requires_grad = requires_grad
    return result


def parse_to(*args: Any, device: Any = None, dtype: Any = None, non_blocking: bool = False,
              copy: bool = False) -> tuple[Device | None, Any, bool]:
    """The many ways to call `Tensor.to`."""
    for arg in args:
        if isinstance(arg, TensorBase):
            device, dtype = device_of(arg.array), arg.array.dtype
        elif isinstance(arg, Device) or isinstance(arg, str) and arg.partition(":")[0] in ("cpu", "cuda"):
            device = arg
        elif isinstance(arg, bool) or arg is None:
            pass   # non_blocking, copy: nothing to do
        elif isinstance(arg, int):
            device = arg
        elif isinstance(arg, str) and not _is_dtype(arg):
            device = Device(arg)   # raises: neither a device nor a dtype
        else:
            dtype = arg
    return None if device is None else as_device(device), None if dtype is None else np.dtype(dtype), copy


def _is_dtype(name: str) -> bool:
    try:
        return np.dtype(name) in dtypes.supported
    except TypeError:
        return False
