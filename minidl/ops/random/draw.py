"""Random draws: from probabilities given as tensors, and into an existing tensor.

Each distribution is a formula of uniform or normal numbers, so that a device needs only those two generators.
"""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.tensorbase import wrap
from minidl.backend.device import Array, array_module, device_of, library_of, same_device
from minidl.backend.dtype import float16, float32, float64
from minidl.ops.base.declaration import public
from minidl.ops.index.items import copy_
from minidl.ops.index.order import searchsorted
from minidl.ops.shape.views import array_of
from minidl.random import Generator, default_generator

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


def stream_of(x: Array, generator: Generator | None, who: str) -> Any:
    """The random stream of x's device. Errors: RuntimeError for a generator of another device."""
    device = device_of(x)
    if generator is not None and not same_device(generator.device, device):
        raise RuntimeError(f"{who}: Expected a '{device}' device type for generator but found '{generator.device}'")
    return (generator or default_generator(device)).stream


def _uniform(x: Array, generator: Generator | None, who: str) -> Array:
    """Numbers on [0, 1) in the shape of x; float64 for float64, else float32."""
    return stream_of(x, generator, who).random(x.shape, dtype=float64 if x.dtype == float64 else float32)


# ---------------------------------------------------------------------- from probabilities and rates

@public
def multinomial(input: Tensor, num_samples: int, replacement: bool = False, *,
                generator: Generator | None = None, out: Tensor | None = None) -> Tensor:
    """Draw positions with probabilities proportional to `input`, for each row by itself.

    (C) -> (num_samples), (N, C) -> (N, num_samples).

    Without replacement, no position is drawn twice from a row: each gets an exponentially distributed waiting time,
    with its weight as the rate, and the first `num_samples` to arrive are taken.
    Errors: RuntimeError for weights that are negative, not finite or all zero, and for too many samples.

        >>> import minidl
        >>> minidl.multinomial(minidl.tensor([0.0, 3.0, 0.0]), 2, replacement=True)
        tensor([1, 1])
    """
    x = array_of(input)
    _check_weights(x, num_samples, replacement)
    xp, weights = array_module(x), x.astype(float64)
    if not replacement:
        with np.errstate(divide="ignore"):
            arrival = -np.log1p(-_uniform(weights, generator, "multinomial")) / weights   # weight 0: never
        return wrap(xp.argsort(xp.where(weights > 0, arrival, math.inf), axis=-1)[..., :num_samples])
    # The cumulative weights cut [0, total) into intervals, one for each position.
    ends = xp.cumsum(weights, axis=-1)
    total = ends[..., -1:]
    draws = stream_of(x, generator, "multinomial").random((*x.shape[:-1], num_samples)) * total
    return searchsorted(ends, np.minimum(draws, np.nextafter(total, 0)), right=True)   # total itself is in no interval


def _check_weights(x: Array, num_samples: int, replacement: bool) -> None:
    if x.dtype.kind != "f":
        raise RuntimeError(f"multinomial only supports floating-point dtypes for input, got: {x.dtype}; try .float()")
    if x.ndim not in (1, 2):
        raise RuntimeError(f"multinomial: prob_dist must be 1 or 2 dim, but got shape {tuple(x.shape)}")
    if num_samples <= 0:
        raise RuntimeError(f"multinomial: cannot sample n_sample <= 0 samples, but got {num_samples}")
    if not replacement and num_samples > x.shape[-1]:
        raise RuntimeError(f"multinomial: cannot sample n_sample > prob_dist.size(-1) samples without replacement: "
                           f"{num_samples} of {x.shape[-1]}")
    library, xp = library_of(x), array_module(x)
    library.assert_none(~(np.isfinite(x) & (x >= 0)), RuntimeError,
                        "multinomial: probability tensor contains either `inf`, `nan` or element < 0")
    positive = xp.asarray((x > 0).sum(axis=-1))
    library.assert_none(positive == 0, RuntimeError,
                        "multinomial: invalid multinomial distribution (sum of probabilities <= 0)")
    if not replacement:
        library.assert_in_range(positive, num_samples, x.shape[-1] + 1, RuntimeError, (
            f"multinomial: invalid multinomial distribution (with replacement=False, not enough non-negative category "
            f"to sample): {num_samples} samples of {{position}} positions with a weight above 0"))


