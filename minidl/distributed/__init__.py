"""Several processes that train one model: groups of them, and what they do together with tensors.

    >>> import minidl, minidl.distributed as dist
    >>> dist.init_process_group()           # alone, without a launcher
    >>> x = minidl.tensor([1.0, 2.0])
    >>> dist.all_reduce(x)                  # the sum over all ranks
    >>> x
    tensor([1., 2.])
    >>> dist.destroy_process_group()

`python -m minidl.distributed.run --nproc-per-node 2 PROGRAM` starts two processes of a program, which find each other
by `init_process_group()`; they need `pip install 'minidl[mpi]'`. `nn.parallel.DistributedDataParallel` gives each a
part of the batch. docs/distributed.md begins with a program.

Names, order of arguments and meaning are PyTorch's. Numbers travel by MPI, those of a GPU through the host or by NCCL.
"""
from minidl import left_out
from minidl.distributed import algorithms, functional
from minidl.distributed.coalesced import all_reduce_coalesced
from minidl.distributed.collectives import (
    P2POp,
    ReduceOp,
    Work,
    all_gather,
    all_gather_into_tensor,
    all_reduce,
    all_to_all,
    all_to_all_single,
    barrier,
    batch_isend_irecv,
    broadcast,
    gather,
    irecv,
    isend,
    monitored_barrier,
    recv,
    reduce,
    reduce_scatter,
    reduce_scatter_tensor,
    scatter,
    send,
)
from minidl.distributed.groups import (
    GroupMember,
    ProcessGroup,
    destroy_process_group,
    get_backend,
    get_global_rank,
    get_group_rank,
    get_node_local_rank,
    get_process_group_ranks,
    get_rank,
    get_world_size,
    group,
    init_process_group,
    is_available,
    is_backend_available,
    is_initialized,
    is_mpi_available,
    is_nccl_available,
    new_group,
    new_subgroups,
    new_subgroups_by_enumeration,
)
from minidl.distributed.objects import (
    all_gather_object,
    broadcast_object_list,
    gather_object,
    recv_object_list,
    scatter_object_list,
    send_object_list,
)

__all__ = [
    "GroupMember", "P2POp", "ProcessGroup", "ReduceOp", "Work", "algorithms", "all_gather", "all_gather_into_tensor",
    "all_gather_object", "all_reduce", "all_reduce_coalesced", "all_to_all", "all_to_all_single", "barrier",
    "batch_isend_irecv", "broadcast", "broadcast_object_list", "destroy_process_group", "functional", "gather",
    "gather_object", "get_backend", "get_global_rank", "get_group_rank", "get_node_local_rank",
    "get_process_group_ranks", "get_rank", "get_world_size", "group", "init_process_group", "irecv", "is_available",
    "is_backend_available", "is_initialized", "is_mpi_available", "is_nccl_available", "isend", "monitored_barrier",
    "new_group", "new_subgroups", "new_subgroups_by_enumeration", "recv", "recv_object_list", "reduce",
    "reduce_scatter", "reduce_scatter_tensor", "scatter", "scatter_object_list", "send", "send_object_list",
]

left_out.explain(globals(), __name__)
