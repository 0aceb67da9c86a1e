"""What the site is built of: docstrings, links and sections, without Sphinx."""
from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.public_functions import public

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def builder() -> Any:
    """Imports a file of docs/builder."""
    pytest.importorskip("pygments")
    sys.path.insert(0, str(ROOT / "docs"))
    yield lambda name: importlib.import_module(f"builder.{name}")
    sys.path.remove(str(ROOT / "docs"))


DOCSTRING = """Multiply x_1 by *two*.

    input (*, L): see `functional.f(x)`, https://g.org/a_b, for more.
    It goes on.
    Errors: ValueError for | and \\.

        H' = H * 2

        H'' = H'

    Then, as in

        >>> f(1)
        2
    """
RST = r"""\ Multiply x\_1 by \*two\*.

\ input (\*, L): see \ ``functional.f(x)``\ , \ `https://g.org/a_b <https://g.org/a_b>`__\ , for more. It goes on.

**Errors:** ValueError for \| and \\.

.. code-block:: text

   H' = H * 2

   H'' = H'

\ Then, as in

.. code-block:: pycon

   >>> f(1)
   2"""


def test_a_docstring_means_what_it_says(builder: Any) -> None:
    assert builder("prose").to_rst(inspect.cleandoc(DOCSTRING)) == RST


def test_what_is_fenced_is_code(builder: Any) -> None:
    assert builder("prose").to_rst("One.\nExample:\n```python\n>>> 1 + 1\n2\n```\nTwo.") == (
        "\\ One.\n\n**Example:** \n\n.. code-block:: pycon\n\n   >>> 1 + 1\n   2\n\n\\ Two.")


def test_lists_stay_lists(builder: Any) -> None:
    assert builder("prose").to_rst("Three.\n\n- one\n  more\n- two") == "\\ Three.\n\n- one more\n\n- two"


def test_every_page_stands_in_one_section(builder: Any) -> None:
    pages = builder("pages")
    listed = [page for section in pages.SECTIONS for page in pages.pages_of(section)]
    assert len(listed) == len(set(listed))
    assert {name for name in listed if "/" not in name} | {"index"} == {p.stem for p in (ROOT / "docs").glob("*.md")}


def test_links_out_of_the_docs_lead_to_the_site(builder: Any) -> None:
    pages = builder("pages")
    here = ROOT / "docs" / "quickstart.md"
    text = ("[a](../CONTRIBUTING.md#set-up) [b](gpu.md#x) [c](../minidl/nn/conv.py) `minidl/nn/conv.py:7` [d](#e) "
            "[f](https://g.org)\n```\n[h](../i.md)\n```\n")
    assert pages.with_links(text, here) == (
        "[a](/project/CONTRIBUTING.md#set-up) [b](/gpu.md#x) [c](site:{up}source/minidl/nn/conv.py.html) "
        "[`minidl/nn/conv.py:7`](site:{up}source/minidl/nn/conv.py.html#line-7) [d](#e) [f](https://g.org)\n"
        "```\n[h](../i.md)\n```\n")


def test_every_public_function_has_a_page(builder: Any, tmp_path: Path) -> None:
    reference = builder("reference").Reference()
    named = {name for names in reference.names.values() for name in names}
    assert {f"{space}.{name}" for space, functions in public().items() for name in functions} <= named
    page = reference.page("minidl.nn", "Conv2d", reference.spaces["minidl.nn"]["Conv2d"])
    assert ".. py:class:: Conv2d(in_channels: int, out_channels: int" in page and ">>> layer(minidl.randn(8" in page
    files = [f"{space}/{reference.file(space, name)}".lower() for space, name in set(reference.home.values())]
    assert len(files) == len(set(files)), "two pages in one file, where capitals do not count"


def test_signatures(builder: Any) -> None:
    def function(x: Any, f: Any = len, *, big: str = "y", deep: object = object()) -> str: ...  # noqa: B008
    told = builder("reference").signature(function)
    assert told == "(x: Any, f: Any = len, *, big: str = 'y', deep: object = ...) -> str"


def test_programs_of_the_gallery(builder: Any) -> None:
    pytest.importorskip("sphinx_gallery")
    gallery = builder("gallery")
    programs = {f"{gallery.family(path)}/{path.stem}"
                for path in gallery.EXAMPLES.rglob("*.py") if gallery.is_program(path)}
    assert set(gallery.RUN) <= programs
    assert {name.split("/")[0] for name in programs} == set(gallery.FAMILIES)
    made = gallery.with_rst('"""A thing: its *story*.\n\nMore.\n\n    python examples/a.py --b\n"""\nprint(1)\n')
    title = r"A thing: its \*story\*"
    assert made.startswith(f'r"""{title}\n{"=" * 40}\n\n\\ More.\n\n.. code-block:: console\n\n   python')
    assert made.endswith("print(1)\n")
