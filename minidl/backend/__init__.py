"""Arrays and kernels: NumPy, CuPy. Nothing here has heard of a Tensor."""
# isort: off
from minidl.backend import process  # noqa: F401  (first: it sets up NumPy's BLAS before NumPy is loaded)
from minidl.backend import cpu  # noqa: F401  (registers the faster bodies of kernels)
