"""Exceptions passed from a worker to the loop that waits for its batch."""
from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import NoReturn


@dataclass
class Failure:
    """An exception of a worker: its type, and its traceback as text."""

    kind: type[Exception]
    text: str

    @classmethod
    def of(cls, error: BaseException, where: str) -> Failure:
        trace = "".join(traceback.format_exception(error)).rstrip()
        # an exit of the worker, for instance, must not end the main program
        kind = type(error) if isinstance(error, Exception) else RuntimeError
        return cls(kind, f"Caught {type(error).__name__} {where}.\nOriginal {trace}")

    def reraise(self) -> NoReturn:
        try:
            error = self.kind(_Verbatim(self.text))
            if self.text not in str(error):
                raise TypeError
        except Exception:  # the type takes other arguments, or does not show them
            error = RuntimeError(self.text)
        raise error from None


class _Verbatim(str):
    """Text whose repr is the text itself, since KeyError shows the repr of its argument."""

    def __repr__(self) -> str:
        return str(self)
