"""The part of pickle that PyTorch's files need.

A pickle is a program for a small stack machine. Most of its instructions push a value, some build containers from the
top of the stack. Two are dangerous: they look up a name in any module (GLOBAL) and call it (REDUCE). `run` knows the
instructions that state dicts need. It looks names up in a given table, and calls only what is in that table. A
`Refused` replaces any other name, and all that is made with it. `emit` writes such a program.
"""
from __future__ import annotations

import functools
import pickle
import pickletools
import struct
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from minidl.serialization.files import LoadError, Refused

# ---------------------------------------------------------------------- reading

_CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_VALUES = {"BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE",
           "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BINSTRING", "SHORT_BINSTRING"}
_EMPTY: dict[str, Callable[[], Any]] = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_MAKERS = {"copy_reg._reconstructor", "copyreg._reconstructor"}     # make an object of the class in the arguments


class Callee(NamedTuple):
    """A function that a pickle may call."""

    function: Callable[..., Any]


def run(stream: Any, names: Mapping[str, Any], persistent: Callable[[Any], Any], refused: list[str] | None = None,
        build: Callable[[Any, Any], bool] | None = None) -> Any:
    """The value that a pickle makes. Afterwards the stream is at the pickle's end.

    Args:
        names: the objects that may be looked up, by "module.name"; a `Callee` may be called too.
        persistent: returns the object for a reference to something outside of the pickle.
        refused: a list that gets the names that are not in the table; a `Refused` replaces each in the value. If not
            given, the first such name is an error.
        build: gives an object of a class in the table its state, and returns whether it is one.

    Errors: LoadError for a name that is not in the table, and for instructions that state dicts do not need.
    """
    stack: list[Any] = []
    outer_stacks: list[list[Any]] = []     # the stacks under each mark
    memo: dict[int, Any] = {}

    def since_mark() -> list[Any]:
        nonlocal stack
        items, stack = stack, outer_stacks.pop()
        return items

    def look_up(module: str, name: str) -> Any:
        full = f"{require_type(module, str)}.{require_type(name, str)}"
        return names[full] if full in names else refuse(full)

    def refuse(name: str) -> Refused:
        if refused is None:
            raise refusal(name)
        refused.append(name)
        return Refused(name)

    argument: Any
    for opcode, argument, _ in pickletools.genops(stream):
        name = opcode.name
        if name in _VALUES:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            stack.append(_EMPTY[name]())
        elif name in ("BINPUT", "LONG_BINPUT"):
            memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif name == "MARK":
            outer_stacks.append(stack)
            stack = []
        elif name == "TUPLE":
            items = since_mark()
            stack.append(tuple(items))
        elif name in _TUPLES:
            items = stack[-_TUPLES[name]:]
            stack[-_TUPLES[name]:] = [tuple(items)]
        elif name == "APPEND":
            item = stack.pop()
            list_in(stack[-1]).append(item)
        elif name in ("APPENDS", "ADDITEMS"):
            items = since_mark()
            list_in(stack[-1]).extend(items)
        elif name == "SETITEM":
            value, key = stack.pop(), stack.pop()
            set_items(stack[-1], [key, value])
        elif name == "SETITEMS":
            items = since_mark()
            set_items(stack[-1], items)
        elif name == "EMPTY_SET" and refused is not None:
            stack.append(refuse("__builtin__.set"))    # its name in protocol 2, which has no such instruction
        elif name == "FROZENSET" and refused is not None:
            items = since_mark()
            stack.append(refuse("__builtin__.frozenset"))
            stack[-1].contents = items
        elif name == "GLOBAL":
            stack.append(look_up(*argument.split(" ", 1)))
        elif name == "STACK_GLOBAL":
            name, module = stack.pop(), stack.pop()
            stack.append(look_up(module, name))
        elif name == "REDUCE":
            arguments, callee = stack.pop(), stack.pop()
            stack.append(call(callee, require_type(arguments, tuple)))
        elif name == "NEWOBJ" and isinstance(stack[-2], Refused):
            arguments, kind = stack.pop(), stack.pop()
            stack.append(Refused(kind.name, arguments))
        elif name == "NEWOBJ" and isinstance(stack[-2], Callee) and isinstance(stack[-2].function, type):
            arguments, kind = require_type(stack.pop(), tuple), stack.pop()
            stack.append(call(Callee(functools.partial(kind.function.__new__, kind.function)), arguments))
        elif name == "BUILD":
            state = stack.pop()
            if isinstance(stack[-1], Refused):
                stack[-1].state = state
            elif build is None or not build(stack[-1], state):
                keep_versions(require_type(stack[-1], OrderedDict), state)
        elif name == "BINPERSID":
            stack.append(persistent(stack.pop()))
        elif name not in ("PROTO", "FRAME", "STOP"):
            raise LoadError(f"refuses the pickle instruction {name}, which state dicts do not need")
    result, = stack
    return result


def refusal(name: str) -> LoadError:
    """The error for a name that is not in the table."""
    return LoadError(f"refuses `{name}`: a state dict holds tensors and plain containers only, and a pickle that asks "
                     f"for anything else could run any code. What you trust may be named before: "
                     f"minidl.serialization.add_safe_globals([{name.split('.')[-1]}])")


