"""The profiler under the names of `torch.profiler`; see `minidl.utils.profile`."""
from minidl.utils.profile import ProfilerActivity, profile, record_function

__all__ = ["ProfilerActivity", "profile", "record_function"]
