"""Every row of docs/conventions.md: what comes out at an awkward point, here and in PyTorch.

The page is the record. Each row has an expression in `x`, the value of x, what minidl gives (value and gradient of its
sum), what PyTorch gives, and a reason where the two differ.
"""
import re
from pathlib import Path

import numpy as np
import pytest

import minidl

try:
    import torch
except ImportError:
    torch = None

PAGE = Path(__file__).parent.parent / "docs" / "conventions.md"
ROW = re.compile(r"\| `(?P<code>.+?)` \| `(?P<x>.+?)` \| (?P<ours>.+?) \| (?P<theirs>.+?) \| (?P<reason>.*?) \|$")
LINES = PAGE.read_text(encoding="utf-8").splitlines() if PAGE.exists() else []
ROWS = [m.groupdict() for m in map(ROW.match, LINES) if m]


def outcome(library, functional, code, x):
    """`value; gradient`, or the kind of error, as the page writes it."""
    leaf = library.tensor(np.array(eval(x, {"inf": np.inf, "nan": np.nan}), dtype=np.float64), requires_grad=True)
    try:
        y = eval(code, {"lib": library, "F": functional, "x": leaf})
    except Exception as error:
        return type(error).__name__
    gradient = "no gradient"
    if y.requires_grad:
        y.sum().backward()
        gradient = "none" if leaf.grad is None else shown(leaf.grad)
    return f"{shown(y.detach())}; {gradient}"


def shown(t):
    """Up to four digits, nested lists flattened into one line."""
    def number(v):
        return "0" if v == 0 else f"{v:.4g}" if isinstance(v, float) else str(v)

    def nested(v):
        return "[" + ", ".join(map(nested, v)) + "]" if isinstance(v, list) else number(v)
    return nested(t.tolist())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["code"])
def test_row(row):
    assert outcome(minidl, minidl.nn.functional, row["code"], row["x"]) == row["ours"]
    if torch is not None:
        theirs = outcome(torch, torch.nn.functional, row["code"], row["x"])
        assert theirs == row["theirs"], "PyTorch has changed"
    assert (row["ours"] == row["theirs"]) == (row["reason"] == ""), "a difference needs a reason, and only a difference"


def test_the_page_is_there():
    assert len(ROWS) >= 50
