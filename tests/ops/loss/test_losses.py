"""Losses: of classes, of numbers, of probabilities."""
from __future__ import annotations

import functools
import inspect
import math

import numpy as np
import pytest

import minidl
from minidl.nn import functional as F
from minidl.ops import loss as L
from tests.checking import Case, S, build, check_case, torch

X = (5, 4)
LABELS = np.array([0, 3, 2, 2, 1])
SOME = np.array([0, -100, 2, -100, 1])
WEIGHT = np.array([0.5, 2.0, 1.0, 0.0])
IMAGE, PIXELS = (2, 3, 2, 3), np.random.default_rng(0).integers(0, 3, (2, 2, 3))
PROBABILITIES = np.random.default_rng(1).dirichlet(np.ones(4), 5)
UNIT = np.random.default_rng(3).uniform(0.05, 0.95, (2, 3, 4))
ZERO_ONE = np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])


def functional(name):
    """PyTorch's function of this name."""
    return lambda *args, **kwargs: getattr(torch.nn.functional, name)(*args, **kwargs)


def binary(name):
    """PyTorch's, which gives the weight no gradient: here it is multiplied by hand."""
    def call(x, target, weight=1.0, reduction="mean", **kwargs):
        losses = getattr(torch.nn.functional, name)(x, target, reduction="none", **kwargs) * weight
        return losses.mean() if reduction == "mean" else losses.sum() if reduction == "sum" else losses
    return call


def weighted(function):
    """The function with class weights, which are constants and so no argument of the battery's."""
    def call(x, target, **kwargs):
        weight = WEIGHT[:x.shape[min(1, x.ndim - 1)]]
        if isinstance(x, minidl.Tensor):
            weight = minidl.tensor(weight, dtype=x.dtype).to(x.device)
        elif not isinstance(x, np.ndarray):
            weight = torch.tensor(weight)
        return function(x, target, weight=weight, **kwargs)
    return call


