"""The Optimizer base class: groups, hooks, closures, versions, saving."""
from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import optim
from minidl.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook, required


def leaf(*values: float) -> Any:
    return minidl.tensor(list(values), requires_grad=True)


def with_grad(*values: float) -> Any:
    p = leaf(*values)
    p.grad = minidl.ones(len(values))
    return p


class TestParams:
    @pytest.mark.parametrize("params, error, text", [
        (lambda p: [], ValueError, "optimizer got an empty parameter list"),
        (lambda p: p, TypeError, "should be an iterable of Tensors or dicts, but got Tensor"),
        (lambda p: 5, TypeError, "iterable of Tensors or dicts, but got int"),
        (lambda p: [5], TypeError, "can only optimize Tensors, but one of the params is int"),
        (lambda p: [p * 2], ValueError, "can't optimize a non-leaf Tensor"),
        (lambda p: [{"params": {p}}], TypeError, "ordered collections"),
        (lambda p: [{"params": [p]}, {"params": [p]}], ValueError, "more than one parameter group"),
        (lambda p: [("a", p), leaf(1.0)], ValueError, "all optimizer params should be with/without names"),
        (lambda p: [{"lr": 1.0}], KeyError, "params"),
    ])
    def test_refused(self, params: Any, error: type[Exception], text: str) -> None:
        with pytest.raises(error, match=text):
            optim.SGD(params(leaf(1.0)), lr=0.1)

    def test_duplicates_in_a_group_warn(self) -> None:
        p = leaf(1.0)
        with pytest.warns(UserWarning, match="duplicate parameters"):
            optim.SGD([p, p], lr=0.1)

    def test_add_param_group_refuses_what_is_no_dict(self) -> None:
        with pytest.raises(TypeError, match="param_group must be a dict, but got <class 'list'>"):
            optim.SGD([leaf(1.0)]).add_param_group([leaf(1.0)])

    def test_a_refused_group_is_not_added(self) -> None:
        optimizer = optim.SGD([leaf(1.0)])
        with pytest.raises(ValueError, match="Invalid learning rate: -1"):
            optimizer.add_param_group({"params": leaf(1.0), "lr": -1})
        assert len(optimizer.param_groups) == 1

    def test_generators_and_names(self) -> None:
        optimizer = optim.SGD((("a", p) for p in [leaf(1.0)]), lr=0.1)
        assert optimizer.param_groups[0]["param_names"] == ["a"]
        assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["a"]

    def test_what_is_given_stands_first_in_a_group(self) -> None:
        assert list(optim.SGD([leaf(1.0)]).param_groups[0])[:2] == ["params", "lr"]
        assert list(optim.SGD([("a", leaf(1.0))]).param_groups[0])[:3] == ["params", "param_names", "lr"]
        group, = optim.SGD([{"weight_decay": 1.0, "params": [leaf(1.0)]}], lr=0.1).param_groups
        assert list(group)[:4] == ["weight_decay", "params", "lr", "momentum"]

    def test_names_that_a_group_has_already_count(self) -> None:
        named = optim.SGD([{"params": [("a", leaf(1.0))]}, {"params": [("b", leaf(1.0))]}]).param_groups
        again = optim.Adam([dict(group) for group in named])
        assert [group["param_names"] for group in again.param_groups] == [["a"], ["b"]]
        with pytest.raises(ValueError, match="cannot add param group without names"):
            again.add_param_group({"params": [leaf(1.0)]})

    def test_groups_have_their_own_options(self) -> None:
        a, b, c = with_grad(1.0), with_grad(1.0), with_grad(1.0)
        optimizer = optim.SGD([{"params": [a], "lr": 0.5}, {"params": b}], lr=0.25)
        optimizer.add_param_group({"params": [c], "weight_decay": 1.0})
        optimizer.step()
        assert [a.item(), b.item(), c.item()] == [0.5, 0.75, 0.5]

    def test_the_callers_dict_is_left_alone(self) -> None:
        group = {"params": [leaf(1.0)]}
        optim.SGD([group], lr=0.1)
        assert set(group) == {"params"}

    def test_a_tensor_of_several_elements_is_no_rate(self) -> None:
        with pytest.raises(ValueError, match=r"Tensor lr must be 1-element, but got shape \(2,\)"):
            optim.SGD([leaf(1.0)], lr=minidl.ones(2))  # type: ignore[arg-type]

    @pytest.mark.parametrize("wrong", ["0.1", None, [0.1]], ids=["str", "None", "list"])
    @pytest.mark.parametrize("name", [name for name in optim.__all__ if isinstance(getattr(optim, name), type)
                                      and name != "Optimizer"])
    def test_a_rate_that_is_no_number(self, name: str, wrong: Any) -> None:
        algorithm = getattr(optim, name)
        with pytest.raises(TypeError, match=rf"{name}: lr must be a number or a Tensor of one element, but got .*"
                                            rf"\({type(wrong).__name__}\)"):
            algorithm([leaf(1.0)], lr=wrong)
        with pytest.raises(TypeError, match=f"{name}: lr must be a number"):
            algorithm([{"params": [leaf(1.0)], "lr": wrong}])

    def test_betas_may_be_tensors(self) -> None:
        betas = minidl.tensor(0.5), minidl.tensor(0.25)
        p, q = with_grad(1.0), with_grad(1.0)
        first, second = optim.Adam([p], betas=betas), optim.Adam([q], betas=(0.5, 0.25))
        first.step()
        second.step()
        assert first.param_groups[0]["betas"][0] is betas[0] and p.item() == q.item()

    @pytest.mark.parametrize("cls", [optim.Adam, optim.AdamW])
    def test_tensors_that_adam_refuses(self, cls: Any) -> None:
        half = minidl.tensor(0.5)
        text = "as a Tensor is not supported for capturable=False and foreach=True"
        with pytest.raises(ValueError, match="lr " + text):
            cls([leaf(1.0)], lr=half, foreach=True)
        with pytest.raises(ValueError, match=r"betas\[0\] " + text):
            cls([leaf(1.0)], betas=(half, half), foreach=True)
        with pytest.raises(ValueError, match="betas must be either both floats or both Tensors"):
            cls([leaf(1.0)], betas=(half, 0.5))
        with pytest.raises(ValueError, match=r"Tensor betas\[1\] must be 1-element"):
            cls([leaf(1.0)], betas=(half, minidl.ones(2)))
        cls([leaf(1.0)], lr=half, foreach=True, capturable=True)

    @pytest.mark.parametrize("cls", [optim.Adam, optim.AdamW, optim.SGD, optim.Adagrad])
    def test_implementations_that_exclude_each_other(self, cls: Any) -> None:
        with pytest.raises(RuntimeError, match="`fused` and `foreach` cannot be `True` together."):
            cls([leaf(1.0)], fused=True, foreach=True)
        with pytest.raises(RuntimeError, match="`fused` does not support `differentiable`"):
            cls([leaf(1.0)], fused=True, differentiable=True)

    def test_groups_all_have_names_or_none(self) -> None:
        with pytest.raises(ValueError, match="cannot add param group without names to the optimizer"):
            optim.SGD([("a", leaf(1.0))]).add_param_group({"params": leaf(1.0)})
        with pytest.raises(ValueError, match="cannot add param group with names to the optimizer"):
            optim.SGD([leaf(1.0)]).add_param_group({"params": [("a", leaf(1.0))]})

    def test_a_required_hyperparameter(self) -> None:
        class Own(optim.Optimizer):
            def __init__(self, params: Any, lr: Any = required) -> None:
                super().__init__(params, {"lr": lr})

        assert Own([leaf(1.0)], lr=0.1).param_groups[0]["lr"] == 0.1
        with pytest.raises(ValueError, match="didn't specify a value of required optimization parameter lr"):
            Own([leaf(1.0)])

    def test_a_tensor_that_retains_its_gradient(self) -> None:
        w = leaf(1.0)
        p = w * 2
        p.retain_grad()
        optim.SGD([p])

    def test_lr_may_be_a_tensor_of_one_element(self) -> None:
        p = with_grad(1.0)
        optimizer = optim.SGD([p], lr=minidl.tensor(0.5))
        optimizer.step()
        assert p.item() == 0.5


