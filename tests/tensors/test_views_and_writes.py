"""Views, writes through them and through their bases, and reads after both: values and gradients.

Two oracles. PyTorch, for sequences chosen by hand. And, for sequences that Hypothesis makes up, a model without any
tape: memory is a list of numbers, each carrying its derivatives with respect to all parameters along with it, and a
view is a list of places in that memory.
"""
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import minidl
from minidl.autograd import grad, gradcheck, gradgradcheck
from minidl.autograd.views import path_to_owner
from minidl.ops import index, shape
from tests.checking import torch

# ---------------------------------------------------------------------- by hand, against PyTorch


def base_then_view(x, w):
    y = x * 2
    v = y[0]
    y.mul_(3)
    return v * w


def view_then_base(x, w):
    y = x * 2
    v = y[0]
    v.mul_(w[0])
    return y * y


def view_of_a_view(x, w):
    y = x * 2
    a = y[1:]
    b = a.t()
    c = b[0]
    c.mul_(w[1])
    a.add_(1)
    return y * a.sum() + b.sum() * c.sum()


def siblings(x, w):
    y = x * w
    a, b = y[:2], y[1:]
    a.mul_(2)
    b.add_(a.clone())
    return a * b


def reshaped_and_permuted(x, w):
    y = x * 1
    v = y.view(9)
    p = y.permute(1, 0)
    v[::2].mul_(w.sum())
    p[0] = w[2] * 3
    return v.view(3, 3) * p


def diagonal_filled(x, w):
    y = x * x
    y.diagonal()[...] = 7
    y.diagonal(1).mul_(w[1:])
    return y * w


def constant_becomes_variable(x, w):
    y = x.detach() * 0 + 1      # a constant with views ...
    v, u = y[0], y[:, 1]
    v.mul_(w)                   # ... into which a variable is written
    return u * 2 + y.sum()


def overwritten_by_itself(x, w):
    y = x * 2
    y[0] = y[1]
    y[1:] = y[:2].clone()
    return y * w


def item_by_item(x, w):
    y = x * 2
    for i in range(3):
        for j in range(3):
            y[i, j] *= w[j]
    return y


def squares_kept_before_a_write(x, w):
    y = x * 2
    z = y.clone() ** 2          # what z keeps has memory of its own
    y[...] = 0
    return z + y * w


def mask_and_arrays(x, w):
    y = x * 2
    v = y[1:]
    v[v > 0] = w[0]
    y[[0, 2]] *= w
    v[v < 0] = 2.0
    return y * v.sum()


def copied_back_and_forth(x, w):
    y, z = x * 2, x * 3
    y[0] = z[1]
    z[...] = y
    y[:, 0] = w
    return y * z


def written_through_an_unsqueezed_column(x, w):
    y = x * 2
    v = y.unsqueeze(0)[:, :, 1].squeeze(0)
    v.sub_(w)
    return y.sum() * v


SEQUENCES = [base_then_view, view_then_base, view_of_a_view, siblings, reshaped_and_permuted, diagonal_filled,
             constant_becomes_variable,
             overwritten_by_itself,
             item_by_item,
             squares_kept_before_a_write,
             mask_and_arrays,
             copied_back_and_forth, written_through_an_unsqueezed_column]


def weights_like(out):
    return np.arange(1.0, np.prod(out.shape) + 1).reshape(tuple(out.shape))


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_against_torch(sequence):
    pytest.importorskip("torch")
    stream = np.random.default_rng(0)
    x, w = stream.standard_normal((3, 3)), stream.standard_normal(3)
    results = []
    for library in (minidl, torch):
        leaves = [library.tensor(x, requires_grad=True), library.tensor(w, requires_grad=True)]
        out = sequence(*leaves)
        (out * library.tensor(weights_like(out))).sum().backward()
        results.append([np.asarray(t.detach())
                        for t in (out, *[leaf.grad for leaf in leaves if leaf.grad is not None])])
    assert len(results[0]) == len(results[1])
    for ours, theirs in zip(*results):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_by_finite_differences(sequence):
    stream = np.random.default_rng(1)
    x = minidl.tensor(stream.standard_normal((3, 3)), requires_grad=True)
    w = minidl.tensor(stream.standard_normal(3), requires_grad=True)
    assert gradcheck(sequence, (x, w), fast_mode=True)
    assert gradgradcheck(sequence, (x, w), fast_mode=True, atol=1e-4)


