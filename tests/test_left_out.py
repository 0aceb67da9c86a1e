"""A name that is missing: the error says why, or which was meant, and all that asks for names goes on as without it."""
from __future__ import annotations

import copy
import importlib
import inspect
import pickle
import subprocess
import sys
from typing import Any

import pytest

import minidl
from minidl import nn, optim

MODULES = """minidl minidl.amp minidl.autograd minidl.backends minidl.cuda minidl.fft minidl.func minidl.linalg
    minidl.nn minidl.nn.functional minidl.nn.init minidl.nn.utils minidl.optim minidl.optim.lr_scheduler minidl.random
    minidl.special minidl.utils minidl.utils.data""".split()


@pytest.mark.parametrize("module, name, text", [
    (minidl, "export", "minidl leaves out compiling, tracing, exporting"),
    (minidl, "complex32", "number types that NumPy has not: `float16`"),
    (minidl, "hsmm", "sparse tensors"),
    (minidl.distributed, "FileStore", "whole tensors travel by MPI"),
    (minidl, "Stream", "CuPy has them in `cupy.cuda`.*Did you mean minidl.cuda.Stream?"),
    (minidl, "solve", "deprecated in PyTorch.*Did you mean minidl.linalg.solve?"),
    (nn, "quantized", "quantised tensors"),
    (nn.functional, "grouped_mm", "kernels of one library or device"),
    (minidl.linalg, "ldl_factor", "`solve`, `eigh`"),
    (minidl.cuda, "MemPool", "CuPy has them in `cupy.cuda`"),
    (minidl.utils.data, "IterDataPipe", "a Dataset or an IterableDataset does the same"),
    # names of nobody: the same in another place, or nearly the same here
    (minidl, "cross_entropy", "Did you mean minidl.nn.functional.cross_entropy?"),
    (minidl, "Linear", "Did you mean minidl.nn.Linear?"),
    (minidl, "hessian", "Did you mean minidl.func.hessian?"),
    (nn, "Conv2D", "Did you mean minidl.nn.Conv2d?"),
    (optim, "Adamw", "Did you mean minidl.optim.AdamW?"),
    (optim.lr_scheduler, "StepLr", "Did you mean minidl.optim.lr_scheduler.StepLR?"),
    (minidl.linalg, "choleski", "Did you mean minidl.linalg.cholesky?"),
])
def test_the_error_says_why(module: Any, name: str, text: str) -> None:
    with pytest.raises(AttributeError, match=f"^module '{module.__name__}' has no attribute '{name}'. .*{text}"):
        getattr(module, name)
    with pytest.raises(ImportError, match=f"^cannot import name '{name}' from '{module.__name__}'. .*{text}"):
        exec(f"from {module.__name__} import {name}")


def test_nothing_is_said_where_nothing_is_known() -> None:
    with pytest.raises(AttributeError, match="^module 'minidl' has no attribute 'qqqqq'$"):
        minidl.qqqqq    # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="^module 'minidl' has no attribute '_compile'$"):
        minidl._compile    # type: ignore[attr-defined]
    with pytest.raises(ImportError, match="^cannot import name 'qqqqq' from 'minidl'"):
        exec("from minidl import qqqqq")


def test_a_part_that_waits_to_be_imported() -> None:
    code = """if True:
        import minidl
        try: minidl.vision
        except AttributeError as error: print(error)
        assert not hasattr(minidl, "neighbors")
        from minidl import neighbors, vision
        assert minidl.vision is vision and minidl.neighbors is neighbors"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == ("module 'minidl' has no attribute 'vision'. It wants to be imported first: "
                            "import minidl.vision\n")


@pytest.mark.parametrize("path", MODULES)
def test_what_asks_for_names_goes_on(path: str) -> None:
    module = importlib.import_module(path)
    for name in ("export", "zzz", "__wrapped__", "_repr_html_", "__path_hooks__"):
        assert not hasattr(module, name)
        assert getattr(module, name, 3) == 3
        assert name not in dir(module)
    assert inspect.unwrap(module) is module
    space: dict[str, Any] = {}
    exec(f"from {path} import *", space)
    assert set(module.__dict__.get("__all__", ())) <= set(space) and "__getattr__" not in space


def test_functions_and_classes_are_pickled_by_name() -> None:
    for value in (minidl.relu, minidl.linalg.cross, nn.functional.relu, nn.Linear, optim.Adam, minidl.func.hessian):
        assert pickle.loads(pickle.dumps(value)) is value and copy.deepcopy(value) is value
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.loads(b"cminidl\nexport\n.")
