"""Watching a number for a moment, in place of sleeping until it changes.

A thread that sleeps takes 40 us to wake, and from one kernel of a step to the next it is often less. So a helper that
has nothing to do, and a caller whose helpers are not done, first watch a number in memory: `backend/cpu/threads.py`.
They watch without Python's lock, and for a moment only, since other programs may need the core.
"""
from __future__ import annotations

from typing import Any

from numba import types
from numba.extending import intrinsic

from minidl.backend.compiled.compiler import exactly_compiled
from minidl.backend.cpu import threads

LOOKS = 400_000     # how often to look: 160 us
MORE = 20_000       # looks after the change, 8 us, until who made it has let go of Python's lock


@intrinsic     # type: ignore[misc]
def _look(typing: Any, number: Any) -> Any:
    """number[0], read from memory each time."""
    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.load_atomic(array.data, "monotonic", align=8)
    return types.int64(number), make


@exactly_compiled
def watch(number: Any, goal: int) -> int:
    """Return when number[0] has reached `goal`, or a moment is over; and in how many of `MORE` looks it was there."""
    seen = 0
    for _ in range(LOOKS):
        if _look(number) >= goal:
            for _ in range(MORE):
                seen += _look(number) >= goal
            break
    return seen


threads.watch = watch
