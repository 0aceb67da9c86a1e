"""What is public, what holds it in check, and the page of docs that says so.

    python -m tests.public_functions        # writes docs/functions.md

A function counts as checked by a case of a table if the case calls it: that is observed while the cases run, not
declared. What has no such table (creation, random numbers, inquiries) is listed in `ELSEWHERE` with the file that tests
it.
"""
from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
import re
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np

import minidl
from minidl.left_out import LEFT_OUT, pattern_for
from minidl.nn import functional
from tests.checking import as_leaf, build, leaves, tensors, torch

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "functions.md"
SPACES = {"minidl": minidl, "minidl.nn.functional": functional, "minidl.linalg": minidl.linalg,
          "minidl.special": minidl.special, "minidl.fft": minidl.fft}
COMPARED = ["", "Tensor", "nn", "nn.functional", "nn.init", "nn.utils", "optim", "optim.lr_scheduler", "linalg",
            "special", "fft", "func", "autograd", "autograd.functional", "autograd.profiler",
            "autograd.graph", "profiler", "utils.data", "amp", "cuda", "backends", "random", "hub", "sparse",
            "distributed"]
"""The namespaces of PyTorch of which everything is here, or is left out for a reason."""

ELSEWHERE = {
    "tests/backend/cpu/test_threads.py": "set_num_threads get_num_threads",
    "tests/tensors/test_creation.py": """
        bernoulli normal rand rand_like randint randint_like randn randn_like randperm manual_seed seed initial_seed
        get_rng_state set_rng_state get_printoptions set_printoptions""",
    "tests/backends/test_settings.py": """
        use_deterministic_algorithms are_deterministic_algorithms_enabled set_deterministic_debug_mode
        get_deterministic_debug_mode is_deterministic_algorithms_warn_only_enabled set_float32_matmul_precision
        get_float32_matmul_precision set_flush_denormal set_warn_always is_warn_always_enabled set_anomaly_enabled
        is_anomaly_enabled is_anomaly_check_nan_enabled set_default_device
        get_default_device typename to_dlpack""",
    "tests/ops/sparse/test_sparse_tensor.py": """
        sparse_coo_tensor sparse_csr_tensor sparse_csc_tensor sparse_bsr_tensor sparse_bsc_tensor
        sparse_compressed_tensor indices values crow_indices ccol_indices col_indices row_indices coalesce is_coalesced
        sparse_dim dense_dim""",
    "tests/ops/sparse/test_arithmetic.py": "hspmm smm dsmm sparse_mask to_sparse_csc to_sparse_bsr to_sparse_bsc",
    "tests/ops/random/test_draw.py": "binomial multinomial poisson",
    "tests/ops/torch_names/test_dispatcher.py": "feature_dropout_",
    "tests/ops/random/test_dropouts.py": """
        dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout""",
    "tests/ops/activation/test_gumbel.py": "gumbel_softmax",
    "tests/ops/activation/test_random_relu.py": """
        rrelu_ relu_ celu_ elu_ hardtanh_ leaky_relu_ selu_ threshold_""",
    "tests/tensors/test_in_place.py": """
        alpha_dropout_ dropout_ feature_alpha_dropout_ detach_ resize_as_ fill_ index_put_ zero_""",
    "tests/ops/base/test_conversion.py": "get_default_dtype set_default_dtype",
    "tests/test_func.py": "vmap",
    "tests/amp/test_amp.py": "get_autocast_dtype is_autocast_available is_autocast_enabled",
    "tests/serialization/test_interface.py": "save load",
    "tests/tensors/test_storage.py": "untyped_storage",
    "tests/torch_names/test_compiling.py": "compile",
    "tests/torch_names/test_finder.py": "as_torch",
    "tests/autograd/test_engine.py": "is_grad_enabled is_inference_mode_enabled",
}
"""What the battery does not fit, random numbers for instance: the file that tests it."""

def public() -> dict[str, dict[str, Any]]:
    """Every public function, by namespace and name; aliases are listed under each name."""
    found: dict[str, dict[str, Any]] = {}
    for space, module in SPACES.items():
        found[space] = {name: value for name, value in vars(module).items()
                        if inspect.isfunction(value) and not name.startswith("_")
                        and value.__module__.startswith("minidl")}
    functions = {name for space in found.values() for name in space}
    found["minidl.Tensor"] = {name: value for name, value in inspect.getmembers(minidl.Tensor, inspect.isfunction)
                              if not name.startswith("_") and name not in functions}
    return found


