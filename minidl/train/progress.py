"""Progress of a training: a live line, and rows of figures."""
from __future__ import annotations

from tqdm import tqdm


class Progress:
    """Counts steps and prints rows of figures.

    On a terminal, a live line shows rate, time left and the latest figures.

    total: steps in all, None if unknown. done: steps that an earlier run made. show: False prints nothing.

        >>> from minidl.train import Progress
        >>> with Progress(total=2) as progress:
        ...     for epoch in (1, 2):
        ...         progress.step(loss=0.5 / epoch)
        ...         progress.row(epoch=epoch, loss=0.5 / epoch, accuracy=0.9)
        epoch    loss  accuracy
            1  0.5000    90.00%
            2  0.2500    90.00%
    """

    def __init__(self, total: int | None = None, done: int = 0, show: bool = True) -> None:
        self.bar = tqdm(total=total, initial=done, unit="step", dynamic_ncols=True, leave=False,
                        disable=None if show else True)     # None: where no terminal is
        self.show = show
        self.names: list[str] = []

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.bar.close()

    def step(self, **figures: float) -> None:
        """One step is done; the line shows these figures."""
        self.bar.set_postfix({name: written(name, figure) for name, figure in figures.items()}, refresh=False)
        self.bar.update()

    def row(self, **figures: float) -> None:
        """Print the figures, with a heading if their names are new."""
        if not self.show:
            return
        with tqdm.external_write_mode():        # the live line makes way
            if list(figures) != self.names:
                self.names = list(figures)
                print("  ".join(name.rjust(width(name)) for name in figures))
            print("  ".join(written(name, figure).rjust(width(name)) for name, figure in figures.items()))


def width(name: str) -> int:
    """Of the column of a figure."""
    return max(len(name), 5 if name == "epoch" else 6)


def written(name: str, figure: float) -> str:
    """Format a figure: accuracies in percent, seconds with one digit."""
    if isinstance(figure, int):
        return f"{figure:,}"
    if name.endswith("accuracy"):
        return f"{figure:.2%}"
    return f"{figure:.1f}" if name.endswith("seconds") else f"{figure:.4f}"