class TestStep:
    def test_without_grad_nothing_happens(self) -> None:
        p, q = leaf(1.0), with_grad(1.0)
        optimizer = optim.Adam([p, q], lr=0.5)
        optimizer.step()
        assert p.item() == 1.0 and q.item() != 1.0 and p not in optimizer.state

    def test_closure(self) -> None:
        p = leaf(3.0)
        optimizer = optim.SGD([p], lr=0.25)

        def closure() -> Any:
            optimizer.zero_grad()
            loss = (p * p).sum()
            loss.backward()
            return loss

        with minidl.no_grad():
            assert optimizer.step(closure).item() == 9.0
        assert p.item() == 1.5

    def test_hooks(self) -> None:
        seen: list[Any] = []
        optimizer = optim.SGD([with_grad(1.0)])

        def pre(opt: Any, args: Any, kwargs: Any) -> Any:
            seen.append(("pre", opt is optimizer, args, kwargs))
            return (lambda: "loss",), {}

        before = optimizer.register_step_pre_hook(pre)
        optimizer.register_step_post_hook(lambda opt, args, kwargs: seen.append(("post", args[0]())))
        assert optimizer.step(None) == "loss"
        assert seen == [("pre", True, (None,), {}), ("post", "loss")]
        before.remove()
        seen.clear()
        optimizer.register_step_post_hook(lambda opt, args, kwargs: seen.clear())
        with pytest.raises(IndexError):
            optimizer.step()        # the first post hook finds no closure
        assert seen == []

    def test_hooks_run_around_an_overridden_step(self) -> None:
        class Own(optim.Optimizer):
            def step(self, closure: Any = None) -> str:
                return "own"

        seen: list[str] = []
        optimizer = Own([leaf(1.0)], {})
        optimizer.register_step_post_hook(lambda *args: seen.append("post"))
        assert optimizer.step() == "own" and seen == ["post"]

    def test_hooks_of_all_optimizers(self) -> None:
        seen: list[Any] = []
        first, second = optim.SGD([with_grad(1.0)]), optim.Adam([with_grad(1.0)])
        first.register_step_pre_hook(lambda *args: seen.append("own pre"))
        first.register_step_post_hook(lambda *args: seen.append("own post"))
        with register_optimizer_step_pre_hook(lambda *args: seen.append("pre")), \
                register_optimizer_step_post_hook(lambda *args: seen.append("post")):
            first.step()
            second.step()
        second.step()
        assert seen == ["pre", "own pre", "own post", "post", "pre", "post"]

    def test_a_hook_that_returns_something_else(self) -> None:
        optimizer = optim.SGD([with_grad(1.0)])
        optimizer.register_step_pre_hook(lambda *args: 5)
        with pytest.raises(RuntimeError, match=r"must return None or a tuple of \(new_args, new_kwargs\), but got 5"):
            optimizer.step()

    def test_an_optimizer_must_define_update(self) -> None:
        with pytest.raises(NotImplementedError, match="update"):
            optim.Optimizer([with_grad(1.0)], {}).step()

    def test_a_stale_graph_raises(self) -> None:
        p = leaf(2.0)
        p.grad = minidl.ones(1)
        loss = (p * p).sum()
        optim.SGD([p], lr=0.1).step()
        with pytest.raises(RuntimeError, match="SGD.step"):
            loss.backward()

    def test_a_leaf_that_is_a_view_stays_a_leaf(self) -> None:
        p = minidl.ones(4).reshape(2, 2).requires_grad_()
        p.grad = minidl.ones(2, 2)
        optim.SGD([p], lr=0.5).step()
        assert p.requires_grad and p.is_leaf
        (p * 3).sum().backward()
        np.testing.assert_array_equal(p.grad.array, np.full((2, 2), 4.0))
        np.testing.assert_array_equal(p.array, np.full((2, 2), 0.5))

    def test_training_a_line(self) -> None:
        x = minidl.linspace(-1, 1, 20)
        w, b = leaf(0.0), leaf(0.0)
        optimizer = optim.Adam([w, b], lr=0.1)
        for _ in range(300):
            optimizer.zero_grad()
            ((w * x + b - (3 * x + 1)) ** 2).mean().backward()
            optimizer.step()
        assert w.item() == pytest.approx(3.0, abs=1e-3) and b.item() == pytest.approx(1.0, abs=1e-3)


