"""L-BFGS: Newton's method with a curvature estimated from the last steps."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.autograd.errors import check_devices
from minidl.autograd.grad_mode import enable_grad, no_grad
from minidl.autograd.tensorbase import wrap
from minidl.backend.device import Array, array_module
from minidl.optim.checks import check, check_entry, check_ranges, check_real, plain_numbers
from minidl.optim.line_search import Point, strong_wolfe
from minidl.optim.optimizer import Optimizer, Params, zeros_like
from minidl.tensors.tensor import Tensor


class LBFGS(Optimizer):
    """Limited-memory BFGS (Nocedal 1980), for losses without noise: each step uses all data.

        d = -H g,    p = p + t*d

    g is the gradient with respect to all parameters in one vector. H approximates the inverse of the Hessian. Let s be
    the last steps, and y the changes of the gradient in these steps: H is the matrix nearest to a multiple of the
    identity that maps each y to its s. It is never stored; `_direction` applies it by means of the pairs (s, y).

    Args:
        params: Tensors or `(name, Tensor)` pairs; one group only.
        lr: t, or the first trial of a line search.
        max_iter: the largest number of directions in one call of `step`.
        max_eval: the number of calls of the closure after which a step ends; None is 1.25*max_iter.
        tolerance_grad: a step ends when no component of the gradient is larger.
        tolerance_change: a step also ends when loss and weights change by less.
        history_size: the number of pairs in memory, each twice as large as the parameters.
        line_search_fn: None takes t = lr, "strong_wolfe" searches for t; see `minidl.optim.line_search`.

    Errors: ValueError for several groups or a hyperparameter out of range, RuntimeError for another line search
    or complex parameters.

        >>> import minidl
        >>> from minidl import optim
        >>> w = minidl.tensor([3.0, -1.0], requires_grad=True)
        >>> optimizer = optim.LBFGS([w], line_search_fn="strong_wolfe")
        >>> def closure():
        ...     optimizer.zero_grad()
        ...     loss = (w[0] - 1) ** 2 + 10 * (w[1] + 2) ** 2
        ...     loss.backward()
        ...     return loss
        >>> optimizer.step(closure).item()          # the loss before the step
        14.0
        >>> w
        tensor([ 1.0000, -2.0000], requires_grad=True)

    Source: Nocedal, Wright: Numerical optimization, algorithm 7.5.
    """

    def __init__(self, params: Params, lr: float | Tensor = 1, max_iter: int = 20, max_eval: int | None = None,
                 tolerance_grad: float = 1e-7, tolerance_change: float = 1e-9, history_size: int = 100,
                 line_search_fn: str | None = None) -> None:
        super().__init__(params, {
            "lr": lr, "max_iter": max_iter, "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change, "history_size": history_size,
            "line_search_fn": line_search_fn,
        })

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        if self.param_groups:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        super().add_param_group(param_group)

    def check_group(self, group: dict[str, Any]) -> None:
        check_real(group, "LBFGS")
        check_ranges(group, "lr")
        check(group["history_size"] >= 1, "history_size", group["history_size"])
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise RuntimeError(f"only 'strong_wolfe' is supported, but got line_search_fn={group['line_search_fn']!r}")

    def check_state(self, state: dict[str, Any], p: Tensor, group: dict[str, Any]) -> None:
        flat = wrap(array_module(p.array).empty(sum(p.numel() for p in group["params"])))
        for name in {"d", "prev_flat_grad"} & state.keys():
            check_entry(name, state, flat)
        for name in {"old_dirs", "old_stps"} & state.keys():
            for vector in state[name]:
                check_entry(name, {name: vector}, flat)

    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        """Move along up to `max_iter` directions; returns the loss before the first.

        `closure` clears the gradients, computes the loss, calls `backward()` on the loss and returns it. It is called
        many times.
        """
        group = plain_numbers(self.param_groups[0])
        state = self.state[group["params"][0]]
        if not state:
            state.update(func_evals=0, n_iter=0)
        with no_grad():
            first, g = self._evaluate(closure)
            loss, calls = float(first), 1
            for iteration in range(group["max_iter"]):
                if largest(g) <= group["tolerance_grad"]:
                    break
                state["n_iter"] += 1
                d = self._direction(g, state, group["history_size"])
                t = group["lr"] * (min(1.0, 1.0 / float(abs(g).sum())) if state["n_iter"] == 1 else 1)
                state.update(d=wrap(d), t=t, prev_flat_grad=wrap(g), prev_loss=loss)
                slope = dot(g, d)
                if slope > -group["tolerance_change"]:
                    break                           # the slope is nearly 0
                trials = 0
                if group["line_search_fn"]:
                    point, trials = self._search(closure, Point(0.0, loss, g, slope), t, d, group["max_eval"] - calls)
                    state["t"], loss, g = point.t, point.loss, point.gradient
                    self._move(self._weights(), point.t, d)
                else:
                    self._move(self._weights(), t, d)
                    if iteration + 1 < group["max_iter"]:
                        value, g = self._evaluate(closure)
                        loss, trials = float(value), 1
                calls += trials
                if calls >= group["max_eval"] or largest(d * state["t"]) <= group["tolerance_change"] \
                        or abs(loss - state["prev_loss"]) < group["tolerance_change"]:
                    break
        state["func_evals"] += calls
        return first

    def _direction(self, g: Array, state: dict[str, Any], history_size: int) -> Array:
        """-H g, after adding the pair of the last step."""
        if state["n_iter"] == 1:
            state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1)   # y, s, 1 / (y . s), and H without pairs
            return -g
        y = g - state["prev_flat_grad"].array
        s = state["d"].array * float(state["t"])
        curvature = dot(y, s)
        if curvature > 1e-10:                       # so that H stays positive definite
            for name, value in (("old_dirs", wrap(y)), ("old_stps", wrap(s)), ("ro", number(1 / curvature, y))):
                state[name] = [*state[name], value][-history_size:]
            state["H_diag"] = number(curvature / dot(y, y), y)
        pairs = [(s.array, y.array, float(rho)) for s, y, rho in zip(state["old_stps"], state["old_dirs"], state["ro"])]
        q, shares = -g, []
        for s, y, rho in reversed(pairs):
            shares.append(rho * dot(s, q))
            q -= shares[-1] * y
        q *= float(state["H_diag"])
        for s, y, rho in pairs:
            q += (shares.pop() - rho * dot(y, q)) * s
        return q

    def _search(self, closure: Callable[[], Any], start: Point, t: float, d: Array,
                max_trials: int) -> tuple[Point, int]:
        """The point that a line search finds, and its number of closure calls.

        The weights do not change.
        """
        weights = self._weights()

        def evaluate(t: float) -> Point:
            self._move(weights, t, d)
            loss, g = self._evaluate(closure)
            return Point(t, float(loss), g, dot(g, d))

        found = strong_wolfe(evaluate, start, t, largest(d), max_trials)
        self._move(weights, 0.0, d)
        return found

    def _evaluate(self, closure: Callable[[], Any]) -> tuple[Any, Array]:
        """The loss, and a new vector of all gradients, with zeros for parameters without a gradient."""
        with enable_grad():
            loss = closure()
        gs = [zeros_like(p.array).array if p.grad is None else p.grad.to_dense().array
              for p in self.param_groups[0]["params"]]
        check_devices("LBFGS", gs)
        return loss, array_module(gs[0]).concatenate([g.reshape(-1) for g in gs])

    def _weights(self) -> list[Array]:
        return [p.array.copy() for p in self.param_groups[0]["params"]]

    def _move(self, weights: list[Array], t: float, d: Array) -> None:
        """Set the parameters to weights + t*d."""
        at = 0
        for p, w in zip(self.param_groups[0]["params"], weights):
            p.array[...] = w + t * d[at:at + w.size].reshape(w.shape)
            at += w.size
            self._bump_version(p)


def number(value: float, like: Array) -> Tensor:
    """A 0-d Tensor, in which the state has its numbers as in PyTorch."""
    return wrap(np.array(value, like.dtype))


def dot(a: Array, b: Array) -> float:
    return float(a @ b)


def largest(a: Array) -> float:
    return float(abs(a).max()) if a.size else 0.0
