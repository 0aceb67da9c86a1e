"""Batch, layer, group and instance normalisation, and normalize."""
from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.ops.norm import batch_norm, group_norm, instance_norm, layer_norm, normalize, rms_norm
from tests.checking import Case, S, build, check_case, torch
from tests.ops.rows import row

X, C = (3, 4, 2, 3), (4,)


def loop_groups(x, groups, eps):
    """Normalise each list of index tuples by itself."""
    y = np.empty_like(x)
    for group in groups:
        values = [x[i] for i in group]
        mean = sum(values) / len(values)
        variance = sum((v - mean) ** 2 for v in values) / len(values)
        for i in group:
            y[i] = (x[i] - mean) / (variance + eps) ** 0.5
    return y


def gathered(x, key):
    groups = {}
    for i in np.ndindex(x.shape):
        groups.setdefault(key(i), []).append(i)
    return groups.values()


def affine(y, w, b, shape):
    return y * (1 if w is None else w.reshape(shape)) + (0 if b is None else b.reshape(shape))


def loop_batch_norm(x, mean, var, w=None, b=None, training=False, momentum=0.1, eps=1e-5):
    shape = (1, -1) + (1,) * (x.ndim - 2)
    y = loop_groups(x, gathered(x, lambda i: i[1]), eps) if training else \
        (x - mean.reshape(shape)) / np.sqrt(var.reshape(shape) + eps)
    return affine(y, w, b, shape)


def loop_layer_norm(x, shape, w=None, b=None, eps=1e-5):
    return affine(loop_groups(x, gathered(x, lambda i: i[:x.ndim - len(shape)]), eps), w, b, shape)


