"""What a training minimises, and how its figures are averaged."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from minidl.autograd import no_grad
from minidl.backend.device import Device
from minidl.nn.module import Module
from minidl.ops.loss import cross_entropy
from minidl.tensors.tensor import Tensor

Result = TypeVar("Result")
Objective = Callable[..., "tuple[Tensor, Mapping[str, float]]"]
"""`objective(model, *batch)`: the loss of a batch, and figures to average over the epoch, such as an accuracy."""


class Classification:
    """The objective of a classifier: cross-entropy, and the accuracy.

    `objective(model, images, labels)` takes labels (N,), or (N, C) of probabilities, as mixup makes them: then the most
    likely class counts as right.

        >>> import minidl
        >>> from minidl.train import Classification
        >>> scores = minidl.tensor([[2.0, 0.0], [0.0, 2.0]])
        >>> loss, figures = Classification()(lambda x: x, scores, minidl.tensor([0, 0]))
        >>> figures
        {'accuracy': 0.5}
    """

    def __init__(self, label_smoothing: float = 0.0, weight: Tensor | None = None) -> None:
        self.label_smoothing, self.weight = label_smoothing, weight

    def __call__(self, model: Callable[[Tensor], Tensor], images: Tensor,
                 labels: Tensor) -> tuple[Tensor, dict[str, float]]:
        scores = model(images)
        loss = cross_entropy(scores, labels, self.weight, label_smoothing=self.label_smoothing)
        classes = labels.argmax(1) if labels.ndim == scores.ndim else labels
        return loss, {"accuracy": (scores.argmax(1) == classes).float().mean().item()}


class Averages:
    """Means of figures over the samples of many batches.

        >>> from minidl.train import Averages
        >>> averages = Averages()
        >>> averages.add(30, loss=1.0)
        >>> averages.add(10, loss=3.0)
        >>> averages.means()
        {'loss': 1.5}
    """

    def __init__(self, sums: Mapping[str, float] | None = None, samples: int = 0) -> None:
        self.sums = dict(sums or {})
        self.samples = samples

    def add(self, samples: int, **figures: float) -> None:
        """Count the figures of a batch of so many samples."""
        self.samples += samples
        for name, figure in figures.items():
            self.sums[name] = self.sums.get(name, 0.0) + figure * samples

    def means(self) -> dict[str, float]:
        """The mean of each figure."""
        return {name: total / self.samples for name, total in self.sums.items()}


def evaluate(model: Module, batches: Iterable[Any], objective: Objective) -> dict[str, float]:
    """The loss and the figures of a model in `eval` mode.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.train import Classification, evaluate
        >>> x, y = minidl.tensor([[2.0, 0.0], [0.0, 2.0]]), minidl.tensor([0, 1])
        >>> evaluate(nn.Identity(), [(x, y)], Classification())["accuracy"]
        1.0
    """
    def on_batches() -> dict[str, float]:
        averages = Averages()
        for batch in batches:
            loss, figures = objective(model, *batch)
            averages.add(len(batch[0]), loss=loss.item(), **figures)
        return averages.means()
    return evaluated(model, on_batches)


@no_grad()
def evaluated(model: Module, figures: Callable[[], Result]) -> Result:
    """Returns `figures()`, called while the model is in `eval` mode."""
    training = model.training
    model.eval()
    try:
        return figures()
    finally:
        model.train(training)


def device_of(batch: Any) -> Device:
    """The device of the first tensor of a batch."""
    return next(x.device for x in batch if isinstance(x, Tensor))
