"""What ranks tell each other besides tensors: any object that can be pickled, which other ranks of the run may be sent.

    names = [None] * dist.get_world_size()
    dist.all_gather_object(names, "rank %d" % dist.get_rank())
"""
from __future__ import annotations

import pickle
from typing import Any

import numpy as np

from minidl.backend.dtype import uint8
from minidl.distributed.collectives import _root, recv, send
from minidl.distributed.groups import _found
from minidl.tensors.creation import as_tensor, tensor, zeros


def all_gather_object(object_list: list[Any], obj: Any, group: Any = None) -> None:
    """Write `obj` of rank i into object_list[i] of all ranks. Errors: ValueError for a list of another length.

        >>> import minidl.distributed as dist
        >>> dist.init_process_group()
        >>> found = [None]
        >>> dist.all_gather_object(found, {"rank": 0})
        >>> found
        [{'rank': 0}]
        >>> dist.destroy_process_group()
    """
    engine = _found(group).engine
    if len(object_list) != engine.size:
        raise ValueError(f"all_gather_object: object_list expects {engine.size} places, got {len(object_list)}")
    object_list[:] = engine.objects(obj)


def gather_object(obj: Any, object_gather_list: list[Any] | None = None, dst: int | None = None, group: Any = None,
                  group_dst: int | None = None) -> None:
    """As `all_gather_object`, for rank `dst` (0 by default) alone; the others have no list."""
    engine = _found(group).engine
    to = _root(group, "gather_object", 0 if dst is None and group_dst is None else dst, group_dst, "dst")
    if (object_gather_list is not None) != (engine.rank == to):
        raise ValueError(f"gather_object: object_gather_list is for rank {to} alone, which must have it")
    found = engine.objects(obj)
    if object_gather_list is not None:
        object_gather_list[:] = found


def send_object_list(object_list: list[Any], dst: int | None = None, group: Any = None, device: Any = None,
                     group_dst: int | None = None) -> None:
    """Send objects to rank `dst`, who calls `recv_object_list`. Errors: RuntimeError where there is one process."""
    data = as_tensor(np.frombuffer(pickle.dumps(object_list), np.uint8).copy())
    send(tensor(data.numel()), dst, group, group_dst=group_dst)
    send(data, dst, group, group_dst=group_dst)


def recv_object_list(object_list: list[Any], src: int | None = None, group: Any = None, device: Any = None,
                     group_src: int | None = None) -> int:
    """Receive as many objects from rank `src`, or from anybody; returns who it was. They are pickled on the way."""
    size = tensor(0)
    source = recv(size, src, group, group_src=group_src)
    data = zeros(int(size.item()), dtype=uint8)
    recv(data, source, group)
    found = pickle.loads(data.numpy().tobytes())
    if len(found) != len(object_list):
        raise ValueError(f"recv_object_list: rank {source} sent {len(found)} objects, object_list has "
                         f"{len(object_list)} places")
    object_list[:] = found
    return source


def broadcast_object_list(object_list: list[Any], src: int | None = None, group: Any = None, device: Any = None,
                          group_src: int | None = None) -> None:
    """Make the objects of rank `src` those of all ranks. Errors: ValueError where lists are not of one length."""
    engine = _found(group).engine
    source = _root(group, "broadcast_object_list", 0 if src is None and group_src is None else src, group_src, "src")
    found = engine.object_from(object_list, source)
    if len(found) != len(object_list):
        raise ValueError(f"broadcast_object_list: rank {source} has {len(found)} objects, this one {len(object_list)}")
    object_list[:] = found


def scatter_object_list(scatter_object_output_list: list[Any], scatter_object_input_list: list[Any] | None = None,
                        src: int | None = None, group: Any = None, group_src: int | None = None) -> None:
    """Write object i of rank `src` into the first place of rank i's list."""
    engine = _found(group).engine
    source = _root(group, "scatter_object_list", 0 if src is None and group_src is None else src, group_src, "src")
    if engine.rank == source and len(scatter_object_input_list or []) != engine.size:
        raise ValueError(f"scatter_object_list: scatter_object_input_list expects {engine.size} objects, got "
                         f"{len(scatter_object_input_list or [])}")
    scatter_object_output_list[:1] = [(engine.object_from(scatter_object_input_list, source))[engine.rank]]
