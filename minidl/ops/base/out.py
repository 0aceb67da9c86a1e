"""`out=`: write a result into a tensor that the caller gives."""
from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.autograd.grad_mode import no_grad, switches
from minidl.autograd.inplace import replace_memory, write
from minidl.autograd.tensorbase import TensorBase, tensors_in, wrap
from minidl.backend.device import array_module, device_of, same_device
from minidl.backend.dtype import can_cast
from minidl.backend.warn import warn

SAME_DTYPE = frozenset("""
    abs absolute addmm addmv alias_copy amax amin argmax argmin as_strided_copy bitwise_not bmm bucketize ceil
    cholesky clamp clip complex conj_physical cross det detach_copy diag diagonal_copy dot dsmm eigvalsh
    expand_copy fix float_power floor frac gather hardshrink heaviside histc ihfft index_add index_copy
    index_reduce index_select inner inv inverse isin isneginf isposinf log_softmax logcumsumexp lu_solve
    masked_select matmul matrix_norm mm msort multi_dot multinomial mv nan_to_num nanquantile narrow_copy neg negative
    nonzero norm ormqr permute_copy polar quantile renorm round scatter scatter_add scatter_reduce searchsorted
    select_copy sgn sign signbit slice_copy slice_scatter softmax solve solve_triangular spmm squeeze_copy
    svdvals t_copy take take_along_dim tensordot transpose_copy tril triu trunc unfold_copy unsqueeze_copy vdot
    vecdot vector_norm view_copy where
    """.split())
"""What writes only into an `out` of the result's dtype, as in PyTorch, beside all functions of several results but
`CASTS`. Others cast, if no numbers are lost."""

CASTS = {"eig", "geqrf", "lstsq", "split_copy"}
COMPUTES_IN_OUT = {"cumprod", "cumsum", "prod", "sum"}      # in the dtype of `out`, if no dtype= is given
FILLS = {"arange", "linspace", "logspace", "range"}         # an `out` of as many elements keeps its shape
JOINS = {"cat", "column_stack", "concat", "concatenate", "dstack", "hstack", "row_stack", "stack", "vstack"}


