"""How results lie in memory, and with what they share it: every function of the tables, over layouts of its inputs.

PyTorch's rules hold. An elementwise result lies as its inputs do, a view looks into its input, everything else lies row
by row in memory of its own. Programs lean on that: `x[:, [0, 2]].view(-1)` works, and what is written into the one
is seen in the other.
"""
from __future__ import annotations

import copy
import io
import itertools
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.autograd.tensorbase import version_of
from minidl.autograd.views import path_to_owner
from tests import public_functions
from tests.checking import Case, S, _torch_function, build, leaves, tensors, torch

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")

# ---------------------------------------------------------------------- layouts


def transposed(a: np.ndarray) -> np.ndarray:
    """The last two axes exchanged in memory."""
    return a.swapaxes(-1, -2).copy().swapaxes(-1, -2)


def permuted(a: np.ndarray) -> np.ndarray:
    """The first axis innermost in memory."""
    return np.moveaxis(np.moveaxis(a, 0, -1).copy(), -1, 0)


def sliced(a: np.ndarray) -> np.ndarray:
    """Every second column of a wider array."""
    wider = np.zeros((*a.shape[:-1], 2 * a.shape[-1]), a.dtype)
    wider[..., ::2] = a
    return wider[..., ::2]


def expanded(a: np.ndarray) -> np.ndarray:
    """One row along the first axis, for all."""
    rows = np.broadcast_to(a[:1].copy(), a.shape)
    rows.setflags(write=True)
    return rows


def channels_last(a: np.ndarray) -> np.ndarray:
    return np.moveaxis(np.moveaxis(a, 1, -1).copy(), -1, 1)


LAYOUTS: dict[str, tuple[int, Callable[[np.ndarray], np.ndarray]]] = {
    "contiguous": (0, np.copy),
    "transposed": (2, transposed),
    "permuted": (2, permuted),
    "sliced": (1, sliced),
    "expanded": (1, expanded),
    "channels_last": (4, channels_last),
}
"""name -> (the least number of axes, what lays an array out)."""


def laid_out(layout: str) -> Callable[[np.ndarray], np.ndarray]:
    least, function = LAYOUTS[layout]
    return lambda a: function(a) if a.ndim >= least and a.size else a.copy()


# ---------------------------------------------------------------------- what differs from PyTorch, and why

ELEMENTWISE = {"test_activation", "test_bits", "test_elementwise", "test_special", "test_bessel", "test_rrelu"}
"""Files of elementwise functions. Elsewhere a result may lie row by row where PyTorch leaves another order, that of
LAPACK, of its FFT, of a transposed product or of images with channels last: view() works on it all the more."""

ROW_BY_ROW = {
    "broadcast operands: the order of expanded axes is not settled": ["addcmul", "addcdiv", "isclose"],
    "the result is a new array of whole numbers": ["isreal", "sign"],
}

DIFFERENT = {
    "the test compares with the library's definition, which copies": ["rearrange"],
    "complex conjugates are computed at once, not marked": ["complex conj", "complex adjoint", "adjoint"],
    "PyTorch forgets the layout of the only tensor": ["complex angle", "complex number ** z", "pow of a tensor"],
    "the samples are made contiguous first": ["view_as_complex", "as_strided"],
    "NumPy's function": ["isclose"],
    "PyTorch pools volumes, where it resizes images channels last": ["area"],
}

VIEWS_OF_SOMETHING_INSIDE = {
    "the case takes the real part of the result": ["eig", "eigvals"],
    "the samples are made contiguous first": ["view as bytes", "view_as_complex", "as_strided", "complex as_strided"],
}
"""Cases that take a view of what they have computed themselves."""


def named(table: dict[str, list[str]]) -> set[str]:
    return {name for names in table.values() for name in names}


# ---------------------------------------------------------------------- the walk

CASES = [(file.rpartition("/")[2][:-3], case) for file, case in public_functions.cases()]


