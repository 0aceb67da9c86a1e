"""Every public name of PyTorch, with minidl's or the reason why there is none, as a page of docs.

    python -m tests.torch_names.page            # writes docs/torch_names.md
    python -m tests.torch_names.page --names    # writes names.txt from the PyTorch that is installed
"""
from __future__ import annotations

import importlib
import inspect
import sys
import textwrap
from collections import defaultdict
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import minidl
from minidl.left_out import LEFT_OUT, pattern_for
from minidl.torch_names import aliases

HERE = Path(__file__).parent
NAMES = HERE / "names.txt"
PAGE = HERE.parent.parent / "docs" / "torch_names.md"
MODULES = """torch torch.Tensor torch.__config__ torch.amp torch.autograd torch.autograd.forward_ad
    torch.autograd.functional torch.autograd.graph torch.autograd.profiler torch.backends torch.backends.cuda
    torch.backends.cudnn
    torch.backends.mkldnn torch.backends.mps torch.backends.opt_einsum torch.compiler torch.cpu torch.cuda
    torch.cuda.amp torch.distributed torch.distributions torch.distributions.constraints
    torch.distributions.transforms torch.export torch.fft torch.func torch.futures torch.fx torch.hub torch.jit
    torch.library torch.linalg torch.masked torch.monitor torch.mps torch.multiprocessing torch.nested torch.nn
    torch.nn.attention torch.nn.functional torch.nn.init torch.nn.modules torch.nn.parallel torch.nn.parameter
    torch.nn.utils torch.nn.utils.parametrizations torch.nn.utils.parametrize torch.nn.utils.prune torch.nn.utils.rnn
    torch.onnx torch.optim torch.optim.lr_scheduler torch.optim.swa_utils torch.overrides torch.package torch.profiler
    torch.random torch.signal.windows torch.sparse torch.special torch.testing torch.types torch.utils
    torch.utils.checkpoint torch.utils.cpp_extension torch.utils.data torch.utils.data.distributed torch.utils.dlpack
    torch.utils.hooks torch.utils.model_zoo torch.version torch.xpu""".split()


def public_names(path: str) -> list[str]:
    """The public names of a module, or of Tensor, of the PyTorch that is installed."""
    module, _, name = path.rpartition(".") if path == "torch.Tensor" else (path, "", "")
    space: Any = importlib.import_module(module)
    space = getattr(space, name) if name else space
    names = getattr(space, "__all__", None) if path not in ("torch", "torch.Tensor") else None
    if names is None:
        names = [name for name in dir(space) if path == "torch.Tensor" or _is_its_own(space, name)]
    return sorted({name for name in names if not name.startswith("_") and name != "TYPE_CHECKING"
                   and (name != "Tensor" or path == "torch")})


def _is_its_own(space: Any, name: str) -> bool:
    value = getattr(space, name)
    if inspect.ismodule(value):
        return value.__name__ == f"{space.__name__}.{name}"
    module = getattr(value, "__module__", None) or ""
    return not module or module.startswith("torch")


def stored_names() -> dict[str, list[str]]:
    """The names by module, as `names.txt` keeps them."""
    found: dict[str, list[str]] = {}
    for line in NAMES.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith((" ", "#")):
            names = found[line] = []
        elif line and not line.startswith("#"):
            names += line.split()
    return found


REASONS = {
    "the build of PyTorch": """torch.PRIVATE_OPS torch.USE_* torch.has_* torch.cpp torch.classes torch.utils.cmake_*
        torch.utils.cpp_extension.* torch.utils.*privateuse1* torch.utils.get_cpp_backtrace
        torch.utils.ThroughputBenchmark
        torch.Tensor.is_maia torch.Tensor.is_mtia""",
    "one process, one device at a time": "torch.AVG torch.SUM torch.nn.parallel.*",
    "compiling, tracing, exporting: a program runs as it is written": """torch.compiler.* torch.fx.* torch.jit.*
        torch.overrides.* torch.testing.FileCheck""",
    "a registry of operators: `library.custom_op` makes a function": "torch.library.*",
    "kernels of one library or device: the functions of the same name without it are what they are for":
        "torch.nn.attention.*",
    "what is kept for backward is arrays; `utils.checkpoint` saves memory, `autograd.graph.saved_tensors_hooks` packs":
        "torch.utils.checkpoint.*",
    "what is deprecated in PyTorch, or an error there": """torch.nn.modules.Container torch.nn.modules.NLLLoss2d
        torch.nn.modules.CrossMapLRN2d torch.Tensor.volatile torch.Tensor.name
        torch.testing.assert_allclose""",
    "parts of PyTorch's exporter: `onnx.export` writes a file, and `onnx.load` reads one": "torch.onnx.*",
    "PyTorch's own helpers, which show in its namespaces": """torch.default_generator torch.windows torch.Tensor.*
        torch.linalg.common_notes torch.nn.functional.* torch.nn.modules.* torch.nn.parameter.* torch.random.*
        torch.testing.make_tensor torch.utils.*""",
}
"""Reasons beside those of `left_out`, which speaks of fewer modules: patterns of full names by reason."""


