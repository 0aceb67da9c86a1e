"""The battery: what every op must pass, from one line in a table.

    CASES = [
        Case(minidl.tanh, [S((3, 4)), S(())], oracle=np.tanh, torch="tanh"),
    ]

    @pytest.mark.parametrize("case", CASES, ids=str)
    def test_battery(case):
        check_case(case)

For each sample the battery compares values with an independent oracle (NumPy or naive loops, and PyTorch where
it is installed), gradients with finite differences to first and second order, and checks that float32
stays float32, that inputs are left alone, that memory layout does not matter, and that a strict stand-in for a
GPU array gets by without a silent conversion to NumPy.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import minidl
from minidl import Tensor
from minidl.autograd import gradcheck, gradgradcheck
from minidl.backend.device import same_device
from tests import strict_array

try:
    import torch
except ImportError:
    torch = None


class S:
    """One sample: the arguments of a call.

    A tuple of ints stands for a random float tensor of that shape, an ndarray for a tensor of its values (a floating or
    complex one gets a gradient); everything else is passed on as it is. `S.raw(x)` passes a tuple or an array on as it
    is too. Lists are searched for tensors.
    """

    def __init__(self, *args: Any, low: float = -2.0, high: float = 2.0, seed: int = 0, **kwargs: Any) -> None:
        stream = np.random.default_rng(seed)

        def build(arg: Any) -> Any:
            if isinstance(arg, tuple) and all(isinstance(n, int) for n in arg):
                return stream.uniform(low, high, arg)
            return [build(a) for a in arg] if isinstance(arg, list) else arg

        self.args = [build(arg) for arg in args]
        self.kwargs = kwargs

    @staticmethod
    def raw(value: Any) -> Raw:
        return Raw(value)

    def __repr__(self) -> str:
        def show(arg: Any) -> str:
            return f"{arg.dtype}{list(arg.shape)}" if isinstance(arg, np.ndarray) else repr(arg)
        return ", ".join([*map(show, self.args), *(f"{k}={show(v)}" for k, v in self.kwargs.items())])


@dataclass
class Raw:
    """An argument that the battery passes on unchanged."""

    value: Any


@dataclass
class Case:
    """A function and its samples, and what to hold it against."""

    fn: Callable[..., Any]
    samples: Sequence[S]
    oracle: Callable[..., Any] | None = None      # on NumPy arrays
    torch: str | Callable[..., Any] | None = None  # a name in torch or torch.nn.functional, or a function
    grad: bool = True                             # differentiable
    gradgrad: bool = True
    strict: bool = True                           # run on the strict array too
    float16: bool = False                         # float16 in, float16 out too
    rtol: float = 1e-9                            # of values in float64
    name: str = ""
    errors: Sequence[tuple[S, type[Exception], str]] = field(default_factory=list)

    def __str__(self) -> str:
        return self.name or getattr(self.fn, "__name__", "case")


def check_case(case: Case) -> None:
    """Run the whole battery over a case."""
    # without PyTorch, its functions stand as None in some tables
    assert case.oracle is not None or case.torch is not None or torch is None, "a case needs an oracle"
    differentiated = False
    for sample in case.samples:
        try:
            _check_values(case, sample)
            _check_dtypes(case, sample)
            _check_layout(case, sample)
            if case.grad:
                differentiated |= _check_gradients(case, sample)
            if case.strict:
                with strict_array.several_devices():
                    _check_strict(case, sample)
        except Exception as error:
            error.args = (f"{case}({sample}): {error}", *error.args[1:])
            raise
    assert differentiated or not (case.grad and case.samples), \
        f"{case}: the case claims a gradient, but no sample has an input that requires grad"
    for sample, kind, text in case.errors:
        _check_error(case, sample, kind, text)


# ---------------------------------------------------------------------- building arguments

def tree_map(function: Callable[[Any], Any], value: Any) -> Any:
    """Apply to every leaf of nested lists and tuples."""
    if isinstance(value, list):
        return [tree_map(function, v) for v in value]
    if isinstance(value, tuple):
        return tuple(tree_map(function, v) for v in value)
    return function(value)


def leaves(value: Any) -> list[Any]:
    """All leaves of nested lists and tuples."""
    return [leaf for v in value for leaf in leaves(v)] if isinstance(value, (list, tuple)) else [value]


def build(sample: S, make: Callable[[np.ndarray], Any]) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a sample with every array made into something."""
    def leaf(value: Any) -> Any:
        return value.value if isinstance(value, Raw) else make(value) if isinstance(value, np.ndarray) else value
    return tree_map(leaf, sample.args), {k: tree_map(leaf, v) for k, v in sample.kwargs.items()}


def as_leaf(array: np.ndarray, dtype: Any = None) -> Tensor:
    """A tensor of an array; floating ones require grad, and so do complex ones, whose parts are of `dtype`."""
    floating = array.dtype.kind in "fc"
    if dtype is not None and array.dtype.kind == "c":
        dtype = np.promote_types(dtype, np.complex64)
    return minidl.tensor(array, dtype=dtype if floating else None, requires_grad=floating)


