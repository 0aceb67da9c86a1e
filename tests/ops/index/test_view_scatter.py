"""Copies of a tensor with one view replaced, and copies of views, against PyTorch."""
import numpy as np
import pytest

import minidl
from minidl.ops.index import view_scatter
from minidl.ops.torch_names import copies as view_copy
from tests.checking import Case, S, check_case, torch

INTS = np.arange(12).reshape(3, 4)
BOOLS = np.array([[True, False], [False, True]])


def t(name):
    return None if torch is None else getattr(torch, name)


STRIDED = [
    S((3, 4), (2, 2), S.raw((2, 2)), S.raw((1, 2))),
    S((3, 4), (3,), S.raw((3,)), S.raw((5,))),
    S((6,), (2,), S.raw((2,)), S.raw((3,)), 1),
    S((6,), (), S.raw(()), S.raw(()), 2),
    S(INTS, np.zeros(2, int), S.raw((2,)), S.raw((4,))),
]


def written_strided(x, src, size, stride, offset=0):
    """Element by element."""
    row = x.copy().reshape(-1)
    for index in np.ndindex(*size):
        row[offset + sum(i * step for i, step in zip(index, stride))] = src[index]
    return row.reshape(x.shape)


def copies(name, samples, **kwargs):
    return Case(getattr(view_copy, name), samples, torch=t(name), **kwargs)


