"""Gradients of an input and of its weight, side by side on two threads: the same numbers, errors and calls."""
from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import Tensor
from minidl.autograd.op import Op
from minidl.nn import functional as F
from minidl.ops.base.biased import Biased

PROBLEMS: dict[str, tuple[Callable[..., Tensor], tuple[tuple[int, ...], ...]]] = {
    "linear": (F.linear, ((128, 256), (256, 256), (256,))),
    "linear without bias": (F.linear, ((2, 64, 256), (256, 256))),
    "conv2d": (lambda *inputs: F.conv2d(*inputs, padding=1), ((8, 32, 12, 12), (32, 32, 3, 3), (32,))),
    "conv2d without bias": (F.conv2d, ((8, 32, 14, 14), (32, 32, 3, 3))),
}


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = minidl.get_num_threads()
    minidl.set_num_threads(2)
    yield
    minidl.set_num_threads(before)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Op]:
    """The ops whose gradients are computed on two threads from now on."""
    seen: list[Op] = []
    computed = Biased.on_two_threads
    monkeypatch.setattr(Biased, "on_two_threads", lambda op, *args: seen.append(op) or computed(op, *args))
    return seen


def inputs_of(name: str) -> list[Tensor]:
    minidl.manual_seed(0)
    return [minidl.randn(*shape, requires_grad=True) for shape in PROBLEMS[name][1]]


def gradients(name: str, **kwargs: Any) -> list[np.ndarray]:
    inputs = inputs_of(name)
    y = PROBLEMS[name][0](*inputs)
    minidl.manual_seed(1)
    return [g.numpy(force=True) for g in minidl.autograd.grad(y, inputs, minidl.randn(*y.shape), **kwargs)]


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_gradients_are_those_of_one_thread(name: str, calls: list[Op]) -> None:
    side_by_side, again = gradients(name), gradients(name)
    assert len(calls) == 2
    of_a_graph = gradients(name, create_graph=True)
    minidl.set_num_threads(1)
    alone = gradients(name)
    assert len(calls) == 2
    for g, same, expected, recorded in zip(side_by_side, again, alone, of_a_graph, strict=True):
        np.testing.assert_array_equal(g, same)
        np.testing.assert_allclose(g, expected, rtol=1e-5, atol=2e-4)     # sums of up to 1,568 numbers of about 1
        np.testing.assert_allclose(g, recorded, rtol=1e-5, atol=2e-4)


@pytest.mark.parametrize("wanted", [(0,), (1,), (2,), (0, 2), (1, 2)])
def test_what_is_not_wanted_is_not_computed(wanted: tuple[int, ...], calls: list[Op]) -> None:
    inputs = inputs_of("linear")
    for i, x in enumerate(inputs):
        x.requires_grad_(i in wanted)
    F.linear(*inputs).sum().backward()
    assert [x.grad is not None for x in inputs] == [i in wanted for i in range(3)]
    assert calls == []


@pytest.mark.parametrize(("threads", "out", "expected"), [
    (2, 255, 0), (2, 256, 1), (2, 2048, 1), (2, 2049, 0), (4, 511, 1), (4, 512, 0), (8, 256, 1), (8, 512, 0)])
def test_only_work_of_the_right_size(threads: int, out: int, expected: int, calls: list[Op]) -> None:
    minidl.set_num_threads(threads)
    x, weight = minidl.zeros(128, 256, requires_grad=True), minidl.zeros(out, 256, requires_grad=True)
    F.linear(x, weight).sum().backward()
    assert len(calls) == expected


def test_a_users_functions_are_called_on_his_thread(calls: list[Op]) -> None:
    threads: list[str] = []
    x, weight, _ = inputs_of("linear")

    def unpack(kept: Tensor) -> Tensor:
        threads.append(threading.current_thread().name)
        return kept

    with minidl.autograd.graph.saved_tensors_hooks(lambda kept: kept, unpack):
        y = F.linear(x, weight)
    y.sum().backward()
    assert threads == [threading.current_thread().name] * 2
    with minidl.profiler.profile() as profile:
        F.linear(x, weight).sum().backward()
    assert "Linear" in str(profile.key_averages().table())
    assert calls == []


def test_errors_are_those_of_one_thread(calls: list[Op]) -> None:
    x, weight, bias = inputs_of("linear")
    y = F.linear(x, weight, bias)
    y.sum().backward()
    with pytest.raises(RuntimeError, match="a second time: Linear has freed"):
        y.sum().backward()
    y = F.linear(x, weight, bias)
    with minidl.no_grad():
        x.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation: 'x' of Linear"):
        y.sum().backward()
