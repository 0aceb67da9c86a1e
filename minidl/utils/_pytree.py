"""Trees of tuples, lists and dicts, as `torch.utils._pytree` has them: private names that many libraries use."""
from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

__all__ = [
    "TreeSpec", "tree_all", "tree_any", "tree_flatten", "tree_iter", "tree_leaves", "tree_map", "tree_map_",
    "tree_map_only", "tree_structure", "tree_unflatten",
]


class TreeSpec(NamedTuple):
    """A tree without its leaves. `kind` is None for a leaf; `keys` are those of a dict."""

    kind: Any
    keys: Any
    children_specs: list[TreeSpec]

    @property
    def num_leaves(self) -> int:
        """The number of leaves."""
        return 1 if self.kind is None else sum(child.num_leaves for child in self.children_specs)

    def is_leaf(self) -> bool:
        """Whether the tree is a leaf alone."""
        return self.kind is None


def _branches(tree: Any) -> tuple[Any, list[Any]] | None:
    """The keys (None if it has none) and the branches of a node; None for a leaf."""
    if type(tree) in (dict, OrderedDict, defaultdict):
        return list(tree), list(tree.values())
    if type(tree) in (tuple, list, deque) or isinstance(tree, tuple) and hasattr(tree, "_make"):
        return None, list(tree)
    return None


def tree_flatten(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> tuple[list[Any], TreeSpec]:
    """The leaves from left to right, and the tree without them.

        >>> from minidl.utils._pytree import tree_flatten, tree_unflatten
        >>> leaves, spec = tree_flatten({"a": 1, "b": (2, [3])})
        >>> leaves, tree_unflatten([4, 5, 6], spec)
        ([1, 2, 3], {'a': 4, 'b': (5, [6])})
    """
    found = None if is_leaf is not None and is_leaf(tree) else _branches(tree)
    if found is None:
        return [tree], TreeSpec(None, None, [])
    keys, branches = found
    leaves, specs = [], []
    for branch in branches:
        inner, spec = tree_flatten(branch, is_leaf)
        leaves += inner
        specs.append(spec)
    make = type(tree)
    return leaves, TreeSpec((make, tree.default_factory) if make is defaultdict else make, keys, specs)


def tree_unflatten(leaves: Iterable[Any], treespec: TreeSpec) -> Any:
    """The tree with these leaves. Errors: ValueError for another number of them."""
    leaves = list(leaves)
    if len(leaves) != treespec.num_leaves:
        raise ValueError(f"tree_unflatten(leaves, treespec): `leaves` has length {len(leaves)} but the spec refers to "
                         f"a pytree that holds {treespec.num_leaves} items")
    return _build(iter(leaves), treespec)


def _build(leaves: Any, spec: TreeSpec) -> Any:
    if spec.kind is None:
        return next(leaves)
    branches = [_build(leaves, child) for child in spec.children_specs]
    if spec.keys is not None:
        pairs = zip(spec.keys, branches)
        return defaultdict(spec.kind[1], pairs) if isinstance(spec.kind, tuple) else spec.kind(pairs)
    return spec.kind._make(branches) if hasattr(spec.kind, "_make") else spec.kind(branches)


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
