"""Made files."""
from __future__ import annotations

from pathlib import Path


def renew(path: Path, text: str) -> None:
    """Write a file if that changes it, so that Sphinx reads again only what is new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
