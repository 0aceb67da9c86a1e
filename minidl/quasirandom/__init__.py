"""Points that fill a cube evenly, and look random: Sobol's sequence. SciPy's `stats.qmc` makes them."""
from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import qmc

from minidl.backend.dtype import get_default_dtype
from minidl.tensors.creation import from_numpy
from minidl.tensors.tensor import Tensor

__all__ = ["SobolEngine"]


class SobolEngine:
    """Draw from Sobol's sequence of points in [0, 1), which are spread evenly in each dimension.

    dimension: of the points, 1 to 21201. scramble: shuffle digits by chance, so that each point is uniform. seed: of
    that; without it, each engine is shuffled in another way. Scrambled points are not PyTorch's; those that are not
    scrambled are. Source: Joe and Kuo, "Constructing Sobol sequences with better two-dimensional projections", 2008.

        >>> import minidl
        >>> minidl.quasirandom.SobolEngine(2).draw(4)
        tensor([[0.0000, 0.0000],
                [0.5000, 0.5000],
                [0.7500, 0.2500],
                [0.2500, 0.7500]])
    """

    MAXBIT = 30
    MAXDIM = 21201

    def __init__(self, dimension: int, scramble: bool = False, seed: int | None = None) -> None:
        if not 1 <= dimension <= self.MAXDIM:
            raise ValueError(f"Supported range of dimensionality for SobolEngine is [1, {self.MAXDIM}], but got "
                             f"{dimension}")
        self.dimension, self.scramble, self.seed = dimension, scramble, seed
        self.num_generated = 0
        self._points = qmc.Sobol(dimension, scramble=scramble, bits=self.MAXBIT, rng=seed)

    def draw(self, n: int = 1, out: Tensor | None = None, dtype: Any = None) -> Tensor:
        """The next n points, (n, dimension), by default in float32 or what is set instead."""
        parts = [1, n - 1] if self.num_generated == 0 else [n]      # SciPy warns of a first draw of any other number
        array = np.concatenate([self._points.random(part) for part in parts if part > 0]) if n else \
            np.empty((0, self.dimension))
        self.num_generated += n
        points = from_numpy(array.astype(dtype or get_default_dtype()))
        if out is None:
            return points
        return out.resize_(points.shape).copy_(points)

    def draw_base2(self, m: int, out: Tensor | None = None, dtype: Any = None) -> Tensor:
        """The next 2**m points. Errors: ValueError unless all that are drawn are then a power of two."""
        n = 2 ** m
        total = self.num_generated + n
        if total & (total - 1):
            raise ValueError("The balance properties of Sobol' points require n to be a power of 2. "
                             f"{self.num_generated} points have been previously generated, then: n={self.num_generated}"
                             f"+2**{m}={total}. If you still want to do this, please use SobolEngine.draw() instead.")
        return self.draw(n, out=out, dtype=dtype)

    def reset(self) -> SobolEngine:
        """Begin with the first point again."""
        self._points.reset()
        self.num_generated = 0
        return self

    def fast_forward(self, n: int) -> SobolEngine:
        """Leave out n points."""
        self._points.fast_forward(n)
        self.num_generated += n
        return self

    def __repr__(self) -> str:
        shown = [f"dimension={self.dimension}", *(["scramble=True"] if self.scramble else []),
                 *([f"seed={self.seed}"] if self.seed is not None else [])]
        return f"{type(self).__name__}({', '.join(shown)})"