def write_out(name: str, function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """Write `function(*args, **kwargs)` into `kwargs["out"]`, one tensor or several; return it.

    If `out` has another shape, it gets new memory of the right shape, with a warning unless it was empty. It may
    be one of the arguments: it is written last.
    Errors: RuntimeError where one of the tensors requires a gradient, where the cast to the dtype of `out` would lose
    numbers or the function writes into one dtype only (`SAME_DTYPE`), or where `out` is on another device or is a
    view of another shape.
    """
    out = kwargs["out"]
    kwargs = {key: value for key, value in kwargs.items() if key != "out"}
    outs = tuple(out) if isinstance(out, (tuple, list)) else (out,)
    for o in outs:
        if not isinstance(o, TensorBase):
            raise TypeError(f"{name}(): argument 'out' must be Tensor, or a tuple of them for several results, not "
                            f"{type(o).__name__}")
    _refuse_gradients(name, outs)
    requires_grad = kwargs.pop("requires_grad", False)
    if creates_tensors(function):
        kwargs = _creation_arguments(name, function, kwargs, outs[0])
    elif kwargs.get("dtype") is not None:
        _check_same_dtype(name, np.dtype(kwargs["dtype"]), outs[0])
    elif name in COMPUTES_IN_OUT:
        kwargs["dtype"] = outs[0].dtype
    with no_grad():
        result = function(*args, **kwargs)
    results = result if isinstance(result, tuple) else (result,)
    if len(results) != len(outs) or isinstance(result, tuple) != isinstance(out, (tuple, list)):
        raise TypeError(f"{name}(): argument 'out' must be {_tensors(len(results))}, but got {_tensors(len(outs))}")
    results = tuple(r if isinstance(r, TensorBase) else wrap(r) for r in results)
    if name in COMPUTES_IN_OUT or any(r.array.dtype.kind in "fc" for r in results):
        _refuse_gradients(name, (args, kwargs))
    for o, r in zip(outs, results):
        _check_dtype(name, o, r, len(results))
    with no_grad():
        for o, r in zip(outs, results):
            _write_result(name, o, r)
    if requires_grad:
        out.requires_grad_()
    return out if not isinstance(result, tuple) else type(result)(*outs) if hasattr(result, "_fields") else outs


def _refuse_gradients(name: str, tensors: Any) -> None:
    """Raise RuntimeError if one of the tensors requires a gradient, and gradients are recorded."""
    if switches.enabled and any(t.requires_grad for t in tensors_in(tensors)):  # type: ignore[attr-defined]
        raise RuntimeError(f"{name}(): functions with out=... arguments don't support automatic differentiation, but "
                           f"one of the arguments requires grad.")


def creates_tensors(function: Callable[..., Any]) -> bool:
    """Whether `function` creates tensors from sizes or numbers."""
    return function.__module__.startswith("minidl.tensors.creation")


def _tensors(n: int) -> str:
    return "a Tensor" if n == 1 else f"tuple of {n} Tensors"


def _creation_arguments(name: str, function: Callable[..., Any], kwargs: dict[str, Any], out: Any) -> dict[str, Any]:
    """Add the dtype and device of `out` to the arguments of a creation function."""
    takes = inspect.signature(function).parameters
    dtype = kwargs.get("dtype")
    if dtype is not None and np.dtype(dtype) != out.dtype:
        raise RuntimeError(f"{name}(): dtype {np.dtype(dtype)} does not match dtype of out parameter ({out.dtype})")
    return {**{key: value for key, value in (("dtype", out.dtype), ("device", out.device)) if key in takes}, **kwargs}


def _check_dtype(name: str, out: Any, result: Any, results: int) -> None:
    """Raise RuntimeError where the function does not write its result into the dtype of `out`."""
    if name in ("all", "any"):
        if out.dtype not in (np.bool_, np.uint8):
            raise RuntimeError(f"{name}(): only a bool or uint8 tensor takes the result, but out is {out.dtype}")
    elif (name in SAME_DTYPE or results > 1 and name not in CASTS) and not (name == "abs" and out.dtype.kind == "c"):
        _check_same_dtype(name, result.dtype, out)
    elif name != "bernoulli" and not can_cast(result.dtype, out.dtype):
        kind = TypeError if name in JOINS else RuntimeError
        raise kind(f"{name}(): result type {result.dtype} can't be cast to the desired output type "
                   f"{out.dtype}; try an out of {result.dtype}")


def _check_same_dtype(name: str, dtype: Any, out: Any) -> None:
    if out.dtype != dtype:
        raise RuntimeError(f"{name}(): Expected out tensor to have dtype {dtype}, but got {out.dtype} instead")


def _write_result(name: str, out: Any, result: Any) -> None:
    if not same_device(device_of(result.array), device_of(out.array)):
        raise RuntimeError(f"{name}(): expected out on {result.device}, where the result is, but it is on {out.device}")
    if not can_cast(result.dtype, out.dtype):       # zeros and ones of bernoulli
        result = wrap(result.array.astype(out.dtype))
    if name in FILLS and result.numel() == out.numel():
        result = result.reshape(out.shape)
    if result.shape != out.shape:
        if out.numel() and out.view_of is not None:
            raise RuntimeError(f"{name}(): out has shape {tuple(out.shape)}, the result {tuple(result.shape)}; a view "
                               f"of another tensor's memory cannot be resized")
        if out.numel():
            warn(f"{name}(): An output with one or more elements was resized since it had shape "
                 f"{list(out.shape)}, which does not match the required output shape {list(result.shape)}. "
                 f"Hand in an empty tensor, or one of the right shape.")
        replace_memory(out, array_module(result.array).empty(result.shape, out.dtype), name)
    write(out, lambda _, new: new, result, who=f"{name}(out=)")
