"""New tensors: filled, like another, and ranges."""
from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.tensorbase import TensorBase
from minidl.backend.device import Array, array_module, as_device, get_library, made_on
from minidl.backend.dtype import as_representable, default_complex, get_default_dtype
from minidl.ops.base import natural, sizes
from minidl.ops.base.declaration import public
from minidl.tensors.creation.data import finish, from_nested, tensor

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


def read_size(dims: tuple[Any, ...], size: Any = ()) -> tuple[int, ...]:
    """The size given as `f(2, 3)`, `f((2, 3))` or `f(size=(2, 3))`."""
    if any(isinstance(n, bool) for n in dims):
        raise TypeError(f"argument 'size' must be a tuple of ints, but found a bool in {dims}; requires_grad, dtype "
                        "and device are given by name")
    shape = sizes(dims or (size,))
    if any(n < 0 for n in shape):
        raise RuntimeError(f"Trying to create tensor with negative dimension: {list(shape)}")
    return shape


def _filled(shape: tuple[int, ...], value: Any, dtype: Any, device: Any, requires_grad: bool) -> Tensor:
    target = as_device(device)
    library = get_library(target)
    with library.on(target):
        array = library.xp.empty(shape, dtype) if value is None else \
            library.xp.zeros(shape, dtype) if value == 0 else library.xp.full(shape, value, dtype)
    return finish(array, requires_grad)


@public
def zeros(*dims: Any, size: Any = (), dtype: Any = None, device: Any = None, requires_grad: bool = False,
          out: Tensor | None = None) -> Tensor:
    """A tensor of zeros. Its size is given as numbers or as one tuple."""
    return _filled(read_size(dims, size), 0, dtype or get_default_dtype(), device, requires_grad)


@public
def ones(*dims: Any, size: Any = (), dtype: Any = None, device: Any = None, requires_grad: bool = False,
         out: Tensor | None = None) -> Tensor:
    """A tensor of ones. Its size is given as numbers or as one tuple."""
    return _filled(read_size(dims, size), 1, dtype or get_default_dtype(), device, requires_grad)


@public
def empty(*dims: Any, size: Any = (), dtype: Any = None, device: Any = None, requires_grad: bool = False,
          out: Tensor | None = None) -> Tensor:
    """A tensor with unset values: whatever is in the memory."""
    shape = read_size(dims, size)
    if 0 in shape:      # a type that NumPy has not is fine where there are no numbers
        dtype = getattr(dtype, "no_numbers", dtype)
    return _filled(shape, None, dtype or get_default_dtype(), device, requires_grad)


@public
def full(size: Sequence[int], fill_value: Any, *, dtype: Any = None, device: Any = None,
         requires_grad: bool = False, out: Tensor | None = None) -> Tensor:
    """A tensor full of one value; its default dtype is that of the value."""
    if isinstance(fill_value, TensorBase):
        fill_value = fill_value.array.item()
    if not isinstance(fill_value, (bool, int, float, complex, np.generic)):
        raise TypeError(f"full(): argument 'fill_value' (position 2) must be Number, not {type(fill_value).__name__}")
    if dtype is None:
        dtype = from_nested(fill_value, None).dtype
    else:
        number = fill_value.item() if isinstance(fill_value, np.generic) else fill_value
        fill_value = as_representable(number, np.dtype(dtype))
    return _filled(read_size((size,) if isinstance(size, (tuple, list)) else (size,)), fill_value,
                   dtype, device, requires_grad)


def empty_strided(size: Any, stride: Any, *, dtype: Any = None, device: Any = None,
                  requires_grad: bool = False) -> Tensor:
    """A tensor of unset values, with strides `stride` in elements.

        >>> import minidl
        >>> minidl.empty_strided((2, 3), (1, 2)).stride()
        (1, 2)
    """
    shape, strides = read_size((size,)), sizes((stride,))
    if len(shape) != len(strides):
        raise RuntimeError(f"empty_strided: mismatch in length of strides and shape: {strides} and {shape}")
    reach = sum([(n - 1) * step for n, step in zip(shape, strides)]) + 1 if 0 not in shape else 0
    memory = empty(reach, dtype=dtype, device=device).array
    steps = tuple([step * memory.itemsize for step in strides])
    return finish(array_module(memory).lib.stride_tricks.as_strided(memory, shape, steps), requires_grad)


def empty_permuted(size: Any, physical_layout: Any, *, dtype: Any = None, device: Any = None,
                   requires_grad: bool = False) -> Tensor:
    """A tensor of unset values with the axes `physical_layout` in memory, the outermost first.

        >>> import minidl
        >>> minidl.empty_permuted((2, 3, 4), (0, 2, 1)).stride()
        (12, 1, 3)
    """
    shape, order = read_size((size,)), sizes((physical_layout,))
    if sorted(order) != list(builtins.range(len(shape))):
        raise RuntimeError(f"empty_permuted: expected physical_layout to name each dimension of {shape} once, but got "
                           f"{order}")
    array = empty([shape[i] for i in order], dtype=dtype, device=device).array
    return finish(array.transpose(sorted(builtins.range(len(order)), key=order.__getitem__)), requires_grad)


