"""The whole state of a training in one file."""
from __future__ import annotations

import os
import random
import time
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np

from minidl.backend.device import as_device
from minidl.cuda import device_count
from minidl.random import default_generator
from minidl.serialization import load, save

RandomState: TypeAlias = dict[str, Any]


class Stateful(Protocol):
    """A model, an optimizer, a schedule: whatever has a state to save and load."""

    def state_dict(self) -> Any: ...
    def load_state_dict(self, state: Any) -> Any: ...


class Checkpoint:
    """Saves and restores the parts of a training and all random numbers.

    path: the file. It is replaced in one step: whenever the program ends, there is a whole one, or none.
    seconds: `due()` is true when the last one is so old. parts: models, optimizers, schedules; None is skipped.

    Errors: RuntimeError for a file that was saved with other parts; as of `minidl.load` for a damaged one.

        >>> import tempfile, minidl
        >>> from minidl import nn
        >>> from minidl.train import Checkpoint
        >>> model = nn.Linear(2, 1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     checkpoint = Checkpoint(f"{folder}/run.minidl", model=model)
        ...     first = checkpoint.load()       # there is none yet
        ...     checkpoint.save(epoch=3)
        ...     a = minidl.rand(1)
        ...     again = checkpoint.load()       # also the random numbers go on where they were
        ...     b = minidl.rand(1)
        >>> first, again, bool(a == b)
        (None, {'epoch': 3}, True)
    """

    def __init__(self, path: str | os.PathLike[str], seconds: float = 30.0, **parts: Stateful | None) -> None:
        self.path = Path(path)
        self.seconds = seconds
        self.parts = {name: part for name, part in parts.items() if part is not None}
        self.saved_at = time.monotonic()
        self.path.parent.mkdir(parents=True, exist_ok=True)

    def due(self) -> bool:
        """Whether the last checkpoint is older than `seconds`."""
        return time.monotonic() - self.saved_at >= self.seconds

    def save(self, **progress: Any) -> None:
        """Write all parts, the random numbers, and `progress`.

        progress: numbers, strings and tensors, also nested.
        """
        save({"parts": {name: part.state_dict() for name, part in self.parts.items()},
              "random": random_state(), "progress": progress}, self.path)
        self.saved_at = time.monotonic()

    def load(self) -> dict[str, Any] | None:
        """Restore all parts and the random numbers; returns the saved `progress`.

        Returns None if there is no file.
        """
        if not self.path.exists():
            return None
        found = load(self.path)
        if not isinstance(found, dict) or set(found) != {"parts", "random", "progress"}:
            raise RuntimeError(f"Checkpoint.load: {self.path} is no checkpoint of a training; name another file")
        if set(found["parts"]) != set(self.parts):
            raise RuntimeError(f"Checkpoint.load: {self.path} holds {', '.join(sorted(found['parts']))}, but this "
                               f"training has {', '.join(sorted(self.parts))}; resume with the settings that it was "
                               f"begun with")
        for name, part in self.parts.items():
            part.load_state_dict(found["parts"][name])
        set_random_state(found["random"])
        return found["progress"]


def random_state() -> RandomState:
    """Where the random numbers of minidl, NumPy and Python stand."""
    return {"minidl": {name: default_generator(as_device(name)).get_state() for name in devices()},
            "numpy": np.random.get_state(), "python": random.getstate()}


def set_random_state(state: RandomState) -> None:
    """Let them go on from there."""
    for name in devices():
        if name in state["minidl"]:
            default_generator(as_device(name)).set_state(state["minidl"][name])
    np.random.set_state(state["numpy"])
    random.setstate(state["python"])


def devices() -> list[str]:
    """The names of all devices; each has its own random numbers."""
    return ["cpu", *(f"cuda:{number}" for number in range(device_count()))]
