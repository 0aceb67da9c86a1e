"""Every exported optimizer against plain formulas and against PyTorch, from one table.

A new optimizer without a row here fails `test_every_optimizer_has_a_row`.
"""
from __future__ import annotations

import copy
import inspect
import itertools
import math
import pickle
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import optim
from minidl.backend.cpu import elementwise
from minidl.backend.cpu.elementwise import BLOCK_SIZE
from minidl.backend.cpu.threads import get_num_threads
from minidl.backend.device import same_device
from tests import strict_array

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
STEPS = 20
SHAPES: tuple[tuple[int, ...], ...] = ((3, 4), (5,), ())


# ---------------------------------------------------------------------- the formulas, once more and naively
# Each takes one parameter p, its gradient g, a dict to remember things in, the step t = 1, 2, ..., and the options.

def gradient(p: Any, g: Any, o: dict[str, Any]) -> Any:
    return (-g if o.get("maximize") else g) + o.get("weight_decay", 0) * p


def decayed(p: Any, g: Any, o: dict[str, Any], default: float = 0.0) -> tuple[Any, Any]:
    """Parameter and gradient after decoupled weight decay, or with the penalty's gradient."""
    if o.get("decoupled_weight_decay"):
        return p - o["lr"] * o.get("weight_decay", default) * p, -g if o.get("maximize") else g
    return p, gradient(p, g, o)


def moments(g: Any, s: dict[str, Any], o: dict[str, Any]) -> tuple[Any, Any, float, float]:
    beta1, beta2 = o.get("betas", (0.9, 0.999))
    s["m"] = beta1 * s.get("m", 0) + (1 - beta1) * g
    s["v"] = beta2 * s.get("v", 0) + (1 - beta2) * g * g
    return s["m"], s["v"], beta1, beta2


def sgd(p: Any, g: Any, s: dict[str, Any], t: int, o: dict[str, Any]) -> Any:
    g = gradient(p, g, o)
    momentum = o.get("momentum", 0)
    s["b"] = g if t == 1 else momentum * s["b"] + (1 - o.get("dampening", 0)) * g
    direction = g + momentum * s["b"] if o.get("nesterov") else s["b"] if momentum else g
    return p - o["lr"] * direction


def adagrad(p: Any, g: Any, s: dict[str, Any], t: int, o: dict[str, Any]) -> Any:
    g = gradient(p, g, o)
    s["sum"] = s.get("sum", o.get("initial_accumulator_value", 0)) + g * g
    return p - o["lr"] / (1 + (t - 1) * o.get("lr_decay", 0)) * g / (np.sqrt(s["sum"]) + o.get("eps", 1e-10))


def rmsprop(p: Any, g: Any, s: dict[str, Any], t: int, o: dict[str, Any]) -> Any:
    g, alpha = gradient(p, g, o), o.get("alpha", 0.99)
    s["v"] = alpha * s.get("v", 0) + (1 - alpha) * g * g
    s["m"] = alpha * s.get("m", 0) + (1 - alpha) * g
    variance = s["v"] - (s["m"] ** 2 if o.get("centered") else 0)
    s["b"] = o.get("momentum", 0) * s.get("b", 0) + g / (np.sqrt(variance) + o.get("eps", 1e-8))
    return p - o["lr"] * s["b"]


def adam(p: Any, g: Any, s: dict[str, Any], t: int, o: dict[str, Any]) -> Any:
    p, g = decayed(p, g, o)
    m, v, beta1, beta2 = moments(g, s, o)
    s["w"] = np.maximum(s.get("w", 0), v)
    v = s["w"] if o.get("amsgrad") else v
    return p - o["lr"] * (m / (1 - beta1 ** t)) / (np.sqrt(v / (1 - beta2 ** t)) + o.get("eps", 1e-8))


def adamw(p: Any, g: Any, s: dict[str, Any], t: int, o: dict[str, Any]) -> Any:
    return adam(p, g, s, t, {"weight_decay": 1e-2, **o, "decoupled_weight_decay": True})


def adadelta(p: Any, g: Any, s: dict[str, Any], t: int, o: dict[str, Any]) -> Any:
    g, rho, eps = gradient(p, g, o), o.get("rho", 0.9), o.get("eps", 1e-6)
    s["v"] = rho * s.get("v", 0) + (1 - rho) * g * g
    step = np.sqrt(s.get("u", 0) + eps) / np.sqrt(s["v"] + eps) * g
    s["u"] = rho * s.get("u", 0) + (1 - rho) * step * step
    return p - o["lr"] * step


