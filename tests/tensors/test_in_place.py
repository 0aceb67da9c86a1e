"""Twins that write: each against the function without the underscore followed by `copy_`, and against PyTorch's.

Every method and function whose name ends in an underscore is found by its name, so none can be forgotten. What to call
it with follows from the names of its parameters.
"""
import inspect

import numpy as np
import pytest

import minidl
from minidl.autograd import grad
from tests.checking import torch

SHAPE = (3, 3)


def floats(*shape, low=0.2, high=0.8, seed=1):
    return np.random.default_rng(seed).uniform(low, high, shape)


def whole(*shape, seed=1):
    return np.random.default_rng(seed).integers(1, 5, shape)


ARGUMENTS = {   # what a parameter of this name is given
    "other": floats(*SHAPE), "end": floats(*SHAPE, seed=2), "weight": 0.25, "exponent": 2.5, "values": floats(*SHAPE),
    "tensor1": floats(*SHAPE, seed=3), "tensor2": floats(*SHAPE, seed=4), "min": 0.4, "max": 0.6, "p": 2,
    "mat1": floats(3, 2), "mat2": floats(2, 3), "mat": floats(3, 3), "vec": floats(3), "vec1": floats(3),
    "vec2": floats(3, seed=2), "batch1": floats(3, 3, 2), "batch2": floats(3, 2, 3), "dim": 1, "maxnorm": 0.7,
    "mask": floats(*SHAPE) > 0.5, "source": floats(9), "n": 1, "dim0": 0, "dim1": 1, "axis0": 0, "axis1": 1,
    "size": (3, 2), "stride": (1, 3), "fill_value": 5.0, "the_template": floats(2, 2),
}
RANDOM = ["alpha_dropout_", "dropout_", "feature_alpha_dropout_"]
SPECIAL = {     # (the tensor, what follows)
    "acosh_": (floats(*SHAPE) + 1,), "arccosh_": (floats(*SHAPE) + 1,), "mvlgamma_": (floats(*SHAPE) + 1, 2),
    "addmv_": (floats(3), floats(3, 3), floats(3)), "clamp_": (floats(*SHAPE), 0.4, 0.6),
    "clip_": (floats(*SHAPE), 0.4, 0.6), "baddbmm_": (floats(3, 3, 3), floats(3, 3, 2), floats(3, 2, 3)),
    **dict.fromkeys(["transpose_", "swapdims_"], (floats(*SHAPE), 0, 1)),
    "unsqueeze_": (floats(*SHAPE), 1), "squeeze_": (floats(1, 3, 1),),
    "apply_": (floats(*SHAPE), lambda a: a * a), "map_": (floats(*SHAPE), floats(3), lambda a, b: a * b),
    "map2_": (floats(*SHAPE), floats(3), floats(*SHAPE), lambda a, b, c: a * b + c),
    **dict.fromkeys(RANDOM, (floats(*SHAPE), 0.5, True)), "resize_": (floats(*SHAPE), (2, 2)),
    "round_": (floats(*SHAPE, high=4.0),), "div_": (floats(*SHAPE), floats(*SHAPE)),
    **{f"bitwise_{name}_": (whole(*SHAPE), whole(*SHAPE, seed=2))
       for name in ("and", "or", "xor", "left_shift", "right_shift")},
    "bitwise_not_": (whole(*SHAPE),), "gcd_": (whole(*SHAPE), whole(*SHAPE, seed=2)),
    "lcm_": (whole(*SHAPE), whole(*SHAPE, seed=2)),
}
WITH_THEIR_FAMILIES = set("""
    cauchy_ bernoulli_ random_ geometric_ uniform_ exponential_ log_normal_ normal_ requires_grad_ scatter_ scatter_add_
    scatter_reduce_ index_add_ index_copy_ index_fill_ index_put_ index_reduce_ masked_fill_ put_ copy_ fill_ zero_
    """.split())
"""What writes in place and is tested with its family: draws, and what is told where to write."""
TWINS = sorted({name for name, _ in inspect.getmembers(minidl.Tensor, inspect.isfunction)
                if name.endswith("_") and not name.startswith("_")} - WITH_THEIR_FAMILIES | set(RANDOM))
TURNING = ["as_strided_", "squeeze_", "swapaxes_", "swapdims_", "t_", "transpose_", "unsqueeze_"]
UNRECORDED = ["apply_", "map2_", "map_", "resize_", "resize_as_", "detach_"]     # refused, or no function of the values
WRITERS = [name for name in TWINS if name not in (*RANDOM, *UNRECORDED)]


