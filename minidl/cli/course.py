"""`minidl course`: what a course of lectures shows, row by row, and the command that shows it here."""
from __future__ import annotations

import argparse
import csv
import runpy
import shlex
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import minidl
from minidl.cli import ending

TABLE = Path(__file__).with_name("course.csv")
GROUPS = {
    1: "Classification and data", 2: "Losses, regularisation, optimisation",
    3: "Perceptrons, backpropagation, computational graphs", 4: "Parts of convolutional networks, and the zoo",
    5: "The craft of training", 6: "Seeing inside", 7: "Sequences and attention", 8: "Detection",
    9: "Segmentation, masks, keypoints", 10: "Generative models",
    11: "Space, time, graphs, self-supervision, other senses, history", 12: "Assignments",
}
SOURCE = ("the programs are in the folder examples of the source, which this installation lacks; get the source "
          "(git clone, or pip download --no-deps --no-binary :all: minidl, and unpack it) and say this in its folder")


class Row(NamedTuple):
    """A row of the course.

    number: such as "6.7". title: in `**` if lectures teach it, and do not only name it. command: a program with its
    options, seen from the root of the repository, `minidl` with its words, or nothing. shows: the picture or figure.
    """

    number: str
    title: str
    command: str
    shows: str

    @property
    def group(self) -> int:
        return int(self.number.split(".")[0])

    @property
    def taught(self) -> bool:
        return self.title.startswith("**")


@cache
def rows() -> tuple[Row, ...]:
    """All rows in the order of their numbers.

        >>> from minidl.cli import course
        >>> course.rows()[4].number, course.rows()[4].title.strip("*")
        ('1.5', 'train / predict')
    """
    with TABLE.open(encoding="utf-8", newline="") as file:
        return tuple(Row(**row) for row in csv.DictReader(file))


def source() -> Path | None:
    """The folder that holds `examples`: the present one, or the checkout that minidl is imported from."""
    for folder in (Path.cwd(), Path(minidl.__file__).parents[1]):
        if (folder / "examples" / "first").is_dir():
            return folder
    return None


def add_course(parser: argparse.ArgumentParser) -> None:
    """Describe the words of `minidl course` to their parser."""
    parser.add_argument("number", nargs="?", help="a row to run, such as 6.7, or a group to list, such as 6")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="what the program of the row is told besides")
    parser.set_defaults(run_command=course)


def course(args: argparse.Namespace) -> None:
    """List the rows, those of one group, or run one."""
    number = args.number
    if number is None or number in map(str, GROUPS):
        print(listing([group for group in GROUPS if number in (None, str(group))]))
        return
    found = next((row for row in rows() if row.number == number), None)
    if found is None:
        ending.stop(f"course: there is no row {number}; minidl course lists all, minidl course 6 those of group 6")
    if not found.command:
        ending.stop(f"course: {number} has no program: {found.title.strip('*')}, {found.shows}")
    run(found, args.arguments)


def listing(groups: list[int]) -> str:
    """The rows of groups, each with its command, `-` where there is none."""
    lines = []
    for group in groups:
        lines += [f"{group} {GROUPS[group]}"]
        lines += [f"  {row.number:<6} {row.title.strip('*'):<40} {row.command or '-'}"
                  for row in rows() if row.group == group]
    found = [row for row in rows() if row.group in groups]
    able = sum(bool(row.command) for row in found)
    lines += ["", f"{able} of {len(found)} rows can be run: minidl course NUMBER [OPTIONS OF THE PROGRAM]"]
    return "\n".join(lines if source() else [*lines, f"But {SOURCE}."])


def run(row: Row, arguments: list[str]) -> None:
    """Run the command of a row in this process, with further arguments behind its own."""
    name, *words = shlex.split(row.command)
    folder = source()
    if folder is None and name != "minidl":
        ending.stop(f"course: {SOURCE}")
    print(f"{row.number} {row.title.strip('*')}: {row.shows}\n$ {shlex.join([name, *words, *arguments])}\n", flush=True)
    if folder is None or name == "minidl":
        sys.argv = [name, *words, *arguments]
        runpy.run_module("minidl", run_name="__main__")
        return
    program = folder / name
    sys.argv = [str(program), *words, *arguments]
    sys.path.insert(0, str(program.parent))
    runpy.run_path(str(program), run_name="__main__")
