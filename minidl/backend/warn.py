"""Warnings that point at the line of the user."""
from __future__ import annotations

import sys
import warnings


def warn(message: str | Warning, category: type[Warning] = UserWarning) -> None:
    """`warnings.warn` that points at the innermost line outside of minidl, however many functions lie between."""
    frame, level = sys._getframe(1), 2      # 2 is whoever calls this
    while frame.f_back is not None and _inside(frame.f_globals.get("__name__", "")):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def _inside(module: str) -> bool:
    """Whether it is a module of minidl, or one whose wrappers stand between two of them."""
    return module == "minidl" or module.startswith("minidl.") or module == "contextlib"
