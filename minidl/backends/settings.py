"""Switches of PyTorch for things that minidl does anyway, or that belong to the libraries below it.

minidl gives the same results in every run (on a GPU, sums by index may differ in the last digit). The switches keep
their values, so that programs can read them. One has an effect: `set_float32_matmul_precision` lets some digits be lost
for speed.
"""
from __future__ import annotations

from minidl.backend import precision as chosen
from minidl.backend.warn import warn

_DEBUG_MODES = {"default": 0, "warn": 1, "error": 2}

_deterministic_mode = 0
_warn_always = False


# ---------------------------------------------------------------------- determinism

def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Ask for algorithms with the same results in every run.

    On the CPU all of minidl's algorithms are deterministic, with or without this call. On a GPU, CuPy adds values in
    any order where indices name a place several times; no error is raised for that.

        >>> import minidl
        >>> minidl.use_deterministic_algorithms(True)
        >>> minidl.are_deterministic_algorithms_enabled()
        True
        >>> minidl.use_deterministic_algorithms(False)
    """
    set_deterministic_debug_mode(0 if not mode else 1 if warn_only else 2)


def are_deterministic_algorithms_enabled() -> bool:
    """The `mode` of `use_deterministic_algorithms`."""
    return _deterministic_mode > 0


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """The `warn_only` of `use_deterministic_algorithms`."""
    return _deterministic_mode == 1


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """`use_deterministic_algorithms` by a number or a word: 0 'default', 1 'warn', 2 'error'.

    Errors: RuntimeError for another number or word, TypeError for another type.
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
    """The mode of `set_deterministic_debug_mode`, as a number."""
    return _deterministic_mode


# ---------------------------------------------------------------------- precision

def set_float32_matmul_precision(precision: str) -> None:
    """Set the precision of float32 matrix products: 'highest', 'high' or 'medium'.

    With 'highest', they have the precision of float32. With the other two, two things may lose digits for speed:

    - on a GPU, cuBLAS may round the factors of a product to TF32, 11 binary digits, for its tensor cores;
    - on the CPU, compiled kernels compute 3 x 3 convolutions of many channels with a quarter of the multiplications and
      two to five times the rounding error (`minidl/backend/compiled/winograd_4x4.py`).

    `backends.cuda.matmul.allow_tf32` is the same switch. Another word gives a warning and is ignored.

        >>> import minidl
        >>> minidl.set_float32_matmul_precision("high")
        >>> minidl.get_float32_matmul_precision()
        'high'
        >>> minidl.set_float32_matmul_precision("highest")
    """
    if precision not in chosen.WORDS:
        warn(f"{precision} is not one of 'highest', 'high', or 'medium'; set_float32_matmul_precision has no "
             f"effect")
        return
    chosen.choose(precision)


def get_float32_matmul_precision() -> str:
    """The word of `set_float32_matmul_precision`."""
    return chosen.float32_matmul


def set_flush_denormal(mode: bool) -> bool:
    """Treat numbers below the smallest normal number as 0: not possible in NumPy.

    Returns False, as PyTorch does on processors that cannot do it.
    """
    return False


# ---------------------------------------------------------------------- warnings

def set_warn_always(b: bool) -> None:
    """Ask for warnings every time. It has no effect here: use `warnings.simplefilter("always")`."""
    global _warn_always
    _warn_always = bool(b)


def is_warn_always_enabled() -> bool:
    """The value of `set_warn_always`."""
    return _warn_always
