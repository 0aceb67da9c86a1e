"""Inference tensors: which tensors are, and what is refused with them."""
from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import minidl
from minidl.autograd import grad_mode


def made(function: Callable[[], Any]) -> Any:
    """The result of a function that runs in inference mode."""
    with minidl.inference_mode():
        return function()


def normal() -> Any:
    return minidl.ones(3)


def leaf() -> Any:
    return minidl.ones(3, requires_grad=True)


@pytest.mark.parametrize(("function", "expected"), [
    (lambda: minidl.ones(2), True), (lambda: minidl.tensor([1.0]), True), (lambda: normal() * 2, True),
    (lambda: leaf() * 2, True), (lambda: minidl.nn.Linear(2, 2).weight, True),
    (lambda: minidl.nn.Parameter(minidl.ones(2)), True), (lambda: minidl.rand(2)[:1], True),
], ids=range(7))
def test_what_is_made_inside_is_an_inference_tensor(function: Callable[[], Any], expected: bool) -> None:
    assert made(function).is_inference() is expected


def test_a_view_is_what_it_looks_into() -> None:
    x, w, y = normal(), leaf(), made(lambda: minidl.ones(3))
    for view in (lambda t: t[:1], lambda t: t.view(3, 1), lambda t: t.detach(), lambda t: t.data, lambda t: t[None],
                 lambda t: t.unfold(0, 2, 1), lambda t: t.expand(2, 3), lambda t: t.as_strided((2,), (1,))):
        assert view(y).is_inference() and made(lambda: view(y)).is_inference()      # noqa: B023
        assert not view(x).is_inference() and not made(lambda: view(x)).is_inference()      # noqa: B023
        assert not made(lambda: view(w)).is_inference()     # noqa: B023
    assert not y.clone().is_inference() and not (y + 1).is_inference() and not copy.deepcopy(y).is_inference()
    assert minidl.is_inference(y) and not minidl.is_inference(x)


def test_outside_it_is_read_and_not_written() -> None:
    y = made(lambda: minidl.ones(2, 3))
    assert (y + 1).sum().item() == 12 and y.numpy().sum() == 6 and y.detach_() is y
    for write in (lambda: y.add_(1), lambda: y.zero_(), lambda: y.__setitem__(0, 1.0), lambda: y.t_(),
                  lambda: y.copy_(minidl.zeros(3)), lambda: y[0].mul_(2), lambda: y.unsqueeze_(0),
                  lambda: minidl.add(y, 1, out=y), lambda: minidl.no_grad()(lambda: y.add_(1))()):
        with pytest.raises(RuntimeError, match="Inplace update to inference tensor outside InferenceMode"):
            write()
    assert y.tolist() == [[1] * 3] * 2 and y.shape == (2, 3)
    made(lambda: y.add_(1))
    made(lambda: y[0].zero_())
    assert y.tolist() == [[0] * 3, [2] * 3]
    with pytest.raises(RuntimeError, match="do not track version counter"):
        print(y._version)


def test_a_normal_tensor_is_written_inside_and_the_tape_notices() -> None:
    w, x = leaf(), normal()
    y = w * x
    made(lambda: x.add_(1))
    assert x._version == 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_it_is_not_kept_for_backward() -> None:
    w, y = leaf(), made(normal)
    assert (w + y).requires_grad            # a sum keeps nothing
    for record in (lambda: w * y, lambda: w @ y, lambda: minidl.where(made(lambda: w > 0), w, 0.0), lambda: w / y[:1]):
        with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
            record()
    (w * y.clone()).sum().backward()
    assert w.grad.tolist() == [1, 1, 1]
    with minidl.no_grad():
        assert (w * y).tolist() == [1, 1, 1]
    z = w[made(lambda: minidl.tensor([0, 1]))]       # positions are parameters of the op
    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
        z.sum().backward()


def test_it_requires_grad_inside_only() -> None:
    y = made(normal)
    with pytest.raises(RuntimeError, match="Setting requires_grad=True on inference tensor outside"):
        y.requires_grad_()
    y.requires_grad_(False)
    assert made(lambda: y.requires_grad_()).requires_grad


def test_a_norm_that_was_made_inside_does_not_train() -> None:
    x = minidl.ones(2, 3)
    norm = made(lambda: minidl.nn.BatchNorm1d(3))
    with pytest.raises(RuntimeError, match="Inplace update to inference tensor"):
        norm(x)
    norm = minidl.nn.BatchNorm1d(3)
    made(lambda: norm(x))
    assert not norm.running_mean.is_inference() and norm(x).requires_grad


def test_blocks_nest_and_threads_are_apart() -> None:
    seen: list[bool] = []
    with minidl.inference_mode():
        with minidl.inference_mode(False):
            assert not minidl.ones(2).is_inference() and (leaf() * 2).requires_grad
        thread = threading.Thread(target=lambda: seen.append(minidl.ones(2).is_inference()))
        thread.start()
        thread.join()
        assert seen == [False] and minidl.ones(2).is_inference()
    assert grad_mode.inference_blocks == 0
    with pytest.raises(KeyError), minidl.inference_mode():
        raise KeyError
    assert grad_mode.inference_blocks == 0 and not minidl.ones(2).is_inference()


@minidl.inference_mode()
def numbers() -> Iterator[tuple[bool, bool]]:
    for _ in range(2):
        yield minidl.ones(1).is_inference(), minidl.is_inference_mode_enabled()


@minidl.inference_mode
def twice(x: Any) -> Any:
    return x * 2


def test_decorated_functions_and_generators() -> None:
    for found in numbers():
        assert found == (True, True) and not minidl.is_inference_mode_enabled() and not minidl.ones(1).is_inference()
    assert twice(normal()).is_inference() and grad_mode.inference_blocks == 0


@pytest.mark.parametrize("switch", [minidl.no_grad, minidl.enable_grad])
def test_a_decorated_class_becomes_a_function_with_a_warning(switch: Any) -> None:
    with pytest.warns(FutureWarning, match="Decorating classes is deprecated"):
        @switch()
        class Net:
            def __init__(self) -> None:
                self.enabled = minidl.is_grad_enabled()
    assert Net().enabled is (switch is minidl.enable_grad) and not isinstance(Net, type)


def test_a_switch_takes_a_bool() -> None:
    with pytest.raises(TypeError, match=r"set_grad_enabled\(\): argument 'mode' must be bool, not str"):
        minidl.set_grad_enabled("no")       # type: ignore[arg-type]
    assert minidl.is_grad_enabled()
