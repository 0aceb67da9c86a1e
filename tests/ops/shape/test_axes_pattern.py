"""`rearrange` against PyTorch's."""
import numpy as np
import pytest

from minidl.ops.shape import rearrange
from tests.checking import Case, S, check_case, torch

INTS = np.arange(24).reshape(2, 3, 4)

CASES = [Case(rearrange, [
    S((2, 3, 4), "a b c -> (a b) c"),
    S((2, 6), "a (b d) -> d a b", d=3),
    S((2, 3, 4), "a ... -> ... a"),
    S((2, 3, 4), "a b c -> a () b 1 c"),
    S([(3, 4), (3, 4)], "l a b -> a l b"),
    S((2, 3, 4), "... -> (...)"),
    S((2, 3, 4), "(x y) ... -> x ... y", x=1),
    S((1, 3), "1 b -> b"),
    S((2, 3), "... c -> c ..."), S((), "->"), S((0, 4), "a (b c) -> c (a b)", c=2), S(INTS, "a b c -> c (b a)")],
    torch=None if torch is None else torch.func.rearrange,
    errors=[(S((2, 3), text, **lengths), ValueError, message) for text, lengths, message in [
        ("a b", {}, "must contain a single '->'"),
        ("a b -> a", {}, "axes ['b'] are only on one side"),
        ("a -> a", {}, "Number of dimensions in pattern"),
        ("a (b c) -> a b c", {}, "cannot infer the sizes of ['b', 'c']"),
        ("a (b c) -> a b c", {"b": 2}, "axis of size 3 cannot be split into ['b', 'c']"),
        ("a a -> a", {}, "duplicate dimension 'a'"),
        ("a b -> b a", {"q": 1}, "axes ['q'] are not in"),
        ("a (...) -> a (...)", {}, "ellipsis in parentheses"),
        ("a b -> a b 2", {}, "expected names, 1, parentheses and ... in 'a b -> a b 2', but got '2'"),
        ("1 b -> b", {}, "an axis of size 2 cannot be split into []")]])]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)
