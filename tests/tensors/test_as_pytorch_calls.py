"""Calls as programs for PyTorch make them: keywords, odd but accepted arguments, and what is refused."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from tests.checking import torch

CALLS = """
    x.flip(dims=(0,))
    x.flip(dims=[0, 1])
    x.flip(0, 1)
    x.permute(dims=(1, 0))
    x.repeat(repeats=(2, 1))
    x.tile(dims=(2, 1))
    x.view(size=(3, 2))
    x.reshape(shape=(3, 2))
    x.view(dtype=lib.int32)
    x.view(1, 6).expand(size=(3, 6))
    x.broadcast_to(size=(2, 2, 3))
    x.float().__rdiv__(2)
    x.float().__div__(2)
    x.float().__idiv__(2)
    reversed(x)
    reversed(lib.tensor(1))
    lib.diff(x, n=0, prepend=x)
    lib.diff(x, n=0)
    lib.full((2,), 1 + 0j, dtype=lib.float32)
    lib.ones(2).fill_(2 + 0j)
    lib.gather(x, 0, lib.empty(0, dtype=lib.int64))
    lib.gather(x, 0, lib.empty(0, 4, dtype=lib.int64))
    lib.gather(lib.ones(1, 2, requires_grad=True), 1, lib.empty(0, 2, 3, dtype=lib.int64))
    lib.scatter(x, 0, lib.empty(0, dtype=lib.int64), 3)
    lib.scatter(x, 0, lib.empty(0, 4, dtype=lib.int64), x)
    lib.scatter_add(x, 1, lib.empty(0, dtype=lib.int64), x)
    lib.scatter_reduce(x, 1, lib.empty(0, 5, dtype=lib.int64), x, 'sum')
    x.new_full((2,), 3, layout=lib.strided)
    x.new_zeros(2, layout=lib.strided, pin_memory=False)
    lib.tril_indices(2, 2, layout=lib.strided)
    nn.Conv2d(2, 3, 3, padding='same')._reversed_padding_repeated_twice
    list(nn.Conv2d(2, 3, (3, 5), padding=(1, 2))._reversed_padding_repeated_twice)
    list(nn.ConvTranspose1d(2, 3, 3, padding=2)._reversed_padding_repeated_twice)
    nn.MultiheadAttention(4, 2)._qkv_same_embed_dim
    nn.MultiheadAttention(4, 2, kdim=3)._qkv_same_embed_dim
    [name for name, _ in nn.Linear(2, 3)._named_members(lambda m: m._parameters.items())]
    lib.utils.data.DataLoader([1, 2, 3])._auto_collation
    lib.utils.data.DataLoader([1, 2, 3], batch_size=None)._auto_collation
    list(lib.utils.data.DataLoader([1, 2, 3], batch_size=2)._index_sampler)
    x.t()[0]._base.shape
    (lib.ones(2) * 2)._base
    [x.t()._is_view(), (x * 2)._is_view(), x.detach()._is_view()]
    lib.zeros(2).bernoulli_(lib.tensor([0., 1.]))
    lib.zeros(2).normal_(1, 0)
    lib.einsum(x, [0, 1], [1])
    lib.einsum(x, [0, 1], x, [2, 1], [2, 0])
    lib.einsum(x, [0, 1], x, [51, 1])
    lib.einsum(x, [30, 2])
    lib.einsum(x, [..., 1], x, [..., 1], [...])
    lib.zeros(2).uniform_(3, 3)
    lib.take_along_dim(x, lib.tensor([[-1], [0]]), 1)
    x.view(lib.float64)
    lib.gather(lib.tensor(5), 0, lib.tensor([0]))
    lib.gather(lib.tensor(5), -1, lib.tensor(0))
    lib.tensordot(lib.ones(3, 4), lib.ones(4, 5), dims=lib.tensor(1))
    lib.tensordot(lib.ones(3, 4), lib.ones(4, 3), dims=lib.tensor([[0], [1]]))
    lib.tensor_split(x.view(6), lib.tensor([2, 5]))
    lib.tensor_split(x.view(6), lib.tensor(4))
    x.tensor_split(sections=2)
    x.tensor_split(indices=(1,), dim=1)
    lib.tensor_split(x, tensor_indices_or_sections=lib.tensor(2))
    lib.tril_indices(3, 3, dtype=lib.int32)
    lib.triu_indices(3, 3, 1, dtype=lib.int32)
    lib.matrix_power(lib.ones(2, 2, requires_grad=True), 0)
    lib.linalg.matrix_power(lib.tensor([[2, 1], [1, 1]]), 0)
    lib.linalg.lstsq(lib.eye(2, requires_grad=True), lib.ones(2, 1)).residuals
    lib.arange(-8, 8, 0.1)[80]
    lib.arange(0, 1, 0.1)
    lib.arange(0, -5, -1.5)
    lib.arange(0.5, 5, 1, dtype=lib.int64)
    lib.arange(1, 1000, 0.7)[-1]
    lib.arange(lib.tensor(3))
    lib.arange(2 ** 60, 2 ** 60 + 3)
    lib.arange(True)
    lib.arange(5, dtype=lib.float16)
    lib.linspace(-5, 5, 8, dtype=lib.int64)
    lib.linspace(10, 0, 4, dtype=lib.int32)
    lib.linspace(0, 255, 100, dtype=lib.uint8)
    lib.linspace(0, 1j, 3)
    lib.linspace(1, 5, 1)
    lib.linspace(lib.tensor(0.), lib.tensor(1.), 3)
    lib.linspace(1, 5, 0)
    F.multi_margin_loss(lib.tensor(1.), lib.tensor(0))
    F.multilabel_margin_loss(lib.tensor(1.), lib.tensor(0))
    F.multilabel_margin_loss(lib.tensor(1.), lib.tensor(-1), reduction='none')
    F.gaussian_nll_loss(lib.ones(2, 3), lib.arange(2.)[:, None], lib.ones(2, 3))
    F.gaussian_nll_loss(lib.ones(2, 3), lib.arange(3.), lib.ones(2, 1))
    F.gaussian_nll_loss(lib.ones(2, 1), lib.zeros(2, 3), lib.ones(2, 1), reduction='none')
    lib.utils.data.StackDataset([1, 2], [3, 4])[1]
    lib.utils.data.StackDataset([1, 2], [3, 4]).__getitems__([0, 1])
    lib.utils.data.StackDataset(a=[1, 2], b=[3, 4]).__getitems__([1, 0])
    len(lib.utils.data.StackDataset([1, 2]))
    nn.modules.utils._pair(3)
    nn.modules.utils._triple((1, 2, 3))
    nn.modules.utils._ntuple(4)(2)
    nn.modules.utils._single([1])
    nn.modules.utils._quadruple(1)
    nn.modules.utils._reverse_repeat_tuple((1, 2), 2)
    nn.modules.utils._list_with_default([None, 2], [5, 3, 4])
    x.is_quantized
    lib.utils.dlpack.from_dlpack(lib.utils.dlpack.to_dlpack(lib.ones(2)))
