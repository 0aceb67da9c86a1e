"""The site's own pages of source, so that a link into the code leads to the code that the page is about."""
from __future__ import annotations

import html
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_for_filename
from pygments.lexers.special import TextLexer
from pygments.util import ClassNotFound

ROOT = Path(__file__).parents[2]
linked: set[Path] = set()
"""Files and folders that a page links to."""


def address(path: Path) -> str:
    """Where the page of a file or folder of the repository stands, from the root of the site."""
    linked.add(path)
    return f"source/{path.relative_to(ROOT).as_posix()}" + (".html" if path.is_file() else "/index.html")


def of_object(domain: str, info: dict[str, str]) -> str | None:
    """For `sphinx.ext.linkcode`: the source of a function or class, from its page in reference/SPACE/."""
    if domain != "py":
        return None
    try:
        value: Any = importlib.import_module(info["module"] or "minidl")
        for name in info["fullname"].split("."):
            value = getattr(value, name)
        value = inspect.unwrap(value) if not inspect.isclass(value) else value
        path, line = Path(inspect.getsourcefile(value) or ""), inspect.getsourcelines(value)[1]
    except (AttributeError, TypeError, OSError):
        return None
    depth = "../" if info["fullname"] == "Tensor" else "../../"
    return f"{depth}{address(path)}#line-{line}" if ROOT / "minidl" in path.parents else None


def pages(app: Any) -> Iterator[tuple[str, dict[str, str], str]]:
    """For Sphinx's `html-collect-pages`: what was linked, and the whole package for those who read on."""
    linked.update((ROOT / "minidl").rglob("*.py"))
    for path in [*linked]:
        linked.update(parent for parent in path.parents if ROOT in parent.parents)
    for path in sorted(linked):
        name = path.relative_to(ROOT).as_posix()
        page = f"source/{name}" + ("" if path.is_file() else "/index")
        body = code(path) if path.is_file() else listing(path)
        yield page, {"title": name, "body": f"<h1>{crumbs(path)}</h1>{body}"}, "source.html"


def crumbs(path: Path) -> str:
    """The name of a file, whose folders are links."""
    folders = [parent for parent in reversed(path.parents) if ROOT in parent.parents]
    inside = len(folders) - path.is_file()      # how deep the page lies below the first folder
    steps = [f'<a href="{"../" * (inside - number)}index.html">{folder.name}</a>'
             for number, folder in enumerate(folders)]
    return " / ".join([*steps, html.escape(path.name)])


def listing(folder: Path) -> str:
    """What a folder holds, with the first line that each file says of itself."""
    rows = []
    for path in sorted(folder.iterdir(), key=lambda path: (path.is_file(), path.name)):
        if path not in linked:
            continue
        target = f"{path.name}.html" if path.is_file() else f"{path.name}/index.html"
        about = path / "__init__.py" if path.is_dir() else path
        found = re.match(r'r?"""(.*)', about.read_text(encoding="utf-8")) if about.suffix == ".py" and about.exists() \
            else None
        said = html.escape(found[1].strip('"')) if found else ""
        rows.append(f'<tr><td><a href="{target}">{html.escape(path.name)}</a></td><td>{said}</td></tr>')
    return f'<div class="pst-scrollable-table-container"><table class="table">{"".join(rows)}</table></div>'


def code(path: Path) -> str:
    try:
        lexer = get_lexer_for_filename(path.name)
    except ClassNotFound:
        lexer = TextLexer()
    formatter = HtmlFormatter(linespans="line", anchorlinenos=True, linenos="inline", lineanchors="line")
    return highlight(path.read_text(encoding="utf-8"), lexer, formatter)