class TestZeroGrad:
    def test_to_none(self) -> None:
        p = with_grad(1.0)
        optim.SGD([p]).zero_grad()
        assert p.grad is None

    def test_to_zero(self) -> None:
        p, q = with_grad(1.0, 2.0), leaf(1.0)
        kept = p.grad
        optim.SGD([p, q]).zero_grad(set_to_none=False)
        np.testing.assert_array_equal(p.grad.array, [0.0, 0.0])
        np.testing.assert_array_equal(kept.array, [1.0, 1.0])
        assert q.grad is None


class TestStateDict:
    def test_format(self) -> None:
        a, b = with_grad(1.0), with_grad(1.0)
        optimizer = optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.5}], lr=0.1, momentum=0.9)
        optimizer.step()
        saved = optimizer.state_dict()
        assert list(saved) == ["state", "param_groups"] and list(saved["state"]) == [0, 1]
        assert saved["state"][1]["momentum_buffer"] is optimizer.state[b]["momentum_buffer"]
        assert saved["param_groups"][1] == {"lr": 0.5, "momentum": 0.9, "dampening": 0, "weight_decay": 0,
                                            "nesterov": False, "maximize": False, "foreach": None,
                                            "differentiable": False, "fused": None, "params": [1]}
        assert list(saved["param_groups"][0])[-1] == "params"

    def test_state_takes_the_dtype_of_the_parameter(self) -> None:
        a, b = with_grad(1.0), minidl.ones(1, dtype=minidl.float64, requires_grad=True)
        first, second = optim.Adam([a]), optim.Adam([b])
        first.step()
        second.load_state_dict(first.state_dict())
        assert second.state[b]["exp_avg"].dtype == minidl.float64 and second.state[b]["step"] == 1

    def test_loaded_groups_are_copies(self) -> None:
        first, second = optim.SGD([leaf(1.0)], lr=0.5), optim.SGD([leaf(1.0)], lr=0.1)
        saved = first.state_dict()
        second.load_state_dict(saved)
        assert second.param_groups[0]["lr"] == 0.5
        second.param_groups[0]["lr"] = 0.3
        assert saved["param_groups"][0]["lr"] == 0.5 and first.param_groups[0]["lr"] == 0.5

    def test_hooks(self) -> None:
        seen: list[Any] = []
        optimizer = optim.SGD([leaf(1.0)], lr=0.5)
        handles = [
            optimizer.register_state_dict_pre_hook(lambda opt: seen.append(("save", opt is optimizer))),
            optimizer.register_state_dict_post_hook(lambda opt, saved: {**saved, "extra": 1}),
            optimizer.register_state_dict_post_hook(lambda opt, saved: seen.append(sorted(saved)), prepend=True),
        ]
        saved = optimizer.state_dict()
        assert saved["extra"] == 1 and seen == [("save", True), ["param_groups", "state"]]
        for handle in handles:
            handle.remove()
        assert "extra" not in optimizer.state_dict() and len(seen) == 2

        def faster(opt: Any, state: Any) -> Any:
            state["state"] = {}                     # a shallow copy: the caller's dict stays
            return {**state, "param_groups": [{**state["param_groups"][0], "lr": 0.75}]}

        saved["state"] = "kept"
        optimizer.register_load_state_dict_pre_hook(faster)
        optimizer.register_load_state_dict_post_hook(lambda opt: seen.append(opt.param_groups[0]["lr"]))
        optimizer.load_state_dict(saved)
        assert seen[-1] == 0.75 and saved["state"] == "kept"

    @pytest.mark.parametrize("groups, text", [
        ([], "different number of parameter groups"),
        ([{"params": [0, 1]}], "doesn't match the size of optimizer's group"),
    ])
    def test_refused(self, groups: Any, text: str) -> None:
        with pytest.raises(ValueError, match=text):
            optim.SGD([leaf(1.0)]).load_state_dict({"state": {}, "param_groups": groups})

    @pytest.mark.parametrize("saved, error",
                             [({"model": 1}, KeyError), ({"state": {}}, KeyError), (None, TypeError),
                              ([1], TypeError)])
    def test_what_is_no_state_dict_is_refused_with_what_it_should_be(self, saved: Any, error: type[Exception]) -> None:
        with pytest.raises(error, match="expected the state dict of an optimizer|to be dict-like"):
            optim.SGD([leaf(1.0)]).load_state_dict(saved)


