"""The examples' pictures, drawn with matplotlib."""
from __future__ import annotations

import math
from pathlib import Path

import early_end
import numpy as np


def can_draw() -> bool:
    """Whether matplotlib is installed; only a run with --plot needs it."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        return False
    return True


def _figure(*args, **kwargs):
    """A figure and its axes."""
    from matplotlib.figure import Figure
    figure = Figure(layout="constrained", figsize=kwargs.pop("figsize", (7, 4.5)), dpi=120)
    return figure, figure.subplots(*args, **kwargs)


def _save(figure, path: Path) -> None:
    try:
        figure.savefig(path)
    except OSError as error:
        early_end.stop(f"--plot: cannot write {path} ({error.strerror}); name another folder")
    print("drew", path)


def _images(pixels, caption: str, path: Path, titles=None, columns: int = 8, **kwargs) -> None:
    """Draw images (n, H, W) side by side, in as many rows as they need."""
    columns = min(columns, len(pixels))
    rows = -(-len(pixels) // columns)
    side = 8 / max(columns, 5)   # in inches
    figure, grid = _figure(rows, columns, figsize=(max(4, columns * side), 0.45 + rows * (side + 0.15)), squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, image, title in zip(grid.flat, pixels, titles or [""] * len(pixels)):
        axes.imshow(image, interpolation="nearest", **kwargs)
        axes.set_title(title, fontsize=9)
    figure.suptitle(caption, fontsize=11)
    _save(figure, path)


def loss_curve(progress, path: Path) -> None:
    """The loss of every step, faint, and its running mean; the test accuracy after each epoch."""
    losses, width = np.array(progress.losses), max(1, len(progress.losses) // 50)
    positive = losses[(losses > 0) & (losses < np.inf)]
    if not len(positive):
        print(f"no step had a finite loss: not drawing {path}" + ("; try a smaller --lr" if len(losses) else ""))
        return
    figure, axes = _figure()
    smooth = np.convolve(losses, np.ones(width) / width, mode="valid")
    axes.plot(np.arange(len(losses)) + 1, losses, ".-", color="tab:blue", label="loss of a batch",
              **({"alpha": 0.25, "linewidth": 0.8, "markersize": 0} if width > 1 else {}))
    if width > 1:
        axes.plot(np.arange(len(smooth)) + width, smooth, color="tab:blue", label=f"mean of {width} steps")
    axes.set(xlabel="step", ylabel="training loss")
    _logarithmic(axes, positive)
    if progress.accuracies:
        right = axes.twinx()
        right.plot(*np.array([(step, 100 * accuracy) for step, accuracy in progress.accuracies]).T,
                   "o-", color="tab:orange", markersize=4, label="test accuracy")
        right.set(ylabel="test accuracy (%)", ylim=(None, min(100.5, right.get_ylim()[1])))
    figure.legend(loc="outside upper center", ncols=3)
    _save(figure, path)


def _logarithmic(axes, values) -> None:
    """A logarithmic y axis with plain numbers: the fewer decades `values` span, the more of them within a decade."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
    decades = math.log10(values.max() / values.min())
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=[1] if decades > 4 else [1, 2, 5] if decades > 1 else range(1, 10)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def mistakes(data, predictions, path: Path, most: int = 40) -> None:
    """The test images that were read wrongly: what was said, and what is right."""
    wrong = (predictions != data.test_y).nonzero().flatten()
    if not len(wrong):
        print(f"no mistakes among {len(data.test_y):,} test images: not drawing {path}")
        return
    shown = wrong[:most]
    titles = [f"{said}, is {right}" for said, right in zip(predictions[shown].tolist(), data.test_y[shown].tolist())]
    caption = f"{len(shown)} of {len(wrong):,} mistakes among {len(data.test_y):,} test images"
    _images(data.test_x[shown, 0].cpu().numpy(), caption, path, titles, cmap="gray_r")


def templates(weights, size: int, path: Path) -> None:
    """The ten templates of a linear classifier: red speaks for the class, blue against it."""
    caption = "the template of each digit: red speaks for it, blue against it"
    _weights(weights.reshape(-1, size, size), caption, path, [str(digit) for digit in range(len(weights))], columns=5)


def filters(weights, path: Path) -> None:
    """The kernels (O, 1, h, w) of a first convolution."""
    _weights(weights[:, 0], f"the {len(weights)} kernels of the first convolution", path, columns=10)


def _weights(images, caption: str, path: Path, titles=None, columns: int = 8) -> None:
    bound = images.abs().max().item()
    if not math.isfinite(bound):
        print(f"the weights are not finite: not drawing {path}; try a smaller --lr")
        return
    _images(images.cpu().numpy(), caption, path, titles, columns, cmap="RdBu_r", vmin=-bound, vmax=bound)


def cross_validation(result, path: Path) -> None:
    """Accuracy against k: a point for each fold, the mean, and bars of one standard deviation."""
    figure, axes = _figure()
    for k, accuracies in zip(result.ks, result.accuracies):
        axes.plot([k] * len(accuracies), 100 * accuracies, ".", color="tab:blue", alpha=0.4)
    axes.errorbar(result.ks, 100 * result.mean, yerr=100 * result.std, color="tab:blue", capsize=3, marker="o")
    axes.axvline(result.best_k, color="tab:orange", linestyle="--", label=f"best: k = {result.best_k}")
    axes.set(xlabel="k, the number of neighbours that vote", ylabel="accuracy (%)", xscale="log")
    labelled = []                                     # as many as fit side by side
    for k in sorted(result.ks):
        if not labelled or k / labelled[-1] > (max(result.ks) / min(result.ks)) ** 0.039:
            labelled.append(k)
    axes.set_xticks(labelled, labels=map(str, labelled))
    axes.minorticks_off()
    axes.legend()
    _save(figure, path)
