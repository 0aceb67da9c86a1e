"""Comparison of gradients with finite differences, to first and second order."""
from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from minidl.autograd.gradcheck_results import GradcheckReport, GradcheckRow, Mismatch
from minidl.autograd.gradcheck_subject import Named, Subject, of_values, subject_of
from minidl.autograd.gradients import grad
from minidl.autograd.tensorbase import SparseBase, TensorBase, wrap
from minidl.backend.device import array_module, device_of, get_library, to_numpy
from minidl.backend.dtype import complex128, float64
from minidl.backend.warn import warn

NO_PATH = "no path leads from it to the output"
MAX_RETRY_ENTRIES = 1000    # up to this size, a failed fast check is repeated in full, to find the wrong entry


class GradcheckError(RuntimeError):
    """An analytical gradient differs from the numerical gradient. `report` has all results."""

    report: GradcheckReport


class _Settings(NamedTuple):
    eps: float
    atol: float
    rtol: float
    nondet_tol: float
    check_undefined_grad: bool
    check_grad_dtypes: bool
    fast_mode: bool


def gradcheck(func: Callable[..., Any], inputs: Any, *, eps: float = 1e-6, atol: float = 1e-5,
              rtol: float = 1e-3, raise_exception: bool = True, nondet_tol: float = 0.0,
              check_undefined_grad: bool = True, check_grad_dtypes: bool = True,
              fast_mode: bool = False, masked: bool | None = None) -> bool:
    """Whether the gradients of `func(*inputs)` agree with central differences.

    For every floating output and every input that requires grad (use float64), the Jacobian J from backward
    is compared with N = (f(x + eps) - f(x - eps)) / (2 eps), entry by entry: |J - N| <= atol + rtol |N|.
    A complex number counts as two real numbers, its parts.
    With `fast_mode` one random projection u' J v is compared instead: it takes two evaluations of `func` for
    each input of any size.

    If `func` is a Module, its parameters are checked too, and its buffers that require grad. The module may be float32:
    a float64 copy of it and of the inputs is checked, so the module does not change, and running statistics are the
    same at every evaluation. Random numbers from the default generator are also the same at every evaluation.
    A warning names the tensors that `func` uses, that receive a gradient, and that are not checked.
    Of a sparse tensor the stored values are checked, as PyTorch does with `masked=True`; `masked` has no effect.

        >>> import minidl
        >>> x = minidl.randn(3, dtype=minidl.float64, requires_grad=True)
        >>> minidl.autograd.gradcheck(minidl.tanh, x)
        True
        >>> minidl.autograd.gradcheck(minidl.nn.Linear(3, 2), x)
        True

    Errors: GradcheckError names the entry with the largest error, and shows both Jacobians (with
    `raise_exception=False` the result is False instead); ValueError if nothing requires grad. `gradcheck_report` lists
    what was checked.
    """
    settings = _Settings(eps, atol, rtol, nondet_tol, check_undefined_grad, check_grad_dtypes, fast_mode)
    return _verdict(_check(func, inputs, settings), raise_exception)


def gradgradcheck(func: Callable[..., Any], inputs: Any, grad_outputs: Any = None, *, eps: float = 1e-6,
                  atol: float = 1e-5, rtol: float = 1e-3, gen_non_contig_grad_outputs: bool = False,
                  raise_exception: bool = True, nondet_tol: float = 0.0, check_undefined_grad: bool = True,
                  check_grad_dtypes: bool = False, fast_mode: bool = False, masked: bool | None = None) -> bool:
    """Whether the gradients of the gradients of `func` agree with central differences.

    The gradient is a function of the inputs, of the parameters if `func` is a Module, and of `grad_outputs` (random if
    not given). It is checked as by `gradcheck`; the other arguments are the same.
    """
    settings = _Settings(eps, atol, rtol, nondet_tol, check_undefined_grad, check_grad_dtypes, fast_mode)
    report = _check(func, inputs, settings, 2, grad_outputs, gen_non_contig_grad_outputs)
    return _verdict(report, raise_exception)


