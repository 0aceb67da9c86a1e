"""Indexing: x[index] and x[index] = value, gather and scatter, masks, embedding, sorting."""
from __future__ import annotations

import math
import random

import numpy as np
import pytest

import minidl
from minidl.ops import embedding, index
from tests.checking import Case, S, check_case, torch
from tests.ops import rows
from tests.ops.rows import calls, row

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
R = S.raw
ROWS = np.array([2, 0, 2])
MASK = np.array([True, False, True])


def get(key):
    """`x[key]`, for tensors of either library."""
    def function(x):
        def convert(item):
            return (minidl.tensor(item) if isinstance(x, minidl.Tensor) else torch.tensor(item)) \
                if isinstance(item, np.ndarray) else item
        return x[tuple(map(convert, key)) if isinstance(key, tuple) else convert(key)]
    return function


def put(key):
    """`x` after `x[key] = value`, for tensors of either library."""
    def function(x, value):
        def convert(item):
            return (minidl.tensor(item) if isinstance(x, minidl.Tensor) else torch.tensor(item)) \
                if isinstance(item, np.ndarray) else item
        y = x * 1
        y[tuple(map(convert, key)) if isinstance(key, tuple) else convert(key)] = value
        return y
    return function


KEYS = [     # an index, and the shape of what it reads from (3, 4, 2)
    (0, (4, 2)), (-1, (4, 2)), (slice(1, None), (2, 4, 2)), (slice(None, None, 2), (2, 4, 2)), ((1, 2, 0), ()),
    (None, (1, 3, 4, 2)), (..., (3, 4, 2)), ((..., 0), (3, 4)), ((0, ..., None, 1), (4, 1)), ((), (3, 4, 2)),
    (True, (1, 3, 4, 2)), (False, (0, 3, 4, 2)), (ROWS, (3, 4, 2)), (MASK, (2, 4, 2)), ([0, -1], (2, 4, 2)),
    ((slice(None), ROWS), (3, 3, 2)), ((ROWS, ROWS), (3, 2)), ((ROWS, slice(None), np.array([0, 1, 1])), (3, 4)),
    ((0, slice(None), np.array([1, 0])), (4, 2)),        # NumPy would put the list's axis first
    ((ROWS[:, None], ROWS), (3, 3, 2)), ((MASK, 0), (2, 2)), ((MASK, np.array([1, 3])), (2, 2)),
    ((ROWS, None, 1), (3, 1, 2)),
    (np.arange(12).reshape(3, 4) % 2 == 0, (6, 2)),
    ((..., np.array([[0], [1]])), (3, 4, 2, 1)),
    (np.array(2), (4, 2)), (np.array(True), (1, 3, 4, 2)), (range(2), (2, 4, 2)), (np.array([], int), (0, 4, 2)),
]


@pytest.mark.parametrize("key", [key for key, _ in KEYS], ids=repr)
def test_getitem(key):
    check_case(Case(get(key), [S((3, 4, 2))], torch=get(key), name="getitem"))


@pytest.mark.parametrize("key, size", [(k, s) for k, s in KEYS if not repr(k).count("2, 0, 2")], ids=repr)
def test_setitem(key, size):
    """Where no place is named twice."""
    samples = [S((3, 4, 2), size), S((3, 4, 2), ()), S((3, 4, 2), (1, *size)), S((3, 4, 2), 1.5)]
    check_case(Case(put(key), samples + [S((3, 4, 2), size[1:])] * (len(size) > 1), torch=put(key), name="setitem"))


@needs_torch
def test_random_indices_against_torch():
    choose, stream = random.Random(3), np.random.default_rng(3)

    def item(n):
        kind = choose.choice(["int", "slice", "array", "none", "bool", "mask"])
        end = [None, *range(-n - 1, n + 2)]
        return {"int": lambda: choose.randrange(-n, n), "none": lambda: None, "bool": lambda: choose.random() < .7,
                "slice": lambda: slice(choose.choice(end), choose.choice(end), choose.choice([None, 1, 2])),
                "array": lambda: stream.integers(-n, n, choose.choice([(2,), (1,), (3, 2), (2, 1)])),
                "mask": lambda: stream.random(n) < .5}[kind]()

    compared = 0
    for _ in range(400):
        shape = tuple([choose.randrange(1, 5) for _ in range(choose.randrange(1, 5))])
        key, axis = [], 0
        for _ in range(choose.randrange(1, 5)):
            if axis < len(shape):
                key.append(item(shape[axis]))
                axis += not (key[-1] is None or isinstance(key[-1], bool))
        x = stream.standard_normal(shape)
        ours, theirs = minidl.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        try:
            expected = get(tuple(key))(theirs)
        except IndexError:
            with pytest.raises(IndexError):
                get(tuple(key))(ours)
            continue
        if not expected.numel():
            continue
        out = get(tuple(key))(ours)
        np.testing.assert_array_equal(out.detach().numpy(), expected.detach().numpy(), err_msg=f"{shape} {key}")
        shared = expected.untyped_storage().data_ptr() == theirs.untyped_storage().data_ptr()
        assert np.shares_memory(out.array, ours.array) == shared, f"{shape} {key}"
        g = stream.standard_normal(out.shape)
        out.backward(minidl.tensor(g))
        expected.backward(torch.tensor(g))
        np.testing.assert_allclose(ours.grad.array, theirs.grad.numpy(), atol=1e-12, err_msg=f"{shape} {key}")
        compared += 1
    assert compared > 200


