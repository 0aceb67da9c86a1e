"""Sequences of different lengths: padded, packed, and the way there and back."""
from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minidl
from minidl.autograd import gradcheck
from minidl.nn.utils.rnn import (
    PackedSequence,
    invert_permutation,
    pack_padded_sequence,
    pack_sequence,
    pad_packed_sequence,
    pad_sequence,
    unpack_sequence,
    unpad_sequence,
)
from tests import strict_array

try:
    import torch
    from torch.nn.utils import rnn as theirs
except ImportError:
    torch = theirs = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
LENGTHS = st.lists(st.integers(1, 6), min_size=1, max_size=5)
REST = st.sampled_from([(), (2,), (2, 1)])


def sequences_of(lengths: list[int], rest: tuple[int, ...]) -> list[np.ndarray]:
    stream = np.random.default_rng(0)
    return [stream.standard_normal((length, *rest)) for length in lengths]


def same(ours: Any, expected: Any) -> None:
    """Nested tuples and lists of tensors; None is like None only."""
    if isinstance(ours, (tuple, list)):
        assert len(ours) == len(expected)
        for a, b in zip(ours, expected):
            same(a, b)
    elif ours is None:
        assert expected is None
    else:
        expected = np.asarray(expected)
        assert ours.dtype == expected.dtype
        np.testing.assert_array_equal(ours.detach().cpu().numpy(), expected, strict=True)


def test_packed_by_hand() -> None:
    """abc, de and f, given in another order."""
    packed = pack_sequence([minidl.tensor(s) for s in ([4, 5], [6], [1, 2, 3])], enforce_sorted=False)
    same(packed, (np.array([1, 4, 6, 2, 5, 3]), np.array([3, 2, 1]), np.array([2, 0, 1]), np.array([1, 2, 0])))
    padded, lengths = pad_packed_sequence(packed, padding_value=9, total_length=4)
    same(padded, np.array([[4, 6, 1], [5, 9, 2], [9, 9, 3], [9, 9, 9]]))
    same(lengths, np.array([2, 1, 3]))


@given(lengths=LENGTHS, rest=REST, batch_first=st.booleans(), extra=st.integers(0, 2))
def test_there_and_back(lengths: list[int], rest: tuple[int, ...], batch_first: bool, extra: int) -> None:
    arrays = sequences_of(lengths, rest)
    sequences = [minidl.tensor(a) for a in arrays]
    same(unpack_sequence(pack_sequence(sequences, enforce_sorted=False)), arrays)
    padded = pad_sequence(sequences, batch_first, padding_value=7.0)
    same(unpad_sequence(padded, minidl.tensor(lengths), batch_first), arrays)
    packed = pack_padded_sequence(padded, lengths, batch_first, enforce_sorted=False)
    again, found = pad_packed_sequence(packed, batch_first, 7.0, max(lengths) + extra)
    same(again.narrow(int(batch_first), 0, max(lengths)), padded.numpy())
    assert found.tolist() == lengths and (again == 7.0).sum().item() == again.numel() - packed.data.numel()


@needs_torch
@given(lengths=LENGTHS, rest=REST, batch_first=st.booleans(), ordered=st.booleans(),
       side=st.sampled_from(["left", "right"]))
def test_equal_to_pytorch(lengths: list[int], rest: tuple[int, ...], batch_first: bool, ordered: bool,
                          side: str) -> None:
    lengths = sorted(lengths, reverse=True) if ordered else lengths
    arrays = sequences_of(lengths, rest)
    padded, expected = pad_sequence(map(minidl.tensor, arrays), batch_first, 2.5, side), \
        theirs.pad_sequence(list(map(torch.tensor, arrays)), batch_first, 2.5, side)
    same(padded, expected)
    packed = pack_padded_sequence(padded, minidl.tensor(lengths), batch_first, ordered)
    other = theirs.pack_padded_sequence(expected, torch.tensor(lengths), batch_first, ordered)
    if len(set(lengths)) == len(lengths) or ordered:    # else PyTorch may put equal lengths in another order
        same(packed, other)
    same(packed.batch_sizes, other.batch_sizes)
    same(pad_packed_sequence(packed, batch_first, -1.0, 7), theirs.pad_packed_sequence(other, batch_first, -1.0, 7))


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
def test_results_lie_row_by_row(ordered: bool, batch_first: bool) -> None:
    """A program may go on with view(-1, width)."""
    sequences = [minidl.ones(n, 2) for n in ([3, 2] if ordered else [2, 3])]
    packed = pack_sequence(sequences, enforce_sorted=ordered)
    padded, lengths = pad_packed_sequence(packed, batch_first)
    for x in [padded, *unpad_sequence(padded, lengths, batch_first), *unpack_sequence(packed)]:
        assert x.is_contiguous() and x.view(-1).sum().item() == x.sum().item()


