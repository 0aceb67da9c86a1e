"""Make modules whose values the caller sets."""
from __future__ import annotations

import inspect
from typing import Any, TypeVar

from minidl.nn.module import Module

M = TypeVar("M", bound=Module)


def skip_init(module_cls: type[M], *args: Any, **kwargs: Any) -> M:
    """`module_cls(*args, **kwargs)`, whose parameters you load or initialise afterwards.

    PyTorch leaves their values undefined, which saves time. Here they have the usual initial values.
    Errors: RuntimeError unless given a class of modules with an argument `device`.

        >>> from minidl import nn
        >>> nn.utils.skip_init(nn.Linear, 2, 3)
        Linear(in_features=2, out_features=3, bias=True)
    """
    if not (isinstance(module_cls, type) and issubclass(module_cls, Module)):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError("Module must support a 'device' arg to skip initialization")
    return module_cls(*args, **kwargs)
