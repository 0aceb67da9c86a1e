"""Step 4: views, and writing in place.

`x.reshape(2, 3)` copies nothing: it looks at the memory of x in another way. That is what makes views fast, and it is
dangerous here. A rule may need a value that it kept at the time of the forward pass. Who writes into that memory
later, through the array or through any view of it, makes the gradient wrong, and nothing says so.

So memory carries a version, which arrays share with their views and which every write raises. A rule that needs a
value notes the version it saw, and refuses to go on if it has changed.

    python examples/from_scratch/step_4_memory.py
"""
from __future__ import annotations

from collections.abc import Callable

import numpy as np
from step_2_arrays import Array, compare_with_the_library
from step_3_broadcasting import Broadcasting


class Tensor(Broadcasting):
    """Arrays with views, and with writes that no gradient overlooks."""

    def __init__(self, value: np.ndarray, made_from: list | None = None) -> None:
        super().__init__(value, made_from)
        self.version = [0]          # a list, so that a view can share it

    def kept(self) -> Callable[[], np.ndarray]:
        seen = self.version[0]

        def value() -> np.ndarray:
            if self.version[0] != seen:
                raise RuntimeError(f"a value that the gradient needs was overwritten: it is at version "
                                   f"{self.version[0]}, expected {seen}")
            return self.value
        return value

    def expand(self, shape: tuple[int, ...]) -> Array:
        return self.as_view(super().expand(shape))

    def reshape(self, *shape: int) -> Tensor:
        """The same memory in another shape."""
        before = self.value.shape
        return self.as_view(Tensor(self.value.reshape(shape), [(self, lambda g: g.reshape(before))]))

    def transpose(self) -> Tensor:
        """The same memory with rows for columns."""
        return self.as_view(Tensor(self.value.T, [(self, lambda g: g.T)]))

    def as_view(self, view: Tensor) -> Tensor:
        view.version = self.version
        return view

    def fill(self, number: float) -> None:
        """Overwrite all numbers. For memory that holds data: what it was made from is not asked for a gradient here."""
        self.value[...] = number
        self.version[0] += 1


def through_views(x, w):
    return ((x.reshape(2, 6) * 3.0).reshape(4, 3) @ w).exp().sum()


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(4, 3)), rng.normal(size=(3, 2))
    difference = compare_with_the_library(through_views, x, w, kind=Tensor)
    print(f"largest difference from minidl's gradients: {difference:.1e}")

    weights, data = Tensor(w), Tensor(x)
    loss = (data @ weights).sum()
    data.reshape(12).fill(0.0)      # the gradient of the weights is made of the data
    try:
        loss.backward()
    except RuntimeError as error:
        print("refused:", error)
