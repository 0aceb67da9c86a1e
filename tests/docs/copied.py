"""A copy of the package and its tests, in which a page of the docs is followed step by step."""
from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


class CopiedPackage:
    """The package and its tests in a folder of their own, to be changed and run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("minidl", "tests"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", folder)

    def insert(self, path: str, text: str, before: str = "") -> None:
        """Put text before a place that stands once in a file; without one, at the end."""
        source = (self.folder / path).read_text(encoding="utf-8")
        assert not before or source.count(before) == 1, f"{path}: {before!r} does not stand there once"
        source = source.replace(before, text + before) if before else source + "\n\n" + text
        (self.folder / path).write_text(source, encoding="utf-8")

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Python with these arguments, which finds the copy."""
        return subprocess.run([sys.executable, *args], cwd=self.folder, text=True, capture_output=True, check=False,
                              env={**os.environ, "PYTHONPATH": str(self.folder)})

    def test(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run tests of the copy."""
        return self.run("-m", "pytest", "-q", "-p", "no:cacheprovider", *args)


def page(name: str) -> tuple[str, list[str]]:
    """A page of the docs, and its blocks of Python."""
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    return text, re.findall(r"```py(?:thon)?\n(.*?)```", text, re.DOTALL)
