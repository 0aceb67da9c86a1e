"""Names of PyTorch that minidl leaves out, with reasons, for error messages.

`explain` gives a module a `__getattr__`, which Python calls only where a name is missing.
"""
from __future__ import annotations

import importlib
import importlib.util
import opcode
import sys
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

LEFT_OUT = {
    "sparse tensors written in place, their copies under other names, and semi-structured ones": """
        hsmm saddmm sspaddmm crow_indices_copy ccol_indices_copy col_indices_copy row_indices_copy indices_copy
        values_copy Tensor.smm Tensor.sparse_resize* *_sparse_* sparse.*""",
    "quantised tensors": """
        quantize_* quantized_* fake_quantize_* fused_moving_avg_obs_fake_quant q_* int_repr dequantize empty_quantized
        choose_qparams_optimized fbgemm_* Tensor.qscheme quantization ao qscheme qint* quint* per_channel_*
        per_tensor_* nn.intrinsic nn.qat nn.quantizable nn.quantized""",
    "nested and masked tensors": "Tensor.to_padded_tensor nested jagged masked",
    "kernels of one library or device: the functions of the same name without it are what they are for": """
        cudnn_* miopen_* mkldnn_* native_* batch_norm_* Tensor.to_mkldnn Tensor.ipu Tensor.xpu Tensor.mtia
        is_vulkan_available nn.functional.scaled_mm nn.functional.grouped_mm
        nn.functional.scaled_grouped_mm nn.functional.ScalingType nn.functional.SwizzleType
        cpu mps mtia xpu backends.*""",
    "memory formats of modules: `module.to(memory_format=...)` is there": """
        nn.utils.convert_*_memory_format nn.utils.memory_format""",
    "number types that NumPy has not: `float16` and `float32` are there": """
        Tensor.bfloat16 Tensor.chalf BFloat16Tensor chalf complex32 float8_* float4_*""",
    "number types that nothing is computed in: `uint8` and the signed ones are there": """
        uint? int? bit bits*""",
    "shards of tensors, stores and back ends of PyTorch: whole tensors travel by MPI": """
        distributed.*""",
    "CUDA's pools, snapshots of memory and their like: CuPy has them in `cupy.cuda`": """
        cuda.* Stream Event StreamObjType DeviceObjType AcceleratorError""",
    "compiling, tracing, exporting: a program runs as it is written": """
        cond while_loop sym_* Sym* fork wait import_ir_module import_ir_module_from_buffer parse_*
        unify_type_list merge_type_from_type_comment func.functionalize profiler_* compiled_with_cxx11_abi
        export package nativert *Type *TypeBuilder Script* AliasDb Argument* CompleteArgumentSpec
        Benchmark* Block BufferDict ParameterDict ModuleDict CallStack Capsule Code CompilationUnit DeepCopyMemoTable
        DispatchKey* ErrorReport ExcludeDispatchKeyGuard ExecutionPlan FatalError FileCheck FunctionSchema Gradient
        Graph* IODescriptor JITException LiteScriptModule *Logger* Node OperatorInfo PyTorchFile* *StorageContext
        StaticModule Tag ThroughputBenchmark TracingState Use Value""",
    "mixed precision by its older names: `amp.autocast` is all there is": "*autocast*",
    "threads and processes: arrays are computed by NumPy, data is loaded by DataLoader": """
        get_num_interop_threads set_num_interop_threads init_num_threads thread_safe_generator
        prepare_multiprocessing_environment Tensor.share_memory_ autograd.set_multithreading_enabled multiprocessing
        futures Future""",
    "storages: a tensor's memory is a NumPy or CuPy array; `Tensor.data = other` replaces it": """
        is_storage *Storage Storage* storage Tensor.storage_type Tensor.set_ from_file
        Tensor.const_data_ptr""",
    "data pipes, which PyTorch has given up: a Dataset or an IterableDataset does the same": """
        utils.data.*DataPipe utils.data.datapipes utils.data.backward_compatibility utils.data.graph
        utils.data.graph_settings utils.data.DataChunk utils.data.functional_datapipe utils.data.argument_validation
        utils.data.runtime_validation* utils.data.*guaranteed_datapipes_determinism utils.data.non_deterministic""",
    "what is deprecated in PyTorch, or an error there": """
        eig symeig lstsq solve matrix_rank nuclear_norm frobenius_norm set_default_tensor_type Tensor.resize
        Tensor.resize_as Tensor.reinforce autograd.variable nn.Container nn.NLLLoss2d nn.CrossMapLRN2d
        nn.utils.stateless autograd.profiler_legacy autograd.profiler_util
        autograd.NestedIOFunction""",
    "factorisations that PyTorch calls experimental, or that others stand for: `solve`, `eigh`": "linalg.ldl_* lobpcg",
    "what SciPy has: `scipy.signal.windows`": "signal",
    "what `autograd.grad` gives: gradients of a convolution": "nn.grad",
    "what records marks for other programs": """autograd.profiler.*nvprof* autograd.profiler.KinetoStepTracker
        autograd.profiler.MemRecordsAcc autograd.profiler.EnforceUnique profiler.ExecutionTraceObserver
        profiler.itt profiler.profiler profiler.python_tracer""",
    "what concerns several tensors, or streams, at once: `Tensor.register_hook` on each; `clone()` before a write": """
        autograd.graph.*""",
    "dual numbers: `func.jvp` gives the same derivatives": "autograd.forward_ad",
    "what fetches and runs programs of other people": "hub.load hub.list hub.help",
    "PyTorch's own helpers, which show in its namespaces": """
        classproperty get_file_path get_device_module hash_tensor slice_inverse *_complex_copy view_as_real_copy
        embedding_renorm_ Tensor.module_load Tensor.index func.debug_unwrap nn.functional.Optional
        nn.functional.assert_int_or_pair nn.functional.boolean_dispatch *handle_torch_function *has_torch_function*
        autograd.anomaly_mode autograd.enforce_grad_layout_policy nn.common_types nn.factory_kwargs
        nn.LinearCrossEntropyOptions optim.swap_in_optimizer_params_and_state functional monitor
        torch_version types contrib numa nn.backends nn.cpp DisableTorchFunction*""",
}
"""Names and patterns by reason; the reason continues the sentence "minidl leaves out". A name without a dot applies to
a function and to a method of Tensor; `*` matches any characters, `?` matches one. Each entry matches a missing name,
and no existing one."""


