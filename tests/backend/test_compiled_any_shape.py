"""The compiled kernels on shapes, geometries and memory layouts that nobody thought of.

Compiled code does not check its indices, so the odd cases matter: rows left over at the end of a block, outputs of one
pixel, sequences shorter than a thread's share. The generic bodies, in double precision, say what is right; single
precision must come within `TOLERANCE` of the largest number. With NUMBA_BOUNDSCHECK=1, and a NUMBA_CACHE_DIR of its
own, the same tests run with every index checked.
"""
from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import minidl
from minidl.backend.kernel import registry
from minidl.backend.kernels.attention import AttentionPlan
from minidl.backend.kernels.conv import ConvGeometry, conv2d_output_size
from minidl.backend.kernels.packed import Steps, steps_of
from minidl.backend.kernels.pool import PoolGeometry, pool2d_output_size
from minidl.backend.kernels.rnn import GRUTrace, LSTMState, LSTMTrace
from minidl.ops.resize.interpolation import _matrix
from minidl.optim.adam import AdamSettings
from minidl.optim.sgd import SGDSettings

pytest.importorskip("numba")
importlib.import_module("minidl.backend.compiled")      # registers its bodies, without switching to them

TOLERANCE = 2e-5
MARGIN = 256        # numbers around an array that nobody may read or write
OF_ARRAYS = (LSTMState, LSTMTrace, GRUTrace)        # records of arrays

seeds, team, axis = st.integers(0, 1 << 32), st.integers(1, 3), st.integers(1, 14)
some = settings(max_examples=40)


def compiled(name: str, file: str = "") -> Callable[..., Any]:
    """The compiled body of a kernel, the one from `file` where there are two."""
    found, = [body.function for body in registry[name].bodies.all
              if body.layer == "compiled" and body.function.__module__.endswith(file)]
    return found


def agree(actual: Any, expected: Any, scale: Any = 0.0) -> None:
    """`scale`: the size of the terms, where they cancel in the result; a tuple has one for each result."""
    if isinstance(expected, tuple):
        assert len(actual) == len(expected)
        for a, e, size in zip(actual, expected, scale if isinstance(scale, tuple) else (scale,) * len(actual)):
            agree(a, e, size)
    elif expected is None or expected.dtype.kind != "f":
        np.testing.assert_array_equal(actual, expected)
    else:
        assert actual.dtype == np.float32 and actual.shape == expected.shape
        size = max(scale, float(abs(expected).max(initial=0.0, where=np.isfinite(expected))))
        np.testing.assert_allclose(actual, expected, rtol=0, atol=TOLERANCE * size + 1e-30)


def check(body: Callable[..., Any], name: str, args: tuple[Any, ...], threads: int, scale: Any = 0.0) -> None:
    """Results and arguments afterwards, for some are written into; around these, nothing may change."""
    expected = run(registry[name].generic, wide(args))
    with number_of_threads(threads):
        actual = run(body, args)
    if actual[0] is NotImplemented:
        assume(False)
    agree(actual[0], expected[0], scale)
    agree(actual[1:], expected[1:])
    for a in arrays_in(args):
        if a.base is not None and getattr(a.base, "size", 0) == a.size + 2 * MARGIN:
            assert np.isnan(a.base[:MARGIN]).all() and np.isnan(a.base[-MARGIN:]).all()


def run(body: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Any, ...]:
    return (body(*args), *arrays_in(args))


def arrays_in(args: tuple[Any, ...]) -> list[np.ndarray]:
    """The arrays among the arguments, and those in records."""
    flat = [part for a in args for part in (a if isinstance(a, OF_ARRAYS) else (a,))]
    return [a for a in flat if isinstance(a, np.ndarray)]


def wide(value: Any) -> Any:
    """A copy, with floats in double precision."""
    if isinstance(value, np.ndarray):
        return value.astype(np.float64) if value.dtype == np.float32 else value.copy()
    if isinstance(value, OF_ARRAYS):
        return type(value)(*map(wide, value))
    return tuple(map(wide, value)) if type(value) is tuple else value


