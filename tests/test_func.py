"""Function transforms: they compose, and they agree with PyTorch's."""
import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.func import (
    functional_call,
    grad,
    grad_and_value,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    replace_all_batch_norm_modules_,
    stack_module_state,
    vjp,
    vmap,
)

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")


def double(*shape, seed=0):
    return minidl.tensor(np.random.default_rng(seed).standard_normal(shape))


def close(ours, theirs):
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-9, atol=1e-12)


def loss(parameters, x, y):
    return ((minidl.tanh(x @ parameters["w"]) + parameters["b"] - y) ** 2).mean()


def test_nested_grad():
    """The n-th derivative of sin at 0.5."""
    f, x = minidl.sin, minidl.tensor(0.5, dtype=minidl.float64)
    for expected in (np.cos(0.5), -np.sin(0.5), -np.cos(0.5), np.sin(0.5)):
        f = grad(f)
        assert f(x).item() == pytest.approx(expected) and not f(x).requires_grad


def test_inner_and_outer_derivatives_are_not_mixed_up():
    """d/dx (x * d/dy (x + y)) = 1: the inner one must not see the outer x as its own."""
    f = grad(lambda x: x * grad(lambda y: x + y)(minidl.tensor(1.0)))
    assert f(minidl.tensor(1.0)).item() == 1


def test_gradients_of_a_dict_of_parameters():
    parameters = {"w": double(3, 2), "b": double(2, seed=1)}
    x, y = double(4, 3, seed=2), double(4, 2, seed=3)
    slope, value = grad_and_value(loss)(parameters, x, y)
    leaves = {k: v.clone().requires_grad_() for k, v in parameters.items()}
    expected = loss(leaves, x, y)
    expected.backward()
    assert value.item() == expected.item()
    for name in parameters:
        close(slope[name], leaves[name].grad)
        assert not parameters[name].requires_grad


def test_argnums_and_aux():
    x, y = double(3), double(3, seed=1)
    gx, gy = grad(lambda x, y: (x * y ** 2).sum(), argnums=(0, 1))(x, y)
    close(gx, y ** 2)
    close(gy, 2 * x * y)
    slope, aux = grad(lambda x: ((x * 2).sum(), {"seen": x * 3}), has_aux=True)(x)
    close(aux["seen"], x * 3)
    assert not aux["seen"].requires_grad and slope.tolist() == [2, 2, 2]


def test_what_is_closed_over_can_still_be_differentiated():
    w = minidl.tensor(3.0, requires_grad=True)
    slope = grad(lambda x: w * x ** 2)(minidl.tensor(2.0))      # 2 w x
    slope.backward()
    assert slope.item() == 12 and w.grad.item() == 4


@pytest.mark.parametrize("jacobian", [jacrev, jacfwd])
def test_jacobians(jacobian):
    x = double(3)
    close(jacobian(lambda x: x ** 2)(x), minidl.diag(2 * x))
    blocks = jacobian(lambda x, y: {"a": x * y, "b": y.sum()}, argnums=(0, 1))(x, double(3, seed=1))
    assert blocks["a"][0].shape == (3, 3) and blocks["b"][1].shape == (3,)


@pytest.mark.parametrize("outer", [jacrev, jacfwd])
@pytest.mark.parametrize("inner", [jacrev, jacfwd])
def test_hessians(outer, inner):
    x = double(3)

    def f(x):
        return (x ** 3).sum() + x.prod()

    expected = minidl.autograd.functional.hessian(f, x)
    close(outer(inner(f))(x), expected)
    close(hessian(f)(x), expected)


def test_jvp_and_vjp_are_adjoint():
    x, v, u = double(4), double(4, seed=1), double(3, seed=2)
    A = double(3, 4, seed=3)

    def f(x):
        return minidl.tanh(A @ x)

    _, pushed = jvp(f, (x,), (v,))
    _, pull = vjp(f, x)
    pulled, = pull(u)
    assert (pushed @ u).item() == pytest.approx((v @ pulled).item())
    assert (pull(u)[0] - pulled).abs().max().item() == 0     # more than once


def test_linearize_runs_the_function_once():
    calls, x = [], {"a": double(3), "b": double(2, seed=1)}

    def f(tree):
        calls.append(1)
        return {"sum": tree["a"].sum() * tree["b"], "sin": minidl.sin(tree["a"])}

    out, push = linearize(f, x)
    for seed in (3, 4):
        v = {"a": double(3, seed=seed), "b": double(2, seed=seed + 1)}
        pushed = push(v)
        close(pushed["sin"], x["a"].cos() * v["a"])
        close(pushed["sum"], v["a"].sum() * x["b"] + x["a"].sum() * v["b"])
        assert not pushed["sin"].requires_grad
    assert len(calls) == 1
    close(out["sin"], x["a"].sin())


def test_linearize_can_be_differentiated():
    """d/dx of cos(x) v is -sin(x) v."""
    x = double(3)
    slope = grad(lambda x: linearize(minidl.sin, x)[1](minidl.ones(3, dtype=minidl.float64)).sum())(x)
    close(slope, -x.sin())


def test_batch_norms_without_running_statistics_can_be_mapped():
    model = replace_all_batch_norm_modules_(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)))
    assert list(dict(model.named_buffers())) == [] and not model[1].track_running_stats
    x = minidl.randn(5, 6, 3)
    np.testing.assert_allclose(vmap(model)(x)[2].detach().numpy(), model(x[2]).detach().numpy(), rtol=1e-5, atol=1e-6)
    assert model.eval()(x[0]).mean(0).abs().max().item() < 1e-5     # the batch's own


