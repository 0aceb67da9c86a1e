"""Imports go down only, at the top of the file, and the whole package keeps to it."""
import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "minidl"
FLOORS = [
    {"backend", "left_out", "tables", "version"},
    {"autograd", "random"},
    {"ops"},
    {"tensors", "linalg", "special", "fft", "return_types", "amp", "cuda", "accelerator", "backends",
     "array_api"},
    {"nn", "optim", "utils", "func", "serialization", "profiler", "hub", "distributions", "sparse", "quasirandom",
     "compiler", "fx", "jit", "library", "onnx", "overrides", "testing", "distributed", "einops"},
    {"vision", "neighbors", "train", "metrics", "generative", "rendering",
     "interpret", "text", "estimators", "decomposition", "cluster", "manifold", "self_supervised"},
    {"cli", "torch_names", "__main__"},
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
            whole = node.module == "minidl"
            names = [f"{node.module}.{alias.name}" for alias in node.names] if whole else [node.module]
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
        if here != "__init__" and (name or here not in ("cli", "torch_names")):   # the top floor uses the public face
            assert name, f"{path} imports the whole of minidl"
            assert FLOOR_OF[name] <= FLOOR_OF[here], f"{here} (floor {FLOOR_OF[here]}) imports {name} above it"


ROOMS: dict[str, set[str]] = {"metrics": set(), "vision": {"metrics", "rendering"}, "train": set(),
                              "neighbors": {"estimators"}, "estimators": set(), "decomposition": {"estimators"},
                              "cluster": {"estimators"}, "manifold": {"estimators", "decomposition", "neighbors"},
                              "generative": set(), "rendering": set(), "interpret": set(), "text": set(),
                              "self_supervised": {"vision"}}
"""Of floor 5: which of the others each may import from."""


def test_rooms_of_floor_5_import_one_way():
    assert set(ROOMS) == FLOORS[5]
    for path in FILES:
        here = part_of(path)
        if here in ROOMS:
            others = {name for name, _ in imported(path)} & set(ROOMS) - {here}
            assert others <= ROOMS[here], f"{path} imports from {others - ROOMS[here]}"


def test_no_cycles_between_files():
    """Not even on one floor."""
    edges = {}
    for path in FILES:
        module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        if module == "minidl":      # the public face, which only the command line uses
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        targets = set()
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("minidl"):
                for alias in node.names:
                    deeper = PACKAGE.parent / f"{node.module}.{alias.name}".replace(".", "/")
                    found = deeper.is_dir() or deeper.with_suffix(".py").exists()
                    targets.add(f"{node.module}.{alias.name}" if found else node.module)
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


# ---------------------------------------------------------------------- the floors inside ops

FAMILIES = [
    "base", "elementwise", "shape", "index", "activation", "reduce", "conv", "special", "random", "norm", "sparse",
    "embedding", "linalg", "resize", "pool", "fft", "statistics", "attention", "rnn", "loss", "torch_names",
]
"""The families of ops. Each imports only from those before it."""

AGAINST_THE_ORDER: dict[tuple[str, str], str] = {}
"""(file, family that it imports from): the reason. One arrow at most."""

OPS = sorted((PACKAGE / "ops").rglob("*.py"))


def family_of(path: Path) -> str:
    return path.relative_to(PACKAGE / "ops").with_suffix("").parts[0]


def test_every_family_has_its_place():
    assert {family_of(path) for path in OPS} - {"__init__"} == set(FAMILIES)


@pytest.mark.parametrize("path", OPS, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_families_import_one_way(path):
    here = family_of(path)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("minidl.ops"):
            parts = node.module.split(".")[2:3] or [alias.name for alias in node.names]
            for family in parts:
                before = FAMILIES.index(family) <= FAMILIES.index(here)
                excused = (path.relative_to(PACKAGE / "ops").as_posix(), family) in AGAINST_THE_ORDER
                assert before or excused, f"{here} imports from {family}, which comes later"


def test_at_most_one_arrow_against_the_order():
    assert len(AGAINST_THE_ORDER) <= 1 and all(AGAINST_THE_ORDER.values())


@pytest.mark.parametrize("family", sorted(path.parent for path in OPS if path.match("ops/*/__init__.py")),
                         ids=lambda path: path.name)
def test_no_file_is_hidden_by_a_name_of_its_family(family):
    """`from minidl.ops.index import sort` would be a function or a module, depending on who asks."""
    tree = ast.parse((family / "__init__.py").read_text(encoding="utf-8"))
    names = [alias.asname or alias.name
             for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert len(names) == len(set(names)), "a name stands in the table twice"
    assert not set(names) & {path.stem for path in family.glob("*.py")}


TESTS = sorted((Path(__file__).parent / "ops").glob("*/test_*.py"))


@pytest.mark.parametrize("path", TESTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_tests_of_ops_mirror_the_families(path):
    """A file of tests is named after the file that it is about, or after the family."""
    family, name = PACKAGE / "ops" / path.parent.name, path.stem.removeprefix("test_")
    assert name == family.name or (family / f"{name}.py").exists()


# ---------------------------------------------------------------------- what the eye can take in

@pytest.mark.parametrize("root", ["minidl", "tests", "examples", "benchmarks"])
def test_no_folder_over_25_files(root):
    folders: dict[Path, int] = {}
    for path in (PACKAGE.parent / root).rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            folders[path.parent] = folders.get(path.parent, 0) + 1
    assert {str(folder): count for folder, count in folders.items() if count > 25} == {}


def test_the_root_of_the_package_is_small():
    assert len(list(PACKAGE.glob("*.py"))) <= 13, "a new file belongs into a folder"


def test_no_line_over_120_columns():
    """Of Python, in every folder: ruff lets those pass that end in a link or a pragma."""
    rooms = ("minidl", "tests", "examples", "benchmarks")
    files = [path for room in rooms for path in (PACKAGE.parent / room).rglob("*.py")]
    wide = [f"{path.relative_to(PACKAGE.parent)}:{number}" for path in [PACKAGE.parent / "setup.py", *files]
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if len(line) > 120]
    assert wide == []
