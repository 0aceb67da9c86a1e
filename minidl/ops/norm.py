"""Normalisation: give groups of numbers mean 0 and variance 1, then a learned mean and spread.

Batch, layer, group and instance normalisation are one op. They differ in which numbers form a group:

    batch norm     one channel, over all images        (N, C, *)  axes 0, 2, 3, ...
    layer norm     one sample, over its last axes      (*, D)     axis -1
    group norm     one image, over a few channels      (N, G, C/G, *)  axes 2, 3, ...
    instance norm  one image, one channel              (N, C, *)  axes 2, 3, ...
"""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from minidl.autograd.fused import FusedOp
from minidl.autograd.grad_mode import no_grad
from minidl.autograd.inplace import check_writable, mark_written, write
from minidl.autograd.op import IMAGES, Op, Value
from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.backend.device import Array
from minidl.backend.dtype import float16, float32
from minidl.backend.kernels import norm as kernels
from minidl.ops.base.broadcast import Shape, Sum
from minidl.ops.base.checks import check_floating
from minidl.ops.base.conversion import cast
from minidl.ops.base.declaration import public
from minidl.ops.base.hints import channels_first
from minidl.ops.elementwise.arithmetic import LerpBy
from minidl.ops.elementwise.exponential import rsqrt
from minidl.ops.elementwise.selection import clamp
from minidl.ops.reduce.sums import mean as mean_of
from minidl.ops.reduce.vector_norm import norm
from minidl.ops.shape.movement import pad
from minidl.ops.shape.views import Reshape, array_of, as_result, narrow, reshape, temporary_view

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


class Normalize(FusedOp):
    """y = w * (x - mean) / sqrt(var + eps) + b, mean and (biased) variance over `reduced_axes`

    w and b hold one number for each index along the `parameter_axes`; either may be None.

    With z = (x - mean) / sqrt(var + eps) and h = g * w, the gradient is
        gx = (h - mean(h) - z * mean(h * z)) / sqrt(var + eps)
    because x changes y directly, and through mean and variance too: these remove a part of x, and the same part of h.
    """

    def __init__(self, reduced_axes: Shape, parameter_axes: Shape, eps: float) -> None:
        self.reduced_axes, self.parameter_axes, self.eps = reduced_axes, parameter_axes, eps
        self.running: tuple[Any, ...] | None = None     # the last arguments of `kernels.batch_normalize_forward`

    def reference(self, x: Value, w: Value = None, b: Value = None) -> Value:
        centred = x - mean_of(x, self.reduced_axes, keepdim=True)
        y = centred * rsqrt(mean_of(centred * centred, self.reduced_axes, keepdim=True) + self.eps)
        if w is not None:
            y = y * reshape(w, self.parameter_shape(x))
        return y if b is None else y + reshape(b, self.parameter_shape(x))

    def forward(self, x: Array, w: Array | None = None, b: Array | None = None) -> Array:
        self.w_shape = next((v.shape for v in (w, b) if v is not None), None)
        w, b = (None if v is None else v.reshape(self.parameter_shape(x)) for v in (w, b))
        if self.running is None:
            y, self.mean, self.variance = kernels.normalize_forward(x, w, b, self.reduced_axes, self.eps)
        else:
            y, self.mean, self.variance = kernels.batch_normalize_forward(x, w, b, self.reduced_axes, self.eps,
                                                                          *self.running)
            self.running = None
        self.keep(mean=self.mean, variance=self.variance)
        return y

    def gradient(self, g: Array, x: Array, w: Array | None, mean: Array, variance: Array) -> list[Array | None]:
        w = None if w is None else w.reshape(self.parameter_shape(x))
        if self.w_shape is None:
            sum_axes = self.reduced_axes
        else:
            sum_axes = tuple([i for i in range(x.ndim) if i not in self.parameter_axes])
        gx, gw, gb = kernels.normalize_grad(g, x, w, mean, variance, self.reduced_axes, sum_axes, self.eps)
        return [gx, None, None] if self.w_shape is None else [gx, gw.reshape(self.w_shape), gb.reshape(self.w_shape)]

    def parameter_shape(self, x: Any) -> Shape:
        """The shape of w and b that broadcasts against x."""
        return tuple([n if i in self.parameter_axes else 1 for i, n in enumerate(x.shape)])