def adamax(p: Any, g: Any, s: dict[str, Any], t: int, o: dict[str, Any]) -> Any:
    m, _, beta1, beta2 = moments(g := gradient(p, g, o), s, o)
    s["u"] = np.maximum(beta2 * s.get("u", 0), np.abs(g) + o.get("eps", 1e-8))
    return p - o["lr"] / (1 - beta1 ** t) * m / s["u"]


def nadam(p: Any, g: Any, s: dict[str, Any], t: int, o: dict[str, Any]) -> Any:
    p, g = decayed(p, g, o)
    m, v, beta1, beta2 = moments(g, s, o)
    mus = [beta1 * (1 - 0.5 * 0.96 ** (i * o.get("momentum_decay", 4e-3))) for i in range(1, t + 2)]
    ahead = (1 - mus[-2]) / (1 - math.prod(mus[:-1])) * g + mus[-1] / (1 - math.prod(mus)) * m
    return p - o["lr"] * ahead / (np.sqrt(v / (1 - beta2 ** t)) + o.get("eps", 1e-8))


def radam(p: Any, g: Any, s: dict[str, Any], t: int, o: dict[str, Any]) -> Any:
    p, g = decayed(p, g, o)
    m, v, beta1, beta2 = moments(g, s, o)
    m = m / (1 - beta1 ** t)
    limit = 2 / (1 - beta2) - 1
    rho = limit - 2 * t * beta2 ** t / (1 - beta2 ** t)
    if rho <= 5:
        return p - o["lr"] * m
    r = math.sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho))
    return p - o["lr"] * m * r * math.sqrt(1 - beta2 ** t) / (np.sqrt(v) + o.get("eps", 1e-8))


def rprop(p: Any, g: Any, s: dict[str, Any], t: int, o: dict[str, Any]) -> Any:
    g = np.array(gradient(p, g, o))
    minus, plus = o.get("etas", (0.5, 1.2))
    low, high = o.get("step_sizes", (1e-6, 50))
    size, before = s.setdefault("size", np.full(p.shape, o["lr"])), s.get("before", np.zeros(p.shape))
    for i in np.ndindex(p.shape):
        factor = plus if g[i] * before[i] > 0 else minus if g[i] * before[i] < 0 else 1
        size[i] = min(max(size[i] * factor, low), high)
        if factor == minus:
            g[i] = 0
    s["before"] = g
    return p - np.sign(g) * size


def asgd(p: Any, g: Any, s: dict[str, Any], t: int, o: dict[str, Any]) -> Any:
    g, lr, lambd, alpha = gradient(p, g, o), o["lr"], o.get("lambd", 1e-4), o.get("alpha", 0.75)
    eta = lr if t == 1 else lr / (1 + lambd * lr * (t - 1)) ** alpha
    mu = 1 / max(1, t - 1 - o.get("t0", 1e6))
    p = p * (1 - lambd * eta) - eta * g
    s["ax"] = s.get("ax", 0) + mu * (p - s.get("ax", 0))
    return p


def adafactor(p: Any, g: Any, s: dict[str, Any], t: int, o: dict[str, Any]) -> Any:
    def rms(x: Any) -> float:
        return float(np.sqrt(np.mean(x ** 2)))

    g, lr, b = -g if o.get("maximize") else g, o.get("lr", 1e-2), t ** o.get("beta2_decay", -0.8)
    eps1, eps2 = o.get("eps", (np.finfo(float).eps, 1e-3))
    step = min(lr, 1 / math.sqrt(t)) * max(eps2, rms(p))
    p = p * (1 - lr * o.get("weight_decay", 0))
    if p.ndim > 1:
        s["R"] = (1 - b) * s.get("R", 0) + b * (g * g).mean(-1)
        s["C"] = (1 - b) * s.get("C", 0) + b * (g * g).mean(-2)
        v = np.einsum("...i,...j->...ij", s["R"], s["C"]) / np.maximum(s["R"].mean(-1), eps1)[..., None, None]
    else:
        v = s["v"] = (1 - b) * s.get("v", 0) + b * g * g
    u = g / np.maximum(np.sqrt(v), eps1)
    return p - step * u / max(1, rms(u) / o.get("d", 1))


