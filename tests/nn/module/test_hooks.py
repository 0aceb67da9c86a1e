"""Hooks around forward and on gradients; PyTorch, where installed, as the oracle of what they see."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")


class Add(nn.Module):
    def forward(self, x: Any, other: Any = 1.0) -> Any:
        return x + other


def values(gradients: Any) -> list[Any]:
    return [None if g is None else g.tolist() for g in gradients]


def test_forward_hooks_see_and_replace() -> None:
    m, x = Add(), minidl.ones(1)
    seen = []
    pre = m.register_forward_pre_hook(lambda module, args: (args[0] * 10,))
    post = m.register_forward_hook(lambda module, args, output: seen.append((module, args[0].item(), output.item())))
    last = m.register_forward_hook(lambda module, args, output: output * 2)
    assert m(x).item() == 22 and seen == [(m, 10.0, 11.0)]
    pre.remove()
    pre.remove()
    assert m(x).item() == 4
    post.remove()
    last.remove()
    assert m(x).item() == 2 and len(seen) == 2


def test_a_pre_hook_may_return_one_value() -> None:
    m = Add()
    with m.register_forward_pre_hook(lambda module, args: args[0] * 3):
        assert m(minidl.ones(1)).item() == 4
    assert m(minidl.ones(1)).item() == 2


def test_with_kwargs() -> None:
    m, seen = Add(), []
    m.register_forward_pre_hook(lambda module, args, kwargs: (args, {"other": kwargs["other"] + 1}), with_kwargs=True)
    m.register_forward_hook(lambda module, args, kwargs, output: seen.append(kwargs), with_kwargs=True)
    assert m(minidl.ones(1), other=2.0).item() == 4 and seen == [{"other": 3.0}]
    bad = Add()
    bad.register_forward_pre_hook(lambda module, args, kwargs: 3, with_kwargs=True)
    with pytest.raises(RuntimeError, match="forward pre-hook must return None or a tuple of"):
        bad(minidl.ones(1))


def test_order_and_prepend() -> None:
    m, order = Add(), []
    for name, prepend in (("b", False), ("c", False), ("a", True)):
        m.register_forward_pre_hook(lambda module, args, name=name: order.append(name), prepend=prepend)
        m.register_forward_hook(lambda module, args, out, name=name: order.append(name.upper()), prepend=prepend)
    m(minidl.ones(1))
    assert order == ["a", "b", "c", "A", "B", "C"]


def test_a_hook_may_remove_itself() -> None:
    m, seen = Add(), []
    handle = m.register_forward_hook(lambda *_: (seen.append(1), handle.remove())[0])
    m.register_forward_hook(lambda *_: seen.append(2))
    m(minidl.ones(1))
    m(minidl.ones(1))
    assert seen == [1, 2, 2]


def test_always_called() -> None:
    class Fails(nn.Module):
        def forward(self, x: Any) -> Any:
            raise ValueError("no")
    m, seen = Fails(), []
    m.register_forward_hook(lambda module, args, output: seen.append("not this"))
    m.register_forward_hook(lambda module, args, output: seen.append(output), always_call=True)
    with pytest.raises(ValueError, match="no"):
        m(minidl.ones(1))
    assert seen == [None]
    m.register_forward_hook(lambda module, args, output: 1 / 0, always_call=True)
    with pytest.raises(ValueError, match="no"), pytest.warns(UserWarning, match="silenced .* division by zero"):
        m(minidl.ones(1))


def test_always_called_after_a_hook_that_fails() -> None:
    m, seen = Add(), []
    m.register_forward_hook(lambda module, args, output: seen.append("first"), always_call=True)
    m.register_forward_hook(lambda module, args, output: 1 / 0)
    m.register_forward_hook(lambda module, args, output: seen.append(output.item()), always_call=True)
    with pytest.raises(ZeroDivisionError):
        m(minidl.ones(1))
    assert seen == ["first", 2.0]


# ---------------------------------------------------------------------- on all modules

def global_scene(nn: Any, module: Any, tensor: Any) -> Any:
    """What global hooks see, beside those of one module, of either library."""
    log: list[Any] = []

    def note(what: str, result: Any = None) -> Any:
        return lambda m, *rest: (log.append((what, type(m).__name__)), result and result(*rest))[1]
    handles = [module.register_module_forward_pre_hook(note("pre")),
               module.register_module_forward_hook(note("post", lambda args, output: output * 2)),
               module.register_module_forward_hook(note("kwargs"), with_kwargs=True),
               module.register_module_full_backward_pre_hook(note("backward pre")),
               module.register_module_full_backward_hook(note("backward"))]
    m = nn.Sequential(nn.ReLU(), nn.Tanh())
    m[0].register_forward_pre_hook(note("own pre"))
    m[0].register_forward_hook(note("own post"))
    m[0].register_full_backward_pre_hook(note("own backward pre"))
    m[0].register_full_backward_hook(note("own backward"))
    x = tensor([0.5], requires_grad=True)
    y = m(x)
    y.backward()
    for handle in handles:
        handle.remove()
    m[1](x)
    return log, round(y.item(), 5), round(x.grad.item(), 5)


@needs_torch
def test_global_hooks_as_in_pytorch() -> None:
    ours = global_scene(nn, nn.modules.module, minidl.tensor)
    assert ours == global_scene(torch.nn, torch.nn.modules.module, torch.tensor) and len(ours[0]) == 19


def registration_scene(nn: Any, module: Any, tensor: Any) -> Any:
    log: list[Any] = []

    def note(m: Any, name: str, value: Any) -> None:
        log.append((type(m).__name__, name, type(value).__name__ == "NoneType"))
    handles = [module.register_module_parameter_registration_hook(note),
               module.register_module_buffer_registration_hook(note),
               module.register_module_module_registration_hook(note)]
    m = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1))
    m[1].running_mean = tensor([1.0])
    m[0].weight = nn.Parameter(tensor([[1.0]]))
    m.more = nn.ReLU()
    for handle in handles:
        handle.remove()
    m.rest = nn.ReLU()
    return log


@needs_torch
def test_registration_hooks_as_in_pytorch() -> None:
    ours = registration_scene(nn, nn.modules.module, minidl.tensor)
    assert ours == registration_scene(torch.nn, torch.nn.modules.module, torch.tensor)


def test_a_registration_hook_may_replace() -> None:
    with nn.modules.module.register_module_module_registration_hook(lambda m, name, child: nn.Tanh()):
        m = nn.Sequential(nn.ReLU())
    assert isinstance(m[0], nn.Tanh) and isinstance(nn.Sequential(nn.ReLU())[0], nn.ReLU)


# ---------------------------------------------------------------------- gradients

def test_backward_hooks_by_hand() -> None:
    m = nn.Linear(2, 1, bias=False)
    nn.init.constant_(m.weight, 3.0)
    seen: list[Any] = []
    m.register_full_backward_pre_hook(lambda module, grad_output: seen.append(values(grad_output)))
    m.register_full_backward_hook(lambda module, gi, go: seen.append((values(gi), values(go))))
    x = minidl.ones(1, 2, requires_grad=True)
    (m(x) * 5).backward()
    assert seen == [[[[5.0]]], ([[[15.0, 15.0]]], [[[5.0]]])]
    assert x.grad.tolist() == [[15.0, 15.0]] and m.weight.grad.tolist() == [[5.0, 5.0]]


def test_an_input_without_gradient() -> None:
    """The hook runs when the gradients of the outputs arrive, and has nothing to replace."""
    m = nn.Linear(2, 1, bias=False)
    seen: list[Any] = []
    m.register_full_backward_hook(lambda module, gi, go: seen.append((values(gi), values(go))))
    handle = m.register_full_backward_hook(lambda module, gi, go: (None,))
    m(minidl.ones(1, 2)).sum().backward()
    assert seen == [([None], [[[1.0]]])] and m.weight.grad.tolist() == [[1.0, 1.0]]
    handle.remove()
    m.register_full_backward_hook(lambda module, gi, go: go)
    with pytest.raises(RuntimeError, match="no input requires gradient should always return None"):
        m(minidl.ones(1, 2)).sum().backward()


def scene(nn: Any, tensor: Any, log: list[Any]) -> list[Any]:
    """Modules with several inputs and outputs, inputs that need no gradient, hooks that replace."""
    class Swap(nn.Module):
        def forward(self, a: Any, flag: Any, b: Any) -> Any:
            return b * 2, a * 3, "text"

    first, swap, last = nn.Linear(2, 2), Swap(), nn.ReLU()
    for p in first.parameters():
        p.requires_grad_(True)
        with_values(p)
    first.register_full_backward_hook(lambda m, gi, go: log.append(("first", values(gi), values(go))))
    swap.register_full_backward_pre_hook(lambda m, go: (go[0] * 10, go[1], go[2]))
    swap.register_full_backward_hook(lambda m, gi, go: log.append(("swap", values(gi), values(go))))
    swap.register_full_backward_hook(lambda m, gi, go: (gi[0] + 1, gi[1], None if gi[2] is None else gi[2] * 0.5))
    last.register_full_backward_hook(lambda m, gi, go: log.append(("last", values(gi), values(go))))
    x, y = tensor([[1.0, 2.0]]), tensor([[3.0, 4.0]], requires_grad=True)
    a, b, _ = swap(first(x), "flag", y)
    (last(a * 1) * b).sum().backward()
    return [y.grad.tolist(), first.weight.grad.tolist(), first.bias.grad.tolist()]


def with_values(p: Any) -> None:
    count = p.numel()
    if torch is not None and isinstance(p, torch.Tensor):
        p.data = torch.arange(1.0, count + 1).reshape(p.shape)
    else:
        p.data = minidl.arange(1.0, count + 1).reshape(p.shape)


@needs_torch
@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
def test_backward_hooks_see_what_pytorchs_see() -> None:
    ours: list[Any] = []
    theirs: list[Any] = []
    assert scene(nn, minidl.tensor, ours) == scene(torch.nn, torch.tensor, theirs)
    assert ours == theirs and [name for name, *_ in ours] == ["last", "swap", "first"]


def test_hooks_do_not_change_gradients_of_in_place_layers() -> None:
    """A layer that writes into a hooked output: right, or an error."""
    x = minidl.randn(3, 4, dtype=minidl.float64, requires_grad=True)
    def gradient(hooked: bool) -> Any:
        m = nn.Sequential(nn.Linear(4, 4).double(), nn.ReLU(inplace=True), nn.Linear(4, 2).double())
        for p in m.parameters():
            nn.init.constant_(p, 0.3)
        if hooked:
            for layer in m:
                layer.register_full_backward_hook(lambda *_: None)
        return minidl.autograd.grad(m(x).sum(), x)[0]
    assert gradient(True).equal(gradient(False))

    class Exp(nn.Module):
        def forward(self, x: Any) -> Any:
            return x.exp()   # keeps its output
    m = nn.Sequential(Exp(), nn.ReLU(inplace=True))
    m[0].register_full_backward_hook(lambda *_: None)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        m(x).sum().backward()


def test_an_in_place_layer_cannot_reach_a_leaf_through_its_hook() -> None:
    m = nn.ReLU(inplace=True)
    m.register_full_backward_hook(lambda *_: None)
    with pytest.raises(RuntimeError, match="a leaf Variable"):
        m(minidl.ones(2, requires_grad=True))


def test_second_derivatives_pass_hooks() -> None:
    m, seen = Add(), []
    m.register_full_backward_hook(lambda module, gi, go: seen.append(gi[0].requires_grad))
    x = minidl.tensor(3.0, requires_grad=True)
    g, = minidl.autograd.grad(m(x) ** 3, x, create_graph=True)
    assert minidl.autograd.grad(g, x)[0].item() == 6 * 4 and seen[0] is True


def test_no_gradient_no_hook() -> None:
    m, seen = Add(), []
    m.register_full_backward_hook(lambda *_: seen.append(1))
    with minidl.no_grad():
        m(minidl.ones(1, requires_grad=True))
    assert not m(minidl.ones(1)).requires_grad and not seen


def test_a_wrong_number_of_gradients() -> None:
    m = Add()
    m.register_full_backward_hook(lambda module, gi, go: (gi[0], gi[0]))
    with pytest.raises(RuntimeError, match="invalid number of grad_input, got 2, but expected 1"):
        m(minidl.ones(1, requires_grad=True)).backward()


# ---------------------------------------------------------------------- state_dict

def test_state_dict_hooks() -> None:
    m, seen = nn.Sequential(nn.Linear(1, 1, bias=False)), []
    m[0].register_state_dict_pre_hook(lambda module, prefix, keep_vars: seen.append((prefix, keep_vars)))
    m[0].register_state_dict_post_hook(
        lambda module, state, prefix, metadata: state.update({prefix + "note": minidl.ones(1)}))
    assert list(m.state_dict()) == ["0.weight", "0.note"] and seen == [("0.", False)]


def test_old_keys_can_be_renamed() -> None:
    m, seen = nn.Sequential(nn.Linear(1, 1, bias=False)), []

    def rename(module: Any, state: Any, prefix: str, *rest: Any) -> None:
        state[prefix + "weight"] = state.pop(prefix + "w")
    m[0].register_load_state_dict_pre_hook(rename)
    m[0].register_load_state_dict_post_hook(lambda module, keys: seen.append(keys))
    old = {"0.w": np.array([[5.0]])}
    result = m.load_state_dict(old)
    assert m[0].weight.item() == 5 and seen == [result] and list(old) == ["0.w"]


@pytest.mark.parametrize("with_module", [False, True])
def test_the_older_name_of_the_hook_before_loading(with_module: bool) -> None:
    model, seen = nn.Linear(2, 1), []
    handle = model._register_load_state_dict_pre_hook(lambda *args: seen.append(args), with_module=with_module)
    model.load_state_dict(model.state_dict())
    assert len(seen[0]) == 7 + with_module and (seen[0][0] is model) is with_module
    handle.remove()
    model.load_state_dict(model.state_dict())
    assert len(seen) == 1


def test_the_tables_of_hooks_that_libraries_look_into():
    """PyTorch's half-public names: they count the hooks, and remove them."""
    layer, calls = nn.Linear(1, 1), []
    assert not layer._forward_hooks and not layer._backward_hooks and len(layer._forward_pre_hooks) == 0

    def hook(module, args, output):
        calls.append("first")

    layer.register_forward_hook(hook)
    second = layer.register_forward_hook(lambda *args: calls.append("second"))
    layer.register_full_backward_hook(lambda *args: None)
    assert len(layer._forward_hooks) == 2 and len(layer._backward_hooks) == 1 and not layer._backward_pre_hooks
    assert next(iter(layer._forward_hooks.values())) is hook
    del layer._forward_hooks[next(iter(layer._forward_hooks))]
    layer(minidl.ones(1, 1))
    assert calls == ["second"]
    second.remove()
    assert not layer._forward_hooks
    layer._backward_hooks.clear()
    assert not layer._backward_hooks
    with pytest.raises(TypeError, match="registered by register_forward_hook"):
        layer._forward_hooks[0] = hook
