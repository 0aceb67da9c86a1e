"""docs/adding_an_optimizer.md, followed step by step in a copy of the package."""
from __future__ import annotations

import re
from pathlib import Path

from tests.docs.copied import CopiedPackage, page

TABLE = "tests/optim/test_algorithms.py"
TESTS = [TABLE, "tests/backend/test_kernel.py", "--doctest-modules", "minidl/optim/lion.py"]


def test_the_page_leads_to_an_optimizer(tmp_path: Path) -> None:
    copy = CopiedPackage(tmp_path)
    text, (algorithm, formula, row) = page("adding_an_optimizer.md")
    prose = " ".join(text.split())      # however its lines are wrapped
    export, name = re.findall(r"`minidl/optim/__init__.py`: `(from .*?)`, and `(.*?)` in `__all__`", prose)[0]

    (tmp_path / "minidl/optim/lion.py").write_text(algorithm, encoding="utf-8")
    copy.insert("minidl/optim/__init__.py", export + "\n", before="from minidl.optim.muon import")
    copy.insert("minidl/optim/__init__.py", f"    {name},\n", before='    "Muon",\n')
    missing = copy.test(TABLE, "-k", "every_optimizer_has_a_row")
    assert missing.returncode == 1 and "1 failed" in missing.stdout, missing.stdout

    copy.insert(TABLE, formula + "\n\n", before="# " + "-" * 70 + " the table\n")
    copy.insert(TABLE, row, before="]\nevery_row = ")
    found = copy.test(*TESTS, "-k", "lion or every or names")
    assert found.returncode == 0, found.stdout[-3000:]
    passed = re.search(r"(\d+) passed", found.stdout)
    assert passed and int(passed[1]) >= 15, found.stdout     # 13 more with PyTorch
