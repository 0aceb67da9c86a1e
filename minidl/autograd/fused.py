"""`FusedOp`: a heavy op with a fused forward and gradient, and its meaning in ordinary ops beside them."""
from __future__ import annotations

from typing import Any, ClassVar

from minidl.autograd.engine import gradients
from minidl.autograd.grad_mode import enable_grad
from minidl.autograd.op import Alias, Op, Rule
from minidl.autograd.tensorbase import TensorBase

registry: dict[str, type[FusedOp]] = {}


class FusedOp(Op):
    """An op in three methods:

        reference(*inputs)    Tensors: what it means. Documentation, test oracle and higher derivatives
        forward(*inputs)      arrays: the same, fused
        gradient(g, ...)      arrays: the gradients of all inputs, fused, first order

    When a graph of the gradient is wanted, the engine differentiates `reference` instead. `reference`
    is pure: masks and statistics are its inputs or parameters, never drawn or updated in it.
    """

    gradient_needs: ClassVar[tuple[tuple[str, int], ...]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        rule = cls._rule(cls.gradient)
        assert rule is not None
        named = [name for name, _ in rule.needs]
        others = tuple((name, i) for i, name in enumerate(cls.input_names) if name not in named)
        cls.gradient_needs = rule.needs
        cls.joint = Rule(cls.gradient, rule.needs + others)  # `reference` needs every input
        cls.differentiable = True
        registry[cls.__name__] = cls

    def reference(self, *inputs: Any) -> Any:
        """The op in ordinary ops on Tensors."""
        raise NotImplementedError

    def gradient(self, g: Any, *kept: Any) -> Any:
        """The gradients of all inputs, on arrays; None for an input that has none or that
        `self.wanted` does not ask for."""
        raise NotImplementedError

    def input_gradients(self, g: Any, graph: bool, wanted: Any) -> list[Any]:
        if not graph:
            self.wanted = wanted
            needs = [self.kept_value(name) for name, _ in self.gradient_needs]
            return list(self.gradient(g, *needs))
        # Aliases, not the inputs themselves: if one input depends on another, differentiating with
        # respect to the inputs would give total derivatives where partial ones are due.
        with enable_grad():
            inputs = [self.kept_tensor(name) for name in self.input_names]
            aliases = [alias(x) if isinstance(x, TensorBase) else x for x in inputs]
            out = self.reference(*aliases)
        asked = [i for i, edge in enumerate(wanted) if edge is not None]
        outputs, gs = (list(out), list(g)) if type(out) is tuple else ([out], [g])
        found = gradients(outputs, gs, [aliases[i] for i in asked], retain_graph=True, graph=True)
        result: list[Any] = [None] * len(inputs)
        for i, gradient in zip(asked, found):
            result[i] = gradient
        return result


def alias(x: TensorBase) -> TensorBase:
    """The same values at another place in the graph, which know when x is written."""
    y: TensorBase = Alias()(x)
    y.version = x.version
    return y
