"""Arrays and kernels: NumPy, CuPy. Nothing here has heard of a Tensor."""
from minidl.backend import cpu  # noqa: F401  (registers the faster bodies of kernels)
