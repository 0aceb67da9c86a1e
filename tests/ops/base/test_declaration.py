"""What every public function does at its door: it refuses what is no tensor, in its own name, and takes `out=`."""
from __future__ import annotations

import copy
import functools
import inspect
import pickle
import re
import warnings
from typing import Any

import numpy as np
import pytest

import minidl
import minidl.nn.functional as F
from minidl.ops.base import out
from tests import strict_array
from tests.checking import build, leaves, tensors, torch, tree_map
from tests.public_functions import cases, code_of

SPACES = {"minidl": minidl, "minidl.linalg": minidl.linalg, "minidl.special": minidl.special, "minidl.fft": minidl.fft,
          "minidl.nn.functional": F}
FUNCTIONS = {f"{space}.{name}": function for space, module in SPACES.items() for name, function in vars(module).items()
             if inspect.isfunction(function) and not name.startswith("_") and hasattr(function, "__wrapped__")}

# ---------------------------------------------------------------------- what is no tensor

FILL = {
    "dim": 0,
    "dims": (0,),
    "dim0": 0,
    "dim1": 1,
    "axis0": 0,
    "axis1": 1,
    "shape": (1,),
    "size": (1,),
    "sizes": (1,),
    "k": 1,
    "n": 1,
    "p": 1,
    "shifts": 1,
    "chunks": 1,
    "start": 0,
    "length": 1,
    "stride": (1,),
    "reduce": "sum",
}
"""What a required parameter of this name is given; others a tensor."""

NO_TENSOR_FIRST = {
    "a number": "minidl.arange minidl.eye minidl.linspace minidl.logspace minidl.range minidl.randperm "
                "minidl.tril_indices minidl.triu_indices minidl.normal minidl.fft.fftfreq minidl.fft.rfftfreq "
                "minidl.polygamma minidl.special.polygamma",
    "a size": "minidl.full minidl.zeros minidl.ones minidl.empty minidl.rand minidl.randn minidl.randint",
    "a string": "minidl.einsum",
    "whatever there is to ask about": "minidl.is_tensor minidl.typename",
    "nothing but other tensors' places": "minidl.broadcast_shapes",
}
TAKE_TENSORS = sorted(set(FUNCTIONS) - {name for names in NO_TENSOR_FIRST.values() for name in names.split()})


@pytest.mark.parametrize("wrong", [[1.0, 2.0], "abc", None], ids=["list", "str", "None"])
@pytest.mark.parametrize("name", TAKE_TENSORS)
def test_what_is_no_tensor_is_refused_by_name(name, wrong):
    function = FUNCTIONS[name]
    first, *rest = inspect.signature(function).parameters.values()
    rest = [p for p in rest if p.default is p.empty]
    args = [FILL.get(p.name, minidl.ones(1)) for p in rest if p.kind is p.POSITIONAL_OR_KEYWORD]
    kwargs = {p.name: FILL.get(p.name, minidl.ones(1)) for p in rest if p.kind is p.KEYWORD_ONLY}
    with pytest.raises(TypeError, match=rf"\b{name.rpartition('.')[2]}\(\)") as error:
        function(wrong, *args, **kwargs)
    assert type(wrong).__name__ in str(error.value) or "element 0" in str(error.value)


def test_the_argument_is_named_with_its_position():
    with pytest.raises(TypeError, match=re.escape(
            "flip(): argument 'input' (position 1) must be Tensor, not list; try minidl.tensor(...) on it first")):
        minidl.flip([1], [0])
    with pytest.raises(TypeError, match=re.escape("trapezoid(): argument 'x' (position 2) must be Tensor, not list")):
        minidl.trapezoid(minidl.ones(2), [0])
    with pytest.raises(TypeError, match=re.escape("cat(): expected Tensor as element 1 in argument 0, but got int")):
        minidl.cat([minidl.ones(1), 2])
    with pytest.raises(TypeError, match=re.escape("absolute(): argument 'input' (position 1) must be Tensor, not str")):
        minidl.absolute("x")


def test_other_errors_pass_as_they_are():
    with pytest.raises(RuntimeError, match="cannot be broadcast"):
        minidl.add(minidl.ones(2), minidl.ones(3))
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        minidl.flip(minidl.ones(2))
    with pytest.raises(IndexError, match="Dimension out of range"):
        minidl.sum(minidl.ones(2), 5)


def test_numbers_alone_are_refused():
    for call in (lambda: minidl.abs(-3.0), lambda: minidl.sin(0.5), lambda: minidl.add(1, 2)):
        with pytest.raises(TypeError, match="must be Tensor|no argument is a Tensor|expected a Tensor"):
            call()


