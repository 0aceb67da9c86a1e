"""Tools for training: loading data, saving memory, and looking inside."""
from minidl import left_out
from minidl.utils import checkpoint, data, dlpack
from minidl.utils.compare import compare
from minidl.utils.module_graph import draw_modules
from minidl.utils.profile import profile
from minidl.utils.summary import summary

__all__ = ["checkpoint", "compare", "data", "dlpack", "draw_modules", "profile", "summary"]

left_out.explain(globals(), __name__)