@pytest.mark.parametrize(("file", "case"), CASES, ids=[f"{file}:{case}" for file, case in CASES])
def test_memory_of_results(file, case):
    for sample in case.samples[:3]:
        for layout in LAYOUTS:
            try:
                check_memory(file, case, sample, layout)
            except AssertionError as error:
                raise AssertionError(f"{case}({sample}), inputs {layout}: {error}") from None


def check_memory(file: str, case: Case, sample: S, layout: str) -> None:
    args, kwargs = build(sample, lambda a: minidl.from_numpy(laid_out(layout)(a)))
    inputs = tensors(args, list(kwargs.values()))
    try:
        with minidl.no_grad():
            outs = tensors(case.fn(*args, **kwargs))
    except (RuntimeError, ValueError, np.linalg.LinAlgError):     # some samples make no sense when expanded
        assert layout != "contiguous"
        return
    found = [Memory(out, inputs) for out in outs]
    for memory, out in zip(found, outs):
        memory.check_shared_is_noticed(out, inputs)
        memory.check_view(out)
        if str(case).removeprefix("torch.") not in named(VIEWS_OF_SOMETHING_INSIDE):
            check_owner(out, inputs)
    for one, other in itertools.combinations([out for out in outs if out.view_of is None], 2):
        assert one is other or not np.shares_memory(one.array, other.array), "two results share memory"
    if case.torch is not None and torch is not None:
        expected = memory_in_torch(case, sample, layout)
        if expected is not None and len(expected) == len(found):
            for ours, theirs in zip(found, expected):
                ours.check_against(theirs, file, str(case).removeprefix("torch."))


def check_owner(out: Any, inputs: list[Any]) -> None:
    """A view looks into an input; anything else owns its memory."""
    owners = [path_to_owner(x)[-1] for x in inputs]
    assert out.view_of is None or any(path_to_owner(out)[-1] is x for x in owners), "is a view of something inside"


class Memory:
    """How a tensor lies, and with which inputs it shares memory."""

    def __init__(self, out: Any, inputs: list[Any]) -> None:
        self.contiguous = out.is_contiguous()
        self.shared = [storage(out) == storage(x) and bool(out.numel() and x.numel()) for x in inputs]
        try:
            self.flat = out.detach().view(-1)
        except RuntimeError:
            self.flat = None

    def check_shared_is_noticed(self, out: Any, inputs: list[Any]) -> None:
        """A write into memory that is shared is noticed by both."""
        for x, shared in zip(inputs, self.shared):
            assert not shared or version_of(out) is version_of(x), "shares memory with an input, unknown to it"

    def check_view(self, out: Any) -> None:
        """`view` shares memory or raises, and raises only where elements do not follow one another."""
        if self.flat is None:
            assert not self.contiguous, "view() refused a contiguous tensor"
        elif out.numel():
            assert np.shares_memory(self.flat.numpy(), out.detach().numpy()), "view() copied"

    def check_against(self, theirs: Memory, file: str, name: str) -> None:
        if name in named(DIFFERENT):
            return
        assert self.shared == theirs.shared, f"shares memory with inputs {self.shared}, PyTorch's with {theirs.shared}"
        assert self.contiguous or not theirs.contiguous, "is not contiguous, PyTorch's is"
        assert self.flat is not None or theirs.flat is None, "refuses view(), PyTorch's does not"
        if file in ELEMENTWISE and name not in named(ROW_BY_ROW):
            assert self.contiguous == theirs.contiguous, "is contiguous, PyTorch's is not"


def storage(x: Any) -> int:
    """The address of the memory that a tensor looks into."""
    if torch is not None and isinstance(x, torch.Tensor):
        return x.untyped_storage().data_ptr()
    return x.data_ptr() - x.storage_offset() * x.element_size()


