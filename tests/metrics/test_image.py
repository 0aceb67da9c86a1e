"""PSNR and SSIM: by hand, by formulas, and against torchmetrics."""
from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import metrics
from minidl.metrics import functional as M
from tests import strict_array
from tests.metrics.reference import torchmetrics


def pair(shape=(3, 2, 20, 24), seed=0):
    generator = np.random.default_rng(seed)
    target = generator.random(shape).astype(np.float32)
    return (target + 0.2 * generator.standard_normal(shape)).astype(np.float32), target


def both(name, arguments, shape=(3, 2, 20, 24)):
    """Our result and torchmetrics'."""
    torch = pytest.importorskip("torch")
    preds, target = pair(shape)
    expected = getattr(torchmetrics("functional.image"), name)(
        torch.from_numpy(preds), torch.from_numpy(target), **arguments)
    return getattr(M, name)(minidl.tensor(preds), minidl.tensor(target), **arguments), expected


def agree(found, expected, **tolerance):
    for a, b in zip(*((x if isinstance(x, tuple) else (x,)) for x in (found, expected))):
        np.testing.assert_allclose(a.numpy(), b.numpy(), **tolerance)


PSNR = [{"data_range": 1.0}, {"data_range": (0.1, 0.8)}, {"data_range": 2.0, "base": 2.0},
        {"data_range": 1.0, "dim": (1, 2, 3)}, {"data_range": 1.0, "dim": 1, "reduction": "sum"},
        {"data_range": 1.0, "dim": (1, 2, 3), "reduction": "none"},
        {"data_range": 1.0, "dim": (2, 3), "reduction": None}]
SSIM = [{}, {"data_range": 1.0}, {"data_range": (0.1, 0.8)}, {"sigma": 0.8}, {"sigma": (1.0, 1.5)},
        {"k1": 0.1, "k2": 0.2}, {"gaussian_kernel": False}, {"gaussian_kernel": False, "kernel_size": (3, 7)},
        {"reduction": "sum"}, {"reduction": "none"},
        {"reduction": None, "return_full_image": True}, {"return_contrast_sensitivity": True}]


@pytest.mark.parametrize("arguments", PSNR, ids=str)
def test_psnr_is_torchmetrics_s(arguments):
    agree(*both("peak_signal_noise_ratio", arguments), rtol=1e-5)


@pytest.mark.parametrize("arguments", SSIM, ids=str)
def test_ssim_is_torchmetrics_s(arguments):
    agree(*both("structural_similarity_index_measure", arguments), rtol=1e-4, atol=1e-5)


def test_ssim_of_volumes_is_torchmetrics_s():
    agree(*both("structural_similarity_index_measure", {"data_range": 1.0}, (2, 1, 12, 14, 13)), rtol=1e-4, atol=1e-5)


def test_psnr_by_hand():
    """Errors of 0.1: 10 log10(1 / 0.01)."""
    target = minidl.rand(2, 3, 4, 4)
    assert M.peak_signal_noise_ratio(target + 0.1, target, data_range=1.0).item() == pytest.approx(20, rel=1e-5)
    assert M.peak_signal_noise_ratio(target, target, data_range=1.0).item() == float("inf")
    assert M.peak_signal_noise_ratio(minidl.tensor([255]), minidl.tensor([0]), data_range=255.0).item() == 0


def test_ssim_by_its_formula():
    """With even windows over all of it, of the pixel in the middle."""
    preds, target = pair((1, 1, 7, 7))
    _, image = M.structural_similarity_index_measure(
        minidl.tensor(preds), minidl.tensor(target), gaussian_kernel=False, kernel_size=7, data_range=1.0,
        return_full_image=True)
    (p, t), c1, c2 = (preds.astype(float), target.astype(float)), 0.01 ** 2, 0.03 ** 2
    covariance = (p * t).mean() - p.mean() * t.mean()
    expected = (2 * p.mean() * t.mean() + c1) * (2 * covariance + c2) / (
        (p.mean() ** 2 + t.mean() ** 2 + c1) * (p.var() + t.var() + c2))
    assert image[0, 0, 3, 3].item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("measure", [
    lambda p, t: M.peak_signal_noise_ratio(p, t, data_range=1.0),
    lambda p, t: M.structural_similarity_index_measure(p, t, sigma=0.8, data_range=1.0)], ids=["psnr", "ssim"])
