"""Which disagreements are known, each with its reason, and which are rounding."""
from __future__ import annotations

import re
from dataclasses import dataclass, replace

from tests.fuzz.program import Program
from tests.fuzz.run import Disagreement
from tests.fuzz.shorten import replay


@dataclass(frozen=True)
class Deliberate:
    """A difference that is meant, as narrow as it can be put: regular expressions for what is said and what was run."""

    kind: str
    statement: str
    detail: str
    reason: str

    def covers(self, found: Disagreement) -> bool:
        return found.kind == self.kind and bool(re.search(self.statement, found.statement)) and \
            bool(re.search(self.detail, found.detail))


ANY = ""

DELIBERATE = [
    # PyTorch refuses, and minidl goes on
    Deliberate("PyTorch refuses", ANY, r"not implemented for '\w+'|does not support bool dtypes",
               "PyTorch has no kernel for the dtype; NumPy has"),
    Deliberate("PyTorch refuses", r"backward|grad\(", r"derivative for aten::\w+ is not implemented",
               "a step function has a gradient of zeros, and the graph stays whole"),
    Deliberate("PyTorch refuses", r"backward|grad\(", r"Function \w+Backward0 returned an invalid gradient at index",
               "PyTorch's rule returns a gradient of the wrong shape"),
    Deliberate("PyTorch refuses", ANY, r"This view is the output of a function that returns multiple views",
               "a view is a view, whatever made it"),
    Deliberate("PyTorch refuses", r"index_add|index_select|index_copy|index_fill",
               r"tensor has no dimensions|Index to scalar can have only 1 value",
               "a number counts as one axis of size 1, in every function"),
    # a step function has a gradient of zeros
    Deliberate("flag", r"heaviside|unique|//|floor", r"\(False, True, False\) and \(True, False|\(True, False, False\) and",
               "a step function has a gradient of zeros, and the graph stays whole"),
    # minidl refuses
    Deliberate("minidl refuses", ANY, r"NotImplementedError: .*complex",
               "an op without complex gradients is named where it would be recorded"),
    Deliberate("minidl refuses", ANY, r"Integers to negative integer powers",
               "a wrong number would come out"),
    Deliberate("minidl refuses", ANY, r"unsupported in-place operation: several elements of .* share one place",
               "what is written would depend on the order of the writes"),
    Deliberate("minidl refuses", r"out=", r"a view of another tensor's memory cannot be resized",
               "memory cannot grow under the views that share it"),
    # values
    Deliberate("nan or inf", r"multi_margin_loss", r"^nan and", "the mean of nothing; PyTorch returns memory that nobody set"),
]
"""What is known. The page `docs/differences_from_pytorch.md` says the same to users."""

SINGLE = (("float16", "float64"), ("float32", "float64"), (".float()", ".double()"), (".half()", ".double()"))


def judge(program: Program, found: Disagreement) -> tuple[Disagreement, str]:
    """The disagreement, and why it is meant: "" if it is not known.

    A difference of values within a hundredth that float64 does not show is called rounding.
    """
    for known in DELIBERATE:
        if known.covers(found):
            return found, known.reason
    off = re.match(r"off by (\S+):", found.detail)
    if off and float(off[1]) < 1e-2 and replay(in_double(program)) is None:
        return replace(found, kind="rounding"), "float32 and float16 round differently; float64 agrees"
    return found, ""


def in_double(program: Program) -> Program:
    """The program with float64 where it has shorter floating numbers; unchanged statements stay."""
    doubled = []
    for statement in program:
        text, literal = statement.text, statement.literal
        for short, double in SINGLE:
            text = text.replace(short, double)
        if literal is not None and literal.dtype.startswith("float"):
            literal = replace(literal, dtype="float64")
        doubled.append(replace(statement, text=text, literal=literal))
    return doubled
