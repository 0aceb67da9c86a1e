"""Function transforms against PyTorch"s, one by one and nested: the same results, and errors of the same type."""
import numpy as np
import pytest

import minidl
import minidl.func

try:
    import torch
    import torch.func
except ImportError:
    pytest.skip("PyTorch is not installed", allow_module_level=True)

STREAM = np.random.default_rng(0)
X, Y, V = STREAM.standard_normal((3, 4, 5)), STREAM.standard_normal((3, 4)), STREAM.standard_normal(4)

# name -> a call, of a library, its functions, and tensors of shapes (3, 4, 5), (3, 4) and (4,)
CALLS = {
    "in tuple": lambda lib, F, x, y, v: F.vmap(lambda a, b: a@b, in_dims=(0, None))(y, v),
    "neg in": lambda lib, F, x, y, v: F.vmap(lambda a: a.sum(0), in_dims=-1)(x),
    "nested in dict": lambda lib, F, x, y, v: F.vmap(lambda d: d["a"]*d["b"],
                                                     in_dims=({"a":0, "b":None},))({"a":y, "b":v}),
    "nested in tuple": lambda lib, F, x, y, v: F.vmap(lambda p: p[0]*p[1], in_dims=((0, None), ))((y, v)),
    "out 1": lambda lib, F, x, y, v: F.vmap(lambda a: a*2, out_dims=1)(y),
    "out -1": lambda lib, F, x, y, v: F.vmap(lambda a: a*2, out_dims=-1)(x),
    "out tuple": lambda lib, F, x, y, v: F.vmap(lambda a: (a, a*2), out_dims=(0, 1))(y),
    "out single tuple": lambda lib, F, x, y, v: F.vmap(lambda a: (a, ), out_dims=(1, ))(y),
    "out int for tuple": lambda lib, F, x, y, v: F.vmap(lambda a: (a, a*2), out_dims=1)(y),
    "out dict": lambda lib, F, x, y, v: F.vmap(lambda a: {"k":a}, out_dims={"k":1})(y),
    "out list": lambda lib, F, x, y, v: F.vmap(lambda a: [a, a], out_dims=[0, 1])(y),
    "out None const": lambda lib, F, x, y, v: F.vmap(lambda a: (a, v), out_dims=(0, None))(y),
    "const output": lambda lib, F, x, y, v: F.vmap(lambda a: v)(y),
    "chunk 1": lambda lib, F, x, y, v: F.vmap(lambda a: a.sum(), chunk_size=1)(y),
    "chunk 2": lambda lib, F, x, y, v: F.vmap(lambda a: a.sum(), chunk_size=2)(y),
    "chunk 9": lambda lib, F, x, y, v: F.vmap(lambda a: a.sum(), chunk_size=9)(y),
    "kwargs": lambda lib, F, x, y, v: F.vmap(lambda a, b=None: a+b)(y, b=v),
    "python scalar None": lambda lib, F, x, y, v: F.vmap(lambda a, b: a*b, in_dims=(0, None))(y, 2.0),
    "out singleton for tensor": lambda lib, F, x, y, v: F.vmap(lambda a: a, out_dims=(1, ))(y),
    "empty batch": lambda lib, F, x, y, v: F.vmap(lambda a: a*2)(y[:0]),
    "nested": lambda lib, F, x, y, v: F.vmap(F.vmap(lambda a, b: a*b, in_dims=(0, None)), in_dims=(None, 0))(v, v),
    "nested2": lambda lib, F, x, y, v: F.vmap(F.vmap(lambda a: a.sum(), in_dims=1), in_dims=1, out_dims=1)(x),
    "vmap grad": lambda lib, F, x, y, v: F.vmap(F.grad(lambda a: (a**3).sum()))(y),
    "vmap grad aux": lambda lib, F, x, y, v: F.vmap(F.grad(lambda a: ((a**3).sum(), a*2), has_aux=True))(y),
    "vmap gv": lambda lib, F, x, y, v: F.vmap(F.grad_and_value(lambda a: (a**3).sum()))(y),
    "vmap grad argnums": lambda lib, F, x, y, v: F.vmap(F.grad(lambda a, b: (a*b).sum(), argnums=(0, 1)),
                                                        in_dims=(0, None))(y, v),
    "grad vmap": lambda lib, F, x, y, v: F.grad(lambda a: F.vmap(lambda r: (r*r).sum())(a).sum())(y),
    "vmap jacrev": lambda lib, F, x, y, v: F.vmap(F.jacrev(lambda a: a.sin()))(y),
    "vmap jacfwd": lambda lib, F, x, y, v: F.vmap(F.jacfwd(lambda a: a.sin()))(y),
    "vmap hess": lambda lib, F, x, y, v: F.vmap(F.hessian(lambda a: a.sin().prod()))(y),
    "jac o jac": lambda lib, F, x, y, v: F.jacfwd(F.jacrev(lambda a: a.sin().sum()*a.prod()))(v),
    "jacrev o jacfwd": lambda lib, F, x, y, v: F.jacrev(F.jacfwd(lambda a: a.sin().sum()*a.prod()))(v),
    "jac o jac o jac": lambda lib, F, x, y, v: F.jacrev(F.jacfwd(F.jacrev(lambda a: (a.sin()*a.prod()).sum())))(v),
    "jacrev argnums": lambda lib, F, x, y, v: F.jacrev(lambda a, b: a*b.sum(), argnums=(0, 1))(v, y),
    "jacrev argnums (0,)": lambda lib, F, x, y, v: F.jacrev(lambda a, b: a*b.sum(), argnums=(0, ))(v, y),
    "jacrev aux": lambda lib, F, x, y, v: F.jacrev(lambda a: (a*2, a.sum()), has_aux=True)(v),
    "jacfwd aux": lambda lib, F, x, y, v: F.jacfwd(lambda a: (a*2, a.sum()), has_aux=True)(v),
    "jacrev dict out": lambda lib, F, x, y, v: F.jacrev(lambda a: {"k":a*2})(v),
    "jacrev chunk": lambda lib, F, x, y, v: F.jacrev(lambda a: a.sin(), chunk_size=2)(v),
    "hess argnums": lambda lib, F, x, y, v: F.hessian(lambda a, b: (a*b).sum()**2, argnums=(0, 1))(v, v),
    "jvp": lambda lib, F, x, y, v: F.jvp(lambda a, b: a*b.sum(), (v, v), (v, v*2)),
    "jvp aux": lambda lib, F, x, y, v: F.jvp(lambda a: (a*2, a.sum()), (v, ), (v, ), has_aux=True),
    "jvp tree": lambda lib, F, x, y, v: F.jvp(lambda d: d["a"]*2, ({"a":v}, ), ({"a":v}, )),
    "vjp": lambda lib, F, x, y, v: F.vjp(lambda a, b: a*b.sum(), v, v)[1](v),
    "vjp aux": lambda lib, F, x, y, v: (lambda r: (r[0], r[2], r[1](v)))(
        F.vjp(lambda a: (a*2, a.sum()), v, has_aux=True)),
    "vjp tuple out": lambda lib, F, x, y, v: F.vjp(lambda a: (a*2, a.sum()), v)[1]((v, v.sum())),
    "vmap vjp": lambda lib, F, x, y, v: F.vmap(lambda a: F.vjp(lambda b: b.sin(), a)[1](a)[0])(y),
    "vmap jvp": lambda lib, F, x, y, v: F.vmap(lambda a: F.jvp(lambda b: b.sin(), (a, ), (a, ))[1])(y),
    "vmap over vjp fn": lambda lib, F, x, y, v: F.vmap(F.vjp(lambda b: b.sin(), v)[1])(lib.eye(4, dtype=lib.float64)),
    "grad neg argnums": lambda lib, F, x, y, v: F.grad(lambda a, b: (a*b*b).sum(), argnums=-1)(v, v),
    "grad kw": lambda lib, F, x, y, v: F.grad(lambda a, b=None: (a*b).sum())(v, b=v),
    "grad const": lambda lib, F, x, y, v: F.grad(lambda a: v.sum())(v),
    "grad no grad inside": lambda lib, F, x, y, v: F.grad(lambda a: a.detach().sum())(v),
    "linearize": lambda lib, F, x, y, v: F.linearize(lambda a: a.sin()*a.sum(), v)[1](v),
    "vmap linear layer": lambda lib, F, x, y, v: F.vmap(
        lambda a: lib.nn.functional.linear(a, lib.ones(2, 4, dtype=lib.float64)))(y),
    "vmap where": lambda lib, F, x, y, v: F.vmap(lambda a: lib.where(a>0, a, 0*a))(y),
    "vmap softmax": lambda lib, F, x, y, v: F.vmap(lambda a: lib.softmax(a, 0))(y),
    "vmap cumsum sort": lambda lib, F, x, y, v: F.vmap(lambda a: a.sort().values.cumsum(0))(y),
    "vmap int": lambda lib, F, x, y, v: F.vmap(lambda a: a+1)(lib.arange(3)),
    "vmap bool": lambda lib, F, x, y, v: F.vmap(lambda a: a.sum()>0)(y),
    "vmap reshape": lambda lib, F, x, y, v: F.vmap(lambda a: a.reshape(-1))(x),
    "vmap conv": lambda lib, F, x, y, v: F.vmap(
        lambda a: lib.nn.functional.conv1d(a[None], lib.ones(2, 4, 2, dtype=lib.float64))[0])(x),
    "vmap namedtuple out": lambda lib, F, x, y, v: F.vmap(lambda a: a.max(0))(y)[1],
}

