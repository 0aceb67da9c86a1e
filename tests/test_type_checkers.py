"""What mypy and pyright say of programs that use minidl, installed as `pip install -e .` does.

The programs in `tests/programs` are a user's: they run, and neither checker finds an error in them. Another one names
everything that is public. Both are checked as they stand in an editor: away from this repository, with the package
found by its installation.
"""
from __future__ import annotations

import ast
import importlib
import os
import runpy
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
PROGRAMS = sorted((ROOT / "tests" / "programs").glob("*.py"))
AWAY = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
"""An environment in which this repository is not at hand."""

PUBLIC = """
    minidl minidl.accelerator minidl.amp minidl.autograd minidl.autograd.functional minidl.autograd.graph
    minidl.autograd.profiler
    minidl.backends minidl.backends.cudnn minidl.backends.mps minidl.backends.numba minidl.cuda minidl.cuda.amp
    minidl.fft minidl.func minidl.linalg minidl.neighbors minidl.nn minidl.nn.functional minidl.nn.init
    minidl.nn.parameter minidl.nn.utils minidl.nn.utils.parametrizations minidl.nn.utils.parametrize
    minidl.nn.utils.prune minidl.nn.utils.rnn minidl.optim minidl.optim.lr_scheduler minidl.optim.swa_utils
    minidl.profiler minidl.random minidl.serialization
    minidl.serialization.safetensors minidl.special minidl.utils minidl.utils.checkpoint minidl.utils.data minidl.vision
    minidl.vision.datasets minidl.vision.io minidl.vision.ops minidl.vision.transforms
    minidl.vision.transforms.functional minidl.vision.utils""".split()


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_programs_run(program: Path, capsys: Any) -> None:
    runpy.run_path(str(program), run_name="__main__")
    assert capsys.readouterr().out


def public_names(path: str) -> list[str]:
    """What a module lists in `__all__`, or defines."""
    module = importlib.import_module(path)
    return getattr(module, "__all__", [name for name, value in vars(module).items()
                                       if not name.startswith("_") and getattr(value, "__module__", None) == path])


def test_every_public_module_says_what_is_public() -> None:
    for path in PUBLIC:
        names = public_names(path)
        assert len(names) == len(set(names)) and (names or path.startswith("minidl.backends")), path
        module = importlib.import_module(path)
        assert all(hasattr(module, name) for name in names), path
        if path.count(".") and hasattr(module, "__path__"):
            parent, _, name = path.rpartition(".")
            assert name in public_names(parent) or path in ("minidl.vision", "minidl.neighbors"), path


@pytest.fixture(scope="module")
def python(tmp_path_factory: Any) -> Path:
    """The Python of an environment in which this package is installed as `pip install -e .` does; pip is not needed."""
    pytest.importorskip("setuptools", minversion="77")       # older ones know no licence expressions
    folder = tmp_path_factory.mktemp("installed")
    source = folder / "source"
    source.mkdir()
    for name in ("setup.py", "pyproject.toml", "README.md", "MANIFEST.in", "LICENSE", "CITATION.cff"):
        shutil.copy(ROOT / name, source)
    for name in ("minidl", "examples", "benchmarks"):      # several folders, as here
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, "setup.py", "-q", "editable_wheel", "--dist-dir", folder], cwd=source, check=True,
                   capture_output=True)
    builder = venv.EnvBuilder(symlinks=True)
    builder.create(folder / "venv")
    packages = next((folder / "venv").rglob("site-packages"))
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(packages)
    (packages / "with_numpy.pth").write_text(str(Path(np.__file__).parent.parent))
    return Path(builder.ensure_directories(folder / "venv").env_exe)


def test_an_editable_install_is_a_path(python: Path) -> None:
    """A line in a .pth file, which checkers follow; a finder in Python code they do not."""
    found = subprocess.run([python, "-c", "import minidl; print(minidl.__file__)"], cwd=python.parent, env=AWAY,
                           capture_output=True, text=True, check=True)
    source = python.parent.parent.parent / "source"
    assert Path(found.stdout.strip()) == source / "minidl" / "__init__.py"
    lines = [line for pth in python.parent.parent.rglob("__editable__*.pth") for line in pth.read_text().splitlines()]
    assert lines == [str(source)]


MYPY = ["-m", "mypy", "--no-implicit-reexport", "--cache-dir", "cache", "--python-executable"]
PYRIGHT = ["-m", "pyright", "--pythonpath"]


@pytest.mark.parametrize("checker", [MYPY, PYRIGHT], ids=["mypy", "pyright"])
def test_checkers_find_no_errors(checker: list[str], python: Path, tmp_path: Path) -> None:
    pytest.importorskip(checker[1])
    for program in PROGRAMS:
        shutil.copy(program, tmp_path)
    lines = [f"print({path}.{name})" for path in PUBLIC for name in public_names(path)]
    everything = [f"import {path}"
                  for path in PUBLIC if path.count(".") < 2 and path not in ("minidl.nn", "minidl.optim")]
    (tmp_path / "everything.py").write_text("\n".join(everything + lines))
    (tmp_path / "wrong.py").write_text("import minidl\nminidl.no_such_name\nminidl.nn.Linear('3', 4)\n")
    found = subprocess.run([sys.executable, *checker, python, "."], cwd=tmp_path, env=AWAY, capture_output=True,
                           text=True)
    errors = [line for line in found.stdout.splitlines() if "error: " in line]
    assert [line for line in errors if "wrong.py" not in line] == [], found.stdout + found.stderr
    assert sum("wrong.py" in line for line in errors) == 2, "the package is not seen: " + found.stdout + found.stderr


def test_public_functions_say_what_they_return() -> None:
    """Of 50 public functions of `ops`, less than one has a result that no type names."""
    declared, unsaid = set(), []
    for path in sorted((ROOT / "minidl" / "ops").rglob("*.py")):
        nodes = ast.parse(path.read_text(encoding="utf-8")).body
        functions = [node for node in nodes if isinstance(node, ast.FunctionDef)]
        for function in functions:
            decorators = [ast.unparse(decorator) for decorator in function.decorator_list]
            if "public" in decorators:
                declared.add(f"{path.stem}.{function.name}")
                overloaded = any(other.name == function.name and other is not function for other in functions)
                if not overloaded and "Any" in ast.unparse(function.returns or ast.Name("Any")):
                    unsaid.append(f"{path.stem}.{function.name}")
    assert len(declared) > 500
    assert len(unsaid) < 0.02 * len(declared), unsaid
