"""Initialisers: bounds, mean and standard deviation of many draws, structure, errors."""
from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from tests import strict_array  # noqa: F401  (registers the device "strict")

init = nn.init
SIZE = (200, 60, 2, 3)                  # fan_in 360, fan_out 1200, 72 000 elements
FAN_IN, FAN_OUT, COUNT = 360, 1200, 72_000
UNIFORM = math.sqrt(1 / 3)              # the standard deviation of a uniform distribution on [-1, 1]


def uniform(bound: float) -> dict[str, float]:
    return {"mean": 0.0, "std": bound * UNIFORM, "low": -bound, "high": bound}


def normal(std: float) -> dict[str, float]:
    return {"mean": 0.0, "std": std}


def truncated(low: float, high: float) -> dict[str, float]:
    """Of a standard normal distribution, given that it lies in an interval; by summing the density."""
    x = np.linspace(low, high, 200_001)
    density = np.exp(-x ** 2 / 2)
    mean = (x * density).sum() / density.sum()
    return {"mean": mean, "std": math.sqrt(((x - mean) ** 2 * density).sum() / density.sum()), "low": low, "high": high}


DISTRIBUTIONS = [
    (lambda w, g: init.uniform_(w, generator=g), {"mean": 0.5, "std": UNIFORM / 2, "low": 0.0, "high": 1.0}),
    (lambda w, g: init.uniform_(w, -3.0, 1.0, g), {"mean": -1.0, "std": 2 * UNIFORM, "low": -3.0, "high": 1.0}),
    (lambda w, g: init.normal_(w, generator=g), normal(1.0)),
    (lambda w, g: init.normal_(w, 3.0, 0.5, g), {"mean": 3.0, "std": 0.5}),
    (lambda w, g: init.trunc_normal_(w, generator=g), truncated(-2, 2)),
    (lambda w, g: init.trunc_normal_(w, a=0.5, b=1.5, generator=g), truncated(0.5, 1.5)),
    (lambda w, g: init.trunc_normal_(w, 0.0, 0.02, generator=g), normal(0.02)),
    (lambda w, g: init.xavier_uniform_(w, generator=g), uniform(math.sqrt(6 / (FAN_IN + FAN_OUT)))),
    (lambda w, g: init.xavier_normal_(w, 2.0, g), normal(2 * math.sqrt(2 / (FAN_IN + FAN_OUT)))),
    (lambda w, g: init.kaiming_uniform_(w, generator=g), uniform(math.sqrt(6 / FAN_IN))),
    (lambda w, g: init.kaiming_uniform_(w, a=math.sqrt(5), generator=g), uniform(1 / math.sqrt(FAN_IN))),
    (lambda w, g: init.kaiming_uniform_(w, mode="fan_out", nonlinearity="linear", generator=g),
     uniform(math.sqrt(3 / FAN_OUT))),
    (lambda w, g: init.kaiming_normal_(w, generator=g), normal(math.sqrt(2 / FAN_IN))),
    (lambda w, g: init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu", generator=g),
     normal(math.sqrt(2 / FAN_OUT))),
]


