"""Pictures of a training, drawn with matplotlib (`pip install minidl[plot]`) into files."""
from __future__ import annotations

import os
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.serialization.writing import atomic_writer
from minidl.tensors.tensor import Tensor
from minidl.train.rate_finder import RateCurve

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Path = str | os.PathLike[str]
ACROSS = 88     # letters of a legend beside each other
COLOURS = ("#3f90da", "#ffa90e", "#832db6", "#bd1f01", "#94a4a2", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd")
"""Of lines, in their order: told apart as well by those who confuse red and green (Petroff, "Accessible Color Sequences
for Data Visualization", 2021)."""


def figure(width: float = 7.0, height: float = 4.5) -> Figure:
    """An empty figure, measured in inches.

    Errors: ModuleNotFoundError, which says what to install.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise ModuleNotFoundError("pictures need matplotlib; try: pip install 'minidl[plot]'") from None
    return Figure(layout="constrained", figsize=(width, height), dpi=120)


def use_colours() -> None:
    """Give the lines of all figures of this process the `COLOURS`, as "C0" to "C9"."""
    from matplotlib import rcParams, rcsetup
    rcParams["axes.prop_cycle"] = rcsetup.cycler(color=COLOURS)


def save(picture: Figure, path: Path) -> None:
    """Write a figure into a file, of the format that its ending says (png if there is none).

    A file of that name is replaced when all has been written. Errors: ValueError for an ending that matplotlib does not
    know.
    """
    name, ending = os.path.splitext(path)
    with atomic_writer(f"{name}{ending or '.png'}", "plots") as file:
        picture.savefig(file, format=ending[1:] or "png")


def curves(history: Sequence[Mapping[str, float]], path: Path, x: str = "epoch") -> None:
    """Draw the figures of a history over the epochs.

    Losses are dashed and belong to the left axis, all others to the right one, or to the left one too if there are no
    losses. An axis says what it measures if all its names end in the same word.

        history = fit(model, batches, Classification(), optimizer, epochs=10)
        plots.curves(history, "curves.png")
    """
    names = [name for name in history[0] if name not in (x, "seconds")] if history else []
    losses = [name for name in names if name.endswith("loss")]
    picture = figure()
    axes = picture.subplots()
    axes.set_xlabel(x)
    if len(history) == 1:
        axes.set_xticks([history[0][x]])        # matplotlib would divide the one epoch
    else:
        axes.locator_params("x", integer=True)
    if losses:
        axes.set_ylabel("loss")
        _lines(axes, history, x, losses, "--")
    if others := [name for name in names if name not in losses]:
        other = axes.twinx() if losses else axes
        words = {name.rpartition(" ")[2] for name in others}
        other.set_ylabel(words.pop() if len(words) == 1 else "solid lines" if losses else "")
        _lines(other, history, x, others, "-", first_colour=len(losses))
    if names:
        widths = [len(name) + 8 for name in names]          # a line and its gaps are as wide as 8 letters
        columns = next((n for n in (4, 3, 2) if sum(map(max, np.array_split(widths, min(n, len(names))))) <= ACROSS), 1)
        picture.legend(loc="outside upper center", ncols=columns)
    save(picture, path)


def _lines(axes: Any, history: Sequence[Mapping[str, float]], x: str, names: Sequence[str], style: str,
           first_colour: int = 0) -> None:
    ring = style == "--" and len(history) < 3       # so few points of two axes lie on each other: all shall be seen
    for number, name in enumerate(names, first_colour):
        points = [(row[x], row[name]) for row in history if name in row]
        axes.plot(*zip(*points), style, marker="o" if ring else ".", fillstyle="none" if ring else "full",
                  color=f"C{number % 10}", label=name)


def rate_curve(curve: RateCurve, path: Path) -> None:
    """The loss over the learning rate, and where it falls fastest."""
    picture = figure()
    axes = picture.subplots()
    axes.plot(curve.rates, curve.losses)
    axes.axvline(curve.suggestion, color="C1", linestyle="--", label=f"falls fastest at {curve.suggestion:.2g}")
    axes.set(xscale="log", xlabel="learning rate", ylabel="loss, smoothed")
    axes.legend()
    save(picture, path)


def confusion_matrix(counts: Tensor, names: Sequence[str], path: Path) -> None:
    """Draw counts (C, C): rows are true classes, columns predicted ones.

    A row is coloured by its shares, so that rare classes are seen as well.
    """
    numbers = counts.cpu().numpy()
    classes = len(numbers)
    side = max(4.0, 0.42 * classes + 2)
    picture = figure(side + 1, side)
    axes = picture.subplots()
    shares = numbers / np.maximum(numbers.sum(1, keepdims=True), 1)
    shown = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(numbers):
        if count:
            axes.text(column, row, f"{count:g}", ha="center", va="center", fontsize=7,
                      color="white" if shares[row, column] > 0.5 else "black")
    axes.set_xticks(range(classes), names, rotation=90 if max(map(len, names)) > 2 else 0)
    axes.set_yticks(range(classes), names)
    axes.set(xlabel="predicted", ylabel="true")
    picture.colorbar(shown, label="share of the row")
    save(picture, path)


def images(pixels: Tensor, path: Path, titles: Sequence[str] = (), caption: str = "", columns: int = 8,
           **kwargs: Any) -> None:
    """Draw images (N, C, H, W) or (N, H, W) in a grid, with titles.

    One channel is drawn in grey, three as colours, from 0 to 1. kwargs: of matplotlib's `imshow`, such as `cmap`, or
    `vmin` and `vmax` for one channel of other numbers.
    """
    arrays = pixels.detach().cpu().numpy()
    arrays = arrays[:, 0] if arrays.ndim == 4 and arrays.shape[1] == 1 else np.moveaxis(arrays, 1, -1) \
        if arrays.ndim == 4 else arrays
    columns = max(1, min(columns, len(arrays)))
    rows = -(-len(arrays) // columns)
    side = 8 / max(columns, 5)
    height = side * min(arrays.shape[1] / arrays.shape[2], 3) if arrays.size else side
    width = max(4.0, columns * side)
    caption = textwrap.fill(caption, int(14 * width))
    picture = figure(width, 0.3 + 0.15 * len(caption.splitlines()) + rows * (height + (0.15 if titles else 0.02)))
    grid = picture.subplots(max(rows, 1), columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    options = {"cmap": "gray", "vmin": 0, "vmax": 1, **kwargs} if arrays.ndim == 3 else kwargs
    for axes, image, title in zip(grid.flat, arrays, titles or [""] * len(arrays)):
        axes.imshow(image if arrays.ndim == 3 else image.clip(0, 1), interpolation="nearest", **options)
        axes.set_title(title, fontsize=8)
    picture.suptitle(caption, fontsize=10)
    save(picture, path)
