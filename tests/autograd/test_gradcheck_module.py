"""gradcheck of layers: every parameter is checked, what is not is named, and the report begins with what helps."""
import re
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.autograd import Function, GradcheckError, Op, gradcheck, gradcheck_report, gradgradcheck
from minidl.ops.base import Binary

PAGE = Path(__file__).parents[2] / "docs" / "checking_gradients.md"


class Product(Function):
    """x @ w.T, whose gradient of w is `factor` times the right one."""

    @staticmethod
    def forward(ctx, x, w, factor):
        ctx.save_for_backward(x, w)
        ctx.factor = factor
        return x @ w.T

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        return g @ w, ctx.factor * (g.T @ x), None


class Tilted(Binary):
    """a * b, the gradient of b 10 % off."""

    ufunc = np.multiply

    def grad_a(self, g, b):
        return g * b

    def grad_b(self, g, a):
        return 1.1 * g * a


class Dense(nn.Module):
    """A linear layer with a planted error."""

    def __init__(self, factor=1.1):
        super().__init__()
        self.weight = nn.Parameter(minidl.randn(2, 3))
        self.bias = nn.Parameter(minidl.zeros(2))
        self.factor = factor

    def forward(self, x):
        return Product.apply(x, self.weight, self.factor) + self.bias


class Scale(nn.Module):
    """A layer of an op with a planted error."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(minidl.randn(3))

    def forward(self, x):
        return Tilted()(x, self.weight)


class Wrap(nn.Module):
    """A function as a layer, with parameters and buffers."""

    def __init__(self, function, **tensors):
        super().__init__()
        self.function = function
        for name, tensor in tensors.items():
            if isinstance(tensor, nn.Parameter):
                self.register_parameter(name, tensor)
            else:
                self.register_buffer(name, tensor)

    def forward(self, *inputs):
        return self.function(self, *inputs)


def batch(*shape, **kwargs):
    return minidl.randn(*(shape or (4, 3)), requires_grad=True, **kwargs)


def double(*shape):
    return batch(*shape, dtype=minidl.float64)


def rows(report):
    return {(row.tensor, row.output): row for row in report.rows}


# ---------------------------------------------------------------------- what is wrong is found

@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("layer", [Dense, Scale])
def test_a_weight_ten_percent_off(layer, fast):
    with pytest.raises(GradcheckError) as failed:
        gradcheck(layer(), batch(), fast_mode=fast)
    first = str(failed.value).splitlines()[0]
    entry = re.fullmatch(
        r"parameter 'weight' has a wrong gradient: d output\[\d, \d\] / d weight\[[\d, ]+\] is (\S+) by backward, "
        r"but (\S+) by finite differences; every entry is 1.1 times the numeric one: a factor is wrong", first)
    assert entry and float(entry[1]) / float(entry[2]) == pytest.approx(1.1, rel=1e-4)
    assert "Jacobian mismatch for output 0 with respect to parameter 'weight'" in str(failed.value)
    found = {tensor: row.result for (tensor, _), row in rows(failed.value.report).items()}
    assert found.pop("parameter 'weight'") == "wrong" and set(found.values()) == {"right"}
    assert gradcheck(layer(), batch(), fast_mode=fast, raise_exception=False) is False
    assert gradcheck(Dense(factor=1.0), batch(), fast_mode=fast) is True


def test_the_entry_is_that_of_the_largest_difference():
    def function(self, x):
        return One.apply(self.weight).sum((1, 2)) * x

    class One(Function):
        @staticmethod
        def forward(ctx, w):
            return w * 2

        @staticmethod
        def backward(ctx, g):
            wrong = minidl.zeros_like(g)
            wrong[2, 0, 1] = 0.5
            wrong[1, 1, 0] = 0.25
            return g * 2 + g * wrong

    report = gradcheck_report(Wrap(function, weight=nn.Parameter(minidl.randn(3, 2, 2))),
                              minidl.ones(3, requires_grad=True))
    assert report.failure.startswith(
        "parameter 'weight' has a wrong gradient: d output[2] / d weight[2, 0, 1] is 2.5 by backward, but 2 by")
    assert "times" not in report.failure and rows(report)["input 0", "output 0"].result == "right"


@pytest.mark.parametrize("factor, text", [
    (-1.0, "the negative of the numeric one: a sign is wrong"),
    (0.0, "every entry is 0: no gradient arrives"),
    (0.25, "every entry is 0.25 times"),
    (2.0, "every entry is 2 times"),
])
def test_what_all_entries_share(factor, text):
    assert text in gradcheck_report(Dense(factor), batch()).failure.splitlines()[0]


def test_the_worst_of_several_comes_first():
    class Off(Function):
        @staticmethod
        def forward(ctx, w, error):
            ctx.error = error
            return w * 1

        @staticmethod
        def backward(ctx, g):
            return g * (1 + ctx.error), None

    layer = Wrap(lambda self, x: x * Off.apply(self.a, 0.01) * Off.apply(self.b, 0.5),
                 a=nn.Parameter(minidl.ones(3)), b=nn.Parameter(minidl.ones(3)))
    report = gradcheck_report(layer, batch())
    assert report.failure.startswith("parameter 'b'")
    note = "every entry is 1.01 times the numeric one: a factor is wrong"
    assert rows(report)["parameter 'a'", "output 0"].note == note


def test_a_gradient_that_is_missing():
    layer = Wrap(lambda self, x: x * self.weight.detach(), weight=nn.Parameter(minidl.ones(3)))
    with pytest.raises(GradcheckError,
                       match="parameter 'weight' has a wrong gradient.*every entry is 0: no gradient arrives"):
        gradcheck(layer, batch())
    with pytest.raises(GradcheckError, match="parameter 'weight' has no gradient: no output requires grad"):
        gradcheck(Wrap(lambda self, n: self.weight.detach() * n, weight=layer.weight), minidl.tensor(2))


def test_a_gradient_of_another_shape_or_dtype():
    class Flat(Op):
        def forward(self, x):
            return x * 2

        def grad_x(self, g):
            return (2 * g).reshape(-1)

    report = gradcheck_report(lambda x: Flat()(x), double(2, 3))
    assert report.failure.startswith("input 0 has a wrong gradient: Analytical gradient has incorrect size: (6,)")
    assert report.rows[0].result == "wrong"


def test_second_order():
    class Once(Function):
        @staticmethod
        def forward(ctx, x, w):
            ctx.save_for_backward(x, w)
            return x * w ** 2

        @staticmethod
        def backward(ctx, g):
            x, w = ctx.saved_tensors
            return g * w ** 2, (2 * g * x * w.detach()).sum(0)

    layer = Wrap(lambda self, x: Once.apply(x, self.weight), weight=nn.Parameter(minidl.randn(3)))
    assert gradcheck(layer, batch())
    with pytest.raises(GradcheckError,
                       match=r"parameter 'weight' has a wrong gradient: d grad\(weight\)\[\d\] / d weight\[\d\]"):
        gradgradcheck(layer, batch())
    assert not gradgradcheck(layer, batch(), raise_exception=False, fast_mode=True)
    assert not gradcheck_report(layer, batch(), order=2)
    assert gradgradcheck(Dense(1.0), batch()) is True
    with pytest.raises(ValueError, match="no output requires grad"):
        gradgradcheck(lambda x: x.detach(), double(3))


def test_a_cut_out_stands_for_large_jacobians():
    layer = Dense()
    layer.weight, layer.bias = nn.Parameter(minidl.randn(40, 30)), nn.Parameter(minidl.zeros(40))
    text = str(pytest.raises(GradcheckError, gradcheck, layer, batch(2, 30)).value)
    assert re.search(r"Shown are rows \d+ to \d+ of 1200 and columns \d+ to \d+ of 80", text)
    assert len(text.splitlines()) < 30
    large = gradcheck_report(layer, batch(2, 30), fast_mode=True).failure
    assert "in a random direction, output 0 changes by" in large and "Projected Jacobian mismatch" in large


# ---------------------------------------------------------------------- layers that are right

def eval_of(layer):
    return layer.eval()


RIGHT = {
    "linear": lambda: (nn.Linear(3, 2), batch()),
    "conv": lambda: (nn.Conv2d(2, 3, 3, padding=1), batch(1, 2, 4, 4)),
    "dropout": lambda: (nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 2)), batch()),
    "rrelu": lambda: (nn.RReLU(), batch()),
    "batch norm, training": lambda: (nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)), batch()),
    "batch norm, cumulative": lambda: (nn.BatchNorm1d(3, momentum=None), batch()),
    "batch norm, evaluation": lambda: (nn.BatchNorm1d(3).eval(), batch()),
    "layer norm": lambda: (nn.LayerNorm(3), batch()),
    "lstm, nested outputs and inputs": lambda: (nn.LSTM(3, 2),
                                                (batch(3, 1, 3), (batch(1, 1, 2), minidl.zeros(1, 1, 2)))),
    "attention with dropout": lambda: (nn.MultiheadAttention(4, 2, dropout=0.3), (batch(3, 1, 4),) * 3),
    "embedding": lambda: (nn.Embedding(5, 3), minidl.tensor([1, 2, 1])),
    "loss": lambda: (nn.CrossEntropyLoss(), (batch(), minidl.tensor([0, 2, 1, 0]))),
    "lazy": lambda: (nn.LazyLinear(2), batch()),
    "weight norm": lambda: (nn.utils.parametrizations.weight_norm(nn.Linear(3, 2)), batch()),
    "spectral norm": lambda: (nn.utils.parametrizations.spectral_norm(nn.Linear(3, 2)).eval(), batch()),
    "complex": lambda: (Wrap(lambda self, x: (x * self.w).abs().sum(),
                             w=nn.Parameter(minidl.randn(3, dtype=minidl.complex64))),
                        batch()),
}


@pytest.mark.parametrize("make", RIGHT.values(), ids=RIGHT)
def test_layers(make):
    layer, inputs = make()
    given = inputs if isinstance(inputs, tuple) else (inputs,)
    before = [(name, x, x.clone().detach().numpy())
              for name, x in layer.state_dict().items() if not isinstance(layer, nn.LazyLinear)]
    values = [x.clone() for x in given if isinstance(x, minidl.Tensor)]
    state = minidl.get_rng_state()
    assert gradcheck(layer, inputs) is True
    assert gradcheck(layer, inputs, fast_mode=True) is True
    assert gradgradcheck(layer, inputs, fast_mode=True) is True
    assert bool((minidl.get_rng_state() == state).all())
    for name, x, value in before:       # the module is as it was: dtype, values, statistics, no gradient
        assert layer.state_dict()[name].dtype == x.dtype and x.grad is None
        np.testing.assert_array_equal(layer.state_dict()[name].numpy(), value)
    assert all(p.grad is None for p in layer.parameters())
    for x, value in zip([x for x in given if isinstance(x, minidl.Tensor)], values):
        assert x.dtype == value.dtype and bool((x == value).all())


def test_a_module_that_keeps_what_it_computed():
    def function(self, x):
        self.cache = (x, x * self.weight)
        self.calls = getattr(self, "calls", 0) + 1
        return self.cache[1] * (1 if self.calls < 3 else 2)

    layer = Wrap(function, weight=nn.Parameter(minidl.randn(3)))
    layer(batch())      # its cache is no leaf
    assert gradcheck(layer, batch()) and layer.calls == 1


def test_tied_frozen_and_unused_parameters():
    tied = nn.Parameter(minidl.randn(3))
    layer = Wrap(lambda self, x: x * self.a * self.b * self.frozen, a=tied, b=tied,
                 frozen=nn.Parameter(minidl.ones(3), requires_grad=False), unused=nn.Parameter(minidl.ones(2)))
    report = gradcheck_report(layer, batch())
    assert report and str(report).splitlines()[0].split("  ")[0] == "tensor"
    assert [(row.tensor, row.result, row.note) for row in report.rows] == [
        ("input 0", "right", ""),
        ("parameter 'a'", "right", ""),
        ("parameter 'unused'", "right", "no path leads from it to the output"),
        ("parameter 'frozen'", "not checked", "requires_grad is False")]


def test_buffers_and_attributes_that_require_grad():
    def function(self, x):
        return Product.apply(x, self.table, 1.1) + self.plain

    layer = Wrap(function, table=minidl.randn(2, 3, requires_grad=True), fixed=minidl.ones(2))
    layer.plain = minidl.zeros(2, requires_grad=True)
    report = gradcheck_report(layer, batch())
    assert report.failure.startswith("buffer 'table' has a wrong gradient")
    assert {row.tensor: row.result for row in report.rows} == {
        "input 0": "right",
        "buffer 'table'": "wrong",
        "attribute 'plain' (no parameter)": "right",
        "buffer 'fixed'": "not checked",
    }


# ---------------------------------------------------------------------- what is not checked is said

def test_a_function_that_holds_parameters():
    layer, scale = nn.Linear(3, 2).double(), minidl.ones(2, dtype=minidl.float64, requires_grad=True)
    text = "also depends on layer.bias (2,), layer.weight (2, 3), scale (2,), whose gradient is not checked"
    with pytest.warns(UserWarning, match=re.escape(text)) as seen:
        assert gradcheck(lambda x: layer(x) * scale, double(4, 3))
    assert seen[0].filename == __file__
    with pytest.warns(UserWarning, match=re.escape("self.weight (2, 3)")):
        report = gradcheck_report(layer.forward, double(4, 3))
    assert rows(report)["self.weight", ""].result == "not checked"
    with pytest.warns(UserWarning, match=re.escape("self.bias (2,)")):
        assert gradgradcheck(partial(layer), double(4, 3))


@pytest.mark.parametrize("check", [
    lambda: gradcheck(lambda x, w: x @ w, (double(4, 3), double(3, 2))),
    lambda: gradcheck(Dense(1.0), batch()),
    lambda: gradgradcheck(lambda x: x ** 3, double(3)),
    lambda: gradcheck(lambda x: minidl.ones(3, dtype=minidl.float64) * x, double(3)),
    lambda: gradcheck(minidl.exp, double(3) * 2),
])
def test_nothing_to_warn_of(check):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert check() is True


def test_inputs_that_do_not_require_grad():
    with pytest.warns(UserWarning, match="no input requires grad, so the gradient of none is checked") as seen:
        report = gradcheck_report(Dense(1.0), minidl.randn(4, 3))
    assert seen[0].filename == __file__ and rows(report)["input 0", ""].note == "requires_grad is False"
    report = gradcheck_report(lambda x, y: (x * y, y, x.detach()), (double(3), minidl.ones(3)))
    assert [(row.tensor, row.output, row.result) for row in report.rows] == [
        ("input 0", "output 0", "right"),
        ("input 1", "", "not checked"),
        ("", "output 1", "not checked"),
        ("", "output 2", "not checked")]


def test_random_numbers():
    assert gradcheck(nn.functional.dropout, double(3, 4))
    stream = np.random.default_rng(0)
    with pytest.raises(GradcheckError, match="the function is not deterministic"):
        gradcheck(lambda x: x * stream.random(), double(3))
    generator = minidl.Generator()
    assert not gradcheck(lambda x: x * minidl.rand(3, generator=generator), double(3), raise_exception=False)


def test_what_cannot_be_checked():
    with pytest.raises(ValueError, match="at least one input tensor to require gradient"):
        gradcheck(nn.ReLU(), minidl.tensor([1, 2]))
    with pytest.raises(ValueError, match="returned no tensor"):
        gradcheck(lambda x: x.sum().item(), double(3))
    with pytest.raises(RuntimeError, match="The input 0 has a dimension with stride 0"):
        gradcheck(lambda x: x * 2, minidl.ones(1, dtype=minidl.float64, requires_grad=True).expand(3))
    with pytest.raises(ValueError, match="expected order 1 or 2, but got 3"):
        gradcheck_report(minidl.exp, double(3), order=3)
    layer = Wrap(lambda self, x: x)
    layer.lines = (line for line in "ab")
    with pytest.raises(TypeError, match=r"works on a copy of the module.*Wrap cannot be copied"):
        gradcheck(layer, batch())


def test_float32_inside():
    report = gradcheck_report(lambda x: (x.float() ** 2).double().float(), double(3))
    assert "output 0 is float32, too coarse for finite differences: compute in float64" in report.failure


def test_several_outputs_and_nested_ones():
    report = gradcheck_report(lambda x: {"a": x * 2, "b": (x ** 2, [x.sum()])}, double(3))
    assert [row.output for row in report.rows] == ["output 0", "output 1", "output 2"] and report
    report = gradcheck_report(lambda x: (x * 2, Product.apply(x * 1, x, 1.1)), double(2, 2))
    assert report.failure.startswith("input 0 has a wrong gradient: d outputs[1][")


def test_entries_of_complex_tensors_and_of_scalars():
    z = minidl.tensor([1 + 1j, 2 - 1j], dtype=minidl.complex128, requires_grad=True)
    assert re.search(r"d output / d inputs\[0\]\[[01]\]\.(real|imag) is",
                     gradcheck_report(lambda z: Twice.apply(z).abs().sum(), z).failure)
    x = minidl.tensor(2.0, dtype=minidl.float64, requires_grad=True)
    assert gradcheck_report(Twice.apply, x).failure.startswith(
        "input 0 has a wrong gradient: d output / d inputs[0] is 1 by backward, but 2 by")


class Twice(Function):
    """2x, whose gradient is 1."""

    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        return g


# ---------------------------------------------------------------------- the page

def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def without_noise(text):
    """Without spaces at ends, and differences that come from rounding."""
    return re.sub(r"\d\.\de-(0[6-9]|1\d)", "rounding", str(text)).strip()


def test_the_page_shows_what_is_printed():
    minidl.manual_seed(0)
    namespace = {}
    for code in blocks("python"):
        exec(compile(code, PAGE.name, "exec"), namespace)
    text, table = blocks("text")
    assert without_noise(namespace["error"]) == without_noise(text)
    assert without_noise(namespace["report"]) == without_noise(table)
    tests = [value for name, value in namespace.items() if name.startswith("test_")]
    assert len(tests) == 2
    with pytest.raises(GradcheckError, match="parameter 'weight'"):
        tests[0]()      # of the layer with the planted error
    tests[1]()
