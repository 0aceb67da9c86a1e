"""The twins that write: `exp_(x)` is `exp(x)`, written into x's own memory. Each returns x.

The values, and the gradients, are those of the function without the underscore. A twin cannot grow its tensor, nor give
it another dtype: RuntimeError says so. See `minidl.autograd.inplace` for what else is refused.
"""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.autograd.inplace import replace_by_view, replace_memory, write
from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.backend.device import array_module
from minidl.backend.dtype import complex128, float64
from minidl.ops import activation, elementwise, index, linalg, random, reduce, shape, special, statistics
from minidl.ops.base import sizes
from minidl.ops.index import copy_, setitem
from minidl.ops.torch_names import aliases


def in_place(function: Callable[..., Any]) -> Callable[..., Any]:
    """The twin of `function` that writes into its first argument."""
    return _twin(function, write, f"`{function.__name__}`, written into `input`; returns `input`.")


def in_place_view(function: Callable[..., Any]) -> Callable[..., Any]:
    """The twin of `function`, which looks at its first argument in another shape: the tensor takes that shape."""
    return _twin(function, replace_by_view,
                 f"`{function.__name__}`, of which `input` itself takes the shape; returns `input`.")


def _twin(function: Callable[..., Any], change: Callable[..., Any], doc: str) -> Callable[..., Any]:
    who = f"{function.__name__}_"

    @functools.wraps(function)
    def twin(input: Any, *args: Any, **kwargs: Any) -> Any:
        return change(input, function, *args, who=who, **kwargs)

    twin.__name__ = twin.__qualname__ = who
    twin.__module__ = __name__
    twin.__doc__ = doc
    return twin


# ---------------------------------------------------------------------- arithmetic

add_ = in_place(elementwise.add)
sub_ = in_place(elementwise.sub)
mul_ = in_place(elementwise.mul)
div_ = in_place(elementwise.div)
true_divide_ = in_place(aliases.true_divide)
floor_divide_ = in_place(elementwise.floor_divide)
remainder_ = in_place(elementwise.remainder)
fmod_ = in_place(elementwise.fmod)
pow_ = in_place(elementwise.pow)
neg_ = negative_ = in_place(elementwise.neg)
abs_ = absolute_ = in_place(elementwise.abs)
sign_ = in_place(elementwise.sign)
sgn_ = in_place(elementwise.sgn)
conj_physical_ = in_place(elementwise.conj_physical)
floor_ = in_place(elementwise.floor)
ceil_ = in_place(elementwise.ceil)
round_ = in_place(elementwise.round)
trunc_ = fix_ = in_place(elementwise.trunc)
frac_ = in_place(elementwise.frac)
lerp_ = in_place(elementwise.lerp)
addcmul_ = in_place(elementwise.addcmul)
addcdiv_ = in_place(elementwise.addcdiv)
clamp_ = clip_ = in_place(elementwise.clamp)
clamp_min_ = in_place(aliases.clamp_min)
clamp_max_ = in_place(aliases.clamp_max)
nan_to_num_ = in_place(elementwise.nan_to_num)
rad2deg_ = in_place(aliases.rad2deg)
deg2rad_ = in_place(aliases.deg2rad)


def float_power_(input: Any, exponent: Any) -> Any:
    """`float_power`, written into `input`; returns `input`.

    Errors: RuntimeError unless `input` is float64 or complex128, since the result is.
    """
    if input.dtype not in (float64, complex128):
        raise RuntimeError(f"float_power_: the base given to float_power_ has dtype {input.dtype} but the operation's "
                           f"result requires dtype float64; try .double() first")
    return write(input, aliases.float_power, exponent, who="float_power_")


# ---------------------------------------------------------------------- exponentials, trigonometry, special functions

square_ = in_place(elementwise.square)
sqrt_ = in_place(elementwise.sqrt)
rsqrt_ = in_place(elementwise.rsqrt)
reciprocal_ = in_place(elementwise.reciprocal)
exp_ = in_place(elementwise.exp)
exp2_ = in_place(elementwise.exp2)
expm1_ = in_place(elementwise.expm1)
log_ = in_place(elementwise.log)
log2_ = in_place(elementwise.log2)
log10_ = in_place(elementwise.log10)
log1p_ = in_place(elementwise.log1p)
xlogy_ = in_place(elementwise.xlogy)
sigmoid_ = in_place(elementwise.sigmoid)
logit_ = in_place(special.logit)
sin_ = in_place(elementwise.sin)
cos_ = in_place(elementwise.cos)
tan_ = in_place(elementwise.tan)
asin_ = arcsin_ = in_place(elementwise.asin)
acos_ = arccos_ = in_place(elementwise.acos)
atan_ = arctan_ = in_place(elementwise.atan)
atan2_ = arctan2_ = in_place(elementwise.atan2)
sinh_ = in_place(elementwise.sinh)
cosh_ = in_place(elementwise.cosh)
tanh_ = in_place(elementwise.tanh)
asinh_ = arcsinh_ = in_place(elementwise.asinh)
acosh_ = arccosh_ = in_place(elementwise.acosh)
atanh_ = arctanh_ = in_place(elementwise.atanh)
hypot_ = in_place(elementwise.hypot)
sinc_ = in_place(special.sinc)
erf_ = in_place(elementwise.erf)
erfc_ = in_place(elementwise.erfc)
erfinv_ = in_place(special.erfinv)
lgamma_ = in_place(special.lgamma)
digamma_ = in_place(special.digamma)
mvlgamma_ = in_place(special.mvlgamma)
igamma_ = in_place(special.igamma)
igammac_ = in_place(special.igammac)
i0_ = in_place(special.i0)


