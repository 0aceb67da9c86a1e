"""Sequences of different lengths in one batch: padded or packed.

Padded sequences have the length of the longest. To pack them, sort them by length, the longest first. Then put the
first steps of all in a row, then all second steps, and so on, without gaps. `batch_sizes` says how many sequences have
each step. For the sequences abc, de and f:

    padded  a d f      packed  a d f b e c      batch_sizes  3 2 1
            b e 0
            c 0 0
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from minidl.autograd.tensorbase import TensorBase
from minidl.backend import dtype as dtypes
from minidl.nn.parameter import type_name
from minidl.ops.shape import pad, stack
from minidl.tensors.creation import arange, full, tensor
from minidl.tensors.tensor import Tensor

__all__ = [
    "PackedSequence", "invert_permutation", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence",
    "pad_sequence", "unpack_sequence", "unpad_sequence",
]


class _Fields(NamedTuple):
    data: Tensor                                # (P, *): all steps, P the sum of the lengths
    batch_sizes: Tensor                         # (T,), on the CPU: how many sequences have step t
    sorted_indices: Tensor | None = None        # (N,): the sequence at place n
    unsorted_indices: Tensor | None = None      # (N,): the place of sequence n


class PackedSequence(_Fields):
    """Packed sequences of different lengths, for recurrent layers.

    `pack_padded_sequence` and `pack_sequence` make them; `pad_packed_sequence` and `unpack_sequence` read them. The two
    permutations are None if the sequences were sorted by length from the start.
    """

    def __new__(cls, data: Any, batch_sizes: Tensor | None = None, sorted_indices: Tensor | None = None,
                unsorted_indices: Tensor | None = None) -> PackedSequence:
        if batch_sizes is None:
            if not isinstance(data, (list, tuple)) or len(data) != 2:
                raise AssertionError(f"PackedSequence: Expected data to be a list or tuple of length 2, data and "
                                     f"batch_sizes, but got {type_name(data)}; try pack_sequence on a list of tensors")
            data, batch_sizes = data
        assert batch_sizes is not None
        if batch_sizes.device.type != "cpu":
            raise ValueError(f"PackedSequence: batch_sizes should always be on CPU, but they are on "
                             f"{batch_sizes.device}; make packed sequences with pack_padded_sequence or pack_sequence")
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """`Tensor.to` for the data; the permutations move to its device. Returns itself where nothing changes."""
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        return type(self)(data, self.batch_sizes, *[None if indices is None else indices.to(data.device)
                                                    for indices in (self.sorted_indices, self.unsorted_indices)])

    @property
    def is_cuda(self) -> bool:
        """Whether the data is on a GPU."""
        return self.data.is_cuda

    def cpu(self) -> PackedSequence: return self.to("cpu")
    def cuda(self, device: Any = None) -> PackedSequence: return self.to("cuda" if device is None else device)
    def double(self) -> PackedSequence: return self.to(dtypes.float64)
    def float(self) -> PackedSequence: return self.to(dtypes.float32)
    def half(self) -> PackedSequence: return self.to(dtypes.float16)
    def long(self) -> PackedSequence: return self.to(dtypes.int64)
    def int(self) -> PackedSequence: return self.to(dtypes.int32)
    def short(self) -> PackedSequence: return self.to(dtypes.int16)
    def char(self) -> PackedSequence: return self.to(dtypes.int8)
    def byte(self) -> PackedSequence: return self.to(dtypes.uint8)


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The inverse permutation: y with `y[permutation[i]] = i`; None for None.

        >>> import minidl
        >>> invert_permutation(minidl.tensor([2, 0, 1]))
        tensor([1, 2, 0])
    """
    return None if permutation is None else permutation.argsort()


# ---------------------------------------------------------------------- packed and padded

def pack_padded_sequence(input: Tensor, lengths: Tensor | Sequence[int], batch_first: bool = False,
                         enforce_sorted: bool = True) -> PackedSequence:
    """Remove the padding: the first `lengths[n]` steps of sequence n remain.

    input (T, N, *), or (N, T, *) if batch_first; lengths (N,), a tensor or a sequence of ints. With
    enforce_sorted=False, the sequences may come in any order, and are sorted.
    Errors: RuntimeError for lengths below 1, above T or not in decreasing order, unless there are N of them, and for an
    empty input.

        >>> import minidl
        >>> from minidl.nn.utils.rnn import pack_padded_sequence
        >>> padded = minidl.tensor([[1, 4], [2, 5], [3, 0]])
        >>> packed = pack_padded_sequence(padded, [3, 2])
        >>> packed.data, packed.batch_sizes
        (tensor([1, 4, 2, 5, 3]), tensor([2, 2, 1]))
    """
    who = "pack_padded_sequence"
    if input.ndim < 2:
        raise IndexError(f"{who}: Dimension out of range: expected input (T, N, *), or (N, T, *) if batch_first, but "
                         f"got {tuple(input.shape)}")
    input = input.transpose(0, 1) if batch_first else input
    sizes = [int(n) for n in (lengths.tolist() if isinstance(lengths, TensorBase) else lengths)]
    T, N = input.shape[:2]
    if len(sizes) != N:
        raise RuntimeError(f"{who}: Expected `len(lengths)` to be equal to batch_size, but got {len(sizes)} "
                           f"(batch_size={N})")
    if not input.numel():
        raise RuntimeError(f"{who}: Cannot pack empty tensors, but got shape {tuple(input.shape)}")
    if not 0 < min(sizes) <= max(sizes) <= T:
        raise RuntimeError(f"{who}: Length of all samples has to be greater than 0, and at most the {T} steps of input "
                           f"{tuple(input.shape)}, but found {sizes} in 'lengths'")
    order = None
    if not enforce_sorted:
        places = sorted(range(N), key=lambda n: -sizes[n])
        sizes = [sizes[n] for n in places]
        order = tensor(places, device=input.device)
        input = input.index_select(1, order)
    elif sizes != sorted(sizes, reverse=True):
        raise RuntimeError(f"{who}: `lengths` array must be sorted in decreasing order when `enforce_sorted` is True, "
                           f"but got {sizes}; try enforce_sorted=False")
    inside = tensor(sizes) > arange(T)[:, None]
    return PackedSequence(input[inside.to(input.device)], inside.sum(1)[:sizes[0]], order)


