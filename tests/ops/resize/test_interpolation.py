"""Resizing: interpolate in all its modes."""
from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.backend.kernels.resize import resize_axis, taps_of
from minidl.ops.resize import interpolate, upsample
from tests.checking import Case, S, check_case
from tests.ops.rows import row


def nearest(x, size):
    out = x
    for axis, n in enumerate(size, 2):
        out = np.stack([out.take(i * x.shape[axis] // n, axis=axis) for i in range(n)], axis=axis)
    return out


def covered(x, size):
    out = x
    for axis, n in enumerate(size, 2):
        windows = [range(i * x.shape[axis] // n, -(-(i + 1) * x.shape[axis] // n)) for i in range(n)]
        out = np.stack([out.take(list(w), axis=axis).mean(axis=axis) for w in windows], axis=axis)
    return out


def lines(x, size):
    """Linear interpolation with align_corners, by NumPy's own."""
    out = x
    for axis, n in enumerate(size, 2):
        old = x.shape[axis]
        places, old_places = np.linspace(0, old - 1, n), np.arange(old)
        out = np.apply_along_axis(lambda values, x=places, xp=old_places: np.interp(x, xp, values), axis, out)
    return out


def mode(name, **more):
    return lambda x, size: interpolate(x, size, mode=name, **more)


def to(*size):
    return S.raw(size)


L1 = [S((2, 3, n), to(m)) for n, m in ((5, 10), (5, 3), (7, 7), (1, 4), (6, 1), (3, 8))]
L2 = [S((2, 2, 4, 5), to(n, m)) for n, m in ((8, 5), (3, 7), (1, 1), (4, 5), (2, 15))]
L3 = [S((1, 2, 2, 3, 4), to(3, 3, 6)), S((1, 1, 3, 4, 2), to(2, 8, 1))]
FACTORS = [
    S((1, 2, 4, 5), scale_factor=1.7),
    S((1, 2, 4, 5), scale_factor=S.raw((0.6, 2.3))),
    S((1, 2, 4, 5), scale_factor=1.7, recompute_scale_factor=True),
]
CASES = [
    Case(mode("nearest"), [*L1, *L2, *L3, S((0, 2, 3), to(5))], oracle=nearest, torch="interpolate", float16=True,
         name="nearest"),
    Case(mode("area"), [*L1, *L2, *L3], oracle=covered,
         torch=lambda x, size: torch_interpolate(x, size, mode="area"), float16=True, name="area"),
    Case(mode("linear", align_corners=True), L1, oracle=lines,
         torch=lambda x, s: torch_interpolate(x, s, mode="linear", align_corners=True), name="linear"),
    Case(mode("bilinear", align_corners=True), L2, oracle=lines,
         torch=lambda x, s: torch_interpolate(x, s, mode="bilinear", align_corners=True), float16=True,
         name="bilinear"),
    Case(mode("trilinear", align_corners=True), L3, oracle=lines,
         torch=lambda x, s: torch_interpolate(x, s, mode="trilinear", align_corners=True), name="trilinear"),
    Case(mode("bilinear"), [S(np.array([[[[0, 255, 10], [7, 9, 200]]]], np.uint8), to(3, 7))], grad=False,
         torch=lambda x, s: torch_interpolate(x, s, mode="bilinear"), name="bilinear of bytes"),
    *[Case(mode(name, **more), samples,
           torch=lambda x, s, name=name, more=more: torch_interpolate(x, s, mode=name, **more),
           name=f"{name} {more}")
      for samples, name, more in [(L1, "nearest-exact", {}), (L2, "nearest-exact", {}), (L3, "nearest-exact", {}),
                                  (L1, "linear", {}), (L2, "bilinear", {}), (L3, "trilinear", {}),
                                  (L2, "bicubic", {}), (L2, "bicubic", {"align_corners": True}),
                                  (L2, "bilinear", {"antialias": True}), (L2, "bicubic", {"antialias": True}),
                                  (L2, "lanczos", {"antialias": True}),
                                  (L2, "bilinear", {"antialias": True, "align_corners": True})]],
    *[Case(lambda x, name=name, **how: interpolate(x, mode=name, **how), FACTORS,
           torch=lambda x, name=name, **how: torch_interpolate(x, mode=name, **how), name=f"{name} by a factor")
      for name in ("bilinear", "bicubic", "area")],
    Case(upsample, [S((1, 2, 4, 5), scale_factor=2)], torch="interpolate", name="upsample"),
    row("nn.functional.upsample",
        S((1, 2, 3), scale_factor=2),
        S((1, 2, 3, 4), to(6, 6)),
        S((1, 2, 3, 4), scale_factor=2, mode="bilinear"),
        S((1, 1, 2, 2, 2), scale_factor=2, mode="trilinear", align_corners=True)),
    row("nn.functional.upsample_nearest",
        S((1, 2, 3), scale_factor=2),
        S((1, 2, 3, 4), to(6, 6)),
        S((1, 1, 2, 2, 2), 4),
        S((2, 1, 4, 4), scale_factor=0.5)),
    row("nn.functional.upsample_bilinear",
        S((1, 2, 3, 4), scale_factor=2),
        S((1, 2, 3, 4), to(6, 6)),
        S((1, 1, 2, 2), 5),
        S((2, 1, 4, 4), scale_factor=0.5)),
]


def torch_interpolate(*args, **kwargs):
    import torch
    return torch.nn.functional.interpolate(*args, **kwargs)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_worked_by_hand():
    """1 2 twice as wide: new centres lie at -1/4 (held at 0), 1/4, 3/4, 5/4 (held at 1) of the old ones."""
    x = minidl.tensor([[[1.0, 2.0]]], requires_grad=True)
    y = interpolate(x, scale_factor=2, mode="linear")
    y.backward(minidl.tensor([[[1.0, 2.0, 3.0, 4.0]]]))
    assert y.tolist() == [[[1.0, 1.25, 1.75, 2.0]]]
    assert x.grad.tolist() == [[[1 + 2 * 0.75 + 3 * 0.25, 2 * 0.25 + 3 * 0.75 + 4]]]


def test_taps_and_their_transpose_are_one_matrix():
    stream = np.random.default_rng(0)
    rows, columns, weights = stream.integers(0, 7, 30), stream.integers(0, 5, 30), stream.standard_normal(30)
    dense = np.zeros((8, 6))                       # row 7 and column 5 are empty
    np.add.at(dense, (rows, columns), weights)
    x, g = stream.standard_normal((3, 6, 2)), stream.standard_normal((3, 8, 2))
    np.testing.assert_allclose(resize_axis(x, 1, taps_of(rows, columns, weights, (8, 6))), dense @ x)
    np.testing.assert_allclose(resize_axis(g, 1, taps_of(columns, rows, weights, (6, 8))), dense.T @ g, atol=1e-12)
    assert resize_axis(x, 1, taps_of(*np.zeros((3, 0), int), (4, 6))).tolist() == np.zeros((3, 4, 2)).tolist()


def test_nearest_takes_the_neighbours_that_pytorch_takes():
    torch = pytest.importorskip("torch")
    for n in range(1, 40, 3):
        for out in range(1, 60, 2):
            for name in ("nearest", "nearest-exact"):
                theirs = torch.nn.functional.interpolate(torch.arange(n).float().reshape(1, 1, 1, n), size=(1, out),
                                                         mode=name)
                assert interpolate(minidl.arange(n).float().reshape(1, 1, 1, n), (1, out),
                                   mode=name).tolist() == theirs.tolist(), (n, out, name)


def test_integers_can_be_copied_but_not_mixed():
    x = minidl.tensor([[[1, 2, 3]]], dtype=minidl.uint8)
    assert interpolate(x, 6).tolist() == [[[1, 1, 2, 2, 3, 3]]] and interpolate(x, 6).dtype == minidl.uint8
    with pytest.raises(RuntimeError, match="must be floating-point for mode linear"):
        interpolate(x, 6, mode="linear")
    with pytest.raises(RuntimeError, match="must be floating-point for mode bilinear"):
        interpolate(minidl.ones(1, 1, 2, 2).long(), 6, mode="bilinear")


def test_bytes_by_hand():
    """Weights are multiples of 1/2**15, sums are rounded, and what overshoots is cut off."""
    x = minidl.tensor([[[[0, 255, 10]]]], dtype=minidl.uint8)
    assert interpolate(x, (1, 6), mode="bilinear").tolist() == [[[[0, 64, 191, 194, 71, 10]]]]
    assert interpolate(x, (1, 1), mode="bilinear", antialias=True).tolist() == [[[[112]]]]
    assert interpolate(x, (1, 6), mode="bicubic").tolist() == [[[[0, 66, 223, 226, 74, 0]]]]


@pytest.mark.parametrize("kind, antialias", [("bilinear", False), ("bilinear", True), ("bicubic", False),
                                             ("bicubic", True), ("lanczos", True)])
def test_bytes_as_pytorch(kind, antialias):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    for shape in ((1, 3, 23, 30), (2, 1, 40, 17), (1, 5, 9, 64), (1, 3, 1, 7)):
        x = rng.integers(0, 256, shape).astype(np.uint8)
        for size in ((12, 14), (50, 31), (7, 65), (1, 2), (3, 300)):      # PyTorch fails at (1, 1)
            theirs = torch.nn.functional.interpolate(torch.from_numpy(x), size, mode=kind, antialias=antialias)
            ours = interpolate(minidl.from_numpy(x), size, mode=kind, antialias=antialias)
            assert ours.dtype == minidl.uint8
            np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_what_lanczos_refuses():
    x = minidl.ones(1, 1, 4, 4)
    with pytest.raises(ValueError, match="requires antialias=True"):
        interpolate(x, 2, mode="lanczos")
    with pytest.raises(ValueError, match="does not support align_corners=True"):
        interpolate(x, 2, mode="lanczos", antialias=True, align_corners=True)


def test_a_pixel_that_is_no_number_stays_where_it_is():
    x = minidl.zeros(1, 1, 1, 8)
    x[..., 7] = float("nan")
    y = interpolate(x, scale_factor=(1, 2), mode="bilinear")
    assert minidl.isnan(y).flatten().tolist() == [False] * 13 + [True] * 3


def test_an_infinity_stays_infinite():
    """Windows of five in three: 0 1, 1 2 3, 3 4; those of two read no third with weight 0."""
    x = minidl.tensor([[[1.0, 2.0, 3.0, 4.0, float("inf")]]], requires_grad=True)
    y = interpolate(x, 3, mode="area")
    assert y.tolist() == [[[1.5, 3.0, float("inf")]]]
    y.backward(minidl.tensor([[[float("inf"), 3.0, 6.0]]]))
    assert x.grad.tolist() == [[[float("inf"), float("inf"), 1.0, 4.0, 3.0]]]


def test_the_result_has_memory_of_its_own():
    x = minidl.zeros(1, 1, 3)
    y = interpolate(x, 3)
    y += 1
    assert x.tolist() == [[[0, 0, 0]]] and y.tolist() == [[[1, 1, 1]]]


def test_memory_layout_stays():
    """What a convolution on the CPU returns has its channels last in memory; the next one wants them there."""
    x = minidl.from_numpy(np.zeros((2, 4, 4, 3), np.float32).transpose(0, 3, 1, 2))
    for name in ("nearest", "bilinear"):
        assert interpolate(x, scale_factor=2, mode=name).array.strides[1] == 4


def test_plain_arrays_give_plain_arrays():
    y = interpolate(np.ones((1, 1, 2)), 4, mode="linear")
    assert isinstance(y, np.ndarray) and y.tolist() == [[[1, 1, 1, 1]]]


x = minidl.zeros(1, 2, 4, 5)


@pytest.mark.parametrize("call, kind, text", [
    (lambda: interpolate(x), ValueError, "either size or scale_factor should be defined"),
    (lambda: interpolate(x, 3, 2.0), ValueError, "only one of size or scale_factor"),
    (lambda: interpolate(x, 3, mode="linear"), NotImplementedError, "Got 4D input, but linear mode needs 3D input"),
    (lambda: interpolate(x, 3, mode="cubic"), NotImplementedError, "(got cubic)"),
    (lambda: interpolate(x[0, 0], 3), NotImplementedError, "Only 3D, 4D and 5D input Tensors supported (got 2D)"),
    (lambda: interpolate(x, (3, 4, 5)), ValueError, "Input and size must have the same number of spatial dimensions"),
    (lambda: interpolate(x, scale_factor=(1.0,)), ValueError, "Input and scale_factor must have the same number"),
    (lambda: interpolate(x, 3, align_corners=True), ValueError, "align_corners option can only be set with"),
    (lambda: interpolate(x, 3, mode="area", antialias=True), ValueError, "Anti-alias option is restricted to"),
    (lambda: interpolate(x, 0), RuntimeError, "Input and output sizes should be greater than 0"),
    (lambda: interpolate(x, scale_factor=0.1), RuntimeError, "should be greater than 0"),
    (lambda: interpolate(x[:, :0], 3), RuntimeError, "Non-empty 4D data tensor expected"),
    (lambda: interpolate(x, 2.5), TypeError, "argument 'size' must be ints, but got 2.5"),
    (lambda: interpolate(x, scale_factor="2"), TypeError, "argument 'scale_factor' must be numbers"),
    (lambda: interpolate(x, 3, recompute_scale_factor=True), ValueError, "not meaningful with an explicit size"),
    (lambda: interpolate([1.0], 3), TypeError, "must be Tensor, not list"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)