def stepped(name: str, size: int = 2, **options: Any) -> Any:
    """An optimizer of a vector, or of a matrix for Muon, that has made a step."""
    p = minidl.ones(*[size] * (2 if name == "Muon" else 1), requires_grad=True)
    optimizer = getattr(optim, name)([p], **options)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        if name == "SparseAdam":
            p.grad = p.grad.to_sparse()
        return loss
    optimizer.step(closure)
    return optimizer


ALGORITHMS = [name for name in optim.__all__ if isinstance(getattr(optim, name), type) and name != "Optimizer"]
OPTIONS: dict[str, dict[str, Any]] = {"SGD": {"momentum": 0.9}, "RMSprop": {"momentum": 0.9, "centered": True},
                                      "Adam": {"amsgrad": True}}


def refuses(optimizer: Any, saved: Any, error: type[Exception], text: str) -> None:
    """The error, and that the optimizer is what it was."""
    state, groups = optimizer.state, optimizer.param_groups
    before = repr(optimizer.state_dict())
    with pytest.raises(error, match=text):
        optimizer.load_state_dict(saved)
    assert optimizer.state is state and optimizer.param_groups is groups and repr(optimizer.state_dict()) == before


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_state_of_another_shape_is_refused(name: str) -> None:
    optimizer, other = (stepped(name, size, **OPTIONS.get(name, {})) for size in (2, 3))
    refuses(optimizer, other.state_dict(), ValueError, rf"{name}: the loaded state of parameter 0 has '\w+' in shape")