@public
def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None,
        requires_grad: bool = False, out: Tensor | None = None) -> Tensor:
    """Ones on the diagonal of an (n, m) matrix, zeros elsewhere."""
    natural("eye", "n", n)
    natural("eye", "m", n if m is None else m)
    dtype = dtype or get_default_dtype()
    return finish(made_on(as_device(device), lambda xp: xp.eye(n, m, dtype=dtype)), requires_grad)


@public
def zeros_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of the shape, dtype and device of `input`."""
    return zeros(input.shape, dtype=dtype or input.dtype, device=device or input.device, requires_grad=requires_grad)


@public
def ones_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of the shape, dtype and device of `input`."""
    return ones(input.shape, dtype=dtype or input.dtype, device=device or input.device, requires_grad=requires_grad)


@public
def empty_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Unset memory of the shape, dtype and device of `input`."""
    return empty(input.shape, dtype=dtype or input.dtype, device=device or input.device, requires_grad=requires_grad)


@public
def full_like(input: Tensor, fill_value: Any, *, dtype: Any = None, device: Any = None,
              requires_grad: bool = False) -> Tensor:
    """One value in the shape, dtype and device of `input`."""
    return full(input.shape, fill_value, dtype=dtype or input.dtype, device=device or input.device,
                requires_grad=requires_grad)


def scalar_tensor(s: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A number as a tensor without dimensions, of the default floating dtype unless `dtype` is given."""
    return full((), s, dtype=dtype or get_default_dtype(), device=device, requires_grad=requires_grad)


# ------------------------------------------------------------- methods of Tensor: with its dtype and device

def new(input: Any, *data: Any) -> Tensor:
    """The old name of `new_tensor(data)`, and, with sizes (`new(2, 3)`), of `new_empty`."""
    sized = len(data) != 1 or isinstance(data[0], int)
    return new_empty(input, data or (0,)) if sized else new_tensor(input, *data)


@public
def new_tensor(input: Any, data: Any, *, dtype: Any = None, device: Any = None,
               requires_grad: bool = False) -> Tensor:
    """`tensor(data)` of the dtype and device of `input`."""
    return tensor(data, dtype=dtype or input.dtype, device=device or input.device, requires_grad=requires_grad)


@public
def new_zeros(input: Any, *dims: Any, size: Any = (), dtype: Any = None, device: Any = None,
              requires_grad: bool = False) -> Tensor:
    """`zeros(size)` of the dtype and device of `input`."""
    return zeros(read_size(dims, size), dtype=dtype or input.dtype, device=device or input.device,
                 requires_grad=requires_grad)


@public
def new_ones(input: Any, *dims: Any, size: Any = (), dtype: Any = None, device: Any = None,
             requires_grad: bool = False) -> Tensor:
    """`ones(size)` of the dtype and device of `input`."""
    return ones(read_size(dims, size), dtype=dtype or input.dtype, device=device or input.device,
                requires_grad=requires_grad)


@public
def new_empty(input: Any, *dims: Any, size: Any = (), dtype: Any = None, device: Any = None,
              requires_grad: bool = False) -> Tensor:
    """`empty(size)` of the dtype and device of `input`."""
    return empty(read_size(dims, size), dtype=dtype or input.dtype, device=device or input.device,
                 requires_grad=requires_grad)


@public
def new_empty_strided(input: Any, size: Any, stride: Any, *, dtype: Any = None, device: Any = None,
                      requires_grad: bool = False) -> Tensor:
    """`empty_strided(size, stride)` of the dtype and device of `input`."""
    return empty_strided(size, stride, dtype=dtype or input.dtype, device=device or input.device,
                         requires_grad=requires_grad)


@public
def new_full(input: Any, size: Sequence[int], fill_value: Any, *, dtype: Any = None, device: Any = None,
             requires_grad: bool = False) -> Tensor:
    """`full(size, fill_value)` of the dtype and device of `input`."""
    return full(size, fill_value, dtype=dtype or input.dtype, device=device or input.device,
                requires_grad=requires_grad)


# ---------------------------------------------------------------------- ranges

def _check_steps(start: Any, end: Any, step: Any) -> None:
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if not math.isfinite(end - start):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        raise RuntimeError(f"upper bound and lower bound inconsistent with step sign: from {start} to {end} by {step}")


