"""Pictures of a network on a graph: how it learned, and where it puts the nodes."""
from __future__ import annotations

from pathlib import Path

import minidl
from minidl import nn
from minidl.train import plots


def plot(folder: Path, model: nn.Module, x: minidl.Tensor, labels: minidl.Tensor,
         curves: list[tuple[float, float, float]]) -> None:
    """Curves of the last run, and the nodes in the two directions in which their scores differ most."""
    folder.mkdir(parents=True, exist_ok=True)
    figure = plots.figure(11, 4.5)
    left, right = figure.subplots(1, 2)
    for values, label in zip(zip(*curves), ("training loss", "validation loss", "validation accuracy")):
        left.plot(values, label=label)
    left.set(xlabel="epoch", ylabel="loss, and accuracy as a share")
    left.locator_params("x", integer=True)
    left.legend()
    with minidl.no_grad():
        scores = model(x).softmax(-1)
    centred = scores - scores.mean(0)
    plane = (centred @ minidl.linalg.svd(centred, full_matrices=False).Vh[:2].T).numpy()
    right.scatter(plane[:, 0], plane[:, 1], c=labels.numpy(), cmap="tab10", s=4)
    right.set_title("nodes by their scores, coloured by class")
    path = folder / f"{type(model).__name__.lower()}.png"
    plots.save(figure, path)
    print("drawn:", path)
