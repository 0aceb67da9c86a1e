"""Mixed precision: which op computes in which dtype, the scaling of gradients, and a training with both."""
from __future__ import annotations

import threading
import warnings
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import amp, nn, optim
from minidl.amp.policy import IN_FLOAT16, IN_FLOAT32
from minidl.autograd.around import around_ops
from minidl.nn import functional as F
from minidl.ops.activation import Relu
from tests import strict_array

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")


def random(*shape: int, dtype: Any = minidl.float32, grad: bool = False) -> Any:
    values = np.random.default_rng(sum(shape)).uniform(0.1, 0.9, shape)
    return minidl.tensor(values, dtype=dtype, requires_grad=grad)


# what each is called with, as shapes of float tensors and as other values
FAST = {
    "matmul": (minidl.matmul, [(2, 3), (3, 4)]),
    "mm": (minidl.mm, [(2, 3), (3, 4)]),
    "bmm": (minidl.bmm, [(5, 2, 3), (5, 3, 4)]),
    "mv": (minidl.mv, [(2, 3), (3,)]),
    "@": (lambda a, b: a @ b, [(2, 3), (3, 4)]),
    "einsum": (lambda a, b: minidl.einsum("ij,jk->ki", a, b), [(2, 3), (3, 4)]),
    "tensordot": (minidl.tensordot, [(2, 3, 4), (3, 4)]),
    "linear": (F.linear, [(2, 3), (4, 3), (4,)]),
    "linear of a vector": (F.linear, [(3,), (4, 3)]),
    "conv1d": (F.conv1d, [(2, 3, 8), (4, 3, 3), (4,)]),
    "conv2d": (F.conv2d, [(2, 3, 8, 8), (4, 3, 3, 3), (4,)]),
    "conv3d": (F.conv3d, [(2, 3, 4, 4, 4), (4, 3, 3, 3, 3), (4,)]),
    "conv_transpose1d": (F.conv_transpose1d, [(2, 3, 8), (3, 4, 3)]),
    "conv_transpose2d": (F.conv_transpose2d, [(2, 3, 8, 8), (3, 4, 3, 3)]),
    "conv_transpose3d": (F.conv_transpose3d, [(2, 3, 4, 4, 4), (3, 4, 3, 3, 3)]),
    "conv_tbc": (F.conv_tbc, [(8, 2, 3), (3, 3, 4), (4,)]),
    "rnn_tanh_cell": (minidl.rnn_tanh_cell, [(2, 3), (2, 4), (4, 3), (4, 4)]),
    "rnn_relu_cell": (minidl.rnn_relu_cell, [(2, 3), (2, 4), (4, 3), (4, 4)]),
    "gru_cell": (minidl.gru_cell, [(2, 3), (2, 4), (12, 3), (12, 4)]),
    "prelu": (F.prelu, [(2, 3), (3,)]),
    "scaled_dot_product_attention": (F.scaled_dot_product_attention, [(2, 5, 4), (2, 6, 4), (2, 6, 4), (5, 6)]),
}
EXACT = {
    "exp": (minidl.exp, [(3,)]), "expm1": (minidl.expm1, [(3,)]), "log": (minidl.log, [(3,)]),
    "log2": (minidl.log2, [(3,)]), "log10": (minidl.log10, [(3,)]), "log1p": (minidl.log1p, [(3,)]),
    "pow": (minidl.pow, [(3,), 3.5]), "square": (minidl.square, [(3,)]), "** 2": (lambda x: x ** 2, [(3,)]),
    "2 **": (lambda x: 2 ** x, [(3,)]), "reciprocal": (minidl.reciprocal, [(3,)]), "rsqrt": (minidl.rsqrt, [(3,)]),
    "acos": (minidl.acos, [(3,)]), "asin": (minidl.asin, [(3,)]), "cosh": (minidl.cosh, [(3,)]),
    "sinh": (minidl.sinh, [(3,)]), "tan": (minidl.tan, [(3,)]), "erfinv": (minidl.erfinv, [(3,)]),
    "softplus": (F.softplus, [(3,)]), "softmax": (F.softmax, [(2, 3), -1]), "softmin": (F.softmin, [(2, 3), -1]),
    "log_softmax": (F.log_softmax, [(2, 3), -1]),
    "sum": (minidl.sum, [(2, 3)]),
    "sum of rows": (minidl.sum, [(2, 3), 0]),
    "mean": (minidl.mean, [(2, 3)]), "prod": (minidl.prod, [(2, 3)]), "cumsum": (minidl.cumsum, [(2, 3), 0]),
    "cumprod": (minidl.cumprod, [(2, 3), 0]), "var": (minidl.var, [(2, 3)]), "norm": (minidl.norm, [(2, 3)]),
    "logsumexp": (minidl.logsumexp, [(2, 3), 0]), "normalize": (F.normalize, [(2, 3)]),
    "cosine_similarity": (F.cosine_similarity, [(2, 3), (2, 3)]), "cdist": (minidl.cdist, [(2, 3), (4, 3)]),
    "layer_norm": (F.layer_norm, [(2, 3), [3], (3,), (3,)]), "group_norm": (F.group_norm, [(2, 4, 3), 2, (4,)]),
    "batch_norm": (lambda x, w: F.batch_norm(x, None, None, w, training=True), [(4, 3), (3,)]),
    "mse_loss": (F.mse_loss, [(2, 3), (2, 3)]), "l1_loss": (F.l1_loss, [(2, 3), (2, 3)]),
    "smooth_l1_loss": (F.smooth_l1_loss, [(2, 3), (2, 3)]),
    "cross_entropy": (lambda x: F.cross_entropy(x, minidl.tensor([0, 2])), [(2, 3)]),
    "kl_div": (lambda x, y: F.kl_div(x, y, reduction="sum"), [(2, 3), (2, 3)]),
    "binary_cross_entropy": (F.binary_cross_entropy, [(2, 3), (2, 3)]),
    "binary_cross_entropy_with_logits": (F.binary_cross_entropy_with_logits, [(2, 3), (2, 3)]),
    "poisson_nll_loss": (F.poisson_nll_loss, [(2, 3), (2, 3)]),
    "soft_margin_loss": (F.soft_margin_loss, [(2, 3), (2, 3)]),
    "triplet_margin_loss": (F.triplet_margin_loss, [(2, 3), (2, 3), (2, 3)]),
}
FREE = {
    "add": (minidl.add, [(3,), (3,)]), "mul": (minidl.mul, [(3,), (3,)]), "relu": (F.relu, [(3,)]),
    "tanh": (minidl.tanh, [(3,)]), "max_pool2d": (F.max_pool2d, [(1, 4, 4), 2]),
    "cat": (lambda a, b: minidl.cat([a, b]), [(3,), (3,)]),
}


