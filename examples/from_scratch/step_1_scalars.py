"""Step 1: a number that remembers how it was made.

A program computes a loss from parameters, one operation after the other. Each operation knows its derivative with
respect to each of its operands. The chain rule says the rest: along a way through the program derivatives are
multiplied, and where several ways lead from a parameter to the loss, their products are added. `backward` walks from
the loss to the parameters, each step once, and does just that. This is all that "autograd" means.

    python examples/from_scratch/step_1_scalars.py
"""
from __future__ import annotations

import math
import random

import minidl


class Number:
    """A value, its gradient, and the numbers that it was made from, each with the derivative with respect to it."""

    def __init__(self, value: float, made_from: list[tuple[Number, float]] | None = None) -> None:
        self.value = value
        self.gradient = 0.0
        self.made_from = made_from or []

    def __add__(self, other: Number | float) -> Number:
        other = as_number(other)
        return Number(self.value + other.value, [(self, 1.0), (other, 1.0)])

    def __mul__(self, other: Number | float) -> Number:
        other = as_number(other)
        return Number(self.value * other.value, [(self, other.value), (other, self.value)])

    def tanh(self) -> Number:
        y = math.tanh(self.value)
        return Number(y, [(self, 1 - y * y)])

    def __sub__(self, other: Number | float) -> Number:
        return self + as_number(other) * -1.0

    __radd__, __rmul__ = __add__, __mul__

    def backward(self) -> None:
        """Add to the gradient of every number behind this one how fast this one changes with it."""
        self.gradient = 1.0
        for result in reversed(self.history()):
            for operand, derivative in result.made_from:
                operand.gradient += result.gradient * derivative

    def history(self) -> list[Number]:
        """All numbers behind this one, each after those that it was made from."""
        order: list[Number] = []
        seen: set[int] = set()

        def visit(number: Number) -> None:
            if id(number) not in seen:
                seen.add(id(number))
                for operand, _ in number.made_from:
                    visit(operand)
                order.append(number)

        visit(self)
        return order


def as_number(value: Number | float) -> Number:
    return value if isinstance(value, Number) else Number(value)


# ---------------------------------------------------------------------- is it right?

def compare_with_the_library() -> float:
    """The largest difference between our gradients and minidl's, of a program that uses one number twice."""
    ours = [Number(0.5), Number(-1.5)]
    theirs = [minidl.tensor(n.value, dtype=minidl.float64, requires_grad=True) for n in ours]
    for a, b in (ours, theirs):
        loss = (a * b + a).tanh() * (b - 2.0)
        loss.backward()
    return max(abs(n.gradient - t.grad.item()) for n, t in zip(ours, theirs, strict=True))


# ---------------------------------------------------------------------- what is it good for?

def learn_exclusive_or(steps: int = 101, rate: float = 0.1) -> None:
    """Three hidden units learn a function that no line can separate."""
    random.seed(1)
    hidden = [[Number(random.uniform(-1, 1)) for _ in range(3)] for _ in range(3)]     # two weights and a bias each
    output = [Number(random.uniform(-1, 1)) for _ in range(4)]                         # three weights and a bias
    parameters = [n for unit in [*hidden, output] for n in unit]
    for step in range(steps):
        loss = Number(0.0)
        for a, b, wanted in [(0, 0, -1), (0, 1, 1), (1, 0, 1), (1, 1, -1)]:
            units = [(w[0] * a + w[1] * b + w[2]).tanh() for w in hidden]
            answer = sum((w * unit for w, unit in zip(output, units)), output[3])      # the bias comes first
            error = answer - wanted
            loss = loss + error * error
        for parameter in parameters:
            parameter.gradient = 0.0
        loss.backward()
        for parameter in parameters:
            parameter.value -= rate * parameter.gradient
        if step % 20 == 0:
            print(f"step {step:>3}  loss {loss.value:.5f}")


if __name__ == "__main__":
    learn_exclusive_or()
    print(f"largest difference from minidl's gradients: {compare_with_the_library():.1e}")
