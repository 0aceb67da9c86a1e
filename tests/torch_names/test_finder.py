"""minidl under PyTorch's name. Each program runs in a process of its own, where nothing has loaded PyTorch."""
from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import minidl

ROOT = Path(__file__).parent.parent.parent


def python(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=cwd, env=environment)


def run(program: str) -> str:
    """What a program prints after `minidl.as_torch()`."""
    found = python("-c", "import minidl\nstand_in = minidl.as_torch()\n" + textwrap.dedent(program))
    assert found.returncode == 0, found.stderr
    return found.stdout


def test_the_example_of_the_docstring():
    code = textwrap.dedent(minidl.as_torch.__doc__.split("::\n")[1])
    found = python("-c", code)
    assert found.stdout.split("\n")[:2] == ["True True True", "2.13.0+minidl"], found.stderr


def test_modules_are_minidl_s_very_modules():
    run("""
        import sys
        import torch, torchvision
        import torch.nn.functional as F, torch.utils.data, torch.optim.lr_scheduler, torch.autograd.functional
        import torchvision.transforms, torchvision.ops.boxes
        from torch.utils.data.dataloader import DataLoader
        from torch.nn.utils import clip_grad_norm_
        assert "torch" in sys.modules and torch.nn is minidl.nn and F is minidl.nn.functional
        assert torch.utils.data is minidl.utils.data and torch.optim.lr_scheduler is minidl.optim.lr_scheduler
        assert torch.Tensor is minidl.Tensor and torch.ones is minidl.ones and DataLoader is torch.utils.data.DataLoader
        assert torchvision.transforms is minidl.vision.transforms and torchvision.ops is minidl.vision.ops
        for name in minidl.__all__:
            if name != "__version__":
                assert getattr(torch, name) is getattr(minidl, name), name
        # nothing of minidl has changed its name, and no file is loaded twice
        assert minidl.nn.__spec__.name == minidl.nn.__name__ == "minidl.nn" and F.__spec__.name == F.__name__
        assert not hasattr(F, "__path__") and torch.nn.Linear.__module__ == "minidl.nn.linear"
        assert all(module.__name__ == name or not module.__name__.startswith("torch.")
                   for name, module in sys.modules.items() if name.startswith("torch."))
    """)


def test_parts_of_minidl_alone_are_not_torch_s():
    run("""
        import torch, importlib
        for name in ("ops", "backend", "vision", "train", "cli", "tables", "torch_names"):
            try: importlib.import_module(f"torch.{name}")
            except ModuleNotFoundError: pass
            else: raise AssertionError(name)
            assert getattr(torch, name, None) is not getattr(minidl, name, 0), name
    """)


PATHS = {
    "torch.nn.modules.batchnorm._BatchNorm": "nn.norm._BatchNorm",
    "torch.nn.modules.conv._ConvNd": "nn.conv._ConvNd",
    "torch.nn.modules.activation.MultiheadAttention": "nn.MultiheadAttention",
    "torch.nn.modules.container.Sequential": "nn.Sequential",
    "torch.nn.modules.loss._Loss": "nn.loss.losses._Loss",
    "torch.nn.modules.linear.LazyLinear": "nn.LazyLinear",
    "torch.nn.modules.Module": "nn.Module",
    "torch.nn.modules.Conv2d": "nn.Conv2d",
    "torch.utils.hooks.RemovableHandle": "autograd.handles.RemovableHandle",
    "torch.utils.data.distributed.DistributedSampler": "utils.data.DistributedSampler",
    "torch.nn.parallel.DataParallel": "nn.DataParallel",
    "torch.optim.optimizer.Optimizer": "optim.Optimizer",
}


def test_pytorch_s_paths_lead_to_the_same_objects():
    run(f"""
        import functools, importlib
        for path, ours in {PATHS}.items():
            module, _, name = path.rpartition(".")
            theirs = getattr(importlib.import_module(module), name)
            assert theirs is functools.reduce(getattr, ours.split("."), minidl), path
    """)


def test_attributes_are_there_without_an_import_of_the_module():
    """PyTorch imports its modules itself."""
    run("""
        import torch
        assert not torch.distributed.is_available() and not torch.distributed.is_initialized()
        assert torch.nn.modules.container.Sequential is torch.nn.Sequential
        assert torch.Future[int] and torch.distributions.utils._standard_normal((2,), None, None).shape == (2,)
        assert torch.version.cuda is None and not torch.jit.is_scripting() and torch.hub is minidl.hub
        assert torch.onnx.export is minidl.onnx.export and not torch.onnx.is_in_onnx_export()
        assert torch.utils._pytree.tree_leaves([1, (2,)]) == [1, 2] and torch.backends.cudnn is minidl.backends.cudnn
    """)


