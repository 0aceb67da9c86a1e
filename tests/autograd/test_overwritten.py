"""A tensor is written in place after an op has used or made it: backward refuses, or gives the same as without.

Every case of the tables in tests/ops runs, and each tensor that goes in or comes out is written in turn. Where minidl
refuses, PyTorch must refuse too, but for the cases that are listed.
"""
import functools

import numpy as np
import pytest

import minidl
from tests.checking import _torch_function, _torch_leaf, as_leaf, build, leaves, normal, torch
from tests.public_functions import cases

CASES = [pytest.param(
             f"{file.removeprefix('tests/').removeprefix('ops/').replace('test_', '').removesuffix('.py')}-{case}",
             case)
         for file, case in cases() if case.grad]
CASES = [pytest.param(*param.values, id=param.values[0]) for param in CASES]

OVERLAP = "elements of the result share places, so a write would go to several"
COPIED = "PyTorch copies this input, or computes another from it, and keeps that; here it is used, and kept, as it is"
NO_GRADIENT_THERE = "in PyTorch this input has no gradient, or the sample is empty"
STRICTER = {
    OVERLAP: """index/window-unfold; complex-complex unfold; index/window-as_strided; resize/interpolation-nearest;
        resize/interpolation-area; resize/interpolation-linear; resize/interpolation-nearest-exact {};
        resize/interpolation-linear {}""",
    COPIED: """linalg/contraction-einsum; linalg/contraction-einsum implied; linalg/contraction-tensordot;
        linalg/products-kron; complex-complex kron; linalg/products-matmul; linalg/decompositions-cdist;
        norm-instance_norm; index/index-take_along_dim; complex-polar; complex-torch.polar; special/functions-ndtr;
        torch_names/dispatcher-norm_except_dim; complex-complex r/; complex-complex nansum;
        loss/margin-margin_ranking_loss; linalg/decompositions-qr; complex_matrices-complex qr;
        attention-multi_head_attention_forward; attention-multi_head_attention_forward, odds and ends;
        attention-scaled_dot_product_attention""",
    NO_GRADIENT_THERE: "norm-batch_norm in evaluation; local_response_norm-local_response_norm",
}
"""Where PyTorch computes a gradient after the write, and minidl refuses. See docs/differences_from_pytorch.md."""


class Run:
    """One call of a case on computed tensors, so that they may be written, and its gradients."""

    def __init__(self, case, sample, library=minidl):
        self.leaves, self.library = [], library
        args, kwargs = build(sample, self.computed)
        function = case.fn if library is minidl else _torch_function(case.torch)
        self.outs = self.tensors(function(*args, **kwargs))
        self.ins = self.tensors([args, list(kwargs.values())])

    def computed(self, array):
        leaf = as_leaf(array) if self.library is minidl else _torch_leaf(array)
        if leaf.requires_grad:
            self.leaves.append(leaf)
        return leaf.clone()

    def tensors(self, values):
        return [t for t in leaves([values]) if isinstance(t, self.library.Tensor)]

    def differentiable(self):
        return [t for t in self.outs if t.requires_grad]

    def gradients(self, graph=False):
        outs, stream = self.differentiable(), np.random.default_rng(1)
        self.gs = [self.library.tensor(normal(stream, t.shape, np.empty(0, str(t.dtype).removeprefix("torch.")).dtype),
                                       dtype=t.dtype, requires_grad=graph) for t in outs]
        return self.library.autograd.grad(outs, self.leaves, self.gs, allow_unused=True, create_graph=graph)

    def second_gradients(self, write=lambda: None):
        """Those of the gradients' sum. The write comes between the two."""
        found = [g for g in self.gradients(graph=True) if g is not None and g.requires_grad]
        write()
        return minidl.autograd.grad(found, self.leaves + self.gs, [minidl.ones_like(g) for g in found],
                                    allow_unused=True) if found else []


def write_into(tensor):
    if str(tensor.dtype).endswith("bool"):
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


def written_in_turn(run):
    """(kind, i) for each tensor that goes in or comes out of a run that has gradients: the i-th of `ins` or `outs`."""
    if not run.differentiable():
        return []
    return [(kind, i) for kind in ("ins", "outs") for i in range(len(getattr(run, kind)))]


