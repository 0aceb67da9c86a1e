"""What is done at the door of the public functions, so that none of them has to: `out=`, and errors that say who was
called with what.

`guard` puts a function in front of each one in a namespace. A Tensor's methods and operators do not pass here.
"""
from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.autograd.grad_mode import no_grad, switches
from minidl.autograd.inplace import replace_memory, write
from minidl.autograd.rules import parameters_of
from minidl.autograd.tensorbase import TensorBase, tensors_in, wrap
from minidl.backend.device import array_module, device_of, is_array, same_device
from minidl.backend.dtype import can_cast
from minidl.backend.warn import warn
from minidl.ops.base import instead_of
from minidl.ops.index import Assign
from minidl.tensors.tensor import Tensor

WITH_OUT = {
    "minidl": """
        abs absolute acos acosh add addbmm addcdiv addcmul addmm addmv addr alias_copy all amax amin aminmax angle
        any arange arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin argsort asin asinh atan atan2
        atanh baddbmm bernoulli bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift
        bitwise_xor bmm bucketize cat ceil chain_matmul cholesky cholesky_inverse cholesky_solve clamp clamp_max
        clamp_min clip column_stack complex concat concatenate conj_physical copysign cos cosh cross cummax cummin
        cumprod cumsum deg2rad detach_copy diag diagonal_copy diff digamma div divide dot dstack empty eq erf erfc
        erfinv exp exp2 expm1 eye fix float_power floor floor_divide fmax fmin fmod frac frexp full gather gcd ge
        geqrf ger greater greater_equal gt hardshrink heaviside histc histogram hstack hypot i0 igamma igammac
        index_add index_copy index_reduce index_select inner inverse isin isneginf isposinf kron kthvalue lcm ldexp
        le lerp less less_equal lgamma linspace log log10 log1p log2 log_softmax logaddexp logaddexp2 logcumsumexp
        logical_and logical_not logical_or logical_xor logit logspace logsumexp lt lu lu_solve lu_unpack
        masked_select matmul matrix_power max maximum mean median min minimum mm mode msort mul multinomial multiply
        mv mvlgamma nan_to_num nanmean nanmedian nanquantile nansum ne neg negative nextafter nonzero norm normal
        not_equal ones orgqr ormqr outer polar polygamma pow prod qr quantile rad2deg rand randint randn randperm
        range reciprocal remainder renorm round row_stack rsqrt scatter scatter_add scatter_reduce searchsorted
        select_copy sgn sigmoid sign signbit sin sinc sinh slice_copy slice_scatter slogdet softmax sort split_copy
        sqrt square squeeze_copy stack std sub subtract sum svd t_copy take take_along_dim tan tanh tensordot
        threshold topk transpose_copy triangular_solve tril triu true_divide trunc unbind_copy unsqueeze_copy var
        vdot view_copy vstack where xlogy zeros""",
    "minidl.linalg": """
        cholesky cholesky_ex cond cross det eig eigh eigvals eigvalsh householder_product inv inv_ex lstsq lu
        lu_factor lu_factor_ex lu_solve matmul matrix_norm matrix_power matrix_rank multi_dot norm pinv qr slogdet
        solve solve_ex solve_triangular svd svdvals tensorinv tensorsolve vecdot vector_norm""",
    "minidl.fft": """
        fft fft2 fftfreq fftn hfft hfft2 hfftn ifft ifft2 ifftn ihfft ihfft2 ihfftn irfft irfft2 irfftn rfft rfft2
        rfftfreq rfftn""",
    "minidl.special": """
        airy_ai bessel_j0 bessel_j1 bessel_y0 bessel_y1 chebyshev_polynomial_t chebyshev_polynomial_u
        chebyshev_polynomial_v chebyshev_polynomial_w digamma entr erf erfc erfcx erfinv exp2 expit expm1 gammainc
        gammaincc gammaln hermite_polynomial_h hermite_polynomial_he i0 i0e i1 i1e laguerre_polynomial_l
        legendre_polynomial_p log1p log_ndtr logit logsumexp modified_bessel_i0 modified_bessel_i1
        modified_bessel_k0 modified_bessel_k1 multigammaln ndtr ndtri polygamma psi round scaled_modified_bessel_k0
        scaled_modified_bessel_k1 shifted_chebyshev_polynomial_t shifted_chebyshev_polynomial_u
        shifted_chebyshev_polynomial_v shifted_chebyshev_polynomial_w sinc spherical_bessel_j0 xlog1py xlogy zeta""",
}
"""The functions that take `out=`, by namespace: those that take it in PyTorch."""