def arguments(given: list[Any], dtypes: list[Any]) -> list[Any]:
    kinds = iter(dtypes * len(given))
    return [random(*a, dtype=next(kinds)) if isinstance(a, tuple) else a for a in given]


HALF, SINGLE = minidl.float16, minidl.float32


@pytest.mark.parametrize("dtypes", [[SINGLE], [HALF], [HALF, SINGLE], [SINGLE, HALF]], ids=str)
@pytest.mark.parametrize("name", [*FAST, *EXACT])
def test_the_dtypes_of_the_lists(name: str, dtypes: list[Any]) -> None:
    function, given = {**FAST, **EXACT}[name]
    args = arguments(given, dtypes)
    with minidl.autocast("cpu"):
        y = function(*args)
    assert y.dtype == (HALF if name in FAST else SINGLE)
    expected = function(*[a.float() if isinstance(a, minidl.Tensor) else a for a in args])
    np.testing.assert_allclose(y.numpy(), expected.numpy(), rtol=5e-3, atol=5e-3)


@pytest.mark.parametrize("name", FREE)
@pytest.mark.parametrize("dtypes, result", [([HALF], HALF), ([SINGLE], SINGLE)])
def test_all_else_takes_what_it_is_given(name: str, dtypes: list[Any], result: Any) -> None:
    function, given = FREE[name]
    with minidl.autocast("cpu"):
        assert function(*arguments(given, dtypes)).dtype == result