def test_a_wider_value_keeps_its_dtype_in_the_gradient():
    x = minidl.ones(3, requires_grad=True)
    w = minidl.ones(3, dtype=minidl.float64, requires_grad=True)
    y = x * 1
    y.mul_(w)
    y.sum().backward()
    assert y.dtype == x.grad.dtype == minidl.float32 and w.grad.dtype == minidl.float64


# ---------------------------------------------------------------------- what is refused

def test_a_kept_value_that_was_overwritten_is_noticed():
    x = minidl.ones(3, requires_grad=True)
    y = x * 2
    v = y[0]
    z = y * y
    v.add_(1)                   # through a view of what z keeps
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()


def test_a_view_made_without_gradients_cannot_be_written_where_they_are_recorded():
    """Its base would not learn that it was overwritten, and pass gradients on as if nothing had happened."""
    y = minidl.ones(3, requires_grad=True) * 2
    with minidl.no_grad():
        v = y[0]
        v.add_(1)               # numbers only: allowed
    with pytest.raises(RuntimeError, match="made under no_grad"):
        index.fill_(v, 0)
    assert y.tolist() == [3, 2, 2]


def test_a_part_of_an_expanded_tensor_cannot_be_written():
    """All of its rows are the same memory."""
    y = shape.expand(minidl.ones(1, 3, requires_grad=True) * 2, (4, 3))
    with pytest.raises(RuntimeError, match=r"a tensor that this one is a view of, shape \(4, 3\), share one place"):
        y[0].mul_(2)


def test_a_leaf_cannot_be_written_through_a_view():
    x = minidl.ones(3, requires_grad=True)
    for write in (lambda: x.add_(1), lambda: x[0].add_(1), lambda: x.__setitem__(0, 1)):
        with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
            write()
    assert x.tolist() == [1, 1, 1]


def test_an_update_without_gradients_leaves_views_in_use():
    """What an optimizer does to a weight whose transpose somebody holds."""
    w = minidl.ones(2, 3, requires_grad=True)
    wt = w.t()
    with minidl.no_grad():
        w.sub_(0.5)
    g, = grad((wt * wt).sum(), w)
    assert g.tolist() == [[1, 1, 1], [1, 1, 1]]


# ---------------------------------------------------------------------- made up, against numbers with derivatives

class Dual:
    """Places in a memory of numbers that carry their derivatives along."""

    def __init__(self, values, slopes, places=None):
        self.values, self.slopes = values, slopes       # (n,), (n, parameters): shared by all views
        self.places = np.arange(len(values)) if places is None else places

    @classmethod
    def of(cls, values, slopes):
        shape = values.shape
        return cls(values.reshape(-1).copy(), slopes.reshape(values.size, -1).copy(),
                   np.arange(values.size).reshape(shape))

    def read(self):
        return self.values[self.places], self.slopes[self.places]

    def write(self, values, slopes):
        self.values[self.places], self.slopes[self.places] = values, slopes

    def look(self, function):
        return Dual(self.values, self.slopes, function(self.places))


