"""L-BFGS and its line search: against PyTorch and by hand."""
from __future__ import annotations

import copy
import importlib
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import optim
from minidl.optim.line_search import Point, cubic_minimum, strong_wolfe
from tests import strict_array

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
START = [np.array([-1.2, 0.5, 2.0]), np.array([1.0, -1.0, 0.3])]
OPTIONS = [
    {"lr": 0.1},
    {"line_search_fn": "strong_wolfe"},
    {"line_search_fn": "strong_wolfe", "history_size": 3, "max_iter": 4},
    {"line_search_fn": "strong_wolfe", "lr": 0.5, "max_eval": 7},
    {"line_search_fn": "strong_wolfe", "max_iter": 7, "tolerance_grad": 1.0},
    {"line_search_fn": "strong_wolfe", "max_iter": 7, "tolerance_change": 1e-2},
    {"lr": 1e-3, "max_iter": 7, "history_size": 2, "tolerance_change": 1e-4},
    {"lr": 1e-3, "max_iter": 1},
    {"max_iter": 5, "max_eval": 1},
]


def rosenbrock(p: Any, q: Any) -> Any:
    return ((1 - p) ** 2).sum() + 100 * ((q - p ** 2) ** 2).sum()


def leaves(library: Any = minidl, values: Any = START) -> list[Any]:
    return [library.tensor(v.copy(), requires_grad=True) for v in values]


def closure_of(optimizer: Any, params: list[Any]) -> Any:
    def closure() -> Any:
        optimizer.zero_grad()
        loss = rosenbrock(*params)
        loss.backward()
        return loss
    return closure


def steps(optimizer: Any, params: list[Any], count: int) -> list[float]:
    return [optimizer.step(closure_of(optimizer, params)).item() for _ in range(count)]


@needs_torch
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_equals_pytorch(options: dict[str, Any]) -> None:
    """As many iterations as rounding errors, which grow on the way, allow for."""
    ours, theirs = leaves(), leaves(torch)
    optimizer, their_optimizer = optim.LBFGS(ours, **options), torch.optim.LBFGS(theirs, **options)
    iterations = 0
    while iterations < 20:
        np.testing.assert_allclose(steps(optimizer, ours, 1), steps(their_optimizer, theirs, 1), rtol=1e-10)
        for p, q in zip(ours, theirs):
            np.testing.assert_allclose(p.array, q.detach().numpy(), rtol=1e-10, atol=1e-10)
        mine, expected = optimizer.state_dict()["state"][0], their_optimizer.state_dict()["state"][0]
        assert set(mine) == set(expected) - {"al"}      # scratch of PyTorch's
        for name in ("func_evals", "n_iter"):
            assert mine[name] == expected[name]
        if mine["n_iter"] == iterations:
            break                                       # the tolerance is met before any step
        iterations = mine["n_iter"]


def test_finds_the_minimum() -> None:
    params = leaves()
    optimizer = optim.LBFGS(params, line_search_fn="strong_wolfe", max_iter=100, tolerance_change=1e-15)
    steps(optimizer, params, 3)
    for p in params:
        np.testing.assert_allclose(p.array, np.ones(3), rtol=1e-7)


def test_a_quadratic_by_hand() -> None:
    """loss = 2 w^2 from w = 1: g = 4, first t = min(1, 1/4)*lr, so w = 0; there the gradient vanishes."""
    w = minidl.tensor([1.0], requires_grad=True)
    optimizer = optim.LBFGS([w])

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (2 * w * w).sum()
        loss.backward()
        return loss

    with minidl.no_grad():                              # the closure may record all the same
        assert optimizer.step(closure).item() == 2.0
    assert w.item() == 0.0 and optimizer.state[w]["func_evals"] == 2


def test_a_missing_gradient_counts_as_zero() -> None:
    w, other = minidl.ones(2, requires_grad=True), minidl.ones(3, requires_grad=True)
    optimizer = optim.LBFGS([w, other], lr=0.1)

    def closure() -> Any:
        loss = (w * w).sum()
        w.grad = 2 * w.detach()
        return loss

    optimizer.step(closure)
    assert abs(w.array).max() < 0.5 and other.tolist() == [1.0, 1.0, 1.0]


