"""MixUp and CutMix."""
from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.vision.transforms import CutMix, MixUp
from tests import strict_array

LABELS = minidl.tensor([2, 0, 1])


def images():
    """Three images, each of one number, 0, 1 and 2."""
    return minidl.arange(3).float()[:, None, None, None].repeat(1, 2, 6, 8)


def test_mixup_against_loops():
    x, onehot = minidl.rand(3, 2, 4, 4, dtype=minidl.float64), np.eye(4)[LABELS.numpy()]
    minidl.manual_seed(0)
    mixed, labels = MixUp(alpha=0.4, num_classes=4)(x, LABELS)
    minidl.manual_seed(0)
    share = minidl.random.default_generator(minidl.device("cpu")).stream.beta(0.4, 0.4)
    assert 0 < share < 1 and labels.dtype == minidl.float64
    for n in range(3):
        np.testing.assert_allclose(mixed[n].numpy(), share * x[n].numpy() + (1 - share) * x[n - 1].numpy(), rtol=1e-12)
        np.testing.assert_allclose(labels[n].numpy(), share * onehot[n] + (1 - share) * onehot[n - 1], rtol=1e-12)


def test_cutmix_pastes_a_rectangle_of_the_image_before():
    minidl.manual_seed(0)
    seen = set()
    for _ in range(50):
        mixed, labels = CutMix(num_classes=3)(images(), minidl.arange(3))
        pasted = mixed.numpy() != images().numpy()
        assert (pasted == pasted[:1, :1]).all()                     # the same pixels in all images and channels
        rows, columns = (pasted[0, 0].any(axis) for axis in (1, 0))
        assert (pasted[0, 0] == np.outer(rows, columns)).all()
        for n in range(3):
            assert set(np.unique(mixed[n].numpy())) <= {n, (n - 1) % 3}
            share = 1 - pasted[0, 0].mean()
            np.testing.assert_allclose(labels[n].numpy(), share * np.eye(3)[n] + (1 - share) * np.eye(3)[n - 1],
                                       atol=1e-6)
        seen.add(int(pasted[0, 0].sum()))
    assert len(seen) > 5 and 0 in seen


def test_the_share_is_drawn_from_the_beta_distribution():
    minidl.manual_seed(0)
    shares = np.array([MixUp(alpha=0.5, num_classes=3)(minidl.eye(3)[:, :], minidl.arange(3))[1][0, 0].item()
                       for _ in range(500)])
    assert shares.mean() == pytest.approx(0.5, abs=0.05)
    assert shares.var() == pytest.approx(1 / 8, abs=0.02)           # of Beta(a, a): 1 / (4 (2a + 1))


@pytest.mark.parametrize("transform", [MixUp, CutMix])
def test_what_they_have_in_common(transform):
    x = images()
    minidl.manual_seed(3)
    first = transform(num_classes=3)(x, LABELS)
    second = transform(num_classes=3)(x, LABELS)
    minidl.manual_seed(3)
    again = transform(num_classes=3)(x, LABELS)
    assert [t.tolist() for t in again] == [t.tolist() for t in first] != [t.tolist() for t in second]
    assert x.tolist() == images().tolist()                          # the batch is left alone
    minidl.manual_seed(3)
    probabilities = transform()(x, minidl.nn.functional.one_hot(LABELS, 3).float())
    assert [t.tolist() for t in probabilities] == [t.tolist() for t in first]
    np.testing.assert_allclose(first[1].sum(1).numpy(), 1.0, rtol=1e-6)
    assert repr(transform(alpha=0.5, num_classes=3)) == f"{transform.__name__}(alpha=0.5, num_classes=3)"
    assert repr(transform()) == f"{transform.__name__}(alpha=1.0)"
    there = transform(num_classes=3)(strict_array.leaf(x), strict_array.leaf(LABELS))
    assert {t.device.type for t in there} == {"strict"}


@pytest.mark.parametrize("call, kind, text", [
    (lambda: MixUp(alpha=0.0), ValueError, "MixUp: alpha should be greater than 0, but got 0.0"),
    (lambda: MixUp(alpha=float("inf")), ValueError, "alpha should be greater than 0, but got inf"),
    (lambda: MixUp(num_classes=3)(images(), [2, 0, 1]), TypeError, "argument 'labels' must be Tensor, not list"),
    (lambda: MixUp(num_classes=3)(images(), minidl.ones(3, 4)), ValueError,
     "expected labels (N, 3), with num_classes=3, but got (3, 4)"),
    (lambda: MixUp(num_classes=3)(minidl.tensor(1.0), LABELS), ValueError,
     "one for each image, but got (3,) for images ()"),
    (lambda: CutMix(num_classes=3)(images()[:, :, :0], LABELS), ValueError, "expected a batch of images, (N, C, H, W)"),
    (lambda: MixUp()(images(), LABELS), ValueError, "num_classes must be given where labels are class numbers"),
    (lambda: CutMix(num_classes=3)(images(), LABELS[:2]), ValueError, "one for each image, but got (2,)"),
    (lambda: MixUp(num_classes=3)(images().long(), LABELS), RuntimeError, "images must be floating-point"),
    (lambda: CutMix(num_classes=3)(images()[:, 0], LABELS), ValueError, "expected a batch of images, (N, C, H, W)"),
    (lambda: MixUp(1.0), TypeError, "positional"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)
