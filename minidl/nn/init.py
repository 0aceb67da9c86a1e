"""Initial values of weights. Each function fills a tensor in place and returns it.

The variance is chosen so that signals keep their size from layer to layer. It follows from the fan: how
many inputs feed an output of the layer (fan_in), or how many outputs an input feeds (fan_out). Without a
`generator`, the default generator of the tensor's device draws the numbers.
"""
from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from minidl import left_out
from minidl.autograd.grad_mode import no_grad
from minidl.autograd.tensorbase import wrap
from minidl.backend.device import array_module, library_of
from minidl.backend.dtype import float32, float64
from minidl.backend.warn import warn
from minidl.ops import index
from minidl.ops.random.draw import check_bounds, check_std
from minidl.random import Generator
from minidl.tensors.creation import eye as identity
from minidl.tensors.creation import rand, randn
from minidl.tensors.tensor import Tensor

__all__ = [
    "calculate_gain", "constant_", "dirac_", "eye_", "kaiming_normal_", "kaiming_uniform_", "normal_", "ones_",
    "orthogonal_", "sparse_", "trunc_normal_", "uniform_", "xavier_normal_", "xavier_uniform_", "zeros_",
]


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor on a layer's weights for the nonlinearity after it.

    It makes up for what the nonlinearity takes away from the signal's size.

    `param` is the negative slope of "leaky_relu", 0.01 if not given. Errors: ValueError for another name.

        >>> from minidl import nn
        >>> nn.init.calculate_gain("leaky_relu", 0.2)   # sqrt(2 / (1 + 0.2**2))
        1.3867504905630728
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2.0 / (1 + slope ** 2))
    if nonlinearity not in _GAINS:
        raise ValueError(f"Unsupported nonlinearity {nonlinearity}; expected one of "
                         f"{', '.join(sorted([*_GAINS, 'leaky_relu']))}")
    return _GAINS[nonlinearity]


_GAINS = {"sigmoid": 1.0, "tanh": 5.0 / 3, "relu": math.sqrt(2.0), "selu": 0.75,
          "linear": 1.0, "conv1d": 1.0, "conv2d": 1.0, "conv3d": 1.0, "conv_transpose1d": 1.0,
          "conv_transpose2d": 1.0, "conv_transpose3d": 1.0}


def _fill(tensor: Tensor, values: Any) -> Tensor:
    """Write a number or a tensor into `tensor`. The tape sees only the new version."""
    with no_grad():
        return index.copy_(tensor, values) if isinstance(values, Tensor) else index.fill_(tensor, values)


def _draw_like(draw: Any, tensor: Tensor, generator: Generator | None, dtype: Any = None) -> Tensor:
    """Random numbers in the shape of `tensor`; in its dtype, unless one is given."""
    shape = tensor.array.shape      # of the array: it is a ValueError for a lazy parameter, as in PyTorch
    return draw(shape, generator=generator, dtype=dtype or tensor.dtype, device=tensor.device)


# ---------------------------------------------------------------------- any shape

def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with uniform numbers on [a, b). Errors: RuntimeError unless a <= b."""
    check_bounds(a, b)
    return _fill(tensor, _draw_like(rand, tensor, generator) * (b - a) + a)


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with normal numbers of this mean and standard deviation. Errors: RuntimeError unless std >= 0."""
    check_std(std)
    return _fill(tensor, _draw_like(randn, tensor, generator) * std + mean)


