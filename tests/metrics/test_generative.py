"""Fréchet distance, FID, KID: against scipy's square root of a matrix, formulas, and torchmetrics."""
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minidl
from minidl import nn
from minidl.metrics import FrechetInceptionDistance, KernelInceptionDistance
from minidl.metrics import functional as M
from tests import strict_array
from tests.metrics.reference import torchmetrics


def moments(seed, d, n):
    x = np.random.default_rng(seed).standard_normal((n, d)) @ np.random.default_rng(seed + 1).standard_normal((d, d))
    return x.mean(0), np.cov(x.T).reshape(d, d)


@pytest.mark.filterwarnings("ignore:Matrix is singular")
@settings(max_examples=30)
@given(st.integers(1, 12), st.integers(0, 1000), st.booleans())
def test_distance_is_that_of_scipy(d, seed, singular):
    """tr (sigma1 sigma2)^(1/2) by the Schur form of the product, as the usual code has it; with singular ones too."""
    linalg = pytest.importorskip("scipy.linalg")
    n = max(2, d // 2) if singular else 5 * d + 2
    (mu1, s1), (mu2, s2) = moments(seed, d, n), moments(seed + 7, d, n)
    found = M.frechet_distance(*(minidl.tensor(x) for x in (mu1, s1, mu2, s2))).item()
    shift = 1e-9 * np.eye(d) if singular else 0         # the product has no square root that scipy finds, else
    root = linalg.sqrtm((s1 + shift) @ (s2 + shift))
    expected = np.square(mu1 - mu2).sum() + np.trace(s1) + np.trace(s2) - 2 * np.trace(root).real
    scale = np.trace(s1) + np.trace(s2)
    assert found == pytest.approx(expected, abs=(1e-3 if singular else 1e-7) * scale)


def test_distances_in_closed_form():
    """Of diagonal covariances: |m|^2 + sum (s1 - s2)^2, for standard deviations s."""
    s1, s2, m = minidl.tensor([1.0, 2.0, 0.0]), minidl.tensor([3.0, 0.5, 0.0]), minidl.tensor([1.0, -1.0, 2.0])
    found = M.frechet_distance(m, (s1 ** 2).diag(), m * 0, (s2 ** 2).diag())
    assert found.item() == pytest.approx(6 + 4 + 2.25, rel=1e-6) and found.dtype == minidl.float32
    turn = minidl.linalg.qr(minidl.randn(3, 3))[0]          # the same in another frame
    turned = M.frechet_distance(turn @ m, turn @ (s1 ** 2).diag() @ turn.T, m * 0, turn @ (s2 ** 2).diag() @ turn.T)
    assert turned.item() == pytest.approx(12.25, rel=1e-4)
    assert M.frechet_distance(m, (s1 ** 2).diag(), m, (s1 ** 2).diag()).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("wrong, error, text", [
    (lambda: M.frechet_distance([0], minidl.eye(1), minidl.zeros(1), minidl.eye(1)), TypeError, "'mu1' must be Tensor"),
    (lambda: M.frechet_distance(minidl.zeros(2), minidl.eye(3), minidl.zeros(2), minidl.eye(2)), ValueError,
     r"mu1 \(2,\) and sigma1 \(3, 3\)"),
    (lambda: M.frechet_distance(minidl.zeros(2), minidl.eye(2), minidl.zeros(3), minidl.eye(2)), ValueError, "mu2"),
    (lambda: M.frechet_distance(minidl.zeros(2), minidl.eye(2) / 0, minidl.zeros(2), minidl.eye(2)), ValueError,
     "sigma1 contains NaN or infinity"),
    (lambda: M.poly_mmd(minidl.rand(3, 2), minidl.rand(4, 2)), ValueError, r"\(3, 2\) and \(4, 2\)"),
    (lambda: M.poly_mmd(minidl.rand(1, 2), minidl.rand(1, 2)), ValueError, "two at least"),
    (lambda: FrechetInceptionDistance(2048), TypeError, "expected feature to be a network"),
    (lambda: FrechetInceptionDistance(nn.Identity()).update(minidl.rand(3, 1, 4, 4), real=True), ValueError,
     r"features \(N, D\) of 3 images, but the network gave \(3, 1, 4, 4\)"),
    (lambda: FrechetInceptionDistance(nn.Identity()).update(minidl.zeros(3, 1) / 0, real=True), ValueError, "NaN"),
    (lambda: FrechetInceptionDistance(nn.Identity())(minidl.rand(3, 1), real=True), TypeError, "a batch alone"),
    (lambda: KernelInceptionDistance(nn.Identity(), subset_size=1), ValueError, "subset_size .* at least 2"),
    (lambda: KernelInceptionDistance(nn.Identity(), subsets=0), ValueError, "subsets .* at least 1"),
    (lambda: KernelInceptionDistance(nn.Identity(), coef=0), ValueError, "gamma and coef above 0"),
])
def test_what_does_not_fit_is_refused(wrong, error, text):
    with pytest.raises(error, match=text):
        wrong()


class Features(nn.Module):
    """Of images (N, 1, 4, 4), in evaluation mode only."""

    def __init__(self, d=6):
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(16, d), nn.Dropout(0.5))

    def forward(self, x):
        assert not self.training and not minidl.is_grad_enabled()
        return self.net(x).tanh()


