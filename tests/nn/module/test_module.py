"""How modules register, walk, save, load, move and print."""
from __future__ import annotations

import copy
import pickle
import re
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from tests import strict_array  # noqa: F401  (registers the device "strict")

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")


def net_of(nn: Any, tensor: Any) -> Any:
    """A small network of one library or the other: nested, with buffers, a shared parameter and a None."""
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(3, 3)
            self.register_buffer("scale", tensor([1.0, 2.0, 3.0]))
            self.register_buffer("scratch", tensor([0.0]), persistent=False)
            self.register_buffer("absent", None)
            self.register_parameter("nothing", None)

        def forward(self, x: Any) -> Any:
            return self.fc(x) * self.scale

        def extra_repr(self) -> str:
            return "a block"

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = Block()
            self.rest = nn.Sequential(nn.ReLU(), Block(), nn.BatchNorm1d(3))
            self.again = self.first
            self.tied = self.first.fc.weight
            self.gain = nn.Parameter(tensor([2.0]))
            self.missing = None

        def forward(self, x: Any) -> Any:
            return self.rest(self.first(x)) * self.gain

    return Net()


def net() -> Any:
    return net_of(nn, minidl.tensor)


# ---------------------------------------------------------------------- registration

def test_attributes_register() -> None:
    m = nn.Module()
    m.w, m.child, m.plain = nn.Parameter(minidl.ones(1)), nn.ReLU(), minidl.ones(1)
    m.register_buffer("b", minidl.zeros(1))
    assert list(m._parameters) == ["w"] and list(m._modules) == ["child"] and list(m._buffers) == ["b"]
    assert "plain" in vars(m) and "w" not in vars(m)
    assert {"w", "child", "b", "plain", "forward"} <= set(dir(m))
    del m.w, m.child, m.b, m.plain
    assert not (m._parameters or m._modules or m._buffers)
    with pytest.raises(AttributeError, match="'Module' object has no attribute 'w'"):
        m.w
    with pytest.raises(AttributeError):
        del m.w


def test_a_name_has_one_meaning() -> None:
    m = nn.Module()
    m.x = 1
    m.x = nn.Parameter(minidl.ones(1))
    assert "x" not in vars(m) and "x" in m._parameters
    m.x = nn.ReLU()
    assert "x" not in m._parameters and isinstance(m.x, nn.ReLU)
    m.x = None
    assert m._modules == {"x": None}


def test_buffers_are_replaced_by_assignment() -> None:
    m = nn.Module()
    m.register_buffer("b", minidl.zeros(1), persistent=False)
    new = minidl.ones(1)
    m.b = new
    assert m._buffers["b"] is new and m.state_dict() == {}
    m.register_buffer("b", new)
    assert list(m.state_dict()) == ["b"]


def buffers_of(nn: Any, tensor: Any) -> Any:
    """What a module saves while buffers are assigned, of either library."""
    m, seen = nn.Module(), []
    m.seen, m.scratch = nn.Buffer(tensor([1.0])), nn.Buffer(tensor([2.0]), persistent=False)
    seen.append((list(m.state_dict()), [name for name, _ in m.named_buffers()]))
    m.seen = nn.Buffer(tensor([3.0]), persistent=False)
    seen.append(list(m.state_dict()))
    m.scratch = nn.Buffer(tensor([4.0]))
    m.seen = tensor([5.0])
    seen.append((list(m.state_dict()), m.seen.tolist(), isinstance(m.scratch, nn.Buffer)))
    return seen


@needs_torch
def test_buffers_as_in_pytorch() -> None:
    assert buffers_of(nn, minidl.tensor) == buffers_of(torch.nn, torch.tensor)


def test_a_buffer_takes_the_name_and_shares_memory() -> None:
    data, m = minidl.ones(2), nn.Module()
    m.x = 1
    m.x = nn.Buffer(data)
    assert "x" not in vars(m) and m.x.data_ptr() == data.data_ptr() and type(m.x * 2) is minidl.Tensor
    assert nn.Buffer().shape == (0,) and nn.Buffer(minidl.ones(1, requires_grad=True)).requires_grad
    assert copy.deepcopy(m).x.tolist() == pickle.loads(pickle.dumps(m)).x.tolist() == [1.0, 1.0]


class Early(nn.Module):
    def __init__(self, value: Any) -> None:
        self.part = value


