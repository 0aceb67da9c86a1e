"""What is public, what holds it in check, and the page of docs that says so.

    python -m tests.public_functions        # writes docs/functions.md

A function counts as checked by a case of `tests/ops` if the case calls it: that is observed while the cases run, not
declared. What has no such table (creation, random numbers, inquiries) is listed in `ELSEWHERE` with the file that tests it.
"""
from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path
from typing import Any

import minidl
from minidl.nn import functional
from tests.checking import as_leaf, build, tensors

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "functions.md"
SPACES = {"minidl": minidl, "minidl.nn.functional": functional, "minidl.linalg": minidl.linalg,
          "minidl.special": minidl.special} if hasattr(minidl, "special") else {}
TORCH = {"minidl": "torch", "minidl.nn.functional": "torch.nn.functional", "minidl.linalg": "torch.linalg",
         "minidl.special": "torch.special"}

ELSEWHERE = {
    "tests/test_creation.py": """
        arange as_tensor bernoulli empty empty_like eye from_dlpack from_numpy frombuffer full full_like linspace logspace
        normal ones ones_like rand rand_like randint randint_like randn randn_like randperm scalar_tensor tensor zeros
        zeros_like manual_seed seed initial_seed get_rng_state set_rng_state get_printoptions set_printoptions""",
    "tests/ops/test_draw.py": "multinomial poisson",
    "tests/ops/test_dropout.py": """
        dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout""",
    "tests/ops/test_gumbel.py": "gumbel_softmax",
    "tests/ops/test_rrelu.py": """
        rrelu rrelu_ relu_ celu_ elu_ hardtanh_ leaky_relu_ selu_ threshold_""",
    "tests/ops/test_bits.py": "is_complex is_floating_point is_nonzero is_tensor numel can_cast result_type",
    "tests/ops/test_elementwise.py": "allclose equal",
    "tests/ops/test_index.py": "index_put unique",
    "tests/ops/test_cast.py": "get_default_dtype set_default_dtype promote_types",
    "tests/test_func.py": "vmap",
    "tests/autograd/test_engine.py": "is_grad_enabled is_inference_mode_enabled",
}
"""What the battery does not fit, random numbers for instance: the file that tests it."""

OMITTED = {
    "complex numbers, and transforms that need them": """
        complex polar real imag angle conj resolve_conj view_as_real view_as_complex adjoint fft stft istft hann_window
        hamming_window blackman_window bartlett_window kaiser_window linalg.eig linalg.eigvals""",
    "sparse and quantised tensors": "sparse_coo_tensor sparse_csr_tensor quantize_per_tensor dequantize fake_quantize_per_tensor_affine",
    "recurrent steps: they come as modules": "rnn_tanh rnn_relu lstm lstm_cell gru gru_cell",
    "saving: it comes with the format for weights": "save load",
    "out= as an argument; write `t[...] = f(x)`, or use the in-place method": "out=",
    "in-place functions beside in-place methods: `x.exp_()`, not `exp_(x)`": "abs_ exp_ log_ sqrt_ tanh_ clamp_",
    "copies and scatters of views, which a slice does: `y = x.clone(); y[i] = v`": """
        slice_scatter select_scatter diagonal_scatter as_strided_scatter view_copy split_copy""",
    "factorisations that solve() and the others stand for": """
        lu lu_solve lu_unpack geqrf ormqr orgqr triangular_solve lobpcg svd_lowrank pca_lowrank linalg.ldl_factor
        linalg.householder_product linalg.inv_ex linalg.cholesky_ex linalg.solve_ex""",
    "functions of mathematical physics": """
        special.bessel_j0 special.airy_ai special.chebyshev_polynomial_t special.hermite_polynomial_h
        special.legendre_polynomial_p igamma igammac""",
    "compiling, exporting and threads": "compile jit export set_num_threads use_deterministic_algorithms autocast",
    "deprecated in PyTorch": "range symeig eig lstsq matrix_rank solve row_stack nuclear_norm frobenius_norm",
}


def public() -> dict[str, dict[str, Any]]:
    """Every public function, by namespace and name; aliases are listed under each name."""
    found: dict[str, dict[str, Any]] = {}
    for space, module in SPACES.items():
        found[space] = {name: value for name, value in vars(module).items()
                        if inspect.isfunction(value) and not name.startswith("_")
                        and value.__module__.startswith("minidl")}
    return found