def arguments(name):
    if name in SPECIAL:
        return SPECIAL[name]
    parameters = list(inspect.signature(function_of(name)).parameters.values())[1:]
    return (floats(*SHAPE), *[ARGUMENTS[p.name] for p in parameters
                              if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD])


def function_of(name):
    return getattr(minidl.Tensor, name, None) or getattr(minidl, name)


def method(name, library=minidl):
    return getattr(library.Tensor, name)


def out_of_place(name):
    function = getattr(minidl.Tensor, name[:-1], None)
    if name == "fill_diagonal_":
        return lambda x, value: minidl.where(minidl.eye(*x.shape) == 1, value, x)
    return function


def given(args, make):
    return [make(a) if isinstance(a, np.ndarray) else a for a in args]


def ours(array):
    return minidl.tensor(array, requires_grad=array.dtype.kind == "f")


def theirs(array):
    return torch.tensor(array, requires_grad=array.dtype.kind == "f")


def leaves(values):
    return [v for v in values if hasattr(v, "requires_grad") and v.requires_grad]


def run(library, args, write, through_view):
    """Write into a computed tensor, or into a part of it: what comes out, and the gradients of all arguments."""
    first, *rest = args
    base = library.stack([first, first]) * 1 if through_view else first * 1
    target = base[1] if through_view else base
    result = write(target, *rest)
    gradients = []
    if result.requires_grad:
        weights = library.tensor(np.cos(np.arange(result.numel(), dtype=float))).reshape(result.shape)
        gradients = library.autograd.grad((target * weights).sum() + (base * 3).sum(), leaves(args), allow_unused=True)
    return result, base, target, gradients


def same(mine, other):
    for a, b in zip(mine, other, strict=True):
        a, b = [0.0 if x is None else np.array((x.detach() * 1).tolist()) for x in (a, b)]
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("through_view", [False, True])
@pytest.mark.parametrize("name", [name for name in WRITERS if name not in (*TURNING, "igamma_", "igammac_")])
def test_twin_is_the_function_followed_by_copy(name, through_view):
    args, function = arguments(name), out_of_place(name)
    expected = run(minidl, given(args, ours), lambda x, *rest: x.copy_(function(x.clone(), *rest)), through_view)
    result, base, target, gradients = run(minidl, given(args, ours), method(name), through_view)
    assert result is target and result.dtype == expected[0].dtype
    same([result, base, *gradients], [expected[0], expected[1], *expected[3]])


@pytest.mark.parametrize("through_view", [False, True])
@pytest.mark.parametrize("name", TURNING)
def test_turned_tensor_is_the_view(name, through_view):
    """Written afterwards, under its new shape: the tensor, what it is a part of, and parts that were made before."""
    if name == "as_strided_" and through_view:
        return      # it asks for a tensor that is a row of memory of its own
    first, *rest = arguments(name)

    def program(turn):
        leaf = ours(first)
        base = minidl.stack([leaf, leaf]) * 1 if through_view else leaf * 1
        target = base[1] if through_view else base
        part = target[0]
        turned = turn(target)
        turned.mul_(leaf.sum())
        part.mul_(2)
        weights = minidl.tensor(np.cos(np.arange(turned.numel(), dtype=float))).reshape(turned.shape)
        total = (turned * weights).sum() + 3 * part.sum() + (5 * base.sum() if through_view else 0)
        return [turned, part, *([base] if through_view else []), *grad(total, leaf)], turned is target
    expected, _ = program(lambda x: out_of_place(name)(x, *rest))
    mine, turned = program(lambda x: method(name)(x, *rest))
    assert turned and mine[0].shape == expected[0].shape
    same(mine, expected)


NO_GRADIENT = """acosh_ arccosh_ asinh_ arcsinh_ atanh_ arctanh_ floor_divide_ heaviside_ igamma_ igammac_ nextafter_
    logical_and_ logical_or_ logical_xor_ logical_not_ sgn_""".split()
"""Of these PyTorch has no gradient, none in place, or (sgn) one without numbers."""


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("name", [name for name in WRITERS if name not in (*TURNING, *NO_GRADIENT)])
def test_twin_is_pytorchs(name):
    args = arguments(name)
    mine = run(minidl, given(args, ours), method(name), False)
    other = run(torch, given(args, theirs), method(name, torch), False)
    same([mine[0], *mine[3]], [other[0], *other[3]])
    assert mine[0].requires_grad == other[0].requires_grad