class RunningScale(FusedOp):
    """scale = w / sqrt(var + eps) and shift = b - mean * scale, for running statistics: all are (C,)

    Then x * scale + shift is normalised. With s = 1 / sqrt(var + eps) and h = gscale - mean gshift,
        gmean = -scale gshift,  gvar = -h scale s^2 / 2,  gw = h s,  gb = gshift
    """

    def __init__(self, eps: float) -> None:
        self.eps = eps

    def reference(self, mean: Value, var: Value, w: Value = None, b: Value = None) -> Any:
        scale = rsqrt(var + self.eps)
        scale = scale if w is None else scale * w
        return scale, -mean * scale if b is None else b - mean * scale

    def forward(self, mean: Array, var: Array, w: Array | None = None, b: Array | None = None) -> tuple[Array, Array]:
        return kernels.running_scale(mean, var, w, b, self.eps)

    def gradient(self, g: Any, mean: Array, var: Array, w: Array | None = None) -> list[Array | None]:
        (g_scale, g_shift), wanted = g, self.wanted
        s = rsqrt(var + self.eps)
        scale, h = s if w is None else s * w, g_scale - mean * g_shift
        return [-scale * g_shift if wanted[0] else None, h * scale * s * s * -0.5 if wanted[1] else None,
                None if w is None else h * s, g_shift][:len(wanted)]


class ScaleShift(Op):
    """y = x * scale + shift, one scale and one shift per channel: x (N, C, *), scale and shift (C,)

    If only x needs a gradient, as in a network that is not trained, x itself is not kept.
    """

    layout = IMAGES

    def forward(self, x: Array, scale: Array, shift: Array | None) -> Array:
        return kernels.scale_shift(x, scale, shift)

    def grad_x(self, g: Value, scale: Value) -> Value:
        return ScaleShift()(g, scale, None)

    def grad_scale(self, g: Value, x: Value) -> Value:
        return self.grad_shift(g * x)

    def grad_shift(self, g: Value) -> Value:
        return Sum((0, *range(2, len(g.shape))), (g.shape[1],))(g)


@public
def batch_norm(input: Tensor, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | None = None,
               bias: Tensor | None = None, training: bool = False, momentum: float = 0.1, eps: float = 1e-5) -> Tensor:
    """Normalise channels over images and positions; scale by `weight`, add `bias`.

    input (N, C, *); running_mean, running_var, weight, bias (C,), each may be None. In training, the mean and
    variance of the batch are used, and move the running statistics in place, with the unbiased variance:
    running += momentum * (batch - running). Otherwise the running statistics are used.
    Errors: RuntimeError where shapes or dtypes do not fit, or the running statistics are missing when not training;
    ValueError where a channel has only one value to learn from.

    Source: Ioffe and Szegedy, "Batch Normalization", 2015, https://arxiv.org/abs/1502.03167

        >>> import minidl
        >>> x = minidl.tensor([[1., 10.], [3., 30.]])
        >>> minidl.nn.functional.batch_norm(x, None, None, training=True)
        tensor([[-1.0000, -1.0000],
                [ 1.0000,  1.0000]])
    """
    return batch_norm_counted(input, running_mean, running_var, weight, bias, training, momentum, eps, None)


def batch_norm_counted(input: Tensor, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | None,
                       bias: Tensor | None, training: bool, momentum: float, eps: float,
                       batches: Tensor | None) -> Tensor:
    """`batch_norm`, which in training adds 1 to `batches`."""
    who = "batch_norm"
    _check_channels(who, input, least=2, weight=weight, bias=bias)
    _check_statistics(who, input, running_mean, running_var)
    if not training:
        if running_mean is None or running_var is None:
            raise RuntimeError(f"{who}: running_mean and running_var must be defined in evaluation mode; pass them, or "
                               f"training=True")
        statistics = cast(running_mean, input.dtype), cast(running_var, input.dtype)
        return ScaleShift()(input, *RunningScale(eps)(*statistics, weight, bias))
    shape = input.shape
    axes, count = (0, *range(2, len(shape))), shape[0] * math.prod(shape[2:])
    if count == 1:
        raise ValueError(f"{who}: Expected more than 1 value per channel when training, got input size "
                         f"{tuple(shape)}; try a larger batch, or eval()")
    step = Normalize(axes, (1,), eps)
    step.layout = IMAGES
    moved = [x for x in (running_mean, running_var, batches) if isinstance(x, TensorBase) and count]
    with no_grad():
        for x in moved:
            check_writable(x, who, ())
    if count:       # an empty batch has no statistics
        step.running = array_of(running_mean), array_of(running_var), momentum, array_of(batches)
    elif isinstance(batches, TensorBase):
        batches += 1
    y = step(input, weight, bias)
    for x in moved:
        mark_written(x, who)
    return y