def polygamma_(input: Any, n: int) -> Any:
    """`polygamma(n, input)`, written into `input`; returns `input`."""
    return write(input, lambda x: special.polygamma(n, x), who="polygamma_")


# ---------------------------------------------------------------------- comparisons, logic and bits

eq_ = in_place(elementwise.eq)
ne_ = not_equal_ = in_place(elementwise.ne)
lt_ = less_ = in_place(elementwise.lt)
le_ = less_equal_ = in_place(elementwise.le)
gt_ = greater_ = in_place(elementwise.gt)
ge_ = greater_equal_ = in_place(elementwise.ge)
logical_and_ = in_place(elementwise.logical_and)
logical_or_ = in_place(elementwise.logical_or)
logical_xor_ = in_place(elementwise.logical_xor)
logical_not_ = in_place(elementwise.logical_not)
bitwise_and_ = in_place(elementwise.bitwise_and)
bitwise_or_ = in_place(elementwise.bitwise_or)
bitwise_xor_ = in_place(elementwise.bitwise_xor)
bitwise_not_ = in_place(elementwise.bitwise_not)
bitwise_left_shift_ = in_place(elementwise.bitwise_left_shift)
bitwise_right_shift_ = in_place(elementwise.bitwise_right_shift)
copysign_ = in_place(elementwise.copysign)
heaviside_ = in_place(elementwise.heaviside)
ldexp_ = in_place(elementwise.ldexp)
nextafter_ = in_place(elementwise.nextafter)
gcd_ = in_place(elementwise.gcd)
lcm_ = in_place(elementwise.lcm)

# ---------------------------------------------------------------------- linear algebra, scans, parts

addmm_ = in_place(linalg.addmm)
addmv_ = in_place(linalg.addmv)
addr_ = in_place(linalg.addr)
addbmm_ = in_place(linalg.addbmm)
baddbmm_ = in_place(linalg.baddbmm)
renorm_ = in_place(statistics.renorm)
tril_ = in_place(shape.tril)
triu_ = in_place(shape.triu)
masked_scatter_ = in_place(index.masked_scatter)


def cumsum_(input: Any, dim: int, *, dtype: Any = None) -> Any:
    """`cumsum`, written into `input`; returns `input`. Errors: RuntimeError for another `dtype` than it has."""
    _check_dtype(input, dtype)
    return write(input, reduce.cumsum, dim, who="cumsum_")


def cumprod_(input: Any, dim: int, *, dtype: Any = None) -> Any:
    """`cumprod`, written into `input`; returns `input`. Errors: RuntimeError for another `dtype` than it has."""
    _check_dtype(input, dtype)
    return write(input, reduce.cumprod, dim, who="cumprod_")


def _check_dtype(input: Any, dtype: Any) -> None:
    if dtype is not None and np.dtype(dtype) != input.dtype:
        raise RuntimeError(f"Bad in-place call: input tensor dtype {input.dtype} and output tensor dtype "
                           f"{np.dtype(dtype)} should match")


def relu_(input: Any) -> Any:
    """`relu`, written into `input`; returns `input`."""
    return activation.relu(input, inplace=True)


def dropout_(input: Any, p: float, train: bool) -> Any:
    """`dropout`, written into `input`; returns `input`."""
    return random.dropout(input, p, train, inplace=True)


def alpha_dropout_(input: Any, p: float, train: bool) -> Any:
    """`alpha_dropout`, written into `input`; returns `input`."""
    return random.alpha_dropout(input, p, train, inplace=True)


def feature_alpha_dropout_(input: Any, p: float, train: bool) -> Any:
    """`feature_alpha_dropout`, written into `input`; returns `input`."""
    return random.feature_alpha_dropout(input, p, train, inplace=True)


