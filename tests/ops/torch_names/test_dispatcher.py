"""Functions by PyTorch's internal names, against PyTorch."""
import numpy as np
import pytest

import minidl
from minidl.ops.torch_names import dispatcher as D
from tests.checking import Case, S, check_case, torch


def t(name):
    return None if torch is None else getattr(torch, name)


def conv(dims, transposed, *shapes, stride=1, padding=0, dilation=1, groups=1):
    each = [S.raw((n,) * dims) for n in (stride, padding, dilation)]
    return S(*shapes, *each, transposed, S.raw((0,) * dims), groups)


GRID = S((2, 3, 4, 5), (2, 2, 3, 2), low=-1.2, high=1.2)
INTS = np.arange(8).reshape(1, 4, 2)

CASES = [
    Case(D.convolution,
         [conv(1, False, (2, 3, 7), (4, 3, 2), (4,), stride=2),
          conv(2, False, (2, 4, 5, 5), (4, 2, 3, 3), None, padding=1, groups=2),
          conv(3, False, (1, 2, 3, 3, 3), (2, 2, 2, 2, 2), (2,)),
          conv(1, True, (2, 3, 5), (3, 4, 2), (4,), stride=2),
          conv(2, True, (1, 2, 3, 3), (2, 2, 2, 2), None, dilation=2),
          conv(3, True, (1, 2, 2, 2, 2), (2, 1, 2, 2, 2), (1,))],
         torch=t("convolution"), rtol=1e-8,
         errors=[(conv(1, False, (2, 3), (3, 2), None), RuntimeError, "a weight of 3 to 5 dimensions")]),
    *[Case(getattr(D, name),
           [S(*GRID.args, i, p, a) for i, p, a in [(0, 0, True), (0, 1, False), (0, 2, True), (1, 0, False)]],
           torch=t(name), name=name, gradgrad=False,
           errors=[(S(*GRID.args, 3, 0, True), ValueError, "0, 1 or 2, but got 3 and 0")])
      for name in ("grid_sampler", "grid_sampler_2d")],
    Case(D.grid_sampler, [S(*GRID.args, 2, 0, True), S(*GRID.args, 2, 1, False)], torch=t("grid_sampler"),
         name="grid_sampler, bicubic", gradgrad=False),
    Case(D.grid_sampler_3d,
         [S((1, 2, 3, 4, 5), (1, 2, 2, 2, 3), i, p, a, low=-1.2, high=1.2)
          for i, p, a in [(0, 0, True), (0, 1, False), (0, 2, False), (1, 0, True)]],
         torch=t("grid_sampler_3d"), name="grid_sampler_3d", gradgrad=False),
    Case(D.affine_grid_generator, [
        S((2, 2, 3), S.raw((2, 1, 3, 4)), True),
        S((2, 2, 3), S.raw((2, 1, 3, 4)), False),
        S((1, 3, 4), S.raw((1, 2, 2, 3, 2)), True),
        S((1, 3, 4), S.raw((1, 1, 1, 3, 2)), False),
    ], torch=t("affine_grid_generator"), name="affine_grid_generator"),
    Case(D.native_channel_shuffle, [S((2, 4, 3, 3), 2), S((1, 6, 2, 2), 3), S((2, 4, 5), 4), S((1, 4, 2, 2), 1)],
         torch=t("channel_shuffle"), name="native_channel_shuffle"),
    Case(D.native_channel_shuffle, [S((2, 4, 3, 3), 2)], torch=t("native_channel_shuffle"), grad=False,
         name="native_channel_shuffle, which has no gradient in PyTorch"),
    Case(D.constant_pad_nd, [
        S((3, 4), pad=S.raw((1, 2))),
        S((3, 4), S.raw((1, 2))),
        S((3, 4), S.raw((1, -1, 0, 2)), 5.0),
        S((2, 3, 4), S.raw((1, 0)), -1),
        S(INTS, S.raw((1, 1)), 7),
        S((3,), S.raw((-1, -1))),
    ], torch=t("constant_pad_nd")),
    Case(
        D.norm_except_dim,
        [S((3, 4)), S((2, 3, 4), 2, 1), S((2, 3, 4), 1, 2), S((3, 4), 2, -1), S((2, 3, 4), 3, 0)],
        torch=t("norm_except_dim"), rtol=1e-8),
    Case(D.feature_dropout, [
        S((2, 3, 4), 0.5, False),
        S((2, 3), 0.0, True),
        S((2, 3, 4, 5), 1.0, True),
        S((0, 3, 2), 0.5, True),
    ], torch=t("feature_dropout"),
       errors=[(S((3,), 0.5, True), RuntimeError, "Feature dropout requires at least 2 dimensions")]),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_feature_dropout_drops_whole_channels():
    minidl.manual_seed(0)
    y = D.feature_dropout(minidl.ones(4, 50, 3), 0.25, True)
    minidl.manual_seed(0)
    x = minidl.ones(4, 50, 3)
    assert D.feature_dropout_(x, 0.25, True) is x and (x == y).all()
    assert (y == y[:, :, :1]).all() and {round(v, 4) for v in y.flatten().tolist()} == {0.0, 1.3333}


def test_norm_except_dim_of_a_vector():
    """There is nothing to add up: each element is its own norm."""
    v = minidl.tensor([3.0, -4.0])
    assert minidl.norm_except_dim(v).tolist() == [3.0, 4.0]
    assert minidl.norm_except_dim(v, dim=-1).item() == 5.0
