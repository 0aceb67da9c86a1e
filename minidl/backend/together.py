"""Many small updates of a step as few large ones: a library may collect them, and do them at the end.

A GPU takes about as long to start an update of one parameter as to start that of all. So inside `together()` a body may
put its work off, and do it when the block ends; work that it does at once is as correct.
"""
from __future__ import annotations

import threading
from collections.abc import Callable

at_end: list[Callable[[], None]] = []       # called when an outermost block ends


class _Depth(threading.local):
    depth = 0


_here = _Depth()


class together:
    """Let work that is put off inside be done at the end, also after an error: `with together()`."""

    def __enter__(self) -> None:
        _here.depth += 1

    def __exit__(self, *exc_info: object) -> None:
        _here.depth -= 1
        if not _here.depth:
            for function in at_end:
                function()


def is_together() -> bool:
    """Whether work may be put off."""
    return _here.depth > 0
