"""Function transforms: derivatives, `vmap`, and modules as functions.

The derivatives are `grad`, `vjp`, `jvp`, Jacobians and Hessians. All compose: `vmap(grad(f))` gives the gradient of
every sample, `jacfwd(jacrev(f))` is the Hessian. Arguments and results may be tensors or any nesting of tuples, lists
and dicts of them, such as a dict of parameters.
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
from minidl.autograd.grad_mode import Switch, enable_grad, switches
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
    """The leaves of a tree, and a function to rebuild it from leaves."""
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
    """The function that computes the gradient of `func` by the arguments `argnums`.

    `func` returns one number. With `has_aux`, it returns (number, anything), and the gradient function returns
    (gradient, anything).

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
    """As `grad`, but returns (gradient, value). With `has_aux`: (gradient, (value, anything))."""
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
        return slope, (value, aux if keep else _detach(aux)) if has_aux else value
    return wrapper


def vjp(func: Callable[..., Tree], *primals: Tree, has_aux: bool = False) -> Any:
    """`func(*primals)`, and the function v -> v' J with the Jacobian J.

        >>> import minidl
        >>> from minidl.func import vjp
        >>> y, pullback = vjp(lambda x: x ** 2, minidl.tensor([1.0, 2.0]))
        >>> y, pullback(minidl.tensor([1.0, 10.0]))
        (tensor([1., 4.]), (tensor([ 2., 40.]),))
    """
    xs, rebuild, call = _differentiable(func, primals, {}, tuple(range(len(primals))))
    out, aux = _with_aux("vjp", call(), has_aux)
    ys, rebuild_out = flatten(out)
    keep = _has_other_leaves(ys, xs)

    def pullback(*cotangents: Tree) -> Tree:
        vs, _ = flatten(cotangents[0] if len(cotangents) == 1 else cotangents)
        create_graph = keep or any(isinstance(v, Tensor) and v.requires_grad for v in vs)
        return rebuild(_vjp(ys, xs, vs, create_graph, retain=True))

    result = rebuild_out(ys if keep else [y.detach() for y in ys])
    return (result, pullback, _detach(aux)) if has_aux else (result, pullback)