def test_arrays_and_numbers_pass():
    assert minidl.abs(np.array([-1.0])).tolist() == [1.0]
    assert minidl.add(1, minidl.ones(1)).tolist() == [2]
    assert minidl.flip(np.array([1, 2]), [0]).tolist() == [2, 1]
    assert minidl.sqrt(np.float64(4.0)) == 2 and minidl.broadcast_shapes((2, 1), (3,)) == (2, 3)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_functions_are_copied_and_pickled_by_name(name):
    assert pickle.loads(pickle.dumps(FUNCTIONS[name])) is FUNCTIONS[name]
    assert copy.deepcopy(FUNCTIONS[name]) is FUNCTIONS[name]


def test_a_function_is_the_same_under_every_name_and_as_a_method():
    assert F.relu is minidl.relu and F.softmax is minidl.softmax is minidl.special.softmax
    assert minidl.linalg.det is minidl.det and minidl.special.erf is minidl.erf
    assert minidl.Tensor.exp is minidl.exp and minidl.Tensor.exp_ is minidl.exp_
    assert minidl.Tensor.absolute is minidl.absolute and minidl.absolute.__name__ == "absolute"


def message(call):
    with pytest.raises(TypeError) as error:
        call()
    return str(error.value)


@pytest.mark.parametrize("name, wrong", [
    ("add", ("a",)), ("atan2", ("a",)), ("matmul", ("a",)), ("gather", (0, [1])), ("masked_fill", ([True], 1)),
    ("lerp", ([1.0], 0.5)), ("absolute", (1, 2, 3))])
def test_a_function_and_its_method_say_the_same(name, wrong):
    x = minidl.ones(2, 2)
    said = message(lambda: getattr(minidl, name)(x, *wrong))
    assert said == message(lambda: getattr(x, name)(*wrong))
    assert f"{name}()" in said or name == "absolute"


def test_twins_name_themselves_and_take_no_out():
    assert message(lambda: minidl.exp_([1.0])).startswith("exp_(): argument 'input' (position 1) must be Tensor")
    assert "unexpected keyword argument 'out'" in message(lambda: minidl.ones(2).exp_(out=minidl.ones(2)))
    assert list(inspect.signature(minidl.Tensor.clamp_).parameters) == ["input", "min", "max"]


def test_every_method_is_documented():
    def undocumented(name):
        attribute = inspect.getattr_static(minidl.Tensor, name)
        return (inspect.isfunction(attribute) or isinstance(attribute, property)) and not attribute.__doc__
    assert [name for name in dir(minidl.Tensor) if not name.startswith("_") and undocumented(name)] == []
    for name in ("softmax", "exp", "conv2d"):
        assert ">>>" in (getattr(minidl.Tensor, name, None) or getattr(minidl, name)).__doc__


# ---------------------------------------------------------------------- out=

WITH_OUT = [name for name, function in FUNCTIONS.items()
            if "out" in inspect.signature(function).parameters and not name.startswith("minidl.nn.functional.")]
"""In nn.functional stand some of the same functions."""


def by_function() -> dict[Any, list[Any]]:
    """The samples of tests/ops, for every function that a case is about."""
    found: dict[Any, list[Any]] = {}
    for _, case in cases():
        if inspect.isfunction(case.fn):
            found.setdefault(code_of(case.fn), []).extend(case.samples)
    return found


def matrix(*shape: int) -> Any:
    """Random, symmetric and positive definite."""
    x = minidl.tensor(np.random.default_rng(0).uniform(0.2, 0.8, shape))
    return x @ x.mT + minidl.eye(shape[-1], dtype=minidl.float64)