def pytorch_refuses(case, sample, kind, i):
    run = Run(case, sample, torch)
    try:
        write_into(getattr(run, kind)[i])
        run.gradients()
    except RuntimeError:
        return True
    return False


@pytest.mark.parametrize("name, case", CASES)
def test_what_was_kept_is_not_taken_from_written_memory(name, case):
    stricter = []
    for sample in case.samples:
        unwritten = Run(case, sample)
        expected = unwritten.gradients() if unwritten.differentiable() else []
        for kind, i in written_in_turn(unwritten):
            run, what = Run(case, sample), f"{case}({sample}): tensor {i} of {kind} was written"
            try:
                write_into(getattr(run, kind)[i])
                found = run.gradients()
            except RuntimeError as error:
                assert refused(error), what
                if torch is not None and case.torch is not None and not pytorch_refuses(case, sample, kind, i):
                    stricter.append(f"{what}: {error}")
            else:
                assert_equal(found, expected, what)
    listed = [entry.strip() for names in STRICTER.values() for entry in names.split(";")]
    assert not stricter or name in listed, "\n".join(["PyTorch does not refuse", *stricter])


@pytest.mark.parametrize("name, case", [param for param in CASES if param.values[1].gradgrad])
def test_nor_for_second_derivatives(name, case):
    for sample in case.samples[:4]:
        unwritten = Run(case, sample)
        expected = unwritten.second_gradients() if unwritten.differentiable() else []
        for kind, i in written_in_turn(unwritten):
            run, what = Run(case, sample), f"{case}({sample}): tensor {i} of {kind} was written"
            try:
                found = run.second_gradients(functools.partial(write_unrecorded, getattr(run, kind)[i]))
            except RuntimeError as error:
                assert refused(error), what
            else:
                assert_equal(found, expected, what)


# ---------------------------------------------------------------------- by hand

def quotient(x):
    return x / x.cos()


def outputs_that_may_be_written():
    w, h = minidl.eye(3, dtype=minidl.float64), minidl.zeros(1, 1, 3, dtype=minidl.float64)
    rest = (False, 1, 0.0, False, False, True)
    yield quotient
    yield lambda x: 1 / x
    yield lambda x: (x * 1).div_(x + 2)
    yield minidl.nn.functional.normalize
    yield minidl.nn.functional.hardtanh
    yield lambda x: minidl.nn.functional.scaled_dot_product_attention(x, x, x)
    yield lambda x: minidl.rnn_tanh(x[None], h, [w, w], *rest)[0]
    yield lambda x: minidl.gru(x[None], h, [w.repeat(3, 1), w.repeat(3, 1)], *rest)[0]
    yield lambda x: minidl.lstm(x[None], (h, h), [w.repeat(4, 1), w.repeat(4, 1)], *rest)[0]


WRITES = {
    "all of it": lambda y: y.add_(1), "twice": lambda y: y.mul_(2).div_(2), "a part": lambda y: y[0].add_(1),
    "unrecorded": write_unrecorded, "by another name": lambda y: y.view(-1).add_(1),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_outputs_that_are_kept_may_be_written(write):
    for function in outputs_that_may_be_written():
        x = minidl.tensor([[0.3, -0.4, 0.6], [0.2, 0.5, -0.7]], dtype=minidl.float64, requires_grad=True)
        y = function(x)
        write(y)
        minidl.autograd.backward(y, minidl.arange(float(y.numel()), dtype=y.dtype).reshape(y.shape))
        expected = function(x)
        expected, = minidl.autograd.grad(expected, x, minidl.arange(float(y.numel()), dtype=y.dtype).reshape(y.shape))
        assert_equal([x.grad], [expected], str(function))


def test_outputs_that_are_kept_are_not_copied_for_nothing():
    y = quotient(minidl.ones(3, requires_grad=True))
    assert y.grad_fn.kept["out"][0] is y.array
    y.detach().add_(1)      # the write is not seen as one into y
    with pytest.raises(RuntimeError, match="'out' of Div.*modified|modified.*'out' of Div"):
        y.sum().backward()
