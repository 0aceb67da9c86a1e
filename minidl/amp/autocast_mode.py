"""autocast: large products in float16, delicate sums in float32, chosen op by op.

The ops know nothing of it. While some thread is inside an autocast, the calls of the ops in the two lists of
`policy.py` are wrapped in a cast of their inputs (`autograd/around.py`). At all other times nothing is wrapped, and
nothing is looked up.
"""
from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable
from typing import Any

from minidl.amp.policy import IN_FLOAT16, IN_FLOAT32
from minidl.autograd.around import around_ops
from minidl.autograd.grad_mode import Switch, switches
from minidl.autograd.op import Op
from minidl.autograd.tensorbase import TensorBase, version_of
from minidl.backend.device import as_device, cuda_is_available, device_of
from minidl.backend.dtype import float16, float32
from minidl.backend.torch_types import OF
from minidl.backend.warn import warn
from minidl.ops.base import cast


class autocast(Switch):
    """Compute large products in float16 and delicate sums in float32, inside the block.

    Matrix products, convolutions and attention are computed in float16. Sums, norms, softmax, losses and exponentials,
    for which float16 is too coarse, are computed in float32. Results have the dtype of the computation. All other ops
    compute in the dtypes of their inputs. The lists are in `minidl/amp/policy.py`.

    Weights stay in float32. Put the forward pass and the loss inside, call `backward()` outside, and scale the loss
    with a `GradScaler`: small gradients would be zero in float16. It is also a decorator.

    Args:
        device_type: the devices of the tensors: "cpu" or "cuda". "cuda" on a machine without a GPU gives a warning and
            has no effect.
        dtype: float16. Any other, such as PyTorch's bfloat16, which NumPy has not, gives a warning and has no effect:
            ops compute in the dtypes of their inputs.
        enabled: False lets ops inside compute in the dtypes of their inputs, also within another autocast.
        cache_enabled: cast a weight that is used more than once only once.

    float64 is not cast. It is faster on a GPU; NumPy's float16 is slow.

    Errors: ValueError or RuntimeError for an unknown device type.

        >>> import minidl
        >>> x, w = minidl.ones(2, 3), minidl.ones(3, 4)
        >>> with minidl.autocast("cpu"):
        ...     y = x @ w
        ...     z = y.exp()
        >>> print(y.dtype, z.dtype)
        float16 float32

    Source: Micikevicius et al.: Mixed precision training, arXiv:1710.03740.
    """

    def __init__(self, device_type: str, dtype: Any = None, enabled: bool = True,
                 cache_enabled: bool | None = None) -> None:
        super().__init__()
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`; try 'cpu' or 'cuda'")
        self.device = as_device(device_type).type
        self.enabled = enabled and _usable(self.device, dtype)
        self.cache_enabled = cache_enabled is not False
        fresh = functools.partial(autocast, device_type, dtype, enabled, cache_enabled)
        self._fresh = fresh  # type: ignore[method-assign]

    def __enter__(self) -> autocast:  # type: ignore[override]
        on, casts = switches.autocast, switches.autocast_casts
        self._settings = {"autocast": on | {self.device} if self.enabled else on - {self.device},
                          "autocast_casts": ({} if casts is None else casts) if self.cache_enabled else None}
        super().__enter__()
        _installed.add()
        return self

    def __exit__(self, *exc_info: object) -> None:
        _installed.remove()
        super().__exit__(*exc_info)


def is_autocast_available(device_type: str) -> bool:
    """Whether `autocast(device_type)` can do something here."""
    return as_device(device_type).type != "cuda" or cuda_is_available()


def is_autocast_enabled(device_type: str | None = None) -> bool:
    """Whether this thread is inside an autocast for this type of device, by default "cuda", as in PyTorch."""
    return as_device(device_type or "cuda").type in switches.autocast


def get_autocast_dtype(device_type: str) -> Any:
    """The dtype of fast ops inside autocast: float16. (PyTorch's is bfloat16 on the CPU.)"""
    as_device(device_type)
    return OF[float16]


def _usable(device: str, dtype: Any) -> bool:
    """Whether there is such a device, and the dtype is float16.

    If not, it warns, and autocast has no effect.
    """
    if device == "cuda" and not cuda_is_available():
        warn("User provided device_type of 'cuda', but CUDA is not available. Disabling")
        return False
    if dtype is not None and dtype != float16:
        warn(f"In {device} autocast, but the target dtype {dtype} is not supported. Disabling autocast, "
             f"so ops compute in the dtypes of their inputs; it knows float16 only")
        return False
    return True


# ---------------------------------------------------------------------- casting

def _to_float16(x: Any) -> Any:
    if not _is(x, float32):
        return x
    casts = switches.autocast_casts
    if casts is None or x.edge is None or not x.is_leaf or not switches.enabled:
        return cast(x, float16)
    version = version_of(x)[0]
    cached = casts.get(id(x))     # a weight: cast once, as long as it is not written
    if cached is None or cached[1] != version:
        cached = casts[id(x)] = (cast(x, float16), version, x)
    return cached[0]


def _to_float32(x: Any) -> Any:
    return cast(x, float32) if _is(x, float16) else x


def _is(x: Any, dtype: Any) -> bool:
    return isinstance(x, TensorBase) and x.array.dtype == dtype and device_of(x.array).type in switches.autocast


def _in_float16(call: Callable[..., Any], op: Op, *inputs: Any) -> Any:
    return call(op, *(map(_to_float16, inputs) if switches.autocast else inputs))


def _in_float32(call: Callable[..., Any], op: Op, *inputs: Any) -> Any:
    return call(op, *(map(_to_float32, inputs) if switches.autocast else inputs))


class _Installed:
    """The number of open autocasts in all threads.

    The first wraps the ops in casts, and the last removes the casts.
    """

    def __init__(self) -> None:
        self.count = 0
        self.lock = threading.Lock()
        self.casts = contextlib.ExitStack()

    def add(self) -> None:
        with self.lock:
            self.count += 1
            if self.count == 1:
                self.casts.enter_context(around_ops.added(_in_float16, IN_FLOAT16))
                self.casts.enter_context(around_ops.added(_in_float32, IN_FLOAT32))

    def remove(self) -> None:
        with self.lock:
            self.count -= 1
            if self.count == 0:
                self.casts.close()


_installed = _Installed()


# ---------------------------------------------------------------------- for autograd.Function

def custom_fwd(fwd: Callable[..., Any] | None = None, *, device_type: str, cast_inputs: Any = None) -> Any:
    """Decorate the forward of an `autograd.Function`: cast its inputs, and run it with autocast off.

    Without `cast_inputs`, forward runs like the code around it, and `custom_bwd` lets backward do the same.

        >>> import minidl
        >>> from minidl.amp import custom_bwd, custom_fwd
        >>> class Exp(minidl.autograd.Function):
        ...     @staticmethod
        ...     @custom_fwd(device_type="cpu", cast_inputs=minidl.float32)
        ...     def forward(ctx, x):
        ...         return x.exp()
        >>> with minidl.autocast("cpu"):
        ...     print(Exp.apply(minidl.ones(1, dtype=minidl.float16)).dtype)
        float32
    """
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)
    device = as_device(device_type).type

    @functools.wraps(fwd)
    def forward(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        ctx._autocast = device in switches.autocast
        if cast_inputs is None or not ctx._autocast:
            return fwd(ctx, *args, **kwargs)

        def to(x: Any) -> Any:
            return cast(x, cast_inputs) if isinstance(x, TensorBase) and x.array.dtype in (float16, float32) else x
        ctx._autocast = False
        with autocast(device, enabled=False):
            return fwd(ctx, *map(to, args), **{name: to(x) for name, x in kwargs.items()})
    return forward


def custom_bwd(bwd: Callable[..., Any] | None = None, *, device_type: str) -> Any:
    """Decorate the backward of an `autograd.Function`: inside autocast if its forward (`custom_fwd`) was."""
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def backward(ctx: Any, *args: Any) -> Any:
        with autocast(device_type, enabled=ctx._autocast):
            return bwd(ctx, *args)
    return backward