def jvp(func: Callable[..., Tree], primals: tuple[Tree, ...], tangents: tuple[Tree, ...], *, strict: bool = False,
        has_aux: bool = False) -> Any:
    """`func(*primals)`, and J v: its Jacobian times the tangents.

    Two backward passes compute it.

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
    product = rebuild(forward_product(ys, xs, vs, keep, strict))
    result = rebuild(ys if keep else [y.detach() for y in ys])
    return (result, product, _detach(aux)) if has_aux else (result, product)


def linearize(func: Callable[..., Tree], *primals: Tree) -> tuple[Tree, Callable[..., Tree]]:
    """`func(*primals)`, and the function v -> J v with the Jacobian J.

    It is `jvp` for many tangents v: `func` runs once, and each product is one backward pass.
    Errors: RuntimeError where tangents do not have the structure and shapes of the primals.

        >>> import minidl
        >>> from minidl.func import linearize
        >>> y, pushforward = linearize(lambda x: x ** 2, minidl.tensor([1.0, 2.0]))
        >>> pushforward(minidl.tensor([1.0, 0.0])), pushforward(minidl.tensor([0.0, 1.0]))
        (tensor([2., 0.]), tensor([0., 4.]))
    """
    xs, _, call = _differentiable(func, primals, {}, tuple(range(len(primals))))
    ys, rebuild = flatten(call())
    keep = _has_other_leaves(ys, xs)
    us = [products._leaf(y) for y in ys]
    rows = products._gradients(ys, xs, us, True, False)      # u' J, linear in u

    def pushforward(*tangents: Tree) -> Tree:
        vs, _ = flatten(tangents)
        _check_tangents("linearize", vs, xs)
        graph = keep or any(v.requires_grad for v in vs)
        return rebuild(products._gradients(rows, us, vs, graph, False, retain=True))

    return rebuild(ys if keep else [y.detach() for y in ys]), pushforward


def _check_tangents(who: str, vs: list[Any], xs: list[Any]) -> None:
    if [tuple(v.shape) for v in vs] != [tuple(x.shape) for x in xs]:
        raise RuntimeError(f"{who}: expected tangents in the shapes of the primals {[tuple(x.shape) for x in xs]}, but "
                           f"got {[tuple(v.shape) for v in vs]}")


def jacrev(func: Callable[..., Tree], argnums: int | tuple[int, ...] = 0, *, has_aux: bool = False,
           chunk_size: int | None = None) -> Callable[..., Tree]:
    """The function that computes the Jacobian of `func` by backward passes.

    Each output element needs one pass. An output of shape S and an argument of shape T give a tensor S + T; trees of
    outputs and arguments give trees of these. `chunk_size` has no meaning: passes run one by one.
    """
    _check_chunk_size("jacrev", chunk_size)
    return _jacobian(func, argnums, has_aux, products._by_rows)


def jacfwd(func: Callable[..., Tree], argnums: int | tuple[int, ...] = 0, has_aux: bool = False, *,
           randomness: str = "error") -> Callable[..., Tree]:
    """As `jacrev`, but one pass for each input element. For functions with more outputs than inputs."""
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
        return (result, _detach(aux)) if has_aux else result
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
    """Prepare a call of `func` to differentiate by the chosen arguments.

    Returns their leaves as new tensors, a function that rebuilds the arguments' structure from leaves, and the call.
    """
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
        # inside an outer derivative, an alias connects the new tensor with it
        xs = [Alias()(x) if x.requires_grad else x.detach().requires_grad_() for x in given]
    replaced = dict(zip(chosen, rebuild(xs)))
    arguments = [replaced.get(n, arg) for n, arg in enumerate(args)]

    def call() -> Any:
        with enable_grad():
            return func(*arguments, **kwargs)

    return xs, (lambda parts: rebuild(parts)[0] if single else rebuild(parts)), call


def _with_aux(who: str, out: Any, has_aux: bool) -> tuple[Any, Any]:
    """Split the result into (output, aux). Errors: RuntimeError for anything but a pair."""
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
    """Whether the outputs depend on more leaves than our own.

    Only leaves that require grad count. Then the derivative keeps its graph, so that they can get gradients.
    """
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


def _detach(tree: Tree) -> Tree:
    return tree_map(lambda x: x.detach() if isinstance(x, Tensor) else x, tree)


# ---------------------------------------------------------------------- mapping

def vmap(func: Callable[..., Tree], in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error", *,
         chunk_size: int | None = None) -> Callable[..., Tree]:
    """Turn a function of one sample into a function of a batch.

    It runs `func` on every slice and stacks the results. in_dims: the dimension of each argument to map over, None for
    an argument that all samples share; a number for all arguments, or a tuple with their structure. Keyword arguments
    are shared. out_dims: the place of the new dimension, None for a result that is the same for all samples.
    randomness: "different" random numbers for each sample, the "same" for all, or an "error" if any are drawn.

    It is a loop: right for every function, and as fast as one call for each sample. `chunk_size` has no meaning.

        >>> import minidl
        >>> from minidl.func import grad, vmap
        >>> per_sample = vmap(grad(lambda w, x: (w * x).sum()), in_dims=(None, 0))
        >>> per_sample(minidl.ones(2), minidl.tensor([[1.0, 2.0], [3.0, 4.0]]))
        tensor([[1., 2.],
                [3., 4.]])

    Errors: ValueError where there is nothing to map over, sizes differ, in_dims or out_dims do not have the structure
    of the arguments or results, or a result is no Tensor.
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
        if size == 0:   # a sample of zeros shows the structure and shapes of the results
            leaves = [x if d is None else zeros_like(x.sum(d, keepdim=True)) for x, d in zip(leaves, dims)]

        generator = default_generator(mapped[0][0].device)
        state = generator.get_state()
        results = []
        for i in range(max(size, 1)):
            if randomness == "same":
                generator.set_state(state)
            slices = [x if d is None else select(x, d, i) for x, d in zip(leaves, dims)]
            with Switch(retain_graphs=i + 1 < size or switches.retain_graphs):
                results.append(flatten(func(*rebuild(slices), **kwargs)))
            if randomness == "error" and i == 0 and not equal(state, generator.get_state()):
                raise RuntimeError("vmap: called random operation while in randomness error mode. Please either use "
                                   "the 'same' or 'different' randomness flags on vmap or perform the randomness "
                                   "operation out of vmap")
        first, rebuild_out = results[0]
        for y in first:
            if not isinstance(y, Tensor):
                raise ValueError(f"vmap: the function must only return Tensors, got type {type(y)}")
        placed = _broadcast_dims("out_dims", "outputs", out_dims, rebuild_out(first))
        parts = zip(*[leaves for leaves, _ in results])
        return rebuild_out([_stack_results(samples, size, d) for samples, d in zip(parts, placed)])
    return wrapper


