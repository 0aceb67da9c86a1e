"""The tables of docs/course.md, written from minidl/cli/course.csv.

    python -m tests.course.page        # after each change of the csv
"""
from __future__ import annotations

import re
from pathlib import Path

from minidl.cli import course

PAGE = Path(__file__).parents[2] / "docs" / "course.md"


def table(group: int) -> str:
    lines = ["| | what | command | what it shows |", "|---|---|---|---|"]
    for row in course.rows():
        if row.group == group:
            cells = row.number, row.title, row.command and f"`{row.command}`", row.shows
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def written(page: str) -> str:
    """The page with the table of each group in its section."""
    for group, name in course.GROUPS.items():
        page, found = re.subn(rf"(## {group} {re.escape(name)}\n.*?\n\n)\| \| what .*?\n(?=\n|$)",
                              lambda match, group=group: match[1] + table(group), page, flags=re.DOTALL)
        assert found == 1, f"docs/course.md has no section with a table for group {group}, {name}"
    return page


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
