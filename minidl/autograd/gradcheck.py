"""Gradients held against finite differences, to first and second order."""
from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minidl.autograd.interface import grad
from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.backend.device import array_module, device_of, get_library, to_numpy
from minidl.backend.dtype import complex128, float64


class GradcheckError(RuntimeError):
    """An analytical gradient does not agree with the numerical one."""


def gradcheck(func: Callable[..., Any], inputs: Any, *, eps: float = 1e-6, atol: float = 1e-5,
              rtol: float = 1e-3, raise_exception: bool = True, nondet_tol: float = 0.0,
              check_undefined_grad: bool = True, check_grad_dtypes: bool = True,
              fast_mode: bool = False) -> bool:
    """Whether the gradients of `func(*inputs)` agree with central differences.

    For every floating output and every input that requires grad (use float64), the Jacobian J from backward
    is compared with (f(x + eps) - f(x - eps)) / (2 eps), entry by entry: |J - N| <= atol + rtol |N|.
    A complex number counts as two real ones, its parts.
    With `fast_mode` one random projection u' J v is compared instead: two evaluations of `func` for
    each input, whatever its size.

        >>> import minidl
        >>> x = minidl.randn(3, dtype=minidl.float64, requires_grad=True)
        >>> minidl.autograd.gradcheck(minidl.tanh, x)
        True

    Errors: GradcheckError that shows both Jacobians (False instead, with `raise_exception=False`);
    ValueError if no input requires grad.
    """
    inputs = (inputs,) if isinstance(inputs, TensorBase) else tuple(inputs)
    try:
        _Check(func, inputs, eps, atol, rtol, nondet_tol, check_grad_dtypes).run(check_undefined_grad, fast_mode)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(func: Callable[..., Any], inputs: Any, grad_outputs: Any = None, *, eps: float = 1e-6,
                  atol: float = 1e-5, rtol: float = 1e-3, gen_non_contig_grad_outputs: bool = False,
                  raise_exception: bool = True, nondet_tol: float = 0.0, check_undefined_grad: bool = True,
                  check_grad_dtypes: bool = False, fast_mode: bool = False) -> bool:
    """Whether the gradients of the gradients of `func` agree with central differences.

    The gradient is taken as a function of the inputs and of `grad_outputs` (random if not given), and is
    handed to `gradcheck`; the arguments are the same.
    """
    inputs = (inputs,) if isinstance(inputs, TensorBase) else tuple(inputs)
    outputs = _differentiable(func(*inputs))
    if grad_outputs is None:
        stream = np.random.default_rng(0)
        grad_outputs = [_random_like(out, stream, gen_non_contig_grad_outputs) for out in outputs]
        for g in grad_outputs:
            g.requires_grad = True
    else:
        grad_outputs = [grad_outputs] if isinstance(grad_outputs, TensorBase) else list(grad_outputs)
    wanted = [x for x in inputs if isinstance(x, TensorBase) and x.edge is not None]

    def gradient(*args: Any) -> Any:
        xs, gs = args[:len(inputs)], args[len(inputs):]
        at = [x for x, original in zip(xs, inputs) if any(original is w for w in wanted)]
        found = grad(_differentiable(func(*xs)), at, gs, create_graph=True, allow_unused=True)
        return tuple([g for g in found if g is not None])

    return gradcheck(gradient, (*inputs, *grad_outputs), eps=eps, atol=atol, rtol=rtol,
                     raise_exception=raise_exception, nondet_tol=nondet_tol,
                     check_undefined_grad=check_undefined_grad, check_grad_dtypes=check_grad_dtypes,
                     fast_mode=fast_mode)


