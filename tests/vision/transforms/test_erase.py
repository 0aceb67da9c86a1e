"""RandomErasing, and erase."""
from __future__ import annotations

import math

import numpy as np
import pytest

import minidl
from minidl.vision.transforms import RandomErasing, functional
from tests import strict_array


def test_erase():
    x = minidl.arange(12).reshape(1, 3, 4).float()
    assert functional.erase(x, 1, 2, 2, 1, -1.0).tolist() == [[[0, 1, 2, 3], [4, 5, -1, 7], [8, 9, -1, 11]]]
    assert x.flatten().tolist() == list(range(12))
    assert functional.erase(x, 0, 0, 1, 4, 0.0, inplace=True) is x and x[0, 0].tolist() == [0] * 4


def erased(image):
    """Rows and columns that were overwritten in an image of ones."""
    gone = (image != 1).all(0).numpy()
    rows, columns = gone.any(1), gone.any(0)
    assert (gone == np.outer(rows, columns)).all()
    return int(rows.sum()), int(columns.sum())


def test_rectangles_are_as_large_and_as_long_as_they_should():
    minidl.manual_seed(0)
    places, sides = set(), []
    for _ in range(200):
        y = RandomErasing(p=1.0, scale=(0.1, 0.3), ratio=(0.5, 2.0))(minidl.ones(2, 40, 60))
        h, w = erased(y)
        assert 0.08 < h * w / 2400 < 0.33 and 0.45 < h / w < 2.2
        sides.append(math.log(h / w))
        places.add(int((y[0] != 1).numpy().argmax()))       # the first pixel
    assert abs(np.mean(sides)) < 0.1 and len(places) > 150      # high ones are as likely as wide ones


def test_the_probability():
    minidl.manual_seed(0)
    transform, x = RandomErasing(p=0.25), minidl.ones(1, 8, 8)
    share = np.mean([transform(x) is not x for _ in range(400)])
    assert share == pytest.approx(0.25, abs=0.06)
    assert RandomErasing(p=0.0)(x) is x


def test_values():
    minidl.manual_seed(0)
    size = {"p": 1.0, "scale": (0.25, 0.25), "ratio": (1, 1)}
    x = minidl.ones(3, 80, 80)
    y = RandomErasing(value=[2.0, 3.0, 4.0], **size)(x)
    assert [sorted(set(channel.flatten().tolist())) for channel in y] == [[1.0, 2.0], [1.0, 3.0], [1.0, 4.0]]
    y = RandomErasing(value="random", **size)(x)
    drawn = y[y != 1]
    assert drawn.numel() == 3 * 1600 and abs(drawn.mean().item()) < 0.1
    assert drawn.std().item() == pytest.approx(1, abs=0.05)
    batch = RandomErasing(value=5, inplace=True, **size)(z := minidl.ones(4, 3, 8, 8))
    assert batch is z and (batch == 5).sum().item() == 4 * 3 * 16 and bool((batch == batch[:1]).all())


def test_what_does_not_fit_is_left():
    x = minidl.ones(1, 4, 4)
    assert RandomErasing(p=1.0, scale=(1.0, 1.0), ratio=(1, 1))(x) is x


def test_the_seed_decides():
    transform, x = RandomErasing(p=1.0, value="random"), minidl.ones(1, 20, 20)
    minidl.manual_seed(3)
    first, second = transform(x), transform(x)
    minidl.manual_seed(3)
    assert transform(x).tolist() == first.tolist() != second.tolist()


def test_on_another_device():
    x = strict_array.leaf(minidl.ones(3, 8, 8))
    for value in (0.0, "random", (1.0, 2.0, 3.0)):
        assert RandomErasing(p=1.0, value=value)(x).device.type == "strict"


def test_repr():
    assert repr(RandomErasing()) == ("RandomErasing(p=0.5, scale=(0.02, 0.33), ratio=(0.3, 3.3), value=0, "
                                     "inplace=False)")


@pytest.mark.parametrize("call, kind, text", [
    (lambda: RandomErasing(p=1.5), ValueError, "probability should be between 0 and 1, but got p=1.5"),
    (lambda: RandomErasing(value={}), TypeError, "Argument value should be either a number or str or a sequence"),
    (lambda: RandomErasing(value="noise"), ValueError, "If value is str, it should be 'random', but got 'noise'"),
    (lambda: RandomErasing(scale=0.3), TypeError, "Scale should be a sequence"),
    (lambda: RandomErasing(scale=(0.1, 1.1)), ValueError, "Scale should be between 0 and 1"),
    (lambda: RandomErasing(ratio=(2.0, 1.0)), ValueError, "Ratio should be of kind (min, max)"),
    (lambda: RandomErasing(ratio=(0.0, 1.0)), ValueError, "Ratio should be greater than 0"),
    (lambda: RandomErasing(value=(1, 2))(minidl.ones(3, 4, 4)), ValueError, "either a single value or 3 values"),
    (lambda: RandomErasing(1.0, value="random")(minidl.ones(3, 8, 8, dtype="uint8")), RuntimeError,
     "inpt must be floating-point"),
    (lambda: RandomErasing(1.0)([1]), TypeError, "argument 'inpt' must be Tensor, not list"),
    (lambda: functional.erase(np.ones((1, 2, 2)), 0, 0, 1, 1, 0.0), TypeError,
     "argument 'img' must be Tensor, not ndarray"),
    (lambda: RandomErasing()(minidl.ones(4, 4)), RuntimeError, "expected images (..., C, H, W), but got (4, 4)"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)