@pytest.mark.parametrize("value, what", [(nn.Parameter(minidl.ones(1)), "parameter"), (nn.ReLU(), "module")])
def test_parts_assigned_before_init(value: Any, what: str) -> None:
    with pytest.raises(AttributeError, match=re.escape(f"cannot assign {what} before Module.__init__() call")):
        Early(value)


def test_registering_before_init() -> None:
    m = nn.Module.__new__(nn.Module)
    for register, what in ((m.register_parameter, "parameter"), (m.register_buffer, "buffer"),
                           (m.add_module, "module")):
        with pytest.raises(AttributeError, match=f"cannot assign {what} before"):
            register("x", None)
    with pytest.raises(AttributeError, match="no attribute 'x'"):
        m.x


def assign(name: str, value: Any) -> Any:
    return lambda m: setattr(m, name, value)


@pytest.mark.parametrize("action, kind, text", [
    (assign("w", minidl.ones(1)), TypeError,
     "cannot assign 'minidl.Tensor' as parameter 'w' (nn.Parameter or None expected)"),
    (assign("child", 3), TypeError, "cannot assign 'int' as child module 'child' (nn.Module or None expected)"),
    (assign("b", np.ones(1)), TypeError, "cannot assign 'numpy.ndarray' as buffer 'b' (Tensor or None expected)"),
    (lambda m: m.register_parameter("v", minidl.ones(1)), TypeError,
     "cannot assign 'minidl.Tensor' object to parameter 'v' (nn.Parameter or None required)"),
    (lambda m: m.register_buffer("v", [1]), TypeError,
     "cannot assign 'list' object to buffer 'v' (Tensor or None required)"),
    (lambda m: m.add_module("v", len), TypeError, "builtin_function_or_method is not a Module subclass"),
    (lambda m: m.register_parameter(3, None), TypeError, "parameter name should be a string. Got int"),
    (lambda m: m.register_buffer("a.b", None), KeyError, "buffer name can\\'t contain \".\""),
    (lambda m: m.add_module("", None), KeyError, "module name can\\'t be empty string \"\""),
    (lambda m: m.register_parameter("forward", None), KeyError, "attribute 'forward' already exists"),
    (lambda m: m.register_buffer("w", None), KeyError, "attribute 'w' already exists"),
    (lambda m: m.add_module("b", nn.ReLU()), KeyError, "attribute 'b' already exists"),
    (lambda m: m(1), NotImplementedError, 'Module [Module] is missing the required "forward" function'),
    (lambda m: m.train("yes"), ValueError, "training mode is expected to be boolean"),
    (lambda m: m.to(minidl.int64), TypeError,
     "nn.Module.to only accepts floating point or complex dtypes, but got desired dtype=int64"),
    (lambda m: m.set_submodule("", nn.ReLU()), ValueError, "Cannot set the submodule without a target name!"),
    (lambda m: m.set_submodule("child", 3), ValueError, "`module` is not an nn.Module, found <class 'int'>"),
    (lambda m: m.set_submodule("none.x", nn.ReLU()), AttributeError, "Module has no attribute `none`"),
    (lambda m: m.set_submodule("w", nn.ReLU()), AttributeError, "`w` is not an nn.Module"),
    (lambda m: m.set_submodule("none", nn.ReLU(), strict=True), AttributeError, "Module has no attribute `none`"),
    (lambda m: nn.Buffer([1.0]), TypeError, "expected data to be a Tensor, but got list"),
    (lambda m: m.get_extra_state(), RuntimeError, "Module has no extra state"),
    (lambda m: m.set_extra_state(1), RuntimeError, "Module has no extra state"),
    (lambda m: m.get_submodule("child.x"), AttributeError, "ReLU has no attribute `x`"),
    (lambda m: m.get_submodule("w"), AttributeError, "`w` is not an nn.Module"),
    (lambda m: m.get_parameter("b"), AttributeError, "`b` is not an nn.Parameter"),
    (lambda m: m.get_buffer("w"), AttributeError, "`w` is not a buffer"),
    (lambda m: m.get_buffer("none"), AttributeError, "Module has no attribute `none`"),
    (lambda m: m.load_state_dict([1]), TypeError, "Expected state_dict to be dict-like, got <class 'list'>."),
])
def test_errors(action: Any, kind: type[Exception], text: str) -> None:
    m = nn.Module()
    m.w, m.child = nn.Parameter(minidl.ones(1)), nn.ReLU()
    m.register_buffer("b", minidl.zeros(1))
    with pytest.raises(kind) as caught:
        action(m)
    assert text in str(caught.value)


# ---------------------------------------------------------------------- walking

