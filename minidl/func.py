"""Functions of functions: `grad`, `vjp`, `jvp`, Jacobians, Hessians, `vmap`, and modules as functions.

They compose: `vmap(grad(f))` gives the gradient of every sample, `jacfwd(jacrev(f))` is the Hessian. Arguments and
results may be tensors or any nesting of tuples, lists and dicts of them, such as a dict of parameters.
"""
from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import minidl.autograd.functional as products
from minidl import left_out
from minidl.autograd.accumulate import AccumulateGrad
from minidl.autograd.basic_ops import Alias
from minidl.autograd.functional import forward_product
from minidl.autograd.grad_mode import enable_grad
from minidl.autograd.gradients import grad as gradients
from minidl.nn.module import Module
from minidl.nn.norm import _BatchNorm
from minidl.ops.elementwise import equal
from minidl.ops.shape import movedim, select, stack
from minidl.ops.shape import rearrange as rearrange
from minidl.random import default_generator
from minidl.tensors.creation import zeros_like
from minidl.tensors.tensor import Tensor

Tree = Any
"""A Tensor, or tuples, lists and dicts of trees."""


# ---------------------------------------------------------------------- trees

def flatten(tree: Tree) -> tuple[list[Any], Callable[[Sequence[Any]], Tree]]:
    """The leaves of a tree, and a function that builds the same tree of other leaves."""
    if isinstance(tree, dict):
        keys = list(tree)
        leaves, rebuild = flatten(tuple(tree.values()))
        return leaves, lambda values: dict(zip(keys, rebuild(values)))
    if isinstance(tree, (tuple, list)):
        parts = [flatten(part) for part in tree]
        make = type(tree)._make if hasattr(tree, "_make") else type(tree)

        def rebuild_sequence(values: Sequence[Any]) -> Tree:
            supply = iter(values)
            return make([rebuild([next(supply) for _ in leaves]) for leaves, rebuild in parts])

        return [leaf for leaves, _ in parts for leaf in leaves], rebuild_sequence
    return [tree], lambda values: values[0]


def tree_map(function: Callable[[Any], Any], tree: Tree) -> Tree:
    """The tree with `function` applied to every leaf."""
    leaves, rebuild = flatten(tree)
    return rebuild([function(leaf) for leaf in leaves])


# ---------------------------------------------------------------------- derivatives

