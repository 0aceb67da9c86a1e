"""Pooling of regions: against loops over every bin, point and pixel, and by hand."""
from __future__ import annotations

import inspect
import itertools
import math

import numpy as np
import pytest

import minidl
from minidl.vision import ops
from tests import strict_array
from tests.checking import Case, S, check_case
from tests.vision.reference import torchvision

# ---------------------------------------------------------------------- oracles: one bin of one channel after the other


def bilinear(image, y, x):
    """The pixel at (y, x) of one channel, 0 from a distance of 1 on outside."""
    H, W = image.shape
    if not (-1 <= y <= H and -1 <= x <= W):
        return 0.0
    y, x = min(max(y, 0), H - 1), min(max(x, 0), W - 1)
    value = 0.0
    for i, j in itertools.product((math.floor(y), math.floor(y) + 1), (math.floor(x), math.floor(x) + 1)):
        if i < H and j < W:
            value += (1 - abs(y - i)) * (1 - abs(x - j)) * image[i, j]
    return value


def mean_of_points(image, box, size, bin, sampling_ratio, aligned):
    x1, y1, x2, y2 = (c - 0.5 * aligned for c in box)
    h, w = y2 - y1, x2 - x1
    if not aligned:
        h, w = max(h, 1), max(w, 1)
    h, w = h / size[0], w / size[1]
    gy, gx = (sampling_ratio,) * 2 if sampling_ratio > 0 else (math.ceil(h), math.ceil(w))
    values = [bilinear(image, y1 + (bin[0] + (i + 0.5) / gy) * h, x1 + (bin[1] + (j + 0.5) / gx) * w)
              for i in range(gy) for j in range(gx)]
    return np.mean(values) if values else 0.0


def rounded(x):
    return int(math.copysign(math.floor(abs(x) + 0.5), x))


def pixels_of(image, box, size, bin, extra, cut):
    """The pixels of a bin, as rows."""
    x1, y1, x2, y2 = map(rounded, box)
    rows, columns = [
        range(max(0, start + math.floor(b * max(end - start + extra, 1) / bins)),
              min(n - cut, start + math.ceil((b + 1) * max(end - start + extra, 1) / bins)))
        for start, end, b, bins, n in ((y1, y2, bin[0], size[0], image.shape[0]),
                                       (x1, x2, bin[1], size[1], image.shape[1]))]
    return [image[i, j] for i in rows for j in columns]


def loops(of_bin, position_sensitive=False):
    """A function of a batch and boxes (K, 5), from one of a channel, a box, the numbers of bins, and a bin."""
    def function(x, boxes, output_size, spatial_scale=1.0, *args, **kwargs):
        size = (output_size,) * 2 if isinstance(output_size, int) else output_size
        channels = x.shape[1] // (math.prod(size) if position_sensitive else 1)
        y = np.zeros((len(boxes), channels, *size))
        for k, c, i, j in np.ndindex(y.shape):
            image = x[int(boxes[k, 0]), (c * size[0] + i) * size[1] + j if position_sensitive else c]
            y[k, c, i, j] = of_bin(image, boxes[k, 1:] * spatial_scale, size, (i, j), *args, **kwargs)
        return y
    return function


def align(image, box, size, bin, sampling_ratio=-1, aligned=False):
    return mean_of_points(image, box, size, bin, sampling_ratio, aligned)


def ps_align(image, box, size, bin, sampling_ratio=-1):
    return mean_of_points(image, box, size, bin, sampling_ratio, True)


def largest(image, box, size, bin):
    return max(pixels_of(image, box, size, bin, extra=1, cut=0), default=0.0)


def ps_mean(image, box, size, bin):
    pixels = pixels_of(image, box, size, bin, extra=0, cut=1)
    return np.mean(pixels) if pixels else 0.0


# ---------------------------------------------------------------------- the tables

