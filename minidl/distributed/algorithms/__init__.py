"""Ways to train on several ranks: inputs of different length, gradients sent by a function of one's own."""
from minidl import left_out
from minidl.distributed.algorithms import ddp_comm_hooks
from minidl.distributed.algorithms.join import Join, Joinable, JoinHook

__all__ = ["Join", "JoinHook", "Joinable", "ddp_comm_hooks"]

left_out.explain(globals(), __name__)
