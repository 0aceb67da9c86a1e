"""Pictures of attention and of states: what is read from left to right, what looks at it from top to bottom."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import minidl
from minidl.train import plots


def visible(token: str) -> str:
    """A sign for what has none."""
    return {"\n": "\u21b5", " ": "\u2423"}.get(token, token)


def heat_maps(weights: minidl.Tensor, rows: Sequence[Sequence[str]], columns: Sequence[Sequence[str]],
              titles: Sequence[str], path: Path, across: int = 2, caption: str = "", label: str = "weight") -> None:
    """Weights from 0 to 1, a map (L, S) for each of `titles`, with the words of its rows and columns."""
    across = min(across, len(titles))
    down = -(-len(titles) // across)
    width, height = (max(2.2, 0.14 * max(map(len, words))) for words in (columns, rows))
    labels = 0.075 * max(len(word) for words in (*columns, *rows) for word in words)
    figure = plots.figure(across * (width + labels + 0.2) + 1.0, down * (height + labels + 0.5) + 0.3)
    shown = None
    for axes, *rest in zip(figure.subplots(down, across, squeeze=False).flat, weights, rows, columns, titles):
        numbers, left, below, title = rest
        seen = numbers[:len(left), :len(below)].detach().sqrt().numpy()      # so that small ones are seen, too
        shown = axes.imshow(seen, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        upright = max(map(len, below)) == 1
        axes.set_xticks(range(len(below)), map(visible, below), rotation=0 if upright else 90, fontsize=7)
        axes.set_yticks(range(len(left)), map(visible, left), fontsize=7)
        axes.set_title(title, fontsize=9)
    figure.suptitle(caption, fontsize=10)
    figure.colorbar(shown, ax=figure.axes, label=f"square root of the {label}", shrink=0.7)
    plots.save(figure, path)


def by_length(spans: Sequence[str], shares: Mapping[str, Sequence[float]], path: Path) -> None:
    """Shares of right sentences of each model, over groups of sentences by their length."""
    figure = plots.figure(6, 4)
    axes = figure.subplots()
    for name, row in shares.items():
        axes.plot(spans, row, marker="o", label=name)
    axes.set(xlabel="tokens that are read", ylabel="share of sentences that are right", ylim=(-0.03, 1.03))
    axes.legend(title="attention")
    plots.save(figure, path)


def units(states: minidl.Tensor, text: str, path: Path, caption: str) -> None:
    """States (T, H) from -1 to 1, over the characters that were read."""
    figure = plots.figure(0.17 * len(text) + 1.6, 4)
    axes = figure.subplots()
    shown = axes.imshow(states.detach().numpy().T, cmap="RdBu", vmin=-1, vmax=1, aspect="auto", interpolation="nearest")
    axes.set_xticks(range(len(text)), map(visible, text), fontsize=8)
    axes.set(ylabel="unit", xlabel="character that was read")
    axes.set_title(caption, fontsize=10)
    figure.colorbar(shown, label="state")
    plots.save(figure, path)
