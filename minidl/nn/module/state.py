"""Parts of a `state_dict`, and the checks when one is loaded."""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from minidl.autograd.grad_mode import no_grad
from minidl.autograd.tensorbase import SparseBase, TensorBase
from minidl.backend.device import is_array
from minidl.nn.parameter import Parameter, is_lazy
from minidl.ops.index import copy_
from minidl.tensors.tensor import Tensor

if TYPE_CHECKING:
    from minidl.nn.module.module import Module

EXTRA = "_extra_state"
"""The key of what a module's `get_extra_state` returns."""


class IncompatibleKeys(NamedTuple):
    """The keys that `load_state_dict` missed, and those it did not expect."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"_IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


class Loading(OrderedDict[str, Any]):
    """A state dict that is being loaded."""

    def __init__(self, state: Mapping[str, Any]) -> None:
        super().__init__(state)
        self.places: dict[str, tuple[Module, str]] = {}     # which module a key belongs to, and its name there
        self.asked: set[str] = set()                        # prefixes of the modules that said what they have

    def unexpected(self, whole: Module) -> Iterator[str]:
        """The keys that belong to no module; a module that loads by itself is not asked which are its own."""
        silent = {f"{path}." if path else "" for path, _ in whole.named_modules(remove_duplicate=False)} - self.asked
        for key in self:
            if key not in self.places and (not silent or key[:key.rfind(".") + 1] not in silent):
                yield key

    def write(self, assign: bool) -> None:
        """Write the values to their places."""
        for key, (module, name) in self.places.items():
            if key in self and name == EXTRA:
                module.set_extra_state(self[key])
            elif key in self:
                write_value(module, name, self[key], assign)


def load_errors(key: str, present: Tensor, value: Any) -> Iterator[str]:
    """Say why a checkpoint's `value` cannot replace `present`, if it cannot."""
    if not isinstance(value, (TensorBase, type(present))) and not is_array(value):
        yield (f'While copying the parameter named "{key}", expected Tensor or Tensor-like object from checkpoint '
               f"but received {type(value)}")
    elif not is_lazy(present) and tuple(value.shape) != tuple(present.shape):
        yield (f"size mismatch for {key}: copying a param with shape {tuple(value.shape)} from checkpoint, "
               f"the shape in current model is {tuple(present.shape)}.")


def write_value(module: Module, name: str, value: Any, assign: bool) -> None:
    """Copy a value into a parameter or buffer; with `assign`, replace it."""
    present = getattr(module, name)
    if is_lazy(value):
        return      # neither is initialized
    if isinstance(present, SparseBase):
        like: Any = present
        setattr(module, name, value if assign else value.to(like.device, like.dtype).clone())
        return
    if not assign or not isinstance(value, TensorBase):
        if is_lazy(present):
            present.materialize(value.shape)
        with no_grad():
            copy_(present, value)
        return
    if isinstance(present, Parameter):
        if not isinstance(value, Parameter):
            value = Parameter(value, present.requires_grad)  # type: ignore[arg-type]
        value.requires_grad_(present.requires_grad)
    setattr(module, name, value)