@pytest.mark.parametrize("fill, expected", DISTRIBUTIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_distribution(fill: Any, expected: dict[str, float], dtype: Any) -> None:
    w = nn.Parameter(minidl.empty(SIZE, dtype=dtype))
    assert fill(w, minidl.Generator().manual_seed(1)) is w
    assert w.dtype == dtype and w.requires_grad and w.is_leaf
    x = w.detach().numpy().astype(float).reshape(-1)
    # five standard errors, of the mean and of the standard deviation
    assert abs(x.mean() - expected["mean"]) < 5 * expected["std"] / math.sqrt(COUNT)
    assert abs(x.std() / expected["std"] - 1) < 5 / math.sqrt(2 * COUNT)
    if "low" in expected:
        low, high = expected["low"], expected["high"]
        slack = 1e-6 * (high - low)
        assert low - slack <= x.min() and x.max() <= high + slack
        # and it reaches both ends
        assert x.min() < low + 0.01 * (high - low) and x.max() > high - 0.01 * (high - low)


def normal_below(x: np.ndarray) -> np.ndarray:
    return np.array([(1 + math.erf(v / math.sqrt(2))) / 2 for v in x])


def truncated_below(a: float, b: float) -> Any:
    low, high = normal_below(np.array([a, b]))
    return lambda x: (normal_below(x) - low) / (high - low)


@pytest.mark.parametrize("fill, below", [
    (lambda w, g: init.uniform_(w, -3.0, 1.0, g), lambda x: (x + 3) / 4),
    (lambda w, g: init.normal_(w, 3.0, 0.5, g), lambda x: normal_below((x - 3) / 0.5)),
    (lambda w, g: init.trunc_normal_(w, generator=g), truncated_below(-2, 2)),
    (lambda w, g: init.trunc_normal_(w, a=0.5, b=1.5, generator=g), truncated_below(0.5, 1.5)),
    (lambda w, g: init.trunc_normal_(w, a=2.0, b=9.0, generator=g), truncated_below(2.0, 9.0)),
    (lambda w, g: init.kaiming_normal_(w, generator=g), lambda x: normal_below(x / math.sqrt(2 / 100))),
    (lambda w, g: init.xavier_uniform_(w, generator=g), lambda x: (x / math.sqrt(6 / 300) + 1) / 2),
])
def test_kolmogorov_smirnov(fill: Any, below: Any) -> None:
    """The largest distance of the distribution function from the share of draws below stays under its 0.1% point."""
    x = np.sort(fill(minidl.empty(200, 100), minidl.Generator().manual_seed(3)).numpy().reshape(-1).astype(float))
    expected = below(x)
    above, under = np.arange(1, x.size + 1) / x.size - expected, expected - np.arange(x.size) / x.size
    assert max(above.max(), under.max()) < 1.95 / math.sqrt(x.size)


@pytest.mark.parametrize("fill, _", DISTRIBUTIONS)
def test_generators(fill: Any, _: Any) -> None:
    def draw(generator: Any) -> list[Any]:
        return fill(minidl.empty(4, 3), generator).tolist()
    assert draw(minidl.Generator().manual_seed(1)) == draw(minidl.Generator().manual_seed(1))
    assert draw(minidl.Generator().manual_seed(1)) != draw(minidl.Generator().manual_seed(2))
    minidl.manual_seed(5)
    first = draw(None)
    minidl.manual_seed(5)
    assert draw(None) == first


FILLS = [
    *[fill for fill, _ in DISTRIBUTIONS],
    lambda w, g: init.constant_(w, 2.5),
    lambda w, g: init.ones_(w),
    lambda w, g: init.zeros_(w),
    lambda w, g: init.dirac_(w),
    lambda w, g: init.orthogonal_(w, generator=g),
    lambda w, g: init.sparse_(w[:, :, 0, 0], 0.2, generator=g),
    lambda w, g: init.eye_(w[:, :, 0, 0]),
]


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("device, dtype", [("strict", np.float32), ("cpu", np.float16)])
def test_devices_and_half_precision(fill: Any, device: str, dtype: Any) -> None:
    w = minidl.zeros(6, 4, 3, 3, device=device, dtype=dtype)
    version = w._version
    fill(w, None)
    assert w.dtype == dtype and w.device.type == device and w._version > version
    assert np.isfinite(w.cpu().numpy()).all()


def test_constants() -> None:
    assert init.constant_(minidl.empty(2), 2.5).tolist() == [2.5, 2.5]
    assert init.ones_(minidl.empty(2)).tolist() == [1.0, 1.0]
    assert init.zeros_(minidl.empty(2)).tolist() == [0.0, 0.0]
    assert init.eye_(minidl.empty(2, 3)).tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]


@pytest.mark.parametrize("groups", [1, 2])
def test_dirac_passes_channels_on(groups: int) -> None:
    w = init.dirac_(minidl.empty(4, 3, 3, 3), groups)
    x = minidl.randn(1, 3 * groups, 5, 5)
    y = nn.functional.conv2d(x, w, padding=1, groups=groups)
    if groups == 1:
        assert y[:, :3].equal(x) and not y[:, 3].any()
    else:
        assert y[:, :2].equal(x[:, :2]) and y[:, 2:].equal(x[:, 3:5])
    assert init.dirac_(minidl.empty(2, 2, 3))[1, 1].tolist() == [0.0, 1.0, 0.0]


@pytest.mark.parametrize("size", [(3, 5), (5, 3), (4, 4), (3, 2, 2)])
def test_orthogonal(size: tuple[int, ...]) -> None:
    w = init.orthogonal_(minidl.empty(size, dtype=minidl.float64), gain=2.0).numpy().reshape(size[0], -1)
    gram = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(gram, 4 * np.eye(min(w.shape)), atol=1e-12)


def test_orthogonal_has_no_preferred_sign() -> None:
    generator = minidl.Generator().manual_seed(0)
    corners = [init.orthogonal_(minidl.empty(2, 2), generator=generator)[0, 0].item() > 0 for _ in range(200)]
    assert 60 < sum(corners) < 140


@pytest.mark.parametrize("sparsity, zeros", [(0.0, 0), (0.1, 2), (0.5, 5), (1.0, 10)])
def test_sparse(sparsity: float, zeros: int) -> None:
    w = init.sparse_(minidl.empty(10, 500), sparsity, std=0.1).numpy() if sparsity != 0.1 else \
        init.sparse_(minidl.empty(11, 500), sparsity, std=0.1).numpy()     # rounded up
    assert ((w == 0).sum(0) == zeros).all()
    if zeros < 10:
        assert abs(w[w != 0].std() / 0.1 - 1) < 0.1
    if 0 < zeros < 10:
        assert (w == 0).any(1).all(), "in every row now and then"


