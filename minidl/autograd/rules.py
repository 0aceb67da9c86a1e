"""The gradient rules of an op, read from its signatures and checked when the class is made.

A rule that belongs to no input would never be called, and a missing gradient looks like a zero gradient. So mistakes
that can be seen in the class are errors when the class is made. The TypeError says what to rename:

    a rule `grad_y` where `forward(self, x)` has no y            a rule that leaves out `g`
    a rule that names a value that is not kept                   two kinds of rules, so that one would be ignored
    a misspelled `complex_rules`, `backward` or the like

A rule is switched off on purpose by `grad_x = None`.
"""
from __future__ import annotations

import difflib
import dis
import inspect
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any, NamedTuple

OUT = -1      # the position of the output in `Rule.needs`
KEPT = -2     # the position of a value that forward kept

COMPLEX_RULES = (None, "conjugated", "as written")


Needs = tuple[tuple[str, int], ...]
"""The values that a rule needs: (name, position among the inputs, or OUT, or KEPT)."""


class Rule(NamedTuple):
    """The function that computes the gradient of one input, or of all, and the values that it needs."""

    function: Callable[..., Any]
    needs: Needs


InputRule = tuple[int, Callable[..., Any], Needs]
"""The position of an input, and its `Rule`: a plain tuple, which is taken apart faster."""


def parameters_of(function: Any) -> tuple[str, ...]:
    """The names of a function's parameters; `inspect.signature` would slow down the import of every op."""
    code = function.__code__
    starred = bool(code.co_flags & inspect.CO_VARARGS)
    return code.co_varnames[:code.co_argcount] + code.co_varnames[code.co_argcount:code.co_argcount + starred]


def read_inputs(cls: Any) -> tuple[str, ...]:
    """The names of the inputs of `forward`."""
    return parameters_of(_method(cls, "forward"))[1:]


def read_rule(cls: Any, name: str) -> Rule | None:
    """The rule that a class defines or inherits under `name`; None if there is none."""
    method = _method(cls, name)
    if method is None:
        return None
    needs = [(need, cls.input_names.index(need) if need in cls.input_names else OUT if need == "out" else KEPT)
             for need in parameters_of(method)[2:]]
    return Rule(getattr(cls, name), tuple(needs))


def _method(cls: Any, name: str) -> Any:
    """The function of a method, without its decorators; None if there is none.

    Errors: TypeError if it is no method.
    """
    if getattr(cls, name, None) is None:
        return None
    method = next(vars(base)[name] for base in cls.__mro__ if name in vars(base))
    function = inspect.unwrap(method) if isinstance(method, FunctionType) else method
    if not isinstance(function, FunctionType):
        raise TypeError(f"{cls.__name__}.{name}: expected a method, def {name}(self, ...), but got a "
                        f"{type(function).__name__}")
    return function


# ---------------------------------------------------------------------- checks

def check_class(cls: Any, root: type) -> None:
    """Raise TypeError if the rules of an op class are inconsistent. `root` is `Op`, which is not examined."""
    check_spelling(cls, ("forward", "backward", "complex_rules", "is_view", "materialize"))
    if cls.complex_rules not in COMPLEX_RULES:
        raise TypeError(f'{cls.__name__}.complex_rules: expected None, "conjugated" or "as written", but got '
                        f'{cls.complex_rules!r}')
    if cls.joint_name == "backward" and callable(getattr(cls, "gradient", None)):
        raise TypeError(f"{cls.__name__}.gradient is a rule of FusedOps only, so no gradient would pass: derive "
                        f"{cls.__name__} from FusedOp, and say in `reference` what it means, or rename it `backward`")
    rules = [cls.input_names[i] for i, _, _ in cls.rules]
    named = [name for base in cls.__mro__ for name in vars(base)
             if name.startswith("grad_") and callable(getattr(cls, name))]
    for name in named:
        if name[5:] not in rules:
            raise _belongs_to_no_input(cls, name)
    if rules and cls.joint is not None:
        name = f"grad_{rules[0]}"
        raise TypeError(f"{cls.__name__} has the rule {name} and {cls.joint_name}, the rule of all inputs at once, "
                        f"beside which {name} is never called: remove one, or set it to None if it is inherited")
    if starred_input(cls) in rules:
        raise TypeError(f"{cls.__name__}.grad_{starred_input(cls)}: {_call(cls, 'forward')} has any number of inputs: "
                        f"write one rule for all, backward(self, g), which returns a list with a gradient for each")
    if rules and _method(cls, "forward").__defaults__:
        raise TypeError(f"{_call(cls, 'forward')} has an input with a default: an input that is left out has no place "
                        f"among the edges, where its rule looks for one; take the default away, and pass None")
    for name in rules:
        _check_needs(cls, f"grad_{name}", root)
    if cls.joint is not None:
        _check_needs(cls, cls.joint_name, root)


def check_spelling(cls: Any, known: tuple[str, ...]) -> None:
    """Raise TypeError if a class defines a name that is a misspelling of one of the `known` names."""
    for name in vars(cls):
        if name[:1] == "_" or name[:5] == "grad_" or name in known or hasattr(super(cls, cls), name):
            continue
        if any(len(set(name) ^ set(k)) < 3 for k in known):     # difflib is slow
            close = difflib.get_close_matches(name, known, 1, 0.85)
            if close:
                raise TypeError(f"{cls.__name__}.{name} has no effect under this name; did you mean {close[0]}?")


