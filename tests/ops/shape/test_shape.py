"""Shapes: reshape and its kin, permutations, expansion, joining and cutting, rearranging, padding."""
from __future__ import annotations

import math

import numpy as np
import pytest

import minidl
from minidl.autograd import backward
from minidl.ops import shape
from tests.checking import Case, S, check_case, torch
from tests.ops import rows
from tests.ops.rows import of_one, row

R = S.raw


def method(name: str):
    """A method of torch.Tensor as a function."""
    return lambda x, *args: getattr(x, name)(*args)


CASES = [
    Case(shape.reshape, [S((3, 4), [2, 6]), S((3, 4), [-1]), S((3, 4), [4, -1, 1]), S((), [1, 1]), S((0, 3), [3, 0]),
                         S((2, 0), [5, 0])], torch="reshape",
         errors=[(S((3, 4), [2, 5]), RuntimeError, "shape '[2, 5]' is invalid for input of size 12"),
                 (S((3, 4), [5, -1]), RuntimeError, "shape '[5, -1]' is invalid for input of size 12"),
                 (S((3, 4), [-1, -1]), RuntimeError, "only one dimension can be inferred"),
                 (S((3, 4), [-2, 6]), RuntimeError, "invalid shape dimension -2"),
                 (S((0, 4), [-1, 0]), RuntimeError, "ambiguous")]),
    Case(shape.view, [S((3, 4), [2, 6]), S((), [1]), S((2, 3), [-1])], torch=method("view")),
    Case(lambda x: shape.view(shape.contiguous(x), minidl.uint8), [S((2, 3)), S((4,)), S((1, 2, 2))],
         oracle=lambda x: np.ascontiguousarray(x).view(np.uint8),
         torch=lambda x: x.contiguous().view(torch.uint8), grad=False, name="view as bytes"),
    Case(shape.view_as, [S((3, 4), np.zeros((2, 6), int))], torch=method("view_as")),
    Case(shape.reshape_as, [S((3, 4), np.zeros((2, 6), int))], torch=method("reshape_as")),
    Case(shape.flatten, [S((2, 3, 4)), S((2, 3, 4), 1), S((2, 3, 4), 0, 1), S((2, 3, 4), -2, -1), S(()), S((3,)),
                         S((2, 3), 1, 1), S((0, 3))], torch="flatten",
         errors=[(S((2, 3), 1, 0), RuntimeError, "start_dim cannot come after end_dim"),
                 (S((2, 3), 2), IndexError, "Dimension out of range (expected to be in range of [-2, 1], but got 2)")]),
    Case(shape.unflatten, [S((2, 12), 1, [3, 4]), S((2, 12), -1, [3, -1]), S((6, 2), 0, [3, 2])], torch="unflatten",
         errors=[(S((2, 12), 1, [5, 2]), RuntimeError, "is invalid for input of size 12")]),
    row("unflatten",
        S((2, 6), 1, S.raw((2, 3))),
        S((6,), -1, S.raw((-1, 3))),
        S((2, 6), 0, S.raw((1, 2))),
        S(rows.INTS, 1, S.raw((3, 1)))),
    Case(shape.ravel, [S((2, 3)), S(()), S((2, 0))], torch="ravel"),
    row("ravel", S((2, 3)), S(()), S((0, 2)), S(rows.INTS)),
    Case(shape.squeeze, [S((1, 3, 1)), S((1, 3, 1), 0), S((1, 3, 1), 1), S((1, 3, 1), R((0, -1))), S(()), S((), 0)],
         torch="squeeze", errors=[(S((3, 1), 2), IndexError, "range of [-2, 1], but got 2")]),
    Case(shape.unsqueeze, [S((2, 3), 0), S((2, 3), 1), S((2, 3), -1), S((), 0)], torch="unsqueeze",
         errors=[(S((2, 3), 3), IndexError, "range of [-3, 2], but got 3")]),
    *[Case(getattr(shape, name), [S(()), S((3,)), S((2, 3)), S((2, 3, 4))], torch=name)
      for name in ("atleast_1d", "atleast_2d", "atleast_3d")],
    Case(shape.permute, [S((2, 3, 4), [2, 0, 1]), S((2, 3), [-1, 0]), S((), [])], torch="permute",
         errors=[(S((2, 3), [0, 1, 2]), RuntimeError, "input.dim() = 2 is not equal to len(dims) = 3"),
                 (S((2, 3), [0, 0]), RuntimeError, "appears multiple times")]),
    Case(shape.swapaxes, [S((2, 3, 4), 0, 2), S((2, 3, 4), -1, 1), S((2,), 0, 0), S((), 0, -1)], torch="swapaxes",
         oracle=lambda x, a, b: np.swapaxes(x, a, b) if x.ndim else x),
    Case(shape.transpose, [S((2, 3, 4), 0, 2), S((2, 3, 4), -1, 1), S((2,), 0, 0), S((), 0, -1)], torch="transpose",
         errors=[(S((2, 3), 0, 2), IndexError, "but got 2")]),
    Case(shape.t, [S((2, 3)), S((3,)), S(())], torch="t",
         errors=[(S((2, 3, 4)), RuntimeError, "t() expects a tensor with <= 2 dimensions, but self is 3D")]),
    row("t", S((2, 3)), S((3,)), S(()), S(rows.INTS)),
    Case(shape.movedim, [S((2, 3, 4), 0, -1), S((2, 3, 4), [0, 1], [2, 0]), S((2, 3, 4), 1, 1)], torch=
         lambda x, s, d: torch.movedim(x, s if isinstance(s, int) else tuple(s), d if isinstance(d, int) else tuple(d)),
         errors=[(S((2, 3), [0, 1], [0]), RuntimeError, "same number of dims")]),
    row("moveaxis",
        S((2, 3, 4), 0, -1),
        S((2, 3, 4), S.raw((0, 1)), S.raw((-1, 0))),
        S((3,), 0, 0),
        S(rows.INTS, 1, 0)),
    row("movedim", S((2, 3, 4), 0, -1), S((2, 3, 4), S.raw((0, 1)), S.raw((-1, 0))), S((3,), 0, 0), S(rows.INTS, 1, 0)),
    Case(shape.expand, [
        S((3, 1), [3, 4]),
        S((3, 1), [-1, 4]),
        S((3,), [2, 3]),
        S((), [2]),
        S((1,), [0]),
        S((2, 3), [2, 3]),
        S((1, 3), [1, 1, 3]),
    ], torch=method("expand"), errors=[
        (S((3,), [2, 4]), RuntimeError,
         "The expanded size of the tensor (4) must match the existing size (3) at non-singleton dimension 1. "
         "Target sizes: [2, 4]. Tensor sizes: [3]"),
        (S((2, 3), [3]), RuntimeError, "the number of sizes provided (1) must be greater or equal"),
        (S((3,), [-1, 3]), RuntimeError, "leading, non-existing dimension 0"),
    ]),
    Case(shape.expand_as, [S((3, 1), np.zeros((2, 3, 2), int))], torch=method("expand_as")),
    Case(shape.broadcast_to, [S((3, 1), [3, 4])], torch="broadcast_to"),
    row("broadcast_to",
        S((1, 3), S.raw((2, 3))),
        S((), S.raw((2,))),
        S((2, 1), S.raw((3, 2, 4))),
        S(rows.INTS, S.raw((1, 2, 3)))),
    Case(shape.broadcast_tensors, [S((3, 1), (4,)), S((), (2, 1))], torch="broadcast_tensors",
         errors=[(S((3,), (4,)), RuntimeError, "cannot be broadcast")]),
    row("broadcast_tensors", S((1, 3), (2, 1)), S((), (2,)), S((3,), (2, 1, 3), (1, 1)), S(rows.INTS, np.array(1))),
    Case(shape.repeat, [S((2, 3), [2, 2]), S((3,), [2, 1]), S((1,), [3]), S((2,), [0]), S((), [2]), S((2, 3), [1, 1]),
                        S((2, 1), [2, 1, 3])], torch=method("repeat"),
         errors=[(S((2, 3), [2]), RuntimeError, "can not be smaller than number of dimensions of tensor"),
                 (S((2,), [-1]), RuntimeError, "negative dimension")]),
    Case(shape.tile, [S((2, 3), [2]), S((2, 3), [2, 1, 2]), S((1,), [3])], torch="tile"),
    row("tile", S((2, 3), S.raw((2,))), S((3,), S.raw((2, 2))), S((), S.raw((3,))), S(rows.INTS, S.raw((1, 2)))),
    Case(shape.meshgrid, [S((2,), (3,), indexing="ij"), S((2,), (3,), indexing="xy"), S((2,), (), (3,), indexing="ij"),
                          S((2,), (3,), (2,), indexing="xy"), S((0,), (2,), indexing="ij")], torch="meshgrid",
         errors=[(S((2,), (3,), indexing="ji"), RuntimeError, "indexing must be one of")]),
    Case(shape.cat, [S([(2, 3), (1, 3)]), S([(2, 3), (2, 1)], 1), S([(2, 3), (2, 1), (2, 0)], -1), S([(3,), (0,)]),
                     S([(2, 3), (0,)]), S([(4,)])], torch="cat",
         errors=[(S([(2, 3), (2, 4)]), RuntimeError,
                  "Sizes of tensors must match except in dimension 0. Expected size 3 but got size 4 for tensor "
                  "number 1 in the list: shapes (2, 3) and (2, 4) clash at axis 1"),
                 (S([(2, 3), (2,)]), RuntimeError, "same number of dimensions: got 2 and 1"),
                 (S([(), ()]), RuntimeError, "zero-dimensional tensor (at position 0) cannot be concatenated"),
                 (S([]), ValueError, "expected a non-empty list of Tensors"),
                 (S([(2, 3)], 2), IndexError, "but got 2")]),
    Case(shape.stack, [S([(2, 3), (2, 3)]), S([(2, 3), (2, 3)], 1), S([(2, 3), (2, 3), (2, 3)], -1), S([(), ()]),
                       S([(3,)])], torch="stack",
         errors=[(S([(2, 3), (2, 4)]), RuntimeError, "equal size, but got [2, 3] at entry 0 and [2, 4] at entry 1")]),
    Case(shape.hstack, [S([(2,), (3,)]), S([(2, 1), (2, 3)]), S([(), ()])], torch="hstack"),
    row("hstack", S([(3,), (2,)]), S([(2, 1), (2, 3)]), S([(), ()]), S([rows.INTS, rows.BOOLS])),
    Case(shape.column_stack, [S([(3,), (3,)]), S([(2, 3), (2,)]), S([(2, 1), (2, 3)])], torch="column_stack"),
    row("column_stack", S([(3,), (3,)]), S([(3, 2), (3,)]), S([(), ()]), S([rows.INTS, rows.INTS])),
    Case(shape.hsplit, [S((2, 4), 2), S((4,), 2), S((2, 5), S.raw([1, 3]))], torch="hsplit",
         errors=[(S((), 1), RuntimeError, "at least 1 dimension"), (S((2, 5), 2), RuntimeError, "not divisible")]),
    row("hsplit", S((4,), 2), S((2, 4), 2), S((2, 5), S.raw((1, 3))), S(rows.INTS, 3)),
    Case(shape.vsplit, [S((4, 2), 2), S((5, 2), S.raw([1, 3]))], torch="vsplit",
         errors=[(S((4,), 2), RuntimeError, "at least 2 dimensions")]),
    row("vsplit", S((4, 2), 2), S((3, 2), 3), S((5, 2), S.raw((1, 3))), S(rows.INTS, 2)),
    Case(shape.dsplit, [S((1, 2, 4), 2)], torch="dsplit",
         errors=[(S((4, 2), 2), RuntimeError, "at least 3 dimensions")]),
    row("dsplit", S((2, 3, 4), 2), S((1, 2, 4), 4), S((1, 2, 5), S.raw((1, 3))), S(rows.INTS.reshape(1, 2, 3), 3)),
    Case(shape.vstack, [S([(3,), (3,)]), S([(2, 3), (1, 3)])], torch="vstack"),
    row("vstack", S([(3,), (3,)]), S([(2, 3), (1, 3)]), S([(), ()]), S([rows.INTS, rows.BOOLS])),
    row("row_stack", S([(3,), (3,)]), S([(2, 3), (1, 3)]), S([(), ()]), S([rows.INTS, rows.BOOLS])),
    Case(shape.dstack, [S([(3,), (3,)]), S([(2, 3), (2, 3)]), S([(2, 3, 1), (2, 3, 2)])], torch="dstack"),
    row("dstack", S([(3,), (3,)]), S([(2, 3), (2, 3)]), S([(), ()]), S([rows.INTS, rows.INTS])),
    Case(shape.split, [S((5, 2), 2), S((5, 2), 5), S((5, 2), 9), S((5, 2), [1, 4], 0), S((2, 5), [2, 0, 3], -1),
                       S((0, 2), 0), S((0, 2), 3)], torch="split",
         errors=[(S((5,), [2, 2]), RuntimeError, "split_sizes to sum exactly to 5"),
                 (S((5,), -1), RuntimeError, "split_size be positive"), (S((), 1), RuntimeError, "at least a 1-dim")]),
    row("split_with_sizes",
        S((5,), S.raw((2, 3))),
        S((2, 5), S.raw((1, 0, 4)), 1),
        S((2, 5), S.raw((5,)), dim=-1),
        S(rows.INTS, S.raw((1, 1)))),
    row("unsafe_split_with_sizes",
        S((5,), S.raw((2, 3))),
        S((2, 5), S.raw((1, 0, 4)), 1),
        S((2, 5), S.raw((5,)), dim=-1),
        S(rows.INTS, S.raw((1, 1)))),
    row("unsafe_split", S((5,), 2), S((2, 5), 3, 1), S((2, 5), 9, -1), S(rows.INTS, 1)),
    Case(shape.chunk, [S((7, 2), 3), S((2, 7), 3, 1), S((4,), 4), S((3,), 5), S((5,), 4), S((0, 2), 3), S((4, 2), 1)],
         torch="chunk", errors=[(S((3,), 0), RuntimeError, "to be greater than 0, got: 0")]),
    row("unsafe_chunk", S((5,), 2), S((2, 5), 3, 1), S((2, 5), 7, -1), S(rows.INTS, 2)),
    Case(
        shape.tensor_split,
        [S((7, 2), 3), S((5,), R((1, 4))), S((5,), R((3, 9))), S((2, 5), R((4, 2)), 1), S((2,), 3)],
        torch="tensor_split", errors=[(S((3,), 0), RuntimeError, "larger than 0, got 0")]),
    Case(shape.unbind, [S((3, 2)), S((2, 3), 1), S((1, 2)), S((2,)), S((2, 1, 2), -1)], torch="unbind",
         errors=[(S(()), IndexError, "no dimensions")]),
    Case(shape.narrow, [S((5, 2), 0, 1, 3), S((2, 5), -1, -2, 2), S((3,), 0, 3, 0)], torch="narrow",
         errors=[(S((4,), 0, 3, 2), RuntimeError, "start (3) + length (2) exceeds dimension size (4)."),
                 (S((4,), 0, 5, 0), IndexError, "range of [-4, 4], but got 5"),
                 (S((4,), 0, 0, -1), RuntimeError, "length must be non-negative")]),
    row("narrow", S((3, 4), 0, 1, 2), S((3, 4), -1, 0, 0), S((3, 4), 1, -2, 2), S(rows.INTS, 0, 1, 1)),
    Case(shape.select, [S((3, 2), 0, 1), S((3, 2), 1, -1), S((3,), 0, 2)], torch="select",
         errors=[(S((3, 4), 0, 5), IndexError, "index 5 out of range for tensor of size [3, 4] at dimension 0")]),
    Case(shape.flip, [S((2, 3), [0]), S((2, 3), [0, 1]), S((2, 3, 2), [-1]), S((2, 0), [1]), S((3,), [])], torch="flip",
         errors=[(S((2, 3), [0, 0]), RuntimeError, "appears multiple times")]),
    Case(shape.fliplr, [S((2, 3))], torch="fliplr", errors=[(S((3,)), RuntimeError, ">= 2-d")]),
    row("fliplr", S((2, 3)), S((2, 0)), S((2, 3, 4)), S(rows.INTS)),
    Case(shape.flipud, [S((2, 3)), S((3,))], torch="flipud", errors=[(S(()), RuntimeError, ">= 1-d")]),
    row("flipud", S((2, 3)), S((4,)), S((2, 3, 4)), S(rows.INTS)),
    Case(shape.roll, [S((5,), 2), S((2, 3), 1), S((2, 3), -1, 1), S((2, 3), [1, 5], [0, 1]), S((2, 0), 1)],
         torch="roll",
         errors=[(S((2, 3), [1, 2], 0), RuntimeError, "shifts and dimensions must align. shifts: 2, dims:1")]),
    Case(shape.rot90, [S((2, 3), 1), S((2, 3), 2), S((2, 3), -1), S((2, 3), 4), S((2, 3, 2), 1, [1, 2]),
                       S((2, 3, 2), 3, [2, 0])], torch="rot90",
         errors=[(S((2, 3), 1, [0]), RuntimeError, "dims == 2")]),
    *[Case(getattr(shape, name), [S((3, 4)), S((4, 3), 1), S((2, 3, 3), -1), S((3, 0)), S((2, 2), 9), S((2, 2), -9)],
           torch=name, errors=[(S((3,)), RuntimeError, "at least 2 dimensions")]) for name in ("tril", "triu")],
    Case(shape.diagonal, [S((3, 4)), S((3, 4), 1), S((4, 3), -2), S((2, 3, 3), 0, 1, 2), S((2, 3, 4), 1, -1, 0),
                          S((3, 3), 5)], torch="diagonal",
         errors=[(S((3, 3), 0, 1, -1), RuntimeError, "cannot be identical 1, -1")]),
    Case(shape.diag_embed, [S((3,)), S((2, 3)), S((3,), 1), S((2, 3), -1, 0, 2), S((2, 3), 0, 2, 0), S((0,))],
         torch="diag_embed"),
    Case(shape.diag, [S((3,)), S((3,), -1), S((3, 4)), S((3, 4), 1)], torch="diag",
         errors=[(S((2, 2, 2)), RuntimeError, "Supports 1D or 2D tensors. Got 3D")]),
    row("diagflat", S((3,)), S((2, 2), 1), S((), -1), S(rows.INTS), S((0,), 2)),
    Case(shape.clone, [S((2, 3)), S(())], torch="clone"),
    *of_one("clone"),
    Case(shape.contiguous, [S((2, 3)), S(())], torch=method("contiguous")),
    Case(shape.pad, [S((2, 3), [1, 2]), S((2, 3), [1, 2, 3, 0]), S((2, 3), [-1, 2]), S((2, 3), [1, -1, -1, 2]),
                     S((2, 3), [1, 1], "constant", 5.0), S((2, 3), []), S((2, 3), [-2, 0], value=1.5),
                     S((1, 2, 3, 4), [2, 1, 1, 0], "reflect"), S((1, 2, 3, 4), [2, 1, 1, 3], "replicate"),
                     S((1, 2, 3, 4), [2, 4, 3, 1], "circular"), S((2, 5), [4, 4], "reflect"),
                     S((1, 2, 5), [-1, 2], "replicate")], torch="pad",
         errors=[(S((2, 3), [1]), RuntimeError, "Padding length must be divisible by 2"),
                 (S((2,), [1, 1, 1, 1]), RuntimeError, "two times the input dimension"),
                 (S((1, 1, 3), [3, 0], "reflect"), RuntimeError,
                  "at most 2 in mode 'reflect', but got: padding (3, 0)"),
                 (S((1, 1, 3), [4, 0], "circular"), RuntimeError, "at most 3 in mode 'circular'"),
                 (S((2, 3), [-2, -2]), RuntimeError, "negative output size"),
                 (S((3,), [1, 1], "reflect"), NotImplementedError, "Padding size 2 is not supported for 1D input"),
                 (S((2, 3, 4, 5), [1, 1], "replicate"), NotImplementedError, "not supported for 4D input"),
                 (S((2, 3), [1, 1, 1, 1], "circular"), NotImplementedError, "Padding size 4 is not supported for 2D"),
                 (S((2, 3), [1, 1], "mirror"), NotImplementedError, "Unrecognised padding mode 'mirror'")]),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "complex128"])