@public
def instance_norm(input: Tensor, running_mean: Tensor | None = None, running_var: Tensor | None = None,
                  weight: Tensor | None = None, bias: Tensor | None = None, use_input_stats: bool = True,
                  momentum: float = 0.1, eps: float = 1e-5) -> Tensor:
    """Normalise each channel of each image; scale by `weight`, add `bias`.

    Arguments as for `batch_norm`, with use_input_stats for training. input (N, C, *) has at least one position axis.
    Errors: as `batch_norm`.

    Source: Ulyanov et al., "Instance Normalization", 2016, https://arxiv.org/abs/1607.08022

        >>> import minidl
        >>> x = minidl.tensor([[[1., 3.], [10., 30.]]])
        >>> minidl.nn.functional.instance_norm(x)
        tensor([[[-1.0000,  1.0000],
                 [-1.0000,  1.0000]]])
    """
    who = "instance_norm"
    _check_channels(who, input, least=3, weight=weight, bias=bias)
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    _check_statistics(who, input, running_mean, running_var)
    axes = tuple(range(2, input.ndim))
    count = math.prod(input.shape[2:])
    if count == 1:
        raise ValueError(f"{who}: Expected more than 1 spatial element when training, got input size "
                         f"{tuple(input.shape)}")
    step = Normalize(axes, (1,), eps)
    y = step(input, weight, bias)
    if count and len(input):    # an empty batch has no statistics
        unbiased = step.variance * (count / max(1, count - 1))
        _move_towards(running_mean, step.mean.mean(axis=0).reshape(-1), momentum)
        _move_towards(running_var, unbiased.mean(axis=0).reshape(-1), momentum)
    return y


@public
def layer_norm(input: Tensor, normalized_shape: Any, weight: Tensor | None = None, bias: Tensor | None = None,
               eps: float = 1e-5) -> Tensor:
    """Normalise samples over their last dimensions; scale by `weight`, add `bias`.

    input (*, *normalized_shape); weight and bias have the shape `normalized_shape`, a tuple (or an int).
    Errors: RuntimeError where shapes or dtypes do not fit.

    Source: Ba et al., "Layer Normalization", 2016, https://arxiv.org/abs/1607.06450

        >>> import minidl
        >>> minidl.nn.functional.layer_norm(minidl.tensor([[1., 3.], [10., 30.]]), (2,))
        tensor([[-1.0000,  1.0000],
                [-1.0000,  1.0000]])
    """
    check_floating("layer_norm", input=input, weight=weight, bias=bias)
    shape = _normalized_shape("layer_norm", input, normalized_shape, weight=weight, bias=bias)
    axes = tuple(range(input.ndim - len(shape), input.ndim))
    return Normalize(axes, axes, eps)(input, weight, bias)


@public
def rms_norm(input: Tensor, normalized_shape: Any, weight: Tensor | None = None, eps: float | None = None) -> Tensor:
    """Divide each sample by its root mean square, then scale by `weight`.

    Arguments and errors: as `layer_norm`. eps: the machine epsilon of the dtype if not given, of float32 for float16,
    which is computed in float32.

    Source: Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019, https://arxiv.org/abs/1910.07467

        >>> import minidl
        >>> minidl.nn.functional.rms_norm(minidl.tensor([[3., 4.]]), (2,))
        tensor([[0.8485, 1.1314]])
    """
    check_floating("rms_norm", input=input, weight=weight)
    shape = _normalized_shape("rms_norm", input, normalized_shape, weight=weight)
    axes = tuple(range(input.ndim - len(shape), input.ndim))
    x = cast(input, float32) if input.dtype == float16 else input       # squares of small halves are 0
    eps = kernels.epsilon(x.dtype) if eps is None else eps
    y = cast(x * rsqrt(mean_of(x * x, axes, keepdim=True) + eps), input.dtype)
    return as_result(y if weight is None else y * weight)