def _belongs_to_no_input(cls: Any, name: str) -> TypeError:
    free = [x for x in cls.input_names if getattr(cls, f"grad_{x}", None) is None]
    meant = difflib.get_close_matches(name[5:], free, 1) or free
    what = f"rename it {' or '.join(f'grad_{x}' for x in meant)}" if meant else "all inputs have a rule"
    return TypeError(f"{cls.__name__}.{name} is the gradient rule of an input '{name[5:]}', but "
                     f"{_call(cls, 'forward')} has none of that name, so it would never be called: {what}. (A method "
                     f"that is no rule must not begin with grad_; an inherited rule is switched off by {name} = None.)")


def _check_needs(cls: Any, name: str, root: type) -> None:
    """Raise TypeError if a rule leaves out `g`, or names a value that is not kept."""
    parameters = parameters_of(_method(cls, name))
    if len(parameters) < 2 or parameters[1] in {"out", *cls.input_names} - {"g"}:
        rest = ", ".join(("self", "g", *parameters[1:]))
        raise TypeError(f"{_call(cls, name)}: behind self, a rule is handed the gradient of the output, g; "
                        f"write {name}({rest})")
    for need in parameters[2:]:
        if need == starred_input(cls):
            raise TypeError(f"{_call(cls, name)} asks for '{need}', which is any number of inputs in "
                            f"{_call(cls, 'forward')}, and they are not kept: put aside what the rule needs of them, "
                            f"self.keep(name=...), and ask for that name")
        if need not in cls.input_names and need != "out":
            codes = _codes_of_forward(cls, root)
            kept = {word for code in codes for word in _kept_in(code)}
            if need not in kept and not any(_may_keep_more(code) for code in codes):
                close = difflib.get_close_matches(need, (*cls.input_names, *kept, "out"), 1)
                raise TypeError(f"{_call(cls, name)} asks for '{need}', but nobody keeps it: it is no input of "
                                f"{_call(cls, 'forward')}, it is not `out`, and neither forward nor a method that it "
                                f"calls says self.keep({need}=...)" + "".join(f"; did you mean '{k}'?" for k in close))


def starred_input(cls: Any) -> str | None:
    """The name of `*xs` among the inputs of `forward`."""
    code = _method(cls, "forward").__code__
    return code.co_varnames[code.co_argcount] if code.co_flags & inspect.CO_VARARGS else None


def _call(cls: Any, name: str) -> str:
    """A method as it is defined: `Mul.forward(self, a, b)`."""
    function = _method(cls, name)
    starred = function.__code__.co_argcount if function.__code__.co_flags & inspect.CO_VARARGS else -1
    parameters = ["*" * (i == starred) + p for i, p in enumerate(parameters_of(function))]
    return f"{cls.__name__}.{name}({', '.join(parameters)})"


# ---------------------------------------------------------------------- what forward keeps

def _codes_of_forward(cls: Any, root: type) -> list[CodeType]:
    """The code of `forward`, of the methods that it calls, and of the functions inside them."""
    codes: list[CodeType] = []
    calls, followed = ["forward"], {"keep"}
    while calls:
        name = calls.pop()
        if name in followed:
            continue
        followed.add(name)
        for base in cls.__mro__[:cls.__mro__.index(root)]:
            function = _function_in(vars(base).get(name))
            if function is not None:
                found = list(_codes(function.__code__))
                words = {word for code in found for word in code.co_names}
                codes += found
                calls += [word for word in words if hasattr(cls, word)]
                if "super" not in words:
                    break
    return codes


def _kept_in(code: CodeType) -> set[str]:
    """The keywords of calls, which are tuples among the constants, in code that calls `keep`."""
    if "keep" not in code.co_names:
        return set()
    return {word for const in code.co_consts if isinstance(const, tuple) for word in const if isinstance(word, str)}


def _may_keep_more(code: CodeType) -> bool:
    """Whether the code may keep values whose names it does not show.

    It may if it calls `keep(**values)`, or gives `self` to another function, which may call `keep`.
    """
    steps = list(dis.get_instructions(code))
    if "keep" in code.co_names and any(step.opname == "CALL_FUNCTION_EX" for step in steps):
        return True
    for step, following in zip(steps, steps[1:]):
        if step.opname.startswith(("LOAD_FAST", "LOAD_DEREF", "STORE_FAST_LOAD_FAST")):
            loaded = step.argval if isinstance(step.argval, tuple) else (step.argval,)   # two, from Python 3.13 on
            read = "ATTR" in following.opname or "METHOD" in following.opname
            if "self" in loaded[:-1] or loaded[-1] == "self" and not read:
                return True
    return False


def _function_in(attribute: Any) -> Any:
    """The Python function of a method, a decorated method or a property; None for anything else."""
    if isinstance(attribute, (staticmethod, classmethod)):
        attribute = attribute.__func__
    elif isinstance(attribute, property):
        attribute = attribute.fget
    attribute = inspect.unwrap(attribute) if callable(attribute) else None
    return attribute if isinstance(attribute, FunctionType) else None


def _codes(code: CodeType) -> Iterator[CodeType]:
    """A function's code, and the code of the functions inside it."""
    yield code
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from _codes(const)
