"""Annotations in files from elsewhere: lines, tables, JSON, XML, MATLAB's files, each with an error that names it."""
from __future__ import annotations

import csv
import importlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, TypeVar
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

T = TypeVar("T")
_CONVERSIONS: tuple[type[Exception], ...] = (
    ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError, csv.Error,
)


def damaged(path: str | Path, what: str) -> ValueError:
    """An error about the contents of a file."""
    return ValueError(f"cannot use {path}: {what}; get the file again, with download=True if the data set has it")


@contextmanager
def reading(path: str | Path, what: str = "it is damaged or cut short", *kinds: type[Exception]) -> Iterator[None]:
    """Name the file in errors while it is read: FileNotFoundError if it is missing, else ValueError.

    kinds: exceptions that mean a damaged file, besides those of Python's conversions and look-ups.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(error.errno, "the file is missing, so the data set is incomplete; get it again",
                                str(error.filename or path)) from error
    except (*_CONVERSIONS, *kinds) as error:
        if str(error).startswith("cannot use "):
            raise
        detail = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise damaged(path, f"{what} ({detail})") from error


def read_lines(path: str | Path, may_be_empty: bool = False) -> list[str]:
    """The lines of a text in UTF-8, without their ends; empty lines at its end are left out.

    Errors: ValueError for no text, or an empty one, unless it may be empty.
    """
    with reading(path, "it is no text in UTF-8"):
        lines = Path(path).read_text(encoding="utf-8-sig").split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines and not may_be_empty:
        raise damaged(path, "it is empty")
    return [line.rstrip("\r") for line in lines]


def parse_lines(path: str | Path, parse: Callable[[str], T], expected: str, may_be_empty: bool = False) -> list[T]:
    """What `parse` makes of each line that is not empty.

    expected: what a line should be, for the error (a ValueError), which says file and line.
    """
    results = []
    for at, line in enumerate(read_lines(path, may_be_empty), 1):
        if line.strip():
            try:
                results.append(parse(line.strip()))
            except (ValueError, LookupError, TypeError):
                raise damaged(path, f"expected {expected} in line {at}, got {line[:80]!r}") from None
    return results


def read_table(path: str | Path, delimiter: str = ",") -> list[dict[str, str]]:
    """The rows of a table with a header, by column.

    Errors: ValueError for a row with fewer or more cells than the header, and for no rows.
    """
    with reading(path, "it is no table of text"), open(path, newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file, delimiter=delimiter, skipinitialspace=delimiter != ","))
    if not rows:
        raise damaged(path, "it has no rows")
    for at, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise damaged(path, f"row {at} has another number of cells than the header")
    return rows


def read_json(path: str | Path) -> dict[str, Any]:
    """The object in a JSON file. Errors: ValueError if it holds anything else."""
    with reading(path, "it is no JSON, or is cut short"):
        content = json.loads(Path(path).read_bytes())
    if not isinstance(content, dict):
        raise damaged(path, f"expected a JSON object, got {type(content).__name__}")
    return content


def read_xml(path: str | Path) -> Element:
    """The root of an XML file.

    Errors: ValueError for XML that is not well-formed, and for one that declares entities: their expansion can fill
    the memory, or read other files.
    """
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = _refuse_entity
    with reading(path, "it is no well-formed XML, or is cut short", expat.ExpatError):
        parser.Parse(Path(path).read_bytes(), True)
        return builder.close()


def _refuse_entity(name: str, *_: Any) -> None:
    raise ValueError(f"it declares the entity {name!r}, and entities are not expanded")


def read_mat(path: str | Path, *names: str, squeeze_me: bool = False) -> Any:
    """The variables of a MATLAB file, as SciPy reads them: one, or a list for several names."""
    with reading(path, "it is no MATLAB file, or is damaged or cut short", Exception), open(path, "rb") as file:
        content = importlib.import_module("scipy.io").loadmat(file, squeeze_me=squeeze_me)
        for name in names:
            if name not in content:
                raise ValueError(f"it has no variable {name!r}")
    return content[names[0]] if len(names) == 1 else [content[name] for name in names]


def inside(folder: str | Path, name: str, listed_in: str | Path) -> str:
    """The path of a file in a folder, from a list. Errors: ValueError if it would lie outside of the folder."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not name or "\0" in name or ".." in parts or name.startswith(("/", "\\")) or PureWindowsPath(name).drive:
        raise damaged(listed_in, f"it names {name!r}, which is no file in {folder}")
    return os.path.join(folder, *parts)