def loop_cross_entropy(x, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    C = x.shape[1]
    weight = np.ones(C) if weight is None else weight
    losses, total = np.zeros(target.shape), 0.0
    for i in np.ndindex(target.shape):
        scores = [x[(i[0], c, *i[1:])] for c in range(C)]
        logs = [s - math.log(sum(math.exp(v) for v in scores)) for s in scores]
        if target[i] != ignore_index:
            t = target[i]
            smooth = sum(weight[c] * logs[c] for c in range(C)) / C
            losses[i] = -(1 - label_smoothing) * weight[t] * logs[t] - label_smoothing * smooth
            total += weight[t]
    return losses.sum() / total if reduction == "mean" else losses.sum() if reduction == "sum" else losses


def each_reduction(*args, **kwargs):
    return [S(*args, reduction=reduction, **kwargs) for reduction in ("mean", "sum", "none")]


def one_of(function, name):
    """A loss of two tensors of one shape."""
    return Case(function, [*each_reduction((2, 3), (2, 3)), S((), ()), S((0,), (0,), reduction="sum")],
                torch=functional(name), float16=True, name=name)


CASES = [
    Case(L.cross_entropy, [
        *each_reduction(X, LABELS),
        *each_reduction(X, SOME),
        *each_reduction(IMAGE, PIXELS),
        *each_reduction(X, SOME, label_smoothing=0.1),
        S(X, LABELS, ignore_index=2),
        S(X, LABELS.astype(np.uint8)),
        S((0, 4), np.zeros(0, int), reduction="sum"),
        S((0, 4), np.zeros(0, int), reduction="none"),
    ], oracle=loop_cross_entropy, torch=functional("cross_entropy"), float16=True),
    Case(L.cross_entropy, [
        S((4,), np.array(2)),
        S((4,), np.array(2), reduction="none"),
        S((4,), np.array(-100), reduction="sum"),
        *each_reduction(X, PROBABILITIES),
        *each_reduction(X, PROBABILITIES, label_smoothing=0.2),
        S(IMAGE, IMAGE),
        S((4,), (4,)),
        S((4,), (4,), reduction="none"),
    ], torch=functional("cross_entropy"), name="cross_entropy of probabilities, unbatched"),
    Case(L.nll_loss, [
        *each_reduction(X, LABELS),
        *each_reduction(X, SOME),
        *each_reduction(IMAGE, PIXELS),
        S((4,), np.array(2)),
        S((4,), np.array(2), reduction="none"),
        S(X, LABELS, ignore_index=2),
    ], torch=functional("nll_loss")),
    one_of(L.mse_loss, "mse_loss"), one_of(L.l1_loss, "l1_loss"), one_of(L.huber_loss, "huber_loss"),
    one_of(L.smooth_l1_loss, "smooth_l1_loss"),
    Case(L.mse_loss, [S((3,), (3,))], oracle=lambda a, b: np.mean((a - b) ** 2), name="mse_loss in NumPy"),
    Case(L.mse_loss, [S((3,), np.array([1, 2, 3]))], torch=functional("mse_loss"), name="mse_loss of ints"),
    Case(L.huber_loss, [S((4, 5), (4, 5), delta=0.5), S((4, 5), (4, 5), delta=3.0)], torch=functional("huber_loss")),
    Case(L.smooth_l1_loss, [S((4, 5), (4, 5), beta=0.5), S((4, 5), (4, 5), beta=0)],
         torch=functional("smooth_l1_loss")),
    Case(L.binary_cross_entropy, [*each_reduction(UNIT, UNIT[::-1].copy()), S(UNIT[0], UNIT[1], UNIT[1][:, :1].copy())],
         oracle=lambda x, t, w=1.0, reduction="mean": {"mean": np.mean, "sum": np.sum, "none": np.asarray}[reduction](
             -w * (t * np.log(x) + (1 - t) * np.log(1 - x))), torch=binary("binary_cross_entropy"), float16=True),
    Case(L.binary_cross_entropy_with_logits, [
        *each_reduction((2, 3), ZERO_ONE),
        S((2, 3), (2, 3), (3,)),
        S((2, 3), (2, 3), pos_weight=np.array([1, 2, 3])),
    ], torch=binary("binary_cross_entropy_with_logits"), float16=True),
    Case(L.kl_div, [
        *each_reduction(X, PROBABILITIES),
        S(X, PROBABILITIES, reduction="batchmean"),
        S(X, X, log_target=True, reduction="sum"),
    ], torch=functional("kl_div")),
    Case(L.poisson_nll_loss, [
        *each_reduction((2, 3), (2, 3)),
        S((3,), (3,), log_input=False, low=0.5),
        S((2, 3), np.arange(1.5, 7.0).reshape(2, 3), full=True),
    ], torch=functional("poisson_nll_loss")),
    Case(L.gaussian_nll_loss, [
        *each_reduction((2, 3), (2, 3), np.array([[1.0, 2.0, 0.5], [3.0, 0.2, 1.0]])),
        S((2, 3), (2, 3), np.array([1.0, 2.0]), True),
        S((2, 3), (2, 3), np.array([[2.0, 1.0, 3.0]]), eps=0.5),
        S((2, 3), (2, 3), 2.0),
        S((2, 3), (2, 3), 0.25, eps=0.5, full=True),
    ], torch=functional("gaussian_nll_loss")),
]
WEIGHTED = [
    Case(weighted(L.cross_entropy), [
        *each_reduction(X, LABELS),
        *each_reduction(X, SOME, label_smoothing=0.2),
        S(IMAGE, PIXELS),
    ], oracle=weighted(loop_cross_entropy), torch=weighted(functional("cross_entropy")), float16=True,
       name="cross_entropy, weighted"),
    Case(weighted(L.cross_entropy), [S(X, PROBABILITIES, label_smoothing=0.1), S((4,), np.array(1))],
         torch=weighted(functional("cross_entropy")), name="cross_entropy of probabilities, weighted"),
    Case(weighted(L.nll_loss), each_reduction(X, SOME), torch=weighted(functional("nll_loss")), float16=True,
         name="nll_loss, weighted"),
]


@pytest.mark.filterwarnings("ignore:.*batchmean:UserWarning")
@pytest.mark.parametrize("case", [*CASES, *WEIGHTED], ids=str)
def test_battery(case):
    check_case(case)


def test_worked_by_hand():
    """Scores (log 3, 0): probabilities (3/4, 1/4). Right class 1: the loss is log 4, the gradient p - (0, 1)."""
    x = minidl.tensor([[math.log(3.0), 0.0]], requires_grad=True)
    loss = L.cross_entropy(x, minidl.tensor([1]))
    loss.backward()
    assert loss.item() == pytest.approx(math.log(4))
    np.testing.assert_allclose(x.grad.numpy(), [[0.75, -0.75]], rtol=1e-6)


def test_all_samples_ignored():
    x = minidl.randn(2, 3, requires_grad=True)
    for function in (L.cross_entropy, L.nll_loss):
        assert math.isnan(function(x, minidl.tensor([-100, -100])).item())
        loss = function(x, minidl.tensor([-100, -100]), reduction="sum")
        loss.backward()
        assert loss.item() == 0.0 and not x.grad.any().item()


def test_ignored_samples_may_hold_anything():
    """-inf times 0 would be nan."""
    x = minidl.tensor([[0.0, -math.inf], [0.0, 0.0]], requires_grad=True)
    loss = L.nll_loss(x, minidl.tensor([1, 0]), ignore_index=1)
    loss.backward()
    assert loss.item() == 0.0 and x.grad.tolist() == [[0.0, 0.0], [-1.0, 0.0]]


def test_large_scores():
    x = minidl.tensor([[1e4, 0.0], [0.0, 1e4]], requires_grad=True)
    loss = L.cross_entropy(x, minidl.tensor([0, 0]), reduction="none")
    loss.sum().backward()
    assert loss.tolist() == [0.0, 1e4] and x.grad.tolist() == [[0.0, 0.0], [-1.0, 1.0]]
    logits = minidl.tensor([1e4, -1e4, 1e4], requires_grad=True)
    loss = L.binary_cross_entropy_with_logits(logits, minidl.tensor([1.0, 0.0, 0.0]), reduction="none")
    loss.sum().backward()
    assert loss.tolist() == [0.0, 0.0, 1e4] and logits.grad.tolist() == [0.0, 0.0, 1.0]


def test_certain_and_wrong_probabilities():
    """The logarithm of 0 counts for -100; gradients stay finite."""
    x = minidl.tensor([0.0, 1.0, 0.0, 1.0], requires_grad=True)
    loss = L.binary_cross_entropy(x, minidl.tensor([0.0, 1.0, 1.0, 0.0]), reduction="none")
    loss.sum().backward()
    assert loss.tolist() == [0.0, 0.0, 100.0, 100.0]
    np.testing.assert_allclose(x.grad.numpy(), [0.0, 0.0, -1e12, 1e12], rtol=1e-6)


def test_smooth_losses_are_smooth_at_zero():
    """The second derivative at d = 0 is that of d^2/2, and that of d^2/2/beta."""
    for function, expected in ((L.huber_loss, 1.0), (functools.partial(L.smooth_l1_loss, beta=0.5), 2.0)):
        x = minidl.zeros(1, requires_grad=True)
        first, = minidl.autograd.grad(function(x, minidl.zeros(1)), x, create_graph=True)
        second, = minidl.autograd.grad(first, x)
        assert second.item() == expected


def test_a_changed_target_is_noticed():
    x, target = minidl.randn(2, 3, requires_grad=True), minidl.tensor([0, 1])
    loss = L.cross_entropy(x, target)
    target[0] = 2
    with pytest.raises(RuntimeError, match="modified by an inplace operation: 'target'"):
        loss.backward()


def test_the_gradient_is_that_of_the_reference():
    for case in (CASES[0], WEIGHTED[0]):
        for sample in case.samples:
            results = []
            for graph in (False, True):
                args, kwargs = build(sample, lambda v: minidl.tensor(v, requires_grad=v.dtype.kind == "f"))
                y = case.fn(*args, **kwargs)
                results.append(minidl.autograd.grad(y, args[0], minidl.cos(y.detach()), create_graph=graph)[0])
            np.testing.assert_allclose(results[0].numpy(), results[1].detach().numpy(), atol=1e-12)


def test_plain_arrays_give_plain_arrays():
    x, t = np.ones((2, 3)), np.array([0, 1])
    for y in (
        L.cross_entropy(x, t),
        L.cross_entropy(x, x / 3),
        L.nll_loss(x, t, reduction="none"),
        L.mse_loss(x, x),
        L.binary_cross_entropy(x, x),
        L.binary_cross_entropy_with_logits(x, x),
        L.smooth_l1_loss(x, x),
        L.l1_loss(x, x),
    ):
        assert isinstance(y, (np.ndarray, np.floating))


OF_OTHER_SHAPES = ("cross_entropy", "nll_loss", "linear_cross_entropy", "ctc_loss", "multi_margin_loss",
                   "cosine_embedding_loss")
LOSSES = [name for name in F.__all__
          if name.split("_")[-1] in ("loss", "entropy", "logits", "div") and name not in OF_OTHER_SHAPES]


@pytest.mark.parametrize("name", LOSSES)
def test_no_loss_broadcasts_by_accident(name):
    """(N, 1) against (N,) would give N * N differences."""
    parameters = inspect.signature(getattr(F, name)).parameters.values()
    count = len([p for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD])
    column, flat = minidl.full((4, 1), 0.5), minidl.full((4,), 0.5)
    for odd in range(2):
        tensors = [flat if i == odd else column for i in range(count)]
        with pytest.raises((RuntimeError, ValueError), match="size|dimension"):
            getattr(F, name)(*tensors)


SCORES, TARGET, ONES = minidl.zeros(3, 10), minidl.tensor([0, 12, 1]), minidl.ones(3)


@pytest.mark.parametrize("call, kind, text", [
    (lambda: L.cross_entropy(SCORES, TARGET), IndexError,
     "Target 12 is out of bounds. cross_entropy: at index 1 of the target; "
     "input (3, 10) has 10 classes, so targets go from 0 to 9"),
    (lambda: L.cross_entropy(SCORES, minidl.tensor([0, -1, 1])), IndexError, "Target -1 is out of bounds"),
    (lambda: L.nll_loss(SCORES, TARGET), IndexError, "Target 12 is out of bounds. nll_loss"),
    (lambda: L.cross_entropy(minidl.zeros(1, 2, 2, 2), minidl.full((1, 2, 2), 2)), IndexError, "at index (0, 0, 0)"),
    (lambda: L.cross_entropy(SCORES, TARGET[:2]), ValueError,
     "Expected input batch_size (3) to match target batch_size (2)"),
    (lambda: L.cross_entropy(SCORES, minidl.tensor(1)), ValueError, "to match target batch_size (none)"),
    (lambda: L.cross_entropy(SCORES, TARGET[:, None]), RuntimeError, "Expected target size (3,), got (3, 1)"),
    (lambda: L.cross_entropy(minidl.zeros(()), TARGET), ValueError, "Expected 1 or more dimensions (got 0)"),
    (lambda: L.cross_entropy(SCORES, TARGET.float()), RuntimeError,
     "expected target dtype to be Long (int64) or another integer, but got float32"),
    (lambda: L.nll_loss(SCORES, TARGET > 0), RuntimeError, "but got bool of shape (3,); try target.long()"),
    (lambda: L.cross_entropy(SCORES, [0, 1, 2]), TypeError, "argument 'target' must be Tensor, not list"),
    (lambda: L.cross_entropy(SCORES.long(), TARGET), RuntimeError, "input must be floating-point, but it is int64"),
    (lambda: L.cross_entropy(SCORES, TARGET, ONES), RuntimeError,
     "either for all 10 classes or no classes but got weight tensor of shape: (3,)"),
    (lambda: L.cross_entropy(SCORES, TARGET, minidl.ones(10, requires_grad=True)), RuntimeError,
     "weight cannot require grad; try weight.detach()"),
    (lambda: L.cross_entropy(SCORES, TARGET, reduction="avg"), ValueError, "avg is not a valid value for reduction"),
    (lambda: L.cross_entropy(SCORES, TARGET, label_smoothing=2), RuntimeError,
     "label_smoothing must be between 0.0 and 1.0"),
    (lambda: L.cross_entropy(SCORES, SCORES, ignore_index=1), RuntimeError,
     "ignore_index is not supported for floating point target"),
    (lambda: L.mse_loss(ONES[:, None], ONES), RuntimeError,
     "mse_loss: Target size (3,) must be the same as input size (3, 1)"),
    (lambda: L.l1_loss(ONES, ONES[:1]), RuntimeError, "try reshape, squeeze or unsqueeze"),
    (lambda: L.mse_loss(ONES, 0.0), TypeError, "argument 'target' must be Tensor, not float"),
    (lambda: L.mse_loss(ONES.long(), ONES), RuntimeError, "input must be floating-point"),
    (lambda: L.mse_loss(ONES, ONES, reduction="batchmean"), ValueError, "batchmean is not a valid value for reduction"),
    (lambda: L.huber_loss(ONES, ONES, delta=0), RuntimeError, "non-positive values for delta"),
    (lambda: L.smooth_l1_loss(ONES, ONES, beta=-1), RuntimeError, "negative values for beta"),
    (lambda: L.gaussian_nll_loss(SCORES, SCORES, ONES[:2]), ValueError,
     "var is of incorrect size: (2,) for input (3, 10)"),
    (lambda: L.gaussian_nll_loss(SCORES, SCORES, SCORES[:2]), ValueError, "var is of incorrect size"),
    (lambda: L.gaussian_nll_loss(ONES, ONES, -ONES), ValueError, "var has negative entry/entries"),
    (lambda: L.gaussian_nll_loss(ONES, ONES, -1.0), ValueError, "var has negative entry/entries"),
    (lambda: L.binary_cross_entropy(ONES[:, None], ONES), ValueError,
     "Target size (3,) must be the same as input size (3, 1)"),
    (lambda: L.binary_cross_entropy_with_logits(ONES[:, None], ONES), ValueError, "must be the same as input size"),
    (lambda: L.binary_cross_entropy(ONES * 2, ONES), RuntimeError, "all elements of input should be between 0 and 1"),
    (lambda: L.binary_cross_entropy(ONES * math.nan, ONES), RuntimeError,
     "all elements of input should be between 0 and 1"),
    (lambda: L.binary_cross_entropy(ONES, ONES, ONES[:2]), RuntimeError, "weight (2,) cannot be broadcast"),
    (lambda: L.binary_cross_entropy_with_logits(ONES, ONES, pos_weight=ONES[:2]), RuntimeError,
     "pos_weight (2,) cannot be broadcast"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)


def test_a_tiny_variance_counts_as_eps_and_has_a_gradient():
    pytest.importorskip("torch")
    x, t, values = np.array([1.0, 2.0]), np.array([3.0, 1.0]), np.array([1e-9, 0.0])
    ours, theirs = minidl.tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
    L.gaussian_nll_loss(minidl.tensor(x), minidl.tensor(t), ours, eps=1e-2).backward()
    torch.nn.functional.gaussian_nll_loss(torch.tensor(x), torch.tensor(t), theirs, eps=1e-2).backward()
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy())


def test_kl_div_warns_of_mean():
    with pytest.warns(UserWarning, match="batchmean"):
        L.kl_div(ONES, ONES)


@pytest.mark.parametrize("value", [-0.1, 1.5, math.nan])
def test_probabilities_to_meet_are_probabilities(value):
    with pytest.raises(RuntimeError, match="all elements of target should be between 0 and 1"):
        F.binary_cross_entropy(minidl.tensor([0.5]), minidl.tensor([value]))


@pytest.mark.parametrize("loss", [F.binary_cross_entropy, F.binary_cross_entropy_with_logits])
def test_a_complex_target_is_not_cut_to_its_real_part(loss):
    with pytest.raises(RuntimeError, match="Found target of dtype complex64"):
        loss(minidl.tensor([0.5]), minidl.tensor([1j]))


@pytest.mark.parametrize("loss, expected", [(F.mse_loss, 0.625), (F.huber_loss, 0.3125), (F.smooth_l1_loss, 0.3125)])
def test_truth_values_are_targets_of_0_and_1(loss, expected):
    x = minidl.tensor([0.5, 1.0], requires_grad=True)
    y = loss(x, minidl.tensor([True, False]))
    y.backward()
    assert y.item() == expected and x.grad[0].item() < 0 < x.grad[1].item()


def test_a_missing_target_that_is_masked_has_no_gradient_in_l1():
    x = minidl.zeros(2, requires_grad=True)
    target = minidl.tensor([math.nan, 1.0])
    F.l1_loss(x, target, reduction="none")[~target.isnan()].sum().backward()
    assert x.grad.tolist() == [0, -1]


def test_an_infinite_variance_has_an_infinite_loss():
    y = F.gaussian_nll_loss(minidl.zeros(2), minidl.ones(2), minidl.tensor([math.inf, 1.0]), reduction="none")
    assert y.tolist() == [math.inf, 0.5]


@pytest.mark.parametrize("name, mean", [("mse_loss", 3.25), ("l1_loss", 1.75), ("huber_loss", 2.5)])
def test_weighted_losses(name, mean):
    x, y, w = minidl.tensor([1.0, 2.0]), minidl.tensor([0.0, 4.0]), minidl.tensor([1.0, 3.0])
    loss = getattr(F, name)
    assert loss(x, y, weight=w).item() == mean
    if torch is not None:
        for reduction in ("none", "sum", "mean"):
            a, b, c = (torch.tensor(t.tolist()) for t in (x, y, w))
            theirs = getattr(torch.nn.functional, name)(a, b, weight=c, reduction=reduction)
            assert loss(x, y, weight=w, reduction=reduction).tolist() == theirs.tolist()
    with pytest.raises(ValueError, match="Weights and input must have the same size"):
        loss(x, y, weight=minidl.ones(1))


@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 3, 4, 5), (1, 1, 2, 3), (2, 5, 1, 1), (2, 3, 2, 3, 2), (0, 3, 4, 5),
                                   (2, 130, 3, 3)])
@pytest.mark.parametrize("settings", [{}, {"ignore_index": 1}, {"label_smoothing": 0.1}, {"reduction": "none"},
                                      {"weight": True}], ids=str)
def test_cross_entropy_of_pixels_does_not_depend_on_their_order_in_memory(shape, settings):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(shape[0], *shape[2:], shape[1])).astype(np.float32)
    rows[rng.random(rows.shape) < 0.05] = -math.inf
    target = minidl.tensor(rng.integers(0, shape[1], (shape[0], *shape[2:])))
    if "weight" in settings:
        settings = {"weight": minidl.rand(shape[1])}
    results = []
    for x in (minidl.from_numpy(np.moveaxis(rows, -1, 1)), minidl.from_numpy(np.moveaxis(rows, -1, 1).copy())):
        x.requires_grad_()
        loss = F.cross_entropy(x, target, **settings)
        loss.sum().backward()
        results.append((loss.detach().numpy(), x.grad.numpy()))
    for ours, expected in zip(*results, strict=True):
        assert ours.shape == expected.shape
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)
