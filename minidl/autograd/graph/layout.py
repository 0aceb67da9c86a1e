"""The layout of a graph's picture: boxes in rows, few crossing lines, straight columns.

It is the layout of Sugiyama, Tagawa and Toda, Methods for Visual Understanding of Hierarchical System Structures, 1981,
in three steps: rows, order within a row, and positions. A line that crosses rows gets a place in each of them, so that
it goes around boxes.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

GAP = 26.0          # between neighbours in a row
SWEEPS = 24


@dataclass(eq=False)
class Item:
    """A box, or the place of a line in a row that it crosses."""

    row: int
    width: float
    box: bool
    weight: float = 1.0         # how strongly it pulls its neighbours into its column
    x: float = 0.0              # the middle
    above: list[Item] = field(default_factory=list)
    below: list[Item] = field(default_factory=list)


@dataclass
class Line:
    """The line of one output of a box, from the box up to the boxes that use the output."""

    start: Item
    stem: dict[int, Item]                       # by row, the box itself included
    users: list[tuple[Item, int]] = field(default_factory=list)     # a box, and the position among its inputs


def place(widths: Sequence[float], inputs: Sequence[Sequence[tuple[int, int]]], weights: Sequence[float]
          ) -> tuple[list[Item], dict[tuple[int, int], Line]]:
    """The placed boxes, and the lines between them, by the box and the output where they start.

    `inputs` lists, for each box, its inputs as pairs (box, output). A box comes before its inputs.
    """
    rows = [0] * len(widths)
    for user, taken in enumerate(inputs):
        for source, _ in taken:
            rows[source] = max(rows[source], rows[user] + 1)
    boxes = [Item(row, width, True, weight) for row, width, weight in zip(rows, widths, weights)]
    lines: dict[tuple[int, int], Line] = {}
    for user, taken in enumerate(inputs):
        for position, (source, slot) in enumerate(taken):
            line = lines.setdefault((source, slot), Line(boxes[source], {rows[source]: boxes[source]}))
            line.users.append((boxes[user], position))
    table: list[list[Item]] = [[] for _ in range(max(rows) + 1)]
    for box in boxes:
        table[box.row].append(box)
    for line in lines.values():
        _draw_up(line, table)
    _order(table)
    _spread(table)
    return boxes, lines


def _draw_up(line: Line, table: list[list[Item]]) -> None:
    """Draw a line from its box up to the row below its highest user, and connect it to all users."""
    item = line.start
    for row in range(line.start.row - 1, min(user.row for user, _ in line.users), -1):
        passing = Item(row, 4, False, 4.0)
        _join(item, passing)
        line.stem[row] = item = passing
        table[row].append(item)
    for user, _ in line.users:
        _join(line.stem[user.row + 1], user)


def _join(lower: Item, upper: Item) -> None:
    lower.above.append(upper)
    upper.below.append(lower)


def _order(table: list[list[Item]]) -> None:
    """Sort each row by the positions of its neighbours in the row above, then below, several times."""
    place: dict[Item, float] = {}
    for row in table:       # first in the order of the inputs of the row above
        known = [item for upper in table[row[0].row - 1] for item in upper.below] if row[0].row else []
        row[:] = dict.fromkeys([*known, *row])
    for row in table:
        place.update({item: i for i, item in enumerate(row)})
    for _ in range(4):
        for rows, side in ((table, "above"), (table[::-1], "below"), (table, "above")):
            for row in rows:
                wanted = {item: _mean([place[other] for other in getattr(item, side)], place[item]) for item in row}
                row.sort(key=wanted.__getitem__)
                place.update({item: i for i, item in enumerate(row)})


def _spread(table: list[list[Item]]) -> None:
    """Move the items of each row as near to their neighbours as the order and the gaps allow."""
    for sweep in range(SWEEPS):
        for row in table if sweep % 2 == 0 else table[::-1]:
            wanted, weights = [], []
            for item in row:
                others = [*item.above, *item.below]
                weights.append(item.weight)
                total = sum(other.weight for other in others)
                wanted.append(sum(other.weight * other.x for other in others) / total if total else item.x)
            for item, x in zip(row, apart(wanted, weights, [item.width for item in row], GAP)):
                item.x = x


def apart(wanted: Sequence[float], weights: Sequence[float], widths: Sequence[float], gap: float) -> list[float]:
    """The numbers nearest to `wanted` that are in order, with room for widths and gaps.

    Nearest means with the smallest weighted sum of squares.

    Without the room that all items to the left need, the numbers only have to be in order. Neighbours that are not in
    order are pooled, and get their mean.
    """
    room = [0.0]
    for left, right in zip(widths, widths[1:]):
        room.append(room[-1] + (left + right) / 2 + gap)
    pools: list[list[float]] = []       # mean, weight, count
    for x, offset, weight in zip(wanted, room, weights):
        pools.append([x - offset, weight, 1])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            mean, weight, count = pools.pop()
            pools[-1] = [(pools[-1][0] * pools[-1][1] + mean * weight) / (pools[-1][1] + weight), pools[-1][1] + weight,
                         pools[-1][2] + count]
    means = [mean for mean, _, count in pools for _ in range(int(count))]
    return [mean + offset for mean, offset in zip(means, room)]


def _mean(numbers: list[float], otherwise: float) -> float:
    return sum(numbers) / len(numbers) if numbers else otherwise
