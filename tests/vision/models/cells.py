"""The picture of NASNet's cells, drawn from their tables.

    python -m tests.vision.models.cells     # writes docs/nasnet_cells.svg
"""
from __future__ import annotations

from pathlib import Path

from minidl.vision.models.nasnet import (
    NORMAL_CELL,
    NORMAL_OUTPUTS,
    REDUCTION_CELL,
    REDUCTION_OUTPUTS,
    Pair,
)

PICTURE = Path(__file__).parents[3] / "docs" / "nasnet_cells.svg"
WIDTH, HEIGHT, COLUMN = 480, 380, 88
COLOURS = {"separable": "#f7d9a8", "average": "#cfe3f5", "max": "#c6e6cc", "identity": "#eeeeee"}
Place = tuple[float, float]


def box(text: str, at: Place, width: float, colour: str, top: float = 9) -> str:
    x, y = at
    return (f'<rect x="{x - width / 2:g}" y="{y - top:g}" width="{width:g}" height="{2 * top:g}" rx="4" '
            f'fill="{colour}" stroke="#666666"/><text x="{x:g}" y="{y + 4:g}" text-anchor="middle">{text}</text>')


def line(start: Place, end: Place) -> str:
    """A curve upwards, from the top of what is seen to the bottom of what sees it."""
    (x0, y0), (x1, y1) = start, end
    middle = (y0 + y1) / 2
    return f'<path d="M{x0:g} {y0 - 9:g}C{x0:g} {middle:g} {x1:g} {middle:g} {x1:g} {y1 + 9:g}"/>'


def cell(title: str, table: tuple[Pair, ...], outputs: tuple[str, ...], left: float) -> list[str]:
    """One cell: its inputs below, then the pairs, those that see other pairs above these, and the concatenation."""
    places: dict[str, Place] = {"before": (left + 108, HEIGHT - 24), "x": (left + 350, HEIGHT - 24)}
    boxes = [box("before", places["before"], 70, "#ffffff"), box("x", places["x"], 70, "#ffffff")]
    concat = (left + WIDTH / 2, 52.0)
    lines = []
    for i, pair in enumerate(table):
        high = any(source.startswith("pair") for _, source in pair)
        x, y = left + 64 + COLUMN * i, 120 if high else 216
        places[f"pair {i}"] = (x, y)
        boxes.append(f'<circle cx="{x:g}" cy="{y:g}" r="9" fill="#ffffff" stroke="#666666"/>'
                     f'<text x="{x:g}" y="{y + 4:g}" text-anchor="middle">+</text>')
        for shift, (layer, source) in zip((-21, 21), pair):
            kind, _, size = layer.partition(" ")
            at = (x + shift, y + 44)
            words = {"separable": "sep", "average": "avg", "identity": "id"}.get(kind, kind)
            boxes.append(box(f"{words} {size}".strip(), at, 38, COLOURS[kind]))
            lines += [line(at, (x, y)), line(places[source], at)]
    lines += [line(places[name], (places[name][0], concat[1])) for name in outputs]
    return [f'<text x="{left + WIDTH / 2:g}" y="20" font-size="14" text-anchor="middle">{title}</text>',
            f'<g fill="none" stroke="#999999">{"".join(lines)}</g>', *boxes, box("concat", concat, 420, "#e8dcf2")]


def picture() -> str:
    """Both cells side by side, in SVG."""
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="11">', f'<rect width="{2 * WIDTH}" height="{HEIGHT}" fill="white"/>',
        *cell("Normal cell", NORMAL_CELL, NORMAL_OUTPUTS, 0),
        *cell("Reduction cell: layers that see x or before have stride 2", REDUCTION_CELL, REDUCTION_OUTPUTS, WIDTH),
        "</svg>"]) + "\n"


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
    print("wrote", PICTURE.name)
