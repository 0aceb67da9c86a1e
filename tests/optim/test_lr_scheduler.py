"""Every schedule against PyTorch's sequence of rates, from one table, and by hand."""
from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

import minidl
from minidl import optim
from minidl.optim import lr_scheduler as lrs

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
STEPS = 24
METRICS = [3.0, 2.0, 2.1, 2.0, 2.2, 1.9, 1.8999, 1.9, 1.9, 1.9, 1.9, 1.9, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6,
           0.6, 0.6, 0.6, float("nan")]


@dataclass
class Row:
    """A schedule, `make(L, optimizer)` from the module L for various options, and its first rates from lr 1."""

    cls: type[lrs.LRScheduler]
    makes: list[Callable[..., Any]]
    first: list[float] = field(default_factory=list)    # of makes[0], worked out by hand
    errors: list[tuple[Callable[..., Any], str]] = field(default_factory=list)

    def __str__(self) -> str:
        return self.cls.__name__


TABLE = [
    Row(lrs.LambdaLR, [
        lambda L, o: L.LambdaLR(o, lambda e: 1 / (1 + e)),
        lambda L, o: L.LambdaLR(o, [lambda e: 0.9 ** e, lambda e: 0.5 * e]),
    ], [1, 1 / 2, 1 / 3, 1 / 4],
        [(lambda o: lrs.LambdaLR(o, [lambda e: 1]), "Expected 2 lr_lambdas, but got 1")]),
    Row(lrs.MultiplicativeLR, [
        lambda L, o: L.MultiplicativeLR(o, lambda e: 1 / (1 + e)),
        lambda L, o: L.MultiplicativeLR(o, [lambda e: 0.9, lambda e: 0.5]),
    ], [1, 1 / 2, 1 / 6, 1 / 24]),
    Row(lrs.StepLR, [
        lambda L, o: L.StepLR(o, 2, gamma=0.5),
        lambda L, o: L.StepLR(o, 5),
    ], [1, 1, 0.5, 0.5, 0.25]),
    Row(lrs.MultiStepLR, [
        lambda L, o: L.MultiStepLR(o, [1, 3], gamma=0.5),
        lambda L, o: L.MultiStepLR(o, [3, 3, 10]),
        lambda L, o: L.MultiStepLR(o, [0, 4]),
    ], [1, 0.5, 0.5, 0.25, 0.25]),
    Row(lrs.ExponentialLR, [lambda L, o: L.ExponentialLR(o, 0.5)], [1, 0.5, 0.25, 0.125]),
    Row(lrs.ConstantLR, [
        lambda L, o: L.ConstantLR(o, factor=0.5, total_iters=2),
        lambda L, o: L.ConstantLR(o),
    ], [0.5, 0.5, 1, 1],
        [(lambda o: lrs.ConstantLR(o, factor=2), "Constant multiplicative factor expected to be between 0 and 1")]),
    Row(lrs.LinearLR, [
        lambda L, o: L.LinearLR(o, start_factor=0.5, total_iters=2),
        lambda L, o: L.LinearLR(o),
        lambda L, o: L.LinearLR(o, start_factor=1.0, end_factor=0.1, total_iters=10),
        lambda L, o: L.LinearLR(o, start_factor=1.0, end_factor=0.0, total_iters=3),
    ], [0.5, 0.75, 1, 1],
        [(lambda o: lrs.LinearLR(o, start_factor=0), "Starting multiplicative factor"),
         (lambda o: lrs.LinearLR(o, end_factor=2), "Ending multiplicative factor")]),
    Row(lrs.PolynomialLR, [
        lambda L, o: L.PolynomialLR(o, total_iters=4),
        lambda L, o: L.PolynomialLR(o, total_iters=10, power=2.0),
    ], [1, 0.75, 0.5, 0.25, 0, 0]),
    Row(lrs.CosineAnnealingLR, [
        lambda L, o: L.CosineAnnealingLR(o, T_max=2),
        lambda L, o: L.CosineAnnealingLR(o, T_max=7, eta_min=0.01),
        lambda L, o: L.CosineAnnealingLR(o, T_max=100),
    ], [1, 0.5, 0, 0.5, 1]),
    Row(lrs.CosineAnnealingWarmRestarts, [
        lambda L, o: L.CosineAnnealingWarmRestarts(o, T_0=2),
        lambda L, o: L.CosineAnnealingWarmRestarts(o, T_0=3, T_mult=2, eta_min=0.01),
    ], [1, 0.5, 1, 0.5, 1],
        [(lambda o: lrs.CosineAnnealingWarmRestarts(o, 0), "Expected positive integer T_0, but got 0"),
         (lambda o: lrs.CosineAnnealingWarmRestarts(o, 1, 0), "Expected integer T_mult >= 1, but got 0"),
         (lambda o: lrs.CosineAnnealingWarmRestarts(o, 1).step(-1), "Expected non-negative epoch, but got -1")]),
    Row(lrs.CyclicLR, [
        lambda L, o: L.CyclicLR(o, 1.0, 2.0, step_size_up=2),
        lambda L, o: L.CyclicLR(o, [0.1, 0.2], [0.5, 0.6], 3, 5, mode="triangular2"),
        lambda L, o: L.CyclicLR(o, 0.1, 0.5, 4, mode="exp_range", gamma=0.9, base_momentum=0.7),
        lambda L, o: L.CyclicLR(o, 0.1, 0.5, 4, scale_fn=lambda x: 1 / x, cycle_momentum=False),
        lambda L, o: L.CyclicLR(o, 0.1, 0.5, 4, scale_fn=lambda x: 0.9 ** x, scale_mode="iterations"),
    ], [1, 1.5, 2, 1.5, 1, 1.5],
        [(lambda o: lrs.CyclicLR(o, 0.1, 0.2, mode="x"), "mode is invalid and scale_fn is None"),
         (lambda o: lrs.CyclicLR(o, [0.1], 0.2), "base_lr must have the same length as optimizer.param_groups"),
         (lambda o: lrs.CyclicLR(optim.Adagrad([leaf()]), 0.1, 0.2), "optimizer must support momentum or beta1")]),
    Row(lrs.OneCycleLR, [
        lambda L, o: L.OneCycleLR(o, 1.0, total_steps=30, div_factor=10, anneal_strategy="linear", pct_start=0.1),
        lambda L, o: L.OneCycleLR(o, [0.5, 1.0], total_steps=STEPS),
        lambda L, o: L.OneCycleLR(o, 0.5, epochs=5, steps_per_epoch=5, three_phase=True),
        lambda L, o: L.OneCycleLR(o, 0.5, 25, three_phase=True, cycle_momentum=False, anneal_strategy="linear"),
    ], [0.1, 0.55, 1.0, 1.0 - 0.99999 / 27],
        [(lambda o: lrs.OneCycleLR(o, 0.1), "You must define either total_steps OR"),
         (lambda o: lrs.OneCycleLR(o, 0.1, epochs=5), "You must define either total_steps OR"),
         (lambda o: lrs.OneCycleLR(o, 0.1, epochs=-5, steps_per_epoch=2), "Expected positive integer epochs"),
         (lambda o: lrs.OneCycleLR(o, 0.1, 0), "Expected positive integer total_steps, but got 0"),
         (lambda o: lrs.OneCycleLR(o, 0.1, 5, pct_start=2), "Expected float between 0 and 1 pct_start, but got 2"),
         (lambda o: lrs.OneCycleLR(o, 0.1, 5, anneal_strategy="x"), "anneal_strategy must be one of"),
         (lambda o: [lrs.OneCycleLR(o, 0.1, 2).step(9)], "Tried to step 9 times")]),
    Row(lrs.ChainedScheduler, [
        lambda L, o: L.ChainedScheduler([L.ConstantLR(o, 0.5, 2), L.ExponentialLR(o, 0.5)]),
        lambda L, o: L.ChainedScheduler([L.LinearLR(o), L.CosineAnnealingLR(o, 6), L.StepLR(o, 4)], optimizer=o),
    ], [0.5, 0.25, 0.25, 0.125],
        [(lambda o: lrs.ChainedScheduler([]), "expects at least one scheduler"),
         (lambda o: lrs.ChainedScheduler([lrs.StepLR(o, 1), lrs.StepLR(optim.SGD([leaf()]), 1)]),
          "StepLR at index 1"),
         (lambda o: lrs.ChainedScheduler([lrs.ReduceLROnPlateau(o)]), "does not support `ReduceLROnPlateau`")]),
    Row(lrs.SequentialLR, [
        lambda L, o: L.SequentialLR(o, [L.LinearLR(o, 0.5, total_iters=2), L.ExponentialLR(o, 0.5)], [2]),
        lambda L, o: L.SequentialLR(o, [L.ConstantLR(o), L.CosineAnnealingLR(o, 6), L.StepLR(o, 2)], [3, 12]),
        lambda L, o: L.SequentialLR(o, [L.LinearLR(o), L.LambdaLR(o, lambda e: 0.9 ** e),
                                        L.CosineAnnealingWarmRestarts(o, 3)], [5, 9]),
        lambda L, o: L.SequentialLR(o, [L.PolynomialLR(o, 4), L.MultiStepLR(o, [0, 2]), L.LinearLR(o)], [4, 9]),
    ], [0.5, 0.75, 1, 0.5, 0.25],
        [(lambda o: lrs.SequentialLR(o, [], []), "expects at least one scheduler"),
         (lambda o: lrs.SequentialLR(o, [lrs.StepLR(o, 1)], [1]), "one more than the number of milestone points"),
         (lambda o: lrs.SequentialLR(o, [lrs.StepLR(optim.SGD([leaf()]), 1)], []), "StepLR at index 0"),
         (lambda o: lrs.SequentialLR(o, [lrs.ReduceLROnPlateau(o)], []), "does not support `ReduceLROnPlateau`")]),
    Row(lrs.ReduceLROnPlateau, [
        lambda L, o: L.ReduceLROnPlateau(o, factor=0.5, patience=1),
        lambda L, o: L.ReduceLROnPlateau(o, mode="max", factor=0.5, patience=2, cooldown=2),
        lambda L, o: L.ReduceLROnPlateau(o, threshold=0.01, threshold_mode="abs", patience=0, min_lr=[0.1, 0.01]),
        lambda L, o: L.ReduceLROnPlateau(o, mode="max", threshold=0.1, threshold_mode="abs", patience=0, eps=0.01),
        lambda L, o: L.ReduceLROnPlateau(o, patience=3, min_lr=0.05),
        lambda L, o: L.ReduceLROnPlateau(o, mode="max", threshold=0.1, patience=0),
    ], [1, 1, 1, 1, 0.5],
        [(lambda o: lrs.ReduceLROnPlateau(o, factor=1.0), "Factor should be < 1.0."),
         (lambda o: lrs.ReduceLROnPlateau(o, mode="x"), "mode x is unknown!"),
         (lambda o: lrs.ReduceLROnPlateau(o, threshold_mode="x"), "threshold mode x is unknown!"),
         (lambda o: lrs.ReduceLROnPlateau(o, min_lr=[1.0]), "expected 2 min_lrs, got 1")]),
]
every_row = pytest.mark.parametrize("row", TABLE, ids=str)


