"""Where objects may be, without having learned any: regions of an image, and boxes around them."""
from minidl.vision.proposals.graph_segmentation import graph_segmentation
from minidl.vision.proposals.objectness import objectness
from minidl.vision.proposals.selective_search import selective_search

__all__ = ["graph_segmentation", "objectness", "selective_search"]