@public
def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Draw a Poisson count for each rate in `input`, in its dtype.

    Errors: RuntimeError where a rate is negative, NotImplementedError unless floating.

        >>> import minidl
        >>> minidl.poisson(minidl.tensor([0.0, 0.0]))
        tensor([0., 0.])
    """
    rates = array_of(input)
    if rates.dtype.kind != "f":
        raise NotImplementedError(f"poisson: expected floating-point rates, but got {rates.dtype}; try .float()")
    library_of(rates).assert_none(rates < 0, RuntimeError,
                                  "poisson: invalid Poisson rate, expected rate to be non-negative")
    return wrap(array_module(rates).asarray(stream_of(rates, generator, "poisson").poisson(rates)).astype(rates.dtype))


@public
def binomial(count: Tensor, prob: Tensor, generator: Generator | None = None) -> Tensor:
    """Draw the number of successes in `count` trials of probability `prob`.

    The result has their common dtype and shape.

    Errors: ValueError unless both are floating, RuntimeError where dtypes differ, counts are negative, or
    probabilities lie outside [0, 1].

        >>> import minidl
        >>> minidl.binomial(minidl.tensor([3.0, 5.0]), minidl.tensor([0.0, 1.0]))
        tensor([0., 5.])
    """
    n, p = array_of(count), array_of(prob)
    for name, x in (("count", n), ("prob", p)):
        if x.dtype.kind != "f":
            raise ValueError(f"binomial only supports floating-point dtypes for {name}, got: {x.dtype}; try .float()")
    if n.dtype != p.dtype:
        raise RuntimeError(f"binomial: expected count and prob of one dtype, but got {n.dtype} and {p.dtype}")
    xp = array_module(n)
    n, p = xp.broadcast_arrays(n, p)
    library_of(n).assert_none(~((n >= 0) & (p >= 0) & (p <= 1)), RuntimeError,
                              "binomial: expected counts of at least 0 and probabilities in [0, 1]")
    return wrap(xp.asarray(stream_of(n, generator, "binomial").binomial(n.astype(np.int64), p)).astype(n.dtype))


# ---------------------------------------------------------------------- into a tensor

@public
def uniform_(input: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill with numbers uniform on [from_, to); returns `input`.

    Errors: RuntimeError unless from_ <= to, NotImplementedError for integers.
    """
    check_bounds(from_, to)
    return _fill(input, "random", to - from_, from_, generator, "uniform_")