def call(callee: Any, arguments: tuple[Any, ...]) -> Any:
    """The result of a call; a `Refused` if the callee or an argument is one."""
    parts = [part for part in (callee, *arguments) if isinstance(part, Refused)]
    if not parts:
        return require_type(callee, Callee).function(*arguments)
    return Refused(parts[1 if parts[0].name in _MAKERS and len(parts) > 1 else 0].name, arguments)


def list_in(container: Any) -> list[Any]:
    """The list to put items into. Errors: LoadError unless the container is a list."""
    return container.contents if isinstance(container, Refused) else require_type(container, list)


def set_items(container: Any, items: list[Any]) -> None:
    """Put alternating keys and values into a dict. Errors: LoadError unless it is one."""
    pairs = zip(items[::2], items[1::2])
    if isinstance(container, Refused):
        container.contents.extend(pairs)
    else:
        require_type(container, dict).update((checked_key(key), value) for key, value in pairs)


def keep_versions(state_dict: OrderedDict[Any, Any], attributes: Any) -> None:
    """Keep the layout versions of modules, if a state dict has them; other attributes are ignored."""
    versions = attributes.get("_metadata") if isinstance(attributes, dict) else None
    if isinstance(versions, dict) and all(isinstance(each, dict) for each in versions.values()):
        state_dict._metadata = versions     # type: ignore[attr-defined]


def require_type(value: Any, kind: type) -> Any:
    """`value`, if it is of this kind. Errors: LoadError if not."""
    if not isinstance(value, kind):
        raise LoadError(f"refuses to treat a {type(value).__name__} as a {kind.__name__}")
    return value


def checked_key(key: Any) -> Any:
    """The key of a dict: a plain value, or a tuple of them. Errors: LoadError.

    Nested tuples could be built so that hashing a few bytes takes years.
    """
    for part in key if isinstance(key, tuple) else (key,):
        if part is not None and not isinstance(part, (str, bytes, int, float, Refused)):
            raise LoadError(f"refuses a {type(part).__name__} in a key of a dict")
    return key


# ---------------------------------------------------------------------- writing

class Name(NamedTuple):
    """A name to look up when the pickle is read."""

    module: str
    name: str


class Call(NamedTuple):
    """A call to make when the pickle is read."""

    callee: Name
    arguments: tuple[Any, ...]


class Persistent(NamedTuple):
    """A reference to something outside of the pickle."""

    reference: Any


ORDERED_DICT = Name("collections", "OrderedDict")


def emit(value: Any, replace: Callable[[Any, str], Any], path: str = "obj") -> bytes:
    """The pickle of nested plain containers. `replace(value, path)` turns other objects into Calls and the like."""
    return b"\x80\x02" + b"".join(_instructions(value, replace, path)) + pickle.STOP


def _instructions(value: Any, replace: Callable[[Any, str], Any], path: str) -> Iterator[bytes]:
    def marked(parts: Any) -> Iterator[bytes]:
        yield pickle.MARK
        for name, part in parts:
            yield from _instructions(part, replace, f"{path}{name}")

    def pairs(items: Any) -> Iterator[bytes]:
        yield pickle.MARK
        for key, part in items:
            yield from _instructions(key, replace, f"the key {key!r} of {path}")
            yield from _instructions(part, replace, f"{path}[{key!r}]")
        yield pickle.SETITEMS

    def numbered(parts: Any) -> Any:
        return ((f"[{i}]", part) for i, part in enumerate(parts))

    kind = type(value)
    if value is None:
        yield pickle.NONE
    elif isinstance(value, bool):
        yield pickle.NEWTRUE if value else pickle.NEWFALSE
    elif isinstance(value, int) and not isinstance(value, np.generic):
        digits = pickle.encode_long(int(value))
        yield pickle.LONG1 + bytes([len(digits)]) + digits      # no more than 255 of them
    elif isinstance(value, float) and not isinstance(value, np.generic):
        yield pickle.BINFLOAT + struct.pack(">d", value)
    elif isinstance(value, str):
        text = value.encode("utf-8", "surrogatepass")
        yield pickle.BINUNICODE + struct.pack("<I", len(text)) + text
    elif isinstance(value, bytes):
        yield from _instructions(Call(Name("_codecs", "encode"), (value.decode("latin1"), "latin1")), replace, path)
    elif kind is dict:
        yield pickle.EMPTY_DICT
        yield from pairs(value.items())
    elif kind is OrderedDict:
        yield from _instructions(Call(ORDERED_DICT, ()), replace, path)
        yield from pairs(value.items())
        if isinstance(versions := getattr(value, "_metadata", None), dict):     # of a state dict
            yield from _instructions({"_metadata": versions}, replace, f"{path}._metadata")
            yield pickle.BUILD
    elif kind is Counter:
        yield from _instructions(Call(Name("collections", "Counter"), (dict(value),)), replace, path)
    elif kind is list:
        yield pickle.EMPTY_LIST
        yield from marked(numbered(value))
        yield pickle.APPENDS
    elif kind is tuple:
        yield from marked(numbered(value))
        yield pickle.TUPLE
    elif kind is Name:
        yield pickle.GLOBAL + f"{value.module}\n{value.name}\n".encode()
    elif kind is Call:
        yield from _instructions(value.callee, replace, path)
        yield from _instructions(value.arguments, replace, path)
        yield pickle.REDUCE
    elif kind is Persistent:
        yield from _instructions(value.reference, replace, path)
        yield pickle.BINPERSID
    else:
        yield from _instructions(replace(value, path), replace, path)