@public
def arange(start: Any = 0, end: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None,
           requires_grad: bool = False, out: Tensor | None = None) -> Tensor:
    """start, start + step, ... below `end`; `arange(n)` counts from 0. Whole numbers give int64.

        >>> import minidl
        >>> minidl.arange(1, 2, 0.25)
        tensor([1.0000, 1.2500, 1.5000, 1.7500])
    """
    if end is None:
        start, end = 0, start
    start, end, step = _numbers(start, end, step)
    if dtype is None:
        dtype = get_default_dtype() if any(isinstance(x, float) for x in (start, end, step)) else np.int64
    _check_steps(start, end, step)
    if np.dtype(dtype).kind in "iu":
        count = math.ceil((end - start) / step)
        start, end, step = int(start), int(end), int(step)      # cut off, as in PyTorch
        _check_steps(start, end, step)
        if np.dtype(dtype) != np.int64:
            end = start + count * step          # as many as without cutting: PyTorch counts so in all but int64

    def make(xp: Any) -> Array:
        if isinstance(start, int) and isinstance(end, int) and isinstance(step, int):
            array = xp.arange(start, end, step, dtype=np.int64)
        else:
            count = xp.arange(math.ceil((end - start) / step), dtype=np.float64)
            exact = np.longdouble(step) if xp is np else step       # on the CPU rounded once, as by fma
            array = (start + count * exact).astype(np.float64, copy=False)
        return array.astype(dtype, copy=False)

    return finish(made_on(as_device(device), make), requires_grad)


def _numbers(*given: Any) -> list[Any]:
    """Python numbers from numbers and tensors of one element."""
    return [x.item() if hasattr(x, "item") else int(x) if isinstance(x, bool) else x for x in given]


@public
def range(start: Any, end: Any, step: Any = 1, *, dtype: Any = None, device: Any = None,
          requires_grad: bool = False, out: Tensor | None = None) -> Tensor:
    """start, start + step, ... up to and including `end`; floating unless `dtype` is given.

    Deprecated in PyTorch: use `arange`.

        >>> import minidl
        >>> minidl.range(1, 3)
        tensor([1., 2., 3.])
    """
    start, end, step = _numbers(start, end, step)
    dtype = np.dtype(dtype or get_default_dtype())
    _check_steps(start, end, step)
    if dtype.kind in "iu":
        start, end, step = int(start), int(end), int(step)
        _check_steps(start, end, step)
    count = math.floor((end - start) / step) + 1
    array = made_on(as_device(device), lambda xp: (start + xp.arange(count) * step).astype(dtype, copy=False))
    return finish(array, requires_grad)


@public
def linspace(start: float, end: float, steps: int, *, dtype: Any = None, device: Any = None,
             requires_grad: bool = False, out: Tensor | None = None) -> Tensor:
    """`steps` values from `start` to `end`, both included: counted from the nearer end, in float64, then rounded.

    Integers are cut off towards 0, as in PyTorch. Complex ends give complex values.

        >>> import minidl
        >>> minidl.linspace(0, 1, 5), minidl.linspace(-5, 5, 4, dtype=minidl.int64)
        (tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000]), tensor([-5, -1,  1,  5]))
    """
    n = natural("linspace", "steps", steps)
    start, end = _numbers(start, end)
    if dtype is None:
        dtype = default_complex() if isinstance(start, complex) or isinstance(end, complex) else get_default_dtype()
    start, end = _ends("linspace", start, end, dtype)
    array = made_on(as_device(device), lambda xp: _even(xp, start, end, n).astype(dtype, copy=False))
    return finish(array, requires_grad)


def _even(xp: Any, start: Any, end: Any, n: int) -> Array:
    """`n` values from `start` to `end`, in float64."""
    step, middle, count = (end - start) / max(n - 1, 1), (n + 1) // 2, xp.arange(n)
    return xp.where(count < middle, start + step * count, end - step * (n - 1 - count))


@public
def logspace(start: float, end: float, steps: int, base: float = 10.0, *, dtype: Any = None,
             device: Any = None, requires_grad: bool = False, out: Tensor | None = None) -> Tensor:
    """`steps` values from base**start to base**end, evenly spaced on a logarithmic scale.

    For a dtype of integers, the two ends and the values are cut off towards 0, as in PyTorch.

        >>> import minidl
        >>> minidl.logspace(0, 2, 5, dtype=minidl.int64)
        tensor([  1,   3,  10,  31, 100])
    """
    n = natural("logspace", "steps", steps)
    dtype = np.dtype(dtype or get_default_dtype())
    start, end, base = _numbers(start, end, base)
    if n != 1:      # PyTorch cuts the ends off only where there are two
        start, end = _ends("logspace", start, end, dtype)
    array = made_on(as_device(device), lambda xp: xp.power(base, _even(xp, start, end, n)).astype(dtype, copy=False))
    return finish(array, requires_grad)


def _ends(who: str, start: Any, end: Any, dtype: Any) -> tuple[Any, Any]:
    """The ends of a range; whole numbers for a dtype of integers. Errors: RuntimeError where it cannot hold them."""
    if np.dtype(dtype).kind not in "iu":
        return start, end
    start, end = int(start), int(end)
    limits = np.iinfo(dtype)
    if not all(limits.min <= x <= limits.max for x in (start, end)):
        raise RuntimeError(f"{who}: value cannot be converted to type {np.dtype(dtype)} without overflow: the ends are "
                           f"{start} and {end}")
    return start, end
