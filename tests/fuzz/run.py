"""Runs a program statement by statement in both libraries and stops where they disagree."""
from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import minidl
from tests.checking import torch
from tests.fuzz.compare import compare, compare_gradients, share_memory, share_storage, synchronise
from tests.fuzz.program import Statement, compiled

LAYOUT = True
"""Whether contiguity and sharing of memory are compared."""

MINIDL_REFUSES, TORCH_REFUSES = "minidl refuses", "PyTorch refuses"
REFUSALS = (MINIDL_REFUSES, TORCH_REFUSES, "error type")


@dataclass
class Disagreement:
    """Where and how two libraries differ."""

    kind: str                   # "value", "gradient", "minidl refuses" and so on
    row: str                    # the line of the table that made the statement
    statement: str              # what was run last
    detail: str                 # minidl's, then PyTorch's
    name: str = ""              # the tensor that differs

    @property
    def silent(self) -> bool:
        return self.kind not in REFUSALS

    @property
    def show(self) -> str:
        """What to print to see the difference."""
        if not self.silent:
            return ""
        if self.kind.startswith("gradient"):
            return f"{self.name}.grad"
        return {"flag": f"{self.name}.requires_grad, {self.name}.is_leaf, {self.name}.retains_grad",
                "contiguity": f"{self.name}.stride()", "dtype": f"{self.name}.dtype",
                "sharing": self.name.replace(" ", ", ")}.get(self.kind, self.name)


class Skipped(Exception):
    """The rest of a program says nothing: layouts differ, and are not to be compared, or a refused write was begun."""


@dataclass
class Run:
    """Two libraries side by side. `names` are those of tensors and of lists of tensors.

    With `patient`, PyTorch works on copies of what it keeps for backward and keeps them: it refuses no gradient because
    something was overwritten since, or because the graph was used before.
    """

    layout: bool = LAYOUT
    patient: bool = False
    names: list[str] = field(default_factory=list)
    refused: set[int] = field(default_factory=set)          # places of statements that both refused
    count: int = 0

    def __post_init__(self) -> None:
        self.ours: dict[str, Any] = {"lib": minidl, "F": minidl.nn.functional}
        self.theirs: dict[str, Any] = {"lib": torch, "F": torch.nn.functional}

    def all(self, statements: Iterable[Statement]) -> Disagreement | None:
        """The first disagreement of a program. Errors: Skipped."""
        for statement in statements:
            found = self.step(statement)
            if found is not None:
                return found
        return None

    def step(self, statement: Statement) -> Disagreement | None:
        """Run one more statement; what it made and what it may have changed is compared. Errors: Skipped."""
        place = self.count
        self.count += 1
        errors = [execute(statement.text, self.ours), self._execute_patiently(statement.text) if self.patient else
                  execute(statement.text, self.theirs)]
        if errors != [None, None]:
            self.refused.add(place)
            found = self._compare_errors(statement, *errors)
            if found is None and not statement.target and self.everything(statement):
                raise Skipped       # PyTorch has written a part before it refused
            return found
        try:
            return self._compare_new(statement) if statement.target else self._compare_changed(statement)
        except RuntimeError as error:   # PyTorch does not say whether some views require grad
            return Disagreement(TORCH_REFUSES, statement.row, statement.text, f"when read: {error}")

    def _compare_new(self, statement: Statement) -> Disagreement | None:
        """Compare what a statement gave a name to. What is no tensor is forgotten after it."""
        target = statement.target
        found = compare(self.ours[target], self.theirs[target], self.layout)
        if found:
            return Disagreement(found[0], statement.row, statement.text, found[1], target)
        if not isinstance(self.theirs[target], torch.Tensor):
            return None
        if target not in self.names:
            self.names.append(target)
        synchronise(self.ours[target], self.theirs[target])
        return self._compare_sharing(statement)

    def _compare_changed(self, statement: Statement) -> Disagreement | None:
        """Compare all that a statement may have changed, and what hooks have seen."""
        self.names = [name for name in self.names if name in self.theirs]
        if statement.text.startswith("h"):
            self.names.append(statement.text.partition(" ")[0])
        return self.everything(statement)

    def everything(self, statement: Statement) -> Disagreement | None:
        """Compare all tensors and their gradients."""
        for name in self.names:
            ours, theirs = self.ours[name], self.theirs[name]
            found = compare(ours, theirs, self.layout)
            if found is None and isinstance(theirs, torch.Tensor):
                synchronise(ours, theirs)
                found = compare_gradients(ours, theirs, self.layout)
            if found:
                return Disagreement("hook: " * isinstance(theirs, list) + found[0], statement.row, statement.text,
                                    found[1], name)
        return None

    def _execute_patiently(self, text: str) -> Exception | None:
        text = re.sub(r"\.backward\((?!.*_graph)(.*)\)$", r".backward(\1, retain_graph=True)", text).replace("(, ", "(")
        with torch.autograd.graph.saved_tensors_hooks(lambda t: t.detach().clone(), lambda t: t):
            return execute(text, self.theirs)

    def _compare_errors(self, statement: Statement, ours: Exception | None, theirs: Exception | None
                        ) -> Disagreement | None:
        shown = [error and f"{type(error).__name__}: {error}" for error in (ours, theirs)]
        if theirs is None:
            if not self.layout and self._layouts_differ():
                raise Skipped
            return Disagreement(MINIDL_REFUSES, statement.row, statement.text, str(shown[0]))
        if ours is None:
            if not self.layout and self._layouts_differ():
                raise Skipped
            return Disagreement(TORCH_REFUSES, statement.row, statement.text, str(shown[1]))
        if not isinstance(ours, type(theirs)) and not isinstance(theirs, type(ours)) and \
                type(ours).__name__ != type(theirs).__name__.lstrip("_"):       # LinAlgError
            return Disagreement("error type", statement.row, statement.text, f"{shown[0]} and {shown[1]}")
        return None

    def _layouts_differ(self) -> bool:
        return any(self.ours[name].is_contiguous() != self.theirs[name].is_contiguous()
                   for name in self.names if isinstance(self.theirs[name], torch.Tensor)
                   and self.ours[name].shape == tuple(self.theirs[name].shape))

    def _compare_sharing(self, statement: Statement) -> Disagreement | None:
        """Whether the new tensor looks into the memory of the same others. Errors: Skipped."""
        new = statement.target
        for name in self.names:
            if name == new or not isinstance(self.theirs[name], torch.Tensor):
                continue
            shared = (share_memory(self.ours[new].array, self.ours[name].array),
                      share_storage(self.theirs[new], self.theirs[name]))
            if shared[0] != shared[1]:
                if not self.layout:
                    raise Skipped
                return Disagreement("sharing", statement.row, statement.text,
                                    f"{new} and {name}: {shared[0]} and {shared[1]}", f"{new} {name}")
        return None


def execute(text: str, space: dict[str, Any]) -> Exception | None:
    """Run a statement; the error that it raised, or None."""
    try:
        exec(compiled(text), space)
    except Exception as error:
        return error.with_traceback(None)
    return None


def quiet() -> None:
    """One thread, and no warnings: of PyTorch's there would be thousands."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    minidl.set_num_threads(1)