@pytest.mark.parametrize("key, text", [
    (5, "index 5 is out of bounds for dimension 0 with size 3"),
    ((0, -5), "index -5 is out of bounds for dimension 1 with size 4"),
    ([5], "index 5 is out of bounds for dimension 0 with size 3"),
    ((0, 0, 0), "too many indices for tensor of dimension 2"),
    (1.5, "only integers, slices"), ("a", "only integers, slices"),
    (np.array([1.5]), "must be integer or bool tensors"),
    (np.array([True, False]), "The shape of the mask [2] at index 0 does not match the shape of the indexed tensor"),
    (np.array([1], np.uint8), "say which with .long() or .bool()"),
    (([0, 1], [0, 1, 2]), "shape mismatch"), ((slice(0), "x"), "only integers, slices"),
])
def test_index_errors(key, text):
    x = minidl.zeros(3, 4)
    for action in (lambda: x[key], lambda: x.__setitem__(key, 1.0)):
        with pytest.raises((IndexError, TypeError)) as error:
            action()
        has_text = isinstance(key, str) or isinstance(key, tuple) and isinstance(key[-1], str)
        assert text in str(error.value) and error.type is (TypeError if has_text else IndexError)


def test_getitem_by_hand():
    x = minidl.tensor([10.0, 20.0, 30.0], requires_grad=True)
    y = x[[0, 2, 0]]
    assert y.tolist() == [10, 30, 10]
    y.backward(minidl.tensor([1.0, 2.0, 3.0]))
    assert x.grad.tolist() == [4, 0, 2]         # the first element was read twice: 1 + 3


def test_setitem_by_hand():
    x = minidl.tensor([10.0, 20.0, 30.0], requires_grad=True)
    v = minidl.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    y[[0, 2]] = v
    assert y.tolist() == [1, 20, 2]
    y.backward(minidl.tensor([5.0, 6.0, 7.0]))
    assert x.grad.tolist() == [0, 6, 0] and v.grad.tolist() == [5, 7]


@pytest.mark.parametrize("step", [-1, -2, 0])
def test_a_step_below_1_is_refused(step):
    x = minidl.ones(3, 2)
    for call in (lambda: x[::step], lambda: x[..., ::step], lambda: x[:, ::step], lambda: minidl.tensor(1.)[::step],
                 lambda: x.__setitem__(slice(None, None, step), 1.0), lambda: x[[0, 1], ::step]):
        with pytest.raises(ValueError, match="step must be greater than zero"):
            call()


def test_the_last_of_several_writes_to_one_place_has_the_gradient():
    v = minidl.tensor([1.0, 2.0, 3.0], dtype=minidl.float64, requires_grad=True)
    y = minidl.zeros(2, dtype=minidl.float64)
    y[[1, 0, 1]] = v
    assert y.tolist() == [2, 3]
    y.backward(minidl.tensor([10.0, 20.0], dtype=minidl.float64))
    assert v.grad.tolist() == [0, 10, 20]
    assert minidl.autograd.gradcheck(lambda v: index.index_put(minidl.zeros(2, dtype=minidl.float64), (
        minidl.tensor([1, 0, 1]),), v), v)


def test_add_to_what_an_index_names():
    x = minidl.ones(3, 2, requires_grad=True)
    v = minidl.tensor([5.0, 7.0], requires_grad=True)
    y = x * 1
    y[1] += v
    y[[0, 2]] *= 2
    y[:, 0] -= 1
    assert y.tolist() == [[1, 2], [5, 8], [1, 2]]
    y.sum().backward()
    assert x.grad.tolist() == [[2, 2], [1, 1], [2, 2]] and v.grad.tolist() == [1, 1]


def test_a_view_added_to_is_not_written_twice():
    y = minidl.ones(3, requires_grad=True) * 1
    y[0] += 1
    assert y._version == 1


def test_what_was_made_without_gradients_cuts_them():
    leaf = minidl.ones(2, requires_grad=True)
    y = leaf * 1
    with minidl.no_grad():
        v = y[0]
    y[0] = v
    y.sum().backward()
    assert leaf.grad.tolist() == [0, 1]


