"""What is written runs: docstrings, the README and the pages of docs/."""
import ast
import doctest
import importlib.util
import pkgutil
import re
from pathlib import Path

import pytest

import minidl
from minidl.backend.kernel import bodies, registry

ROOT = Path(__file__).parent.parent
PAGES = [*(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY", "CHANGELOG")),
         *sorted((ROOT / "docs").glob("*.md"))]
NEED = {"minidl.backend.compiled": minidl.backends.numba.is_available(),
        **{name: importlib.util.find_spec(package) is not None for name, package in {
            "minidl.backend.cuda": "cupy", "minidl.einops": "einops",
            "minidl.utils.huggingface": "huggingface_hub"}.items()}}
MODULES = sorted(m.name for m in pkgutil.walk_packages(minidl.__path__, "minidl.")
                 if all(present or not m.name.startswith(package) for package, present in NEED.items()))


@pytest.fixture(autouse=True)
def settings_as_before():
    """Examples may change them, and declare kernels."""
    threads, compiled, kernels = minidl.get_num_threads(), minidl.backends.numba.enabled, set(registry)
    yield
    for name in set(registry) - kernels:
        del registry[name], bodies[name]
    minidl.set_num_threads(threads)
    minidl.backends.numba.enabled = compiled


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name):
    minidl.manual_seed(0)
    failures, _ = doctest.testmod(importlib.import_module(name),
                                  optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert failures == 0


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_is_in_it(name):
    module = importlib.import_module(name)
    assert module.__doc__ and module.__doc__.strip(), f"{name} has no docstring"


def blocks(page: Path) -> list[str]:
    """The Python blocks of a page that are meant to run: those with an import of minidl, and all of a life_of_ page."""
    found = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    return [code for code in found
            if page.name.startswith("life_of_") or re.search(r"^(import|from) minidl", code, re.MULTILINE)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_of_pages_runs(page, capsys, tmp_path, monkeypatch):
    """Block after block in one namespace; where a line ends in `# value`, `value` is what it prints."""
    monkeypatch.chdir(tmp_path)
    minidl.manual_seed(0)
    namespace = {}
    for code in blocks(page):
        exec(compile(code, page.name, "exec"), namespace)
        for line in code.splitlines():
            shown = re.fullmatch(r"print\((.*)\)\s+# (.*)", line)
            if shown:
                value = str(eval(shown[1], namespace))
                assert value == shown[2], f"{page.name} says {shown[2]!r}, but {shown[1]} is {value!r}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}, which does not exist"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_line_references_hold(page):
    """`path.py:12 name` means that line 12 of path.py defines name."""
    for path, number, name in re.findall(r"`([\w/]+\.py):(\d+)` *\(?`([\w.]+)`", page.read_text(encoding="utf-8")):
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        lines = {n.lineno for n in ast.walk(tree)
                 if isinstance(n, (ast.FunctionDef, ast.ClassDef)) and n.name == name.split(".")[-1]}
        assert int(number) in lines, f"{page.name} says {path}:{number} is {name}; it is at {sorted(lines)}"


def test_one_version_everywhere():
    assert f"\nversion: {minidl.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"({minidl.__version__})" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
