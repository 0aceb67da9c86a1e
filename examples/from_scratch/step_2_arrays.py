"""Step 2: whole arrays instead of numbers.

A network has millions of numbers, and Python takes about a microsecond for each operation on one. So an operation
now works on whole arrays, and NumPy does the counting. One thing changes: the derivative of an array with respect to
an array would be a huge matrix. Nobody writes it down. `backward` only ever needs the gradient of the loss *times*
that matrix, and for each operation that product is a short function of the gradient.

    python examples/from_scratch/step_2_arrays.py
"""
from __future__ import annotations

from collections.abc import Callable

import numpy as np

import minidl

Rule = Callable[[np.ndarray], np.ndarray]      # from the gradient of a result to that of an operand


class Array:
    """Numbers, their gradient, and the arrays that they were made from, each with its rule."""

    def __init__(self, value: np.ndarray, made_from: list[tuple[Array, Rule]] | None = None) -> None:
        self.value = np.asarray(value, dtype=np.float64)
        self.gradient: np.ndarray | None = None
        self.made_from = made_from or []

    # Two methods that later steps replace.

    def aligned(self, other: Array | float) -> tuple[Array, Array]:
        """Both operands of an elementwise operation, of one shape."""
        other = other if isinstance(other, Array) else type(self)(np.full(self.value.shape, other))
        if self.value.shape != other.value.shape:
            raise ValueError(f"expected two arrays of one shape, got {self.value.shape} and {other.value.shape}")
        return self, other

    def kept(self) -> Callable[[], np.ndarray]:
        """The value, for a rule that needs it later."""
        return lambda: self.value

    # Operations: the value forward, a rule for each operand.

    def __add__(self, other: Array | float) -> Array:
        a, b = self.aligned(other)
        return type(self)(a.value + b.value, [(a, lambda g: g), (b, lambda g: g)])

    def __mul__(self, other: Array | float) -> Array:
        a, b = self.aligned(other)
        a_value, b_value = a.kept(), b.kept()
        return type(self)(a.value * b.value, [(a, lambda g: g * b_value()), (b, lambda g: g * a_value())])

    def __sub__(self, other: Array | float) -> Array:
        a, b = self.aligned(other)
        return type(self)(a.value - b.value, [(a, lambda g: g), (b, lambda g: -g)])

    __radd__, __rmul__ = __add__, __mul__

    def __matmul__(self, other: Array) -> Array:
        """(N, K) @ (K, M) -> (N, M). Each entry is a sum of products, so the rules are products too."""
        a_value, b_value = self.kept(), other.kept()
        return type(self)(self.value @ other.value,
                          [(self, lambda g: g @ b_value().T), (other, lambda g: a_value().T @ g)])

    def exp(self) -> Array:
        result = type(self)(np.exp(self.value))
        y = result.kept()
        result.made_from = [(self, lambda g: g * y())]
        return result

    def log(self) -> Array:
        x = self.kept()
        return type(self)(np.log(self.value), [(self, lambda g: g / x())])

    def relu(self) -> Array:
        positive = self.value > 0
        return type(self)(self.value * positive, [(self, lambda g: g * positive)])

    def sum(self, axis: int | None = None) -> Array:
        """The axis stays, with size 1. What is added up moves the sum as much as itself: the gradient goes to all."""
        shape = self.value.shape
        return type(self)(self.value.sum(axis, keepdims=True), [(self, lambda g: np.broadcast_to(g, shape))])

    # As in step 1.

    def backward(self) -> None:
        """Add to the gradient of every array behind this single number how fast it changes with each entry."""
        if self.value.size != 1:
            raise ValueError(f"expected one number to derive, got an array of shape {self.value.shape}")
        self.gradient = np.ones_like(self.value)
        for result in reversed(self.history()):
            for operand, rule in result.made_from:
                gradient = rule(result.gradient)
                operand.gradient = gradient if operand.gradient is None else operand.gradient + gradient

    def history(self) -> list[Array]:
        """All arrays behind this one, each after those that it was made from."""
        order: list[Array] = []
        seen: set[int] = set()

        def visit(array: Array) -> None:
            if id(array) not in seen:
                seen.add(id(array))
                for operand, _ in array.made_from:
                    visit(operand)
                order.append(array)

        visit(self)
        return order


# ---------------------------------------------------------------------- is it right?

def compare_with_the_library(program: Callable, *values: np.ndarray, kind: type[Array] = Array) -> float:
    """The largest difference between our gradients and minidl's, of one program with the same numbers."""
    ours = [kind(value) for value in values]
    theirs = [minidl.tensor(value, dtype=minidl.float64, requires_grad=True) for value in values]
    program(*ours).backward()
    program(*theirs).backward()
    return max(float(np.abs(a.gradient - t.grad.numpy()).max()) for a, t in zip(ours, theirs, strict=True))


def two_layers(x, w, v):
    return (((x @ w).relu() @ v).exp() + 1.0).log().sum()


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    x, w, v = rng.normal(size=(4, 3)), rng.normal(size=(3, 5)), rng.normal(size=(5, 2))
    print(f"largest difference from minidl's gradients: {compare_with_the_library(two_layers, x, w, v):.1e}")
    try:
        Array(x) + Array(w)
    except ValueError as error:
        print("next:", error)
