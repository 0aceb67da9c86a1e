"""A line search for the strong Wolfe conditions: how far to go in a given direction."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from minidl.backend.device import Array

DECREASE, CURVATURE = 1e-4, 0.9     # c1 and c2 of the conditions
NARROW = 1e-9                       # an interval in which no weight moves by more is not divided further
MAX_TRIALS = 25                     # after the first


class Point(NamedTuple):
    """What is known of the loss at x + t*d."""

    t: float
    loss: float
    gradient: Array
    slope: float        # gradient . d, the derivative with respect to t


def strong_wolfe(evaluate: Callable[[float], Point], start: Point, t: float, size: float) -> tuple[Point, int]:
    """A point where the loss has fallen enough and the slope is nearly flat, and how many points were tried.

        loss(t) <= loss(0) + c1 * t * slope(0)     and     |slope(t)| <= c2 * |slope(0)|

    Args:
        evaluate: tries a t.
        start: the point at t = 0, whose slope is negative.
        t: what is tried first.
        size: the largest component of the direction, by which the width of an interval is judged.

    First the steps are made longer until an interval must hold such a point. Then the interval is divided, where a
    cubic through both ends has its minimum.

    Source: Nocedal, Wright: Numerical optimization, algorithms 3.5 and 3.6.
    """
    def too_high(point: Point) -> bool:
        return point.loss > start.loss + DECREASE * point.t * start.slope

    def flat(point: Point) -> bool:
        return abs(point.slope) <= -CURVATURE * start.slope

    before, point, trials = start, evaluate(t), 1
    while trials <= MAX_TRIALS:
        if too_high(point) or (trials > 2 and point.loss >= before.loss):
            break                                                       # the minimum has been passed
        if flat(point):
            return point, trials
        if point.slope >= 0:
            break
        t = cubic_minimum(before, point, point.t + 0.01 * (point.t - before.t), 10 * point.t)
        before, point, trials = point, evaluate(t), trials + 1
    else:
        before = start

    ends, stuck = [before, point], False
    low = lower_of(ends)
    while trials <= MAX_TRIALS and abs(ends[1].t - ends[0].t) * size >= NARROW:
        left, right = sorted(end.t for end in ends)
        t = cubic_minimum(ends[0], ends[1], left, right)
        margin = 0.1 * (right - left)
        close = min(right - t, t - left) < margin
        if close and (stuck or not left < t < right):   # twice close to an end: little would be cut off
            t = right - margin if right - t < t - left else left + margin
            close = False
        stuck = close
        point, trials = evaluate(t), trials + 1
        if too_high(point) or point.loss >= ends[low].loss:
            ends[1 - low] = point
            low = lower_of(ends)
        else:
            if flat(point):
                return point, trials
            if point.slope * (ends[1 - low].t - ends[low].t) >= 0:      # the minimum is on the other side
                ends[1 - low] = ends[low]
            ends[low] = point
    return ends[low], trials


def lower_of(ends: list[Point]) -> int:
    return 0 if ends[0].loss <= ends[1].loss else 1


def cubic_minimum(a: Point, b: Point, low: float, high: float) -> float:
    """Where the cubic with the losses and slopes of two points has its minimum, clamped to [low, high].

    The middle, where it has none. Source: Nocedal, Wright, equation 3.59.
    """
    left, right = (a, b) if a.t <= b.t else (b, a)
    d1 = left.slope + right.slope - 3 * (left.loss - right.loss) / (left.t - right.t)
    square = d1 * d1 - left.slope * right.slope
    if square >= 0:
        d2 = math.sqrt(square)
        divisor = right.slope - left.slope + 2 * d2
        if divisor:
            t = right.t - (right.t - left.t) * ((right.slope + d2 - d1) / divisor)
            return min(max(t, low), high)
    return (low + high) / 2
