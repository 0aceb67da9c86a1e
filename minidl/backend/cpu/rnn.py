"""Recurrent networks on the CPU: every core walks through all steps of some of the sequences.

No sequence needs another, so the threads meet once for each walk and not once for each step.
"""
from __future__ import annotations

from typing import Any

from minidl.backend.cpu.threads import get_num_threads, parallel
from minidl.backend.kernel import Kernel
from minidl.backend.kernels.rnn import (
    Steps,
    gru_walk,
    gru_walk_back,
    lstm_walk,
    lstm_walk_back,
    rnn_walk,
    rnn_walk_back,
)

WORK = 1 << 21      # multiply-adds in a step of one thread from which it pays


def _steps_of_some(steps: Steps, some: slice) -> Steps:
    """The steps of some sequences alone: the rows that are theirs, and how many of them take the step."""
    return [(slice(rows.start + some.start, rows.start + min(n, some.stop)), min(n, some.stop) - some.start)
            for rows, n in steps if n > some.start]


def _by_sequences(kernel: Kernel, states: int) -> None:
    """Register a body that runs the generic one for some sequences at a time.

    The first arguments are so many states, with a row for each sequence, and then the weight of a step.
    """
    def body(*args: Any) -> Any:
        *arrays, steps = args
        sequences = len(arrays[0])
        count = min(get_num_threads(), sequences, sequences * arrays[states].size // WORK)
        if count < 2:
            return NotImplemented
        share = -(-sequences // count)

        def walk(start: int) -> None:
            some = slice(start, min(start + share, sequences))
            kernel.generic(*[a[some] for a in arrays[:states]], *arrays[states:], _steps_of_some(steps, some))

        return parallel(walk, range(0, sequences, share))

    body.__name__ = f"{kernel.generic.__name__}_by_sequences"
    kernel.register("numpy")(body)


for _kernel in (rnn_walk, rnn_walk_back, gru_walk, gru_walk_back):
    _by_sequences(_kernel, 1)
for _kernel in (lstm_walk, lstm_walk_back):
    _by_sequences(_kernel, 2)

