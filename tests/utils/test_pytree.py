"""Trees, against PyTorch's."""
from __future__ import annotations

from collections import OrderedDict, defaultdict, deque, namedtuple
from typing import Any

import pytest

from minidl.utils import _pytree as ours

try:
    from torch.utils import _pytree as theirs
except ImportError:
    theirs = None

Pair = namedtuple("Pair", "a b")
TREES: list[Any] = [
    3, None, "text", [], (), {}, [1, [2, (3,)]], {"b": 1, "a": [2, None]}, (1, {"x": (2, 3)}), Pair(1, [2]),
    OrderedDict(z=1, y=2), defaultdict(list, {"k": [1]}), deque([1, 2]), [{1, 2}],
]


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_there_and_back(tree: Any) -> None:
    leaves, spec = ours.tree_flatten(tree)
    again = ours.tree_unflatten(leaves, spec)
    assert again == tree and type(again) is type(tree) and spec.num_leaves == len(leaves)
    assert ours.tree_leaves(tree) == leaves and ours.tree_map(lambda x: x, tree) == tree
    if theirs is not None:
        assert leaves == theirs.tree_flatten(tree)[0]
        assert ours.tree_map(str, tree) == theirs.tree_map(str, tree)


def test_more_than_maps() -> None:
    tree = {"a": [1, 2.5], "b": (3,)}
    assert ours.tree_map(lambda x, y: x + y, tree, tree) == {"a": [2, 5.0], "b": (6,)}
    assert ours.tree_map_only(int, lambda x: -x, tree) == {"a": [-1, 2.5], "b": (-3,)}
    assert ours.tree_map_only(lambda x: x > 2, lambda x: 0, tree) == {"a": [1, 0], "b": (0,)}
    assert ours.tree_all(lambda x: x > 0, tree) and ours.tree_any(lambda x: x == 3, tree)
    assert ours.tree_leaves(tree, is_leaf=lambda x: isinstance(x, list)) == [[1, 2.5], 3]
    seen: list[Any] = []
    assert ours.tree_map_(seen.append, tree) is tree and seen == [1, 2.5, 3]
    with pytest.raises(ValueError, match="has length 1 but the spec refers to a pytree that holds 3 items"):
        ours.tree_unflatten([1], ours.tree_structure(tree))


class Box:
    def __init__(self, *parts: Any) -> None:
        self.parts = parts


def test_a_class_that_is_registered_is_a_node() -> None:
    assert ours.tree_leaves(Box(1, 2)) != [1, 2]
    ours.register_pytree_node(Box, lambda box: (box.parts, "context"), lambda parts, context: Box(*parts, context),
                              serialized_type_name="Box")
    try:
        assert ours.tree_leaves([Box(1, [2])]) == [1, 2]
        assert ours.tree_map(lambda x: x + 1, Box(1, [2])).parts == (2, [3], "context")
    finally:
        del ours.SUPPORTED_NODES[Box]


def test_what_libraries_write_their_own_flattening_with() -> None:
    for tree in TREES:
        node = ours._get_node_type(tree)
        assert (node in ours.SUPPORTED_NODES) == (not ours.tree_structure(tree).is_leaf())
        if node in ours.SUPPORTED_NODES:
            branches, context = ours.SUPPORTED_NODES[node].flatten_fn(tree)
            again = ours.TreeSpec(node, context, [ours.LeafSpec() for _ in branches])
            assert ours.tree_unflatten(branches, again) == tree
    limited = ours.tree_map(lambda x: x, deque([1, 2], maxlen=2))
    assert limited.maxlen == 2 and ours._dict_flatten_with_keys({"a": 1}) == ([("a", 1)], ["a"])
