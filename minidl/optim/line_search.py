"""A line search for the strong Wolfe conditions: the step length in a given direction."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from minidl.backend.device import Array

DECREASE, CURVATURE = 1e-4, 0.9     # c1 and c2 of the conditions
MIN_INTERVAL = 1e-9                 # an interval in which no weight moves by more is not divided again


class Point(NamedTuple):
    """The loss and its derivative at x + t*d."""

    t: float
    loss: float
    gradient: Array
    slope: float        # gradient . d, the derivative with respect to t


def strong_wolfe(evaluate: Callable[[float], Point], start: Point, t: float, size: float,
                 max_trials: int = 25) -> tuple[Point, int]:
    """A point with a lower loss and a nearly flat slope, and the number of trials.

        loss(t) <= loss(0) + c1 * t * slope(0)     and     |slope(t)| <= c2 * |slope(0)|

    Args:
        evaluate: the function that gives the point at t.
        start: the point at t = 0, with a negative slope.
        t: the first trial.
        size: the largest component of the direction, which gives the width of an interval in terms of weights.
        max_trials: the largest number of trials after the first.

    First the steps become longer, until an interval must contain such a point. Then the interval is divided at the
    minimum of a cubic through both ends.

    Source: Nocedal, Wright: Numerical optimization, algorithms 3.5 and 3.6.
    """
    def is_too_high(point: Point) -> bool:
        return point.loss > start.loss + DECREASE * point.t * start.slope

    def is_flat(point: Point) -> bool:
        return abs(point.slope) <= -CURVATURE * start.slope

    before, point, trials = start, evaluate(t), 1
    while trials <= max_trials:
        if is_too_high(point) or (trials > 2 and point.loss >= before.loss):
            break                                                       # the minimum has been passed
        if is_flat(point):
            return point, trials
        if point.slope >= 0:
            break
        t = cubic_minimum(before, point, point.t + 0.01 * (point.t - before.t), 10 * point.t)
        before, point, trials = point, evaluate(t), trials + 1
    else:
        before = start

    ends, was_near_end = [before, point], False
    low = index_of_lower(ends)
    while trials <= max_trials and abs(ends[1].t - ends[0].t) * size >= MIN_INTERVAL:
        left, right = sorted(end.t for end in ends)
        t = cubic_minimum(ends[0], ends[1], left, right)
        margin = 0.1 * (right - left)
        near_end = min(right - t, t - left) < margin
        if near_end and (was_near_end or not left < t < right):     # twice near an end: the interval hardly shrinks
            t = right - margin if right - t < t - left else left + margin
            near_end = False
        was_near_end = near_end
        point, trials = evaluate(t), trials + 1
        if is_too_high(point) or point.loss >= ends[low].loss:
            ends[1 - low] = point
            low = index_of_lower(ends)
        else:
            if is_flat(point):
                return point, trials
            if point.slope * (ends[1 - low].t - ends[low].t) >= 0:      # the minimum is on the other side
                ends[1 - low] = ends[low]
            ends[low] = point
    return ends[low], trials


def index_of_lower(ends: list[Point]) -> int:
    return 0 if ends[0].loss <= ends[1].loss else 1


def cubic_minimum(a: Point, b: Point, low: float, high: float) -> float:
    """The minimum of the cubic through two points with their slopes, clamped to [low, high].

    Of a straight line that is the lower end; if there is no minimum, the middle. Source: Nocedal, Wright, eq. 3.59.
    """
    left, right = (a, b) if a.t <= b.t else (b, a)
    d1 = left.slope + right.slope - 3 * (left.loss - right.loss) / (left.t - right.t)
    square = d1 * d1 - left.slope * right.slope
    if square >= 0:
        d2 = math.sqrt(square)
        with np.errstate(all="ignore"):     # a line has its minimum at infinity
            share = np.float64(right.slope + d2 - d1) / (right.slope - left.slope + 2 * d2)
        if not np.isnan(share):
            return float(min(max(right.t - (right.t - left.t) * share, low), high))
    return (low + high) / 2