def normal(stream: np.random.Generator, shape: Any, dtype: Any) -> np.ndarray:
    """Random numbers of a dtype, which may be complex."""
    values = stream.standard_normal(shape)
    return values + 1j * stream.standard_normal(shape) if dtype.kind == "c" else values


def wide(value: Any) -> np.ndarray:
    """In double precision."""
    array = np.asarray(value)
    return array.astype(complex if array.dtype.kind == "c" else float)


def tensors(*values: Any) -> list[Tensor]:
    return [leaf for leaf in leaves(list(values)) if isinstance(leaf, Tensor)]


def host(value: Any) -> Any:
    """Results on the host: nested tuples of arrays and plain values."""
    def leaf(v: Any) -> Any:
        if isinstance(v, Tensor):
            return minidl.backend.device.to_numpy(v.array)
        return v.detach().resolve_conj().numpy() if torch is not None and isinstance(v, torch.Tensor) else v
    return tree_map(leaf, value)


# ---------------------------------------------------------------------- the checks

def _check_values(case: Case, sample: S) -> None:
    args, kwargs = build(sample, as_leaf)
    before = [t.array.copy() for t in tensors(args, list(kwargs.values()))]
    out = case.fn(*args, **kwargs)
    for t, values in zip(tensors(args, list(kwargs.values())), before):
        np.testing.assert_array_equal(t.array, values, err_msg="an input was changed")
    for t in tensors(out):
        assert isinstance(t.array, np.ndarray), f"a tensor holds a {type(t.array).__name__}"
    if case.oracle is not None:
        plain, plain_kwargs = build(sample, lambda array: array)
        with np.errstate(all="ignore"):
            _assert_same(host(out), case.oracle(*plain, **plain_kwargs), case.rtol, "the oracle")
    if case.torch is not None and torch is not None:
        function = _torch_function(case.torch)
        there, there_kwargs = build(sample, _torch_leaf)
        theirs = function(*there, **there_kwargs)
        _assert_same(host(out), host(theirs), case.rtol, "PyTorch")
        dtypes = [str(t.dtype).removeprefix("torch.") for t in leaves([theirs]) if isinstance(t, torch.Tensor)]
        ours = [str(t.dtype) for t in tensors(out)]
        assert ours == dtypes, f"dtypes {ours}, PyTorch gives {dtypes}"
        if case.grad:
            _check_torch_gradients(case, sample, out, theirs, args, kwargs, there, there_kwargs)


def _torch_function(name: str | Callable[..., Any]) -> Callable[..., Any]:
    if callable(name):
        return name
    for module in (torch, torch.nn.functional, torch.Tensor):
        if hasattr(module, name):
            return getattr(module, name)
    raise AttributeError(f"PyTorch has no {name}")


def _torch_leaf(array: np.ndarray) -> Any:
    return torch.tensor(array, requires_grad=array.dtype.kind in "fc")


def _check_torch_gradients(case: Case, sample: S, out: Any, theirs: Any, args: Any, kwargs: Any,
                           there: Any, there_kwargs: Any) -> None:
    """The conventions at kinks (ties, zeros) are PyTorch's, where finite differences say nothing."""
    outs = [t for t in tensors(out) if t.requires_grad]
    their_outs = [t for t in leaves(theirs) if isinstance(t, torch.Tensor) and t.requires_grad]
    assert len(outs) == len(their_outs), "not the same outputs require grad as in PyTorch"
    if not outs:
        return
    stream = np.random.default_rng(1)
    gs = [normal(stream, t.shape, t.dtype) for t in outs]
    minidl.autograd.backward(outs, [minidl.tensor(g, dtype=t.dtype) for g, t in zip(gs, outs)])
    torch.autograd.backward(their_outs, [torch.tensor(g, dtype=t.dtype) for g, t in zip(gs, their_outs)])
    ours = tensors(args, list(kwargs.values()))
    others = [t for t in leaves([there, list(there_kwargs.values())]) if isinstance(t, torch.Tensor)]
    for mine, other in zip(ours, others):
        if mine.requires_grad:
            g = np.zeros(mine.shape) if mine.grad is None else host(mine.grad)
            expected = np.zeros(mine.shape) if other.grad is None else other.grad.resolve_conj().numpy()
            np.testing.assert_allclose(g, expected, rtol=max(case.rtol, 1e-9), atol=1e-9,
                                       err_msg="gradient against PyTorch's")


