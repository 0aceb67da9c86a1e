"""`compare`: two networks that are the same, and ones with a mistake in a known place."""
from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.utils import compare
from tests import strict_array  # noqa: F401  (registers the device "strict")

torch = pytest.importorskip("torch")


def make(library: Any, **changes: Any) -> Any:
    layers = library.nn
    return layers.Sequential(
        layers.Conv2d(1, 4, 3), layers.BatchNorm2d(4), layers.ReLU(**changes.get("relu", {})),
        layers.Sequential(layers.MaxPool2d(2), layers.Conv2d(4, 6, 3, padding=changes.get("padding", 0))),
        layers.Flatten(), layers.LazyLinear(5) if "padding" in changes else layers.Linear(24, 5),
        layers.Softmax(changes.get("dim", 1)))


X = np.random.default_rng(0).normal(size=(3, 1, 10, 10)).astype(np.float32)
NAMES = ["0", "1", "2", "3.0", "3.1", "3", "4", "5", "6", ""]


@pytest.mark.parametrize("mode", [True, False])
@pytest.mark.parametrize("x", [X, torch.tensor(X), minidl.tensor(X)], ids=lambda x: type(x).__module__)
def test_equal_networks(mode: bool, x: Any) -> None:
    ours, theirs = make(minidl).train(mode), make(torch).train(mode)
    found = compare(ours, theirs, x, copy_weights=True)
    assert found and found.first_difference is None and [layer.name for layer in found.layers] == NAMES
    assert all(layer.max_abs < 1e-5 and layer.shape == layer.torch_shape for layer in found.layers)
    assert found.layers[0].type == "Conv2d" and found.layers[0].shape == (3, 4, 8, 8) and not found.weights
    assert str(found).endswith("All outputs are equal.")
    np.testing.assert_allclose(ours[1].running_mean.numpy(), theirs[1].running_mean.numpy(), rtol=1e-5, atol=1e-6)
    assert mode == bool(ours[1].num_batches_tracked.item())
    assert ours[0].weight.grad is None and theirs[0].weight.grad is None


def test_weights_that_differ_are_found_before_the_run() -> None:
    ours, theirs = make(minidl).eval(), make(torch).eval()
    compare(ours, theirs, X, copy_weights=True)
    with minidl.no_grad():
        ours[3][1].bias[2] += 0.25
    found = compare(ours, theirs, X)
    assert not found and found.weights == {"3.1.bias": pytest.approx(0.25)}
    first = found.first_difference
    assert (first.name, first.type) == ("3.1", "Conv2d") and first.max_abs == pytest.approx(0.25, rel=1e-4)
    assert "Weights differ before the run: 3.1.bias, by 0.25" in str(found)
    assert "First difference: 3.1 (Conv2d), by 0.25" in str(found)
    assert [layer.equal for layer in found.layers] == [True] * 4 + [False] * 6


class Wrong(nn.Module):
    """Softmax along the wrong axis."""

    def forward(self, x: Any) -> Any:
        return x.softmax(0)


def test_a_wrong_layer_is_found() -> None:
    ours, theirs = make(minidl).eval(), make(torch).eval()
    ours[6] = Wrong().eval()
    found = compare(ours, theirs, X, copy_weights=True)
    assert found.first_difference.name == "6" and found.first_difference.type == "Wrong"
    assert 0 < found.first_difference.max_rel <= found.first_difference.max_abs / 0.2


def test_shapes_that_differ_are_found() -> None:
    ours, theirs = make(minidl, padding=1).eval(), make(torch).eval()
    ours(minidl.tensor(X))      # the lazy layer learns its size
    for i in (0, 1, 3):
        ours[i].load_state_dict({name: value.numpy() for name, value in theirs[i].state_dict().items()})
    found = compare(ours, theirs, X)
    first = found.first_difference
    assert (first.name, first.shape, first.torch_shape) == ("3.1", (3, 6, 4, 4), (3, 6, 2, 2))
    assert first.max_abs == np.inf
    assert "3.1 (Conv2d) gives shape (3, 6, 4, 4), and (3, 6, 2, 2) in PyTorch" in str(found)
    with pytest.raises(RuntimeError, match="size mismatch for 5.weight"):
        compare(ours, theirs, X, copy_weights=True)