def grad(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable[..., Tree]:
    """The function that computes the gradient of `func`, which returns one number, by the arguments `argnums`.

    With `has_aux`, `func` returns (number, anything), and the gradient function (gradient, anything).

        >>> import minidl
        >>> from minidl.func import grad
        >>> grad(grad(minidl.sin))(minidl.tensor(0.5))      # -sin(0.5)
        tensor(-0.4794)
    """
    with_value = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Tree:
        slope, value = with_value(*args, **kwargs)
        return (slope, value[1]) if has_aux else slope
    return wrapper


def grad_and_value(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0,
                   has_aux: bool = False) -> Callable[..., tuple[Tree, Any]]:
    """As `grad`; the function returns (gradient, value), or (gradient, (value, anything)) with `has_aux`."""
    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> tuple[Tree, Any]:
        xs, rebuild, call = _differentiable(func, args, kwargs, argnums)
        y, aux = _with_aux("grad", call(), has_aux)
        if not isinstance(y, Tensor) or y.numel() != 1 or y.ndim:
            what = f"a Tensor of shape {tuple(y.shape)}" if isinstance(y, Tensor) else type(y).__name__
            raise RuntimeError(f"grad: Expected the function to return a scalar tensor, but it returned {what}; "
                               f"sum() it, or use jacrev")
        keep = _has_other_leaves([y], xs)
        slope = rebuild(_vjp([y], xs, [None], keep))
        value = y if keep else y.detach()
        return slope, (value, aux if keep else _detached(aux)) if has_aux else value
    return wrapper


def vjp(func: Callable[..., Tree], *primals: Tree, has_aux: bool = False) -> Any:
    """`func(*primals)`, and the function that multiplies a vector with its Jacobian: v -> v' J.

        >>> import minidl
        >>> from minidl.func import vjp
        >>> y, pull = vjp(lambda x: x ** 2, minidl.tensor([1.0, 2.0]))
        >>> y, pull(minidl.tensor([1.0, 10.0]))
        (tensor([1., 4.]), (tensor([ 2., 40.]),))
    """
    xs, rebuild, call = _differentiable(func, primals, {}, tuple(range(len(primals))))
    out, aux = _with_aux("vjp", call(), has_aux)
    ys, rebuild_out = flatten(out)
    keep = _has_other_leaves(ys, xs)

    def pull(*cotangents: Tree) -> Tree:
        vs, _ = flatten(cotangents[0] if len(cotangents) == 1 else cotangents)
        again = keep or any(isinstance(v, Tensor) and v.requires_grad for v in vs)
        return rebuild(_vjp(ys, xs, vs, again, retain=True))

    result = rebuild_out(ys if keep else [y.detach() for y in ys])
    return (result, pull, _detached(aux)) if has_aux else (result, pull)


def jvp(func: Callable[..., Tree], primals: tuple[Tree, ...], tangents: tuple[Tree, ...], *, strict: bool = False,
        has_aux: bool = False) -> Any:
    """`func(*primals)`, and its Jacobian times the tangents: J v, by two backward passes.

        >>> import minidl
        >>> from minidl.func import jvp
        >>> jvp(minidl.sin, (minidl.tensor(0.0),), (minidl.tensor(2.0),))
        (tensor(0.), tensor(2.))
    """
    xs, _, call = _differentiable(func, primals, {}, tuple(range(len(primals))))
    out, aux = _with_aux("jvp", call(), has_aux)
    ys, rebuild = flatten(out)
    vs, _ = flatten(tuple(tangents))
    _check_tangents("jvp", vs, xs)
    keep = _has_other_leaves(ys, xs) or any(v.requires_grad for v in vs)
    pushed = rebuild(forward_product(ys, xs, vs, keep, strict))
    result = rebuild(ys if keep else [y.detach() for y in ys])
    return (result, pushed, _detached(aux)) if has_aux else (result, pushed)


def linearize(func: Callable[..., Tree], *primals: Tree) -> tuple[Tree, Callable[..., Tree]]:
    """`func(*primals)`, and the function that multiplies its Jacobian there with tangents: v -> J v.

    As `jvp`, for many tangents: the function is run once, and each product is one backward pass.
    Errors: RuntimeError where tangents do not have the form and shapes of the primals.

        >>> import minidl
        >>> from minidl.func import linearize
        >>> y, push = linearize(lambda x: x ** 2, minidl.tensor([1.0, 2.0]))
        >>> push(minidl.tensor([1.0, 0.0])), push(minidl.tensor([0.0, 1.0]))
        (tensor([2., 0.]), tensor([0., 4.]))
    """
    xs, _, call = _differentiable(func, primals, {}, tuple(range(len(primals))))
    ys, rebuild = flatten(call())
    keep = _has_other_leaves(ys, xs)
    us = [products._leaf(y) for y in ys]
    rows = products._gradients(ys, xs, us, True, False)      # u' J, linear in u

    def push(*tangents: Tree) -> Tree:
        vs, _ = flatten(tangents)
        _check_tangents("linearize", vs, xs)
        graph = keep or any(v.requires_grad for v in vs)
        return rebuild(products._gradients(rows, us, vs, graph, False, retain=True))

    return rebuild(ys if keep else [y.detach() for y in ys]), push


def _check_tangents(who: str, vs: list[Any], xs: list[Any]) -> None:
    if [tuple(v.shape) for v in vs] != [tuple(x.shape) for x in xs]:
        raise RuntimeError(f"{who}: expected tangents in the shapes of the primals {[tuple(x.shape) for x in xs]}, but "
                           f"got {[tuple(v.shape) for v in vs]}")


def jacrev(func: Callable[..., Tree], argnums: int | tuple[int, ...] = 0, *, has_aux: bool = False,
           chunk_size: int | None = None) -> Callable[..., Tree]:
    """The function that computes the Jacobian of `func`, a backward pass for each output element.

    An output of shape S and an argument of shape T give a tensor S + T; trees of outputs and arguments give
    trees of these. `chunk_size` has no meaning: passes are made one by one.
    """
    _check_chunk_size("jacrev", chunk_size)
    return _jacobian(func, argnums, has_aux, products._by_rows)


def jacfwd(func: Callable[..., Tree], argnums: int | tuple[int, ...] = 0, has_aux: bool = False, *,
           randomness: str = "error") -> Callable[..., Tree]:
    """As `jacrev`, but a pass for each input element: for functions with more outputs than inputs."""
    _check_randomness(randomness)
    return _jacobian(func, argnums, has_aux, products._by_columns)


def _jacobian(func: Callable[..., Tree], argnums: int | tuple[int, ...], has_aux: bool,
              fill: Callable[..., list[list[Any]]]) -> Callable[..., Tree]:
    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Tree:
        xs, rebuild, call = _differentiable(func, args, kwargs, argnums)
        out, aux = _with_aux("jacobian", call(), has_aux)
        ys, rebuild_out = flatten(out)
        keep = _has_other_leaves(ys, xs)
        result = rebuild_out([rebuild(row) for row in fill(ys, xs, keep, False)])
        return (result, _detached(aux)) if has_aux else result
    return wrapper


def hessian(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Tree]:
    """The function that computes all second derivatives of `func`: `jacfwd(jacrev(func))`.

        >>> import minidl
        >>> from minidl.func import hessian
        >>> hessian(lambda x: (x ** 3).sum())(minidl.tensor([1.0, 2.0]))
        tensor([[ 6.,  0.],
                [ 0., 12.]])
    """
    return jacfwd(jacrev(func, argnums), argnums)


def _differentiable(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any],
                    argnums: int | tuple[int, ...]) -> tuple[list[Any], Callable[..., Tree], Callable[[], Any]]:
    """The leaves of the chosen arguments as fresh tensors to differentiate by, how to put them into the form of
    the arguments again, and the call."""
    single = isinstance(argnums, int)
    if not single and not isinstance(argnums, tuple):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    chosen = [n + len(args) if n < 0 else n for n in ((argnums,) if isinstance(argnums, int) else argnums)]
    if len(set(chosen)) < len(chosen) or (args and not chosen):
        raise RuntimeError(f"argnums must be non-empty, and its elements unique, but got {argnums}")
    for n in chosen:
        if not 0 <= n < len(args):
            raise RuntimeError(f"Got argnum={n}, but only {len(args)} positional inputs")
    given, rebuild = flatten(tuple(args[n] for n in chosen))
    for x in given:
        if not isinstance(x, Tensor) or x.dtype.kind not in "fc":
            raise RuntimeError(f"can only differentiate by floating-point Tensors (and complex ones), but an argument "
                               f"is {x.dtype if isinstance(x, Tensor) else type(x).__name__}")
    with enable_grad():
        # an alias, where an outer derivative is under way, so that it sees through this one
        xs = [Alias()(x) if x.requires_grad else x.detach().requires_grad_() for x in given]
    replaced = dict(zip(chosen, rebuild(xs)))
    arguments = [replaced.get(n, arg) for n, arg in enumerate(args)]

    def call() -> Any:
        with enable_grad():
            return func(*arguments, **kwargs)

    return xs, (lambda parts: rebuild(parts)[0] if single else rebuild(parts)), call