REDUCTIONS = "amax amin argmax argmin cumprod cumsum logsumexp mean nanmean nansum prod std sum var all any".split()
BY_HAND = {
    **{f"minidl.{name}": [(minidl.tensor([[1.0, 2.0], [5.0, 3.0]]), 1)] for name in REDUCTIONS},
    "minidl.special.logsumexp": [(minidl.ones(2, 3), 1)], "minidl.norm": [(minidl.ones(2, 3), 2, 1)],
    "minidl.addmm": [(minidl.ones(3), minidl.ones(2, 4), minidl.ones(4, 3))],
    "minidl.arange": [(5,), (1, 2, 0.25)], "minidl.range": [(1, 3)], "minidl.eye": [(3,), (2, 3)],
    "minidl.linspace": [(0, 1, 5)], "minidl.logspace": [(0, 1, 5)], "minidl.full": [((2, 3), 1.5)],
    "minidl.zeros": [(2, 3), ((2, 3),)], "minidl.ones": [(2, 3)], "minidl.rand": [(2, 3)], "minidl.randn": [(2, 3)],
    "minidl.randint": [(0, 9, (4,))], "minidl.randperm": [(6,)], "minidl.normal": [(0.0, 1.0, (3,))],
    "minidl.bernoulli": [(minidl.full((5,), 0.5),)], "minidl.multinomial": [(minidl.ones(4), 2)],
    "minidl.fft.fftfreq": [(5,)], "minidl.fft.rfftfreq": [(5,)], "minidl.special.erfcx": [(minidl.ones(3),)],
    "minidl.cholesky_inverse": [(minidl.linalg.cholesky(matrix(3, 3)),)],
    "minidl.cholesky_solve": [(minidl.ones(3, 2, dtype=minidl.float64), minidl.linalg.cholesky(matrix(3, 3)))],
    "minidl.svd": [(matrix(3, 3),)], "minidl.linalg.svd": [(matrix(3, 3),)],
    "minidl.linalg.eig": [(matrix(3, 3),)], "minidl.linalg.eigvals": [(matrix(3, 3),)],
    "minidl.linalg.eigvalsh": [(matrix(3, 3),)], "minidl.linalg.lstsq": [(matrix(3, 3), matrix(3, 3))],
    "minidl.lu": [(matrix(3, 3),)], "minidl.lu_unpack": [minidl.lu(matrix(3, 3))],
    "minidl.lu_solve": [(matrix(3, 3), *minidl.lu(matrix(3, 3)))],
    "minidl.linalg.lu_solve": [(*minidl.linalg.lu_factor(matrix(3, 3)), matrix(3, 3))],
    **{f"minidl.{name}_copy": [(minidl.tensor([[1.0, 2.0], [5.0, 3.0]]), *more)] for name, *more in (
        ("alias",), ("as_strided", (2, 2), (1, 2)), ("detach",),
        ("diagonal",), ("select", 0, 1), ("slice", 0, 1), ("split", 1), ("squeeze",), ("t",),
        ("transpose", 0, 1), ("unbind",), ("unsqueeze", 0), ("view", (4,)))},
}
WITHOUT_VALUES = ["minidl.empty"]
SAMPLES = by_function()


def calls(name):
    """How to call a function: by hand, or as in tests/ops."""
    if name in BY_HAND:
        return [(list(args), {}) for args in BY_HAND[name]]
    return [build(sample, minidl.tensor) for sample in SAMPLES[code_of(FUNCTIONS[name])][:6]]


def run(name, args, kwargs, **more):
    minidl.manual_seed(0)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("error", UserWarning)
        return FUNCTIONS[name](*args, **kwargs, **more)


def same(mine, expected):
    assert len(mine) == len(expected)
    for a, b in zip(mine, expected):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def shaped_like(results):
    """A value for out=: one tensor, or several, that hold other numbers than the results."""
    return [minidl.zeros_like(r) if r.dtype == minidl.bool else minidl.full_like(r, 77) for r in results]


def as_given(result, outs):
    return tuple(outs) if isinstance(result, (tuple, list)) else outs[0]


@pytest.mark.parametrize("name", [name for name in WITH_OUT if name not in WITHOUT_VALUES])
def test_out_receives_the_result(name):
    for args, kwargs in calls(name):
        result = run(name, args, kwargs)
        expected = tensors(result)
        empty = [minidl.empty(0, dtype=r.dtype) for r in expected]
        outs = shaped_like(expected)
        for given in (empty, outs):
            before = [o._version for o in given]
            back = run(name, args, kwargs, out=as_given(result, given))
            assert all(a is b for a, b in zip(leaves(list(back) if isinstance(result, tuple) else [back]), given))
            assert type(back) is type(result)
            same(given, expected)
            assert all(o._version > n for o, n in zip(given, before))


