"""memory_format: how a tensor lies in memory, as PyTorch does it."""
from __future__ import annotations

from typing import Any

import pytest

import minidl

try:
    import torch
except ImportError:
    torch = None

FORMATS = ["contiguous_format", "channels_last", "channels_last_3d", "preserve_format"]
SHAPES = [(2, 3, 4, 5), (2, 1, 4, 5), (1, 3, 1, 1), (2, 3, 2, 4, 5), (3,), (2, 3)]


def layouts(lib: Any, shape: tuple[int, ...], name: str) -> list[Any]:
    """What can be seen of the formats of three tensors of a shape."""
    form = getattr(lib, name)
    plain = lib.zeros(shape)
    seen: list[Any] = []
    for x in (plain, plain.transpose(0, -1)):
        for call in (lambda x=x: x.contiguous(memory_format=form), lambda x=x: x.clone(memory_format=form),
                     lambda x=x: x.to(memory_format=form), lambda x=x: x.to(lib.float64, memory_format=form)):
            try:
                y = call()
                seen.append(([step for step, n in zip(y.stride(), y.shape) if n > 1], y is x, y.is_contiguous(),
                             y.is_contiguous(memory_format=lib.channels_last) if y.ndim == 4 else None))
            except RuntimeError as error:
                seen.append(str(error)[:40])
    return seen


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", FORMATS)
def test_strides_are_pytorch_s(shape: tuple[int, ...], name: str) -> None:
    assert layouts(minidl, shape, name) == layouts(torch, shape, name)


def test_channels_last() -> None:
    x = minidl.rand(2, 3, 4, 5, requires_grad=True)
    y = x.contiguous(memory_format=minidl.channels_last)
    assert y.stride() == (60, 1, 15, 3) and (y == x).all() and y.contiguous(memory_format=minidl.channels_last) is y
    (y * y).sum().backward()
    assert x.grad is not None and minidl.allclose(x.grad, 2 * x)
    assert x.layout is minidl.strided and not x.is_mps and not x.is_meta


def test_a_module_in_channels_last() -> None:
    model = minidl.nn.Sequential(minidl.nn.Conv2d(3, 4, 3), minidl.nn.BatchNorm2d(4))
    x = minidl.rand(1, 3, 5, 5)
    before = model(x)
    assert model.to(memory_format=minidl.channels_last) is model
    assert model[0].weight.is_contiguous(memory_format=minidl.channels_last)
    assert isinstance(model[0].weight, minidl.nn.Parameter) and model[0].bias.stride() == (1,)
    assert minidl.allclose(model(x), before)


def test_what_is_no_format_is_refused() -> None:
    with pytest.raises(TypeError, match="expected a memory_format such as minidl.channels_last, got 'NHWC'"):
        minidl.ones(2).contiguous(memory_format="NHWC")
    with pytest.raises(RuntimeError, match="required rank 4 tensor to use channels_last format, got 1 axes"):
        minidl.ones(2).contiguous(memory_format=minidl.channels_last)
