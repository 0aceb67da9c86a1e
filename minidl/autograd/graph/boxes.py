"""A graph as an SVG picture: boxes in rows, the result on top, and lines from inputs to users."""
from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from minidl.autograd.graph.layout import Item, Line, apart, place

HEIGHT, ROW_GAP, MARGIN = 40, 48, 16        # of a box, between two rows, around the picture
KINDS = {       # the colours of the area and the border, and the text in the legend
    "op": ("#e8f0fb", "#4a6fa5", "an op; beside its arrow, the shape of its result"),
    "keeping op": ("#fdebd0", "#c8862a", "an op that keeps values for backward, so many bytes"),
    "module": ("#e9e4f3", "#6b5b95", "a module; beside its arrow, the shape of its result"),
    "leaf": ("#dff0d8", "#4f9140", "a leaf: backward adds to its .grad"),
}


class Drawing(str):
    """An SVG picture, as a string.

    A notebook shows the picture, and `save` writes it to a file.
    """

    def save(self, path: str | Path) -> None:
        """Write the picture to a file, which any browser opens."""
        Path(path).write_text(self, encoding="utf-8")

    def _repr_svg_(self) -> str:
        return str(self)


@dataclass
class Box:
    """The content of one box."""

    kind: str
    lines: list[str]
    title: str                  # shown under the mouse pointer
    outputs: dict[int, str]     # the text beside the line of each output


def picture(boxes: Sequence[Box], inputs: Sequence[Sequence[tuple[int, int]]]) -> Drawing:
    """The picture of the boxes.

    `inputs` lists the pairs (box, output) of each box; a box comes before its inputs.
    """
    widths = [max(90, *(7.2 * len(line) + 20 for line in box.lines),
                  sum(7 * len(text) + 12 for text in box.outputs.values())) for box in boxes]
    # ops pull each other into columns; leaves do not
    items, lines = place(widths, inputs, [1e-4 if box.kind == "leaf" else 1.0 for box in boxes])
    everything = [*items, *(item for line in lines.values() for item in line.stem.values())]
    left = min(item.x - item.width / 2 for item in everything) - MARGIN
    notes = [item.x + 7 * len(text) for box, item in zip(boxes, items) for text in box.outputs.values()]
    right = max(*(item.x + item.width / 2 for item in everything), *notes) + MARGIN
    width = max(right - left, 360)
    left -= (width - (right - left)) / 2
    legend = [kind for kind in KINDS if any(box.kind == kind for box in boxes)]
    below = ROW_GAP + (max(item.row for item in items) + 1) * (HEIGHT + ROW_GAP)
    height = below + 18 * (len(legend) + 1) + MARGIN / 2

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
             f'viewBox="{left:.0f} 0 {width:.0f} {height:.0f}" font-family="sans-serif" font-size="12" '
             'text-anchor="middle">',
             '<defs><marker id="minidl-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
             'orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#666"/></marker></defs>',
             f'<rect x="{left:.0f}" width="{width:.0f}" height="{height:.0f}" fill="white"/>']
    exits = _exits(items, lines)
    for path, ends in _paths(items, inputs, lines, exits):
        arrow = ' marker-end="url(#minidl-arrow)"' if ends else ""
        parts.append(f'<path d="{path}" fill="none" stroke="#666"{arrow}/>')
    for box, item in zip(boxes, items):
        parts.append(_box(item.x - item.width / 2, _top(item), item.width, HEIGHT, box.kind, box.lines, box.title))
    for number, (box, item) in enumerate(zip(boxes, items)):
        for slot, text in box.outputs.items():
            parts.append(_note(exits.get((number, slot), item.x) + 5, _top(item) - 7, text))
    for number, kind in enumerate(legend):
        parts.append(_box(left + MARGIN, below + 18 * number, 20, 12, kind, [], ""))
        parts.append(_note(left + MARGIN + 28, below + 18 * number + 10, KINDS[kind][2]))
    parts.append(_note(left + MARGIN, below + 18 * len(legend) + 10,
                       "Arrows lead to the result; gradients go against them."))
    return Drawing("\n".join([*parts, "</svg>"]))


