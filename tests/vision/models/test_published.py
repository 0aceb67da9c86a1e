"""Parameters and multiply-adds are those that were published, and the page of models says so."""
from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest

from minidl.utils import summary
from minidl.vision import models
from tests.vision.models.published import ROWS, at_most_off, quickly

PAGE = Path(__file__).parents[3] / "docs" / "models.md"


@functools.cache
def counted(name: str) -> tuple[int, int]:
    row = ROWS[name]
    found = summary(models.get_model(name, **quickly(name)), row.input_size)
    return found.total_params, (found.total_mult_adds - row.once) * row.pixels + row.once


def test_every_model_has_a_row():
    assert set(ROWS) == set(models.list_models())


@pytest.mark.parametrize("name", ROWS)
def test_figures_are_the_published_ones(name):
    row = ROWS[name]
    params, mult_adds = counted(name)
    published, off = at_most_off(row.params)
    assert abs(params - row.more - published) <= off
    published, off = at_most_off(row.mult_adds)
    assert abs(mult_adds - row.attention - published) <= off


def rows_of_page() -> dict[str, tuple[str, str]]:
    """name: (parameters, multiply-adds), as the page prints them."""
    return {name: (params, mult_adds) for name, params, mult_adds in
            re.findall(r"^\| `(\w+)` \| ([\d,]+) \| ([\d,.]+ [MG]) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)}


def test_the_page_has_every_model():
    assert set(rows_of_page()) == set(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_the_page_says_what_is_counted(name):
    params, mult_adds = counted(name)
    printed, printed_adds = rows_of_page()[name]
    assert printed == f"{params:,}"
    published, off = at_most_off(printed_adds.replace(" ", ""))
    assert abs(mult_adds - published) <= off
