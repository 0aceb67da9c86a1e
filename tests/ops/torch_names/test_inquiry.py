"""Questions about a tensor: what it is, and how it lies in memory; answered as PyTorch answers them."""
import pytest

import minidl
from tests.checking import torch

TENSORS = {
    "ones": lambda library: library.ones(2, 3, 4),
    "part": lambda library: library.ones(2, 3, 4)[1, :, 1:],
    "turned": lambda library: library.ones(2, 3, 4).permute(2, 0, 1),
    "stretched": lambda library: library.ones(1, 3).expand(2, 3),
    "whole numbers": lambda library: library.arange(4),
    "bytes": lambda library: library.ones(2, dtype=library.uint8),
    "bools": lambda library: library.ones(2) > 0,
    "number": lambda library: library.tensor(1.0),
    "nothing": lambda library: library.ones(0, 2),
}
QUESTIONS = ["storage_offset", "dim_order", "is_pinned", "is_shared", "get_device", "is_signed", "is_inference",
             "stride", "is_contiguous", "numel"]


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("kind", TENSORS)
def test_answers_are_pytorchs(kind, question):
    if kind == "stretched" and question in ("dim_order", "stride") or kind == "nothing" and question == "stride":
        return      # NumPy has other steps where there is no second element, or no first
    mine, other = TENSORS[kind](minidl), TENSORS[kind](torch)
    assert getattr(mine, question)() == getattr(other, question)()


def test_no_tensor_is_sparse():
    gradient = minidl.ones(2, requires_grad=True)
    gradient.sum().backward()
    assert not gradient.grad.is_sparse      # optimizers that people wrote ask it


def test_functions_of_the_same_name():
    x = minidl.ones(2, 3)
    assert minidl.is_signed(x) and not minidl.is_signed(x.byte()) and not minidl.is_inference(x)
    assert minidl.is_same_size(x, minidl.zeros(2, 3)) and not x.is_same_size(minidl.zeros(3, 2))
    with pytest.raises(TypeError, match=r"is_signed\(\): argument 'input' \(position 1\) must be Tensor, not list"):
        minidl.is_signed([1])


def test_memory():
    x = minidl.ones(2, 3)
    assert x.is_set_to(x.view(2, 3)) and not x.is_set_to(x.t()) and not x.is_set_to(x.clone())
    assert x.is_cpu and not x.is_pinned()
    if not minidl.cuda.is_available():
        assert x.pin_memory() is x


def test_short_forms():
    x = minidl.arange(8).reshape(2, 2, 2)
    assert [part.tolist() for part in minidl.arange(4).split_with_sizes([1, 3])] == [[0], [1, 2, 3]]
    assert x.hsplit(2)[1].shape == (2, 1, 2) and x.vsplit(2)[1].shape == (1, 2, 2) and x.dsplit(2)[1].shape == (2, 2, 1)
    low, high = x.aminmax(dim=0)
    assert low.tolist() == [[0, 1], [2, 3]] and high.tolist() == [[4, 5], [6, 7]]
    assert minidl.tensor([-1.0, 0.25, 2.0]).hardshrink().tolist() == [-1, 0, 2]
    assert minidl.tensor([-1.0, 2.0]).prelu(minidl.tensor([0.5])).tolist() == [-0.5, 2]
    assert minidl.tensor([0.0, 1.0]).bernoulli().tolist() == [0, 1]
    assert x.new([1, 2]).dtype == minidl.int64 and x.new(2, 3).shape == (2, 3) and x.new().shape == (0,)