def gradcheck_report(func: Callable[..., Any], inputs: Any, *, order: int = 1, eps: float = 1e-6, atol: float = 1e-5,
                     rtol: float = 1e-3, nondet_tol: float = 0.0, check_undefined_grad: bool = True,
                     check_grad_dtypes: bool = True, fast_mode: bool = False) -> GradcheckReport:
    """The checks and results of `gradcheck`: a row for each tensor and output.

    The report is true if nothing is wrong. The arguments are those of `gradcheck`; with `order=2` it reports on
    `gradgradcheck`. A wrong gradient raises no error: `report.failure` is the text that `gradcheck` would raise.

        >>> import minidl
        >>> layer = minidl.nn.Linear(3, 2)
        >>> layer.bias.requires_grad_(False)
        Parameter containing:
        tensor([...])
        >>> report = minidl.autograd.gradcheck_report(layer, minidl.randn(4, 3, requires_grad=True))
        >>> for row in report.rows:
        ...     print(row.tensor, row.shape, row.result, row.note)
        input 0 (4, 3) right
        parameter 'weight' (2, 3) right
        parameter 'bias' (2,) not checked requires_grad is False

    Errors: ValueError if nothing requires grad, or `order` is neither 1 nor 2.
    """
    if order not in (1, 2):
        raise ValueError(f"gradcheck_report: expected order 1 or 2, but got {order}")
    settings = _Settings(eps, atol, rtol, nondet_tol, check_undefined_grad, check_grad_dtypes and order == 1, fast_mode)
    return _check(func, inputs, settings, order)


def _verdict(report: GradcheckReport, raise_exception: bool) -> bool:
    if report.failure and raise_exception:
        error = GradcheckError(report.failure if len(report.rows) < 2 else f"{report.failure}\n\n{report}")
        error.report = report
        raise error
    return not report.failure


def _check(func: Any, inputs: Any, settings: _Settings, order: int = 1, grad_outputs: Any = None,
           non_contiguous: bool = False) -> GradcheckReport:
    func, inputs = of_values(func, (inputs,) if isinstance(inputs, (TensorBase, SparseBase)) else tuple(inputs))
    subject = subject_of(func, inputs)
    if not subject.checked:
        raise ValueError("gradcheck expects at least one input tensor to require gradient, but none of "
                         "them have requires_grad=True.")
    outputs = subject.outputs()
    if not outputs:
        raise ValueError("gradcheck: the function returned no tensor; expected a tensor, or tensors in tuples, lists "
                         "or dicts")
    unchecked = subject.unchecked(outputs)
    if unchecked:
        names = ", ".join(f"{name} {shape}" for name, shape in unchecked)
        warn(f"gradcheck: the function also depends on {names}, whose gradient is not checked; hand it over "
             f"as an input, or check a Module itself, gradcheck(module, inputs)")
    if order == 2:
        subject = _of_gradients(subject, outputs, grad_outputs, non_contiguous)
        outputs = subject.outputs()
    report = _Check(subject, outputs, settings).run()
    report.rows += [GradcheckRow(name, shape, "", None, "not checked", "held by the function, but no input")
                    for name, shape in unchecked]
    return report


def _of_gradients(subject: Subject, outputs: list[Named], grad_outputs: Any, non_contiguous: bool) -> Subject:
    """A subject whose outputs are the gradients of another subject; the incoming gradients are inputs too."""
    if all(x.tensor.edge is None for x in outputs):
        raise ValueError("gradgradcheck: no output requires grad, so there is no gradient to check; try gradcheck")
    if grad_outputs is None:
        stream = np.random.default_rng(0)
        gs = [_random_like(x.tensor, stream, non_contiguous) for x in outputs if x.tensor.edge is not None]
        for g in gs:
            g.requires_grad = True
    else:
        gs = [grad_outputs] if isinstance(grad_outputs, TensorBase) else list(grad_outputs)

    def gradients() -> list[Named]:
        found = grad([x.tensor for x in subject.call() if x.tensor.edge is not None],
                     [x.tensor for x in subject.checked], gs, create_graph=True, allow_unused=True)
        return [Named(f"the gradient of {x.title}", f"grad({x.symbol})", g)
                for x, g in zip(subject.checked, found) if g is not None]

    named = [Named(f"grad_output {i}", f"grad_outputs[{i}]", g) for i, g in enumerate(gs)]
    return Subject(gradients, [*subject.checked, *subject.skipped, *named])


class _Found(NamedTuple):
    """The result of a comparison: a text for the error, if it is wrong, and a note for the table."""

    difference: float
    failure: str = ""
    note: str = ""