def trunc_normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0,
                  generator: Generator | None = None) -> Tensor:
    """Fill with normal numbers that are limited to [a, b].

    A uniform number between the probabilities P(x < a) and P(x < b) passes through the inverse of the
    distribution function. This runs in float64: in float32 the tails would be coarse.
    Errors: NotImplementedError unless the tensor is floating.
    """
    if tensor.dtype.kind != "f":
        raise NotImplementedError(f"trunc_normal_: expected a floating-point tensor, but got {tensor.dtype}")
    def below(x: float) -> float:
        return (1.0 + math.erf((x - mean) / std / math.sqrt(2.0))) / 2.0

    low, high = below(a), below(b)
    u = _draw_like(rand, tensor, generator, float64) * (2 * (high - low)) + (2 * low - 1)
    z = wrap(library_of(u.array).special.erfinv(u.array))
    return _fill(tensor, (z * (std * math.sqrt(2.0)) + mean).clamp(a, b))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with one value."""
    return _fill(tensor, val)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with ones."""
    return _fill(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros."""
    return _fill(tensor, 0.0)


# ---------------------------------------------------------------------- matrices and kernels

def eye_(tensor: Tensor) -> Tensor:
    """Fill with the identity matrix: a linear layer passes its inputs on. Errors: ValueError unless 2-D."""
    _check_2d(tensor, "eye_")
    return _fill(tensor, identity(*tensor.shape, dtype=tensor.dtype, device=tensor.device))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fill kernels with zeros, and a 1 at the centre.

    The kernels (O, C/groups, k, ...) make a convolution that passes channels on: each group of output channels
    passes on the first channels of its group of inputs.
    Errors: ValueError unless 3-, 4- or 5-D, and where `groups` does not divide O.
    """
    if tensor.ndim not in (3, 4, 5):
        raise ValueError(f"Only tensors with 3, 4, or 5 dimensions are supported, but got shape {tuple(tensor.shape)}")
    if tensor.shape[0] % groups:
        raise ValueError(f"dim 0 must be divisible by groups, but got shape {tuple(tensor.shape)}, groups={groups}")
    size = tensor.shape[0] // groups
    centre = [n // 2 for n in tensor.shape[2:]]
    zeros_(tensor)
    with no_grad():
        for group in range(groups):
            for channel in range(min(size, tensor.shape[1])):
                place = (group * size + channel, channel, *centre)
                tensor[place] = 1.0
    return tensor


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Uniform on [-r, r), r = gain * sqrt(6 / (fan_in + fan_out)).

    For layers before a tanh or a sigmoid.
    Errors: ValueError for less than 2 dimensions.
    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.
    """
    bound = math.sqrt(3.0) * _xavier_std(tensor, gain)
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal with std = gain * sqrt(2 / (fan_in + fan_out)). Errors, source: as `xavier_uniform_`."""
    return normal_(tensor, 0.0, _xavier_std(tensor, gain), generator)


def kaiming_uniform_(tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
                     generator: Generator | None = None) -> Tensor:
    """Uniform on [-r, r), r = gain * sqrt(3 / fan), for layers before a ReLU.

    a: the negative slope of a leaky ReLU. mode: "fan_in" keeps the size of signals in the forward pass,
    "fan_out" the size of gradients in the backward pass. nonlinearity: see `calculate_gain`.
    Errors: ValueError for less than 2 dimensions, another mode or an unknown nonlinearity.
    Source: He et al., "Delving Deep into Rectifiers", 2015, https://arxiv.org/abs/1502.01852

        >>> import minidl
        >>> from minidl import nn
        >>> w = nn.init.kaiming_uniform_(minidl.empty(16, 24))
        >>> float(w.abs().max()) <= (6 / 24) ** 0.5
        True
    """
    if 0 in tensor.shape:
        return _return_empty(tensor)
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
                    generator: Generator | None = None) -> Tensor:
    """Normal with std = gain / sqrt(fan). Arguments, errors, source: as `kaiming_uniform_`."""
    if 0 in tensor.shape:
        return _return_empty(tensor)
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """`gain` times a random matrix with orthonormal rows.

    A matrix with more rows than columns has orthonormal columns instead. Axes after the first count as one. Errors:
    ValueError for less than 2 dimensions.
    Source: Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks", 2013, https://arxiv.org/abs/1312.6120
    """
    if tensor.ndim < 2:
        raise ValueError(f"Only tensors with 2 or more dimensions are supported, but got shape {tuple(tensor.shape)}")
    if tensor.numel() == 0:
        return tensor
    rows = tensor.shape[0]
    columns = tensor.numel() // rows
    dtype = tensor.dtype if tensor.dtype.itemsize >= 4 else float32     # there is no QR of float16
    random = randn(max(rows, columns), min(rows, columns), generator=generator, dtype=dtype, device=tensor.device)
    xp = array_module(random.array)
    q, r = xp.linalg.qr(random.array)
    q = q * xp.sign(xp.diagonal(r))     # the signs are a convention of the QR routine: remove it from the result
    q = q if rows >= columns else q.T
    return _fill(tensor, wrap(q).reshape(tensor.shape) * gain)


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> Tensor:
    """Normal with mean 0; a fraction `sparsity` of every column is 0.

    Errors: ValueError unless 2-D.
    Source: Martens, "Deep learning via Hessian-free optimization", 2010.
    """
    _check_2d(tensor, "sparse_")
    zeros = math.ceil(sparsity * tensor.shape[0])
    rank = _draw_like(rand, tensor, generator, float32).argsort(0).argsort(0)    # a random order in every column
    return _fill(tensor, _draw_like(randn, tensor, generator) * std * (rank >= zeros))


# ---------------------------------------------------------------------- fans

def _check_2d(tensor: Tensor, who: str) -> None:
    if tensor.ndim != 2:
        raise ValueError(f"{who}: Only tensors with 2 dimensions are supported, but got shape {tuple(tensor.shape)}")


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """fan_in and fan_out of a weight (O, I, k, ...); see the top of this file."""
    if tensor.ndim < 2:
        raise ValueError(f"Fan in and fan out can not be computed for tensor with fewer than 2 dimensions, but got "
                         f"shape {tuple(tensor.shape)}")
    outputs, inputs, *kernel = tensor.shape
    return inputs * math.prod(kernel), outputs * math.prod(kernel)


def _return_empty(tensor: Tensor) -> Tensor:
    warn("Initializing zero-element tensors is a no-op")
    return tensor


def _xavier_std(tensor: Tensor, gain: float) -> float:
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    return gain * math.sqrt(2.0 / max(fan_in + fan_out, 1))


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode.lower() not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    fan = fan_in if mode.lower() == "fan_in" else fan_out
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


# ---------------------------------------------------------------------- older names

def _deprecated_alias(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The function under its name without the underscore, deprecated in PyTorch since 2017."""
    name = function.__name__[:-1]

    @functools.wraps(function)
    def alias(*args: Any, **kwargs: Any) -> Tensor:
        warn(f"`nn.init.{name}` is now deprecated in favor of `nn.init.{name}_`.", FutureWarning)
        return function(*args, **kwargs)
    alias.__name__ = alias.__qualname__ = name
    alias.__doc__ = f"The older name of `{name}_`, with a FutureWarning."
    return alias


uniform, normal, constant = _deprecated_alias(uniform_), _deprecated_alias(normal_), _deprecated_alias(constant_)
eye, dirac = _deprecated_alias(eye_), _deprecated_alias(dirac_)
sparse, orthogonal = _deprecated_alias(sparse_), _deprecated_alias(orthogonal_)
xavier_uniform, xavier_normal = _deprecated_alias(xavier_uniform_), _deprecated_alias(xavier_normal_)
kaiming_uniform, kaiming_normal = _deprecated_alias(kaiming_uniform_), _deprecated_alias(kaiming_normal_)

left_out.explain(globals(), __name__)