def test_both_dtypes_together_give_float32() -> None:
    with minidl.autocast("cpu"):
        for name in ("add", "mul", "cat"):
            function, given = FREE[name]
            assert function(*arguments(given, [HALF, SINGLE])).dtype == SINGLE


@needs_torch
@pytest.mark.parametrize("name",
                         ["matmul", "mm", "bmm", "linear", "conv1d", "conv2d", "conv3d", "prelu",
                          "binary_cross_entropy", "mse_loss", "prod"])
def test_dtypes_are_pytorchs(name: str) -> None:
    """Where PyTorch's list for the CPU has the function too."""
    function = getattr(torch, name, None) or getattr(torch.nn.functional, name)
    args = arguments({**FAST, **EXACT}[name][1], [HALF, SINGLE] if name == "mse_loss" else [SINGLE])
    with torch.autocast("cpu", torch.float16):
        theirs = function(*[torch.tensor(a.numpy()) if isinstance(a, minidl.Tensor) else a for a in args])
    with minidl.autocast("cpu"):
        ours = {**FAST, **EXACT}[name][0](*args)
    if name != "prelu":                     # in PyTorch's list for CUDA alone
        assert str(theirs.dtype) == f"torch.{ours.dtype}"
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=2e-3)


def test_integers_and_float64_are_left_alone() -> None:
    a = minidl.ones(2, 2, dtype=minidl.float64)
    with minidl.autocast("cpu"):
        assert (a @ a).dtype == minidl.float64 and a.exp().dtype == minidl.float64
        assert minidl.ones(2, 2, dtype=minidl.int64).sum().dtype == minidl.int64
        with pytest.raises(RuntimeError, match="same dtype"):
            a @ random(2, 2)


# ---------------------------------------------------------------------- the switch

def product_dtype(device: str = "cpu") -> Any:
    x = random(2, 2).to(device)
    return (x @ x).dtype


def test_nesting_and_the_end() -> None:
    assert product_dtype() == SINGLE and not amp.is_autocast_enabled("cpu")
    with minidl.autocast("cpu"):
        assert product_dtype() == HALF and minidl.is_autocast_enabled("cpu")
        with minidl.autocast("cpu", enabled=False):
            assert product_dtype() == SINGLE and not minidl.is_autocast_enabled("cpu")
            with minidl.autocast("cpu") as inner:
                assert product_dtype() == HALF and inner.enabled
        assert product_dtype() == HALF
    with pytest.raises(ZeroDivisionError), minidl.autocast("cpu"):
        1 / 0  # noqa: B018
    assert product_dtype() == SINGLE


def test_ops_are_as_they_were_when_nobody_casts() -> None:
    listed = (*IN_FLOAT16, *IN_FLOAT32)
    with minidl.autocast("cpu"):
        assert all(len(around_ops.of_class[op]) == 1 for op in listed)
        assert not around_ops.of_class[Relu]
        with minidl.autocast("cpu"):        # one cast is enough
            assert all(len(around_ops.of_class[op]) == 1 for op in listed)
    assert not around_ops.functions and not any(around_ops.of_class[op] for op in listed)
    assert not set(IN_FLOAT16) & set(IN_FLOAT32)


def test_one_object_used_again_and_within_itself() -> None:
    context = minidl.autocast("cpu")
    for _ in range(2):
        with context, context:
            assert product_dtype() == HALF
    assert product_dtype() == SINGLE


def test_as_a_decorator() -> None:
    @minidl.autocast("cpu")
    def inside() -> Any:
        return product_dtype()

    assert inside() == HALF and product_dtype() == SINGLE


def test_other_threads_do_not_cast() -> None:
    seen: list[Any] = []
    with minidl.autocast("cpu"):
        thread = threading.Thread(target=lambda: seen.append(product_dtype()))
        thread.start()
        thread.join()
    assert seen == [SINGLE]


def test_other_devices_are_left_alone() -> None:
    with minidl.autocast("strict"):
        assert product_dtype("strict") == HALF and product_dtype("cpu") == SINGLE
        with pytest.raises(RuntimeError, match="same dtype"):
            random(2, 2) @ random(2, 2).half()


