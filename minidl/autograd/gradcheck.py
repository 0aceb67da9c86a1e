"""Gradients held against finite differences, to first and second order."""
from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.autograd.interface import grad
from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.backend.device import array_module, device_of, get_library, to_numpy


class GradcheckError(RuntimeError):
    """An analytical gradient does not agree with the numerical one."""


def gradcheck(func: Callable[..., Any], inputs: Any, *, eps: float = 1e-6, atol: float = 1e-5,
              rtol: float = 1e-3, raise_exception: bool = True, nondet_tol: float = 0.0,
              check_undefined_grad: bool = True, check_grad_dtypes: bool = True,
              fast_mode: bool = False) -> bool:
    """Whether the gradients of `func(*inputs)` agree with central differences.

    For every floating output and every input that requires grad (use float64), the Jacobian J from backward
    is compared with (f(x + eps) - f(x - eps)) / (2 eps), entry by entry: |J - N| <= atol + rtol |N|.
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
        _check(func, inputs, eps, atol, rtol, nondet_tol, check_undefined_grad, check_grad_dtypes, fast_mode)
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


def _check(func: Any, inputs: tuple[Any, ...], eps: float, atol: float, rtol: float, nondet_tol: float,
           check_undefined_grad: bool, check_grad_dtypes: bool, fast_mode: bool) -> None:
    wanted = [x for x in inputs if isinstance(x, TensorBase) and x.edge is not None]
    if not wanted:
        raise ValueError("gradcheck expects at least one input tensor to require gradient, but none of "
                         "them have requires_grad=True.")
    if any(x.array.dtype != np.float64 for x in wanted):
        warnings.warn("gradcheck: an input is not float64; finite differences in lower precision are "
                      "too coarse for the default tolerances", stacklevel=3)
    returned = func(*inputs)
    returned = returned if isinstance(returned, (tuple, list)) else (returned,)
    which = [isinstance(o, TensorBase) and o.edge is not None for o in returned]
    outputs = [o for o, take in zip(returned, which) if take]
    if not outputs:
        _check_constant(func, inputs, wanted, eps, atol)
        return
    compare = _compare_projections if fast_mode else _compare_jacobians
    compare(func, inputs, which, wanted, outputs, eps, atol, rtol, nondet_tol, check_grad_dtypes)
    if check_undefined_grad and len(outputs) > 1:
        _check_missing_gradients(outputs, wanted)


def _differentiable(outputs: Any) -> list[Any]:
    outputs = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
    return [o for o in outputs if isinstance(o, TensorBase) and o.edge is not None]


def _evaluate(func: Any, inputs: Any, which: list[bool]) -> list[np.ndarray]:
    """The outputs marked in `which`, on the host. Recorded, since `func` may itself call `grad`."""
    outputs = func(*inputs)
    outputs = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
    return [to_numpy(o.array).astype(np.float64) for o, take in zip(outputs, which) if take]


def _numerical_column(func: Any, inputs: Any, which: list[bool], x: TensorBase, index: tuple[int, ...],
                      eps: float) -> list[np.ndarray]:
    """How the outputs change with one element of x."""
    original = to_numpy(x.array[index]).item()
    x.array[index] = original + eps
    above = _evaluate(func, inputs, which)
    x.array[index] = original - eps
    below = _evaluate(func, inputs, which)
    x.array[index] = original
    return [(a - b) / (2 * eps) for a, b in zip(above, below)]


def _compare_jacobians(func: Any, inputs: Any, which: list[bool], wanted: list[Any], outputs: list[Any], eps: float, atol: float,
                       rtol: float, nondet_tol: float, check_grad_dtypes: bool) -> None:
    for i, x in enumerate(wanted):
        numerical = [np.zeros((x.array.size, o.array.size)) for o in outputs]
        for row, index in enumerate(np.ndindex(*x.array.shape)):
            for jacobian, column in zip(numerical, _numerical_column(func, inputs, which, x, index, eps)):
                jacobian[row] = column.reshape(-1)
        for j, out in enumerate(outputs):
            analytical = np.zeros_like(numerical[j])
            for column, index in enumerate(np.ndindex(*out.array.shape)):
                one = np.zeros(out.array.shape, out.array.dtype)
                one[index] = 1.0
                gx = _gradient(out, x, one, check_grad_dtypes, nondet_tol)
                analytical[:, column] = gx.reshape(-1)
            _compare(analytical, numerical[j], i, j, atol, rtol, "Jacobian mismatch")


def _compare_projections(func: Any, inputs: Any, which: list[bool], wanted: list[Any], outputs: list[Any], eps: float, atol: float,
                         rtol: float, nondet_tol: float, check_grad_dtypes: bool) -> None:
    stream = np.random.default_rng(0)
    for i, x in enumerate(wanted):
        direction = stream.standard_normal(x.array.shape)
        direction /= max(1.0, float(np.linalg.norm(direction)))
        step = array_module(x.array).asarray(eps * direction, dtype=x.array.dtype)
        original = x.array.copy()
        x.array[...] = original + step
        above = _evaluate(func, inputs, which)
        x.array[...] = original - step
        below = _evaluate(func, inputs, which)
        x.array[...] = original
        for j, out in enumerate(outputs):
            u = stream.standard_normal(out.array.shape)
            gx = _gradient(out, x, u.astype(out.array.dtype), check_grad_dtypes, nondet_tol)
            numerical = np.sum(u * (above[j] - below[j]) / (2 * eps))
            _compare(np.sum(gx * direction), numerical, i, j, atol, rtol, "Projected Jacobian mismatch")


def _gradient(out: Any, x: Any, g: np.ndarray, check_dtype: bool, nondet_tol: float) -> np.ndarray:
    """dL/dx for dL/dout = g, on the host; zeros where there is no path."""
    gradient_of_out = wrap(get_library(device_of(out.array)).from_numpy(g, device_of(out.array)))
    gx, = grad(out, x, gradient_of_out, retain_graph=True, allow_unused=True)
    if gx is None:
        return np.zeros(x.array.shape)
    if gx.array.shape != x.array.shape:
        raise GradcheckError(f"Analytical gradient has incorrect size: {tuple(gx.array.shape)} for an input of "
                             f"shape {tuple(x.array.shape)}")
    if check_dtype and gx.array.dtype != x.array.dtype:
        raise GradcheckError(f"Gradient has dtype {gx.array.dtype} for an input of {x.array.dtype}")
    again, = grad(out, x, gradient_of_out, retain_graph=True, allow_unused=True)
    difference = np.abs(to_numpy(again.array) - to_numpy(gx.array)).max(initial=0.0)
    if difference > nondet_tol:
        raise GradcheckError(f"Backward is not reentrant, i.e., running backward with same input and grad_output "
                             f"multiple times gives different values: they differ by {difference:.3g}, the "
                             f"tolerance is nondet_tol={nondet_tol}")
    return to_numpy(gx.array)


def _compare(analytical: Any, numerical: Any, i: int, j: int, atol: float, rtol: float, what: str) -> None:
    bad = ~np.isclose(analytical, numerical, rtol=rtol, atol=atol, equal_nan=True)
    if not bad.any():
        return
    worst = np.unravel_index(np.argmax(np.where(bad, np.abs(analytical - numerical), -1)), np.shape(numerical))
    at = f" at entry {tuple(map(int, worst))} (input element, output element)" if worst else ""
    raise GradcheckError(
        f"{what} for output {j} with respect to input {i},\nnumerical:{np.asarray(numerical)}\n"
        f"analytical:{np.asarray(analytical)}\nlargest difference {np.abs(analytical - numerical).max():.3g}{at}; "
        f"tolerance: {atol} + {rtol} * |numerical|")


def _check_constant(func: Any, inputs: Any, wanted: list[Any], eps: float, atol: float) -> None:
    """Outputs that do not require grad must not depend on the inputs."""
    outputs = func(*inputs)
    outputs = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
    which = [isinstance(o, TensorBase) and o.array.dtype.kind == "f" for o in outputs]
    for i, x in enumerate(wanted):
        for index in np.ndindex(*x.array.shape):
            columns = _numerical_column(func, inputs, which, x, index, eps)
            if any((np.abs(column) > atol).any() for column in columns):
                raise GradcheckError(f"Numerical gradient for function expected to be zero: the outputs do not "
                                     f"require grad, but they change with input {i}")


def _check_missing_gradients(outputs: Sequence[Any], wanted: list[Any]) -> None:
    """Backward must cope when only one of several outputs has a gradient."""
    for out in outputs:
        g = wrap(array_module(out.array).zeros_like(out.array))
        for gx in grad(out, wanted, g, retain_graph=True, allow_unused=True):
            if gx is not None and not bool((gx.array == 0).all()):
                raise GradcheckError("Expected backward function to handle undefined output grads: a zero gradient "
                                     "of one output gave a non-zero gradient of an input")


def _random_like(out: Any, stream: Any, non_contiguous: bool) -> Any:
    values = stream.standard_normal((*out.array.shape, 2) if non_contiguous else out.array.shape)
    values = np.asarray(values, dtype=out.array.dtype)
    device = device_of(out.array)
    return wrap(get_library(device).from_numpy(values[..., 0] if non_contiguous else values, device))
