"""A program is a list of statements, and a statement is a line of Python that both libraries can run.

In the text, `lib` stands for minidl or torch, and `F` for its `nn.functional`. Tensors are called t0, t1 and so on,
what hooks have seen h0, h1 and so on.
"""
from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from types import CodeType
from typing import Any


@dataclass(frozen=True)
class Literal:
    """The tensor that a statement makes from numbers: the shortener makes it smaller."""

    shape: tuple[int, ...]
    dtype: str
    values: tuple[Any, ...]
    requires_grad: bool = False

    def text(self) -> str:
        flag = ", requires_grad=True" if self.requires_grad else ""
        if not self.values:
            return f"lib.zeros({self.shape}, dtype=lib.{self.dtype}{flag})"
        return f"lib.tensor({nested(self.values, self.shape)}, dtype=lib.{self.dtype}{flag})"


@dataclass(frozen=True)
class Statement:
    """One line of a program."""

    text: str
    row: str                        # the line of the table that it was made from
    target: str = ""                # the name that it gives a value to
    literal: Literal | None = None

    def with_literal(self, literal: Literal) -> Statement:
        return replace(self, text=f"{self.target} = {literal.text()}", literal=literal)


Program = list[Statement]


def nested(values: tuple[Any, ...], shape: tuple[int, ...]) -> str:
    """Numbers as nested lists of a shape.

    >>> nested((1, 2, 3, 4), (2, 2))
    '[[1, 2], [3, 4]]'
    """
    if not shape:
        return repr(values[0])
    step = len(values) // shape[0]
    return "[" + ", ".join(nested(values[i:i + step], shape[1:]) for i in range(0, len(values), step)) + "]"


@lru_cache(maxsize=20_000)
def compiled(text: str) -> CodeType:
    """Most statements but literals are met again and again."""
    return compile(text, "<program>", "exec")


def script(program: Program, refused: set[int], show: str) -> str:
    """A file that runs the program in both libraries and prints what `show` is in each.

    `refused` holds the places of statements that are to raise in one library at least.
    """
    lines = ["import contextlib", "import minidl", "import torch", "", "for lib in (torch, minidl):",
             "    F = lib.nn.functional"]
    for place, statement in enumerate(program):
        if place in refused and place < len(program) - 1:
            lines += ["    with contextlib.suppress(Exception):", f"        {statement.text}"]
        elif place in refused:
            lines += ["    try:", f"        {statement.text}", "    except Exception as error:",
                      "        print(lib.__name__, type(error).__name__, error)", "    else:",
                      "        print(lib.__name__, 'goes on')"]
        else:
            lines.append(f"    {statement.text}")
    if show:
        lines.append(f"    print(lib.__name__, {show})")
    return "\n".join(lines) + "\n"
