"""Exceptions on their way from a worker to the loop that waits for its batch."""
from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import NoReturn


@dataclass
class Failure:
    """An exception on its way from a worker: its type, and its traceback as text."""

    kind: type[Exception]
    text: str

    @classmethod
    def of(cls, error: BaseException, where: str) -> Failure:
        trace = "".join(traceback.format_exception(error)).rstrip()
        # an exit, say, that is meant for the worker is not meant for the main program
        kind = type(error) if isinstance(error, Exception) else RuntimeError
        return cls(kind, f"Caught {type(error).__name__} {where}.\nOriginal {trace}")

    def reraise(self) -> NoReturn:
        try:
            error = self.kind(_Verbatim(self.text))
            if self.text not in str(error):
                raise TypeError
        except Exception:  # it takes other arguments, or shows none
            error = RuntimeError(self.text)
        raise error from None


class _Verbatim(str):
    """Text that KeyError, which shows the repr of its argument, shows with its line breaks."""

    def __repr__(self) -> str:
        return str(self)
