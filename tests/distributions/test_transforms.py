"""Transforms: inverses, Jacobians against autograd, caches, equality; all against PyTorch's."""
from __future__ import annotations

import pickle

import numpy as np
import pytest

import minidl
from minidl import distributions as d
from minidl.autograd import gradcheck
from minidl.distributions import constraints as c
from minidl.distributions import transforms as t

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
REAL = np.array([[-1.3, 0.2, 2.5], [0.4, -0.7, 1.1]])
A = np.array


def transforms(library, tensor):
    """(transform, x) for every transform, of one of the libraries."""
    m = library.transforms
    positive, unit = np.abs(REAL) + 0.1, 1 / (1 + np.exp(-REAL))
    return [(make(), x) for make, x in [
        (lambda: m.ExpTransform(), REAL), (lambda: m.ExpTransform().inv, positive),
        (lambda: m.PowerTransform(tensor(A(2.0))), positive),
        (lambda: m.PowerTransform(tensor(A([-1.0, 0.5, 3.0]))), positive),
        (lambda: m.SigmoidTransform(), REAL), (lambda: m.SigmoidTransform().inv, unit),
        (lambda: m.SoftplusTransform(), REAL), (lambda: m.TanhTransform(), REAL),
        (lambda: m.AffineTransform(1.5, -2.0), REAL),
        (lambda: m.AffineTransform(tensor(A([1.0, 2.0, 3.0])), tensor(A([-1.0, 0.5, 2.0])), event_dim=1), REAL),
        (lambda: m.AffineTransform(0.0, 3.0, event_dim=2), REAL),
        (lambda: m.ComposeTransform([m.AffineTransform(1.0, 2.0), m.ExpTransform(),
                                     m.PowerTransform(tensor(A(-0.5)))]), REAL),
        (lambda: m.ComposeTransform([m.AffineTransform(0.0, 2.0), m.StickBreakingTransform()]), REAL),
        (lambda: m.ComposeTransform([]), REAL), (lambda: m.identity_transform, REAL),
        (lambda: m.IndependentTransform(m.ExpTransform(), 1), REAL),
        (lambda: m.ReshapeTransform((2, 3), (3, 2)), REAL),
        (lambda: m.ReshapeTransform((3,), (1, 3)).inv, REAL[:, None]),
        (lambda: m.StickBreakingTransform(), REAL), (lambda: m.CorrCholeskyTransform(), REAL),
        (lambda: m.CorrCholeskyTransform(), np.tile(REAL, 2)),
        (lambda: m.CumulativeDistributionTransform(library.Normal(tensor(A(0.5)), tensor(A(2.0)))), REAL),
        (lambda: m.CatTransform([m.ExpTransform(), m.AffineTransform(1.0, 2.0)], dim=-1, lengths=[1, 2]), REAL),
        (lambda: m.CatTransform([m.ExpTransform(), m.identity_transform], dim=0), REAL),
        (lambda: m.StackTransform([m.ExpTransform(), m.SigmoidTransform(), m.identity_transform], dim=1), REAL),
    ]]


def more(library):
    """Transforms without a Jacobian."""
    m = library.transforms
    return [(m.AbsTransform(), REAL), (m.SoftmaxTransform(), REAL), (m.LowerCholeskyTransform(), np.outer(REAL, REAL)),
            (m.PositiveDefiniteTransform(), np.outer(REAL, REAL) * 0.3)]


OURS = transforms(d, minidl.tensor)
IDS = [f"{i}-{type(transform).__name__}" for i, (transform, _) in enumerate(OURS)]


@pytest.mark.parametrize("transform, x", OURS, ids=IDS)
def test_inverse_shapes_and_jacobian(transform, x):
    assert transform.bijective and transform.inv.inv is transform
    x = minidl.tensor(x)
    y = transform(x)
    np.testing.assert_allclose(transform.inv(y).numpy(), x.numpy(), rtol=1e-9, atol=1e-12)
    assert transform.forward_shape(x.shape) == y.shape and transform.inverse_shape(y.shape) == x.shape
    log_det = transform.log_abs_det_jacobian(x, y)
    assert log_det.shape == x.shape[:x.dim() - transform.domain.event_dim] or isinstance(
        transform, (t.CatTransform, t.StackTransform))
    back = transform.inv.log_abs_det_jacobian(y, x)
    np.testing.assert_allclose(back.numpy(), -log_det.numpy(), rtol=1e-9, atol=1e-12)
    assert bool(transform.codomain.check(y).all()) and gradcheck(transform, x.clone().requires_grad_())