def leaf() -> Any:
    return minidl.ones(1, requires_grad=True)


def optimizer(cls: Any = optim.SGD, ours: bool = True, lrs: tuple[float, ...] = (1.0, 0.25), **options: Any) -> Any:
    def parameter() -> Any:
        return leaf() if ours else torch.nn.Parameter(torch.ones(1))
    if cls.__name__ == "SGD":
        options = {"momentum": 0.9, **options}
    return cls([{"params": [parameter()], "lr": lr} for lr in lrs], **options)


def present(opt: Any) -> list[Any]:
    """Of each group: the rate, and the momentum or the betas."""
    return [(group["lr"], *group.get("betas", [group.get("momentum")])) for group in opt.param_groups]


def advance(scheduler: Any, i: int) -> None:
    """One step; the present state of a plateau schedule depends on METRICS."""
    if type(scheduler).__name__ == "ReduceLROnPlateau":
        scheduler.step(METRICS[i])
    else:
        scheduler.step()


def sequence(opt: Any, scheduler: Any, start: int = 0, stop: int = STEPS) -> list[Any]:
    """What every group has, before each step; `get_last_lr` must agree."""
    values = []
    for i in range(start, stop):
        assert list(scheduler.get_last_lr()) == [group["lr"] for group in opt.param_groups]
        values.append(present(opt))
        opt.step()
        advance(scheduler, i)
    return values


