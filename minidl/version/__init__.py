"""The version, and under PyTorch's names what minidl was built with, which programs print. Nothing is compiled."""
number = "0.1.0"

cuda = None
hip = None
rocm = None
xpu = None
debug = False

__all__ = ["cuda", "debug", "hip", "number", "rocm", "xpu"]
