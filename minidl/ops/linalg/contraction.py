"""Products of tensors of any shape, summed over some axes: einsum and tensordot.

One op does all of it. `Contract` multiplies two tensors whose axes have names. More factors are multiplied two by two.
"""
from __future__ import annotations

import math
import string
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from minidl.autograd.op import Op, Value
from minidl.backend.device import Array
from minidl.backend.kernels.matmul import matmul as product
from minidl.ops.base.checks import dtypes_clash
from minidl.ops.base.declaration import public
from minidl.ops.base.dims import normalize_dims
from minidl.ops.reduce.sums import sum
from minidl.ops.shape.movement import diagonal
from minidl.ops.shape.views import permute

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

Labels = Sequence[Any]
"""Names for the axes of a tensor, one each."""


class Contract(Op):
    """y = the sum of a * b over every label that is not in `out`; labels name the axes of a, b and y.

    `Contract("ij", "kj", "ik")` is a b^T. A label must be in two of the three, or in all: then the gradient of a is the
    product of g and b with the labels of a, and the gradients are `Contract` again.
    """

    complex_rules = "conjugated"

    def __init__(self, a: Labels, b: Labels, out: Labels) -> None:
        self.a, self.b, self.out = a, b, out

    def forward(self, a: Array, b: Array) -> Array:
        a_labels, b_labels, out = self.a, self.b, self.out
        summed = [i for i in a_labels if i not in out]
        if not summed:
            return align_axes(a, a_labels, out) * align_axes(b, b_labels, out)
        if out and out[-1] not in b_labels:     # so that the rows of the product are rows of y
            a, b, a_labels, b_labels = b, a, b_labels, a_labels
        both = [i for i in a_labels if i in b_labels and i in out]
        left = [i for i in a_labels if i not in b_labels]
        right = [i for i in b_labels if i not in a_labels]
        size = {**dict(zip(a_labels, a.shape)), **dict(zip(b_labels, b.shape))}

        def sizes(labels: Any) -> list[int]:
            return [size[i] for i in labels]
        k = math.prod(sizes(summed))
        a = reorder_axes(a, a_labels, [*both, *left, *summed]) \
            .reshape((*sizes(both), math.prod(sizes(left)), k))
        b = reorder_axes(b, b_labels, [*both, *summed, *right]) \
            .reshape((*sizes(both), k, math.prod(sizes(right))))
        y = product(a, b).reshape(sizes([*both, *left, *right]))
        return reorder_axes(y, [*both, *left, *right], out)

    def grad_a(self, g: Value, b: Value) -> Value:
        return Contract(self.out, self.b, self.a)(g, b)

    def grad_b(self, g: Value, a: Value) -> Value:
        return Contract(self.out, self.a, self.b)(g, a)


def reorder_axes(x: Array, labels: Labels, order: Labels) -> Array:
    """Reorder the axes of x, which `labels` name, to `order`."""
    return x.transpose([labels.index(i) for i in order])


def align_axes(x: Array, labels: Labels, out: Labels) -> Array:
    """Reorder the axes of x to `out`; missing labels get an axis of size 1."""
    x = reorder_axes(x, labels, [i for i in out if i in labels])
    sizes = iter(x.shape)
    return x.reshape([next(sizes) if i in labels else 1 for i in out])


# ---------------------------------------------------------------------- functions

find_order: Callable[[list[Any], list[Any], dict[Any, int]], list[tuple[int, ...]]] | None = None
"""The order of the products of three and more factors, by `minidl.backends.opt_einsum`: pairs of positions; a product
goes to the end. None leaves it to `_next_pair`."""


@public
def einsum(equation: Any, *operands: Any) -> Tensor:
    """Multiply any number of tensors, by Einstein's summation convention.

    `"ij,jk->ik"` names the axes of each operand and of the result: here a matrix product. Axes of one name have one
    size (or 1, which is broadcast) and are multiplied; names that the result lacks are summed over; a name twice in one
    operand takes the diagonal. `...` stands for all other axes. Without `->`, the result has the names that occur once,
    in alphabetical order. In place of an equation, a list of numbers below 52 may follow each operand, and one for the
    result at the end: `einsum(a, [0, 1], b, [1, 2], [0, 2])`.

    Errors: RuntimeError where equation and operands do not fit, ValueError for a number that is out of range.

        >>> import minidl
        >>> a = minidl.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> minidl.einsum("ii", a), minidl.einsum("ij,j->i", a, minidl.tensor([1.0, 1.0]))
        (tensor(5.), tensor([3., 7.]))
    """
    if not isinstance(equation, str):
        equation, operands = _from_lists((equation, *operands))
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    inputs, out = _parse(equation, operands)
    size = _sizes(inputs, operands)
    terms = [_simplify_term(x, labels, size) for x, labels in zip(operands, inputs)]
    order = find_order([labels for _, labels in terms], out, size) if find_order and len(terms) > 2 else []
    while len(terms) > 1:
        i, j = order.pop(0) if order else _next_pair(terms, out, size)
        others = [labels for k, (_, labels) in enumerate(terms) if k not in (i, j)]
        pair = _contract_pair(terms[i], terms[j], out, others)
        terms = [term for k, term in enumerate(terms) if k not in (i, j)] + [pair]
    x, labels = _sum_labels(*terms[0], out)
    return x if labels == out else permute(x, [labels.index(i) for i in out])


