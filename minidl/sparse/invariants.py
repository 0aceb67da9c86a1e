"""`check_sparse_tensor_invariants`: how strictly new sparse tensors are checked."""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


class check_sparse_tensor_invariants:  # noqa: N801  (PyTorch's name)
    """A switch, block and decorator: refuse what new sparse tensors would otherwise mend.

    Indices out of range are always refused. With the switch on, so are rows of compressed tensors that are not in
    order, and `is_coalesced=True` for indices that are not. `check_invariants=` of one call goes before.

        >>> import minidl
        >>> with minidl.sparse.check_sparse_tensor_invariants():
        ...     minidl.sparse.check_sparse_tensor_invariants.is_enabled()
        True
    """

    _enabled = False

    def __init__(self, enable: bool = True) -> None:
        self.wanted = enable
        self._before: list[bool] = []

    @staticmethod
    def is_enabled() -> bool:
        """Whether the switch is on."""
        return check_sparse_tensor_invariants._enabled

    @staticmethod
    def enable() -> None:
        """Switch it on."""
        check_sparse_tensor_invariants._enabled = True

    @staticmethod
    def disable() -> None:
        """Switch it off."""
        check_sparse_tensor_invariants._enabled = False

    def __enter__(self) -> None:
        self._before.append(self.is_enabled())
        check_sparse_tensor_invariants._enabled = self.wanted

    def __exit__(self, *exc_info: object) -> None:
        check_sparse_tensor_invariants._enabled = self._before.pop()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            with type(self)(self.wanted):
                return function(*args, **kwargs)
        return called