def test_names_of_operators_and_of_compressed_rows():
    """Libraries of graphs use them: as keys of tables, and for edges that are sorted."""
    run("""
        import torch
        aten = torch.ops.aten
        assert {aten.cat.default: 1}[torch.ops.aten.cat.default] == 1 and aten.cat.default != aten.cat.out
        assert aten.flip.default(torch.arange(3), [0]).tolist() == [2, 1, 0] and not hasattr(torch.ops, "torchvision")
        ends = torch._convert_indices_from_coo_to_csr(torch.tensor([0, 0, 2]), 4)
        assert ends.tolist() == [0, 2, 2, 3, 3]
        assert torch._convert_indices_from_csr_to_coo(ends, torch.tensor([1, 2, 0])).tolist() == [[0, 0, 2], [1, 2, 0]]
        from torch._tensor_str import _tensor_str
        assert _tensor_str(torch.ones(2), 0) == "[1., 1.]" and torch.jit._overload(len) is len
    """)


UNKNOWN = [
    ("torch.qqq", "AttributeError", "module 'torch' has no attribute 'qqq'"),
    ("torch._qqq", "AttributeError", "module 'torch' has no attribute '_qqq'"),
    ("torch.sspaddmm", "AttributeError", "minidl leaves out sparse tensors"),
    ("torch.nn.qqq", "AttributeError", "has no attribute 'qqq'"),
    ("torch.nn.modules.conv.qqq", "AttributeError", "module 'torch.nn.modules.conv' has no attribute 'qqq'"),
    ("torch.nn.modules.qqq", "AttributeError", "has no attribute 'qqq'"),
    ("import torch.qqq", "ModuleNotFoundError", "No module named 'torch.qqq'"),
    ("import torch.nn.qqq", "ModuleNotFoundError", "No module named 'torch.nn.qqq'"),
    ("import torchvision.qqq", "ModuleNotFoundError", "No module named 'torchvision.qqq'"),
    ("import torch.quantization", "ModuleNotFoundError", "minidl leaves out quantised tensors"),
    ("from torch import qqq", "ImportError", "cannot import name 'qqq' from 'torch'"),
    ("from torch.nn import qqq", "ImportError", "cannot import name 'qqq'"),
]


def test_an_unknown_name_says_which_and_that_minidl_stands_in():
    run(f"""
        import torch
        for statement, kind, says in {UNKNOWN}:
            try: exec(statement)
            except Exception as error: found = error
            else: raise AssertionError(statement)
            assert type(found).__name__ == kind, (statement, found)
            assert says in str(found) and "minidl stands in for PyTorch here: minidl.as_torch" in str(found), found
    """)


def test_asking_for_a_name_goes_on():
    run("""
        import torch
        assert not hasattr(torch, "npu") and getattr(torch, "_C_flashattn", None) is None
        assert not hasattr(torch.nn, "qqq")
        try: import torch.qqq
        except ImportError: pass
    """)


def test_nothing_pretends_to_be_installed():
    run("""
        import importlib.metadata, importlib.util
        assert importlib.util.find_spec("torch").name == "torch"
        import torch
        for name in ("torch", "torchvision"):
            try: print(importlib.metadata.distribution(name).locate_file(""))
            except importlib.metadata.PackageNotFoundError: pass
        assert "minidl" in torch.__version__ and "minidl" in torch.__file__
    """)


def test_it_can_be_undone():
    run("""
        import sys
        names = {path: dict(vars(module)) for path, module in sys.modules.items() if path.split(".")[0] == "minidl"}
        finders = len(sys.meta_path)
        import torch, torch.nn.modules.conv, torch.cuda, torch.utils.hooks
        assert torch.cuda.max_memory_allocated() == 0
        for path, before in names.items():      # names are added, none is replaced
            changed = [name for name, value in before.items() if vars(sys.modules[path])[name] is not value]
            assert changed == (["annotations"] if path == "minidl.jit" else []), path   # that of __future__
        stand_in.remove()
        stand_in.remove()
        assert len(sys.meta_path) == finders - 1
        assert not [name for name in sys.modules if name.split(".")[0] in ("torch", "torchvision")]
        for path, before in names.items():      # what is imported later stays, as after any import
            later = {name for name in set(vars(sys.modules[path])) - set(before) if f"{path}.{name}" not in sys.modules}
            assert not later, (path, later)
            assert path == "minidl.left_out" or all(vars(sys.modules[path])[name] is value
                                                    for name, value in before.items()), path
        assert torch.ones(2).sum() == 2         # who has it keeps it
        try: minidl.nn.qqq
        except AttributeError as error: assert "stands in" not in str(error)
        with minidl.as_torch():
            import torch
        with minidl.as_torch() as again:
            assert minidl.as_torch() is not None
            import torch.nn
    """)