def _with_aux(who: str, out: Any, has_aux: bool) -> tuple[Any, Any]:
    """What a function returned, and what it returned beside that. Errors: RuntimeError for anything but a pair."""
    if not has_aux:
        return out, None
    if not isinstance(out, tuple) or len(out) != 2:
        raise RuntimeError(f"{who}: output of function f should be a tuple: (output, aux) if has_aux is True, but got "
                           f"{type(out).__name__}" + (f" of {len(out)}" if isinstance(out, tuple) else ""))
    return out


def _vjp(ys: list[Any], xs: list[Any], vs: Sequence[Any], create_graph: bool, retain: bool = False) -> list[Any]:
    reached = [(y, v) for y, v in zip(ys, vs) if y.requires_grad]
    if not reached:
        return [zeros_like(x) for x in xs]
    found = gradients([y for y, _ in reached], xs, [v for _, v in reached], retain_graph=retain or None,
                      create_graph=create_graph, allow_unused=True)
    return [zeros_like(x) if g is None else g for g, x in zip(found, xs)]


def _has_other_leaves(ys: list[Any], xs: list[Any]) -> bool:
    """Whether the outputs depend on anything that wants a gradient besides our own fresh leaves: then the
    derivative keeps its graph, for the one who wants it."""
    own = {x.edge[0] for x in xs if isinstance(x.edge[0], AccumulateGrad)}
    seen, stack_ = set(own), [y.edge[0] for y in ys if y.requires_grad]
    while stack_:
        op = stack_.pop()
        if op in seen:
            continue
        if isinstance(op, AccumulateGrad):
            return True
        seen.add(op)
        stack_ += [edge[0] for edge in op.edges if edge is not None]
    return False


def _detached(tree: Tree) -> Tree:
    return tree_map(lambda x: x.detach() if isinstance(x, Tensor) else x, tree)


# ---------------------------------------------------------------------- mapping

