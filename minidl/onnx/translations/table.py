"""The table, and how to add to it."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

TRANSLATIONS: dict[type, Callable[..., Any]] = {}


def translates(*classes: Any) -> Callable[[Any], Any]:
    """Enter a function as the translation of these classes of ops."""
    def enter(function: Any) -> Any:
        TRANSLATIONS.update(dict.fromkeys(classes, function))
        return function
    return enter
