"""The examples as sphinx-gallery wants them, and what it has to know to run them.

A program of examples/ begins with a title, a text and the commands that run it, and draws files into the folder that
`--plot` names. sphinx-gallery wants the title underlined, the text as reStructuredText, and to be told which files are
new. So a copy of each program is made, whose docstring is rewritten; not a line of its code is.
"""
from __future__ import annotations

import ast
import re
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from builder.files import renew
from builder.prose import inline, to_rst
from sphinx_gallery.scrapers import figure_rst

EXAMPLES = Path(__file__).parents[2] / "examples"
FAMILIES = {
    "first": ("First models", "From neighbours to a convolutional network."),
    "from_scratch": ("From scratch", "Seven steps from a number with a gradient to a library that trains."),
    "course_learning": ("A course: learning", "The figures of the lectures on learning."),
    "course_training": ("A course: training", "What makes a training work, and what spoils it."),
    "course_networks": ("A course: networks", "What networks are made of, counted and compared."),
    "course_assignments": ("A course: assignments", "Four assignments, solved."),
    "course": ("A course: history", "How it came to this."),
    "classify": ("Classify", "What is in the image?"),
    "detect": ("Detect", "What is where?"),
    "segment": ("Segment", "A class for each pixel."),
    "see": ("See", "What does a network look at?"),
    "generate": ("Generate", "Images that were never taken."),
    "sequences": ("Sequences", "One after the other: letters, words, sounds."),
    "free_labels": ("Labels for free", "What can be learned where nobody said what it is."),
    "graphs": ("Graphs", "What is connected with what?"),
    "space": ("Space and time", "Solids, rooms, films."),
}
RUN: dict[str, list[str] | None] = {
    "first/softmax": [], "first/knn": [], "first/lenet": ["--epochs", "3"],
    "from_scratch/step_1_scalars": None, "from_scratch/step_2_arrays": None, "from_scratch/step_5_modules": None,
    "course_learning/neighbours": [], "course_learning/descent": [], "course_learning/pixels": [],
    "course_learning/linear": [], "course_networks/convolutions": [], "course_training/nine_points": [],
    "course/history": [], "classify/resnet": ["--epochs", "2"], "detect/selective_search": ["--images", "10"],
    "generate/autoencoder": ["--epochs", "10"], "sequences/attention": [], "graphs/karate": [],
    "graphs/normalized_cuts": [], "space/volumes": [],
}
"""The programs that the build runs, with their options; None for those that take none. They take seconds."""


def family(path: Path) -> str:
    return "_".join(path.relative_to(EXAMPLES).parent.parts)


def is_program(path: Path) -> bool:
    """A program says how it is run; the others are parts of programs."""
    return bool(re.search(r"^    python examples/", path.read_text(encoding="utf-8"), re.MULTILINE))


def stage(folder: Path, made: Path) -> None:
    """Write the copies, of which sphinx-gallery makes pages; it does not run again what has not changed."""
    wanted = {folder / family(path) / path.name: path for path in sorted(EXAMPLES.rglob("*.py")) if is_program(path)}
    for old in folder.rglob("*.py"):
        if old not in wanted:
            old.unlink()
    for page in made.rglob("*.rst"):
        if page.stem != "index" and folder / page.relative_to(made).with_suffix(".py") not in wanted:
            page.unlink()
    header(folder, "Gallery", "Programs for real data, each one idea in one file: :doc:`/examples` says what they "
                              "reach. Those with a picture were run for these pages, offline, for some seconds.")
    for name, (title, told) in FAMILIES.items():
        header(folder / name, title, told)
    for copy, path in wanted.items():
        renew(copy, with_rst(path.read_text(encoding="utf-8")))


def header(folder: Path, title: str, told: str) -> None:
    renew(folder / "GALLERY_HEADER.rst", f"{title}\n{'=' * len(title)}\n\n{told}\n")


def with_rst(text: str) -> str:
    """A program whose docstring is reStructuredText with an underlined title."""
    node = ast.parse(text).body[0]
    assert isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    title, _, rest = str(node.value.value).strip().partition("\n\n")
    title = " ".join(title.split()).rstrip(".")
    doc = f"{inline(title)}\n{'=' * (2 * len(title))}\n\n{to_rst(rest)}"
    code = "\n".join(text.splitlines()[node.end_lineno:])
    return f'r"""{doc}\n"""\n{code}\n'


class Plots:
    """What sphinx-gallery asks for: the arguments of a program, its pictures, and a clean state for the next one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parts = ""     # where the program finds what it shares with others

    def __repr__(self) -> str:      # a part of Sphinx's cache
        return "Plots"

    def where(self, source: str) -> tuple[str, Path]:
        name = f"{Path(source).parent.name}/{Path(source).stem}"
        return name, self.folder / name

    def arguments(self, _: Any, script: dict[str, Any]) -> list[str]:
        name, folder = self.where(script["src_file"])
        shutil.rmtree(folder, ignore_errors=True)
        sys.exit = ends      # the last line of many programs
        self.parts = str(EXAMPLES / name.split("/")[0].replace("_", "/", "course" in name))
        sys.path.append(self.parts)
        options = RUN.get(name)
        return [] if options is None else ["--plot", str(folder), *options]

    def scrape(self, block: Any, script: dict[str, Any], conf: dict[str, Any]) -> str:
        """Take over the pictures that were drawn, oldest first."""
        _, folder = self.where(script["src_file"])
        taken = []
        for picture in sorted(folder.glob("*.png"), key=lambda path: path.stat().st_mtime_ns):
            taken.append(next(script["image_path_iterator"]))
            shutil.move(picture, taken[-1])
        return figure_rst(taken, conf["src_dir"])

    def reset(self, *_: Any) -> None:
        """Undo what a program changes in its process: it is meant to have one of its own."""
        sys.exit, sys.excepthook = EXIT, sys.__excepthook__
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.path[:] = [path for path in sys.path if path != self.parts]
        for name, module in list(sys.modules.items()):
            if str(EXAMPLES) in (getattr(module, "__file__", None) or ""):
                del sys.modules[name]      # families have files of the same name


EXIT = sys.exit


def ends(code: object = 0) -> None:
    """In place of `sys.exit`: to end a program well is to reach its last line."""
    if code:
        raise RuntimeError(f"the program ended with {code}")


class Order:
    """In a family, what has pictures comes first."""

    def __init__(self, source: str) -> None:
        self.family = Path(source).name

    def __call__(self, name: str) -> tuple[bool, str]:
        return RUN.get(f"{self.family}/{Path(name).stem}") is None, name