def test_setitem_casts_and_refuses():
    x = minidl.zeros(3, dtype=minidl.int64)
    x[0] = 2.7
    x[1:] = minidl.tensor([1.9, -1.9])
    assert x.tolist() == [2, 1, -1] and x.dtype == minidl.int64
    x[:] = [4, 5, 6]
    assert x.tolist() == [4, 5, 6]
    for key in (slice(0, 2), [0, 1]):
        with pytest.raises(RuntimeError, match=r"shape mismatch: value tensor of shape \[3\] cannot be broadcast"):
            x[key] = minidl.zeros(3)
    with pytest.raises(TypeError, match="can't assign a str"):
        x[0] = "a"
    leaf = minidl.zeros(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        leaf[0] = 1
    with minidl.no_grad():
        leaf[0] = 1
    assert leaf.tolist() == [1, 0, 0]


def test_overlapping_copy():
    x = minidl.arange(5.0)
    x[1:] = x[:-1]
    assert x.tolist() == [0, 0, 1, 2, 3]


def test_steps_written_into_one_tensor():
    """The usual loop of a recurrent network: out[t] = h."""
    w = minidl.tensor(0.5, dtype=minidl.float64, requires_grad=True)

    def loop(w):
        h, out = minidl.ones(3, dtype=minidl.float64), minidl.zeros(4, 3, dtype=minidl.float64)
        for step in range(4):
            h = h * w
            out[step] = h
        return out
    assert minidl.autograd.gradcheck(loop, w) and minidl.autograd.gradgradcheck(loop, w)


# ---------------------------------------------------------------------- functions

LONG = np.array([[0, 2], [1, 0]])


def multiplied(x, dim, places, src):
    """`scatter(reduce="multiply")`, one value after the other; PyTorch's has no gradient."""
    y, src = x.copy(), np.broadcast_to(src, places.shape)
    for at in np.ndindex(*places.shape):
        to = (*at[:dim], places[at], *at[dim + 1:])
        y[to] *= src[at]
    return y


CASES = [
    Case(index.gather, [S((3, 4), 0, LONG), S((3, 4), 1, LONG), S((3, 4), -1, np.zeros((3, 0), int)), S((3,), 0, ROWS),
                        S((2, 3, 4), 1, np.array([[[0, 2, 1]], [[1, 1, 1]]])), S((), 0, np.array(0))], torch="gather",
         errors=[(S((3, 4), 0, np.array([1])), RuntimeError, "same number of dimensions"),
                 (S((3, 4), 0, np.array([[5]])), RuntimeError, "index 5 is out of bounds for dimension 0 with size 3"),
                 (S((3, 4), 0, np.array([[-1]])), RuntimeError, "index -1 is out of bounds for dimension 0"),
                 (S((2, 2), 0, np.zeros((1, 3), int)), RuntimeError,
                  "no larger than self [2, 2] apart from dimension 0"),
                 (S((2, 2), 0, (1, 1)), RuntimeError, "Expected dtype int64 for index")]),
    Case(index.scatter, [S((3, 4), 0, LONG[:, :1], (2, 1)), S((3, 4), 1, LONG, (2, 2)), S((3, 4), 1, LONG, 2.5),
                         S((3,), 0, np.array([2, 0]), (2,))], torch="scatter",
         errors=[(S((3, 4), 0, LONG, np.zeros((2, 2), int)), RuntimeError, "self.dtype to be equal to src.dtype"),
                 (S((3, 4), 0, LONG, (2, 1)), RuntimeError, "no larger size than src [2, 1]"),
                 (S((3, 4), 0, LONG, 1.0, reduce="mean"), RuntimeError, "must be either add or multiply, got 'mean'")]),
    Case(lambda *args: index.scatter(*args, reduce="add"), [S((3, 4), 0, LONG, (2, 2))], torch="scatter_add",
         name="scatter(reduce)"),
    Case(lambda *args: index.scatter(*args, reduce="multiply"),
         [S((3, 4), 0, LONG, (2, 2)), S((3, 4), 1, LONG, 1.5), S((3,), 0, ROWS, (3,))], name="scatter(multiply)",
         oracle=multiplied),
    Case(index.scatter_add, [S((3,), 0, ROWS, (5,)), S((3,), 0, ROWS[:1], (2,))], name="scatter_add(larger src)",
         oracle=lambda x, dim, rows, src: np.array([v + sum(s for r, s in zip(rows, src) if r == i)
                                                    for i, v in enumerate(x)])),
    Case(index.scatter_add, [S((3, 4), 0, LONG, (2, 2)), S((3, 4), 1, np.zeros((3, 4), int), (3, 4)),
                             S((3,), 0, ROWS, (3,))], torch="scatter_add"),
    row("scatter_add",
        S((3, 4), 0, np.array([[0, 2, 1, 0]]), (1, 4)),
        S((2, 3), 1, np.array([[0, 0, 2], [1, 1, 1]]), (2, 3)),
        S((4,), -1, rows.INDEX, (3,)),
        S(np.arange(4), 0, rows.INDEX, rows.INDEX)),
    Case(index.index_select, [S((3, 4), 0, ROWS), S((3, 4), 1, ROWS), S((3, 4), -1, np.array([], int)),
                              S((3,), 0, np.array(1)), S((), 0, np.array([0]))], torch="index_select",
         errors=[(S((3, 4), 0, LONG), IndexError, "supposed to be a vector"),
                 (S((3, 4), 0, np.array([3])), IndexError, "index 3 is out of bounds for dimension 0 with size 3")]),
    Case(index.index_add, [S((3, 4), 0, ROWS, (3, 4)), S((3, 4), 1, ROWS, (3, 3), alpha=2), S((3,), 0, ROWS, (3,))],
         torch="index_add", errors=[(S((3, 4), 0, ROWS, (2, 4)), RuntimeError, "expected source of shape (3, 4)")]),
    row("index_add",
        S((4, 2), 0, rows.INDEX, (3, 2)),
        S((2, 4), 1, rows.INDEX, (2, 3), alpha=0.5),
        S((4,), -1, rows.INDEX, (3,)),
        S(np.arange(4), 0, rows.INDEX, np.array([1, 2, 3]))),
    Case(index.index_copy, [S((3, 4), 0, np.array([2, 0]), (2, 4)), S((3, 4), 1, np.array([3]), (3, 1))],
         torch="index_copy"),
    row("index_copy",
        S((4, 2), 0, np.array([0, 3]), (2, 2)),
        S((2, 4), 1, np.array([2]), (2, 1)),
        S((4,), -1, np.array([1, 0]), (2,)),
        S(np.arange(4), 0, np.array([1, 2]), np.array([7, 8]))),
    Case(index.index_fill, [S((3, 4), 0, ROWS, 1.5), S((3, 4), 1, np.array([0, 2]), ())], torch="index_fill",
         errors=[(S((3, 4), 0, ROWS, (2,)), RuntimeError, "0-dimensional value tensor"),
                 (S((3, 4), 0, np.array([9]), 1.0), IndexError, "index 9 is out of bounds")]),
    row("index_fill",
        S((4, 2), 0, rows.INDEX, 1.5),
        S((2, 4), -1, rows.INDEX, 0.0),
        S((4,), 0, rows.INDEX, 2),
        S(np.arange(4), 0, rows.INDEX, 9)),
    Case(index.take, [S((3, 4), LONG), S((3, 4), np.array([-1, 11])), S((3, 4), np.array(5))], torch="take",
         errors=[(S((3, 4), np.array([12])), IndexError, "on a tensor of 12 elements")]),
    row("take", S((2, 3), rows.INDEX), S((2, 3), np.array([[-1, 5]])), S((), np.array(0)), S(rows.INTS, rows.INDEX)),
    Case(index.take_along_dim, [
        S((3, 4), LONG, None),
        S((3, 4), np.array([[1], [0], [2]]), 1),
        S((1, 4), ROWS[:, None], 1),
        S((3, 4), np.array([[1]]), 0),
    ], torch="take_along_dim", errors=[(S((3, 4), ROWS, 0), RuntimeError, "same number of dimensions")]),
    Case(index.repeat_interleave, [S((3, 2), 2), S((3, 2), 2, 0), S((3, 2), 3, 1), S((3, 2), np.array([1, 0, 2]), 0),
                                   S((2,), np.array([2])), S((3,), 0)], torch="repeat_interleave",
         errors=[(S((3,), np.array([1, 2])), RuntimeError, "repeats must have the same size as input along dim")]),
    Case(index.masked_fill, [
        S((3, 2), MASK[:, None], 2.0),
        S((3,), MASK, ()),
        S((3, 1), np.array([[True, False]]), 7),
    ], torch="masked_fill", errors=[
        (S((3,), ROWS, 0.0), RuntimeError, "only supports boolean masks"),
        (S((3,), MASK, (2,)), RuntimeError, "0-dimensional value tensor"),
        (S((4,), MASK, 0.0), RuntimeError, "cannot be broadcast"),
    ]),
    Case(index.masked_select, [S((3, 2), MASK[:, None]), S((3,), MASK), S((1, 3), MASK[:, None])],
         torch="masked_select"),
    row("masked_select",
        S((2, 3), rows.BOOLS),
        S((3,), rows.BOOLS),
        S((2, 3), ~rows.BOOLS[0]),
        S(rows.INTS, rows.BOOLS)),
    Case(index.masked_scatter, [S((3, 2), MASK[:, None], (4,)), S((3,), MASK, (2, 2))], torch="masked_scatter",
         errors=[(S((3,), MASK, (1,)), RuntimeError, "at least 2 elements")]),
    row("masked_scatter",
        S((2, 3), rows.BOOLS, (3,)),
        S((2, 3), rows.BOOLS, (2, 3)),
        S((3,), rows.BOOLS[0], (4,)),
        S(rows.INTS, rows.BOOLS, rows.POSITIVE_INTS)),
    Case(index.nonzero, [S(LONG), S(MASK), S(np.array(3)), S(np.array(0)), S(np.zeros((2, 0), int))],
         torch="nonzero", grad=False),
    Case(index.nonzero, [S(LONG, as_tuple=True), S(np.array(3), as_tuple=True)], torch="nonzero", grad=False,
         name="nonzero(as_tuple)"),
    Case(index.argwhere, [S(LONG)], torch="argwhere", grad=False),
    row("argwhere", S((2, 3)), S(rows.BOOLS), S(rows.INTS), S((0, 2)), grad=False),
    Case(embedding.one_hot, [S(LONG), S(LONG, 5), S(np.array(1))], torch="one_hot", grad=False,
         errors=[(S(np.array([-1])), RuntimeError, "Class values must be non-negative"),
                 (S(np.array([5]), 3), RuntimeError, "must be smaller than num_classes, but got 5 with num_classes=3"),
                 (S((2,)), RuntimeError, "only applicable to integer tensors"),
                 (S(np.array([], int)), RuntimeError, "Can not infer")]),
    row("nn.functional.one_hot",
        S(rows.INDEX),
        S(rows.INDEX, 5),
        S(np.array(1), 2),
        S(np.array([[0, 1], [2, 0]])),
        grad=False),
    Case(embedding.embedding, [
        S(LONG, (3, 4)),
        S(ROWS, (3, 4)),
        S(np.array(1), (3, 4)),
        S(np.zeros((2, 0), int), (3, 4)),
    ], torch=lambda *args: torch.nn.functional.embedding(*args), errors=[
        (S(np.array([3]), (3, 4)), IndexError, "index 3 is out of bounds"),
        (S(LONG, (3,)), RuntimeError, "'weight' must be 2-D"),
        (S(LONG, (3, 4), 5), RuntimeError, "Padding_idx must be within num_embeddings"),
    ]),
    Case(index.tril_indices, [S(3, 4), S(3, 3, -1), S(2, 4, 1)], torch="tril_indices", grad=False, strict=False),
    *[row(name, S(2, 3), S(3, 2, 1), S(2, 4, -1), S(0, 3), strict=False, grad=False)
      for name in ("tril_indices", "triu_indices")],
    Case(index.triu_indices, [S(3, 4), S(3, 3, -1), S(2, 4, 1)], torch="triu_indices", grad=False, strict=False),
    Case(index.sort, [S((3, 4)), S((3, 4), 0), S((5,), 0, True), S((2, 3, 2), 1, True), S((0,)), S(())], torch="sort"),
    Case(index.argsort, [S((3, 4)), S((3, 4), 0), S((5,), 0, True)], torch="argsort", grad=False),
    row("argsort", S((2, 3)), S((2, 3), 0), S((2, 3), -1, True), S(np.array([5, 3, 9])), grad=False),
    Case(
        index.topk,
        [S((10,), 2), S((3, 9), 2, 1), S((9, 2), 2, 0, False), S((5,), 5), S((5,), 0), S((3, 9), 1, -1, False)],
        torch="topk", errors=[(S((3, 4), 5), RuntimeError, "k = 5, but dimension 1 has size 4")]),
    Case(index.searchsorted, [S(np.array([1, 3, 5]), np.array([[0, 3], [9, 4]])),
                              S(np.array([1, 3, 5]), np.array([3]), right=True),
                              S(np.array([[1, 3], [2, 4]]),
                                np.array([[2, 3, 4], [2, 3, 4]]))], torch="searchsorted", grad=False),
    Case(index.bucketize, [S(np.array([1, 4, 9]), np.array([2, 5]))], torch="bucketize", grad=False),
    row("fill", S((2, 3), 2.5), S((), 1), S((0, 2), 1.0), S(rows.INTS, 7), S(rows.BOOLS, 1)),
    row("nonzero_static",
        S(rows.INTS, size=3),
        S(rows.INTS, size=9),
        S(rows.BOOLS, size=2, fill_value=7),
        S(np.zeros((0, 2)), size=1),
        S(np.array(3), size=2),
        grad=False),
    calls("index_put", lambda lib, x, i, v, *args: lib.index_put(x, (i,), v, *args),
          S((4,), rows.INDEX[:2], (2,)),
          S((4, 2), rows.INDEX, (3, 2), True),
          S((4,), rows.INDEX, (), True),
          S(np.arange(4), rows.INDEX[:2], np.array([7, 8]))),
]


def assigned(x, v):
    y = x * 1
    y[:, 1] = v
    return y


def assigned_rows(x, v):
    y = x * 1
    y[[2, 0]] = v
    return y


def added_to(x, v):
    y = x * 1
    y[1:] += v
    return y


def copied(x, v):
    y = x * 1
    y[0].copy_(v)
    return y


def mask_filled(x, v):
    y = x * 1
    y.masked_fill_(y > 0, v)
    return y


# in place, the same function on Tensors of both libraries
CASES += [Case(fn, [S((3, 4), ())], torch=fn) for fn in (assigned, assigned_rows, added_to, copied, mask_filled)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


IN_PLACE = [
    ("scatter_", (0, LONG[:, :1], np.ones((2, 1)))), ("scatter_", (0, LONG, 2.5)),
    ("scatter_add_", (0, LONG, np.ones((2, 2)))), ("index_add_", (0, ROWS, np.ones((3, 4)))),
    ("index_copy_", (0, np.array([2, 0]), np.ones((2, 4)))), ("index_fill_", (1, ROWS, 1.5)),
    ("index_fill_", (1, ROWS, np.array(2.0))), ("masked_fill_", (MASK[:, None], 0.5)),
    ("masked_fill_", (MASK[:, None], np.array(2.0))), ("copy_", (np.ones(4),)), ("copy_", (np.arange(3)[:, None],)),
    ("fill_", (3,)), ("fill_", (np.array(2.0),)), ("zero_", ()),
]


@needs_torch
@pytest.mark.parametrize("name, args", IN_PLACE, ids=lambda value: value if isinstance(value, str) else "")
def test_in_place(name, args):
    """Into a tensor and into a view of one, values and gradients as PyTorch's."""
    stream = np.random.default_rng(0)
    x, g = stream.standard_normal((2, 3, 4)), stream.standard_normal((2, 3, 4))
    results = []
    for library, function in ((minidl, getattr(index, name)), (torch, getattr(torch.Tensor, name))):
        made = [library.tensor(arg, **{"requires_grad": True} if arg.dtype.kind == "f" else {})
                if isinstance(arg, np.ndarray) else arg for arg in args]
        leaf = library.tensor(x, requires_grad=True)
        y = leaf * 2
        part = y[1]
        assert function(part, *made) is part
        y.backward(library.tensor(g))
        grads = [m.grad for m in made if hasattr(m, "grad") and m.requires_grad]
        results.append([np.asarray(t.detach()) for t in (y, leaf.grad, *grads)])
    for ours, theirs in zip(*results):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)


@needs_torch
def test_index_put():
    for accumulate in (False, True):
        results = []
        for library, function in ((minidl, index.index_put), (torch, torch.index_put)):
            x = library.tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
            v = library.tensor(np.array([1.0, 2.0]), requires_grad=True)
            y = function(x, (library.tensor([0, 1]), library.tensor([2, 2])), v, accumulate)
            (y * y).sum().backward()
            results.append([np.asarray(t.detach()) for t in (y, x.grad, v.grad)])
        for ours, theirs in zip(*results):
            np.testing.assert_array_equal(ours, theirs)
    y = index.index_put_(minidl.zeros(2), (minidl.tensor([1, 1]),), minidl.tensor([1.0, 2.0]), accumulate=True)
    assert y.tolist() == [0, 3]


@pytest.mark.parametrize("accumulate, at_a_place", [(False, 5), (True, 6)])
def test_index_put_at_a_number(accumulate, at_a_place):
    five, x = minidl.tensor(5.0), minidl.ones(2, 2)
    for i, (upper, lower) in (
        (1, (1, at_a_place)),
        (-2, (at_a_place, 1)),
        (True, (at_a_place, at_a_place)),
        (False, (1, 1)),
    ):
        y, expected = minidl.ones(2, 2), [[upper] * 2, [lower] * 2]
        assert x.index_put((minidl.tensor(i),), five, accumulate).tolist() == expected
        assert y.index_put_((minidl.tensor(i),), five, accumulate).tolist() == y.tolist() == expected
    rows = minidl.zeros(2, 3).index_put((minidl.tensor(1), minidl.tensor([0, 2])), minidl.tensor([4.0, 5.0]),
                                        accumulate)
    assert rows.tolist() == [[0, 0, 0], [4, 0, 5]]


@needs_torch
def test_unique():
    x = np.array([[3, 1, 3], [2, 3, 1], [3, 1, 3]])
    for kwargs in ({}, {"return_inverse": True}, {"return_counts": True},
                   {"return_inverse": True, "return_counts": True}, {"return_inverse": True, "dim": 0},
                   {"return_inverse": True, "return_counts": True, "dim": 1}):
        ours, theirs = index.unique(minidl.tensor(x), **kwargs), torch.unique(torch.tensor(x), **kwargs)
        for a, b in zip(*[(r if isinstance(r, tuple) else (r,)) for r in (ours, theirs)]):
            np.testing.assert_array_equal(a.array, b.numpy())


@needs_torch
@pytest.mark.parametrize("descending", [False, True])
def test_sort_keeps_equals_in_order_and_nan_largest(descending):
    x = np.array([2.0, 1.0, np.nan, 2.0, 1.0, np.inf, -np.inf])
    ours = index.sort(minidl.tensor(x), descending=descending, stable=True)
    theirs = torch.sort(torch.tensor(x), descending=descending, stable=True)
    np.testing.assert_array_equal(ours.values.array, theirs.values.numpy())
    np.testing.assert_array_equal(ours.indices.array, theirs.indices.numpy())
    top = index.topk(minidl.tensor(np.tile(x, 3)), 4, largest=descending)
    np.testing.assert_array_equal(top.values.array,
                                  torch.topk(torch.tensor(np.tile(x, 3)), 4, largest=descending).values)


def test_small_unsigned_integers_sort_downwards():
    x = minidl.tensor([0, 255, 7], dtype=minidl.uint8)
    assert index.sort(x, descending=True).values.tolist() == [255, 7, 0]


@needs_torch
@pytest.mark.parametrize("padding_idx", [0, 2, -1])
def test_the_padding_row_learns_nothing(padding_idx):
    """So its gradient is not the derivative, and finite differences cannot check it."""
    grads = []
    for library, function in ((minidl, embedding.embedding), (torch, torch.nn.functional.embedding)):
        weight = library.ones((3, 2), requires_grad=True)
        out = function(library.tensor([[0, 1], [0, 2]]), weight, padding_idx=padding_idx)
        (out * out).sum().backward()
        grads.append(weight.grad.tolist())
    assert grads[0] == grads[1] and grads[0][padding_idx] == [0, 0]


@needs_torch
@pytest.mark.parametrize("padding_idx", [None, 2])
def test_gradients_of_embedding_by_frequency(padding_idx):
    grads = []
    for library, function in ((minidl, embedding.embedding), (torch, torch.nn.functional.embedding)):
        weight = library.ones((4, 2), requires_grad=True)
        out = function(library.tensor([[0, 1], [0, 2], [0, 2]]), weight, padding_idx=padding_idx,
                       scale_grad_by_freq=True)
        (out * out).sum().backward()
        grads.append(weight.grad.tolist())
    np.testing.assert_allclose(*grads, rtol=1e-6)
    assert grads[0][0] == [2, 2]      # three times 2, divided by three


@needs_torch
@pytest.mark.parametrize("norm_type", [1.0, 2.0, math.inf])
def test_embedding_shortens_what_it_looks_up(norm_type):
    """Rows 0 and 2 are looked up and row 2 is too long; row 3 is too long, and left alone."""
    table = np.array([[0.1, 0.2], [3.0, 4.0], [3.0, -4.0], [9.0, 9.0]])
    results = []
    for library, function in ((minidl, embedding.embedding), (torch, torch.nn.functional.embedding)):
        weight = library.tensor(table, requires_grad=True)
        out = function(library.tensor([2, 0, 2]), weight, max_norm=1.5, norm_type=norm_type)
        out.sum().backward()
        results.append([weight.detach().tolist(), out.detach().tolist(), weight.grad.tolist()])
    for ours, theirs in zip(*results):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    assert results[0][0][3] == [9, 9] and results[0][0][0] == [0.1, 0.2]
    plain = table.copy()
    embedding.embedding(np.array([2]), plain, max_norm=1.5, norm_type=norm_type)
    assert plain[2].tolist() == results[0][0][2] and plain[1].tolist() == [3, 4]


def test_masked_attention_scores():
    """-inf where a mask hides: no gradient there, and no NaN from it."""
    x = minidl.zeros(2, 2, requires_grad=True)
    index.masked_fill(x, minidl.tensor([[False, True]]), float("-inf")).backward(minidl.ones(2, 2))
    assert x.grad.tolist() == [[1, 0], [1, 0]]


def test_results_are_float32():
    x = minidl.zeros(2, 3)
    assert index.masked_fill(x, x == 0, 1).dtype == index.scatter(x, 0, minidl.tensor([[0]]), 2).dtype == minidl.float32


# ---------------------------------------------------------------------- tensors without dimensions, as PyTorch's

def outcome(function, library):
    """What the function gives, and the gradient of the first tensor; or the kind of its error."""
    x = library.tensor(2.0, requires_grad=True)
    try:
        y = function(library, x)
        if y.requires_grad:
            y.sum().backward()
    except (RuntimeError, IndexError) as error:
        return type(error)
    return tuple(y.shape), y.tolist(), None if x.grad is None else x.grad.tolist()


POSITIONS = {"0": 0, "[0]": [0], "[0, 0]": [0, 0], "1": 1, "[]": []}
READING = {
    "gather": lambda l, x, i: l.gather(x, 0, i), "index_select": lambda l, x, i: l.index_select(x, -1, i),
    "take": lambda l, x, i: l.take(x, i), "take_along_dim": lambda l, x, i: l.take_along_dim(x, i),
    "take_along_dim of 0": lambda l, x, i: l.take_along_dim(x, i, 0),
    "index_fill": lambda l, x, i: l.index_fill(x, 0, i, 7.0),
    "scatter of a number": lambda l, x, i: l.scatter(x, 0, i, 7.0),
    "index_fill_": lambda l, x, i: (x * 1).index_fill_(0, i, 7.0),
    "gather from a row": lambda l, x, i: l.gather(l.stack([x, x * 2]), 0, i),
    "repeat_interleave": lambda l, x, i: l.repeat_interleave(x, i),
}
WRITING = {
    "scatter": lambda l, x, i, v: l.scatter(x, 0, i, v), "scatter_": lambda l, x, i, v: (x * 1).scatter_(0, i, v),
    "scatter into a row": lambda l, x, i, v: l.scatter(l.stack([x, x * 2]), 0, i, v),
    "scatter_add": lambda l, x, i, v: l.scatter_add(x, -1, i, v),
    "scatter_add_": lambda l, x, i, v: (x * 1).scatter_add_(0, i, v),
    "index_add": lambda l, x, i, v: l.index_add(x, 0, i, v),
    "index_add_": lambda l, x, i, v: (x * 1).index_add_(0, i, v),
    "index_copy": lambda l, x, i, v: l.index_copy(x, 0, i, v),
    "index_copy_": lambda l, x, i, v: (x * 1).index_copy_(0, i, v),
    **{f"scatter_reduce {name}": lambda l, x, i, v, name=name: l.scatter_reduce(
           x, 0, i, v, name, include_self=name != "prod")
       for name in ("sum", "prod", "mean", "amax")},
    "scatter_reduce_": lambda l, x, i, v: (x * 1).scatter_reduce_(0, i, v, "amin"),
    "scatter_reduce along another dim": lambda l, x, i, v: l.scatter_reduce(x, 1, i, v, "sum"),
}


@needs_torch
@pytest.mark.parametrize("name", READING)
def test_reading_without_dimensions_is_pytorchs(name):
    for i in POSITIONS.values():
        def read(l, x, i=i):
            return READING[name](l, x, l.tensor(i, dtype=l.int64))
        mine, theirs = (outcome(read, library) for library in (minidl, torch))
        assert mine == theirs, i


@needs_torch
@pytest.mark.parametrize("name", WRITING)
def test_writing_without_dimensions_is_pytorchs(name):
    for i in POSITIONS.values():
        for values in (5.0, [5.0], [5.0, 6.0]):
            if np.size(i) > np.size(values) or np.size(i) < np.size(values) and "scatter_reduce" in name:
                continue    # PyTorch reads beyond the values, or has no gradient
            def write(l, x, i=i, v=values):
                return WRITING[name](l, x, l.tensor(i, dtype=l.int64), l.tensor(v))
            mine, theirs = (outcome(write, library) for library in (minidl, torch))
            assert mine == theirs or {mine, theirs} == {RuntimeError, IndexError}, (i, values)


def test_repeat_interleave_takes_no_negative_numbers():
    x = minidl.tensor([1, 2])
    for repeats in (-1, minidl.tensor(-1), minidl.tensor([1, -1]), minidl.tensor([-1])):
        with pytest.raises(RuntimeError, match="repeat_interleave: repeats can not be negative, but got -1"):
            minidl.repeat_interleave(x, repeats)
    with pytest.raises(RuntimeError, match="repeats can not be negative"):
        minidl.repeat_interleave(minidl.tensor([2, -1]))
    with pytest.raises(RuntimeError, match="allocated size does not match required size"):
        minidl.repeat_interleave(x, x, output_size=4)
    assert minidl.repeat_interleave(
        x, x, output_size=3).tolist() == x.repeat_interleave(x, output_size=3).tolist() == [1, 2, 2]
    assert minidl.repeat_interleave(minidl.tensor([0, 2, 1])).tolist() == [1, 1, 2]


def test_where_of_numbers_is_nonzero():
    for values in ([[1.0, 0.0], [0.0, math.nan]], [0, 3], 2.0, 0, True, [1j, 0j], []):
        x = minidl.tensor(values)
        for mine, expected in zip(minidl.where(x), x.nonzero(as_tuple=True), strict=True):
            assert mine.tolist() == expected.tolist()
        if torch is not None:
            assert [i.tolist() for i in minidl.where(x)] == [i.tolist() for i in torch.where(torch.tensor(values))]
    with pytest.raises(RuntimeError, match="expected condition to be a boolean tensor"):
        minidl.where(minidl.ones(2), 1.0, 2.0)


# ---------------------------------------------------------------------- sequences that stand for tuples

SEQUENCES = {
    "two lists": lambda lib: [[0, 1], [1, 2]], "two tensors": lambda lib: [lib.tensor([0, 1]), lib.tensor([1, 2])],
    "slices": lambda lib: [slice(0, 1), slice(0, 2)], "None": lambda lib: [None, 0], "...": lambda lib: [..., 0],
    "a list and a number": lambda lib: [[0, 1], 0], "a tensor and a number": lambda lib: [lib.tensor(0), 1],
    "deeper": lambda lib: [[[0, 1]]], "a mask": lambda lib: [[True, False, True], [1, 2]],
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_a_list_of_more_than_numbers_is_a_tuple(name: str) -> None:
    x, found = minidl.arange(9).reshape(3, 3), minidl.zeros(3, 3)
    with pytest.warns(UserWarning, match=r"read as x\[tuple\(sequence\)\]"):
        read = x[SEQUENCES[name](minidl)]
    assert read.tolist() == x[tuple(SEQUENCES[name](minidl))].tolist()
    with pytest.warns(UserWarning, match="as in PyTorch"):
        found[SEQUENCES[name](minidl)] = 1
    assert found.sum().item() == read.numel()
    if torch is not None:
        with pytest.warns(UserWarning, match="non-tuple sequence"):
            theirs = torch.arange(9).reshape(3, 3)[SEQUENCES[name](torch)]
        assert read.tolist() == theirs.tolist()


def test_other_sequences_are_one_index() -> None:
    x = minidl.arange(9).reshape(3, 3)
    assert x[[0, 2]].shape == (2, 3) and x[[[0, 1]] * 32].shape == (32, 2, 3)
    assert x[np.array([[0, 1], [1, 2]])].shape == (2, 2, 3)
    assert x[minidl.Size([0, 1])].item() == 1       # a tuple
    with pytest.raises(TypeError, match="only integers, slices"):
        x["a"]