@public
def normal_(input: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill with normal numbers of the given mean and standard deviation; returns `input`.

    Errors: RuntimeError unless std >= 0, NotImplementedError for integers.
    """
    check_std(std)
    return _fill(input, "standard_normal", std, mean, generator, "normal_")


def check_bounds(low: float, high: float) -> None:
    """Raise RuntimeError unless low <= high."""
    if not low <= high:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low} > to={high}")


def check_std(std: float) -> None:
    """Raise RuntimeError unless std >= 0."""
    if not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")


def _fill(input: Any, distribution: str, scale: float, shift: float, generator: Generator | None, who: str) -> Any:
    x = input.array
    if x.dtype.kind in "biu":
        raise NotImplementedError(f"the distribution is continuous, and the tensor holds {x.dtype}; try random_ for "
                                  f"integers")
    draw = getattr(stream_of(x, generator, who), distribution)
    values = draw(x.shape, dtype=float64 if x.dtype == float64 else float32)
    values *= scale
    values += shift
    return copy_(input, wrap(values))


@public
def bernoulli_(input: Tensor, p: float | Tensor = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Fill with ones, with probability p each, and zeros; returns `input`. Errors: RuntimeError unless 0 <= p <= 1."""
    p = array_of(p)
    library_of(p).assert_none(np.logical_not((p >= 0) & (p <= 1)), RuntimeError,  # type: ignore[operator]
                              "bernoulli_ expects p to be in [0, 1], but got one that is not")
    return copy_(input, wrap(_uniform(input.array, generator, "bernoulli_") < p))


@public
def exponential_(input: Tensor, lambd: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill with numbers from the exponential distribution of rate `lambd`: -log(1 - u) / lambd.

    Errors: RuntimeError unless lambd > 0 and the tensor is floating.

        >>> import minidl
        >>> bool((minidl.zeros(4).exponential_() >= 0).all())
        True
    """
    _check_continuous(input, "exponential_", "lambda", lambd)
    return copy_(input, wrap(-np.log1p(-_uniform(array_of(input), generator, "exponential_")) / lambd))


@public
def cauchy_(input: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill with numbers from the Cauchy distribution: median + sigma * tan(pi (u - 1/2)).

    Errors: RuntimeError unless sigma > 0 and the tensor is floating.
    """
    _check_continuous(input, "cauchy_", "sigma", sigma)
    angle = (_uniform(array_of(input), generator, "cauchy_") - 0.5) * math.pi
    return copy_(input, wrap(np.tan(angle) * sigma + median))


@public
def log_normal_(input: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Generator | None = None) -> Tensor:
    """Fill with numbers whose logarithms are normal, of this mean and standard deviation.

    Errors: RuntimeError unless std > 0 and the tensor is floating.
    """
    _check_continuous(input, "log_normal_", "std", std)
    x = array_of(input)
    dtype = float64 if x.dtype == float64 else float32
    normal = stream_of(x, generator, "log_normal_").standard_normal(x.shape, dtype=dtype)
    return copy_(input, wrap(np.exp(normal * std + mean)))


def _check_continuous(input: Any, who: str, name: str, value: float) -> None:
    if input.dtype.kind != "f":
        raise RuntimeError(f"{who}: a continuous probability distribution. dtype must be a floating point but you "
                           f"specified {input.dtype}")
    if not value > 0:
        raise RuntimeError(f"{who} expects {name} > 0.0, but found {name}={value}")


@public
def geometric_(input: Tensor, p: float, *, generator: Generator | None = None) -> Tensor:
    """Fill with the number of trials until the first success: 1, 2, ...

    Each has the probability p: floor(log(1 - u) / log(1 - p)) + 1. Errors: RuntimeError unless 0 < p < 1.

        >>> import minidl
        >>> bool((minidl.zeros(4).geometric_(0.5) >= 1).all())
        True
    """
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p}")
    u = _uniform(array_of(input), generator, "geometric_")
    return copy_(input, wrap(np.floor(np.log1p(-u) / math.log1p(-p)) + 1))


EXACT_UP_TO = {float16: 2**11, float32: 2**24, float64: 2**53}    # whole numbers up to here are exact


@public
def random_(input: Tensor, from_: int = 0, to: int | None = None, *, generator: Generator | None = None) -> Tensor:
    """Fill with whole numbers from `from_` to `to - 1`.

    `random_(to)` starts at 0, `random_()` draws from all whole numbers >= 0 that the dtype holds exactly.
    Errors: RuntimeError where the range is empty, or the dtype does not hold it.

        >>> import minidl
        >>> bool((minidl.zeros(4).random_(10, 20) >= 10).all())
        True
    """
    x = array_of(input)
    largest = EXACT_UP_TO[x.dtype] if x.dtype.kind == "f" else 1 if x.dtype.kind == "b" else int(np.iinfo(x.dtype).max)
    if to is None:
        from_, to = (0, largest + 1) if from_ == 0 else (0, from_)
    if from_ >= to:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={from_} >= to={to}")
    if to - 1 > largest and x.dtype.kind != "f":
        raise RuntimeError(f"random_: to - 1 is out of bounds for {x.dtype}, whose largest number is {largest}, but "
                           f"got to={to}")
    draws = stream_of(x, generator, "random_").integers(from_, to - 1, size=x.shape, endpoint=True)
    return copy_(input, wrap(array_module(x).asarray(draws).astype(x.dtype)))