BOXES = np.array([
    [0, 0.3, 0.4, 4.1, 5.2],
    [1, 1.0, 2.0, 3.0, 3.0],        # whole pixels
    [1, 0.5, 0.5, 5.5, 2.5],        # halves
    [0, 2.2, 1.1, 2.4, 1.2],        # smaller than a pixel
    [0, 3.3, 2.2, 3.3, 2.2],        # empty
    [1, 4.0, 3.5, 1.0, 0.5],        # inside out
    [0, -2.6, -1.7, 2.2, 3.1],      # beyond each edge
    [1, 3.1, 2.2, 9.3, 8.4],
    [0, 20.0, 30.0, 25.0, 33.0],    # outside of the image
    [1, -3.0, -9.0, 12.0, 14.0],    # larger than the image
])


def with_boxes(function, boxes=BOXES):
    """The function of the batch alone: boxes get no gradient."""
    def of_batch(input, *args, **kwargs):
        return function(input, minidl.tensor(boxes, dtype=input.dtype, device=input.device), *args, **kwargs)
    return of_batch


def oracle(function, boxes=BOXES):
    return lambda x, *args, **kwargs: function(x, boxes, *args, **kwargs)


NONE = np.zeros((0, 5))
SHAPE = (2, 1, 4, 5)
CASES = [
    Case(with_boxes(ops.roi_align), [
        S(SHAPE, 2),
        S(SHAPE, S.raw((3, 2)), 0.5, 2),
        S(SHAPE, S.raw((1, 3)), 1.0, 1, True),
        S(SHAPE, 2, 0.7, -1, True),
        S((2, 1, 1, 1), 2),
    ], oracle=oracle(loops(align)), name="roi_align"),
    Case(with_boxes(ops.ps_roi_align), [
        S((2, 4, 4, 5), 2),
        S((2, 6, 3, 4), S.raw((3, 2)), 0.5, 2),
        S((2, 3, 4, 3), S.raw((1, 3)), 1.0, 1),
    ], oracle=oracle(loops(ps_align, position_sensitive=True)), name="ps_roi_align"),
    Case(with_boxes(ops.roi_pool), [
        S(SHAPE, 2),
        S(SHAPE, S.raw((3, 2)), 0.5),
        S(SHAPE, S.raw((1, 4)), 0.7),
        S((2, 1, 1, 1), 2),
    ], oracle=oracle(loops(largest)), name="roi_pool"),
    Case(with_boxes(ops.ps_roi_pool), [
        S((2, 4, 4, 5), 2),
        S((2, 6, 3, 4), S.raw((3, 2)), 0.5),
        S((2, 3, 4, 3), S.raw((1, 3)), 0.7),
    ], oracle=oracle(loops(ps_mean, position_sensitive=True)), name="ps_roi_pool"),
    *[Case(with_boxes(function, NONE), [S((2, 4, 3, 3), 2)], oracle=oracle(loops(bin, sensitive), NONE),
           name=f"{function.__name__} of no boxes")
      for function, bin, sensitive in ((ops.roi_align, align, False), (ops.ps_roi_align, ps_align, True),
                                       (ops.roi_pool, largest, False), (ops.ps_roi_pool, ps_mean, True))],
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


FUNCTIONS = [ops.roi_align, ops.ps_roi_align, ops.roi_pool, ops.ps_roi_pool]


@pytest.mark.parametrize("sampling_ratio", [-1, 0, 1, 3])
@pytest.mark.parametrize("aligned", [False, True])
def test_roi_align_as_torchvision(sampling_ratio, aligned):
    """Against its version in Python, before it is compiled; boxes inside the image, which it expects."""
    function = inspect.unwrap(torchvision("ops.roi_align")._roi_align)
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).standard_normal((2, 2, 12, 14)).astype(np.float32)
    boxes = BOXES[:4].astype(np.float32)
    theirs = torch.tensor(x, requires_grad=True)
    expected = function(theirs, torch.tensor(boxes), 1.5, 3, 4, sampling_ratio, aligned)
    ours = minidl.tensor(x, requires_grad=True)
    y = ops.roi_align(ours, minidl.tensor(boxes), (3, 4), 1.5, sampling_ratio, aligned)
    np.testing.assert_allclose(y.detach().numpy(), expected.detach().numpy(), rtol=1e-4, atol=1e-5)
    expected.square().sum().backward()
    (y ** 2).sum().backward()
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=1e-3, atol=1e-4)


