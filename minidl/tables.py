"""Tables: aligned text for a terminal, HTML for a notebook."""
from __future__ import annotations

import html
from collections.abc import Container, Iterable, Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]], foot: Sequence[str] = ()) -> str:
    """Align columns: the first to the left, the others to the right. foot: a row below the last rule."""
    last = [foot] if foot else []
    widths = [max(len(row[i]) for row in (head, *rows, *last)) for i in range(len(head))]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))

    def line(row: Sequence[str]) -> str:
        first, *others = (cell.ljust(width) if i == 0 else cell.rjust(width)
                          for i, (cell, width) in enumerate(zip(row, widths)))
        return "  ".join([first, *others]).rstrip()
    return "\n".join([line(head), rule, *map(line, rows), rule, *map(line, last)])


def html_table(head: Sequence[str], rows: Iterable[Sequence[str]], notes: Iterable[str] = (),
               left: Container[int] = (0,)) -> str:
    """The same table in HTML, with a line for each note.

    Leading spaces of a cell stay. `left`: the numbers of the left-aligned columns.

        >>> html_table(["Layer", "Params"], [["  fc <1>", "6"]]).count("&emsp;fc &lt;1&gt;")
        1
    """
    def cells(row: Sequence[str], tag: str) -> str:
        parts = []
        for i, cell in enumerate(row):
            text = cell.lstrip(" ")
            indent = "&emsp;" * ((len(cell) - len(text)) // 2)
            align = "left" if i in left else "right"
            parts.append(f'<{tag} style="text-align: {align}">{indent}{html.escape(text)}</{tag}>')
        return f"<tr>{''.join(parts)}</tr>"

    body = "\n".join(cells(row, "td") for row in rows)
    lines = "".join(f"<div>{html.escape(note)}</div>" for note in notes)
    return f"<table>\n<thead>{cells(head, 'th')}</thead>\n<tbody>\n{body}\n</tbody>\n</table>\n{lines}"


def size_of(count: float, units: tuple[str, ...] = ("B", "KiB", "MiB", "GiB", "TiB"), step: float = 1024) -> str:
    """Format a number with a suitable unit: `1.5 MiB`."""
    value, *larger = float(count), *units[1:]
    unit = units[0]
    for unit_above in larger:
        if abs(value) < step:
            break
        value, unit = value / step, unit_above
    return f"{value:.4g} {unit}".rstrip()