def test_much_memory_is_mirrored_in_blocks(dtype):
    """Also where rows are longer than a block, where there are none, and where memory has gaps."""
    for size in ((300, 999), (3, 300_000), (7, 100, 512), (900_000, 0), (900_001,)):
        x = np.arange(math.prod(size)).astype(dtype).reshape(size)
        for part in (x, x[..., :-1]):
            np.testing.assert_array_equal(minidl.from_numpy(part).flip(-1).numpy(), part[..., ::-1])


def test_reflection_by_hand():
    x = minidl.tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    y = shape.pad(x, (2, 1), mode="reflect")
    assert y.tolist() == [[3.0, 2.0, 1.0, 2.0, 3.0, 2.0]]
    y.sum().backward()
    assert x.grad.tolist() == [[1.0, 3.0, 2.0]]     # how often each number appears


# ---------------------------------------------------------------------- views

VIEWS = {
    "reshape": lambda x: shape.reshape(x, (4, 3)),
    "view": lambda x: shape.view(x, (2, 6)),
    "flatten": lambda x: shape.flatten(x),
    "permute": lambda x: shape.permute(x, (1, 0)),
    "transpose": lambda x: shape.transpose(x, 0, 1),
    "t": shape.t,
    "expand (nothing repeated)": lambda x: shape.expand(x, (1, 3, 4)),
    "squeeze": shape.squeeze,
    "unsqueeze": lambda x: shape.unsqueeze(x, 0),
    "narrow": lambda x: shape.narrow(x, 0, 1, 2),
    "select": lambda x: shape.select(x, 1, 0),
    "split": lambda x: shape.split(x, 2)[1],
    "chunk": lambda x: shape.chunk(x, 2, dim=1)[0],
    "tensor_split": lambda x: shape.tensor_split(x, 3)[2],
    "unbind": lambda x: shape.unbind(x)[2],
    "diagonal": lambda x: shape.diagonal(x),
}
COPIES = {
    "clone": shape.clone, "flip": lambda x: shape.flip(x, (0,)), "roll": lambda x: shape.roll(x, 0, 0),
    "repeat": lambda x: shape.repeat(x, (1, 1)), "tril": lambda x: shape.tril(x, 9), "diag": shape.diag,
    "cat": lambda x: shape.cat([x]), "rot90": lambda x: shape.rot90(x, 0), "pad": lambda x: shape.pad(x, (0, 0)),
    "reshape of a transposed": lambda x: shape.reshape(shape.t(x), (3, 4)),
}


