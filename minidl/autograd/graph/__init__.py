"""The recorded graph: pictures of it, its nodes, and hooks on the values that it keeps."""
from minidl import left_out
from minidl.autograd.graph.boxes import Drawing
from minidl.autograd.graph.drawn import draw, explain, tree, watch
from minidl.autograd.graph.nodes import GradientEdge, Node, get_gradient_edge, increment_version
from minidl.autograd.graph.saved import disable_saved_tensors_hooks, save_on_cpu, saved_tensors_hooks

__all__ = [
    "Drawing", "GradientEdge", "Node", "disable_saved_tensors_hooks", "draw", "explain", "get_gradient_edge",
    "increment_version", "save_on_cpu", "saved_tensors_hooks", "tree", "watch",
]

left_out.explain(globals(), __name__)
