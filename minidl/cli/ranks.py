"""Several processes of one program: rank 0 alone speaks, draws and writes."""
from __future__ import annotations

import argparse
import os
import sys

import minidl.distributed as dist


def join(args: argparse.Namespace) -> None:
    """Find the other processes, if a launcher has started several; all but rank 0 fall silent."""
    if dist.is_available() and not dist.is_initialized():
        dist.init_process_group()
    if not is_first():
        sys.stdout = open(os.devnull, "w", encoding="utf-8")
        vars(args).update({name: None for name in ("plot", "save") if name in args})


def is_first() -> bool:
    """Whether this process is rank 0, or the only one."""
    return not dist.is_initialized() or dist.get_rank() == 0


def leave_unless_first() -> None:
    """End this process, unless it is rank 0, which does the rest alone."""
    if not is_first():
        sys.exit()