CASES = [
    Case(view_scatter.slice_scatter,
         [
             S((3, 4), (2, 4), 0, 1, 3),
             S((3, 4), (3, 2), 1, 0, None, 2),
             S((3, 4), (3, 1), -1, -1),
             S((5,), (0,), 0, 7),
             S(INTS, np.ones((3, 4), int)),
             S((3, 4), np.ones((1, 4), int), 0, 1, 2),
             S((2, 3, 4), (2, 3, 2), dim=2, start=1, end=-1),
             S((3, 4), (2, 4), 0, -9, 2),
         ],
         torch=t("slice_scatter"),
         errors=[(S((3, 4), (3,), 1, 1, 2), RuntimeError, "src size = [3], slice size = [3, 1]"),
                 (S((3, 4), (3, 4), step=0), RuntimeError, "slice step must be positive, but got 0"),
                 (S((3, 4), (3, 4), 2), IndexError, "Dimension out of range")]),
    Case(view_scatter.select_scatter, [
        S((3, 4), (4,), 0, 1),
        S((3, 4), (3,), 1, -1),
        S((5,), (), 0, 0),
        S(INTS, np.zeros(3, int), 1, 2),
        S((2, 0), (0,), 0, 1),
    ], torch=t("select_scatter"), errors=[
        (S((3, 4), (), 1, -1), RuntimeError, "src size = [], slice size = [3]"),
        (S((3,), (), 0, 3), IndexError, "out of range"),
    ]),
    Case(view_scatter.diagonal_scatter, [
        S((3, 4), (3,)),
        S((3, 4), (3,), 1),
        S((3, 4), (2,), -1),
        S((2, 3, 3), (2, 3), 0, 1, 2),
        S((2, 3, 4), (3, 2), 0, -1, 0),
        S(INTS, np.zeros(3, int)),
        S((3, 4), (0,), 9),
    ], torch=t("diagonal_scatter"),
       errors=[(S((3, 4), (2,), 1), RuntimeError, "src size = [2], slice size = [3]")]),
    # The gradient is held against finite differences: PyTorch's passes what was replaced, not what was kept.
    Case(view_scatter.as_strided_scatter, STRIDED, oracle=written_strided),
    Case(view_scatter.as_strided_scatter, STRIDED, torch=t("as_strided_scatter"), grad=False,
         name="as_strided_scatter, PyTorch's values",
         errors=[(S((4,), (2,), S.raw((3,)), S.raw((1,))), RuntimeError, "src size = [2], slice size = [3]")]),
    copies("alias_copy", [S((3, 4)), S(()), S((0, 2)), S(INTS)]),
    Case(lambda x, *args: view_copy.as_strided_copy(x.contiguous(), *args), torch=t("as_strided_copy"),
         name="as_strided_copy",
         samples=[
             S((3, 4), S.raw((2, 2)), S.raw((1, 2))),
             S((6,), S.raw((3, 2)), S.raw((1, 1))),
             S((6,), S.raw((2,)), S.raw((2,)), 1),
             S(INTS, S.raw((2,)), S.raw((4,))),
         ]),
    copies("detach_copy", [S((3, 4)), S(()), S((0, 2)), S(INTS)], grad=False),
    copies("diagonal_copy", [S((3, 4)), S((3, 4), 1), S((2, 3, 4), -1, 1, -1), S(INTS)]),
    copies("expand_copy", [
        S((1, 4), S.raw((3, 4))),
        S((), S.raw((2,))),
        S((3, 1), S.raw((2, -1, 4))),
        S(BOOLS, S.raw((1, 2, 2))),
    ]),
    copies("narrow_copy", [S((3, 4), 0, 1, 2), S((3, 4), -1, 2, 2), S((3,), 0, 0, 0), S(INTS, 1, 1, 2)]),
    copies("permute_copy", [
        S((3, 4), S.raw((1, 0))),
        S((2, 3, 4), S.raw((-1, 0, 1))),
        S((), S.raw(())),
        S(INTS, S.raw((1, 0))),
    ]),
    copies("select_copy", [S((3, 4), 0, 1), S((3, 4), -1, -1), S((3,), 0, 0), S(INTS, 1, 2)]),
    copies("slice_copy", [S((3, 4), 1, 1), S((3, 4), 0, None, 2), S((5,), -1, -4, None, 2), S(INTS)]),
    copies("split_copy", [S((5, 2), 2), S((5, 2), 1, 1), S((4,), 9), S(INTS, 2, -1)]),
    copies("split_with_sizes_copy", [
        S((5, 2), S.raw((2, 3))),
        S((2, 5), S.raw((1, 0, 4)), 1),
        S((4,), S.raw((4,))),
        S(INTS, S.raw((1, 3)), -1),
    ]),
    copies("squeeze_copy", [S((1, 3, 1)), S((1, 3, 1), 0), S((1, 3, 1), S.raw((0, -1))), S(())]),
    copies("t_copy", [S((3, 4)), S((3,)), S(()), S(INTS)]),
    copies("transpose_copy", [S((3, 4), 0, 1), S((2, 3, 4), -1, 0), S((), 0, 0), S(INTS, 1, 0)]),
    copies("unbind_copy", [S((3, 4)), S((3, 4), 1), S((2,)), S(INTS, -1)]),
    copies("unfold_copy", [S((5,), 0, 2, 1), S((3, 6), 1, 3, 2), S((4, 2), 0, 4, 1), S(INTS, -1, 2, 2)]),
    copies("unsqueeze_copy", [S((3, 4), 0), S((3, 4), -1), S((), 0), S(INTS, 1)]),
    copies("view_copy", [
        S((3, 4), S.raw((12,))),
        S((3, 4), S.raw((2, -1))),
        S((), S.raw((1,))),
        S(INTS, S.raw((4, 3))),
    ]),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_a_scatter_is_what_a_write_would_do():
    x, src = minidl.rand(3, 4), minidl.rand(3)
    written = x.clone()
    written[:, 1] = src
    assert (view_scatter.select_scatter(x, src, 1, 1) == written).all()


@pytest.mark.parametrize("name", [n for n in dir(view_copy) if n.endswith("_copy")])
def test_copies_share_no_memory(name):
    x = minidl.arange(4.0).reshape(2, 2)
    args = {
        "as_strided": ((2,), (1,)),
        "expand": ((2, 2),),
        "narrow": (0, 0, 1),
        "permute": ((0, 1),),
        "select": (0, 0),
        "split": (1,),
        "split_with_sizes": ((1, 1),),
        "transpose": (0, 1),
        "unfold": (0, 1, 1),
        "unsqueeze": (0,),
        "view": ((4,),),
    }
    out = getattr(view_copy, name)(x, *args.get(name[:-len("_copy")], ()))
    for part in out if isinstance(out, tuple) else (out,):
        assert not np.shares_memory(part.numpy(), x.numpy()) and part.is_contiguous()
    if name == "detach_copy":
        assert not view_copy.detach_copy(x.requires_grad_()).requires_grad
