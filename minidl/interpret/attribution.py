"""What a score owes to each element of the input: methods with captum's names and arguments.

    attribution = Method(model).attribute(x, target=3)

x: (N, ...). target: the class, a number or one for each example (N,), or a tuple of places in the output; None for an
output of one number each. The result has the shape of x. Parameters keep their gradients; the model's mode is left as
it is, so that `model.eval()` should come before.
"""
from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from minidl.autograd import enable_grad, grad, no_grad
from minidl.backend.dtype import int64
from minidl.nn.activation import ReLU
from minidl.nn.module import Module
from minidl.ops.shape import cat
from minidl.tensors.creation import arange, as_tensor, randn, tensor, zeros_like
from minidl.tensors.tensor import Tensor

Target = int | tuple[int, ...] | Tensor | list[int] | None
Forward = Callable[..., Tensor]


def chosen(output: Tensor, target: Target) -> Tensor:
    """The score (N,) of the target in an output (N, ...).

    Errors: ValueError if the output needs a target, or the targets are not as many as the examples.
    """
    if target is None:
        if output.ndim > 1 and output[0].numel() != 1:
            raise ValueError(f"attribute: expected a target, since the output has {output[0].numel()} numbers for each "
                             f"example; try target=0")
        return output.reshape(len(output)) if output.ndim else output.reshape(1)
    if isinstance(target, tuple):
        place = (slice(None), *target)
        return output[place]
    which = as_tensor(target, dtype=int64, device=output.device)
    if which.ndim and which.numel() != 1 and len(which) != len(output):
        raise ValueError(f"attribute: expected one target or {len(output)}, one for each example, but got {len(which)}")
    return output[arange(len(output), device=output.device), which.expand(len(output))]


def slope(forward: Forward, inputs: Tensor, target: Target, arguments: tuple[Any, ...] = ()) -> Tensor:
    """The gradient of the target's score with respect to the input."""
    with enable_grad():
        x = inputs.detach().requires_grad_()
        return grad(chosen(forward(x, *arguments), target).sum(), x)[0]


class Attribution:
    """Base class: `forward_func` gives scores (N, ...) for inputs (N, ...)."""

    def __init__(self, forward_func: Forward) -> None:
        self.forward_func = forward_func


class Saliency(Attribution):
    """The size of the score's slope at each element: where a small change matters most.

    Source: Simonyan, Vedaldi and Zisserman, "Deep Inside Convolutional Networks", 2014.

        >>> import minidl
        >>> from minidl.interpret import Saliency
        >>> Saliency(lambda x: 3 * x[:, :1] - 2 * x[:, 1:]).attribute(minidl.zeros(1, 2), target=0)
        tensor([[3., 2.]])
    """

    def attribute(self, inputs: Tensor, target: Target = None, abs: bool = True,
                  additional_forward_args: Any = None) -> Tensor:
        found = slope(self.forward_func, inputs, target, as_tuple(additional_forward_args))
        return found.abs() if abs else found


class InputXGradient(Attribution):
    """The slope times the input: what each element adds to a score that is linear.

        >>> import minidl
        >>> from minidl.interpret import InputXGradient
        >>> InputXGradient(lambda x: 3 * x[:, :1] - 2 * x[:, 1:]).attribute(minidl.tensor([[1.0, 5.0]]), target=0)
        tensor([[  3., -10.]])
    """

    def attribute(self, inputs: Tensor, target: Target = None, additional_forward_args: Any = None) -> Tensor:
        return inputs.detach() * slope(self.forward_func, inputs, target, as_tuple(additional_forward_args))