def test_the_line_search_meets_the_wolfe_conditions() -> None:
    stream = np.random.default_rng(0)
    for _ in range(200):
        a, b, c = stream.uniform(0.1, 3, 3)

        def evaluate(t: float, a: float = a, b: float = b, c: float = c) -> Point:
            return Point(t, -a * t + b * t ** 2 + np.sin(c * t) ** 2, np.zeros(0),
                         -a + 2 * b * t + c * np.sin(2 * c * t))

        start = evaluate(0.0)
        found, trials = strong_wolfe(evaluate, start, stream.uniform(1e-3, 30), 1.0)
        assert found.loss <= start.loss + 1e-4 * found.t * start.slope
        assert abs(found.slope) <= 0.9 * abs(start.slope) and trials <= 26


def test_the_line_search_gives_up_on_a_slope_without_end() -> None:
    found, trials = strong_wolfe(lambda t: Point(t, -t, np.zeros(0), -1.0), Point(0.0, 0.0, np.zeros(0), -1.0), 1.0,
                                 1.0)
    assert trials == 26 and found.t > 1e6


def test_cubic_minimum_by_hand() -> None:
    """t^3 - 3t has its minimum at 1; from the slopes 0 and 9 at -1 and 2, and clamped; a parabola's too."""
    a, b = Point(-1.0, 2.0, np.zeros(0), 0.0), Point(2.0, 2.0, np.zeros(0), 9.0)
    assert cubic_minimum(a, b, -1, 2) == cubic_minimum(b, a, -1, 2) == pytest.approx(1.0)
    assert cubic_minimum(a, b, 1.5, 2) == 1.5
    line = Point(0.0, 0.0, np.zeros(0), 1.0), Point(1.0, 1.0, np.zeros(0), 1.0)
    assert cubic_minimum(*line, 0, 1) == 0              # a line: its lower end
    assert cubic_minimum(line[0], line[1]._replace(loss=2 / 3), 0, 1) == 0.5    # no minimum: the middle
    flat = [point._replace(loss=0.0, slope=0.0) for point in line]
    assert cubic_minimum(*flat, 0, 1) == 0.5


@needs_torch
def test_cubic_minimum_equals_pytorchs() -> None:
    """Also where the cubic is a line, whose minimum is at an end."""
    cubic_interpolate = importlib.import_module("torch.optim.lbfgs")._cubic_interpolate
    stream = np.random.default_rng(0)
    for slope, left, right in [(-1.0, 0.0, 2.0), (2.0, 0.5, 1.0), *stream.standard_normal((50, 3)).tolist()]:
        for bend in (0.0, *stream.standard_normal(2).tolist()):
            points = [Point(t, slope * t + bend * t ** 2, np.zeros(0), slope + 2 * bend * t) for t in (left, right)]
            theirs = cubic_interpolate(*[number for p in points for number in (
                p.t, p.loss, torch.tensor(p.slope, dtype=torch.float64))], bounds=(-3.0, 7.0))
            assert cubic_minimum(*points, -3.0, 7.0) == pytest.approx(float(theirs), rel=1e-9)


@pytest.mark.parametrize("options", OPTIONS[1:3], ids=str)
def test_continues_where_it_was(options: dict[str, Any]) -> None:
    params = leaves()
    optimizer = optim.LBFGS(params, **options)
    steps(optimizer, params, 1)
    again = leaves(values=[p.array for p in params])
    other = optim.LBFGS(again, **options)
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    assert steps(optimizer, params, 2) == steps(other, again, 2)


@needs_torch
def test_state_moves_from_pytorch_and_back() -> None:
    options = {"line_search_fn": "strong_wolfe", "max_iter": 3, "history_size": 2}
    theirs = leaves(torch)
    their_optimizer = torch.optim.LBFGS(theirs, **options)
    steps(their_optimizer, theirs, 2)
    ours = leaves(values=[p.detach().numpy() for p in theirs])
    optimizer = optim.LBFGS(ours)
    optimizer.load_state_dict(their_optimizer.state_dict())
    steps(optimizer, ours, 2)

    def to_torch(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: to_torch(v) for name, v in value.items()}
        if isinstance(value, list):
            return [to_torch(v) for v in value]
        return torch.tensor(value.array) if isinstance(value, minidl.Tensor) else value

    back = leaves(torch, [p.array for p in ours])
    their_other = torch.optim.LBFGS(back)
    their_other.load_state_dict(to_torch(optimizer.state_dict()))
    np.testing.assert_allclose(steps(their_other, back, 1), steps(their_optimizer, theirs, 3)[2:], rtol=1e-9)


