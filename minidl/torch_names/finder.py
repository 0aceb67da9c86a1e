"""Make `import torch` and `import torchvision` find minidl.

An import asks the finders of `sys.meta_path`, one after the other. `as_torch` puts one in front that answers for these
two names and what is inside them, and for nothing else. A name stands for a module of minidl itself: `torch.nn` is
`minidl.nn`, so classes, `isinstance` and pickles are the same, and a call costs what it costs in minidl. What minidl
has no module for is made of the names in `aliases.py`, when it is first imported.

Only `torch` and `torchvision` are modules of their own, which hold minidl's names: their `__version__` is another.
"""
from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

from minidl import left_out

ROOTS = {"torch": "minidl", "torchvision": "minidl.vision"}
NOTE = "(minidl stands in for PyTorch here: minidl.as_torch)"
_OURS_ALONE = {"backend", "cli", "left_out", "metrics", "neighbors", "ops", "tables", "tensors", "torch_names", "train",
               "vision"}
"""Parts of minidl that are none of `torch`'s."""
_MISSING = object()


class StandIn:
    """What `as_torch` returns: `remove()` undoes it, and so does the end of a `with` block."""

    def __init__(self, finder: _Finder) -> None:
        self._finder = finder

    def remove(self) -> None:
        """Let `import torch` find what is installed again.

        Modules that were imported meanwhile keep what they have. A second call does nothing.
        """
        self._finder.remove()

    def __enter__(self) -> StandIn:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.remove()


def as_torch() -> StandIn:
    """Make `import torch` and `import torchvision` find minidl, in this process, from now on.

    Call it before anything imports PyTorch. It pretends to nothing else: the installer's records do not name PyTorch,
    and a name that minidl lacks is an AttributeError or ImportError that says so. Errors: RuntimeError if the real
    PyTorch is loaded already.

    For example::

        import minidl
        minidl.as_torch()
        import torch
        from torch.nn import functional as F
        print(torch.nn is minidl.nn, torch.Tensor is minidl.Tensor, F.relu is minidl.nn.functional.relu)    # True ...
        print(torch.__version__)    # 2.13.0+minidl
    """
    for finder in sys.meta_path:
        if isinstance(finder, _Finder):
            return StandIn(finder)
    for root in ROOTS:
        if root in sys.modules:
            raise RuntimeError(f"as_torch(): expected a process without PyTorch, but {root} is loaded from "
                               f"{getattr(sys.modules[root], '__file__', None)}; call it before the first import of "
                               f"{root}, or start the program with: python -m minidl run")
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    left_out.set_note(NOTE)
    return StandIn(finder)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds and loads the modules; remembers what it put where, to take it away again."""

    def __init__(self) -> None:
        self.loaded: list[str] = []                         # names in sys.modules
        self.added: list[tuple[ModuleType | type, str, Any]] = []    # names in modules of minidl, what they were before

    # ------------------------------------------------------------------ what the import system calls

    def find_spec(self, fullname: str, path: Sequence[str] | None = None,
                  target: ModuleType | None = None) -> importlib.machinery.ModuleSpec | None:
        """How to load a module; None for what is neither `torch` nor `torchvision`."""
        if fullname.partition(".")[0] not in ROOTS:
            return None
        module = self._module(fullname)
        if module is None:
            # None would send the search on to the folders of minidl, where a second copy of a file might be found
            raise ModuleNotFoundError(_no_module(fullname), name=fullname)
        spec = importlib.machinery.ModuleSpec(fullname, self, is_package=hasattr(module, "__path__"))
        spec.loader_state = module, module.__spec__
        return spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """The module that a name stands for."""
        return spec.loader_state[0]

    def exec_module(self, module: ModuleType) -> None:
        """Add the aliases to a module, which has its names already."""
        spec = module.__spec__
        assert spec is not None
        module.__spec__ = spec.loader_state[1] or spec      # the import has replaced it
        self.loaded.append(spec.name)
        parent, _, last = spec.name.rpartition(".")
        if parent and vars(sys.modules[parent]).get(last) is not module:
            self._note(sys.modules[parent], last)       # the import puts it there when this returns
        added = dict(_aliases().names(spec.name))
        if _aliases().modules_in(spec.name):
            added["__path__"] = []      # else nothing can be imported from inside it
        for name, value in added.items():
            if name not in vars(module):
                self._note(module, name)
                setattr(module, name, value)
        if "__getattr__" not in vars(module):
            self._note(module, "__getattr__")
            root, _, path = spec.name.partition(".")
            left_out.explain(vars(module), f"{ROOTS[root]}.{path}", shown=spec.name)
        if spec.name == "torch":
            for kind, path in _aliases().KNOWN_BY_MODULE.items():
                self._note(kind, "__module__")
                kind.__module__ = path
        if spec.name in ROOTS:      # PyTorch loads what is inside it, too
            for name in _aliases().modules_in(spec.name):
                importlib.import_module(name)

    # ------------------------------------------------------------------ which module

    def _module(self, fullname: str) -> ModuleType | None:
        """The module of minidl that a name stands for, or a new one of aliases; None if there is neither."""
        root, _, path = fullname.partition(".")
        aliases = _aliases()
        if not path:
            return self._root(root)
        if fullname in aliases.MODULES:
            return importlib.import_module(aliases.MODULES[fullname])
        ours = f"{ROOTS[root]}.{path}"
        if not (root == "torch" and path.partition(".")[0] in _OURS_ALONE) and _exists(ours):
            return importlib.import_module(ours)
        if not aliases.has_module(fullname):
            return None
        module = ModuleType(fullname, f"PyTorch's names of this path, as far as minidl has them. {NOTE}")
        module.__path__ = []
        return module

    def _root(self, root: str) -> ModuleType:
        ours = importlib.import_module(ROOTS[root])
        module = ModuleType(root, ours.__doc__)
        module.__path__ = []
        module.__file__ = _aliases().__file__
        vars(module).update({name: value for name, value in vars(ours).items()
                             if not name.startswith("__") and (root, name) not in _hidden()})
        setattr(module, root, module)       # PyTorch has torch.torch, too
        if hasattr(ours, "__all__"):
            module.__all__ = list(ours.__all__)     # type: ignore[attr-defined]
        left_out.explain(vars(module), ROOTS[root], shown=root)
        return module

    # ------------------------------------------------------------------ undoing it

    def _note(self, module: ModuleType | type, name: str) -> None:
        self.added.append((module, name, vars(module).get(name, _MISSING)))

    def remove(self) -> None:
        """Take away the finder and all that it loaded and added."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
            left_out.set_note("")
        for name in self.loaded:
            sys.modules.pop(name, None)
        for module, name, before in reversed(self.added):
            if before is not _MISSING:
                setattr(module, name, before)
            elif name in vars(module):
                delattr(module, name)
        self.loaded, self.added = [], []


def _hidden() -> Iterator[tuple[str, str]]:
    return (("torch", name) for name in _OURS_ALONE)


def _exists(name: str) -> bool:
    """Whether minidl has a module of this name; it is not imported."""
    parent = name.rpartition(".")[0]
    return (not parent or _exists(parent)) and importlib.util.find_spec(name) is not None


def _aliases() -> Any:
    """The module of aliases, which is loaded when something imports `torch`."""
    return importlib.import_module("minidl.torch_names.aliases")


def _no_module(fullname: str) -> str:
    root, _, path = fullname.partition(".")
    parent, _, name = f"{ROOTS[root]}.{path}".rpartition(".")
    return f"No module named {fullname!r}. {left_out.hint_for(parent, name)}".rstrip() + f" {NOTE}"
