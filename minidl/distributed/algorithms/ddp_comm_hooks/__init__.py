"""Functions that send the gradients of `DistributedDataParallel`: see its `register_comm_hook`."""
from minidl.distributed.algorithms.ddp_comm_hooks import default_hooks

__all__ = ["default_hooks"]