def test_float32_and_strict_arrays() -> None:
    for options in OPTIONS[:3]:
        cpu = [minidl.tensor(v, dtype=minidl.float32, requires_grad=True) for v in START]
        strict = [strict_array.leaf(p) for p in cpu]
        optimizer, other = optim.LBFGS(cpu, **options), optim.LBFGS(strict, **options)
        expected, found = steps(optimizer, cpu, 2), steps(other, strict, 2)
        if strict_array.tested.type == "cuda":      # sums have another order, and digits of the first loss are lost
            assert found == pytest.approx(expected, abs=1e-7 * expected[0])
        else:
            assert found == expected
        assert {str(p.dtype) for p in cpu} == {"float32"}
        assert {p.device.type for p in strict} == {strict_array.tested.type}
        assert optimizer.state[cpu[0]]["d"].dtype == minidl.float32


@pytest.mark.parametrize("options, error, text", [
    ({"lr": -1}, ValueError, "Invalid learning rate: -1"),
    ({"history_size": 0}, ValueError, "Invalid history_size: 0"),
    ({"line_search_fn": "x"}, RuntimeError, "only 'strong_wolfe' is supported, but got line_search_fn='x'"),
])
def test_refuses(options: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        optim.LBFGS(leaves(), **options)


def test_refuses_groups_and_a_step_without_closure() -> None:
    p, q = leaves()
    with pytest.raises(ValueError, match=r"doesn't support per-parameter options \(parameter groups\)"):
        optim.LBFGS([{"params": [p]}, {"params": [q]}])
    with pytest.raises(TypeError, match="closure"):
        optim.LBFGS([p]).step()  # type: ignore[call-arg]


def test_a_stale_graph_raises() -> None:
    params = leaves()
    loss = rosenbrock(*params)
    optimizer = optim.LBFGS(params, max_iter=1)
    steps(optimizer, params, 1)
    with pytest.raises(RuntimeError, match="LBFGS.step"):
        loss.backward()


@needs_torch
def test_a_line_search_ends_with_the_evaluations_of_the_step() -> None:
    """From a first trial far too short or too long, a search would take more trials than the step has left."""
    for options in ({"lr": 1e-9, "max_eval": 6}, {"lr": 1e4, "max_eval": 4}, {"lr": 1e-6, "max_iter": 3}):
        ours, theirs = leaves(), leaves(torch)
        optimizer = optim.LBFGS(ours, line_search_fn="strong_wolfe", **options)
        other = torch.optim.LBFGS(theirs, line_search_fn="strong_wolfe", **options)
        np.testing.assert_allclose(steps(optimizer, ours, 3), steps(other, theirs, 3), rtol=1e-10)
        assert optimizer.state[ours[0]]["func_evals"] == other.state[theirs[0]]["func_evals"]
        for p, q in zip(ours, theirs):
            np.testing.assert_allclose(p.array, q.detach().numpy(), rtol=1e-8)


@needs_torch
def test_state_goes_to_pytorch_and_back() -> None:
    ours, theirs = leaves(), leaves(torch)
    optimizer, other = (library.optim.LBFGS(params, line_search_fn="strong_wolfe", max_iter=4)
                        for library, params in ((minidl, ours), (torch, theirs)))
    steps(optimizer, ours, 1)
    steps(other, theirs, 1)
    mine, expected = optimizer.state_dict()["state"][0], other.state_dict()["state"][0]
    for name in ("H_diag", "d", "prev_flat_grad"):
        assert mine[name].shape == expected[name].shape and str(mine[name].dtype) == str(expected[name].dtype)[6:]
    assert [r.shape for r in mine["ro"]] == [r.shape for r in expected["ro"]]

    def convert(value: Any) -> Any:
        if isinstance(value, list):
            return [convert(v) for v in value]
        return torch.tensor(value.array) if isinstance(value, minidl.Tensor) else value

    saved = {**other.state_dict(), "state": {0: {name: value for name, value in expected.items() if name != "al"}}}
    other.load_state_dict({**other.state_dict(), "state": {0: {name: convert(value) for name, value in mine.items()}}})
    optimizer.load_state_dict(saved)
    np.testing.assert_allclose(steps(optimizer, ours, 1), steps(other, theirs, 1), rtol=1e-10)
    for p, q in zip(ours, theirs):
        np.testing.assert_allclose(p.array, q.detach().numpy(), rtol=1e-8)
