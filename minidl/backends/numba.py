"""Compiled kernels (optional): `pip install minidl[numba]`, then `minidl.backends.numba.enabled = True`.

The environment variable MINIDL_NUMBA=1 does the same from the start. Numba compiles a kernel when it is first used;
this takes seconds (a line on stderr says so), and later programs read the result from disk. Results agree with those of
the NumPy kernels up to rounding. `docs/performance.md` says how much faster it is.

    >>> import minidl
    >>> minidl.backends.numba.enabled = minidl.backends.numba.is_available()
"""
from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from types import ModuleType
from typing import Any

from minidl.backend.kernel import layers, prefer


def is_available() -> bool:
    """Whether Numba is installed."""
    return importlib.util.find_spec("numba") is not None


class _WithProperty(ModuleType):
    """A module with a property: assigning `enabled` switches the kernels."""

    @property
    def enabled(self) -> bool:
        return "compiled" in layers

    @enabled.setter
    def enabled(self, on: Any) -> None:
        if not isinstance(on, bool):
            raise RuntimeError(f"backends.numba.enabled expects True or False, but got {on!r}")
        if on:
            if not is_available():
                raise RuntimeError("backends.numba.enabled = True needs Numba: pip install minidl[numba]")
            importlib.import_module("minidl.backend.compiled")      # it registers its bodies
        prefer("compiled", on)


enabled: bool       # whether compiled kernels are used; declared for type checkers: it is the property
sys.modules[__name__].__class__ = _WithProperty
if os.environ.get("MINIDL_NUMBA") == "1":
    sys.modules[__name__].enabled = True    # type: ignore[attr-defined]
