"""The compiled kernels as a switch, and what their own functions promise."""
from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import minidl
from minidl.backend.kernel import registry
from minidl.backend.kernels.conv import ConvGeometry
from minidl.backends import numba as switch

numba = pytest.importorskip("numba")
from minidl.backend.compiled import functions  # noqa: E402


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = switch.enabled
    yield
    switch.enabled = before


def test_the_switch_puts_compiled_bodies_first_and_takes_them_away() -> None:
    switch.enabled = False
    plain = {name: list(kernel.bodies.tried.get("numpy", [])) for name, kernel in registry.items()}
    switch.enabled = True
    switch.enabled = True
    compiled = 0
    for name, kernel in registry.items():
        faster = {body.function for body in kernel.bodies.all if body.layer == "compiled"}
        tried = kernel.bodies.tried.get("numpy", [])
        assert set(tried[:len(faster)]) == faster and tried[len(faster):] == plain[name]
        compiled += len(faster)
    assert compiled > 20
    switch.enabled = False
    assert {name: list(kernel.bodies.tried.get("numpy", [])) for name, kernel in registry.items()} == plain


@pytest.mark.parametrize("wrong", [1, "yes", None])
def test_it_is_on_or_off(wrong: object) -> None:
    before = switch.enabled
    with pytest.raises(RuntimeError, match="backends.numba.enabled expects True or False"):
        switch.enabled = wrong
    assert switch.enabled is before


def test_without_numba_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    switch.enabled = False
    monkeypatch.setattr(switch, "is_available", lambda: False)
    with pytest.raises(RuntimeError, match=r"pip install minidl\[numba\]"):
        switch.enabled = True
    assert not switch.enabled


