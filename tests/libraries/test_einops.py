"""einops on Tensors: its own suite of tests with minidl's backend, gradients, and its layers as Modules."""
from __future__ import annotations

import copy
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minidl
from minidl import nn

pytest.importorskip("einops")

from minidl.einops import EinopsError, einsum, pack, rearrange, reduce, repeat, unpack  # noqa: E402
from minidl.einops.layers import EinMix, Rearrange, Reduce  # noqa: E402

HERE = Path(__file__).parent
EXCEPT = dict(line.split(": ", 1) for line in (HERE / "einops.txt").read_text(encoding="utf-8").splitlines())
"""Tests of einops' suite that are left out, and why."""


def test_its_own_suite() -> None:
    found = subprocess.run([sys.executable, "einops_suite.py", *EXCEPT], capture_output=True, text=True, cwd=HERE,
                           env={**os.environ, "PYTHONPATH": str(HERE.parent.parent)})
    assert found.returncode == 0, found.stdout[-3000:]
    assert all(reason for reason in EXCEPT.values()) and " passed" in found.stdout


def test_gradients_pass() -> None:
    x = minidl.arange(24.0).view(2, 3, 4).requires_grad_()
    reduce(rearrange(x, "b h (w two) -> b two (h w)", two=2).pow(2), "b two n -> b", "sum").sum().backward()
    assert x.grad is not None and (x.grad == 2 * x).all()
    y = minidl.ones(2, requires_grad=True)
    packed, shapes = pack([repeat(y, "n -> n k", k=3), y], "n *")
    assert [part.shape for part in unpack(packed, shapes, "n *")] == [(2, 3), (2,)]
    einsum(packed, packed, "n k, n l -> k l").sum().backward()
    assert y.grad is not None and y.grad.tolist() == [32, 32]       # of (4 y)^2 in each row


@pytest.mark.parametrize("how", ["sum", "mean", "max", "min", "prod"])
def test_reductions_give_numpys(how: str) -> None:
    array = np.random.default_rng(0).normal(size=(2, 3, 4))
    np.testing.assert_allclose(reduce(minidl.tensor(array), "a b c -> b", how), reduce(array, "a b c -> b", how))


@pytest.mark.parametrize("how", ["any", "all"])
def test_reductions_of_truths(how: str) -> None:
    array = np.random.default_rng(0).random((2, 3, 4)) < 0.7
    found = reduce(minidl.tensor(array), "a b c -> b", how)
    assert found.dtype == minidl.bool and found.tolist() == reduce(array, "a b c -> b", how).tolist()


def test_layers_are_modules() -> None:
    net = nn.Sequential(
        Rearrange("b (h p) (w q) c -> b (h w) (p q c)", p=2, q=2), nn.Linear(12, 8), nn.GELU(),
        EinMix("b t (g c) -> b t (g d)", weight_shape="g c d", bias_shape="g d", g=2, c=4, d=5),
        Reduce("b t d -> b d", "mean"))
    x = minidl.rand(2, 4, 6, 3)
    net(x).sum().backward()
    assert net(x).shape == (2, 10) and all(parameter.grad is not None for parameter in net.parameters())
    assert list(net.state_dict()) == ["1.weight", "1.bias", "3.weight", "3.bias"]
    assert "Rearrange('b (h p) (w q) c -> b (h w) (p q c)', p=2, q=2)" in repr(net)
    other = copy.deepcopy(net)
    assert (other(x) == net(x)).all() and other[3].weight is not net[3].weight
    bound = (3 / 4) ** 0.5      # einops': the variance of the output is that of the input
    assert 0.5 * bound < net[3].weight.abs().max() <= bound


def test_wrong_patterns_are_refused() -> None:
    with pytest.raises(EinopsError, match="Shape mismatch"):
        rearrange(minidl.ones(2, 3), "a (b two) -> a b two", two=2)