def vmap(func: Callable[..., Tree], in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error", *,
         chunk_size: int | None = None) -> Callable[..., Tree]:
    """`func`, written for one sample, as a function of a batch: it runs on every slice, and the results are stacked.

    in_dims: the dimension of each argument that is mapped over, None for an argument that all samples share; a number
    for all, or a tuple in the form of the arguments. Keyword arguments are shared. out_dims: where the new dimension
    goes, None for a result that is the same for all samples. randomness: "different" random numbers for each sample,
    the "same" for all, or an "error" if any are drawn.

    It is a loop: right for every function, and as fast as calling it a sample at a time; `chunk_size` has no meaning.

        >>> import minidl
        >>> from minidl.func import grad, vmap
        >>> per_sample = vmap(grad(lambda w, x: (w * x).sum()), in_dims=(None, 0))
        >>> per_sample(minidl.ones(2), minidl.tensor([[1.0, 2.0], [3.0, 4.0]]))
        tensor([[1., 2.],
                [3., 4.]])

    Errors: ValueError where there is nothing to map over, sizes differ, in_dims or out_dims do not have the form of the
    arguments or results, or a result is no Tensor.
    """
    _check_randomness(randomness)
    _check_chunk_size("vmap", chunk_size)

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Tree:
        leaves, rebuild = flatten(args)
        dims = _dims_for(in_dims, args)
        mapped = [(x, d) for x, d in zip(leaves, dims) if d is not None]
        for x, d in mapped:
            if not isinstance(x, Tensor) or not -x.ndim <= d < x.ndim:
                raise ValueError(f"vmap: got in_dim={d} for an argument of "
                                 f"{f'shape {tuple(x.shape)}' if isinstance(x, Tensor) else f'type {type(x).__name__}'}"
                                 f"; use None for arguments that are not mapped over")
        sizes = {x.shape[d] for x, d in mapped}
        if len(sizes) != 1:
            raise ValueError(f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
                             f"{[x.shape[d] for x, d in mapped]} for the mapped dimension"
                             if sizes else "vmap: at least one argument must be mapped over, but every in_dim is None")
        size = sizes.pop()
        if size == 0:   # a sample of zeros tells what the results look like
            leaves = [x if d is None else zeros_like(x.sum(d, keepdim=True)) for x, d in zip(leaves, dims)]

        generator = default_generator(mapped[0][0].device)
        state = generator.get_state()
        results = []
        for i in range(max(size, 1)):
            if randomness == "same":
                generator.set_state(state)
            slices = [x if d is None else select(x, d, i) for x, d in zip(leaves, dims)]
            results.append(flatten(func(*rebuild(slices), **kwargs)))
            if randomness == "error" and i == 0 and not equal(state, generator.get_state()):
                raise RuntimeError("vmap: called random operation while in randomness error mode. Please either use "
                                   "the 'same' or 'different' randomness flags on vmap or perform the randomness "
                                   "operation out of vmap")
        first, rebuild_out = results[0]
        for y in first:
            if not isinstance(y, Tensor):
                raise ValueError(f"vmap: the function must only return Tensors, got type {type(y)}")
        placed = _spread("out_dims", out_dims, rebuild_out(first))
        parts = zip(*[leaves for leaves, _ in results])
        return rebuild_out([_put_together(samples, size, d) for samples, d in zip(parts, placed)])
    return wrapper


def _put_together(samples: Sequence[Any], size: int, dim: int | None) -> Any:
    """The results for all samples with the new dimension in its place. Errors: ValueError where there is to be none,
    though they differ."""
    if dim is not None:
        result = movedim(stack(samples)[:size], 0, dim)
        result.view_of = None   # nobody holds the stack
        return result
    if not all(y is samples[0] or equal(y, samples[0]) for y in samples):
        raise ValueError("vmap: a result that differs from sample to sample can not be returned when out_dim is None")
    return samples[0]


def _check_randomness(randomness: str) -> None:
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}")


def _check_chunk_size(who: str, chunk_size: int | None) -> None:
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"{who}: chunk_size should be None or greater than 0. (got {chunk_size})")


def _dims_for(in_dims: Any, args: tuple[Any, ...]) -> list[Any]:
    """An in_dim for every leaf of the arguments."""
    if not (in_dims is None or isinstance(in_dims, (int, tuple))):
        raise ValueError(f"vmap: expected `in_dims` to be int or a (potentially nested) tuple matching the structure "
                         f"of inputs, got: {type(in_dims)}")
    return _spread("in_dims", in_dims, args)


