"""The kernels in `.cu` files against NumPy, on the CPU."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.backend.cuda.host import TYPES, Kernels, needs_compiler

pytestmark = needs_compiler

UFUNCS = {"scatter_add": np.add, "scatter_multiply": np.multiply, "scatter_maximum": np.maximum,
          "scatter_minimum": np.minimum}
SCATTER = Kernels("scatter.cu", [f"{name}<{kind}>" for name in UFUNCS for kind in TYPES.values()])
ASSERTS = Kernels("asserts.cu", ["assert_none<bool>", "assert_in_range<int>", "assert_in_range<long long>"])
POOL = Kernels("pool.cu", ["max_pool2d_forward<float>", "avg_pool2d_forward<float>", "avg_pool2d_scatter<float>"])
RANDOM = Kernels("random.cu", ["uniform<float>", "uniform<double>", "normal<float>", "normal<double>", "integers",
                               "poisson", "binomial"])


@pytest.mark.parametrize("dtype", TYPES, ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("name", UFUNCS)
def test_scatter(name: str, dtype: Any) -> None:
    """Rows that are named several times, from the end too, and not at all; one row that does not exist is left out."""
    stream = np.random.default_rng(0)
    places = np.array([2, 0, 2, -1, 2, 0, 9, -7])
    for width in (1, 3):
        y = stream.integers(-3, 4, (5, width)).astype(dtype)
        values = stream.integers(-3, 4, (len(places), width)).astype(dtype)
        expected = y.copy()
        for place, row in zip(places, values):
            if -5 <= place < 5:
                expected[place] = UFUNCS[name](expected[place], row)
        around = np.full(y.size + 16, 77).astype(dtype)         # a byte beside a small number must stay
        inside = around[8:8 + y.size]
        inside[:] = y.reshape(-1)
        SCATTER(f"{name}<{TYPES[dtype]}>", values.size, inside, places, values, np.int64(5), np.int64(width))
        np.testing.assert_array_equal(inside.reshape(y.shape), expected)
        assert (around[:8] == around[0]).all() and (around[8 + y.size:] == around[0]).all()


@pytest.mark.parametrize("name", ["scatter_maximum", "scatter_minimum"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_nan_stays(name: str, dtype: Any) -> None:
    y, values = np.array([0, 0, np.nan], dtype), np.array([np.nan, 1, 2], dtype)
    SCATTER(f"{name}<{TYPES[dtype]}>", 3, y, np.array([0, 0, 2]), values, np.int64(3), np.int64(1))
    assert np.isnan(y).tolist() == [True, False, True]


def test_doubles_are_compared_as_doubles() -> None:
    """Not as floats, to which 1 + 1e-12 is 1."""
    y = np.zeros(1)
    SCATTER("scatter_maximum<double>", 2, y, np.array([0, 0]), np.array([1.0, 1.0 + 1e-12]), np.int64(1), np.int64(1))
    assert y[0] == 1.0 + 1e-12


@pytest.mark.parametrize("name", ["max_pool2d_forward", "avg_pool2d_forward", "avg_pool2d_scatter"])
def test_planes_of_more_elements_than_an_int_holds(name: str) -> None:
    """Two channels of 2^32 + 2^16 pixels, which are all one number: the first 2^16 + 1 results are of the first."""
    x, size, side = np.array([10, 20], np.float32), (1 << 16) + 1, 1 << 16
    y, indices = np.empty(size, np.float32), np.empty(size, np.int64)
    step = np.void(np.array([0, 1, 0, 0]).tobytes())
    geometry = np.void(np.array([1, 2, side, size, side, size, 1, 1, 1, 1, 0, 0, 1, 1], np.int32).tobytes())
    if name == "max_pool2d_forward":
        POOL(f"{name}<float>", size, x, y, indices, step, geometry)
    else:
        POOL(f"{name}<float>", size, x, y, step, geometry, np.bool_(True), np.int64(0))
    assert (y == 10).all()


def word_after(instance: str, x: np.ndarray, *args: Any, word: int = 0) -> int:
    place = np.array([word])
    ASSERTS(instance, x.size, x, *args, np.int64(3), place)
    return int(place[0])


def test_assertions() -> None:
    """The word holds the number of the assertion, 3, and the wrong value in 40 bits. The first failure stays."""
    for dtype, name in ((np.int32, "int"), (np.int64, "long long")):
        def check(*positions: int, word: int = 0, dtype: Any = dtype, name: str = name) -> int:
            return word_after(f"assert_in_range<{name}>", np.array(positions, dtype), np.int64(-2), np.int64(5),
                              np.int64(-100), word=word)
        assert check(0, 4, -2, -100) == 0
        assert check(0, 5) == 3 << 40 | 5 and check(4, -3) == 3 << 40 | (-3 & (1 << 40) - 1)
        assert check(0, 5, word=7 << 40) == 7 << 40
    assert word_after("assert_none<bool>", np.zeros(99, bool)) == 0
    assert word_after("assert_none<bool>", np.arange(99) == 70) == 3 << 40 | 70


def drawn(name: str, size: int, dtype: Any, *args: Any, seed: int = 7, offset: int = 0) -> np.ndarray:
    y = np.empty(size, dtype)
    RANDOM(name, size, y, *args, np.uint64(seed), np.uint64(offset), np.uint64(0))
    return y


def philox(key: tuple[int, int], counter: list[int]) -> list[int]:
    """Philox 4x32 in ten rounds, once more, from the paper."""
    k0, k1 = key
    a, b, c, d = counter
    for _ in range(10):
        p, q = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = (q >> 32) ^ b ^ k0, q & 0xFFFFFFFF, (p >> 32) ^ d ^ k1, p & 0xFFFFFFFF
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return [a, b, c, d]


def test_the_numbers_are_those_of_philox() -> None:
    # the known answer of its authors for zeros
    assert philox((0, 0), [0] * 4) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    seed, offset = 0x123456789ABCDEF0, (1 << 33) + 5
    words = [philox((seed & 0xFFFFFFFF, seed >> 32), [0, 0, (offset + i) & 0xFFFFFFFF, (offset + i) >> 32])
             for i in range(50)]
    high, low = [np.array([w[k] for w in words], np.uint64) for k in (0, 1)]
    bits = high << np.uint64(32) | low
    np.testing.assert_array_equal(drawn("uniform<double>", 50, float, seed=seed, offset=offset),
                                  (bits >> np.uint64(11)) * 2.0 ** -53)
    np.testing.assert_array_equal(drawn("uniform<float>", 50, np.float32, seed=seed, offset=offset),
                                  (high >> np.uint64(8)).astype(np.float32) * np.float32(2.0 ** -24))
    whole = drawn("integers", 50, np.int64, np.int64(-3), np.uint64(10), seed=seed, offset=offset)
    assert whole.tolist() == [-3 + (int(b) * 10 >> 64) for b in bits]
    every = drawn("integers", 50, np.int64, np.int64(-2**63), np.uint64(0), seed=seed, offset=offset)
    assert every.tolist() == [int(b) - 2**63 for b in bits]


@pytest.mark.parametrize("name, dtype", [("uniform<double>", np.float64), ("normal<float>", np.float32)])
def test_a_draw_goes_on_where_the_last_one_ended(name: str, dtype: Any) -> None:
    whole = drawn(name, 100, dtype)
    np.testing.assert_array_equal(whole[:30], drawn(name, 30, dtype))
    np.testing.assert_array_equal(whole[30:], drawn(name, 70, dtype, offset=30))
    assert not np.array_equal(whole, drawn(name, 100, dtype, seed=8))


N = 40_000


def close(x: np.ndarray, mean: float, variance: float) -> None:
    """Mean and variance, within five standard errors."""
    assert abs(x.mean() - mean) < 5 * (variance / len(x)) ** 0.5
    fourth = ((x - mean) ** 4).mean()
    assert abs(x.var() - variance) < 5 * ((fourth - variance ** 2) / len(x)) ** 0.5


@pytest.mark.parametrize("kind, dtype", [("float", np.float32), ("double", np.float64)])
def test_uniform_and_normal(kind: str, dtype: Any) -> None:
    u = drawn(f"uniform<{kind}>", N, dtype).astype(float)
    assert u.min() >= 0 and u.max() < 1
    close(u, 0.5, 1 / 12)
    z = drawn(f"normal<{kind}>", N, dtype).astype(float)
    close(z, 0, 1)
    assert abs((z ** 3).mean()) < 0.1 and abs((z ** 4).mean() - 3) < 0.3 and abs((z[1:] * z[:-1]).mean()) < 0.03


@pytest.mark.parametrize("rate", [0.0, 0.3, 4.0, 9.99, 10.0, 60.0, 1e6])
def test_poisson(rate: float) -> None:
    x = drawn("poisson", N, float, np.full(N, rate))
    assert (x == np.floor(x)).all() and x.min() >= 0
    close(x, rate, rate) if rate else np.testing.assert_array_equal(x, 0)


@pytest.mark.parametrize("n, p", [(0, 0.5), (7, 0.0), (7, 1.0), (5, 0.3), (40, 0.9), (200, 0.25), (1000, 0.01),
                                  (30, 0.5)])
def test_binomial(n: int, p: float) -> None:
    x = drawn("binomial", N, float, np.full(N, float(n)), np.full(N, p))
    assert (x == np.floor(x)).all() and x.min() >= 0 and x.max() <= n
    close(x, n * p, n * p * (1 - p)) if n * p * (1 - p) else np.testing.assert_array_equal(x, n * p)
