"""New tensors of random numbers."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.backend import dtype as dtypes
from minidl.backend.device import Device, as_device, get_library, library_of, same_device
from minidl.backend.dtype import get_default_dtype
from minidl.ops.base import broadcast_shape, natural
from minidl.ops.base.declaration import public
from minidl.random import Generator, default_generator
from minidl.tensors.creation.data import finish
from minidl.tensors.creation.filled import read_size

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


def _stream(generator: Generator | None, device: Any) -> tuple[Any, Device]:
    """The random stream to draw from, and its device."""
    if generator is None:
        device = as_device(device)
        return default_generator(device).stream, device
    if device is not None and not same_device(as_device(device), generator.device):
        raise RuntimeError(f"Expected a '{as_device(device)}' device type for generator but found "
                           f"'{generator.device}'")
    return generator.stream, generator.device


def _floating(draw: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Draw floating numbers: float16 by way of float32, and a complex number as its two parts."""
    dtype = np.dtype(dtype or get_default_dtype())
    if dtype.kind == "c":
        return draw((*shape, 2), dtype=dtypes.real_of(dtype)).view(dtype)[..., 0]
    if dtype.kind != "f":
        raise RuntimeError(f"random numbers from a continuous distribution need a floating dtype, not {dtype}; "
                           f"randint gives integers")
    return draw(shape, dtype=np.float32).astype(dtype) if dtype == np.float16 else draw(shape, dtype=dtype)


@public
def rand(*dims: Any, size: Any = (), generator: Generator | None = None, dtype: Any = None, device: Any = None,
         requires_grad: bool = False, out: Tensor | None = None) -> Tensor:
    """Numbers uniform on [0, 1); for a complex dtype both parts are."""
    stream, _ = _stream(generator, device)
    return finish(_floating(stream.random, read_size(dims, size), dtype), requires_grad)


@public
def randn(*dims: Any, size: Any = (), generator: Generator | None = None, dtype: Any = None, device: Any = None,
          requires_grad: bool = False, out: Tensor | None = None) -> Tensor:
    """Normal numbers with mean 0 and variance 1; each part of a complex number has variance 1/2."""
    stream, _ = _stream(generator, device)
    draws = _floating(stream.standard_normal, read_size(dims, size), dtype)
    return finish(draws * math.sqrt(0.5) if draws.dtype.kind == "c" else draws, requires_grad)


@public
def randint(low: Any = 0, high: Any = None, size: Any = None, *, generator: Generator | None = None, dtype: Any = None,
            device: Any = None, requires_grad: bool = False, out: Tensor | None = None) -> Tensor:
    """Whole numbers from `low` to `high - 1`; `randint(high, size)` starts at 0."""
    if size is None:
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    for name, bound in (("low", low), ("high", high)):
        if not hasattr(bound, "__index__"):
            raise TypeError(f"randint(): argument '{name}' must be int, not {type(bound).__name__}")
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    kind = np.dtype(dtype or np.int64)
    least, largest = (0, 1) if kind.kind == "b" else (low, high)
    if kind.kind in "iu":
        least, largest = np.iinfo(kind).min, np.iinfo(kind).max
    if low < least:
        raise RuntimeError(f"randint: from is out of bounds for {kind}, whose least number is {least}, but got "
                           f"low={low}")
    if high - 1 > largest:
        raise RuntimeError(f"randint: to - 1 is out of bounds for {kind}, whose largest number is {largest}, but got "
                           f"high={high}")
    stream, _ = _stream(generator, device)
    array = stream.integers(low, high, size=read_size((size,)))
    return finish(array.astype(kind, copy=False), requires_grad)


@public
def randperm(n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None,
             requires_grad: bool = False, out: Tensor | None = None) -> Tensor:
    """The numbers 0 to n - 1 in random order."""
    stream, target = _stream(generator, device)
    library = get_library(target)
    n = natural("randperm", "n", n)
    with library.on(target):
        order = stream.permutation(n) if hasattr(stream, "permutation") else library.xp.argsort(stream.random(n))
    drawn: Any = wrap(order.astype(dtype or np.int64, copy=False))
    return drawn.requires_grad_(requires_grad)


@public
def normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None,
           dtype: Any = None, device: Any = None, requires_grad: bool = False, out: Tensor | None = None) -> Tensor:
    """Normal numbers with the given mean and standard deviation: numbers with a `size`, or tensors.

    The dtype is that of `mean`, or of `std` if only that is a tensor.
    """
    if isinstance(std, (int, float)) and std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    like: Any = mean if isinstance(mean, TensorBase) else std if isinstance(std, TensorBase) else None
    if like is None:
        draws = randn(size, generator=generator, dtype=dtype, device=device) * std + mean
        return draws.requires_grad_(requires_grad)
    shape = broadcast_shape("normal", getattr(mean, "shape", ()), getattr(std, "shape", ()))
    if isinstance(std, TensorBase):
        library_of(std.array).assert_none(std.array < 0, RuntimeError, "normal expects all elements of std >= 0.0")
    drawn: Any = randn(shape, generator=generator, dtype=like.dtype, device=like.device) * std + mean
    return drawn.to(like.dtype)


@public
def bernoulli(input: Tensor, p: float | None = None, *, generator: Generator | None = None,
              out: Tensor | None = None) -> Tensor:
    """1 with probability `input`, else 0, element by element; `p` replaces all probabilities.

    Errors: RuntimeError for a probability outside [0, 1], NotImplementedError if `input` is not floating and there is
    no `p`.

        >>> import minidl
        >>> minidl.bernoulli(minidl.tensor([0.0, 1.0]))
        tensor([0., 1.])
    """
    if p is None and input.dtype.kind != "f":
        raise NotImplementedError(f"bernoulli: expected floating-point probabilities, but got {input.dtype}; "
                                  f"try .float(), or p=...")
    chance: Any = input.detach() if p is None else p
    values = input.array if p is None else np.asarray(p)
    library_of(values).assert_none(~((values >= 0) & (values <= 1)), RuntimeError, (
        "bernoulli: expected all probabilities p to hold 0 <= p <= 1; they may be logits that want a sigmoid() first"))
    floating = input.dtype if input.dtype.kind == "f" else get_default_dtype()
    draws = rand(input.shape, generator=generator, device=input.device, dtype=floating)
    return (draws < chance).to(input.dtype)


@public
def rand_like(input: Tensor, *, generator: Generator | None = None, dtype: Any = None, device: Any = None,
              requires_grad: bool = False) -> Tensor:
    """`rand` in the shape, dtype and device of `input`."""
    return rand(input.shape, generator=generator, dtype=dtype or input.dtype, device=device or input.device,
                requires_grad=requires_grad)


@public
def randn_like(input: Tensor, *, generator: Generator | None = None, dtype: Any = None, device: Any = None,
               requires_grad: bool = False) -> Tensor:
    """`randn` in the shape, dtype and device of `input`."""
    return randn(input.shape, generator=generator, dtype=dtype or input.dtype, device=device or input.device,
                 requires_grad=requires_grad)


@public
def randint_like(input: Tensor, low: int, high: int | None = None, *, generator: Generator | None = None,
                 dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """`randint` in the shape, dtype and device of `input`."""
    if high is None:
        low, high = 0, low
    return randint(low, high, input.shape, generator=generator, dtype=dtype or input.dtype,
                   device=device or input.device, requires_grad=requires_grad)
