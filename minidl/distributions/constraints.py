"""Constraints: regions that parameters and values must lie in.

`constraint.check(value)` says for each event of `value` whether it lies in the region. The last `event_dim` dimensions
of a value are one event. `minidl.distributions.biject_to` and `transform_to` map unconstrained numbers there.

    >>> import minidl
    >>> positive.check(minidl.tensor([-1.0, 2.0]))
    tensor([False,  True])
    >>> simplex.check(minidl.tensor([[0.5, 0.5], [0.5, 0.6]]))
    tensor([ True, False])
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minidl.backend.dtype import bool as bool_
from minidl.backend.dtype import finfo
from minidl.linalg import cholesky_ex, eigvalsh
from minidl.ops.elementwise import isclose
from minidl.ops.shape import cat as concatenate
from minidl.ops.shape import stack as stack_tensors
from minidl.tensors.creation import full
from minidl.tensors.tensor import Tensor

__all__ = [
    "Constraint", "MixtureSameFamilyConstraint", "boolean", "cat", "corr_cholesky", "dependent", "dependent_property",
    "greater_than", "greater_than_eq", "half_open_interval", "independent", "integer_interval", "interval",
    "is_dependent", "less_than", "lower_cholesky", "lower_triangular", "multinomial", "nonnegative",
    "nonnegative_integer", "one_hot", "positive", "positive_definite", "positive_integer", "positive_semidefinite",
    "real", "real_vector", "simplex", "square", "stack", "symmetric", "unit_interval",
]


class Constraint:
    """Base of constraints: a region, and how many dimensions of a value make up one event in it."""

    is_discrete: bool = False
    event_dim: int = 0
    shown: tuple[str, ...] = ()     # the attributes in the representation

    def check(self, value: Tensor) -> Tensor:
        """Whether each event of `value` is in the region: a tensor of bools in its shape without event dimensions."""
        raise NotImplementedError

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={getattr(self, name)}" for name in self.shown)
        return f"{type(self).__name__.removeprefix('_')}({settings})"


# ---------------------------------------------------------------------- what depends on other variables

class _Dependent(Constraint):
    """A region that depends on other variables, and so cannot be checked."""

    def __init__(self, *, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented) -> None:
        self._is_discrete, self._event_dim = is_discrete, event_dim

    @property
    def is_discrete(self) -> bool:  # type: ignore[override]
        if self._is_discrete is NotImplemented:
            raise NotImplementedError(".is_discrete cannot be determined statically")
        return self._is_discrete

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        if self._event_dim is NotImplemented:
            raise NotImplementedError(".event_dim cannot be determined statically")
        return self._event_dim

    def __call__(self, *, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented) -> _Dependent:
        """A dependent region of which one of these is known: `dependent(is_discrete=True)`."""
        return _Dependent(is_discrete=self._is_discrete if is_discrete is NotImplemented else is_discrete,
                          event_dim=self._event_dim if event_dim is NotImplemented else event_dim)

    def check(self, value: Tensor) -> Tensor:
        raise ValueError("Cannot determine validity of dependent constraint")


class _DependentProperty(property, _Dependent):
    """A property that is a constraint: of an object it is known, of its class it is a dependent one.

        >>> class Interval:
        ...     @dependent_property(is_discrete=False, event_dim=0)
        ...     def support(self):
        ...         return interval(0.0, 2.0)
        >>> Interval().support, is_dependent(Interval.support), Interval.support.event_dim
        (Interval(lower_bound=0.0, upper_bound=2.0), True, 0)
    """

    def __init__(self, fn: Callable[[Any], Any] | None = None, *, is_discrete: Any = NotImplemented,
                 event_dim: Any = NotImplemented) -> None:
        property.__init__(self, fn)
        _Dependent.__init__(self, is_discrete=is_discrete, event_dim=event_dim)

    def __call__(self, fn: Callable[[Any], Any]) -> _DependentProperty:  # type: ignore[override]
        """Decorate a method: `@dependent_property(event_dim=1)`."""
        return _DependentProperty(fn, is_discrete=self._is_discrete, event_dim=self._event_dim)


def is_dependent(constraint: object) -> bool:
    """Whether a constraint depends on other variables, and so cannot be checked."""
    return isinstance(constraint, _Dependent)


# ---------------------------------------------------------------------- several as one

def _all_of_last(valid: Tensor, dims: int) -> Tensor:
    """Whether all are True along the last `dims` dimensions."""
    return valid.reshape((*valid.shape[:valid.dim() - dims], -1)).all(-1)


class _IndependentConstraint(Constraint):
    """`base_constraint`, whose last `reinterpreted_batch_ndims` further dimensions belong to the event, too."""

    def __init__(self, base_constraint: Constraint, reinterpreted_batch_ndims: int) -> None:
        assert isinstance(base_constraint, Constraint), f"expected a Constraint, but got {base_constraint!r}"
        assert isinstance(reinterpreted_batch_ndims, int), f"expected an int, but got {reinterpreted_batch_ndims!r}"
        assert reinterpreted_batch_ndims >= 0, f"expected at least 0, but got {reinterpreted_batch_ndims}"
        self.base_constraint, self.reinterpreted_batch_ndims = base_constraint, reinterpreted_batch_ndims

    @property
    def is_discrete(self) -> bool:  # type: ignore[override]
        return self.base_constraint.is_discrete

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        return self.base_constraint.event_dim + self.reinterpreted_batch_ndims

    def check(self, value: Tensor) -> Tensor:
        valid = self.base_constraint.check(value)
        if valid.dim() < self.reinterpreted_batch_ndims:
            raise ValueError(f"Expected value.dim() >= {self.event_dim} but got {value.dim()}")
        return _all_of_last(valid, self.reinterpreted_batch_ndims)

    def __repr__(self) -> str:
        return f"IndependentConstraint({self.base_constraint!r}, {self.reinterpreted_batch_ndims})"


class MixtureSameFamilyConstraint(Constraint):
    """The support of a mixture: values that every component may have."""

    def __init__(self, base_constraint: Constraint) -> None:
        assert isinstance(base_constraint, Constraint), f"expected a Constraint, but got {base_constraint!r}"
        self.base_constraint = base_constraint

    @property
    def is_discrete(self) -> bool:  # type: ignore[override]
        return self.base_constraint.is_discrete

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        return self.base_constraint.event_dim

    def check(self, value: Tensor) -> Tensor:
        if value.dim() < self.event_dim:
            raise ValueError(f"Expected value.dim() >= {self.event_dim} but got {value.dim()}")
        valid = self.base_constraint.check(value.unsqueeze(-1 - self.event_dim))
        return _all_of_last(valid, valid.dim() - value.dim() + self.event_dim)

    def __repr__(self) -> str:
        return f"MixtureSameFamilyConstraint({self.base_constraint!r})"


class _Parts(Constraint):
    """Base of constraints on the parts of a value along `dim`."""

    def __init__(self, cseq: Sequence[Constraint], dim: int = 0) -> None:
        assert all(isinstance(c, Constraint) for c in cseq), f"expected Constraints, but got {cseq!r}"
        self.cseq, self.dim = list(cseq), dim

    @property
    def is_discrete(self) -> bool:  # type: ignore[override]
        return any(c.is_discrete for c in self.cseq)

    def check_dim(self, value: Tensor) -> None:
        assert -value.dim() <= self.dim < value.dim(), \
            f"dim {self.dim} is out of range for a value of {value.dim()} dimensions"


class _Cat(_Parts):
    """Constraints `cseq` on parts of `lengths` along `dim`, which `cat` would join."""

    def __init__(self, cseq: Sequence[Constraint], dim: int = 0, lengths: Sequence[int] | None = None) -> None:
        super().__init__(cseq, dim)
        self.lengths = [1] * len(self.cseq) if lengths is None else list(lengths)
        assert len(self.lengths) == len(self.cseq), \
            f"expected a length for each of {len(self.cseq)} constraints, but got {len(self.lengths)}"

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        return max(c.event_dim for c in self.cseq)

    def check(self, value: Tensor) -> Tensor:
        self.check_dim(value)
        return concatenate([c.check(part) for c, part in zip(self.cseq, value.split(self.lengths, self.dim))], self.dim)


class _Stack(_Parts):
    """Constraints `cseq` on the slices along `dim`, which `stack` would join."""

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        dim = max(c.event_dim for c in self.cseq)
        return dim + 1 if self.dim + dim < 0 else dim

    def check(self, value: Tensor) -> Tensor:
        self.check_dim(value)
        return stack_tensors([c.check(part) for c, part in zip(self.cseq, value.unbind(self.dim))], self.dim)


# ---------------------------------------------------------------------- numbers

class _Real(Constraint):
    """Any number but NaN."""

    def check(self, value: Tensor) -> Tensor:
        return value == value


class _Boolean(Constraint):
    """0 or 1."""

    is_discrete = True

    def check(self, value: Tensor) -> Tensor:
        return (value == 0) | (value == 1)


class _Above(Constraint):
    """Base of regions with a lower bound."""

    shown: tuple[str, ...] = ("lower_bound",)

    def __init__(self, lower_bound: Tensor | float) -> None:
        self.lower_bound = lower_bound


class _Below(Constraint):
    """Base of regions with an upper bound."""

    shown: tuple[str, ...] = ("upper_bound",)

    def __init__(self, upper_bound: Tensor | float) -> None:
        self.upper_bound = upper_bound


class _Between(Constraint):
    """Base of regions with two bounds."""

    shown = ("lower_bound", "upper_bound")

    def __init__(self, lower_bound: Tensor | float, upper_bound: Tensor | float) -> None:
        self.lower_bound, self.upper_bound = lower_bound, upper_bound


class _GreaterThan(_Above):
    """(lower_bound, inf]"""

    def check(self, value: Tensor) -> Tensor:
        return self.lower_bound < value


class _GreaterThanEq(_Above):
    """[lower_bound, inf]"""

    def check(self, value: Tensor) -> Tensor:
        return self.lower_bound <= value


class _LessThan(_Below):
    """[-inf, upper_bound)"""

    def check(self, value: Tensor) -> Tensor:
        return value < self.upper_bound


class _Interval(_Between):
    """[lower_bound, upper_bound]"""

    def check(self, value: Tensor) -> Tensor:
        return (self.lower_bound <= value) & (value <= self.upper_bound)


class _HalfOpenInterval(_Between):
    """[lower_bound, upper_bound)"""

    def check(self, value: Tensor) -> Tensor:
        return (self.lower_bound <= value) & (value < self.upper_bound)


class _IntegerInterval(_Between):
    """lower_bound, lower_bound + 1, ..., upper_bound"""

    is_discrete = True

    def check(self, value: Tensor) -> Tensor:
        return (value % 1 == 0) & (self.lower_bound <= value) & (value <= self.upper_bound)


class _IntegerLessThan(_Below):
    """..., upper_bound - 1, upper_bound"""

    is_discrete = True

    def check(self, value: Tensor) -> Tensor:
        return (value % 1 == 0) & (value <= self.upper_bound)


class _IntegerGreaterThan(_Above):
    """lower_bound, lower_bound + 1, ..."""

    is_discrete = True

    def check(self, value: Tensor) -> Tensor:
        return (value % 1 == 0) & (value >= self.lower_bound)


# ---------------------------------------------------------------------- vectors

class _Simplex(Constraint):
    """Vectors of numbers from 0 that add up to 1."""

    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        return (value >= 0).all(-1) & ((value.sum(-1) - 1).abs() < 1e-6)


class _OneHot(Constraint):
    """Vectors of zeros with a single 1."""

    is_discrete = True
    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        return ((value == 0) | (value == 1)).all(-1) & (value.sum(-1) == 1)


class _Multinomial(_Below):
    """Vectors of numbers from 0 that add up to at most `upper_bound`."""

    is_discrete = True
    event_dim = 1
    shown = ()

    def check(self, value: Tensor) -> Tensor:
        return (value >= 0).all(-1) & (value.sum(-1) <= self.upper_bound)


# ---------------------------------------------------------------------- matrices

class _LowerTriangular(Constraint):
    """Square matrices with zeros above the diagonal."""

    event_dim = 2

    def check(self, value: Tensor) -> Tensor:
        return _all_of_last(value.tril() == value, 2)


class _LowerCholesky(_LowerTriangular):
    """Lower triangular matrices with a positive diagonal."""

    def check(self, value: Tensor) -> Tensor:
        return super().check(value) & (value.diagonal(dim1=-2, dim2=-1) > 0).all(-1)


class _CorrCholesky(_LowerCholesky):
    """Cholesky factors of correlation matrices: the rows have length 1."""

    def check(self, value: Tensor) -> Tensor:
        tolerance = finfo(value.dtype).eps * value.shape[-1] * 10
        length = value.detach().square().sum(-1).sqrt()
        return super().check(value) & ((length - 1).abs() <= tolerance).all(-1)


class _Square(Constraint):
    """Square matrices."""

    event_dim = 2

    def check(self, value: Tensor) -> Tensor:
        return full(value.shape[:-2], value.shape[-2] == value.shape[-1], dtype=bool_, device=value.device)


class _Symmetric(_Square):
    """Symmetric matrices."""

    def check(self, value: Tensor) -> Tensor:
        valid = super().check(value)
        return _all_of_last(isclose(value, value.mT, atol=1e-6), 2) if bool(valid.all()) else valid


class _PositiveSemidefinite(_Symmetric):
    """Symmetric matrices with eigenvalues from 0."""

    def check(self, value: Tensor) -> Tensor:
        valid = super().check(value)
        return (eigvalsh(value) >= 0).all(-1) if bool(valid.all()) else valid


class _PositiveDefinite(_Symmetric):
    """Symmetric matrices with positive eigenvalues: those that have a Cholesky factor."""

    def check(self, value: Tensor) -> Tensor:
        valid = super().check(value)
        return cholesky_ex(value).info == 0 if bool(valid.all()) else valid


dependent = _Dependent()
dependent_property = _DependentProperty
independent = _IndependentConstraint
cat = _Cat
stack = _Stack

real = _Real()
boolean = _Boolean()
positive = _GreaterThan(0.0)
nonnegative = _GreaterThanEq(0.0)
greater_than = _GreaterThan
greater_than_eq = _GreaterThanEq
less_than = _LessThan
interval = _Interval
half_open_interval = _HalfOpenInterval
unit_interval = _Interval(0.0, 1.0)
integer_interval = _IntegerInterval
nonnegative_integer = _IntegerGreaterThan(0)
positive_integer = _IntegerGreaterThan(1)

real_vector = independent(real, 1)
simplex = _Simplex()
one_hot = _OneHot()
multinomial = _Multinomial

square = _Square()
symmetric = _Symmetric()
lower_triangular = _LowerTriangular()
lower_cholesky = _LowerCholesky()
corr_cholesky = _CorrCholesky()
positive_semidefinite = _PositiveSemidefinite()
positive_definite = _PositiveDefinite()
