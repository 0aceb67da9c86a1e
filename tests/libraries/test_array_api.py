"""`minidl.array_api` beside array-api-strict, on random arguments for every function of the standard.

The standard's own suite is on no package index, so the reference is the consortium's strict implementation on NumPy.
Arguments that it refuses are passed over. What minidl does otherwise stands in array_api.txt, with reasons.
"""
from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from hypothesis.extra.array_api import make_strategies_namespace

import minidl
from minidl import array_api as xp

strict = pytest.importorskip("array_api_strict")
strict.set_array_api_strict_flags(api_version="2024.12")

OTHERWISE = [line.split(" | ") for line in
             (Path(__file__).parent / "array_api.txt").read_text(encoding="utf-8").splitlines() if line[0] != "#"]

EXAMPLES = int(os.environ.get("MINIDL_ARRAY_API_EXAMPLES", "10"))
"""Random calls of each function; 60 take two minutes."""

INTS, FLOATS, COMPLEX = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"], \
    ["float32", "float64"], ["complex64", "complex128"]
SIGNED = INTS[:4]
ALL = ["bool", *INTS, *FLOATS, *COMPLEX]
REAL, NUMBERS, INEXACT = INTS + FLOATS, INTS + FLOATS + COMPLEX, FLOATS + COMPLEX


@pytest.fixture(autouse=True)
def _precision_of_the_reference() -> Any:
    minidl.set_default_dtype(minidl.float64)
    yield
    minidl.set_default_dtype(minidl.float32)


# ---------------------------------------------------------------------- arguments

def values(dtype: str, small: bool) -> st.SearchStrategy[Any]:
    if dtype in FLOATS:
        return st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, 1e-3] + ([] if small else
                                                                           [np.inf, -np.inf, np.nan, 1e30]))
    if dtype in COMPLEX:
        return st.complex_numbers(max_magnitude=4, width=64, allow_subnormal=False)
    return st.booleans() if dtype == "bool" else st.integers(0 if dtype[0] == "u" else -5, 5)


def arrays(dtypes: list[str], shape: Any = None, small: bool = False) -> st.SearchStrategy[np.ndarray]:
    shape = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3) if shape is None else shape
    return st.sampled_from(dtypes).flatmap(lambda d: hnp.arrays(d, shape, elements=values(d, small)))


def one(dtypes: list[str], small: bool = False, **options: st.SearchStrategy[Any]) -> Any:
    """A call with one array; the options are drawn by keyword."""
    @st.composite
    def draw(draw: Any) -> Any:
        return (draw(arrays(dtypes, small=small)),), {k: draw(v) for k, v in options.items()}
    return draw()


def two(dtypes: list[str], small: bool = False) -> Any:
    """A call with two arrays of shapes that fit, or with an array and a number."""
    @st.composite
    def draw(draw: Any) -> Any:
        shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=2, max_side=3)).input_shapes
        kinds = [[d for d in dtypes if d in k] for k in (["bool"], INTS, FLOATS, COMPLEX)]
        kind = draw(st.sampled_from([k for k in kinds if k]))
        a = draw(arrays(kind, shapes[0], small))
        if draw(st.integers(0, 4)) == 0:
            return (a, draw(values(a.dtype.name, small))), {}
        return (a, draw(arrays(kind, shapes[1], small))), {}
    return draw()


def axes(ndim: int, several: bool = True) -> st.SearchStrategy[Any]:
    single = st.integers(-ndim, ndim - 1) if ndim else st.none()
    return st.one_of(st.none(), single, *([hnp.valid_tuple_axes(ndim, min_size=1)] if several and ndim else []))


def reduced(dtypes: list[str], several: bool = True, min_side: int = 0, **options: st.SearchStrategy[Any]) -> Any:
    @st.composite
    def draw(draw: Any) -> Any:
        a = draw(arrays(dtypes, hnp.array_shapes(min_dims=0, min_side=min_side, max_side=3), small=True))
        keywords = {k: draw(v) for k, v in options.items()}
        return (a,), {"axis": draw(axes(a.ndim, several)), "keepdims": draw(st.booleans()), **keywords}
    return draw()


