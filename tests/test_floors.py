"""Imports go down only, at the top of the file, and the whole package keeps to it."""
import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "minidl"
FLOORS = [
    {"backend", "left_out", "tables"},
    {"autograd", "random"},
    {"ops"},
    {"tensors", "linalg", "special", "fft", "return_types", "amp", "cuda", "accelerator", "backends"},
    {"nn", "optim", "utils", "func", "serialization", "profiler"},
    {"vision", "neighbors"},
    {"cli", "__main__"},
]
FLOOR_OF = {name: floor for floor, names in enumerate(FLOORS) for name in names}
FILES = sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported(path: Path) -> list[tuple[str, bool]]:
    """The parts of minidl that a file imports, and whether at the top level (type checking aside)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {id(child) for node in ast.walk(tree) if isinstance(node, ast.If)
                 and "TYPE_CHECKING" in ast.unparse(node.test) for child in ast.walk(node)}
    found = []
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "minidl" else [node.module]
        else:
            continue
        for name in names:
            if name.split(".")[0] == "minidl":
                found.append((name.split(".")[1] if "." in name else "", node in tree.body))
    return found


def test_every_part_has_a_floor():
    parts = {part_of(path) for path in FILES} - {"__init__"}
    assert parts == set(FLOOR_OF), "a new part of the package needs a place in FLOORS"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down(path):
    here = part_of(path)
    for name, top_level in imported(path):
        assert top_level, f"{path} imports minidl.{name} inside a function"
        if here != "__init__" and not (here == "cli" and not name):   # the top floor uses the public face
            assert name, f"{path} imports the whole of minidl"
            assert FLOOR_OF[name] <= FLOOR_OF[here], f"{here} (floor {FLOOR_OF[here]}) imports {name} above it"


def test_no_cycles_between_files():
    """Not even on one floor."""
    edges = {}
    for path in FILES:
        if path.name == "__init__.py":
            continue
        module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        targets = set()
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("minidl"):
                for alias in node.names:
                    deeper = PACKAGE.parent / (f"{node.module}.{alias.name}".replace(".", "/") + ".py")
                    targets.add(f"{node.module}.{alias.name}" if deeper.exists() else node.module)
        edges[module] = targets
    done, path_now = set(), []

    def visit(module: str) -> None:
        assert module not in path_now, " -> ".join([*path_now[path_now.index(module):], module])
        if module in done or module not in edges:
            return
        path_now.append(module)
        for target in edges[module]:
            visit(target)
        path_now.pop()
        done.add(module)

    for module in edges:
        visit(module)
