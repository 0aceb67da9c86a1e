"""Whether operations are recorded: switches for each thread, and the context managers that set them."""
from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from minidl.backend.warn import warn

F = TypeVar("F", bound=Callable[..., Any])


class _Switches(threading.local):
    """The switches of one thread; the class attributes are the initial values of a new thread."""

    enabled = True      # record operations on tensors that require grad
    inference = False   # inside inference_mode
    anomaly = False     # remember where each operation was recorded; check gradients for NaN
    check_nan = True
    retain_graphs = False   # keep what ops have kept, as vmap needs it: its next sample may go through the same graph
    autocast: frozenset[str] = frozenset()      # the device types whose tensors `minidl.amp.autocast` casts
    autocast_casts: dict[int, Any] | None = None    # the weights that autocast has cast already


switches = _Switches()

inference_blocks = 0
"""The number of `inference_mode` blocks that are open, on all threads: `wrap` asks its own thread only if there are."""

anomaly_used = False
"""Whether anomaly mode was ever asked for, by any thread: only then is the switch read at each op."""

_lock = threading.Lock()


def _count_block(change: int) -> None:
    global inference_blocks
    with _lock:
        inference_blocks += change


def _use_anomaly_mode() -> None:
    global anomaly_used
    anomaly_used = True


class Switch:
    """A context manager and decorator that sets some switches and restores them at the end.

    It decorates functions and generators, whose own code runs with the switches. A class that is decorated becomes a
    function, with a FutureWarning, as in PyTorch.
    """

    def __init__(self, **settings: Any) -> None:
        self._settings = settings
        self._previous: list[dict[str, Any]] = []

    def __enter__(self) -> None:
        self._previous.append({name: getattr(switches, name) for name in self._settings})
        for name, value in self._settings.items():
            setattr(switches, name, value)
        if self._settings.get("inference"):
            _count_block(1)

    def __exit__(self, *exc_info: object) -> None:
        if self._settings.get("inference"):
            _count_block(-1)
        for name, value in self._previous.pop().items():
            setattr(switches, name, value)

    def _fresh(self) -> Switch:
        """An equal context manager for one use, since a decorated function may run in many threads."""
        return Switch(**self._settings)

    def __call__(self, function: F) -> F:
        if inspect.isgeneratorfunction(function):
            return self._wrap_generator(function)  # type: ignore[return-value]
        if inspect.isclass(function):
            warn("Decorating classes is deprecated: the class becomes a function. Decorate its __init__ or its other "
                 "methods instead.", FutureWarning)

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with self._fresh():
                return function(*args, **kwargs)
        return wrapper  # type: ignore[return-value]

    def _wrap_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Set the switches while the generator's own code runs, not while its caller's code runs."""
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            generator = function(*args, **kwargs)
            try:
                with self._fresh():
                    item = next(generator)
                while True:
                    try:
                        sent = yield item
                    except GeneratorExit:
                        generator.close()
                        raise
                    except BaseException as error:
                        with self._fresh():
                            item = generator.throw(error)
                    else:
                        with self._fresh():
                            item = generator.send(sent)
            except StopIteration as stop:
                return stop.value
        return wrapper


class no_grad(Switch):
    """Do not record operations inside: results do not require grad.

        >>> import minidl
        >>> w = minidl.ones(2, requires_grad=True)
        >>> with minidl.no_grad():
        ...     y = w * 2
        >>> y.requires_grad
        False

    Also a decorator, `@no_grad()` or `@no_grad`, for functions and generators.
    """

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        return super().__new__(cls) if function is None else cls()(function)

    def __init__(self, function: None = None) -> None:
        super().__init__(enabled=False)


class enable_grad(Switch):
    """Record operations inside, also within `no_grad`."""

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        return super().__new__(cls) if function is None else cls()(function)

    def __init__(self, function: None = None) -> None:
        super().__init__(enabled=True)


class set_grad_enabled(Switch):
    """Set whether operations are recorded: a plain call for good, `with` for a block."""

    def __init__(self, mode: bool) -> None:
        if not isinstance(mode, (bool, int)):
            raise TypeError(f"set_grad_enabled(): argument 'mode' must be bool, not {type(mode).__name__}")
        super().__init__(enabled=bool(mode))
        self._before_call = is_grad_enabled()
        switches.enabled = bool(mode)

    def __enter__(self) -> None:
        self._previous.append({"enabled": self._before_call})
        switches.enabled = self._settings["enabled"]

    def __call__(self, function: F) -> F:
        switches.enabled = self._before_call  # it is used as a decorator, so undo the plain call
        return super().__call__(function)


class inference_mode(Switch):
    """`no_grad` for results that will take no part in training; `inference_mode(False)` records.

    What is made inside is an inference tensor (`x.is_inference()`), and so are its views. Writes into it are not
    counted. Outside it is read as any other tensor, but it is a RuntimeError to write into it, to keep it for
    backward or to let it require grad; its `clone()` is an ordinary tensor. A view of an ordinary one is ordinary.

        >>> import minidl
        >>> with minidl.inference_mode():
        ...     y = minidl.ones(2) * 3
        >>> y.is_inference(), y.clone().is_inference()
        (True, False)
    """

    def __new__(cls, mode: bool | Callable[..., Any] = True) -> Any:
        return cls()(mode) if callable(mode) else super().__new__(cls)

    def __init__(self, mode: bool = True) -> None:
        super().__init__(enabled=not mode, inference=bool(mode))


class detect_anomaly(Switch):
    """Find the operation whose gradient is wrong: slower, for debugging.

    Every recorded operation remembers the line of the program that called it. When its gradient formula fails, the
    error shows this line. With `check_nan` (the default) the first formula that returns a NaN raises RuntimeError.
    """

    def __init__(self, check_nan: bool = True) -> None:
        super().__init__(anomaly=True, check_nan=check_nan)
        _use_anomaly_mode()


class set_detect_anomaly(detect_anomaly):
    """Set anomaly mode: a plain call for good, `with` for a block."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        Switch.__init__(self, anomaly=bool(mode), check_nan=check_nan)
        _use_anomaly_mode()
        self._before_call = {name: getattr(switches, name) for name in self._settings}
        for name, value in self._settings.items():
            setattr(switches, name, value)

    def __enter__(self) -> None:
        self._previous.append(self._before_call)


def is_grad_enabled() -> bool:
    """Whether operations are recorded in this thread."""
    return switches.enabled


def is_inference_mode_enabled() -> bool:
    """Whether this thread is inside `inference_mode`."""
    return switches.inference


def is_anomaly_enabled() -> bool:
    """Whether anomaly mode is on in this thread."""
    return switches.anomaly


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly mode checks gradients for NaN."""
    return switches.check_nan


def set_anomaly_enabled(enabled: bool, check_nan: bool = True) -> None:
    """`set_detect_anomaly` as a plain call."""
    set_detect_anomaly(enabled, check_nan)