@pytest.mark.parametrize("name", [name for name in TWINS if name not in ("detach_",)])
def test_twin_writes_into_its_memory(name):
    first, *rest = given(arguments(name), minidl.tensor)
    if name == "resize_":
        rest = [(2, 2)]
    before, alias = first._version, first.detach()
    twin = method(name) if hasattr(minidl.Tensor, name) else getattr(minidl, name)
    assert twin(first, *rest) is first
    assert first._version > before
    if not name.startswith(("resize_", "as_strided_")):     # these may leave elements out
        np.testing.assert_array_equal(np.sort(alias.numpy(), axis=None), np.sort(first.numpy(), axis=None))


@pytest.mark.parametrize("name", [name for name in TWINS if name not in ("detach_",)])
def test_a_leaf_that_requires_grad_is_not_overwritten(name):
    args = arguments(name)
    if args[0].dtype.kind != "f":
        return      # it has no gradient
    first, *rest = given(args, minidl.tensor)
    leaf = first.requires_grad_()
    values, shape = leaf.tolist(), leaf.shape
    twin = method(name) if hasattr(minidl.Tensor, name) else getattr(minidl, name)
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad|require"):
        twin(leaf, *(rest if name != "resize_" else [2]))
    assert leaf.tolist() == values and leaf.shape == shape


MORE = {
    *[(f"{name}_", "bool")
      for name in "abs absolute ceil fix floor round trunc addcmul addmm addmv addbmm baddbmm".split()],
    *[("frac_", dtype) for dtype in ("uint8", "int32", "int64")],
}
"""Where the function takes bools or whole numbers, which PyTorch's does not, with the result that one expects."""
DTYPES = ["bool", "uint8", "int32", "int64", "float32", "float64"]


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [name for name in WRITERS if name not in TURNING])
def test_dtypes_are_pytorchs(name, dtype):
    """The tensor in one dtype, the others as they are: refused where PyTorch refuses, else equal to its values."""
    def outcome(library, make):
        first, *rest = given(arguments(name), make)
        first = first.to(getattr(library, dtype))
        rest = [r.to(first.dtype) if hasattr(r, "dtype") and name != "masked_scatter_" else r for r in rest]
        try:
            with np.errstate(all="ignore"):
                return method(name, library)(first, *rest)
        except (RuntimeError, TypeError, NotImplementedError):
            return None
    expected, mine = outcome(torch, torch.tensor), outcome(minidl, minidl.tensor)
    if (name, dtype) in MORE:
        assert expected is None and mine is not None
        return
    assert (mine is None) == (expected is None), f"ours {mine}, PyTorch's {expected}"
    if mine is not None:
        assert str(mine.dtype) == dtype
        rtol = 1e-5 if dtype == "float32" else 1e-9
        np.testing.assert_allclose(mine.numpy().astype(float), expected.double().numpy(), rtol=rtol, atol=1e-6)


# ---------------------------------------------------------------------- by hand

def test_every_name_of_pytorchs_is_here():
    if torch is None:
        pytest.skip("PyTorch is not installed")
    left_out = {"set_", "share_memory_",                                                    # memory of other kinds
                "resize_as_sparse_", "sparse_resize_", "sparse_resize_and_clear_"}          # sparse tensors
    names = {name for name in dir(torch.Tensor) if name.endswith("_") and not name.startswith("_")}
    assert names - set(dir(minidl.Tensor)) == left_out
    functions = {name for name in dir(torch) if name.endswith("_") and not name.startswith("_")}
    assert functions - set(dir(minidl)) == {"embedding_renorm_", "resize_as_sparse_"}


def test_functions_beside_the_methods():
    for name in ("exp_", "zero_", "abs_", "clamp_min_"):
        x, y = minidl.tensor([0.5, -2.0]), minidl.tensor([0.5, -2.0])
        rest = (0,) if name == "clamp_min_" else ()
        assert getattr(minidl, name)(x, *rest) is x
        assert x.tolist() == getattr(y, name)(*rest).tolist()
    assert minidl.fill_(x, 3).tolist() == [3, 3]
    minidl.index_put_(x, (minidl.tensor([1]),), minidl.tensor(4.0))
    assert x.tolist() == [3, 4]
    y = (minidl.ones(2, requires_grad=True) * 2)
    assert minidl.detach_(y) is y and not y.requires_grad


def test_operators_write_too():
    x = minidl.tensor([7, 8])
    same = x
    x //= 2
    x %= 3
    x |= 4
    x ^= 1
    x &= 6
    x <<= 2
    x >>= 1
    assert x is same and x.tolist() == [8, 8]


