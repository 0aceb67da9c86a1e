"""Rows that hold a function against PyTorch's of the same name: its path is all they need.

They stand in the tables of the families beside the cases with an oracle of their own, and make the samples many: no
dimensions, no elements, broadcasting, negative dims, integers and bools. How many there are of each function,
`tests/test_public_functions.py` counts.
"""
import functools
import math

import numpy as np

import minidl
from tests.checking import Case, S, torch

INTS, POSITIVE_INTS = np.array([[3, -1, 0], [7, 2, -5]]), np.array([[3, 1, 4], [7, 2, 5]])
BOOLS = np.array([[True, False, True], [False, False, True]])
EVEN = np.diag([3.0, 2.0, 1.5]) + 0.2
NANS = np.array([1.0, math.nan, math.inf, -math.inf, 0.0])
INDEX = np.array([0, 2, 2])
COMPLEX = np.array([[1 + 2j, -0.5j, 3.0], [0.3 - 1j, 2j, -1 - 1j]])


def at(path, library):
    """What stands at a path such as "nn.functional.relu"."""
    return functools.reduce(getattr, path.split("."), library)


def row(path, *samples, name="", **kwargs):
    """The function at this path of both libraries."""
    theirs = None if torch is None else at(path, torch)
    return Case(at(path, minidl), samples, torch=theirs, name=f"torch.{name or path}", **kwargs)


def calls(name, call, *samples, **kwargs):
    """`call(library, *arguments)`."""
    theirs = None if torch is None else functools.partial(call, torch)
    return Case(functools.partial(call, minidl), samples, torch=theirs, name=f"torch.{name}", **kwargs)


def of_one(path, low=-2.0, high=2.0, ints=True, **kwargs):
    """Rows of a function of one tensor."""
    floats = [S(shape, low=low, high=high) for shape in ((2, 3), (), (0, 2), (2, 1, 3))]
    found = [row(path, *floats, **kwargs)]
    if ints:
        found.append(row(path, S(POSITIVE_INTS), S(BOOLS), rtol=1e-5, grad=False, name=f"{path} of integers"))
    return found


def of_two(path, low=-2.0, high=2.0, ints=True, **kwargs):
    """Rows of a function of two tensors that broadcast."""
    floats = [S(*shapes, low=low, high=high)
              for shapes in (((2, 3), (3,)), ((2, 1), (1, 3)), ((), (2,)), ((0, 2), (2,)))]
    found = [row(path, *floats, **kwargs)]
    if ints:
        found.append(row(path, S(INTS, POSITIVE_INTS), S(POSITIVE_INTS, np.array(2)), rtol=1e-5, grad=False,
                         name=f"{path} of integers"))
    return found
