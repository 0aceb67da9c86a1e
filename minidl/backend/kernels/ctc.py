"""The two recursions of connectionist temporal classification, in logarithms.

A path emits one symbol a frame. The labels with blanks around them, b l1 b l2 b ..., form a row of places s. A path
goes through the row from left to right: in each frame it stays, moves on by one place, or leaps over a blank whose
neighbours differ. `alpha[t, s]` is the log-probability of all partial paths that are at s after t frames. `beta[t, s]`
is the log-probability of all ways to continue from there to the end. Before the first frame a path is at the first
blank, and has not emitted it.
"""
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from minidl.backend.device import Array, array_module
from minidl.backend.kernel import kernel


class Paths(NamedTuple):
    """The rows of places of a batch. With S labels at most there are L = 2*S + 1 places."""

    symbols: Array     # (N, L): the symbol of each place
    leaps: Array       # (N, L): whether a path may come from two places before
    frames: Array      # (N,): the number of frames
    ends: Array        # (N,): the last place; a path may end there, or one place before


@kernel
def ctc_forward(logp: Array, paths: Paths) -> tuple[Array, Array]:
    """The negative log-probability of all paths: logp (T, N, C) -> losses (N,), alpha (T+1, N, L)"""
    xp, symbol_logp = array_module(logp), _symbol_logp(logp, paths)
    T, N, L = symbol_logp.shape
    alpha = xp.full((T + 1, N, L), -np.inf, dtype=logp.dtype)
    alpha[0, :, 0] = 0
    for t in range(T):
        before = alpha[t]
        after = alpha[t + 1]
        after[:] = before
        after[:, 1:] = np.logaddexp(after[:, 1:], before[:, :-1])
        after[:, 2:] = np.logaddexp(after[:, 2:], xp.where(paths.leaps[:, 2:], before[:, :-2], -np.inf))
        after += symbol_logp[t]
    n, last = xp.arange(N), paths.ends
    at_label = xp.where(last > 0, alpha[paths.frames, n, last - 1], -np.inf)
    return -np.logaddexp(alpha[paths.frames, n, last], at_label), alpha


@kernel
def ctc_grad(logp: Array, losses: Array, alpha: Array, paths: Paths) -> Array:
    """The gradient p - q: logp (T, N, C), losses (N,), alpha (T+1, N, L) -> (T, N, C)

    p = exp(logp), and q[t,n,c] is the probability that a path which ends at a valid place emits c in frame t. The
    gradient is 0 behind the last frame.
    """
    xp, symbol_logp = array_module(logp), _symbol_logp(logp, paths)
    T, N, L = symbol_logp.shape
    places = xp.arange(L)
    is_end = (places == paths.ends[:, None]) | (places == paths.ends[:, None] - 1)
    at_end = xp.where(is_end, 0.0, -np.inf).astype(logp.dtype)
    alpha_beta = alpha[1:].copy()                                          # alpha + beta, (T, N, L)
    beta = at_end
    for t in reversed(range(T)):
        if t + 1 < T:
            onward = beta + symbol_logp[t + 1]
            beta = onward.copy()
            beta[:, :-1] = np.logaddexp(beta[:, :-1], onward[:, 1:])
            beta[:, :-2] = np.logaddexp(beta[:, :-2], xp.where(paths.leaps[:, 2:], onward[:, 2:], -np.inf))
        beta = xp.where((paths.frames == t + 1)[:, None], at_end, beta)
        alpha_beta[t] += beta
    with np.errstate(invalid="ignore"):   # inf - inf is nan where no path reaches an end, as in PyTorch
        q = np.exp(alpha_beta + losses[:, None])
    gx = np.exp(logp).reshape(-1)
    rows = xp.arange(T * N).reshape(T, N, 1) * logp.shape[2]
    xp.add.at(gx, (rows + paths.symbols).reshape(-1), -q.reshape(-1))
    return xp.where((xp.arange(T)[:, None] < paths.frames)[..., None], gx.reshape(logp.shape), 0)


def _symbol_logp(logp: Array, paths: Paths) -> Array:
    """The log-probability of each place's symbol in each frame, (T, N, C) -> (T, N, L)"""
    return array_module(logp).take_along_axis(logp, paths.symbols[None], 2)