class IntegratedGradients(Attribution):
    """The mean slope on the way from a baseline to the input, times the way: together they are the score's rise.

    n_steps: points on the way, by Gauss and Legendre, or "riemann_trapezoid". internal_batch_size: how many are
    computed at once. return_convergence_delta: also the sum less the rise, (N,), which should be near zero.

    Source: Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks", 2017.

        >>> import minidl
        >>> from minidl.interpret import IntegratedGradients
        >>> product = IntegratedGradients(lambda x: x[:, :1] * x[:, 1:])
        >>> found, delta = product.attribute(minidl.tensor([[2.0, 3.0]]), target=0, return_convergence_delta=True)
        >>> found, bool(delta.abs() < 1e-5)
        (tensor([[3.0000, 3.0000]]), True)
    """

    def __init__(self, forward_func: Forward, multiply_by_inputs: bool = True) -> None:
        super().__init__(forward_func)
        self.multiply_by_inputs = multiply_by_inputs

    def attribute(self, inputs: Tensor, baselines: Tensor | float | None = None, target: Target = None,
                  additional_forward_args: Any = None, n_steps: int = 50, method: str = "gausslegendre",
                  internal_batch_size: int | None = None,
                  return_convergence_delta: bool = False) -> Tensor | tuple[Tensor, Tensor]:
        arguments = as_tuple(additional_forward_args)
        start = baseline_of(inputs, baselines)
        way = inputs.detach() - start
        points, weights = _quadrature(method, n_steps)
        count = max(1, (internal_batch_size or len(inputs)) // len(inputs))
        mean = zeros_like(way)
        for first in range(0, n_steps, count):
            some = points[first:first + count]
            path = cat([start + float(point) * way for point in some])
            repeated = tuple(repeated_for(value, len(inputs), len(some)) for value in arguments)
            slopes = slope(self.forward_func, path, repeated_for(target, len(inputs), len(some)), repeated)
            shares = tensor(weights[first:first + count], dtype=way.dtype, device=way.device)
            mean += (slopes.unflatten(0, (len(some), len(inputs))) * shares.view(-1, *[1] * way.ndim)).sum(0)
        found = mean * way if self.multiply_by_inputs else mean
        if not return_convergence_delta:
            return found
        with no_grad():
            rise = chosen(self.forward_func(inputs, *arguments), target) - \
                chosen(self.forward_func(start, *arguments), target)
        return found, (mean * way).flatten(1).sum(1) - rise


def _quadrature(method: str, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Points from 0 to 1 and their weights, whose sum is 1."""
    if method == "gausslegendre":
        points, weights = np.polynomial.legendre.leggauss(n)
        return (points + 1) / 2, weights / 2
    if method == "riemann_trapezoid":
        weights = np.full(n, 1 / (n - 1))
        weights[[0, -1]] /= 2
        return np.linspace(0, 1, n), weights
    raise ValueError(f"IntegratedGradients: expected method 'gausslegendre' or 'riemann_trapezoid', but got {method!r}")


class NoiseTunnel:
    """The mean of another method over noisy copies of the input: SmoothGrad, with `Saliency`.

    nt_type: "smoothgrad", "smoothgrad_sq" for the mean square, "vargrad" for the variance. stdevs: of the noise.

    Source: Smilkov et al., "SmoothGrad: removing noise by adding noise", 2017.

        >>> import minidl
        >>> from minidl.interpret import NoiseTunnel, Saliency
        >>> linear = Saliency(lambda x: 3 * x[:, :1] - 2 * x[:, 1:])
        >>> NoiseTunnel(linear).attribute(minidl.zeros(1, 2), nt_samples=4, target=0)
        tensor([[3., 2.]])
    """

    def __init__(self, attribution_method: Any) -> None:
        self.attribution_method = attribution_method

    def attribute(self, inputs: Tensor, nt_type: str = "smoothgrad", nt_samples: int = 5, stdevs: float = 1.0,
                  **kwargs: Any) -> Tensor:
        """kwargs: of the method's own `attribute`."""
        if nt_type not in ("smoothgrad", "smoothgrad_sq", "vargrad"):
            raise ValueError(f"NoiseTunnel: expected nt_type 'smoothgrad', 'smoothgrad_sq' or 'vargrad', but got "
                             f"{nt_type!r}")
        first, second = zeros_like(inputs), zeros_like(inputs)
        for _ in range(nt_samples):
            noise = stdevs * randn(*inputs.shape, dtype=inputs.dtype, device=inputs.device)
            found = self.attribution_method.attribute(inputs.detach() + noise, **kwargs).detach()
            first += found / nt_samples
            second += found.square() / nt_samples
        return {"smoothgrad": first, "smoothgrad_sq": second, "vargrad": second - first.square()}[nt_type]


class GuidedBackprop(Attribution):
    """The slope, where every ReLU passes back only what is positive: what speaks for the class.

    It looks at `nn.ReLU` modules; a functional ReLU is an ordinary one.

    Source: Springenberg et al., "Striving for Simplicity: The All Convolutional Net", 2015.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.interpret import GuidedBackprop
        >>> net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 1, bias=False))
        >>> _ = net[0].weight.data.copy_(minidl.eye(2)), net[2].weight.data.copy_(minidl.tensor([[1.0, -1.0]]))
        >>> GuidedBackprop(net).attribute(minidl.ones(1, 2))     # the second speaks against it
        tensor([[1., 0.]])
    """

    def __init__(self, model: Module) -> None:
        super().__init__(model)
        self.model = model

    def attribute(self, inputs: Tensor, target: Target = None, additional_forward_args: Any = None) -> Tensor:
        with _changed_relus(self.model, lambda to_input, to_output: to_input[0].clamp(min=0)):
            return slope(self.model, inputs, target, as_tuple(additional_forward_args))


class Deconvolution(Attribution):
    """The slope, where every ReLU is one of the gradient: it passes back what is positive, whatever it had seen.

    It looks at `nn.ReLU` modules; a functional ReLU is an ordinary one.

    Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2014.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.interpret import Deconvolution
        >>> net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 1, bias=False))
        >>> _ = net[0].weight.data.copy_(minidl.eye(2)), net[2].weight.data.copy_(minidl.tensor([[1.0, -1.0]]))
        >>> Deconvolution(net).attribute(-minidl.ones(1, 2))     # both units are off; one would speak for the class
        tensor([[1., 0.]])
    """

    def __init__(self, model: Module) -> None:
        super().__init__(model)
        self.model = model

    def attribute(self, inputs: Tensor, target: Target = None, additional_forward_args: Any = None) -> Tensor:
        with _changed_relus(self.model, lambda to_input, to_output: to_output[0].clamp(min=0)):
            return slope(self.model, inputs, target, as_tuple(additional_forward_args))


@contextmanager
def _changed_relus(model: Module, rule: Callable[[Any, Any], Tensor]) -> Iterator[None]:
    """ReLUs pass back what the rule makes of the gradients of their input and output."""
    relus = [module for module in model.modules() if isinstance(module, ReLU)]
    in_place = [relu.inplace for relu in relus]
    handles = [relu.register_full_backward_hook(
        lambda module, to_input, to_output: (rule(to_input, to_output),)) for relu in relus]
    try:
        for relu in relus:
            relu.inplace = False
        yield
    finally:
        for relu, before in zip(relus, in_place):
            relu.inplace = before
        for handle in handles:
            handle.remove()


class Occlusion(Attribution):
    """How much the score falls if a window of the input is covered, averaged over the windows that hold an element.

    sliding_window_shapes: of the window, without the batch; strides: its steps, the window's shape by default.
    perturbations_per_eval: how many covered copies are computed at once.

    Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2014.

        >>> import minidl
        >>> from minidl.interpret import Occlusion
        >>> x = minidl.tensor([[1.0, 2.0, 3.0]])
        >>> Occlusion(lambda x: x.sum(1)).attribute(x, (1,))
        tensor([[1., 2., 3.]])
    """

    @no_grad()
    def attribute(self, inputs: Tensor, sliding_window_shapes: tuple[int, ...],
                  strides: int | tuple[int, ...] | None = None, baselines: Tensor | float | None = None,
                  target: Target = None, additional_forward_args: Any = None,
                  perturbations_per_eval: int = 1) -> Tensor:
        shape, window = inputs.shape[1:], tuple(sliding_window_shapes)
        if len(window) != len(shape) or any(not 1 <= w <= size for w, size in zip(window, shape)):
            raise ValueError(f"Occlusion: expected a window of {len(shape)} sizes, each from 1 to that of the input "
                             f"{tuple(shape)}, but got {window}")
        steps = (strides,) * len(shape) if isinstance(strides, int) else strides or window
        arguments, cover = as_tuple(additional_forward_args), baseline_of(inputs, baselines)
        whole = chosen(self.forward_func(inputs, *arguments), target)
        fall, times = zeros_like(inputs), zeros_like(inputs)
        # the last window along each axis is smaller if it would reach beyond the input, as captum's
        starts = [range(0, size - w + step, step) for size, w, step in zip(shape, window, steps)]
        places = [(slice(None), *(slice(start, start + w) for start, w in zip(corner, window)))
                  for corner in itertools.product(*starts)]
        for first in range(0, len(places), perturbations_per_eval):
            some = places[first:first + perturbations_per_eval]
            copies = []
            for place in some:
                covered = inputs.clone()
                covered[place] = cover[place]
                copies.append(covered)
            repeated = tuple(repeated_for(value, len(inputs), len(some)) for value in arguments)
            scores = chosen(self.forward_func(cat(copies), *repeated), repeated_for(target, len(inputs), len(some)))
            for place, score in zip(some, scores.split(len(inputs))):
                fall[place] += (whole - score).view(-1, *[1] * len(shape))
                times[place] += 1
        return fall / times.clamp(min=1)


class FiniteDifferences(Attribution):
    """How fast the score changes if one element does: its mean over several changes, up and down.

    It asks nothing of the model but its answers. changes: what is added to an element, one after the other.
    perturbations_per_eval: how many changed copies are computed at once.

        >>> import minidl
        >>> from minidl.interpret import FiniteDifferences
        >>> FiniteDifferences(lambda x: x[:, 0] ** 2 + x[:, 1]).attribute(minidl.tensor([[3.0, 1.0]]), changes=(-1, 1))
        tensor([[6., 1.]])
    """

    @no_grad()
    def attribute(self, inputs: Tensor, target: Target = None, additional_forward_args: Any = None,
                  changes: Sequence[float] = (-0.1, -0.05, 0.05, 0.1), perturbations_per_eval: int = 256) -> Tensor:
        if not changes or not all(changes):
            raise ValueError(f"FiniteDifferences: expected changes other than zero, but got {changes}")
        arguments, flat = as_tuple(additional_forward_args), inputs.flatten(1)
        whole = chosen(self.forward_func(inputs, *arguments), target)
        found = zeros_like(flat)
        for change in changes:
            for elements in arange(flat.shape[1], device=inputs.device).split(perturbations_per_eval):
                copies = flat.repeat(len(elements), 1, 1)
                copies[arange(len(elements), device=inputs.device), :, elements] += change
                repeated = tuple(repeated_for(value, len(inputs), len(elements)) for value in arguments)
                scores = chosen(self.forward_func(copies.view(-1, *inputs.shape[1:]), *repeated),
                                repeated_for(target, len(inputs), len(elements)))
                rises = scores.view(len(elements), len(inputs)) - whole
                found[:, elements] += rises.T / (change * len(changes))
        return found.view_as(inputs)


def as_tuple(value: Any) -> tuple[Any, ...]:
    return () if value is None else value if isinstance(value, tuple) else (value,)


def baseline_of(inputs: Tensor, value: Tensor | float | None) -> Tensor:
    start = zeros_like(inputs) if value is None else as_tensor(value, dtype=inputs.dtype, device=inputs.device)
    return start.detach().expand_as(inputs)


def repeated_for(value: Any, examples: int, times: int) -> Any:
    """A value for each of `examples`, again for each of their copies; other values stay as they are."""
    if isinstance(value, list):
        return value * times
    if isinstance(value, Tensor) and value.ndim and len(value) == examples:
        return cat([value] * times)
    return value