def pattern_for(path: str, name: str) -> str:
    """The first pattern of `LEFT_OUT` that matches a name; or "". path: a namespace such as "nn"."""
    full_name = f"{path}.{name}".lstrip(".")
    for pattern in (pattern for names in LEFT_OUT.values() for pattern in names.split()):
        if fnmatchcase(full_name, pattern) or path == "Tensor" and "." not in pattern and fnmatchcase(name, pattern):
            return pattern
    return ""


def explain(namespace: dict[str, Any], path: str, waiting: tuple[str, ...] = (), shown: str = "") -> None:
    """Let a module say why a name is missing, or suggest another.

    path: the name of the module. namespace: the module's `globals()`. waiting: modules inside it that take long to
    import, and are imported when they are first used. shown: the module's name in messages, if it is another: it
    stands for the one at `path`. `__getattr__` is put there and not defined in the module, since type checkers assume
    that a module with `__getattr__` has every name.
    """
    namespace["__getattr__"] = _getattr_of(path, shown or path)
    if not shown:
        _explained[path] = waiting


_explained: dict[str, tuple[str, ...]] = {}     # the public modules, to look for a missing name; what waits in them
_note = ""                                      # stands at the end of every message


def set_note(text: str) -> None:
    """End every message with a remark; "" ends that."""
    global _note
    _note = text


def _getattr_of(path: str, shown: str) -> Callable[[str], Any]:
    def __getattr__(name: str) -> Any:
        if name in _explained.get(path, ()):
            return importlib.import_module(f"{path}.{name}")
        caller = sys._getframe(1)
        text = f"module {shown!r} has no attribute {name!r}"
        if name.startswith("_") or caller.f_globals.get("__name__") == "importlib._bootstrap":
            raise AttributeError(f"{text} {_note}".rstrip())    # Python asks for it, or an import, which finds a file
        hint = " ".join(filter(None, [hint_for(path, name), _note]))
        if hint and caller.f_code.co_code[caller.f_lasti] == opcode.opmap["IMPORT_FROM"]:
            # not an AttributeError, which the import hides
            raise ImportError(f"cannot import name {name!r} from {shown!r}. {hint}", name=shown)
        raise AttributeError(f"{text}. {hint}" if hint else text)
    return __getattr__


def hint_for(path: str, name: str) -> str:
    """Why PyTorch's name is absent, where it is, or a similar name."""
    here = sys.modules.get(path)
    if here is not None and hasattr(here, "__path__") and importlib.util.find_spec(f"{path}.{name}"):
        return f"It wants to be imported first: import {path}.{name}"
    pattern = pattern_for(path.removeprefix("minidl").removeprefix("."), name)
    text = [f"PyTorch's is not here on purpose: minidl leaves out {reason}." for reason, names in LEFT_OUT.items()
            if pattern in names.split()]
    found = [f"{other}.{name}" for other in sorted(_explained, key=len)
             if getattr(vars(sys.modules[other]).get(name), "__module__", "").startswith("minidl")]
    if not text and not found and here is not None:
        near = importlib.import_module("difflib").get_close_matches(name, dir(here), 1)
        found = [f"{path}.{other}" for other in near]
    return " ".join([*text, *[f"Did you mean {other}?" for other in found[:1]]])
