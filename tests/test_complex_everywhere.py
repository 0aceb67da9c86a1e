"""Every public function on complex numbers: it gives PyTorch's values and gradients, or it refuses.

What has complex rules is checked in tests/ops/test_complex.py. Here nothing may slip through without them.
"""
from __future__ import annotations

import inspect
import warnings

import numpy as np
import pytest

import minidl
from tests.checking import host, leaves, torch

pytestmark = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")

SPACES = ["", "nn.functional", "linalg", "special", "fft"]
stream = np.random.default_rng(0)
A, B = (stream.standard_normal((3, 3)) + 1j * stream.standard_normal((3, 3)) for _ in range(2))
CALLS = [(A,), (A, B), (A, 0), (A, 2), (A, B, B)]
RANDOM = ("rand", "dropout", "empty", "normal", "bernoulli", "multinomial", "poisson", "binomial", "lowrank",
          "rrelu", "gumbel")
NO_MATHEMATICS = ("set_", "seed", "load", "save", "get_", "is_", "to_dlpack", "sparse_")     # beginnings of names
NO_ORDER = {"eig", "eigvals"}    # of what they return: tests/ops/test_complex.py looks at what does not depend on it
# no factor is any matrix: tests/ops/test_complex_matrices.py has some
NO_FACTOR = {"cholesky_inverse", "cholesky_solve", "cholesky_ex"}


def module(lib, space):
    for part in filter(None, space.split(".")):
        lib = getattr(lib, part)
    return lib


def functions():
    for space in SPACES:
        ours, theirs = module(minidl, space), module(torch, space) if torch else None
        for name, function in sorted(vars(ours).items()):
            left_out = name.startswith(("_", *NO_MATHEMATICS)) or any(word in name for word in RANDOM)
            if inspect.isfunction(function) and hasattr(theirs, name) and not left_out \
                    and name not in NO_ORDER | NO_FACTOR:
                yield pytest.param(function, getattr(theirs, name), id=f"{space}.{name}".lstrip("."))


def run(lib, function, args):
    """The results, and the gradients of their absolute values and of a mixture of their parts; None if it refuses."""
    xs = [lib.tensor(x, requires_grad=True) if isinstance(x, np.ndarray) else x for x in args]
    try:
        outs = [x for x in leaves(function(*xs)) if isinstance(x, lib.Tensor)]
        loss = sum([(x.abs() + (x * (1 + 2j)).real).sum() for x in outs if x.requires_grad])
        if isinstance(loss, lib.Tensor):
            loss.backward()
    except Exception:
        return None
    grads = [np.zeros_like(A) if x.grad is None else host(x.grad) for x in xs if isinstance(x, lib.Tensor)]
    return [host(x.detach()) for x in outs], grads


REAL = """relu relu6 softmax log_softmax softmin hardtanh threshold max_pool1d max_pool2d max_pool3d leaky_relu elu selu
    celu gelu glu mish softplus hardswish hardsigmoid softshrink hardshrink logsigmoid"""
MORE = {"glu": (1,), "softmax": (0,), "log_softmax": (0,), "softmin": (0,), "threshold": (0, 1)}


@pytest.mark.parametrize("name", REAL.split())
def test_without_a_gradient_wanted_it_is_refused_too(name):
    """NumPy orders complex numbers by their real parts, and its functions would give something."""
    x = minidl.tensor(np.resize(A, (1, 2, 4, 4) + ((4,) if name.endswith("3d") else ()))[..., :4])
    x = x[0] if name.endswith("1d") else x
    with pytest.raises(NotImplementedError, match="not supported for complex tensors"):
        getattr(minidl.nn.functional, name)(x, *MORE.get(name, (2,) if "pool" in name else ()))


@pytest.mark.parametrize("call", [
    lambda z: minidl.searchsorted(z, 1.0),
    lambda z: minidl.bucketize(minidl.ones(2), z),
    lambda z: minidl.bucketize(z, minidl.ones(2)),
    minidl.unique, minidl.isposinf, minidl.isneginf])
def test_what_asks_for_an_order_is_refused(call):
    with pytest.raises((NotImplementedError, RuntimeError), match="not supp"):
        call(minidl.tensor(A[0]))


@pytest.mark.parametrize("ours, theirs", functions())
def test_pytorchs_answer_or_none(ours, theirs):
    for args in CALLS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mine, expected = run(minidl, ours, args), run(torch, theirs, args)
        if mine is None or expected is None:
            continue
        assert len(mine[0]) == len(expected[0])
        for x, y in zip(mine[0] + mine[1], expected[0] + expected[1]):
            assert x.dtype.kind == y.dtype.kind
            np.testing.assert_allclose(x, y, rtol=1e-6, atol=1e-9)