def loop_group_norm(x, groups, w=None, b=None, eps=1e-5):
    each = x.shape[1] // groups
    return affine(loop_groups(x, gathered(x, lambda i: (i[0], i[1] // each)), eps), w, b, (1, -1) + (1,) * (x.ndim - 2))


def loop_instance_norm(x, mean=None, var=None, w=None, b=None):
    return affine(loop_groups(x, gathered(x, lambda i: i[:2]), 1e-5), w, b, (1, -1) + (1,) * (x.ndim - 2))


def in_training(x, w=None, b=None, eps=1e-5):
    return batch_norm(x, None, None, w, b, True, eps=eps)


def torch_evaluation(x, mean, var, w=None, b=None):
    """PyTorch gives running statistics no gradient; here they are tensors as any other."""
    mean, var, w, b = (None if v is None else v.reshape(1, -1, *[1] * (x.ndim - 2)) for v in (mean, var, w, b))
    y = (x - mean) / (var + 1e-5) ** 0.5
    y = y if w is None else y * w
    return y if b is None else y + b


POSITIVE = np.random.default_rng(2).uniform(0.5, 2.0, 4)
CASES = [
    Case(in_training, [
        S(X),
        S(X, C, C),
        S(X, C),
        S(X, None, C),
        S((5, 4), C, C),
        S((3, 4, 5), C, C, 0.1),
        S((2, 4, 2, 1, 2), C, C),
        S((2, 1, 2), (1,), (1,)),
        S(X, np.zeros(4), C),
    ], oracle=lambda x, w=None, b=None, eps=1e-5: loop_batch_norm(x, None, None, w, b, True, eps=eps), float16=True,
       torch=lambda x, w=None, b=None, eps=1e-5: torch.nn.functional.batch_norm(x, None, None, w, b, True, eps=eps),
       rtol=1e-7, name="batch_norm in training"),
    Case(batch_norm, [
        S(X, C, POSITIVE),
        S(X, C, POSITIVE, C, C),
        S((5, 4), C, POSITIVE, C),
        S((2, 4, 3), C, POSITIVE, C, C),
        S((2, 4, 1, 2, 2), C, POSITIVE, C, C),
        S((0, 4), C, POSITIVE, None, C),
    ], oracle=loop_batch_norm, torch=torch_evaluation, name="batch_norm in evaluation"),
    Case(layer_norm, [
        S(X, S.raw((3,))),
        S(X, S.raw((3,)), (3,), (3,)),
        S(X, S.raw((2, 3)), (2, 3), (2, 3)),
        S(X, S.raw((2, 3)), (2, 3)),
        S(X, S.raw((3,)), None, (3,)),
        S((5,), S.raw((5,)), (5,), (5,)),
        S(X, S.raw(X), X, X),
        S((2, 1, 3), S.raw((1, 3)), (1, 3)),
        S(X, S.raw((3,)), np.zeros(3), (3,), 0.1),
        S((0, 3), S.raw((3,)), (3,), (3,)),
    ], oracle=loop_layer_norm, torch="layer_norm", rtol=1e-7, float16=True),
    Case(group_norm, [
        S(X, 2),
        S(X, 2, C, C),
        S(X, 4, C),
        S((3, 4), 2, C, C),
        S((2, 4, 2, 1, 2), 2, C, C),
        S(X, 2, np.zeros(4), C, 0.1),
    ], oracle=loop_group_norm, torch="group_norm", rtol=1e-7, float16=True),
    Case(group_norm, [S(X, 1, None, C)], oracle=loop_group_norm, rtol=1e-7, name="group_norm with bias alone"),
    Case(instance_norm, [
        S(X),
        S(X, None, None, C, C),
        S((2, 4, 5), None, None, C),
        S((2, 4, 2, 1, 2), None, None, C, C),
    ], oracle=loop_instance_norm, torch=lambda *a: torch.nn.functional.instance_norm(*a), rtol=1e-7),
    Case(rms_norm, [S(X, S.raw((3,))), S(X, S.raw((2, 3)), (2, 3)), S(X, S.raw((3,)), (3,), 0.1)],
         torch=lambda *a: torch.nn.functional.rms_norm(*a)),
    row("rms_norm",
        S((2, 3), S.raw((3,))),
        S((2, 3, 4), S.raw((3, 4)), (3, 4)),
        S((2, 3), S.raw((3,)), (3,), eps=0.1),
        S((3,), S.raw((3,)))),
    row("nn.functional.rms_norm",
        S((2, 3), S.raw((3,))),
        S((2, 3, 4), S.raw((3, 4)), (3, 4)),
        S((2, 3), S.raw((3,)), (3,), eps=0.1),
        S((3,), S.raw((3,)))),
    Case(
        normalize,
        [S(X), S(X, dim=-1), S(X, 1.0, 0), S(X, 3.0), S(X, dim=S.raw((2, 3))), S(X, eps=10.0), S((4,), dim=0)],
        torch=lambda *a, **k: torch.nn.functional.normalize(*a, **k)),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_worked_by_hand():
    """x = (1, 3): mean 2, variance 1, z = (-1, 1). With g = (1, 0): mean(g) = 1/2, mean(g z) = -1/2, and so
    gx = g - 1/2 + z/2 = (0, 0): two numbers always become -1 and 1, so nothing can change."""
    x = minidl.tensor([[1.0], [3.0]], requires_grad=True)
    w, b = minidl.tensor([5.0], requires_grad=True), minidl.tensor([10.0], requires_grad=True)
    y = batch_norm(x, None, None, w, b, training=True, eps=0.0)
    y.backward(minidl.tensor([[1.0], [0.0]]))
    assert y.tolist() == [[5.0], [15.0]]
    assert x.grad.tolist() == [[0.0], [0.0]] and w.grad.tolist() == [-1.0] and b.grad.tolist() == [1.0]


def test_running_statistics_move_in_place_towards_the_unbiased_ones():
    mean, var = minidl.zeros(1), minidl.ones(1)
    x = minidl.tensor([[1.0], [3.0]], requires_grad=True)
    batch_norm(x, mean, var, training=True, momentum=0.25)
    assert mean.tolist() == [0.5] and var.tolist() == [1.25]     # 2 / 4, and 1 + (2 - 1) / 4
    assert not mean.requires_grad and not var.requires_grad
    batch_norm(x, mean, var)
    assert mean.tolist() == [0.5]
    means, variances = minidl.zeros(1), minidl.ones(1)
    instance_norm(minidl.tensor([[[1.0, 3.0]], [[4.0, 8.0]]]), means, variances, momentum=0.5)
    assert means.tolist() == [2.0] and variances.tolist() == [3.0]  # (2 + 6) / 2 / 2, and (1 + (2 + 8) / 2) / 2


def test_a_weight_of_zero_has_finite_gradients_of_every_order():
    x = minidl.randn(4, 3, requires_grad=True)
    w, b = minidl.zeros(3, requires_grad=True), minidl.zeros(3, requires_grad=True)
    y = batch_norm(x, None, None, w, b, training=True)
    first = minidl.autograd.grad((y * y * y + y).sum(), (x, w), create_graph=True)
    second = minidl.autograd.grad(sum((g * g).sum() for g in first), (x, w, b), create_graph=True)
    third = minidl.autograd.grad(sum((g * g).sum() for g in second), (x, w))
    assert all(bool(g.isfinite().all()) for g in (*first, *second, *third))


def test_far_from_zero_keeps_its_digits():
    """Mean 1000, spread 1: E[x^2] - E[x]^2 would have lost all digits in single precision."""
    values = np.random.default_rng(0).standard_normal((8, 3, 32, 32)) + 1000
    for layout in (values, np.ascontiguousarray(values.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)):
        x32 = minidl.tensor(layout, dtype=minidl.float32)
        exact = in_training(x32.double())
        np.testing.assert_allclose(in_training(x32).numpy(), exact.numpy(), atol=2e-4)


@pytest.mark.parametrize("shape", [(9, 3, 7, 5), (33, 16, 16, 16), (2, 64, 1, 1), (300, 20)])
@pytest.mark.parametrize("layout", ["channels first", "channels last"])
def test_single_precision_against_double(shape, layout):
    """Large enough to be taken in several blocks."""
    stream = np.random.default_rng(0)
    x, g = stream.standard_normal((2, *shape))
    w, b = stream.standard_normal((2, shape[1]))
    if layout == "channels last":
        x, g = (np.moveaxis(np.ascontiguousarray(np.moveaxis(v, 1, -1)), -1, 1) for v in (x, g))
    results = []
    for dtype in (np.float32, np.float64):
        leaves = [minidl.from_numpy(v.astype(dtype)) for v in (x, w, b)]
        for leaf in leaves:
            leaf.requires_grad = True
        y = in_training(*leaves)
        y.backward(minidl.from_numpy(g.astype(dtype)))
        results.append([y.detach().numpy(), *[leaf.grad.numpy() for leaf in leaves]])
    for single, double in zip(*results):
        assert single.dtype == np.float32
        np.testing.assert_allclose(single, double, rtol=1e-4, atol=2e-5 * abs(double).max())


def test_channels_last_memory_stays():
    x = np.ones((2, 5, 5, 8), np.float32).transpose(0, 3, 1, 2)
    for training in (True, False):
        leaf = minidl.from_numpy(x)
        leaf.requires_grad = True
        y = batch_norm(leaf, minidl.zeros(8), minidl.ones(8), training=training)
        assert y.stride() == leaf.stride()
        gradient, = minidl.autograd.grad(y, leaf, y.detach() * 2)
        assert gradient.stride() == leaf.stride()


def test_the_gradient_is_that_of_the_reference():
    """The fused gradient and the gradient of what the op means agree."""
    for case in CASES[:1]:
        for sample in case.samples:
            results = []
            for graph in (False, True):
                args, kwargs = build(sample, lambda v: minidl.tensor(v, requires_grad=True))
                y = case.fn(*args, **kwargs)
                wanted = [a for a in args if isinstance(a, minidl.Tensor)]
                results.append(minidl.autograd.grad(y, wanted, minidl.cos(y.detach()), create_graph=graph))
            for fused, meant in zip(*results):
                np.testing.assert_allclose(fused.numpy(), meant.detach().numpy(), atol=1e-9)


def test_plain_arrays_give_plain_arrays():
    x, ones = np.random.default_rng(0).standard_normal((3, 4, 2)), np.ones(4)
    for y in (batch_norm(x, ones.copy(), ones.copy(), ones, ones, True), batch_norm(x, ones, ones), layer_norm(x, 2),
              group_norm(x, 2, ones), instance_norm(x), normalize(x)):
        assert isinstance(y, np.ndarray)


IMAGE = minidl.ones(2, 4, 3, 3)


@pytest.mark.parametrize("call, kind, text", [
    (lambda: batch_norm(IMAGE, None, None), RuntimeError,
     "running_mean and running_var must be defined in evaluation mode"),
    (lambda: batch_norm(IMAGE[:1, :, 0, 0], None, None, training=True), ValueError,
     "Expected more than 1 value per channel when training, got input size (1, 4)"),
    (lambda: batch_norm(IMAGE, minidl.ones(3), minidl.ones(4)), RuntimeError, "running_mean should contain 4 elements"),
    (lambda: batch_norm(IMAGE, None, None, minidl.ones(3), training=True), RuntimeError,
     "weight should contain 4 elements"),
    (lambda: batch_norm(IMAGE, None, None, minidl.ones(4).double(), training=True), RuntimeError,
     "input and weight should have the same dtype"),
    (lambda: batch_norm(minidl.ones(4), None, None, training=True), RuntimeError, "Expected at least 2 dimensions"),
    (lambda: batch_norm(IMAGE.long(), None, None, training=True), RuntimeError, "input must be floating-point"),
    (lambda: instance_norm(minidl.ones(2, 4)), RuntimeError, "Expected at least 3 dimensions"),
    (lambda: instance_norm(minidl.ones(2, 4, 1)), ValueError, "Expected more than 1 spatial element when training"),
    (lambda: layer_norm(IMAGE, (4,)), RuntimeError,
     "Given normalized_shape=[4], expected input with shape [*, 4], but got input of size [2, 4, 3, 3]"),
    (lambda: layer_norm(IMAGE, ()), RuntimeError, "at least 1-dimensional"),
    (lambda: layer_norm(IMAGE, (3,), minidl.ones(4)), RuntimeError,
     "Expected weight to be of same shape as normalized_shape"),
    (lambda: layer_norm(IMAGE.long(), (3,)), RuntimeError, "input must be floating-point"),
    (lambda: group_norm(IMAGE, 3), RuntimeError, "channels in input to be divisible by num_groups"),
    (lambda: group_norm(IMAGE, 0), RuntimeError, "channels in input to be divisible by num_groups"),
    (lambda: group_norm(IMAGE, 2, minidl.ones(2)), RuntimeError, "weight should contain 4 elements"),
    (lambda: normalize(IMAGE, dim=4), IndexError, "Dimension out of range"),
    (lambda: normalize([1.0]), TypeError, "argument 'input' must be Tensor, not list"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)
