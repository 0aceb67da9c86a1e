"""`minidl info --compile` uses every compiled kernel."""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

import minidl
from minidl import backends
from minidl.backend.kernel import registry
from minidl.cli import compiling
from minidl.cli.main import main

pytest.importorskip("numba")


def test_every_compiled_body_is_used(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    before, used = backends.numba.enabled, set()

    def noted(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any) -> Any:
            result = function(*args)
            if result is not NotImplemented:
                used.add(function)
            return result
        return call

    backends.numba.enabled = True       # it registers the bodies
    known = [body for kernel in registry.values() for body in kernel.bodies.all if body.layer == "compiled"]
    for kernel in registry.values():
        monkeypatch.setattr(kernel.bodies, "all", [
            body._replace(function=noted(body.function)) if body in known else body for body in kernel.bodies.all])
    backends.numba.enabled = False
    try:
        main(["info", "--compile"])
        assert not backends.numba.enabled
    finally:
        monkeypatch.undo()
        backends.numba.enabled = before
    assert {body.function for body in known} - used == set()
    assert f"compiling, {len(compiling.KINDS)} of {len(compiling.KINDS)}: " in capsys.readouterr().err


def test_an_error_leaves_the_settings_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        minidl.set_float32_matmul_precision("high")
        raise OSError("no space left on device")

    before = backends.numba.enabled, minidl.get_float32_matmul_precision()
    monkeypatch.setattr(compiling, "KINDS", {"convolutions": fail})
    with pytest.raises(OSError):
        compiling.compile_all()
    assert (backends.numba.enabled, minidl.get_float32_matmul_precision()) == before