"""

REFUSED = [
    ("lib.utils.data.StackDataset()", ValueError), ("lib.utils.data.StackDataset([1, 2], [1])", ValueError),
    ("lib.utils.data.StackDataset([1], a=[1])", ValueError), ("lib.cat([])", ValueError),
    ("lib.utils.data.TensorDataset(lib.ones(2), lib.ones(3))", AssertionError),
    ("lib.tensor_split(x, lib.tensor([2., 5]))", RuntimeError),
    ("lib.tril_indices(3, 3, dtype=lib.float32)", NotImplementedError), ("x.flip(0, dims=(1,))", TypeError),
    ("F.multilabel_soft_margin_loss(lib.tensor(1.), lib.tensor(1.))", IndexError),
    ("nn.modules.utils._list_with_default([None, 2], [3, 4])", ValueError),
    ("lib.arange(0, float('inf'))", RuntimeError), ("x.flip()", TypeError),
    ("lib.full((2,), 1j, dtype=lib.float32)", RuntimeError), ("lib.full_like(x, 1j)", RuntimeError),
    ("lib.ones(2).fill_(1j)", RuntimeError),
    ("nn.BatchNorm2d(3)._check_input_dim(lib.ones(2, 3))", ValueError), ("lib.zeros(2).bernoulli_(2)", RuntimeError),
    ("lib.zeros(2).normal_(0, -1)", RuntimeError), ("lib.zeros(2).uniform_(1, 0)", RuntimeError),
    ("lib.isclose(x, x, rtol=-1)", RuntimeError), ("lib.allclose(x, x, atol=-1)", RuntimeError),
    ("lib.meshgrid(x, x, indexing='ij')", RuntimeError),
    ("lib.meshgrid(x[0], lib.ones(2), indexing='ij')", RuntimeError),
    ("lib.einsum(x, [0, 52])", ValueError), ("lib.einsum(x, [0, 1], x)", (RuntimeError, TypeError)),
    ("lib.round(x, decimals=-1)", NotImplementedError),
    ("lib.zeros(2).bernoulli_(float('nan'))", RuntimeError), ("nn.init.normal_(lib.zeros(2), 0, -1)", RuntimeError),
]


def run(text: str, lib: Any) -> Any:
    return eval(text, {"lib": lib, "F": lib.nn.functional, "nn": lib.nn, "x": lib.arange(6).view(2, 3)})


def plain(value: Any) -> Any:
    """What two libraries can be compared by: dtype, shape, requires_grad and numbers of tensors."""
    if hasattr(value, "requires_grad"):
        dtype = str(value.dtype).removeprefix("torch.")
        return dtype, tuple(value.shape), value.requires_grad, value.detach().numpy().tolist()
    return [plain(part) for part in value] if isinstance(value, (tuple, list)) else value


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("text", [line.strip() for line in CALLS.strip().splitlines()])
def test_results_are_pytorchs(text: str) -> None:
    ours, theirs = plain(run(text, minidl)), plain(run(text, torch))
    if isinstance(theirs, tuple) and theirs[0] == "float32":
        assert ours[:3] == theirs[:3]
        np.testing.assert_allclose(ours[3], theirs[3], rtol=1e-6)
    else:
        assert ours == theirs


@pytest.mark.parametrize("text, kind", REFUSED)
def test_refused(text: str, kind: Any) -> None:
    for lib in (minidl, *([torch] if torch else [])):
        with pytest.raises(kind):
            run(text, lib)


def test_worked_examples() -> None:
    x = minidl.arange(6).view(2, 3)
    assert x.flip(dims=(1,)).tolist() == [[2, 1, 0], [5, 4, 3]] and x.reshape(shape=(6,)).tolist() == [0, 1, 2, 3, 4, 5]
    assert minidl.arange(0, 1, 0.1, dtype=minidl.float64).tolist() == [i * 0.1 for i in range(10)]
    assert minidl.linspace(-5, 5, 4, dtype=minidl.int64).tolist() == [-5, -1, 1, 5]
    assert minidl.take_along_dim(x, minidl.tensor([[-1], [0]]), 1).tolist() == [[2], [3]]
    a = minidl.ones(2, 2, requires_grad=True)
    minidl.linalg.matrix_power(a, 0).sum().backward()
    assert a.grad is not None and a.grad.tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("input, target", [((3, 1), (3,)), ((3,), (3, 1))])
def test_a_column_beside_a_row_is_still_refused(input: tuple[int, ...], target: tuple[int, ...]) -> None:
    with pytest.raises(RuntimeError, match="broadcasting here is nearly always a mistake"):
        minidl.nn.functional.gaussian_nll_loss(minidl.ones(input), minidl.ones(target), minidl.ones(input))


def test_arguments_that_say_how_new_tensors_lie():
    """PyTorch's layout, pin_memory and memory_format."""
    x, images = minidl.ones(2), minidl.ones(1, 3, 2, 4)
    for made in (minidl.zeros(2, layout=minidl.strided), minidl.empty(2, pin_memory=False),
                 minidl.rand(2, pin_memory=True), minidl.zeros_like(x, memory_format=minidl.preserve_format),
                 minidl.randn_like(x, memory_format=minidl.contiguous_format, layout=minidl.strided)):
        assert made.shape == (2,) and made.is_contiguous()
    for made in (minidl.full_like(images, 3, memory_format=minidl.channels_last, requires_grad=True),
                 minidl.empty(1, 3, 2, 4, memory_format=minidl.channels_last)):
        assert made.shape == images.shape and made.stride() == (24, 1, 12, 3)
    assert minidl.full_like(images, 3, memory_format=minidl.channels_last).sum() == 72
    with pytest.raises(RuntimeError, match="expected layout minidl.strided"):
        minidl.ones(2, layout=minidl.sparse_coo)
    with pytest.raises(RuntimeError, match="required rank 4 tensor"):
        minidl.zeros_like(x, memory_format=minidl.channels_last)
    with pytest.raises(TypeError, match="memory_format"):
        minidl.zeros(2, memory_format=minidl.channels_last)


