"""Images with boxes, in the layouts of PASCAL VOC, COCO and YOLO: read, checked, and written in any other."""
from minidl.vision.datasets.boxed.folder import BoxedImages

__all__ = ["BoxedImages"]
