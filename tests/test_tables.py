"""Tables for terminals and notebooks, and the results that show themselves as tables."""
from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

import minidl
from minidl import nn
from minidl.autograd import Function, gradcheck_report
from minidl.tables import html_table, size_of, table
from minidl.utils import profile, summary
from minidl.utils.compare import Comparison, Layer
from minidl.utils.profile import record_function


class Reader(HTMLParser):
    """The cells of all rows, and the text beside tables. Errors: AssertionError where tags do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.notes: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        assert tag in ("table", "thead", "tbody", "tr", "th", "td", "div"), f"<{tag}> came out of a name"
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")
        if tag == "div":
            self.notes.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("th", "td"):
            self.rows[-1][-1] += data
        elif self.open and self.open[-1] == "div":
            self.notes[-1] += data


def test_tables_of_text_and_html_hold_the_same() -> None:
    head, rows = ["Name", "Size"], [["<a & b>", "10"], ["  inside", "1,000"]]
    assert table(head, rows).split("\n") == [
        "Name       Size", "---------------", "<a & b>      10", "  inside  1,000", "---------------"]
    found = Reader(html_table(head, rows, ["all of <it>"]))
    assert found.rows == [head, rows[0], ["\N{EM SPACE}inside", "1,000"]]
    assert found.notes == ["all of <it>"]
    assert size_of(1536) == "1.5 KiB"


def test_a_summary_in_a_notebook() -> None:
    odd = type("<script>", (nn.ReLU,), {})()
    result = summary(nn.Sequential(nn.Linear(3, 4), odd), (2, 3))
    found = Reader(result._repr_html_())
    assert [row[0].strip() for row in found.rows] == ["Layer", "Sequential", "0 (Linear)", "1 (<script>)"]
    assert found.rows[2][1:4] == ["(2, 4)", "16", "16"]
    assert found.notes == str(result).split("\n")[-3:]


def test_a_profile_in_a_notebook() -> None:
    net = nn.Linear(3, 4)
    with profile() as prof:
        with record_function("<script>load</script>"):
            net(minidl.ones(2, 3)).sum().backward()
    for shown, keys in ((prof.key_averages(), ["<script>load</script>", "Linear"]),
                        (prof.module_averages(), ["Linear"])):
        found = Reader(shown._repr_html_())
        assert {row[0] for row in found.rows[1:]} == {row.key for row in shown} >= set(keys)
        assert found.rows[0] == list(shown[0].HEAD)
    both = Reader(prof._repr_html_())
    assert len(both.rows) == 2 + len(prof.key_averages()) + len(prof.module_averages())


def test_an_empty_profile_in_a_notebook() -> None:
    with profile() as prof:
        pass
    assert prof._repr_html_() == prof.key_averages()._repr_html_() == "(nothing was recorded)"
    with pytest.raises(ValueError, match="expected sort_by to be one of"):
        with profile() as prof:
            minidl.ones(2).exp()
        prof.key_averages().table("size")


def test_a_comparison_in_a_notebook() -> None:
    layers = [Layer("fc <1>", "Linear", (2, 3), (2, 3), 0.5, 0.25, False)]
    found = Reader(Comparison(layers, {"fc.weight": 0.5}, [], [])._repr_html_())
    assert found.rows[1] == ["fc <1>", "Linear", "(2, 3)", "0.5", "0.25", "differs"]
    assert found.notes == ["Weights differ before the run: fc.weight, by 0.5",
                           "First difference: fc <1> (Linear), by 0.5, relative 0.25"]


def test_a_gradcheck_in_a_notebook() -> None:
    class Wrong(Function):
        forward = staticmethod(lambda ctx, x, w: x * w)
        backward = staticmethod(lambda ctx, g: (g, g))

    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_parameter("<w>", nn.Parameter(minidl.full((2,), 3.0)))

        def forward(self, x: Any) -> Any:
            return Wrong.apply(x, getattr(self, "<w>"))

    report = gradcheck_report(Layer(), minidl.ones(2, requires_grad=True))
    found = Reader(report._repr_html_())
    assert found.rows[0] == list(report.columns)
    assert [row[0] for row in found.rows[1:]] == ["input 0", "parameter '<w>'"]
    assert [row[4] for row in found.rows[1:]] == ["wrong", "right"]
    assert found.notes == report.failure.splitlines()[:1] and "wrong gradient" in found.notes[0]
    right = Reader(gradcheck_report(nn.Linear(2, 1), minidl.ones(2, requires_grad=True))._repr_html_())
    assert {row[4] for row in right.rows[1:]} == {"right"} and right.notes == []
