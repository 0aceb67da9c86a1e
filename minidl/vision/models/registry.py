"""Models by name: `@register_model` registers a builder, `get_model` calls it."""
from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any, TypeVar

from minidl.nn.module import Module

Builder = TypeVar("Builder", bound=Callable[..., Module])

BUILDERS: dict[str, Callable[..., Module]] = {}
"""Name: the function that builds the model."""


def register_model(name: str | None = None) -> Callable[[Builder], Builder]:
    """Register the decorated function for `get_model`, under this name or its own.

    Errors: ValueError for a name that is taken.

        >>> from minidl import nn
        >>> from minidl.vision import models
        >>> @models.register_model()
        ... def my_tiny_net(num_classes=10):
        ...     return nn.Sequential(nn.Flatten(), nn.Linear(784, num_classes))
        >>> models.get_model("my_tiny_net", num_classes=2)[1].out_features
        2
        >>> del models.registry.BUILDERS["my_tiny_net"]
    """
    def register(builder: Builder) -> Builder:
        key = builder.__name__ if name is None else name
        if key in BUILDERS:
            raise ValueError(f"register_model: a model named {key!r} is registered already; choose another name")
        BUILDERS[key] = builder
        return builder
    return register


def get_model_builder(name: str) -> Callable[..., Module]:
    """The function that builds the model of this name, in any case.

    Errors: ValueError for an unknown name.
    """
    builder = BUILDERS.get(name.lower(), BUILDERS.get(name))
    if builder is None:
        close = difflib.get_close_matches(name.lower(), BUILDERS, n=3)
        hint = f"did you mean {', '.join(close)}?" if close else "list_models() has all names"
        raise ValueError(f"Unknown model {name}: {hint}")
    return builder


def get_model(name: str, **config: Any) -> Module:
    """A new model: the builder of this name, called with `config`.

    Errors: ValueError for an unknown name.

        >>> from minidl.vision import models
        >>> type(models.get_model("resnet20", num_classes=100)).__name__
        'CifarResNet'
    """
    return get_model_builder(name)(**config)


def list_models(module: ModuleType | None = None, include: Iterable[str] | str | None = None,
                exclude: Iterable[str] | str | None = None) -> list[str]:
    """The names of all models, sorted.

    Args:
        module: only models defined in this package.
        include: only names that match one of these patterns, with `*` and `?` as in file names.
        exclude: no names that match one of these patterns.

        >>> from minidl.vision import models
        >>> models.list_models(include="resnet*", exclude=["resnet1*", "*2"])
        ['resnet20', 'resnet34', 'resnet44', 'resnet50', 'resnet56']
    """
    names = [name for name, builder in BUILDERS.items()
             if module is None or builder.__module__.rpartition(".")[0] == module.__name__]
    if include:
        names = [name for name in names if _matches(name, include)]
    if exclude:
        names = [name for name in names if not _matches(name, exclude)]
    return sorted(names)


def _matches(name: str, patterns: Iterable[str] | str) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in ([patterns] if isinstance(patterns, str) else patterns))
