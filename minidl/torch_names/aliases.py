"""PyTorch's names that mean nothing in minidl, for programs that import them: the one place where they stand.

A name is here if programs and libraries ask for it whether or not they use it: the kinds of memory, the number types
that NumPy has not, one process among many, the inside of PyTorch. What has a meaning in minidl is in minidl. Each
entry does nothing, says no, or raises an error that says what minidl has instead.
"""
from __future__ import annotations

import functools
import importlib
import math
import multiprocessing
import operator
import os
import re
import typing
import urllib.parse
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import minidl
from minidl import nn
from minidl.backend.device import to_numpy
from minidl.backend.torch_types import MissingDtype
from minidl.tensors import printing
from minidl.torch_names import distributed
from minidl.torch_names.inside import (
    NO_STORAGE,
    Operators,
    UntypedStorage,
    assert_,
    check,
    clones,
    coo_to_csr,
    csr_to_coo,
    device_module,
    flatten_tensors,
    foreach,
    group_tensors,
    parse_to,
    spawn,
    unflatten_tensors,
)
from minidl.torch_names.refusals import all_give, all_refused, block, decorator, first, gives, refuses

API = "2.13.0"
"""The version of PyTorch whose names these are."""


class TorchVersion(str):
    """A version that compares with versions and tuples, number by number: "2.13.0+minidl" >= "2.2"."""

    def _numbers(self) -> tuple[int, ...]:
        return _numbers(self)

    def __lt__(self, other: Any) -> bool: return _numbers(self) < _numbers(other)
    def __le__(self, other: Any) -> bool: return _numbers(self) <= _numbers(other)
    def __gt__(self, other: Any) -> bool: return _numbers(self) > _numbers(other)
    def __ge__(self, other: Any) -> bool: return _numbers(self) >= _numbers(other)


def _numbers(version: Any) -> tuple[int, ...]:
    parts = str(version).partition("+")[0].split(".") if not isinstance(version, tuple) else version
    return tuple(int(part) for part in parts if str(part).isdigit())


# ---------------------------------------------------------------------- types

_LIMITS = {     # eps, max, smallest_normal, resolution
    "float8_e4m3fn": (2.0 ** -3, 448.0, 2.0 ** -6, 1.0), "float8_e4m3fnuz": (2.0 ** -3, 240.0, 2.0 ** -7, 1.0),
    "float8_e5m2": (2.0 ** -2, 57344.0, 2.0 ** -14, 1.0), "float8_e5m2fnuz": (2.0 ** -3, 57344.0, 2.0 ** -15, 1.0),
    "float8_e8m0fnu": (1.0, 2.0 ** 127, 2.0 ** -127, 1.0),
}

DTYPES = {name: MissingDtype(name, size, kind, _LIMITS.get(name, ())) for names, size, kind in [
    ("complex32 chalf", 4, "c"), ("qint8", 1, "i"), ("quint8 bits8", 1, "u"), ("qint32", 4, "i"),
    ("float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu float4_e2m1fn_x2", 1, "f"),
] for name in names.split()}


# ---------------------------------------------------------------------- why

_NO_STREAMS = "a CUDA stream is a cuda.Stream, and other devices have none"
_NO_GRAPH = "minidl records no graph of a program, and runs it as it is written"
_NO_COMPILER = "minidl has no compiled extensions: an op is a class in Python, see docs/adding_an_op.md"


_METHODS = """abs add addcdiv addcmul ceil clamp_max clamp_min copy cos div erf exp expm1 floor frac lerp lgamma log
    log10 log1p log2 maximum minimum mul neg norm pow reciprocal round rsqrt sigmoid sign sin sqrt sub tan tanh trunc
    zero""".split()


# ---------------------------------------------------------------------- the names

_CUDA = {
    **all_give(0, "utilization temperature"),
    **all_give(None, "reset_accumulated_memory_stats ipc_collect set_sync_debug_mode"),
    "nvtx": SimpleNamespace(range_push=gives(0), range_pop=gives(0), mark=gives(None), range=block),
}