def reason(path: str, name: str) -> str:
    """Why PyTorch's name is not in minidl; "" if nothing says so."""
    inner = path.removeprefix("torch").removeprefix(".")
    parts = [*inner.split(".")] if inner else []
    tries = [(inner, name), *[(".".join(parts[:i]), parts[i]) for i in range(len(parts) - 1, -1, -1)]]
    for space, last in tries:
        pattern = pattern_for(space, last)
        if pattern:
            return next(why for why, names in LEFT_OUT.items() if pattern in names.split())
    return next((why for why, patterns in REASONS.items()
                 if any(fnmatchcase(f"{path}.{name}", pattern) for pattern in patterns.split())), "")


def sort_names() -> dict[str, dict[str, list[str]]]:
    """The names by module, and by what is said of them."""
    found: dict[str, dict[str, list[str]]] = {}
    for path, names in stored_names().items():
        found[path] = defaultdict(list)
        for name in names:
            found[path][status(path, name)].append(name)
    return found


HERE_TOO = "here"
ONLY_UNDER_TORCH = "under the name `torch` only, see torch_names/aliases.py"


def status(path: str, name: str) -> str:
    """What is said of one name."""
    space: Any = minidl
    try:
        for part in path.split(".")[1:]:
            inner = f"{space.__name__}.{part}"
            space = getattr(space, part) if hasattr(space, part) else importlib.import_module(inner)
    except (ImportError, AttributeError):
        space = None
    if space is not None and hasattr(space, name):
        return HERE_TOO
    known = aliases.names(path)
    if name in known or aliases.has_module(f"{path}.{name}"):
        return ONLY_UNDER_TORCH
    if path in aliases.MODULES and hasattr(importlib.import_module(aliases.MODULES[path]), name):
        return ONLY_UNDER_TORCH
    return reason(path, name)


def page() -> str:
    """The text of docs/torch_names.md."""
    parts = []
    found = sort_names()
    total = sum(len(names) for kinds in found.values() for names in kinds.values())
    here = sum(len(kinds[HERE_TOO]) for kinds in found.values())
    parts.append(textwrap.fill(
        f"Every public name of PyTorch {aliases.API}, and whether minidl has it under the same path: {here:,} of "
        f"{total:,}. The other names stand with the reason, which is also what the error says when one is asked for. "
        f"[Running PyTorch programs](pytorch_programs.md) says how a program finds them as `torch`. This page is "
        f"written by `python -m tests.torch_names.page`; a test fails if it is out of date.", 118))
    for path, kinds in found.items():
        parts.append(f"## {path}")
        for kind in sorted(kinds, key=lambda kind: (kind != HERE_TOO, kind != ONLY_UNDER_TORCH, kind)):
            listed = ", ".join(f"`{name}`" for name in kinds[kind])
            lead = {HERE_TOO: "Here", ONLY_UNDER_TORCH: "Under the name `torch` only"}.get(kind, f"Left out: {kind}")
            parts.append(textwrap.fill(f"- **{lead}**: {listed}", 118, subsequent_indent="  ", break_long_words=False,
                                       break_on_hyphens=False))
    return "# PyTorch's names\n\n" + "\n\n".join(parts) + "\n"


def write_names() -> None:
    """Write names.txt."""
    text = ["# The public names of PyTorch 2.13.0, by module: written by `python -m tests.torch_names.page --names`"]
    for path in MODULES:
        text += ["", path, textwrap.fill(" ".join(public_names(path)), 118, initial_indent=" ", subsequent_indent=" ",
                                         break_long_words=False, break_on_hyphens=False)]
    NAMES.write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if "--names" in sys.argv:
        write_names()
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(HERE.parent.parent)}")