GUARDED = ("minidl.ops", "minidl.linalg")
"""Where the functions that stand in a namespace come from. Of others, such as `set_printoptions` or `tensor`, those are
guarded that are listed above or take an `input`."""


def guard(namespace: dict[str, Any], path: str) -> None:
    """Have every function in the namespace of the module `path` say its name in errors, and take `out=` if listed."""
    listed = set(WITH_OUT.get(path, "").split())
    for name, function in list(namespace.items()):
        if inspect.isfunction(function) and not name.startswith("_") and (
                function.__module__.startswith(GUARDED) or name in listed
                or makes(function) and parameters_of(function)[:1] == ("input",)):
            front = _with_out if name in listed else _without_out
            namespace[name] = _named(front(function, name), function, name, path)


def _named(front: Callable[..., Any], function: Callable[..., Any], name: str, path: str) -> Callable[..., Any]:
    """`front` in the clothes of `function`, under the name by which it is called: so it is pickled, too."""
    functools.update_wrapper(front, function)
    front.__name__ = front.__qualname__ = name
    front.__module__ = path
    return front


def _without_out(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            result = function(*args, **kwargs)
        except Exception as error:
            refuse(error, name, function, args, kwargs)
            raise
        return result if type(result) is Tensor else checked(result, name, function, args, kwargs)
    return call


def _with_out(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    def call(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        try:
            result = function(*args, **kwargs) if out is None else write_out(name, function, args, kwargs, out)
        except Exception as error:
            refuse(error, name, function, args, kwargs)
            raise
        return result if type(result) is Tensor else checked(result, name, function, args, kwargs)

    signature = inspect.signature(function)
    last = inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None)
    parameters = sorted([*signature.parameters.values(), last], key=lambda parameter: parameter.kind)
    call.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return call


# ---------------------------------------------------------------------- errors

SEQUENCES = {"tensors", "matrices"}
"""Parameters that take several tensors."""

NO_TENSORS = {"equation", "n", "row", "obj", "shapes"}
"""First parameters that take no tensor, or anything."""


def refuse(error: Exception | None, name: str, function: Callable[..., Any], args: Any, kwargs: Any) -> None:
    """Errors: TypeError where the first argument of a function, or the one that `error` is about, is no tensor."""
    signature = inspect.signature(function)
    try:
        given = signature.bind(*args, **kwargs).arguments
    except TypeError:
        return      # the names of arguments are wrong, which Python has said
    missing = getattr(error, "obj", signature)      # of an AttributeError: what lacks the attribute
    for position, (parameter, value) in enumerate(given.items(), 1):
        if parameter in SEQUENCES:
            check_sequence(name, value, missing)
            continue
        if parameter == "args":
            value = args[0]
        first = position == 1 and parameter not in NO_TENSORS and (parameter == "input" or not makes(function))
        if not isinstance(value, TensorBase) and (
                value is missing and value is not None or first and not _may_stand_for_a_tensor(value)):
            raise TypeError(f"{name}(): argument '{parameter}' (position {position}) must be Tensor, not "
                            f"{type(value).__name__}; {instead_of(value)}") from None


def check_sequence(name: str, values: Any, missing: Any) -> None:
    """Errors: TypeError where `values` are not several tensors; `missing` is the one that was used like a tensor."""
    if not isinstance(values, (list, tuple)):
        if not _may_stand_for_a_tensor(values):
            raise TypeError(f"{name}(): argument 'tensors' (position 1) must be tuple or list of Tensors, "
                            f"not {type(values).__name__}") from None
        return
    if len(values) == 1 and isinstance(values[0], (list, tuple)) and values[0] is not missing:
        values = values[0]      # f([a, b]) for f(a, b)
    for i, value in enumerate(values):
        if not isinstance(value, TensorBase) and not is_array(value):
            raise TypeError(f"{name}(): expected Tensor as element {i} in argument 0, but got {type(value).__name__}; "
                            f"try minidl.tensor(...) on it first") from None


def checked(result: Any, name: str, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """A result that is no Tensor, if it came from tensors or arrays all the same.

    NumPy's functions, which the ops call, take lists and numbers too; a public function does not.
    """
    if not any(isinstance(x, TensorBase) for x in args):
        refuse(None, name, function, args, kwargs)
        if isinstance(result, np.generic) and not any(hasattr(x, "dtype") for x in (*args, *kwargs.values())):
            raise TypeError(f"{name}(): no argument is a Tensor; try minidl.tensor(...) on one")
    return result


def makes(function: Callable[..., Any]) -> bool:
    """Whether it is a function that makes tensors out of other things."""
    return function.__module__.startswith("minidl.tensors.creation")


def _may_stand_for_a_tensor(value: Any) -> bool:
    return isinstance(value, (TensorBase, bool, int, float, complex, np.generic)) or is_array(value)


# ---------------------------------------------------------------------- out=

def write_out(name: str, function: Callable[..., Any], args: Any, kwargs: dict[str, Any], out: Any) -> Any:
    """`function(*args, **kwargs)`, written into the tensor `out`, or into several; returns `out`.

    An `out` of another shape gets memory of its own in the right shape, with a warning unless it was empty. It may be
    one of the arguments: it is written last.
    Errors: RuntimeError where a gradient is wanted of one of the tensors, or numbers would be lost, or `out` is on
    another device or a view of another shape.
    """
    outs = tuple(out) if isinstance(out, (tuple, list)) else (out,)
    for o in outs:
        if not isinstance(o, TensorBase):
            raise TypeError(f"{name}(): argument 'out' must be Tensor, or a tuple of them for several results, not "
                            f"{type(o).__name__}")
    if switches.enabled and any(t.requires_grad for t in tensors_in((args, kwargs, outs))):  # type: ignore[attr-defined]
        raise RuntimeError(f"{name}(): functions with out=... arguments don't support automatic differentiation, but "
                           f"one of the arguments requires grad.")
    requires_grad = kwargs.pop("requires_grad", False)
    if makes(function):
        kwargs = _like(name, function, kwargs, outs[0])
    with no_grad():
        result = function(*args, **kwargs)
        results = result if isinstance(result, tuple) else (result,)
        if len(results) != len(outs) or isinstance(result, tuple) != isinstance(out, (tuple, list)):
            raise TypeError(f"{name}(): argument 'out' must be {_so_many(len(results))}, but got {_so_many(len(outs))}")
        for o, r in zip(outs, results):
            _put(name, o, r if isinstance(r, TensorBase) else wrap(r))
    if requires_grad:
        out.requires_grad_()
    return out if not isinstance(result, tuple) else type(result)(*outs) if hasattr(result, "_fields") else outs


def _so_many(n: int) -> str:
    return "a Tensor" if n == 1 else f"tuple of {n} Tensors"


def _like(name: str, function: Callable[..., Any], kwargs: dict[str, Any], out: Any) -> dict[str, Any]:
    """The arguments of a creation function that makes what fits into `out`: its dtype and device, unless given."""
    takes = inspect.signature(function).parameters
    dtype = kwargs.get("dtype")
    if dtype is not None and np.dtype(dtype) != out.dtype:
        raise RuntimeError(f"{name}(): dtype {np.dtype(dtype)} does not match dtype of out parameter ({out.dtype})")
    return {**{key: value for key, value in (("dtype", out.dtype), ("device", out.device)) if key in takes}, **kwargs}


def _put(name: str, out: Any, result: Any) -> None:
    if not can_cast(result.dtype, out.dtype):
        raise RuntimeError(f"{name}(): result type {result.dtype} can't be cast to the desired output type "
                           f"{out.dtype}; try an out of {result.dtype}")
    if not same_device(device_of(result.array), device_of(out.array)):
        raise RuntimeError(f"{name}(): expected out on {result.device}, where the result is, but it is on {out.device}")
    if result.shape != out.shape:
        if out.numel() and out.view_of is not None:
            raise RuntimeError(f"{name}(): out has shape {tuple(out.shape)}, the result {tuple(result.shape)}; a view "
                               f"of another tensor's memory cannot be resized")
        if out.numel():
            warn(f"{name}(): An output with one or more elements was resized since it had shape "
                 f"{list(out.shape)}, which does not match the required output shape {list(result.shape)}. "
                 f"Hand in an empty tensor, or one of the right shape.")
        replace_memory(out, array_module(result.array).empty(result.shape, out.dtype), name)
    write(out, Assign(), result.array, who=f"{name}(out=)")
