"""Optimizers with differentiable=True: gradients through several steps, against PyTorch and by gradcheck."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import optim
from minidl.autograd import gradcheck, gradgradcheck

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
CASES: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1, "maximize": True}),
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("Adam", {"weight_decay": 0.1}),
    ("Adam", {"amsgrad": True, "maximize": True, "betas": (0.5, 0.2)}),
    ("AdamW", {"weight_decay": 0.3}),
    ("NAdam", {"weight_decay": 0.1}),
    ("NAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("RAdam", {"weight_decay": 0.1, "betas": (0.9, 0.999)}),        # adaptive from the sixth step on
    ("Adamax", {"weight_decay": 0.1, "betas": (0.9, 0.7)}),
    ("Adagrad", {"lr_decay": 0.1, "initial_accumulator_value": 0.5}),
    ("Adadelta", {"rho": 0.5, "weight_decay": 0.1}),
    ("RMSprop", {"momentum": 0.5, "centered": True, "alpha": 0.7, "eps": 1e-3}),
    ("RMSprop", {"weight_decay": 0.1, "maximize": True}),
    ("Rprop", {}),
    ("ASGD", {"lambd": 0.5, "weight_decay": 0.1}),
    ("ASGD", {"lambd": 0.5, "t0": 2}),
]
LR_OF_TORCH = {"SGD", "Adam", "AdamW", "NAdam"}     # the others want its value as a number
STEPS = 7
START = np.array([0.5, -1.5, 2.0])
SLOPES = np.random.default_rng(0).standard_normal((STEPS, 3))
each_case = pytest.mark.parametrize("name, options", CASES, ids=lambda value: value if isinstance(value, str) else "")


@pytest.fixture(autouse=True)
def in_float64() -> Iterator[None]:
    """Numbers of the state have the default dtype."""
    libraries = [minidl] if torch is None else [minidl, torch]
    for library in libraries:
        library.set_default_dtype(library.float64)      # type: ignore[attr-defined]
    yield
    for library in libraries:
        library.set_default_dtype(library.float32)      # type: ignore[attr-defined]


def descend(library: Any, name: str, options: dict[str, Any], start: Any, slopes: Any, lr: Any) -> tuple[Any, Any]:
    """The weights after a step for each slope, whose loss is slope . w^3 / 3, and the last state."""
    p = start.clone()
    optimizer = getattr(library.optim, name)([p], lr=lr, differentiable=True, **options)
    if options.get("momentum") and name == "SGD":       # PyTorch cuts the first gradient off its graph
        optimizer.state[p]["momentum_buffer"] = library.zeros_like(p)
    for slope in slopes:
        p.grad = slope * p.clone() ** 2
        optimizer.step()
        for key, value in optimizer.state[p].items():   # PyTorch will write into what it has kept
            optimizer.state[p][key] = value.clone()
    return p, optimizer.state[p]


@needs_torch
@pytest.mark.parametrize("name, options", CASES[:-1], ids=lambda value: value if isinstance(value, str) else "")
def test_gradients_are_pytorchs(name: str, options: dict[str, Any]) -> None:
    """Without averages of ASGD, which PyTorch writes into and cannot differentiate afterwards."""
    found = []
    for library in (minidl, torch):
        inputs = [library.tensor(START, requires_grad=True), library.tensor(SLOPES, requires_grad=True)]
        lr: Any = 0.1
        if name in LR_OF_TORCH:
            lr = library.tensor(0.1, requires_grad=True)
            inputs.append(lr)
        p, state = descend(library, name, options, *inputs[:2], lr)
        loss = (p ** 2).sum() + sum((value ** 2).sum() for value in state.values() if value.requires_grad)
        found.append([p, *state.values(), *library.autograd.grad(loss, inputs)])
    for mine, expected in zip(*found):
        np.testing.assert_allclose(mine.detach().numpy(), expected.detach().numpy(), rtol=1e-9, atol=1e-12)


@each_case
def test_gradcheck(name: str, options: dict[str, Any]) -> None:
    """With respect to the weights, the gradients, the learning rate and the weight decay."""
    recorded = {"lr": 0.1, "weight_decay": options.get("weight_decay")}
    recorded = {key: value for key, value in recorded.items()
                if value is not None and key in getattr(optim, name).recorded_options}

    def weights(start: Any, slopes: Any, *values: Any) -> Any:
        chosen = {"lr": 0.1, **options, **dict(zip(recorded, values))}
        return descend(minidl, name, chosen, start, slopes, chosen.pop("lr"))[0]

    inputs = [minidl.tensor(x, requires_grad=True) for x in (START, SLOPES, *recorded.values())]
    assert gradcheck(weights, inputs, eps=1e-5, atol=1e-6, rtol=1e-5)


def test_second_order() -> None:
    def weights(start: Any, lr: Any) -> Any:
        return descend(minidl, "Adam", {}, start, minidl.tensor(SLOPES[:2]), lr)[0]

    assert gradgradcheck(weights, [minidl.tensor(START, requires_grad=True),
                                   minidl.tensor(0.1, requires_grad=True)], atol=1e-4)


def test_the_first_momentum_of_sgd_has_a_gradient() -> None:
    """p = p - lr * b with b = g: the derivative with respect to g is -lr."""
    g, p = minidl.tensor([2.0], requires_grad=True), minidl.tensor([1.0])
    optimizer = optim.SGD([p], lr=0.5, momentum=0.9, dampening=0.5, differentiable=True)
    p.grad = g
    optimizer.step()
    assert p.item() == 0.0 and minidl.autograd.grad(p, g)[0].item() == -0.5


def test_a_learning_rate_is_learnt_by_hand() -> None:
    """w^2 from w = 1: w1 = 1 - 2 lr, and the loss (1 - 2 lr)^2 has the derivative -4 (1 - 2 lr)."""
    lr = minidl.tensor([0.25], requires_grad=True)
    w = minidl.tensor([1.0], requires_grad=True).clone()
    optimizer = optim.SGD([w], lr=lr, differentiable=True)
    (w.grad,) = minidl.autograd.grad((w.clone() ** 2).sum(), w, create_graph=True)
    optimizer.step()
    (w ** 2).sum().backward()
    assert lr.grad is not None and lr.grad.tolist() == [-2.0]


def test_betas_of_adam() -> None:
    def weights(*betas: Any) -> Any:
        return descend(minidl, "Adam", {"betas": betas}, minidl.tensor(START), minidl.tensor(SLOPES[:3]), 0.1)[0]

    assert gradcheck(weights, [minidl.tensor(beta, requires_grad=True) for beta in (0.9, 0.7)], atol=1e-6)


@each_case
def test_steps_have_the_usual_values(name: str, options: dict[str, Any]) -> None:
    """Also of complex weights, whose parts are updated as real ones."""
    for values in (START, START * (1 - 2j)):
        found = []
        for differentiable in (False, True):
            p = minidl.tensor(values)
            optimizer = getattr(optim, name)([p], lr=0.1, differentiable=differentiable, **options)
            for slope in SLOPES:
                p.grad = minidl.tensor(slope * values, requires_grad=differentiable)
                optimizer.step()
            assert p.requires_grad == differentiable
            found.append([p.detach(), *[value.detach() for value in optimizer.state[p].values()]])
        for plain, recorded in zip(*found):
            np.testing.assert_allclose(recorded.numpy(), plain.numpy(), rtol=1e-13, atol=1e-15)


def test_a_closure_is_recorded_too_and_no_grad_is_overruled() -> None:
    start = minidl.tensor([3.0], requires_grad=True)
    p = start.clone()
    optimizer = optim.SGD([p], lr=0.25, differentiable=True)

    def closure() -> Any:
        loss = (p.clone() ** 2).sum()
        (p.grad,) = minidl.autograd.grad(loss, p, create_graph=True)
        return loss

    with minidl.no_grad():
        assert optimizer.step(closure).item() == 9.0
    assert p.item() == 1.5 and minidl.autograd.grad(p, start)[0].item() == 0.5


def test_an_algorithm_of_ones_own() -> None:
    class SignDescent(optim.Optimizer):
        def __init__(self, params: Any, differentiable: bool) -> None:
            super().__init__(params, {"lr": 0.5, "differentiable": differentiable})

        def update(self, p: Any, g: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
            p -= group["lr"] * np.tanh(g)

    g, p = minidl.tensor([0.3, -0.2], requires_grad=True), minidl.zeros(2)
    p.grad = g
    SignDescent([p], differentiable=True).step()
    np.testing.assert_allclose(minidl.autograd.grad(p.sum(), g)[0].numpy(), -0.5 / np.cosh([0.3, -0.2]) ** 2)


class TestRefusals:
    def test_a_leaf_that_requires_grad(self) -> None:
        w = minidl.ones(2, requires_grad=True)
        w.grad = minidl.ones(2)
        with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in an in-place"):
            optim.Adam([w], differentiable=True).step()

    def test_what_is_no_leaf_without_differentiable(self) -> None:
        with pytest.raises(ValueError, match="can't optimize a non-leaf Tensor"):
            optim.Adam([minidl.ones(2, requires_grad=True) * 2])

    def test_an_option_that_is_read_as_a_number(self) -> None:
        for cls, options, names in ((optim.ASGD, {"lr": 0.1}, "weight_decay"), (optim.Rprop, {"lr": 0.1}, "no option"),
                                    (optim.SGD, {"momentum": 0.9}, "lr, weight_decay"),
                                    (optim.NAdam, {"betas": (0.9, 0.5)}, "lr, weight_decay")):
            (name, value), p = next(iter(options.items())), minidl.ones(2)
            p.grad = minidl.ones(2)
            tensors = tuple(minidl.tensor(v, requires_grad=True) for v in np.atleast_1d(value).tolist())
            given: Any = {name: tensors if isinstance(value, tuple) else tensors[0]}
            with pytest.raises(RuntimeError, match=f"{name} requires grad, but a step reads it as a number; gradients "
                                                   f"reach {names}"):
                cls([p], differentiable=True, **given).step()

    def test_a_sparse_gradient(self) -> None:
        p = minidl.zeros(3)
        p.grad = minidl.tensor([0.0, 1.0, 0.0]).to_sparse()
        with pytest.raises(RuntimeError, match=r"SGD\(differentiable=True\) does not support sparse gradients"):
            optim.SGD([p], differentiable=True).step()
