"""Warnings that point at the line of the user."""
from __future__ import annotations

import sys
import warnings


def warn(message: str | Warning, category: type[Warning] = UserWarning) -> None:
    """Warn, and point at the innermost line outside of minidl, however deep the call is."""
    frame, level = sys._getframe(1), 2      # 2 is the caller of this function
    while frame.f_back is not None and _inside(frame.f_globals.get("__name__", "")):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def _inside(module: str) -> bool:
    """Whether a module belongs to minidl, or is `contextlib`, whose wrappers stand between minidl's frames."""
    return module == "minidl" or module.startswith("minidl.") or module == "contextlib"