def _assert_same(ours: Any, expected: Any, rtol: float, who: str) -> None:
    ours = leaves(ours)
    expected = leaves(expected if isinstance(expected, (list, tuple)) else [expected])
    assert len(ours) == len(expected), f"{len(ours)} results, {who} gives {len(expected)}"
    for mine, theirs in zip(ours, expected):
        assert np.shape(mine) == np.shape(theirs), f"shape {np.shape(mine)}, {who} gives {np.shape(theirs)}"
        np.testing.assert_allclose(wide(mine), wide(theirs), rtol=rtol, atol=1e-12, err_msg=f"value against {who}")


def _check_dtypes(case: Case, sample: S) -> None:
    """float32 in, float32 out, float32 gradients; in torch's dtype where the result is no float."""
    for dtype in (np.float32, np.float16) if case.float16 else (np.float32,):
        args, kwargs = build(sample, lambda array, dtype=dtype: as_leaf(array, dtype))
        inputs = tensors(args, list(kwargs.values()))
        if not any(t.dtype.kind in "fc" for t in inputs):
            return
        outs = tensors(case.fn(*args, **kwargs))
        for out in outs:
            assert out.dtype.kind not in "fc" or out.real.dtype == dtype, f"{np.dtype(dtype)} in, {out.dtype} out"
        outs = [t for t in outs if t.requires_grad]
        if outs and case.grad:
            minidl.autograd.backward(outs, [minidl.ones_like(t) for t in outs])
            for t in inputs:
                assert t.grad is None or t.grad.dtype == t.dtype, f"gradient of {t.dtype} is {t.grad.dtype}"


def _check_layout(case: Case, sample: S) -> None:
    """The same values from arrays whose elements do not stand side by side."""
    def spread(array: np.ndarray) -> Tensor:
        apart = np.zeros((*array.shape, 2), array.dtype)
        apart[..., 0] = array
        return minidl.from_numpy(apart.swapaxes(0, -2)[..., 0].swapaxes(0, -1) if array.ndim > 1 else apart[..., 0])
    args, kwargs = build(sample, as_leaf)
    other_args, other_kwargs = build(sample, spread)
    for a, b in zip(leaves(host(case.fn(*args, **kwargs))), leaves(host(case.fn(*other_args, **other_kwargs)))):
        np.testing.assert_allclose(wide(a), wide(b), rtol=1e-9, atol=1e-12,
                                   err_msg="non-contiguous inputs give other values")


def _check_gradients(case: Case, sample: S) -> bool:
    """Against finite differences; returns whether the sample has an input that requires grad."""
    args, kwargs = build(sample, as_leaf)
    inputs = [t for t in tensors(args, list(kwargs.values())) if t.requires_grad]

    def function(*_: Any) -> Any:   # gradcheck writes into the tensors themselves
        return tuple(tensors(case.fn(*args, **kwargs)))

    if not inputs:
        return False
    assert any(t.requires_grad for t in function()), "the case claims a gradient, but no output requires grad"
    assert gradcheck(function, inputs, fast_mode=True)
    if case.gradgrad:
        assert gradgradcheck(lambda *xs: _rebuilt(case, sample, xs), inputs, fast_mode=True, atol=1e-4)
    return True


def _rebuilt(case: Case, sample: S, xs: Sequence[Tensor]) -> Any:
    """Call the case with the given tensors in place of its floating arrays."""
    supply = iter(xs)
    args, kwargs = build(sample, lambda array: next(supply) if array.dtype.kind in "fc" else minidl.tensor(array))
    return tuple(t for t in tensors(case.fn(*args, **kwargs)) if t.dtype.kind in "fc")


def _check_strict(case: Case, sample: S) -> None:
    """On an array that refuses silent conversion to NumPy: equal values and gradients."""
    results = []
    for make in (as_leaf, lambda array: strict_array.leaf(as_leaf(array))):
        args, kwargs = build(sample, make)
        outs = tensors(case.fn(*args, **kwargs))
        floating = [t for t in outs if t.requires_grad]
        if floating and case.grad:
            minidl.autograd.backward(floating, [minidl.ones_like(t) for t in floating])
        grads = [t.grad for t in tensors(args, list(kwargs.values())) if t.grad is not None]
        results.append((outs, grads))
    for ours, theirs in zip(*[[*outs, *grads] for outs, grads in results]):
        assert same_device(theirs.device, strict_array.tested), f"the result left the device for {theirs.device}"
        single = strict_array.tested.type != "strict" and theirs.dtype.itemsize <= 4     # a GPU's own last digit
        np.testing.assert_allclose(wide(host(ours)), wide(host(theirs)), rtol=1e-6 if single else 1e-9, atol=1e-12,
                                   err_msg=f"the device {strict_array.tested} gives other values")


def _check_error(case: Case, sample: S, kind: type[Exception], text: str) -> None:
    args, kwargs = build(sample, as_leaf)
    try:
        case.fn(*args, **kwargs)
    except kind as error:
        assert text in str(error), f"{case}: expected an error that says {text!r}, got {error}"
    else:
        raise AssertionError(f"{case}({sample}): expected {kind.__name__}: {text}")