@pytest.mark.parametrize("nonlinearity, param, gain", [
    ("linear", None, 1.0), ("conv2d", None, 1.0), ("conv_transpose2d", None, 1.0), ("sigmoid", None, 1.0),
    ("tanh", None, 5 / 3), ("relu", None, math.sqrt(2)), ("leaky_relu", None, math.sqrt(2 / 1.0001)),
    ("leaky_relu", 1, 1.0), ("selu", None, 0.75),
])
def test_gain(nonlinearity: str, param: Any, gain: float) -> None:
    assert init.calculate_gain(nonlinearity, param) == pytest.approx(gain, rel=1e-12)


@pytest.mark.parametrize("action, kind, text", [
    (lambda: init.xavier_uniform_(minidl.empty(3)), ValueError, "fewer than 2 dimensions, but got shape (3,)"),
    (lambda: init.xavier_normal_(minidl.empty(3)), ValueError, "Fan in and fan out can not be computed"),
    (lambda: init.kaiming_uniform_(minidl.empty(3)), ValueError, "Fan in and fan out can not be computed"),
    (lambda: init.kaiming_normal_(minidl.empty(())), ValueError, "Fan in and fan out can not be computed"),
    (lambda: init.kaiming_normal_(minidl.empty(2, 2), mode="fan"), ValueError, "Mode fan not supported"),
    (lambda: init.kaiming_normal_(minidl.empty(2, 2), nonlinearity="what"), ValueError,
     "Unsupported nonlinearity what"),
    (lambda: init.calculate_gain("leaky_relu", "x"), ValueError, "negative_slope x not a valid number"),
    (lambda: init.eye_(minidl.empty(2)), ValueError, "Only tensors with 2 dimensions are supported"),
    (lambda: init.sparse_(minidl.empty(2, 2, 2), 0.1), ValueError, "Only tensors with 2 dimensions are supported"),
    (lambda: init.orthogonal_(minidl.empty(2)), ValueError, "Only tensors with 2 or more dimensions are supported"),
    (lambda: init.dirac_(minidl.empty(2, 2)), ValueError, "Only tensors with 3, 4, or 5 dimensions are supported"),
    (lambda: init.dirac_(minidl.empty(3, 2, 1), 2), ValueError, "dim 0 must be divisible by groups"),
    (lambda: init.uniform_(minidl.empty(2, device="strict"), generator=minidl.Generator()), RuntimeError,
     "Expected a 'strict' device type for generator"),
])
def test_errors(action: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as caught:
        action()
    assert text in str(caught.value)


def test_nothing_to_initialise() -> None:
    with pytest.warns(UserWarning, match="zero-element tensors is a no-op"):
        assert init.kaiming_uniform_(minidl.empty(0, 3)).shape == (0, 3)


# ---------------------------------------------------------------------- what layers start with

@pytest.mark.parametrize("make, fan_in", [
    (lambda: nn.Linear(100, 300), 100),
    (lambda: nn.Conv2d(20, 60, (3, 5)), 300),
    (lambda: nn.Conv2d(40, 60, (3, 5), groups=2), 300),
    (lambda: nn.ConvTranspose2d(60, 20, (3, 5)), 300),
])
def test_layers_start_uniform(make: Any, fan_in: int) -> None:
    """On [-r, r), r = 1 / sqrt(fan_in), weight and bias; for transposed convolution PyTorch's fan_in is its fan_out."""
    minidl.manual_seed(0)
    layer = make()
    r = 1 / math.sqrt(fan_in)
    w = layer.weight.detach().numpy()
    assert np.abs(w).max() <= r * (1 + 1e-6) and abs(w.std() / (r * UNIFORM) - 1) < 0.05
    biases = np.concatenate([make().bias.detach().numpy() for _ in range(20)])
    assert np.abs(biases).max() <= r * (1 + 1e-6) and abs(biases.std() / (r * UNIFORM) - 1) < 0.1


def test_reset_parameters_draws_anew() -> None:
    layer = nn.Linear(3, 2)
    before, weight = layer.weight.tolist(), layer.weight
    layer.reset_parameters()
    assert layer.weight is weight and weight.tolist() != before


def test_layers_without_inputs() -> None:
    layer = nn.Linear(0, 2)
    assert layer.weight.shape == (2, 0) and layer.bias.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("name, args", [
    ("uniform", ()),
    ("normal", ()),
    ("constant", (2.0,)),
    ("eye", ()),
    ("xavier_uniform", ()),
    ("xavier_normal", ()),
    ("kaiming_uniform", ()),
    ("kaiming_normal", ()),
    ("orthogonal", ()),
    ("sparse", (0.5,)),
])
def test_older_names_warn_and_do_the_same(name, args):
    w, expected = minidl.zeros(4, 3), minidl.zeros(4, 3)
    minidl.manual_seed(0)
    getattr(init, f"{name}_")(expected, *args)
    minidl.manual_seed(0)
    with pytest.warns(FutureWarning, match=f"`nn.init.{name}` is now deprecated in favor of `nn.init.{name}_`"):
        assert getattr(init, name)(w, *args) is w
    assert (w == expected).all()
    with pytest.warns(FutureWarning, match=r"nn.init.dirac_"):
        assert init.dirac(minidl.zeros(2, 2, 3))[1, 1, 1].item() == 1
