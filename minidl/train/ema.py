"""A moving average of a model's parameters."""
from __future__ import annotations

import contextlib
from collections.abc import Iterator

from minidl.autograd import no_grad
from minidl.nn.module import Module
from minidl.tensors.tensor import Tensor


class EMA:
    """The exponential moving average of a model's parameters, to evaluate with.

        averaged = decay * averaged + (1 - decay) * parameter

    Only parameters are averaged: buffers, such as the running statistics of batch norm or the schedule of a diffusion,
    stay the model's own. In the first steps the decay is (1 + n) / (10 + n) where that is less, so that the average
    forgets the random start.

    Errors: ValueError for a decay outside [0, 1].

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.train import EMA
        >>> model = nn.Linear(1, 1, bias=False)
        >>> _ = nn.init.constant_(model.weight, 0.0)
        >>> ema = EMA(model, decay=0.75, warm_up=False)
        >>> _ = nn.init.constant_(model.weight, 4.0)
        >>> ema.update()
        >>> with ema.applied():
        ...     print(model.weight.item())      # 0.75*0 + 0.25*4
        1.0
        >>> model.weight.item()
        4.0
    """

    def __init__(self, model: Module, decay: float = 0.999, warm_up: bool = True) -> None:
        if not 0 <= decay <= 1:
            raise ValueError(f"EMA: expected a decay from 0 to 1, but got {decay}")
        self.decay, self.warm_up, self.updates = decay, warm_up, 0
        self.parameters = dict(model.named_parameters())
        self.averages = {name: p.detach().clone() for name, p in self.parameters.items()}

    @no_grad()
    def update(self) -> None:
        """Add the present parameters; call it after each step of the optimizer."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates)) if self.warm_up else self.decay
        for name, p in self.parameters.items():
            self.averages[name].lerp_(p, 1 - decay)
        self.updates += 1

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Inside, the model has the averages for parameters."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @no_grad()
    def _swap(self) -> None:
        for name, p in self.parameters.items():
            now = p.detach().clone()
            p.copy_(self.averages[name])
            self.averages[name].copy_(now)

    def state_dict(self) -> dict[str, int | dict[str, Tensor]]:
        return {"updates": self.updates, "averages": self.averages}

    @no_grad()
    def load_state_dict(self, state: dict[str, int | dict[str, Tensor]]) -> None:
        averages = state["averages"]
        assert isinstance(averages, dict) and isinstance(state["updates"], int)
        if set(averages) != set(self.averages):
            raise RuntimeError(f"EMA.load_state_dict: expected averages of {', '.join(self.averages)}, but got "
                               f"{', '.join(averages)}")
        self.updates = state["updates"]
        for name, average in averages.items():
            self.averages[name].copy_(average)