@pytest.mark.parametrize("name", [name for name in WITH_OUT if name not in WITHOUT_VALUES])
def test_out_has_no_gradient(name):
    args, kwargs = calls(name)[0]
    result = run(name, args, kwargs)
    outs = shaped_like(tensors(result))
    message = re.escape(f"{name.rpartition('.')[2]}(): functions with out=... arguments don't support automatic "
                        "differentiation, but one of the arguments requires grad.")
    wanting = [t for t in tensors(args, list(kwargs.values())) if t.is_floating_point()]
    if not any(r.is_floating_point() or r.is_complex() for r in tensors(result)):
        wanting = []    # it has no gradient, and nothing is lost
    wanting += [o for o in outs if o.is_floating_point()]
    for t in wanting:
        t.requires_grad_()
        try:
            with pytest.raises(RuntimeError, match=message):
                run(name, args, kwargs, out=as_given(result, outs))
            with minidl.no_grad():
                run(name, args, kwargs, out=as_given(result, outs))
        finally:
            t.requires_grad_(False)


@pytest.mark.parametrize("name", [name for name in WITH_OUT if name not in WITHOUT_VALUES])
def test_out_loses_no_numbers_and_stays_on_its_device(name):
    args, kwargs = calls(name)[0]
    result = run(name, args, kwargs)
    expected = tensors(result)
    if out.creates_tensors(FUNCTIONS[name].__wrapped__) and name != "minidl.bernoulli":
        return      # made in the dtype of out, and where it is
    if expected[0].dtype.kind in "fc" and \
            name.rpartition(".")[2] not in (*out.COMPUTES_IN_OUT, "bernoulli"):
        outs = [minidl.zeros(r.shape, dtype=minidl.int64) for r in expected]
        with pytest.raises((RuntimeError, TypeError),
                           match="can.t be cast to the desired output type int64|Expected out tensor to have dtype"):
            run(name, args, kwargs, out=as_given(result, outs))
        assert not outs[0].any()
    elsewhere = [strict_array.leaf(o) for o in shaped_like(expected)]
    with pytest.raises(RuntimeError, match="device|expected out on"):
        run(name, args, kwargs, out=as_given(result, elsewhere))


def test_out_is_empty():
    x = minidl.zeros(2)
    assert minidl.empty(3, out=x.detach().resize_(0)).shape == (3,)


def test_out_is_in_the_signature():
    for name in WITH_OUT:
        parameter = inspect.signature(FUNCTIONS[name]).parameters["out"]
        assert parameter.default is None and parameter.kind is parameter.KEYWORD_ONLY


def test_out_may_be_an_argument():
    x, y = minidl.tensor([1.0, 2.0]), minidl.tensor([10.0, 20.0])
    assert minidl.add(x, y, out=x) is x and x.tolist() == [11, 22]
    m = minidl.tensor([[1.0, 2.0], [3.0, 4.0]])
    minidl.matmul(m, m, out=m)
    assert m.tolist() == [[7, 10], [15, 22]]
    z = minidl.arange(4)
    minidl.add(z[1:], z[:-1], out=z[1:])        # parts of one tensor, which overlap
    assert z.tolist() == [0, 1, 3, 5]


def test_out_is_seen_by_views_and_by_what_was_kept():
    x = minidl.zeros(2, 2)
    row = x[0]
    minidl.add(minidl.ones(2, 2), 1, out=x)
    assert row.tolist() == [2, 2]
    w = minidl.ones(2, requires_grad=True)
    factor = minidl.ones(2)
    y = w * factor
    minidl.add(factor, 1, out=factor)
    with pytest.raises(RuntimeError, match="modified by an inplace operation.*last written by add"):
        y.sum().backward()


def test_out_of_another_shape():
    x = minidl.zeros(2)
    view = x[:1]
    with pytest.warns(UserWarning, match=r"resized since it had shape \[2\], .* required output shape \[3\]"):
        assert minidl.add(minidl.ones(3), 1, out=x) is x
    assert x.tolist() == [2, 2, 2] and view.tolist() == [0]
    with pytest.raises(RuntimeError, match="a view of another tensor's memory cannot be resized"):
        minidl.add(minidl.ones(3), 1, out=x[:2])
    minidl.add(minidl.ones(3), 1, out=x[:0])    # nothing to share
    with pytest.raises(RuntimeError, match="share one place in memory"):
        minidl.add(minidl.ones(3), 1, out=minidl.zeros(1).expand(3))


def test_out_decides_the_dtype_of_what_is_made():
    assert minidl.zeros(2, out=minidl.empty(0, dtype=minidl.int32)).dtype == minidl.int32
    assert minidl.linspace(0, 1, 3, out=minidl.empty(0, dtype=minidl.float64)).tolist() == [0, 0.5, 1]
    with pytest.raises(RuntimeError, match="dtype float32 does not match dtype of out parameter"):
        minidl.zeros(2, dtype=minidl.float32, out=minidl.empty(0, dtype=minidl.int32))
    assert minidl.ones(2, out=minidl.empty(2), requires_grad=True).requires_grad


