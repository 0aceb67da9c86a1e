"""The built site: `python -m sphinx -W -b html docs site`, or wherever MINIDL_SITE says that it is."""
from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.public_functions import public

ROOT = Path(__file__).parents[2]
SITE = Path(os.environ.get("MINIDL_SITE", ROOT / "site"))
pytestmark = pytest.mark.skipif(not (SITE / "searchindex.js").exists(), reason="the site is not built")
LINK = re.compile(r'<a\s[^>]*?href="([^"]+)"')


@cache
def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def anchors(path: Path) -> set[str]:
    return set(re.findall(r'\sid="([^"]+)"', text(path)))


def pages(*folders: str) -> list[Path]:
    found = [path for path in SITE.rglob("*.html") if "_static" not in path.parts]
    assert len(found) > 1000
    return [path for path in found if not folders or path.relative_to(SITE).parts[0] in folders]


def test_every_link_leads_somewhere_on_the_site() -> None:
    """To a page, and there to the place; what lies elsewhere is not asked, for it may be out of reach today."""
    broken, seen = set(), 0
    for page in pages():
        own = page.relative_to(SITE).parts[0] == "source"     # each line of source links to itself
        for target in set(LINK.findall(text(page))):
            if re.match(r"[a-z]+:", target) or own and target.startswith("#"):
                continue
            name, _, anchor = unquote(target).partition("#")
            path = (page.parent / name).resolve() if name else page
            seen += 1
            if not path.is_file() or anchor and path.suffix == ".html" and anchor not in anchors(path):
                broken.add((page.relative_to(SITE).as_posix(), target))
    assert not broken and seen > 10_000, sorted(broken)[:20]


def test_nothing_is_loaded_from_elsewhere() -> None:
    """The site works where there is no net: scripts, fonts, styles and pictures are its own."""
    for page in pages():
        for tag in re.findall(r"<(?:script|img|link|iframe)\s[^>]*>", text(page)):
            assert not re.search(r'(?:src|href)="(?:https?:)?//', tag), f"{page}: {tag}"
    styles = list((SITE / "_static").rglob("*.css"))
    assert styles and not [path for path in styles if re.search(r"url\([\"']?https?:", text(path))]


def test_pictures_are_there() -> None:
    for page in pages():
        for source in re.findall(r'<img\s[^>]*?src="([^"]+)"', text(page)):
            assert source.startswith("data:") or (page.parent / unquote(source)).is_file(), f"{page}: {source}"


def test_every_public_function_has_a_page() -> None:
    """Under the first of its names; the others stand on it."""
    name = re.compile(r'<dt class="sig[^>]*id="([^"]+)"|<span class="pre">(minidl\.[\w.]+)</span>')
    told = {either for path in pages("reference") for found in name.findall(text(path)) for either in found}
    names = {f"{space}.{name}" for space, functions in public().items() for name in functions}
    assert len(names) > 900 and not names - told, sorted(names - told)


def test_every_page_of_docs_is_on_the_site() -> None:
    assert {path.stem for path in (ROOT / "docs").glob("*.md")} <= {path.stem for path in SITE.glob("*.html")}


def test_a_function_leads_to_its_source() -> None:
    page = text(SITE / "reference/minidl/conv2d.html")
    target = re.search(r'href="\.\./\.\./(source/minidl/ops/conv/two_d\.py\.html)#line-(\d+)"', page)
    assert target, "no link to the source"
    line = text(SITE / target[1]).split(f'<span id="line-{target[2]}">')[1].split("</span>\n")[0]
    plain = re.sub(r"<[^>]+>", "", line)
    assert "def conv2d(" in plain or "@" in plain, plain
