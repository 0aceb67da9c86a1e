"""Docstrings of minidl are plain text: paragraphs, and code or formulas that are indented."""
from __future__ import annotations

import inspect
import re
import textwrap

MARKED = r"(``[^`]+``|`[^`\s](?:[^`]*[^`\s])?`|https?://[^\s,;)>]*[^\s,;)>.])"
FENCED = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LABEL = re.compile(r"(Errors|Sources?|Example|Examples|Note): ?")


def to_rst(text: str) -> str:
    """A docstring, as `inspect.getdoc` has it, as reStructuredText.

    What is indented stays as it stands, as Python if it begins with `>>>`. So does what is between backticks, also
    between three, as in the functions of other libraries. All else is text, in which no character has a meaning.
    """
    text = FENCED.sub(lambda block: "\n" + textwrap.indent(block[1], "    ") + "\n", text)
    lines = text.strip().splitlines()
    parts: list[tuple[bool, list[str]]] = []
    for line in lines:
        indented = line.startswith("    ") if line.strip() else None
        starts = indented is False and (LABEL.match(line) or line.startswith("- "))
        if indented is None:
            if parts:
                parts[-1][1].append("")
        elif parts and parts[-1][0] == indented and not starts and (indented or parts[-1][1][-1] != ""):
            parts[-1][1].append(line)
        elif parts and line.startswith("  ") and parts[-1][1][-1] != "" and parts[-1][1][0].startswith("- "):
            parts[-1][1].append(line)       # of a list
        else:
            parts.append((indented, [line]))
    return "\n\n".join((literal if indented else paragraph)(block) for indented, block in parts)


def literal(lines: list[str]) -> str:
    block = inspect.cleandoc("\n" + "\n".join(lines)).splitlines()
    language = "pycon" if block[0].startswith(">>>") else "console" if block[0].startswith("python ") else "text"
    return "\n".join([f".. code-block:: {language}", "", *[f"   {line}".rstrip() for line in block]])


def paragraph(lines: list[str]) -> str:
    text = " ".join(line.strip() for line in lines if line.strip())
    item = "- " if text.startswith("- ") else ""
    label = LABEL.match(text)
    head = f"**{label[1]}:** " if label else ""
    return item + head + "\\ " * (not item and not head) + inline(text[len(item) + (label.end() if label else 0):])


def inline(text: str) -> str:
    """One line of a docstring; a mark of reStructuredText may touch letters only behind a backslash."""
    parts = re.split(MARKED, text)
    for odd in range(1, len(parts), 2):
        part = parts[odd]
        parts[odd] = f"\\ `{part} <{part}>`__\\ " if part.startswith("http") else f"\\ ``{part.strip('`')}``\\ "
    for even in range(0, len(parts), 2):
        parts[even] = re.sub(r"([\\*`_|])", r"\\\1", parts[even])
    return "".join(parts).removeprefix("\\ ").strip()
