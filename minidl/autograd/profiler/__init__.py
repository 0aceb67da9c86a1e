"""A profiler: what takes the time and the memory of a program; see `profile`."""
from minidl import left_out
from minidl.autograd.profiler.events import Average, Averages, Event, ModuleAverage
from minidl.autograd.profiler.exporting import (
    emit_itt,
    emit_nvtx,
    kineto_available,
    supported_activities,
    tensorboard_trace_handler,
)
from minidl.autograd.profiler.recording import ProfilerActivity, profile, record_function
from minidl.autograd.profiler.schedules import ProfilerAction, schedule

EventList, FunctionEvent, FunctionEventAvg = Averages, Event, Average

__all__ = [
    "Average", "Averages", "Event", "EventList", "FunctionEvent", "FunctionEventAvg", "ModuleAverage", "ProfilerAction",
    "ProfilerActivity", "emit_itt", "emit_nvtx", "kineto_available", "profile", "record_function", "schedule",
    "supported_activities", "tensorboard_trace_handler",
]

left_out.explain(globals(), __name__)