@pytest.mark.parametrize("value,expected", [("1", "True"), ("0", "False"), (None, "False")])
def test_the_environment_decides_at_first(value: str | None, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINIDL_NUMBA", raising=False)
    if value is not None:
        monkeypatch.setenv("MINIDL_NUMBA", value)
    program = ("import sys, minidl; print(minidl.backends.numba.enabled); "
               "assert minidl.backends.numba.enabled or 'numba' not in sys.modules, 'imported for nothing'")
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == expected


def test_kernels_that_are_declared_later_are_compiled_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The switch is thrown before the optimizers are imported, which declare kernels of their own."""
    monkeypatch.setenv("MINIDL_NUMBA", "1")
    program = ("import minidl; from minidl.backend.kernel import registry; "
               "print({registry[name].bodies.tried['numpy'][0].__module__ for name in ('adam_update', 'sgd_update')})")
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "{'minidl.backend.compiled.update'}"


@numba.njit
def _exp(x: np.ndarray) -> np.ndarray:
    return np.array([functions.exp(v) for v in x])


@numba.njit
def _tanh(x: np.ndarray) -> np.ndarray:
    return np.array([functions.tanh(v) for v in x])


def test_exponential() -> None:
    x = np.linspace(-86.9, 88.7, 1_000_003, dtype=np.float32)
    np.testing.assert_allclose(_exp(x), np.exp(x.astype(np.float64)), rtol=2.5e-7)
    special = np.array([np.nan, np.inf, -np.inf, 0, -100, 100], np.float32)
    np.testing.assert_array_equal(_exp(special), np.array([np.nan, np.inf, 0, 1, 0, np.inf], np.float32))


def test_hyperbolic_tangent() -> None:
    x = np.concatenate([np.linspace(-12, 12, 1_000_003), np.logspace(-30, 1, 100_000)]).astype(np.float32)
    y = _tanh(x)
    np.testing.assert_allclose(y, np.tanh(x.astype(np.float64)), rtol=3.5e-7)
    assert abs(y).max() == 1
    special = np.array([np.nan, np.inf, -np.inf, 0], np.float32)
    np.testing.assert_array_equal(_tanh(special), np.array([np.nan, 1, -1, 0], np.float32))


def train(steps: int) -> list[np.ndarray]:
    """A small network with a bit of everything that is compiled."""
    minidl.manual_seed(0)
    nn = minidl.nn
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 48, 3, stride=2),
        nn.LeakyReLU(), nn.Conv2d(48, 48, 3, padding=1), nn.GELU(), nn.Flatten(2), nn.LSTM(49, 32))
    head = nn.Linear(32, 5)
    optimizer = minidl.optim.Adam([*model.parameters(), *head.parameters()])
    x, y = minidl.randn(24, 3, 32, 32), minidl.randint(0, 5, (24,))
    for _ in range(steps):
        optimizer.zero_grad()
        minidl.nn.functional.cross_entropy(head(model(x)[0][:, -1]), y).backward()
        optimizer.step()
    return [p.detach().numpy().copy() for p in [*model.parameters(), *head.parameters()]]


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("compiled", [False, True])
def test_a_seed_gives_the_same_bits_again(compiled: bool, threads: int) -> None:
    before = minidl.get_num_threads()
    minidl.set_num_threads(threads)
    switch.enabled = compiled
    try:
        for a, b in zip(train(3), train(3)):
            np.testing.assert_array_equal(a, b)
    finally:
        minidl.set_num_threads(before)


def test_training_is_the_same_up_to_rounding() -> None:
    switch.enabled = False
    plain = train(2)
    switch.enabled = True
    for a, b in zip(plain, train(2)):
        np.testing.assert_allclose(a, b, rtol=1e-2, atol=1e-4)


FIRST_STEP = """
import multiprocessing
import minidl
from minidl.nn.functional import cross_entropy

def step():
    scores = minidl.ones(2, 3, requires_grad=True)
    cross_entropy(scores, minidl.tensor([0, 1])).backward()
    minidl.optim.SGD([scores], lr=0.1).step()

minidl.backends.numba.enabled = True
minidl.backend.compiled.compiler.NOTICE_SECONDS = {patience}
{call}
"""


def first_step(folder: Path, patience: float, call: str = "step()") -> str:
    """What a program says on stderr whose kernels are compiled into, or read from, a folder."""
    return subprocess.run([sys.executable, "-c", FIRST_STEP.format(patience=patience, call=call)], check=True,
                          text=True, capture_output=True, env={**os.environ, "NUMBA_CACHE_DIR": str(folder)}).stderr


def test_the_first_step_says_once_that_it_compiles(tmp_path: Path) -> None:
    said = first_step(tmp_path, 0)
    assert said.startswith("minidl: compiling kernels for the first time on this machine") and said.count("\n") == 1
    assert first_step(tmp_path, 0) == ""            # they are read from the disk


def test_short_compiling_and_other_processes_say_nothing(tmp_path: Path) -> None:
    assert first_step(tmp_path / "1", 1000) == ""
    in_a_worker = ("p = multiprocessing.get_context('fork').Process(target=step); p.start(); p.join(); "
                   "assert not p.exitcode")
    if hasattr(os, "fork"):
        assert first_step(tmp_path / "2", 0, in_a_worker) == ""


@pytest.mark.parametrize("channels, outputs, size, most",
                         [(32, 48, 32, 1e-6), (64, 64, 17, 1.2e-6), (160, 128, 8, 2e-6)])
def test_precision_of_winograd_with_tiles_of_4_x_4(channels: int, outputs: int, size: int, most: float) -> None:
    """The root of the mean square error, over that of the result: by the definition, float32 has 2e-7 to 5e-7."""
    rng, geometry = np.random.default_rng(channels), ConvGeometry((1, 1), (1, 1), (1, 1), 1)
    x, w, g = (rng.standard_normal(shape) for shape in (
        (16, channels, size, size), (outputs, channels, 3, 3), (16, outputs, size, size)))
    calls = {"conv2d_forward": (x, w, geometry), "conv2d_weight_grad": (x, g, (3, 3), geometry)}
    switch.enabled = True
    for name, args in calls.items():
        exact = registry[name].generic(*args)
        single = [a.astype(np.float32) if isinstance(a, np.ndarray) else a for a in args]
        errors = {}
        for precision in ("highest", "high"):
            minidl.set_float32_matmul_precision(precision)
            try:
                errors[precision] = np.sqrt(((registry[name](*single) - exact)**2).mean() / (exact**2).mean())
            finally:
                minidl.set_float32_matmul_precision("highest")
        assert errors["highest"] < 6e-7 < errors["high"] < most
