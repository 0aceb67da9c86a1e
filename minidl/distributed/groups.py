"""Groups of processes: who there is, and which of them I am.

    import minidl.distributed as dist
    dist.init_process_group()           # alone, or one of those that `python -m minidl.distributed.run` has started
    dist.get_rank(), dist.get_world_size()
"""
from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from minidl.distributed.engines import MPI, Single, is_launched, world
from minidl.distributed.nccl import Nccl, module

BACKENDS = ("mpi", "gloo", "nccl", "single")
TIMEOUT = timedelta(minutes=30)


class ProcessGroup:
    """Some of the processes of a run. `ranks`: their numbers in the whole run, in order."""

    def __init__(self, engine: Single | MPI, ranks: Sequence[int]) -> None:
        self.engine, self.ranks, self.destroyed = engine, list(ranks), False

    def rank(self) -> int:
        """The number of this process in the group."""
        return self.engine.rank

    def size(self) -> int:
        """How many processes the group has."""
        return self.engine.size

    def name(self) -> str:
        """What moves the numbers: 'mpi', 'nccl' (those of GPUs; others by MPI) or 'single'."""
        return str((self.engine.devices or self.engine).name)

    def __repr__(self) -> str:
        return f"ProcessGroup({self.name()}, ranks={self.ranks})"


class GroupMember:
    """Names for whether this process belongs to a group, as in PyTorch."""

    WORLD: ProcessGroup | None = None
    NON_GROUP_MEMBER = object()


group = GroupMember


def is_available() -> bool:
    """Whether a launcher has started this process, perhaps beside others.

    Without one, `init_process_group` works all the same, for one process. But libraries that hear True ask for all
    that PyTorch has for many.
    """
    return is_launched()


def is_initialized() -> bool:
    """Whether `init_process_group` was called."""
    return GroupMember.WORLD is not None


def init_process_group(backend: str | None = None, init_method: str | None = None, timeout: timedelta | None = None,
                       world_size: int = -1, rank: int = -1, store: Any = None, group_name: str = "",
                       pg_options: Any = None, device_id: Any = None) -> None:
    """Find the other processes of this run.

    They are those that `python -m minidl.distributed.run` or `mpiexec` has started; without a launcher there is one
    process, and all below works with it. backend: any of PyTorch's; arrays travel by MPI, those of a GPU through the
    host, or by NCCL for "nccl", where CuPy has it and a GPU is there. `world_size` and `rank` are checked, if they are
    given. The environment gets PyTorch's RANK, WORLD_SIZE, LOCAL_RANK and LOCAL_WORLD_SIZE. An exception in one process
    ends all of them.
    Errors: RuntimeError if called twice, or where PyTorch's launcher was used; ValueError for other numbers than those
    of the run, or an unknown backend.

        >>> import minidl.distributed as dist
        >>> dist.init_process_group()
        >>> dist.get_rank(), dist.get_world_size(), dist.get_backend()
        (0, 1, 'single')
        >>> dist.destroy_process_group()
    """
    if is_initialized():
        raise RuntimeError("init_process_group: trying to initialize the default process group twice!")
    if backend is not None and not set(str(backend).replace("cpu:", "").replace("cuda:", "").split(",")) <= {*BACKENDS}:
        raise ValueError(f"init_process_group: backend expects one of {', '.join(BACKENDS)} or None, got {backend!r}")
    if not is_launched() and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise RuntimeError(f"init_process_group: WORLD_SIZE is {os.environ['WORLD_SIZE']}, but no launcher of MPI has "
                           f"started this process; try python -m minidl.distributed.run --nproc-per-node "
                           f"{os.environ['WORLD_SIZE']} PROGRAM")
    engine = world()
    for name, given, found in (("world_size", world_size, engine.size), ("rank", rank, engine.rank)):
        if given not in (-1, found):
            raise ValueError(f"init_process_group: {name} is {found} in this run, but got {given}; start as many "
                             f"processes by python -m minidl.distributed.run --nproc-per-node {max(world_size, 1)}")
    local, beside = (next((os.environ[name] for name in names if name in os.environ), str(other)) for names, other in [
        (("MPI_LOCALRANKID", "OMPI_COMM_WORLD_LOCAL_RANK"), engine.rank),
        (("MPI_LOCALNRANKS", "OMPI_COMM_WORLD_LOCAL_SIZE"), engine.size)])
    os.environ.update(RANK=str(engine.rank), WORLD_SIZE=str(engine.size), LOCAL_RANK=local, LOCAL_WORLD_SIZE=beside)
    wants = "nccl" in str(backend) and engine.size > 1 and is_nccl_available()
    engine.devices = Nccl(engine) if wants else None
    GroupMember.WORLD = ProcessGroup(engine, range(engine.size))


def destroy_process_group(group: ProcessGroup | None = None) -> None:
    """Forget a group; without one, the whole run. Errors: as `get_rank`."""
    found = _found(group)
    found.destroyed = True
    if found is GroupMember.WORLD:
        GroupMember.WORLD = None


def _found(group: Any) -> ProcessGroup:
    """The group, or that of all processes.

    Errors: ValueError before `init_process_group`, or after the group's end; RuntimeError where this process does not
    belong to it.
    """
    group = GroupMember.WORLD if group is None else group
    if group is None:
        raise ValueError("Default process group has not been initialized, please make sure to call init_process_group.")
    if not isinstance(group, ProcessGroup):
        raise RuntimeError("this process does not belong to the group; ask get_rank(group) != -1 first")
    if group.destroyed or GroupMember.WORLD is None:
        raise ValueError(f"Invalid process group specified: {group} was destroyed; make another by new_group")
    return group