def pad_packed_sequence(sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0,
                        total_length: int | None = None) -> tuple[Tensor, Tensor]:
    """The inverse of `pack_padded_sequence`.

    Returns (T, N, *), or (N, T, *) if batch_first, and the lengths (N,) on the CPU. T is the longest length, or
    `total_length`. The sequences stand in their original order.
    Errors: ValueError where total_length is below the longest length.

        >>> import minidl
        >>> from minidl.nn.utils.rnn import pack_sequence, pad_packed_sequence
        >>> packed = pack_sequence([minidl.tensor([4, 5]), minidl.tensor([1, 2, 3])], enforce_sorted=False)
        >>> padded, lengths = pad_packed_sequence(packed, batch_first=True)
        >>> padded
        tensor([[4, 5, 0],
                [1, 2, 3]])
        >>> lengths
        tensor([2, 3])
    """
    data, batch_sizes, _, unsorted = sequence
    T, N = len(batch_sizes), int(batch_sizes[0])
    if total_length is not None and total_length < T:
        raise ValueError(f"pad_packed_sequence: Expected total_length to be at least the length of the longest "
                         f"sequence in input, but got total_length={total_length} and max sequence length being {T}")
    inside = arange(N) < batch_sizes[:, None]
    lengths = inside.sum(0)
    if total_length is not None:
        T, inside = total_length, pad(inside, (0, 0, 0, total_length - T))
    padded = full((T, N, *data.shape[1:]), padding_value, dtype=data.dtype, device=data.device)
    padded[inside.to(data.device)] = data
    if batch_first:
        padded = padded.transpose(0, 1)
    if unsorted is not None:
        padded, lengths = padded.index_select(0 if batch_first else 1, unsorted), lengths[unsorted.cpu()]
    return padded.contiguous(), lengths


# ---------------------------------------------------------------------- from and to lists

def pad_sequence(sequences: Tensor | Iterable[Tensor], batch_first: bool = False, padding_value: float = 0.0,
                 padding_side: str = "right") -> Tensor:
    """Pad sequences (L, *) of any lengths L to one tensor (T, N, *).

    The result is (N, T, *) if batch_first. T is the longest length; shorter sequences get `padding_value` on the right
    or on the left. Errors: RuntimeError for no sequences, for sizes that differ in other dimensions than the first, and
    for another side.

        >>> import minidl
        >>> from minidl.nn.utils.rnn import pad_sequence
        >>> pad_sequence([minidl.ones(3), minidl.ones(1)], batch_first=True)
        tensor([[1., 1., 1.],
                [1., 0., 0.]])
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError(f"pad_sequence: Expected iterable for input sequences, but got arg of type: "
                           f"{type_name(sequences)}")
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"pad_sequence: Expected padding_side to be one of left or right, but got {padding_side}.")
    sequences = list(sequences)
    if not sequences:
        raise RuntimeError("pad_sequence: received an empty list of sequences")
    first = sequences[0]
    for sequence in sequences:
        if not sequence.ndim or sequence.shape[1:] != first.shape[1:]:
            raise RuntimeError(f"pad_sequence: Expected sequences (L, *) that differ in nothing but L, but got "
                               f"{tuple(first.shape)} and {tuple(sequence.shape)}")
    longest = max(map(len, sequences))

    def pad_one(sequence: Tensor) -> Tensor:
        missing = longest - len(sequence)
        before, after = (missing, 0) if padding_side == "left" else (0, missing)
        return pad(sequence, (0, 0) * (sequence.ndim - 1) + (before, after), value=padding_value)

    return stack([pad_one(sequence) for sequence in sequences], 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """The inverse of `pad_sequence`: the first `lengths[n]` steps of sequence n.

        >>> import minidl
        >>> from minidl.nn.utils.rnn import unpad_sequence
        >>> unpad_sequence(minidl.tensor([[1, 4], [2, 5], [3, 0]]), minidl.tensor([3, 2]))
        [tensor([1, 2, 3]), tensor([4, 5])]
    """
    padded = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [sequence[:length].contiguous() for sequence, length in zip(padded.unbind(0), lengths.tolist())]


def pack_sequence(sequences: Iterable[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """`pack_padded_sequence` for a list of sequences (L, *). Errors: as there, and as `pad_sequence`.

        >>> import minidl
        >>> from minidl.nn.utils.rnn import pack_sequence
        >>> pack_sequence([minidl.tensor([1, 2]), minidl.tensor([3])]).data
        tensor([1, 3, 2])
    """
    sequences = list(sequences)
    return pack_padded_sequence(pad_sequence(sequences), [len(s) for s in sequences], enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The inverse of `pack_sequence`.

        >>> import minidl
        >>> from minidl.nn.utils.rnn import pack_sequence, unpack_sequence
        >>> unpack_sequence(pack_sequence([minidl.tensor([1, 2]), minidl.tensor([3])]))
        [tensor([1, 2]), tensor([3])]
    """
    return unpad_sequence(*pad_packed_sequence(packed_sequences))