def test_out_in_the_wrong_number():
    x = minidl.ones(3)
    with pytest.raises(TypeError, match="max.*must be tuple of 2 Tensors, but got a Tensor"):
        minidl.max(x, 0, out=minidl.empty(0))
    with pytest.raises(TypeError, match="sort.*must be tuple of 2 Tensors, but got tuple of 3 Tensors"):
        minidl.sort(x, out=(minidl.empty(0),) * 3)
    with pytest.raises(TypeError, match=r"add\(\): argument 'out' must be Tensor, .* not int"):
        minidl.add(x, x, out=3)
    found = minidl.max(x, dim=0, out=[minidl.empty(0), minidl.empty(0, dtype=minidl.int64)])
    assert found.values.item() == 1 and found.indices.item() == 0


NO_OUT = {
    "made alike, not into": "minidl.ones_like minidl.zeros_like",
    "two results, of which PyTorch documents out= but takes none": "minidl.std_mean minidl.var_mean",
    "documented, but not taken": "minidl.histogramdd minidl.resolve_neg",
}


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
def test_out_is_taken_wherever_pytorch_documents_it():
    spaces = {"minidl": torch, "minidl.linalg": torch.linalg, "minidl.special": torch.special, "minidl.fft": torch.fft}
    documented = set()
    for name in FUNCTIONS:
        path, _, last = name.rpartition(".")
        theirs = getattr(spaces.get(path), last, None)
        if theirs is not None and re.search(r"\bout\s*(=|\(|:)", theirs.__doc__ or ""):
            documented.add(name)
    assert documented - set(WITH_OUT) == {name for names in NO_OUT.values() for name in names.split()}
    for name in WITH_OUT:
        assert hasattr(spaces[name.rpartition(".")[0]], name.rpartition(".")[2])


# ---------------------------------------------------------------------- out= of another dtype

DTYPES = "bool uint8 int32 int64 float16 float32 float64 complex64 complex128".split()
LENIENT = {
    "minidl.cholesky": "is linalg.cholesky, which casts nothing",
    "minidl.lu": "is linalg.lu, which casts nothing",
    "minidl.fft.hfft minidl.fft.hfft2 minidl.fft.hfftn minidl.fft.irfft minidl.fft.irfft2 minidl.fft.irfftn":
        "real numbers are complex ones, too",
    "minidl.addbmm minidl.baddbmm minidl.chain_matmul minidl.clamp_max minidl.clamp_min minidl.ldexp minidl.lerp "
    "minidl.matrix_power minidl.linalg.matrix_power": "PyTorch's rule depends on the call",
    "minidl.abs": "a complex out is for a complex input",
    "minidl.split_copy minidl.randint minidl.nansum": "no numbers are lost",
    "minidl.arange": "PyTorch 2.13 makes a step of 0 of 0.25, and divides by it",
    "minidl.empty": "its numbers are not settled",
}
OUT_OF_OTHER_DTYPES = sorted(set(WITH_OUT) - {name for names in LENIENT for name in names.split()})


def as_torch(value: Any) -> Any:
    if isinstance(value, minidl.Tensor):
        return torch.from_numpy(np.array(value.numpy()))
    return getattr(torch, value.name) if isinstance(value, np.dtype) else value