def _top(item: Item) -> float:
    return ROW_GAP + item.row * (HEIGHT + ROW_GAP)


def _exits(items: Sequence[Item], lines: dict[tuple[int, int], Line]) -> dict[tuple[int, int], float]:
    """Where the line of each output leaves the top of its box: a line to the left starts on the left."""
    leads_to: dict[int, list[tuple[float, int]]] = {}
    for (number, slot), line in lines.items():
        next_item = line.stem.get(line.start.row - 1, line.users[0][0])
        leads_to.setdefault(number, []).append((next_item.x, slot))
    return {(number, slot): items[number].x + (i - (len(ways) - 1) / 2) * 0.9 * items[number].width / len(ways)
            for number, ways in leads_to.items() for i, (_, slot) in enumerate(sorted(ways))}


def _entries(items: Sequence[Item], inputs: Sequence[Sequence[tuple[int, int]]], lines: dict[tuple[int, int], Line]
             ) -> dict[tuple[Item, int], float]:
    """Where the line of each input meets the bottom of its box: as near to its source as possible."""
    found = {}
    for item, taken in zip(items, inputs):
        sources = sorted((lines[key].stem[item.row + 1].x, position) for position, key in enumerate(taken))
        reach = 0.4 * item.width
        wanted = [min(max(x, item.x - reach), item.x + reach) for x, _ in sources]
        places = apart(wanted, [1.0] * len(wanted), [0.0] * len(wanted), min(12, 2 * reach / max(len(wanted), 1)))
        found.update({(item, position): x for (_, position), x in zip(sources, places)})
    return found


def _paths(items: Sequence[Item], inputs: Sequence[Sequence[tuple[int, int]]], lines: dict[tuple[int, int], Line],
           exits: dict[tuple[int, int], float]) -> Iterator[tuple[str, bool]]:
    """All lines as SVG paths, and whether they end in an arrow.

    A line has a stem between rows, and a branch to each user.
    """
    entries = _entries(items, inputs, lines)
    for key, line in lines.items():
        begin = {item: item.x for item in line.stem.values()} | {line.start: exits[key]}
        stem = [line.stem[row] for row in sorted(line.stem, reverse=True)]
        for lower, upper in zip(stem, stem[1:]):
            yield f"{_curve(begin[lower], _top(lower), upper.x, _top(upper) + HEIGHT)} V{_top(upper):.0f}", False
        for user, position in line.users:
            lower = line.stem[user.row + 1]
            yield _curve(begin[lower], _top(lower), entries[user, position], _top(user) + HEIGHT), True
    yield f"M{items[0].x:.0f},{_top(items[0]):.0f} v-24", True


def _curve(x1: float, y1: float, x2: float, y2: float) -> str:
    middle = (y1 + y2) / 2
    return f"M{x1:.0f},{y1:.0f} C{x1:.0f},{middle:.0f} {x2:.0f},{middle:.0f} {x2:.0f},{y2:.0f}"


def _box(x: float, y: float, width: float, height: float, kind: str, lines: list[str], title: str) -> str:
    fill, border, _ = KINDS[kind]
    parts = [f'<g class="{kind}"><rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height}" rx="5" '
             f'fill="{fill}" stroke="{border}"/>']
    if title:
        parts.append(f"<title>{html.escape(title)}</title>")
    for i, line in enumerate(lines):
        base = y + height / 2 + 4 + (i - (len(lines) - 1) / 2) * 15
        weight = ' font-weight="bold"' if i == 0 else ""
        parts.append(f'<text x="{x + width / 2:.0f}" y="{base:.0f}"{weight}>{html.escape(line)}</text>')
    return "".join([*parts, "</g>"])


def _note(x: float, y: float, text: str) -> str:
    """Small text that begins at (x, y), with a white outline where it crosses lines."""
    return (f'<text x="{x:.0f}" y="{y:.0f}" font-size="11" fill="#444" text-anchor="start" stroke="white" '
            f'stroke-width="3" paint-order="stroke">{html.escape(text)}</text>')
