"""Trees of tuples, lists and dicts, as `torch.utils._pytree` has them: private names that many libraries use."""
from __future__ import annotations

from collections import OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

__all__ = [
    "SUPPORTED_NODES", "LeafSpec", "NodeDef", "PyTree", "TreeSpec", "register_pytree_node", "tree_all",
    "tree_any", "tree_flatten", "tree_iter", "tree_leaves", "tree_map", "tree_map_", "tree_map_only", "tree_structure",
    "tree_unflatten",
]


PyTree = Any


class TreeSpec(NamedTuple):
    """A tree without its leaves. `type` is None for a leaf; `context` is what the type's functions want back."""

    type: Any
    context: Any
    children_specs: list[TreeSpec]

    @property
    def num_leaves(self) -> int:
        """The number of leaves."""
        return 1 if self.type is None else sum(child.num_leaves for child in self.children_specs)

    def is_leaf(self) -> bool:
        """Whether the tree is a leaf alone."""
        return self.type is None


def LeafSpec() -> TreeSpec:  # noqa: N802  (PyTorch's name)
    """The tree that is a leaf."""
    return TreeSpec(None, None, [])


class NodeDef(NamedTuple):
    """How a type of node comes apart into branches and a context, and how they make a node again."""

    flatten_fn: Callable[[Any], tuple[list[Any], Any]]
    unflatten_fn: Callable[[list[Any], Any], Any]


def _values_and_keys(node: Any) -> tuple[list[Any], Any]:
    return list(node.values()), list(node)


SUPPORTED_NODES: dict[Any, NodeDef] = {
    tuple: NodeDef(lambda node: (list(node), None), lambda branches, context: tuple(branches)),
    list: NodeDef(lambda node: (list(node), None), lambda branches, context: list(branches)),
    deque: NodeDef(lambda node: (list(node), node.maxlen), deque),
    namedtuple: NodeDef(lambda node: (list(node), type(node)), lambda branches, context: context._make(branches)),
    dict: NodeDef(_values_and_keys, lambda branches, keys: dict(zip(keys, branches))),
    OrderedDict: NodeDef(_values_and_keys, lambda branches, keys: OrderedDict(zip(keys, branches))),
    defaultdict: NodeDef(lambda node: (list(node.values()), [node.default_factory, list(node)]),
                         lambda branches, context: defaultdict(context[0], zip(context[1], branches))),
}


def register_pytree_node(cls: type, flatten_fn: Callable[[Any], tuple[Iterable[Any], Any]],
                         unflatten_fn: Callable[[Any, Any], Any], **names: Any) -> None:
    """Let objects of a class be nodes. names: what else PyTorch takes, for files and paths; it is not used.

        >>> from minidl.utils._pytree import register_pytree_node, tree_map
        >>> class Pair:
        ...     def __init__(self, a, b):
        ...         self.a, self.b = a, b
        >>> register_pytree_node(Pair, lambda pair: ([pair.a, pair.b], None), lambda branches, _: Pair(*branches))
        >>> tree_map(lambda x: x + 1, Pair(1, [2])).b
        [3]
    """
    SUPPORTED_NODES[cls] = NodeDef(lambda node: _as_list(flatten_fn(node)), unflatten_fn)


def _as_list(flat: Any) -> tuple[list[Any], Any]:
    branches, context = flat
    return list(branches), context


def _dict_flatten_with_keys(node: dict[Any, Any]) -> tuple[list[tuple[Any, Any]], list[Any]]:
    """The pairs of a dict, and its keys."""
    return list(node.items()), list(node)


def _get_node_type(tree: Any) -> Any:
    """What a tree is under in `SUPPORTED_NODES`, if it is a node."""
    kind = type(tree)
    return namedtuple if kind not in SUPPORTED_NODES and isinstance(tree, tuple) and hasattr(tree, "_make") else kind


def tree_flatten(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> tuple[list[Any], TreeSpec]:
    """The leaves from left to right, and the tree without them.

        >>> from minidl.utils._pytree import tree_flatten, tree_unflatten
        >>> leaves, spec = tree_flatten({"a": 1, "b": (2, [3])})
        >>> leaves, tree_unflatten([4, 5, 6], spec)
        ([1, 2, 3], {'a': 4, 'b': (5, [6])})
    """
    node = None if is_leaf is not None and is_leaf(tree) else _get_node_type(tree)
    if node not in SUPPORTED_NODES:
        return [tree], LeafSpec()
    branches, context = SUPPORTED_NODES[node].flatten_fn(tree)
    leaves, specs = [], []
    for branch in branches:
        inner, spec = tree_flatten(branch, is_leaf)
        leaves += inner
        specs.append(spec)
    return leaves, TreeSpec(node, context, specs)


def tree_unflatten(leaves: Iterable[Any], treespec: TreeSpec) -> Any:
    """The tree with these leaves. Errors: ValueError for another number of them."""
    leaves = list(leaves)
    if len(leaves) != treespec.num_leaves:
        raise ValueError(f"tree_unflatten(leaves, treespec): `leaves` has length {len(leaves)} but the spec refers to "
                         f"a pytree that holds {treespec.num_leaves} items")
    return _build(iter(leaves), treespec)


def _build(leaves: Any, spec: TreeSpec) -> Any:
    if spec.type is None:
        return next(leaves)
    branches = [_build(leaves, child) for child in spec.children_specs]
    return SUPPORTED_NODES[spec.type].unflatten_fn(branches, spec.context)


def tree_leaves(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> list[Any]:
    """The leaves from left to right."""
    return tree_flatten(tree, is_leaf)[0]


tree_iter = tree_leaves


def tree_structure(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> TreeSpec:
    """The tree without its leaves."""
    return tree_flatten(tree, is_leaf)[1]


def tree_map(func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: Callable[[Any], bool] | None = None) -> Any:
    """The tree of what a function gives for each leaf, or for the leaves at one place of several trees.

        >>> from minidl.utils._pytree import tree_map
        >>> tree_map(lambda a, b: a + b, {"x": [1, 2]}, {"x": [10, 20]})
        {'x': [11, 22]}
    """
    leaves, spec = tree_flatten(tree, is_leaf)
    others = [tree_leaves(rest, is_leaf) for rest in rests]
    return tree_unflatten([func(*each) for each in zip(leaves, *others)], spec)


def tree_map_(func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: Callable[[Any], bool] | None = None) -> Any:
    """Call a function on each leaf, and return the tree."""
    tree_map(func, tree, *rests, is_leaf=is_leaf)
    return tree


def tree_map_only(type_or_predicate: Any, func: Callable[[Any], Any], tree: Any,
                  is_leaf: Callable[[Any], bool] | None = None) -> Any:
    """As `tree_map`, for the leaves of a type, or of which a predicate holds; the others stay."""
    if isinstance(type_or_predicate, (type, tuple)):
        return tree_map(lambda x: func(x) if isinstance(x, type_or_predicate) else x, tree, is_leaf=is_leaf)
    return tree_map(lambda x: func(x) if type_or_predicate(x) else x, tree, is_leaf=is_leaf)


def tree_all(pred: Callable[[Any], bool], tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> bool:
    """Whether a predicate holds of all leaves."""
    return all(map(pred, tree_leaves(tree, is_leaf)))


def tree_any(pred: Callable[[Any], bool], tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> bool:
    """Whether a predicate holds of a leaf."""
    return any(map(pred, tree_leaves(tree, is_leaf)))
