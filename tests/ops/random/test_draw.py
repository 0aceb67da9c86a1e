"""Random draws: the right distributions, the same for the same seed, and errors for what is no distribution."""
from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

import minidl
from minidl.ops.random import draw

N = 20_000
CONTINUOUS = [
    (draw.exponential_, (2.0,), stats.expon(scale=1 / 2)),
    (draw.exponential_, (), stats.expon()),
    (draw.cauchy_, (1.0, 3.0), stats.cauchy(1, 3)),
    (draw.log_normal_, (0.5, 0.25), stats.lognorm(s=0.25, scale=math.exp(0.5))),
    (draw.log_normal_, (), stats.lognorm(s=2, scale=math.e)),
]


def generator(seed=0):
    return minidl.Generator().manual_seed(seed)


@pytest.mark.parametrize("dtype", [minidl.float32, minidl.float64])
@pytest.mark.parametrize("fill, args, expected", CONTINUOUS, ids=lambda v: getattr(v, "__name__", ""))
def test_continuous_distributions(fill, args, expected, dtype):
    x = minidl.zeros(N, dtype=dtype)
    assert fill(x, *args, generator=generator()) is x and x.dtype == dtype
    assert stats.kstest(x.numpy().astype(float), expected.cdf).pvalue > 1e-4


def frequencies(values, expected):
    """Whether counts agree with probabilities, by the chi-squared test (seeds are fixed: no luck involved)."""
    counts = np.bincount(values, minlength=len(expected))
    return stats.chisquare(counts, np.array(expected) * counts.sum()).pvalue > 1e-4


def test_geometric():
    values = draw.geometric_(minidl.zeros(N), 0.4, generator=generator()).numpy().astype(int)
    expected = [0.0, *(0.4 * 0.6 ** k for k in range(7))]
    assert values.min() == 1
    assert frequencies(np.minimum(values, 8)[values > 0] - 1, [*expected[1:], 1 - sum(expected)])
    assert draw.geometric_(minidl.zeros(3, dtype=minidl.int64), 0.9).dtype == minidl.int64


def test_random():
    values = draw.random_(minidl.zeros(N), 2, 6, generator=generator()).numpy().astype(int)
    assert frequencies(values - 2, [0.25] * 4) and values.min() == 2
    assert set(draw.random_(minidl.zeros(50, dtype=minidl.bool)).tolist()) == {False, True}
    assert 0 <= min(draw.random_(minidl.zeros(50), 3).tolist()) and max(draw.random_(minidl.zeros(50), 3).tolist()) == 2
    whole = draw.random_(minidl.zeros(500, dtype=minidl.uint8)).numpy()
    assert whole.max() > 200
    assert draw.random_(minidl.zeros(500)).max().item() > 2**20
    assert draw.random_(minidl.zeros(50, dtype=minidl.int64)).max().item() > 2**50


@pytest.mark.parametrize("weights", [[1.0, 2.0, 0.0, 5.0], [0.1, 0.2, 0.7]])
def test_multinomial_with_replacement(weights):
    x = minidl.tensor([weights, weights[::-1]])
    values = draw.multinomial(x, N, replacement=True, generator=generator())
    assert values.shape == (2, N) and values.dtype == minidl.int64
    for row, p in zip(values.numpy(), x.numpy()):
        kept = np.flatnonzero(p)
        assert set(row) == set(kept)
        assert frequencies(np.searchsorted(kept, row), p[kept].astype(float) / p.astype(float).sum())


def test_multinomial_without_replacement():
    x = minidl.tensor([1.0, 2.0, 0.0, 5.0])
    values = draw.multinomial(x.expand(N, 4), 2, generator=generator()).numpy()
    assert (values[:, 0] != values[:, 1]).all() and 2 not in values
    p = np.array([1, 2, 0, 5]) / 8
    pairs = {(i, j): p[i] * p[j] / (1 - p[i]) for i in (0, 1, 3) for j in (0, 1, 3) if i != j}   # one after the other
    numbered = {pair: k for k, pair in enumerate(pairs)}
    assert frequencies([numbered[tuple(v)] for v in values], list(pairs.values()))
    assert sorted(draw.multinomial(minidl.tensor([3.0, 1.0, 2.0]), 3).tolist()) == [0, 1, 2]


def test_poisson():
    values = draw.poisson(minidl.full((N,), 2.5), generator=generator())
    assert values.dtype == minidl.float32
    p = stats.poisson(2.5).pmf(range(8))
    assert frequencies(np.minimum(values.numpy().astype(int), 8), [*p, 1 - p.sum()])
    assert draw.poisson(minidl.tensor([[0.0, 1000.0]])).tolist()[0][1] > 800


