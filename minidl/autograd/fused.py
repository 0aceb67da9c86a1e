"""`FusedOp`: an op with a fused forward and gradient, and a reference in ordinary ops."""
from __future__ import annotations

from typing import Any, ClassVar

from minidl.autograd.basic_ops import Alias
from minidl.autograd.engine import propagate
from minidl.autograd.grad_mode import enable_grad
from minidl.autograd.op import Op
from minidl.autograd.rules import Rule, check_spelling, parameters_of, starred_input
from minidl.autograd.tensorbase import TensorBase

registry: dict[str, type[FusedOp]] = {}


class FusedOp(Op):
    """An op in three methods:

        reference(*inputs)    on Tensors: the definition. For documentation, tests and higher derivatives
        forward(*inputs)      on arrays: the same, fused
        gradient(g, ...)      on arrays: the gradients of all inputs, fused, first order

    If a graph of the gradient is wanted, the engine differentiates `reference` instead. `reference`
    is pure: masks and statistics are its inputs or parameters; it never draws or updates them.
    """

    joint_name = "gradient"
    gradient_needs: ClassVar[tuple[tuple[str, int], ...]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        check_spelling(cls, ("gradient", "reference"))
        complete = cls.forward is not Op.forward    # False for an abstract base class
        if complete:
            cls._check_methods()
        super().__init_subclass__(**kwargs)
        if not complete:
            return
        cls._check_inputs()
        assert cls.joint is not None
        named = [name for name, _ in cls.joint.needs]
        others = tuple((name, i) for i, name in enumerate(cls.input_names) if name not in named)
        cls.gradient_needs = cls.joint.needs
        cls.joint = Rule(cls.gradient, cls.joint.needs + others)  # `reference` needs every input
        registry[cls.__name__] = cls

    @classmethod
    def _check_methods(cls) -> None:
        """Raise TypeError unless the class has the three methods, and no rule that would never be called."""
        for name in ("reference", "gradient"):
            if getattr(cls, name) is getattr(FusedOp, name):
                raise TypeError(f"{cls.__name__}: a FusedOp has a reference, a forward and a gradient, but this one "
                                f"has no {name}; an Op has one rule for each input instead")
        if hasattr(cls, "backward"):
            raise TypeError(f"{cls.__name__}.backward would never be called: the rule of a FusedOp is `gradient`")

    @classmethod
    def _check_inputs(cls) -> None:
        """Raise TypeError unless reference and forward have the same inputs."""
        if starred_input(cls):
            raise TypeError(f"{cls.__name__}: a FusedOp names its inputs one by one, but forward has "
                            f"*{starred_input(cls)}; try an Op with a backward(self, g)")
        meant = parameters_of(cls.reference)[1:]
        if meant != cls.input_names:
            raise TypeError(f"{cls.__name__}: reference and forward must have the same inputs in the same order, since "
                            f"both are handed them by position, but they have ({', '.join(meant)}) and "
                            f"({', '.join(cls.input_names)})")

    def reference(self, *inputs: Any) -> Any:
        """Compute the op by ordinary ops on Tensors."""
        raise NotImplementedError

    def gradient(self, g: Any, *kept: Any) -> Any:
        """Compute the gradients of all inputs, on arrays.

        None stands for an input that has no gradient, or that `self.wanted` does not ask for.
        """
        raise NotImplementedError

    def input_gradients(self, g: Any, graph: bool, wanted: Any) -> list[Any]:
        if self.watched:
            self.check_watched()
        if not graph:
            self.wanted = wanted
            needs = [self.kept_value(name) for name, _ in self.gradient_needs]
            return list(self.checked_gradients(self.gradient(g, *needs)))
        # Aliases, not the inputs themselves: if one input depends on another, differentiating with
        # respect to the inputs would give total derivatives instead of partial derivatives.
        with enable_grad():
            inputs = [self.kept_tensor(name) for name in self.input_names]
            aliases = [alias(x) if isinstance(x, TensorBase) else x for x in inputs]
            out = self.reference(*aliases)
        outputs, gs = (out, g) if type(out) is tuple else ((out,), (g,))
        roots = [(y.edge, gy) for y, gy in zip(outputs, gs) if y.edge is not None and gy is not None]
        targets = [None if edge is None else x.edge for x, edge in zip(aliases, wanted)]
        found = propagate(roots, graph=True, retain=True, targets={edge for edge in targets if edge is not None})
        return [None if edge is None else found.get(edge) for edge in targets]


def alias(x: TensorBase) -> TensorBase:
    """An `Alias` of x that shares the version of x, so that a write into x is detected."""
    y: TensorBase = Alias()(x)
    y.version = x.version
    return y