@pytest.mark.parametrize("name", VIEWS)
def test_a_write_into_a_view_is_seen_by_its_base(name):
    leaf = minidl.ones(3, 4, requires_grad=True)
    x = leaf * 1
    v = VIEWS[name](x)
    assert np.shares_memory(v.array, x.array)
    v.mul_(5)
    x.sum().backward()
    np.testing.assert_array_equal(leaf.grad.array, x.array)      # 5 where it was written, 1 elsewhere


@pytest.mark.parametrize("name", VIEWS)
def test_a_write_into_the_base_is_seen_by_a_view(name):
    leaf = minidl.ones(3, 4, requires_grad=True)
    x = leaf * 1
    v = VIEWS[name](x)
    x.mul_(7)
    (v * v).sum().backward()
    expected = np.zeros((3, 4))
    VIEWS[name](minidl.from_numpy(expected)).array[...] = 2 * 7 * 7
    np.testing.assert_array_equal(leaf.grad.array, expected)


@pytest.mark.parametrize("name", COPIES)
def test_copies_have_memory_of_their_own(name):
    x = minidl.ones(3, 4)
    assert not np.shares_memory(COPIES[name](x).array, x.array)


def test_expanded_memory_cannot_be_written():
    x = minidl.zeros(3, 1)
    with pytest.raises(RuntimeError, match="share one place in memory"):
        shape.expand(x, (3, 4)).add_(1)