@contextmanager
def number_of_threads(count: int) -> Iterator[None]:
    before = minidl.get_num_threads()
    minidl.set_num_threads(count)
    try:
        yield
    finally:
        minidl.set_num_threads(before)


def r(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape, dtype=np.float32)


def fenced(x: np.ndarray) -> np.ndarray:
    """x in the middle of an array of NaN, its memory in C order"""
    memory = np.full(x.size + 2 * MARGIN, np.nan, x.dtype)
    memory[MARGIN:-MARGIN] = x.reshape(-1)
    return memory[MARGIN:-MARGIN].reshape(x.shape)


def sliced(x: np.ndarray) -> np.ndarray:
    """Every second number along every axis, of an array that has NaN between them."""
    larger = np.full([2 * n + 1 for n in x.shape], np.nan, x.dtype)
    larger[(slice(1, None, 2),) * x.ndim] = x
    return larger[(slice(1, None, 2),) * x.ndim]


def read_only(x: np.ndarray) -> np.ndarray:
    x = fenced(x)
    x.flags.writeable = False
    return x


def channels_last(layout: Callable[[np.ndarray], np.ndarray] = fenced) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: np.moveaxis(layout(np.moveaxis(x, 1, -1)), -1, 1)


def backwards(x: np.ndarray) -> np.ndarray:
    """Negative strides along the last two axes."""
    return np.ascontiguousarray(x[..., ::-1, ::-1])[..., ::-1, ::-1]


image_layouts = st.sampled_from([fenced, sliced, backwards, channels_last(), channels_last(read_only)])
layouts = st.sampled_from([fenced, sliced, read_only])


# ---------------------------------------------------------------------- images

@some
@given(st.integers(1, 300), st.integers(1, 60), st.integers(1, 60), st.sampled_from(["linear", "bicubic"]), seeds, team)
def test_bytes_resized_along_the_last_axis(rows: int, n: int, out: int, mode: str, seed: int, threads: int) -> None:
    whole, rounding = _matrix(mode, n, out, None, False, True).in_whole_numbers
    x = np.random.default_rng(seed).integers(0, 256, (rows, n), np.uint8)
    check(compiled("resize_bytes_axis"), "resize_bytes_axis", (x, 1, whole.taps, rounding), threads)


@some
@given(st.lists(st.integers(1, 40), min_size=1, max_size=3), st.sampled_from(["u1", "f2", "f4", "f8"]), seeds, team)
def test_mirrored(shape: list[int], dtype: str, seed: int, threads: int) -> None:
    x = np.random.default_rng(seed).integers(0, 256, shape).astype(dtype)
    check(compiled("mirrored"), "mirrored", (x.view(f"u{x.itemsize}"),), threads)


# ---------------------------------------------------------------------- convolution

def pairs(low: int, high: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(low, high), st.integers(low, high))


@st.composite
def convolutions(draw: Any) -> tuple[Any, ...]:
    """x, w, g and the geometry"""
    geometry = ConvGeometry(draw(pairs(1, 3)), draw(pairs(0, 3)), draw(pairs(1, 3)), 1)
    kernel_size = draw(pairs(1, 5))
    least = [max(1, d * (k - 1) + 1 - 2 * p) for d, k, p in zip(geometry.dilation, kernel_size, geometry.padding)]
    size = [low + draw(st.integers(0, 12)) for low in least]
    N, C, O = draw(st.integers(1, 5)), draw(st.integers(8, 70)), draw(st.integers(1, 70))
    return _convolution(draw, N, C, O, size, kernel_size, geometry)


@st.composite
def unit_strides(draw: Any) -> tuple[Any, ...]:
    """... with stride 1 and whole vectors of channels"""
    x, w, g, geometry = draw(convolutions())
    geometry = geometry._replace(stride=(1, 1))
    C, O = 16 * draw(st.integers(1, 3)), 16 * draw(st.integers(1, 3))
    return _convolution(draw, len(x), C, O, x.shape[2:], w.shape[2:], geometry)


