"""A module in several processes, or on several devices."""
from minidl import left_out
from minidl.nn.parallel.data_parallel import DataParallel, data_parallel
from minidl.nn.parallel.distributed import DistributedDataParallel

__all__ = ["DataParallel", "DistributedDataParallel", "data_parallel"]

left_out.explain(globals(), __name__)