def test_import_minidl_alone_offers_no_torch():
    code = """if True:
        import sys, minidl
        assert not any(type(finder).__module__.startswith("minidl") for finder in sys.meta_path)
        assert "minidl.torch_names.aliases" not in sys.modules and "torch" not in sys.modules"""
    assert python("-c", code).returncode == 0


def test_it_refuses_where_pytorch_is_loaded():
    """What is loaded need not be the real one: any module of this name."""
    found = python("-c", """if True:
        import sys, types, minidl
        sys.modules["torch"] = types.ModuleType("torch")
        try: minidl.as_torch()
        except RuntimeError as error: print(error)
        assert not any(type(finder).__module__.startswith("minidl") for finder in sys.meta_path)""")
    assert "expected a process without PyTorch, but torch is loaded" in found.stdout and "minidl run" in found.stdout


def test_pytorch_s_version_compares_by_numbers():
    run("""
        import torch
        assert torch.__version__ >= "2.2" and torch.__version__ > (1, 13) and not torch.__version__ < "1.9.0"
        assert torch.__version__.split("+")[0] == torch.torch_version.TorchVersion("2.13.0")
        assert "2.4" <= torch.__version__
        assert tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2]) == (2, 13)
    """)


def test_what_has_no_meaning_says_no_or_raises():
    run("""
        import torch
        from torch.nn.parallel import DistributedDataParallel
        from torch.utils._pytree import tree_map
        assert not isinstance(torch.nn.Linear(1, 1), DistributedDataParallel)
        for call in (lambda: torch.distributed.init_device_mesh("cpu", (1,)), torch.export.ExportedProgram):
            try: call()
            except NotImplementedError as error: assert "minidl" in str(error) or "cupy" in str(error)
            else: raise AssertionError
        assert torch.ones(2).dtype not in (torch.bfloat16, torch.float8_e4m3fn) and torch.bfloat16.itemsize == 2
        try: torch.ones(2, dtype=torch.bfloat16)
        except TypeError as error: assert "NumPy has no such numbers" in str(error)
        else: raise AssertionError
    """)


def test_lists_of_tensors():
    run("""
        import torch
        a, b = [torch.ones(2), torch.ones(3)], [torch.full((2,), 2.0), torch.full((3,), 3.0)]
        torch._foreach_add_(a, b, alpha=2)
        assert [x.tolist() for x in a] == [[5.0] * 2, [7.0] * 3]
        assert [x.tolist() for x in torch._foreach_mul(a, 2)] == [[10.0] * 2, [14.0] * 3]
        torch._foreach_addcdiv_(a, b, b, -1)
        assert [x.tolist() for x in a] == [[4.0] * 2, [6.0] * 3]
        torch._foreach_zero_(a)
        assert a[0].sum() == 0 and round(torch._foreach_norm(b)[0].item(), 4) == 2.8284
        torch._foreach_div_(b, [2.0, 3.0])
        assert b[1].tolist() == [1.0] * 3
    """)


@pytest.fixture
def script(tmp_path):
    (tmp_path / "helper.py").write_text("import torch\nTWO = torch.tensor(2.0)\n")
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent("""
        import sys
        import torch, torchvision
        from helper import TWO
        from torch.utils.data import DataLoader, Dataset

        class Squares(Dataset):
            def __len__(self): return 4
            def __getitem__(self, i): return i * torch.ones(1)

        if __name__ == "__main__":
            print(sys.argv[1:], (TWO * 3).item(), type(Squares()).__module__)
            if "--spawn" in sys.argv:
                loader = DataLoader(Squares(), 2, num_workers=1, multiprocessing_context="spawn")
                print([batch.flatten().tolist() for batch in loader])
            if "--fail" in sys.argv:
                sys.exit(3)
    """))
    return path


def test_run_gives_a_program_its_arguments(script, tmp_path):
    found = python("-m", "minidl", "run", str(script), "--epochs", "3", "-x", cwd=tmp_path)
    assert found.stdout == "['--epochs', '3', '-x'] 6.0 __main__\n", found.stderr


def test_run_runs_a_module(script, tmp_path):
    found = python("-m", "minidl", "run", "-m", "program", "a", cwd=tmp_path)
    assert found.stdout == "['a'] 6.0 __main__\n", found.stderr


def test_processes_that_a_program_spawns_find_it_too(script, tmp_path):
    found = python("-m", "minidl", "run", str(script), "--spawn", cwd=tmp_path)
    assert found.stdout.endswith("[[0.0, 1.0], [2.0, 3.0]]\n"), found.stderr