@st.composite
def filterings(draw: Any) -> tuple[Any, ...]:
    """... that Winograd's algorithm takes"""
    geometry = ConvGeometry((1, 1), draw(pairs(0, 3)), (1, 1), 1)
    N, C, O, height = (draw(st.integers(*between)) for between in ((1, 5), (48, 70), (48, 70), (1, 40)))
    width = -(-1024 // (N * height)) + draw(st.integers(0, 3))
    size = [max(1, n + 2 - 2 * p) for n, p in zip((height, width), geometry.padding)]
    return _convolution(draw, N, C, O, size, (3, 3), geometry)


def _convolution(draw: Any, N: int, C: int, O: int, size: Any, kernel_size: Any, geometry: ConvGeometry) -> tuple:
    rng, out_size = np.random.default_rng(draw(seeds)), conv2d_output_size(size, kernel_size, geometry)
    x, g = draw(image_layouts)(r(rng, N, C, *size)), draw(image_layouts)(r(rng, N, O, *out_size))
    return x, draw(image_layouts)(r(rng, O, C, *kernel_size)), g, geometry


@some
@given(convolutions(), team)
def test_convolution_by_patches(case: tuple[Any, ...], threads: int) -> None:
    x, w, g, geometry = case
    check(compiled("conv2d_forward", ".conv"), "conv2d_forward", (x, w, geometry, g[0, :, 0, 0]), threads)
    check(compiled("conv2d_weight_grad", ".conv"), "conv2d_weight_grad", (x, g, w.shape[2:], geometry), threads)


@some
@given(unit_strides(), st.integers(1, 16), team)
def test_convolution_by_definition(case: tuple[Any, ...], few: int, threads: int) -> None:
    x, w, g, geometry = case
    check(compiled("conv2d_weight_grad", ".conv_direct"), "conv2d_weight_grad", (x, g, w.shape[2:], geometry), threads)
    forward = compiled("conv2d_forward", ".conv_direct")
    check(forward, "conv2d_forward", (x, w, geometry, g[0, :, 0, 0]), threads)
    check(forward, "conv2d_forward", copies((x[:, :few], w[:, :few], geometry)), threads)


@some
@given(convolutions(), team)
def test_convolution_laid_down(case: tuple[Any, ...], threads: int) -> None:
    x, w, g, geometry = case
    check(compiled("conv2d_input_grad"), "conv2d_input_grad", (g, w, x.shape[2:], geometry), threads)


@settings(max_examples=25)
@given(filterings(), team)
def test_winograd(case: tuple[Any, ...], threads: int) -> None:
    x, w, g, geometry = case
    check(compiled("conv2d_forward", ".winograd"), "conv2d_forward", (x, w, geometry, g[0, :, 0, 0]), threads)
    check(compiled("conv2d_weight_grad", ".winograd"), "conv2d_weight_grad", (x, g, (3, 3), geometry), threads)


@settings(max_examples=25)
@given(filterings(), team)
def test_winograd_of_4x4(case: tuple[Any, ...], threads: int) -> None:
    x, w, g, geometry = case
    minidl.set_float32_matmul_precision("high")
    try:
        check(compiled("conv2d_forward", ".winograd_4x4"), "conv2d_forward", (x, w, geometry, g[0, :, 0, 0]), threads)
        check(compiled("conv2d_weight_grad", ".winograd_4x4"), "conv2d_weight_grad", (x, g, (3, 3), geometry), threads)
    finally:
        minidl.set_float32_matmul_precision("highest")


# ---------------------------------------------------------------------- normalisation

@st.composite
def batches(draw: Any) -> tuple[Any, ...]:
    """x (N, C, *) with the channels last in memory, a number of each channel or None, twice, and a generator"""
    rng = np.random.default_rng(draw(seeds))
    shape = draw(st.sampled_from([(), (1,), (37,), (9, 1), (5, 13), (3, 4, 5)]))
    C = draw(st.integers(1, 70))
    N = 8193 // (C * int(np.prod(shape))) + draw(st.integers(1, 9)) * draw(st.sampled_from([1, 40]))
    x = channels_last(draw(st.sampled_from([fenced, read_only])))(r(rng, N, C, *shape) + draw(st.sampled_from([0, 30])))
    w, b = (r(rng, C) if draw(st.booleans()) else None for _ in range(2))
    return x, w, b, rng


def along_channels(v: np.ndarray | None, x: np.ndarray) -> np.ndarray | None:
    return None if v is None else v.reshape(1, -1, *[1] * (x.ndim - 2))


@some
@given(batches(), st.sampled_from([fenced, sliced, channels_last()]), team)
def test_batch_norm(case: tuple[Any, ...], layout: Any, threads: int) -> None:
    x, w, b, rng = case
    axes = (0, *range(2, x.ndim))
    w, b = along_channels(w, x), along_channels(b, x)
    check(compiled("normalize_forward", ".norm"), "normalize_forward", (x, w, b, axes, 1e-5), threads, abs(x).max())
    _, *statistics = registry["normalize_forward"].generic(wide(x), None, None, axes, 1e-5)
    mean, variance = (v.astype(np.float32) for v in statistics)
    g = layout(r(rng, *x.shape))
    gx_and_sums = (0.0, *[np.sqrt(x.size / x.shape[1])] * 2)       # the terms of the sums cancel
    check(compiled("normalize_grad", ".norm"), "normalize_grad", (g, x, w, mean, variance, axes, axes, 1e-5), threads,
          gx_and_sums)


@some
@given(batches(), team)
def test_scale_shift(case: tuple[Any, ...], threads: int) -> None:
    x, scale, shift, _ = case
    check(compiled("scale_shift"), "scale_shift", (x, np.ones(x.shape[1], "f") if scale is None else scale, shift),
          threads)


@some
@given(st.lists(st.integers(1, 9), max_size=3), st.integers(1, 3), st.data(), seeds, team)
def test_layer_norm(before: list[int], count: int, data: Any, seed: int, threads: int) -> None:
    rng = np.random.default_rng(seed)
    group = data.draw(st.lists(st.sampled_from([1, 2, 3, 17, 40]), min_size=count, max_size=count))
    before = [8193 // int(np.prod([*before, *group])) + 1, *before]
    x = data.draw(st.sampled_from([fenced, read_only]))(r(rng, *before, *group) + data.draw(st.sampled_from([0, 30])))
    kept, axes = (1,) * len(before), tuple(range(len(before), x.ndim))
    w, b = (r(rng, *kept, *group) if data.draw(st.booleans()) else None for _ in range(2))
    check(compiled("normalize_forward", ".norm"), "normalize_forward", (x, w, b, axes, 1e-5), threads, abs(x).max())
    _, *statistics = registry["normalize_forward"].generic(wide(x), None, None, axes, 0.1)
    mean, variance = (v.astype(np.float32) for v in statistics)
    g, across = data.draw(layouts)(r(rng, *x.shape)), tuple(range(len(before)))
    check(compiled("normalize_grad", ".norm"), "normalize_grad", (g, x, w, mean, variance, axes, across, 0.1), threads,
          3.0)


@some
@given(st.integers(1, 6), st.integers(1, 9), st.sampled_from([(1,), (37,), (9, 1), (5, 13), (3, 4, 5)]), st.data(),
       seeds, team)
def test_group_norm(groups: int, channels: int, shape: tuple[int, ...], data: Any, seed: int, threads: int) -> None:
    """x (N, groups, channels, *) with the channels of all groups last in memory"""
    rng = np.random.default_rng(seed)

    def images(shift: float = 0.0) -> np.ndarray:
        return np.moveaxis(fenced(r(rng, N, *shape, groups, channels) + shift), (-2, -1), (1, 2))
    N = 8193 // (groups * channels * int(np.prod(shape))) + data.draw(st.integers(1, 9))
    x, g = images(data.draw(st.sampled_from([0.0, 30.0]))), images()
    axes, across = tuple(range(2, x.ndim)), (0, *range(3, x.ndim))
    weights = (1, groups, channels, *[1] * len(shape))
    w, b = (r(rng, *weights) if data.draw(st.booleans()) else None for _ in range(2))
    check(compiled("normalize_forward", "group_norm"), "normalize_forward", (x, w, b, axes, 0.1), threads, abs(x).max())
    _, *statistics = registry["normalize_forward"].generic(wide(x), None, None, axes, 0.1)
    mean, variance = (v.astype(np.float32) for v in statistics)
    g = data.draw(st.sampled_from([lambda v: v, np.ascontiguousarray]))(g)
    if w is None and data.draw(st.booleans()):
        across = axes
    check(compiled("normalize_grad", "group_norm"), "normalize_grad", (g, x, w, mean, variance, axes, across, 0.1),
          threads, (3.0, *[np.sqrt(x.size / (groups * channels))] * 2))


# ---------------------------------------------------------------------- softmax

@some
@given(st.lists(st.integers(1, 9), min_size=1, max_size=3), st.sampled_from([1, 2, 10, 17, 900]),
       st.sampled_from([fenced, read_only]), st.sampled_from([1, 40]), seeds, team)
def test_softmax(before: list[int], classes: int, layout: Any, spread: float, seed: int, threads: int) -> None:
    rng = np.random.default_rng(seed)
    x, g = layout(r(rng, *before, classes) * np.float32(spread)), layout(r(rng, *before, classes))
    for name in ("softmax", "log_softmax"):
        check(compiled(f"{name}_forward"), f"{name}_forward", (x, -1), threads, 1.0)    # probabilities add up to 1
        y = layout(registry[f"{name}_forward"].generic(x, -1))
        check(compiled(f"{name}_grad"), f"{name}_grad", (g, y, x.ndim - 1), threads, abs(g).sum(axis=-1).max())


@some
@given(st.sampled_from([1, 2, 33, 9000]), st.sampled_from([1, 2, 10, 40]), st.sampled_from([fenced, read_only]),
       st.sampled_from([-100, 0]), seeds, team)
def test_cross_entropy(N: int, C: int, layout: Any, ignored: int, seed: int, threads: int) -> None:
    rng = np.random.default_rng(seed)
    x, g, target = layout(r(rng, N, C) * 9), layout(r(rng, N)), rng.integers(0, C, N)
    target[::3] = ignored
    check(compiled("cross_entropy_forward"), "cross_entropy_forward", (x, target, None, ignored, 0.0), threads, 1.0)
    logp = layout(registry["log_softmax_forward"].generic(x, 1))
    check(compiled("cross_entropy_grad"), "cross_entropy_grad", (g, logp, target, None, ignored, 0.0), threads)


@pytest.mark.parametrize("row", [[-np.inf, 1, 2], [-np.inf] * 3, [np.inf, 1, 2], [np.nan, 1, 2], [3e38, -3e38, 0]])
def test_softmax_of_wild_numbers(row: list[float]) -> None:
    x = np.array([row, [1, 2, 3]], np.float32)
    for name in ("softmax_forward", "log_softmax_forward"):
        with np.errstate(all="ignore"):
            expected = registry[name].generic(x, 1)
        np.testing.assert_allclose(compiled(name)(x, 1), expected, rtol=1e-5)


# ---------------------------------------------------------------------- attention

@some
@given(st.lists(st.integers(1, 4), max_size=3), st.data(), layouts, st.booleans(), seeds, team)
def test_attention(stack: list[int], data: Any, layout: Any, causal: bool, seed: int, threads: int) -> None:
    L, S = data.draw(st.sampled_from([(1, 1), (1, 250), (7, 3), (7, 64), (230, 64), (200, 230), (700, 250)]))
    E, V = data.draw(pairs(1, 20))
    rng, plan = np.random.default_rng(seed), AttentionPlan(data.draw(st.sampled_from([0.25, 1, -0.5])), causal)
    q, k, v, g = (layout(r(rng, *stack, *shape)) for shape in ((L, E), (S, E), (S, V), (L, V)))
    check(compiled("attention_forward"), "attention_forward", (q, k, v, None, plan), threads)
    y, log_sums = (a.astype(np.float32) for a in registry["attention_forward"].generic(*wide((q, k, v, None)), plan))
    check(compiled("attention_grad"), "attention_grad", (g, q, k, v, None, y, log_sums, plan, False), threads, 3.0)


# ---------------------------------------------------------------------- recurrent networks

@st.composite
def walks(draw: Any) -> tuple[np.random.Generator, int, int, int, Steps]:
    """A generator, sequences, rows, a size and the steps: some ragged, in one direction or the other"""
    sizes = sorted(draw(st.lists(st.integers(1, 20), min_size=1, max_size=6)), reverse=True)
    rng, H = np.random.default_rng(draw(seeds)), draw(st.integers(1, 40))
    return rng, sizes[0], sum(sizes), H, steps_of(sizes, reverse=draw(st.booleans()))


@some
@given(walks(), team)
def test_lstm(case: tuple[Any, ...], threads: int) -> None:
    rng, N, P, H, steps = case
    h, c, cells, tanh_c, y = (fenced(r(rng, *shape)) for shape in ((N, H), (N, H), *[(P, H)] * 3))
    w, trace = r(rng, 4 * H, H) / np.float32(np.sqrt(H)), LSTMTrace(fenced(r(rng, 4, P, H)), cells, tanh_c)
    check(compiled("lstm_walk"), "lstm_walk", (y, LSTMState(h, c), trace, w, None, steps), threads)
    gh, gc, gy, gsums, gprojected = (
        fenced(r(rng, *shape)) for shape in ((N, H), (N, H), (P, H), (P, 4, H), (P, H)))
    check(compiled("lstm_walk_back"), "lstm_walk_back", (
        gy, LSTMState(gh, gc), gsums, gprojected, trace, w, None, steps), threads)


@some
@given(walks(), st.booleans(), team)
def test_gru(case: tuple[Any, ...], biased: bool, threads: int) -> None:
    rng, N, P, H, steps = case
    h, from_h, y = (fenced(r(rng, *shape)) for shape in ((N, H), (P, H), (P, H)))
    w, trace = r(rng, 3 * H, H) / np.float32(np.sqrt(H)), GRUTrace(fenced(r(rng, 3, P, H)), from_h)
    check(compiled("gru_walk"), "gru_walk", (y, h, trace, w, r(rng, 3 * H) if biased else None, steps), threads)
    gh, gy, before, gsums, gn = (fenced(r(rng, *shape)) for shape in ((N, H), (P, H), (P, H), (P, 3, H), (P, H)))
    check(compiled("gru_walk_back"), "gru_walk_back", (gy, gh, gsums, gn, trace, before, w, steps), threads)


# ---------------------------------------------------------------------- max pooling

@some
@given(st.data(), pairs(1, 5), pairs(1, 3), st.booleans(), st.sampled_from([fenced, read_only]), seeds, team)
def test_max_pool(data: Any, kernel: Any, stride: Any, ceil: bool, layout: Any, seed: int, threads: int) -> None:
    padding = tuple([data.draw(st.integers(0, k // 2)) for k in kernel])
    size = [max(1, k - 2 * p) + data.draw(st.integers(0, 9)) for k, p in zip(kernel, padding)]
    N, C, rng = data.draw(st.integers(1, 5)), data.draw(st.integers(16, 70)), np.random.default_rng(seed)
    values = np.float32([-np.inf, -1, 0, 1, 1, np.inf, np.nan][:data.draw(st.sampled_from([1, 4, 7]))])
    x = channels_last(layout)(rng.choice(values, (N, C, *size)))       # many are equal
    geometry = PoolGeometry(kernel, stride, padding, (1, 1), ceil)
    check(compiled("max_pool2d_forward"), "max_pool2d_forward", (x, geometry), threads)
    indices = channels_last(np.ascontiguousarray)(registry["max_pool2d_forward"].generic(x, geometry)[1])
    g = channels_last(layout)(r(rng, N, C, *pool2d_output_size(tuple(size), geometry)))
    check(compiled("max_pool2d_scatter"), "max_pool2d_scatter", (g, indices, tuple(size)), threads)


# ---------------------------------------------------------------------- element by element

@st.composite
def alike(draw: Any, least: int) -> Callable[[], np.ndarray]:
    """Makes arrays of one shape and one layout."""
    rng, shape = np.random.default_rng(draw(seeds)), draw(st.lists(axis, max_size=3))
    shape = [least // max(1, int(np.prod(shape))) + draw(st.integers(1, 99)), *shape]
    order = draw(st.permutations(range(len(shape))))
    return lambda: fenced(r(rng, *[shape[i] for i in order])).transpose(np.argsort(order))


@some
@given(alike(1 << 17), st.sampled_from([0.01, 1, 2.5, -0.5, 0.0]), team)
def test_activations(make: Any, slope: float, threads: int) -> None:
    x, g = make() * 3, make()
    for name, args in {
        "relu_forward": (x,),
        "relu_grad": (g, x),
        "leaky_relu_forward": (x, slope),
        "gelu_forward": (x,),
        "leaky_relu_grad": (g, x, slope),
        "gelu_grad": (g, x, abs(g)),
        "silu_forward": (x,),
        "silu_grad": (g, x, abs(g)),
    }.items():
        check(compiled(name), name, args, threads)


@some
@given(alike(0), st.booleans(), st.data(), team)
def test_updates(make: Any, with_buffer: bool, data: Any, threads: int) -> None:
    nesterov, maximize, decoupled = (data.draw(st.booleans()) for _ in range(3))
    decay, dampening = data.draw(st.sampled_from([0.0, 0.1])), data.draw(st.sampled_from([0.0, 0.5]))
    p, g, m, v = (make() for _ in range(4))
    check(compiled("sgd_update"), "sgd_update", (
        p, g, m if with_buffer else None, SGDSettings(0.1, 0.9, dampening, decay, nesterov, maximize)), threads)
    check(compiled("adam_update"), "adam_update", (
        p, g, m, v * v, None, data.draw(st.sampled_from([1.0, 30.0])),
        AdamSettings(0.1, (0.9, 0.99), 1e-3, decay, decoupled, maximize)), threads)


# ---------------------------------------------------------------------- NaN and infinity stay where they belong

@pytest.mark.parametrize("wild", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", [0, 1, 2])
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("nesterov", [False, True])
def test_wild_numbers_in_updates(wild: float, where: int, decay: float, nesterov: bool) -> None:
    arrays = [abs(r(np.random.default_rng(0), 1 << 14)) for _ in range(4)]      # fewer are left to NumPy
    arrays[where][7] = wild
    p, g, m, v = arrays
    for name, args in (("sgd_update", (p, g, m, SGDSettings(0.1, 0.9, 0.0, decay, nesterov, False))),
                       ("sgd_update", (p, g, None, SGDSettings(0.1, 0.0, 0.0, decay, False, True))),
                       ("adam_update", (p, g, m, v, None, 3.0,
                                        AdamSettings(0.1, (0.9, 0.99), 1e-8, decay, nesterov, False)))):
        agree(run(compiled(name), copies(args))[1:], run(registry[name].generic, wide(args))[1:])


def copies(args: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple([a.copy() if isinstance(a, np.ndarray) else a for a in args])


@pytest.mark.parametrize("wild", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", [0, 1])
def test_keys_that_no_query_sees_change_nothing(wild: float, where: int) -> None:
    rng, plan = np.random.default_rng(0), AttentionPlan(0.5, causal=True)
    g, q, *key_and_value = r(rng, 3, 4, 6), r(rng, 3, 4, 5), r(rng, 3, 9, 5), r(rng, 3, 9, 6)
    key_and_value[where][:, 4:] = wild
    args = (q, *key_and_value, None, plan)
    check(compiled("attention_forward"), "attention_forward", args, 1)
    y, log_sums = (a.astype(np.float32) for a in registry["attention_forward"].generic(*args))
    assert np.isfinite(y).all()
    check(compiled("attention_grad"), "attention_grad", (g, *args[:4], y, log_sums, plan, False), 1, 3.0)


def test_a_query_without_a_finite_score_gets_zeros() -> None:
    rng = np.random.default_rng(0)
    q, k, v = np.full((2, 3, 5), -np.inf, np.float32), np.ones((2, 4, 5), np.float32), r(rng, 2, 4, 6)
    for body in (compiled("attention_forward"), registry["attention_forward"].generic):
        y, log_sums = body(q, k, v, None, AttentionPlan(0.5))
        np.testing.assert_array_equal(y, 0)
        np.testing.assert_array_equal(log_sums, np.inf)
