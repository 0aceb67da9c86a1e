"""A file of figures that grows by rows and survives a crash."""
from __future__ import annotations

import contextlib
import csv
import io
import json
import os
from collections.abc import Iterable
from pathlib import Path

from minidl.serialization.writing import atomic_writer

Number = float | int | str | None


class Log:
    """Rows of named figures in a file of JSON lines or CSV.

    A name that ends in `.csv` makes it CSV.

    A row is on the disk when `write` returns. An existing file is continued. `rewind(n)` keeps the first n rows: a run
    that is resumed writes again what came after its last checkpoint.

    Errors: ValueError for a row of a CSV file with other names than the first, and for a file that is no log.

        >>> import tempfile
        >>> from minidl.train import Log
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     log = Log(f"{folder}/run.csv")
        ...     log.write(epoch=1, loss=0.5)
        ...     log.write(epoch=2, loss=0.25)
        ...     log.rewind(1)
        ...     log.write(epoch=2, loss=0.125)
        ...     log.rows()
        [{'epoch': 1, 'loss': 0.5}, {'epoch': 2, 'loss': 0.125}]
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.is_csv = self.path.suffix.lower() == ".csv"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._replace(self._lines())            # without a last line that a crash cut off
        self.columns = next(csv.reader(self._lines()[:1]), []) if self.is_csv else []

    def write(self, **row: Number) -> None:
        """Append a row."""
        text = "" if self.columns else _csv(row)
        if self.is_csv:
            self.columns = self.columns or list(row)
            if self.columns != list(row):
                raise ValueError(f"Log.write: expected the columns {', '.join(self.columns)} of {self.path}, but got "
                                 f"{', '.join(row)}; a .jsonl file takes rows of any names")
            text += _csv(row.values())
        else:
            text = json.dumps(row) + "\n"
        with open(self.path, "a", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    def rows(self) -> list[dict[str, Number]]:
        """All rows so far."""
        try:
            if self.is_csv:
                return [{name: _number(text) for name, text in zip(self.columns, row, strict=True)}
                        for row in csv.reader(self._lines()[1:])]
            return [json.loads(line) for line in self._lines()]
        except ValueError as error:
            raise ValueError(f"Log: {self.path} is no log of minidl ({error}); name another file") from None

    def rewind(self, rows: int) -> None:
        """Keep the first `rows` rows."""
        lines = self._lines()[:rows + 1 if self.is_csv and rows else rows]
        self._replace(lines)
        self.columns = self.columns if lines else []

    def _lines(self) -> list[str]:
        with contextlib.suppress(FileNotFoundError), open(self.path, encoding="utf-8", newline="") as file:
            return [line for line in file if line.endswith("\n")]
        return []

    def _replace(self, lines: list[str]) -> None:
        with atomic_writer(self.path) as file:
            file.write("".join(lines).encode())


def _csv(values: Iterable[Number]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(values)
    return line.getvalue()


def _number(text: str) -> Number:
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return text or None