def test_cuda_without_a_gpu_is_a_warning() -> None:
    if amp.is_autocast_available("cuda"):
        pytest.skip("there is a GPU")
    with pytest.warns(UserWarning, match="CUDA is not available. Disabling"), minidl.cuda.amp.autocast():
        assert not minidl.is_autocast_enabled()
    with pytest.warns(UserWarning, match="CUDA is not available. Disabling"):
        assert minidl.cuda.amp.GradScaler().get_scale() == 1.0


def test_dtypes_it_does_not_know() -> None:
    for dtype in (minidl.float64, minidl.bfloat16):
        with pytest.warns(UserWarning, match=f"target dtype {dtype} is not supported. .* dtypes of their inputs"), \
                minidl.autocast("cpu", dtype=dtype):
            assert product_dtype() == SINGLE
    with pytest.raises(ValueError, match="Expected `device_type` of type `str`"):
        minidl.autocast(minidl.device("cpu"))  # type: ignore[arg-type]
    assert minidl.get_autocast_dtype("cpu") is minidl.float16


# ---------------------------------------------------------------------- gradients

def test_gradients_have_the_dtypes_of_their_tensors() -> None:
    x, w, b = random(4, 3), random(2, 3, grad=True), random(2, grad=True)
    with minidl.autocast("cpu"):
        y = F.linear(F.linear(x, w, b) @ random(2, 3).half(), w, b)
        loss = F.mse_loss(y, random(4, 2))
    loss.backward()
    assert (y.dtype, loss.dtype, w.grad.dtype, b.grad.dtype) == (HALF, SINGLE, SINGLE, SINGLE)
    grads = w.grad.numpy(), b.grad.numpy()
    w.grad = b.grad = None
    F.mse_loss(F.linear(F.linear(x, w, b) @ random(2, 3), w, b), random(4, 2)).backward()
    for half, single in zip(grads, (w.grad, b.grad)):
        np.testing.assert_allclose(half, single.numpy(), rtol=2e-2)


def casts_of(y: Any) -> set[Any]:
    found, todo = set(), [y.grad_fn]
    while todo:
        op = todo.pop()
        todo += [child for child, _ in op.next_functions if child is not None]
        if op.name() == "Cast":
            found.add(op)
    return found


@pytest.mark.parametrize("cache, casts", [(True, 1), (False, 2)])
def test_a_weight_is_cast_once(cache: bool, casts: int) -> None:
    w, x = random(3, 3, grad=True), random(2, 3)
    with minidl.autocast("cpu", cache_enabled=cache):
        y = x @ w @ w
        with minidl.no_grad():
            x @ w
    assert len(casts_of(y)) == casts


def test_a_weight_that_is_written_is_cast_again() -> None:
    w, x = random(3, 3, grad=True), random(2, 3)
    with minidl.autocast("cpu"):
        first = x @ w
        with minidl.no_grad():
            unrecorded = x @ w
            w.mul_(2)
        second = x @ w
    assert first.requires_grad and second.requires_grad and not unrecorded.requires_grad
    np.testing.assert_allclose(second.detach().numpy(), 2 * first.detach().numpy(), rtol=2e-3)


def test_backward_twice_within_one_autocast() -> None:
    w, x = random(3, 3, grad=True), random(2, 3)
    with minidl.autocast("cpu"):
        for _ in range(2):
            (x @ w).sum().backward()
    np.testing.assert_allclose(w.grad.numpy(), 2 * x.sum(0).numpy()[:, None].repeat(3, 1), rtol=2e-3)


def test_higher_derivatives() -> None:
    """A graph of the gradient is made with autocast off: its ops find the dtypes that the values had."""
    w, x = random(3, 3, grad=True), random(2, 3)
    results = []
    for enabled in (True, False):
        with minidl.autocast("cpu", enabled=enabled):
            y = F.softmax(x @ w, -1).log() @ w
            g, = minidl.autograd.grad((y * y).sum(), w, create_graph=True)
            gg, = minidl.autograd.grad((g * g).sum(), w)
        assert g.dtype == gg.dtype == SINGLE
        results.append(gg.numpy())
    np.testing.assert_allclose(*results, rtol=0.05, atol=0.05)


