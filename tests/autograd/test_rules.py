"""The rules of an op are checked when its class is made: none is silently no gradient."""
import functools

import numpy as np
import pytest

import minidl
from minidl.autograd import Function, FusedOp, Op
from minidl.autograd.inplace import InPlaceOp
from minidl.ops.base import Binary, Unary
from minidl.ops.elementwise import Mul
from tests.ops.test_registry import classes


def leaf(*values):
    return minidl.tensor(values, dtype=minidl.float64, requires_grad=True)


def body(**members):
    """The members of a class: `forward(self, x)` unless there is another."""
    return {"forward": lambda self, x: x * 2, **members}


# ---------------------------------------------------------------------- faults

def keeps(self, x):
    self.keep(scale=x * 2, shape=x.shape)
    return x * 2


def two(self, a, b):
    return a * b


def many(self, *xs):
    return xs[0]


FAULTS = {
    "a rule of no input": (
        Op, body(grad_input=lambda self, g: g),
        r"Bad.grad_input .* an input 'input', but Bad.forward\(self, x\) has none .* rename it grad_x"),
    "a slip in the name": (Op, body(grad_X=lambda self, g: g), "rename it grad_x"),
    "a rule too many": (Op, body(grad_x=lambda self, g: g, grad_y=lambda self, g: g), "all inputs have a rule"),
    "one of two": (Op, body(forward=two, grad_a=lambda self, g: g, grad_c=lambda self, g: g), "rename it grad_b"),
    "either of two": (Op, body(forward=two, grad_x=lambda self, g: g), "rename it grad_a or grad_b"),
    "of a base class's forward": (Unary, {"grad_input": lambda self, g: g},
                                  r"Bad.forward\(self, x\) .* rename it grad_x"),
    "of a binary": (Binary, {"ufunc": np.add, "grad_x": lambda self, g: g}, "rename it grad_a or grad_b"),
    "of an in-place op": (InPlaceOp, body(grad_y=lambda self, g: g), "rename it grad_x"),
    "inherited, of an input renamed": (Mul, {"forward": lambda self, a, c: a * c},
                                       "Bad.grad_b is the gradient rule of an input 'b'"),
    "for any number of inputs": (Op, body(forward=many, grad_xs=lambda self, g: g),
                                 r"Bad.forward\(self, \*xs\) has any number .* backward\(self, g\)"),
    "an input that may be left out": (Op, body(forward=lambda self, x, w=None: x, grad_w=lambda self, g, x: g),
                                      r"Bad.forward\(self, x, w\) has an input with a default"),
    "a value nobody keeps": (Op, body(grad_x=lambda self, g, y: g * y),
                             r"Bad.grad_x\(self, g, y\) asks for 'y', but nobody keeps it"),
    "a value kept by another name": (Op, body(forward=keeps, grad_x=lambda self, g, scales: g * scales),
                                     "did you mean 'scale'"),
    "a misspelt input": (Op, body(forward=lambda self, weight: weight, grad_weight=lambda self, g, wieght: g),
                         "did you mean 'weight'"),
    "any number of rest": (Op, body(grad_x=lambda self, g, *rest: g), "asks for 'rest'"),
    "all of any number": (Op, body(forward=many, backward=lambda self, g, xs: xs),
                          "put aside what the rule needs of them"),
    "no g": (Op, body(grad_x=lambda self, x: 2 * x), r"write grad_x\(self, g, x\)"),
    "nothing at all": (Op, body(grad_x=lambda self: 2), r"write grad_x\(self, g\)"),
    "out for g": (Op, body(grad_x=lambda self, out: 2 * out), r"write grad_x\(self, g, out\)"),
    "two kinds": (Op, body(grad_x=lambda self, g: g, backward=lambda self, g: [g]), "grad_x is never called"),
    "backward asks": (Op, body(backward=lambda self, g, y: [g]), r"Bad.backward\(self, g, y\) asks for 'y'"),
    "backwards": (Op, body(backwards=lambda self, g: [g]), "did you mean backward"),
    "complex_rule": (Op, body(complex_rule="as written", grad_x=lambda self, g: g), "did you mean complex_rules"),
    "complex_rules": (Op, body(complex_rules="conjugate", grad_x=lambda self, g: g), "got 'conjugate'"),
    "is_veiw": (Op, body(is_veiw=True, grad_x=lambda self, g: g), "did you mean is_view"),
    "gradient of an Op": (Op, body(gradient=lambda self, g: [g]), "rule of FusedOps only"),
    "a number": (Op, body(grad_x=2.0), "expected a method"),
    "a static rule": (Op, body(grad_x=staticmethod(lambda g: g)), "expected a method"),
    "a static forward": (Op, body(forward=staticmethod(np.exp)), "expected a method"),
    "fused, without gradient": (FusedOp, body(reference=lambda self, x: x * 2), "has no gradient"),
    "fused, without reference": (FusedOp, body(gradient=lambda self, g: [g]), "has no reference"),
    "fused, misspelt": (FusedOp, body(reference=lambda self, x: x * 2, gradients=lambda self, g: [g]),
                        "did you mean gradient"),
    "fused, in another order": (FusedOp,
                                body(forward=two, reference=lambda self, b, a: a * b,
                                     gradient=lambda self, g: [g, g]),
                                r"\(b, a\) and \(a, b\)"),
    "fused, with a rule": (FusedOp,
                           body(reference=lambda self, x: x, gradient=lambda self, g: [g],
                                grad_x=lambda self, g: g),
                           "grad_x is never called"),
    "fused, with backward": (FusedOp,
                             body(reference=lambda self, x: x, gradient=lambda self, g: [g],
                                  backward=lambda self, g: g),
                             "backward would never be called"),
    "fused, asks": (FusedOp, body(reference=lambda self, x: x, gradient=lambda self, g, y: [g]), "asks for 'y'"),
    "fused, any number": (FusedOp, body(forward=many, reference=many, gradient=lambda self, g: [g]),
                          "names its inputs one by one"),
    "Function, setup_contex": (Function, {"setup_contex": staticmethod(lambda ctx, inputs, output: None)},
                               "did you mean setup_context"),
    "Function, backwards": (Function, {"backwards": staticmethod(lambda ctx, g: g)}, "did you mean backward"),
}