def memory_in_torch(case: Case, sample: S, layout: str) -> list[Memory] | None:
    def make(a: np.ndarray) -> Any:
        a = laid_out(layout)(a)
        return torch.from_numpy(a[:1].copy()).expand(a.shape) if 0 in a.strides and a.size else torch.from_numpy(a)
    args, kwargs = build(sample, make)
    inputs = [x for x in leaves([args, list(kwargs.values())]) if isinstance(x, torch.Tensor)]
    try:
        with torch.no_grad():
            out = _torch_function(case.torch)(*args, **kwargs)
    except (RuntimeError, ValueError, IndexError):
        return None
    return [Memory(x, inputs) for x in leaves([out]) if isinstance(x, torch.Tensor)]


# ---------------------------------------------------------------------- convolutions: channels last, unseen

def convolved(**kwargs: Any) -> Any:
    minidl.manual_seed(0)
    return nn.Conv2d(3, 4, 3)(minidl.rand(2, 3, 6, 6, **kwargs))


def test_a_convolution_is_contiguous_for_whoever_looks():
    assert not convolved().array.flags.c_contiguous      # fast, as long as nobody looks
    assert convolved().is_contiguous()
    assert convolved().stride() == (64, 16, 4, 1)
    assert convolved().detach().numpy().flags.c_contiguous
    assert convolved().contiguous().stride() == (64, 16, 4, 1)
    y = convolved()
    assert y.contiguous() is y


@pytest.mark.parametrize("look", [
    lambda y: y.view(2, -1),
    lambda y: y.flatten(1),
    lambda y: y.reshape(-1),
    lambda y: y[1],
    lambda y: y.permute(1, 0, 2, 3),
    lambda y: y.detach(), lambda y: y.data, lambda y: y.unbind(0)[1], lambda y: y.unsqueeze(0), lambda y: y.diagonal(),
    lambda y: y.unfold(3, 2, 2), lambda y: minidl.relu(y).view(2, -1), lambda y: (y + y).flatten(),
])  # fmt: skip
def test_what_is_written_into_a_view_of_a_convolution_is_seen(look):
    with minidl.no_grad():
        y = convolved()
        values = y.clone()
        seen = look(y)
        base = y if seen.view_of is None or seen.view_of.base is y else seen.view_of.base
        before = seen.clone()
        base.mul_(2)
        assert (seen == before * 2).all()
        if look(y).view_of is not None and seen.view_of.base is y:
            seen.zero_()
            assert (y == 0).sum() >= seen.numel() or (values == 0).any()


def wide(dtype: Any = minidl.float32) -> minidl.Tensor:
    """The result of a convolution with 32 channels, last in memory."""
    return nn.functional.conv2d(minidl.rand(2, 16, 5, 6, dtype=dtype), minidl.rand(32, 16, 2, 2, dtype=dtype) - 0.5)


SLICES: list[Callable[[Any], Any]] = [
    lambda y: y[:, :16], lambda y: y[:, 16:], lambda y: y.chunk(2, 1)[1], lambda y: y[:, :, 1:3],
    lambda y: y.split([8, 24], 1)[1], lambda y: y[1], lambda y: y.unbind(2)[1], lambda y: y[:, :, :, ::2],
    lambda y: y[:, :16][:, :, 1:], lambda y: y.narrow(1, 4, 20)[0]]

LOOKS: list[Callable[[Any], Any]] = [
    lambda x: x.stride(), lambda x: x.numpy(), lambda x: x.data_ptr(), lambda x: x.detach(),
    lambda x: x.transpose(0, -1), lambda x: x.is_contiguous()]


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("cut", SLICES)
def test_slices_of_a_convolution_lie_row_by_row_when_they_are_looked_at(cut, look):
    for looks_at_slice in (True, False):
        with minidl.no_grad():
            y = wide()
        one, other, result = cut(y), y[:, :, 1:], minidl.tanh(cut(y))
        expected = y.clone().contiguous()
        look(one[..., 1:] if looks_at_slice else y.flatten(0, 1))
        assert y.stride() == expected.stride() and one.stride() == cut(expected).stride()
        assert one._base is other._base is y and result.is_contiguous()
        for x in (one, other):
            assert np.shares_memory(x.numpy(), y.numpy())
        one.mul_(2)
        cut(expected).mul_(2)
        assert (y == expected).all() and (other == expected[:, :, 1:]).all() and (one == cut(expected)).all()


