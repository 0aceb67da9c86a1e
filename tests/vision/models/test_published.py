"""Parameters and multiply-adds are those that were published, and the page of models says so."""
from __future__ import annotations

import re
from pathlib import Path

import pytest

from minidl.vision import models
from tests.vision.models import zoo
from tests.vision.models.published import ROWS, at_most_off, counted

PAGE = Path(__file__).parents[3] / "docs" / "models.md"


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


@pytest.mark.parametrize("name", ROWS)
def test_the_zoo_says_what_is_counted_and_published(name):
    assert zoo.row(name) in zoo.PAGE.read_text(encoding="utf-8").splitlines(), "python -m tests.vision.models.zoo"


def test_the_zoo_is_up_to_date():
    """The words, the order of the rows, and the picture."""
    text = zoo.PAGE.read_text(encoding="utf-8")
    assert text.startswith(zoo.HEAD) and text.endswith(zoo.FOOT), "python -m tests.vision.models.zoo"
    assert re.findall(r"^\| `(\w+)`", text, re.MULTILINE) == sorted(ROWS)
    assert zoo.PICTURE.read_text(encoding="utf-8") == zoo.picture(), "python -m tests.vision.models.zoo"


def test_the_picture_has_every_classifier_with_weights():
    told = re.findall(r"<title>(\w+): ([\d.]+) %, ([\d.]+) G, ([\d.]+) M", zoo.PICTURE.read_text(encoding="utf-8"))
    assert len(told) == len({name for name, *_ in told}) > 50
    for name, accuracy, ops, params in told:
        meta = models.get_model_weights(name).DEFAULT.meta
        assert meta["_metrics"]["ImageNet-1K"]["acc@1"] == float(accuracy) and meta["_ops"] == float(ops)
        assert float(params) == round(meta["num_params"] / 1e6, 1)