VIEWS = {
    "first": (lambda x: x[0], 1), "last row on": (lambda x: x[-1:], 1), "every other": (lambda x: x[::2], 1),
    "last column": (lambda x: x[..., -1], 1), "new axis": (lambda x: x[None], 0),
    "all": (lambda x: x[...], 0),
}
SHAPE_VIEWS = {     # of a tensor, and of its places
    "turned": (lambda x: shape.permute(x, tuple(range(x.ndim))[::-1]), lambda p: p.T, 0),
    "swapped": (lambda x: shape.transpose(x, 0, -1), lambda p: p.swapaxes(0, -1), 1),
    "squeezed": (shape.squeeze, lambda p: p.squeeze(), 0),
    "diagonal": (shape.diagonal, lambda p: np.moveaxis(np.array([p[i, i] for i in range(min(p.shape[:2]))]), 0, -1), 2),
    "second half": (lambda x: shape.chunk(x, 2)[-1], lambda p: p[(len(p) + 1) // 2:] if len(p) > 1 else p, 1),
    "unbound": (lambda x: shape.unbind(x)[-1], lambda p: p[-1], 1),
    "narrowed": (lambda x: shape.narrow(x, -1, 0, 1), lambda p: p[..., :1], 1),
    "split off": (lambda x: shape.split(x, [1, x.shape[-1] - 1], -1)[0], lambda p: p[..., :1], 1),
}
ALL_VIEWS = {**{name: (f, f, need) for name, (f, need) in VIEWS.items()}, **SHAPE_VIEWS}
LEAF = np.linspace(-1, 1, 12).reshape(3, 2, 2)


class Machine(RuleBasedStateMachine):
    """Random views, writes and reads; afterwards, the derivative of a weighted sum of everything."""

    @initialize()
    def start(self):
        self.leaf = minidl.tensor(LEAF, requires_grad=True)
        self.pairs = [(self.leaf * 1, Dual.of(LEAF, np.eye(LEAF.size))),
                      (minidl.ones(3, 2, dtype=minidl.float64), Dual.of(np.ones((3, 2)), np.zeros((6, LEAF.size))))]
        self.total, self.slope = minidl.zeros((), dtype=minidl.float64), np.zeros(LEAF.size)

    def pick(self, number):
        return self.pairs[number % len(self.pairs)]

    @rule(which=st.integers(0, 99), name=st.sampled_from(sorted(ALL_VIEWS)))
    def look(self, which, name):
        x, model = self.pick(which)
        ours, theirs, need = ALL_VIEWS[name]
        if x.ndim >= need and (x.ndim == 0 or len(self.pairs) < 12):
            self.pairs.append((ours(x), model.look(theirs)))

    @rule(which=st.integers(0, 99))
    def view_flat(self, which):
        """A reshape, where it is a view."""
        x, model = self.pick(which)
        if x.is_contiguous():
            self.pairs.append((shape.reshape(x, (-1,)), model.look(lambda p: p.reshape(-1))))

    @rule(which=st.integers(0, 99), factor=st.sampled_from([-1.5, 0.5, 2.0]))
    def scale(self, which, factor):
        x, model = self.pick(which)
        values, slopes = model.read()
        x.mul_(factor)
        model.write(values * factor, slopes * factor)

    @rule(which=st.integers(0, 99), other=st.integers(0, 99), product=st.booleans())
    def combine(self, which, other, product):
        """x += y or x *= y, where y, or its first element, may look into the same memory."""
        x, model = self.pick(which)
        y, y_model = self.pick(other)
        y_values, y_slopes = y_model.read()
        if x.shape != y.shape:
            y, y_values = shape.reshape(y, (-1,))[0], y_values.reshape(-1)[0]
            y_slopes = y_slopes.reshape(-1, LEAF.size)[0]
        values, slopes = model.read()
        if product and max(np.abs(values).max(initial=0), np.abs(y_values).max(initial=0)) < 100:   # no overflow
            x.mul_(y.clone())       # mul_ keeps y; later writes to y itself would be refused
            model.write(values * y_values, slopes * y_values[..., None] + values[..., None] * y_slopes)
        else:
            x.add_(y)
            model.write(values + y_values, slopes + y_slopes)

    @rule(which=st.integers(0, 99))
    def square(self, which):
        """Written by an op that needs what it overwrites."""
        x, model = self.pick(which)
        values, slopes = model.read()
        if np.abs(values).max(initial=0) < 100:
            x.square_()
            model.write(values ** 2, 2 * values[..., None] * slopes)

    @rule(which=st.integers(0, 99))
    def add_up(self, which):
        """Written by a function of several ops."""
        x, model = self.pick(which)
        if x.ndim:
            values, slopes = model.read()
            x.cumsum_(0)
            model.write(values.cumsum(0), slopes.cumsum(0))

    @rule(which=st.integers(0, 99))
    def compare(self, which):
        """Written with what has no gradient."""
        x, model = self.pick(which)
        values, _ = model.read()
        x.gt_(1)
        model.write(values > 1, 0.0)

    @rule(which=st.integers(0, 99), way=st.sampled_from(["transpose_", "unsqueeze_", "squeeze_"]))
    def turn(self, which, way):
        """The tensor itself takes another shape; views of it, and what it is a view of, stay as they are."""
        x, model = self.pick(which)
        if way == "transpose_" and x.ndim:
            x.transpose_(0, -1)
            model.places = model.places.swapaxes(0, -1)
        elif way == "unsqueeze_" and x.ndim < 4:
            x.unsqueeze_(0)
            model.places = model.places[None]
        elif way == "squeeze_":
            x.squeeze_()
            model.places = model.places.squeeze()

    @rule(which=st.integers(0, 99), other=st.integers(0, 99))
    def copy(self, which, other):
        x, model = self.pick(which)
        y, y_model = self.pick(other)
        if x.shape == y.shape:
            values, slopes = y_model.read()
            index.copy_(x, y)
            model.write(values, slopes)

    @precondition(lambda self: len(self.pairs) > 2)
    @rule(which=st.integers(0, 99), value=st.sampled_from([0.0, 3.0]))
    def fill_some(self, which, value):
        """x[[-1, 0]] = value: written by arrays of positions."""
        x, model = self.pick(which)
        if x.ndim:
            x[[-1, 0]] = value
            rows = model.look(lambda p: p[[-1, 0]])
            rows.write(value, 0.0)

    @rule(which=st.integers(0, 99))
    def compute(self, which):
        """A new tensor from an old one."""
        x, model = self.pick(which)
        values, slopes = model.read()
        self.pairs.append((x * 2 + 1, Dual.of(values * 2 + 1, slopes * 2)))

    @rule(which=st.integers(0, 99), weight=st.sampled_from([1.0, -2.0]))
    def use(self, which, weight):
        """What was read before a write keeps the gradient that it had."""
        x, model = self.pick(which)
        self.total = self.total + x.sum() * weight
        self.slope = self.slope + model.read()[1].reshape(-1, LEAF.size).sum(0) * weight

    @invariant()
    def same_values(self):
        for x, model in getattr(self, "pairs", ()):
            np.testing.assert_allclose(x.detach().numpy(), model.read()[0], rtol=1e-9, atol=1e-9)

    def teardown(self):
        if not hasattr(self, "pairs"):
            return
        for i in range(len(self.pairs)):
            self.use(i, 1.0 + i)
        expected = self.slope.reshape(LEAF.shape)
        g = grad(self.total, self.leaf, allow_unused=True)[0] if self.total.requires_grad else None
        actual = np.zeros(LEAF.shape) if g is None else g.numpy()
        np.testing.assert_allclose(actual, expected, rtol=1e-7, atol=1e-7 * max(1.0, np.abs(expected).max()))


Machine.TestCase.settings = settings(max_examples=120, stateful_step_count=25, deadline=None)
TestMachine = Machine.TestCase


@pytest.mark.parametrize("added", [lambda y: y.reshape(-1)[0], lambda y: 5.0], ids=["its own element", "a number"])
def test_a_view_of_a_view_without_dimensions(added):
    """Gradients of 0-d tensors may come as NumPy scalars, which have no memory to look into."""
    leaf = minidl.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    y = leaf * 1
    flat = y.reshape(-1)
    first = flat[0]
    again = first.reshape(-1)
    factor = 1 if isinstance(added(y), float) else 2
    again.add_(added(y))
    (y.sum() + 10 * flat.sum() + 100 * first + 1000 * again.sum()).backward()
    assert leaf.grad.tolist() == [1111 * factor, 11, 11, 11]


def masked(y, x):
    return y.masked_fill(minidl.tensor(False), 1.0)


def everything(y, x):
    y[...] = x * 2
    return y


def where_true(y, x):
    y[minidl.tensor(True)] = x
    return y


@pytest.mark.parametrize("write, slope", [(masked, 36), (everything, 16), (where_true, 4)])
def test_writes_into_tensors_without_dimensions(write, slope):
    x = minidl.tensor(2.0, requires_grad=True)
    y = write(x * 3, x)
    (y * y).backward()
    assert x.grad.item() == slope


def test_what_was_expanded_without_repeating_can_be_written():
    x = minidl.zeros(1, 3)
    x.expand(1, 3).add_(1)
    assert x.tolist() == [[1, 1, 1]] and minidl.zeros(1).expand(0).add_(1).shape == (0,)
    locked = np.zeros((1, 3))
    locked.setflags(write=False)
    with pytest.raises(ValueError, match="read-only"):
        minidl.from_numpy(locked).expand(1, 3).add_(1)


# ---------------------------------------------------------------------- results that a function has reshaped

LIBRARIES = pytest.mark.parametrize("library", [minidl, pytest.param(torch, marks=pytest.mark.skipif(
    torch is None, reason="PyTorch is not installed"))], ids=["minidl", "torch"])

OWNERS = {      # their last step is a view of what was computed, which nobody else holds
    "prod": lambda lib, x: x.prod(),
    "a matrix and a vector": lambda lib, x: x @ x[0],
    "mv": lambda lib, x: lib.mv(x, x[0]),
    "solve": lambda lib, x: lib.linalg.solve(x, x[0]),
    "cholesky": lambda lib, x: lib.linalg.cholesky(x @ x.mT, upper=True),
    "max, the first of two": lambda lib, x: x.max(1)[0],
    "max, by name": lambda lib, x: lib.max(input=x, dim=1).values,
    "roll": lambda lib, x: x.roll(1),
    "vmap": lambda lib, x: lib.func.vmap(lambda row: row * 2)(x),
    "turned in place": lambda lib, x: x.prod().unsqueeze_(0),
    "turned twice": lambda lib, x: (x * 1).unsqueeze_(0).transpose_(0, 2),
}
VIEWS = {
    "element": lambda lib, x: x[0],
    "transposed": lambda lib, x: x.T,
    "expanded": lambda lib, x: x[:, :, None].expand(2, 2, 3),
    "split": lambda lib, x: x.split(1)[1],
    "several, of several": lambda lib, x: lib.broadcast_tensors(x[:1], x)[0],
    "by name": lambda lib, x: lib.transpose(input=x, dim0=0, dim1=1),
    "a list": lambda lib, x: lib.atleast_3d([lib.zeros(1), x])[1],
    "a view of a view": lambda lib, x: x[0].reshape(2, 1).flatten(),
    "a view of another, at last": lambda lib, x: lib.atleast_3d(x[0])[0],
    "the diagonal": lambda lib, x: x.diagonal(),
}


def invertible(library):
    return library.tensor([[2.0, 3.0], [1.0, 5.0]], dtype=library.float64, requires_grad=True)


@LIBRARIES
@pytest.mark.parametrize("name", OWNERS)
def test_a_write_beside_the_tape_leaves_the_edge_of_a_result(name, library):
    t = OWNERS[name](library, invertible(library))
    y, step = (t * 3).sum(), t.grad_fn
    t.detach().add_(0.25)
    assert grad_of(library, y, t).tolist() == library.full_like(t, 3.0).tolist()
    assert library is not minidl or t.grad_fn is step


@LIBRARIES
def test_a_leaf_that_was_turned_in_place_stays_one(library):
    x = library.ones(2, 3).t_().requires_grad_()
    x.detach().add_(1)
    assert x.is_leaf and x.requires_grad
    (x * x).sum().backward()
    assert x.grad.tolist() == [[4.0, 4.0]] * 3


def grad_of(library, y, x):
    return library.autograd.grad(y, x, allow_unused=True)[0]


@pytest.mark.parametrize("name", OWNERS)
def test_a_result_can_be_detached_in_place(name):
    t = OWNERS[name](minidl, invertible(minidl))
    assert t.detach_() is t and t.is_leaf and not t.requires_grad


@pytest.mark.parametrize("name", OWNERS)
def test_a_result_that_was_made_without_gradients_can_be_written_with(name):
    x = invertible(minidl)
    with minidl.no_grad():
        t = OWNERS[name](minidl, x)
    w = minidl.tensor(2.0, dtype=t.dtype, requires_grad=True)
    before = t.sum().item()
    t.mul_(w)
    assert grad(t.sum(), w)[0].item() == pytest.approx(before)


@pytest.mark.parametrize("name", [name for name in OWNERS if name not in ("solve", "cholesky")])    # they keep it
def test_a_result_that_was_written_has_the_gradient_of_the_program_without(name):
    def written(x, w):
        t = OWNERS[name](minidl, x)
        part = t[..., :1] if t.ndim else t
        part += w
        return t * t

    x, w = invertible(minidl), minidl.tensor(2.0, dtype=minidl.float64, requires_grad=True)
    assert gradcheck(written, (x, w))


@LIBRARIES
@pytest.mark.parametrize("name", VIEWS)
def test_a_view_of_an_argument_stays_one(name, library):
    x = invertible(library)
    base = x * 1
    v = VIEWS[name](library, base)
    assert library is torch or path_to_owner(v)[-1] is base
    with pytest.raises(RuntimeError, match="Can't detach views"):
        v.detach_()
    if library is torch and name == "split":
        return      # one of several views is not read after a write
    base.mul_(x)
    assert grad_of(library, v.sum(), x).tolist() == grad_of(library, VIEWS[name](library, x * x).sum(), x).tolist()


# ---------------------------------------------------------------------- views that were made leaves

def leaf_view(library):
    """w, which requires grad; five zeros; and a view of three of them that was made a leaf."""
    w, base = library.tensor(2.0, requires_grad=True), library.ones(5)
    return w, base, base[1:4].requires_grad_()


LEAF_VIEW_WRITES = {    # and the gradient of w through the square of the view's first two elements; None: still a leaf
    "the base, with a gradient": (lambda w, base: base.mul_(w), 8),
    "one element of the base": (lambda w, base: base.__setitem__(2, w), 4),
    "an element beside the view": (lambda w, base: base.__setitem__(0, w), 0),
    "another view": (lambda w, base: base[2:].mul_(w), 4),
    "the base, without a gradient": (lambda w, base: base.mul_(3.0), None),
    "nothing": (lambda w, base: None, None),
}


@LIBRARIES
@pytest.mark.parametrize("write", LEAF_VIEW_WRITES)
def test_a_view_that_was_made_a_leaf_follows_gradients_written_into_its_base(write, library):
    change, slope = LEAF_VIEW_WRITES[write]
    w, base, v = leaf_view(library)
    change(w, base)
    assert v.is_leaf is (slope is None) and v.requires_grad
    v[:2].square().sum().backward()
    if slope is None:
        assert v.grad.tolist() == [2 * x for x in v.tolist()[:2]] + [0] and w.grad is None
    else:
        assert w.grad.item() == slope


@LIBRARIES
def test_a_leaf_view_that_was_used_before_its_base_was_written(library):
    w, base, v = leaf_view(library)
    y = v + 1
    base.mul_(w)
    with pytest.raises(RuntimeError, match="leaf variable has been moved into the graph interior"):
        y.sum().backward()


def test_a_view_that_is_a_leaf_no_more_is_a_view_again():
    w, base, v = leaf_view(minidl)
    v.requires_grad_(False)
    base.mul_(w)
    v.sum().backward()
    assert w.grad.item() == 3


def test_a_leaf_view_may_be_written_without_gradients():
    w, base, v = leaf_view(minidl)
    with minidl.no_grad():
        v.mul_(2.0)
        base.add_(1.0)
    assert v.is_leaf and v.tolist() == [3, 3, 3]
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        v.mul_(2.0)
    with pytest.raises(RuntimeError, match="view of a leaf Variable"):
        v[:1].mul_(2.0)


@LIBRARIES
def test_a_view_is_written_into_its_base_that_was_transposed_since(library):
    """x[0] is not the view that it was: the values must be written."""
    x = library.tensor([[1.0, 2.0], [3.0, 4.0]])
    row = x[0]
    x.t_()
    x[0] = row
    assert x.tolist() == [[1, 2], [2, 4]]


def first(*rest):
    """Positions along dim 0: the first row."""
    return (0, minidl.tensor([0]), *rest)


WRITERS = {     # the name in errors, and a write into three numbers
    "setitem": lambda x: x.__setitem__(0, 1.0),
    "setitem of places": lambda x: x.__setitem__([0, 2], 1.0),
    "setitem of a mask": lambda x: x.__setitem__(x > 9, 1.0),
    "fill_": lambda x: x.fill_(1.0),
    "zero_": lambda x: x.zero_(),
    "copy_": lambda x: x.copy_(minidl.ones(3)),
    "scatter_": lambda x: x.scatter_(*first(minidl.ones(1))),
    "scatter_add_": lambda x: x.scatter_add_(*first(minidl.ones(1))),
    "index_add_": lambda x: x.index_add_(*first(minidl.ones(1))),
    "index_copy_": lambda x: x.index_copy_(*first(minidl.ones(1))),
    "index_fill_": lambda x: x.index_fill_(*first(2.0)),
    "index_put_": lambda x: x.index_put_((minidl.tensor([0]),), minidl.ones(1)),
    "masked_fill_": lambda x: x.masked_fill_(minidl.tensor([True, False, True]), 2.0),
    "dropout": lambda x: minidl.nn.functional.dropout(x, inplace=True),
    "alpha_dropout": lambda x: minidl.nn.functional.alpha_dropout(x, 0.5, True, inplace=True),
}


@pytest.mark.parametrize("name", WRITERS)
def test_errors_name_the_function_that_wrote(name):
    write, who = WRITERS[name], name.split()[0]
    with pytest.raises(RuntimeError, match=f"^{who}: a .*leaf Variable"):
        write(minidl.ones(3, requires_grad=True))
    leaf = minidl.ones(3, requires_grad=True)
    factor = minidl.ones(3)
    y = leaf * factor
    write(factor)
    with pytest.raises(RuntimeError, match=f"last written by {who}\\)"):
        y.sum().backward()
