"""The user's class Tensor: its methods, its creation, its printed form."""
from minidl.tensors import sparse_printing as sparse_printing  # sparse tensors print from here on