def left_out() -> dict[str, list[str]]:
    """What PyTorch has and minidl has not, by the pattern of `LEFT_OUT` that says why; under "" where none does."""
    found: dict[str, list[str]] = {pattern: [] for names in LEFT_OUT.values() for pattern in names.split()}
    found[""] = []
    for path in COMPARED:
        ours, theirs = (functools.reduce(getattr, path.split(".") if path else [], lib) for lib in (minidl, torch))
        for name in sorted({*dir(theirs), *submodules(theirs)}):
            if of_pytorch(theirs, name) and not hasattr(ours, name):
                found[pattern_for(path, name)].append(f"{path}.{name}".lstrip("."))
    return found


def submodules(space: Any) -> list[str]:
    """The modules inside a package, imported or not: which are depends on the tests that ran before."""
    return [module.name for module in pkgutil.iter_modules(getattr(space, "__path__", ()))]


def of_pytorch(space: Any, name: str) -> bool:
    """Whether a name in a namespace of PyTorch is one of its own: not private, nor what it imports."""
    if name.startswith("_") or name in submodules(space):
        return not name.startswith("_")
    value = getattr(space, name)
    if inspect.ismodule(value) or space is not torch and getattr(torch, name, None) is value:
        return False
    if space is not torch and hasattr(space, "__all__"):
        return name in space.__all__
    return (value.__module__.startswith("torch") if inspect.isclass(value) else
            callable(value) or isinstance(value, (torch.dtype, torch.layout, torch.memory_format, torch.qscheme)))


def tables() -> list[str]:
    """The modules that may have a table: those of tests/ops, in its families' folders, too, and one of new tensors."""
    files = [*sorted((ROOT / "tests" / "ops").rglob("test_*.py")), ROOT / "tests" / "tensors" / "test_against_torch.py"]
    paths = [path.relative_to(ROOT).with_suffix("") for path in files]
    return [".".join(path.parts) for path in paths if path.stem != "test_registry"]


def cases() -> list[tuple[str, Any]]:
    """(file, case) for every case of every table."""
    return [(name.replace(".", "/") + ".py", case) for name in tables()
            for case in getattr(importlib.import_module(name), "CASES", [])]


def checks() -> dict[Any, dict[str, Any]]:
    """For the code of every function that a case calls directly: how it is checked, and where."""
    found: dict[Any, dict[str, Any]] = {}
    known = {code_of(function) for functions in public().values() for function in functions.values()}
    for file, case in cases():
        codes, differentiable = called(case)
        codes &= known
        if len(codes) > 6:   # a case about something else, such as the names of arguments
            continue
        for code in codes:
            entry = found.setdefault(code, {"files": set(), "oracles": set(), "grad": False, "gradgrad": False,
                                            "dtypes": set(), "samples": 0})
            entry["files"].add(file)
            entry["samples"] += len(case.samples) if case.torch is not None else 0
            entry["dtypes"] |= dtypes_of(case)
            entry["grad"] |= differentiable and case.grad
            entry["gradgrad"] |= differentiable and case.grad and case.gradgrad
            if case.oracle is not None:
                entry["oracles"].add("NumPy")
            if case.torch is not None:
                entry["oracles"].add("PyTorch")
    return found


def dtypes_of(case: Any) -> set[str]:
    """The dtypes of the tensors in a case's samples. The battery runs a floating one in both precisions."""
    found = {"float16"} if case.float16 else set()
    for sample in case.samples:
        for x in leaves([sample.args, list(sample.kwargs.values())]):
            if isinstance(x, np.ndarray):
                found |= {"float32", "float64"} if x.dtype.kind == "f" else \
                    {"complex64", "complex128"} if x.dtype.kind == "c" else {str(x.dtype)}
    return found


def code_of(function: Any) -> Any:
    """What tells a function from others, also from those that one factory made: its code, and what it closes over."""
    function = inspect.unwrap(function)
    return function.__code__, tuple([id(cell.cell_contents) for cell in function.__closure__ or ()])