ERRORS = {
    "list in": lambda lib, F, x, y, v: F.vmap(lambda a, b: a+b, in_dims=[0, 1])(y, y.T),
    "out None batched": lambda lib, F, x, y, v: F.vmap(lambda a: a, out_dims=None)(y),
    "float output": lambda lib, F, x, y, v: F.vmap(lambda a: 2.0)(y),
    "None output": lambda lib, F, x, y, v: F.vmap(lambda a: None)(y),
    "chunk 0": lambda lib, F, x, y, v: F.vmap(lambda a: a.sum(), chunk_size=0)(y),
    "chunk neg": lambda lib, F, x, y, v: F.vmap(lambda a: a.sum(), chunk_size=-2)(y),
    "no inputs": lambda lib, F, x, y, v: F.vmap(lambda: v)(),
    "only kwargs": lambda lib, F, x, y, v: F.vmap(lambda a: a)(a=y),
    "in None all": lambda lib, F, x, y, v: F.vmap(lambda a: a, in_dims=None)(y),
    "in (None,)": lambda lib, F, x, y, v: F.vmap(lambda a: a, in_dims=(None, ))(y),
    "in str": lambda lib, F, x, y, v: F.vmap(lambda a: a, in_dims="0")(y),
    "in float": lambda lib, F, x, y, v: F.vmap(lambda a: a, in_dims=0.)(y),
    "in too many": lambda lib, F, x, y, v: F.vmap(lambda a: a, in_dims=(0, 0))(y),
    "in oob": lambda lib, F, x, y, v: F.vmap(lambda a: a, in_dims=2)(y),
    "in oob neg": lambda lib, F, x, y, v: F.vmap(lambda a: a, in_dims=-3)(y),
    "in on scalar": lambda lib, F, x, y, v: F.vmap(lambda a, b: a*b, in_dims=(0, 0))(y, 2.0),
    "sizes": lambda lib, F, x, y, v: F.vmap(lambda a, b: a+b)(y, v),
    "0d": lambda lib, F, x, y, v: F.vmap(lambda a: a)(y.sum()),
    "out oob": lambda lib, F, x, y, v: F.vmap(lambda a: a, out_dims=3)(y),
    "out mism": lambda lib, F, x, y, v: F.vmap(lambda a: (a, a), out_dims=(0, ))(y),
    "out mism2": lambda lib, F, x, y, v: F.vmap(lambda a: a, out_dims=(0, 0))(y),
    "out str": lambda lib, F, x, y, v: F.vmap(lambda a: a, out_dims="a")(y),
    "randomness bad": lambda lib, F, x, y, v: F.vmap(lambda a: a, randomness="foo")(y),
    "jacrev chunk bad": lambda lib, F, x, y, v: F.jacrev(lambda a: a.sin(), chunk_size=0)(v),
    "jacfwd chunk bad": lambda lib, F, x, y, v: F.jacfwd(lambda a: a.sin(), chunk_size=0)(v),
    "jacfwd bad randomness": lambda lib, F, x, y, v: F.jacfwd(lambda a: a.sin(), randomness="x")(v),
    "grad dup argnums": lambda lib, F, x, y, v: F.grad(lambda a, b: (a*b*b).sum(), argnums=(0, 0))(v, v),
    "grad argnums list": lambda lib, F, x, y, v: F.grad(lambda a, b: (a*b*b).sum(), argnums=[0])(v, v),
    "grad empty argnums": lambda lib, F, x, y, v: F.grad(lambda a, b: (a*b*b).sum(), argnums=())(v, v),
    "grad aux bad": lambda lib, F, x, y, v: F.grad(lambda a: a.sum(), has_aux=True)(v),
    "grad aux 3": lambda lib, F, x, y, v: F.grad(lambda a: (a.sum(), 1, 2), has_aux=True)(v),
    "grad nonscalar": lambda lib, F, x, y, v: F.grad(lambda a: a)(v),
}


def call(function, lib):
    return function(lib, lib.func, *[lib.tensor(array) for array in (X, Y, V)])


def leaves(tree):
    if isinstance(tree, dict):
        return [leaf for key in tree for leaf in leaves(tree[key])]
    if isinstance(tree, (list, tuple)):
        return [leaf for part in tree for leaf in leaves(part)]
    return [tree.detach().numpy()]


@pytest.mark.parametrize("name", CALLS)
def test_results(name):
    ours, theirs = call(CALLS[name], minidl), call(CALLS[name], torch)
    assert isinstance(ours, minidl.Tensor) or type(ours) is type(theirs)
    pairs = list(zip(leaves(ours), leaves(theirs), strict=True))
    for mine, other in pairs:
        assert mine.shape == other.shape and mine.dtype == other.dtype
        np.testing.assert_allclose(mine, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    kinds = []
    for lib in (minidl, torch):
        with pytest.raises(Exception) as caught:    # noqa: B017  (which it is, is the question)
            call(ERRORS[name], lib)
        kinds.append(caught.type.__name__)
    assert kinds[0] == kinds[1]
