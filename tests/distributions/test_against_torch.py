"""Every distribution against PyTorch's: figures, shapes, gradients, representations."""
from __future__ import annotations

import inspect
import re
import warnings

import numpy as np
import pytest

import minidl
from minidl import distributions
from tests.distributions.table import CASES, Case

torch = pytest.importorskip("torch")
theirs = torch.distributions

FIGURES = ["mean", "mode", "variance", "stddev"]
OF_VALUE = ["log_prob", "cdf"]
APPROXIMATE = {"VonMises": 1e-6}        # PyTorch's Bessel functions are polynomials of single precision


def build(case: Case, library, tensor):
    """The distribution of a case, and its parameters that are leaves."""
    leaves = {name: tensor(value) for name, value in case.parameters.items() if isinstance(value, np.ndarray)}
    cls = getattr(library, case.name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return cls(**{**case.parameters, **leaves}), leaves


def ours_of(case):
    return build(case, distributions, lambda x: minidl.tensor(x, requires_grad=True))


def theirs_of(case):
    return build(case, theirs, lambda x: torch.tensor(x, requires_grad=True))


def result_of(function, *args):
    """The value, or the type of the error."""
    try:
        return function(*args)
    except (NotImplementedError, AttributeError) as error:
        return NotImplementedError if isinstance(error, NotImplementedError) else type(error)


def same(ours, expected, rtol=1e-9, atol=1e-12):
    if isinstance(expected, type):
        assert ours is expected
        return
    assert tuple(ours.shape) == tuple(expected.shape)
    assert str(expected.dtype).removeprefix("torch.") == str(ours.dtype)
    np.testing.assert_allclose(ours.detach().numpy(), expected.detach().numpy(), rtol=rtol, atol=atol)


def tolerance(case):
    single = all(not isinstance(v, np.ndarray) for v in case.parameters.values())
    return APPROXIMATE.get(case.name, 2e-6 if single else 1e-8)


@pytest.fixture(autouse=True)
def double():
    """Parameters that are numbers become double precision, too."""
    minidl.set_default_dtype(minidl.float64)
    torch.set_default_dtype(torch.float64)
    yield
    minidl.set_default_dtype(minidl.float32)
    torch.set_default_dtype(torch.float32)


def test_all_names_are_there():
    assert set(theirs.__all__) <= set(dir(distributions))
    assert set(distributions.transforms.__all__) == set(theirs.transforms.__all__)
    assert set(distributions.constraints.__all__) == set(theirs.constraints.__all__)
    classes = {name for name in theirs.__all__ if inspect.isclass(getattr(theirs, name))
               and issubclass(getattr(theirs, name), theirs.Distribution)}
    bases = {"Distribution", "ExponentialFamily", "Independent", "MixtureSameFamily", "TransformedDistribution"}
    assert classes - bases == {case.name for case in CASES}


@pytest.mark.parametrize("name", sorted({case.name for case in CASES}))
def test_arguments_are_the_same(name):
    ours, expected = (inspect.signature(getattr(library, name)) for library in (distributions, theirs))
    assert [(p.name, p.default) for p in ours.parameters.values()] == [
        (p.name, p.default) for p in expected.parameters.values()]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_figures(case):
    ours, expected = ours_of(case)[0], theirs_of(case)[0]
    for name in FIGURES:
        same(result_of(getattr, ours, name), result_of(getattr, expected, name), tolerance(case))
    for name in ("entropy", "perplexity"):
        same(result_of(getattr(ours, name)), result_of(getattr(expected, name)), tolerance(case))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_of_values(case):
    ours, expected = ours_of(case)[0], theirs_of(case)[0]
    for name in OF_VALUE:
        same(result_of(getattr(ours, name), minidl.tensor(case.value)),
             result_of(getattr(expected, name), torch.tensor(case.value)), tolerance(case))
    quantiles = np.linspace(0.01, 0.99, 3)
    same(result_of(ours.icdf, minidl.tensor(quantiles)), result_of(expected.icdf, torch.tensor(quantiles)),
         tolerance(case))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradients(case):
    ours, our_leaves = ours_of(case)
    expected, their_leaves = theirs_of(case)
    continuous = case.value.dtype.kind == "f"
    value = minidl.tensor(case.value, requires_grad=continuous)
    their_value = torch.tensor(case.value, requires_grad=continuous)
    results = [ours.log_prob(value).sum(), expected.log_prob(their_value).sum()]
    entropies = [result_of(ours.entropy), result_of(expected.entropy)]
    if not isinstance(entropies[0], type):
        results = [a + 2 * b.sum() for a, b in zip(results, entropies)]
    if not results[0].requires_grad:
        assert not results[1].requires_grad
        return
    results[0].backward()
    results[1].backward()
    for name in our_leaves:
        a, b = our_leaves[name].grad, their_leaves[name].grad
        b = torch.zeros_like(their_leaves[name]) if b is None else b
        a = minidl.zeros_like(our_leaves[name]) if a is None else a
        a, b = a.numpy(), b.numpy()
        if name == "scale_tril":
            a, b = np.tril(a), np.tril(b)       # what is above is 0, so its gradient means nothing
        np.testing.assert_allclose(a, b, rtol=100 * tolerance(case), atol=1e-8, err_msg=name)
    if continuous and value.grad is not None:
        np.testing.assert_allclose(value.grad.numpy(), their_value.grad.numpy(), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shapes_and_constraints(case):
    ours, expected = ours_of(case)[0], theirs_of(case)[0]
    assert tuple(ours.batch_shape) == tuple(expected.batch_shape)
    assert tuple(ours.event_shape) == tuple(expected.event_shape)
    assert ours.has_rsample == expected.has_rsample
    assert ours.has_enumerate_support == expected.has_enumerate_support
    assert type(ours.support).__name__ == type(expected.support).__name__
    assert ours.support.event_dim == expected.support.event_dim
    assert ours.support.is_discrete == expected.support.is_discrete
    assert list(ours.arg_constraints) == list(expected.arg_constraints)
    assert [repr(c).split("(")[0] for c in ours.arg_constraints.values()] == [
        repr(c).split("(")[0] for c in expected.arg_constraints.values()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")     # PyTorch's Wishart warns of samples that are not singular
        for shape in ((), (2,), (4, 1)):
            assert tuple(ours.sample(shape).shape) == tuple(expected.sample(shape).shape)
        if ours.has_rsample:
            assert ours.rsample((2,)).requires_grad == expected.rsample((2,)).requires_grad
    if not ours.has_rsample:
        with pytest.raises(NotImplementedError):
            ours.rsample()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_representation(case):
    ours, expected = build(case, distributions, minidl.tensor)[0], build(case, theirs, torch.tensor)[0]
    assert sizes(repr(ours)) == sizes(repr(expected))


def sizes(text):
    """A representation with shapes as tuples."""
    return re.sub(r"\w+\.Size\(\[(.*?)\]\)", lambda m: str(tuple(int(n) for n in m[1].split(", ") if n)), text)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_expand(case):
    ours, expected = ours_of(case)[0], theirs_of(case)[0]
    shape = (5, *ours.batch_shape)
    ours, expected = ours.expand(shape), expected.expand(shape)
    assert type(ours).__name__ == case.name and tuple(ours.batch_shape) == shape
    assert tuple(ours.event_shape) == tuple(expected.event_shape)
    assert tuple(ours.sample((2,)).shape) == (2, *shape, *ours.event_shape)
    same(result_of(getattr, ours, "mean"), result_of(getattr, expected, "mean"), tolerance(case))
    if case.name != "Multinomial":      # PyTorch's forgets what its entropy needs
        same(result_of(ours.entropy), result_of(expected.entropy), tolerance(case))
    value = ours.sample()
    same(ours.log_prob(value), expected.log_prob(torch.tensor(value.numpy())), 100 * tolerance(case), atol=1e-7)


@pytest.mark.parametrize("case", [case for case in CASES if getattr(theirs, case.name).has_enumerate_support], ids=str)
def test_enumerate_support(case):
    ours, expected = ours_of(case)[0], theirs_of(case)[0]
    for expand in (True, False):
        same(result_of(ours.enumerate_support, expand), result_of(expected.enumerate_support, expand))