@pytest.mark.parametrize("base, members, text", FAULTS.values(), ids=FAULTS)
def test_a_fault_is_an_error_when_the_class_is_made(base, members, text):
    with pytest.raises(TypeError, match=text):
        type("Bad", (base,), members)


# ---------------------------------------------------------------------- what is right

def logged(function):
    @functools.wraps(function)
    def call(self, *args):
        return function(self, *args)
    return call


def put_aside(op, x):
    op.keep(half=x / 2)


class ByHelper(Op):
    """2 x^2; a method puts the value aside."""

    def forward(self, x):
        return self.computed(x)

    def computed(self, x):
        self.keep(four_x=4 * x)
        return 2 * x * x

    def grad_x(self, g, four_x):
        return g * four_x


class BySuper(ByHelper):
    """Its base's forward puts the value aside."""

    def forward(self, x):
        return super().forward(x)


class ByFunction(Op):
    """x^2 / 4; a function elsewhere puts the value aside."""

    def forward(self, x):
        put_aside(self, x)
        return x * x / 4

    def grad_x(self, g, half):
        return g * half


class ByKeywords(Op):
    """x^2; what is put aside has its names in a dict."""

    def forward(self, x):
        self.keep(**{"double": 2 * x})
        return x * x

    def grad_x(self, g, double):
        return g * double


class Decorated(Op):
    """x^3, behind decorators."""

    @logged
    def forward(self, x):
        self.keep(square=x * x)
        return x ** 3

    @logged
    def grad_x(self, g, square):
        return 3 * g * square


class Joint(Op):
    """3 x, in the place of its base's rule."""

    def forward(self, x):
        return 3 * x

    grad_x = None

    def backward(self, g):
        return [3 * g]


@pytest.mark.parametrize("op", [ByHelper, BySuper, ByFunction, ByKeywords, Decorated, Joint],
                         ids=lambda op: op.__name__)