@needs_torch
@pytest.mark.parametrize("question", [
    lambda m: [name for name, _ in m.named_parameters()],
    lambda m: [name for name, _ in m.named_parameters(prefix="net", remove_duplicate=False)],
    lambda m: [name for name, _ in m.named_parameters(recurse=False)],
    lambda m: [name for name, _ in m.named_buffers()],
    lambda m: [name for name, _ in m.named_buffers("net", recurse=False)],
    lambda m: [(name, type(x).__name__) for name, x in m.named_modules()],
    lambda m: [(name, type(x).__name__) for name, x in m.named_modules(prefix="net", remove_duplicate=False)],
    lambda m: [(name, type(x).__name__) for name, x in m.named_children()],
    lambda m: [len(list(x)) for x in (m.parameters(), m.buffers(), m.modules(), m.children())],
    lambda m: list(m.state_dict()),
    lambda m: list(m.rest.state_dict(prefix="p.")),
    lambda m: repr(m),
    lambda m: type(m.get_submodule("rest.1.fc")).__name__ + type(m.get_submodule("")).__name__,
    lambda m: (tuple(m.get_parameter("rest.1.fc.weight").shape), m.get_buffer("first.scale").tolist()),
    lambda m: sorted(set(dir(m)) & {"first", "rest", "again", "tied", "gain", "missing", "training", "0"}),
])
def test_answers_are_pytorchs(question: Any) -> None:
    assert question(net()) == question(net_of(torch.nn, torch.tensor))


def test_shared_parameters_come_once() -> None:
    m = net()
    ids = [id(p) for p in m.parameters()]
    assert len(ids) == len(set(ids)) and id(m.tied) in ids


def test_modules_may_come_twice() -> None:
    m = net()
    assert len(list(m.modules(remove_duplicate=False))) == len(list(m.modules())) + 2     # a block, and its layer


def test_set_submodule() -> None:
    m = nn.Sequential(nn.Linear(1, 1), nn.Sequential(nn.ReLU()))
    m.set_submodule("1.0", nn.Tanh(), strict=True)
    m.set_submodule("1.more", nn.GELU())
    m.set_submodule("0", nn.Identity())
    assert repr(m) == ("Sequential(\n  (0): Identity()\n  (1): Sequential(\n    (0): Tanh()\n"
                       "    (more): GELU(approximate='none')\n  )\n)")


def test_apply_visits_inner_modules_first() -> None:
    order: list[str] = []
    m = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Tanh()))
    assert m.apply(lambda x: order.append(type(x).__name__)) is m
    assert order == ["ReLU", "Tanh", "Sequential", "Sequential"]


# ---------------------------------------------------------------------- training

def test_train_and_eval_reach_all() -> None:
    m = net()
    assert m.eval() is m and not any(x.training for x in m.modules())
    assert m.train() is m and all(x.training for x in m.modules())


def test_requires_grad_and_zero_grad() -> None:
    m = nn.Linear(2, 1)
    m(minidl.ones(3, 2)).sum().backward()
    grad = m.weight.grad
    m.zero_grad(set_to_none=False)
    assert m.weight.grad is not None and m.weight.grad.tolist() == [[0.0, 0.0]]
    assert grad.tolist() == [[0.0, 0.0]], "in place"
    m.zero_grad()
    assert m.weight.grad is None and m.bias.grad is None
    assert m.requires_grad_(False) is m and not m(minidl.ones(3, 2)).requires_grad
    m.requires_grad_()
    assert m(minidl.ones(3, 2)).requires_grad


# ---------------------------------------------------------------------- moving and casting

def test_casting_keeps_the_parameter_objects() -> None:
    m = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    m(minidl.randn(4, 3)).sum().backward()
    before = list(m.parameters())
    assert m.double() is m
    assert all(p is q for p, q in zip(before, m.parameters()))
    assert {p.dtype for p in before} | {p.grad.dtype for p in before} == {np.dtype("float64")}
    assert m[1].running_mean.dtype == np.float64 and m[1].num_batches_tracked.dtype == np.int64
    assert m.half()[0].weight.dtype == np.float16
    assert m.float()[0].weight.dtype == m.to(minidl.float32)[0].weight.dtype == np.float32
    m(minidl.randn(4, 3)).sum().backward()      # the leaves still collect
    assert m.type(minidl.float64)[1].num_batches_tracked.dtype == np.float64