def cases() -> list[tuple[str, Any]]:
    """(file, case) for every case of every table."""
    found = []
    for path in sorted((ROOT / "tests" / "ops").glob("test_*.py")):
        if path.stem != "test_registry":
            table = importlib.import_module(f"tests.ops.{path.stem}")
            found += [(f"tests/ops/{path.name}", case) for case in getattr(table, "CASES", [])]
    return found


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
                                            "float16": False, "samples": 0})
            entry["files"].add(file)
            entry["samples"] += len(case.samples)
            entry["grad"] |= differentiable and case.grad
            entry["gradgrad"] |= differentiable and case.grad and case.gradgrad
            entry["float16"] |= case.float16
            if case.oracle is not None:
                entry["oracles"].add("NumPy")
            if case.torch is not None:
                entry["oracles"].add("PyTorch")
    return found


def code_of(function: Any) -> Any:
    return inspect.unwrap(function).__code__


def called(case: Any) -> tuple[set[Any], bool]:
    """The code objects that the case's function is, or calls from the test file, perhaps as a method; and whether
    its results have a gradient."""
    codes, differentiable = set(), False

    def watch(frame: Any, event: str, _: Any) -> None:
        caller = frame.f_back
        while caller is not None and Path(caller.f_code.co_filename).stem in ("tensor", "methods", "dims"):
            caller = caller.f_back   # a method, or the decorator that renames arguments
        if event == "call" and caller is not None and (ROOT / "tests") in Path(caller.f_code.co_filename).parents:
            codes.add(frame.f_code)

    for sample in case.samples[:2]:
        args, kwargs = build(sample, as_leaf)
        sys.setprofile(watch)
        try:
            out = case.fn(*args, **kwargs)
        finally:
            sys.setprofile(None)
        differentiable |= any(t.requires_grad for t in tensors(out))
    return codes, differentiable


def elsewhere() -> dict[str, str]:
    return {name: file for file, names in ELSEWHERE.items() for name in names.split()}


def page() -> str:
    """The text of docs/functions.md."""
    known, by_hand = checks(), elsewhere()
    lines = [
        "# Functions",
        "",
        "Every public function, and what holds it in check. *Values*: the oracles that its results are compared with; NumPy "
        "stands for NumPy, SciPy or naive loops. *Order 1* and *order 2*: its gradients, and the gradients of those, "
        "agree with finite differences in float64 (and with PyTorch's). Every function is also checked to leave its inputs "
        "alone, to keep float32 as float32, to give the same from strided memory, and to run on a stand-in for a GPU array. "
        "This page is written by `python -m tests.public_functions` from what the tests do; a test fails if it is out of date, "
        "or if a function is in no table.",
    ]
    for space, functions in public().items():
        lines += ["", f"## {space}", "", f"As in `{TORCH[space]}`.", "",
                  "| function | values | order 1 | order 2 | dtypes | tests |", "|---|---|---|---|---|---|"]
        for name, function in sorted(functions.items()):
            entry = known.get(code_of(function))
            if entry is None:
                lines.append(f"| `{name}` | by hand | | | | {by_hand.get(name, '')} |")
                continue
            dtypes = "float32, float64" + (", float16" if entry["float16"] else "")
            lines.append(f"| `{name}` | {', '.join(sorted(entry['oracles']))} | {'yes' if entry['grad'] else ''} | "
                         f"{'yes' if entry['gradgrad'] else ''} | {dtypes} | {', '.join(sorted(entry['files']))} |")
    lines += ["", "## Left out", "", "What PyTorch has and minidl has not, on purpose.", ""]
    lines += [f"- **{reason}**: {', '.join(f'`{name}`' for name in names.split())}" for reason, names in OMITTED.items()]
    return "\n".join(lines) + "\n"


def unchecked() -> list[str]:
    """Public functions that no table calls and no file is named for."""
    known, by_hand = checks(), elsewhere()
    return [f"{space}.{name}" for space, functions in public().items() for name, function in functions.items()
            if code_of(function) not in known and name not in by_hand]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print("wrote", PAGE.relative_to(ROOT))
    for name in unchecked():
        print("unchecked:", name)
