"""Tensors without elements through every layer: an empty batch is a batch, and so it is in PyTorch.

Every row of the table of modules is run with a batch of 0: what PyTorch takes, we take, with equal values, shapes and
gradients; what it refuses, we refuse. Other axes of length 0 make less sense; there, what PyTorch takes, we take.
"""
from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from tests.nn.rows import Row
from tests.nn.test_registry import OURS_ALONE, ROWS, arrays, make, make_ours, ours, run, same, theirs

torch = pytest.importorskip("torch")

# PyTorch's shuffles hand back a gradient of another shape than the input's, if that is empty; and its instance norms
# with running statistics look for the first image of none
ERRORS_IN_PYTORCH = {"PixelShuffle", "PixelUnshuffle", "InstanceNorm2d"}

# the mean over no samples is nan, but these kernels leave the memory of their result as it was
UNSET_IN_PYTORCH = {"MultiMarginLoss", "MultiLabelMarginLoss"}

# PyTorch goes on where there are fewer channels than weights, or none to pool; we do not. And the gradient of a scale
# that nothing was multiplied with is 0 here, as it is in its other norms
REFUSED = re.compile(r"((Batch|Instance)Norm|AdaptiveAvgPool|AdaptiveMaxPool)\dd|GroupNorm")

SEQUENCES = re.compile(r"RNN|LSTM|GRU|Transformer|MultiheadAttention")


def shape_of(row: Row) -> tuple[int, ...]:
    first = row.inputs[0]
    return first if isinstance(first, tuple) else first.shape


def batch_axis(row: Row) -> int | None:
    """Which axis of the inputs is the batch, if there is one."""
    ndim = len(shape_of(row))
    if SEQUENCES.match(row.name):
        return None if ndim != 3 else 0 if row.kwargs.get("batch_first") else 1
    spatial = re.search(r"(\d)d$", row.name)
    if spatial and "BatchNorm" not in row.name:
        return 0 if ndim == int(spatial[1]) + 2 else None
    return {"Unfold": 0 if ndim == 4 else None, "Fold": 0 if ndim == 3 else None}.get(row.name, 0 if ndim else None)


def emptied(row: Row, axis: int) -> list[np.ndarray]:
    """The inputs of a row with an axis of length 0: of the first input, and of those that share its length there."""
    inputs = arrays(row)
    length = inputs[0].shape[axis]
    return [np.take(x, [], axis) if x.ndim > axis and x.shape[axis] == length else x for x in inputs]


def outcome(module: Any, inputs: list[Any], row: Row) -> Any:
    """Outputs, gradients of the inputs, and those of the parameters; or the error."""
    try:
        outputs, grads = run(module, inputs, row)
    except Exception as error:
        return error
    return {**{f"output {i}": out for i, out in enumerate(outputs)},
            **{f"gradient of input {i}": grad for i, grad in enumerate(grads)},
            **{f"gradient of {name}": p.grad for name, p in module.named_parameters()},
            **dict(module.named_buffers())}


def both(row: Row, training: bool, axis: int) -> tuple[Any, Any]:
    """What comes out here and in PyTorch."""
    if "_random_samples" in row.kwargs:     # they are for a batch of another size
        row = dataclasses.replace(row, kwargs={k: v for k, v in row.kwargs.items() if k != "_random_samples"})
    module, other = make_ours(row).train(training), make(row, torch.nn, theirs).double().train(training)
    other.load_state_dict({name: torch.tensor(value.numpy()) for name, value in module.state_dict().items()})
    inputs = emptied(row, axis)
    return outcome(module, [ours(x) for x in inputs], row), outcome(other, [theirs(x) for x in inputs], row)


def compare(row: Row, mine: Any, other: Any) -> None:
    assert not isinstance(mine, Exception), f"PyTorch gives {other}, but here: {mine!r}"
    assert mine.keys() == other.keys()
    for what in mine:
        if what == "output 0" and row.name in UNSET_IN_PYTORCH:
            assert tuple(mine[what].shape) == tuple(other[what].shape)
            continue
        assert (mine[what] is None) == (other[what] is None), what
        if mine[what] is not None:
            same(mine[what], other[what], what)


def masked(row: Row) -> bool:
    """Whether it is called with tensors by name, which are masks and would have to be of another size, too."""
    return any(isinstance(value, np.ndarray) for value in row.call.values())


ELSEWHERE = [row for row in ROWS if row.name not in OURS_ALONE]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("row", [row for row in ELSEWHERE if batch_axis(row) is not None], ids=str)
def test_an_empty_batch(row: Row, training: bool) -> None:
    mine, other = both(row, training, batch_axis(row))  # type: ignore[arg-type]
    if not isinstance(other, Exception):
        compare(row, mine, other)
    elif row.name in ERRORS_IN_PYTORCH:
        assert mine["gradient of input 0"].numel() == 0
    else:
        assert isinstance(mine, Exception), f"PyTorch raises {other!r}, but here: {mine}"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("row, axis", [(row, axis) for row in ELSEWHERE if not (REFUSED.match(row.name) or masked(row))
                                       for axis in range(len(shape_of(row)))], ids=str)
def test_another_empty_axis(row: Row, axis: int) -> None:
    mine, other = both(row, False, axis)
    if not isinstance(other, Exception):
        compare(row, mine, other)


def test_an_empty_batch_leaves_running_statistics_alone() -> None:
    for layer in (nn.BatchNorm2d(3), nn.InstanceNorm2d(3, track_running_stats=True)):
        layer(minidl.randn(4, 3, 5, 5))
        before = layer.running_mean.tolist(), layer.running_var.tolist()
        assert layer(minidl.ones(0, 3, 5, 5)).shape == (0, 3, 5, 5)
        assert (layer.running_mean.tolist(), layer.running_var.tolist()) == before


def test_nothing_to_train_on_trains_nothing() -> None:
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                        nn.Linear(36, 2))
    x = minidl.ones(0, 1, 8, 8, requires_grad=True)
    net(x).sum().backward()
    assert x.grad.shape == (0, 1, 8, 8)
    assert all(p.grad is not None and not p.grad.any().item() for p in net.parameters())
