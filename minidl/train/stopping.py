"""Decisions after an epoch: was it the best, and should training go on?"""
from __future__ import annotations

import math
import os
from typing import TypedDict

from minidl.nn.module import Module
from minidl.serialization import save


class StoppingState(TypedDict):
    """What `EarlyStopping` keeps in a checkpoint."""

    best: float | None
    waited: int


class EarlyStopping:
    """Says when a figure has not improved for some epochs.

    patience: epochs without an improvement that are let pass. least: what counts as one.
    mode: "max" for a figure that should grow, such as an accuracy; "min" for a loss.

    A figure that is nan is no improvement.
    Errors: ValueError for another mode, or a negative number.

        >>> from minidl.train import EarlyStopping
        >>> stopping = EarlyStopping(patience=1, mode="min")
        >>> [stopping.update(loss) for loss in (0.5, 0.4, 0.41, 0.42)]
        [False, False, False, True]
    """

    def __init__(self, patience: int = 10, least: float = 0.0, mode: str = "max") -> None:
        if mode not in ("max", "min"):
            raise ValueError(f"EarlyStopping: mode is 'max' or 'min', but got {mode!r}")
        if patience < 0 or least < 0:
            raise ValueError(f"EarlyStopping: expected patience and least of 0 or more, but got {patience} and {least}")
        self.patience, self.least, self.mode = patience, least, mode
        self.best: float | None = None
        self.waited = 0

    def update(self, figure: float) -> bool:
        """Note the figure of an epoch; returns whether to stop."""
        gain = 0.0 if self.best is None else figure - self.best if self.mode == "max" else self.best - figure
        if not math.isnan(figure) and (self.best is None or gain > self.least):
            self.best, self.waited = figure, 0
        else:
            self.waited += 1
        return self.waited > self.patience

    def state_dict(self) -> StoppingState:
        return {"best": self.best, "waited": self.waited}

    def load_state_dict(self, state: StoppingState) -> None:
        self.best, self.waited = state["best"], state["waited"]


class Best:
    """Keeps the weights of the best epoch in a file.

    path: the file, replaced whole when a better epoch comes. mode: as of `EarlyStopping`.

        >>> import tempfile, minidl
        >>> from minidl import nn
        >>> from minidl.train import Best
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     best, model = Best(f"{folder}/best.minidl"), nn.Linear(1, 1)
        ...     print([best.update(accuracy, model) for accuracy in (0.5, 0.7, 0.6)])
        ...     print(best.figure, list(minidl.load(best.path)))
        [True, True, False]
        0.7 ['weight', 'bias']
    """

    def __init__(self, path: str | os.PathLike[str], mode: str = "max") -> None:
        self.path = os.fspath(path)
        self._improves = EarlyStopping(patience=0, mode=mode)

    @property
    def figure(self) -> float | None:
        """The best figure so far."""
        return self._improves.best

    def update(self, figure: float, model: Module) -> bool:
        """Note the figure of an epoch, and save the best weights.

        Returns whether it is the best.
        """
        self._improves.update(figure)
        if self._improves.waited:
            return False
        save(model.state_dict(), self.path)
        return True

    def state_dict(self) -> StoppingState:
        return self._improves.state_dict()

    def load_state_dict(self, state: StoppingState) -> None:
        self._improves.load_state_dict(state)