def _spread(who: str, dims: Any, tree: Tree) -> list[Any]:
    """One entry for every leaf of `tree`: a number stands for a whole subtree. Errors: ValueError where the two differ
    in form."""
    if dims is None or isinstance(dims, int):
        return [dims] * len(flatten(tree)[0])
    if isinstance(dims, dict) and isinstance(tree, dict) and dims.keys() == tree.keys():
        return [d for key in tree for d in _spread(who, dims[key], tree[key])]
    if isinstance(dims, (tuple, list)) and isinstance(tree, (tuple, list)) and len(dims) == len(tree):
        return [d for part, subtree in zip(dims, tree) for d in _spread(who, part, subtree)]
    if isinstance(dims, (tuple, list)) and len(dims) == 1 and isinstance(tree, Tensor):
        return _spread(who, dims[0], tree)
    what = "inputs" if who == "in_dims" else "outputs"
    raise ValueError(f"vmap: {who} {dims!r} does not have the structure of the {what}: {_form(tree)}")


def _form(tree: Tree) -> str:
    """How errors show a tree: its leaves as *."""
    return str(tree_map(lambda _: _Star(), tree))


class _Star:
    def __repr__(self) -> str:
        return "*"


# ---------------------------------------------------------------------- modules as functions

def functional_call(module: Module, parameter_and_buffer_dicts: Any, args: Any = None,
                    kwargs: dict[str, Any] | None = None, *, tie_weights: bool = True, strict: bool = False) -> Any:
    """`module(*args, **kwargs)` with some of its parameters and buffers replaced for this one call.

    The dict, or several, map names as in `named_parameters()` to tensors. What is not named stays as it is, or
    is an error with `strict`. Names that share a tensor are replaced together, if `tie_weights`.

        >>> import minidl
        >>> from minidl.func import functional_call
        >>> layer = minidl.nn.Linear(2, 1)
        >>> weights = {"weight": minidl.ones(1, 2), "bias": minidl.zeros(1)}
        >>> functional_call(layer, weights, minidl.tensor([1.0, 2.0]))
        tensor([3.])
    """
    given = parameter_and_buffer_dicts
    values = dict(given) if isinstance(given, dict) else {k: v for part in given for k, v in part.items()}
    present = dict(module.named_parameters(remove_duplicate=False))
    present |= dict(module.named_buffers(remove_duplicate=False))  # type: ignore[arg-type]
    unknown = [name for name in values if name not in present]
    if unknown:
        raise KeyError(f"functional_call: {type(module).__name__} has no parameter or buffer {unknown}; it has "
                       f"{list(present)}")
    if tie_weights:
        by_tensor = {id(present[name]): value for name, value in values.items()}
        values |= {name: by_tensor[id(t)] for name, t in present.items() if id(t) in by_tensor and name not in values}
    if strict and len(values) < len(present):
        raise RuntimeError(f"functional_call: Missing key(s): {[name for name in present if name not in values]}")
    arguments = () if args is None else args if isinstance(args, tuple) else (args,)
    previous = {name: _swap(module, name, value) for name, value in values.items()}
    try:
        return module(*arguments, **(kwargs or {}))
    finally:
        for name, value in previous.items():
            _swap(module, name, value)


def _swap(module: Module, name: str, value: Tensor) -> Tensor:
    """Put a tensor where a parameter or buffer is registered, past the checks, and return what was there."""
    path, _, leaf = name.rpartition(".")
    owner = module.get_submodule(path)
    place: dict[str, Any] = owner._parameters if leaf in owner._parameters else owner._buffers  # type: ignore
    before, place[leaf] = place[leaf], value
    return before


def stack_module_state(models: Sequence[Module]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The parameters, and the buffers, of models of one kind, each stacked along a new first dimension: for `vmap`."""
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if len({type(m) for m in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    parameters = [dict(m.named_parameters()) for m in models]
    buffers = [dict(m.named_buffers()) for m in models]
    return ({name: stack([p[name] for p in parameters]).detach().requires_grad_() for name in parameters[0]},
            {name: stack([b[name] for b in buffers]) for name in buffers[0]})


def replace_all_batch_norm_modules_(root: Module) -> Module:
    """Make all batch norms of a module forget their running statistics, and return it: they use those of the batch from
    then on. `vmap` over samples, or over models, cannot write into statistics that all share.

        >>> import minidl
        >>> model = minidl.func.replace_all_batch_norm_modules_(minidl.nn.BatchNorm1d(3))
        >>> model.running_mean is None
        True
    """
    for module in root.modules():
        if isinstance(module, _BatchNorm):
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root

left_out.explain(globals(), __name__)