def test_a_tensor_cannot_grow_or_change_its_dtype():
    for write in (lambda x: x.copysign_(minidl.ones(3, 2)), lambda x: x.eq_(minidl.ones(3, 2)),
                  lambda x: x.tril_() if x.ndim > 1 else x.atan2_(minidl.ones(3, 2))):
        with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
            write(minidl.ones(2))
    with pytest.raises(RuntimeError, match="result type float32 can't be cast to the desired output type int64"):
        minidl.ones(2, dtype=minidl.int64).sinh_()
    with pytest.raises(RuntimeError, match="Bad in-place call"):
        minidl.ones(2).cumsum_(0, dtype=minidl.float64)
    with pytest.raises(RuntimeError, match="float_power_.*requires dtype float64"):
        minidl.ones(2).float_power_(2)


def test_what_a_twin_keeps_survives_its_own_write():
    """Several ops, each of which needs values of the tensor that is overwritten, or the tensor itself twice."""
    x = minidl.tensor([0.3, 0.6], requires_grad=True)
    for write, function in ((lambda y: y.hypot_(y), lambda y: minidl.hypot(y, y)),
                            (lambda y: y.logit_(0.4), lambda y: minidl.logit(y, 0.4)),
                            (lambda y: y.addcdiv_(y, y + 1, value=2), lambda y: minidl.addcdiv(y, y, y + 1, value=2))):
        mine, expected = grad(write(x * 1).sum(), x), grad(function(x * 1).sum(), x)
        np.testing.assert_allclose(mine[0].numpy(), expected[0].numpy(), rtol=1e-6)


def test_a_turned_tensor():
    x = minidl.arange(6.0).reshape(2, 3)
    row = x[0]
    x.t_()
    x[0] = 9
    assert x.shape == (3, 2) and row.tolist() == [9, 1, 2]
    w = minidl.ones(2, 3, requires_grad=True)
    with minidl.no_grad(), pytest.raises(RuntimeError, match="t_: the shape of a tensor that requires grad"):
        w.t_()
    assert minidl.ones(1, 3).expand(2, 3).unsqueeze_(0).shape == (1, 2, 3)      # nothing is written


def test_views_of_memory_that_was_replaced():
    """`data =` and `resize_` give a tensor other memory: writes into a view of the old do not reach it."""
    w = minidl.tensor(2.0, requires_grad=True)
    x = minidl.ones(3)
    part = x[:2]
    x.data = minidl.zeros(3)
    part.mul_(w)
    assert not x.requires_grad and part.requires_grad and x.tolist() == [0, 0, 0]
    part.sum().backward()
    assert w.grad.item() == 2


def test_resize():
    x = minidl.arange(6)
    assert x.resize_(2, 2).tolist() == [[0, 1], [2, 3]] and x._version == 1
    assert x.resize_(2, 2)._version == 1    # nothing to do
    assert x.resize_((6,)).tolist()[:4] == [0, 1, 2, 3]
    assert x.resize_as_(minidl.ones(3)).shape == (3,)
    with pytest.raises(RuntimeError, match="cannot resize variables that require grad"):
        minidl.ones(2, requires_grad=True).resize_(3)
    with pytest.raises(RuntimeError, match="negative dimension"):
        x.resize_(-1)


def test_diagonals():
    if torch is not None:
        for shape, wrap in (((3, 3), False), ((7, 3), True), ((7, 3), False), ((2, 5), True), ((3, 3, 3), False)):
            mine, other = minidl.zeros(shape).fill_diagonal_(5, wrap), torch.zeros(shape).fill_diagonal_(5, wrap)
            assert mine.tolist() == other.tolist()
    with pytest.raises(RuntimeError, match="dimensions must larger than 1"):
        minidl.zeros(3).fill_diagonal_(1)
    with pytest.raises(RuntimeError, match="all dimensions of input must be of equal length"):
        minidl.zeros(3, 2, 3).fill_diagonal_(1)


def test_python_functions():
    x = minidl.tensor([[1, 2], [3, 4]])
    assert x.t().apply_(lambda a: a * 1.5).tolist() == [[1, 4], [3, 6]] and x.tolist() == [[1, 3], [4, 6]]
    with pytest.raises(TypeError, match="map_: expected int64, as input is, but got float32"):
        x.map_(minidl.ones(2), max)
    with pytest.raises(RuntimeError, match=r"Can't call apply_\(\) on Variable that requires grad"):
        minidl.ones(2, requires_grad=True).apply_(abs)