class _Check:
    """One comparison of a function's gradients with finite differences."""

    def __init__(self, func: Callable[..., Any], inputs: tuple[Any, ...], eps: float, atol: float, rtol: float,
                 nondet_tol: float, check_grad_dtypes: bool) -> None:
        self.func, self.inputs = func, inputs
        self.eps, self.atol, self.rtol = eps, atol, rtol
        self.nondet_tol, self.check_grad_dtypes = nondet_tol, check_grad_dtypes
        self.wanted = [x for x in inputs if isinstance(x, TensorBase) and x.edge is not None]
        if not self.wanted:
            raise ValueError("gradcheck expects at least one input tensor to require gradient, but none of "
                             "them have requires_grad=True.")
        if any(x.array.dtype not in (float64, complex128) for x in self.wanted):
            warnings.warn("gradcheck: an input is not float64; finite differences in lower precision are "
                          "too coarse for the default tolerances", stacklevel=4)
        returned = _as_tuple(func(*inputs))
        self.constant = [isinstance(o, TensorBase) and o.edge is None and o.array.dtype.kind in "fc" for o in returned]
        self.which = [isinstance(o, TensorBase) and o.edge is not None for o in returned]
        self.outputs = [o for o, take in zip(returned, self.which) if take]

    def run(self, check_undefined_grad: bool, fast_mode: bool) -> None:
        if not self.outputs:
            self.expect_constant()
        elif fast_mode:
            self.compare_projections()
        else:
            self.compare_jacobians()
        if check_undefined_grad and len(self.outputs) > 1:
            self.expect_zeros_from_zeros()

    def evaluate(self, which: list[bool]) -> list[np.ndarray]:
        """The outputs marked in `which`, on the host. Recorded, since the function may itself call `grad`."""
        outputs = _as_tuple(self.func(*self.inputs))
        return [_reals(to_numpy(o.array)) for o, take in zip(outputs, which) if take]

    def slope(self, x: TensorBase, direction: np.ndarray, which: list[bool]) -> list[np.ndarray]:
        """How the outputs change when x moves in a direction: (f(x + eps d) - f(x - eps d)) / (2 eps)."""
        step = array_module(x.array).asarray(_numbers(self.eps * direction, x), dtype=x.array.dtype)
        original = x.array.copy()
        x.array[...] = original + step
        above = self.evaluate(which)
        x.array[...] = original - step
        below = self.evaluate(which)
        x.array[...] = original
        return [(a - b) / (2 * self.eps) for a, b in zip(above, below)]

    def compare_jacobians(self) -> None:
        """Every entry: numerically an input element at a time, analytically an output element at a time."""
        for i, x in enumerate(self.wanted):
            rows = [self.slope(x, unit, self.which) for unit in _units(x)]
            for j, out in enumerate(self.outputs):
                size = math.prod(_real_shape(x)), math.prod(_real_shape(out))
                numerical = np.array([row[j].reshape(-1) for row in rows]).reshape(size)
                columns = [self.gradient(out, x, unit) for unit in _units(out)]
                analytical = np.array([c.reshape(-1) for c in columns]).reshape(size[::-1]).T
                self.compare(analytical, numerical, i, j, "Jacobian mismatch")

    def compare_projections(self) -> None:
        """One random direction for each input, and one for each output."""
        stream = np.random.default_rng(0)
        for i, x in enumerate(self.wanted):
            direction = stream.standard_normal(_real_shape(x))
            direction /= max(1.0, float(np.linalg.norm(direction)))
            slopes = self.slope(x, direction, self.which)
            for j, out in enumerate(self.outputs):
                u = stream.standard_normal(_real_shape(out))
                analytical = np.sum(self.gradient(out, x, u) * direction)
                self.compare(analytical, np.sum(u * slopes[j]), i, j, "Projected Jacobian mismatch")

    def gradient(self, out: Any, x: Any, g: np.ndarray) -> np.ndarray:
        """dL/dx for dL/dout = g, both as real numbers, on the host; zeros where there is no path."""
        device = device_of(out.array)
        g = wrap(get_library(device).from_numpy(np.asarray(_numbers(g, out), dtype=out.array.dtype), device))
        gx, = grad(out, x, g, retain_graph=True, allow_unused=True)
        if gx is None:
            return np.zeros(_real_shape(x))
        if gx.array.shape != x.array.shape:
            raise GradcheckError(f"Analytical gradient has incorrect size: {tuple(gx.array.shape)} for an input of "
                                 f"shape {tuple(x.array.shape)}")
        if self.check_grad_dtypes and gx.array.dtype != x.array.dtype:
            raise GradcheckError(f"Gradient has dtype {gx.array.dtype} for an input of {x.array.dtype}")
        again, = grad(out, x, g, retain_graph=True, allow_unused=True)
        difference = np.abs(to_numpy(again.array) - to_numpy(gx.array)).max(initial=0.0)
        if difference > self.nondet_tol:
            raise GradcheckError(f"Backward is not reentrant, i.e., running backward with same input and grad_output "
                                 f"multiple times gives different values: they differ by {difference:.3g}, the "
                                 f"tolerance is nondet_tol={self.nondet_tol}")
        return _reals(to_numpy(gx.array))

    def compare(self, analytical: Any, numerical: Any, i: int, j: int, what: str) -> None:
        bad = ~np.isclose(analytical, numerical, rtol=self.rtol, atol=self.atol, equal_nan=True)
        if not bad.any():
            return
        difference = np.abs(analytical - numerical)
        worst = np.unravel_index(np.argmax(np.where(bad, difference, -1)), np.shape(numerical))
        at = f" at entry {tuple(map(int, worst))} (input element, output element)" if worst else ""
        raise GradcheckError(
            f"{what} for output {j} with respect to input {i},\nnumerical:{np.asarray(numerical)}\n"
            f"analytical:{np.asarray(analytical)}\nlargest difference {np.max(difference):.3g}{at}; "
            f"tolerance: {self.atol} + {self.rtol} * |numerical|")

    def expect_constant(self) -> None:
        """Outputs that do not require grad must not depend on the inputs."""
        for i, x in enumerate(self.wanted):
            for unit in _units(x):
                if any((np.abs(slope) > self.atol).any() for slope in self.slope(x, unit, self.constant)):
                    raise GradcheckError(f"Numerical gradient for function expected to be zero: the outputs do not "
                                         f"require grad, but they change with input {i}")

    def expect_zeros_from_zeros(self) -> None:
        """Backward must cope when only one of several outputs has a gradient."""
        for out in self.outputs:
            g = wrap(array_module(out.array).zeros_like(out.array))
            for gx in grad(out, self.wanted, g, retain_graph=True, allow_unused=True):
                if gx is not None and not bool((gx.array == 0).all()):
                    raise GradcheckError("Expected backward function to handle undefined output grads: a zero "
                                         "gradient of one output gave a non-zero gradient of an input")


