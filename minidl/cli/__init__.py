"""The command `minidl`, or `python -m minidl`, and what the examples share with it."""
from minidl.cli.main import main

__all__ = ["main"]