def test_moving() -> None:
    m = nn.BatchNorm2d(3)
    weight = m.weight
    assert m.to("strict").weight is weight and weight.device.type == "strict" and weight.is_leaf
    assert m.running_mean.device.type == m.num_batches_tracked.device.type == "strict"
    assert m.cpu().weight.device.type == "cpu"
    assert m.to(minidl.zeros(1, dtype=minidl.float64)).weight.dtype == np.float64
    m.to("strict", minidl.float32)
    assert (m.weight.device.type, m.weight.dtype) == ("strict", np.dtype("float32"))


def test_to_empty() -> None:
    m = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    weight = m[0].weight
    m(minidl.ones(4, 2)).sum().backward()
    assert m.to_empty(device="strict") is m and m[0].weight is weight
    assert {t.device.type for t in m.state_dict().values()} == {"strict"} and weight.grad.device.type == "strict"
    m.to_empty(device="cpu", recurse=False)
    assert weight.device.type == "strict"


def test_complex_parameters() -> None:
    m = nn.BatchNorm1d(2).to(minidl.complex64)
    assert (m.weight.dtype, m.num_batches_tracked.dtype) == (np.dtype("complex64"), np.dtype("int64"))


# ---------------------------------------------------------------------- saving and loading

class Counting(nn.Module):
    """A state beside tensors."""

    def __init__(self, count: int = 0) -> None:
        super().__init__()
        self.count = count
        self.w = nn.Parameter(minidl.ones(1))

    def get_extra_state(self) -> Any:
        return {"count": self.count}

    def set_extra_state(self, state: Any) -> None:
        self.count = state["count"]


def test_extra_state() -> None:
    m, other = nn.Sequential(Counting(3)), nn.Sequential(Counting())
    assert list(m.state_dict()) == ["0.w", "0._extra_state"]
    assert repr(other.load_state_dict(m.state_dict())) == "<All keys matched successfully>" and other[0].count == 3
    assert other.load_state_dict({}, strict=False).missing_keys == ["0.w", "0._extra_state"]
    with pytest.raises(RuntimeError, match='Missing key\\(s\\) in state_dict: "0._extra_state"'):
        other.load_state_dict({"0.w": minidl.ones(1)})
    with pytest.raises(RuntimeError, match='Unexpected key\\(s\\) in state_dict: "_extra_state"'):
        nn.Linear(1, 1).load_state_dict({**nn.Linear(1, 1).state_dict(), "_extra_state": 1})


@needs_torch
def test_versions_are_pytorchs() -> None:
    def versions(nn: Any) -> Any:
        m = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1), nn.Sequential(nn.InstanceNorm1d(1), nn.ReLU()))
        state = pickle.loads(pickle.dumps(m.state_dict()))
        return {path: version["version"] for path, version in state._metadata.items()}
    assert versions(nn) == versions(torch.nn)


def test_a_state_from_before_batches_were_counted() -> None:
    m = nn.Sequential(nn.BatchNorm1d(2))
    m(minidl.randn(4, 2))
    state = m.state_dict()
    old = {name: value for name, value in state.items() if "tracked" not in name}      # without versions
    assert repr(m.load_state_dict(old)) == "<All keys matched successfully>" and m[0].num_batches_tracked.item() == 1
    del state["0.num_batches_tracked"]
    with pytest.raises(RuntimeError, match='Missing key\\(s\\) in state_dict: "0.num_batches_tracked"'):
        m.load_state_dict(state)


def test_hooks_are_told_the_version() -> None:
    m, seen = nn.BatchNorm1d(1), []
    m.register_state_dict_post_hook(lambda module, state, prefix, metadata: seen.append(metadata))
    m.register_load_state_dict_pre_hook(lambda module, state, prefix, metadata, *rest: seen.append(metadata))
    m.load_state_dict(m.state_dict())
    assert seen == [{"version": 2}, {"version": 2}]


def test_state_dict_shares_memory_without_history() -> None:
    m = nn.Linear(2, 2)
    state = m.state_dict()
    assert type(state) is OrderedDict and not state["weight"].requires_grad
    assert state["weight"].data_ptr() == m.weight.data_ptr()
    assert m.state_dict(keep_vars=True)["weight"] is m.weight


def test_loading_copies_and_casts() -> None:
    m = nn.Linear(2, 1)
    weight, values = m.weight, np.array([[3.0, 4.0]])
    result = m.load_state_dict({"weight": minidl.tensor(values), "bias": np.array([5.0])})
    assert repr(result) == str(result) == "<All keys matched successfully>"
    assert result.missing_keys == [] and result.unexpected_keys == []
    assert m.weight is weight and weight.dtype == np.float32 and weight.requires_grad
    assert weight.tolist() == [[3.0, 4.0]] and m.bias.tolist() == [5.0]
    values[:] = 0
    assert weight.tolist() == [[3.0, 4.0]]