def along(dtypes: list[str], min_side: int = 1, **options: st.SearchStrategy[Any]) -> Any:
    """A call with an array and one of its axes."""
    @st.composite
    def draw(draw: Any) -> Any:
        a = draw(arrays(dtypes, hnp.array_shapes(min_side=min_side, max_side=3), small=True))
        return (a,), {"axis": draw(st.integers(-a.ndim, a.ndim - 1)), **{k: draw(v) for k, v in options.items()}}
    return draw()


def made(call: Callable[[Any], Any]) -> Any:
    """Calls that `call(draw)` makes."""
    return st.composite(call)()


SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
DTYPE = st.sampled_from([None, *ALL])


def shape_and_dtype(draw: Any) -> Any:
    return (draw(SHAPES),), {"dtype": draw(DTYPE)}


def with_shape(draw: Any) -> Any:
    a = draw(arrays(ALL))
    return (a, draw(st.permutations(a.shape)) if a.ndim else (1, 1)), {}


def many(draw: Any) -> Any:
    shape, kind = draw(hnp.array_shapes(max_dims=3, max_side=3)), draw(st.sampled_from([["bool"], INTS, FLOATS]))
    parts = draw(st.lists(arrays(kind, shape, small=True), min_size=1, max_size=3))
    return (parts,), {"axis": draw(st.integers(-len(shape), len(shape) - 1))}


def matrices(dtypes: list[str], rule: str = "square", batch: bool = True, **options: st.SearchStrategy[Any]) -> Any:
    """Stacks of matrices with singular values of 1 and more, or of products A A^H + I."""
    @st.composite
    def draw(draw: Any) -> Any:
        rows, columns = draw(st.integers(1, 3)), draw(st.integers(1, 3))
        columns = columns if rule == "any" else rows
        shape = (*draw(st.sampled_from([(), (2,), (2, 1)] if batch else [()])), rows, columns)
        dtype = draw(st.sampled_from(dtypes))
        rng = np.random.default_rng(draw(st.integers(0, 1000)))
        a = rng.normal(size=shape) + (1j * rng.normal(size=shape) if dtype in COMPLEX else 0)
        if rule != "any":
            a = a @ a.conj().swapaxes(-1, -2) + np.eye(rows)
        return (a.astype(dtype),), {k: draw(v) for k, v in options.items()}
    return draw()


def equations(draw: Any) -> Any:
    (a,), _ = draw(matrices(INEXACT))
    columns = draw(st.sampled_from([None, 1, 3]))
    shape = (a.shape[-1],) if columns is None else (*draw(st.sampled_from([a.shape[:-2], ()])), a.shape[-1], columns)
    b = np.random.default_rng(draw(st.integers(0, 99))).normal(size=shape).astype(a.dtype)
    return (a, b), {}


def products(draw: Any) -> Any:
    kind = draw(st.sampled_from([SIGNED, FLOATS, COMPLEX]))
    n, m, k = (draw(st.integers(1, 3)) for _ in range(3))
    a, b = draw(st.sampled_from([((n,), (n,)), ((n, m), (m,)), ((m,), (m, k)), ((n, m), (m, k)), ((2, n, m), (m, k)),
                                 ((2, 1, n, m), (3, m, k))]))
    return (draw(arrays(kind, a, True)), draw(arrays(kind, b, True))), {}


def vectors(width: int | None = None, one_axis: bool = False) -> Any:
    def call(draw: Any) -> Any:
        kind = draw(st.sampled_from([SIGNED, FLOATS, COMPLEX]))
        shape = (width or draw(st.integers(1, 3)),) if one_axis else (2, width or draw(st.integers(1, 3)))
        pair = draw(arrays(kind, shape, True)), draw(arrays(kind, shape, True))
        return pair, {} if one_axis else {"axis": -1}
    return made(call)