def test_what_is_right_stays_right(op):
    assert minidl.autograd.gradcheck(lambda x: op()(x), leaf(1., 2.))


def test_no_rules_on_purpose():
    class Count(Op):
        def forward(self, x):
            return np.asarray(x.size)

    class Silent(Mul):
        forward = Count.forward
        grad_a = grad_b = None

    class Part:     # a mixin, whose forward comes later
        def grad_x(self, g):
            return 2 * g

    class Doubling(Part, Unary):
        def forward(self, x):
            return 2 * x

    assert not Count()(leaf(1., 2.)).requires_grad and not Silent.differentiable
    assert minidl.autograd.gradcheck(lambda x: Doubling()(x), leaf(1., 2.))


def test_every_op_of_the_library_has_only_rules_that_are_called():
    for cls in classes():
        rules = [name for name in dir(cls) if name.startswith("grad_") and callable(getattr(cls, name))]
        if cls.__module__.startswith("minidl."):
            assert {name[5:] for name in rules} <= set(cls.input_names) and not (rules and cls.joint), cls


# ---------------------------------------------------------------------- what only running shows

def test_a_value_that_was_not_kept_after_all():
    class Sometimes(Op):
        def forward(self, x):
            if x[0] > 0:
                self.keep(double=2 * x)
            return x * x

        def grad_x(self, g, double):
            return g * double

    assert minidl.autograd.gradcheck(lambda x: Sometimes()(x), leaf(1.))
    with pytest.raises(TypeError, match=r"Sometimes.grad_x asks for 'double', but nobody has kept it"):
        Sometimes()(leaf(-1.))


def test_a_base_whose_forward_is_overridden_keeps_nothing():
    with pytest.raises(TypeError, match="asks for 'four_x'"):
        class Bad(ByHelper):
            def forward(self, x):
                return x * 2


@pytest.mark.parametrize("name", ["x", "out"])
def test_a_value_kept_by_the_name_of_an_input(name):
    class Kept(Op):
        def forward(self, x):
            self.keep(**{name: 3 * x})
            return x * x

        def grad_x(self, g, x):
            return g * x

    with pytest.raises(TypeError, match=f"keep\\({name}=...\\) would be ignored"):
        Kept()(leaf(1.))


def test_a_rule_without_return():
    class Forgetful(Op):
        def forward(self, x):
            return x * 2

        def grad_x(self, g):
            g * 2  # noqa: B018

    with pytest.raises(RuntimeError, match="Forgetful.grad_x returned None"):
        Forgetful()(leaf(1.)).sum().backward()


@pytest.mark.parametrize("passed", [lambda g: g, lambda g: [], lambda g: [g, g], lambda g: None])
@pytest.mark.parametrize("base", [Op, FusedOp])
def test_a_joint_rule_returns_a_gradient_for_each_input(base, passed):
    rule = {Op: "backward", FusedOp: "gradient"}[base]
    members = {"forward": lambda self, x: x * 2, rule: lambda self, g: passed(g)}
    if base is FusedOp:
        members["reference"] = members["forward"]
    bad = type("NotOneForEach", (base,), members)
    with pytest.raises(
        RuntimeError,
        match=f"NotOneForEach.{rule} returned an incorrect number of gradients: expected a list of 1"):
        bad()(leaf(1.)).backward()


def test_no_forward():
    class Empty(Op):
        pass

    with pytest.raises(NotImplementedError, match="Empty has no forward"):
        Empty()(leaf(1.))


def test_a_function_says_where_ctx_stands():
    class NoContext(Function):
        @staticmethod
        def forward(x):
            return x * 2

    class Both(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def setup_context(ctx, inputs, output):
            pass

    class Faulty(Function):
        @staticmethod
        def forward(ctx, x):
            return len(x.item())

    for function, text in ((NoContext, "behind ctx; without ctx if the class has a setup_context"),
                           (Both, "without ctx, since")):
        error = pytest.raises(TypeError, function.apply, leaf(1.)).value
        assert text in "\n".join([str(error), *getattr(error, "__notes__", [])])
    assert not getattr(pytest.raises(TypeError, Faulty.apply, leaf(1.)).value, "__notes__", [])