def test_loading_bumps_the_version() -> None:
    m = nn.Linear(2, 1)
    x = minidl.ones(1, 2, requires_grad=True)
    y = m(x).sum()
    m.load_state_dict(m.state_dict())
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_assign_takes_the_tensors_themselves() -> None:
    m = nn.BatchNorm1d(2)
    m.weight.requires_grad_(False)
    state = {name: value.clone().double() if value.is_floating_point() else value
             for name, value in m.state_dict().items()}
    m.load_state_dict(state, assign=True)
    assert type(m.weight) is nn.Parameter and not m.weight.requires_grad and m.bias.requires_grad
    assert m.weight.data_ptr() == state["weight"].data_ptr() and m.weight.dtype == np.float64
    assert m.running_mean is state["running_mean"]
    state["weight"] = nn.Parameter(state["weight"])
    m.load_state_dict(state, assign=True)
    assert m.weight is state["weight"] and not m.weight.requires_grad


def faulty(state: Any, tensor: Any) -> Any:
    """Keys missing, keys too many, shapes wrong."""
    for key in ("gain", "rest.1.fc.weight"):
        del state[key]
    state["first.fc.weight"] = tensor([[1.0, 2.0]])
    state["again.fc.weight"] = tensor([[1.0, 2.0]])
    state["rest.1.scale"] = tensor(3.0)
    state["extra"] = tensor([0.0])
    return state


def test_a_load_that_fails_changes_nothing() -> None:
    m = net()
    before = {name: value.clone() for name, value in m.state_dict().items()}
    state = faulty({name: value + 1 for name, value in before.items()}, minidl.tensor)
    with pytest.raises(RuntimeError):
        m.load_state_dict(state)
    for name, value in m.state_dict().items():
        assert value.equal(before[name]), name


@needs_torch
@pytest.mark.parametrize("strict", [True, False])
def test_the_error_of_loading_is_pytorchs(strict: bool) -> None:
    m, other = net(), net_of(torch.nn, torch.tensor)
    with pytest.raises(RuntimeError) as ours:
        m.load_state_dict(faulty(m.state_dict(), minidl.tensor), strict=strict)
    with pytest.raises(RuntimeError) as theirs:
        other.load_state_dict(faulty(other.state_dict(), torch.tensor), strict=strict)

    def as_tuple(size: re.Match[str]) -> str:
        return str(tuple(map(int, filter(None, size[1].split(", ")))))
    assert str(ours.value) == re.sub(r"torch\.Size\(\[(.*?)\]\)", as_tuple, str(theirs.value))


def test_the_error_of_loading() -> None:
    m = nn.Sequential(OrderedDict(fc=nn.Linear(5, 4), out=nn.Linear(4, 1, bias=False)))
    with pytest.raises(RuntimeError) as caught:
        m.load_state_dict({"fc.weight": minidl.ones(4, 6), "fc.bias": 3, "head.weight": minidl.ones(1)})
    assert str(caught.value) == (
        'Error(s) in loading state_dict for Sequential:\n'
        '\tMissing key(s) in state_dict: "out.weight". \n'
        '\tUnexpected key(s) in state_dict: "head.weight". \n'
        '\tsize mismatch for fc.weight: copying a param with shape (4, 6) from checkpoint, '
        'the shape in current model is (4, 5).\n'
        '\tWhile copying the parameter named "fc.bias", expected Tensor or Tensor-like object from checkpoint '
        "but received <class 'int'>")


def test_not_strict() -> None:
    m = nn.Linear(2, 1)
    result = m.load_state_dict({"bias": minidl.tensor([7.0]), "other": minidl.ones(1)}, strict=False)
    assert result == (["weight"], ["other"]) and m.bias.tolist() == [7.0]
    assert repr(result) == "_IncompatibleKeys(missing_keys=['weight'], unexpected_keys=['other'])"


@needs_torch
def test_weights_move_both_ways() -> None:
    m, other = net(), net_of(torch.nn, torch.tensor)
    other.load_state_dict({name: torch.tensor(value.numpy()) for name, value in m.state_dict().items()})
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    np.testing.assert_allclose(m(minidl.tensor(x)).detach().numpy(), other(torch.tensor(x)).detach().numpy(),
                               rtol=1e-4, atol=1e-5)
    back = net()
    back.load_state_dict({name: value.numpy() for name, value in other.state_dict().items()})
    assert all(p.equal(q) for p, q in zip(back.parameters(), m.parameters()))