def test_both_have_gradients(measure):
    """A step along the gradient makes the image better, by as much as the gradient says."""
    preds, target = (minidl.tensor(x.astype(np.float64)) for x in pair((1, 1, 8, 8)))
    preds.requires_grad_()
    before = measure(preds, target)
    before.backward()
    step = 1e-3 * preds.grad / preds.grad.norm()
    gain = (measure(preds.detach() + step, target) - measure(preds.detach() - step, target)).item()
    assert gain == pytest.approx(2e-3 * preds.grad.norm().item(), rel=1e-2) and gain > 0


@pytest.mark.parametrize("name, metric, arguments", [
    *(("peak_signal_noise_ratio", metrics.PeakSignalNoiseRatio, x) for x in PSNR),
    *(("structural_similarity_index_measure", metrics.StructuralSimilarityIndexMeasure, {**x, "data_range": 1.0})
      for x in SSIM)], ids=str)
def test_batches_and_ranks_give_the_figure_of_all(name, metric, arguments):
    preds, target = map(minidl.tensor, pair())
    here, there = metric(**arguments), metric(**arguments)
    here.update(preds[:1], target[:1])
    there.update(preds[1:], target[1:])
    here.merge_state(there.metric_state)
    found, expected = here.compute(), getattr(M, name)(preds, target, **arguments)
    if name == "peak_signal_noise_ratio":
        expected = expected.flatten() if expected.ndim else expected        # batches are strung together
    agree(found, expected, rtol=1e-5, atol=1e-6)
    assert here.update_count == 2


@pytest.mark.parametrize("wrong, error, text", [
    (lambda: M.peak_signal_noise_ratio([0], minidl.ones(1), 1.0), TypeError, "preds"),
    (lambda: M.peak_signal_noise_ratio(minidl.ones(2), minidl.ones(3), 1.0), ValueError, "same shape"),
    (lambda: M.peak_signal_noise_ratio(minidl.ones(0), minidl.ones(0), 1.0), ValueError, "not empty"),
    (lambda: M.peak_signal_noise_ratio(minidl.ones(2), minidl.ones(2), 0), ValueError, "data_range above 0"),
    (lambda: metrics.PeakSignalNoiseRatio((1.0, 0.0)), ValueError, "data_range above 0"),
    (lambda: metrics.PeakSignalNoiseRatio(1.0, reduction="mean"), ValueError, "reduction"),
    (lambda: metrics.PeakSignalNoiseRatio(1.0, dim=1).compute(), ValueError, "call update first"),
    (lambda: M.structural_similarity_index_measure(minidl.ones(4, 4), minidl.ones(4, 4)), ValueError,
     r"\(N, C, H, W\)"),
    (lambda: M.structural_similarity_index_measure(minidl.ones(1, 1, 5, 9), minidl.ones(1, 1, 5, 9)), ValueError,
     "sides above"),
    (lambda: M.structural_similarity_index_measure(minidl.ones(1, 1, 9, 9).long(), minidl.ones(1, 1, 9, 9)), ValueError,
     "floating point"),
    (lambda: metrics.StructuralSimilarityIndexMeasure(kernel_size=4), ValueError, "odd and positive kernel_size"),
    (lambda: metrics.StructuralSimilarityIndexMeasure(sigma=0.0), ValueError, "sigma above 0"),
    (lambda: metrics.StructuralSimilarityIndexMeasure(return_full_image=True, return_contrast_sensitivity=True),
     ValueError, "mutually exclusive"),
])
@pytest.mark.filterwarnings("ignore:.*was called before update")
def test_what_does_not_fit_is_refused(wrong, error, text):
    with pytest.raises(error, match=text):
        wrong()


def test_a_reduction_without_dim_warns():
    with pytest.warns(UserWarning, match="does nothing while dim is None"):
        M.peak_signal_noise_ratio(minidl.ones(2), minidl.zeros(2), 1.0, reduction="sum")


def test_on_another_device():
    assert strict_array.__doc__
    preds, target = map(minidl.tensor, pair())
    for metric in (metrics.PeakSignalNoiseRatio(1.0), metrics.StructuralSimilarityIndexMeasure(data_range=1.0)):
        elsewhere = metric.clone()
        metric.update(preds, target)
        elsewhere.update(preds.to("strict"), target.to("strict"))
        assert elsewhere.compute().device.type == "strict"
        assert elsewhere.compute().item() == pytest.approx(metric.compute().item(), rel=1e-5)
