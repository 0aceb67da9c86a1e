"""The two recursions of connectionist temporal classification, in logarithms.

A path says one symbol a frame. With blanks around all labels, b l1 b l2 b ..., it goes through the places s of that
row from left to right: in each frame it stays, goes on by one, or leaps over a blank whose neighbours differ.
`alpha[t, s]` is the log-probability of all ways to stand at s after t frames, `beta[t, s]` that of all ways from there
to the end. Before the first frame a path stands at the first blank, without having said it.
"""
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from minidl.backend.device import Array, array_module
from minidl.backend.kernel import kernel


class Paths(NamedTuple):
    """Where the paths of a batch go; S labels at most make L = 2*S + 1 places."""

    symbols: Array     # (N, L): what is said at each place
    leaps: Array       # (N, L): whether a path may come from two places before
    frames: Array      # (N,): how many frames there are
    ends: Array        # (N,): the last place; a path may end there, or at the one before


@kernel
def ctc_forward(logp: Array, paths: Paths) -> tuple[Array, Array]:
    """The negative log-probability of all paths, logp (T, N, C) -> losses (N,), alpha (T+1, N, L)"""
    xp, said = array_module(logp), _said(logp, paths)
    T, N, L = said.shape
    alpha = xp.full((T + 1, N, L), -np.inf, dtype=logp.dtype)
    alpha[0, :, 0] = 0
    for t in range(T):
        before = alpha[t]
        after = alpha[t + 1]
        after[:] = before
        after[:, 1:] = np.logaddexp(after[:, 1:], before[:, :-1])
        after[:, 2:] = np.logaddexp(after[:, 2:], xp.where(paths.leaps[:, 2:], before[:, :-2], -np.inf))
        after += said[t]
    n, last = xp.arange(N), paths.ends
    at_label = xp.where(last > 0, alpha[paths.frames, n, last - 1], -np.inf)
    return -np.logaddexp(alpha[paths.frames, n, last], at_label), alpha


@kernel
def ctc_grad(logp: Array, losses: Array, alpha: Array, paths: Paths) -> Array:
    """p - q, for p = exp(logp) and q[t,n,c] the probability that a path which ends well says c in frame t; 0 behind the
    last frame.

    logp (T, N, C), losses (N,), alpha (T+1, N, L) -> (T, N, C)
    """
    xp, said = array_module(logp), _said(logp, paths)
    T, N, L = said.shape
    places = xp.arange(L)
    well = (places == paths.ends[:, None]) | (places == paths.ends[:, None] - 1)
    at_end = xp.where(well, 0.0, -np.inf).astype(logp.dtype)
    ways = alpha[1:].copy()                                                # alpha + beta, (T, N, L)
    beta = at_end
    for t in reversed(range(T)):
        if t + 1 < T:
            onward = beta + said[t + 1]
            beta = onward.copy()
            beta[:, :-1] = np.logaddexp(beta[:, :-1], onward[:, 1:])
            beta[:, :-2] = np.logaddexp(beta[:, :-2], xp.where(paths.leaps[:, 2:], onward[:, 2:], -np.inf))
        beta = xp.where((paths.frames == t + 1)[:, None], at_end, beta)
        ways[t] += beta
    with np.errstate(invalid="ignore"):   # where no path ends well: inf - inf is nan, as in PyTorch
        q = np.exp(ways + losses[:, None])
    gx = np.exp(logp).reshape(-1)
    rows = xp.arange(T * N).reshape(T, N, 1) * logp.shape[2]
    xp.add.at(gx, (rows + paths.symbols).reshape(-1), -q.reshape(-1))
    return xp.where((xp.arange(T)[:, None] < paths.frames)[..., None], gx.reshape(logp.shape), 0)


def _said(logp: Array, paths: Paths) -> Array:
    """The log-probability of each place's symbol in each frame, (T, N, C) -> (T, N, L)"""
    return array_module(logp).take_along_axis(logp, paths.symbols[None], 2)