def test_worked_by_hand():
    """Rows of 0, 1, 2, 3: one point in the middle of each bin reads its own column."""
    image = minidl.arange(4.0).expand(1, 1, 4, 4)
    box = [minidl.tensor([[0.0, 0.0, 4.0, 4.0]])]
    assert ops.roi_align(image, box, (1, 4), sampling_ratio=1, aligned=True).flatten().tolist() == [0, 1, 2, 3]
    assert ops.roi_align(image, box, (1, 4), sampling_ratio=1).flatten().tolist() == [0.5, 1.5, 2.5, 3.0]
    assert ops.roi_align(image, box, (1, 2), aligned=True).flatten().tolist() == [0.5, 2.5]
    # the corner 4 is a pixel of the region, which is 5 wide: bins of 2.5 share the column 2
    assert ops.roi_pool(image, box, (1, 2)).flatten().tolist() == [2, 3]
    assert ops.ps_roi_pool(image.expand(1, 2, 4, 4), box, (1, 2)).flatten().tolist() == [0.5, 2.0]


def test_the_first_of_equal_pixels_has_the_gradient():
    """Row by row, as after a ReLU all are 0."""
    x = minidl.zeros(1, 1, 3, 3, requires_grad=True)
    ops.roi_pool(x, [minidl.tensor([[1.0, 0.0, 2.0, 2.0]])], 1).sum().backward()
    assert x.grad.flatten().nonzero().tolist() == [[1]]
    x = minidl.tensor([[[[0.0, 5.0], [5.0, 0.0]]]], requires_grad=True)
    ops.roi_pool(x, [minidl.tensor([[0.0, 0.0, 1.0, 1.0]])], 1).sum().backward()
    assert x.grad.flatten().tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_lists_of_boxes(function):
    x = minidl.randn(3, 4, 5, 6)
    boxes = [minidl.tensor(BOXES[:2, 1:]).float(), minidl.zeros(0, 4), minidl.tensor(BOXES[2:, 1:]).float()]
    table = BOXES.copy()
    table[:, 0] = [0, 0] + [2] * (len(BOXES) - 2)
    expected = function(x, minidl.tensor(table), 2, 0.5)
    assert function(x, boxes, 2, 0.5).tolist() == expected.tolist()
    assert function(x, tuple(boxes), (2, 2), 0.5).tolist() == expected.tolist()
    assert function(x, [minidl.zeros(0, 4)] * 3, 2).shape == (0, *expected.shape[1:])
    assert function(minidl.randn(0, 4, 5, 5), [], 2).shape == (0, *expected.shape[1:])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_boxes_get_no_gradient(function):
    boxes = minidl.tensor(BOXES, requires_grad=True)
    assert not function(minidl.randn(2, 4, 5, 5, dtype=minidl.float64), boxes, 2).requires_grad
    x = minidl.randn(2, 4, 5, 5, dtype=minidl.float64, requires_grad=True)
    assert minidl.autograd.grad(function(x, boxes, 2).sum(), [x, boxes], allow_unused=True)[1] is None


@pytest.mark.parametrize("function", FUNCTIONS)
def test_half_precision(function):
    x = minidl.randn(2, 4, 5, 6).half()
    y = function(x, minidl.tensor(BOXES).half(), 2)
    assert y.dtype == minidl.float16
    np.testing.assert_allclose(y.numpy(), function(x.float(), minidl.tensor(BOXES).half(), 2).numpy(), atol=1e-2)


