"""Sobol's sequence, against PyTorch's."""
from __future__ import annotations

import warnings

import numpy as np
import pytest

import minidl
from minidl.quasirandom import SobolEngine


@pytest.mark.parametrize("dimension", [1, 3, 40])
def test_points_are_pytorch_s(dimension: int) -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = SobolEngine(dimension), torch.quasirandom.SobolEngine(dimension)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for call in (lambda e: e.draw(5), lambda e: e.fast_forward(3).draw(7), lambda e: e.draw(),
                     lambda e: e.reset().draw_base2(3), lambda e: e.draw_base2(3)):
            np.testing.assert_array_equal(call(ours).numpy(), call(theirs).numpy())
            assert ours.num_generated == theirs.num_generated and repr(ours) == repr(theirs)


def test_scrambled_points_are_spread_evenly() -> None:
    points = SobolEngine(3, scramble=True, seed=1).draw(64)
    assert points.shape == (64, 3) and points.dtype is minidl.float32
    for column in points.T:             # one in each 64th
        assert sorted((column * 64).long().tolist()) == list(range(64))
    assert (SobolEngine(3, True, 1).draw(64) == points).all() and (SobolEngine(3, True, 2).draw(64) != points).any()
    assert repr(SobolEngine(3, True, 1)) == "SobolEngine(dimension=3, scramble=True, seed=1)"


def test_arguments() -> None:
    engine, out = SobolEngine(2), minidl.empty(0)
    assert engine.draw(2, dtype=minidl.float64).dtype is minidl.float64
    assert engine.draw(2, out=out) is out and out.shape == (2, 2) and engine.draw(0).shape == (0, 2)
    with pytest.raises(ValueError, match="require n to be a power of 2. 4 points have been previously generated"):
        engine.draw_base2(1)
    for wrong in (0, 21202):
        with pytest.raises(ValueError, match="Supported range of dimensionality for SobolEngine is"):
            SobolEngine(wrong)