class _Check:
    """One comparison of a subject's gradients with finite differences."""

    def __init__(self, subject: Subject, outputs: list[Named], settings: _Settings) -> None:
        self.subject, self.settings = subject, settings
        self.which = [x.tensor.edge is not None for x in outputs]
        self.constant = [x.tensor.edge is None and x.tensor.array.dtype.kind in "fc" for x in outputs]
        self.all_outputs = outputs
        self.outputs = [x for x, take in zip(outputs, self.which) if take]
        self.rows: list[GradcheckRow] = []
        self.found: list[_Found] = []
        self.stream = np.random.default_rng(0)

    def run(self) -> GradcheckReport:
        failure = ""
        try:
            self.check_deterministic()
            if not self.outputs:
                self.check_constant_outputs()
            else:
                for x in self.subject.checked:
                    self.compare(x)
            failure = max(self.found, key=lambda found: found.difference if found.failure else -1.0).failure \
                if self.found else ""
            if not failure and self.settings.check_undefined_grad and len(self.outputs) > 1:
                self.check_undefined_grads()
        except GradcheckError as error:
            failure = str(error)
        self.rows += [GradcheckRow(x.title, x.tensor.array.shape, "", None, "not checked", "requires_grad is False")
                      for x in self.subject.skipped]
        self.rows += [GradcheckRow("", x.tensor.array.shape, x.title, None, "not checked", "it does not require grad")
                      for x, constant in zip(self.all_outputs, self.constant) if constant]
        return GradcheckReport(self.rows, failure)

    # ------------------------------------------------------------------ numerically

    def evaluate(self, which: list[bool]) -> list[np.ndarray]:
        """The outputs marked in `which`, on the host.

        The call is recorded, since the function may call `grad`.
        """
        return [_reals(to_numpy(x.tensor.array)) for x, take in zip(self.subject.outputs(), which) if take]

    def slope(self, x: TensorBase, direction: np.ndarray, which: list[bool]) -> list[np.ndarray]:
        """The change of the outputs along a direction d of x: (f(x + eps d) - f(x - eps d)) / (2 eps)."""
        eps = self.settings.eps
        step = array_module(x.array).asarray(_numbers(eps * direction, x), dtype=x.array.dtype)
        original = x.array.copy()
        try:
            x.array[...] = original + step
            above = self.evaluate(which)
            x.array[...] = original - step
            below = self.evaluate(which)
        finally:
            x.array[...] = original
        return [(a - b) / (2 * eps) for a, b in zip(above, below)]

    # ------------------------------------------------------------------ analytically

    def gradient(self, out: Any, x: Any, g: np.ndarray) -> np.ndarray | None:
        """dL/dx for dL/dout = g, both as real numbers on the host; None if there is no path."""
        device = device_of(out.array)
        g = wrap(get_library(device).from_numpy(np.asarray(_numbers(g, out), dtype=out.array.dtype), device))
        gx, = grad(out, x, g, retain_graph=True, allow_unused=True)
        if gx is None:
            return None
        if gx.array.shape != x.array.shape:
            raise GradcheckError(f"Analytical gradient has incorrect size: {tuple(gx.array.shape)} for a tensor of "
                                 f"shape {tuple(x.array.shape)}")
        if self.settings.check_grad_dtypes and gx.array.dtype != x.array.dtype:
            raise GradcheckError(f"Gradient has dtype {gx.array.dtype} for a tensor of {x.array.dtype}")
        again, = grad(out, x, g, retain_graph=True, allow_unused=True)
        difference = np.abs(to_numpy(again.array) - to_numpy(gx.array)).max(initial=0.0)
        if difference > self.settings.nondet_tol:
            raise GradcheckError(f"Backward is not reentrant, i.e., running backward with same input and grad_output "
                                 f"multiple times gives different values: they differ by {difference:.3g}, the "
                                 f"tolerance is nondet_tol={self.settings.nondet_tol}")
        return _reals(to_numpy(gx.array))

    # ------------------------------------------------------------------ both

    def compare(self, x: Named) -> None:
        """Compare the gradients of all outputs with respect to x, and store a row for each."""
        compare = self.in_one_direction(x) if self.settings.fast_mode else self.entry_by_entry(x)
        for j, out in enumerate(self.outputs):
            try:
                found = compare(j)
            except GradcheckError as error:
                found = _Found(math.inf, f"{x.title} has a wrong gradient: {error}", str(error))
            self.found.append(found)
            self.rows.append(GradcheckRow(x.title, x.tensor.array.shape, out.title, found.difference,
                                          "wrong" if found.failure else "right", found.note))

    def entry_by_entry(self, x: Named) -> Callable[[int], _Found]:
        """Compare whole Jacobians: numerical, one entry of x at a time; analytical, one entry of the output."""
        slopes = [self.slope(x.tensor, unit, self.which) for unit in _units(x.tensor)]

        def compare(j: int) -> _Found:
            out = self.outputs[j]
            numerical = np.array([slope[j].reshape(-1) for slope in slopes])
            numerical = numerical.reshape(_size(x.tensor), _size(out.tensor))
            columns = [self.gradient(out.tensor, x.tensor, unit) for unit in _units(out.tensor)]
            zeros = np.zeros(_size(x.tensor))
            analytical = np.array([zeros if column is None else column.reshape(-1) for column in columns])
            analytical = analytical.reshape(_size(out.tensor), _size(x.tensor)).T
            bad = ~self.agree(analytical, numerical)
            if not bad.any():
                difference = float(np.abs(analytical - numerical).max(initial=0.0))
                return _Found(difference, note=NO_PATH if columns and all(c is None for c in columns) else "")
            mismatch = Mismatch(x, out, analytical, numerical, bad, self.settings.atol, self.settings.rtol)
            return _Found(mismatch.difference, mismatch.text(), mismatch.common_cause())
        return compare

    def in_one_direction(self, x: Named) -> Callable[[int], _Found]:
        """Compare one number: the change of a random combination of outputs along a random direction of x."""
        direction = self.stream.standard_normal(_real_shape(x.tensor))
        direction /= max(1.0, float(np.linalg.norm(direction)))
        slopes = self.slope(x.tensor, direction, self.which)

        def compare(j: int) -> _Found:
            out = self.outputs[j]
            u = self.stream.standard_normal(_real_shape(out.tensor))
            gradient = self.gradient(out.tensor, x.tensor, u)
            analytical = 0.0 if gradient is None else float(np.sum(gradient * direction))
            numerical = float(np.sum(u * slopes[j]))
            if self.agree(analytical, numerical):
                return _Found(abs(analytical - numerical), note=NO_PATH if gradient is None else "")
            if max(_size(x.tensor), _size(out.tensor)) <= MAX_RETRY_ENTRIES:
                found = self.entry_by_entry(x)(j)
                if found.failure:
                    return found
            return _Found(abs(analytical - numerical), (
                f"{x.title} has a wrong gradient: in a random direction, {out.title} changes by {analytical:.6g} by "
                f"backward, but by {numerical:.6g} by finite differences\n"
                f"Projected Jacobian mismatch for {out.title} with respect to {x.title}; tolerance: "
                f"{self.settings.atol} + {self.settings.rtol} * |numerical|"))
        return compare

    def agree(self, analytical: Any, numerical: Any) -> Any:
        return np.isclose(analytical, numerical, rtol=self.settings.rtol, atol=self.settings.atol, equal_nan=True)

    def check_deterministic(self) -> None:
        """Raise GradcheckError if two calls differ, since finite differences would then be meaningless."""
        for x, second in zip(self.all_outputs, self.evaluate([True] * len(self.all_outputs))):
            first = _reals(to_numpy(x.tensor.array))
            if first.shape != second.shape or not np.allclose(first, second, 1e-9, 1e-12, equal_nan=True):
                raise GradcheckError(f"the function is not deterministic: two calls with equal inputs give another "
                                     f"{x.title}. Random numbers of the default generator are the same at every call; "
                                     f"is there another generator in it, or something that it remembers?")

    def check_constant_outputs(self) -> None:
        """Raise GradcheckError if outputs that do not require grad depend on the tensors."""
        for x in self.subject.checked:
            for unit in _units(x.tensor):
                slopes = self.slope(x.tensor, unit, self.constant)
                if any((np.abs(slope) > self.settings.atol).any() for slope in slopes):
                    raise GradcheckError(f"{x.title} has no gradient: no output requires grad, but they change with "
                                         f"it. Numerical gradient for function expected to be zero")
            self.rows.append(GradcheckRow(x.title, x.tensor.array.shape, "", None, "right", "no output depends on it"
                                          if any(self.constant) else "no output is floating"))

    def check_undefined_grads(self) -> None:
        """Raise GradcheckError if backward fails when only one of several outputs has a gradient."""
        for out in self.outputs:
            g = wrap(array_module(out.tensor.array).zeros_like(out.tensor.array))
            at = [x.tensor for x in self.subject.checked]
            for gx in grad(out.tensor, at, g, retain_graph=True, allow_unused=True):
                if gx is not None and not bool((gx.array == 0).all()):
                    raise GradcheckError("Expected backward function to handle undefined output grads: a zero "
                                         "gradient of one output gave a non-zero gradient of an input")


def _real_shape(x: TensorBase) -> tuple[int, ...]:
    """The shape of a tensor as real numbers: a complex number has two parts, along a last axis."""
    return (*x.array.shape, 2) if x.array.dtype.kind == "c" else x.array.shape


def _size(x: TensorBase) -> int:
    return math.prod(_real_shape(x))


def _reals(array: np.ndarray) -> np.ndarray:
    """An array as real numbers in double precision."""
    return array.astype(complex128)[..., None].view(float64) if array.dtype.kind == "c" else array.astype(float64)


def _numbers(reals: np.ndarray, like: TensorBase) -> np.ndarray:
    """The inverse of `_reals`, for numbers of the dtype of `like`."""
    return reals.view(complex128)[..., 0] if like.array.dtype.kind == "c" else reals


def _units(x: TensorBase) -> Iterator[np.ndarray]:
    """All unit directions: one real number of x is 1, all others are 0."""
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
