"""`torch.distributed` and what is inside it: one process, which is rank 0 of 1."""
from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from minidl.torch_names.refusals import all_give, all_refused, gives, refused

ONE_PROCESS = "minidl trains in one process, on one device at a time"
PATH = "torch.distributed"

DDP = refused("torch.nn.parallel.DistributedDataParallel", ONE_PROCESS)

_DEVICE_MESH = all_refused(PATH, ONE_PROCESS, "DeviceMesh", "init_device_mesh")
_WHOLE = {
    **all_give(False, """is_available is_initialized is_nccl_available is_gloo_available is_mpi_available
        is_ucc_available is_xccl_available is_torchelastic_launched"""),
    "get_rank": gives(0), "get_world_size": gives(1), "barrier": gives(None), "destroy_process_group": gives(None),
    "ReduceOp": SimpleNamespace(SUM="sum", PRODUCT="product", MIN="min", MAX="max", AVG="avg"),
    "group": SimpleNamespace(WORLD=None), "GroupMember": SimpleNamespace(WORLD=None, NON_GROUP_MEMBER=-1),
    **all_refused(PATH, ONE_PROCESS, "Backend P2POp ProcessGroup Store TCPStore FileStore HashStore PrefixStore Work",
                  """init_process_group all_gather all_reduce broadcast reduce scatter gather all_gather_object
                  broadcast_object_list new_group send recv isend irecv all_to_all all_to_all_single reduce_scatter
                  get_backend all_gather_into_tensor reduce_scatter_tensor gather_object scatter_object_list
                  monitored_barrier batch_isend_irecv get_process_group_ranks get_global_rank"""), **_DEVICE_MESH,
}
_FSDP = all_refused(
    f"{PATH}.fsdp", ONE_PROCESS, """FullyShardedDataParallel MixedPrecision CPUOffload ShardingStrategy FSDPModule
    BackwardPrefetch CPUOffloadPolicy OffloadPolicy MixedPrecisionPolicy StateDictType FullStateDictConfig
    FullOptimStateDictConfig ShardedStateDictConfig ShardedOptimStateDictConfig OptimStateKeyType""",
    "fully_shard register_fsdp_forward_method")
_TENSOR = all_refused(f"{PATH}.tensor", ONE_PROCESS, "DTensor Placement Replicate Shard Partial",
                      "distribute_tensor distribute_module")

NAMES: dict[str, dict[str, Any]] = {
    PATH: _WHOLE, f"{PATH}.distributed_c10d": _WHOLE, f"{PATH}.device_mesh": _DEVICE_MESH,
    f"{PATH}.optim": all_refused(f"{PATH}.optim", ONE_PROCESS,
                                 "ZeroRedundancyOptimizer DistributedOptimizer PostLocalSGDOptimizer"),
    f"{PATH}.fsdp": _FSDP, f"{PATH}.fsdp.fully_sharded_data_parallel": _FSDP, f"{PATH}.fsdp.api": _FSDP,
    f"{PATH}._composable.fsdp": _FSDP,
    f"{PATH}.fsdp.wrap": all_refused(f"{PATH}.fsdp.wrap", ONE_PROCESS, "ModuleWrapPolicy",
                                     "enable_wrap wrap size_based_auto_wrap_policy transformer_auto_wrap_policy"),
    f"{PATH}.fsdp.sharded_grad_scaler": all_refused(f"{PATH}.fsdp", ONE_PROCESS, "ShardedGradScaler"),
    f"{PATH}.tensor": _TENSOR, f"{PATH}._tensor": _TENSOR,
    f"{PATH}.tensor.placement_types": all_refused(f"{PATH}.tensor", ONE_PROCESS, "Placement Replicate Shard Partial"),
    f"{PATH}.algorithms.join": all_refused(f"{PATH}.algorithms", ONE_PROCESS, "Join Joinable JoinHook"),
    f"{PATH}.checkpoint.state_dict": all_refused(
        f"{PATH}.checkpoint", ONE_PROCESS, "StateDictOptions", """get_model_state_dict get_optimizer_state_dict
        set_model_state_dict set_optimizer_state_dict get_state_dict set_state_dict"""),
    f"{PATH}.rpc": all_refused(f"{PATH}.rpc", ONE_PROCESS, "RRef",
                               "init_rpc shutdown rpc_sync rpc_async remote get_worker_info"),
    f"{PATH}.nn.functional": all_refused(f"{PATH}.nn", ONE_PROCESS, "", "all_gather all_reduce reduce_scatter"),
    "torch.nn.parallel": {"DistributedDataParallel": DDP},
    "torch.nn.parallel.distributed": {"DistributedDataParallel": DDP},
    "torch.nn.parallel.scatter_gather": all_refused("torch.nn.parallel.scatter_gather", ONE_PROCESS, "",
                                                    "gather scatter scatter_kwargs"),
}
"""The names by module."""
