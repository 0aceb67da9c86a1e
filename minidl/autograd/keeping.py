"""The values that an op keeps for backward, and the check that nobody has overwritten them.

A kept value is an array, the version counter of its memory, and the number on this counter when the value was kept.
When a rule asks for the value, the counter must still show this number, or the gradient would be wrong.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from minidl.autograd.rules import KEPT, OUT, InputRule, Rule
from minidl.autograd.tensorbase import INFERENCE, Edge, TensorBase, Version, version_of, wrap

if TYPE_CHECKING:
    from minidl.backend.device import Array


class Keeping:
    """The part of `Op` that keeps values."""

    input_names: ClassVar[tuple[str, ...]]
    rules: ClassVar[tuple[InputRule, ...]]
    joint: ClassVar[Rule | None]
    edges: Sequence[Edge | None]
    name: Callable[[], str]

    kept: dict[str, Any] | None = None       # name -> (value, version counter, version when kept)
    kept_by_forward: dict[str, Any] | None = None       # the values of `keep` in `forward`, until `keep_for`
    watched: Sequence[tuple[Array, Version, int]] = ()  # arrays among the parameters, as in `kept`

    # ------------------------------------------------------------------ keeping

    def keep(self, **values: Any) -> None:
        """Keep values in `forward`, for the rules that name them.

        Errors: TypeError for the name of an input, or `out`: a rule can have these without `keep`.
        """
        for name in values:
            if name == "out" or name in self.input_names:
                raise TypeError(f"{self.name()}: keep({name}=...) would be ignored, since a rule that asks for "
                                f"'{name}' is handed the {'output' if name == 'out' else 'input'}; choose another name")
        self.kept_by_forward = values if self.kept_by_forward is None else {**self.kept_by_forward, **values}

    def watch(self, *values: Any) -> Any:
        """Let backward raise if one of these Tensors is overwritten: its array is a parameter of this step.

        Index arrays are such parameters. Other values are ignored.
        """
        self.watched = [(x.array, version_of(x), version_of(x)[0]) for x in values if isinstance(x, TensorBase)]
        return self

    def watch_as(self, other: Keeping) -> Any:
        """Watch the arrays that `other` watches, which has the same parameters."""
        self.watched = other.watched
        return self

    def keep_for(self, needs: Any, inputs: Any, result: Any, kept: dict[str, Any]) -> None:
        """Add the values that a rule needs to `kept`, each with the version of its memory."""
        for name, position in needs:
            x = inputs[position] if position >= 0 else result if position == OUT else self._from_forward(name)
            if isinstance(x, TensorBase):
                version = x.version
                if version is None:
                    version = x.version = [0, ""]
                elif version is INFERENCE:
                    raise self._kept_inference(name)
                kept[name] = (x.array, version, version[0])
            elif type(x) is tuple and position == OUT:
                versions = [version_of(r) for r in x]
                kept[name] = (tuple([r.array for r in x]), None, [(v, v[0]) for v in versions])
            else:
                kept[name] = (x, None, 0)
                if position == KEPT:       # if the value is also returned, users may write into it
                    for r in result if type(result) is tuple else (result,):
                        if r.array is x:
                            version = version_of(r)
                            kept[name] = (x, version, version[0])

    def _from_forward(self, name: str) -> Any:
        """A value that `forward` kept under `name`. Errors: TypeError if it kept none."""
        if self.kept_by_forward is None or name not in self.kept_by_forward:
            rules = self.rules if self.joint is None else ((None, *self.joint),)
            function = next(function for _, function, needs in rules if (name, KEPT) in needs)
            raise TypeError(f"{self.name()}.{function.__name__} asks for '{name}', but nobody has kept it: it is "
                            f"no input of forward, it is not `out`, and forward has not called self.keep({name}=...)")
        return self.kept_by_forward[name]

    # ------------------------------------------------------------------ reading kept values

    def kept_value(self, name: str) -> Any:
        """A kept value. Errors: RuntimeError if it is freed or was overwritten."""
        try:
            value, version, number = self.kept[name]  # type: ignore[index]
        except TypeError:
            if self.kept is not None:       # the error of a hook, see `graph/saved.py`
                raise
            raise RuntimeError(
                f"Trying to backward through the graph a second time: {type(self).__name__} has freed "
                f"the values that it had kept for backward. Call backward(retain_graph=True) the "
                f"first time, or compute the loss again.") from None
        if version is not None:
            if version[0] != number:
                raise self._stale(name, value, version, number)
        elif number:   # several outputs, each with a version of its own
            for part, (version, n) in zip(value, number):
                if version[0] != n:
                    raise self._stale(name, part, version, n)
        return value

    def _kept_inference(self, name: str) -> RuntimeError:
        return RuntimeError(
            f"Inference tensors cannot be saved for backward: '{name}' of {self.name()} was made in inference_mode. "
            f"Make a clone() of it to use it in recorded work, or use no_grad() instead of inference_mode().")

    def _stale(self, name: str, value: Array, version: Any, number: int) -> RuntimeError:
        return RuntimeError(
            f"one of the variables needed for gradient computation has been modified by an inplace operation: "
            f"'{name}' of {self.name()}, shape {tuple(value.shape)}, is at version {version[0]} (last written by "
            f"{version[1]}); expected version {number}. Write a new tensor instead (y = y + 1, not y += 1), or "
            f"clone() before writing.")

    def kept_tensor(self, name: str) -> Any:
        """A kept value as a Tensor with its edge in the graph and the version of its memory."""
        value = self.kept_value(name)
        _, version, number = self.kept[name]  # type: ignore[index]
        if name == "out":
            step: Any = self
            if type(value) is tuple:
                return tuple([wrap(v, (step, i), version) for i, (v, (version, _)) in enumerate(zip(value, number))])
            return wrap(value, (step, 0), version)
        if name in self.input_names and version is not None:
            return wrap(value, self.edges[self.input_names.index(name)], version)
        return value if version is None else wrap(value, None, version)

    def check_watched(self) -> None:
        """Raise RuntimeError if an array among the parameters was overwritten."""
        for array, version, number in self.watched:
            if version is INFERENCE:
                raise self._kept_inference("a parameter")
            if version[0] != number:
                raise self._stale("a parameter", array, version, number)
