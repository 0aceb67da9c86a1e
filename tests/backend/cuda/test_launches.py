"""What a training step asks of a GPU, counted without one: it must not grow."""
from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from minidl.backend import together
from tests.backend.cuda import on_cpu

ROOT = Path(__file__).parents[3]

MOST = {"softmax": 9, "mlp": 21, "lenet": 29, "resnet20": 173, "resnet18_inference": 88, "vit": 261, "lstm": 146,
        "dcgan": 115, "unet": 101}
"""Launches of a step of the programs in benchmarks/workloads.py."""

needs_cupy = pytest.mark.skipif(importlib.util.find_spec("cupy") is None or None in map(shutil.which, ("g++", "nm"))
                                or on_cpu.has_gpu(), reason="launches are counted with CuPy and g++, without a GPU")


@needs_cupy
def test_launches_and_waits_of_a_step() -> None:
    """One wait: the loss is read by the program."""
    command = [sys.executable, str(ROOT / "benchmarks" / "launches.py"), "--json", *MOST]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout)
    assert {name: counts["launches"] for name, counts in found.items() if counts["launches"] > MOST[name]} == {}
    assert {name: counts["waits"] for name, counts in found.items() if counts["waits"] > 1} == {}


def test_updates_are_put_off_only_inside() -> None:
    """At the end of the outermost block, also after an error."""


    ends: list[str] = []
    together.at_end.append(lambda: ends.append("end"))
    try:
        assert not together.is_together()
        with together.together():
            with together.together():
                assert together.is_together()
            assert together.is_together() and not ends
        assert ends == ["end"] and not together.is_together()
        with pytest.raises(KeyError), together.together():
            raise KeyError
        assert ends == ["end"] * 2 and not together.is_together()
    finally:
        together.at_end.pop()