_INSIDE = {
    "_log_api_usage_once": gives(None), "_get_privateuse1_backend_name": gives("privateuseone"),
    **all_give(False, """_are_functorch_transforms_active _jit_can_fuse_on_cpu _jit_can_fuse_on_gpu
        _get_tracing_state _is_tracing"""),
    **all_give(None, """_jit_set_profiling_executor _jit_set_profiling_mode _jit_set_nvfuser_enabled
        _jit_override_can_fuse_on_cpu _jit_override_can_fuse_on_gpu _jit_set_texpr_fuser_enabled
        _jit_set_nvfuser_guard_mode _set_worker_signal_handlers"""),
}

_NO_DEVICE = {"is_available": gives(False), "is_initialized": gives(False), "device_count": gives(0),
              **all_give(None, "manual_seed manual_seed_all seed empty_cache synchronize"),
              **all_give(0, """current_device current_allocated_memory driver_allocated_memory recommended_max_memory
                  memory_allocated max_memory_allocated memory_reserved"""),
              "is_bf16_supported": gives(False)}
_NO_LIBRARY = {"is_available": gives(False), "enabled": False, "flags": block, "strategy": None}
_VERSION = TorchVersion(f"{API}+minidl")

NAMES: dict[str, dict[str, Any]] = {
    "torch": {
        "__version__": _VERSION, "ops": Operators(), "_assert": assert_, "_assert_async": assert_, **DTYPES,
        "jagged": minidl.layout("jagged"), "_convert_indices_from_coo_to_csr": coo_to_csr,
        "_convert_indices_from_csr_to_coo": csr_to_coo,
        **{f"_foreach_{name}{end}": foreach(name + end) for name in _METHODS for end in ("", "_")},
        "UntypedStorage": UntypedStorage, **all_refused("torch", NO_STORAGE, "TypedStorage PyTorchFileReader"),
        **all_refused("torch", _NO_STREAMS, "Stream Event"),
        **all_refused("torch", _NO_GRAPH, "SymInt SymFloat SymBool"),
        **{name: getattr(minidl.jit, name) for name in "Future ScriptFunction ScriptModule".split()},
        "get_num_interop_threads": gives(1), "set_num_interop_threads": gives(None),
        "_check": check, **{f"_check_{name}": functools.partial(check, error=error) for name, error in [
            ("index", IndexError), ("value", ValueError), ("type", TypeError),
            ("not_implemented", NotImplementedError)]},
        "get_device_module": device_module,
        # numbers that a graph would know by name are numbers
        "sym_int": math.trunc, "sym_float": float, "sym_max": max, "sym_min": min, "sym_not": operator.not_,
        "sym_ite": lambda b, t, f: t if b else f, "sym_sum": lambda *args: sum(args[0] if len(args) == 1 else args),
        "get_autocast_gpu_dtype": gives(minidl.float16), "get_autocast_cpu_dtype": gives(minidl.float16),
        "is_autocast_cpu_enabled": lambda: minidl.is_autocast_enabled("cpu"),
    },
    "torch.cpu": {"is_available": gives(True), "is_initialized": gives(True), "device_count": gives(1),
                  "current_device": gives("cpu"), "stream": block,
                  **all_give(None, "synchronize current_stream set_device")},
    "torch.version": {"__version__": str(_VERSION), "git_version": ""},
    "torch.accelerator": {
        "current_device_index": minidl.cuda.current_device, "set_device_index": minidl.cuda.set_device,
        **{name: getattr(minidl.cuda, name) for name in """empty_cache memory_allocated max_memory_allocated
           memory_reserved max_memory_reserved reset_peak_memory_stats current_stream set_stream""".split()}},
    "torch.torch_version": {"TorchVersion": TorchVersion, "__version__": _VERSION},
    "torch.types": {
        "Number": int | float | bool, "Device": typing.Any, "FileLike": str | os.PathLike,
        "Storage": typing.Any, "_size": Sequence[int], "_int": int, "_float": float, "_bool": bool,
        "_dtype": minidl.dtype, "_device": minidl.device, "_layout": minidl.layout, "Tensor": minidl.Tensor,
    },
    "torch.__config__": {"show": gives("minidl: NumPy, and CuPy on a GPU"), "parallel_info": gives("")},
    "torch._tensor": {"Tensor": minidl.Tensor},
    "torch._tensor_str": {"PRINT_OPTS": printing.options,
                          "_tensor_str": lambda x, indent: printing.format_array(to_numpy(x.detach().array), indent)},
    "torch._C": {**_INSIDE, "_disabled_torch_function_impl": gives(NotImplemented), "_TensorMeta": type(minidl.Tensor),
                 **all_refused("torch._C", _NO_GRAPH, "Graph Value Node")},
    "torch.fx.experimental.proxy_tensor": {"get_proxy_mode": gives(None)},
    "torch._C._nn": {"_parse_to": parse_to},
    "torch.autograd.graph": all_refused("torch.autograd.graph", "what ops save stays on its device", "save_on_cpu"),
    "torch._subclasses.fake_tensor": {"is_fake": gives(False),
                                      **all_refused("torch._subclasses", _NO_GRAPH, "FakeTensor FakeTensorMode")},
    "torch._jit_internal": {name: getattr(minidl.jit, name) for name in "Final export ignore unused".split()},
    "torch._dynamo": {
        "is_compiling": gives(False), "reset": gives(None), "disable": decorator, "allow_in_graph": first,
        "assume_constant_result": first, "mark_static_address": gives(None), "mark_dynamic": gives(None),
        "config": SimpleNamespace(), **all_refused("torch._dynamo", "minidl.compile returns the module itself",
                                                   "OptimizedModule")},
    "torch._dynamo.eval_frame": {"is_dynamo_supported": gives(False), **all_refused(
        "torch._dynamo", "minidl.compile returns the module itself", "OptimizedModule")},
    "torch._dynamo._trace_wrapped_higher_order_op": {"TransformGetItemToIndex": block},
    "torch.autograd.profiler": {
        "profile": minidl.profiler.profile, "record_function": minidl.profiler.record_function,
        **all_refused("torch.autograd.profiler", "minidl.profiler.profile has its events",
                      "EventList FunctionEvent emit_nvtx emit_itt")},
    "torch.profiler": {"kineto_available": gives(False), **all_refused(
        "torch.profiler", "minidl.profiler.profile measures all of a block", "ProfilerAction",
        "schedule tensorboard_trace_handler")},
    **distributed.NAMES,
    "torch.multiprocessing": {
        **{name: getattr(multiprocessing, name) for name in multiprocessing.__all__}, "spawn": spawn,
        "start_processes": spawn, "set_sharing_strategy": gives(None), "get_sharing_strategy": gives("file_system"),
        "get_all_sharing_strategies": gives({"file_system"}),
    },
    "torch.futures": {"Future": minidl.jit.Future, "wait_all": lambda futures: [one.wait() for one in futures],
                      "collect_all": lambda futures: minidl.jit.Future(list(futures))},
    "torch.cuda": _CUDA,
    "torch.mps": _NO_DEVICE, "torch.xpu": _NO_DEVICE, "torch.mtia": _NO_DEVICE,
    "torch.backends.cuda": {"cufft_plan_cache": SimpleNamespace(max_size=0)},
    "torch.backends.cudnn": {"flags": block, "version": gives(None)},
    "torch.backends.mps": {"is_macos_or_newer": gives(False), "is_macos13_or_newer": gives(False)},
    **{f"torch.backends.{name}": _NO_LIBRARY for name in "mkl mkldnn openmp xnnpack quantized".split()},
    "torch.ao.quantization": all_refused("torch.ao.quantization", "minidl has no quantised tensors",
                                         "FakeQuantizeBase ObserverBase"),
    "torch.distributions.utils": {
        "_standard_normal": lambda shape, dtype, device: minidl.randn(shape, dtype=dtype, device=device),
        "_sum_rightmost": minidl.distributions.utils.sum_rightmost},
    "torch.serialization": {"MAP_LOCATION": typing.Any, "FILE_LIKE": typing.Any, "DEFAULT_PROTOCOL": 2},
    # memory
    "torch.storage": {"UntypedStorage": UntypedStorage,
                      **all_refused("torch.storage", NO_STORAGE, "TypedStorage")},
    # programs as graphs, and in other files
    "torch.fx.graph": {"Graph": minidl.fx.Graph}, "torch.fx.node": {"Node": minidl.fx.Node},
    "torch.fx.graph_module": {"GraphModule": minidl.fx.GraphModule}, "torch.fx.proxy": {"Proxy": minidl.fx.Proxy},
    "torch.jit.annotations": {name: getattr(typing, name) for name in "Any Dict List Optional Tuple Union".split()},
    "torch.export": all_refused("torch.export", _NO_GRAPH, "ExportedProgram Dim", "export save load"),
    "torch.onnx": {"is_in_onnx_export": gives(False)},
    "torch.jit": {"_get_trace_graph": refuses("torch.jit._get_trace_graph", _NO_GRAPH)},
    "torch.utils.data.dataloader": all_refused("torch.utils.data.dataloader", "a DataLoader's iterator is a generator",
                                               "_BaseDataLoaderIter _MultiProcessingDataLoaderIter"),
    "torch.utils.data._utils.collate": {"np_str_obj_array_pattern": re.compile("[SaUO]"),
                                             "default_collate_err_msg_format": "default_collate: unknown type {}"},
    "torch.utils._foreach_utils": {"_group_tensors_by_device_and_dtype": group_tensors},
    "torch.utils.cpp_extension": all_refused("torch.utils.cpp_extension", _NO_COMPILER,
                                             "BuildExtension CppExtension CUDAExtension", "load load_inline"),
    # attention
    "torch.nn.attention.flex_attention": {
        "_DEFAULT_SPARSE_BLOCK_SIZE": 128,
        **all_refused("torch.nn.attention.flex_attention", "nn.functional.scaled_dot_product_attention takes a mask",
                      "AuxRequest BlockMask", "flex_attention create_block_mask create_mask and_masks or_masks")},
    "torch.nn.attention": {"sdpa_kernel": block, "SDPBackend": SimpleNamespace(
        ERROR=-1, MATH=0, FLASH_ATTENTION=1, EFFICIENT_ATTENTION=2, CUDNN_ATTENTION=3)},
    # half-public names of modules
    "torch.nn.modules.module": {"_IncompatibleKeys": nn.module.state.IncompatibleKeys},
    "torch.nn.modules.conv": {"_ConvTransposeNd": nn.conv._ConvTranspose},
    "torch.nn.modules.batchnorm": {"_NormBase": nn.norm._TrackingNorm},
    "torch.nn.modules.dropout": {"_DropoutNd": nn.dropout._Dropout},
    "torch.nn.modules.pooling": {"_MaxPoolNd": nn.pool.windows._MaxPool, "_AvgPoolNd": nn.pool.windows._AvgPool,
                                 "_AdaptiveAvgPoolNd": nn.pool.windows._AdaptiveAvgPool,
                                 "_AdaptiveMaxPoolNd": nn.pool.windows._AdaptiveMaxPool},
    "torch.nn.modules.transformer": {"_get_activation_fn": nn.transformer._activation, "_get_clones": clones},
    "torch.nn.init": {f"_no_grad_{name}_": getattr(nn.init, f"{meant}_") for name, meant in [
        ("uniform", "uniform"), ("normal", "normal"), ("trunc_normal", "trunc_normal"), ("fill", "constant"),
        ("zero", "zeros")]},
    "torch._utils": {"_flatten_dense_tensors": flatten_tensors, "_unflatten_dense_tensors": unflatten_tensors},
    "torch.optim.optimizer": {"_params_t": minidl.optim.optimizer.Params, "ParamsT": minidl.optim.optimizer.Params,
                              "_get_capturable_supported_devices": gives(["cuda"])},
    "torch.hub": {"_get_torch_home": lambda: os.path.dirname(importlib.import_module("minidl.hub").get_dir()),
                  "HASH_REGEX": re.compile(r"-([a-f0-9]*)\."), "urlparse": urllib.parse.urlparse},
    "torchvision": {"__version__": TorchVersion("0.28.0+minidl"), "disable_beta_transforms_warning": gives(None),
                    "get_image_backend": gives("PIL"), "set_image_backend": gives(None)},
    "torchvision.version": {"__version__": "0.28.0+minidl", "cuda": None, "git_version": ""},
}
"""The names by module. A name that minidl has is minidl's."""

