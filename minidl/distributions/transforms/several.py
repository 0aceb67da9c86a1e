"""Different transforms for different parts of a tensor."""
from __future__ import annotations

from collections.abc import Sequence

from minidl.distributions import constraints
from minidl.distributions.constraints import Constraint
from minidl.distributions.transforms.base import Transform
from minidl.distributions.utils import lazy_property, sum_rightmost
from minidl.ops.shape import cat, stack
from minidl.tensors.tensor import Tensor


class _SeveralTransforms(Transform):
    """Base of transforms that treat the parts of a tensor along `dim` one by one."""

    def __init__(self, tseq: Sequence[Transform], dim: int = 0, cache_size: int = 0) -> None:
        assert all(isinstance(t, Transform) for t in tseq), f"expected Transforms, but got {tseq!r}"
        super().__init__(cache_size=cache_size)
        self.transforms = [t.with_cache(cache_size) for t in tseq] if cache_size else list(tseq)
        self.dim = dim

    @property
    def bijective(self) -> bool:  # type: ignore[override]
        return all(t.bijective for t in self.transforms)

    def check(self, x: Tensor, length: int) -> None:
        """Raise AssertionError unless x has dimension `dim`, of that length."""
        assert -x.dim() <= self.dim < x.dim(), f"dim {self.dim} is out of range for a tensor of {x.dim()} dimensions"
        assert x.shape[self.dim] == length, f"expected {length} along dim {self.dim}, but got {x.shape[self.dim]}"


class CatTransform(_SeveralTransforms):
    """Transforms of parts along `dim` of the given `lengths`, as `cat` joins them.

        >>> import minidl
        >>> from minidl.distributions.transforms import ExpTransform, identity_transform
        >>> CatTransform([ExpTransform(), identity_transform], lengths=[1, 2])(minidl.zeros(3))
        tensor([1., 0., 0.])
    """

    def __init__(self, tseq: Sequence[Transform], dim: int = 0, lengths: Sequence[int] | None = None,
                 cache_size: int = 0) -> None:
        super().__init__(tseq, dim, cache_size)
        self.lengths = [1] * len(self.transforms) if lengths is None else list(lengths)
        assert len(self.lengths) == len(self.transforms), \
            f"expected a length for each of {len(self.transforms)} transforms, but got {len(self.lengths)}"

    @lazy_property
    def event_dim(self) -> int:  # type: ignore[override]
        return max(t.event_dim for t in self.transforms)

    @lazy_property
    def length(self) -> int:
        """The length of a tensor along `dim`."""
        return sum(self.lengths)

    @constraints.dependent_property
    def domain(self) -> Constraint:  # type: ignore[override]
        return constraints.cat([t.domain for t in self.transforms], self.dim, self.lengths)

    @constraints.dependent_property
    def codomain(self) -> Constraint:  # type: ignore[override]
        return constraints.cat([t.codomain for t in self.transforms], self.dim, self.lengths)

    def with_cache(self, cache_size: int = 1) -> Transform:
        if self._cache_size == cache_size:
            return self
        return CatTransform(self.transforms, self.dim, self.lengths, cache_size)

    def _split(self, x: Tensor) -> Sequence[Tensor]:
        self.check(x, self.length)
        return x.split(self.lengths, self.dim)

    def _call(self, x: Tensor) -> Tensor:
        return cat([t(part) for t, part in zip(self.transforms, self._split(x))], self.dim)

    def _inverse(self, y: Tensor) -> Tensor:
        return cat([t.inv(part) for t, part in zip(self.transforms, self._split(y))], self.dim)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        terms = [sum_rightmost(t.log_abs_det_jacobian(a, b), self.event_dim - t.event_dim)
                 for t, a, b in zip(self.transforms, self._split(x), self._split(y))]
        dim = (self.dim - x.dim() if self.dim >= 0 else self.dim) + self.event_dim
        if dim < 0:
            return cat(terms, dim)      # the parts are different events
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total


class StackTransform(_SeveralTransforms):
    """One transform for each slice along `dim`, as `stack` joins them.

        >>> import minidl
        >>> from minidl.distributions.transforms import ExpTransform, identity_transform
        >>> StackTransform([ExpTransform(), identity_transform], dim=1)(minidl.zeros(2, 2))
        tensor([[1., 0.],
                [1., 0.]])
    """

    @constraints.dependent_property
    def domain(self) -> Constraint:  # type: ignore[override]
        return constraints.stack([t.domain for t in self.transforms], self.dim)

    @constraints.dependent_property
    def codomain(self) -> Constraint:  # type: ignore[override]
        return constraints.stack([t.codomain for t in self.transforms], self.dim)

    def with_cache(self, cache_size: int = 1) -> Transform:
        return self if self._cache_size == cache_size else StackTransform(self.transforms, self.dim, cache_size)

    def _slices(self, x: Tensor) -> Sequence[Tensor]:
        self.check(x, len(self.transforms))
        return x.unbind(self.dim)

    def _call(self, x: Tensor) -> Tensor:
        return stack([t(part) for t, part in zip(self.transforms, self._slices(x))], self.dim)

    def _inverse(self, y: Tensor) -> Tensor:
        return stack([t.inv(part) for t, part in zip(self.transforms, self._slices(y))], self.dim)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return stack([t.log_abs_det_jacobian(a, b)
                      for t, a, b in zip(self.transforms, self._slices(x), self._slices(y))], self.dim)