def attempt(function: Any, outs: list[Any]) -> str:
    """The name of the error of `function(out=outs)`, or "" where there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            function(out=tuple(outs) if len(outs) > 1 else outs[0])
    except Exception as error:
        return type(error).__name__.lstrip("_")
    return ""


def several(result: Any) -> list[Any]:
    return list(result) if isinstance(result, (tuple, list)) else [result]


@pytest.mark.skipif(torch is None, reason="compares with PyTorch")
@pytest.mark.parametrize("name", OUT_OF_OTHER_DTYPES)
def test_dtypes_of_out(name: str) -> None:
    theirs = functools.reduce(lambda space, part: getattr(space, part, None), name.split(".")[1:], torch)
    for args, kwargs in calls(name)[:2] if theirs is not None else []:
        for dtype in ("float64", "float32", "int64"):
            mine = [x.to(dtype) if isinstance(x, minidl.Tensor) and x.is_floating_point() else x for x in args]
            given, more = tree_map(as_torch, mine), {key: tree_map(as_torch, v) for key, v in kwargs.items()}
            try:
                torch.manual_seed(0)
                expected, result = theirs(*given, **more), run(name, mine, kwargs)
            except Exception:
                continue        # integers are not for every function
            for slot, other in np.ndindex(len(several(expected)), len(DTYPES)):
                outs = [torch.zeros(r.shape, dtype=r.dtype) for r in several(expected)]
                outs[slot] = outs[slot].to(getattr(torch, DTYPES[other]))
                refused = attempt(functools.partial(theirs, *given, **more), outs)
                if refused in ("NotImplementedError", "TypeError") and "cat" not in name and "stack" not in name:
                    continue    # PyTorch has no kernel for the dtype, or no `out` in this call
                ours = [minidl.zeros(r.shape, dtype=r.dtype) for r in several(result)]
                ours[slot] = ours[slot].to(DTYPES[other])
                found = attempt(functools.partial(run, name, mine, kwargs), ours)
                assert found == refused, f"result {slot} in {outs[slot].dtype}: {found!r}, not {refused!r}: {mine}"


def test_a_sum_is_computed_in_the_dtype_of_out() -> None:
    x = minidl.tensor([[1.6, 1.6], [2.7, 2.7]])
    assert minidl.sum(x, 1, out=minidl.zeros(2, dtype=minidl.int64)).tolist() == [2, 4]
    assert minidl.prod(x, 1, out=minidl.zeros(2, dtype=minidl.int32)).tolist() == [1, 4]
    assert minidl.cumsum(x, 1, out=minidl.zeros(2, 2, dtype=minidl.uint8)).tolist() == [[1, 2], [2, 4]]
    for function in (minidl.sum, minidl.prod, minidl.mean, minidl.nansum, minidl.cumsum):
        with pytest.raises(RuntimeError, match="Expected out tensor to have dtype float64, but got float32 instead"):
            function(x, 1, dtype=minidl.float64, out=minidl.zeros(2))


def test_what_has_no_gradient_may_be_written_from_what_requires_grad() -> None:
    x = minidl.ones(2, requires_grad=True)
    for function in (minidl.argmax, minidl.nonzero, minidl.logical_not, minidl.isposinf, minidl.all):
        dtype = minidl.int64 if function in (minidl.argmax, minidl.nonzero) else minidl.bool
        function(x, out=minidl.empty(0, dtype=dtype))
    with pytest.raises(RuntimeError, match="don't support automatic differentiation"):
        minidl.sum(x, out=minidl.empty(0, dtype=minidl.int64))
    with pytest.raises(RuntimeError, match="don't support automatic differentiation"):
        minidl.sort(x, out=(minidl.empty(0), minidl.empty(0, dtype=minidl.int64)))


def test_a_range_fills_out_of_as_many_elements() -> None:
    for made in (minidl.arange(4, out=minidl.zeros(2, 2)), minidl.linspace(0, 3, 4, out=minidl.zeros(2, 2)),
                 minidl.arange(4, out=minidl.zeros(2, 3)[:, :2])):
        assert made.tolist() == [[0, 1], [2, 3]]
    assert minidl.zeros(4, out=minidl.empty(0)).shape == (4,)


# ---------------------------------------------------------------------- operands on two devices

POSITIONS = """gather index_add index_copy index_fill index_select index_reduce masked_fill masked_scatter
    masked_select scatter scatter_add scatter_reduce take take_along_dim put embedding max_unpool1d max_unpool2d
    max_unpool3d broadcast_tensors meshgrid""".split()
"""What moves positions and masks to the tensor that they choose from, and what only lays tensors out."""


def of_several_tensors() -> list[Any]:
    """Calls with two tensors and more, and which of them may be elsewhere: numbers go everywhere."""
    found = []
    for name, function in FUNCTIONS.items():
        for sample in SAMPLES.get(code_of(function), [])[:1]:
            args = build(sample, minidl.tensor)[0]
            places = [i for i, x in enumerate(args) if isinstance(x, minidl.Tensor) and x.dim()]
            if len(places) > 1 and name.rpartition(".")[2] not in POSITIONS:
                found += [(name, i) for i in places]
    return found


@pytest.mark.filterwarnings("ignore:kl_div")
@pytest.mark.parametrize(("name", "place"), of_several_tensors())
def test_operands_on_two_devices(name: str, place: int) -> None:
    args, kwargs = build(SAMPLES[code_of(FUNCTIONS[name])][0], minidl.tensor)
    args[place] = strict_array.leaf(args[place])
    with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
        FUNCTIONS[name](*args, **kwargs)