def muon(p: Any, g: Any, s: dict[str, Any], t: int, o: dict[str, Any]) -> Any:
    """Newton-Schulz as what it does to the singular values."""
    lr, mu, (a, b, c) = o.get("lr", 1e-3), o.get("momentum", 0.95), o.get("ns_coefficients", (3.4445, -4.775, 2.0315))
    s["b"] = mu * s.get("b", 0) + (1 - mu) * g
    u, x, v = np.linalg.svd(mu * s["b"] + (1 - mu) * g if o.get("nesterov", True) else s["b"], full_matrices=False)
    x = x / np.linalg.norm(x)
    for _ in range(o.get("ns_steps", 5)):
        x = a * x + b * x ** 3 + c * x ** 5
    rows, columns = p.shape
    factor = 0.2 * math.sqrt(max(rows, columns)) if o.get("adjust_lr_fn") == "match_rms_adamw" \
        else math.sqrt(max(1, rows / columns))
    return p * (1 - lr * o.get("weight_decay", 0.1)) - lr * factor * (u * x) @ v


# ---------------------------------------------------------------------- the table

def grid(**options: list[Any]) -> list[dict[str, Any]]:
    return [dict(zip(options, values)) for values in itertools.product(*options.values())]


@dataclass
class Row:
    """An optimizer, its formula, the options it is tried with, and options that are refused."""

    cls: type[optim.Optimizer]
    formula: Callable[..., Any]
    options: list[dict[str, Any]]
    errors: list[tuple[dict[str, Any], str]]
    shapes: tuple[tuple[int, ...], ...] = SHAPES
    whole: bool = False     # works on a parameter as a whole, not on elements in blocks
    in_torch: bool = True   # PyTorch has it, by the same name

    def __str__(self) -> str:
        return self.cls.__name__


LR = ({"lr": -1}, "Invalid learning rate: -1")
EPS = ({"eps": -1}, "Invalid epsilon value: -1")
DECAY = ({"weight_decay": -1}, "Invalid weight_decay value: -1")
BETAS = [({"betas": (1.0, 0.9)}, "Invalid beta parameter at index 0: 1.0"),
         ({"betas": (0.9, -1)}, "Invalid beta parameter at index 1: -1")]

