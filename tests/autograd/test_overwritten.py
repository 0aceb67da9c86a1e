"""A tensor is written in place after an op has used or made it: backward refuses, or gives what it gave without the write.

Every case of the tables in tests/ops runs, and each tensor that goes in or comes out is written in turn.
"""
import functools

import numpy as np
import pytest

import minidl
from tests.checking import as_leaf, build, normal, tensors
from tests.public_functions import cases

CASES = [pytest.param(case, id=f"{file.removeprefix('tests/ops/test_').removesuffix('.py')}-{case}")
         for file, case in cases() if case.grad]


class Run:
    """One call of a case on computed tensors, so that they may be written, and its gradients."""

    def __init__(self, case, sample):
        self.leaves = []
        args, kwargs = build(sample, self.computed)
        self.outs = tensors(case.fn(*args, **kwargs))
        self.ins = tensors(args, list(kwargs.values()))

    def computed(self, array):
        leaf = as_leaf(array)
        if leaf.requires_grad:
            self.leaves.append(leaf)
        return leaf.clone()

    def differentiable(self):
        return [t for t in self.outs if t.requires_grad]

    def gradients(self, graph=False):
        outs, stream = self.differentiable(), np.random.default_rng(1)
        self.gs = [minidl.tensor(normal(stream, t.shape, t.dtype), dtype=t.dtype, requires_grad=graph) for t in outs]
        return minidl.autograd.grad(outs, self.leaves, self.gs, allow_unused=True, create_graph=graph)

    def second_gradients(self, write=lambda: None):
        """Those of the gradients' sum. The write comes between the two."""
        found = [g for g in self.gradients(graph=True) if g is not None and g.requires_grad]
        write()
        return minidl.autograd.grad(found, self.leaves + self.gs, [minidl.ones_like(g) for g in found],
                                    allow_unused=True) if found else []


def write_into(tensor):
    if tensor.dtype == minidl.bool:
        tensor.logical_not_()
    else:
        tensor.add_(1)


def write_unrecorded(tensor):
    with minidl.no_grad():
        write_into(tensor)


def refused(error):
    return "modified by an inplace operation" in str(error) or "unsupported in-place operation" in str(error)


def assert_equal(found, expected, what):
    for g, e in zip(found, expected, strict=True):
        assert (g is None) == (e is None), what
        if g is not None:
            np.testing.assert_allclose(g.numpy(), e.numpy(), rtol=1e-9, atol=1e-12, err_msg=what)


def written_in_turn(case, sample):
    """(name, a fresh run, the tensor in it that is to be written), for each tensor that goes in or comes out."""
    first = Run(case, sample)
    for kind in ("ins", "outs") if first.differentiable() else ():
        for i in range(len(getattr(first, kind))):
            run = Run(case, sample)
            yield f"{case}({sample}): tensor {i} of {kind} was written", run, getattr(run, kind)[i]


@pytest.mark.parametrize("case", CASES)
def test_what_was_kept_is_not_taken_from_written_memory(case):
    for sample in case.samples:
        for what, run, tensor in written_in_turn(case, sample):
            try:
                write_into(tensor)
                found = run.gradients()
            except RuntimeError as error:
                assert refused(error), what
            else:
                assert_equal(found, Run(case, sample).gradients(), what)


@pytest.mark.parametrize("case", [param for param in CASES if param.values[0].gradgrad])
def test_nor_for_second_derivatives(case):
    for sample in case.samples:
        for what, run, tensor in written_in_turn(case, sample):
            try:
                found = run.second_gradients(functools.partial(write_unrecorded, tensor))
            except RuntimeError as error:
                assert refused(error), what
            else:
                assert_equal(found, Run(case, sample).second_gradients(), what)