def test_numpy_without_gradients():
    x = minidl.ones(2, requires_grad=True)
    with minidl.no_grad():
        assert x.numpy().tolist() == [1, 1] and np.asarray(x).tolist() == [1, 1]
    with pytest.raises(RuntimeError, match="requires grad"):
        x.numpy()


@pytest.mark.parametrize("lib", [minidl, *([torch] if torch else [])], ids=["minidl", "torch"][:1 + bool(torch)])
def test_layers_that_change_one_step_of_their_base(lib: Any) -> None:
    """A weight that is changed before the convolution, and a batch norm that takes inputs of any number of axes."""
    class Doubled(lib.nn.Conv2d):  # type: ignore[misc, name-defined]
        def forward(self, input: Any) -> Any:
            return self._conv_forward(input, self.weight * 2, self.bias)

    class AnyBatchNorm(lib.nn.BatchNorm2d):  # type: ignore[misc, name-defined]
        def _check_input_dim(self, input: Any) -> None:
            assert input.ndim > 1

    x = lib.arange(9.0).view(1, 1, 3, 3)
    layer = Doubled(1, 1, 2, padding=1, padding_mode="circular", bias=False)
    expected = lib.nn.Conv2d.forward(layer, x) * 2
    np.testing.assert_allclose(layer(x).detach().numpy(), expected.detach().numpy(), rtol=1e-6)
    assert AnyBatchNorm(2)(lib.ones(3, 2)).tolist() == [[0, 0]] * 3