def taken(draw: Any, along_axis: bool = False) -> Any:
    a = draw(arrays(ALL, hnp.array_shapes(max_dims=3, max_side=3)))
    axis = draw(st.integers(-a.ndim, a.ndim - 1))
    shape = list(a.shape)
    shape[axis] = 2
    places = hnp.arrays("int64", tuple(shape) if along_axis else 4, elements=st.integers(0, a.shape[axis] - 1))
    return (a, draw(places)), {"axis": axis}


def transformed(dtypes: list[str], several: bool = False, sized: bool = True) -> Any:
    def call(draw: Any) -> Any:
        a = draw(arrays(dtypes, hnp.array_shapes(min_dims=1, min_side=2, max_side=4, max_dims=3), True))
        norm = {"norm": draw(st.sampled_from(["backward", "ortho", "forward"]))} if sized else {}
        if several:
            return (a,), {"axes": draw(hnp.valid_tuple_axes(a.ndim, min_size=1)), **norm}
        return (a,), {"axis": draw(st.integers(-a.ndim, a.ndim - 1)), "n": draw(st.sampled_from([None, 2, 5])), **norm}
    return made(call)


K = st.integers(-2, 2)
CALLS: dict[str, Any] = {
    **dict.fromkeys("acos acosh asin asinh atan atanh cos cosh exp expm1 log log1p log2 log10 reciprocal sin sinh sqrt "
                    "tan tanh".split(), one(INEXACT)),
    **dict.fromkeys("ceil floor trunc".split(), one(REAL)), "round": one(NUMBERS), "signbit": one(FLOATS),
    **dict.fromkeys("abs negative positive square sign isfinite isinf isnan".split(), one(NUMBERS)),
    **dict.fromkeys("conj real".split(), one(COMPLEX)), "imag": one(COMPLEX), "logical_not": one(["bool"]),
    "bitwise_invert": one(["bool", *INTS]),
    **dict.fromkeys("add multiply subtract".split(), two(NUMBERS)), **dict.fromkeys(["equal", "not_equal"], two(ALL)),
    **dict.fromkeys("greater greater_equal less less_equal maximum minimum".split(), two(REAL)),
    **dict.fromkeys("atan2 copysign hypot logaddexp nextafter".split(), two(FLOATS)), "divide": two(INEXACT),
    "pow": two(FLOATS, True), "floor_divide": two(FLOATS, True), "remainder": two(FLOATS, True),
    **dict.fromkeys("bitwise_and bitwise_or bitwise_xor".split(), two(["bool", *INTS])),
    **dict.fromkeys("bitwise_left_shift bitwise_right_shift".split(),
                    made(lambda draw: (tuple(np.abs(x) for x in draw(two(SIGNED))[0]), {}))),
    **dict.fromkeys("logical_and logical_or logical_xor".split(), two(["bool"])),
    "clip": one(REAL, True, min=st.sampled_from([None, 0, 1]), max=st.sampled_from([None, 2, 3])),
    "where": made(lambda draw: ((draw(arrays(["bool"], (2, 1))), draw(arrays(FLOATS, (3,))), draw(arrays(FLOATS, ()))),
                                {})),
    **dict.fromkeys(["all", "any"], reduced(ALL)), "count_nonzero": reduced(ALL),
    **dict.fromkeys(["argmax", "argmin"], reduced(REAL, several=False, min_side=1)),
    **dict.fromkeys(["max", "min"], reduced(REAL, min_side=1)), "mean": reduced(FLOATS, min_side=1),
    **dict.fromkeys(["sum", "prod"], reduced(NUMBERS, dtype=st.sampled_from([None, "complex128"]))),
    **dict.fromkeys(["std", "var"], reduced(FLOATS, min_side=1, correction=st.sampled_from([0.0, 0.5]))),
    **dict.fromkeys(["cumulative_sum", "cumulative_prod"], along(NUMBERS, include_initial=st.booleans())),
    "diff": along(NUMBERS, n=st.integers(0, 2)),
    **dict.fromkeys(["sort", "argsort"], along(REAL, descending=st.booleans())), "nonzero": one(ALL),
    "searchsorted": made(lambda draw: ((np.sort(draw(arrays(FLOATS, (4,), True))), draw(arrays(FLOATS, (3,), True))),
                                       {"side": draw(st.sampled_from(["left", "right"]))})),
    "take": made(taken), "take_along_axis": made(lambda draw: taken(draw, True)),
    **dict.fromkeys("unique_all unique_counts unique_inverse unique_values".split(), one(["bool", *REAL])),
    "broadcast_arrays": made(lambda draw: (draw(two(ALL))[0], {})),
    "broadcast_to": made(lambda draw: ((draw(arrays(ALL, (3, 1))), (2, 3, 2)), {})),
    "concat": made(many), "stack": made(many), "expand_dims": along(ALL),
    "flip": made(lambda draw: (lambda a: ((a,), {"axis": draw(axes(a.ndim))}))(draw(arrays(ALL)))),
    "moveaxis": made(lambda draw: ((draw(arrays(ALL, (2, 3, 1))), *draw(st.sampled_from([(0, -1), ((0, 1), (2, 0))]))),
                                   {})),
    "permute_dims": made(lambda draw: ((draw(arrays(ALL, (2, 3, 1))), tuple(draw(st.permutations(range(3))))), {})),
    "repeat": made(lambda draw: ((draw(arrays(ALL, (2, 3))), draw(st.sampled_from([0, 2, np.array([1, 2])]))),
                                 {"axis": 0})),
    "reshape": made(with_shape), "roll": made(lambda draw: ((draw(arrays(ALL, (2, 3))), draw(K)), {"axis": draw(axes(
        2, False))})),
    "squeeze": made(lambda draw: ((draw(arrays(ALL, (1, 3, 1))), draw(st.sampled_from([0, (0, 2), -1]))), {})),
    "tile": made(lambda draw: ((draw(arrays(ALL, (2, 1))), draw(st.sampled_from([(2,), (2, 3), (2, 1, 2)]))), {})),
    "unstack": along(ALL),
    **dict.fromkeys(["zeros", "ones"], made(shape_and_dtype)),
    **dict.fromkeys(["zeros_like", "ones_like"], one(ALL, dtype=DTYPE)),
    "full": made(lambda draw: ((draw(SHAPES), draw(st.sampled_from([1, 2.5, True, 1j]))), {})),
    "full_like": made(lambda draw: ((draw(arrays(ALL)), 1), {"dtype": draw(DTYPE)})),
    "arange": made(lambda draw: ((draw(st.integers(-5, 5)), draw(st.integers(-5, 5)),
                                  draw(st.sampled_from([1, 2, -1, 0.5]))), {})),
    "linspace": made(lambda draw: ((0, draw(st.integers(1, 9)), draw(st.integers(1, 6))),
                                   {"endpoint": draw(st.booleans()), "dtype": "float64"})),
    "eye": made(lambda draw: ((draw(st.integers(0, 3)), draw(st.sampled_from([None, 2]))), {"k": draw(K)})),
    **dict.fromkeys(["tril", "triu"], made(lambda draw: ((draw(arrays(ALL, (2, 3, 3))),), {"k": draw(K)}))),
    "meshgrid": made(lambda draw: (draw(st.tuples(
        arrays(FLOATS, (2,), True), arrays(FLOATS, (3,), True))), {"indexing": draw(st.sampled_from(["xy", "ij"]))})),
    "asarray": one(ALL, copy=st.sampled_from([None, True])),
    "astype": made(lambda draw: ((draw(arrays(REAL, small=True)), draw(st.sampled_from(SIGNED + INEXACT))), {})),
    **dict.fromkeys(["matmul", "linalg.matmul"], made(products)),
    **dict.fromkeys(["matrix_transpose", "linalg.matrix_transpose"], matrices(INEXACT, "any")),
    **dict.fromkeys(["vecdot", "linalg.vecdot"], vectors()), "linalg.cross": vectors(3),
    **dict.fromkeys(["tensordot", "linalg.tensordot"], made(lambda draw: (
        (draw(arrays(FLOATS, (2, 3), True)), draw(arrays(FLOATS, (3, 2), True))),
        {"axes": draw(st.sampled_from([0, 1, ((0,), (1,)), ((0, 1), (1, 0))]))}))),
    "linalg.cholesky": matrices(INEXACT, upper=st.booleans()), "linalg.outer": vectors(one_axis=True),
    **dict.fromkeys("linalg.det linalg.eigvalsh linalg.inv linalg.slogdet linalg.eigh".split(), matrices(INEXACT)),
    **dict.fromkeys("linalg.pinv linalg.svdvals linalg.matrix_rank linalg.svd linalg.qr".split(),
                    matrices(INEXACT, "any")),
    "linalg.diagonal": matrices(INEXACT, "any", offset=K), "linalg.trace": matrices(INEXACT, "any", offset=K),
    "linalg.matrix_norm": matrices(INEXACT, "any", keepdims=st.booleans(), ord=st.sampled_from(
        ["fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf])),
    "linalg.matrix_power": made(lambda draw: ((draw(matrices(INEXACT))[0][0], draw(st.integers(-2, 3))), {})),
    "linalg.solve": made(equations),
    "linalg.vector_norm": reduced(INEXACT, min_side=1, ord=st.sampled_from([1, 2, 3, 0, np.inf, -np.inf])),
    **dict.fromkeys(["fft.fft", "fft.ifft", "fft.hfft", "fft.irfft"], transformed(COMPLEX)),
    **dict.fromkeys(["fft.rfft", "fft.ihfft"], transformed(FLOATS)),
    **dict.fromkeys(["fft.fftn", "fft.ifftn", "fft.irfftn"], transformed(COMPLEX, True)),
    "fft.rfftn": transformed(FLOATS, True),
    **dict.fromkeys(["fft.fftshift", "fft.ifftshift"], transformed(INEXACT, True, sized=False)),
    **dict.fromkeys(["fft.fftfreq", "fft.rfftfreq"], made(lambda draw: ((draw(st.integers(1, 6)),),
                                                                       {"d": draw(st.sampled_from([1.0, 0.5]))}))),
}
UNIQUE_BUT_FOR_SIGNS = {"linalg.eigh", "linalg.svd", "linalg.qr"}


# ---------------------------------------------------------------------- the comparison

def find(module: Any, name: str) -> Any:
    for part in name.split("."):
        module = getattr(module, part)
    return module


def given_to(module: Any, value: Any) -> Any:
    """An argument for one of the namespaces."""
    if isinstance(value, np.ndarray):
        return strict.asarray(value.copy()) if module is strict else minidl.tensor(value)
    if isinstance(value, (list, tuple)) and any(isinstance(v, np.ndarray) for v in value):
        return [given_to(module, v) for v in value]
    return getattr(module, value) if isinstance(value, str) and value in ALL else value


def call(module: Any, name: str, args: Any, kwargs: Any) -> Any:
    function = find(module, name)
    return function(*[given_to(module, a) for a in args], **{k: given_to(module, v) for k, v in kwargs.items()})


def multiplied(name: str, parts: Any) -> list[np.ndarray]:
    """What a decomposition stands for: its parts may differ in signs."""
    if name == "linalg.qr":
        q, r = parts
        return [q @ r, np.abs(r)]
    if name == "linalg.eigh":
        values, vectors = parts
        return [values, vectors * values[..., None, :] @ vectors.conj().swapaxes(-1, -2)]
    u, s, vh = parts
    n = s.shape[-1]
    return [s, u[..., :n] * s[..., None, :] @ vh[..., :n, :]]


def compare(name: str, ours: Any, theirs: Any) -> None:
    several = isinstance(theirs, (tuple, list))
    assert isinstance(ours, (tuple, list)) == several
    pairs = list(zip(ours, theirs)) if several else [(ours, theirs)]
    assert not several or len(ours) == len(theirs)
    for a, b in pairs:
        assert isinstance(a, minidl.Tensor) and str(a.dtype) == str(b.dtype).split(".")[-1], (a.dtype, b.dtype)
        assert tuple(a.shape) == tuple(b.shape)
    if hasattr(theirs, "_fields"):
        assert name in UNIQUE_BUT_FOR_SIGNS or name == "linalg.slogdet" or ours._fields == theirs._fields
    arrays_ = [[np.asarray(a) for a, _ in pairs], [np.asarray(b._array) for _, b in pairs]]
    if name in UNIQUE_BUT_FOR_SIGNS:
        arrays_ = [multiplied(name, parts) for parts in arrays_]
    for a, b in zip(*arrays_):
        rough = a.dtype.name in ("float32", "complex64")
        np.testing.assert_allclose(a, b, rtol=1e-4 if rough else 1e-9, atol=1e-4 if rough else 1e-9)


@pytest.mark.parametrize("name", CALLS)
def test_a_function(name: str) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None,
              suppress_health_check=list(HealthCheck))
    @given(CALLS[name])
    def check(drawn: Any) -> None:
        args, kwargs = drawn
        try:
            theirs = call(strict, name, args, kwargs)
        except Exception:       # not a call that the standard allows
            return
        compare(name, call(xp, name, args, kwargs), theirs)

    with np.errstate(all="ignore"):
        check()


# ---------------------------------------------------------------------- names, operators, attributes

NEWER = {"isin", "broadcast_shapes"}     # of the version after 2024.12
OF_STRICT = {"ArrayAPIStrictFlags", "Device", "__version__", "get_array_api_strict_flags",
             "reset_array_api_strict_flags", "set_array_api_strict_flags"}


@pytest.mark.parametrize("space", ["", "linalg", "fft"])
def test_every_name_of_the_standard_is_there_and_is_called(space: str) -> None:
    theirs, ours = (find(m, space) if space else m for m in (strict, xp))
    names = set(theirs.__all__) - NEWER - OF_STRICT
    assert names == set(ours.__all__)
    functions = {f"{space}.{n}".lstrip(".") for n in names if inspect.isfunction(getattr(theirs, n))}
    not_compared = {"empty", "empty_like", "finfo", "iinfo", "from_dlpack", "isdtype", "result_type", "can_cast",
                    "__array_namespace_info__"}      # below
    assert functions - set(CALLS) == (set() if space else not_compared)


@pytest.mark.parametrize("name", CALLS)
def test_names_of_arguments(name: str) -> None:
    """Those that the standard lets a program write are understood."""
    parameters = inspect.signature(find(strict, name)).parameters.values()
    ours = inspect.signature(find(xp, name)).parameters
    understood = {*ours, *({"axis"} if "dim" in ours else ()), *({"keepdims"} if "keepdim" in ours else ())}
    assert {p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)} <= understood


OPERATORS = {"add": NUMBERS, "sub": NUMBERS, "mul": NUMBERS, "truediv": INEXACT, "floordiv": FLOATS, "mod": FLOATS,
             "pow": FLOATS, "and": ["bool", *INTS], "or": ["bool", *INTS], "xor": ["bool", *INTS], "eq": ALL, "ne": ALL,
             "lt": REAL, "le": REAL, "gt": REAL, "ge": REAL}


@pytest.mark.parametrize("name", OPERATORS)
def test_operators(name: str) -> None:
    """Of two arrays of one dtype, as expressions and in place, and with numbers on both sides."""
    forms = [f"__{name}__"] + ([] if name in ("eq", "ne", "lt", "le", "gt", "ge") else [f"__r{name}__", f"__i{name}__"])

    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None)
    @given(two(OPERATORS[name], small=True), st.sampled_from(forms))
    def check(drawn: Any, form: str) -> None:
        (a, b), _ = drawn
        if isinstance(b, np.ndarray):
            b = b.astype(a.dtype)
        try:
            theirs = getattr(strict.asarray(a.copy()), form)(given_to(strict, b))
        except Exception:
            return
        compare(name, getattr(minidl.tensor(a), form)(given_to(minidl, b)), theirs)

    with np.errstate(all="ignore"):
        check()