@pytest.mark.parametrize("cut", SLICES)
def test_what_is_written_into_a_slice_of_a_convolution_is_seen(cut):
    y = wide()
    expected, other = y.clone().contiguous(), y[:, :, 1:]
    for write in (lambda x: cut(x).mul_(3), lambda x: cut(x)[..., 1:].zero_(), lambda x: x[:, :, 2:].add_(1)):
        write(y)
        write(expected)
        assert (y == expected).all() and (other == expected[:, :, 1:]).all()
    one = cut(y)
    y.data = minidl.zeros(2, 32, 4, 5)      # views keep the old memory
    assert (one == cut(expected)).all() and (other == expected[:, :, 1:]).all()
    assert one.stride() == cut(expected).stride()


def test_a_result_without_axes_has_none_when_it_is_looked_at():
    y = minidl.tensor([1.0, 2.0]).median(-1)[0]
    assert y.stride() == () and y.shape == () and y.numpy().shape == ()


def test_slices_that_are_gone_are_forgotten():
    y = wide()
    for _ in range(3):
        y[:, :16].sum()
    kept = y[:, 16:]
    assert len(y.free_views) == 1 and kept.layout_is_free
    assert not y[:, :2].layout_is_free      # runs of two numbers: worth a copy
    assert not kept.layout_is_free and kept.stride() == (640, 20, 5, 1)


def test_gradients_through_gates_and_writes_of_a_convolution():
    def f(x, w):
        y = nn.functional.conv2d(x, w)
        signal, opening = y.chunk(2, 1)
        z = signal[:, :, 1:].tanh() * opening[:, :, :-1].sigmoid()
        opening.mul_(signal.sigmoid())
        return (z.square().sum((1, 2, 3)) + y[0].sum() + y.permute(1, 0, 2, 3)[3].square().sum()).view(-1)
    x = minidl.rand(2, 2, 3, 2, dtype=minidl.float64, requires_grad=True)
    w = (minidl.rand(32, 2, 1, 1, dtype=minidl.float64) - 0.5).requires_grad_()
    assert minidl.autograd.gradcheck(f, (x, w)) and minidl.autograd.gradgradcheck(f, (x, w))


def test_numpy_shares_the_memory_of_a_convolution():
    y = convolved().detach()
    a = y.numpy()
    v = y.view(-1)
    v[0] = 7
    assert a[0, 0, 0, 0] == 7 and y[0, 0, 0, 0] == 7


def test_an_in_place_function_that_looks_at_its_tensor_writes_into_it():
    y = convolved().detach()
    y = minidl.relu(nn.Conv2d(4, 5, 1)(y)).detach()
    z = nn.functional.conv2d(y, minidl.ones(2, 5, 1, 1))
    expected = z.clone().cumsum(1)
    assert z.cumsum_(1) is z
    assert (z == expected).all()


def test_gradients_through_views_and_writes_of_a_convolution():
    def f(x, w):
        y = nn.functional.conv2d(x, w)
        y.view(2, -1)[:, ::3].mul_(2.0)
        y[0].permute(1, 2, 0).add_(1.0)
        return (y * y).flatten(1).sum(1)
    x = minidl.rand(2, 3, 5, 5, dtype=minidl.float64, requires_grad=True)
    w = minidl.rand(4, 3, 3, 3, dtype=minidl.float64, requires_grad=True)
    assert minidl.autograd.gradcheck(f, (x, w))


