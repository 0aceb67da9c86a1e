"""GradScaler: it keeps gradients within the range of float16."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minidl.autograd.tensorbase import TensorBase, version_of
from minidl.backend.device import array_module, as_device, cuda_is_available, device_of
from minidl.backend.dtype import float16
from minidl.backend.warn import warn

READY, UNSCALED, STEPPED = "ready", "unscaled", "stepped"     # the stages of an optimizer between two updates


class GradScaler:
    """Multiplies the loss by a large factor, and the gradients by its inverse before the optimizer's step.

    The smallest float16 above zero is 6e-8; smaller gradients would be lost in the backward pass. If a scaled gradient
    is too large, inf or nan, the step is skipped and the factor is lowered. After many good steps it is raised.

        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)              only to look at the gradients or to clip them
        scaler.step(optimizer)                  unscales if need be; skips where a gradient is not finite
        scaler.update()                         chooses the next factor

    Args:
        device: "cpu" or "cuda"; "cuda" on a machine without a GPU gives a warning, and nothing is scaled.
        init_scale: the first factor.
        growth_factor: above 1; the factor is multiplied by it after `growth_interval` steps without a skipped one.
        backoff_factor: below 1; the factor is multiplied by it after a skipped step.
        growth_interval: see `growth_factor`.
        enabled: False makes `scale` and `unscale_` do nothing and `step` a plain step.

        >>> import minidl
        >>> from minidl import optim
        >>> w = minidl.ones(1, requires_grad=True)
        >>> optimizer, scaler = optim.SGD([w], lr=1.0), minidl.amp.GradScaler("cpu", init_scale=8.0)
        >>> scaler.scale((w * 0.25).sum()).backward()
        >>> w.grad
        tensor([2.])
        >>> scaler.step(optimizer)
        >>> w
        tensor([0.7500], requires_grad=True)
        >>> w.grad = minidl.tensor([float("inf")])
        >>> scaler.update(); scaler.step(optimizer); scaler.update()
        >>> w.item(), scaler.get_scale()        # skipped; lowered
        (0.75, 4.0)

    Source: Micikevicius et al.: Mixed precision training, arXiv:1710.03740.
    """

    def __init__(self, device: str = "cuda", init_scale: float = 2.0 ** 16, growth_factor: float = 2.0,
                 backoff_factor: float = 0.5, growth_interval: int = 2000, enabled: bool = True) -> None:
        self._device = as_device(device).type
        self._enabled = enabled
        if enabled and self._device == "cuda" and not cuda_is_available():
            warn("GradScaler is enabled for CUDA, but CUDA is not available. Disabling; "
                 "GradScaler('cpu') works everywhere")
            self._enabled = False
        if self._enabled:
            assert growth_factor > 1.0, "The growth factor must be > 1.0."
            assert backoff_factor < 1.0, "The backoff factor must be < 1.0."
        self._scale = init_scale
        self._growth_factor = growth_factor
        self._backoff_factor = backoff_factor
        self._growth_interval = growth_interval
        self._growth_tracker = 0
        self._forget()

    def _forget(self) -> None:
        self._stages: dict[int, str] = {}       # by the optimizer's id
        self._overflows: dict[int, bool] = {}

    def scale(self, outputs: Any) -> Any:
        """A Tensor, or tuples and lists of Tensors, times the present factor."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, TensorBase):
            return outputs * self._scale  # type: ignore[operator]
        if isinstance(outputs, Iterable):
            scaled = map(self.scale, outputs)
            return type(outputs)(scaled) if isinstance(outputs, (list, tuple)) else scaled  # type: ignore[call-arg]
        raise ValueError("outputs must be a Tensor or an iterable of Tensors")

    def unscale_(self, optimizer: Any) -> None:
        """Divide the gradients of an optimizer's parameters by the factor, in place.

        Errors: RuntimeError for a second call without an `update` between, ValueError for gradients in float16.
        """
        if not self._enabled:
            return
        stage = self._stages.get(id(optimizer), READY)
        if stage == UNSCALED:
            raise RuntimeError("unscale_() has already been called on this optimizer since the last update().")
        if stage == STEPPED:
            raise RuntimeError("unscale_() is being called after step().")
        self._overflows[id(optimizer)] = _unscale([p.grad for group in optimizer.param_groups
                                                   for p in group["params"] if p.grad is not None], 1.0 / self._scale)
        self._stages[id(optimizer)] = UNSCALED

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """Call `optimizer.step(*args, **kwargs)`; if a gradient is inf or nan, skip it and return None.

        Errors: RuntimeError if the optimizer was stepped since the last `update`, or with a closure; AssertionError if
        no parameter has a gradient.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        stage = self._stages.get(id(optimizer), READY)
        if stage == STEPPED:
            raise RuntimeError("step() has already been called since the last update().")
        if stage == READY:
            self.unscale_(optimizer)
        self._stages[id(optimizer)] = STEPPED
        return None if self._overflows[id(optimizer)] else optimizer.step(*args, **kwargs)

    def update(self, new_scale: Any = None) -> None:
        """Choose the factor for the next iteration, after all steps of this one; or set it to `new_scale`.

        Errors: AssertionError if no gradients were checked since the last call.
        """
        if not self._enabled:
            return
        if new_scale is not None:
            self._scale = float(new_scale)
        else:
            assert self._overflows, "No inf checks were recorded prior to update."
            if any(self._overflows.values()):
                self._scale *= self._backoff_factor
                self._growth_tracker = 0
            else:
                self._growth_tracker += 1
                if self._growth_tracker == self._growth_interval:
                    grown = self._scale * self._growth_factor
                    self._scale = grown if grown < _FLOAT32_MAX else self._scale
                    self._growth_tracker = 0
        self._forget()

    # ------------------------------------------------------------------ settings and saving

    def get_scale(self) -> float:
        """The present factor; 1 if disabled."""
        return self._scale if self._enabled else 1.0

    def get_growth_factor(self) -> float: return self._growth_factor
    def set_growth_factor(self, new_factor: float) -> None: self._growth_factor = new_factor
    def get_backoff_factor(self) -> float: return self._backoff_factor
    def set_backoff_factor(self, new_factor: float) -> None: self._backoff_factor = new_factor
    def get_growth_interval(self) -> int: return self._growth_interval
    def set_growth_interval(self, new_interval: int) -> None: self._growth_interval = new_interval
    def is_enabled(self) -> bool: return self._enabled

    def state_dict(self) -> dict[str, Any]:
        """The factor and its settings, in PyTorch's format; empty if disabled. Save it after `update`."""
        if not self._enabled:
            return {}
        return {"scale": self._scale, "growth_factor": self._growth_factor, "backoff_factor": self._backoff_factor,
                "growth_interval": self._growth_interval, "_growth_tracker": self._growth_tracker}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the result of `state_dict()`.

        Errors: RuntimeError if it is empty and this scaler is enabled, KeyError if an entry is missing. After an error
        nothing is loaded.
        """
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError("The source state dict is empty, possibly because it was saved from a disabled instance "
                               "of GradScaler.")
        missing = self.state_dict().keys() - dict(state_dict).keys()
        if missing:
            raise KeyError(f"GradScaler: the state dict lacks {sorted(missing)}, and has {list(state_dict)}")
        self._scale = float(state_dict["scale"])
        self._growth_factor = state_dict["growth_factor"]
        self._backoff_factor = state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]
        self._growth_tracker = state_dict["_growth_tracker"]


_FLOAT32_MAX = 2.0 ** 128


def _unscale(grads: list[Any], inverse: float) -> bool:
    """Multiply in place; return whether any element is inf or nan. Each device is read once."""
    if any(g.dtype == float16 for g in grads):
        raise ValueError("Attempting to unscale FP16 gradients: keep the weights in float32 and use autocast")
    assert grads, "No inf checks were recorded for this optimizer."
    finite: dict[Any, Any] = {}
    for g in grads:
        if g.is_sparse:
            g = g._values()
        g.array[...] *= inverse
        version = version_of(g)
        version[:] = version[0] + 1, "GradScaler.unscale_"
        device, here = device_of(g.array), array_module(g.array).isfinite(g.array).all()
        finite[device] = finite[device] & here if device in finite else here
    return not all(bool(f) for f in finite.values())