def test_per_sample_gradients():
    parameters = {"w": double(3, 2), "b": double(2, seed=1)}
    xs, ys = double(5, 3, seed=2), double(5, 2, seed=3)
    per_sample = vmap(grad(loss), in_dims=(None, 0, 0))(parameters, xs, ys)
    assert per_sample["w"].shape == (5, 3, 2)
    for i in range(5):
        close(per_sample["w"][i], grad(loss)(parameters, xs[i], ys[i])["w"])


@needs_torch
@pytest.mark.parametrize("in_dims, out_dims", [(0, 0), ((0, 1), 0), ((1, None), 0), ((-1, 0), -1), ((0, None), 1)])
def test_vmap_dimensions_against_torch(in_dims, out_dims):
    x, y = double(3, 3), double(3, 3, seed=1)
    if in_dims in [((1, None)), ((0, None))]:
        y = y[0]
    ours = vmap(lambda a, b: a * b.sum(), in_dims, out_dims)(x, y)
    theirs = torch.vmap(lambda a, b: a * b.sum(), in_dims, out_dims)(torch.tensor(x.numpy()), torch.tensor(y.numpy()))
    assert tuple(ours.shape) == tuple(theirs.shape)
    close(ours, theirs)


def test_vmap_of_vmap_and_trees():
    x = double(2, 3, 4)
    close(vmap(vmap(minidl.sum))(x), x.sum(dim=2))
    result = vmap(lambda d: {"twice": d["a"] * 2, "pair": (d["b"], d["a"])})({"a": x[0], "b": x[1]})
    close(result["twice"], x[0] * 2)
    close(result["pair"][0], x[1])


def test_vmap_of_gradients_through_one_graph():
    """As in the example of PyTorch's vmap: all rows of a Jacobian go through the graph, and the last one frees it."""
    x = minidl.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x ** 2
    rows = vmap(lambda v: minidl.autograd.grad(y, x, v)[0])(minidl.eye(3))
    assert rows.tolist() == [[2, 0, 0], [0, 4, 0], [0, 0, 6]]
    with pytest.raises(RuntimeError, match="a second time"):
        y.sum().backward()


def test_vmap_randomness():
    x = minidl.zeros(4)
    with pytest.raises(RuntimeError, match="randomness error mode"):
        vmap(lambda x: x + minidl.rand(1))(x)
    assert len(set(vmap(lambda x: x + minidl.rand(1), randomness="different")(x).flatten().tolist())) == 4
    assert len(set(vmap(lambda x: x + minidl.rand(1), randomness="same")(x).flatten().tolist())) == 1


def test_functional_call():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).double()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    x = double(5, 3)
    parameters = {name: (p * 2).detach() for name, p in model.named_parameters()}
    buffers = {name: b.clone() for name, b in model.named_buffers()}
    out = functional_call(model, (parameters, buffers), x)
    other = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).double()
    other.load_state_dict({**before, **parameters})
    close(out, other(x))
    for name, value in model.state_dict().items():
        assert (value == before[name]).all(), f"{name} was changed for good"
    slopes = grad(lambda p: (functional_call(model, p, (x,)) ** 2).sum())(parameters)
    assert all(slopes[name].shape == p.shape for name, p in model.named_parameters())


def test_functional_call_restores_after_an_error():
    layer = nn.Linear(2, 2)
    with pytest.raises(RuntimeError):
        functional_call(layer, {"weight": minidl.ones(2, 7)}, minidl.ones(1, 2))
    assert isinstance(layer.weight, nn.Parameter) and layer.weight.shape == (2, 2)


def test_functional_call_of_tied_weights():
    layer = nn.Linear(2, 2, bias=False)
    layer.copy = layer.weight
    seen = functional_call(nn.Sequential(layer), {"0.weight": minidl.eye(2)}, minidl.ones(1, 2))
    assert seen.tolist() == [[1, 1]]


def test_ensembles():
    models = [nn.Linear(3, 2) for _ in range(4)]
    parameters, buffers = stack_module_state(models)
    x = minidl.randn(5, 3)
    out = vmap(lambda p, b: functional_call(models[0], (p, b), x))(parameters, buffers) if buffers else \
        vmap(lambda p: functional_call(models[0], p, x))(parameters)
    np.testing.assert_allclose(out.detach().numpy(), np.stack([m(x).detach().numpy() for m in models]), rtol=1e-6)


@pytest.mark.parametrize("call, kind, text", [
    (lambda: grad(lambda x: x * 2)(minidl.ones(3)), RuntimeError, r"return a scalar tensor.*\(3,\)"),
    (lambda: grad(minidl.sum)(minidl.tensor([1, 2])), RuntimeError, "floating-point Tensors.*int64"),
    (lambda: grad(minidl.sum, argnums=3)(minidl.ones(1)), RuntimeError, "argnum=3, but only 1"),
    (lambda: vmap(minidl.add)(minidl.ones(2), minidl.ones(3)), ValueError, r"same size.*\[2, 3\]"),
    (lambda: vmap(minidl.sin, in_dims=None)(minidl.ones(2)), ValueError, "at least one argument"),
    (lambda: vmap(minidl.sin, in_dims=2)(minidl.ones(2)), ValueError, r"in_dim=2.*\(2,\)"),
    (lambda: vmap(minidl.add, in_dims=(0,))(minidl.ones(2), minidl.ones(2)), ValueError, "structure of the inputs"),
    (lambda: jvp(minidl.sin, (minidl.ones(2),), (minidl.ones(3),)), RuntimeError, "tangents in the shapes"),
    (lambda: functional_call(nn.Linear(1, 1), {"wieght": minidl.ones(1, 1)}, minidl.ones(1)), KeyError, "wieght"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind, match=text):
        call()