@pytest.mark.parametrize("layer, function", [
    (ops.RoIAlign(2, 0.5, 2, aligned=True), lambda x, boxes: ops.roi_align(x, boxes, 2, 0.5, 2, True)),
    (ops.RoIAlign((2, 1), 0.5, -1), lambda x, boxes: ops.roi_align(x, boxes, (2, 1), 0.5)),
    (ops.PSRoIAlign(2, 0.5, 2), lambda x, boxes: ops.ps_roi_align(x, boxes, 2, 0.5, 2)),
    (ops.RoIPool(2, 0.5), lambda x, boxes: ops.roi_pool(x, boxes, 2, 0.5)),
    (ops.PSRoIPool(2, 0.5), lambda x, boxes: ops.ps_roi_pool(x, boxes, 2, 0.5)),
])
def test_layers(layer, function):
    x, boxes = minidl.randn(2, 4, 5, 6), minidl.tensor(BOXES)
    assert layer(x, boxes).tolist() == function(x, boxes).tolist()


@pytest.mark.parametrize("name, arguments", [
    ("RoIAlign", (7, 0.25, 2)), ("PSRoIAlign", ((3, 2), 0.25, 2)), ("RoIPool", (7, 0.5)), ("PSRoIPool", (7, 0.5)),
])
def test_layers_show_themselves_as_torchvisions(name, arguments):
    assert repr(getattr(ops, name)(*arguments)) == repr(getattr(torchvision("ops"), name)(*arguments))


def test_on_another_device():
    x = strict_array.leaf(minidl.randn(2, 4, 5, 6, requires_grad=True))
    for function in FUNCTIONS:
        for boxes in ([minidl.tensor(BOXES[:, 1:])] * 2, minidl.tensor(BOXES)):
            y = function(x, boxes, 2)
            assert y.device.type == "strict"
            y.sum().backward()
    assert x.grad.device.type == "strict"


X, BOX = minidl.ones(2, 4, 5, 5), minidl.zeros(1, 5)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("call, kind, text", [
    (lambda f: f(X[0], BOX, 2), RuntimeError, "expected input (N, C, H, W), but got (4, 5, 5)"),
    (lambda f: f(X.long(), BOX, 2), RuntimeError, "input must be floating-point"),
    (lambda f: f(X, BOX[:, :4], 2), AssertionError, "The boxes tensor shape is not correct as Tensor[K, 5]"),
    (lambda f: f(X, [BOX], 2), AssertionError,
     "The shape of the tensor in the boxes list is not correct as List[Tensor[L, 4]]: boxes[0] is (1, 5)"),
    (lambda f: f(X, [[0, 0, 1, 1]], 2), TypeError, "argument 'boxes[0]' must be Tensor, not list"),
    (lambda f: f(X, "boxes", 2), AssertionError, "boxes is expected to be a Tensor[L, 5] or a List[Tensor[K, 4]]"),
    (lambda f: f(X, BOX + 2, 2), RuntimeError, "expected boxes of images 0 to 1, but got one of image 2"),
    (lambda f: f(X, BOX - 1, 2), RuntimeError, "expected boxes of images 0 to 1, but got one of image -1"),
    (lambda f: f(X, [BOX[:, 1:]] * 3, 2), RuntimeError, "expected boxes of images 0 to 1, but got one of image 2"),
    (lambda f: f(X, BOX, 0), RuntimeError, "expected an output_size of at least one bin, but got (0, 0)"),
    (lambda f: f(X[:, :, :0], BOX, 2), RuntimeError, "expected input with pixels, but got (2, 4, 0, 5)"),
])
def test_errors(function, call, kind, text):
    with pytest.raises(kind) as error:
        call(function)
    assert f"{function.__name__}" in str(error.value) and text in str(error.value)


@pytest.mark.parametrize("function", [ops.ps_roi_align, ops.ps_roi_pool])
def test_channels_that_do_not_fit_the_bins(function):
    with pytest.raises(RuntimeError, match="input channels must be a multiple of pooling height . pooling width, but "
                                           "got 4 channels for 3 . 1 bins"):
        function(X, BOX, (3, 1))
