"""A tensor as a Python object: copied, pickled, and handed to what wants NumPy's arrays or numbers."""
from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn

NEEDS_DETACH = r"Can't call numpy\(\) on Tensor that requires grad. Use tensor.detach\(\).numpy\(\) instead."


def computed() -> Any:
    """Six numbers that were computed from a leaf which requires grad."""
    return minidl.arange(6.0).requires_grad_() * 2


def again(x: Any) -> Any:
    return pickle.loads(pickle.dumps(x))


@pytest.mark.parametrize("x", [computed(), computed()[1:3], computed().detach(), minidl.arange(3)],
                         ids=["computed", "view", "detached", "ints"])
def test_copy_is_a_leaf_in_the_same_memory(x: Any) -> None:
    twin = copy.copy(x)
    assert twin is not x and twin.is_leaf and twin.grad is None
    assert twin.requires_grad == x.requires_grad and twin.is_set_to(x)


def test_gradients_stop_at_a_copy() -> None:
    x = minidl.ones(3, requires_grad=True)
    x.grad = minidl.ones(3)
    twin = copy.copy(x)
    (twin * 5).sum().backward()
    assert twin.grad.tolist() == [5, 5, 5] and x.grad.tolist() == [1, 1, 1]


def test_a_write_into_a_copy_is_noticed() -> None:
    x = minidl.ones(3)
    w = minidl.ones(3, requires_grad=True)
    y = (x * w).sum()
    copy.copy(x).zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, again], ids=["copy", "deepcopy", "pickle"])
@pytest.mark.parametrize("make", [lambda: minidl.ones(2, requires_grad=True), lambda: nn.Parameter(minidl.ones(2)),
                                  lambda: nn.Buffer(minidl.ones(2), persistent=False)],
                         ids=["tensor", "parameter", "buffer"])
def test_class_and_attributes_are_kept(make: Any, way: Any) -> None:
    x = make()
    x.source = ["camera", 3]
    twin = way(x)
    assert type(twin) is type(x) and twin.requires_grad == x.requires_grad
    assert twin.source == ["camera", 3] and (twin.source is x.source) == (way is copy.copy)
    assert getattr(twin, "persistent", None) == getattr(x, "persistent", None)


def test_a_computed_tensor_is_pickled_as_a_leaf_and_not_deeply_copied() -> None:
    y = computed()
    y.retain_grad()
    twin = again(y)
    assert twin.is_leaf and twin.requires_grad and twin.tolist() == y.tolist() and not twin.retains_grad
    with pytest.raises(RuntimeError, match="graph leaves"):
        copy.deepcopy(y)


def test_copy_of_a_parameter_without_a_shape() -> None:
    twin = copy.copy(nn.UninitializedParameter(dtype=minidl.float64))
    twin.materialize((2,))
    assert twin.dtype == minidl.float64


@pytest.mark.parametrize("ask", [
    np.asarray, np.array, lambda y: np.asarray(y, dtype=np.float64), lambda y: np.stack([y, y]),
    lambda y: np.array([y[0], y[1]]), lambda y: np.array(list(y)), lambda y: y.numpy()])
def test_numpy_is_told_to_detach(ask: Any) -> None:
    with pytest.raises(RuntimeError, match=NEEDS_DETACH):
        ask(computed())
    ask(computed().detach())


def test_numbers_need_no_detach() -> None:
    y = computed()
    assert float(y[1]) == 2 and int(y[2]) == 4 and complex(y[2]) == 4 and f"{y[1]:.2f}" == "2.00"
    with pytest.raises(ValueError, match=r"only one element tensors can be converted .* shape \(6,\)"):
        float(y)


PLOTS = {
    "plot": lambda ax, y: ax.plot(y),
    "plot xy": lambda ax, y: ax.plot(y, y),
    "plot a list": lambda ax, y: ax.plot([y[0], y[1]]),
    "plot a point": lambda ax, y: ax.plot(y[0], y[1], "o"),
    "scatter": lambda ax, y: ax.scatter(y, y),
    "step": lambda ax, y: ax.step(y, y),
    "semilogy": lambda ax, y: ax.semilogy(y),
    "bar": lambda ax, y: ax.bar(range(6), y),
    "hist": lambda ax, y: ax.hist(y),
    "errorbar": lambda ax, y: ax.errorbar(range(6), y, yerr=y),
    "fill_between": lambda ax, y: ax.fill_between(range(6), y),
    "boxplot": lambda ax, y: ax.boxplot(y),
    "imshow": lambda ax, y: ax.imshow(y.reshape(2, 3)),
    "contourf": lambda ax, y: ax.contourf(y.reshape(2, 3)),
}


@pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS)
def test_matplotlib(plot: Any) -> None:
    """A tensor that requires grad is refused in PyTorch's words, at once or when it is drawn; others are drawn."""
    figure = pytest.importorskip("matplotlib.figure").Figure()
    plot(figure.subplots(), computed().detach())
    figure.canvas.draw()
    with pytest.raises(RuntimeError, match=NEEDS_DETACH):
        plot(figure.subplots(), computed())
        figure.canvas.draw()


def test_a_whole_number_repeats_a_sequence():
    n = minidl.tensor([2, 3]).max()
    assert [0] * n == n * [0] == [0, 0, 0] and "ab" * n == "ababab" and (1,) * (n - 1) == (1, 1)
    for x in (minidl.tensor(2.0), minidl.ones(2)):
        with pytest.raises(TypeError):
            [0] * x
