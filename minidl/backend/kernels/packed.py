"""Packed sequences: sequences of different lengths without padding, one row for each step of each sequence.

The sequences are sorted by length, the longest first. Their first steps come first, then the second steps of all
sequences that have one, and so on. For the sequences abc, de and f:

    rows of x    a d f b e c
    steps        rows 0 to 2, taken by 3 sequences; rows 3 to 4, by 2; row 5, by 1

A state has one row for each sequence, and a step that n sequences take moves its first n rows. Forwards, sequences
that have ended keep their last state. Backwards, sequences that have not begun keep their initial state. So one loop
does both directions, and it ends with the last states of all sequences.
"""
from __future__ import annotations

from collections.abc import Sequence

from minidl.backend.device import Array, array_module

Steps = list[tuple[slice, int]]
"""The rows of each step, and how many sequences take it, in the order of computation."""


def steps_of(batch_sizes: Sequence[int], reverse: bool) -> Steps:
    """The steps of packed sequences; step t is taken by `batch_sizes[t]` of them.

        >>> steps_of([2, 1], reverse=False)
        [(slice(0, 2, None), 2), (slice(2, 3, None), 1)]
    """
    steps, start = [], 0
    for n in batch_sizes:
        steps.append((slice(start, start + n), n))
        start += n
    return steps[::-1] if reverse else steps


def steps_of_some(steps: Steps, some: slice) -> Steps:
    """The same steps, for some of the sequences.

        >>> steps_of_some([(slice(0, 2), 2), (slice(2, 3), 1)], slice(1, 2))
        [(slice(1, 2, None), 1)]
    """
    return [(slice(rows.start + some.start, rows.start + min(n, some.stop)), min(n, some.stop) - some.start)
            for rows, n in steps if n > some.start]


def states_before(y: Array, h: Array, steps: Steps) -> Array:
    """The state before each row of y; h (N, R) is the initial state."""
    before, first = array_module(y).empty_like(y), steps[0][0] if steps else slice(0)
    if {n for _, n in steps} == {len(h)}:       # of one length: two copies
        later, earlier = slice(len(h), None), slice(None, len(y) - len(h))
        before[first] = h
        if first.start == 0:
            before[later] = y[earlier]
        else:
            before[earlier] = y[later]
        return before
    h = h.copy()
    for rows, n in steps:
        before[rows] = h[:n]
        h[:n] = y[rows]
    return before
