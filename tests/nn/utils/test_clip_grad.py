"""Gradient clipping."""
from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from tests import strict_array  # noqa: F401  (registers the device "strict")

try:
    import torch
except ImportError:
    torch = None


def with_gradients(library: Any, *gradients: Any) -> list[Any]:
    """Parameters with these gradients; None for no gradient."""
    parameters = []
    for g in gradients:
        p = library.zeros(1 if g is None else tuple(np.shape(g)), requires_grad=True)
        p.grad = None if g is None else library.tensor(g)
        parameters.append(p)
    return parameters


def test_clip_grad_norm_by_hand() -> None:
    p, q, r = with_gradients(minidl, [3.0, 0.0], None, [[-4.0]])
    memory = p.grad
    total = nn.utils.clip_grad_norm_([p, q, r], 1.0)
    assert total.item() == 5.0 and total.shape == () and not total.requires_grad
    np.testing.assert_allclose([*p.grad.tolist(), r.grad.item()], [0.6, 0.0, -0.8], rtol=1e-5)
    assert p.grad is memory and q.grad is None
    assert nn.utils.clip_grad_norm_([p, r], 2.0).item() == pytest.approx(1.0, rel=1e-5)
    np.testing.assert_allclose(p.grad.tolist(), [0.6, 0.0], rtol=1e-5)   # short enough: as it was


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("norm_type", [2, 2.0, 1, 3.5, math.inf])
@pytest.mark.parametrize("max_norm", [0.5, 100])
def test_clip_grad_norm_equals_pytorchs(norm_type: float, max_norm: float) -> None:
    gradients = [np.random.default_rng(i).normal(size=size).astype(np.float32) for i, size in enumerate([(3, 4), 5])]
    ours, theirs = with_gradients(minidl, *gradients), with_gradients(torch, *gradients)
    total = nn.utils.clip_grad_norm_(iter(ours), max_norm, norm_type)
    expected = torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)
    np.testing.assert_allclose(total.item(), expected.item(), rtol=1e-5)
    for p, q in zip(ours, theirs):
        assert p.grad.dtype == np.float32
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-5)


def test_norms_that_are_no_numbers() -> None:
    p, = with_gradients(minidl, [1.0, math.inf])
    with pytest.raises(RuntimeError, match="The total norm of order 2.0 for gradients from `parameters` is non-finite"):
        nn.utils.clip_grad_norm_(p, 1.0, error_if_nonfinite=True)
    assert p.grad.tolist() == [1.0, math.inf]
    assert nn.utils.clip_grad_norm_(p, 1.0).item() == math.inf and p.grad[0].item() == 0.0


def test_nothing_to_clip() -> None:
    assert nn.utils.clip_grad_norm_([], 1.0).item() == 0.0
    assert nn.utils.clip_grad_norm_(with_gradients(minidl, None), 1.0).item() == 0.0


def test_clip_grad_value() -> None:
    p, q = with_gradients(minidl, [-3.0, 0.25, 3.0], None)
    memory = p.grad
    nn.utils.clip_grad_value_([p, q], 0.5)
    assert p.grad is memory and memory.tolist() == [-0.5, 0.25, 0.5]


def test_on_another_device() -> None:
    m = nn.Linear(3, 2).to("strict")
    m(minidl.ones(4, 3, device="strict")).sum().backward()
    assert nn.utils.clip_grad_norm_(m.parameters(), 0.1).device.type == "strict"
    nn.utils.clip_grad_value_(m.parameters(), 0.01)
    assert abs(m.weight.grad.cpu()).max().item() <= 0.0100001


def test_numbers_may_be_strings_as_on_a_command_line() -> None:
    w = minidl.zeros(2, requires_grad=True)
    w.grad = minidl.tensor([3.0, -4.0])
    assert nn.utils.clip_grad_norm_(w, "2", norm_type="inf").item() == 4.0  # type: ignore[arg-type]
    np.testing.assert_allclose(w.grad.array, [1.5, -2.0], rtol=1e-6)
    nn.utils.clip_grad_value_(w, "1")  # type: ignore[arg-type]
    assert w.grad.tolist() == [1.0, -1.0]
    with pytest.raises(ValueError, match="could not convert string to float"):
        nn.utils.clip_grad_value_(w, "a")  # type: ignore[arg-type]
