"""The profiler under the names of `torch.profiler`; see `minidl.autograd.profiler`."""
from minidl import left_out
from minidl.autograd.profiler import (
    ProfilerAction,
    ProfilerActivity,
    kineto_available,
    profile,
    record_function,
    schedule,
    supported_activities,
    tensorboard_trace_handler,
)

__all__ = [
    "ProfilerAction", "ProfilerActivity", "kineto_available", "profile", "record_function", "schedule",
    "supported_activities", "tensorboard_trace_handler",
]

left_out.explain(globals(), __name__)
