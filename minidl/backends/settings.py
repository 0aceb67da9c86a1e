"""Switches of PyTorch that ask for what minidl does anyway, or that belong to the libraries below it.

minidl computes the same on every run (on a GPU, sums into places that indices name may differ in the last digit), and
multiplies matrices in the precision of their dtype. The switches are kept, so that programs find what they have set.
"""
from __future__ import annotations

from minidl.backend.warn import warn

_DEBUG_MODES = {"default": 0, "warn": 1, "error": 2}
_PRECISIONS = ("highest", "high", "medium")

_deterministic_mode = 0
_matmul_precision = "highest"
_warn_always = False


# ---------------------------------------------------------------------- determinism

def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Ask for algorithms that give the same on every run. All of minidl's do on the CPU, whatever is asked. On a GPU,
    CuPy adds values up in any order where indices name a place several times; nothing is raised for that.

        >>> import minidl
        >>> minidl.use_deterministic_algorithms(True)
        >>> minidl.are_deterministic_algorithms_enabled()
        True
        >>> minidl.use_deterministic_algorithms(False)
    """
    set_deterministic_debug_mode(0 if not mode else 1 if warn_only else 2)


def are_deterministic_algorithms_enabled() -> bool:
    """Whether `use_deterministic_algorithms` was asked for."""
    return _deterministic_mode > 0


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Whether it was asked for with `warn_only`."""
    return _deterministic_mode == 1


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """`use_deterministic_algorithms` by a number or a word: 0 'default', 1 'warn', 2 'error'.

    Errors: RuntimeError for another number or word, TypeError for something else.
    """
    global _deterministic_mode
    if not isinstance(debug_mode, (int, str)):
        raise TypeError(f"set_deterministic_debug_mode: debug_mode must be str or int, but got "
                        f"{type(debug_mode).__name__}")
    mode = _DEBUG_MODES.get(debug_mode, -1) if isinstance(debug_mode, str) else debug_mode
    if mode not in _DEBUG_MODES.values():
        raise RuntimeError(f"set_deterministic_debug_mode: invalid value of debug_mode, expected 0, 1, 2 or one of "
                           f"`default`, `warn`, `error`, but got {debug_mode}")
    _deterministic_mode = mode


def get_deterministic_debug_mode() -> int:
    """What `set_deterministic_debug_mode` was set to, as a number."""
    return _deterministic_mode


# ---------------------------------------------------------------------- precision

def set_float32_matmul_precision(precision: str) -> None:
    """'highest', 'high' or 'medium': how exact products of float32 matrices have to be. Here they are always exact to
    float32, which is what 'highest' means. Another word is not taken, with a warning.

        >>> import minidl
        >>> minidl.set_float32_matmul_precision("high")
        >>> minidl.get_float32_matmul_precision()
        'high'
        >>> minidl.set_float32_matmul_precision("highest")
    """
    global _matmul_precision
    if precision not in _PRECISIONS:
        warn(f"{precision} is not one of 'highest', 'high', or 'medium'; set_float32_matmul_precision has no "
             f"effect")
        return
    _matmul_precision = precision


def get_float32_matmul_precision() -> str:
    """What `set_float32_matmul_precision` was set to."""
    return _matmul_precision


def set_flush_denormal(mode: bool) -> bool:
    """Have numbers below the smallest normal one count as 0. NumPy cannot be told to: returns False, as PyTorch does on
    processors that cannot."""
    return False


# ---------------------------------------------------------------------- warnings

def set_warn_always(b: bool) -> None:
    """Show warnings every time. Python's `warnings.simplefilter("always")` is what does so for minidl's."""
    global _warn_always
    _warn_always = bool(b)


def is_warn_always_enabled() -> bool:
    """What `set_warn_always` was set to."""
    return _warn_always
