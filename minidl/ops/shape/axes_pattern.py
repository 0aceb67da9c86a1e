"""`rearrange`: reshape and permute at once, by a pattern of named axes."""
from __future__ import annotations

import math
import re
from typing import Any

from minidl.ops.base.declaration import public
from minidl.ops.shape.join import stack
from minidl.ops.shape.views import permute, reshape

Groups = list[list[str]]
"""For each axis of a tensor, the list of its names: empty for an axis of size 1. A lone `...` is one list, ELLIPSIS,
until the number of its axes is known from the tensor."""
ELLIPSIS = ["... alone"]


@public
def rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> Any:
    """Reorder, split and join the axes as a pattern says: "b (h w) c -> b c h w".

    Each axis has a name on the left, and appears somewhere on the right. Names in parentheses form one axis; the last
    of them changes fastest. `axes_lengths` gives the lengths that do not follow from the shape. `1` or `()` is an axis
    of size 1, and `...` stands for all axes without a name. A list of tensors is stacked along a new first axis.
    Errors: ValueError for a pattern without meaning, or one that does not fit the tensor.

    Source: Rogozhnikov, "Einops", 2022, https://openreview.net/forum?id=oapKSVM2bcj

        >>> import minidl
        >>> from minidl.func import rearrange
        >>> rearrange(minidl.arange(6), "(rows columns) -> columns rows", rows=2)
        tensor([[0, 3],
                [1, 4],
                [2, 5]])
    """
    x = stack(tensor) if isinstance(tensor, (list, tuple)) else tensor
    sides = pattern.split("->")
    if len(sides) != 2:
        raise ValueError(f"rearrange: Pattern must contain a single '->' separator, but got {pattern!r}")
    left, right = (_groups(side, pattern) for side in sides)
    if any("..." in group for group in left):
        raise ValueError(f"rearrange: an ellipsis in parentheses has no meaning on the left side of {pattern!r}")
    hidden = [f"...{i}" for i in range(x.ndim - len(left) + 1)] if ELLIPSIS in left else []
    left, right = _replace_ellipsis(left, hidden), _replace_ellipsis(right, hidden)
    before, after = [n for group in left for n in group], [n for group in right for n in group]
    for difference, where in ((set(before) ^ set(after), "only on one side of"),
                              (set(axes_lengths) - set(before), "not in")):
        if difference:
            raise ValueError(f"rearrange: axes {sorted(difference)} are {where} {pattern!r}")
    if len(left) != x.ndim:
        raise ValueError(f"rearrange: Number of dimensions in pattern {pattern!r} ({len(left)}) must be equal to the "
                         f"number of dimensions in the tensor ({x.ndim})")
    lengths = dict(axes_lengths)
    for group, n in zip(left, x.shape):
        _infer(group, n, lengths, pattern)
    split = reshape(x, [lengths[name] for name in before])
    ordered = permute(split, [before.index(name) for name in after])
    return reshape(ordered, [math.prod([lengths[name] for name in group]) for group in right])


def _groups(side: str, pattern: str) -> Groups:
    """Parse one side of a pattern into axes. Errors: ValueError for a bad name, or one used twice."""
    groups: Groups = []
    for inside, name in re.findall(r"\(([^()]*)\)|([^\s()]+|[()])", side):
        groups.append([] if name == "1" else ELLIPSIS if name == "..." else [name] if name else inside.split())
    names = [name for group in groups for name in group]
    for name in names:
        if name not in ("...", *ELLIPSIS) and not name.isidentifier():
            raise ValueError(f"rearrange: expected names, 1, parentheses and ... in {pattern!r}, but got {name!r}")
        if names.count(name) > 1:
            raise ValueError(f"rearrange: duplicate dimension {name!r} on one side of {pattern!r}")
    return groups


def _replace_ellipsis(groups: Groups, hidden: list[str]) -> Groups:
    """Replace `...` by the hidden names."""
    spelled: Groups = []
    for group in groups:
        if group == ELLIPSIS:
            spelled += [[name] for name in hidden]
        else:
            spelled.append([name for part in group for name in (hidden if part == "..." else [part])])
    return spelled


def _infer(group: list[str], n: int, lengths: dict[str, int], pattern: str) -> None:
    """Find the one unknown length of a group from its axis."""
    unknown = [name for name in group if name not in lengths]
    known = math.prod([lengths[name] for name in group if name in lengths])
    if len(unknown) > 1:
        raise ValueError(f"rearrange: cannot infer the sizes of {unknown} in {pattern!r} at once; give all but one")
    if n % known if unknown and known else n != known:
        raise ValueError(f"rearrange: an axis of size {n} cannot be split into {group} in {pattern!r}: the known "
                         f"lengths multiply to {known}")
    if unknown:
        lengths[unknown[0]] = n // known if known else 0