def new_group(ranks: Sequence[int] | None = None, timeout: timedelta | None = None, backend: str | None = None,
              pg_options: Any = None, use_local_synchronization: bool = False, group_desc: str | None = None) -> Any:
    """The group of some ranks, which all processes ask for in the same order.

    A process that is not among them gets `GroupMember.NON_GROUP_MEMBER`. Errors: as `get_rank`; ValueError for ranks
    that are not there, or are named twice.

        >>> import minidl.distributed as dist
        >>> dist.init_process_group()
        >>> dist.new_group([0])
        ProcessGroup(single, ranks=[0])
        >>> dist.destroy_process_group()
    """
    whole = _found(None)
    ranks = whole.ranks if ranks is None else sorted(ranks)
    if not ranks or len(set(ranks)) < len(ranks) or not set(ranks) <= set(whole.ranks):
        raise ValueError(f"new_group: expected different ranks from 0 to {whole.size() - 1}, got {list(ranks)}")
    engine = whole.engine.part(ranks)
    if engine is None:
        return GroupMember.NON_GROUP_MEMBER
    engine.devices = whole.engine.devices and Nccl(engine)
    return ProcessGroup(engine, ranks)


def new_subgroups(group_size: int | None = None, group: Any = None, timeout: timedelta | None = None,
                  backend: str | None = None, pg_options: Any = None,
                  group_desc: str | None = None) -> tuple[Any, list[ProcessGroup]]:
    """Groups of `group_size` ranks that follow each other: the one that this process belongs to, and all of its own.

    group_size: by default, the processes of one machine, which begin with LOCAL_RANK 0. Errors: ValueError unless it
    divides the number of processes.

        >>> import minidl.distributed as dist
        >>> dist.init_process_group()
        >>> dist.new_subgroups(1)
        (ProcessGroup(single, ranks=[0]), [ProcessGroup(single, ranks=[0])])
        >>> dist.destroy_process_group()
    """
    size = _found(group).size()
    each = int(os.environ.get("LOCAL_WORLD_SIZE", size)) if group_size is None else group_size
    if each < 1 or size % each:
        raise ValueError(f"new_subgroups: group_size expects a divisor of {size}, got {each}")
    return new_subgroups_by_enumeration([list(range(start, start + each)) for start in range(0, size, each)])


def new_subgroups_by_enumeration(ranks_per_subgroup_list: Sequence[Sequence[int]], timeout: timedelta | None = None,
                                 backend: str | None = None, pg_options: Any = None,
                                 group_desc: str | None = None) -> tuple[Any, list[ProcessGroup]]:
    """A group for each list of ranks, none of which is in two: that of this process, or None, and all of its own.

    Errors: ValueError for a rank in two lists, or without lists.
    """
    everybody = [rank for ranks in ranks_per_subgroup_list for rank in ranks]
    if not everybody or len(set(everybody)) < len(everybody):
        raise ValueError(f"new_subgroups_by_enumeration: expected lists of different ranks, got "
                         f"{[list(ranks) for ranks in ranks_per_subgroup_list]}")
    groups = [new_group(ranks) for ranks in ranks_per_subgroup_list]
    mine = [found for found in groups if isinstance(found, ProcessGroup)]
    return (mine[0] if mine else None), mine


def is_mpi_available() -> bool:
    """Whether mpi4py is installed."""
    return importlib.util.find_spec("mpi4py") is not None


def is_nccl_available() -> bool:
    """Whether CuPy has NCCL, and there is a GPU."""
    return module() is not None


def is_backend_available(backend: str) -> bool:
    """Whether `init_process_group` takes this name."""
    return backend.lower() in BACKENDS


def get_rank(group: Any = None) -> int:
    """The number of this process in a group, or among all; -1 where it does not belong to the group.

    Errors: ValueError before `init_process_group`.
    """
    return -1 if group is GroupMember.NON_GROUP_MEMBER else _found(group).rank()


def get_world_size(group: Any = None) -> int:
    """How many processes a group has, or all; -1 where this one does not belong to it. Errors: as `get_rank`."""
    return -1 if group is GroupMember.NON_GROUP_MEMBER else _found(group).size()


def get_backend(group: Any = None) -> str:
    """What moves the numbers of a group: 'mpi' or 'single'. Errors: as `get_rank`."""
    return _found(group).name()


def get_process_group_ranks(group: Any = None) -> list[int]:
    """The ranks of a group among all processes. Errors: as `get_rank`."""
    return list(_found(group).ranks)


def get_global_rank(group: ProcessGroup, group_rank: int) -> int:
    """The rank among all of a group's rank. Errors: ValueError for a rank that is not there."""
    if not 0 <= group_rank < group.size():
        raise ValueError(f"get_global_rank: expected a rank from 0 to {group.size() - 1}, got {group_rank}")
    return group.ranks[group_rank]


def get_group_rank(group: ProcessGroup, global_rank: int) -> int:
    """The rank in a group of a rank among all. Errors: ValueError where it does not belong to the group."""
    if global_rank not in group.ranks:
        raise ValueError(f"Global rank {global_rank} is not part of group {group}")
    return group.ranks.index(global_rank)


def get_node_local_rank(fallback_rank: int | None = None) -> int:
    """The number of this process among those of its machine; `fallback_rank` where no launcher has said it.

    Errors: RuntimeError where nobody has.
    """
    if "LOCAL_RANK" in os.environ:
        return int(os.environ["LOCAL_RANK"])
    if fallback_rank is None:
        raise RuntimeError("LOCAL_RANK is not in the environment. Consider passing fallback_rank")
    return fallback_rank
