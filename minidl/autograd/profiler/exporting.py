"""What becomes of a profile: files for TensorBoard, and what other programs than ours would record."""
from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minidl.autograd.profiler.recording import ProfilerActivity, profile
from minidl.backend.warn import warn


def tensorboard_trace_handler(dir_name: str | os.PathLike[str], worker_name: str | None = None,
                              use_gzip: bool = False) -> Callable[[profile], None]:
    """For `profile(on_trace_ready=...)`: write each trace into a folder, where TensorBoard's profiler finds it.

    The folder is made if it is missing. The files are called WORKER.TIME.pt.trace.json, and end in .gz with `use_gzip`.
    """
    def handle(prof: profile) -> None:
        folder = Path(dir_name)
        folder.mkdir(parents=True, exist_ok=True)
        worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"
        prof.export_chrome_trace(folder / f"{worker}.{time.time_ns()}.pt.trace.json{'.gz' * use_gzip}")
    return handle


class emit_nvtx:
    """PyTorch's marks for NVIDIA's profiler: nothing is marked here, and a warning says so."""

    def __init__(self, enabled: bool = True, record_shapes: bool = False) -> None:
        self.enabled, self.record_shapes = enabled, record_shapes

    def __enter__(self) -> emit_nvtx:
        if self.enabled:
            warn(f"{type(self).__name__} marks nothing here; profile() records the ops, and export_chrome_trace() "
                 f"writes them to a file.")
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Nothing was begun."""


class emit_itt(emit_nvtx):
    """PyTorch's marks for Intel's profiler: nothing is marked here, and a warning says so."""


def kineto_available() -> bool:
    """False: PyTorch's recorder of the device is not used."""
    return False


def supported_activities() -> set[Any]:
    """The kinds of records; a GPU's are among them where there is one, since the profile waits for it."""
    return {ProfilerActivity.CPU}
