"""docs/adding_an_optimizer.md, followed step by step in a copy of the package."""
from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
TESTS = ["tests/optim/test_algorithms.py", "tests/backend/test_kernel.py", "--doctest-modules", "minidl/optim/lion.py"]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in ("minidl", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def run(copy: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *args], cwd=copy, text=True,
                          env={**os.environ, "PYTHONPATH": str(copy)}, capture_output=True, check=False)


def test_the_page_leads_to_an_optimizer(copy: Path) -> None:
    page = (ROOT / "docs" / "adding_an_optimizer.md").read_text(encoding="utf-8")
    algorithm, formula, row = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    prose = " ".join(page.split())      # however its lines are wrapped
    export, name = re.findall(r"`minidl/optim/__init__.py`: `(from .*?)`, and `(.*?)` in `__all__`", prose)[0]

    def insert(path: str, before: str, text: str) -> None:
        source = (copy / path).read_text(encoding="utf-8")
        assert source.count(before) == 1
        (copy / path).write_text(source.replace(before, text + before), encoding="utf-8")

    (copy / "minidl/optim/lion.py").write_text(algorithm, encoding="utf-8")
    insert("minidl/optim/__init__.py", "from minidl.optim.muon import", export + "\n")
    insert("minidl/optim/__init__.py", '    "Muon",\n', f"    {name},\n")
    missing = run(copy, TESTS[0], "-k", "every_optimizer_has_a_row")
    assert missing.returncode == 1 and "1 failed" in missing.stdout, missing.stdout

    insert("tests/optim/test_algorithms.py", "# " + "-" * 70 + " the table\n", formula + "\n\n")
    insert("tests/optim/test_algorithms.py", "]\nevery_row = ", row)
    found = run(copy, *TESTS, "-k", "lion or every or names")
    assert found.returncode == 0, found.stdout[-3000:]
    passed = re.search(r"(\d+) passed", found.stdout)
    assert passed and int(passed[1]) >= 15, found.stdout     # 13 more with PyTorch