def test_a_view_taken_after_backward_values_were_kept():
    """Laying a tensor out anew leaves what was kept for backward alone."""
    x = minidl.rand(1, 2, 4, 4, dtype=minidl.float64, requires_grad=True)
    w = minidl.rand(3, 2, 2, 2, dtype=minidl.float64)
    y = nn.functional.conv2d(x, w)
    loss = (y * y).sum()        # keeps y
    y.view(-1)[0]
    loss.backward()
    expected, = minidl.autograd.grad((nn.functional.conv2d(x, w) ** 2).sum(), x)
    np.testing.assert_allclose(x.grad.numpy(), expected.numpy())
    z = nn.functional.conv2d(x, w)
    loss = (z * z).sum()
    z.view(-1)[0] = 1.0
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_channels_last_input_gives_a_channels_last_result():
    """Who lays images out with channels last sees it in the results, as in PyTorch."""
    x = minidl.from_numpy(channels_last(np.ones((2, 3, 6, 6), np.float32)))
    y = nn.functional.max_pool2d(nn.functional.relu(nn.functional.conv2d(x, minidl.ones(4, 3, 3, 3))), 2)
    assert not y.is_contiguous() and y.permute(0, 2, 3, 1).is_contiguous()
    with pytest.raises(RuntimeError, match=r"Use \.reshape"):
        y.view(2, -1)


def test_gradients_lie_as_their_tensors_do():
    x = minidl.rand(2, 3, 6, 6, requires_grad=True)
    nn.functional.conv2d(x, minidl.rand(4, 3, 3, 3)).square().sum().backward()
    assert x.grad.is_contiguous() and np.shares_memory(x.grad.view(-1).numpy(), x.grad.numpy())
    w = minidl.rand(3, 4).t().requires_grad_()
    (w * 2).sum().backward()
    assert w.grad.stride() == w.stride() == (1, 4)
    g, = minidl.autograd.grad(nn.functional.conv2d(x, minidl.rand(4, 3, 3, 3)).sum(), x)
    assert g.view(-1).shape == (216,)


def test_turned_in_place():
    y = convolved().detach()
    y = nn.functional.conv2d(y, minidl.ones(3, 4, 2, 2))
    expected = y.clone()
    y.transpose_(1, 2).add_(1)
    assert (y == expected.transpose(1, 2) + 1).all()
    y[0, 0, 0, 0] = 7
    assert y.flatten()[0] == 7