def test_view_says_that_reshape_would_copy():
    with pytest.raises(RuntimeError, match=r"view: view size \[12\].*Use .reshape\(...\) instead"):
        shape.view(shape.t(minidl.zeros(3, 4)), (12,))


@pytest.mark.parametrize("sizes", [(2, -1), (2, 3, -1), (-1,)])
def test_view_of_what_a_convolution_gives(sizes):
    """`x.view(len(x), -1)` stands in half of all programs."""
    images = minidl.nn.functional.conv2d(minidl.randn(2, 2, 5, 6), minidl.randn(3, 2, 2, 2)).requires_grad_()
    assert not images.array.flags.c_contiguous                                  # (N, H, W, C) in memory, until ...
    flat = images.view(*sizes)
    assert flat.tolist() == images.reshape(*sizes).tolist()
    flat.square().sum().backward()
    assert images.grad.equal(2 * images.detach())
    conv = minidl.nn.functional.conv2d(images, minidl.randn(6, 3, 3, 3))
    assert conv.relu()[:, 1:].view(2, -1).shape == (2, 5 * 2 * 3)


def test_view_of_images_that_a_program_lays_out_with_channels_last():
    images = minidl.randn(2, 4, 5, 3).permute(0, 3, 1, 2)
    for x in (images, images.relu(), minidl.nn.functional.conv2d(images, minidl.randn(6, 3, 3, 3))):
        with pytest.raises(RuntimeError, match="view size .* is not compatible"):
            x.view(2, -1)


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("dtype", ["int32", "int64", "int16", "float32", "uint8", "complex64"])
def test_view_reads_the_bytes_as_another_dtype(dtype):
    numbers = np.arange(8, dtype="float32").reshape(2, 4)
    mine = minidl.tensor(numbers).view(getattr(minidl, dtype))
    other = torch.tensor(numbers).view(getattr(torch, dtype))
    assert mine.dtype == dtype and mine.shape == tuple(other.shape) and mine.tolist() == other.tolist()