def detach_(input: Any) -> Any:
    """`input` itself, cut off from what it was computed from. Errors: RuntimeError for a view."""
    return input.detach_()


def fill_diagonal_(input: Any, fill_value: float, wrap: bool = False) -> Any:
    """`fill_value` wherever all indices are equal; in a tall matrix, if `wrap`, again below the first square, one row
    left out. Returns `input`.

    Errors: RuntimeError below two dimensions, and where there are more than two of different lengths.

        >>> import minidl
        >>> minidl.zeros(4, 2).fill_diagonal_(1, wrap=True)
        tensor([[1., 0.],
                [0., 1.],
                [0., 0.],
                [1., 0.]])
    """
    shape = input.shape
    if len(shape) < 2:
        raise RuntimeError(f"fill_diagonal_: dimensions must larger than 1, but got shape {tuple(shape)}")
    if len(shape) > 2 and len(set(shape)) > 1:
        raise RuntimeError(f"fill_diagonal_: all dimensions of input must be of equal length, but got {tuple(shape)}")
    if wrap and len(shape) == 2:
        index = np.unravel_index(np.arange(0, shape[0] * shape[1], shape[1] + 1), shape) if shape[1] else ()
    else:
        index = (np.arange(min(shape)),) * len(shape)
    setitem(input, tuple(index) or ..., fill_value)
    return input


# ---------------------------------------------------------------------- another shape for the tensor itself

t_ = in_place_view(shape.t)
transpose_ = in_place_view(shape.transpose)
swapaxes_ = in_place_view(shape.swapaxes)
swapdims_ = in_place_view(shape.swapdims)
squeeze_ = in_place_view(shape.squeeze)
unsqueeze_ = in_place_view(shape.unsqueeze)
as_strided_ = in_place_view(index.as_strided)


def resize_(input: Any, *size: Any) -> Any:
    """`input` in another size, the first elements kept and the others unset; returns `input`.

    It has memory of its own from then on: views of what it was keep that. Errors: RuntimeError if it requires grad.

        >>> import minidl
        >>> minidl.arange(6).resize_(2, 2)
        tensor([[0, 1],
                [2, 3]])
    """
    shape, old = sizes(size), input.array
    if input.requires_grad:
        raise RuntimeError("cannot resize variables that require grad; try detach() first")
    if min(shape, default=0) < 0:
        raise RuntimeError(f"resize_: Trying to create tensor with negative dimension: {list(shape)}")
    if shape != old.shape:
        new = array_module(old).empty(shape, old.dtype)
        n = min(new.size, old.size)
        new.reshape(-1)[:n] = old.reshape(-1)[:n]
        replace_memory(input, new, "resize_")
    return input


def resize_as_(input: Any, the_template: Any) -> Any:
    """`resize_` to the size of another tensor; returns `input`."""
    return resize_(input, the_template.shape)


# ---------------------------------------------------------------------- Python functions, element by element

def apply_(input: Any, callable: Callable[[Any], Any]) -> Any:
    """Each element becomes `callable(element)`, a call of Python for each; returns `input`.

    Errors: RuntimeError if it requires grad.

        >>> import minidl
        >>> minidl.tensor([1., 2.]).apply_(lambda a: a * a + 1)
        tensor([2., 5.])
    """
    return _each(input, callable, "apply_")


def map_(input: Any, tensor: Any, callable: Callable[[Any, Any], Any]) -> Any:
    """Each element becomes `callable(element, its counterpart in tensor)`; `tensor` is broadcast. As `apply_`."""
    return _each(input, callable, "map_", tensor)


def map2_(input: Any, x: Any, y: Any, callable: Callable[[Any, Any, Any], Any]) -> Any:
    """Each element becomes `callable(element, its counterpart in x, that in y)`. As `map_`."""
    return _each(input, callable, "map2_", x, y)


def _each(input: Any, function: Callable[..., Any], who: str, *others: Any) -> Any:
    for x in (input, *others):
        if not isinstance(x, TensorBase):
            raise TypeError(f"{who}: expected a Tensor, but got {type(x).__name__}; try minidl.tensor(...) on it first")
        if x.array.dtype != input.dtype:
            raise TypeError(f"{who}: expected {input.dtype}, as input is, but got {x.array.dtype}; "
                            f"try .to({input.dtype})")
        if x.edge is not None:
            raise RuntimeError(f"Can't call {who}() on Variable that requires grad. Use var.detach().{who}() instead.")
    rows = [shape.expand(x, input.shape).array.reshape(-1).tolist() for x in (input, *others)]
    values = [function(*elements) for elements in zip(*rows)]
    return copy_(input, wrap(array_module(input.array).asarray(values, input.dtype).reshape(input.shape)))
