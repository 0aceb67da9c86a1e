"""Where the hooks of an op are held, and the handle that takes one off again."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

Hook = Callable[..., Any]


class OpHooks:
    """The hooks of one op. Most ops have none, hence no such object. See `hooks.py`."""

    def __init__(self) -> None:
        self.on_output: dict[int, list[Hook]] = {}      # output -> tensor hooks, on its gradient
        self.retained: list[tuple[int, Any]] = []       # (output, weak reference to a tensor that retains it)
        self.before: list[Hook] = []                    # before the rules of the op, on the gradients of all outputs
        self.after: list[Hook] = []                     # after them, on the gradients of all inputs too
        self.on_leaf: list[Hook] = []                   # of a leaf: after its `.grad` has been added to


class RemovableHandle:
    """What registering a hook returns: `remove()` takes the hook off again."""

    def __init__(self, hooks: list[Any], hook: Any, prepend: bool = False) -> None:
        hooks.insert(0 if prepend else len(hooks), hook)
        self._hooks, self._hook = hooks, hook

    def remove(self) -> None:
        """Take the hook off; a second call does nothing."""
        for i, hook in enumerate(self._hooks):
            if hook is self._hook:
                del self._hooks[i]
                break

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.remove()
