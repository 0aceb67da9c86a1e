"""Pictures of a network on a graph: how it learned, and where it puts the nodes."""
from __future__ import annotations

from pathlib import Path

import minidl
from minidl import nn
from minidl.train import plots


def plot(folder: Path, model: nn.Module, x: minidl.Tensor, labels: minidl.Tensor,
         curves: list[tuple[float, float, float]]) -> None:
    """Losses and accuracy of the last run, and the nodes in the two directions in which their scores differ most."""
    figure = plots.figure(14, 4.5)
    losses, shares, nodes = figure.subplots(1, 3)
    epochs = range(1, len(curves) + 1)
    for axes, label, values in zip((losses, losses, shares), ("training", "validation", "validation"), zip(*curves)):
        axes.plot(epochs, values, label=label)
    losses.set(xlabel="epoch", ylabel="loss")
    losses.legend()
    shares.set(xlabel="epoch", ylabel="validation accuracy")
    for axes in (losses, shares):
        axes.locator_params("x", integer=True)
    with minidl.no_grad():
        scores = model(x).softmax(-1)
    centred = scores - scores.mean(0)
    plane = (centred @ minidl.linalg.svd(centred, full_matrices=False).Vh[:2].T).numpy()
    for label in range(int(labels.max()) + 1):
        nodes.scatter(*plane[labels.numpy() == label].T, color=f"C{label % 10}", s=4, label=str(label))
    nodes.set(title="nodes by their scores", xlabel="first direction", ylabel="second direction")
    nodes.legend(title="class", loc="center left", bbox_to_anchor=(1, 0.5), markerscale=3)
    path = folder / f"{type(model).__name__.lower()}.png"
    plots.save(figure, path)
    print("drew", path)