def _stack_results(samples: Sequence[Any], size: int, dim: int | None) -> Any:
    """Stack the results of all samples along `dim`. Errors: ValueError if `dim` is None and they differ."""
    if dim is not None:
        result = movedim(stack(samples)[:size], 0, dim)
        result.view_of = None   # no user holds the stack
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
    return _broadcast_dims("in_dims", "inputs", in_dims, args)


def _broadcast_dims(name: str, what: str, dims: Any, tree: Tree) -> list[Any]:
    """One entry for every leaf of `tree`; a number counts for a whole subtree.

    Errors: ValueError where the structures differ.
    """
    if dims is None or isinstance(dims, int):
        return [dims] * len(flatten(tree)[0])
    if isinstance(dims, dict) and isinstance(tree, dict) and dims.keys() == tree.keys():
        return [d for key in tree for d in _broadcast_dims(name, what, dims[key], tree[key])]
    if isinstance(dims, (tuple, list)) and isinstance(tree, (tuple, list)) and len(dims) == len(tree):
        return [d for part, subtree in zip(dims, tree) for d in _broadcast_dims(name, what, part, subtree)]
    if isinstance(dims, (tuple, list)) and len(dims) == 1 and isinstance(tree, Tensor):
        return _broadcast_dims(name, what, dims[0], tree)
    raise ValueError(f"vmap: {name} {dims!r} does not have the structure of the {what}: {_structure(tree)}")


def _structure(tree: Tree) -> str:
    """The structure of a tree for errors, with * for each leaf."""
    return str(tree_map(lambda _: _Star(), tree))


class _Star:
    def __repr__(self) -> str:
        return "*"


# ---------------------------------------------------------------------- modules as functions

def functional_call(module: Module, parameter_and_buffer_dicts: Any, args: Any = None,
                    kwargs: dict[str, Any] | None = None, *, tie_weights: bool = True, strict: bool = False) -> Any:
    """Call a module with replaced parameters and buffers, for this call only.

    The dict, or several, map names as in `named_parameters()` to tensors. Tensors without a name in them stay,
    or are an error with `strict`. Names that share a tensor are replaced together, if `tie_weights`.

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
    """Replace a registered parameter or buffer without checks; return the old one."""
    path, _, leaf = name.rpartition(".")
    owner = module.get_submodule(path)
    place: dict[str, Any] = owner._parameters if leaf in owner._parameters else owner._buffers  # type: ignore
    before, place[leaf] = place[leaf], value
    return before


def stack_module_state(models: Sequence[Module]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Stack the parameters and buffers of models of one kind, for `vmap`."""
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if len({type(m) for m in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    parameters = [dict(m.named_parameters()) for m in models]
    buffers = [dict(m.named_buffers()) for m in models]
    return ({name: stack([p[name] for p in parameters]).detach().requires_grad_() for name in parameters[0]},
            {name: stack([b[name] for b in buffers]) for name in buffers[0]})


def replace_all_batch_norm_modules_(root: Module) -> Module:
    """Remove the running statistics of all batch norms in a module; return it.

    They then use the statistics of the batch. `vmap` over samples or models cannot write into shared statistics.

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