def _as_tuple(outputs: Any) -> tuple[Any, ...]:
    return tuple(outputs) if isinstance(outputs, (tuple, list)) else (outputs,)


def _differentiable(outputs: Any) -> list[Any]:
    return [o for o in _as_tuple(outputs) if isinstance(o, TensorBase) and o.edge is not None]


def _real_shape(x: TensorBase) -> tuple[int, ...]:
    """The shape of a tensor as real numbers: complex ones have two parts, along a last axis."""
    return (*x.array.shape, 2) if x.array.dtype.kind == "c" else x.array.shape


def _reals(array: np.ndarray) -> np.ndarray:
    """An array as real numbers in double precision."""
    return array.astype(complex128)[..., None].view(float64) if array.dtype.kind == "c" else array.astype(float64)


def _numbers(reals: np.ndarray, like: TensorBase) -> np.ndarray:
    """What `_reals` makes of numbers such as those of `like`, back again."""
    return reals.view(complex128)[..., 0] if like.array.dtype.kind == "c" else reals


def _units(x: TensorBase) -> Iterator[np.ndarray]:
    """Every direction in which a single real number of x is 1."""
    for index in np.ndindex(*_real_shape(x)):
        direction = np.zeros(_real_shape(x))
        direction[index] = 1.0
        yield direction


def _random_like(out: Any, stream: Any, non_contiguous: bool) -> Any:
    shape = (*out.array.shape, 2) if non_contiguous else out.array.shape
    values = stream.standard_normal(shape)
    if out.array.dtype.kind == "c":
        values = values + 1j * stream.standard_normal(shape)
    values = np.asarray(values, dtype=out.array.dtype)
    device = device_of(out.array)
    return wrap(get_library(device).from_numpy(values[..., 0] if non_contiguous else values, device))