WHOLE = [(transform, x) for transform, x in OURS if not isinstance(transform, (t.CatTransform, t.StackTransform))]


@pytest.mark.parametrize("transform, x", WHOLE, ids=[type(transform).__name__ for transform, _ in WHOLE])
def test_the_jacobian_is_that_of_autograd(transform, x):
    """Of a bijection of n numbers, on coordinates of y that are free: the simplex's last entry is not."""
    x = minidl.tensor(x)

    def free(x):
        y = transform(x)
        if transform.codomain is c.corr_cholesky:
            return d.transforms.vectors.tril_matrix_to_vec(y, -1).flatten()
        of_simplex = y.shape[-1:] != x.shape[-1:] and y.numel() > x.numel()
        return (y[..., :-1] if of_simplex else y).flatten()

    jacobian = minidl.func.jacrev(free)(x).reshape(x.numel(), x.numel())
    expected = minidl.linalg.slogdet(jacobian)[1].item()
    ours = transform.log_abs_det_jacobian(x, transform(x)).sum().item()
    assert ours == pytest.approx(expected, rel=1e-8)


@needs_torch
def test_values_against_torch():
    for (ours, x), (theirs, _) in zip(transforms(d, minidl.tensor), transforms(torch.distributions, torch.tensor)):
        compare(ours, theirs, x)
        x, their_x = minidl.tensor(x), torch.tensor(x)
        np.testing.assert_allclose(ours.log_abs_det_jacobian(x, ours(x)).numpy(),
                                   theirs.log_abs_det_jacobian(their_x, theirs(their_x)).numpy(), rtol=1e-9, atol=1e-12)
    for (ours, x), (theirs, _) in zip(more(d), more(torch.distributions)):
        compare(ours, theirs, x)


