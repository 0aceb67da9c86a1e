"""CuPy as an array library, and bodies for its arrays: the same words as in `kernels/`.

Imported when a CUDA device is first asked for, since it imports CuPy. The text of kernels stands in `kernels/*.cu`.
"""
