"""docs/adding_an_op.md, followed step by step in a copy of the package."""
from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

PROGRAM = """
import inspect
import minidl
import minidl.nn.functional as F

x = minidl.tensor([-1.0, 0.0, 3.0], requires_grad=True)
assert F.toysign(x).tolist() == x.toysign().tolist() == [-0.5, 0.0, 0.75]
F.toysign(x).sum().backward()
assert x.grad.tolist() == [0.25, 1.0, 0.0625]
out = minidl.empty(3)
assert F.toysign(x.detach(), out=out) is out and out.tolist() == [-0.5, 0.0, 0.75]
y = x.detach().clone()
assert y.toysign_() is y and y.tolist() == [-0.5, 0.0, 0.75]
assert minidl.Tensor.toysign is F.toysign and ">>>" in F.toysign.__doc__
assert list(inspect.signature(F.toysign).parameters) == ["input", "out"]
try:
    F.toysign([1.0])
except TypeError as error:
    assert str(error).startswith("toysign(): argument 'input' (position 1) must be Tensor, not list")
    print("done")
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in ("minidl", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_page_leads_to_an_op(copy: Path) -> None:
    page = (ROOT / "docs" / "adding_an_op.md").read_text(encoding="utf-8")
    blocks = [re.sub("(?<!torch=\")softsign", "toysign", block.replace("Softsign", "Toysign"))
              for block in re.findall(r"```py(?:thon)?\n(.*?)```", page, re.DOTALL)]
    op, family, namespace, method, row = blocks

    def insert(path: str, text: str, before: str = "") -> None:
        source = (copy / path).read_text(encoding="utf-8")
        assert not before or source.count(before) == 1, f"{path}: {before!r} does not stand there once"
        source = source.replace(before, text + before) if before else source + "\n\n" + text
        (copy / path).write_text(source, encoding="utf-8")

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, *args], cwd=copy, text=True, capture_output=True, check=False,
                              env={**os.environ, "PYTHONPATH": str(copy)})

    insert("minidl/ops/activation/pointwise.py", op)
    insert("minidl/ops/activation/__init__.py", family)
    insert("minidl/nn/functional.py", namespace, before="\n__all__ = [")
    insert("minidl/tensors/methods.py", method, before="    def relu(")
    program = run("-c", PROGRAM)
    assert program.stdout == "done\n", program.stderr

    insert("tests/ops/activation/test_pointwise.py", f"    {row}", before="    smooth(act.relu, oracle=")
    table = "tests/ops/activation/test_pointwise.py"
    found = run("-m", "pytest", "-q", "-p", "no:cacheprovider", table, "-k", "toysign")
    assert found.returncode == 0 and "1 passed" in found.stdout, found.stdout[-3000:]