_LETTERS = string.ascii_uppercase + string.ascii_lowercase
Term = tuple[Any, list[Any]]
"""A tensor and the labels of its axes: letters, and numbers -1, -2, ... for the axes of an ellipsis."""


def _from_lists(arguments: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """The equation and the operands of `einsum(a, [0, 1], b, [1, 2], [0, 2])`."""
    def term(numbers: Any) -> str:
        if not all(i is ... or 0 <= i < len(_LETTERS) for i in numbers):
            raise ValueError(f"einsum(): expected numbers from 0 to {len(_LETTERS) - 1} for axes, but got {numbers}")
        return "".join("..." if i is ... else _LETTERS[i] for i in numbers)

    count = len(arguments) // 2
    result = "->" + term(arguments[-1]) if len(arguments) % 2 else ""
    return ",".join(map(term, arguments[1:2 * count:2])) + result, arguments[:2 * count:2]


def _parse(equation: str, operands: Sequence[Any]) -> tuple[list[list[Any]], list[Any]]:
    """The labels of each operand and of the result."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        raise RuntimeError(f"einsum(): the equation {equation!r} describes {len(terms)} operands, but "
                           f"{len(operands)} were provided")
    inputs = []
    for i, (term, x) in enumerate(zip(terms, operands)):
        letters = term.replace("...", "", 1)
        if len(letters) > x.ndim or (len(letters) < x.ndim and "..." not in term):
            raise RuntimeError(
                f"einsum(): the number of subscripts in the equation ({len(letters)}) does not match the number of "
                f"dimensions ({x.ndim}) for operand {i}, of shape {tuple(x.shape)}"
                + ("" if "..." in term else " and no ellipsis was given"))
        inputs.append(_labels(term, x.ndim - len(letters)))
    most = max(-min((i for labels in inputs for i in labels if type(i) is int), default=0), 0)
    if arrow:
        out = _labels(right, most)
    else:
        letters = left.replace(",", "").replace("...", "")
        out = _labels("..." + "".join(sorted(i for i in letters if letters.count(i) == 1)), most)
    for i in out:
        if out.count(i) > 1:
            raise RuntimeError(f"einsum(): output subscript {i} appears more than once in the output")
        if not any(i in labels for labels in inputs):
            raise RuntimeError(f"einsum(): output subscript {i} does not appear in the equation for any input "
                               f"operand")
    return inputs, out


def _labels(term: str, dots: int) -> list[Any]:
    """The labels of one term; its ellipsis stands for `dots` axes, counted from the last."""
    before, _, after = term.partition("...")
    for i in before + after:
        if not (i.isascii() and i.isalpha()):
            raise RuntimeError(f"einsum(): invalid subscript {i!r} in {term!r}, subscripts must be in [a-zA-Z]")
    return [*before, *(range(-dots, 0) if "..." in term else ()), *after]


def _sizes(inputs: list[list[Any]], operands: Sequence[Any]) -> dict[Any, int]:
    size: dict[Any, int] = {}
    for k, (x, labels) in enumerate(zip(operands, inputs)):
        if dtypes_clash(x, operands[0]):
            raise RuntimeError(f"einsum(): expected all operands to have the dtype of the first, "
                               f"{operands[0].dtype}, but operand {k} has {x.dtype}")
        for i, n in zip(labels, x.shape):
            if n != x.shape[labels.index(i)]:
                raise RuntimeError(f"einsum(): subscript {i} is repeated for operand {k} but the sizes don't "
                                   f"match, {n} != {x.shape[labels.index(i)]}")
            if size.setdefault(i, n) == 1:
                size[i] = n
            elif n not in (1, size[i]):
                raise RuntimeError(f"einsum(): subscript {i} has size {n} for operand {k} which does not "
                                   f"broadcast with previously seen size {size[i]}")
    return size


def _simplify_term(x: Any, labels: list[Any], size: dict[Any, int]) -> Term:
    """Keep each label once, without broadcast axes of size 1."""
    labels = list(labels)
    for i in dict.fromkeys(labels):
        while labels.count(i) > 1:
            first = labels.index(i)
            second = labels.index(i, first + 1)
            x = diagonal(x, 0, first, second)   # the diagonal becomes the last axis
            labels = [j for k, j in enumerate(labels) if k not in (first, second)] + [i]
    return _sum_labels(x, labels, [i for i, n in zip(labels, x.shape) if n == size[i]])


def _sum_labels(x: Any, labels: list[Any], keep: Sequence[Any]) -> Term:
    """Sum over the labels that are not in `keep`."""
    gone = tuple([axis for axis, i in enumerate(labels) if i not in keep])
    return (sum(x, gone), [i for i in labels if i in keep]) if gone else (x, labels)


def _contract_pair(a: Term, b: Term, out: list[Any], others: list[list[Any]]) -> Term:
    """Multiply two terms; sum over labels that no other term needs."""
    needed = {*out}.union(*others)
    a = _sum_labels(*a, [*b[1], *needed])
    b = _sum_labels(*b, [*a[1], *needed])
    labels = [i for i in dict.fromkeys([*a[1], *b[1]]) if i in needed]
    if not others:
        labels = [i for i in out if i in labels]
    return Contract(a[1], b[1], labels)(a[0], b[0]), labels


def _next_pair(terms: list[Term], out: list[Any], size: dict[Any, int]) -> tuple[int, int]:
    """The pair of terms whose product adds the least memory; this greedy choice is good enough in practice."""
    def added_memory(i: int, j: int) -> int:
        a, b = terms[i][1], terms[j][1]
        needed = {*out}.union(*[labels for k, (_, labels) in enumerate(terms) if k not in (i, j)])

        def numel(labels: Any) -> int:
            return math.prod([size[label] for label in labels])
        return numel(needed.intersection([*a, *b])) - numel(a) - numel(b)
    pairs = [(i, j) for j in range(len(terms)) for i in range(j)]
    return min(pairs, key=lambda pair: added_memory(*pair))


@public
def tensordot(a: Tensor, b: Tensor, dims: Any = 2, *, out: Tensor | None = None) -> Tensor:
    """Multiply and sum over several axes: the last `dims` of a with the first `dims` of b.

    Or `dims` is a pair of lists, or a tensor of two rows: the axes of a and those of b to pair up. An axis of size 1
    pairs with any.
    Errors: RuntimeError where sizes do not fit.

        >>> import minidl
        >>> minidl.tensordot(minidl.ones(2, 3, 4), minidl.ones(4, 3, 5), dims=([1, 2], [1, 0])).shape
        (2, 5)
    """
    if hasattr(dims, "dtype"):
        dims = dims.tolist() if dims.ndim else int(dims)
    if isinstance(dims, int):
        if not 0 <= dims <= min(a.ndim, b.ndim):
            raise RuntimeError(f"tensordot expects 0 <= dims <= the dimensions of both, {a.ndim} and {b.ndim}, but "
                               f"got dims={dims}")
        dims = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    a_dims, b_dims = (normalize_dims(tuple(d) if isinstance(d, (list, tuple)) else d, x.ndim, "tensordot")
                      for d, x in zip(dims, (a, b)))
    if len(a_dims) != len(b_dims):
        raise RuntimeError(f"both dimension lists should have same length, but got {list(a_dims)} and "
                           f"{list(b_dims)}")
    for i, j in zip(a_dims, b_dims):
        if a.shape[i] == 1 != b.shape[j]:   # the same number along the axis: sum the other factor first
            b = sum(b, j, keepdim=True, dtype=b.dtype)
        elif b.shape[j] == 1 != a.shape[i]:
            a = sum(a, i, keepdim=True, dtype=a.dtype)
        elif a.shape[i] != b.shape[j]:
            raise RuntimeError(f"tensordot: contracted dimensions need to match, but first has size {a.shape[i]} "
                               f"in dim {i} and second has size {b.shape[j]} in dim {j}")
    if dtypes_clash(a, b):
        raise RuntimeError(f"tensordot: both inputs should have the same dtype, but got {a.dtype} and {b.dtype}")
    a_labels = [("a", i) for i in range(a.ndim)]
    b_labels = [("a", a_dims[b_dims.index(j)]) if j in b_dims else ("b", j) for j in range(b.ndim)]
    kept = [i for i in a_labels if i not in b_labels] + [j for j in b_labels if j not in a_labels]
    return Contract(a_labels, b_labels, kept)(a, b)
