"""Where the CPU would wait for a GPU, counted on the strict stand-in: not in a training step, as in PyTorch."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import minidl
from minidl import nn, optim
from tests import strict_array

F = nn.functional


def made(*shape: int) -> Any:
    return minidl.rand(*shape, device="strict") + 0.1


def whole(most: int, *shape: int) -> Any:
    return minidl.randint(most, shape).to("strict")


def waits_in(function: Callable[[], Any]) -> list[str]:
    """What is waited for in a call; the call before it may make what is kept."""
    function()
    strict_array.waits.clear()
    function()
    return list(strict_array.waits)


def test_waiting_is_seen() -> None:
    x = made(3)
    assert waits_in(lambda: x.sum().item()) == ["get"] == waits_in(lambda: bool(x[0] > 0))
    assert waits_in(lambda: x[x > 0.5]) == ["a mask"] and waits_in(lambda: x.nonzero()) == ["nonzero"]
    assert waits_in(lambda: minidl.unique(x)) == ["unique"] and waits_in(lambda: x * 2) == []


@pytest.mark.parametrize("call", [
    lambda x, y, w: F.cross_entropy(x, y, w, label_smoothing=0.1), lambda x, y, w: F.nll_loss(x.log_softmax(1), y, w),
    lambda x, y, w: F.binary_cross_entropy(x.sigmoid(), x.detach().sigmoid()),
    lambda x, y, w: F.gaussian_nll_loss(x, x.detach() + 1, x.detach() + 1),
    lambda x, y, w: F.multi_margin_loss(x, y), lambda x, y, w: F.multilabel_margin_loss(x, y.new_full((8, 10), -1)),
    lambda x, y, w: F.one_hot(y, 10), lambda x, y, w: F.embedding(y % 8, x, scale_grad_by_freq=True, padding_idx=1),
    lambda x, y, w: x.median(1)[0], lambda x, y, w: x.kthvalue(3)[0], lambda x, y, w: x.topk(2)[0],
    lambda x, y, w: x.cumprod(1), lambda x, y, w: x.gather(1, y[:, None]), lambda x, y, w: x.index_select(0, y % 8),
    lambda x, y, w: x[y % 8, y], lambda x, y, w: x.index_add(0, y % 8, x),
    lambda x, y, w: x.take_along_dim(y[:, None], 1),
    lambda x, y, w: minidl.multinomial(x, 3), lambda x, y, w: minidl.bernoulli(x / 2), lambda x, y, w: y // (y + 1),
    lambda x, y, w: F.dropout(x), lambda x, y, w: x.masked_fill(x > 0.5, 0.0), lambda x, y, w: x.sort(1)[0],
])
def test_functions_do_not_wait(call: Callable[..., Any]) -> None:
    x, y, w = made(8, 10).requires_grad_(), whole(10, 8), made(10)

    def step() -> None:
        out = call(x, y, w)
        if out.requires_grad:
            out.sum().backward()
    assert waits_in(step) == []


MODELS: dict[str, tuple[Callable[[], Any], Callable[[], tuple[Any, ...]]]] = {
    "LeNet": (lambda: nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                                    nn.Dropout(0.5), nn.Linear(27, 4)), lambda: (made(5, 1, 8, 8),)),
    "transformer": (lambda: Last(nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)),
                    lambda: (made(5, 3, 8), nn.Transformer.generate_square_subsequent_mask(3).to("strict"))),
    "LSTM": (lambda: Last(nn.LSTM(8, 4, batch_first=True)), lambda: (made(5, 3, 8),)),
    "GRU": (lambda: Last(nn.GRU(8, 4, batch_first=True)), lambda: (made(5, 3, 8),)),
}


class Last(nn.Module):
    """The last step of a sequence that a module returns."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, *args: Any) -> Any:
        out = self.inner(*args)
        return (out[0] if isinstance(out, tuple) else out)[:, -1, :4]


@pytest.mark.parametrize("name", MODELS)
def test_a_training_step_does_not_wait(name: str) -> None:
    make, inputs = MODELS[name]
    model, args, y = make().to("strict"), inputs(), whole(4, 5)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(*args), y).backward()
        optimizer.step()
    assert waits_in(step) == []


@pytest.mark.parametrize("cls", [
    optim.SGD, optim.Adam, optim.AdamW, optim.RMSprop, optim.Adagrad, optim.Adadelta, optim.Adamax, optim.NAdam,
    optim.RAdam, optim.ASGD, optim.Rprop, optim.Adafactor, optim.Muon])
def test_optimizers_do_not_wait(cls: Any) -> None:
    p = made(4, 3).requires_grad_()
    p.grad = made(4, 3)
    optimizer = cls([p], lr=1e-3)
    assert waits_in(optimizer.step) == []
