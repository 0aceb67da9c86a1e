"""Saving and loading, also files of PyTorch, safetensors and NumPy."""
from minidl.serialization import safetensors
from minidl.serialization.files import LoadError, Refused
from minidl.serialization.interface import load, save
from minidl.serialization.safe_globals import add_safe_globals, clear_safe_globals, get_safe_globals, safe_globals

__all__ = [
    "LoadError", "Refused", "add_safe_globals", "clear_safe_globals", "get_safe_globals", "load", "safe_globals",
    "safetensors", "save",
]