def test_run_ends_as_the_program_does(script, tmp_path):
    assert python("-m", "minidl", "run", str(script), "--fail", cwd=tmp_path).returncode == 3
    (tmp_path / "wrong.py").write_text("import torch\ntorch.ones(2) @ torch.ones(3)\n")
    found = python("-m", "minidl", "run", "wrong.py", cwd=tmp_path)
    assert found.returncode == 1 and "Traceback" in found.stderr and "wrong.py\", line 2" in found.stderr
    found = python("-m", "minidl", "run", "nothing.py", cwd=tmp_path)
    assert found.returncode == 1 and "there is no file nothing.py" in found.stderr


def test_number_types_that_numpy_has_not():
    run("""
        import torch
        assert torch.finfo(torch.bfloat16).max == 3.3895313892515355e+38 and torch.finfo(torch.float8_e5m2).bits == 8
        assert torch.finfo(torch.bfloat16).eps == 0.0078125 and torch.finfo(torch.float8_e4m3fn).min == -448
        try: torch.finfo(torch.qint8)
        except TypeError: pass
        else: raise AssertionError
        assert torch.empty(0, dtype=torch.bfloat16).element_size() == 2      # libraries ask so
        for call in (lambda: torch.empty(3, dtype=torch.bfloat16), lambda: torch.ones(3).to(torch.bfloat16)):
            try: call()
            except TypeError as error: assert "NumPy has no such numbers" in str(error)
            else: raise AssertionError
    """)


def test_what_libraries_call_of_pytorch_s_inside():
    run("""
        import torch
        from torch.utils._foreach_utils import _group_tensors_by_device_and_dtype as group
        from torch.utils.data._utils.collate import default_collate
        a, b = torch.ones(2), torch.zeros(2).double()
        (one, two) = group([[a, b, a], [b, a, b]], with_indices=True).values()
        assert one == ([[a, a], [b, b]], [0, 2]) and two[1] == [1]
        assert torch.distributions.utils._sum_rightmost(torch.ones(2, 3, 4), 2).tolist() == [12, 12]
        torch._foreach_maximum_([b], [a])
        assert b.tolist() == [1, 1] and torch._foreach_norm([a], ord=1)[0] == 2
        device, dtype, wait, form = torch._C._nn._parse_to("cpu", torch.float64, non_blocking=True)
        assert device == torch.device("cpu") and dtype is torch.float64 and wait is True and form is None
        assert torch._C._nn._parse_to(b)[1] is torch.float64 and torch.torch is torch
        assert torch.cuda.is_available() or torch.cuda.get_rng_state_all() == []
        assert not torch._C._are_functorch_transforms_active() and torch.ScriptModule is torch.jit.ScriptModule
        from torch.optim.optimizer import ParamsT
        from torch.nn.modules.transformer import _get_clones
        first, second = _get_clones(torch.nn.Linear(2, 1), 2)
        assert first.weight is not second.weight and first.weight.tolist() == second.weight.tolist()
        row = torch._utils._flatten_dense_tensors([torch.ones(2, 1), torch.zeros(1)])
        assert row.tolist() == [1, 1, 0]
        parts = torch._utils._unflatten_dense_tensors(row, [torch.ones(2, 1), a[:1]])
        assert [tuple(part.shape) for part in parts] == [(2, 1), (1,)]
        assert torch.nn.init._no_grad_fill_(torch.zeros(1), 3.0).tolist() == [3]
        from torch.quasirandom import SobolEngine
        assert SobolEngine(2).draw(1).tolist() == [[0, 0]]
    """)


def test_classes_that_libraries_know_by_their_module():
    run("""
        import pickle, torch
        x, p = torch.ones(2), torch.nn.Parameter(torch.ones(1))
        assert str(type(x)) == "<class 'torch.Tensor'>" and type(p).__module__ == "torch.nn.parameter"
        assert pickle.loads(pickle.dumps((x, p, torch.Tensor)))[2] is torch.Tensor
        stand_in.remove()
        assert minidl.Tensor.__module__ == "minidl.tensors.tensor"
    """)


def test_names_of_one_process_and_of_devices():
    run("""
        import torch
        from torch.distributed.fsdp.fully_sharded_data_parallel import FullyShardedDataParallel
        from torch.distributed.tensor import DTensor
        assert not isinstance(torch.ones(1), DTensor) and torch.get_device_module("cpu") is torch.cpu
        assert torch.sym_max(1, 2) == 2 and torch.sym_ite(False, 1, 2) == 2 and torch.sym_sum([1, 2]) == 3
        torch._check(True)
        for error, check in ((RuntimeError, torch._check), (IndexError, torch._check_index)):
            try:
                check(False, lambda: "said")
            except error as raised:
                assert str(raised) == "said" and type(raised) is error
            else:
                raise AssertionError
    """)
