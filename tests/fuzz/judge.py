"""Which disagreements are known, each with its reason, and which are rounding."""
from __future__ import annotations

import re
from dataclasses import dataclass, replace

from tests.fuzz.program import Program
from tests.fuzz.run import MINIDL_REFUSES, TORCH_REFUSES, Disagreement
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

STEP = "a step function has a gradient of zeros, and the graph stays whole"
NUMBER = "a number counts as one axis of size 1, in every function"
NOTHING = "PyTorch does not check dimensions of a tensor without elements"
GRADIENT_LAYOUT = "a gradient lies row by row; PyTorch hands out memory that is expanded"
KERNEL = "PyTorch has no kernel for the dtype; NumPy has"

DELIBERATE = [
    # PyTorch refuses, and minidl goes on
    Deliberate(TORCH_REFUSES, ANY, r"not implemented for '\w+'|does not support bool|only applicable to index tensor of type "
               r"LongTensor|must be either float or double dtype", KERNEL),
    Deliberate(TORCH_REFUSES, r"backward|grad\(", r"derivative for aten::\w+ is not implemented", STEP),
    Deliberate(TORCH_REFUSES, r"backward|grad\(", r"Function \w+Backward0 returned an invalid gradient at index",
               "PyTorch's rule returns a gradient of the wrong shape"),
    Deliberate(TORCH_REFUSES, r"backward|grad\(", r"backward through the graph a second time",
               "fewer steps keep something for backward; a graph that has all it needs may be used again"),
    Deliberate(TORCH_REFUSES, ANY, r"This view is the output of a function that returns multiple views",
               "a view is a view, whatever made it"),
    Deliberate(TORCH_REFUSES, ANY, r"some elements of the input tensor and the written-to tensor refer to a single memory location",
               "what is written is read whole before"),
    Deliberate(TORCH_REFUSES, r"index_add|index_select|index_copy|index_fill",
               r"tensor has no dimensions|Index to scalar can have only 1 value", NUMBER),
    # a step function has a gradient of zeros
    Deliberate("flag", r"heaviside|unique|//|floor", r"\(False, True, False\) and \(True, False|\(True, False, False\) and", STEP),
    # minidl refuses
    Deliberate(MINIDL_REFUSES, ANY, r"NotImplementedError: .*complex",
               "an op without complex gradients is named where it would be recorded"),
    Deliberate(MINIDL_REFUSES, ANY, r"Integers to negative integer powers", "a wrong number would come out"),
    Deliberate(MINIDL_REFUSES, ANY, r"unsupported in-place operation: several elements of .* share one place",
               "what is written would depend on the order of the writes"),
    Deliberate(MINIDL_REFUSES, r"out=", r"a view of another tensor's memory cannot be resized",
               "memory cannot grow under the views that share it"),
    Deliberate(MINIDL_REFUSES, r"as_strided", r"out of bounds for storage|lies in memory row by row",
               "it looks at the elements of its tensor, not at what else lies in their memory"),
    Deliberate(MINIDL_REFUSES, r"cummin|cummax|roll|cumsum_|cumprod_", r"Dimension out of range|can't be cast", NOTHING),
    Deliberate(MINIDL_REFUSES, r"F\.conv", r"at least one element in each dimension", "a convolution over no channels is a mistake"),
    Deliberate(MINIDL_REFUSES, r"clamp", r"value cannot be converted to type uint8", "PyTorch wraps the bound: -1 becomes 255"),
    # layout
    Deliberate("contiguity", r"autograd\.grad", ANY, GRADIENT_LAYOUT),
    Deliberate("hook: contiguity", "backward", ANY, GRADIENT_LAYOUT),
    Deliberate("contiguity", r"linalg\.(inv|solve)", ANY, "LAPACK's results are transposed to lie row by row"),
    Deliberate("contiguity", r"nonzero", ANY, "positions lie row by row, too"),
    Deliberate("sharing", r"\.conj\(\)", ANY, "conj() is computed at once"),
    # values
    Deliberate("nan or inf", r"multi_margin_loss", r"^nan and", "the mean of nothing; PyTorch returns memory that nobody set"),
    Deliberate("nan or inf", r"cross_entropy", r"^0.0 and nan", "a loss without classes is a sum of nothing"),
    Deliberate("shape", r"pixel_unshuffle", r"0", "PyTorch forgets to move the channels of a picture without pixels"),
    Deliberate("value", r"clamp", r"^\[.* and \[", "PyTorch wraps the bound of bytes: -1 becomes 255"),
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
    if off and float(off[1]) < 1e-2:
        again = replay(in_double(program))
        if again is not None and again.found.kind == found.kind:
            return found, ""
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
