"""`kl_divergence(p, q)` and where its formulas are registered: `@register_kl(P, Q)`."""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from minidl.backend.warn import warn
from minidl.distributions.distribution import Distribution
from minidl.tensors.tensor import Tensor

Formula = Callable[[Any, Any], Tensor]
F = TypeVar("F", bound=Callable[..., Tensor])

_formulas: dict[tuple[type, type], Formula] = {}


def register_kl(type_p: type, type_q: type) -> Callable[[F], F]:
    """Decorate the formula of KL(p || q) for p and q of these classes and their subclasses.

    As in PyTorch, a class need not be a Distribution: it may be what distributions inherit from, too. Errors: TypeError
    for what is no class.

        >>> import minidl
        >>> from minidl.distributions import Normal
        >>> class Unit(Normal):
        ...     pass
        >>> @register_kl(Unit, Unit)
        ... def of_units(p, q):
        ...     return (p.loc - q.loc) ** 2 / 2
        >>> kl_divergence(Unit(0.0, 1.0), Unit(2.0, 1.0))
        tensor(2.)
    """
    for name, kind in (("type_p", type_p), ("type_q", type_q)):
        if not isinstance(kind, type):
            raise TypeError(f"Expected {name} to be a Distribution subclass but got {kind}")

    def add(formula: F) -> F:
        _formulas[type_p, type_q] = formula
        _find.cache_clear()
        return formula
    return add


@functools.cache
def _find(type_p: type, type_q: type) -> Formula | None:
    """The formula of the nearest classes; None if there is none.

    Nearest by p first and by q first may differ: then a warning asks for a formula.
    """
    found = [(p, q) for p, q in _formulas if issubclass(type_p, p) and issubclass(type_q, q)]
    if not found:
        return None

    def distance(kind: type, base: type) -> int:
        return kind.__mro__.index(base)

    by_p = min(found, key=lambda pair: (distance(type_p, pair[0]), distance(type_q, pair[1])))
    by_q = min(found, key=lambda pair: (distance(type_q, pair[1]), distance(type_p, pair[0])))
    if _formulas[by_p] is not _formulas[by_q]:
        warn(f"Ambiguous kl_divergence({type_p.__name__}, {type_q.__name__}). Please register_kl({by_p[0].__name__}, "
             f"{by_q[1].__name__})", RuntimeWarning)
    return _formulas[by_p]


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """KL(p || q), the expected log p(x) - log q(x) where x has p: how far q is from p.

    One number for each distribution of the batch. It is infinite where p has outcomes that q has not. Errors:
    NotImplementedError where no formula is registered for the two classes.

        >>> import minidl
        >>> from minidl.distributions import Normal
        >>> kl_divergence(Normal(0.0, 1.0), Normal(minidl.tensor([0.0, 1.0]), 1.0))
        tensor([0.0000, 0.5000])
    """
    formula = _find(type(p), type(q))  # type: ignore[arg-type]
    if formula is None:
        raise NotImplementedError(f"No KL(p || q) is implemented for p type {type(p).__name__} and q type "
                                  f"{type(q).__name__}")
    return formula(p, q)
