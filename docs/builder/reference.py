"""A page for everything public, from its docstring and signature: one page an object, under its first name."""
from __future__ import annotations

import importlib
import inspect
import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from builder.files import renew
from builder.prose import inline, to_rst

import minidl

SPACES = {
    "Tensors and gradients": """
        minidl minidl.linalg minidl.special minidl.fft minidl.sparse minidl.autograd minidl.autograd.functional
        minidl.autograd.graph minidl.func minidl.random minidl.amp minidl.distributions""",
    "Networks and their training": """
        minidl.nn minidl.nn.functional minidl.nn.init minidl.nn.parameter minidl.nn.parallel minidl.nn.utils
        minidl.nn.utils.parametrizations minidl.nn.utils.parametrize minidl.nn.utils.prune minidl.nn.utils.rnn
        minidl.optim minidl.optim.lr_scheduler minidl.optim.swa_utils minidl.train minidl.metrics
        minidl.metrics.functional minidl.distributed""",
    "Data and files": """
        minidl.utils.data minidl.vision.datasets minidl.vision.transforms minidl.vision.transforms.functional
        minidl.vision.transforms.v2 minidl.vision.transforms.v2.functional minidl.vision.io minidl.vision.utils
        minidl.text minidl.serialization minidl.serialization.safetensors minidl.hub minidl.onnx""",
    "Models and what they are made of": """
        minidl.vision.models minidl.vision.models.detection minidl.vision.models.segmentation
        minidl.vision.models.video minidl.vision.models.space minidl.vision.ops minidl.generative
        minidl.self_supervised minidl.rendering minidl.interpret minidl.neighbors minidl.decomposition
        minidl.cluster minidl.manifold""",
    "Machine and tools": """
        minidl.cuda minidl.accelerator minidl.backends minidl.profiler minidl.autograd.profiler minidl.utils
        minidl.utils.checkpoint minidl.utils.tensorboard minidl.utils.huggingface minidl.einops minidl.jit
        minidl.testing""",
}
"""The namespaces of the reference, in its order. What is not here yet is left out."""


def spaces() -> dict[str, dict[str, Any]]:
    """What is public of each namespace: functions and classes, by name."""
    found = {}
    for path in " ".join(SPACES.values()).split():
        try:
            module = importlib.import_module(path)
        except ImportError:     # a part that needs what is not installed
            continue
        names = getattr(module, "__all__", [name for name, value in vars(module).items() if
                                            not name.startswith("_") and getattr(value, "__module__", "") == path])
        found[path] = {name: getattr(module, name) for name in sorted(names, key=str.lower)
                       if inspect.isroutine(getattr(module, name)) or inspect.isclass(getattr(module, name))}
    return found


def methods(cls: type) -> Iterator[tuple[str, Any]]:
    """Public methods of a class that it or a base without a page of its own defines."""
    roots = ("Module", "Tensor", "Optimizer", "LRScheduler")
    owners = [cls, *itertools.takewhile(lambda base: base.__name__ not in roots, cls.__mro__[1:])]
    seen = set()
    for owner in (owner for owner in owners if owner.__module__.startswith("minidl")):
        for name, value in vars(owner).items():
            if not name.startswith("_") and inspect.isfunction(value) and value.__doc__ and name not in seen:
                seen.add(name)
                yield name, value


def signature(value: Any) -> str:
    """Arguments and result as in the source, without the quotes of types."""
    try:
        found = inspect.signature(value)
    except (TypeError, ValueError):
        return "(...)"
    def bare(note: Any) -> Any:
        return Words(note) if isinstance(note, str) else note
    parameters = [p.replace(annotation=bare(p.annotation), default=default(p.default))
                  for p in found.parameters.values() if p.name != "self"]
    result = found.return_annotation if not inspect.isclass(value) else found.empty
    return str(found.replace(parameters=parameters, return_annotation=bare(result)))


class Words(str):
    """A text that stands in a signature as it is."""

    def __repr__(self) -> str:
        return str(self)


def default(value: Any) -> Any:
    """An object without a short name becomes dots: its address would differ from build to build."""
    if value is inspect.Parameter.empty:
        return value
    if inspect.isclass(value) or inspect.isroutine(value):
        return Words(value.__name__)
    return value if len(repr(value)) < 60 and " at 0x" not in repr(value) else Words("...")


def first_line(value: Any) -> str:
    return inline((inspect.getdoc(value) or "").split("\n")[0].strip())


def titled(text: str, line: str = "=") -> str:
    return f"{text}\n{line * len(text)}\n"