@pytest.mark.parametrize("code, here, there, reason", OTHERWISE, ids=[row[0] for row in OTHERWISE])
def test_what_is_otherwise(code: str, here: str, there: str, reason: str) -> None:
    def outcome(module: Any) -> str:
        try:
            found = eval(code, {"xp": module, "x": module.asarray([[0.0, 1.0], [2.0, 3.0]]), "float": float})
        except Exception as error:
            return type(error).__name__
        return "method" if callable(found) else str(np.asarray(getattr(found, "_array", found)).tolist())
    assert (outcome(xp), outcome(strict)) == (here, there) and reason


def test_a_tensor_leads_to_the_namespace() -> None:
    x = minidl.ones(2)
    assert x.__array_namespace__() is xp is x.__array_namespace__(api_version="2024.12")
    with pytest.raises(ValueError, match="expected one of the versions 2021.12, .* but got '1999.1'"):
        x.__array_namespace__(api_version="1999.1")
    assert make_strategies_namespace(xp, api_version="2024.12")
    assert x.to_device("cpu") is x.to_device(x.device) is x
    assert x.device in xp.__array_namespace_info__().devices()


def test_dtypes() -> None:
    info = xp.__array_namespace_info__()
    assert info.dtypes(kind="real floating") == {"float32": xp.float32, "float64": xp.float64}
    assert len(info.dtypes()) == 13 == len(info.dtypes(kind=("bool", "integral", "real floating", "complex floating")))
    assert info.default_dtypes()["integral"] == xp.int64 and info.default_device() == minidl.device("cpu")
    assert info.capabilities()["boolean indexing"]
    for a in ALL:
        for b in ALL:
            try:
                theirs = strict.result_type(getattr(strict, a), getattr(strict, b))
            except TypeError:
                continue
            assert xp.result_type(getattr(xp, a), minidl.zeros(2, dtype=getattr(xp, b))).name == str(theirs)[17:]
            assert xp.can_cast(getattr(xp, a), getattr(xp, b)) == strict.can_cast(getattr(strict, a),
                                                                                  getattr(strict, b)), (a, b)
    assert xp.result_type(xp.float32, 1j) == xp.complex64 and xp.result_type(xp.int8, 3) == xp.int8
    with pytest.raises(ValueError, match="expected at least one Tensor or dtype"):
        xp.result_type(1, 2)
    with pytest.raises(ValueError, match="expected one of the kinds bool, .* but got 'half'"):
        xp.isdtype(xp.int8, "half")
    assert xp.finfo(xp.float32).smallest_normal == 2.0 ** -126 and xp.iinfo(xp.uint8).max == 255
    assert xp.empty((2, 0)).shape == (2, 0) and xp.empty_like(minidl.ones(3), dtype=xp.int8).dtype == xp.int8


