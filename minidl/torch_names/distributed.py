"""What `torch.distributed` has besides `minidl.distributed`: shards of tensors, stores and calls between processes."""
from __future__ import annotations

from typing import Any

from minidl.torch_names.refusals import all_give, all_refused

NOT_SHARDED = "minidl.distributed has whole tensors: DistributedDataParallel and ZeroRedundancyOptimizer"
PATH = "torch.distributed"

_DEVICE_MESH = all_refused(PATH, NOT_SHARDED, "DeviceMesh", "init_device_mesh")
_WHOLE = {
    **all_give(False, """is_gloo_available is_ucc_available is_xccl_available
        is_torchelastic_launched"""),
    **all_refused(PATH, NOT_SHARDED, "Backend Store TCPStore FileStore HashStore PrefixStore", ""), **_DEVICE_MESH,
}
_FSDP = all_refused(
    f"{PATH}.fsdp", NOT_SHARDED, """FullyShardedDataParallel MixedPrecision CPUOffload ShardingStrategy FSDPModule
    BackwardPrefetch CPUOffloadPolicy OffloadPolicy MixedPrecisionPolicy StateDictType FullStateDictConfig
    FullOptimStateDictConfig ShardedStateDictConfig ShardedOptimStateDictConfig OptimStateKeyType""",
    "fully_shard register_fsdp_forward_method")
_TENSOR = all_refused(f"{PATH}.tensor", NOT_SHARDED, "DTensor Placement Replicate Shard Partial",
                      "distribute_tensor distribute_module")

NAMES: dict[str, dict[str, Any]] = {
    PATH: _WHOLE, f"{PATH}.distributed_c10d": _WHOLE, f"{PATH}.device_mesh": _DEVICE_MESH,
    f"{PATH}.optim": all_refused(f"{PATH}.optim", NOT_SHARDED,
                                 "DistributedOptimizer PostLocalSGDOptimizer"),
    f"{PATH}.fsdp": _FSDP, f"{PATH}.fsdp.fully_sharded_data_parallel": _FSDP, f"{PATH}.fsdp.api": _FSDP,
    f"{PATH}._composable.fsdp": _FSDP,
    f"{PATH}.fsdp.wrap": all_refused(f"{PATH}.fsdp.wrap", NOT_SHARDED, "ModuleWrapPolicy",
                                     "enable_wrap wrap size_based_auto_wrap_policy transformer_auto_wrap_policy"),
    f"{PATH}.fsdp.sharded_grad_scaler": all_refused(f"{PATH}.fsdp", NOT_SHARDED, "ShardedGradScaler"),
    f"{PATH}.tensor": _TENSOR, f"{PATH}._tensor": _TENSOR,
    f"{PATH}.tensor.placement_types": all_refused(f"{PATH}.tensor", NOT_SHARDED, "Placement Replicate Shard Partial"),
    f"{PATH}.checkpoint.state_dict": all_refused(
        f"{PATH}.checkpoint", NOT_SHARDED, "StateDictOptions", """get_model_state_dict get_optimizer_state_dict
        set_model_state_dict set_optimizer_state_dict get_state_dict set_state_dict"""),
    f"{PATH}.rpc": all_refused(f"{PATH}.rpc", NOT_SHARDED, "RRef",
                               "init_rpc shutdown rpc_sync rpc_async remote get_worker_info"),
    f"{PATH}.nn.functional": all_refused(f"{PATH}.nn", NOT_SHARDED, "", "all_gather all_reduce reduce_scatter"),
    "torch.nn.parallel.scatter_gather": all_refused("torch.nn.parallel.scatter_gather", NOT_SHARDED, "",
                                                    "gather scatter scatter_kwargs"),
}
"""The names by module."""