class Reference:
    """The pages, as files of a folder. Each object has a page under the first namespace that shows it."""

    def __init__(self) -> None:
        self.spaces = spaces()
        self.home: dict[int, tuple[str, str]] = {}      # the space and name of each object
        self.names: dict[int, list[str]] = {}           # all its names
        tensor = {name: getattr(minidl.Tensor, name) for name in sorted(dir(minidl.Tensor), key=str.lower)
                  if not name.startswith("_") and inspect.isroutine(getattr(minidl.Tensor, name))}
        for space, members in {**self.spaces, "minidl.Tensor": tensor}.items():
            for name, value in members.items():
                self.home.setdefault(self.key(value), (space, name))
                self.names.setdefault(self.key(value), []).append(f"{space}.{name}")
        self.tensor = tensor
        self.classes = Counter(name for space, name in self.home.values()
                               if inspect.isclass(self.spaces.get(space, {}).get(name)))

    @staticmethod
    def key(value: Any) -> int:
        return id(inspect.unwrap(value) if inspect.isfunction(value) else getattr(value, "__func__", value))

    def keep_clear_links(self, tree: Any) -> None:
        """Types in signatures lead to their pages, but not where two classes have the name."""
        for link in list(tree.findall(lambda node: node.tagname == "pending_xref" and node.get("refdomain") == "py")):
            if self.classes[link["reftarget"].rpartition(".")[2]] != 1:
                link.replace_self(link.children)

    def page_of(self, value: Any) -> str:
        space, name = self.home[self.key(value)]
        return f"{space}/{self.file(space, name)}"

    def file(self, space: str, name: str) -> str:
        """Names that differ in capitals only get different files: not every disk can tell them apart."""
        twins = sorted(other for other in (self.tensor if space == "minidl.Tensor" else self.spaces[space])
                       if other.lower() == name.lower())
        return name if twins[-1] == name or len(twins) == 1 else f"{name}-{twins.index(name) + 1}"

    def write(self, folder: Path) -> None:
        """Write the pages that differ from those of the last build, and take away what is no more."""
        everything = [value for members in [*self.spaces.values(), self.tensor] for value in members.values()]
        home = {self.home[self.key(value)]: value for value in everything if value is not minidl.Tensor}
        pages = {"index": self.index(), "minidl.Tensor": self.tensor_page()}
        pages |= {space: self.space_page(space, members) for space, members in self.spaces.items()}
        pages |= {f"{space}/{self.file(space, name)}": self.page(space, name, value)
                  for (space, name), value in home.items()}
        for old in {*folder.rglob("*.rst")} - {folder / f"{name}.rst" for name in pages}:
            old.unlink()
        for name, text in pages.items():
            renew(folder / f"{name}.rst", text)

    def index(self) -> str:
        lines = [titled("Reference"),
                 "A page for every public function and class, with its source. What holds each of them in check is "
                 "listed in :doc:`/functions`.\n"]
        for title, paths in SPACES.items():
            here = [path for path in paths.split() if path in self.spaces]
            here[1:1] = ["minidl.Tensor"] if here[0] == "minidl" else []
            lines += [titled(title, "-"), ".. list-table::", "   :widths: auto", ""]
            for path in here:
                told = first_line(minidl.Tensor if path == "minidl.Tensor" else importlib.import_module(path))
                lines += [f"   * - :doc:`{path}`", f"     - {told}"]
            lines += ["", ".. toctree::", "   :hidden:", "", *[f"   {path}" for path in here], ""]
        return "\n".join(lines)

    def rows(self, members: dict[str, Any]) -> list[str]:
        lines = [".. list-table::", "   :widths: 30 70", "   :class: names", ""]
        for name, value in members.items():
            target = "/reference/minidl.Tensor" if value is minidl.Tensor else f"/reference/{self.page_of(value)}"
            lines += [f"   * - :doc:`{name} <{target}>`", f"     - {first_line(value)}"]
        return lines

    def space_page(self, space: str, members: dict[str, Any]) -> str:
        module = importlib.import_module(space)
        lines = [titled(space), to_rst(module.__doc__ or ""), ""]
        classes = {name: value for name, value in members.items() if inspect.isclass(value)}
        functions = {name: value for name, value in members.items() if name not in classes}
        for title, part in (("Classes", classes), ("Functions", functions)):
            if part:
                lines += [titled(title, "-"), *self.rows(part), ""]
        return "\n".join(lines) + "\n"

    def tensor_page(self) -> str:
        return "\n".join([titled("minidl.Tensor"), self.described("class", "minidl", "Tensor", minidl.Tensor), "",
                          titled("Methods", "-"), *self.rows(self.tensor), ""])

    def page(self, space: str, name: str, value: Any) -> str:
        parent = f"/reference/{space}"
        others = [other for other in self.names[self.key(value)] if other != f"{space}.{name}"]
        lines = [":orphan:", "", titled(f"{space}.{name}"), f":doc:`{space} <{parent}>`", ""]
        if inspect.isclass(value):
            lines += [self.described("class", space, name, value), ""]
            for method, function in methods(value):
                lines += [indented(self.described("method", "", method, function)), ""]
        else:
            kind, owner, full = ("method", "minidl", f"Tensor.{name}") if space == "minidl.Tensor" else \
                ("function", space, name)
            lines += [self.described(kind, owner, full, value), ""]
        if others:
            lines += ["Also " + ", ".join(f"``{other}``" for other in others) + ".", ""]
        return "\n".join(lines)

    @staticmethod
    def described(kind: str, module: str, name: str, value: Any) -> str:
        doc = inspect.getdoc(value) or ""
        if kind == "class" and "__doc__" not in vars(value) or not doc:
            doc = ""
        return "\n".join([*([f".. py:currentmodule:: {module}", ""] if module else []),
                          f".. py:{kind}:: {name}{signature(value)}", "", indented(to_rst(doc))])


def indented(text: str) -> str:
    return "\n".join(f"   {line}".rstrip() for line in text.split("\n"))