def test_view_as_another_dtype_shares_memory():
    x = minidl.tensor([1.0, 2.0])
    bits = x.view(minidl.int32)
    bits[0] = 0
    assert x.tolist() == [0.0, 2.0] and x._version == 1
    assert shape.view(x, minidl.int32).tolist() == bits.tolist()


def test_view_as_another_dtype_has_no_gradient_but_as_the_same_it_has():
    x = minidl.tensor([1.0, 2.0], requires_grad=True)
    assert not x.view(minidl.int32).requires_grad
    x.view(minidl.float32).sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


def test_view_as_another_dtype_says_what_does_not_fit():
    x = minidl.arange(6.0).view(2, 3)
    with pytest.raises(RuntimeError, match="last dimension must be contiguous"):
        x.T.view(minidl.int16)
    with pytest.raises(RuntimeError, match="last dimension must be contiguous"):
        minidl.tensor(1.0).view(minidl.int16)
    with pytest.raises(RuntimeError, match="12 bytes must be divisible by 8"):
        x.view(minidl.int64)


def test_contiguous_returns_the_tensor_itself_where_it_can():
    x = minidl.zeros(3, 4)
    assert shape.contiguous(x) is x
    assert shape.contiguous(shape.t(x)).is_contiguous()
    assert shape.clone(shape.t(x)).stride() == (1, 4)       # a clone keeps the layout


