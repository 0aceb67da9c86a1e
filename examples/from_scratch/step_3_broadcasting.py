"""Step 3: shapes that differ.

`x + bias` adds one row to all rows of x. NumPy repeats the row, without a copy. In the gradient, the repetition is an
operation of its own: what was used many times gets the sum of what all its uses get. With it in front, addition and
multiplication stay as they are.

    python examples/from_scratch/step_3_broadcasting.py
"""
from __future__ import annotations

import numpy as np
from step_2_arrays import Array, compare_with_the_library


class Broadcasting(Array):
    """Arrays whose elementwise operations take operands of different shapes."""

    def expand(self, shape: tuple[int, ...]) -> Array:
        """The same numbers, repeated to a larger shape."""
        if self.value.shape == shape:
            return self
        return type(self)(np.broadcast_to(self.value, shape), [(self, lambda g: summed_to(g, self.value.shape))])

    def aligned(self, other: Array | float) -> tuple[Array, Array]:
        other = other if isinstance(other, Array) else type(self)(np.asarray(other))
        shape = np.broadcast_shapes(self.value.shape, other.value.shape)
        return self.expand(shape), other.expand(shape)


def summed_to(gradient: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The sum of a gradient over all that `np.broadcast_to` repeated: new axes in front, and axes of size 1."""
    gradient = gradient.sum(axis=tuple(range(gradient.ndim - len(shape))))
    repeated = tuple(axis for axis, size in enumerate(shape) if size == 1)
    return gradient.sum(axis=repeated, keepdims=True)


def row_and_column(x, row, column):
    return ((x + row) * column * 2.0).exp().log().sum()


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    x, row, column = rng.normal(size=(4, 3)), rng.normal(size=3), rng.normal(size=(4, 1))
    difference = compare_with_the_library(row_and_column, x, row, column, kind=Broadcasting)
    print(f"largest difference from minidl's gradients: {difference:.1e}")
