"""The results of a gradcheck: a table of rows, and a text about the error."""
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minidl.backend.dtype import complex128, float64
from minidl.tables import html_table

MAX_SHOWN = 6   # rows and columns of a printed Jacobian


class GradcheckRow(NamedTuple):
    """The gradient of one output with respect to one tensor."""

    tensor: str                 # "input 0", "parameter 'weight'"
    shape: tuple[int, ...]
    output: str                 # "output 0"; "" where nothing was compared
    difference: float | None    # the largest difference between the gradient and the finite difference
    result: str                 # "right", "wrong", "not checked"
    note: str = ""              # what is wrong, or why it was not checked


class GradcheckReport:
    """The results of a `gradcheck`, row by row; true if nothing is wrong.

    `print` shows a table. `rows` are named tuples, with one field for each of `columns`. `failure` is the text of the
    GradcheckError that `gradcheck` raises, or "" if nothing is wrong.
    """

    columns = ("tensor", "shape", "output", "largest difference", "result", "note")

    def __init__(self, rows: list[GradcheckRow], failure: str = "") -> None:
        self.rows = rows
        self.failure = failure

    def __bool__(self) -> bool:
        return not self.failure

    def _cells(self) -> list[list[str]]:
        return [[row.tensor, str(row.shape), row.output or "-",
                 "-" if row.difference is None else f"{row.difference:.1e}", row.result, row.note] for row in self.rows]

    def __str__(self) -> str:
        table = [self.columns, *self._cells()]
        widths = [max(len(line[i]) for line in table) for i in range(len(self.columns))]
        return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in table)

    def _repr_html_(self) -> str:
        return html_table(self.columns, self._cells(), self.failure.splitlines()[:1], left=(0, 4, 5))

    def __repr__(self) -> str:
        return f"<GradcheckReport: {'right' if self else 'wrong'}>\n{self}"


class Mismatch:
    """A wrong Jacobian, with a row for each entry of `x` and a column for each entry of `out`.

    A complex entry has two rows or columns.
    """

    def __init__(self, x: Any, out: Any, analytical: Any, numerical: Any, bad: Any, atol: float, rtol: float) -> None:
        self.x, self.out = x, out
        self.analytical, self.numerical = analytical, numerical
        self.atol, self.rtol = atol, rtol
        self.wrong = int(bad.sum())
        difference = np.where(bad, np.nan_to_num(np.abs(analytical - numerical), nan=np.inf), -1.0)
        self.at = tuple(map(int, np.unravel_index(np.argmax(difference), difference.shape)))
        self.difference = float(difference[self.at])

    def line(self) -> str:
        """A line on the entry with the largest difference, and on an error common to all entries."""
        row, column = self.at
        where = f"d {_entry(self.out, column)} / d {_entry(self.x, row)}"
        found = f"{self.x.title} has a wrong gradient: {where} is {self.analytical[self.at]:.6g} by backward, but " \
                f"{self.numerical[self.at]:.6g} by finite differences"
        cause = self.common_cause()
        return f"{found}; {cause}" if cause else found

    def common_cause(self) -> str:
        """A description of the error, if it is the same in every entry, else ""."""
        a, n = self.analytical, self.numerical
        size = np.abs(n).max()
        large = np.abs(n) > 0.01 * size
        if not (np.isfinite(a).all() and np.isfinite(size)) or size <= 10 * self.atol or large.sum() < 2:
            return ""
        ratio = float(np.median(a[large] / n[large]))
        if (np.abs(a - ratio * n) > self.atol + self.rtol * np.abs(n)).any():
            return ""
        if abs(ratio) < self.rtol:
            return "every entry is 0: no gradient arrives"
        if abs(ratio + 1) < self.rtol:
            return "every entry is the negative of the numeric one: a sign is wrong"
        return f"every entry is {ratio:.4g} times the numeric one: a factor is wrong"

    def text(self) -> str:
        """The whole text: the line, and a part of both Jacobians around the largest difference."""
        rows, columns = map(_around, self.at, self.numerical.shape)
        shape = self.numerical.shape
        cut = "" if max(shape) <= MAX_SHOWN else \
            f"Shown are rows {_span(rows, shape[0])} and columns {_span(columns, shape[1])}.\n"
        coarse = [named for named in (self.x, self.out) if named.tensor.array.dtype not in (float64, complex128)]
        hint = "".join(f"{named.title} is {named.tensor.array.dtype}, too coarse for finite differences: compute in "
                       f"float64.\n" for named in coarse[:1])
        return (f"{self.line()}\n{hint}"
                f"Jacobian mismatch for {self.out.title} with respect to {self.x.title}, in {self.wrong} of "
                f"{self.numerical.size} entries; tolerance: {self.atol} + {self.rtol} * |numerical|.\n"
                f"A row stands for an entry of {self.x.symbol}, a column for one of {self.out.symbol}.\n{cut}"
                f"numerical:\n{_numbers(self.numerical[rows, columns])}\n"
                f"analytical:\n{_numbers(self.analytical[rows, columns])}")


def _entry(named: Any, number: int) -> str:
    """The name of an entry, given its number: weight[2, 0, 1], or z[0].imag for a part of a complex one."""
    array, part = named.tensor.array, ""
    if array.dtype.kind == "c":
        number, imaginary = divmod(number, 2)
        part = ".imag" if imaginary else ".real"
    index = ", ".join(str(int(i)) for i in np.unravel_index(number, array.shape)) if array.ndim else ""
    return f"{named.symbol}[{index}]{part}" if index else f"{named.symbol}{part}"


def _around(at: int, n: int) -> slice:
    """The slice of n entries that is shown, with `at` in the middle if possible."""
    start = max(0, min(at - MAX_SHOWN // 2, n - MAX_SHOWN))
    return slice(start, min(start + MAX_SHOWN, n))


def _span(part: slice, n: int) -> str:
    return f"{part.start} to {part.stop - 1} of {n}"


def _numbers(array: Any) -> str:
    return np.array2string(np.asarray(array), precision=5, suppress_small=True, max_line_width=120)
