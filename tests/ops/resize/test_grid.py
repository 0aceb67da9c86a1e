"""Sampling at positions, and affine grids."""
from __future__ import annotations

import itertools

import numpy as np
import pytest

import minidl
from minidl.ops.resize import affine_grid, grid_sample
from tests.checking import Case, S, check_case


def loops(input, grid, mode="bilinear", padding_mode="zeros", align_corners=None):
    """One position after the other; bilinear and nearest only."""
    N, C, *size = input.shape
    y = np.zeros((N, C, *grid.shape[1:-1]))
    for n, *at in np.ndindex(*grid.shape[:-1]):
        place = []
        for n_pixels, g in zip(size, grid[(n, *at)][::-1]):
            x = (g + 1) / 2 * (n_pixels - 1) if align_corners else ((g + 1) * n_pixels - 1) / 2
            place.append(inside(x, n_pixels, padding_mode, align_corners))
        if mode == "nearest":
            corners = [([round(x) for x in place], 1.0)]
        else:
            corners = []
            for offset in itertools.product((0, 1), repeat=len(size)):
                pixel = [int(np.floor(x)) + o for x, o in zip(place, offset)]
                corners.append((pixel, np.prod([1 - abs(x - p) for x, p in zip(place, pixel)])))
        for pixel, weight in corners:
            if all(0 <= p < m for p, m in zip(pixel, size)):
                y[(n, slice(None), *at)] += weight * input[(n, slice(None), *pixel)]
    return y


def inside(x, n, padding_mode, align_corners):
    """Walk back from the mirrors until inside."""
    if padding_mode == "reflection":
        low, high = (0, n - 1) if align_corners else (-0.5, n - 0.5)
        while not low <= x <= high and low < high:
            x = 2 * low - x if x < low else 2 * high - x
    return x if padding_mode == "zeros" else min(max(x, 0), n - 1)


def affine_loops(theta, size, align_corners=None):
    N, _, *lengths = size
    y = np.zeros((N, *lengths, len(lengths)))
    for n, *at in np.ndindex(N, *lengths):
        point = [(2 * i / (m - 1) - 1 if m > 1 else 0) if align_corners else (2 * i + 1) / m - 1
                 for i, m in zip(at, lengths)]
        y[(n, *at)] = theta[n] @ [*point[::-1], 1]
    return y


X, G = (2, 3, 4, 5), (2, 3, 2, 2)
X3, G3 = (1, 2, 3, 4, 2), (1, 2, 2, 3, 3)
HOW = [{"padding_mode": p, "align_corners": a} for p in ("zeros", "border", "reflection") for a in (False, True)]
CASES = [
    Case(grid_sample, [
        *[S(X, G, **how) for how in HOW],
        *[S(X3, G3, seed=1, **how) for how in HOW[:3]],
        S((2, 3, 1, 4), G, padding_mode="reflection", align_corners=True),
        S((0, 2, 3, 3), (0, 2, 2, 2)),
        S((2, 0, 3, 3), (2, 2, 2, 2)),
        S(X, (2, 0, 2, 2)),
        S(X, (2, 6, 2, 2), low=-7, high=7, padding_mode="reflection"),
    ], oracle=loops, torch="grid_sample", rtol=1e-7),
    Case(grid_sample, [S(X, G, "nearest", **how) for how in HOW] + [S(X3, G3, "nearest")], oracle=loops,
         torch="grid_sample", name="nearest"),
    Case(grid_sample, [S(X, G, "bicubic", **how) for how in HOW], torch="grid_sample", rtol=1e-7, name="bicubic"),
    Case(affine_grid, [
        S((2, 2, 3), S.raw((2, 1, 3, 4)), True),
        S((2, 2, 3), S.raw((2, 5, 3, 1)), False),
        S((2, 2, 3), S.raw((2, 5, 1, 1)), True),
        S((1, 3, 4), S.raw((1, 1, 2, 3, 4)), True),
        S((1, 3, 4), S.raw((1, 1, 2, 3, 4)), False),
    ], oracle=affine_loops, torch="affine_grid", rtol=1e-7),
]


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.filterwarnings("ignore:Since version 1.3.0:UserWarning", "ignore:Default grid_sample:UserWarning")
def test_battery(case):
    check_case(case)


def test_worked_by_hand():
    """Between pixels 10 and 20, at 1/4: 12.5. Gradient of the position: the slope 10, times W/2 = 1 pixel a unit."""
    x = minidl.tensor([[[[10.0, 20.0]]]], requires_grad=True)
    grid = minidl.tensor([[[[-0.25, 0.0]]]], requires_grad=True)      # ((-1/4 + 1) * 2 - 1) / 2 = 1/4
    y = grid_sample(x, grid)
    y.backward()
    assert y.item() == 12.5
    assert x.grad.tolist() == [[[[0.75, 0.25]]]]
    assert grid.grad[0, 0, 0, 0].item() == 10.0