@pytest.mark.parametrize("name", [name for name in ALGORITHMS if name not in ("SGD", "LBFGS")])
def test_a_state_that_lacks_an_entry_is_refused(name: str) -> None:
    optimizer = stepped(name, **OPTIONS.get(name, {}))
    saved = optimizer.state_dict()
    for entry in saved["state"][0]:
        lacking = {key: value for key, value in saved["state"][0].items() if key != entry}
        if lacking:
            refuses(optimizer, {**saved, "state": {0: lacking}}, KeyError, f"has no '{entry}', but only")


@pytest.mark.parametrize("entry, value, error, text", [
    ("exp_avg", None, TypeError, "a NoneType as 'exp_avg', expected a Tensor"),
    ("exp_avg", [1.0], TypeError, "a list as 'exp_avg', expected a Tensor"),
    ("exp_avg", np.ones(3), ValueError, r"'exp_avg' in shape \(3,\), expected \(2,\)"),
    ("step", "1", TypeError, "a str as 'step', expected a Tensor"),
    ("step", minidl.ones(2), ValueError, r"'step' in shape \(2,\), expected \(\)"),
])
def test_a_state_of_another_type_is_refused(entry: str, value: Any, error: type[Exception], text: str) -> None:
    optimizer = stepped("Adam")
    saved = optimizer.state_dict()
    refuses(optimizer, {**saved, "state": {0: {**saved["state"][0], entry: value}}}, error, text)


