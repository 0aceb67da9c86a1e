"""The store of an op's hooks, and the handle that removes a hook."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

Hook = Callable[..., Any]


class OpHooks:
    """The hooks of one op; an op without hooks has no such object. See `hooks.py`."""

    def __init__(self) -> None:
        self.on_output: dict[int, list[Hook]] = {}      # output -> tensor hooks, on the gradient of this output
        self.retained: list[tuple[int, Any]] = []       # (output, weak reference to a tensor that retains its gradient)
        self.before: list[Hook] = []                    # before the op's rules, on the gradients of all outputs
        self.after: list[Hook] = []                     # after the op's rules, also on the gradients of all inputs
        self.on_leaf: list[Hook] = []                   # for a leaf, after its `.grad` is up to date


class RemovableHandle:
    """The handle of a registered hook: `remove()` removes the hook."""

    def __init__(self, hooks: list[Any], hook: Any, prepend: bool = False) -> None:
        hooks.insert(0 if prepend else len(hooks), hook)
        self._hooks, self._hook = hooks, hook

    def remove(self) -> None:
        """Remove the hook; a second call does nothing."""
        for i, hook in enumerate(self._hooks):
            if hook is self._hook:
                del self._hooks[i]
                break

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.remove()