def test_writes_in_place_do_not_hide_what_a_layer_returned() -> None:
    ours, theirs = make(minidl, relu={"inplace": True}).eval(), make(torch).eval()
    assert compare(ours, theirs, X, copy_weights=True)


class Twice(nn.Module):
    """A layer that is called twice, and several outputs."""

    def __init__(self, library: Any, extra: bool = False) -> None:
        super().__init__()
        self.layer = library.nn.Linear(4, 4)
        self.other = library.nn.Linear(4, 4)
        self.extra = extra

    def forward(self, x: Any, y: Any) -> Any:
        x = self.layer(self.layer(x))
        return {"x": x, "rest": [x + y, "text"]}, (self.other(x) if self.extra else x)


def test_several_calls_inputs_and_outputs() -> None:
    class Theirs(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.other = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)

        forward = Twice.forward
        extra = False
    ours, theirs = Twice(minidl), Theirs()
    x, y = np.ones((2, 4), np.float32), np.ones((1, 4), np.float32)
    found = compare(ours, theirs, (x, y), copy_weights=True)
    assert found and [layer.name for layer in found.layers] == ["layer", "layer (call 2)", ""]
    ours.extra = True
    found = compare(ours, theirs, (x, y))
    assert not found and found.only_here == ["other"] and "Called here only: other" in str(found)
    theirs.extra, ours.extra = True, False
    found = compare(ours, theirs, (x, y))
    assert not found and found.only_in_torch == ["other"] and "Called in PyTorch only: other" in str(found)


def test_numbers_that_are_none() -> None:
    ours, theirs = nn.Sequential(nn.ReLU()), torch.nn.Sequential(torch.nn.Identity())
    assert compare(ours, theirs, np.array([np.inf, 1.0], np.float32))
    assert compare(nn.Identity(), torch.nn.Identity(), np.array([np.nan, -np.inf], np.float32))
    found = compare(ours, theirs, np.array([-np.inf], np.float32))
    assert not found and found.layers[0].max_abs == np.inf
    assert compare(nn.Embedding(3, 2), torch.nn.Embedding(3, 2), np.array([0, 2]), copy_weights=True)


def test_modes_must_agree() -> None:
    ours, theirs = make(minidl).eval(), make(torch).eval()
    theirs[3].train()
    with pytest.raises(ValueError, match="compare: 3 is in evaluation mode here and in training mode in PyTorch; call"):
        compare(ours, theirs, X)


@pytest.mark.parametrize("call, text", [
    (lambda ours, theirs: compare(theirs, theirs, X),
     "expected model to be a minidl.nn.Module, but got <class 'torch.nn"),
    (lambda ours, theirs: compare(ours, ours, X),
     "expected torch_model to be a torch.nn.Module, but got <class 'minidl.nn"),
    (lambda ours, theirs: compare(ours, None, X),
     "expected torch_model to be a torch.nn.Module, but got <class 'NoneType"),
    (lambda ours, theirs: compare(ours, theirs, {"x": X}),
     "expected input to be a Tensor, an array, or a tuple of them"),
])
def test_what_is_no_network_and_no_input(call: Any, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        call(make(minidl).eval(), make(torch).eval())


def test_outputs_in_a_dict_are_compared_by_their_names() -> None:
    class Ours(nn.Module):
        def forward(self, x: Any) -> Any:
            return {"twice": 2 * x, "same": x}

    class Theirs(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            return {"same": x, "twice": 2 * x}
    assert compare(Ours(), Theirs(), X)


def test_on_another_device() -> None:
    ours, theirs = make(minidl).eval().to("strict"), make(torch).eval()
    assert compare(ours, theirs, X, copy_weights=True)


def test_hooks_are_taken_off_and_numbers_are_plain() -> None:
    ours, theirs = make(minidl).eval(), make(torch).eval()
    found = compare(ours, theirs, X, copy_weights=True)
    assert not theirs[0]._forward_hooks and not ours[0]._hooks.forward
    assert json.loads(json.dumps(found.to_dict()))["layers"][0]["name"] == "0"
    with pytest.raises(RuntimeError):
        compare(ours, theirs, np.ones((1, 2, 3, 4), np.float32))
    assert not theirs[0]._forward_hooks and not ours[0]._hooks.forward