@pytest.mark.parametrize("change, error, text", [
    ({"state": None}, TypeError, "expected 'state' to be a dict"),
    ({"state": {0: [1]}}, TypeError, "expected 'state' to be a dict with a dict for each parameter"),
    ({"param_groups": None}, TypeError, "expected 'param_groups' to be a list of dicts"),
    ({"param_groups": ["a"]}, TypeError, "expected 'param_groups' to be a list of dicts"),
    ({"param_groups": [{"lr": 1}]}, KeyError, "under 'params', but got the keys"),
    ({"param_groups": [{"params": [0], "lr": "a"}]}, TypeError, "Adam: lr must be a number"),
    ({"param_groups": [{"params": [0], "amsgrad": True}]}, KeyError, "has no 'max_exp_avg_sq'"),
])
def test_a_malformed_state_dict_is_refused(change: Any, error: type[Exception], text: str) -> None:
    optimizer = stepped("Adam")
    refuses(optimizer, {**optimizer.state_dict(), **change}, error, text)


def test_a_complex_state_is_looked_at_in_the_shape_of_its_parameter() -> None:
    p = minidl.ones(2, dtype=minidl.complex64, requires_grad=True)
    p.grad = minidl.ones(2, dtype=minidl.complex64)
    optimizer = optim.Adam([p])
    optimizer.step()
    saved = optimizer.state_dict()
    optimizer.load_state_dict(saved)
    assert tuple(optimizer.state[p]["exp_avg"].shape) == (2,)
    wrong = {**saved["state"][0], "exp_avg": minidl.ones(3, dtype=minidl.complex64)}
    refuses(optimizer, {**saved, "state": {0: wrong}}, ValueError, r"in shape \(3,\), expected \(2,\)")


def test_a_rate_that_pytorch_has_as_a_tensor() -> None:
    torch = pytest.importorskip("torch")
    theirs = torch.optim.Adam([torch.ones(1, requires_grad=True)], lr=torch.tensor(0.25))
    optimizer = stepped("Adam", 1)
    optimizer.load_state_dict(theirs.state_dict())
    assert optimizer.param_groups[0]["lr"] == 0.25 and type(optimizer.param_groups[0]["lr"]) is float


def test_betas_may_be_a_list() -> None:
    optimizer = optim.Adam([with_grad(1.0)], betas=[0.5, 0.9])     # type: ignore[arg-type]
    optimizer.step()
    optimizer.load_state_dict(optimizer.state_dict())
    with pytest.raises(TypeError, match="Adam: betas must be a number"):
        optim.Adam([leaf(1.0)], betas=[0.5, "a"])   # type: ignore[arg-type, list-item]


@pytest.mark.parametrize("make, error, text", [
    (lambda: optim.Adam([leaf(1.0)], betas=(0.9,)), ValueError, "betas, which are two numbers"),
    (lambda: optim.SGD([{"lr": 1}]), KeyError, "has its parameters under 'params'"),
    (lambda: optim.Muon([minidl.ones(2, 2, requires_grad=True)], lr=float("nan")), ValueError,
     "Learning rate should be >= 0"),
])
def test_arguments_are_refused_before_the_first_step(make: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make()


def test_repr() -> None:
    optimizer = optim.SGD([{"params": leaf(1.0)}, {"params": leaf(1.0), "lr": 1}], lr=0.1)
    lines = ["    dampening: 0", "    differentiable: False", "    foreach: None", "    fused: None", "    lr: 0.1",
             "    maximize: False", "    momentum: 0", "    nesterov: False", "    weight_decay: 0"]
    assert repr(optimizer) == "\n".join([
        "SGD (", "Parameter Group 0", *lines, "", "Parameter Group 1",
        *[line.replace("0.1", "1") for line in lines], ")"])


def test_no_warnings_in_plain_use() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer = optim.SGD([with_grad(1.0)])
        scheduler = optim.lr_scheduler.StepLR(optimizer, 1)
        optimizer.step()
        scheduler.step()


def test_an_optimizer_around_another_needs_no_init() -> None:
    class Around(minidl.optim.Optimizer):
        def __init__(self, inner):      # as accelerate's
            self.inner = inner

        def step(self, closure=None):
            return self.inner.step(closure)

    w = minidl.ones(2, requires_grad=True)
    w.grad = minidl.ones(2)
    Around(minidl.optim.SGD([w], lr=0.5)).step()
    assert w.tolist() == [0.5, 0.5]