def test_functions_of_ones_own() -> None:
    seen: list[Any] = []

    class Product(minidl.autograd.Function):
        @staticmethod
        @amp.custom_fwd(device_type="cpu")
        def forward(ctx: Any, x: Any, w: Any) -> Any:
            ctx.save_for_backward(x, w)
            seen.append(amp.is_autocast_enabled("cpu"))
            return x @ w

        @staticmethod
        @amp.custom_bwd(device_type="cpu")
        def backward(ctx: Any, g: Any) -> Any:
            seen.append(amp.is_autocast_enabled("cpu"))
            x, w = ctx.saved_tensors
            return g @ w.T, x.T @ g

    class Exact(minidl.autograd.Function):
        @staticmethod
        @amp.custom_fwd(device_type="cpu", cast_inputs=SINGLE)
        def forward(ctx: Any, x: Any) -> Any:
            seen.append((x.dtype, amp.is_autocast_enabled("cpu")))
            return x @ x

    w = random(2, 2, grad=True)
    with minidl.autocast("cpu"):
        y = Product.apply(random(2, 2), w)
        Exact.apply(random(2, 2).half())
    Product.apply(random(2, 2), w).sum().backward()
    y.sum().backward()
    assert seen == [True, (SINGLE, False), False, False, True]
    assert Exact.apply(random(2, 2).half()).dtype == HALF      # outside, nothing is cast


# ---------------------------------------------------------------------- GradScaler

def scaler_pair(**options: Any) -> list[Any]:
    return [amp.GradScaler("cpu", **options), torch.amp.GradScaler("cpu", **options)]


@needs_torch
def test_scaler_equals_pytorchs() -> None:
    """Losses that overflow now and then, two optimizers, unscaled by hand in every second step."""
    histories = []
    options = {"init_scale": 256.0, "growth_factor": 3.0, "backoff_factor": 0.25, "growth_interval": 3}
    for library, scaler in zip((minidl, torch), scaler_pair(**options)):
        a, b = (library.tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
        one, two = library.optim.SGD([a], lr=0.1), library.optim.Adam([b], lr=0.1)
        history = []
        for t in range(20):
            for optimizer in (one, two):
                optimizer.zero_grad()
            factor = float("inf") if t in (2, 9, 10) else 1.0
            losses = [(a * a).sum() * factor, (b - 3).pow(2).sum()]
            for scaled in scaler.scale(losses):
                scaled.backward()
            if t % 2:
                scaler.unscale_(one)
                history.append(a.grad.tolist())
            scaler.step(one)
            scaler.step(two)
            scaler.update(7.0 if t == 15 else None)
            history.append([*a.tolist(), *b.tolist(), scaler.get_scale()])
        histories.append(history)
        assert list(scaler.state_dict().items()) == [
            ("scale", scaler.get_scale()), ("growth_factor", 3.0), ("backoff_factor", 0.25), ("growth_interval", 3),
            ("_growth_tracker", scaler.state_dict()["_growth_tracker"])]
    for ours, theirs in zip(*histories):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@needs_torch
def test_scaler_state_moves_both_ways() -> None:
    ours, theirs = scaler_pair(init_scale=8.0)
    theirs.load_state_dict({**ours.state_dict(), "_growth_tracker": 5})
    fresh = amp.GradScaler("cpu", growth_interval=7)
    fresh.load_state_dict(theirs.state_dict())
    assert fresh.state_dict() == {**ours.state_dict(), "_growth_tracker": 5}


def test_scaler_settings() -> None:
    scaler = amp.GradScaler("cpu")
    scaler.set_growth_factor(4.0)
    scaler.set_backoff_factor(0.125)
    scaler.set_growth_interval(3)
    assert (scaler.get_growth_factor(), scaler.get_backoff_factor(), scaler.get_growth_interval()) == (4.0, 0.125, 3)
    assert scaler.is_enabled() and scaler.get_scale() == 65536.0
    with pytest.raises(AssertionError, match="growth factor must be > 1"):
        amp.GradScaler("cpu", growth_factor=1.0)
    with pytest.raises(AssertionError, match="backoff factor must be < 1"):
        amp.GradScaler("cpu", backoff_factor=1.0)
    with pytest.raises(RuntimeError, match="The source state dict is empty"):
        scaler.load_state_dict({})
    with pytest.raises(KeyError, match="lacks.*_growth_tracker"):
        scaler.load_state_dict({"scale": 1.0, "growth_factor": 9.0, "backoff_factor": 0.5, "growth_interval": 1})
    assert scaler.get_scale() == 65536.0 and scaler.get_growth_factor() == 4.0


def test_a_disabled_scaler_is_not_there() -> None:
    w = random(2, grad=True)
    optimizer, scaler = optim.SGD([w], lr=1.0), amp.GradScaler("cpu", enabled=False)
    loss = w.sum()
    assert scaler.scale(loss) is loss and scaler.state_dict() == {} and scaler.get_scale() == 1.0
    scaler.unscale_(optimizer)
    scaler.update()
    scaler.load_state_dict({})
    assert scaler.step(optimizer, lambda: "loss") == "loss"


def test_the_order_of_calls_is_checked() -> None:
    w = random(2, grad=True)
    optimizer, scaler = optim.SGD([w], lr=1.0), amp.GradScaler("cpu")
    with pytest.raises(AssertionError, match="No inf checks were recorded prior to update"):
        scaler.update()
    with pytest.raises(AssertionError, match="No inf checks were recorded for this optimizer"):
        scaler.step(optimizer)
    w.grad = minidl.ones(2)
    with pytest.raises(RuntimeError, match="Closure use is not currently supported"):
        scaler.step(optimizer, closure=lambda: None)
    scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match=r"unscale_\(\) has already been called"):
        scaler.unscale_(optimizer)
    scaler.step(optimizer)
    with pytest.raises(RuntimeError, match=r"unscale_\(\) is being called after step\(\)"):
        scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match=r"step\(\) has already been called"):
        scaler.step(optimizer)
    half = minidl.ones(1, dtype=HALF, requires_grad=True)
    half.grad = minidl.ones(1, dtype=HALF)
    with pytest.raises(ValueError, match="Attempting to unscale FP16 gradients"):
        scaler.unscale_(optim.SGD([half]))
    with pytest.raises(ValueError, match="outputs must be a Tensor or an iterable of Tensors"):
        scaler.scale(5)