def test_every_schedule_has_a_row() -> None:
    assert {getattr(lrs, name) for name in lrs.__all__} - {lrs.LRScheduler} == {row.cls for row in TABLE}


@every_row
def test_by_hand(row: Row) -> None:
    opt = optimizer()
    rates = [groups[0][0] for groups in sequence(opt, row.makes[0](lrs, opt), stop=len(row.first))]
    assert rates == pytest.approx(row.first, rel=1e-12, abs=1e-15)


@needs_torch
@every_row
@pytest.mark.parametrize("algorithm", ["SGD", "Adam"])
def test_equals_pytorch(row: Row, algorithm: str) -> None:
    for make in row.makes:
        ours = optimizer(getattr(optim, algorithm))
        theirs = optimizer(getattr(torch.optim, algorithm), ours=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = sequence(theirs, make(torch.optim.lr_scheduler, theirs))
        for step, (a, b) in enumerate(zip(sequence(ours, make(lrs, ours)), expected)):
            for got, want in zip(a, b):
                assert got == pytest.approx(want, rel=1e-11, abs=1e-14), step


@every_row
def test_continues_from_its_state_dict(row: Row) -> None:
    for make in row.makes:
        first, second = optimizer(), optimizer(lrs=(7.0, 8.0))
        one, two = make(lrs, first), make(lrs, second)
        sequence(first, one, stop=9)
        second.load_state_dict(first.state_dict())
        two.load_state_dict(pickle.loads(pickle.dumps(one.state_dict())))
        assert sequence(first, one, start=9) == sequence(second, two, start=9)


@needs_torch
@every_row
@pytest.mark.parametrize("algorithm", ["SGD", "Adam"])
def test_continues_from_pytorchs_state_and_back(row: Row, algorithm: str) -> None:
    for make in row.makes:
        theirs, end = (optimizer(getattr(torch.optim, algorithm), ours=False) for _ in range(2))
        ours = optimizer(getattr(optim, algorithm), lrs=(7.0, 8.0))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            first, last = make(torch.optim.lr_scheduler, theirs), make(torch.optim.lr_scheduler, end)
        middle = make(lrs, ours)
        sequence(theirs, first, stop=7)
        ours.load_state_dict(theirs.state_dict())
        middle.load_state_dict(first.state_dict())
        got = sequence(ours, middle, start=7, stop=15)
        end.load_state_dict({**ours.state_dict(), "state": {}})
        last.load_state_dict(middle.state_dict())
        got += sequence(end, last, start=15)
        for step, (a, b) in enumerate(zip(got, sequence(theirs, first, start=7))):
            for values, expected in zip(a, b):
                assert values == pytest.approx(expected, rel=1e-10, abs=1e-14), step


@every_row
def test_refuses(row: Row) -> None:
    for make, text in row.errors:
        with warnings.catch_warnings(), pytest.raises(ValueError, match=text):
            warnings.simplefilter("ignore")
            make(optimizer())
    with pytest.raises(TypeError, match="int is not an Optimizer"):
        lrs.StepLR(5, 3)  # type: ignore[arg-type]


@needs_torch
@every_row
def test_step_with_an_epoch_as_in_pytorch(row: Row) -> None:
    """By the closed form, if there is one: then it does not matter what the rate was."""
    if row.cls in (lrs.ChainedScheduler, lrs.SequentialLR):
        with pytest.raises(TypeError):
            row.makes[0](lrs, optimizer()).step(3)
        return
    for make in row.makes:
        ours, theirs = optimizer(), optimizer(torch.optim.SGD, ours=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            one, two = make(lrs, ours), make(torch.optim.lr_scheduler, theirs)
            for epoch in (17, 3, 4):
                metric = (2.0,) if row.cls is lrs.ReduceLROnPlateau else ()
                one.step(*metric, epoch)
                two.step(*metric, epoch)
                assert one.get_last_lr() == pytest.approx(two.get_last_lr(), rel=1e-11, abs=1e-14)
                assert one.last_epoch == epoch


@needs_torch
@every_row
def test_attributes_and_state_are_pytorchs(row: Row) -> None:
    """The same keys; values that differ would show in the rates."""
    for make in row.makes:
        ours, theirs = optimizer(optim.Adam), optimizer(torch.optim.Adam, ours=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            one, two = make(lrs, ours), make(torch.optim.lr_scheduler, theirs)
        sequence(ours, one, stop=3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sequence(theirs, two, stop=3)
        assert one.state_dict().keys() == two.state_dict().keys()
        for a, b in zip(getattr(one, "_schedulers", []), getattr(two, "_schedulers", [])):
            assert a.state_dict().keys() == b.state_dict().keys()
            assert (a.last_epoch, a._step_count) == (b.last_epoch, b._step_count)
        for a, b in zip(ours.param_groups, theirs.param_groups):
            assert a.keys() == b.keys()
        assert {name for name in dir(two) if not name.startswith("_")} <= set(dir(one))


@every_row
def test_a_rate_that_is_a_tensor_stays_one(row: Row) -> None:
    for make in row.makes:
        ours, plain = optimizer(), optimizer()
        for group in ours.param_groups:
            group["lr"] = minidl.tensor(group["lr"], dtype=minidl.float64)
        held = [group["lr"] for group in ours.param_groups]
        one, two = make(lrs, ours), make(lrs, plain)
        for i in range(STEPS):
            assert [float(lr) for lr in one.get_last_lr()] == pytest.approx(two.get_last_lr(), rel=1e-11, abs=1e-14)
            assert all(group["lr"] is lr for group, lr in zip(ours.param_groups, held))
            assert all(lr is not group["lr"] for group, lr in zip(ours.param_groups, one.get_last_lr()))
            ours.step()
            plain.step()
            advance(one, i)
            advance(two, i)


@every_row
def test_get_lr_from_outside_warns(row: Row) -> None:
    if row.cls in (lrs.ChainedScheduler, lrs.SequentialLR, lrs.ReduceLROnPlateau):
        return                              # they have no rates of their own
    with pytest.warns(UserWarning, match=r"please use `get_last_lr\(\)`"):
        row.makes[0](lrs, optimizer()).get_lr()


def test_plateau_of_an_optimizer_with_a_new_group() -> None:
    opt = optimizer()
    with_default = lrs.ReduceLROnPlateau(opt, patience=0)
    without = lrs.ReduceLROnPlateau(opt, patience=0, min_lr=[0, 0])
    opt.add_param_group({"params": leaf(), "lr": 1.0})
    for _ in range(2):
        with_default.step(1.0)
    assert [group["lr"] for group in opt.param_groups] == pytest.approx([0.1, 0.025, 0.1])
    without.step(1.0)
    with pytest.raises(RuntimeError, match="The number of param groups in the `optimizer` \\(3\\) differs"):
        without.step(1.0)


def test_plateau_needs_an_improvement_relative_to_the_best() -> None:
    """mode="max": from 1.0 with threshold 0.1, 1.05 is none and 1.2 is one."""
    schedule = lrs.ReduceLROnPlateau(optimizer(), mode="max", threshold=0.1)
    for value, bad in ((1.0, 0), (1.05, 1), (0.95, 2), (1.2, 0)):
        schedule.step(value)
        assert schedule.num_bad_epochs == bad


def test_an_own_schedule_whose_step_is_its_own() -> None:
    """The first step is a call of `step`, too, as in PyTorch."""
    class Count(lrs.LRScheduler):
        def step(self, epoch: Any = None) -> None:
            self.last_epoch += 1
            for group in self.optimizer.param_groups:
                group["lr"] = 10.0 * self.last_epoch
            self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    opt = optimizer(lrs=(1.0,))
    schedule = Count(opt)
    assert schedule.get_last_lr() == [0.0]
    schedule.step()
    assert schedule.get_last_lr() == [10.0]


@needs_torch
@pytest.mark.parametrize("make", [
    lambda L, o: L.StepLR(o, 3, last_epoch=4),
    lambda L, o: L.CosineAnnealingLR(o, 7, last_epoch=4),
    lambda L, o: L.LambdaLR(o, lambda e: 0.9 ** e, last_epoch=4),
    lambda L, o: L.LinearLR(o, total_iters=9, last_epoch=4),
    lambda L, o: L.ExponentialLR(o, 0.9, last_epoch=4),
    lambda L, o: L.PolynomialLR(o, total_iters=9, last_epoch=4),
    lambda L, o: L.MultiplicativeLR(o, lambda e: 0.9, last_epoch=4),
    lambda L, o: L.MultiStepLR(o, [5, 6], last_epoch=4),
])
def test_last_epoch_continues_as_in_pytorch(make: Any) -> None:
    ours, theirs = optimizer(), optimizer(torch.optim.SGD, ours=False)
    for group in [*ours.param_groups, *theirs.param_groups]:
        group["initial_lr"] = 0.7
    expected = sequence(theirs, make(torch.optim.lr_scheduler, theirs))
    for a, b in zip(sequence(ours, make(lrs, ours)), expected):
        assert [g[0] for g in a] == pytest.approx([g[0] for g in b], rel=1e-11)


def test_last_epoch_needs_initial_lr() -> None:
    with pytest.raises(KeyError, match="initial_lr"):
        lrs.StepLR(optimizer(), 3, last_epoch=4)


@needs_torch
@pytest.mark.parametrize("T_mult", [1, 2])
def test_warm_restarts_take_fractions(T_mult: int) -> None:
    ours, theirs = optimizer(), optimizer(torch.optim.SGD, ours=False)
    a = lrs.CosineAnnealingWarmRestarts(ours, 2, T_mult)
    b = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(theirs, 2, T_mult)
    for batch in range(40):
        a.step(batch / 4)
        b.step(batch / 4)
        assert a.get_last_lr() == pytest.approx(b.get_last_lr(), rel=1e-11)


def test_two_schedules_on_one_optimizer() -> None:
    opt = optimizer(lrs=(1.0,))
    one, two = lrs.ExponentialLR(opt, 0.5), lrs.StepLR(opt, 2, gamma=0.1)
    rates = []
    for _ in range(4):
        opt.step()
        rates.append(opt.param_groups[0]["lr"])
        one.step()
        two.step()
    assert rates == pytest.approx([1, 0.5, 0.025, 0.0125])


def test_schedules_of_schedules() -> None:
    """A sequence within a sequence, and a chain within it, begin anew when their turn comes."""
    opt = optimizer(lrs=(1.0,))
    chain = lrs.ChainedScheduler([lrs.ConstantLR(opt, 0.5, 2), lrs.ExponentialLR(opt, 0.5)])
    inner = lrs.SequentialLR(opt, [lrs.LinearLR(opt, 0.5, total_iters=2), chain], [2])
    outer = lrs.SequentialLR(opt, [lrs.ExponentialLR(opt, 0.1), inner], [2])
    rates = [groups[0][0] for groups in sequence(opt, outer, stop=7)]
    assert rates == pytest.approx([1, 0.1, 0.5, 0.75, 0.5, 0.25, 0.25])


def test_callable_objects_are_saved_by_their_attributes() -> None:
    class Power:
        def __init__(self, base: float) -> None:
            self.base = base

        def __call__(self, epoch: int) -> float:
            return self.base ** epoch

    first, second = lrs.LambdaLR(optimizer(), Power(0.5)), lrs.LambdaLR(optimizer(), Power(0.9))
    second.load_state_dict(first.state_dict())
    assert second.lr_lambdas[0].base == 0.5  # type: ignore[attr-defined]
    one, two = (lrs.CyclicLR(optimizer(), 0.1, 0.5, scale_fn=Power(base)) for base in (0.5, 0.9))
    two.load_state_dict(one.state_dict())
    assert two._scale_fn_custom.base == 0.5  # type: ignore[union-attr]


SAVED = {
    "no dict": (lambda s: None, TypeError, "Expected state_dict to be dict-like"),
    "of an optimizer": (lambda s: optimizer().state_dict(), KeyError,
                        "expected the state dict of such a schedule, with"),
    "of other groups": (lambda s: {**s, "base_lrs": [1.0]}, ValueError, "base_lrs has 1 values, expected 2"),
    "without functions": (lambda s: {k: v for k, v in s.items() if k != "lr_lambdas"}, KeyError, "lr_lambdas"),
}


@pytest.mark.parametrize("change, error, text", SAVED.values(), ids=SAVED)
def test_what_does_not_fit_is_refused_and_nothing_is_loaded(change: Any, error: type[Exception], text: str) -> None:
    saved = {**lrs.LambdaLR(optimizer(), lambda e: 1.0).state_dict(), "last_epoch": 7}
    schedule = lrs.LambdaLR(optimizer(), lambda e: 1.0)
    with pytest.raises(error, match=text):
        schedule.load_state_dict(change(saved))
    assert schedule.last_epoch == 0 and schedule.base_lrs == [g["initial_lr"] for g in schedule.optimizer.param_groups]


@pytest.mark.parametrize("parts, error, text", [
    (lambda s: s[:1], ValueError, "the loaded state has 1 schedulers, expected 2"),
    (lambda s: [s[0], {"step_size": 9}], KeyError, "StepLR: expected the state dict of such a schedule"),
])
def test_a_chain_loads_all_of_its_schedules_or_none(parts: Any, error: type[Exception], text: str) -> None:
    opt = optimizer()
    chain = lrs.ChainedScheduler([lrs.StepLR(opt, 5), lrs.StepLR(opt, 6)])
    saved = chain.state_dict()
    with pytest.raises(error, match=text):
        chain.load_state_dict({**saved, "_schedulers": parts([{**s, "last_epoch": 7} for s in saved["_schedulers"]])})
    assert [s.last_epoch for s in chain._schedulers] == [0, 0]


def test_own_schedule() -> None:
    class Halve(lrs.LRScheduler):
        def get_lr(self) -> list[float]:
            return [base / 2 ** self.last_epoch for base in self.base_lrs]

    opt = optimizer(lrs=(1.0,))
    assert [g[0][0] for g in sequence(opt, Halve(opt), stop=3)] == [1, 0.5, 0.25]
    with pytest.raises(NotImplementedError, match="get_lr"):
        lrs.LRScheduler(opt)


def test_the_old_name_of_the_base() -> None:
    from minidl.optim.lr_scheduler import _LRScheduler
    assert _LRScheduler is lrs.LRScheduler


def test_warns_if_stepped_before_the_optimizer() -> None:
    opt = optimizer()
    with pytest.warns(UserWarning, match=r"`lr_scheduler.step\(\)` before `optimizer.step\(\)`"):
        lrs.StepLR(opt, 1).step()
    opt.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lrs.StepLR(opt, 1).step()
