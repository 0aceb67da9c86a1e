"""The examples' pictures, drawn with matplotlib."""
from __future__ import annotations

from pathlib import Path

import numpy as np


def _figure(*args, **kwargs):
    """A matplotlib figure and axes; only a run with --plot needs matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise SystemExit("--plot needs matplotlib; try: pip install 'minidl[plot]'") from None
    figure = Figure(layout="constrained", figsize=kwargs.pop("figsize", (7, 4.5)), dpi=120)
    return figure, figure.subplots(*args, **kwargs)


def _save(figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    print("drew", path)


def _image(axes, pixels, title: str = "", **kwargs) -> None:
    axes.imshow(pixels, interpolation="nearest", **kwargs)
    axes.set_title(title, fontsize=9)
    axes.set_axis_off()


def loss_curve(progress, path: Path) -> None:
    """The loss of every step, faint, and its running mean; the test accuracy after each epoch."""
    figure, axes = _figure()
    losses = np.array(progress.losses)
    width = max(1, len(losses) // 50)
    smooth = np.convolve(losses, np.ones(width) / width, mode="valid")
    axes.plot(losses, color="tab:blue", alpha=0.25, linewidth=0.8, label="loss of a batch")
    axes.plot(np.arange(len(smooth)) + width - 1, smooth, color="tab:blue", label=f"mean of {width} steps")
    axes.set(xlabel="step", ylabel="training loss", yscale="log")
    right = axes.twinx()
    per_epoch = len(losses) / len(progress.rows)
    right.plot([(i + 1) * per_epoch for i in range(len(progress.rows))], [100 * row[-1] for row in progress.rows],
               "o-", color="tab:orange", markersize=4, label="test accuracy")
    right.set_ylabel("test accuracy (%)")
    figure.legend(loc="outside upper center", ncols=3)
    _save(figure, path)


def mistakes(data, predictions, path: Path, most: int = 40) -> None:
    """The test images that were read wrongly: what was said, and what is right."""
    wrong = (predictions != data.test_y).nonzero().flatten().tolist()
    figure, grid = _figure(5, 8, figsize=(8, 5.8))
    for axes, i in zip(grid.flat, wrong[:most]):
        title = f"{predictions[i].item()}, is {data.test_y[i].item()}"
        _image(axes, data.test_x[i, 0].cpu().numpy(), title, cmap="gray_r")
    for axes in list(grid.flat)[len(wrong):]:
        axes.set_axis_off()
    figure.suptitle(f"{min(len(wrong), most)} of {len(wrong)} mistakes among {len(data.test_y):,} test images")
    _save(figure, path)


def templates(weights, size: int, path: Path) -> None:
    """The ten templates of a linear classifier: red speaks for the class, blue against it."""
    figure, grid = _figure(2, 5, figsize=(8, 3.6))
    bound = weights.abs().max().item()
    for digit, axes in enumerate(grid.flat):
        template = weights[digit].reshape(size, size).cpu().numpy()
        _image(axes, template, str(digit), cmap="RdBu_r", vmin=-bound, vmax=bound)
    figure.suptitle("the template of each digit: red speaks for it, blue against it")
    _save(figure, path)


def filters(weights, path: Path) -> None:
    """The kernels (O, 1, h, w) of a first convolution."""
    figure, grid = _figure(-(-len(weights) // 10), 10, figsize=(8, 0.4 + 0.95 * -(-len(weights) // 10)), squeeze=False)
    bound = weights.abs().max().item()
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, kernel in zip(grid.flat, weights):
        _image(axes, kernel[0].cpu().numpy(), cmap="RdBu_r", vmin=-bound, vmax=bound)
    figure.suptitle(f"the {len(weights)} kernels of the first convolution", fontsize=10)
    _save(figure, path)


def cross_validation(result, path: Path) -> None:
    """Accuracy against k: a point for each fold, the mean, and bars of one standard deviation."""
    figure, axes = _figure()
    for k, accuracies in zip(result.ks, result.accuracies):
        axes.plot([k] * len(accuracies), 100 * accuracies, ".", color="tab:blue", alpha=0.4)
    axes.errorbar(result.ks, 100 * result.mean, yerr=100 * result.std, color="tab:blue", capsize=3, marker="o")
    axes.axvline(result.best_k, color="tab:orange", linestyle="--", label=f"best: k = {result.best_k}")
    axes.set_xscale("log")
    axes.set_xticks(result.ks, labels=[str(k) for k in result.ks], minor=False)
    axes.minorticks_off()
    axes.set(xlabel="k, the number of neighbours that vote", ylabel="accuracy (%)", title="Cross-validation over k")
    axes.legend()
    _save(figure, path)