def called(case: Any) -> tuple[set[Any], bool]:
    """The code objects that the case's function is, or calls from the test file, perhaps as a method; and whether
    its results have a gradient."""
    codes, differentiable = set(), False

    def watch(frame: Any, event: str, _: Any) -> None:
        caller = frame.f_back
        while caller is not None and Path(caller.f_code.co_filename).stem in FRONTS:
            caller = caller.f_back   # a method, or the decorator of public functions
        if event == "call" and caller is not None and (ROOT / "tests") in Path(caller.f_code.co_filename).parents:
            code, names = frame.f_code, frame.f_code.co_freevars
            codes.add((code, tuple([id(frame.f_locals[name]) for name in names]) if names else ()))

    for sample in case.samples[:2]:
        args, kwargs = build(sample, as_leaf)
        sys.setprofile(watch)
        try:
            out = case.fn(*args, **kwargs)
        finally:
            sys.setprofile(None)
        differentiable |= any(t.requires_grad for t in tensors(out))
    return codes, differentiable


FRONTS = ("tensor", "methods", "declaration", "packed")
"""Files whose functions stand in front of others: methods, what is declared of public functions, the two forms of
recurrent ones."""


def elsewhere() -> dict[str, str]:
    return {name: file for file, names in ELSEWHERE.items() for name in names.split()}


def wrapped(text: str, indent: str = "") -> list[str]:
    """Lines of prose; those after the first are indented."""
    return textwrap.wrap(text, 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


PURPOSE = """Every public function, and what holds it in check. *Values*: the oracles that its results are compared
with; NumPy stands for NumPy, SciPy or naive loops. *Order 1* and *order 2*: its gradients, and the gradients of
those, agree with finite differences in float64 (and with PyTorch's). Every function is also checked to leave its
inputs alone, to keep float32 as float32, to give the same from strided memory, and to run on a stand-in for a GPU
array. This page is written by `python -m tests.public_functions` from what the tests do; a test fails if it is out of
date, or if a function is in no table."""


def page() -> str:
    """The text of docs/functions.md."""
    known, by_hand = checks(), elsewhere()
    lines = [
        "# Functions",
        "",
        *wrapped(PURPOSE),
    ]
    for space, functions in public().items():
        lines += ["", f"## {space}", "", f"As in `{space.replace('minidl', 'torch')}`." if space != "minidl.Tensor" else
                  "The methods that are no functions, too.", "",
                  "| function | values | order 1 | order 2 | dtypes | tests |", "|---|---|---|---|---|---|"]
        for name, function in sorted(functions.items()):
            entry = known.get(code_of(function))
            if entry is None:
                lines.append(f"| `{name}` | by hand | | | | {by_hand.get(name) or mentioned(name)} |")
                continue
            dtypes = ", ".join(sorted(entry["dtypes"], key=lambda name: ("bui".find(name[0]) + 9, name)))
            lines.append(f"| `{name}` | {', '.join(sorted(entry['oracles']))} | {'yes' if entry['grad'] else ''} | "
                         f"{'yes' if entry['gradgrad'] else ''} | {dtypes} | {', '.join(sorted(entry['files']))} |")
    lines += ["", "## Left out", "", "What PyTorch has and minidl has not, on purpose.", ""]
    for reason, names in LEFT_OUT.items():
        lines += wrapped(f"- **{reason}**: {', '.join(f'`{name}`' for name in names.split())}", indent="  ")
    return "\n".join(lines) + "\n"


def unchecked() -> list[str]:
    """Public functions that no table calls and no file is named for."""
    known, by_hand = checks(), elsewhere()
    return [f"{space}.{name}" for space, functions in public().items() for name, function in functions.items()
            if code_of(function) not in known and name not in by_hand
            and not (space == "minidl.Tensor" and mentioned(name))]


def mentioned(method: str) -> str:
    """The first test file that calls a method of that name, or holds it in a string.

    What writes in place is found by its underscore.
    """
    if method.endswith("_"):
        return "tests/tensors/test_in_place.py"
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if re.search(rf"\.{method}\(|\"{method}\"", path.read_text(encoding="utf-8")):
            return path.relative_to(ROOT).as_posix()
    return ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print("wrote", PAGE.relative_to(ROOT))
    for name in unchecked():
        print("unchecked:", name)