def test_scaler_on_strict_arrays() -> None:
    w = strict_array.leaf(random(3))
    optimizer, scaler = optim.SGD([w], lr=1.0), amp.GradScaler("strict", init_scale=4.0)
    for bad, scale in ((False, 4.0), (True, 2.0)):
        w.grad = strict_array.leaf(minidl.tensor([4.0, 4.0, float("nan") if bad else 4.0])).detach()
        before = w.array.get().copy()
        scaler.step(optimizer)
        scaler.update()
        np.testing.assert_array_equal(w.array.get(), before - (0 if bad else 1))
        assert scaler.get_scale() == scale


# ---------------------------------------------------------------------- together

def test_training_in_mixed_precision() -> None:
    """Reaches the loss of float32, though unscaled gradients would be zero in float16."""
    losses = {}
    for mixed in (False, True):
        minidl.manual_seed(0)
        model = nn.Sequential(nn.Linear(2, 16), nn.LayerNorm(16), nn.ReLU(), nn.Linear(16, 2))
        optimizer, scaler = optim.SGD(model.parameters(), lr=3e6), amp.GradScaler("cpu", enabled=mixed)
        x = minidl.tensor(np.random.default_rng(0).standard_normal((64, 2)), dtype=SINGLE)
        target = (x[:, 0] * x[:, 1] > 0).long()
        for _ in range(60):
            optimizer.zero_grad()
            with minidl.autocast("cpu", enabled=mixed):
                loss = F.cross_entropy(model(x), target)
            scaler.scale(loss * 1e-7).backward()
            scaler.step(optimizer)
            scaler.update()
        losses[mixed] = loss.item()
        assert all(p.dtype == SINGLE for p in model.parameters())
    assert losses[True] == pytest.approx(losses[False], rel=0.1) and losses[True] < 0.4


def test_no_warnings_on_the_cpu() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with minidl.autocast("cpu"):
            product_dtype()
        amp.GradScaler("cpu")