# ---------------------------------------------------------------------- modules that lie elsewhere

MODULES = {
    "torch.utils.hooks": "minidl.autograd.handles",
    "torch.utils._pytree": "minidl.utils._pytree",
    "torch.utils.data._utils.collate": "minidl.utils.data.collate",
}
"""PyTorch's modules that are modules of minidl of another path."""

MERGED = {"torch.nn.modules": "nn", **{
    f"torch.distributions.{path}": "distributions distributions.relaxed" for path in """
    chi2 continuous_bernoulli dirichlet fishersnedecor generalized_pareto geometric gumbel half_cauchy half_normal
    inverse_gamma kumaraswamy laplace lkj_cholesky log_normal logistic_normal lowrank_multivariate_normal multinomial
    negative_binomial one_hot_categorical poisson relaxed_bernoulli relaxed_categorical weibull""".split()},
    **{f"torch.nn.modules.{path}": names for path, names in {
    "activation": "nn.activation nn.attention", "adaptive": "nn.loss.adaptive", "batchnorm": "nn.norm nn.lazy",
    "channelshuffle": "nn.pixel", "container": "nn.module.container", "conv": "nn.conv nn.lazy",
    "distance": "nn.similarity", "dropout": "nn.dropout", "flatten": "nn.flatten", "fold": "nn.unfold",
    "instancenorm": "nn.norm nn.lazy", "lazy": "nn.lazy", "linear": "nn.linear nn.lazy",
    "loss": "nn.loss nn.loss.losses nn.loss.margin", "normalization": "nn.norm nn.local_response_norm",
    "padding": "nn.padding", "pixelshuffle": "nn.pixel", "pooling": "nn.pool nn.pool.windows nn.pool.unpool nn.pool.lp",
    "rnn": "nn.rnn nn.rnn_cell", "sparse": "nn.embedding", "transformer": "nn.transformer", "upsampling": "nn.resize",
}.items()},
    **{f"torchvision.datasets.{path}": f"vision.datasets.labelled.{file}" for file, paths in {
    "classfolders": "country211 eurosat gtsrb imagenette rendered_sst2",
    "listed": "clevr dtd fgvc_aircraft flowers102 food101 stanford_cars sun397",
    **{name: name for name in "fer2013 inaturalist kitti oxford_iiit_pet pcam places365 widerface".split()},
}.items() for path in paths.split()}, "torchvision.datasets.moving_mnist": "vision.datasets.mnist"}
"""PyTorch's modules whose names are in other modules of minidl."""

KNOWN_BY_MODULE = {minidl.Tensor: "torch", nn.Parameter: "torch.nn.parameter"}
"""Classes that libraries know by the module in which PyTorch has them: tensorboardX and opt_einsum do."""

_LATER = {"torch.hub"}      # takes long to load


def names(path: str) -> dict[str, Any]:
    """The aliases of a module."""
    found: dict[str, Any] = {}
    for part in MERGED.get(path, "").split():
        module = importlib.import_module(f"minidl.{part}")
        found.update({name: value for name, value in vars(module).items() if not name.startswith("__")})
    return {**found, **NAMES.get(path, {})}


def has_module(path: str) -> bool:
    """Whether a module is made of aliases."""
    return path in NAMES or path in MERGED or bool(modules_in(path))


def modules_in(path: str) -> list[str]:
    """The modules inside another that have aliases, or are made of them."""
    return [name for name in sorted({*NAMES, *MERGED, *MODULES} - _LATER) if name.startswith(f"{path}.")]