def test_hooks_and_custom_functions_see_gradients_and_saved_tensors_row_by_row():
    class Twice(minidl.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            x, = ctx.saved_tensors
            return (g.view(-1) * 2 + x.view(-1) * 0).view(g.shape)

    seen = []
    x = minidl.rand(2, 3, 6, 6, requires_grad=True)
    y = nn.functional.conv2d(x, minidl.rand(4, 3, 3, 3))
    y.register_hook(lambda g: seen.append(g.view(2, -1)))
    nn.functional.conv2d(Twice.apply(y), minidl.rand(2, 4, 3, 3)).sum().backward()
    assert seen[0].shape == (2, 64)


def test_copies_of_a_convolution_lie_row_by_row():
    y = convolved().detach()
    y = nn.functional.conv2d(y, minidl.ones(3, 4, 2, 2))
    for copied in (pickle.loads(pickle.dumps(y)), copy.copy(y), copy.deepcopy(y), minidl.tensor(y),
                   minidl.Tensor(y), y.clone()):
        assert copied.view(-1).tolist() == y.reshape(-1).tolist()
    file = io.BytesIO()
    minidl.save({"y": nn.functional.conv2d(y, minidl.ones(2, 3, 1, 1))}, file)
    file.seek(0)
    assert minidl.load(file)["y"].is_contiguous()


# ---------------------------------------------------------------------- results that are their input

@pytest.mark.parametrize("function", [
    lambda x: x[0, 0].prod(0), lambda x: x[0, 0].cumsum(0), lambda x: x[0, 0].cumprod(0), lambda x: minidl.diff(x, 0),
    lambda x: nn.functional.pad(x, (0, 0), mode="replicate"),
    lambda x: nn.functional.pad(x[None], (0, 0), mode="reflect"),
    lambda x: nn.functional.pad(x[None], (0, 0), mode="circular"), lambda x: nn.functional.channel_shuffle(x[None], 1),
    lambda x: nn.functional.pixel_shuffle(x[None], 1), lambda x: nn.functional.pixel_unshuffle(x[None], 1),
    lambda x: minidl.chain_matmul(x), lambda x: minidl.linalg.matrix_power(x[:, :3], 1), lambda x: minidl.rot90(x, 4),
    lambda x: minidl.special.legendre_polynomial_p(x, 1), lambda x: nn.functional.interpolate(x[None], size=4),
    lambda x: minidl.histogram(x, x[0]).bin_edges,
])  # fmt: skip
def test_a_function_that_changes_nothing_copies(function):
    x = minidl.arange(12.0).reshape(3, 4)
    y = function(x)
    y.fill_(-1.0)
    assert (x == minidl.arange(12.0).reshape(3, 4)).all()


# ---------------------------------------------------------------------- idioms

def idiom_clone_of_an_expanded_mask(lib):
    mask = lib.arange(12.0).reshape(3, 4)[:, None].expand(3, 2, 4).clone()
    mask.view(-1)[0] = 5
    return mask


def idiom_chosen_columns_flattened(lib):
    x = lib.arange(12.0).reshape(3, 4)[:, [0, 2]]
    x.flatten()[0] = 5
    return x


def idiom_boxes_with_axes_exchanged(lib):
    boxes = lib.arange(24.0).reshape(6, 4)
    return boxes[:, [1, 0, 3, 2]].view(3, 8)


def idiom_channels_shuffled_by_indices(lib):
    x = lib.arange(16.0).reshape(2, 4, 2)
    return x[:, lib.tensor([2, 0, 3, 1])].view(2, 8)


def idiom_attention_heads(lib):
    B, T, H, D = 2, 3, 2, 4
    q = lib.arange(float(B * T * H * D)).view(B, T, H, D).transpose(1, 2)
    w = lib.softmax(q @ q.transpose(-2, -1) / D, dim=-1)
    return (w @ q).transpose(1, 2).contiguous().view(B, T, H * D)


def idiom_softmax_of_transposed_scores(lib):
    scores = lib.arange(6.0).reshape(2, 3).t()
    return lib.softmax(scores, 1).view(-1)


def idiom_layer_norm_of_tokens_first(lib):
    x = lib.arange(24.0).reshape(2, 3, 4).transpose(0, 1)
    return lib.nn.functional.layer_norm(x, (4,)).view(-1)


def idiom_running_sum_then_view(lib):
    return lib.arange(6.0).reshape(2, 3).t().cumsum(1).view(-1)


def idiom_stacked_maps_as_queries(lib):
    maps = [lib.ones(1, 2, 2, 3) * i for i in range(3)]
    return lib.cat([m.flatten(2).transpose(1, 2) for m in maps], 1).view(-1, 2)


def idiom_rolled_windows(lib):
    x = lib.arange(32.0).view(1, 4, 4, 2)
    x = lib.roll(x, (-1, -1), (1, 2))
    return x.view(1, 2, 2, 2, 2, 2).permute(0, 1, 3, 2, 4, 5).contiguous().view(-1, 2, 2, 2)


def idiom_convolution_into_linear(lib):
    y = lib.nn.functional.conv2d(lib.arange(32.0).view(2, 1, 4, 4), lib.ones(3, 1, 3, 3))
    return y.view(y.size(0), -1)


def idiom_pooled_features_written(lib):
    y = lib.nn.functional.max_pool2d(lib.nn.functional.conv2d(lib.ones(1, 1, 6, 6), lib.ones(2, 1, 3, 3)), 2)
    y.view(-1)[:3] = 0
    return y


def idiom_anchor_predictions(lib):
    N, A, K, H, W = 1, 2, 3, 2, 2
    y = lib.nn.functional.conv2d(lib.arange(4.0).view(N, 1, H, W), lib.ones(A * K, 1, 1, 1))
    return y.view(N, A, K, H, W).permute(0, 3, 4, 1, 2).reshape(N, -1, K)


def idiom_yolo_grid(lib):
    y = lib.nn.functional.conv2d(lib.arange(4.0).view(1, 1, 2, 2), lib.ones(10, 1, 1, 1))
    y = y.view(1, 2, 5, 2, 2).permute(0, 1, 3, 4, 2).contiguous()
    y[..., :2].sigmoid_()
    return y.view(1, -1, 5)


def idiom_one_hot_targets(lib):
    return lib.nn.functional.one_hot(lib.tensor([[0, 2], [1, 1]]).t(), 3).view(-1, 3)


def idiom_patches(lib):
    x = lib.arange(32.0).view(1, 2, 4, 4)
    return x.unfold(2, 2, 2).unfold(3, 2, 2).permute(0, 2, 3, 1, 4, 5).contiguous().view(-1, 8)


def idiom_relative_positions(lib):
    coords = lib.stack(lib.meshgrid(lib.arange(2), lib.arange(2), indexing="ij")).flatten(1)
    relative = (coords[:, :, None] - coords[:, None, :]).permute(1, 2, 0).contiguous()
    relative[:, :, 0] += 1
    relative[:, :, 0] *= 3
    return relative.sum(-1).view(-1)


def idiom_sorted_boxes(lib):
    boxes, scores = lib.arange(12.0).view(3, 4), lib.tensor([0.1, 0.9, 0.5])
    order = scores.sort(descending=True).indices
    kept = boxes[order]
    kept.view(-1)[0] = 100
    return kept, boxes


def idiom_cast_of_an_expanded_tensor(lib):
    x = lib.arange(3).expand(2, 3).float()
    x.view(-1)[0] = 9
    return x


def idiom_nonzero_rows(lib):
    rows, columns = lib.nonzero(lib.tensor([[0, 1], [1, 1]]), as_tuple=True)
    return rows.view(-1), columns.view(3, 1)


def idiom_batch_norm_in_evaluation(lib):
    y = lib.nn.functional.conv2d(lib.arange(32.0).view(2, 1, 4, 4), lib.ones(2, 1, 3, 3))
    y = lib.nn.functional.batch_norm(y, lib.zeros(2), lib.ones(2))
    return lib.nn.functional.relu(y).view(2, -1)


def idiom_upsampled_logits(lib):
    y = lib.nn.functional.interpolate(lib.arange(8.0).view(1, 2, 2, 2), scale_factor=2, mode="nearest")
    return y.permute(0, 2, 3, 1).contiguous().view(-1, 2)


def idiom_volume(lib):
    y = lib.nn.functional.conv3d(lib.arange(27.0).view(1, 1, 3, 3, 3), lib.ones(2, 1, 2, 2, 2))
    y.view(2, -1)[0, 0] = -1
    return y


def idiom_signal(lib):
    y = lib.nn.functional.conv1d(lib.arange(8.0).view(1, 2, 4), lib.ones(3, 2, 2))
    return lib.nn.functional.max_pool1d(y, 2).view(1, -1)


def idiom_sampled_grid(lib):
    theta = lib.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    grid = lib.nn.functional.affine_grid(theta, [1, 1, 2, 2], align_corners=True)
    return lib.nn.functional.grid_sample(lib.arange(4.0).view(1, 1, 2, 2), grid, align_corners=True).view(-1)


IDIOMS = [value for name, value in list(globals().items()) if name.startswith("idiom_")]


@needs_torch
@pytest.mark.parametrize("idiom", IDIOMS, ids=lambda f: f.__name__[6:])
def test_idioms_of_detection_attention_and_data_code(idiom):
    ours, theirs = idiom(minidl), idiom(torch)
    for mine, other in zip(leaves([ours]), leaves([theirs])):
        np.testing.assert_allclose(mine.numpy(), other.numpy(), rtol=1e-6)
        assert mine.stride() == other.stride()
