"""Nothing is left out: every op class is run, and differentiated, by a line in some table.

Three orders are taken, so that ops which only arise in gradients are differentiated too.
"""
import importlib
import pkgutil

import numpy as np
import pytest

import minidl
import minidl.ops
from minidl.autograd import FusedOp, Op
from minidl.autograd.fused import registry as fused_registry
from tests.checking import as_leaf, build, tensors
from tests.public_functions import tables

TABLES = [importlib.import_module(name) for name in tables()]
CASES = [case for table in TABLES for case in getattr(table, "CASES", [])]


def classes(base=Op):
    for cls in base.__subclasses__():
        yield cls
        yield from classes(cls)


def concrete(cls):
    """Defined in minidl.ops, and not a base that others complete."""
    return cls.__module__.startswith("minidl.ops") and not cls.__subclasses__() and cls.forward is not Op.forward


BY_HAND = {
    "Move",               # between devices: tests/ops/base/test_conversion.py
    "Geqrf",              # whose gradient is an error: tests/ops/linalg/test_householder.py
    "GammaSampleDerivative", "BetaSampleDerivative",      # the same: tests/ops/random/test_gammas.py
    "SampleImages",       # runs where no gradient is wanted: tests/ops/resize/test_grid.py
    "Dropout", "Shift",   # with random masks: tests/ops/random/test_dropouts.py
}
OPS = sorted({cls for cls in classes() if concrete(cls) and cls.__name__ not in BY_HAND}, key=lambda cls: cls.__name__)


@pytest.fixture(scope="module")
def used():
    """The names of the ops that ran, and of those that were recorded and differentiated."""
    for module in pkgutil.walk_packages(minidl.ops.__path__, "minidl.ops."):
        importlib.import_module(module.name)
    ran, differentiated = set(), set()
    call, gradients = Op.__call__, Op.input_gradients

    def spy_call(self, *inputs):
        ran.add(type(self))
        return call(self, *inputs)

    def spy_gradients(self, g, graph, wanted):
        differentiated.add(type(self))
        return gradients(self, g, graph, wanted)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Op, "__call__", spy_call)
        patch.setattr(Op, "input_gradients", spy_gradients)
        fused = FusedOp.input_gradients
        patch.setattr(FusedOp, "input_gradients",
                      lambda self, g, graph, wanted: differentiated.add(type(self)) or fused(self, g, graph, wanted))
        for case in CASES:
            for sample in case.samples:
                differentiate(case, sample)
    return ran, differentiated


def differentiate(case, sample):
    args, kwargs = build(sample, as_leaf)
    leaves = [t for t in tensors(args, list(kwargs.values())) if t.requires_grad]
    outs = [t for t in tensors(case.fn(*args, **kwargs)) if t.requires_grad]
    for _ in range(3 if case.grad and case.gradgrad else int(case.grad)):
        if outs:
            gs = [minidl.ones_like(t).requires_grad_() for t in outs]
            found = minidl.autograd.grad(outs, leaves, gs, create_graph=True, allow_unused=True)
            outs = [g for g in found if g is not None and g.requires_grad]
            leaves = leaves + gs


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.__name__)
def test_every_op_is_in_a_table(op, used):
    ran, differentiated = used
    assert op in ran, f"no case in tests/ops runs {op.__name__}"
    assert not op.differentiable or op in differentiated, f"no case in tests/ops differentiates {op.__name__}"


@pytest.mark.parametrize("name", sorted(fused_registry))
def test_every_fused_op_means_what_it_computes(name):
    """Fused forward and gradient against `reference`, on the inputs of every case that uses the op."""
    seen = []
    op_class = fused_registry[name]
    call = Op.__call__

    def spy(self, *inputs):
        if type(self) is op_class:
            seen.append((self, [x.detach() if isinstance(x, minidl.Tensor) else x for x in inputs]))
        return call(self, *inputs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Op, "__call__", spy)
        for case in CASES:
            for sample in case.samples if not seen or len(seen) < 20 else ():
                args, kwargs = build(sample, as_leaf)
                case.fn(*args, **kwargs)
    seen = [(op, inputs) for op, inputs in seen if any(isinstance(x, minidl.Tensor) for x in inputs)]
    assert seen or not op_class.__module__.startswith("minidl"), f"no case in tests/ops runs {name}"
    for op, inputs in seen:
        compare_with_reference(op, inputs)


def compare_with_reference(op, inputs):
    results = []
    for function in (op.reapply, op.reference):
        leaves = [x.clone().requires_grad_() if isinstance(x, minidl.Tensor) and x.dtype.kind in "fc" else x
                  for x in inputs]
        outs = [t for t in tensors(function(*leaves)) if t.requires_grad]
        stream = np.random.default_rng(0)
        gs = [minidl.tensor(stream.standard_normal(t.shape), dtype=t.dtype) for t in outs]
        minidl.autograd.backward(outs, gs)
        results.append([*(t.detach() for t in outs), *(x.grad for x in leaves if getattr(x, "grad", None) is not None)])
    assert len(results[0]) == len(results[1])
    for fused, meant in zip(*results):
        np.testing.assert_allclose(fused.numpy(), meant.numpy(), rtol=1e-7, atol=1e-10)