# ---------------------------------------------------------------------- copies

class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(2, 2)
        self.b = nn.Linear(2, 2)
        self.b.weight = self.a.weight
        self.register_buffer("scratch", minidl.ones(1), persistent=False)


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
def test_copies_keep_what_is_shared(twin: Any) -> None:
    m = Tied().eval()
    m.a.bias.requires_grad_(False)
    other = twin(m)
    assert other.a.weight is other.b.weight and other.a.weight is not m.a.weight
    assert not other.training and not other.a.bias.requires_grad
    assert list(other.state_dict()) == list(m.state_dict()) and other.scratch.tolist() == [1.0]


# ---------------------------------------------------------------------- printing

def test_repr_nests() -> None:
    class Lines(nn.Module):
        def extra_repr(self) -> str:
            return "one\ntwo"
    m = nn.Sequential(OrderedDict(a=nn.Sequential(nn.Linear(1, 2), Lines()), b=nn.Identity()))
    assert repr(m) == """Sequential(
  (a): Sequential(
    (0): Linear(in_features=1, out_features=2, bias=True)
    (1): Lines(
      one
      two
    )
  )
  (b): Identity()
)"""


def program_of_classes_that_load_by_themselves(lib: Any) -> list[Any]:
    """What is loaded, and said, where classes override the steps of saving and loading."""
    nn = lib.nn

    class Frozen(nn.Module):        # as in DETR: takes the state of a batch norm
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("weight", lib.zeros(3))

        def _load_from_state_dict(self, state: Any, prefix: str, *args: Any) -> None:
            for name in ("bias", "running_mean", "running_var", "num_batches_tracked"):
                state.pop(prefix + name, None)
            super()._load_from_state_dict(state, prefix, *args)

    class Own(nn.Module):           # does all by itself
        def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
            super()._save_to_state_dict(destination, prefix, keep_vars)
            destination[prefix + "value"] = lib.ones(1)

        def _load_from_state_dict(self, state: Any, prefix: str, *args: Any) -> None:
            self.value = state[prefix + "value"].item()

    class Forgiving(nn.Linear):     # changes what is said
        def _load_from_state_dict(self, state: Any, prefix: str, metadata: Any, strict: bool, missing: Any,
                                  *args: Any) -> None:
            super()._load_from_state_dict(state, prefix, metadata, strict, missing, *args)
            missing[:] = [key for key in missing if not key.endswith("bias")]

    net = nn.Sequential(Frozen(), Own(), Forgiving(2, 2))
    state = nn.Sequential(nn.BatchNorm1d(3), Own(), nn.Linear(2, 2)).state_dict()
    del state["2.bias"]
    found: list[Any] = [list(net.state_dict()), str(net.load_state_dict(state)), net[0].weight.tolist(), net[1].value]
    found.append(net[2].weight.tolist() == state["2.weight"].tolist())
    try:
        net.load_state_dict({**state, "2.more": lib.ones(1)})
    except RuntimeError as error:
        found.append(str(error).strip())
    layer = nn.Linear(2, 2)
    said: tuple[Any, ...] = ([], [], [])
    layer._load_from_state_dict({"a.weight": lib.ones(2, 2), "a.bias": lib.ones(2)}, "a.", {}, True, *said)
    return [*found, layer.weight.tolist(), said]


def test_classes_may_load_by_themselves() -> None:
    keys, said, weight, value, same, refusal, ones, errors = program_of_classes_that_load_by_themselves(minidl)
    assert keys == ["0.weight", "1.value", "2.weight", "2.bias"] and said == "<All keys matched successfully>"
    assert weight == [1.0] * 3 and value == 1.0 and same and 'Unexpected key(s) in state_dict: "2.more".' in refusal
    assert ones == [[1.0, 1.0]] * 2 and errors == ([], [], [])
    if torch is not None:
        assert program_of_classes_that_load_by_themselves(torch) == [
            keys, said, weight, value, same, refusal, ones, errors]


def test_a_state_dict_takes_its_arguments_by_position() -> None:
    found: dict[str, Any] = OrderedDict()
    assert nn.Linear(1, 1).state_dict(found, "a.") is found and list(found) == ["a.weight", "a.bias"]
