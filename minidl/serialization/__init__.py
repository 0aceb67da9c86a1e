"""Saving and loading, also files of PyTorch, safetensors and NumPy."""
from minidl.serialization import safetensors
from minidl.serialization.files import LoadError, Refused
from minidl.serialization.interface import load, save

__all__ = ["LoadError", "Refused", "load", "safetensors", "save"]
