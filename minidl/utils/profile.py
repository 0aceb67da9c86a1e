"""The profiler of `minidl.autograd.profiler`, among the tools."""
from minidl.autograd.profiler import Average, Averages, Event, ModuleAverage, ProfilerActivity, profile, record_function

__all__ = ["Average", "Averages", "Event", "ModuleAverage", "ProfilerActivity", "profile", "record_function"]