def test_views_of_foreign_memory_are_known_as_views():
    """`np.frombuffer` gives an array whose base is no array."""
    x = minidl.from_numpy(np.frombuffer(bytearray(16), np.float32))
    v = shape.reshape(x, (2, 2))
    v.add_(1)
    assert v._version == x._version == 1


# ---------------------------------------------------------------------- cutting

def test_pieces_share_one_gradient_step():
    x = minidl.ones(6, 2, requires_grad=True)
    a, b, c = shape.chunk(x * 1, 3)
    assert a.grad_fn is b.grad_fn is c.grad_fn
    (a * 2 + c * 3).sum().backward()        # b is not used
    np.testing.assert_array_equal(x.grad.array, [[2, 2]] * 2 + [[0, 0]] * 2 + [[3, 3]] * 2)


def test_one_piece_of_several_is_written():
    """PyTorch refuses this for the outputs of chunk; here each piece knows its own window."""
    leaf = minidl.ones(4, requires_grad=True)
    x = leaf * 1
    a, b = shape.chunk(x, 2)
    a.mul_(5)
    b.add_(a)
    (x * x).sum().backward()          # x = (5u, v + 5u): 2 * 5u * 5 + 2 * (v + 5u) * 5, and 2 * (v + 5u)
    np.testing.assert_array_equal(x.array, [5, 5, 6, 6])
    np.testing.assert_array_equal(leaf.grad.array, [110, 110, 12, 12])


