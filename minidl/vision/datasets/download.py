"""Where downloads are done: `minidl.utils.download`."""
from minidl.utils.download import download, extract_archive, mismatch

__all__ = ["download", "extract_archive", "mismatch"]
