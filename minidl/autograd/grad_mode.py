"""Whether operations are recorded: a switch for each thread, and the context managers that turn it."""
from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class _Switches(threading.local):
    """The switches of one thread; class attributes are the values that a new thread starts with."""

    enabled = True      # record operations on tensors that require grad
    inference = False   # inside inference_mode
    anomaly = False     # keep where each operation was recorded; look for NaN in gradients
    check_nan = True
    autocast: frozenset[str] = frozenset()      # types of devices whose tensors `minidl.amp.autocast` casts
    autocast_casts: dict[int, Any] | None = None    # weights that it has cast already


switches = _Switches()


class Switch:
    """A context manager and decorator that sets some switches and puts them back."""

    def __init__(self, **settings: Any) -> None:
        self._settings = settings
        self._previous: list[dict[str, Any]] = []

    def __enter__(self) -> None:
        self._previous.append({name: getattr(switches, name) for name in self._settings})
        for name, value in self._settings.items():
            setattr(switches, name, value)

    def __exit__(self, *exc_info: object) -> None:
        for name, value in self._previous.pop().items():
            setattr(switches, name, value)

    def _fresh(self) -> Switch:
        """An equal context manager for one use: a decorated function may run in many threads."""
        return Switch(**self._settings)

    def __call__(self, function: F) -> F:
        if inspect.isgeneratorfunction(function):
            return self._wrap_generator(function)  # type: ignore[return-value]

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with self._fresh():
                return function(*args, **kwargs)
        return wrapper  # type: ignore[return-value]

    def _wrap_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Switch while the generator's own code runs, not while its consumer's does."""
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
    """Inside, nothing is recorded: results do not require grad.

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
    """Inside, operations are recorded, also where `no_grad` stands around it."""

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        return super().__new__(cls) if function is None else cls()(function)

    def __init__(self, function: None = None) -> None:
        super().__init__(enabled=True)


class set_grad_enabled(Switch):
    """`set_grad_enabled(train)`: a plain call sets the switch; `with` puts it back at the end."""

    def __init__(self, mode: bool) -> None:
        super().__init__(enabled=bool(mode))
        self._before_call = is_grad_enabled()
        switches.enabled = bool(mode)

    def __enter__(self) -> None:
        self._previous.append({"enabled": self._before_call})
        switches.enabled = self._settings["enabled"]

    def __call__(self, function: F) -> F:
        switches.enabled = self._before_call  # used as a decorator, so the plain call was not meant
        return super().__call__(function)


class inference_mode(Switch):
    """`no_grad` under the name that says why; `inference_mode(False)` records."""

    def __new__(cls, mode: bool | Callable[..., Any] = True) -> Any:
        return cls()(mode) if callable(mode) else super().__new__(cls)

    def __init__(self, mode: bool = True) -> None:
        super().__init__(enabled=not mode, inference=bool(mode))


class detect_anomaly(Switch):
    """Find where a gradient went wrong: slower, for debugging.

    Every recorded operation remembers the line that made it. When its gradient formula fails, the error shows
    that line; with `check_nan` (the default) the first formula that returns a NaN raises RuntimeError.
    """

    def __init__(self, check_nan: bool = True) -> None:
        super().__init__(anomaly=True, check_nan=check_nan)


class set_detect_anomaly(detect_anomaly):
    """`set_detect_anomaly(True)` sets the switch at once; `with` puts it back at the end."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        Switch.__init__(self, anomaly=bool(mode), check_nan=check_nan)
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
    """Whether this thread looks for anomalies."""
    return switches.anomaly


def is_anomaly_check_nan_enabled() -> bool:
    """Whether NaN in a gradient is an anomaly."""
    return switches.check_nan


def set_anomaly_enabled(enabled: bool, check_nan: bool = True) -> None:
    """`set_detect_anomaly` as a plain call."""
    set_detect_anomaly(enabled, check_nan)