def test_split_of_integers_has_no_gradient():
    pieces = shape.split(minidl.arange(5), 2)
    assert [p.tolist() for p in pieces] == [[0, 1], [2, 3], [4]]
    assert not pieces[0].requires_grad


# ---------------------------------------------------------------------- joining

def test_cat_promotes():
    out = shape.cat([minidl.tensor([1]), minidl.tensor([0.5])])
    assert out.dtype == minidl.float32 and out.tolist() == [1.0, 0.5]
    assert shape.stack([minidl.tensor([1], dtype=minidl.int32), minidl.tensor([2])]).dtype == minidl.int64


def test_the_same_tensor_twice():
    x = minidl.tensor([1.0, 2.0], requires_grad=True)
    backward([shape.cat([x, x])], [minidl.tensor([1.0, 2.0, 3.0, 4.0])])
    assert x.grad.tolist() == [4.0, 6.0]


def test_functions_work_on_arrays():
    """Gradient rules call them on arrays."""
    x = np.arange(6.0).reshape(2, 3)
    for out in (shape.reshape(x, (3, 2)), shape.permute(x, (1, 0)), shape.cat([x, x]), shape.chunk(x, 2)[0],
                shape.pad(x, (1, 1)), shape.expand(x, (2, 2, 3)), shape.tril(x), shape.flip(x, (0,))):
        assert type(out) is np.ndarray


def test_a_number_rolls_without_dims_only():
    assert shape.roll(minidl.tensor(2.0), 1).item() == 2
    with pytest.raises(IndexError, match="roll: Dimension specified as 0 but tensor has no dimensions"):
        shape.roll(minidl.tensor(2.0), 1, 0)
    with pytest.raises(RuntimeError, match="`shifts` required"):
        shape.roll(minidl.zeros(3), (), ())


def test_nothing_is_joined_along_any_dim():
    assert shape.cat([minidl.zeros(0), minidl.zeros(0)], 1).shape == (0,)


@pytest.mark.parametrize("name", ["cat", "stack", "hstack", "vstack", "dstack", "column_stack"])
def test_what_is_joined_is_several_tensors(name):
    """The types of the errors are PyTorch's."""
    join, x = getattr(minidl, name), minidl.ones(2, 2)
    for wrong in (x, 1, [x, 1], [x, [1.0]]):
        with pytest.raises(TypeError):
            join(wrong)
    with pytest.raises(ValueError if name == "cat" else RuntimeError, match="expect(s|ed) a non-empty"):
        join([])
    with pytest.raises(TypeError, match="can't be cast to the desired output type int64"):
        join([x, x], out=minidl.zeros(0, dtype=minidl.int64))