@pytest.mark.parametrize("call", [
    lambda g: draw.exponential_(minidl.zeros(5), generator=g), lambda g: draw.random_(minidl.zeros(5), generator=g),
    lambda g: draw.geometric_(minidl.zeros(5), 0.1, generator=g), lambda g: draw.cauchy_(minidl.zeros(5), generator=g),
    lambda g: draw.log_normal_(minidl.zeros(5), generator=g),
    lambda g: draw.poisson(minidl.full((5,), 100.0), generator=g),
    lambda g: draw.multinomial(minidl.ones(50), 5, generator=g),
    lambda g: draw.multinomial(minidl.ones(50), 5, True, generator=g)])
def test_seeds(call):
    assert call(generator(3)).tolist() == call(generator(3)).tolist() != call(generator(4)).tolist()
    minidl.manual_seed(5)
    first = call(None).tolist()
    second = call(None).tolist()
    minidl.manual_seed(5)
    assert call(None).tolist() == first != second


@pytest.mark.parametrize("call, kind, text", [
    (lambda: draw.exponential_(minidl.zeros(2), -1), RuntimeError, "expects lambda > 0.0, but found lambda=-1"),
    (lambda: draw.exponential_(minidl.zeros(2, dtype=minidl.int64)), RuntimeError, "must be a floating point"),
    (lambda: draw.cauchy_(minidl.zeros(2), 0, 0), RuntimeError, "expects sigma > 0.0"),
    (lambda: draw.log_normal_(minidl.zeros(2), 0, -1), RuntimeError, "expects std > 0.0"),
    (lambda: draw.geometric_(minidl.zeros(2), 1.0), RuntimeError, "p to be in (0, 1), but got p=1.0"),
    (lambda: draw.random_(minidl.zeros(2), 3, 2), RuntimeError, "from=3 >= to=2"),
    (lambda: draw.random_(minidl.zeros(2, dtype=minidl.int8), 300), RuntimeError, "out of bounds for int8"),
    (lambda: draw.exponential_(minidl.zeros(2, requires_grad=True)), RuntimeError,
     "a leaf Variable that requires grad"),
    (lambda: draw.poisson(minidl.tensor([-1.0])), RuntimeError, "expected rate to be non-negative"),
    (lambda: draw.poisson(minidl.tensor([1])), NotImplementedError, "got int64"),
    (lambda: draw.multinomial(minidl.tensor([1, 2]), 1), RuntimeError, "only supports floating-point dtypes"),
    (lambda: draw.multinomial(minidl.ones(2, 2, 2), 1), RuntimeError, "1 or 2 dim"),
    (lambda: draw.multinomial(minidl.ones(2), 3), RuntimeError, "without replacement: 3 of 2"),
    (lambda: draw.multinomial(minidl.ones(2), 0), RuntimeError, "n_sample <= 0"),
    (lambda: draw.multinomial(minidl.tensor([-1.0, 2.0]), 1), RuntimeError, "element < 0"),
    (lambda: draw.multinomial(minidl.tensor([math.nan, 2.0]), 1), RuntimeError, "`nan`"),
    (lambda: draw.multinomial(minidl.zeros(2), 1, True), RuntimeError, "sum of probabilities <= 0"),
    (lambda: draw.multinomial(minidl.tensor([0.0, 1.0]), 2), RuntimeError, "not enough non-negative category"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)


def test_binomial():
    """The chances of 0 to 4 successes in 4 trials of probability 0.3."""
    counts = draw.binomial(minidl.full((N,), 4.0), minidl.tensor(0.3), generator())
    assert counts.dtype == minidl.float32 and frequencies(counts.numpy().astype(int), stats.binom(4, 0.3).pmf(range(5)))
    certain = draw.binomial(minidl.tensor([[0.0], [5.0]], dtype=minidl.float64),
                            minidl.tensor([0.0, 1.0], dtype=minidl.float64))
    assert certain.tolist() == [[0, 0], [0, 5]] and certain.dtype == minidl.float64


@pytest.mark.parametrize("count, prob, kind, text", [
    (minidl.tensor([3]), minidl.tensor([0.5]), ValueError, "only supports floating-point dtypes for count, got: int64"),
    (minidl.tensor([3.0]), minidl.tensor([0.5], dtype=minidl.float64), RuntimeError,
     "one dtype, but got float32 and float64"),
    (minidl.tensor([-1.0]), minidl.tensor([0.5]), RuntimeError, "counts of at least 0"),
    (minidl.tensor([3.0]), minidl.tensor([1.5]), RuntimeError, r"probabilities in \[0, 1\]")])
def test_binomial_refuses(count, prob, kind, text):
    with pytest.raises(kind, match=text):
        draw.binomial(count, prob)


@pytest.mark.parametrize("fill", [minidl.Tensor.uniform_, minidl.Tensor.normal_, minidl.nn.init.trunc_normal_])
def test_numbers_between_integers_do_not_fill_integers(fill):
    with pytest.raises(NotImplementedError, match="continuous|floating"):
        fill(minidl.ones(3, dtype=minidl.int64))