def test_the_identity_grid_gives_the_image_back():
    x = minidl.randn(2, 3, 4, 5, dtype=minidl.float64)
    theta = minidl.tensor([[[1.0, 0, 0], [0, 1, 0]]] * 2, dtype=minidl.float64)
    for align_corners in (False, True):
        grid = affine_grid(theta, x.shape, align_corners)
        for mode in ("bilinear", "nearest", "bicubic"):
            np.testing.assert_allclose(grid_sample(x, grid, mode, "border", align_corners).numpy(), x.numpy(),
                                       atol=1e-12)


def test_a_position_that_is_no_number_does_not_read_anywhere():
    x, grid = minidl.ones(1, 1, 2, 2), minidl.full((1, 1, 1, 2), float("nan"))
    assert bool(minidl.isnan(grid_sample(x, grid)).all())


def test_what_is_no_number_is_not_read_from_outside():
    """Between the last pixel and the padding half of the pixel is left, and nothing of another one."""
    image = minidl.tensor([[[[float("nan"), 1.0, 2.0]]]], requires_grad=True)
    for mode in ("bilinear", "nearest", "bicubic"):
        y = grid_sample(image, minidl.tensor([[[[-9.0, 0.0], [9.0, 0.0]]]]), mode)
        assert y.tolist() == [[[[0.0, 0.0]]]]
    y = grid_sample(image, minidl.tensor([[[[1.0, 0.0]]]]))
    assert y.tolist() == [[[[1.0]]]]
    y.backward(minidl.full((1, 1, 1, 1), float("inf")))
    assert image.grad.tolist() == [[[[0.0, 0.0, float("inf")]]]]


@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
def test_with_and_without_a_gradient_the_bits_are_the_same(mode, padding_mode):
    """Where none is wanted, a kernel samples; one grid that serves all images is read once."""
    minidl.manual_seed(0)
    x, grids = minidl.randn(3, 2, 9, 8), 2 * minidl.randn(3, 5, 4, 2)
    for grid in (grids, grids[:1].expand(3, -1, -1, -1)):
        for align_corners in (False, True):
            how = mode, padding_mode, align_corners
            y = grid_sample(x, grid, *how)
            assert y.tolist() == grid_sample(x.clone().requires_grad_(), grid, *how).tolist()
            assert y.tolist() == grid_sample(x, grid.contiguous(), *how).tolist()


def test_plain_arrays_give_plain_arrays():
    grid = affine_grid(np.array([[[1.0, 0, 0], [0, 1, 0]]]), (1, 1, 2, 2))
    y = grid_sample(np.ones((1, 1, 2, 2)), grid)
    assert isinstance(grid, np.ndarray) and isinstance(y, np.ndarray) and y.tolist() == [[[[1, 1], [1, 1]]]]


x, grid, theta = minidl.zeros(1, 2, 4, 5), minidl.zeros(1, 3, 3, 2), minidl.zeros(1, 2, 3)


@pytest.mark.parametrize("call, kind, text", [
    (lambda: grid_sample(x, grid, "cubic"), ValueError,
     "expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: 'cubic'"),
    (lambda: grid_sample(x, grid, padding_mode="wrap"), ValueError, "expected padding_mode to be"),
    (lambda: grid_sample(x, grid[0]), RuntimeError, "same number of dimensions"),
    (lambda: grid_sample(x, grid[..., :1]), RuntimeError, "expected grid to have size 2 in last dimension"),
    (lambda: grid_sample(x, minidl.zeros(2, 3, 3, 2)), RuntimeError, "same batch size"),
    (lambda: grid_sample(x, grid.double()), RuntimeError, "should have the same dtype"),
    (lambda: grid_sample(x[:, :, :0], grid), RuntimeError, "non-empty spatial dimensions"),
    (lambda: grid_sample(x[:, :, None], minidl.zeros(1, 1, 1, 1, 3), "bicubic"), RuntimeError,
     "only supports 4D input"),
    (lambda: affine_grid(theta, (1, 2, 2)), NotImplementedError, "only supports 4D and 5D sizes"),
    (lambda: affine_grid(theta, (2, 1, 2, 2)), ValueError, "of shape 2x2x3 for size (2, 1, 2, 2). Got (1, 2, 3)"),
    (lambda: affine_grid(theta.long(), (1, 1, 2, 2)), ValueError, "floating point type, but got int64"),
    (lambda: affine_grid(theta, (1, 1, 2, 0)), ValueError, "non-zero, positive output size"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)