def images(n=80):
    minidl.manual_seed(3)
    return minidl.rand(n, 1, 4, 4), minidl.rand(n + 20, 1, 4, 4) ** 2


def test_fid_is_the_distance_of_moments():
    net, (real, fake) = Features().train(), images()
    fid = FrechetInceptionDistance(feature=net)
    for part in real.split(33):
        fid.update(part, real=True)
    fid.update(fake, real=False)
    assert net.training and net.net[2].training
    with minidl.no_grad():
        x, y = (net.eval()(z).double().numpy() for z in (real, fake))
    expected = M.frechet_distance(*(minidl.tensor(v) for v in (x.mean(0), np.cov(x.T), y.mean(0), np.cov(y.T))))
    assert fid.compute().item() == pytest.approx(expected.item(), rel=1e-6)


def test_fid_is_torchmetrics_s():
    image = torchmetrics("image.fid")
    torch = pytest.importorskip("torch")

    real, fake = images()
    fid = FrechetInceptionDistance(feature=nn.Flatten())
    net = torch.nn.Flatten()
    net.num_features = 16
    theirs = image.FrechetInceptionDistance(feature=net)
    for x, is_real in ((real, True), (fake, False)):
        fid.update(x, real=is_real)
        theirs.update(torch.from_numpy(x.numpy()), real=is_real)
    assert fid.compute().item() == pytest.approx(theirs.compute().item(), rel=1e-4)
    assert set(fid.metric_state) == set(theirs.metric_state)


def test_kernel_distance_by_loops_and_torchmetrics():
    x, y = np.random.default_rng(0).standard_normal((2, 7, 3))
    for degree, gamma, coef in ((3, None, 1.0), (2, 0.5, 2.0), (1, None, 1.0)):
        def k(a, b, degree=degree, gamma=gamma, coef=coef):
            return (a @ b * (gamma or 1 / 3) + coef) ** degree
        apart = [(i, j) for i in range(7) for j in range(7) if i != j]
        expected = sum(k(x[i], x[j]) + k(y[i], y[j]) for i, j in apart) / 42 - 2 * sum(
            k(a, b) for a in x for b in y) / 49
        found = M.poly_mmd(minidl.tensor(x), minidl.tensor(y), degree, gamma, coef).item()
        assert found == pytest.approx(expected)
        torch = pytest.importorskip("torch")
        theirs = torchmetrics("image.kid").poly_mmd(torch.from_numpy(x), torch.from_numpy(y), degree, gamma, coef)
        assert found == pytest.approx(theirs.item())