@public
def group_norm(input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None,
               eps: float = 1e-5) -> Tensor:
    """Normalise images over groups of channels; scale by `weight`, add `bias`.

    input (N, C, *), weight and bias (C,). Each group has C/num_groups channels.
    Errors: RuntimeError where num_groups does not divide C, or shapes or dtypes do not fit; ValueError for a single
    image with one number in each group.

    Source: Wu and He, "Group Normalization", 2018, https://arxiv.org/abs/1803.08494

        >>> import minidl
        >>> x = minidl.tensor([[1., 3., 10., 30.]])
        >>> minidl.nn.functional.group_norm(x, 2)
        tensor([[-1.0000,  1.0000, -1.0000,  1.0000]])
    """
    _check_channels("group_norm", input, least=2, weight=weight, bias=bias)
    N, C, *size = input.shape
    if num_groups < 1 or C % num_groups:
        raise RuntimeError(f"group_norm: Expected number of channels in input to be divisible by num_groups, but got "
                           f"input of shape {tuple(input.shape)} and num_groups={num_groups}")
    if N * C // num_groups * math.prod(size) == 1:
        raise ValueError(f"group_norm: Expected more than 1 value per channel when training, got input size "
                         f"{tuple(input.shape)}: one value minus its mean is 0; try fewer groups")
    grouped = temporary_view(Reshape((N, num_groups, C // num_groups, *size)), input)
    step = Normalize(tuple(range(2, grouped.ndim)), (1, 2), eps)
    return as_result(step(grouped, weight, bias), Reshape(tuple(input.shape)))


@public
def normalize(input: Tensor, p: float = 2.0, dim: int | tuple[int, ...] = 1, eps: float = 1e-12) -> Tensor:
    """Divide by the p-norm along `dim`, so that the norm becomes 1. Norms below eps count as eps.

    Errors: IndexError where there is no such dimension.

        >>> import minidl
        >>> minidl.nn.functional.normalize(minidl.tensor([[3., 4.]]))
        tensor([[0.6000, 0.8000]])
    """
    check_floating("normalize", input=input)
    return input / clamp(norm(input, p, dim, keepdim=True), min=eps)


# ---------------------------------------------------------------------- arguments


def _check_channels(who: str, input: Any, least: int, **parameters: Any) -> None:
    """Check for (N, C, *) of at least `least` axes, and parameters (C,) or None, floating, of one dtype."""
    check_floating(who, input=input, **parameters)
    if input.ndim < least:
        raise RuntimeError(f"{who}: Expected at least {least} dimensions for input tensor, (N, C, ...), but received "
                           f"{input.ndim}: {tuple(input.shape)}; try unsqueeze(0)")
    _check_sizes(who, input, parameters)


def _check_sizes(who: str, input: Any, parameters: dict[str, Any]) -> None:
    channels = input.shape[1]
    for name, x in parameters.items():
        if x is not None and x.shape != (channels,):
            raise RuntimeError(f"{who}: {name} should contain {channels} elements, one for each channel of input "
                               f"{tuple(input.shape)}, but has shape {tuple(x.shape)}{_channels(input, x)}")


def _channels(input: Any, x: Any) -> str:
    """Suggest a fix for an input whose channels do not fit the parameter `x`."""
    if x.ndim != 1:
        return ""
    advice = channels_first(tuple(input.shape), len(x), input.ndim - 2, input.dtype) if 2 < input.ndim < 6 else ""
    return advice or f": a layer of {len(x)} channels was given {input.shape[1]}"


def _check_statistics(who: str, input: Any, running_mean: Any, running_var: Any) -> None:
    check_floating(who, running_mean=running_mean)
    check_floating(who, running_var=running_var)
    _check_sizes(who, input, {"running_mean": running_mean, "running_var": running_var})


def _normalized_shape(who: str, input: Any, normalized_shape: Any, **parameters: Any) -> Shape:
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not shape:
        raise RuntimeError(f"{who}: Expected normalized_shape to be at least 1-dimensional, but got ()")
    if tuple(input.shape[-len(shape):]) != shape:
        raise RuntimeError(f"{who}: Given normalized_shape={list(shape)}, expected input with shape "
                           f"[*, {', '.join(map(str, shape))}], but got input of size {list(input.shape)}")
    for name, x in parameters.items():
        if x is not None and tuple(x.shape) != shape:
            raise RuntimeError(f"{who}: Expected {name} to be of same shape as normalized_shape, but got {name} of "
                               f"shape {list(x.shape)} and normalized_shape = {list(shape)}")
    return shape


def _move_towards(running: Any, batch: Array, momentum: float) -> None:
    """running += momentum * (batch - running), in place, without a graph."""
    if running is None:
        return
    batch = batch.astype(running.dtype, copy=False)
    if not isinstance(running, TensorBase):
        running += momentum * (batch - running)
        return
    with no_grad():
        write(running, LerpBy(momentum), wrap(batch))


@public
def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """y[n,c] = x[n,c] / (k + alpha * mean of x[n,c']^2)^beta, over `size` channels c' around c.

    input (N, C, *). Channels outside the input count as 0.
    Errors: ValueError for fewer than three dimensions, RuntimeError unless `input` is floating.

    Source: Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks", 2012

        >>> import minidl
        >>> x = minidl.tensor([[[1.], [2.], [3.]]])
        >>> minidl.nn.functional.local_response_norm(x, 1, alpha=1.0, beta=1.0, k=0.0).flatten()
        tensor([1.0000, 0.5000, 0.3333])
    """
    check_floating("local_response_norm", input=input)
    if input.ndim < 3:
        raise ValueError(f"local_response_norm: Expected 3D or higher dimensionality input, (N, C, ...), but got "
                         f"{input.ndim} dimensions")
    if size < 1:
        raise ValueError(f"local_response_norm: Expected size to be at least 1, but got {size}")
    margin = (0, 0) * (input.ndim - 2) + (size // 2, (size - 1) // 2)
    squares = pad(input * input, margin)
    energy = narrow(squares, 1, 0, input.shape[1])
    for i in range(1, size):
        energy = energy + narrow(squares, 1, i, input.shape[1])
    return input / (energy * (alpha / size) + k) ** beta