TABLE = [
    Row(optim.SGD, sgd, [
        *grid(lr=[0.1], momentum=[0, 0.9], dampening=[0, 0.3], weight_decay=[0, 0.1], maximize=[False, True]),
        *grid(lr=[0.1], momentum=[0.9], weight_decay=[0, 0.1], nesterov=[True], maximize=[False, True]),
    ], [LR, DECAY, ({"momentum": -1}, "Invalid momentum value: -1"),
        ({"nesterov": True}, "Nesterov momentum requires a momentum and zero dampening"),
        ({"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "Nesterov momentum requires")]),
    Row(optim.Adagrad, adagrad, grid(
        lr=[0.1], lr_decay=[0, 0.1], weight_decay=[0, 0.1], initial_accumulator_value=[0, 0.5],
        eps=[1e-10, 1e-3], maximize=[False, True],
    ), [LR, EPS, DECAY, ({"lr_decay": -1}, "Invalid lr_decay value: -1"),
        ({"initial_accumulator_value": -1}, "Invalid initial_accumulator_value value: -1")]),
    Row(optim.RMSprop, rmsprop, [
        *grid(lr=[0.1], alpha=[0.9], weight_decay=[0, 0.1], momentum=[0, 0.9], centered=[False, True],
              maximize=[False, True], eps=[1e-3]),
        {"lr": 0.01},
    ], [LR, EPS, DECAY, ({"momentum": -1}, "Invalid momentum value: -1"),
        ({"alpha": -1}, "Invalid alpha value: -1")]),
    Row(optim.Adam, adam, grid(
        lr=[0.1], betas=[(0.9, 0.999), (0.5, 0.7)], eps=[1e-8, 1e-2], weight_decay=[0, 0.1], amsgrad=[False, True],
        maximize=[False, True], decoupled_weight_decay=[False, True],
    ), [LR, EPS, DECAY, *BETAS]),
    Row(optim.AdamW, adamw, [{"lr": 0.1}, *grid(
        lr=[0.1], betas=[(0.8, 0.9)], weight_decay=[0, 0.3], amsgrad=[False, True], maximize=[False, True],
    )], [LR, EPS, DECAY, *BETAS]),
    Row(optim.Adadelta, adadelta, grid(
        lr=[1.0, 0.5], rho=[0.9, 0.3], eps=[1e-6, 1e-2], weight_decay=[0, 0.1], maximize=[False, True],
    ), [LR, EPS, DECAY, ({"rho": 2}, "Invalid rho value: 2")]),
    Row(optim.Adamax, adamax, grid(
        lr=[0.1], betas=[(0.9, 0.999), (0.5, 0.7)], eps=[1e-8, 1e-2], weight_decay=[0, 0.1], maximize=[False, True],
    ), [LR, EPS, DECAY, *BETAS]),
    Row(optim.NAdam, nadam, grid(
        lr=[0.1], betas=[(0.9, 0.999), (0.5, 0.7)], weight_decay=[0, 0.1], momentum_decay=[4e-3, 0.5],
        decoupled_weight_decay=[False, True], maximize=[False, True],
    ), [LR, EPS, DECAY, *BETAS, ({"momentum_decay": -1}, "Invalid momentum_decay value: -1")]),
    Row(optim.RAdam, radam, grid(
        lr=[0.1], betas=[(0.9, 0.999), (0.5, 0.7)], eps=[1e-8, 1e-2], weight_decay=[0, 0.1],
        decoupled_weight_decay=[False, True], maximize=[False, True],
    ), [LR, EPS, DECAY, *BETAS]),
    Row(optim.Rprop, rprop, grid(
        lr=[0.1], etas=[(0.5, 1.2), (0.3, 2.0)], step_sizes=[(1e-6, 50), (0.06, 0.2)], maximize=[False, True],
    ), [LR, ({"etas": (2, 3)}, "Invalid eta values: 2, 3")]),
    Row(optim.ASGD, asgd, grid(
        lr=[0.1], lambd=[1e-4, 0.5], alpha=[0.75, 0.3], t0=[1e6, 5], weight_decay=[0, 0.1], maximize=[False, True],
    ), [LR, DECAY]),
    Row(optim.Adafactor, adafactor, grid(
        lr=[1e-2, 0.5], beta2_decay=[-0.8, -0.3], eps=[(1e-8, 1e-3), (0.1, 0.5)], d=[1.0, 1.5], weight_decay=[0, 0.1],
        maximize=[False, True],
    ), [({"lr": -1}, "Learning rate should be >= 0 but is: -1"),
        ({"weight_decay": -1}, "weight_decay should be >= 0 but is: -1"),
        ({"beta2_decay": 1}, "beta2_decay should be <= 0 but is: 1"),
        ({"eps": (-1, 0)}, "epsilon1 should be >= 0 but is: -1"),
        ({"eps": (None, -1)}, "epsilon2 should be >= 0 but is: -1"),
        ({"d": 0.5}, "Clipping threshold d should be >= 1 but is: 0.5")],
        shapes=((3, 4), (5,), (), (2, 3, 4)), whole=True),
    Row(optim.Muon, muon, grid(
        lr=[0.1], weight_decay=[0, 0.3], momentum=[0.95, 0.5], nesterov=[False, True], ns_steps=[5, 2],
        ns_coefficients=[(3.4445, -4.775, 2.0315), (1.5, -0.5, 0.0)], adjust_lr_fn=[None, "match_rms_adamw"],
    ), [({"lr": -1}, "Learning rate should be >= 0 but is: -1"),
        ({"weight_decay": -1}, "weight decay should be >= 0 but is: -1"),
        ({"momentum": -1}, "momentum should be >= 0 but is: -1"),
        ({"ns_steps": 100}, "Number of steps must be less than 100"),
        ({"ns_coefficients": (1, 2)}, "Coefficients must be a tuple of exactly 3 values"),
        ({"adjust_lr_fn": "x"}, "Adjust learning rate function x is not supported")],
        shapes=((3, 4), (5, 2), (3, 3)), whole=True),
]
every_row = pytest.mark.parametrize("row", TABLE, ids=str)
every_row_of_torch = pytest.mark.parametrize("row", [row for row in TABLE if row.in_torch], ids=str)


def test_every_optimizer_has_a_row() -> None:
    exported = {value for value in map(vars(optim).get, optim.__all__) if inspect.isclass(value)}
    elsewhere = {optim.Optimizer, optim.LBFGS, optim.SparseAdam}        # test_lbfgs.py, test_sparse.py
    assert exported - elsewhere == {row.cls for row in TABLE}


@needs_torch
def test_rows_say_what_pytorch_has() -> None:
    assert {str(row): row.in_torch for row in TABLE} == {str(row): hasattr(torch.optim, str(row)) for row in TABLE}


# ---------------------------------------------------------------------- helpers

def start(shapes: Any = SHAPES, dtype: Any = np.float64) -> list[np.ndarray]:
    stream = np.random.default_rng(0)
    return [stream.standard_normal(shape).astype(dtype) for shape in shapes]


def gradients(shapes: Any = SHAPES, dtype: Any = np.float64, steps: int = STEPS) -> Iterator[list[np.ndarray]]:
    """Gradients for `steps` steps; some are exactly zero."""
    stream = np.random.default_rng(1)
    for _ in range(steps):
        grads = [stream.standard_normal(shape).astype(dtype) for shape in shapes]
        grads[1][2] = 0.0
        yield grads


def leaves(arrays: list[np.ndarray]) -> list[Any]:
    return [minidl.tensor(a, dtype=a.dtype, requires_grad=True) for a in arrays]


def run(optimizer: Any, params: list[Any], grads: Any) -> None:
    for step in grads:
        for p, g in zip(params, step):
            p.grad = minidl.tensor(g, dtype=g.dtype)
        optimizer.step()


@pytest.fixture
def in_float64(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Scalars of the state have the default dtype; PyTorch computes Muon's matrices in bfloat16."""
    minidl.set_default_dtype(minidl.float64)
    if torch is not None:
        torch.set_default_dtype(torch.float64)
        monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
    yield
    minidl.set_default_dtype(minidl.float32)
    if torch is not None:
        torch.set_default_dtype(torch.float32)


def state_arrays(optimizer: Any) -> list[Any]:
    return [value.array for state in optimizer.state.values() for name, value in state.items()
            if name not in optimizer.number_state]


# ---------------------------------------------------------------------- values

@every_row
def test_follows_its_formula(row: Row, in_float64: None) -> None:
    for options in row.options:
        params = leaves(start(row.shapes))
        run(row.cls(params, **options), params, gradients(row.shapes))
        for i, expected in enumerate(start(row.shapes)):
            memory: dict[str, Any] = {}
            for t, grads in enumerate(gradients(row.shapes), 1):
                expected = row.formula(expected, grads[i], memory, t, options)
            np.testing.assert_allclose(params[i].array, expected, rtol=1e-9, atol=1e-10, err_msg=str(options))


@needs_torch
@every_row_of_torch
def test_equals_pytorch(row: Row, in_float64: None) -> None:
    for options in [{}, *row.options]:
        params, theirs = leaves(start(row.shapes)), [torch.nn.Parameter(torch.tensor(a)) for a in start(row.shapes)]
        optimizer = getattr(torch.optim, str(row))(theirs, **options)
        run(row.cls(params, **options), params, gradients(row.shapes))
        for grads in gradients(row.shapes):
            for p, g in zip(theirs, grads):
                p.grad = torch.tensor(g)
            optimizer.step()
        for p, q in zip(params, theirs):
            np.testing.assert_allclose(p.array, q.detach().numpy(), rtol=1e-10, atol=1e-10, err_msg=str(options))


@needs_torch
@every_row_of_torch
def test_defaults_are_pytorchs(row: Row) -> None:
    ours, theirs = row.cls([minidl.ones(1, 1)]).defaults, getattr(torch.optim, str(row))([torch.ones(1, 1)]).defaults
    assert list(ours.items()) == list(theirs.items())


@needs_torch
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_row_of_torch
def test_state_is_pytorchs(row: Row, dtype: str) -> None:
    """Numbers are 0-d tensors of float32, and rounded to it; the dicts go both ways."""
    if str(row) == "Muon":
        pytest.skip("PyTorch's is in bfloat16")
    options = row.options[-1]
    params = leaves(start(row.shapes, dtype))
    theirs = [torch.nn.Parameter(torch.tensor(a)) for a in start(row.shapes, dtype)]
    optimizer, other = row.cls(params, **options), getattr(torch.optim, str(row))(theirs, **options)

    def step() -> None:
        grads = next(grads_of_steps)
        run(optimizer, params, [grads])
        for p, g in zip(theirs, grads):
            p.grad = torch.tensor(g)
        other.step()

    def hold_equal() -> None:
        tolerance = 1e-12 if dtype == "float64" else 1e-5
        for i, expected in other.state_dict()["state"].items():
            state = optimizer.state_dict()["state"][i]
            assert list(state) == list(expected)
            for name, value in expected.items():
                assert (str(state[name].dtype), state[name].shape) == (str(value.dtype)[6:], value.shape), name
                np.testing.assert_allclose(state[name].array, value.numpy(), tolerance, tolerance, err_msg=name)
        for p, q in zip(params, theirs):
            np.testing.assert_allclose(p.array, q.detach().numpy(), tolerance, tolerance)

    grads_of_steps = gradients(row.shapes, dtype)
    for _ in range(5):
        step()
    hold_equal()
    saved = other.state_dict()
    other.load_state_dict({"param_groups": optimizer.state_dict()["param_groups"], "state": {
        i: {name: torch.tensor(value.array) for name, value in state.items()}
        for i, state in optimizer.state_dict()["state"].items()}})
    optimizer.load_state_dict(saved)
    assert all(state[name].dtype == minidl.float32 and state[name].shape == () for state in optimizer.state.values()
               for name in {*optimizer.number_state} & state.keys())
    step()
    for p, q in zip(params, theirs):        # PyTorch's numbers but the step have the dtype of the parameter from now on
        np.testing.assert_allclose(p.array, q.detach().numpy(), rtol=1e-5, atol=1e-6)


@every_row
def test_numbers_in_older_files_become_tensors(row: Row) -> None:
    params, others = leaves(start(row.shapes)), leaves(start(row.shapes))
    optimizer, other = row.cls(params), row.cls(others)
    grads = list(gradients(row.shapes, steps=2))
    run(optimizer, params, grads[:1])
    run(other, others, grads[:1])
    saved = other.state_dict()
    for state in saved["state"].values():
        for name in {*other.number_state} & state.keys():
            state[name] = state[name].item()
    other.load_state_dict(saved)
    run(optimizer, params, grads[1:])
    run(other, others, grads[1:])
    for p, q in zip(params, others):
        np.testing.assert_array_equal(p.array, q.array)


@every_row
def test_a_rate_that_is_a_tensor_is_read_at_each_step(row: Row) -> None:
    if str(row) in ("Muon", "Rprop", "ASGD"):
        pytest.skip("a float, or read before the first step")
    lr = minidl.tensor(0.5, dtype=minidl.float64)
    params, others = leaves(start(row.shapes)), leaves(start(row.shapes))
    optimizer, other = row.cls(params, lr=lr), row.cls(others, lr=0.5)
    assert optimizer.param_groups[0]["lr"] is lr
    first, second = gradients(row.shapes, steps=2)
    run(optimizer, params, [first])
    run(other, others, [first])
    lr.fill_(0.25)
    other.param_groups[0]["lr"] = 0.25
    run(optimizer, params, [second])
    run(other, others, [second])
    for p, q in zip(params, others):
        np.testing.assert_array_equal(p.array, q.array)


def test_adam_by_hand() -> None:
    w = minidl.tensor([1.0], requires_grad=True)
    optimizer = optim.Adam([w], lr=0.5, betas=(0.5, 0.75), eps=1.0)
    run(optimizer, [w], [[np.array([2.0], "f")]])
    # m = 0.5*2 = 1, v = 0.25*4 = 1; corrected m = 1/0.5 = 2, v = 1/0.25 = 4; step 0.5 * 2/(2 + 1) = 1/3
    np.testing.assert_allclose(w.array, [2 / 3], rtol=1e-6)


def test_sgd_with_momentum_by_hand() -> None:
    w = minidl.tensor([1.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=0.5, momentum=0.5, weight_decay=1.0)
    run(optimizer, [w], [[np.array([1.0], "f")]] * 2)
    # g = 1 + 1 = 2, b = 2, w = 1 - 1 = 0;  g = 1 + 0 = 1, b = 0.5*2 + 1 = 2, w = 0 - 1 = -1
    np.testing.assert_array_equal(w.array, [-1.0])
    np.testing.assert_array_equal(optimizer.state[w]["momentum_buffer"].array, [2.0])


def test_rmsprop_centered_survives_constant_gradients() -> None:
    """The variance is then zero, and rounding must not take its root to NaN."""
    w = minidl.tensor(np.linspace(1, 2, 1000, dtype="f"), requires_grad=True)
    run(optim.RMSprop([w], lr=1e-4, alpha=0.5, centered=True), [w], [[np.linspace(1, 3, 1000, dtype="f")]] * 40)
    assert np.isfinite(w.array).all()


@every_row
def test_refuses_invalid_options(row: Row) -> None:
    for options, text in row.errors:
        with pytest.raises(ValueError, match=text):
            row.cls(leaves(start(row.shapes)), **options)
        with pytest.raises(ValueError, match=text):
            row.cls([{"params": leaves(start(row.shapes)), **options}])


@needs_torch
@pytest.mark.parametrize("name", [*(str(row) for row in TABLE if row.in_torch), "LBFGS"])
def test_takes_pytorchs_arguments(name: str) -> None:
    ours, theirs = (list(inspect.signature(getattr(library, name)).parameters.values())
                    for library in (optim, torch.optim))
    assert [(a.name, a.kind, a.default) for a in ours] == [(a.name, a.kind, a.default) for a in theirs]


@pytest.mark.parametrize("cls", [optim.Adafactor, optim.Muon, optim.LBFGS])
def test_complex_parameters_are_refused(cls: Any) -> None:
    with pytest.raises(RuntimeError, match=f"{cls.__name__} does not support complex parameters"):
        cls([minidl.ones(2, 2, dtype=minidl.complex64)])


@needs_torch
@every_row_of_torch
def test_groups_closures_and_missing_gradients_as_in_pytorch(row: Row, in_float64: None) -> None:
    """Two groups with options of their own, a rate that is a tensor, gradients that come and go, all by a closure."""
    def make(library: Any, params: list[Any], lr: Any) -> Any:
        options = row.options[-1]
        own = {name: 0 for name in options if name == "weight_decay"}
        optimizer = getattr(library, str(row))([{"params": params[:1], "lr": 0.05, **own}], **options)
        optimizer.add_param_group({"params": params[1:], "lr": lr})
        return optimizer

    params, theirs = leaves(start(row.shapes)), [torch.nn.Parameter(torch.tensor(a)) for a in start(row.shapes)]
    optimizer = make(optim, params, minidl.tensor(0.25, dtype=minidl.float64))
    their_optimizer = make(torch.optim, theirs, 0.25)
    for t, grads in enumerate(gradients(row.shapes)):
        def closure(params: Any, tensor: Any, t: int = t, grads: Any = grads) -> int:
            for i, (p, g) in enumerate(zip(params, grads)):
                p.grad = None if (t + i) % 3 == 0 else tensor(g)
            return t

        assert optimizer.step(lambda call=closure: call(params, minidl.from_numpy)) == t
        their_optimizer.step(lambda call=closure: call(theirs, torch.from_numpy))
    for p, q in zip(params, theirs):
        np.testing.assert_allclose(p.array, q.detach().numpy(), rtol=1e-10, atol=1e-10)


# ---------------------------------------------------------------------- dtypes, memory, devices

@every_row
@pytest.mark.filterwarnings("ignore:invalid value")     # in float16, eps is 0
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_dtype_stays(row: Row, dtype: str) -> None:
    for options in row.options:
        params = leaves(start(row.shapes, dtype))
        optimizer = row.cls(params, **options)
        run(optimizer, params, gradients(row.shapes, dtype, 2))
        arrays = [p.array for p in params] + state_arrays(optimizer)
        assert {str(a.dtype) for a in arrays} == {dtype}
        assert [p.shape for p in params] == [a.shape for a in start(row.shapes)]


@every_row
def test_any_layout_in_any_pieces(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    """Transposed, sliced and reversed parameters and gradients, cut into small blocks."""
    if row.whole:
        return
    stream = np.random.default_rng(2)
    values = stream.standard_normal((6, 7, 2))
    grads = [stream.standard_normal((6, 7, 2)) for _ in range(4)]
    layouts = [lambda a: a.copy(), lambda a: np.ascontiguousarray(a.transpose(2, 0, 1)).transpose(1, 2, 0),
               lambda a: np.repeat(a, 2, axis=1)[:, ::2], lambda a: a[::-1].copy()[::-1]]
    for options in row.options[-2:]:
        whole = leaves([values])
        run(row.cls(whole, **options), whole, [[g] for g in grads])
        with monkeypatch.context() as patch:
            patch.setattr(elementwise, "BLOCK_SIZE", 8)
            patch.setattr(elementwise, "PARALLEL_SIZE", 0)
            for lay_p, lay_g in itertools.product(layouts, layouts):
                memory = lay_p(values)
                p = minidl.from_numpy(memory).requires_grad_()
                optimizer = row.cls([p], **options)
                for g in grads:
                    p.grad = minidl.from_numpy(lay_g(g))
                    optimizer.step()
                assert p.array is memory
                np.testing.assert_allclose(memory, whole[0].array, rtol=1e-12)


@every_row
def test_gradients_are_left_alone(row: Row) -> None:
    for options in row.options:
        params = leaves(start(row.shapes))
        optimizer = row.cls(params, **options)
        for p, g in zip(params, start(row.shapes)):
            p.grad = minidl.tensor(g + 1, dtype=g.dtype)
        optimizer.step()
        for p, g in zip(params, start(row.shapes)):
            np.testing.assert_array_equal(p.grad.array, g + 1)


@every_row
@strict_array.several_devices()
def test_strict_arrays(row: Row) -> None:
    """No silent way to NumPy: the same on a stand-in for a GPU array."""
    for options in row.options:
        cpu = leaves(start(row.shapes))
        strict = [strict_array.leaf(p) for p in cpu]
        run(row.cls(cpu, **options), cpu, gradients(row.shapes, steps=3))
        optimizer = row.cls(strict, **options)
        for grads in gradients(row.shapes, steps=3):
            for p, g in zip(strict, grads):
                p.grad = strict_array.leaf(minidl.tensor(g, dtype=g.dtype))
            optimizer.step()
        for p, q in zip(strict, cpu):
            assert same_device(p.device, strict_array.tested)
            last_digits = 0 if strict_array.tested.type == "strict" else 1e-12     # a GPU adds up in another order
            np.testing.assert_allclose(p.array.get(), q.array, rtol=last_digits)


@every_row
def test_a_step_needs_little_memory(row: Row) -> None:
    """After the first step, which makes the state: two scratch blocks, and Rprop's masks."""
    if row.whole:
        return
    p = minidl.ones(40 * BLOCK_SIZE, requires_grad=True)
    p.grad = minidl.ones(p.shape[0])
    optimizer = row.cls([p], **{**row.options[-1], "lr": 0.1})
    optimizer.step()
    tracemalloc.start()
    try:
        optimizer.step()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    blocks = 4 if row.cls is optim.Rprop else 2
    assert peak < get_num_threads() * blocks * 4 * BLOCK_SIZE + 50_000   # every thread has its own


# ---------------------------------------------------------------------- saving and loading

@every_row
@pytest.mark.parametrize("way", ["state_dict", "pickle", "deepcopy"])
def test_continues_where_it_was(row: Row, way: str) -> None:
    for options in row.options[-2:]:
        grads = list(gradients(row.shapes))
        params = leaves(start(row.shapes))
        optimizer = row.cls(params, **options)
        run(optimizer, params, grads[:10])
        if way == "state_dict":
            again = leaves([p.array.copy() for p in params])
            other = row.cls(again, lr=123.0)
            other.load_state_dict(optimizer.state_dict())
        else:
            other = pickle.loads(pickle.dumps(optimizer)) if way == "pickle" else copy.deepcopy(optimizer)
            again = other.param_groups[0]["params"]
        run(optimizer, params, grads[10:])
        run(other, again, grads[10:])               # the first has gone on: nothing is shared
        for p, q in zip(params, again):
            assert p is not q
            np.testing.assert_array_equal(p.array, q.array)


@needs_torch
@every_row_of_torch
def test_state_moves_from_pytorch_and_back(row: Row, in_float64: None) -> None:
    for options in row.options[-2:]:
        grads = list(gradients(row.shapes))
        theirs = [torch.nn.Parameter(torch.tensor(a)) for a in start(row.shapes)]

        def torch_steps(optimizer: Any, theirs: Any, grads: Any) -> None:
            for step in grads:
                for p, g in zip(theirs, step):
                    p.grad = torch.tensor(g)
                optimizer.step()

        their_optimizer = getattr(torch.optim, str(row))(theirs, **options)
        torch_steps(their_optimizer, theirs, grads[:7])
        params = leaves([p.detach().numpy().copy() for p in theirs])
        optimizer = row.cls(params)
        optimizer.load_state_dict(their_optimizer.state_dict())
        run(optimizer, params, grads[7:14])

        saved = optimizer.state_dict()
        saved["state"] = {i: {name: torch.tensor(v.array if isinstance(v, minidl.Tensor) else float(v))
                              for name, v in state.items()} for i, state in saved["state"].items()}
        back = [torch.nn.Parameter(torch.tensor(p.array)) for p in params]
        their_new_optimizer = getattr(torch.optim, str(row))(back)
        their_new_optimizer.load_state_dict(saved)
        torch_steps(their_new_optimizer, back, grads[14:])
        torch_steps(their_optimizer, theirs, grads[7:])
        for p, q in zip(back, theirs):
            np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-10, atol=1e-10)


@needs_torch
@every_row_of_torch
def test_state_has_pytorchs_names(row: Row) -> None:
    for options in row.options:
        params, theirs = leaves(start(row.shapes)), [torch.nn.Parameter(torch.tensor(a)) for a in start(row.shapes)]
        optimizer, their_optimizer = row.cls(params, **options), getattr(torch.optim, str(row))(theirs, **options)
        run(optimizer, params, gradients(row.shapes, steps=1))
        for p, g in zip(theirs, next(gradients(row.shapes))):
            p.grad = torch.tensor(g)
        their_optimizer.step()
        ours, expected = optimizer.state_dict(), their_optimizer.state_dict()
        assert {i: set(s) for i, s in ours["state"].items()} == {i: set(s) for i, s in expected["state"].items()}
        assert ours["param_groups"][0]["params"] == expected["param_groups"][0]["params"] \
            == list(range(len(params)))