def test_kid_draws_subsets():
    real, fake = images(40)
    kid = KernelInceptionDistance(nn.Flatten(), subsets=200, subset_size=20)
    for x, is_real in ((real[:15], True), (real[15:], True), (fake, False)):
        kid.update(x, real=is_real)
    mean, std = kid.compute()
    whole = KernelInceptionDistance(nn.Flatten(), subsets=2, subset_size=40)      # all real ones, each time
    whole.update(real, real=True)
    whole.update(fake[:40], real=False)
    exact, none = whole.compute()
    assert none.item() == pytest.approx(0, abs=1e-6)        # the order of the images changes nothing
    assert exact.item() == pytest.approx(M.poly_mmd(real.flatten(1), fake[:40].flatten(1)).item(), rel=1e-4)
    assert std.item() > 0 and abs(mean.item() - exact.item()) < 4 * std.item()
    with pytest.raises(ValueError, match="at least subset_size = 50 images, but got 40 real ones"):
        too_few = KernelInceptionDistance(nn.Flatten(), subset_size=50)
        too_few.update(real, real=True)
        too_few.update(fake, real=False)
        too_few.compute()


def test_kid_of_one_distribution_is_0_on_average():
    minidl.manual_seed(0)
    found = [M.poly_mmd(minidl.randn(30, 4), minidl.randn(30, 4)).item() for _ in range(200)]
    assert abs(np.mean(found)) < 4 * np.std(found) / 200 ** 0.5 and min(found) < 0


@pytest.mark.parametrize("metric", [FrechetInceptionDistance, lambda net: KernelInceptionDistance(net, 3, 40)])
def test_parts_merge_and_real_ones_may_be_kept(metric):
    net, (real, fake) = Features(), images()
    whole, first, second = (metric(net) for _ in range(3))
    for one, x, y in ((whole, real, fake), (first, real[:30], fake[:50]), (second, real[30:], fake[50:])):
        one.update(x, real=True)
        one.update(y, real=False)
    first.merge_state(second)
    figures = []
    for one in (whole, first):
        minidl.manual_seed(1)
        figures.append(np.ravel(one.compute()))
    np.testing.assert_allclose(*figures, rtol=1e-4, atol=1e-7)
    whole.reset_real_features = False
    whole.reset()
    whole.update(fake, real=False)
    minidl.manual_seed(1)
    np.testing.assert_allclose(np.ravel(whole.compute()), figures[0], rtol=1e-4, atol=1e-7)
    first.reset()
    first.update(fake, real=False)
    with pytest.raises((RuntimeError, ValueError), match="0 real images|0 real ones"):
        first.compute()


def test_too_few_images_for_their_features_warn():
    fid = FrechetInceptionDistance(nn.Flatten())
    real, fake = images(16)
    fid.update(real, real=True)
    fid.update(fake, real=False)
    with pytest.warns(UserWarning, match="16 real images are too few for 16 features: the covariance is singular"):
        assert np.isfinite(fid.compute().item())
    with pytest.raises(RuntimeError, match="more than one sample .* 1 real image$"):
        fid.reset()
        fid.update(real[:1], real=True)
        fid.compute()


def test_on_another_device():
    assert strict_array.__doc__
    real, fake = images()
    here, there = FrechetInceptionDistance(nn.Flatten()), FrechetInceptionDistance(nn.Flatten())
    kid = KernelInceptionDistance(nn.Flatten(), 2, 20)
    for x, is_real in ((real, True), (fake, False)):
        here.update(x, real=is_real)
        there.update(x.to("strict"), real=is_real)
        kid.update(x.to("strict"), real=is_real)
    assert there.compute().device.type == kid.compute()[0].device.type == "strict"
    assert there.compute().item() == pytest.approx(here.compute().item(), rel=1e-6)
