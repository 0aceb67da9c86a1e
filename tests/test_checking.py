"""The battery itself: it passes what is right, and fails for every planted fault, with PyTorch and without."""
import numpy as np
import pytest

import minidl
from minidl.autograd import GradcheckError, Op
from tests import checking
from tests.checking import Case, S, check_case


class Cube(Op):
    """x^3, with a rule that is right."""

    def forward(self, x):
        return x ** 3

    def grad_x(self, g, x):
        return 3 * g * x ** 2


class NoRule(Cube):
    """It has no gradient."""

    grad_x = None


class TenPercentOff(Cube):
    """A factor is wrong."""

    def grad_x(self, g, x):
        return 3.3 * g * x ** 2


class WrongSecond(Cube):
    """The gradient is right, but is itself constant."""

    def grad_x(self, g, x):
        return 3 * g * (x.detach() if isinstance(x, minidl.Tensor) else x) ** 2


class Wide(Cube):
    """The gradient of float32 is float64."""

    def grad_x(self, g, x):
        return 3 * g * x ** 2 * minidl.ones((), dtype=minidl.float64).array


class HalfOfBoth(Op):
    """a * b, of which b has no gradient."""

    def forward(self, a, b):
        return a * b

    def grad_a(self, g, b):
        return g * b


class Misnamed:
    """An op whose rule fits no input: the class cannot even be made."""

    def __new__(cls):
        return type("Misnamed", (Op,), {"forward": Cube.forward, "grad_input": Cube.grad_x})()


def case(op, *shapes, **options):
    def function(*xs):
        return op()(*xs)
    oracle = options.pop("oracle", lambda x: x ** 3)
    return Case(function, [S(*shapes)], oracle=oracle, torch=oracle, name=op.__name__, **options)


@pytest.fixture(params=["with PyTorch", "without PyTorch"], autouse=True)
def pytorch(request, monkeypatch):
    if request.param == "without PyTorch":
        monkeypatch.setattr(checking, "torch", None)


def test_what_is_right_passes():
    check_case(case(Cube, (2, 3)))


@pytest.mark.parametrize("planted, error, text", [
    (case(NoRule, (2, 3)), AssertionError, "require"),
    (case(TenPercentOff, (2, 3)), (AssertionError, GradcheckError), "gradient against PyTorch's|mismatch"),
    (case(WrongSecond, (2, 3)), GradcheckError, "mismatch"),
    (case(Wide, (2, 3)), RuntimeError, r"cannot assign a gradient of shape \(2, 3\), float64"),
    (case(HalfOfBoth, (2, 3), (3,), oracle=lambda a, b: a * b), (AssertionError, GradcheckError),
     "gradient against PyTorch's|mismatch"),
    (case(Misnamed, (2, 3)), TypeError, "rename it grad_x"),
    (case(Cube, np.arange(3)), AssertionError, "no sample has an input that requires grad"),
], ids=lambda value: str(value) if isinstance(value, Case) else "")
def test_a_planted_fault_fails(planted, error, text):
    with pytest.raises(error, match=text):
        check_case(planted)


def test_an_op_without_gradient_passes_where_none_is_claimed():
    check_case(Case(minidl.isfinite, [S((2, 3))], oracle=np.isfinite, torch="isfinite", grad=False))