def test_gradients_and_devices_pass() -> None:
    x = minidl.tensor([[1.0, 4.0], [9.0, 16.0]], requires_grad=True)
    xp.sum(xp.sqrt(xp.add(x, 0)), axis=(0, 1)).backward()
    assert x.grad is not None and x.grad.tolist() == [[0.5, 0.25], [1 / 6, 0.125]]
    far = minidl.ones(3, device="strict")
    assert {xp.add(1, far).device, xp.maximum(far, 2.0).device, xp.astype(far, xp.int8).device,
            xp.cumulative_sum(far, include_initial=True).device} == {far.device}


@pytest.mark.parametrize("wrong, error, text", [
    (lambda x: xp.nonzero(x[0, 0]), ValueError, "expected a Tensor with axes"),
    (lambda x: xp.take(x, minidl.tensor([0])), ValueError, "expected axis= for a Tensor of 2 axes"),
    (lambda x: xp.cumulative_sum(x), ValueError, "expected axis= for a Tensor of 2 axes"),
    (lambda x: xp.squeeze(x, 0), ValueError, r"axis 0 of shape \(2, 3\) is not"),
    (lambda x: xp.reshape(x.T, (6,), copy=False), ValueError, "copy=False, but"),
], ids=range(5))
def test_refusals(wrong: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        wrong(minidl.ones(2, 3))
