"""Around training: loading data."""
from minidl.utils import data

__all__ = ["data"]
