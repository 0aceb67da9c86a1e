"""`Distribution`: what all probability distributions have."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar, cast

from minidl.autograd.grad_mode import no_grad
from minidl.backend.warn import warn
from minidl.distributions.constraints import Constraint, is_dependent
from minidl.distributions.utils import as_shape, lazy_property
from minidl.tensors.tensor import Tensor

__all__ = ["Distribution"]

Shape = Sequence[int]
D = TypeVar("D", bound="Distribution")


class _Undefined:
    """An attribute that a subclass has to define: reading it is a NotImplementedError."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: object, owner: type) -> Any:
        if instance is None:
            return self
        raise NotImplementedError(f"{owner.__name__} does not define `{self.name}`")


class Distribution:
    """Base of probability distributions.

    A sample has the shape sample_shape + batch_shape + event_shape: the event is one outcome, such as a vector; the
    batch holds distributions of different parameters; the sample shape is asked for. `log_prob` has one number for each
    event, in the shape sample_shape + batch_shape.

    A subclass says in `arg_constraints` what its parameters must satisfy, and in `support` where its values lie. Both
    are checked, here and in `log_prob`, unless `validate_args=False`; as an `assert`, the checks are off under
    `python -O`. Errors: ValueError for parameters or values that do not satisfy them.
    """

    has_rsample: bool = False                # whether samples have gradients
    has_enumerate_support: bool = False
    arg_constraints: dict[str, Constraint] = cast(Any, _Undefined())
    support: Constraint = cast(Any, _Undefined())
    _validate_args: bool = __debug__
    _parameters: tuple[str, ...] = ()        # what has the shape of the batch, if `arg_constraints` names others

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Switch the checks of all distributions on or off that do not say `validate_args`.

        Errors: ValueError unless given True or False.
        """
        if value not in (True, False):
            raise ValueError(f"set_default_validate_args: expected True or False, but got {value!r}")
        Distribution._validate_args = value

    def __init__(self, batch_shape: Shape = (), event_shape: Shape = (), validate_args: bool | None = None) -> None:
        self._batch_shape, self._event_shape = as_shape(batch_shape), as_shape(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._check_parameters()

    def _check_parameters(self) -> None:
        """Raise ValueError for a parameter that violates its constraint."""
        try:
            arg_constraints = self.arg_constraints
        except NotImplementedError:
            warn(f"{type(self)} does not define `arg_constraints`. Please set `arg_constraints = {{}}` or initialize "
                 f"the distribution with `validate_args=False` to turn off validation.")
            return
        for name, constraint in arg_constraints.items():
            computed = isinstance(getattr(type(self), name, None), lazy_property) and name not in vars(self)
            if is_dependent(constraint) or computed:
                continue
            value = getattr(self, name)
            if not bool(constraint.check(value).all()):
                raise ValueError(f"Expected parameter {name} ({type(value).__name__} of shape {tuple(value.shape)}) "
                                 f"of distribution {self!r} to satisfy the constraint {constraint!r}, but found "
                                 f"invalid values:\n{value}")

    # ------------------------------------------------------------------ shapes

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The shape of the parameters: one distribution for each."""
        return self._batch_shape

    @property
    def event_shape(self) -> tuple[int, ...]:
        """The shape of one outcome."""
        return self._event_shape

    def _extended_shape(self, sample_shape: Shape = ()) -> tuple[int, ...]:
        """The shape of samples."""
        return as_shape(sample_shape) + self._batch_shape + self._event_shape

    def expand(self: D, batch_shape: Shape, _instance: Any = None) -> D:
        """The same distribution for a larger batch: parameters are expanded, not copied.

        Parameters, and distributions among the attributes, are those to expand; all else is handed over. Errors:
        NotImplementedError for a subclass with an `__init__` of its own, which has to define `expand`, too.

            >>> import minidl
            >>> from minidl.distributions import Normal
            >>> Normal(0.0, 1.0).expand([2, 3]).sample().shape
            (2, 3)
        """
        family: Any = next(c for c in type(self).__mro__ if c.__module__.startswith(f"{__package__}."))
        if isinstance(family.arg_constraints, _Undefined):
            raise NotImplementedError(f"{type(self).__name__} does not define expand()")
        new = self._get_checked_instance(family, _instance)
        shape, held = as_shape(batch_shape), len(self._batch_shape)
        for name, value in vars(self).items():
            if name in (self._parameters or self.arg_constraints) and isinstance(value, Tensor):
                value = value.expand(shape + value.shape[held:])
            elif isinstance(getattr(type(self), name, None), lazy_property):
                continue        # computed from parameters, and again when it is read
            elif isinstance(value, Distribution):
                value = value.expand(shape + value.batch_shape[held:])
            vars(new)[name] = value
        new._batch_shape = shape
        return new

    def _get_checked_instance(self, cls: type, _instance: Any = None) -> Any:
        """`_instance`, or an empty one of this class, if it is made as `cls` is."""
        if _instance is None and type(self).__init__ != cls.__init__:   # type: ignore[misc]
            raise NotImplementedError(f"Subclass {type(self).__name__} of {cls.__name__} that defines a custom "
                                      f"__init__ method must also define a custom .expand() method.")
        return self.__new__(type(self)) if _instance is None else _instance

    # ------------------------------------------------------------------ samples

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Random outcomes, without gradients."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """Random outcomes as differentiable functions of the parameters.

        Errors: NotImplementedError unless `has_rsample`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no rsample()")

    def sample_n(self, n: int) -> Tensor:
        """`sample((n,))`, by its older name."""
        warn("`sample_n(n)` will be deprecated. Use `sample((n,))` instead.", FutureWarning)
        return self.sample((n,))

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All outcomes of a discrete distribution, along a new first dimension.

        With `expand`, they have the shape of the batch behind it, else ones. Errors: NotImplementedError unless
        `has_enumerate_support`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no enumerate_support()")

    # ------------------------------------------------------------------ probabilities

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density, or of the probability of a discrete outcome."""
        raise NotImplementedError(f"{type(self).__name__} has no log_prob()")

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of an outcome of at most `value`."""
        raise NotImplementedError(f"{type(self).__name__} has no cdf()")

    def icdf(self, value: Tensor) -> Tensor:
        """The outcome whose `cdf` is `value`: a quantile."""
        raise NotImplementedError(f"{type(self).__name__} has no icdf()")

    def _validated(self, value: Tensor) -> Tensor:
        """`value`, checked to be an outcome if arguments are validated."""
        if self._validate_args:
            self._validate_sample(value)
        return value

    def _validate_sample(self, value: Tensor) -> None:
        """Raise ValueError unless `value` has the shape of outcomes and lies in the support."""
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        event_start = value.dim() - len(self._event_shape)
        if value.shape[max(event_start, 0):] != self._event_shape:
            raise ValueError(f"The right-most size of value must match event_shape: {value.shape} vs "
                             f"{self._event_shape}.")
        expected = self._batch_shape + self._event_shape
        if any(n != 1 and m != 1 and n != m for n, m in zip(reversed(value.shape), reversed(expected))):
            raise ValueError(f"Value is not broadcastable with batch_shape+event_shape: {value.shape} vs {expected}.")
        try:
            support = self.support
        except NotImplementedError:
            warn(f"{type(self)} does not define `support` to enable sample validation. Please initialize the "
                 f"distribution with `validate_args=False` to turn off validation.")
            return
        if not bool(support.check(value).all()):
            raise ValueError(f"Expected value argument ({type(value).__name__} of shape {tuple(value.shape)}) to be "
                             f"within the support ({support!r}) of the distribution {self!r}, but found invalid "
                             f"values:\n{value}")

    # ------------------------------------------------------------------ figures

    @property
    def mean(self) -> Tensor:
        """The expected outcome."""
        raise NotImplementedError(f"{type(self).__name__} has no mean")

    @property
    def mode(self) -> Tensor:
        """The most probable outcome."""
        raise NotImplementedError(f"{type(self)} does not implement mode")

    @property
    def variance(self) -> Tensor:
        """The expected square of the distance from the mean."""
        raise NotImplementedError(f"{type(self).__name__} has no variance")

    @property
    def stddev(self) -> Tensor:
        """The square root of the variance."""
        return self.variance.sqrt()

    def entropy(self) -> Tensor:
        """The expected value of -log_prob, for each distribution of the batch."""
        raise NotImplementedError(f"{type(self).__name__} has no entropy()")

    def perplexity(self) -> Tensor:
        """exp(entropy): the number of equally probable outcomes of the same entropy."""
        return self.entropy().exp()

    def __repr__(self) -> str:
        shown = [(name, vars(self)[name]) for name in self.arg_constraints if name in vars(self)]
        values = ", ".join(f"{name}: {value if value.numel() == 1 else value.shape}" for name, value in shown)
        return f"{type(self).__name__}({values})"
