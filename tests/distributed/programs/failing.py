"""One rank ends in the way that is asked for, while the others wait for it."""
import os
import signal
import sys
import time
from datetime import timedelta

import minidl
import minidl.distributed as dist

how = sys.argv[1]
if how == "early":
    if os.environ.get("PMI_RANK") == "1":
        raise ValueError("the cause")
    time.sleep(60)
dist.init_process_group()
if how == "another":
    dist.all_reduce(minidl.zeros(2, dtype=(minidl.float32, minidl.float64)[dist.get_rank()]))
if dist.get_rank() == 1:
    if how == "raise":
        raise ValueError("the cause")
    if how == "exit":
        sys.exit(3)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "late":
        time.sleep(60)
if how == "late":
    dist.monitored_barrier(timeout=timedelta(seconds=0.5))
dist.barrier()