def compare(ours, theirs, x):
    assert type(ours).__name__ == type(theirs).__name__ and repr(ours) == repr(theirs)
    y, their_y = ours(minidl.tensor(x)), theirs(torch.tensor(x))
    np.testing.assert_allclose(y.numpy(), their_y.numpy(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours.inv(y).numpy(), theirs.inv(their_y).numpy(), rtol=1e-9, atol=1e-9)
    assert ours.bijective == theirs.bijective
    for side in ("domain", "codomain"):
        assert repr(getattr(ours, side)) == repr(getattr(theirs, side))
    for name in ("sign", "event_dim"):
        results = []
        for transform in (ours, theirs):
            try:
                value = getattr(transform, name)
            except (NotImplementedError, ValueError) as error:
                value = type(error)
            results.append(value if isinstance(value, (int, type)) else np.asarray(value).tolist())
        assert results[0] == results[1], (ours, name)


def test_caches():
    for transform, x in OURS:
        cached = transform.with_cache()
        assert cached is cached.with_cache(1) and type(cached) is type(transform)
        x = minidl.tensor(x)
        if isinstance(transform, t.ComposeTransform):
            assert all(part._cache_size == 1 for part in cached.parts)
        else:
            y = cached(x)
            assert cached(x) is y and cached.inv(y) is x
            back = cached.inv(y.clone())
            assert back is not x
        assert transform.with_cache(0) is transform
    x = minidl.tensor([30.0])
    assert t.TanhTransform().inv(t.TanhTransform()(x)).item() == float("inf")
    cached = t.TanhTransform(cache_size=1)
    assert cached.inv(cached(x)) is x
    with pytest.raises(ValueError, match="cache_size must be 0 or 1"):
        t.ExpTransform(cache_size=2)


def test_equality():
    assert t.ExpTransform() == t.ExpTransform() != t.SigmoidTransform()
    assert t.AffineTransform(0.0, 1.0) == t.AffineTransform(0, minidl.ones(2)) != t.AffineTransform(0.0, 2.0)
    assert t.PowerTransform(2.0) == t.PowerTransform(minidl.tensor(2.0)) != t.PowerTransform(3.0)
    assert t.ExpTransform().inv == t.ExpTransform().inv != t.ExpTransform()
    one, other, short = (t.ComposeTransform([t.ExpTransform(), t.TanhTransform()][:n]) for n in (2, 2, 1))
    assert one == other != short
    assert t.CorrCholeskyTransform() != t.CorrCholeskyTransform()
    transform = t.CorrCholeskyTransform()
    assert transform == transform


def test_a_pickle_has_no_inverse_and_makes_its_own():
    transform = t.ExpTransform()
    inverse = transform.inv
    copy = pickle.loads(pickle.dumps(transform))
    assert copy == transform and copy.inv is not inverse and copy.inv.inv is copy


@pytest.mark.parametrize("call, kind, text", [
    (lambda: t.ReshapeTransform((2, 3), (5,)), ValueError, "different numbers of elements"),
    (lambda: t.ReshapeTransform((2, 3), (6,)).forward_shape((3,)), ValueError, "Too few dimensions on input"),
    (lambda: t.ReshapeTransform((2, 3), (6,)).forward_shape((4, 3, 2)), ValueError,
     r"Shape mismatch: expected \(3, 2\) but got \(2, 3\)"),
    (lambda: t.CorrCholeskyTransform().forward_shape((4,)), ValueError, "not a flattened lower-diagonal number"),
    (lambda: t.CorrCholeskyTransform().inverse_shape((4, 3)), ValueError, "Input is not square"),
    (lambda: t.StickBreakingTransform().forward_shape(()), ValueError, "Too few dimensions on input"),
    (lambda: t.SoftmaxTransform().inverse_shape(()), ValueError, "Too few dimensions on input"),
    (lambda: t.IndependentTransform(t.ExpTransform(), 2)(minidl.ones(3)), ValueError, "Too few dimensions on input"),
    (lambda: t.StickBreakingTransform().inv.event_dim + t.CorrCholeskyTransform().event_dim, ValueError,
     "Please use either .domain.event_dim or .codomain.event_dim"),
    (lambda: t.AbsTransform().sign, NotImplementedError, "^$"),
    (lambda: t.SoftmaxTransform().log_abs_det_jacobian(minidl.ones(2), minidl.ones(2)), NotImplementedError, "^$"),
    (lambda: t.CatTransform([t.ExpTransform()], lengths=[1, 2]), AssertionError, "a length for each of 1 transforms"),
    (lambda: t.CatTransform([t.ExpTransform()], dim=2)(minidl.ones(1)), AssertionError, "dim 2 is out of range"),
    (lambda: t.StackTransform([t.ExpTransform()])(minidl.ones(2)), AssertionError, "expected 1 along dim 0, but got 2"),
    (lambda: t.StackTransform([3]), AssertionError, "expected Transforms"),
])
def test_refusals(call, kind, text):
    with pytest.raises(kind, match=text):
        call()


# ---------------------------------------------------------------------- from no constraint to one

CONSTRAINTS = ["real", "positive", "nonnegative", "unit_interval", "simplex", "corr_cholesky", "real_vector",
               "lower_cholesky", "positive_definite", "positive_semidefinite"]


def constraints(library):
    m = library.constraints
    return [*(getattr(m, name) for name in CONSTRAINTS), m.greater_than(2.0), m.greater_than_eq(-1.0), m.less_than(3.0),
            m.interval(-1.0, 4.0), m.half_open_interval(0.0, 2.0), m.independent(m.positive, 1),
            m.cat([m.positive, m.real], -1, [1, 2]), m.stack([m.positive, m.unit_interval, m.real], -1)]


@pytest.mark.parametrize("constraint", constraints(d), ids=repr)
@pytest.mark.parametrize("registry", [d.biject_to, d.transform_to])
def test_registered_transforms_lead_to_their_constraint(registry, constraint):
    if registry is d.biject_to and constraint in (c.lower_cholesky, c.positive_definite, c.positive_semidefinite):
        with pytest.raises(NotImplementedError, match="Cannot transform _"):
            registry(constraint)
        return
    transform = registry(constraint)
    x = minidl.tensor(REAL.T @ REAL if constraint.event_dim == 2 and constraint is not c.corr_cholesky else REAL)
    assert bool(constraint.check(transform(x)).all())
    assert transform.bijective or registry is d.transform_to


@needs_torch
def test_registered_transforms_are_torchs():
    for name in ("biject_to", "transform_to"):
        for ours, theirs in zip(constraints(d), constraints(torch.distributions)):
            try:
                expected = repr(getattr(torch.distributions, name)(theirs))
            except NotImplementedError:
                continue
            assert repr(getattr(d, name)(ours)) == expected


def test_a_registry_refuses_what_is_no_constraint():
    with pytest.raises(TypeError, match="Expected constraint to be either a Constraint subclass or"):
        d.transform_to.register(3, lambda _: None)