@pytest.mark.parametrize("ordered", [True, False])
def test_gradients_flow_through(ordered: bool) -> None:
    lengths = [3, 2, 2] if ordered else [2, 3, 1]
    sequences = [minidl.tensor(a, requires_grad=True) for a in sequences_of(lengths, (2,))]

    def there_and_back(*sequences: Any) -> Any:
        packed = pack_sequence(sequences, ordered)
        return packed.data.sin(), *unpack_sequence(packed._replace(data=packed.data ** 2))

    assert gradcheck(there_and_back, sequences)
    padded = minidl.ones(3, 3, requires_grad=True)
    pack_padded_sequence(padded, lengths, enforce_sorted=ordered).data.sum().backward()
    assert padded.grad.sum(0).tolist() == lengths   # nothing reaches the padding


def test_a_packed_sequence_is_a_tuple() -> None:
    packed = pack_sequence([minidl.ones(1, 2), minidl.ones(2, 2)], enforce_sorted=False)
    data, batch_sizes, order, back = packed
    assert packed._fields == ("data", "batch_sizes", "sorted_indices", "unsorted_indices") and data is packed[0]
    for twin in (copy.deepcopy(packed), pickle.loads(pickle.dumps(packed)), PackedSequence(data, batch_sizes, order)):
        assert type(twin) is PackedSequence
        same(twin, [part.numpy() for part in packed])
    same(PackedSequence((data, batch_sizes)), (data.numpy(), batch_sizes.numpy(), None, None))
    assert repr(PackedSequence(data[:1, :1], batch_sizes[:1])) == \
        "PackedSequence(data=tensor([[1.]]), batch_sizes=tensor([2]), sorted_indices=None, unsorted_indices=None)"


def test_moved_and_cast() -> None:
    packed = pack_sequence([minidl.ones(1), minidl.ones(2)], enforce_sorted=False)
    assert packed.to("cpu") is packed and packed.float() is packed and packed.cpu() is packed and not packed.is_cuda
    for name in ("double", "half", "long", "int", "short", "char", "byte"):
        cast = getattr(packed, name)()
        assert cast.data.dtype == getattr(packed.data, name)().dtype and cast.sorted_indices.dtype == np.int64
    moved = packed.to("strict", minidl.float64)
    assert [t.device.type for t in moved] == ["strict", "cpu", "strict", "strict"] and moved.data.dtype == np.float64
    padded, lengths = pad_packed_sequence(moved)
    assert padded.device.type == "strict" and lengths.device.type == "cpu"
    assert pack_padded_sequence(padded, lengths, enforce_sorted=False).data.device.type == "strict"
    same(moved.cpu(), [part.cpu().numpy() for part in moved])
    with pytest.raises(ValueError, match="batch_sizes should always be on CPU"):
        PackedSequence(packed.data, strict_array.leaf(packed.batch_sizes))


@given(st.permutations(range(5)))
def test_invert_permutation(order: list[int]) -> None:
    permutation = minidl.tensor(order)
    assert permutation[invert_permutation(permutation)].tolist() == [0, 1, 2, 3, 4]
    assert invert_permutation(None) is None


X = minidl.ones(3, 2, 4)


@pytest.mark.parametrize("call, kind, text", [
    (lambda: pack_padded_sequence(X, [2, 3]), RuntimeError, "`lengths` array must be sorted in decreasing order"),
    (lambda: pack_padded_sequence(X, [3, 0]), RuntimeError, "Length of all samples has to be greater than 0"),
    (lambda: pack_padded_sequence(X, [4, 1]), RuntimeError, "at most the 3 steps of input (3, 2, 4), but found [4, 1]"),
    (lambda: pack_padded_sequence(X, [3]), RuntimeError,
     "Expected `len(lengths)` to be equal to batch_size, but got 1 (batch_size=2)"),
    (lambda: pack_padded_sequence(X[:, :0], []), RuntimeError, "Cannot pack empty tensors"),
    (lambda: pack_padded_sequence(X[0, 0], [4]), IndexError, "Dimension out of range"),
    (lambda: pad_packed_sequence(pack_sequence([X]), total_length=2), ValueError,
     "Expected total_length to be at least the length of the longest sequence in input, but got total_length=2 and "
     "max sequence length being 3"),
    (lambda: pad_sequence([]), RuntimeError, "received an empty list of sequences"),
    (lambda: pad_sequence(3), RuntimeError, "Expected iterable for input sequences, but got arg of type: int"),
    (lambda: pad_sequence([X], padding_side="up"), RuntimeError,
     "Expected padding_side to be one of left or right, but got up."),
    (lambda: pad_sequence([X, X[..., :2]]), RuntimeError, "differ in nothing but L, but got (3, 2, 4) and (3, 2, 2)"),
    (lambda: pack_sequence([]), RuntimeError, "received an empty list of sequences"),
    (lambda: PackedSequence(X), AssertionError, "Expected data to be a list or tuple of length 2"),
])
def test_errors(call: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert text in str(caught.value)
